// SPDX-License-Identifier: GPL-3.0-or-later
// A row for each code, and another for what it was changed into: the row of a code goes soon, that of a session's tokens with
// the session. Each is swept by the minute that its key begins with.
#include "domain/authorization.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"
#include "base/uri.h"
#include "domain/batch.h"
#include "domain/space.h"
#include "domain/timekey.h"

#define SCOPE_TEXT_MAX 64
#define GENERATION_BYTES 4
#define REFRESH_BYTES (TIMEKEY_BYTES + GENERATION_BYTES + SHA256_BYTES)
#define REFRESH_TEXT 75 // base64url of them

static const struct field authorization_rows[] = {
    F_TEXT(struct authorization, id, 1, FIELD_OUTPUT, 64),
    F_TEXT(struct authorization, application, 2, FIELD_OUTPUT, 64),
    F_TEXT(struct authorization, session, 3, FIELD_OUTPUT, 64),
    F_TEXT(struct authorization, tenant, 4, FIELD_OUTPUT, 63),
    F_TEXT(struct authorization, user_id, 5, FIELD_OUTPUT, 64),
    F_TEXT(struct authorization, redirect_uri, 6, FIELD_OUTPUT, URI_MAX),
    F_TEXT(struct authorization, challenge, 7, FIELD_HIDDEN, CHALLENGE_TEXT),
    F_TEXT(struct authorization, nonce, 8, FIELD_HIDDEN, NONCE_MAX),
    F_TEXT(struct authorization, scope, 9, FIELD_OUTPUT, SCOPE_TEXT_MAX),
    F_TIME(struct authorization, created_at, 10, FIELD_OUTPUT),
    F_TIME(struct authorization, expires_at, 11, FIELD_OUTPUT),
    F_NUMBER(struct authorization, generation, 12, FIELD_OUTPUT, 0, UINT32_MAX),
    F_TIME(struct authorization, rotated_at, 13, FIELD_OUTPUT),
    F_BOOL(struct authorization, used, 14, FIELD_OUTPUT),
    F_TEXT(struct authorization, successor, 15, FIELD_OUTPUT, 64),
};
static FIELD_TABLE(authorization_fields, "authorization", 1, struct authorization,
                   authorization_rows);

static struct key key_of(const struct timekey *timekey) {
    struct key key = key_in(SPACE_AUTHORIZATION);
    key_bytes(&key, timekey_slice(timekey));
    return key;
}
static void authorization_key(const void *row, struct key *ret_key) {
    struct timekey timekey;
    if (timekey_parse(S(AUTHORIZATION_ID), ((const struct authorization *)row)->id, &timekey)) {
        *ret_key = key_of(&timekey);
    } else {
        key_open(ret_key, SPACE_AUTHORIZATION);
        ret_key->broken = true;
    }
}

static struct key key_of_grants(struct slice session, struct slice application) {
    struct key key = key_in(SPACE_AUTHORIZATION_OF);
    key_text(&key, session);
    key_text(&key, application);
    return key;
}
static bool authorization_of_key(const void *row, struct key *ret_key) {
    const struct authorization *authorization = row;
    *ret_key = key_of_grants(authorization->session, authorization->application);
    return authorization->generation > 0;
}
static const struct entity_index authorization_indexes[] = {
    {SPACE_AUTHORIZATION_OF, false, NULL, authorization_of_key},
};
const struct entity authorization_entity = {
    .space = SPACE_AUTHORIZATION,
    .fields = &authorization_fields,
    .key = authorization_key,
    .indexes = authorization_indexes,
    .index_count = sizeof authorization_indexes / sizeof authorization_indexes[0],
};

static reason make_id(struct op *op, int64_t kept_until, struct timekey *ret_key,
                      struct slice *ret_id) {
    uint32_t minute;
    uint8_t chance[16];
    if (!timekey_minute(kept_until, &minute)) {
        REFUSE(op, INTERNAL, "the clock is outside what can be stored");
    }
    rand_bytes(chance, sizeof chance);
    *ret_key = timekey_make(minute, chance);
    return timekey_print(op, S(AUTHORIZATION_ID), ret_key, ret_id);
}

// ---- the texts ----

// What is signed says what it is, so that no code is taken for a token, nor either for a link in a letter.
static struct sha256 proof_of(const struct ticket_key *key, const char *what, struct slice bytes) {
    struct slice parts[] = {slice_str(what), bytes};
    struct sha256 digest = digest_parts(parts, 2);
    return digest_hmac(slice_of(key->bytes, sizeof key->bytes), digest_slice(&digest));
}

static reason print(struct op *op, const struct ticket_key *key, const char *what,
                    struct slice bytes, struct slice *ret_text) {
    uint8_t whole[REFRESH_BYTES];
    struct sha256 proof = proof_of(key, what, bytes);
    memcpy(whole, bytes.at, bytes.len);
    memcpy(whole + bytes.len, proof.bytes, SHA256_BYTES);
    return encode_base64url(op, slice_of(whole, bytes.len + SHA256_BYTES), ret_text);
}

// The bytes before the proof, which holds; `len` of them.
static bool read_text(struct op *op, const struct ticket_key *key, const char *what,
                      struct slice text, size_t len, struct slice *ret_bytes) {
    struct slice whole;
    if (text.len > 2 * REFRESH_BYTES || !decode_base64url(op, text, &whole) ||
        whole.len != len + SHA256_BYTES) {
        return false;
    }
    struct slice bytes = slice_sub(whole, 0, len);
    struct sha256 proof = proof_of(key, what, bytes);
    *ret_bytes = bytes;
    return same_secret(slice_sub(whole, len, whole.len), digest_slice(&proof));
}

#define CODE_WORD "code"
#define REFRESH_WORD "refresh"

static void refresh_bytes(const struct timekey *key, uint32_t generation,
                          uint8_t bytes[TIMEKEY_BYTES + GENERATION_BYTES]) {
    memcpy(bytes, key->bytes, TIMEKEY_BYTES);
    for (unsigned i = 0; i < GENERATION_BYTES; i++) {
        bytes[TIMEKEY_BYTES + i] = (uint8_t)(generation >> (24 - 8 * i));
    }
}

static reason print_refresh(struct op *op, const struct ticket_key *key,
                            const struct timekey *timekey, int64_t generation,
                            struct slice *ret_text) {
    uint8_t bytes[TIMEKEY_BYTES + GENERATION_BYTES];
    refresh_bytes(timekey, (uint32_t)generation, bytes);
    return print(op, key, REFRESH_WORD, slice_of(bytes, sizeof bytes), ret_text);
}

bool authorization_is_ours(struct op *op, const struct authorization_work *work) {
    struct slice bytes;
    return work->code.at != NULL
               ? read_text(op, work->key, CODE_WORD, work->code, TIMEKEY_BYTES, &bytes)
               : read_text(op, work->key, REFRESH_WORD, work->refresh,
                           TIMEKEY_BYTES + GENERATION_BYTES, &bytes);
}

bool authorization_is_refresh(struct slice text) {
    return text.len == REFRESH_TEXT && memchr(text.at, '.', text.len) == NULL;
}

// ---- codes ----

reason authorization_add(struct op *op, struct txn *txn, const struct ticket_key *key,
                         const struct session_view *view, struct authorization *authorization,
                         struct slice *ret_code) {
    struct timekey timekey;
    TRY(make_id(op, op->now + CODE_KEEP, &timekey, &authorization->id));
    authorization->session = view->session.id;
    authorization->tenant = view->session.tenant;
    authorization->user_id = view->user.id;
    authorization->created_at = op->now;
    authorization->expires_at = op->now + CODE_LIFETIME;
    TRY(print(op, key, CODE_WORD, timekey_slice(&timekey), ret_code));
    return entity_new(op, txn, &authorization_entity, authorization);
}

static reason find(struct op *op, struct txn *txn, struct slice bytes, struct timekey *ret_timekey,
                   struct authorization *ret_row, bool *ret_found) {
    memcpy(ret_timekey->bytes, bytes.at, TIMEKEY_BYTES);
    struct key key = key_of(ret_timekey);
    return entity_find(op, txn, &authorization_entity, &key, ret_row, ret_found);
}

// It is the application that asks, for the person whose session it is.
static reason tell(struct op *op, struct txn *txn, const struct authorization_work *work,
                   const struct authorization *row, const char *event, const char *detail) {
    const struct actor actor = {.kind = ACTOR_SERVICE,
                                .id = work->application.id,
                                .tenant = row->tenant,
                                .session = row->session,
                                .address = work->address};
    const struct audit_entry entry = {.tenant = row->tenant,
                                      .event = event,
                                      .target = work->application.id,
                                      .about = row->user_id,
                                      .detail = op_text(op, "%s", detail)};
    return audit_write(op, txn, &actor, &entry);
}

// Ends what this id names, and says so once: shown again, there is nothing left to end.
static reason end(struct op *op, struct txn *txn, const struct authorization_work *work,
                  const struct authorization *row, struct slice id, const char *event,
                  const char *why) {
    struct authorization gone = {.id = id};
    struct key key;
    bool there = false;
    if (id.len > 0) {
        authorization_key(&gone, &key);
        TRY(entity_remove(op, txn, &authorization_entity, &key, &there));
    }
    return there ? tell(op, txn, work, row, event, why) : NULL;
}

// Whoever has the code a second time, or an old token, may have stolen it, or what it gave was stolen: nobody gets more of it.
static reason end_stolen(struct op *op, struct txn *txn, struct authorization_work *work,
                         const struct authorization *row, struct slice id, const char *refused) {
    work->refused = refused;
    return end(op, txn, work, row, id, "token.replayed", refused);
}

static bool is_verifier(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '.' || c == '_' || c == '~';
        if (!fits) {
            return false;
        }
    }
    return text.len >= VERIFIER_MIN && text.len <= VERIFIER_MAX;
}

static bool answers(struct op *op, struct slice verifier, struct slice challenge) {
    struct sha256 digest = digest_sha256(verifier);
    struct slice text;
    return is_verifier(verifier) && encode_base64url(op, digest_slice(&digest), &text) == NULL &&
           same_secret(text, challenge);
}

// What became of the application since; NULL: nothing.
static const char *fault_of_application(const struct application *application,
                                        const struct authorization *row) {
    if (row->created_at < application->issued_since) {
        return "the application was disabled since; the person signs in anew";
    }
    if (!application_serves(application, row->tenant)) {
        return "the application does not serve the person's tenant";
    }
    return NULL;
}

// What is wrong with a code that its own application shows for the first time; NULL: nothing.
static const char *fault_of(struct op *op, const struct authorization_work *work,
                            const struct authorization *row) {
    if (op->now >= row->expires_at) {
        return "the code has expired: it is good for a minute";
    }
    if (!slice_equal(row->redirect_uri, work->redirect_uri)) {
        return "redirect_uri is another one than in the request that the code answers";
    }
    if (!answers(op, work->verifier, row->challenge)) {
        return "code_verifier does not fit the code_challenge of the request that the code answers";
    }
    if (!application_redirects_to(&work->application, row->redirect_uri)) {
        return "redirect_uri is not registered any more";
    }
    return fault_of_application(&work->application, row);
}

// The session as it is now; `refused` is set when there is none.
static reason look_at_session(struct op *op, struct txn *txn, struct authorization_work *work,
                              const struct authorization *row) {
    reason why = session_find(op, txn, row->session, &work->view);
    if (why == REASON_OF(UNAUTHENTICATED)) {
        work->refused = "the session is over, or the person may not sign in any more";
        return NULL;
    }
    return why;
}

// The rows of a session for an application are few; the one that nothing came from for longest makes room.
static reason make_room(struct op *op, struct txn *txn, const struct authorization_work *work,
                        const struct authorization *code, bool *ret_first) {
    struct batch batch;
    struct authorization oldest = {.rotated_at = INT64_MAX};
    TRY(batch_open(op, AUTHORIZATIONS_EACH_MAX, key_of_grants(code->session, code->application),
                   &batch));
    batch.values = true;
    TRY(batch_next(op, txn, &batch));
    *ret_first = batch.count == 0;
    for (size_t i = 0; batch.count == AUTHORIZATIONS_EACH_MAX && i < batch.count; i++) {
        struct authorization row;
        bool found = false;
        TRY(entity_find(op, txn, &authorization_entity, &batch.at[i], &row, &found));
        if (found && row.rotated_at < oldest.rotated_at) {
            oldest = row;
        }
    }
    return end(op, txn, work, code, oldest.id, "token.revoked", "for a newer one of the same session");
}

// Adds the row of the tokens that the code is changed into.
static reason succeed(struct op *op, struct txn *txn, struct authorization_work *work,
                      const struct authorization *code) {
    struct authorization next = *code;
    struct timekey timekey;
    bool first = false;
    TRY(make_room(op, txn, work, code, &first));
    next.redirect_uri = S("");
    next.challenge = S("");
    next.nonce = S(""); // a refreshed ID token has none (OpenID Connect Core section 12.2)
    next.created_at = op->now;
    next.rotated_at = op->now;
    next.expires_at = work->view.session.expires_at;
    next.generation = 1;
    TRY(make_id(op, next.expires_at, &timekey, &next.id));
    TRY(entity_new(op, txn, &authorization_entity, &next));
    TRY(print_refresh(op, work->key, &timekey, next.generation, &work->refresh_given));
    work->authorization = next;
    work->nonce = code->nonce;
    // The first of a session is that somebody signed in to the application; the others are its tabs, and its sign-ins anew.
    return first ? tell(op, txn, work, &next, "token.issued", "somebody signed in to the application")
                 : NULL;
}

reason authorization_change(struct op *op, struct txn *txn, void *arg) {
    struct authorization_work *work = arg;
    struct authorization row;
    struct timekey timekey;
    struct slice bytes;
    bool found = false;
    work->refused = "the code is none of this gate, or it is too old";
    if (!read_text(op, work->key, CODE_WORD, work->code, TIMEKEY_BYTES, &bytes)) {
        return NULL;
    }
    TRY(find(op, txn, bytes, &timekey, &row, &found));
    if (!found) {
        return NULL;
    }
    if (!slice_equal(row.application, work->application.id)) {
        work->refused = "the code was given to another application";
        return NULL;
    }
    if (row.used && !answers(op, work->verifier, row.challenge)) {
        work->refused = "the code was used before"; // and whoever shows it could not have used it
        return NULL;
    }
    if (row.used) {
        return end_stolen(op, txn, work, &row, row.successor,
                          "the code was used before; what it gave has been ended");
    }
    // Whatever comes of it: it is tried once.
    row.used = true;
    work->refused = fault_of(op, work, &row);
    if (work->refused == NULL) {
        TRY(look_at_session(op, txn, work, &row));
    }
    if (work->refused == NULL) {
        TRY(succeed(op, txn, work, &row));
        row.successor = work->authorization.id;
    }
    return entity_put(op, txn, &authorization_entity, &row);
}

// ---- refresh tokens ----

// The row that a refresh token of this application leads to; *ret_found false: `refused` says what is wrong.
static reason find_refresh(struct op *op, struct txn *txn, struct authorization_work *work,
                           struct timekey *ret_timekey, struct authorization *ret_row,
                           uint32_t *ret_generation, bool *ret_found) {
    struct slice bytes;
    *ret_found = false;
    work->refused = "the refresh token is none of this gate, or it was ended";
    if (!read_text(op, work->key, REFRESH_WORD, work->refresh, TIMEKEY_BYTES + GENERATION_BYTES,
                   &bytes)) {
        return NULL;
    }
    struct slice rest = slice_sub(bytes, TIMEKEY_BYTES, bytes.len);
    if (!key_read_u32(&rest, ret_generation)) {
        return NULL;
    }
    TRY(find(op, txn, bytes, ret_timekey, ret_row, ret_found));
    if (*ret_found && !slice_equal(ret_row->application, work->application.id)) {
        *ret_found = false;
        work->refused = "the refresh token was given to another application";
    }
    return NULL;
}

reason authorization_refresh(struct op *op, struct txn *txn, void *arg) {
    struct authorization_work *work = arg;
    struct authorization row;
    struct timekey timekey;
    uint32_t generation = 0;
    bool found = false;
    TRY(find_refresh(op, txn, work, &timekey, &row, &generation, &found));
    if (!found) {
        return NULL;
    }
    // Two that come at once are not always stored in the order in which their clocks were read.
    int64_t since = op->now > row.rotated_at ? op->now - row.rotated_at : row.rotated_at - op->now;
    bool again = (int64_t)generation + 1 == row.generation && since < REFRESH_LEEWAY;
    if ((int64_t)generation < row.generation && !again) {
        return end_stolen(op, txn, work, &row, row.id,
                          "the refresh token was used before; the sign-in has been ended");
    }
    work->refused = fault_of_application(&work->application, &row);
    if (work->refused == NULL) {
        TRY(look_at_session(op, txn, work, &row));
    }
    if (work->refused != NULL) {
        return NULL;
    }
    if (!again) {
        // One that is ahead was given before the store was put back to an earlier day, and is its application's.
        row.generation = (int64_t)generation + 1;
        row.rotated_at = op->now;
        TRY(entity_put(op, txn, &authorization_entity, &row));
    }
    work->authorization = row;
    return print_refresh(op, work->key, &timekey, row.generation, &work->refresh_given);
}

reason authorization_revoke(struct op *op, struct txn *txn, void *arg) {
    struct authorization_work *work = arg;
    struct authorization row;
    struct timekey timekey;
    uint32_t generation = 0;
    bool found = false;
    TRY(find_refresh(op, txn, work, &timekey, &row, &generation, &found));
    work->refused = NULL;
    return found ? end(op, txn, work, &row, row.id, "token.revoked", "by the application") : NULL;
}

// ---- access tokens ----

static reason find_by_id(struct op *op, struct txn *txn, struct slice id, struct slice application,
                         struct authorization *ret_row, bool *ret_found) {
    struct timekey timekey;
    *ret_found = false;
    if (!timekey_parse(S(AUTHORIZATION_ID), id, &timekey)) {
        return NULL;
    }
    struct key key = key_of(&timekey);
    TRY(entity_find(op, txn, &authorization_entity, &key, ret_row, ret_found));
    *ret_found = *ret_found && ret_row->generation > 0 &&
                 slice_equal(ret_row->application, application);
    return NULL;
}

reason authorization_find_by_token(struct op *op, struct txn *txn, struct slice id,
                                   struct slice application, struct application *ret_application) {
    struct authorization row;
    bool found = false;
    TRY(find_by_id(op, txn, id, application, &row, &found));
    if (!found) {
        REFUSE(op, UNAUTHENTICATED, "what the access token was issued for was ended");
    }
    reason why = application_find(op, txn, application, ret_application);
    if (why == REASON_OF(NOT_FOUND) || (why == NULL && ret_application->disabled)) {
        REFUSE(op, UNAUTHENTICATED, "the application is disabled or gone");
    }
    TRY(why);
    const char *fault = fault_of_application(ret_application, &row);
    if (fault != NULL) {
        REFUSE(op, UNAUTHENTICATED, "%s", fault);
    }
    return NULL;
}

reason authorization_end(struct op *op, struct txn *txn, struct authorization_work *work,
                         struct slice id) {
    struct authorization row;
    bool found = false;
    TRY(find_by_id(op, txn, id, work->application.id, &row, &found));
    return found ? end(op, txn, work, &row, row.id, "token.revoked", "by the application") : NULL;
}
