// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log of a tenant, and the one of what belongs to no tenant: searched, exported, verified; and what says who
// a person is, erased. Those parts are shown to who may access personal data, and withheld from others.
#include "base/clock.h"
#include "base/encode.h"
#include "base/text.h"
#include "domain/audit_chain.h"
#include "http/api/api.h"

#define EXPORT_LIMIT 1000

// ---- a row as JSON -------------------------------------------------------------------------------------

static bool sees_persons(const struct actor *actor) {
    return actor->kind == ACTOR_OPERATOR || permission_may(actor->permissions, "personal_data:access");
}

// Members that changed, of both parts of the row.
static const struct json *members(struct op *op, struct slice part, struct slice person) {
    struct json *all = json_object(op);
    const struct slice texts[] = {part, person};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct json *object = NULL;
        size_t at = 0;
        struct slice name;
        const struct json *value;
        const char *text = NULL;
        if (texts[i].len == 0 || json_parse(op, texts[i], &object) != NULL) {
            continue;
        }
        while (json_member(object, &at, &name, &value)) {
            if (op_cstr(op, name, &text) == NULL) {
                json_set(op, all, text, value);
            }
        }
    }
    return all;
}

static void set_members(struct op *op, struct json *body, const char *name, struct slice part,
                        struct slice person) {
    if (part.len + person.len == 0) {
        json_set_null(op, body, name);
    } else {
        json_set(op, body, name, members(op, part, person));
    }
}

static void set_hash(struct op *op, struct json *body, const char *name, struct slice hash) {
    struct slice hex = SLICE_NONE;
    if (encode_hex(op, hash, &hex) != NULL) {
        op->incomplete = true;
    }
    json_set_text_or_null(op, body, name, hex);
}

static struct json *audit_json(struct op *op, const struct audit *stored, bool persons) {
    struct audit audit = *stored;
    bool withheld = !persons && (audit.address.len > 0 || audit.person_salt.len > 0);
    if (withheld) {
        audit.address = audit.person_detail = SLICE_NONE;
        audit.person_before = audit.person_after = SLICE_NONE;
    }
    struct json *body = json_from_fields(op, &audit_fields, &audit);
    if (audit.person_detail.len > 0) {
        json_set_text(op, body, "detail",
                      audit.detail.len == 0 ? audit.person_detail
                                            : op_text(op, "%.*s; %.*s", SLICE(audit.detail),
                                                      SLICE(audit.person_detail)));
    }
    set_members(op, body, "before", audit.before, audit.person_before);
    set_members(op, body, "after", audit.after, audit.person_after);
    json_set_bool(op, body, "erased", audit.erased != 0);
    json_set_bool(op, body, "withheld", withheld);
    set_hash(op, body, "prev_hash", audit.prev_hash);
    set_hash(op, body, "hash", audit.hash);
    return body;
}

// ---- searching -----------------------------------------------------------------------------------------

struct list {
    struct slice tenant; // "": what belongs to none
    struct audit_filter filter;
    struct page page;
    struct rows audits;
    struct slice next;
};

static reason tenant_is_there(struct op *op, struct txn *txn, struct slice slug) {
    struct tenant tenant;
    return slug.len > 0 ? tenant_find(op, txn, slug, &tenant) : NULL;
}

static reason read_list(struct op *op, struct txn *txn, void *arg) {
    struct list *list = arg;
    TRY(tenant_is_there(op, txn, list->tenant));
    return audit_search(op, txn, list->tenant, &list->filter, list->page, &list->audits,
                        &list->next);
}

static reason read_time(struct op *op, const struct request *request, const char *name,
                        int64_t *ret_time) {
    struct slice text;
    TRY(request_query(op, request, name, &text));
    if (text.len > 0 && !clock_parse(text, ret_time)) {
        REFUSE(op, INVALID_INPUT, "%s is a time as in 2026-11-21T16:00:00Z, got %.*s", name,
               SLICE(slice_sub(text, 0, 40)));
    }
    return NULL;
}

static reason read_filter(struct op *op, const struct request *request,
                          struct audit_filter *ret_filter) {
    struct audit_filter filter = {.personal = sees_persons(&request->actor)};
    TRY(request_query(op, request, "actor", &filter.actor));
    TRY(request_query(op, request, "target", &filter.target));
    TRY(request_query(op, request, "event", &filter.event));
    TRY(request_query(op, request, "q", &filter.q));
    TRY(read_time(op, request, "from", &filter.from));
    TRY(read_time(op, request, "to", &filter.to));
    *ret_filter = filter;
    return NULL;
}

static reason check_cursor(struct op *op, struct slice cursor) {
    if (cursor.len > 0 && !audit_id(cursor)) {
        REFUSE(op, INVALID_INPUT, "the cursor is not one that a list gave");
    }
    return NULL;
}

reason api_audit_list(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct list list = {.tenant = request->args[0]};
    TRY(request_page(op, request, &list.page));
    TRY(check_cursor(op, list.page.cursor));
    TRY(read_filter(op, request, &list.filter));
    TRY(store_walk(op, gate->store, read_list, &list));
    struct json *items = json_array(op);
    const struct audit *audits = list.audits.at;
    for (size_t i = 0; i < list.audits.count; i++) {
        json_add(op, items, audit_json(op, &audits[i], list.filter.personal));
    }
    return api_reply_list(op, reply, items, list.next, API_NO_TOTAL);
}

struct one {
    struct slice tenant, id;
    struct audit audit;
};
static reason read_one(struct op *op, struct txn *txn, void *arg) {
    struct one *one = arg;
    return audit_find(op, txn, one->tenant, one->id, &one->audit);
}

reason api_audit_get(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct one one = {.tenant = request->args[0], .id = request->args[1]};
    TRY(store_read(op, gate->store, read_one, &one));
    return reply_json(op, reply, 200, audit_json(op, &one.audit, sees_persons(&request->actor)));
}

// ---- exporting -----------------------------------------------------------------------------------------

// The same request for the page after `cursor`.
static struct slice next_link(struct op *op, const struct request *request, struct slice cursor) {
    struct buf buf;
    struct slice rest = request->query;
    struct slice part;
    buf_open(&buf, op, 4096);
    buf_printf(&buf, "<%.*s?", SLICE(request->path));
    while (rest.at != NULL && slice_cut(&rest, '&', &part)) {
        if (part.len > 0 && !slice_starts(part, S("cursor="))) {
            buf_printf(&buf, "%.*s&", SLICE(part));
        }
    }
    buf_printf(&buf, "cursor=%.*s>; rel=\"next\"", SLICE(cursor));
    return buf.broken ? SLICE_NONE : buf_slice(&buf);
}

static reason write_lines(struct op *op, const struct list *list, struct slice *ret_text) {
    struct buf buf;
    buf_open(&buf, op, ARENA_CEILING);
    const struct audit *audits = list->audits.at;
    for (size_t i = 0; i < list->audits.count; i++) {
        struct op inner; // a line is copied, and what it was made of goes
        struct slice line = SLICE_NONE;
        op_open(&inner, op->now);
        reason why = json_print(&inner, audit_json(&inner, &audits[i], list->filter.personal),
                                false, &line);
        buf_put(&buf, line);
        buf_byte(&buf, '\n');
        op_close(&inner);
        TRY(why);
    }
    return buf_done(&buf, ret_text);
}

reason api_audit_export(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct list list = {.tenant = request->args[0], .page = {.limit = EXPORT_LIMIT}};
    struct slice limit;
    struct slice cursor;
    struct slice text = SLICE_NONE;
    uint64_t number = EXPORT_LIMIT;
    TRY(request_query(op, request, "limit", &limit));
    TRY(request_query(op, request, "cursor", &cursor));
    if (limit.len > 0 && (!text_u64(limit, EXPORT_LIMIT, &number) || number == 0)) {
        REFUSE(op, INVALID_INPUT, "limit is a number from 1 to %d", EXPORT_LIMIT);
    }
    TRY(check_cursor(op, cursor));
    TRY(read_filter(op, request, &list.filter));
    list.filter.forwards = true;
    list.page = (struct page){.limit = (size_t)number, .cursor = cursor};
    TRY(store_walk(op, gate->store, read_list, &list));
    TRY(write_lines(op, &list, &text));
    reply_text(reply, 200, "application/jsonl", text);
    reply_header(reply, "Cache-Control", S("no-store"));
    if (list.next.len > 0) {
        struct slice link = next_link(op, request, list.next);
        reply->broken = reply->broken || link.len == 0;
        reply_header(reply, "Link", link);
    }
    return NULL;
}

// ---- verifying -----------------------------------------------------------------------------------------

// "42:HASH", as an earlier answer told head and front.
static reason read_anchor(struct op *op, const struct request *request, struct audit_walk *walk) {
    struct slice text;
    struct slice number;
    struct slice bytes = SLICE_NONE;
    TRY(request_query(op, request, "anchor", &text));
    if (text.len == 0) {
        return NULL;
    }
    if (!slice_cut(&text, ':', &number) || !text_u64(number, INT64_MAX, &walk->anchor.seq) ||
        !decode_hex(op, text, &bytes) || bytes.len != SHA256_BYTES) {
        REFUSE(op, INVALID_INPUT, "an anchor is the number of a row, a colon and its hash in hex");
    }
    memcpy(walk->anchor.hash.bytes, bytes.at, SHA256_BYTES);
    walk->anchored = true;
    return NULL;
}

static void set_link(struct op *op, struct json *body, const char *name,
                     const struct audit_link *link) {
    struct json *object = json_object(op);
    json_set_number(op, object, "seq", (int64_t)link->seq);
    set_hash(op, object, "hash", digest_slice(&link->hash));
    json_set(op, body, name, object);
}

static struct json *walk_json(struct op *op, const struct audit_walk *walk) {
    struct json *body = json_object(op);
    struct json *findings = json_array(op);
    for (size_t i = 0; i < walk->found && i < AUDIT_FINDINGS_MAX; i++) {
        json_add(op, findings, json_from_fields(op, &audit_finding_fields, &walk->findings[i]));
    }
    json_set_text_or_null(op, body, "tenant", walk->tenant);
    json_set_bool(op, body, "ok", walk->found == 0);
    json_set_number(op, body, "rows", (int64_t)walk->rows);
    json_set_number(op, body, "erased_actor", (int64_t)walk->erased_actor);
    json_set_number(op, body, "erased_person", (int64_t)walk->erased_person);
    json_set_number(op, body, "before_chain", (int64_t)walk->before_chain);
    set_link(op, body, "front", &walk->front);
    set_link(op, body, "head", &walk->head);
    json_set_number(op, body, "found", (int64_t)walk->found);
    json_set(op, body, "findings", findings);
    return body;
}

static reason check_tenant(struct op *op, struct txn *txn, void *arg) {
    return tenant_is_there(op, txn, ((const struct audit_walk *)arg)->tenant);
}

reason api_audit_verify(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct audit_walk *walk = NULL;
    TRY(op_take(op, sizeof *walk, &walk));
    walk->tenant = request->args[0];
    TRY(read_anchor(op, request, walk));
    TRY(store_read(op, gate->store, check_tenant, walk));
    TRY(audit_verify(op, gate->store, walk));
    return reply_json(op, reply, 200, walk_json(op, walk));
}

// ---- erasing -------------------------------------------------------------------------------------------

struct ask {
    struct slice user;
};
static const struct field ask_rows[] = {
    F_TEXT(struct ask, user, 1, FIELD_MUST, 64),
};
FIELD_TABLE(audit_erase_fields, "erasure", 1, struct ask, ask_rows);

// Only of who is gone from the tenant: of the others the log has to say who they are.
static reason find_person(struct op *op, struct txn *txn, void *arg) {
    struct audit_erasure *erasure = arg;
    struct membership membership;
    struct user user;
    bool member = false;
    TRY(tenant_is_there(op, txn, erasure->tenant));
    TRY(membership_find(op, txn, erasure->tenant, erasure->user_id, &membership, &member));
    if (member && membership.status != MEMBER_DELETED) {
        REFUSE(op, ILLEGAL_TRANSITION, "the user is %s in this tenant; delete the user first",
               membership_status_names[membership.status]);
    }
    reason why = user_find(op, txn, erasure->user_id, &user);
    if (why == REASON_OF(NOT_FOUND)) {
        return NULL; // scrubbed already: rows still name the id
    }
    TRY(why);
    erasure->email = member ? user.email : SLICE_NONE;
    return NULL;
}

reason api_audit_erase(struct op *op, struct gate *gate, struct request *request,
                       struct reply *reply) {
    const struct json *object = NULL;
    struct ask ask = {.user = SLICE_NONE};
    struct audit_erasure erasure = {.tenant = request->args[0]};
    TRY(request_json(op, request, &object));
    TRY(json_to_fields(op, &audit_erase_fields, object, S(""), &ask));
    if (!slice_starts(ask.user, S("usr_"))) {
        op_error(op, S("/user"), REASON_OF(FIELD_VALUE), "a user id, as in usr_01J...");
        REFUSE(op, INVALID_INPUT, "user is the id of a user");
    }
    erasure.user_id = ask.user;
    TRY(store_read(op, gate->store, find_person, &erasure));
    TRY(audit_erase(op, gate->store, &request->actor, &erasure));
    struct json *body = json_object(op);
    json_set_text(op, body, "user", erasure.user_id);
    json_set_number(op, body, "rows", (int64_t)erasure.erased);
    return reply_json(op, reply, 200, body);
}
