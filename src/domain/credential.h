// SPDX-License-Identifier: GPL-3.0-or-later
// Credentials: secrets that a program shows to be who it says it is. A secret is 256 random bits, shown once; what is
// stored is its SHA-256, which is enough for what nobody can guess. Their owners are service users and applications, which keep
// at most two of them, so that one can be replaced while the other works.
#ifndef GATEHOUSE_DOMAIN_CREDENTIAL_H
#define GATEHOUSE_DOMAIN_CREDENTIAL_H

#include "domain/audit.h"

#define CREDENTIAL_ID "crd_"
#define CREDENTIAL_SECRET "gh_sec_" // so that scanners of source code and logs recognise one
#define CREDENTIAL_SECRET_BYTES 32
#define CREDENTIAL_SECRET_TEXT 50 // characters: the prefix, and base64url of the bytes
#define CREDENTIAL_HINT 4         // last characters of the secret, to tell two apart
#define CREDENTIALS_EACH_MAX 2

struct credential {
    struct slice id;
    struct slice hash; // SHA-256 of the secret's text
    struct slice hint;
    int64_t created_at, expires_at; // expires_at 0 = never
    struct slice created_by;        // actor
};
extern const struct field_table credential_fields;

// A new one at the end of *credentials (rows of struct credential). The secret is given here and never again. invalid_input by
// field: its end is over. The caller sees to CREDENTIALS_EACH_MAX.
MUST_USE reason credential_make(struct op *op, const struct actor *actor, int64_t expires_at,
                                struct rows *credentials, struct credential *ret_credential,
                                struct slice *ret_secret);
bool credential_ended(const struct credential *credential, int64_t now);
// Takes one out of the rows; false when there is none: with this id, or that has ended.
bool credential_take(struct rows *credentials, struct slice id, struct credential *ret_taken);
bool credential_take_ended(struct rows *credentials, int64_t now, struct credential *ret_taken);
// The one with this secret, ended or not; NULL: none. In time that does not depend on which.
const struct credential *credential_with(struct rows credentials, struct slice secret);

#endif
