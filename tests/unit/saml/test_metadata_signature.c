// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata that has to be signed by a key that came another way: only the verified octets are read.
#include "saml/idp_xml.h"

#include "saml/forge.h"

static struct party federation, second, stranger;

static int open_keys(void **state) {
    federation = party_make(EVP_RSA_gen(2048), NOON - HOUR_MS); // expired, which decides nothing
    second = party_make(EVP_EC_gen("P-256"), NOON + DAY_MS);
    stranger = party_make(EVP_RSA_gen(2048), NOON + DAY_MS);
    return make_idp_keys(state);
}

static int close_keys(void **state) {
    party_free(&federation);
    party_free(&second);
    party_free(&stranger);
    return free_idp_keys(state);
}

static struct rows signers(struct op *op) {
    struct certificate *rows = NULL;
    assert_done(op_take(op, 2 * sizeof *rows, &rows));
    rows[0] = party_certificate(op, &federation);
    rows[1] = party_certificate(op, &second);
    return (struct rows){rows, 2};
}

// The document, canonical, with '@' where the Signature goes.
#define DOCUMENT                                                                                   \
    "<md:EntityDescriptor xmlns:md=\"" NS_MD "\" ID=\"_m1\" entityID=\"https://idp.example/one\">@"  \
    "<md:IDPSSODescriptor " SAML2 ">%.*s<md:SingleSignOnService Binding=\"" HTTP(                  \
        "HTTP-Redirect") "\" Location=\"https://idp.example/sso\"></md:SingleSignOnService>"       \
                         "</md:IDPSSODescriptor></md:EntityDescriptor>"

static struct slice document(struct op *op) {
    return op_text(op, DOCUMENT, SLICE(good_key(op)));
}

static struct slice with(struct op *op, struct slice text, struct slice signature) {
    const char *inserted;
    assert_done(op_cstr(op, signature, &inserted));
    return edit(op, text, "@", inserted);
}

static struct slice signed_by(struct op *op, const struct party *party, struct slice text,
                              const char *id) {
    struct msg_signature unused;
    struct forge forge = {.op = op, .signer = party, .named = party};
    if (EVP_PKEY_get_base_id(party->key) == EVP_PKEY_EC) {
        forge.method = MORE "ecdsa-sha256";
    }
    return with(op, text, sign(&forge, edit(op, text, "@", ""), id, MSG_PARENT_ROOT, &unused));
}

static reason import(struct op *op, struct slice xml, struct idp_import *ret) {
    return idp_from_signed_xml(op, NULL, xml, S(""), signers(op), ret);
}

static void signed_metadata_is_taken(void **state) {
    struct op *op = *state;
    struct idp_import got;
    assert_done(import(op, signed_by(op, &federation, document(op), "_m1"), &got));
    assert_text(got.idp.entity_id, "https://idp.example/one");
    assert_true(got.idp.metadata_signed);
    assert_int_equal(got.idp.metadata_certificates.count, 2);
    assert_done(import(op, signed_by(op, &second, document(op), "_m1"), &got));
}

static void a_group_of_entities_may_be_what_is_signed(void **state) {
    struct op *op = *state;
    struct idp_import got;
    struct slice inner = edit(op, edit(op, document(op), "@", ""), " ID=\"_m1\"", "");
    struct slice all = op_text(op, "<md:EntitiesDescriptor xmlns:md=\"" NS_MD "\" ID=\"_g1\">@%.*s"
                               "</md:EntitiesDescriptor>", SLICE(inner));
    assert_done(import(op, signed_by(op, &federation, all, "_g1"), &got));
    assert_text(got.idp.entity_id, "https://idp.example/one");
}

static void what_is_not_signed_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import got;
    struct slice bare = edit(op, document(op), "@", "");
    assert_refused(import(op, bare, &got), METADATA_SIGNATURE);
    assert_true(said(op, "not signed"));
    // Where nobody asked for a signature it is taken.
    assert_done(idp_from_xml(op, NULL, bare, S(""), &got));
    assert_false(got.idp.metadata_signed);
    assert_int_equal(got.idp.metadata_certificates.count, 0);
}

static void another_key_is_refused_whatever_the_document_says_of_it(void **state) {
    struct op *op = *state;
    struct idp_import got;
    assert_refused(import(op, signed_by(op, &stranger, document(op), "_m1"), &got), METADATA_SIGNATURE);
    assert_true(said(op, "signature.unknown_signer"));
}

static void a_change_after_signing_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import got;
    struct slice text = signed_by(op, &federation, document(op), "_m1");
    assert_refused(import(op, edit(op, text, "https://idp.example/sso", "https://evil.example/sso"), &got), METADATA_SIGNATURE);
    assert_true(said(op, "signature.digest"));
}

static void a_signature_over_another_element_is_refused(void **state) {
    struct op *op = *state;
    struct idp_import got;
    struct msg_signature unused;
    struct forge forge = {.op = op, .signer = &federation};
    // Honest, but of another document: put into ours, whose ID is its own or the same.
    struct slice theirs = edit(op, document(op), "@", "");
    struct slice signature = sign(&forge, theirs, "_m1", MSG_PARENT_ROOT, &unused);
    struct slice ours = edit(op, document(op), "https://idp.example/one", "https://evil.example/");
    assert_refused(import(op, with(op, ours, signature), &got), METADATA_SIGNATURE);
    struct slice other = edit(op, ours, "_m1", "_m2");
    assert_refused(import(op, with(op, other, signature), &got), METADATA_SIGNATURE);
    assert_true(said(op, "signature.reference"));
}

static void a_signed_service_provider_or_message_is_no_metadata(void **state) {
    struct op *op = *state;
    struct idp_import got;
    struct slice message = op_text(op, "<samlp:Response xmlns:samlp=\"" NS_SAMLP "\" ID=\"_m1\">@"
                                   "</samlp:Response>");
    assert_refused(import(op, signed_by(op, &federation, message, "_m1"), &got), METADATA_SIGNATURE);
}

static void sha1_is_not_taken(void **state) {
    struct op *op = *state;
    struct idp_import got;
    struct msg_signature unused;
    struct forge forge = {.op = op, .signer = &federation, .method = NS_DS "rsa-sha1",
                          .method_md = EVP_sha1()};
    struct slice text = document(op);
    struct slice signature = sign(&forge, edit(op, text, "@", ""), "_m1", MSG_PARENT_ROOT, &unused);
    assert_refused(import(op, with(op, text, signature), &got), METADATA_SIGNATURE);
    assert_true(said(op, "signature.algorithm"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(signed_metadata_is_taken),
        TEST(a_group_of_entities_may_be_what_is_signed),
        TEST(what_is_not_signed_is_refused),
        TEST(another_key_is_refused_whatever_the_document_says_of_it),
        TEST(a_change_after_signing_is_refused),
        TEST(a_signature_over_another_element_is_refused),
        TEST(a_signed_service_provider_or_message_is_no_metadata),
        TEST(sha1_is_not_taken),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
