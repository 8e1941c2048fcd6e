// SPDX-License-Identifier: GPL-3.0-or-later
// What the body of the store gives to the committer (commit.c) and to reads (open.c), for this room only: a tree in a file
// (LMDB), and what is durable but not in that file yet: the tail. Writes change the tail, which is one transaction of the
// tree that stays open over many groups; a group is durable when the journal has its changes (engine_sync), or the tree has
// (engine_flush), and after a crash the tail is made again out of the journal. So a page that many groups change is written
// once, and a group costs one write and one sync.
//
// The engine knows no threads. Only the thread that opened the tail may write, sync, flush, restore; others may read in it
// (engine_share) while that one does none of these. Nothing may be open when the map moves or the engine closes, but the
// tail, which then ends.
#ifndef GATEHOUSE_STORE_ENGINE_H
#define GATEHOUSE_STORE_ENGINE_H

#include <errno.h>
#include <stdatomic.h>

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
    bool shared;     // it is the tail's body
    uint64_t writes; // that changed something, so far
    int fault;       // the first error that is not fn's own; nothing works after it
    struct MDB_cursor *scans[TXN_SCANS_MAX];
    size_t noted;    // in the journal, before it
    bool over;       // more than the journal takes was written before it
};

// What an error code asks for. 0 is no error.
enum engine_class {
    ENGINE_DONE,
    ENGINE_GROW,    // the map is full: restore, engine_grow, run again
    ENGINE_LARGE,   // too much for one transaction: restore, do less at once
    ENGINE_NO_ROOM, // no disk or memory at the moment: restore; the rest is as good as before
    ENGINE_FAILED,  // anything else: close, reopen, verify
};
// There is no environment at the moment. Of class ENGINE_FAILED.
#define ENGINE_CLOSED ENOTRECOVERABLE
enum engine_class engine_class_of(int code);
// store.unavailable with what happened and what to do.
MUST_USE reason engine_refuse(struct op *op, int code);
const char *engine_words(int code);

// How often rows of each space (the first byte of their keys) were changed; it outlives the engine.
struct engine_changes {
    atomic_uint_fast64_t of[256];
};

// All give 0 or an error code.

// `path` of the tree; the journal is path + JOURNAL_SUFFIX. Made, 0600, if they are not there. What the journal holds is not
// looked at yet: that is engine_recover's.
#define JOURNAL_SUFFIX "-journal"
// `changes` is counted up by the thread that writes, and stays the caller's.
MUST_USE int engine_open(const char *path, struct engine_changes *changes, struct engine **ret_engine);
void engine_close(struct engine *engine); // drops the tail, which the journal still has. NULL-safe
// Walks the rows of the file, at most VERIFY_ROWS_MAX of them: they can be read, ascend and are as many as they
// should.
MUST_USE int engine_verify(struct engine *engine);
// Whether the disk takes more now: writes behind the end of the file, syncs, and takes it back.
MUST_USE int engine_probe(struct engine *engine);
// A copy of what is in the file `from`, of one moment and without free pages, to `to`, which is then synced. Another process may have
// it open, and write; this one must not.
MUST_USE int engine_copy(const char *from, int to);
// All rows of a file that engine_copy made can be read. ENGINE_FAILED too when the file is no such.
MUST_USE int engine_count(const char *file, struct store_stat *ret_stat);
// Of the tail when there is one; then only under what engine_share asks for.
MUST_USE int engine_stat(struct engine *engine, struct store_stat *ret_stat);

// A read of what is in the file: without the tail.
MUST_USE int engine_snapshot(struct engine *engine, struct txn *ret_txn);
// A read in the tail, which must be there.
void engine_share(struct engine *engine, struct txn *ret_txn);
// A write in the tail, which begins with it if there is none. ENGINE_NO_ROOM also while a restored tail does not get into the
// tree: nothing is added to a journal that may not be whole.
MUST_USE int engine_write(struct engine *engine, struct txn *ret_txn);
// Takes back what this write changed; after an error the tail must be restored.
MUST_USE int engine_undo(struct txn *txn);
void engine_end(struct txn *txn);

bool engine_has_tail(const struct engine *engine);
// More was written than the journal takes: engine_flush makes it durable, engine_sync is not called.
bool engine_is_over(const struct engine *engine);
// Makes what was written durable; reads in the tail may go on meanwhile. After an error the tail must be restored, or the
// engine closed.
MUST_USE int engine_sync(struct engine *engine);
// The tail is so long that it should go into the tree; a longer one may stay while it is crowded.
bool engine_is_due(const struct engine *engine, bool crowded);
// The tail goes into the tree, durably; there is none then. After an error it must be restored, or the engine closed.
MUST_USE int engine_flush(struct engine *engine);
// The tail as the journal has it: only what engine_sync and engine_flush acknowledged. Never ENGINE_NO_ROOM: without it what was
// acknowledged is in no tree, so after an error the engine must be closed.
MUST_USE int engine_restore(struct engine *engine);
// After engine_open, by the thread that will write: the tail that another process left goes into the tree.
// ENGINE_NO_ROOM: it is there and can be read, and will be tried again.
MUST_USE int engine_recover(struct engine *engine);
// Doubles the map; the tail is restored then. Never ENGINE_NO_ROOM: after an error there is no map.
MUST_USE int engine_grow(struct engine *engine);

#endif
