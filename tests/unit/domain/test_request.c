// SPDX-License-Identifier: GPL-3.0-or-later
// Access requests: what has to be said, who decides, what approving gives, and what each state refuses.
#include "people.h"

#include "domain/outbox.h"
#include "domain/request.h"

struct ask {
    const struct actor *actor;
    struct access_request request;
    struct slice id, text;
    struct request_decision decision;
    struct texts roles;
    struct tenant_settings settings;
    struct request_filter filter;
    struct page page;
    struct rows rows;
    struct slice next;
    bool draft;
    size_t left;
};

#define ASKS(name, expression)                                                                     \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct ask *a = arg;                                                                       \
        return expression;                                                                         \
    }
ASKS(ask_create, request_create(op, txn, a->actor, a->draft, &a->request))
ASKS(ask_change, request_change(op, txn, a->actor, &a->request))
ASKS(ask_submit, request_submit(op, txn, a->actor, S("acme"), a->id, &a->request))
ASKS(ask_decide, request_decide(op, txn, a->actor, S("acme"), a->id, &a->decision, a->roles,
                            &a->request))
ASKS(ask_fail, request_fail(op, txn, a->actor, S("acme"), a->id, &a->decision, a->text, &a->request))
ASKS(ask_retry, request_retry(op, txn, a->actor, S("acme"), a->id, &a->request))
ASKS(ask_cancel, request_cancel(op, txn, a->actor, S("acme"), a->id, &a->request))
ASKS(ask_comment, request_comment(op, txn, a->actor, S("acme"), a->id, a->text, &a->request))
ASKS(ask_revoke, request_revoke(op, txn, a->actor, S("acme"), a->id, S("over"), &a->request))
ASKS(ask_find, request_find(op, txn, a->actor, S("acme"), a->id, &a->request))
ASKS(ask_list, request_list(op, txn, a->actor, S("acme"), &a->filter, a->page, &a->rows, &a->next))
ASKS(ask_expire, request_expire(op, txn, &a->left))
ASKS(put_settings, tenant_settings_put(op, txn, a->actor, &a->settings))

// Somebody of acme with one role, signed in.
static struct actor person(struct house *house, const char *email, const char *role) {
    struct slice id = add_by_hand(house, "acme", email, role);
    struct actor actor = {.kind = ACTOR_USER, .id = id, .tenant = S("acme")};
    struct role found;
    struct op *op = &house->fixture->op;
    assert_null(role_find(op, NULL, S("acme"), slice_str(role), &found)); // built-in: no store is asked
    for (size_t i = 0; i < found.permissions.count; i++) {
        permission_add(&actor.permissions, permission_find(found.permissions.at[i]));
    }
    return actor;
}

static struct texts role_list_of(struct house *house, const char *one, const char *two) {
    struct texts roles = {NULL, 0};
    assert_done(op_take(&house->fixture->op, 2 * sizeof *roles.at, &roles.at));
    roles.at[roles.count++] = slice_str(one);
    if (two != NULL) {
        roles.at[roles.count++] = slice_str(two);
    }
    return roles;
}

// J Smith asks for `role`, or is asked for.
static struct ask asking(struct house *house, const struct actor *actor, const char *role) {
    return (struct ask){.actor = actor,
                        .request = {.tenant = S("acme"),
                                    .first_name = S("J"),
                                    .last_name = S("Smith"),
                                    .email = S("JSmith@acme.example"),
                                    .roles = role_list_of(house, role, NULL),
                                    .justification = S("joins the team")}};
}
static struct slice asked(struct house *house, const struct actor *actor, const char *role) {
    struct ask a = asking(house, actor, role);
    assert_done(fixture_write(house->fixture, ask_create, &a));
    return a.request.id;
}
static reason decides(struct house *house, const struct actor *actor, struct slice id, int verdict,
                      struct access_request *ret) {
    struct ask a = {.actor = actor, .id = id, .decision = {.decision = verdict, .note = S("fine")}};
    reason why = fixture_write(house->fixture, ask_decide, &a);
    *ret = a.request;
    return why;
}
static struct member jsmith(struct house *house) {
    struct call c = {.tenant = S("acme"), .id = S("jsmith@acme.example")};
    assert_done(fixture_read(house->fixture, call_user_by_email, &c));
    assert_true(c.yes);
    c.id = c.user.id;
    assert_done(fixture_read(house->fixture, call_member_find, &c));
    return c.member;
}
static void four_eyes(struct house *house, bool on) {
    struct ask a = {.actor = &house->fixture->staff,
                    .settings = tenant_settings_default(S("acme"))};
    a.settings.gatekeeper_self_approve = !on;
    assert_done(fixture_write(house->fixture, put_settings, &a));
}

// ---- asking ----

static void what_a_request_lacks_is_said_by_field(void **state) {
    struct house *house = *state;
    struct ask a = asking(house, &house->fixture->staff, "nonesuch");
    a.request.first_name = S(" ");
    a.request.email = S("no address");
    a.request.justification = S("a\x01" "b");
    assert_reason(fixture_write(house->fixture, ask_create, &a), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/first_name", FIELD_REQUIRED);
    assert_fault(&house->fixture->op, 1, "/email", FIELD_VALUE);
    assert_fault(&house->fixture->op, 2, "/roles/0", UNKNOWN_ROLE);
    assert_fault(&house->fixture->op, 3, "/justification", RESTRICTED_CHARACTERS);
    a = asking(house, &house->fixture->staff, "user");
    a.request.roles.count = 0;
    assert_reason(fixture_write(house->fixture, ask_create, &a), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/roles", FIELD_REQUIRED);
    a = asking(house, &house->fixture->staff, "user");
    a.request.tenant = S("nonesuch");
    assert_reason(fixture_write(house->fixture, ask_create, &a), NOT_FOUND);
}

// A role from the days when the tenant had the add-on.
static reason put_analyst(struct op *op, struct txn *txn, void *arg) {
    const struct call *c = arg;
    const struct role role = {.tenant = c->tenant,
                              .role_id = S("analyst"),
                              .name = S("Analyst"),
                              .permissions = one_text(op, S("interactive_queries:use"))};
    return entity_put(op, txn, &role_entity, &role);
}

static void an_add_on_that_the_tenant_lacks_is_not_asked_for(void **state) {
    struct house *house = *state;
    struct call c = {.tenant = S("acme")};
    assert_done(fixture_write(house->fixture, put_analyst, &c));
    struct ask a = asking(house, &house->fixture->staff, "analyst");
    assert_reason(fixture_write(house->fixture, ask_create, &a), ENTITLEMENT_MISSING);
}

static void one_person_has_one_request_open(void **state) {
    struct house *house = *state;
    struct slice id = asked(house, &house->fixture->staff, "read_only");
    struct ask a = asking(house, &house->fixture->staff, "user");
    assert_reason(fixture_write(house->fixture, ask_create, &a), REQUEST_WAITING);
    struct ask off = {.actor = &house->fixture->staff, .id = id};
    assert_done(fixture_write(house->fixture, ask_cancel, &off));
    assert_int_equal(off.request.state, REQUEST_CANCELLED);
    assert_done(fixture_write(house->fixture, ask_create, &a));
    assert_reason(fixture_write(house->fixture, ask_cancel, &off), ILLEGAL_TRANSITION);
}

static void nobody_asks_more_often_than_anybody_reads(void **state) {
    struct house *house = *state;
    struct actor joe = person(house, "joe@acme.example", "user");
    struct ask a = asking(house, &joe, "user");
    a.draft = true;
    for (int i = 0; i < REQUESTS_A_DAY; i++) {
        assert_done(fixture_write(house->fixture, ask_create, &a));
    }
    assert_reason(fixture_write(house->fixture, ask_create, &a), REQUEST_LIMIT);
    a.actor = &house->fixture->staff;
    assert_done(fixture_write(house->fixture, ask_create, &a));
    a.actor = &joe;
    house->fixture->op.now += DAY_MS;
    assert_done(fixture_write(house->fixture, ask_create, &a));
}

static void a_draft_is_changed_and_submitted_by_its_writer(void **state) {
    struct house *house = *state;
    struct actor ada = person(house, "ada@acme.example", "user");
    struct actor bob = person(house, "bob@acme.example", "user");
    struct ask a = asking(house, &ada, "read_only");
    a.draft = true;
    assert_done(fixture_write(house->fixture, ask_create, &a));
    assert_int_equal(a.request.state, REQUEST_DRAFT);
    a.id = a.request.id;
    a.request.roles = role_list_of(house, "user", NULL);
    assert_done(fixture_write(house->fixture, ask_change, &a));
    struct ask other = {.actor = &bob, .id = a.id};
    assert_reason(fixture_write(house->fixture, ask_submit, &other), NOT_FOUND);
    assert_done(fixture_write(house->fixture, ask_submit, &a));
    assert_int_equal(a.request.state, REQUEST_PENDING);
    assert_slice(a.request.roles.at[0], "user");
    assert_reason(fixture_write(house->fixture, ask_change, &a), ILLEGAL_TRANSITION);
    assert_reason(fixture_write(house->fixture, ask_submit, &a), ILLEGAL_TRANSITION);
}

static void support_access_names_its_end_and_its_ticket(void **state) {
    struct house *house = *state;
    struct ask a = asking(house, &house->fixture->staff, "support_access");
    assert_reason(fixture_write(house->fixture, ask_create, &a), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/access_expires_at", FIELD_REQUIRED);
    assert_fault(&house->fixture->op, 1, "/ticket", FIELD_REQUIRED);
    a.request.access_expires_at = NOON - 1;
    a.request.ticket = S("CASE-17");
    assert_reason(fixture_write(house->fixture, ask_create, &a), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/access_expires_at", FIELD_RANGE);
    a.request.access_expires_at = NOON + DAY_MS;
    assert_done(fixture_write(house->fixture, ask_create, &a));
    assert_int_equal(a.request.kind, REQUEST_SUPPORT_ACCESS);
    (void)add_by_hand(house, "acme", "member@acme.example", NULL);
    a.request.email = S("member@acme.example");
    assert_reason(fixture_write(house->fixture, ask_create, &a), ALREADY_MEMBER);
    // A member has no end that a request for more could set.
    a.request.roles = role_list_of(house, "user", NULL);
    assert_reason(fixture_write(house->fixture, ask_create, &a), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/access_expires_at", FIELD_VALUE);
}

// ---- deciding ----

static void a_gatekeeper_approves_and_access_is_given_at_once(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct actor ada = person(house, "ada@acme.example", "user");
    struct slice id = asked(house, &ada, "read_only");
    struct access_request request;
    assert_reason(decides(house, &ada, id, REQUEST_APPROVE, &request), FORBIDDEN);
    assert_done(decides(house, &keeper, id, REQUEST_APPROVE, &request));
    assert_int_equal(request.state, REQUEST_FULFILLED);
    struct member member = jsmith(house);
    assert_true(slice_equal(member.user.id, request.user_id));
    assert_true(has_grant(&member.membership, "read_only", GRANT_REQUEST));
    assert_reason(decides(house, &keeper, id, REQUEST_DENY, &request), ILLEGAL_TRANSITION);
    assert_int_equal(house_audits(house, "request.fulfilled", NULL), 1);
}

static void a_denied_request_gives_nothing(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct slice id = asked(house, &house->fixture->staff, "read_only");
    struct access_request request;
    assert_done(decides(house, &keeper, id, REQUEST_DENY, &request));
    assert_int_equal(request.state, REQUEST_DENIED);
    struct call c = {.id = S("jsmith@acme.example")};
    assert_done(fixture_read(house->fixture, call_user_by_email, &c));
    assert_false(c.yes);
}

static void a_gatekeeper_who_asks_has_approved(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct ask a = asking(house, &keeper, "read_only");
    assert_done(fixture_write(house->fixture, ask_create, &a));
    assert_int_equal(a.request.state, REQUEST_FULFILLED);
    const struct request_decision *own = a.request.decisions.at;
    assert_true(own[0].implied);
}

static void with_four_eyes_nobody_approves_his_own(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct actor second = person(house, "second@acme.example", "security_gatekeeper");
    four_eyes(house, true);
    struct slice id = asked(house, &keeper, "read_only");
    struct access_request request;
    assert_reason(decides(house, &keeper, id, REQUEST_APPROVE, &request), OWN_REQUEST);
    assert_done(decides(house, &second, id, REQUEST_APPROVE, &request));
    assert_int_equal(request.state, REQUEST_FULFILLED);
    // Nor what he would get himself.
    struct ask a = asking(house, &house->fixture->staff, "user");
    a.request.email = S("second@acme.example");
    assert_done(fixture_write(house->fixture, ask_create, &a));
    assert_int_equal(a.request.kind, REQUEST_CHANGE);
    assert_reason(decides(house, &second, a.request.id, REQUEST_APPROVE, &request), OWN_REQUEST);
    assert_done(decides(house, &keeper, a.request.id, REQUEST_APPROVE, &request));
}

static void who_is_bound_by_four_eyes_does_not_end_them(void **state) {
    struct house *house = *state;
    struct actor admin = person(house, "admin@acme.example", "admin");
    struct ask a = {.actor = &admin, .settings = tenant_settings_default(S("acme"))};
    a.settings.gatekeeper_self_approve = false;
    a.settings.require_second_factor = true;
    assert_done(fixture_write(house->fixture, put_settings, &a));
    a.settings.gatekeeper_self_approve = true;
    assert_reason(fixture_write(house->fixture, put_settings, &a), FORBIDDEN);
    assert_fault(&house->fixture->op, 0, "/gatekeeper_self_approve", FORBIDDEN);
    a.settings.gatekeeper_self_approve = false;
    a.settings.require_second_factor = false;
    assert_reason(fixture_write(house->fixture, put_settings, &a), FORBIDDEN);
    assert_fault(&house->fixture->op, 0, "/require_second_factor", FORBIDDEN);
    four_eyes(house, false); // by an operator
}

static void personal_data_and_user_administration_take_two_people(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct actor second = person(house, "second@acme.example", "security_gatekeeper");
    struct slice id = asked(house, &house->fixture->staff, "admin");
    struct access_request request;
    assert_done(decides(house, &keeper, id, REQUEST_APPROVE, &request));
    assert_int_equal(request.state, REQUEST_PENDING);
    assert_reason(decides(house, &keeper, id, REQUEST_APPROVE, &request), ALREADY_DECIDED);
    assert_done(decides(house, &second, id, REQUEST_APPROVE, &request));
    assert_int_equal(request.state, REQUEST_FULFILLED);
    struct member member = jsmith(house);
    assert_true(has_grant(&member.membership, "admin", GRANT_REQUEST));
}

// A gatekeeper who makes a service user with his own rights is no second person by it.
static void a_service_user_is_no_second_person(void **state) {
    struct house *house = *state;
    struct actor tina = person(house, "tina@acme.example", "security_gatekeeper");
    struct actor program = tina;
    struct access_request made;
    program.kind = ACTOR_SERVICE;
    program.id = S("svc_1");
    struct slice id = asked(house, &tina, "admin");
    assert_reason(decides(house, &program, id, REQUEST_APPROVE, &made), FORBIDDEN);
    assert_done(decides(house, &program, id, REQUEST_DENY, &made));
    id = asked(house, &house->fixture->staff, "user");
    four_eyes(house, true);
    assert_reason(decides(house, &program, id, REQUEST_APPROVE, &made), FORBIDDEN);
    four_eyes(house, false);
    assert_done(decides(house, &program, id, REQUEST_APPROVE, &made));
    assert_int_equal(made.state, REQUEST_FULFILLED);
}

static void a_gatekeeper_may_give_something_else(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct slice id = asked(house, &house->fixture->staff, "admin");
    struct ask a = {.actor = &keeper,
                    .id = id,
                    .decision = {.decision = REQUEST_APPROVE},
                    .roles = role_list_of(house, "support_access", NULL)};
    assert_reason(fixture_write(house->fixture, ask_decide, &a), INVALID_INPUT);
    a.roles = role_list_of(house, "read_only", NULL);
    assert_done(fixture_write(house->fixture, ask_decide, &a));
    assert_int_equal(a.request.state, REQUEST_FULFILLED);
    struct member member = jsmith(house);
    assert_true(has_grant(&member.membership, "read_only", GRANT_REQUEST));
    assert_false(has_grant(&member.membership, "admin", GRANT_REQUEST));
}

struct own_role {
    const struct actor *actor;
    struct role role;
};
static reason put_role(struct op *op, struct txn *txn, void *arg) {
    struct own_role *own = arg;
    return own->role.version == 0 ? role_create(op, txn, own->actor, &own->role)
                                  : role_change(op, txn, own->actor, &own->role);
}

static struct own_role own_role(struct house *house) {
    return (struct own_role){.actor = &house->fixture->staff,
                             .role = {.tenant = S("acme"),
                                      .role_id = S("mine"),
                                      .name = S("Mine"),
                                      .permissions = role_list_of(house, "rules:view", NULL)}};
}

static void a_role_that_became_more_takes_as_many_people_as_it_would_now(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct actor second = person(house, "second@acme.example", "security_gatekeeper");
    struct own_role own = own_role(house);
    assert_done(fixture_write(house->fixture, put_role, &own));
    struct slice id = asked(house, &house->fixture->staff, "mine");
    own.role.permissions = role_list_of(house, "rules:view", "users:manage");
    assert_done(fixture_write(house->fixture, put_role, &own));
    struct access_request request;
    assert_done(decides(house, &keeper, id, REQUEST_APPROVE, &request));
    assert_int_equal(request.state, REQUEST_PENDING);
    assert_int_equal(request.needed, 2);
    assert_done(decides(house, &second, id, REQUEST_APPROVE, &request));
    assert_int_equal(request.state, REQUEST_FULFILLED);
}

// ---- giving, failing, taking back ----

static void what_cannot_be_given_fails_and_is_retried(void **state) {
    struct house *house = *state;
    struct slice who = add_by_hand(house, "acme", "jsmith@acme.example", NULL);
    struct slice id = asked(house, &house->fixture->staff, "read_only");
    set_status(house, who, MEMBER_DISABLED);
    struct access_request request;
    reason why = decides(house, &house->fixture->staff, id, REQUEST_APPROVE, &request);
    assert_reason(why, NO_MEMBERSHIP_NOW);
    assert_true(request_fulfilment_failed(why));
    assert_false(request_fulfilment_failed(REASON_OF(FORBIDDEN)));
    struct ask a = {.actor = &house->fixture->staff,
                    .id = id,
                    .decision = {.decision = REQUEST_APPROVE},
                    .text = S("disabled")};
    assert_done(fixture_write(house->fixture, ask_fail, &a));
    assert_int_equal(a.request.state, REQUEST_FAILED);
    assert_slice(a.request.failure, "disabled");
    assert_reason(fixture_write(house->fixture, ask_retry, &a), NO_MEMBERSHIP_NOW);
    struct call c = {.tenant = S("acme"), .id = who, .actor = &house->fixture->staff,
                     .status = MEMBER_ACTIVE};
    assert_done(fixture_write(house->fixture, call_set_status, &c));
    assert_done(fixture_write(house->fixture, ask_retry, &a));
    assert_int_equal(a.request.state, REQUEST_FULFILLED);
    assert_int_equal(a.request.failure.len, 0);
}

static void what_failed_is_not_retried_with_more_than_was_approved(void **state) {
    struct house *house = *state;
    struct own_role own = own_role(house);
    assert_done(fixture_write(house->fixture, put_role, &own));
    struct slice who = add_by_hand(house, "acme", "jsmith@acme.example", NULL);
    struct slice id = asked(house, &house->fixture->staff, "mine");
    set_status(house, who, MEMBER_DISABLED);
    struct ask a = {.actor = &house->fixture->staff,
                    .id = id,
                    .decision = {.decision = REQUEST_APPROVE},
                    .text = S("disabled")};
    assert_done(fixture_write(house->fixture, ask_fail, &a));
    set_status(house, who, MEMBER_ACTIVE);
    own.role.permissions = role_list_of(house, "rules:view", "users:manage");
    assert_done(fixture_write(house->fixture, put_role, &own));
    assert_reason(fixture_write(house->fixture, ask_retry, &a), ILLEGAL_TRANSITION);
    own.role.permissions = role_list_of(house, "rules:view", NULL);
    assert_done(fixture_write(house->fixture, put_role, &own));
    assert_done(fixture_write(house->fixture, ask_retry, &a));
}

static void revoking_takes_what_was_given_and_nothing_else(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    (void)add_by_hand(house, "acme", "jsmith@acme.example", "audiences_only");
    struct slice id = asked(house, &keeper, "read_only");
    struct ask a = {.actor = &keeper, .id = id};
    assert_done(fixture_write(house->fixture, ask_revoke, &a));
    assert_int_equal(a.request.state, REQUEST_REVOKED);
    struct member member = jsmith(house);
    assert_true(has_grant(&member.membership, "audiences_only", GRANT_MANUAL));
    assert_false(has_grant(&member.membership, "read_only", GRANT_REQUEST));
    assert_int_not_equal(member.membership.status, MEMBER_DISABLED);
    assert_reason(fixture_write(house->fixture, ask_revoke, &a), ILLEGAL_TRANSITION);
}

static void revoking_all_that_a_person_has_disables_him(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct slice id = asked(house, &keeper, "read_only");
    struct ask a = {.actor = &keeper, .id = id};
    assert_done(fixture_write(house->fixture, ask_revoke, &a));
    assert_int_equal(jsmith(house).membership.status, MEMBER_DISABLED);
}

static void without_a_decision_it_expires(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct slice id = asked(house, &house->fixture->staff, "read_only");
    struct access_request request;
    struct ask a = {.actor = &keeper, .id = id, .left = 100};
    house->fixture->op.now = NOON + 14 * DAY_MS - 1;
    assert_done(fixture_write(house->fixture, ask_find, &a));
    assert_int_equal(a.request.state, REQUEST_PENDING);
    house->fixture->op.now = NOON + 14 * DAY_MS;
    // At once, before anything was swept.
    assert_reason(decides(house, &keeper, id, REQUEST_APPROVE, &request), ILLEGAL_TRANSITION);
    assert_done(fixture_write(house->fixture, ask_find, &a));
    assert_int_equal(a.request.state, REQUEST_EXPIRED);
    assert_done(fixture_write(house->fixture, ask_expire, &a));
    assert_int_equal(house_audits(house, "request.expired", NULL), 1);
    assert_done(fixture_write(house->fixture, ask_expire, &a));
    assert_int_equal(house_audits(house, "request.expired", NULL), 1);
}

static void support_access_ends_by_itself(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct actor second = person(house, "second@acme.example", "security_gatekeeper");
    struct ask a = asking(house, &keeper, "support_access");
    a.request.ticket = S("CASE-17");
    a.request.access_expires_at = NOON + DAY_MS;
    assert_done(fixture_write(house->fixture, ask_create, &a));
    a.id = a.request.id;
    a.left = 100;
    struct access_request request;
    assert_done(decides(house, &second, a.id, REQUEST_APPROVE, &request));
    assert_int_equal(jsmith(house).membership.expires_at, NOON + DAY_MS);
    assert_slice(jsmith(house).membership.ticket, "CASE-17");
    house->fixture->op.now = NOON + DAY_MS;
    assert_done(fixture_write(house->fixture, ask_expire, &a));
    assert_done(fixture_write(house->fixture, ask_find, &a));
    assert_int_equal(a.request.state, REQUEST_ENDED);
}

// ---- seeing ----

static void each_sees_his_own_and_gatekeepers_see_all(void **state) {
    struct house *house = *state;
    struct actor keeper = person(house, "keeper@acme.example", "security_gatekeeper");
    struct actor ada = person(house, "ada@acme.example", "user");
    struct actor bob = person(house, "bob@acme.example", "user");
    struct slice id = asked(house, &ada, "read_only");
    struct ask a = {.actor = &bob, .id = id, .filter = {.state = -1}};
    assert_reason(fixture_read(house->fixture, ask_find, &a), NOT_FOUND);
    assert_done(fixture_read(house->fixture, ask_list, &a));
    assert_int_equal(a.rows.count, 0);
    a.actor = &ada;
    assert_done(fixture_read(house->fixture, ask_find, &a));
    assert_done(fixture_read(house->fixture, ask_list, &a));
    assert_int_equal(a.rows.count, 1);
    a.actor = &keeper;
    assert_done(fixture_read(house->fixture, ask_list, &a));
    assert_int_equal(a.rows.count, 1);
    a.filter.state = REQUEST_DENIED;
    assert_done(fixture_read(house->fixture, ask_list, &a));
    assert_int_equal(a.rows.count, 0);
    a.filter.state = REQUEST_PENDING;
    assert_done(fixture_read(house->fixture, ask_list, &a));
    assert_int_equal(a.rows.count, 1);
    a.filter.mine = true;
    assert_done(fixture_read(house->fixture, ask_list, &a));
    assert_int_equal(a.rows.count, 0);
}

static void the_list_comes_in_pages_newest_first(void **state) {
    struct house *house = *state;
    static char emails[5][32];
    for (int i = 0; i < 5; i++) {
        house->fixture->op.now = NOON + i * MINUTE_MS;
        struct ask a = asking(house, &house->fixture->staff, "read_only");
        (void)snprintf(emails[i], sizeof emails[i], "p%d@acme.example", i);
        a.request.email = slice_str(emails[i]);
        assert_done(fixture_write(house->fixture, ask_create, &a));
    }
    struct ask a = {.actor = &house->fixture->staff, .filter = {.state = -1}, .page = {.limit = 2}};
    int seen = 5;
    do {
        assert_done(fixture_read(house->fixture, ask_list, &a));
        const struct access_request *rows = a.rows.at;
        for (size_t i = 0; i < a.rows.count; i++) {
            assert_slice(rows[i].email, emails[--seen]);
        }
        a.page.cursor = a.next;
    } while (a.next.len > 0);
    assert_int_equal(seen, 0);
}

static void comments_are_kept_and_bounded(void **state) {
    struct house *house = *state;
    struct slice id = asked(house, &house->fixture->staff, "read_only");
    struct ask a = {.actor = &house->fixture->staff, .id = id, .text = S("who is this?")};
    assert_done(fixture_write(house->fixture, ask_comment, &a));
    assert_int_equal(a.request.comments.count, 1);
    a.text = S("  ");
    assert_reason(fixture_write(house->fixture, ask_comment, &a), INVALID_INPUT);
    a.text = S("again");
    for (int i = 1; i < REQUEST_COMMENTS_MAX; i++) {
        assert_done(fixture_write(house->fixture, ask_comment, &a));
    }
    assert_reason(fixture_write(house->fixture, ask_comment, &a), ILLEGAL_TRANSITION);
}

#define HOUSE(test) cmocka_unit_test_setup_teardown(test, house_open, house_close)
int main(void) {
    const struct CMUnitTest tests[] = {
        HOUSE(what_a_request_lacks_is_said_by_field),
        HOUSE(an_add_on_that_the_tenant_lacks_is_not_asked_for),
        HOUSE(one_person_has_one_request_open),
        HOUSE(nobody_asks_more_often_than_anybody_reads),
        HOUSE(a_draft_is_changed_and_submitted_by_its_writer),
        HOUSE(support_access_names_its_end_and_its_ticket),
        HOUSE(a_gatekeeper_approves_and_access_is_given_at_once),
        HOUSE(a_denied_request_gives_nothing),
        HOUSE(a_gatekeeper_who_asks_has_approved),
        HOUSE(with_four_eyes_nobody_approves_his_own),
        HOUSE(who_is_bound_by_four_eyes_does_not_end_them),
        HOUSE(personal_data_and_user_administration_take_two_people),
        HOUSE(a_service_user_is_no_second_person),
        HOUSE(a_gatekeeper_may_give_something_else),
        HOUSE(a_role_that_became_more_takes_as_many_people_as_it_would_now),
        HOUSE(what_failed_is_not_retried_with_more_than_was_approved),
        HOUSE(what_cannot_be_given_fails_and_is_retried),
        HOUSE(revoking_takes_what_was_given_and_nothing_else),
        HOUSE(revoking_all_that_a_person_has_disables_him),
        HOUSE(without_a_decision_it_expires),
        HOUSE(support_access_ends_by_itself),
        HOUSE(each_sees_his_own_and_gatekeepers_see_all),
        HOUSE(the_list_comes_in_pages_newest_first),
        HOUSE(comments_are_kept_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
