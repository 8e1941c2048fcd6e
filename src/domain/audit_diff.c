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

struct comparison {
    const void *row[2]; // before and after; zeroes where there is none
    bool there[2];
    struct buf value[2];   // a member as JSON
    struct buf told[2][2]; // objects, as far as they are written; [1]: personal
    struct buf names;
};

static size_t size_of(const struct field *field) {
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES:
        return sizeof(struct slice);
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_NUMBER:
    case FIELD_TIME:
        return sizeof(int64_t);
    case FIELD_CHOICE:
        return sizeof(int);
    case FIELD_TEXTS:
        return sizeof(struct texts);
    case FIELD_STRUCTS:
        return sizeof(struct rows);
    case FIELD_STRUCT:
        return field->table->size;
    }
    return 0;
}

// Members that are the same bytes say the same; most are, for a row is changed in few members or is new and mostly empty.
static bool same_bytes(const struct field *field, const void *const rows[2]) {
    return memcmp((const char *)rows[0] + field->offset, (const char *)rows[1] + field->offset,
                  size_of(field)) == 0;
}

static reason print(struct buf *into, const struct field *field, const void *row,
                    struct slice *ret_text) {
    into->len = 0;
    json_put_field(into, field, row);
    return buf_done(into, ret_text);
}

static reason put_digest(struct buf *out, struct slice text) {
    struct sha256 digest = digest_sha256(text);
    struct slice hex;
    TRY(encode_hex(out->op, digest_slice(&digest), &hex));
    buf_printf(out, "{\"bytes\":%zu,\"sha256\":\"%.*s\"}", text.len, SLICE(hex));
    return NULL;
}

// A value that is too long stands as its length and hash: it can still be told from another.
static reason put(struct buf *object, const struct field *field, struct slice text) {
    json_put_name(object, object->len == 1, field->name);
    if (text.len > AUDIT_VALUE_MAX) {
        return put_digest(object, text);
    }
    buf_put(object, text);
    return NULL;
}

// Of a struct in a row only those of its members that differ.
static reason narrow(struct op *op, const struct field *field, struct comparison *c,
                     struct slice ret_text[2]) {
    const void *inside[2];
    struct buf less[2];
    for (size_t side = 0; side < 2; side++) {
        inside[side] = (const char *)c->row[side] + field->offset;
        buf_open(&less[side], op, ARENA_CEILING);
        buf_byte(&less[side], '{');
    }
    for (size_t i = 0; i < field->table->count; i++) {
        const struct field *inner = &field->table->fields[i];
        if (!is_told(inner) || same_bytes(inner, inside)) {
            continue;
        }
        struct slice text[2];
        TRY(print(&c->value[0], inner, inside[0], &text[0]));
        TRY(print(&c->value[1], inner, inside[1], &text[1]));
        for (size_t side = 0; side < 2 && !slice_equal(text[0], text[1]); side++) {
            TRY(put(&less[side], inner, text[side]));
        }
    }
    for (size_t side = 0; side < 2; side++) {
        buf_byte(&less[side], '}');
        TRY(buf_done(&less[side], &ret_text[side]));
    }
    return NULL;
}

static reason compare(struct op *op, const struct field *field, struct comparison *c) {
    struct slice text[2];
    if (same_bytes(field, c->row) || !is_told(field)) {
        return NULL;
    }
    TRY(print(&c->value[0], field, c->row[0], &text[0]));
    TRY(print(&c->value[1], field, c->row[1], &text[1]));
    if (slice_equal(text[0], text[1])) {
        return NULL;
    }
    size_t where = is_personal(field) ? 1 : 0;
    if (field->type == FIELD_STRUCT) {
        TRY(narrow(op, field, c, text));
    }
    for (size_t side = 0; side < 2; side++) {
        struct buf *object = &c->told[side][where];
        if (c->there[side]) {
            buf_str(object, object->len == 0 ? "{" : "");
            TRY(put(object, field, text[side]));
        }
    }
    buf_str(&c->names, c->names.len > 0 ? ", " : "");
    buf_str(&c->names, field->name);
    return NULL;
}

// Many long members together are named, and no more.
static reason finish(struct op *op, struct buf *object, struct slice *ret_text) {
    *ret_text = SLICE_NONE;
    if (object->len == 0) {
        return NULL;
    }
    buf_byte(object, '}');
    TRY(buf_done(object, ret_text));
    if (ret_text->len > AUDIT_JSON_MAX) {
        struct buf cut;
        buf_open(&cut, op, AUDIT_JSON_MAX);
        TRY(put_digest(&cut, *ret_text));
        return buf_done(&cut, ret_text);
    }
    return NULL;
}

reason audit_compare(struct op *op, const struct field_table *table, const void *before,
                     const void *after, struct audit_diff *ret_diff) {
    void *nothing = NULL; // members that were never set are nobody's news
    TRY(op_take(op, table->size, &nothing));
    struct comparison c = {
        .row = {before != NULL ? before : nothing, after != NULL ? after : nothing},
        .there = {before != NULL, after != NULL},
    };
    for (size_t side = 0; side < 2; side++) {
        buf_open(&c.value[side], op, ARENA_CEILING);
        buf_open(&c.told[side][0], op, ARENA_CEILING);
        buf_open(&c.told[side][1], op, ARENA_CEILING);
    }
    buf_open(&c.names, op, NAMES_MAX);
    for (size_t i = 0; i < table->count; i++) {
        TRY(compare(op, &table->fields[i], &c));
    }
    struct audit_diff diff = {.names = buf_slice(&c.names)};
    TRY(finish(op, &c.told[0][0], &diff.before));
    TRY(finish(op, &c.told[1][0], &diff.after));
    TRY(finish(op, &c.told[0][1], &diff.person_before));
    TRY(finish(op, &c.told[1][1], &diff.person_after));
    *ret_diff = diff;
    return NULL;
}
