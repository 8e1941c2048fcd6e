// SPDX-License-Identifier: GPL-3.0-or-later
// The kinds of things in a configuration, a row each.
#include "app/cli/move.h"

#include "base/check.h"
#include "base/text.h"
#include "domain/organization.h"
#include "domain/tenant_settings.h"
#include "http/api/api.h"

#define SLUG_MAX 63
#define ADDRESS_MAX 2048

static const struct field organization_rows[] = {
    F_TEXT(struct organization, slug, 1, FIELD_MUST, SLUG_MAX),
    F_TEXT(struct organization, name, 2, FIELD_PLAIN, ORGANIZATION_NAME_MAX),
};
static FIELD_TABLE(organization_members, "organization", 1, struct organization, organization_rows);

static const struct field role_rows[] = {
    F_TEXT(struct role, role_id, 1, FIELD_MUST, 64),
    F_TEXT(struct role, name, 2, FIELD_PLAIN, ROLE_NAME_MAX),
    F_TEXT(struct role, description, 3, FIELD_PLAIN, ROLE_DESCRIPTION_MAX),
    F_TEXTS(struct role, permissions, 4, FIELD_PLAIN, PERMISSION_ROOM),
};
static FIELD_TABLE(role_members, "role", 1, struct role, role_rows);

static const struct field override_rows[] = {
    F_TEXT(struct role_override, role_id, 1, FIELD_MUST, 64),
    F_TEXTS(struct role_override, denied, 2, FIELD_MUST, PERMISSION_ROOM),
};
static FIELD_TABLE(override_members, "override", 1, struct role_override, override_rows);

static const struct field idp_rows[] = {
    F_TEXT(struct idp, entity_id, 1, FIELD_MUST, 1024),
    F_STRUCTS(struct idp, sso, 2, FIELD_MUST, CONNECTION_ENDPOINTS_MAX, endpoint_fields),
    F_STRUCTS(struct idp, slo, 3, FIELD_PLAIN, CONNECTION_ENDPOINTS_MAX, endpoint_fields),
    F_TIME(struct idp, valid_until, 4, FIELD_PLAIN),
    F_BOOL(struct idp, want_signed_requests, 5, FIELD_PLAIN),
    F_TEXT(struct idp, metadata_url, 6, FIELD_NULL, ADDRESS_MAX),
    F_NUMBER(struct idp, metadata_valid_days, 7, FIELD_PLAIN, 0, METADATA_VALID_DAYS_MAX),
};
static FIELD_TABLE(idp_members, "idp", 1, struct idp, idp_rows);
static const char *const idp_certificates[] = {"certificates", "metadata_certificates", NULL};

struct document {
    struct slice format;
    int64_t version;
};
static const struct field document_rows[] = {
    F_TEXT(struct document, format, 1, FIELD_MUST, SLUG_MAX),
    F_NUMBER(struct document, version, 2, FIELD_MUST, INT64_MIN, INT64_MAX),
};
static FIELD_TABLE(document_members, "document", 1, struct document, document_rows);

// Columns as in struct move_row. The order is that in which an import makes things.
static const struct move_row rows[] = {
    [MOVE_ORGANIZATION] = {.name = "organization", .line = "organization", .key = "slug",
                           .fields = &organization_members,
                           .at = "/organizations/%n", .make = "/organizations", .change = METHOD_PUT},
    [MOVE_TENANT] = {.name = "tenant", .line = "tenant", .key = "slug", .fields = &tenant_ask_fields,
                     .parts = {{"settings", MOVE_SETTINGS, false}, {"roles", MOVE_ROLE, true},
                               {"overrides", MOVE_OVERRIDE, true}, {"connections", MOVE_CONNECTION, true}},
                     .at = "/tenants/%n", .make = "/tenants", .change = METHOD_PUT},
    [MOVE_SETTINGS] = {.name = "settings", .line = "tenant", .what = "settings",
                       .fields = &tenant_settings_fields,
                       .at = "/tenants/%t/settings", .change = METHOD_PATCH},
    [MOVE_ROLE] = {.name = "role", .line = "role", .key = "role_id", .fields = &role_members,
                   .at = "/tenants/%t/roles/%n", .make = "/tenants/%t/roles", .change = METHOD_PATCH},
    [MOVE_OVERRIDE] = {.name = "override", .line = "role", .what = "override", .key = "role_id",
                       .fields = &override_members, .at = "/tenants/%t/roles/%n",
                       .change_at = "/tenants/%t/roles/%n/override", .change = METHOD_PUT},
    [MOVE_CONNECTION] = {.name = "connection", .line = "connection", .key = "slug",
                         .fields = &connection_ask_fields,
                         .parts = {{"idp", MOVE_IDP, false}, {"policy", MOVE_POLICY, false},
                                   {"rules", MOVE_RULES, false}},
                         .at = "/connections/%n", .make = "/tenants/%t/connections",
                         .change = METHOD_PUT},
    [MOVE_IDP] = {.name = "idp", .line = "connection", .what = "idp", .fields = &idp_members,
                  .certificates = idp_certificates, .at = "/connections/%n/idp", .change = METHOD_PUT,
                  .whole = true},
    [MOVE_POLICY] = {.name = "policy", .line = "connection", .what = "policy", .fields = &policy_fields,
                     .at = "/connections/%n/policy", .change = METHOD_PUT, .whole = true,
                     .personal = "break_glass"},
    [MOVE_RULES] = {.name = "rules", .line = "connection", .what = "rules", .fields = &mapping_fields,
                    .at = "/connections/%n/rules", .change = METHOD_PUT, .whole = true},
    [MOVE_DOCUMENT] = {.name = "document", .fields = &document_members,
                       .parts = {{"organizations", MOVE_ORGANIZATION, true},
                                 {"tenants", MOVE_TENANT, true}}},
};

const struct move_row *move_row(enum move_kind kind) {
    CHECK((size_t)kind < sizeof rows / sizeof rows[0]);
    return &rows[kind];
}

struct slice move_text(const struct json *object, const char *member) {
    struct slice text = S("");
    (void)json_text(json_get(object, member), &text);
    return text;
}

struct slice move_address(struct op *op, const char *pattern, struct slice tenant, struct slice name) {
    struct buf out;
    buf_open(&out, op, ADDRESS_MAX);
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c == '%') {
            c++;
            buf_put(&out, api_part(op, *c == 't' ? tenant : name));
        } else {
            buf_byte(&out, (uint8_t)*c);
        }
    }
    return buf_slice(&out);
}

static void copy_member(struct op *op, const struct json *from, const char *name, struct json *to,
                        const char *as) {
    const struct json *value = json_get(from, name);
    if (value != NULL) {
        json_set(op, to, as, value);
    }
}

reason move_shown(struct op *op, enum move_kind kind, const struct json *answer,
                  struct json **ret_shown) {
    const struct move_row *row = move_row(kind);
    struct json *shown = json_object(op);
    for (size_t i = 0; i < row->fields->count; i++) {
        const struct field *field = &row->fields->fields[i];
        // Of a role the API shows what the tenant took out of it, and apart from that all that it does not give.
        bool override = kind == MOVE_OVERRIDE && strcmp(field->name, "denied") == 0;
        if ((field->flags & FIELD_HIDDEN) == 0) {
            copy_member(op, answer, override ? "taken_out" : field->name, shown, field->name);
        }
    }
    for (size_t i = 0; row->certificates != NULL && row->certificates[i] != NULL; i++) {
        const char *name = NULL;
        TRY(op_cstr(op, op_text(op, "%s_der", row->certificates[i]), &name));
        copy_member(op, answer, name, shown, row->certificates[i]);
    }
    *ret_shown = shown;
    return NULL;
}

reason move_members(struct op *op, enum move_kind kind, const struct json *object, bool key,
                    struct json **ret_members) {
    const struct move_row *row = move_row(kind);
    struct json *members = json_object(op);
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(object, &at, &name, &value)) {
        bool taken = key || row->key == NULL || !slice_equal(name, slice_str(row->key));
        for (size_t i = 0; row->parts[i].name != NULL; i++) {
            taken = taken && !slice_equal(name, slice_str(row->parts[i].name));
        }
        const char *member = NULL;
        TRY(op_cstr(op, name, &member));
        if (taken) {
            json_set(op, members, member, value);
        }
    }
    *ret_members = members;
    return NULL;
}
