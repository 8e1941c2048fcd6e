// SPDX-License-Identifier: GPL-3.0-or-later
// Records: a struct as stored bytes by its field table. u16 version, then per member: u8 tag,
// varint length, bytes; empty members (no bytes, 0, false, the first choice) are left out, and a
// member that is not stored is empty. A record of a newer version than the table's is refused
// (start.schema), so nothing that a newer program wrote is lost by writing it back. An unknown tag
// is refused, but in a record of an older version: there the member was dropped since. So a table
// gets a new version whenever a member comes or goes.
#ifndef GATEHOUSE_STORE_RECORD_H
#define GATEHOUSE_STORE_RECORD_H

#include "base/buf.h"
#include "base/field.h"
#include "store/key.h"

#define RECORD_MAX (256U << 10) // a connection with all its certificates and rules is under 100 KB

// invalid_input: a member is out of the table's bounds; limit.memory: more than RECORD_MAX.
MUST_USE reason record_put(struct op *op, const struct field_table *table, const void *row,
                           struct slice *ret_bytes);
// The row's slices point into a copy in op's arena. store.unavailable: the bytes are not a record.
MUST_USE reason record_get(struct op *op, const struct field_table *table, struct slice bytes,
                           void *ret_row);

// An entity: rows of one table under a primary key, with indexes that are kept in the same
// transaction.
struct entity_index {
    uint8_t space;
    bool unique;  // a second row under the same key is refused with `taken`
    reason taken; // NULL: no other row can have this key, for it holds the whole primary key; nothing is looked for
    // Adds the parts of the index key (without the primary key) to *ret_key, which comes as
    // key_in(space), or sets it whole. False: this row is not in the index.
    bool (*key)(const void *row, struct key *ret_key);
};
struct entity {
    uint8_t space;
    const struct field_table *fields;
    void (*key)(const void *row, struct key *ret_key); // *ret_key comes as key_in(space), as above
    const struct entity_index *indexes;
    size_t index_count;
    // NULL, or called after a row was put (before NULL: it is new) or removed (after NULL), in the same
    // transaction: for what is kept of rows of several entities together.
    reason (*changed)(struct op *op, struct txn *txn, const void *before, const void *after);
};

// *ret_found false and the row untouched when there is none.
MUST_USE reason entity_find(struct op *op, struct txn *txn, const struct entity *entity,
                            const struct key *key, void *ret_row, bool *ret_found);
// Through a unique index.
MUST_USE reason entity_find_by(struct op *op, struct txn *txn, const struct entity *entity,
                               size_t index, const struct key *key, void *ret_row, bool *ret_found);
// Adds or replaces, with its index rows; does nothing when the same is stored. Refuses before it writes: `taken` of a unique
// index, invalid_input.
MUST_USE reason entity_put(struct op *op, struct txn *txn, const struct entity *entity,
                           const void *row);
// *ret_added false when the primary key is taken.
MUST_USE reason entity_add(struct op *op, struct txn *txn, const struct entity *entity,
                           const void *row, bool *ret_added);
// Adds a row that cannot be there: its id was just made, or it was looked for in this transaction. `internal` if it is.
MUST_USE reason entity_new(struct op *op, struct txn *txn, const struct entity *entity,
                           const void *row);
MUST_USE reason entity_remove(struct op *op, struct txn *txn, const struct entity *entity,
                              const struct key *key, bool *ret_there);
// The primary key that an index row points to (its value). Non-unique index rows end with the
// primary key.

// A page of a listing. cursor: what the last page gave, "" for the first.
#define PAGE_LIMIT_DEFAULT 50
#define PAGE_LIMIT_MAX 200
struct page {
    size_t limit;
    struct slice cursor;
};

// Schema version of the whole store, and the steps that bring an older one up to date.
struct migration {
    uint32_t to; // from to - 1
    const char *what;
    store_fn run; // its arg is a struct migration_pass
};
// A step that is too much for one transaction says `more` and where the next pass starts. The number
// is written with the last pass: after a crash the step starts anew, so its passes may be run twice.
struct migration_pass {
    struct key from; // len 0: the first pass
    struct key next; // set by the step, with `more`
    bool more;
};
// Runs the steps after the stored version, each pass in a transaction of its own, the last with the new
// number. A store of a newer version than the last step is refused with start.schema.
MUST_USE reason store_migrate(struct op *op, struct store *store, const struct migration *steps,
                              size_t count);
#define SPACE_SCHEMA 0x01 // the one space that belongs to the store room

#endif
