// SPDX-License-Identifier: GPL-3.0-or-later
// The way in: the page that asks for the work e-mail, and the start of a sign-in at a connection.
#include "base/clock.h"
#include "base/encode.h"
#include "base/uri.h"
#include "http/limits.h"
#include "http/page.h"
#include "http/web/form.h"
#include "http/web/local_web.h"
#include "http/web/web.h"

#define EMAIL_SHOWN_MAX 254 // as the field has it

// Where to after the sign-in, and whether the identity provider is asked for a new one: what the page hands on.
struct way {
    struct slice return_to; // a path of ours, or ""
    bool anew;
};

static reason ask(struct op *op, struct gate *gate, struct reply *reply, unsigned status,
                  struct slice email, const struct way *way, const char *problem) {
    struct page_out page;
    page_open(&page, op, gate, "Sign in");
    if (problem != NULL) {
        page_html(&page, "<p class=\"alert\" role=\"alert\" id=\"problem\">");
        page_text(&page, slice_str(problem));
        page_html(&page, "</p>\n");
    }
    page_html(&page, "<form method=\"post\" action=\"/login\">\n"
                     "<label for=\"email\">Your work e-mail address</label>\n"
                     "<input type=\"email\" id=\"email\" name=\"email\" required maxlength=\"254\" "
                     "autocomplete=\"username\" spellcheck=\"false\" ");
    page_html(&page, problem != NULL ? "aria-invalid=\"true\" aria-describedby=\"problem\" " : "");
    page_html(&page, "value=\"");
    page_text(&page, email);
    page_html(&page, "\">\n<input type=\"hidden\" name=\"return_to\" value=\"");
    page_text(&page, way->return_to);
    page_html(&page, "\">\n");
    page_html(&page, way->anew ? "<input type=\"hidden\" name=\"force_authn\" value=\"true\">\n" : "");
    page_html(&page, "<button type=\"submit\">Continue</button>\n</form>\n"
                     "<p class=\"note\">You will sign in at your organisation's own sign-in "
                     "page, or with a password.</p>\n");
    TRY(form_other_way(op, &page, "/password", way->return_to, "Sign in with a password"));
    return page_reply(&page, reply, status, true);
}

static struct slice local_path_or_none(struct slice text) {
    return text.at != NULL && uri_is_local_path(text) ? text : S("");
}

typedef reason read_fn(struct op *op, const struct request *request, const char *name,
                       struct slice *ret_value);
static reason read_way(struct op *op, const struct request *request, read_fn *read,
                       struct way *ret_way) {
    struct slice return_to;
    struct slice force;
    TRY(read(op, request, "return_to", &return_to));
    TRY(read(op, request, "force_authn", &force));
    *ret_way = (struct way){local_path_or_none(return_to), slice_equal(force, S("true"))};
    return NULL;
}

reason web_login_ask(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct way way;
    struct slice email;
    TRY(read_way(op, request, request_query, &way));
    TRY(request_query(op, request, "email", &email));
    email = email.at != NULL && email.len <= EMAIL_SHOWN_MAX ? email : S("");
    return ask(op, gate, reply, 200, email, &way, NULL);
}

struct discovery {
    struct slice domain;
    struct slice slug;
};
static reason discover(struct op *op, struct txn *txn, void *arg) {
    struct discovery *discovery = arg;
    struct connection connection;
    TRY(connection_for_domain(op, txn, discovery->domain, &connection));
    discovery->slug = connection.slug;
    return NULL;
}

reason web_connection_for(struct op *op, struct gate *gate, struct slice domain,
                          struct slice *ret_slug) {
    struct discovery discovery = {.domain = domain, .slug = S("")};
    reason why = store_read(op, gate->store, discover, &discovery);
    *ret_slug = discovery.slug;
    return why == REASON_OF(NOT_FOUND) ? NULL : why;
}

reason web_login_go(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    struct slice text;
    struct way way;
    struct email email;
    TRY(request_form(op, request, "email", &text));
    TRY(read_way(op, request, request_form, &way));
    text = text.at != NULL ? slice_trim(text) : S("");
    if (email_normalise(op, text, &email) != NULL) {
        return ask(op, gate, reply, 422, text, &way,
                   "This is not an e-mail address. It looks like name@company.example.");
    }
    struct slice slug;
    TRY(web_connection_for(op, gate, email.domain, &slug));
    if (slug.len == 0) { // whoever it is, known or not; a password is a new sign-in
        return web_password_form(op, gate, reply, 200, email.whole, way.return_to, NULL);
    }
    struct slice return_to;
    TRY(encode_url(op, way.return_to, &return_to));
    reply_redirect(reply, 303,
                   op_text(op, "/saml/%.*s/login%s%.*s%s", SLICE(slug),
                           return_to.len > 0 ? "?return_to=" : "", SLICE(return_to),
                           !way.anew           ? ""
                           : return_to.len > 0 ? "&force_authn=true"
                                               : "?force_authn=true"));
    return NULL;
}

reason send_outbound(struct op *op, const struct gate *gate, struct reply *reply,
                     const struct outbound *outbound, const char *title, const char *sentence) {
    if (!outbound->post) {
        reply_redirect(reply, 302, outbound->url);
        return NULL;
    }
    const char *field = NULL;
    TRY(op_cstr(op, outbound->field, &field));
    struct post_field fields[2] = {{field, outbound->value},
                                   {"RelayState", outbound->relay_state}};
    return page_post(op, gate, reply, outbound->url, fields,
                     outbound->relay_state.len > 0 ? 2 : 1, title, sentence);
}

struct start {
    struct pending pending;
    struct slice cookie;
    struct slice tenant;
};
static reason keep_pending(struct op *op, struct txn *txn, void *arg) {
    struct start *start = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, start->tenant, &tenant));
    if (tenant.disabled) {
        REFUSE(op, LOGIN_TENANT_DISABLED, "tenant %.*s is disabled", SLICE(tenant.slug));
    }
    return pending_add(op, txn, &start->pending, &start->cookie);
}

static reason start_at(struct op *op, struct gate *gate, struct request *request,
                       const struct trust *trust, struct reply *reply) {
    const struct connection *connection = &trust->connection;
    if (connection->disabled) {
        REFUSE(op, LOGIN_CONNECTION_DISABLED, "connection %.*s is disabled",
               SLICE(connection->slug));
    }
    if (connection->idp.entity_id.len == 0) {
        REFUSE(op, RESPONSE_ISSUER_UNKNOWN, "connection %.*s has no identity provider yet",
               SLICE(connection->slug));
    }
    struct way way; // read before anything is kept: a request that cannot be read leaves nothing behind
    TRY(read_way(op, request, request_query, &way));
    TRY(limits_pending(op, gate->limits, gate->settings, request->address, connection->slug));
    struct start start = {.pending = {.connection = connection->slug, .return_to = way.return_to},
                          .tenant = connection->tenant};
    TRY(store_write(op, gate->store, keep_pending, &start));
    struct sp sp;
    struct outbound outbound;
    TRY(sp_addresses(op, gate->settings->public_url, connection->slug, &sp));
    struct connection wanted = *connection;
    wanted.policy.force_authn |= way.anew; // as an application wants it, whatever the connection says
    TRY(sp_authn_request(op, &sp, &wanted, trust_sp_keys(trust, gate->sp_keys), &start.pending,
                         &outbound));
    TRY(send_outbound(op, gate, reply, &outbound, "Signing in",
                      "You are being taken to your organisation's sign-in page."));
    reply_cookie(op, reply,
                 op_text(op, BINDING_COOKIE_PREFIX "%.*s", SLICE(start.pending.handle)),
                 start.cookie, "None", PENDING_LIFETIME / SECOND_MS);
    return NULL;
}

reason web_login_start(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    const struct trust *trust = NULL;
    TRY(trust_borrow(op, gate->trusts, gate->store, request->args[0], &trust));
    reason why = start_at(op, gate, request, trust, reply);
    trust_return(gate->trusts, trust);
    return why;
}
