// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of logins and members share: a tenant "acme" with the domain acme.example, its
// connection "acme-okta" with two rules, and identities that sign in over it.
#ifndef GATEHOUSE_TESTS_UNIT_DOMAIN_PEOPLE_H
#define GATEHOUSE_TESTS_UNIT_DOMAIN_PEOPLE_H

#include "calls.h"

#include "domain/keep.h"
#include "domain/login.h"

struct house {
    struct fixture *fixture;
    struct connection connection, other; // acme-okta and acme-entra, both of acme
    struct attribute attributes[8];
    struct slice values[8][4];
    struct identity identity;
    struct login_door door;
    struct slice cookie; // what the browser sends
    unsigned cookies_asked;
    struct trace trace;
    struct login login;
    struct slice handle;
};

struct set_up {
    struct house *house;
    const struct actor *actor;
};

static inline struct texts one_text(struct op *op, struct slice text) {
    struct slice *at = NULL;
    if (op_take(op, sizeof *at, &at) != NULL) {
        return (struct texts){NULL, 0};
    }
    *at = text;
    return (struct texts){at, 1};
}

static inline struct mapping two_rules(struct op *op) {
    struct mapping_rule *rules = NULL;
    if (op_take(op, 2 * sizeof *rules, &rules) != NULL) {
        return (struct mapping){.mode = MAPPING_AUTHORITATIVE};
    }
    rules[0] = (struct mapping_rule){MATCH_EXACT, S("Admins"), one_text(op, S("admin"))};
    rules[1] = (struct mapping_rule){MATCH_PREFIX, S("gh-"), one_text(op, S("read_only"))};
    return (struct mapping){.rules = {rules, 2}, .mode = MAPPING_AUTHORITATIVE};
}

static inline reason set_up_fn(struct op *op, struct txn *txn, void *arg) {
    struct set_up *set_up = arg;
    struct house *house = set_up->house;
    struct tenant acme = {
        .slug = S("acme"), .name = S("Acme"), .domains = one_text(op, S("acme.example"))};
    struct tenant umbrella = {.slug = S("umbrella"),
                              .name = S("Umbrella"),
                              .domains = one_text(op, S("umbrella.example"))};
    house->connection = (struct connection){.slug = S("acme-okta"), .tenant = S("acme")};
    house->other = (struct connection){.slug = S("acme-entra"), .tenant = S("acme")};
    TRY(tenant_create(op, txn, set_up->actor, &acme));
    TRY(tenant_create(op, txn, set_up->actor, &umbrella));
    TRY(connection_create(op, txn, set_up->actor, &house->connection));
    TRY(connection_create(op, txn, set_up->actor, &house->other));
    struct policy policy = policy_default();
    policy.unsolicited = true;
    struct mapping mapping = two_rules(op);
    TRY(connection_set_policy(op, txn, set_up->actor, S("acme-okta"), &policy, &house->connection));
    TRY(connection_set_policy(op, txn, set_up->actor, S("acme-entra"), &policy, &house->other));
    TRY(connection_set_mapping(op, txn, set_up->actor, S("acme-entra"), &mapping, &house->other));
    return connection_set_mapping(op, txn, set_up->actor, S("acme-okta"), &mapping,
                                  &house->connection);
}

static inline struct slice house_cookie(void *request, struct slice handle) {
    struct house *house = request;
    house->cookies_asked++;
    return slice_equal(handle, house->handle) ? house->cookie : SLICE_NONE;
}

static inline void house_attribute(struct house *house, const char *name, const char *value) {
    size_t i = 0;
    while (i < house->identity.attributes.count &&
           !slice_equal(house->attributes[i].name, slice_str(name))) {
        i++;
    }
    assert_true(i < 8);
    struct attribute *attribute = &house->attributes[i];
    if (i == house->identity.attributes.count) {
        house->identity.attributes.count++;
        *attribute = (struct attribute){.name = slice_str(name), .values = {house->values[i], 0}};
    }
    assert_true(attribute->values.count < 4);
    house->values[i][attribute->values.count++] = slice_str(value);
}
// No attributes any more.
static inline void house_bare(struct house *house) {
    house->identity.attributes = (struct rows){house->attributes, 0};
}

// An unsolicited assertion for jane@acme.example, member of Admins, that was never used.
static inline void house_identity(struct house *house) {
    static unsigned serial;
    house->identity = (struct identity){
        .issuer = S("http://www.okta.com/exk1"),
        .name_id = S("jane@acme.example"),
        .name_id_format = S("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
        .assertion_id = op_text(&house->fixture->op, "_a%u", serial++),
        .response_id = S("_r1"),
        .session_index = S("_s1"),
        .authn_instant = NOON - MINUTE_MS,
        .expires = NOON + 5 * MINUTE_MS,
    };
    house_bare(house);
    house_attribute(house, "firstName", "Jane");
    house_attribute(house, "lastName", "Smith");
    house_attribute(house, "groups", "Admins");
    house->door = (struct login_door){
        .connection = &house->connection,
        .identity = &house->identity,
        .cookie = house_cookie,
        .request = house,
        .address = S("192.0.2.7"),
        .session_lifetime = SESSION_LIFETIME_DEFAULT,
    };
    house->cookie = SLICE_NONE;
    house->handle = SLICE_NONE;
}

static inline int house_open(void **state) {
    struct house *house = test_calloc(1, sizeof *house);
    void *fixture = NULL;
    (void)fixture_open(&fixture);
    house->fixture = fixture;
    struct set_up set_up = {house, &house->fixture->staff};
    assert_done(fixture_write(house->fixture, set_up_fn, &set_up));
    house_identity(house);
    *state = house;
    return 0;
}

static inline int house_close(void **state) {
    struct house *house = *state;
    void *fixture = house->fixture;
    (void)fixture_close(&fixture);
    test_free(house);
    return 0;
}

static inline reason house_admit(struct house *house) {
    struct op *op = &house->fixture->op;
    op->detail = SLICE_NONE;
    assert_done(trace_open(op, house->door.connection->slug, S("acme"), &house->trace));
    return login_admit(op, house->fixture->store, &house->door, &house->trace, &house->login);
}

// ---- policy, mapping and switches of the connection, changed as an administrator would ----

struct change {
    struct house *house;
    const struct policy *policy;
    const struct mapping *mapping;
    struct connection *connection;
};
static inline reason change_fn(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    const struct actor *actor = &change->house->fixture->staff;
    struct slice slug = change->connection->slug;
    if (change->policy != NULL) {
        return connection_set_policy(op, txn, actor, slug, change->policy, change->connection);
    }
    return connection_set_mapping(op, txn, actor, slug, change->mapping, change->connection);
}
static inline void house_policy(struct house *house, const struct policy *policy) {
    struct change change = {house, policy, NULL, &house->connection};
    assert_done(fixture_write(house->fixture, change_fn, &change));
}
static inline void house_mapping(struct house *house, const struct mapping *mapping) {
    struct change change = {house, NULL, mapping, &house->connection};
    assert_done(fixture_write(house->fixture, change_fn, &change));
}

// How many audit rows of acme have this event; the newest one's detail.
static inline size_t house_audits(struct house *house, const char *event,
                                  struct slice *ret_detail) {
    struct call c = {.tenant = S("acme")};
    struct slice detail = house->fixture->op.detail; // looking changes nothing
    assert_done(fixture_read(house->fixture, call_audit_list, &c));
    house->fixture->op.detail = detail;
    size_t count = 0;
    for (size_t i = c.rows.count; i > 0; i--) {
        const struct audit *audit = &((const struct audit *)c.rows.at)[i - 1];
        if (slice_equal(audit->event, slice_str(event))) {
            count++;
            if (ret_detail != NULL) {
                *ret_detail = audit->detail;
            }
        }
    }
    return count;
}

// The row of the trace that failed; an empty one when none did.
static inline struct trace_check failed_row(const struct trace *trace) {
    for (size_t i = 0; i < trace->checks.count; i++) {
        const struct trace_check *check = &((const struct trace_check *)trace->checks.at)[i];
        if (check->result == CHECK_FAIL) {
            return *check;
        }
    }
    return (struct trace_check){.result = CHECK_PASS};
}

// ---- what most tests of logins ask ----

static inline struct house *house_of(void **state) {
    return *state;
}

static inline struct membership membership_of(struct house *house, struct slice user_id) {
    struct call c = {.tenant = S("acme"), .id = user_id};
    assert_done(fixture_read(house->fixture, call_member_find, &c));
    return c.member.membership;
}

static inline struct visit visit_of(struct house *house, struct slice user_id) {
    struct call c = {.tenant = S("acme"), .id = user_id};
    assert_done(fixture_read(house->fixture, call_member_find, &c));
    return c.member.visit;
}

CALLS(call_trace_find, trace_find(op, txn, c->id, c->rows.at))
static inline struct trace kept_trace(struct house *house) {
    struct trace trace;
    struct call c = {.id = house->trace.id, .rows = {&trace, 1}};
    struct slice detail = house->fixture->op.detail; // looking changes nothing
    assert_done(fixture_read(house->fixture, call_trace_find, &c));
    house->fixture->op.detail = detail;
    return trace;
}

// A refusal keeps its trace and one audit row, and makes nobody.
#define assert_refused(house, name)                                                                \
    do {                                                                                           \
        size_t failed_ = house_audits(house, "login.failed", NULL);                                \
        size_t succeeded_ = house_audits(house, "login.succeeded", NULL);                          \
        assert_reason(house_admit(house), name);                                                   \
        assert_true((house)->fixture->op.detail.len > 0);                                          \
        struct trace kept_ = kept_trace(house);                                                    \
        assert_false(kept_.accepted);                                                              \
        assert_string_equal(reason_find(kept_.reason)->slug, REASON_OF(name)->slug);               \
        assert_int_equal(failed_row(&kept_).result, CHECK_FAIL);                                   \
        assert_true(kept_.hint.len > 0);                                                           \
        assert_int_equal(house_audits(house, "login.failed", NULL), failed_ + 1);                  \
        assert_int_equal(house_audits(house, "login.succeeded", NULL), succeeded_);                \
    } while (0)

static inline struct slice add_by_hand(struct house *house, const char *tenant, const char *email,
                                       const char *role) {
    struct slice role_id = slice_str(role != NULL ? role : "");
    struct call c = {
        .tenant = slice_str(tenant),
        .actor = &house->fixture->staff,
        .user = {.email = slice_str(email), .first_name = S("By"), .last_name = S("Hand")},
        .roles = {&role_id, role != NULL ? 1 : 0}};
    assert_done(fixture_write(house->fixture, call_member_add, &c));
    return c.member.user.id;
}

static inline void set_status(struct house *house, struct slice user_id, int status) {
    struct call c = {
        .tenant = S("acme"), .id = user_id, .status = status, .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, call_set_status, &c));
}

static inline bool has_grant(const struct membership *membership, const char *role, int source) {
    for (size_t i = 0; i < membership->grants.count; i++) {
        const struct grant *grant = &((const struct grant *)membership->grants.at)[i];
        if (slice_equal(grant->role_id, slice_str(role)) && grant->source == source) {
            return true;
        }
    }
    return false;
}

#endif
