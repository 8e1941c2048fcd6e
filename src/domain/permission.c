// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue as a table, and sets of its numbers. It knows no role and no tenant: who holds what
// is role.c's, who may do what is asked by those who know the actor.
#include "domain/permission.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

#define PERMISSION(number_, symbol, id_, task_, name_, description_, pii_, entitlement_)           \
    {.number = number_,                                                                            \
     .id = id_,                                                                                    \
     .task_id = task_,                                                                             \
     .name = name_,                                                                                \
     .description = description_,                                                                  \
     .pii = pii_,                                                                                  \
     .entitlement = entitlement_},
const struct permission permission_table[] = {
#include "domain/permissions.def"
};
#undef PERMISSION
const size_t permission_count = sizeof permission_table / sizeof permission_table[0];

static_assert(sizeof permission_table / sizeof permission_table[0] <= PERMISSION_ROOM,
              "a set has no room for so many permissions");

const struct permission *permission_find(struct slice id) {
    for (size_t i = 0; i < permission_count; i++) {
        if (slice_equal(id, slice_str(permission_table[i].id))) {
            return &permission_table[i];
        }
    }
    return NULL;
}

bool permission_has(struct permission_set set, const struct permission *permission) {
    CHECK(permission->number < PERMISSION_ROOM);
    return (set.bits[permission->number / 64] >> (permission->number % 64) & 1) != 0;
}

bool permission_may(struct permission_set set, const char *id) {
    const struct permission *permission = permission_find(slice_str(id));
    return permission != NULL && permission_has(set, permission);
}

void permission_add_number(struct permission_set *set, unsigned number) {
    CHECK(number < PERMISSION_ROOM);
    set->bits[number / 64] |= UINT64_C(1) << (number % 64);
}

void permission_add(struct permission_set *set, const struct permission *permission) {
    permission_add_number(set, permission->number);
}

struct permission_set permission_union(struct permission_set a, struct permission_set b) {
    return (struct permission_set){{a.bits[0] | b.bits[0], a.bits[1] | b.bits[1]}};
}

struct permission_set permission_without(struct permission_set set, struct permission_set less) {
    return (struct permission_set){{set.bits[0] & ~less.bits[0], set.bits[1] & ~less.bits[1]}};
}

bool permission_none(struct permission_set set) {
    return set.bits[0] == 0 && set.bits[1] == 0;
}

bool permission_within(struct permission_set part, struct permission_set whole) {
    return (part.bits[0] & ~whole.bits[0]) == 0 && (part.bits[1] & ~whole.bits[1]) == 0;
}

// ---- entitlements ----

bool entitlement_known(struct slice name) {
    for (size_t i = 0; i < permission_count; i++) {
        if (permission_table[i].entitlement != NULL &&
            slice_equal(name, slice_str(permission_table[i].entitlement))) {
            return true;
        }
    }
    return false;
}

struct permission_set entitlement_lacking(struct permission_set set, struct texts entitlements) {
    struct permission_set lacking = {{0, 0}};
    for (size_t i = 0; i < permission_count; i++) {
        const struct permission *permission = &permission_table[i];
        if (permission->entitlement != NULL && permission_has(set, permission) &&
            !texts_have(entitlements, slice_str(permission->entitlement))) {
            permission_add(&lacking, permission);
        }
    }
    return lacking;
}

const char *entitlement_missing(struct permission_set set, struct texts entitlements) {
    struct permission_set lacking = entitlement_lacking(set, entitlements);
    for (size_t i = 0; i < permission_count; i++) {
        if (permission_has(lacking, &permission_table[i])) {
            return permission_table[i].entitlement;
        }
    }
    return NULL;
}

static int compare_texts(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

reason permission_texts(struct op *op, struct permission_set set, struct texts *ret_ids) {
    struct texts ids = {NULL, 0};
    TRY(op_take(op, permission_count * sizeof *ids.at, &ids.at));
    for (size_t i = 0; i < permission_count; i++) {
        if (permission_has(set, &permission_table[i])) {
            ids.at[ids.count++] = slice_str(permission_table[i].id);
        }
    }
    qsort(ids.at, ids.count, sizeof *ids.at, compare_texts);
    *ret_ids = ids;
    return NULL;
}
