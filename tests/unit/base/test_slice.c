// SPDX-License-Identifier: GPL-3.0-or-later
// Comparing, finding and cutting bytes: the helpers that every parser here leans on.
#include "unit.h"

static void order_is_by_bytes_and_the_shorter_comes_first(void **state) {
    (void)state;
    assert_true(slice_compare(S("a"), S("b")) < 0);
    assert_true(slice_compare(S("b"), S("a")) > 0);
    assert_true(slice_compare(S("a"), S("ab")) < 0);
    assert_true(slice_compare(S("\x7F"), S("\x80")) < 0);
    assert_int_equal(slice_compare(S("ab"), S("ab")), 0);
    assert_int_equal(slice_compare(SLICE_NONE, S("")), 0);
}

static void equality_knows_length_and_inner_nul(void **state) {
    (void)state;
    assert_true(slice_equal(S("a\0b"), S("a\0b")));
    assert_false(slice_equal(S("a\0b"), S("a\0c")));
    assert_false(slice_equal(S("a"), S("ab")));
    assert_true(slice_equal(SLICE_NONE, S("")));
}

static void letters_without_case_are_ascii_letters_only(void **state) {
    (void)state;
    assert_true(slice_equal_nocase(S("HTTP"), S("http")));
    assert_false(slice_equal_nocase(S("\xC3\x84"), S("\xC3\xA4")));
    assert_false(slice_equal_nocase(S("@"), S("`")));
}

static void starts_ends_and_finds(void **state) {
    (void)state;
    assert_true(slice_starts(S("abc"), S("ab")));
    assert_false(slice_starts(S("a"), S("ab")));
    assert_true(slice_starts(SLICE_NONE, SLICE_NONE));
    assert_true(slice_ends(S("abc"), S("bc")));
    assert_false(slice_ends(S("abc"), S("ab")));
    assert_int_equal(slice_find(S("abcabc"), S("ca")), 2);
    assert_int_equal(slice_find(S("abc"), S("")), 0);
    assert_true(slice_find(S("abc"), S("abcd")) == SIZE_MAX);
    assert_true(slice_find(SLICE_NONE, S("a")) == SIZE_MAX);
}

static void a_part_is_cut_at_the_end(void **state) {
    (void)state;
    assert_text(slice_sub(S("abcdef"), 2, 4), "cd");
    assert_text(slice_sub(S("abc"), 1, 99), "bc");
    assert_text(slice_sub(S("abc"), 3, 99), "");
    assert_text(slice_sub(S("abc"), 9, 99), "");
    assert_text(slice_sub(S("abc"), 2, 1), "");
    assert_text(slice_sub(SLICE_NONE, 0, 1), "");
}

static void trim_takes_white_space_at_both_ends_only(void **state) {
    (void)state;
    assert_text(slice_trim(S(" \t\r\n a b \n")), "a b");
    assert_text(slice_trim(S(" \n ")), "");
    assert_text(slice_trim(S("\va\v")), "\va\v");
}

static void cut_gives_each_part_once_and_the_empty_ones_too(void **state) {
    (void)state;
    struct slice rest = S("a,,b,");
    struct slice part;
    const char *want[] = {"a", "", "b", ""};
    for (size_t i = 0; i < 4; i++) {
        assert_true(slice_cut(&rest, ',', &part));
        assert_text(part, want[i]);
    }
    assert_false(slice_cut(&rest, ',', &part));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_by_bytes_and_the_shorter_comes_first),
        cmocka_unit_test(equality_knows_length_and_inner_nul),
        cmocka_unit_test(letters_without_case_are_ascii_letters_only),
        cmocka_unit_test(starts_ends_and_finds),
        cmocka_unit_test(a_part_is_cut_at_the_end),
        cmocka_unit_test(trim_takes_white_space_at_both_ends_only),
        cmocka_unit_test(cut_gives_each_part_once_and_the_empty_ones_too),
    };
    RUN(tests);
}
