// SPDX-License-Identifier: GPL-3.0-or-later
// What a person signs in with here, without an identity provider: a password (only its argon2id hash), a second factor
// (its secret sealed), recovery codes (hashed), and the bad attempts. One row a user, whatever tenants the user is in.
#ifndef GATEHOUSE_DOMAIN_ACCOUNT_H
#define GATEHOUSE_DOMAIN_ACCOUNT_H

#include "domain/user.h"

#define ACCOUNT_HISTORY_MAX 24 // old passwords that a tenant may forbid to use again
#define PASSWORD_HASH_MAX 200     // bytes of an argon2 hash in its text form
#define RECOVERY_CODES 10
#define FACTOR_SEALED_MAX 128

struct account {
    struct slice user_id;
    struct slice password; // "$argon2id$v=19$m=...", or "": there is none
    int64_t password_at;
    struct texts history; // hashes of older ones, newest first
    // Bad attempts: so many since then. And how many locks came one after the other, for longer and longer ones.
    int64_t failures, failures_since, locks;
    struct slice factor;         // sealed TOTP secret, or ""
    struct slice factor_pending; // one that was shown and waits for its first code
    int64_t factor_at;           // when it was confirmed
    int64_t factor_step;         // of the last code that was taken: it and older ones are used up
    struct texts recovery;       // SHA-256 of the codes that are left, in hex
};
extern const struct field_table account_fields;
extern const struct entity account_entity;

// *ret_found false: none; the row is then an empty one of this user.
MUST_USE reason account_find(struct op *op, struct txn *txn, struct slice user_id,
                                struct account *ret_account, bool *ret_found);
MUST_USE reason account_put(struct op *op, struct txn *txn, const struct account *account);
// The password counts no more (it goes to the history), and no bad attempt either. The second factor stays.
MUST_USE reason account_void(struct op *op, struct txn *txn, struct slice user_id);
// No bad attempts any more.
MUST_USE reason account_forgive(struct op *op, struct txn *txn, struct slice user_id);
MUST_USE reason account_remove(struct op *op, struct txn *txn, struct slice user_id);
// A new password's hash in place of the old one.
MUST_USE reason account_renew(struct op *op, struct account *account, struct slice hash);

#endif
