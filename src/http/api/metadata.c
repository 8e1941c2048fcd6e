// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata that is looked at again: now, on demand; what came of it; and the change that waits for a decision.
#include "base/log.h"
#include "base/metric.h"
#include "http/api/api.h"
#include "saml/metadata_refresh.h"

struct decision_ask {
    struct slice change;
};
static const struct field decision_rows[] = {
    F_TEXT(struct decision_ask, change, 1, FIELD_MUST, METADATA_CHANGE_ID),
};
FIELD_TABLE(metadata_decision_fields, "decision", 1, struct decision_ask, decision_rows);

// ---- what came of a look --------------------------------------------------------------------------------

void metadata_report(struct op *op, struct slice slug, const struct metadata_outcome *outcome) {
    const struct metadata_watch *watch = &outcome->watch;
    switch ((enum metadata_outcome_kind)outcome->kind) {
    case METADATA_PENDING:
        metric_add(METRIC_METADATA_PENDING, 1);
        LOG(op, LOG_WARNING, "metadata.change_pending", LOG_TEXT("connection", slug),
            LOG_TEXT("change", watch->change), LOG_NUMBER("alarm", watch->alarm ? 1 : 0),
            LOG_TEXT("diff", watch->diff));
        break;
    case METADATA_FAILED:
        metric_add(METRIC_METADATA_FAILED, 1);
        LOG(op, LOG_WARNING, "metadata.refresh_failed", LOG_TEXT("connection", slug),
            LOG_TEXT("reason", watch->trouble), LOG_TEXT("detail", watch->trouble_detail),
            LOG_NUMBER("failures", watch->failures), LOG_NUMBER("alarm", watch->alarm ? 1 : 0));
        break;
    case METADATA_RENEWED:
    case METADATA_APPLIED:
        metric_add(METRIC_METADATA_APPLIED, 1);
        LOG(op, LOG_INFO, "metadata.applied", LOG_TEXT("connection", slug),
            LOG_TEXT("outcome", slice_str(metadata_outcome_names[outcome->kind])));
        break;
    case METADATA_SAME:
    case METADATA_WAITING:
    case METADATA_REJECTED:
        break;
    }
}

static struct json *watch_json(struct op *op, const struct metadata_watch *watch) {
    struct json *body = json_from_fields(op, &metadata_watch_fields, watch);
    if (watch->change.len > 0) {
        json_set(op, body, "proposal", json_from_fields(op, &idp_fields, &watch->proposal));
    } else {
        json_set_null(op, body, "proposal");
    }
    return body;
}

// ---- the routes -----------------------------------------------------------------------------------------

static reason read_watch(struct op *op, struct txn *txn, void *arg) {
    struct metadata_watch *watch = arg;
    struct connection connection;
    TRY(connection_find(op, txn, watch->connection, &connection));
    return metadata_watch_find(op, txn, watch->connection, watch);
}

reason api_metadata_changes(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    struct metadata_watch watch = {.connection = request->args[0]};
    TRY(store_read(op, gate->store, read_watch, &watch));
    return reply_json(op, reply, 200, watch_json(op, &watch));
}

reason api_metadata_refresh(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    const struct refresh refresh = {
        gate->store, gate->pool, {.allow_private = gate->settings->allow_private_fetch}};
    struct metadata_outcome outcome = {.kind = METADATA_FAILED};
    TRY(api_fetch_begin(op, gate));
    reason why = metadata_refresh(op, &refresh, &request->actor, request->args[0], &outcome);
    api_fetch_end(gate);
    TRY(why);
    metadata_report(op, request->args[0], &outcome);
    struct json *body = watch_json(op, &outcome.watch);
    json_set_str(op, body, "outcome", metadata_outcome_names[outcome.kind]);
    return reply_json(op, reply, 200, body);
}

struct decision {
    const struct actor *actor;
    struct slice slug;
    struct decision_ask ask;
    struct connection connection;
    struct metadata_watch watch;
};

static reason open_decision(struct op *op, struct request *request, struct decision *ret_decision) {
    struct decision decision = {.actor = &request->actor, .slug = request->args[0]};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &metadata_decision_fields, object, S(""), &decision.ask));
    *ret_decision = decision;
    return NULL;
}

static reason store_approval(struct op *op, struct txn *txn, void *arg) {
    struct decision *decision = arg;
    return metadata_watch_approve(op, txn, decision->actor, decision->slug, decision->ask.change,
                                  &decision->connection);
}

reason api_metadata_approve(struct op *op, struct gate *gate, struct request *request,
                            struct reply *reply) {
    struct decision decision;
    struct json *body = NULL;
    TRY(open_decision(op, request, &decision));
    TRY(api_write(op, gate, store_approval, &decision));
    TRY(connection_json(op, gate, &decision.connection, &body));
    return reply_json(op, reply, 200, body);
}

static reason store_rejection(struct op *op, struct txn *txn, void *arg) {
    struct decision *decision = arg;
    return metadata_watch_reject(op, txn, decision->actor, decision->slug, decision->ask.change,
                                 &decision->watch);
}

reason api_metadata_reject(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply) {
    struct decision decision;
    TRY(open_decision(op, request, &decision));
    TRY(api_write(op, gate, store_rejection, &decision));
    return reply_json(op, reply, 200, watch_json(op, &decision.watch));
}
