// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue of permissions, and the description of the API itself: what anybody may know.
#include "http/api/api.h"

static void set_or_null(struct op *op, struct json *object, const char *name, const char *text) {
    json_set_text_or_null(op, object, name, slice_str(text));
}

static struct json *permission_json(struct op *op, const struct permission *permission) {
    struct slice action = slice_str(permission->id);
    struct slice resource = action;
    (void)slice_cut(&action, ':', &resource);
    struct json *one = json_object(op);
    json_set_str(op, one, "id", permission->id);
    set_or_null(op, one, "task_id", permission->task_id);
    json_set_text(op, one, "resource", resource);
    json_set_text(op, one, "action", action);
    json_set_str(op, one, "display_name", permission->name);
    json_set_str(op, one, "description", permission->description);
    json_set_bool(op, one, "pii", permission->pii);
    set_or_null(op, one, "entitlement", permission->entitlement);
    return one;
}

reason api_permissions(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    (void)gate;
    (void)request;
    struct json *items = json_array(op);
    for (size_t i = 0; i < permission_count; i++) {
        json_add(op, items, permission_json(op, &permission_table[i]));
    }
    return api_reply_list(op, reply, items, SLICE_NONE, permission_count);
}

reason api_openapi(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    (void)request;
    struct slice document;
    TRY(openapi_document(op, gate, &document));
    reply_text(reply, 200, "application/json", document);
    reply_header(reply, "Cache-Control", S("public, max-age=300"));
    return NULL;
}
