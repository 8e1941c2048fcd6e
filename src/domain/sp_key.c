// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/sp_key.h"

const char *const sp_key_kind_names[] = {"signing", "encryption", NULL};
const char *const sp_key_state_names[] = {"next", "current", "old", "retired", NULL};

bool sp_key_set_holds(struct sp_key_set *set) {
    bool two = set->count == SP_KEYS_MAX;
    if (two && set->rows[1].state == SP_KEY_CURRENT) {
        struct sp_key_row first = set->rows[0];
        set->rows[0] = set->rows[1];
        set->rows[1] = first;
    }
    return set->count > 0 && set->rows[0].state == SP_KEY_CURRENT &&
           !(two && (set->rows[1].state == SP_KEY_CURRENT || set->rows[1].number == set->rows[0].number));
}

static reason find_row(struct op *op, struct sp_key_set *set, enum sp_key_kind kind, uint32_t number,
                       struct sp_key_row **ret_row) {
    for (size_t i = 0; i < set->count; i++) {
        if (set->rows[i].number == number) {
            *ret_row = &set->rows[i];
            return NULL;
        }
    }
    REFUSE(op, NOT_FOUND, "there is no %s key %u", sp_key_kind_names[kind], number);
}

static reason refuse_state(struct op *op, enum sp_key_kind kind, const struct sp_key_row *row,
                           const char *rule) {
    REFUSE(op, ILLEGAL_TRANSITION, "%s key %u is %s: %s", sp_key_kind_names[kind], row->number,
           sp_key_state_names[row->state], rule);
}

reason sp_key_set_add(struct op *op, struct sp_key_set *set, enum sp_key_kind kind, uint32_t number) {
    if (set->count == SP_KEYS_MAX) {
        REFUSE(op, ILLEGAL_TRANSITION,
               "there are %d %s keys already: finish that roll-over first (use, retire, remove)", SP_KEYS_MAX,
               sp_key_kind_names[kind]);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (set->rows[i].number == number) {
            REFUSE(op, ILLEGAL_TRANSITION, "%s key %u is %s already", sp_key_kind_names[kind], number,
                   sp_key_state_names[set->rows[i].state]);
        }
    }
    set->rows[set->count++] = (struct sp_key_row){number, SP_KEY_NEXT};
    return NULL;
}

reason sp_key_set_step(struct op *op, struct sp_key_set *set, enum sp_key_kind kind, uint32_t number,
                       enum sp_key_step step) {
    struct sp_key_row *row = NULL;
    TRY(find_row(op, set, kind, number, &row));
    switch (step) {
    case SP_KEY_USE:
        if (row->state != SP_KEY_NEXT && row->state != SP_KEY_OLD) {
            return refuse_state(op, kind, row, "only one that is published, and not used yet, comes into use");
        }
        set->rows[0].state = SP_KEY_OLD; // the current one stands first
        row->state = SP_KEY_CURRENT;
        break;
    case SP_KEY_RETIRE:
        if (row->state != SP_KEY_OLD) {
            return refuse_state(op, kind, row, "only an old one retires; bring the other one into use first");
        }
        row->state = SP_KEY_RETIRED;
        break;
    case SP_KEY_REMOVE:
        if (row->state != SP_KEY_RETIRED && row->state != SP_KEY_NEXT) {
            return refuse_state(op, kind, row, "only a retired one, or one that never came into use, is removed");
        }
        set->count = 1; // the other one is the current one, which stands first
        break;
    }
    (void)sp_key_set_holds(set);
    return NULL;
}
