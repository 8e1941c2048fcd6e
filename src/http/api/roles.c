// SPDX-License-Identifier: GPL-3.0-or-later
// Roles of a tenant: the built-in ones, which never change (a tenant may take something out of one), and its own.
#include "domain/roll.h"
#include "http/api/api.h"

// What a role is in one tenant: also what is taken out of it there, and how many have it.
struct shown {
    struct role role;
    struct permission_set taken_out; // by the tenant
    struct permission_set denied;    // that, by a setting, and what it has no entitlement for
    uint64_t members;
};

struct work {
    const struct request *request;
    struct slice tenant, role_id;
    const struct json *object; // what a change says
    struct role asked, made;
    struct slice reassign_to;
    struct texts denied;
    struct shown one;
    struct rows roles; // struct shown
    // The members of a role.
    struct page page;
    struct rows members;
    struct slice next;
    size_t total;
};

static struct work work_of(const struct request *request) {
    return (struct work){
        .request = request, .tenant = request->args[0], .role_id = request->args[1]};
}

// ---- showing ------------------------------------------------------------------------------------------

static reason look_at(struct op *op, struct txn *txn, const struct tenant *home,
                      const struct role *role, struct shown *ret_shown) {
    struct permission_set gives;
    struct shown shown = {.role = *role, .taken_out = role_taken_out(home, role->role_id)};
    TRY(role_denied(op, txn, home, role->role_id, &shown.denied));
    TRY(role_set(op, txn, home->slug, role->role_id, &gives));
    shown.denied =
        permission_union(shown.denied, entitlement_lacking(gives, home->entitlements));
    TRY(roll_count(op, txn, home->slug, role->role_id, -1, &shown.members));
    *ret_shown = shown;
    return NULL;
}

static reason shown_json(struct op *op, const struct shown *shown, struct json **ret_json) {
    struct texts taken_out;
    struct texts denied;
    struct json *one = json_from_fields(op, &role_fields, &shown->role);
    TRY(permission_texts(op, shown->taken_out, &taken_out));
    TRY(permission_texts(op, shown->denied, &denied));
    json_set_texts(op, one, "taken_out", taken_out);
    json_set_texts(op, one, "denied", denied);
    json_set_number(op, one, "member_count", (int64_t)shown->members);
    *ret_json = one;
    return NULL;
}

static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct tenant home;
    struct rows roles;
    struct shown *shown;
    TRY(tenant_find(op, txn, work->tenant, &home));
    TRY(role_list(op, txn, home.slug, &roles));
    TRY(op_take(op, roles.count * sizeof *shown, &shown));
    for (size_t i = 0; i < roles.count; i++) {
        TRY(look_at(op, txn, &home, &((const struct role *)roles.at)[i], &shown[i]));
    }
    work->roles = (struct rows){shown, roles.count};
    return NULL;
}

reason api_roles_list(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct work work = work_of(request);
    TRY(store_read(op, gate->store, read_list, &work));
    struct json *items = json_array(op);
    const struct shown *shown = work.roles.at;
    for (size_t i = 0; i < work.roles.count; i++) {
        struct json *one = NULL;
        TRY(shown_json(op, &shown[i], &one));
        json_add(op, items, one);
    }
    return api_reply_list(op, reply, items, SLICE_NONE, work.roles.count);
}

static reason read_as(struct op *op, struct txn *txn, struct work *work, struct slice role_id) {
    struct tenant home;
    struct role role;
    TRY(tenant_find(op, txn, work->tenant, &home));
    reason why = role_find(op, txn, home.slug, role_id, &role);
    if (why == REASON_OF(UNKNOWN_ROLE)) {
        REFUSE(op, NOT_FOUND, "this tenant has no role with this id, neither built-in nor its own");
    }
    TRY(why);
    return look_at(op, txn, &home, &role, &work->one);
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return read_as(op, txn, work, work->role_id);
}

static const struct field override_rows[] = {
    F_TEXTS(struct work, denied, 1, FIELD_MUST, PERMISSION_ROOM),
};
FIELD_TABLE(role_override_fields, "override", 1, struct work, override_rows);

// Of the role, and of what it does not give in this tenant.
static reason etag_of(struct op *op, const struct work *work, struct slice *ret_etag) {
    struct work taken = {.request = NULL};
    *ret_etag = SLICE_NONE;
    TRY(permission_texts(op, work->one.denied, &taken.denied));
    TRY(api_etag(op, &role_fields, &work->one.role, ret_etag));
    return api_etag(op, &role_override_fields, &taken, ret_etag);
}

// Before a change: the role as it is must be the one that If-Match names.
static reason match_one(struct op *op, struct txn *txn, struct work *work) {
    struct slice etag = SLICE_NONE;
    TRY(read_one(op, txn, work));
    TRY(etag_of(op, work, &etag));
    return api_if_match(op, work->request, etag);
}

static reason role_reply(struct op *op, struct reply *reply, unsigned status,
                         const struct work *work) {
    struct slice etag = SLICE_NONE;
    struct json *body = NULL;
    TRY(shown_json(op, &work->one, &body));
    TRY(etag_of(op, work, &etag));
    return api_reply_one(op, reply, status, body, etag);
}

reason api_role_get(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    struct work work = work_of(request);
    TRY(store_read(op, gate->store, read_one, &work));
    return role_reply(op, reply, 200, &work);
}

// ---- making -------------------------------------------------------------------------------------------

static reason store_new(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    work->made = work->asked;
    work->made.tenant = work->tenant;
    TRY(role_create(op, txn, &work->request->actor, &work->made));
    return read_as(op, txn, work, work->made.role_id);
}

static reason store_clone(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    work->made = work->asked;
    work->made.tenant = work->tenant;
    TRY(role_clone(op, txn, &work->request->actor, work->role_id, &work->made));
    return read_as(op, txn, work, work->made.role_id);
}

static reason say_new(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct work *work = arg;
    (void)gate;
    TRY(role_reply(op, reply, 201, work));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/tenants/%.*s/roles/%.*s", SLICE(work->tenant),
                         SLICE(work->made.role_id)));
    return NULL;
}

reason api_roles_create(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct work work = work_of(request);
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &role_fields, object, S(""), &work.asked));
    const struct api_creation made = {.store = store_new, .say = say_new, .arg = &work};
    return api_create(op, gate, request, reply, &made);
}

// The id of the copy must be said; its name and description may be.
static const struct field clone_rows[] = {
    F_TEXT(struct role, role_id, 1, FIELD_MUST, 64),
    F_TEXT(struct role, name, 2, FIELD_PLAIN, ROLE_NAME_MAX),
    F_TEXT(struct role, description, 3, FIELD_PLAIN, ROLE_DESCRIPTION_MAX),
};
FIELD_TABLE(role_clone_fields, "role", 1, struct role, clone_rows);

reason api_role_clone(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct work work = work_of(request);
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &role_clone_fields, object, S(""), &work.asked));
    const struct api_creation made = {.store = store_clone, .say = say_new, .arg = &work};
    return api_create(op, gate, request, reply, &made);
}

// ---- changing -----------------------------------------------------------------------------------------

static const struct field change_rows[] = {
    F_TEXT(struct role, name, 1, FIELD_PLAIN, ROLE_NAME_MAX),
    F_TEXT(struct role, description, 2, FIELD_PLAIN, ROLE_DESCRIPTION_MAX),
    F_TEXTS(struct role, permissions, 3, FIELD_PLAIN, PERMISSION_ROOM),
};
FIELD_TABLE(role_change_fields, "role", 1, struct role, change_rows);

// Read over what is stored: what is left out stays.
static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(match_one(op, txn, work));
    work->made = work->one.role;
    work->made.tenant = work->tenant;
    TRY(json_to_fields(op, &role_change_fields, work->object, S(""), &work->made));
    TRY(role_change(op, txn, &work->request->actor, &work->made));
    return read_one(op, txn, work);
}

reason api_role_patch(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct work work = work_of(request);
    TRY(request_json(op, request, &work.object));
    TRY(api_write(op, gate, store_change, &work));
    return role_reply(op, reply, 200, &work);
}

static reason remove_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    size_t members = 0;
    size_t before = op->error_count;
    TRY(match_one(op, txn, work));
    reason why = role_remove(op, txn, &work->request->actor, work->tenant, work->role_id,
                             work->reassign_to, &members);
    if (why == REASON_OF(ROLE_IN_USE)) {
        api_error_once(op, before, S(""), why);
    }
    return why;
}

reason api_role_delete(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    struct work work = work_of(request);
    TRY(request_query(op, request, "reassign_to", &work.reassign_to));
    TRY(api_write(op, gate, remove_one, &work));
    reply_empty(reply, 204);
    return NULL;
}

// ---- what a tenant takes out of a built-in role -----------------------------------------------------------

static reason store_override(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(match_one(op, txn, work));
    TRY(role_override_set(op, txn, &work->request->actor, work->tenant, work->role_id,
                          work->denied));
    return read_one(op, txn, work);
}

reason api_role_override_put(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    struct work work = work_of(request);
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &role_override_fields, object, S(""), &work));
    TRY(api_write(op, gate, store_override, &work));
    return role_reply(op, reply, 200, &work);
}

reason api_role_override_delete(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    struct work work = work_of(request);
    TRY(api_write(op, gate, store_override, &work));
    return role_reply(op, reply, 200, &work);
}

// ---- who has one --------------------------------------------------------------------------------------

static reason read_members(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    const struct member_filter filter = {.role = work->role_id, .status = -1};
    TRY(read_one(op, txn, work));
    return member_list(op, txn, work->tenant, &filter, work->page, &work->members, &work->next,
                       &work->total);
}

// The grants that give it: one person may have it by hand and by SSO.
static reason sources_json(struct op *op, const struct member *member, struct slice role_id,
                           struct json **ret_sources) {
    struct json *sources = json_array(op);
    struct rows shown;
    TRY(visit_show_grants(op, member->membership.grants, &member->visit, &shown));
    const struct grant *grants = shown.at;
    for (size_t i = 0; i < shown.count; i++) {
        if (slice_equal(grants[i].role_id, role_id)) {
            json_add(op, sources, json_from_fields(op, &grant_fields, &grants[i]));
        }
    }
    *ret_sources = sources;
    return NULL;
}

reason api_role_members(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct work work = work_of(request);
    TRY(request_page(op, request, &work.page));
    TRY(store_walk(op, gate->store, read_members, &work));
    struct json *items = json_array(op);
    const struct member *members = work.members.at;
    for (size_t i = 0; i < work.members.count; i++) {
        struct json *one = json_object(op);
        json_set_text(op, one, "id", members[i].user.id);
        json_set_text_or_null(op, one, "email", members[i].user.email);
        json_set_text(op, one, "first_name", members[i].user.first_name);
        json_set_text(op, one, "last_name", members[i].user.last_name);
        json_set_str(op, one, "status", membership_status_names[members[i].membership.status]);
        struct json *sources = NULL;
        TRY(sources_json(op, &members[i], work.role_id, &sources));
        json_set(op, one, "grants", sources);
        json_add(op, items, one);
    }
    return api_reply_list(op, reply, items, work.next, work.total);
}
