// SPDX-License-Identifier: GPL-3.0-or-later
// What the clock does to members, for the janitor: reminders of invitations, the end of time-bound memberships, news of those
// who came in by themselves, and the removal of what is personal of those who were deleted long enough ago. The index of
// memberships by when they are due says whose turn it is, so that nothing is read that is not.
#include "domain/audit_chain.h"
#include "domain/batch.h"
#include "domain/account.h"
#include "domain/listing.h"
#include "domain/member_parts.h"
#include "domain/space.h"

#define NEWS_NAMED 10 // people whose names one letter has; of more it says how many

static const struct actor janitor = {.kind = ACTOR_SYSTEM, .id = {"gatehouse", 9}};

// Who came in by themselves, of one tenant at a time.
struct news {
    struct slice tenant;
    struct slice who;
    size_t count;
};

static bool is_due(struct slice key, int64_t limit) {
    struct slice rest = slice_sub(key, 1, key.len);
    uint64_t due = 0;
    return key_read_u64(&rest, &due) && due <= (uint64_t)limit;
}

// ---- reminders ----

static reason remind(struct op *op, struct txn *txn, struct member *member) {
    struct membership *membership = &member->membership;
    struct tenant_settings settings;
    struct letter letter = {.kind = LETTER_INVITE_REMINDER,
                            .tenant = membership->tenant,
                            .to = member->user.email,
                            .user_id = member->user.id};
    membership->reminded_at = op->now;
    TRY(tenant_settings_find(op, txn, membership->tenant, &settings));
    if (settings.mail_admin_notices && membership->invite_expires_at > op->now) {
        struct ticket ticket = {.purpose = TICKET_INVITE,
                                .tenant = membership->tenant,
                                .user_id = membership->user_id};
        TRY(ticket_issue(op, txn, &ticket, membership->invite_expires_at - op->now));
        letter.ticket_id = ticket.id;
        TRY(letter_time(op, &letter, "expires", membership->invite_expires_at));
        TRY(outbox_add(op, txn, &letter));
    }
    return entity_put(op, txn, &membership_entity, membership);
}

// ---- what is left of the deleted ----

static reason remove_links(struct op *op, struct txn *txn, struct slice user_id) {
    struct key prefix = key_in(SPACE_LINK_OF);
    struct batch batch;
    key_text(&prefix, user_id);
    TRY(batch_open(op, BATCH_ROOM, prefix, &batch));
    batch.values = true;
    do {
        TRY(batch_next(op, txn, &batch));
        for (size_t i = 0; i < batch.count; i++) {
            bool there = false;
            TRY(entity_remove(op, txn, &link_entity, &batch.at[i], &there));
        }
    } while (batch.more);
    return NULL;
}

// The membership goes; with the last one of a person, all that is known of the person.
static reason erase(struct op *op, struct txn *txn, struct membership *membership) {
    struct membership before = *membership;
    struct key key;
    struct key others = key_in(SPACE_MEMBERSHIP_OF);
    bool there = false;
    size_t count = 0;
    membership->grants = (struct rows){NULL, 0}; // so that nothing lists it any more
    TRY(membership_store(op, txn, &janitor, &before, membership));
    membership_entity.key(membership, &key);
    struct user user;
    TRY(user_find(op, txn, membership->user_id, &user));
    TRY(audit_erase_later(op, txn, membership->tenant, user.id, user.email));
    TRY(entity_remove(op, txn, &membership_entity, &key, &there));
    TRY(outbox_forget(op, txn, membership->tenant, membership->user_id));
    key_text(&others, membership->user_id);
    TRY(listing_count(op, txn, key_slice(&others), &count));
    if (count == 0) {
        user_entity.key(&(struct user){.id = membership->user_id}, &key);
        TRY(remove_links(op, txn, membership->user_id));
        TRY(ticket_revoke(op, txn, S(""), membership->user_id));
        TRY(account_remove(op, txn, membership->user_id));
        TRY(entity_remove(op, txn, &user_entity, &key, &there));
    }
    return audit_add(op, txn, &janitor, membership->tenant, "user.erased", membership->user_id,
                     count == 0 ? S("all that was personal") : S("the membership"));
}

// ---- news ----

static reason tell(struct op *op, struct txn *txn, struct news *news) {
    struct tenant_settings settings;
    struct letter letter = {.kind = LETTER_JIT_NOTICE, .tenant = news->tenant};
    if (news->count == 0) {
        return NULL;
    }
    struct slice who = news->who;
    if (news->count > NEWS_NAMED) {
        who = op_text(op, "%.*s and %zu more", SLICE(who), news->count - NEWS_NAMED);
    }
    news->count = 0;
    TRY(tenant_settings_find(op, txn, news->tenant, &settings));
    TRY(letter_value(op, &letter, "who", who));
    return member_tell_administrators(op, txn, &settings, &letter);
}

static reason note(struct op *op, struct txn *txn, struct member *member, struct news *news) {
    if (!slice_equal(news->tenant, member->membership.tenant)) {
        TRY(tell(op, txn, news));
        *news = (struct news){.tenant = member->membership.tenant};
    }
    if (news->count < NEWS_NAMED) {
        news->who = op_text(op, "%.*s%s%.*s", SLICE(news->who), news->count > 0 ? ", " : "",
                            SLICE(member_words(op, &member->user)));
    }
    news->count++;
    member->membership.notice_at = 0;
    return entity_put(op, txn, &membership_entity, &member->membership);
}

// ---- one at a time ----

static reason handle(struct op *op, struct txn *txn, struct member *member, struct news *news) {
    struct membership *membership = &member->membership;
    if (membership->status == MEMBER_DELETED) {
        return erase(op, txn, membership);
    }
    if (membership_ended(membership, op->now) && membership->status != MEMBER_DISABLED) {
        const struct happening happening = {.event = LIFE_END,
                                            .reason = S("the access was given until now")};
        return member_let(op, txn, &janitor, member, &happening);
    }
    return membership->notice_at > 0 ? note(op, txn, member, news) : remind(op, txn, member);
}

static reason look_at(struct op *op, struct txn *txn, const struct key *key, struct news *news) {
    struct member member = {.visit = {.last = 0}}; // nothing here asks for it
    bool found = false;
    bool there = false;
    TRY(entity_find(op, txn, &membership_entity, key, &member.membership, &found));
    if (!found) {
        return NULL;
    }
    reason why = user_find(op, txn, member.membership.user_id, &member.user);
    if (why == REASON_OF(NOT_FOUND)) {
        return entity_remove(op, txn, &membership_entity, key, &there);
    }
    TRY(why);
    return handle(op, txn, &member, news);
}

reason member_due(struct op *op, struct txn *txn, size_t most, bool *ret_more) {
    struct batch batch;
    struct news news = {.count = 0};
    TRY(batch_open(op, most, key_in(SPACE_MEMBER_DUE), &batch));
    batch.values = true;
    batch.wanted = is_due;
    batch.limit = op->now;
    TRY(batch_next(op, txn, &batch));
    for (size_t i = 0; i < batch.count; i++) {
        TRY(look_at(op, txn, &batch.at[i], &news));
    }
    TRY(tell(op, txn, &news));
    *ret_more = batch.more;
    return NULL;
}
