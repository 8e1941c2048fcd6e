// SPDX-License-Identifier: GPL-3.0-or-later
// Domains and e-mail addresses: one spelling each, and different ones stay different.
#include "fixture.h"

static struct op op;

static int open_op(void **state) {
    (void)state;
    op_open(&op, NOON);
    return 0;
}
static int close_op(void **state) {
    (void)state;
    op_close(&op);
    return 0;
}

static void domain_is(const char *text, const char *expected) {
    struct slice domain;
    struct slice again;
    assert_done(domain_normalise(&op, slice_str(text), &domain));
    assert_slice(domain, expected);
    assert_done(domain_normalise(&op, domain, &again));
    assert_slice(again, expected);
}
static void domain_refused(struct slice text) {
    struct slice domain = S("untouched");
    assert_reason(domain_normalise(&op, text, &domain), INVALID_INPUT);
    assert_true(op.detail.len > 0);
    assert_slice(domain, "untouched");
}
static void email_is(const char *text, const char *expected, const char *domain) {
    struct email email;
    assert_done(email_normalise(&op, slice_str(text), &email));
    assert_slice(email.whole, expected);
    assert_slice(email.domain, domain);
}
static void email_refused(struct slice text) {
    struct email email = {.whole = S("untouched")};
    assert_reason(email_normalise(&op, text, &email), INVALID_INPUT);
    assert_slice(email.whole, "untouched");
}

static void a_domain_has_one_spelling(void **state) {
    (void)state;
    domain_is("acme.example", "acme.example");
    domain_is("ACME.Example", "acme.example");
    domain_is("  acme.example\t", "acme.example");
    domain_is("acme.example.", "acme.example");
    domain_is("r3---sn.acme.example", "r3---sn.acme.example");
    domain_is("4711.example", "4711.example");
}

static void international_names_become_their_ascii_form(void **state) {
    (void)state;
    domain_is("b\xc3\xbc"
              "cher.example",
              "xn--bcher-kva.example");
    domain_is("B\xc3\x9c"
              "CHER.example",
              "xn--bcher-kva.example");
    domain_is("bu\xcc\x88"
              "cher.example",
              "xn--bcher-kva.example"); // u and a combining diaeresis
    domain_is("XN--BCHER-KVA.example", "xn--bcher-kva.example");
    domain_is("acme\xe3\x80\x82"
              "example",
              "acme.example");                             // ideographic full stop
    domain_is("fa\xc3\x9f.example", "xn--fa-hia.example"); // not "fass": non-transitional
}

static void names_that_look_alike_stay_different(void **state) {
    (void)state;
    domain_is("\xd0\xb0"
              "cme.example",
              "xn--cme-5cd.example"); // Cyrillic a
    domain_is("d\xc4\xb1"
              "sk.example",
              "xn--dsk-jua.example"); // dotless i
    struct slice plain;
    struct slice dotless;
    assert_done(domain_normalise(&op, S("disk.example"), &plain));
    assert_done(domain_normalise(&op, S("d\xc4\xb1sk.example"), &dotless));
    assert_false(slice_equal(plain, dotless));
}

static void what_is_no_domain_is_refused(void **state) {
    (void)state;
    const char *const texts[] = {"",
                                 "   ",
                                 ".",
                                 "example",
                                 "example.",
                                 ".example",
                                 "a..example",
                                 "acme.example..",
                                 "-acme.example",
                                 "acme-.example",
                                 "acme .example",
                                 "acme_mail.example",
                                 "acme,b.example",
                                 "acme.example/x",
                                 "acme.example\xef\xbc\x8fx",
                                 "kim@acme.example",
                                 "*.acme.example",
                                 "acme.example:443",
                                 "127.0.0.1",
                                 "[::1]",
                                 "xn--acme-.example",
                                 "xn--a.example",
                                 "a\xe2\x80\x8d"
                                 "b.example",
                                 "\xe2\x80\xae"
                                 "acme.example",
                                 "acme.example\n",
                                 "acme\r\n.example",
                                 "acme.\xff.example",
                                 "\xe2\x98\x83.example"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        domain_refused(slice_str(texts[i]));
    }
    domain_refused(S("acme.example\0.evil.example"));
    domain_refused(S("\0"));
}

// libidn2 leaves out what STD 3 forbids when it is asked to apply STD 3.
static void forbidden_characters_are_not_dropped(void **state) {
    (void)state;
    domain_refused(S("ac_me.b\xc3\xbc"
                     "cher.example"));
    domain_refused(S("ac me.b\xc3\xbc"
                     "cher.example"));
}

static void lengths_are_bounded(void **state) {
    (void)state;
    char label[64 + 9];
    memset(label, 'a', sizeof label);
    memcpy(label + 63, ".example", 9);
    domain_is(label, label);
    memset(label, 'a', 64);
    memcpy(label + 64, ".example", 8);
    domain_refused(slice_of(label, 72));
    char whole[254];
    memset(whole, 'a', sizeof whole);
    for (size_t i = 50; i < sizeof whole; i += 50) {
        whole[i] = '.';
    }
    struct slice domain;
    assert_done(domain_normalise(&op, slice_of(whole, 253), &domain));
    domain_refused(slice_of(whole, 254));
}

static void an_address_has_one_spelling(void **state) {
    (void)state;
    email_is("kim@acme.example", "kim@acme.example", "acme.example");
    email_is(" Kim.Lee+x@ACME.Example ", "kim.lee+x@acme.example", "acme.example");
    email_is("kim@b\xc3\xbc"
             "cher.example.",
             "kim@xn--bcher-kva.example", "xn--bcher-kva.example");
    email_is("o'hara_1@acme.example", "o'hara_1@acme.example", "acme.example");
}

static void letters_outside_ascii_are_not_folded(void **state) {
    (void)state;
    email_is("m\xc4\xb1ke@acme.example", "m\xc4\xb1ke@acme.example", "acme.example");
    email_is("\xc4\xb0"
             "da@acme.example",
             "\xc4\xb0"
             "da@acme.example",
             "acme.example");
    email_is("\xe2\x84\xaa"
             "im@acme.example",
             "\xe2\x84\xaa"
             "im@acme.example",
             "acme.example");
}

static void what_is_no_address_is_refused(void **state) {
    (void)state;
    const char *const texts[] = {"",
                                 "kim",
                                 "@acme.example",
                                 "kim@",
                                 "kim@acme",
                                 "kim@@acme.example",
                                 "kim@acme.example@evil.example",
                                 "kim lee@acme.example",
                                 "kim@ acme.example",
                                 "kim @acme.example",
                                 "\"kim\"@acme.example",
                                 "kim@acme.example,lee@acme.example",
                                 "kim,lee@acme.example",
                                 "Kim <kim@acme.example>",
                                 "kim@acme.example\r\nBcc: a@b.example",
                                 "kim\n@acme.example",
                                 "kim\x7f@acme.example",
                                 "kim\t@acme.example",
                                 "kim@127.0.0.1",
                                 "kim@[127.0.0.1]",
                                 "kim\xe2\x80\x8b@acme.example",
                                 "kim\xc2\xa0@acme.example",
                                 "kim\xe2\x80\xae@acme.example",
                                 "kim\xff@acme.example",
                                 "kim(a)@acme.example"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        email_refused(slice_str(texts[i]));
    }
    email_refused(S("kim@acme.example\0@evil.example"));
    email_refused(S("ki\0m@acme.example"));
}

static void the_local_part_has_at_most_64_bytes(void **state) {
    (void)state;
    char text[65 + 14];
    memset(text, 'a', 64);
    memcpy(text + 64, "@acme.example", 14);
    email_is(text, text, "acme.example");
    memset(text, 'a', 65);
    memcpy(text + 65, "@acme.example", 13);
    email_refused(slice_of(text, 65 + 13));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_has_one_spelling),
        cmocka_unit_test(international_names_become_their_ascii_form),
        cmocka_unit_test(names_that_look_alike_stay_different),
        cmocka_unit_test(what_is_no_domain_is_refused),
        cmocka_unit_test(forbidden_characters_are_not_dropped),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(an_address_has_one_spelling),
        cmocka_unit_test(letters_outside_ascii_are_not_folded),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(the_local_part_has_at_most_64_bytes),
    };
    return cmocka_run_group_tests(tests, open_op, close_op);
}
