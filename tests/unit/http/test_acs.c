// SPDX-License-Identifier: GPL-3.0-or-later
// Several logins through the assertion consumer at once, with the real worker and a real store: each is answered as if it
// were alone.
#include "saml/forge.h"

#include <libgen.h>

// The rooms' tests have each their own.
#undef NOON
#undef assert_slice
#undef assert_done
#undef assert_text
#include "http/callers.h"
#include "saml/pool.h"

#define TIME (NOON + 4 * HOUR_MS) // what the messages of forge.h say

static struct party idp, stranger;
static struct pool *pool;

struct post {
    struct op op;
    struct request request;
    struct reply reply;
    struct call call;
    size_t answered; // how many were answered before it, and it too
};
static struct post posts[ROUTER_TOGETHER_MAX];
static size_t post_count, answers;

// ---- a gate with two tenants, whose IdPs have one key ----

static void trust(struct scene *at, const char *tenant, const char *slug) {
    struct slice der;
    assert_done(encode_base64(&at->keep, idp.der, &der));
    (void)done(at, OPERATOR, "createTenant", "/api/v1/tenants",
               keep_text(at,
                         "{\"slug\":\"%s\",\"name\":\"T\",\"domains\":[\"%s.example\"],\"connections\":"
                         "[{\"slug\":\"%s\",\"idp\":{\"entity_id\":\"" THEIR_ENTITY
                         "\",\"sso_url\":\"https://idp.example/sso\",\"certificates\":[\"%.*s\"]},"
                         "\"policy\":{\"unsolicited\":true},\"rules\":{\"rules\":[],"
                         "\"default_role\":\"read_only\"}}]}",
                         tenant, tenant, slug, SLICE(der)));
}

static int open_gate(void **state) {
    assert_int_equal(scene_open(state), 0);
    struct scene *at = *state;
    at->now = TIME;
    at->gate.pool = pool;
    trust(at, "acme", "acme-okta");
    trust(at, "other", "other-okta");
    post_count = 0;
    answers = 0;
    return 0;
}

static int close_gate(void **state) {
    for (size_t i = 0; i < post_count; i++) {
        op_close(&posts[i].op);
    }
    return scene_close(state);
}
#define ACS_TEST(name) cmocka_unit_test_setup_teardown(name, open_gate, close_gate)

// ---- messages ----

static struct slice form_with(struct op *op, struct slice base64_text) {
    struct buf form;
    struct slice body;
    buf_open(&form, op, 3 * base64_text.len + 100);
    buf_str(&form, "SAMLResponse=");
    for (size_t i = 0; i < base64_text.len; i++) {
        if (memchr("+/=", base64_text.at[i], 3) != NULL) {
            buf_printf(&form, "%%%02X", (unsigned char)base64_text.at[i]);
        } else {
            buf_put(&form, slice_sub(base64_text, i, i + 1));
        }
    }
    assert_done(buf_done(&form, &body));
    return body;
}

// A Response of `signer` with a signed Assertion, as a form. `who` without domain; `padding` bytes of comment.
static struct slice form_of(struct scene *at, const struct party *signer, const char *tenant,
                            const char *who, size_t padding) {
    struct op *op = &at->keep;
    char slug[32];
    char id[64];
    (void)snprintf(slug, sizeof slug, "%s-okta", tenant);
    (void)snprintf(id, sizeof id, "_a_%s_%s", tenant, who);
    struct slice text = S(ASSERTION);
    text = edit(op, text, "InResponseTo=\"" REQUEST_ID "\" ", "");
    text = edit(op, text, "_a1", id);
    text = edit(op, text, "ada&#64;acme", op_text(op, "%s@%s%c", who, tenant, 0).at);
    struct slice response = edit(op, S(RESPONSE), "InResponseTo=\"" REQUEST_ID "\" ", "");
    if (strcmp(tenant, "acme") != 0) {
        const char *acs = op_text(op, "https://gate.example/saml/%s/acs\"%c", slug, 0).at;
        text = edit(op, text, OUR_ACS "\"", acs);
        text = edit(op, text, OUR_ENTITY "<",
                    op_text(op, "https://gate.example/saml/%s<%c", slug, 0).at);
        response = edit(op, response, OUR_ACS "\"", acs);
    }
    struct msg_signature unused;
    struct forge forge = {.op = op, .signer = signer};
    struct slice element = sign(&forge, edit(op, text, "@<", "<"), id, MSG_PARENT_ASSERTION, &unused);
    struct slice assertion = edit(op, text, "@<", op_text(op, "%.*s<%c", SLICE(element), 0).at);
    char *comment = NULL;
    assert_done(op_take(op, padding + 1, &comment));
    memset(comment, 'x', padding);
    response = edit(op, response, "@", op_text(op, "<!--%s-->%c", comment, 0).at);
    response = edit(op, response, "#<", op_text(op, "%.*s<%c", SLICE(assertion), 0).at);
    struct slice coded;
    assert_done(encode_base64(op, response, &coded));
    return form_with(op, coded);
}

static void answered(struct call *call) {
    for (size_t i = 0; i < post_count; i++) {
        if (&posts[i].call == call) {
            assert_int_equal(posts[i].answered, 0);
            posts[i].answered = ++answers;
        }
    }
}

static void post(struct scene *at, const char *tenant, struct slice body) {
    struct post *post = &posts[post_count++];
    *post = (struct post){.answered = 0};
    op_open(&post->op, at->now);
    post->op.id = S("req_test");
    const char *path = keep_text(at, "/saml/%s-okta/acs", tenant);
    post->request = (struct request){.method = METHOD_POST,
                                     .path = slice_str(path),
                                     .query = S(""),
                                     .body = body,
                                     .address = S("192.0.2.1")};
    post->request.headers[post->request.header_count++] =
        (struct header){S("Content-Type"), S("application/x-www-form-urlencoded")};
    post->request.headers[post->request.header_count++] =
        (struct header){S("Accept"), S("application/json")};
    post->call = (struct call){.op = &post->op,
                               .request = &post->request,
                               .reply = &post->reply,
                               .answered = answered};
    assert_true(router_is_shared(METHOD_POST, post->request.path));
}

static void run_all(struct scene *at) {
    struct call *calls[ROUTER_TOGETHER_MAX];
    for (size_t i = 0; i < post_count; i++) {
        calls[i] = &posts[i].call;
    }
    router_run_many(&at->gate, calls, post_count);
    assert_int_equal(answers, post_count);
}

// Who is signed in by the answer, or the reason, as text.
static const char *outcome(size_t i) {
    const struct json *body = NULL;
    struct slice text = S("");
    assert_done(json_parse(&posts[i].op, posts[i].reply.body, &body));
    const char *member = posts[i].reply.status == 200 ? "user.email" : "reason";
    assert_true(json_text(need(body, member), &text));
    return op_text(&posts[i].op, "%.*s%c", SLICE(text), 0).at;
}

// ---- what is seen ----

static void eight_people_sign_in_at_once(void **state) {
    struct scene *at = *state;
    for (size_t i = 0; i < ROUTER_TOGETHER_MAX; i++) {
        post(at, "acme", form_of(at, &idp, "acme", keep_text(at, "p%zu", i), 0));
    }
    run_all(at);
    for (size_t i = 0; i < ROUTER_TOGETHER_MAX; i++) {
        assert_string_equal(outcome(i), keep_text(at, "p%zu@acme.example", i));
    }
    struct answer users =
        done(at, OPERATOR, "listUsers", "/api/v1/tenants/acme/users", NULL);
    expect_count(users.body, "items", ROUTER_TOGETHER_MAX);
}

static void the_same_assertion_twice_in_one_batch_is_taken_once(void **state) {
    struct scene *at = *state;
    struct slice form = form_of(at, &idp, "acme", "ada", 0);
    post(at, "acme", form);
    post(at, "acme", form_of(at, &idp, "acme", "eve", 0));
    post(at, "acme", form);
    post(at, "acme", form);
    run_all(at);
    assert_string_equal(outcome(0), "ada@acme.example");
    assert_string_equal(outcome(1), "eve@acme.example");
    assert_string_equal(outcome(2), "assertion.replayed");
    assert_string_equal(outcome(3), "assertion.replayed");
    struct answer traces = done(at, OPERATOR, "listTraces", "/api/v1/tenants/acme/traces", NULL);
    expect_count(traces.body, "items", 4);
}

static void a_bad_one_in_the_middle_is_refused_alone(void **state) {
    struct scene *at = *state;
    post(at, "acme", form_of(at, &idp, "acme", "a", 0));
    post(at, "acme", form_of(at, &stranger, "acme", "b", 0));
    post(at, "acme", S("SAMLResponse=PGE%2B")); // <a>
    post(at, "acme", S("SAMLRequest=PGEvPg%3D%3D"));
    post(at, "acme", form_of(at, &idp, "acme", "c", 0));
    post(at, "nobody", form_of(at, &idp, "acme", "d", 0));
    post(at, "acme", form_of(at, &idp, "other", "e", 0)); // right, but at the wrong door
    run_all(at);
    assert_string_equal(outcome(0), "a@acme.example");
    assert_string_equal(outcome(1), "signature.value");
    assert_string_equal(outcome(2), "saml.malformed");
    assert_string_equal(outcome(3), "saml.binding");
    assert_string_equal(outcome(4), "c@acme.example");
    assert_string_equal(outcome(5), "not_found");
    assert_int_equal(posts[5].reply.status, 404);
    assert_string_equal(outcome(6), "response.destination");
    struct answer users = done(at, OPERATOR, "listUsers", "/api/v1/tenants/acme/users", NULL);
    expect_count(users.body, "items", 2);
}

static void two_tenants_in_one_batch_stay_apart(void **state) {
    struct scene *at = *state;
    for (size_t i = 0; i < 6; i++) {
        const char *tenant = i % 2 == 0 ? "acme" : "other";
        post(at, tenant, form_of(at, &idp, tenant, "ada", i)); // the same assertion from the third on
    }
    run_all(at);
    assert_string_equal(outcome(0), "ada@acme.example");
    assert_string_equal(outcome(1), "ada@other.example");
    for (size_t i = 2; i < 6; i++) {
        assert_string_equal(outcome(i), "assertion.replayed");
    }
    const char *const tenants[] = {"acme", "other"};
    for (size_t i = 0; i < 2; i++) {
        struct answer users = done(at, OPERATOR, "listUsers",
                                   keep_text(at, "/api/v1/tenants/%s/users", tenants[i]), NULL);
        expect_count(users.body, "items", 1);
        expect_text(users.body, "items.0.email", keep_text(at, "ada@%s.example", tenants[i]));
        struct answer traces = done(at, OPERATOR, "listTraces",
                                    keep_text(at, "/api/v1/tenants/%s/traces", tenants[i]), NULL);
        expect_count(traces.body, "items", 3);
    }
}

static void messages_of_very_different_size_are_all_answered(void **state) {
    struct scene *at = *state;
    const size_t sizes[] = {1, 180000, 5, 60000, 30000, 150000, 100, 30000};
    for (size_t i = 0; i < 8; i++) {
        post(at, "acme", form_of(at, &idp, "acme", keep_text(at, "p%zu", i), sizes[i]));
    }
    run_all(at);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(outcome(i), keep_text(at, "p%zu@acme.example", i));
    }
}

static void one_that_asks_another_program_is_answered_after_the_others(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "setPolicy", "/api/v1/connections/other-okta/policy",
               "{\"unsolicited\":true,\"second_opinion\":true}");
    post(at, "other", form_of(at, &idp, "other", "slow", 0));
    post(at, "acme", form_of(at, &idp, "acme", "ada", 0));
    post(at, "acme", form_of(at, &stranger, "acme", "eve", 0));
    run_all(at);
    assert_string_equal(outcome(0), "slow@other.example");
    assert_string_equal(outcome(1), "ada@acme.example");
    assert_string_equal(outcome(2), "signature.value");
    assert_int_equal(posts[0].answered, 3);
}

// ---- setup ----

static int open_all(void **state) {
    char self[4096];
    char program[4200];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return -1;
    }
    self[len] = '\0';
    const char *build = getenv("GATEHOUSE_BUILD");
    if (build != NULL) {
        (void)snprintf(program, sizeof program, "%.4000s/gatehouse-worker", build);
    } else {
        (void)snprintf(program, sizeof program, "%.4000s/../../../gatehouse-worker", dirname(self));
    }
    idp = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    stranger = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    assert_int_equal(open_op(state), 0);
    struct pool_options options = {
        .program = program, .warm = 2, .deadline_ms = 10000, .wait_ms = 10000};
    return pool_open(*state, &options, &pool) == NULL ? close_op(state) : -1;
}

static int close_all(void **state) {
    (void)state;
    pool_close(pool);
    party_free(&idp);
    party_free(&stranger);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ACS_TEST(eight_people_sign_in_at_once),
        ACS_TEST(the_same_assertion_twice_in_one_batch_is_taken_once),
        ACS_TEST(a_bad_one_in_the_middle_is_refused_alone),
        ACS_TEST(two_tenants_in_one_batch_stay_apart),
        ACS_TEST(messages_of_very_different_size_are_all_answered),
        ACS_TEST(one_that_asks_another_program_is_answered_after_the_others),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
