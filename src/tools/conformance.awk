# SPDX-License-Identifier: GPL-3.0-or-later
# Makes docs/conformance.md out of tests/conformance/requirements.def, and says what is wrong with a row.
# Usage: awk -v want=page|tests|ids -f src/tools/conformance.awk tests/conformance/requirements.def
# want=tests prints "id path:name" for each test that a row names, want=ids the ids.

function stop(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
    failed = 1
}

function trim(text) {
    sub(/^[ \t]+/, "", text)
    sub(/[ \t]+$/, "", text)
    return text
}

function cell(text) {
    gsub(/</, "\\&lt;", text)
    return text
}

# The two profiles of Kantara have an anchor for each requirement.
function source(id, text,    file) {
    file = text == "IIP" ? "fedinterop" : text == "SDP" ? "saml2int" : ""
    return file == "" ? text : "[" text "](https://kantarainitiative.github.io/SAMLprofiles/" file ".html#" id ")"
}

# path:name -> [name](../tests/path)
function links(list,    parts, n, i, at, out) {
    n = split(list, parts, /,[ \t]*/)
    for (i = 1; i <= n; i++) {
        at = index(parts[i], ":")
        out = out (i > 1 ? "<br>" : "") "[" substr(parts[i], at + 1) "](../" substr(parts[i], 1, at - 1) ")"
    }
    return out
}

/^[ \t]*(#|$)/ { next }

/^==/ {
    lines[++count] = ""
    lines[++count] = "## " trim(substr($0, 3))
    lines[++count] = ""
    lines[++count] = "| id | requirement | source | verdict | shown by |"
    lines[++count] = "|---|---|---|---|---|"
    next
}

{
    n = split($0, field, "|")
    if (n != 6) {
        stop("a row has six parts: id | source | words | verdict | tests | note; this one has " n)
        next
    }
    for (i = 1; i <= 6; i++) {
        field[i] = trim(field[i])
    }
    if (field[1] == "" || field[2] == "" || field[3] == "") {
        stop("id, source and words may not be empty")
    }
    if (seen[field[1]]++) {
        stop(field[1] " is there twice")
    }
    if (field[4] != "holds" && field[4] != "by policy" && field[4] != "not done") {
        stop("the verdict is holds, by policy or not done, not \"" field[4] "\"")
    }
    if (field[4] != "not done" && field[5] == "") {
        stop(field[1] " " field[4] ", so a test has to show it")
    }
    if (field[4] != "holds" && field[6] == "") {
        stop(field[1] ": say which policy, or why it is not done, in the last part")
    }
    verdicts[field[4]]++
    if (want == "ids") {
        print field[1]
    } else if (want == "tests" && field[5] != "") {
        tests = split(field[5], named, /,[ \t]*/)
        for (i = 1; i <= tests; i++) {
            print field[1], named[i]
        }
    }
    lines[++count] = sprintf("| %s | %s | %s | %s | %s |", field[1], cell(field[3]), source(field[1], field[2]),
        (field[4] == "holds" ? "" : "**") field[4] (field[4] == "holds" ? "" : "**") \
            (field[6] == "" ? "" : ": " cell(field[6])), links(field[5]))
}

END {
    if (failed) {
        exit 1
    }
    if (want != "page") {
        exit 0
    }
    print "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->"
    print "<!-- Made by src/tools/conformance.awk from tests/conformance/requirements.def: change it there. -->"
    print "# Conformance"
    print ""
    print "What the SAML 2.0 specifications and the two profiles that are used to judge implementations ask of a service provider, what"
    print "Gatehouse does about it, and the test that shows it. The words are ours; the source says where the requirement stands."
    print ""
    printf "%d requirements: %d hold, %d hold by policy of the connection or setting of the operator, %d are not done, with the reason.\n",
        verdicts["holds"] + verdicts["by policy"] + verdicts["not done"], verdicts["holds"], verdicts["by policy"], verdicts["not done"]
    print ""
    print "- core, bindings, profiles, metadata: the SAML 2.0 OASIS standards with their errata; conformance: saml-conformance-2.0-os"
    print "- IIP: Kantara SAML V2.0 Implementation Profile for Federation Interoperability; SDP: Kantara SAML V2.0 Deployment Profile (SAML2int)"
    print "- MDIOP: SAML V2.0 Metadata Interoperability Profile; ALG: SAML V2.0 Metadata Profile for Algorithm Support"
    for (i = 1; i <= count; i++) {
        print lines[i]
    }
}
