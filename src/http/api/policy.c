// SPDX-License-Identifier: GPL-3.0-or-later
// A connection's policy: replaced as a whole, so that what a caller does not say is the default, never a
// remainder of before.
#include "http/api/api.h"

static reason reply_policy(struct op *op, struct reply *reply, const struct connection *connection) {
    struct slice etag = SLICE_NONE;
    TRY(connection_etag(op, connection, &policy_fields, &etag));
    return api_reply_one(op, reply, 200, json_from_fields(op, &policy_fields, &connection->policy),
                         etag);
}

reason api_policy_get(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct connection connection;
    TRY(connection_read(op, gate, request->args[0], &connection));
    return reply_policy(op, reply, &connection);
}

struct change {
    const struct request *request;
    struct slice slug;
    struct policy policy;
    struct connection connection;
};
static reason store_policy(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    TRY(connection_if_match(op, txn, change->request, &policy_fields));
    return connection_set_policy(op, txn, &change->request->actor, change->slug, &change->policy,
                                 &change->connection);
}

reason api_policy_put(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct change change = {
        .request = request, .slug = request->args[0], .policy = policy_default()};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &policy_fields, object, S(""), &change.policy));
    TRY(api_write(op, gate, store_policy, &change));
    return reply_policy(op, reply, &change.connection);
}
