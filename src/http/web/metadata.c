// SPDX-License-Identifier: GPL-3.0-or-later
// SP metadata at the EntityID URL, signed once per version of the connection and kept in a bounded cache.
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/web/web.h"

#define CACHE_SLOTS 1024 // documents of some 6 KB; two connections on one slot take turns

struct cached {
    char slug[64];
    int64_t version;
    char *xml;
    size_t len;
};
struct metadata_cache {
    pthread_mutex_t mutex;
    struct cached slots[CACHE_SLOTS];
};

struct metadata_cache *metadata_cache_open(void) {
    struct metadata_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL) {
        (void)pthread_mutex_init(&cache->mutex, NULL);
    }
    return cache;
}

void metadata_cache_close(struct metadata_cache *cache) {
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        free(cache->slots[i].xml);
    }
    (void)pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

static struct cached *slot_of(struct metadata_cache *cache, struct slice slug) {
    uint32_t hash = 2166136261U; // FNV-1a: slugs are the operators' own
    for (size_t i = 0; i < slug.len; i++) {
        hash = (hash ^ (uint8_t)slug.at[i]) * 16777619U;
    }
    return &cache->slots[hash % CACHE_SLOTS];
}

static bool fits(const struct cached *cached, const struct connection *connection) {
    return cached->xml != NULL && cached->version == connection->version &&
           slice_equal(slice_str(cached->slug), connection->slug);
}

static void keep(struct cached *cached, const struct connection *connection, struct slice xml) {
    char *copy = malloc(xml.len);
    if (copy == NULL || connection->slug.len >= sizeof cached->slug) {
        free(copy);
        return; // made anew next time
    }
    memcpy(copy, xml.at, xml.len);
    free(cached->xml);
    *cached = (struct cached){.version = connection->version, .xml = copy, .len = xml.len};
    memcpy(cached->slug, connection->slug.at, connection->slug.len);
}

reason metadata_cached(struct op *op, struct gate *gate, const struct trust *trust,
                       struct slice *ret_xml) {
    const struct connection *connection = &trust->connection;
    struct metadata_cache *cache = gate->metadata;
    struct cached *cached = slot_of(cache, connection->slug);
    (void)pthread_mutex_lock(&cache->mutex);
    bool there = fits(cached, connection);
    reason why = there ? op_copy(op, slice_of(cached->xml, cached->len), ret_xml) : NULL;
    (void)pthread_mutex_unlock(&cache->mutex);
    if (there) {
        return why;
    }
    struct sp sp;
    TRY(sp_addresses(op, gate->settings->public_url, connection->slug, &sp));
    const struct settings *settings = gate->settings;
    struct sp_about about = {settings->product,  settings->contact_email, settings->privacy_url,
                             settings->logo_url, settings->logo_width,    settings->logo_height};
    sp.about = &about;
    TRY(sp_metadata(op, &sp, connection, trust_sp_keys(trust, gate->sp_keys), ret_xml));
    (void)pthread_mutex_lock(&cache->mutex);
    keep(cached, connection, *ret_xml);
    (void)pthread_mutex_unlock(&cache->mutex);
    return NULL;
}

reason web_metadata(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    const struct trust *trust = NULL;
    struct slice xml;
    TRY(trust_borrow(op, gate->trusts, gate->store, request->args[0], &trust));
    reason why = metadata_cached(op, gate, trust, &xml);
    trust_return(gate->trusts, trust);
    TRY(why);
    reply_text(reply, 200, "application/samlmetadata+xml", xml);
    reply_header(reply, "Cache-Control", S("public, max-age=300"));
    reply_header(reply, "Content-Disposition",
                 op_text(op, "inline; filename=\"%.*s.xml\"", SLICE(request->args[0])));
    return NULL;
}
