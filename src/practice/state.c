// SPDX-License-Identifier: GPL-3.0-or-later
// What the provider remembers, in memory and for a while: requests in hand, sessions, what it sent
// last. Never: writes to disk. A restart forgets all, as a practice ground should.
#include "practice/practice.h"

#include <openssl/rand.h>

#define PENDING_LIFE_S 900   // a person reads the page and goes for a coffee
#define SESSION_LIFE_S 28800 // a working day
#define REMEMBERED_MAX 2000  // far above what a person or a test run needs

char *random_id(void) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        g_error("OpenSSL has no random numbers.");
    }
    GString *text = g_string_new("_");
    for (size_t i = 0; i < sizeof bytes; i++) {
        g_string_append_printf(text, "%02x", bytes[i]);
    }
    return g_string_free(text, FALSE);
}

static void pending_free(void *at) {
    struct pending *pending = at;
    g_free(pending->state);
    g_free(pending->sp_entity);
    g_free(pending->acs);
    g_free(pending->request_id);
    g_free(pending->relay_state);
    g_free(pending->name_id_format);
    g_free(pending->authn_class);
    g_free(pending);
}

static void session_free(void *at) {
    struct session *session = at;
    g_free(session->cookie);
    g_free(session->session_index);
    g_free(session->transient_id);
    g_free(session->logout_id);
    g_object_unref(session->lasso);
    g_free(session);
}

static void sent_free(void *at) {
    struct sent *sent = at;
    g_free(sent->message);
    g_free(sent->acs);
    g_free(sent->relay_state);
    g_free(sent);
}

static bool too_old(const struct aged *aged, int life_s) {
    return g_get_monotonic_time() - aged->made_at > life_s * SECOND_US;
}

// Drops what is too old; if the table is full nevertheless, the oldest goes.
static void table_make_room(GHashTable *table, int life_s) {
    GHashTableIter iter;
    gpointer key;
    gpointer value;
    gpointer oldest = NULL;
    gint64 oldest_at = G_MAXINT64;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const struct aged *aged = value;
        if (too_old(aged, life_s)) {
            g_hash_table_iter_remove(&iter);
        } else if (aged->made_at < oldest_at) {
            oldest = key;
            oldest_at = aged->made_at;
        }
    }
    if (oldest != NULL && g_hash_table_size(table) >= REMEMBERED_MAX) {
        g_hash_table_remove(table, oldest);
    }
}

struct pending *pending_new(struct idp *idp, const char *sp_entity, const char *acs) {
    table_make_room(idp->pendings, PENDING_LIFE_S);
    struct pending *pending = g_new0(struct pending, 1);
    pending->aged.made_at = g_get_monotonic_time();
    pending->state = random_id();
    pending->sp_entity = g_strdup(sp_entity);
    pending->acs = g_strdup(acs);
    g_hash_table_insert(idp->pendings, pending->state, pending);
    return pending;
}

const struct pending *pending_find(const struct idp *idp, const char *state) {
    const struct pending *pending =
        state != NULL ? g_hash_table_lookup(idp->pendings, state) : NULL;
    return pending != NULL && !too_old(&pending->aged, PENDING_LIFE_S) ? pending : NULL;
}

struct session *session_new(struct idp *idp, const struct person *person) {
    table_make_room(idp->sessions, SESSION_LIFE_S);
    struct session *session = g_new0(struct session, 1);
    session->aged.made_at = g_get_monotonic_time();
    session->cookie = random_id();
    session->person = person;
    session->session_index = random_id();
    session->transient_id = random_id();
    session->lasso = lasso_session_new();
    g_hash_table_insert(idp->sessions, session->cookie, session);
    return session;
}

struct session *session_of(const struct idp *idp, const struct request *request) {
    if (request->cookie == NULL) {
        return NULL;
    }
    struct session *session = g_hash_table_lookup(idp->sessions, request->cookie);
    return session != NULL && !session->ended && !too_old(&session->aged, SESSION_LIFE_S) ? session
                                                                                          : NULL;
}

void session_drop(struct idp *idp, struct session *session) {
    g_hash_table_remove(idp->sessions, session->cookie);
}

void state_open(struct idp *idp) {
    idp->pendings = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pending_free);
    idp->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
    idp->sent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sent_free);
}

void state_close(struct idp *idp) {
    g_hash_table_destroy(idp->pendings);
    g_hash_table_destroy(idp->sessions);
    g_hash_table_destroy(idp->sent);
}
