// SPDX-License-Identifier: GPL-3.0-or-later
// The data directory of one store: made if needed, and held by a lock so that no second process
// opens it. For this room only.
#ifndef GATEHOUSE_STORE_PLACE_H
#define GATEHOUSE_STORE_PLACE_H

#include "base/op.h"

#define PLACE_PATH_MAX 4096

struct place {
    int lock; // descriptor; -1: not held
    bool made;
    char dir[PLACE_PATH_MAX];  // absolute
    char file[PLACE_PATH_MAX]; // of the rows
};

// start.data_dir, start.data_dir_locked. The lock goes when place_leave is called or the process
// ends.
MUST_USE reason place_take(struct op *op, const char *dir, struct place *place);
// start.data_dir: a restore that was stopped left only a part there.
MUST_USE reason place_expect_whole(struct op *op, const struct place *place);
// The names in the directory (and its own, when it was made) are on the disk, not only the bytes.
MUST_USE reason place_settle(struct op *op, const struct place *place);
void place_leave(struct place *place);

#endif
