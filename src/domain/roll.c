// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the roll. A change writes only what differs; the change that each sign-in makes, the last visit, comes by itself.
#include "domain/roll.h"

#include "domain/batch.h"
#include "domain/grant.h"
#include "domain/search.h"
#include "domain/space.h"

// ---- spots ----

void spot_add(struct spot *spot, struct slice text) {
    for (size_t i = 0; i < text.len && spot->key_len < ROLL_KEY_MAX; i++) {
        char c = text.at[i];
        spot->key[spot->key_len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
}

void spot_set_id(struct spot *spot, struct slice id) {
    spot->id_len = id.len < ROLL_ID_MAX ? id.len : ROLL_ID_MAX;
    if (spot->id_len > 0) {
        memcpy(spot->id, id.at, spot->id_len);
    }
}

static void add_time(struct spot *spot, int64_t time) {
    for (int shift = 60; shift >= 0; shift -= 4) {
        spot_add(spot, slice_of(&"0123456789abcdef"[((uint64_t)time >> shift) & 15], 1));
    }
}

void roll_spot(enum roll_order order, const struct member *member, struct spot *ret_spot) {
    ret_spot->key_len = 0;
    spot_set_id(ret_spot, member->membership.user_id);
    switch (order) {
    case ROLL_NAME:
        spot_add(ret_spot, member->user.last_name);
        spot_add(ret_spot, S(" "));
        spot_add(ret_spot, member->user.first_name);
        break;
    case ROLL_EMAIL: spot_add(ret_spot, member->user.email); break;
    case ROLL_VISIT: add_time(ret_spot, member->visit.last); break;
    case ROLL_ID:
    case ROLL_ORDERS: break;
    }
}

// ---- keys ----

struct key roll_prefix(struct slice tenant, struct slice role, enum roll_order order, int status) {
    struct key key = key_in(role.len > 0 ? SPACE_ROLL_ROLE : SPACE_ROLL);
    key_text(&key, tenant);
    if (role.len > 0) {
        key_text(&key, role);
    } else {
        key_bytes(&key, slice_of(&(uint8_t){(uint8_t)order}, 1));
    }
    key_bytes(&key, slice_of(&(uint8_t){(uint8_t)status}, 1));
    return key;
}

void roll_seek(struct key *key, enum roll_order order, const struct spot *spot) {
    if (order != ROLL_ID) {
        key_text(key, spot_key(spot));
    }
    key_tail(key, spot_id(spot));
}

bool roll_read(struct slice key, const struct key *prefix, enum roll_order order,
               struct spot *ret_spot) {
    struct slice rest = slice_sub(key, prefix->len, key.len);
    struct slice text = SLICE_NONE;
    if (order != ROLL_ID && !key_read_text(&rest, &text)) {
        return false;
    }
    if (text.len > ROLL_KEY_MAX || rest.len > ROLL_ID_MAX) {
        return false;
    }
    ret_spot->key_len = 0;
    spot_add(ret_spot, text);
    spot_set_id(ret_spot, rest);
    return true;
}

uint64_t roll_role_bit(struct slice role) {
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < role.len; i++) {
        hash = (hash ^ (uint8_t)role.at[i]) * 16777619U;
    }
    return UINT64_C(1) << (hash >> 26);
}

bool roll_may_have(struct slice value, uint64_t role_bit) {
    uint64_t bits = 0;
    return !key_read_u64(&value, &bits) || (bits & role_bit) != 0;
}

static uint64_t bits_of(const struct membership *membership) {
    uint64_t bits = 0;
    for (size_t i = 0; i < membership->grants.count; i++) {
        bits |= roll_role_bit(((const struct grant *)membership->grants.at)[i].role_id);
    }
    return bits;
}

static struct key row_key(const struct member *member, struct slice role, enum roll_order order) {
    struct key key =
        roll_prefix(member->membership.tenant, role, order, member->membership.status);
    struct spot spot;
    roll_spot(order, member, &spot);
    roll_seek(&key, order, &spot);
    return key;
}

static reason move_order(struct op *op, struct txn *txn, enum roll_order order,
                         const struct member *before, const struct member *after) {
    struct key old_key = {.len = 0};
    struct key new_key = {.len = 0};
    struct key bits = {.len = 0};
    uint64_t old_bits = 0;
    if (before != NULL) {
        old_key = row_key(before, SLICE_NONE, order);
        old_bits = bits_of(&before->membership);
    }
    if (after != NULL) {
        new_key = row_key(after, SLICE_NONE, order);
        key_u64(&bits, bits_of(&after->membership));
    }
    bool same = slice_equal(key_slice(&old_key), key_slice(&new_key));
    if (before != NULL && !same) {
        bool there = false;
        TRY(txn_delete(op, txn, key_slice(&old_key), &there));
    }
    if (after == NULL || (same && old_bits == bits_of(&after->membership))) {
        return NULL;
    }
    return txn_put(op, txn, key_slice(&new_key), key_slice(&bits));
}

// Whose membership is written after the visit is found there by move_all.
reason roll_visited(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                    int64_t before, int64_t after) {
    struct member old = {.visit = {.last = before}};
    struct member new = {.visit = {.last = after}};
    bool found = false;
    if (before == after) {
        return NULL;
    }
    TRY(membership_find(op, txn, tenant, user_id, &new.membership, &found));
    if (!found) {
        return NULL;
    }
    old.membership = new.membership;
    if (before == 0 || after - before < ROLL_NEAR) {
        return move_order(op, txn, ROLL_VISIT, &old, &new);
    }
    roll_leave();
    return move_order(op, txn, ROLL_VISIT, NULL, &new);
}

// ---- counters ----

static struct key count_key(struct slice tenant, struct slice role, int status) {
    struct key key = key_in(SPACE_ROLL_COUNT);
    key_text(&key, tenant);
    key_text(&key, role);
    key_bytes(&key, slice_of(&(uint8_t){(uint8_t)status}, 1));
    return key;
}

static reason read_count(struct op *op, struct txn *txn, const struct key *key,
                         uint64_t *ret_count) {
    struct slice value;
    uint64_t count = 0;
    TRY(txn_get(op, txn, key_slice(key), &value));
    if (value.at != NULL && !key_read_u64(&value, &count)) {
        REFUSE(op, STORE_UNAVAILABLE,
               "a counter of members cannot be read; the store is damaged, restore it from a backup");
    }
    *ret_count = count;
    return NULL;
}

static reason add_count(struct op *op, struct txn *txn, const struct membership *membership,
                        struct slice role, int by) {
    struct key key = count_key(membership->tenant, role, membership->status);
    struct key number = {.len = 0};
    uint64_t count = 0;
    TRY(read_count(op, txn, &key, &count));
    key_u64(&number, by > 0 ? count + 1 : count - (count > 0 ? 1 : 0));
    return txn_put(op, txn, key_slice(&key), key_slice(&number));
}

reason roll_count(struct op *op, struct txn *txn, struct slice tenant, struct slice role, int status,
                  uint64_t *ret_count) {
    uint64_t sum = 0;
    for (int i = 0; i < ROLL_STATUSES; i++) {
        if (status < 0 ? i == MEMBER_DELETED : i != status) {
            continue;
        }
        struct key key = count_key(tenant, role, i);
        uint64_t count = 0;
        TRY(read_count(op, txn, &key, &count));
        sum += count;
    }
    *ret_count = sum;
    return NULL;
}

// ---- a membership ----

static bool same_roles(const struct texts *a, const struct texts *b) {
    for (size_t i = 0; i < a->count; i++) {
        if (!texts_have(*b, a->at[i])) {
            return false;
        }
    }
    return a->count == b->count;
}

// One role of a membership comes or goes, in the index and in its counter.
static reason count_role(struct op *op, struct txn *txn, const struct member *member,
                         struct slice role, int by) {
    struct key key = row_key(member, role, ROLL_ID);
    bool there = false;
    if (role.len > 0) { // the row of all members is kept with the orders
        TRY(by > 0 ? txn_put(op, txn, key_slice(&key), S("+"))
                   : txn_delete(op, txn, key_slice(&key), &there));
    }
    return add_count(op, txn, &member->membership, role, by);
}

static reason count_all(struct op *op, struct txn *txn, const struct member *member,
                        const struct texts *roles, int by) {
    TRY(count_role(op, txn, member, SLICE_NONE, by));
    for (size_t i = 0; i < roles->count; i++) {
        TRY(count_role(op, txn, member, roles->at[i], by));
    }
    return NULL;
}

// The status stays: only the roles that came or went.
static reason count_roles(struct op *op, struct txn *txn, const struct member *member,
                          const struct texts *from, const struct texts *to, int by) {
    for (size_t i = 0; i < from->count; i++) {
        if (!texts_have(*to, from->at[i])) {
            TRY(count_role(op, txn, member, from->at[i], by));
        }
    }
    return NULL;
}

static reason user_of(struct op *op, struct txn *txn, struct slice id, struct user *ret_user) {
    reason why = user_find(op, txn, id, ret_user);
    if (why == REASON_OF(NOT_FOUND)) {
        *ret_user = (struct user){.id = id}; // written after its membership
        why = NULL;
    }
    return why;
}

static reason move_all(struct op *op, struct txn *txn, struct member *before, struct member *after) {
    const struct membership *either = &(after != NULL ? after : before)->membership;
    struct user user;
    struct visit visit;
    TRY(user_of(op, txn, either->user_id, &user));
    TRY(visit_find(op, txn, either->tenant, either->user_id, &visit));
    if (before != NULL) {
        before->user = user;
        before->visit = visit;
    }
    if (after != NULL) {
        after->user = user;
        after->visit = visit;
    }
    for (int order = 0; order < ROLL_ORDERS; order++) {
        TRY(move_order(op, txn, (enum roll_order)order, before, after));
    }
    return NULL;
}

reason roll_member_changed(struct op *op, struct txn *txn, const void *before, const void *after) {
    struct member old = {.membership = {.status = 0}};
    struct member new = {.membership = {.status = 0}};
    struct texts had = {NULL, 0};
    struct texts has = {NULL, 0};
    if (before != NULL) {
        old.membership = *(const struct membership *)before;
        TRY(grant_roles(op, old.membership.grants, &had));
    }
    if (after != NULL) {
        new.membership = *(const struct membership *)after;
        TRY(grant_roles(op, new.membership.grants, &has));
    }
    if (before != NULL && after != NULL && old.membership.status == new.membership.status) {
        if (!same_roles(&had, &has)) {
            TRY(count_roles(op, txn, &old, &had, &has, -1));
            TRY(count_roles(op, txn, &new, &has, &had, 1));
            return move_all(op, txn, &old, &new);
        }
        return NULL;
    }
    TRY(before != NULL ? count_all(op, txn, &old, &had, -1) : NULL);
    TRY(after != NULL ? count_all(op, txn, &new, &has, 1) : NULL);
    TRY(move_all(op, txn, before != NULL ? &old : NULL, after != NULL ? &new : NULL));
    if (before == NULL) {
        return search_add(op, txn, new.membership.tenant, new.membership.user_id);
    }
    return after == NULL ? search_forget(op, txn, old.membership.tenant, old.membership.user_id)
                         : NULL;
}

// ---- a user ----

static bool same_texts(const struct user *a, const struct user *b) {
    return slice_equal(a->first_name, b->first_name) && slice_equal(a->last_name, b->last_name) &&
           slice_equal(a->email, b->email);
}

struct renamed {
    const struct user *before, *after;
};
static reason rename_in(struct op *op, struct txn *txn, const struct key *key,
                        const struct renamed *renamed) {
    struct member old = {.user = *renamed->before};
    struct member new = {.user = *renamed->after};
    bool found = false;
    TRY(entity_find(op, txn, &membership_entity, key, &old.membership, &found));
    if (!found) {
        return NULL;
    }
    new.membership = old.membership;
    TRY(move_order(op, txn, ROLL_NAME, &old, &new));
    TRY(move_order(op, txn, ROLL_EMAIL, &old, &new));
    TRY(search_forget(op, txn, new.membership.tenant, new.membership.user_id));
    return search_add(op, txn, new.membership.tenant, new.membership.user_id);
}

reason roll_user_changed(struct op *op, struct txn *txn, const void *before, const void *after) {
    static const struct user nobody = {.created_at = 0};
    struct renamed renamed = {before != NULL ? before : &nobody, after != NULL ? after : &nobody};
    if (same_texts(renamed.before, renamed.after)) {
        return NULL;
    }
    struct key prefix = key_in(SPACE_MEMBERSHIP_OF);
    key_text(&prefix, after != NULL ? renamed.after->id : renamed.before->id);
    struct batch batch;
    TRY(batch_open(op, 8, prefix, &batch)); // a person is in a tenant or two
    batch.values = true;
    do {
        TRY(batch_next(op, txn, &batch));
        for (size_t i = 0; i < batch.count; i++) {
            TRY(rename_in(op, txn, &batch.at[i], &renamed));
        }
    } while (batch.more);
    return NULL;
}

// ---- a store that has none ----

static reason make_one(struct op *op, struct txn *txn, const struct key *key) {
    struct membership membership;
    bool found = false;
    TRY(entity_find(op, txn, &membership_entity, key, &membership, &found));
    if (!found) {
        return NULL;
    }
    // A pass that was run before a crash has counted it.
    struct member member = {.membership = membership};
    struct key row = row_key(&member, SLICE_NONE, ROLL_ID);
    struct slice there;
    TRY(txn_get(op, txn, key_slice(&row), &there));
    return there.at != NULL ? NULL : roll_member_changed(op, txn, NULL, &membership);
}

reason roll_make(struct op *op, struct txn *txn, void *arg) {
    return batch_pass(op, txn, arg, SPACE_MEMBERSHIP, ROLL_PASS, make_one);
}
