// SPDX-License-Identifier: GPL-3.0-or-later
// One-time links. The text in a link is base64url of the ticket's id and of an HMAC over it with the link key: it
// can be made again when the letter is sent, so that nothing that is stored opens anything, and who reads the store
// without the key makes no link. Opening a page consumes nothing; the POST that acts does.
#ifndef GATEHOUSE_DOMAIN_TICKET_H
#define GATEHOUSE_DOMAIN_TICKET_H

#include "store/record.h"

#define TICKET_ID 16         // bytes: u32 minute of expiry, 12 random ones
#define TICKET_TEXT 64       // characters in a link
#define TICKET_SUBJECT_MAX 254 // bytes: a request's id, an e-mail address

enum ticket_purpose {
    TICKET_INVITE, TICKET_REACTIVATE, TICKET_RESET, TICKET_EMAIL, TICKET_REQUEST_APPROVE,
    TICKET_REQUEST_DENY, TICKET_PURPOSES
};
// The page of each purpose: "/invitation" ...; the text follows as ?t=.
extern const char *const ticket_pages[TICKET_PURPOSES];

struct ticket {
    struct slice id; // TICKET_ID bytes
    int purpose;     // enum ticket_purpose
    struct slice tenant, user_id;
    struct slice subject; // what it is about, beside the user: a request's id, the new e-mail address; or ""
    int64_t created_at, expires_at;
};
extern const struct entity ticket_entity;

// Lent to all that makes or reads links; token/link_key.h has the file.
struct ticket_key {
    uint8_t bytes[32];
};

// Sets id and times. Older ones of the same purpose, tenant, user and subject are revoked.
MUST_USE reason ticket_issue(struct op *op, struct txn *txn, struct ticket *ticket,
                             int64_t lifetime);
// link.unknown: no text of ours, never issued, used, revoked, or of another purpose. link.expired.
MUST_USE reason ticket_find(struct op *op, struct txn *txn, const struct ticket_key *key,
                            struct slice text, enum ticket_purpose purpose,
                            struct ticket *ret_ticket);
// By its id, for what sends the letter. *ret_found false: used or revoked. Expired ones are found.
MUST_USE reason ticket_find_by_id(struct op *op, struct txn *txn, struct slice id,
                                  struct ticket *ret_ticket, bool *ret_found);
// In the transaction that acts, after ticket_find in the same one. link.unknown: somebody else was first.
MUST_USE reason ticket_use(struct op *op, struct txn *txn, const struct ticket *ticket);
// All of a member; tenant "": all of the user.
MUST_USE reason ticket_revoke(struct op *op, struct txn *txn, struct slice tenant,
                              struct slice user_id);
// Those of a member for one purpose, whatever they are about.
MUST_USE reason ticket_revoke_purpose(struct op *op, struct txn *txn, struct slice tenant,
                                      struct slice user_id, enum ticket_purpose purpose);
// All about this subject in the tenant, whoever has them: an access request that was decided.
MUST_USE reason ticket_revoke_about(struct op *op, struct txn *txn, struct slice tenant,
                                    struct slice subject);
MUST_USE reason ticket_text(struct op *op, const struct ticket_key *key, struct slice id,
                            struct slice *ret_text);
// The whole address: public_url, page, text.
MUST_USE reason ticket_link(struct op *op, const struct ticket_key *key, struct slice public_url,
                            const struct ticket *ticket, struct slice *ret_url);

#endif
