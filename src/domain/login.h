// SPDX-License-Identifier: GPL-3.0-or-later
// From a proved identity to a session: one transaction. What is proved comes from saml; who may come in,
// as whom and with which roles is decided here.
#ifndef GATEHOUSE_DOMAIN_LOGIN_H
#define GATEHOUSE_DOMAIN_LOGIN_H

#include "domain/session.h"
#include "domain/trace.h"

#define IDENTITY_ATTRIBUTES_MAX 512
#define IDENTITY_VALUES_MAX 4096 // 1,000 groups must pass; ADFS sends token groups several times over

struct attribute {
    struct slice name, name_format, friendly_name;
    struct texts values;
};
// What the verified octets say. Each slice is text of the signed element (in op's arena).
struct identity {
    struct slice issuer;
    struct slice name_id, name_id_format, name_qualifier, sp_name_qualifier; // name_id "" when there is none
    struct slice sp_provided_id; // kept for sign-out messages; identifies nobody
    struct slice assertion_id, response_id;
    struct slice in_response_to; // proved one (SubjectConfirmationData, or a signed Response); "" = unsolicited
    struct slice session_index, authn_context;
    int64_t authn_instant;
    int64_t session_not_on_or_after; // 0 = none
    int64_t issued;  // IssueInstant of the Assertion
    int64_t expires; // earliest of the signed NotOnOrAfter values and IssueInstant + 25 h: the ledger's hour
    struct rows attributes; // struct attribute
};

// The mapping of asserted groups to grants (pure). rows of struct grant with source sso. When nothing
// matches: the default role, or login.no_role.
MUST_USE reason mapping_apply(struct op *op, const struct connection *connection,
                              const struct identity *identity, struct rows *ret_grants);
// The e-mail by policy: the named attribute, else the NameID if it is an address, else the usual names.
// *ret_email.whole empty: there is none.
MUST_USE reason identity_email(struct op *op, const struct policy *policy,
                               const struct identity *identity, struct email *ret_email);
// First value of the first attribute present among names, of which the last is empty; "" when none is.
struct slice identity_value(const struct identity *identity, const struct slice *names);

struct login_door {
    const struct connection *connection;
    const struct identity *identity;
    struct slice relay_state;
    // Finds the value of the binding cookie `__Host-gatehouse-<handle>` in the request; "" = not there. Called
    // in the committer's thread while the caller waits, perhaps more than once.
    struct slice (*cookie)(void *request, struct slice handle);
    void *request;
    bool posted_again; // the re-post form was answered: no second form
    struct slice address;
    int64_t session_lifetime; // ms
};
struct login {
    struct user user;
    struct membership membership;
    struct session session;
    struct texts roles;
    struct permission_set permissions;
    int64_t rv; // as in struct session_view
    struct slice cookie;    // the session cookie's text
    struct slice return_to; // "/" when there is none
    struct slice handle;    // of the pending request that was answered, "" for unsolicited
    bool ask_again; // the binding cookie is missing: post the form once more; nothing was consumed
};

// Checks `request` (response.in_response_to_*, response.unsolicited_refused, response.browser_mismatch),
// `replay` and `login.*` (tenant, connection, email_domain, identifier, account, membership, roles), each a
// row in the trace, and in the same transaction: pending request consumed,
// ledger, user, membership, grants, session, audit, trace. On a refusal the trace and an audit row
// (login.failed) are durable and nothing else, but for login.no_role: then the roles that the IdP no longer gives
// are taken away, and the message is used up. Returns when durable.
MUST_USE reason login_admit(struct op *op, struct store *store, const struct login_door *door,
                            struct trace *trace, struct login *ret_login);
// Several, at most STORE_JOBS_MAX, waited for together; each as if login_admit had been called for it, in this order.
struct login_job {
    struct op *op; // each its own
    const struct login_door *door;
    struct trace *trace;
    struct login *ret_login; // set when `why` is NULL
    reason why;
};
void login_admit_many(struct store *store, struct login_job *jobs, size_t count);
// Keeps the trace of a login that was refused before login_admit: durably with an audit row when a
// signature held, in the ring otherwise. Best effort: what cannot be stored is in the ring.
void login_refused(struct op *op, struct store *store, struct ring *ring, const struct trace *trace,
                   struct slice address);

#endif
