#!/usr/bin/env bash
# Checks that each C++ listing of the pages given is part of a program that the build compiles.
#
# Above a listing stands <!-- listing: path/of/a/file.cpp -->. The listing must be in that file, line by line, as one piece, and the
# file must be one that the build compiles: examples/*.cpp or tests/**/*.cpp.
#
# check_listings.sh <root of the source> <page>…
set -euo pipefail

root=$1
shift
faults=0
listings=0

fault() {
  printf '%s\n' "$*" >&2
  faults=$((faults + 1))
}

# contains <file> <text>: whether the file has these lines, one after the other.
contains() {
  local content
  content=$'\n'$(<"$1")$'\n'
  [[ $content == *$'\n'"$2"$'\n'* ]]
}

# check_listing <page> <line> <file> <text>
check_listing() {
  local where=$1:$2 file=$3 text=$4
  listings=$((listings + 1))
  if [[ -z $file ]]; then
    fault "$where: no <!-- listing: file.cpp --> above this listing"
  elif [[ ! $file =~ ^(examples|tests)/.+\.[ch]pp$ ]]; then
    fault "$where: $file is not compiled by the build; name a file of examples/ or tests/"
  elif [[ ! -f $root/$file ]]; then
    fault "$where: there is no $file"
  elif ! contains "$root/$file" "$text"; then
    fault "$where: $file does not have this listing"
  fi
}

for page in "$@"; do
  number=0
  file=""
  text=""
  begun=0 # the line of the listing's first fence; 0: outside
  mapfile -t lines <"$page"
  for line in "${lines[@]}"; do
    number=$((number + 1))
    if ((begun != 0)); then
      if [[ $line == '```' ]]; then
        check_listing "$page" "$begun" "$file" "${text%$'\n'}"
        begun=0
        file=""
      else
        text+=$line$'\n'
      fi
    elif [[ $line == '```cpp'* ]]; then
      begun=$number
      text=""
    elif [[ $line =~ ^'<!-- listing: '([^ ]+)' -->'$ ]]; then
      file=${BASH_REMATCH[1]}
    elif [[ -n $line ]]; then
      file=""
    fi
  done
  if ((begun != 0)); then
    fault "$page:$begun: this listing does not end"
  fi
done

((faults == 0)) || exit 1
echo "$listings listings are compiled"
