// SPDX-License-Identifier: GPL-3.0-or-later
// Which keys of ours a connection has for itself. Only numbers and states are rows here: the keys are files, and so is
// what the gate's own set has.
#include "domain/connection.h"
#include "domain/connection_check.h"

struct sp_key_set connection_key_set(const struct connection *connection, enum sp_key_kind kind) {
    struct sp_key_set set = {.count = 0};
    const struct own_key *rows = connection->own_keys.at;
    for (size_t i = 0; i < connection->own_keys.count && set.count < SP_KEYS_MAX; i++) {
        if (rows[i].kind == (int)kind) {
            set.rows[set.count++] = (struct sp_key_row){(uint32_t)rows[i].number, rows[i].state};
        }
    }
    // A record that holds no set as it should be is as one without: then the gate's keys count.
    if (!sp_key_set_holds(&set)) {
        set = (struct sp_key_set){.rows = {{SP_KEY_OF_GATE, SP_KEY_CURRENT}}, .count = 1};
    }
    return set;
}

bool connection_has_own_keys(const struct connection *connection) {
    return connection->own_keys.count > 0;
}

static size_t put_set(struct own_key *rows, size_t count, enum sp_key_kind kind,
                      const struct sp_key_set *set) {
    if (set->count == 1 && set->rows[0].number == SP_KEY_OF_GATE) {
        return count; // as without any
    }
    for (size_t i = 0; i < set->count; i++) {
        rows[count++] = (struct own_key){(int)kind, set->rows[i].number, set->rows[i].state};
    }
    return count;
}

static reason store_set(struct op *op, struct txn *txn, const struct actor *actor,
                        struct connection *connection, enum sp_key_kind kind,
                        const struct sp_key_set *set, const char *event, uint32_t number,
                        struct connection *ret) {
    struct own_key *rows = NULL;
    size_t count = 0;
    TRY(op_take(op, CONNECTION_OWN_KEYS_MAX * sizeof *rows, &rows));
    for (int each = 0; each < SP_KEY_KINDS; each++) {
        struct sp_key_set kept = connection_key_set(connection, (enum sp_key_kind)each);
        count = put_set(rows, count, (enum sp_key_kind)each, each == (int)kind ? set : &kept);
    }
    connection->own_keys = (struct rows){rows, count};
    struct slice detail = number == SP_KEY_OF_GATE
                              ? op_text(op, "the gate's %s keys", sp_key_kind_names[kind])
                              : op_text(op, "%s key %u", sp_key_kind_names[kind], number);
    return connection_store(op, txn, actor, connection, event, detail, ret);
}

uint32_t connection_next_key(const struct connection *connection) {
    return (uint32_t)(connection->version + 1);
}

reason connection_key_add(struct op *op, struct txn *txn, const struct actor *actor, struct slice slug,
                          enum sp_key_kind kind, uint32_t number, struct connection *ret) {
    struct connection connection;
    TRY(connection_find(op, txn, slug, &connection));
    struct sp_key_set set = connection_key_set(&connection, kind);
    TRY(sp_key_set_add(op, &set, kind, number));
    // Versions only grow, also past the end of a connection: no number names two keys, and no later connection of this
    // name meets the files of this one.
    if (number != SP_KEY_OF_GATE && number != connection_next_key(&connection)) {
        REFUSE(op, ILLEGAL_TRANSITION, "the connection was changed meanwhile; try again");
    }
    return store_set(op, txn, actor, &connection, kind, &set, "sso.key_added", number, ret);
}

reason connection_key_step(struct op *op, struct txn *txn, const struct actor *actor, struct slice slug,
                           enum sp_key_kind kind, uint32_t number, enum sp_key_step step,
                           struct connection *ret) {
    static const char *const events[] = {
        [SP_KEY_USE] = "sso.key_used", [SP_KEY_RETIRE] = "sso.key_retired", [SP_KEY_REMOVE] = "sso.key_removed"};
    struct connection connection;
    TRY(connection_find(op, txn, slug, &connection));
    struct sp_key_set set = connection_key_set(&connection, kind);
    TRY(sp_key_set_step(op, &set, kind, number, step));
    return store_set(op, txn, actor, &connection, kind, &set, events[step], number, ret);
}
