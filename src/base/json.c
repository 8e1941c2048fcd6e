// SPDX-License-Identifier: GPL-3.0-or-later
// The only file that knows jansson. Everything that it makes is handed to the arena of the op at once, so
// that no caller frees JSON. Depth is bounded before jansson sees a byte: it parses by recursion.

// jansson stands first: below, json.h takes some of its names.
#include <jansson.h>

typedef json_t *(*maker)(void);
static const maker make_object = json_object;
static const maker make_array = json_array;
static const json_type object_type = JSON_OBJECT;
static const json_type array_type = JSON_ARRAY;
#undef json_is_object
#undef json_is_array
#undef json_is_null

#include "base/json.h"

#include <assert.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

static_assert(sizeof(size_t) == sizeof(void *), "json_member keeps an iterator in a size_t");

static json_t *in(const struct json *value) {
    return (json_t *)(uintptr_t)value;
}

static struct json *out(json_t *value) {
    return (struct json *)(void *)value;
}

static bool is(const struct json *value, json_type type) {
    return value != NULL && json_typeof(in(value)) == type;
}

static void release(void *value) {
    json_decref(value);
}

// Takes the reference. NULL: memory is out.
static struct json *own(struct op *op, json_t *value) {
    if (value == NULL || !arena_defer(&op->arena, release, value)) {
        json_decref(value);
        op->incomplete = true;
        return out(json_null());
    }
    return out(value);
}

// An opening bracket deeper than JSON_DEPTH_MAX, outside of strings.
static bool too_deep(struct slice text) {
    size_t depth = 0;
    bool string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                string = false;
            }
        } else if (c == '"') {
            string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX) {
                return true;
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

reason json_parse(struct op *op, struct slice text, const struct json **ret_root) {
    return json_parse_most(op, text, JSON_BODY_MAX, ret_root);
}

reason json_parse_most(struct op *op, struct slice text, size_t most,
                       const struct json **ret_root) {
    if (text.len > most) {
        REFUSE(op, BODY_TOO_LARGE, "JSON of %zu bytes; at most %zu are taken", text.len, most);
    }
    if (too_deep(text)) {
        REFUSE(op, MALFORMED_JSON, "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
    }
    json_error_t error = {.line = 0};
    json_t *root = json_loadb(text.len > 0 ? text.at : "", text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL && json_error_code(&error) == json_error_out_of_memory) {
        REFUSE(op, LIMIT_MEMORY, "memory is out while JSON is read");
    }
    if (root == NULL) {
        // jansson quotes the bytes near the fault. They may be a secret, and details are logged.
        struct slice what = slice_str(error.text);
        what = slice_sub(what, 0, slice_find(what, S(" near ")));
        REFUSE(op, MALFORMED_JSON, "not JSON at line %d, column %d: %.*s", error.line, error.column,
               SLICE(what));
    }
    if (!arena_defer(&op->arena, release, root)) {
        json_decref(root);
        REFUSE(op, LIMIT_MEMORY, "memory is out while JSON is read");
    }
    *ret_root = out(root);
    return NULL;
}

static int print_piece(const char *bytes, size_t len, void *to) {
    struct buf *buf = to;
    buf_put(buf, slice_of(bytes, len));
    return buf->broken ? -1 : 0;
}

reason json_print(struct op *op, const struct json *root, bool pretty, struct slice *ret_text) {
    if (op->incomplete) {
        REFUSE(op, LIMIT_MEMORY, "a part of the JSON could not be made");
    }
    struct buf buf;
    buf_open(&buf, op, op->arena.ceiling); // a command may have more than a request
    size_t flags = JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT);
    if (json_dump_callback(in(root), print_piece, &buf, flags) != 0) {
        buf.broken = true;
    }
    return buf_done(&buf, ret_text);
}

struct json *json_object(struct op *op) {
    return own(op, make_object());
}

struct json *json_array(struct op *op) {
    return own(op, make_array());
}

// A new value that nobody owns yet into an object or at the end of an array.
static void put_new(struct op *op, struct json *object, const char *name, json_t *value) {
    if (json_object_set_new(in(object), name, value) != 0) {
        op->incomplete = true;
    }
}

static void add_new(struct op *op, struct json *array, json_t *value) {
    if (json_array_append_new(in(array), value) != 0) {
        op->incomplete = true;
    }
}

// Details may quote what somebody sent, and may be cut inside a character.
static json_t *text_value(struct op *op, struct slice text) {
    json_t *value = json_stringn(text.len > 0 ? text.at : "", text.len);
    if (value != NULL || text_utf8(text)) {
        return value;
    }
    struct buf buf;
    buf_open(&buf, op, ARENA_CEILING);
    while (text.len > 0) {
        uint32_t code;
        size_t used = text_next(text, &code);
        buf_put(&buf, used > 0 ? slice_sub(text, 0, used) : S("\xEF\xBF\xBD"));
        text = slice_sub(text, used > 0 ? used : 1, text.len);
    }
    return buf.broken ? NULL : json_stringn(buf.at, buf.len);
}

void json_set(struct op *op, struct json *object, const char *name, const struct json *value) {
    if (json_object_set(in(object), name, in(value)) != 0) {
        op->incomplete = true;
    }
}

void json_set_text(struct op *op, struct json *object, const char *name, struct slice text) {
    put_new(op, object, name, text_value(op, text));
}

void json_set_text_or_null(struct op *op, struct json *object, const char *name,
                           struct slice text) {
    put_new(op, object, name, text.len > 0 ? text_value(op, text) : json_null());
}

void json_set_str(struct op *op, struct json *object, const char *name, const char *text) {
    put_new(op, object, name, text_value(op, slice_str(text)));
}

void json_set_number(struct op *op, struct json *object, const char *name, int64_t number) {
    put_new(op, object, name, json_integer(number));
}

void json_set_bool(struct op *op, struct json *object, const char *name, bool value) {
    put_new(op, object, name, value ? json_true() : json_false());
}

void json_set_time(struct op *op, struct json *object, const char *name, int64_t time) {
    char buffer[CLOCK_TEXT];
    put_new(op, object, name, time != 0 ? text_value(op, clock_print(time, buffer)) : json_null());
}

void json_set_null(struct op *op, struct json *object, const char *name) {
    put_new(op, object, name, json_null());
}

void json_set_texts(struct op *op, struct json *object, const char *name, struct texts texts) {
    json_t *array = make_array();
    for (size_t i = 0; array != NULL && i < texts.count; i++) {
        add_new(op, out(array), text_value(op, texts.at[i]));
    }
    put_new(op, object, name, array);
}

void json_add(struct op *op, struct json *array, const struct json *value) {
    if (json_array_append(in(array), in(value)) != 0) {
        op->incomplete = true;
    }
}

void json_add_text(struct op *op, struct json *array, struct slice text) {
    add_new(op, array, text_value(op, text));
}

const struct json *json_get(const struct json *object, const char *name) {
    return out(json_object_get(in(object), name));
}

bool json_is_object(const struct json *value) {
    return is(value, object_type);
}

bool json_is_array(const struct json *value) {
    return is(value, array_type);
}

bool json_is_null(const struct json *value) {
    return is(value, JSON_NULL);
}

bool json_text(const struct json *value, struct slice *ret_text) {
    if (!is(value, JSON_STRING)) {
        return false;
    }
    *ret_text = slice_of(json_string_value(in(value)), json_string_length(in(value)));
    return true;
}

bool json_number(const struct json *value, int64_t *ret_number) {
    if (!is(value, JSON_INTEGER)) {
        return false;
    }
    *ret_number = json_integer_value(in(value));
    return true;
}

bool json_bool(const struct json *value, bool *ret_bool) {
    if (!is(value, JSON_TRUE) && !is(value, JSON_FALSE)) {
        return false;
    }
    *ret_bool = is(value, JSON_TRUE);
    return true;
}

size_t json_count(const struct json *array) {
    return json_array_size(in(array));
}

const struct json *json_at(const struct json *array, size_t index) {
    return out(json_array_get(in(array), index));
}

bool json_member(const struct json *object, size_t *at, struct slice *ret_name,
                 const struct json **ret_value) {
    if (!is(object, object_type)) {
        return false;
    }
    void *iterator = *at == 0 ? json_object_iter(in(object))
                              : json_object_iter_next(in(object), (void *)(uintptr_t)*at);
    if (iterator == NULL) {
        return false;
    }
    *at = (size_t)(uintptr_t)iterator;
    *ret_name = slice_str(json_object_iter_key(iterator));
    *ret_value = out(json_object_iter_value(iterator));
    return true;
}
