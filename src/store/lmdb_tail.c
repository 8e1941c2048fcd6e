// SPDX-License-Identifier: GPL-3.0-or-later
// The tail: what is durable in the journal, and in the tree only as an open transaction. See engine.h.
#include <stdlib.h>

#include "base/check.h"
#include "store/lmdb.h"

// So much of the journal, and the tail goes into the tree: some 500 logins. More would share more pages, but the write of
// all of them holds up who comes meanwhile.
#define TAIL_BYTES ((uint64_t)2 << 20)
// While it is crowded: who comes meanwhile then waits for those before him anyway, and each login costs less.
#define TAIL_CROWDED_BYTES (2 * TAIL_BYTES)
// While the tree has no room the tail may grow to this, then writes are refused.
#define TAIL_MAX (2 * TAIL_CROWDED_BYTES)
// Kept for the next write; what a larger one took is given back.
#define UNDO_KEEP ((size_t)1 << 20)

// ---- undoing one write

#define UNDO_HEAD 9 // u8 whether there was a value, u32 length of the key, u32 of the value
#define UNDO_FOOT 4 // u32 length of all before it, so that the last is found first

static void undo_clear(struct undo *undo) {
    undo->len = 0;
    if (undo->room > UNDO_KEEP) {
        free(undo->at);
        *undo = (struct undo){.at = NULL};
    }
}

static int undo_note(struct undo *undo, struct slice key, struct slice old) {
    size_t bytes = UNDO_HEAD + key.len + old.len;
    if (undo->room - undo->len < bytes + UNDO_FOOT) {
        size_t room = (undo->room + bytes + UNDO_FOOT) * 2;
        char *more = realloc(undo->at, room);
        if (more == NULL) {
            return ENOMEM;
        }
        undo->at = more;
        undo->room = room;
    }
    char *at = undo->at + undo->len;
    at[0] = old.at != NULL;
    memcpy(at + 1, &(uint32_t){(uint32_t)key.len}, 4);
    memcpy(at + 5, &(uint32_t){(uint32_t)old.len}, 4);
    memcpy(at + UNDO_HEAD, key.at, key.len);
    if (old.len > 0) {
        memcpy(at + UNDO_HEAD + key.len, old.at, old.len);
    }
    memcpy(at + bytes, &(uint32_t){(uint32_t)bytes}, UNDO_FOOT);
    undo->len += bytes + UNDO_FOOT;
    return 0;
}

// The last change that was noted, which it then forgets.
static void undo_last(struct undo *undo, struct slice *ret_key, struct slice *ret_old) {
    uint32_t bytes = 0;
    uint32_t key = 0;
    uint32_t old = 0;
    memcpy(&bytes, undo->at + undo->len - UNDO_FOOT, UNDO_FOOT);
    undo->len -= bytes + UNDO_FOOT;
    const char *at = undo->at + undo->len;
    memcpy(&key, at + 1, 4);
    memcpy(&old, at + 5, 4);
    *ret_key = slice_of(at + UNDO_HEAD, key);
    *ret_old = at[0] != 0 ? slice_of(at + UNDO_HEAD + key, old) : SLICE_NONE;
}

// Before anybody can read it.
static void count_change(struct engine *engine, size_t space) {
    atomic_uint_fast64_t *count = &engine->changes->of[space];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_release);
}

int tail_put(struct engine *engine, struct slice key, struct slice old, struct slice value) {
    count_change(engine, (uint8_t)key.at[0]);
    int code = undo_note(&engine->undo, key, old);
    return code == 0 ? journal_note_put(engine->journal, key, value) : code;
}

int tail_delete(struct engine *engine, struct slice key, struct slice old) {
    count_change(engine, (uint8_t)key.at[0]);
    int code = undo_note(&engine->undo, key, old);
    return code == 0 ? journal_note_delete(engine->journal, key) : code;
}

// value.at NULL: there shall be none.
static int apply(void *arg, struct slice key, struct slice value) {
    struct engine *engine = arg;
    MDB_val at = val_of(key);
    MDB_val bytes = val_of(value);
    if (value.at != NULL) {
        return mdb_put(engine->tail, engine->rows, &at, &bytes, 0);
    }
    int code = mdb_del(engine->tail, engine->rows, &at, NULL);
    return code == MDB_NOTFOUND ? 0 : code;
}

int engine_undo(struct txn *txn) {
    struct engine *engine = txn->engine;
    int code = 0;
    while (code == 0 && engine->undo.len > 0) {
        struct slice key;
        struct slice old;
        undo_last(&engine->undo, &key, &old);
        code = apply(engine, key, old);
    }
    if (!txn->over) { // else nothing of this one was noted, and the tree has to take the others
        journal_cut(engine->journal, txn->noted);
    }
    return code;
}

// ---- the tail as a whole

static int begin(struct engine *engine) {
    // Who copied the file and was killed would keep its old pages for ever; on a full disk they are what is needed.
    (void)mdb_reader_check(engine->env, NULL);
    return mdb_txn_begin(engine->env, NULL, 0, &engine->tail);
}

// What was read in the tail may not be so.
static void count_all(struct engine *engine) {
    for (size_t i = 0; i < 256; i++) {
        count_change(engine, i);
    }
}

void engine_drop(struct engine *engine) {
    if (engine->tail != NULL) {
        mdb_txn_abort(engine->tail);
        engine->tail = NULL;
        count_all(engine);
    }
    undo_clear(&engine->undo);
    journal_cut(engine->journal, 0);
}

bool engine_has_tail(const struct engine *engine) {
    return engine->tail != NULL;
}

bool engine_is_due(const struct engine *engine, bool crowded) {
    return engine->tail != NULL &&
           journal_bytes(engine->journal) >= (crowded ? TAIL_CROWDED_BYTES : TAIL_BYTES);
}

int engine_flush(struct engine *engine) {
    if (engine->tail == NULL) {
        return 0;
    }
    int code = mdb_txn_commit(engine->tail);
    engine->tail = NULL;
    undo_clear(&engine->undo);
    journal_cut(engine->journal, 0);
    if (code != 0) {
        count_all(engine);
        return env_what_it_means(engine->env, code);
    }
    engine->stuck = false;
    env_go_ahead(engine);
    uint64_t base = 0;
    code = env_base(engine->env, &base);
    if (code == 0) { // whatever the journal holds is of a tree that is no more
        journal_start(engine->journal, base);
    }
    return code;
}

int engine_write(struct engine *engine, struct txn *ret_txn) {
    bool first = engine->stuck || journal_bytes(engine->journal) >= TAIL_MAX;
    int code = first ? engine_flush(engine) : 0;
    if (code == 0 && engine->tail == NULL) {
        code = begin(engine);
    }
    if (code == 0) {
        undo_clear(&engine->undo);
        *ret_txn = (struct txn){.engine = engine,
                                .body = engine->tail,
                                .writable = true,
                                .shared = true,
                                .noted = journal_noted(engine->journal),
                                .over = journal_over(engine->journal)};
    }
    return code;
}

bool engine_is_over(const struct engine *engine) {
    return journal_over(engine->journal);
}

int engine_sync(struct engine *engine) {
    return journal_noted(engine->journal) > 0 ? journal_write(engine->journal) : 0;
}

// An error as one after which the engine is of no use.
static int fatal(int code) {
    return engine_class_of(code) == ENGINE_NO_ROOM ? ENGINE_CLOSED : code;
}

int engine_restore(struct engine *engine) {
    engine_drop(engine);
    if (!engine->unread && journal_bytes(engine->journal) == 0) {
        return 0;
    }
    int code = begin(engine);
    code = code != 0 ? code : journal_read(engine->journal, engine->unread, apply, engine);
    if (code != 0 || journal_bytes(engine->journal) == 0) {
        engine_drop(engine);
    }
    engine->unread = engine->unread && code != 0;
    return fatal(code);
}

int engine_grow(struct engine *engine) {
    MDB_envinfo info;
    engine_drop(engine);
    int code = mdb_env_info(engine->env, &info);
    if (code == 0 && info.me_mapsize > SIZE_MAX / 4) {
        code = ENOMEM;
    }
    code = code != 0 ? code : mdb_env_set_mapsize(engine->env, info.me_mapsize * 2);
    return code != 0 ? fatal(code) : engine_restore(engine);
}

// The tree that was found may be in memory only, and the journal of the one before it is given up now.
int engine_recover(struct engine *engine) {
    uint64_t base = 0;
    int code = fatal(mdb_env_sync(engine->env, 1));
    code = code != 0 ? code : env_base(engine->env, &base);
    if (code != 0) {
        return code;
    }
    count_all(engine);
    journal_start(engine->journal, base);
    code = engine_restore(engine);
    while (engine_class_of(code) == ENGINE_GROW) {
        code = engine_grow(engine);
    }
    if (code != 0 || engine->tail == NULL) {
        return code;
    }
    engine->stuck = true;
    code = engine_flush(engine);
    if (engine_class_of(code) == ENGINE_NO_ROOM) { // it can be read at least
        int again = engine_restore(engine);
        return again != 0 ? again : code;
    }
    return code;
}
