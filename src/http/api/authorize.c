// SPDX-License-Identifier: GPL-3.0-or-later
// May somebody do something, and why: for applications that ask, and for people who wonder.
#include "domain/provenance.h"
#include "http/api/api.h"

#define RESOURCE_MAX 256

struct ask {
    struct slice user, tenant, permission, resource;
};
static const struct field ask_rows[] = {
    F_TEXT(struct ask, user, 1, FIELD_NULL, 64),
    F_TEXT(struct ask, tenant, 2, FIELD_NULL, 63),
    F_TEXT(struct ask, permission, 3, FIELD_MUST, 64),
    F_TEXT(struct ask, resource, 4, FIELD_NULL, RESOURCE_MAX),
};
FIELD_TABLE(authorize_fields, "question", 1, struct ask, ask_rows);

struct work {
    const struct actor *actor;
    struct ask ask;
    const struct permission *permission;
    struct tenant home;
    struct rows grants; // of who asks for himself
    struct why why;
};

// permission <- role <- grant <- rule <- assertion
static struct json *way_json(struct op *op, const struct way *way) {
    struct json *one = json_from_fields(op, &grant_fields, way->grant);
    json_set_str(op, one, "permission", way->permission->id);
    json_set_text(op, one, "role_name", way->role_name);
    json_set_str(op, one, "state", way_state_names[way->state]);
    return one;
}

static struct json *ways_json(struct op *op, const struct way *ways, size_t count) {
    struct json *list = json_array(op);
    for (size_t i = 0; i < count; i++) {
        json_add(op, list, way_json(op, &ways[i]));
    }
    return list;
}

// ---- may somebody ---------------------------------------------------------------------------------------

// Everybody may ask about himself; about others, who may see them.
static reason check_asker(struct op *op, const struct work *work) {
    const struct actor *actor = work->actor;
    if (actor->kind == ACTOR_OPERATOR) {
        return NULL;
    }
    if (!slice_equal(work->ask.tenant, actor->tenant)) {
        REFUSE(op, NOT_FOUND, "there is no such tenant for you");
    }
    if (!slice_equal(work->ask.user, actor->id) &&
        !permission_may(actor->permissions, "users:view")) {
        REFUSE(op, FORBIDDEN, "to ask about others needs the permission users:view");
    }
    return NULL;
}

static reason read_why(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(tenant_find(op, txn, work->ask.tenant, &work->home));
    return provenance_of(op, txn, &work->home, work->ask.user, work->permission, &work->why);
}

static reason need(struct op *op, const char *pointer, struct slice text) {
    if (text.len > 0) {
        return NULL;
    }
    op_error(op, slice_str(pointer), REASON_OF(FIELD_REQUIRED), "say which");
    REFUSE(op, INVALID_INPUT, "an operator says which user and which tenant");
}

static reason read_ask(struct op *op, const struct json *object, struct work *work) {
    TRY(json_to_fields(op, &authorize_fields, object, S(""), &work->ask));
    if (work->ask.user.len == 0 && work->actor->kind != ACTOR_OPERATOR) {
        work->ask.user = work->actor->id;
    }
    if (work->ask.tenant.len == 0) {
        work->ask.tenant = work->actor->tenant;
    }
    TRY(need(op, "/user", work->ask.user));
    TRY(need(op, "/tenant", work->ask.tenant));
    work->permission = permission_find(work->ask.permission);
    if (work->permission == NULL) {
        op_error(op, S("/permission"), REASON_OF(UNKNOWN_PERMISSION),
                 "there is no permission with this id");
        REFUSE(op, UNKNOWN_PERMISSION, "there is no permission \"%.*s\"",
               SLICE(work->ask.permission));
    }
    return check_asker(op, work);
}

reason api_authorize(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct work work = {.actor = &request->actor};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(read_ask(op, object, &work));
    TRY(store_read(op, gate->store, read_why, &work));
    struct json *body = json_object(op);
    json_set_bool(op, body, "allow", work.why.verdict == VERDICT_GRANTED);
    json_set_str(op, body, "reason", verdict_names[work.why.verdict]);
    json_set_text(op, body, "user", work.ask.user);
    json_set_text(op, body, "tenant", work.ask.tenant);
    json_set_text(op, body, "permission", work.ask.permission);
    json_set_text_or_null(op, body, "resource", work.ask.resource);
    json_set(op, body, "path", ways_json(op, work.why.ways.at, work.why.ways.count));
    return reply_json(op, reply, 200, body);
}

// ---- what may I, and why -----------------------------------------------------------------------------------

static reason read_mine(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(tenant_find(op, txn, work->actor->tenant, &work->home));
    return provenance_ways(op, txn, &work->home, work->grants, NULL, &work->why.ways);
}

// One item for each permission that is held, with all the ways to it.
static struct json *mine_json(struct op *op, const struct work *work, size_t *ret_count) {
    struct json *items = json_array(op);
    const struct way *ways = work->why.ways.at;
    size_t at = 0;
    *ret_count = 0;
    for (size_t p = 0; p < permission_count; p++) {
        const struct permission *permission = &permission_table[p];
        size_t from = at;
        while (at < work->why.ways.count && ways[at].permission == permission) {
            at++;
        }
        if (permission_has(work->actor->permissions, permission)) {
            struct json *one = json_object(op);
            json_set_str(op, one, "permission", permission->id);
            json_set_bool(op, one, "pii", permission->pii);
            json_set(op, one, "path", ways_json(op, &ways[from], at - from));
            json_add(op, items, one);
            ++*ret_count;
        }
    }
    return items;
}

reason api_my_permissions(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct work work = {.actor = &request->actor};
    size_t count = 0;
    if (request->actor.kind == ACTOR_USER) {
        TRY(visit_show_grants(op, request->session.membership.grants, &request->session.visit,
                              &work.grants));
    } else if (request->actor.kind == ACTOR_SERVICE) {
        work.grants = request->service.user.grants;
    }
    if (request->actor.tenant.len > 0) {
        TRY(store_read(op, gate->store, read_mine, &work));
    }
    struct json *items = mine_json(op, &work, &count);
    return api_reply_list(op, reply, items, SLICE_NONE, count);
}
