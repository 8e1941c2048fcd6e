// SPDX-License-Identifier: GPL-3.0-or-later
// Access requests: somebody asks for access, for himself or for somebody else; the tenant's security gatekeepers
// decide; what was approved is given in the same transaction. A request names roles (component access is a role, too).
//
//   draft -> pending_approval -> fulfilled -> ended | revoked
//                            \-> denied | cancelled | expired | failed (-> fulfilled by a retry)
//
// One approval is enough, two different people's where what is asked for shows personal data or manages people, roles
// or requests. Approving is what lets a gatekeeper give more than he holds himself: the one exception to "nobody grants
// what he does not hold", and the reason for the second person.
#ifndef GATEHOUSE_DOMAIN_REQUEST_H
#define GATEHOUSE_DOMAIN_REQUEST_H

#include "domain/tenant_settings.h"
#include "domain/user.h"

#define REQUEST_TEXT_MAX 2000 // bytes of a justification, a note, a comment
#define REQUEST_DECISIONS_MAX 8
#define REQUEST_COMMENTS_MAX 100
#define REQUESTS_A_DAY 100 // of one requester, drafts among them: each is kept, and writes to all gatekeepers

enum request_state {
    REQUEST_DRAFT, REQUEST_PENDING, REQUEST_FULFILLED, REQUEST_DENIED, REQUEST_CANCELLED, REQUEST_EXPIRED,
    REQUEST_FAILED, REQUEST_ENDED, REQUEST_REVOKED
};
extern const char *const request_state_names[];
enum request_kind { REQUEST_NEW_USER, REQUEST_CHANGE, REQUEST_ADD_TENANT, REQUEST_SUPPORT_ACCESS };
extern const char *const request_kind_names[];
enum request_verdict { REQUEST_APPROVE, REQUEST_DENY };
extern const char *const request_verdict_names[]; // "approve", "deny"

struct request_decision {
    struct slice by; // actor id
    int decision;    // enum request_verdict
    struct slice note;
    int64_t at;
    bool implied; // the requester is a gatekeeper himself
};
struct request_comment {
    struct slice by, text;
    int64_t at;
};
struct access_request {
    struct slice id; // "req_" ULID
    struct slice tenant;
    int state, kind;
    struct slice requester; // actor id; "" for a person who proved an address by SSO and has no account
    struct slice requester_email; // where the outcome is told; "" = nowhere
    struct slice first_name, last_name, email; // of the subject
    struct texts roles;                        // asked for
    struct slice justification, ticket;
    int64_t access_expires_at; // 0: access does not end by itself
    struct rows decisions;     // struct request_decision
    struct rows comments;      // struct request_comment
    int64_t needed;            // approvals
    struct slice user_id;      // of the subject, once fulfilled
    struct slice failure;      // why it could not be fulfilled, for people
    int64_t created_at, updated_at, submitted_at, pending_until, decided_at, fulfilled_at;
    int64_t version; // grows with each change
};
extern const struct field_table access_request_fields, request_decision_fields, request_comment_fields;
extern const struct entity access_request_entity;

// Makes a draft, or submits at once. Given: tenant, names, e-mail, roles, justification, ticket, access_expires_at,
// requester_email. Refuses by field: required, unknown_role, entitlement_missing, out_of_bounds; request_waiting: one
// for this person is open; already_member (support access for a member). A requester who may approve, in a tenant that lets gatekeepers
// approve their own, approves by asking.
MUST_USE reason request_create(struct op *op, struct txn *txn, const struct actor *actor, bool draft,
                               struct access_request *request);
// May this member of one tenant ask for access of his own to that one? Only where both belong to one organization;
// not_found otherwise, as for a tenant that is none.
MUST_USE reason request_sibling(struct op *op, struct txn *txn, const struct actor *actor,
                                struct slice tenant);
// Replaces what a draft says; the requester's own.
MUST_USE reason request_change(struct op *op, struct txn *txn, const struct actor *actor,
                               struct access_request *request);
MUST_USE reason request_submit(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice id, struct access_request *ret);
// Approves or denies. `roles` with at == NULL: what was asked for; else this instead (approve only). When it is the last
// approval that is needed, access is given in this transaction, with its letters. own_request (four eyes),
// already_decided (by this person), illegal_transition. What keeps access from being given (a role that is gone, a full
// tenant) is refused as such: request_fail then keeps the decision.
MUST_USE reason request_decide(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice id,
                               const struct request_decision *decision, struct texts roles,
                               struct access_request *ret);
// Could this refusal of request_decide or request_retry be one of giving access, after the decision itself was fine?
bool request_fulfilment_failed(reason why);
// Keeps an approval whose access could not be given: state failed, with why in words.
MUST_USE reason request_fail(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice tenant, struct slice id,
                             const struct request_decision *decision, struct slice failure,
                             struct access_request *ret);
MUST_USE reason request_retry(struct op *op, struct txn *txn, const struct actor *actor,
                              struct slice tenant, struct slice id, struct access_request *ret);
// By the requester or a gatekeeper, while it is a draft, pending or failed.
MUST_USE reason request_cancel(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice id, struct access_request *ret);
MUST_USE reason request_comment(struct op *op, struct txn *txn, const struct actor *actor,
                                struct slice tenant, struct slice id, struct slice text,
                                struct access_request *ret);
// Takes away what a fulfilled request gave; a membership that has nothing else is disabled.
MUST_USE reason request_revoke(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice id, struct slice note,
                               struct access_request *ret);

// As it is now: one that ran out is expired, whether it was swept or not. not_found, also for one that the actor may
// not see.
MUST_USE reason request_find(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice tenant, struct slice id, struct access_request *ret);
// Gatekeepers, user administrators and operators see all, others what they asked for themselves.
bool request_sees_all(const struct actor *actor);
struct request_filter {
    int state;  // enum request_state, or -1
    bool mine;  // asked for by the actor
};
// "Campaigns, full; Read Only": roles by the names that people see.
MUST_USE reason request_access_text(struct op *op, struct txn *txn, struct slice tenant,
                                    struct texts roles, struct slice *ret_text);
// Newest first.
MUST_USE reason request_list(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice tenant, const struct request_filter *filter,
                             struct page page, struct rows *ret_requests, struct slice *ret_next);
// Writes down what is due, at most *left rows, and takes them off *left: without a decision expired, time-bound access
// ended. A part of sweep.
MUST_USE reason request_expire(struct op *op, struct txn *txn, size_t *left);

#endif
