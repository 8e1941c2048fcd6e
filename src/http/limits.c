// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/limits.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/rand.h"
#include "domain/sign_in.h"
#include "http/address.h"
#include "http/counters.h"
#include "http/gate.h"

// Each kind has windows of its own length, and so a table of its own.
enum kind { KIND_ADDRESS, KIND_CONNECTION, KIND_PENDING_ADDRESS, KIND_PENDING_CONNECTION, KIND_REFUSED, KIND_SECRET, KIND_TOKEN, KIND_CODE, KIND_API, KIND_PASSWORD,
    KIND_FORGOT_EACH, KIND_FORGOT_ADDRESS, KIND_PLATFORM, KINDS };
struct reading {
    struct sha256 key;
    int64_t hour;
};
struct limits {
    pthread_mutex_t mutex;
    uint8_t secret[16];
    struct reading readings[READINGS_KNOWN];
    struct counters counters[KINDS];
};

struct limits *limits_open(void) {
    struct limits *limits = calloc(1, sizeof *limits);
    if (limits != NULL) {
        (void)pthread_mutex_init(&limits->mutex, NULL);
        rand_bytes(limits->secret, sizeof limits->secret);
    }
    return limits;
}

void limits_close(struct limits *limits) {
    if (limits != NULL) {
        (void)pthread_mutex_destroy(&limits->mutex);
        free(limits);
    }
}

// Counts `add` for the key, which has two parts; false when this window has had `most`.
static bool count_pair(struct limits *limits, enum kind kind, struct slice key, struct slice more,
                       int64_t window, int64_t most, uint32_t add) {
    struct slice parts[] = {slice_of(limits->secret, sizeof limits->secret), key, more};
    struct sha256 digest = digest_parts(parts, 3);
    (void)pthread_mutex_lock(&limits->mutex);
    bool fits = counters_count(&limits->counters[kind], &digest, window, most, add);
    (void)pthread_mutex_unlock(&limits->mutex);
    return fits;
}

static bool count(struct limits *limits, enum kind kind, struct slice key, int64_t now,
                  int64_t length, int64_t most) {
    return count_pair(limits, kind, key, S(""), now / length, most, 1);
}

// The same for all addresses of one subscriber.
static bool count_address(struct limits *limits, enum kind kind, struct slice address, int64_t now,
                          int64_t length, int64_t most, uint32_t add) {
    char room[ADDRESS_TEXT_MAX];
    return count_pair(limits, kind, address_share(address, room), S(""), now / length, most, add);
}

reason limits_login(struct op *op, struct limits *limits, const struct settings *settings,
                    struct slice address, struct slice connection) {
    int64_t now = clock_steady();
    if (settings->login_rate > 0 &&
        !count_address(limits, KIND_ADDRESS, address, now, MINUTE_MS, settings->login_rate, 1)) {
        REFUSE(op, LOGIN_RATE_LIMITED, "more than %lld logins in a minute from %.*s (login_rate)",
               (long long)settings->login_rate, SLICE(address));
    }
    if (settings->connection_rate > 0 &&
        !count(limits, KIND_CONNECTION, connection, now, SECOND_MS, settings->connection_rate)) {
        REFUSE(op, LOGIN_RATE_LIMITED,
               "more than %lld logins in a second on connection %.*s (connection_rate)",
               (long long)settings->connection_rate, SLICE(connection));
    }
    return NULL;
}

reason limits_pending(struct op *op, struct limits *limits, const struct settings *settings,
                      struct slice address, struct slice connection) {
    int64_t now = clock_steady();
    if (!count_address(limits, KIND_PENDING_ADDRESS, address, now, PENDING_LIFETIME,
                       settings->pending_address_limit, 1)) {
        REFUSE(op, LOGIN_RATE_LIMITED,
               "%lld sign-ins were started from %.*s within 15 minutes (pending_address_limit)",
               (long long)settings->pending_address_limit, SLICE(address));
    }
    if (!count(limits, KIND_PENDING_CONNECTION, connection, now, PENDING_LIFETIME,
               settings->pending_limit)) {
        REFUSE(op, LOGIN_RATE_LIMITED,
               "%lld sign-ins were started on connection %.*s within 15 minutes (pending_limit)",
               (long long)settings->pending_limit, SLICE(connection));
    }
    return NULL;
}

reason limits_password(struct op *op, struct limits *limits, const struct settings *settings,
                       struct slice address, bool failed) {
    int64_t most = settings->password_address_limit;
    if (!count_address(limits, KIND_PASSWORD, address, clock_steady(), SIGN_IN_WINDOW, most,
                       failed ? 1 : 0) &&
        !failed) {
        REFUSE(op, SIGN_IN_LIMIT, "%lld bad passwords came from %.*s within 15 minutes "
               "(password_address_limit)", (long long)most, SLICE(address));
    }
    return NULL;
}

reason limits_platform(struct op *op, struct limits *limits, struct slice credential) {
    if (!count(limits, KIND_PLATFORM, credential, clock_steady(), MINUTE_MS, PLATFORM_RATE)) {
        REFUSE(op, RATE_LIMITED, "more than %d requests in a minute with this credential",
               PLATFORM_RATE);
    }
    return NULL;
}

bool limits_forgot(struct limits *limits, const struct settings *settings, struct slice email,
                   struct slice address) {
    int64_t now = clock_steady();
    int64_t most = settings->password_address_limit / FORGOT_ADDRESS_SHARE + 1;
    return count_address(limits, KIND_FORGOT_ADDRESS, address, now, HOUR_MS, most, 1) &&
           count(limits, KIND_FORGOT_EACH, email, now, HOUR_MS, FORGOT_EACH_MAX);
}

bool limits_keep_refusal(struct limits *limits, struct slice connection) {
    return count(limits, KIND_REFUSED, connection, clock_steady(), MINUTE_MS, REFUSALS_KEPT_MAX);
}

static bool count_secret(struct limits *limits, struct slice address, struct slice client,
                         uint32_t add) {
    char room[ADDRESS_TEXT_MAX];
    return count_pair(limits, KIND_SECRET, address_share(address, room), client,
                      clock_steady() / MINUTE_MS, SECRETS_BAD_MAX, add);
}

bool limits_token(struct limits *limits, struct slice credential) {
    return count(limits, KIND_TOKEN, credential, clock_steady(), MINUTE_MS, TOKENS_EACH_MAX);
}

bool limits_code(struct limits *limits, struct slice session) {
    return count(limits, KIND_CODE, session, clock_steady(), MINUTE_MS, CODES_EACH_MAX);
}

bool limits_secret_fits(struct limits *limits, struct slice address, struct slice client) {
    return count_secret(limits, address, client, 0);
}

bool limits_bad_secret(struct limits *limits, struct slice address, struct slice client) {
    return count_secret(limits, address, client, 1);
}

reason limits_api(struct op *op, struct limits *limits, const struct settings *settings,
                  struct slice credential) {
    if (settings->api_rate > 0 && !count(limits, KIND_API, credential, clock_steady(), MINUTE_MS,
                                         settings->api_rate)) {
        REFUSE(op, RATE_LIMITED, "more than %lld requests in a minute with one credential (api_rate)",
               (long long)settings->api_rate);
    }
    return NULL;
}

int64_t limits_api_wait(void) {
    return (MINUTE_MS - clock_steady() % MINUTE_MS) / SECOND_MS + 1;
}

static struct reading *reading_of(struct limits *limits, const struct sha256 *key) {
    uint32_t hash;
    memcpy(&hash, key->bytes, sizeof hash);
    return &limits->readings[hash % READINGS_KNOWN];
}

bool limits_read_known(struct limits *limits, const struct sha256 *key, int64_t hour) {
    (void)pthread_mutex_lock(&limits->mutex);
    const struct reading *reading = reading_of(limits, key);
    bool known = reading->hour == hour &&
                 memcmp(reading->key.bytes, key->bytes, sizeof key->bytes) == 0;
    (void)pthread_mutex_unlock(&limits->mutex);
    return known;
}

void limits_read_noted(struct limits *limits, const struct sha256 *key, int64_t hour) {
    (void)pthread_mutex_lock(&limits->mutex);
    *reading_of(limits, key) = (struct reading){*key, hour};
    (void)pthread_mutex_unlock(&limits->mutex);
}
