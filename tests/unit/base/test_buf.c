// SPDX-License-Identifier: GPL-3.0-or-later
// Growing bytes: order, numbers, the ceiling, and that a failed append cannot be overlooked.
#include "unit.h"

#include "base/buf.h"

static void what_was_put_is_there_in_order(void **state) {
    struct buf buf;
    buf_open(&buf, *state, 1000);
    buf_put(&buf, S("a\0b"));
    buf_put(&buf, SLICE_NONE);
    buf_str(&buf, "text");
    buf_byte(&buf, 0xFF);
    buf_printf(&buf, "<%d %s>", -7, "x");
    struct slice bytes;
    assert_done(buf_done(&buf, &bytes));
    assert_slice(bytes, S("a\0btext\xFF<-7 x>"));
}

static void numbers_are_big_endian(void **state) {
    struct buf buf;
    buf_open(&buf, *state, 100);
    buf_u16(&buf, 0x0102);
    buf_u32(&buf, 0x03040506);
    buf_u64(&buf, UINT64_C(0x0708090A0B0C0D0E));
    assert_slice(buf_slice(&buf), S("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E"));
}

static void it_grows_to_its_ceiling_and_keeps_all(void **state) {
    struct buf buf;
    buf_open(&buf, *state, 100000);
    for (size_t i = 0; i < 100000; i++) {
        buf_byte(&buf, (uint8_t)(i % 251));
    }
    struct slice bytes;
    assert_done(buf_done(&buf, &bytes));
    assert_int_equal(bytes.len, 100000);
    for (size_t i = 0; i < bytes.len; i++) {
        assert_int_equal((uint8_t)bytes.at[i], i % 251);
    }
    buf_byte(&buf, 1);
    assert_refused(buf_done(&buf, &bytes), LIMIT_MEMORY);
}

static void a_broken_one_stays_broken(void **state) {
    struct buf buf;
    buf_open(&buf, *state, 4);
    buf_str(&buf, "abc");
    buf_str(&buf, "defg");
    buf_str(&buf, "h");
    struct slice bytes = SLICE_NONE;
    assert_refused(buf_done(&buf, &bytes), LIMIT_MEMORY);
    assert_int_equal(bytes.len, 0);
    assert_text(buf_slice(&buf), "abc");
}

static void memory_that_is_out_breaks_it(void **state) {
    struct op *op = *state;
    op->arena.ceiling = 0;
    struct buf buf;
    buf_open(&buf, op, 1000);
    buf_printf(&buf, "%s", "abc");
    struct slice bytes;
    assert_refused(buf_done(&buf, &bytes), LIMIT_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_there_in_order),        TEST(numbers_are_big_endian),
        TEST(it_grows_to_its_ceiling_and_keeps_all), TEST(a_broken_one_stays_broken),
        TEST(memory_that_is_out_breaks_it),
    };
    RUN(tests);
}
