// SPDX-License-Identifier: GPL-3.0-or-later
// Who is calling, as the gate sees it: what they may, in which tenant, and why.
#include "domain/organization.h"
#include "http/api/api.h"
#include "http/web/web.h"

static reason operator_json(struct op *op, const struct actor *actor, struct json **ret_body) {
    struct texts permissions;
    TRY(permission_texts(op, actor->permissions, &permissions));
    struct json *body = json_object(op);
    json_set_str(op, body, "kind", "operator");
    json_set_text(op, body, "id", actor->id);
    json_set_texts(op, body, "permissions", permissions);
    *ret_body = body;
    return NULL;
}

static reason user_json(struct op *op, const struct session_view *view, struct json **ret_body) {
    struct texts permissions;
    TRY(permission_texts(op, view->permissions, &permissions));
    struct json *body = session_json(op, view);
    json_set_str(op, body, "kind", "user");
    json_set_text(op, body, "id", view->user.id);
    json_set_text(op, body, "first_name", view->user.first_name);
    json_set_text(op, body, "last_name", view->user.last_name);
    json_set_texts(op, body, "permissions", permissions);
    struct json *grants = json_array(op);
    struct rows shown;
    TRY(visit_show_grants(op, view->membership.grants, &view->visit, &shown));
    const struct grant *rows = shown.at;
    for (size_t i = 0; i < shown.count; i++) {
        json_add(op, grants, json_from_fields(op, &grant_fields, &rows[i]));
    }
    json_set(op, body, "grants", grants);
    json_set_time(op, body, "authenticated_at", view->session.authenticated_at);
    json_set_time(op, body, "expires_at", view->session.expires_at);
    *ret_body = body;
    return NULL;
}

static reason service_json(struct op *op, const struct service_view *view,
                           struct json **ret_body) {
    struct texts permissions;
    TRY(permission_texts(op, view->permissions, &permissions));
    struct json *body = json_object(op);
    json_set_str(op, body, "kind", "service");
    json_set_text(op, body, "id", view->user.id);
    json_set_text(op, body, "name", view->user.name);
    json_set_text(op, body, "tenant", view->user.tenant);
    json_set_text(op, body, "credential", view->credential);
    json_set_texts(op, body, "roles", view->roles);
    json_set_texts(op, body, "permissions", permissions);
    *ret_body = body;
    return NULL;
}

// The organization of the caller's tenant, for its administrators; "" for all others.
struct above {
    const struct actor *actor;
    struct slice organization;
};
static reason read_above(struct op *op, struct txn *txn, void *arg) {
    struct above *above = arg;
    struct tenant tenant;
    bool sees = false;
    TRY(tenant_find(op, txn, above->actor->tenant, &tenant));
    TRY(organization_sees(op, txn, above->actor->id, tenant.slug, tenant.organization, &sees));
    above->organization = sees ? tenant.organization : SLICE_NONE;
    return NULL;
}

reason api_me(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct json *body = NULL;
    struct above above = {.actor = &request->actor};
    if (request->actor.kind == ACTOR_USER) {
        TRY(user_json(op, &request->session, &body));
        TRY(store_read(op, gate->store, read_above, &above));
        json_set_text_or_null(op, body, "organization", above.organization);
    } else if (request->actor.kind == ACTOR_SERVICE) {
        TRY(service_json(op, &request->service, &body));
    } else {
        TRY(operator_json(op, &request->actor, &body));
    }
    return reply_json(op, reply, 200, body);
}
