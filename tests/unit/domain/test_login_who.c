// SPDX-License-Identifier: GPL-3.0-or-later
// login_admit against a real store: who somebody is. E-mail domains, identifiers, links to accounts
// that are there, memberships.
#include "people.h"

// ---- e-mail domain ----

static void an_address_outside_the_tenants_domains_is_refused(void **state) {
    struct house *house = house_of(state);
    house->identity.name_id = S("jane@evil.example");
    assert_refused(house, LOGIN_DOMAIN_NOT_ALLOWED);
    struct trace kept = kept_trace(house);
    assert_slice(failed_row(&kept).expected, "acme.example");
    assert_slice(failed_row(&kept).got, "jane@evil.example");
}

static void without_verification_a_domain_that_is_nobodys_is_allowed(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.verify_email_domain = false;
    house_policy(house, &policy);
    house->identity.name_id = S("jane@partner.example");
    assert_done(house_admit(house));
}

static void without_verification_another_tenants_domain_is_refused(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.verify_email_domain = false;
    house_policy(house, &policy);
    house->identity.name_id = S("jane@umbrella.example");
    assert_refused(house, LOGIN_DOMAIN_NOT_ALLOWED);
}

static void a_name_that_only_looks_like_an_address_is_refused(void **state) {
    static const char *const names[] = {"jane@umbrella.example@evil.example", "jane@acme.example\nx",
                                        "jane@acm\xe2\x80\x8d" "e.example", "jane@"};
    struct house *house = house_of(state);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        house_identity(house);
        house->identity.name_id = slice_str(names[i]);
        assert_refused(house, LOGIN_DOMAIN_NOT_ALLOWED);
    }
    struct policy policy = house->connection.policy;
    policy.verify_email_domain = false; // then names are whatever the provider says
    house_policy(house, &policy);
    house_identity(house);
    house->identity.name_id = S("jane@host");
    assert_done(house_admit(house));
}

static void without_an_address_the_identifier_is_enough(void **state) {
    struct house *house = house_of(state);
    house->identity.name_id = S("00u1abc");
    house->identity.name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
    assert_done(house_admit(house));
    assert_int_equal(house->login.user.email.len, 0);
}

static reason drop_domains(struct op *op, struct txn *txn, void *arg) {
    struct house *house = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, S("acme"), &tenant));
    tenant.domains.count = 0;
    return tenant_change(op, txn, &house->fixture->staff, &tenant);
}
static void a_tenant_without_domains_is_told_what_to_do(void **state) {
    struct house *house = house_of(state);
    assert_done(fixture_write(house->fixture, drop_domains, house));
    assert_refused(house, LOGIN_DOMAIN_NOT_ALLOWED);
    assert_true(slice_find(house->fixture->op.detail, S("add the one of this e-mail")) != SIZE_MAX);
}

// ---- who ----

static void the_identifier_attribute_outlives_a_change_of_name_id_and_address(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.identifier_attribute = S("employee");
    house_policy(house, &policy);
    house_attribute(house, "employee", "4711");
    assert_done(house_admit(house));
    struct slice first = house->login.user.id;
    house_identity(house);
    house_attribute(house, "employee", "4711");
    house->identity.name_id = S("jane.miller@acme.example");
    assert_done(house_admit(house));
    assert_true(slice_equal(first, house->login.user.id));
    assert_slice(house->login.user.email, "jane.miller@acme.example");
    assert_int_equal(house_audits(house, "user.email_changed", NULL), 1);
}

// The provider of one tenant gives no other address to a person who by now is in another tenant, too: a new password for that
// one would be sent there.
static void a_provider_moves_no_account_that_lets_in_elsewhere(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.identifier_attribute = S("employee");
    policy.verify_email_domain = false;
    house_policy(house, &policy);
    static const char *const names[] = {"jane@free.example", "jane2@free.example", "eve@free.example"};
    for (size_t i = 0; i < 3; i++) {
        house_identity(house);
        house_attribute(house, "employee", "4711");
        house->identity.name_id = slice_str(names[i]);
        assert_done(house_admit(house));
        assert_slice(house->login.user.email, i < 2 ? names[i] : names[1]);
        if (i == 1) {
            (void)add_by_hand(house, "umbrella", names[1], NULL);
        }
    }
}

static void a_missing_identifier_attribute_is_refused(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.identifier_attribute = S("employee");
    house_policy(house, &policy);
    assert_refused(house, ATTRIBUTE_REQUIRED_MISSING);
    struct trace kept = kept_trace(house);
    assert_slice(failed_row(&kept).got, "the attributes firstName, lastName, groups");
}

static void a_friendly_name_is_not_a_name(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.identifier_attribute = S("employee");
    house_policy(house, &policy);
    house_attribute(house, "urn:x", "4711");
    house->attributes[3].friendly_name = S("employee");
    assert_refused(house, ATTRIBUTE_REQUIRED_MISSING);
}

static void a_missing_email_attribute_is_refused(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.email_attribute = S("workEmail");
    house_policy(house, &policy);
    assert_refused(house, ATTRIBUTE_REQUIRED_MISSING);
    house_identity(house);
    house_attribute(house, "workEmail", "jane.work@acme.example");
    assert_done(house_admit(house));
    assert_slice(house->login.user.email, "jane.work@acme.example");
}

static void nobody_in_particular_is_refused(void **state) {
    struct house *house = house_of(state);
    house->identity.name_id = SLICE_NONE;
    assert_refused(house, SUBJECT_NAME_ID_MISSING);
}

static void an_identifier_of_absurd_length_is_refused(void **state) {
    struct house *house = house_of(state);
    static char longer[5000];
    memset(longer, 'x', sizeof longer);
    house->identity.name_id = slice_of(longer, sizeof longer);
    assert_refused(house, SUBJECT_NAME_ID_MISSING);
}

static void a_transient_name_id_with_an_address_stays_one_user(void **state) {
    struct house *house = house_of(state);
    struct slice first = SLICE_NONE;
    for (int i = 0; i < 2; i++) {
        house_identity(house);
        house->identity.name_id = i == 0 ? S("_one") : S("_two");
        house->identity.name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:transient");
        house_attribute(house, "mail", "jane@acme.example");
        assert_done(house_admit(house));
        first = i == 0 ? house->login.user.id : first;
    }
    assert_true(slice_equal(first, house->login.user.id));
}

static void qualifiers_make_another_person(void **state) {
    struct house *house = house_of(state);
    house->identity.name_id = S("00u1");
    house->identity.name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
    assert_done(house_admit(house));
    struct slice first = house->login.user.id;
    house_identity(house);
    house->identity.name_id = S("00u1");
    house->identity.name_id_format = S("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
    house->identity.name_qualifier = S("other");
    assert_done(house_admit(house));
    assert_false(slice_equal(first, house->login.user.id));
}

// ---- linking ----

static void somebody_added_by_hand_is_linked_at_the_first_sign_in(void **state) {
    struct house *house = house_of(state);
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "compliance");
    assert_done(house_admit(house));
    assert_true(slice_equal(id, house->login.user.id));
    assert_int_equal(house_audits(house, "user.linked", NULL), 1);
    struct membership membership = membership_of(house, id);
    assert_true(has_grant(&membership, "compliance", GRANT_MANUAL));
    assert_true(has_grant(&membership, "admin", GRANT_SSO));
    assert_int_equal(house->login.membership.rv, 2);
}

static void an_account_that_another_identity_is_linked_to_is_a_collision(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    house_identity(house);
    house->door.connection = &house->other;
    assert_refused(house, LOGIN_IDENTITY_COLLISION);
}

static void an_account_outside_the_tenants_domains_is_a_collision(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.verify_email_domain = false;
    house_policy(house, &policy);
    (void)add_by_hand(house, "umbrella", "jane@partner.example", "admin");
    house->identity.name_id = S("jane@partner.example");
    assert_refused(house, LOGIN_IDENTITY_COLLISION);
}

static reason make_again(struct op *op, struct txn *txn, void *arg) {
    struct house *house = arg;
    struct policy policy = house->connection.policy;
    struct mapping mapping = house->connection.mapping;
    op->now += MINUTE_MS;
    TRY(connection_remove(op, txn, &house->fixture->staff, S("acme-okta")));
    house->connection = (struct connection){.slug = S("acme-okta"), .tenant = S("acme")};
    TRY(connection_create(op, txn, &house->fixture->staff, &house->connection));
    TRY(connection_set_mapping(op, txn, &house->fixture->staff, S("acme-okta"), &mapping,
                               &house->connection));
    return connection_set_policy(op, txn, &house->fixture->staff, S("acme-okta"), &policy,
                                 &house->connection);
}
static void a_link_of_a_connection_that_was_removed_counts_no_more(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    struct slice first = house->login.user.id;
    assert_done(fixture_write(house->fixture, make_again, house));
    house_identity(house);
    assert_done(house_admit(house));
    assert_true(slice_equal(first, house->login.user.id));
    assert_int_equal(house_audits(house, "user.linked", NULL), 1);
}

static void without_provisioning_strangers_stay_out(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.provisioning = false;
    house_policy(house, &policy);
    assert_refused(house, LOGIN_PROVISIONING_OFF);
    (void)add_by_hand(house, "acme", "jane@acme.example", NULL);
    assert_done(house_admit(house));
}

static void without_provisioning_another_tenants_user_stays_out(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.provisioning = false;
    house_policy(house, &policy);
    (void)add_by_hand(house, "umbrella", "jane@acme.example", "admin");
    assert_refused(house, LOGIN_PROVISIONING_OFF);
}

static void an_address_that_is_taken_is_not_taken_over(void **state) {
    struct house *house = house_of(state);
    struct policy policy = house->connection.policy;
    policy.identifier_attribute = S("employee");
    house_policy(house, &policy);
    house_attribute(house, "employee", "4711");
    assert_done(house_admit(house));
    (void)add_by_hand(house, "acme", "boss@acme.example", "admin");
    house_identity(house);
    house_attribute(house, "employee", "4711");
    house->identity.name_id = S("boss@acme.example");
    assert_done(house_admit(house));
    assert_slice(house->login.user.email, "jane@acme.example");
}

// ---- membership ----

static void the_disabled_and_the_deleted_stay_out(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    struct slice id = house->login.user.id;
    set_status(house, id, MEMBER_DISABLED);
    house_identity(house);
    assert_refused(house, LOGIN_MEMBERSHIP_DISABLED);
    set_status(house, id, MEMBER_ACTIVE);
    house_identity(house);
    assert_done(house_admit(house));
    set_status(house, id, MEMBER_DELETED);
    house_identity(house);
    assert_refused(house, LOGIN_MEMBERSHIP_DELETED);
}

struct force {
    struct slice user_id;
    int status;
};
static reason force_status(struct op *op, struct txn *txn, void *arg) {
    struct force *force = arg;
    struct membership membership;
    bool found = false;
    TRY(membership_find(op, txn, S("acme"), force->user_id, &membership, &found));
    membership.status = force->status;
    return entity_put(op, txn, &membership_entity, &membership);
}
static void the_invited_become_active_and_the_locked_may_come_in(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    static const int from[] = {MEMBER_INVITED, MEMBER_INVITE_EXPIRED, MEMBER_REACTIVATING,
                               MEMBER_LOCKED};
    for (size_t i = 0; i < 4; i++) {
        struct force force = {house->login.user.id, from[i]};
        assert_done(fixture_write(house->fixture, force_status, &force));
        house_identity(house);
        assert_done(house_admit(house));
        assert_int_equal(house->login.membership.status,
                         from[i] == MEMBER_LOCKED ? MEMBER_LOCKED : MEMBER_ACTIVE);
        struct call c = {.cookie = house->login.cookie};
        assert_done(fixture_read(house->fixture, call_session_by_cookie, &c));
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(an_address_outside_the_tenants_domains_is_refused),
        T(without_verification_a_domain_that_is_nobodys_is_allowed),
        T(without_verification_another_tenants_domain_is_refused),
        T(a_name_that_only_looks_like_an_address_is_refused),
        T(without_an_address_the_identifier_is_enough),
        T(a_tenant_without_domains_is_told_what_to_do),
        T(the_identifier_attribute_outlives_a_change_of_name_id_and_address),
        T(a_provider_moves_no_account_that_lets_in_elsewhere),
        T(a_missing_identifier_attribute_is_refused),
        T(a_friendly_name_is_not_a_name),
        T(a_missing_email_attribute_is_refused),
        T(nobody_in_particular_is_refused),
        T(an_identifier_of_absurd_length_is_refused),
        T(a_transient_name_id_with_an_address_stays_one_user),
        T(qualifiers_make_another_person),
        T(somebody_added_by_hand_is_linked_at_the_first_sign_in),
        T(an_account_that_another_identity_is_linked_to_is_a_collision),
        T(an_account_outside_the_tenants_domains_is_a_collision),
        T(a_link_of_a_connection_that_was_removed_counts_no_more),
        T(without_provisioning_strangers_stay_out),
        T(without_provisioning_another_tenants_user_stays_out),
        T(an_address_that_is_taken_is_not_taken_over),
        T(the_disabled_and_the_deleted_stay_out),
        T(the_invited_become_active_and_the_locked_may_come_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
