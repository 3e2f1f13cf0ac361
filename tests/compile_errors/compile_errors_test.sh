#!/usr/bin/env bash
# Runs the cases with the compiler of this build.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
exec bash "$here/run_compile_errors.sh" "${CXX:-g++}" "${WEIR_SOURCE_DIR:-$here/../..}/include"
