// SPDX-License-Identifier: GPL-3.0-or-later
// Reads and shows access to components; also their catalogue.
#include "http/api/components.h"

// ---- reading ------------------------------------------------------------------------------------------

static void read_level(struct op *op, struct slice name, const struct json *value,
                       struct component_ask *ask) {
    struct slice level = SLICE_NONE;
    bool known = false;
    struct slice pointer = op_text(op, "/components/%.*s", SLICE(slice_sub(name, 0, 64)));
    if (!json_text(value, &level)) {
        op_error(op, pointer, REASON_OF(FIELD_TYPE), "a level is a text, as in \"full\"");
    } else if (!component_ask_set(ask, name, level, &known)) {
        if (known) {
            op_error(op, pointer, REASON_OF(FIELD_VALUE), "one of %.*s is expected",
                     SLICE(component_level_words(op, name)));
        } else {
            op_error(op, pointer, REASON_OF(FIELD_UNKNOWN), "there is no such component");
        }
    }
}

reason components_take(struct op *op, const struct json *object, struct component_ask *ret_ask,
                       const struct json **ret_rest) {
    static const char *const names[] = {"components", "bundle", NULL};
    size_t before = op->error_count;
    const struct json *components = api_member(object, "components");
    const struct json *bundle = api_member(object, "bundle");
    struct slice name;
    const struct json *value;
    size_t at = 0;
    component_ask_open(ret_ask);
    if (components != NULL && !json_is_object(components)) {
        op_error(op, S("/components"), REASON_OF(FIELD_TYPE),
                 "an object is expected, as in {\"campaigns\":\"full\"}");
    }
    while (json_is_object(components) && json_member(components, &at, &name, &value)) {
        read_level(op, name, value, ret_ask);
    }
    if (bundle != NULL && (!json_text(bundle, &name) || !component_ask_bundle(ret_ask, name))) {
        op_error(op, S("/bundle"), REASON_OF(FIELD_VALUE), "there is one bundle: \"full\"");
    }
    if (op->error_count > before) {
        REFUSE(op, INVALID_INPUT, "access to components is not as it should be: %.*s",
               SLICE(op->errors[before].detail));
    }
    return api_without(op, object, names, ret_rest);
}

reason components_merge(struct op *op, const struct component_ask *ask, bool has_roles,
                        struct texts roles, struct rows grants, struct texts *ret_role_ids) {
    const struct grant *rows = grants.at;
    struct texts base = {NULL, 0};
    TRY(op_take(op, (roles.count + grants.count + 1) * sizeof *base.at, &base.at));
    for (size_t i = 0; has_roles && i < roles.count; i++) {
        base.at[base.count++] = roles.at[i];
    }
    for (size_t i = 0; i < grants.count; i++) {
        bool stays = !has_roles || components_is_grant(&rows[i]);
        if (rows[i].source == GRANT_MANUAL && stays && !texts_have(base, rows[i].role_id)) {
            base.at[base.count++] = rows[i].role_id;
        }
    }
    return component_apply(op, ask, base, ret_role_ids);
}

// ---- showing ------------------------------------------------------------------------------------------

bool components_is_grant(const struct grant *grant) {
    return component_level_find(grant->role_id) != NULL;
}

void components_set(struct op *op, struct json *body, struct rows grants) {
    struct slice ids[GRANTS_MAX];
    struct texts roles = {ids, 0};
    struct json *components = json_object(op);
    for (size_t i = 0; i < grants.count && roles.count < GRANTS_MAX; i++) {
        ids[roles.count++] = ((const struct grant *)grants.at)[i].role_id;
    }
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        const struct component_level *level = component_of(roles, (enum component_number)i);
        if (level != NULL) {
            json_set_str(op, components, component_table[i].id, level->level);
        }
    }
    json_set(op, body, "components", components);
    json_set_text_or_null(op, body, "bundle",
                          component_has_bundle(roles, S("full")) ? S("full") : SLICE_NONE);
}

// ---- the catalogue --------------------------------------------------------------------------------------

static reason level_json(struct op *op, const struct component_level *level,
                         struct json **ret_json) {
    struct texts permissions;
    struct json *one = json_object(op);
    const char *needs = entitlement_missing(component_level_set(level), (struct texts){NULL, 0});
    TRY(permission_texts(op, component_level_set(level), &permissions));
    json_set_str(op, one, "level", level->level);
    json_set_str(op, one, "role_id", level->role_id);
    json_set_str(op, one, "display_name", level->name);
    json_set_str(op, one, "description", level->description);
    json_set_texts(op, one, "permissions", permissions);
    json_set_text_or_null(op, one, "entitlement", slice_str(needs));
    *ret_json = one;
    return NULL;
}

reason api_components(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct json *items = json_array(op);
    (void)gate;
    (void)request;
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        struct json *one = json_object(op);
        struct json *levels = json_array(op);
        json_set_str(op, one, "id", component_table[i].id);
        json_set_str(op, one, "display_name", component_table[i].name);
        json_set_str(op, one, "description", component_table[i].description);
        for (size_t j = 0; j < component_level_count; j++) {
            struct json *level = NULL;
            if (component_levels[j].component == i) {
                TRY(level_json(op, &component_levels[j], &level));
                json_add(op, levels, level);
            }
        }
        json_set(op, one, "levels", levels);
        json_add(op, items, one);
    }
    return api_reply_list(op, reply, items, SLICE_NONE, COMPONENT_COUNT);
}
