// SPDX-License-Identifier: GPL-3.0-or-later
// One thing of an import: read, compared, written, told. Each has an op of its own, so that a
// document of thousands of tenants needs no more memory than one of a few.
#include "app/cli/import.h"

const char *const import_result_names[] = {"made", "changed", "unchanged", "refused", NULL};

// ---- telling

static struct slice name_of(struct op *op, const struct import_thing *thing) {
    bool inside = thing->kind == MOVE_ROLE || thing->kind == MOVE_OVERRIDE;
    return inside ? op_text(op, "%.*s/%.*s", SLICE(thing->tenant), SLICE(thing->name))
                  : thing->name;
}

static struct slice joined(struct op *op, struct texts texts) {
    struct slice all = S("");
    for (size_t i = 0; i < texts.count; i++) {
        all = op_text(op, "%.*s%s%.*s", SLICE(all), i > 0 ? ", " : "", SLICE(texts.at[i]));
    }
    return all;
}

static void tell_line(struct op *op, const struct import_thing *thing,
                      const struct import_outcome *outcome, struct texts changes,
                      struct slice detail) {
    const struct move_row *row = move_row(thing->kind);
    show(op_text(op, "%s %.*s: %s%s%s", row->line, SLICE(name_of(op, thing)),
                 row->what != NULL ? row->what : "", row->what != NULL ? " " : "",
                 import_result_names[outcome->result]));
    if (outcome->why != NULL) {
        show(op_text(op, ": %.*s (%s)", SLICE(detail), outcome->why->slug));
    } else if (changes.count > 0) {
        show(op_text(op, " (%.*s)", SLICE(joined(op, changes))));
    }
    show_line("%s", "");
}

static void tell_json(struct import *import, const struct import_thing *thing,
                      const struct import_outcome *outcome, struct texts changes,
                      struct slice detail) {
    struct op *op = import->op;
    struct json *item = json_object(op);
    json_set_str(op, item, "kind", move_row(thing->kind)->name);
    json_set_text(op, item, "name", name_of(op, thing));
    json_set_str(op, item, "result", import_result_names[outcome->result]);
    if (changes.count > 0) {
        json_set_texts(op, item, "changes", changes);
    }
    if (outcome->why != NULL) {
        json_set_str(op, item, "reason", outcome->why->slug);
        json_set_text(op, item, "detail", detail);
    }
    json_add(op, import->items, item);
}

static void tell(struct import *import, struct op *op, const struct import_thing *thing,
                 const struct import_outcome *outcome, struct texts changes, struct slice detail) {
    import->counts[outcome->result]++;
    if (import->items != NULL) {
        tell_json(import, thing, outcome, changes, detail);
    } else {
        tell_line(op, thing, outcome, changes, detail);
    }
}

void import_refuse(struct import *import, const struct import_thing *thing, reason why,
                   struct slice detail) {
    const struct import_outcome outcome = {IMPORT_REFUSED, false, why};
    tell(import, import->op, thing, &outcome, (struct texts){NULL, 0}, detail);
}

// The detail of a refusal with what was wrong by field.
static struct slice detail_of(struct op *op) {
    struct slice detail = op->detail;
    for (size_t i = 0; i < op->error_count; i++) {
        const struct op_error *error = &op->errors[i];
        detail = slice_equal(error->detail, op->detail)
                     ? op_text(op, "%.*s: %.*s", SLICE(error->pointer), SLICE(detail))
                     : op_text(op, "%.*s; %.*s: %.*s", SLICE(detail), SLICE(error->pointer),
                               SLICE(error->detail));
    }
    return detail;
}

// ---- doing

static reason send(struct op *op, struct import *import, enum method method, struct slice target,
                   const struct json *body) {
    const struct json *answer = NULL;
    struct slice text = S("");
    return import->dry_run ? NULL : api_ask(op, import->args, method, target, body, &answer, &text);
}

// What a change says: what the document says; the rest as it is, where the API would take it away
// otherwise.
static reason body_of(struct op *op, const struct move_row *row, const struct json *stored,
                      struct json *wanted, struct json **ret_body) {
    struct json *body = json_object(op);
    const struct json *sources[] = {row->whole ? stored : NULL, wanted};
    for (size_t i = 0; i < 2; i++) {
        size_t at = 0;
        struct slice name;
        const struct json *value;
        while (sources[i] != NULL && json_member(sources[i], &at, &name, &value)) {
            const char *member = NULL;
            TRY(op_cstr(op, name, &member));
            json_set(op, body, member, value);
        }
    }
    *ret_body = body;
    return NULL;
}

static reason change(struct op *op, struct import *import, const struct import_thing *thing,
                     const struct json *stored, struct json *wanted) {
    const struct move_row *row = move_row(thing->kind);
    const char *at = row->change_at != NULL ? row->change_at : row->at;
    struct json *body = NULL;
    TRY(body_of(op, row, stored, wanted, &body));
    return send(op, import, row->change, move_address(op, at, thing->tenant, thing->name), body);
}

// A connection is made with its parts at once: it never works without its policy.
static reason make(struct op *op, struct import *import, const struct import_thing *thing) {
    const struct move_row *row = move_row(thing->kind);
    struct json *members = NULL;
    const struct json *body = thing->wanted;
    if (thing->kind != MOVE_CONNECTION) {
        TRY(move_members(op, thing->kind, thing->wanted, true, &members));
        body = members;
    }
    return send(op, import, METHOD_POST, move_address(op, row->make, thing->tenant, thing->name),
                body);
}

static reason look(struct op *op, struct import *import, const struct import_thing *thing,
                   struct json **ret_stored) {
    const struct move_row *row = move_row(thing->kind);
    const struct json *answer = NULL;
    *ret_stored = NULL;
    if (thing->fresh) {
        return NULL;
    }
    reason why =
        api_get(op, import->args, move_address(op, row->at, thing->tenant, thing->name), &answer);
    if (why == REASON_OF(NOT_FOUND) && row->make != NULL) {
        return NULL;
    }
    TRY(why);
    return move_shown(op, thing->kind, answer, ret_stored);
}

static reason work(struct op *op, struct import *import, const struct import_thing *thing,
                   struct import_outcome *outcome, struct texts *ret_changes) {
    struct json *stored = NULL;
    struct json *wanted = NULL;
    TRY(look(op, import, thing, &stored));
    outcome->there = stored != NULL;
    TRY(move_members(op, thing->kind, thing->wanted, false, &wanted));
    if (stored == NULL) {
        outcome->result = IMPORT_MADE;
        TRY(move_row(thing->kind)->make != NULL ? make(op, import, thing)
                                                : change(op, import, thing, NULL, wanted));
        outcome->there = true;
        return NULL;
    }
    TRY(move_differences(op, stored, wanted, ret_changes));
    outcome->result = ret_changes->count > 0 ? IMPORT_CHANGED : IMPORT_UNCHANGED;
    return ret_changes->count > 0 ? change(op, import, thing, stored, wanted) : NULL;
}

// A no to what was asked, after which the rest may go on: not a gate that cannot be reached or
// cannot write.
static bool is_no(reason why) {
    return why->http >= 400 && why->http < 500;
}

reason import_one(struct import *import, const struct import_thing *thing,
                  struct import_outcome *ret_outcome) {
    struct op part;
    struct import_outcome outcome = {IMPORT_UNCHANGED, false, NULL};
    struct texts changes = {NULL, 0};
    op_open(&part, 0);
    part.arena.ceiling = MOVE_MEMORY;
    reason why = work(&part, import, thing, &outcome, &changes);
    if (why == NULL) {
        tell(import, &part, thing, &outcome, changes, S(""));
    } else if (is_no(why)) {
        outcome.result = IMPORT_REFUSED;
        outcome.why = why;
        tell(import, &part, thing, &outcome, (struct texts){NULL, 0}, detail_of(&part));
        why = NULL;
    } else {
        why = op_refuse(import->op, why, "%.*s", SLICE(part.detail));
    }
    op_close(&part);
    *ret_outcome = outcome;
    return why;
}

reason import_see(struct import *import, struct slice connection, struct import_seen *ret_seen) {
    struct op part;
    struct import_seen seen = {.there = false};
    const struct json *answer = NULL;
    op_open(&part, 0);
    reason why =
        api_get(&part, import->args,
                move_address(&part, move_row(MOVE_CONNECTION)->at, S(""), connection), &answer);
    if (why == NULL) {
        seen.there = true;
        (void)json_bool(json_get(answer, "disabled"), &seen.disabled);
        why = op_copy(import->op, move_text(answer, "tenant"), &seen.tenant);
    } else if (is_no(why)) {
        why = NULL; // not there; another no comes again where it is told
    } else {
        why = op_refuse(import->op, why, "%.*s", SLICE(part.detail));
    }
    op_close(&part);
    *ret_seen = seen;
    return why;
}

// ---- the end

reason import_end(struct import *import) {
    if (import->items == NULL) {
        show_line("\n%zu made, %zu changed, %zu unchanged, %zu refused%s",
                  import->counts[IMPORT_MADE], import->counts[IMPORT_CHANGED],
                  import->counts[IMPORT_UNCHANGED], import->counts[IMPORT_REFUSED],
                  import->dry_run ? " (dry run: nothing was written)" : "");
        return NULL;
    }
    struct json *out = json_object(import->op);
    json_set_bool(import->op, out, "dry_run", import->dry_run);
    json_set(import->op, out, "items", import->items);
    for (size_t i = 0; i < IMPORT_RESULTS; i++) {
        json_set_number(import->op, out, import_result_names[i], (int64_t)import->counts[i]);
    }
    return show_json(import->op, out);
}
