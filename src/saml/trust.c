// SPDX-License-Identifier: GPL-3.0-or-later
// Connections with their keys parsed once (a certificate parsed at each login costs ten times the signature).
// The cache is a table of chains and a list by last use under one lock, held for pointer work only: neither the
// store nor OpenSSL is called inside. A trust that left the cache lives on until the last login returns it.
#include "saml/trust.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "saml/certificate.h"
#include "saml/sp.h"
#include "store/store.h"

#define BUCKETS 4096

struct cached {
    struct trust *trust;
    uint64_t checked;              // connection_version_changes, before this one was read last
    struct cached *next;           // of its chain
    struct cached *newer, *older;  // by last use
};
struct trust_cache {
    pthread_mutex_t lock;
    struct cached *buckets[BUCKETS];
    struct cached *newest, *oldest;
    size_t count;
    char *keys_dir; // NULL: not told, or no memory for it
    const struct sp_keys *gates;
};

// ---- making one ------------------------------------------------------------------------------------------

static void free_key(void *key) {
    EVP_PKEY_free(key);
}

static void free_context(void *context) {
    EVP_PKEY_CTX_free(context);
}

// NULL: not for this key, or no memory; a verification then sets up its own.
static EVP_PKEY_CTX *rsa_sha256(EVP_PKEY *key) {
    EVP_PKEY_CTX *context = NULL;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    }
    if (context != NULL && (EVP_PKEY_verify_init(context) != 1 ||
                            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
                            EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1)) {
        EVP_PKEY_CTX_free(context);
        context = NULL;
    }
    ERR_clear_error();
    return context;
}

// By the key and not only by the certificate: whoever stole a key can put it into any number of certificates.
static bool distrusted(struct op *op, const struct trust *trust, struct certificate certificate,
                       EVP_PKEY *key) {
    return certificate_key_sha256(op, key, &certificate.key_sha256) != NULL ||
           connection_distrusts(&trust->connection, &certificate);
}

bool trust_expired(const struct trust *trust, int64_t now) {
    int64_t until = trust->connection.idp.valid_until;
    return until != 0 && until + trust->connection.policy.skew_seconds * SECOND_MS <= now;
}

// A key that cannot be used is left out: the import has refused or warned already, and with none left
// everything is refused.
static reason parse_keys(struct op *op, struct trust *trust) {
    const struct certificate *certificates = trust->connection.idp.certificates.at;
    for (size_t i = 0; i < trust->connection.idp.certificates.count; i++) {
        EVP_PKEY *key = NULL;
        if (trust->key_count == CONNECTION_CERTIFICATES_MAX ||
            certificate_key(op, &certificates[i], &key) != NULL) {
            continue;
        }
        if (distrusted(op, trust, certificates[i], key)) {
            EVP_PKEY_free(key);
            continue;
        }
        if (!arena_defer(&op->arena, free_key, key)) {
            EVP_PKEY_free(key);
            REFUSE(op, LIMIT_MEMORY, "no memory for the keys of a connection");
        }
        EVP_PKEY_CTX *context = rsa_sha256(key);
        if (context != NULL && !arena_defer(&op->arena, free_context, context)) {
            EVP_PKEY_CTX_free(context);
            context = NULL;
        }
        trust->keys[trust->key_count++] =
            (struct trust_key){key, context, certificates[i].not_after, certificates[i].sha256};
    }
    return NULL;
}

// Where a trust comes from: filled into `own`, whose arena becomes the trust's.
typedef reason (*source_fn)(struct op *op, struct op *own, const void *from, struct connection *ret);

static reason make(struct op *op, source_fn source, const void *from, struct trust **ret_trust) {
    struct trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a connection");
    }
    struct op own;
    op_open(&own, op->now);
    reason why = source(op, &own, from, &trust->connection);
    if (why == NULL) {
        why = parse_keys(&own, trust);
    }
    if (why != NULL) {
        why = op_refuse(op, why, "%.*s", SLICE(own.detail)); // its arena goes now
        op_close(&own);
        free(trust);
        return why;
    }
    trust->arena = own.arena; // blocks on the heap: the struct may move
    trust->uses = 1;
    *ret_trust = trust;
    return NULL;
}

static reason copy_of(struct op *op, struct op *own, const void *from, struct connection *ret) {
    struct slice bytes;
    reason why = record_put(op, &connection_fields, from, &bytes);
    if (why != NULL) {
        own->detail = op->detail;
        return why;
    }
    return record_get(own, &connection_fields, bytes, ret);
}

reason trust_make(struct op *op, const struct connection *connection,
                  const struct trust **ret_trust) {
    struct trust *trust = NULL;
    TRY(make(op, copy_of, connection, &trust));
    *ret_trust = trust;
    return NULL;
}

// Callers hold const pointers, since nothing but the count ever changes.
static struct trust *own_of(const struct trust *trust) {
    return (struct trust *)(uintptr_t)trust;
}

void trust_free(const struct trust *trust) {
    if (trust != NULL) {
        struct trust *own = own_of(trust);
        sp_keys_close(own->own_keys);
        arena_close(&own->arena);
        free(own);
    }
}

// ---- the cache -------------------------------------------------------------------------------------------

struct trust_cache *trust_cache_open(void) {
    struct trust_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL && pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    return cache;
}

void trust_cache_keys(struct trust_cache *cache, const char *dir, const struct sp_keys *gates) {
    cache->keys_dir = strdup(dir);
    cache->gates = gates;
}

static struct cached **place_of(struct trust_cache *cache, struct slice slug) {
    uint32_t hash = 2166136261U; // FNV-1a; only slugs that exist come here, so nobody chooses collisions
    for (size_t i = 0; i < slug.len; i++) {
        hash = (hash ^ (uint8_t)slug.at[i]) * 16777619U;
    }
    struct cached **place = &cache->buckets[hash % BUCKETS];
    while (*place != NULL && !slice_equal((*place)->trust->connection.slug, slug)) {
        place = &(*place)->next;
    }
    return place;
}

static void list_take(struct trust_cache *cache, struct cached *entry) {
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
    entry->newer = NULL;
    entry->older = NULL;
}

static void list_put_newest(struct trust_cache *cache, struct cached *entry) {
    entry->older = cache->newest;
    entry->newer = NULL;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

// Takes an entry out; gives its trust when nobody uses it any more, to be freed outside the lock.
static struct trust *drop(struct trust_cache *cache, struct cached **place) {
    struct cached *entry = *place;
    struct trust *trust = entry->trust;
    *place = entry->next;
    list_take(cache, entry);
    cache->count--;
    free(entry);
    return --trust->uses == 0 ? trust : NULL;
}

static void forget(struct trust_cache *cache, struct slice slug) {
    CHECK(pthread_mutex_lock(&cache->lock) == 0);
    struct cached **place = place_of(cache, slug);
    struct trust *unused = *place != NULL ? drop(cache, place) : NULL;
    CHECK(pthread_mutex_unlock(&cache->lock) == 0);
    trust_free(unused);
}

// One that is as stored: by its version, or (version NULL) because no version changed since it was looked at.
static struct trust *take_cached(struct trust_cache *cache, struct slice slug, uint64_t changes, const int64_t *version) {
    CHECK(pthread_mutex_lock(&cache->lock) == 0);
    struct cached *entry = *place_of(cache, slug);
    struct trust *trust = NULL;
    if (entry != NULL && (version != NULL ? entry->trust->connection.version == *version : entry->checked == changes)) {
        entry->checked = changes;
        trust = entry->trust;
        trust->uses++;
        if (cache->newest != entry) {
            list_take(cache, entry);
            list_put_newest(cache, entry);
        }
    }
    CHECK(pthread_mutex_unlock(&cache->lock) == 0);
    return trust;
}

// The cache holds one use of its own. Without memory for the entry the caller's trust is simply not kept.
static void keep(struct trust_cache *cache, struct trust *trust, uint64_t changes) {
    struct cached *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return;
    }
    struct trust *unused[2] = {NULL, NULL};
    CHECK(pthread_mutex_lock(&cache->lock) == 0);
    struct cached **place = place_of(cache, trust->connection.slug);
    if (*place != NULL) {
        unused[0] = drop(cache, place);
    }
    if (cache->count >= TRUST_CACHE_MAX) {
        unused[1] = drop(cache, place_of(cache, cache->oldest->trust->connection.slug));
    }
    place = place_of(cache, trust->connection.slug);
    entry->trust = trust;
    entry->checked = changes;
    trust->uses++;
    *place = entry;
    list_put_newest(cache, entry);
    cache->count++;
    CHECK(pthread_mutex_unlock(&cache->lock) == 0);
    trust_free(unused[0]);
    trust_free(unused[1]);
}

struct lookup {
    struct store *store;
    struct slice slug;
    int64_t version;
    struct connection *connection;
};

static reason read_version(struct op *op, struct txn *txn, void *arg) {
    struct lookup *lookup = arg;
    return connection_version(op, txn, lookup->slug, &lookup->version);
}

static reason read_connection(struct op *op, struct txn *txn, void *arg) {
    struct lookup *lookup = arg;
    return connection_find(op, txn, lookup->slug, lookup->connection);
}

static reason stored(struct op *op, struct op *own, const void *from, struct connection *ret) {
    (void)op;
    const struct lookup *asked = from;
    struct lookup lookup = {asked->store, asked->slug, 0, ret};
    return store_read(own, lookup.store, read_connection, &lookup);
}

// A connection that has keys of its own is never served with others: its identity provider encrypts for them alone.
static reason open_own_keys(struct op *op, const struct trust_cache *cache, struct trust *trust) {
    if (!connection_has_own_keys(&trust->connection)) {
        return NULL;
    }
    reason why = cache->keys_dir == NULL
                     ? op_refuse(op, REASON_OF(KEY_FILE), "no folder of keys is known here")
                     : sp_keys_open_own(op, cache->keys_dir, &trust->connection, cache->gates, &trust->own_keys);
    if (why == REASON_OF(KEY_FILE)) {
        struct slice detail = op->detail;
        REFUSE(op, STORE_UNAVAILABLE, "a key of connection %.*s: %.*s", SLICE(trust->connection.slug),
               SLICE(detail));
    }
    return why;
}

reason trust_borrow(struct op *op, struct trust_cache *cache, struct store *store, struct slice slug,
                    const struct trust **ret_trust) {
    uint64_t changes = connection_version_changes(store);
    struct trust *trust = take_cached(cache, slug, changes, NULL);
    if (trust != NULL) {
        *ret_trust = trust;
        return NULL;
    }
    struct lookup lookup = {store, slug, 0, NULL};
    reason why = store_read(op, store, read_version, &lookup);
    if (why != NULL) {
        if (why == REASON_OF(NOT_FOUND)) {
            forget(cache, slug);
        }
        return why;
    }
    trust = take_cached(cache, slug, changes, &lookup.version);
    if (trust == NULL) {
        TRY(make(op, stored, &lookup, &trust));
        why = open_own_keys(op, cache, trust);
        if (why != NULL) {
            trust_free(trust);
            return why;
        }
        keep(cache, trust, changes);
    }
    *ret_trust = trust;
    return NULL;
}

void trust_return(struct trust_cache *cache, const struct trust *trust) {
    if (trust == NULL) {
        return;
    }
    struct trust *own = own_of(trust);
    CHECK(pthread_mutex_lock(&cache->lock) == 0);
    bool unused = --own->uses == 0;
    CHECK(pthread_mutex_unlock(&cache->lock) == 0);
    if (unused) {
        trust_free(own);
    }
}

void trust_cache_close(struct trust_cache *cache) {
    if (cache == NULL) {
        return;
    }
    while (cache->oldest != NULL) {
        forget(cache, cache->oldest->trust->connection.slug);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache->keys_dir);
    free(cache);
}
