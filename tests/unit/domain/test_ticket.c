// SPDX-License-Identifier: GPL-3.0-or-later
// One-time links: good once, for one thing, for a while, and only when they were made with the
// gate's key.
#include "people.h"

#include "base/digest.h"
#include "base/encode.h"
#include "domain/ticket.h"

static const struct ticket_key the_key = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8}};

struct work {
    struct ticket ticket;
    int64_t lifetime;
    struct slice text, tenant, user_id;
    enum ticket_purpose purpose;
    bool yes;
};
#define WORKS(name, expression)                                                                    \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct work *w = arg;                                                                      \
        return expression;                                                                         \
    }
WORKS(do_issue, ticket_issue(op, txn, &w->ticket, w->lifetime))
WORKS(do_find, ticket_find(op, txn, &the_key, w->text, w->purpose, &w->ticket))
WORKS(do_use, ticket_use(op, txn, &w->ticket))
WORKS(do_revoke, ticket_revoke(op, txn, w->tenant, w->user_id))
WORKS(do_revoke_about, ticket_revoke_about(op, txn, w->tenant, w->text))

static struct slice issue_for(struct house *house, enum ticket_purpose purpose, const char *tenant,
                              const char *user, const char *subject) {
    struct work w = {.ticket = {.purpose = (int)purpose,
                                .tenant = slice_str(tenant),
                                .user_id = slice_str(user),
                                .subject = slice_str(subject)},
                     .lifetime = HOUR_MS};
    struct slice text;
    assert_done(fixture_write(house->fixture, do_issue, &w));
    assert_done(ticket_text(&house->fixture->op, &the_key, w.ticket.id, &text));
    return text;
}
static struct slice issue(struct house *house, enum ticket_purpose purpose) {
    return issue_for(house, purpose, "acme", "usr_1", "");
}
static reason find(struct house *house, struct slice text, enum ticket_purpose purpose,
                   struct ticket *ret_ticket) {
    struct work w = {.text = text, .purpose = purpose};
    reason why = fixture_read(house->fixture, do_find, &w);
    *ret_ticket = w.ticket;
    return why;
}
static reason is_good(struct house *house, struct slice text, enum ticket_purpose purpose) {
    struct ticket ticket;
    return find(house, text, purpose, &ticket);
}

static void a_link_is_found_and_says_for_whom_it_is(void **state) {
    struct house *house = *state;
    struct slice text = issue_for(house, TICKET_EMAIL, "acme", "usr_1", "new@acme.example");
    struct ticket ticket;
    assert_int_equal(text.len, TICKET_TEXT);
    assert_done(find(house, text, TICKET_EMAIL, &ticket));
    assert_slice(ticket.tenant, "acme");
    assert_slice(ticket.user_id, "usr_1");
    assert_slice(ticket.subject, "new@acme.example");
    assert_int_equal(ticket.created_at, NOON);
    assert_int_equal(ticket.expires_at, NOON + HOUR_MS);
    assert_done(is_good(house, text, TICKET_EMAIL)); // looking uses nothing up
}

static void it_is_good_until_its_time_is_over(void **state) {
    struct house *house = *state;
    struct slice text = issue(house, TICKET_RESET);
    house->fixture->op.now = NOON + HOUR_MS - 1;
    assert_done(is_good(house, text, TICKET_RESET));
    house->fixture->op.now = NOON + HOUR_MS;
    assert_reason(is_good(house, text, TICKET_RESET), LINK_EXPIRED);
}

static void it_is_used_once(void **state) {
    struct house *house = *state;
    struct slice text = issue(house, TICKET_INVITE);
    struct work w = {.purpose = TICKET_INVITE};
    assert_done(find(house, text, TICKET_INVITE, &w.ticket));
    assert_done(fixture_write(house->fixture, do_use, &w));
    assert_reason(is_good(house, text, TICKET_INVITE), LINK_UNKNOWN);
    assert_reason(fixture_write(house->fixture, do_use, &w), LINK_UNKNOWN);
}

static void it_is_good_for_nothing_else(void **state) {
    struct house *house = *state;
    struct slice text = issue(house, TICKET_REQUEST_APPROVE);
    for (int purpose = 0; purpose < TICKET_PURPOSES; purpose++) {
        if (purpose == TICKET_REQUEST_APPROVE) {
            assert_done(is_good(house, text, TICKET_REQUEST_APPROVE));
        } else {
            assert_reason(is_good(house, text, (enum ticket_purpose)purpose), LINK_UNKNOWN);
        }
    }
}

static void one_that_was_not_made_with_our_key_is_unknown(void **state) {
    struct house *house = *state;
    struct op *op = &house->fixture->op;
    struct slice text = issue(house, TICKET_RESET);
    static const struct ticket_key other = {.bytes = {9}};
    struct slice bytes;
    struct slice forged;
    assert_true(decode_base64url(op, text, &bytes));
    assert_done(ticket_text(op, &other, slice_sub(bytes, 0, TICKET_ID), &forged));
    assert_reason(is_good(house, forged, TICKET_RESET), LINK_UNKNOWN);
    for (size_t i = 0; i < bytes.len; i++) { // not one bit of it may differ
        uint8_t changed[TICKET_ID + SHA256_BYTES];
        memcpy(changed, bytes.at, sizeof changed);
        changed[i] ^= 1;
        assert_done(encode_base64url(op, slice_of(changed, sizeof changed), &forged));
        assert_reason(is_good(house, forged, TICKET_RESET), LINK_UNKNOWN);
    }
    assert_done(is_good(house, text, TICKET_RESET));
}

static void what_is_no_text_of_ours_is_unknown(void **state) {
    struct house *house = *state;
    struct slice text = issue(house, TICKET_RESET);
    static char longer[100000];
    memset(longer, 'A', sizeof longer);
    const struct slice bad[] = {
        S(""),
        S("x"),
        slice_sub(text, 0, TICKET_TEXT - 1),
        op_text(&house->fixture->op, "%.*s=", SLICE(text)),
        op_text(&house->fixture->op, "%.*s+", SLICE(slice_sub(text, 0, 63))),
        slice_of(longer, TICKET_TEXT),
        slice_of(longer, sizeof longer)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_reason(is_good(house, bad[i], TICKET_RESET), LINK_UNKNOWN);
    }
}

static void the_newest_revokes_older_ones_of_its_kind_alone(void **state) {
    struct house *house = *state;
    struct slice old = issue(house, TICKET_RESET);
    struct slice purpose = issue(house, TICKET_INVITE);
    struct slice tenant = issue_for(house, TICKET_RESET, "umbrella", "usr_1", "");
    struct slice user = issue_for(house, TICKET_RESET, "acme", "usr_2", "");
    struct slice subject = issue_for(house, TICKET_RESET, "acme", "usr_1", "req_1");
    struct slice fresh = issue(house, TICKET_RESET);
    assert_reason(is_good(house, old, TICKET_RESET), LINK_UNKNOWN);
    assert_done(is_good(house, fresh, TICKET_RESET));
    assert_done(is_good(house, purpose, TICKET_INVITE));
    assert_done(is_good(house, tenant, TICKET_RESET));
    assert_done(is_good(house, user, TICKET_RESET));
    assert_done(is_good(house, subject, TICKET_RESET));
}

static void all_of_a_member_or_of_a_user_are_revoked(void **state) {
    struct house *house = *state;
    struct slice here = issue(house, TICKET_RESET);
    struct slice here_too = issue_for(house, TICKET_EMAIL, "acme", "usr_1", "a@acme.example");
    struct slice elsewhere = issue_for(house, TICKET_RESET, "umbrella", "usr_1", "");
    struct slice other = issue_for(house, TICKET_RESET, "acme", "usr_10", "");
    struct work w = {.tenant = S("acme"), .user_id = S("usr_1")};
    assert_done(fixture_write(house->fixture, do_revoke, &w));
    assert_reason(is_good(house, here, TICKET_RESET), LINK_UNKNOWN);
    assert_reason(is_good(house, here_too, TICKET_EMAIL), LINK_UNKNOWN);
    assert_done(is_good(house, elsewhere, TICKET_RESET));
    assert_done(is_good(house, other, TICKET_RESET));
    w.tenant = S("");
    assert_done(fixture_write(house->fixture, do_revoke, &w));
    assert_reason(is_good(house, elsewhere, TICKET_RESET), LINK_UNKNOWN);
    assert_done(is_good(house, other, TICKET_RESET));
}

static void all_about_a_request_are_revoked_whoever_has_them(void **state) {
    struct house *house = *state;
    struct slice links[300];
    for (size_t i = 0; i < 300; i++) { // more than one batch
        char user[16];
        (void)snprintf(user, sizeof user, "usr_%zu", i);
        links[i] = issue_for(house, TICKET_REQUEST_APPROVE, "acme", user, "req_1");
    }
    struct slice other = issue_for(house, TICKET_REQUEST_APPROVE, "acme", "usr_1", "req_2");
    struct slice foreign = issue_for(house, TICKET_REQUEST_APPROVE, "umbrella", "usr_1", "req_1");
    struct work w = {.tenant = S("acme"), .text = S("req_1")};
    assert_done(fixture_write(house->fixture, do_revoke_about, &w));
    for (size_t i = 0; i < 300; i++) {
        assert_reason(is_good(house, links[i], TICKET_REQUEST_APPROVE), LINK_UNKNOWN);
    }
    assert_done(is_good(house, other, TICKET_REQUEST_APPROVE));
    assert_done(is_good(house, foreign, TICKET_REQUEST_APPROVE));
}

static void the_address_is_the_gates_own_and_its_page_that_of_the_purpose(void **state) {
    struct house *house = *state;
    struct op *op = &house->fixture->op;
    struct slice text = issue(house, TICKET_RESET);
    struct ticket ticket;
    struct slice url;
    assert_done(find(house, text, TICKET_RESET, &ticket));
    assert_done(ticket_link(op, &the_key, S("https://gate.example"), &ticket, &url));
    struct slice want = op_text(op, "https://gate.example/password/reset?t=%.*s", SLICE(text));
    assert_true(slice_equal(url, want));
    for (size_t i = 0; i < TICKET_PURPOSES; i++) {
        assert_non_null(ticket_pages[i]);
    }
}

static void what_is_stored_opens_nothing(void **state) {
    struct house *house = *state;
    struct slice text = issue(house, TICKET_RESET);
    struct slice again = issue_for(house, TICKET_RESET, "acme", "usr_2", "");
    struct op *op = &house->fixture->op;
    struct slice bytes;
    struct slice others;
    assert_true(decode_base64url(op, text, &bytes));
    assert_true(decode_base64url(op, again, &others));
    // The proof is of this id alone: neither that of another link nor the id itself does for it.
    uint8_t mixed[TICKET_ID + SHA256_BYTES];
    struct slice forged;
    memcpy(mixed, bytes.at, TICKET_ID);
    memcpy(mixed + TICKET_ID, others.at + TICKET_ID, SHA256_BYTES);
    assert_done(encode_base64url(op, slice_of(mixed, sizeof mixed), &forged));
    assert_reason(is_good(house, forged, TICKET_RESET), LINK_UNKNOWN);
    struct sha256 digest = digest_sha256(slice_sub(bytes, 0, TICKET_ID));
    memcpy(mixed + TICKET_ID, digest.bytes, SHA256_BYTES);
    assert_done(encode_base64url(op, slice_of(mixed, sizeof mixed), &forged));
    assert_reason(is_good(house, forged, TICKET_RESET), LINK_UNKNOWN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_link_is_found_and_says_for_whom_it_is),
        T(it_is_good_until_its_time_is_over),
        T(it_is_used_once),
        T(it_is_good_for_nothing_else),
        T(one_that_was_not_made_with_our_key_is_unknown),
        T(what_is_no_text_of_ours_is_unknown),
        T(the_newest_revokes_older_ones_of_its_kind_alone),
        T(all_of_a_member_or_of_a_user_are_revoked),
        T(all_about_a_request_are_revoked_whoever_has_them),
        T(the_address_is_the_gates_own_and_its_page_that_of_the_purpose),
        T(what_is_stored_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
