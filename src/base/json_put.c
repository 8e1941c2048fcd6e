// SPDX-License-Identifier: GPL-3.0-or-later
// Members of a record as JSON text, straight from the record: what json_print makes of json_from_fields, without
// the values between, for what each login writes.
#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"

// What jansson writes for a character that cannot stand in a string.
static void put_escape(struct buf *out, uint8_t c) {
    static const char short_of[] = {['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n',  ['\f'] = 'f',
                                    ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    if (c < sizeof short_of && short_of[c] != 0) {
        buf_byte(out, '\\');
        buf_byte(out, (uint8_t)short_of[c]);
    } else {
        buf_printf(out, "\\u%04X", c);
    }
}

// Bytes at the front that stand for themselves.
static size_t plain_run(struct slice text) {
    size_t at = 0;
    while (at < text.len) {
        uint8_t c = (uint8_t)text.at[at];
        uint32_t code;
        size_t used = c < 0x80 ? 1 : text_next(slice_sub(text, at, text.len), &code);
        if (used == 0 || c < 0x20 || c == '"' || c == '\\') {
            break;
        }
        at += used;
    }
    return at;
}

void json_put_text(struct buf *out, struct slice text) {
    buf_byte(out, '"');
    for (;;) {
        size_t run = plain_run(text);
        buf_put(out, slice_sub(text, 0, run));
        if (run == text.len) {
            break;
        }
        if ((uint8_t)text.at[run] < 0x80) {
            put_escape(out, (uint8_t)text.at[run]);
        } else {
            buf_str(out, "\xEF\xBF\xBD");
        }
        text = slice_sub(text, run + 1, text.len);
    }
    buf_byte(out, '"');
}

static void put_bytes(struct buf *out, struct slice bytes) {
    struct slice text;
    if (encode_base64(out->op, bytes, &text) == NULL) {
        json_put_text(out, text);
    } else {
        out->op->incomplete = true;
        out->broken = true;
    }
}

static void put_time(struct buf *out, int64_t time) {
    char buffer[CLOCK_TEXT];
    if (time != 0) {
        json_put_text(out, clock_print(time, buffer));
    } else {
        buf_str(out, "null");
    }
}

static void put_choice(struct buf *out, const struct field *field, int choice) {
    for (int i = 0; field->choices[i] != NULL; i++) {
        if (i == choice) {
            json_put_text(out, slice_str(field->choices[i]));
            return;
        }
    }
    buf_str(out, "null");
}

static void put_texts(struct buf *out, struct texts texts) {
    buf_byte(out, '[');
    for (size_t i = 0; i < texts.count; i++) {
        buf_str(out, i > 0 ? "," : "");
        json_put_text(out, texts.at[i]);
    }
    buf_byte(out, ']');
}

static void put_rows(struct buf *out, const struct field *field, struct rows rows) {
    buf_byte(out, '[');
    for (size_t i = 0; i < rows.count; i++) {
        buf_str(out, i > 0 ? "," : "");
        json_put_fields(out, field->table, (const char *)rows.at + i * field->table->size);
    }
    buf_byte(out, ']');
}

void json_put_field(struct buf *out, const struct field *field, const void *row) {
    const void *at = (const char *)row + field->offset;
    bool bytes = field->type == FIELD_TEXT || field->type == FIELD_BYTES;
    if (bytes && (field->flags & FIELD_NULL) != 0 && ((const struct slice *)at)->len == 0) {
        buf_str(out, "null");
        return;
    }
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
        json_put_text(out, *(const struct slice *)at);
        return;
    case FIELD_BYTES:
        put_bytes(out, *(const struct slice *)at);
        return;
    case FIELD_BOOL:
        buf_str(out, *(const bool *)at ? "true" : "false");
        return;
    case FIELD_NUMBER:
        buf_printf(out, "%" PRId64, *(const int64_t *)at);
        return;
    case FIELD_TIME:
        put_time(out, *(const int64_t *)at);
        return;
    case FIELD_CHOICE:
        put_choice(out, field, *(const int *)at);
        return;
    case FIELD_TEXTS:
        put_texts(out, *(const struct texts *)at);
        return;
    case FIELD_STRUCT:
        json_put_fields(out, field->table, at);
        return;
    case FIELD_STRUCTS:
        put_rows(out, field, *(const struct rows *)at);
        return;
    }
    CHECK(field->type <= FIELD_STRUCTS); // the table is wrong
}

void json_put_name(struct buf *out, bool first, const char *name) {
    buf_str(out, first ? "\"" : ",\"");
    buf_str(out, name);
    buf_str(out, "\":");
}

void json_put_fields(struct buf *out, const struct field_table *table, const void *row) {
    bool first = true;
    buf_byte(out, '{');
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if ((field->flags & FIELD_HIDDEN) == 0) {
            json_put_name(out, first, field->name);
            json_put_field(out, field, row);
            first = false;
        }
    }
    buf_byte(out, '}');
}
