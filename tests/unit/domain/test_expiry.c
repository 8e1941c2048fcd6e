// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates that are about to end: told 30, 14, 7 and 1 days before, once each, to those who
// manage single sign-on.
#include "people.h"

#include "domain/expiry.h"
#include "domain/outbox_work.h"
#include "domain/space.h"

struct work {
    struct expiring expiring;
    bool news;
    size_t told;
    struct letter_filter filter;
    struct rows rows;
    struct slice next;
    size_t total;
};
static reason do_tell(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    return expiry_tell(op, txn, &w->expiring, &w->news, &w->told);
}
static reason do_look(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    return expiry_is_news(op, txn, &w->expiring, &w->news);
}
static reason do_letters(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    return outbox_list(op, txn, &w->filter, (struct page){200, S("")}, &w->rows, &w->next,
                       &w->total);
}

#define END (NOON + 100 * DAY_MS)
static const struct certificate the_certificate = {
    .sha256 = {"aa11", 4}, .subject = {"CN=okta", 7}, .not_after = END};

static struct work at_time(struct house *house, int64_t now, const struct certificate *certificate,
                           bool ours) {
    house->fixture->op.now = now;
    struct work w = {.expiring = {&house->connection, certificate, ours}};
    assert_done(fixture_read(house->fixture, do_look, &w));
    bool news = w.news;
    assert_done(fixture_write(house->fixture, do_tell, &w));
    assert_int_equal(w.news, news);
    return w;
}
static bool told_before(struct house *house, int64_t before) {
    return at_time(house, END - before, &the_certificate, false).news;
}

static void it_is_told_at_each_of_four_times_once(void **state) {
    struct house *house = *state;
    assert_false(told_before(house, 30 * DAY_MS + 1));
    assert_true(told_before(house, 30 * DAY_MS));
    assert_false(told_before(house, 20 * DAY_MS));
    assert_true(told_before(house, 14 * DAY_MS));
    assert_false(told_before(house, 14 * DAY_MS - 1));
    assert_true(told_before(house, 6 * DAY_MS)); // the gate was not running on the seventh
    assert_false(told_before(house, 5 * DAY_MS));
    assert_true(told_before(house, DAY_MS));
    assert_false(told_before(house, 1));
    assert_false(told_before(house, 0));
    assert_false(told_before(house, -DAY_MS));
    struct slice detail;
    assert_int_equal(house_audits(house, "sso.certificate_expiring", &detail), 4);
}

static void who_starts_late_is_told_once_and_not_four_times(void **state) {
    struct house *house = *state;
    assert_true(told_before(house, DAY_MS / 2));
    assert_false(told_before(house, DAY_MS / 2));
}

static void those_who_manage_sso_get_the_letter_and_no_others(void **state) {
    struct house *house = *state;
    (void)add_by_hand(house, "acme", "ada@acme.example", "admin");
    (void)add_by_hand(house, "acme", "bob@acme.example", "read_only");
    (void)add_by_hand(house, "umbrella", "eve@umbrella.example", "admin");
    struct work w = at_time(house, END - 12 * DAY_MS + HOUR_MS, &the_certificate, false);
    assert_int_equal(w.told, 1);
    struct slice detail;
    assert_int_equal(house_audits(house, "sso.certificate_expiring", &detail), 1);
    assert_slice(detail, "the identity provider's aa11 ends in 12 days; 1 were told");
    w.filter = (struct letter_filter){LETTER_QUEUED, S("")};
    assert_done(fixture_read(house->fixture, do_letters, &w));
    size_t found = 0;
    for (size_t i = 0; i < w.rows.count; i++) {
        const struct letter *letter = (const struct letter *)w.rows.at + i;
        if (letter->kind == LETTER_CERTIFICATE_EXPIRING) {
            found++;
            assert_slice(letter->to, "ada@acme.example");
            assert_slice(letter->tenant, "acme");
        }
    }
    assert_int_equal(found, 1);
}

static void each_certificate_of_each_connection_is_its_own(void **state) {
    struct house *house = *state;
    struct certificate other = the_certificate;
    other.sha256 = S("bb22");
    int64_t now = END - DAY_MS;
    assert_true(at_time(house, now, &the_certificate, false).news);
    assert_true(at_time(house, now, &other, false).news);
    struct connection entra = house->connection;
    house->connection = house->other;
    assert_true(at_time(house, now, &the_certificate, true).news);
    house->connection = entra;
    assert_false(at_time(house, now, &other, false).news);
}

static void a_bare_key_or_a_distrusted_one_is_nothing_to_tell(void **state) {
    struct house *house = *state;
    struct certificate bare = the_certificate;
    bare.key_only = true;
    bare.not_after = 0;
    assert_false(at_time(house, END - DAY_MS, &bare, false).news);
    struct distrusted distrusted = {.sha256 = the_certificate.sha256};
    house->connection.distrusted = (struct rows){&distrusted, 1};
    assert_false(told_before(house, DAY_MS));
    house->connection.distrusted = (struct rows){NULL, 0};
    assert_true(told_before(house, DAY_MS));
}

static reason do_sweep(struct op *op, struct txn *txn, void *arg) {
    bool more = false;
    (void)arg;
    return sweep(op, txn, 100, &more);
}
static reason do_count(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    struct key prefix = key_in(SPACE_EXPIRY);
    struct scan scan;
    struct slice key;
    struct slice value;
    w->total = 0;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    reason why = NULL;
    while ((why = scan_next(op, &scan, &key, &value)) == NULL && key.at != NULL) {
        w->total++;
    }
    scan_close(&scan);
    return why;
}

static void what_was_told_is_forgotten_when_the_certificate_has_ended(void **state) {
    struct house *house = *state;
    struct work w = {.total = 0};
    assert_true(told_before(house, DAY_MS));
    assert_done(fixture_write(house->fixture, do_sweep, NULL));
    assert_done(fixture_read(house->fixture, do_count, &w));
    assert_int_equal(w.total, 1);
    house->fixture->op.now = END + MINUTE_MS;
    assert_done(fixture_write(house->fixture, do_sweep, NULL));
    assert_done(fixture_read(house->fixture, do_count, &w));
    assert_int_equal(w.total, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(it_is_told_at_each_of_four_times_once),
        T(who_starts_late_is_told_once_and_not_four_times),
        T(those_who_manage_sso_get_the_letter_and_no_others),
        T(each_certificate_of_each_connection_is_its_own),
        T(a_bare_key_or_a_distrusted_one_is_nothing_to_tell),
        T(what_was_told_is_forgotten_when_the_certificate_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
