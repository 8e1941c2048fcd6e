# SPDX-License-Identifier: GPL-3.0-or-later
# Makes what people and programs read of the registry of refusals, out of src/base/reasons.def and src/domain/hints.def.
# want=page gives docs/reasons.md, want=header gives include/gatehouse_reasons.h; src/tools/generated.sh calls both.
# Usage: awk -v want=page -f src/tools/reasons.awk src/domain/hints.def src/base/reasons.def

function stop(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
    failed = 1
    exit 1
}

# The text between the first quotes of `rest`; `rest` goes on behind them. Quotes inside are escaped as in C.
function take_text(    text, i, c) {
    i = index(rest, "\"")
    if (i == 0) {
        stop("a text in quotes is expected")
    }
    rest = substr(rest, i + 1)
    text = ""
    for (i = 1; i <= length(rest); i++) {
        c = substr(rest, i, 1)
        if (c == "\\") {
            i++
            text = text substr(rest, i, 1)
        } else if (c == "\"") {
            rest = substr(rest, i + 1)
            return text
        } else {
            text = text c
        }
    }
    stop("a text has no end")
}

# The word before the next comma.
function take_word(    i, word) {
    i = index(rest, ",")
    if (i == 0) {
        stop("a comma is expected")
    }
    word = substr(rest, 1, i - 1)
    rest = substr(rest, i + 1)
    gsub(/[ \t]/, "", word)
    return word
}

# Text as it may stand in a cell of a table.
function cell(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/\|/, "\\|", text)
    gsub(/\*/, "\\*", text)
    gsub(/_/, "\\_", text)
    return text
}

function macro(slug) {
    slug = toupper(slug)
    gsub(/[^A-Z0-9]/, "_", slug)
    return "GATEHOUSE_REASON_" slug
}

function vendor_name(vendor) {
    return vendor == "ENTRA" ? "Entra ID" : vendor == "ADFS" ? vendor : substr(vendor, 1, 1) tolower(substr(vendor, 2))
}

/^HINT\(/ {
    rest = substr($0, 6)
    name = take_word()
    vendor = take_word()
    text = take_text()
    if (vendor == "GENERAL") {
        hint[name] = text
    } else {
        vendors[name] = vendors[name] (vendors[name] == "" ? "" : ", ") vendor_name(vendor)
    }
}

/^REASON\(/ {
    rest = substr($0, 8)
    n++
    symbol[n] = take_word()
    slug[n] = take_text()
    rest = substr(rest, index(rest, ",") + 1)
    http[n] = take_word()
    class[n] = tolower(take_word())
    sub(/^class_/, "", class[n])
    sentence[n] = take_text()
    if (seen[macro(slug[n])]++) {
        stop("the slug " slug[n] " is there twice, or reads as another one in capitals")
    }
    known[symbol[n]] = 1
}

function page(    i, group) {
    print "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->"
    print "<!-- Made by src/tools/reasons.awk from src/base/reasons.def and src/domain/hints.def: change it there. -->"
    print "# Reasons"
    print ""
    print "Every refusal has one slug. A slug is never renamed and never used for something else, so programs may compare it"
    print "([include/gatehouse_reasons.h](../include/gatehouse_reasons.h) has them as C macros)."
    print ""
    print "- **Strangers** see the slug, the sentence, and a trace id or a request id; nothing else."
    print "- **Operators**, and people of the tenant who may set up single sign-on or read the audit log, see in the trace what was"
    print "  expected, what came, and where to change it. Below is the general hint; `{expected}` and `{got}` stand for the values of"
    print "  the check that failed. The vendors named behind it have a hint of their own, with the place in their console."
    print "- The classes: `login` a refused message or sign-in; at the ACS it leaves a trace; `input` the request is wrong; `auth` the"
    print "  caller may not; `state` not as things stand; `limit` too much; `peer` another server; `store` ours, nothing was recorded; `start` the"
    print "  program cannot start, which only who starts it sees."
    print "- Which check names the reason when several fail: [saml.md](saml.md), the order of the checks."
    for (i = 1; i <= n; i++) {
        group = class[i] == "login" || class[i] == "start" ? class[i] : "other"
        if (group != last) {
            print ""
            print "## " (group == "login" ? "Signing in and out" : group == "start" ? "Starting" : "Metadata, the API, the machine")
            print ""
            print "| slug | HTTP | class | sentence | hint |"
            print "|---|---|---|---|---|"
            last = group
        }
        printf "| `%s` | %s | %s | %s | %s |\n", slug[i], http[i], class[i], cell(sentence[i]), hint_cell(symbol[i])
    }
}

function hint_cell(name) {
    if (hint[name] == "") {
        return ""
    }
    return cell(hint[name]) (vendors[name] == "" ? "" : " (Own hint: " vendors[name] ".)")
}

function header(    i) {
    print "// SPDX-License-Identifier: GPL-3.0-or-later"
    print "// Why Gatehouse refused: the slugs that stand in `reason` of its answers, as macros. They are never renamed and never"
    print "// reused. What each means is in docs/reasons.md. Made by src/tools/reasons.awk from src/base/reasons.def: change it there."
    print "#ifndef GATEHOUSE_REASONS_H"
    print "#define GATEHOUSE_REASONS_H"
    print ""
    for (i = 1; i <= n; i++) {
        if (class[i] != "start") {
            printf "#define %s \"%s\"\n", macro(slug[i]), slug[i]
        }
    }
    print ""
    print "#endif"
}

END {
    if (failed) {
        exit 1
    }
    if (n == 0) {
        stop("no reason was found")
    }
    for (name in hint) {
        if (!(name in known)) {
            stop("a hint names " name ", which is no reason")
        }
    }
    if (want == "page") {
        page()
    } else if (want == "header") {
        header()
    } else {
        stop("want is page or header")
    }
}
