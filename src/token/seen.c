// SPDX-License-Identifier: GPL-3.0-or-later
// One slot for each start of a digest. The lock is held for 32 bytes.
#include "token/seen.h"

#include <pthread.h>
#include <stdlib.h>

struct seen {
    pthread_mutex_t lock;
    struct sha256 slots[SEEN_SLOTS];
};

struct seen *seen_open(void) {
    struct seen *seen = calloc(1, sizeof *seen);
    if (seen != NULL) {
        (void)pthread_mutex_init(&seen->lock, NULL);
    }
    return seen;
}

void seen_close(struct seen *seen) {
    if (seen != NULL) {
        (void)pthread_mutex_destroy(&seen->lock);
        free(seen);
    }
}

// A token cannot be made to meet another one's slot on purpose to any use: it only costs that one a check.
static size_t slot_of(const struct sha256 *token) {
    uint32_t start;
    memcpy(&start, token->bytes, sizeof start);
    return start % SEEN_SLOTS;
}

bool seen_has(struct seen *seen, const struct sha256 *token) {
    (void)pthread_mutex_lock(&seen->lock);
    bool has = memcmp(seen->slots[slot_of(token)].bytes, token->bytes, sizeof token->bytes) == 0;
    (void)pthread_mutex_unlock(&seen->lock);
    return has;
}

void seen_add(struct seen *seen, const struct sha256 *token) {
    (void)pthread_mutex_lock(&seen->lock);
    seen->slots[slot_of(token)] = *token;
    (void)pthread_mutex_unlock(&seen->lock);
}
