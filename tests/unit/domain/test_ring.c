// SPDX-License-Identifier: GPL-3.0-or-later
// The ring of refusals that nobody signed: the newest are there, the old ones give way, memory is
// bounded.
#include <pthread.h>

#include "people.h"

struct desk {
    struct op op;
    struct ring *ring;
};
static int desk_open(void **state) {
    struct desk *desk = test_calloc(1, sizeof *desk);
    op_open(&desk->op, NOON);
    desk->ring = ring_open();
    assert_non_null(desk->ring);
    *state = desk;
    return 0;
}
static int desk_close(void **state) {
    struct desk *desk = *state;
    ring_close(desk->ring);
    op_close(&desk->op);
    test_free(desk);
    return 0;
}

static struct slice put(struct desk *desk, const char *connection, const char *tenant, reason why) {
    struct trace trace;
    desk->op.now++;
    assert_done(trace_open(&desk->op, slice_str(connection), slice_str(tenant), &trace));
    trace_add(&desk->op, &trace, "structure", CHECK_FAIL, S("XML"), S("not XML"));
    trace_close(&desk->op, &trace, why);
    ring_put(desk->ring, &desk->op, &trace);
    return trace.id;
}
static bool is_there(struct desk *desk, struct slice id) {
    struct trace trace;
    bool found = false;
    assert_done(ring_find(desk->ring, &desk->op, id, &trace, &found));
    return found;
}
static struct rows list(struct desk *desk, const char *tenant, const char *why) {
    struct rows traces;
    struct trace_filter filter = {.reason = slice_str(why)};
    assert_done(ring_list(desk->ring, &desk->op, slice_str(tenant), &filter, &traces));
    return traces;
}

static void what_was_put_is_found_whole(void **state) {
    struct desk *desk = *state;
    struct slice id = put(desk, "acme-okta", "acme", REASON_OF(SAML_MALFORMED));
    struct trace trace;
    bool found = false;
    assert_done(ring_find(desk->ring, &desk->op, id, &trace, &found));
    assert_true(found);
    assert_slice(trace.reason, "saml.malformed");
    assert_int_equal(trace.checks.count, 1);
    assert_false(is_there(desk, S("trc_other")));
}

static void the_newest_of_a_connection_push_the_oldest_out(void **state) {
    struct desk *desk = *state;
    struct slice first = put(desk, "acme-okta", "acme", REASON_OF(SAML_MALFORMED));
    struct slice second = put(desk, "acme-okta", "acme", REASON_OF(SAML_MALFORMED));
    struct slice other = put(desk, "acme-entra", "acme", REASON_OF(SAML_MALFORMED));
    for (int i = 0; i < RING_EACH - 1; i++) {
        (void)put(desk, "acme-okta", "acme", REASON_OF(SAML_MALFORMED));
    }
    assert_false(is_there(desk, first));
    assert_true(is_there(desk, second));
    assert_true(is_there(desk, other)); // a flood at one connection leaves the others alone
    assert_int_equal(list(desk, "acme", NULL).count, RING_EACH + 1);
}

static void the_newest_comes_first_and_other_tenants_stay_out(void **state) {
    struct desk *desk = *state;
    struct slice first = put(desk, "acme-okta", "acme", REASON_OF(SAML_MALFORMED));
    (void)put(desk, "umbrella-okta", "umbrella", REASON_OF(SAML_MALFORMED));
    struct slice last = put(desk, "acme-entra", "acme", REASON_OF(SIGNATURE_MISSING));
    struct rows traces = list(desk, "acme", NULL);
    assert_int_equal(traces.count, 2);
    assert_true(slice_equal(((const struct trace *)traces.at)[0].id, last));
    assert_true(slice_equal(((const struct trace *)traces.at)[1].id, first));
    assert_int_equal(list(desk, "acme", "signature.missing").count, 1);
    assert_int_equal(list(desk, "acme", "signature.value").count, 0);
    assert_int_equal(list(desk, "nobody", NULL).count, 0);
}

static void the_quietest_connection_gives_way(void **state) {
    struct desk *desk = *state;
    struct slice first = put(desk, "c-0", "acme", REASON_OF(SAML_MALFORMED));
    struct slice second = put(desk, "c-1", "acme", REASON_OF(SAML_MALFORMED));
    for (int i = 2; i < RING_CONNECTIONS; i++) {
        (void)put(desk, op_text(&desk->op, "c-%d", i).at, "other", REASON_OF(SAML_MALFORMED));
    }
    assert_true(is_there(desk, first));
    (void)put(desk, "c-0", "acme", REASON_OF(SAML_MALFORMED)); // no more the quietest
    (void)put(desk, "one-more", "acme", REASON_OF(SAML_MALFORMED));
    assert_true(is_there(desk, first));
    assert_false(is_there(desk, second));
}

static void the_ring_never_grows_past_its_memory(void **state) {
    struct desk *desk = *state;
    static char text[TRACE_VALUE_MAX];
    memset(text, 'x', sizeof text);
    struct slice first = SLICE_NONE;
    // 16 KB each: 12 connections of 32 are 6 MB; 90 of them are 45 MB and more than fit.
    for (int i = 0; i < 90 * RING_EACH; i++) {
        struct op op;
        struct trace trace;
        op_open(&op, NOON + i);
        assert_done(trace_open(&op, op_text(&op, "c-%d", i / RING_EACH), S("acme"), &trace));
        for (int c = 0; c < 14; c++) {
            trace_add(&op, &trace, "audience", CHECK_FAIL, slice_of(text, sizeof text),
                      slice_of(text, sizeof text));
        }
        trace_close(&op, &trace, REASON_OF(SAML_MALFORMED));
        ring_put(desk->ring, &op, &trace);
        if (i == 0) {
            first = op_text(&desk->op, "%.*s", SLICE(trace.id));
        }
        op_close(&op);
    }
    assert_false(is_there(desk, first));
}

struct runner {
    pthread_t thread;
    struct ring *ring;
    int number;
};
static void *run(void *arg) {
    struct runner *runner = arg;
    for (int i = 0; i < 200; i++) {
        struct op op;
        struct trace trace;
        struct rows rows;
        bool found = false;
        op_open(&op, NOON);
        if (trace_open(&op, op_text(&op, "c-%d", (runner->number + i) % 5), S("acme"), &trace) ==
            NULL) {
            trace_close(&op, &trace, REASON_OF(SAML_MALFORMED));
            ring_put(runner->ring, &op, &trace);
            (void)!ring_find(runner->ring, &op, trace.id, &trace, &found);
            (void)!ring_list(runner->ring, &op, S("acme"),
                             &(struct trace_filter){SLICE_NONE, SLICE_NONE}, &rows);
        }
        op_close(&op);
    }
    return NULL;
}
static void several_threads_may_put_and_look(void **state) {
    struct desk *desk = *state;
    struct runner runners[4];
    for (int i = 0; i < 4; i++) {
        runners[i] = (struct runner){.ring = desk->ring, .number = i};
        assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(runners[i].thread, NULL), 0);
    }
    assert_int_equal(list(desk, "acme", NULL).count, 5 * RING_EACH);
}

#define T(name) cmocka_unit_test_setup_teardown(name, desk_open, desk_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(what_was_put_is_found_whole),
        T(the_newest_of_a_connection_push_the_oldest_out),
        T(the_newest_comes_first_and_other_tenants_stay_out),
        T(the_quietest_connection_gives_way),
        T(the_ring_never_grows_past_its_memory),
        T(several_threads_may_put_and_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
