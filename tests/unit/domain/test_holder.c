// SPDX-License-Identifier: GPL-3.0-or-later
// Who holds a permission in a tenant.
#include "people.h"

#include "domain/holder.h"

CALLS(call_holders, holder_list(op, txn, c->tenant, "users:manage", c->count, &c->rows))
CALLS(call_another, holder_another(op, txn, c->tenant, "users:manage", c->id, &c->yes))

static struct slice added(struct house *house, const char *email, const char *role) {
    return add_by_hand(house, "acme", email, role);
}

static void only_active_holders_are_found_and_no_more_than_asked_for(void **state) {
    struct house *house = *state;
    struct slice first = added(house, "ada@acme.example", "admin");
    (void)added(house, "bob@acme.example", "read_only");
    struct slice third = added(house, "eve@acme.example", "security_gatekeeper");
    struct call c = {.tenant = S("acme"), .count = 10};
    assert_done(fixture_read(house->fixture, call_holders, &c));
    assert_int_equal(c.rows.count, 2);
    const struct member *found = c.rows.at; // by id, which has chance in it
    assert_true(slice_equal(found[0].user.id, first) || slice_equal(found[1].user.id, first));
    assert_true(slice_equal(found[0].user.id, third) || slice_equal(found[1].user.id, third));
    c.count = 1;
    assert_done(fixture_read(house->fixture, call_holders, &c));
    assert_int_equal(c.rows.count, 1);
    set_status(house, first, MEMBER_DISABLED);
    c.count = 10;
    assert_done(fixture_read(house->fixture, call_holders, &c));
    assert_int_equal(c.rows.count, 1);
    assert_true(slice_equal(((const struct member *)c.rows.at)[0].user.id, third));
}

static void the_last_one_has_no_other(void **state) {
    struct house *house = *state;
    struct slice first = added(house, "ada@acme.example", "admin");
    struct call c = {.tenant = S("acme"), .id = first};
    assert_done(fixture_read(house->fixture, call_another, &c));
    assert_false(c.yes);
    (void)added(house, "bob@acme.example", "admin");
    assert_done(fixture_read(house->fixture, call_another, &c));
    assert_true(c.yes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_active_holders_are_found_and_no_more_than_asked_for,
                                        house_open, house_close),
        cmocka_unit_test_setup_teardown(the_last_one_has_no_other, house_open, house_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
