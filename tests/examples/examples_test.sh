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

# own_source_and_sink: killed again and again, the part of the ledger that counts is all that is too hot, once.
ledger() { # its committed part
  local bytes
  bytes=$(sed -n '2,$s/^[0-9]* //p' "$1.commits" | tail -n 1)
  head -c "${bytes:-0}" "$1"
}
mkdir hot
hot=("$programs/own_source_and_sink" --recordings hot/recordings --readings 300000 --ledger hot/ledger --store hot/store.weir)
"${hot[@]}" explain >/dev/null # makes the recordings
kills=0
for ((i = 0; i < 30 && kills < 4; ++i)); do
  code=0
  # Small batches make it last some seconds.
  "${hot[@]}" --batch-size 8 --checkpoint-interval 10ms 2>log.txt &
  sleep 0.4
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || code=$?
  ((code == 137)) || break
  kills=$((kills + 1))
done
((kills >= 3)) || fail "own_source_and_sink was killed only $kills times: $(cat log.txt)"
grep -q 'resumes run' log.txt || fail "own_source_and_sink does not resume: $(cat log.txt)"
"${hot[@]}" >out.txt 2>log.txt || fail "own_source_and_sink: $(cat log.txt)"
# shellcheck disable=SC2016 # Perl's variables
perl -e 'for (@ARGV) { open(F, "<:raw", $_); while (read(F, $b, 16) == 16) { ($t, $s, $c) = unpack("qLf", $b);
  printf("%d %d %.6f\n", $t, $s, $c) if $c >= 99 } }' hot/recordings/* | LC_ALL=C sort >expected.txt
ledger hot/ledger | LC_ALL=C sort >ledger.txt
cmp expected.txt ledger.txt || fail "the ledger is wrong after $kills kills"
grep -q "^$(ledger hot/ledger | wc -c) bytes in .* commits" out.txt || fail "the ledger's summary: $(cat out.txt)"
[[ -s ledger.txt ]] || fail "nothing was too hot"

# Its source and its sink refuse what they can't use.
refused() { # refused <text in the error> <command>…
  code=0
  "${@:2}" >/dev/null 2>log.txt || code=$?
  { ((code == 2)) && grep -q "$1" log.txt; } || fail "expected a refusal with \"$1\": $code, $(cat log.txt)"
}
refused 'another run' "${hot[@]}" --fresh
mkdir hot/none
refused 'at least one file' "$programs/own_source_and_sink" --recordings hot/none --store hot/other.weir --ledger hot/other
"${hot[@]}" --fresh --replace-output >/dev/null 2>log.txt || fail "own_source_and_sink, again: $(cat log.txt)"
cmp <(ledger hot/ledger | LC_ALL=C sort) expected.txt || fail "the ledger of a fresh run is wrong"

# payments_and_orders: whatever comes first, an order is settled, disputed or open.
payments() { # payments <folder> <options>…
  mkdir "$1"
  (cd "$1" && "$programs/payments_and_orders" --orders 300000 "${@:2}" >out.txt 2>log.txt) ||
    fail "payments_and_orders $*: $(cat "$1/log.txt")"
  cat "$1"/disputes/*.txt | LC_ALL=C sort >"$1/disputes.txt"
}
payments paid --parallelism 1
payments paid-by-three --parallelism 3 --checkpoint-interval 50ms --batch-size 100
cmp paid/disputes.txt paid-by-three/disputes.txt || fail "other disputes with three subtasks"
same "what becomes of the orders" "$(cat paid/out.txt)" "$(cat paid-by-three/out.txt)"
disputed=$(wc -l <paid/disputes.txt)
same "the counts of disputes" "$disputed" "$(sqlite3 -readonly paid/settled.db 'select sum(count) from disputes')"
same "the kinds of disputes" 2 "$(sqlite3 -readonly paid/settled.db 'select count(*) from disputes')"
settled=$(sqlite3 -readonly paid/settled.db 'select count(*) from settled')
((disputed > 0 && settled + disputed < 300000 && settled > 290000)) || fail "$settled settled, $disputed disputed"
same "the summary" "$settled orders settled, $disputed disputed, $((300000 - settled - disputed)) open" "$(cat paid/out.txt)"

# earthquakes: the counts are those of a plain look at the CSV, also compressed; a row that is none is put aside.
quakes=$WEIR_SOURCE_DIR/examples/data/earthquakes.csv
mkdir quakes packed-quakes
"$programs/earthquakes" --help >/dev/null || fail "earthquakes has no help"
(cd quakes && "$programs/earthquakes" --input "$quakes" >out.txt 2>log.txt) || fail "earthquakes: $(cat quakes/log.txt)"
awk -F, 'NR > 1 { m = $6; c = m == "" ? "unknown" : m < 1 ? "below 1" : m >= 6 ? "6 and more" : int(m) " to " int(m) + 1
  ++n[$4 "|" c] } END { for (k in n) print k "|" n[k] }' "$quakes" | LC_ALL=C sort >expected.txt
sqlite3 -readonly quakes/earthquakes.db "select network, magnitude, earthquakes from counts" | LC_ALL=C sort >found.txt
cmp expected.txt found.txt || fail "the earthquakes' counts are wrong"
same "the printed earthquakes" "$(($(wc -l <"$quakes") - 1))" "$(awk '{ n += $NF } END { print n }' quakes/out.txt)"
{ head -n 3 "$quakes" && echo 'nonsense,1' && tail -n +4 "$quakes"; } | gzip >bad.csv.gz
(cd packed-quakes && "$programs/earthquakes" --input ../bad.csv.gz >out.txt 2>log.txt) || fail "earthquakes: $(cat packed-quakes/log.txt)"
cmp quakes/out.txt packed-quakes/out.txt || fail "a bad row changes the counts"
same "the bad row" '4 nonsense,1' "$(sed 's/.*"line":\([0-9]*\),.*"text":"\([^"]*\)".*/\1 \2/' packed-quakes/rejected/*.jsonl)"

# follow_log: killed five times while its log is written and rotated, it has every line once.
mkdir -p follow/logs
entries() { # all that is committed
  find follow/entries follow/dead-letters -type f ! -name '.*' -exec cat {} + 2>/dev/null || true
}
write_log() { # 400 lines a round, every seventh no entry; renamed after each
  local round i log=follow/logs/app.log
  for ((round = 0; round < 12; ++round)); do
    for ((i = round * 400; i < (round + 1) * 400; ++i)); do
      if ((i % 7 == 0)); then echo "number $i"; else echo "info number $i"; fi
    done >>"$log"
    sleep 0.1
    for ((i = 20; i > 0; --i)); do
      if [[ -e $log.$i ]]; then mv "$log.$i" "$log.$((i + 1))"; fi
    done
    mv "$log" "$log.1"
  done
  echo "error the end" >"$log"
}
follow() {
  exec "$programs/follow_log" --log follow/logs/app.log --entries follow/entries --dead-letters follow/dead-letters \
    --output follow/levels.db --store follow/store.weir --checkpoint-interval 20ms 2>>follow/log.txt
}
committed() { # committed <number>: waits until so many lines are
  local i
  for ((i = 0; i < 300; ++i)); do
    (($(entries | wc -l) < $1)) || return 0
    sleep 0.1
  done
}
echo "error the beginning" >follow/logs/app.log
kills=0
for ((i = 0; i < 5; ++i)); do
  follow &
  follower=$!
  if ((i == 0)); then # a log is known when the first checkpoint has it
    committed 1
    write_log &
    writer=$!
  fi
  sleep 0.25
  kill -KILL "$follower" && kills=$((kills + 1))
  wait "$follower" 2>/dev/null || true
done
((kills == 5)) || fail "follow_log ended by itself: $(cat follow/log.txt)"
wait "$writer"
follow &
follower=$!
committed 4802
kill -TERM "$follower"
wait "$follower" || fail "follow_log does not stop: $(cat follow/log.txt)"
{ seq 0 4799 && echo beginning && echo end; } | LC_ALL=C sort >expected.txt
entries | grep -oE '[0-9]+|beginning|end' | LC_ALL=C sort >found.txt
cmp expected.txt found.txt || fail "follow_log lost or repeated lines: $(diff expected.txt found.txt | head -n 5); $(cat follow/log.txt)"
same "the dead letters" 686 "$(cat follow/dead-letters/*.txt | wc -l)"
same "the counted entries" 4116 "$(sqlite3 -readonly follow/levels.db 'select sum(count) from levels')"

# embedding: all readings arrive, also if the program is killed in between.
mkdir rooms
killed=0
for ((i = 0; i < 10 && killed < 2; ++i)); do
  code=0
  "$programs/embedding" rooms >/dev/null 2>log.txt &
  sleep 0.1
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || code=$?
  ((code == 137)) || break
  killed=$((killed + 1))
done
"$programs/embedding" rooms >out.txt 2>log.txt || fail "embedding: $(cat out.txt log.txt)"
grep -q '^finished$' out.txt || fail "embedding does not finish: $(cat out.txt)"
rm -rf rooms
mkdir rooms
"$programs/embedding" rooms >out.txt 2>log.txt || fail "embedding, undisturbed: $(cat out.txt log.txt)"
same "the warmest readings" "$(printf '%s: 21.999 degrees, of 5000 readings\n' attic cellar kitchen)" "$(grep -v '^finished$' out.txt)"

# enrichment: each order has its customer's city, or is a dead letter.
mkdir cities
"$programs/enrichment" cities >out.txt 2>log.txt || fail "enrichment: $(cat out.txt log.txt)"
same "the cities" "$(printf 'Lyon 10000\nTurin 9980\n')" \
  "$(sqlite3 -readonly cities/cities.db "select key || ' ' || count from cities order by key")"
same "the unknown customers" 20 "$(sqlite3 -readonly cities/unknown.db "select count(*) from letters where record like '%nobody%'")"

# card_rules: each of the thousand cards breaks both rules once.
mkdir rules
(cd rules && "$programs/card_rules" --output alerts.db >out.txt 2>log.txt) || fail "card_rules: $(cat rules/log.txt)"
same "the alerts" "$(printf 'large 1000\nvery-large 1000\n')" \
  "$(sqlite3 -readonly rules/alerts.db "select key || ' ' || count from alerts order by key")"
