#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs each fuzz target for T seconds on its corpus. Usage: fuzz.sh T TARGET...
set -u
seconds=$1 passed=0 failed=0
shift
for target in "$@"; do
    name=$(basename "$target")
    corpus=tests/fuzz/corpus/${name#fuzz_}
    work=build/fuzz/corpus/${name#fuzz_}
    mkdir -p "$work"
    dict=tests/fuzz/${name#fuzz_}.dict
    if [ ! -f "$dict" ] || [ -z "$(ls "$corpus")" ]; then
        failed=$((failed + 1)); echo "FAIL $name: it needs $dict and something in $corpus"; continue
    fi
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
        -artifact_prefix=build/fuzz/ -dict="$dict" "$work" "$corpus" >build/fuzz/"$name".log 2>&1; then
        passed=$((passed + 1)); echo "ok   $name"
    else
        failed=$((failed + 1)); echo "FAIL $name"; tail -40 build/fuzz/"$name".log
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
