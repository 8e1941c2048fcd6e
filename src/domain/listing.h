// SPDX-License-Identifier: GPL-3.0-or-later
// Reading many rows: pages, and walks over all rows of a prefix in bounded memory.
#ifndef GATEHOUSE_DOMAIN_LISTING_H
#define GATEHOUSE_DOMAIN_LISTING_H

#include "store/record.h"

// Which rows, in which order.
struct listing {
    const struct entity *entity;
    struct slice prefix; // of the entity's keys, or of the keys of one of its indexes
    struct slice from;   // "" or the whole key after which the page starts
    bool index;          // prefix is an index's: the values are primary keys
    bool backwards;
};

// The limit of a page: the default for 0, never more than the most.
size_t page_limit(struct page page);
// At most `limit` rows; *ret_more: there are more after the last.
MUST_USE reason listing_read(struct op *op, struct txn *txn, const struct listing *listing,
                             size_t limit, struct rows *ret_rows, bool *ret_more);
// Gives each row to `row_seen`, with an op of its own whose memory ends with the call; false stops.
typedef bool (*row_fn)(struct op *op, const void *row, void *arg);
MUST_USE reason listing_each(struct op *op, struct txn *txn, const struct listing *listing,
                             row_fn row_seen, void *arg);
// A page of an entity whose key is a short name alone; the cursor is the last one's. *ret_total: of all. invalid_input: no
// cursor of ours.
MUST_USE reason listing_by_slug(struct op *op, struct txn *txn, const struct entity *entity,
                                struct page page, struct rows *ret_rows, bool *ret_more,
                                size_t *ret_total);
// How many keys have this prefix.
MUST_USE reason listing_count(struct op *op, struct txn *txn, struct slice prefix,
                              size_t *ret_count);

#endif
