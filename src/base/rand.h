// SPDX-License-Identifier: GPL-3.0-or-later
// Random bytes from the kernel, and ids made of them.
#ifndef GATEHOUSE_BASE_RAND_H
#define GATEHOUSE_BASE_RAND_H

#include "base/op.h"

// Aborts when the kernel gives none: nothing here may go on with guessable bytes.
void rand_bytes(void *to, size_t len);
// The same bytes for ids and salts, which are shown or stored as they are: many are fetched at once, for this thread. Never for
// keys, cookies, tokens and links: what admits somebody lies in no memory before it is made.
void rand_open_bytes(void *to, size_t len);
// `prefix` + ULID (48 bits of op->now in ms, 80 random bits; Crockford base32, 26 characters): sorts by
// time, so rows with such keys are written side by side.
#define ULID_TEXT 26
MUST_USE reason rand_ulid(struct op *op, struct slice prefix, struct slice *ret_id);
// The 16 bytes that a ULID's text (without prefix) stands for, in its order; false when it is not one.
#define ULID_BYTES 16
bool ulid_bytes(struct slice ulid, uint8_t ret_bytes[ULID_BYTES]);
// The time in a ULID's text (without prefix), or false when it is not one.
bool ulid_time(struct slice ulid, int64_t *ret_ms);

#endif
