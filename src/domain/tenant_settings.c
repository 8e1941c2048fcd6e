// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/tenant_settings.h"

#include "domain/fault.h"
#include "domain/space.h"

#define ADDRESS_MAX 254
#define TEXT_MAX 100

const char *const list_visibility_names[] = {"everyone", "permission", NULL};

static const struct field settings_rows[] = {
    F_TEXT(struct tenant_settings, tenant, 1, FIELD_HIDDEN, 63),
    F_CHOICE(struct tenant_settings, user_list_visibility, 2, FIELD_PLAIN, list_visibility_names),
    F_NUMBER(struct tenant_settings, user_limit, 3, FIELD_PLAIN, 0, 10000000),
    F_NUMBER(struct tenant_settings, invite_days, 4, FIELD_PLAIN, 1, 30),
    F_NUMBER(struct tenant_settings, reset_minutes, 5, FIELD_PLAIN, 5, 1440),
    F_BOOL(struct tenant_settings, local_sign_in, 6, FIELD_PLAIN),
    F_NUMBER(struct tenant_settings, password_min_length, 7, FIELD_PLAIN, 8, 128),
    F_NUMBER(struct tenant_settings, password_classes, 8, FIELD_PLAIN, 0, 4),
    F_NUMBER(struct tenant_settings, password_max_age_days, 9, FIELD_PLAIN, 0, 3650),
    F_NUMBER(struct tenant_settings, password_history, 10, FIELD_PLAIN, 0, 24),
    F_NUMBER(struct tenant_settings, lock_attempts, 11, FIELD_PLAIN, 3, 100),
    F_NUMBER(struct tenant_settings, lock_minutes, 12, FIELD_PLAIN, 1, 10080),
    F_BOOL(struct tenant_settings, hard_lock, 13, FIELD_PLAIN),
    F_BOOL(struct tenant_settings, require_second_factor, 14, FIELD_PLAIN),
    F_BOOL(struct tenant_settings, gatekeeper_self_approve, 15, FIELD_PLAIN),
    F_NUMBER(struct tenant_settings, request_days, 16, FIELD_PLAIN, 1, 90),
    F_BOOL(struct tenant_settings, sso_request_access, 17, FIELD_PLAIN),
    F_TEXT(struct tenant_settings, product, 18, FIELD_NULL, TEXT_MAX),
    F_TEXT(struct tenant_settings, mail_from, 19, FIELD_NULL, ADDRESS_MAX),
    F_TEXT(struct tenant_settings, mail_from_name, 20, FIELD_NULL, TEXT_MAX),
    F_BOOL(struct tenant_settings, mail_disabled_notice, 21, FIELD_PLAIN),
    F_BOOL(struct tenant_settings, mail_admin_notices, 22, FIELD_PLAIN),
    F_NUMBER(struct tenant_settings, audit_days, 23, FIELD_PLAIN, 0, 36500),
    F_BOOL(struct tenant_settings, support_no_credentials, 24, FIELD_PLAIN),
    F_TEXT(struct tenant_settings, support_contact, 25, FIELD_NULL, ADDRESS_MAX),
};
FIELD_TABLE(tenant_settings_fields, "tenant settings", 1, struct tenant_settings, settings_rows);

static void settings_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_TENANT_SETTINGS);
    key_text(ret_key, ((const struct tenant_settings *)row)->tenant);
}
static const struct entity settings_entity = {
    .space = SPACE_TENANT_SETTINGS, .fields = &tenant_settings_fields, .key = settings_key};

struct tenant_settings tenant_settings_default(struct slice tenant) {
    return (struct tenant_settings){
        .tenant = tenant,
        .invite_days = 7,
        .reset_minutes = 60,
        .local_sign_in = true,
        .password_min_length = 12,
        .lock_attempts = 10,
        .lock_minutes = 30,
        .gatekeeper_self_approve = true, // as customers know it; four eyes is for them to switch on
        .request_days = 14,
        .sso_request_access = true,
        .mail_admin_notices = true,
        .audit_days = 365,
        .support_no_credentials = true,
    };
}

reason tenant_settings_find(struct op *op, struct txn *txn, struct slice tenant,
                            struct tenant_settings *ret_settings) {
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    struct tenant_settings settings = tenant_settings_default(home.slug);
    struct key key;
    bool found = false;
    settings_key(&settings, &key);
    TRY(entity_find(op, txn, &settings_entity, &key, &settings, &found));
    *ret_settings = settings;
    return NULL;
}

// A tenant writes in the name of its own domains only.
static reason check_sender(struct op *op, const struct tenant *home, struct tenant_settings *settings) {
    if (settings->mail_from.len == 0) {
        return NULL;
    }
    struct email email;
    reason why = email_normalise(op, settings->mail_from, &email);
    if (why == NULL && !texts_have(home->domains, email.domain)) {
        why = op_refuse(op, REASON_OF(INVALID_INPUT), "%.*s is no domain of this tenant",
                        SLICE(email.domain));
    }
    if (why == REASON_OF(INVALID_INPUT)) {
        op_error(op, S("/mail_from"), REASON_OF(FIELD_VALUE), "%.*s", SLICE(op->detail));
    }
    TRY(why);
    settings->mail_from = email.whole;
    return NULL;
}

// ---- who may set what ----

// What users:manage does not suffice for. NULL: operators alone.
static const struct {
    const char *field, *permission;
} guarded[] = {
    {"user_limit", NULL}, // what was agreed with the customer
    {"audit_days", NULL}, // what is lost for good
    {"support_no_credentials", "api_credentials:manage"},
};

static bool same_field(const struct field *field, const void *a, const void *b) {
    const void *at_a = (const char *)a + field->offset;
    const void *at_b = (const char *)b + field->offset;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT: return slice_equal(*(const struct slice *)at_a, *(const struct slice *)at_b);
    case FIELD_BOOL: return *(const bool *)at_a == *(const bool *)at_b;
    case FIELD_NUMBER: return *(const int64_t *)at_a == *(const int64_t *)at_b;
    case FIELD_CHOICE: return *(const int *)at_a == *(const int *)at_b;
    case FIELD_BYTES:
    case FIELD_TIME:
    case FIELD_TEXTS:
    case FIELD_STRUCT:
    case FIELD_STRUCTS: break;
    }
    return false; // a type that settings do not have: taken as changed, so that nothing is let through
}

bool tenant_settings_may(const struct actor *actor, const char *field) {
    const char *permission = "users:manage";
    if (actor->kind == ACTOR_OPERATOR || actor->kind == ACTOR_SYSTEM) {
        return true;
    }
    for (size_t i = 0; i < sizeof guarded / sizeof guarded[0]; i++) {
        if (strcmp(guarded[i].field, field) == 0) {
            permission = guarded[i].permission;
        }
    }
    return permission != NULL && permission_may(actor->permissions, permission);
}

void tenant_settings_keep(const struct actor *actor, const struct tenant_settings *stored,
                          struct tenant_settings *settings) {
    static const size_t sizes[] = {
        [FIELD_TEXT] = sizeof(struct slice),
        [FIELD_BOOL] = sizeof(bool),
        [FIELD_NUMBER] = sizeof(int64_t),
        [FIELD_CHOICE] = sizeof(int),
    };
    for (size_t i = 0; i < tenant_settings_fields.count; i++) {
        const struct field *field = &tenant_settings_fields.fields[i];
        if (!tenant_settings_may(actor, field->name) && field->type <= FIELD_CHOICE) {
            memcpy((char *)settings + field->offset, (const char *)stored + field->offset,
                   sizes[field->type]);
        }
    }
}

// What binds those who administer a tenant is theirs to switch on; else whoever it stops would switch it off for a
// moment.
static void check_loosening(struct faults *faults, const struct tenant_settings *before,
                            const struct tenant_settings *after) {
    if (!before->gatekeeper_self_approve && after->gatekeeper_self_approve) {
        fault_at(faults, "gatekeeper_self_approve", REASON_OF(FORBIDDEN),
                 "four eyes are given up by an operator alone");
    }
    if (before->require_second_factor && !after->require_second_factor) {
        fault_at(faults, "require_second_factor", REASON_OF(FORBIDDEN),
                 "the second factor is given up by an operator alone");
    }
}

static reason check_changes(struct op *op, const struct actor *actor,
                            const struct tenant_settings *before,
                            const struct tenant_settings *after) {
    struct faults faults = faults_open(op, S(""));
    for (size_t i = 0; i < tenant_settings_fields.count; i++) {
        const struct field *field = &tenant_settings_fields.fields[i];
        if (!same_field(field, before, after) && !tenant_settings_may(actor, field->name)) {
            fault_at(&faults, field->name, REASON_OF(FORBIDDEN), "you may not set this");
        }
    }
    if (actor->kind != ACTOR_OPERATOR && actor->kind != ACTOR_SYSTEM) {
        check_loosening(&faults, before, after);
    }
    return faults_end(&faults);
}

reason tenant_settings_put(struct op *op, struct txn *txn, const struct actor *actor,
                           const struct tenant_settings *settings) {
    struct tenant_settings stored = *settings;
    struct tenant_settings before;
    struct tenant home;
    TRY(tenant_find(op, txn, settings->tenant, &home));
    TRY(tenant_settings_find(op, txn, home.slug, &before));
    TRY(check_changes(op, actor, &before, &stored));
    TRY(check_sender(op, &home, &stored));
    TRY(entity_put(op, txn, &settings_entity, &stored));
    if (before.support_no_credentials != stored.support_no_credentials) {
        TRY(tenant_roles_changed(op, txn, actor, home.slug)); // the same role gives more, or less
    }
    return audit_change(op, txn, actor, home.slug, "tenant.settings_changed", home.slug,
                        &tenant_settings_fields, &before, &stored);
}

reason tenant_settings_remove(struct op *op, struct txn *txn, struct slice tenant) {
    struct key key;
    bool there = false;
    settings_key(&(struct tenant_settings){.tenant = tenant}, &key);
    return entity_remove(op, txn, &settings_entity, &key, &there);
}
