// SPDX-License-Identifier: GPL-3.0-or-later
// Records: what is put comes back, and bytes that this table could not have written are refused
// whole.
#include "base/unit.h"

#include "store/record.h"

struct part {
    struct slice name;
    int64_t number;
};
static const struct field part_rows[] = {
    F_TEXT(struct part, name, 1, FIELD_PLAIN, 10),
    F_NUMBER(struct part, number, 2, FIELD_PLAIN, -5, 5),
};
static FIELD_TABLE(part_fields, "part", 1, struct part, part_rows);

enum colour { RED, GREEN };
static const char *const colours[] = {"red", "green", NULL};

struct thing {
    struct slice text, bytes;
    bool yes;
    int64_t number, time;
    int colour;
    struct texts texts;
    struct part part;
    struct rows parts;
};
static const struct field thing_rows[] = {
    F_TEXT(struct thing, text, 1, FIELD_PLAIN, 300),
    F_BYTES(struct thing, bytes, 2, FIELD_PLAIN, 8),
    F_BOOL(struct thing, yes, 3, FIELD_PLAIN),
    F_NUMBER(struct thing, number, 4, FIELD_PLAIN, -100, 100),
    F_TIME(struct thing, time, 5, FIELD_PLAIN),
    F_CHOICE(struct thing, colour, 6, FIELD_PLAIN, colours),
    F_TEXTS(struct thing, texts, 7, FIELD_PLAIN, 3),
    F_STRUCT(struct thing, part, 8, FIELD_PLAIN, part_fields),
    F_STRUCTS(struct thing, parts, 255, FIELD_PLAIN, 3, part_fields),
};
static FIELD_TABLE(thing_fields, "thing", 3, struct thing, thing_rows);

static struct thing full(struct op *op) {
    struct slice *texts = NULL;
    struct part *parts = NULL;
    assert_done(op_take(op, 3 * sizeof *texts, &texts));
    assert_done(op_take(op, 3 * sizeof *parts, &parts));
    texts[0] = S("one");
    texts[2] = S("three");
    parts[0] = (struct part){S("a"), -5};
    parts[2] = (struct part){S("c"), 5};
    char *text = NULL;
    assert_done(op_take(op, 300, &text));
    memset(text, 'x', 300);
    return (struct thing){.text = slice_of(text, 300),
                          .bytes = S("\0\xff\0"),
                          .yes = true,
                          .number = -100,
                          .time = NOON,
                          .colour = GREEN,
                          .texts = {texts, 3},
                          .part = {S("p"), 1},
                          .parts = {parts, 3}};
}

static void what_was_put_comes_back(void **state) {
    struct thing in = full(*state);
    struct thing out;
    struct slice bytes;
    assert_done(record_put(*state, &thing_fields, &in, &bytes));
    assert_done(record_get(*state, &thing_fields, bytes, &out));
    assert_slice(out.text, in.text);
    assert_slice(out.bytes, in.bytes);
    assert_true(out.yes && out.number == -100 && out.time == NOON && out.colour == GREEN);
    assert_int_equal(out.texts.count, 3);
    assert_slice(out.texts.at[0], S("one"));
    assert_slice(out.texts.at[1], S(""));
    assert_slice(out.texts.at[2], S("three"));
    assert_slice(out.part.name, S("p"));
    assert_int_equal(out.part.number, 1);
    const struct part *parts = out.parts.at;
    assert_int_equal(out.parts.count, 3);
    assert_slice(parts[0].name, S("a"));
    assert_true(parts[0].number == -5 && parts[1].number == 0 && parts[2].number == 5);
    // The same struct gives the same bytes.
    struct slice again;
    assert_done(record_put(*state, &thing_fields, &out, &again));
    assert_slice(again, bytes);
    // It is a copy: not one slice points into what was given.
    assert_true(out.text.at < bytes.at || out.text.at >= bytes.at + bytes.len);
}

static void empty_members_take_no_bytes(void **state) {
    struct thing in = {.yes = false};
    struct thing out = full(*state);
    struct slice bytes;
    assert_done(record_put(*state, &thing_fields, &in, &bytes));
    assert_slice(bytes, S("\0\x03"));
    assert_done(record_get(*state, &thing_fields, bytes, &out));
    assert_true(out.text.len == 0 && !out.yes && out.parts.count == 0 && out.time == 0);
}

static void bounds_hold_when_putting(void **state) {
    struct slice bytes;
    struct thing in = full(*state);
#define OUT(change)                                                                                \
    in = full(*state);                                                                             \
    change;                                                                                        \
    assert_refused(record_put(*state, &thing_fields, &in, &bytes), INVALID_INPUT)
    OUT(in.text.len = 301);
    OUT(in.bytes = S("123456789"));
    OUT(in.number = 101);
    OUT(in.number = -101);
    OUT(in.time = -1);
    OUT(in.colour = 2);
    OUT(in.colour = -1);
    OUT(in.texts.count = 4);
    OUT(in.texts.at[1].len = FIELD_TEXTS_EACH + 1);
    OUT(in.part.number = 6);
    OUT(in.parts.count = 4);
    OUT(((struct part *)in.parts.at)[1].number = -6);
}

static reason get(void **state, struct slice bytes) {
    struct thing row = {.number = 77};
    reason why = record_get(*state, &thing_fields, bytes, &row);
    assert_true(why == NULL || row.number == 77); // untouched when refused
    return why;
}
#define IS_BAD(literal) assert_refused(get(state, S(literal)), STORE_UNAVAILABLE)

static void bytes_that_are_no_record_are_refused(void **state) {
    IS_BAD("");
    IS_BAD("\0");
    IS_BAD("\0\0");                                      // no version
    IS_BAD("\0\x03\x01");                                // a tag alone
    IS_BAD("\0\x03\x01\x02" "a");                        // cut
    IS_BAD("\0\x03\x01\x81\0" "a");                      // a length in more bytes than it needs
    IS_BAD("\0\x03\x01\xff\xff\xff\xff\xff\x0f");        // a length without end
    IS_BAD("\0\x03\x01\xff\xff\xff\xff\x0f" "a");        // a length past the end
    IS_BAD("\0\x03\x01\x01" "a\x01\x01" "a");            // twice
    IS_BAD("\0\x03\x09\x01" "a");                        // unknown
    IS_BAD("\0\x03\0\x01" "a");                          // no tag is 0
    IS_BAD("\0\x03\x02\x09" "123456789");                // too long
    IS_BAD("\0\x03\x03\x01\x02");                        // a bool of 2
    IS_BAD("\0\x03\x03\0");                              // a bool of no bytes
    IS_BAD("\0\x03\x03\x02\0\x01");                      // a bool of two
    IS_BAD("\0\x03\x04\x01\x05");                        // a number of one byte
    IS_BAD("\0\x03\x04\x08\0\0\0\0\0\0\0\x65");          // 101
    IS_BAD("\0\x03\x05\x08\xff\xff\xff\xff\xff\xff\xff\xff"); // a time before 1970
    IS_BAD("\0\x03\x06\x02\0\x02");                      // a third colour
    IS_BAD("\0\x03\x06\x01\x01");                        // a colour of one byte
    IS_BAD("\0\x03\x07\x04\0\0\0\0");                    // four texts
    IS_BAD("\0\x03\x07\x02\x02" "a");                    // a text past its list
    IS_BAD("\0\x03\x08\x02\x03\0");                      // an unknown member in a part
    IS_BAD("\0\x03\x08\x0a\x02\x08\0\0\0\0\0\0\0\x06");  // a part's number of 6
    IS_BAD("\0\x03\xff\x04\0\0\0\0");                    // four parts
    IS_BAD("\0\x03\xff\x03\x02\x01\x05");                // a part that is cut
}

static void members_may_stand_in_any_order(void **state) {
    struct thing row;
    assert_done(record_get(*state, &thing_fields, S("\0\x03\x03\x01\x01\x01\x01" "a"), &row));
    assert_true(row.yes);
    assert_slice(row.text, S("a"));
}

static void every_cut_of_a_record_is_refused_or_shorter(void **state) {
    struct thing in = full(*state);
    struct slice bytes;
    assert_done(record_put(*state, &thing_fields, &in, &bytes));
    size_t whole = 0;
    for (size_t len = 0; len < bytes.len; len++) {
        struct op op;
        op_open(&op, NOON);
        struct thing out;
        reason why = record_get(&op, &thing_fields, slice_sub(bytes, 0, len), &out);
        assert_true(why == NULL || why == REASON_OF(STORE_UNAVAILABLE));
        whole += why == NULL ? 1 : 0;
        op_close(&op);
    }
    assert_int_equal(whole, 9); // before each of its members
}

static void a_newer_version_is_refused(void **state) {
    assert_refused(get(state, S("\0\x04\x01\x01" "a")), SCHEMA);
    struct op *op = *state;
    assert_slice(op->detail,
                 S("a stored thing has version 4, this program knows 3; use the newer program"));
    assert_refused(get(state, S("\xff\xff")), SCHEMA);
}

static void an_older_version_may_hold_what_was_dropped(void **state) {
    struct thing row;
    assert_done(record_get(*state, &thing_fields, S("\0\x02\x09\x01" "a\x01\x01" "b"), &row));
    assert_slice(row.text, S("b"));
}

static void a_record_that_is_too_large_is_refused(void **state) {
    static const struct field rows[] = {F_BYTES(struct thing, bytes, 2, FIELD_PLAIN, 1 << 20)};
    static FIELD_TABLE(table, "blob", 1, struct thing, rows);
    struct slice bytes;
    char *at = NULL;
    assert_done(op_take(*state, RECORD_MAX, &at));
    struct thing in = {.bytes = slice_of(at, RECORD_MAX - 10)};
    assert_done(record_put(*state, &table, &in, &bytes));
    in.bytes.len = RECORD_MAX;
    assert_refused(record_put(*state, &table, &in, &bytes), LIMIT_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_comes_back),
        TEST(empty_members_take_no_bytes),
        TEST(bounds_hold_when_putting),
        TEST(bytes_that_are_no_record_are_refused),
        TEST(members_may_stand_in_any_order),
        TEST(every_cut_of_a_record_is_refused_or_shorter),
        TEST(a_newer_version_is_refused),
        TEST(an_older_version_may_hold_what_was_dropped),
        TEST(a_record_that_is_too_large_is_refused),
    };
    RUN(tests);
}
