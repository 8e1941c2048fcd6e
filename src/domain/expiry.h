// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates of single sign-on that are about to end: who manages it is told 30, 14, 7 and 1 days before, once each.
#ifndef GATEHOUSE_DOMAIN_EXPIRY_H
#define GATEHOUSE_DOMAIN_EXPIRY_H

#include "domain/connection.h"

struct expiring {
    const struct connection *connection;
    const struct certificate *certificate;
    bool ours; // the gate's own, which the identity provider knows; else the identity provider's
};
// How near the end is: 0 (not near, or past, or a key without dates) to 4.
int expiry_level(const struct certificate *certificate, int64_t now);
// Is there something to tell that was not told yet? Reads only.
MUST_USE reason expiry_is_news(struct op *op, struct txn *txn, const struct expiring *expiring,
                               bool *ret_news);
// Tells those who hold sso:manage in the connection's tenant, at most HOLDERS_WRITTEN_MAX, notes that it was told, and
// writes an audit row. Nothing when it is no news (any more). *ret_told: how many letters were queued.
MUST_USE reason expiry_tell(struct op *op, struct txn *txn, const struct expiring *expiring,
                            bool *ret_news, size_t *ret_told);

#endif
