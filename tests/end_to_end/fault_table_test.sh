#!/bin/sh
# fault_table_test.sh README TESTS: every row of "When something fails" in the README names tests,
# and each of them is in the sources: Suite.Name, Suite, Suite/parameter, or a file.
set -eu
readme=$1
tests=$2

sources=$(find "$tests" -name '*_test.cpp' | sort)
flat() { tr -s ' \n' '  ' < "$1"; }  # a declaration may be broken over lines

# has_test SUITE [NAME] [PARAMETER]: whether some source declares it
has_test() {
  for source in $sources; do
    flat "$source" | grep -Eq "TEST(_F|_P)?\($1, ${2:-[A-Za-z0-9]+}\)" || continue
    [ -z "${3:-}" ] || flat "$source" | grep -Fq "{\"$3\"" || continue
    return 0
  done
  return 1
}

exists() {
  case $1 in
    *.py | *.sh) [ -n "$(find "$tests" -name "$1")" ] ;;
    *.*) has_test "${1%%.*}" "${1#*.}" ;;
    */*) has_test "${1%%/*}" "" "${1#*/}" ;;
    *) has_test "$1" ;;
  esac
}

rows=$(sed -n '/^## When something fails/,/^## /p' "$readme" | grep '^|' | sed '1,2d')
[ -n "$rows" ] || { echo "the README has no table of faults"; exit 1; }
failures=0
while IFS= read -r row; do
  names=$(printf '%s\n' "$row" | awk -F'|' '{ print $(NF - 1) }' | grep -o '`[^`]*`' | tr -d '`' || true)
  [ -n "$names" ] || { echo "no test is named: $row"; failures=$((failures + 1)); }
  for name in $names; do
    exists "$name" || { echo "there is no test $name: $row"; failures=$((failures + 1)); }
  done
done <<END
$rows
END
[ "$failures" -eq 0 ]
