// SPDX-License-Identifier: GPL-3.0-or-later
// A table of credentials that were used lately. One lock; nobody waits for a disk under it.
#include "http/uses.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/digest.h"
#include "domain/service_user.h"
#include "http/gate.h"

#define ID_ROOM 32     // "svc_" or "crd_" and a ULID
#define TENANT_ROOM 64
#define PROBES 16      // places where one credential may stand
#define FLUSH_MOST 64  // in one write

struct use {
    char id[ID_ROOM], tenant[TENANT_ROOM], credential[ID_ROOM];
    int64_t last, written; // last use; last use that was written
    int64_t wrote_at, audited_at;
    int64_t issued; // tokens since the last audit row
};
struct uses {
    pthread_mutex_t mutex;
    struct use slots[USES_SLOTS];
};

struct uses *uses_open(void) {
    struct uses *uses = calloc(1, sizeof *uses);
    if (uses != NULL) {
        (void)pthread_mutex_init(&uses->mutex, NULL);
    }
    return uses;
}

void uses_close(struct uses *uses) {
    if (uses != NULL) {
        (void)pthread_mutex_destroy(&uses->mutex);
        free(uses);
    }
}

static struct slice text(const char *at, size_t room) {
    return slice_of(at, strnlen(at, room));
}

static void put(char *to, size_t room, struct slice from) {
    size_t len = from.len < room - 1 ? from.len : room - 1;
    if (len > 0) {
        memcpy(to, from.at, len);
    }
    to[len] = '\0';
}

static struct use *place_of(struct uses *uses, struct slice credential, unsigned probe) {
    struct sha256 digest = digest_sha256(credential);
    uint32_t at;
    memcpy(&at, digest.bytes, sizeof at);
    return &uses->slots[(at + probe) % USES_SLOTS];
}

// NULL: it was not used lately. Under the lock, as what follows.
static struct use *find(struct uses *uses, struct slice credential) {
    for (unsigned i = 0; i < PROBES; i++) {
        struct use *use = place_of(uses, credential, i);
        if (slice_equal(text(use->credential, sizeof use->credential), credential)) {
            return use;
        }
    }
    return NULL;
}

// Its slot, a free one, or one whose use is written and an hour old; NULL: no room.
static struct use *slot_of(struct uses *uses, struct slice credential, int64_t now) {
    struct use *room = find(uses, credential);
    if (room != NULL) {
        return room;
    }
    for (unsigned i = 0; i < PROBES; i++) {
        struct use *use = place_of(uses, credential, i);
        bool idle = use->credential[0] == '\0' ||
                    (use->written == use->last && use->issued == 0 &&
                     now - use->last > USES_AUDIT_MS);
        room = room == NULL && idle ? use : room;
    }
    if (room != NULL) {
        *room = (struct use){.last = 0};
    }
    return room;
}

void uses_note(struct uses *uses, struct slice id, struct slice tenant, struct slice credential,
               int64_t now, bool issued) {
    if (uses == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&uses->mutex);
    struct use *use = slot_of(uses, credential, now);
    if (use != NULL) {
        put(use->id, sizeof use->id, id);
        put(use->tenant, sizeof use->tenant, tenant);
        put(use->credential, sizeof use->credential, credential);
        use->last = now > use->last ? now : use->last;
        use->issued += issued ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&uses->mutex);
}

int64_t uses_last(struct uses *uses, struct slice credential) {
    int64_t last = 0;
    if (uses == NULL) {
        return 0;
    }
    (void)pthread_mutex_lock(&uses->mutex);
    const struct use *use = find(uses, credential);
    last = use != NULL ? use->last : 0;
    (void)pthread_mutex_unlock(&uses->mutex);
    return last;
}

// ---- to the store ----

struct flush {
    struct use uses[FLUSH_MOST];
    size_t at[FLUSH_MOST];
    bool audits[FLUSH_MOST];
    size_t count;
};

static bool wants_audit(const struct use *use, int64_t now, bool all) {
    return use->issued > 0 &&
           (all || use->audited_at == 0 || now - use->audited_at >= USES_AUDIT_MS);
}

static size_t collect(struct uses *uses, int64_t now, bool all, size_t from, struct flush *flush) {
    size_t i = from;
    flush->count = 0;
    (void)pthread_mutex_lock(&uses->mutex);
    for (; i < USES_SLOTS && flush->count < FLUSH_MOST; i++) {
        const struct use *use = &uses->slots[i];
        bool audits = wants_audit(use, now, all);
        bool writes = use->written != use->last && (all || now - use->wrote_at >= USES_WRITE_MS);
        if (use->credential[0] != '\0' && (audits || writes)) {
            flush->uses[flush->count] = *use;
            flush->audits[flush->count] = audits;
            flush->at[flush->count++] = i;
        }
    }
    (void)pthread_mutex_unlock(&uses->mutex);
    return i;
}

static reason write_some(struct op *op, struct txn *txn, void *arg) {
    struct flush *flush = arg;
    for (size_t i = 0; i < flush->count; i++) {
        const struct use *use = &flush->uses[i];
        struct actor actor = {.kind = ACTOR_SERVICE,
                              .id = text(use->id, sizeof use->id),
                              .tenant = text(use->tenant, sizeof use->tenant),
                              .session = text(use->credential, sizeof use->credential)};
        TRY(service_used(op, txn, actor.id, actor.session, use->last));
        if (flush->audits[i]) {
            TRY(audit_add(op, txn, &actor, actor.tenant, "token.issued", actor.id,
                          op_text(op, "%lld since the last such row, for %s",
                                  (long long)use->issued, use->credential)));
        }
    }
    return NULL;
}

static void settle(struct uses *uses, int64_t now, const struct flush *flush) {
    (void)pthread_mutex_lock(&uses->mutex);
    for (size_t i = 0; i < flush->count; i++) {
        struct use *use = &uses->slots[flush->at[i]];
        if (strcmp(use->credential, flush->uses[i].credential) == 0) {
            use->written = flush->uses[i].last;
            use->wrote_at = now;
            use->issued -= flush->audits[i] ? flush->uses[i].issued : 0;
            use->audited_at = flush->audits[i] ? now : use->audited_at;
        }
    }
    (void)pthread_mutex_unlock(&uses->mutex);
}

reason uses_flush(struct op *op, struct gate *gate, bool all) {
    struct flush *flush = NULL;
    TRY(op_take(op, sizeof *flush, &flush));
    for (size_t from = 0; from < USES_SLOTS;) {
        from = collect(gate->uses, op->now, all, from, flush);
        if (flush->count > 0) {
            TRY(store_write(op, gate->store, write_some, flush));
            settle(gate->uses, op->now, flush);
        }
    }
    return NULL;
}
