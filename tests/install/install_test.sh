#!/usr/bin/env bash
# Installs into a prefix of its own, and builds a stranger's program against it: with CMake, and with pkg-config.
set -euo pipefail

source_dir=${WEIR_SOURCE_DIR:?the folder of the source}
binary_dir=${WEIR_BINARY_DIR:?the folder of a finished build}
compiler=${CXX:-g++}
work=$binary_dir/tests/install/work/tree
stranger=$source_dir/tests/install/stranger

fail() {
  echo "install: $*" >&2
  exit 1
}

rm -rf "$work"
mkdir -p "$work"

echo "== install"
cmake --install "$binary_dir" --prefix "$work/first" >"$work/install.log" || { cat "$work/install.log"; fail "failed"; }
mv "$work/first" "$work/prefix" # an installed tree can be moved
prefix=$work/prefix
library_dir=$(dirname "$(find "$prefix" -name libweir.a)")
[[ -f $prefix/include/weir/weir.hpp ]] || fail "include/weir/weir.hpp is missing"
[[ -f $library_dir/cmake/weir/weirConfig.cmake ]] || fail "weirConfig.cmake is missing"

echo "== the installed tree names neither the source nor the build"
cp -r "$prefix" "$work/searched"
for folder in "$source_dir" "$binary_dir"; do
  if grep -rlF -- "$folder/" "$work/searched"; then
    fail "these files name $folder"
  fi
done

# The program must run from a folder of its own, and print the count of the word that it counts.
run() {
  rm -rf "$work/run"
  mkdir -p "$work/run"
  (cd "$work/run" && "$1" >output.txt 2>errors.txt </dev/null) || {
    cat "$work/run/output.txt" "$work/run/errors.txt"
    fail "$1 failed"
  }
  grep -qw weir "$work/run/output.txt" || {
    cat "$work/run/output.txt"
    fail "$1 did not print the word \"weir\""
  }
}

echo "== find_package(weir)"
# A copy, so that nothing beside it can be found by accident.
cp -r "$stranger" "$work/cmake"
cmake -S "$work/cmake" -B "$work/cmake/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log" || { cat "$work/cmake.log"; fail "configuring failed"; }
cmake --build "$work/cmake/build" >"$work/build.log" || { cat "$work/build.log"; fail "building failed"; }
run "$work/cmake/build/stranger"

echo "== a CAF program that is killed"
cp -r "$source_dir/tests/install/caf_stranger" "$work/caf"
cmake -S "$work/caf" -B "$work/caf/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$prefix" >"$work/caf.log" || { cat "$work/caf.log"; fail "configuring failed"; }
cmake --build "$work/caf/build" >"$work/caf_build.log" || { cat "$work/caf_build.log"; fail "building failed"; }
bash "$source_dir/tests/install/kill_caf_stranger.sh" "$work/caf/build/caf_stranger" "$work/caf_run" ||
  fail "the CAF program is not exact"

echo "== pkg-config weir"
export PKG_CONFIG_PATH=$library_dir/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs weir)"
"$compiler" -std=c++20 "$stranger/main.cpp" -o "$work/stranger" "${flags[@]}" || fail "compiling failed: ${flags[*]}"
run "$work/stranger"

echo "install: both programs were built and ran"
