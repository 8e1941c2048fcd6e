// SPDX-License-Identifier: GPL-3.0-or-later
// One look after another, never two at once: what is due waits, and a slow server of one customer costs the others
// ten seconds. What a look finds is decided in domain and stored there; here is only the time.
#include "app/refresh.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "app/expiry.h"
#include "base/log.h"
#include "http/api/api.h"
#include "saml/metadata_refresh.h"

#define LOOK_EVERY_S 30 // rows that are due are looked for this often
#define LOOKS_MAX 100   // in one go, so that a stop is seen

struct refresher {
    struct gate *gate;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
    int64_t expiry_at; // by the steady clock: when certificates are looked through next
    bool adopted; // connections from before there were rows have theirs
};

struct turn {
    struct slice from, slug, next;
};
static reason find_due(struct op *op, struct txn *txn, void *arg) {
    return metadata_watch_due(op, txn, &((struct turn *)arg)->slug);
}
static reason adopt_some(struct op *op, struct txn *txn, void *arg) {
    struct turn *turn = arg;
    return metadata_watch_adopt(op, txn, turn->from, &turn->next);
}

static void adopt(struct refresher *refresher) {
    char from[64]; // a short name
    struct turn turn = {.from = S("")};
    reason why = NULL;
    do {
        struct op op;
        op_open(&op, 0);
        why = store_write(&op, refresher->gate->store, adopt_some, &turn);
        size_t len = why == NULL && turn.next.len < sizeof from ? turn.next.len : 0;
        if (len > 0) {
            memcpy(from, turn.next.at, len);
        }
        turn.from = slice_of(from, len);
        op_close(&op);
    } while (turn.from.len > 0 && !refresher->gate->draining);
    refresher->adopted = why == NULL && !refresher->gate->draining;
}

// False: nothing is due, or nothing can be done now.
static bool look_at_one(struct gate *gate) {
    const struct actor actor = {.kind = ACTOR_SYSTEM, .id = S("metadata")};
    const struct refresh refresh = {
        gate->store, gate->pool, {.allow_private = gate->settings->allow_private_fetch}};
    struct metadata_outcome outcome = {.kind = METADATA_FAILED};
    struct turn turn = {.slug = S("")};
    struct op op;
    op_open(&op, 0);
    reason why = store_read(&op, gate->store, find_due, &turn);
    bool due = why == NULL && turn.slug.len > 0;
    if (due) {
        why = metadata_refresh(&op, &refresh, &actor, turn.slug, &outcome);
    }
    if (due && why == NULL) {
        metadata_report(&op, turn.slug, &outcome);
    } else if (why != NULL) {
        LOG(&op, LOG_WARNING, "metadata.refresh_failed", LOG_TEXT("connection", turn.slug),
            LOG_TEXT("reason", slice_str(why->slug)), LOG_TEXT("detail", op.detail));
    }
    op_close(&op);
    return due && why == NULL;
}

static void look_at_all(struct refresher *refresher) {
    if (!refresher->adopted) {
        adopt(refresher);
    }
    for (int i = 0; i < LOOKS_MAX && !refresher->gate->draining; i++) {
        if (!look_at_one(refresher->gate)) {
            return;
        }
    }
}

static void *refresher_main(void *arg) {
    struct refresher *refresher = arg;
    (void)pthread_mutex_lock(&refresher->mutex);
    while (!refresher->stop) {
        (void)pthread_mutex_unlock(&refresher->mutex);
        look_at_all(refresher);
        if (clock_steady() >= refresher->expiry_at && !refresher->gate->draining) {
            refresher->expiry_at = clock_steady() + EXPIRY_EVERY_MS;
            expiry_look(refresher->gate);
        }
        (void)pthread_mutex_lock(&refresher->mutex);
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_EVERY_S;
        while (!refresher->stop && pthread_cond_timedwait(&refresher->wake, &refresher->mutex,
                                                          &until) != ETIMEDOUT) {
        }
    }
    (void)pthread_mutex_unlock(&refresher->mutex);
    return NULL;
}

reason refresher_start(struct op *op, struct gate *gate, struct refresher **ret_refresher) {
    pthread_condattr_t steady;
    struct refresher *refresher = calloc(1, sizeof *refresher);
    if (refresher == NULL) {
        REFUSE(op, LIMIT_MEMORY, "no memory to start");
    }
    refresher->gate = gate;
    (void)pthread_mutex_init(&refresher->mutex, NULL);
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&refresher->wake, &steady);
    (void)pthread_condattr_destroy(&steady);
    if (pthread_create(&refresher->thread, NULL, refresher_main, refresher) != 0) {
        free(refresher);
        REFUSE(op, LIMIT_MEMORY, "no thread can be started: %s", strerror(errno));
    }
    *ret_refresher = refresher;
    return NULL;
}

void refresher_stop(struct refresher *refresher) {
    if (refresher == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&refresher->mutex);
    refresher->stop = true;
    (void)pthread_cond_signal(&refresher->wake);
    (void)pthread_mutex_unlock(&refresher->mutex);
    (void)pthread_join(refresher->thread, NULL);
    (void)pthread_cond_destroy(&refresher->wake);
    (void)pthread_mutex_destroy(&refresher->mutex);
    free(refresher);
}
