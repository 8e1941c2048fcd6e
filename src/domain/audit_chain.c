// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/audit_chain.h"

#include "domain/space.h"

#define LINK_BYTES (8 + SHA256_BYTES)

static void number_bytes(uint64_t number, uint8_t bytes[8]) {
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(number >> (8 * (7 - i)));
    }
}

struct sha256 audit_origin(struct slice tenant) {
    const struct slice parts[] = {S("gatehouse audit chain"), tenant};
    return digest_parts(parts, sizeof parts / sizeof parts[0]);
}

// The first part is the version of this encoding: a later one gets another text, and rows keep theirs.
struct sha256 audit_hash(const struct audit *audit) {
    uint8_t seq[8];
    uint8_t time[8];
    number_bytes((uint64_t)audit->seq, seq);
    number_bytes((uint64_t)audit->time, time);
    const struct slice parts[] = {
        S("gatehouse audit row 1"), audit->prev_hash,  slice_of(seq, sizeof seq),
        slice_of(time, sizeof time), audit->tenant,    audit->event,
        audit->actor_kind,           audit->actor,     audit->target,
        audit->about,                audit->detail,    audit->before,
        audit->after,                audit->request,   audit->session,
        audit->actor_seal,           audit->person_seal};
    return digest_parts(parts, sizeof parts / sizeof parts[0]);
}

struct sha256 audit_actor_seal(const struct audit *audit) {
    const struct slice parts[] = {audit->actor_salt, audit->address};
    return digest_parts(parts, sizeof parts / sizeof parts[0]);
}

struct sha256 audit_person_seal(const struct audit *audit) {
    const struct slice parts[] = {audit->person_salt, audit->person_detail, audit->person_before,
                                  audit->person_after};
    return digest_parts(parts, sizeof parts / sizeof parts[0]);
}

static struct key link_key(uint8_t space, struct slice tenant) {
    struct key key = key_in(space);
    key_text(&key, tenant);
    return key;
}

reason audit_link_get(struct op *op, struct txn *txn, uint8_t space, struct slice tenant,
                      struct audit_link *ret_link) {
    struct key key = link_key(space, tenant);
    struct slice value;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    if (value.at == NULL) {
        *ret_link = (struct audit_link){.seq = 0, .hash = audit_origin(tenant)};
        return NULL;
    }
    struct slice rest = value;
    struct audit_link link;
    if (value.len != LINK_BYTES || !key_read_u64(&rest, &link.seq)) {
        REFUSE(op, STORE_UNAVAILABLE, "an end of the audit chain of \"%.*s\" cannot be read",
               SLICE(tenant));
    }
    memcpy(link.hash.bytes, rest.at, sizeof link.hash.bytes);
    *ret_link = link;
    return NULL;
}

reason audit_link_put(struct op *op, struct txn *txn, uint8_t space, struct slice tenant,
                      const struct audit_link *link) {
    struct key key = link_key(space, tenant);
    uint8_t value[LINK_BYTES];
    number_bytes(link->seq, value);
    memcpy(value + 8, link->hash.bytes, sizeof link->hash.bytes);
    return txn_put(op, txn, key_slice(&key), slice_of(value, sizeof value));
}
