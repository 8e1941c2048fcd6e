// SPDX-License-Identifier: GPL-3.0-or-later
// JSON (jansson) behind limits. A `struct json` value belongs to the op that made it and lives as long;
// setters share, nothing is freed by hand. Members keep their order.
#ifndef GATEHOUSE_BASE_JSON_H
#define GATEHOUSE_BASE_JSON_H

#include "base/buf.h"
#include "base/field.h"

#define JSON_DEPTH_MAX 32       // no document of ours is deeper than 8
#define JSON_BODY_MAX (1U << 20)

struct json; // jansson's json_t

// jansson has functions of these two names: ours get others at link time. Only json.c includes jansson.h,
// and before this header.
#define json_object gatehouse_json_object
#define json_array gatehouse_json_array

// malformed_json: not JSON, duplicate members, too deep, not UTF-8, trailing bytes. The root is any value.
// body_too_large: over JSON_BODY_MAX.
MUST_USE reason json_parse(struct op *op, struct slice text, const struct json **ret_root);
// The same for a file that a command reads, up to `most` bytes.
MUST_USE reason json_parse_most(struct op *op, struct slice text, size_t most,
                                const struct json **ret_root);
MUST_USE reason json_print(struct op *op, const struct json *root, bool pretty, struct slice *ret_text);

// Makers give a valid value also when memory is out (an immortal null), and mark op (`incomplete`), for good:
// json_print then refuses with limit.memory. Bytes of a text that are not UTF-8 are written as U+FFFD.
struct json *json_object(struct op *op);
struct json *json_array(struct op *op);
void json_set(struct op *op, struct json *object, const char *name, const struct json *value);
void json_set_text(struct op *op, struct json *object, const char *name, struct slice text);
void json_set_text_or_null(struct op *op, struct json *object, const char *name, struct slice text);
void json_set_str(struct op *op, struct json *object, const char *name, const char *text);
void json_set_number(struct op *op, struct json *object, const char *name, int64_t number);
void json_set_bool(struct op *op, struct json *object, const char *name, bool value);
void json_set_time(struct op *op, struct json *object, const char *name, int64_t time); // 0: null
void json_set_null(struct op *op, struct json *object, const char *name);
void json_set_texts(struct op *op, struct json *object, const char *name, struct texts texts);
void json_add(struct op *op, struct json *array, const struct json *value);
void json_add_text(struct op *op, struct json *array, struct slice text);

// Readers: NULL / false / empty when there is none or it has another type.
const struct json *json_get(const struct json *object, const char *name);
bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_null(const struct json *value);
bool json_text(const struct json *value, struct slice *ret_text);
bool json_number(const struct json *value, int64_t *ret_number);
bool json_bool(const struct json *value, bool *ret_bool);
size_t json_count(const struct json *array);
const struct json *json_at(const struct json *array, size_t index);
// For each member of an object, in order: while (json_member(object, &at, &name, &value)). at starts 0 and
// means nothing to the caller; a name has a NUL behind it.
bool json_member(const struct json *object, size_t *at, struct slice *ret_name,
                 const struct json **ret_value);

// A record as JSON by its table (hidden fields left out).
struct json *json_from_fields(struct op *op, const struct field_table *table, const void *row);
// The same as text at once, of one member, of all that are not hidden, of a text; and a member's name as it stands
// before its value. Names are ours: nothing in them is escaped.
void json_put_field(struct buf *out, const struct field *field, const void *row);
void json_put_fields(struct buf *out, const struct field_table *table, const void *row);
void json_put_text(struct buf *out, struct slice text);
void json_put_name(struct buf *out, bool first, const char *name);
// JSON into a record whose defaults the caller has set: absent members keep them. Unknown members, wrong
// types, bounds: each an op_error with its JSON pointer under `at` ("" for the root), then invalid_input.
// Elements of a FIELD_STRUCTS start zeroed. Texts point into `object`. After a refusal the row is half done.
MUST_USE reason json_to_fields(struct op *op, const struct field_table *table,
                               const struct json *object, struct slice at, void *row);

#endif
