#!/usr/bin/env bash
# A job with a map and a list in its state: killed and resumed, looked at, moved to another parallelism, edited.
set -euo pipefail

weir=$WEIR_BINARY_DIR/bin/weir
program=$WEIR_BINARY_DIR/tests/tool/collections_program
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'collections_test: %s\n' "$*" >&2
  exit 1
}
same() {
  [[ $2 == "$3" ]] || fail "$1: expected"$'\n'"$2"$'\n'"and found"$'\n'"$3"
}
has() {
  [[ $3 == *"$2"* ]] || fail "$1: expected something with \"$2\", and found"$'\n'"$3"
}
ask() { "$weir" sql "$1" "$2" --format csv | tail -n +2; }
records=8000
# What the state must be after so many numbers: the pages of every user, and the last three of them.
pages_after() {
  awk -v records="$1" 'BEGIN { for (n = 0; n < records; ++n) ++count["user" n % 8 ",page" n * 7 % 11]
    for (each in count) print each "," count[each] }' | LC_ALL=C sort
}
recent_after() {
  awk -v records="$1" 'BEGIN { for (n = records - 24; n < records; ++n) print "user" n % 8 "," n ",page" n * 7 % 11 }' |
    LC_ALL=C sort
}
check_state() { # what, store
  same "$1, pages" "$(pages_after $records)" "$(ask "$2" 'select key, entry, value from users_state_pages' | LC_ALL=C sort)"
  same "$1, recent" "$(recent_after $records)" "$(ask "$2" 'select key, at, page from users_state_recent' | LC_ALL=C sort)"
}

echo "== killed, and resumed at another parallelism"
kills=0
for parallelism in 1 2 3; do
  "$program" --records $records --rate 4000 --checkpoint-interval 20ms --parallelism $parallelism >log.txt 2>&1 &
  job=$!
  sleep 0.5
  kill -9 $job 2>/dev/null && kills=$((kills + 1))
  wait $job 2>/dev/null || true
done
((kills > 0)) || fail "the job was never killed: $(<log.txt)"
"$program" --records $records --checkpoint-interval 20ms --parallelism 2 --retain 8 >log.txt 2>&1 || fail "$(<log.txt)"
has "the last start" "resum" "$(<log.txt)"
check_state "after $kills kills" visits.weir
"$weir" verify visits.weir >verified.txt || fail "the store does not verify: $(<verified.txt)"

echo "== state, diff, export"
same "one key" "11" "$("$weir" state visits.weir users --table state.pages --key user3 --format json | wc -l)"
same "a list" '{"key":"user3","position":997,"at":7979,"page":"page6"}' \
  "$("$weir" state visits.weir users --table state.recent --key user3 --format json | LC_ALL=C sort | head -n 1)"
same "by position" "user3,997" "$(ask visits.weir "select key, min(position) from users_state_recent where key = 'user3'")"
oldest=$(ask visits.weir 'select min(id) from checkpoint_overview where restorable')
newest=$(ask visits.weir 'select max(id) from checkpoint_overview where restorable')
has "diff" "state.pages" "$("$weir" diff visits.weir "$oldest" "$newest" users 2>&1)"
"$weir" export visits.weir plain --as csv >/dev/null
same "exported" "$(pages_after $records)" "$(tail -n +2 plain/users_state_pages.csv | LC_ALL=C sort)"

echo "== a savepoint, edited and imported"
"$weir" savepoint visits.weir end.save >/dev/null
check_state "the savepoint" end.save
same "in order" "$(ask end.save 'select key, position from users_state_recent order by key, position')" \
  "$(ask end.save 'select key, position from users_state_recent' | LC_ALL=C sort -s -t, -k1,1)"
cp end.save edited.save
"$weir" sql edited.save --edit "delete from users_state_pages where entry <> 'page0';
  update users_state_pages set value = 100;
  delete from users_state_recent where position % 2 = 0;
  insert into users_state_recent values ('user9', 0, 1, 'new');
  delete from numbers_splits"
"$weir" verify edited.save >/dev/null || fail "the edited savepoint does not verify"
same "edited" "8,800" "$(ask edited.save 'select count(*), sum(value) from users_state_pages')"
"$program" --from edited.save --store again.weir --records 80 --parallelism 3 >log.txt 2>&1 || fail "$(<log.txt)"
same "counted on from what was edited" "880" \
  "$(ask again.weir 'select sum(value) from users_state_pages')"
same "a list without a gap" "user9,0,1,new" \
  "$(ask again.weir "select key, position, at, page from users_state_recent where key = 'user9'")"
same "the last three of each" "8,3" \
  "$(ask again.weir "select count(*), max(n) from (select count(*) n, max(position) - min(position) gap from users_state_recent where key <> 'user9' group by key) where gap = n - 1")"

printf 'key,entry,value\nuser0,page1,5\nuser0,page2,6\n' >pages.csv
"$weir" import end.save pages.csv imported.save users --table state.pages --anew >/dev/null
same "imported" "user0,page1,5"$'\n'"user0,page2,6" "$(ask imported.save 'select * from users_state_pages order by entry')"
"$weir" verify imported.save >/dev/null || fail "the imported savepoint does not verify"

echo "== a state that loses a list and gets a map"
"$program" check --from end.save --other-state >fit.txt 2>refused.txt && fail "check says that nothing is lost"
for what in 'users +state +[0-9]+ +fits' 'users +state\.pages +[0-9]+ +fits' 'users +state\.times +0 +begins empty' \
  'users +state\.recent +24 +is not taken'; do
  grep -qE "^$what$" fit.txt || fail "check: expected $what, found"$'\n'"$(<fit.txt)"
done
has "what is refused" "state.recent" "$(<refused.txt)"
cp end.save anew.save
"$weir" sql anew.save --edit "delete from numbers_splits"
"$program" --from anew.save --store other.weir --records 80 --other-state >log.txt 2>&1 && fail "a list was lost without a word"
has "a list that would be lost" "state.recent" "$(<log.txt)"
rm -f other.weir*
"$program" --from anew.save --store other.weir --records 80 --other-state --drop-state >log.txt 2>&1 || fail "$(<log.txt)"
same "the map goes on" "$((records + 80))" "$(ask other.weir 'select sum(value) from users_state_pages')"
same "the other map began empty" "80" "$(ask other.weir 'select count(*) from users_state_times')"

echo "collections_test: well"
