// SPDX-License-Identifier: GPL-3.0-or-later
// The custom roles API of mParticle, by its own paths, bodies and errors, so that programs written for it manage roles
// here. Accounts are tenants, by number. Only who manages roles gets here.
#include "base/clock.h"
#include "domain/manifest.h"
#include "http/api/api.h"
#include "http/limits.h"

struct work {
    const struct request *request;
    struct slice tenant;
    struct manifest asked, stored;
    struct manifest_diff diff;
    bool dry, tried;
};

static reason begin(struct op *op, struct gate *gate, const struct request *request) {
    const struct actor *actor = &request->actor;
    return limits_platform(op, gate->limits, actor->session.len > 0 ? actor->session : actor->id);
}

// ---- tasks ----------------------------------------------------------------------------------------------

reason api_platform_tasks(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct rows tasks;
    TRY(begin(op, gate, request));
    TRY(manifest_tasks(op, &tasks));
    struct json *list = json_array(op);
    for (size_t i = 0; i < tasks.count; i++) {
        const struct task *task = &((const struct task *)tasks.at)[i];
        struct json *one = json_object(op);
        json_set_text(op, one, "task_id", task->id);
        json_set_text(op, one, "display_name", task->name);
        json_set_text(op, one, "description", task->description);
        json_add(op, list, one);
    }
    return reply_json(op, reply, 200, list);
}

// ---- the manifest -----------------------------------------------------------------------------------------

static struct json *role_json(struct op *op, const struct manifest_role *role) {
    struct json *one = json_object(op);
    struct json *tasks = json_array(op);
    for (size_t i = 0; i < role->tasks.count; i++) {
        struct json *task = json_object(op);
        json_set_text(op, task, "task_id", role->tasks.at[i]);
        json_add(op, tasks, task);
    }
    json_set_text(op, one, "role_id", role->role_id);
    json_set_text(op, one, "name", role->name);
    json_set_text(op, one, "description", role->description);
    json_set(op, one, "tasks", tasks);
    return one;
}

// "2022-06-28 18:24:49"
static struct slice time_text(struct op *op, int64_t time) {
    char buffer[CLOCK_TEXT];
    struct slice text = clock_print(time, buffer);
    return time == 0 ? SLICE_NONE
                     : op_text(op, "%.*s %.*s", SLICE(slice_sub(text, 0, 10)),
                               SLICE(slice_sub(text, 11, 19)));
}

static struct json *manifest_json(struct op *op, const struct manifest *manifest) {
    struct json *body = json_object(op);
    struct json *roles = json_array(op);
    for (size_t i = 0; i < manifest->roles.count; i++) {
        json_add(op, roles, role_json(op, &((const struct manifest_role *)manifest->roles.at)[i]));
    }
    json_set(op, body, "roles", roles);
    json_set_text_or_null(op, body, "last_modified_on", time_text(op, manifest->changed_at));
    json_set_text_or_null(op, body, "last_modified_by", manifest->changed_by);
    json_set_number(op, body, "version", manifest->version);
    return body;
}

static reason read_stored(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    return manifest_read(op, txn, work->tenant, &work->stored);
}

reason api_platform_roles_get(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = {.request = request, .tenant = request->args[0]};
    TRY(begin(op, gate, request));
    TRY(store_read(op, gate->store, read_stored, &work));
    return reply_json(op, reply, 200, manifest_json(op, &work.stored));
}

// ---- replacing it -----------------------------------------------------------------------------------------

static const struct field role_rows[] = {
    F_TEXT(struct manifest_role, role_id, 1, FIELD_MUST, 64),
    F_TEXT(struct manifest_role, name, 2, FIELD_MUST, 4 * ROLE_NAME_MAX),
    F_TEXT(struct manifest_role, description, 3, FIELD_PLAIN, 4 * ROLE_DESCRIPTION_MAX),
};
static FIELD_TABLE(role_ask_fields, "role", 1, struct manifest_role, role_rows);

static reason read_tasks(struct op *op, const struct json *list, struct slice at,
                         struct texts *ret_tasks) {
    struct texts tasks = {NULL, 0};
    size_t count = json_is_array(list) ? json_count(list) : 0;
    if ((list != NULL && !json_is_array(list)) || count > PERMISSION_ROOM) {
        op_error(op, op_text(op, "%.*s/tasks", SLICE(at)), REASON_OF(FIELD_TYPE),
                 "a list of at most %d tasks is expected", PERMISSION_ROOM);
        REFUSE(op, INVALID_INPUT, "tasks are a list of objects with a task_id");
    }
    TRY(op_take(op, (count + 1) * sizeof *tasks.at, &tasks.at));
    for (size_t i = 0; i < count; i++) {
        const struct json *task = json_at(list, i);
        if (!json_is_object(task) ||
            !json_text(json_get(task, "task_id"), &tasks.at[tasks.count++])) {
            op_error(op, op_text(op, "%.*s/tasks/%zu/task_id", SLICE(at), i),
                     REASON_OF(FIELD_REQUIRED), "a task is an object with a task_id");
            REFUSE(op, INVALID_INPUT, "a task is an object with a task_id");
        }
    }
    *ret_tasks = tasks;
    return NULL;
}

static reason read_role(struct op *op, const struct json *object, struct slice at,
                        struct manifest_role *ret_role) {
    static const char *const by_hand[] = {"tasks", NULL};
    const struct json *rest = NULL;
    TRY(api_without(op, object, by_hand, &rest));
    TRY(json_to_fields(op, &role_ask_fields, rest, at, ret_role));
    return read_tasks(op, api_member(object, "tasks"), at, &ret_role->tasks);
}

// last_modified_... may come back as it was read.
static reason read_manifest(struct op *op, const struct json *object, struct manifest *ret_asked) {
    const struct json *list = api_member(object, "roles");
    const struct json *version = api_member(object, "version");
    struct manifest_role *roles;
    struct manifest asked = {.version = 0};
    if (!json_is_array(list) || json_count(list) > ROLE_LIMIT_PER_TENANT) {
        op_error(op, S("/roles"), json_is_array(list) ? REASON_OF(ROLE_LIMIT) : REASON_OF(FIELD_TYPE),
                 "a list of at most %d roles is expected", ROLE_LIMIT_PER_TENANT);
        REFUSE(op, INVALID_INPUT, "roles: a list of at most %d roles is expected",
               ROLE_LIMIT_PER_TENANT);
    }
    if (version != NULL && (!json_number(version, &asked.version) || asked.version < 0)) {
        op_error(op, S("/version"), REASON_OF(FIELD_TYPE), "a number is expected");
        REFUSE(op, INVALID_INPUT, "version: a number is expected");
    }
    TRY(op_take(op, (json_count(list) + 1) * sizeof *roles, &roles));
    for (size_t i = 0; i < json_count(list); i++) {
        TRY(read_role(op, json_at(list, i), op_text(op, "/roles/%zu", i), &roles[i]));
    }
    asked.roles = (struct rows){roles, json_count(list)};
    *ret_asked = asked;
    return NULL;
}

// What is only tried refuses at its end, so that nothing of it is kept.
static reason replace(struct op *op, struct txn *txn, void *arg) {
    struct work *work = arg;
    work->tried = false;
    TRY(manifest_replace(op, txn, &work->request->actor, work->tenant, &work->asked, work->dry,
                         &work->diff));
    if (!work->dry) {
        return read_stored(op, txn, work);
    }
    work->tried = true;
    REFUSE(op, INTERNAL, "tried, and not kept");
}

static struct json *diff_json(struct op *op, const struct work *work) {
    struct json *body = json_object(op);
    struct json *blocked = json_array(op);
    for (size_t i = 0; i < work->diff.blocked.count; i++) {
        const struct manifest_block *block =
            &((const struct manifest_block *)work->diff.blocked.at)[i];
        struct json *one = json_object(op);
        json_set_text(op, one, "role_id", block->role_id);
        json_set_str(op, one, "code", REASON_OF(ROLE_IN_USE)->slug);
        json_set_number(op, one, "members", (int64_t)block->members);
        json_add(op, blocked, one);
    }
    json_set_bool(op, body, "dry_run", true);
    json_set_texts(op, body, "added", work->diff.added);
    json_set_texts(op, body, "changed", work->diff.changed);
    json_set_texts(op, body, "deleted", work->diff.deleted);
    json_set_texts(op, body, "unchanged", work->diff.unchanged);
    json_set(op, body, "blocked", blocked);
    json_set_number(op, body, "version", work->stored.version);
    return body;
}

static reason read_dry(struct op *op, const struct request *request, bool *ret_dry) {
    struct slice text;
    TRY(request_query(op, request, "dry_run", &text));
    *ret_dry = slice_equal(text, S("true"));
    if (text.len > 0 && !*ret_dry && !slice_equal(text, S("false"))) {
        REFUSE(op, INVALID_INPUT, "dry_run is true or false, got %.*s",
               SLICE(slice_sub(text, 0, 40)));
    }
    return NULL;
}

reason api_platform_roles_put(struct op *op, struct gate *gate, struct request *request,
                              struct reply *reply) {
    struct work work = {.request = request, .tenant = request->args[0]};
    const struct json *object = NULL;
    TRY(begin(op, gate, request));
    TRY(read_dry(op, request, &work.dry));
    TRY(request_json(op, request, &object));
    TRY(read_manifest(op, object, &work.asked));
    reason why = api_write(op, gate, replace, &work);
    if (why == REASON_OF(INTERNAL) && work.tried) {
        op->error_count = 0;
        TRY(store_read(op, gate->store, read_stored, &work)); // its version, as it still is
        return reply_json(op, reply, 200, diff_json(op, &work));
    }
    TRY(why);
    return reply_json(op, reply, 200, manifest_json(op, &work.stored));
}
