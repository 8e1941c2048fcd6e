// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/account.h"

#include "domain/space.h"

static const struct field account_rows[] = {
    F_TEXT(struct account, user_id, 1, FIELD_HIDDEN, 64),
    F_TEXT(struct account, password, 2, FIELD_HIDDEN, PASSWORD_HASH_MAX),
    F_TIME(struct account, password_at, 3, FIELD_HIDDEN),
    F_TEXTS(struct account, history, 4, FIELD_HIDDEN, ACCOUNT_HISTORY_MAX),
    F_NUMBER(struct account, failures, 5, FIELD_HIDDEN, 0, INT32_MAX),
    F_TIME(struct account, failures_since, 6, FIELD_HIDDEN),
    F_NUMBER(struct account, locks, 7, FIELD_HIDDEN, 0, INT32_MAX),
    F_BYTES(struct account, factor, 8, FIELD_HIDDEN, FACTOR_SEALED_MAX),
    F_BYTES(struct account, factor_pending, 9, FIELD_HIDDEN, FACTOR_SEALED_MAX),
    F_TIME(struct account, factor_at, 10, FIELD_HIDDEN),
    F_NUMBER(struct account, factor_step, 11, FIELD_HIDDEN, 0, INT64_MAX),
    F_TEXTS(struct account, recovery, 12, FIELD_HIDDEN, RECOVERY_CODES),
};
FIELD_TABLE(account_fields, "account", 1, struct account, account_rows);

static void account_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_ACCOUNT);
    key_text(ret_key, ((const struct account *)row)->user_id);
}
const struct entity account_entity = {
    .space = SPACE_ACCOUNT, .fields = &account_fields, .key = account_key};

reason account_find(struct op *op, struct txn *txn, struct slice user_id,
                       struct account *ret_account, bool *ret_found) {
    struct account account = {.user_id = user_id};
    struct key key;
    bool found = false;
    account_key(&account, &key);
    TRY(entity_find(op, txn, &account_entity, &key, &account, &found));
    *ret_account = account;
    *ret_found = found;
    return NULL;
}

reason account_put(struct op *op, struct txn *txn, const struct account *account) {
    return entity_put(op, txn, &account_entity, account);
}

reason account_remove(struct op *op, struct txn *txn, struct slice user_id) {
    struct key key;
    bool there = false;
    account_key(&(struct account){.user_id = user_id}, &key);
    return entity_remove(op, txn, &account_entity, &key, &there);
}

reason account_renew(struct op *op, struct account *account, struct slice hash) {
    if (account->password.len > 0) {
        struct texts history = {NULL, 0};
        TRY(op_take(op, ACCOUNT_HISTORY_MAX * sizeof *history.at, &history.at));
        history.at[history.count++] = account->password;
        for (size_t i = 0; i < account->history.count && history.count < ACCOUNT_HISTORY_MAX;
             i++) {
            history.at[history.count++] = account->history.at[i];
        }
        account->history = history;
    }
    account->password = hash;
    account->password_at = hash.len > 0 ? op->now : 0;
    account->failures = 0;
    account->failures_since = 0;
    return NULL;
}

reason account_void(struct op *op, struct txn *txn, struct slice user_id) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, user_id, &account, &found));
    if (!found) {
        return NULL;
    }
    TRY(account_renew(op, &account, SLICE_NONE));
    return account_put(op, txn, &account);
}

reason account_forgive(struct op *op, struct txn *txn, struct slice user_id) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, user_id, &account, &found));
    if (!found || (account.failures == 0 && account.locks == 0)) {
        return NULL;
    }
    account.failures = 0;
    account.failures_since = 0;
    account.locks = 0;
    return account_put(op, txn, &account);
}
