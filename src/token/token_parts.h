// SPDX-License-Identifier: GPL-3.0-or-later
// What the makers of tokens share, for the token room only.
#ifndef GATEHOUSE_TOKEN_TOKEN_PARTS_H
#define GATEHOUSE_TOKEN_TOKEN_PARTS_H

#include "base/json.h"
#include "token/keyring.h"

// By the newest key, ES256, with its kid and this typ.
MUST_USE reason token_sign(struct op *op, struct keyring *keyring, const char *type,
                           struct slice payload, struct slice *ret_token);
// The signed payload, when a key of ours signed it with this typ; no claim of it was looked at. unauthenticated.
MUST_USE reason token_verify(struct op *op, const struct keyring *keyring, const char *type,
                             struct slice token, struct slice *ret_payload);

struct sign_in_facts {
    struct slice session, acr;
    int64_t authenticated_at;
    bool by_password;
};
// sid, auth_time, amr, acr.
void token_write_sign_in(struct op *op, struct json *body, const struct sign_in_facts *facts);

#endif
