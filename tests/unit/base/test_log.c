// SPDX-License-Identifier: GPL-3.0-or-later
// Log lines as they arrive on stderr, read back as JSON.
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

// What one call writes on stderr.
struct capture {
    int saved, from;
    char bytes[PIPE_BUF * 2];
};

static void begin(struct capture *capture) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    capture->saved = dup(STDERR_FILENO);
    capture->from = ends[0];
    assert_true(capture->saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
}

static struct slice end(struct capture *capture) {
    ssize_t len = read(capture->from, capture->bytes, sizeof capture->bytes);
    (void)dup2(capture->saved, STDERR_FILENO);
    (void)close(capture->saved);
    (void)close(capture->from);
    return slice_of(capture->bytes, len > 0 ? (size_t)len : 0);
}

// The line must be one JSON object and end in a line end.
static const struct json *parsed(struct op *op, struct slice line) {
    assert_true(line.len > 0 && line.at[line.len - 1] == '\n');
    assert_true(slice_find(line, S("\n")) == line.len - 1);
    const struct json *root = NULL;
    assert_done(json_parse(op, line, &root));
    assert_true(json_is_object(root));
    return root;
}

static void assert_member(const struct json *root, const char *name, struct slice want) {
    struct slice got = SLICE_NONE;
    assert_true(json_text(json_get(root, name), &got));
    assert_slice(got, want);
}

static size_t lines_of(struct slice text) {
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.at[i] == '\n' ? 1 : 0;
    }
    return lines;
}

static void held_lines_come_in_one_piece_when_they_are_released(void **state) {
    struct op *op = *state;
    struct capture capture;
    begin(&capture);
    log_hold();
    LOG(op, LOG_INFO, "one", LOG_NUMBER("n", 1));
    LOG(op, LOG_INFO, "two", LOG_NUMBER("n", 2));
    char byte;
    assert_int_equal(read(capture.from, &byte, 1), -1); // nothing yet
    log_release();
    struct slice both = end(&capture);
    size_t line = slice_find(both, S("\n"));
    assert_member(parsed(op, slice_sub(both, 0, line + 1)), "event", S("one"));
    assert_member(parsed(op, slice_sub(both, line + 1, both.len)), "event", S("two"));
    begin(&capture);
    LOG(op, LOG_INFO, "three", LOG_NUMBER("n", 3)); // at once again
    assert_member(parsed(op, end(&capture)), "event", S("three"));
    begin(&capture);
    log_hold();
    log_release();
    assert_int_equal(end(&capture).len, 0);
}

static void more_than_can_be_held_is_written_before(void **state) {
    struct op *op = *state;
    struct capture capture;
    char long_text[LOG_VALUE_MAX];
    memset(long_text, 'x', sizeof long_text);
    begin(&capture);
    log_hold();
    for (size_t i = 0; i < 20; i++) { // some 6 KB
        LOG(op, LOG_INFO, "long", LOG_TEXT("text", slice_of(long_text, sizeof long_text)));
    }
    char first[PIPE_BUF];
    ssize_t before = read(capture.from, first, sizeof first);
    assert_true(before > PIPE_BUF / 2);
    assert_int_equal(first[before - 1], '\n'); // whole lines
    log_release();
    size_t after = lines_of(end(&capture));
    assert_int_equal(lines_of(slice_of(first, (size_t)before)) + after, 20);
}

static void a_line_is_one_object_with_its_fields_in_order(void **state) {
    struct op *op = *state;
    op->id = S("req_1");
    struct capture capture;
    begin(&capture);
    LOG(op, LOG_WARNING, "login.refused", LOG_TEXT("tenant", S("acme")), LOG_NUMBER("ms", -12),
        LOG_TEXT("empty", S("")));
    struct slice line = end(&capture);
    const struct json *root = parsed(op, line);
    struct slice ts = SLICE_NONE;
    int64_t time = 0;
    assert_true(json_text(json_get(root, "ts"), &ts));
    assert_true(clock_parse(ts, &time));
    assert_true(time > clock_now() - 60000 && time <= clock_now());
    size_t from = slice_find(line, S(",\"level\""));
    assert_text(slice_sub(line, from, line.len),
                ",\"level\":\"warning\",\"event\":\"login.refused\",\"request\":\"req_1\","
                "\"tenant\":\"acme\",\"ms\":-12,\"empty\":\"\"}\n");
}

static void without_an_operation_there_is_no_request(void **state) {
    struct capture capture;
    begin(&capture);
    LOG(NULL, LOG_ERROR, "start", LOG_NUMBER("n", INT64_MIN));
    struct slice line = end(&capture);
    const struct json *root = parsed(*state, line);
    assert_null(json_get(root, "request"));
    int64_t number;
    assert_true(json_number(json_get(root, "n"), &number) && number == INT64_MIN);
}

static void quotes_controls_and_bad_utf8_are_escaped(void **state) {
    struct capture capture;
    begin(&capture);
    LOG(NULL, LOG_INFO, "x", LOG_TEXT("a", S("\"\\\n\x1B[31m\x01\x7F\xC2\x9B\xC3\xA4")),
        LOG_TEXT("b", S("1\xFF"
                        "2\xC3")));
    struct slice line = end(&capture);
    const struct json *root = parsed(*state, line);
    assert_member(root, "a", S("\"\\\n\x1B[31m\x01\x7F\xC2\x9B\xC3\xA4"));
    assert_member(root, "b",
                  S("1\xEF\xBF\xBD"
                    "2\xEF\xBF\xBD"));
    for (size_t i = 0; i + 1 < line.len; i++) {
        assert_true((uint8_t)line.at[i] >= ' ' && line.at[i] != 0x7F);
    }
    assert_true(slice_find(line, S("\\u009b")) != SIZE_MAX);
}

static void a_nul_within_a_value_ends_nothing(void **state) {
    (void)state;
    struct capture capture;
    begin(&capture);
    LOG(NULL, LOG_INFO, "x",
        LOG_TEXT("a", S("1\0"
                        "2")));
    struct slice line = end(&capture);
    assert_true(slice_find(line, S("\"a\":\"1\\u00002\"}\n")) != SIZE_MAX);
}

static void a_long_value_is_cut_between_characters(void **state) {
    for (size_t shift = 0; shift < 4; shift++) {
        char text[400];
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 4 <= sizeof text; i += 4) {
            memcpy(text + i, "\xF0\x9F\x98\x80", 4);
        }
        struct capture capture;
        begin(&capture);
        LOG(NULL, LOG_INFO, "x", LOG_TEXT("a", slice_of(text, sizeof text)));
        const struct json *root = parsed(*state, end(&capture));
        struct slice got;
        assert_true(json_text(json_get(root, "a"), &got));
        assert_true(slice_ends(got, S("...")));
        assert_true(got.len <= LOG_VALUE_MAX + 3 && got.len > LOG_VALUE_MAX - 4);
        assert_true(slice_find(got, S("\xEF\xBF\xBD")) == SIZE_MAX);
    }
}

static void a_value_of_the_greatest_length_is_whole(void **state) {
    char text[LOG_VALUE_MAX];
    memset(text, 'x', sizeof text);
    struct capture capture;
    begin(&capture);
    LOG(NULL, LOG_INFO, "x", LOG_TEXT("a", slice_of(text, sizeof text)));
    assert_member(parsed(*state, end(&capture)), "a", slice_of(text, sizeof text));
}

static void what_does_not_fit_a_line_is_left_out_and_said(void **state) {
    char text[LOG_VALUE_MAX];
    memset(text, 1, sizeof text); // six bytes for each
    struct log_field fields[8];
    for (size_t i = 0; i < 8; i++) {
        fields[i] = LOG_TEXT("a", slice_of(text, sizeof text));
    }
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (size_t i = 0; i < 8; i++) {
        fields[i].name = names[i];
    }
    struct capture capture;
    begin(&capture);
    log_event(NULL, LOG_INFO, "x", fields, 8);
    struct slice line = end(&capture);
    assert_true(line.len <= PIPE_BUF);
    const struct json *root = parsed(*state, line);
    bool cut = false;
    assert_true(json_bool(json_get(root, "cut"), &cut) && cut);
    assert_member(root, "b", slice_of(text, sizeof text));
    assert_null(json_get(root, "h"));
}

static void lines_below_the_level_are_not_written(void **state) {
    (void)state;
    struct capture capture;
    begin(&capture);
    LOG(NULL, LOG_DEBUG, "x", LOG_NUMBER("n", 1));
    assert_int_equal(end(&capture).len, 0);
    log_level_set(LOG_ERROR);
    begin(&capture);
    LOG(NULL, LOG_WARNING, "x", LOG_NUMBER("n", 1));
    assert_int_equal(end(&capture).len, 0);
    log_level_set(LOG_DEBUG);
    begin(&capture);
    LOG(NULL, LOG_DEBUG, "x", LOG_NUMBER("n", 1));
    assert_true(end(&capture).len > 0);
    log_level_set(LOG_INFO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_one_object_with_its_fields_in_order),
        TEST(without_an_operation_there_is_no_request),
        TEST(quotes_controls_and_bad_utf8_are_escaped),
        TEST(a_nul_within_a_value_ends_nothing),
        TEST(a_long_value_is_cut_between_characters),
        TEST(a_value_of_the_greatest_length_is_whole),
        TEST(what_does_not_fit_a_line_is_left_out_and_said),
        TEST(lines_below_the_level_are_not_written),
        TEST(held_lines_come_in_one_piece_when_they_are_released),
        TEST(more_than_can_be_held_is_written_before),
    };
    RUN(tests);
}
