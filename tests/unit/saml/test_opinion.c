// SPDX-License-Identifier: GPL-3.0-or-later
// The policy second_opinion with the real programs: messages that both accept, messages that only we
// accept, and a program that says yes to everything.
#include "saml/inbound.h"

#include <libgen.h>
#include <unistd.h>

#include "saml/forge.h"
#include "saml/opinion.h"
#include "saml/sp.h"

static char worker[4096], opinion[4096], liar[4096];
static struct party ours, second, curve, stranger;
static struct pool *pool;

// ---- one message ----

struct scene {
    struct op *op;
    struct connection connection;
    struct forge forge;
    struct slice assertion; // text with '@'
    struct slice xml;
    struct trace trace;
    struct identity identity;
};

static struct scene scene_of(struct op *op) {
    struct scene scene = {.op = op, .forge = {.op = op, .signer = &ours, .named = &ours}};
    // What stands there as a reference is no canonical XML, and '@' is the mark.
    scene.assertion = edit(op, S(ASSERTION), "ada&#64;acme.example", "ada");
    const struct party trusted[] = {second, ours, curve};
    scene.connection = connection_of(op, trusted, 3);
    scene.connection.policy.second_opinion = true;
    return scene;
}

static struct slice with(struct op *op, struct slice text, const char *mark, struct slice by) {
    return edit(op, text, mark, op_text(op, "%.*s", SLICE(by)).at);
}

static void scene_write(struct scene *scene, bool sign_response, bool sign_assertion) {
    struct op *op = scene->op;
    struct msg_signature unused;
    struct slice assertion = edit(op, scene->assertion, "@", "");
    if (sign_assertion) {
        assertion = with(op, scene->assertion, "@",
                         sign(&scene->forge, assertion, "_a1", MSG_PARENT_ASSERTION, &unused));
    }
    struct slice response = with(op, S(RESPONSE), "#<", op_text(op, "%.*s<", SLICE(assertion)));
    scene->xml = edit(op, response, "@", "");
    if (sign_response) {
        scene->xml = with(op, response, "@",
                          sign(&scene->forge, scene->xml, "_r1", MSG_PARENT_ROOT, &unused));
    }
}

static reason scene_receive(struct scene *scene) {
    const struct trust *trust = NULL;
    assert_done(trust_make(scene->op, &scene->connection, &trust));
    struct inbound inbound = {.xml = scene->xml,
                              .trust = trust,
                              .entity_id = S(OUR_ENTITY),
                              .acs_url = S(OUR_ACS),
                              .pool = pool};
    assert_done(trace_open(scene->op, S("acme-okta"), S("acme"), &scene->trace));
    reason why = saml_receive(scene->op, &inbound, &scene->trace, &scene->identity);
    trust_free(trust);
    return why;
}

static const struct trace_check *last_row(const struct scene *scene) {
    const struct trace_check *rows = scene->trace.checks.at;
    const struct trace_check *row = &rows[scene->trace.checks.count - 1];
    assert_text(row->check, "second_opinion");
    return row;
}

static void assert_accepted(struct scene *scene) {
    reason why = scene_receive(scene);
    if (why != NULL) {
        fail_msg("%s: %.*s", why->slug, SLICE(scene->op->detail));
    }
    assert_int_equal(last_row(scene)->result, CHECK_PASS);
    assert_text(last_row(scene)->got, "ada");
}

// ---- the real lasso ----

static void what_both_accept_is_accepted(void **state) {
    for (int i = 1; i < 4; i++) {
        struct scene scene = scene_of(*state);
        scene_write(&scene, (i & 1) != 0, (i & 2) != 0);
        assert_accepted(&scene);
        assert_text(scene.identity.name_id, "ada");
    }
    // Another of the keys, and no KeyInfo to say which.
    struct scene scene = scene_of(*state);
    scene.forge.signer = &second;
    scene.forge.named = NULL;
    scene_write(&scene, false, true);
    assert_accepted(&scene);
}

static void what_only_we_accept_is_refused(void **state) {
    // lasso verifies no ECDSA
    struct scene scene = scene_of(*state);
    scene.forge.signer = &curve;
    scene.forge.method = MORE "ecdsa-sha256";
    scene_write(&scene, false, true);
    assert_refused(scene_receive(&scene), ASSERTION_SECOND_OPINION);
    assert_int_equal(last_row(&scene)->result, CHECK_FAIL);
    assert_text(last_row(&scene)->expected, "accepted");
    assert_true(slice_starts(last_row(&scene)->got, S("lasso: ")));
    scene.connection.policy.second_opinion = false;
    assert_done(scene_receive(&scene));
}

static void a_bare_public_key_is_nothing_to_lasso(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    struct certificate *rows = scene.connection.idp.certificates.at;
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(ours.key, &der);
    assert_true(len > 0);
    rows[0] = rows[1];
    rows[0].key_only = true;
    rows[0].der = slice_of(der, (size_t)len);
    scene.connection.idp.certificates.count = 1;
    scene_write(&scene, false, true);
    assert_refused(scene_receive(&scene), ASSERTION_SECOND_OPINION);
    scene.connection.policy.second_opinion = false;
    assert_done(scene_receive(&scene));
    OPENSSL_free(der);
}

static void a_decrypted_assertion_is_judged_in_a_response_of_ours(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    struct msg_signature unused;
    struct slice plain = edit(op, scene.assertion, "@", "");
    plain = with(op, scene.assertion, "@",
                 sign(&scene.forge, plain, "_a1", MSG_PARENT_ASSERTION, &unused));
    const struct trust *trust = NULL;
    assert_done(trust_make(op, &scene.connection, &trust));
    assert_done(opinion_wrap(op, trust, plain, NULL, &scene.xml));
    struct inbound inbound = {
        .trust = trust, .entity_id = S(OUR_ENTITY), .acs_url = S(OUR_ACS), .pool = pool};
    struct identity identity = {.name_id = S("ada")};
    struct slice expected;
    struct slice got;
    reason why = opinion_check(op, &inbound, scene.xml, &identity, &expected, &got);
    if (why != NULL) {
        fail_msg("%s: %.*s", why->slug, SLICE(op->detail));
    }
    identity.name_id = S("eve"); // not whom lasso reads
    assert_refused(opinion_check(op, &inbound, scene.xml, &identity, &expected, &got),
                   ASSERTION_SECOND_OPINION);
    assert_text(got, "ada");
    // Changed after it was signed.
    scene.xml = edit(op, scene.xml, ">ada<", ">eve<");
    assert_refused(opinion_check(op, &inbound, scene.xml, &identity, &expected, &got),
                   ASSERTION_SECOND_OPINION);
    trust_free(trust);
}

static void lasso_refuses_what_a_stranger_signed(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    scene.forge.signer = &stranger;
    scene_write(&scene, false, true);
    const struct trust *trust = NULL;
    assert_done(trust_make(op, &scene.connection, &trust));
    struct inbound inbound = {
        .trust = trust, .entity_id = S(OUR_ENTITY), .acs_url = S(OUR_ACS), .pool = pool};
    struct identity identity = {.name_id = S("ada")};
    struct slice expected;
    struct slice got;
    assert_refused(opinion_check(op, &inbound, scene.xml, &identity, &expected, &got),
                   ASSERTION_SECOND_OPINION);
    const char *bad[] = {"", "<", "no xml", "<a/>", "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(opinion_check(op, &inbound, slice_str(bad[i]), &identity, &expected, &got),
                       ASSERTION_SECOND_OPINION);
    }
    trust_free(trust);
}

// ---- programs that lie ----

static void with_program(const char *program, void (*test)(struct op *op), struct op *op) {
    struct pool *honest = pool;
    struct pool_options options = {
        .program = worker, .opinion = program, .warm = 1, .deadline_ms = 300};
    assert_done(pool_open(op, &options, &pool));
    test(op);
    pool_close(pool);
    pool = honest;
}

static void say_yes_to_all(struct op *op) {
    struct scene scene = scene_of(op);
    scene_write(&scene, false, true);
    assert_accepted(&scene);
    scene.forge.signer = &stranger;
    scene_write(&scene, false, true);
    assert_refused(scene_receive(&scene), SIGNATURE_VALUE);
    scene = scene_of(op);
    scene.assertion = edit(op, scene.assertion, "<saml:Audience>" OUR_ENTITY, "<saml:Audience>other");
    scene_write(&scene, true, true);
    assert_refused(scene_receive(&scene), CONDITIONS_AUDIENCE);
}

static void a_program_that_accepts_everything_admits_nothing(void **state) {
    with_program(liar, say_yes_to_all, *state);
}

static reason say(struct op *op, const char *lie) {
    struct scene scene = scene_of(op);
    scene.assertion = edit(op, scene.assertion, "Admins", lie);
    scene_write(&scene, false, true);
    return scene_receive(&scene);
}

static void tell_lies(struct op *op) {
    assert_refused(say(op, "say another name"), ASSERTION_SECOND_OPINION);
    const char *lies[] = {"say two lines", "say another job", "say nothing", "say it later"};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        assert_refused(say(op, lies[i]), WORKER_FAILED);
        assert_done(say(op, "the truth"));
    }
}

static void each_lie_refuses_and_the_next_is_answered(void **state) {
    with_program(liar, tell_lies, *state);
}

static void have_none(struct op *op) {
    assert_refused(say(op, "a"), WORKER_FAILED);
    assert_true(slice_find(op->detail, S("/nonexistent/opinion")) != SIZE_MAX);
}

static void a_program_that_is_not_there_refuses(void **state) {
    with_program("/nonexistent/opinion", have_none, *state);
}

// ---- setup ----

static int make_all(void **state) {
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return -1;
    }
    self[len] = '\0';
    const char *folder = dirname(self);
    const char *build = getenv("GATEHOUSE_BUILD");
    char beside[4200];
    (void)snprintf(beside, sizeof beside, "%.4000s/../../..", folder);
    build = build != NULL ? build : beside;
    (void)snprintf(liar, sizeof liar, "%.4000s/fake_worker", folder);
    (void)snprintf(worker, sizeof worker, "%.4000s/gatehouse-worker", build);
    (void)snprintf(opinion, sizeof opinion, "%.4000s/gatehouse-opinion", build);
    ours = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    second = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    stranger = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    curve = party_make(EVP_EC_gen("P-256"), NOON + DAY_MS);
    assert_int_equal(open_op(state), 0);
    struct pool_options options = {.program = worker, .warm = 1, .deadline_ms = 10000};
    return pool_open(*state, &options, &pool) == NULL ? close_op(state) : -1;
}

static int free_all(void **state) {
    (void)state;
    pool_close(pool);
    party_free(&ours);
    party_free(&second);
    party_free(&curve);
    party_free(&stranger);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_both_accept_is_accepted),
        TEST(what_only_we_accept_is_refused),
        TEST(a_bare_public_key_is_nothing_to_lasso),
        TEST(a_decrypted_assertion_is_judged_in_a_response_of_ours),
        TEST(lasso_refuses_what_a_stranger_signed),
        TEST(a_program_that_accepts_everything_admits_nothing),
        TEST(each_lie_refuses_and_the_next_is_answered),
        TEST(a_program_that_is_not_there_refuses),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
