// SPDX-License-Identifier: GPL-3.0-or-later
// Keys, signatures and ciphertext as an identity provider, or who would like to be one, makes them. It knows no SAML
// and judges nothing; keys live as long as one run.
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "app/selftest/selftest.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/rand.h"
#include "saml/reader.h"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"
#define SIGNATURE_MAX 1024 // bytes: RSA-8192
#define STORED_MAX 65535   // bytes of a stored block (RFC 1951 3.2.4)

AUTO_FREE(EVP_PKEY, EVP_PKEY_free);
AUTO_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
AUTO_FREE(EVP_MD_CTX, EVP_MD_CTX_free);
AUTO_FREE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);
AUTO_FREE(X509, X509_free);
AUTO_FREE(ECDSA_SIG, ECDSA_SIG_free);

static reason failed(struct op *op, const char *what) {
    REFUSE(op, INTERNAL, "OpenSSL cannot %s", what);
}

// ---- keys ------------------------------------------------------------------------------------------------

static EVP_PKEY *make_key(const char *type, unsigned bits) {
    return strcmp(type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                   : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, int64_t now) {
    X509_NAME *name = X509_get_subject_name(certificate); // belongs to the certificate
    return X509_set_version(certificate, 2) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(now / 1000 - 86400)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(now / 1000 + 365 * 86400)) !=
               NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)"idp.example", -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0;
}

// Takes `key` over.
static reason party_of(struct op *op, EVP_PKEY *own, struct party *ret_party) {
    AUTO(EVP_PKEY) key = own;
    AUTO(X509) certificate = X509_new();
    unsigned char *der = NULL;
    if (key == NULL || certificate == NULL || !fill_certificate(certificate, key, op->now)) {
        return failed(op, "make a key and its certificate");
    }
    int len = i2d_X509(certificate, &der);
    if (len <= 0) {
        return failed(op, "write a certificate");
    }
    reason why = encode_base64(op, slice_of(der, (size_t)len), &ret_party->certificate);
    OPENSSL_free(der);
    TRY(why);
    ret_party->key = key;
    key = NULL;
    return NULL;
}

reason party_make(struct op *op, const char *type, unsigned bits, struct party *ret_party) {
    return party_of(op, make_key(type, bits), ret_party);
}

// Never asks on a terminal.
static int no_passphrase(char *to, int size, int writing, void *context) {
    (void)to, (void)size, (void)writing, (void)context;
    return -1;
}

reason party_read(struct op *op, struct slice pem, struct party *ret_party) {
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        REFUSE(op, INVALID_INPUT, "an RSA private key in PEM, without a passphrase, is expected");
    }
    return party_of(op, key, ret_party);
}

void party_free(struct party *party) {
    EVP_PKEY_free(party->key);
    *party = (struct party){NULL, SLICE_NONE};
}

// ---- digests and signatures ------------------------------------------------------------------------------

// By the end of the URI; an unknown name is taken for SHA-256, so that the message is as good as it can be.
static const EVP_MD *digest_of(const char *uri) {
    struct slice text = slice_str(uri);
    if (slice_ends(text, S("md5"))) {
        return EVP_md5();
    }
    if (slice_ends(text, S("sha1"))) {
        return EVP_sha1();
    }
    if (slice_ends(text, S("sha384"))) {
        return EVP_sha384();
    }
    return slice_ends(text, S("sha512")) ? EVP_sha512() : EVP_sha256();
}

reason forge_digest(struct op *op, const char *uri, struct slice octets, struct slice *ret_digest) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(octets.at, octets.len, digest, &len, digest_of(uri), NULL) != 1) {
        return failed(op, "compute a digest");
    }
    return op_copy(op, slice_of(digest, len), ret_digest);
}

// What an attacker has: the public key, as a secret for everybody who mistakes it for one.
static reason sign_hmac(struct op *op, const struct signing *signing, struct slice octets,
                        struct slice *ret_value) {
    unsigned char *der = NULL;
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned value_len = 0;
    int len = i2d_PUBKEY(signing->party->key, &der);
    if (len <= 0) {
        return failed(op, "write a public key");
    }
    unsigned char *done = HMAC(digest_of(signing->method), der, len, (const uint8_t *)octets.at,
                               octets.len, value, &value_len);
    OPENSSL_free(der);
    return done == NULL ? failed(op, "compute an HMAC")
                        : op_copy(op, slice_of(value, value_len), ret_value);
}

// XML Signature 6.4.3: r and s side by side.
static reason raw_ecdsa(struct op *op, EVP_PKEY *key, struct slice der, struct slice *ret_value) {
    const unsigned char *at = (const unsigned char *)der.at;
    unsigned char raw[2 * 66];
    int field = (EVP_PKEY_get_bits(key) + 7) / 8;
    AUTO(ECDSA_SIG) signature = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    if (signature == NULL || field > 66 ||
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, field) != field ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + field, field) != field) {
        return failed(op, "sign with ECDSA");
    }
    return op_copy(op, slice_of(raw, (size_t)field * 2), ret_value);
}

reason forge_sign(struct op *op, const struct signing *signing, struct slice octets,
                  struct slice *ret_value) {
    unsigned char bytes[SIGNATURE_MAX];
    size_t len = sizeof bytes;
    struct slice method = slice_str(signing->method);
    if (slice_find(method, S("hmac")) != SIZE_MAX) {
        return sign_hmac(op, signing, octets, ret_value);
    }
    AUTO(EVP_MD_CTX) context = EVP_MD_CTX_new();
    EVP_PKEY *key = signing->party->key;
    if (context == NULL ||
        EVP_DigestSignInit(context, NULL, digest_of(signing->method), NULL, key) != 1 ||
        EVP_DigestSign(context, bytes, &len, (const uint8_t *)octets.at, octets.len) != 1) {
        return failed(op, "sign");
    }
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        return raw_ecdsa(op, key, slice_of(bytes, len), ret_value);
    }
    return op_copy(op, slice_of(bytes, len), ret_value);
}

// ---- encryption ------------------------------------------------------------------------------------------

struct cipher_name {
    const char *name, *uri;
    const EVP_CIPHER *(*cipher)(void);
    size_t key_len, iv_len, tag_len; // tag_len 0: CBC
};
static const struct cipher_name ciphers[] = {
    {"aes128-gcm", XENC11 "aes128-gcm", EVP_aes_128_gcm, 16, 12, 16},
    {"aes256-gcm", XENC11 "aes256-gcm", EVP_aes_256_gcm, 32, 12, 16},
    {"aes256-gcm, a tag of 12 bytes", XENC11 "aes256-gcm", EVP_aes_256_gcm, 32, 12, 12},
    {"aes128-cbc", NS_XENC "aes128-cbc", EVP_aes_128_cbc, 16, 16, 0},
    {"aes256-cbc", NS_XENC "aes256-cbc", EVP_aes_256_cbc, 32, 16, 0},
    {"tripledes-cbc", NS_XENC "tripledes-cbc", EVP_des_ede3_cbc, 24, 8, 0},
};

static reason seal(struct op *op, const struct cipher_name *name, const uint8_t *key,
                   struct slice plain, struct slice *ret_bytes) {
    uint8_t *out = NULL;
    int len = 0;
    int rest = 0;
    TRY(op_take(op, name->iv_len + plain.len + 64, &out));
    rand_bytes(out, name->iv_len);
    AUTO(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
    uint8_t *body = out + name->iv_len;
    if (context == NULL || EVP_EncryptInit_ex(context, name->cipher(), NULL, key, out) != 1 ||
        EVP_EncryptUpdate(context, body, &len, (const uint8_t *)plain.at, (int)plain.len) != 1 ||
        EVP_EncryptFinal_ex(context, body + len, &rest) != 1) {
        return failed(op, "encrypt");
    }
    size_t end = (size_t)len + (size_t)rest;
    if (name->tag_len > 0 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, (int)name->tag_len, body + end) != 1) {
        return failed(op, "make a GCM tag");
    }
    *ret_bytes = slice_of(out, name->iv_len + end + name->tag_len);
    return NULL;
}

static reason wrap_key(struct op *op, EVP_PKEY *to, const char *wrap, struct slice key,
                       struct slice *ret_bytes) {
    uint8_t out[SIGNATURE_MAX];
    size_t len = sizeof out;
    bool old = strcmp(wrap, "rsa15") == 0;
    bool sha256 = strcmp(wrap, "oaep-sha256") == 0;
    const EVP_MD *digest = sha256 ? EVP_sha256() : EVP_sha1();
    AUTO(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new(to, NULL);
    if (context == NULL || EVP_PKEY_encrypt_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context,
                                     old ? RSA_PKCS1_PADDING : RSA_PKCS1_OAEP_PADDING) != 1 ||
        (!old && (EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) != 1 ||
                  EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) != 1)) ||
        EVP_PKEY_encrypt(context, out, &len, (const uint8_t *)key.at, key.len) != 1) {
        return failed(op, "wrap a key");
    }
    return op_copy(op, slice_of(out, len), ret_bytes);
}

static const char *wrap_method(const char *wrap) {
    if (strcmp(wrap, "rsa15") == 0) {
        return "<xenc:EncryptionMethod Algorithm=\"" NS_XENC "rsa-1_5\"></xenc:EncryptionMethod>";
    }
    if (strcmp(wrap, "oaep-sha256") == 0) {
        return "<xenc:EncryptionMethod Algorithm=\"" XENC11 "rsa-oaep\"><ds:DigestMethod Algorithm=\"" NS_XENC "sha256\"></ds:DigestMethod><xenc11:MGF "
               "xmlns:xenc11=\"" XENC11 "\" Algorithm=\"" XENC11 "mgf1sha256\"></xenc11:MGF>"
               "</xenc:EncryptionMethod>";
    }
    return "<xenc:EncryptionMethod Algorithm=\"" NS_XENC "rsa-oaep-mgf1p\"><ds:DigestMethod "
           "Algorithm=\"" NS_DS "sha1\"></ds:DigestMethod>"
           "</xenc:EncryptionMethod>";
}

reason forge_encrypt(struct op *op, EVP_PKEY *to, const char *cipher, const char *wrap,
                     struct slice plain, struct slice *ret_element) {
    const struct cipher_name *name = NULL;
    uint8_t key[32];
    struct slice sealed, wrapped, sealed_text, wrapped_text;
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
        name = strcmp(ciphers[i].name, cipher) == 0 ? &ciphers[i] : name;
    }
    if (name == NULL) {
        REFUSE(op, INTERNAL, "the row names the cipher %s, which is none", cipher);
    }
    rand_bytes(key, sizeof key);
    TRY(seal(op, name, key, plain, &sealed));
    TRY(wrap_key(op, to, wrap, slice_of(key, name->key_len), &wrapped));
    TRY(encode_base64(op, sealed, &sealed_text));
    TRY(encode_base64(op, wrapped, &wrapped_text));
    *ret_element = op_text(
        op,
        "<saml:EncryptedAssertion xmlns:saml=\"" NS_SAML "\"><xenc:EncryptedData xmlns:xenc=\""
        NS_XENC "\" Type=\"" NS_XENC "Element\"><xenc:EncryptionMethod Algorithm=\"%s\">"
        "</xenc:EncryptionMethod><ds:KeyInfo xmlns:ds=\"" NS_DS "\"><xenc:EncryptedKey>%s"
        "<xenc:CipherData><xenc:CipherValue>%.*s</xenc:CipherValue></xenc:CipherData>"
        "</xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>%.*s"
        "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>",
        name->uri, wrap_method(wrap), SLICE(wrapped_text), SLICE(sealed_text));
    return NULL;
}

// ---- deflate ---------------------------------------------------------------------------------------------

static void put_little(struct buf *out, uint16_t number) {
    buf_byte(out, (uint8_t)(number & 0xFFU));
    buf_byte(out, (uint8_t)(number >> 8));
}

static void put_stored(struct buf *out, struct slice bytes, bool last) {
    buf_byte(out, last ? 1 : 0);
    put_little(out, (uint16_t)bytes.len);
    put_little(out, (uint16_t)~bytes.len);
    buf_put(out, bytes);
}

reason forge_deflate(struct op *op, struct slice bytes, struct slice *ret_stream) {
    struct buf out;
    buf_open(&out, op, bytes.len * 2 + 64);
    while (bytes.len > STORED_MAX) {
        put_stored(&out, slice_sub(bytes, 0, STORED_MAX), false);
        bytes = slice_sub(bytes, STORED_MAX, bytes.len);
    }
    put_stored(&out, bytes, true);
    return buf_done(&out, ret_stream);
}

// A block with the fixed codes: one space, then matches of 258 bytes at distance 1, 13 bits each.
reason forge_bomb(struct op *op, struct slice head, size_t times, struct slice *ret_stream) {
    struct buf out;
    uint32_t bits = 0;
    unsigned have = 0;
    buf_open(&out, op, head.len + times * 2 + 64);
    put_stored(&out, head, false);
    // Bits in the order in which they are sent: last block, fixed codes (10), a space (0x30 + 32, 8 bits), ...
    const char *const first = "110" "01010000";
    const char *const match = "11000101" "00000";
    const char *const end = "0000000";
    for (size_t i = 0; i < times + 2; i++) {
        for (const char *bit = i == 0 ? first : i <= times ? match : end; *bit != '\0'; bit++) {
            bits |= (*bit == '1' ? 1U : 0U) << have++;
            if (have == 8) {
                buf_byte(&out, (uint8_t)bits);
                bits = 0;
                have = 0;
            }
        }
    }
    buf_byte(&out, (uint8_t)bits);
    return buf_done(&out, ret_stream);
}
