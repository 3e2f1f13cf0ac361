#!/usr/bin/env bash
# The layer check passes on this source, and fails on each violation planted into a small tree of its own.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
check=$here/check_layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

clean_tree() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{persistence,operators,actors,coordinator,fake/caf,fake/CLI,fake/spdlog}
  echo '#include <cstdint>' >"$tree/persistence/chunk.hpp"
  echo '#include "../persistence/chunk.hpp"' >"$tree/operators/batch.hpp"
  printf '#include <caf/actor.hpp>\n#include "../operators/batch.hpp"\n' >"$tree/actors/subtask.hpp"
  echo '#include "../actors/subtask.hpp"' >"$tree/coordinator/plan.cpp"
  printf '#include <vector>\n#include "operators/batch.hpp"\n' >"$tree/weir.hpp"
  touch "$tree"/fake/caf/actor.hpp "$tree"/fake/CLI/CLI.hpp "$tree"/fake/spdlog/spdlog.h "$tree"/fake/sqlite3.h
}

# planted "what" "words of the report": the tree, as it is now, has to be refused with these words.
planted() {
  local report
  if report=$(CPATH=$tree/fake bash "$check" "$tree" 2>&1); then
    echo "NOT FOUND: $1"
    failed=1
  elif ! grep -qF -- "$2" <<<"$report"; then
    printf 'WRONG REPORT for %s, expected "%s":\n%s\n' "$1" "$2" "$report"
    failed=1
  fi
  clean_tree
}

clean_tree
if ! CPATH=$tree/fake bash "$check" "$tree"; then
  echo "the clean tree was refused"
  failed=1
fi

echo '#include "../operators/batch.hpp"' >>"$tree/persistence/chunk.hpp"
planted "an upward include" "persistence/ comes before operators/"
echo '#  include "../coordinator/plan.cpp"' >>"$tree/actors/subtask.hpp"
planted "an upward include with spaces" "actors/ comes before coordinator/"
echo '#include <caf/actor.hpp>' >>"$tree/operators/batch.hpp"
planted "CAF in operators" "operators/ uses no CAF"
echo '#include <caf/actor.hpp>' >"$tree/persistence/late.cpp"
planted "CAF in a source of persistence" "persistence/ uses no CAF"
echo '#include <weir/operators/batch.hpp>' >>"$tree/coordinator/plan.cpp"
planted "an include by <weir/" "write a relative path"
echo '#include "persistence/chunk.hpp"' >>"$tree/operators/batch.hpp"
planted "an include from the root" "which is not there"
echo '#include "../weir.hpp"' >>"$tree/coordinator/plan.cpp"
planted "an include of the umbrella" "which is in no layer"
echo '#include <sqlite3.h>' >>"$tree/persistence/chunk.hpp"
planted "SQLite two steps below weir.hpp" "fake/sqlite3.h"
echo '#include <CLI/CLI.hpp>' >>"$tree/operators/batch.hpp"
planted "CLI11 below weir.hpp" "fake/CLI/CLI.hpp"
echo '#include <spdlog/spdlog.h>' >>"$tree/weir.hpp"
planted "spdlog in weir.hpp" "fake/spdlog/spdlog.h"
echo '#include "actors/subtask.hpp"' >>"$tree/weir.hpp"
planted "CAF through actors in weir.hpp" "fake/caf/actor.hpp"
echo 'auto f = [](auto& v) { return v | std::views::take(1); };' >>"$tree/persistence/chunk.hpp"
planted "std::views in a public header" "uses std::views"
rm "$tree/weir.hpp"
planted "a missing weir.hpp" "weir.hpp is missing"

bash "$check" "$here/../.." || failed=1
exit "$failed"
