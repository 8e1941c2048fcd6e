// SPDX-License-Identifier: GPL-3.0-or-later
// The page for people: sign in, or who is signed in, in which tenant, with which roles and why. And the same
// for machines: GET /session.
#include "base/clock.h"
#include "domain/component.h"
#include "http/page.h"
#include "http/web/web.h"

static void row(struct page_out *page, const char *name, struct slice value) {
    page_html(page, "<dt>");
    page_text(page, slice_str(name));
    page_html(page, "</dt><dd>");
    page_text(page, value);
    page_html(page, "</dd>\n");
}

static struct slice time_text(struct op *op, int64_t time) {
    char buffer[CLOCK_TEXT];
    struct slice text = clock_print(time, buffer);
    return op_text(op, "%.*s %.*s UTC", SLICE(slice_sub(text, 0, 10)),
                   SLICE(slice_sub(text, 11, 16)));
}

// Why this role is there, in a sentence.
static struct slice why_granted(struct op *op, const struct grant *grant) {
    switch ((enum grant_source)grant->source) {
    case GRANT_SSO:
        if (grant->value.len == 0) {
            return op_text(op, "by default: no rule of %.*s names one of your groups",
                           SLICE(grant->connection));
        }
        return op_text(op, "your group %.*s fits the rule %.*s of %.*s", SLICE(grant->value),
                       SLICE(grant->rule), SLICE(grant->connection));
    case GRANT_MANUAL:
        return op_text(op, "given by %.*s on %.*s", SLICE(grant->granted_by),
                       SLICE(time_text(op, grant->granted_at)));
    case GRANT_SCIM: return S("given by your directory");
    case GRANT_REQUEST: return S("given by an approved access request");
    }
    return S("");
}

struct names {
    struct slice tenant;
    struct slice tenant_name;
    struct rows roles;
};
static reason read_names(struct op *op, struct txn *txn, void *arg) {
    struct names *names = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, names->tenant, &tenant));
    TRY(op_copy(op, tenant.name, &names->tenant_name));
    return role_list(op, txn, names->tenant, &names->roles);
}

static struct slice role_name(const struct names *names, struct slice role_id) {
    const struct role *roles = names->roles.at;
    for (size_t i = 0; i < names->roles.count; i++) {
        if (slice_equal(roles[i].role_id, role_id)) {
            return roles[i].name;
        }
    }
    const struct component_level *level = component_level_find(role_id);
    return level != NULL ? slice_str(level->name) : role_id;
}

static void roles_table(struct page_out *page, struct op *op, const struct session_view *view,
                        const struct names *names) {
    const struct grant *grants = view->membership.grants.at;
    page_html(page, "<h2>Your roles</h2>\n");
    if (view->membership.grants.count == 0) {
        page_html(page, "<p>You have no role yet. Please ask your administrator.</p>\n");
        return;
    }
    page_html(page, "<table>\n<thead><tr><th scope=\"col\">Role</th>"
                    "<th scope=\"col\">Why you have it</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < view->membership.grants.count; i++) {
        page_html(page, "<tr><td>");
        page_text(page, role_name(names, grants[i].role_id));
        page_html(page, "<br><code>");
        page_text(page, grants[i].role_id);
        page_html(page, "</code></td><td>");
        page_text(page, why_granted(op, &grants[i]));
        page_html(page, "</td></tr>\n");
    }
    page_html(page, "</tbody>\n</table>\n");
}

static reason signed_in(struct op *op, struct gate *gate, const struct session_view *view,
                        struct reply *reply) {
    struct names names = {.tenant = view->session.tenant};
    TRY(store_read(op, gate->store, read_names, &names));
    struct page_out page;
    page_open(&page, op, gate, "You are signed in");
    page_html(&page, "<dl>\n");
    struct slice name = op_text(op, "%.*s %.*s", SLICE(view->user.first_name),
                                SLICE(view->user.last_name));
    if (slice_trim(name).len > 0) {
        row(&page, "Name", slice_trim(name));
    }
    row(&page, "E-mail", view->user.email.len > 0 ? view->user.email : S("none"));
    row(&page, "Tenant",
        op_text(op, "%.*s (%.*s)", SLICE(names.tenant_name), SLICE(names.tenant)));
    row(&page, "Signed in through",
        view->session.connection.len > 0 ? view->session.connection : S("a password"));
    row(&page, "Since", time_text(op, view->session.created_at));
    row(&page, "Until", time_text(op, view->session.expires_at));
    page_html(&page, "</dl>\n");
    roles_table(&page, op, view, &names);
    if (view->session.connection.len == 0) {
        page_html(&page, "<p><a href=\"/password/change\">Change your password</a></p>\n"
                         "<p><a href=\"/second-factor/setup\">Your second factor</a></p>\n");
    }
    page_html(&page, "<form method=\"post\" action=\"/logout\">"
                     "<button type=\"submit\">Sign out</button></form>\n");
    return page_reply(&page, reply, 200, true);
}

reason web_home(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    reason why = guard_identify(op, gate, request);
    if (why != NULL && why != REASON_OF(UNAUTHENTICATED)) {
        return why;
    }
    if (why == NULL && request->actor.kind == ACTOR_USER) {
        return signed_in(op, gate, &request->session, reply);
    }
    struct slice out;
    TRY(request_query(op, request, "signed_out", &out));
    struct page_out page;
    page_open(&page, op, gate, out.at != NULL ? "You are signed out" : "Welcome");
    page_paragraph(&page, slice_equal(out, S("partly"))
                              ? S("You are signed out here. Your identity provider did not confirm that "
                                  "you are signed out there too.")
                              : S("You are not signed in."));
    page_html(&page, "<form method=\"get\" action=\"/login\">"
                     "<button type=\"submit\">Sign in</button></form>\n");
    TRY(page_reply(&page, reply, 200, false));
    if (request->by_cookie) { // it ended: the browser need not keep it
        reply_cookie(op, reply, S(SESSION_COOKIE_NAME), S(""), "Lax", 0);
    }
    return NULL;
}

struct json *session_json(struct op *op, const struct session_view *view) {
    struct json *body = json_object(op);
    json_set_text(op, body, "session_id", view->session.id);
    json_set_text(op, body, "tenant", view->session.tenant);
    json_set_text(op, body, "connection", view->session.connection);
    struct json *user = json_object(op);
    json_set_text(op, user, "id", view->user.id);
    json_set_text_or_null(op, user, "email", view->user.email);
    json_set_text_or_null(op, user, "name_id", view->session.name_id);
    json_set(op, body, "user", user);
    json_set_texts(op, body, "roles", view->roles);
    return body;
}

reason web_session(struct op *op, struct gate *gate, struct request *request,
                   struct reply *reply) {
    if (request->actor.kind != ACTOR_USER) {
        REFUSE(op, UNAUTHENTICATED, "there is no session: sign in, or send its access token");
    }
    (void)gate;
    const struct session_view *view = &request->session;
    struct texts permissions;
    TRY(permission_texts(op, view->permissions, &permissions));
    struct json *body = session_json(op, view);
    json_set_texts(op, body, "permissions", permissions);
    json_set_time(op, body, "authenticated_at", view->session.authenticated_at);
    json_set_time(op, body, "expires_at", view->session.expires_at);
    return reply_json(op, reply, 200, body);
}
