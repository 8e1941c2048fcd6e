// SPDX-License-Identifier: GPL-3.0-or-later
// What a person's session lets an application have: first a code (RFC 6749 section 4.1), which the browser carries and which is
// changed once, then refresh tokens, of which the newest is good (RFC 9700 section 4.14.2). Neither outlives the session. Both
// are texts of the row's key and an HMAC over it with the key of one-time links: nothing that is stored opens anything, and the same
// text can be made again for a client that did not get its answer.
#ifndef GATEHOUSE_DOMAIN_AUTHORIZATION_H
#define GATEHOUSE_DOMAIN_AUTHORIZATION_H

#include "domain/application.h"
#include "domain/session.h"
#include "domain/ticket.h"

#define AUTHORIZATION_ID "aut_"
#define CODE_LIFETIME (60 * SECOND_MS)
#define CODE_KEEP (10 * MINUTE_MS) // a used code is remembered for so long: who shows it again ends what it gave
#define REFRESH_LEEWAY (10 * SECOND_MS) // in which the token before is answered again: an answer can get lost, two tabs can ask at once
#define CHALLENGE_TEXT 43  // base64url of SHA-256 (RFC 7636 section 4.2)
#define VERIFIER_MIN 43
#define VERIFIER_MAX 128
#define NONCE_MAX 512
#define AUTHORIZATIONS_EACH_MAX 10 // of one session for one application: tabs of a page; the one that was idle longest ends for another

struct authorization {
    struct slice id; // AUTHORIZATION_ID and hex of the key
    struct slice application, session, tenant, user_id;
    struct slice redirect_uri, challenge, nonce; // of the code
    struct slice scope;      // words with a space between
    int64_t created_at;
    int64_t expires_at;      // of the code; then of the session
    int64_t generation;      // of the refresh token that is good; 0: a code
    int64_t rotated_at;      // when that one was given
    bool used;               // a code that was shown by its application
    struct slice successor;  // id of what it was changed into, or ""
};
extern const struct entity authorization_entity;

// application, redirect_uri, challenge, nonce, scope are given; the rest is the session's.
MUST_USE reason authorization_add(struct op *op, struct txn *txn, const struct ticket_key *key,
                                  const struct session_view *view,
                                  struct authorization *authorization, struct slice *ret_code);

// What an application that said who it is shows, and what came of it. A code or token that is refused may end something, so
// it is no refusal of the transaction: `refused` says in words for the application's developer what is wrong.
struct authorization_work {
    const struct ticket_key *key;
    struct application application;
    struct slice address; // of the application's server, or of the person's machine
    struct slice code, redirect_uri, verifier; // to change a code
    struct slice refresh;                      // to get new tokens
    // What came of it:
    const char *refused; // NULL: the rest is set
    struct session_view view;
    struct authorization authorization;
    struct slice nonce; // of the request that the code answers
    struct slice refresh_given;
};
// Was the code or refresh token of this work made with the key? Who shows another one need not be looked for.
bool authorization_is_ours(struct op *op, const struct authorization_work *work);
// arg of store_write: struct authorization_work.
MUST_USE reason authorization_change(struct op *op, struct txn *txn, void *work);  // a code into tokens
MUST_USE reason authorization_refresh(struct op *op, struct txn *txn, void *work); // a refresh token into new ones
// Ends what a refresh token of this application stands for; nothing where it stands for nothing (RFC 7009 section 2.2).
MUST_USE reason authorization_revoke(struct op *op, struct txn *txn, void *work);
// The application that an access token was issued to, by the id of the authorization in it, as it is now. unauthenticated: that
// was ended, or the application is gone, was disabled since, or serves the tenant no more.
MUST_USE reason authorization_find_by_token(struct op *op, struct txn *txn, struct slice id,
                                            struct slice application,
                                            struct application *ret_application);
// Ends it by its id, for the application (in work->application) that shows an access token of it.
MUST_USE reason authorization_end(struct op *op, struct txn *txn, struct authorization_work *work,
                                  struct slice id);
// Is this text shaped like one of our refresh tokens?
bool authorization_is_refresh(struct slice text);

#endif
