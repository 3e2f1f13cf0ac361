#!/usr/bin/env bash
# How long the word count of the README takes to compile, and how large its program is.
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
if [[ -f $library ]]; then
  read -r -a packages <<<"$(pkg-config --libs sqlite3 spdlog)"
  g++ "$work/job.o" "$library" -lcaf_io -lcaf_core "${packages[@]}" -lboost_serialization -lpthread -o "$work/job"
  strip "$work/job"
  echo "its program, stripped: $(($(stat -c %s "$work/job") / 1024)) KiB"
fi
