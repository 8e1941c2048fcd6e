// SPDX-License-Identifier: GPL-3.0-or-later
// Encrypted elements for the tests of this room, made with OpenSSL by the words of xmlenc-core1: any content cipher,
// any RSA wrapping, the key in either place; and each part can be spoiled before it is put together.
#ifndef GATEHOUSE_UNIT_SAML_ENCRYPTED_H
#define GATEHOUSE_UNIT_SAML_ENCRYPTED_H

#include "base/unit.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/encode.h"
#include "saml/reader.h"

#define XENC11 "http://www.w3.org/2009/xmlenc11#"
#define MGF1P NS_XENC "rsa-oaep-mgf1p"
#define OAEP11 XENC11 "rsa-oaep"

struct content {
    const char *uri;
    const EVP_CIPHER *(*cipher)(void);
    int key_len;
    bool cbc;
};
static const struct content contents[] = {
    {XENC11 "aes128-gcm", EVP_aes_128_gcm, 16, false}, {XENC11 "aes192-gcm", EVP_aes_192_gcm, 24, false},
    {XENC11 "aes256-gcm", EVP_aes_256_gcm, 32, false}, {NS_XENC "aes128-cbc", EVP_aes_128_cbc, 16, true},
    {NS_XENC "aes192-cbc", EVP_aes_192_cbc, 24, true}, {NS_XENC "aes256-cbc", EVP_aes_256_cbc, 32, true},
};
#define CONTENTS (sizeof contents / sizeof *contents)
#define GCM256 (&contents[2])
#define CBC256 (&contents[5])

// One EncryptedKey.
struct wrap {
    EVP_PKEY *to;
    const char *uri;            // NULL: MGF1P
    const char *digest, *mask;  // URIs; NULL: not said, so SHA-1
    const EVP_MD *digest_md, *mask_md; // that fit
    int key_len;                // bytes that are wrapped; 0: as many as the content needs
    bool garbage;               // no RSA block at all
    const char *more;           // further children of EncryptionMethod
};
struct sealed {
    struct op *op;
    const char *element;  // NULL: EncryptedAssertion
    const struct content *content;
    const char *uri;      // of the content, when it shall lie
    struct slice plain;
    struct wrap wraps[3];
    size_t wrap_count;
    bool beside;          // the EncryptedKeys stand beside the EncryptedData, not in its KeyInfo
    size_t flip;          // this bit of the ciphertext, counted from 1
    size_t cut;           // so many bytes are taken off its end
    int pad;              // CBC: the last byte, when it shall lie
};

static struct slice sealed_base64(struct op *op, const unsigned char *bytes, size_t len) {
    struct slice text;
    assert_done(encode_base64(op, slice_of(bytes, len), &text));
    return text;
}

static struct slice sealed_content(const struct sealed *it, const unsigned char key[32]) {
    size_t iv = it->content->cbc ? 16 : 12;
    size_t pad = it->content->cbc ? 16 - it->plain.len % 16 : 0;
    unsigned char *in = calloc(1, it->plain.len + 16);
    unsigned char *out = calloc(1, it->plain.len + 64);
    assert_true(in != NULL && out != NULL);
    memcpy(in, it->plain.at, it->plain.len);
    if (pad > 0) { // what stands before the last byte may be anything
        memset(in + it->plain.len, 0xA5, pad);
        in[it->plain.len + pad - 1] = (unsigned char)(it->pad != 0 ? it->pad : (int)pad);
    }
    assert_int_equal(RAND_bytes(out, (int)iv), 1);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    int rest = 0;
    assert_int_equal(EVP_EncryptInit_ex(context, it->content->cipher(), NULL, key, out), 1);
    assert_int_equal(EVP_CIPHER_CTX_set_padding(context, 0), 1);
    assert_int_equal(EVP_EncryptUpdate(context, out + iv, &len, in, (int)(it->plain.len + pad)), 1);
    assert_int_equal(EVP_EncryptFinal_ex(context, out + iv + len, &rest), 1);
    size_t all = iv + (size_t)len + (size_t)rest;
    if (!it->content->cbc) {
        assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, out + all), 1);
        all += 16;
    }
    if (it->flip > 0) {
        out[(it->flip - 1) / 8] ^= (unsigned char)(1U << ((it->flip - 1) % 8));
    }
    EVP_CIPHER_CTX_free(context);
    struct slice text = sealed_base64(it->op, out, all - it->cut);
    free(in);
    free(out);
    return text;
}

// Inside the EncryptedData it is declared already, and canonical XML declares once.
static const char *beside(const struct sealed *it, const char *declaration) {
    return it->beside ? declaration : "";
}

static struct slice sealed_key(const struct sealed *it, const struct wrap *wrap,
                               const unsigned char key[32]) {
    unsigned char out[1024];
    size_t len = sizeof out;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(wrap->to, NULL);
    const EVP_MD *digest = wrap->digest_md != NULL ? wrap->digest_md : EVP_sha1();
    assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, digest), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, wrap->mask_md != NULL ? wrap->mask_md : EVP_sha1()), 1);
    size_t key_len = (size_t)(wrap->key_len != 0 ? wrap->key_len : it->content->key_len);
    assert_int_equal(EVP_PKEY_encrypt(context, out, &len, key, key_len), 1);
    EVP_PKEY_CTX_free(context);
    if (wrap->garbage) {
        memset(out, 0x5A, len);
    }
    struct slice digest_text =
        wrap->digest != NULL
            ? op_text(it->op, "<ds:DigestMethod%s Algorithm=\"%s\"></ds:DigestMethod>", beside(it, " xmlns:ds=\"" NS_DS "\""), wrap->digest)
            : S("");
    struct slice mask = wrap->mask != NULL ? op_text(it->op, "<x11:MGF xmlns:x11=\"" XENC11 "\" Algorithm=\"%s\"></x11:MGF>", wrap->mask)
                                           : S("");
    return op_text(it->op,
                   "<xenc:EncryptedKey%s><xenc:EncryptionMethod Algorithm=\"%s\">%.*s%.*s%s"
                   "</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>%.*s</xenc:CipherValue>"
                   "</xenc:CipherData></xenc:EncryptedKey>",
                   beside(it, " xmlns:xenc=\"" NS_XENC "\""), wrap->uri != NULL ? wrap->uri : MGF1P, SLICE(digest_text), SLICE(mask),
                   wrap->more != NULL ? wrap->more : "", SLICE(sealed_base64(it->op, out, len)));
}

// The element, in canonical form.
__attribute__((unused)) static struct slice sealed_text(const struct sealed *it) {
    unsigned char key[32];
    assert_int_equal(RAND_bytes(key, sizeof key), 1);
    struct slice value = sealed_content(it, key);
    struct slice keys = S("");
    for (size_t i = 0; i < it->wrap_count; i++) {
        keys = op_text(it->op, "%.*s%.*s", SLICE(keys), SLICE(sealed_key(it, &it->wraps[i], key)));
    }
    struct slice info = it->beside ? S("") : op_text(it->op, "<ds:KeyInfo xmlns:ds=\"" NS_DS "\">%.*s</ds:KeyInfo>", SLICE(keys));
    const char *element = it->element != NULL ? it->element : "EncryptedAssertion";
    return op_text(it->op,
                   "<saml:%s xmlns:saml=\"" NS_SAML "\"><xenc:EncryptedData xmlns:xenc=\"" NS_XENC "\" "
                   "Type=\"" NS_XENC "Element\"><xenc:EncryptionMethod Algorithm=\"%s\"></xenc:EncryptionMethod>"
                   "%.*s<xenc:CipherData><xenc:CipherValue>%.*s</xenc:CipherValue></xenc:CipherData>"
                   "</xenc:EncryptedData>%.*s</saml:%s>",
                   element, it->uri != NULL ? it->uri : it->content->uri, SLICE(info), SLICE(value),
                   SLICE(it->beside ? keys : S("")), element);
}

#endif
