// SPDX-License-Identifier: GPL-3.0-or-later
// What people send for a password and for a code: the checks of a new password, the codes of a second factor and the recovery
// codes. The first byte chooses the policy; a code that was found by chance may be good once, and never twice.
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "domain/password.h"
#include "domain/second_factor.h"

static const struct seal_key seal = {{1, 2, 3, 4}};

static void code(struct op *op, struct slice input) {
    static const uint8_t secret[FACTOR_SECRET] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    struct account account = {.user_id = S("usr_fuzz"), .factor_at = 1};
    struct slice none = S("00");
    bool good = false;
    bool again = false;
    account.recovery = (struct texts){&none, 1};
    CHECK(seal_close(op, &seal, account.user_id, slice_of(secret, sizeof secret), &account.factor) == NULL);
    CHECK(factor_check(op, &seal, &account, input, &good, NULL) == NULL);
    CHECK(factor_check(op, &seal, &account, input, &again, NULL) == NULL);
    CHECK(!good || !again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct user user = {.email = S("jane.smith@acme.example"),
                              .first_name = S("Jane"),
                              .last_name = S("Smith")};
    if (size == 0) {
        return 0;
    }
    struct op op;
    op_open(&op, INT64_C(1700000000000));
    struct slice input = slice_of(data + 1, size - 1);
    struct password_policy policy = {.min_length = 8 + data[0] % 16, .classes = data[0] % 5, .history = data[0] % 3};
    reason why = password_check(&op, &policy, &user, S("Gatehouse"), S("/password"), input);
    CHECK(why != NULL || input.len >= (size_t)policy.min_length);
    CHECK(why != NULL || !password_common(input));
    (void)password_rules(&op, &policy);
    code(&op, input);
    op_close(&op);
    return 0;
}
