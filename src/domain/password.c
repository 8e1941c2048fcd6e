// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/password.h"

#include "base/argon.h"
#include "base/text.h"
#include "domain/listing.h"
#include "domain/space.h"

#define CORE_MAX 64   // no well-known password is longer
#define AROUND_MAX 6  // characters before and after a well-known one that do not make it a good one
#define ALIKE_MIN 5   // different characters that a password must have
#define RUN_SHARE 4   // one in so many characters at least is no neighbour of the one before

// The list as it stands in the source (domain/common_passwords.txt).
__asm__(".section .rodata\n"
        ".global common_passwords_start\n.hidden common_passwords_start\n"
        ".global common_passwords_end\n.hidden common_passwords_end\n"
        "common_passwords_start:\n.incbin \"src/domain/common_passwords.txt\"\n"
        "common_passwords_end:\n.byte 0\n.previous\n");
extern const char common_passwords_start[], common_passwords_end[];

// ---- policy ----

struct password_policy password_policy_of(const struct tenant_settings *settings) {
    return (struct password_policy){
        .min_length = settings->password_min_length,
        .classes = settings->password_classes,
        .max_age_days = settings->password_max_age_days,
        .history = settings->password_history,
        .lock_attempts = settings->lock_attempts,
        .lock_minutes = settings->lock_minutes,
        .hard_lock = settings->hard_lock,
        .second_factor = settings->require_second_factor,
    };
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

struct password_policy password_policy_stricter(struct password_policy a,
                                                struct password_policy b) {
    int64_t age = a.max_age_days == 0 || (b.max_age_days > 0 && b.max_age_days < a.max_age_days)
                      ? b.max_age_days
                      : a.max_age_days;
    return (struct password_policy){
        .min_length = larger(a.min_length, b.min_length),
        .classes = larger(a.classes, b.classes),
        .max_age_days = age,
        .history = larger(a.history, b.history),
        .lock_attempts = a.lock_attempts < b.lock_attempts ? a.lock_attempts : b.lock_attempts,
        .lock_minutes = larger(a.lock_minutes, b.lock_minutes),
        .hard_lock = a.hard_lock || b.hard_lock,
        .second_factor = a.second_factor || b.second_factor,
    };
}

struct gathering {
    struct txn *txn;
    struct password_policy policy;
    bool any;
    reason why;
};
static bool add_tenant(struct op *op, const void *row, void *arg) {
    const struct membership *membership = row;
    struct gathering *gathering = arg;
    struct tenant_settings settings;
    // What a tenant asks that only invited counts for nothing: nobody is bound by who wants to be joined.
    if (membership->status == MEMBER_DELETED || membership->status == MEMBER_INVITED ||
        membership->status == MEMBER_INVITE_EXPIRED) {
        return true;
    }
    reason why = tenant_settings_find(op, gathering->txn, membership->tenant, &settings);
    if (why == REASON_OF(NOT_FOUND)) {
        return true;
    }
    gathering->why = why;
    if (why == NULL) {
        struct password_policy policy = password_policy_of(&settings);
        gathering->policy =
            gathering->any ? password_policy_stricter(gathering->policy, policy) : policy;
        gathering->any = true;
    }
    return why == NULL;
}

reason password_policy_for(struct op *op, struct txn *txn, struct slice user_id,
                           struct password_policy *ret_policy) {
    const struct tenant_settings none = tenant_settings_default(S(""));
    struct gathering gathering = {.txn = txn, .policy = password_policy_of(&none)};
    struct key prefix = key_in(SPACE_MEMBERSHIP_OF);
    key_text(&prefix, user_id);
    const struct listing listing = {
        .entity = &membership_entity, .prefix = key_slice(&prefix), .index = true};
    TRY(listing_each(op, txn, &listing, add_tenant, &gathering));
    TRY(gathering.why);
    *ret_policy = gathering.policy;
    return NULL;
}

bool password_preset(struct slice name, struct tenant_settings *settings) {
    if (!slice_equal(name, S("acquia_cdp"))) {
        return false;
    }
    settings->password_min_length = 8;
    settings->password_classes = 4;
    settings->password_max_age_days = 90;
    return true;
}

// ---- well-known ones ----

// What people write for a letter.
static char plain(char c) {
    static const char signs[] = "@4831!05$79";
    static const char meant[] = "aabeliosstg";
    const char *at = c != '\0' ? strchr(signs, c) : NULL;
    if (at != NULL) {
        return meant[at - signs];
    }
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool in_list(struct slice word) {
    char line[CORE_MAX + 2];
    if (word.len == 0 || word.len > CORE_MAX) {
        return false;
    }
    line[0] = '\n';
    memcpy(line + 1, word.at, word.len);
    line[word.len + 1] = '\n';
    struct slice all =
        slice_of(common_passwords_start, (size_t)(common_passwords_end - common_passwords_start));
    return slice_find(all, slice_of(line, word.len + 2)) != SIZE_MAX;
}

static bool listed(struct slice text, bool as_meant) {
    char word[CORE_MAX];
    if (text.len > sizeof word) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        word[i] = as_meant ? plain(c) : (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return in_list(slice_of(word, text.len));
}

// Without what stands before its first and after its last letter, when that is little.
static struct slice core_of(struct slice password) {
    size_t from = 0;
    size_t to = password.len;
    while (from < to && !is_letter(password.at[from])) {
        from++;
    }
    while (to > from && !is_letter(password.at[to - 1])) {
        to--;
    }
    return password.len - (to - from) <= AROUND_MAX ? slice_sub(password, from, to) : SLICE_NONE;
}

static bool is_half_twice(struct slice text) {
    size_t half = text.len / 2;
    return text.len % 2 == 0 && half >= PASSWORD_PART_MIN &&
           slice_equal(slice_sub(text, 0, half), slice_sub(text, half, text.len));
}

// Few different characters, or a run along the alphabet or the digits.
static bool is_pattern(struct slice text) {
    size_t different = 0;
    size_t steps = 0;
    for (size_t i = 0; i < text.len; i++) {
        different += memchr(text.at, text.at[i], i) == NULL ? 1 : 0;
        int step = i > 0 ? text.at[i] - text.at[i - 1] : 0;
        steps += i > 0 && step >= -1 && step <= 1 ? 1 : 0;
    }
    return different < ALIKE_MIN || (text.len > 1 && text.len - steps <= text.len / RUN_SHARE);
}

bool password_common(struct slice password) {
    struct slice core = core_of(password);
    struct slice front = core.len > 0 ? slice_sub(password, 0, (size_t)(core.at - password.at) + core.len)
                                      : SLICE_NONE;
    return listed(password, false) || listed(password, true) || listed(core, false) ||
           listed(core, true) || listed(front, true) || is_pattern(password) ||
           (is_half_twice(password) && listed(slice_sub(password, 0, password.len / 2), true)) ||
           (is_half_twice(core) && listed(slice_sub(core, 0, core.len / 2), true));
}

// ---- one password ----

static bool has_part(struct slice password, struct slice part) {
    for (size_t i = 0; part.len >= PASSWORD_PART_MIN && i + part.len <= password.len; i++) {
        if (slice_equal_nocase(slice_sub(password, i, i + part.len), part)) {
            return true;
        }
    }
    return part.len > 0 && slice_equal_nocase(password, part);
}

static int64_t classes_of(struct slice password) {
    bool upper = false;
    bool lower = false;
    bool digit = false;
    bool other = false;
    for (size_t i = 0; i < password.len; i++) {
        char c = password.at[i];
        upper = upper || (c >= 'A' && c <= 'Z');
        lower = lower || (c >= 'a' && c <= 'z');
        digit = digit || (c >= '0' && c <= '9');
        other = other || (!is_letter(c) && !(c >= '0' && c <= '9'));
    }
    return (upper ? 1 : 0) + (lower ? 1 : 0) + (digit ? 1 : 0) + (other ? 1 : 0);
}

static int64_t characters(struct slice text) {
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.at[i] & 0xC0U) != 0x80U ? 1 : 0;
    }
    return count;
}

static const char *fault_of(struct op *op, const struct password_policy *policy,
                            const struct user *user, struct slice product, struct slice password) {
    struct slice local = slice_sub(user->email, 0, slice_find(user->email, S("@")));
    (void)op;
    if (characters(password) < policy->min_length) {
        return "it is too short";
    }
    if (classes_of(password) < policy->classes) {
        return "it has too few kinds of characters (capitals, small letters, digits, others)";
    }
    if (has_part(password, local) || has_part(password, user->email)) {
        return "it contains the e-mail address";
    }
    if (has_part(password, user->first_name) || has_part(password, user->last_name)) {
        return "it contains the name";
    }
    if (has_part(password, product)) {
        return "it contains the name of this service";
    }
    return password_common(password) ? "it is one of those that are tried first" : NULL;
}

reason password_check(struct op *op, const struct password_policy *policy, const struct user *user,
                      struct slice product, struct slice pointer, struct slice password) {
    if (password.len > ARGON_PASSWORD_MAX || !text_utf8(password) ||
        memchr(password.len > 0 ? password.at : "", 0, password.len) != NULL) {
        op_error(op, pointer, REASON_OF(FIELD_RANGE), "at most %d bytes of text", ARGON_PASSWORD_MAX);
        REFUSE(op, INVALID_INPUT, "a password is text of at most %d bytes", ARGON_PASSWORD_MAX);
    }
    const char *fault = fault_of(op, policy, user, product, password);
    if (fault != NULL) {
        op_error(op, pointer, REASON_OF(PASSWORD_WEAK), "%s", fault);
        REFUSE(op, PASSWORD_WEAK, "%s", fault);
    }
    return NULL;
}

struct slice password_rules(struct op *op, const struct password_policy *policy) {
    struct slice text = op_text(op, "At least %lld characters", (long long)policy->min_length);
    if (policy->classes > 1) {
        text = op_text(op, "%.*s, of %lld kinds (capitals, small letters, digits, others)",
                       SLICE(text), (long long)policy->classes);
    }
    text = op_text(op, "%.*s. Not your name or address, and none that many people use.", SLICE(text));
    if (policy->history > 0) {
        text = op_text(op, "%.*s None of your last %lld.", SLICE(text), (long long)policy->history);
    }
    return text;
}
