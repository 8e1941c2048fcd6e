// SPDX-License-Identifier: GPL-3.0-or-later
// Two tenants, and people in them with sessions: who calls with a token, and who from a browser.
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_CALLERS_H
#define GATEHOUSE_TESTS_UNIT_HTTP_CALLERS_H

#include "http/scene.h"

// "acme" with acme.example and acme-okta; "other", which is somebody else's.
HELPER void two_tenants(struct scene *at) {
    (void)done(at, OPERATOR, "createTenant", "/api/v1/tenants",
               "{\"slug\":\"acme\",\"name\":\"Acme\",\"domains\":[\"acme.example\"],"
               "\"connections\":[{\"slug\":\"acme-okta\"}]}");
    (void)done(at, OPERATOR, "createTenant", "/api/v1/tenants",
               "{\"slug\":\"other\",\"name\":\"Other\",\"domains\":[\"other.example\"],"
               "\"connections\":[{\"slug\":\"other-okta\"}]}");
}

struct entrance {
    const char *tenant, *email, *role;
    struct member member;
    struct session session;
    struct slice cookie;
    struct session_view view;
};
HELPER reason enter(struct op *op, struct txn *txn, void *arg) {
    struct entrance *in = arg;
    struct actor system = {.kind = ACTOR_SYSTEM, .id = S("test")};
    struct slice role = slice_str(in->role);
    struct user user = {.email = slice_str(in->email)};
    TRY(member_add(op, txn, &system, slice_str(in->tenant), &user, (struct texts){&role, 1},
                   &in->member));
    in->session = (struct session){.tenant = slice_str(in->tenant),
                                   .user_id = in->member.user.id,
                                   .connection = S("acme-okta"),
                                   .name_id = slice_str(in->email),
                                   .authn_context = S("urn:test"),
                                   .authenticated_at = op->now,
                                   .expires_at = op->now + 8 * HOUR_MS};
    TRY(session_add(op, txn, &in->session, &in->cookie));
    return session_find(op, txn, in->session.id, &in->view);
}

// Somebody with a role and a session; calls with its token.
HELPER struct caller signed_in(struct scene *at, const char *tenant, const char *email,
                               const char *role) {
    struct entrance in = {.tenant = tenant, .email = email, .role = role};
    struct claims claims;
    struct slice token;
    assert_done(store_write(&at->keep, at->gate.store, enter, &in));
    assert_done(token_for_session(&at->keep, &in.view, HOUR_MS, &claims));
    assert_done(token_issue(&at->keep, at->gate.keyring, at->settings.public_url, &claims, &token));
    return (struct caller){.token = token, .user_id = in.member.user.id};
}

// The same, but calls as a browser does.
HELPER struct caller in_browser(struct scene *at, const char *tenant, const char *email,
                                const char *role) {
    struct entrance in = {.tenant = tenant, .email = email, .role = role};
    assert_done(store_write(&at->keep, at->gate.store, enter, &in));
    return (struct caller){.cookie = in.cookie, .user_id = in.member.user.id};
}

#endif
