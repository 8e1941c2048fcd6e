#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the generated files anew in a folder of its own and compares them with what is committed; and checks that the
# documents say what the tables in the source say: settings, counters, rules, commands, and files that are there.
# Usage: generated.sh [write]   (write: puts the generated files in their places)
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); printf '%s\n' "$1"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_all() { # into folder $1
    mkdir -p "$1/docs" "$1/include" || return 1
    awk -v want=page -f src/tools/reasons.awk src/domain/hints.def src/base/reasons.def >"$1/docs/reasons.md" || return 1
    awk -v want=header -f src/tools/reasons.awk src/domain/hints.def src/base/reasons.def >"$1/include/gatehouse_reasons.h"
}
make_all "$work" || { echo '0 passed, 1 failed'; exit 1; }
if [ "${1:-}" = write ]; then
    cp "$work/docs/reasons.md" docs/reasons.md && cp "$work/include/gatehouse_reasons.h" include/gatehouse_reasons.h
fi
for file in docs/reasons.md include/gatehouse_reasons.h; do
    if cmp -s "$work/$file" "$file"; then ok; else bad "$file is not what the source makes: run src/tools/generated.sh write"; fi
done

# Each row of a table in the source has its row in a document. Here `row` prints what must stand at the start of a line.
rows() { # document, what, lines on stdin
    local document=$1 what=$2 line
    while IFS= read -r line; do
        if grep -qF -- "$line" "$document"; then ok; else bad "$document lacks $what: $line"; fi
    done
}
sed -nE 's/^(TEXT|SECRET|NUMBER|TIME|BOOL)\(([a-z_]+), *"?([^",]*)"?,.*/| `\2` | \3 |/p' src/app/config.def |
    sed 's/| \([^|]*\) |$/| `\1` |/' >"$work/settings"
sed -nE 's/^METRIC\([A-Z_]+, "[a-z]+", "([a-z_]+)", "(.*)"\)$/| `\1` | \2 |/p' src/base/metrics.def >"$work/counters"
sed -nE 's/^RULE\([a-z_]+, "([a-z_]+)", ([A-Z_]+), "(.*)"\)$/\1 \2 \3/p' src/saml/rules.def |
    while read -r check name spec; do
        slug=$(sed -nE "s/^REASON\\($name, \"([a-z_.]+)\".*/\\1/p" src/base/reasons.def)
        printf '| `%s` | `%s` | %s |\n' "$check" "$slug" "$spec"
    done >"$work/rules"
sed -nE 's/^    \{"([a-z-]+)", "(.*)", [a-z]+_actions\},$/| `gatehouse \1` | \2 |/p' src/app/main.c >"$work/commands"
sed -nE 's/^ *F_[A-Z]+\(struct policy, ([a-z_]+), .*/| `\1` |/p' src/domain/connection_fields.c >"$work/policy"
for list in settings counters rules commands policy; do
    [ -s "$work/$list" ] || bad "no $list were found in the source: the pattern in src/tools/generated.sh is out of date"
done
rows docs/operating.md 'a setting of src/app/config.def' <"$work/settings"
rows docs/operating.md 'a counter of src/base/metrics.def' <"$work/counters"
rows docs/operating.md 'a command of src/app/main.c' <"$work/commands"
rows docs/operating.md 'a field of the policy (src/domain/connection_fields.c)' <"$work/policy"
rows docs/saml.md 'a rule of src/saml/rules.def' <"$work/rules"

# Files that the documents name are there: links, and paths in backticks.
for document in README.md src/README.md docs/*.md docs/decisions/*.md; do
    folder=$(dirname "$document")
    while IFS= read -r link; do
        if [ -e "$folder/$link" ]; then ok; else bad "$document links to $link, which is not there"; fi
    done < <(grep -oE '\]\([^)#:]+[)#]' "$document" | sed -E 's/^\]\((.*).$/\1/' | sort -u)
    while IFS= read -r path; do
        if [ -e "$path" ] || [ -e "$path.c" ]; then ok; else bad "$document names $path, which is not there"; fi
    done < <(grep -oE '`(src|tests|docs|include|certs|metadata)/[A-Za-z0-9_./-]+`' "$document" | tr -d '`' | sort -u)
done

# Constants that a document names as `NAME` (value) or just `NAME` are in the source.
for document in docs/*.md docs/decisions/*.md; do
    [ "$document" = docs/reasons.md ] && continue
    while IFS= read -r name; do
        if grep -rqwF --include='*.h' --include='*.c' --include='*.def' -- "$name" src Makefile; then ok; else bad "$document names $name, which is not in the source"; fi
    done < <(grep -oE '`[A-Z][A-Z0-9]+(_[A-Z0-9]+)+`' "$document" | tr -d '`' | grep -v '^GATEHOUSE_' | sort -u)
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
