// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/seal.h"

#include <openssl/evp.h>

#include "base/rand.h"

#define NONCE 12
#define TAG 16

AUTO_FREE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free);

reason seal_close(struct op *op, const struct seal_key *key, struct slice about,
                  struct slice bytes, struct slice *ret_sealed) {
    uint8_t *out = NULL;
    int len = 0;
    TRY(op_take(op, bytes.len + SEAL_OVERHEAD, &out));
    rand_bytes(out, NONCE);
    AUTO(EVP_CIPHER_CTX) cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL ||
        EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, out) != 1 ||
        EVP_EncryptUpdate(cipher, NULL, &len, (const uint8_t *)about.at, (int)about.len) != 1 ||
        EVP_EncryptUpdate(cipher, out + NONCE, &len, (const uint8_t *)bytes.at, (int)bytes.len) != 1 ||
        EVP_EncryptFinal_ex(cipher, out + NONCE + len, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, out + NONCE + bytes.len) != 1) {
        REFUSE(op, INTERNAL, "OpenSSL could not seal a secret");
    }
    *ret_sealed = slice_of(out, bytes.len + SEAL_OVERHEAD);
    return NULL;
}

reason seal_open(struct op *op, const struct seal_key *key, struct slice about,
                 struct slice sealed, struct slice *ret_bytes) {
    uint8_t *out = NULL;
    int len = 0;
    uint8_t tag[TAG];
    if (sealed.len < SEAL_OVERHEAD) {
        REFUSE(op, KEY_FILE, "a sealed secret is too short");
    }
    size_t size = sealed.len - SEAL_OVERHEAD;
    const uint8_t *in = (const uint8_t *)sealed.at;
    memcpy(tag, in + NONCE + size, TAG);
    TRY(op_take(op, size + 1, &out));
    AUTO(EVP_CIPHER_CTX) cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL ||
        EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, in) != 1 ||
        EVP_DecryptUpdate(cipher, NULL, &len, (const uint8_t *)about.at, (int)about.len) != 1 ||
        EVP_DecryptUpdate(cipher, out, &len, in + NONCE, (int)size) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG, tag) != 1 ||
        EVP_DecryptFinal_ex(cipher, out + len, &len) != 1) {
        REFUSE(op, KEY_FILE, "a stored secret does not open with the key keys/seal.key: restore the "
               "key from a backup, or reset the second factor");
    }
    *ret_bytes = slice_of(out, size);
    return NULL;
}
