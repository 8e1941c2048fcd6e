// SPDX-License-Identifier: GPL-3.0-or-later
// Applications and their secrets: operators register them. A secret is in one answer, once.
#include "domain/application.h"

#include "http/api/api.h"

static const struct field ask_rows[] = {
    F_TEXT(struct application, name, 1, FIELD_MUST, 4 * APPLICATION_NAME_MAX),
    F_TEXTS(struct application, redirect_uris, 2, FIELD_MUST, APPLICATION_REDIRECTS_MAX),
    F_BOOL(struct application, confidential, 3, FIELD_PLAIN),
    F_BOOL(struct application, api, 4, FIELD_PLAIN),
    F_TEXTS(struct application, tenants, 5, FIELD_PLAIN, APPLICATION_TENANTS_MAX),
};
FIELD_TABLE(application_ask_fields, "application", 1, struct application, ask_rows);

static const struct field change_rows[] = {
    F_TEXT(struct application, name, 1, FIELD_PLAIN, 4 * APPLICATION_NAME_MAX),
    F_TEXTS(struct application, redirect_uris, 2, FIELD_PLAIN, APPLICATION_REDIRECTS_MAX),
    F_BOOL(struct application, api, 3, FIELD_PLAIN),
    F_BOOL(struct application, disabled, 4, FIELD_PLAIN),
    F_TEXTS(struct application, tenants, 5, FIELD_PLAIN, APPLICATION_TENANTS_MAX),
};
FIELD_TABLE(application_change_fields, "application", 1, struct application, change_rows);

struct work {
    const struct request *request;
    const struct actor *actor;
    struct slice id;
    const struct json *object;
    struct application asked, made;
    struct page page;
    struct rows rows;
    struct slice next;
    size_t total;
    struct credential_ask ask;
    struct credential credential;
    struct slice secret;
};

static struct work work_of(const struct request *request) {
    return (struct work){
        .request = request, .actor = &request->actor, .id = request->args[0]};
}

static struct json *application_json(struct op *op, const struct application *application) {
    struct json *body = json_from_fields(op, &application_fields, application);
    json_set_text(op, body, "client_id", application->id);
    return body;
}

static reason etag_of(struct op *op, const struct application *application,
                      struct slice *ret_etag) {
    struct slice etag = SLICE_NONE;
    TRY(api_etag(op, &application_fields, application, &etag));
    *ret_etag = etag;
    return NULL;
}

static reason reply_one(struct op *op, struct reply *reply, unsigned status,
                        const struct application *application) {
    struct slice etag;
    TRY(etag_of(op, application, &etag));
    return api_reply_one(op, reply, status, application_json(op, application), etag);
}

// ---- the applications -----------------------------------------------------------------------------------

static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return application_list(op, txn, work->page, &work->rows, &work->next, &work->total);
}

reason api_applications_list(struct op *op, struct gate *gate, struct request *request,
                             struct reply *reply) {
    struct work work = work_of(request);
    TRY(request_page(op, request, &work.page));
    TRY(store_read(op, gate->store, read_list, &work));
    struct json *items = json_array(op);
    const struct application *applications = work.rows.at;
    for (size_t i = 0; i < work.rows.count; i++) {
        json_add(op, items, application_json(op, &applications[i]));
    }
    return api_reply_list(op, reply, items, work.next, work.total);
}

static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return application_find(op, txn, work->id, &work->made);
}

reason api_application_get(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct work work = work_of(request);
    TRY(store_read(op, gate->store, read_one, &work));
    return reply_one(op, reply, 200, &work.made);
}

static reason store_new(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    work->made = work->asked;
    return application_create(op, txn, work->actor, &work->made);
}

static reason say_new(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct work *work = arg;
    (void)gate;
    TRY(reply_one(op, reply, 201, &work->made));
    reply_header(reply, "Location",
                 op_text(op, "/api/v1/applications/%.*s", SLICE(work->made.id)));
    return NULL;
}

reason api_applications_create(struct op *op, struct gate *gate, struct request *request,
                               struct reply *reply) {
    struct work work = work_of(request);
    const struct json *object = NULL;
    work.asked.confidential = true; // one that keeps no secret says so
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &application_ask_fields, object, S(""), &work.asked));
    const struct api_creation made = {.store = store_new, .say = say_new, .arg = &work};
    return api_create(op, gate, request, reply, &made);
}

// The one that is to be changed, in the state that the caller knows.
static reason read_known(struct op *op, struct txn *txn, struct work *work) {
    struct slice etag;
    TRY(read_one(op, txn, work));
    TRY(etag_of(op, &work->made, &etag));
    return api_if_match(op, work->request, etag);
}

// Read over what is stored, so that a body which leaves the tenants out does not open the application to all.
static reason store_change(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_known(op, txn, work));
    struct application want = work->made;
    TRY(json_to_fields(op, &application_change_fields, work->object, S(""), &want));
    return application_change(op, txn, work->actor, &want, &work->made);
}

reason api_application_put(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct work work = work_of(request);
    TRY(request_json(op, request, &work.object));
    TRY(api_write(op, gate, store_change, &work));
    return reply_one(op, reply, 200, &work.made);
}

static reason remove_one(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_known(op, txn, work));
    return application_remove(op, txn, work->actor, work->id);
}

reason api_application_delete(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = work_of(request);
    TRY(api_write(op, gate, remove_one, &work));
    reply_empty(reply, 204);
    return NULL;
}

// ---- secrets --------------------------------------------------------------------------------------------

static reason store_secret(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return application_secret_add(op, txn, work->actor, work->id, work->ask.expires_at,
                                  &work->credential, &work->secret);
}

static reason say_secret(struct op *op, const struct gate *gate, struct reply *reply, void *arg) {
    const struct work *work = arg;
    struct json *body = json_from_fields(op, &credential_fields, &work->credential);
    (void)gate;
    json_set_text(op, body, "client_id", work->id);
    json_set_text(op, body, "client_secret", work->secret);
    return reply_json(op, reply, 201, body);
}

reason api_application_secrets_create(struct op *op, struct gate *gate, struct request *request,
                                      struct reply *reply) {
    struct work work = work_of(request);
    if (request->body.len > 0) {
        const struct json *object = NULL;
        TRY(request_json(op, request, &object));
        TRY(json_to_fields(op, &credential_ask_fields, object, S(""), &work.ask));
    }
    const struct api_creation made = {
        .store = store_secret, .say = say_secret, .arg = &work, .secret = true};
    return api_create(op, gate, request, reply, &made);
}

static reason remove_secret(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    TRY(read_known(op, txn, work));
    return application_secret_remove(op, txn, work->actor, work->id, work->request->args[1]);
}

reason api_application_secret_delete(struct op *op, struct gate *gate, struct request *request,
                                     struct reply *reply) {
    struct work work = work_of(request);
    TRY(api_write(op, gate, remove_secret, &work));
    reply_empty(reply, 204);
    return NULL;
}
