// SPDX-License-Identifier: GPL-3.0-or-later
// An ordered key/value store: bytes in, bytes out. It knows no entity. LMDB and a journal are its body (engine.h);
// another engine would be a second body of the same functions.
//
// Work is given as a function. A read runs on the caller's thread and sees all writes that were answered, and perhaps some that
// are about to be; while others write it takes turns with them, so it should be short. Writes go to the committer, one
// thread that runs the waiting ones together and makes them durable by one sync;
// store_write returns when its write is durable, so that many logins share one sync and none is
// answered before it is safe. A write function may run again (the map had to grow): it must not change anything but the
// transaction and what `arg` gives back, and set that anew each time. It runs on the committer's thread, with the caller's op. No
// function given here may call store_read or store_write itself: that would wait for itself, and
// aborts instead.
#ifndef GATEHOUSE_STORE_STORE_H
#define GATEHOUSE_STORE_STORE_H

#include "base/op.h"

#define STORE_KEY_MAX 511 // LMDB's limit; longer parts are hashed by who makes the key
#define STORE_GROUP_MAX 256 // writes that are made durable together
#define STORE_JOBS_MAX 32   // writes of one call of store_write_many

struct store;
struct txn;
typedef reason (*store_fn)(struct op *op, struct txn *txn, void *arg);

// Opens the store in directory `dir` (made 0700 if it is not there, its parents are not) and takes
// its lock. start.data_dir, start.data_dir_locked (another process has it), start.schema (the
// version row cannot be read), store.unavailable (the file is damaged or no store).
MUST_USE reason store_open(struct op *op, const char *dir, struct store **ret_store);
// Waits for the writes that were accepted; then closes. Nobody may call anything on it any more.
// NULL-safe.
void store_close(struct store *store);
// False after a failed commit, until the store was reopened and verified.
bool store_ready(struct store *store);
// True from a write that found no room until there is some again. Reads go on meanwhile, and writes
// are tried; but a login would hardly be recorded.
bool store_full(struct store *store);

// What fn refuses with, or store.unavailable. fn must not keep slices into the store past its end.
MUST_USE reason store_read(struct op *op, struct store *store, store_fn fn, void *arg);
// As store_read, for what may take longer than a millisecond: it waits until what was answered is in the tree (some
// milliseconds, while others write), and then takes turns with nobody.
MUST_USE reason store_walk(struct op *op, struct store *store, store_fn fn, void *arg);
// As store_read, but of what was there a moment ago: it may not see the last writes, and takes turns with nobody however long
// it takes.
MUST_USE reason store_look(struct op *op, struct store *store, store_fn fn, void *arg);
// Durable when it returns NULL. When fn refuses nothing of it is kept. store.unavailable: disk full
// (nothing of it is kept, and it goes on by itself when there is space) or a failed write (the environment is closed,
// reopened, verified; an unknown outcome is a refusal). limit.queue: too many writes wait.
MUST_USE reason store_write(struct op *op, struct store *store, store_fn fn, void *arg);

// Several writes of one thread, at most STORE_JOBS_MAX, waited for together. Each is as if store_write had been called for
// it, in this order, and has its own answer; none sees that another was refused.
struct store_job {
    struct op *op; // each its own
    store_fn fn;
    void *arg;
    reason why; // the answer
};
void store_write_many(struct store *store, struct store_job *jobs, size_t count);

// This thread will soon write, or say that it will not: until then the next group of writes waits a little. Not waited
// for is only slower. store_write ends it, else store_expect_end must; both may be called without the other.
void store_expect(struct store *store);
void store_expect_end(struct store *store);

// A number that changes whenever a row whose key begins with this byte may have changed. Equal before a read and now: what was
// read is still so. Waits for nobody, and costs nothing. (Not with store_look.)
uint64_t store_changes(const struct store *store, uint8_t space);

// Inside a transaction. Values point into the store: valid until the transaction's next write or
// its end, so they are copied before they are put elsewhere. Keys of 0 or more than STORE_KEY_MAX
// bytes are refused with invalid_input. After store.unavailable nothing of this transaction is
// kept, whatever fn answers. *ret_value.at is NULL when there is no such key.
MUST_USE reason txn_get(struct op *op, struct txn *txn, struct slice key, struct slice *ret_value);
MUST_USE reason txn_put(struct op *op, struct txn *txn, struct slice key, struct slice value);
// *ret_added false: the key was there, and nothing was changed.
MUST_USE reason txn_add(struct op *op, struct txn *txn, struct slice key, struct slice value,
                        bool *ret_added);
MUST_USE reason txn_delete(struct op *op, struct txn *txn, struct slice key, bool *ret_there);

// How often this transaction changed something so far: who does one thing of many, and is refused, knows by it whether
// something of that one is in the transaction.
uint64_t txn_writes(const struct txn *txn);

// Goes through the keys with a prefix in order. The transaction may be written to meanwhile: the
// scan goes on behind the key it gave last. At most 16 are open at once; those that fn leaves open
// close with the transaction.
struct scan {
    struct txn *txn;
    void *cursor;
    struct slice prefix; // the caller's bytes: they stay until the scan is closed
    uint64_t writes;     // of the transaction, when the cursor was set
    bool backwards, started, ended;
    uint8_t from[STORE_KEY_MAX];
    size_t from_len;
};
// `from` empty: from the first (last, when backwards) key with the prefix; else from the first key
// that is > from (< from, when backwards); `from` itself is left out, so the last key of a page is
// the next page's.
MUST_USE reason scan_open(struct op *op, struct txn *txn, struct slice prefix, struct slice from,
                          bool backwards, struct scan *ret_scan);
// *ret_key.at is NULL at the end.
MUST_USE reason scan_next(struct op *op, struct scan *scan, struct slice *ret_key,
                          struct slice *ret_value);
void scan_close(struct scan *scan); // NULL-safe, also after a refusal of scan_open

// Figures for operators.
struct store_stat {
    uint64_t rows, map_bytes, used_bytes;
};
MUST_USE reason store_stat(struct op *op, struct store *store, struct store_stat *ret_stat);

// Waits until what was answered is in the store's file. store.unavailable: there is no room in it.
MUST_USE reason store_settle(struct op *op, struct store *store);
// Copies what is in the tree of the store in directory `dir` into the new file `to` (0600, synced): all of one moment, and that is
// all that was answered before the last store_settle. A gate may have it open, and goes on meanwhile; this process must not have. What
// is removed while it copies keeps its room until it is done. start.data_dir: a file cannot be used; store.unavailable: the store is
// damaged, or there is no room. `to` is removed then.
MUST_USE reason store_copy(struct op *op, const char *dir, const char *to);
// Holds the directory `dir`, which is there, as store_open does, without opening anything: until *ret_lock is closed.
// start.data_dir, start.data_dir_locked.
MUST_USE reason store_hold(struct op *op, const char *dir, int *ret_lock);
// Who puts a store there works in this directory of it; while that is there, store_open refuses (start.data_dir).
#define STORE_RESTORING "restoring"
#define STORE_FILE "store.mdb" // the rows, in the directory of a store
// Reads all rows of such a copy. store.unavailable: it is none, or damaged.
MUST_USE reason store_check(struct op *op, const char *file, struct store_stat *ret_stat);

#endif
