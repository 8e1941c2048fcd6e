// SPDX-License-Identifier: GPL-3.0-or-later
// Connections as rows: made, found, changed, removed, each change with its version and its audit
// row. What they may be set to is connection_check.c's and connection_rules.c's.
#include "domain/batch.h"
#include "domain/connection.h"

#include "base/text.h"
#include "domain/connection_check.h"
#include "domain/listing.h"
#include "domain/metadata_watch.h"
#include "domain/space.h"
#include "domain/user.h"

#define FORGET_STEP 512 // links that are read before the next ones are removed

static struct key key_of(struct slice slug) {
    struct key key = key_in(SPACE_CONNECTION);
    key_text(&key, slug);
    return key;
}

static struct key of_tenant(struct slice tenant) {
    struct key key = key_in(SPACE_CONNECTION_OF);
    key_text(&key, tenant);
    return key;
}

static void connection_key(const void *row, struct key *ret_key) {
    *ret_key = key_of(((const struct connection *)row)->slug);
}

static bool connection_of_key(const void *row, struct key *ret_key) {
    const struct connection *connection = row;
    *ret_key = of_tenant(connection->tenant);
    key_text(ret_key, connection->slug);
    return true;
}

static const struct entity_index connection_indexes[] = {
    {SPACE_CONNECTION_OF, true, REASON_OF(DUPLICATE_SLUG), connection_of_key},
};
const struct entity connection_entity = {
    .space = SPACE_CONNECTION,
    .fields = &connection_fields,
    .key = connection_key,
    .indexes = connection_indexes,
    .index_count = sizeof connection_indexes / sizeof connection_indexes[0],
};

// ---- versions ----

// A row of its own, so that caches and sessions need not read the record. It outlives the connection: a later
// one with the same short name goes on counting, and no cache takes it for the old one.
enum version_state { VERSION_GONE, VERSION_ON, VERSION_OFF };
struct version_row {
    int64_t version;
    int state;     // enum version_state
    int64_t since; // of the connection: sessions that are older are worth nothing
};

#define FIRST_FORM 9 // bytes of a row of the first schema: u64 version, u8 whether it is there

static struct key version_key(struct slice slug) {
    struct key key = key_in(SPACE_CONNECTION_VERSION);
    key_text(&key, slug);
    return key;
}

static reason version_get(struct op *op, struct txn *txn, struct slice slug,
                          struct version_row *ret_row) {
    *ret_row = (struct version_row){.state = VERSION_GONE};
    struct key key = version_key(slug);
    struct slice value = SLICE_NONE;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    if (value.at == NULL) {
        return NULL;
    }
    uint64_t version = 0;
    uint64_t since = 0;
    uint32_t state = 0;
    if (value.len == FIRST_FORM && value.at[FIRST_FORM - 1] == 0) {
        state = VERSION_GONE; // removed before connection_versions_make, which walks those that are there
        value = slice_sub(value, 0, FIRST_FORM - 1);
        if (key_read_u64(&value, &version) && version <= INT64_MAX) {
            ret_row->version = (int64_t)version;
            return NULL;
        }
    }
    if (!key_read_u64(&value, &version) || !key_read_u32(&value, &state) || version > INT64_MAX ||
        state > VERSION_OFF || !key_read_u64(&value, &since) || since > INT64_MAX || value.len != 0) {
        REFUSE(op, STORE_UNAVAILABLE, "the stored version of a connection cannot be read");
    }
    *ret_row = (struct version_row){(int64_t)version, (int)state, (int64_t)since};
    return NULL;
}

static reason version_put(struct op *op, struct txn *txn, const struct connection *connection,
                          enum version_state state) {
    struct key key = version_key(connection->slug);
    struct key value = {.len = 0};
    key_u64(&value, (uint64_t)connection->version);
    key_u32(&value, (uint32_t)state);
    key_u64(&value, (uint64_t)connection->since);
    return txn_put(op, txn, key_slice(&key), key_slice(&value));
}

static enum version_state state_of(const struct connection *connection) {
    return connection->disabled ? VERSION_OFF : VERSION_ON;
}

uint64_t connection_version_changes(const struct store *store) {
    return store_changes(store, SPACE_CONNECTION_VERSION);
}

reason connection_version(struct op *op, struct txn *txn, struct slice slug, int64_t *ret_version) {
    struct version_row row = {.state = VERSION_GONE};
    if (text_slug(slug)) {
        TRY(version_get(op, txn, slug, &row));
    }
    if (row.state == VERSION_GONE) {
        REFUSE(op, NOT_FOUND, "there is no connection with this short name");
    }
    *ret_version = row.version;
    return NULL;
}

reason connection_vouches(struct op *op, struct txn *txn, struct slice slug, int64_t made_at,
                          bool *ret_vouches) {
    struct version_row row = {.state = VERSION_GONE};
    if (text_slug(slug)) {
        TRY(version_get(op, txn, slug, &row));
    }
    *ret_vouches = row.state == VERSION_ON && made_at >= row.since;
    return NULL;
}

static reason make_version(struct op *op, struct txn *txn, const struct key *key) {
    struct connection connection;
    bool found = false;
    TRY(entity_find(op, txn, &connection_entity, key, &connection, &found));
    return found ? version_put(op, txn, &connection, state_of(&connection)) : NULL;
}

reason connection_versions_make(struct op *op, struct txn *txn, void *arg) {
    return batch_pass(op, txn, arg, SPACE_CONNECTION, CONNECTION_VERSIONS_PASS, make_version);
}

// ---- finding ----

reason connection_find(struct op *op, struct txn *txn, struct slice slug,
                       struct connection *ret_connection) {
    bool found = false;
    if (text_slug(slug)) {
        struct key key = key_of(slug);
        TRY(entity_find(op, txn, &connection_entity, &key, ret_connection, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no connection with this short name");
    }
    return NULL;
}

reason connection_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                       struct rows *ret_connections, struct slice *ret_next, size_t *ret_total) {
    if (page.cursor.len > 0 && !text_slug(page.cursor)) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    bool all = tenant.len == 0;
    struct key prefix = all ? key_in(SPACE_CONNECTION) : of_tenant(tenant);
    struct key from = prefix;
    key_text(&from, page.cursor);
    const struct listing listing = {
        .entity = &connection_entity,
        .prefix = key_slice(&prefix),
        .from = page.cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
        .index = !all,
    };
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, page_limit(page), &rows, &more));
    TRY(ret_total != NULL ? listing_count(op, txn, listing.prefix, ret_total) : NULL);
    *ret_next = more && rows.count > 0 ? ((const struct connection *)rows.at)[rows.count - 1].slug
                                       : SLICE_NONE;
    *ret_connections = rows;
    return NULL;
}

struct domain_search {
    struct slice domain;
    char slug[64];
    size_t slug_len; // 0: none yet
    bool named;      // its policy names the domain
};

static bool serves_domain(struct op *op, const void *row, void *arg) {
    (void)op;
    const struct connection *connection = row;
    struct domain_search *search = arg;
    bool named = texts_have(connection->policy.domains, search->domain);
    bool serves = !connection->disabled && connection->idp.entity_id.len > 0 &&
                  (named || connection->policy.domains.count == 0);
    // The first by name wins among equals, so that the answer stays the same.
    if (serves && (search->slug_len == 0 || (named && !search->named)) &&
        connection->slug.len < sizeof search->slug) {
        memcpy(search->slug, connection->slug.at, connection->slug.len);
        search->slug_len = connection->slug.len;
        search->named = named;
    }
    return !search->named;
}

reason connection_for_domain(struct op *op, struct txn *txn, struct slice domain,
                             struct connection *ret_connection) {
    struct slice tenant;
    TRY(domain_owner(op, txn, domain, &tenant));
    struct key prefix = of_tenant(tenant);
    const struct listing listing = {
        .entity = &connection_entity, .prefix = key_slice(&prefix), .index = true};
    struct domain_search search = {.domain = domain};
    TRY(listing_each(op, txn, &listing, serves_domain, &search));
    if (search.slug_len == 0) {
        REFUSE(op, NOT_FOUND, "no connection that is switched on serves this domain");
    }
    return connection_find(op, txn, slice_of(search.slug, search.slug_len), ret_connection);
}

// ---- making ----

// A caller that chose nothing left all members zero, which is no policy that anybody may set.
static bool is_unset(const struct policy *policy) {
    const struct policy *p = policy;
    return !p->unsolicited && !p->want_encrypted && !p->second_opinion && !p->allow_sha1 &&
           !p->allow_cbc && !p->refuse_expired_certificates && !p->provisioning &&
           !p->verify_email_domain && !p->sign_requests && !p->force_authn && p->want == 0 &&
           p->request_binding == 0 && p->metadata_changes == 0 && p->skew_seconds == 0 &&
           p->domains.count == 0 && p->groups_attribute.len == 0 && p->email_attribute.len == 0 &&
           p->identifier_attribute.len == 0 && p->name_id_format.len == 0 &&
           p->authn_context.count == 0;
}

static bool has_idp(const struct idp *idp) {
    return idp->entity_id.len > 0 || idp->sso.count > 0 || idp->slo.count > 0 ||
           idp->certificates.count > 0 || idp->metadata_url.len > 0;
}

static reason check_parts(struct op *op, struct txn *txn, const struct actor *actor,
                          const struct tenant *tenant, struct connection *connection) {
    const struct mapping none = {.mode = MAPPING_AUTHORITATIVE};
    struct faults faults = faults_open(op, S(""));
    if (!text_slug(connection->slug)) {
        fault_at(&faults, "slug", REASON_OF(FIELD_VALUE),
                 "1 to 63 of a-z, 0-9 and hyphens, no hyphen at an end, as in \"acme-okta\"");
    }
    if (has_idp(&connection->idp)) {
        faults.at = S("/idp");
        TRY(idp_check(&faults, &connection->idp, &connection->idp));
        connection->idp.updated_at = op->now;
    }
    if (is_unset(&connection->policy)) {
        connection->policy = policy_default();
    }
    faults.at = S("/policy");
    TRY(policy_check(&faults, tenant, &connection->policy, &connection->policy));
    // What the API takes as "rules" has the rules in a member "rules" again.
    faults.at = S("/rules");
    TRY(mapping_check(&faults, txn, actor, tenant->slug, &none, &connection->mapping,
                      &connection->mapping));
    return faults_end(&faults);
}

reason connection_create(struct op *op, struct txn *txn, const struct actor *actor,
                         struct connection *connection) {
    struct tenant tenant;
    TRY(tenant_find(op, txn, connection->tenant, &tenant));
    struct connection made = *connection;
    TRY(check_parts(op, txn, actor, &tenant, &made));
    size_t count = 0;
    struct key prefix = of_tenant(made.tenant);
    TRY(listing_count(op, txn, key_slice(&prefix), &count));
    if (count >= CONNECTIONS_PER_TENANT_MAX) {
        REFUSE(op, INVALID_INPUT, "a tenant has at most %d connections",
               CONNECTIONS_PER_TENANT_MAX);
    }
    struct version_row row;
    TRY(version_get(op, txn, made.slug, &row));
    made.version = row.version + 1;
    made.created_at = op->now;
    made.since = op->now;
    made.updated_at = op->now;
    bool added = false;
    TRY(entity_add(op, txn, &connection_entity, &made, &added));
    if (!added) {
        REFUSE(op, DUPLICATE_SLUG, "there is a connection \"%.*s\" already; choose another name",
               SLICE(made.slug));
    }
    TRY(version_put(op, txn, &made, state_of(&made)));
    TRY(metadata_watch_reset(op, txn, made.slug, made.idp.metadata_url));
    const struct idp no_idp = {.updated_at = 0};
    const struct mapping no_mapping = {.mode = MAPPING_AUTHORITATIVE};
    const struct policy usual = policy_default();
    struct slice idp = idp_diff(op, &no_idp, &made.idp);
    struct slice policy = policy_diff(op, &usual, &made.policy);
    struct slice mapping = mapping_diff(op, &no_mapping, &made.mapping);
    TRY(audit_write(
        op, txn, actor,
        &(struct audit_entry){
            .tenant = made.tenant,
            .event = "sso.connection_created",
            .target = made.slug,
            .detail = op_text(op, "identity provider: %.*s; policy: %.*s; rules: %.*s%s",
                              SLICE(idp), SLICE(policy), SLICE(mapping),
                              made.disabled ? "; disabled" : ""),
            .table = &connection_fields,
            .after = &made}));
    *connection = made;
    return NULL;
}

// ---- changing ----

reason connection_store(struct op *op, struct txn *txn, const struct actor *actor,
                        struct connection *connection, const char *event, struct slice detail,
                        struct connection *ret) {
    struct connection before;
    TRY(connection_find(op, txn, connection->slug, &before));
    connection->version++;
    connection->updated_at = op->now;
    TRY(entity_put(op, txn, &connection_entity, connection));
    TRY(version_put(op, txn, connection, state_of(connection)));
    TRY(audit_write(op, txn, actor,
                    &(struct audit_entry){.tenant = connection->tenant,
                                          .event = event,
                                          .target = connection->slug,
                                          .detail = detail,
                                          .table = &connection_fields,
                                          .before = &before,
                                          .after = connection}));
    *ret = *connection;
    return NULL;
}

reason connection_set_disabled(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice slug, bool disabled, struct connection *ret) {
    struct connection connection;
    TRY(connection_find(op, txn, slug, &connection));
    struct slice detail = connection.disabled == disabled ? S("nothing changed") : S("");
    if (connection.disabled && !disabled) {
        connection.since = op->now; // what somebody switched off does not come back by itself
    }
    connection.disabled = disabled;
    return connection_store(op, txn, actor, &connection,
                            disabled ? "sso.connection_disabled" : "sso.connection_enabled", detail,
                            ret);
}

reason connection_set_idp(struct op *op, struct txn *txn, const struct actor *actor,
                          struct slice slug, const struct idp *idp, struct connection *ret) {
    struct connection connection;
    TRY(connection_find(op, txn, slug, &connection));
    struct faults faults = faults_open(op, S(""));
    struct idp made;
    TRY(idp_check(&faults, idp, &made));
    TRY(faults_end(&faults));
    TRY(connection_filter(op, &connection, made.certificates, &made.certificates));
    if (made.certificates.count == 0) {
        REFUSE(op, METADATA_NO_CERTIFICATE,
               "each of its certificates is distrusted here; trust one again, or give another");
    }
    struct slice detail = idp_diff(op, &connection.idp, &made);
    const struct idp old = connection.idp;
    made.updated_at = op->now;
    connection.idp = made;
    TRY(metadata_watch_reset(op, txn, slug, made.metadata_url));
    TRY(connection_outranks(op, txn, actor, &connection, &old));
    return connection_store(op, txn, actor, &connection, "sso.connection_idp_changed", detail, ret);
}

reason connection_set_policy(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice slug, const struct policy *policy,
                             struct connection *ret) {
    struct connection connection;
    TRY(connection_find(op, txn, slug, &connection));
    struct tenant tenant;
    TRY(tenant_find(op, txn, connection.tenant, &tenant));
    struct faults faults = faults_open(op, S(""));
    struct policy made;
    TRY(policy_check(&faults, &tenant, policy, &made));
    TRY(faults_end(&faults));
    struct slice detail = policy_diff(op, &connection.policy, &made);
    connection.policy = made;
    return connection_store(op, txn, actor, &connection, "sso.connection_policy_changed", detail,
                            ret);
}

reason connection_set_mapping(struct op *op, struct txn *txn, const struct actor *actor,
                              struct slice slug, const struct mapping *mapping,
                              struct connection *ret) {
    struct connection connection;
    TRY(connection_find(op, txn, slug, &connection));
    struct faults faults = faults_open(op, S(""));
    struct mapping made = {.mode = MAPPING_AUTHORITATIVE};
    TRY(mapping_check(&faults, txn, actor, connection.tenant, &connection.mapping, mapping, &made));
    TRY(faults_end(&faults));
    struct slice detail = mapping_diff(op, &connection.mapping, &made);
    connection.mapping = made;
    return connection_store(op, txn, actor, &connection, "group.map_changed", detail, ret);
}

// ---- removing ----

struct link_search {
    struct slice connection;
    struct key keys[FORGET_STEP];
    size_t count;
};

static bool is_link_of(struct op *op, const void *row, void *arg) {
    (void)op;
    struct link_search *search = arg;
    if (slice_equal(((const struct link *)row)->connection, search->connection)) {
        link_entity.key(row, &search->keys[search->count++]);
    }
    return search->count < FORGET_STEP;
}

// Whoever gets this short name next speaks for other people: what the old provider called somebody
// must not name them.
static reason forget_links(struct op *op, struct txn *txn, struct slice slug, size_t *ret_count) {
    struct link_search *search;
    TRY(op_take(op, sizeof *search, &search));
    search->connection = slug;
    struct key all = key_in(SPACE_LINK);
    struct key from = all;
    size_t count = 0;
    bool full = true;
    while (full) {
        search->count = 0;
        const struct listing listing = {
            .entity = &link_entity,
            .prefix = key_slice(&all),
            .from = count > 0 ? key_slice(&from) : SLICE_NONE,
        };
        TRY(listing_each(op, txn, &listing, is_link_of, search));
        full = search->count == FORGET_STEP;
        for (size_t i = 0; i < search->count; i++) {
            bool there = false;
            TRY(entity_remove(op, txn, &link_entity, &search->keys[i], &there));
            from = search->keys[i];
            count++;
        }
    }
    *ret_count = count;
    return NULL;
}

reason connection_remove(struct op *op, struct txn *txn, const struct actor *actor,
                         struct slice slug) {
    struct connection connection;
    TRY(connection_find(op, txn, slug, &connection));
    size_t links = 0;
    TRY(forget_links(op, txn, slug, &links));
    struct key key = key_of(slug);
    bool there = false;
    TRY(entity_remove(op, txn, &connection_entity, &key, &there));
    TRY(version_put(op, txn, &connection, VERSION_GONE));
    TRY(metadata_watch_reset(op, txn, slug, S("")));
    return audit_write(
        op, txn, actor,
        &(struct audit_entry){.tenant = connection.tenant,
                              .event = "sso.connection_deleted",
                              .target = slug,
                              .detail = op_text(op, "%zu linked people are no longer linked", links),
                              .table = &connection_fields,
                              .before = &connection});
}
