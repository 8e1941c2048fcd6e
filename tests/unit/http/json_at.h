// SPDX-License-Identifier: GPL-3.0-or-later
// Looking into JSON answers: a path is members and indexes with dots between, "items.0.slug".
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_JSON_AT_H
#define GATEHOUSE_TESTS_UNIT_HTTP_JSON_AT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"

#define HELPER __attribute__((unused)) static

// NULL: there is nothing.
HELPER const struct json *look(const struct json *root, const char *path) {
    struct slice rest = slice_str(path);
    struct slice part;
    const struct json *value = root;
    while (value != NULL && slice_cut(&rest, '.', &part)) {
        char name[128];
        uint64_t index = 0;
        assert_true(part.len < sizeof name);
        memcpy(name, part.at, part.len);
        name[part.len] = '\0';
        if (json_is_array(value) && text_u64(part, 1000000, &index)) {
            value = index < json_count(value) ? json_at(value, index) : NULL;
        } else {
            value = json_is_object(value) ? json_get(value, name) : NULL;
        }
    }
    return value;
}

HELPER const struct json *need(const struct json *root, const char *path) {
    const struct json *value = look(root, path);
    if (value == NULL) {
        print_error("there is nothing at %s\n", path);
        fail();
    }
    return value;
}

HELPER void expect_text(const struct json *root, const char *path, const char *want) {
    struct slice text = S("(no text)");
    if (!json_text(need(root, path), &text) || !slice_equal(text, slice_str(want))) {
        print_error("%s: got \"%.*s\", want \"%s\"\n", path, SLICE(text), want);
        fail();
    }
}

HELPER void expect_number(const struct json *root, const char *path, int64_t want) {
    int64_t number = 0;
    if (!json_number(need(root, path), &number) || number != want) {
        print_error("%s: got %lld, want %lld\n", path, (long long)number, (long long)want);
        fail();
    }
}

HELPER void expect_bool(const struct json *root, const char *path, bool want) {
    bool value = !want;
    if (!json_bool(need(root, path), &value) || value != want) {
        print_error("%s: not %s\n", path, want ? "true" : "false");
        fail();
    }
}

HELPER void expect_null(const struct json *root, const char *path) {
    if (!json_is_null(need(root, path))) {
        print_error("%s: not null\n", path);
        fail();
    }
}

HELPER void expect_count(const struct json *root, const char *path, size_t want) {
    const struct json *list = need(root, path);
    if (!json_is_array(list) || json_count(list) != want) {
        print_error("%s: got %zu, want %zu elements\n", path, json_count(list), want);
        fail();
    }
}

// An error by field with this pointer and reason is among those of a problem.
HELPER void expect_error(const struct json *problem, const char *pointer, const char *why) {
    const struct json *errors = need(problem, "errors");
    for (size_t i = 0; i < json_count(errors); i++) {
        struct slice at = S("");
        struct slice slug = S("");
        (void)json_text(json_get(json_at(errors, i), "pointer"), &at);
        (void)json_text(json_get(json_at(errors, i), "reason"), &slug);
        if (slice_equal(at, slice_str(pointer)) && slice_equal(slug, slice_str(why))) {
            return;
        }
    }
    struct op op;
    struct slice text = S("");
    op_open(&op, 1);
    if (json_print(&op, errors, false, &text) != NULL) {
        text = S("?");
    }
    print_error("lacks %s %s, has %.*s\n", pointer, why, SLICE(text));
    op_close(&op);
    fail();
}

#endif
