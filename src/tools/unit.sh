#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs unit tests one after the other, shows what a failing one said, and sums up. Usage: unit.sh BIN TEST...
# BIN is the folder with the programs; the tests find them through GATEHOUSE_BUILD.
set -u
export GATEHOUSE_BUILD=$1
shift
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for test in "$@"; do
    if timeout 120 "$test" >"$log" 2>&1; then
        n=$(grep -cE '^\[       OK \]' "$log")
        [ "$n" -gt 0 ] || { echo "$test ran no test"; failed=$((failed + 1)); }
        passed=$((passed + n))
        echo "ok   $(basename "$test") ($n)"
    else
        echo "FAIL $test"
        cat "$log"
        n=$(grep -E '^\[  FAILED  \] [a-zA-Z]' "$log" | sort -u | wc -l)
        failed=$((failed + (n > 0 ? n : 1)))
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
