// SPDX-License-Identifier: GPL-3.0-or-later
// The conductor, over a pool that the test plays: honest answers of each kind, structure that is refused, and
// workers that lie. What matters here is which octets count, and that none of the worker's words admits.
#include "saml/inbound.h"

#include "saml/forge.h"

static struct party ours, stranger;

static int make_keys(void **state) {
    (void)state;
    ours = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    stranger = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    return 0;
}

static int free_keys(void **state) {
    (void)state;
    party_free(&ours);
    party_free(&stranger);
    return 0;
}

// ---- the pool that the test plays ----

struct pool {
    struct msg_canonical answer;
    struct msg_opinion opinion;
    int opinions; // how often it was asked
    reason refusal; // NULL: answers
    bool lent, held;
};
struct pool_loan {
    int unused;
};
static struct pool_loan the_loan;

void pool_canonicalise(struct pool *pool, struct pool_job *jobs, size_t count) {
    assert_int_equal(count, 1);
    assert_true(jobs->xml.len > 0);
    if (pool->refusal != NULL) {
        jobs->why = op_refuse(jobs->op, pool->refusal, "the worker refused");
        return;
    }
    jobs->message = pool->answer;
    jobs->loan = &the_loan;
    jobs->why = NULL;
    pool->lent = true;
}

reason pool_again(struct op *op, struct pool *pool, struct pool_loan *loan, struct slice xml,
                  struct msg_canonical *ret_message) {
    (void)pool;
    (void)loan;
    (void)xml;
    (void)ret_message;
    REFUSE(op, WORKER_FAILED, "no worker here opens anything");
}
reason pool_opinion(struct op *op, struct pool *pool, const struct msg_opinion_ask *ask,
                    struct msg_opinion *ret_opinion) {
    (void)op;
    assert_true(ask->xml.len > 0 && ask->idp.len > 0 && ask->sp.len > 0);
    assert_false(pool->lent); // it is asked when the verdicts are there
    pool->opinions++;
    *ret_opinion = pool->opinion;
    return NULL;
}
void pool_return(struct pool *pool, struct pool_loan *loan, bool held) {
    if (loan != NULL) {
        assert_true(pool->lent);
        pool->lent = false;
        pool->held = held;
    }
}

// ---- one message ----

struct scene {
    struct op *op;
    struct pool pool;
    struct connection connection;
    struct slice xml;
    struct slice assertion, response; // texts with '@' and '#', to be changed before scene_forge
    struct forge forge;               // of the assertion
    struct forge response_forge;
    struct trace trace;
    struct identity identity;
};

static struct scene scene_of(struct op *op) {
    struct scene scene = {.op = op, .assertion = S(ASSERTION), .response = S(RESPONSE),
                          .forge = {.op = op, .signer = &ours},
                          .response_forge = {.op = op, .signer = &ours}};
    scene.connection = connection_of(op, &ours, 1);
    return scene;
}

static struct slice with(struct op *op, struct slice text, const char *mark, struct slice by) {
    return edit(op, text, mark, op_text(op, "%.*s", SLICE(by)).at);
}

// What an honest worker answers for a message that is signed so.
static void scene_forge(struct scene *scene, bool sign_response, bool sign_assertion) {
    struct op *op = scene->op;
    struct msg_canonical *answer = &scene->pool.answer;
    *answer = (struct msg_canonical){
        .envelope = {.name = S("Response"), .id = S("_r1"), .version = S("2.0"),
                     .issue_instant = S("2026-11-21T16:00:00Z"), .destination = S(OUR_ACS),
                     .in_response_to = S(REQUEST_ID), .issuer = S(THEIR_ENTITY), .status = S(SUCCESS),
                     .sub_status = S(""), .status_message = S(""), .assertions = 1}};
    struct slice assertion = edit(op, scene->assertion, "@", "");
    if (sign_assertion) {
        struct slice element = sign(&scene->forge, assertion, "_a1", MSG_PARENT_ASSERTION,
                                    &answer->signatures[answer->signature_count++]);
        assertion = with(op, scene->assertion, "@", element);
    }
    struct slice response = with(op, scene->response, "#<", op_text(op, "%.*s<", SLICE(assertion)));
    struct slice covered = edit(op, response, "@", "");
    scene->xml = covered;
    if (sign_response) {
        struct slice element = sign(&scene->response_forge, covered, "_r1", MSG_PARENT_ROOT,
                                    &answer->signatures[answer->signature_count++]);
        scene->xml = with(op, response, "@", element);
    }
}

static reason scene_receive(struct scene *scene) {
    const struct trust *trust = NULL;
    assert_done(trust_make(scene->op, &scene->connection, &trust));
    struct inbound inbound = {.xml = scene->xml, .trust = trust, .entity_id = S(OUR_ENTITY),
                              .acs_url = S(OUR_ACS), .pool = &scene->pool};
    assert_done(trace_open(scene->op, S("acme-okta"), S("acme"), &scene->trace));
    scene->identity = (struct identity){.expires = 0};
    reason why = saml_receive(scene->op, &inbound, &scene->trace, &scene->identity);
    assert_false(scene->pool.lent);
    if (why != NULL) {
        assert_int_equal(scene->identity.expires, 0); // nothing is given on a refusal
    }
    trust_free(trust);
    return why;
}

static const struct trace_check *row_of(const struct scene *scene, const char *check) {
    const struct trace_check *rows = scene->trace.checks.at;
    for (size_t i = 0; i < scene->trace.checks.count; i++) {
        if (slice_equal(rows[i].check, slice_str(check))) {
            return &rows[i];
        }
    }
    return NULL;
}

static void each_way_to_sign_is_accepted(void **state) {
    for (int way = 1; way < 4; way++) {
        struct scene scene = scene_of(*state);
        scene_forge(&scene, (way & 1) != 0, (way & 2) != 0);
        assert_done(scene_receive(&scene));
        assert_text(scene.identity.name_id, "ada@acme.example");
        assert_text(scene.identity.assertion_id, "_a1");
        assert_text(scene.identity.response_id, "_r1");
        assert_text(scene.identity.in_response_to, REQUEST_ID);
        assert_int_equal(scene.identity.attributes.count, 1);
        assert_int_equal(scene.identity.expires, NOON + 5 * MINUTE_MS);
        assert_true(scene.trace.verified);
        assert_true(scene.pool.held);
        assert_text(scene.trace.issuer, THEIR_ENTITY);
        assert_text(scene.trace.name_id, "ada@acme.example");
        assert_int_equal(row_of(&scene, "response_signature") != NULL, (way & 1) != 0);
        assert_int_equal(row_of(&scene, "assertion_signature") != NULL, (way & 2) != 0);
    }
}

static void the_policy_says_what_must_be_signed(void **state) {
    static const struct {
        int want;
        bool response, assertion, accepted;
    } rows[] = {
        {WANT_EITHER, false, false, false},   {WANT_EITHER, true, false, true},
        {WANT_EITHER, false, true, true},     {WANT_RESPONSE, true, false, true},
        {WANT_RESPONSE, false, true, false},  {WANT_ASSERTION, false, true, true},
        {WANT_ASSERTION, true, false, false}, {WANT_BOTH, true, false, false},
        {WANT_BOTH, false, true, false},      {WANT_BOTH, true, true, true},
        {WANT_RESPONSE, true, true, true},    {WANT_ASSERTION, true, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene = scene_of(*state);
        scene_forge(&scene, rows[i].response, rows[i].assertion);
        scene.connection.policy.want = rows[i].want;
        reason why = scene_receive(&scene);
        check_reason(why, rows[i].accepted ? NULL : REASON_OF(SIGNATURE_MISSING), __FILE__, (int)i);
        assert_int_equal(scene.pool.held, rows[i].accepted);
        assert_int_equal(scene.trace.verified, rows[i].accepted);
        op_close(*state);
        op_open(*state, NOON);
    }
}

static void a_broken_signature_beside_a_good_one_is_refused(void **state) {
    struct scene scene = scene_of(*state);
    scene.response_forge.signer = &stranger;
    scene_forge(&scene, true, true);
    assert_refused(scene_receive(&scene), SIGNATURE_VALUE);
    assert_false(scene.pool.held);
    assert_false(scene.trace.verified);
    assert_non_null(row_of(&scene, "status"));
    assert_int_equal(row_of(&scene, "status")->result, CHECK_SKIP);
    scene = scene_of(*state);
    scene.forge.signer = &stranger;
    scene.forge.named = &stranger;
    scene_forge(&scene, true, true);
    assert_refused(scene_receive(&scene), SIGNATURE_UNKNOWN_SIGNER);
    const struct trace_check *row = row_of(&scene, "assertion_signature");
    assert_int_equal(row->result, CHECK_FAIL);
    assert_slice(row->got, party_certificate(*state, &stranger).sha256);
    assert_slice(row->expected, party_certificate(*state, &ours).sha256);
}

static void structure_comes_first(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    scene_forge(&scene, true, false);
    scene.pool.answer.envelope.name = S("LogoutResponse");
    assert_refused(scene_receive(&scene), SAML_MALFORMED);
    scene_forge(&scene, true, false);
    scene.pool.answer.envelope.misplaced = 1;
    assert_refused(scene_receive(&scene), SIGNATURE_MISPLACED);
    scene_forge(&scene, true, false);
    scene.pool.answer.envelope.assertions = 2;
    assert_refused(scene_receive(&scene), ASSERTION_COUNT);
    scene.pool.answer.envelope.assertions = 0;
    assert_refused(scene_receive(&scene), ASSERTION_COUNT);
    scene.pool.answer.envelope.assertions = 1;
    scene.pool.answer.envelope.encrypted = 1;
    assert_refused(scene_receive(&scene), ASSERTION_COUNT);
    assert_false(scene.pool.held);
    scene_forge(&scene, true, false);
    scene.pool.answer.signatures[1] = scene.pool.answer.signatures[0];
    scene.pool.answer.signature_count = 2;
    assert_refused(scene_receive(&scene), SIGNATURE_MISPLACED);
    scene_forge(&scene, true, false);
    scene.pool.answer.signatures[0].parent = 7;
    assert_refused(scene_receive(&scene), SIGNATURE_MISPLACED);
    scene_forge(&scene, true, false);
    assert_done(scene_receive(&scene));
}

static void the_workers_own_refusal_is_passed_on(void **state) {
    struct scene scene = scene_of(*state);
    scene_forge(&scene, true, false);
    scene.pool.refusal = REASON_OF(SAML_DTD_FORBIDDEN);
    assert_refused(scene_receive(&scene), SAML_DTD_FORBIDDEN);
    scene.pool.refusal = REASON_OF(WORKER_FAILED);
    assert_refused(scene_receive(&scene), WORKER_FAILED);
    assert_int_equal(row_of(&scene, "structure")->result, CHECK_FAIL);
}

static void an_error_answer_tells_what_the_idp_said(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    scene.response = edit(op, edit(op, S(RESPONSE), "#<", "<"), SUCCESS "\">",
                          "urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:denied\">"
                          "</samlp:StatusCode>");
    struct slice text = edit(op, scene.response, "@", "");
    struct msg_envelope envelope = {.name = S("Response"), .status = S("urn:oasis:names:tc:SAML:2.0:status:Responder"),
                                    .sub_status = S("urn:denied"), .status_message = S("not assigned")};
    scene.xml = text;
    scene.pool.answer = (struct msg_canonical){.envelope = envelope};
    assert_refused(scene_receive(&scene), RESPONSE_STATUS);
    assert_text(row_of(&scene, "status")->got,
                "urn:oasis:names:tc:SAML:2.0:status:Responder / urn:denied: not assigned");
    assert_false(scene.trace.verified);
    // Signed: the verified words count.
    struct slice element = sign(&scene.response_forge, text, "_r1", MSG_PARENT_ROOT,
                                &scene.pool.answer.signatures[0]);
    scene.pool.answer.signature_count = 1;
    scene.xml = with(op, scene.response, "@", element);
    assert_refused(scene_receive(&scene), RESPONSE_STATUS);
    assert_text(row_of(&scene, "status")->got, "urn:oasis:names:tc:SAML:2.0:status:Responder / urn:denied");
    assert_true(scene.trace.verified);
    assert_true(scene.pool.held);
    // Signed, and the signature does not hold: that comes first.
    scene.pool.answer.signatures[0].covered = S("<a/>");
    assert_refused(scene_receive(&scene), SIGNATURE_DIGEST);
}

static void an_error_status_with_an_assertion_is_refused(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    scene.response = edit(op, S(RESPONSE), SUCCESS, "urn:oasis:names:tc:SAML:2.0:status:Requester");
    scene_forge(&scene, true, true);
    assert_refused(scene_receive(&scene), RESPONSE_STATUS);
    assert_true(scene.trace.verified);
    scene = scene_of(op);
    scene_forge(&scene, false, true);
    scene.pool.answer.envelope.status = S("urn:oasis:names:tc:SAML:2.0:status:Requester");
    assert_refused(scene_receive(&scene), RESPONSE_STATUS);
}

static void identity_is_read_from_the_assertions_own_octets(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    // Both signed; the two covered texts differ only in what the test can tell them apart by.
    scene_forge(&scene, true, true);
    struct slice inner = scene.pool.answer.signatures[1].covered;
    struct slice changed = edit(op, inner, "ada&#64;", "eve&#64;");
    struct slice element = sign(&scene.response_forge, changed, "_r1", MSG_PARENT_ROOT,
                                &scene.pool.answer.signatures[1]);
    scene.xml = op_text(op, "%.*s%.*s", SLICE(scene.xml), SLICE(element));
    assert_done(scene_receive(&scene));
    assert_text(scene.identity.name_id, "ada@acme.example");
}

static void a_worker_that_lies_about_the_envelope_admits_nothing(void **state) {
    struct op *op = *state;
    // A signed Response says what counts, whatever the worker says beside it.
    struct scene scene = scene_of(op);
    scene.response = edit(op, S(RESPONSE), "Destination=\"" OUR_ACS "\"", "Destination=\"https://other.example/\"");
    scene_forge(&scene, true, false);
    scene.pool.answer.envelope.destination = S(OUR_ACS);
    assert_refused(scene_receive(&scene), RESPONSE_DESTINATION);
    // It hides the assertion's signature, which does not hold.
    scene = scene_of(op);
    scene.forge.signer = &stranger;
    scene_forge(&scene, true, true);
    scene.pool.answer.signatures[0] = scene.pool.answer.signatures[1];
    scene.pool.answer.signature_count = 1;
    assert_refused(scene_receive(&scene), SIGNATURE_MISSING);
    // It says that an answer with an assertion is an error answer, to get round the policy.
    scene = scene_of(op);
    scene_forge(&scene, true, false);
    scene.connection.policy.want = WANT_BOTH;
    scene.pool.answer.envelope.assertions = 0;
    scene.pool.answer.envelope.status = S("urn:x");
    assert_refused(scene_receive(&scene), WORKER_FAILED);
    // It adds another assertion's good signature to a Response that holds an unsigned one.
    struct scene other = scene_of(op);
    scene_forge(&other, false, true);
    scene = scene_of(op);
    scene_forge(&scene, true, false);
    scene.pool.answer.signatures[1] = other.pool.answer.signatures[0];
    scene.pool.answer.signature_count = 2;
    assert_refused(scene_receive(&scene), SIGNATURE_VALUE); // not in this message
    scene.xml = op_text(op, "%.*s%.*s", SLICE(scene.xml), SLICE(other.xml));
    assert_refused(scene_receive(&scene), SIGNATURE_MISPLACED);
    // It counts one assertion where two are signed.
    scene = scene_of(op);
    scene.response = edit(op, S(RESPONSE), "#<", "#<saml:Assertion xmlns:saml=\"" NS_SAML "\" ID=\"_b\" IssueInstant="
                          "\"2026-11-21T16:00:00Z\"></saml:Assertion><");
    scene_forge(&scene, true, false);
    assert_refused(scene_receive(&scene), ASSERTION_COUNT);
}

static void another_assertion_than_the_signed_responses_is_refused(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    scene_forge(&scene, true, true);
    struct slice other = edit(op, edit(op, S(ASSERTION), "@", ""), "ID=\"_a1\"", "ID=\"_b1\"");
    struct slice element = sign(&scene.forge, other, "_b1", MSG_PARENT_ASSERTION,
                                &scene.pool.answer.signatures[0]);
    scene.xml = op_text(op, "%.*s%.*s", SLICE(scene.xml), SLICE(element));
    assert_refused(scene_receive(&scene), SIGNATURE_MISPLACED);
}

static void encryption_is_refused_where_it_is_not_understood_and_asked_for_where_it_is_missing(void **state) {
    struct scene scene = scene_of(*state);
    scene_forge(&scene, true, false);
    scene.pool.answer.envelope.assertions = 0;
    scene.pool.answer.envelope.encrypted = 1;
    assert_refused(scene_receive(&scene), ENCRYPTION_FAILED); // what is verified shows none
    scene_forge(&scene, true, false);
    scene.connection.policy.want_encrypted = true;
    assert_refused(scene_receive(&scene), ENCRYPTION_REQUIRED);
    scene.connection.policy.want_encrypted = false;
    assert_done(scene_receive(&scene));
}

static void a_worker_that_calls_an_encrypted_child_a_plain_one_is_refused(void **state) {
    struct scene scene = scene_of(*state);
    scene.assertion = S("<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">@"
                        "</saml:EncryptedAssertion>");
    scene_forge(&scene, true, false);
    assert_refused(scene_receive(&scene), ASSERTION_COUNT);
}

static void a_second_opinion_can_only_refuse(void **state) {
    struct scene scene = scene_of(*state);
    scene_forge(&scene, true, false);
    assert_done(scene_receive(&scene));
    assert_int_equal(scene.pool.opinions, 0); // nobody asked for one
    scene.connection.policy.second_opinion = true;
    scene.pool.opinion = (struct msg_opinion){true, S(""), S("ada@acme.example"), S(THEIR_ENTITY)};
    assert_done(scene_receive(&scene));
    assert_int_equal(row_of(&scene, "second_opinion")->result, CHECK_PASS);
    scene.pool.opinion.name_id = S("eve@acme.example");
    assert_refused(scene_receive(&scene), ASSERTION_SECOND_OPINION);
    assert_text(row_of(&scene, "second_opinion")->expected, "ada@acme.example");
    assert_text(row_of(&scene, "second_opinion")->got, "eve@acme.example");
    scene.pool.opinion.name_id = S("");
    assert_refused(scene_receive(&scene), ASSERTION_SECOND_OPINION);
    scene.pool.opinion.name_id = S("ada@acme.example");
    scene.pool.opinion.issuer = S("https://other.example/");
    assert_refused(scene_receive(&scene), ASSERTION_SECOND_OPINION);
    scene.pool.opinion = (struct msg_opinion){false, S("no"), S("ada@acme.example"), S(THEIR_ENTITY)};
    assert_refused(scene_receive(&scene), ASSERTION_SECOND_OPINION);
    assert_text(row_of(&scene, "second_opinion")->got, "no");
}

static void what_we_refuse_no_second_opinion_saves(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    scene.connection.policy.second_opinion = true;
    scene.pool.opinion = (struct msg_opinion){true, S(""), S("ada@acme.example"), S(THEIR_ENTITY)};
    scene.forge.signer = &stranger;
    scene_forge(&scene, false, true);
    assert_refused(scene_receive(&scene), SIGNATURE_VALUE);
    assert_int_equal(row_of(&scene, "second_opinion")->result, CHECK_SKIP);
    scene = scene_of(op);
    scene.connection.policy.second_opinion = true;
    scene.pool.opinion = (struct msg_opinion){true, S(""), S("ada@acme.example"), S(THEIR_ENTITY)};
    scene.assertion = edit(op, S(ASSERTION), "<saml:Audience>" OUR_ENTITY, "<saml:Audience>other");
    scene_forge(&scene, false, true);
    assert_refused(scene_receive(&scene), CONDITIONS_AUDIENCE);
    assert_int_equal(scene.pool.opinions, 0); // it was not even asked
    // Without a NameID there is nobody to agree on.
    scene = scene_of(op);
    scene.connection.policy.second_opinion = true;
    scene.assertion = edit(op, S(ASSERTION), "ada&#64;acme.example", "bob");
    scene.pool.opinion = (struct msg_opinion){true, S(""), S("ada@acme.example"), S(THEIR_ENTITY)};
    scene_forge(&scene, false, true);
    assert_refused(scene_receive(&scene), ASSERTION_SECOND_OPINION);
}

static const struct trace_check *check_named(const struct trace *trace, const char *name) {
    const struct trace_check *rows = trace->checks.at;
    for (size_t i = 0; i < trace->checks.count; i++) {
        if (slice_equal(rows[i].check, slice_str(name))) {
            return &rows[i];
        }
    }
    return NULL;
}

static void metadata_that_has_expired_lets_nobody_in(void **state) {
    struct scene scene = scene_of(*state);
    scene_forge(&scene, true, true);
    scene.connection.idp.valid_until = NOON - 179 * SECOND_MS;
    assert_done(scene_receive(&scene));
    assert_int_equal(check_named(&scene.trace, "metadata_valid_until")->result, CHECK_PASS);
    scene.connection.idp.valid_until = NOON - 180 * SECOND_MS;
    assert_refused(scene_receive(&scene), SIGNATURE_UNKNOWN_SIGNER);
    const struct trace_check *row = check_named(&scene.trace, "metadata_valid_until");
    assert_non_null(row);
    assert_int_equal(row->result, CHECK_FAIL);
    assert_true(slice_find(row->expected, S("valid until 2026-11-21T15:57:00")) != SIZE_MAX);
    scene.connection.idp.valid_until = 0;
    assert_done(scene_receive(&scene));
    assert_null(check_named(&scene.trace, "metadata_valid_until"));
}

static void each_of_several_keys_is_tried(void **state) {
    struct scene scene = scene_of(*state);
    scene_forge(&scene, false, true);
    scene.connection = connection_of(*state, (const struct party[]){stranger, ours}, 2);
    assert_done(scene_receive(&scene));
    struct slice theirs = party_certificate(*state, &ours).sha256;
    struct distrusted row = {.sha256 = theirs};
    scene.connection.distrusted = (struct rows){&row, 1};
    assert_refused(scene_receive(&scene), SIGNATURE_VALUE);
}

static void without_keys_or_idp_everything_is_refused(void **state) {
    struct scene scene = scene_of(*state);
    scene_forge(&scene, true, true);
    scene.connection.idp.certificates.count = 0;
    assert_refused(scene_receive(&scene), SIGNATURE_UNKNOWN_SIGNER);
    scene.connection.idp.entity_id = S("");
    assert_refused(scene_receive(&scene), RESPONSE_ISSUER_UNKNOWN);
}

static void rules_run_over_what_was_verified(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    scene.assertion = edit(op, S(ASSERTION), "<saml:Audience>" OUR_ENTITY, "<saml:Audience>other");
    scene_forge(&scene, false, true);
    assert_refused(scene_receive(&scene), CONDITIONS_AUDIENCE);
    assert_true(scene.trace.verified);
    assert_true(scene.pool.held);
    assert_text(row_of(&scene, "audience")->got, "other");
    assert_text(scene.trace.name_id, "ada@acme.example");
    // The unsigned envelope may refuse.
    scene = scene_of(op);
    scene_forge(&scene, false, true);
    scene.pool.answer.envelope.issuer = S("https://other.example/");
    assert_refused(scene_receive(&scene), RESPONSE_ISSUER_MISMATCH);
    scene.pool.answer.envelope.issuer = S(""); // and may leave it out
    assert_done(scene_receive(&scene));
}

static void an_expired_certificate_and_sha1_leave_a_warning(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    struct certificate *rows = scene.connection.idp.certificates.at;
    rows[0].not_after = NOON - DAY_MS;
    scene.connection.policy.allow_sha1 = true;
    scene.forge.method = NS_DS "rsa-sha1";
    scene.forge.method_md = EVP_sha1();
    scene_forge(&scene, false, true);
    assert_done(scene_receive(&scene));
    assert_text(row_of(&scene, "warning_certificate")->got, "expired at 2026-11-20T16:00:00.000Z");
    assert_non_null(row_of(&scene, "warning_sha1"));
    scene = scene_of(op);
    scene_forge(&scene, false, true);
    assert_done(scene_receive(&scene));
    assert_null(row_of(&scene, "warning_certificate"));
    assert_null(row_of(&scene, "warning_sha1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_way_to_sign_is_accepted),
        TEST(the_policy_says_what_must_be_signed),
        TEST(a_broken_signature_beside_a_good_one_is_refused),
        TEST(structure_comes_first),
        TEST(the_workers_own_refusal_is_passed_on),
        TEST(an_error_answer_tells_what_the_idp_said),
        TEST(an_error_status_with_an_assertion_is_refused),
        TEST(identity_is_read_from_the_assertions_own_octets),
        TEST(a_worker_that_lies_about_the_envelope_admits_nothing),
        TEST(another_assertion_than_the_signed_responses_is_refused),
        TEST(encryption_is_refused_where_it_is_not_understood_and_asked_for_where_it_is_missing),
        TEST(a_worker_that_calls_an_encrypted_child_a_plain_one_is_refused),
        TEST(a_second_opinion_can_only_refuse),
        TEST(what_we_refuse_no_second_opinion_saves),
        TEST(without_keys_or_idp_everything_is_refused),
        TEST(metadata_that_has_expired_lets_nobody_in),
        TEST(each_of_several_keys_is_tried),
        TEST(rules_run_over_what_was_verified),
        TEST(an_expired_certificate_and_sha1_leave_a_warning),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
