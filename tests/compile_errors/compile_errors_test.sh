#!/usr/bin/env bash
# Runs the cases with the compiler of this build, and with clang where it is installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
include_dir=${WEIR_SOURCE_DIR:-$here/../..}/include
bash "$here/run_compile_errors.sh" "${CXX:-g++}" "$include_dir"
if command -v clang++-14 >/dev/null; then
  bash "$here/run_compile_errors.sh" clang++-14 "$include_dir"
else
  echo "clang++-14 is not installed: what it says is not checked"
fi
