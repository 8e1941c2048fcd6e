// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log: one row a change, written in the transaction of the change, so that neither is
// there without the other. Rows are only ever added.
#include "domain/audit.h"

#include "base/rand.h"
#include "domain/audit_chain.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/space.h"
#include "domain/tenant.h"

#define AUDIT_DETAIL_MAX 1000 // bytes; a line that people read
#define AUDIT_TEXT_MAX 512
#define SALT_BYTES 16

const char *const actor_kind_names[] = {"none", "system", "operator", "user", "service", NULL};

static const struct field audit_rows[] = {
    F_TEXT(struct audit, id, 1, FIELD_OUTPUT, 64),
    F_NUMBER(struct audit, seq, 12, FIELD_OUTPUT, 0, INT64_MAX),
    F_TIME(struct audit, time, 2, FIELD_OUTPUT),
    F_TEXT(struct audit, tenant, 3, FIELD_OUTPUT | FIELD_NULL, 63),
    F_TEXT(struct audit, event, 4, FIELD_OUTPUT, 64),
    F_TEXT(struct audit, actor, 5, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, actor_kind, 6, FIELD_OUTPUT, 16),
    F_TEXT(struct audit, target, 7, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, about, 13, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, detail, 8, FIELD_OUTPUT | FIELD_NULL, AUDIT_DETAIL_MAX),
    F_TEXT(struct audit, request, 9, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, address, 10, FIELD_OUTPUT | FIELD_NULL | FIELD_PERSONAL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, session, 11, FIELD_OUTPUT | FIELD_NULL, AUDIT_TEXT_MAX),
    F_TEXT(struct audit, before, 14, FIELD_HIDDEN, AUDIT_JSON_MAX),
    F_TEXT(struct audit, after, 15, FIELD_HIDDEN, AUDIT_JSON_MAX),
    F_BYTES(struct audit, actor_salt, 16, FIELD_HIDDEN, SALT_BYTES),
    F_BYTES(struct audit, actor_seal, 17, FIELD_HIDDEN, SHA256_BYTES),
    F_TEXT(struct audit, person_detail, 18, FIELD_HIDDEN, AUDIT_DETAIL_MAX),
    F_TEXT(struct audit, person_before, 19, FIELD_HIDDEN, AUDIT_JSON_MAX),
    F_TEXT(struct audit, person_after, 20, FIELD_HIDDEN, AUDIT_JSON_MAX),
    F_BYTES(struct audit, person_salt, 21, FIELD_HIDDEN, SALT_BYTES),
    F_BYTES(struct audit, person_seal, 22, FIELD_HIDDEN, SHA256_BYTES),
    F_NUMBER(struct audit, erased, 23, FIELD_HIDDEN, 0, 3),
    F_BYTES(struct audit, prev_hash, 24, FIELD_HIDDEN, SHA256_BYTES),
    F_BYTES(struct audit, hash, 25, FIELD_HIDDEN, SHA256_BYTES),
};
FIELD_TABLE(audit_fields, "audit", 2, struct audit, audit_rows);

static void audit_key(const void *row, struct key *ret_key) {
    const struct audit *audit = row;
    *ret_key = key_in(SPACE_AUDIT_ROW);
    key_text(ret_key, audit->tenant);
    key_u64(ret_key, (uint64_t)audit->seq);
}
const struct entity audit_entity = {
    .space = SPACE_AUDIT_ROW, .fields = &audit_fields, .key = audit_key};

static void audit_old_key(const void *row, struct key *ret_key) {
    const struct audit *audit = row;
    *ret_key = key_in(SPACE_AUDIT);
    key_text(ret_key, audit->tenant);
    key_text(ret_key, audit->id);
}
const struct entity audit_old_entity = {
    .space = SPACE_AUDIT, .fields = &audit_fields, .key = audit_old_key};

bool actor_holds(const struct actor *actor, struct permission_set set) {
    return actor->kind == ACTOR_OPERATOR || actor->kind == ACTOR_SYSTEM ||
           permission_within(set, actor->permissions);
}

// ---- writing ----

// The detail and what changed, each where it belongs.
static reason say(struct op *op, const struct audit_entry *entry, struct audit *audit) {
    struct slice detail = entry->detail;
    if (entry->table != NULL) {
        struct audit_diff diff;
        TRY(audit_compare(op, entry->table, entry->before, entry->after, &diff));
        audit->before = diff.before;
        audit->after = diff.after;
        audit->person_before = diff.person_before;
        audit->person_after = diff.person_after;
        if (detail.len == 0 && entry->before != NULL && entry->after != NULL) {
            detail = diff.names.len > 0 ? diff.names : S("nothing changed");
        }
    }
    detail = text_cut(detail, AUDIT_DETAIL_MAX);
    // Who writes a detail should not name people in it. Where it still happens, it can be erased.
    bool personal = detail.len > 0 && memchr(detail.at, '@', detail.len) != NULL;
    *(personal ? &audit->person_detail : &audit->detail) = detail;
    return NULL;
}

// Salts are taken last: in a row's life they are the only thing that the kernel is asked for.
static void seal(struct audit *audit, uint8_t salts[2 * SALT_BYTES], struct sha256 seals[2]) {
    bool actor = audit->address.len > 0;
    bool person = audit->person_detail.len > 0 || audit->person_before.len > 0 ||
                  audit->person_after.len > 0;
    if (actor || person) {
        rand_bytes(salts, 2 * SALT_BYTES);
    }
    if (actor) {
        audit->actor_salt = slice_of(salts, SALT_BYTES);
        seals[0] = audit_actor_seal(audit);
        audit->actor_seal = digest_slice(&seals[0]);
    }
    if (person) {
        audit->person_salt = slice_of(salts + SALT_BYTES, SALT_BYTES);
        seals[1] = audit_person_seal(audit);
        audit->person_seal = digest_slice(&seals[1]);
    }
}

static reason chain(struct op *op, struct txn *txn, struct audit *audit) {
    struct audit_link head;
    TRY(audit_link_get(op, txn, SPACE_AUDIT_HEAD, audit->tenant, &head));
    struct sha256 before = head.hash;
    audit->seq = (int64_t)head.seq + 1;
    audit->prev_hash = digest_slice(&before);
    head.seq++;
    head.hash = audit_hash(audit);
    audit->hash = digest_slice(&head.hash);
    bool added = false;
    TRY(entity_add(op, txn, &audit_entity, audit, &added));
    if (!added) {
        REFUSE(op, STORE_UNAVAILABLE,
               "the audit chain of \"%.*s\" has a row %lld behind its end; `gatehouse audit verify` "
               "says more",
               SLICE(audit->tenant), (long long)audit->seq);
    }
    return audit_link_put(op, txn, SPACE_AUDIT_HEAD, audit->tenant, &head);
}

reason audit_write(struct op *op, struct txn *txn, const struct actor *actor,
                   const struct audit_entry *entry) {
    struct audit audit = {
        .time = op->now,
        .tenant = entry->tenant,
        .event = slice_str(entry->event),
        .actor = text_cut(actor->id, AUDIT_TEXT_MAX),
        .actor_kind = slice_str(actor_kind_names[actor->kind]),
        .target = text_cut(entry->target, AUDIT_TEXT_MAX),
        .about = text_cut(entry->about, AUDIT_TEXT_MAX),
        .request = text_cut(op->id, AUDIT_TEXT_MAX),
        .address = text_cut(actor->address, AUDIT_TEXT_MAX),
        .session = text_cut(actor->session, AUDIT_TEXT_MAX),
    };
    TRY(say(op, entry, &audit));
    uint8_t salts[2 * SALT_BYTES];
    struct sha256 seals[2];
    seal(&audit, salts, seals);
    return chain(op, txn, &audit);
}

reason audit_add(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                 const char *event, struct slice target, struct slice detail) {
    const struct audit_entry entry = {
        .tenant = tenant, .event = event, .target = target, .detail = detail};
    return audit_write(op, txn, actor, &entry);
}

reason audit_change(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                    const char *event, struct slice target, const struct field_table *table,
                    const void *before, const void *after) {
    const struct audit_entry entry = {.tenant = tenant,
                                      .event = event,
                                      .target = target,
                                      .table = table,
                                      .before = before,
                                      .after = after};
    return audit_write(op, txn, actor, &entry);
}

// ---- reading ----

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

// "aud_42": of the chain. False: of the time before it.
static bool seq_of(struct slice id, uint64_t *ret_seq) {
    uint64_t seq = 0;
    if (!slice_starts(id, S("aud_")) || id.len == 4 || id.len > 4 + 19) {
        return false;
    }
    for (size_t i = 4; i < id.len; i++) {
        if (id.at[i] < '0' || id.at[i] > '9') {
            return false;
        }
        seq = seq * 10 + (uint64_t)(id.at[i] - '0');
    }
    *ret_seq = seq;
    return true;
}

bool audit_id(struct slice id) {
    uint64_t seq;
    int64_t time;
    return seq_of(id, &seq) ||
           (slice_starts(id, S("aud_")) && ulid_time(slice_sub(id, 4, id.len), &time));
}

static reason read_some(struct op *op, struct txn *txn, const struct entity *entity,
                        struct slice tenant, struct slice cursor, size_t limit,
                        struct rows *ret_rows, bool *ret_more) {
    struct key prefix = key_in(entity->space);
    key_text(&prefix, tenant);
    struct key from = prefix;
    uint64_t seq = 0;
    if (entity == &audit_entity && seq_of(cursor, &seq)) {
        key_u64(&from, seq);
    } else {
        key_text(&from, cursor);
    }
    if (from.broken) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    const struct listing listing = {
        .entity = entity,
        .prefix = key_slice(&prefix),
        .from = cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
        .backwards = true,
    };
    return listing_read(op, txn, &listing, limit, ret_rows, ret_more);
}

// Of the chain, and when that ends, of the time before it.
static reason read_both(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                        struct rows *ret_rows, bool *ret_more) {
    size_t limit = page_limit(page);
    uint64_t seq = 0;
    struct rows rows = {NULL, 0};
    bool more = false;
    bool old = page.cursor.len > 0 && !seq_of(page.cursor, &seq);
    if (!old) {
        TRY(read_some(op, txn, &audit_entity, tenant, page.cursor, limit, &rows, &more));
    }
    struct rows before = {NULL, 0};
    if (!more) {
        TRY(read_some(op, txn, &audit_old_entity, tenant, old ? page.cursor : SLICE_NONE,
                      limit - rows.count + 1, &before, &more));
        more = more || before.count > limit - rows.count;
        before.count = before.count > limit - rows.count ? limit - rows.count : before.count;
    }
    struct audit *all = NULL;
    TRY(op_take(op, (rows.count + before.count) * sizeof *all, &all));
    for (size_t i = 0; i < rows.count; i++) {
        all[i] = ((const struct audit *)rows.at)[i];
    }
    for (size_t i = 0; i < before.count; i++) {
        all[rows.count + i] = ((const struct audit *)before.at)[i];
    }
    *ret_rows = (struct rows){all, rows.count + before.count};
    *ret_more = more;
    return NULL;
}

reason audit_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                  struct rows *ret_audits, struct slice *ret_next) {
    int64_t begin = 0;
    TRY(begin_of(op, txn, tenant, &begin));
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(read_both(op, txn, tenant, page, &rows, &more));
    struct audit *audits = rows.at;
    for (size_t i = 0; i < rows.count; i++) {
        if (audits[i].time < begin) {
            rows.count = i;
            more = false;
        } else if (audits[i].seq > 0) {
            audits[i].id = op_text(op, "aud_%lld", (long long)audits[i].seq);
        }
    }
    *ret_next = more && rows.count > 0 ? audits[rows.count - 1].id : SLICE_NONE;
    *ret_audits = rows;
    return NULL;
}
