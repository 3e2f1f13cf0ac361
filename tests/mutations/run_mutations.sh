#!/usr/bin/env bash
# run_mutations.sh <scratch folder> [name] <<<"<the source's files, one a line>"
#
# Plants each mutation, or those whose name contains this one, into a copy of the source, builds it, and runs the machine
# that has to find it: one line each, the last line is the sums. Exit status 1 if one was not found. The copy as it is
# goes first, and has to hold; a seed that finds a mutation has to hold without it.
#
# WEIR_MUTATE_SEEDS: how many seeds the simulation has to find a mutation in (4000).
# WEIR_MUTATE_SECONDS: how long a machine may take (900).
set -euo pipefail

scratch=$1
name=${2:-}
seeds=${WEIR_MUTATE_SEEDS:-4000}
limit_s=${WEIR_MUTATE_SECONDS:-900}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
seeds_of_copy=200

mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
source=$scratch/source
build=$scratch/build
kept=$scratch/kept
logs=$scratch/logs
mkdir -p "$source/include" "$build" "$kept" "$logs"

say() { printf 'mutate: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 2
}

mutation() { perl "$here/mutation.pl" "$@"; }

# --- The copy ------------------------------------------------------------------------------------------------------

# Copies what differs, so that only that is built again.
copy_file() {
  if ! cmp -s "$root/$1" "$source/$1"; then
    mkdir -p "$source/$(dirname "$1")"
    cp "$root/$1" "$source/$1"
  fi
}

# The files are named on standard input.
copy_source() {
  local file
  sort -u >"$scratch/files"
  [[ -s $scratch/files ]] || die "standard input names no files"
  while read -r file; do
    copy_file "$file"
  done <"$scratch/files"
  while read -r file; do
    rm "$source/$file"
  done < <(cd "$source" && find . -type f -printf '%P\n' | sort | comm -23 - "$scratch/files")
  ln -sfn .. "$source/include/weir"
}

configure_copy() {
  cmake -S "$source" -B "$build" --preset test -DWEIR_WERROR=OFF -DWEIR_BUILD_EXAMPLES=OFF \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" >"$logs/configure.log" 2>&1 || {
    cat "$logs/configure.log" >&2
    die "the copy can't be configured"
  }
}

# --- Machines ------------------------------------------------------------------------------------------------------

simulator=$build/tests/simulation/simulate_program

# The targets that a machine needs.
targets_of() {
  local machine=$1 program
  case $machine in
    simulation) echo simulate_program ;;
    unit/*) echo weir_unit_tests ;;
    *)
      for program in "$source/tests/${machine%/*}"/*_program.cpp; do
        if [[ -f $program ]]; then
          basename "$program" .cpp
        fi
      done
      echo "${machine#*/}"
      ;;
  esac
}

# build_for <machine> <log>
build_for() {
  local targets
  mapfile -t targets < <(targets_of "$1")
  cmake --build "$build" --parallel "$(nproc)" --target "${targets[@]}" >"$2" 2>&1
}

# run_machine <machine> <log>: its own exit status, or 124 if it took too long.
run_machine() {
  if [[ $1 == simulation ]]; then
    { # the shell would tell of a crash, too
      timeout --kill-after=5 "$limit_s" "$simulator" --seeds "$seeds" --first-seed 1 --jobs 1 >"$2" 2>&1 </dev/null
    } 2>/dev/null
  else
    timeout --kill-after=5 "$limit_s" ctest --test-dir "$build" -R "^$1\$" --output-on-failure --no-tests=error \
      >"$2" 2>&1 </dev/null
  fi
}

# The copy as it is.
check_copy() {
  local machine=$1 log=$logs/unchanged.${1//\//.}.log
  say "building the copy for $machine (in $build)"
  build_for "$machine" "$log" || {
    tail -n 40 "$log" >&2
    die "the copy can't be built"
  }
  if [[ $machine == simulation ]]; then
    cp "$simulator" "$scratch/unchanged_simulate_program"
    "$simulator" --seeds "$seeds_of_copy" >"$log" 2>&1 </dev/null
  else
    run_machine "$machine" "$log"
  fi || {
    tail -n 40 "$log" >&2
    die "$machine fails without any mutation"
  }
}

# --- Mutations -----------------------------------------------------------------------------------------------------

caught=0
missed=0

# line <what> <verdict> <seconds> <remark>
line() { printf '%-55s %-7s %7s s  %s\n' "$@"; }

# Whether a seed finds nothing without a mutation.
seed_holds() {
  "$scratch/unchanged_simulate_program" --seed "$1" >/dev/null 2>&1 </dev/null
}

try_mutation() {
  local file=$1 what machine log build_log status=0 began took seed remark
  what=$(basename "$file" .mutation)
  machine=$(mutation machine "$file")
  log=$logs/$what.log
  build_log=$logs/$what.build.log
  keep_files "$file"
  mutation apply "$source" "$file"
  if ! build_for "$machine" "$build_log"; then
    line "$what" MISSED - "does not compile: $build_log"
    missed=$((missed + 1))
    return
  fi
  began=${EPOCHREALTIME/[.,]/}
  run_machine "$machine" "$log" || status=$?
  took=$((${EPOCHREALTIME/[.,]/} - began))
  printf -v took '%d.%d' $((took / 1000000)) $((took / 100000 % 10))
  remark=$machine
  if [[ $machine == simulation ]]; then
    seed=$(sed -n 's/^seed \([0-9]*\): .*/\1/p' "$log" | head -n 1)
    remark=$(grep -m 1 '^seed ' "$log" | cut -c 1-140 || true)
  elif ((status != 0)); then
    remark="$machine fails"
  fi
  if ((status == 124 || status == 137)); then
    remark="$machine hangs"
  elif ((status > 1)) && [[ $machine == simulation ]]; then
    remark="the program ends with status $status"
  fi
  if ((status == 0)); then
    line "$what" MISSED "$took" "$(tail -n 1 "$log" | cut -c 1-100)"
    missed=$((missed + 1))
  elif [[ -n ${seed:-} ]] && ! seed_holds "$seed"; then
    line "$what" MISSED "$took" "seed $seed fails without the mutation, too"
    missed=$((missed + 1))
  else
    line "$what" caught "$took" "$remark"
    caught=$((caught + 1))
  fi
}

# The files as they were before the mutation: the source may change meanwhile.
keep_files() {
  local file
  while read -r file; do
    mkdir -p "$kept/$(dirname "$file")"
    cp "$source/$file" "$kept/$file"
  done < <(mutation files "$1")
}

undo_mutation() {
  local file
  while read -r file; do
    cp "$kept/$file" "$source/$file"
  done < <(mutation files "$1")
}

chosen=()
for file in "$here"/*.mutation; do
  if [[ $(basename "$file" .mutation) == *"$name"* ]]; then
    chosen+=("$file")
  fi
done
((${#chosen[@]} > 0)) || die "no mutation's name contains \"$name\""

copy_source
mutation check "$source" "${chosen[@]}" || die "these mutations do not fit the source"
configure_copy
mapfile -t machines < <(for file in "${chosen[@]}"; do mutation machine "$file"; done | sort -u)
for machine in "${machines[@]}"; do
  check_copy "$machine"
done
for machine in "${machines[@]}"; do # one after the other: less is built again
  for file in "${chosen[@]}"; do
    if [[ $(mutation machine "$file") == "$machine" ]]; then
      try_mutation "$file"
      undo_mutation "$file"
    fi
  done
done
echo "$((caught + missed)) mutations, $caught caught, $missed missed"
((missed == 0))
