// SPDX-License-Identifier: GPL-3.0-or-later
// Signing in here with a password: without an identity provider, and for those who may when there is one. One identity, and a
// door for each tenant that takes its password. The password is compared outside (base/argon takes its time); what follows of
// it is settled in one transaction: bad attempts are counted and lock, a good one becomes a sign-in that is half done until
// each step was taken (second factor, which tenant, a password that is too old), and then a session.
#ifndef GATEHOUSE_DOMAIN_SIGN_IN_H
#define GATEHOUSE_DOMAIN_SIGN_IN_H

#include "domain/login.h"
#include "domain/password.h"
#include "domain/second_factor.h"

#define SIGN_IN_LIFETIME (10 * MINUTE_MS) // of one that is half done
#define SIGN_IN_COOKIE_NAME "__Host-gatehouse-password"
#define SIGN_IN_WINDOW (15 * MINUTE_MS) // in which bad attempts count together
#define SIGN_IN_DOORS_MAX 100           // tenants of one person
#define ACR_PASSWORD "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
#define ACR_FACTORS "https://refeds.org/profile/mfa"

// A tenant that takes this person's password.
struct sign_in_door {
    struct tenant tenant;
    struct membership membership;
    bool break_glass; // a connection is enforced for the person's domain, and the person is named there
};
// rows of struct sign_in_door by tenant; with `locked` those too that a lock keeps shut.
MUST_USE reason sign_in_doors(struct op *op, struct txn *txn, const struct user *user, bool locked,
                              struct rows *ret_doors);
// Is there, for this domain, a connection that its tenant enforces?
MUST_USE reason sign_in_enforced(struct op *op, struct txn *txn, struct slice domain,
                                 bool *ret_enforced);

// Does this tenant take no password from this address: single sign-on is enforced for it, or local sign-in is off?
MUST_USE reason sign_in_closed(struct op *op, struct txn *txn, struct slice tenant,
                               struct slice email, bool *ret_closed);

// Before the password is compared: whose it would be.
struct sign_in_look {
    struct slice email; // normalised
    bool known;
    struct user user;
    struct account account; // an empty one when there is none
};
MUST_USE reason sign_in_read(struct op *op, struct txn *txn, struct sign_in_look *look);

// One that is half done.
struct sign_in {
    struct slice key;    // TIMEKEY_BYTES
    struct slice user_id, tenant; // tenant "": not chosen yet
    struct slice return_to;
    int64_t password_at; // of the password that was good: another one ends this
    bool factor;         // the second factor was given
    int64_t created_at, expires_at;
};
extern const struct field_table sign_in_fields;
extern const struct entity sign_in_entity;

enum sign_in_step { STEP_FACTOR, STEP_TENANT, STEP_PASSWORD, STEP_SETUP, STEP_DONE };

// What a transaction of a sign-in needs, and what came of it. A refusal that has to be remembered (a bad attempt) is no
// refusal of the transaction: `why` tells it.
struct sign_in_work {
    const struct seal_key *seal;
    struct actor actor; // nobody yet, with the address
    struct sign_in_look look;
    bool same;          // the password was the right one
    struct slice hash;  // made anew with the parameters of now, or ""
    struct slice return_to;
    struct slice tenant, code; // given at once, or ""
    int64_t session_lifetime;
    // What came of it:
    reason why;
    struct slice detail;
    struct sign_in sign_in;
    struct slice cookie; // of the half done one
    enum sign_in_step step;
    struct rows doors;   // at STEP_TENANT
    struct user user;
    struct password_policy policy;
    struct trace trace;
    struct login login;  // at STEP_DONE
};
// After the password was compared. With `code` and `tenant` given the steps that they answer are taken at once.
MUST_USE reason sign_in_settle(struct op *op, struct txn *txn, struct sign_in_work *work);
// Goes on with one that is half done: by the cookie's text. sign_in.again: there is none any more.
MUST_USE reason sign_in_resume(struct op *op, struct txn *txn, struct slice cookie,
                               struct sign_in_work *work);
// After sign_in_resume, or a step that somebody else took (a new password, a factor set up): the next step, or the session.
MUST_USE reason sign_in_go_on(struct op *op, struct txn *txn, struct sign_in_work *work);

// A bad attempt of any kind: counts, and locks. Writes the trace.
MUST_USE reason sign_in_failed(struct op *op, struct txn *txn, struct sign_in_work *work,
                               const char *check, const char *expected, const char *got);

#endif
