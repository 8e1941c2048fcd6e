// SPDX-License-Identifier: GPL-3.0-or-later
// Decryption of what SAML encrypts, an EncryptedAssertion, an EncryptedID or an EncryptedAttribute (xmlenc-core1), in the gate, with the gate's keys: AES-128/192/256 in GCM and
// CBC, keys wrapped by RSA-OAEP. RSA 1.5 and 3DES are refused. What comes out is hostile until a signature holds
// over it, or held over the ciphertext.
#ifndef GATEHOUSE_SAML_DECRYPT_H
#define GATEHOUSE_SAML_DECRYPT_H

#include "saml/reader.h"
#include "saml/sp.h"

#define DECRYPT_KEYS_MAX 2 // EncryptedKeys that are tried: one for each key of ours during a roll-over
// Operations with a private key for one message, whatever is encrypted in it: one with RSA-3072 costs as much as some 18
// honest messages. An Assertion during a roll-over takes two, or four when it brings two EncryptedKeys.
#define DECRYPT_UNWRAPS_MAX 4

struct decrypted {
    struct slice plain;  // text of one element, in op's arena
    struct slice cipher; // the CipherValue as it stood in the octets
    bool cbc;
};
// How what is encrypted in one message is opened; decrypt_opening makes it, each element that is opened uses it up.
struct opening {
    bool allow_cbc;
    bool vouched; // a signature held over the octets: who sent them may learn which key opens, and no further one is tried
    size_t left;  // of DECRYPT_UNWRAPS_MAX
    size_t key;   // of ours, that opened last: it is tried first
};
struct opening decrypt_opening(bool allow_cbc, bool vouched);
// `at` stands on the START of `element` ("EncryptedAssertion" ...) in canonical octets (a copy is read on). encryption.algorithm: one that is not taken (names it); also CBC when
// allow_cbc is false. encryption.failed: everything else, by one path: a key that does not unwrap goes on as a random one.
// encryption.no_key: no EncryptedKey in it, or no key of ours at all. saml.too_large: nothing opened before `left` was used up
// (only where somebody vouches; else as many are tried as may be).
MUST_USE reason decrypt_element(struct op *op, const struct sp_keys *keys, const struct reader *at,
                                const char *element, struct opening *opening,
                                struct decrypted *ret_decrypted);

#endif
