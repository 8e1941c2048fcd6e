// SPDX-License-Identifier: GPL-3.0-or-later
// What the files that know LMDB share: lmdb.c (rows in a transaction), lmdb_env.c (the file), lmdb_tail.c (what is durable
// before it is in the file). For them only.
#ifndef GATEHOUSE_STORE_LMDB_H
#define GATEHOUSE_STORE_LMDB_H

#include <lmdb.h>

#include "store/engine.h"
#include "store/journal.h"

// One slot for each read that runs at once: far above the threads of a gate.
#define READERS_MAX 1000

// What a write changed, so that it can be taken back: one behind the other, each with its length at its end.
struct undo {
    char *at;
    size_t len, room;
};

struct engine {
    MDB_env *env;
    MDB_dbi rows;
    struct journal *journal;
    struct engine_changes *changes;
    MDB_txn *tail; // NULL: none
    struct undo undo;
    bool unread; // what the journal holds was not looked at yet
    size_t ahead; // bytes of the file, up to which env_go_ahead went
    bool stuck;  // the tail was left by another process, or another opening: it has to get into the tree before it grows
};

// LMDB's values have no const: what is given in is only read.
static inline MDB_val val_of(struct slice bytes) {
    MDB_val it = {.mv_size = bytes.len};
    memcpy(&it.mv_data, &bytes.at, sizeof it.mv_data);
    return it;
}

static inline struct slice slice_val(MDB_val it) {
    return slice_of(it.mv_data, it.mv_size);
}

// A code of LMDB that a disk which is just full may have caused, as one that says so.
int env_what_it_means(MDB_env *env, int code);
// The tree that is in the file, in a number: another after each change.
MUST_USE int env_base(MDB_env *env, uint64_t *ret_base);
// Goes through the rows, at most `most` of them: they ascend, and are as many as they should.
MUST_USE int env_walk(MDB_txn *txn, MDB_dbi rows, uint64_t most, uint64_t *ret_count);
// The file grows before the tree does, page by page in the kernel's memory. Call it after a commit.
void env_go_ahead(struct engine *engine);

// The tail is no more; the journal still has it.
void engine_drop(struct engine *engine);
// A change of the open tail: noted in the journal, and in what undoes it. `old.at` NULL: there was none.
MUST_USE int tail_put(struct engine *engine, struct slice key, struct slice old, struct slice value);
MUST_USE int tail_delete(struct engine *engine, struct slice key, struct slice old);

#endif
