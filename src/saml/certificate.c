// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates as people paste them and as metadata carries them. A certificate is a wrapper of a key here:
// its issuer, its dates and its chain give no trust (metadata interoperability profile, section 2.6.1), so
// nothing of it is verified; what it says is shown to operators. Whoever pastes something else is told what it is.
#include "saml/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/text.h"
#include "saml/trust.h"
#include "saml/verdict.h"

AUTO_FREE(X509, X509_free);
AUTO_FREE(BIO, BIO_free_all);
AUTO_FREE(EVP_PKEY, EVP_PKEY_free);

#define PASTE_MAX (256U << 10) // twenty certificates with their text dumps around them
#define SUBJECT_MAX 512        // bytes shown; longer names are cut

// ---- keys ------------------------------------------------------------------------------------------------

static reason check_key(struct op *op, EVP_PKEY *key) {
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        int bits = EVP_PKEY_get_bits(key);
        if (bits < RSA_BITS_MIN) {
            REFUSE(op, INVALID_CERTIFICATE, "its RSA key has %d bits; at least %d are needed", bits,
                   RSA_BITS_MIN);
        }
        return NULL;
    }
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
        const char *name = EVP_PKEY_get0_type_name(key);
        REFUSE(op, INVALID_CERTIFICATE, "its key is of type %s; RSA or EC is needed",
               name != NULL ? name : "unknown");
    }
    char curve[32] = "";
    size_t len = 0;
    if (EVP_PKEY_get_group_name(key, curve, sizeof curve, &len) != 1 ||
        (strcmp(curve, "prime256v1") != 0 && strcmp(curve, "secp384r1") != 0 &&
         strcmp(curve, "secp521r1") != 0)) {
        REFUSE(op, INVALID_CERTIFICATE, "its key is on the curve %s; P-256, P-384 or P-521 is needed",
               curve[0] != 0 ? curve : "unknown");
    }
    return NULL;
}

reason certificate_key(struct op *op, const struct certificate *certificate, EVP_PKEY **ret_key) {
    const unsigned char *at = (const unsigned char *)certificate->der.at;
    AUTO(EVP_PKEY) key = NULL;
    if (certificate->der.len == 0 || certificate->der.len > CONNECTION_CERTIFICATE_MAX) {
        REFUSE(op, INVALID_CERTIFICATE, "a certificate of %zu bytes", certificate->der.len);
    }
    if (certificate->key_only) {
        key = d2i_PUBKEY(NULL, &at, (long)certificate->der.len);
    } else {
        AUTO(X509) x509 = d2i_X509(NULL, &at, (long)certificate->der.len);
        key = x509 != NULL ? X509_get_pubkey(x509) : NULL;
    }
    ERR_clear_error();
    if (key == NULL) {
        REFUSE(op, INVALID_CERTIFICATE, "the key in it cannot be read");
    }
    TRY(check_key(op, key));
    *ret_key = key;
    key = NULL;
    return NULL;
}

reason certificate_key_sha256(struct op *op, EVP_PKEY *key, struct slice *ret_hex) {
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    ERR_clear_error();
    if (len <= 0) {
        REFUSE(op, INVALID_CERTIFICATE, "the key in it cannot be written");
    }
    struct sha256 digest = digest_sha256(slice_of(der, (size_t)len));
    OPENSSL_free(der);
    return encode_hex(op, digest_slice(&digest), ret_hex);
}

reason certificate_fill(struct op *op, struct certificate *certificate) {
    if (certificate->key_sha256.len > 0) {
        return NULL;
    }
    AUTO(EVP_PKEY) key = NULL;
    TRY(certificate_key(op, certificate, &key));
    return certificate_key_sha256(op, key, &certificate->key_sha256);
}

// ---- one certificate -------------------------------------------------------------------------------------

static int64_t time_of(const ASN1_TIME *time) {
    struct tm tm;
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1) {
        return 0;
    }
    return (int64_t)timegm(&tm) * SECOND_MS;
}

static reason subject_of(struct op *op, const X509 *x509, struct slice *ret_subject) {
    AUTO(BIO) bio = BIO_new(BIO_s_mem());
    if (bio == NULL ||
        X509_NAME_print_ex(bio, X509_get_subject_name(x509), 0, XN_FLAG_RFC2253) < 0) {
        *ret_subject = S("");
        return NULL;
    }
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);
    struct slice text = slice_sub(slice_of(at, len > 0 ? (size_t)len : 0), 0, SUBJECT_MAX);
    if (!text_line(text)) { // RFC 2253 escapes what is not ASCII, so this is odd, not foreign
        text = S("");
    }
    return op_copy(op, text, ret_subject);
}

static reason read_der(struct op *op, struct slice der, struct certificate *ret_certificate) {
    if (der.len > CONNECTION_CERTIFICATE_MAX) {
        REFUSE(op, INVALID_CERTIFICATE, "%zu bytes; a certificate has at most %d", der.len,
               CONNECTION_CERTIFICATE_MAX);
    }
    const unsigned char *at = (const unsigned char *)der.at;
    AUTO(X509) x509 = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    ERR_clear_error();
    if (x509 == NULL || at != (const unsigned char *)der.at + der.len) {
        REFUSE(op, INVALID_CERTIFICATE, "these %zu bytes are not one X.509 certificate; it may have been "
               "cut short when it was copied", der.len);
    }
    struct certificate certificate = {.key_only = false};
    TRY(op_copy(op, der, &certificate.der));
    AUTO(EVP_PKEY) key = NULL;
    TRY(certificate_key(op, &certificate, &key));
    struct sha256 digest = digest_sha256(der);
    TRY(encode_hex(op, digest_slice(&digest), &certificate.sha256));
    TRY(certificate_key_sha256(op, key, &certificate.key_sha256));
    TRY(subject_of(op, x509, &certificate.subject));
    certificate.not_before = time_of(X509_get0_notBefore(x509));
    certificate.not_after = time_of(X509_get0_notAfter(x509));
    *ret_certificate = certificate;
    return NULL;
}

// ---- what was pasted -------------------------------------------------------------------------------------

struct found {
    struct op *op;
    struct certificate *rows;
    size_t count;
};

static reason add(struct found *found, struct slice der) {
    if (found->count == CONNECTION_CERTIFICATES_MAX) {
        REFUSE(found->op, INVALID_CERTIFICATE, "more than %d certificates",
               CONNECTION_CERTIFICATES_MAX);
    }
    TRY(read_der(found->op, der, &found->rows[found->count]));
    found->count++;
    return NULL;
}

// Line ends as references (`&#13;`) or as two characters (`\n`, out of JSON) become white space.
static reason plain_lines(struct op *op, struct slice text, struct slice *ret_text) {
    static const char *const ends[] = {"&#13;", "&#xD;", "&#xd;", "&#10;", "&#xA;", "&#xa;", "\\r", "\\n"};
    char *out = NULL;
    TRY(op_take(op, text.len, &out));
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        size_t used = 0;
        if (text.at[at] == '&' || text.at[at] == '\\') {
            for (size_t i = 0; i < sizeof ends / sizeof ends[0] && used == 0; i++) {
                if (slice_starts(slice_sub(text, at, text.len), slice_str(ends[i]))) {
                    used = strlen(ends[i]);
                }
            }
        }
        out[len++] = used > 0 ? '\n' : text.at[at];
        at += used > 0 ? used : 1;
    }
    *ret_text = slice_of(out, len);
    return NULL;
}

// Says what it is, where people take one thing for another.
static reason refuse_label(struct op *op, struct slice label) {
    if (slice_ends(label, S("PRIVATE KEY"))) {
        REFUSE(op, INVALID_CERTIFICATE, "this is a private key, which nobody else should have: paste the "
               "identity provider's signing certificate");
    }
    if (slice_ends(label, S("CERTIFICATE REQUEST"))) {
        REFUSE(op, INVALID_CERTIFICATE, "this is a certificate request: paste the certificate itself");
    }
    if (slice_equal(label, S("PKCS7"))) {
        REFUSE(op, INVALID_CERTIFICATE, "this is a PKCS#7 bundle (.p7b): export the signing certificate "
               "alone, in base64");
    }
    if (slice_ends(label, S("PUBLIC KEY"))) {
        REFUSE(op, INVALID_CERTIFICATE, "this is a bare public key: paste the certificate that holds it");
    }
    REFUSE(op, INVALID_CERTIFICATE, "this is a PEM block of another kind: paste the block that begins with "
           "-----BEGIN CERTIFICATE-----");
}

#define PEM_BEGIN "-----BEGIN "
#define PEM_END "-----END "
#define PEM_DASHES "-----"

static reason read_pem(struct found *found, struct slice text) {
    for (;;) {
        size_t begin = slice_find(text, S(PEM_BEGIN));
        if (begin == SIZE_MAX) {
            return NULL;
        }
        text = slice_sub(text, begin + strlen(PEM_BEGIN), text.len);
        size_t dashes = slice_find(text, S(PEM_DASHES));
        size_t end = slice_find(text, S(PEM_END));
        if (dashes == SIZE_MAX || end == SIZE_MAX || end < dashes) {
            REFUSE(found->op, INVALID_CERTIFICATE, "the PEM block does not end with -----END "
                   "CERTIFICATE-----; it may have been cut short when it was copied");
        }
        struct slice label = slice_sub(text, 0, dashes);
        if (!slice_equal(label, S("CERTIFICATE")) && !slice_equal(label, S("X509 CERTIFICATE"))) {
            return refuse_label(found->op, label);
        }
        struct slice der;
        if (!decode_base64(found->op, slice_sub(text, dashes + strlen(PEM_DASHES), end), true, &der)) {
            REFUSE(found->op, INVALID_CERTIFICATE, "what stands between the BEGIN and END lines is not "
                   "base64");
        }
        TRY(add(found, der));
        text = slice_sub(text, end + strlen(PEM_END), text.len);
    }
}

static reason refuse_text(struct op *op, struct slice text) {
    if (text.len == 0) {
        REFUSE(op, INVALID_CERTIFICATE, "no certificate was given");
    }
    if (text.at[0] == '<') {
        REFUSE(op, INVALID_CERTIFICATE, "this is XML: give it as metadata instead, or paste only what "
               "stands inside X509Certificate");
    }
    if (slice_starts(text, S("ssh-")) || slice_starts(text, S("ecdsa-sha2-"))) {
        REFUSE(op, INVALID_CERTIFICATE, "this is an SSH key: paste the identity provider's signing "
               "certificate");
    }
    if (text.len < 150) {
        REFUSE(op, INVALID_CERTIFICATE, "%zu characters are too few for a certificate: a fingerprint is "
               "not enough", text.len);
    }
    REFUSE(op, INVALID_CERTIFICATE, "this is neither PEM nor DER nor base64 of a certificate");
}

static reason read_text(struct found *found, struct slice text) {
    struct op *op = found->op;
    TRY(plain_lines(op, text, &text));
    if (slice_find(text, S(PEM_BEGIN)) != SIZE_MAX) {
        return read_pem(found, text);
    }
    struct slice bytes;
    text = slice_trim(text);
    // Shorter text is no certificate even where it happens to be base64: a fingerprint, a name.
    if (text.len < 150 || !decode_base64(op, text, true, &bytes)) {
        return refuse_text(op, text);
    }
    if (slice_find(bytes, S(PEM_BEGIN)) != SIZE_MAX) { // a whole PEM file in base64
        return read_pem(found, bytes);
    }
    return add(found, bytes);
}

reason certificate_read(struct op *op, struct slice text, struct rows *ret_certificates) {
    if (text.len > PASTE_MAX) {
        REFUSE(op, INVALID_CERTIFICATE, "%zu bytes are more than certificates have", text.len);
    }
    struct found found = {.op = op};
    TRY(op_take(op, CONNECTION_CERTIFICATES_MAX * sizeof *found.rows, &found.rows));
    if (text.len > 2 && text.at[0] == 0x30 && (uint8_t)text.at[1] >= 0x80) { // a SEQUENCE: DER
        TRY(add(&found, text));
    } else {
        TRY(read_text(&found, text));
    }
    *ret_certificates = (struct rows){found.rows, found.count};
    return NULL;
}
