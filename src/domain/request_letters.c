// SPDX-License-Identifier: GPL-3.0-or-later
// Whom an access request is told to: the gatekeepers who can decide, each with links of his own, then the requester.
#include "domain/holder.h"
#include "domain/outbox.h"
#include "domain/request_parts.h"
#include "domain/ticket.h"

reason request_access_text(struct op *op, struct txn *txn, struct slice tenant, struct texts roles,
                           struct slice *ret_text) {
    struct slice text = S("");
    for (size_t i = 0; i < roles.count; i++) {
        struct role role;
        reason why = role_find(op, txn, tenant, roles.at[i], &role);
        if (why != NULL && why != REASON_OF(UNKNOWN_ROLE)) {
            return why;
        }
        text = op_text(op, "%.*s%s%.*s", SLICE(text), i > 0 ? "; " : "",
                       SLICE(why == NULL ? role.name : roles.at[i]));
    }
    *ret_text = text;
    return NULL;
}

static struct slice person_of(struct op *op, const struct access_request *request) {
    return op_text(op, "%.*s %.*s, %.*s", SLICE(request->first_name), SLICE(request->last_name),
                   SLICE(request->email));
}

static reason common_values(struct op *op, struct txn *txn, const struct access_request *request,
                            struct letter *letter) {
    struct slice access;
    TRY(request_access_text(op, txn, request->tenant, request->roles, &access));
    TRY(letter_value(op, letter, "request", request->id));
    TRY(letter_value(op, letter, "person", person_of(op, request)));
    return letter_value(op, letter, "access", access);
}

static reason issue(struct op *op, struct txn *txn, const struct access_request *request,
                    const struct member *keeper, enum ticket_purpose purpose,
                    struct slice *ret_id) {
    struct ticket ticket = {.purpose = (int)purpose,
                            .tenant = request->tenant,
                            .user_id = keeper->user.id,
                            .subject = request->id};
    TRY(ticket_issue(op, txn, &ticket, request->pending_until - op->now));
    *ret_id = ticket.id;
    return NULL;
}

static reason tell_keeper(struct op *op, struct txn *txn, const struct access_request *request,
                          const struct member *keeper) {
    struct letter letter = {.kind = LETTER_REQUEST_SUBMITTED,
                            .tenant = request->tenant,
                            .to = keeper->user.email,
                            .user_id = keeper->user.id};
    if (keeper->user.email.len == 0) {
        return NULL;
    }
    TRY(issue(op, txn, request, keeper, TICKET_REQUEST_APPROVE, &letter.ticket_id));
    TRY(issue(op, txn, request, keeper, TICKET_REQUEST_DENY, &letter.other_ticket_id));
    TRY(common_values(op, txn, request, &letter));
    TRY(letter_value(op, &letter, "requester",
                     request->requester_email.len > 0 ? request->requester_email
                                                      : request->requester));
    TRY(letter_value(op, &letter, "justification", request->justification));
    TRY(letter_value(op, &letter, "ticket", request->ticket));
    TRY(letter_time(op, &letter, "expires", request->pending_until));
    return outbox_add(op, txn, &letter);
}

reason request_tell_gatekeepers(struct op *op, struct txn *txn,
                                const struct access_request *request) {
    struct rows keepers;
    TRY(holder_list(op, txn, request->tenant, "requests:approve", HOLDERS_WRITTEN_MAX, &keepers));
    const struct member *rows = keepers.at;
    for (size_t i = 0; i < keepers.count; i++) {
        TRY(tell_keeper(op, txn, request, &rows[i]));
    }
    return NULL;
}

static int outcome_of(const struct access_request *request) {
    return request->state == REQUEST_FULFILLED ? (int)LETTER_REQUEST_APPROVED
           : request->state == REQUEST_DENIED  ? (int)LETTER_REQUEST_DENIED
                                               : (int)LETTER_REQUEST_EXPIRED;
}

reason request_tell_outcome(struct op *op, struct txn *txn, const struct access_request *request,
                            struct slice note) {
    // The links of the gatekeepers have nothing to decide any more.
    TRY(ticket_revoke_about(op, txn, request->tenant, request->id));
    struct letter letter = {.kind = outcome_of(request),
                            .tenant = request->tenant,
                            .to = request->requester_email};
    TRY(common_values(op, txn, request, &letter));
    TRY(letter_value(op, &letter, "note", note));
    return outbox_add(op, txn, &letter);
}
