// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that looks at metadata: what is due is looked at once, by the system, and what is not due is left alone.
// The other server is played by the test.
#include "http/idp_made.h"

#include <time.h>

#include "app/expiry.h"
#include "app/refresh.h"
#include "domain/metadata_watch.h"

#define CONNECTION "/api/v1/connections/acme-okta"

static const char *document; // set before the thread starts
static volatile int fetches; // only the thread counts, and the test reads after it ended

reason idp_fetch(struct op *op, const struct fetch_options *options, struct slice url,
                 struct slice *ret_xml) {
    (void)op;
    (void)options;
    (void)url;
    fetches++;
    *ret_xml = slice_str(document);
    return NULL;
}

// The same thread looks for certificates that end, which has tests of its own and keys that these scenes lack.
void expiry_look(struct gate *gate) {
    (void)gate;
}

static const char *xml_of(struct scene *at, const char *text) {
    const struct json *value = NULL;
    struct slice plain = S("");
    assert_done(json_parse(&at->keep, slice_str(keep_text(at, "\"%s\"", text)), &value));
    assert_true(json_text(value, &plain));
    return keep_text(at, "%.*s", SLICE(plain));
}

// A connection whose metadata was imported at this time, and whose document has another key by now.
static void import_at(struct scene *at, int64_t time) {
    pool_refuses = NULL;
    at->now = time;
    two_tenants(at);
    document = xml_of(at, metadata_made(at, "https://idp.example/one"));
    (void)done(at, OPERATOR, "setIdp", CONNECTION "/idp",
               "{\"metadata_url\":\"https://idp.example/metadata\"}");
    document = xml_of(at, metadata_made(at, "https://idp.example/one"));
    fetches = 0;
}

static struct answer changes(struct scene *at) {
    return done(at, OPERATOR, "listMetadataChanges", CONNECTION "/metadata-changes", NULL);
}

// Until the row was looked at, or it takes too long.
static bool was_looked_at(struct scene *at) {
    for (int i = 0; i < 200; i++) {
        struct slice text = S("");
        if (json_text(look(changes(at).body, "checked_at"), &text)) {
            return true;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL);
    }
    return false;
}

static void what_is_due_is_looked_at_once(void **state) {
    struct scene *at = *state;
    struct refresher *refresher = NULL;
    import_at(at, clock_now() - 3 * METADATA_LOOK_EVERY);
    assert_done(refresher_start(&at->keep, &at->gate, &refresher));
    bool looked = was_looked_at(at);
    refresher_stop(refresher);
    assert_true(looked);
    assert_int_equal(fetches, 1);
    struct answer answer = changes(at);
    bool alarm = false;
    assert_true(json_bool(need(answer.body, "alarm"), &alarm) && alarm);
    expect_text(answer.body, "proposal.entity_id", "https://idp.example/one");
    answer = done(at, OPERATOR, "listAudit", "/api/v1/tenants/acme/audit", NULL);
    expect_text(answer.body, "items.0.event", "sso.metadata_change_pending");
    expect_text(answer.body, "items.0.actor", "metadata");
}

static void what_is_not_due_is_left_alone(void **state) {
    struct scene *at = *state;
    struct refresher *refresher = NULL;
    import_at(at, clock_now());
    assert_done(refresher_start(&at->keep, &at->gate, &refresher));
    (void)nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    refresher_stop(refresher);
    assert_int_equal(fetches, 0);
    expect_null(changes(at).body, "checked_at");
}

static void a_gate_that_ends_looks_at_nothing_more(void **state) {
    struct scene *at = *state;
    struct refresher *refresher = NULL;
    import_at(at, clock_now() - 3 * METADATA_LOOK_EVERY);
    at->gate.draining = true;
    assert_done(refresher_start(&at->keep, &at->gate, &refresher));
    (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    refresher_stop(refresher);
    assert_int_equal(fetches, 0);
    refresher_stop(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(what_is_due_is_looked_at_once),
        SCENE_TEST(what_is_not_due_is_left_alone),
        SCENE_TEST(a_gate_that_ends_looks_at_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
