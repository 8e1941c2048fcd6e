// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log of a tenant, newest first.
#include "base/rand.h"
#include "http/api/api.h"

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
    int64_t time;
    struct slice cursor = list.page.cursor;
    if (cursor.len > 0 && (!slice_starts(cursor, S("aud_")) ||
                           !ulid_time(slice_sub(cursor, 4, cursor.len), &time))) {
        REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
    }
    TRY(store_read(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct audit *audits = list.audits.at;
    for (size_t i = 0; i < list.audits.count; i++) {
        json_add(op, items, json_from_fields(op, &audit_fields, &audits[i]));
    }
    return api_reply_list(op, reply, items, list.next, API_NO_TOTAL);
}
