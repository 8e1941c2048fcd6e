#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Compiles each header alone: it must bring what it needs. Usage: headers.sh CC FLAGS...
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
while IFS= read -r header; do
    if printf '#include "%s"\n#include "%s"\ntypedef int not_empty;\n' "${header#src/}" "${header#src/}" | "$@" -x c -fsyntax-only - ; then
        passed=$((passed + 1))
    else
        echo "$header does not compile alone"; failed=$((failed + 1))
    fi
done < <(find src include -name '*.h' ! -path 'src/practice/*' ! -path 'src/worker/*' | sort)
echo "$passed passed, $failed failed"
[ $failed = 0 ]
