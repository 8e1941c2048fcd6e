// SPDX-License-Identifier: GPL-3.0-or-later
// Files of people, as their senders may write them: read in one piece and in pieces of each length up to seven, which must
// agree; each cell written and read back; the lines of a file of people.
#include <stdint.h>
#include <stdlib.h>

#include "domain/bulk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t rows, lines;
    struct buf text; // the cells, written again
};

static reason on_row(struct op *op, const struct csv_row *row, void *arg) {
    struct sum *sum = arg;
    (void)op;
    sum->rows++;
    sum->lines += row->line;
    for (size_t i = 0; i < row->count; i++) {
        csv_put(&sum->text, row->cells[i], i == 0);
    }
    csv_row_end(&sum->text);
    return NULL;
}

static reason read_in(struct op *op, struct slice text, size_t step, struct sum *sum) {
    struct csv *csv = NULL;
    buf_open(&sum->text, op, 1U << 20);
    sum->rows = sum->lines = 0;
    reason why = csv_open(op, on_row, sum, &csv);
    for (size_t at = 0; why == NULL && at < text.len; at += step) {
        why = csv_feed(csv, slice_sub(text, at, at + step));
    }
    why = why != NULL ? why : csv_end(csv);
    csv_close(csv);
    return why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct op op;
    struct slice text = slice_of(data, size);
    struct sum whole;
    struct sum parts;
    struct bulk_file file;
    op_open(&op, INT64_C(1700000000000));
    op.arena.ceiling = BULK_MEMORY;
    reason why = read_in(&op, text, size + 1, &whole);
    for (size_t step = 1; step < 8; step++) {
        reason other = read_in(&op, text, step, &parts);
        if (other != why || (why == NULL && (parts.rows != whole.rows || parts.lines != whole.lines))) {
            abort();
        }
    }
    if (why == NULL && !whole.text.broken) {
        // What was written is as many rows again, but those of one empty cell are empty lines now.
        struct sum again;
        reason back = read_in(&op, buf_slice(&whole.text), 4096, &again);
        if (back == NULL ? again.rows > whole.rows : back != REASON_OF(CSV_MALFORMED)) {
            abort();
        }
    }
    (void)!bulk_read(&op, text, &file);
    op_close(&op);
    return 0;
}
