// SPDX-License-Identifier: GPL-3.0-or-later
// The provider's key and the foreign one of the unknown-signer fault, made at the first start.
// Owns: four PEM files in the data directory, readable by their owner only.
// Never: replaces a file that is there; a broken one stops the start.
#include "practice/practice.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BITS 2048
#define CERTIFICATE_DAYS 3650 // a practice key outlives the practice

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

static char *bio_text(BIO *bio) {
    char *at = NULL;
    long length = BIO_get_mem_data(bio, &at);
    return g_strndup(at, (gsize)length);
}

static X509 *certificate_make(EVP_PKEY *key, const char *name) {
    g_autoptr(X509) cert = X509_new();
    unsigned char serial[8];
    if (cert == NULL || RAND_bytes(serial, sizeof serial) != 1) {
        return NULL;
    }
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
    g_autofree char *hex =
        g_strdup_printf("%02x%02x%02x%02x%02x%02x%02x%02x", serial[0], serial[1], serial[2],
                        serial[3], serial[4], serial[5], serial[6], serial[7]);
    BIGNUM *number = NULL;
    if (BN_hex2bn(&number, hex) == 0) {
        return NULL;
    }
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    X509_set_version(cert, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * CERTIFICATE_DAYS);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(cert, subject);
    if (X509_set_pubkey(cert, key) != 1 || X509_sign(cert, key, EVP_sha256()) == 0) {
        return NULL;
    }
    return g_steal_pointer(&cert);
}

static char *file_write(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return g_strdup_printf("%s cannot be written: %s.", path, g_strerror(errno));
    }
    size_t length = strlen(text);
    ssize_t written = write(file, text, length);
    if (written < 0 || (size_t)written != length || fsync(file) != 0 || close(file) != 0) {
        unlink(path);
        return g_strdup_printf("%s cannot be written: %s.", path, g_strerror(errno));
    }
    return NULL;
}

static char *pair_make(const char *key_path, const char *cert_path, const char *name) {
    g_autoptr(EVP_PKEY) key = EVP_RSA_gen(KEY_BITS);
    g_autoptr(X509) cert = key != NULL ? certificate_make(key, name) : NULL;
    g_autoptr(BIO) key_bio = BIO_new(BIO_s_mem());
    g_autoptr(BIO) cert_bio = BIO_new(BIO_s_mem());
    if (cert == NULL || key_bio == NULL || cert_bio == NULL ||
        PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(cert_bio, cert) != 1) {
        return g_strdup("OpenSSL could not make an RSA key and its certificate.");
    }
    g_autofree char *key_text = bio_text(key_bio);
    g_autofree char *cert_text = bio_text(cert_bio);
    char *why = file_write(cert_path, cert_text);
    return why != NULL ? why : file_write(key_path, key_text);
}

static char *certificate_base64(X509 *cert) {
    unsigned char *der = NULL;
    int length = i2d_X509(cert, &der);
    char *text = length > 0 ? g_base64_encode(der, (gsize)length) : NULL;
    OPENSSL_free(der);
    return text;
}

static char *pair_open(const char *dir, const char *stem, const char *name,
                       struct signer *ret_signer) {
    g_autofree char *key_path = g_strdup_printf("%s/%s-key.pem", dir, stem);
    g_autofree char *cert_path = g_strdup_printf("%s/%s-cert.pem", dir, stem);
    if (access(key_path, F_OK) != 0 && access(cert_path, F_OK) != 0) {
        char *why = pair_make(key_path, cert_path, name);
        if (why != NULL) {
            return why;
        }
    }
    struct signer signer = {0};
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(key_path, &signer.key_pem, NULL, &error) ||
        !g_file_get_contents(cert_path, &signer.cert_pem, NULL, &error)) {
        g_free(signer.key_pem);
        return g_strdup_printf("A key file cannot be read: %s.", error->message);
    }
    g_autoptr(BIO) key_bio = BIO_new_mem_buf(signer.key_pem, -1);
    g_autoptr(BIO) cert_bio = BIO_new_mem_buf(signer.cert_pem, -1);
    g_autoptr(EVP_PKEY) key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    g_autoptr(X509) cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    if (key != NULL && cert != NULL && X509_check_private_key(cert, key) == 1) {
        signer.cert_base64 = certificate_base64(cert);
    }
    if (signer.cert_base64 == NULL) {
        g_free(signer.key_pem);
        g_free(signer.cert_pem);
        return g_strdup_printf(
            "%s and %s are not a private key and its certificate in PEM; remove both"
            " to have new ones made.",
            key_path, cert_path);
    }
    *ret_signer = signer;
    return NULL;
}

char *keys_open(struct idp *idp) {
    if (mkdir(idp->data_dir, 0700) != 0 && errno != EEXIST) {
        return g_strdup_printf("The data directory %s cannot be made: %s.", idp->data_dir,
                               g_strerror(errno));
    }
    char *why = pair_open(idp->data_dir, "idp", "Gatehouse practice identity provider", &idp->own);
    if (why != NULL) {
        return why;
    }
    return pair_open(idp->data_dir, "foreign", "A key that nobody trusts", &idp->foreign);
}
