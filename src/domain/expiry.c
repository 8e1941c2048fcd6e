// SPDX-License-Identifier: GPL-3.0-or-later
// What was told stands in a row under the time when the certificate ends, so that it is swept from
// the front.
#include "domain/expiry.h"

#include "base/digest.h"
#include "domain/holder.h"
#include "domain/keep.h"
#include "domain/outbox.h"
#include "domain/space.h"
#include "domain/timekey.h"

static const int64_t levels[] = {30, 14, 7, 1}; // days before the end
#define LEVELS ((int)(sizeof levels / sizeof levels[0]))
#define NAME_BYTES 16 // of a digest, in the key

struct notice {
    struct slice connection, sha256;
    int64_t ends_at;
    int64_t level; // the last one that was told
};
static const struct field notice_rows[] = {
    F_TEXT(struct notice, connection, 1, FIELD_HIDDEN, 63),
    F_TEXT(struct notice, sha256, 2, FIELD_HIDDEN, 64),
    F_TIME(struct notice, ends_at, 3, FIELD_HIDDEN),
    F_NUMBER(struct notice, level, 4, FIELD_HIDDEN, 0, LEVELS),
};
static FIELD_TABLE(notice_fields, "certificate notice", 1, struct notice, notice_rows);

static void notice_key(const void *row, struct key *ret_key) {
    const struct notice *notice = row;
    const struct slice parts[] = {notice->connection, notice->sha256};
    struct sha256 digest = digest_parts(parts, 2);
    uint32_t minute = 0;
    key_open(ret_key, SPACE_EXPIRY);
    ret_key->broken = !timekey_minute(notice->ends_at, &minute);
    key_u32(ret_key, minute);
    key_bytes(ret_key, slice_sub(digest_slice(&digest), 0, NAME_BYTES));
}
const struct entity expiry_entity = {
    .space = SPACE_EXPIRY, .fields = &notice_fields, .key = notice_key};

int expiry_level(const struct certificate *certificate, int64_t now) {
    int level = 0;
    if (certificate->key_only || certificate->not_after <= now) {
        return 0;
    }
    while (level < LEVELS && certificate->not_after - now <= levels[level] * DAY_MS) {
        level++;
    }
    return level;
}

static reason look(struct op *op, struct txn *txn, const struct expiring *expiring,
                   struct notice *ret_notice, bool *ret_news) {
    const struct certificate *certificate = expiring->certificate;
    int level = expiry_level(certificate, op->now);
    struct notice notice = {.connection = expiring->connection->slug,
                            .sha256 = certificate->sha256,
                            .ends_at = certificate->not_after};
    struct key key;
    bool found = false;
    *ret_news = false;
    if (level == 0 || connection_distrusts(expiring->connection, certificate)) {
        return NULL;
    }
    notice_key(&notice, &key);
    TRY(entity_find(op, txn, &expiry_entity, &key, &notice, &found));
    *ret_news = !found || notice.level < level;
    notice.level = level;
    *ret_notice = notice;
    return NULL;
}

reason expiry_is_news(struct op *op, struct txn *txn, const struct expiring *expiring,
                      bool *ret_news) {
    struct notice notice;
    return look(op, txn, expiring, &notice, ret_news);
}

// "1 day", "12 days": as many as are begun.
static struct slice days_left(struct op *op, const struct certificate *certificate) {
    int64_t days = (certificate->not_after - op->now + DAY_MS - 1) / DAY_MS;
    return op_text(op, "%lld day%s", (long long)days, days == 1 ? "" : "s");
}

static reason write_to(struct op *op, struct txn *txn, const struct expiring *expiring,
                       const struct user *user) {
    const struct certificate *certificate = expiring->certificate;
    struct letter letter = {.kind = LETTER_CERTIFICATE_EXPIRING,
                            .tenant = expiring->connection->tenant,
                            .to = user->email,
                            .user_id = user->id};
    TRY(letter_value(op, &letter, "what",
                     expiring->ours ? S("Our own certificate")
                                    : S("A certificate of the identity provider")));
    TRY(letter_value(op, &letter, "ours", expiring->ours ? S("yes") : S("")));
    TRY(letter_value(op, &letter, "connection", expiring->connection->slug));
    TRY(letter_value(op, &letter, "subject", certificate->subject));
    TRY(letter_value(op, &letter, "fingerprint", certificate->sha256));
    TRY(letter_value(op, &letter, "days", days_left(op, certificate)));
    TRY(letter_time(op, &letter, "expires", certificate->not_after));
    return outbox_add(op, txn, &letter);
}

reason expiry_tell(struct op *op, struct txn *txn, const struct expiring *expiring, bool *ret_news,
                   size_t *ret_told) {
    const struct actor janitor = {.kind = ACTOR_SYSTEM, .id = S("gatehouse")};
    struct notice notice;
    struct rows holders = {NULL, 0};
    *ret_told = 0;
    TRY(look(op, txn, expiring, &notice, ret_news));
    if (!*ret_news) {
        return NULL;
    }
    struct slice tenant = expiring->connection->tenant;
    TRY(holder_list(op, txn, tenant, "sso:manage", HOLDERS_WRITTEN_MAX, &holders));
    for (size_t i = 0; i < holders.count; i++) {
        TRY(write_to(op, txn, expiring, &((const struct member *)holders.at)[i].user));
    }
    *ret_told = holders.count;
    TRY(entity_put(op, txn, &expiry_entity, &notice));
    return audit_add(op, txn, &janitor, tenant, "sso.certificate_expiring",
                     expiring->connection->slug,
                     op_text(op, "%s %.*s ends in %.*s; %zu were told",
                             expiring->ours ? "our" : "the identity provider's",
                             SLICE(slice_sub(notice.sha256, 0, 16)),
                             SLICE(days_left(op, expiring->certificate)), holders.count));
}
