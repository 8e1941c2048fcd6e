// SPDX-License-Identifier: GPL-3.0-or-later
// The links in a gatekeeper's mail: GET shows what is asked for and changes nothing (mail scanners open links), POST
// decides. Who has the link is the gatekeeper that it was written to, if that is still one.
#include "domain/holder.h"
#include "domain/request.h"
#include "domain/ticket.h"
#include "http/page.h"
#include "http/web/web.h"

struct link_visit {
    struct gate *gate;
    struct request *request;
    int verdict; // enum request_verdict
    struct slice text, note, failure;
    struct ticket ticket;
    struct actor actor;
    struct access_request asked;
    struct slice access; // what is asked for, by name
    struct slice tenant_name;
};

static enum ticket_purpose purpose_of(const struct link_visit *visit) {
    return visit->verdict == REQUEST_APPROVE ? TICKET_REQUEST_APPROVE : TICKET_REQUEST_DENY;
}

// What the link leads to, as things stand now.
static reason look(struct op *op, struct txn *txn, void *arg) {
    struct link_visit *visit = arg;
    struct tenant tenant;
    TRY(ticket_find(op, txn, visit->gate->ticket_key, visit->text, purpose_of(visit),
                    &visit->ticket));
    TRY(holder_actor(op, txn, visit->ticket.tenant, visit->ticket.user_id, &visit->actor));
    visit->actor.address = visit->request->address;
    TRY(request_find(op, txn, &visit->actor, visit->ticket.tenant, visit->ticket.subject,
                     &visit->asked));
    TRY(tenant_find(op, txn, visit->ticket.tenant, &tenant));
    visit->tenant_name = tenant.name;
    return request_access_text(op, txn, visit->asked.tenant, visit->asked.roles, &visit->access);
}

static void row(struct page_out *page, const char *name, struct slice value) {
    if (value.len > 0) {
        page_html(page, "<dt>");
        page_text(page, slice_str(name));
        page_html(page, "</dt><dd>");
        page_text(page, value);
        page_html(page, "</dd>\n");
    }
}

static void show_asked(struct page_out *page, struct op *op, const struct link_visit *visit) {
    const struct access_request *asked = &visit->asked;
    page_html(page, "<dl>\n");
    row(page, "Person", op_text(op, "%.*s %.*s", SLICE(asked->first_name), SLICE(asked->last_name)));
    row(page, "E-mail", asked->email);
    row(page, "Organisation", visit->tenant_name);
    row(page, "Access", visit->access);
    row(page, "Why", asked->justification);
    row(page, "Ticket", asked->ticket);
    row(page, "Asked by", asked->requester_email);
    page_html(page, "</dl>\n");
}

static reason show_form(struct op *op, const struct link_visit *visit, struct reply *reply) {
    bool approve = visit->verdict == REQUEST_APPROVE;
    struct page_out page;
    page_open(&page, op, visit->gate, approve ? "Approve this access?" : "Deny this access?");
    show_asked(&page, op, visit);
    page_html(&page, "<form method=\"post\" action=\"");
    page_text(&page, visit->request->path);
    page_html(&page, "\">\n<input type=\"hidden\" name=\"t\" value=\"");
    page_text(&page, visit->text);
    page_html(&page, "\">\n<label for=\"note\">A note for the requester (may stay empty)</label>\n"
                     "<textarea id=\"note\" name=\"note\" rows=\"3\" maxlength=\"1000\"></textarea>\n"
                     "<button type=\"submit\">");
    page_html(&page, approve ? "Approve" : "Deny");
    page_html(&page, "</button>\n</form>\n");
    TRY(page_reply(&page, reply, 200, false));
    reply_header(reply, "Referrer-Policy", S("no-referrer"));
    return NULL;
}

static reason show_outcome(struct op *op, const struct link_visit *visit, struct reply *reply) {
    const struct access_request *asked = &visit->asked;
    struct page_out page;
    page_open(&page, op, visit->gate, "Thank you");
    page_paragraph(&page, asked->state == REQUEST_FULFILLED ? S("Approved. The access is given.")
                          : asked->state == REQUEST_DENIED  ? S("Denied. The requester is told.")
                          : asked->state == REQUEST_FAILED
                              ? S("Approved, but the access could not be given. An administrator "
                                  "has to mend what keeps it from being given, and try again:")
                              : S("Approved. Another person has to approve it, too."));
    if (asked->state == REQUEST_FAILED) {
        page_paragraph(&page, asked->failure);
    }
    show_asked(&page, op, visit);
    return page_reply(&page, reply, 200, false);
}

static reason show(struct op *op, struct gate *gate, struct request *request, int verdict,
                   struct reply *reply) {
    struct link_visit visit = {.gate = gate, .request = request, .verdict = verdict};
    TRY(request_query(op, request, "t", &visit.text));
    TRY(store_read(op, gate->store, look, &visit));
    return show_form(op, &visit, reply);
}

static reason store_decision(struct op *op, struct txn *txn, void *arg) {
    struct link_visit *visit = arg;
    const struct request_decision decision = {.decision = visit->verdict, .note = visit->note};
    TRY(look(op, txn, visit));
    TRY(ticket_use(op, txn, &visit->ticket));
    return request_decide(op, txn, &visit->actor, visit->ticket.tenant, visit->ticket.subject,
                          &decision, (struct texts){NULL, 0}, &visit->asked);
}

static reason store_failure(struct op *op, struct txn *txn, void *arg) {
    struct link_visit *visit = arg;
    const struct request_decision decision = {.decision = visit->verdict, .note = visit->note};
    TRY(look(op, txn, visit));
    TRY(ticket_use(op, txn, &visit->ticket));
    return request_fail(op, txn, &visit->actor, visit->ticket.tenant, visit->ticket.subject,
                        &decision, visit->failure, &visit->asked);
}

static reason act(struct op *op, struct gate *gate, struct request *request, int verdict,
                  struct reply *reply) {
    struct link_visit visit = {.gate = gate, .request = request, .verdict = verdict};
    TRY(request_form(op, request, "t", &visit.text));
    TRY(request_form(op, request, "note", &visit.note));
    visit.note = visit.note.at != NULL ? slice_trim(visit.note) : S("");
    reason why = store_write(op, gate->store, store_decision, &visit);
    if (request_fulfilment_failed(why)) {
        TRY(op_copy(op, op->detail, &visit.failure));
        why = store_write(op, gate->store, store_failure, &visit);
    }
    TRY(why);
    return show_outcome(op, &visit, reply);
}

reason web_request_approve_ask(struct op *op, struct gate *gate, struct request *request,
                               struct reply *reply) {
    return show(op, gate, request, REQUEST_APPROVE, reply);
}
reason web_request_deny_ask(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    return show(op, gate, request, REQUEST_DENY, reply);
}
reason web_request_approve(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    return act(op, gate, request, REQUEST_APPROVE, reply);
}
reason web_request_deny(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    return act(op, gate, request, REQUEST_DENY, reply);
}
