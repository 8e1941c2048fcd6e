// SPDX-License-Identifier: GPL-3.0-or-later
// Service users in tests: made, given a secret, and calling with a token that the secret got.
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_SERVICES_H
#define GATEHOUSE_TESTS_UNIT_HTTP_SERVICES_H

#include "http/callers.h"

#include "base/encode.h"

#define SERVICES "/api/v1/tenants/acme/service-users"


HELPER int open_acme(void **state) {
    int code = scene_open(state);
    two_tenants(*state);
    return code;
}
#define SERVICE_TEST(name) cmocka_unit_test_setup_teardown(name, open_acme, scene_close)

// A service user of Ann's, with these roles (a JSON list); its path.
HELPER const char *service_of(struct scene *at, struct caller owner, const char *name,
                              const char *roles) {
    struct answer answer =
        done(at, OPERATOR, "createServiceUser", SERVICES,
             keep_text(at, "{\"name\":\"%s\",\"owner\":\"%.*s\",\"roles\":%s}", name,
                       SLICE(owner.user_id), roles));
    assert_int_equal(answer.status, 201);
    return keep_text(at, SERVICES "/%s", keep_at(at, answer.body, "id"));
}

struct secret {
    const char *client, *id, *text;
};
HELPER struct secret secret_of(struct scene *at, struct caller as, const char *path) {
    struct answer answer =
        done(at, as, "addCredential", keep_text(at, "%s/credentials", path), "{}");
    return (struct secret){keep_at(at, answer.body, "client_id"), keep_at(at, answer.body, "id"),
                           keep_at(at, answer.body, "client_secret")};
}

// ---- forms ----

HELPER struct answer form(struct scene *at, const char *path, const char *authorization,
                          const char *body) {
    begin(at, METHOD_POST, path, NULL);
    at->request.body = slice_str(body);
    set_header(at, "Content-Type", S("application/x-www-form-urlencoded"));
    if (authorization != NULL) {
        set_header(at, "Authorization", slice_str(authorization));
    }
    return send(at);
}

HELPER const char *basic(struct scene *at, const char *id, const char *text) {
    struct slice encoded;
    assert_done(encode_base64(&at->keep, slice_str(keep_text(at, "%s:%s", id, text)), &encoded));
    return keep_text(at, "Basic %.*s", SLICE(encoded));
}

HELPER struct answer ask_token(struct scene *at, struct secret secret) {
    return form(at, "/oauth2/token", basic(at, secret.client, secret.text),
                "grant_type=client_credentials");
}

HELPER struct caller caller_of(struct scene *at, struct secret secret) {
    struct answer answer = ask_token(at, secret);
    assert_int_equal(answer.status, 200);
    return (struct caller){.token = slice_str(keep_at(at, answer.body, "access_token"))};
}

#define expect_oauth(answer_, status_, error_)                                                     \
    do {                                                                                           \
        struct answer expect_answer_ = (answer_);                                                  \
        if (expect_answer_.status != (status_)) {                                                  \
            print_error("%u %.*s\n", expect_answer_.status, SLICE(expect_answer_.text));           \
        }                                                                                          \
        assert_int_equal(expect_answer_.status, (status_));                                        \
        expect_fits(document_of(at), "OauthError", expect_answer_.body);                           \
        expect_text(expect_answer_.body, "error", (error_));                                       \
    } while (0)

#endif
