#!/usr/bin/env bash
# kill_caf_stranger.sh <program> <folder>: kills the program again and again, lets it end, and checks its ledger.
set -euo pipefail

program=$1
folder=$2
count=30000

pid=
trap '[[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true' EXIT

rm -rf "$folder"
mkdir -p "$folder/ledger"

kills=0
for ((i = 0; i < 20 && kills < 4; ++i)); do
  "$program" "$folder" "$count" >"$folder/out.txt" 2>"$folder/errors.txt" &
  pid=$!
  # Until it has written something new to the ledger, and for some part of a second more.
  before=$(find "$folder/ledger" -name '*.txt' 2>/dev/null | wc -l)
  for ((wait = 0; wait < 500; ++wait)); do
    (($(find "$folder/ledger" -name '*.txt' 2>/dev/null | wc -l) > before + 3)) && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.01
  done
  sleep "0.$((RANDOM % 3))"
  code=0
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || code=$?
  ((code == 137)) || break
  kills=$((kills + 1))
done
if ((kills < 3)); then
  echo "killed only $kills times" >&2
  cat "$folder/errors.txt" >&2
  exit 1
fi

timeout 60 "$program" "$folder" "$count" >"$folder/out.txt" 2>"$folder/errors.txt" || {
  cat "$folder/errors.txt" >&2
  exit 1
}
grep -q '^finished' "$folder/out.txt" || {
  cat "$folder/out.txt" >&2
  exit 1
}

# Each meter's readings from 1 to the last, each once, with the sum of all before.
cat "$folder"/ledger/*.txt | LC_ALL=C sort -k1,1 -k2,2n | awk -v count="$count" '
  $1 != meter { if (meter != "" && number != count) bad = 1; meter = $1; number = 0; sum = 0; ++meters }
  { ++number; sum += number % 100; if ($2 != number || $3 != sum) { bad = 1; print "wrong: " $0; exit } }
  END { if (bad || meters != 3 || number != count) exit 1; print meters " meters exact after '"$kills"' kills" }'
