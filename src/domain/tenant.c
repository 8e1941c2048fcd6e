// SPDX-License-Identifier: GPL-3.0-or-later
// Tenants, and which tenant a domain belongs to. What a tenant holds (connections, roles, people)
// is kept elsewhere; a tenant goes only when it holds none of it.
#include "domain/tenant.h"

#include "base/text.h"
#include "domain/fault.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/organization.h"
#include "domain/request.h"
#include "domain/job.h"
#include "domain/service_user.h"
#include "domain/space.h"
#include "domain/tenant_settings.h"

#define SLUG_MAX 63
#define REMOVE_STEP 256 // rows of one round of a removal

const char *const environment_names[] = {"production", "staging", "development", NULL};

static const struct field override_rows[] = {
    F_TEXT(struct role_override, role_id, 1, FIELD_PLAIN, 64),
    F_TEXTS(struct role_override, denied, 2, FIELD_PLAIN, PERMISSION_ROOM),
};
static FIELD_TABLE(override_fields, "override", 1, struct role_override, override_rows);

static const struct field tenant_rows[] = {
    F_TEXT(struct tenant, slug, 1, FIELD_PLAIN, SLUG_MAX),
    F_TEXT(struct tenant, name, 2, FIELD_PLAIN, TENANT_NAME_MAX),
    F_TEXTS(struct tenant, domains, 3, FIELD_PLAIN, TENANT_DOMAINS_MAX),
    F_BOOL(struct tenant, disabled, 4, FIELD_PLAIN),
    F_TIME(struct tenant, created_at, 5, FIELD_OUTPUT),
    F_TIME(struct tenant, updated_at, 6, FIELD_OUTPUT),
    F_TEXT(struct tenant, organization, 7, FIELD_NULL, SLUG_MAX),
    F_CHOICE(struct tenant, environment, 8, FIELD_PLAIN, environment_names),
    F_TEXTS(struct tenant, entitlements, 9, FIELD_PLAIN, TENANT_ENTITLEMENTS_MAX),
    F_NUMBER(struct tenant, number, 10, FIELD_OUTPUT, 0, INT64_MAX),
    F_NUMBER(struct tenant, roles_version, 11, FIELD_HIDDEN, 0, INT64_MAX),
    F_TIME(struct tenant, roles_changed_at, 12, FIELD_HIDDEN),
    F_TEXT(struct tenant, roles_changed_by, 13, FIELD_HIDDEN, ROLE_ACTOR_MAX),
    F_STRUCTS(struct tenant, overrides, 14, FIELD_HIDDEN, TENANT_OVERRIDES_MAX, override_fields),
};
FIELD_TABLE(tenant_fields, "tenant", 2, struct tenant, tenant_rows);

static struct key key_of(struct slice slug) {
    struct key key = key_in(SPACE_TENANT);
    key_text(&key, slug);
    return key;
}

static void tenant_key(const void *row, struct key *ret_key) {
    *ret_key = key_of(((const struct tenant *)row)->slug);
}
static bool tenant_number_key(const void *row, struct key *ret_key) {
    const struct tenant *tenant = row;
    key_u64(ret_key, (uint64_t)tenant->number);
    return tenant->number > 0;
}

static bool tenant_of_key(const void *row, struct key *ret_key) {
    const struct tenant *tenant = row;
    key_text(ret_key, tenant->organization);
    key_text(ret_key, tenant->slug);
    return tenant->organization.len > 0;
}
static const struct entity_index tenant_indexes[] = {
    {SPACE_TENANT_NUMBER, true, REASON_OF(INTERNAL), tenant_number_key},
    {SPACE_TENANT_OF, true, NULL, tenant_of_key},
};
const struct entity tenant_entity = {
    .space = SPACE_TENANT,
    .fields = &tenant_fields,
    .key = tenant_key,
    .indexes = tenant_indexes,
    .index_count = sizeof tenant_indexes / sizeof tenant_indexes[0],
};

static struct key domain_key(struct slice domain) {
    struct key key = key_in(SPACE_DOMAIN);
    key_text(&key, domain);
    return key;
}

// ---- finding ----

reason tenant_find(struct op *op, struct txn *txn, struct slice slug, struct tenant *ret_tenant) {
    bool found = false;
    if (text_slug(slug)) {
        struct key key = key_of(slug);
        TRY(entity_find(op, txn, &tenant_entity, &key, ret_tenant, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no tenant with this short name");
    }
    return NULL;
}

reason tenant_list(struct op *op, struct txn *txn, struct page page, struct rows *ret_tenants,
                   struct slice *ret_next, size_t *ret_total) {
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_by_slug(op, txn, &tenant_entity, page, &rows, &more, ret_total));
    *ret_next = more ? ((const struct tenant *)rows.at)[rows.count - 1].slug : SLICE_NONE;
    *ret_tenants = rows;
    return NULL;
}

reason domain_owner(struct op *op, struct txn *txn, struct slice domain, struct slice *ret_tenant) {
    struct key key = domain_key(domain);
    struct slice value = SLICE_NONE;
    if (!key.broken) {
        TRY(txn_get(op, txn, key_slice(&key), &value));
    }
    if (value.at == NULL) {
        REFUSE(op, NOT_FOUND, "this domain belongs to no tenant");
    }
    return op_copy(op, value, ret_tenant);
}

// ---- organizations, roles ----

reason tenant_list_of(struct op *op, struct txn *txn, struct slice organization,
                      struct rows *ret_tenants) {
    struct key prefix = key_in(SPACE_TENANT_OF);
    key_text(&prefix, organization);
    const struct listing listing = {
        .entity = &tenant_entity, .prefix = key_slice(&prefix), .index = true};
    bool more = false;
    return listing_read(op, txn, &listing, TENANTS_EACH_MAX, ret_tenants, &more);
}

reason tenant_roles_changed(struct op *op, struct txn *txn, const struct actor *actor,
                            struct slice slug) {
    struct tenant tenant;
    TRY(tenant_find(op, txn, slug, &tenant));
    tenant.roles_version++;
    tenant.roles_changed_at = op->now;
    tenant.roles_changed_by = text_cut(actor->id, ROLE_ACTOR_MAX);
    return entity_put(op, txn, &tenant_entity, &tenant);
}

// ---- domains ----

// Normalised, each once; *ret_places: where each stands in what was given, for pointers.
static reason read_domains(struct op *op, struct texts given, struct faults *faults,
                           struct texts *ret_domains, const size_t **ret_places) {
    struct texts domains = {NULL, 0};
    size_t *places = NULL;
    if (given.count > TENANT_DOMAINS_MAX) {
        fault_at(faults, "domains", REASON_OF(FIELD_RANGE), "%zu domains; at most %d are taken",
                 given.count, TENANT_DOMAINS_MAX);
        *ret_domains = domains;
        *ret_places = places;
        return NULL;
    }
    TRY(op_take(op, given.count * sizeof *domains.at, &domains.at));
    TRY(op_take(op, given.count * sizeof *places, &places));
    for (size_t i = 0; i < given.count; i++) {
        struct slice domain;
        reason why = domain_normalise(op, given.at[i], &domain);
        if (why == REASON_OF(INVALID_INPUT)) {
            fault_in(faults, "domains", i, REASON_OF(FIELD_VALUE), "%.*s", SLICE(op->detail));
            continue;
        }
        TRY(why);
        if (!texts_have(domains, domain)) {
            places[domains.count] = i;
            domains.at[domains.count++] = domain;
        }
    }
    *ret_domains = domains;
    *ret_places = places;
    return NULL;
}

// A domain says whose people are whose: it counts once an operator set it.
static reason claim_domains(struct op *op, struct txn *txn, const struct actor *actor,
                            struct slice slug, struct texts had, struct texts domains,
                            const size_t *places, struct faults *faults) {
    for (size_t i = 0; i < domains.count; i++) {
        if (texts_have(had, domains.at[i])) {
            continue;
        }
        if (actor->kind != ACTOR_OPERATOR && actor->kind != ACTOR_SYSTEM) {
            fault_in(faults, "domains", places[i], REASON_OF(FORBIDDEN),
                     "only an operator adds a domain; \"%.*s\" is new here", SLICE(domains.at[i]));
            continue;
        }
        bool added = false;
        struct key key = domain_key(domains.at[i]);
        TRY(txn_add(op, txn, key_slice(&key), slug, &added));
        if (!added) {
            fault_in(faults, "domains", places[i], REASON_OF(DOMAIN_TAKEN),
                     "\"%.*s\" belongs to another tenant", SLICE(domains.at[i]));
        }
    }
    return NULL;
}

struct domain_use {
    struct slice domain;
    bool found;
    char connection[SLUG_MAX + 1];
};

static bool names_domain(struct op *op, const void *row, void *arg) {
    (void)op;
    const struct connection *connection = row;
    struct domain_use *use = arg;
    if (texts_have(connection->policy.domains, use->domain) && connection->slug.len <= SLUG_MAX) {
        memcpy(use->connection, connection->slug.at, connection->slug.len);
        use->found = true;
    }
    return !use->found;
}

static struct key connections_of(struct slice tenant) {
    struct key key = key_in(SPACE_CONNECTION_OF);
    key_text(&key, tenant);
    return key;
}

static reason drop_domains(struct op *op, struct txn *txn, struct slice slug, struct texts had,
                           struct texts domains) {
    struct key prefix = connections_of(slug);
    const struct listing listing = {
        .entity = &connection_entity, .prefix = key_slice(&prefix), .index = true};
    for (size_t i = 0; i < had.count; i++) {
        if (texts_have(domains, had.at[i])) {
            continue;
        }
        struct domain_use use = {.domain = had.at[i]};
        TRY(listing_each(op, txn, &listing, names_domain, &use));
        if (use.found) {
            REFUSE(op, DOMAIN_IN_USE,
                   "the policy of connection \"%s\" names \"%.*s\"; take it out there first",
                   use.connection, SLICE(had.at[i]));
        }
        bool there = false;
        struct key key = domain_key(had.at[i]);
        TRY(txn_delete(op, txn, key_slice(&key), &there));
    }
    return NULL;
}

// ---- changing ----

// Each once, and each one that some permission needs.
static reason check_entitlements(struct op *op, struct faults *faults, struct tenant *tenant) {
    struct texts once = {NULL, 0};
    TRY(op_take(op, (tenant->entitlements.count + 1) * sizeof *once.at, &once.at));
    for (size_t i = 0; i < tenant->entitlements.count; i++) {
        struct slice name = tenant->entitlements.at[i];
        if (!entitlement_known(name)) {
            fault_in(faults, "entitlements", i, REASON_OF(FIELD_VALUE),
                     "nothing needs an entitlement \"%.*s\"", SLICE(slice_sub(name, 0, 64)));
        } else if (!texts_have(once, name)) {
            once.at[once.count++] = name;
        }
    }
    tenant->entitlements = once;
    return NULL;
}

// Whom a tenant belongs to says who may look into it: operators alone decide that, and what it bought.
static void check_operators(struct faults *faults, const struct actor *actor,
                            const struct tenant *old, const struct tenant *now) {
    if (actor->kind == ACTOR_OPERATOR || actor->kind == ACTOR_SYSTEM) {
        return;
    }
    if (!slice_equal(old->organization, now->organization)) {
        fault_at(faults, "organization", REASON_OF(FORBIDDEN),
                 "only an operator puts a tenant into an organization");
    }
    for (size_t i = 0; i < now->entitlements.count; i++) {
        if (!texts_have(old->entitlements, now->entitlements.at[i])) {
            fault_in(faults, "entitlements", i, REASON_OF(FORBIDDEN),
                     "only an operator gives an entitlement");
        }
    }
}

static reason check_organization(struct op *op, struct txn *txn, struct faults *faults,
                                 const struct tenant *old, const struct tenant *now) {
    struct organization organization;
    struct rows tenants = {NULL, 0};
    if (now->organization.len == 0 || slice_equal(old->organization, now->organization)) {
        return NULL;
    }
    reason why = organization_find(op, txn, now->organization, &organization);
    if (why == REASON_OF(NOT_FOUND)) {
        fault_at(faults, "organization", REASON_OF(FIELD_VALUE),
                 "there is no organization with this short name");
        return NULL;
    }
    TRY(why);
    TRY(tenant_list_of(op, txn, now->organization, &tenants));
    if (tenants.count >= TENANTS_EACH_MAX) {
        fault_at(faults, "organization", REASON_OF(FIELD_RANGE),
                 "an organization has at most %d tenants", TENANTS_EACH_MAX);
    }
    return NULL;
}

// An empty name is the short name.
static void check_name(struct faults *faults, struct tenant *tenant) {
    tenant->name = slice_trim(tenant->name);
    if (tenant->name.len == 0) {
        tenant->name = tenant->slug;
    }
    if (tenant->name.len > TENANT_NAME_MAX) {
        fault_at(faults, "name", REASON_OF(FIELD_RANGE), "%zu bytes long; at most %d are taken",
                 tenant->name.len, TENANT_NAME_MAX);
    } else if (!text_line(tenant->name)) {
        fault_at(faults, "name", REASON_OF(RESTRICTED_CHARACTERS),
                 "a name is one line without control characters");
    }
}

reason tenant_create(struct op *op, struct txn *txn, const struct actor *actor,
                     struct tenant *tenant) {
    struct faults faults = faults_open(op, S(""));
    struct tenant made = *tenant;
    if (!text_slug(made.slug)) {
        fault_at(&faults, "slug", REASON_OF(FIELD_VALUE),
                 "1 to %d of a-z, 0-9 and hyphens, no hyphen at an end, as in \"acme\"", SLUG_MAX);
    }
    check_name(&faults, &made);
    const size_t *places;
    TRY(read_domains(op, made.domains, &faults, &made.domains, &places));
    TRY(check_entitlements(op, &faults, &made));
    const struct tenant nothing = {.slug = made.slug};
    check_operators(&faults, actor, &nothing, &made);
    TRY(check_organization(op, txn, &faults, &nothing, &made));
    TRY(faults_end(&faults));
    made.created_at = op->now;
    made.updated_at = op->now;
    made.roles_version = 0;
    made.overrides = (struct rows){NULL, 0};
    TRY(number_next(op, txn, &made.number));
    bool added = false;
    TRY(entity_add(op, txn, &tenant_entity, &made, &added));
    if (!added) {
        REFUSE(op, DUPLICATE_SLUG, "there is a tenant \"%.*s\" already", SLICE(made.slug));
    }
    const struct texts none = {NULL, 0};
    TRY(claim_domains(op, txn, actor, made.slug, none, made.domains, places, &faults));
    TRY(faults_end(&faults));
    TRY(audit_change(op, txn, actor, made.slug, "tenant.created", made.slug, &tenant_fields, NULL,
                     &made));
    *tenant = made;
    return NULL;
}

static bool same_entitlements(const struct tenant *a, const struct tenant *b) {
    for (size_t i = 0; i < a->entitlements.count; i++) {
        if (!texts_have(b->entitlements, a->entitlements.at[i])) {
            return false;
        }
    }
    return a->entitlements.count == b->entitlements.count; // each stands once
}

static void put_texts_change(struct buf *buf, const char *what, struct texts old,
                             struct texts now) {
    for (size_t i = 0; i < now.count; i++) {
        if (!texts_have(old, now.at[i])) {
            buf_printf(buf, "; %s %.*s added", what, SLICE(now.at[i]));
        }
    }
    for (size_t i = 0; i < old.count; i++) {
        if (!texts_have(now, old.at[i])) {
            buf_printf(buf, "; %s %.*s removed", what, SLICE(old.at[i]));
        }
    }
}

// "name "A" -> "B"; added b.example; removed a.example; disabled"
static struct slice change_text(struct op *op, const struct tenant *old, const struct tenant *now) {
    struct buf buf;
    buf_open(&buf, op, RECORD_MAX);
    if (!slice_equal(old->name, now->name)) {
        buf_printf(&buf, "; name \"%.*s\" -> \"%.*s\"", SLICE(old->name), SLICE(now->name));
    }
    if (old->disabled != now->disabled) {
        buf_str(&buf, now->disabled ? "; disabled" : "; enabled");
    }
    put_texts_change(&buf, "domain", old->domains, now->domains);
    put_texts_change(&buf, "entitlement", old->entitlements, now->entitlements);
    if (!slice_equal(old->organization, now->organization)) {
        buf_printf(&buf, "; organization \"%.*s\" -> \"%.*s\"", SLICE(old->organization),
                   SLICE(now->organization));
    }
    if (old->environment != now->environment) {
        buf_printf(&buf, "; environment %s", environment_names[now->environment]);
    }
    struct slice text = buf_slice(&buf);
    return text.len > 2 ? slice_sub(text, 2, text.len) : S("nothing changed");
}

reason tenant_change(struct op *op, struct txn *txn, const struct actor *actor,
                     struct tenant *tenant) {
    struct tenant old;
    TRY(tenant_find(op, txn, tenant->slug, &old));
    struct faults faults = faults_open(op, S(""));
    struct tenant made = *tenant;
    check_name(&faults, &made);
    const size_t *places;
    TRY(read_domains(op, made.domains, &faults, &made.domains, &places));
    TRY(check_entitlements(op, &faults, &made));
    check_operators(&faults, actor, &old, &made);
    TRY(check_organization(op, txn, &faults, &old, &made));
    TRY(faults_end(&faults));
    TRY(claim_domains(op, txn, actor, made.slug, old.domains, made.domains, places, &faults));
    TRY(faults_end(&faults));
    TRY(drop_domains(op, txn, made.slug, old.domains, made.domains));
    made.created_at = old.created_at;
    made.updated_at = op->now;
    made.number = old.number;
    made.roles_version = old.roles_version;
    made.roles_changed_at = old.roles_changed_at;
    made.roles_changed_by = old.roles_changed_by;
    made.overrides = old.overrides;
    if (!same_entitlements(&old, &made)) {
        made.roles_version++; // the same roles give more, or less
    }
    TRY(entity_put(op, txn, &tenant_entity, &made));
    TRY(audit_write(op, txn, actor,
                    &(struct audit_entry){.tenant = made.slug,
                                          .event = "tenant.changed",
                                          .target = made.slug,
                                          .detail = change_text(op, &old, &made),
                                          .table = &tenant_fields,
                                          .before = &old,
                                          .after = &made}));
    *tenant = made;
    return NULL;
}

// ---- removing ----

struct member_search {
    bool found;
};

static bool is_member(struct op *op, const void *row, void *arg) {
    (void)op;
    struct member_search *search = arg;
    search->found = ((const struct membership *)row)->status != MEMBER_DELETED;
    return !search->found;
}

// Removes all rows with the prefix, some at a time: a walk does not delete what it stands on.
static reason remove_all(struct op *op, struct txn *txn, const struct entity *entity,
                         struct slice prefix) {
    const struct listing listing = {.entity = entity, .prefix = prefix};
    bool more = true;
    while (more) {
        struct op inner;
        op_open(&inner, op->now);
        struct rows rows = {NULL, 0};
        reason why = listing_read(&inner, txn, &listing, REMOVE_STEP, &rows, &more);
        for (size_t i = 0; why == NULL && i < rows.count; i++) {
            struct key key;
            bool there = false;
            entity->key((const char *)rows.at + i * entity->fields->size, &key);
            why = entity_remove(&inner, txn, entity, &key, &there);
        }
        if (why != NULL) {
            why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

reason tenant_remove(struct op *op, struct txn *txn, const struct actor *actor, struct slice slug) {
    struct tenant tenant;
    TRY(tenant_find(op, txn, slug, &tenant));
    size_t connections = 0;
    struct key prefix = connections_of(slug);
    TRY(listing_count(op, txn, key_slice(&prefix), &connections));
    if (connections > 0) {
        REFUSE(op, TENANT_NOT_EMPTY, "the tenant has %zu connections; remove them first",
               connections);
    }
    struct key members = key_in(SPACE_MEMBERSHIP);
    key_text(&members, slug);
    const struct listing listing = {.entity = &membership_entity, .prefix = key_slice(&members)};
    struct member_search search = {false};
    TRY(listing_each(op, txn, &listing, is_member, &search));
    if (search.found) {
        REFUSE(op, TENANT_NOT_EMPTY, "the tenant has users; delete them first");
    }
    size_t services = 0;
    TRY(service_user_count(op, txn, slug, &services));
    if (services > 0) {
        REFUSE(op, TENANT_NOT_EMPTY, "the tenant has %zu service users; remove them first",
               services);
    }
    size_t jobs = 0;
    TRY(job_count_open(op, txn, slug, &jobs));
    if (jobs > 0) {
        REFUSE(op, TENANT_NOT_EMPTY, "the tenant has %zu jobs that are not over; wait, or cancel them",
               jobs);
    }
    struct key roles = key_in(SPACE_ROLE);
    key_text(&roles, slug);
    TRY(remove_all(op, txn, &role_entity, key_slice(&roles)));
    struct key requests = key_in(SPACE_REQUEST);
    key_text(&requests, slug);
    TRY(remove_all(op, txn, &access_request_entity, key_slice(&requests)));
    TRY(remove_all(op, txn, &membership_entity, key_slice(&members)));
    TRY(drop_domains(op, txn, slug, tenant.domains, (struct texts){NULL, 0}));
    TRY(tenant_settings_remove(op, txn, slug));
    struct key key = key_of(slug);
    bool there = false;
    TRY(entity_remove(op, txn, &tenant_entity, &key, &there));
    return audit_change(op, txn, actor, slug, "tenant.deleted", slug, &tenant_fields, &tenant,
                        NULL);
}
