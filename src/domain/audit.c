// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log: one row a change, written in the transaction of the change, so that neither is
// there without the other. Rows are only ever added.
#include "domain/audit.h"

#include "base/rand.h"
#include "domain/audit_chain.h"
#include "domain/grant.h"
#include "domain/space.h"

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
    key_open(ret_key, SPACE_AUDIT_ROW);
    key_text(ret_key, audit->tenant);
    key_u64(ret_key, (uint64_t)audit->seq);
}
const struct entity audit_entity = {
    .space = SPACE_AUDIT_ROW, .fields = &audit_fields, .key = audit_key};

static void audit_old_key(const void *row, struct key *ret_key) {
    const struct audit *audit = row;
    key_open(ret_key, SPACE_AUDIT);
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
    if (entry->person.len > 0) {
        struct slice both = audit->person_detail.len == 0
                                ? entry->person
                                : op_text(op, "%.*s; %.*s", SLICE(detail), SLICE(entry->person));
        audit->person_detail = text_cut(both, AUDIT_DETAIL_MAX);
    }
    return NULL;
}

// Salts are taken last: in a row's life they are the only thing that the kernel is asked for.
static void seal(struct audit *audit, uint8_t salts[2 * SALT_BYTES], struct sha256 seals[2]) {
    bool actor = audit->address.len > 0;
    bool person = audit->person_detail.len > 0 || audit->person_before.len > 0 ||
                  audit->person_after.len > 0;
    if (actor || person) {
        rand_open_bytes(salts, 2 * SALT_BYTES);
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

reason audit_run_begin(struct op *op, struct txn *txn, struct slice tenant,
                       struct audit_run *ret_run) {
    *ret_run = (struct audit_run){.tenant = tenant};
    return audit_link_get(op, txn, SPACE_AUDIT_HEAD, tenant, &ret_run->head);
}

reason audit_run_end(struct op *op, struct txn *txn, const struct audit_run *run) {
    return run->longer ? audit_link_put(op, txn, SPACE_AUDIT_HEAD, run->tenant, &run->head) : NULL;
}

static reason chain(struct op *op, struct txn *txn, struct audit_run *run, struct audit *audit) {
    struct sha256 before = run->head.hash;
    audit->seq = (int64_t)run->head.seq + 1;
    audit->prev_hash = digest_slice(&before);
    struct sha256 hash = audit_hash(audit);
    audit->hash = digest_slice(&hash);
    bool added = false;
    TRY(entity_add(op, txn, &audit_entity, audit, &added));
    if (!added) {
        REFUSE(op, STORE_UNAVAILABLE,
               "the audit chain of \"%.*s\" has a row %lld behind its end; `gatehouse audit verify` "
               "says more",
               SLICE(audit->tenant), (long long)audit->seq);
    }
    if (audit->seq == 1) {
        TRY(audit_due_put(op, txn, audit->tenant, op->now));
    }
    run->head = (struct audit_link){(uint64_t)audit->seq, hash};
    run->longer = true;
    return NULL;
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
    if (actor->client.len > 0) {
        audit.session = op_text(op, "%.*s by %.*s", SLICE(actor->session), SLICE(actor->client));
    }
    TRY(say(op, entry, &audit));
    uint8_t salts[2 * SALT_BYTES];
    struct sha256 seals[2];
    seal(&audit, salts, seals);
    if (actor->run != NULL && slice_equal(actor->run->tenant, audit.tenant)) {
        return chain(op, txn, actor->run, &audit);
    }
    struct audit_run alone;
    TRY(audit_run_begin(op, txn, audit.tenant, &alone));
    TRY(chain(op, txn, &alone, &audit));
    return audit_run_end(op, txn, &alone);
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
