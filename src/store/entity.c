// SPDX-License-Identifier: GPL-3.0-or-later
// Entities: a row under its primary key, and index rows beside it that are kept in the same
// transaction. An index row of a unique index is key -> primary key; of another, key and primary
// key -> primary key. What may be refused is looked at before anything is written.
#include "base/check.h"
#include "store/record.h"

static struct key key_of(const struct entity *entity, const void *row) {
    struct key key;
    key_open(&key, entity->space);
    entity->key(row, &key);
    CHECK(key.len > 0 && key.bytes[0] == entity->space);
    return key;
}

// The key of the index row; false when the row has none.
static bool index_key(const struct entity_index *index, const void *row, const struct key *primary,
                      struct key *ret_key) {
    key_open(ret_key, index->space);
    if (row == NULL || !index->key(row, ret_key)) {
        return false;
    }
    CHECK(ret_key->len > 0 && ret_key->bytes[0] == index->space);
    if (!index->unique) {
        key_bytes(ret_key, key_slice(primary));
    }
    return true;
}

static bool same_key(const struct key *a, const struct key *b) {
    return !a->broken && !b->broken && slice_equal(key_slice(a), key_slice(b));
}

// The row as it is stored, in op's arena; NULL when there is none.
static reason row_of(struct op *op, const struct entity *entity, struct slice bytes, void **ret_row) {
    void *row = NULL;
    if (bytes.at != NULL) {
        TRY(op_take(op, entity->fields->size, &row));
        TRY(record_get(op, entity->fields, bytes, row));
    }
    *ret_row = row;
    return NULL;
}

// Whether somebody else's row may have a key of this index.
static bool looks(const struct entity_index *index) {
    return index->unique && index->taken != NULL;
}

// All keys can be stored, and no other row has a unique one.
static reason check_indexes(struct op *op, struct txn *txn, const struct entity *entity,
                            const struct key *primary, const void *row) {
    for (size_t i = 0; i < entity->index_count; i++) {
        const struct entity_index *index = &entity->indexes[i];
        struct key key;
        struct slice owner;
        if (!index_key(index, row, primary, &key)) {
            continue;
        }
        if (key.broken) {
            REFUSE(op, INVALID_INPUT, "a key of this %s is too long", entity->fields->name);
        }
        if (!looks(index)) {
            continue;
        }
        TRY(txn_get(op, txn, key_slice(&key), &owner));
        if (owner.at != NULL && !slice_equal(owner, key_slice(primary))) {
            return op_refuse(op, index->taken, "another %s has this already",
                             entity->fields->name);
        }
    }
    return NULL;
}

// From the index rows of `before` to those of `after`; either may be NULL.
static reason move_indexes(struct op *op, struct txn *txn, const struct entity *entity,
                           const struct key *primary, const void *before, const void *after) {
    for (size_t i = 0; i < entity->index_count; i++) {
        const struct entity_index *index = &entity->indexes[i];
        struct key old_key;
        struct key new_key;
        bool old = index_key(index, before, primary, &old_key);
        bool new = index_key(index, after, primary, &new_key);
        if (old && new && same_key(&old_key, &new_key)) {
            continue;
        }
        if (old) {
            bool there = false; // one that is gone already is no harm
            TRY(txn_delete(op, txn, key_slice(&old_key), &there));
        }
        if (new) {
            TRY(txn_put(op, txn, key_slice(&new_key), key_slice(primary)));
        }
    }
    return NULL;
}

reason entity_find(struct op *op, struct txn *txn, const struct entity *entity,
                   const struct key *key, void *ret_row, bool *ret_found) {
    struct slice bytes;
    TRY(txn_get(op, txn, key_slice(key), &bytes));
    if (bytes.at != NULL) {
        TRY(record_get(op, entity->fields, bytes, ret_row));
    }
    *ret_found = bytes.at != NULL;
    return NULL;
}

reason entity_find_by(struct op *op, struct txn *txn, const struct entity *entity, size_t index,
                      const struct key *key, void *ret_row, bool *ret_found) {
    CHECK(index < entity->index_count && entity->indexes[index].unique);
    struct slice primary;
    struct slice bytes;
    TRY(txn_get(op, txn, key_slice(key), &primary));
    if (primary.at == NULL) {
        *ret_found = false;
        return NULL;
    }
    TRY(txn_get(op, txn, primary, &bytes));
    if (bytes.at == NULL) {
        REFUSE(op, STORE_UNAVAILABLE,
               "an index names a %s that is not there; the store is damaged, restore it from a "
               "backup",
               entity->fields->name);
    }
    TRY(record_get(op, entity->fields, bytes, ret_row));
    *ret_found = true;
    return NULL;
}

// A row that is as it was has nothing to do: its indexes follow from it, and so does what `changed` keeps.
reason entity_put(struct op *op, struct txn *txn, const struct entity *entity, const void *row) {
    struct key primary = key_of(entity, row);
    struct slice was;
    struct slice bytes;
    void *before = NULL;
    TRY(record_put(op, entity->fields, row, &bytes));
    TRY(txn_get(op, txn, key_slice(&primary), &was));
    if (was.at != NULL && slice_equal(was, bytes)) {
        return NULL;
    }
    TRY(row_of(op, entity, was, &before));
    TRY(check_indexes(op, txn, entity, &primary, row));
    TRY(txn_put(op, txn, key_slice(&primary), bytes));
    TRY(move_indexes(op, txn, entity, &primary, before, row));
    return entity->changed != NULL ? entity->changed(op, txn, before, row) : NULL;
}

static reason add_row(struct op *op, struct txn *txn, const struct entity *entity,
                      const struct key *primary, const void *row, bool *ret_added) {
    struct slice bytes;
    TRY(record_put(op, entity->fields, row, &bytes));
    TRY(check_indexes(op, txn, entity, primary, row));
    TRY(txn_add(op, txn, key_slice(primary), bytes, ret_added));
    if (!*ret_added) {
        return NULL;
    }
    TRY(move_indexes(op, txn, entity, primary, NULL, row));
    return entity->changed != NULL ? entity->changed(op, txn, NULL, row) : NULL;
}

reason entity_add(struct op *op, struct txn *txn, const struct entity *entity, const void *row,
                  bool *ret_added) {
    struct key primary = key_of(entity, row);
    bool looked_for = false;
    for (size_t i = 0; i < entity->index_count; i++) {
        looked_for = looked_for || looks(&entity->indexes[i]);
    }
    if (looked_for) { // that the row is there is said before what else is taken
        struct slice there;
        TRY(txn_get(op, txn, key_slice(&primary), &there));
        if (there.at != NULL) {
            *ret_added = false;
            return NULL;
        }
    }
    return add_row(op, txn, entity, &primary, row, ret_added);
}

reason entity_new(struct op *op, struct txn *txn, const struct entity *entity, const void *row) {
    struct key primary = key_of(entity, row);
    bool added = false;
    TRY(add_row(op, txn, entity, &primary, row, &added));
    if (!added) {
        REFUSE(op, INTERNAL, "a new %s is there already", entity->fields->name);
    }
    return NULL;
}

reason entity_remove(struct op *op, struct txn *txn, const struct entity *entity,
                     const struct key *key, bool *ret_there) {
    struct slice was;
    void *before = NULL;
    TRY(txn_get(op, txn, key_slice(key), &was));
    TRY(row_of(op, entity, was, &before));
    bool there = before != NULL;
    if (there) {
        TRY(move_indexes(op, txn, entity, key, before, NULL));
        TRY(txn_delete(op, txn, key_slice(key), &there));
        TRY(entity->changed != NULL ? entity->changed(op, txn, before, NULL) : NULL);
    }
    *ret_there = there;
    return NULL;
}
