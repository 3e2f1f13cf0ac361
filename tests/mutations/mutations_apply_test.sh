#!/usr/bin/env bash
# Every mutation is well-formed and fits the source, and what is not is refused.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
faults=0

fault() {
  echo "mutations: $*"
  faults=$((faults + 1))
}

mutation() { perl "$here/mutation.pl" "$@"; }

files=("$here"/*.mutation)
if ((${#files[@]} < 18)); then
  fault "there are only ${#files[@]} of them"
fi
for file in "${files[@]}"; do
  if [[ ! $(basename "$file") =~ ^[a-z_]+\.mutation$ ]]; then
    fault "not a sentence_like_name: $file"
  fi
done
mutation check "$root" "${files[@]}" || fault "some do not fit the source"

# A mutation of a small tree is applied as it says, and one that does not fit changes nothing.
mkdir "$tree/actors"
source_text=$'one\n  two\nthree\ntwo\n'
comment="# Two is what it should be, and other numbers of this kind are what it should not be."
write() {
  printf '%s' "$source_text" >"$tree/actors/a.cpp"
  printf '%s\n' "$@" >"$tree/a.mutation"
}
refused() {
  local what=$1 report
  if report=$(mutation check "$tree" "$tree/a.mutation" 2>&1); then
    fault "not refused: $what"
  elif [[ $report != *"$what"* ]]; then
    fault "refused as \"$report\", not as \"$what\""
  fi
}

write "$comment" '' 'file: actors/a.cpp' '--- this' '  two' 'three' '--- becomes' '  four' '--- end' '--- this' 'one' \
  '--- becomes' '--- end'
mutation check "$tree" "$tree/a.mutation" || fault "a good one is refused"
mutation apply "$tree" "$tree/a.mutation"
if [[ $(<"$tree/actors/a.cpp") != $'\n  four\ntwo' ]]; then
  fault "applied wrongly: $(<"$tree/actors/a.cpp")"
fi
if [[ $(mutation machine "$tree/a.mutation") != simulation || $(mutation files "$tree/a.mutation") != actors/a.cpp ]]; then
  fault "its machine or its files are not told"
fi

write "$comment" 'file: actors/a.cpp' '--- this' 'two' '--- becomes' 'four' '--- end'
refused "is in actors/a.cpp more than once"
if mutation apply "$tree" "$tree/a.mutation" 2>/dev/null || [[ $(<"$tree/actors/a.cpp")$'\n' != "$source_text" ]]; then
  fault "one that does not fit was applied"
fi
write "$comment" 'file: actors/a.cpp' '--- this' 'five' '--- becomes' 'four' '--- end'
refused "is not in actors/a.cpp"
write "$comment" 'file: actors/b.cpp' '--- this' 'two' '--- becomes' 'four' '--- end'
refused "can't be read"
write "$comment" 'file: actors/a.cpp' '--- this' 'one' '--- becomes' 'one' '--- end'
refused "stays as it is"
write "$comment" 'file: actors/a.cpp' '--- this' 'one' '--- end'
refused 'without "--- becomes"'
write "$comment" 'file: actors/a.cpp' '--- this' 'one' '--- becomes' 'two'
refused 'without "--- end"'
write "$comment" '--- this' 'one' '--- becomes' 'two' '--- end'
refused "no file is named"
write "$comment"
refused "no change"
write 'file: actors/a.cpp' '--- this' 'one' '--- becomes' 'two' '--- end'
refused "a comment has to say"
write "$comment" 'maschine: simulation' 'file: actors/a.cpp' '--- this' 'one' '--- becomes' 'two' '--- end'
refused "not understood"
write "$comment" 'machine: unit/none_test' 'file: actors/a.cpp' '--- this' 'one' '--- becomes' 'two' '--- end'
refused "there is no test unit/none_test"

if ((faults > 0)); then
  exit 1
fi
echo "mutations: ${#files[@]}, and all fit the source"
