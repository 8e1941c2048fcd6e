// SPDX-License-Identifier: GPL-3.0-or-later
// A connection's mapping rules: from the groups that the identity provider asserts to roles. Replaced as a whole.
#include "http/api/api.h"

static reason reply_rules(struct op *op, struct reply *reply, const struct connection *connection) {
    struct slice etag = SLICE_NONE;
    TRY(connection_etag(op, connection, &mapping_fields, &etag));
    return api_reply_one(op, reply, 200,
                         json_from_fields(op, &mapping_fields, &connection->mapping), etag);
}

reason api_rules_get(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct connection connection;
    TRY(connection_read(op, gate, request->args[0], &connection));
    return reply_rules(op, reply, &connection);
}

struct change {
    const struct request *request;
    struct slice slug;
    struct mapping mapping;
    struct connection connection;
};
static reason store_mapping(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    TRY(connection_if_match(op, txn, change->request, &mapping_fields));
    return connection_set_mapping(op, txn, &change->request->actor, change->slug, &change->mapping,
                                  &change->connection);
}

reason api_rules_put(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct change change = {.request = request, .slug = request->args[0]};
    const struct json *object = NULL;
    bool bare = false;
    TRY(request_json(op, request, &object));
    TRY(mapping_ask_read(op, object, S(""), &change.mapping, &bare));
    TRY(api_write(op, gate, store_mapping, &change));
    return reply_rules(op, reply, &change.connection);
}
