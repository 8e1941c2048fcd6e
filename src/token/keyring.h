// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the keyring, for the token room only.
#ifndef GATEHOUSE_TOKEN_KEYRING_H
#define GATEHOUSE_TOKEN_KEYRING_H

#include <cjose/cjose.h>

#include "token/seen.h"
#include "token/token.h"

#define KEYRING_MAX 8 // one signs, one or two retire
#define KID_TEXT 43   // base64url of SHA-256

struct token_key {
    cjose_jwk_t *jwk;
    char kid[KID_TEXT + 1];
    unsigned number; // of the file: the highest signs
};
struct keyring {
    struct token_key keys[KEYRING_MAX]; // newest first
    size_t count;
    struct seen *seen; // tokens whose signatures held
};
const struct token_key *keyring_signer(const struct keyring *keyring);
const struct token_key *keyring_find(const struct keyring *keyring, const char *kid); // NULL

#endif
