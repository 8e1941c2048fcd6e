// SPDX-License-Identifier: GPL-3.0-or-later
// Memory for libxml2 in a worker: pieces of one region, given one after the other. It starts anew
// as soon as all that were given are back, which they are when a message is done. What does not fit
// the region, and all that was there before memory_start, is malloc's.
#ifndef GATEHOUSE_WORKER_MEMORY_H
#define GATEHOUSE_WORKER_MEMORY_H

#include <stddef.h>

#define MEMORY_REGION (512U << 10) // an honest message takes some 60 KB

// Before anything else of libxml2, once.
void memory_init(void);
// From now on pieces come from the region: what libxml2 keeps for good is there.
void memory_start(void);
// Pieces of the region that are not back.
size_t memory_live(void);

#endif
