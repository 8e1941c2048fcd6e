// SPDX-License-Identifier: GPL-3.0-or-later
// Sessions of signed-in people, and the requests that wait for an answer of an IdP. Keys start with the
// minute of expiry, so that rows are written side by side and swept from the front. The cookie's secret
// is not stored: the key holds the first 16 bytes of its SHA-256.
#ifndef GATEHOUSE_DOMAIN_SESSION_H
#define GATEHOUSE_DOMAIN_SESSION_H

#include "base/clock.h"
#include "domain/user.h"

#define SESSION_SECRET 36 // bytes before base64url: u32 minute, u16 part of it, 30 random
#define SESSION_COOKIE 48 // characters
#define SESSIONS_EACH_MAX 200 // of one person: so many browsers has nobody, and ending them all has to fit one transaction
#define SESSION_LIFETIME_DEFAULT (8 * HOUR_MS)
#define PENDING_LIFETIME (15 * MINUTE_MS)
#define PENDING_HANDLE 27 // characters: base64url of u32 minute and 16 random bytes; RelayState is at most 32

struct session {
    struct slice id; // public: "ses_" + hex of the 20 key bytes; says nothing about the cookie
    struct slice tenant, user_id, connection;
    struct slice name_id, name_id_format, name_qualifier, sp_name_qualifier, session_index;
    struct slice sp_provided_id; // of the NameID: a LogoutRequest repeats all of it
    struct slice authn_context;
    int64_t authenticated_at, created_at, expires_at;
    struct slice assertion; // that it begins with, for session_add: kept with the visit, not with the session
    bool by_link; // name_id is the identifier of the user's link, which leads here: no index row is written
};
extern const struct field_table session_fields;

// Who a session speaks for, as things stand now: roles and permissions are read anew each time.
struct session_view {
    struct session session;
    struct user user;
    struct membership membership;
    struct visit visit;
    struct texts roles;
    struct permission_set permissions;
    int64_t rv; // grows when the membership's roles or status change, or what roles give
};

// By the cookie's text; unauthenticated when there is none, it expired, the membership is not active (or
// locked: that is about passwords), or the tenant is disabled.
MUST_USE reason session_find_by_cookie(struct op *op, struct txn *txn, struct slice cookie,
                                       struct session_view *ret_view);
MUST_USE reason session_find(struct op *op, struct txn *txn, struct slice id,
                             struct session_view *ret_view);
// Stores `session` (its id and times are set here; expires_at must be set), notes the visit and gives the cookie's text.
MUST_USE reason session_add(struct op *op, struct txn *txn, struct session *session,
                            struct slice *ret_cookie);
// Before another session of this user: with SESSIONS_EACH_MAX the one that would end first is ended now.
MUST_USE reason session_make_room(struct op *op, struct txn *txn, const struct actor *actor,
                                  struct slice user_id);
// Ends one; *ret_there false when it was not there.
MUST_USE reason session_end(struct op *op, struct txn *txn, const struct actor *actor,
                            struct slice id, bool *ret_there);
// Ends a user's sessions of one tenant.
MUST_USE reason session_end_all(struct op *op, struct txn *txn, const struct actor *actor,
                                struct slice tenant, struct slice user_id, size_t *ret_count);
// rows of struct session of a user in a tenant (connection "" = any).
MUST_USE reason session_list(struct op *op, struct txn *txn, struct slice tenant,
                             struct slice user_id, struct slice connection, struct rows *ret);
// rows of struct session that this NameID has at a connection: for the sign-out messages of its IdP.
MUST_USE reason session_list_by_name_id(struct op *op, struct txn *txn, struct slice connection,
                                        struct slice name_id, struct rows *ret_sessions);
// A migration step (arg: struct migration_pass): makes the lists of a store that has an index instead.
#define SESSION_PASS 200 // sessions in one transaction of it
MUST_USE reason session_lists_make(struct op *op, struct txn *txn, void *arg);

// A sign-in or a sign-out that was started here and waits for the IdP's answer.
struct pending {
    struct slice handle;     // PENDING_HANDLE characters: RelayState and part of the cookie's name
    struct slice request_id; // ID of the AuthnRequest: "_" + hex of the key bytes, so it finds the row
    struct slice connection;
    struct slice return_to;  // uri_is_local_path, or ""
    struct slice cookie_hash; // SHA-256 of the binding cookie's value
    int64_t created_at, expires_at;
    bool logout; // its request is a LogoutRequest: no Response answers it
};
extern const struct field_table pending_fields;

// Makes the handle, the ids and the binding cookie's value; connection and return_to are given.
MUST_USE reason pending_add(struct op *op, struct txn *txn, struct pending *pending,
                            struct slice *ret_cookie_value);
// By request id (an InResponseTo) or by handle; *ret_found false when there is none (also: no id of ours).
// An expired one is found until it is swept: the caller looks at expires_at.
MUST_USE reason pending_find(struct op *op, struct txn *txn, struct slice request_id,
                             struct pending *ret_pending, bool *ret_found);
MUST_USE reason pending_find_by_handle(struct op *op, struct txn *txn, struct slice handle,
                                       struct pending *ret_pending, bool *ret_found);
// A LogoutResponse takes the sign-out that it answers; *ret_taken false: none waits at this connection under this id.
MUST_USE reason pending_take_logout(struct op *op, struct txn *txn, struct slice connection,
                                    struct slice request_id, bool *ret_taken);
MUST_USE reason pending_remove(struct op *op, struct txn *txn, struct slice handle);

// The replay ledger (one row an assertion or logout request, kept 26 h past its expiry).
// *ret_fresh false: it was used. `expires` is what the signed content says, capped by the caller at
// IssueInstant + 25 h, so the same message has the same key whatever the clock says. What expired before
// the highest hour ever swept is not fresh either, nor what was issued before the store was restored.
struct replay_of {
    struct slice issuer, id;
    int64_t issued, expires; // both signed
};
MUST_USE reason replay_add(struct op *op, struct txn *txn, struct slice connection,
                           const struct replay_of *of, bool *ret_fresh);
// The store is a copy of the moment `copied`, put back now, `at`: writes that down, and an audit row. To be written before anybody
// signs in.
MUST_USE reason replay_restored(struct op *op, struct txn *txn, const struct actor *actor, int64_t copied,
                                int64_t at);

// Removes at most `most` expired rows (sessions, pending, ledger, traces); *ret_more true: there are more.
MUST_USE reason sweep(struct op *op, struct txn *txn, size_t most, bool *ret_more);
// How many rows a step takes: few at first, then as many as the last steps had time for, so that no login waits long
// behind one, whatever the machine. First sweep_look in a read, which brings what the step will touch into memory,
// then sweep_step in a write, then sweep_adapt.
#define SWEEP_ROWS_FIRST 16
#define SWEEP_ROWS_MOST 48 // some 300 pages, which the commit has to write
#define SWEEP_HOLD_US 1000 // that a step should take; a login may wait 5 ms
struct sweep_pace {
    size_t most;
    int64_t took_us; // the last step, without its commit
    bool more;
};
MUST_USE reason sweep_look(struct op *op, struct txn *txn, void *pace);
MUST_USE reason sweep_step(struct op *op, struct txn *txn, void *pace);
void sweep_adapt(struct sweep_pace *pace);

#endif
