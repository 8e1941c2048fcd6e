// SPDX-License-Identifier: GPL-3.0-or-later
// A connection's policy: replaced as a whole, so that what a caller does not say is the default, never a
// remainder of before.
#include "http/api/api.h"

reason api_policy_get(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct connection connection;
    TRY(connection_read(op, gate, request->args[0], &connection));
    return reply_json(op, reply, 200, json_from_fields(op, &policy_fields, &connection.policy));
}

struct change {
    const struct actor *actor;
    struct slice slug;
    struct policy policy;
    struct connection connection;
};
static reason store_policy(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    return connection_set_policy(op, txn, change->actor, change->slug, &change->policy,
                                 &change->connection);
}

reason api_policy_put(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct change change = {
        .actor = &request->actor, .slug = request->args[0], .policy = policy_default()};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &policy_fields, object, S(""), &change.policy));
    TRY(api_write(op, gate, store_policy, &change));
    return reply_json(op, reply, 200,
                      json_from_fields(op, &policy_fields, &change.connection.policy));
}
