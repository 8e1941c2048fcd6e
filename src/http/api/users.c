// SPDX-License-Identifier: GPL-3.0-or-later
// The people of a tenant: listed, invited, shown, renamed, given roles. What a sign-in granted is shown with its origin
// and never changed here. What happens to people is in user_life.c.
#include "domain/roll.h"
#include "domain/tenant_settings.h"
#include "http/api/components.h"
#include "http/api/service_users.h"
#include "http/api/users.h"

// ---- the list -----------------------------------------------------------------------------------------

enum kind { KIND_PERSON, KIND_SERVICE, KIND_ALL };
static const char *const kind_names[] = {"person", "service", "all", NULL};
#define SERVICES_CURSOR "service." // of a page of service users in a list of all: they come after the people

struct list {
    const struct actor *actor;
    struct slice tenant;
    enum kind kind;
    struct rows services; // struct service_user_shown
    struct member_filter filter;
    struct page page;
    struct rows members;
    struct slice next;
    size_t total;
    uint64_t all; // people of the tenant but those who were removed
    bool masked;
    bool masked_kinds; // programs are not shown
    bool exact;
};

// Everybody in the tenant may see who is there, with addresses masked, unless the tenant says otherwise.
static reason may_list(struct op *op, struct txn *txn, struct list *list) {
    struct tenant_settings settings;
    const struct actor *actor = list->actor;
    list->masked = actor->kind != ACTOR_OPERATOR && !permission_may(actor->permissions, "users:view");
    if (!list->masked || permission_may(actor->permissions, "users:list")) {
        return NULL;
    }
    TRY(tenant_settings_find(op, txn, list->tenant, &settings));
    if (settings.user_list_visibility != LIST_EVERYONE) {
        REFUSE(op, FORBIDDEN, "this needs the permission users:view");
    }
    return NULL;
}

static reason read_people(struct op *op, struct txn *txn, struct list *list) {
    list->filter.names_only = list->masked;
    return member_search(op, txn, list->tenant, &list->filter, list->page, &list->members,
                         &list->next, &list->total, &list->exact);
}

// The page of service users, or only how many there are.
static reason read_services(struct op *op, struct txn *txn, struct list *list, bool show) {
    struct service_user_filter filter = {.q = list->filter.q,
                                         .role = list->filter.role,
                                         .status = list->filter.status == MEMBER_DISABLED ? SERVICE_DISABLED
                                                   : list->filter.status == MEMBER_ACTIVE ? SERVICE_ACTIVE
                                                                                          : -1};
    struct page page = list->page;
    struct rows rows = {NULL, 0};
    struct slice next = SLICE_NONE;
    size_t total = 0;
    if (list->filter.status >= 0 && filter.status < 0) {
        return NULL; // a program is in none of the other states
    }
    page.cursor = slice_sub(page.cursor, strlen(SERVICES_CURSOR), page.cursor.len);
    TRY(service_user_list(op, txn, list->tenant, &filter, page, &rows, &next, &total));
    list->total += total;
    if (show) {
        list->services = rows;
        list->next = next.len > 0 ? op_text(op, SERVICES_CURSOR "%.*s", SLICE(next)) : SLICE_NONE;
    } else if (list->next.len == 0 && total > 0) {
        list->next = S(SERVICES_CURSOR);
    }
    return NULL;
}

static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    struct tenant tenant;
    bool on_services =
        list->kind == KIND_SERVICE || slice_starts(list->page.cursor, S(SERVICES_CURSOR));
    bool sees = !list->masked_kinds;
    TRY(tenant_find(op, txn, list->tenant, &tenant));
    TRY(may_list(op, txn, list));
    TRY(roll_count(op, txn, list->tenant, S(""), -1, &list->all));
    list->total = 0;
    list->exact = true;
    if (list->kind != KIND_SERVICE) {
        struct page page = list->page;
        list->page.cursor = on_services ? SLICE_NONE : page.cursor;
        TRY(read_people(op, txn, list));
        list->page = page;
        list->members.count = on_services ? 0 : list->members.count;
    }
    return list->kind != KIND_PERSON && sees ? read_services(op, txn, list, on_services) : NULL;
}

// Programs are shown to those who see people as they are, or manage programs.
static reason read_kind(struct op *op, const struct request *request, struct list *list) {
    struct slice text;
    const struct actor *actor = list->actor;
    TRY(request_query(op, request, "kind", &text));
    list->masked_kinds = actor->kind != ACTOR_OPERATOR &&
                         !permission_may(actor->permissions, "users:view") &&
                         !permission_may(actor->permissions, "service_users:manage");
    for (int i = 0; text.len > 0 && kind_names[i] != NULL; i++) {
        if (slice_equal(text, slice_str(kind_names[i]))) {
            list->kind = (enum kind)i;
            text = SLICE_NONE;
        }
    }
    if (text.len > 0) {
        REFUSE(op, INVALID_INPUT, "kind is person, service or all; got %.*s",
               SLICE(slice_sub(text, 0, 40)));
    }
    if (list->kind == KIND_SERVICE && list->masked_kinds) {
        REFUSE(op, FORBIDDEN, "this needs the permission users:view or service_users:manage");
    }
    return NULL;
}

static reason read_status(struct op *op, struct slice text, int *ret_status) {
    for (int i = 0; membership_status_names[i] != NULL; i++) {
        if (slice_equal(text, slice_str(membership_status_names[i]))) {
            *ret_status = i;
            return NULL;
        }
    }
    REFUSE(op, INVALID_INPUT,
           "status is invited, invite_expired, active, locked, disabled, reactivating or deleted; "
           "got %.*s",
           SLICE(slice_sub(text, 0, 40)));
}

static reason read_filter(struct op *op, const struct request *request,
                          struct member_filter *ret_filter) {
    struct member_filter filter = {.status = -1};
    struct slice status;
    TRY(request_query(op, request, "status", &status));
    TRY(request_query(op, request, "q", &filter.q));
    TRY(request_query(op, request, "role", &filter.role));
    TRY(request_query(op, request, "sort", &filter.sort));
    if (status.len > 0) {
        TRY(read_status(op, status, &filter.status));
    }
    *ret_filter = filter;
    return NULL;
}

reason api_users_list(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct list list = {.actor = &request->actor, .tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    TRY(read_filter(op, request, &list.filter));
    TRY(read_kind(op, request, &list));
    TRY(store_walk(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct member *members = list.members.at;
    for (size_t i = 0; i < list.members.count; i++) {
        json_add(op, items, member_item(op, list.actor, &members[i], list.masked));
    }
    const struct service_user_shown *services = list.services.at;
    for (size_t i = 0; i < list.services.count; i++) {
        json_add(op, items, service_item(op, gate, &services[i]));
    }
    struct json *body = json_object(op);
    json_set(op, body, "items", items);
    json_set_text_or_null(op, body, "next_cursor", list.next);
    json_set_number(op, body, "total", (int64_t)list.total);
    json_set_number(op, body, "all", (int64_t)list.all);
    json_set_bool(op, body, "total_exact", list.exact);
    return reply_json(op, reply, 200, body);
}

// ---- one ----------------------------------------------------------------------------------------------

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct user_work *work = arg;
    struct member member;
    TRY(member_find(op, txn, work->tenant, work->user_id, &member));
    return user_work_done(op, txn, &member, work);
}

reason api_user_get(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    struct user_work work = user_work_of(request);
    TRY(store_read(op, gate->store, read_one, &work));
    return user_work_reply(op, reply, 200, &work);
}

// ---- inviting and changing ----------------------------------------------------------------------------

struct ask {
    struct slice email, first_name, last_name;
    struct texts roles;
    bool send_invite, sso_only;
    int64_t expires_at;
    struct slice ticket;
};
static const struct field ask_rows[] = {
    F_TEXT(struct ask, first_name, 1, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXT(struct ask, last_name, 2, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXTS(struct ask, roles, 3, FIELD_PLAIN, ROLES_EACH_MAX),
    F_TIME(struct ask, expires_at, 4, FIELD_PLAIN),
    F_TEXT(struct ask, ticket, 5, FIELD_NULL, MEMBER_TEXT_MAX),
    F_BOOL(struct ask, sso_only, 6, FIELD_PLAIN),
    F_TEXT(struct ask, email, 7, FIELD_MUST, 254),
    F_BOOL(struct ask, send_invite, 8, FIELD_PLAIN),
};
FIELD_TABLE(user_add_fields, "user", 1, struct ask, ask_rows);
// All but whether there is a letter. The e-mail address need not be said: a new one has to be confirmed.
static const struct field change_rows[] = {
    F_TEXT(struct ask, first_name, 1, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXT(struct ask, last_name, 2, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXTS(struct ask, roles, 3, FIELD_PLAIN, ROLES_EACH_MAX),
    F_TIME(struct ask, expires_at, 4, FIELD_PLAIN),
    F_TEXT(struct ask, ticket, 5, FIELD_NULL, MEMBER_TEXT_MAX),
    F_BOOL(struct ask, sso_only, 6, FIELD_PLAIN),
    F_TEXT(struct ask, email, 7, FIELD_PLAIN, 254),
};
FIELD_TABLE(user_change_fields, "user", 1, struct ask, change_rows);

// Domain says what is wrong with the roles; which member of the body that is, is known here.
static reason blame_roles(struct op *op, size_t from, reason why) {
    if (why == REASON_OF(UNKNOWN_ROLE)) {
        api_error_once(op, from, S("/roles"), why);
    }
    return why;
}

struct inviting {
    struct user_work work;
    struct invitation invitation;
    bool known;
};
static reason store_new(struct op *op, struct txn *txn, void *arg) {
    struct inviting *inviting = arg;
    struct member member;
    size_t from = op->error_count;
    TRY(blame_roles(op, from,
                    member_invite(op, txn, inviting->work.actor, inviting->work.tenant,
                                  &inviting->invitation, &member, &inviting->known)));
    return user_work_done(op, txn, &member, &inviting->work);
}

// 201: a new identity; 200: somebody who was known here became a member.
static reason say_new(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct inviting *inviting = arg;
    (void)gate;
    TRY(user_work_reply(op, reply, inviting->known ? 200 : 201, &inviting->work));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/tenants/%.*s/users/%.*s", SLICE(inviting->work.tenant),
                         SLICE(inviting->work.shown.member.user.id)));
    return NULL;
}

reason api_users_create(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct inviting inviting = {.work = user_work_of(request)};
    struct ask ask = {.send_invite = true};
    const struct json *object = NULL;
    struct component_ask access;
    TRY(request_json(op, request, &object));
    TRY(components_take(op, object, &access, &object));
    TRY(json_to_fields(op, &user_add_fields, object, S(""), &ask));
    TRY(components_merge(op, &access, true, ask.roles, (struct rows){NULL, 0}, &ask.roles));
    inviting.invitation = (struct invitation){.email = ask.email,
                                              .first_name = ask.first_name,
                                              .last_name = ask.last_name,
                                              .role_ids = ask.roles,
                                              .silent = !ask.send_invite,
                                              .sso_only = ask.sso_only,
                                              .expires_at = ask.expires_at,
                                              .ticket = ask.ticket};
    const struct api_creation creation = {.store = store_new, .say = say_new, .arg = &inviting};
    return api_create(op, gate, request, reply, &creation);
}

struct changing {
    struct user_work work;
    const struct json *object;
    struct component_ask access;
};

static bool says(const struct json *object, const char *name) {
    return json_get(object, name) != NULL;
}

static reason change_roles(struct op *op, struct txn *txn, struct changing *changing,
                           const struct ask *ask, struct member *member) {
    const struct user_work *work = &changing->work;
    bool has_roles = says(changing->object, "roles");
    struct texts roles;
    if (!has_roles && !changing->access.said) {
        return NULL;
    }
    TRY(components_merge(op, &changing->access, has_roles, ask->roles, member->membership.grants,
                         &roles));
    return blame_roles(op, op->error_count,
                       member_set_roles(op, txn, work->actor, work->tenant, work->user_id, roles,
                                        member));
}

// A role that is given for a time only needs the end first; without that role the end may go.
static reason change_access(struct op *op, struct txn *txn, struct changing *changing,
                            const struct ask *ask, struct member *member) {
    const struct user_work *work = &changing->work;
    bool end_first = texts_have(ask->roles, S("support_access"));
    if (!end_first) {
        TRY(change_roles(op, txn, changing, ask, member));
    }
    if (says(changing->object, "expires_at") || says(changing->object, "ticket")) {
        TRY(member_set_end(op, txn, work->actor, work->tenant, work->user_id, ask->expires_at,
                           ask->ticket, member));
    }
    return end_first ? change_roles(op, txn, changing, ask, member) : NULL;
}

static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct changing *changing = arg;
    struct user_work *work = &changing->work;
    TRY(user_work_find(op, txn, work));
    struct member member = work->shown.member;
    struct ask ask = {.first_name = member.user.first_name,
                      .last_name = member.user.last_name,
                      .expires_at = member.membership.expires_at,
                      .ticket = member.membership.ticket,
                      .sso_only = member.membership.sso_only};
    TRY(json_to_fields(op, &user_change_fields, changing->object, S(""), &ask));
    if (says(changing->object, "first_name") || says(changing->object, "last_name")) {
        TRY(member_set_names(op, txn, work->actor, work->tenant, work->user_id, ask.first_name,
                             ask.last_name, &member));
    }
    TRY(change_access(op, txn, changing, &ask, &member));
    if (says(changing->object, "sso_only")) {
        TRY(member_set_sso_only(op, txn, work->actor, work->tenant, work->user_id, ask.sso_only,
                                &member));
    }
    if (says(changing->object, "email") && !slice_equal(ask.email, member.user.email)) {
        TRY(member_change_email(op, txn, work->actor, work->tenant, work->user_id, ask.email,
                                &member));
    }
    return user_work_done(op, txn, &member, work);
}

reason api_user_patch(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct changing changing = {.work = user_work_of(request)};
    TRY(request_json(op, request, &changing.object));
    TRY(components_take(op, changing.object, &changing.access, &changing.object));
    TRY(api_write(op, gate, store_change, &changing));
    return user_work_reply(op, reply, 200, &changing.work);
}
