// SPDX-License-Identifier: GPL-3.0-or-later
#include "saml/brake.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"

struct slot {
    int64_t since, until; // clock_steady
    unsigned failures;
};
struct brake {
    pthread_mutex_t mutex;
    struct slot slots[BRAKE_SLOTS];
};

struct brake *brake_open(void) {
    struct brake *brake = calloc(1, sizeof *brake);
    if (brake != NULL) {
        (void)pthread_mutex_init(&brake->mutex, NULL);
    }
    return brake;
}

void brake_close(struct brake *brake) {
    if (brake != NULL) {
        (void)pthread_mutex_destroy(&brake->mutex);
        free(brake);
    }
}

static struct slot *slot_of(struct brake *brake, struct slice connection) {
    struct sha256 digest = digest_sha256(connection);
    uint32_t number;
    memcpy(&number, digest.bytes, sizeof number);
    return &brake->slots[number % BRAKE_SLOTS];
}

void brake_failed(struct brake *brake, struct slice connection) {
    int64_t now = clock_steady();
    struct slot *slot = slot_of(brake, connection);
    (void)pthread_mutex_lock(&brake->mutex);
    if (now - slot->since > BRAKE_WINDOW) {
        slot->since = now;
        slot->failures = 0;
    }
    if (++slot->failures >= BRAKE_FAILURES) {
        slot->until = now + BRAKE_PAUSE;
    }
    (void)pthread_mutex_unlock(&brake->mutex);
}

bool brake_is_on(struct brake *brake, struct slice connection) {
    struct slot *slot = slot_of(brake, connection);
    (void)pthread_mutex_lock(&brake->mutex);
    bool on = clock_steady() < slot->until;
    (void)pthread_mutex_unlock(&brake->mutex);
    return on;
}
