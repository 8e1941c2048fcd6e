// SPDX-License-Identifier: GPL-3.0-or-later
// JSON text in and out: what is refused before and by the parser, and the makers and readers.
#include "unit.h"

#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// ---- text ------------------------------------------------------------------------------------------

static const struct json *read(struct op *op, const char *text) {
    const struct json *root = NULL;
    reason why = json_parse(op, slice_str(text), &root);
    if (why != NULL) {
        fail_msg("%s: %s (%.*s)", text, why->slug, SLICE(op->detail));
    }
    return root;
}

static void assert_prints(struct op *op, const struct json *root, const char *want) {
    struct slice text = SLICE_NONE;
    assert_done(json_print(op, root, false, &text));
    assert_text(text, want);
}

static void what_is_read_prints_the_same_in_the_same_order(void **state) {
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-5",
        "\"\"",
        "\"\xC3\xA4\\n\\\"\"",
        "{\"z\":1,\"a\":[1,\"x\",null,true],\"m\":{\"b\":{}}}",
        "9223372036854775807",
        "-9223372036854775808",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_prints(*state, read(*state, texts[i]), texts[i]);
    }
}

static void pretty_is_indented_by_two(void **state) {
    struct slice text;
    assert_done(json_print(*state, read(*state, "{\"b\":[1],\"a\":2}"), true, &text));
    assert_text(text, "{\n  \"b\": [\n    1\n  ],\n  \"a\": 2\n}");
}

static void what_is_no_json_is_refused(void **state) {
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "nul",
        "[1] x",
        "{}{}",
        "01",
        "1e999",
        "9223372036854775808",
        "\"a",
        "\"\n\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"\xFF\"",
        "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"",
        "{\"a\\u0000b\":1}",
        "// x\n1",
        "NaN",
        "\xEF\xBB\xBF{}",
        "[\"a\" \"b\"]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct json *root = NULL;
        reason why = json_parse(*state, slice_str(bad[i]), &root);
        if (why == NULL) {
            print_error("%s\n", bad[i]);
        }
        assert_refused(why, MALFORMED_JSON);
        assert_null(root);
        assert_true(slice_starts(((struct op *)*state)->detail, S("not JSON at line ")));
    }
    const struct json *root = NULL;
    assert_refused(json_parse(*state, SLICE_NONE, &root), MALFORMED_JSON);
    assert_refused(json_parse(*state, S("{}\0"), &root), MALFORMED_JSON);
}

static void a_duplicate_member_is_refused_at_any_depth(void **state) {
    const struct json *root = NULL;
    assert_refused(json_parse(*state, S("{\"a\":1,\"a\":1}"), &root), MALFORMED_JSON);
    assert_refused(json_parse(*state, S("[{\"x\":{\"a\":1,\"b\":2,\"\\u0061\":3}}]"), &root),
                   MALFORMED_JSON);
    assert_done(json_parse(*state, S("[{\"a\":1},{\"a\":1}]"), &root));
}

static void the_detail_of_a_refusal_quotes_nothing_of_the_body(void **state) {
    struct op *op = *state;
    const struct json *root = NULL;
    assert_refused(json_parse(op, S("{\"password\":\"hunter2\" \"x\":secret}"), &root),
                   MALFORMED_JSON);
    assert_true(slice_find(op->detail, S("hunter2")) == SIZE_MAX);
    assert_true(slice_find(op->detail, S("secret")) == SIZE_MAX);
    assert_true(slice_find(op->detail, S("line 1, column")) != SIZE_MAX);
}

static void depth_has_a_ceiling_that_brackets_in_strings_do_not_count_for(void **state) {
    char text[2 * JSON_DEPTH_MAX + 2];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    const struct json *root = NULL;
    assert_done(json_parse(*state, slice_of(text, 2UL * JSON_DEPTH_MAX), &root));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_refused(json_parse(*state, slice_of(text, sizeof text), &root), MALFORMED_JSON);
    (void)read(*state, "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                       "\\\"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{\"");
    (void)read(*state, "[\"\\\\\",[1]]");
    // A quote that is escaped ends no string: what follows the real end counts.
    char tricky[200] = "[\"\\\"\",";
    size_t len = strlen(tricky);
    memset(tricky + len, '[', JSON_DEPTH_MAX);
    assert_refused(json_parse(*state, slice_of(tricky, len + JSON_DEPTH_MAX), &root),
                   MALFORMED_JSON);
    assert_true(slice_find(((struct op *)*state)->detail, S("deeper")) != SIZE_MAX);
}

static void a_body_over_the_ceiling_is_refused(void **state) {
    static char text[JSON_BODY_MAX + 1];
    memset(text, ' ', sizeof text);
    text[0] = '1';
    const struct json *root = NULL;
    assert_done(json_parse(*state, slice_of(text, JSON_BODY_MAX), &root));
    assert_refused(json_parse(*state, slice_of(text, sizeof text), &root), BODY_TOO_LARGE);
    // A command may read larger files, up to what it says.
    assert_done(json_parse_most(*state, slice_of(text, sizeof text), sizeof text, &root));
    assert_refused(json_parse_most(*state, slice_of(text, sizeof text), sizeof text - 1, &root),
                   BODY_TOO_LARGE);
}

static void what_is_printed_is_bounded_by_the_memory_of_its_operation(void **state) {
    static char text[ARENA_CEILING / 2];
    struct op *op = *state;
    struct json *list = json_array(op);
    struct slice printed = S("");
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 3; i++) {
        json_add_text(op, list, slice_of(text, sizeof text));
    }
    assert_refused(json_print(op, list, false, &printed), LIMIT_MEMORY);
    op->arena.ceiling = 8 * (size_t)ARENA_CEILING;
    assert_done(json_print(op, list, false, &printed));
    assert_true(printed.len > 3 * sizeof text);
}

static void values_are_made_and_shared(void **state) {
    struct op *op = *state;
    struct json *root = json_object(op);
    struct json *list = json_array(op);
    json_set(op, root, "list", list);
    json_set_text(op, root, "t", S("a\"\xE2\x82\xAC"));
    json_set_text_or_null(op, root, "none", SLICE_NONE);
    json_set_text_or_null(op, root, "some", S("x"));
    json_set_str(op, root, "s", "str");
    json_set_number(op, root, "n", INT64_MIN);
    json_set_bool(op, root, "b", true);
    json_set_time(op, root, "time", NOON);
    json_set_time(op, root, "never", 0);
    json_set_null(op, root, "null");
    struct slice texts[] = {S("one"), S("")};
    json_set_texts(op, root, "texts", (struct texts){texts, 2});
    json_set_texts(op, root, "no_texts", (struct texts){NULL, 0});
    json_add(op, list, json_object(op));
    json_add_text(op, list, S("after")); // the list is in root already
    json_set_number(op, root, "n", 4);   // and a member can be set anew
    assert_prints(
        op, root,
        "{\"list\":[{},\"after\"],\"t\":\"a\\\"\xE2\x82\xAC\",\"none\":null,\"some\":\"x\","
        "\"s\":\"str\",\"n\":4,\"b\":true,\"time\":\"2026-11-21T16:00:00.000Z\","
        "\"never\":null,\"null\":null,\"texts\":[\"one\",\"\"],\"no_texts\":[]}");
}

static void a_text_that_is_no_utf8_is_written_with_replacements(void **state) {
    struct op *op = *state;
    struct json *root = json_object(op);
    json_set_text(op, root, "a", S("x\xFFy\xC3"));
    json_set_text(op, root, "b", S("x\0y"));
    assert_prints(op, root, "{\"a\":\"x\xEF\xBF\xBDy\xEF\xBF\xBD\",\"b\":\"x\\u0000y\"}");
}

static void readers_answer_no_for_another_type_and_for_nothing(void **state) {
    const struct json *root =
        read(*state, "{\"t\":\"x\",\"n\":5,\"b\":false,\"z\":null,\"a\":[1,2],"
                     "\"o\":{},\"r\":5.0}");
    struct slice text = S("kept");
    int64_t number = 77;
    bool truth = true;
    assert_true(json_text(json_get(root, "t"), &text));
    assert_text(text, "x");
    assert_false(json_text(json_get(root, "n"), &text));
    assert_false(json_text(json_get(root, "none"), &text));
    assert_false(json_text(NULL, &text));
    assert_false(json_number(json_get(root, "t"), &number));
    assert_false(json_number(json_get(root, "r"), &number)); // a real is no number here
    assert_int_equal(number, 77);
    assert_true(json_number(json_get(root, "n"), &number));
    assert_int_equal(number, 5);
    assert_false(json_bool(json_get(root, "n"), &truth));
    assert_true(json_bool(json_get(root, "b"), &truth));
    assert_false(truth);
    assert_true(json_is_null(json_get(root, "z")));
    assert_false(json_is_null(json_get(root, "none")));
    assert_true(json_is_object(json_get(root, "o")));
    assert_false(json_is_object(json_get(root, "a")));
    assert_false(json_is_object(NULL));
    assert_true(json_is_array(json_get(root, "a")));
    assert_false(json_is_array(json_get(root, "o")));
    assert_int_equal(json_count(json_get(root, "a")), 2);
    assert_int_equal(json_count(json_get(root, "o")), 0);
    assert_int_equal(json_count(NULL), 0);
    assert_true(json_number(json_at(json_get(root, "a"), 1), &number));
    assert_int_equal(number, 2);
    assert_null(json_at(json_get(root, "a"), 2));
    assert_null(json_at(root, 0));
    assert_null(json_get(NULL, "x"));
    assert_null(json_get(json_get(root, "a"), "x"));
}

static void members_are_walked_in_order_to_the_end(void **state) {
    const struct json *root = read(*state, "{\"z\":0,\"a\":1,\"m\":2}");
    static const char *const want[] = {"z", "a", "m"};
    size_t at = 0;
    struct slice name;
    const struct json *value;
    for (int64_t i = 0; i < 3; i++) {
        int64_t number = -1;
        assert_true(json_member(root, &at, &name, &value));
        assert_text(name, want[i]);
        assert_true(json_number(value, &number) && number == i);
    }
    assert_false(json_member(root, &at, &name, &value));
    assert_false(json_member(root, &at, &name, &value));
    at = 0;
    assert_false(json_member(read(*state, "{}"), &at, &name, &value));
    assert_false(json_member(read(*state, "[1]"), &at, &name, &value));
    assert_false(json_member(NULL, &at, &name, &value));
}

static void without_memory_nothing_is_printed(void **state) {
    struct op *op = *state;
    struct json *root = json_object(op);
    size_t ceiling = op->arena.ceiling;
    op->arena.ceiling = 0;
    struct json *lost = json_object(op);
    assert_non_null(lost);
    json_set_text(op, lost, "a", S("x"));
    json_set(op, root, "lost", lost);
    op->arena.ceiling = ceiling;
    struct slice text = S("kept");
    assert_refused(json_print(op, root, false, &text), LIMIT_MEMORY);
    assert_text(text, "kept");
}

static void an_answer_over_the_memory_of_a_request_is_refused(void **state) {
    struct op *op = *state;
    struct json *root = json_array(op);
    static char large[1U << 20];
    memset(large, 'x', sizeof large);
    for (int i = 0; i < 9; i++) {
        json_add_text(op, root, slice_of(large, sizeof large));
    }
    struct slice text;
    assert_refused(json_print(op, root, false, &text), LIMIT_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_read_prints_the_same_in_the_same_order),
        TEST(pretty_is_indented_by_two),
        TEST(what_is_no_json_is_refused),
        TEST(a_duplicate_member_is_refused_at_any_depth),
        TEST(the_detail_of_a_refusal_quotes_nothing_of_the_body),
        TEST(depth_has_a_ceiling_that_brackets_in_strings_do_not_count_for),
        TEST(a_body_over_the_ceiling_is_refused),
        TEST(what_is_printed_is_bounded_by_the_memory_of_its_operation),
        TEST(values_are_made_and_shared),
        TEST(a_text_that_is_no_utf8_is_written_with_replacements),
        TEST(readers_answer_no_for_another_type_and_for_nothing),
        TEST(members_are_walked_in_order_to_the_end),
        TEST(without_memory_nothing_is_printed),
        TEST(an_answer_over_the_memory_of_a_request_is_refused),
    };
    RUN(tests);
}
