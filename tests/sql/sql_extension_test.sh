#!/usr/bin/env bash
# The questions of docs/sql.md, asked in the stock sqlite3 beside a job that runs, after it was killed, and when it has
# finished. What the state says is compared with the text up to the positions of the same checkpoint.
set -euo pipefail
export LC_ALL=C

programs=$WEIR_BINARY_DIR/examples
extension=$WEIR_BINARY_DIR/lib/weir_sql
novel=$WEIR_SOURCE_DIR/examples/data/moby-dick.txt
work=$(mktemp -d)
job=
cleanup() {
  if [[ -n $job ]]; then
    kill -9 "$job" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

fail() {
  printf 'sql_extension_test: %s\n' "$*" >&2
  exit 1
}
# same <what> <expected> <found>
same() {
  [[ $2 == "$3" ]] || fail "$1: expected"$'\n'"$2"$'\n'"and found"$'\n'"$3"
}
# sql <statements>: on the store, with the extension and the job's tables.
sql() {
  sqlite3 -readonly -bail -cmd ".timeout 10000" word-count.weir ".load $extension" "select weir_views('word-count') is null" "$1" | tail -n +2
}

command -v sqlite3 >/dev/null || { echo "skipped: no sqlite3"; exit 0; }
if nm -D "$extension.so" | grep -q '__[at]san_init'; then
  echo "skipped: the stock sqlite3 cannot load what is built with a sanitizer"
  exit 0
fi
foreign=$(nm -D --undefined-only "$extension.so" | grep -iE ' (sqlite3_|.*(caf|spdlog))' || true)
same "symbols of SQLite, CAF or spdlog that the extension needs" "" "$foreign"

# Words of what comes in, a line each, as the example defines them.
words() {
  # shellcheck disable=SC2018,SC2019 # these letters, and no others
  tr 'A-Z' 'a-z' | tr -cs 'a-z' '\n' | grep . || true
}

# The same as `sort | uniq -c`, sooner.
counted() {
  awk '{ ++n[$0] } END { for (word in n) print word "|" n[word] }'
}

for ((i = 0; i < 24; ++i)); do cat "$novel"; done >text.txt

# Where the lines of a split begin that starts at this byte: at the first line that begins there or later.
first_line() {
  if (($1 == 0)); then
    echo 0
  else
    echo $(($1 - 1 + $(tail -c "+$1" text.txt | head -n 1 | wc -c)))
  fi
}

# counted_until <checkpoint>: the words of the text up to the checkpoint's positions, with their counts.
counted_until() {
  sql "select description ->> 'first', iif(position = '', -1, position ->> 'offset') from lines_splits where checkpoint = $1" |
    while IFS='|' read -r first offset; do
      start=$(first_line "$first")
      if ((offset > start)); then
        tail -c "+$((start + 1))" text.txt | head -c $((offset - start)) || true
      fi
    done | words | counted
}

# agrees <what> <checkpoint>
agrees() {
  same "the state at checkpoint $2, $1" "$(counted_until "$2" | sort | cksum)" \
    "$(sql "select key, count from counts_state where checkpoint = $2" | sort | cksum)"
}

start_job() {
  "$programs/word_count" --input text.txt --checkpoint-interval 10ms --retain 60 >out.txt 2>log.txt &
  job=$!
}
# completed <n>: waits until that many checkpoints are complete, or the job has ended.
completed() {
  for ((i = 0; i < 600; ++i)); do
    if [[ -f word-count.weir ]] &&
      (($(sqlite3 -readonly word-count.weir "select count(*) from checkpoint_overview where restorable" 2>/dev/null || echo 0) >= $1)); then
      return 0
    fi
    if ! kill -0 "$job" 2>/dev/null; then
      break
    fi
    sleep 0.02
  done
  fail "no $1 checkpoints: $(cat log.txt)"
}

# Killed on its way.
start_job
completed 6
kill -9 "$job"
{ wait "$job" || true; } 2>/dev/null
newest=$(sql "select max(id) from checkpoint_overview where restorable")
five_ago=$(sql "select id from checkpoint_overview where restorable order by id desc limit 1 offset 5")
agrees "after a kill" "$newest"
agrees "five checkpoints ago" "$five_ago"
[[ $(sql "select sum(count) from counts_state where checkpoint = $five_ago") -lt $(sql "select sum(count) from counts_state") ]] ||
  fail "the state of checkpoint $five_ago is not smaller than that of $newest"

# The ten largest counts.
same "the ten largest counts" "$(counted_until "$newest" | sort -t '|' -k2,2nr -k1,1 | head -n 10)" \
  "$(sql "select key, count from counts_state order by count desc, key limit 10")"

# What changed.
sql "select key, count from counts_state where checkpoint = $five_ago" | sort -t "|" -k1,1 >before.txt
sql "select key, count from counts_state" | sort -t "|" -k1,1 >after.txt
join -t '|' -a 1 -a 2 -e - -o 0,1.2,2.2 before.txt after.txt | awk -F '|' '$2 != $3' | sort >changed.txt
[[ -s changed.txt ]] || fail "nothing has changed"
same "what changed" "$(cat changed.txt)" \
  "$(sql "select key, coalesce(old_value ->> 'count', '-'), coalesce(new_value ->> 'count', '-')
          from weir_diff('word-count', 'counts', $five_ago, $newest)" | sort)"
same "how it changed" "$(awk -F '|' '{ print $2 == "-" ? "added" : $3 == "-" ? "removed" : "changed" }' changed.txt | sort | uniq -c)" \
  "$(sql "select change from weir_diff('word-count', 'counts', $five_ago, $newest)" | sort | uniq -c)"

# One key.
same "one key" "$(grep '^whale|' after.txt)" "$(sql "select key, count from counts_state where key = 'whale'")"

# How long each operator took.
timings=$(sql "select o.task, count(*), min(o.after_ms > 0), min(abs(o.encode_ms - a.encode_us / 1000.0) < 0.001),
                 min(o.after_ms >= o.start_delay_ms + o.alignment_ms + o.wait_ms + o.encode_ms)
               from acknowledgement_overview o join acknowledgements a using (checkpoint, task, subtask)
               where o.checkpoint = $newest group by o.task order by o.task")
same "timings" $'counts -> table|2|1|1|1\nlines -> words|2|1|1|1' "$timings"

# Pending commits of sinks.
same "pending commits" "$newest" "$(sql "select max(value_checkpoint) from table_pending")"

# Beside a job that runs.
start_job
seen=0
while kill -0 "$job" 2>/dev/null; do
  live=$(sql "select max(id) from checkpoint_overview where restorable")
  if ((seen < 3 && live > newest)); then
    agrees "beside the job" "$live"
    newest=$live
    seen=$((seen + 1))
  fi
done
code=0
wait "$job" || code=$?
job=
same "the job's exit code" 0 "$code"
((seen > 0)) || fail "the job ended before it was seen"

# At its end.
words <text.txt | counted | sort >expected.txt
same "the final state" "$(cksum <expected.txt)" "$(sql "select key, count from counts_state" | sort | cksum)"
same "the sink's table" "$(cksum <expected.txt)" "$(sqlite3 -readonly words.db 'select key, count from counts' | sort | cksum)"

# The same, typed, in Python.
cat >ask.py <<'PYTHON'
import sqlite3, sys
store = sqlite3.connect("file:word-count.weir?mode=ro", uri=True)
store.enable_load_extension(True)
store.load_extension(sys.argv[1])
store.execute("select weir_views('word-count')").fetchone()
for row in store.execute("select key, count from counts_state order by count desc, key limit 10"):
    print(row)
key, count = store.execute("select key, value ->> 'count' from weir_state('word-count', 'counts') where key = ?", ("whale",)).fetchone()
assert (type(key), type(count)) == (str, int), (key, count)
PYTHON
python=
for candidate in python3 /usr/bin/python3; do
  if [[ -z $python ]] && "$candidate" -c 'import sqlite3; sqlite3.Connection.enable_load_extension' 2>/dev/null; then
    python=$candidate
  fi
done
if [[ -z $python ]]; then
  echo "not asked in Python: there is none whose sqlite3 loads extensions"
else
  same "Python" "$(sort -t '|' -k2,2nr -k1,1 expected.txt | head -n 10 | sed "s/\(.*\)|\(.*\)/('\1', \2)/")" \
    "$("$python" ask.py "$extension")"
fi
