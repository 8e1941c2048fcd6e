// SPDX-License-Identifier: GPL-3.0-or-later
// Is a file a configuration that can be imported? Everything that can be seen without the gate is
// said before anything is written: unknown members, wrong types, values out of bounds, each with
// its pointer.
#include <stdlib.h>

#include "app/cli/move.h"

// ---- one object, without its parts

// Lists of certificates hold longer texts than a field table takes. What is in them, the gate says.
static void check_certificates(struct op *op, const struct json *list, struct slice at) {
    struct slice text;
    if (!json_is_array(list)) {
        op_error(op, at, REASON_OF(FIELD_TYPE), "expected a list of certificates");
        return;
    }
    for (size_t i = 0; i < json_count(list); i++) {
        if (!json_text(json_at(list, i), &text)) {
            op_error(op, op_text(op, "%.*s/%zu", SLICE(at), i), REASON_OF(FIELD_TYPE),
                     "expected a certificate as text");
        }
    }
}

static bool is_certificates(const struct move_row *row, struct slice name) {
    for (size_t i = 0; row->certificates != NULL && row->certificates[i] != NULL; i++) {
        if (slice_equal(name, slice_str(row->certificates[i]))) {
            return true;
        }
    }
    return false;
}

static reason check_members(struct op *op, enum move_kind kind, const struct json *object,
                            struct slice at) {
    const struct move_row *row = move_row(kind);
    struct json *members = NULL;
    struct json *plain = json_object(op);
    void *scratch = NULL; // what the table reads: only whether it can
    size_t place = 0;
    struct slice name;
    const struct json *value;
    const char *member = NULL;
    TRY(move_members(op, kind, object, true, &members));
    while (json_member(members, &place, &name, &value)) {
        TRY(op_cstr(op, name, &member));
        if (is_certificates(row, name)) {
            check_certificates(op, value, op_text(op, "%.*s/%s", SLICE(at), member));
        } else {
            json_set(op, plain, member, value);
        }
    }
    TRY(op_take(op, row->fields->size, &scratch));
    reason why = json_to_fields(op, row->fields, plain, at, scratch);
    return why == REASON_OF(INVALID_INPUT) ? NULL : why; // said by field
}

// ---- names

struct named {
    struct slice name;
    size_t index;
};

static int by_name(const void *a, const void *b) {
    const struct named *one = a;
    const struct named *other = b;
    int order = slice_compare(one->name, other->name);
    return order != 0 ? order : (one->index > other->index) - (one->index < other->index);
}

// Of two with one name, the second would undo the first.
static reason check_twice(struct op *op, const struct move_row *row, const struct json *list,
                          struct slice at) {
    struct named *names = NULL;
    size_t count = json_count(list);
    TRY(op_take(op, (count + 1) * sizeof *names, &names));
    for (size_t i = 0; i < count; i++) {
        names[i] = (struct named){move_text(json_at(list, i), row->key), i};
    }
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 1; i < count; i++) {
        if (names[i].name.len > 0 && slice_equal(names[i].name, names[i - 1].name)) {
            op_error(op, op_text(op, "%.*s/%zu/%s", SLICE(at), names[i].index, row->key),
                     REASON_OF(FIELD_VALUE), "\"%.*s\" is in this list already",
                     SLICE(names[i].name));
        }
    }
    return NULL;
}

// ---- an object with its parts

static reason check_object(struct op *op, enum move_kind kind, const struct json *object,
                           struct slice at);

static reason check_part(struct op *op, const struct move_part *part, const struct json *value,
                         struct slice at) {
    if (value == NULL) {
        return NULL;
    }
    if (!part->list) {
        return check_object(op, part->kind, value, at);
    }
    if (!json_is_array(value)) {
        op_error(op, at, REASON_OF(FIELD_TYPE), "expected a list of objects");
        return NULL;
    }
    for (size_t i = 0; i < json_count(value) && op->error_count < OP_ERRORS_MAX; i++) {
        TRY(check_object(op, part->kind, json_at(value, i), op_text(op, "%.*s/%zu", SLICE(at), i)));
    }
    return check_twice(op, move_row(part->kind), value, at);
}

// As deep as the table of kinds is, whatever the document says: three levels.
static reason check_object(struct op *op, enum move_kind kind, const struct json *object,
                           struct slice at) {
    const struct move_row *row = move_row(kind);
    if (!json_is_object(object)) {
        op_error(op, at, REASON_OF(FIELD_TYPE), "expected an object");
        return NULL;
    }
    TRY(check_members(op, kind, object, at));
    for (const struct move_part *part = row->parts; part->name != NULL; part++) {
        TRY(check_part(op, part, json_get(object, part->name),
                       op_text(op, "%.*s/%s", SLICE(at), part->name)));
    }
    return NULL;
}

// First, so that a document of another kind or of a newer program is said to be that, and nothing
// else.
static reason check_format(struct op *op, const struct json *root) {
    int64_t version = 0;
    if (!slice_equal(move_text(root, "format"), S(MOVE_FORMAT))) {
        op_error(op, S("/format"), REASON_OF(FIELD_VALUE), "expected \"" MOVE_FORMAT "\"");
        REFUSE(op, INVALID_INPUT, "this is no configuration as gatehouse export writes it");
    }
    if (!json_number(json_get(root, "version"), &version) || version != MOVE_VERSION) {
        op_error(op, S("/version"), REASON_OF(FIELD_VALUE), "expected %d", MOVE_VERSION);
        REFUSE(op, INVALID_INPUT, "this program reads version %d of a configuration", MOVE_VERSION);
    }
    return NULL;
}

reason move_check(struct op *op, const struct json *root) {
    size_t before = op->error_count;
    if (!json_is_object(root)) {
        op_error(op, S(""), REASON_OF(FIELD_TYPE), "expected an object");
        REFUSE(op, INVALID_INPUT, "a configuration is a JSON object");
    }
    TRY(check_format(op, root));
    TRY(check_object(op, MOVE_DOCUMENT, root, S("")));
    if (op->error_count > before) {
        REFUSE(op, INVALID_INPUT, "the document cannot be imported, and nothing was written");
    }
    return NULL;
}
