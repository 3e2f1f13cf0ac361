#!/usr/bin/env bash
# The program weir, from outside: what it prints of a store and a savepoint, what it makes, and what it refuses.
set -euo pipefail

weir=$WEIR_BINARY_DIR/bin/weir
novel=$WEIR_SOURCE_DIR/examples/data/moby-dick.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'tool_test: %s\n' "$*" >&2
  exit 1
}
# same <what> <expected> <found>
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
  out=$("$weir" "$@" 2>err.txt </dev/null) || found=$?
  err=$(<err.txt)
  same "$what, exit status" "$status" "$found"
  same "$what, output" "" "$out"
  same "$what, lines" 1 "$(wc -l <err.txt)"
  has "$what" "$part" "$err"
}

"$WEIR_BINARY_DIR"/examples/word_count --input "$novel" --output words.db --checkpoint-interval 10ms \
  --checkpoint-records 1000 --batch-size 4 --retain 8 >log.txt 2>&1 || { cat log.txt; fail "the job failed"; }
store=word-count.weir
count_of() { sqlite3 -readonly words.db "select count from counts where key = '$1'"; }
total=$(sqlite3 -readonly words.db 'select sum(count) from counts')
words=$(sqlite3 -readonly words.db 'select count(*) from counts')

echo "== checkpoints, show, state"
newest=$("$weir" checkpoints $store --format csv | tail -n 1 | cut -d, -f1)
has "checkpoints" "complete" "$("$weir" checkpoints $store)"
same "as JSON" "$newest" "$("$weir" checkpoints $store --format json | tail -n 1 | sed 's/^{"id":\([0-9]*\),.*/\1/')"
has "show" "counts -> table" "$("$weir" show $store)"
has "show" "lines     splits" "$("$weir" show $store "$newest")"
same "one key" "{\"key\":\"whale\",\"count\":$(count_of whale)}" "$("$weir" state $store counts --key whale --format json)"
same "all keys" "$((words + 1))" "$("$weir" state $store counts --format csv | wc -l)"
same "with a limit" 4 "$("$weir" state $store counts --limit 3 | wc -l)"
oldest=$("$weir" sql $store 'select min(id) from checkpoint_overview where restorable' --format csv | tail -n 1)
same "an older checkpoint is another" "1" \
  "$("$weir" sql $store "select count(*) from (select sum(count) s from counts_state where checkpoint = $oldest) where s < $total" --format csv | tail -n 1)"

echo "== diff"
# Keys whose row is in one of the two states only.
changes=$({ "$weir" state $store counts --checkpoint "$oldest" --format csv; "$weir" state $store counts --format csv; } |
  sort | uniq -u | sed 's/,[0-9]*$//' | sort -u | wc -l)
same "diff, as a command" "$changes" "$("$weir" diff $store "$oldest" "$newest" counts --format csv | tail -n +2 | wc -l)"
same "diff, as a table" "$changes" "$("$weir" sql $store "select count(*) from weir_diff('word-count', 'counts', $oldest, $newest)" --format csv | tail -n 1)"
((changes > 0)) || fail "nothing has changed from checkpoint $oldest to $newest"

echo "== sql, from an argument and from standard input"
same "sql" "sum(count)"$'\n'"$total" "$("$weir" sql $store 'select sum(count) from counts_state' --format csv)"
same "two statements" "a"$'\n'"1"$'\n'"b"$'\n'"2" "$(printf 'select 1 as a;\nselect 2\nas b' | "$weir" sql $store --format csv)"
same "bytes, nulls and quotes" '{"x":"0aff","n":null,"t":"a\"b","r":1.5}' \
  "$("$weir" sql $store "select x'0aff' as x, null as n, 'a\"b' as t, 1.5 as r" --format json)"
same "quotes in CSV" "t"$'\n'"\"a,\"\"b\"\"\"" "$("$weir" sql $store "select 'a,\"b\"' as t" --format csv)"
same "control characters" "t"$'\n'"a b" "$("$weir" sql $store "select 'a' || char(27) || 'b' as t")"

echo "== savepoint, verify"
has "savepoint" "checkpoint $newest of job word-count" "$("$weir" savepoint $store end.save)"
has "an older one" "checkpoint $oldest of" "$("$weir" savepoint $store old.save --checkpoint "$oldest")"
same "what a savepoint has" "$total" "$("$weir" sql end.save 'select sum(count) from counts_state' --format csv | tail -n 1)"
"$weir" verify $store >verified.txt || fail "the store does not verify: $(<verified.txt)"
"$weir" verify end.save >/dev/null || fail "the savepoint does not verify"
cp end.save damaged.save
# A byte in the middle of what the largest chunk has.
inside=$(sqlite3 end.save 'select hex(substr(bytes, 100, 16)) from chunk_bytes order by length(bytes) desc limit 1')
at=$(LC_ALL=C grep -obUaP "$(fold -w 2 <<<"$inside" | sed 's/^/\\x/' | tr -d '\n')" end.save | head -n 1 | cut -d: -f1)
byte=$(od -An -tu1 -j "$at" -N 1 end.save)
printf %b "\\x$(printf %02x $((byte ^ 255)))" | dd of=damaged.save bs=1 seek="$at" conv=notrunc status=none
status=0
"$weir" verify damaged.save >verified.txt || status=$?
same "a damaged savepoint's exit status" 1 "$status"
has "a damaged savepoint" "differs from its checksum" "$(<verified.txt)"

echo "== verify beside a job that discards checkpoints all the time"
"$WEIR_BINARY_DIR"/examples/word_count --input "$novel" --output live.db --store live.weir --checkpoint-interval 1ms \
  --batch-size 2 --retain 1 --parallelism 2 >log.txt 2>&1 &
job=$!
until [[ -f live.weir ]] || ! kill -0 $job 2>/dev/null; do :; done
looks=0
while kill -0 $job 2>/dev/null; do
  "$weir" verify live.weir >verified.txt 2>err.txt || fail "a healthy store: $(<verified.txt) $(<err.txt)"
  looks=$((looks + 1))
done
wait $job || { cat log.txt; fail "the job failed"; }
((looks > 0)) || fail "the job was over before the first look"

echo "== export"
"$weir" export $store csv --as csv >/dev/null
"$weir" export $store json counts --as json >/dev/null
"$weir" export $store plain.db --as sqlite >/dev/null
same "CSV" "$((words + 1))" "$(wc -l <csv/counts_state.csv)"
same "JSON lines" "$words" "$(wc -l <json/counts_state.jsonl)"
same "only what was named" "counts_state.jsonl" "$(ls json)"
same "SQLite" "$total" "$(sqlite3 -readonly plain.db 'select sum(count) from counts_state')"

echo "== import, sql --edit"
"$weir" savepoint $store whole.save >/dev/null
{ echo count,key; echo 7,zzseven; echo 3,'"a ""b"""'; } >some.csv
same "import" "some.save: 2 entries of counts from some.csv" "$("$weir" import whole.save some.csv some.save counts --anew)"
same "what was imported" $'key,count\n"a ""b""",3\nzzseven,7' "$("$weir" sql some.save 'select * from counts_state order by key' --format csv)"
same "positions" 0 "$("$weir" sql some.save 'select count(*) from lines_splits' --format csv | tail -n 1)"
"$weir" verify some.save >/dev/null || fail "what was imported does not verify"
"$weir" import whole.save some.csv more.save counts --keep >/dev/null
same "with what was there" "$((words + 2))" "$("$weir" sql more.save 'select count(*) from counts_state' --format csv | tail -n 1)"
"$weir" export whole.save csv_again counts --as csv >/dev/null
"$weir" import whole.save csv_again/counts_state.csv again.save counts >/dev/null
chunks_of() { sqlite3 -readonly "$1" 'select operator, subtask, entries, length, checksum from chunks order by 1, 2, id'; }
same "export and import" "$(chunks_of whole.save)" "$(chunks_of again.save)"
echo 1 >short.csv
echo key,count,colour >names.csv
{ cat some.csv; echo -1,minus; } >range.csv
refused "import over a file" 2 "a path where nothing is" import whole.save some.csv some.save counts
refused "import into a store" 2 "expected a savepoint, found a job's store" import $store some.csv new.save counts
refused "import of unknown columns" 2 'the column "colour": expected one of the state' import whole.save names.csv new.save counts
refused "import of a bad row" 2 "row 4 of range.csv: SQL: counts.count: expected an integer from 0" import whole.save range.csv new.save counts
refused "import of what is there" 2 "row 2 of some.csv: SQL: the key \"zzseven\"" import some.save some.csv new.save counts --keep
refused "import for nobody" 2 "one of those with state: counts, lines" import whole.save some.csv new.save nobody
refused "import of no file" 2 "a CSV file that can be read" import whole.save none.csv new.save counts
[[ ! -e new.save && ! -e new.save.creating ]] || fail "a refused import left a file"
same "sql --edit" "count"$'\n'8 "$("$weir" sql some.save --edit "update counts_state set count = count + 1 where key = 'zzseven'; select count from counts_state where key = 'zzseven'" --format csv)"
refused "sql --edit of a store" 2 "expected a savepoint, whose state can be changed" sql $store --edit "delete from counts_state"
refused "sql that edits without --edit" 2 "expected to be open for writing" sql some.save "delete from counts_state"

echo "== prune"
before=$("$weir" verify $store --format csv | tail -n +2 | wc -l)
((before > 2)) || fail "the job has kept $before checkpoints only: nothing can be pruned"
bytes_before=$(stat -c %s $store)
has "prune" "checkpoints discarded" "$("$weir" prune $store)"
after=$("$weir" verify $store --format csv | tail -n +2 | wc -l)
((after < before)) || fail "$before checkpoints before, and $after after"
bytes_after=$(stat -c %s $store)
((bytes_after < bytes_before)) || fail "prune gave no room back: $bytes_before bytes before, and $bytes_after after"
same "the newest stays" "$total" "$("$weir" sql $store 'select sum(count) from counts_state' --format csv | tail -n 1)"

echo "== what is refused"
refused "no command" 2 "see weir --help"
refused "no file" 2 "nothing" checkpoints nowhere.weir
refused "a file of another kind" 2 "a Weir store or savepoint" checkpoints "$novel"
refused "another program's database" 2 "a Weir store or savepoint" checkpoints words.db
refused "an operator" 2 "counts, lines, table" state $store cuonts
refused "a table" 2 "found state" state $store counts --table staet
refused "a checkpoint" 2 "whose state is kept" state $store counts --checkpoint 999999
refused "a format" 2 "json" state $store counts --format xml
refused "SQL that is wrong" 2 "syntax error" sql $store 'selekt 1'
refused "SQL that writes" 2 "written by its job alone" sql $store 'delete from chunks'
refused "a savepoint over something" 2 "where nothing is" savepoint $store end.save
refused "an export over something" 2 "one is there" export $store plain.db --as sqlite
refused "pruning a savepoint" 2 "has one checkpoint" prune end.save
same "the store is as it was" "$total" "$("$weir" sql $store 'select sum(count) from counts_state' --format csv | tail -n 1)"
