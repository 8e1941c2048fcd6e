// SPDX-License-Identifier: GPL-3.0-or-later
// Which tokens had a signature that holds: a service asks about the same token many times in its few minutes, and the
// signature is most of what a check costs. Only that is remembered, by SHA-256 of the whole text; claims, times, sessions are
// looked at anew each time. Keys never change while a keyring is open. Bounded: a new token takes the slot of an old one.
#ifndef GATEHOUSE_TOKEN_SEEN_H
#define GATEHOUSE_TOKEN_SEEN_H

#include "base/digest.h"

#define SEEN_SLOTS 8192 // 32 bytes each: the tokens of so many people who are busy at once

struct seen;
struct seen *seen_open(void); // NULL: no memory
void seen_close(struct seen *seen); // NULL-safe
bool seen_has(struct seen *seen, const struct sha256 *token);
void seen_add(struct seen *seen, const struct sha256 *token);

#endif
