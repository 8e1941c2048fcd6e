// SPDX-License-Identifier: GPL-3.0-or-later
// The roles that are data of the program: those of roles.def, and the levels of components.def.
#include "domain/component.h"
#include "domain/role_parts.h"

enum {
#define BUILTIN_ROLE(letter, id, name, description) BUILTIN_##letter,
#define BUILTIN_GIVES(permission, letters)
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
    BUILTIN_COUNT
};
const int builtin_listed_count = BUILTIN_COUNT;

enum { // so many levels have the components
#define COMPONENT(symbol, id, name, description)
#define COMPONENT_LEVEL(symbol, level, role_id, name, description, ...) +1
#define BUNDLE_GIVES(bundle, role_id)
    LEVEL_COUNT = 0
#include "domain/components.def"
#undef COMPONENT
#undef COMPONENT_LEVEL
#undef BUNDLE_GIVES
};
const int builtin_count = BUILTIN_COUNT + LEVEL_COUNT;

enum { // the letters in the lines of roles.def
#define BUILTIN_ROLE(letter, id, name, description) letter = 1 << BUILTIN_##letter,
#define BUILTIN_GIVES(permission, letters)
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
};

static const struct {
    const char *id, *name, *description;
} builtin_roles[] = {
#define BUILTIN_ROLE(letter, id, name, description) {id, name, description},
#define BUILTIN_GIVES(permission, letters)
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
};

static const struct {
    uint8_t number;
    int letters;
} builtin_gives[] = {
#define BUILTIN_ROLE(letter, id, name, description)
#define BUILTIN_GIVES(permission, letters_) {PERMISSION_##permission, letters_},
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
};

int builtin_find(struct slice role_id) {
    for (int i = 0; i < BUILTIN_COUNT; i++) {
        if (slice_equal(role_id, slice_str(builtin_roles[i].id))) {
            return i;
        }
    }
    const struct component_level *level = component_level_find(role_id);
    return level != NULL ? BUILTIN_COUNT + (int)(level - component_levels) : BUILTIN_NONE;
}

struct permission_set builtin_set(int builtin) {
    if (builtin >= BUILTIN_COUNT) {
        return component_level_set(&component_levels[builtin - BUILTIN_COUNT]);
    }
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < sizeof builtin_gives / sizeof builtin_gives[0]; i++) {
        if ((builtin_gives[i].letters & 1 << builtin) != 0) {
            permission_add_number(&set, builtin_gives[i].number);
        }
    }
    return set;
}

struct slice builtin_id(int builtin) {
    return slice_str(builtin >= BUILTIN_COUNT ? component_levels[builtin - BUILTIN_COUNT].role_id
                                              : builtin_roles[builtin].id);
}

bool builtin_has_name(struct slice name) {
    for (int i = 0; i < BUILTIN_COUNT; i++) {
        if (slice_equal_nocase(name, slice_str(builtin_roles[i].name))) {
            return true;
        }
    }
    return false;
}

reason builtin_role(struct op *op, int builtin, struct role *ret_role) {
    struct role role = {.role_id = builtin_id(builtin), .builtin = true};
    if (builtin >= BUILTIN_COUNT) {
        const struct component_level *level = &component_levels[builtin - BUILTIN_COUNT];
        role.name = slice_str(level->name);
        role.description = slice_str(level->description);
    } else {
        role.name = slice_str(builtin_roles[builtin].name);
        role.description = slice_str(builtin_roles[builtin].description);
    }
    TRY(permission_texts(op, builtin_set(builtin), &role.permissions));
    *ret_role = role;
    return NULL;
}
