// SPDX-License-Identifier: GPL-3.0-or-later
// Records written as JSON text at once: byte by byte what printing their values gives, whatever is in them.
#include "unit.h"

#include "base/json.h"

enum color { RED, GREEN, BLUE };
static const char *const colors[] = {"red", "green", "blue", NULL};

struct inner {
    struct slice name, secret;
    int64_t weight;
};
static const struct field inner_fields[] = {
    F_TEXT(struct inner, secret, 3, FIELD_HIDDEN, 10),
    F_TEXT(struct inner, name, 1, FIELD_MUST, 10),
    F_NUMBER(struct inner, weight, 2, FIELD_PLAIN, 0, 9),
};
static FIELD_TABLE(inner_table, "inner", 1, struct inner, inner_fields);

struct row {
    struct slice title, note, secret, bytes, octets;
    bool on;
    int64_t size, until;
    int color;
    struct texts tags;
    struct inner box;
    struct rows parts;
};
static const struct field row_fields[] = {
    F_TEXT(struct row, title, 2, FIELD_PLAIN, 8),
    F_TEXT(struct row, note, 3, FIELD_NULL | FIELD_LINES, 20),
    F_TEXT(struct row, secret, 4, FIELD_HIDDEN, 20),
    F_BYTES(struct row, bytes, 5, FIELD_NULL, 4),
    F_BYTES(struct row, octets, 13, FIELD_PLAIN, 4),
    F_BOOL(struct row, on, 6, FIELD_PLAIN),
    F_NUMBER(struct row, size, 7, FIELD_PLAIN, -3, 100),
    F_TIME(struct row, until, 8, FIELD_PLAIN),
    F_CHOICE(struct row, color, 9, FIELD_PLAIN, colors),
    F_TEXTS(struct row, tags, 10, FIELD_PLAIN, 3),
    F_STRUCT(struct row, box, 11, FIELD_PLAIN, inner_table),
    F_STRUCTS(struct row, parts, 12, FIELD_PLAIN, 2, inner_table),
};
static FIELD_TABLE(row_table, "row", 1, struct row, row_fields);

static uint32_t chance = 1;
static uint32_t below(uint32_t most) {
    chance = chance * 1664525U + 1013904223U;
    return (chance >> 8) % most;
}

// Letters, what has to be escaped, characters of two to four bytes, and bytes that are no UTF-8.
static struct slice some_text(struct op *op) {
    static const struct slice pieces[] = {
        {"a", 1},        {"text", 4},     {"\"", 1},          {"\\", 1},         {"/", 1},
        {"\b\f\n\r\t", 5}, {"\0", 1},       {"\x1F\x7F", 2},    {"\xC3\xA4", 2},   {"\xE2\x80\xA8", 3},
        {"\xF0\x9F\x98\x80", 4}, {"\xC3", 1}, {"\xED\xA0\x80", 3}, {"\xFF\xFE", 2}, {"", 0},
        {"\xF4\x90\x80\x80", 4}, {"\xC0\x80", 2},
    };
    struct buf text;
    buf_open(&text, op, 1000);
    for (uint32_t i = below(8); i > 0; i--) {
        buf_put(&text, pieces[below(sizeof pieces / sizeof *pieces)]);
    }
    return buf_slice(&text);
}

static struct inner some_inner(struct op *op) {
    return (struct inner){some_text(op), some_text(op), (int64_t)below(20) - 10};
}

static struct row some_row(struct op *op) {
    static const int64_t times[] = {0, 1, NOON, -5, INT64_MAX, INT64_MIN};
    struct row row = {.title = some_text(op),
                      .note = some_text(op),
                      .secret = some_text(op),
                      .bytes = some_text(op),
                      .octets = some_text(op),
                      .on = below(2) == 1,
                      .size = times[below(6)],
                      .until = times[below(6)],
                      .color = (int)below(5) - 1,
                      .box = some_inner(op)};
    assert_done(op_take(op, 3 * sizeof *row.tags.at, &row.tags.at));
    assert_done(op_take(op, 3 * sizeof(struct inner), &row.parts.at));
    row.tags.count = below(4);
    row.parts.count = below(4);
    for (size_t i = 0; i < 3; i++) {
        row.tags.at[i] = some_text(op);
        ((struct inner *)row.parts.at)[i] = some_inner(op);
    }
    return row;
}

static void rows_are_written_as_their_values_are_printed(void **state) {
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct op op;
        struct buf text;
        struct slice want, got;
        op_open(&op, NOON);
        struct row row = some_row(&op);
        assert_done(json_print(&op, json_from_fields(&op, &row_table, &row), false, &want));
        buf_open(&text, &op, ARENA_CEILING);
        json_put_fields(&text, &row_table, &row);
        assert_done(buf_done(&text, &got));
        assert_slice(got, want);
        op_close(&op);
    }
}

static void a_member_is_written_alone(void **state) {
    struct buf text;
    struct row row = {.title = S("a\"b"), .until = NOON};
    buf_open(&text, *state, 100);
    json_put_name(&text, true, "title");
    json_put_field(&text, &row_fields[0], &row);
    json_put_name(&text, false, "until");
    json_put_field(&text, &row_fields[7], &row);
    assert_text(buf_slice(&text), "\"title\":\"a\\\"b\",\"until\":\"2026-11-21T16:00:00.000Z\"");
}

static void what_does_not_fit_is_refused(void **state) {
    struct op *op = *state;
    struct buf text;
    struct slice got;
    struct row row = {.octets = S("abc")};
    buf_open(&text, op, 40);
    json_put_fields(&text, &row_table, &row);
    assert_refused(buf_done(&text, &got), LIMIT_MEMORY);
    op->arena.ceiling = 0;
    buf_open(&text, op, 1000);
    json_put_field(&text, &row_fields[4], &row);
    assert_refused(buf_done(&text, &got), LIMIT_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_are_written_as_their_values_are_printed),
        TEST(a_member_is_written_alone),
        TEST(what_does_not_fit_is_refused),
    };
    RUN(tests);
}
