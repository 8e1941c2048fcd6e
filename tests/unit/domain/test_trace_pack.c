// SPDX-License-Identifier: GPL-3.0-or-later
// The stored form of a trace's checks: what is packed is read back, and bytes that nobody packed
// are refused.
#include "base/unit.h"

#include "domain/trace_pack.h"

#define ROUNDS 3000

static uint64_t seed = 20261128;
static size_t below(size_t most) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % most);
}

static const char *const texts[] = {
    "", "not used before", "login.roles", "ada@acme.example", "x", "2.0", "idp", "x x", "usr_1"};

static struct slice some_text(struct op *op) {
    size_t which = below(sizeof texts / sizeof *texts + 2);
    if (which < sizeof texts / sizeof *texts) {
        return slice_str(texts[which]);
    }
    char *at = NULL;
    size_t len = 1 + below(which % 2 == 0 ? 20 : TRACE_VALUE_MAX);
    assert_done(op_take(op, len, &at));
    for (size_t i = 0; i < len; i++) {
        at[i] = (char)below(256);
    }
    return slice_of(at, len);
}

static struct trace some_trace(struct op *op, size_t checks) {
    struct trace trace = {.name_id = S("ada@acme.example"),
                          .email = S("ada@acme.example"),
                          .user_id = S("usr_1"),
                          .issuer = below(2) == 0 ? S("idp") : SLICE_NONE};
    assert_done(op_take(op, TRACE_CHECKS_MAX * sizeof(struct trace_check), &trace.checks.at));
    for (; trace.checks.count < checks; trace.checks.count++) {
        ((struct trace_check *)trace.checks.at)[trace.checks.count] =
            (struct trace_check){.check = some_text(op),
                                 .result = (int)below(3),
                                 .expected = some_text(op),
                                 .got = some_text(op)};
    }
    return trace;
}

static void what_is_packed_is_read_back(void **state) {
    (void)state;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct op op;
        op_open(&op, 1);
        struct trace trace = some_trace(&op, below(TRACE_CHECKS_MAX + 1));
        struct trace again = trace;
        struct slice packed;
        again.checks = (struct rows){NULL, 0};
        assert_done(trace_pack(&op, &trace, &packed));
        assert_done(trace_unpack(&op, packed, &again));
        assert_int_equal(again.checks.count, trace.checks.count);
        for (size_t i = 0; i < trace.checks.count; i++) {
            const struct trace_check *want = &((struct trace_check *)trace.checks.at)[i];
            const struct trace_check *got = &((struct trace_check *)again.checks.at)[i];
            assert_int_equal(got->result, want->result);
            assert_slice(got->check, want->check);
            assert_slice(got->expected, want->expected);
            assert_slice(got->got, want->got);
        }
        op_close(&op);
    }
}

static void bytes_that_nobody_packed_are_refused(void **state) {
    struct trace trace = {.name_id = S("ada")};
    static const char *const bad[] = {"\x03\x02\x02\x02",
                                      "\x01",
                                      "\x01\x02\x02",
                                      "\x01\x02\x02\x01\x05"
                                      "abc",
                                      "\x01\x02\x02\x01",
                                      "\x01\x02\x02\xff\x7f",
                                      "\x01\x02\x02\xff\xff\xff\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(trace_unpack(*state, slice_str(bad[i]), &trace), STORE_UNAVAILABLE);
    }
    assert_refused(trace_unpack(*state, slice_of("\x01\x02\x02\x01\x00", 5), &trace),
                   STORE_UNAVAILABLE);
    assert_done(trace_unpack(*state, S("\x01\x02\x02\x02"), &trace));
    assert_int_equal(trace.checks.count, 1);
    for (size_t round = 0; round < ROUNDS; round++) { // and none of any kind is read out of bounds
        struct op op;
        op_open(&op, 1);
        struct trace any = some_trace(&op, 3);
        struct slice packed;
        assert_done(trace_pack(&op, &any, &packed));
        char *at = (char *)(uintptr_t)packed.at;
        at[below(packed.len)] = (char)below(256);
        char *copy = malloc(packed.len); // where a sanitizer sees its end
        assert_non_null(copy);
        memcpy(copy, packed.at, packed.len);
        (void)!trace_unpack(&op, slice_of(copy, packed.len - below(2)), &any);
        free(copy);
        op_close(&op);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_packed_is_read_back),
        TEST(bytes_that_nobody_packed_are_refused),
    };
    RUN(tests);
}
