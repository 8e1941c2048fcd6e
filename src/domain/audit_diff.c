// SPDX-License-Identifier: GPL-3.0-or-later
// What a change did: the members that differ between two rows of a table, before and after, as JSON. Members that say
// who somebody is are kept apart, so that they can be erased.
#include "base/digest.h"
#include "base/encode.h"
#include "base/json.h"
#include "domain/audit.h"

#define NAMES_MAX 2000

// Also one that holds such members further in.
static bool is_personal(const struct field *field) {
    if ((field->flags & FIELD_PERSONAL) != 0) {
        return true;
    }
    // Tables nest two deep at most, and never in a circle.
    for (size_t i = 0; field->table != NULL && i < field->table->count; i++) {
        const struct field *inner = &field->table->fields[i];
        if ((inner->flags & FIELD_PERSONAL) != 0) {
            return true;
        }
        for (size_t j = 0; inner->table != NULL && j < inner->table->count; j++) {
            if ((inner->table->fields[j].flags & FIELD_PERSONAL) != 0) {
                return true;
            }
        }
    }
    return false;
}

// When a row was written says the audit row itself.
static bool is_told(const struct field *field) {
    bool stamp = strcmp(field->name, "created_at") == 0 || strcmp(field->name, "updated_at") == 0 ||
                 strcmp(field->name, "version") == 0;
    return (field->flags & FIELD_HIDDEN) == 0 && !stamp;
}

static reason print(struct op *op, const struct json *object, const char *name,
                    struct slice *ret_text) {
    const struct json *value = json_get(object, name);
    return value != NULL ? json_print(op, value, false, ret_text) : NULL;
}

// A value that is too long stands as its length and hash: it can still be told from another.
static reason put(struct op *op, struct json *into, const struct field *field,
                  const struct json *from, struct slice text) {
    if (text.len <= AUDIT_VALUE_MAX) {
        json_set(op, into, field->name, json_get(from, field->name));
        return NULL;
    }
    struct sha256 digest = digest_sha256(text);
    struct slice hex;
    TRY(encode_hex(op, digest_slice(&digest), &hex));
    struct json *cut = json_object(op);
    json_set_number(op, cut, "bytes", (int64_t)text.len);
    json_set_text(op, cut, "sha256", hex);
    json_set(op, into, field->name, cut);
    return NULL;
}

// Of a struct in a row only those of its members that differ.
static reason narrow(struct op *op, const struct field *field, const struct json **old,
                     const struct json **new) {
    const struct json *whole[2] = {json_get(*old, field->name), json_get(*new, field->name)};
    struct json *less[2] = {json_object(op), json_object(op)};
    struct json *outer[2] = {json_object(op), json_object(op)};
    for (size_t i = 0; i < field->table->count; i++) {
        const struct field *inner = &field->table->fields[i];
        struct slice text[2] = {SLICE_NONE, SLICE_NONE};
        TRY(print(op, whole[0], inner->name, &text[0]));
        TRY(print(op, whole[1], inner->name, &text[1]));
        for (size_t side = 0; side < 2 && is_told(inner) && !slice_equal(text[0], text[1]); side++) {
            TRY(put(op, less[side], inner, whole[side], text[side]));
        }
    }
    for (size_t side = 0; side < 2; side++) {
        json_set(op, outer[side], field->name, less[side]);
    }
    *old = outer[0];
    *new = outer[1];
    return NULL;
}

struct comparison {
    const struct json *old, *new; // all members
    bool had, has;
    struct json *before[2], *after[2]; // [1]: personal
    bool some[2];
    struct buf names;
};

static reason compare(struct op *op, const struct field *field, struct comparison *c) {
    struct slice old = SLICE_NONE;
    struct slice new = SLICE_NONE;
    TRY(print(op, c->old, field->name, &old));
    TRY(print(op, c->new, field->name, &new));
    if (!is_told(field) || slice_equal(old, new)) {
        return NULL;
    }
    size_t where = is_personal(field) ? 1 : 0;
    const struct json *from[2] = {c->old, c->new};
    c->some[where] = true;
    if (field->type == FIELD_STRUCT) {
        TRY(narrow(op, field, &from[0], &from[1]));
        TRY(print(op, from[0], field->name, &old));
        TRY(print(op, from[1], field->name, &new));
    }
    if (c->had) {
        TRY(put(op, c->before[where], field, from[0], old));
    }
    if (c->has) {
        TRY(put(op, c->after[where], field, from[1], new));
    }
    buf_str(&c->names, c->names.len > 0 ? ", " : "");
    buf_str(&c->names, field->name);
    return NULL;
}

// Many long members together are named, and no more.
static reason finish(struct op *op, const struct json *object, bool wanted, struct slice *ret) {
    *ret = SLICE_NONE;
    if (!wanted) {
        return NULL;
    }
    TRY(json_print(op, object, false, ret));
    if (ret->len > AUDIT_JSON_MAX) {
        struct sha256 digest = digest_sha256(*ret);
        struct slice hex;
        TRY(encode_hex(op, digest_slice(&digest), &hex));
        *ret = op_text(op, "{\"bytes\":%zu,\"sha256\":\"%.*s\"}", ret->len, SLICE(hex));
    }
    return NULL;
}

reason audit_compare(struct op *op, const struct field_table *table, const void *before,
                     const void *after, struct audit_diff *ret_diff) {
    void *nothing = NULL; // members that were never set are nobody's news
    TRY(op_take(op, table->size, &nothing));
    struct comparison c = {
        .old = json_from_fields(op, table, before != NULL ? before : nothing),
        .new = json_from_fields(op, table, after != NULL ? after : nothing),
        .had = before != NULL,
        .has = after != NULL,
        .before = {json_object(op), json_object(op)},
        .after = {json_object(op), json_object(op)},
    };
    buf_open(&c.names, op, NAMES_MAX);
    for (size_t i = 0; i < table->count; i++) {
        TRY(compare(op, &table->fields[i], &c));
    }
    struct audit_diff diff = {.names = buf_slice(&c.names)};
    TRY(finish(op, c.before[0], c.had && c.some[0], &diff.before));
    TRY(finish(op, c.after[0], c.has && c.some[0], &diff.after));
    TRY(finish(op, c.before[1], c.had && c.some[1], &diff.person_before));
    TRY(finish(op, c.after[1], c.has && c.some[1], &diff.person_after));
    *ret_diff = diff;
    return NULL;
}
