#!/usr/bin/env bash
# Checks what a compiler says to mistakes in a job: run_compile_errors.sh <compiler> <include dir>
#
# Each cases/<name>.cpp begins with "// expect: <text>". The compiler must give exactly one error, with that text, among
# the first lines of its output. "// expect: nothing": the file must compile, so that the others fail for their mistake.
# Every case begins with an include of cases/mocks.hpp, which is compiled once.
set -euo pipefail

compiler=${1:?usage: run_compile_errors.sh <compiler> <include dir>}
include_dir=${2:?usage: run_compile_errors.sh <compiler> <include dir>}
cases=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/cases
first_lines=12
failures=0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
flags=(-std=c++20 -I"$include_dir")
"$compiler" "${flags[@]}" -w -x c++-header "$cases/mocks.hpp" -o "$scratch/mocks.hpp.gch"
cp "$scratch/mocks.hpp.gch" "$scratch/mocks.hpp.pch" # the name that clang looks for

fail() { # case, reason, the compiler's output
  echo "FAILED $1: $2"
  sed 's/^/    /' <<<"$3" | head -n 30
  failures=$((failures + 1))
}

count=0
for source in "$cases"/*.cpp; do
  name=$(basename "$source" .cpp)
  expected=$(sed -n '1s|^// expect: ||p' "$source")
  if [[ -z $expected ]]; then
    fail "$name" "its first line says nothing that is expected" ""
    continue
  fi
  count=$((count + 1))
  status=0
  output=$(LC_ALL=C "$compiler" "${flags[@]}" -include "$scratch/mocks.hpp" -fsyntax-only "$source" 2>&1) || status=$?
  if [[ $expected == nothing ]]; then
    if ((status != 0)); then
      fail "$name" "it does not compile" "$output"
    fi
  elif ((status == 0)); then
    fail "$name" "it compiles" ""
  elif (($(grep -c 'error: ' <<<"$output") != 1)); then
    fail "$name" "not exactly one error" "$output"
  elif ! head -n "$first_lines" <<<"$output" | grep 'error: ' | grep -qF -- "$expected"; then
    fail "$name" "expected among the first $first_lines lines: $expected" "$output"
  fi
done

if ((count < 2)); then
  echo "FAILED: no cases in $cases"
  exit 1
fi
if ((failures > 0)); then
  echo "$failures of $count cases failed with $compiler"
  exit 1
fi
echo "$count cases: each mistake gives one error, with its reason, with $compiler"
