// SPDX-License-Identifier: GPL-3.0-or-later
// The bench's identity provider on disk: makes its key, certificate and metadata, and reads key and
// certificate back for signing. A folder of its own for each provider, so that a foreign one is
// just another folder.
#ifndef GATEHOUSE_BENCH_IDP_H
#define GATEHOUSE_BENCH_IDP_H

#include "text.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { KEY_BITS = 2048, PATH_LEN = 4096, DAY = 24 * 3600 };

struct signer {
    EVP_PKEY *key;
    struct text *certificate; // base64 of the DER
};

static inline FILE *open_in(const char *dir, const char *name, const char *mode) {
    char path[PATH_LEN];
    int len = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        errx(2, "the path of %s is too long", name);
    }
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        err(2, "%s", path);
    }
    return file;
}

static inline void close_written(FILE *file, const char *name) {
    if (fclose(file) != 0) {
        err(2, "%s", name);
    }
}

static inline struct text *certificate_base64(X509 *certificate) {
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    if (len <= 0) {
        errx(2, "OpenSSL did not encode the certificate");
    }
    struct text *text = text_new();
    add_base64(text, der, (size_t)len);
    OPENSSL_free(der);
    return text;
}

static inline X509 *self_signed(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    X509_NAME *name = X509_NAME_new();
    uint64_t serial = 0;
    if (certificate == NULL || name == NULL ||
        RAND_bytes((unsigned char *)&serial, sizeof serial) != 1 ||
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                                   (const unsigned char *)"Gatehouse bench", -1, -1, 0) != 1 ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   (const unsigned char *)"idp.bench.example", -1, -1, 0) != 1 ||
        X509_set_version(certificate, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(certificate), 365L * DAY) == NULL ||
        X509_set_subject_name(certificate, name) != 1 ||
        X509_set_issuer_name(certificate, name) != 1 || X509_set_pubkey(certificate, key) != 1 ||
        X509_sign(certificate, key, EVP_sha256()) == 0) {
        errx(2, "OpenSSL made no certificate");
    }
    X509_NAME_free(name);
    return certificate;
}

static inline void make_idp(const char *dir, const char *issuer) {
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        err(2, "%s", dir);
    }
    EVP_PKEY *key = EVP_RSA_gen((unsigned int)KEY_BITS);
    if (key == NULL) {
        errx(2, "OpenSSL made no key");
    }
    X509 *certificate = self_signed(key);
    umask(0077); // the key is nobody else's
    FILE *file = open_in(dir, "idp.key", "we");
    if (PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1) {
        errx(2, "the key was not written");
    }
    close_written(file, "idp.key");
    file = open_in(dir, "idp.crt", "we");
    if (PEM_write_X509(file, certificate) != 1) {
        errx(2, "the certificate was not written");
    }
    close_written(file, "idp.crt");
    struct text *base64 = certificate_base64(certificate);
    file = open_in(dir, "idp-metadata.xml", "we");
    fprintf(file,
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" "
            "entityID=\"%s\">\n"
            "  <md:IDPSSODescriptor protocolSupportEnumeration="
            "\"urn:oasis:names:tc:SAML:2.0:protocol\">\n"
            "    <md:KeyDescriptor use=\"signing\"><ds:KeyInfo "
            "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"
            "<ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            "</md:KeyDescriptor>\n"
            "    <md:NameIDFormat>"
            "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>\n"
            "    <md:SingleSignOnService "
            "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" "
            "Location=\"https://idp.bench.example/sso\"/>\n"
            "  </md:IDPSSODescriptor>\n</md:EntityDescriptor>\n",
            issuer, base64->at);
    close_written(file, "idp-metadata.xml");
    free(base64);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static inline void signer_open(struct signer *signer, const char *dir) {
    FILE *file = open_in(dir, "idp.key", "re");
    signer->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    file = open_in(dir, "idp.crt", "re");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    if (signer->key == NULL || certificate == NULL) {
        errx(2, "%s: no key or no certificate in idp.key and idp.crt", dir);
    }
    signer->certificate = certificate_base64(certificate);
    X509_free(certificate);
}

static inline void signer_close(struct signer *signer) {
    EVP_PKEY_free(signer->key);
    free(signer->certificate);
}

#endif
