#!/usr/bin/env bash
# The program weir on stores that are made for the purpose: numeric keys, equal names, damage under good checksums,
# savepoints that somebody has changed, outputs that can't be finished.
set -euo pipefail

weir=$WEIR_BINARY_DIR/bin/weir
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'made_store_test: %s\n' "$*" >&2
  exit 1
}
same() {
  [[ $2 == "$3" ]] || fail "$1: expected"$'\n'"$2"$'\n'"and found"$'\n'"$3"
}
has() {
  [[ $3 == *"$2"* ]] || fail "$1: expected something with \"$2\", and found"$'\n'"$3"
}
# refused <what> <exit status> <part of the line> <arguments…>: one line, and nothing on standard output.
refused() {
  local what=$1 status=$2 part=$3 found=0 out err
  shift 3
  out=$(timeout 60 "$weir" "$@" 2>err.txt </dev/null) || found=$?
  err=$(<err.txt)
  same "$what, exit status" "$status" "$found"
  same "$what, output" "" "$out"
  same "$what, lines" 1 "$(wc -l <err.txt)"
  has "$what" "$part" "$err"
}
"$WEIR_BINARY_DIR"/tests/tool/make_store_program made.weir

echo "== keys of all types"
seven='{"key":7,"exact":0.30000000000000004,"without_end":"inf","names":["x","y"]}'
same "a number" "$seven" "$("$weir" state made.weir ids --key 7 --format json)"
same "the largest number" '{"key":"18446744073709551615","exact":0.30000000000000004,"without_end":"inf","names":["x","y"]}' \
  "$("$weir" state made.weir ids --key 18446744073709551615 --format json)"
same "a number as a table" 2 "$("$weir" state made.weir ids --key 70 | wc -l)"
refused "no number" 2 "a whole number" state made.weir ids --key seven
refused "a key of several members" 2 '"row" = … AND "column" = …' state made.weir places --key 1
"$weir" state made.weir --key of --format json >of.txt || fail "a key of some tables: $(<of.txt)"
same "no operator named" 5 "$(wc -l <of.txt)"
# Only the key's own chunk is read: those of other key groups may be damaged.
cp made.weir other.weir
group=$("$weir" sql made.weir "select key_group from ids_state where key = 7" --format csv | tail -n 1)
sqlite3 other.weir "$(sqlite3 other.weir "select 'drop trigger \"' || name || '\";' from sqlite_schema where type = 'trigger'")" \
  "update chunk_bytes set bytes = zeroblob(length(bytes)) where chunk in (select id from chunks where operator = 'ids'
   and (key_group_first > $group or key_group_last < $group))"
same "one key, its chunk alone" "$seven" "$("$weir" state other.weir ids --key 7 --format json)"

echo "== names that are equal but for their signs"
same "every table" "A_b/state a-b/state a/b_c a_b/c a_b/state" \
  "$("$weir" state made.weir --key of --format json | sed 's/.*"value":"\(.*\)"}/\1/' | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//')"
"$weir" export made.weir plain --as csv >/dev/null
same "every file" 7 "$(find plain -name '*.csv' | wc -l)"
same "their contents" 5 "$(cat plain/[aA]*.csv | grep -c '^of,')"
"$weir" export made.weir plain.db --as sqlite >/dev/null
same "every table of SQLite" 7 "$(sqlite3 plain.db "select count(*) from sqlite_schema")"

echo "== tables that are not there"
refused "a table of no operator" 2 "places/state" state made.weir --table nonsense
refused "an export of it" 2 "places/state" export made.weir none --table nonsense --as csv
[[ ! -e none ]] || fail "an export of nothing has made a folder"

echo "== verify looks inside"
"$weir" verify made.weir >verified.txt || fail "the store does not verify: $(<verified.txt)"
found=$(sqlite3 made.weir "select count(*) from schemas")
cp made.weir bad.weir
drop=$(sqlite3 bad.weir "select 'drop trigger \"' || name || '\";' from sqlite_schema where type = 'trigger'")
sqlite3 bad.weir "$drop" "update schemas set checksum = checksum + 1 where operator = 'places'"
status=0
"$weir" verify bad.weir >verified.txt || status=$?
same "a schema that differs, exit status of $found" 1 "$status"
has "a schema that differs" "places/state differs from its checksum" "$(<verified.txt)"

echo "== an export that fails leaves nothing"
cp made.weir bad.weir
sqlite3 bad.weir "$drop" "update chunk_bytes set bytes = zeroblob(length(bytes)) where chunk in
  (select id from chunks where operator = 'places')"
for form in csv json sqlite; do
  refused "a damaged export as $form" 2 "bad.weir: chunk 2 of the state" export bad.weir out --as $form
  [[ -z $(ls -d out* 2>/dev/null) ]] || fail "remains: $(ls -d out*)"
done
mkdir there
echo mine >there/ids_state.csv
refused "an export over a file" 2 "one is there" export made.weir there --as csv
same "what was there" "ids_state.csv mine" "$(ls there) $(<there/ids_state.csv)"

echo "== a savepoint that somebody has changed"
"$weir" savepoint made.weir good.save >/dev/null
"$weir" verify good.save >/dev/null || fail "the savepoint does not verify"
endless='with recursive n(i) as (select 1 union all select i + 1 from n)'
for table in runs chunks schemas; do
  cp good.save bad.save
  sqlite3 bad.save "drop table $table; create view $table as $endless select i as id, zeroblob(900000000) as job from n"
  refused "a view in place of $table" 2 "$table" state bad.save ids
  refused "verify of it" 2 "$table" verify bad.save
done
cp good.save bad.save
sqlite3 bad.save "create view mine as select 1"
refused "a view more" 2 "view mine" show bad.save
cp made.weir own.weir
sqlite3 own.weir "create view mine as select 1"
same "a view of one's own in a store" "1" "$("$weir" sql own.weir 'select count(*) from mine' --format csv | tail -n 1)"

echo "== a pager that is left early, and control characters"
if command -v script >/dev/null; then
  status=0
  PAGER='true' timeout 60 script -qec "$weir sql made.weir 'with recursive n(i) as (select 1 union all select i + 1 from n
    limit 100000) select i from n'" /dev/null >out.txt 2>&1 </dev/null || status=$?
  same "left early: $(head -n 3 out.txt)" 0 "$status"
fi
escape=$'\033'
found=$("$weir" sql made.weir "select 1 as \"a${escape}[31mb\"" 2>&1)
[[ $found != *"$escape"* ]] || fail "a column's name reaches the terminal as it is"
found=$("$weir" state made.weir "no${escape}[31mne" 2>&1) && fail "an operator that is not there"
[[ $found != *"$escape"* ]] || fail "an operator's name reaches the terminal as it is"
