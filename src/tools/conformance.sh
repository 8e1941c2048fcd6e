#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks docs/conformance.md against tests/conformance/requirements.def: the committed page is what that file makes, each
# test that a row names is there, each requirement has its row. And each refusal of src/base/reasons.def that is in use is
# asserted by a test; one that nothing raises says so there, as a comment `// RESERVED NAME: why`.
# Usage: conformance.sh [write]   (write: puts the page in its place)
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); printf '%s\n' "$1"; }
rows=tests/conformance/requirements.def
made() { awk -v "want=$1" -f src/tools/conformance.awk "$rows"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made page >"$work/page" || { echo '0 passed, 1 failed'; exit 1; }
[ "${1:-}" = write ] && cp "$work/page" docs/conformance.md
if cmp -s "$work/page" docs/conformance.md; then ok; else bad "docs/conformance.md is not what $rows makes: run src/tools/conformance.sh write"; fi

# Is there a test of that name in that file? C: a test function that main runs; Python: a method, or a row of ROWS.
is_test() { # path, name
    case $1 in
    *.c) grep -qE "^static void $2\(void \*\*" "$1" && [ "$(grep -cwF -- "$2" "$1")" -gt 1 ] ;;
    *.py) grep -qE "^ +def $2\(self" "$1" || { grep -q '^ROWS' "$1" && grep -qE "^    \"${2#test_refuses_}\": \(" "$1"; } ;;
    *.mjs) grep -qF -- "$2" "$1" ;;
    *) return 1 ;;
    esac
}
made tests >"$work/tests"
while read -r id test; do
    path=${test%%:*} name=${test#*:}
    if [ -f "$path" ] && is_test "$path" "$name"; then ok; else bad "$id names $test, which is not there"; fi
done <"$work/tests"

# All of them. Numbers that are not here are for identity providers or are not used by the profile.
ids() {
    printf '%s\n' O-{01..13}
    printf '%s\n' P-{1..11} B-3.4.4.1 B-3.5.5.2 B-3.4.3 C-2.2.4 C-2.7.3.2 C-6 C-2.5.1 C-2.5.1.4 C-5.4.2
    printf '%s\n' IIP-G0{1..3} IIP-MD{01..12} IIP-EXT01 IIP-ALG0{1..6} IIP-ALG08 IIP-SSO0{1..7} IIP-SP{01..17}
    printf '%s\n' SDP-G0{1..4} SDP-MD{01..11} SDP-ALG01 SDP-SP{02..23} SDP-SP25 SDP-SP26 SDP-SP{28..39}
    printf '%s\n' MDIOP-{1..5} ALG-{1..3}
}
made ids | sort >"$work/have"
ids | sort >"$work/want"
while read -r id; do bad "$rows has no row for $id"; done < <(comm -13 "$work/have" "$work/want")
while read -r id; do bad "$rows has $id, which src/tools/conformance.sh does not know"; done < <(comm -23 "$work/have" "$work/want")
passed=$((passed + $(comm -12 "$work/have" "$work/want" | wc -l)))

# Refusals. In C a test names the row, in Python the slug.
grep -rhowE --include='*.c' --include='*.h' '[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|INTERNAL|SCHEMA' tests/unit | sort -u >"$work/named"
grep -rhoE --include='*.c' --include='*.h' --include='*.py' --include='*.mjs' --exclude-dir=node_modules \
    '"[a-z_]+(\.[a-z_]+)?"' tests | tr -d '"' | sort -u >"$work/quoted"
# The attacks of selftest are tests too, and raise what the product does not.
find src -path src/app/selftest -prune -o \( -name '*.c' -o -name '*.h' -o -name 'rules.def' \) -exec cat {} + | grep -owE '[A-Z][A-Z0-9_]+' | sort -u >"$work/used"
while read -r name slug; do
    used=no reserved=no
    grep -qxF "$name" "$work/used" && used=yes
    grep -qE "^// RESERVED $name: .+" src/base/reasons.def && reserved=yes
    if [ "$used$reserved" = nono ]; then
        bad "$slug is raised nowhere: raise it, or say why not in src/base/reasons.def (// RESERVED $name: ...)"
    elif [ "$used$reserved" = yesyes ]; then
        bad "$slug is in use, and src/base/reasons.def says that it is reserved"
    elif [ $reserved = yes ] || grep -qxF "$name" "$work/named" || grep -qxF -- "$slug" "$work/quoted"; then
        ok
    else
        bad "no test meets $slug ($name)"
    fi
done < <(sed -nE 's/^REASON\(([A-Z_]+), "([a-z_.]+)".*/\1 \2/p' src/base/reasons.def)

echo "$passed passed, $failed failed"
[ $failed = 0 ]
