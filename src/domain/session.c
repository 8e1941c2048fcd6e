// SPDX-License-Identifier: GPL-3.0-or-later
// Sessions: made after a login, found by the cookie's text or by their public id, ended. What a
// session may do is read anew each time from the membership and the tenant's roles. Old ones go in
// sweep.c.
#include "base/digest.h"
#include "base/encode.h"
#include "base/metric.h"
#include "base/rand.h"
#include "domain/batch.h"
#include "domain/connection.h"
#include "domain/keep.h"
#include "domain/session_parts.h"
#include "domain/space.h"

static const struct field session_rows[] = {
    F_TEXT(struct session, id, 1, FIELD_OUTPUT, 64),
    F_TEXT(struct session, tenant, 2, FIELD_OUTPUT, 63),
    F_TEXT(struct session, user_id, 3, FIELD_OUTPUT, 64),
    F_TEXT(struct session, connection, 4, FIELD_OUTPUT, 63),
    F_TEXT(struct session, name_id, 5, FIELD_OUTPUT | FIELD_LINES, SESSION_TEXT_MAX),
    F_TEXT(struct session, name_id_format, 6, FIELD_OUTPUT | FIELD_LINES, SESSION_TEXT_MAX),
    F_TEXT(struct session, name_qualifier, 7, FIELD_OUTPUT | FIELD_LINES, SESSION_TEXT_MAX),
    F_TEXT(struct session, sp_name_qualifier, 8, FIELD_OUTPUT | FIELD_LINES, SESSION_TEXT_MAX),
    F_TEXT(struct session, session_index, 9, FIELD_OUTPUT | FIELD_LINES, SESSION_TEXT_MAX),
    F_TEXT(struct session, authn_context, 10, FIELD_OUTPUT | FIELD_LINES, SESSION_TEXT_MAX),
    F_TIME(struct session, authenticated_at, 11, FIELD_OUTPUT),
    F_TIME(struct session, created_at, 12, FIELD_OUTPUT),
    F_TIME(struct session, expires_at, 13, FIELD_OUTPUT),
    F_TEXT(struct session, sp_provided_id, 14, FIELD_OUTPUT | FIELD_LINES, SESSION_TEXT_MAX),
    F_BOOL(struct session, by_link, 15, FIELD_HIDDEN),
};
FIELD_TABLE(session_fields, "session", 3, struct session, session_rows);

#define SESSION_PART 2         // bytes: when in its minute it ends, 1/65536 of it
#define SESSION_NAMED_BYTES 16 // of a digest: enough that nobody finds two NameIDs that meet

static void session_key(const void *row, struct key *ret_key) {
    struct timekey timekey;
    key_open(ret_key, SPACE_SESSION);
    if (timekey_parse(S(SESSION_ID), ((const struct session *)row)->id, &timekey)) {
        key_bytes(ret_key, timekey_slice(&timekey));
    } else {
        ret_key->broken = true;
    }
}

// A sign-out message of the IdP names a NameID, of whatever length: only its digest fits a key.
static void key_named(struct slice connection, struct slice name_id, struct key *key) {
    struct slice parts[] = {connection, name_id};
    struct sha256 digest = digest_parts(parts, 2);
    key_bytes(key, slice_of(digest.bytes, SESSION_NAMED_BYTES));
}

static bool session_named_key(const void *row, struct key *ret_key) {
    const struct session *session = row;
    struct timekey timekey;
    if (session->name_id.len == 0 || session->by_link ||
        !timekey_parse(S(SESSION_ID), session->id, &timekey)) {
        return false;
    }
    key_open(ret_key, SPACE_SESSION_NAMED);
    key_named(session->connection, session->name_id, ret_key);
    key_bytes(ret_key, timekey_slice(&timekey));
    return true;
}

static const struct entity_index session_indexes[] = {
    {SPACE_SESSION_NAMED, true, NULL, session_named_key}};
const struct entity session_entity = {.space = SPACE_SESSION,
                                      .fields = &session_fields,
                                      .key = session_key,
                                      .indexes = session_indexes,
                                      .index_count = 1,
                                      .changed = session_listed};

// ---- making ----

static struct timekey timekey_of_secret(const uint8_t secret[SESSION_SECRET]) {
    struct sha256 digest = digest_sha256(slice_of(secret, SESSION_SECRET));
    uint32_t minute = (uint32_t)secret[0] << 24 | (uint32_t)secret[1] << 16 |
                      (uint32_t)secret[2] << 8 | (uint32_t)secret[3];
    // Sessions that are made one after the other stand so: their rows share pages.
    memcpy(digest.bytes, secret + 4, SESSION_PART);
    return timekey_make(minute, digest.bytes);
}

reason session_add(struct op *op, struct txn *txn, struct session *session,
                   struct slice *ret_cookie) {
    uint32_t minute;
    if (session->expires_at <= op->now || !timekey_minute(session->expires_at, &minute)) {
        REFUSE(op, INTERNAL, "a session must end in the future");
    }
    uint8_t secret[SESSION_SECRET];
    for (unsigned i = 0; i < 4; i++) {
        secret[i] = (uint8_t)(minute >> (24 - 8 * i));
    }
    uint64_t part = (uint64_t)((session->expires_at - 1) % MINUTE_MS) * 65536 / MINUTE_MS;
    secret[4] = (uint8_t)(part >> 8);
    secret[5] = (uint8_t)part;
    rand_bytes(secret + 4 + SESSION_PART, sizeof secret - 4 - SESSION_PART);
    struct timekey timekey = timekey_of_secret(secret);
    struct slice cookie;
    reason why = encode_base64url(op, slice_of(secret, sizeof secret), &cookie);
    explicit_bzero(secret, sizeof secret);
    TRY(why);
    TRY(timekey_print(op, S(SESSION_ID), &timekey, &session->id));
    session->created_at = op->now;
    bool added = false;
    TRY(entity_add(op, txn, &session_entity, session, &added));
    if (!added) {
        REFUSE(op, INTERNAL, "a session with this id exists already");
    }
    *ret_cookie = cookie;
    return NULL;
}

// ---- finding ----

static reason no_session(struct op *op, const char *why) {
    REFUSE(op, UNAUTHENTICATED, "%s", why);
}

// A locked membership may sign in and keeps its session: locking is about passwords.
// What is time-bound is over at its time, also when the janitor has not been there yet.
static bool is_alive(const struct membership *membership, int64_t now) {
    return (membership->status == MEMBER_ACTIVE || membership->status == MEMBER_LOCKED) &&
           (membership->expires_at == 0 || now < membership->expires_at);
}

static reason check_tenant(struct op *op, struct txn *txn, struct slice slug,
                           struct tenant *ret_home) {
    reason why = tenant_find(op, txn, slug, ret_home);
    if (why == REASON_OF(NOT_FOUND) || (why == NULL && ret_home->disabled)) {
        return no_session(op, "the tenant of this session is disabled or gone");
    }
    return why;
}

// A session is worth what its connection is: one that was switched off, or taken away, vouches for
// nobody any more.
static reason check_connection(struct op *op, struct txn *txn, const struct session *session) {
    bool vouches = session->connection.len == 0; // no identity provider made it
    if (!vouches) {
        TRY(connection_vouches(op, txn, session->connection, session->created_at, &vouches));
    }
    return vouches ? NULL
                   : no_session(
                         op, "the connection of this session is gone, or was switched off since");
}

static reason view(struct op *op, struct txn *txn, const struct timekey *timekey,
                   struct session_view *ret_view) {
    struct session_view made;
    struct tenant home;
    struct key key = key_in(SPACE_SESSION);
    key_bytes(&key, timekey_slice(timekey));
    bool found = false;
    TRY(entity_find(op, txn, &session_entity, &key, &made.session, &found));
    if (!found) {
        return no_session(op, "there is no such session");
    }
    if (op->now >= made.session.expires_at) {
        return no_session(op, "the session has expired");
    }
    TRY(check_tenant(op, txn, made.session.tenant, &home));
    TRY(check_connection(op, txn, &made.session));
    TRY(membership_find(op, txn, made.session.tenant, made.session.user_id, &made.membership,
                        &found));
    if (!found || !is_alive(&made.membership, op->now)) {
        return no_session(op, "the membership of this session is not active");
    }
    TRY(visit_find(op, txn, made.session.tenant, made.session.user_id, &made.visit));
    reason why = user_find(op, txn, made.session.user_id, &made.user);
    if (why == REASON_OF(NOT_FOUND)) {
        return no_session(op, "the user of this session is gone");
    }
    TRY(why);
    TRY(membership_roles(op, &made.membership, &made.roles));
    made.rv = made.membership.rv + home.roles_version;
    TRY(role_permissions_in(op, txn, &home, made.roles, &made.permissions));
    *ret_view = made;
    return NULL;
}

reason session_find_by_cookie(struct op *op, struct txn *txn, struct slice cookie,
                              struct session_view *ret_view) {
    struct slice secret;
    if (cookie.len != SESSION_COOKIE || !decode_base64url(op, cookie, &secret) ||
        secret.len != SESSION_SECRET) {
        return no_session(op, "the session cookie is not one of ours");
    }
    uint8_t bytes[SESSION_SECRET];
    memcpy(bytes, secret.at, sizeof bytes);
    struct timekey timekey = timekey_of_secret(bytes);
    explicit_bzero(bytes, sizeof bytes);
    return view(op, txn, &timekey, ret_view);
}

reason session_find(struct op *op, struct txn *txn, struct slice id,
                    struct session_view *ret_view) {
    struct timekey timekey;
    if (!timekey_parse(S(SESSION_ID), id, &timekey)) {
        return no_session(op, "this is no session id");
    }
    return view(op, txn, &timekey, ret_view);
}

// ---- ending ----

static reason end_found(struct op *op, struct txn *txn, const struct actor *actor,
                        const struct session *session) {
    struct key key;
    session_key(session, &key);
    bool there = false;
    TRY(entity_remove(op, txn, &session_entity, &key, &there));
    if (there) {
        metric_add(METRIC_SESSIONS_ENDED,
                   1); // once more if the transaction runs again: a rough figure
    }
    return audit_add(op, txn, actor, session->tenant, "session.revoked", session->user_id,
                     session->id);
}

reason session_end(struct op *op, struct txn *txn, const struct actor *actor, struct slice id,
                   bool *ret_there) {
    struct session session = {.id = id};
    struct key key;
    session_key(&session, &key);
    bool found = false;
    if (!key.broken) {
        TRY(entity_find(op, txn, &session_entity, &key, &session, &found));
    }
    if (found) {
        TRY(end_found(op, txn, actor, &session));
    }
    *ret_there = found;
    return NULL;
}

reason session_make_room(struct op *op, struct txn *txn, const struct actor *actor,
                         struct slice user_id) {
    struct session session;
    struct key first;
    bool full = false;
    bool found = false;
    TRY(session_list_full(op, txn, user_id, &full, &first));
    if (!full) {
        return NULL;
    }
    TRY(entity_find(op, txn, &session_entity, &first, &session, &found));
    return found ? end_found(op, txn, actor, &session) : NULL;
}

// Calls `each` for the sessions of a user in a tenant. Each is read into memory of its own.
struct walk {
    struct slice name_id; // "" = any
    bool by_link;         // only such
    struct slice tenant, connection;
    const struct actor *actor;
    struct session *at; // what session_list gives
    size_t count, room;
};
typedef reason (*walk_fn)(struct op *op, struct op *scratch, struct txn *txn, struct walk *walk,
                          const struct key *key);

// In memory of its own.
static reason walk_some(struct op *op, struct txn *txn, const struct key *keys, size_t count,
                        struct walk *walk, walk_fn each) {
    struct op scratch;
    reason why = NULL;
    op_open(&scratch, op->now);
    for (size_t i = 0; i < count && why == NULL; i++) {
        why = each(op, &scratch, txn, walk, &keys[i]);
    }
    if (why != NULL && scratch.detail.len > 0) {
        op->detail = op_text(op, "%.*s", SLICE(scratch.detail));
    }
    op_close(&scratch);
    return why;
}

static reason walk_index(struct op *op, struct txn *txn, struct key prefix, struct walk *walk,
                         walk_fn each) {
    struct batch batch;
    TRY(batch_open(op, BATCH_ROOM, prefix, &batch));
    batch.values = true;
    do {
        TRY(batch_next(op, txn, &batch));
        TRY(walk_some(op, txn, batch.at, batch.count, walk, each));
    } while (batch.more);
    return NULL;
}

// tenant "" = any.
static reason walk_user(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                        struct walk *walk, walk_fn each) {
    struct slice keys;
    struct key *some = NULL;
    TRY(session_list_keys(op, txn, tenant, user_id, &keys));
    TRY(op_take(op, BATCH_ROOM * sizeof *some, &some));
    for (size_t at = 0; at < keys.len;) {
        size_t count = 0;
        for (; count < BATCH_ROOM && at < keys.len; at += TIMEKEY_BYTES) {
            some[count++] = session_at(slice_sub(keys, at, at + TIMEKEY_BYTES));
        }
        TRY(walk_some(op, txn, some, count, walk, each));
    }
    return NULL;
}

static reason read_one(struct op *scratch, struct txn *txn, const struct walk *walk,
                       const struct key *key, struct session *ret_session, bool *ret_match) {
    bool found = false;
    TRY(entity_find(scratch, txn, &session_entity, key, ret_session, &found));
    *ret_match =
        found && (walk->tenant.len == 0 || slice_equal(ret_session->tenant, walk->tenant)) &&
        (walk->name_id.len == 0 || slice_equal(ret_session->name_id, walk->name_id)) &&
        (!walk->by_link || ret_session->by_link) &&
        (walk->connection.len == 0 || slice_equal(ret_session->connection, walk->connection));
    return NULL;
}

static reason list_one(struct op *op, struct op *scratch, struct txn *txn, struct walk *walk,
                       const struct key *key) {
    struct session session;
    bool match = false;
    TRY(read_one(scratch, txn, walk, key, &session, &match));
    if (!match) {
        return NULL;
    }
    if (walk->count == walk->room) {
        size_t room = walk->room == 0 ? 16 : walk->room * 2;
        struct session *bigger = NULL;
        TRY(op_take(op, room * sizeof *bigger, &bigger));
        if (walk->count > 0) {
            memcpy(bigger, walk->at, walk->count * sizeof *bigger);
        }
        walk->at = bigger;
        walk->room = room;
    }
    bool found = false;
    TRY(entity_find(op, txn, &session_entity, key, &walk->at[walk->count], &found));
    walk->count += found ? 1 : 0;
    return NULL;
}

static reason end_one(struct op *op, struct op *scratch, struct txn *txn, struct walk *walk,
                      const struct key *key) {
    (void)op;
    struct session session;
    bool match = false;
    TRY(read_one(scratch, txn, walk, key, &session, &match));
    if (match) {
        TRY(end_found(scratch, txn, walk->actor, &session));
        walk->count++;
    }
    return NULL;
}

reason session_list(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                    struct slice connection, struct rows *ret) {
    struct walk walk = {.tenant = tenant, .connection = connection};
    TRY(walk_user(op, txn, tenant, user_id, &walk, list_one));
    *ret = (struct rows){walk.at, walk.count};
    return NULL;
}

// Those whose NameID is what their user is linked by: they have no row under the NameID.
static reason walk_linked(struct op *op, struct txn *txn, struct walk *walk) {
    struct slice parts[] = {walk->connection, walk->name_id};
    struct sha256 digest = digest_parts(parts, 2);
    struct link link = {.key = digest_slice(&digest)};
    struct key key;
    bool found = false;
    link_entity.key(&link, &key);
    TRY(entity_find(op, txn, &link_entity, &key, &link, &found));
    walk->by_link = true;
    return found ? walk_user(op, txn, S(""), link.user_id, walk, list_one) : NULL;
}

reason session_list_by_name_id(struct op *op, struct txn *txn, struct slice connection,
                               struct slice name_id, struct rows *ret_sessions) {
    struct walk walk = {.connection = connection, .name_id = name_id};
    struct key prefix = key_in(SPACE_SESSION_NAMED);
    if (connection.len == 0 || name_id.len == 0) {
        REFUSE(op, INTERNAL, "sessions are looked up by a connection and a NameID");
    }
    key_named(connection, name_id, &prefix);
    TRY(walk_index(op, txn, prefix, &walk, list_one));
    TRY(walk_linked(op, txn, &walk));
    *ret_sessions = (struct rows){walk.at, walk.count};
    return NULL;
}

reason session_end_all(struct op *op, struct txn *txn, const struct actor *actor,
                       struct slice tenant, struct slice user_id, size_t *ret_count) {
    struct walk walk = {.tenant = tenant, .actor = actor};
    TRY(walk_user(op, txn, tenant, user_id, &walk, end_one));
    *ret_count = walk.count;
    return NULL;
}
