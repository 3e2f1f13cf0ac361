#!/usr/bin/env bash
# Tests that the examples run, and that what they print and write is right.
set -euo pipefail

programs=$WEIR_BINARY_DIR/examples
novel=$WEIR_SOURCE_DIR/examples/data/moby-dick.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'examples_test: %s\n' "$*" >&2
  exit 1
}

# same <what> <expected> <found>
same() {
  [[ $2 == "$3" ]] || fail "$1: expected"$'\n'"$2"$'\n'"and found"$'\n'"$3"
}

# word_count: the top ten and the number of words are those of tr, sort and uniq.
# shellcheck disable=SC2018,SC2019 # these letters, and no others
LC_ALL=C tr 'A-Z' 'a-z' <"$novel" | LC_ALL=C tr -cs 'a-z' '\n' | grep . >words.txt
"$programs/word_count" --input "$novel" >word_count.txt
same "the top ten" "$(LC_ALL=C sort words.txt | uniq -c | sort -k1,1nr -k2,2 | head -n 10 | awk '{ print $1, $2 }')" \
  "$(head -n 10 word_count.txt | awk '{ print $1, $2 }')"
grep -q "^$(wc -l <words.txt) words, $(sort -u words.txt | wc -l) different ones$" word_count.txt ||
  fail "the number of words: $(cat word_count.txt)"
grep -q "^counted $(wc -l <words.txt) words in .* words/s$" word_count.txt || fail "no throughput: $(cat word_count.txt)"

# The line that shows the checkpoints works as it is.
bash -c "$(sed -n 's/^see the checkpoints: //p' word_count.txt)" | grep -q 'final|complete' || fail "no final checkpoint"

# Started again it says the same, but for the throughput.
"$programs/word_count" --input "$novel" >again.txt 2>log.txt
grep -q 'finished at checkpoint' log.txt || fail "a finished job was run again: $(cat log.txt)"
same "the second start" "$(grep -v '^counted' word_count.txt)" "$(cat again.txt)"

# Without its table it says so.
rm words.db
code=0
"$programs/word_count" --input "$novel" >/dev/null 2>log.txt || code=$?
{ ((code != 0)) && grep -q 'words.db' log.txt; } || fail "a missing table passes: $code, $(cat log.txt)"

# readme_word_count: run where the README says, its counts are those of a plain split at spaces.
mkdir -p readme/examples/data
cp "$novel" readme/examples/data/
(cd readme && "$programs/readme_word_count")
same "the README's words" "$(tr -d '\r' <"$novel" | tr ' ' '\n' | grep -c .)" \
  "$(sqlite3 -readonly readme/counts.db 'select sum(count) from counts')"

# order_states: alerts, counts and summary agree, whatever the parallelism, and depend on the seed.
orders() { # orders <folder> <options>…
  mkdir "$1"
  (cd "$1" && "$programs/order_states" --events 1000000 "${@:2}" >out.txt 2>log.txt) || fail "order_states $*: $(cat "$1/log.txt")"
  cat "$1"/order-alerts/*.txt | LC_ALL=C sort >"$1/alerts.txt"
}
orders one --parallelism 1
orders three --parallelism 3 --checkpoint-interval 50ms
orders seed --seed 2
alerts=$(wc -l <one/alerts.txt)
((alerts > 0)) || fail "no alerts"
grep -q "^$alerts illegal events; " one/out.txt || fail "the summary: $(cat one/out.txt)"
same "the counts" "$(sed 's/.*kind: "\(.*\)"}/\1/' one/alerts.txt | LC_ALL=C sort | uniq -c | awk '{ print $2, $3, $4, $1 }')" \
  "$(sqlite3 -readonly one/orders.db "select key || ' ' || count from illegal order by key")"
cmp one/alerts.txt three/alerts.txt || fail "other alerts with three subtasks"
! cmp -s one/alerts.txt seed/alerts.txt || fail "the seed changes nothing"
