// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/op.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

void op_open(struct op *op, int64_t now) {
    *op = (struct op){.now = now != 0 ? now : clock_now()};
    arena_open(&op->arena, ARENA_CEILING);
}

void op_close(struct op *op) {
    arena_close(&op->arena);
    *op = (struct op){.now = 0};
}

#define SHORT_TEXT 256 // nearly all are shorter: one pass, then a copy

PRINTF_LIKE(2, 0) static struct slice format_text(struct op *op, const char *format, va_list list) {
    char text[SHORT_TEXT];
    va_list again;
    va_copy(again, list);
    int need = vsnprintf(text, sizeof text, format, list);
    char *at = need >= 0 ? arena_take_raw(&op->arena, (size_t)need + 1) : NULL;
    if (at != NULL && (size_t)need < sizeof text) {
        memcpy(at, text, (size_t)need + 1);
    } else if (at != NULL) {
        (void)vsnprintf(at, (size_t)need + 1, format, again);
    }
    va_end(again);
    return at != NULL ? slice_of(at, (size_t)need) : S("");
}

reason op_refuse(struct op *op, reason why, const char *format, ...) {
    va_list list;
    va_start(list, format);
    op->detail = format_text(op, format, list);
    va_end(list);
    return why;
}

void op_error(struct op *op, struct slice pointer, reason why, const char *format, ...) {
    if (op->error_count == OP_ERRORS_MAX) {
        return;
    }
    va_list list;
    va_start(list, format);
    struct slice detail = format_text(op, format, list);
    va_end(list);
    op->errors[op->error_count++] = (struct op_error){pointer, why, detail};
}

void op_extra(struct op *op, const char *name, struct slice value) {
    size_t at = 0;
    while (at < op->extra_count && strcmp(op->extras[at].name, name) != 0) {
        at++;
    }
    if (at == OP_EXTRAS_MAX) {
        return;
    }
    op->extras[at] = (struct op_extra){name, value, false};
    op->extra_count = at == op->extra_count ? at + 1 : op->extra_count;
}

void op_extra_count(struct op *op, const char *name, size_t count) {
    op_extra(op, name, op_text(op, "%zu", count));
    for (size_t i = 0; i < op->extra_count; i++) {
        op->extras[i].number = op->extras[i].number || strcmp(op->extras[i].name, name) == 0;
    }
}

// No format here: there may be no memory for the detail either.
static reason took(struct op *op, void *at, void *ret_pointer) {
    if (at == NULL) {
        op->detail = S("one request asked for more memory than a request may take");
        return REASON_OF(LIMIT_MEMORY);
    }
    memcpy(ret_pointer, &at, sizeof at);
    return NULL;
}

reason op_take(struct op *op, size_t size, void *ret_pointer) {
    return took(op, arena_take(&op->arena, size), ret_pointer);
}

reason op_take_raw(struct op *op, size_t size, void *ret_pointer) {
    return took(op, arena_take_raw(&op->arena, size), ret_pointer);
}

reason op_copy(struct op *op, struct slice bytes, struct slice *ret_copy) {
    char *at = NULL;
    TRY(op_take_raw(op, bytes.len + 1, &at));
    if (bytes.len > 0) {
        memcpy(at, bytes.at, bytes.len);
    }
    at[bytes.len] = '\0';
    *ret_copy = slice_of(at, bytes.len);
    return NULL;
}

reason op_cstr(struct op *op, struct slice text, const char **ret_text) {
    if (text.len > 0 && memchr(text.at, 0, text.len) != NULL) {
        REFUSE(op, INVALID_INPUT, "a text holds a NUL byte");
    }
    struct slice copy;
    TRY(op_copy(op, text, &copy));
    *ret_text = copy.at; // op_copy takes one byte more, and ends it
    return NULL;
}

struct slice op_text(struct op *op, const char *format, ...) {
    va_list list;
    va_start(list, format);
    struct slice text = format_text(op, format, list);
    va_end(list);
    return text;
}
