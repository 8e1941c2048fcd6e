// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of connections share: tenant acme (a.example, b.example) with the connection
// acme-okta, tenant other, and each call as work in a transaction.
#ifndef GATEHOUSE_TESTS_UNIT_DOMAIN_CONNECTIONS_H
#define GATEHOUSE_TESTS_UNIT_DOMAIN_CONNECTIONS_H

#include "fixture.h"

#include "domain/connection.h"

struct work {
    const struct actor *actor;
    struct connection connection;
    struct slice slug, tenant, domain;
    bool disabled, found;
    struct idp idp;
    struct policy policy;
    struct mapping mapping;
    struct page page;
    struct rows rows;
    struct slice next;
    size_t total;
    int64_t version;
};

static inline reason create(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_create(op, txn, work->actor, &work->connection);
}
static inline reason find(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_find(op, txn, work->slug, &work->connection);
}
static inline reason version(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_version(op, txn, work->slug, &work->version);
}
static inline reason list(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_list(op, txn, work->tenant, work->page, &work->rows, &work->next,
                           &work->total);
}
static inline reason drop(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_remove(op, txn, work->actor, work->slug);
}
static inline reason set_disabled(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_set_disabled(op, txn, work->actor, work->slug, work->disabled,
                                   &work->connection);
}
static inline reason set_idp(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_set_idp(op, txn, work->actor, work->slug, &work->idp, &work->connection);
}
static inline reason set_policy(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_set_policy(op, txn, work->actor, work->slug, &work->policy,
                                 &work->connection);
}
static inline reason set_mapping(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_set_mapping(op, txn, work->actor, work->slug, &work->mapping,
                                  &work->connection);
}
static inline reason discover(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return connection_for_domain(op, txn, work->domain, &work->connection);
}
static inline reason last_audit(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return audit_list(op, txn, S("acme"), (struct page){.limit = 1}, &work->rows, &work->next);
}

static inline reason create_tenant(struct op *op, struct txn *txn, void *arg) {
    struct slice both[] = {S("a.example"), S("b.example")};
    struct work *work = arg;
    struct tenant tenant = {.slug = work->tenant};
    tenant.domains = (struct texts){both, slice_equal(work->tenant, S("acme")) ? 2 : 0};
    return tenant_create(op, txn, work->actor, &tenant);
}

static struct work by_operator(struct fixture *fixture, const char *slug) {
    fixture->op.now += 1000; // so that audit rows have an order
    return (struct work){.actor = &fixture->staff, .slug = slice_str(slug)};
}
static inline reason make(struct fixture *fixture, const char *slug, const char *tenant) {
    struct work work = by_operator(fixture, slug);
    work.connection = (struct connection){.slug = slice_str(slug), .tenant = slice_str(tenant)};
    return fixture_write(fixture, create, &work);
}
static inline int open_acme(void **state) {
    assert_int_equal(fixture_open(state), 0);
    struct work work = by_operator(*state, "");
    work.tenant = S("acme");
    assert_done(fixture_write(*state, create_tenant, &work));
    work.tenant = S("other");
    assert_done(fixture_write(*state, create_tenant, &work));
    assert_done(make(*state, "acme-okta", "acme"));
    return 0;
}
static inline void audit_is(struct fixture *fixture, const char *event, const char *detail) {
    struct work work = {.found = false};
    assert_done(fixture_read(fixture, last_audit, &work));
    const struct audit *audit = work.rows.at;
    assert_slice(audit->event, event);
    if (detail != NULL) {
        assert_slice(audit->detail, detail);
    }
}
static inline struct connection stored(struct fixture *fixture, const char *slug) {
    struct work work = by_operator(fixture, slug);
    assert_done(fixture_read(fixture, find, &work));
    return work.connection;
}
static inline reason version_of(struct fixture *fixture, const char *slug, int64_t *ret_version) {
    struct work work = {.slug = slice_str(slug)};
    reason why = fixture_read(fixture, version, &work);
    *ret_version = work.version;
    return why;
}

// What an IdP looks like; the caller may change it.
__attribute__((unused)) static struct certificate certificates[2];
__attribute__((unused)) static struct endpoint sso, slo;
static inline struct idp some_idp(void) {
    certificates[0] =
        (struct certificate){.der = S("first"), .sha256 = S("lie"), .subject = S("CN=a")};
    certificates[1] = (struct certificate){.der = S("second")};
    sso = (struct endpoint){BINDING_REDIRECT, S("https://idp.example/sso"), S("")};
    slo = (struct endpoint){BINDING_POST, S("https://idp.example/slo"), S("")};
    return (struct idp){
        .entity_id = S("https://idp.example/"),
        .sso = {&sso, 1},
        .slo = {&slo, 1},
        .certificates = {certificates, 2},
    };
}
static inline reason put_idp(struct fixture *fixture, const char *slug, struct idp idp) {
    struct work work = by_operator(fixture, slug);
    work.idp = idp;
    return fixture_write(fixture, set_idp, &work);
}
static inline reason put_policy(struct fixture *fixture, const char *slug, struct policy policy) {
    struct work work = by_operator(fixture, slug);
    work.policy = policy;
    return fixture_write(fixture, set_policy, &work);
}

#endif
