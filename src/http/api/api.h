// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON API: each function is a row of routes.def, which also says who may. A handler reads the request,
// does its work in one transaction, and answers; it decides nothing that domain can decide.
#ifndef GATEHOUSE_HTTP_API_API_H
#define GATEHOUSE_HTTP_API_API_H

#include "http/router.h"

#define API(name)                                                                                  \
    MUST_USE reason name(struct op *op, struct gate *gate, struct request *request,                \
                         struct reply *reply)
API(api_openapi);
API(api_me);
API(api_permissions);
API(api_tenants_list);
API(api_tenants_create);
API(api_tenant_get);
API(api_tenant_put);
API(api_tenant_delete);
API(api_connections_list);
API(api_tenant_connections_list);
API(api_connections_create);
API(api_connection_get);
API(api_connection_put);
API(api_connection_delete);
API(api_idp_get);
API(api_idp_put);
API(api_certificate_distrust);
API(api_certificate_trust);
API(api_connection_keys);
API(api_connection_key_add);
API(api_connection_key_use);
API(api_connection_key_retire);
API(api_connection_key_delete);
API(api_metadata_changes);
API(api_metadata_refresh);
API(api_metadata_approve);
API(api_metadata_reject);
API(api_policy_get);
API(api_policy_put);
API(api_rules_get);
API(api_rules_put);
API(api_users_list);
API(api_users_create);
API(api_user_get);
API(api_user_patch);
API(api_user_delete);
API(api_user_disable);
API(api_user_enable);
API(api_user_resend);
API(api_user_reactivate);
API(api_user_unlock);
API(api_user_restore);
API(api_store_copy);
API(api_user_change_email);
API(api_user_sessions);
API(api_user_session_delete);
API(api_user_revoke_sessions);
API(api_users_bulk);
API(api_users_csv);
API(api_users_json);
API(api_jobs_list);
API(api_job_get);
API(api_job_errors);
API(api_job_cancel);
API(api_user_reset_factor);
API(api_sign_in);
API(api_password_forgot);
API(api_password_reset);
API(api_password_change);
API(api_invitation_accept);
API(api_service_users_list);
API(api_service_users_create);
API(api_service_user_get);
API(api_service_user_patch);
API(api_service_user_delete);
API(api_service_user_disable);
API(api_service_user_enable);
API(api_credentials_create);
API(api_credential_delete);
API(api_roles_list);
API(api_roles_create);
API(api_role_get);
API(api_role_patch);
API(api_role_delete);
API(api_role_clone);
API(api_role_members);
API(api_role_override_put);
API(api_role_override_delete);
API(api_components);
API(api_platform_tasks);
API(api_platform_roles_get);
API(api_platform_roles_put);
API(api_my_requests_list);
API(api_my_requests_create);
API(api_requests_list);
API(api_requests_create);
API(api_request_get);
API(api_request_put);
API(api_request_submit);
API(api_request_approve);
API(api_request_deny);
API(api_request_cancel);
API(api_request_comment);
API(api_request_retry);
API(api_request_revoke);
API(api_authorize);
API(api_my_permissions);
API(api_settings_get);
API(api_settings_put);
API(api_settings_patch);
API(api_applications_list);
API(api_applications_create);
API(api_application_get);
API(api_application_put);
API(api_application_delete);
API(api_application_secrets_create);
API(api_application_secret_delete);
API(api_organizations_list);
API(api_organizations_create);
API(api_organization_get);
API(api_organization_put);
API(api_organization_delete);
API(api_organization_tenants);
API(api_organization_users);
API(api_traces_list);
API(api_trace_get);
API(api_audit_list);
API(api_audit_get);
API(api_audit_export);
API(api_audit_verify);
API(api_audit_erase);
API(api_letters_list);
API(api_letter_get);
API(api_letter_retry);
API(api_letter_drop);
API(api_mail_get);
API(api_mail_test);

// What callers send, for reading it and for describing it.
extern const struct field_table tenant_ask_fields, tenant_change_fields, connection_ask_fields,
    connection_switch_fields, idp_ask_fields, metadata_decision_fields, mail_test_fields, user_add_fields,
    user_change_fields, service_user_ask_fields, service_user_change_fields, credential_ask_fields;
struct credential_ask { // of credential_ask_fields
    int64_t expires_at;
};
extern const struct field_table application_ask_fields, application_change_fields;
extern const struct field_table key_ask_fields, user_disable_fields, user_email_fields;
extern const struct field_table audit_erase_fields;
extern const struct field_table role_clone_fields, role_change_fields, role_override_fields,
    organization_change_fields, authorize_fields;
extern const struct field_table sign_in_ask_fields, forgot_ask_fields, reset_ask_fields, accept_ask_fields,
    password_change_ask_fields;

extern const struct field_table copy_ask_fields;

extern const struct field_table request_ask_fields, request_approval_ask_fields,
    request_note_ask_fields, request_comment_ask_fields, own_request_ask_fields;

// ---- for all of them (api.c) -------------------------------------------------------------------------

// store_write; what a run of `fn` that is run again had said by field is forgotten first.
MUST_USE reason api_write(struct op *op, struct gate *gate, store_fn fn, void *arg);

// ETag: a hash of what is stored. *etag comes as SLICE_NONE, or as the ETag of another row, and then covers both.
// Members that change with every sign-in are emptied first, or nobody's If-Match would ever hold.
MUST_USE reason api_etag(struct op *op, const struct field_table *table, const void *row,
                         struct slice *etag);
// In the transaction of a change, before it changes anything: version_conflict (412) when the request has If-Match
// and it names another state than `etag`, which is that of what is stored.
MUST_USE reason api_if_match(struct op *op, const struct request *request, struct slice etag);
// precondition_required (428) when there is no If-Match.
MUST_USE reason api_must_match(struct op *op, const struct request *request);
// reply_json with an ETag.
MUST_USE reason api_reply_one(struct op *op, struct reply *reply, unsigned status,
                              const struct json *body, struct slice etag);

// A write that makes something, and the answer to it, in one transaction: when the request has an Idempotency-Key the
// answer is stored beside the effect and given again to the same request (with Idempotency-Replayed: true);
// idempotency_mismatch to another. Every POST that answers 201 goes through here.
struct api_creation {
    store_fn store; // as for api_write: it may run again
    // Makes the whole answer, status and Location too. In the transaction: no worker, no network, no store_read.
    reason (*say)(struct op *op, const struct gate *gate, struct reply *reply, void *arg);
    void *arg;
    bool secret; // the answer holds what is shown once: it is not kept, and asking again is idempotency_done
};
MUST_USE reason api_create(struct op *op, struct gate *gate, const struct request *request,
                           struct reply *reply, const struct api_creation *creation);
// For handlers that do more before their transaction than read a body: was this request answered already? Then `reply`
// is that answer.
MUST_USE reason api_answered(struct op *op, struct gate *gate, const struct request *request,
                             struct reply *reply, bool *ret_answered);

// {"items":[...],"next_cursor":text|null}; total is added when it is not API_NO_TOTAL.
#define API_NO_TOTAL SIZE_MAX
MUST_USE reason api_reply_list(struct op *op, struct reply *reply, const struct json *items,
                               struct slice next, size_t total);
// A copy of an object without these members (NULL ends the list): they are read by hand.
MUST_USE reason api_without(struct op *op, const struct json *object, const char *const *names,
                            const struct json **ret_rest);
// NULL also for a member that is null.
const struct json *api_member(const struct json *object, const char *name);
// Puts `at` in front of the pointers of the field errors from number `from` on.
void api_errors_under(struct op *op, size_t from, struct slice at);
// Says `why` (its detail is op's) by field, where whoever refused did not know the field.
void api_error_once(struct op *op, size_t from, struct slice pointer, reason why);

// Around each fetch from somebody else's server, which may be slow: limit.queue when FETCH_SHARE says that enough
// request threads wait for such already, so that nobody's server keeps others from signing in.
MUST_USE reason api_fetch_begin(struct op *op, struct gate *gate);
void api_fetch_end(struct gate *gate);

// ---- connections, as they are asked for and shown ------------------------------------------------------

// What a body says about an identity provider: metadata_xml, or metadata_url, or the few values; asks the worker or
// fetches, so never inside a transaction. `stored`: the connection as it is, whose metadata_certificates stay when the
// body has none; NULL: a new one.
MUST_USE reason idp_ask(struct op *op, struct gate *gate, const struct json *object, struct slice at,
                        const struct connection *stored, struct idp_import *ret_import);
struct connection_ask {
    struct slice at; // JSON pointer of the object
    struct connection connection;
    const struct json *idp; // NULL: none was given
    struct texts warnings;
    bool bare_rules; // "rules" was the list itself
};
MUST_USE reason connection_ask_read(struct op *op, const struct json *object, struct slice at,
                                    struct connection_ask *ret_ask);
// Fills ask->connection.idp, if one was given.
MUST_USE reason connection_ask_idp(struct op *op, struct gate *gate, struct connection_ask *ask);
// In a transaction, which may run again.
MUST_USE reason connection_ask_store(struct op *op, struct txn *txn, const struct actor *actor,
                                     const struct connection_ask *ask, struct slice tenant,
                                     struct connection *ret_connection);
// "rules": the object that PUT rules takes, or only its list.
MUST_USE reason mapping_ask_read(struct op *op, const struct json *value, struct slice at,
                                 struct mapping *ret_mapping, bool *ret_bare);
MUST_USE reason connection_json(struct op *op, const struct gate *gate,
                                const struct connection *connection, struct json **ret_json);
// Adds "distrusted", "ready", "problems" (why nobody can sign in) and "remarks" (what to look at) to `body`.
MUST_USE reason connection_state_json(struct op *op, const struct connection *connection,
                                      struct json *body);
// Counts and logs what a look at a connection's metadata came to.
struct metadata_outcome;
void metadata_report(struct op *op, struct slice slug, const struct metadata_outcome *outcome);
// The files of its own keys, once the connection is gone; what is left is logged.
void connection_forget_keys(struct op *op, const struct gate *gate, struct slice slug);
// ETags of a connection and of its parts: `table` is connection_fields, or policy_fields, mapping_fields or idp_fields.
MUST_USE reason connection_etag(struct op *op, const struct connection *connection,
                                const struct field_table *table, struct slice *ret_etag);
// In the transaction of a change of the connection that args[0] names.
MUST_USE reason connection_if_match(struct op *op, struct txn *txn, const struct request *request,
                                    const struct field_table *table);
// A connection by its short name, for those who show a part of it.
MUST_USE reason connection_read(struct op *op, struct gate *gate, struct slice slug,
                                struct connection *ret_connection);

#endif
