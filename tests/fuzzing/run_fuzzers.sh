#!/usr/bin/env bash
# run_fuzzers.sh <folder of the fuzzers> <seconds in all> [name]: runs the fuzzers whose name contains this one, one after
# the other, and shares the time out evenly. The last line is the sums. Exit status 1 if an input was found that ends
# one.
set -euo pipefail

programs=$(cd "$1" && pwd)
seconds=$2
name=${3:-}
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fuzzers=()
for program in "$programs"/*_fuzzer; do
  what=${program##*/}
  what=${what%_fuzzer}
  if [[ -x $program && $what == *"$name"* ]]; then
    fuzzers+=("$what")
  fi
done
if ((${#fuzzers[@]} == 0)); then
  echo "no fuzzer's name contains \"$name\"; there are:" >&2
  (cd "$programs" && printf '  %s\n' *_fuzzer | sed 's/_fuzzer$//') >&2
  exit 2
fi
share=$((seconds / ${#fuzzers[@]}))
if ((share == 0)); then
  share=1
fi

# Stacks and memory for what is freed cost time, and little is needed of both. A leak is found when a fuzzer ends.
export ASAN_OPTIONS=detect_stack_use_after_return=1:quarantine_size_mb=16:malloc_context_size=12
export UBSAN_OPTIONS=print_stacktrace=1

# Runs one; prints a line, and for a failure how to repeat it.
fuzz() {
  local what=$1 kept=$programs/corpus/$1 found=$programs/found log=$programs/$1.log status=0 began=$SECONDS
  local inputs=() runs coverage took file
  mkdir -p "$kept" "$found"
  inputs=("$kept")
  if [[ -d $source/corpus/$what ]]; then
    inputs+=("$source/corpus/$what")
  fi
  if [[ -f $source/dictionaries/$what.dict ]]; then
    inputs+=("-dict=$source/dictionaries/$what.dict")
  fi
  "$programs/${what}_fuzzer" "${inputs[@]}" -max_total_time="$share" -max_len=1024 -len_control=20 -timeout=30 \
    -rss_limit_mb=2048 -malloc_limit_mb=64 -print_final_stats=1 -artifact_prefix="$found/$what-" \
    >"$log" 2>&1 </dev/null || status=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  coverage=$(sed -n 's/^#.*[[:space:]]cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
  took=$((SECONDS - began))
  printf '%-18s %10d runs %7d covered %5d s\n' "$what" "${runs:-0}" "${coverage:-0}" "$took"
  all_runs=$((all_runs + ${runs:-0}))
  all_coverage=$((all_coverage + ${coverage:-0}))
  all_seconds=$((all_seconds + took))
  if ((status == 0)); then
    return 0
  fi
  failed=$((failed + 1))
  grep -a -E 'does not hold|what\(\):|runtime error|^==[0-9]+==ERROR|SUMMARY' "$log" | sed 's/^/  /' || true
  file=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  if [[ -n $file ]]; then
    echo "  found:  $file"
    echo "  repeat: $programs/${what}_fuzzer $file"
    echo "  keep:   cp $file $source/corpus/$what/<what it shows>"
  else
    echo "  the fuzzer ended with status $status and names no input; its last words, in $log:"
    tail -n 5 "$log" | sed 's/^/    /'
  fi
}

all_runs=0
all_coverage=0
all_seconds=0
failed=0
for what in "${fuzzers[@]}"; do
  fuzz "$what"
done
printf '%-18s %10d runs %7d covered %5d s, %d fuzzers, %d failed\n' \
  "in all" "$all_runs" "$all_coverage" "$all_seconds" "${#fuzzers[@]}" "$failed"
((failed == 0))
