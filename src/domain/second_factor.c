// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/second_factor.h"

#include <liboath/oath.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"

// Without letters and digits that look alike.
static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789";

static void init(void) {
    (void)oath_init(); // of the library; without it the first use would do it, in whatever thread
}

static struct slice of_factor(const struct account *account) {
    return account->user_id; // what is sealed for one user opens for no other
}

// ---- the secret ----

static reason print_setup(struct op *op, struct slice secret, struct slice issuer,
                          struct slice email, struct factor_setup *ret_setup) {
    char *text = NULL;
    size_t len = 0;
    struct slice label;
    struct slice maker;
    if (oath_base32_encode(secret.at, secret.len, &text, &len) != OATH_OK) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a secret");
    }
    struct slice plain = op_text(op, "%.*s", (int)len, text);
    explicit_bzero(text, len);
    free(text);
    while (slice_ends(plain, S("="))) {
        plain.len--;
    }
    TRY(encode_url(op, issuer, &maker));
    TRY(encode_url(op, email, &label));
    ret_setup->uri = op_text(
        op, "otpauth://totp/%.*s:%.*s?secret=%.*s&issuer=%.*s&algorithm=SHA1&digits=%d&period=%d",
        SLICE(maker), SLICE(label), SLICE(plain), SLICE(maker), FACTOR_DIGITS, FACTOR_STEP_S);
    struct buf groups;
    buf_open(&groups, op, 2 * plain.len);
    for (size_t i = 0; i < plain.len; i++) {
        buf_str(&groups, i > 0 && i % 4 == 0 ? " " : "");
        buf_put(&groups, slice_sub(plain, i, i + 1));
    }
    return buf_done(&groups, &ret_setup->secret);
}

reason factor_begin(struct op *op, const struct seal_key *key, struct account *account,
                    struct slice issuer, struct slice email, struct factor_setup *ret_setup) {
    uint8_t secret[FACTOR_SECRET];
    rand_bytes(secret, sizeof secret);
    struct slice bytes = slice_of(secret, sizeof secret);
    reason why = seal_close(op, key, of_factor(account), bytes, &account->factor_pending);
    if (why == NULL) {
        why = print_setup(op, bytes, issuer, email, ret_setup);
    }
    explicit_bzero(secret, sizeof secret);
    return why;
}

reason factor_pending(struct op *op, const struct seal_key *key, const struct account *account,
                      struct slice issuer, struct slice email, struct factor_setup *ret_setup,
                      bool *ret_waits) {
    struct slice secret;
    *ret_waits = account->factor_pending.len > 0;
    if (!*ret_waits) {
        return NULL;
    }
    TRY(seal_open(op, key, of_factor(account), account->factor_pending, &secret));
    return print_setup(op, secret, issuer, email, ret_setup);
}

// ---- codes ----

// Digits, as people write them: "123 456".
static bool read_digits(struct slice code, char digits[FACTOR_DIGITS + 1]) {
    size_t count = 0;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.at[i];
        if (c == ' ') {
            continue;
        }
        if (c < '0' || c > '9' || count == FACTOR_DIGITS) {
            return false;
        }
        digits[count++] = c;
    }
    digits[count] = '\0';
    return count == FACTOR_DIGITS;
}

// The step that the code belongs to, or -1. One that was taken, or an older one, is none any more.
static reason find_step(struct op *op, const struct seal_key *key, const struct account *account,
                        struct slice sealed, struct slice code, int64_t *ret_step) {
    char digits[FACTOR_DIGITS + 1];
    struct slice secret;
    uint64_t counter = 0;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    *ret_step = -1;
    (void)pthread_once(&once, init);
    if (!read_digits(code, digits)) {
        return NULL;
    }
    TRY(seal_open(op, key, of_factor(account), sealed, &secret));
    int found = oath_totp_validate3(secret.at, secret.len, (time_t)(op->now / SECOND_MS),
                                    FACTOR_STEP_S, 0, FACTOR_WINDOW, NULL, &counter, digits);
    if (found >= 0 && (int64_t)counter > account->factor_step) {
        *ret_step = (int64_t)counter;
    }
    return NULL;
}

// ---- recovery codes ----

static reason hash_recovery(struct op *op, const struct account *account, struct slice code,
                            struct slice *ret_hash) {
    struct slice parts[] = {account->user_id, code};
    struct sha256 digest = digest_parts(parts, 2);
    return encode_hex(op, digest_slice(&digest), ret_hash);
}

// Fourteen characters of 31: 59 bits without the hyphens. No bias: what is past the last whole alphabet is drawn again.
static void draw(char code[RECOVERY_TEXT + 1]) {
    for (size_t i = 0; i < RECOVERY_TEXT; i++) {
        uint8_t byte = 0xFF;
        while (byte >= 8 * (sizeof alphabet - 1)) {
            rand_bytes(&byte, 1);
        }
        code[i] = i == 4 || i == 9 ? '-' : alphabet[byte % (sizeof alphabet - 1)];
    }
    code[RECOVERY_TEXT] = '\0';
}

static reason make_recovery(struct op *op, struct account *account, struct texts *ret_codes) {
    struct texts codes = {NULL, RECOVERY_CODES};
    struct texts hashes = {NULL, RECOVERY_CODES};
    TRY(op_take(op, RECOVERY_CODES * sizeof *codes.at, &codes.at));
    TRY(op_take(op, RECOVERY_CODES * sizeof *hashes.at, &hashes.at));
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        char code[RECOVERY_TEXT + 1];
        draw(code);
        TRY(op_copy(op, slice_str(code), &codes.at[i]));
        TRY(hash_recovery(op, account, codes.at[i], &hashes.at[i]));
    }
    account->recovery = hashes;
    *ret_codes = codes;
    return NULL;
}

// Capitals and spaces do not matter.
static reason use_recovery(struct op *op, struct account *account, struct slice code,
                           bool *ret_good) {
    char plain[RECOVERY_TEXT];
    size_t len = 0;
    struct slice hash;
    *ret_good = false;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.at[i];
        if (c == ' ') {
            continue;
        }
        if (len == sizeof plain) {
            return NULL;
        }
        plain[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    TRY(hash_recovery(op, account, slice_of(plain, len), &hash));
    struct texts left = {NULL, 0};
    TRY(op_take(op, account->recovery.count * sizeof *left.at, &left.at));
    for (size_t i = 0; i < account->recovery.count; i++) {
        if (same_secret(account->recovery.at[i], hash)) {
            *ret_good = true;
        } else {
            left.at[left.count++] = account->recovery.at[i];
        }
    }
    account->recovery = left;
    return NULL;
}

// ---- for all ----

reason factor_confirm(struct op *op, const struct seal_key *key, struct account *account,
                      struct slice code, bool *ret_good, struct texts *ret_recovery) {
    int64_t step = -1;
    *ret_good = false;
    if (account->factor_pending.len == 0) {
        return NULL;
    }
    account->factor_step = 0; // of the secret that goes
    TRY(find_step(op, key, account, account->factor_pending, code, &step));
    if (step < 0) {
        return NULL;
    }
    account->factor = account->factor_pending;
    account->factor_pending = SLICE_NONE;
    account->factor_at = op->now;
    account->factor_step = step;
    TRY(make_recovery(op, account, ret_recovery));
    *ret_good = true;
    return NULL;
}

reason factor_check(struct op *op, const struct seal_key *key, struct account *account,
                    struct slice code, bool *ret_good, bool *ret_recovery) {
    int64_t step = -1;
    bool recovered = false;
    *ret_good = false;
    if (account->factor_at == 0 || account->factor.len == 0) {
        return NULL;
    }
    TRY(find_step(op, key, account, account->factor, code, &step));
    if (step >= 0) {
        account->factor_step = step;
    } else {
        TRY(use_recovery(op, account, code, &recovered));
    }
    *ret_good = step >= 0 || recovered;
    if (ret_recovery != NULL) {
        *ret_recovery = recovered;
    }
    return NULL;
}

void factor_forget(struct account *account) {
    account->factor = SLICE_NONE;
    account->factor_pending = SLICE_NONE;
    account->factor_at = 0;
    account->factor_step = 0;
    account->recovery = (struct texts){NULL, 0};
}
