// SPDX-License-Identifier: GPL-3.0-or-later
// Walks over rows. Cursors are closed on every way out; what a row needs is given back before the
// next one is read when the caller only looks at it.
#include "domain/listing.h"

#include "base/text.h"
#include "domain/timekey.h"

size_t page_limit(struct page page) {
    if (page.limit == 0) {
        return PAGE_LIMIT_DEFAULT;
    }
    return page.limit > PAGE_LIMIT_MAX ? PAGE_LIMIT_MAX : page.limit;
}

// *ret_found false: an index row whose row is not there, which is left out.
static reason read_row(struct op *op, struct txn *txn, const struct listing *listing,
                       struct slice value, void *row, bool *ret_found) {
    if (listing->index) {
        struct key key = key_again(value);
        return entity_find(op, txn, listing->entity, &key, row, ret_found);
    }
    *ret_found = true;
    return record_get(op, listing->entity->fields, value, row);
}

static reason read_rows(struct op *op, struct txn *txn, struct scan *scan,
                        const struct listing *listing, size_t limit, struct rows *rows,
                        bool *more) {
    size_t size = listing->entity->fields->size;
    for (;;) {
        struct slice key;
        struct slice value;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL) {
            return NULL;
        }
        if (rows->count == limit) {
            *more = true;
            return NULL;
        }
        bool found = false;
        TRY(read_row(op, txn, listing, value, (char *)rows->at + rows->count * size, &found));
        rows->count += found ? 1 : 0;
    }
}

reason listing_read(struct op *op, struct txn *txn, const struct listing *listing, size_t limit,
                    struct rows *ret_rows, bool *ret_more) {
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(op_take(op, limit * listing->entity->fields->size, &rows.at));
    struct scan scan = {0};
    reason why = scan_open(op, txn, listing->prefix, listing->from, listing->backwards, &scan);
    if (why == NULL) {
        why = read_rows(op, txn, &scan, listing, limit, &rows, &more);
    }
    scan_close(&scan);
    TRY(why);
    *ret_rows = rows;
    *ret_more = more;
    return NULL;
}

// One row, read and shown within `inner`.
static reason show_row(struct op *inner, struct txn *txn, const struct listing *listing,
                       struct slice value, row_fn row_seen, void *arg, bool *go_on) {
    void *row;
    bool found = false;
    TRY(op_take(inner, listing->entity->fields->size, &row));
    TRY(read_row(inner, txn, listing, value, row, &found));
    if (found) {
        *go_on = row_seen(inner, row, arg);
    }
    return NULL;
}

static reason each_row(struct op *op, struct txn *txn, struct scan *scan,
                       const struct listing *listing, row_fn row_seen, void *arg) {
    bool go_on = true;
    while (go_on) {
        struct slice key;
        struct slice value;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL) {
            return NULL;
        }
        struct op inner;
        op_open(&inner, op->now);
        reason why = show_row(&inner, txn, listing, value, row_seen, arg, &go_on);
        if (why != NULL) {
            why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

reason listing_each(struct op *op, struct txn *txn, const struct listing *listing, row_fn row_seen,
                    void *arg) {
    struct scan scan = {0};
    reason why = scan_open(op, txn, listing->prefix, listing->from, listing->backwards, &scan);
    if (why == NULL) {
        why = each_row(op, txn, &scan, listing, row_seen, arg);
    }
    scan_close(&scan);
    return why;
}

reason listing_count(struct op *op, struct txn *txn, struct slice prefix, size_t *ret_count) {
    size_t count = 0;
    struct scan scan = {0};
    reason why = scan_open(op, txn, prefix, SLICE_NONE, false, &scan);
    while (why == NULL) {
        struct slice key;
        struct slice value;
        why = scan_next(op, &scan, &key, &value);
        if (why != NULL || key.at == NULL) {
            break;
        }
        count++;
    }
    scan_close(&scan);
    TRY(why);
    *ret_count = count;
    return NULL;
}

reason listing_by_slug(struct op *op, struct txn *txn, const struct entity *entity,
                       struct page page, struct rows *ret_rows, bool *ret_more,
                       size_t *ret_total) {
    struct key prefix = key_in(entity->space);
    struct key from = prefix;
    key_text(&from, page.cursor);
    if (page.cursor.len > 0 && !text_slug(page.cursor)) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    const struct listing listing = {
        .entity = entity,
        .prefix = key_slice(&prefix),
        .from = page.cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
    };
    TRY(listing_read(op, txn, &listing, page_limit(page), ret_rows, ret_more));
    return listing_count(op, txn, listing.prefix, ret_total);
}
