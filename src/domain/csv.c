// SPDX-License-Identifier: GPL-3.0-or-later
// The only file that knows libcsv. It is fed line by line, so that each row's line is known; it trims nothing, and is
// strict about quotes.
#include "domain/csv.h"

#include <csv.h>
#include <stdlib.h>

#include "base/text.h"

#define CSV_GUARDED "=+-@\t\r"

struct csv {
    struct csv_parser parser;
    struct op *op;
    csv_row_fn row_seen;
    void *arg;
    reason why;
    struct csv_row row;
    uint64_t line;   // that the next byte is on
    bool in_row;     // row.line is that of the row under way
    bool after_cr;   // a LF that comes now belongs to it
    unsigned marks;  // bytes of the byte order mark seen so far; 3: past the start
    size_t held;     // bytes in `cells`
    char cells[CSV_ROW_MAX];
};

static int no_space(unsigned char c) {
    (void)c;
    return 0;
}

static void *grow(void *at, size_t size) {
    return size > 2 * (size_t)CSV_ROW_MAX ? NULL : realloc(at, size);
}

static void malformed(struct csv *csv, const char *what) {
    if (csv->why == NULL) {
        csv->why = op_refuse(csv->op, REASON_OF(CSV_MALFORMED), "line %llu: %s",
                             (unsigned long long)(csv->in_row ? csv->row.line : csv->line), what);
    }
}

static void on_cell(void *at, size_t len, void *arg) {
    struct csv *csv = arg;
    if (csv->why != NULL) {
        return;
    }
    if (csv->row.count == CSV_CELLS_MAX || len > CSV_ROW_MAX - csv->held) {
        malformed(csv, "the row has more cells, or is longer, than a row may be");
        return;
    }
    char *to = csv->cells + csv->held;
    if (len > 0) {
        memcpy(to, at, len);
    }
    struct slice cell = slice_of(to, len);
    if (!text_utf8(cell) || (len > 0 && memchr(to, 0, len) != NULL)) {
        malformed(csv, "a cell is not text in UTF-8");
        return;
    }
    csv->held += len;
    csv->row.cells[csv->row.count++] = cell;
}

static void on_row(int end, void *arg) {
    struct csv *csv = arg;
    (void)end;
    if (csv->why == NULL && csv->row.count > 0) {
        csv->why = csv->row_seen(csv->op, &csv->row, csv->arg);
    }
    csv->row.count = 0;
    csv->held = 0;
    csv->in_row = false;
}

reason csv_open(struct op *op, csv_row_fn row_seen, void *arg, struct csv **ret_csv) {
    struct csv *csv = calloc(1, sizeof *csv);
    if (csv == NULL || csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        free(csv);
        REFUSE(op, LIMIT_MEMORY, "no memory to read CSV");
    }
    csv->op = op;
    csv->row_seen = row_seen;
    csv->arg = arg;
    csv->line = 1;
    csv_set_space_func(&csv->parser, no_space);
    csv_set_realloc_func(&csv->parser, grow);
    *ret_csv = csv;
    return NULL;
}

void csv_close(struct csv *csv) {
    if (csv != NULL) {
        csv_free(&csv->parser);
        free(csv);
    }
}

// What went wrong inside libcsv, if anything.
static void check_parser(struct csv *csv) {
    int error = csv_error(&csv->parser);
    if (error == CSV_EPARSE) {
        malformed(csv, "a quote stands inside a cell that does not begin with one, or is not doubled");
    } else if (error != CSV_SUCCESS) {
        malformed(csv, "a cell is longer than a row may be");
    }
}

// A piece without a line end, or one line end.
static void feed(struct csv *csv, struct slice piece, bool ends_line) {
    if (!csv->in_row && !ends_line) {
        csv->row.line = csv->line;
        csv->in_row = true;
    }
    if (csv_parse(&csv->parser, piece.at, piece.len, on_cell, on_row, csv) != piece.len) {
        check_parser(csv);
    }
}

static size_t plain(struct slice bytes) {
    size_t len = 0;
    while (len < bytes.len && bytes.at[len] != '\n' && bytes.at[len] != '\r') {
        len++;
    }
    return len;
}

static struct slice skip_mark(struct csv *csv, struct slice bytes) {
    static const char mark[] = "\xEF\xBB\xBF";
    while (csv->marks < 3 && bytes.len > 0) {
        if (bytes.at[0] == mark[csv->marks]) {
            csv->marks++;
            bytes = slice_sub(bytes, 1, bytes.len);
        } else {
            // Not a mark: what was taken for one is fed after all.
            struct slice taken = slice_of(mark, csv->marks);
            csv->marks = 3;
            if (taken.len > 0) {
                feed(csv, taken, false);
            }
        }
    }
    return bytes;
}

reason csv_feed(struct csv *csv, struct slice bytes) {
    bytes = skip_mark(csv, bytes);
    while (bytes.len > 0 && csv->why == NULL) {
        size_t len = plain(bytes);
        if (len > 0) {
            feed(csv, slice_sub(bytes, 0, len), false);
            csv->after_cr = false;
        } else {
            len = 1;
            bool second = bytes.at[0] == '\n' && csv->after_cr;
            csv->after_cr = bytes.at[0] == '\r';
            feed(csv, slice_sub(bytes, 0, 1), true);
            csv->line += second ? 0 : 1;
        }
        bytes = slice_sub(bytes, len, bytes.len);
    }
    return csv->why;
}

reason csv_end(struct csv *csv) {
    if (csv->marks > 0 && csv->marks < 3) {
        malformed(csv, "the text ends inside a byte order mark");
    }
    if (csv->why == NULL && csv_fini(&csv->parser, on_cell, on_row, csv) != 0) {
        malformed(csv, "a quote is not closed");
    }
    return csv->why;
}

// ---- writing ----

static bool is_guarded(struct slice cell, size_t least) {
    size_t at = 0;
    while (at < cell.len && cell.at[at] == '\'') {
        at++;
    }
    return at >= least && at < cell.len && strchr(CSV_GUARDED, cell.at[at]) != NULL;
}

void csv_put(struct buf *out, struct slice cell, bool first) {
    bool guard = is_guarded(cell, 0);
    bool quote = guard;
    for (size_t i = 0; i < cell.len && !quote; i++) {
        quote = strchr("\",\r\n", cell.at[i]) != NULL || ((i == 0 || i + 1 == cell.len) && cell.at[i] == ' ');
    }
    buf_str(out, first ? "" : ",");
    buf_str(out, quote ? "\"" : "");
    buf_str(out, guard ? "'" : "");
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.at[i] == '"') {
            buf_byte(out, '"');
        }
        buf_byte(out, (uint8_t)cell.at[i]);
    }
    buf_str(out, quote ? "\"" : "");
}

void csv_row_end(struct buf *out) {
    buf_str(out, "\r\n");
}

struct slice csv_unguard(struct slice cell) {
    return is_guarded(cell, 1) ? slice_sub(cell, 1, cell.len) : cell;
}
