// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that a target makes once, at its start: an identity provider that is trusted, and a directory for
// our own. No input can hold anything that these keys signed, so whatever asks for that must refuse.
#ifndef GATEHOUSE_TESTS_FUZZ_KEYS_H
#define GATEHOUSE_TESTS_FUZZ_KEYS_H

#include <dirent.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "saml/sp.h"
#include "saml/trust.h"

#define FUZZ_NOW INT64_C(1795276800000) // 2026-11-21T16:00:00Z

__attribute__((unused)) static const struct trust *fuzz_trust(void) {
    static struct op lasting;
    op_open(&lasting, FUZZ_NOW);
    EVP_PKEY *keys[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-256")};
    struct certificate *rows = NULL;
    CHECK(op_take(&lasting, 2 * sizeof *rows, &rows) == NULL);
    for (size_t i = 0; i < 2; i++) {
        X509 *x509 = X509_new();
        CHECK(keys[i] != NULL && x509 != NULL);
        (void)ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(FUZZ_NOW / 1000 - 86400));
        (void)ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(FUZZ_NOW / 1000 + 86400));
        CHECK(X509_set_pubkey(x509, keys[i]) == 1 && X509_sign(x509, keys[i], EVP_sha256()) > 0);
        unsigned char *der = NULL;
        int len = i2d_X509(x509, &der);
        CHECK(len > 0);
        rows[i] = (struct certificate){.der = slice_of(der, (size_t)len), .sha256 = S("00"),
                                       .subject = S("idp"), .not_after = FUZZ_NOW + 86400000};
        X509_free(x509);
        EVP_PKEY_free(keys[i]);
    }
    static struct connection connection;
    connection = (struct connection){.slug = S("acme-okta"), .tenant = S("acme"), .version = 1};
    connection.idp.entity_id = S("https://idp.example/");
    connection.idp.certificates = (struct rows){rows, 2};
    connection.policy = policy_default();
    connection.policy.allow_sha1 = true;
    const struct trust *trust = NULL;
    CHECK(trust_make(&lasting, &connection, &trust) == NULL);
    return trust;
}

static char fuzz_dir_name[] = "/tmp/gatehouse-fuzz-XXXXXX";

static void fuzz_dir_remove(void) {
    DIR *dir = opendir(fuzz_dir_name);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)rmdir(fuzz_dir_name);
}

// A directory that goes with the program.
__attribute__((unused)) static const char *fuzz_dir(void) {
    CHECK(mkdtemp(fuzz_dir_name) != NULL);
    (void)atexit(fuzz_dir_remove);
    return fuzz_dir_name;
}

// Our own, made once.
__attribute__((unused)) static const struct sp_keys *fuzz_sp_keys(void) {
    static struct sp_keys *keys;
    if (keys == NULL) {
        struct op start;
        op_open(&start, FUZZ_NOW);
        const char *dir = fuzz_dir();
        CHECK(sp_keys_make(&start, dir) == NULL && sp_keys_open(&start, dir, &keys) == NULL);
        op_close(&start);
    }
    return keys;
}

#endif
