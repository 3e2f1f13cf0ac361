#!/usr/bin/env bash
# Savepoints edited in the stock sqlite3, and one made of a CSV, from which jobs start at another parallelism. What they
# count is compared with what it has to be.
set -euo pipefail
export LC_ALL=C

programs=$WEIR_BINARY_DIR/examples
weir=$WEIR_BINARY_DIR/bin/weir
extension=$WEIR_BINARY_DIR/lib/weir_sql
novel=$WEIR_SOURCE_DIR/examples/data/moby-dick.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'savepoint_start_test: %s\n' "$*" >&2
  exit 1
}
# same <what> <expected> <found>
same() {
  [[ $2 == "$3" ]] || fail "$1: expected"$'\n'"$2"$'\n'"and found"$'\n'"$3"
}
has() {
  [[ $3 == *"$2"* ]] || fail "$1: expected something with \"$2\", and found"$'\n'"$3"
}
# on <file> <statements…>: with the extension and the job's tables.
on() {
  local file=$1
  shift
  sqlite3 -bail "$file" ".load $extension" "select weir_views((select job from job_overview)) is null" "$@" | tail -n +2
}
# run <example> <arguments…>
run() {
  local program=$programs/$1
  shift
  "$program" "$@" >out.txt 2>log.txt || fail "$program $*: $(cat log.txt)"
}
# on_the_way <store>: a checkpoint with state that is not the last.
on_the_way() {
  sqlite3 -readonly "$1" "select id from checkpoint_overview where restorable and \"trigger\" = 'records' and entries > 4
    order by id limit 1" | grep . || fail "$1: no checkpoint on the way"
}

command -v sqlite3 >/dev/null || { echo "skipped: no sqlite3"; exit 0; }
if nm -D "$extension.so" | grep -q '__[at]san_init'; then
  echo "skipped: the stock sqlite3 cannot load what is built with a sanitizer"
  exit 0
fi

# The words of the novel with their counts, as the example defines them.
# shellcheck disable=SC2018,SC2019 # these letters, and no others
tr 'A-Z' 'a-z' <"$novel" | tr -cs 'a-z' '\n' | grep . | awk '{ ++n[$0] } END { for (word in n) print word "," n[word] }' |
  sort -t, -k1,1 >novel.csv
count_of() { grep "^$1," novel.csv | cut -d, -f2; }

# A savepoint on the way, repaired: at 2, and on at 3 and at 1.
run word_count --input "$novel" --output first.db --checkpoint-interval 0 --checkpoint-records 1000 \
  --batch-size 4 --retain 1000
checkpoint=$(on_the_way word-count.weir)
"$weir" savepoint word-count.weir edited.save --checkpoint "$checkpoint" >/dev/null
counted=$(on edited.save "select count from counts_state where key = 'the'")
((counted > 0 && counted < $(count_of the))) || fail "checkpoint $checkpoint is not on the way"
on edited.save "begin" "delete from counts_state where key = 'the'" \
  "update counts_state set count = count + 1000 where key = 'of'" "insert into counts_state values ('zzz', 5)" "commit"
"$weir" verify edited.save >verified.txt || fail "the edited savepoint does not verify"
same "the mark" "edited: counts/state" "$(on edited.save 'select reason from checkpoint_overview')"
sed -e "s/^the,.*/the,$(($(count_of the) - counted))/" -e "s/^of,.*/of,$(($(count_of of) + 1000))/" novel.csv >expected.csv
echo zzz,5 >>expected.csv
for parallelism in 3 1; do
  run word_count --input "$novel" --output "second$parallelism.db" --from edited.save --store "second$parallelism.weir" \
    --parallelism $parallelism --replace-output
  same "counts at parallelism $parallelism" "$(sort expected.csv | cksum)" \
    "$(on "second$parallelism.weir" "select key || ',' || count from counts_state" | sort | cksum)"
done

# Orders that are said to be refunded before they begin: none of their four events each may follow that.
run order_states --events 400000 --checkpoint-interval 0 --checkpoint-records 20000 --retain 1000 --batch-size 64
"$weir" savepoint order-states.weir orders.save --checkpoint "$(on_the_way order-states.weir)" >/dev/null
on orders.save "with recursive orders(number) as (select 99000 union all select number + 1 from orders where number < 99999)
  insert into follow_state select number, 6 from orders"
refunded() { on "$1" "select coalesce(sum(count), 0) from kinds_state where key like 'refunded to %'"; }
run order_states --events 400000 --from orders.save --store orders.weir --output again.db --replace-output --parallelism 5
before=$(refunded order-states.weir)
after=$(refunded orders.weir)
((after >= 4000 && after <= 4000 + before)) || fail "$before events after a refund, and 4000 more of them, became $after"
same "in the sink's table" "$after" \
  "$(sqlite3 -readonly again.db "select sum(count) from illegal where key like 'refunded to %'")"

# A savepoint of a CSV: the schemas are those of a run without input.
: >empty.txt
run word_count --input empty.txt --output words.db --store empty.weir --savepoint made.save
on made.save "delete from lines_splits" "delete from counts_state" ".import --csv novel.csv counts_state"
same "the state of the CSV" "$(cksum <novel.csv)" "$(on made.save "select key || ',' || count from counts_state order by key" | cksum)"
run word_count --input "$novel" --output words.db --from made.save --store made.weir --parallelism 3
same "twice the novel" "$(awk -F, '{ print $1 "," 2 * $2 }' novel.csv | cksum)" \
  "$(sqlite3 -readonly words.db "select key || ',' || count from counts order by key" | cksum)"

# The same out of a table, with a bad row: nothing of it.
"$weir" savepoint empty.weir table.save >/dev/null
{ sed 's/^whale,/whale,-/' novel.csv; } >bad.csv
bad=$(on table.save ".import --schema temp --csv bad.csv imported" \
  "insert into counts_state select * from imported" 2>&1) || true
has "a bad row" "counts_state.count: expected an integer from 0 to 18446744073709551615, found the text '-$(count_of whale)'" "$bad"
same "nothing of it" 0 "$(on table.save 'select count(*) from counts_state')"
same "as it was" "" "$(on table.save "select reason from checkpoint_overview where reason is not null")"

# The job's own store.
live=$(sqlite3 word-count.weir ".load $extension" "select weir_views('word-count') is null" "delete from counts_state" 2>&1) || true
has "a store" "expected a savepoint, whose state can be changed, found a job's store" "$live"
