// SPDX-License-Identifier: GPL-3.0-or-later
// People with passwords in tests: invited, with a link out of a letter, signing in; and what the tests do in the store.
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_PASSWORDS_H
#define GATEHOUSE_TESTS_UNIT_HTTP_PASSWORDS_H

#include "http/callers.h"

#include "domain/account.h"
#include "domain/tenant_settings.h"

#define USERS "/api/v1/tenants/acme/users"
#define GOOD "correct horse battery"
#define BETTER "seven purple monkeys dance"

HELPER int open_passwords(void **state) {
    static const struct argon_options small = {
        .memory_kib = 64, .passes = 1, .lanes = 1, .threads = 2, .waiting = 2};
    int code = scene_open(state);
    struct scene *at = *state;
    two_tenants(at);
    at->gate.argon = argon_open(&small);
    return code;
}
#define PASSWORD_TEST(name) cmocka_unit_test_setup_teardown(name, open_passwords, scene_close)

// ---- what the tests do in the store ----

struct peek {
    struct scene *at;
    struct slice tenant, user_id, text;
    struct letter letter;
    struct account account;
    struct tenant_settings settings;
    bool found;
};
HELPER reason last_link(struct op *op, struct txn *txn, void *arg) {
    struct peek *peek = arg;
    TRY(outbox_last(op, txn, peek->tenant, peek->user_id, &peek->letter, &peek->found));
    assert_true(peek->found);
    return peek->letter.ticket_id.len == 0
               ? NULL
               : ticket_text(op, peek->at->gate.ticket_key, peek->letter.ticket_id, &peek->text);
}
HELPER reason get_account(struct op *op, struct txn *txn, void *arg) {
    struct peek *peek = arg;
    return account_find(op, txn, peek->user_id, &peek->account, &peek->found);
}
HELPER reason put_account(struct op *op, struct txn *txn, void *arg) {
    return account_put(op, txn, &((struct peek *)arg)->account);
}
HELPER reason put_settings(struct op *op, struct txn *txn, void *arg) {
    struct peek *peek = arg;
    struct actor system = {.kind = ACTOR_SYSTEM, .id = S("test")};
    return tenant_settings_put(op, txn, &system, &peek->settings);
}
HELPER struct peek peek_at(struct scene *at, struct slice user_id) {
    at->keep.now = at->now;
    return (struct peek){.at = at, .tenant = S("acme"), .user_id = user_id};
}
HELPER const char *link_of(struct scene *at, struct slice user_id, int kind) {
    struct peek peek = peek_at(at, user_id);
    assert_done(store_read(&at->keep, at->gate.store, last_link, &peek));
    assert_string_equal(letter_kind_names[peek.letter.kind], letter_kind_names[kind]);
    return keep_text(at, "%.*s", SLICE(peek.text));
}
HELPER void set_settings(struct scene *at, struct tenant_settings settings) {
    struct peek peek = peek_at(at, S(""));
    peek.settings = settings;
    assert_done(store_write(&at->keep, at->gate.store, put_settings, &peek));
}
HELPER void later(struct scene *at, int64_t ms) {
    at->now += ms;
}

// ---- people ----

HELPER struct slice invite(struct scene *at, const char *email) {
    later(at, SECOND_MS);
    struct answer answer =
        done(at, OPERATOR, "addUser", USERS,
             keep_text(at, "{\"email\":\"%s\",\"first_name\":\"Ann\",\"roles\":[\"user\"]}", email));
    return slice_str(keep_at(at, answer.body, "id"));
}
HELPER struct slice with_password(struct scene *at, const char *email) {
    struct slice id = invite(at, email);
    const char *body = keep_text(at, "{\"token\":\"%s\",\"password\":\"" GOOD "\"}",
                                 link_of(at, id, LETTER_WELCOME));
    struct answer answer = done(at, NOBODY, "acceptInvitation", "/api/v1/invitations:accept", body);
    expect_text(answer.body, "status", "active");
    later(at, SECOND_MS);
    return id;
}
HELPER const char *ask(struct scene *at, const char *email, const char *password, const char *more) {
    return keep_text(at, "{\"email\":\"%s\",\"password\":\"%s\"%s}", email, password, more);
}
HELPER struct answer sign_in(struct scene *at, const char *email, const char *password,
                             const char *more) {
    return done(at, NOBODY, "signIn", "/api/v1/sign-in", ask(at, email, password, more));
}
HELPER struct answer no_sign_in(struct scene *at, const char *email, const char *password,
                                const char *more, unsigned status, const char *why) {
    return refused(at, NOBODY, "signIn", "/api/v1/sign-in", ask(at, email, password, more), status, why);
}

#endif
