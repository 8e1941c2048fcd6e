// SPDX-License-Identifier: GPL-3.0-or-later
// Random bytes from getrandom(2) and the ULIDs made of them. No generator of our own and no seed.
#include "base/rand.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/check.h"

#define TIME_CHARACTERS 10
#define TIME_MAX ((INT64_C(1) << 48) - 1)
#define STOCK_BYTES 512 // ids and salts of three sign-ins

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void rand_bytes(void *to, size_t len) {
    char *at = to;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        CHECK(got > 0);
        at += got;
        len -= (size_t)got;
    }
}

// What a thread fetched and has not given away yet: the last `left` of the bytes.
static _Thread_local struct {
    char bytes[STOCK_BYTES];
    size_t left;
} stock;

// In a child of fork only the thread that forked goes on, and its parent gives these bytes away.
static void forget_stock(void) {
    explicit_bzero(&stock, sizeof stock);
}

static void watch_forks(void) {
    CHECK(pthread_atfork(NULL, NULL, forget_stock) == 0);
}

void rand_open_bytes(void *to, size_t len) {
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    if (len > sizeof stock.bytes) {
        rand_bytes(to, len);
        return;
    }
    if (len > stock.left) {
        (void)pthread_once(&watched, watch_forks);
        rand_bytes(stock.bytes, sizeof stock.bytes);
        stock.left = sizeof stock.bytes;
    }
    char *from = stock.bytes + sizeof stock.bytes - stock.left;
    memcpy(to, from, len);
    explicit_bzero(from, len); // nobody gets them twice, whatever goes wrong
    stock.left -= len;
}

// `count` characters of five bits, the highest first.
static void base32(char *to, uint64_t number, size_t count) {
    for (size_t i = count; i > 0; i--) {
        to[i - 1] = crockford[number & 31];
        number >>= 5;
    }
}

reason rand_ulid(struct op *op, struct slice prefix, struct slice *ret_id) {
    char *at = NULL;
    TRY(op_take_raw(op, prefix.len + ULID_TEXT, &at));
    if (prefix.len > 0) {
        memcpy(at, prefix.at, prefix.len);
    }
    uint64_t random[2];
    rand_open_bytes(random, sizeof random);
    int64_t now = op->now < 0 ? 0 : op->now > TIME_MAX ? TIME_MAX : op->now;
    char *ulid = at + prefix.len;
    base32(ulid, (uint64_t)now, TIME_CHARACTERS);
    base32(ulid + TIME_CHARACTERS, random[0], 8);
    base32(ulid + TIME_CHARACTERS + 8, random[1], 8);
    *ret_id = slice_of(at, prefix.len + ULID_TEXT);
    return NULL;
}

// The number that `count` characters stand for.
static bool read_base32(const char *at, size_t count, uint64_t *ret_number) {
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        const char *found = memchr(crockford, at[i], sizeof crockford - 1);
        if (found == NULL) {
            return false;
        }
        number = number << 5 | (uint64_t)(found - crockford);
    }
    *ret_number = number;
    return true;
}

static void put_bytes(uint8_t *to, uint64_t number, size_t count) {
    for (size_t i = count; i > 0; i--) {
        to[i - 1] = (uint8_t)number;
        number >>= 8;
    }
}

// 48 bits of time, then twice 40.
bool ulid_bytes(struct slice ulid, uint8_t ret_bytes[ULID_BYTES]) {
    uint64_t time = 0;
    uint64_t random[2] = {0, 0};
    if (ulid.len != ULID_TEXT || !read_base32(ulid.at, TIME_CHARACTERS, &time) ||
        time >> 48 != 0 || !read_base32(ulid.at + TIME_CHARACTERS, 8, &random[0]) ||
        !read_base32(ulid.at + TIME_CHARACTERS + 8, 8, &random[1])) {
        return false;
    }
    put_bytes(ret_bytes, time, 6);
    put_bytes(ret_bytes + 6, random[0], 5);
    put_bytes(ret_bytes + 11, random[1], 5);
    return true;
}

bool ulid_time(struct slice ulid, int64_t *ret_ms) {
    uint8_t bytes[ULID_BYTES];
    int64_t time = 0;
    if (!ulid_bytes(ulid, bytes)) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        time = time << 8 | bytes[i];
    }
    *ret_ms = time;
    return true;
}
