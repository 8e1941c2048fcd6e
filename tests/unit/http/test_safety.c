// SPDX-License-Identifier: GPL-3.0-or-later
// Changes that name the state they were made for, and requests that may be sent again.
#include "http/callers.h"

#include "http/api/api.h"

#define TENANTS "/api/v1/tenants"
#define ROLES TENANTS "/acme/roles"
#define MAPPERS "{\"role_id\":\"mappers\",\"name\":\"Mappers\",\"permissions\":[\"sso:manage\"]}"

// As call, with one header more.
static struct answer call_with(struct scene *at, struct caller as, const char *operation,
                               const char *path, const char *body, const char *header,
                               struct slice value) {
    const struct route *route = route_of(operation);
    begin(at, route->method, path, body);
    be(at, as);
    set_header(at, header, value);
    struct answer answer = send(at);
    if (answer.status < 400) {
        check_answer(at, route, answer);
    } else {
        expect_fits(document_of(at), "Problem", answer.body);
    }
    return answer;
}

static struct slice etag_of(struct scene *at, const char *operation, const char *path) {
    (void)done(at, OPERATOR, operation, path, NULL);
    struct slice etag = reply_header_of(at, "ETag");
    assert_true(slice_starts(etag, S("\"")) && slice_ends(etag, S("\"")) && etag.len > 10);
    return slice_str(keep_text(at, "%.*s", SLICE(etag)));
}

// ---- ETag and If-Match ---------------------------------------------------------------------------------

static void a_change_for_the_present_state_is_made(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct slice etag = etag_of(at, "getTenant", TENANTS "/acme");
    assert_int_equal(call_with(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"name\":\"B\"}",
                               "If-Match", etag)
                         .status,
                     200);
    struct slice next = slice_str(keep_text(at, "%.*s", SLICE(reply_header_of(at, "ETag"))));
    assert_false(slice_equal(next, etag));
    assert_true(slice_equal(etag_of(at, "getTenant", TENANTS "/acme"), next));
    const char *list = keep_text(at, "\"other\", %.*s", SLICE(next));
    assert_int_equal(call_with(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"name\":\"C\"}",
                               "If-Match", slice_str(list))
                         .status,
                     200);
    assert_int_equal(call_with(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"name\":\"D\"}",
                               "If-Match", S("*"))
                         .status,
                     200);
}

static void a_change_for_another_state_changes_nothing(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct slice etag = etag_of(at, "getTenant", TENANTS "/acme");
    (void)done(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"name\":\"First\"}");
    struct answer answer = call_with(at, OPERATOR, "changeTenant", TENANTS "/acme",
                                     "{\"name\":\"Second\"}", "If-Match", etag);
    assert_int_equal(answer.status, 412);
    expect_text(answer.body, "reason", "version_conflict");
    assert_int_equal(
        call_with(at, OPERATOR, "removeTenant", TENANTS "/acme", NULL, "If-Match", etag).status,
        412);
    // A weak validator proves nothing (RFC 9110, 13.1.1).
    struct slice now = etag_of(at, "getTenant", TENANTS "/acme");
    const char *weak = keep_text(at, "W/%.*s", SLICE(now));
    assert_int_equal(call_with(at, OPERATOR, "changeTenant", TENANTS "/acme",
                               "{\"name\":\"Second\"}", "If-Match", slice_str(weak))
                         .status,
                     412);
    expect_text(done(at, OPERATOR, "getTenant", TENANTS "/acme", NULL).body, "name", "First");
}

static void roles_have_etags_too(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    (void)done(at, OPERATOR, "createRole", ROLES, MAPPERS);
    struct slice etag = etag_of(at, "getRole", ROLES "/mappers");
    assert_int_equal(call_with(at, OPERATOR, "removeRole", ROLES "/mappers", NULL, "If-Match",
                               S("\"another\""))
                         .status,
                     412);
    assert_int_equal(
        call_with(at, OPERATOR, "removeRole", ROLES "/mappers", NULL, "If-Match", etag).status,
        204);
}

static void connections_and_each_part_of_them_have_etags(void **state) {
    static const char *const parts[][4] = {
        {"getPolicy", "setPolicy", "/api/v1/connections/acme-okta/policy", "{\"skew_seconds\":60}"},
        {"getRules", "setRules", "/api/v1/connections/acme-okta/rules", "{\"default_role\":\"user\"}"},
        {"getConnection", "switchConnection", "/api/v1/connections/acme-okta", "{\"disabled\":true}"},
    };
    struct scene *at = *state;
    two_tenants(at);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct slice etag = etag_of(at, parts[i][0], parts[i][2]);
        assert_int_equal(call_with(at, OPERATOR, parts[i][1], parts[i][2], parts[i][3], "If-Match",
                                   S("\"another\""))
                             .status,
                         412);
        assert_int_equal(
            call_with(at, OPERATOR, parts[i][1], parts[i][2], parts[i][3], "If-Match", etag).status,
            200);
        assert_int_equal(
            call_with(at, OPERATOR, parts[i][1], parts[i][2], parts[i][3], "If-Match", etag).status,
            412);
    }
    assert_int_equal(call_with(at, OPERATOR, "removeConnection", "/api/v1/connections/acme-okta",
                               NULL, "If-Match", S("\"another\""))
                         .status,
                     412);
}

static void where_it_is_demanded_a_change_names_its_state(void **state) {
    struct scene *at = *state;
    begin(at, METHOD_PUT, TENANTS "/acme", "{}");
    assert_slug(api_must_match(&at->op, &at->request), "precondition_required");
    set_header(at, "If-Match", S("\"x\""));
    assert_done(api_must_match(&at->op, &at->request));
}

// ---- Idempotency-Key -----------------------------------------------------------------------------------

static void the_same_request_again_makes_nothing_twice(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer first =
        call_with(at, OPERATOR, "createRole", ROLES, MAPPERS, "Idempotency-Key", S("k-1"));
    assert_int_equal(first.status, 201);
    assert_int_equal(reply_header_of(at, "Idempotency-Replayed").len, 0);
    const char *text = keep_text(at, "%.*s", SLICE(first.text));
    const char *etag = keep_text(at, "%.*s", SLICE(reply_header_of(at, "ETag")));
    at->now += 23 * HOUR_MS;
    struct answer again =
        call_with(at, OPERATOR, "createRole", ROLES, MAPPERS, "Idempotency-Key", S("k-1"));
    assert_int_equal(again.status, 201);
    assert_slice(again.text, text);
    assert_slice(reply_header_of(at, "Idempotency-Replayed"), "true");
    assert_slice(reply_header_of(at, "Location"), ROLES "/mappers");
    assert_slice(reply_header_of(at, "ETag"), etag);
    // Without the key, and with another, it is a second one.
    (void)refused(at, OPERATOR, "createRole", ROLES, MAPPERS, 409, "duplicate_role_id");
    assert_int_equal(
        call_with(at, OPERATOR, "createRole", ROLES, MAPPERS, "Idempotency-Key", S("k-2")).status,
        409);
}

static void a_key_is_for_one_request_of_one_caller(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller admin = signed_in(at, "acme", "a@acme.example", "admin");
    assert_int_equal(
        call_with(at, OPERATOR, "createRole", ROLES, MAPPERS, "Idempotency-Key", S("k")).status,
        201);
    struct answer answer = call_with(at, OPERATOR, "createRole", ROLES,
                                     "{\"role_id\":\"b\",\"name\":\"B\",\"permissions\":[\"sso:manage\"]}",
                                     "Idempotency-Key", S("k"));
    assert_int_equal(answer.status, 422);
    expect_text(answer.body, "reason", "idempotency_mismatch");
    answer = call_with(at, OPERATOR, "createTenant", TENANTS, "{\"slug\":\"new\"}",
                       "Idempotency-Key", S("k"));
    expect_text(answer.body, "reason", "idempotency_mismatch");
    // Somebody else's key of the same name is another key, and shows nobody's answer.
    answer = call_with(at, admin, "createRole", ROLES, MAPPERS, "Idempotency-Key", S("k"));
    assert_int_equal(answer.status, 403);
}

static void a_refused_request_may_be_mended(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    assert_int_equal(call_with(at, OPERATOR, "createTenant", TENANTS, "{\"slug\":\"acme\"}",
                               "Idempotency-Key", S("k"))
                         .status,
                     409);
    assert_int_equal(call_with(at, OPERATOR, "createTenant", TENANTS, "{\"slug\":\"acme-2\"}",
                               "Idempotency-Key", S("k"))
                         .status,
                     201);
    char longest[257];
    memset(longest, 'k', sizeof longest);
    assert_int_equal(call_with(at, OPERATOR, "createTenant", TENANTS, "{\"slug\":\"acme-3\"}",
                               "Idempotency-Key", slice_of(longest, 256))
                         .status,
                     422);
}

static reason sweep_now(struct op *op, struct txn *txn, void *arg) {
    return sweep(op, txn, 1000, arg);
}

static void after_a_day_a_key_is_forgotten(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    assert_int_equal(
        call_with(at, OPERATOR, "createRole", ROLES, MAPPERS, "Idempotency-Key", S("k")).status,
        201);
    at->now += 24 * HOUR_MS + MINUTE_MS;
    assert_int_equal(
        call_with(at, OPERATOR, "createRole", ROLES, MAPPERS, "Idempotency-Key", S("k")).status,
        409);
    bool more = true;
    struct store_stat before;
    struct store_stat after;
    op_close(&at->op);
    op_open(&at->op, at->now + MINUTE_MS);
    assert_done(store_stat(&at->op, at->gate.store, &before));
    assert_done(store_write(&at->op, at->gate.store, sweep_now, &more));
    assert_done(store_stat(&at->op, at->gate.store, &after));
    assert_int_equal(before.rows - after.rows, 2); // the answer and its index row
}

static reason nothing(struct op *op, struct txn *txn, void *arg) {
    (void)op;
    (void)txn;
    ++*(int *)arg;
    return NULL;
}
static reason say_secret(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    (void)gate;
    (void)arg;
    struct json *body = json_object(op);
    json_set_str(op, body, "secret", "swordfish");
    return reply_json(op, reply, 201, body);
}

static void an_answer_with_a_secret_is_given_once(void **state) {
    struct scene *at = *state;
    int made = 0;
    const struct api_creation creation = {
        .store = nothing, .say = say_secret, .arg = &made, .secret = true};
    begin(at, METHOD_POST, TENANTS, "{}");
    at->request.actor = (struct actor){.kind = ACTOR_USER, .id = S("usr_1"), .tenant = S("acme")};
    set_header(at, "Idempotency-Key", S("k"));
    assert_done(api_create(&at->op, &at->gate, &at->request, &at->reply, &creation));
    assert_int_equal(at->reply.status, 201);
    assert_slug(api_create(&at->op, &at->gate, &at->request, &at->reply, &creation),
                "idempotency_done");
    assert_int_equal(made, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_change_for_the_present_state_is_made),
        SCENE_TEST(a_change_for_another_state_changes_nothing),
        SCENE_TEST(roles_have_etags_too),
        SCENE_TEST(connections_and_each_part_of_them_have_etags),
        SCENE_TEST(where_it_is_demanded_a_change_names_its_state),
        SCENE_TEST(the_same_request_again_makes_nothing_twice),
        SCENE_TEST(a_key_is_for_one_request_of_one_caller),
        SCENE_TEST(a_refused_request_may_be_mended),
        SCENE_TEST(after_a_day_a_key_is_forgotten),
        SCENE_TEST(an_answer_with_a_secret_is_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
