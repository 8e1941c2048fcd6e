// SPDX-License-Identifier: GPL-3.0-or-later
// Who is calling, and may they.
#include "domain/organization.h"
#include "http/router.h"
#include "http/uses.h"

static struct permission_set all_permissions(void) {
    struct permission_set all = {{0, 0}};
    for (size_t i = 0; i < permission_count; i++) {
        permission_add(&all, &permission_table[i]);
    }
    return all;
}

static void be_operator(struct request *request, struct slice id) {
    request->actor = (struct actor){.kind = ACTOR_OPERATOR,
                                    .id = id,
                                    .address = request->address,
                                    .permissions = all_permissions()};
}

static void be_user(struct request *request) {
    const struct session_view *view = &request->session;
    request->actor = (struct actor){.kind = ACTOR_USER,
                                    .id = view->user.id,
                                    .tenant = view->session.tenant,
                                    .session = view->session.id,
                                    .address = request->address,
                                    .permissions = view->permissions};
}

struct lookup {
    struct slice text;
    bool cookie;
    struct session_view *view;
};
static reason read_session(struct op *op, struct txn *txn, void *arg) {
    struct lookup *lookup = arg;
    return lookup->cookie ? session_find_by_cookie(op, txn, lookup->text, lookup->view)
                          : session_find(op, txn, lookup->text, lookup->view);
}

struct application_lookup {
    const struct claims *claims;
    struct session_view *view;
    struct application application;
};
static reason read_application(struct op *op, struct txn *txn, void *arg) {
    struct application_lookup *lookup = arg;
    TRY(authorization_find_by_token(op, txn, lookup->claims->authorization,
                                    lookup->claims->client_id, &lookup->application));
    return session_find(op, txn, lookup->claims->session, lookup->view);
}

// A service user's token is looked up each time, so that who disables it, or takes the credential away, ends it at once.
struct service_lookup {
    const struct claims *claims;
    struct service_view *view;
};
static reason read_service(struct op *op, struct txn *txn, void *arg) {
    struct service_lookup *lookup = arg;
    const struct claims *claims = lookup->claims;
    return service_find_by_token(op, txn, claims->tenant, claims->subject, claims->credential,
                                 claims->token_id, claims->expires_at, lookup->view);
}

reason guard_service(struct op *op, struct gate *gate, const struct claims *claims,
                     struct service_view *ret_view) {
    struct service_lookup lookup = {claims, ret_view};
    return store_read(op, gate->store, read_service, &lookup);
}

static reason by_service(struct op *op, struct gate *gate, struct request *request,
                         const struct claims *claims) {
    struct service_view *view = &request->service;
    TRY(guard_service(op, gate, claims, view));
    request->actor = (struct actor){.kind = ACTOR_SERVICE,
                                    .id = view->user.id,
                                    .tenant = view->user.tenant,
                                    .session = view->credential,
                                    .address = request->address,
                                    .permissions = view->permissions};
    uses_note(gate->uses, view->user.id, view->user.tenant, view->credential, op->now, false);
    return NULL;
}

// The doors that open for a token of an application. What it may not do for a person it may not do because the person might.
static const struct {
    const char *path;
    bool below;  // and all that begins with it
    bool needs_api; // the scope
} application_doors[] = {
    {"/oauth2/userinfo", false, false},
    {"/oauth2/introspect", false, false},
    {"/session", false, true},
    {"/api/", true, true},
    {"/platform/", true, true},
};

static reason check_door(struct op *op, const struct request *request) {
    bool api = scope_has(request->scope, SCOPE_API);
    for (size_t i = 0; i < sizeof application_doors / sizeof application_doors[0]; i++) {
        struct slice path = slice_str(application_doors[i].path);
        bool here = application_doors[i].below ? slice_starts(request->path, path)
                                               : slice_equal(request->path, path);
        if (here && (api || !application_doors[i].needs_api)) {
            return NULL;
        }
    }
    REFUSE(op, INSUFFICIENT_SCOPE, "this access token was issued to an application, and is not for this address%s",
           api ? "" : " without the scope api");
}

// Looked up each time, as a service user's is: what ended it, or the application, ends its tokens.
reason guard_application(struct op *op, struct gate *gate, const struct claims *claims,
                         struct session_view *ret_view, struct slice *ret_scope) {
    struct application_lookup lookup = {.claims = claims, .view = ret_view};
    TRY(store_read(op, gate->store, read_application, &lookup));
    *ret_scope = claims->scope;
    return lookup.application.api
               ? NULL
               : scope_without(op, claims->scope, SCOPE_API, ret_scope);
}

static reason by_application(struct op *op, struct gate *gate, struct request *request,
                             const struct claims *claims) {
    TRY(guard_application(op, gate, claims, &request->session, &request->scope));
    request->authorization = claims->authorization;
    TRY(check_door(op, request));
    be_user(request);
    request->actor.client = claims->client_id;
    return NULL;
}

static reason by_token(struct op *op, struct gate *gate, struct request *request,
                       struct slice token) {
    struct claims claims;
    TRY(token_check(op, gate->keyring, gate->settings->public_url, token, &claims));
    if (slice_equal(claims.scope, S("operator"))) {
        be_operator(request, claims.subject);
        return NULL;
    }
    if (claims.credential.len > 0) {
        return by_service(op, gate, request, &claims);
    }
    if (claims.session.len == 0) {
        REFUSE(op, UNAUTHENTICATED, "the access token belongs to no session");
    }
    if (token_is_of_application(&claims)) {
        return by_application(op, gate, request, &claims);
    }
    struct lookup lookup = {claims.session, false, &request->session};
    TRY(store_read(op, gate->store, read_session, &lookup));
    be_user(request);
    return NULL;
}

reason guard_identify(struct op *op, struct gate *gate, struct request *request) {
    request->actor = (struct actor){.kind = ACTOR_NONE, .address = request->address};
    if (request->control) {
        be_operator(request, request->operator);
        return NULL;
    }
    struct slice authorization = request_header(request, "Authorization");
    if (authorization.len > 0) {
        struct slice scheme;
        if (!slice_cut(&authorization, ' ', &scheme) ||
            !slice_equal_nocase(scheme, S("Bearer")) || authorization.at == NULL) {
            REFUSE(op, UNAUTHENTICATED, "expected Authorization: Bearer and an access token");
        }
        return by_token(op, gate, request, slice_trim(authorization));
    }
    struct slice cookie = request_cookie(request, S(SESSION_COOKIE_NAME));
    if (cookie.len == 0) {
        return NULL;
    }
    request->by_cookie = true;
    struct lookup lookup = {cookie, true, &request->session};
    TRY(store_read(op, gate->store, read_session, &lookup));
    be_user(request);
    return NULL;
}

reason guard_tenant(struct op *op, const struct request *request, struct slice tenant,
                    const char *permission) {
    const struct actor *actor = &request->actor;
    if (actor->kind == ACTOR_OPERATOR) {
        return NULL;
    }
    if (!slice_equal(actor->tenant, tenant)) {
        REFUSE(op, NOT_FOUND, "there is no such thing in your tenant");
    }
    if (permission != NULL && !permission_may(actor->permissions, permission)) {
        if (permission_find(slice_str(permission)) != NULL) {
            op_extra(op, "required_permission", slice_str(permission));
        }
        REFUSE(op, FORBIDDEN, "this needs the permission %s", permission);
    }
    return NULL;
}

struct across {
    const struct actor *actor;
    struct slice tenant, organization;
    bool sees;
};
static reason read_across(struct op *op, struct txn *txn, void *arg) {
    struct across *across = arg;
    struct tenant tenant;
    if (across->tenant.len > 0) {
        reason why = tenant_find(op, txn, across->tenant, &tenant);
        if (why == REASON_OF(NOT_FOUND)) {
            return NULL;
        }
        TRY(why);
        across->organization = tenant.organization;
    }
    return organization_sees(op, txn, across->actor->id, across->actor->tenant,
                             across->organization, &across->sees);
}

reason guard_across(struct op *op, struct gate *gate, struct request *request) {
    struct actor *actor = &request->actor;
    struct across across = {.actor = actor, .tenant = request->args[0]};
    if (actor->kind != ACTOR_USER || request->method != METHOD_GET ||
        slice_equal(actor->tenant, across.tenant)) {
        return NULL;
    }
    TRY(store_read(op, gate->store, read_across, &across));
    if (across.sees) {
        actor->tenant = across.tenant;
        actor->permissions = organization_view();
    }
    return NULL;
}

reason guard_organization(struct op *op, struct gate *gate, const struct request *request,
                          struct slice organization) {
    struct across across = {.actor = &request->actor, .organization = organization};
    if (request->actor.kind == ACTOR_OPERATOR) {
        return NULL;
    }
    if (request->actor.kind == ACTOR_USER) {
        TRY(store_read(op, gate->store, read_across, &across));
    }
    if (!across.sees) {
        REFUSE(op, NOT_FOUND, "you administer no organization with this short name");
    }
    return NULL;
}

reason guard_same_site(struct op *op, const struct gate *gate, const struct request *request) {
    struct slice site = request_header(request, "Sec-Fetch-Site");
    if (site.len > 0) {
        if (slice_equal(site, S("same-origin")) || slice_equal(site, S("none"))) {
            return NULL;
        }
        REFUSE(op, CROSS_SITE, "the browser says that the request came from a %.*s page",
               SLICE(site));
    }
    struct slice origin = request_header(request, "Origin");
    if (slice_equal(origin, gate->settings->public_url)) {
        return NULL;
    }
    REFUSE(op, CROSS_SITE, "expected Origin %.*s, got \"%.*s\"", SLICE(gate->settings->public_url),
           SLICE(origin));
}
