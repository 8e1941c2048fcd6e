// SPDX-License-Identifier: GPL-3.0-or-later
// People as lines of a file: from JSON, and from the store. What is written here bulk.c reads back as it was meant.
#include "base/json.h"
#include "domain/bulk_parts.h"

// ---- JSON items ----

struct item {
    struct slice email, first_name, last_name, ticket, action;
    struct texts roles;
    int64_t expires_at;
    bool sso_only;
};
static const struct field item_rows[] = {
    F_TEXT(struct item, email, 1, FIELD_MUST, 1024),
    F_TEXT(struct item, first_name, 2, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXT(struct item, last_name, 3, FIELD_PLAIN, 4 * USER_NAME_MAX),
    F_TEXTS(struct item, roles, 4, FIELD_PLAIN, ROLES_EACH_MAX),
    F_BOOL(struct item, sso_only, 5, FIELD_PLAIN),
    F_TIME(struct item, expires_at, 6, FIELD_PLAIN),
    F_TEXT(struct item, ticket, 7, FIELD_NULL, MEMBER_TEXT_MAX),
    F_TEXT(struct item, action, 8, FIELD_PLAIN, 16),
};
FIELD_TABLE(bulk_item_fields, "item", 1, struct item, item_rows);

// Role ids between semicolons; "none" for an empty list.
static void put_roles(struct op *op, struct buf *out, struct texts roles) {
    struct slice all = S("");
    for (size_t i = 0; i < roles.count; i++) {
        all = op_text(op, "%.*s%s%.*s", SLICE(all), i > 0 ? ";" : "", SLICE(roles.at[i]));
    }
    csv_put(out, roles.count > 0 ? all : S("none"), false);
}

static void put_time(struct buf *out, int64_t time) {
    char text[CLOCK_TEXT];
    csv_put(out, time > 0 ? clock_print(time, text) : S("never"), false);
}

static void put_item(struct op *op, struct buf *out, const struct json *object,
                     const struct item *item) {
    csv_put(out, item->email, true);
    csv_put(out, item->first_name, false);
    csv_put(out, item->last_name, false);
    if (json_get(object, "roles") != NULL) {
        put_roles(op, out, item->roles);
    } else {
        csv_put(out, S(""), false);
    }
    csv_put(out, json_get(object, "sso_only") == NULL ? S("") : item->sso_only ? S("true") : S("false"),
            false);
    if (json_get(object, "expires_at") != NULL) {
        put_time(out, item->expires_at);
    } else {
        csv_put(out, S(""), false);
    }
    csv_put(out, item->ticket, false);
    csv_put(out, item->action, false);
}

// "components" and "bundle" go by the tables of components; the rest is what the field table knows.
static reason take_components(struct op *op, const struct json *object, size_t index,
                              struct component_ask *ret_ask, const struct json **ret_rest) {
    const struct json *components = json_get(object, "components");
    struct slice bundle;
    struct slice name;
    const struct json *value;
    size_t at = 0;
    size_t before = op->error_count;
    component_ask_open(ret_ask);
    while (json_is_object(components) && json_member(components, &at, &name, &value)) {
        struct slice level = S("");
        bool known = false;
        if (!json_text(value, &level) || !component_ask_set(ret_ask, name, level, &known)) {
            op_error(op, op_text(op, "/items/%zu/components/%.*s", index, SLICE(name)),
                     known ? REASON_OF(FIELD_VALUE) : REASON_OF(FIELD_UNKNOWN),
                     "a component and one of its levels, or none");
        }
    }
    if (json_text(json_get(object, "bundle"), &bundle) && !component_ask_bundle(ret_ask, bundle)) {
        op_error(op, op_text(op, "/items/%zu/bundle", index), REASON_OF(FIELD_VALUE),
                 "there is no such bundle");
    }
    struct json *rest = json_object(op);
    at = 0;
    while (json_member(object, &at, &name, &value)) {
        const char *text = NULL;
        TRY(op_cstr(op, name, &text));
        if (!slice_equal(name, S("components")) && !slice_equal(name, S("bundle"))) {
            json_set(op, rest, text, value);
        }
    }
    *ret_rest = rest;
    if (op->error_count > before) {
        REFUSE(op, INVALID_INPUT, "the access to a component is not one that there is");
    }
    return NULL;
}

static void put_ask(struct buf *out, const struct component_ask *ask) {
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        csv_put(out,
                ask->level[i] >= 0 ? slice_str(component_levels[ask->level[i]].level)
                : ask->level[i] == COMPONENT_NONE ? S("none")
                                                  : S(""),
                false);
    }
}

static reason put_object(struct op *op, struct buf *out, const struct json *object, size_t index) {
    struct component_ask ask;
    struct item item = {.email = SLICE_NONE};
    const struct json *rest = object;
    component_ask_open(&ask);
    if (json_is_object(object)) {
        TRY(take_components(op, object, index, &ask, &rest));
    }
    TRY(json_to_fields(op, &bulk_item_fields, rest, op_text(op, "/items/%zu", index), &item));
    put_item(op, out, rest, &item);
    put_ask(out, &ask);
    csv_row_end(out);
    return NULL;
}

static void put_names(struct buf *out, bool all) {
    for (int i = 0; i < BULK_ALL; i++) {
        if (i >= BULK_COLUMNS || all || bulk_columns[i].item) {
            csv_put(out, slice_str(bulk_column_name(i)), i == 0);
        }
    }
    csv_row_end(out);
}

reason bulk_from_json(struct op *op, const struct json *object, struct slice *ret_csv) {
    const struct json *items = json_get(object, "items");
    struct buf out;
    buf_open(&out, op, BULK_BYTES_MAX);
    if (!json_is_array(items)) {
        op_error(op, S("/items"), REASON_OF(FIELD_REQUIRED), "a list of people is expected");
        REFUSE(op, INVALID_INPUT, "the member items, a list of people, is missing");
    }
    put_names(&out, false);
    for (size_t i = 0; i < json_count(items); i++) {
        TRY(put_object(op, &out, json_at(items, i), i));
    }
    return buf_done(&out, ret_csv);
}

// ---- members ----

void bulk_put_header(struct buf *out) {
    put_names(out, true);
}

enum whose { BY_HAND, OF_COMPONENTS, BY_OTHERS };
static enum whose whose(const struct grant *grant) {
    if (grant->source != GRANT_MANUAL) {
        return BY_OTHERS;
    }
    return component_level_find(grant->role_id) != NULL ? OF_COMPONENTS : BY_HAND;
}

// The roles by hand and the components, which an import sets; or the others; each once.
static reason roles_of(struct op *op, const struct membership *membership, enum whose kind,
                       struct texts *ret_roles) {
    struct texts roles = {NULL, 0};
    const struct grant *grants = membership->grants.at;
    TRY(op_take(op, (membership->grants.count + 1) * sizeof *roles.at, &roles.at));
    for (size_t i = 0; i < membership->grants.count; i++) {
        if (whose(&grants[i]) == kind && !texts_have(roles, grants[i].role_id)) {
            roles.at[roles.count++] = grants[i].role_id;
        }
    }
    *ret_roles = roles;
    return NULL;
}

static void put_seen(struct buf *out, int64_t time) {
    char text[CLOCK_TEXT];
    csv_put(out, time > 0 ? clock_print(time, text) : S(""), false);
}

reason bulk_put_member(struct op *op, struct buf *out, const struct member *member) {
    const struct membership *membership = &member->membership;
    struct texts manual;
    struct texts components;
    struct texts others;
    TRY(roles_of(op, membership, BY_HAND, &manual));
    TRY(roles_of(op, membership, OF_COMPONENTS, &components));
    TRY(roles_of(op, membership, BY_OTHERS, &others));
    csv_put(out, member->user.email, true);
    csv_put(out, member->user.first_name, false);
    csv_put(out, member->user.last_name, false);
    put_roles(op, out, manual);
    csv_put(out, membership->sso_only ? S("true") : S("false"), false);
    put_time(out, membership->expires_at);
    csv_put(out, membership->ticket, false);
    csv_put(out, S(""), false); // action
    csv_put(out, member->user.id, false);
    csv_put(out, slice_str(membership_status_names[membership_now(membership, op->now)]), false);
    if (others.count > 0) {
        put_roles(op, out, others);
    } else {
        csv_put(out, S(""), false);
    }
    put_seen(out, member->visit.last);
    put_seen(out, membership->created_at);
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        const struct component_level *level = component_of(components, (enum component_number)i);
        csv_put(out, level != NULL ? slice_str(level->level) : S("none"), false);
    }
    csv_row_end(out);
    return NULL;
}

reason bulk_member_json(struct op *op, const struct member *member, struct json **ret_item) {
    const struct membership *membership = &member->membership;
    struct texts manual;
    struct texts components;
    struct json *item = json_object(op);
    struct json *levels = json_object(op);
    TRY(roles_of(op, membership, BY_HAND, &manual));
    TRY(roles_of(op, membership, OF_COMPONENTS, &components));
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        const struct component_level *level = component_of(components, (enum component_number)i);
        json_set_str(op, levels, component_table[i].id, level != NULL ? level->level : "none");
    }
    json_set_text_or_null(op, item, "email", member->user.email);
    json_set_text(op, item, "first_name", member->user.first_name);
    json_set_text(op, item, "last_name", member->user.last_name);
    json_set_texts(op, item, "roles", manual);
    json_set(op, item, "components", levels);
    json_set_bool(op, item, "sso_only", membership->sso_only);
    json_set_time(op, item, "expires_at", membership->expires_at);
    json_set_text_or_null(op, item, "ticket", membership->ticket);
    *ret_item = item;
    return NULL;
}
