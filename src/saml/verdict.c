// SPDX-License-Identifier: GPL-3.0-or-later
// The verdict. Everything that comes from the worker is text until the signature over SignedInfo and the
// digest over the covered bytes hold; only then are the covered bytes read. The algorithm comes from SignedInfo and
// must fit the configured key; a key or certificate in the message is never used, only named in a refusal.
#include "saml/verdict.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "saml/reader.h"
#include "saml/signed_info.h"

AUTO_FREE(EVP_MD_CTX, EVP_MD_CTX_free);
AUTO_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
AUTO_FREE(ECDSA_SIG, ECDSA_SIG_free);
AUTO_FREE(BIGNUM, BN_free);

#define EC_FIELD_BYTES_MAX 66 // P-521
// Places in a message where a value or a certificate is looked for. An honest one has four tags with each name, and a few
// more in an Advice; a stranger can write 17,000, and have all that follows them searched and decoded for each.
#define PLACES_MAX 64

// Fetched once; never freed, since threads may still verify while main ends.
static EVP_MD *digest_methods[DIGEST_KINDS];
static pthread_once_t digest_once = PTHREAD_ONCE_INIT;

static void fetch_digests(void) {
    static const char *const names[DIGEST_KINDS] = {
        [DIGEST_SHA1] = "SHA1", [DIGEST_SHA256] = "SHA256", [DIGEST_SHA384] = "SHA384",
        [DIGEST_SHA512] = "SHA512"};
    for (size_t i = 0; i < DIGEST_KINDS; i++) {
        digest_methods[i] = EVP_MD_fetch(NULL, names[i], NULL);
    }
}

static const EVP_MD *digest_method(enum digest_kind kind) {
    CHECK(pthread_once(&digest_once, fetch_digests) == 0);
    CHECK(digest_methods[kind] != NULL);
    return digest_methods[kind];
}

// ---- one key ---------------------------------------------------------------------------------------------

static bool key_fits(EVP_PKEY *key, enum key_kind kind) {
    return EVP_PKEY_get_base_id(key) == (kind == KEY_RSA ? EVP_PKEY_RSA : EVP_PKEY_EC);
}

// XML Signature 6.4.3: r and s, each as long as the field, side by side. OpenSSL takes DER.
static bool ecdsa_der(EVP_PKEY *key, struct slice value, unsigned char der[256],
                      struct slice *ret_der) {
    size_t field = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
    if (field > EC_FIELD_BYTES_MAX || value.len != 2 * field) {
        return false;
    }
    const unsigned char *at = (const unsigned char *)value.at;
    AUTO(BIGNUM) r = BN_bin2bn(at, (int)field, NULL);
    AUTO(BIGNUM) s = BN_bin2bn(at + field, (int)field, NULL);
    AUTO(ECDSA_SIG) signature = ECDSA_SIG_new();
    if (r == NULL || s == NULL || signature == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        return false;
    }
    r = NULL;
    s = NULL;
    unsigned char *out = der;
    int len = i2d_ECDSA_SIG(signature, NULL);
    if (len <= 0 || len > 256 || i2d_ECDSA_SIG(signature, &out) != len) {
        return false;
    }
    *ret_der = slice_of(der, (size_t)len);
    return true;
}

static bool verify(EVP_PKEY *key, const struct signature_method *method, struct slice octets,
                   struct slice value) {
    EVP_PKEY_CTX *inner = NULL; // belongs to `context`
    AUTO(EVP_MD_CTX) context = EVP_MD_CTX_new();
    bool holds = context != NULL &&
                 EVP_DigestVerifyInit(context, &inner, digest_method(method->digest), NULL, key) == 1 &&
                 (method->key != KEY_RSA ||
                  EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PADDING) == 1) &&
                 EVP_DigestVerify(context, (const unsigned char *)value.at, value.len,
                                  (const unsigned char *)octets.at, octets.len) == 1;
    ERR_clear_error();
    return holds;
}

// The same for RSA with SHA-256, from a copy of what was set up once.
static bool verify_rsa_sha256(EVP_PKEY_CTX *set_up, struct slice octets, struct slice value) {
    struct sha256 digest = digest_sha256(octets);
    AUTO(EVP_PKEY_CTX) context = EVP_PKEY_CTX_dup(set_up);
    bool holds = context != NULL &&
                 EVP_PKEY_verify(context, (const unsigned char *)value.at, value.len, digest.bytes,
                                 sizeof digest.bytes) == 1;
    ERR_clear_error();
    return holds;
}

static bool holds(const struct trust_key *own, const struct signature_method *method,
                  struct slice octets, struct slice value, bool der_too) {
    EVP_PKEY *key = own->key;
    if (value.len == 0 || octets.len == 0) {
        return false;
    }
    if (method->key == KEY_RSA && method->digest == DIGEST_SHA256 && own->rsa_sha256 != NULL) {
        return verify_rsa_sha256(own->rsa_sha256, octets, value);
    }
    if (method->key == KEY_RSA) {
        return verify(key, method, octets, value);
    }
    unsigned char der[256];
    struct slice converted;
    if (ecdsa_der(key, value, der, &converted) && verify(key, method, octets, converted)) {
        return true;
    }
    return der_too && verify(key, method, octets, value);
}

struct trial {
    const struct signature_method *method;
    struct slice octets, value;
    bool der_too; // redirect signatures: some IdPs send ECDSA as DER there
    bool some_fit;
};

static const struct trust_key *try_keys(const struct trust *trust, struct trial *trial) {
    for (size_t i = 0; i < trust->key_count; i++) {
        EVP_PKEY *key = trust->keys[i].key;
        if (!key_fits(key, trial->method->key)) {
            continue;
        }
        trial->some_fit = true;
        if (holds(&trust->keys[i], trial->method, trial->octets, trial->value, trial->der_too)) {
            return &trust->keys[i];
        }
    }
    return NULL;
}

// ---- the message -----------------------------------------------------------------------------------------

// The next text in the message that stands directly after a tag which `name` ends or in which it stands. Not
// a parser: what it finds is compared with what was verified, never believed.
static bool next_text(struct slice *rest, const char *name, struct slice *ret_text) {
    size_t at = slice_find(*rest, slice_str(name));
    if (at == SIZE_MAX) {
        return false;
    }
    *rest = slice_sub(*rest, at + strlen(name), rest->len);
    const char *tag_end = rest->len > 0 ? memchr(rest->at, '>', rest->len) : NULL;
    if (tag_end == NULL) {
        return false;
    }
    struct slice text = slice_sub(*rest, (size_t)(tag_end - rest->at) + 1, rest->len);
    const char *end = text.len > 0 ? memchr(text.at, '<', text.len) : NULL;
    *ret_text = slice_sub(text, 0, end != NULL ? (size_t)(end - text.at) : text.len);
    return true;
}

// Base64 in XML: white space, also as references (&#13; where a canonicaliser met CR LF).
static bool decode_text(struct op *op, struct slice text, size_t max, struct slice *ret_bytes) {
    return text.len > 0 && text.len <= max && reader_decode(op, text, &text) == NULL &&
           decode_base64(op, text, true, ret_bytes) && ret_bytes->len > 0;
}

// *ret_after: what follows the SignatureValue that has this value.
static bool occurs(struct op *op, struct slice message, struct slice value,
                   struct slice *ret_after) {
    struct slice text, bytes;
    for (size_t i = 0; i < PLACES_MAX && next_text(&message, "SignatureValue", &text); i++) {
        if (decode_text(op, text, MSG_VALUE_MAX, &bytes) && slice_equal(bytes, value)) {
            *ret_after = slice_sub(message, (size_t)(text.at - message.at), message.len);
            return true;
        }
    }
    return false;
}

// Is a certificate in this signature's KeyInfo, and none of those there ours? Then it is named.
static bool foreign_certificate(struct op *op, const struct trust *trust, struct slice after,
                                struct slice *ret_sha256) {
    struct slice rest = slice_sub(after, 0, slice_find(after, S("Signature>")));
    struct slice text, der;
    bool found = false;
    for (size_t i = 0; i < PLACES_MAX && next_text(&rest, "X509Certificate", &text); i++) {
        struct slice hex;
        if (!decode_text(op, text, CONNECTION_CERTIFICATE_MAX * 2, &der)) {
            continue;
        }
        struct sha256 digest = digest_sha256(der);
        if (encode_hex(op, digest_slice(&digest), &hex) != NULL) {
            return false;
        }
        for (size_t key = 0; key < trust->key_count; key++) {
            if (slice_equal(trust->keys[key].sha256, hex)) {
                return false;
            }
        }
        if (!found) {
            *ret_sha256 = hex;
        }
        found = true;
    }
    return found;
}

// ---- the verdict -----------------------------------------------------------------------------------------

static reason check_keys(struct op *op, const struct trust *trust) {
    if (trust_expired(trust, op->now)) {
        REFUSE(op, SIGNATURE_UNKNOWN_SIGNER, "the identity provider's metadata has expired, so none of its "
               "keys counts any more");
    }
    if (trust->key_count == 0) {
        REFUSE(op, SIGNATURE_UNKNOWN_SIGNER, "no usable signing key of the identity provider is set up");
    }
    return NULL;
}

struct slice verdict_signers(struct op *op, const struct trust *trust) {
    struct buf text;
    buf_open(&text, op, CONNECTION_CERTIFICATES_MAX * (2 * SHA256_BYTES + 2));
    for (size_t i = 0; i < trust->key_count; i++) {
        buf_str(&text, i > 0 ? ", " : "");
        buf_put(&text, trust->keys[i].sha256);
    }
    return buf_slice(&text);
}

static reason refuse_value(struct op *op, const struct trust *trust, const struct trial *trial,
                           struct slice after, struct finding *finding) {
    struct slice sha256;
    if (foreign_certificate(op, trust, after, &sha256)) {
        *finding = (struct finding){verdict_signers(op, trust), sha256};
        REFUSE(op, SIGNATURE_UNKNOWN_SIGNER, "the message names a certificate with SHA-256 %.*s, which is "
               "none of the %zu that are set up", SLICE(sha256), trust->key_count);
    }
    finding->got = slice_str(trial->method->uri);
    if (!trial->some_fit) {
        REFUSE(op, SIGNATURE_ALGORITHM, "signature algorithm \"%s\" fits none of the %zu keys that are set "
               "up", trial->method->uri, trust->key_count);
    }
    *finding = (struct finding){verdict_signers(op, trust), S("")};
    REFUSE(op, SIGNATURE_VALUE, "the signature holds with none of the %zu keys that are set up",
           trust->key_count);
}

static reason check_age(struct op *op, const struct trust *trust, const struct trust_key *key,
                        struct finding *finding) {
    if (trust->connection.policy.refuse_expired_certificates && key->not_after != 0 &&
        key->not_after <= op->now) {
        char now[CLOCK_TEXT], end[CLOCK_TEXT];
        *finding = (struct finding){op_text(op, "%.*s", SLICE(clock_print(op->now, now))),
                                    op_text(op, "%.*s", SLICE(clock_print(key->not_after, end)))};
        REFUSE(op, SIGNATURE_CERTIFICATE_EXPIRED, "the certificate with SHA-256 %.*s expired at %.*s, and "
               "the policy refuses expired ones", SLICE(key->sha256), SLICE(finding->got));
    }
    return NULL;
}

static reason check_digest(struct op *op, const struct signed_info *info, struct slice covered,
                           struct finding *finding) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(covered.at, covered.len, digest, &len, digest_method(info->digest), NULL) != 1) {
        REFUSE(op, SIGNATURE_DIGEST, "the digest cannot be computed");
    }
    if (!slice_equal(slice_of(digest, len), info->digest_value)) {
        TRY(encode_base64(op, info->digest_value, &finding->expected));
        TRY(encode_base64(op, slice_of(digest, len), &finding->got));
        REFUSE(op, SIGNATURE_DIGEST, "the digest of \"%.*s\" is not the one that was signed: the content "
               "was changed after signing", SLICE(info->id));
    }
    return NULL;
}

// Now that they are verified, the covered bytes may be read: are they the element that this door expects?
static reason check_root(struct op *op, const struct signed_info *info, struct slice covered,
                         const char *namespace, const char *local) {
    struct reader reader UNCLEARED;
    reader_open(&reader, covered);
    struct slice id;
    if (reader_next(&reader) != READER_START) {
        return reader_refuse(op, &reader);
    }
    if (!reader_at(&reader, namespace, local)) {
        REFUSE(op, SIGNATURE_REFERENCE, "the signature covers %.*s; expected %s", SLICE(reader.local),
               local);
    }
    TRY(reader_attribute(op, &reader, "ID", &id));
    if (id.len == 0 || !slice_equal(id, info->id)) {
        REFUSE(op, SIGNATURE_REFERENCE, "the signature refers to \"%.*s\"; what it covers has the ID "
               "\"%.*s\"", SLICE(info->id), SLICE(id));
    }
    return NULL;
}

// What must hold before a key is tried. *ret_after: what follows this signature's value in the message.
static reason check_claims(struct op *op, struct slice message,
                           const struct msg_signature *signature, const struct signed_info *info,
                           struct finding *finding, struct slice *ret_value,
                           struct slice *ret_after) {
    // Checked again later against the verified bytes; here it gives wrapped messages their reason.
    if (!slice_equal(info->id, signature->parent_id)) {
        *finding = (struct finding){signature->parent_id, info->id};
        REFUSE(op, SIGNATURE_REFERENCE, "the signature refers to \"%.*s\", but stands in the element with "
               "the ID \"%.*s\"", SLICE(info->id), SLICE(signature->parent_id));
    }
    if (signature->covered.len == 0) {
        REFUSE(op, SIGNATURE_REFERENCE, "the signature covers nothing");
    }
    if (!decode_text(op, signature->value, MSG_VALUE_MAX, ret_value)) {
        REFUSE(op, SIGNATURE_VALUE, "the SignatureValue is not base64");
    }
    if (!occurs(op, message, *ret_value, ret_after)) {
        REFUSE(op, SIGNATURE_VALUE, "the SignatureValue that was found is not in the message that arrived");
    }
    return NULL;
}

reason verdict_explained(struct op *op, const struct trust *trust, struct slice message,
                         const struct msg_signature *signature, const char *namespace,
                         const char *local, struct finding *finding, struct verdict *ret_verdict) {
    *finding = (struct finding){verdict_signers(op, trust), S("")};
    if (signature->signed_info.len == 0) {
        REFUSE(op, SIGNATURE_MISSING, "there is no signature");
    }
    TRY(check_keys(op, trust));
    struct signed_info info;
    *finding = (struct finding){S(""), S("")};
    TRY(signed_info_read(op, signature->signed_info, trust->connection.policy.allow_sha1, finding, &info));
    struct slice value, after;
    TRY(check_claims(op, message, signature, &info, finding, &value, &after));
    struct trial trial = {info.method, signature->signed_info, value, false, false};
    const struct trust_key *key = try_keys(trust, &trial);
    if (key == NULL) {
        return refuse_value(op, trust, &trial, after, finding);
    }
    *finding = (struct finding){S(""), S("")};
    TRY(check_digest(op, &info, signature->covered, finding));
    *finding = (struct finding){slice_str(local), info.id};
    TRY(check_root(op, &info, signature->covered, namespace, local));
    TRY(check_age(op, trust, key, finding));
    *finding = (struct finding){verdict_signers(op, trust), key->sha256};
    *ret_verdict = (struct verdict){
        signature->covered, key, info.digest == DIGEST_SHA1 || info.method->digest == DIGEST_SHA1};
    return NULL;
}

reason verdict_signature(struct op *op, const struct trust *trust, struct slice message,
                         const struct msg_signature *signature, const char *namespace,
                         const char *local, struct verdict *ret_verdict) {
    struct finding finding;
    return verdict_explained(op, trust, message, signature, namespace, local, &finding, ret_verdict);
}

reason verdict_octets(struct op *op, const struct trust *trust, struct slice algorithm,
                      struct slice octets, struct slice value) {
    struct finding finding = {S(""), S("")};
    if (algorithm.len == 0 || value.len == 0) {
        REFUSE(op, SIGNATURE_MISSING, "there is no signature");
    }
    TRY(check_keys(op, trust));
    const struct signature_method *method = signature_method_find(algorithm);
    if (method == NULL ||
        (method->digest == DIGEST_SHA1 && !trust->connection.policy.allow_sha1)) {
        REFUSE(op, SIGNATURE_ALGORITHM, "signature algorithm \"%.*s\"; expected RSA or ECDSA with SHA-256, "
               "SHA-384 or SHA-512", SLICE(algorithm));
    }
    struct trial trial = {method, octets, value, true, false};
    const struct trust_key *key = try_keys(trust, &trial);
    if (key == NULL) {
        return refuse_value(op, trust, &trial, SLICE_NONE, &finding);
    }
    return check_age(op, trust, key, &finding);
}
