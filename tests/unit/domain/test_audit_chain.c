// SPDX-License-Identifier: GPL-3.0-or-later
// The chain of audit rows: what verify finds, what erasing leaves whole, and what retention takes from the front.
#include "fixture.h"

#include "base/clock.h"
#include "domain/audit_chain.h"
#include "domain/space.h"
#include "domain/tenant_settings.h"

#define ROWS 10

struct work {
    const struct actor *actor;
    struct audit_entry entry;
    struct key key, other;
    struct audit audit;
    struct audit_filter filter;
    struct page page;
    struct rows rows;
    struct slice next;
    struct audit_link link;
    uint8_t space;
    size_t left;
    struct tenant_settings settings;
};

#define CALL(name, call)                                                                           \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct work *w = arg;                                                                      \
        return call;                                                                               \
    }
CALL(write_entry, audit_write(op, txn, w->actor, &w->entry))
CALL(search_rows, audit_search(op, txn, S("acme"), &w->filter, w->page, &w->rows, &w->next))
CALL(put_row, entity_put(op, txn, &audit_entity, &w->audit))
CALL(put_old_row, entity_put(op, txn, &audit_old_entity, &w->audit))
CALL(put_link, audit_link_put(op, txn, w->space, S("acme"), &w->link))
CALL(sweep_rows, audit_sweep(op, txn, &w->left))
CALL(put_settings, tenant_settings_put(op, txn, w->actor, &w->settings))

static reason make_tenant(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    struct tenant tenant = {.slug = S("acme")};
    return tenant_create(op, txn, w->actor, &tenant);
}
static reason read_row(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    bool found = false;
    TRY(entity_find(op, txn, &audit_entity, &w->key, &w->audit, &found));
    assert_true(found);
    return NULL;
}
static reason drop_row(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    bool there = false;
    TRY(txn_delete(op, txn, key_slice(&w->key), &there));
    assert_true(there);
    return NULL;
}
static reason swap_rows(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    struct slice one;
    struct slice two;
    TRY(txn_get(op, txn, key_slice(&w->key), &one));
    TRY(op_copy(op, one, &one));
    TRY(txn_get(op, txn, key_slice(&w->other), &two));
    TRY(op_copy(op, two, &two));
    TRY(txn_put(op, txn, key_slice(&w->key), two));
    return txn_put(op, txn, key_slice(&w->other), one);
}
static reason put_garbage(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    return txn_put(op, txn, key_slice(&w->key), S("\x00\x09garbage"));
}

// Person `usr_1` is in rows 1, 3, 5 ...; each row a second after the last.
static void write_rows(struct fixture *fixture, struct work *w, size_t count) {
    *w = (struct work){.actor = &fixture->staff};
    for (size_t i = 0; i < count; i++) {
        w->entry = (struct audit_entry){.tenant = S("acme"),
                                        .event = i % 2 == 0 ? "user.updated" : "role.created",
                                        .target = i % 2 == 0 ? S("usr_1") : S("mine"),
                                        .detail = i % 2 == 0 ? S("was a@acme.example") : S("plain")};
        fixture->op.now += SECOND_MS;
        assert_done(fixture_write(fixture, write_entry, w));
    }
}

static struct audit_walk *walk(struct fixture *fixture) {
    struct audit_walk *all = test_calloc(1, sizeof *all);
    all->tenant = S("acme");
    assert_done(audit_verify(&fixture->op, fixture->store, all));
    return all;
}
static void holds(struct fixture *fixture, size_t rows) {
    struct audit_walk *all = walk(fixture);
    if (all->found > 0) {
        print_error("row %lld: %.*s\n", (long long)all->findings[0].seq,
                    SLICE(all->findings[0].detail));
    }
    assert_int_equal(all->found, 0);
    assert_int_equal(all->rows, rows);
    test_free(all);
}
// One thing is wrong, and it is this.
static void finds(struct fixture *fixture, size_t found, int kind, int64_t seq, int64_t to) {
    struct audit_walk *all = walk(fixture);
    assert_int_equal(all->found, found);
    assert_int_equal(all->findings[0].kind, kind);
    assert_int_equal(all->findings[0].seq, seq);
    assert_int_equal(all->findings[0].to, to);
    test_free(all);
}

static void an_untouched_chain_holds(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    holds(fixture, 0);
    write_rows(fixture, &w, ROWS);
    holds(fixture, ROWS);
    write_rows(fixture, &w, ROWS);
    holds(fixture, 2 * ROWS);
}

// Three rows of the tenant and one of no tenant between them; then, when asked, one by somebody without the run.
static reason write_run(struct op *op, struct txn *txn, void *arg) {
    struct work *w = arg;
    struct audit_run run;
    struct actor actor = *w->actor;
    TRY(audit_run_begin(op, txn, S("acme"), &run));
    actor.run = &run;
    for (int i = 0; i < 3; i++) {
        TRY(audit_add(op, txn, &actor, S("acme"), "user.updated", S("usr_1"), S("")));
        TRY(audit_add(op, txn, &actor, S(""), "gate.started", S(""), S("")));
    }
    TRY(w->left > 0 ? audit_add(op, txn, w->actor, S("acme"), "role.created", S("mine"), S("")) : NULL);
    return audit_run_end(op, txn, &run);
}
static reason write_no_run(struct op *op, struct txn *txn, void *arg) {
    struct audit_run run;
    (void)arg;
    TRY(audit_run_begin(op, txn, S("acme"), &run));
    return audit_run_end(op, txn, &run);
}

static void rows_of_one_write_hold_the_end_together(void **state) {
    struct fixture *fixture = *state;
    struct work w = {.actor = &fixture->staff};
    assert_done(fixture_write(fixture, write_run, &w));
    holds(fixture, 3);
    write_rows(fixture, &w, ROWS);
    assert_done(fixture_write(fixture, write_run, &w));
    assert_done(fixture_write(fixture, write_no_run, &w));
    holds(fixture, ROWS + 6);
    struct audit_walk *all = test_calloc(1, sizeof *all); // that of no tenant
    assert_done(audit_verify(&fixture->op, fixture->store, all));
    assert_int_equal(all->rows, 6);
    assert_int_equal(all->found, 0);
    test_free(all);
    w.left = 1; // who does not know of the run finds the place taken: a chain never forks
    assert_reason(fixture_write(fixture, write_run, &w), STORE_UNAVAILABLE);
    holds(fixture, ROWS + 6);
}

static void any_member_that_is_altered_is_found(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    struct sha256 wrong = digest_sha256(S("wrong"));
    for (int member = 0; member < 14; member++) {
        w.key = audit_row_key(S("acme"), 5);
        assert_done(fixture_write(fixture, read_row, &w));
        struct audit kept = w.audit;
        switch (member) {
        case 0: w.audit.event = S("user.created"); break;
        case 1: w.audit.actor = S("usr_9"); break;
        case 2: w.audit.actor_kind = S("user"); break;
        case 3: w.audit.target = S("usr_2"); break;
        case 4: w.audit.detail = S("other"); break;
        case 5: w.audit.time++; break;
        case 6: w.audit.before = S("{\"a\":1}"); break;
        case 7: w.audit.request = S("req_2"); break;
        case 8: w.audit.address = S("192.0.2.9"); break;
        case 9: w.audit.person_detail = S("was b@acme.example"); break;
        case 10: w.audit.person_after = S("{}"); break;
        case 11: w.audit.hash = digest_slice(&wrong); break;
        case 12: w.audit.about = S("usr_1"); break;
        default: w.audit.erased = AUDIT_ERASED_PERSON; break; // but the part is there
        }
        assert_done(fixture_write(fixture, put_row, &w));
        finds(fixture, 1, AUDIT_ALTERED, 5, 5);
        w.audit = kept;
        assert_done(fixture_write(fixture, put_row, &w));
        holds(fixture, ROWS);
    }
}

static void a_row_that_was_written_anew_does_not_fit_the_next(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    w.key = audit_row_key(S("acme"), 4);
    assert_done(fixture_write(fixture, read_row, &w));
    w.audit.detail = S("another story");
    struct sha256 hash = audit_hash(&w.audit);
    w.audit.hash = digest_slice(&hash);
    assert_done(fixture_write(fixture, put_row, &w));
    finds(fixture, 1, AUDIT_ALTERED, 5, 5);
    // The last row is held by the end of the chain.
    write_rows(fixture, &w, 1);
    w.key = audit_row_key(S("acme"), ROWS + 1);
    assert_done(fixture_write(fixture, read_row, &w));
    w.audit.detail = S("another story");
    hash = audit_hash(&w.audit);
    w.audit.hash = digest_slice(&hash);
    assert_done(fixture_write(fixture, put_row, &w));
    finds(fixture, 2, AUDIT_ALTERED, 5, 5);
}

static void a_row_that_is_gone_is_missed(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    w.key = audit_row_key(S("acme"), 3);
    assert_done(fixture_write(fixture, drop_row, &w));
    finds(fixture, 1, AUDIT_MISSING, 3, 3);
    w.key = audit_row_key(S("acme"), 4);
    assert_done(fixture_write(fixture, drop_row, &w));
    finds(fixture, 1, AUDIT_MISSING, 3, 4);
    w.key = audit_row_key(S("acme"), ROWS);
    assert_done(fixture_write(fixture, drop_row, &w));
    finds(fixture, 2, AUDIT_MISSING, 3, 4);
    w.key = audit_row_key(S("acme"), 1);
    assert_done(fixture_write(fixture, drop_row, &w));
    finds(fixture, 3, AUDIT_MISSING, 1, 1);
}

static void rows_that_changed_places_are_found(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    w.key = audit_row_key(S("acme"), 3);
    w.other = audit_row_key(S("acme"), 7);
    assert_done(fixture_write(fixture, swap_rows, &w));
    finds(fixture, 2, AUDIT_MOVED, 3, 7);
}

static void a_row_that_was_added_is_found(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    w.key = audit_row_key(S("acme"), ROWS);
    assert_done(fixture_write(fixture, read_row, &w));
    w.audit.prev_hash = w.audit.hash;
    w.audit.seq++;
    struct sha256 hash = audit_hash(&w.audit);
    w.audit.hash = digest_slice(&hash);
    assert_done(fixture_write(fixture, put_row, &w));
    finds(fixture, 1, AUDIT_ADDED, ROWS + 1, ROWS + 1);
    // The next change is refused rather than written over it.
    assert_reason(fixture_write(fixture, write_entry, &w), STORE_UNAVAILABLE);
}

static void what_cannot_be_read_is_found_and_the_walk_goes_on(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    w.key = audit_row_key(S("acme"), 2);
    assert_done(fixture_write(fixture, put_garbage, &w));
    w.key = audit_row_key(S("acme"), 8);
    assert_done(fixture_write(fixture, drop_row, &w));
    finds(fixture, 2, AUDIT_ALTERED, 2, 2);
}

static void an_end_that_was_kept_elsewhere_shows_a_chain_that_was_made_anew(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    struct audit_walk *first = walk(fixture);
    struct audit_link kept = first->head;
    test_free(first);
    // Cut off behind row 4, end and all: the chain itself cannot know.
    for (uint64_t seq = 5; seq <= ROWS; seq++) {
        w.key = audit_row_key(S("acme"), seq);
        assert_done(fixture_write(fixture, drop_row, &w));
    }
    w.key = audit_row_key(S("acme"), 4);
    assert_done(fixture_write(fixture, read_row, &w));
    w.space = SPACE_AUDIT_HEAD;
    w.link.seq = 4;
    memcpy(w.link.hash.bytes, w.audit.hash.at, SHA256_BYTES);
    assert_done(fixture_write(fixture, put_link, &w));
    holds(fixture, 4);
    struct audit_walk *all = test_calloc(1, sizeof *all);
    *all = (struct audit_walk){.tenant = S("acme"), .anchored = true, .anchor = kept};
    assert_done(audit_verify(&fixture->op, fixture->store, all));
    assert_int_equal(all->found, 1);
    assert_int_equal(all->findings[0].kind, AUDIT_MISSING);
    // As long again, but another story.
    write_rows(fixture, &w, ROWS - 4);
    *all = (struct audit_walk){.tenant = S("acme"), .anchored = true, .anchor = kept};
    assert_done(audit_verify(&fixture->op, fixture->store, all));
    assert_int_equal(all->found, 1);
    assert_int_equal(all->findings[0].kind, AUDIT_ALTERED);
    assert_int_equal(all->findings[0].seq, ROWS);
    test_free(all);
}

// ---- erasing ----

static void what_is_erased_is_gone_and_the_chain_holds(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    struct actor person = {.kind = ACTOR_USER, .id = S("usr_1"), .address = S("198.51.100.7")};
    w.actor = &person;
    w.entry = (struct audit_entry){.tenant = S("acme"), .event = "role.created", .target = S("x")};
    assert_done(fixture_write(fixture, write_entry, &w));
    struct audit_erasure erasure = {.tenant = S("acme"), .user_id = S("usr_1")};
    assert_done(audit_erase(&fixture->op, fixture->store, &fixture->staff, &erasure));
    assert_int_equal(erasure.erased, ROWS / 2 + 1);
    struct audit_walk *all = walk(fixture);
    assert_int_equal(all->found, 0);
    assert_int_equal(all->rows, ROWS + 2);
    assert_int_equal(all->erased_person, ROWS / 2);
    assert_int_equal(all->erased_actor, 1);
    test_free(all);
    assert_done(fixture_read(fixture, search_rows, &w));
    const struct audit *audits = w.rows.at;
    assert_slice(audits[0].event, "audit.erased");
    assert_slice(audits[0].target, "usr_1");
    assert_slice(audits[0].detail, "in 6 rows");
    assert_slice(audits[0].address, "192.0.2.1");
    assert_int_equal(audits[1].address.len, 0);
    for (size_t i = 2; i < w.rows.count; i++) {
        assert_int_equal(audits[i].person_detail.len, 0);
        assert_int_equal(audits[i].person_salt.len, 0);
        assert_slice(audits[i].address, "192.0.2.1"); // of who did it, who is still there
    }
    // Once more finds nothing; others' parts were left.
    assert_done(audit_erase(&fixture->op, fixture->store, &fixture->staff, &erasure));
    assert_int_equal(erasure.erased, 0);
}

static void rows_that_name_the_address_are_about_the_person(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, 1);
    w.entry = (struct audit_entry){.tenant = S("acme"),
                                   .event = "request.submitted",
                                   .target = S("req_1"),
                                   .detail = S("for gone@acme.example")};
    assert_done(fixture_write(fixture, write_entry, &w));
    struct audit_erasure erasure = {
        .tenant = S("acme"), .user_id = S("usr_7"), .email = S("gone@acme.example")};
    // Others' addresses that hold this one, before and behind.
    static const char *const others[] = {"for un.gone@acme.example", "for begone@acme.example",
                                         "for gone@acme.example.org", "for gone@acme.examples"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        w.entry.detail = slice_str(others[i]);
        assert_done(fixture_write(fixture, write_entry, &w));
    }
    assert_done(audit_erase(&fixture->op, fixture->store, &fixture->staff, &erasure));
    assert_int_equal(erasure.erased, 1);
    holds(fixture, 7);
}

static reason erase_later(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    return audit_erase_later(op, txn, S("acme"), S("usr_1"), S(""));
}

static void what_is_put_off_is_erased_a_little_at_a_time(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, 1000);
    assert_done(fixture_write(fixture, erase_later, &w));
    size_t sweeps = 0;
    do {
        w.left = 200;
        assert_done(fixture_write(fixture, sweep_rows, &w));
        sweeps++;
    } while (w.left < 200 && sweeps < 50);
    assert_true(sweeps > 2 && sweeps < 20);
    struct audit_walk *all = walk(fixture);
    assert_int_equal(all->found, 0);
    assert_int_equal(all->rows, 1001);
    assert_int_equal(all->erased_person, 500);
    test_free(all);
    assert_done(fixture_read(fixture, search_rows, &w));
    assert_slice(((const struct audit *)w.rows.at)[0].event, "audit.erased");
    assert_slice(((const struct audit *)w.rows.at)[0].detail, "in 500 rows");
    assert_slice(((const struct audit *)w.rows.at)[0].actor_kind, "system");
}

static void a_sign_in_that_failed_is_erased_with_its_address(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    struct actor nobody = {.kind = ACTOR_NONE, .address = S("198.51.100.7")};
    write_rows(fixture, &w, 1);
    w.actor = &nobody;
    w.entry = (struct audit_entry){.tenant = S("acme"),
                                   .event = "login.failed",
                                   .detail = S("login.no_role"),
                                   .person = S("gone@acme.example: no group")};
    assert_done(fixture_write(fixture, write_entry, &w));
    struct audit_erasure erasure = {
        .tenant = S("acme"), .user_id = S("usr_7"), .email = S("gone@acme.example")};
    assert_done(audit_erase(&fixture->op, fixture->store, &fixture->staff, &erasure));
    assert_int_equal(erasure.erased, 1);
    w.key = audit_row_key(S("acme"), 2);
    assert_done(fixture_read(fixture, read_row, &w));
    assert_int_equal(w.audit.address.len + w.audit.person_detail.len, 0);
    assert_slice(w.audit.detail, "login.no_role");
    holds(fixture, 3);
}

// ---- retention ----

static void old_rows_go_from_the_front_and_the_rest_holds(void **state) {
    struct fixture *fixture = *state;
    struct work w = {.actor = &fixture->staff};
    assert_done(fixture_write(fixture, make_tenant, &w)); // row 1
    w.settings = tenant_settings_default(S("acme"));
    w.settings.audit_days = 30;
    assert_done(fixture_write(fixture, put_settings, &w)); // row 2
    write_rows(fixture, &w, ROWS);
    fixture->op.now = NOON + 20 * DAY_MS;
    write_rows(fixture, &w, ROWS);
    w.left = 100;
    assert_done(fixture_write(fixture, sweep_rows, &w));
    holds(fixture, 2 * ROWS + 2);
    fixture->op.now = NOON + 31 * DAY_MS;
    w.left = 5; // in small steps
    assert_done(fixture_write(fixture, sweep_rows, &w));
    assert_int_equal(w.left, 0);
    holds(fixture, 2 * ROWS - 3);
    w.left = 100;
    assert_done(fixture_write(fixture, sweep_rows, &w));
    holds(fixture, ROWS);
    // What is missing behind the front is still missed, and what stands before it does not belong there.
    w.key = audit_row_key(S("acme"), ROWS + 3);
    assert_done(fixture_write(fixture, read_row, &w));
    assert_done(fixture_write(fixture, drop_row, &w));
    finds(fixture, 1, AUDIT_MISSING, ROWS + 3, ROWS + 3);
    w.audit.seq = 1;
    assert_done(fixture_write(fixture, put_row, &w));
    finds(fixture, 2, AUDIT_ADDED, 1, 1);
}

static void a_tenant_may_keep_its_rows_for_ever(void **state) {
    struct fixture *fixture = *state;
    struct work w = {.actor = &fixture->staff};
    assert_done(fixture_write(fixture, make_tenant, &w));
    w.settings = tenant_settings_default(S("acme"));
    w.settings.audit_days = 0;
    assert_done(fixture_write(fixture, put_settings, &w));
    fixture->op.now = NOON + 10000 * DAY_MS;
    w.left = 100;
    assert_done(fixture_write(fixture, sweep_rows, &w));
    holds(fixture, 2);
}

// ---- searching ----

static size_t count_of(struct fixture *fixture, struct work *w) {
    size_t count = 0;
    w->page = (struct page){.limit = 3};
    do {
        assert_done(fixture_read(fixture, search_rows, w));
        assert_true(w->rows.count <= 3);
        count += w->rows.count;
        w->page.cursor = w->next;
    } while (w->next.len > 0);
    return count;
}

static void rows_are_found_by_what_they_say(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    write_rows(fixture, &w, ROWS);
    struct actor person = {.kind = ACTOR_USER, .id = S("usr_1"), .address = S("198.51.100.7")};
    w.actor = &person;
    w.entry = (struct audit_entry){
        .tenant = S("acme"), .event = "role.deleted", .target = S("x"), .detail = S("Some Words")};
    assert_done(fixture_write(fixture, write_entry, &w));
    const struct {
        struct audit_filter filter;
        size_t count;
    } cases[] = {
        {{.from = 0}, ROWS + 1},
        {{.actor = S("usr_1")}, 1},
        {{.actor = S("usr_")}, 0},
        {{.target = S("usr_1")}, ROWS / 2},
        {{.event = S("role.")}, ROWS / 2 + 1},
        {{.event = S("role.deleted"), .actor = S("usr_1")}, 1},
        {{.q = S("some words")}, 1},
        {{.q = S("A@ACME"), .personal = true}, ROWS / 2},
        {{.q = S("a@acme")}, 0},
        {{.q = S("198.51"), .personal = true}, 1},
        {{.from = NOON + 3 * SECOND_MS}, ROWS - 1},
        {{.to = NOON + 3 * SECOND_MS}, 2},
        {{.from = NOON + 3 * SECOND_MS, .to = NOON + 5 * SECOND_MS}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w.filter = cases[i].filter;
        assert_int_equal(count_of(fixture, &w), cases[i].count);
        w.filter.forwards = true;
        assert_int_equal(count_of(fixture, &w), cases[i].count);
    }
}

static void a_search_by_time_begins_where_that_time_is(void **state) {
    struct fixture *fixture = *state;
    struct work w;
    for (int day = 0; day < 40; day++) {
        fixture->op.now = NOON + day * DAY_MS;
        write_rows(fixture, &w, 1);
    }
    w.filter = (struct audit_filter){.from = NOON + 10 * DAY_MS, .to = NOON + 12 * DAY_MS};
    assert_int_equal(count_of(fixture, &w), 2);
    w.filter.forwards = true;
    assert_int_equal(count_of(fixture, &w), 2);
    w.filter = (struct audit_filter){.from = NOON + 100 * DAY_MS, .forwards = true};
    assert_int_equal(count_of(fixture, &w), 0);
}

static void rows_of_the_time_before_the_chain_stand_behind_it(void **state) {
    struct fixture *fixture = *state;
    struct work w = {.audit = {.id = S("aud_01JD6VY0G0000000000000000A"),
                               .time = NOON - DAY_MS,
                               .tenant = S("acme"),
                               .event = S("old.event"),
                               .actor_kind = S("user"),
                               .actor = S("usr_1"),
                               .address = S("192.0.2.3"),
                               .target = S("usr_1"),
                               .detail = S("gone@acme.example")}};
    assert_done(fixture_write(fixture, put_old_row, &w));
    w.audit.id = S("aud_01JD6VY0G0000000000000000B");
    assert_done(fixture_write(fixture, put_old_row, &w));
    write_rows(fixture, &w, 4);
    assert_int_equal(count_of(fixture, &w), 6);
    assert_slice(((const struct audit *)w.rows.at)[2].id, "aud_01JD6VY0G0000000000000000A");
    w.filter.forwards = true;
    assert_int_equal(count_of(fixture, &w), 6);
    assert_slice(((const struct audit *)w.rows.at)[2].id, "aud_4");
    w.filter = (struct audit_filter){.event = S("old.")};
    assert_int_equal(count_of(fixture, &w), 2);
    struct audit_walk *all = walk(fixture);
    assert_int_equal(all->before_chain, 2);
    assert_int_equal(all->found, 0);
    test_free(all);
    struct audit_erasure erasure = {.tenant = S("acme"), .user_id = S("usr_1")};
    assert_done(audit_erase(&fixture->op, fixture->store, &fixture->staff, &erasure));
    assert_int_equal(erasure.erased, 4);
    assert_done(fixture_read(fixture, search_rows, &w));
    assert_int_equal(((const struct audit *)w.rows.at)[0].detail.len, 0);
    assert_int_equal(((const struct audit *)w.rows.at)[0].address.len, 0);
}

int main(void) {
#define STORED(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        STORED(an_untouched_chain_holds),
        STORED(rows_of_one_write_hold_the_end_together),
        STORED(any_member_that_is_altered_is_found),
        STORED(a_row_that_was_written_anew_does_not_fit_the_next),
        STORED(a_row_that_is_gone_is_missed),
        STORED(rows_that_changed_places_are_found),
        STORED(a_row_that_was_added_is_found),
        STORED(what_cannot_be_read_is_found_and_the_walk_goes_on),
        STORED(an_end_that_was_kept_elsewhere_shows_a_chain_that_was_made_anew),
        STORED(what_is_erased_is_gone_and_the_chain_holds),
        STORED(rows_that_name_the_address_are_about_the_person),
        STORED(what_is_put_off_is_erased_a_little_at_a_time),
        STORED(a_sign_in_that_failed_is_erased_with_its_address),
        STORED(old_rows_go_from_the_front_and_the_rest_holds),
        STORED(a_tenant_may_keep_its_rows_for_ever),
        STORED(rows_are_found_by_what_they_say),
        STORED(a_search_by_time_begins_where_that_time_is),
        STORED(rows_of_the_time_before_the_chain_stand_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
