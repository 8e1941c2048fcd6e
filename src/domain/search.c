// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of texts and their signatures. A member of a tenant stands in one place: it is fresh, or in the
// block whose first id is the last one that is not greater than its own. So what is in a block is always as
// the user is now, and a rename or an erasure takes the old text out of it at once. A tenant's first block
// has the id "", so that each id has a block.
#include "domain/search.h"

#include "base/check.h"
#include "base/clock.h"
#include "domain/batch.h"
#include "domain/roll.h"
#include "domain/space.h"

#define FOLD_FROM 256 // fresh members: with fewer the janitor leaves a tenant alone
#define FOLD_EACH 128 // that it puts into one block at once
#define SIGNATURE_BITS (SEARCH_SIGNATURE * 8U)

struct entry {
    struct slice id, text; // in lower case: name, line end, address
};
struct entries {
    struct entry *at;
    size_t count, room;
};

static reason damaged(struct op *op) {
    REFUSE(op, STORE_UNAVAILABLE,
           "what members are searched by cannot be read; the store is damaged, restore it from a backup");
}

// ---- texts ----

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static reason lowered(struct op *op, struct slice text, struct slice *ret_lowered) {
    char *at = NULL;
    TRY(op_take(op, text.len, &at));
    for (size_t i = 0; i < text.len; i++) {
        at[i] = lower(text.at[i]);
    }
    *ret_lowered = slice_of(at, text.len);
    return NULL;
}

static reason text_of(struct op *op, const struct user *user, bool names_only,
                      struct slice *ret_text) {
    struct buf text;
    buf_open(&text, op, 3 * FIELD_TEXTS_EACH);
    buf_put(&text, user->first_name);
    buf_byte(&text, ' ');
    buf_put(&text, user->last_name);
    if (!names_only) {
        buf_byte(&text, '\n');
        buf_put(&text, user->email);
    }
    TRY(buf_done(&text, ret_text));
    return lowered(op, *ret_text, ret_text);
}

// What stands in a text of two lines, or between two texts, is in no name and no address.
static bool can_be_found(struct slice q) {
    return q.len > 0 && memchr(q.at, '\n', q.len) == NULL && memchr(q.at, 0, q.len) == NULL;
}

static bool holds(struct slice text, struct slice q) {
    return text.len >= q.len && memmem(text.at, text.len, q.at, q.len) != NULL;
}

bool search_shows(struct op *op, const struct user *user, struct slice q, bool names_only) {
    struct slice text;
    struct slice part;
    return q.len == 0 || (can_be_found(q) && lowered(op, q, &part) == NULL &&
                          text_of(op, user, names_only, &text) == NULL && holds(text, part));
}

// ---- signatures ----

static uint32_t bit_of(const char *at, size_t len) {
    uint32_t hash = (uint32_t)len;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)at[i]) * 0x9E3779B1U;
        hash ^= hash >> 15;
    }
    return hash % SIGNATURE_BITS;
}

static void sign(uint8_t signature[SEARCH_SIGNATURE], struct slice text) {
    for (size_t len = 2; len <= 3; len++) {
        for (size_t i = 0; i + len <= text.len; i++) {
            uint32_t bit = bit_of(text.at + i, len);
            signature[bit / 8] |= (uint8_t)(1U << bit % 8);
        }
    }
}

// The bits that a text with q in it has.
struct wanted {
    uint32_t bits[128]; // of a longer q the first ones
    size_t count;
};
static struct wanted wanted_of(struct slice q) {
    struct wanted wanted = {.count = 0};
    size_t len = q.len >= 3 ? 3 : 2; // triples say more, and imply their pairs
    for (size_t i = 0; i + len <= q.len && wanted.count < 128; i++) {
        wanted.bits[wanted.count++] = bit_of(q.at + i, len);
    }
    return wanted;
}

static bool may_hold(struct slice signature, const struct wanted *wanted) {
    for (size_t i = 0; i < wanted->count; i++) {
        uint32_t bit = wanted->bits[i];
        if (((uint8_t)signature.at[bit / 8] & 1U << bit % 8) == 0) {
            return false;
        }
    }
    return true;
}

// ---- keys ----

static struct key key_of(uint8_t space, struct slice tenant) {
    struct key key = key_in(space);
    key_text(&key, tenant);
    return key;
}
static struct key key_at(uint8_t space, struct slice tenant, struct slice id) {
    struct key key = key_of(space, tenant);
    key_tail(&key, id);
    return key;
}

// ---- blocks: u16 count, for each the u16 end of its id and the u32 end of its text, ids, texts ----

#define ENTRY_BYTES 6

struct block {
    struct slice ids, texts;
    const uint8_t *ends;
    size_t count;
};

static size_t id_end(const struct block *block, size_t index) {
    const uint8_t *at = block->ends + index * ENTRY_BYTES;
    return (size_t)at[0] << 8 | at[1];
}
static size_t text_end(const struct block *block, size_t index) {
    const uint8_t *at = block->ends + index * ENTRY_BYTES + 2;
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}
static struct slice id_at(const struct block *block, size_t index) {
    return slice_sub(block->ids, index > 0 ? id_end(block, index - 1) : 0, id_end(block, index));
}
static struct slice text_at(const struct block *block, size_t index) {
    return slice_sub(block->texts, index > 0 ? text_end(block, index - 1) : 0,
                     text_end(block, index));
}

static bool read_block(struct slice bytes, struct block *ret_block) {
    if (bytes.len < 2) {
        return false;
    }
    struct block block = {.count = (size_t)(uint8_t)bytes.at[0] << 8 | (uint8_t)bytes.at[1],
                          .ends = (const uint8_t *)bytes.at + 2};
    size_t head = 2 + block.count * ENTRY_BYTES;
    if (bytes.len < head) {
        return false;
    }
    struct slice rest = slice_sub(bytes, head, bytes.len);
    size_t ids = block.count > 0 ? id_end(&block, block.count - 1) : 0;
    size_t texts = block.count > 0 ? text_end(&block, block.count - 1) : 0;
    block.ids = slice_sub(rest, 0, ids);
    block.texts = slice_sub(rest, ids, rest.len);
    *ret_block = block;
    return block.ids.len == ids && block.texts.len == texts;
}

static reason print_block(struct op *op, const struct entry *entries, size_t count,
                          struct slice *ret_bytes) {
    struct buf bytes;
    size_t ids = 0;
    size_t texts = 0;
    buf_open(&bytes, op, RECORD_MAX);
    buf_u16(&bytes, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        ids += entries[i].id.len;
        texts += entries[i].text.len + 1;
        buf_u16(&bytes, (uint16_t)ids);
        buf_u32(&bytes, (uint32_t)texts);
    }
    for (size_t i = 0; i < count; i++) {
        buf_put(&bytes, entries[i].id);
    }
    for (size_t i = 0; i < count; i++) {
        buf_put(&bytes, entries[i].text);
        buf_byte(&bytes, 0);
    }
    return buf_done(&bytes, ret_bytes);
}

static reason put_block(struct op *op, struct txn *txn, struct slice tenant, struct slice first,
                        const struct entry *entries, size_t count) {
    uint8_t signature[SEARCH_SIGNATURE] = {0};
    struct key block_key = key_at(SPACE_SEARCH_BLOCK, tenant, first);
    struct key signature_key = key_at(SPACE_SEARCH_SIGNATURE, tenant, first);
    struct slice bytes;
    for (size_t i = 0; i < count; i++) {
        sign(signature, entries[i].text);
    }
    TRY(print_block(op, entries, count, &bytes));
    TRY(txn_put(op, txn, key_slice(&block_key), bytes));
    return txn_put(op, txn, key_slice(&signature_key), slice_of(signature, sizeof signature));
}

// The block that an id belongs into: its first id, its entries with room for `more`, and the first id of
// the next one ("" when there is none).
struct place {
    struct slice first, next;
    struct entries entries;
};

static reason find_next(struct op *op, struct txn *txn, const struct key *prefix, struct slice from,
                        bool backwards, struct slice *ret_key, struct slice *ret_value) {
    struct scan scan;
    TRY(scan_open(op, txn, key_slice(prefix), from, backwards, &scan));
    reason why = scan_next(op, &scan, ret_key, ret_value);
    scan_close(&scan);
    return why;
}

static reason find_place(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                         size_t more, struct place *ret_place) {
    struct place place = {.first = S("")};
    struct key prefix = key_of(SPACE_SEARCH_BLOCK, tenant);
    struct key from = key_at(SPACE_SEARCH_BLOCK, tenant, id);
    struct slice key;
    struct slice value;
    struct block block = {.count = 0};
    TRY(find_next(op, txn, &prefix, key_slice(&from), false, &key, &value));
    if (key.at != NULL) {
        TRY(op_copy(op, slice_sub(key, prefix.len, key.len), &place.next));
    }
    TRY(txn_get(op, txn, key_slice(&from), &value));
    key = key_slice(&from);
    if (value.at == NULL) {
        TRY(find_next(op, txn, &prefix, key_slice(&from), true, &key, &value));
    }
    if (key.at != NULL) {
        TRY(op_copy(op, slice_sub(key, prefix.len, key.len), &place.first));
        TRY(op_copy(op, value, &value));
        if (!read_block(value, &block)) {
            return damaged(op);
        }
    }
    place.entries.room = block.count + more;
    TRY(op_take(op, place.entries.room * sizeof *place.entries.at, &place.entries.at));
    for (size_t i = 0; i < block.count; i++) {
        struct slice text = text_at(&block, i);
        place.entries.at[place.entries.count++] =
            (struct entry){id_at(&block, i), slice_sub(text, 0, text.len - 1)};
    }
    *ret_place = place;
    return NULL;
}

// In its place by id; one that is there is replaced.
static void put_entry(struct entries *entries, const struct entry *entry) {
    size_t at = entries->count;
    while (at > 0 && slice_compare(entries->at[at - 1].id, entry->id) > 0) {
        at--;
    }
    if (at > 0 && slice_equal(entries->at[at - 1].id, entry->id)) {
        entries->at[at - 1] = *entry;
        return;
    }
    CHECK(entries->count < entries->room);
    memmove(&entries->at[at + 1], &entries->at[at], (entries->count - at) * sizeof *entry);
    entries->at[at] = *entry;
    entries->count++;
}

// How many of the entries make the next block: all, unless that is too much. Members mostly come in the
// order of their ids, so a full block is left full and the rest begins the next one.
static size_t fitting(const struct entry *entries, size_t count) {
    size_t bytes = 0;
    size_t fit = 0;
    while (fit < count && fit < SEARCH_BLOCK && (fit == 0 || bytes < SEARCH_BLOCK_BYTES)) {
        bytes += entries[fit].id.len + entries[fit].text.len;
        fit++;
    }
    return fit;
}

static reason put_place(struct op *op, struct txn *txn, struct slice tenant,
                        const struct place *place) {
    struct slice first = place->first;
    const struct entry *entries = place->entries.at;
    size_t left = place->entries.count;
    do {
        size_t fit = fitting(entries, left);
        TRY(put_block(op, txn, tenant, first, entries, fit));
        entries += fit;
        left -= fit;
        first = left > 0 ? entries[0].id : first;
    } while (left > 0);
    return NULL;
}

// ---- fresh members ----

static reason count_fresh(struct op *op, struct txn *txn, struct slice tenant, int64_t by,
                          uint64_t *ret_count) {
    struct key key = key_of(SPACE_SEARCH_COUNT, tenant);
    struct key number = {.len = 0};
    struct slice value;
    uint64_t count = 0;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    if (value.at != NULL && !key_read_u64(&value, &count)) {
        return damaged(op);
    }
    count = by < 0 && count < (uint64_t)-by ? 0 : count + (uint64_t)by;
    key_u64(&number, count);
    *ret_count = count;
    return by == 0 ? NULL : txn_put(op, txn, key_slice(&key), key_slice(&number));
}

reason search_add(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id) {
    struct key key = key_at(SPACE_SEARCH_FRESH, tenant, user_id);
    struct key due = key_of(SPACE_SEARCH_DUE, tenant);
    uint64_t fresh = 0;
    uint64_t members = 0;
    bool added = false;
    TRY(txn_add(op, txn, key_slice(&key), S("+"), &added));
    TRY(added ? count_fresh(op, txn, tenant, 1, &fresh) : NULL);
    if (fresh == 0 || fresh % FOLD_FROM != 0) {
        return NULL;
    }
    TRY(roll_count(op, txn, tenant, SLICE_NONE, -1, &members));
    return members < SEARCH_FROM ? NULL : txn_put(op, txn, key_slice(&due), S("+"));
}

reason search_forget(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id) {
    struct key key = key_at(SPACE_SEARCH_FRESH, tenant, user_id);
    struct place place;
    uint64_t fresh = 0;
    bool there = false;
    TRY(txn_delete(op, txn, key_slice(&key), &there));
    if (there) {
        return count_fresh(op, txn, tenant, -1, &fresh);
    }
    TRY(find_place(op, txn, tenant, user_id, 0, &place));
    for (size_t i = 0; i < place.entries.count; i++) {
        if (slice_equal(place.entries.at[i].id, user_id)) {
            memmove(&place.entries.at[i], &place.entries.at[i + 1],
                    (place.entries.count - i - 1) * sizeof *place.entries.at);
            place.entries.count--;
            return put_place(op, txn, tenant, &place);
        }
    }
    return NULL;
}

// ---- folding ----

// Takes fresh members, from the first one on, as long as they belong into the same block.
static reason fold_block(struct op *op, struct txn *txn, struct slice tenant, size_t *ret_folded) {
    struct batch batch;
    struct place place;
    size_t skip = key_of(SPACE_SEARCH_FRESH, tenant).len;
    size_t folded = 0;
    bool there = false;
    *ret_folded = 0;
    TRY(batch_open(op, FOLD_EACH, key_of(SPACE_SEARCH_FRESH, tenant), &batch));
    TRY(batch_next(op, txn, &batch));
    if (batch.count == 0) {
        return NULL;
    }
    struct slice first = slice_sub(key_slice(&batch.at[0]), skip, batch.at[0].len);
    TRY(find_place(op, txn, tenant, first, batch.count, &place));
    for (; folded < batch.count; folded++) {
        struct entry entry = {
            .id = slice_sub(key_slice(&batch.at[folded]), skip, batch.at[folded].len)};
        struct user user;
        if (place.next.len > 0 && slice_compare(entry.id, place.next) >= 0) {
            break;
        }
        reason why = user_find(op, txn, entry.id, &user);
        TRY(why == REASON_OF(NOT_FOUND) ? NULL : why);
        if (why == NULL) {
            TRY(text_of(op, &user, false, &entry.text));
            put_entry(&place.entries, &entry);
        }
        TRY(txn_delete(op, txn, key_slice(&batch.at[folded]), &there));
    }
    *ret_folded = folded;
    return put_place(op, txn, tenant, &place);
}

// The tenant is done when so few are left that they are looked at faster than folded.
static reason fold_step(struct op *op, struct txn *txn, const struct key *due) {
    struct slice tenant;
    struct slice rest = slice_sub(key_slice(due), 1, due->len);
    uint64_t fresh = 0;
    size_t folded = 0;
    bool there = false;
    if (!key_read_text(&rest, &tenant)) {
        return damaged(op);
    }
    TRY(fold_block(op, txn, tenant, &folded));
    TRY(count_fresh(op, txn, tenant, -(int64_t)folded, &fresh));
    return folded > 0 && fresh >= FOLD_FROM ? NULL : txn_delete(op, txn, key_slice(due), &there);
}

reason search_fold(struct op *op, struct txn *txn, int64_t most_us, bool *ret_more) {
    int64_t end = clock_steady() + most_us / 1000;
    do {
        struct batch batch;
        struct op inner; // its memory ends with the step
        TRY(batch_open(op, 1, key_in(SPACE_SEARCH_DUE), &batch));
        TRY(batch_next(op, txn, &batch));
        *ret_more = batch.count > 0;
        if (!*ret_more) {
            return NULL;
        }
        op_open(&inner, op->now);
        reason why = fold_step(&inner, txn, &batch.at[0]);
        if (why != NULL) {
            op->detail = op_text(op, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        TRY(why);
    } while (clock_steady() < end);
    return NULL;
}

// ---- finding ----

struct hunt {
    struct slice tenant, q;
    struct wanted wanted;
    struct texts found;
    size_t blocks, fresh;
};

static reason found(struct op *op, struct hunt *hunt, struct slice id, bool *ret_room) {
    *ret_room = hunt->found.count < SEARCH_FOUND_MOST;
    return *ret_room ? op_copy(op, id, &hunt->found.at[hunt->found.count++]) : NULL;
}

static reason hunt_fresh_one(struct op *op, struct txn *txn, struct hunt *hunt, struct slice id,
                             bool *ret_room) {
    struct op inner;
    struct user user;
    op_open(&inner, op->now);
    reason why = user_find(&inner, txn, id, &user);
    bool shows = why == NULL && search_shows(&inner, &user, hunt->q, false);
    op->detail = op_text(op, "%.*s", SLICE(inner.detail));
    op_close(&inner);
    TRY(why == REASON_OF(NOT_FOUND) ? NULL : why);
    return shows ? found(op, hunt, id, ret_room) : NULL;
}

// Each row of a space of the tenant, until `each` says that there is no room for more.
typedef reason (*each_fn)(struct op *op, struct txn *txn, struct hunt *hunt, struct slice id,
                          struct slice value, bool *ret_room);
static reason each_row(struct op *op, struct txn *txn, struct hunt *hunt, uint8_t space,
                       each_fn each, bool *ret_room) {
    struct key prefix = key_of(space, hunt->tenant);
    struct scan scan;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    reason why = NULL;
    while (why == NULL && *ret_room) {
        struct slice key;
        struct slice value;
        why = scan_next(op, &scan, &key, &value);
        if (why != NULL || key.at == NULL) {
            break;
        }
        why = each(op, txn, hunt, slice_sub(key, prefix.len, key.len), value, ret_room);
    }
    scan_close(&scan);
    return why;
}

static reason each_fresh(struct op *op, struct txn *txn, struct hunt *hunt, struct slice id,
                         struct slice value, bool *ret_room) {
    (void)value;
    *ret_room = hunt->fresh++ < SEARCH_FRESH_MOST;
    return *ret_room ? hunt_fresh_one(op, txn, hunt, id, ret_room) : NULL;
}

// The entry of the text that stands at `offset`.
static size_t entry_at(const struct block *block, size_t offset) {
    size_t low = 0;
    size_t high = block->count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (text_end(block, middle) > offset) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static reason hunt_block(struct op *op, struct hunt *hunt, const struct block *block,
                         bool *ret_room) {
    size_t offset = 0;
    while (*ret_room && offset < block->texts.len) {
        const char *hit = memmem(block->texts.at + offset, block->texts.len - offset, hunt->q.at,
                                 hunt->q.len);
        if (hit == NULL) {
            return NULL;
        }
        size_t index = entry_at(block, (size_t)(hit - block->texts.at));
        TRY(found(op, hunt, id_at(block, index), ret_room));
        offset = text_end(block, index);
    }
    return NULL;
}

static reason each_signature(struct op *op, struct txn *txn, struct hunt *hunt, struct slice id,
                             struct slice value, bool *ret_room) {
    struct key key = key_at(SPACE_SEARCH_BLOCK, hunt->tenant, id);
    struct slice bytes;
    struct block block;
    if (value.len != SEARCH_SIGNATURE) {
        return damaged(op);
    }
    if (!may_hold(value, &hunt->wanted)) {
        return NULL;
    }
    *ret_room = hunt->blocks++ < SEARCH_BLOCKS_MOST;
    if (!*ret_room) {
        return NULL;
    }
    TRY(txn_get(op, txn, key_slice(&key), &bytes));
    return bytes.at != NULL && read_block(bytes, &block) ? hunt_block(op, hunt, &block, ret_room)
                                                         : damaged(op);
}

reason search_find(struct op *op, struct txn *txn, struct slice tenant, struct slice q,
                   struct texts *ret_ids, bool *ret_whole) {
    struct hunt hunt = {.tenant = tenant};
    bool room = true;
    TRY(op_take(op, SEARCH_FOUND_MOST * sizeof *hunt.found.at, &hunt.found.at));
    if (can_be_found(q)) {
        TRY(lowered(op, q, &hunt.q));
        hunt.wanted = wanted_of(hunt.q);
        TRY(each_row(op, txn, &hunt, SPACE_SEARCH_FRESH, each_fresh, &room));
        TRY(room ? each_row(op, txn, &hunt, SPACE_SEARCH_SIGNATURE, each_signature, &room) : NULL);
    }
    *ret_ids = hunt.found;
    *ret_whole = room;
    return NULL;
}
