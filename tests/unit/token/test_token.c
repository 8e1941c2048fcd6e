// SPDX-License-Identifier: GPL-3.0-or-later
// Access tokens: one good one, and everything that a token must not be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/json.h"
#include "token/token.h"

#define URL S("https://gate.example")

static char dir[] = "/tmp/gatehouse-token-XXXXXX";
static struct keyring *keyring;

static void remove_key(int number) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/token-%d.key", dir, number);
    (void)unlink(path);
}

static int set_up(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    assert_non_null(mkdtemp(dir));
    assert_null(keyring_make(&op, dir));
    assert_null(keyring_open(&op, dir, &keyring));
    op_close(&op);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    keyring_close(keyring);
    remove_key(1);
    remove_key(2);
    return rmdir(dir);
}

static struct claims sample(struct op *op) {
    static struct slice roles[] = {{"admin", 5}, {"read_only", 9}};
    return (struct claims){.subject = S("usr_1"), .token_id = S("tok_1"), .session = S("ses_1"),
                           .tenant = S("acme"), .client_id = S("acme-okta"), .acr = S("urn:x"),
                           .roles = {roles, 2}, .issued_at = op->now,
                           .expires_at = op->now + 5 * MINUTE_MS, .authenticated_at = op->now,
                           .rv = 7};
}

static struct slice issue(struct op *op, struct keyring *ring, const struct claims *claims) {
    struct slice token;
    assert_null(token_issue(op, ring, URL, claims, &token));
    return token;
}

static void a_token_comes_back_as_it_was_issued(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    struct claims got;
    struct slice token = issue(&op, keyring, &claims);
    assert_true(token.len < 1024);
    assert_null(token_check(&op, keyring, URL, token, &got));
    assert_true(slice_equal(got.subject, S("usr_1")));
    assert_true(slice_equal(got.session, S("ses_1")));
    assert_true(slice_equal(got.tenant, S("acme")));
    assert_int_equal(got.roles.count, 2);
    assert_int_equal(got.rv, 7);
    op_close(&op);
}

static void refused(struct op *op, struct slice token, struct slice url) {
    struct claims got;
    assert_ptr_equal(token_check(op, keyring, url, token, &got), REASON_OF(UNAUTHENTICATED));
    assert_true(op->detail.len > 0);
}

static void an_expired_token_is_refused(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    struct slice token = issue(&op, keyring, &claims);
    op.now = claims.expires_at;
    refused(&op, token, URL);
    op_close(&op);
}

static void a_token_from_the_future_is_refused(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    claims.issued_at = op.now + 2 * MINUTE_MS;
    refused(&op, issue(&op, keyring, &claims), URL);
    op_close(&op);
}

static void a_token_for_another_gate_is_refused(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    refused(&op, issue(&op, keyring, &claims), S("https://gate.example.org"));
    op_close(&op);
}

static void each_changed_byte_is_refused(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    struct slice token = issue(&op, keyring, &claims);
    for (size_t i = 0; i < token.len; i += 7) {
        struct slice copy;
        assert_null(op_copy(&op, token, &copy));
        char *bytes = (char *)(uintptr_t)copy.at;
        bytes[i] = bytes[i] == 'A' ? 'B' : 'A';
        if (i + 1 == token.len) {
            continue; // the last character's spare bits may decode alike
        }
        refused(&op, copy, URL);
    }
    op_close(&op);
}

// The signature of a token that was taken once is not checked again; all else is.
static void a_token_that_was_taken_before_is_looked_at_again(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    struct claims got;
    struct slice token = issue(&op, keyring, &claims);
    for (int i = 0; i < 3; i++) {
        assert_null(token_check(&op, keyring, URL, token, &got));
        assert_true(slice_equal(got.subject, S("usr_1")));
    }
    refused(&op, token, S("https://other.example"));
    for (size_t i = 0; i < token.len - 1; i++) { // each octet of it, also where nothing is read
        struct slice copy;
        assert_null(op_copy(&op, token, &copy));
        char *bytes = (char *)(uintptr_t)copy.at;
        bytes[i] = bytes[i] == 'A' ? 'B' : 'A';
        refused(&op, copy, URL);
    }
    refused(&op, slice_sub(token, 0, token.len - 1), URL);
    op.now = claims.expires_at;
    refused(&op, token, URL);
    op_close(&op);
}

static void other_algorithms_and_types_are_refused(void **state) {
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"typ\":\"at+jwt\"}", "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "{\"alg\":\"ES256\"}", "{}"};
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    struct slice token = issue(&op, keyring, &claims);
    size_t dot = slice_find(token, S("."));
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct slice header;
        assert_null(encode_base64url(&op, slice_str(headers[i]), &header));
        struct slice rest = slice_sub(token, dot, token.len);
        refused(&op, op_text(&op, "%.*s%.*s", SLICE(header), SLICE(rest)), URL);
    }
    refused(&op, S(""), URL);
    refused(&op, S("a.b.c"), URL);
    refused(&op, S("not a token"), URL);
    op_close(&op);
}

static void a_foreign_key_is_refused(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    char other[] = "/tmp/gatehouse-token-XXXXXX";
    struct keyring *foreign = NULL;
    assert_non_null(mkdtemp(other));
    assert_null(keyring_make(&op, other));
    assert_null(keyring_open(&op, other, &foreign));
    struct claims claims = sample(&op);
    refused(&op, issue(&op, foreign, &claims), URL);
    keyring_close(foreign);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/token-1.key", other);
    (void)unlink(path);
    (void)rmdir(other);
    op_close(&op);
}

static void the_newest_key_signs_and_the_older_still_verifies(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    struct slice old = issue(&op, keyring, &claims);
    char from[128];
    char to[128];
    char other[] = "/tmp/gatehouse-token-XXXXXX";
    assert_non_null(mkdtemp(other));
    assert_null(keyring_make(&op, other));
    (void)snprintf(from, sizeof from, "%s/token-1.key", other);
    (void)snprintf(to, sizeof to, "%s/token-2.key", dir);
    assert_int_equal(rename(from, to), 0);
    (void)rmdir(other);
    struct keyring *both = NULL;
    struct claims got;
    assert_null(keyring_open(&op, dir, &both));
    assert_null(token_check(&op, both, URL, old, &got));
    refused(&op, issue(&op, both, &claims), URL); // by the keyring that lacks the new one
    struct slice jwks;
    const struct json *root = NULL;
    assert_null(keyring_jwks(&op, both, &jwks));
    assert_null(json_parse(&op, jwks, &root));
    assert_int_equal(json_count(json_get(root, "keys")), 2);
    assert_int_equal(slice_find(jwks, S("\"d\":")), SIZE_MAX);
    keyring_close(both);
    remove_key(2);
    op_close(&op);
}

// Each of these once ended the process, or might: what is no compact token never reaches the library.
static void what_is_no_compact_token_is_refused(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    struct claims claims = sample(&op);
    struct slice good = issue(&op, keyring, &claims);
    struct slice head = slice_sub(good, 0, slice_find(good, S(".")));
    static const char *const tails[] = {".e=30.QUFB", ".e30.Q=FB", ".e30=.QUFB", ".e30.QUFB=", ".e30.QUFB.", ".e30..", "..",
                                        ".e30", "", ".e3%.QUFB", ".e30 .QUFB", ".e30.QUFB\n", ".e+0.QUFB", ".e30.Q"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        refused(&op, op_text(&op, "%.*s%s", SLICE(head), tails[i]), URL);
    }
    static const char *const wholes[] = {"", ".", "..", "=", "=.=.=", "a=b.c.d", "a.b.c.d.e", "\xFF.\xFF.\xFF"};
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++) {
        refused(&op, slice_str(wholes[i]), URL);
    }
    struct claims got;
    assert_null(token_check(&op, keyring, URL, good, &got));
    op_close(&op);
}

static void broken_key_files_are_named(void **state) {
    (void)state;
    struct op op;
    op_open(&op, 0);
    char path[128];
    struct keyring *none = NULL;
    (void)snprintf(path, sizeof path, "%s/token-2.key", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("-----BEGIN " "PRIVATE KEY-----\nnonsense\n", file);
    (void)fclose(file);
    (void)chmod(path, 0600);
    assert_ptr_equal(keyring_open(&op, dir, &none), REASON_OF(KEY_FILE));
    assert_int_not_equal(slice_find(op.detail, slice_str(path)), SIZE_MAX);
    (void)chmod(path, 0644);
    assert_ptr_equal(keyring_open(&op, dir, &none), REASON_OF(KEY_FILE));
    assert_int_not_equal(slice_find(op.detail, S("chmod 600")), SIZE_MAX);
    remove_key(2);
    assert_ptr_equal(keyring_open(&op, "/nonexistent", &none), REASON_OF(KEY_FILE));
    op_close(&op);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_back_as_it_was_issued),
        cmocka_unit_test(an_expired_token_is_refused),
        cmocka_unit_test(a_token_from_the_future_is_refused),
        cmocka_unit_test(a_token_for_another_gate_is_refused),
        cmocka_unit_test(each_changed_byte_is_refused),
        cmocka_unit_test(a_token_that_was_taken_before_is_looked_at_again),
        cmocka_unit_test(other_algorithms_and_types_are_refused),
        cmocka_unit_test(a_foreign_key_is_refused),
        cmocka_unit_test(what_is_no_compact_token_is_refused),
        cmocka_unit_test(the_newest_key_signs_and_the_older_still_verifies),
        cmocka_unit_test(broken_key_files_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
