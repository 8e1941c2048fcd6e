// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 and the narrower kinds of text, each at its edges.
#include "unit.h"

#include "base/text.h"

static void well_formed_utf8_is_taken(void **state) {
    (void)state;
    assert_true(text_utf8(SLICE_NONE));
    assert_true(text_utf8(S("plain text that is longer than eight bytes")));
    assert_true(text_utf8(S("J\xC3\xBCrgen \xE2\x82\xAC \xF0\x9F\x98\x80 and more text behind")));
    assert_true(text_utf8(S("\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80")));
    assert_true(text_utf8(S("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF")));
    assert_true(text_utf8(S("a\0b")));
}

static void ill_formed_utf8_is_refused_wherever_it_stands(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xE2\x82\x41",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF0\x9F\x98",
        "\xFE",
        "\xFF",
        "\xF8\x88\x80\x80\x80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t before = 0; before < 20; before++) {
            char text[64];
            memset(text, 'a', sizeof text);
            memcpy(text + before, bad[i], strlen(bad[i]));
            if (text_utf8(slice_of(text, before + strlen(bad[i]))) ||
                text_utf8(slice_of(text, sizeof text))) {
                fail_msg("sample %zu behind %zu bytes was taken", i, before);
            }
        }
    }
}

static void a_line_has_no_controls(void **state) {
    (void)state;
    assert_true(text_line(S("J\xC3\xBCrgen O'Neil <x>")));
    assert_true(text_line(SLICE_NONE));
    assert_true(text_line(S("\xC2\xA0")));
    assert_false(text_line(S("a\nb")));
    assert_false(text_line(S("a\tb")));
    assert_false(text_line(S("a\0b")));
    assert_false(text_line(S("a\x1B[31m")));
    assert_false(text_line(S("a\x7F")));
    assert_false(text_line(S("a\xC2\x85")));
    assert_false(text_line(S("a\xC2\x9F")));
    assert_false(text_line(S("a\xE2\x80\xA8")));
    assert_false(text_line(S("a\xE2\x80\xA9")));
    assert_false(text_line(S("a\xFF")));
}

static void lines_may_have_line_ends_and_tabs_but_no_other_controls(void **state) {
    (void)state;
    assert_true(text_lines(S("a\r\n\tb")));
    assert_false(text_lines(S("a\x1B")));
    assert_false(text_lines(S("a\0")));
    assert_false(text_lines(S("a\xC2\x85")));
    assert_false(text_lines(S("\xC3")));
}

static void characters_are_counted_not_bytes(void **state) {
    (void)state;
    assert_int_equal(text_characters(S("")), 0);
    assert_int_equal(text_characters(S("abc")), 3);
    assert_int_equal(text_characters(S("\xc3\xa9t\xc3\xa9")), 3);
    assert_int_equal(text_characters(S("\xf0\x9f\x94\x91\xe2\x82\xac")), 2);
}

static void numbers_are_decimal_within_their_bound(void **state) {
    (void)state;
    uint64_t number = 7;
    assert_true(text_u64(S("0"), 0, &number));
    assert_int_equal(number, 0);
    assert_true(text_u64(S("65535"), 65535, &number));
    assert_int_equal(number, 65535);
    assert_true(text_u64(S("18446744073709551615"), UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_false(text_u64(S("65536"), 65535, &number));
    assert_false(text_u64(S("9"), 5, &number));
    assert_false(text_u64(S("1"), 0, &number));
    assert_false(text_u64(S("18446744073709551616"), UINT64_MAX, &number));
    assert_false(text_u64(S("99999999999999999999999"), UINT64_MAX, &number));
    assert_false(text_u64(S(""), 9, &number));
    assert_false(text_u64(S("00"), 9, &number));
    assert_false(text_u64(S("01"), 9, &number));
    assert_false(text_u64(S("+1"), 9, &number));
    assert_false(text_u64(S("-1"), 9, &number));
    assert_false(text_u64(S(" 1"), 9, &number));
    assert_false(text_u64(S("1 "), 9, &number));
    assert_false(text_u64(S("1a"), 99, &number));
    assert_true(number == UINT64_MAX); // set on success only
}

#define SIXTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void short_names_are_lower_case_with_inner_hyphens(void **state) {
    (void)state;
    assert_true(text_slug(S("a")));
    assert_true(text_slug(S("acme-okta-2")));
    assert_true(text_slug(S(SIXTY "abc")));
    assert_false(text_slug(S(SIXTY "abcd")));
    assert_false(text_slug(S("")));
    assert_false(text_slug(S("-a")));
    assert_false(text_slug(S("a-")));
    assert_false(text_slug(S("Acme")));
    assert_false(text_slug(S("a_b")));
    assert_false(text_slug(S("a.b")));
    assert_false(text_slug(S("a/b")));
    assert_false(text_slug(S("a\0")));
    assert_false(text_slug(S("\xC3\xA4")));
}

static void role_ids_have_letters_digits_and_three_marks(void **state) {
    (void)state;
    assert_true(text_role_id(S("Campaign.Manager_2-x")));
    assert_true(text_role_id(S(SIXTY "abcd")));
    assert_false(text_role_id(S(SIXTY "abcde")));
    assert_false(text_role_id(S("")));
    assert_false(text_role_id(S("a b")));
    assert_false(text_role_id(S("a:b")));
    assert_false(text_role_id(S("a\0")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_utf8_is_taken),
        cmocka_unit_test(ill_formed_utf8_is_refused_wherever_it_stands),
        cmocka_unit_test(a_line_has_no_controls),
        cmocka_unit_test(lines_may_have_line_ends_and_tabs_but_no_other_controls),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(numbers_are_decimal_within_their_bound),
        cmocka_unit_test(short_names_are_lower_case_with_inner_hyphens),
        cmocka_unit_test(role_ids_have_letters_digits_and_three_marks),
    };
    RUN(tests);
}
