// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of an identity provider that somebody took the trust away from. The list belongs to the
// connection and outlives every import; a key that stands in it counts for nothing, in whichever
// certificate it comes (src/saml/trust.c looks at the keys themselves).
#include "base/text.h"
#include "domain/connection_check.h"

static bool same(struct slice a, struct slice b) {
    return a.len > 0 && slice_equal(a, b);
}

bool connection_distrusts(const struct connection *connection,
                          const struct certificate *certificate) {
    const struct distrusted *rows = connection->distrusted.at;
    for (size_t i = 0; i < connection->distrusted.count; i++) {
        if (same(rows[i].sha256, certificate->sha256) ||
            same(rows[i].key_sha256, certificate->key_sha256)) {
            return true;
        }
    }
    return false;
}

reason connection_filter(struct op *op, const struct connection *connection,
                         struct rows certificates, struct rows *ret_rows) {
    const struct certificate *given = certificates.at;
    struct certificate *kept = NULL;
    struct rows rows = {NULL, 0};
    TRY(op_take(op, (certificates.count + 1) * sizeof *kept, &kept));
    for (size_t i = 0; i < certificates.count; i++) {
        if (!connection_distrusts(connection, &given[i])) {
            kept[rows.count++] = given[i];
        }
    }
    rows.at = kept;
    *ret_rows = rows;
    return NULL;
}

static bool is_sha256(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((text.at[i] < '0' || text.at[i] > '9') && (text.at[i] < 'a' || text.at[i] > 'f')) {
            return false;
        }
    }
    return text.len == 64;
}

// The rows without this certificate, and room for one more.
static reason without(struct op *op, const struct connection *connection, struct slice sha256,
                      struct distrusted **ret_rows, size_t *ret_count) {
    const struct distrusted *old = connection->distrusted.at;
    TRY(op_take(op, (connection->distrusted.count + 1) * sizeof **ret_rows, ret_rows));
    *ret_count = 0;
    for (size_t i = 0; i < connection->distrusted.count; i++) {
        if (!slice_equal(old[i].sha256, sha256)) {
            (*ret_rows)[(*ret_count)++] = old[i];
        }
    }
    return NULL;
}

reason connection_distrust(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice slug, const struct certificate *known,
                           struct connection *ret) {
    struct connection connection;
    struct distrusted *rows = NULL;
    size_t count = 0;
    TRY(connection_find(op, txn, slug, &connection));
    if (!is_sha256(known->sha256)) {
        REFUSE(op, INVALID_INPUT,
               "the SHA-256 of a certificate is expected: 64 digits of 0-9 and a-f, as they are "
               "shown with the connection");
    }
    TRY(without(op, &connection, known->sha256, &rows, &count));
    if (count >= CONNECTION_DISTRUSTED_MAX) {
        REFUSE(op, INVALID_INPUT, "at most %d certificates are distrusted by a connection",
               CONNECTION_DISTRUSTED_MAX);
    }
    if (known->key_sha256.len == 0 && count < connection.distrusted.count) {
        *ret = connection; // distrusted already, by someone who knew more of it
        return NULL;
    }
    rows[count++] = (struct distrusted){known->sha256, known->key_sha256, known->subject, op->now};
    connection.distrusted = (struct rows){rows, count};
    return connection_store(op, txn, actor, &connection, "sso.certificate_distrusted",
                            op_text(op, "certificate %.*s %.*s", SLICE(known->sha256),
                                    SLICE(known->subject)),
                            ret);
}

reason connection_trust(struct op *op, struct txn *txn, const struct actor *actor,
                        struct slice slug, struct slice sha256, struct connection *ret) {
    struct connection connection;
    struct distrusted *rows = NULL;
    size_t count = 0;
    TRY(connection_find(op, txn, slug, &connection));
    TRY(without(op, &connection, sha256, &rows, &count));
    if (count == connection.distrusted.count) {
        REFUSE(op, NOT_FOUND, "no certificate with this SHA-256 is distrusted here");
    }
    connection.distrusted = (struct rows){rows, count};
    return connection_store(op, txn, actor, &connection, "sso.certificate_trusted_again",
                            op_text(op, "certificate %.*s", SLICE(sha256)), ret);
}
