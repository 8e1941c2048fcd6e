// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of this room share: a real store in a directory of its own that goes with the
// test, an operation whose clock the test owns, an operator, and a tenant. Work runs in one write
// transaction after another, as it does in the program.
#ifndef GATEHOUSE_TESTS_UNIT_DOMAIN_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_DOMAIN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>

#include "domain/tenant.h"

#define NOON INT64_C(1795262400000) // 2026-11-21T12:00:00Z

struct fixture {
    char dir[32];
    struct store *store;
    struct op op;
    struct actor staff; // an operator
};

static inline int fixture_open(void **state) {
    struct fixture *fixture = test_calloc(1, sizeof *fixture);
    (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/gatehouse-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    op_open(&fixture->op, NOON);
    fixture->op.id = S("req_test");
    const struct actor person = {
        .kind = ACTOR_OPERATOR, .id = S("operator"), .address = S("192.0.2.1")};
    fixture->staff = person;
    assert_null(store_open(&fixture->op, fixture->dir, &fixture->store));
    *state = fixture;
    return 0;
}

static inline int fixture_close(void **state) {
    struct fixture *fixture = *state;
    store_close(fixture->store);
    op_close(&fixture->op);
    DIR *dir = opendir(fixture->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(fixture->dir), 0);
    test_free(fixture);
    return 0;
}

// Each call starts with an empty list of errors, as each request does.
static inline reason fixture_write(struct fixture *fixture, store_fn fn, void *arg) {
    fixture->op.error_count = 0;
    fixture->op.detail = SLICE_NONE;
    return store_write(&fixture->op, fixture->store, fn, arg);
}
static inline reason fixture_read(struct fixture *fixture, store_fn fn, void *arg) {
    fixture->op.error_count = 0;
    fixture->op.detail = SLICE_NONE;
    return store_read(&fixture->op, fixture->store, fn, arg);
}

#define assert_reason(call, name)                                                                  \
    do {                                                                                           \
        reason assert_why_ = (call);                                                               \
        assert_string_equal(assert_why_ != NULL ? assert_why_->slug : "(done)",                    \
                            REASON_OF(name)->slug);                                                \
    } while (0)
#define assert_done(call)                                                                          \
    do {                                                                                           \
        reason assert_why_ = (call);                                                               \
        assert_string_equal(assert_why_ != NULL ? assert_why_->slug : "(done)", "(done)");         \
    } while (0)
// `expected` is a C string.
#define assert_slice(got, expected)                                                                \
    do {                                                                                           \
        struct slice assert_got_ = (got);                                                          \
        struct slice assert_want_ = slice_str(expected);                                           \
        assert_int_equal(assert_got_.len, assert_want_.len);                                       \
        assert_memory_equal(assert_got_.len > 0 ? assert_got_.at : "",                             \
                            assert_want_.len > 0 ? assert_want_.at : "", assert_want_.len);        \
    } while (0)
// The error at `index` points there and has this reason.
#define assert_fault(op_, index, pointer_, name)                                                   \
    do {                                                                                           \
        assert_true((op_)->error_count > (index));                                                 \
        assert_slice((op_)->errors[index].pointer, pointer_);                                      \
        assert_string_equal((op_)->errors[index].why->slug, REASON_OF(name)->slug);                \
    } while (0)

#endif
