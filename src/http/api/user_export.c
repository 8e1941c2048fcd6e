// SPDX-License-Identifier: GPL-3.0-or-later
// The people of a tenant as a file: in parts of bounded size, each naming the next in its header Link, so that a part after
// the other, appended, is the whole file. Each is audited: it takes personal data out.
#include "domain/bulk.h"
#include "domain/listing.h"
#include "domain/space.h"
#include "http/api/api.h"

#define EXPORT_ROWS_MAX 20000
#define EXPORT_BYTES_MAX (3U << 20) // of a part; twice this while it grows
#define EXPORT_STEP 200             // rows that are read at once

struct export {
    const struct request *request;
    struct slice tenant, from; // the user id after which it goes on
    struct rows rows;          // struct member of a step
    bool more;
    size_t count;
};

static reason read_step(struct op *op, struct txn *txn, void *arg) {
    struct export *export = arg;
    struct key prefix = key_in(SPACE_MEMBERSHIP);
    key_text(&prefix, export->tenant);
    struct key from = prefix;
    key_text(&from, export->from);
    if (from.broken) {
        REFUSE(op, INVALID_INPUT, "this cursor is not one that an earlier part gave");
    }
    const struct listing listing = {.entity = &membership_entity,
                                    .prefix = key_slice(&prefix),
                                    .from = export->from.len > 0 ? key_slice(&from) : SLICE_NONE};
    struct rows rows = {NULL, 0};
    TRY(listing_read(op, txn, &listing, EXPORT_STEP, &rows, &export->more));
    struct member *members = NULL;
    TRY(op_take(op, (rows.count + 1) * sizeof *members, &members));
    for (size_t i = 0; i < rows.count; i++) {
        members[i].membership = ((const struct membership *)rows.at)[i];
        TRY(user_find(op, txn, members[i].membership.user_id, &members[i].user));
        TRY(visit_find(op, txn, export->tenant, members[i].membership.user_id, &members[i].visit));
    }
    export->rows = (struct rows){members, rows.count};
    return NULL;
}

typedef reason (*put_fn)(struct op *op, struct buf *out, const struct member *member, bool first);

static reason put_csv(struct op *op, struct buf *out, const struct member *member, bool first) {
    (void)first;
    return bulk_put_member(op, out, member);
}

static reason put_json(struct op *op, struct buf *out, const struct member *member, bool first) {
    struct json *item = NULL;
    struct slice text;
    TRY(bulk_member_json(op, member, &item));
    TRY(json_print(op, item, false, &text));
    buf_str(out, first ? "" : ",\n");
    buf_put(out, text);
    return NULL;
}

// Until the part is full or the people are.
static reason fill(struct op *op, struct gate *gate, struct export *export, struct buf *out,
                   put_fn put) {
    export->more = true;
    while (export->more && export->count < EXPORT_ROWS_MAX &&
           out->len < EXPORT_BYTES_MAX - (EXPORT_BYTES_MAX >> 3)) {
        struct op step;
        op_open(&step, op->now);
        reason why = store_read(&step, gate->store, read_step, export);
        const struct member *members = export->rows.at;
        for (size_t i = 0; why == NULL && i < export->rows.count; i++) {
            if (members[i].membership.status != MEMBER_DELETED) {
                why = put(&step, out, &members[i], export->count == 0);
                export->count++;
            }
        }
        if (why == NULL && export->rows.count > 0) {
            why = op_copy(op, members[export->rows.count - 1].membership.user_id, &export->from);
        }
        if (why != NULL) {
            why = op_refuse(op, why, "%.*s", SLICE(step.detail));
        }
        op_close(&step);
        TRY(why);
    }
    return NULL;
}

struct note {
    const struct export *export;
    const char *event;
};
static reason note_export(struct op *op, struct txn *txn, void *arg) {
    const struct note *note = arg;
    const struct export *export = note->export;
    return audit_add(op, txn, &export->request->actor, export->tenant, note->event, export->tenant,
                     op_text(op, "%zu people", export->count));
}

static reason check_tenant(struct op *op, struct txn *txn, void *arg) {
    struct tenant home;
    return tenant_find(op, txn, ((struct export *)arg)->tenant, &home);
}

static reason begin(struct op *op, struct gate *gate, const struct request *request,
                    struct export *export, struct buf *out) {
    *export = (struct export){.request = request, .tenant = request->args[0]};
    TRY(request_query(op, request, "cursor", &export->from));
    TRY(store_read(op, gate->store, check_tenant, export));
    op->arena.ceiling += 4 * (size_t)EXPORT_BYTES_MAX;
    buf_open(out, op, EXPORT_BYTES_MAX);
    return NULL;
}

// Audited before a byte of it leaves.
static reason finish(struct op *op, struct gate *gate, struct reply *reply,
                     const struct export *export, const char *event, const char *type,
                     struct buf *out) {
    const struct note note = {export, event};
    struct slice text;
    TRY(buf_done(out, &text));
    TRY(api_write(op, gate, note_export, (void *)(uintptr_t)&note));
    reply_text(reply, 200, type, text);
    reply_header(reply, "Cache-Control", S("no-store"));
    if (export->more) {
        struct slice link = op_text(op, "<%.*s?cursor=%.*s>; rel=\"next\"",
                                    SLICE(export->request->path), SLICE(export->from));
        reply->broken = reply->broken || link.len == 0;
        reply_header(reply, "Link", link);
    }
    return NULL;
}

reason api_users_csv(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct export export;
    struct buf out;
    TRY(begin(op, gate, request, &export, &out));
    if (export.from.len == 0) {
        bulk_put_header(&out);
    }
    TRY(fill(op, gate, &export, &out, put_csv));
    reply_header(reply, "Content-Disposition",
                 op_text(op, "attachment; filename=\"users-%.*s.csv\"", SLICE(export.tenant)));
    return finish(op, gate, reply, &export, "export.users_csv", "text/csv; charset=utf-8", &out);
}

reason api_users_json(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct export export;
    struct buf out;
    TRY(begin(op, gate, request, &export, &out));
    buf_str(&out, "{\"items\":[");
    TRY(fill(op, gate, &export, &out, put_json));
    buf_str(&out, "]}");
    return finish(op, gate, reply, &export, "export.users_json", "application/json", &out);
}
