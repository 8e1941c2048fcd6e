// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates made at run time for tests of imports, with the dates that a test wants.
#ifndef GATEHOUSE_UNIT_IDP_H
#define GATEHOUSE_UNIT_IDP_H

#include "base/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/encode.h"
#include "saml/idp_metadata.h"

__attribute__((unused)) static EVP_PKEY *rsa_2048, *rsa_1024, *ec_256, *ec_521, *ec_bad;

__attribute__((unused)) static int make_idp_keys(void **state) {
    (void)state;
    rsa_2048 = EVP_RSA_gen(2048);
    rsa_1024 = EVP_RSA_gen(1024);
    ec_256 = EVP_EC_gen("P-256");
    ec_521 = EVP_EC_gen("P-521");
    ec_bad = EVP_EC_gen("secp256k1");
    return rsa_2048 != NULL && rsa_1024 != NULL && ec_256 != NULL && ec_521 != NULL &&
                   ec_bad != NULL
               ? 0
               : -1;
}
__attribute__((unused)) static int free_idp_keys(void **state) {
    (void)state;
    EVP_PKEY_free(rsa_2048);
    EVP_PKEY_free(rsa_1024);
    EVP_PKEY_free(ec_256);
    EVP_PKEY_free(ec_521);
    EVP_PKEY_free(ec_bad);
    return 0;
}

// DER, valid from `from` to `to` days from NOON.
__attribute__((unused)) static struct slice certificate_of(struct op *op, EVP_PKEY *key,
                                                           const char *name, int from, int to) {
    X509 *x509 = X509_new();
    time_t now = NOON / 1000;
    struct slice copy;
    unsigned char *der = NULL;
    assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 7), 1);
    assert_non_null(X509_time_adj_ex(X509_getm_notBefore(x509), from, 0, &now));
    assert_non_null(X509_time_adj_ex(X509_getm_notAfter(x509), to, 0, &now));
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(x509)), 1);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    int len = i2d_X509(x509, &der);
    assert_true(len > 0);
    assert_done(op_copy(op, slice_of(der, (size_t)len), &copy));
    OPENSSL_free(der);
    X509_free(x509);
    return copy;
}
__attribute__((unused)) static struct slice base64_of(struct op *op, EVP_PKEY *key, int from,
                                                      int to) {
    struct slice text;
    assert_done(encode_base64(op, certificate_of(op, key, "IdP signing", from, to), &text));
    return text;
}
// Lines of `width` characters, each after `indent`.
__attribute__((unused)) static struct slice wrapped(struct op *op, struct slice text, size_t width,
                                                    const char *indent) {
    struct slice out = S("");
    for (size_t at = 0; at < text.len; at += width) {
        out = op_text(op, "%.*s%s%.*s", SLICE(out), indent, SLICE(slice_sub(text, at, at + width)));
    }
    return out;
}
__attribute__((unused)) static struct slice pem_of(struct op *op, EVP_PKEY *key, int from, int to) {
    struct slice lines = wrapped(op, base64_of(op, key, from, to), 64, "\n");
    return op_text(op, "-----BEGIN CERTIFICATE-----%.*s\n-----END CERTIFICATE-----\n", SLICE(lines));
}

__attribute__((unused)) static bool warned(const struct idp_import *import, const char *part) {
    for (size_t i = 0; i < import->warnings.count; i++) {
        if (slice_find(import->warnings.at[i], slice_str(part)) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}
__attribute__((unused)) static bool said(struct op *op, const char *part) {
    if (slice_find(op->detail, slice_str(part)) == SIZE_MAX) {
        print_error("\"%s\" is not in: %.*s\n", part, SLICE(op->detail));
        return false;
    }
    return true;
}
__attribute__((unused)) static const struct certificate *
certificate_at(const struct idp_import *import, size_t i) {
    const struct certificate *rows = import->idp.certificates.at;
    assert_true(i < import->idp.certificates.count);
    return &rows[i];
}
__attribute__((unused)) static void check_endpoint(struct rows rows, size_t i, int binding,
                                                   const char *location, const char *response) {
    const struct endpoint *endpoints = rows.at;
    assert_true(i < rows.count);
    assert_int_equal(endpoints[i].binding, binding);
    assert_text(endpoints[i].location, location);
    assert_text(endpoints[i].response_location, response);
}

#endif
