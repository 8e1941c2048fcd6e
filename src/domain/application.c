// SPDX-License-Identifier: GPL-3.0-or-later
// Applications, made and changed, and their secrets. What a redirect URI may be is in application_redirect.c.
#include "domain/application.h"

#include "base/rand.h"
#include "base/text.h"
#include "domain/application_parts.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/space.h"

#define ID_MAX 64
#define NAME_BYTES (4 * APPLICATION_NAME_MAX) // UTF-8 takes up to four bytes a character
// Of a page: the largest ones fit into the memory of a request, and their JSON under what is read (JSON_BODY_MAX).
#define PAGE_ROWS 100
#define PAGE_BYTES (512U << 10)

static const struct field application_rows[] = {
    F_TEXT(struct application, id, 1, FIELD_OUTPUT, ID_MAX),
    F_TEXT(struct application, name, 2, FIELD_PLAIN, NAME_BYTES),
    F_TEXTS(struct application, redirect_uris, 3, FIELD_PLAIN, APPLICATION_REDIRECTS_MAX),
    F_BOOL(struct application, confidential, 4, FIELD_PLAIN),
    F_BOOL(struct application, api, 5, FIELD_PLAIN),
    F_BOOL(struct application, disabled, 6, FIELD_PLAIN),
    F_TEXTS(struct application, tenants, 7, FIELD_PLAIN, APPLICATION_TENANTS_MAX),
    F_STRUCTS(struct application, secrets, 8, FIELD_OUTPUT, CREDENTIALS_EACH_MAX,
              credential_fields),
    F_TEXT(struct application, created_by, 9, FIELD_OUTPUT | FIELD_NULL, GRANT_TEXT_MAX),
    F_TIME(struct application, created_at, 10, FIELD_OUTPUT),
    F_TIME(struct application, updated_at, 11, FIELD_OUTPUT),
    F_TIME(struct application, issued_since, 12, FIELD_HIDDEN),
};
FIELD_TABLE(application_fields, "application", 1, struct application, application_rows);

static void application_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_APPLICATION);
    key_text(ret_key, ((const struct application *)row)->id);
}

static bool application_name_key(const void *row, struct key *ret_key) {
    struct slice name = ((const struct application *)row)->name;
    char lower[NAME_BYTES];
    size_t len = name.len < sizeof lower ? name.len : sizeof lower;
    for (size_t i = 0; i < len; i++) {
        char c = name.at[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    key_text(ret_key, slice_of(lower, len));
    return true;
}

static const struct entity_index application_indexes[] = {
    {SPACE_APPLICATION_NAME, true, REASON_OF(DUPLICATE_NAME), application_name_key},
};
const struct entity application_entity = {
    .space = SPACE_APPLICATION,
    .fields = &application_fields,
    .key = application_key,
    .indexes = application_indexes,
    .index_count = sizeof application_indexes / sizeof application_indexes[0],
};

// ---- finding ----

static reason look_up(struct op *op, struct txn *txn, struct slice id,
                      struct application *ret_application, bool *ret_found) {
    const struct application named = {.id = id};
    struct key key;
    *ret_found = false;
    if (id.len == 0 || id.len > ID_MAX || memchr(id.at, 0, id.len) != NULL) {
        return NULL;
    }
    application_key(&named, &key);
    return entity_find(op, txn, &application_entity, &key, ret_application, ret_found);
}

reason application_find(struct op *op, struct txn *txn, struct slice id,
                        struct application *ret_application) {
    bool found = false;
    TRY(look_up(op, txn, id, ret_application, &found));
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no application %.*s", SLICE(slice_sub(id, 0, ID_MAX)));
    }
    return NULL;
}

static size_t bytes_of(struct texts texts) {
    size_t bytes = 0;
    for (size_t i = 0; i < texts.count; i++) {
        bytes += texts.at[i].len;
    }
    return bytes;
}

// How many of them fit into a page; at least one.
static size_t fitting(struct rows rows) {
    const struct application *applications = rows.at;
    size_t bytes = 0;
    for (size_t i = 0; i < rows.count; i++) {
        bytes += bytes_of(applications[i].redirect_uris) + bytes_of(applications[i].tenants);
        if (i > 0 && bytes > PAGE_BYTES) {
            return i;
        }
    }
    return rows.count;
}

reason application_list(struct op *op, struct txn *txn, struct page page,
                        struct rows *ret_applications, struct slice *ret_next, size_t *ret_total) {
    struct key prefix = key_in(SPACE_APPLICATION);
    struct key from = prefix;
    struct rows rows = {NULL, 0};
    bool more = false;
    if (page.cursor.len > ID_MAX ||
        (page.cursor.len > 0 && memchr(page.cursor.at, 0, page.cursor.len) != NULL)) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier page gave");
    }
    key_text(&from, page.cursor);
    const struct listing listing = {
        .entity = &application_entity,
        .prefix = key_slice(&prefix),
        .from = page.cursor.len > 0 ? key_slice(&from) : SLICE_NONE,
    };
    size_t limit = page_limit(page) < PAGE_ROWS ? page_limit(page) : PAGE_ROWS;
    TRY(listing_read(op, txn, &listing, limit, &rows, &more));
    TRY(listing_count(op, txn, listing.prefix, ret_total));
    size_t count = fitting(rows);
    more = more || count < rows.count;
    rows.count = count;
    *ret_next = more ? ((const struct application *)rows.at)[rows.count - 1].id : SLICE_NONE;
    *ret_applications = rows;
    return NULL;
}

// ---- what is asked for ----

static void check_name(struct faults *faults, struct slice name) {
    if (name.len == 0) {
        fault_at(faults, "name", REASON_OF(FIELD_REQUIRED), "an application needs a name");
    } else if (!text_line(name)) {
        fault_at(faults, "name", REASON_OF(RESTRICTED_CHARACTERS),
                 "one line of UTF-8 without control characters is expected");
    } else if (text_characters(name) > APPLICATION_NAME_MAX) {
        fault_at(faults, "name", REASON_OF(FIELD_RANGE), "at most %d characters, got %zu",
                 APPLICATION_NAME_MAX, text_characters(name));
    }
}

// One that was named before and is gone keeps nobody from changing the rest: it lets nobody in, and to take it out could let
// everybody in.
static reason check_tenants(struct op *op, struct txn *txn, struct faults *faults,
                            struct texts before, struct texts slugs) {
    if (slugs.count > APPLICATION_TENANTS_MAX) {
        fault_at(faults, "tenants", REASON_OF(FIELD_RANGE), "%zu tenants; at most %d are taken",
                 slugs.count, APPLICATION_TENANTS_MAX);
        return NULL;
    }
    for (size_t i = 0; i < slugs.count; i++) {
        struct tenant tenant;
        struct slice detail = op->detail;
        if (texts_have((struct texts){slugs.at, i}, slugs.at[i])) {
            fault_in(faults, "tenants", i, REASON_OF(FIELD_VALUE), "it is there twice");
        } else if (!texts_have(before, slugs.at[i])) {
            reason why = tenant_find(op, txn, slugs.at[i], &tenant);
            if (why == REASON_OF(NOT_FOUND)) {
                op->detail = detail;
                fault_in(faults, "tenants", i, REASON_OF(FIELD_VALUE), "there is no tenant with this short name");
            } else {
                TRY(why);
            }
        }
    }
    return NULL;
}

static reason check(struct op *op, struct txn *txn, struct texts tenants_before,
                    const struct application *application) {
    struct faults faults = faults_open(op, S(""));
    check_name(&faults, application->name);
    TRY(application_check_redirects(op, &faults, application->redirect_uris));
    TRY(check_tenants(op, txn, &faults, tenants_before, application->tenants));
    return faults_end(&faults);
}

// ---- changing ----

reason application_create(struct op *op, struct txn *txn, const struct actor *actor,
                          struct application *application) {
    const struct texts none = {NULL, 0};
    struct key all = key_in(SPACE_APPLICATION);
    size_t count = 0;
    struct application made = {
        .name = slice_trim(application->name),
        .redirect_uris = application->redirect_uris,
        .confidential = application->confidential,
        .api = application->api,
        .tenants = application->tenants,
        .created_by = text_cut(actor->id, GRANT_TEXT_MAX),
        .created_at = op->now,
        .updated_at = op->now,
    };
    TRY(check(op, txn, none, &made));
    TRY(listing_count(op, txn, key_slice(&all), &count));
    if (count >= APPLICATIONS_MAX) {
        REFUSE(op, APPLICATION_LIMIT, "there are %zu applications; at most %d fit", count,
               APPLICATIONS_MAX);
    }
    TRY(rand_ulid(op, S(APPLICATION_ID), &made.id));
    TRY(entity_new(op, txn, &application_entity, &made));
    TRY(audit_change(op, txn, actor, S(""), "application.created", made.id, &application_fields,
                     NULL, &made));
    *application = made;
    return NULL;
}

static bool same_texts(struct texts a, struct texts b) {
    bool same = a.count == b.count;
    for (size_t i = 0; same && i < a.count; i++) {
        same = slice_equal(a.at[i], b.at[i]);
    }
    return same;
}

static bool same(const struct application *a, const struct application *b) {
    return slice_equal(a->name, b->name) && same_texts(a->redirect_uris, b->redirect_uris) &&
           a->api == b->api && a->disabled == b->disabled && same_texts(a->tenants, b->tenants);
}

reason application_change(struct op *op, struct txn *txn, const struct actor *actor,
                          const struct application *want, struct application *ret_application) {
    struct application before;
    TRY(application_find(op, txn, want->id, &before));
    struct application made = before;
    made.name = slice_trim(want->name);
    made.redirect_uris = want->redirect_uris;
    made.api = want->api;
    made.disabled = want->disabled;
    made.tenants = want->tenants;
    TRY(check(op, txn, before.tenants, &made));
    if (!same(&before, &made)) {
        made.updated_at = op->now;
        if (made.disabled && !before.disabled) {
            made.issued_since = op->now;
        }
        TRY(entity_put(op, txn, &application_entity, &made));
        TRY(audit_change(op, txn, actor, S(""), "application.updated", made.id,
                         &application_fields, &before, &made));
    }
    *ret_application = made;
    return NULL;
}

reason application_remove(struct op *op, struct txn *txn, const struct actor *actor,
                          struct slice id) {
    struct application before;
    struct key key;
    bool there = false;
    TRY(application_find(op, txn, id, &before));
    application_key(&before, &key);
    TRY(entity_remove(op, txn, &application_entity, &key, &there));
    return audit_change(op, txn, actor, S(""), "application.deleted", before.id,
                        &application_fields, &before, NULL);
}

// ---- secrets ----

// One that has ended is in nobody's way.
static reason drop_ended(struct op *op, struct txn *txn, const struct actor *actor,
                         struct application *application) {
    struct credential gone;
    while (credential_take_ended(&application->secrets, op->now, &gone)) {
        TRY(audit_add(op, txn, actor, S(""), "credential.revoked", application->id,
                      op_text(op, "%.*s, which had ended", SLICE(gone.id))));
    }
    return NULL;
}

reason application_secret_add(struct op *op, struct txn *txn, const struct actor *actor,
                              struct slice id, int64_t expires_at,
                              struct credential *ret_credential, struct slice *ret_secret) {
    struct application application;
    struct credential made;
    struct slice secret;
    TRY(application_find(op, txn, id, &application));
    if (!application.confidential) {
        REFUSE(op, ILLEGAL_TRANSITION,
               "a public application has no secret: what everybody can read proves nothing");
    }
    TRY(drop_ended(op, txn, actor, &application));
    if (application.secrets.count >= CREDENTIALS_EACH_MAX) {
        REFUSE(op, CREDENTIAL_LIMIT,
               "an application has at most %d secrets; remove the old one first",
               CREDENTIALS_EACH_MAX);
    }
    TRY(credential_make(op, actor, expires_at, &application.secrets, &made, &secret));
    application.updated_at = op->now;
    TRY(entity_put(op, txn, &application_entity, &application));
    TRY(audit_add(op, txn, actor, S(""), "credential.created", application.id,
                  op_text(op, "%.*s, ends in %.*s", SLICE(made.id), SLICE(made.hint))));
    *ret_credential = made;
    *ret_secret = secret;
    return NULL;
}

reason application_secret_remove(struct op *op, struct txn *txn, const struct actor *actor,
                                 struct slice id, struct slice credential_id) {
    struct application application;
    struct credential gone;
    TRY(application_find(op, txn, id, &application));
    if (!credential_take(&application.secrets, credential_id, &gone)) {
        REFUSE(op, NOT_FOUND, "this application has no such secret");
    }
    application.updated_at = op->now;
    TRY(entity_put(op, txn, &application_entity, &application));
    return audit_add(op, txn, actor, S(""), "credential.revoked", application.id, gone.id);
}

// ---- who it is for, and who it is ----

bool application_serves(const struct application *application, struct slice tenant) {
    return application->tenants.count == 0 || texts_have(application->tenants, tenant);
}

// An empty secret is none: RFC 6749 section 2.3.1 lets a client leave it out then.
static const char *fault_of(const struct application *application, struct slice secret,
                            int64_t now) {
    const struct credential *right = credential_with(application->secrets, secret);
    if (application->disabled) {
        return "the application is disabled";
    }
    if (!application->confidential) {
        return secret.len > 0 ? "a public application has no secret" : NULL;
    }
    if (secret.len == 0) {
        return "the application has to show its secret";
    }
    if (right == NULL) {
        return "the secret is not one of this application";
    }
    return credential_ended(right, now) ? "the secret has ended" : NULL;
}

reason application_sign_in(struct op *op, struct txn *txn, struct slice id, struct slice secret,
                           struct application *ret_application, bool *ret_known) {
    struct application application;
    TRY(look_up(op, txn, id, &application, ret_known));
    if (!*ret_known) {
        REFUSE(op, UNAUTHENTICATED, "there is no such application");
    }
    const char *fault = fault_of(&application, secret, op->now);
    if (fault != NULL) {
        *ret_known = application.confidential; // a public one has no secret to guess
        REFUSE(op, UNAUTHENTICATED, "%s", fault);
    }
    *ret_application = application;
    return NULL;
}
