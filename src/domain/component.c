// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of components.def, and what is asked of them: which level a list of roles gives, and a list of
// roles with other levels in it. Who may give them is said elsewhere, as for any role.
#include "domain/component.h"

const struct component component_table[COMPONENT_COUNT] = {
#define COMPONENT(symbol, id_, name_, description_) {id_, name_, description_},
#define COMPONENT_LEVEL(symbol, level, role_id, name, description, ...)
#define BUNDLE_GIVES(bundle, role_id)
#include "domain/components.def"
#undef COMPONENT
#undef COMPONENT_LEVEL
};

const struct component_level component_levels[] = {
#define COMPONENT(symbol, id, name, description)
#define COMPONENT_LEVEL(symbol, level_, role_id_, name_, description_, ...)                        \
    {COMPONENT_##symbol, level_, role_id_, name_, description_, {__VA_ARGS__}},
#include "domain/components.def"
#undef COMPONENT
#undef COMPONENT_LEVEL
#undef BUNDLE_GIVES
};
const size_t component_level_count = sizeof component_levels / sizeof component_levels[0];

static const struct {
    const char *bundle, *role_id;
} bundle_rows[] = {
#define COMPONENT(symbol, id, name, description)
#define COMPONENT_LEVEL(symbol, level, role_id, name, description, ...)
#define BUNDLE_GIVES(bundle_, role_id_) {bundle_, role_id_},
#include "domain/components.def"
#undef COMPONENT
#undef COMPONENT_LEVEL
#undef BUNDLE_GIVES
};
#define BUNDLE_ROWS (sizeof bundle_rows / sizeof bundle_rows[0])

const struct component_level *component_level_find(struct slice role_id) {
    for (size_t i = 0; slice_starts(role_id, S(COMPONENT_PREFIX)) && i < component_level_count;
         i++) {
        if (slice_equal(role_id, slice_str(component_levels[i].role_id))) {
            return &component_levels[i];
        }
    }
    return NULL;
}

struct permission_set component_level_set(const struct component_level *level) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < COMPONENT_NUMBERS_MAX; i++) {
        permission_add_number(&set, level->numbers[i]);
    }
    return set;
}

// ---- asking ----

void component_ask_open(struct component_ask *ret_ask) {
    ret_ask->said = false;
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        ret_ask->level[i] = COMPONENT_UNSAID;
    }
}

static int component_number(struct slice id) {
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        if (slice_equal(id, slice_str(component_table[i].id))) {
            return i;
        }
    }
    return COMPONENT_COUNT;
}

bool component_ask_set(struct component_ask *ask, struct slice component, struct slice level,
                       bool *ret_known) {
    int number = component_number(component);
    *ret_known = number < COMPONENT_COUNT;
    if (!*ret_known) {
        return false;
    }
    if (slice_equal(level, S("none"))) {
        ask->level[number] = COMPONENT_NONE;
        ask->said = true;
        return true;
    }
    for (size_t i = 0; i < component_level_count; i++) {
        if (component_levels[i].component == number &&
            slice_equal(level, slice_str(component_levels[i].level))) {
            ask->level[number] = (int8_t)i;
            ask->said = true;
            return true;
        }
    }
    return false;
}

bool component_ask_bundle(struct component_ask *ask, struct slice bundle) {
    bool found = false;
    for (size_t i = 0; i < BUNDLE_ROWS; i++) {
        if (!slice_equal(bundle, slice_str(bundle_rows[i].bundle))) {
            continue;
        }
        const struct component_level *level =
            component_level_find(slice_str(bundle_rows[i].role_id));
        found = true;
        if (ask->level[level->component] == COMPONENT_UNSAID) {
            ask->level[level->component] = (int8_t)(level - component_levels);
        }
    }
    ask->said = ask->said || found;
    return found;
}

reason component_apply(struct op *op, const struct component_ask *ask, struct texts role_ids,
                       struct texts *ret_role_ids) {
    struct texts made = {NULL, 0};
    TRY(op_take(op, (role_ids.count + COMPONENT_COUNT) * sizeof *made.at, &made.at));
    for (size_t i = 0; i < role_ids.count; i++) {
        const struct component_level *level = component_level_find(role_ids.at[i]);
        if (level == NULL || ask->level[level->component] == COMPONENT_UNSAID) {
            made.at[made.count++] = role_ids.at[i];
        }
    }
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        if (ask->level[i] >= 0) {
            made.at[made.count++] = slice_str(component_levels[ask->level[i]].role_id);
        }
    }
    *ret_role_ids = made;
    return NULL;
}

// ---- showing ----

const struct component_level *component_of(struct texts role_ids, enum component_number component) {
    for (size_t i = 0; i < component_level_count; i++) {
        if (component_levels[i].component == component &&
            texts_have(role_ids, slice_str(component_levels[i].role_id))) {
            return &component_levels[i]; // the rows come with what gives most first
        }
    }
    return NULL;
}

bool component_has_bundle(struct texts role_ids, struct slice bundle) {
    bool known = false;
    for (size_t i = 0; i < BUNDLE_ROWS; i++) {
        if (slice_equal(bundle, slice_str(bundle_rows[i].bundle))) {
            known = true;
            if (!texts_have(role_ids, slice_str(bundle_rows[i].role_id))) {
                return false;
            }
        }
    }
    return known;
}

struct slice component_level_words(struct op *op, struct slice component) {
    int number = component_number(component);
    struct slice words = S("");
    for (size_t i = 0; i < component_level_count; i++) {
        if (component_levels[i].component == number) {
            words = op_text(op, "%.*s%s, ", SLICE(words), component_levels[i].level);
        }
    }
    return op_text(op, "%.*snone", SLICE(words));
}

reason component_blame(struct op *op, struct slice role_id, reason why) {
    const struct component_level *level = component_level_find(role_id);
    if (why == REASON_OF(ENTITLEMENT_MISSING)) {
        struct slice pointer =
            level != NULL ? op_text(op, "/components/%s", component_table[level->component].id)
                          : S("/roles");
        op_error(op, pointer, why, "%.*s", SLICE(op->detail));
    }
    return why;
}
