// SPDX-License-Identifier: GPL-3.0-or-later
// What a tenant's administrators set for their tenant. PUT replaces all of it (what the caller may not set stays),
// PATCH only what it names.
#include "domain/password.h"
#include "domain/tenant_settings.h"
#include "http/api/api.h"

struct work {
    const struct request *request;
    const struct json *object;
    struct slice preset; // "" = none
    bool replace;
    struct tenant_settings settings;
};

static reason read_settings(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return tenant_settings_find(op, txn, work->request->args[0], &work->settings);
}

static reason reply_settings(struct op *op, struct reply *reply, const struct work *work) {
    struct slice etag = SLICE_NONE;
    TRY(api_etag(op, &tenant_settings_fields, &work->settings, &etag));
    return api_reply_one(op, reply, 200,
                         json_from_fields(op, &tenant_settings_fields, &work->settings), etag);
}

reason api_settings_get(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct work work = {.request = request};
    TRY(store_read(op, gate->store, read_settings, &work));
    return reply_settings(op, reply, &work);
}

static reason store_settings(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    const struct actor *actor = &work->request->actor;
    struct slice etag = SLICE_NONE;
    TRY(read_settings(op, txn, work));
    TRY(api_etag(op, &tenant_settings_fields, &work->settings, &etag));
    TRY(api_if_match(op, work->request, etag));
    struct tenant_settings made = work->settings;
    if (work->replace) {
        made = tenant_settings_default(work->settings.tenant);
        tenant_settings_keep(actor, &work->settings, &made);
    }
    // What is said beside a preset wins.
    if (work->preset.len > 0 && !password_preset(work->preset, &made)) {
        op_error(op, S("/password_preset"), REASON_OF(FIELD_VALUE), "there is acquia_cdp");
        REFUSE(op, INVALID_INPUT, "there is no such preset");
    }
    TRY(json_to_fields(op, &tenant_settings_fields, work->object, S(""), &made));
    TRY(tenant_settings_put(op, txn, actor, &made));
    return read_settings(op, txn, work);
}

static reason change(struct op *op, struct gate *gate, struct request *request, bool replace,
                     struct reply *reply) {
    struct work work = {.request = request, .replace = replace};
    static const char *const by_hand[] = {"password_preset", NULL};
    TRY(request_json(op, request, &work.object));
    const struct json *preset = api_member(work.object, "password_preset");
    if (preset != NULL && !json_text(preset, &work.preset)) {
        op_error(op, S("/password_preset"), REASON_OF(FIELD_TYPE), "a text");
        REFUSE(op, INVALID_INPUT, "the name of a preset is a text");
    }
    TRY(api_without(op, work.object, by_hand, &work.object));
    TRY(api_write(op, gate, store_settings, &work));
    return reply_settings(op, reply, &work);
}

reason api_settings_put(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    return change(op, gate, request, true, reply);
}

reason api_settings_patch(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    return change(op, gate, request, false, reply);
}
