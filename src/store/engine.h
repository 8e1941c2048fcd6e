// SPDX-License-Identifier: GPL-3.0-or-later
// What the body of the store (lmdb.c) gives to the committer (commit.c), for this room only: one
// environment, transactions, and what an error code means for who waits. The engine knows no
// threads: the caller sees to it that no transaction is open while the map moves or the environment
// closes.
#ifndef GATEHOUSE_STORE_ENGINE_H
#define GATEHOUSE_STORE_ENGINE_H

#include <errno.h>

#include "store/store.h"

// Scans that are open at once in one transaction. A listing needs two; more than this is a bug of
// ours.
#define TXN_SCANS_MAX 16

struct MDB_txn;
struct MDB_cursor;
struct engine;

struct txn {
    struct engine *engine;
    struct MDB_txn *body;
    bool writable;
    uint64_t writes; // that changed something, so far
    int fault;       // the first error that is not fn's own; nothing works after it
    struct MDB_cursor *scans[TXN_SCANS_MAX];
};

// What an error code asks for. 0 is no error.
enum engine_class {
    ENGINE_DONE,
    ENGINE_GROW,    // the map is full: abort, engine_grow, run again
    ENGINE_RESIZED, // somebody else grew the file: engine_adopt, begin again
    ENGINE_LARGE,   // too much for one transaction: abort, do less at once
    ENGINE_NO_ROOM, // no disk or memory at the moment: abort; the environment is as good as before
    ENGINE_FAILED,  // anything else: close, reopen, verify
};
// There is no environment at the moment. Of class ENGINE_FAILED.
#define ENGINE_CLOSED ENOTRECOVERABLE
enum engine_class engine_class_of(int code);
// store.unavailable with what happened and what to do.
MUST_USE reason engine_refuse(struct op *op, int code);
const char *engine_words(int code);

// All give 0 or an error code. The file is made, 0600, if it is not there.
MUST_USE int engine_open(const char *path, struct engine **ret_engine);
void engine_close(struct engine *engine);
// Walks the rows, at most VERIFY_ROWS_MAX of them: they can be read, ascend and are as many as they
// should.
MUST_USE int engine_verify(struct engine *engine);
MUST_USE int engine_grow(struct engine *engine);  // doubles the map
// Whether the disk takes more now: writes behind the end of the file, syncs, and takes it back. No
// transaction that writes may be open.
MUST_USE int engine_probe(struct engine *engine);
MUST_USE int engine_adopt(struct engine *engine); // takes the size that the file has
MUST_USE int engine_stat(struct engine *engine, struct store_stat *ret_stat);

MUST_USE int engine_begin(struct engine *engine, bool writable, struct txn *ret_txn);
// Durable when 0; with an error the transaction is over too, and its outcome is for the class to
// say.
MUST_USE int engine_commit(struct txn *txn);
void engine_abort(struct txn *txn);

#endif
