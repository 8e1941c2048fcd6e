// SPDX-License-Identifier: GPL-3.0-or-later
// From a letter in the outbox to the message that is sent now: names, product, sender and links as they are at this
// moment. Links are made of public_url and of nothing else.
#ifndef GATEHOUSE_MAIL_COMPOSE_H
#define GATEHOUSE_MAIL_COMPOSE_H

#include "domain/outbox_work.h"
#include "mail/message.h"

struct compose {
    const struct ticket_key *key;
    struct slice public_url;
    struct slice product;         // where the tenant has none
    struct slice from, from_name; // where the tenant has none
    struct slice support;         // where the tenant has none
};
// *ret_why_not: it is not wanted any more (its link is gone, whom it was for, or the tenant); then there is no message.
MUST_USE reason compose_letter(struct op *op, struct txn *txn, const struct compose *compose,
                               const struct letter *letter, struct slice *ret_message,
                               const char **ret_why_not);

#endif
