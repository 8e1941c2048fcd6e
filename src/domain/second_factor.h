// SPDX-License-Identifier: GPL-3.0-or-later
// The second factor: codes of an authenticator (TOTP, RFC 6238, by liboath), each good once, and recovery codes. The secret is
// sealed with a key of the key directory, the recovery codes are hashed: who reads the store alone can make no code.
#ifndef GATEHOUSE_DOMAIN_SECOND_FACTOR_H
#define GATEHOUSE_DOMAIN_SECOND_FACTOR_H

#include "domain/account.h"
#include "domain/seal.h"

#define FACTOR_SECRET 20   // bytes: what RFC 4226 recommends
#define FACTOR_DIGITS 6
#define FACTOR_STEP_S 30
#define FACTOR_WINDOW 1    // steps before and after: clocks of telephones
#define RECOVERY_TEXT 14   // "abcd-efgh-jkmn"

// A new secret waits in the account for its first code. The caller stores the account.
struct factor_setup {
    struct slice secret; // base32, in groups of four, for people who type it
    struct slice uri;    // otpauth://totp/...
};
MUST_USE reason factor_begin(struct op *op, const struct seal_key *key, struct account *account,
                             struct slice issuer, struct slice email,
                             struct factor_setup *ret_setup);
// Shows the secret that waits once more; *ret_waits false: none does.
MUST_USE reason factor_pending(struct op *op, const struct seal_key *key,
                               const struct account *account, struct slice issuer,
                               struct slice email, struct factor_setup *ret_setup, bool *ret_waits);
// The first code: the secret that waits becomes the factor, and recovery codes are made. *ret_good false: it is not the code.
MUST_USE reason factor_confirm(struct op *op, const struct seal_key *key, struct account *account,
                               struct slice code, bool *ret_good, struct texts *ret_recovery);
// A code of the factor, or a recovery code; it is used up then. The caller stores the account. *ret_recovery (may be NULL):
// it was a recovery code.
MUST_USE reason factor_check(struct op *op, const struct seal_key *key, struct account *account,
                             struct slice code, bool *ret_good, bool *ret_recovery);
void factor_forget(struct account *account);

#endif
