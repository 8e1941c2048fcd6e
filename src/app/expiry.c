// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/expiry.h"

#include "base/log.h"
#include "domain/expiry.h"
#include "saml/trust.h"

#define STEP 20 // connections of one read: each may have CONNECTION_CERTIFICATES_MAX certificates

struct step {
    struct page page;
    struct rows connections;
    struct slice next;
};
static reason read_step(struct op *op, struct txn *txn, void *arg) {
    struct step *step = arg;
    return connection_list(op, txn, S(""), step->page, &step->connections, &step->next,
                           NULL);
}

struct telling {
    struct expiring expiring;
    bool news;
    size_t told;
};
static reason is_news(struct op *op, struct txn *txn, void *arg) {
    struct telling *telling = arg;
    struct tenant home;
    TRY(tenant_find(op, txn, telling->expiring.connection->tenant, &home));
    TRY(expiry_is_news(op, txn, &telling->expiring, &telling->news));
    telling->news = telling->news && !home.disabled;
    return NULL;
}
static reason tell(struct op *op, struct txn *txn, void *arg) {
    struct telling *telling = arg;
    return expiry_tell(op, txn, &telling->expiring, &telling->news, &telling->told);
}

static reason look_at_one(struct op *op, struct gate *gate, const struct expiring *expiring) {
    struct telling telling = {.expiring = *expiring};
    if (expiry_level(expiring->certificate, op->now) == 0) {
        return NULL;
    }
    TRY(store_read(op, gate->store, is_news, &telling));
    if (!telling.news) {
        return NULL;
    }
    TRY(store_write(op, gate->store, tell, &telling));
    LOG(op, LOG_WARNING, "sso.certificate_expiring",
        LOG_TEXT("connection", expiring->connection->slug),
        LOG_TEXT("tenant", expiring->connection->tenant),
        LOG_TEXT("whose", expiring->ours ? S("ours") : S("idp")),
        LOG_TEXT("sha256", expiring->certificate->sha256),
        LOG_NUMBER("told", (int64_t)telling.told));
    return NULL;
}

static reason look_at_all_of(struct op *op, struct gate *gate, const struct connection *connection,
                             struct rows certificates, bool ours) {
    for (size_t i = 0; i < certificates.count; i++) {
        const struct expiring expiring = {connection,
                                          (const struct certificate *)certificates.at + i, ours};
        TRY(look_at_one(op, gate, &expiring));
    }
    return NULL;
}

// The published certificates of these keys, each as it is read. What is not about to end is left out.
static reason read_ours(struct op *op, const struct sp_keys *keys, struct rows *ret_certificates) {
    struct certificate *all = NULL;
    size_t room = 0;
    size_t count = 0;
    for (int kind = 0; kind < SP_KEY_KINDS; kind++) {
        room += sp_published_certificates(keys, (enum sp_key_kind)kind).count;
    }
    TRY(op_take(op, (room + 1) * sizeof *all, &all));
    for (int kind = 0; kind < SP_KEY_KINDS; kind++) {
        struct texts published = sp_published_certificates(keys, (enum sp_key_kind)kind);
        for (size_t i = 0; i < published.count && count < room; i++) {
            struct rows rows = {NULL, 0};
            TRY(certificate_read(op, published.at[i], &rows));
            const struct certificate *read = rows.at;
            if (rows.count > 0 && expiry_level(read, op->now) > 0) {
                all[count++] = *read;
            }
        }
    }
    *ret_certificates = (struct rows){all, count};
    return NULL;
}

static reason look_at_own(struct op *op, struct gate *gate, const struct connection *connection) {
    const struct trust *trust = NULL;
    struct rows certificates = {NULL, 0};
    TRY(trust_borrow(op, gate->trusts, gate->store, connection->slug, &trust));
    reason why = read_ours(op, trust_sp_keys(trust, gate->sp_keys), &certificates);
    why = why == NULL ? look_at_all_of(op, gate, connection, certificates, true) : why;
    trust_return(gate->trusts, trust);
    return why;
}

// gates: the gate's own certificates, which most connections have.
static reason look_at_connection(struct op *op, struct gate *gate,
                                 const struct connection *connection, struct rows gates) {
    if (connection->disabled || connection->idp.entity_id.len == 0) {
        return NULL;
    }
    TRY(look_at_all_of(op, gate, connection, connection->idp.certificates, false));
    return connection_has_own_keys(connection) ? look_at_own(op, gate, connection)
                                               : look_at_all_of(op, gate, connection, gates, true);
}

static void look_failed(struct op *op, struct slice connection, reason why) {
    LOG(op, LOG_WARNING, "sso.certificate_look_failed", LOG_TEXT("connection", connection),
        LOG_TEXT("reason", slice_str(why->slug)), LOG_TEXT("detail", op->detail));
}

// *cursor: the slug of the last connection of the step before; "" after the last.
static void look_at_step(struct gate *gate, struct rows gates, char cursor[64]) {
    struct step step = {.page = {STEP, slice_str(cursor)}};
    struct op op;
    op_open(&op, 0);
    reason why = store_read(&op, gate->store, read_step, &step);
    const struct connection *connections = step.connections.at;
    for (size_t i = 0; why == NULL && i < step.connections.count && !gate->draining; i++) {
        struct op one;
        op_open(&one, op.now);
        reason failed = look_at_connection(&one, gate, &connections[i], gates);
        if (failed != NULL) {
            look_failed(&one, connections[i].slug, failed);
        }
        op_close(&one);
    }
    bool more = why == NULL && step.next.len > 0 && step.next.len < 64;
    if (more) {
        memcpy(cursor, step.next.at, step.next.len);
    }
    cursor[more ? step.next.len : 0] = '\0';
    op_close(&op);
}

void expiry_look(struct gate *gate) {
    char cursor[64] = "";
    struct rows gates = {NULL, 0};
    struct op op;
    op_open(&op, 0);
    reason why = read_ours(&op, gate->sp_keys, &gates);
    if (why != NULL) {
        look_failed(&op, S(""), why);
    }
    do {
        look_at_step(gate, gates, cursor);
    } while (cursor[0] != '\0' && !gate->draining);
    op_close(&op);
}
