// SPDX-License-Identifier: GPL-3.0-or-later
// The strict reader: what it reads, and the many things that it must refuse.
#include "saml/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct op op;

static int begin(void **state) {
    (void)state;
    op_open(&op, 0);
    return 0;
}
static int end(void **state) {
    (void)state;
    op_close(&op);
    return 0;
}

static bool readable(struct slice text) {
    struct reader reader;
    reader_open(&reader, text);
    for (;;) {
        enum reader_event event = reader_next(&reader);
        if (event == READER_DONE || event == READER_BROKEN) {
            assert_int_equal(reader_next(&reader), event); // both are for good
            assert_true((event == READER_BROKEN) == (reader.fault != NULL));
            return event == READER_DONE;
        }
    }
}

static void events_come_in_order(void **state) {
    (void)state;
    struct reader reader;
    reader_open(&reader, S(" <a:r xmlns:a=\"urn:a\" k=\"v\">x<b xmlns=\"http://b\"/>y</a:r>\n"));
    assert_int_equal(reader_next(&reader), READER_START);
    assert_true(reader_at(&reader, "urn:a", "r"));
    assert_int_equal(reader.depth, 1);
    assert_int_equal(reader.attribute_count, 1);
    assert_int_equal(reader_next(&reader), READER_TEXT);
    assert_true(slice_equal(reader.text, S("x")));
    assert_int_equal(reader_next(&reader), READER_START);
    assert_true(reader_at(&reader, "http://b", "b"));
    assert_int_equal(reader.depth, 2);
    assert_int_equal(reader_next(&reader), READER_END);
    assert_true(reader_at(&reader, "http://b", "b"));
    assert_int_equal(reader.depth, 2);
    assert_int_equal(reader_next(&reader), READER_TEXT);
    assert_int_equal(reader_next(&reader), READER_END);
    assert_true(reader_at(&reader, "urn:a", "r"));
    assert_int_equal(reader.depth, 1);
    assert_int_equal(reader_next(&reader), READER_DONE);
}

static void good_documents_are_read(void **state) {
    (void)state;
    static const char *const good[] = {
        "<a/>",
        "<a></a>",
        "<a ></a >",
        "\n<a\n b='1'\tc=\"2\" />\n",
        "<a b='\"' c=\"'\" d='>'/>",
        "<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x41;&#x1F600;&#xD;&#00065;</a>",
        "<a>]] > ></a>",
        "<a xml:lang=\"en\" xmlns:x=\"urn:x\" x:lang=\"en\" lang=\"en\"/>",
        "<a xmlns=\"urn:x\"><b xmlns=\"\"><c xmlns=\"https://e.example/?a=b#c\"/></b></a>",
        "<x:a xmlns:x=\"urn:x\"><x:a xmlns:x=\"urn:y\"/></x:a>",
        "<a xmlns:x=\"urn:x\" xmlns:y=\"urn:y\" x:k=\"1\" y:k=\"1\"/>",
        "<a>\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F</a>",
        "<_a.b-c9/>",
        "<a>line\r\nend</a>",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!readable(slice_str(good[i]))) {
            fail_msg("refused: %s", good[i]);
        }
    }
}

static void everything_else_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", " ", "a", "<", "<a", "<a>", "<a/", "<a/ >", "</a>", "<a></b>", "<a></a", "<a></a x>",
        "<a/><b/>", "<a/>x", "x<a/>", "<a/>\xEF\xBB\xBF", "\xEF\xBB\xBF<a/>", "<a/>&#32;",
        // not in the subset
        "<?xml version=\"1.0\"?><a/>", "<!DOCTYPE a><a/>", "<!-- c --><a/>", "<a><!-- c --></a>",
        "<a><![CDATA[x]]></a>", "<a><?p?></a>", "<a/><!-- c -->", "<a><!ENTITY x \"y\"></a>",
        // names
        "< a/>", "<1a/>", "<-a/>", "<.a/>", "<a:/>", "<:a/>", "<a:b:c xmlns:a=\"urn:a\"/>", "<\xC3\xA9/>",
        "<a \xC3\xA9=\"1\"/>", "<a$/>", "<a 1=\"1\"/>", "<a xmlns:a=\"urn:a\" a:=\"1\"/>",
        // tags and attributes
        "<a b/>", "<a b=/>", "<a b=1/>", "<a b=\"1/>", "<a b=\"1'/>", "<a b =\"1\"/>", "<a b= \"1\"/>",
        "<a b=\"1\"c=\"2\"/>", "<a/b/>", "<a b=\"1\" b=\"2\"/>", "<a b=\"<\"/>", "<a b=\"&\"/>",
        "<a b=\"&x;\"/>", "<a b=\"\t\"/>", "<a b=\"\n\"/>", "<a b=\"\r\"/>", "</ a>", "<a></ a>",
        // namespaces
        "<x:a/>", "<a x:b=\"1\"/>", "<xmlns:a/>", "<xml:a/>", "<a xmlns:x=\"\"/>",
        "<a xmlns:xml=\"http://www.w3.org/XML/1998/namespace\"/>", "<a xmlns:xml=\"urn:x\"/>",
        "<a xmlns:xmlns=\"http://www.w3.org/2000/xmlns/\"/>", "<a xmlns:xmlns=\"urn:x\"/>",
        "<a xmlns=\"http://www.w3.org/XML/1998/namespace\"/>",
        "<a xmlns:x=\"http://www.w3.org/2000/xmlns/\"/>", "<a xmlns:x=\"urn:x\" xmlns:x=\"urn:y\"/>",
        "<a xmlns=\"urn:x\" xmlns=\"urn:x\"/>", "<a xmlns=\"x\"/>", "<a xmlns=\"../x\"/>",
        "<a xmlns=\"HTTP://x\"/>", "<a xmlns=\" urn:x\"/>", "<a xmlns=\"urn:x \"/>",
        "<a xmlns=\"urn:&amp;\"/>", "<a xmlns=\"urn:x&#65;\"/>", "<a xmlns=\"urn:\xC3\xA9\"/>",
        "<a xmlns=\"urn:{x}\"/>", "<a xmlns=\"urn:a\\b\"/>", "<a xmlns=\"file:///etc\"/>",
        "<a xmlns:x=\"urn:x\" xmlns:y=\"urn:x\" x:k=\"1\" y:k=\"2\"/>",
        "<a><x:b xmlns:x=\"urn:x\"/><x:c/></a>", "<a><b xmlns:x=\"urn:x\"></b><c x:d=\"1\"/></a>",
        // text and references
        "<a>]]></a>", "<a>&</a>", "<a>& </a>", "<a>&amp</a>", "<a>&nbsp;</a>", "<a>&AMP;</a>", "<a>&#;</a>",
        "<a>&#x;</a>", "<a>&# 65;</a>", "<a>&#65 ;</a>", "<a>&#X41;</a>", "<a>&#x4G;</a>", "<a>&#0;</a>",
        "<a>&#1;</a>", "<a>&#x0B;</a>", "<a>&#xD800;</a>", "<a>&#xDFFF;</a>", "<a>&#xFFFE;</a>",
        "<a>&#xFFFF;</a>", "<a>&#x110000;</a>", "<a>&#99999999999;</a>", "<a>&#x100000041;</a>",
        "<a>&#-65;</a>", "<a>&#+65;</a>", "<a>&lt</a>;", "<a>\x01</a>", "<a>\x0B</a>", "<a>\x1F</a>",
        "<a>\xEF\xBF\xBE</a>", "<a>\xEF\xBF\xBF</a>", "<a>\xC0\x80</a>", "<a>\xED\xA0\x80</a>",
        "<a>\xF4\x90\x80\x80</a>", "<a>\x80</a>", "<a>\xC3</a>", "<a>\xE2\x82</a>", "<a b=\"\x02\"/>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (readable(slice_str(bad[i]))) {
            fail_msg("read: %s", bad[i]);
        }
    }
    assert_false(readable(S("<a>\0</a>")));
    assert_false(readable(S("<a/>\0")));
}

static struct slice repeat(const char *head, const char *each, size_t count, const char *tail) {
    size_t room = strlen(head) + (strlen(each) + 8) * count + strlen(tail) + 1;
    char *text = NULL;
    assert_null(op_take(&op, room, &text));
    size_t len = (size_t)snprintf(text, room, "%s", head);
    for (size_t i = 0; i < count; i++) {
        // A '#' stands for the number.
        for (const char *at = each; *at != 0; at++) {
            if (*at == '#') {
                len += (size_t)snprintf(text + len, room - len, "%zu", i);
            } else {
                text[len++] = *at;
            }
        }
    }
    len += (size_t)snprintf(text + len, room - len, "%s", tail);
    return slice_of(text, len);
}

static void bounds_hold(void **state) {
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t depth = READER_DEPTH_MAX + more;
        struct slice open = repeat("", "<a>", depth, "");
        struct slice close = repeat("", "</a>", depth, "");
        assert_int_equal(readable(op_text(&op, "%.*s%.*s", SLICE(open), SLICE(close))), more == 0);
        assert_int_equal(readable(repeat("<a", " b#=''", READER_ATTRIBUTES_MAX + more, "/>")),
                         more == 0);
        assert_int_equal(readable(repeat("<a", " xmlns:b#='urn:x'", READER_ATTRIBUTES_MAX + more, "/>")),
                         more == 0);
        struct slice half = repeat("", " xmlns:b#='urn:x'", READER_NAMESPACES_MAX / 2, "");
        assert_int_equal(readable(op_text(&op, "<a%.*s><b%.*s><c %s/></b></a>", SLICE(half), SLICE(half),
                                          more == 1 ? "xmlns='urn:x'" : "")),
                         more == 0);
    }
    // Declarations that went out of scope are not counted.
    assert_true(readable(repeat("<a>", "<b xmlns='urn:#'/>", READER_NAMESPACES_MAX * 3, "</a>")));
}

static struct reader at_root(struct slice text) {
    struct reader reader;
    reader_open(&reader, text);
    assert_int_equal(reader_next(&reader), READER_START);
    return reader;
}

static void attributes_are_decoded(void **state) {
    (void)state;
    struct reader reader = at_root(S("<a xmlns:x='urn:x' x:ID='no' ID='a&amp;&#10;b' Empty=''/>"));
    struct slice value;
    assert_null(reader_attribute(&op, &reader, "ID", &value));
    assert_true(slice_equal(value, S("a&\nb")));
    assert_null(reader_attribute(&op, &reader, "Empty", &value));
    assert_non_null(value.at);
    assert_int_equal(value.len, 0);
    assert_null(reader_attribute(&op, &reader, "Other", &value));
    assert_null(value.at);
}

static void content_is_whole_and_text_only(void **state) {
    (void)state;
    struct slice text;
    struct reader reader = at_root(S("<a> x\r\ny\rz &lt;&#x1F600;&#xE9;&#13;</a>"));
    assert_null(reader_content(&op, &reader, &text));
    assert_true(slice_equal(text, S(" x\ny\nz <\xF0\x9F\x98\x80\xC3\xA9\r")));
    assert_int_equal(reader_next(&reader), READER_DONE);
    reader = at_root(S("<a/>"));
    assert_null(reader_content(&op, &reader, &text));
    assert_int_equal(text.len, 0);
    reader = at_root(S("<a>x<b/></a>"));
    assert_ptr_equal(reader_content(&op, &reader, &text), REASON_OF(SAML_MALFORMED));
    reader = at_root(S("<a>x"));
    assert_ptr_equal(reader_content(&op, &reader, &text), REASON_OF(SAML_MALFORMED));
    assert_ptr_equal(reader_decode(&op, S("&x;"), &text), REASON_OF(SAML_MALFORMED));
}

static void elements_are_skipped_and_cut_out(void **state) {
    (void)state;
    struct reader reader = at_root(S("<a><b k='1'><b/>x</b><c/><d/></a>"));
    struct slice octets;
    assert_true(reader_child(&reader, 1));
    assert_true(reader_octets(&reader, &octets));
    assert_true(slice_equal(octets, S("<b k='1'><b/>x</b>")));
    assert_true(reader_child(&reader, 1));
    assert_true(reader_octets(&reader, &octets));
    assert_true(slice_equal(octets, S("<c/>")));
    assert_true(reader_child(&reader, 1));
    assert_true(reader_at(&reader, "", "d"));
    assert_true(reader_skip(&reader));
    assert_false(reader_child(&reader, 1));
    assert_null(reader.fault);
    reader = at_root(S("<a><b></a>"));
    assert_true(reader_child(&reader, 1));
    assert_false(reader_skip(&reader));
    assert_non_null(reader.fault);
}

static void text_between_children_is_refused(void **state) {
    (void)state;
    struct reader reader = at_root(S("<a>\n <b/>\n</a>"));
    assert_true(reader_child(&reader, 1));
    assert_true(reader_skip(&reader));
    assert_false(reader_child(&reader, 1));
    assert_null(reader.fault);
    reader = at_root(S("<a>x<b/></a>"));
    assert_false(reader_child(&reader, 1));
    assert_non_null(reader.fault);
    assert_ptr_equal(reader_refuse(&op, &reader), REASON_OF(SAML_MALFORMED));
}

// Every prefix of a document and every single changed byte: no crash, and a prefix is never read.
static void damaged_documents_are_survived(void **state) {
    (void)state;
    const struct slice whole = S("<x:a xmlns:x=\"urn:x\" k='&amp;'>t&#x41;<b xmlns=\"http://b\"/>\n</x:a>");
    for (size_t len = 0; len < whole.len; len++) {
        assert_false(readable(slice_sub(whole, 0, len)));
    }
    char *copy = NULL;
    assert_null(op_take(&op, whole.len, &copy));
    for (size_t at = 0; at < whole.len; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(copy, whole.at, whole.len);
            copy[at] = (char)byte;
            (void)readable(slice_of(copy, whole.len));
        }
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(events_come_in_order),
        TEST(good_documents_are_read),
        TEST(everything_else_is_refused),
        TEST(bounds_hold),
        TEST(attributes_are_decoded),
        TEST(content_is_whole_and_text_only),
        TEST(elements_are_skipped_and_cut_out),
        TEST(text_between_children_is_refused),
        TEST(damaged_documents_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
