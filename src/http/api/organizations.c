// SPDX-License-Identifier: GPL-3.0-or-later
// Organizations: made by operators; their administrators see the tenants and the people of all of them. The users and
// roles of one tenant are read at that tenant's own addresses (guard_across).
#include "domain/organization.h"

#include "base/text.h"
#include "http/api/users.h"

struct work {
    const struct request *request;
    const struct json *object;
    struct organization asked, made;
    struct page page;
    struct rows rows;
    struct slice next;
    size_t total;
    // Of the list of people: across these tenants ("" = all), and in which one the page starts.
    struct slice tenants;
    struct member_filter filter;
    struct rows *found; // struct member, one list a tenant
    struct rows homes;  // struct tenant
};

static const struct field change_rows[] = {
    F_TEXT(struct organization, name, 1, FIELD_PLAIN, ORGANIZATION_NAME_MAX),
    F_TEXTS(struct organization, administrators, 2, FIELD_PLAIN, ORGANIZATION_ADMINS_MAX),
};
FIELD_TABLE(organization_change_fields, "organization", 1, struct organization, change_rows);

static reason reply_one(struct op *op, struct reply *reply, unsigned status,
                        const struct organization *organization) {
    struct slice etag = SLICE_NONE;
    TRY(api_etag(op, &organization_fields, organization, &etag));
    return api_reply_one(op, reply, status,
                         json_from_fields(op, &organization_fields, organization), etag);
}

// ---- the organizations ----------------------------------------------------------------------------------

static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return organization_list(op, txn, work->page, &work->rows, &work->next, &work->total);
}

reason api_organizations_list(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = {.request = request};
    TRY(request_page(op, request, &work.page));
    TRY(store_read(op, gate->store, read_list, &work));
    struct json *items = json_array(op);
    const struct organization *organizations = work.rows.at;
    for (size_t i = 0; i < work.rows.count; i++) {
        json_add(op, items, json_from_fields(op, &organization_fields, &organizations[i]));
    }
    return api_reply_list(op, reply, items, work.next, work.total);
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return organization_find(op, txn, work->request->args[0], &work->made);
}

reason api_organization_get(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    struct work work = {.request = request};
    TRY(store_read(op, gate->store, read_one, &work));
    return reply_one(op, reply, 200, &work.made);
}

static reason store_new(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    work->made = work->asked;
    return organization_create(op, txn, &work->request->actor, &work->made);
}

static reason say_new(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct work *work = arg;
    (void)gate;
    TRY(reply_one(op, reply, 201, &work->made));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/organizations/%.*s", SLICE(work->made.slug)));
    return NULL;
}

reason api_organizations_create(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    struct work work = {.request = request};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &organization_fields, object, S(""), &work.asked));
    const struct api_creation made = {.store = store_new, .say = say_new, .arg = &work};
    return api_create(op, gate, request, reply, &made);
}

static reason match(struct op *op, struct txn *txn, struct work *work) {
    struct slice etag = SLICE_NONE;
    TRY(read_one(op, txn, work));
    TRY(api_etag(op, &organization_fields, &work->made, &etag));
    return api_if_match(op, work->request, etag);
}

static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(match(op, txn, work));
    TRY(json_to_fields(op, &organization_change_fields, work->object, S(""), &work->made));
    return organization_change(op, txn, &work->request->actor, &work->made);
}

reason api_organization_put(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    struct work work = {.request = request};
    TRY(request_json(op, request, &work.object));
    TRY(api_write(op, gate, store_change, &work));
    return reply_one(op, reply, 200, &work.made);
}

static reason remove_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(match(op, txn, work));
    return organization_remove(op, txn, &work->request->actor, work->request->args[0]);
}

reason api_organization_delete(struct op *op, struct gate *gate, struct request *request,
                               struct reply *reply) {
    struct work work = {.request = request};
    TRY(api_write(op, gate, remove_one, &work));
    reply_empty(reply, 204);
    return NULL;
}

// ---- its tenants ------------------------------------------------------------------------------------------

static reason read_tenants(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_one(op, txn, work));
    return tenant_list_of(op, txn, work->made.slug, &work->homes);
}

// Not all that operators see of a tenant.
static struct json *tenant_json(struct op *op, const struct tenant *tenant) {
    struct json *one = json_object(op);
    json_set_text(op, one, "slug", tenant->slug);
    json_set_text(op, one, "name", tenant->name);
    json_set_number(op, one, "number", tenant->number);
    json_set_str(op, one, "environment", environment_names[tenant->environment]);
    json_set_bool(op, one, "disabled", tenant->disabled);
    json_set_texts(op, one, "entitlements", tenant->entitlements);
    return one;
}

reason api_organization_tenants(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply) {
    struct work work = {.request = request};
    TRY(store_read(op, gate->store, read_tenants, &work));
    struct json *items = json_array(op);
    const struct tenant *tenants = work.homes.at;
    for (size_t i = 0; i < work.homes.count; i++) {
        json_add(op, items, tenant_json(op, &tenants[i]));
    }
    return api_reply_list(op, reply, items, SLICE_NONE, work.homes.count);
}

// ---- the people of all its tenants --------------------------------------------------------------------------

// The names in "a,b"; "" names all.
static bool is_named(struct slice names, struct slice slug) {
    struct slice one;
    if (names.len == 0) {
        return true;
    }
    while (names.at != NULL && slice_cut(&names, ',', &one)) {
        if (slice_equal(slice_trim(one), slug)) {
            return true;
        }
    }
    return false;
}

static reason check_names(struct op *op, struct slice names, struct rows homes) {
    struct slice one;
    while (names.len > 0 && names.at != NULL && slice_cut(&names, ',', &one)) {
        bool there = false;
        for (size_t i = 0; i < homes.count && !there; i++) {
            there = slice_equal(((const struct tenant *)homes.at)[i].slug, slice_trim(one));
        }
        if (!there) {
            REFUSE(op, NOT_FOUND, "no tenant \"%.*s\" belongs to this organization",
                   SLICE(slice_sub(slice_trim(one), 0, 64)));
        }
    }
    return NULL;
}

// Where a page is: the tenant and the place in it that it starts at (a cursor is "acme:" and that tenant's own), and
// how many rows still fit.
struct place {
    struct slice tenant, inner;
    size_t left;
};

static reason read_place(struct op *op, const struct work *work, struct place *ret_place) {
    struct place place = {.inner = work->page.cursor, .left = work->page.limit};
    place.left = place.left > 0 ? place.left : PAGE_LIMIT_DEFAULT;
    if (place.inner.len > 0 && (!slice_cut(&place.inner, ':', &place.tenant) ||
                                place.inner.at == NULL || !text_slug(place.tenant))) {
        REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
    }
    *ret_place = place;
    return NULL;
}

// What one tenant adds to the page and to the total. One that lies before the page, or after its end, is only counted.
static reason read_home(struct op *op, struct txn *txn, struct work *work, size_t index,
                        struct place *place) {
    struct slice slug = ((const struct tenant *)work->homes.at)[index].slug;
    int order = place->tenant.len > 0 ? slice_compare(slug, place->tenant) : 1;
    bool shown = order >= 0 && place->left > 0;
    struct page page = {shown ? place->left : 1, order == 0 ? place->inner : SLICE_NONE};
    struct rows members = {NULL, 0};
    struct slice next = SLICE_NONE;
    size_t total = 0;
    TRY(member_list(op, txn, slug, &work->filter, page, &members, &next, &total));
    work->total += total;
    if (shown) {
        work->found[index] = members;
        place->left -= members.count;
        if (next.len > 0) {
            place->left = 0;
            work->next = op_text(op, "%.*s:%.*s", SLICE(slug), SLICE(next));
        }
    } else if (order >= 0 && work->next.len == 0 && members.count > 0) {
        work->next = op_text(op, "%.*s:", SLICE(slug));
    }
    return NULL;
}

// Tenant after tenant, until the page is full.
static reason read_people(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct place place;
    TRY(read_tenants(op, txn, work));
    TRY(check_names(op, work->tenants, work->homes));
    TRY(read_place(op, work, &place));
    TRY(op_take(op, (work->homes.count + 1) * sizeof *work->found, &work->found));
    work->total = 0;
    work->next = SLICE_NONE;
    for (size_t i = 0; i < work->homes.count; i++) {
        if (is_named(work->tenants, ((const struct tenant *)work->homes.at)[i].slug)) {
            TRY(read_home(op, txn, work, i, &place));
        }
    }
    return NULL;
}

static reason read_filter(struct op *op, const struct request *request, struct work *work) {
    work->filter.status = -1;
    TRY(request_query(op, request, "tenants", &work->tenants));
    TRY(request_query(op, request, "q", &work->filter.q));
    return request_query(op, request, "role", &work->filter.role);
}

reason api_organization_users(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = {.request = request};
    const struct actor viewer = {.kind = ACTOR_USER, .permissions = organization_view()};
    TRY(request_page(op, request, &work.page));
    TRY(read_filter(op, request, &work));
    TRY(store_walk(op, gate->store, read_people, &work));
    struct json *items = json_array(op);
    const struct tenant *homes = work.homes.at;
    for (size_t i = 0; i < work.homes.count; i++) {
        const struct member *members = work.found[i].at;
        if (work.found[i].count > 0) {
            TRY(reads_note_users(op, gate, request, homes[i].slug));
        }
        for (size_t j = 0; j < work.found[i].count; j++) {
            struct json *one = member_item(op, &viewer, &members[j], false);
            json_set_text(op, one, "tenant", homes[i].slug);
            json_set_str(op, one, "environment", environment_names[homes[i].environment]);
            json_add(op, items, one);
        }
    }
    return api_reply_list(op, reply, items, work.next, work.total);
}
