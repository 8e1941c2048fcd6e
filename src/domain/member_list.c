// SPDX-License-Identifier: GPL-3.0-or-later
// The list of a tenant's members: filtered, sorted, one page at a time, with the number that the
// filter shows. It goes through all members of the tenant once and keeps only the page, so that its
// memory does not grow with the tenant.
#include "base/encode.h"
#include "domain/grant.h"
#include "domain/space.h"
#include "domain/timekey.h"

#define SORT_KEY_MAX 128 // bytes of what is compared; people with longer equal starts sort by id
#define SORT_ID_MAX 64
#define SCRATCH_ROWS 64 // rows that are read before their memory is given back

enum sort { SORT_ID, SORT_NAME, SORT_EMAIL, SORT_STATUS, SORT_LAST_VISIT };
static const char *const sort_names[] = {"", "name", "email", "status", "last_visit", NULL};

struct spot {
    char key[SORT_KEY_MAX], id[SORT_ID_MAX];
    size_t key_len, id_len;
};

struct roll {
    const struct member_filter *filter;
    enum sort sort;
    bool descending, has_after;
    struct spot after; // where the page starts
    struct spot *best; // sorted; room for limit + 1: the one more says that there is a next page
    size_t count, room, total;
};

// ---- spots: where a row stands in the order ----

static struct slice spot_key(const struct spot *spot) {
    return slice_of(spot->key, spot->key_len);
}
static struct slice spot_id(const struct spot *spot) {
    return slice_of(spot->id, spot->id_len);
}

static int compare(const struct roll *list, const struct spot *a, const struct spot *b) {
    int order = slice_compare(spot_key(a), spot_key(b));
    if (order == 0) {
        order = slice_compare(spot_id(a), spot_id(b));
    }
    return list->descending ? -order : order;
}

static void put_key(struct spot *spot, struct slice text) {
    for (size_t i = 0; i < text.len && spot->key_len < SORT_KEY_MAX; i++) {
        char c = text.at[i];
        spot->key[spot->key_len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
}

static void put_id(struct spot *spot, struct slice id) {
    spot->id_len = id.len < SORT_ID_MAX ? id.len : SORT_ID_MAX;
    if (spot->id_len > 0) {
        memcpy(spot->id, id.at, spot->id_len);
    }
}

static struct spot spot_of(struct op *op, enum sort sort, const struct member *member) {
    struct spot spot = {.key_len = 0};
    put_id(&spot, member->membership.user_id);
    switch (sort) {
    case SORT_ID: break;
    case SORT_NAME:
        put_key(&spot, member->user.last_name);
        put_key(&spot, S(" "));
        put_key(&spot, member->user.first_name);
        break;
    case SORT_EMAIL: put_key(&spot, member->user.email); break;
    case SORT_STATUS:
        put_key(&spot, slice_str(membership_status_names[member->membership.status]));
        break;
    case SORT_LAST_VISIT:
        put_key(&spot, op_text(op, "%016llx", (unsigned long long)member->membership.last_visit));
        break;
    }
    return spot;
}

// Keeps the page sorted by insertion: a page is small, and most rows of a big tenant fall behind
// its end.
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

static bool contains_nocase(struct slice text, struct slice part) {
    for (size_t i = 0; part.len <= text.len && i <= text.len - part.len; i++) {
        if (slice_equal_nocase(slice_sub(text, i, i + part.len), part)) {
            return true;
        }
    }
    return false;
}

static bool has_role(const struct membership *membership, struct slice role) {
    for (size_t i = 0; i < membership->grants.count; i++) {
        if (slice_equal(((const struct grant *)membership->grants.at)[i].role_id, role)) {
            return true;
        }
    }
    return false;
}

static bool shows_membership(const struct member_filter *filter,
                             const struct membership *membership) {
    if (filter->status < 0 ? membership->status == MEMBER_DELETED
                           : membership->status != filter->status) {
        return false;
    }
    return filter->role.len == 0 || has_role(membership, filter->role);
}

static bool shows_user(struct op *op, const struct member_filter *filter, const struct user *user) {
    return filter->q.len == 0 || contains_nocase(user->email, filter->q) ||
           contains_nocase(
               op_text(op, "%.*s %.*s", SLICE(user->first_name), SLICE(user->last_name)),
               filter->q);
}

// ---- the walk ----

static reason weigh(struct op *scratch, struct txn *txn, struct roll *list, struct slice record) {
    struct member member = {.user = {.id = SLICE_NONE}};
    TRY(record_get(scratch, &membership_fields, record, &member.membership));
    if (!shows_membership(list->filter, &member.membership)) {
        return NULL;
    }
    if (list->filter->q.len > 0 || list->sort == SORT_NAME || list->sort == SORT_EMAIL) {
        TRY(user_find(scratch, txn, member.membership.user_id, &member.user));
        if (!shows_user(scratch, list->filter, &member.user)) {
            return NULL;
        }
    }
    list->total++;
    struct spot spot = spot_of(scratch, list->sort, &member);
    keep(list, &spot);
    return NULL;
}

static reason walk(struct op *op, struct scan *scan, struct op *scratch, struct roll *list) {
    for (size_t rows = 1;; rows++) {
        struct slice key;
        struct slice value;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL) {
            return NULL;
        }
        reason why = weigh(scratch, scan->txn, list, value);
        if (why != NULL) {
            op->detail = op_text(op, "%.*s", SLICE(scratch->detail));
            return why;
        }
        if (rows % SCRATCH_ROWS == 0) {
            op_close(scratch);
            op_open(scratch, op->now);
        }
    }
}

static reason walk_tenant(struct op *op, struct txn *txn, struct slice tenant, struct roll *list) {
    struct key prefix = key_in(SPACE_MEMBERSHIP);
    key_text(&prefix, tenant);
    struct scan scan;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    struct op scratch;
    op_open(&scratch, op->now);
    reason why = walk(op, &scan, &scratch, list);
    op_close(&scratch);
    scan_close(&scan);
    return why;
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
    if (cursor.len > 2 * (SORT_KEY_MAX + SORT_ID_MAX) || !decode_base64url(op, cursor, &id) ||
        !slice_cut(&id, '\0', &key) || id.at == NULL || key.len > SORT_KEY_MAX ||
        id.len > SORT_ID_MAX) {
        REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
    }
    put_key(&list->after, key);
    put_id(&list->after, id);
    list->has_after = true;
    return NULL;
}

static reason print_cursor(struct op *op, const struct spot *last, struct slice *ret_cursor) {
    struct buf bytes;
    buf_open(&bytes, op, SORT_KEY_MAX + SORT_ID_MAX + 1);
    buf_put(&bytes, spot_key(last));
    buf_byte(&bytes, 0);
    buf_put(&bytes, spot_id(last));
    struct slice all;
    TRY(buf_done(&bytes, &all));
    return encode_base64url(op, all, ret_cursor);
}

reason member_list(struct op *op, struct txn *txn, struct slice tenant,
                   const struct member_filter *filter, struct page page, struct rows *ret_members,
                   struct slice *ret_next, size_t *ret_total) {
    struct roll list = {.filter = filter};
    size_t limit = page.limit == 0 ? PAGE_LIMIT_DEFAULT : page.limit;
    limit = limit > PAGE_LIMIT_MAX ? PAGE_LIMIT_MAX : limit;
    TRY(read_sort(op, filter->sort, &list));
    TRY(read_cursor(op, page.cursor, &list));
    list.room = limit + 1;
    TRY(op_take(op, list.room * sizeof *list.best, &list.best));
    TRY(walk_tenant(op, txn, tenant, &list));
    struct rows members = {NULL, 0};
    struct slice next = SLICE_NONE;
    TRY(op_take(op, list.count * sizeof(struct member), &members.at));
    for (size_t i = 0; i < list.count && i < limit; i++) {
        struct member *member = &((struct member *)members.at)[members.count++];
        TRY(member_find(op, txn, tenant, spot_id(&list.best[i]), member));
    }
    if (list.count > limit) {
        TRY(print_cursor(op, &list.best[limit - 1], &next));
    }
    *ret_members = members;
    *ret_next = next;
    *ret_total = list.total;
    return NULL;
}
