// SPDX-License-Identifier: GPL-3.0-or-later
// Hashes of passwords by argon2id (libargon2). Each costs memory and some 30 ms on purpose, so it is computed by threads of
// its own, few and with low priority, behind a short queue: however many passwords come, sign-ins that need none go on.
#ifndef GATEHOUSE_BASE_ARGON_H
#define GATEHOUSE_BASE_ARGON_H

#include "base/op.h"

#define ARGON_PASSWORD_MAX 256 // bytes; longer ones are refused before they come here
#define ARGON_TEXT_MAX 200     // of a hash: "$argon2id$v=19$m=19456,t=2,p=1$salt$hash"
#define ARGON_WAIT_MS 3000     // longer than this nobody waits in the queue

struct argon_options {
    uint32_t memory_kib, passes, lanes;
    size_t threads; // that hash at once
    size_t waiting; // and so many more may wait; each holds the thread of its request
};
struct argon;
// NULL: no memory, or no threads.
struct argon *argon_open(const struct argon_options *options);
void argon_close(struct argon *argon); // NULL-safe

// The hash of a password under a fresh salt, as text. limit.queue: too many wait, or it took too long.
MUST_USE reason argon_hash(struct op *op, struct argon *argon, struct slice password,
                           struct slice *ret_text);
// Is this the password of the hash? `text` empty: never so, in the time that a hash takes. *ret_old (may be NULL): the
// hash was made with other parameters than those of now. limit.queue.
MUST_USE reason argon_verify(struct op *op, struct argon *argon, struct slice text,
                             struct slice password, bool *ret_same, bool *ret_old);

#endif
