#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The gate is never linked to the XML libraries, nor to what they bring; and it is hardened. Usage: check_gate.sh FILE
set -u
file=$1 passed=0 failed=0
check() { # name, command...
    local name=$1; shift
    if "$@" >/dev/null 2>&1; then passed=$((passed + 1)); else echo "$file: $name"; failed=$((failed + 1)); fi
}
needed=$(readelf -d "$file" | grep NEEDED)
[ -n "$needed" ] || { echo "$file: readelf names no library at all"; exit 1; }
for library in libxml2 libxmlsec liblasso libxslt libglib libgobject libicu 'libstdc\+\+'; do
    check "is linked to $library" sh -c "! printf '%s' '$needed' | grep -qE '$library'"
done
check "is not position independent" sh -c "readelf -h '$file' | grep -q 'DYN'"
check "binds lazily (no BIND_NOW)" sh -c "readelf -d '$file' | grep -qE 'BIND_NOW|FLAGS_1.*NOW'"
check "has no RELRO" sh -c "readelf -lW '$file' | grep -q GNU_RELRO"
check "has an executable stack" sh -c "! readelf -lW '$file' | grep 'GNU_STACK' | grep -q 'RWE'"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
