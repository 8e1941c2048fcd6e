// SPDX-License-Identifier: GPL-3.0-or-later
// Access requests as they are stored, found and listed, and what ends by itself.
#include "domain/request.h"

#include "domain/batch.h"
#include "domain/listing.h"
#include "domain/request_parts.h"
#include "domain/space.h"

#define ID_MAX 64
#define ACTOR_MAX 128
#define NAME_BYTES (4 * USER_NAME_MAX)
#define EXPIRE_STEP 20  // requests in one sweep
#define SCAN_MOST 2000 // requests looked at for one page of a filter that is no index

const char *const request_state_names[] = {"draft",     "pending_approval", "fulfilled", "denied",
                                           "cancelled", "expired",          "failed",    "ended",
                                           "revoked",   NULL};
const char *const request_kind_names[] = {"new_user", "change", "add_tenant", "support_access",
                                          NULL};
const char *const request_verdict_names[] = {"approve", "deny", NULL};

static const struct field decision_rows[] = {
    F_TEXT(struct request_decision, by, 1, FIELD_OUTPUT, ACTOR_MAX),
    F_CHOICE(struct request_decision, decision, 2, FIELD_OUTPUT, request_verdict_names),
    F_TEXT(struct request_decision, note, 3, FIELD_OUTPUT | FIELD_NULL | FIELD_LINES,
           REQUEST_TEXT_MAX),
    F_TIME(struct request_decision, at, 4, FIELD_OUTPUT),
    F_BOOL(struct request_decision, implied, 5, FIELD_OUTPUT),
};
FIELD_TABLE(request_decision_fields, "decision", 1, struct request_decision, decision_rows);

static const struct field comment_rows[] = {
    F_TEXT(struct request_comment, by, 1, FIELD_OUTPUT, ACTOR_MAX),
    F_TEXT(struct request_comment, text, 2, FIELD_OUTPUT | FIELD_LINES, REQUEST_TEXT_MAX),
    F_TIME(struct request_comment, at, 3, FIELD_OUTPUT),
};
FIELD_TABLE(request_comment_fields, "comment", 1, struct request_comment, comment_rows);

static const struct field request_rows[] = {
    F_TEXT(struct access_request, id, 1, FIELD_OUTPUT, ID_MAX),
    F_TEXT(struct access_request, tenant, 2, FIELD_OUTPUT, 63),
    F_CHOICE(struct access_request, state, 3, FIELD_OUTPUT, request_state_names),
    F_CHOICE(struct access_request, kind, 4, FIELD_OUTPUT, request_kind_names),
    F_TEXT(struct access_request, requester, 5, FIELD_OUTPUT | FIELD_NULL, ACTOR_MAX),
    F_TEXT(struct access_request, requester_email, 6, FIELD_OUTPUT | FIELD_NULL, 254),
    F_TEXT(struct access_request, first_name, 7, FIELD_OUTPUT, NAME_BYTES),
    F_TEXT(struct access_request, last_name, 8, FIELD_OUTPUT, NAME_BYTES),
    F_TEXT(struct access_request, email, 9, FIELD_OUTPUT, 254),
    F_TEXTS(struct access_request, roles, 10, FIELD_HIDDEN, ROLES_EACH_MAX),
    F_TEXT(struct access_request, justification, 11, FIELD_OUTPUT | FIELD_NULL | FIELD_LINES,
           REQUEST_TEXT_MAX),
    F_TEXT(struct access_request, ticket, 12, FIELD_OUTPUT | FIELD_NULL, MEMBER_TEXT_MAX),
    F_TIME(struct access_request, access_expires_at, 13, FIELD_OUTPUT),
    F_STRUCTS(struct access_request, decisions, 14, FIELD_OUTPUT, REQUEST_DECISIONS_MAX,
              request_decision_fields),
    F_STRUCTS(struct access_request, comments, 15, FIELD_OUTPUT, REQUEST_COMMENTS_MAX,
              request_comment_fields),
    F_NUMBER(struct access_request, needed, 16, FIELD_OUTPUT, 0, 8),
    F_TEXT(struct access_request, user_id, 17, FIELD_OUTPUT | FIELD_NULL, ID_MAX),
    F_TEXT(struct access_request, failure, 18, FIELD_OUTPUT | FIELD_NULL, REQUEST_TEXT_MAX),
    F_TIME(struct access_request, created_at, 19, FIELD_OUTPUT),
    F_TIME(struct access_request, updated_at, 20, FIELD_OUTPUT),
    F_TIME(struct access_request, submitted_at, 21, FIELD_OUTPUT),
    F_TIME(struct access_request, pending_until, 22, FIELD_OUTPUT),
    F_TIME(struct access_request, decided_at, 23, FIELD_OUTPUT),
    F_TIME(struct access_request, fulfilled_at, 24, FIELD_OUTPUT),
    F_NUMBER(struct access_request, version, 25, FIELD_OUTPUT, 0, INT64_MAX),
};
FIELD_TABLE(access_request_fields, "access request", 1, struct access_request, request_rows);

// ---- keys ----

static void request_key(const void *row, struct key *ret_key) {
    const struct access_request *request = row;
    key_open(ret_key, SPACE_REQUEST);
    key_text(ret_key, request->tenant);
    key_text(ret_key, request->id);
}

static struct key in_state(struct slice tenant, int state) {
    struct key key = key_in(SPACE_REQUEST_STATE);
    key_text(&key, tenant);
    key_text(&key, slice_str(request_state_names[state]));
    return key;
}
static bool state_key(const void *row, struct key *ret_key) {
    const struct access_request *request = row;
    *ret_key = in_state(request->tenant, request->state);
    key_text(ret_key, request->id);
    return true;
}

static struct key asked_by(struct slice tenant, struct slice requester) {
    struct key key = key_in(SPACE_REQUEST_BY);
    key_text(&key, tenant);
    key_text(&key, requester);
    return key;
}
static bool by_key(const void *row, struct key *ret_key) {
    const struct access_request *request = row;
    *ret_key = asked_by(request->tenant, request->requester);
    key_text(ret_key, request->id);
    return request->requester.len > 0;
}

// One open request for one person: a second one is told so.
static bool open_key(const void *row, struct key *ret_key) {
    const struct access_request *request = row;
    key_open(ret_key, SPACE_REQUEST_OPEN);
    key_text(ret_key, request->tenant);
    key_text(ret_key, request->email);
    return request->state == REQUEST_PENDING || request->state == REQUEST_FAILED;
}

static int64_t due_at(const struct access_request *request) {
    return request->state == REQUEST_PENDING     ? request->pending_until
           : request->state == REQUEST_FULFILLED ? request->access_expires_at
                                                 : 0;
}
static bool due_key(const void *row, struct key *ret_key) {
    const struct access_request *request = row;
    key_open(ret_key, SPACE_REQUEST_DUE);
    key_u64(ret_key, (uint64_t)due_at(request));
    key_text(ret_key, request->tenant);
    key_text(ret_key, request->id);
    return due_at(request) > 0;
}

static const struct entity_index request_indexes[] = {
    {SPACE_REQUEST_STATE, true, NULL, state_key},
    {SPACE_REQUEST_BY, true, NULL, by_key},
    {SPACE_REQUEST_OPEN, true, REASON_OF(REQUEST_WAITING), open_key},
    {SPACE_REQUEST_DUE, true, NULL, due_key},
};
const struct entity access_request_entity = {
    .space = SPACE_REQUEST,
    .fields = &access_request_fields,
    .key = request_key,
    .indexes = request_indexes,
    .index_count = sizeof request_indexes / sizeof request_indexes[0],
};

// ---- finding ----

// What has run out counts as such at once; the sweep only writes it down.
static void as_of_now(const struct op *op, struct access_request *request) {
    if (due_at(request) > 0 && due_at(request) <= op->now) {
        request->state = request->state == REQUEST_PENDING ? REQUEST_EXPIRED : REQUEST_ENDED;
    }
}

static bool can_be_part(struct slice text) {
    return text.len > 0 && text.len <= ACTOR_MAX && memchr(text.at, 0, text.len) == NULL;
}

reason request_read(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                    struct access_request *ret) {
    bool found = false;
    struct access_request request;
    if (can_be_part(tenant) && can_be_part(id)) {
        struct key key;
        request_key(&(struct access_request){.tenant = tenant, .id = id}, &key);
        TRY(entity_find(op, txn, &access_request_entity, &key, &request, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no access request %.*s in this tenant",
               SLICE(slice_sub(id, 0, ID_MAX)));
    }
    as_of_now(op, &request);
    *ret = request;
    return NULL;
}

reason request_store(struct op *op, struct txn *txn, struct access_request *request) {
    request->version++;
    request->updated_at = op->now;
    return entity_put(op, txn, &access_request_entity, request);
}

bool request_may_decide(const struct actor *actor) {
    return actor->kind == ACTOR_OPERATOR ||
           permission_may(actor->permissions, "requests:approve");
}

bool request_sees_all(const struct actor *actor) {
    return request_may_decide(actor) || permission_may(actor->permissions, "users:manage");
}

reason request_find(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                    struct slice id, struct access_request *ret) {
    struct access_request request;
    TRY(request_read(op, txn, tenant, id, &request));
    if (!request_sees_all(actor) && !slice_equal(request.requester, actor->id)) {
        REFUSE(op, NOT_FOUND, "there is no such access request of yours");
    }
    *ret = request;
    return NULL;
}

// ---- how often ----

// The one that is REQUESTS_A_DAY back says whether a day has passed since: keys are passed over, and one row is read.
static reason find_nth(struct op *op, struct txn *txn, struct key prefix, struct slice *ret_id) {
    struct scan scan;
    struct slice key = SLICE_NONE;
    struct slice value;
    struct slice id = SLICE_NONE;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, true, &scan));
    reason why = scan_next(op, &scan, &key, &value);
    for (int i = 1; why == NULL && key.at != NULL && i < REQUESTS_A_DAY; i++) {
        why = scan_next(op, &scan, &key, &value);
    }
    struct slice rest = slice_sub(key, prefix.len, key.len);
    *ret_id = SLICE_NONE;
    if (why == NULL && key.at != NULL && key_read_text(&rest, &id)) {
        why = op_copy(op, id, ret_id);
    }
    scan_close(&scan);
    return why;
}

reason request_check_pace(struct op *op, struct txn *txn, const struct actor *actor,
                          const struct access_request *request) {
    struct access_request old;
    struct slice id = SLICE_NONE;
    if (actor->kind == ACTOR_OPERATOR || request->requester.len == 0) {
        return NULL;
    }
    TRY(find_nth(op, txn, asked_by(request->tenant, request->requester), &id));
    if (id.len == 0) {
        return NULL;
    }
    TRY(request_read(op, txn, request->tenant, id, &old));
    if (old.created_at > op->now - DAY_MS) {
        REFUSE(op, REQUEST_LIMIT, "you made %d access requests within a day", REQUESTS_A_DAY);
    }
    return NULL;
}

// ---- listing ----

static reason list_from(struct op *op, const struct page *page, struct key prefix,
                        struct key *ret_from) {
    *ret_from = prefix;
    if (page->cursor.len > 0 && !can_be_part(page->cursor)) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    key_text(ret_from, page->cursor);
    return NULL;
}

// A page of one index; what the index does not say is looked at row by row.
static reason list_rows(struct op *op, struct txn *txn, struct key prefix, bool index, int state,
                        struct page page, struct rows *ret_rows, struct slice *ret_next) {
    struct rows kept = {NULL, 0};
    struct access_request *into;
    size_t limit = page_limit(page);
    bool more = true;
    TRY(op_take(op, limit * sizeof *into, &into));
    for (size_t looked = 0; more && kept.count < limit && looked < SCAN_MOST;) {
        struct key from;
        struct rows rows;
        TRY(list_from(op, &page, prefix, &from));
        const struct listing listing = {
            .entity = &access_request_entity,
            .prefix = key_slice(&prefix),
            .from = page.cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
            .index = index,
            .backwards = true,
        };
        TRY(listing_read(op, txn, &listing, limit - kept.count, &rows, &more));
        for (size_t i = 0; i < rows.count; i++) {
            struct access_request *row = &((struct access_request *)rows.at)[i];
            page.cursor = row->id;
            as_of_now(op, row);
            if (state < 0 || row->state == state) {
                into[kept.count++] = *row;
            }
        }
        looked += rows.count;
    }
    kept.at = into;
    *ret_next = more ? page.cursor : SLICE_NONE;
    *ret_rows = kept;
    return NULL;
}

reason request_list(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                    const struct request_filter *filter, struct page page,
                    struct rows *ret_requests, struct slice *ret_next) {
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    if (filter->mine || !request_sees_all(actor)) {
        return list_rows(op, txn, asked_by(home.slug, actor->id), true, filter->state, page,
                         ret_requests, ret_next);
    }
    // What ran out and was not swept yet stands in the index under the state that it had.
    bool ends = filter->state == REQUEST_EXPIRED || filter->state == REQUEST_ENDED;
    if (filter->state >= 0 && !ends) {
        return list_rows(op, txn, in_state(home.slug, filter->state), true, filter->state, page,
                         ret_requests, ret_next);
    }
    struct key all = key_in(SPACE_REQUEST);
    key_text(&all, home.slug);
    return list_rows(op, txn, all, false, filter->state, page, ret_requests, ret_next);
}

// ---- what ends by itself ----

reason request_not_now(struct op *op, const struct access_request *request, const char *event) {
    REFUSE(op, ILLEGAL_TRANSITION, "a request that is %s takes no %s",
           request_state_names[request->state], event);
}

reason request_audit(struct op *op, struct txn *txn, const struct actor *actor,
                     const struct access_request *request, const char *event,
                     struct slice detail) {
    return audit_add(op, txn, actor, request->tenant, event, request->id, detail);
}

static bool is_due(struct slice key, int64_t limit) {
    struct slice rest = slice_sub(key, 1, key.len);
    uint64_t time;
    return key_read_u64(&rest, &time) && time <= (uint64_t)limit;
}

static reason end_one(struct op *op, struct txn *txn, const struct key *key) {
    const struct actor clock = {.kind = ACTOR_SYSTEM, .id = S("system")};
    struct access_request request;
    bool found = false;
    TRY(entity_find(op, txn, &access_request_entity, key, &request, &found));
    if (!found) {
        REFUSE(op, STORE_UNAVAILABLE, "an access request that is due is not there");
    }
    as_of_now(op, &request);
    TRY(request_store(op, txn, &request));
    if (request.state == REQUEST_EXPIRED) {
        TRY(request_audit(op, txn, &clock, &request, "request.expired",
                          S("nobody decided in time")));
        return request_tell_outcome(op, txn, &request, SLICE_NONE);
    }
    return request_audit(op, txn, &clock, &request, "request.ended", S("the access was time-bound"));
}

reason request_expire(struct op *op, struct txn *txn, size_t *left) {
    struct batch batch;
    if (*left == 0) {
        return NULL;
    }
    // Each tells somebody, so a step is smaller than that of rows which only go.
    size_t most = *left < EXPIRE_STEP ? *left : EXPIRE_STEP;
    TRY(batch_open(op, most, key_in(SPACE_REQUEST_DUE), &batch));
    batch.values = true;
    batch.wanted = is_due;
    batch.limit = op->now;
    TRY(batch_next(op, txn, &batch));
    for (size_t i = 0; i < batch.count; i++) {
        TRY(end_one(op, txn, &batch.at[i]));
    }
    *left -= batch.more ? *left : batch.count;
    return NULL;
}
