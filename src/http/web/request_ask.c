// SPDX-License-Identifier: GPL-3.0-or-later
// For somebody whom the identity provider let in and who has no access here: asking for it on the spot. The link on the
// page of the refusal names the refused sign-in, sealed with the link key; the e-mail address is the one that the
// provider proved in it, never one that is typed. Nothing is stored before the form is posted.
#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "domain/component.h"
#include "domain/request.h"
#include "domain/ticket.h"
#include "http/page.h"
#include "http/web/web.h"

#define OFFER_LIFETIME HOUR_MS // after the refused sign-in
#define OFFER_MAC 32           // bytes of the seal
#define OFFER_MAX 512          // characters of a link's text

// ---- the link ----

static struct sha256 seal_of(const struct gate *gate, struct slice trace_id) {
    const struct slice parts[] = {S("access offer"), trace_id};
    struct sha256 digest = digest_parts(parts, 2);
    return digest_hmac(slice_of(gate->ticket_key->bytes, sizeof gate->ticket_key->bytes),
                       digest_slice(&digest));
}

static bool is_offered(reason why) {
    return why == REASON_OF(LOGIN_PROVISIONING_OFF) || why == REASON_OF(LOGIN_NO_ROLE);
}

struct settings_read {
    struct slice tenant;
    struct tenant_settings settings;
};
static reason read_settings(struct op *op, struct txn *txn, void *arg) {
    struct settings_read *read = arg;
    return tenant_settings_find(op, txn, read->tenant, &read->settings);
}

reason web_request_offer(struct op *op, const struct gate *gate, const struct trace *trace,
                         reason why, struct slice *ret_path) {
    *ret_path = SLICE_NONE;
    if (!is_offered(why) || !trace->verified || trace->email.len == 0) {
        return NULL;
    }
    struct settings_read read = {.tenant = trace->tenant};
    TRY(store_read(op, gate->store, read_settings, &read));
    if (!read.settings.sso_request_access) {
        return NULL;
    }
    struct sha256 seal = seal_of(gate, trace->id);
    struct slice text;
    TRY(encode_base64url(op, digest_slice(&seal), &text));
    *ret_path = op_text(op, "/request?t=%.*s.%.*s", SLICE(trace->id), SLICE(text));
    return NULL;
}

struct offer {
    struct gate *gate;
    struct request *request;
    struct slice text;  // of the link
    struct slice id;    // of the trace
    struct trace trace; // the refused sign-in
    struct tenant tenant;
    struct access_request asked;
    const char *problem; // what is wrong with the form, or NULL
};

static reason unknown_link(struct op *op) {
    REFUSE(op, LINK_UNKNOWN, "this link is not one of ours");
}

static reason read_offer(struct op *op, struct offer *offer) {
    struct slice mac = offer->text;
    struct slice seal;
    if (offer->text.len > OFFER_MAX || !slice_cut(&mac, '.', &offer->id) || mac.at == NULL ||
        !decode_base64url(op, mac, &seal) || seal.len != OFFER_MAC) {
        return unknown_link(op);
    }
    struct sha256 ours = seal_of(offer->gate, offer->id);
    return same_secret(seal, digest_slice(&ours)) ? NULL : unknown_link(op);
}

// What the link leads to: the refused sign-in, as it was stored.
static reason find_trace(struct op *op, struct txn *txn, struct offer *offer) {
    reason why = trace_find(op, txn, offer->id, &offer->trace);
    if (why == REASON_OF(NOT_FOUND)) {
        return unknown_link(op);
    }
    TRY(why);
    if (offer->trace.time + OFFER_LIFETIME <= op->now) {
        REFUSE(op, LINK_EXPIRED, "the sign-in was more than an hour ago; sign in again");
    }
    if (offer->trace.accepted || offer->trace.email.len == 0) {
        return unknown_link(op);
    }
    struct tenant_settings settings;
    TRY(tenant_settings_find(op, txn, offer->trace.tenant, &settings));
    if (!settings.sso_request_access) {
        REFUSE(op, FORBIDDEN, "this tenant takes no requests from the page of a refused sign-in");
    }
    return tenant_find(op, txn, offer->trace.tenant, &offer->tenant);
}
static reason look(struct op *op, struct txn *txn, void *arg) {
    return find_trace(op, txn, arg);
}

// ---- the form ----

static void input(struct page_out *page, const char *name, const char *label,
                  const char *autocomplete, struct slice value) {
    page_html(page, "<label for=\"");
    page_html(page, name);
    page_html(page, "\">");
    page_html(page, label);
    page_html(page, "</label>\n<input id=\"");
    page_html(page, name);
    page_html(page, "\" name=\"");
    page_html(page, name);
    page_html(page, "\" required maxlength=\"256\" autocomplete=\"");
    page_html(page, autocomplete);
    page_html(page, "\" value=\"");
    page_text(page, value);
    page_html(page, "\">\n");
}

// Each component that the tenant has, with its levels; keyboards and screen readers know lists.
static void component_choice(struct page_out *page, const struct offer *offer, size_t component) {
    const char *id = component_table[component].id;
    bool open = false;
    for (size_t i = 0; i < component_level_count; i++) {
        const struct component_level *level = &component_levels[i];
        if (level->component != component ||
            entitlement_missing(component_level_set(level), offer->tenant.entitlements) != NULL) {
            continue;
        }
        if (!open) {
            page_html(page, "<label for=\"c.");
            page_html(page, id);
            page_html(page, "\">");
            page_html(page, component_table[component].name);
            page_html(page, "</label>\n<select id=\"c.");
            page_html(page, id);
            page_html(page, "\" name=\"c.");
            page_html(page, id);
            page_html(page, "\">\n<option value=\"\">no access</option>\n");
            open = true;
        }
        bool chosen = texts_have(offer->asked.roles, slice_str(level->role_id));
        page_html(page, chosen ? "<option selected>" : "<option>");
        page_html(page, level->level);
        page_html(page, "</option>\n");
    }
    page_html(page, open ? "</select>\n" : "");
}

static reason show_form(struct op *op, const struct offer *offer, unsigned status,
                        struct reply *reply) {
    struct page_out page;
    page_open(&page, op, offer->gate, "Ask for access");
    if (offer->problem != NULL) {
        page_html(&page, "<p class=\"alert\" role=\"alert\">");
        page_text(&page, slice_str(offer->problem));
        page_html(&page, "</p>\n");
    }
    page_paragraph(&page, op_text(op, "You have no access to %.*s yet. The people who decide on it "
                                      "will see your address, %.*s.",
                                  SLICE(offer->tenant.name), SLICE(offer->trace.email)));
    page_html(&page, "<form method=\"post\" action=\"/request\">\n"
                     "<input type=\"hidden\" name=\"t\" value=\"");
    page_text(&page, offer->text);
    page_html(&page, "\">\n");
    input(&page, "first_name", "First name", "given-name", offer->asked.first_name);
    input(&page, "last_name", "Last name", "family-name", offer->asked.last_name);
    page_html(&page, "<fieldset>\n<legend>What do you need?</legend>\n"
                     "<label class=\"check\"><input type=\"checkbox\" name=\"full\" value=\"1\"> "
                     "Full access: campaigns, metrics and 360 profiles</label>\n");
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        component_choice(&page, offer, i);
    }
    page_html(&page, "</fieldset>\n<label for=\"why\">What do you need it for?</label>\n"
                     "<textarea id=\"why\" name=\"why\" rows=\"4\" maxlength=\"1000\">");
    page_text(&page, offer->asked.justification);
    page_html(&page, "</textarea>\n<button type=\"submit\">Ask for access</button>\n</form>\n");
    TRY(page_reply(&page, reply, status, false));
    reply_header(reply, "Referrer-Policy", S("no-referrer"));
    return NULL;
}

reason web_request_ask(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    struct offer offer = {.gate = gate, .request = request};
    TRY(request_query(op, request, "t", &offer.text));
    TRY(read_offer(op, &offer));
    TRY(store_read(op, gate->store, look, &offer));
    return show_form(op, &offer, 200, reply);
}

// ---- what was posted ----

static reason field(struct op *op, const struct request *request, const char *name,
                    struct slice *ret_text) {
    struct slice text;
    TRY(request_form(op, request, name, &text));
    *ret_text = text.at != NULL ? slice_trim(text) : S("");
    return NULL;
}

static reason read_components(struct op *op, const struct request *request,
                              struct texts *ret_roles) {
    struct component_ask ask;
    struct slice text;
    bool known = true;
    component_ask_open(&ask);
    TRY(field(op, request, "full", &text));
    if (text.len > 0) {
        (void)component_ask_bundle(&ask, S("full"));
    }
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const char *id = component_table[i].id;
        const char *name = NULL;
        TRY(op_cstr(op, op_text(op, "c.%s", id), &name));
        TRY(field(op, request, name, &text));
        if (text.len > 0 && !component_ask_set(&ask, slice_str(id), text, &known)) {
            REFUSE(op, INVALID_INPUT, "%s has no such level", id);
        }
    }
    return component_apply(op, &ask, (struct texts){NULL, 0}, ret_roles);
}

static reason store_ask(struct op *op, struct txn *txn, void *arg) {
    struct offer *offer = arg;
    const struct actor nobody = {.kind = ACTOR_NONE, .address = offer->request->address};
    TRY(find_trace(op, txn, offer));
    struct access_request asked = offer->asked;
    asked.tenant = offer->trace.tenant;
    asked.email = offer->trace.email;
    asked.requester_email = offer->trace.email;
    TRY(request_create(op, txn, &nobody, false, &asked));
    return NULL;
}

static reason thank(struct op *op, const struct offer *offer, struct reply *reply) {
    struct page_out page;
    page_open(&page, op, offer->gate, "Your request is on its way");
    page_paragraph(&page, op_text(op, "The security gatekeepers of %.*s were told. You get a mail "
                                      "at %.*s when they have decided.",
                                  SLICE(offer->tenant.name), SLICE(offer->trace.email)));
    return page_reply(&page, reply, 200, false);
}

// What the person can mend is said on the form; the rest is refused as ever.
static const char *problem_of(reason why) {
    return why == REASON_OF(REQUEST_WAITING)
               ? "A request for you is waiting already. You get a mail when it is decided."
           : why == REASON_OF(INVALID_INPUT) || why == REASON_OF(FIELD_REQUIRED)
               ? "Please give your first and last name, and say which access you need."
           : why == REASON_OF(ENTITLEMENT_MISSING)
               ? "Your organisation does not have all that you ask for. Please ask for less."
               : NULL;
}

reason web_request(struct op *op, struct gate *gate, struct request *request,
                   struct reply *reply) {
    struct offer offer = {.gate = gate, .request = request};
    TRY(field(op, request, "t", &offer.text));
    TRY(read_offer(op, &offer));
    TRY(field(op, request, "first_name", &offer.asked.first_name));
    TRY(field(op, request, "last_name", &offer.asked.last_name));
    TRY(field(op, request, "why", &offer.asked.justification));
    TRY(read_components(op, request, &offer.asked.roles));
    reason why = store_write(op, gate->store, store_ask, &offer);
    offer.problem = why != NULL ? problem_of(why) : NULL;
    if (offer.problem != NULL) {
        return show_form(op, &offer, why->http, reply);
    }
    TRY(why);
    return thank(op, &offer, reply);
}
