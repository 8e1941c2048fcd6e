// SPDX-License-Identifier: GPL-3.0-or-later
// Tenants, and which tenant a domain belongs to. What a tenant holds (connections, roles, people)
// is kept elsewhere; a tenant goes only when it holds none of it.
#include "domain/tenant.h"

#include "base/text.h"
#include "domain/fault.h"
#include "domain/listing.h"
#include "domain/request.h"
#include "domain/service_user.h"
#include "domain/space.h"
#include "domain/tenant_settings.h"
#include "domain/user.h"

#define SLUG_MAX 63
#define REMOVE_STEP 256 // rows of one round of a removal

const char *const environment_names[] = {"production", "staging", "development", NULL};

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
const struct entity tenant_entity = {
    .space = SPACE_TENANT, .fields = &tenant_fields, .key = tenant_key};

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
    struct key prefix = key_in(SPACE_TENANT);
    struct key from = key_of(page.cursor);
    const struct listing listing = {
        .entity = &tenant_entity,
        .prefix = key_slice(&prefix),
        .from = page.cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
    };
    if (page.cursor.len > 0 && !text_slug(page.cursor)) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    struct rows rows = {NULL, 0};
    bool more = false;
    size_t total = 0;
    TRY(listing_read(op, txn, &listing, page_limit(page), &rows, &more));
    TRY(listing_count(op, txn, listing.prefix, &total));
    *ret_next = more ? ((const struct tenant *)rows.at)[rows.count - 1].slug : SLICE_NONE;
    *ret_total = total;
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
    TRY(faults_end(&faults));
    made.created_at = op->now;
    made.updated_at = op->now;
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
    for (size_t i = 0; i < now->domains.count; i++) {
        if (!texts_have(old->domains, now->domains.at[i])) {
            buf_printf(&buf, "; domain %.*s added", SLICE(now->domains.at[i]));
        }
    }
    for (size_t i = 0; i < old->domains.count; i++) {
        if (!texts_have(now->domains, old->domains.at[i])) {
            buf_printf(&buf, "; domain %.*s removed", SLICE(old->domains.at[i]));
        }
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
    TRY(faults_end(&faults));
    TRY(claim_domains(op, txn, actor, made.slug, old.domains, made.domains, places, &faults));
    TRY(faults_end(&faults));
    TRY(drop_domains(op, txn, made.slug, old.domains, made.domains));
    made.created_at = old.created_at;
    made.updated_at = op->now;
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
