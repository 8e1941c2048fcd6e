// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse import: goes through a document of gatehouse export in the order in which one thing
// needs another. Nothing is removed, and nothing is touched that the document does not name.
#include "app/cli/import.h"

struct home {
    struct slice tenant;
    bool fresh; // the tenant was made just now
};

static struct import_thing thing_of(enum move_kind kind, const struct home *home,
                                    const struct json *wanted) {
    const char *key = move_row(kind)->key;
    return (struct import_thing){.kind = kind,
                                 .tenant = home->tenant,
                                 .name = key != NULL ? move_text(wanted, key) : home->tenant,
                                 .wanted = wanted,
                                 .fresh = home->fresh};
}

// ---- connections

// Each part of a connection that is there. *ret_refused: one of them was.
static reason import_parts(struct import *import, const struct import_thing *owner, reason because,
                           struct slice detail, bool *ret_refused) {
    *ret_refused = because != NULL;
    for (const struct move_part *part = move_row(MOVE_CONNECTION)->parts; part->name != NULL;
         part++) {
        const struct json *wanted = json_get(owner->wanted, part->name);
        struct import_thing thing = {part->kind, owner->tenant, owner->name, wanted, false};
        struct import_outcome outcome = {.why = NULL};
        if (wanted == NULL) {
            continue;
        }
        if (because != NULL) {
            import_refuse(import, &thing, because, detail);
        } else {
            TRY(import_one(import, &thing, &outcome));
            *ret_refused = *ret_refused || outcome.why != NULL;
        }
    }
    return NULL;
}

// Short names are the gate's, not the tenant's: what another tenant has is never changed.
static reason refuse_foreign(struct import *import, const struct import_thing *connection,
                             struct slice owner) {
    bool refused = false;
    struct slice detail =
        op_text(import->op, "there is a connection %.*s, and it is of the tenant %.*s",
                SLICE(connection->name), SLICE(owner));
    import_refuse(import, connection, REASON_OF(DUPLICATE_SLUG), detail);
    return import_parts(import, connection, REASON_OF(DUPLICATE_SLUG), detail, &refused);
}

// One that is switched on is complete before it is; one that is switched off is so first.
static reason change_connection(struct import *import, const struct import_thing *connection,
                                const struct import_seen *seen) {
    struct import_outcome outcome = {.why = NULL};
    bool disabled = true;
    bool refused = false;
    bool last = seen->disabled && json_bool(json_get(connection->wanted, "disabled"), &disabled) &&
                !disabled;
    if (!last) {
        TRY(import_one(import, connection, &outcome));
    }
    TRY(import_parts(import, connection, NULL, S(""), &refused));
    if (last && refused) {
        import_refuse(import, connection, REASON_OF(INVALID_INPUT),
                      S("it stays switched off, for a part of it was refused"));
        return NULL;
    }
    return last ? import_one(import, connection, &outcome) : NULL;
}

static reason import_connection(struct import *import, const struct home *home,
                                const struct json *wanted) {
    struct import_thing connection = thing_of(MOVE_CONNECTION, home, wanted);
    struct import_outcome outcome = {.why = NULL};
    struct import_seen seen;
    bool refused = false;
    TRY(import_see(import, connection.name, &seen));
    if (seen.there && !slice_equal(seen.tenant, home->tenant)) {
        return refuse_foreign(import, &connection, seen.tenant);
    }
    if (seen.there) {
        connection.fresh = false;
        return change_connection(import, &connection, &seen);
    }
    connection.fresh = true;
    TRY(import_one(import, &connection, &outcome));
    return outcome.why == NULL ? NULL
                               : import_parts(import, &connection, outcome.why,
                                              S("its connection could not be made"), &refused);
}

// ---- tenants

// One thing of a tenant. `because`: it is not there, so this is not tried.
static reason import_inside(struct import *import, const struct home *home, enum move_kind kind,
                            const struct json *wanted, reason because) {
    struct import_thing thing = thing_of(kind, home, wanted);
    struct import_outcome outcome = {.why = NULL};
    bool refused = false;
    if (because == NULL) {
        return kind == MOVE_CONNECTION ? import_connection(import, home, wanted)
                                       : import_one(import, &thing, &outcome);
    }
    struct slice detail =
        op_text(import->op, "the tenant %.*s could not be made", SLICE(home->tenant));
    import_refuse(import, &thing, because, detail);
    return kind == MOVE_CONNECTION ? import_parts(import, &thing, because, detail, &refused) : NULL;
}

static reason import_tenant(struct import *import, const struct json *wanted) {
    struct home home = {move_text(wanted, "slug"), false};
    struct import_thing tenant = thing_of(MOVE_TENANT, &home, wanted);
    struct import_outcome outcome = {.why = NULL};
    TRY(import_one(import, &tenant, &outcome));
    home.fresh = outcome.result == IMPORT_MADE;
    reason because = outcome.there ? NULL : outcome.why;
    for (const struct move_part *part = move_row(MOVE_TENANT)->parts; part->name != NULL; part++) {
        const struct json *value = json_get(wanted, part->name);
        if (value != NULL && !part->list) {
            TRY(import_inside(import, &home, part->kind, value, because));
        }
        for (size_t i = 0; part->list && i < json_count(value); i++) {
            TRY(import_inside(import, &home, part->kind, json_at(value, i), because));
        }
    }
    return NULL;
}

// ---- all of it

static reason import_document(struct import *import, const struct json *root) {
    const struct home nowhere = {S(""), false};
    const struct json *organizations = json_get(root, "organizations");
    const struct json *tenants = json_get(root, "tenants");
    for (size_t i = 0; i < json_count(organizations); i++) {
        struct import_outcome outcome = {.why = NULL};
        struct import_thing thing =
            thing_of(MOVE_ORGANIZATION, &nowhere, json_at(organizations, i));
        TRY(import_one(import, &thing, &outcome));
    }
    for (size_t i = 0; i < json_count(tenants); i++) {
        TRY(import_tenant(import, json_at(tenants, i)));
    }
    return NULL;
}

static reason run(struct op *op, struct args *args) {
    struct import import = {.op = op, .args = args, .dry_run = args_has(args, "dry-run")};
    struct slice text;
    const struct json *root = NULL;
    op->arena.ceiling = MOVE_MEMORY;
    args->own_fault = true; // a document that cannot be read is no answer of the gate
    import.items = args->json ? json_array(op) : NULL;
    args->json = false; // what the API answers is not shown
    TRY(file_read(op, args->words[0], MOVE_FILE_MAX, &text));
    TRY(json_parse_most(op, text, MOVE_FILE_MAX, &root));
    TRY(move_check(op, root));
    TRY(api_open(op, args));
    // Also of one that could not go on: what was done is told.
    reason why = import_document(&import, root);
    reason told = import_end(&import);
    TRY(why);
    TRY(told);
    args->status = import.counts[IMPORT_REFUSED] > 0 ? CLI_REFUSED : CLI_DONE;
    return NULL;
}

static const struct cli_option options[] = {
    {"dry-run", NULL, false, "say what would come of it, and write nothing"},
    {NULL, NULL, false, NULL},
};
const struct cli_action import_actions[] = {
    {NULL, "FILE", options, run,
     "Make a configuration of what gatehouse export wrote; - reads standard input.",
     "What is missing is made, what differs is changed, what is equal is left as it is. Nothing is "
     "removed, and\n"
     "nothing is touched that the document does not name. What is refused is told, and the rest "
     "goes on: exit 0\n"
     "when nothing was refused, 3 when something was, 1 when the document or the gate cannot be "
     "read.\n"
     "With --dry-run the same is told and nothing written; what only the gate's own checks refuse "
     "(a domain that\n"
     "another tenant has, a role that is not there) is then not seen.",
     "gatehouse import --dry-run acme.json"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
