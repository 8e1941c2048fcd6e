// SPDX-License-Identifier: GPL-3.0-or-later
// Signed SAML messages for the tests of this room, with keys that are made at run time. A message is
// written in canonical form, so that covered bytes and SignedInfo are what an honest worker would answer; a test
// changes the text before it is signed (edit), the SignedInfo (info_old, info_new), or the result (tamper).
#ifndef GATEHOUSE_UNIT_SAML_FORGE_H
#define GATEHOUSE_UNIT_SAML_FORGE_H

#include "base/unit.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "saml/msg.h"
#include "saml/reader.h"
#include "saml/trust.h"

#define OUR_ENTITY "https://gate.example/saml/acme-okta"
#define OUR_ACS "https://gate.example/saml/acme-okta/acs"
#define THEIR_ENTITY "https://idp.example/"
#define REQUEST_ID "_request1"

#define BEARER "urn:oasis:names:tc:SAML:2.0:cm:bearer"
#define SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"
#define PASSWORD "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

// '@' stands where the Signature goes.
#define ASSERTION                                                                                  \
    "<saml:Assertion xmlns:saml=\"" NS_SAML "\" ID=\"_a1\" IssueInstant=\"2026-11-21T16:00:00Z\" "   \
    "Version=\"2.0\"><saml:Issuer>" THEIR_ENTITY "</saml:Issuer>@<saml:Subject><saml:NameID "       \
    "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">ada&#64;acme.example"         \
    "</saml:NameID><saml:SubjectConfirmation Method=\"" BEARER "\"><saml:SubjectConfirmationData "   \
    "InResponseTo=\"" REQUEST_ID "\" NotOnOrAfter=\"2026-11-21T16:05:00Z\" Recipient=\"" OUR_ACS     \
    "\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>"                  \
    "<saml:Conditions NotBefore=\"2026-11-21T15:55:00Z\" NotOnOrAfter=\"2026-11-21T16:06:00Z\">"     \
    "<saml:AudienceRestriction><saml:Audience>" OUR_ENTITY "</saml:Audience>"                        \
    "</saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement "                            \
    "AuthnInstant=\"2026-11-21T15:59:00Z\" SessionIndex=\"_s1\"><saml:AuthnContext>"                 \
    "<saml:AuthnContextClassRef>" PASSWORD "</saml:AuthnContextClassRef></saml:AuthnContext>"        \
    "</saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name=\"groups\">"                \
    "<saml:AttributeValue>Admins</saml:AttributeValue><saml:AttributeValue>Staff &amp; co"           \
    "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>"
// '#' stands where the Assertion goes.
#define RESPONSE                                                                                   \
    "<samlp:Response xmlns:samlp=\"" NS_SAMLP "\" Destination=\"" OUR_ACS "\" ID=\"_r1\" "           \
    "InResponseTo=\"" REQUEST_ID "\" IssueInstant=\"2026-11-21T16:00:00Z\" Version=\"2.0\">"         \
    "<saml:Issuer xmlns:saml=\"" NS_SAML "\">" THEIR_ENTITY "</saml:Issuer>@<samlp:Status>"         \
    "<samlp:StatusCode Value=\"" SUCCESS "\"></samlp:StatusCode></samlp:Status>#</samlp:Response>"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define ENC "http://www.w3.org/2001/04/xmlenc#"
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"

struct party {
    EVP_PKEY *key;
    X509 *x509;
    struct slice der; // malloc'd
};

__attribute__((unused)) static struct party party_make(EVP_PKEY *key, int64_t not_after) {
    struct party party = {key, X509_new(), SLICE_NONE};
    assert_non_null(key);
    assert_non_null(party.x509);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(party.x509), 1);
    (void)ASN1_TIME_set(X509_getm_notBefore(party.x509), (time_t)(NOON / 1000 - 86400));
    (void)ASN1_TIME_set(X509_getm_notAfter(party.x509), (time_t)(not_after / 1000));
    (void)X509_set_pubkey(party.x509, key);
    X509_NAME *name = X509_get_subject_name(party.x509);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"idp.example",
                                     -1, -1, 0);
    (void)X509_set_issuer_name(party.x509, name);
    assert_true(X509_sign(party.x509, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(party.x509, &der);
    assert_true(len > 0);
    party.der = slice_of(der, (size_t)len);
    return party;
}

__attribute__((unused)) static void party_free(struct party *party) {
    OPENSSL_free((void *)(uintptr_t)party->der.at);
    X509_free(party->x509);
    EVP_PKEY_free(party->key);
}

__attribute__((unused)) static struct certificate party_certificate(struct op *op,
                                                                    const struct party *party) {
    struct certificate certificate = {.der = party->der, .subject = S("CN=idp.example"),
                                      .not_before = NOON - DAY_MS};
    struct sha256 digest = digest_sha256(party->der);
    struct tm tm;
    assert_done(encode_hex(op, digest_slice(&digest), &certificate.sha256));
    assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(party->x509), &tm), 1);
    certificate.not_after = (int64_t)timegm(&tm) * 1000;
    return certificate;
}

// A connection that trusts these parties.
__attribute__((unused)) static struct connection connection_of(struct op *op,
                                                               const struct party *parties,
                                                               size_t count) {
    struct certificate *rows = NULL;
    assert_done(op_take(op, (count + 1) * sizeof *rows, &rows));
    for (size_t i = 0; i < count; i++) {
        rows[i] = party_certificate(op, &parties[i]);
    }
    struct connection connection = {.slug = S("acme-okta"), .tenant = S("acme"), .version = 1};
    connection.idp.entity_id = S(THEIR_ENTITY);
    connection.idp.certificates = (struct rows){rows, count};
    connection.policy.skew_seconds = 180;
    connection.policy.want = WANT_EITHER;
    return connection;
}

// The text with the first `from` replaced; a text that does not occur is the test's mistake.
__attribute__((unused)) static struct slice edit(struct op *op, struct slice text, const char *from,
                                                 const char *to) {
    size_t at = slice_find(text, slice_str(from));
    if (at == SIZE_MAX) {
        fail_msg("\"%s\" is not in the text", from);
    }
    return op_text(op, "%.*s%s%.*s", SLICE(slice_sub(text, 0, at)), to,
                   SLICE(slice_sub(text, at + strlen(from), text.len)));
}

struct forge {
    struct op *op;
    const struct party *signer;
    const struct party *named;           // whose certificate is in KeyInfo; NULL: no KeyInfo
    const char *method, *digest;         // URIs; NULL: RSA-SHA256, SHA-256
    const EVP_MD *method_md, *digest_md; // that fit; NULL: SHA-256
    const char *info_old, *info_new;     // changed in SignedInfo before it is signed
};

static struct slice base64(struct op *op, struct slice bytes) {
    struct slice text;
    assert_done(encode_base64(op, bytes, &text));
    return text;
}

static struct slice raw_signature(struct op *op, const struct forge *forge, struct slice octets) {
    unsigned char bytes[1024];
    size_t len = sizeof bytes;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *md = forge->method_md != NULL ? forge->method_md : EVP_sha256();
    assert_int_equal(EVP_DigestSignInit(context, NULL, md, NULL, forge->signer->key), 1);
    assert_int_equal(EVP_DigestSign(context, bytes, &len, (const unsigned char *)octets.at, octets.len),
                     1);
    EVP_MD_CTX_free(context);
    struct slice value;
    if (EVP_PKEY_get_base_id(forge->signer->key) == EVP_PKEY_EC) {
        const unsigned char *at = bytes;
        ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
        int field = (EVP_PKEY_get_bits(forge->signer->key) + 7) / 8;
        assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes, field), field);
        assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes + field, field), field);
        ECDSA_SIG_free(signature);
        len = (size_t)field * 2;
    }
    assert_done(op_copy(op, slice_of(bytes, len), &value));
    return value;
}

// Signs `covered`, the element with this ID. Gives what a worker answers, and the Signature element as text.
__attribute__((unused)) static struct slice sign(const struct forge *forge, struct slice covered,
                                                 const char *id, uint32_t parent,
                                                 struct msg_signature *ret_signature) {
    struct op *op = forge->op;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    assert_int_equal(EVP_Digest(covered.at, covered.len, digest, &digest_len,
                                forge->digest_md != NULL ? forge->digest_md : EVP_sha256(), NULL), 1);
    struct slice info = op_text(
        op,
        "<ds:SignedInfo xmlns:ds=\"" NS_DS "\"><ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\">"
        "</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"%s\"></ds:SignatureMethod>"
        "<ds:Reference URI=\"#%s\"><ds:Transforms><ds:Transform Algorithm=\"" NS_DS
        "enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"" EXCLUSIVE "\">"
        "<ec:InclusiveNamespaces xmlns:ec=\"" NS_EC "\" PrefixList=\"xs\"></ec:InclusiveNamespaces>"
        "</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"%s\"></ds:DigestMethod>"
        "<ds:DigestValue>%.*s</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        forge->method != NULL ? forge->method : MORE "rsa-sha256", id,
        forge->digest != NULL ? forge->digest : ENC "sha256",
        SLICE(base64(op, slice_of(digest, digest_len))));
    if (forge->info_old != NULL) {
        info = edit(op, info, forge->info_old, forge->info_new);
    }
    struct slice value = base64(op, raw_signature(op, forge, info));
    *ret_signature = (struct msg_signature){parent, slice_str(id), info, value, covered};
    struct slice key_info = S("");
    if (forge->named != NULL) {
        key_info = op_text(op, "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n%.*s\n"
                           "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
                           SLICE(base64(op, forge->named->der)));
    }
    // Inserted unwrapped, as IdPs write it: the declaration stands on the Signature itself.
    return op_text(op, "<ds:Signature xmlns:ds=\"" NS_DS "\">%.*s<ds:SignatureValue>%.*s</ds:SignatureValue>"
                   "%.*s</ds:Signature>", SLICE(edit(op, info, " xmlns:ds=\"" NS_DS "\"", "")),
                   SLICE(value), SLICE(key_info));
}

#endif
