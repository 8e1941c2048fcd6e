// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that a connection has for itself, by the API: who may, what each step answers, and where the files are.
#include <sys/stat.h>

#include "http/idp_made.h"
#include "saml/sp.h"

#define KEYS "/api/v1/connections/acme-okta/keys"
#define ENCRYPTION "{\"kind\":\"encryption\"}"

static int open_keys(void **state) {
    pool_refuses = NULL;
    int code = scene_open(state);
    struct scene *at = *state;
    two_tenants(at);
    at->settings.data_dir = slice_str(at->dir);
    assert_int_equal(mkdir(keep_text(at, "%s/keys", at->dir), 0700), 0);
    return code;
}
static int close_keys(void **state) {
    struct scene *at = *state;
    const char *keys = keep_text(at, "%s/keys", at->dir);
    assert_done(sp_own_keys_forget(&at->keep, keys, S("acme-okta")));
    (void)rmdir(keep_text(at, "%s/connections", keys));
    assert_int_equal(rmdir(keys), 0);
    return scene_close(state);
}
#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, open_keys, close_keys)

static const char *number_of(struct scene *at, const struct answer *answer) {
    int64_t number = 0;
    assert_true(json_number(need(answer->body, "items.2.number"), &number));
    return keep_text(at, "%lld", (long long)number);
}
static bool there(struct scene *at, const char *number) {
    return access(keep_text(at, "%s/keys/connections/acme-okta/saml-encryption-%s.key", at->dir, number), F_OK) == 0;
}

static void an_operator_rolls_them_over(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "listConnectionKeys", KEYS, NULL);
    expect_count(answer.body, "items", 2);
    expect_text(answer.body, "items.1.kind", "encryption");
    expect_text(answer.body, "items.1.state", "current");
    answer = done(at, OPERATOR, "addConnectionKey", KEYS, ENCRYPTION);
    expect_count(answer.body, "items", 3);
    expect_text(answer.body, "items.2.state", "next");
    const char *number = number_of(at, &answer);
    assert_true(there(at, number));
    (void)refused(at, OPERATOR, "addConnectionKey", KEYS, ENCRYPTION, 409, "illegal_transition");
    const char *row = keep_text(at, KEYS "/encryption/%s", number);
    (void)refused(at, OPERATOR, "retireConnectionKey", keep_text(at, "%s:retire", row), NULL, 409,
                  "illegal_transition");
    answer = done(at, OPERATOR, "useConnectionKey", keep_text(at, "%s:use", row), NULL);
    expect_text(answer.body, "items.1.state", "current");
    expect_text(answer.body, "items.2.state", "old");
    (void)refused(at, OPERATOR, "removeConnectionKey", row, NULL, 409, "illegal_transition");
    (void)done(at, OPERATOR, "retireConnectionKey", KEYS "/encryption/0:retire", NULL);
    (void)done(at, OPERATOR, "removeConnectionKey", KEYS "/encryption/0", NULL);
    answer = done(at, OPERATOR, "addConnectionKey", KEYS, "{\"kind\":\"encryption\",\"gate\":true}");
    expect_count(answer.body, "items", 3);
    (void)done(at, OPERATOR, "useConnectionKey", KEYS "/encryption/0:use", NULL);
    (void)done(at, OPERATOR, "retireConnectionKey", keep_text(at, "%s:retire", row), NULL);
    (void)done(at, OPERATOR, "removeConnectionKey", row, NULL);
    assert_false(there(at, number));
}

static void what_makes_no_sense_is_refused(void **state) {
    struct scene *at = *state;
    (void)refused(at, OPERATOR, "addConnectionKey", KEYS, "{\"kind\":\"secret\"}", 422, "invalid_input");
    (void)refused(at, OPERATOR, "addConnectionKey", KEYS, "{}", 422, "invalid_input");
    (void)refused(at, OPERATOR, "addConnectionKey", KEYS, "{\"kind\":\"signing\",\"gate\":true}", 409,
                  "illegal_transition");
    (void)refused(at, OPERATOR, "useConnectionKey", KEYS "/signing/9:use", NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "useConnectionKey", KEYS "/signing/x:use", NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "useConnectionKey", KEYS "/secret/0:use", NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "addConnectionKey", "/api/v1/connections/never/keys", ENCRYPTION, 404, "not_found");
}

static void an_administrator_sees_them_and_makes_none(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)done(at, ann, "listConnectionKeys", KEYS, NULL);
    (void)refused(at, ann, "addConnectionKey", KEYS, ENCRYPTION, 403, "forbidden");
    (void)refused(at, ann, "useConnectionKey", KEYS "/signing/0:use", NULL, 403, "forbidden");
    (void)refused(at, ann, "listConnectionKeys", "/api/v1/connections/other-okta/keys", NULL, 404, "not_found");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "read_only");
    (void)refused(at, bob, "listConnectionKeys", KEYS, NULL, 403, "forbidden");
}

static struct answer add_if(struct scene *at, struct slice etag) {
    begin(at, METHOD_POST, KEYS, ENCRYPTION);
    be(at, OPERATOR);
    set_header(at, "If-Match", etag);
    return send(at);
}

static void a_change_of_another_state_is_refused(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "listConnectionKeys", KEYS, NULL);
    struct slice etag = slice_str(keep_text(at, "%.*s", SLICE(reply_header_of(at, "ETag"))));
    assert_true(etag.len > 0);
    assert_int_equal(add_if(at, S("\"another\"")).status, 412);
    assert_int_equal(add_if(at, etag).status, 201);
    assert_int_equal(add_if(at, etag).status, 409); // there is no room, which is seen first
}

static void the_files_go_with_the_connection(void **state) {
    struct scene *at = *state;
    struct answer answer = done(at, OPERATOR, "addConnectionKey", KEYS, ENCRYPTION);
    const char *number = number_of(at, &answer);
    assert_true(there(at, number));
    (void)done(at, OPERATOR, "removeConnection", "/api/v1/connections/acme-okta", NULL);
    assert_false(there(at, number));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KEYS_TEST(an_operator_rolls_them_over),
        KEYS_TEST(what_makes_no_sense_is_refused),
        KEYS_TEST(an_administrator_sees_them_and_makes_none),
        KEYS_TEST(a_change_of_another_state_is_refused),
        KEYS_TEST(the_files_go_with_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
