// SPDX-License-Identifier: GPL-3.0-or-later
// CSV as it is read and written: what is a row, on which line, what is refused; and what a spreadsheet would run.
#include "fixture.h"

#include "domain/csv.h"

#define ROWS_MAX 16
#define TEXT_MAX 4096

struct seen {
    size_t rows;
    uint64_t lines[ROWS_MAX];
    size_t cells[ROWS_MAX];
    char text[TEXT_MAX]; // cells with |, rows with /
    size_t len;
};

static void put(struct seen *seen, struct slice text) {
    assert_true(text.len < TEXT_MAX - seen->len);
    if (text.len > 0) {
        memcpy(seen->text + seen->len, text.at, text.len);
    }
    seen->len += text.len;
}

static reason on_row(struct op *op, const struct csv_row *row, void *arg) {
    struct seen *seen = arg;
    (void)op;
    assert_true(seen->rows < ROWS_MAX);
    seen->lines[seen->rows] = row->line;
    seen->cells[seen->rows++] = row->count;
    for (size_t i = 0; i < row->count; i++) {
        put(seen, i > 0 ? S("|") : S(""));
        put(seen, row->cells[i]);
    }
    put(seen, S("/"));
    return NULL;
}

// In pieces of `step` bytes.
static reason read_in(struct fixture *fixture, struct slice text, size_t step, struct seen *seen) {
    struct csv *csv = NULL;
    *seen = (struct seen){.rows = 0};
    assert_done(csv_open(&fixture->op, on_row, seen, &csv));
    reason why = NULL;
    for (size_t at = 0; why == NULL && at < text.len; at += step) {
        why = csv_feed(csv, slice_sub(text, at, at + step));
    }
    why = why != NULL ? why : csv_end(csv);
    csv_close(csv);
    return why;
}

static void expect(void **state, struct slice text, const char *want) {
    for (size_t step = 1; step <= text.len + 1; step++) {
        struct seen seen;
        assert_done(read_in(*state, text, step, &seen));
        assert_slice(slice_of(seen.text, seen.len), want);
    }
}
#define EXPECT(text, want) expect(state, S(text), want)

static void rows_end_as_they_may_and_quotes_hold_anything(void **state) {
    EXPECT("a,b\r\nc,d\r\n", "a|b/c|d/");
    EXPECT("a,b\nc,d", "a|b/c|d/");
    EXPECT("a,b\rc,d\r", "a|b/c|d/");
    EXPECT("\"a,1\",\"say \"\"hi\"\"\",\"two\r\nlines\"\n", "a,1|say \"hi\"|two\r\nlines/");
    EXPECT("a,,\n,\n", "a||/|/");
    EXPECT("\"\"\n", "/");
    EXPECT("\n\na\n\n\nb\n", "a/b/");
    EXPECT("\xEF\xBB\xBF" "a,b\n", "a|b/");
    EXPECT(" a , b \n", " a | b /"); // nothing is trimmed
    EXPECT("", "");
    EXPECT("\xC3\xA9\n", "\xC3\xA9/");
    EXPECT("\xEF\xBC\xA1\n", "\xEF\xBC\xA1/"); // begins as a byte order mark does, and is none
}

static void each_row_knows_its_line(void **state) {
    struct seen seen;
    struct slice text = S("h\r\n\"two\r\nlines\",x\r\n\r\nlast\n");
    for (size_t step = 1; step < 8; step++) {
        assert_done(read_in(*state, text, step, &seen));
        assert_int_equal(seen.rows, 3);
        assert_int_equal(seen.lines[0], 1);
        assert_int_equal(seen.lines[1], 2);
        assert_int_equal(seen.lines[2], 5);
    }
}

static void what_is_no_csv_is_refused_with_its_line(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        struct slice text;
        const char *line;
    } cases[] = {
        {{"a\nb\"c\n", 6}, "line 2: "},      {{"a\n\"b\"c\n", 7}, "line 2: "},
        {{"a\n\"b\n\nc", 7}, "line 2: "},    {{"a\n\"b\" ,c\n", 9}, "line 2: "},
        {{"a\nb\0c\n", 6}, "line 2: "},      {{"\xFF\n", 2}, "line 1: "},
        {{"\xEF\xBB", 2}, "line 1: "},       {{"\xC0\x80\n", 3}, "line 1: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen;
        assert_reason(read_in(fixture, cases[i].text, 3, &seen), CSV_MALFORMED);
        assert_true(slice_starts(fixture->op.detail, slice_str(cases[i].line)));
    }
}

static void a_row_has_its_bounds(void **state) {
    struct fixture *fixture = *state;
    static char text[CSV_ROW_MAX + 2];
    struct seen seen;
    struct csv *csv = NULL;
    memset(text, ',', sizeof text);
    assert_done(read_in(fixture, slice_of(text, CSV_CELLS_MAX - 1), 7, &seen));
    assert_int_equal(seen.cells[0], CSV_CELLS_MAX);
    assert_reason(read_in(fixture, slice_of(text, CSV_CELLS_MAX), 7, &seen), CSV_MALFORMED);
    memset(text, 'x', sizeof text);
    assert_reason(read_in(fixture, slice_of(text, sizeof text), 1000, &seen), CSV_MALFORMED);
    // A quote that is never closed does not gather all that comes.
    assert_done(csv_open(&fixture->op, on_row, &seen, &csv));
    reason why = csv_feed(csv, S("\""));
    for (int i = 0; why == NULL && i < 100; i++) {
        why = csv_feed(csv, slice_of(text, sizeof text));
    }
    assert_reason(why, CSV_MALFORMED);
    csv_close(csv);
}

static struct slice written(struct fixture *fixture, struct slice cell) {
    struct buf out;
    struct slice text;
    buf_open(&out, &fixture->op, 1024);
    csv_put(&out, cell, true);
    assert_done(buf_done(&out, &text));
    return text;
}

static void no_cell_is_a_formula(void **state) {
    struct fixture *fixture = *state;
    assert_slice(written(fixture, S("=1+1")), "\"'=1+1\"");
    assert_slice(written(fixture, S("+1")), "\"'+1\"");
    assert_slice(written(fixture, S("-1")), "\"'-1\"");
    assert_slice(written(fixture, S("@x")), "\"'@x\"");
    assert_slice(written(fixture, S("\tx")), "\"'\tx\"");
    assert_slice(written(fixture, S("\rx")), "\"'\rx\"");
    assert_slice(written(fixture, S("a=1")), "a=1");
    assert_slice(written(fixture, S("O'Brien")), "O'Brien");
    assert_slice(written(fixture, S("a,\"b\"")), "\"a,\"\"b\"\"\"");
    assert_slice(written(fixture, S(" a")), "\" a\"");
}

static void what_is_written_is_read_back(void **state) {
    struct fixture *fixture = *state;
    static const char *const cells[] = {"=1",    "'=1", "''@", "'",  "'x",  "a\r\nb", " ",
                                        "\"\"", ",",   "-",   "é", "a'=", "",       NULL};
    for (size_t i = 0; cells[i] != NULL; i++) {
        struct slice cell = slice_str(cells[i]);
        struct slice text = op_text(&fixture->op, "x,%.*s\r\n", SLICE(written(fixture, cell)));
        struct seen seen;
        assert_done(read_in(fixture, text, 1, &seen));
        struct slice got = slice_of(seen.text + 2, seen.len - 3);
        assert_slice(csv_unguard(got), cells[i]);
    }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        T(rows_end_as_they_may_and_quotes_hold_anything),
        T(each_row_knows_its_line),
        T(what_is_no_csv_is_refused_with_its_line),
        T(a_row_has_its_bounds),
        T(no_cell_is_a_formula),
        T(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
