// SPDX-License-Identifier: GPL-3.0-or-later
// Traces and the audit log by the API: stored traces and those in memory are one list, and each tenant sees its own.
#include "http/callers.h"

#define TRACES "/api/v1/tenants/acme/traces"

static int open_acme(void **state) {
    int code = scene_open(state);
    two_tenants(*state);
    return code;
}
#define TRACE_TEST(name) cmocka_unit_test_setup_teardown(name, open_acme, scene_close)

static reason put_trace(struct op *op, struct txn *txn, void *arg) {
    return trace_put(op, txn, arg);
}

// A login, `seconds` after noon; kept in the store, or in memory.
struct arrival {
    const char *tenant, *connection;
    int64_t seconds;
    reason why; // NULL: accepted
    bool stored;
    const char *email;
    size_t bytes; // of what a check got
};

static const char *trace_of(struct scene *at, struct arrival visit) {
    struct trace trace;
    struct op *op = &at->keep;
    op->now = NOON + visit.seconds * SECOND_MS;
    assert_done(trace_open(op, slice_str(visit.connection), slice_str(visit.tenant), &trace));
    trace.email = slice_str(visit.email);
    trace.issuer = S("https://idp.example");
    static char long_text[TRACE_VALUE_MAX];
    memset(long_text, 'x', sizeof long_text);
    for (size_t rest = visit.bytes; rest > 0; rest -= rest < TRACE_VALUE_MAX ? rest
                                                                             : TRACE_VALUE_MAX) {
        trace_add(op, &trace, "audience", CHECK_PASS, S(""),
                  slice_of(long_text, rest < TRACE_VALUE_MAX ? rest : TRACE_VALUE_MAX));
    }
    trace_add(op, &trace, "signature", visit.why != NULL ? CHECK_FAIL : CHECK_PASS, S("a key"),
              S("none"));
    trace.verified = visit.stored;
    trace_close(op, &trace, visit.why);
    if (visit.stored) {
        assert_done(store_write(op, at->gate.store, put_trace, &trace));
    } else {
        ring_put(at->gate.ring, op, &trace);
    }
    op->now = NOON;
    return keep_text(at, "%.*s", SLICE(trace.id));
}

static const char *acme_trace(struct scene *at, int64_t seconds, bool stored) {
    return trace_of(at, (struct arrival){"acme", "acme-okta", seconds,
                                       stored ? NULL : REASON_OF(SIGNATURE_MISSING), stored,
                                       "ann@acme.example", 0});
}

// ---- the list -------------------------------------------------------------------------------------------

static void stored_traces_and_those_in_memory_are_one_list(void **state) {
    struct scene *at = *state;
    const char *ids[6];
    for (int i = 0; i < 6; i++) {
        ids[i] = acme_trace(at, i + 1, i % 2 == 0);
    }
    (void)trace_of(at, (struct arrival){"other", "other-okta", 9, NULL, true, "", 0});
    (void)trace_of(at, (struct arrival){"other", "other-okta", 9, REASON_OF(SIGNATURE_VALUE), false,
                                      "", 0});
    struct answer answer = done(at, OPERATOR, "listTraces", TRACES, NULL);
    expect_count(answer.body, "items", 6);
    for (int i = 0; i < 6; i++) {
        expect_text(answer.body, keep_text(at, "items.%d.id", i), ids[5 - i]);
    }
    expect_bool(answer.body, "items.0.accepted", false);
    expect_text(answer.body, "items.0.reason", "signature.missing");
    expect_text(answer.body, "items.0.checks.0.check", "signature");
    expect_text(answer.body, "items.0.checks.0.result", "fail");
    expect_null(answer.body, "items.1.reason");
    expect_null(answer.body, "next_cursor");
}

// Any size of page shows each trace once, in order.
static void pages_of_traces_neither_lose_nor_repeat(void **state) {
    struct scene *at = *state;
    static const bool stored[] = {true, true, false, true, false, false, true, false, true, true,
                                  false};
    size_t count = sizeof stored / sizeof stored[0];
    const char *ids[sizeof stored / sizeof stored[0]];
    for (size_t i = 0; i < count; i++) {
        ids[i] = acme_trace(at, (int64_t)i + 1, stored[i]);
    }
    for (size_t limit = 1; limit <= count + 1; limit++) {
        size_t left = count;
        const char *cursor = "";
        do {
            struct answer answer = done(
                at, OPERATOR, "listTraces",
                keep_text(at, TRACES "?limit=%zu&cursor=%s", limit, cursor), NULL);
            const struct json *items = need(answer.body, "items");
            assert_true(json_count(items) <= limit);
            for (size_t i = 0; i < json_count(items); i++) {
                assert_true(left > 0);
                expect_text(json_at(items, i), "id", ids[--left]);
            }
            cursor = json_is_null(need(answer.body, "next_cursor"))
                         ? NULL
                         : keep_at(at, answer.body, "next_cursor");
        } while (cursor != NULL);
        assert_int_equal(left, 0);
    }
}

static void traces_are_filtered(void **state) {
    struct scene *at = *state;
    (void)acme_trace(at, 1, true);
    (void)acme_trace(at, 2, false);
    (void)trace_of(at, (struct arrival){"acme", "acme-okta", 3, REASON_OF(CONDITIONS_AUDIENCE), true,
                                      "bob@acme.example", 0});
    expect_count(done(at, OPERATOR, "listTraces", TRACES "?reason=accepted", NULL).body, "items",
                 1);
    expect_count(done(at, OPERATOR, "listTraces", TRACES "?reason=signature.missing", NULL).body,
                 "items", 1);
    expect_count(done(at, OPERATOR, "listTraces", TRACES "?user=bob@acme.example", NULL).body,
                 "items", 1);
    expect_count(done(at, OPERATOR, "listTraces", TRACES "?user=nobody", NULL).body, "items", 0);
    static const char *const bad[] = {"?reason=no.such", "?cursor=x", "?cursor=trc_x", "?limit=-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)refused(at, OPERATOR, "listTraces", keep_text(at, TRACES "%s", bad[i]), NULL, 422,
                      "invalid_input");
    }
    (void)refused(at, OPERATOR, "listTraces", "/api/v1/tenants/none/traces", NULL, 404,
                  "not_found");
}

// More rows than one page looks at: those in memory wait until the stored ones before them were looked at.
#define MANY 20100
static reason put_many(struct op *op, struct txn *txn, void *arg) {
    struct op scratch;
    (void)op;
    op_open(&scratch, NOON);
    reason why = NULL;
    for (int i = 0; i < MANY && why == NULL; i++) {
        struct trace trace;
        if (i % 256 == 0) {
            op_close(&scratch);
            op_open(&scratch, NOON + 10 * SECOND_MS + i);
        }
        why = trace_open(&scratch, S("acme-okta"), slice_str(arg), &trace);
        if (why == NULL) {
            trace_close(&scratch, &trace, NULL);
            why = trace_put(&scratch, txn, &trace);
        }
    }
    op_close(&scratch);
    return why;
}

static void a_filter_that_shows_few_keeps_the_order(void **state) {
    struct scene *at = *state;
    const char *fleeting = acme_trace(at, 1, false);
    const char *stored = trace_of(at, (struct arrival){"acme", "acme-okta", 2,
                                                     REASON_OF(SIGNATURE_MISSING), true, "", 0});
    char tenant[] = "acme";
    assert_done(store_write(&at->keep, at->gate.store, put_many, tenant));
    struct answer answer =
        done(at, OPERATOR, "listTraces", TRACES "?reason=signature.missing", NULL);
    expect_count(answer.body, "items", 0);
    const char *next = keep_at(at, answer.body, "next_cursor");
    answer = done(at, OPERATOR, "listTraces",
                  keep_text(at, TRACES "?reason=signature.missing&cursor=%s", next), NULL);
    expect_count(answer.body, "items", 2);
    expect_text(answer.body, "items.0.id", stored);
    expect_text(answer.body, "items.1.id", fleeting);
    expect_null(answer.body, "next_cursor");
}

// A stranger can make traces as long as they get, for many connections: the list is answered all the same.
static void long_traces_make_short_pages(void **state) {
    struct scene *at = *state;
    for (int c = 0; c < 12; c++) {
        const char *slug = keep_text(at, "acme-%d", c);
        (void)done(at, OPERATOR, "createConnection", "/api/v1/tenants/acme/connections",
                   keep_text(at, "{\"slug\":\"%s\"}", slug));
        for (int i = 0; i < RING_EACH; i++) {
            (void)trace_of(at, (struct arrival){"acme", slug, c * 100 + i,
                                              REASON_OF(SIGNATURE_MISSING), false, "", 14000});
        }
        op_close(&at->keep);
        op_open(&at->keep, NOON);
        at->document = NULL;
    }
    size_t count = 0;
    char cursor[64] = "";
    do {
        char path[160];
        (void)snprintf(path, sizeof path, TRACES "?limit=200&cursor=%s", cursor);
        struct answer answer = done(at, OPERATOR, "listTraces", path, NULL);
        count += json_count(need(answer.body, "items"));
        struct slice next = S("");
        (void)json_text(need(answer.body, "next_cursor"), &next);
        (void)snprintf(cursor, sizeof cursor, "%.*s", SLICE(next));
    } while (cursor[0] != '\0');
    assert_int_equal(count, 12 * RING_EACH);
}

// ---- one ------------------------------------------------------------------------------------------------

static void a_trace_is_found_wherever_it_is_kept(void **state) {
    struct scene *at = *state;
    const char *stored = acme_trace(at, 1, true);
    const char *fleeting = acme_trace(at, 2, false);
    struct answer answer =
        done(at, OPERATOR, "getTrace", keep_text(at, "/api/v1/traces/%s", stored), NULL);
    expect_text(answer.body, "connection", "acme-okta");
    expect_bool(answer.body, "accepted", true);
    answer = done(at, OPERATOR, "getTrace", keep_text(at, "/api/v1/traces/%s", fleeting), NULL);
    expect_text(answer.body, "reason", "signature.missing");
    assert_non_null(look(answer.body, "hint"));
    (void)refused(at, OPERATOR, "getTrace", "/api/v1/traces/trc_none", NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "getTrace", "/api/v1/traces/trc_01J00000000000000000000000", NULL,
                  404, "not_found");
}

static void traces_are_for_those_who_set_up_sign_in_or_read_the_audit_log(void **state) {
    struct scene *at = *state;
    const char *path = keep_text(at, "/api/v1/traces/%s", acme_trace(at, 1, true));
    const char *fleeting = keep_text(at, "/api/v1/traces/%s", acme_trace(at, 2, false));
    struct caller admin = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller auditor = signed_in(at, "acme", "aud@acme.example", "compliance");
    struct caller user = signed_in(at, "acme", "bob@acme.example", "user");
    struct caller other = signed_in(at, "other", "eve@other.example", "admin");
    (void)done(at, admin, "getTrace", path, NULL);
    (void)done(at, auditor, "getTrace", fleeting, NULL);
    (void)done(at, auditor, "listTraces", TRACES, NULL);
    (void)refused(at, user, "getTrace", path, NULL, 403, "forbidden");
    (void)refused(at, user, "listTraces", TRACES, NULL, 403, "forbidden");
    (void)refused(at, other, "getTrace", path, NULL, 404, "not_found");
    (void)refused(at, other, "getTrace", fleeting, NULL, 404, "not_found");
    (void)refused(at, other, "listTraces", TRACES, NULL, 404, "not_found");
}

// A tenant that is made anew under an old short name does not see who signed in at the old one.
static void traces_of_an_earlier_tenant_are_not_shown(void **state) {
    struct scene *at = *state;
    const char *old = keep_text(at, "/api/v1/traces/%s", acme_trace(at, 1, true));
    (void)acme_trace(at, 2, false);
    (void)done(at, OPERATOR, "removeConnection", "/api/v1/connections/acme-okta", NULL);
    (void)done(at, OPERATOR, "removeTenant", "/api/v1/tenants/acme", NULL);
    at->now = NOON + 10 * SECOND_MS;
    (void)done(at, OPERATOR, "createTenant", "/api/v1/tenants",
               "{\"slug\":\"acme\",\"connections\":[{\"slug\":\"acme-okta\"}]}");
    at->keep.now = at->now; // over the connection of now
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    expect_count(done(at, ann, "listTraces", TRACES, NULL).body, "items", 0);
    (void)refused(at, ann, "getTrace", old, NULL, 404, "not_found");
    (void)done(at, OPERATOR, "getTrace", old, NULL);
    (void)acme_trace(at, 11, true);
    expect_count(done(at, ann, "listTraces", TRACES, NULL).body, "items", 1);
}

// ---- audit ----------------------------------------------------------------------------------------------

static void each_change_stands_in_the_audit_log(void **state) {
    struct scene *at = *state;
    at->now = NOON + SECOND_MS;
    (void)done(at, OPERATOR, "switchConnection", "/api/v1/connections/acme-okta",
               "{\"disabled\":true}");
    struct answer answer =
        done(at, OPERATOR, "listAudit", "/api/v1/tenants/acme/audit?limit=1", NULL);
    expect_text(answer.body, "items.0.event", "sso.connection_disabled");
    expect_text(answer.body, "items.0.actor", "operator:0");
    expect_text(answer.body, "items.0.target", "acme-okta");
    expect_text(answer.body, "items.0.address", "192.0.2.1");
    expect_text(answer.body, "items.0.request", "req_test");
    const char *next = keep_at(at, answer.body, "next_cursor");
    answer = done(at, OPERATOR, "listAudit",
                  keep_text(at, "/api/v1/tenants/acme/audit?limit=50&cursor=%s", next), NULL);
    expect_count(answer.body, "items", 2); // the tenant and its connection
    expect_null(answer.body, "next_cursor");
    (void)refused(at, OPERATOR, "listAudit", "/api/v1/tenants/acme/audit?cursor=x", NULL, 422,
                  "invalid_input");
    (void)refused(at, OPERATOR, "listAudit", "/api/v1/tenants/none/audit", NULL, 404, "not_found");
}

static void what_is_refused_leaves_no_row(void **state) {
    struct scene *at = *state;
    (void)refused(at, OPERATOR, "setPolicy", "/api/v1/connections/acme-okta/policy",
                  "{\"want\":\"x\"}", 422, "invalid_input");
    struct answer answer = done(at, OPERATOR, "listAudit", "/api/v1/tenants/acme/audit", NULL);
    expect_count(answer.body, "items", 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRACE_TEST(stored_traces_and_those_in_memory_are_one_list),
        TRACE_TEST(pages_of_traces_neither_lose_nor_repeat),
        TRACE_TEST(traces_are_filtered),
        TRACE_TEST(a_filter_that_shows_few_keeps_the_order),
        TRACE_TEST(long_traces_make_short_pages),
        TRACE_TEST(a_trace_is_found_wherever_it_is_kept),
        TRACE_TEST(traces_are_for_those_who_set_up_sign_in_or_read_the_audit_log),
        TRACE_TEST(traces_of_an_earlier_tenant_are_not_shown),
        TRACE_TEST(each_change_stands_in_the_audit_log),
        TRACE_TEST(what_is_refused_leaves_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
