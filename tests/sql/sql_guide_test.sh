#!/usr/bin/env bash
# Runs every statement of docs/sql.md, and compares its output with the page's. Where the output varies from run to run
# (<!-- varies -->), only its first lines, which have the names of the columns, are compared, without their widths.
# `sql_guide_test.sh --write` puts the present output into the page instead.
set -euo pipefail

page=$WEIR_SOURCE_DIR/docs/sql.md
extension=$WEIR_BINARY_DIR/lib/weir_sql
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'sql_guide_test: %s\n' "$*" >&2
  exit 1
}

command -v sqlite3 >/dev/null || { echo "skipped: no sqlite3"; exit 0; }
if nm -D "$extension.so" | grep -q '__[at]san_init'; then
  echo "skipped: the stock sqlite3 cannot load what is built with a sanitizer"
  exit 0
fi

mkdir -p examples
ln -s "$WEIR_SOURCE_DIR/examples/data" examples/data
options=$(sed -n 's|^    build/release/examples/word_count ||p' "$page" | head -n 1)
[[ $options == *--retain* ]] || fail "the page does not say how word_count is run"
# shellcheck disable=SC2086 # several words
"$WEIR_BINARY_DIR/examples/word_count" $options >out.txt 2>log.txt || fail "the job: $(cat log.txt)"
(($(sqlite3 -readonly word-count.weir "select count(*) from checkpoint_overview where restorable") > 5)) ||
  fail "the job was too quick for six checkpoints"

# What the page does outside of SQL.
commands=0
while IFS= read -r line; do
  bash -c "${line//build\/release/$WEIR_BINARY_DIR}" >out.txt 2>log.txt || fail "$line: $(cat log.txt)"
  commands=$((commands + 1))
done < <(sed -n '/^## Editing/,/^## Python/ s|^    ||p' "$page")
((commands > 2)) || fail "only $commands commands were found"

# The page's statements, with a mark before each, as one session.
awk '/^```/ { inside = !inside; next }
     inside && /^sqlite> / { print ".print @@" ++n; print substr($0, 9); next }
     inside && /^   \.\.\.> / { print substr($0, 9) }' "$page" |
  sed "s|^\.load .*|.load $extension|" >statements.sql
stdbuf -o0 sqlite3 -readonly -box word-count.weir <statements.sql >session.txt 2>&1 || true
sed -i -e 's/ near line [0-9]*:/:/' -e "s|$PWD/||g" session.txt

# The page with the session's output after each statement.
awk -v session=session.txt '
  BEGIN {
    while ((getline line <session) > 0)
      if (line ~ /^@@[0-9]+$/) n = substr(line, 3)
      else output[n] = output[n] line "\n"
    n = 0
  }
  function flush() { if (asked) printf "%s", output[n]; asked = 0 }
  /^```/ { flush(); inside = !inside; shown = 0; print; next }
  inside && /^sqlite> / { flush(); ++n; asked = shown = 1; print; next }
  inside && /^   \.\.\.> / { print; next }
  inside && shown { next }
  { print }' "$page" >written.md

if [[ ${1:-} == --write ]]; then
  cp written.md "$page"
  exit 0
fi

# Of what varies, only how it begins: the statement, and the names of the columns.
comparable() {
  awk '/^<!-- varies -->$/ { varies = 1 }
       /^```/ { inside = !inside; if (!inside) varies = 0; box = 0 }
       varies && inside && /^[┌├└]/ { next }
       varies && inside && /^│/ { if (box++) next; gsub(/ +/, " ") }
       { print }' "$1"
}
diff <(comparable "$page") <(comparable written.md) || fail "docs/sql.md says something else than the extension (<: the page)"
grep -q '^Runtime error' written.md || fail "no refusals were shown"
(($(grep -c '^sqlite> ' "$page") > 12)) || fail "few statements were found"

# The Python program of the page.
awk '/^<!-- python -->$/ { python = 1 } /^```/ { if (inside) python = 0; inside = !inside; next } inside && python' "$page" |
  sed "s|build/release/lib/weir_sql|$extension|" >page.py
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c 'import sqlite3; sqlite3.Connection.enable_load_extension' 2>/dev/null; then
    [[ $("$candidate" page.py | sed -n 1p) == "the 14528" ]] || fail "the Python program says something else"
    exit 0
  fi
done
echo "not run: the page's Python program; there is no Python whose sqlite3 loads extensions"
