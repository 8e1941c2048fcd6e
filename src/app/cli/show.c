// SPDX-License-Identifier: GPL-3.0-or-later
// What is printed, and how it lines up. A NameID or a group may hold anything, also what a terminal
// would take as an order: control characters and bytes that are no UTF-8 come out as "?".
#include <stdarg.h>
#include <stdio.h>

#include "app/cli/cli.h"
#include "base/buf.h"
#include "base/text.h"

#define LINE_MAX_BYTES 4096
#define LABEL_WIDTH 16
#define LIST_MAX_BYTES (64U << 10)

static bool is_plain(struct slice character) {
    return text_line(character);
}

static void put(FILE *to, struct slice text) {
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = text_next(text, &code);
        if (len == 0) {
            (void)fputc('?', to);
            len = 1;
        } else if (is_plain(slice_sub(text, 0, len))) {
            (void)fwrite(text.at, 1, len, to);
        } else {
            (void)fputc('?', to);
        }
        text = slice_sub(text, len, text.len);
    }
}

void show(struct slice text) {
    put(stdout, text);
}

void show_line(const char *format, ...) {
    char line[LINE_MAX_BYTES];
    va_list list;
    va_start(list, format);
    // The format is ours: an empty line before the text is asked for there.
    for (; *format == '\n'; format++) {
        (void)fputc('\n', stdout);
    }
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    put(stdout, slice_str(line));
    (void)fputc('\n', stdout);
}

void show_pair(const char *label, struct slice value) {
    (void)printf("%-*s  ", LABEL_WIDTH, label);
    put(stdout, value);
    (void)fputc('\n', stdout);
}

void show_error(struct slice text) {
    (void)fflush(stdout);
    (void)fputs("gatehouse: ", stderr);
    put(stderr, text);
    (void)fputc('\n', stderr);
}

void show_json_text(struct slice text) {
    (void)fwrite(text.len > 0 ? text.at : "", 1, text.len, stdout);
    (void)fputc('\n', stdout);
}

reason show_json(struct op *op, const struct json *value) {
    struct slice text;
    TRY(json_print(op, value, false, &text));
    show_json_text(text);
    return NULL;
}

// ---- members ----

static struct slice show_list(struct op *op, const struct json *list) {
    struct buf out;
    buf_open(&out, op, LIST_MAX_BYTES);
    for (size_t i = 0; i < json_count(list); i++) {
        buf_str(&out, i > 0 ? ", " : "");
        buf_put(&out, show_value(op, json_at(list, i)));
    }
    return out.len > 0 ? buf_slice(&out) : S("-");
}

struct slice show_value(struct op *op, const struct json *value) {
    struct slice text;
    int64_t number = 0;
    bool on = false;
    if (value == NULL || json_is_null(value) || json_is_object(value)) {
        return S("-");
    }
    if (json_text(value, &text)) {
        return text.len > 0 ? text : S("-");
    }
    if (json_number(value, &number)) {
        return op_text(op, "%lld", (long long)number);
    }
    if (json_bool(value, &on)) {
        return on ? S("yes") : S("no");
    }
    return show_list(op, value);
}

struct slice show_member(struct op *op, const struct json *object, const char *name) {
    return show_value(op, json_is_object(object) ? json_get(object, name) : NULL);
}

// ---- tables ----

void table_open(struct table *table, struct op *op, const char *const *heads) {
    *table = (struct table){.op = op, .heads = heads};
    while (heads[table->columns] != NULL && table->columns < TABLE_COLUMNS_MAX) {
        table->columns++;
    }
}

reason table_row(struct table *table, const struct slice *cells) {
    if (table->rows == table->room) {
        size_t room = table->room > 0 ? table->room * 2 : 64;
        struct slice *more = NULL;
        TRY(op_take(table->op, room * table->columns * sizeof *more, &more));
        if (table->rows > 0) {
            memcpy(more, table->cells, table->rows * table->columns * sizeof *more);
        }
        table->cells = more;
        table->room = room;
    }
    memcpy(&table->cells[table->rows++ * table->columns], cells, table->columns * sizeof *cells);
    return NULL;
}

// Characters, not bytes. (Wide and combining ones are counted as one: a table may then be crooked,
// never wrong.)
static size_t width_of(struct slice text) {
    size_t width = 0;
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = text_next(text, &code);
        text = slice_sub(text, len > 0 ? len : 1, text.len);
        width++;
    }
    return width;
}

static void put_row(const struct slice *cells, const size_t *widths, size_t columns) {
    for (size_t i = 0; i < columns; i++) {
        put(stdout, cells[i]);
        for (size_t at = width_of(cells[i]); i + 1 < columns && at < widths[i] + 2; at++) {
            (void)fputc(' ', stdout);
        }
    }
    (void)fputc('\n', stdout);
}

void table_show(const struct table *table, const char *none) {
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    struct slice heads[TABLE_COLUMNS_MAX];
    if (table->rows == 0) {
        (void)printf("%s\n", none);
        return;
    }
    for (size_t i = 0; i < table->columns; i++) {
        heads[i] = slice_str(table->heads[i]);
        widths[i] = width_of(heads[i]);
        for (size_t row = 0; row < table->rows; row++) {
            size_t width = width_of(table->cells[row * table->columns + i]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    put_row(heads, widths, table->columns);
    for (size_t row = 0; row < table->rows; row++) {
        put_row(&table->cells[row * table->columns], widths, table->columns);
    }
}
