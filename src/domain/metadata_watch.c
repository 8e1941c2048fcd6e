// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of metadata_watch.h. What may apply by itself is decided in one function (judge): everything that it does
// not name waits.
#include "domain/metadata_watch.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"
#include "base/text.h"
#include "domain/connection_check.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/space.h"

#define DIFF_MAX 4096 // bytes of a stored diff; the whole of the change is in the proposal
#define DETAIL_MAX 1000
#define DOUBLINGS_MAX 5 // beyond METADATA_LOOK_MOST already
#define ADOPT_STEP 100 // connections in one write

const char *const metadata_outcome_names[] = {"same",    "renewed",  "applied", "pending",
                                              "waiting", "rejected", "failed",  NULL};

static const struct field watch_rows[] = {
    F_TEXT(struct metadata_watch, connection, 1, FIELD_PLAIN, 63),
    F_TIME(struct metadata_watch, checked_at, 2, FIELD_PLAIN),
    F_TIME(struct metadata_watch, next_at, 3, FIELD_PLAIN),
    F_NUMBER(struct metadata_watch, failures, 4, FIELD_PLAIN, 0, INT64_MAX),
    F_TEXT(struct metadata_watch, trouble, 5, FIELD_NULL, 64),
    F_TEXT(struct metadata_watch, trouble_detail, 6, FIELD_NULL | FIELD_LINES, DETAIL_MAX),
    F_TEXT(struct metadata_watch, change, 7, FIELD_NULL, METADATA_CHANGE_ID),
    F_TIME(struct metadata_watch, seen_at, 8, FIELD_PLAIN),
    F_BOOL(struct metadata_watch, alarm, 9, FIELD_PLAIN),
    F_TEXT(struct metadata_watch, diff, 10, FIELD_NULL, DIFF_MAX),
    F_STRUCT(struct metadata_watch, proposal, 11, FIELD_HIDDEN, idp_fields),
    F_TEXT(struct metadata_watch, rejected, 12, FIELD_HIDDEN, METADATA_CHANGE_ID),
};
FIELD_TABLE(metadata_watch_fields, "metadata watch", 1, struct metadata_watch, watch_rows);

static void watch_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_METADATA);
    key_text(ret_key, ((const struct metadata_watch *)row)->connection);
}

static bool watch_due_key(const void *row, struct key *ret_key) {
    const struct metadata_watch *watch = row;
    key_u64(ret_key, (uint64_t)watch->next_at);
    return watch->next_at > 0;
}
static const struct entity_index watch_indexes[] = {
    {SPACE_METADATA_DUE, false, NULL, watch_due_key}};
static const struct entity watch_entity = {.space = SPACE_METADATA,
                                           .fields = &metadata_watch_fields,
                                           .key = watch_key,
                                           .indexes = watch_indexes,
                                           .index_count = 1};

// ---- when ----

static int64_t next_look(const struct op *op, int64_t failures) {
    uint32_t chance = 0;
    int64_t wait = METADATA_LOOK_EVERY << (failures < DOUBLINGS_MAX ? failures : DOUBLINGS_MAX);
    rand_bytes(&chance, sizeof chance);
    return op->now + (wait < METADATA_LOOK_MOST ? wait : METADATA_LOOK_MOST) +
           chance % METADATA_LOOK_JITTER;
}

reason metadata_watch_reset(struct op *op, struct txn *txn, struct slice slug,
                            struct slice metadata_url) {
    struct metadata_watch watch = {.connection = slug, .next_at = next_look(op, 0)};
    if (metadata_url.len > 0) {
        return entity_put(op, txn, &watch_entity, &watch);
    }
    struct key key;
    bool there = false;
    watch_key(&watch, &key);
    return entity_remove(op, txn, &watch_entity, &key, &there);
}

reason metadata_watch_find(struct op *op, struct txn *txn, struct slice slug,
                           struct metadata_watch *ret_watch) {
    struct metadata_watch watch = {.connection = slug};
    struct key key;
    bool found = false;
    watch_key(&watch, &key);
    TRY(entity_find(op, txn, &watch_entity, &key, &watch, &found));
    *ret_watch = watch;
    return NULL;
}

reason metadata_watch_due(struct op *op, struct txn *txn, struct slice *ret_slug) {
    struct key prefix = key_in(SPACE_METADATA_DUE);
    const struct listing listing = {
        .entity = &watch_entity, .prefix = key_slice(&prefix), .index = true};
    struct rows rows = {NULL, 0};
    bool more = false;
    TRY(listing_read(op, txn, &listing, 1, &rows, &more));
    const struct metadata_watch *first = rows.at;
    *ret_slug = rows.count > 0 && first->next_at <= op->now ? first->connection : S("");
    return NULL;
}

reason metadata_watch_adopt(struct op *op, struct txn *txn, struct slice from,
                            struct slice *ret_next) {
    struct rows rows = {NULL, 0};
    struct slice next = S("");
    TRY(connection_list(op, txn, S(""), (struct page){ADOPT_STEP, from}, &rows, &next, NULL));
    const struct connection *connections = rows.at;
    for (size_t i = 0; i < rows.count; i++) {
        struct metadata_watch watch;
        TRY(metadata_watch_find(op, txn, connections[i].slug, &watch));
        if (connections[i].idp.metadata_url.len > 0 && watch.next_at == 0) {
            watch.next_at = op->now;
            TRY(entity_put(op, txn, &watch_entity, &watch));
        }
    }
    *ret_next = next;
    return NULL;
}

// ---- what changed ----

static bool has_certificate(struct rows certificates, struct slice sha256) {
    const struct certificate *rows = certificates.at;
    for (size_t i = 0; i < certificates.count; i++) {
        if (slice_equal(rows[i].sha256, sha256)) {
            return true;
        }
    }
    return false;
}

// Each of `some` is among `all`.
static bool within(struct rows some, struct rows all) {
    const struct certificate *rows = some.at;
    for (size_t i = 0; i < some.count; i++) {
        if (!has_certificate(all, rows[i].sha256)) {
            return false;
        }
    }
    return true;
}

static bool is_later(const struct idp *old, const struct idp *now) {
    return old->valid_until != 0 && now->valid_until > old->valid_until;
}

// Without what a look may change by itself: then the diff of two is what has to be approved.
static struct idp bare(const struct idp *idp) {
    struct idp rest = *idp;
    rest.certificates = (struct rows){NULL, 0};
    rest.valid_until = 0;
    rest.updated_at = 0;
    return rest;
}

enum judgement { JUDGED_SAME, JUDGED_RENEWED, JUDGED_ADDED, JUDGED_OTHER };

// An end that comes nearer, or where there was none, is an older document, or another publisher: it waits. One that
// falls away where there was one as well: nobody would notice that the trust has no end any more.
static enum judgement judge(struct op *op, const struct idp *old, const struct idp *now) {
    struct idp old_rest = bare(old);
    struct idp now_rest = bare(now);
    bool same_rest = slice_equal(idp_diff(op, &old_rest, &now_rest), S("nothing changed"));
    bool kept = within(old->certificates, now->certificates);
    bool added = !within(now->certificates, old->certificates);
    bool later = is_later(old, now);
    if (!same_rest || !kept || (old->valid_until != now->valid_until && !later)) {
        return JUDGED_OTHER;
    }
    return added ? JUDGED_ADDED : later ? JUDGED_RENEWED : JUDGED_SAME;
}

// A document that is signed anew each hour, for an hour more, is the same change at each look.
static reason change_id(struct op *op, const struct idp *old, const struct idp *now,
                        struct slice *ret_id) {
    struct idp plain = *now;
    struct slice bytes;
    plain.valid_until = is_later(old, now) ? 1 : now->valid_until;
    plain.updated_at = 0;
    TRY(record_put(op, &idp_fields, &plain, &bytes));
    struct sha256 digest = digest_sha256(bytes);
    struct slice hex;
    TRY(encode_hex(op, digest_slice(&digest), &hex));
    *ret_id = slice_sub(hex, 0, METADATA_CHANGE_ID);
    return NULL;
}

// ---- looking ----

static void settle(struct metadata_watch *watch) {
    watch->change = S("");
    watch->seen_at = 0;
    watch->alarm = false;
    watch->diff = S("");
    watch->proposal = (struct idp){.valid_until = 0};
}

struct look {
    struct op *op;
    struct txn *txn;
    const struct actor *actor;
    struct connection connection;
    struct metadata_watch watch;
};

static reason apply(struct look *look, const struct idp *idp, const char *event,
                    struct slice detail) {
    look->connection.idp = *idp;
    look->connection.idp.updated_at = look->op->now;
    settle(&look->watch);
    return connection_store(look->op, look->txn, look->actor, &look->connection, event, detail,
                            &look->connection);
}

static reason wait_for_approval(struct look *look, const struct idp *idp, bool alarm,
                                struct slice diff, int *ret_kind) {
    struct op *op = look->op;
    struct metadata_watch *watch = &look->watch;
    struct slice id;
    TRY(change_id(op, &look->connection.idp, idp, &id));
    if (slice_equal(id, watch->rejected)) {
        settle(watch);
        *ret_kind = METADATA_REJECTED;
        return NULL;
    }
    bool known = slice_equal(id, watch->change);
    watch->proposal = *idp;
    watch->diff = text_cut(diff, DIFF_MAX);
    watch->alarm = alarm;
    *ret_kind = known ? METADATA_WAITING : METADATA_PENDING;
    if (known) {
        return NULL;
    }
    watch->change = id;
    watch->seen_at = op->now;
    return audit_add(op, look->txn, look->actor, look->connection.tenant,
                     "sso.metadata_change_pending", look->connection.slug,
                     op_text(op, "change %.*s: %.*s", SLICE(id), SLICE(diff)));
}

static reason open_look(struct op *op, struct txn *txn, const struct actor *actor,
                        struct slice slug, struct look *ret_look) {
    *ret_look = (struct look){.op = op, .txn = txn, .actor = actor};
    TRY(connection_find(op, txn, slug, &ret_look->connection));
    TRY(metadata_watch_find(op, txn, slug, &ret_look->watch));
    ret_look->watch.checked_at = op->now;
    return NULL;
}

// What is stored and what came, both without what is distrusted.
static reason comparable(struct look *look, const struct idp *fetched, struct idp *ret_old,
                         struct idp *ret_now) {
    struct op *op = look->op;
    struct faults faults = faults_open(op, S(""));
    *ret_old = look->connection.idp;
    TRY(idp_check(&faults, fetched, ret_now));
    TRY(faults_end(&faults));
    TRY(connection_filter(op, &look->connection, ret_old->certificates, &ret_old->certificates));
    TRY(connection_filter(op, &look->connection, ret_now->certificates, &ret_now->certificates));
    ret_now->updated_at = 0;
    if (ret_now->certificates.count == 0) {
        REFUSE(op, METADATA_NO_CERTIFICATE, "each of its certificates is distrusted here");
    }
    return NULL;
}

reason metadata_watch_seen(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice slug, const struct idp *fetched,
                           struct metadata_outcome *ret_outcome) {
    struct look look;
    struct idp old;
    struct idp now;
    int kind = METADATA_SAME;
    TRY(open_look(op, txn, actor, slug, &look));
    if (!slice_equal(fetched->metadata_url, look.connection.idp.metadata_url)) {
        REFUSE(op, ILLEGAL_TRANSITION, "the identity provider was set anew meanwhile");
    }
    TRY(comparable(&look, fetched, &old, &now));
    struct slice diff = idp_diff(op, &old, &now);
    switch (judge(op, &old, &now)) {
    case JUDGED_SAME:
        settle(&look.watch);
        break;
    case JUDGED_RENEWED:
        kind = METADATA_RENEWED;
        TRY(apply(&look, &now, "sso.metadata_renewed", diff));
        break;
    case JUDGED_ADDED:
        if (look.connection.policy.metadata_changes == METADATA_AUTO) {
            kind = METADATA_APPLIED;
            TRY(apply(&look, &now, "sso.metadata_applied", diff));
        } else {
            TRY(wait_for_approval(&look, &now, false, diff, &kind));
        }
        break;
    case JUDGED_OTHER:
        TRY(wait_for_approval(&look, &now, true, diff, &kind));
        break;
    }
    look.watch.failures = 0;
    look.watch.trouble = S("");
    look.watch.trouble_detail = S("");
    look.watch.next_at = next_look(op, 0);
    TRY(entity_put(op, txn, &watch_entity, &look.watch));
    *ret_outcome = (struct metadata_outcome){kind, look.watch};
    return NULL;
}

// A change that waits goes on waiting: that nothing came says nothing about it.
reason metadata_watch_failed(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice slug, reason why, struct slice detail,
                             struct metadata_outcome *ret_outcome) {
    struct look look;
    struct slice slug_of_why = slice_str(why->slug);
    TRY(open_look(op, txn, actor, slug, &look));
    struct metadata_watch *watch = &look.watch;
    if (!slice_equal(watch->trouble, slug_of_why)) {
        TRY(audit_add(op, txn, actor, look.connection.tenant, "sso.metadata_refresh_failed", slug,
                      op_text(op, "%s: %.*s", why->slug, SLICE(detail))));
    }
    watch->failures++;
    watch->trouble = slug_of_why;
    watch->trouble_detail = text_cut(detail, DETAIL_MAX);
    watch->alarm = watch->alarm || why == REASON_OF(METADATA_SIGNATURE);
    watch->next_at = look.connection.idp.metadata_url.len > 0 ? next_look(op, watch->failures) : 0;
    TRY(entity_put(op, txn, &watch_entity, watch));
    *ret_outcome = (struct metadata_outcome){METADATA_FAILED, *watch};
    return NULL;
}

// ---- deciding ----

static reason find_change(struct look *look, struct slice change) {
    if (look->watch.change.len == 0) {
        REFUSE(look->op, ILLEGAL_TRANSITION, "no change of the metadata waits for approval");
    }
    if (!slice_equal(look->watch.change, change)) {
        REFUSE(look->op, ILLEGAL_TRANSITION,
               "the change that waits is %.*s by now: look at it first", SLICE(look->watch.change));
    }
    return NULL;
}

reason metadata_watch_approve(struct op *op, struct txn *txn, const struct actor *actor,
                              struct slice slug, struct slice change,
                              struct connection *ret_connection) {
    struct look look;
    TRY(open_look(op, txn, actor, slug, &look));
    TRY(find_change(&look, change));
    int64_t until = look.watch.proposal.valid_until;
    if (until != 0 && until <= op->now) {
        REFUSE(op, METADATA_EXPIRED, "what waits has ended meanwhile: fetch the metadata anew");
    }
    struct slice diff = look.watch.diff;
    TRY(connection_set_idp(op, txn, actor, slug, &look.watch.proposal, ret_connection));
    return audit_add(op, txn, actor, look.connection.tenant, "sso.metadata_change_approved", slug,
                     op_text(op, "change %.*s: %.*s", SLICE(change), SLICE(diff)));
}

reason metadata_watch_reject(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice slug, struct slice change,
                             struct metadata_watch *ret_watch) {
    struct look look;
    TRY(open_look(op, txn, actor, slug, &look));
    TRY(find_change(&look, change));
    TRY(audit_add(op, txn, actor, look.connection.tenant, "sso.metadata_change_rejected", slug,
                  op_text(op, "change %.*s: %.*s", SLICE(change), SLICE(look.watch.diff))));
    look.watch.rejected = look.watch.change;
    settle(&look.watch);
    TRY(entity_put(op, txn, &watch_entity, &look.watch));
    *ret_watch = look.watch;
    return NULL;
}
