#!/usr/bin/env bash
# Checks that the folders are layers: check_layers.sh [source root] [compiler]
#
#  - a file includes only its own folder and the folders before it, by a relative path to a file that exists;
#  - persistence/ and operators/ include no CAF;
#  - nothing that weir.hpp brings along, directly or not, comes from CAF, CLI11, spdlog, SQLite, simdjson, libcsv, zlib or zstd;
#  - the public headers do without std::views and <ranges>.
#
# Prints one line for each violation, and fails if there is one.
set -euo pipefail

root=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd -P)
compiler=${2:-${CXX:-g++}}
layers=(persistence operators actors coordinator)
violations=0

violation() {
  echo "layers: $*"
  violations=$((violations + 1))
}

# The place of a folder in the list of layers; fails if it is none.
rank_of() {
  local i
  for i in "${!layers[@]}"; do
    if [[ ${layers[i]} == "$1" ]]; then
      echo "$i"
      return 0
    fi
  done
  return 1
}

# Prints "file:line:name", the name with its quotes or brackets, for every include of the files that are given.
includes_of() {
  awk 'match($0, /^[ \t]*#[ \t]*include[ \t]*[<"][^>"]*[>"]/) {
         name = substr($0, RSTART, RLENGTH); sub(/^[^<"]*/, "", name); print FILENAME ":" FNR ":" name }' "$@"
}

check_include() { # layer file line name
  local layer=$1 file=$2 line=$3 name=$4 target folder
  case $name in
    '<weir/'*) violation "$file:$line: includes $name; inside the library write a relative path in quotes" ;;
    '<caf/'*)
      if [[ $layer == persistence || $layer == operators ]]; then
        violation "$file:$line: includes $name; $layer/ uses no CAF"
      fi
      ;;
    '"'*)
      name=${name//\"/}
      if [[ ! -f $root/${file%/*}/$name ]]; then
        violation "$file:$line: includes \"$name\", which is not there; packages are included in brackets"
        return 0
      fi
      target=$(realpath --relative-to="$root" "$root/${file%/*}/$name")
      folder=${target%%/*}
      if ! rank_of "$folder" >/dev/null; then
        violation "$file:$line: includes \"$name\", which is in no layer"
      elif (($(rank_of "$folder") > $(rank_of "$layer"))); then
        violation "$file:$line: includes \"$name\"; $layer/ comes before $folder/"
      fi
      ;;
  esac
}

check_folders() {
  local layer files file line name
  for layer in "${layers[@]}"; do
    mapfile -t files < <(cd "$root" && find "$layer" -type f \( -name '*.hpp' -o -name '*.cpp' \) | sort)
    if ((${#files[@]} == 0)); then
      continue
    fi
    while IFS=: read -r file line name; do
      check_include "$layer" "$file" "$line" "$name"
    done < <(cd "$root" && includes_of "${files[@]}")
  done
}

check_umbrella() {
  local dependencies path
  if [[ ! -f $root/weir.hpp ]]; then
    violation "weir.hpp is missing"
    return 0
  fi
  if ! dependencies=$(cd "$root" && "$compiler" -std=c++20 -w -M -x c++ weir.hpp); then
    violation "weir.hpp: $compiler cannot read it"
    return 0
  fi
  while read -r path; do
    case $path in
      */caf/* | */CLI/* | */spdlog/* | */sqlite3.h | */simdjson.h | */csv.h | */zlib.h | */zstd.h) violation "weir.hpp brings along $path" ;;
      "$root"/*)
        if grep -nE 'std::(ranges::)?views|#[ \t]*include[ \t]*<ranges>' "$path" | grep -vE '^[0-9]+:[ \t]*//'; then
          violation "${path#"$root"/}: uses std::views or <ranges> in a public header"
        fi
        ;;
    esac
  done < <(cd "$root" &&
    awk '{ for (i = 1; i <= NF; ++i) if ($i !~ /:$|^\\$/) print $i }' <<<"$dependencies" | xargs -r -d "\n" realpath | sort -u)
}

check_folders
check_umbrella
if ((violations > 0)); then
  echo "layers: $violations violations"
  exit 1
fi
echo "layers: persistence, operators, actors and coordinator each use only what comes before them"
