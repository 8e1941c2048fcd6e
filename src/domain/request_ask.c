// SPDX-License-Identifier: GPL-3.0-or-later
// Asking for access: what a request has to say, drafts, submitting, comments, taking it back.
#include "base/rand.h"
#include "base/text.h"
#include "domain/grant.h"
#include "domain/request_parts.h"

// ---- what a request has to say ----

void request_check_text(struct faults *faults, const char *name, struct slice text) {
    if (text.len > REQUEST_TEXT_MAX) {
        fault_at(faults, name, REASON_OF(FIELD_RANGE), "%zu bytes long; at most %d are taken",
                 text.len, REQUEST_TEXT_MAX);
    } else if (!text_lines(text)) {
        fault_at(faults, name, REASON_OF(RESTRICTED_CHARACTERS),
                 "lines of text without control characters are expected");
    }
}

static void check_name(struct faults *faults, const char *name, struct slice text) {
    if (text.len == 0) {
        fault_at(faults, name, REASON_OF(FIELD_REQUIRED), "a name is required");
    } else if (!text_line(text) || text.len > 4 * USER_NAME_MAX) {
        fault_at(faults, name, REASON_OF(RESTRICTED_CHARACTERS),
                 "a name is UTF-8 on one line, at most %d characters", USER_NAME_MAX);
    }
}

static reason check_email(struct op *op, struct faults *faults, struct access_request *request) {
    struct email email;
    reason why = email_normalise(op, request->email, &email);
    if (why == REASON_OF(INVALID_INPUT)) {
        fault_at(faults, "email", REASON_OF(FIELD_VALUE), "%.*s", SLICE(op->detail));
        return NULL;
    }
    TRY(why);
    request->email = email.whole;
    return NULL;
}

// A role that needs what the tenant did not buy gives nothing, so it is not worth asking for.
static reason check_entitlements(struct op *op, struct txn *txn, struct faults *faults,
                                 struct slice tenant, struct permission_set set) {
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    const char *missing = entitlement_missing(set, home.entitlements);
    if (missing != NULL) {
        fault_at(faults, "roles", REASON_OF(ENTITLEMENT_MISSING),
                 "this needs %s, which the tenant does not have", missing);
    }
    return NULL;
}

reason request_check_roles(struct op *op, struct txn *txn, struct faults *faults,
                           struct slice tenant, struct texts roles,
                           struct permission_set *ret_set) {
    *ret_set = (struct permission_set){{0, 0}};
    if (roles.count == 0) {
        fault_at(faults, "roles", REASON_OF(FIELD_REQUIRED),
                 "at least one role or component has to be asked for");
        return NULL;
    }
    if (roles.count > ROLES_EACH_MAX) {
        fault_at(faults, "roles", REASON_OF(FIELD_RANGE), "at most %d roles, got %zu",
                 ROLES_EACH_MAX, roles.count);
        return NULL;
    }
    for (size_t i = 0; i < roles.count; i++) {
        struct role role;
        reason why = role_find(op, txn, tenant, roles.at[i], &role);
        if (why == REASON_OF(UNKNOWN_ROLE)) {
            fault_in(faults, "roles", i, why, "there is no role with this id in the tenant");
            continue;
        }
        TRY(why);
        for (size_t j = 0; j < role.permissions.count; j++) {
            const struct permission *permission = permission_find(role.permissions.at[j]);
            if (permission != NULL) {
                permission_add(ret_set, permission);
            }
        }
    }
    return check_entitlements(op, txn, faults, tenant, *ret_set);
}

int64_t request_needed(struct permission_set set) {
    static const char *const weighty[] = {"users:manage", "requests:approve", "roles:manage",
                                          "sso:manage"};
    for (size_t i = 0; i < sizeof weighty / sizeof weighty[0]; i++) {
        if (permission_may(set, weighty[i])) {
            return 2;
        }
    }
    for (size_t i = 0; i < permission_count; i++) {
        if (permission_table[i].pii && permission_has(set, &permission_table[i])) {
            return 2;
        }
    }
    return 1;
}

static bool asks_for(const struct access_request *request, const char *role) {
    return texts_have(request->roles, slice_str(role));
}

static reason no_end(struct op *op) {
    op_error(op, S("/access_expires_at"), REASON_OF(FIELD_VALUE),
             "this person is a member already, whose access does not end with a request");
    REFUSE(op, INVALID_INPUT, "the access of a member does not end with a request");
}

// Who the person is here decides what kind of request this is.
static reason find_kind(struct op *op, struct txn *txn, struct access_request *request) {
    struct user user;
    struct membership membership = {.status = MEMBER_DELETED};
    bool known = false;
    bool member = false;
    TRY(user_find_by_email(op, txn, request->email, &user, &known));
    if (known) {
        TRY(membership_find(op, txn, request->tenant, user.id, &membership, &member));
    }
    member = member && membership.status != MEMBER_DELETED;
    request->kind = member ? REQUEST_CHANGE : known ? REQUEST_ADD_TENANT : REQUEST_NEW_USER;
    if (!asks_for(request, "support_access")) {
        return member && request->access_expires_at != 0 ? no_end(op) : NULL;
    }
    request->kind = REQUEST_SUPPORT_ACCESS;
    if (member) {
        REFUSE(op, ALREADY_MEMBER,
               "support access is a membership of its own that ends; this person is a member");
    }
    return NULL;
}

static void check_support(struct op *op, struct faults *faults,
                          const struct access_request *request) {
    if (request->access_expires_at != 0 && request->access_expires_at <= op->now) {
        fault_at(faults, "access_expires_at", REASON_OF(FIELD_RANGE), "this time is past");
    }
    if (!asks_for(request, "support_access")) {
        return;
    }
    if (request->access_expires_at == 0) {
        fault_at(faults, "access_expires_at", REASON_OF(FIELD_REQUIRED),
                 "support access has to say when it ends");
    }
    if (request->ticket.len == 0) {
        fault_at(faults, "ticket", REASON_OF(FIELD_REQUIRED),
                 "support access has to name the support ticket that it is for");
    }
}

static reason check(struct op *op, struct txn *txn, struct access_request *request) {
    struct faults faults = faults_open(op, S(""));
    struct permission_set set;
    request->first_name = slice_trim(request->first_name);
    request->last_name = slice_trim(request->last_name);
    check_name(&faults, "first_name", request->first_name);
    check_name(&faults, "last_name", request->last_name);
    TRY(check_email(op, &faults, request));
    TRY(request_check_roles(op, txn, &faults, request->tenant, request->roles, &set));
    request_check_text(&faults, "justification", request->justification);
    if (request->ticket.len > MEMBER_TEXT_MAX || !text_line(request->ticket)) {
        fault_at(&faults, "ticket", REASON_OF(FIELD_RANGE),
                 "the reference of a ticket is one line of at most %d bytes", MEMBER_TEXT_MAX);
    }
    check_support(op, &faults, request);
    TRY(faults_end(&faults));
    request->needed = request_needed(set);
    return find_kind(op, txn, request);
}

// ---- decisions, as rows ----

reason request_add_decision(struct op *op, struct access_request *request,
                            const struct request_decision *decision) {
    struct request_decision *rows;
    size_t count = request->decisions.count;
    if (count >= REQUEST_DECISIONS_MAX) {
        REFUSE(op, ILLEGAL_TRANSITION, "a request takes at most %d decisions",
               REQUEST_DECISIONS_MAX);
    }
    TRY(op_take(op, (count + 1) * sizeof *rows, &rows));
    if (count > 0) {
        memcpy(rows, request->decisions.at, count * sizeof *rows);
    }
    rows[count] = *decision;
    rows[count].by = text_cut(decision->by, 128);
    rows[count].at = op->now;
    request->decisions = (struct rows){rows, count + 1};
    return NULL;
}

int64_t request_approvals(const struct access_request *request) {
    const struct request_decision *rows = request->decisions.at;
    int64_t count = 0;
    for (size_t i = 0; i < request->decisions.count; i++) {
        count += rows[i].decision == REQUEST_APPROVE ? 1 : 0;
    }
    return count;
}

// ---- submitting ----

// A gatekeeper who asks has approved by asking, where the tenant lets him. An operator who files a ticket for a
// customer has not: the customer's gatekeeper decides.
static bool approves_by_asking(const struct actor *actor, const struct tenant_settings *settings) {
    return actor->kind == ACTOR_USER && settings->gatekeeper_self_approve &&
           slice_equal(actor->tenant, settings->tenant) && // what he may elsewhere does not count here
           permission_may(actor->permissions, "requests:approve");
}

static reason submit(struct op *op, struct txn *txn, const struct actor *actor,
                     struct access_request *request) {
    struct tenant_settings settings;
    TRY(tenant_settings_find(op, txn, request->tenant, &settings));
    request->state = REQUEST_PENDING;
    request->submitted_at = op->now;
    request->pending_until = op->now + settings.request_days * DAY_MS;
    bool implied = approves_by_asking(actor, &settings);
    if (implied) {
        const struct request_decision own = {.by = actor->id, .implied = true};
        TRY(request_add_decision(op, request, &own));
    }
    TRY(request_store(op, txn, request));
    TRY(request_audit(op, txn, actor, request, "request.submitted",
                      op_text(op, "%s for %.*s", request_kind_names[request->kind],
                              SLICE(request->email))));
    if (implied) {
        TRY(request_audit(op, txn, actor, request, "request.approved",
                          S("the requester is a security gatekeeper")));
    }
    if (request_approvals(request) >= request->needed) {
        return request_fulfil(op, txn, actor, request);
    }
    return request_tell_gatekeepers(op, txn, request);
}

reason request_create(struct op *op, struct txn *txn, const struct actor *actor, bool draft,
                      struct access_request *request) {
    struct access_request made = *request;
    struct tenant home;
    TRY(tenant_find(op, txn, made.tenant, &home));
    made.tenant = home.slug;
    made.requester = text_cut(actor->id, 128);
    made.created_at = op->now;
    made.decisions = made.comments = (struct rows){NULL, 0};
    made.version = 0;
    TRY(request_check_pace(op, txn, actor, &made));
    TRY(check(op, txn, &made));
    TRY(rand_ulid(op, S("req_"), &made.id));
    if (!draft) {
        TRY(submit(op, txn, actor, &made));
    } else {
        made.state = REQUEST_DRAFT;
        TRY(request_store(op, txn, &made));
        TRY(request_audit(op, txn, actor, &made, "request.drafted", made.email));
    }
    *request = made;
    return NULL;
}

reason request_sibling(struct op *op, struct txn *txn, const struct actor *actor,
                       struct slice tenant) {
    struct tenant own;
    struct tenant other;
    TRY(tenant_find(op, txn, actor->tenant, &own));
    if (slice_equal(own.slug, tenant)) {
        return NULL;
    }
    reason why = tenant_find(op, txn, tenant, &other);
    if (why == NULL && own.organization.len > 0 && !other.disabled &&
        slice_equal(own.organization, other.organization)) {
        return NULL;
    }
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    REFUSE(op, NOT_FOUND, "your organization has no such tenant");
}

// The requester's own draft.
static reason find_draft(struct op *op, struct txn *txn, const struct actor *actor,
                         struct slice tenant, struct slice id, const char *event,
                         struct access_request *ret) {
    struct access_request request;
    TRY(request_find(op, txn, actor, tenant, id, &request));
    if (!slice_equal(request.requester, actor->id)) {
        REFUSE(op, FORBIDDEN, "only who wrote a draft changes or submits it");
    }
    if (request.state != REQUEST_DRAFT) {
        return request_not_now(op, &request, event);
    }
    *ret = request;
    return NULL;
}

reason request_change(struct op *op, struct txn *txn, const struct actor *actor,
                      struct access_request *request) {
    struct access_request made;
    TRY(find_draft(op, txn, actor, request->tenant, request->id, "change", &made));
    made.first_name = request->first_name;
    made.last_name = request->last_name;
    made.email = request->email;
    made.roles = request->roles;
    made.justification = request->justification;
    made.ticket = request->ticket;
    made.access_expires_at = request->access_expires_at;
    TRY(check(op, txn, &made));
    TRY(request_store(op, txn, &made));
    TRY(request_audit(op, txn, actor, &made, "request.changed", made.email));
    *request = made;
    return NULL;
}

reason request_submit(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, struct slice id, struct access_request *ret) {
    struct access_request request;
    TRY(find_draft(op, txn, actor, tenant, id, "submit", &request));
    TRY(check(op, txn, &request)); // the world may have changed since it was written
    TRY(submit(op, txn, actor, &request));
    *ret = request;
    return NULL;
}

// ---- comments, and taking it back ----

reason request_comment(struct op *op, struct txn *txn, const struct actor *actor,
                       struct slice tenant, struct slice id, struct slice text,
                       struct access_request *ret) {
    struct access_request request;
    struct request_comment *rows;
    struct faults faults = faults_open(op, S(""));
    TRY(request_find(op, txn, actor, tenant, id, &request));
    request_check_text(&faults, "text", text);
    if (slice_trim(text).len == 0) {
        fault_at(&faults, "text", REASON_OF(FIELD_REQUIRED), "a comment needs words");
    }
    TRY(faults_end(&faults));
    size_t count = request.comments.count;
    if (count >= REQUEST_COMMENTS_MAX) {
        REFUSE(op, ILLEGAL_TRANSITION, "a request takes at most %d comments", REQUEST_COMMENTS_MAX);
    }
    TRY(op_take(op, (count + 1) * sizeof *rows, &rows));
    if (count > 0) {
        memcpy(rows, request.comments.at, count * sizeof *rows);
    }
    rows[count] =
        (struct request_comment){.by = text_cut(actor->id, 128), .text = text, .at = op->now};
    request.comments = (struct rows){rows, count + 1};
    TRY(request_store(op, txn, &request));
    TRY(request_audit(op, txn, actor, &request, "request.commented", S("")));
    *ret = request;
    return NULL;
}

reason request_cancel(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, struct slice id, struct access_request *ret) {
    struct access_request request;
    TRY(request_find(op, txn, actor, tenant, id, &request));
    if (request.state != REQUEST_DRAFT && request.state != REQUEST_PENDING &&
        request.state != REQUEST_FAILED) {
        return request_not_now(op, &request, "cancel");
    }
    request.state = REQUEST_CANCELLED;
    request.decided_at = op->now;
    TRY(request_store(op, txn, &request));
    TRY(request_audit(op, txn, actor, &request, "request.cancelled", S("")));
    *ret = request;
    return NULL;
}
