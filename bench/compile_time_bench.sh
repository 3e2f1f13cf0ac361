#!/usr/bin/env bash
# How long the word count of the README takes to compile, what each header of weir.hpp costs by itself, and how large the
# program is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source=examples/readme_word_count.cpp
library=build/release/libweir.a
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "compile time of $source, -O2, one core:"
for _ in 1 2 3; do
  TIMEFORMAT='  %U s'
  time g++ -std=c++20 -O2 -DNDEBUG -Iinclude -c "$source" -o "$work/job.o"
done
echo "each header of weir.hpp by itself, parsed, without code; what they have in common counts for each:"
sed -n 's/^#include "\(.*\)"$/\1/p' weir.hpp | while read -r header; do
  printf '#include <weir/%s>\n' "$header" >"$work/one.cpp"
  TIMEFORMAT="  %U s  $header"
  time g++ -std=c++20 -Iinclude -fsyntax-only "$work/one.cpp"
done
if [[ -f $library ]]; then
  read -r -a packages <<<"$(pkg-config --libs sqlite3 spdlog)"
  g++ "$work/job.o" "$library" -lcaf_io -lcaf_core "${packages[@]}" -lboost_serialization \
    -lsimdjson -lcsv -lz -lzstd -lpthread -o "$work/job"
  strip "$work/job"
  echo "its program, stripped: $(($(stat -c %s "$work/job") / 1024)) KiB"
fi
