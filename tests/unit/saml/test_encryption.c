// SPDX-License-Identifier: GPL-3.0-or-later
// Encrypted assertions on the whole way, with the real worker: what counts once it is opened, what never does, and
// that a sender without a signature learns one thing only.
#include "saml/inbound.h"

#include <libgen.h>
#include <unistd.h>

#include "saml/encrypted.h"
#include "saml/forge.h"
#include "saml/sp_keys.h"

static struct party idp, stranger;
static struct sp_keys ours;
static EVP_PKEY *foreign;
static struct pool *pool;

struct scene {
    struct op *op;
    struct connection connection;
    struct forge forge; // of the assertion
    struct sealed sealed;
    struct slice assertion; // text with '@'
    struct brake *brake;
    struct slice xml;
    struct trace trace;
    struct identity identity;
};

static struct slice with(struct op *op, struct slice text, const char *mark, struct slice by) {
    return edit(op, text, mark, op_text(op, "%.*s", SLICE(by)).at);
}

static struct scene scene_of(struct op *op) {
    struct scene scene = {.op = op, .forge = {.op = op, .signer = &idp}};
    scene.connection = connection_of(op, &idp, 1);
    scene.connection.policy.allow_cbc = true;
    scene.assertion = edit(op, S(ASSERTION), "ada&#64;acme.example", "ada"); // '@' is the mark
    scene.sealed = (struct sealed){
        .op = op, .content = GCM256, .wraps = {{.to = ours.encryption}}, .wrap_count = 1};
    return scene;
}

// The plaintext by default: the assertion, signed or not.
static struct slice plain_of(struct scene *scene, bool sign_assertion) {
    struct msg_signature unused;
    struct slice bare = edit(scene->op, scene->assertion, "@", "");
    return sign_assertion ? with(scene->op, scene->assertion, "@",
                                 sign(&scene->forge, bare, "_a1", MSG_PARENT_ASSERTION, &unused))
                          : bare;
}

static void scene_write(struct scene *scene, bool sign_response, struct slice plain) {
    struct op *op = scene->op;
    struct msg_signature unused;
    struct forge forge = {.op = op, .signer = &idp};
    scene->sealed.plain = plain;
    struct slice encrypted = sealed_text(&scene->sealed);
    struct slice response = with(op, S(RESPONSE), "#<", op_text(op, "%.*s<", SLICE(encrypted)));
    scene->xml = edit(op, response, "@", "");
    if (sign_response) {
        scene->xml = with(op, response, "@", sign(&forge, scene->xml, "_r1", MSG_PARENT_ROOT, &unused));
    }
}

static reason scene_receive(struct scene *scene) {
    const struct trust *trust = NULL;
    assert_done(trust_make(scene->op, &scene->connection, &trust));
    struct inbound inbound = {.xml = scene->xml, .trust = trust, .entity_id = S(OUR_ENTITY),
                              .acs_url = S(OUR_ACS), .pool = pool, .keys = &ours, .brake = scene->brake};
    assert_done(trace_open(scene->op, S("acme-okta"), S("acme"), &scene->trace));
    scene->identity = (struct identity){.expires = 0};
    reason why = saml_receive(scene->op, &inbound, &scene->trace, &scene->identity);
    trust_free(trust);
    return why;
}

static reason try(struct scene *scene, bool sign_response, struct slice plain) {
    scene_write(scene, sign_response, plain);
    return scene_receive(scene);
}

// ---- accepted ----

static void a_signature_inside_outside_or_both_is_accepted(void **state) {
    for (int i = 1; i < 4; i++) {
        struct scene scene = scene_of(*state);
        reason why = try(&scene, (i & 1) != 0, plain_of(&scene, (i & 2) != 0));
        if (why != NULL) {
            fail_msg("%d: %s: %.*s", i, why->slug, SLICE(scene.op->detail));
        }
        assert_text(scene.identity.name_id, "ada");
    }
}

static void cbc_is_taken_under_a_signed_response_or_where_the_policy_and_the_brake_let_it(void **state) {
    struct scene scene = scene_of(*state);
    scene.sealed.content = CBC256;
    assert_refused(try(&scene, false, plain_of(&scene, true)), ENCRYPTION_ALGORITHM); // no brake here
    assert_done(try(&scene, true, plain_of(&scene, true)));
    scene.brake = brake_open();
    assert_done(try(&scene, false, plain_of(&scene, true)));
    scene.connection.policy.allow_cbc = false;
    assert_refused(try(&scene, false, plain_of(&scene, true)), ENCRYPTION_ALGORITHM);
    assert_done(try(&scene, true, plain_of(&scene, false)));
    brake_close(scene.brake);
}

// ---- refused ----

static void a_plaintext_that_nobody_signed_counts_for_nothing(void **state) {
    struct scene scene = scene_of(*state);
    assert_refused(try(&scene, false, plain_of(&scene, false)), ENCRYPTION_FAILED);
    scene.forge.signer = &stranger;
    assert_refused(try(&scene, false, plain_of(&scene, true)), ENCRYPTION_FAILED);
    // Under a signature that holds it is said what is wrong.
    assert_refused(try(&scene, true, plain_of(&scene, true)), SIGNATURE_VALUE);
}

static void a_wrong_signature_inside_refuses_also_under_a_right_one_outside(void **state) {
    struct scene scene = scene_of(*state);
    struct slice plain = edit(*state, plain_of(&scene, true), ">ada<", ">eve<");
    assert_refused(try(&scene, true, plain), SIGNATURE_DIGEST);
    assert_refused(try(&scene, false, plain), ENCRYPTION_FAILED);
}

// Whatever else comes out of the ciphertext is no assertion; without a signature it all looks the same.
static void what_is_not_one_assertion_is_refused(void **state) {
    struct op *op = *state;
    struct scene scene = scene_of(op);
    struct slice good = plain_of(&scene, true);
    struct slice bare = plain_of(&scene, false);
    scene.sealed.plain = good;
    const struct slice bad[] = {
        op_text(op, "%.*s%.*s", SLICE(good), SLICE(good)),
        op_text(op, "%.*s%.*s", SLICE(bare), SLICE(good)),
        op_text(op, "%.*s%.*s", SLICE(bare), SLICE(bare)),
        op_text(op, "<!DOCTYPE a>%.*s", SLICE(good)),
        op_text(op, "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>%.*s", SLICE(good)),
        op_text(op, "</samlp:Response>%.*s<samlp:Response>", SLICE(good)),
        op_text(op, "<samlp:Response xmlns:samlp=\"" NS_SAMLP "\">%.*s</samlp:Response>", SLICE(good)),
        op_text(op, "<a>%.*s</a>", SLICE(bare)),
        sealed_text(&scene.sealed),
        slice_sub(good, 0, good.len - 1),
        S("text"),
        S("\xFF\xFE"),
        S(" "),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        reason why = try(&scene, false, bad[i]);
        if (why != REASON_OF(ENCRYPTION_FAILED)) {
            fail_msg("%zu: %s", i, why != NULL ? why->slug : "accepted");
        }
        assert_text(op->detail, "the EncryptedAssertion cannot be opened with our key, or what is in it "
                                "does not hold");
        if (try(&scene, true, bad[i]) == NULL) {
            fail_msg("%zu: accepted under a signed Response", i);
        }
    }
}

static void a_failure_of_the_key_looks_like_any_other(void **state) {
    struct scene scene = scene_of(*state);
    struct slice good = plain_of(&scene, true);
    scene.sealed.wraps[0].to = foreign;
    assert_refused(try(&scene, false, good), ENCRYPTION_FAILED);
    scene.sealed.wraps[0] = (struct wrap){.to = ours.encryption, .key_len = 16};
    assert_refused(try(&scene, false, good), ENCRYPTION_FAILED);
    scene.sealed.wraps[0] = (struct wrap){.to = ours.encryption};
    scene.sealed.flip = 200;
    assert_refused(try(&scene, false, good), ENCRYPTION_FAILED);
    scene.sealed.flip = 0;
    assert_done(try(&scene, false, good));
}

static void fifty_failures_switch_cbc_off_and_gcm_not(void **state) {
    struct scene scene = scene_of(*state);
    struct slice good = plain_of(&scene, true);
    struct slice bad = plain_of(&scene, false);
    scene.brake = brake_open();
    scene.sealed.content = CBC256;
    for (int i = 0; i < BRAKE_FAILURES; i++) {
        assert_refused(try(&scene, false, bad), ENCRYPTION_FAILED);
    }
    assert_refused(try(&scene, false, good), ENCRYPTION_ALGORITHM);
    assert_done(try(&scene, true, good));
    scene.sealed.content = GCM256;
    assert_done(try(&scene, false, good));
    // Another connection is not touched.
    scene.connection.slug = S("acme-entra");
    scene.sealed.content = CBC256;
    assert_done(try(&scene, false, good));
    brake_close(scene.brake);
}

// ---- the name alone ----

#define NAME_ID "<saml:NameID xmlns:saml=\"" NS_SAML "\" Format=\"urn:x:f\">bob</saml:NameID>"
#define CLEAR_NAME                                                                                 \
    "<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">ada</saml:NameID>"

// A signed Response in plain text whose subject is this EncryptedID (canonical inside the Assertion).
static reason with_name(struct scene *scene, const char *plain, EVP_PKEY *to, const char *beside) {
    struct op *op = scene->op;
    struct sealed sealed = {.op = op, .element = "EncryptedID", .content = CBC256, .plain = slice_str(plain),
                            .wraps = {{.to = to}}, .wrap_count = 1};
    struct slice name = edit(op, sealed_text(&sealed), " xmlns:saml=\"" NS_SAML "\"", "");
    scene->assertion = edit(op, scene->assertion, CLEAR_NAME, op_text(op, "%.*s%s", SLICE(name), beside).at);
    struct slice assertion = plain_of(scene, true);
    scene->xml = edit(op, with(op, S(RESPONSE), "#<", op_text(op, "%.*s<", SLICE(assertion))), "@", "");
    return scene_receive(scene);
}

static void an_encrypted_name_is_read_from_a_signed_assertion(void **state) {
    struct scene scene = scene_of(*state);
    reason why = with_name(&scene, NAME_ID, ours.encryption, "");
    if (why != NULL) {
        fail_msg("%s: %.*s", why->slug, SLICE(scene.op->detail));
    }
    assert_text(scene.identity.name_id, "bob");
    assert_text(scene.identity.name_id_format, "urn:x:f");
    assert_text(scene.trace.name_id, "bob");
    scene = scene_of(*state);
    assert_done(with_name(&scene, NAME_ID, ours.encryption, CLEAR_NAME)); // who can be read counts
    assert_text(scene.identity.name_id, "ada");
}

static void an_encrypted_name_that_is_none_is_refused(void **state) {
    const char *bad[] = {"bob", NAME_ID NAME_ID, "<NameID>bob</NameID>", "<!DOCTYPE a>" NAME_ID,
                         "<saml:NameID xmlns:saml=\"" NS_SAML "\">bob"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct scene scene = scene_of(*state);
        if (with_name(&scene, bad[i], ours.encryption, "") == NULL) {
            fail_msg("%s was taken", bad[i]);
        }
    }
    struct scene scene = scene_of(*state);
    assert_refused(with_name(&scene, NAME_ID, foreign, ""), ENCRYPTION_FAILED);
    scene = scene_of(*state);
    assert_refused(with_name(&scene, NAME_ID, ours.encryption, "<saml:EncryptedID></saml:EncryptedID>"),
                   SAML_MALFORMED);
    scene = scene_of(*state);
    assert_refused(with_name(&scene, "<saml:NameID xmlns:saml=\"" NS_SAML "\"></saml:NameID>",
                             ours.encryption, ""),
                   SUBJECT_NAME_ID_MISSING);
}

// ---- attributes ----

#define DECLARED " xmlns:saml=\"" NS_SAML "\""
#define GROUP(more, value)                                                                          \
    "<saml:Attribute" more " Name=\"groups\"><saml:AttributeValue>" value "</saml:AttributeValue></saml:Attribute>"
#define STATEMENT_END "</saml:AttributeStatement>"

// A signed Response in plain text whose Assertion has these EncryptedAttributes, canonical inside it.
static reason with_attributes(struct scene *scene, const char *plain, EVP_PKEY *to, size_t keys, size_t times) {
    struct op *op = scene->op;
    struct sealed sealed = {.op = op, .element = "EncryptedAttribute", .content = GCM256, .plain = slice_str(plain),
                            .wraps = {{.to = to}, {.to = to}}, .wrap_count = keys};
    struct slice all = S("");
    for (size_t i = 0; i < times; i++) {
        all = op_text(op, "%.*s%.*s", SLICE(all), SLICE(edit(op, sealed_text(&sealed), DECLARED, "")));
    }
    scene->assertion =
        edit(op, scene->assertion, STATEMENT_END, op_text(op, "%.*s" STATEMENT_END, SLICE(all)).at);
    struct slice assertion = plain_of(scene, true);
    scene->xml = edit(op, with(op, S(RESPONSE), "#<", op_text(op, "%.*s<", SLICE(assertion))), "@", "");
    return scene_receive(scene);
}

static void an_encrypted_attribute_counts_as_one_in_the_clear(void **state) {
    // With the prefix declared inside, and where it is declared around it only (as xmlsec writes it).
    const char *plains[] = {GROUP(DECLARED, "Owners"), GROUP("", "Owners")};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene = scene_of(*state);
        reason why = with_attributes(&scene, plains[i], ours.encryption, 1, 1);
        if (why != NULL) {
            fail_msg("%zu: %s: %.*s", i, why->slug, SLICE(scene.op->detail));
        }
        const struct attribute *groups = scene.identity.attributes.at;
        assert_int_equal(scene.identity.attributes.count, 1);
        assert_int_equal(groups->values.count, 3); // two stand beside it in the clear
        assert_text(groups->values.at[2], "Owners");
    }
    struct scene scene = scene_of(*state);
    assert_done(with_attributes(&scene, "<saml:Attribute Name=\"mail\"></saml:Attribute>", ours.encryption, 1, 1));
    assert_int_equal(scene.identity.attributes.count, 2);
}

// Somebody's role may hang on it, so it is not passed over.
static void an_encrypted_attribute_that_does_not_open_is_refused(void **state) {
    struct scene scene = scene_of(*state);
    assert_refused(with_attributes(&scene, GROUP("", "Owners"), foreign, 1, 1), ENCRYPTION_FAILED);
    const struct trace_check *checks = scene.trace.checks.at;
    bool told = false;
    for (size_t i = 0; i < scene.trace.checks.count; i++) {
        told = told || (checks[i].result == CHECK_FAIL && slice_equal(checks[i].check, S("decryption")) &&
                        slice_equal(checks[i].expected, S("attributes encrypted for our key")));
    }
    assert_true(told);
    const char *bad[] = {"Owners", GROUP("", "A") GROUP("", "B"), "<saml:NameID>x</saml:NameID>", "<!DOCTYPE a>" GROUP("", "A"),
                         "<other:Attribute Name=\"groups\"></other:Attribute>", "<Attribute Name=\"groups\"></Attribute>",
                         "<saml:EncryptedAttribute></saml:EncryptedAttribute>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        scene = scene_of(*state);
        assert_refused(with_attributes(&scene, bad[i], ours.encryption, 1, 1), ENCRYPTION_FAILED);
    }
    scene = scene_of(*state);
    ours.decryption_count = 0;
    reason why = with_attributes(&scene, GROUP("", "Owners"), ours.encryption, 1, 1);
    ours.decryption_count = 1;
    assert_ptr_equal(why, REASON_OF(ENCRYPTION_NO_KEY));
}

static void opening_attributes_has_a_bound(void **state) {
    struct scene scene = scene_of(*state);
    assert_done(with_attributes(&scene, GROUP("", "Owners"), ours.encryption, 2, DECRYPT_UNWRAPS_MAX));
    assert_int_equal(((const struct attribute *)scene.identity.attributes.at)->values.count, 2 + DECRYPT_UNWRAPS_MAX);
    scene = scene_of(*state);
    assert_refused(with_attributes(&scene, GROUP("", "Owners"), ours.encryption, 1, DECRYPT_UNWRAPS_MAX + 1),
                   SAML_TOO_LARGE);
}

// ---- what is declared outside ----

// Plaintext as xmlsec writes it: the prefixes that were declared on elements around it are declared there only.
static void prefixes_that_are_declared_outside_count_inside(void **state) {
    struct op *op = *state;
    for (int i = 1; i < 4; i++) {
        struct scene scene = scene_of(op);
        struct slice plain = edit(op, plain_of(&scene, (i & 2) != 0), DECLARED, "");
        reason why = try(&scene, (i & 1) != 0, plain);
        if (why != NULL) {
            fail_msg("%d: %s: %.*s", i, why->slug, SLICE(op->detail));
        }
        assert_text(scene.identity.name_id, "ada");
    }
    struct scene scene = scene_of(op);
    struct slice plain = edit(op, plain_of(&scene, true), DECLARED, "");
    assert_refused(try(&scene, false, edit(op, plain, ">ada<", ">eve<")), ENCRYPTION_FAILED);
    assert_refused(try(&scene, false, edit(op, plain_of(&scene, false), DECLARED, "")), ENCRYPTION_FAILED);
    // A prefix that is declared nowhere.
    plain = edit(op, edit(op, plain_of(&scene, false), "<saml:Assertion" DECLARED, "<x:Assertion"),
                 "</saml:Assertion>", "</x:Assertion>");
    assert_true(try(&scene, true, plain) != NULL);
}

static void without_a_key_nothing_is_opened(void **state) {
    struct scene scene = scene_of(*state);
    scene_write(&scene, true, plain_of(&scene, true));
    ours.decryption_count = 0;
    assert_refused(scene_receive(&scene), ENCRYPTION_NO_KEY);
    ours.decryption_count = 1;
    assert_done(scene_receive(&scene));
}

// ---- setup ----

static int make_all(void **state) {
    char self[4096];
    char program[4300];
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
    ours.encryption = EVP_RSA_gen(2048);
    ours.decryption[0] = ours.encryption;
    ours.decryption_count = 1;
    foreign = EVP_RSA_gen(2048);
    assert_int_equal(open_op(state), 0);
    // Each login without a signature that holds costs a worker: two, so that one is being forked meanwhile.
    struct pool_options options = {.program = program, .warm = 2, .deadline_ms = 10000, .wait_ms = 10000};
    return pool_open(*state, &options, &pool) == NULL ? close_op(state) : -1;
}

static int free_all(void **state) {
    (void)state;
    pool_close(pool);
    party_free(&idp);
    party_free(&stranger);
    EVP_PKEY_free(ours.encryption);
    EVP_PKEY_free(foreign);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_signature_inside_outside_or_both_is_accepted),
        TEST(cbc_is_taken_under_a_signed_response_or_where_the_policy_and_the_brake_let_it),
        TEST(a_plaintext_that_nobody_signed_counts_for_nothing),
        TEST(a_wrong_signature_inside_refuses_also_under_a_right_one_outside),
        TEST(what_is_not_one_assertion_is_refused),
        TEST(a_failure_of_the_key_looks_like_any_other),
        TEST(fifty_failures_switch_cbc_off_and_gcm_not),
        TEST(an_encrypted_name_is_read_from_a_signed_assertion),
        TEST(an_encrypted_name_that_is_none_is_refused),
        TEST(an_encrypted_attribute_counts_as_one_in_the_clear),
        TEST(an_encrypted_attribute_that_does_not_open_is_refused),
        TEST(opening_attributes_has_a_bound),
        TEST(prefixes_that_are_declared_outside_count_inside),
        TEST(without_a_key_nothing_is_opened),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
