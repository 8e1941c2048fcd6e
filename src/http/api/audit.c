// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log of a tenant, newest first.
#include "base/encode.h"
#include "http/api/api.h"

// Members that changed, of both parts of the row.
static const struct json *members(struct op *op, struct slice part, struct slice person) {
    struct json *all = json_object(op);
    const struct slice texts[] = {part, person};
    for (size_t i = 0; i < 2; i++) {
        const struct json *object = NULL;
        size_t at = 0;
        struct slice name;
        const struct json *value;
        const char *text = NULL;
        if (texts[i].len == 0 || json_parse(op, texts[i], &object) != NULL) {
            continue;
        }
        while (json_member(object, &at, &name, &value)) {
            if (op_cstr(op, name, &text) == NULL) {
                json_set(op, all, text, value);
            }
        }
    }
    return all;
}

static void set_members(struct op *op, struct json *body, const char *name, struct slice part,
                        struct slice person) {
    if (part.len + person.len == 0) {
        json_set_null(op, body, name);
    } else {
        json_set(op, body, name, members(op, part, person));
    }
}

static void set_hash(struct op *op, struct json *body, const char *name, struct slice hash) {
    struct slice hex = SLICE_NONE;
    if (encode_hex(op, hash, &hex) != NULL) {
        op->incomplete = true;
    }
    json_set_text_or_null(op, body, name, hex);
}

static struct json *audit_json(struct op *op, const struct audit *audit) {
    struct json *body = json_from_fields(op, &audit_fields, audit);
    if (audit->detail.len == 0) {
        json_set_text_or_null(op, body, "detail", audit->person_detail);
    }
    set_members(op, body, "before", audit->before, audit->person_before);
    set_members(op, body, "after", audit->after, audit->person_after);
    json_set_bool(op, body, "erased", audit->erased != 0);
    set_hash(op, body, "prev_hash", audit->prev_hash);
    set_hash(op, body, "hash", audit->hash);
    return body;
}

struct list {
    struct slice tenant;
    struct page page;
    struct rows audits;
    struct slice next;
};
static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, list->tenant, &tenant));
    return audit_list(op, txn, list->tenant, list->page, &list->audits, &list->next);
}

reason api_audit_list(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct list list = {.tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    struct slice cursor = list.page.cursor;
    if (cursor.len > 0 && !audit_id(cursor)) {
        REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
    }
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct audit *audits = list.audits.at;
    for (size_t i = 0; i < list.audits.count; i++) {
        json_add(op, items, audit_json(op, &audits[i]));
    }
    return api_reply_list(op, reply, items, list.next, API_NO_TOTAL);
}
