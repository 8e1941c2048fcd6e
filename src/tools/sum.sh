#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs test programs that end with "N passed, M failed", and sums up. Usage: sum.sh PROGRAM...
set -u
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    "$program" 2>&1 | tee "$log"
    rc=${PIPESTATUS[0]}
    counted=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
    some=${counted#* passed, }
    some=${some%% *}
    some=${some:-0}
    counted=${counted%% *}
    passed=$((passed + ${counted:-0}))
    failed=$((failed + some))
    if [ "$rc" != 0 ] && [ "$some" = 0 ]; then echo "FAIL $program ended with $rc"; failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
