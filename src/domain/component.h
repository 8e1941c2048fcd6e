// SPDX-License-Identifier: GPL-3.0-or-later
// Components of the customer-data platform and the levels of access to them (components.def). A level is a
// built-in role, cdp.<component>.<level>: nothing else grants it and nothing else takes it away.
#ifndef GATEHOUSE_DOMAIN_COMPONENT_H
#define GATEHOUSE_DOMAIN_COMPONENT_H

#include "domain/permission.h"

#define COMPONENT_PREFIX "cdp." // of their role ids: no tenant's own role begins so
#define COMPONENT_NUMBERS_MAX 4 // permissions of one level

enum component_number {
#define COMPONENT(symbol, id, name, description) COMPONENT_##symbol,
#define COMPONENT_LEVEL(symbol, level, role_id, name, description, ...)
#define BUNDLE_GIVES(bundle, role_id)
#include "domain/components.def"
#undef COMPONENT
#undef COMPONENT_LEVEL
#undef BUNDLE_GIVES
    COMPONENT_COUNT
};
struct component {
    const char *id, *name, *description;
};
extern const struct component component_table[COMPONENT_COUNT];

struct component_level {
    uint8_t component; // enum component_number
    const char *level; // "full", "view", "on"
    const char *role_id, *name, *description;
    uint8_t numbers[COMPONENT_NUMBERS_MAX]; // of permissions; 0 (sign-in, which each role gives) fills up
};
extern const struct component_level component_levels[]; // of one component: what gives most first
extern const size_t component_level_count;

// NULL: this is no role of a component.
const struct component_level *component_level_find(struct slice role_id);
struct permission_set component_level_set(const struct component_level *level);

// Which access is wanted: for each component a level, none, or nothing said.
#define COMPONENT_UNSAID (-1)
#define COMPONENT_NONE (-2)
struct component_ask {
    int8_t level[COMPONENT_COUNT]; // index into component_levels
    bool said;                     // any of them
};
void component_ask_open(struct component_ask *ret_ask);
// "campaigns", "full". False when there is no such component (*ret_known false), or it has no such level.
bool component_ask_set(struct component_ask *ask, struct slice component, struct slice level,
                       bool *ret_known);
// A bundle of levels by its name ("full"); what was said by component stays. False: there is none.
bool component_ask_bundle(struct component_ask *ask, struct slice bundle);
// Role ids with what the ask says of components in place of what they said of them.
MUST_USE reason component_apply(struct op *op, const struct component_ask *ask,
                                struct texts role_ids, struct texts *ret_role_ids);
// The level that these role ids give (the highest); NULL: none.
const struct component_level *component_of(struct texts role_ids, enum component_number component);
// Do they give all that the bundle does?
bool component_has_bundle(struct texts role_ids, struct slice bundle);
// The levels a component has, as "full or view".
struct slice component_level_words(struct op *op, struct slice component);
// Says a refusal of this role by field, "/components/campaigns" or "/roles", and gives it back.
MUST_USE reason component_blame(struct op *op, struct slice role_id, reason why);

#endif
