// SPDX-License-Identifier: GPL-3.0-or-later
// Letters that wait: queued with the change or not at all, due in order, tried again ever later,
// dead at last, dropped when what they link to is gone.
#include "people.h"

#include "domain/outbox_work.h"

struct work {
    struct letter letter;
    struct ticket ticket, tickets[2];
    struct slice id, tenant, user_id;
    struct delivery delivery;
    struct letter_filter filter;
    struct page page;
    struct rows rows;
    struct outbox_figures figures;
    const struct actor *actor;
    const char *why_not;
    size_t count;
    bool yes, fail;
};
#define WORKS(name, expression)                                                                    \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct work *w = arg;                                                                      \
        return expression;                                                                         \
    }
WORKS(do_due, outbox_due(op, txn, w->count, &w->rows))
WORKS(do_tried, outbox_tried(op, txn, w->id, &w->delivery))
WORKS(do_find, outbox_find(op, txn, w->id, &w->letter))
WORKS(do_last, outbox_last(op, txn, w->tenant, w->user_id, &w->letter, &w->yes))
WORKS(do_forget, outbox_forget(op, txn, w->tenant, w->user_id))
WORKS(do_wanted, outbox_wanted(op, txn, &w->letter, w->tickets, &w->why_not))
WORKS(do_list, outbox_list(op, txn, &w->filter, w->page, &w->rows, &w->id, &w->count))
WORKS(do_retry, outbox_retry(op, txn, w->actor, w->id, &w->letter))
WORKS(do_drop, outbox_drop(op, txn, w->actor, w->id, &w->letter))
WORKS(do_figures, outbox_figures(op, txn, &w->figures))
WORKS(do_issue, ticket_issue(op, txn, &w->ticket, HOUR_MS))
WORKS(do_use, ticket_use(op, txn, &w->ticket))

static reason do_add(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    TRY(outbox_add(op, txn, &w->letter));
    if (w->fail) {
        REFUSE(op, ILLEGAL_TRANSITION, "the change does not happen");
    }
    return NULL;
}

static struct slice queue_for(struct house *house, const char *tenant, const char *user,
                              const char *to) {
    struct work w = {.letter = {.kind = LETTER_READY,
                                .tenant = slice_str(tenant),
                                .user_id = slice_str(user),
                                .to = slice_str(to)}};
    assert_done(fixture_write(house->fixture, do_add, &w));
    return w.letter.id;
}
static struct slice queue(struct house *house) {
    return queue_for(house, "acme", "usr_1", "jane@acme.example");
}
static struct letter letter_of(struct house *house, struct slice id) {
    struct work w = {.id = id};
    assert_done(fixture_read(house->fixture, do_find, &w));
    return w.letter;
}
static size_t due(struct house *house) {
    struct work w = {.count = 100};
    assert_done(fixture_read(house->fixture, do_due, &w));
    return w.rows.count;
}
static void tried(struct house *house, struct slice id, enum delivery_outcome outcome) {
    struct work w = {.id = id, .delivery = {(int)outcome, S("450 busy"), false}};
    assert_done(fixture_write(house->fixture, do_tried, &w));
}

static void a_letter_is_queued_with_its_values_and_is_due_at_once(void **state) {
    struct house *house = *state;
    struct op *op = &house->fixture->op;
    struct work w = {.letter = {.kind = LETTER_REQUEST_DENIED,
                                .tenant = S("acme"),
                                .to = S("Jane@ACME.example"),
                                .due_at = NOON - DAY_MS}};
    assert_done(letter_value(op, &w.letter, "request", S("req_1")));
    assert_done(letter_value(op, &w.letter, "note", S("two\nlines")));
    assert_done(letter_value(op, &w.letter, "by", S(""))); // is not there
    assert_done(letter_time(op, &w.letter, "expires", NOON));
    assert_done(fixture_write(house->fixture, do_add, &w));
    struct letter letter = letter_of(house, w.letter.id);
    assert_slice(letter.to, "jane@acme.example");
    assert_int_equal(letter.due_at, NOON);
    assert_int_equal(letter.state, LETTER_QUEUED);
    assert_int_equal(letter.values.count, 3);
    const struct letter_value *values = letter.values.at;
    assert_slice(values[1].value, "two\nlines");
    assert_slice(values[2].name, "expires");
    assert_slice(values[2].value, "21 November 2026, 12:00 UTC");
    assert_int_equal(due(house), 1);
}

static void a_value_that_is_too_long_is_cut_between_characters(void **state) {
    struct house *house = *state;
    static char text[LETTER_VALUE_MAX + 10];
    memset(text, 'a', sizeof text);
    memcpy(text + LETTER_VALUE_MAX - 1, "\xc3\xa9", 2); // stands across the end
    struct work w = {.letter = {.kind = LETTER_DISABLED, .to = S("jane@acme.example")}};
    assert_done(
        letter_value(&house->fixture->op, &w.letter, "reason", slice_of(text, sizeof text)));
    assert_done(fixture_write(house->fixture, do_add, &w));
    struct letter letter = letter_of(house, w.letter.id);
    assert_int_equal(((const struct letter_value *)letter.values.at)->value.len,
                     LETTER_VALUE_MAX - 1);
}

static void without_the_change_there_is_no_letter(void **state) {
    struct house *house = *state;
    struct work w = {.letter = {.kind = LETTER_READY, .to = S("jane@acme.example")}, .fail = true};
    assert_reason(fixture_write(house->fixture, do_add, &w), ILLEGAL_TRANSITION);
    assert_int_equal(due(house), 0);
}

static void an_address_that_is_none_is_refused_and_a_missing_one_is_no_letter(void **state) {
    struct house *house = *state;
    static const char *const bad[] = {"jane",
                                      "jane@acme.example\r\nBcc: x@evil.example",
                                      "jane@acme.example, x@evil.example",
                                      "<jane@acme.example>",
                                      "jane@@acme.example",
                                      "ja ne@acme.example"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct work w = {.letter = {.kind = LETTER_READY, .to = slice_str(bad[i])}};
        assert_reason(fixture_write(house->fixture, do_add, &w), INVALID_INPUT);
    }
    struct work w = {.letter = {.kind = LETTER_READY, .to = S("")}};
    assert_done(fixture_write(house->fixture, do_add, &w));
    assert_int_equal(w.letter.id.len, 0);
    assert_int_equal(due(house), 0);
}

static void a_later_one_waits_and_the_most_overdue_goes_first(void **state) {
    struct house *house = *state;
    struct work later = {
        .letter = {.kind = LETTER_INVITE_REMINDER, .to = S("a@acme.example"), .due_at = NOON + 2}};
    struct work sooner = {
        .letter = {.kind = LETTER_INVITE_REMINDER, .to = S("b@acme.example"), .due_at = NOON + 1}};
    assert_done(fixture_write(house->fixture, do_add, &later));
    assert_done(fixture_write(house->fixture, do_add, &sooner));
    assert_int_equal(due(house), 0);
    house->fixture->op.now = NOON + 1;
    assert_int_equal(due(house), 1);
    house->fixture->op.now = NOON + 2;
    struct work w = {.count = 100};
    assert_done(fixture_read(house->fixture, do_due, &w));
    assert_int_equal(w.rows.count, 2);
    assert_slice(((const struct letter *)w.rows.at)[0].to, "b@acme.example");
    w.count = 1;
    assert_done(fixture_read(house->fixture, do_due, &w));
    assert_int_equal(w.rows.count, 1);
}

static void what_was_sent_is_kept_without_what_it_said(void **state) {
    struct house *house = *state;
    struct work w = {.letter = {.kind = LETTER_DISABLED, .to = S("jane@acme.example")}};
    assert_done(letter_value(&house->fixture->op, &w.letter, "reason", S("left the company")));
    assert_done(fixture_write(house->fixture, do_add, &w));
    tried(house, w.letter.id, DELIVERY_SENT);
    struct letter letter = letter_of(house, w.letter.id);
    assert_int_equal(letter.state, LETTER_SENT);
    assert_int_equal(letter.ended_at, NOON);
    assert_int_equal(letter.attempts, 1);
    assert_int_equal(letter.values.count, 0);
    assert_int_equal(due(house), 0);
    tried(house, w.letter.id, DELIVERY_LATER); // a second answer changes nothing
    assert_int_equal(letter_of(house, w.letter.id).state, LETTER_SENT);
}

static void
a_failure_is_tried_again_later_each_time_and_no_more_than_six_hours_later(void **state) {
    struct house *house = *state;
    struct slice id = queue(house);
    int64_t before = 0;
    for (int attempt = 1; attempt <= 12; attempt++) {
        tried(house, id, DELIVERY_LATER);
        struct letter letter = letter_of(house, id);
        int64_t wait = letter.due_at - house->fixture->op.now;
        int64_t least = outbox_back_off(attempt);
        assert_int_equal(letter.state, LETTER_QUEUED);
        assert_slice(letter.last_error, "450 busy");
        assert_true(wait >= least && wait < least + least / 4);
        assert_true(least > before || least == BACK_OFF_MOST);
        assert_int_equal(due(house), 0);
        before = least;
        house->fixture->op.now = letter.due_at;
        assert_int_equal(due(house), 1);
    }
    assert_int_equal(outbox_back_off(1), MINUTE_MS);
    assert_int_equal(before, 6 * HOUR_MS);
}

static void a_server_that_was_down_is_tried_every_ten_minutes(void **state) {
    struct house *house = *state;
    struct work w = {.id = queue(house), .delivery = {DELIVERY_LATER, S("no connection"), true}};
    for (int attempt = 1; attempt <= 8; attempt++) {
        assert_done(fixture_write(house->fixture, do_tried, &w));
        int64_t wait = letter_of(house, w.id).due_at - house->fixture->op.now;
        int64_t least =
            outbox_back_off(attempt) < BACK_OFF_DOWN ? outbox_back_off(attempt) : BACK_OFF_DOWN;
        assert_true(wait >= least && wait < least + least / 4);
        house->fixture->op.now += wait;
    }
}

static void after_three_days_it_is_dead_and_a_permanent_refusal_kills_at_once(void **state) {
    struct house *house = *state;
    house->fixture->op.now = NOON + 5 * DAY_MS; // it waited for a server to be configured
    struct slice id = queue(house);
    tried(house, id, DELIVERY_LATER);
    house->fixture->op.now += OUTBOX_GIVE_UP - 1;
    tried(house, id, DELIVERY_LATER);
    assert_int_equal(letter_of(house, id).state, LETTER_QUEUED);
    house->fixture->op.now += 1;
    tried(house, id, DELIVERY_LATER);
    assert_int_equal(letter_of(house, id).state, LETTER_DEAD);
    struct slice other = queue(house);
    tried(house, other, DELIVERY_REFUSED);
    assert_int_equal(letter_of(house, other).state, LETTER_DEAD);
    assert_int_equal(due(house), 0);
}

static void a_dead_one_is_tried_again_when_an_operator_says_so(void **state) {
    struct house *house = *state;
    struct slice id = queue(house);
    tried(house, id, DELIVERY_REFUSED);
    house->fixture->op.now += DAY_MS;
    struct work w = {.id = id, .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, do_retry, &w));
    assert_int_equal(due(house), 1);
    assert_int_equal(letter_of(house, id).attempts, 0);
    struct slice detail;
    assert_int_equal(house_audits(house, "mail.retried", &detail), 1);
    tried(house, id, DELIVERY_SENT);
    assert_reason(fixture_write(house->fixture, do_retry, &w), ILLEGAL_TRANSITION);
    assert_reason(fixture_write(house->fixture, do_drop, &w), ILLEGAL_TRANSITION);
    w.id = S("ltr_none");
    assert_reason(fixture_write(house->fixture, do_retry, &w), NOT_FOUND);
}

static void a_queued_one_can_be_dropped(void **state) {
    struct house *house = *state;
    struct slice id = queue(house);
    struct work w = {.id = id, .actor = &house->fixture->staff};
    assert_done(fixture_write(house->fixture, do_drop, &w));
    assert_int_equal(letter_of(house, id).state, LETTER_DROPPED);
    assert_int_equal(due(house), 0);
    struct slice detail;
    assert_int_equal(house_audits(house, "mail.dropped", &detail), 1);
}

static const char *wanted(struct house *house, struct slice id) {
    struct work w = {.letter = letter_of(house, id)};
    assert_done(fixture_read(house->fixture, do_wanted, &w));
    return w.why_not;
}

static void one_whose_link_is_gone_is_not_wanted(void **state) {
    struct house *house = *state;
    struct work w = {.ticket = {.purpose = TICKET_REQUEST_APPROVE,
                                .tenant = S("acme"),
                                .user_id = S("usr_1"),
                                .subject = S("req_1")}};
    struct work deny = w;
    deny.ticket.purpose = TICKET_REQUEST_DENY;
    assert_done(fixture_write(house->fixture, do_issue, &w));
    assert_done(fixture_write(house->fixture, do_issue, &deny));
    w.letter = (struct letter){.kind = LETTER_REQUEST_SUBMITTED,
                               .to = S("jane@acme.example"),
                               .ticket_id = w.ticket.id,
                               .other_ticket_id = deny.ticket.id};
    assert_done(fixture_write(house->fixture, do_add, &w));
    assert_null(wanted(house, w.letter.id));
    assert_null(wanted(house, queue(house))); // one without a link always is
    house->fixture->op.now = NOON + HOUR_MS;
    assert_non_null(wanted(house, w.letter.id));
    house->fixture->op.now = NOON;
    assert_done(fixture_write(house->fixture, do_use, &deny));
    assert_non_null(wanted(house, w.letter.id));
}

static void the_last_one_to_a_member_is_found_and_theirs_are_forgotten(void **state) {
    struct house *house = *state;
    struct slice first = queue(house);
    house->fixture->op.now++;
    struct slice second = queue(house);
    struct slice elsewhere = queue_for(house, "umbrella", "usr_1", "jane@acme.example");
    struct work w = {.tenant = S("acme"), .user_id = S("usr_1")};
    assert_done(fixture_read(house->fixture, do_last, &w));
    assert_true(w.yes);
    assert_true(slice_equal(w.letter.id, second));
    tried(house, first, DELIVERY_SENT);
    assert_done(fixture_write(house->fixture, do_forget, &w));
    assert_int_equal(letter_of(house, second).state, LETTER_DROPPED);
    assert_int_equal(letter_of(house, first).state, LETTER_SENT);
    assert_int_equal(letter_of(house, elsewhere).state, LETTER_QUEUED);
    w.tenant = S("");
    assert_done(fixture_write(house->fixture, do_forget, &w));
    assert_int_equal(letter_of(house, elsewhere).state, LETTER_DROPPED);
    w.user_id = S("usr_9");
    assert_done(fixture_read(house->fixture, do_last, &w));
    assert_false(w.yes);
}

static size_t listed(struct house *house, int state_, const char *tenant, size_t limit,
                     size_t *ret_pages) {
    struct work w = {.filter = {state_, slice_str(tenant)}, .page = {.limit = limit}};
    size_t seen = 0;
    *ret_pages = 0;
    do {
        assert_done(fixture_read(house->fixture, do_list, &w));
        for (size_t i = 0; i < w.rows.count; i++) {
            const struct letter *letter = (const struct letter *)w.rows.at + i;
            assert_true(state_ < 0 || letter->state == state_);
            assert_true(tenant[0] == '\0' || slice_equal(letter->tenant, slice_str(tenant)));
        }
        seen += w.rows.count;
        ++*ret_pages;
        w.page.cursor = w.id;
    } while (w.id.len > 0);
    assert_int_equal(seen, w.count);
    return seen;
}

static void lists_go_by_state_and_tenant_in_pages(void **state) {
    struct house *house = *state;
    size_t pages = 0;
    for (int i = 0; i < 5; i++) {
        (void)queue(house);
        tried(house, queue_for(house, "umbrella", "usr_2", "b@umbrella.example"), DELIVERY_REFUSED);
    }
    tried(house, queue(house), DELIVERY_SENT);
    assert_int_equal(listed(house, -1, "", 4, &pages), 11);
    assert_int_equal(pages, 3);
    assert_int_equal(listed(house, LETTER_DEAD, "", 2, &pages), 5);
    assert_int_equal(pages, 3);
    assert_int_equal(listed(house, -1, "acme", 4, &pages), 6);
    assert_int_equal(listed(house, LETTER_SENT, "acme", 4, &pages), 1);
    assert_int_equal(listed(house, LETTER_DEAD, "acme", 4, &pages), 0);
    struct work w = {.filter = {-1, S("")}, .page = {.cursor = S("ltr_none")}};
    assert_reason(fixture_read(house->fixture, do_list, &w), INVALID_INPUT);
}

static void the_figures_count_states_and_name_the_oldest_that_is_overdue(void **state) {
    struct house *house = *state;
    struct work w = {.count = 0};
    assert_done(fixture_read(house->fixture, do_figures, &w));
    assert_int_equal(w.figures.oldest, 0);
    (void)queue(house);
    tried(house, queue(house), DELIVERY_REFUSED);
    tried(house, queue(house), DELIVERY_DROPPED);
    house->fixture->op.now += HOUR_MS;
    assert_done(fixture_read(house->fixture, do_figures, &w));
    assert_int_equal(w.figures.count[LETTER_QUEUED], 1);
    assert_int_equal(w.figures.count[LETTER_DEAD], 1);
    assert_int_equal(w.figures.count[LETTER_DROPPED], 1);
    assert_int_equal(w.figures.count[LETTER_SENT], 0);
    assert_int_equal(w.figures.oldest, NOON);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_letter_is_queued_with_its_values_and_is_due_at_once),
        T(a_value_that_is_too_long_is_cut_between_characters),
        T(without_the_change_there_is_no_letter),
        T(an_address_that_is_none_is_refused_and_a_missing_one_is_no_letter),
        T(a_later_one_waits_and_the_most_overdue_goes_first),
        T(what_was_sent_is_kept_without_what_it_said),
        T(a_failure_is_tried_again_later_each_time_and_no_more_than_six_hours_later),
        T(a_server_that_was_down_is_tried_every_ten_minutes),
        T(after_three_days_it_is_dead_and_a_permanent_refusal_kills_at_once),
        T(a_dead_one_is_tried_again_when_an_operator_says_so),
        T(a_queued_one_can_be_dropped),
        T(one_whose_link_is_gone_is_not_wanted),
        T(the_last_one_to_a_member_is_found_and_theirs_are_forgotten),
        T(lists_go_by_state_and_tenant_in_pages),
        T(the_figures_count_states_and_name_the_oldest_that_is_overdue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
