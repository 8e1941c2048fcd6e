// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of ours towards identity providers, and how they are rolled over: which one is used, which is published, which only
// decrypts. The gate has a set of each kind (saml/sp_keys_state.c keeps it beside the files); a connection may have sets of
// its own (connection_sp_keys.c). The rules of the steps are the same, and stand here.
#ifndef GATEHOUSE_DOMAIN_SP_KEY_H
#define GATEHOUSE_DOMAIN_SP_KEY_H

#include "base/op.h"

#define SP_KEYS_MAX 2 // of a kind at once: the one that is used, and one on its way in or out
enum sp_key_kind { SP_SIGNING, SP_ENCRYPTION };
#define SP_KEY_KINDS 2
enum sp_key_state {
    SP_KEY_NEXT,    // published, not used yet; one for encryption decrypts already
    SP_KEY_CURRENT, // used, and published first
    SP_KEY_OLD,     // published still; one for encryption decrypts
    SP_KEY_RETIRED, // published no more; one for encryption decrypts until it is removed
};
extern const char *const sp_key_kind_names[], *const sp_key_state_names[];
#define SP_KEY_OF_GATE 0 // number of a row of a connection: whatever the gate's own set of this kind has
struct sp_key_row {
    uint32_t number;
    int state; // enum sp_key_state
};
struct sp_key_set {
    struct sp_key_row rows[SP_KEYS_MAX]; // the current one first
    size_t count;
};

// The steps. Each changes the set, or refuses and leaves it: not_found, illegal_transition.
enum sp_key_step { SP_KEY_USE, SP_KEY_RETIRE, SP_KEY_REMOVE };
// `number` comes in as `next`.
MUST_USE reason sp_key_set_add(struct op *op, struct sp_key_set *set, enum sp_key_kind kind,
                               uint32_t number);
// use: from next or old; the current one becomes old. retire: from old. remove: from retired or next.
MUST_USE reason sp_key_set_step(struct op *op, struct sp_key_set *set, enum sp_key_kind kind,
                                uint32_t number, enum sp_key_step step);
// One of them is the current one, it stands first, and no number stands twice. Brings the current one to the front.
bool sp_key_set_holds(struct sp_key_set *set);

#endif
