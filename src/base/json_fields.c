// SPDX-License-Identifier: GPL-3.0-or-later
// Records as JSON and back, by their field tables. Reading tells everything that is wrong at once, each
// with its pointer and with what would have been right; it never guesses and never skips a member.
#include "base/json.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/text.h"

// Room for the names that a detail lists.
#define LIST_MAX 2048

// ---- out -------------------------------------------------------------------------------------------

static const void *member_of(const struct field *field, const void *row) {
    return (const char *)row + field->offset;
}

static void set_bytes(struct op *op, struct json *object, const struct field *field,
                      struct slice bytes) {
    struct slice text;
    if (bytes.len == 0 && (field->flags & FIELD_NULL) != 0) {
        json_set_null(op, object, field->name);
    } else if (encode_base64(op, bytes, &text) == NULL) {
        json_set_text(op, object, field->name, text);
    } else {
        op->incomplete = true;
    }
}

static void set_choice(struct op *op, struct json *object, const struct field *field, int choice) {
    for (int i = 0; field->choices[i] != NULL; i++) {
        if (i == choice) {
            json_set_str(op, object, field->name, field->choices[i]);
            return;
        }
    }
    json_set_null(op, object, field->name);
}

static void set_rows(struct op *op, struct json *object, const struct field *field,
                     struct rows rows) {
    struct json *array = json_array(op);
    for (size_t i = 0; i < rows.count; i++) {
        const char *row = (const char *)rows.at + i * field->table->size;
        json_add(op, array, json_from_fields(op, field->table, row));
    }
    json_set(op, object, field->name, array);
}

static void set_field(struct op *op, struct json *object, const struct field *field,
                      const void *row) {
    const void *at = member_of(field, row);
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
        if ((field->flags & FIELD_NULL) != 0) {
            json_set_text_or_null(op, object, field->name, *(const struct slice *)at);
        } else {
            json_set_text(op, object, field->name, *(const struct slice *)at);
        }
        return;
    case FIELD_BYTES:
        set_bytes(op, object, field, *(const struct slice *)at);
        return;
    case FIELD_BOOL:
        json_set_bool(op, object, field->name, *(const bool *)at);
        return;
    case FIELD_NUMBER:
        json_set_number(op, object, field->name, *(const int64_t *)at);
        return;
    case FIELD_TIME:
        json_set_time(op, object, field->name, *(const int64_t *)at);
        return;
    case FIELD_CHOICE:
        set_choice(op, object, field, *(const int *)at);
        return;
    case FIELD_TEXTS:
        json_set_texts(op, object, field->name, *(const struct texts *)at);
        return;
    case FIELD_STRUCT:
        json_set(op, object, field->name, json_from_fields(op, field->table, at));
        return;
    case FIELD_STRUCTS:
        set_rows(op, object, field, *(const struct rows *)at);
        return;
    }
    CHECK(field->type <= FIELD_STRUCTS); // the table is wrong
}

struct json *json_from_fields(struct op *op, const struct field_table *table, const void *row) {
    struct json *object = json_object(op);
    for (size_t i = 0; i < table->count; i++) {
        if ((table->fields[i].flags & FIELD_HIDDEN) == 0) {
            set_field(op, object, &table->fields[i], row);
        }
    }
    return object;
}

// ---- in --------------------------------------------------------------------------------------------

// What stands at one place of the document, and whether anything was wrong so far.
struct reader {
    struct op *op;
    bool wrong;
};

// Where a value stands: a member of an object, or an element of an array (name empty).
struct place {
    struct slice parent; // its JSON pointer
    struct slice name;
    size_t index;
    bool element;
};

static struct place member_place(struct slice parent, struct slice name) {
    return (struct place){.parent = parent, .name = name};
}

static struct place element_place(struct slice parent, size_t index) {
    return (struct place){.parent = parent, .index = index, .element = true};
}

// The JSON pointer (RFC 6901): ~ and / in a name are ~0 and ~1.
static struct slice pointer_to(struct op *op, const struct place *place) {
    struct buf buf;
    buf_open(&buf, op, ARENA_CEILING);
    buf_put(&buf, place->parent);
    buf_byte(&buf, '/');
    if (place->element) {
        buf_printf(&buf, "%zu", place->index);
        return buf_slice(&buf);
    }
    for (size_t i = 0; i < place->name.len; i++) {
        char c = place->name.at[i];
        if (c == '~' || c == '/') {
            buf_str(&buf, c == '~' ? "~0" : "~1");
        } else {
            buf_byte(&buf, (uint8_t)c);
        }
    }
    return buf_slice(&buf);
}

// Pointers are made for those errors only that op still keeps.
#define WRONG(reader, place, name, ...)                                                            \
    do {                                                                                           \
        (reader)->wrong = true;                                                                    \
        if ((reader)->op->error_count < OP_ERRORS_MAX) {                                           \
            op_error((reader)->op, pointer_to((reader)->op, (place)), REASON_OF(name),             \
                     __VA_ARGS__);                                                                 \
        }                                                                                          \
    } while (0)

static void read_text(struct reader *reader, const struct field *field, const struct place *place,
                      const struct json *value, struct slice *to) {
    struct slice text = SLICE_NONE;
    bool null = json_is_null(value) && (field->flags & FIELD_NULL) != 0;
    if (!null && !json_text(value, &text)) {
        WRONG(reader, place, FIELD_TYPE, "expected a text");
    } else if (text.len == 0 && (field->flags & FIELD_MUST) != 0) {
        WRONG(reader, place, FIELD_REQUIRED, "may not be empty");
    } else if (text.len > (uint64_t)field->max) {
        WRONG(reader, place, FIELD_RANGE, "%zu bytes long; at most %" PRId64 " are taken", text.len,
              field->max);
    } else if ((field->flags & FIELD_LINES) != 0 ? !text_lines(text) : !text_line(text)) {
        WRONG(reader, place, RESTRICTED_CHARACTERS, "%s",
              (field->flags & FIELD_LINES) != 0
                  ? "control characters other than tabs and line ends are not taken"
                  : "control characters, tabs and line ends are not taken");
    } else {
        *to = text;
    }
}

static void read_bytes(struct reader *reader, const struct field *field, const struct place *place,
                       const struct json *value, struct slice *to) {
    struct slice text = SLICE_NONE;
    struct slice bytes = SLICE_NONE;
    bool null = json_is_null(value) && (field->flags & FIELD_NULL) != 0;
    if (!null && !json_text(value, &text)) {
        WRONG(reader, place, FIELD_TYPE, "expected a text in base64");
    } else if (!decode_base64(reader->op, text, false, &bytes)) {
        WRONG(reader, place, FIELD_VALUE, "not base64 (with padding, without white space)");
    } else if (bytes.len == 0 && (field->flags & FIELD_MUST) != 0) {
        WRONG(reader, place, FIELD_REQUIRED, "may not be empty");
    } else if (bytes.len > (uint64_t)field->max) {
        WRONG(reader, place, FIELD_RANGE, "%zu bytes; at most %" PRId64 " are taken", bytes.len,
              field->max);
    } else {
        *to = bytes;
    }
}

static void read_number(struct reader *reader, const struct field *field, const struct place *place,
                        const struct json *value, int64_t *to) {
    int64_t number;
    if (!json_number(value, &number)) {
        WRONG(reader, place, FIELD_TYPE, "expected a whole number");
    } else if (number < field->min || number > field->max) {
        WRONG(reader, place, FIELD_RANGE, "%" PRId64 " is outside %" PRId64 " to %" PRId64, number,
              field->min, field->max);
    } else {
        *to = number;
    }
}

static void read_time(struct reader *reader, const struct field *field, const struct place *place,
                      const struct json *value, int64_t *to) {
    struct slice text;
    int64_t time;
    if (json_is_null(value) && (field->flags & FIELD_MUST) != 0) {
        WRONG(reader, place, FIELD_REQUIRED, "may not be null");
    } else if (json_is_null(value)) {
        *to = 0;
    } else if (!json_text(value, &text)) {
        WRONG(reader, place, FIELD_TYPE,
              "expected a time as text (2026-11-21T16:00:00Z) or null for never");
    } else if (!clock_parse(text, &time)) {
        WRONG(reader, place, FIELD_VALUE, "not a time; expected one as 2026-11-21T16:00:00Z");
    } else if (time <= 0) {
        // 0 is how never is stored: the year 1970 must not become it.
        WRONG(reader, place, FIELD_RANGE, "this time is too early");
    } else {
        *to = time;
    }
}

// "a, b, c"
static struct slice choices_list(struct op *op, const struct field *field) {
    struct buf buf;
    buf_open(&buf, op, LIST_MAX);
    for (size_t i = 0; field->choices[i] != NULL; i++) {
        buf_str(&buf, i > 0 ? ", " : "");
        buf_str(&buf, field->choices[i]);
    }
    return buf_slice(&buf);
}

static void read_choice(struct reader *reader, const struct field *field, const struct place *place,
                        const struct json *value, int *to) {
    struct slice text;
    if (!json_text(value, &text)) {
        struct slice list = choices_list(reader->op, field);
        WRONG(reader, place, FIELD_TYPE, "expected one of: %.*s", SLICE(list));
        return;
    }
    for (int i = 0; field->choices[i] != NULL; i++) {
        if (slice_equal(text, slice_str(field->choices[i]))) {
            *to = i;
            return;
        }
    }
    struct slice list = choices_list(reader->op, field);
    WRONG(reader, place, FIELD_VALUE, "expected one of: %.*s", SLICE(list));
}

// False when it is no array, or one that is too long (which has then been said).
static bool array_of(struct reader *reader, const struct field *field, const struct place *place,
                     const struct json *value, const char *what) {
    if (!json_is_array(value)) {
        WRONG(reader, place, FIELD_TYPE, "expected a list of %s", what);
        return false;
    }
    if (json_count(value) > (uint64_t)field->max) {
        WRONG(reader, place, FIELD_RANGE, "%zu elements; at most %" PRId64 " are taken",
              json_count(value), field->max);
        return false;
    }
    return true;
}

static reason read_texts(struct reader *reader, const struct field *field,
                         const struct place *place, const struct json *value, struct texts *to) {
    if (json_is_null(value) && (field->flags & FIELD_NULL) != 0) {
        *to = (struct texts){NULL, 0};
        return NULL;
    }
    if (!array_of(reader, field, place, value, "texts")) {
        return NULL;
    }
    const struct field each = {.flags = (uint8_t)(field->flags & FIELD_LINES),
                               .max = FIELD_TEXTS_EACH};
    struct texts texts = {NULL, json_count(value)};
    TRY(op_take(reader->op, texts.count * sizeof *texts.at, &texts.at));
    struct slice pointer = pointer_to(reader->op, place);
    for (size_t i = 0; i < texts.count; i++) {
        struct place element = element_place(pointer, i);
        read_text(reader, &each, &element, json_at(value, i), &texts.at[i]);
    }
    *to = texts;
    return NULL;
}

static reason read_object(struct reader *reader, const struct field_table *table,
                          const struct json *object, struct slice at, void *row);

static reason read_structs(struct reader *reader, const struct field *field,
                           const struct place *place, const struct json *value, struct rows *to) {
    if (!array_of(reader, field, place, value, "objects")) {
        return NULL;
    }
    struct rows rows = {NULL, json_count(value)};
    TRY(op_take(reader->op, rows.count * field->table->size, &rows.at));
    struct slice pointer = pointer_to(reader->op, place);
    for (size_t i = 0; i < rows.count; i++) {
        struct place element = element_place(pointer, i);
        TRY(read_object(reader, field->table, json_at(value, i), pointer_to(reader->op, &element),
                        (char *)rows.at + i * field->table->size));
    }
    *to = rows;
    return NULL;
}

static reason read_field(struct reader *reader, const struct field *field,
                         const struct place *place, const struct json *value, void *row) {
    void *to = (char *)row + field->offset;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
        read_text(reader, field, place, value, to);
        return NULL;
    case FIELD_BYTES:
        read_bytes(reader, field, place, value, to);
        return NULL;
    case FIELD_BOOL:
        if (!json_bool(value, to)) {
            WRONG(reader, place, FIELD_TYPE, "expected true or false");
        }
        return NULL;
    case FIELD_NUMBER:
        read_number(reader, field, place, value, to);
        return NULL;
    case FIELD_TIME:
        read_time(reader, field, place, value, to);
        return NULL;
    case FIELD_CHOICE:
        read_choice(reader, field, place, value, to);
        return NULL;
    case FIELD_TEXTS:
        return read_texts(reader, field, place, value, to);
    case FIELD_STRUCT:
        return read_object(reader, field->table, value, pointer_to(reader->op, place), to);
    case FIELD_STRUCTS:
        return read_structs(reader, field, place, value, to);
    }
    CHECK(field->type <= FIELD_STRUCTS); // the table is wrong
    return NULL;
}

static bool settable(const struct field *field) {
    return (field->flags & (FIELD_HIDDEN | FIELD_OUTPUT)) == 0;
}

static void unknown_member(struct reader *reader, const struct field_table *table,
                           const struct place *place) {
    struct buf buf;
    buf_open(&buf, reader->op, LIST_MAX);
    for (size_t i = 0; i < table->count; i++) {
        if (settable(&table->fields[i])) {
            buf_str(&buf, buf.len > 0 ? ", " : "");
            buf_str(&buf, table->fields[i].name);
        }
    }
    struct slice list = buf_slice(&buf);
    WRONG(reader, place, FIELD_UNKNOWN, "the fields here are: %.*s", SLICE(list));
}

static const struct field *field_named(const struct field_table *table, struct slice name) {
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if ((field->flags & FIELD_HIDDEN) == 0 && slice_equal(name, slice_str(field->name))) {
            return field;
        }
    }
    return NULL;
}

static reason read_object(struct reader *reader, const struct field_table *table,
                          const struct json *object, struct slice at, void *row) {
    if (!json_is_object(object)) {
        reader->wrong = true;
        op_error(reader->op, at, REASON_OF(FIELD_TYPE), "expected an object");
        return NULL;
    }
    size_t iterator = 0;
    struct slice name;
    const struct json *value;
    while (json_member(object, &iterator, &name, &value)) {
        struct place place = member_place(at, name);
        const struct field *field = field_named(table, name);
        if (field == NULL) {
            unknown_member(reader, table, &place);
        } else if ((field->flags & FIELD_OUTPUT) != 0) {
            WRONG(reader, &place, FIELD_UNKNOWN, "this field can be read, not set");
        } else {
            TRY(read_field(reader, field, &place, value, row));
        }
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if ((field->flags & FIELD_MUST) != 0 && settable(field) &&
            json_get(object, field->name) == NULL) {
            struct place place = member_place(at, slice_str(field->name));
            WRONG(reader, &place, FIELD_REQUIRED, "is missing");
        }
    }
    return NULL;
}

reason json_to_fields(struct op *op, const struct field_table *table, const struct json *object,
                      struct slice at, void *row) {
    struct reader reader = {op, false};
    TRY(read_object(&reader, table, object, at, row));
    if (reader.wrong) {
        REFUSE(op, INVALID_INPUT, "%s: see the errors by field", table->name);
    }
    return NULL;
}
