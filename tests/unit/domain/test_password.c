// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of passwords, and which are refused; sealing; codes of the second factor.
#include "people.h"

#include <liboath/oath.h>

#include "domain/password.h"
#include "domain/second_factor.h"

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

static struct op *op_of(void **state) {
    return &house_of(state)->fixture->op;
}

static reason check(struct op *op, const struct password_policy *policy, const char *password) {
    const struct user jane = {.email = S("jane.smith@acme.example"),
                              .first_name = S("Jane"),
                              .last_name = S("Smith")};
    op->error_count = 0;
    return password_check(op, policy, &jane, S("Gatehouse"), S("/password"), slice_str(password));
}

static struct password_policy usual(void) {
    const struct tenant_settings settings = tenant_settings_default(S("acme"));
    return password_policy_of(&settings);
}

static void good_ones_are_taken(void **state) {
    static const char *const good[] = {
        "correct horse battery staple", "tr0ub4dor&3x-quince", "Zwölf Boxkämpfer jagen",
        "mV9#kQ2!xL7$", "seven purple monkeys dance",
    };
    struct password_policy policy = usual();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_done(check(op_of(state), &policy, good[i]));
    }
}

static void weak_ones_are_refused_by_field(void **state) {
    static const char *const weak[] = {
        "short1!",          "Password1234",     "p@ssw0rd12345",     "qwertyuiop12",
        "123456789012",     "abcdefghijklmn",   "aaaaaaaaaaaaaa",    "jane.smith2026!",
        "xxJane.Smith-xx1", "my Gatehouse pass", "letmeinletmein",   "MonkeyMonkey1",
        "the smith family", "ababababababab",
    };
    struct password_policy policy = usual();
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        reason why = check(op_of(state), &policy, weak[i]);
        if (why != REASON_OF(PASSWORD_WEAK)) {
            print_error("taken: %s\n", weak[i]);
        }
        assert_reason(why, PASSWORD_WEAK);
        assert_fault(op_of(state), 0, "/password", PASSWORD_WEAK);
    }
    static char long_one[300];
    memset(long_one, 'x', sizeof long_one - 1);
    assert_reason(check(op_of(state), &policy, long_one), INVALID_INPUT);
    assert_fault(op_of(state), 0, "/password", FIELD_RANGE);
}

static void the_preset_asks_for_four_kinds_of_characters(void **state) {
    struct tenant_settings settings = tenant_settings_default(S("acme"));
    assert_false(password_preset(S("nonesuch"), &settings));
    assert_true(password_preset(S("acquia_cdp"), &settings));
    struct password_policy policy = password_policy_of(&settings);
    assert_int_equal(policy.max_age_days, 90);
    assert_done(check(op_of(state), &policy, "kV9#qmpz"));
    assert_reason(check(op_of(state), &policy, "kV9qmpzz"), PASSWORD_WEAK);
    assert_reason(check(op_of(state), &policy, "kV9#qmp"), PASSWORD_WEAK);
}

static void the_strictest_of_several_tenants_counts(void **state) {
    (void)state;
    struct password_policy a = {.min_length = 8, .classes = 4, .max_age_days = 0, .lock_attempts = 10};
    struct password_policy b = {.min_length = 14,
                                .max_age_days = 90,
                                .history = 5,
                                .lock_attempts = 5,
                                .lock_minutes = 30,
                                .hard_lock = true,
                                .second_factor = true};
    struct password_policy both = password_policy_stricter(a, b);
    assert_int_equal(both.min_length, 14);
    assert_int_equal(both.classes, 4);
    assert_int_equal(both.max_age_days, 90);
    assert_int_equal(both.history, 5);
    assert_int_equal(both.lock_attempts, 5);
    assert_true(both.hard_lock && both.second_factor);
    b.max_age_days = 30;
    assert_int_equal(password_policy_stricter(b, both).max_age_days, 30);
}

// ---- sealing ----

static void what_is_sealed_opens_with_the_same_key_and_purpose_only(void **state) {
    struct op *op = op_of(state);
    struct seal_key key = {{1, 2, 3}};
    struct seal_key other = {{3, 2, 1}};
    struct slice sealed;
    struct slice again;
    struct slice bytes;
    assert_done(seal_close(op, &key, S("usr_1"), S("secret"), &sealed));
    assert_done(seal_close(op, &key, S("usr_1"), S("secret"), &again));
    assert_false(slice_equal(sealed, again));
    assert_done(seal_open(op, &key, S("usr_1"), sealed, &bytes));
    assert_slice(bytes, "secret");
    assert_reason(seal_open(op, &other, S("usr_1"), sealed, &bytes), KEY_FILE);
    assert_reason(seal_open(op, &key, S("usr_2"), sealed, &bytes), KEY_FILE);
    assert_reason(seal_open(op, &key, S("usr_1"), slice_sub(sealed, 0, 20), &bytes), KEY_FILE);
    char changed[64];
    memcpy(changed, sealed.at, sealed.len);
    changed[14] ^= 1;
    assert_reason(seal_open(op, &key, S("usr_1"), slice_of(changed, sealed.len), &bytes), KEY_FILE);
}

// ---- the second factor ----

static const struct seal_key seal = {{7}};

// What an authenticator shows `steps` from now.
static const char *code_at(struct op *op, const struct factor_setup *setup, int steps) {
    static char code[8];
    char *secret = NULL;
    size_t len = 0;
    char base32[64];
    size_t at = 0;
    for (size_t i = 0; i < setup->secret.len; i++) {
        if (setup->secret.at[i] != ' ') {
            base32[at++] = setup->secret.at[i];
        }
    }
    assert_int_equal(oath_base32_decode(base32, at, &secret, &len), OATH_OK);
    assert_int_equal(len, FACTOR_SECRET);
    time_t time = (time_t)(op->now / SECOND_MS) + steps * FACTOR_STEP_S;
    assert_int_equal(oath_totp_generate(secret, len, time, FACTOR_STEP_S, 0, FACTOR_DIGITS, code), OATH_OK);
    free(secret);
    return code;
}

static struct account with_factor(struct op *op, struct factor_setup *setup, struct texts *codes) {
    struct account account = {.user_id = S("usr_1")};
    bool good = false;
    assert_done(factor_begin(op, &seal, &account, S("Gatehouse"), S("jane@acme.example"), setup));
    assert_done(factor_confirm(op, &seal, &account, slice_str(code_at(op, setup, 0)), &good, codes));
    assert_true(good);
    return account;
}

static void a_secret_is_confirmed_by_its_first_code(void **state) {
    struct op *op = op_of(state);
    struct account account = {.user_id = S("usr_1")};
    struct factor_setup setup;
    struct factor_setup again;
    struct texts codes;
    bool good = true;
    assert_done(factor_confirm(op, &seal, &account, S("123456"), &good, &codes));
    assert_false(good); // none waits
    assert_done(factor_begin(op, &seal, &account, S("Gate house"), S("jane@acme.example"), &setup));
    assert_true(slice_starts(setup.uri, S("otpauth://totp/Gate%20house:jane%40acme.example?secret=")));
    assert_true(slice_find(account.factor_pending, setup.secret) == SIZE_MAX);
    assert_done(factor_pending(op, &seal, &account, S("Gate house"), S("jane@acme.example"), &again, &good));
    assert_true(good && slice_equal(setup.secret, again.secret));
    assert_done(factor_confirm(op, &seal, &account, S("12345"), &good, &codes));
    assert_false(good);
    assert_int_equal(account.factor_at, 0);
    assert_done(factor_confirm(op, &seal, &account, slice_str(code_at(op, &setup, 0)), &good, &codes));
    assert_true(good && account.factor_at == op->now);
    assert_int_equal(codes.count, RECOVERY_CODES);
    assert_int_equal(account.recovery.count, RECOVERY_CODES);
    assert_false(slice_equal(codes.at[0], codes.at[1]));
    assert_true(slice_find(account.recovery.at[0], codes.at[0]) == SIZE_MAX); // hashed
}

static bool takes(struct op *op, struct account *account, const char *code) {
    bool good = false;
    assert_done(factor_check(op, &seal, account, slice_str(code), &good, NULL));
    return good;
}

static void a_code_is_good_once_and_one_step_around(void **state) {
    struct op *op = op_of(state);
    struct factor_setup setup;
    struct texts codes;
    struct account account = with_factor(op, &setup, &codes);
    assert_false(takes(op, &account, code_at(op, &setup, 0))); // the one that confirmed it
    assert_false(takes(op, &account, code_at(op, &setup, -1)));
    assert_true(takes(op, &account, code_at(op, &setup, 1)));
    assert_false(takes(op, &account, code_at(op, &setup, 1)));
    op->now += 10 * FACTOR_STEP_S * SECOND_MS;
    assert_false(takes(op, &account, code_at(op, &setup, 2)));
    assert_false(takes(op, &account, code_at(op, &setup, -2)));
    char spaced[10];
    (void)snprintf(spaced, sizeof spaced, "%.3s %.3s", code_at(op, &setup, 0), code_at(op, &setup, 0) + 3);
    assert_true(takes(op, &account, spaced));
}

static void a_recovery_code_is_good_once(void **state) {
    struct op *op = op_of(state);
    struct factor_setup setup;
    struct texts codes;
    struct account account = with_factor(op, &setup, &codes);
    const char *code = NULL;
    assert_done(op_cstr(op, codes.at[3], &code));
    assert_true(takes(op, &account, code));
    assert_int_equal(account.recovery.count, RECOVERY_CODES - 1);
    assert_false(takes(op, &account, code));
    assert_false(takes(op, &account, "abcd-efgh-jkmn"));
    assert_done(op_cstr(op, codes.at[4], &code));
    char capital[RECOVERY_TEXT + 1];
    for (size_t i = 0; i <= RECOVERY_TEXT; i++) {
        capital[i] = code[i] >= 'a' && code[i] <= 'z' ? (char)(code[i] - 'a' + 'A') : code[i];
    }
    assert_true(takes(op, &account, capital));
    factor_forget(&account);
    assert_done(op_cstr(op, codes.at[5], &code));
    assert_false(takes(op, &account, code));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(good_ones_are_taken),
        T(weak_ones_are_refused_by_field),
        T(the_preset_asks_for_four_kinds_of_characters),
        T(the_strictest_of_several_tenants_counts),
        T(what_is_sealed_opens_with_the_same_key_and_purpose_only),
        T(a_secret_is_confirmed_by_its_first_code),
        T(a_code_is_good_once_and_one_step_around),
        T(a_recovery_code_is_good_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
