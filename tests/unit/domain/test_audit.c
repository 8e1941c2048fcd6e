// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log: what a row says, in which order rows come, and whose they are.
#include "fixture.h"

#include "base/json.h"

struct work {
    const struct actor *actor;
    const char *event;
    struct slice tenant, target, detail;
    struct page page;
    struct rows rows;
    struct slice next;
    bool refuse;
};

static reason add(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(audit_add(op, txn, work->actor, work->tenant, work->event, work->target, work->detail));
    if (work->refuse) {
        REFUSE(op, FORBIDDEN, "the change was refused after its audit row");
    }
    return NULL;
}
static reason list(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return audit_list(op, txn, work->tenant, work->page, &work->rows, &work->next);
}
static reason create_tenant(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    struct tenant tenant = {.slug = work->tenant};
    return tenant_create(op, txn, work->actor, &tenant);
}
static reason remove_tenant(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return tenant_remove(op, txn, work->actor, work->tenant);
}

// One row, a second after the last.
static void write_row(struct fixture *fixture, const char *event) {
    struct work work = {.actor = &fixture->staff,
                        .event = event,
                        .tenant = S("acme"),
                        .target = S("usr_1"),
                        .detail = S("what")};
    fixture->op.now += 1000;
    assert_done(fixture_write(fixture, add, &work));
}
static const struct audit *rows(struct fixture *fixture, struct work *work, size_t count) {
    assert_done(fixture_read(fixture, list, work));
    assert_int_equal(work->rows.count, count);
    return work->rows.at;
}

static void a_row_says_who_did_what_where_and_when(void **state) {
    struct fixture *fixture = *state;
    struct actor actor = {.kind = ACTOR_USER,
                          .id = S("usr_9"),
                          .tenant = S("acme"),
                          .session = S("ses_1"),
                          .address = S("192.0.2.7")};
    struct work work = {.actor = &actor,
                        .event = "role.created",
                        .tenant = S("acme"),
                        .target = S("mine"),
                        .detail = S("name \"Mine\"")};
    assert_done(fixture_write(fixture, add, &work));
    const struct audit *audit = rows(fixture, &work, 1);
    assert_true(slice_starts(audit->id, S("aud_")));
    assert_int_equal(audit->time, NOON);
    assert_slice(audit->tenant, "acme");
    assert_slice(audit->event, "role.created");
    assert_slice(audit->actor, "usr_9");
    assert_slice(audit->actor_kind, "user");
    assert_slice(audit->target, "mine");
    assert_slice(audit->detail, "name \"Mine\"");
    assert_slice(audit->request, "req_test");
    assert_slice(audit->address, "192.0.2.7");
    assert_slice(audit->session, "ses_1");
}

static void the_newest_come_first_and_in_pages(void **state) {
    struct fixture *fixture = *state;
    const char *const events[] = {"e.1", "e.2", "e.3", "e.4", "e.5"};
    for (size_t i = 0; i < 5; i++) {
        write_row(fixture, events[i]);
    }
    struct work work = {.tenant = S("acme"), .page = {.limit = 2}};
    size_t seen = 0;
    do {
        const struct audit *audit = rows(fixture, &work, seen < 4 ? 2 : 1);
        for (size_t i = 0; i < work.rows.count; i++) {
            assert_slice(audit[i].event, events[4 - seen++]);
        }
        work.page.cursor = work.next;
    } while (work.next.len > 0);
    assert_int_equal(seen, 5);
    work.page.cursor = S("a\0b");
    assert_reason(fixture_read(fixture, list, &work), INVALID_INPUT);
}

static void tenants_do_not_see_each_others_rows(void **state) {
    struct fixture *fixture = *state;
    write_row(fixture, "e.1");
    struct work work = {.tenant = S("acm")};
    (void)rows(fixture, &work, 0);
    work.tenant = S("acme-2");
    (void)rows(fixture, &work, 0);
    work.tenant = S("");
    (void)rows(fixture, &work, 0);
    work = (struct work){.actor = &fixture->staff, .event = "gate.started", .tenant = S("")};
    assert_done(fixture_write(fixture, add, &work));
    assert_slice(rows(fixture, &work, 1)->event, "gate.started");
    work.tenant = S("acme");
    assert_slice(rows(fixture, &work, 1)->event, "e.1");
}

static void a_later_tenant_of_the_same_name_does_not_see_the_earlier_ones_rows(void **state) {
    struct fixture *fixture = *state;
    struct work work = {.actor = &fixture->staff, .tenant = S("acme")};
    assert_done(fixture_write(fixture, create_tenant, &work));
    write_row(fixture, "user.created");
    fixture->op.now += 1000;
    assert_done(fixture_write(fixture, remove_tenant, &work));
    (void)rows(fixture, &work, 3); // for operators, while there is no such tenant
    fixture->op.now += 1000;
    assert_done(fixture_write(fixture, create_tenant, &work));
    work.page.limit = 2;
    assert_slice(rows(fixture, &work, 1)->event, "tenant.created");
    assert_int_equal(work.next.len, 0);
}

static void a_refused_change_leaves_no_row(void **state) {
    struct fixture *fixture = *state;
    struct work work = {
        .actor = &fixture->staff, .event = "role.created", .tenant = S("acme"), .refuse = true};
    assert_reason(fixture_write(fixture, add, &work), FORBIDDEN);
    (void)rows(fixture, &work, 0);
    work.refuse = false;
    assert_done(fixture_write(fixture, add, &work));
    (void)rows(fixture, &work, 1);
}

static void what_is_too_long_is_cut_between_characters(void **state) {
    struct fixture *fixture = *state;
    char text[3001];
    for (size_t i = 0; i < sizeof text - 1; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3); // euro signs
    }
    struct work work = {.actor = &fixture->staff,
                        .event = "role.created",
                        .tenant = S("acme"),
                        .target = slice_of(text, 3000),
                        .detail = slice_of(text, 3000)};
    assert_done(fixture_write(fixture, add, &work));
    const struct audit *audit = rows(fixture, &work, 1);
    assert_int_equal(audit->detail.len, 999);
    assert_int_equal(audit->target.len, 510);
}

static void as_json_it_has_null_for_what_is_not_there(void **state) {
    struct fixture *fixture = *state;
    struct audit audit = {
        .id = S("aud_1"), .time = NOON, .event = S("e.1"), .actor_kind = S("none")};
    struct slice text;
    assert_done(json_print(&fixture->op, json_from_fields(&fixture->op, &audit_fields, &audit),
                           false, &text));
    assert_slice(text, "{\"id\":\"aud_1\",\"seq\":0,\"time\":\"2026-11-21T12:00:00.000Z\",\"tenant\":null,"
                       "\"event\":\"e.1\",\"actor\":null,\"actor_kind\":\"none\",\"target\":null,"
                       "\"about\":null,\"detail\":null,\"request\":null,\"address\":null,\"session\":null}");
}

// ---- before and after ----

struct thing {
    struct slice name, email, secret;
    struct texts list;
    int64_t updated_at;
};
static const struct field thing_rows[] = {
    F_TEXT(struct thing, name, 1, FIELD_PLAIN, 8000),
    F_TEXT(struct thing, email, 2, FIELD_NULL | FIELD_PERSONAL, 254),
    F_TEXT(struct thing, secret, 3, FIELD_HIDDEN, 254),
    F_TEXTS(struct thing, list, 4, FIELD_PLAIN, 9),
    F_TIME(struct thing, updated_at, 5, FIELD_OUTPUT),
};
static FIELD_TABLE(thing_fields, "thing", 1, struct thing, thing_rows);

struct change_work {
    const struct actor *actor;
    const struct thing *before, *after;
};
static reason change(struct op *op, struct txn *txn, void *arg) {
    struct change_work *work = arg;
    return audit_change(op, txn, work->actor, S("acme"), "thing.changed", S("thing-1"),
                        &thing_fields, work->before, work->after);
}

static void a_change_tells_what_differs_and_no_more(void **state) {
    struct fixture *fixture = *state;
    struct slice one = S("x");
    const struct thing old = {
        .name = S("A"), .email = S("a@acme.example"), .secret = S("s1"), .updated_at = 1000};
    const struct thing new = {.name = S("B"),
                              .email = S("b@acme.example"),
                              .secret = S("s2"),
                              .list = {&one, 1},
                              .updated_at = 2000};
    struct change_work change_work = {&fixture->staff, &old, &new};
    struct work work = {.tenant = S("acme")};
    assert_done(fixture_write(fixture, change, &change_work));
    const struct audit *audit = rows(fixture, &work, 1);
    assert_slice(audit->before, "{\"name\":\"A\",\"list\":[]}");
    assert_slice(audit->after, "{\"name\":\"B\",\"list\":[\"x\"]}");
    assert_slice(audit->person_before, "{\"email\":\"a@acme.example\"}");
    assert_slice(audit->person_after, "{\"email\":\"b@acme.example\"}");
    assert_slice(audit->detail, "name, email, list");
    // What was made had nothing before; what nobody set is not told.
    change_work = (struct change_work){&fixture->staff, NULL, &old};
    assert_done(fixture_write(fixture, change, &change_work));
    audit = rows(fixture, &work, 2);
    assert_slice(audit->before, "");
    assert_slice(audit->after, "{\"name\":\"A\"}");
    assert_slice(audit->person_after, "{\"email\":\"a@acme.example\"}");
    change_work = (struct change_work){&fixture->staff, &old, NULL};
    assert_done(fixture_write(fixture, change, &change_work));
    audit = rows(fixture, &work, 3);
    assert_slice(audit->before, "{\"name\":\"A\"}");
    assert_slice(audit->after, "");
    change_work = (struct change_work){&fixture->staff, &old, &old};
    assert_done(fixture_write(fixture, change, &change_work));
    audit = rows(fixture, &work, 4);
    assert_slice(audit->detail, "nothing changed");
    assert_int_equal(audit->before.len + audit->person_before.len, 0);
}

static void a_long_value_is_told_by_length_and_hash(void **state) {
    struct fixture *fixture = *state;
    char text[AUDIT_VALUE_MAX + 1];
    memset(text, 'x', sizeof text);
    const struct thing old = {.name = S("A")};
    const struct thing new = {.name = slice_of(text, sizeof text)};
    struct change_work change_work = {&fixture->staff, &old, &new};
    struct work work = {.tenant = S("acme")};
    assert_done(fixture_write(fixture, change, &change_work));
    const struct audit *audit = rows(fixture, &work, 1);
    assert_slice(audit->before, "{\"name\":\"A\"}");
    assert_true(slice_starts(audit->after, S("{\"name\":{\"bytes\":2003,\"sha256\":\"")));
    assert_true(audit->after.len < 150);
}

static void a_detail_that_names_an_address_can_be_erased(void **state) {
    struct fixture *fixture = *state;
    struct work work = {.actor = &fixture->staff,
                        .event = "user.invited",
                        .tenant = S("acme"),
                        .target = S("usr_1"),
                        .detail = S("to a@acme.example")};
    assert_done(fixture_write(fixture, add, &work));
    const struct audit *audit = rows(fixture, &work, 1);
    assert_slice(audit->detail, "");
    assert_slice(audit->person_detail, "to a@acme.example");
    assert_int_equal(audit->person_seal.len, 32);
}

static void operators_and_the_system_hold_everything(void **state) {
    (void)state;
    struct permission_set some = {{0, 0}};
    permission_add(&some, &permission_table[0]);
    struct actor actor = {.kind = ACTOR_OPERATOR};
    assert_true(actor_holds(&actor, some));
    actor.kind = ACTOR_SYSTEM;
    assert_true(actor_holds(&actor, some));
    actor.kind = ACTOR_USER;
    assert_false(actor_holds(&actor, some));
    actor.permissions = some;
    assert_true(actor_holds(&actor, some));
    permission_add(&some, &permission_table[1]);
    assert_false(actor_holds(&actor, some));
    actor.kind = ACTOR_NONE;
    assert_false(actor_holds(&actor, some));
}

int main(void) {
#define STORED(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        STORED(a_row_says_who_did_what_where_and_when),
        STORED(the_newest_come_first_and_in_pages),
        STORED(tenants_do_not_see_each_others_rows),
        STORED(a_later_tenant_of_the_same_name_does_not_see_the_earlier_ones_rows),
        STORED(a_refused_change_leaves_no_row),
        STORED(what_is_too_long_is_cut_between_characters),
        STORED(a_change_tells_what_differs_and_no_more),
        STORED(a_long_value_is_told_by_length_and_hash),
        STORED(a_detail_that_names_an_address_can_be_erased),
        STORED(as_json_it_has_null_for_what_is_not_there),
        cmocka_unit_test(operators_and_the_system_hold_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
