// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that metadata carries bare, without a certificate around them (metadata interoperability
// profile 2.6.1): they become a SubjectPublicKeyInfo, which is what the store keeps. Nothing else
// of XML Signature's KeyInfo is read.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/digest.h"
#include "base/encode.h"
#include "saml/certificate.h"
#include "saml/idp_parts.h"

AUTO_FREE(BIGNUM, BN_free);
AUTO_FREE(EVP_PKEY, EVP_PKEY_free);
AUTO_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
AUTO_FREE(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free);
AUTO_FREE(OSSL_PARAM, OSSL_PARAM_free);

#define NUMBER_MAX 2048 // bytes: RSA with 16384 bits

// NamedCurve by its URI, as OpenSSL calls it.
static const char *curve_of(struct slice uri) {
    static const struct {
        const char *uri, *name;
    } curves[] = {{"urn:oid:1.2.840.10045.3.1.7", "prime256v1"},
                  {"urn:oid:1.3.132.0.34", "secp384r1"},
                  {"urn:oid:1.3.132.0.35", "secp521r1"}};
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (slice_equal(uri, slice_str(curves[i].uri))) {
            return curves[i].name;
        }
    }
    return NULL;
}

// ---- what OpenSSL makes of it -----------------------------------------------------------------

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *builder) {
    AUTO(OSSL_PARAM) params = OSSL_PARAM_BLD_to_param(builder);
    AUTO(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        ERR_clear_error();
        return NULL;
    }
    return key;
}

static EVP_PKEY *rsa_key(struct slice modulus, struct slice exponent) {
    if (modulus.len == 0 || exponent.len == 0 || modulus.len > NUMBER_MAX || exponent.len > 8) {
        return NULL;
    }
    AUTO(OSSL_PARAM_BLD) builder = OSSL_PARAM_BLD_new();
    AUTO(BIGNUM) n = BN_bin2bn((const unsigned char *)modulus.at, (int)modulus.len, NULL);
    AUTO(BIGNUM) e = BN_bin2bn((const unsigned char *)exponent.at, (int)exponent.len, NULL);
    if (builder == NULL || n == NULL || e == NULL ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1) {
        return NULL;
    }
    return key_from("RSA", builder);
}

static EVP_PKEY *ec_key(const char *curve, struct slice point) {
    AUTO(OSSL_PARAM_BLD) builder = OSSL_PARAM_BLD_new();
    if (curve == NULL || point.len == 0 || point.len > NUMBER_MAX || builder == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.at, point.len) !=
            1) {
        return NULL;
    }
    return key_from("EC", builder);
}

static reason wrap(struct op *op, EVP_PKEY *key, struct certificate *ret_key) {
    unsigned char *der = NULL;
    struct certificate bare = {.key_only = true, .subject = S("")};
    int len = key != NULL ? i2d_PUBKEY(key, &der) : 0;
    ERR_clear_error();
    if (len <= 0 || len > CONNECTION_CERTIFICATE_MAX) {
        OPENSSL_free(der);
        *ret_key = (struct certificate){.key_only = true};
        return NULL;
    }
    reason why = op_copy(op, slice_of(der, (size_t)len), &bare.der);
    OPENSSL_free(der);
    TRY(why);
    struct sha256 digest = digest_sha256(bare.der);
    TRY(encode_hex(op, digest_slice(&digest), &bare.sha256));
    bare.key_sha256 = bare.sha256; // the bytes are the SubjectPublicKeyInfo
    *ret_key = bare;
    return NULL;
}

// ---- what is read -----------------------------------------------------------------------------

// The base64 content of the element whose START was read last; empty when it is none.
static reason bytes_of(struct op *op, struct reader *reader, struct slice *ret_bytes) {
    struct slice text;
    TRY(reader_content(op, reader, &text));
    if (!decode_base64(op, text, true, ret_bytes)) {
        *ret_bytes = S("");
    }
    return NULL;
}

static reason read_rsa(struct op *op, struct reader *reader, EVP_PKEY **ret_key) {
    struct slice modulus = S("");
    struct slice exponent = S("");
    size_t depth = reader->depth;
    while (reader_child(reader, depth)) {
        if (reader_at(reader, NS_DS, "Modulus")) {
            TRY(bytes_of(op, reader, &modulus));
        } else if (reader_at(reader, NS_DS, "Exponent")) {
            TRY(bytes_of(op, reader, &exponent));
        } else if (!reader_skip(reader)) {
            break;
        }
    }
    *ret_key = reader->fault == NULL ? rsa_key(modulus, exponent) : NULL;
    return NULL;
}

static reason read_ec(struct op *op, struct reader *reader, EVP_PKEY **ret_key) {
    const char *curve = NULL;
    struct slice point = S("");
    size_t depth = reader->depth;
    while (reader_child(reader, depth)) {
        if (reader_at(reader, NS_DSIG11, "NamedCurve")) {
            struct slice uri;
            TRY(reader_attribute(op, reader, "URI", &uri));
            curve = curve_of(uri);
        } else if (reader_at(reader, NS_DSIG11, "PublicKey")) {
            TRY(bytes_of(op, reader, &point));
            continue;
        }
        if (!reader_skip(reader)) {
            break;
        }
    }
    *ret_key = reader->fault == NULL ? ec_key(curve, point) : NULL;
    return NULL;
}

static reason read_der(struct op *op, struct reader *reader, EVP_PKEY **ret_key) {
    struct slice der;
    TRY(bytes_of(op, reader, &der));
    const unsigned char *at = (const unsigned char *)der.at;
    AUTO(EVP_PKEY) key = der.len > 0 ? d2i_PUBKEY(NULL, &at, (long)der.len) : NULL;
    ERR_clear_error();
    if (key == NULL || at != (const unsigned char *)der.at + der.len) {
        *ret_key = NULL;
        return NULL;
    }
    *ret_key = key;
    key = NULL;
    return NULL;
}

// One reader of a kind of key; the first that gives a key counts.
static reason read_one(struct op *op, struct reader *reader, EVP_PKEY **key) {
    EVP_PKEY *found = NULL;
    if (reader_at(reader, NS_DS, "RSAKeyValue")) {
        TRY(read_rsa(op, reader, &found));
    } else if (reader_at(reader, NS_DSIG11, "ECKeyValue")) {
        TRY(read_ec(op, reader, &found));
    } else if (!reader_skip(reader)) {
        return NULL; // the caller sees the fault
    }
    if (*key == NULL) {
        *key = found;
    } else {
        EVP_PKEY_free(found);
    }
    return NULL;
}

reason idp_key_value(struct op *op, struct reader *reader, struct certificate *ret_key) {
    AUTO(EVP_PKEY) key = NULL;
    struct certificate bare;
    if (reader_at(reader, NS_DSIG11, "DEREncodedKeyValue")) {
        TRY(read_der(op, reader, &key));
    } else {
        size_t depth = reader->depth;
        while (reader_child(reader, depth)) {
            TRY(read_one(op, reader, &key));
        }
    }
    if (reader->fault != NULL) {
        return reader_refuse(op, reader);
    }
    TRY(wrap(op, key, &bare));
    *ret_key = bare;
    return NULL;
}
