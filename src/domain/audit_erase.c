// SPDX-License-Identifier: GPL-3.0-or-later
// What leaves the audit log: what says who a person is, when he asks for it or was deleted long ago; and rows that are
// older than a tenant keeps them. Neither breaks the chain.
#include "base/clock.h"
#include "base/rand.h"
#include "domain/audit_chain.h"
#include "domain/batch.h"
#include "domain/listing.h"
#include "domain/space.h"
#include "domain/tenant_settings.h"

#define ERASE_MOST 100 // rows that one write changes, so that no login waits long behind it
#define ERASE_LOOK 200 // rows that one write looks at, where it is nobody's request
#define ERASE_COST 50  // what that counts among the rows that a sweep removes
#define DUE_EVERY_HOURS 24

// ---- erasing ----

struct search {
    struct audit_erasure *erasure;
    uint8_t space;
    struct key last; // len 0: at the front
    struct key keys[ERASE_MOST];
    size_t count, most; // that are to be changed; that one call looks at
    bool over;
};

static bool of_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
// The whole address, and not the end of a longer one (joann@x for ann@x), nor the front (ann@x.example.org).
static bool stands_alone(struct slice text, size_t from, size_t to) {
    bool more_before = from > 0 && (of_word(text.at[from - 1]) ||
                                    memchr(".!#$%&'*+-/=?^_`{|}~@", text.at[from - 1], 21) != NULL);
    bool more_after =
        to < text.len && (of_word(text.at[to]) || text.at[to] == '-' || text.at[to] == '@' ||
                          (text.at[to] == '.' && to + 1 < text.len && of_word(text.at[to + 1])));
    return !more_before && !more_after;
}

static bool names_person(struct slice text, struct slice email) {
    for (size_t from = 0; email.len > 0 && from + email.len <= text.len; from++) {
        size_t at = slice_find(slice_sub(text, from, text.len), email);
        if (at == SIZE_MAX) {
            return false;
        }
        from += at;
        if (stands_alone(text, from, from + email.len)) {
            return true;
        }
    }
    return false;
}

// Which parts of this row are this person's.
static int64_t parts_of(const struct audit *audit, const struct audit_erasure *who) {
    bool about = slice_equal(audit->target, who->user_id) || slice_equal(audit->about, who->user_id) ||
                 names_person(audit->person_detail, who->email) ||
                 names_person(audit->person_before, who->email) ||
                 names_person(audit->person_after, who->email) ||
                 (audit->seq == 0 && names_person(audit->detail, who->email));
    bool has_person = audit->person_salt.len > 0 || (audit->seq == 0 && audit->detail.len > 0);
    // A sign-in that failed is nobody's doing; its address is that of whom it is about.
    bool own = slice_equal(audit->actor, who->user_id) || (audit->actor.len == 0 && about);
    bool by = own && audit->address.len > 0;
    return (by ? AUDIT_ERASED_ACTOR : 0) | (about && has_person ? AUDIT_ERASED_PERSON : 0);
}

static void erase_parts(struct audit *audit, int64_t parts) {
    audit->erased |= parts;
    if ((parts & AUDIT_ERASED_ACTOR) != 0) {
        audit->address = audit->actor_salt = SLICE_NONE;
    }
    if ((parts & AUDIT_ERASED_PERSON) != 0) {
        audit->person_detail = audit->person_before = audit->person_after = SLICE_NONE;
        audit->person_salt = SLICE_NONE;
        // Rows of the time before the chain have one detail, whatever it says.
        audit->detail = audit->seq == 0 ? SLICE_NONE : audit->detail;
    }
}

static reason collect(struct op *op, struct scan *scan, struct search *search) {
    for (size_t i = 0; i < search->most && search->count < ERASE_MOST; i++) {
        struct slice key;
        struct slice value;
        struct audit audit;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL) {
            search->over = true;
            return NULL;
        }
        struct op inner;
        op_open(&inner, op->now);
        search->last = key_in(search->space);
        key_bytes(&search->last, slice_sub(key, 1, key.len));
        reason why = record_get(&inner, &audit_fields, value, &audit);
        if (why == NULL && parts_of(&audit, search->erasure) != 0) {
            search->keys[search->count++] = search->last;
        }
        op_close(&inner);
        // A row that cannot be read is for verify to tell; one for which there was no memory is not done.
        if (why == REASON_OF(LIMIT_MEMORY)) {
            REFUSE(op, LIMIT_MEMORY, "no memory to read a row of the audit log");
        }
    }
    return NULL;
}

static reason find_rows(struct op *op, struct txn *txn, void *arg) {
    struct search *search = arg;
    struct key prefix = key_in(search->space);
    key_text(&prefix, search->erasure->tenant);
    search->count = 0;
    struct scan scan = {0};
    struct key from = search->last; // of its own: `last` moves on
    reason why = scan_open(op, txn, key_slice(&prefix),
                           from.len > 0 ? key_slice(&from) : SLICE_NONE, false, &scan);
    if (why == NULL) {
        why = collect(op, &scan, search);
    }
    scan_close(&scan);
    return why;
}

static reason erase_one(struct op *op, struct txn *txn, const struct key *key,
                        const struct search *search) {
    struct slice value;
    struct slice bytes;
    struct audit audit;
    TRY(txn_get(op, txn, key_slice(key), &value));
    if (value.at == NULL) {
        return NULL; // retention was there first
    }
    TRY(record_get(op, &audit_fields, value, &audit));
    erase_parts(&audit, parts_of(&audit, search->erasure));
    TRY(record_put(op, &audit_fields, &audit, &bytes));
    return txn_put(op, txn, key_slice(key), bytes);
}

static reason erase_rows(struct op *op, struct txn *txn, void *arg) {
    const struct search *search = arg;
    for (size_t i = 0; i < search->count; i++) {
        struct op inner;
        op_open(&inner, op->now);
        reason why = erase_one(&inner, txn, &search->keys[i], search);
        if (why != NULL) {
            why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

struct note {
    const struct actor *actor;
    const struct audit_erasure *erasure;
};
static reason note_erasure(struct op *op, struct txn *txn, void *arg) {
    const struct note *note = arg;
    return audit_add(op, txn, note->actor, note->erasure->tenant, "audit.erased",
                     note->erasure->user_id, op_text(op, "in %zu rows", note->erasure->erased));
}

reason audit_erase(struct op *op, struct store *store, const struct actor *actor,
                   struct audit_erasure *erasure) {
    static const uint8_t spaces[] = {SPACE_AUDIT, SPACE_AUDIT_ROW};
    struct search *search = NULL;
    TRY(op_take(op, sizeof *search, &search));
    erasure->erased = 0;
    for (size_t i = 0; i < sizeof spaces; i++) {
        *search = (struct search){.erasure = erasure, .space = spaces[i], .most = AUDIT_STEP};
        while (!search->over) {
            TRY(store_walk(op, store, find_rows, search));
            if (search->count > 0) {
                TRY(store_write(op, store, erase_rows, search));
                erasure->erased += search->count;
            }
        }
    }
    // Last: the row says how many, and is not itself looked at. It is written, too, when there was nothing to erase.
    struct note note = {actor, erasure};
    return store_write(op, store, note_erasure, &note);
}

// ---- erasing a little at a time ----

struct erasure_state {
    struct slice tenant, user_id, email;
    int64_t space;     // of the rows that are gone through
    struct slice last; // key of the one that was looked at last
    int64_t erased;
};
static const struct field state_rows[] = {
    F_TEXT(struct erasure_state, tenant, 1, FIELD_HIDDEN, 63),
    F_TEXT(struct erasure_state, user_id, 2, FIELD_HIDDEN, 64),
    F_TEXT(struct erasure_state, email, 3, FIELD_HIDDEN, 254),
    F_NUMBER(struct erasure_state, space, 4, FIELD_HIDDEN, 0, 255),
    F_BYTES(struct erasure_state, last, 5, FIELD_HIDDEN, STORE_KEY_MAX),
    F_NUMBER(struct erasure_state, erased, 6, FIELD_HIDDEN, 0, INT64_MAX),
};
static FIELD_TABLE(state_fields, "erasure", 1, struct erasure_state, state_rows);

static void state_key(const void *row, struct key *ret_key) {
    const struct erasure_state *state = row;
    key_open(ret_key, SPACE_AUDIT_ERASE);
    key_text(ret_key, state->tenant);
    key_text(ret_key, state->user_id);
}
static const struct entity state_entity = {
    .space = SPACE_AUDIT_ERASE, .fields = &state_fields, .key = state_key};

reason audit_erase_later(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                         struct slice email) {
    const struct erasure_state state = {
        .tenant = tenant, .user_id = user_id, .email = email, .space = SPACE_AUDIT};
    return entity_put(op, txn, &state_entity, &state);
}

// All rows were looked at: says so, as whoever erases at once does.
static reason end_erasure(struct op *op, struct txn *txn, const struct audit_erasure *erasure,
                          const struct key *key) {
    const struct actor janitor = {.kind = ACTOR_SYSTEM, .id = S("retention")};
    struct note note = {&janitor, erasure};
    bool there = false;
    TRY(entity_remove(op, txn, &state_entity, key, &there));
    return note_erasure(op, txn, &note);
}

// The next rows of the first erasure that was put off; *ret_any false: there is none.
static reason erase_some(struct op *op, struct txn *txn, size_t *left, bool *ret_any) {
    struct key prefix = key_in(SPACE_AUDIT_ERASE);
    const struct listing listing = {.entity = &state_entity, .prefix = key_slice(&prefix)};
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, 1, &rows, &more));
    *ret_any = rows.count > 0;
    if (rows.count == 0) {
        return NULL;
    }
    struct erasure_state *state = rows.at;
    struct audit_erasure erasure = {.tenant = state->tenant,
                                    .user_id = state->user_id,
                                    .email = state->email,
                                    .erased = (size_t)state->erased};
    struct search *search = NULL;
    struct key key;
    state_key(state, &key);
    TRY(op_take(op, sizeof *search, &search));
    *search = (struct search){.erasure = &erasure, .space = (uint8_t)state->space, .most = ERASE_LOOK};
    key_bytes(&search->last, state->last);
    TRY(find_rows(op, txn, search));
    TRY(erase_rows(op, txn, search));
    erasure.erased += search->count;
    *left -= *left < ERASE_COST ? *left : ERASE_COST;
    if (search->over && state->space == SPACE_AUDIT_ROW) {
        return end_erasure(op, txn, &erasure, &key);
    }
    state->erased = (int64_t)erasure.erased;
    state->last = search->over ? SLICE_NONE : key_slice(&search->last);
    state->space = search->over ? SPACE_AUDIT_ROW : state->space;
    return entity_put(op, txn, &state_entity, state);
}

// ---- retention ----

static struct key due_key(uint32_t hour, struct slice tenant) {
    struct key key = key_in(SPACE_AUDIT_DUE);
    key_u32(&key, hour);
    key_text(&key, tenant);
    return key;
}

reason audit_due_put(struct op *op, struct txn *txn, struct slice tenant, int64_t now) {
    struct key key = due_key((uint32_t)(now / HOUR_MS + DUE_EVERY_HOURS), tenant);
    return txn_put(op, txn, key_slice(&key), S(""));
}

// The first chain that is due; *ret_key.len 0: none.
static reason next_due(struct op *op, struct txn *txn, struct key *ret_key,
                       struct slice *ret_tenant) {
    struct key prefix = key_in(SPACE_AUDIT_DUE);
    struct scan scan = {0};
    struct slice key = SLICE_NONE;
    struct slice value;
    ret_key->len = 0;
    reason why = scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan);
    if (why == NULL) {
        why = scan_next(op, &scan, &key, &value);
    }
    struct slice rest = slice_sub(key, 1, key.len);
    struct slice tenant = SLICE_NONE;
    uint32_t hour = 0;
    if (why == NULL && key.at != NULL && key_read_u32(&rest, &hour) &&
        key_read_text(&rest, &tenant) && (int64_t)hour <= op->now / HOUR_MS) {
        why = op_copy(op, tenant, ret_tenant);
        *ret_key = due_key(hour, tenant);
    }
    scan_close(&scan);
    return why;
}

static bool is_old(struct slice key, int64_t limit) {
    struct slice rest = slice_sub(key, 1, key.len);
    struct slice part;
    int64_t time;
    return key_read_text(&rest, &part) && key_read_text(&rest, &part) &&
           slice_starts(part, S("aud_")) && ulid_time(slice_sub(part, 4, part.len), &time) &&
           time <= limit;
}

// Rows of the time before the chain.
static reason drop_old(struct op *op, struct txn *txn, struct slice tenant, int64_t limit,
                       size_t *left) {
    struct key prefix = key_in(SPACE_AUDIT);
    struct batch batch;
    key_text(&prefix, tenant);
    TRY(batch_open(op, *left < BATCH_ROOM ? *left : BATCH_ROOM, prefix, &batch));
    batch.wanted = is_old;
    batch.limit = limit;
    do {
        TRY(batch_next(op, txn, &batch));
        for (size_t i = 0; i < batch.count; i++) {
            bool there = false;
            TRY(txn_delete(op, txn, key_slice(&batch.at[i]), &there));
        }
        *left -= batch.count;
    } while (batch.more && *left >= batch.room);
    *left = batch.more ? 0 : *left; // the rest of them first, in the next step
    return NULL;
}

// The row after `front`, when it is older than `limit`: removes it and moves the front.
static reason drop_next(struct op *op, struct txn *txn, struct slice tenant, int64_t limit,
                        struct audit_link *front, bool *ret_dropped) {
    struct key key = audit_row_key(tenant, front->seq + 1);
    struct slice value;
    struct audit audit;
    bool there = false;
    *ret_dropped = false;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    if (value.at == NULL) {
        return NULL;
    }
    reason why = record_get(op, &audit_fields, value, &audit);
    // What cannot be read stays where it is, for verify to tell; what else expires must still be swept.
    if (why != NULL || audit.time > limit || audit.hash.len != SHA256_BYTES) {
        return why == REASON_OF(LIMIT_MEMORY) ? why : NULL;
    }
    front->seq++;
    memcpy(front->hash.bytes, audit.hash.at, SHA256_BYTES);
    *ret_dropped = true;
    return txn_delete(op, txn, key_slice(&key), &there);
}

static reason drop_chain(struct op *op, struct txn *txn, struct slice tenant, int64_t limit,
                         size_t *left) {
    struct audit_link front;
    TRY(audit_link_get(op, txn, SPACE_AUDIT_FRONT, tenant, &front));
    bool dropped = true;
    size_t count = 0;
    while (*left > 0 && dropped) {
        struct op inner;
        op_open(&inner, op->now);
        reason why = drop_next(&inner, txn, tenant, limit, &front, &dropped);
        if (why != NULL) {
            why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        TRY(why);
        count += dropped ? 1 : 0;
        *left -= dropped ? 1 : 0;
    }
    return count > 0 ? audit_link_put(op, txn, SPACE_AUDIT_FRONT, tenant, &front) : NULL;
}

static reason sweep_tenant(struct op *op, struct txn *txn, struct slice tenant, size_t *left) {
    // What belongs to no tenant is kept for ever; what a tenant that is gone left, for as long as usual.
    struct tenant_settings settings = tenant_settings_default(tenant);
    if (tenant.len == 0) {
        return NULL;
    }
    reason why = tenant_settings_find(op, txn, tenant, &settings);
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    if (settings.audit_days == 0) {
        return NULL;
    }
    int64_t limit = op->now - settings.audit_days * DAY_MS;
    TRY(drop_old(op, txn, tenant, limit, left));
    return drop_chain(op, txn, tenant, limit, left);
}

reason audit_sweep(struct op *op, struct txn *txn, size_t *left) {
    bool any = true;
    while (*left > 0 && any) {
        TRY(erase_some(op, txn, left, &any));
    }
    while (*left > 0) {
        struct key due;
        struct slice tenant = SLICE_NONE;
        bool there = false;
        TRY(next_due(op, txn, &due, &tenant));
        if (due.len == 0) {
            return NULL;
        }
        TRY(sweep_tenant(op, txn, tenant, left));
        if (*left == 0) {
            return NULL; // goes on with this one
        }
        *left -= 1; // a chain costs something, too, when nothing of it is old
        TRY(txn_delete(op, txn, key_slice(&due), &there));
        TRY(audit_due_put(op, txn, tenant, op->now));
    }
    return NULL;
}
