// SPDX-License-Identifier: GPL-3.0-or-later
#include "saml/decrypt.h"

#include <openssl/rsa.h>

#include "base/auto.h"
#include "base/encode.h"
#include "base/rand.h"
#include "base/text.h"
#include "saml/sp_keys.h"

#define NS_XENC11 "http://www.w3.org/2009/xmlenc11#"
#define KEY_MAX 32     // bytes of AES-256
#define UNWRAP_MAX 2048 // bytes of an RSA-16384 block
#define GCM_IV 12
#define GCM_TAG 16
#define CBC_BLOCK 16

AUTO_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
AUTO_FREE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);

// ---- what is accepted ------------------------------------------------------------------------------------

struct block_cipher {
    const char *uri;
    const EVP_CIPHER *(*cipher)(void);
    size_t key_len;
    bool cbc;
};
static const struct block_cipher ciphers[] = {
    {NS_XENC11 "aes128-gcm", EVP_aes_128_gcm, 16, false},
    {NS_XENC11 "aes192-gcm", EVP_aes_192_gcm, 24, false},
    {NS_XENC11 "aes256-gcm", EVP_aes_256_gcm, 32, false},
    {NS_XENC "aes128-cbc", EVP_aes_128_cbc, 16, true},
    {NS_XENC "aes192-cbc", EVP_aes_192_cbc, 24, true},
    {NS_XENC "aes256-cbc", EVP_aes_256_cbc, 32, true},
};

struct named_digest {
    const char *uri;
    const EVP_MD *(*digest)(void);
};
static const struct named_digest digests[] = {
    {NS_DS "sha1", EVP_sha1},
    {NS_XENC "sha256", EVP_sha256},
    {"http://www.w3.org/2001/04/xmldsig-more#sha384", EVP_sha384},
    {NS_XENC "sha512", EVP_sha512},
};
static const struct named_digest masks[] = {
    {NS_XENC11 "mgf1sha1", EVP_sha1},
    {NS_XENC11 "mgf1sha256", EVP_sha256},
    {NS_XENC11 "mgf1sha384", EVP_sha384},
    {NS_XENC11 "mgf1sha512", EVP_sha512},
};

static const EVP_MD *named(const struct named_digest *rows, size_t count, struct slice uri) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(uri, slice_str(rows[i].uri))) {
            return rows[i].digest();
        }
    }
    return NULL;
}

// ---- reading ---------------------------------------------------------------------------------------------

struct method {
    struct slice algorithm;
    struct slice digest, mask; // URIs; at NULL = absent
};
struct wrapped_key {
    struct method method;
    struct slice value; // bytes
};
struct encrypted {
    struct op *op;
    const char *element; // its name
    struct reader reader;
    struct method method;
    struct slice text, value; // CipherValue: as it stands, and its bytes
    struct wrapped_key keys[DECRYPT_KEYS_MAX];
    size_t key_count, data_count;
};

static reason broken(struct op *op) {
    REFUSE(op, ENCRYPTION_FAILED, "the encrypted element is not what xmlenc says");
}

static bool at(const struct encrypted *it, const char *namespace, const char *local) {
    return reader_at(&it->reader, namespace, local);
}

// Goes to the next child of the element at `depth`: true and the reader stands on its START, or false at the end.
static bool child(struct encrypted *it, size_t depth, reason *ret_why) {
    for (;;) {
        enum reader_event event = reader_next(&it->reader);
        if (event == READER_START) {
            return true;
        }
        if (event == READER_END && it->reader.depth == depth) {
            return false;
        }
        if (event == READER_DONE || event == READER_BROKEN) {
            *ret_why = broken(it->op);
            return false;
        }
    }
}

static reason skip(struct encrypted *it) {
    return reader_skip(&it->reader) ? NULL : broken(it->op);
}

static reason read_method(struct encrypted *it, struct method *method) {
    reason why = NULL;
    size_t depth = it->reader.depth;
    TRY(reader_attribute(it->op, &it->reader, "Algorithm", &method->algorithm));
    while (child(it, depth, &why)) {
        struct slice *uri = at(it, NS_DS, "DigestMethod") ? &method->digest
                            : at(it, NS_XENC11, "MGF")    ? &method->mask
                                                          : NULL;
        if (uri != NULL) {
            TRY(reader_attribute(it->op, &it->reader, "Algorithm", uri));
        } else if (at(it, NS_XENC, "OAEPparams")) {
            // A label that we do not pass on would make every unwrapping fail: say so instead.
            REFUSE(it->op, ENCRYPTION_ALGORITHM, "OAEPparams are not taken");
        }
        TRY(skip(it));
    }
    return why;
}

static reason read_value(struct encrypted *it, struct slice *ret_text, struct slice *ret_bytes) {
    reason why = NULL;
    size_t depth = it->reader.depth;
    while (child(it, depth, &why)) {
        // A CipherReference would be fetched from somewhere: never.
        if (!at(it, NS_XENC, "CipherValue") || ret_bytes->at != NULL) {
            return broken(it->op);
        }
        TRY(reader_content(it->op, &it->reader, ret_text));
        if (!decode_base64(it->op, *ret_text, true, ret_bytes) || ret_bytes->len == 0) {
            return broken(it->op);
        }
    }
    return why;
}

static reason read_key(struct encrypted *it) {
    reason why = NULL;
    size_t depth = it->reader.depth;
    if (it->key_count == DECRYPT_KEYS_MAX) {
        return skip(it);
    }
    struct wrapped_key *key = &it->keys[it->key_count++];
    while (child(it, depth, &why)) {
        if (at(it, NS_XENC, "EncryptionMethod")) {
            TRY(read_method(it, &key->method));
        } else if (at(it, NS_XENC, "CipherData")) {
            struct slice text;
            TRY(read_value(it, &text, &key->value));
        } else {
            TRY(skip(it));
        }
    }
    return why;
}

static reason read_key_info(struct encrypted *it) {
    reason why = NULL;
    size_t depth = it->reader.depth;
    while (child(it, depth, &why)) {
        if (at(it, NS_XENC, "EncryptedKey")) {
            TRY(read_key(it));
        } else {
            TRY(skip(it)); // RetrievalMethod, KeyName: the keys are ours, whatever they say
        }
    }
    return why;
}

static reason read_data(struct encrypted *it) {
    reason why = NULL;
    size_t depth = it->reader.depth;
    if (it->data_count++ > 0) {
        return broken(it->op);
    }
    while (child(it, depth, &why)) {
        if (at(it, NS_XENC, "EncryptionMethod")) {
            TRY(read_method(it, &it->method));
        } else if (at(it, NS_DS, "KeyInfo")) {
            TRY(read_key_info(it));
        } else if (at(it, NS_XENC, "CipherData")) {
            TRY(read_value(it, &it->text, &it->value));
        } else {
            TRY(skip(it));
        }
    }
    return why;
}

static reason read_encrypted(struct encrypted *it) {
    reason why = NULL;
    size_t depth = it->reader.depth;
    if (!at(it, NS_SAML, it->element)) {
        return broken(it->op);
    }
    while (child(it, depth, &why)) {
        if (at(it, NS_XENC, "EncryptedData")) {
            TRY(read_data(it));
        } else if (at(it, NS_XENC, "EncryptedKey")) {
            TRY(read_key(it));
        } else {
            TRY(skip(it));
        }
    }
    TRY(why);
    if (it->data_count != 1 || it->value.len == 0) {
        return broken(it->op);
    }
    if (it->key_count == 0) {
        REFUSE(it->op, ENCRYPTION_NO_KEY, "the %s brings no EncryptedKey", it->element);
    }
    return NULL;
}

// ---- unwrapping ------------------------------------------------------------------------------------------

static reason choose_cipher(struct op *op, struct slice uri, const struct block_cipher **ret) {
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
        if (slice_equal(uri, slice_str(ciphers[i].uri))) {
            *ret = &ciphers[i];
            return NULL;
        }
    }
    REFUSE(op, ENCRYPTION_ALGORITHM, "the content is encrypted with %.*s; AES-GCM or AES-CBC is expected",
           SLICE(uri));
}

struct oaep {
    const EVP_MD *digest, *mask;
};
static reason choose_oaep(struct op *op, const struct method *method, struct oaep *ret_oaep) {
    bool old = slice_equal(method->algorithm, S(NS_XENC "rsa-oaep-mgf1p"));
    if (!old && !slice_equal(method->algorithm, S(NS_XENC11 "rsa-oaep"))) {
        REFUSE(op, ENCRYPTION_ALGORITHM, "the key is wrapped with %.*s; RSA-OAEP is expected",
               SLICE(method->algorithm));
    }
    struct oaep oaep = {EVP_sha1(), EVP_sha1()}; // the defaults of xmlenc-core1 5.5.2
    if (method->digest.at != NULL) {
        oaep.digest = named(digests, sizeof digests / sizeof digests[0], method->digest);
    }
    if (!old && method->mask.at != NULL) {
        oaep.mask = named(masks, sizeof masks / sizeof masks[0], method->mask);
    }
    if (oaep.digest == NULL || oaep.mask == NULL) {
        REFUSE(op, ENCRYPTION_ALGORITHM, "the digest %.*s or the mask %.*s of RSA-OAEP is not taken",
               SLICE(method->digest), SLICE(method->mask));
    }
    *ret_oaep = oaep;
    return NULL;
}

// The key, or random bytes of its length: what follows is the same, and fails the same.
static void unwrap(EVP_PKEY *ours, const struct oaep *oaep, struct slice wrapped, size_t key_len,
                   uint8_t key[KEY_MAX]) {
    uint8_t block[UNWRAP_MAX];
    size_t len = sizeof block;
    rand_bytes(key, KEY_MAX);
    AUTO(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new(ours, NULL);
    bool done = context != NULL && EVP_PKEY_decrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(context, oaep->digest) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(context, oaep->mask) == 1 &&
                EVP_PKEY_decrypt(context, block, &len, (const uint8_t *)wrapped.at, wrapped.len) == 1;
    if (done && len == key_len) {
        memcpy(key, block, key_len);
    }
    explicit_bzero(block, sizeof block);
}

// ---- opening ---------------------------------------------------------------------------------------------

static bool open_gcm(const struct block_cipher *cipher, const uint8_t key[KEY_MAX],
                     struct slice value, char *to, size_t *ret_len) {
    if (value.len <= GCM_IV + GCM_TAG) {
        return false;
    }
    uint8_t tag[GCM_TAG];
    int len = 0;
    int rest = 0;
    size_t text = value.len - GCM_IV - GCM_TAG;
    memcpy(tag, value.at + value.len - GCM_TAG, GCM_TAG);
    const uint8_t *bytes = (const uint8_t *)value.at;
    AUTO(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
    bool done = context != NULL &&
                EVP_DecryptInit_ex(context, cipher->cipher(), NULL, key, bytes) == 1 &&
                EVP_DecryptUpdate(context, (uint8_t *)to, &len, bytes + GCM_IV, (int)text) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, GCM_TAG, tag) == 1 &&
                EVP_DecryptFinal_ex(context, (uint8_t *)to + len, &rest) == 1;
    *ret_len = (size_t)len + (size_t)rest;
    return done;
}

// xmlenc's padding: the last byte says how many, the others may be anything.
static bool open_cbc(const struct block_cipher *cipher, const uint8_t key[KEY_MAX],
                     struct slice value, char *to, size_t *ret_len) {
    if (value.len < 2 * CBC_BLOCK || value.len % CBC_BLOCK != 0) {
        return false;
    }
    int len = 0;
    const uint8_t *bytes = (const uint8_t *)value.at;
    AUTO(EVP_CIPHER_CTX) context = EVP_CIPHER_CTX_new();
    bool done = context != NULL &&
                EVP_DecryptInit_ex(context, cipher->cipher(), NULL, key, bytes) == 1 &&
                EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
                EVP_DecryptUpdate(context, (uint8_t *)to, &len, bytes + CBC_BLOCK,
                                  (int)(value.len - CBC_BLOCK)) == 1;
    size_t pad = done && len > 0 ? (uint8_t)to[len - 1] : 0;
    if (!done || pad == 0 || pad > CBC_BLOCK || pad >= (size_t)len) {
        return false;
    }
    *ret_len = (size_t)len - pad;
    return true;
}

static bool open_with(struct encrypted *it, const struct block_cipher *cipher, EVP_PKEY *ours,
                      const struct oaep *oaep, struct slice wrapped, char *to, size_t *ret_len) {
    uint8_t key[KEY_MAX];
    unwrap(ours, oaep, wrapped, cipher->key_len, key);
    bool done = cipher->cbc ? open_cbc(cipher, key, it->value, to, ret_len)
                            : open_gcm(cipher, key, it->value, to, ret_len);
    explicit_bzero(key, sizeof key);
    return done && text_utf8(slice_of(to, *ret_len));
}

// Each algorithm is looked at before any key is used: a refusal that names one must say nothing of what a key
// made of the ciphertext.
static reason choose_all(struct encrypted *it, bool allow_cbc, const struct block_cipher **ret_cipher,
                         struct oaep oaeps[DECRYPT_KEYS_MAX]) {
    const struct block_cipher *cipher = NULL;
    TRY(choose_cipher(it->op, it->method.algorithm, &cipher));
    if (cipher->cbc && !allow_cbc) {
        REFUSE(it->op, ENCRYPTION_ALGORITHM,
               "the content is encrypted with %s, which needs a signed Response or the policy allow_cbc; "
               "AES-GCM is always taken",
               cipher->uri);
    }
    for (size_t i = 0; i < it->key_count; i++) {
        TRY(choose_oaep(it->op, &it->keys[i].method, &oaeps[i]));
    }
    *ret_cipher = cipher;
    return NULL;
}

struct opening decrypt_opening(bool allow_cbc, bool vouched) {
    return (struct opening){allow_cbc, vouched, DECRYPT_UNWRAPS_MAX, 0};
}

// Nobody vouches: all are tried, also after one that opens, so that how long it takes does not say which did.
static reason try_keys(struct encrypted *it, const struct sp_keys *keys, const struct block_cipher *cipher,
                       const struct oaep oaeps[DECRYPT_KEYS_MAX], struct opening *opening,
                       struct slice *ret_plain) {
    size_t count = keys->decryption_count;
    struct slice plain = SLICE_NONE;
    for (size_t i = 0; i < it->key_count * count && !(opening->vouched && plain.at != NULL); i++) {
        char *to = NULL;
        size_t len = 0;
        size_t ours = (opening->key + i) % count;
        if (opening->left == 0) {
            break;
        }
        opening->left--;
        TRY(op_take(it->op, it->value.len + CBC_BLOCK, &to));
        if (open_with(it, cipher, keys->decryption[ours], &oaeps[i / count], it->keys[i / count].value, to, &len) &&
            plain.at == NULL) {
            plain = slice_of(to, len);
            opening->key = ours;
        }
    }
    *ret_plain = plain;
    return NULL;
}

reason decrypt_element(struct op *op, const struct sp_keys *keys, const struct reader *at,
                       const char *element, struct opening *opening, struct decrypted *ret_decrypted) {
    struct encrypted it = {.op = op, .reader = *at, .element = element};
    const struct block_cipher *cipher = NULL;
    struct oaep oaeps[DECRYPT_KEYS_MAX];
    struct slice plain = SLICE_NONE;
    if (keys == NULL || keys->decryption_count == 0) {
        REFUSE(op, ENCRYPTION_NO_KEY, "there is no key here to decrypt with");
    }
    TRY(read_encrypted(&it));
    TRY(choose_all(&it, opening->allow_cbc, &cipher, oaeps));
    TRY(try_keys(&it, keys, cipher, oaeps, opening, &plain));
    if (plain.at == NULL && opening->vouched && opening->left == 0) {
        REFUSE(op, SAML_TOO_LARGE, "to open what is encrypted in the message takes more than %d operations with our keys",
               DECRYPT_UNWRAPS_MAX);
    }
    if (plain.at == NULL) {
        REFUSE(op, ENCRYPTION_FAILED, "no EncryptedKey opens with our key, or the content is damaged");
    }
    *ret_decrypted = (struct decrypted){plain, it.text, cipher->cbc};
    return NULL;
}
