// SPDX-License-Identifier: GPL-3.0-or-later
// Who sets an identity provider may act as anybody who signs in over it: that this is more than the own rights is said.
#include "people.h"

#define EVENT "sso.provider_outranks_actor"

CALLS(call_role_permissions, role_permissions(op, txn, c->tenant, c->roles, &c->view.permissions))

static struct certificate certificates[2];
static struct endpoint sso;

static struct idp provider(size_t keys) {
    certificates[0] = (struct certificate){.der = S("first")};
    certificates[1] = (struct certificate){.der = S("second")};
    sso = (struct endpoint){BINDING_REDIRECT, S("https://idp.example/sso"), S("")};
    return (struct idp){.entity_id = S("https://idp.example/"), .sso = {&sso, 1}, .certificates = {certificates, keys}};
}

struct setting {
    struct actor actor;
    struct idp idp;
};
static reason set_fn(struct op *op, struct txn *txn, void *arg) {
    struct setting *setting = arg;
    struct connection connection;
    return connection_set_idp(op, txn, &setting->actor, S("acme-okta"), &setting->idp, &connection);
}

// By somebody with this role.
static void set_idp(struct house *house, const char *role, size_t keys) {
    struct slice id = slice_str(role);
    struct setting setting = {.actor = {.kind = ACTOR_USER, .id = S("usr_1"), .tenant = S("acme")},
                              .idp = provider(keys)};
    struct call c = {.tenant = S("acme"), .roles = {&id, 1}};
    house->fixture->op.now += SECOND_MS;
    assert_done(fixture_read(house->fixture, call_role_permissions, &c));
    setting.actor.permissions = c.view.permissions;
    assert_done(fixture_write(house->fixture, set_fn, &setting));
}

static void it_is_said_what_the_actor_does_not_hold(void **state) {
    struct house *house = *state;
    (void)add_by_hand(house, "acme", "ada@acme.example", "admin");
    set_idp(house, "admin", 1);
    assert_int_equal(house_audits(house, EVENT, NULL), 0); // nobody holds more
    (void)add_by_hand(house, "acme", "bob@acme.example", "compliance");
    set_idp(house, "admin", 2);
    struct slice detail = S("");
    assert_int_equal(house_audits(house, EVENT, &detail), 1);
    assert_true(slice_find(detail, S("privacy:manage")) != SIZE_MAX);
    assert_true(slice_find(detail, S("users:manage")) == SIZE_MAX);
    set_idp(house, "admin", 2); // the same keys: nothing new is trusted
    set_idp(house, "admin", 1);
    assert_int_equal(house_audits(house, EVENT, NULL), 1);
    set_idp(house, "admin_compliance", 2); // holds all of it
    assert_int_equal(house_audits(house, EVENT, NULL), 1);
}

static void access_to_a_component_counts_as_any_role_does(void **state) {
    struct house *house = *state;
    (void)add_by_hand(house, "acme", "eve@acme.example", "cdp.data_erasure.view");
    struct slice detail = S("");
    set_idp(house, "security_gatekeeper", 1);
    assert_int_equal(house_audits(house, EVENT, &detail), 1);
    assert_true(slice_find(detail, S("data_erasure:view")) != SIZE_MAX);
    assert_true(slice_find(detail, S("data_erasure:request")) == SIZE_MAX);
    set_idp(house, "cdp.data_erasure.full", 2); // holds it by access of its own
    assert_int_equal(house_audits(house, EVENT, NULL), 1);
}

static void operators_and_those_who_are_disabled_do_not_count(void **state) {
    struct house *house = *state;
    struct slice bob = add_by_hand(house, "acme", "bob@acme.example", "compliance");
    struct setting setting = {.actor = house->fixture->staff, .idp = provider(1)};
    assert_done(fixture_write(house->fixture, set_fn, &setting));
    assert_int_equal(house_audits(house, EVENT, NULL), 0);
    set_status(house, bob, MEMBER_DISABLED);
    set_idp(house, "admin", 2);
    assert_int_equal(house_audits(house, EVENT, NULL), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(it_is_said_what_the_actor_does_not_hold),
        T(access_to_a_component_counts_as_any_role_does),
        T(operators_and_those_who_are_disabled_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
