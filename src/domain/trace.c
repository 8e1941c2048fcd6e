// SPDX-License-Identifier: GPL-3.0-or-later
// Traces: what one login was checked for, kept TRACE_KEEP and listed newest first. Values are cut
// here, so that a hostile message cannot fill the store. Holds no assertion and no token.
#include "base/rand.h"
#include "domain/grant.h"
#include "domain/keep.h"
#include "domain/space.h"
#include "domain/timekey.h"
#include "domain/trace_pack.h"

const char *const check_result_names[] = {"pass", "fail", "skip", NULL};

#define SCAN_MOST                                                                                  \
    20000 // rows that one page looks at; a filter that shows fewer gets a short page and a cursor
#define SCRATCH_ROWS 64

static const struct field trace_check_rows[] = {
    F_TEXT(struct trace_check, check, 1, FIELD_PLAIN, 64),
    F_CHOICE(struct trace_check, result, 2, FIELD_PLAIN, check_result_names),
    F_TEXT(struct trace_check, expected, 3, FIELD_NULL | FIELD_LINES, TRACE_VALUE_MAX),
    F_TEXT(struct trace_check, got, 4, FIELD_NULL | FIELD_LINES, TRACE_VALUE_MAX),
};
FIELD_TABLE(trace_check_fields, "trace check", 1, struct trace_check, trace_check_rows);

static const struct field trace_rows[] = {
    F_TEXT(struct trace, id, 1, FIELD_PLAIN, 64),
    F_TIME(struct trace, time, 2, FIELD_PLAIN),
    F_TEXT(struct trace, connection, 3, FIELD_NULL, 63),
    F_TEXT(struct trace, tenant, 4, FIELD_NULL, 63),
    F_BOOL(struct trace, accepted, 5, FIELD_PLAIN),
    F_TEXT(struct trace, reason, 6, FIELD_NULL, 64),
    F_TEXT(struct trace, detail, 7, FIELD_NULL | FIELD_LINES, 2 * TRACE_VALUE_MAX),
    F_TEXT(struct trace, hint, 8, FIELD_NULL | FIELD_LINES, 4 * TRACE_VALUE_MAX),
    F_TEXT(struct trace, name_id, 9, FIELD_NULL | FIELD_LINES, TRACE_VALUE_MAX),
    F_TEXT(struct trace, email, 10, FIELD_NULL | FIELD_LINES, TRACE_VALUE_MAX),
    F_TEXT(struct trace, user_id, 11, FIELD_NULL, 64),
    F_STRUCTS(struct trace, checks, 12, FIELD_PLAIN, TRACE_CHECKS_MAX, trace_check_fields),
    F_TEXT(struct trace, issuer, 13, FIELD_NULL | FIELD_LINES, TRACE_VALUE_MAX),
    F_TEXT(struct trace, request, 14, FIELD_NULL, 64),
    F_TEXT(struct trace, address, 15, FIELD_NULL, 64),
    F_BOOL(struct trace, verified, 16, FIELD_PLAIN),
};
FIELD_TABLE(trace_fields, "trace", 1, struct trace, trace_rows);

// As it is stored: a login writes one, so it is small.
struct stored_trace {
    struct trace trace;
    struct slice packed; // its checks
};
static const struct field stored_rows[] = {
    F_TEXT(struct stored_trace, trace.id, 1, FIELD_PLAIN, 64),
    F_TIME(struct stored_trace, trace.time, 2, FIELD_PLAIN),
    F_TEXT(struct stored_trace, trace.connection, 3, FIELD_NULL, 63),
    F_TEXT(struct stored_trace, trace.tenant, 4, FIELD_NULL, 63),
    F_BOOL(struct stored_trace, trace.accepted, 5, FIELD_PLAIN),
    F_TEXT(struct stored_trace, trace.reason, 6, FIELD_NULL, 64),
    F_TEXT(struct stored_trace, trace.detail, 7, FIELD_LINES, 2 * TRACE_VALUE_MAX),
    F_TEXT(struct stored_trace, trace.hint, 8, FIELD_LINES, 4 * TRACE_VALUE_MAX),
    F_TEXT(struct stored_trace, trace.name_id, 9, FIELD_LINES, TRACE_VALUE_MAX),
    F_TEXT(struct stored_trace, trace.email, 10, FIELD_LINES, TRACE_VALUE_MAX),
    F_TEXT(struct stored_trace, trace.user_id, 11, FIELD_PLAIN, 64),
    F_TEXT(struct stored_trace, trace.issuer, 13, FIELD_LINES, TRACE_VALUE_MAX),
    F_TEXT(struct stored_trace, trace.request, 14, FIELD_PLAIN, 64),
    F_TEXT(struct stored_trace, trace.address, 15, FIELD_PLAIN, 64),
    F_BOOL(struct stored_trace, trace.verified, 16, FIELD_PLAIN),
    F_BYTES(struct stored_trace, packed, 17, FIELD_HIDDEN, TRACE_PACKED_MAX),
};
// Version 1 held the checks one by one; those of its rows are not shown any more.
static FIELD_TABLE(stored_fields, "trace", 2, struct stored_trace, stored_rows);

static void trace_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_TRACE);
    key_text(ret_key, ((const struct trace *)row)->id);
}

static bool trace_of_key(const void *row, struct key *ret_key) {
    const struct trace *trace = row;
    key_open(ret_key, SPACE_TRACE_OF);
    key_text(ret_key, trace->tenant);
    key_text(ret_key, trace->id);
    return true;
}
static const struct entity_index trace_indexes[] = {
    {SPACE_TRACE_OF, true, NULL, trace_of_key}};
const struct entity trace_entity = {.space = SPACE_TRACE,
                                    .fields = &stored_fields,
                                    .key = trace_key,
                                    .indexes = trace_indexes,
                                    .index_count = 1};

// ---- making ----

// A copy of at most `most` bytes, with "..." where something is missing. A copy, because who adds a
// value may have made it on its stack.
static struct slice shortened(struct op *op, struct slice text, size_t most) {
    struct slice copy = SLICE_NONE;
    if (text.len > most) {
        return op_text(op, "%.*s...", SLICE(text_cut(text, most - 3)));
    }
    return text.len > 0 && op_copy(op, text, &copy) == NULL ? copy : SLICE_NONE;
}

reason trace_open(struct op *op, struct slice connection, struct slice tenant,
                  struct trace *ret_trace) {
    struct trace trace = {.time = op->now,
                          .connection = connection,
                          .tenant = tenant,
                          .request = text_cut(op->id, 64)};
    TRY(rand_ulid(op, S("trc_"), &trace.id));
    TRY(op_take_raw(op, TRACE_CHECKS_MAX * sizeof(struct trace_check), &trace.checks.at));
    *ret_trace = trace;
    return NULL;
}

void trace_add(struct op *op, struct trace *trace, const char *check, enum check_result result,
               struct slice expected, struct slice got) {
    if (trace->checks.at == NULL || trace->checks.count >= TRACE_CHECKS_MAX) {
        return;
    }
    struct trace_check *row = &((struct trace_check *)trace->checks.at)[trace->checks.count++];
    *row = (struct trace_check){.check = text_cut(slice_str(check), 64),
                                .result = (int)result,
                                .expected = shortened(op, expected, TRACE_VALUE_MAX),
                                .got = shortened(op, got, TRACE_VALUE_MAX)};
}

void trace_close(struct op *op, struct trace *trace, reason why) {
    trace->accepted = why == NULL;
    trace->reason = why != NULL ? slice_str(why->slug) : SLICE_NONE;
    trace->detail = why != NULL ? shortened(op, op->detail, 2 * TRACE_VALUE_MAX) : SLICE_NONE;
    trace->name_id = shortened(op, trace->name_id, TRACE_VALUE_MAX);
    trace->email = shortened(op, trace->email, TRACE_VALUE_MAX);
    trace->issuer = shortened(op, trace->issuer, TRACE_VALUE_MAX);
    trace->address = text_cut(trace->address, 64);
    trace->hint = why != NULL ? trace_hint(op, why, trace->issuer, trace) : SLICE_NONE;
}

// ---- keeping ----

reason trace_put(struct op *op, struct txn *txn, const struct trace *trace) {
    struct stored_trace stored = {.trace = *trace};
    TRY(trace_pack(op, trace, &stored.packed));
    return entity_new(op, txn, &trace_entity, &stored);
}

static reason find_whole(struct op *op, struct txn *txn, const struct key *key,
                         struct trace *ret_trace, bool *ret_found) {
    struct stored_trace stored;
    TRY(entity_find(op, txn, &trace_entity, key, &stored, ret_found));
    if (*ret_found) {
        TRY(trace_unpack(op, stored.packed, &stored.trace));
        *ret_trace = stored.trace;
    }
    return NULL;
}

reason trace_find(struct op *op, struct txn *txn, struct slice id, struct trace *ret_trace) {
    bool found = false;
    if (id.len == 4 + ULID_TEXT && slice_starts(id, S("trc_")) &&
        memchr(id.at, 0, id.len) == NULL) {
        struct key key;
        trace_key(&(struct trace){.id = id}, &key);
        TRY(find_whole(op, txn, &key, ret_trace, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no trace %.*s", SLICE(slice_sub(id, 0, 64)));
    }
    return NULL;
}

// ---- listing ----

bool trace_shows(const struct trace_filter *filter, const struct trace *trace) {
    if (filter->reason.len > 0) {
        bool match = trace->accepted ? slice_equal(filter->reason, S("accepted"))
                                     : slice_equal(filter->reason, trace->reason);
        if (!match) {
            return false;
        }
    }
    return filter->user.len == 0 || slice_equal(filter->user, trace->user_id) ||
           slice_equal(filter->user, trace->name_id) ||
           slice_equal_nocase(filter->user, trace->email);
}

struct trace_page {
    const struct trace_filter *filter;
    struct rows traces;
    size_t limit;
    int64_t
        begin; // rows older than the tenant are those of an earlier one with the same short name
    struct slice last; // id of the last trace looked at: where the next page starts
    bool more;
};

static reason page_row(struct op *op, struct op *scratch, struct txn *txn, struct trace_page *page,
                       const struct key *key) {
    struct stored_trace stored;
    bool found = false;
    TRY(entity_find(scratch, txn, &trace_entity, key, &stored, &found));
    if (!found || stored.trace.time < page->begin || !trace_shows(page->filter, &stored.trace)) {
        return NULL;
    }
    struct trace *kept = &((struct trace *)page->traces.at)[page->traces.count];
    TRY(find_whole(op, txn, key, kept, &found));
    page->traces.count++;
    return NULL;
}

static bool id_of(struct slice index_key, struct slice *ret_id) {
    struct slice tenant;
    struct slice rest = slice_sub(index_key, 1, index_key.len);
    return key_read_text(&rest, &tenant) && key_read_text(&rest, ret_id);
}

static reason fill_page(struct op *op, struct scan *scan, struct op *scratch,
                        struct trace_page *page) {
    for (size_t looked = 0;; looked++) {
        struct slice key;
        struct slice value;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL) {
            return NULL;
        }
        // Half the memory of a request is for the page, the rest for the answer that is made of it.
        if (page->traces.count == page->limit || looked == SCAN_MOST ||
            op->arena.taken > op->arena.ceiling / 2) {
            page->more = true; // the row that was just met belongs to the next page
            return NULL;
        }
        struct key primary = key_again(value);
        struct slice id;
        if (id_of(key, &id)) {
            page->last = op_text(scratch, "%.*s", SLICE(id));
        }
        TRY(page_row(op, scratch, scan->txn, page, &primary));
        if (looked % SCRATCH_ROWS == SCRATCH_ROWS - 1 || page->traces.count == page->limit) {
            TRY(op_copy(op, page->last, &page->last));
            op_close(scratch);
            op_open(scratch, op->now);
        }
    }
}

static reason list_from(struct op *op, struct txn *txn, struct slice tenant, struct slice from,
                        struct trace_page *page) {
    struct key prefix = key_in(SPACE_TRACE_OF);
    key_text(&prefix, tenant);
    struct scan scan;
    TRY(scan_open(op, txn, key_slice(&prefix), from, true, &scan));
    struct op scratch;
    op_open(&scratch, op->now);
    reason why = fill_page(op, &scan, &scratch, page);
    if (why == NULL) {
        why = op_copy(op, page->last, &page->last);
    }
    op_close(&scratch);
    scan_close(&scan);
    return why;
}

reason trace_list(struct op *op, struct txn *txn, struct slice tenant,
                  const struct trace_filter *filter, struct page page, struct rows *ret_traces,
                  struct slice *ret_next) {
    struct trace_page made = {.filter = filter,
                              .limit = page.limit == 0 ? PAGE_LIMIT_DEFAULT : page.limit};
    if (made.limit > PAGE_LIMIT_MAX) {
        made.limit = PAGE_LIMIT_MAX;
    }
    struct key from = {.len = 0};
    if (page.cursor.len > 0) {
        if (page.cursor.len != 4 + ULID_TEXT ||
            memchr(page.cursor.at, 0, page.cursor.len) != NULL) {
            REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
        }
        (void)trace_of_key(&(struct trace){.tenant = tenant, .id = page.cursor}, &from);
    }
    struct tenant home;
    reason why = tenant.len > 0 ? tenant_find(op, txn, tenant, &home) : REASON_OF(NOT_FOUND);
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    made.begin = why == NULL ? home.created_at : 0;
    TRY(op_take(op, made.limit * sizeof(struct trace), &made.traces.at));
    TRY(list_from(op, txn, tenant, key_slice(&from), &made));
    *ret_traces = made.traces;
    *ret_next = made.more ? made.last : SLICE_NONE;
    return NULL;
}
