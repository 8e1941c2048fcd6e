// SPDX-License-Identifier: GPL-3.0-or-later
// For those who run the gate: is it alive, may it get traffic, what does it count. And the pages' files.
#include "base/metric.h"
#include "http/asset.h"
#include "http/web/web.h"

#define METRICS_MAX (256U << 10)

reason web_healthz(struct op *op, struct gate *gate, struct request *request,
                   struct reply *reply) {
    (void)gate;
    (void)request;
    struct json *body = json_object(op);
    json_set_str(op, body, "status", "alive");
    return reply_json(op, reply, 200, body);
}

// Ready is: logins would be recorded and signatures checked.
reason web_readyz(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    (void)request;
    bool store = store_ready(gate->store) && !store_full(gate->store);
    bool workers = pool_ready(gate->pool);
    bool ready = store && workers && !gate->draining;
    struct json *body = json_object(op);
    json_set_str(op, body, "status", ready ? "ready" : "not ready");
    json_set_bool(op, body, "store", store);
    json_set_bool(op, body, "workers", workers);
    json_set_bool(op, body, "draining", gate->draining);
    json_set_str(op, body, "mail", post_state_names[post_state(gate->post)]); // nobody needs it to sign in
    TRY(reply_json(op, reply, ready ? 200 : 503, body));
    if (!ready) {
        reply_header(reply, "Retry-After", S("2"));
    }
    return NULL;
}

reason web_metrics(struct op *op, struct gate *gate, struct request *request,
                   struct reply *reply) {
    (void)request;
    struct buf out;
    struct slice text;
    buf_open(&out, op, METRICS_MAX);
    metric_print(&out);
    buf_printf(&out,
               "# HELP gatehouse_store_ready Whether writes are accepted.\n"
               "# TYPE gatehouse_store_ready gauge\ngatehouse_store_ready %d\n",
               store_ready(gate->store) && !store_full(gate->store) ? 1 : 0);
    TRY(buf_done(&out, &text));
    reply_text(reply, 200, "text/plain; version=0.0.4; charset=utf-8", text);
    return NULL;
}

reason web_asset(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    (void)gate;
    const struct asset *asset = asset_find(request->args[0]);
    if (asset == NULL) {
        REFUSE(op, NOT_FOUND, "there is no such file");
    }
    reply_text(reply, 200, asset->content_type,
               slice_of(asset->start, (size_t)(asset->end - asset->start)));
    reply_header(reply, "Cache-Control", S("public, max-age=3600"));
    return NULL;
}
