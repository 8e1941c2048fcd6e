// SPDX-License-Identifier: GPL-3.0-or-later
// An identity provider for tests: certificates made at run time, metadata in canonical form, and workers that the
// test plays: pool_whole gives back what it gets, or refuses as the test says.
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_IDP_MADE_H
#define GATEHOUSE_TESTS_UNIT_HTTP_IDP_MADE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/encode.h"
#include "http/callers.h"

static reason pool_refuses; // what the workers say; NULL: they do their work

reason pool_whole(struct op *op, struct pool *pool, struct slice xml, struct msg_whole *ret) {
    (void)pool;
    if (pool_refuses != NULL) {
        return op_refuse(op, pool_refuses, "as the test says");
    }
    *ret = (struct msg_whole){.canonical = xml};
    return NULL;
}
void pool_canonicalise(struct pool *pool, struct pool_job *jobs, size_t count) {
    (void)pool;
    for (size_t i = 0; i < count; i++) {
        jobs[i].loan = NULL;
        jobs[i].why =
            op_refuse(jobs[i].op, REASON_OF(WORKER_FAILED), "no test here sends a response");
    }
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
    (void)pool, (void)ask, (void)ret_opinion;
    REFUSE(op, WORKER_FAILED, "nobody here gives a second opinion");
}
void pool_return(struct pool *pool, struct pool_loan *loan, bool held) {
    (void)pool;
    (void)loan;
    (void)held;
}
bool pool_ready(struct pool *pool) {
    (void)pool;
    return pool_refuses == NULL;
}

// Self-signed, its DER in base64.
HELPER const char *certificate_made(struct scene *at, const char *name) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *made = X509_new();
    assert_non_null(key);
    assert_non_null(made);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(made), 1), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(made), (time_t)(NOON / SECOND_MS) - 86400));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(made), (time_t)(NOON / SECOND_MS) + 864000000));
    X509_NAME *subject = X509_get_subject_name(made);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(made, subject), 1);
    assert_int_equal(X509_set_pubkey(made, key), 1);
    assert_true(X509_sign(made, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(made, &der);
    struct slice text;
    assert_true(len > 0);
    assert_done(encode_base64(&at->keep, slice_of(der, (size_t)len), &text));
    OPENSSL_free(der);
    X509_free(made);
    EVP_PKEY_free(key);
    return keep_text(at, "%.*s", SLICE(text));
}

// As a JSON text, without the quotes: attributes in the order that canonical XML wants, by name.
HELPER const char *metadata_made(struct scene *at, const char *entity_id) {
    return keep_text(
        at,
        "<md:EntityDescriptor xmlns:md=\\\"urn:oasis:names:tc:SAML:2.0:metadata\\\" "
        "entityID=\\\"%s\\\"><md:IDPSSODescriptor "
        "protocolSupportEnumeration=\\\"urn:oasis:names:tc:SAML:2.0:protocol\\\">"
        "<md:KeyDescriptor use=\\\"signing\\\">"
        "<ds:KeyInfo xmlns:ds=\\\"http://www.w3.org/2000/09/xmldsig#\\\"><ds:X509Data>"
        "<ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        "</md:KeyDescriptor><md:SingleSignOnService "
        "Binding=\\\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\\\" "
        "Location=\\\"https://idp.example/sso\\\"></md:SingleSignOnService>"
        "</md:IDPSSODescriptor></md:EntityDescriptor>",
        entity_id, certificate_made(at, "idp.example"));
}

#endif
