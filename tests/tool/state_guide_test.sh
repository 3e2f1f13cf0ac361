#!/usr/bin/env bash
# Runs every command of docs/state.md, and compares its output with the page's: of what varies from run to run
# (<!-- varies -->) only the first line, without its widths.
set -euo pipefail

page=$WEIR_SOURCE_DIR/docs/state.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'state_guide_test: %s\n' "$*" >&2
  exit 1
}
here() { sed "s|build/release/|$WEIR_BINARY_DIR/|g"; }

mkdir -p examples
ln -s "$WEIR_SOURCE_DIR/examples/data" examples/data
job=$(sed -n 's|^    \(build/release/examples/word_count .*\)|\1|p' "$page" | here)
[[ $job == *--retain* ]] || fail "the page does not say how word_count is run"
bash -c "$job" >out.txt 2>log.txt || fail "the job: $(cat log.txt)"

commands=0
varies=
inside=
expected=
command=
settle() {
  [[ -n $command ]] || return 0
  local found status=0 wanted=0
  found=$(bash -c "$(here <<<"$command")" 2>&1) || status=$?
  if [[ $expected == weir:* ]]; then
    wanted=2
  fi
  ((status == wanted)) || fail "$command: exit status $status, not $wanted:"$'\n'"$found"
  if [[ -n $varies ]]; then
    expected=$(head -n 1 <<<"$expected" | tr -s ' ')
    found=$(head -n 1 <<<"$found" | tr -s ' ')
  fi
  # A command that shows no output may have some.
  [[ -z $expected || $expected == "$found" ]] || fail "$command: the page has"$'\n'"$expected"$'\n'"and it prints"$'\n'"$found"
  commands=$((commands + 1))
  command=
  expected=
}
while IFS= read -r line; do
  case $line in
    '<!-- varies -->') varies=yes ;;
    '```'*)
      settle
      if [[ -n $inside ]]; then
        inside=
        varies=
      else
        inside=yes
      fi
      ;;
    '$ '*)
      [[ -n $inside ]] || continue
      settle
      command=${line#\$ }
      ;;
    *)
      if [[ -n $inside && -n $command ]]; then
        expected+=${expected:+$'\n'}$line
      fi
      ;;
  esac
done <"$page"
((commands > 5)) || fail "only $commands commands were found"
[[ -f end.save ]] || fail "no savepoint was made"
