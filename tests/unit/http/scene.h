// SPDX-License-Identifier: GPL-3.0-or-later
// A gate in this process on a real store in a directory of its own, callers (an operator, people with sessions,
// nobody), and calls through the router. Each JSON answer that is no refusal is compared with what the OpenAPI
// document says of it.
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_SCENE_H
#define GATEHOUSE_TESTS_UNIT_HTTP_SCENE_H

#include <dirent.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/limits.h"
#include "http/uses.h"
#include "http/schema_check.h"
#include "http/schemas.h"
#include "http/web/web.h"
#include "token/link_key.h"
#include "token/seal_key.h"

#define NOON INT64_C(1795262400000) // 2026-11-21T12:00:00Z

struct scene {
    char dir[64];
    struct gate gate;
    struct settings settings;
    struct op keep; // lives as long as the test
    struct op op;   // of the last call: its answer lives until the next
    int64_t now;
    struct request request;
    struct reply reply;
    const struct json *document;
};

// Who calls: by the control socket, by cookie, by token, or nobody.
struct caller {
    bool control;
    struct slice cookie, token, user_id;
};
#define OPERATOR ((struct caller){.control = true})
#define NOBODY ((struct caller){.control = false})

struct answer {
    unsigned status;
    const struct json *body; // NULL: not JSON
    struct slice text;
};

#define assert_slice(got, expected)                                                                \
    do {                                                                                           \
        struct slice assert_got_ = (got);                                                          \
        struct slice assert_want_ = slice_str(expected);                                           \
        if (!slice_equal(assert_got_, assert_want_)) {                                             \
            print_error("got  \"%.*s\"\nwant \"%.*s\"\n", SLICE(assert_got_), SLICE(assert_want_)); \
            fail();                                                                                \
        }                                                                                          \
    } while (0)
#define assert_slug(call_, expected)                                                               \
    do {                                                                                           \
        reason assert_why_ = (call_);                                                              \
        assert_string_equal(assert_why_ != NULL ? assert_why_->slug : "(done)", expected);         \
    } while (0)
#define assert_done(call_) assert_slug((call_), "(done)")

// What limits.h counts begins anew with each window of the machine's clock. Waits out one that ends soon, so that none ends
// while a test counts.
#define WINDOW_NEEDS (10 * SECOND_MS)
HELPER void window_ahead(int64_t length) {
    int64_t left = length - clock_steady() % length;
    if (left < WINDOW_NEEDS) {
        (void)usleep((useconds_t)(left * 1000));
    }
}

HELPER int scene_open(void **state) {
    struct scene *at = test_calloc(1, sizeof *at);
    (void)snprintf(at->dir, sizeof at->dir, "/tmp/gatehouse-http-XXXXXX");
    assert_non_null(mkdtemp(at->dir));
    at->now = NOON;
    op_open(&at->keep, NOON);
    op_open(&at->op, NOON);
    at->settings = (struct settings){.public_url = S("https://gate.example"),
                                     .product = S("Gatehouse"),
                                     .session_lifetime = 8 * HOUR_MS,
                                     .token_lifetime = 5 * MINUTE_MS,
                                     .service_token_lifetime = HOUR_MS,
                                     .pending_limit = 1000,
                                     .pending_address_limit = 1000};
    at->settings.threads = 4;
    at->settings.password_address_limit = 1000;
    at->gate = (struct gate){.settings = &at->settings,
                             .trusts = trust_cache_open(),
                             .ring = ring_open(),
                             .limits = limits_open(),
                             .uses = uses_open(),
                             .metadata = metadata_cache_open()};
    assert_done(store_open(&at->keep, at->dir, &at->gate.store));
    assert_done(keyring_make(&at->keep, at->dir));
    assert_done(keyring_open(&at->keep, at->dir, &at->gate.keyring));
    assert_done(link_key_make(&at->keep, at->dir));
    assert_done(link_key_open(&at->keep, at->dir, &at->gate.ticket_key));
    assert_done(seal_key_make(&at->keep, at->dir));
    assert_done(seal_key_open(&at->keep, at->dir, &at->gate.seal_key));
    log_level_set(LOG_ERROR);
    *state = at;
    return 0;
}

HELPER int scene_close(void **state) {
    struct scene *at = *state;
    op_close(&at->op);
    op_close(&at->keep);
    keyring_close(at->gate.keyring);
    link_key_close(at->gate.ticket_key);
    seal_key_close(at->gate.seal_key);
    argon_close(at->gate.argon);
    store_close(at->gate.store);
    trust_cache_close(at->gate.trusts);
    ring_close(at->gate.ring);
    limits_close(at->gate.limits);
    uses_close(at->gate.uses);
    metadata_cache_close(at->gate.metadata);
    DIR *dir = opendir(at->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(at->dir), 0);
    test_free(at);
    return 0;
}
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

// ---- requests -------------------------------------------------------------------------------------------

HELPER void set_header(struct scene *at, const char *name, struct slice value) {
    assert_true(at->request.header_count < REQUEST_HEADERS_MAX);
    at->request.headers[at->request.header_count++] = (struct header){slice_str(name), value};
}

// path may have a query. body NULL: none.
HELPER void begin(struct scene *at, enum method method, const char *path, const char *body) {
    struct slice query = slice_str(path);
    struct slice only = query;
    (void)slice_cut(&query, '?', &only);
    op_close(&at->op);
    op_open(&at->op, at->now);
    at->op.id = S("req_test");
    at->reply = (struct reply){.status = 0};
    at->request = (struct request){.method = method,
                                   .path = only,
                                   .query = query.at != NULL ? query : S(""),
                                   .body = slice_str(body),
                                   .address = S("192.0.2.1")};
    if (body != NULL) {
        set_header(at, "Content-Type", S("application/json"));
    }
}

HELPER void be(struct scene *at, struct caller as) {
    at->request.control = as.control;
    at->request.operator= S("operator:0");
    if (as.token.len > 0) {
        set_header(at, "Authorization", op_text(&at->op, "Bearer %.*s", SLICE(as.token)));
    }
    if (as.cookie.len > 0) {
        set_header(at, "Cookie", op_text(&at->op, SESSION_COOKIE_NAME "=%.*s", SLICE(as.cookie)));
        set_header(at, "Sec-Fetch-Site", S("same-origin"));
    }
}

HELPER struct slice reply_header_of(const struct scene *at, const char *name) {
    for (size_t i = 0; i < at->reply.header_count; i++) {
        if (slice_equal_nocase(at->reply.headers[i].name, slice_str(name))) {
            return at->reply.headers[i].value;
        }
    }
    return SLICE_NONE;
}

HELPER struct answer send(struct scene *at) {
    router_run(&at->op, &at->gate, &at->request, &at->reply);
    struct answer answer = {.status = at->reply.status, .text = at->reply.body};
    struct slice type = slice_str(at->reply.content_type);
    if (slice_find(type, S("json")) != SIZE_MAX && !slice_ends(type, S("jsonl"))) {
        assert_done(json_parse(&at->op, at->reply.body, &answer.body));
    }
    return answer;
}

// ---- by operation ---------------------------------------------------------------------------------------

HELPER const struct route *route_of(const char *operation) {
    for (size_t i = 0; i < route_count; i++) {
        if (strcmp(route_table[i].id, operation) == 0) {
            return &route_table[i];
        }
    }
    print_error("there is no operation %s\n", operation);
    fail();
    return NULL;
}

HELPER const struct json *document_of(struct scene *at) {
    if (at->document == NULL) {
        struct slice text;
        assert_done(openapi_document(&at->keep, &at->gate, &text));
        assert_done(json_parse(&at->keep, text, &at->document));
    }
    return at->document;
}

// Is this status one that the document promises, and does the body fit what it says?
HELPER void check_answer(struct scene *at, const struct route *route, struct answer answer) {
    const char *gives = route->gives;
    bool promised = answer.status == route->status;
    for (size_t i = 0; !promised && i < schema_answer_count; i++) {
        promised = strcmp(schema_answers[i].id, route->id) == 0 &&
                   schema_answers[i].status == answer.status;
        gives = schema_answers[i].gives;
    }
    if (!promised) {
        print_error("%s answers %u\n%.*s\n", route->id, answer.status, SLICE(answer.text));
        fail();
    }
    if (answer.body != NULL) {
        assert_non_null(gives);
        expect_fits(document_of(at), gives, answer.body);
    } else {
        assert_true(gives == NULL || answer.text.len > 0);
    }
}

HELPER struct answer call(struct scene *at, struct caller as, const char *operation,
                          const char *path, const char *body) {
    const struct route *route = route_of(operation);
    begin(at, route->method, path, body);
    be(at, as);
    struct answer answer = send(at);
    if (answer.status < 400) {
        check_answer(at, route, answer);
    } else if (route->door == DOOR_API) {
        expect_fits(document_of(at), "Problem", answer.body);
    }
    return answer;
}

// And asserts that it is done.
HELPER struct answer done(struct scene *at, struct caller as, const char *operation,
                          const char *path, const char *body) {
    struct answer answer = call(at, as, operation, path, body);
    if (answer.status >= 400) {
        print_error("%s %s: %u %.*s\n", operation, path, answer.status, SLICE(answer.text));
        fail();
    }
    return answer;
}

// And asserts that it is refused, and why.
HELPER struct answer refused(struct scene *at, struct caller as, const char *operation,
                             const char *path, const char *body, unsigned status,
                             const char *why) {
    struct answer answer = call(at, as, operation, path, body);
    if (answer.status != status) {
        print_error("%s %s: %u %.*s\n", operation, path, answer.status, SLICE(answer.text));
        fail();
    }
    expect_text(answer.body, "reason", why);
    return answer;
}

// Text that lives until the end of the test.
HELPER const char *keep_text(struct scene *at, const char *format, ...) PRINTF_LIKE(2, 3);
HELPER const char *keep_text(struct scene *at, const char *format, ...) {
    char buffer[8192];
    const char *kept = NULL;
    va_list list;
    va_start(list, format);
    int len = vsnprintf(buffer, sizeof buffer, format, list);
    va_end(list);
    assert_true(len >= 0 && (size_t)len < sizeof buffer);
    assert_done(op_cstr(&at->keep, slice_str(buffer), &kept));
    return kept;
}

HELPER const char *keep_at(struct scene *at, const struct json *root, const char *path) {
    struct slice text = S("");
    assert_true(json_text(need(root, path), &text));
    return keep_text(at, "%.*s", SLICE(text));
}

#endif
