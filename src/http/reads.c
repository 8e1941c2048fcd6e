// SPDX-License-Identifier: GPL-3.0-or-later
// Reading of personal data is a row of the audit log, too: "pii.viewed". One row an hour for who reads, tenant, kind and
// thing, however often it is read, so that a page which looks each few seconds costs one write an hour. What was noted
// is known in memory only: after a restart the first reading is noted again. A reading that cannot be noted is refused.
#include "base/clock.h"
#include "base/digest.h"
#include "domain/audit.h"
#include "http/limits.h"
#include "http/router.h"

struct read_row {
    const char *id, *kind;
    int part;
    const char *permission;
};
static const struct read_row rows[] = {
#define READ(id, kind, part, permission) {#id, kind, part, permission},
#include "http/reads.def"
#undef READ
};

static const struct read_row *row_of(const struct route *route) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].id, route->id) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

struct note {
    const struct actor *actor;
    struct audit_entry entry;
};
static reason write_note(struct op *op, struct txn *txn, void *arg) {
    const struct note *note = arg;
    return audit_write(op, txn, note->actor, &note->entry);
}

static reason note_in(struct op *op, struct gate *gate, const struct actor *actor,
                      struct slice tenant, const char *kind, struct slice target) {
    const struct slice parts[] = {slice_str(actor_kind_names[actor->kind]), actor->id, tenant,
                                  slice_str(kind), target};
    struct sha256 key = digest_parts(parts, sizeof parts / sizeof parts[0]);
    int64_t hour = op->now / HOUR_MS;
    if (limits_read_known(gate->limits, &key, hour)) {
        return NULL;
    }
    struct note note = {
        actor,
        {.tenant = tenant, .event = "pii.viewed", .target = target, .detail = slice_str(kind)}};
    TRY(store_write(op, gate->store, write_note, &note));
    limits_read_noted(gate->limits, &key, hour);
    return NULL;
}

reason reads_note(struct op *op, struct gate *gate, const struct route *route,
                  const struct request *request) {
    const struct read_row *row = row_of(route);
    const struct actor *actor = &request->actor;
    if (row == NULL || (row->permission != NULL && actor->kind != ACTOR_OPERATOR &&
                        !permission_may(actor->permissions, row->permission))) {
        return NULL;
    }
    struct slice target = row->part >= 0 ? request->args[row->part] : slice_str(row->kind);
    if (slice_equal(target, actor->id)) {
        return NULL; // one's own
    }
    struct slice tenant = route->access == ACCESS_TENANT  ? request->args[0]
                          : request->read_tenant.len > 0 ? request->read_tenant
                                                         : actor->tenant;
    return note_in(op, gate, actor, tenant, row->kind, target);
}

reason reads_note_users(struct op *op, struct gate *gate, const struct request *request,
                        struct slice tenant) {
    return note_in(op, gate, &request->actor, tenant, "users", S("users"));
}
