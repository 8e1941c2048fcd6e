#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints the rooms from the lowest to the highest, and checks that each includes only what its .may_include names
# (a room, or one header of it), that third-party headers stay with their owners, and the caps on size. Exit 1: not so.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
say() { printf '%s\n' "$1"; bad=1; }

for list in src/*/.may_include; do
    room=$(basename "$(dirname "$list")")
    while IFS= read -r line; do
        file=${line%%:*}
        included=$(printf '%s' "$line" | sed -E 's/.*#[[:space:]]*include[[:space:]]*"([^"]+)".*/\1/')
        from=${included%%/*}
        [ "$from" = "$included" ] && { say "$file includes \"$included\": name the room too, as \"$room/$included\""; continue; }
        [ "$from" = "$room" ] && continue
        grep -qxF -e "$from" -e "$included" "$list" && continue
        say "$file includes \"$included\", which $list does not name"
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' -r "src/$room" --include='*.c' --include='*.h' --include='*.def')
done

# header pattern | who may include it
owners='microhttpd\.h|src/http/server\.c src/http/loop\.c src/practice/
lmdb\.h|src/store/lmdb
xxhash\.h|src/store/journal\.c
libpq-fe\.h|src/store/pg
curl/|src/saml/fetch src/mail/smtp\.c src/base/uri\.c src/app/control src/practice/
libconfig\.h|src/app/config\.c
seccomp\.h|src/worker/
libxml/|src/worker/ src/practice/
xmlsec/|src/worker/ src/practice/
lasso/|src/worker/ src/practice/
jansson\.h|src/base/json src/client/
cjose/|src/token/
idn2\.h|src/domain/email\.c
csv\.h|src/domain/csv\.c
zlib\.h|src/saml/binding src/practice/
argon2\.h|src/base/argon\.c
liboath/|src/domain/second_factor\.c
qrencode\.h|src/http/web/qr\.c
openssl/|src/domain/seal\.c src/base/rand\.c src/base/digest\.c src/base/encode\.c src/saml/ src/token/ src/app/selftest/ src/practice/ src/client/'
while IFS='|' read -r header places; do
    while IFS= read -r file; do
        ok=no
        for place in $places; do printf '%s' "$file" | grep -qE "^$place" && ok=yes; done
        [ $ok = yes ] || say "$file includes <$header>, which belongs to: $places"
    done < <(grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$header" -r src --include='*.c' --include='*.h')
done <<< "$owners"

# caps: a file 600 lines, a header 300
while IFS= read -r file; do
    lines=$(wc -l < "$file")
    cap=600; case $file in *.h) cap=300;; esac
    [ "$lines" -le $cap ] || say "$file has $lines lines, the cap is $cap: split it by what it owns"
    head -2 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || say "$file has no SPDX line"
done < <(find src include tests -name node_modules -prune -o -name '*.c' -o -name '*.h' -o -name '*.py' -o -name '*.sh' | grep -v node_modules | sort)
# calls that have no place here
while IFS= read -r line; do say "$line: a call that has no place here"; done \
    < <(grep -nE '\b(strcpy|strcat|sprintf|gets|system|popen|alloca|strtok)[[:space:]]*\(' -r src include --include='*.c' --include='*.h')

echo 'base -> store -> domain -> { saml | token | mail } -> http -> app      worker: base + saml/msg      practice: base      client: alone'
[ $bad = 0 ] && echo '1 passed, 0 failed' || { echo '0 passed, 1 failed'; exit 1; }
