// SPDX-License-Identifier: GPL-3.0-or-later
// Records as JSON and back by a table that has each type and flag; every error with its pointer.
#include "unit.h"

#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum color { RED, GREEN, BLUE };
static const char *const colors[] = {"red", "green", "blue", NULL};

struct inner {
    struct slice name;
    int64_t weight;
};
static const struct field inner_fields[] = {
    F_TEXT(struct inner, name, 1, FIELD_MUST, 10),
    F_NUMBER(struct inner, weight, 2, FIELD_PLAIN, 0, 9),
};
static FIELD_TABLE(inner_table, "inner", 1, struct inner, inner_fields);

struct row {
    struct slice id, title, note, secret, bytes;
    bool on;
    int64_t size, until;
    int color;
    struct texts tags;
    struct inner box;
    struct rows parts;
};
static const struct field row_fields[] = {
    F_TEXT(struct row, id, 1, FIELD_OUTPUT, 30),
    F_TEXT(struct row, title, 2, FIELD_MUST, 8),
    F_TEXT(struct row, note, 3, FIELD_NULL | FIELD_LINES, 20),
    F_TEXT(struct row, secret, 4, FIELD_HIDDEN, 20),
    F_BYTES(struct row, bytes, 5, FIELD_NULL, 4),
    F_BOOL(struct row, on, 6, FIELD_PLAIN),
    F_NUMBER(struct row, size, 7, FIELD_PLAIN, -3, 100),
    F_TIME(struct row, until, 8, FIELD_PLAIN),
    F_CHOICE(struct row, color, 9, FIELD_PLAIN, colors),
    F_TEXTS(struct row, tags, 10, FIELD_PLAIN, 3),
    F_STRUCT(struct row, box, 11, FIELD_PLAIN, inner_table),
    F_STRUCTS(struct row, parts, 12, FIELD_PLAIN, 2, inner_table),
};
static FIELD_TABLE(row_table, "row", 1, struct row, row_fields);

static reason take(struct op *op, const char *text, struct row *row) {
    const struct json *root = NULL;
    op->error_count = 0;
    assert_done(json_parse(op, slice_str(text), &root));
    return json_to_fields(op, &row_table, root, S(""), row);
}

static void a_full_record_goes_both_ways(void **state) {
    struct op *op = *state;
    struct row row = {.id = S("row_1"), .secret = S("hidden")};
    static const char text[] =
        "{\"title\":\"T\xC3\xA4\",\"note\":\"a\\n\\tb\",\"bytes\":\"AAH/\",\"on\":true,\"size\":-3,"
        "\"until\":\"2026-11-21T16:00:00.000Z\",\"color\":\"blue\",\"tags\":[\"x\",\"\",\"y\"],"
        "\"box\":{\"name\":\"box\",\"weight\":9},\"parts\":[{\"name\":\"p\"},"
        "{\"name\":\"q\",\"weight\":1}]}";
    assert_done(take(op, text, &row));
    assert_text(row.title, "T\xC3\xA4");
    assert_slice(row.bytes, S("\0\x01\xFF"));
    assert_true(row.on && row.size == -3 && row.until == NOON && row.color == BLUE);
    assert_int_equal(row.tags.count, 3);
    assert_text(row.tags.at[2], "y");
    assert_int_equal(row.parts.count, 2);
    const struct inner *parts = row.parts.at;
    assert_text(parts[1].name, "q");
    assert_int_equal(parts[0].weight, 0);
    struct slice out;
    assert_done(json_print(op, json_from_fields(op, &row_table, &row), false, &out));
    assert_text(
        out, "{\"id\":\"row_1\",\"title\":\"T\xC3\xA4\",\"note\":\"a\\n\\tb\",\"bytes\":\"AAH/\","
             "\"on\":true,\"size\":-3,\"until\":\"2026-11-21T16:00:00.000Z\",\"color\":\"blue\","
             "\"tags\":[\"x\",\"\",\"y\"],\"box\":{\"name\":\"box\",\"weight\":9},"
             "\"parts\":[{\"name\":\"p\",\"weight\":0},{\"name\":\"q\",\"weight\":1}]}");
}

static void an_empty_record_prints_nulls_where_the_table_says(void **state) {
    struct row row = {.size = 0};
    struct slice out;
    assert_done(json_print(*state, json_from_fields(*state, &row_table, &row), false, &out));
    assert_text(out, "{\"id\":\"\",\"title\":\"\",\"note\":null,\"bytes\":null,\"on\":false,"
                     "\"size\":0,\"until\":null,\"color\":\"red\",\"tags\":[],"
                     "\"box\":{\"name\":\"\",\"weight\":0},\"parts\":[]}");
}

static void absent_members_keep_what_was_there(void **state) {
    struct row row = {
        .note = S("kept"), .size = 42, .color = GREEN, .on = true, .until = 5, .box = {S("in"), 3}};
    assert_done(take(*state, "{\"title\":\"t\",\"box\":{\"name\":\"new\"}}", &row));
    assert_text(row.note, "kept");
    assert_true(row.size == 42 && row.color == GREEN && row.on && row.until == 5);
    assert_text(row.box.name, "new");
    assert_int_equal(row.box.weight, 3);
}

static void null_empties_what_may_be_empty(void **state) {
    struct row row = {.note = S("x"), .bytes = S("x"), .until = 5};
    assert_done(
        take(*state, "{\"title\":\"t\",\"note\":null,\"bytes\":null,\"until\":null}", &row));
    assert_int_equal(row.note.len, 0);
    assert_int_equal(row.bytes.len, 0);
    assert_int_equal(row.until, 0);
}

struct wrong {
    const char *json, *pointer;
    reason why;
    const char *detail; // a part of it
};

static void assert_wrong(struct op *op, const struct wrong *wrong) {
    struct row row = {.size = 0};
    reason why = take(op, wrong->json, &row);
    if (why == NULL || op->error_count != 1) {
        print_error("%s: %zu errors\n", wrong->json, op->error_count);
    }
    assert_refused(why, INVALID_INPUT);
    assert_int_equal(op->error_count, 1);
    const struct op_error *error = &op->errors[0];
    if (error->why != wrong->why ||
        slice_find(error->detail, slice_str(wrong->detail)) == SIZE_MAX) {
        print_error("%s: %s, %.*s\n", wrong->json, error->why->slug, SLICE(error->detail));
    }
    assert_text(error->pointer, wrong->pointer);
    assert_ptr_equal(error->why, wrong->why);
    assert_true(slice_find(error->detail, slice_str(wrong->detail)) != SIZE_MAX);
}

static void each_wrong_type_is_named_with_what_was_expected(void **state) {
    const struct wrong wrongs[] = {
        {"[]", "", REASON_OF(FIELD_TYPE), "object"},
        {"null", "", REASON_OF(FIELD_TYPE), "object"},
        {"{\"title\":5}", "/title", REASON_OF(FIELD_TYPE), "text"},
        {"{\"title\":null}", "/title", REASON_OF(FIELD_TYPE), "text"},
        {"{\"title\":\"t\",\"bytes\":5}", "/bytes", REASON_OF(FIELD_TYPE), "base64"},
        {"{\"title\":\"t\",\"on\":1}", "/on", REASON_OF(FIELD_TYPE), "true or false"},
        {"{\"title\":\"t\",\"on\":\"true\"}", "/on", REASON_OF(FIELD_TYPE), "true or false"},
        {"{\"title\":\"t\",\"on\":null}", "/on", REASON_OF(FIELD_TYPE), "true or false"},
        {"{\"title\":\"t\",\"size\":\"5\"}", "/size", REASON_OF(FIELD_TYPE), "whole number"},
        {"{\"title\":\"t\",\"size\":5.0}", "/size", REASON_OF(FIELD_TYPE), "whole number"},
        {"{\"title\":\"t\",\"until\":5}", "/until", REASON_OF(FIELD_TYPE), "2026-11-21T16:00:00Z"},
        {"{\"title\":\"t\",\"color\":1}", "/color", REASON_OF(FIELD_TYPE), "red, green, blue"},
        {"{\"title\":\"t\",\"tags\":\"x\"}", "/tags", REASON_OF(FIELD_TYPE), "list of texts"},
        {"{\"title\":\"t\",\"tags\":null}", "/tags", REASON_OF(FIELD_TYPE), "list of texts"},
        {"{\"title\":\"t\",\"tags\":[\"x\",7]}", "/tags/1", REASON_OF(FIELD_TYPE), "text"},
        {"{\"title\":\"t\",\"box\":[]}", "/box", REASON_OF(FIELD_TYPE), "object"},
        {"{\"title\":\"t\",\"parts\":{}}", "/parts", REASON_OF(FIELD_TYPE), "list of objects"},
        {"{\"title\":\"t\",\"parts\":[{\"name\":\"n\"},5]}", "/parts/1", REASON_OF(FIELD_TYPE),
         "object"},
    };
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        assert_wrong(*state, &wrongs[i]);
    }
}

static void each_bound_is_kept(void **state) {
    struct row row = {.size = 0};
    assert_done(take(*state, "{\"title\":\"12345678\",\"size\":100,\"bytes\":\"AAAAAA==\"}", &row));
    assert_done(take(*state, "{\"title\":\"1\",\"size\":-3,\"tags\":[\"a\",\"b\",\"c\"]}", &row));
    const struct wrong wrongs[] = {
        {"{\"title\":\"123456789\"}", "/title", REASON_OF(FIELD_RANGE), "at most 8"},
        {"{\"title\":\"t\",\"bytes\":\"AAAAAAA=\"}", "/bytes", REASON_OF(FIELD_RANGE), "at most 4"},
        {"{\"title\":\"t\",\"size\":101}", "/size", REASON_OF(FIELD_RANGE), "-3 to 100"},
        {"{\"title\":\"t\",\"size\":-4}", "/size", REASON_OF(FIELD_RANGE), "-3 to 100"},
        {"{\"title\":\"t\",\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "/tags", REASON_OF(FIELD_RANGE),
         "at most 3"},
        {"{\"title\":\"t\",\"parts\":[{},{},{}]}", "/parts", REASON_OF(FIELD_RANGE), "at most 2"},
        {"{\"title\":\"t\",\"box\":{\"name\":\"12345678901\"}}", "/box/name",
         REASON_OF(FIELD_RANGE), "at most 10"},
        {"{\"title\":\"t\",\"parts\":[{\"name\":\"n\"},{\"name\":\"n\",\"weight\":10}]}",
         "/parts/1/weight", REASON_OF(FIELD_RANGE), "0 to 9"},
    };
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        assert_wrong(*state, &wrongs[i]);
    }
}

static void each_element_of_a_list_of_texts_has_a_bound(void **state) {
    char text[FIELD_TEXTS_EACH + 64];
    int len =
        snprintf(text, sizeof text, "{\"title\":\"t\",\"tags\":[\"%0*d\"]}", FIELD_TEXTS_EACH, 0);
    assert_true(len > 0);
    struct row row = {.size = 0};
    assert_done(take(*state, text, &row));
    assert_int_equal(row.tags.at[0].len, FIELD_TEXTS_EACH);
    len = snprintf(text, sizeof text, "{\"title\":\"t\",\"tags\":[\"%0*d\"]}", FIELD_TEXTS_EACH + 1,
                   0);
    assert_true(len > 0);
    assert_wrong(*state, &(struct wrong){text, "/tags/0", REASON_OF(FIELD_RANGE), "at most 1024"});
}

static void values_that_are_none_are_refused(void **state) {
    const struct wrong wrongs[] = {
        {"{\"title\":\"t\",\"color\":\"Red\"}", "/color", REASON_OF(FIELD_VALUE),
         "red, green, blue"},
        {"{\"title\":\"t\",\"color\":\"\"}", "/color", REASON_OF(FIELD_VALUE), "red, green, blue"},
        {"{\"title\":\"t\",\"bytes\":\"A\"}", "/bytes", REASON_OF(FIELD_VALUE), "not base64"},
        {"{\"title\":\"t\",\"bytes\":\"AA==\\n\"}", "/bytes", REASON_OF(FIELD_VALUE), "not base64"},
        {"{\"title\":\"t\",\"until\":\"tomorrow\"}", "/until", REASON_OF(FIELD_VALUE),
         "not a time"},
        // 0 is stored for never: nobody gets an endless term by asking for the year 1970.
        {"{\"title\":\"t\",\"until\":\"1970-01-01T00:00:00Z\"}", "/until", REASON_OF(FIELD_RANGE),
         "too early"},
    };
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        assert_wrong(*state, &wrongs[i]);
    }
}

static void controls_are_refused_unless_the_text_has_lines(void **state) {
    const struct wrong wrongs[] = {
        {"{\"title\":\"a\\nb\"}", "/title", REASON_OF(RESTRICTED_CHARACTERS), "line ends"},
        {"{\"title\":\"a\\tb\"}", "/title", REASON_OF(RESTRICTED_CHARACTERS), "tabs"},
        {"{\"title\":\"a\\u0085b\"}", "/title", REASON_OF(RESTRICTED_CHARACTERS), "control"},
        {"{\"title\":\"t\",\"note\":\"\\u001b\"}", "/note", REASON_OF(RESTRICTED_CHARACTERS),
         "control"},
        {"{\"title\":\"t\",\"tags\":[\"a\\n\"]}", "/tags/0", REASON_OF(RESTRICTED_CHARACTERS),
         "control"},
    };
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        assert_wrong(*state, &wrongs[i]);
    }
}

static void what_is_required_must_be_there_and_not_empty(void **state) {
    const struct wrong wrongs[] = {
        {"{}", "/title", REASON_OF(FIELD_REQUIRED), "missing"},
        {"{\"title\":\"\"}", "/title", REASON_OF(FIELD_REQUIRED), "empty"},
        {"{\"title\":\"t\",\"box\":{}}", "/box/name", REASON_OF(FIELD_REQUIRED), "missing"},
        {"{\"title\":\"t\",\"parts\":[{\"weight\":1}]}", "/parts/0/name", REASON_OF(FIELD_REQUIRED),
         "missing"},
    };
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        assert_wrong(*state, &wrongs[i]);
    }
}

static void unknown_hidden_and_output_members_are_refused(void **state) {
    const struct wrong wrongs[] = {
        {"{\"title\":\"t\",\"x\":1}", "/x", REASON_OF(FIELD_UNKNOWN),
         "title, note, bytes, on, size, until, color, tags, box, parts"},
        {"{\"title\":\"t\",\"Title\":1}", "/Title", REASON_OF(FIELD_UNKNOWN), "title"},
        {"{\"title\":\"t\",\"secret\":\"s\"}", "/secret", REASON_OF(FIELD_UNKNOWN), "title"},
        {"{\"title\":\"t\",\"id\":\"row_2\"}", "/id", REASON_OF(FIELD_UNKNOWN), "not set"},
        {"{\"title\":\"t\",\"a/b~c\":1}", "/a~1b~0c", REASON_OF(FIELD_UNKNOWN), "title"},
        {"{\"title\":\"t\",\"\":1}", "/", REASON_OF(FIELD_UNKNOWN), "title"},
        {"{\"title\":\"t\",\"box\":{\"name\":\"n\",\"x\":1}}", "/box/x", REASON_OF(FIELD_UNKNOWN),
         "name, weight"},
    };
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        assert_wrong(*state, &wrongs[i]);
    }
}

static void a_hidden_field_is_not_named_to_anybody(void **state) {
    struct op *op = *state;
    struct row row = {.secret = S("s")};
    assert_refused(take(op, "{\"title\":\"t\",\"x\":1}", &row), INVALID_INPUT);
    assert_true(slice_find(op->errors[0].detail, S("secret")) == SIZE_MAX);
    assert_null(json_get(json_from_fields(op, &row_table, &row), "secret"));
}

static void all_that_is_wrong_is_told_at_once(void **state) {
    struct op *op = *state;
    struct row row = {.size = 0};
    assert_refused(
        take(op, "{\"size\":900,\"color\":\"x\",\"y\":1,\"parts\":[{\"weight\":-1}]}", &row),
        INVALID_INPUT);
    static const char *const want[] = {"/size",           "/color",        "/y",
                                       "/parts/0/weight", "/parts/0/name", "/title"};
    assert_int_equal(op->error_count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_text(op->errors[i].pointer, want[i]);
    }
}

static void more_errors_than_are_kept_are_still_a_refusal(void **state) {
    struct op *op = *state;
    struct row row = {.size = 0};
    char text[4000] = "{\"title\":\"t\"";
    for (int i = 0; i < 100; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, ",\"x%d\":1", i);
    }
    size_t len = strlen(text);
    (void)snprintf(text + len, sizeof text - len, "}");
    assert_refused(take(op, text, &row), INVALID_INPUT);
    assert_int_equal(op->error_count, OP_ERRORS_MAX);
    // Also when others have filled the list before.
    const struct json *root = NULL;
    assert_done(json_parse(op, S("{\"x\":1,\"title\":\"t\"}"), &root));
    assert_refused(json_to_fields(op, &row_table, root, S(""), &row), INVALID_INPUT);
}

static void pointers_stand_under_the_place_of_the_caller(void **state) {
    struct op *op = *state;
    struct row row = {.size = 0};
    const struct json *root = NULL;
    assert_done(json_parse(op, S("{\"title\":\"t\",\"box\":{\"name\":5}}"), &root));
    assert_refused(json_to_fields(op, &row_table, root, S("/rows/3"), &row), INVALID_INPUT);
    assert_text(op->errors[0].pointer, "/rows/3/box/name");
}

static void without_memory_a_record_is_refused(void **state) {
    struct op *op = *state;
    struct row row = {.size = 0};
    const struct json *root = NULL;
    assert_done(json_parse(op, S("{\"title\":\"t\",\"tags\":[\"x\"]}"), &root));
    op->arena.ceiling = 0;
    assert_refused(json_to_fields(op, &row_table, root, S(""), &row), LIMIT_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_full_record_goes_both_ways),
        TEST(an_empty_record_prints_nulls_where_the_table_says),
        TEST(absent_members_keep_what_was_there),
        TEST(null_empties_what_may_be_empty),
        TEST(each_wrong_type_is_named_with_what_was_expected),
        TEST(each_bound_is_kept),
        TEST(each_element_of_a_list_of_texts_has_a_bound),
        TEST(values_that_are_none_are_refused),
        TEST(controls_are_refused_unless_the_text_has_lines),
        TEST(what_is_required_must_be_there_and_not_empty),
        TEST(unknown_hidden_and_output_members_are_refused),
        TEST(a_hidden_field_is_not_named_to_anybody),
        TEST(all_that_is_wrong_is_told_at_once),
        TEST(more_errors_than_are_kept_are_still_a_refusal),
        TEST(pointers_stand_under_the_place_of_the_caller),
        TEST(without_memory_a_record_is_refused),
    };
    RUN(tests);
}
