// SPDX-License-Identifier: GPL-3.0-or-later
// Reading the audit log: the chain, and behind it the rows of the time before there was one. A row that is looked at
// and not wanted leaves no memory behind, and no search looks at more than AUDIT_LOOK_MAX.
#include "base/clock.h"
#include "base/rand.h"
#include "domain/audit_chain.h"
#include "domain/space.h"
#include "domain/tenant.h"

// Rows stand in the order in which they were written. Their times are in that order but where a clock was set back.
#define CLOCK_SLACK HOUR_MS

// "aud_42": of the chain. False: of the time before it.
static bool seq_of(struct slice id, uint64_t *ret_seq) {
    uint64_t seq = 0;
    if (!slice_starts(id, S("aud_")) || id.len == 4 || id.len > 4 + 18) {
        return false;
    }
    for (size_t i = 4; i < id.len; i++) {
        if (id.at[i] < '0' || id.at[i] > '9') {
            return false;
        }
        seq = seq * 10 + (uint64_t)(id.at[i] - '0');
    }
    *ret_seq = seq;
    return true;
}

bool audit_id(struct slice id) {
    uint64_t seq;
    int64_t time;
    return seq_of(id, &seq) ||
           (slice_starts(id, S("aud_")) && ulid_time(slice_sub(id, 4, id.len), &time));
}

struct key audit_row_key(struct slice tenant, uint64_t seq) {
    struct key key = key_in(SPACE_AUDIT_ROW);
    key_text(&key, tenant);
    key_u64(&key, seq);
    return key;
}

struct slice audit_row_id(struct op *op, uint64_t seq) {
    return op_text(op, "aud_%llu", (unsigned long long)seq);
}

// ---- is this one wanted? ----

static bool has(struct slice text, struct slice part) {
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (slice_equal_nocase(slice_of(text.at + i, part.len), part)) {
            return true;
        }
    }
    return false;
}

static bool says(const struct audit *audit, struct slice q, bool personal) {
    const struct slice plain[] = {audit->event, audit->actor,  audit->target,
                                  audit->detail, audit->before, audit->after};
    const struct slice person[] = {audit->address, audit->person_detail, audit->person_before,
                                   audit->person_after};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (has(plain[i], q)) {
            return true;
        }
    }
    for (size_t i = 0; personal && i < sizeof person / sizeof person[0]; i++) {
        if (has(person[i], q)) {
            return true;
        }
    }
    return false;
}

static bool fits(const struct audit *audit, const struct audit_filter *filter, int64_t begin) {
    return audit->time >= begin && audit->time >= filter->from &&
           (filter->to == 0 || audit->time < filter->to) &&
           (filter->actor.len == 0 || slice_equal(audit->actor, filter->actor)) &&
           (filter->target.len == 0 || slice_equal(audit->target, filter->target) ||
            slice_equal(audit->about, filter->target)) &&
           slice_starts(audit->event, filter->event) &&
           (filter->q.len == 0 || says(audit, filter->q, filter->personal));
}

// ---- going through them ----

struct search {
    struct slice tenant;
    const struct audit_filter *filter;
    int64_t begin; // of the tenant
    size_t limit, budget, bytes;
    struct audit *rows;
    size_t count;
    struct slice last; // id of the row that was looked at last
    bool full, over;   // there may be more; no row after this one can be wanted
};

// Looks at a row; `inner` is the memory for that.
static reason look(struct op *op, struct op *inner, struct slice value, struct search *search) {
    struct audit *audit = NULL;
    const struct audit_filter *filter = search->filter;
    TRY(op_take(inner, sizeof *audit, &audit));
    TRY(record_get(inner, &audit_fields, value, audit));
    int64_t from = filter->from > search->begin ? filter->from : search->begin;
    search->over = filter->forwards ? filter->to > 0 && audit->time >= filter->to + CLOCK_SLACK
                                    : audit->time < from - CLOCK_SLACK;
    bool wanted = !search->over && fits(audit, filter, search->begin);
    if (search->over || (wanted && search->count == search->limit)) {
        search->full = !search->over;
        return NULL;
    }
    struct slice id = audit->seq > 0 ? audit_row_id(inner, (uint64_t)audit->seq) : audit->id;
    TRY(op_copy(op, id, &search->last));
    if (wanted) {
        struct audit *row = &search->rows[search->count++];
        TRY(record_get(op, &audit_fields, value, row));
        row->id = search->last;
        search->bytes += value.len;
    }
    search->budget--;
    search->full = search->budget == 0 || search->bytes >= AUDIT_PAGE_BYTES;
    return NULL;
}

static reason go_through(struct op *op, struct scan *scan, struct search *search) {
    while (!search->full && !search->over) {
        struct slice key;
        struct slice value;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL) {
            return NULL;
        }
        struct op inner;
        op_open(&inner, op->now);
        reason why = look(op, &inner, value, search);
        if (why != NULL && inner.detail.len > 0) {
            why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

static reason search_in(struct op *op, struct txn *txn, uint8_t space, const struct key *from,
                        struct search *search) {
    struct key prefix = key_in(space);
    key_text(&prefix, search->tenant);
    if (prefix.broken || from->broken) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    struct scan scan = {0};
    reason why = scan_open(op, txn, key_slice(&prefix), key_slice(from), !search->filter->forwards,
                           &scan);
    if (why == NULL) {
        why = go_through(op, &scan, search);
    }
    scan_close(&scan);
    return why;
}

// The time of a row; that of the end of days where there is none.
static reason time_of(struct op *op, struct txn *txn, struct slice tenant, uint64_t seq,
                      int64_t *ret_time) {
    struct op inner;
    struct key key = audit_row_key(tenant, seq);
    struct audit audit = {.time = INT64_MAX};
    bool found = false;
    op_open(&inner, op->now);
    reason why = entity_find(&inner, txn, &audit_entity, &key, &audit, &found);
    if (why != NULL) {
        why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
    }
    op_close(&inner);
    TRY(why);
    *ret_time = audit.time;
    return NULL;
}

// The first number whose row was not written before `time`: rows are numbered, so it is found in a few steps.
static reason seq_at(struct op *op, struct txn *txn, struct slice tenant, int64_t time,
                     uint64_t *ret_seq) {
    struct audit_link head;
    struct audit_link front;
    TRY(audit_link_get(op, txn, SPACE_AUDIT_HEAD, tenant, &head));
    TRY(audit_link_get(op, txn, SPACE_AUDIT_FRONT, tenant, &front));
    uint64_t low = front.seq + 1;
    uint64_t high = head.seq + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t at = 0;
        TRY(time_of(op, txn, tenant, middle, &at));
        if (at >= time) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *ret_seq = low;
    return NULL;
}

// Where in the chain a search without cursor begins.
static reason chain_start(struct op *op, struct txn *txn, const struct search *search,
                          struct key *ret_from) {
    const struct audit_filter *filter = search->filter;
    int64_t from = filter->from > search->begin ? filter->from : search->begin;
    uint64_t seq = 0;
    if (filter->forwards && from > CLOCK_SLACK) {
        TRY(seq_at(op, txn, search->tenant, from - CLOCK_SLACK, &seq));
        *ret_from = audit_row_key(search->tenant, seq - 1);
    } else if (!filter->forwards && filter->to > 0) {
        TRY(seq_at(op, txn, search->tenant, filter->to + CLOCK_SLACK, &seq));
        *ret_from = audit_row_key(search->tenant, seq);
    }
    return NULL;
}

static reason search_chain(struct op *op, struct txn *txn, struct slice cursor,
                           struct search *search) {
    struct key from = {.len = 0};
    uint64_t seq = 0;
    if (seq_of(cursor, &seq)) {
        from = audit_row_key(search->tenant, seq);
    } else {
        TRY(chain_start(op, txn, search, &from));
    }
    return search_in(op, txn, SPACE_AUDIT_ROW, &from, search);
}

static reason search_old(struct op *op, struct txn *txn, struct slice cursor,
                         struct search *search) {
    struct key from = {.len = 0};
    if (cursor.len > 0) {
        from = key_in(SPACE_AUDIT);
        key_text(&from, search->tenant);
        key_text(&from, cursor);
    }
    return search_in(op, txn, SPACE_AUDIT, &from, search);
}

// Rows older than the tenant are those of an earlier one with the same short name: not this one's
// to see.
static reason begin_of(struct op *op, struct txn *txn, struct slice tenant, int64_t *ret_begin) {
    struct tenant found;
    reason why = tenant.len > 0 ? tenant_find(op, txn, tenant, &found) : REASON_OF(NOT_FOUND);
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    *ret_begin = why == NULL ? found.created_at : 0;
    return NULL;
}

reason audit_search(struct op *op, struct txn *txn, struct slice tenant,
                    const struct audit_filter *filter, struct page page, struct rows *ret_audits,
                    struct slice *ret_next) {
    struct search search = {.tenant = tenant,
                            .filter = filter,
                            .limit = page.limit <= AUDIT_PAGE_MAX ? page.limit : AUDIT_PAGE_MAX,
                            .budget = AUDIT_LOOK_MAX};
    uint64_t seq = 0;
    bool chained = seq_of(page.cursor, &seq);
    bool first = page.cursor.len == 0;
    search.limit = search.limit > 0 ? search.limit : PAGE_LIMIT_DEFAULT;
    TRY(begin_of(op, txn, tenant, &search.begin));
    TRY(op_take(op, search.limit * sizeof *search.rows, &search.rows));
    if (filter->forwards) {
        if (!chained) {
            TRY(search_old(op, txn, page.cursor, &search));
        }
        search.over = false;
        if (!search.full) {
            TRY(search_chain(op, txn, chained ? page.cursor : SLICE_NONE, &search));
        }
    } else {
        if (chained || first) {
            TRY(search_chain(op, txn, page.cursor, &search));
        }
        if (!search.full && !search.over) {
            TRY(search_old(op, txn, chained ? SLICE_NONE : page.cursor, &search));
        }
    }
    *ret_next = search.full ? search.last : SLICE_NONE;
    *ret_audits = (struct rows){search.rows, search.count};
    return NULL;
}

reason audit_list(struct op *op, struct txn *txn, struct slice tenant, struct page page,
                  struct rows *ret_audits, struct slice *ret_next) {
    const struct audit_filter all = {.from = 0};
    return audit_search(op, txn, tenant, &all, page, ret_audits, ret_next);
}

reason audit_find(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                  struct audit *ret_audit) {
    uint64_t seq = 0;
    int64_t begin = 0;
    bool found = false;
    struct audit audit;
    TRY(begin_of(op, txn, tenant, &begin));
    if (seq_of(id, &seq)) {
        struct key key = audit_row_key(tenant, seq);
        TRY(entity_find(op, txn, &audit_entity, &key, &audit, &found));
    } else if (audit_id(id)) {
        struct key key;
        audit_old_entity.key(&(struct audit){.tenant = tenant, .id = id}, &key);
        TRY(entity_find(op, txn, &audit_old_entity, &key, &audit, &found));
    }
    if (!found || audit.time < begin) {
        REFUSE(op, NOT_FOUND, "there is no audit row %.*s here", SLICE(slice_sub(id, 0, 64)));
    }
    TRY(op_copy(op, id, &audit.id));
    *ret_audit = audit;
    return NULL;
}
