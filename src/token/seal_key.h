// SPDX-License-Identifier: GPL-3.0-or-later
// The file of the key of what is stored sealed: DIR/seal.key, 64 hex digits, 0600.
#ifndef GATEHOUSE_TOKEN_SEAL_KEY_H
#define GATEHOUSE_TOKEN_SEAL_KEY_H

#include "domain/seal.h"

// Makes it where it is not there; start.key_file.
MUST_USE reason seal_key_make(struct op *op, const char *dir);
// start.key_file: not there, others may read it, not 32 bytes in hex.
MUST_USE reason seal_key_open(struct op *op, const char *dir, struct seal_key **ret_key);
void seal_key_close(struct seal_key *key); // NULL-safe; forgets the bytes

#endif
