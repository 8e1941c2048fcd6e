// SPDX-License-Identifier: GPL-3.0-or-later
// Keys: they sort as their parts do, come back apart, and are never cut.
#include "base/unit.h"

#include "store/key.h"

static struct key text_then_number(const char *text, uint32_t number) {
    struct key key = key_in(0x10);
    key_text(&key, slice_str(text));
    key_u32(&key, number);
    return key;
}

static void keys_sort_as_their_parts_do(void **state) {
    (void)state;
    const struct key sorted[] = {text_then_number("", 0),      text_then_number("a", 1),
                                 text_then_number("a", 256),   text_then_number("a", UINT32_MAX),
                                 text_then_number("a\x01", 0), text_then_number("aa", 0),
                                 text_then_number("b", 0)};
    for (size_t i = 1; i < sizeof sorted / sizeof *sorted; i++) {
        assert_true(slice_compare(key_slice(&sorted[i - 1]), key_slice(&sorted[i])) < 0);
    }
}

static void parts_come_back_in_order(void **state) {
    (void)state;
    struct key key = key_in(7);
    key_text(&key, S("acme"));
    key_u32(&key, 0x01020304);
    key_u64(&key, UINT64_C(0xF1F2F3F4F5F6F7F8));
    key_text(&key, S(""));
    key_bytes(&key, S("\0x"));
    struct slice rest = key_slice(&key);
    assert_int_equal(rest.at[0], 7);
    rest = slice_sub(rest, 1, rest.len);
    struct slice text;
    uint32_t small = 0;
    uint64_t large = 0;
    assert_true(key_read_text(&rest, &text));
    assert_slice(text, S("acme"));
    assert_true(key_read_u32(&rest, &small));
    assert_int_equal(small, 0x01020304);
    assert_true(key_read_u64(&rest, &large));
    assert_true(large == UINT64_C(0xF1F2F3F4F5F6F7F8));
    assert_true(key_read_text(&rest, &text));
    assert_int_equal(text.len, 0);
    assert_slice(rest, S("\0x"));
}

static void a_part_that_is_not_there_is_not_read(void **state) {
    (void)state;
    struct slice rest = S("abc");
    struct slice text = S("before");
    uint32_t small = 5;
    uint64_t large = 6;
    assert_false(key_read_text(&rest, &text));
    assert_false(key_read_u32(&rest, &small));
    assert_false(key_read_u64(&rest, &large));
    rest = SLICE_NONE;
    assert_false(key_read_text(&rest, &text));
    assert_slice(text, S("before"));
    assert_int_equal(small, 5);
    assert_int_equal(large, 6);
}

static void a_tail_is_the_start_of_longer_texts(void **state) {
    (void)state;
    struct key prefix = key_in(1);
    key_tail(&prefix, S("ac"));
    struct key whole = key_in(1);
    key_text(&whole, S("acme"));
    assert_true(slice_starts(key_slice(&whole), key_slice(&prefix)));
}

static void a_key_of_511_bytes_holds(void **state) {
    (void)state;
    char bytes[STORE_KEY_MAX - 1] = {1};
    struct key key = key_in(1);
    key_bytes(&key, slice_of(bytes, sizeof bytes));
    assert_int_equal(key_slice(&key).len, STORE_KEY_MAX);
}

static void a_longer_key_is_broken_and_stays_so(void **state) {
    (void)state;
    char bytes[STORE_KEY_MAX] = {1};
    struct key key = key_in(1);
    key_bytes(&key, slice_of(bytes, sizeof bytes));
    assert_true(key.broken);
    assert_int_equal(key_slice(&key).len, 0);
    key_text(&key, S("a"));
    assert_int_equal(key_slice(&key).len, 0);
}

static void a_text_with_a_zero_byte_breaks_the_key(void **state) {
    (void)state;
    struct key key = key_in(1);
    key_text(&key, S("acme\0evil"));
    assert_int_equal(key_slice(&key).len, 0);
    key = key_in(1);
    key_tail(&key, S("acme\0"));
    assert_int_equal(key_slice(&key).len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_sort_as_their_parts_do),
        cmocka_unit_test(parts_come_back_in_order),
        cmocka_unit_test(a_part_that_is_not_there_is_not_read),
        cmocka_unit_test(a_tail_is_the_start_of_longer_texts),
        cmocka_unit_test(a_key_of_511_bytes_holds),
        cmocka_unit_test(a_longer_key_is_broken_and_stays_so),
        cmocka_unit_test(a_text_with_a_zero_byte_breaks_the_key),
    };
    RUN(tests);
}
