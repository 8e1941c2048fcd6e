// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATEHOUSE_WORKER_EXCLUSIVE_H
#define GATEHOUSE_WORKER_EXCLUSIVE_H

#include "worker/canon.h"

// Exclusive canonical XML without comments of `apex`, without its child `without` (or NULL), into
// `out`. False: something in it is not for this writer; what is in `out` then means nothing.
bool exclusive_write(struct buf *out, const xmlNode *apex, const xmlNode *without,
                     const struct canon *canon);

#endif
