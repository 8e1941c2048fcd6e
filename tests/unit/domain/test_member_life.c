// SPDX-License-Identifier: GPL-3.0-or-later
// What happens to members, in a store: letters and links that come of it, what is bounded, what the clock does.
#include "people.h"

#include "domain/account.h"
#include "domain/listing.h"
#include "domain/member_life.h"
#include "domain/password_set.h"
#include "domain/space.h"
#include "domain/tenant_settings.h"

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

struct life {
    const struct actor *actor;
    struct slice tenant, id;
    struct invitation invitation;
    struct happening happening;
    struct member member;
    struct user user;
    struct letter letter;
    struct tenant_settings settings;
    struct account account;
    struct ticket ticket;
    bool yes;
    size_t most;
};
#define LIFE(name, expression)                                                                     \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct life *l = arg;                                                                      \
        return expression;                                                                         \
    }
LIFE(invite, member_invite(op, txn, l->actor, l->tenant, &l->invitation, &l->member, &l->yes))
LIFE(happens, member_happens(op, txn, l->actor, l->tenant, l->id, &l->happening, &l->member))
LIFE(last_letter, outbox_last(op, txn, l->tenant, l->id, &l->letter, &l->yes))
LIFE(put_settings, tenant_settings_put(op, txn, l->actor, &l->settings))
LIFE(due, member_due(op, txn, l->most, &l->yes))
LIFE(put_account, account_put(op, txn, &l->account))
LIFE(find_account, account_find(op, txn, l->id, &l->account, &l->yes))
LIFE(find_member, member_find(op, txn, l->tenant, l->id, &l->member))
LIFE(find_user, user_find(op, txn, l->id, &l->user))
LIFE(set_names, member_set_names(op, txn, l->actor, l->tenant, l->id, l->user.first_name,
                                 l->user.last_name, &l->member))
LIFE(change_email, member_change_email(op, txn, l->actor, l->tenant, l->id, l->user.email, &l->member))
LIFE(ticket_of_letter, ticket_find_by_id(op, txn, l->letter.ticket_id, &l->ticket, &l->yes))
LIFE(issue, ticket_issue(op, txn, &l->ticket, HOUR_MS))
LIFE(confirm_email, member_confirm_email(op, txn, S("192.0.2.9"), &l->ticket, &l->user))
LIFE(change_password, password_change(op, txn, l->actor, &l->user, l->tenant, l->happening.until,
                                      S("$argon2id$y"), S(""), &l->happening.until))
LIFE(set_end, member_set_end(op, txn, l->actor, l->tenant, l->id, l->invitation.expires_at,
                             l->invitation.ticket, &l->member))

static struct life life_of(struct house *house) {
    return (struct life){.actor = &house->fixture->staff, .tenant = S("acme"), .most = 100};
}
static struct life invited(struct house *house, const char *email) {
    struct life l = life_of(house);
    l.invitation = (struct invitation){
        .email = slice_str(email), .first_name = S("Jane"), .last_name = S("Smith")};
    assert_done(fixture_write(house->fixture, invite, &l));
    l.id = l.member.user.id;
    return l;
}
static reason let(struct house *house, struct life *l, enum life_event event) {
    l->happening.event = event;
    return fixture_write(house->fixture, happens, l);
}
static int letter_kind(struct house *house, struct life *l) {
    assert_done(fixture_read(house->fixture, last_letter, l));
    return l->yes ? l->letter.kind : LETTER_KINDS;
}
static int status_of(struct house *house, struct life *l) {
    assert_done(fixture_read(house->fixture, find_member, l));
    return membership_now(&l->member.membership, house->fixture->op.now);
}
static void later(struct house *house, int64_t ms) {
    house->fixture->op.now += ms;
}
static void with_password(struct house *house, struct life *l) {
    l->account = (struct account){.user_id = l->id, .password = S("$argon2id$x"), .failures = 3};
    assert_done(fixture_write(house->fixture, put_account, l));
}

// ---- invitations ----

static void who_is_invited_gets_a_letter_with_a_link(void **state) {
    struct house *house = *state;
    struct life l = invited(house, "jane@acme.example");
    assert_int_equal(l.member.membership.status, MEMBER_INVITED);
    assert_false(l.yes);
    assert_int_equal(letter_kind(house, &l), LETTER_WELCOME);
    assert_slice(l.letter.to, "jane@acme.example");
    assert_done(fixture_read(house->fixture, ticket_of_letter, &l));
    assert_true(l.yes);
    assert_int_equal(l.ticket.purpose, TICKET_INVITE);
    assert_int_equal(l.ticket.expires_at, l.member.membership.invite_expires_at);
    assert_int_equal(house_audits(house, "user.invited", NULL), 1);
    later(house, 7 * DAY_MS);
    assert_int_equal(status_of(house, &l), MEMBER_INVITE_EXPIRED);
}

static void who_signs_in_by_sso_alone_gets_no_link(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.invitation = (struct invitation){.email = S("jane@acme.example"), .sso_only = true};
    assert_done(fixture_write(house->fixture, invite, &l));
    l.id = l.member.user.id;
    assert_int_equal(letter_kind(house, &l), LETTER_WELCOME_SSO);
    assert_int_equal(l.letter.ticket_id.len, 0);
    later(house, 100 * DAY_MS);
    assert_int_equal(status_of(house, &l), MEMBER_INVITED);
}

static void nobody_is_written_to_in_silence(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.invitation = (struct invitation){.email = S("jane@acme.example"), .silent = true};
    assert_done(fixture_write(house->fixture, invite, &l));
    l.id = l.member.user.id;
    assert_int_equal(letter_kind(house, &l), LETTER_KINDS);
    assert_done(let(house, &l, LIFE_RESEND));
    assert_int_equal(letter_kind(house, &l), LETTER_WELCOME);
}

static void the_link_is_sent_again_a_minute_apart_and_five_times_a_day(void **state) {
    struct house *house = *state;
    struct life l = invited(house, "jane@acme.example");
    assert_reason(let(house, &l, LIFE_RESEND), INVITE_LIMIT);
    assert_int_equal(letter_kind(house, &l), LETTER_WELCOME);
    struct life first = l;
    later(house, INVITES_APART);
    assert_done(let(house, &l, LIFE_RESEND));
    assert_done(fixture_read(house->fixture, ticket_of_letter, &first)); // the old link is dead
    assert_false(first.yes);
    for (int i = 2; i < INVITES_A_DAY; i++) {
        later(house, INVITES_APART);
        assert_done(let(house, &l, LIFE_RESEND));
    }
    later(house, INVITES_APART);
    assert_reason(let(house, &l, LIFE_RESEND), INVITE_LIMIT);
    later(house, DAY_MS);
    assert_done(let(house, &l, LIFE_RESEND));
}

static void a_reminder_comes_a_day_before_the_end(void **state) {
    struct house *house = *state;
    struct life l = invited(house, "jane@acme.example");
    later(house, 5 * DAY_MS);
    assert_done(fixture_write(house->fixture, due, &l));
    assert_int_equal(letter_kind(house, &l), LETTER_WELCOME);
    later(house, DAY_MS + MINUTE_MS);
    assert_done(fixture_write(house->fixture, due, &l));
    assert_int_equal(letter_kind(house, &l), LETTER_INVITE_REMINDER);
    assert_done(fixture_read(house->fixture, ticket_of_letter, &l));
    assert_true(l.yes);
    assert_true(l.ticket.expires_at <= l.member.membership.invite_expires_at);
    struct slice id = l.letter.id;
    later(house, MINUTE_MS);
    assert_done(fixture_write(house->fixture, due, &l));
    (void)letter_kind(house, &l);
    assert_true(slice_equal(l.letter.id, id)); // once
}

static void a_person_of_another_tenant_is_asked(void **state) {
    struct house *house = *state;
    (void)add_by_hand(house, "umbrella", "eve@umbrella.example", NULL);
    struct life l = invited(house, "eve@umbrella.example");
    assert_true(l.yes);
    assert_int_equal(letter_kind(house, &l), LETTER_MEMBER_ADDED);
    assert_true(l.letter.ticket_id.len > 0);
    assert_reason(fixture_write(house->fixture, invite, &l), ALREADY_MEMBER);
}

static void a_tenant_has_at_most_so_many_users(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.settings = tenant_settings_default(S("acme"));
    l.settings.user_limit = 1;
    assert_done(fixture_write(house->fixture, put_settings, &l));
    struct life one = invited(house, "one@acme.example");
    l.invitation = (struct invitation){.email = S("two@acme.example")};
    assert_reason(fixture_write(house->fixture, invite, &l), USER_LIMIT);
    assert_done(let(house, &one, LIFE_DELETE));
    assert_done(fixture_write(house->fixture, invite, &l));
}

static void the_first_sign_in_accepts_the_invitation(void **state) {
    struct house *house = *state;
    struct life l = invited(house, "jane@acme.example");
    assert_int_equal(letter_kind(house, &l), LETTER_WELCOME);
    later(house, SECOND_MS);
    assert_done(house_admit(house));
    assert_true(slice_equal(house->login.user.id, l.id));
    assert_int_equal(status_of(house, &l), MEMBER_ACTIVE);
    assert_done(fixture_read(house->fixture, ticket_of_letter, &l));
    assert_false(l.yes);
    assert_int_equal(letter_kind(house, &l), LETTER_READY);
    assert_int_equal(house_audits(house, "user.accepted", NULL), 1);
}

static void who_comes_by_themselves_is_told_to_administrators_later(void **state) {
    struct house *house = *state;
    struct slice admin = add_by_hand(house, "acme", "boss@acme.example", "admin");
    assert_done(house_admit(house));
    struct life l = life_of(house);
    l.id = admin;
    assert_int_equal(letter_kind(house, &l), LETTER_KINDS);
    assert_done(fixture_write(house->fixture, due, &l));
    assert_int_equal(letter_kind(house, &l), LETTER_JIT_NOTICE);
    struct slice id = l.letter.id;
    assert_done(fixture_write(house->fixture, due, &l));
    (void)letter_kind(house, &l);
    assert_true(slice_equal(l.letter.id, id));
}

static void whom_the_tenant_takes_no_password_from_gets_no_link(void **state) {
    struct house *house = *state;
    struct policy policy = policy_default();
    policy.unsolicited = true;
    policy.enforced = true;
    house_policy(house, &policy);
    struct life l = invited(house, "joe@acme.example");
    assert_int_equal(letter_kind(house, &l), LETTER_WELCOME_SSO);
    struct life other = invited(house, "joe@partner.example"); // of no domain of the connection's
    assert_int_equal(letter_kind(house, &other), LETTER_WELCOME);
}

// Umbrella invites an address of acme's first: it has no power over the account by that.
static void an_account_is_at_home_where_its_domain_is(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.tenant = S("umbrella");
    l.invitation = (struct invitation){.email = S("jane@acme.example")};
    assert_done(fixture_write(house->fixture, invite, &l));
    l.id = l.member.user.id;
    struct actor eve = {.kind = ACTOR_USER, .id = S("usr_eve"), .tenant = S("umbrella")};
    permission_add(&eve.permissions, permission_find(S("users:manage")));
    l.actor = &eve;
    l.user = (struct user){.email = S("jane@umbrella.example"), .first_name = S("Eve")};
    assert_reason(fixture_write(house->fixture, change_email, &l), FORBIDDEN);
    assert_reason(fixture_write(house->fixture, set_names, &l), FORBIDDEN);
    (void)add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct actor ann = {.kind = ACTOR_USER, .id = S("usr_ann"), .tenant = S("acme")};
    permission_add(&ann.permissions, permission_find(S("users:manage")));
    l.tenant = S("acme");
    l.actor = &ann;
    assert_done(fixture_write(house->fixture, set_names, &l));
    assert_slice(l.member.user.first_name, "Eve");
}

// ---- out and back ----

static void the_way_back_is_a_link_and_the_old_password_is_void(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", "user");
    with_password(house, &l);
    l.happening.reason = S("left the company");
    assert_done(let(house, &l, LIFE_DISABLE));
    assert_slice(l.member.membership.reason, "left the company");
    assert_int_equal(letter_kind(house, &l), LETTER_KINDS); // the notice is off by default
    l.happening.reason = SLICE_NONE;
    assert_done(let(house, &l, LIFE_ENABLE));
    assert_int_equal(l.member.membership.status, MEMBER_REACTIVATING);
    assert_int_equal(l.member.membership.reason.len, 0);
    assert_int_equal(letter_kind(house, &l), LETTER_REACTIVATION);
    assert_done(fixture_read(house->fixture, find_account, &l));
    assert_int_equal(l.account.password.len, 0);
    assert_int_equal(l.account.history.count, 1);
    assert_int_equal(l.account.failures, 0);
}

static void who_gives_access_back_could_have_given_it(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    assert_done(let(house, &l, LIFE_DISABLE));
    struct actor weak = {.kind = ACTOR_USER, .id = S("usr_weak"), .tenant = S("acme")};
    permission_add(&weak.permissions, permission_find(S("users:manage")));
    l.actor = &weak;
    assert_reason(let(house, &l, LIFE_ENABLE), FORBIDDEN);
    l.actor = &house->fixture->staff;
    assert_done(let(house, &l, LIFE_ENABLE));
}

static void a_deleted_one_comes_back_within_thirty_days_and_is_nobody_after(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", "user");
    with_password(house, &l);
    assert_done(let(house, &l, LIFE_DELETE));
    assert_reason(let(house, &l, LIFE_ENABLE), ILLEGAL_TRANSITION);
    assert_done(let(house, &l, LIFE_RESTORE));
    assert_int_equal(l.member.membership.status, MEMBER_REACTIVATING);
    assert_int_equal(l.member.membership.grants.count, 1);
    assert_done(let(house, &l, LIFE_DELETE));
    later(house, MEMBER_RESTORE_MAX - MINUTE_MS);
    assert_done(fixture_write(house->fixture, due, &l));
    assert_done(fixture_read(house->fixture, find_user, &l));
    later(house, 2 * MINUTE_MS);
    assert_reason(let(house, &l, LIFE_RESTORE), ILLEGAL_TRANSITION);
    assert_done(fixture_write(house->fixture, due, &l));
    assert_reason(fixture_read(house->fixture, find_user, &l), NOT_FOUND);
    assert_done(fixture_read(house->fixture, find_account, &l));
    assert_false(l.yes);
    assert_int_equal(house_audits(house, "user.erased", NULL), 1);
    struct slice old = l.id;
    struct life again = invited(house, "jane@acme.example");
    assert_false(slice_equal(again.id, old));
}

static void who_is_invited_after_a_deletion_was_never_there(void **state) {
    struct house *house = *state;
    struct life l = invited(house, "jane@acme.example");
    assert_int_equal(l.member.visit.last, 0);
    assert_done(house_admit(house));
    assert_int_equal(visit_of(house, l.id).last, house->fixture->op.now);
    assert_done(let(house, &l, LIFE_DELETE));
    later(house, HOUR_MS);
    struct life again = invited(house, "jane@acme.example");
    assert_true(slice_equal(again.id, l.id));
    assert_int_equal(again.member.visit.last, 0);
    assert_int_equal(visit_of(house, l.id).last, 0);
    assert_int_equal(visit_of(house, l.id).assertion.len, 0);
}

static void a_person_who_is_a_member_elsewhere_stays_there(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    (void)add_by_hand(house, "umbrella", "jane@acme.example", NULL);
    assert_done(let(house, &l, LIFE_DELETE));
    later(house, MEMBER_RESTORE_MAX + MINUTE_MS);
    assert_done(fixture_write(house->fixture, due, &l));
    assert_reason(fixture_read(house->fixture, find_member, &l), NOT_FOUND);
    l.tenant = S("umbrella");
    assert_done(fixture_read(house->fixture, find_member, &l));
}

// ---- an end ----

static void support_access_has_an_end_and_a_ticket(void **state) {
    struct house *house = *state;
    struct slice role = S("support_access");
    struct life l = life_of(house);
    struct op *op = &house->fixture->op;
    l.invitation = (struct invitation){.email = S("rep@vendor.example"), .role_ids = {&role, 1}};
    assert_reason(fixture_write(house->fixture, invite, &l), INVALID_INPUT);
    assert_fault(op, 0, "/expires_at", FIELD_REQUIRED);
    assert_fault(op, 1, "/ticket", FIELD_REQUIRED);
    l.invitation.ticket = S("T-17");
    l.invitation.expires_at = op->now - 1;
    assert_reason(fixture_write(house->fixture, invite, &l), INVALID_INPUT);
    l.invitation.expires_at = op->now + HOUR_MS;
    assert_done(fixture_write(house->fixture, invite, &l));
    assert_int_equal(house_audits(house, "support_access.granted", NULL), 1);
    l.id = l.member.user.id;
    later(house, HOUR_MS);
    assert_done(fixture_write(house->fixture, due, &l));
    assert_int_equal(status_of(house, &l), MEMBER_DISABLED);
    assert_int_equal(house_audits(house, "support_access.ended", NULL), 1);
}

static void access_ends_in_time_also_without_the_janitor(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct life l = life_of(house);
    l.id = house->login.user.id;
    l.invitation.expires_at = house->fixture->op.now + HOUR_MS;
    assert_done(fixture_write(house->fixture, set_end, &l));
    struct call c = {.cookie = house->login.cookie};
    later(house, HOUR_MS - 1);
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &c));
    later(house, 1);
    assert_reason(fixture_read(house->fixture, call_session_by_cookie, &c), UNAUTHENTICATED);
    house_identity(house);
    house->identity.expires = house->fixture->op.now + 5 * MINUTE_MS;
    assert_reason(house_admit(house), LOGIN_MEMBERSHIP_DISABLED);
}

// ---- another address ----

static void an_address_counts_once_it_is_confirmed(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    (void)add_by_hand(house, "acme", "joe@acme.example", NULL);
    l.user.email = S("joe@acme.example");
    assert_reason(fixture_write(house->fixture, change_email, &l), ADDRESS_TAKEN);
    l.user.email = S("Jane.Smith@acme.example");
    assert_done(fixture_write(house->fixture, change_email, &l));
    assert_slice(l.member.user.email, "jane@acme.example");
    int kind = letter_kind(house, &l); // both were written at the same time
    assert_true(kind == LETTER_EMAIL_NOTICE || kind == LETTER_EMAIL_CONFIRM);
    assert_slice(l.letter.to, kind == LETTER_EMAIL_NOTICE ? "jane@acme.example" : "jane.smith@acme.example");
    assert_int_equal(house_audits(house, "user.email_changed", NULL), 0);
    l.ticket = (struct ticket){.purpose = TICKET_EMAIL,
                               .tenant = S("acme"),
                               .user_id = l.id,
                               .subject = S("jane.smith@acme.example")};
    assert_done(fixture_write(house->fixture, issue, &l));
    assert_done(fixture_write(house->fixture, confirm_email, &l));
    assert_slice(l.user.email, "jane.smith@acme.example");
    assert_int_equal(house_audits(house, "user.email_changed", NULL), 1);
    assert_reason(fixture_write(house->fixture, confirm_email, &l), LINK_UNKNOWN);
}

// Address and second factor are the keys to an account: with them one is the person.
static void nobody_gets_the_keys_to_a_stronger_account(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    struct actor keeper = {.kind = ACTOR_USER, .id = S("usr_keeper"), .tenant = S("acme")};
    permission_add(&keeper.permissions, permission_find(S("session:login")));
    permission_add(&keeper.permissions, permission_find(S("users:manage")));
    l.actor = &keeper;
    l.user.email = S("mallory@acme.example");
    assert_reason(fixture_write(house->fixture, change_email, &l), FORBIDDEN);
    l.id = add_by_hand(house, "acme", "joe@acme.example", NULL);
    assert_done(fixture_write(house->fixture, change_email, &l));
}

static void a_link_for_an_address_ends_with_what_is_given_since(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "joe@acme.example", NULL);
    l.ticket = (struct ticket){.purpose = TICKET_EMAIL,
                               .tenant = S("acme"),
                               .user_id = l.id,
                               .subject = S("mallory@acme.example")};
    assert_done(fixture_write(house->fixture, issue, &l));
    later(house, MINUTE_MS);
    struct slice admin = S("admin");
    struct call c = {.tenant = S("acme"),
                     .id = l.id,
                     .actor = &house->fixture->staff,
                     .roles = {&admin, 1}};
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_reason(fixture_write(house->fixture, confirm_email, &l), LINK_UNKNOWN);
    assert_done(fixture_write(house->fixture, issue, &l)); // asked for again
    assert_done(fixture_write(house->fixture, confirm_email, &l));
}

// Umbrella invites an address of a domain that is nobody's, and waits for acme to do so, too.
static void who_is_in_two_tenants_is_in_neithers_hand(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.tenant = S("umbrella");
    l.id = add_by_hand(house, "umbrella", "sam@free.example", NULL);
    struct actor eve = {.kind = ACTOR_USER, .id = S("usr_eve"), .tenant = S("umbrella")};
    permission_add(&eve.permissions, permission_find(S("users:manage")));
    l.actor = &eve;
    l.user.email = S("eve@free.example");
    assert_done(fixture_write(house->fixture, change_email, &l));
    l.ticket = (struct ticket){.purpose = TICKET_EMAIL,
                               .tenant = S("umbrella"),
                               .user_id = l.id,
                               .subject = S("eve@free.example")};
    assert_done(fixture_write(house->fixture, issue, &l));
    later(house, MINUTE_MS);
    (void)add_by_hand(house, "acme", "sam@free.example", NULL);
    assert_reason(fixture_write(house->fixture, change_email, &l), FORBIDDEN);
    assert_reason(fixture_write(house->fixture, confirm_email, &l), LINK_UNKNOWN);
    l.actor = &house->fixture->staff;
    assert_done(fixture_write(house->fixture, change_email, &l));
}

struct link_search {
    struct op *op; // that of a row is gone with it
    struct life *l;
};
static bool note_link(struct op *scratch, const void *row, void *arg) {
    struct life *l = ((struct link_search *)arg)->l;
    struct op *op = ((struct link_search *)arg)->op;
    const struct ticket *ticket = row;
    (void)scratch;
    l->yes = true;
    l->ticket = *ticket;
    return op_copy(op, ticket->id, &l->ticket.id) == NULL &&
           op_copy(op, ticket->tenant, &l->ticket.tenant) == NULL &&
           op_copy(op, ticket->user_id, &l->ticket.user_id) == NULL &&
           op_copy(op, ticket->subject, &l->ticket.subject) == NULL;
}
// The newest link to confirm an address by.
static reason link_to(struct op *op, struct txn *txn, void *arg) {
    struct life *l = arg;
    struct key prefix = key_in(SPACE_TICKET_OF);
    key_text(&prefix, l->id);
    key_text(&prefix, l->tenant);
    key_u32(&prefix, TICKET_EMAIL);
    const struct listing listing = {
        .entity = &ticket_entity, .prefix = key_slice(&prefix), .index = true};
    l->yes = false;
    struct link_search search = {op, l};
    return listing_each(op, txn, &listing, note_link, &search);
}
static void take_link(struct house *house, struct life *l, const char *address) {
    l->user.email = slice_str(address);
    assert_done(fixture_write(house->fixture, change_email, l));
    assert_done(fixture_read(house->fixture, link_to, l));
    assert_true(l->yes);
}

static void one_address_is_waited_for_and_old_links_end_with_it(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    take_link(house, &l, "jane@typo.example");
    struct life typo = l;
    later(house, SECOND_MS);
    take_link(house, &l, "jane.smith@acme.example");
    assert_reason(fixture_write(house->fixture, confirm_email, &typo), LINK_UNKNOWN);
    struct life reset = l; // to the old mailbox
    reset.ticket = (struct ticket){.purpose = TICKET_RESET, .tenant = S("umbrella"), .user_id = l.id};
    assert_done(fixture_write(house->fixture, issue, &reset));
    assert_done(fixture_write(house->fixture, confirm_email, &l));
    reset.letter.ticket_id = reset.ticket.id;
    assert_done(fixture_read(house->fixture, ticket_of_letter, &reset));
    assert_false(reset.yes);
}

// The old password was compared before the transaction: it changes nothing that was set since.
static void a_password_is_changed_only_from_the_one_that_was_shown(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    l.account = (struct account){.user_id = l.id, .password = S("$argon2id$x"), .password_at = NOON};
    assert_done(fixture_write(house->fixture, put_account, &l));
    assert_done(fixture_read(house->fixture, find_user, &l));
    l.happening.until = NOON - MINUTE_MS;
    assert_reason(fixture_write(house->fixture, change_password, &l), SIGN_IN_AGAIN);
    l.happening.until = NOON;
    later(house, MINUTE_MS);
    assert_done(fixture_write(house->fixture, change_password, &l));
    assert_int_equal(l.happening.until, NOON + MINUTE_MS);
}

// What refuses goes into the log of requests, where addresses have no place.
static void a_refusal_names_nobody(void **state) {
    struct house *house = *state;
    struct life l = invited(house, "jane@acme.example");
    assert_reason(fixture_write(house->fixture, invite, &l), ALREADY_MEMBER);
    assert_true(slice_find(house->fixture->op.detail, S("jane")) == SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(who_is_invited_gets_a_letter_with_a_link),
        T(who_signs_in_by_sso_alone_gets_no_link),
        T(nobody_is_written_to_in_silence),
        T(the_link_is_sent_again_a_minute_apart_and_five_times_a_day),
        T(a_reminder_comes_a_day_before_the_end),
        T(a_person_of_another_tenant_is_asked),
        T(a_tenant_has_at_most_so_many_users),
        T(the_first_sign_in_accepts_the_invitation),
        T(who_comes_by_themselves_is_told_to_administrators_later),
        T(whom_the_tenant_takes_no_password_from_gets_no_link),
        T(an_account_is_at_home_where_its_domain_is),
        T(the_way_back_is_a_link_and_the_old_password_is_void),
        T(who_gives_access_back_could_have_given_it),
        T(a_deleted_one_comes_back_within_thirty_days_and_is_nobody_after),
        T(who_is_invited_after_a_deletion_was_never_there),
        T(a_person_who_is_a_member_elsewhere_stays_there),
        T(support_access_has_an_end_and_a_ticket),
        T(access_ends_in_time_also_without_the_janitor),
        T(an_address_counts_once_it_is_confirmed),
        T(a_password_is_changed_only_from_the_one_that_was_shown),
        T(a_refusal_names_nobody),
        T(one_address_is_waited_for_and_old_links_end_with_it),
        T(nobody_gets_the_keys_to_a_stronger_account),
        T(a_link_for_an_address_ends_with_what_is_given_since),
        T(who_is_in_two_tenants_is_in_neithers_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
