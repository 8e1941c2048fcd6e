// SPDX-License-Identifier: GPL-3.0-or-later
// Our writer of exclusive canonical XML beside libxml2's: the same octets for each document, or
// ours says that it is not for it.
#include "base/unit.h"

#include "base/buf.h"
#include "worker/exclusive.h"

#define DOCUMENTS 4000
#define OUT_MAX (1U << 20)

static uint64_t seed = 20261128;
static size_t below(size_t most) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % most);
}

// ---- documents ----

static const char *const prefixes[] = {"", "a", "b", "xs", "ds"};
static const char *const plain[] = {"urn:a", "urn:b:c", "http://www.w3.org/2001/XMLSchema",
                                    "http://www.w3.org/2000/09/xmldsig#", "https://x.example/y"};
static const char *const texts[] = {"t",          "&amp;&lt;&gt;", "&#13;\n", "<![CDATA[<&>]]>",
                                    "\xC3\xA4\t", "<!-- c -->",    "'\"",     "&#65;"};
static const char *const values[] = {"v",       "&amp;&lt;>", "&#9;&#10;&#13;",
                                     "'&quot;", "",           "\xE2\x82\xAC \n x"};

struct maker {
    struct buf out;
    bool odd; // now and then something that only libxml2 writes
};

static void put_start(struct maker *maker, size_t depth) {
    bool declares = depth == 0 || below(3) == 0;
    size_t prefix = below(5);
    buf_printf(&maker->out, "<%s%sn", prefixes[prefix], prefix > 0 ? ":" : "");
    for (size_t i = 0; i < 5 && declares; i++) {
        if (depth > 0 && below(2) == 0) {
            continue;
        }
        const char *name = maker->odd && i == 0 && below(4) == 0 ? "" : plain[below(5)];
        if (maker->odd && below(12) == 0) {
            name = i > 0 ? "urn:x%20y" : "http://x.example/?q";
        }
        buf_printf(&maker->out, " xmlns%s%s='%s'", i > 0 ? ":" : "", prefixes[i], name);
    }
    for (size_t i = 0; i < 4; i++) {
        if (below(3) == 0) {
            size_t of = below(4);
            buf_printf(&maker->out, " %s%s%c%zu=\"%s\"", of == 3 ? "xml" : prefixes[of],
                       of > 0 ? ":" : "", (char)('d' - (char)i), i, values[below(6)]);
        }
    }
    buf_printf(&maker->out, ">");
    if (below(2) == 0) {
        buf_printf(&maker->out, "%s", texts[below(8)]);
    }
    if (maker->odd && below(9) == 0) {
        buf_printf(&maker->out, "<?p i?>");
    }
}

// Elements open and close by chance; their names are kept to close them.
static struct slice make(struct op *op, bool odd) {
    struct maker maker = {.odd = odd};
    struct slice names[8];
    size_t depth = 0;
    size_t left = 3 + below(25);
    buf_open(&maker.out, op, OUT_MAX);
    do {
        if (left > 0 && depth < 8) {
            size_t from = maker.out.len + 1;
            put_start(&maker, depth);
            struct slice rest = slice_of(maker.out.at + from, maker.out.len - from);
            size_t end = 0;
            while (strchr(" >", rest.at[end]) == NULL) {
                end++;
            }
            assert_done(op_copy(op, slice_sub(rest, 0, end), &names[depth++]));
            left--;
        }
        while (depth > (left > 0 ? 1U : 0U) && (left == 0 || below(2) == 0)) {
            depth--;
            buf_printf(&maker.out, "</%.*s>%s", SLICE(names[depth]),
                       depth > 0 ? texts[below(8)] : "");
        }
    } while (depth > 0);
    return buf_slice(&maker.out);
}

// ---- side by side ----

static size_t ours, theirs;

static void compare(struct op *op, xmlNode *apex, xmlNode *without, const struct canon *canon) {
    struct buf mine;
    struct buf library;
    buf_open(&mine, op, OUT_MAX);
    buf_open(&library, op, OUT_MAX);
    bool taken = exclusive_write(&mine, apex, without, canon);
    int done = canon_execute(apex, without, canon, &library);
    if (!taken) {
        theirs++;
        return;
    }
    ours++;
    assert_true(done >= 0);
    if (!slice_equal(buf_slice(&mine), buf_slice(&library))) {
        fail_msg("ours:   %.*s\ntheirs: %.*s", SLICE(buf_slice(&mine)), SLICE(buf_slice(&library)));
    }
}

static void compare_all(struct op *op, struct slice xml) {
    static const char *const lists[] = {"xs", "a", "b", "xs", "missing", "xml", "ds", "#default"};
    AUTO(xmlDoc) doc = NULL;
    reason why = xml_parse(op, xml, &doc);
    if (why != NULL) { // an attribute twice
        assert_refused(why, SAML_MALFORMED);
        return;
    }
    xmlNode *root = xmlDocGetRootElement(doc);
    for (xmlNode *node = root; node != NULL; node = xml_next(root, node)) {
        struct canon canon = {.exclusive = true};
        size_t listed = below(4);
        for (size_t i = 0; i < listed; i++) {
            canon.prefixes[i] = (xmlChar *)(uintptr_t)lists[below(below(9) == 0 ? 8 : 7)];
        }
        xmlNode *child = xmlFirstElementChild(node);
        compare(op, node, below(2) == 0 ? child : NULL, &canon);
    }
}

static void our_octets_are_those_of_libxml2(void **state) {
    (void)state;
    ours = theirs = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        struct op op;
        op_open(&op, 1);
        compare_all(&op, make(&op, i % 4 == 0));
        op_close(&op);
    }
    print_message("%zu by us, %zu left to libxml2\n", ours, theirs);
    assert_true(ours > 10 * DOCUMENTS / 2 && theirs > DOCUMENTS / 10);
}

static bool is_taken(struct op *op, const char *text, const char *prefix) {
    AUTO(xmlDoc) doc = NULL;
    struct buf out;
    struct canon canon = {.exclusive = true, .prefixes = {(xmlChar *)(uintptr_t)prefix}};
    buf_open(&out, op, OUT_MAX);
    reason why = xml_parse(op, slice_str(text), &doc);
    if (why != NULL) { // a relative name, or none
        assert_refused(why, SAML_MALFORMED);
        return false;
    }
    return exclusive_write(&out, xmlDocGetRootElement(doc), NULL, &canon);
}

static void what_honest_messages_lack_is_left_to_libxml2(void **state) {
    assert_true(is_taken(*state, "<a xmlns='urn:a' b='c'>t<!-- c --><![CDATA[d]]></a>", "xs"));
    assert_true(is_taken(*state, "<a xmlns='http://www.w3.org/2000/09/xmldsig#'/>", NULL));
    assert_false(is_taken(*state, "<a xmlns='urn:a'/>", "#default"));
    assert_false(is_taken(*state, "<a><?p i?></a>", NULL));
    static const char *const names[] = {"",          "relative",    "urn:",        "http://",
                                        "http:///x", "urn:a%20b",   "urn:a/b",     "http://x:y/z",
                                        "ftp://x/y", "urn:a&amp;b", "http://x/#a", "urn:a\"b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "<a xmlns='urn:a'><b xmlns='%s'/></a>", names[i]);
        assert_false(is_taken(*state, text, NULL));
    }
}

static int open_xml(void **state) {
    (void)state;
    xml_init();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(our_octets_are_those_of_libxml2),
        TEST(what_honest_messages_lack_is_left_to_libxml2),
    };
    return cmocka_run_group_tests(tests, open_xml, NULL);
}
