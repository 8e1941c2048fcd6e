// SPDX-License-Identifier: GPL-3.0-or-later
// What is inside struct sp_keys: for the files that sign and decrypt, and for nobody else.
#ifndef GATEHOUSE_SAML_SP_KEYS_H
#define GATEHOUSE_SAML_SP_KEYS_H

#include <openssl/evp.h>

#include "saml/sp.h"

// Those that are used and those that are on their way in or out (sp_keys_state.c).
#define SP_KEYS_HELD (SP_KEYS_MAX + 1) // a connection's own one, beside both of the gate's that it comes from
struct sp_keys {
    EVP_PKEY *decryption[SP_KEYS_HELD]; // what assertions may be encrypted for; `encryption` is the first
    size_t decryption_count;
    struct texts published[SP_KEY_KINDS]; // DER in base64, the current one first
    struct slice published_room[SP_KEY_KINDS][SP_KEYS_HELD];
    EVP_PKEY *signing, *encryption; // RSA; used by many threads at once, never changed
    struct slice signing_certificate, encryption_certificate; // DER in base64
    struct op op;                                             // its arena holds the certificates
};

// Takes `key` over, and uses it as the row says.
void sp_keys_take(struct sp_keys *keys, enum sp_key_kind kind, const struct sp_key_row *row,
                  struct slice certificate, EVP_PKEY *key);
void sp_keys_publish(struct sp_keys *keys, enum sp_key_kind kind, struct slice certificate);
MUST_USE reason sp_dir_sync(struct op *op, const char *dir);

// Key and certificate of one number, made where they are not there (start.key_file).
MUST_USE reason sp_pair_make(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number);
// *ret_key is the caller's to free; the certificate (DER in base64) is op's.
MUST_USE reason sp_pair_open(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number,
                             struct slice *ret_certificate, EVP_PKEY **ret_key);
MUST_USE reason sp_pair_remove(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number);
// Whether the private key's file is there.
MUST_USE reason sp_pair_there(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number,
                              bool *ret_there);
// A small file that others may not write: whole and durable under its name, in place of what was there.
MUST_USE reason sp_file_read(struct op *op, const char *dir, const char *name, struct slice *ret_text,
                             bool *ret_there);
MUST_USE reason sp_file_replace(struct op *op, const char *dir, const char *name, struct slice text);

#endif
