// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log: one row a change, written in the transaction of the change, so that neither is
// there without the other. Rows are only ever added.
#include "domain/audit.h"

#include "base/rand.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/space.h"
#include "domain/tenant.h"

#define AUDIT_DETAIL_MAX 1000 // bytes; a line that people read
#define AUDIT_TEXT_MAX 512

static const char *const actor_kind_names[] = {"none", "system", "operator", "user", "service"};

static const struct field audit_rows[] = {
    F_TEXT(struct audit, id, 1, FIELD_OUTPUT, 64),
    F_TIME(struct audit, time, 2, FIELD_OUTPUT),
    F_TEXT(struct audit, tenant, 3, FIELD_OUTPUT | FIELD_NULL, 63),
    F_TEXT(struct audit, event, 4, FIELD_OUTPUT, 64),
    F_TEXT(struct audit, actor, 5, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, actor_kind, 6, FIELD_OUTPUT, 16),
    F_TEXT(struct audit, target, 7, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, detail, 8, FIELD_OUTPUT | FIELD_NULL, AUDIT_DETAIL_MAX),
    F_TEXT(struct audit, request, 9, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, address, 10, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, session, 11, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
};
FIELD_TABLE(audit_fields, "audit", 1, struct audit, audit_rows);

static void audit_key(const void *row, struct key *ret_key) {
    const struct audit *audit = row;
    *ret_key = key_in(SPACE_AUDIT);
    key_text(ret_key, audit->tenant);
    key_text(ret_key, audit->id);
}
static const struct entity audit_entity = {
    .space = SPACE_AUDIT, .fields = &audit_fields, .key = audit_key};

bool actor_holds(const struct actor *actor, struct permission_set set) {
    return actor->kind == ACTOR_OPERATOR || actor->kind == ACTOR_SYSTEM ||
           permission_within(set, actor->permissions);
}

reason audit_add(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                 const char *event, struct slice target, struct slice detail) {
    struct audit audit = {
        .time = op->now,
        .tenant = tenant,
        .event = slice_str(event),
        .actor = text_cut(actor->id, AUDIT_TEXT_MAX),
        .actor_kind = slice_str(actor_kind_names[actor->kind]),
        .target = text_cut(target, AUDIT_TEXT_MAX),
        .detail = text_cut(detail, AUDIT_DETAIL_MAX),
        .request = text_cut(op->id, AUDIT_TEXT_MAX),
        .address = text_cut(actor->address, AUDIT_TEXT_MAX),
        .session = text_cut(actor->session, AUDIT_TEXT_MAX),
    };
    TRY(rand_ulid(op, S("aud_"), &audit.id));
    bool added = false;
    TRY(entity_add(op, txn, &audit_entity, &audit, &added));
    if (!added) {
        REFUSE(op, INTERNAL, "the audit log has a row with this id already");
    }
    return NULL;
}

// Rows older than the tenant are those of an earlier one with the same short name: not this one's
// to see.
static reason begin_of(struct op *op, struct txn *txn, struct slice tenant, int64_t *ret_begin) {
    struct tenant found;
    reason why = tenant.len > 0 ? tenant_find(op, txn, tenant, &found) : REASON_OF(NOT_FOUND);
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    *ret_begin = why == NULL ? found.created_at : 0;
    return NULL;
}

reason audit_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                  struct rows *ret_audits, struct slice *ret_next) {
    int64_t begin = 0;
    TRY(begin_of(op, txn, tenant, &begin));
    struct key prefix = key_in(SPACE_AUDIT);
    key_text(&prefix, tenant);
    struct key from = prefix;
    key_text(&from, page.cursor);
    if (from.broken) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    const struct listing listing = {
        .entity = &audit_entity,
        .prefix = key_slice(&prefix),
        .from = page.cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
        .backwards = true,
    };
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, page_limit(page), &rows, &more));
    const struct audit *audits = rows.at;
    for (size_t i = 0; i < rows.count; i++) {
        if (audits[i].time < begin) {
            rows.count = i;
            more = false;
        }
    }
    *ret_next = more ? audits[rows.count - 1].id : SLICE_NONE;
    *ret_audits = rows;
    return NULL;
}
