// SPDX-License-Identifier: GPL-3.0-or-later
// Organizations. Which tenants belong to one is said by the tenants (tenant.c keeps the index); here is who
// administers it, and what that lets see.
#include "domain/organization.h"

#include "base/text.h"
#include "domain/fault.h"
#include "domain/listing.h"
#include "domain/space.h"
#include "domain/user.h"

#define SLUG_MAX 63

static const struct field organization_rows[] = {
    F_TEXT(struct organization, slug, 1, FIELD_MUST, SLUG_MAX),
    F_TEXT(struct organization, name, 2, FIELD_PLAIN, ORGANIZATION_NAME_MAX),
    F_NUMBER(struct organization, number, 3, FIELD_OUTPUT, 0, INT64_MAX),
    F_TEXTS(struct organization, administrators, 4, FIELD_PLAIN, ORGANIZATION_ADMINS_MAX),
    F_TIME(struct organization, created_at, 5, FIELD_OUTPUT),
    F_TIME(struct organization, updated_at, 6, FIELD_OUTPUT),
};
FIELD_TABLE(organization_fields, "organization", 1, struct organization, organization_rows);

static struct key key_of(struct slice slug) {
    struct key key = key_in(SPACE_ORGANIZATION);
    key_text(&key, slug);
    return key;
}
static void organization_key(const void *row, struct key *ret_key) {
    *ret_key = key_of(((const struct organization *)row)->slug);
}
static bool organization_number_key(const void *row, struct key *ret_key) {
    const struct organization *organization = row;
    key_u64(ret_key, (uint64_t)organization->number);
    return organization->number > 0;
}
static const struct entity_index organization_indexes[] = {
    {SPACE_ORGANIZATION_NUMBER, true, REASON_OF(INTERNAL), organization_number_key},
};
const struct entity organization_entity = {
    .space = SPACE_ORGANIZATION,
    .fields = &organization_fields,
    .key = organization_key,
    .indexes = organization_indexes,
    .index_count = sizeof organization_indexes / sizeof organization_indexes[0],
};

// ---- finding ----

reason organization_find(struct op *op, struct txn *txn, struct slice slug,
                         struct organization *ret_organization) {
    bool found = false;
    if (text_slug(slug)) {
        struct key key = key_of(slug);
        TRY(entity_find(op, txn, &organization_entity, &key, ret_organization, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no organization with this short name");
    }
    return NULL;
}

reason organization_find_by_number(struct op *op, struct txn *txn, int64_t number,
                                   struct organization *ret_organization) {
    struct key key = key_in(SPACE_ORGANIZATION_NUMBER);
    bool found = false;
    if (number > 0) {
        key_u64(&key, (uint64_t)number);
        TRY(entity_find_by(op, txn, &organization_entity, 0, &key, ret_organization, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no organization with this number");
    }
    return NULL;
}

reason organization_list(struct op *op, struct txn *txn, struct page page,
                         struct rows *ret_organizations, struct slice *ret_next,
                         size_t *ret_total) {
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_by_slug(op, txn, &organization_entity, page, &rows, &more, ret_total));
    *ret_next = more ? ((const struct organization *)rows.at)[rows.count - 1].slug : SLICE_NONE;
    *ret_organizations = rows;
    return NULL;
}

// ---- changing ----

static void check_name(struct faults *faults, struct organization *organization) {
    organization->name = slice_trim(organization->name);
    if (organization->name.len == 0) {
        organization->name = organization->slug;
    }
    if (organization->name.len > ORGANIZATION_NAME_MAX) {
        fault_at(faults, "name", REASON_OF(FIELD_RANGE), "%zu bytes long; at most %d are taken",
                 organization->name.len, ORGANIZATION_NAME_MAX);
    } else if (!text_line(organization->name)) {
        fault_at(faults, "name", REASON_OF(RESTRICTED_CHARACTERS),
                 "a name is one line without control characters");
    }
}

// One who was an administrator and is no user any more does not keep the rest from being changed.
static reason check_administrators(struct op *op, struct txn *txn, struct faults *faults,
                                   struct texts old, struct organization *organization) {
    struct texts given = organization->administrators;
    struct texts once = {NULL, 0};
    if (given.count > ORGANIZATION_ADMINS_MAX) {
        fault_at(faults, "administrators", REASON_OF(FIELD_RANGE),
                 "%zu administrators; at most %d are taken", given.count, ORGANIZATION_ADMINS_MAX);
        return NULL;
    }
    TRY(op_take(op, (given.count + 1) * sizeof *once.at, &once.at));
    for (size_t i = 0; i < given.count; i++) {
        struct user user;
        reason why = texts_have(old, given.at[i]) ? NULL : user_find(op, txn, given.at[i], &user);
        if (why == REASON_OF(NOT_FOUND)) {
            fault_in(faults, "administrators", i, REASON_OF(FIELD_VALUE),
                     "there is no user with this id");
            continue;
        }
        TRY(why);
        if (!texts_have(once, given.at[i])) {
            once.at[once.count++] = given.at[i];
        }
    }
    organization->administrators = once;
    return NULL;
}

reason organization_create(struct op *op, struct txn *txn, const struct actor *actor,
                           struct organization *organization) {
    struct faults faults = faults_open(op, S(""));
    struct organization made = *organization;
    if (!text_slug(made.slug)) {
        fault_at(&faults, "slug", REASON_OF(FIELD_VALUE),
                 "1 to %d of a-z, 0-9 and hyphens, no hyphen at an end, as in \"acme-group\"",
                 SLUG_MAX);
    }
    check_name(&faults, &made);
    TRY(check_administrators(op, txn, &faults, (struct texts){NULL, 0}, &made));
    TRY(faults_end(&faults));
    made.created_at = op->now;
    made.updated_at = op->now;
    TRY(number_next(op, txn, &made.number));
    bool added = false;
    TRY(entity_add(op, txn, &organization_entity, &made, &added));
    if (!added) {
        REFUSE(op, DUPLICATE_SLUG, "there is an organization \"%.*s\" already", SLICE(made.slug));
    }
    TRY(audit_change(op, txn, actor, S(""), "organization.created", made.slug,
                     &organization_fields, NULL, &made));
    *organization = made;
    return NULL;
}

reason organization_change(struct op *op, struct txn *txn, const struct actor *actor,
                           struct organization *organization) {
    struct organization old;
    TRY(organization_find(op, txn, organization->slug, &old));
    struct faults faults = faults_open(op, S(""));
    struct organization made = *organization;
    check_name(&faults, &made);
    TRY(check_administrators(op, txn, &faults, old.administrators, &made));
    TRY(faults_end(&faults));
    made.number = old.number;
    made.created_at = old.created_at;
    made.updated_at = op->now;
    TRY(entity_put(op, txn, &organization_entity, &made));
    TRY(audit_change(op, txn, actor, S(""), "organization.changed", made.slug,
                     &organization_fields, &old, &made));
    *organization = made;
    return NULL;
}

reason organization_remove(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice slug) {
    struct organization old;
    struct rows tenants = {NULL, 0};
    TRY(organization_find(op, txn, slug, &old));
    TRY(tenant_list_of(op, txn, slug, &tenants));
    if (tenants.count > 0) {
        REFUSE(op, ORGANIZATION_NOT_EMPTY,
               "%zu tenants belong to it; take them out first, for example \"%.*s\"",
               tenants.count, SLICE(((const struct tenant *)tenants.at)[0].slug));
    }
    struct key key = key_of(slug);
    bool there = false;
    TRY(entity_remove(op, txn, &organization_entity, &key, &there));
    return audit_change(op, txn, actor, S(""), "organization.deleted", slug, &organization_fields,
                        &old, NULL);
}

// ---- who sees across ----

reason organization_sees(struct op *op, struct txn *txn, struct slice user_id, struct slice home,
                         struct slice organization, bool *ret_sees) {
    struct tenant tenant;
    struct organization found;
    *ret_sees = false;
    reason why = tenant_find(op, txn, home, &tenant);
    if (why == NULL && organization.len > 0 && slice_equal(tenant.organization, organization)) {
        why = organization_find(op, txn, organization, &found);
        *ret_sees = why == NULL && texts_have(found.administrators, user_id);
    }
    return why == REASON_OF(NOT_FOUND) ? NULL : why;
}

struct permission_set organization_view(void) {
    struct permission_set set = {{0, 0}};
    permission_add_number(&set, PERMISSION_USERS_LIST);
    permission_add_number(&set, PERMISSION_USERS_VIEW);
    permission_add_number(&set, PERMISSION_AUDIT_VIEW);
    return set;
}
