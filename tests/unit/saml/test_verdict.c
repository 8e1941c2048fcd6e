// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict: what holds, and what a tamperer, a stranger or a lying worker is told.
#include "saml/verdict.h"

#include <pthread.h>

#include "saml/forge.h"

static struct party ours, second, stranger, p256, p384, p521, expired;

static int make_keys(void **state) {
    (void)state;
    ours = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    second = party_make(EVP_RSA_gen(3072), NOON + DAY_MS);
    stranger = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    p256 = party_make(EVP_EC_gen("P-256"), NOON + DAY_MS);
    p384 = party_make(EVP_EC_gen("P-384"), NOON + DAY_MS);
    p521 = party_make(EVP_EC_gen("P-521"), NOON + DAY_MS);
    expired = party_make(EVP_RSA_gen(2048), NOON - MINUTE_MS);
    return 0;
}

static int free_keys(void **state) {
    (void)state;
    struct party *all[] = {&ours, &second, &stranger, &p256, &p384, &p521, &expired};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        party_free(all[i]);
    }
    return 0;
}

// One assertion, signed; what the worker answers can be changed before the verdict.
struct scene {
    struct op *op;
    struct forge forge;
    struct msg_signature signature;
    struct slice message;
    struct connection connection;
    const char *local;
};

static struct scene scene_of(struct op *op, const struct party *signer) {
    const struct party trusted[] = {second, ours, p256, p384, p521};
    struct scene scene = {.op = op, .forge = {.op = op, .signer = signer}, .local = "Assertion"};
    scene.connection = connection_of(op, trusted, 5);
    return scene;
}

static void scene_sign(struct scene *scene) {
    struct slice covered = edit(scene->op, S(ASSERTION), "@", "");
    struct slice element = sign(&scene->forge, covered, "_a1", MSG_PARENT_ASSERTION, &scene->signature);
    scene->message = edit(scene->op, S(ASSERTION), "@", op_text(scene->op, "%.*s", SLICE(element)).at);
}

static reason scene_judge(struct scene *scene, struct verdict *ret) {
    const struct trust *trust = NULL;
    assert_done(trust_make(scene->op, &scene->connection, &trust));
    struct verdict verdict = {.weak = false};
    reason why = verdict_signature(scene->op, trust, scene->message, &scene->signature, NS_SAML,
                                   scene->local, &verdict);
    if (ret != NULL) {
        *ret = verdict; // its key is gone when this returns: tests look at the octets
    }
    trust_free(trust);
    return why;
}

static void a_good_signature_holds_with_the_key_that_made_it(void **state) {
    struct scene scene = scene_of(*state, &ours);
    scene_sign(&scene);
    struct verdict verdict;
    assert_done(scene_judge(&scene, &verdict));
    assert_slice(verdict.octets, edit(*state, S(ASSERTION), "@", ""));
    assert_false(verdict.weak);
}

static void each_algorithm_holds(void **state) {
    const struct {
        const struct party *signer;
        const char *method;
        const EVP_MD *method_md;
        const char *digest;
        const EVP_MD *digest_md;
    } rows[] = {
        {&ours, MORE "rsa-sha256", EVP_sha256(), ENC "sha256", EVP_sha256()},
        {&ours, MORE "rsa-sha384", EVP_sha384(), MORE "sha384", EVP_sha384()},
        {&second, MORE "rsa-sha512", EVP_sha512(), ENC "sha512", EVP_sha512()},
        {&p256, MORE "ecdsa-sha256", EVP_sha256(), ENC "sha256", EVP_sha256()},
        {&p384, MORE "ecdsa-sha384", EVP_sha384(), ENC "sha256", EVP_sha256()},
        {&p521, MORE "ecdsa-sha512", EVP_sha512(), ENC "sha512", EVP_sha512()},
        {&p256, MORE "ecdsa-sha512", EVP_sha512(), ENC "sha256", EVP_sha256()},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene = scene_of(*state, rows[i].signer);
        scene.forge.method = rows[i].method;
        scene.forge.method_md = rows[i].method_md;
        scene.forge.digest = rows[i].digest;
        scene.forge.digest_md = rows[i].digest_md;
        scene_sign(&scene);
        assert_done(scene_judge(&scene, NULL));
        // And does not hold over another SignedInfo.
        scene.signature.signed_info = edit(*state, scene.signature.signed_info, "PrefixList=\"xs\"",
                                           "PrefixList=\"xx\"");
        assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
    }
}

static void sha1_holds_only_by_policy_and_is_marked(void **state) {
    struct scene scene = scene_of(*state, &ours);
    scene.forge.method = NS_DS "rsa-sha1";
    scene.forge.method_md = EVP_sha1();
    scene_sign(&scene);
    struct verdict verdict;
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_ALGORITHM);
    scene.connection.policy.allow_sha1 = true;
    assert_done(scene_judge(&scene, &verdict));
    assert_true(verdict.weak);
}

static void changed_content_is_signature_digest(void **state) {
    struct scene scene = scene_of(*state, &ours);
    scene_sign(&scene);
    scene.signature.covered = edit(*state, scene.signature.covered, "ada&#64;", "eve&#64;");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_DIGEST);
}

static void a_changed_signature_value_is_signature_value(void **state) {
    struct scene scene = scene_of(*state, &ours);
    scene_sign(&scene);
    char *value = NULL;
    assert_done(op_take(*state, scene.signature.value.len, &value));
    memcpy(value, scene.signature.value.at, scene.signature.value.len);
    value[40] = value[40] == 'A' ? 'B' : 'A';
    struct slice changed = slice_of(value, scene.signature.value.len);
    scene.message = edit(*state, scene.message, op_text(*state, "%.*s", SLICE(scene.signature.value)).at,
                         op_text(*state, "%.*s", SLICE(changed)).at);
    scene.signature.value = changed;
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
}

static void a_strangers_key_is_an_unknown_signer_when_its_certificate_is_there(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op, &stranger);
    scene_sign(&scene);
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
    scene.forge.named = &stranger;
    scene_sign(&scene);
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_UNKNOWN_SIGNER);
    struct certificate certificate = party_certificate(op, &stranger);
    assert_true(slice_find(op->detail, certificate.sha256) != SIZE_MAX);
    scene.forge.named = &ours; // a certificate that we know does not make the key ours
    scene_sign(&scene);
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
}

static void a_certificate_in_the_message_is_never_trusted(void **state) {
    struct scene scene = scene_of(*state, &stranger);
    scene.forge.named = &stranger;
    scene.connection = connection_of(*state, NULL, 0);
    scene_sign(&scene);
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_UNKNOWN_SIGNER);
}

static void an_algorithm_that_fits_no_key_is_refused(void **state) {
    struct scene scene = scene_of(*state, &ours);
    scene.connection = connection_of(*state, &p256, 1);
    scene_sign(&scene);
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_ALGORITHM);
}

static void another_messages_signature_is_refused(void **state) {
    struct scene scene = scene_of(*state, &ours);
    scene_sign(&scene);
    scene.message = edit(*state, S(ASSERTION), "@", "<SignatureValue>AAAA</SignatureValue>");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
}

static void the_signature_value_is_found_in_any_wrapping(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op, &ours);
    scene_sign(&scene);
    struct slice head = slice_sub(scene.signature.value, 0, 60);
    struct slice broken = op_text(op, "\n  %.*s&#13;&#xD;\n", SLICE(head));
    scene.message = edit(op, scene.message, op_text(op, "%.*s", SLICE(head)).at, broken.at);
    assert_done(scene_judge(&scene, NULL));
    scene.signature.value = edit(op, scene.signature.value, op_text(op, "%.*s", SLICE(head)).at,
                                 op_text(op, "%.*s\r\n", SLICE(head)).at);
    assert_done(scene_judge(&scene, NULL));
    scene.signature.value = S("not base64!");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
}

// 250 KB of what looks like values: each would be decoded with all that follows it.
static struct slice crowd(struct op *op, const char *name) {
    struct buf text;
    buf_open(&text, op, 300U << 10);
    while (text.len < 250U << 10) {
        for (size_t i = 0; i < 500; i++) {
            buf_printf(&text, "%s>", name);
        }
        buf_str(&text, "&amp;<x/>");
    }
    return buf_slice(&text);
}

static void a_message_full_of_values_costs_little(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op, &ours);
    scene_sign(&scene);
    scene.message = op_text(op, "%.*s%.*s", SLICE(crowd(op, "SignatureValue")), SLICE(scene.message));
    size_t before = op->arena.taken;
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
    assert_true(op->arena.taken - before < 1U << 20);
    scene = scene_of(op, &stranger);
    scene_sign(&scene);
    scene.message = edit(op, scene.message, "</ds:SignatureValue>",
                         op_text(op, "</ds:SignatureValue>%.*s", SLICE(crowd(op, "X509Certificate"))).at);
    before = op->arena.taken;
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
    assert_true(op->arena.taken - before < 1U << 20);
}

static void a_lying_worker_is_refused(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op, &ours);
    scene_sign(&scene);
    const struct msg_signature honest = scene.signature;
    scene.signature.covered = S("");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_REFERENCE);
    scene.signature.covered = S("<saml:Assertion xmlns:saml=\"" NS_SAML "\" ID=\"_a1\"></saml:Assertion>");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_DIGEST);
    scene.signature = honest;
    scene.signature.signed_info = S("");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_MISSING);
    scene.signature.signed_info = S("garbage");
    assert_refused(scene_judge(&scene, NULL), SAML_MALFORMED);
    scene.signature = honest;
    scene.signature.parent_id = S("_other");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_REFERENCE);
    scene.signature = honest;
    scene.signature.value = S("");
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_VALUE);
    scene.signature = honest;
    assert_done(scene_judge(&scene, NULL));
}

// Validly signed, but not the element that this door reads.
static void the_covered_root_must_be_the_expected_one(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op, &ours);
    scene_sign(&scene);
    scene.local = "Response";
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_REFERENCE);
    scene.local = "Assertion";
    assert_done(scene_judge(&scene, NULL));
    // The signer itself covers an element with another ID than the Reference says.
    static const char *const others[] = {
        "<saml:Assertion xmlns:saml=\"" NS_SAML "\" ID=\"_other\"></saml:Assertion>",
        "<saml:Assertion xmlns:saml=\"" NS_SAML "\" Id=\"_a1\"></saml:Assertion>",
        "<saml:Assertion xmlns:saml=\"urn:x\" ID=\"_a1\"></saml:Assertion>",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct slice element = sign(&scene.forge, slice_str(others[i]), "_a1", MSG_PARENT_ASSERTION,
                                    &scene.signature);
        scene.message = element;
        assert_refused(scene_judge(&scene, NULL), SIGNATURE_REFERENCE);
    }
}

struct judge {
    const struct trust *trust;
    struct slice message;
    struct msg_signature good, bad;
    size_t held, refused;
};

static void *judge_in_turn(void *arg) {
    struct judge *judge = arg;
    for (size_t i = 0; i < 200; i++) {
        struct op op;
        struct verdict verdict;
        op_open(&op, NOON);
        reason why = verdict_signature(&op, judge->trust, judge->message,
                                       i % 2 == 0 ? &judge->good : &judge->bad, NS_SAML, "Assertion", &verdict);
        judge->held += why == NULL ? 1 : 0;
        judge->refused += why == REASON_OF(SIGNATURE_VALUE) ? 1 : 0;
        op_close(&op);
    }
    return NULL;
}

// A key is set up once for all of them, and what was refused leaves nothing behind.
static void one_trust_judges_for_several_threads(void **state) {
    struct scene scene = scene_of(*state, &ours);
    scene_sign(&scene);
    struct judge judge = {.message = scene.message, .good = scene.signature, .bad = scene.signature};
    judge.bad.signed_info = edit(*state, scene.signature.signed_info, "PrefixList=\"xs\"", "PrefixList=\"xx\"");
    assert_done(trust_make(scene.op, &scene.connection, &judge.trust));
    struct judge judges[4] = {judge, judge, judge, judge};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, judge_in_turn, &judges[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(judges[i].held, 100);
        assert_int_equal(judges[i].refused, 100);
    }
    trust_free(judge.trust);
}

static void an_expired_certificate_holds_unless_the_policy_refuses_it(void **state) {
    struct scene scene = scene_of(*state, &expired);
    scene.connection = connection_of(*state, &expired, 1);
    scene_sign(&scene);
    assert_done(scene_judge(&scene, NULL));
    scene.connection.policy.refuse_expired_certificates = true;
    assert_refused(scene_judge(&scene, NULL), SIGNATURE_CERTIFICATE_EXPIRED);
}

static void detached_signatures_hold_over_their_octets(void **state) {
    struct op *op = *state;
    const struct party trusted[] = {ours, p256};
    struct connection connection = connection_of(op, trusted, 2);
    const struct trust *trust = NULL;
    assert_done(trust_make(op, &connection, &trust));
    struct forge forge = {.op = op, .signer = &ours};
    struct slice octets = S("SAMLRequest=abc&SigAlg=x");
    struct slice value = raw_signature(op, &forge, octets);
    assert_done(verdict_octets(op, trust, S(MORE "rsa-sha256"), octets, value));
    assert_refused(verdict_octets(op, trust, S(MORE "rsa-sha256"), S("SAMLRequest=abd"), value),
                   SIGNATURE_VALUE);
    assert_refused(verdict_octets(op, trust, S(MORE "rsa-sha512"), octets, value), SIGNATURE_VALUE);
    assert_refused(verdict_octets(op, trust, S(NS_DS "rsa-sha1"), octets, value), SIGNATURE_ALGORITHM);
    assert_refused(verdict_octets(op, trust, SLICE_NONE, octets, value), SIGNATURE_MISSING);
    assert_refused(verdict_octets(op, trust, S(MORE "rsa-sha256"), octets, SLICE_NONE), SIGNATURE_MISSING);
    forge.signer = &p256;
    value = raw_signature(op, &forge, octets);
    assert_done(verdict_octets(op, trust, S(MORE "ecdsa-sha256"), octets, value));
    assert_refused(verdict_octets(op, trust, S(MORE "rsa-sha256"), octets, value), SIGNATURE_VALUE);
    trust_free(trust);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_good_signature_holds_with_the_key_that_made_it),
        TEST(each_algorithm_holds),
        TEST(sha1_holds_only_by_policy_and_is_marked),
        TEST(changed_content_is_signature_digest),
        TEST(a_changed_signature_value_is_signature_value),
        TEST(a_strangers_key_is_an_unknown_signer_when_its_certificate_is_there),
        TEST(a_certificate_in_the_message_is_never_trusted),
        TEST(an_algorithm_that_fits_no_key_is_refused),
        TEST(another_messages_signature_is_refused),
        TEST(the_signature_value_is_found_in_any_wrapping),
        TEST(a_message_full_of_values_costs_little),
        TEST(a_lying_worker_is_refused),
        TEST(the_covered_root_must_be_the_expected_one),
        TEST(one_trust_judges_for_several_threads),
        TEST(an_expired_certificate_holds_unless_the_policy_refuses_it),
        TEST(detached_signatures_hold_over_their_octets),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
