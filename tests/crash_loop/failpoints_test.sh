#!/usr/bin/env bash
# Failpoints leave no trace in a build without them, and each name in the table lies in one file of the library.
set -euo pipefail

source_dir=${WEIR_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
compiler=${CXX:-g++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

fault() {
  echo "failpoints: $*"
  faults=$((faults + 1))
}

cd "$source_dir"
layers=(persistence operators actors coordinator)
mapfile -t names < <(grep -oE '^ *"[a-z_.]+"' persistence/failpoint_names.hpp | tr -d ' "')
if ((${#names[@]} < 40)); then
  fault "only ${#names[@]} names were found in persistence/failpoint_names.hpp"
fi

# Each name in one file (a step may have several ways out), and that a source: a header would bring it into the
# programs of users.
mapfile -t used < <(grep -roE 'WEIR_FAILPOINT\("[^"]*"\)' --include='*.cpp' "${layers[@]}" | sort -u | cut -d'"' -f2 | sort)
mapfile -t twice < <(printf '%s\n' "${used[@]}" | uniq -d)
for name in "${twice[@]}"; do
  fault "$name is in several files"
done
while read -r name; do
  fault "$name is in the table, and nowhere in the library"
done < <(comm -23 <(printf '%s\n' "${names[@]}" | sort) <(printf '%s\n' "${used[@]}" | uniq))
while read -r line; do
  fault "$line: a failpoint in a header"
done < <(grep -rnE 'WEIR_FAILPOINT\(' --include='*.hpp' "${layers[@]}" | grep -v '^persistence/failpoint.hpp:' || true)
while read -r line; do
  fault "$line: the macro, not the function, is what vanishes"
done < <(grep -rnE 'failpoints::' --include='*.cpp' "${layers[@]}" | grep -v '^persistence/failpoint.cpp:' || true)

# Two objects, built with and without.
for with in '' -DWEIR_FAILPOINTS; do
  for file in failpoint checkpoint_store_complete; do
    "$compiler" -std=c++20 -O1 ${with:+"$with"} -c "persistence/$file.cpp" -o "$work/$file.o"
  done
  found=$(cat "$work"/*.o | grep -acE 'store\.complete\.(before|after)' || true)
  calls=$(nm -C "$work/checkpoint_store_complete.o" | grep -c 'failpoints::' || true)
  if [[ -z $with ]]; then
    if ((found != 0)); then fault "names of failpoints are in an object that was built without them"; fi
    if ((calls != 0)); then fault "an object that was built without failpoints calls them"; fi
  elif ((found == 0 || calls == 0)); then
    fault "this test does not find failpoints where they are"
  fi
done

if ((faults > 0)); then
  exit 1
fi
echo "failpoints: ${#names[@]} names, each in one file, and none in a build without them"
