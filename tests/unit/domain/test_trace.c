// SPDX-License-Identifier: GPL-3.0-or-later
// Traces: bounded whatever a message holds, read back whole, listed newest first for one tenant.
#include "people.h"

CALLS(call_put, trace_put(op, txn, c->rows.at))
CALLS(call_find, trace_find(op, txn, c->id, c->rows.at))

struct listing_call {
    struct slice tenant;
    struct trace_filter filter;
    struct page page;
    struct rows traces;
    struct slice next;
};
static reason list_fn(struct op *op, struct txn *txn, void *arg) {
    struct listing_call *c = arg;
    return trace_list(op, txn, c->tenant, &c->filter, c->page, &c->traces, &c->next);
}

static struct trace keep(struct house *house, const char *tenant, reason why, const char *email) {
    struct trace trace;
    struct op *op = &house->fixture->op;
    op->now += SECOND_MS;
    assert_done(trace_open(op, S("acme-okta"), slice_str(tenant), &trace));
    trace.email = slice_str(email);
    trace.name_id = S("n1");
    trace_add(op, &trace, "audience", why != NULL ? CHECK_FAIL : CHECK_PASS, S("a"), S("b"));
    trace_close(op, &trace, why);
    struct call c = {.rows = {&trace, 1}};
    assert_done(fixture_write(house->fixture, call_put, &c));
    return trace;
}
static reason find(struct house *house, struct slice id, struct trace *ret_trace) {
    struct call c = {.id = id, .rows = {ret_trace, 1}};
    return fixture_read(house->fixture, call_find, &c);
}

static void a_trace_is_read_back_whole(void **state) {
    struct house *house = *state;
    house->fixture->op.detail = S("expected a, got b");
    struct trace kept = keep(house, "acme", REASON_OF(CONDITIONS_AUDIENCE), "jane@acme.example");
    struct trace found;
    assert_done(find(house, kept.id, &found));
    assert_false(found.accepted);
    assert_slice(found.reason, "conditions.audience");
    assert_slice(found.detail, "expected a, got b");
    assert_true(slice_find(found.hint, S("\"a\"")) != SIZE_MAX);
    assert_int_equal(found.checks.count, 1);
    const struct trace_check *check = found.checks.at;
    assert_slice(check->check, "audience");
    assert_int_equal(check->result, CHECK_FAIL);
    assert_slice(check->expected, "a");
    assert_slice(check->got, "b");
    assert_slice(found.request, "req_test");
}

static void an_accepted_one_has_no_reason(void **state) {
    struct house *house = *state;
    house->fixture->op.detail = S("left over");
    struct trace found;
    assert_done(find(house, keep(house, "acme", NULL, "").id, &found));
    assert_true(found.accepted);
    assert_int_equal(found.reason.len + found.detail.len + found.hint.len, 0);
}

static void an_unknown_id_is_not_found(void **state) {
    struct house *house = *state;
    struct trace trace;
    static const char *const bad[] = {"", "trc_", "trc_01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                      "aud_01ARZ3NDEKTSV4RRFFQ69G5FAV"};
    for (size_t i = 0; i < 4; i++) {
        assert_reason(find(house, slice_str(bad[i]), &trace), NOT_FOUND);
    }
}

static void huge_values_are_cut_between_characters(void **state) {
    struct house *house = *state;
    struct op *op = &house->fixture->op;
    static char huge[2 * 300000];
    for (size_t i = 0; i < sizeof huge; i += 2) {
        memcpy(huge + i, "\xC3\xA9", 2);
    }
    struct slice text = slice_of(huge, sizeof huge);
    struct trace trace;
    assert_done(trace_open(op, S("acme-okta"), S("acme"), &trace));
    trace.name_id = trace.email = trace.issuer = trace.address = text;
    for (size_t i = 0; i < TRACE_CHECKS_MAX + 10; i++) {
        trace_add(op, &trace, "audience", CHECK_FAIL, text, text);
    }
    op->detail = text;
    trace_close(op, &trace, REASON_OF(CONDITIONS_AUDIENCE));
    assert_int_equal(trace.checks.count, TRACE_CHECKS_MAX);
    struct call c = {.rows = {&trace, 1}};
    assert_done(fixture_write(house->fixture, call_put, &c));
    struct trace found;
    assert_done(find(house, trace.id, &found));
    assert_true(found.name_id.len <= TRACE_VALUE_MAX);
    assert_true(slice_ends(found.name_id, S("\xC3\xA9...")));
}

static size_t count(struct house *house, struct listing_call *c) {
    assert_done(fixture_read(house->fixture, list_fn, c));
    return c->traces.count;
}

static void the_newest_comes_first_and_other_tenants_stay_out(void **state) {
    struct house *house = *state;
    struct trace first = keep(house, "acme", NULL, "jane@acme.example");
    (void)keep(house, "umbrella", NULL, "eve@umbrella.example");
    struct trace last = keep(house, "acme", NULL, "bob@acme.example");
    struct listing_call c = {.tenant = S("acme")};
    assert_int_equal(count(house, &c), 2);
    assert_true(slice_equal(((const struct trace *)c.traces.at)[0].id, last.id));
    assert_true(slice_equal(((const struct trace *)c.traces.at)[1].id, first.id));
    assert_int_equal(c.next.len, 0);
}

static void filters_show_a_reason_or_a_person(void **state) {
    struct house *house = *state;
    (void)keep(house, "acme", NULL, "jane@acme.example");
    (void)keep(house, "acme", REASON_OF(LOGIN_NO_ROLE), "jane@acme.example");
    (void)keep(house, "acme", REASON_OF(CONDITIONS_AUDIENCE), "bob@acme.example");
    struct listing_call c = {.tenant = S("acme"), .filter = {.reason = S("accepted")}};
    assert_int_equal(count(house, &c), 1);
    c.filter.reason = S("login.no_role");
    assert_int_equal(count(house, &c), 1);
    c.filter.reason = S("login.no");
    assert_int_equal(count(house, &c), 0);
    c.filter = (struct trace_filter){.user = S("JANE@acme.example")};
    assert_int_equal(count(house, &c), 2);
    c.filter.user = S("n1");
    assert_int_equal(count(house, &c), 3);
    c.filter.user = S("nobody");
    assert_int_equal(count(house, &c), 0);
}

static void pages_show_each_trace_once(void **state) {
    struct house *house = *state;
    for (int i = 0; i < 7; i++) {
        (void)keep(house, "acme", i % 2 == 0 ? NULL : REASON_OF(LOGIN_NO_ROLE), "x");
    }
    struct listing_call c = {.tenant = S("acme"), .page = {.limit = 2}};
    size_t seen = 0;
    struct slice before = S("trc_~");
    do {
        seen += count(house, &c);
        for (size_t i = 0; i < c.traces.count; i++) {
            struct slice id = ((const struct trace *)c.traces.at)[i].id;
            assert_true(slice_compare(id, before) < 0);
            before = id;
        }
        c.page.cursor = c.next;
    } while (c.next.len > 0);
    assert_int_equal(seen, 7);
    c = (struct listing_call){
        .tenant = S("acme"), .page = {.limit = 2}, .filter = {.reason = S("accepted")}};
    for (seen = 0;;) {
        seen += count(house, &c);
        if (c.next.len == 0) {
            break;
        }
        c.page.cursor = c.next;
    }
    assert_int_equal(seen, 4);
}

static void a_made_up_cursor_is_refused(void **state) {
    struct house *house = *state;
    struct listing_call c = {.tenant = S("acme"), .page = {.cursor = S("x")}};
    assert_reason(fixture_read(house->fixture, list_fn, &c), INVALID_INPUT);
}

static void traces_of_an_earlier_tenant_with_this_name_stay_out(void **state) {
    struct house *house = *state;
    house->fixture->op.now = NOON - DAY_MS;
    (void)keep(house, "acme", NULL, "old@acme.example");
    house->fixture->op.now = NOON;
    (void)keep(house, "acme", NULL, "new@acme.example");
    struct listing_call c = {.tenant = S("acme")};
    assert_int_equal(count(house, &c), 1);
    assert_slice(((const struct trace *)c.traces.at)[0].email, "new@acme.example");
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_trace_is_read_back_whole),
        T(an_accepted_one_has_no_reason),
        T(an_unknown_id_is_not_found),
        T(huge_values_are_cut_between_characters),
        T(the_newest_comes_first_and_other_tenants_stay_out),
        T(filters_show_a_reason_or_a_person),
        T(pages_show_each_trace_once),
        T(a_made_up_cursor_is_refused),
        T(traces_of_an_earlier_tenant_with_this_name_stay_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
