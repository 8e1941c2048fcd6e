#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# All tests, part by part, each with its budget in seconds; sums up what they counted. Usage: test.sh MAKE
set -u
make=${1:-make}
cd "$(dirname "$0")/../.."
jobs=$(nproc)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 broken=
part() { # budget, name, command...
    local budget=$1 name=$2 start=$SECONDS; shift 2
    printf '\n== %s\n' "$name"
    timeout --kill-after=10 "$budget" "$@" 2>&1 | tee "$log"
    local rc=${PIPESTATUS[0]}
    local counted
    counted=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
    if [ -n "$counted" ]; then
        passed=$((passed + ${counted%% *}))
        local f=${counted#* passed, }
        failed=$((failed + ${f%% *}))
    fi
    if [ "$rc" != 0 ]; then
        [ "$rc" = 124 ] && echo "$name took longer than $budget s"
        broken="$broken; $name"
        [ -n "$counted" ] && [ "${f%% *}" != 0 ] || failed=$((failed + 1))
    fi
    printf '== %s: %s s\n' "$name" $((SECONDS - start))
}

part 30  "layers"                      src/tools/layers.sh
part 60  "generated files and documents" src/tools/generated.sh
part 60  "conformance and reasons"     src/tools/conformance.sh
part 600 "build (gcc, release)"        "$make" --no-print-directory -j"$jobs" programs
part 300 "headers compile alone"       "$make" --no-print-directory check-headers
part 30  "the gate's libraries"        "$make" --no-print-directory check-gate
part 600 "build (clang)"               "$make" --no-print-directory -j"$jobs" MODE=dev CC=clang B=build/clang BIN=build/clang programs
part 900 "build (ASan and UBSan)"      "$make" --no-print-directory -j"$jobs" MODE=asan programs unit-programs
part 600 "unit tests (ASan and UBSan)" "$make" --no-print-directory MODE=asan unit
part 600 "unit tests (release)"        "$make" --no-print-directory -j"$jobs" unit
part 400 "faults in memory, crypto, store" "$make" --no-print-directory MODE=asan fault
part 200 "two XML readers compared"    "$make" --no-print-directory diff
part 120 "CSV beside Python's reader"  env GATEHOUSE_BUILD=build /usr/bin/python3 tests/diff/test_csv.py
part 300 "bounded work"                "$make" --no-print-directory bounds
part 300 "valgrind over the worker"    "$make" --no-print-directory valgrind
part 300 "attack corpus (ASan and UBSan)" build/asan/gatehouse selftest
part 240 "practice IdP"                env GATEHOUSE_BUILD=build/asan ASAN_OPTIONS=detect_leaks=0 /usr/bin/python3 tests/practice/test_practice.py
part 900 "commands"                    env GATEHOUSE_BUILD=build/asan /usr/bin/python3 tests/cli/test_cli.py
part 900 "end to end (ASan and UBSan)" env GATEHOUSE_BUILD=build/asan ASAN_OPTIONS=detect_leaks=0 /usr/bin/python3 tests/e2e/run.py
part 600 "end to end (release)"        env GATEHOUSE_BUILD=build /usr/bin/python3 tests/e2e/run.py
part 300 "browser"                     env GATEHOUSE_BUILD=build /usr/bin/python3 tests/browser/run.py
part 500 "crashes, full disks, overload" env GATEHOUSE_BUILD=build /usr/bin/python3 tests/crash/run.py
part 400 "bench, its own checks"       env GATEHOUSE_BUILD=build /usr/bin/python3 tests/bench/test_bench.py
part 400 "bench of many, its own checks"       env GATEHOUSE_BUILD=build /usr/bin/python3 tests/bench/test_scale.py
part 900 "fuzz targets are built"     "$make" --no-print-directory -j"$jobs" fuzz-programs
part 400 "fuzz targets, a short run"   "$make" --no-print-directory fuzz T=5

echo
[ -z "$broken" ] || echo "failed parts: ${broken#; }"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
