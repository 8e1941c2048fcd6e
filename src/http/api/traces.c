// SPDX-License-Identifier: GPL-3.0-or-later
// Traces of logins: those that are stored and those that are only in memory (refused before a signature held),
// as one list, newest first. For operators, and for those of the tenant who set up sign-in or read the audit log.
#include "base/rand.h"
#include "http/api/api.h"

// Bytes of the traces in one page. Strangers can make long ones: they get a shorter page, never a failing one.
#define PAGE_BYTES_MAX (512U << 10)

static reason may_see(struct op *op, const struct actor *actor) {
    if (actor->kind == ACTOR_OPERATOR || permission_may(actor->permissions, "sso:manage") ||
        permission_may(actor->permissions, "audit:view")) {
        return NULL;
    }
    REFUSE(op, FORBIDDEN, "this needs the permission sso:manage or audit:view");
}

// Who signed in is the activity of people: who may not see that sees what was checked, and not who it was.
static bool sees_persons(const struct actor *actor) {
    return actor->kind == ACTOR_OPERATOR || permission_may(actor->permissions, "user_activity:view");
}

static bool names_person(const struct trace *trace, struct slice text) {
    return (text.len > 0 && memchr(text.at, '@', text.len) != NULL) ||
           (trace->name_id.len > 0 && slice_find(text, trace->name_id) != SIZE_MAX) ||
           (trace->email.len > 0 && slice_find(text, trace->email) != SIZE_MAX);
}

static reason without_person(struct op *op, struct trace *trace) {
    const struct trace_check *checks = trace->checks.at;
    struct trace_check *shown = NULL;
    TRY(op_take(op, (trace->checks.count + 1) * sizeof *shown, &shown));
    for (size_t i = 0; i < trace->checks.count; i++) {
        shown[i] = checks[i];
        shown[i].expected = names_person(trace, checks[i].expected) ? SLICE_NONE : checks[i].expected;
        shown[i].got = names_person(trace, checks[i].got) ? SLICE_NONE : checks[i].got;
    }
    reason why = reason_find(trace->reason);
    trace->detail = names_person(trace, trace->detail) ? slice_str(why != NULL ? why->text : "")
                                                       : trace->detail;
    trace->hint = names_person(trace, trace->hint) ? SLICE_NONE : trace->hint;
    trace->checks.at = shown;
    trace->name_id = trace->email = trace->user_id = trace->address = SLICE_NONE;
    return NULL;
}

static struct json *trace_json(struct op *op, const struct trace *trace, const struct actor *actor) {
    struct trace shown = *trace;
    bool withheld = !sees_persons(actor);
    if (withheld && without_person(op, &shown) != NULL) {
        op->incomplete = true;
        return json_object(op);
    }
    struct json *body = json_from_fields(op, &trace_fields, &shown);
    json_set_bool(op, body, "withheld", withheld);
    return body;
}

static size_t bytes_of(const struct trace *trace) {
    size_t bytes = sizeof *trace + trace->detail.len + trace->hint.len + trace->name_id.len +
                   trace->email.len + trace->issuer.len;
    const struct trace_check *checks = trace->checks.at;
    for (size_t i = 0; i < trace->checks.count; i++) {
        bytes += sizeof *checks + checks[i].check.len + checks[i].expected.len + checks[i].got.len;
    }
    return bytes;
}

// ---- the list -----------------------------------------------------------------------------------------

struct list {
    const struct actor *actor;
    struct slice tenant;
    struct trace_filter filter;
    struct page page;
    int64_t begin;       // of the tenant: older traces are those of an earlier one with its short name
    struct rows stored;  // struct trace, newest first
    struct slice behind; // "" or the id up to which the store was looked through
    struct rows fleeting; // those in memory, newest first
};
static reason read_stored(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, list->tenant, &tenant));
    list->begin = tenant.created_at;
    return trace_list(op, txn, list->tenant, &list->filter, list->page, &list->stored,
                      &list->behind);
}

// Which trace comes next, of the two lists; NULL: none that is sure to be next.
static const struct trace *next_of(const struct list *list, size_t *stored, size_t *fleeting) {
    const struct trace *a = *stored < list->stored.count
                                ? &((const struct trace *)list->stored.at)[*stored]
                                : NULL;
    const struct trace *b = *fleeting < list->fleeting.count
                                ? &((const struct trace *)list->fleeting.at)[*fleeting]
                                : NULL;
    // Between those in memory that are older there may be stored ones that were not looked at yet.
    if (b != NULL && list->behind.len > 0 && slice_compare(b->id, list->behind) < 0) {
        b = NULL;
    }
    if (a != NULL && (b == NULL || slice_compare(a->id, b->id) > 0)) {
        (*stored)++;
        return a;
    }
    if (b != NULL) {
        (*fleeting)++;
    }
    return b;
}

static void skip_shown(struct list *list, size_t *fleeting) {
    const struct trace *traces = list->fleeting.at;
    while (list->page.cursor.len > 0 && *fleeting < list->fleeting.count &&
           slice_compare(traces[*fleeting].id, list->page.cursor) >= 0) {
        (*fleeting)++;
    }
}

static struct json *merge(struct op *op, struct list *list, struct slice *ret_next) {
    struct json *items = json_array(op);
    struct slice last = SLICE_NONE;
    size_t stored = 0;
    size_t fleeting = 0;
    size_t count = 0;
    size_t bytes = 0;
    *ret_next = SLICE_NONE;
    skip_shown(list, &fleeting);
    for (const struct trace *trace = next_of(list, &stored, &fleeting); trace != NULL;
         trace = next_of(list, &stored, &fleeting)) {
        if (trace->time < list->begin) {
            return items; // and so are all that follow
        }
        bytes += bytes_of(trace);
        if (count == list->page.limit || (count > 0 && bytes > PAGE_BYTES_MAX)) {
            *ret_next = last;
            return items;
        }
        json_add(op, items, trace_json(op, trace, list->actor));
        last = trace->id;
        count++;
    }
    *ret_next = list->behind;
    return items;
}

static reason read_list(struct op *op, const struct request *request, struct list *ret_list) {
    struct list list = {.actor = &request->actor, .tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    TRY(request_query(op, request, "reason", &list.filter.reason));
    TRY(request_query(op, request, "user", &list.filter.user));
    if (list.filter.user.len > 0 && !sees_persons(list.actor)) {
        REFUSE(op, FORBIDDEN, "to search for a person needs the permission user_activity:view");
    }
    int64_t time;
    struct slice cursor = list.page.cursor;
    if (cursor.len > 0 && (!slice_starts(cursor, S("trc_")) ||
                           !ulid_time(slice_sub(cursor, 4, cursor.len), &time))) {
        REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
    }
    if (list.filter.reason.len > 0 && !slice_equal(list.filter.reason, S("accepted")) &&
        reason_find(list.filter.reason) == NULL) {
        REFUSE(op, INVALID_INPUT, "reason is \"accepted\" or the slug of a reason; got %.*s",
               SLICE(slice_sub(list.filter.reason, 0, 64)));
    }
    *ret_list = list;
    return NULL;
}

static reason reply_list(struct op *op, struct gate *gate, struct list *list,
                         struct op *ring_op, struct reply *reply) {
    TRY(store_walk(op, gate->store, read_stored, list));
    reason why = ring_list(gate->ring, ring_op, list->tenant, &list->filter, &list->fleeting);
    if (why != NULL) {
        op->detail = op_text(op, "%.*s", SLICE(ring_op->detail));
        return why;
    }
    struct slice next = SLICE_NONE;
    struct json *items = merge(op, list, &next);
    return api_reply_list(op, reply, items, next, API_NO_TOTAL);
}

reason api_traces_list(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    TRY(may_see(op, &request->actor));
    struct list list;
    TRY(read_list(op, request, &list));
    // What is in memory may be large and is mostly not shown: it takes nothing from what the answer may take.
    struct op ring_op;
    op_open(&ring_op, op->now);
    reason why = reply_list(op, gate, &list, &ring_op, reply);
    op_close(&ring_op);
    return why;
}

// ---- one ----------------------------------------------------------------------------------------------

struct one {
    const struct actor *actor;
    struct slice id;
    struct trace trace;
    bool found;
};
static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    reason why = trace_find(op, txn, one->id, &one->trace);
    one->found = why == NULL;
    return why == REASON_OF(NOT_FOUND) ? NULL : why;
}

static reason check_tenant(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    struct tenant tenant;
    TRY(tenant_find(op, txn, one->actor->tenant, &tenant));
    if (one->trace.time < tenant.created_at) {
        one->found = false;
    }
    return NULL;
}

reason api_trace_get(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    const struct actor *actor = &request->actor;
    TRY(may_see(op, actor));
    struct one one = {.actor = actor, .id = request->args[0]};
    TRY(store_read(op, gate->store, read_one, &one));
    if (!one.found) {
        TRY(ring_find(gate->ring, op, one.id, &one.trace, &one.found));
    }
    if (one.found && actor->kind != ACTOR_OPERATOR) {
        one.found = slice_equal(one.trace.tenant, actor->tenant);
        TRY(store_read(op, gate->store, check_tenant, &one));
    }
    if (!one.found) {
        REFUSE(op, NOT_FOUND,
               "there is no trace %.*s; those of unsigned messages are kept in memory for a while, "
               "the others for 30 days",
               SLICE(slice_sub(one.id, 0, 64)));
    }
    request->read_tenant = one.trace.tenant;
    return reply_json(op, reply, 200, trace_json(op, &one.trace, actor));
}
