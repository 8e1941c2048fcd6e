// SPDX-License-Identifier: GPL-3.0-or-later
// The list of a tenant's members: filtered, sorted, one page at a time, with the number that the
// filter shows. There are two ways. What few have (a rare role or status, a name that is sought) is
// gathered whole and sorted. Everything else walks the roll in the order that is asked for, from the
// cursor on, until the page is full or the work has cost WALK_MOST; then the page is shorter than its
// limit, and the cursor goes on behind the last row that was looked at. Either way the work has a bound.
#include "base/encode.h"
#include "domain/grant.h"
#include "domain/roll.h"
#include "domain/search.h"

#define GATHER_MOST 2000 // members that are read to sort them: some 4 ms
#define WALK_MOST 40000  // for one page: a row of the roll that is passed over costs 1,
#define WALK_READ 15     // one whose member or user is read costs this more; some 4 ms in all
#define SCRATCH_ROWS 64  // rows that are read before their memory is given back

enum sort { SORT_ID, SORT_NAME, SORT_EMAIL, SORT_STATUS, SORT_LAST_VISIT };
static const char *const sort_names[] = {"", "name", "email", "status", "last_visit", NULL};

static enum roll_order order_of(enum sort sort) {
    return sort == SORT_NAME         ? ROLL_NAME
           : sort == SORT_EMAIL      ? ROLL_EMAIL
           : sort == SORT_LAST_VISIT ? ROLL_VISIT
                                     : ROLL_ID;
}

// The rows of one status, as far as they were read.
struct stream {
    struct scan scan;
    struct key prefix;
    enum sort sort; // of its rows
    int status;
    bool ended;
    struct spot head;
    bool may_show; // by the roles of its row
};

struct roll {
    const struct member_filter *filter;
    struct slice tenant;
    enum sort sort;
    uint64_t role_bit; // 0: any role
    bool by_role;      // the streams are the role's own
    bool descending, has_after;
    struct spot after; // where the page starts
    struct spot *best; // sorted; room for limit + 1: the one more says that there is a next page
    size_t count, room;
    size_t shown;      // rows that the filter lets through, of those that were looked at
    bool cut;          // a walk that ended before the page was full, behind `last`
    struct spot last;
    struct stream *streams; // of ROLL_STATUSES
    struct texts found;     // ids that a search gave
};

static int compare(const struct roll *list, const struct spot *a, const struct spot *b) {
    int order = slice_compare(spot_key(a), spot_key(b));
    if (order == 0) {
        order = slice_compare(spot_id(a), spot_id(b));
    }
    return list->descending ? -order : order;
}

// The order by status is by its name, then by id.
static void spot_of(const struct roll *list, const struct member *member, struct spot *ret_spot) {
    roll_spot(order_of(list->sort), member, ret_spot);
    if (list->sort == SORT_STATUS) {
        spot_add(ret_spot, slice_str(membership_status_names[member->membership.status]));
    }
}

// Keeps the page sorted by insertion: a page is small.
static void keep(struct roll *list, const struct spot *spot) {
    if (list->has_after && compare(list, spot, &list->after) <= 0) {
        return;
    }
    if (list->count == list->room && compare(list, spot, &list->best[list->count - 1]) >= 0) {
        return;
    }
    size_t at = list->count;
    while (at > 0 && compare(list, spot, &list->best[at - 1]) < 0) {
        at--;
    }
    size_t last = list->count < list->room ? list->count : list->room - 1;
    memmove(&list->best[at + 1], &list->best[at], (last - at) * sizeof *spot);
    list->best[at] = *spot;
    list->count = last + 1;
}

// ---- the filter ----

static bool wants_status(const struct roll *list, int status) {
    return list->filter->status < 0 ? status != MEMBER_DELETED : status == list->filter->status;
}

static bool has_role(const struct membership *membership, struct slice role) {
    for (size_t i = 0; i < membership->grants.count; i++) {
        if (slice_equal(((const struct grant *)membership->grants.at)[i].role_id, role)) {
            return true;
        }
    }
    return false;
}

// Reads of this member what the filter and the order need. `whole`: also the status is looked at.
static reason look_at(struct op *scratch, struct txn *txn, const struct roll *list,
                      struct slice user_id, bool whole, struct member *ret_member,
                      bool *ret_shown) {
    const struct member_filter *filter = list->filter;
    struct member member = {.membership = {.user_id = user_id}};
    *ret_shown = true;
    if (whole || (filter->role.len > 0 && !list->by_role) || list->sort == SORT_LAST_VISIT) {
        TRY(membership_find(scratch, txn, list->tenant, user_id, &member.membership, ret_shown));
        *ret_shown = *ret_shown && wants_status(list, member.membership.status) &&
                     (filter->role.len == 0 || has_role(&member.membership, filter->role));
    }
    if (*ret_shown && list->sort == SORT_LAST_VISIT) {
        TRY(visit_find(scratch, txn, list->tenant, user_id, &member.visit));
    }
    if (*ret_shown && (filter->q.len > 0 || list->sort == SORT_NAME || list->sort == SORT_EMAIL)) {
        TRY(user_find(scratch, txn, user_id, &member.user));
        *ret_shown = search_shows(scratch, &member.user, filter->q, filter->names_only);
    }
    *ret_member = member;
    return NULL;
}

// ---- streams: a status each, as one ----

static reason next_head(struct op *op, const struct roll *list, struct stream *stream) {
    struct slice key;
    struct slice value;
    TRY(scan_next(op, &stream->scan, &key, &value));
    stream->ended = key.at == NULL;
    if (!stream->ended && !roll_read(key, &stream->prefix, order_of(stream->sort), &stream->head)) {
        REFUSE(op, STORE_UNAVAILABLE,
               "the roll of members cannot be read; the store is damaged, restore it from a backup");
    }
    stream->may_show = list->role_bit == 0 || roll_may_have(value, list->role_bit);
    if (!stream->ended && stream->sort == SORT_STATUS) {
        spot_add(&stream->head, slice_str(membership_status_names[stream->status]));
    }
    return NULL;
}

// Where the stream starts: behind `after`. In the order by status that is in one stream only.
static struct key start_of(const struct roll *list, const struct stream *stream, bool *ret_past) {
    struct key from = stream->prefix;
    struct slice name = slice_str(membership_status_names[stream->status]);
    int order = list->sort == SORT_STATUS ? slice_compare(name, spot_key(&list->after)) : 0;
    *ret_past = list->descending ? order > 0 : order < 0;
    if (list->has_after && order == 0) {
        roll_seek(&from, order_of(list->sort), &list->after);
    } else {
        from.len = 0;
    }
    return from;
}

static reason open_stream(struct op *op, struct txn *txn, const struct roll *list,
                          struct slice role, int status, struct stream *stream) {
    bool past = false;
    stream->status = status;
    stream->sort = list->sort;
    stream->prefix = roll_prefix(list->tenant, role, order_of(list->sort), status);
    struct key from = start_of(list, stream, &past);
    if (past && list->has_after) {
        return NULL;
    }
    TRY(scan_open(op, txn, key_slice(&stream->prefix),
                  from.len > 0 ? key_slice(&from) : SLICE_NONE, list->descending, &stream->scan));
    return next_head(op, list, stream);
}

static reason open_streams(struct op *op, struct txn *txn, struct roll *list, struct slice role) {
    TRY(op_take(op, ROLL_STATUSES * sizeof *list->streams, &list->streams));
    for (int i = 0; i < ROLL_STATUSES; i++) {
        list->streams[i].ended = true;
    }
    for (int i = 0; i < ROLL_STATUSES; i++) {
        if (wants_status(list, i)) {
            TRY(open_stream(op, txn, list, role, i, &list->streams[i]));
        }
    }
    return NULL;
}

static void close_streams(struct roll *list) {
    for (int i = 0; list->streams != NULL && i < ROLL_STATUSES; i++) {
        scan_close(&list->streams[i].scan);
    }
}

static struct stream *first_stream(const struct roll *list) {
    struct stream *first = NULL;
    for (int i = 0; i < ROLL_STATUSES; i++) {
        struct stream *stream = &list->streams[i];
        if (!stream->ended &&
            (first == NULL || compare(list, &stream->head, &first->head) < 0)) {
            first = stream;
        }
    }
    return first;
}

// ---- the two ways ----

// Rows that are read are given their memory back now and then.
static void scratch_anew(struct op *scratch, size_t rows) {
    if (rows % SCRATCH_ROWS == 0) {
        int64_t now = scratch->now;
        op_close(scratch);
        op_open(scratch, now);
    }
}

static reason walk_on(struct op *op, struct op *scratch, struct txn *txn, struct roll *list) {
    bool reads = (list->filter->role.len > 0 && !list->by_role) || list->filter->q.len > 0 ||
                 list->sort == SORT_LAST_VISIT;
    size_t rows = 0;
    for (size_t cost = 0; list->count < list->room; cost++) {
        struct stream *stream = first_stream(list);
        if (stream == NULL) {
            return NULL;
        }
        if (cost > WALK_MOST) {
            list->cut = true;
            return NULL;
        }
        bool shown = stream->may_show;
        if (shown && reads) {
            struct member member;
            TRY(look_at(scratch, txn, list, spot_id(&stream->head), false, &member, &shown));
            shown = shown && (list->sort != SORT_LAST_VISIT ||
                              roll_is_now(&member, stream->status, &stream->head));
            scratch_anew(scratch, ++rows);
            cost += WALK_READ;
        }
        list->last = stream->head;
        if (shown) {
            list->best[list->count++] = stream->head;
        }
        TRY(next_head(op, list, stream));
    }
    return NULL;
}

// Takes a member into the page, if the filter shows it.
static reason weigh(struct op *scratch, struct txn *txn, struct roll *list, struct slice user_id,
                    size_t rows) {
    bool shown = false;
    struct member member;
    struct spot spot;
    TRY(look_at(scratch, txn, list, user_id, true, &member, &shown));
    if (shown) {
        list->shown++;
        spot_of(list, &member, &spot);
        keep(list, &spot);
    }
    scratch_anew(scratch, rows);
    return NULL;
}

static reason gather_all(struct op *op, struct op *scratch, struct txn *txn, struct roll *list) {
    for (size_t rows = 1;; rows++) {
        struct stream *stream = first_stream(list);
        if (stream == NULL) {
            return NULL;
        }
        TRY(weigh(scratch, txn, list, spot_id(&stream->head), rows));
        TRY(next_head(op, list, stream));
    }
}

static reason gather_found(struct op *op, struct op *scratch, struct txn *txn, struct roll *list) {
    (void)op;
    for (size_t i = 0; i < list->found.count; i++) {
        TRY(weigh(scratch, txn, list, list->found.at[i], i + 1));
    }
    return NULL;
}

static reason run(struct op *op, struct txn *txn, struct roll *list,
                  reason (*way)(struct op *, struct op *, struct txn *, struct roll *)) {
    struct op scratch;
    op_open(&scratch, op->now);
    reason why = way(op, &scratch, txn, list);
    if (why != NULL && scratch.detail.len > 0) {
        op->detail = op_text(op, "%.*s", SLICE(scratch.detail));
    }
    op_close(&scratch);
    close_streams(list);
    return why;
}

// All that have the role (or the status), by id: their order is made here.
static reason gather(struct op *op, struct txn *txn, struct roll *list) {
    struct roll by_id = *list;
    by_id.sort = SORT_ID;
    by_id.has_after = false;
    reason why = open_streams(op, txn, &by_id, list->filter->role);
    list->streams = by_id.streams;
    if (why != NULL) {
        close_streams(list);
        return why;
    }
    return run(op, txn, list, gather_all);
}

static reason walk(struct op *op, struct txn *txn, struct roll *list) {
    list->by_role = list->filter->role.len > 0 && order_of(list->sort) == ROLL_ID;
    reason why = open_streams(op, txn, list, list->by_role ? list->filter->role : SLICE_NONE);
    if (why != NULL) {
        close_streams(list);
        return why;
    }
    return run(op, txn, list, walk_on);
}

// ---- cursor and order ----

static reason read_sort(struct op *op, struct slice text, struct roll *list) {
    struct slice name = text;
    list->descending = slice_starts(text, S("-"));
    if (list->descending) {
        name = slice_sub(text, 1, text.len);
    }
    for (size_t i = 0; sort_names[i] != NULL; i++) {
        if (slice_equal(name, slice_str(sort_names[i]))) {
            list->sort = (enum sort)i;
            if (list->sort == SORT_EMAIL && list->filter->names_only) {
                REFUSE(op, FORBIDDEN, "the order of addresses would tell them: it needs users:view");
            }
            return NULL;
        }
    }
    REFUSE(op, INVALID_INPUT,
           "sort is name, email, status or last_visit, with - in front for descending; got %.*s",
           SLICE(slice_sub(text, 0, 40)));
}

// A cursor is base64url of what was compared, a zero byte, and the id.
static reason read_cursor(struct op *op, struct slice cursor, struct roll *list) {
    if (cursor.len == 0) {
        return NULL;
    }
    struct slice id;
    struct slice key;
    if (cursor.len > 2 * (ROLL_KEY_MAX + ROLL_ID_MAX) || !decode_base64url(op, cursor, &id) ||
        !slice_cut(&id, '\0', &key) || id.at == NULL || key.len > ROLL_KEY_MAX ||
        id.len > ROLL_ID_MAX || memchr(id.at, 0, id.len) != NULL) {
        REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
    }
    spot_add(&list->after, key);
    spot_set_id(&list->after, id);
    list->has_after = true;
    return NULL;
}

static reason print_cursor(struct op *op, const struct spot *last, struct slice *ret_cursor) {
    struct buf bytes;
    buf_open(&bytes, op, ROLL_KEY_MAX + ROLL_ID_MAX + 1);
    buf_put(&bytes, spot_key(last));
    buf_byte(&bytes, 0);
    buf_put(&bytes, spot_id(last));
    struct slice all;
    TRY(buf_done(&bytes, &all));
    return encode_base64url(op, all, ret_cursor);
}

// ---- the page ----

// Finds the spots of the page, and how many members the filter shows. Where a search finds too many to look
// at them all, that is how many there are without it, at most: *ret_exact false.
static reason find(struct op *op, struct txn *txn, struct roll *list, size_t *ret_total,
                   bool *ret_exact) {
    const struct member_filter *filter = list->filter;
    uint64_t counted = 0;
    TRY(roll_count(op, txn, list->tenant, filter->role, filter->status, &counted));
    bool whole = counted <= GATHER_MOST;
    *ret_total = (size_t)counted;
    if (filter->q.len == 0) {
        return filter->role.len > 0 && whole ? gather(op, txn, list) : walk(op, txn, list);
    }
    if (whole) {
        TRY(gather(op, txn, list));
        *ret_total = list->shown;
        return NULL;
    }
    TRY(search_find(op, txn, list->tenant, filter->q, &list->found, &whole));
    if (whole) {
        TRY(run(op, txn, list, gather_found));
        *ret_total = list->shown;
        return NULL;
    }
    *ret_exact = false;
    return walk(op, txn, list);
}

reason member_search(struct op *op, struct txn *txn, struct slice tenant,
                     const struct member_filter *filter, struct page page,
                     struct rows *ret_members, struct slice *ret_next, size_t *ret_total,
                     bool *ret_exact) {
    struct roll list = {.filter = filter, .tenant = tenant};
    size_t limit = page.limit == 0 ? PAGE_LIMIT_DEFAULT : page.limit;
    limit = limit > PAGE_LIMIT_MAX ? PAGE_LIMIT_MAX : limit;
    size_t total = 0;
    bool exact = true;
    TRY(read_sort(op, filter->sort, &list));
    TRY(read_cursor(op, page.cursor, &list));
    list.room = limit + 1;
    TRY(op_take(op, list.room * sizeof *list.best, &list.best));
    if (filter->role.len > 0) {
        list.role_bit = roll_role_bit(filter->role);
    }
    TRY(find(op, txn, &list, &total, &exact));
    struct rows members = {NULL, 0};
    struct slice next = SLICE_NONE;
    TRY(op_take(op, list.count * sizeof(struct member), &members.at));
    for (size_t i = 0; i < list.count && i < limit; i++) {
        struct member *member = &((struct member *)members.at)[members.count++];
        TRY(member_find(op, txn, tenant, spot_id(&list.best[i]), member));
    }
    if (list.count > limit || list.cut) {
        TRY(print_cursor(op, list.count > limit ? &list.best[limit - 1] : &list.last, &next));
    }
    *ret_members = members;
    *ret_next = next;
    *ret_total = total;
    *ret_exact = exact;
    return NULL;
}

reason member_list(struct op *op, struct txn *txn, struct slice tenant,
                   const struct member_filter *filter, struct page page, struct rows *ret_members,
                   struct slice *ret_next, size_t *ret_total) {
    bool exact = true;
    return member_search(op, txn, tenant, filter, page, ret_members, ret_next, ret_total, &exact);
}
