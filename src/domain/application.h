// SPDX-License-Identifier: GPL-3.0-or-later
// Applications: the clients of OAuth (RFC 6749 section 2) that people sign in to through this gate. One belongs to the platform,
// not to a tenant; operators register it, with the addresses that a browser may be sent back to. A confidential one shows a secret
// when it changes a code for tokens; a public one cannot keep any, and shows by PKCE alone that the code is its own.
#ifndef GATEHOUSE_DOMAIN_APPLICATION_H
#define GATEHOUSE_DOMAIN_APPLICATION_H

#include "domain/service_user.h"

#define APPLICATION_ID "app_"
#define APPLICATIONS_MAX 200 // of the platform: those who run it know each of them
#define APPLICATION_NAME_MAX 64
#define APPLICATION_REDIRECTS_MAX 20
#define APPLICATION_REDIRECT_MAX FIELD_TEXTS_EACH // bytes of one: it is stored in a list of texts
#define APPLICATION_TENANTS_MAX 200

struct application {
    struct slice id; // APPLICATION_ID and a ULID: the client_id
    struct slice name;
    struct texts redirect_uris; // at least one; each as it must be in a request, byte for byte
    bool confidential; // it has secrets and must show one; set when it is made, and never changed
    bool api;          // its access tokens may call /api/v1 for the person
    bool disabled;     // nobody gets a code or a token for it
    int64_t issued_since; // what was issued before counts no more: it was disabled since
    struct texts tenants;    // slugs whose people may sign in to it; none: all
    struct rows secrets;     // struct credential, at most CREDENTIALS_EACH_MAX
    struct slice created_by; // actor
    int64_t created_at, updated_at;
};
extern const struct field_table application_fields;
extern const struct entity application_entity;

// not_found.
MUST_USE reason application_find(struct op *op, struct txn *txn, struct slice id,
                                 struct application *ret_application);
// rows of struct application, by id, so in the order in which they were made. A page may have fewer than asked for, and still
// *ret_next.
MUST_USE reason application_list(struct op *op, struct txn *txn, struct page page,
                                 struct rows *ret_applications, struct slice *ret_next,
                                 size_t *ret_total);
// name, redirect_uris, confidential, api, tenants are given. duplicate_name (without case), invalid_input by field,
// application_limit. A redirect URI is an absolute https one, or http on this machine by its loopback address or name, or one of a
// scheme of the application's own with a dot in it (RFC 8252 section 7.1); no fragment, no user, at most APPLICATION_REDIRECT_MAX.
MUST_USE reason application_create(struct op *op, struct txn *txn, const struct actor *actor,
                                   struct application *application);
// `want`: the stored one with name, redirect_uris, api, disabled, tenants as they shall be. Refused as above; a tenant that was
// named before may be gone.
MUST_USE reason application_change(struct op *op, struct txn *txn, const struct actor *actor,
                                   const struct application *want,
                                   struct application *ret_application);
// With its secrets. What was issued for it counts no more.
MUST_USE reason application_remove(struct op *op, struct txn *txn, const struct actor *actor,
                                   struct slice id);
// The secret is given here and never again. credential_limit; illegal_transition: a public one has none.
MUST_USE reason application_secret_add(struct op *op, struct txn *txn, const struct actor *actor,
                                       struct slice id, int64_t expires_at,
                                       struct credential *ret_credential, struct slice *ret_secret);
MUST_USE reason application_secret_remove(struct op *op, struct txn *txn, const struct actor *actor,
                                          struct slice id, struct slice credential_id);

// May a browser be sent there? Byte for byte one of the registered ones; with http on a loopback address the port may be any
// (RFC 8252 section 7.3).
bool application_redirects_to(const struct application *application, struct slice uri);
bool application_serves(const struct application *application, struct slice tenant);
// Who shows this id, and this secret (SLICE_NONE: none). unauthenticated: no such application, disabled, a wrong secret or one that
// has ended, none where one is needed, one where there can be none. *ret_known: the id is that of an
// application whose secret it may be a guess of.
MUST_USE reason application_sign_in(struct op *op, struct txn *txn, struct slice id,
                                    struct slice secret, struct application *ret_application,
                                    bool *ret_known);

#endif
