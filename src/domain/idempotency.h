// SPDX-License-Identifier: GPL-3.0-or-later
// Answers to requests that carried an Idempotency-Key: stored in the transaction of the effect, so that the same
// request sent again is answered with the same, and nothing is made twice, whatever broke in between.
#ifndef GATEHOUSE_DOMAIN_IDEMPOTENCY_H
#define GATEHOUSE_DOMAIN_IDEMPOTENCY_H

#include "store/record.h"

#define IDEMPOTENCY_KEEP (24LL * 60 * 60 * 1000)
#define IDEMPOTENCY_BODY_MAX (64U << 10) // of an answer that is kept; a longer one is not

struct kept_answer {
    struct slice key;     // SHA-256 over who asked and the key that was sent
    struct slice request; // SHA-256 over the whole request: the same key with another is refused
    int64_t expires_at;
    int64_t status;
    struct slice content_type, location, etag, body;
    bool withheld; // the answer held a secret, or was too long: that it was given is known, no more
};
extern const struct field_table kept_answer_fields;

MUST_USE reason idempotency_find(struct op *op, struct txn *txn, struct slice key,
                                 struct kept_answer *ret_answer, bool *ret_found);
// Sets expires_at.
MUST_USE reason idempotency_put(struct op *op, struct txn *txn, struct kept_answer *answer);
// Removes at most `most` that are over; takes their number off *left.
MUST_USE reason idempotency_sweep(struct op *op, struct txn *txn, size_t *left);

#endif
