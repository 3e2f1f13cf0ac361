#!/usr/bin/env bash
# Ten minutes of fuzzing, all targets. Installs nothing.
set -euo pipefail

remedy="install them as root: apt-get install clang-14 libclang-rt-14-dev"
if ! command -v clang++-14 >/dev/null; then
  echo "The fuzzers need clang++-14 and its runtime; $remedy" >&2
  exit 1
fi
if ! clang++-14 -fsanitize=fuzzer -x c++ - -o fuzzer_probe \
  <<<'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'; then
  echo "clang++-14 is there without libFuzzer, or not whole; $remedy" >&2
  exit 1
fi

"$WEIR_SOURCE_DIR/dev" fuzz --seconds 600
