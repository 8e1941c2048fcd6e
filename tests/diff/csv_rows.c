// SPDX-License-Identifier: GPL-3.0-or-later
// Reads documents of CSV from standard input (u32 big endian length, bytes; again and again) and says on standard output,
// a line of JSON each, what the gate's reader sees: {"rows":[[line,[cell...]]...]} or {"refused":detail}.
#include <stdio.h>

#include "base/check.h"
#include "base/json.h"
#include "domain/csv.h"

#define DOCUMENT_MAX (1U << 20)

static reason on_row(struct op *op, const struct csv_row *row, void *arg) {
    struct json *cells = json_array(op);
    for (size_t i = 0; i < row->count; i++) {
        struct slice cell;
        CHECK(op_copy(op, row->cells[i], &cell) == NULL);
        json_add_text(op, cells, cell);
    }
    struct json *line = json_object(op);
    json_set_number(op, line, "line", (int64_t)row->line);
    json_set(op, line, "cells", cells);
    json_add(op, arg, line);
    return NULL;
}

static void answer(struct slice text) {
    struct op op;
    struct csv *csv = NULL;
    struct slice out;
    op_open(&op, 1);
    op.arena.ceiling = 64U << 20;
    struct json *rows = json_array(&op);
    struct json *body = json_object(&op);
    CHECK(csv_open(&op, on_row, rows, &csv) == NULL);
    reason why = csv_feed(csv, text);
    why = why != NULL ? why : csv_end(csv);
    csv_close(csv);
    if (why != NULL) {
        json_set_text(&op, body, "refused", op.detail);
    } else {
        json_set(&op, body, "rows", rows);
    }
    CHECK(json_print(&op, body, false, &out) == NULL);
    (void)printf("%.*s\n", SLICE(out));
    op_close(&op);
}

int main(void) {
    static char text[DOCUMENT_MAX];
    unsigned char head[4];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        CHECK(len <= sizeof text && fread(text, 1, len, stdin) == len);
        answer(slice_of(text, len));
    }
    return 0;
}
