#!/usr/bin/env bash
# Tests that the listings of the project's pages are compiled, and that the check of that finds what is wrong.
set -euo pipefail

check=$WEIR_SOURCE_DIR/tests/docs/check_listings.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'check_listings_test: %s\n' "$*" >&2
  exit 1
}

# page <name> <line>…
page() {
  local name=$1
  shift
  printf '%s\n' "$@" >"$work/$name"
}

# finds <expected words> <page>: the check fails, and says this.
finds() {
  if bash "$check" "$work" "$work/$2" >"$work/out" 2>&1; then
    fail "nothing found in $2"
  fi
  grep -q -- "$1" "$work/out" || fail "\"$1\" not said of $2, but: $(cat "$work/out")"
}

mkdir -p "$work/examples"
printf 'int a;\nint b;\nint c;\n' >"$work/examples/some.cpp"

page good.md 'Text.' '<!-- listing: examples/some.cpp -->' '' '```cpp' 'int a;' 'int b;' '```' '```sh' 'anything' '```'
bash "$check" "$work" "$work/good.md" | grep -q '^1 listings' || fail "a good page is refused"

page unnamed.md '```cpp' 'int a;' '```'
finds 'unnamed.md:1: no <!-- listing' unnamed.md
page stale.md '<!-- listing: examples/some.cpp -->' '```cpp' 'int a;' '```' '```cpp' 'int b;' '```'
finds 'stale.md:5: no <!-- listing' stale.md
page other.md '<!-- listing: examples/some.cpp -->' '```cpp' 'int a;' 'int c;' '```'
finds 'does not have this listing' other.md
page part_of_a_line.md '<!-- listing: examples/some.cpp -->' '```cpp' 'int' '```'
finds 'does not have this listing' part_of_a_line.md
page missing.md '<!-- listing: examples/none.cpp -->' '```cpp' 'int a;' '```'
finds 'there is no examples/none.cpp' missing.md
page uncompiled.md '<!-- listing: some.txt -->' '```cpp' 'int a;' '```'
finds 'not compiled by the build' uncompiled.md
page open.md '<!-- listing: examples/some.cpp -->' '```cpp' 'int a;'
finds 'does not end' open.md

shopt -s nullglob
bash "$check" "$WEIR_SOURCE_DIR" "$WEIR_SOURCE_DIR"/README.md "$WEIR_SOURCE_DIR"/docs/*.md
