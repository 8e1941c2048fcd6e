// SPDX-License-Identifier: GPL-3.0-or-later
// Between tasks and permissions both ways, and the replacement of all roles, which goes through role_create,
// role_change and role_remove: what they refuse is refused here.
#include "domain/manifest.h"

#include "domain/fault.h"
#include "domain/user.h"

#define CORE "user:core"

// Views that every role of the platform has, and that have no task of their own.
static const uint8_t defaults[] = {
    PERMISSION_SYSTEM_ALERTS_VIEW, PERMISSION_EVENT_FORWARDING_VIEW, PERMISSION_CATALOG_VIEW,
    PERMISSION_DIRECTORY_VIEW,     PERMISSION_WORKSPACES_VIEW,
};

// ---- tasks ----

static bool is_task_of(struct slice task, const struct permission *permission) {
    struct slice own = slice_str(permission->task_id);
    if (own.len == 0) {
        return false;
    }
    // "audiences:*" holds all tasks of "audiences:".
    bool whole = slice_ends(task, S(":*"));
    return slice_equal(task, own) || (whole && slice_starts(own, slice_sub(task, 0, task.len - 1)));
}

static struct permission_set task_set(struct slice task) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < permission_count; i++) {
        if (is_task_of(task, &permission_table[i])) {
            permission_add(&set, &permission_table[i]);
        }
    }
    return set;
}

static bool is_task(struct slice task) {
    for (size_t i = 0; i < permission_count; i++) {
        if (permission_table[i].task_id != NULL &&
            slice_equal(task, slice_str(permission_table[i].task_id))) {
            return true;
        }
    }
    return false;
}

// What comes with each role, named or not.
static struct permission_set core_set(void) {
    struct permission_set set = task_set(S(CORE));
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        permission_add_number(&set, defaults[i]);
    }
    return set;
}

// The words of all permissions that have this very task.
static void say_task(struct op *op, struct task *task) {
    for (size_t i = 0; i < permission_count; i++) {
        const struct permission *permission = &permission_table[i];
        if (permission->task_id == NULL || !slice_equal(task->id, slice_str(permission->task_id))) {
            continue;
        }
        bool first = task->name.len == 0;
        task->name = op_text(op, "%.*s%s%s", SLICE(task->name), first ? "" : ", ", permission->name);
        task->description = op_text(op, "%.*s%s%s", SLICE(task->description), first ? "" : " ",
                                    permission->description);
    }
}

reason manifest_tasks(struct op *op, struct rows *ret_tasks) {
    struct task *tasks;
    size_t count = 0;
    TRY(op_take(op, permission_count * sizeof *tasks, &tasks));
    for (size_t i = 0; i < permission_count; i++) {
        struct slice id = slice_str(permission_table[i].task_id);
        bool seen = id.len == 0;
        for (size_t j = 0; j < count && !seen; j++) {
            seen = slice_equal(tasks[j].id, id);
        }
        if (!seen) {
            tasks[count] = (struct task){.id = id, .set = task_set(id)};
            say_task(op, &tasks[count++]);
        }
    }
    *ret_tasks = (struct rows){tasks, count};
    return NULL;
}

// ---- from a role to its tasks ----

static struct permission_set set_of(struct texts ids) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < ids.count; i++) {
        const struct permission *permission = permission_find(ids.at[i]);
        if (permission != NULL) {
            permission_add(&set, permission);
        }
    }
    return set;
}

// Is there another task that says this one, too, and that the role has whole?
static bool is_said(const struct task *tasks, size_t count, const struct task *task,
                    struct permission_set has) {
    for (size_t i = 0; i < count; i++) {
        const struct task *other = &tasks[i];
        if (other != task && slice_ends(other->id, S(":*")) &&
            slice_starts(task->id, slice_sub(other->id, 0, other->id.len - 1)) &&
            permission_within(other->set, has)) {
            return true;
        }
    }
    return false;
}

static reason tasks_of(struct op *op, const struct rows *all, struct texts permissions,
                       struct texts *ret_tasks) {
    const struct task *tasks = all->at;
    struct permission_set has = set_of(permissions);
    struct texts ids = {NULL, 0};
    TRY(op_take(op, (all->count + 1) * sizeof *ids.at, &ids.at));
    for (size_t i = 0; i < all->count; i++) {
        bool core = slice_equal(tasks[i].id, S(CORE));
        if (core || (permission_within(tasks[i].set, has) &&
                     !is_said(tasks, all->count, &tasks[i], has))) {
            ids.at[ids.count++] = tasks[i].id;
        }
    }
    *ret_tasks = ids;
    return NULL;
}

static reason own_roles(struct op *op, struct txn *txn, struct slice tenant, struct rows *ret_own) {
    struct rows all;
    TRY(role_list(op, txn, tenant, &all));
    const struct role *roles = all.at;
    size_t builtins = 0;
    while (builtins < all.count && roles[builtins].builtin) {
        builtins++;
    }
    *ret_own = (struct rows){(struct role *)all.at + builtins, all.count - builtins};
    return NULL;
}

static reason changer(struct op *op, struct txn *txn, struct slice id, struct slice *ret_name) {
    struct user user;
    reason why = user_find(op, txn, id, &user);
    if (why != NULL && why != REASON_OF(NOT_FOUND)) {
        return why;
    }
    *ret_name = why == NULL && user.email.len > 0 ? user.email : id;
    return NULL;
}

reason manifest_read(struct op *op, struct txn *txn, struct slice tenant,
                     struct manifest *ret_manifest) {
    struct tenant home;
    struct rows own;
    struct rows tasks;
    struct manifest_role *roles;
    TRY(tenant_find(op, txn, tenant, &home));
    TRY(own_roles(op, txn, tenant, &own));
    TRY(manifest_tasks(op, &tasks));
    TRY(op_take(op, (own.count + 1) * sizeof *roles, &roles));
    for (size_t i = 0; i < own.count; i++) {
        const struct role *role = &((const struct role *)own.at)[i];
        roles[i] = (struct manifest_role){
            .role_id = role->role_id, .name = role->name, .description = role->description};
        TRY(tasks_of(op, &tasks, role->permissions, &roles[i].tasks));
    }
    struct manifest manifest = {.roles = {roles, own.count},
                                .version = home.roles_version,
                                .changed_at = home.roles_changed_at};
    TRY(changer(op, txn, home.roles_changed_by, &manifest.changed_by));
    *ret_manifest = manifest;
    return NULL;
}

// ---- what is asked ----

static void check_role(struct faults *faults, const struct manifest_role *asked,
                       const struct role *old) {
    if (slice_trim(asked->description).len == 0 && (old == NULL || old->description.len > 0)) {
        fault_at(faults, "description", REASON_OF(FIELD_REQUIRED),
                 "Name or Description is empty: a role says what it is for");
    }
    if (asked->tasks.count == 0) {
        fault_at(faults, "tasks", REASON_OF(EMPTY_PERMISSIONS), "Empty tasks array");
    }
    for (size_t i = 0; i < asked->tasks.count; i++) {
        if (!is_task(asked->tasks.at[i])) {
            fault_in(faults, "tasks", i, REASON_OF(UNKNOWN_PERMISSION), "Tasks not found: \"%.*s\"",
                     SLICE(slice_sub(asked->tasks.at[i], 0, 64)));
        }
    }
}

static const struct role *find_old(struct rows old, struct slice role_id) {
    for (size_t i = 0; i < old.count; i++) {
        const struct role *role = &((const struct role *)old.at)[i];
        if (slice_equal(role->role_id, role_id)) {
            return role;
        }
    }
    return NULL;
}

static bool is_asked(const struct manifest *asked, struct slice role_id, size_t before) {
    const struct manifest_role *roles = asked->roles.at;
    for (size_t i = 0; i < asked->roles.count && i < before; i++) {
        if (slice_equal(roles[i].role_id, role_id)) {
            return true;
        }
    }
    return false;
}

static reason check_asked(struct op *op, const struct manifest *asked, struct rows old) {
    struct faults faults = faults_open(op, S(""));
    const struct manifest_role *roles = asked->roles.at;
    if (asked->roles.count > ROLE_LIMIT_PER_TENANT) {
        REFUSE(op, ROLE_LIMIT, "%zu roles; at most %d are taken", asked->roles.count,
               ROLE_LIMIT_PER_TENANT);
    }
    for (size_t i = 0; i < asked->roles.count; i++) {
        faults.at = op_text(op, "/roles/%zu", i);
        if (is_asked(asked, roles[i].role_id, i)) {
            fault_at(&faults, "role_id", REASON_OF(DUPLICATE_ROLE_ID), "\"%.*s\" is there twice",
                     SLICE(slice_sub(roles[i].role_id, 0, 64)));
        }
        check_role(&faults, &roles[i], find_old(old, roles[i].role_id));
    }
    return faults_end(&faults);
}

// ---- replacing ----

struct replacing {
    const struct actor *actor;
    struct slice tenant;
    const struct manifest *asked;
    struct rows old, tasks;
    bool dry;
    struct manifest_diff diff;
};

static void note(struct texts *texts, struct slice role_id) {
    texts->at[texts->count++] = role_id;
}

static bool same_tasks(struct texts a, struct texts b) {
    for (size_t i = 0; i < a.count; i++) {
        if (!texts_have(b, a.at[i])) {
            return false;
        }
    }
    return true;
}

// The same set of tasks, where user:core goes without saying and "x:*" says the tasks of x.
static bool means_the_same(struct texts shown, struct texts asked) {
    struct permission_set a = core_set();
    struct permission_set b = core_set();
    for (size_t i = 0; i < shown.count; i++) {
        a = permission_union(a, task_set(shown.at[i]));
    }
    for (size_t i = 0; i < asked.count; i++) {
        b = permission_union(b, task_set(asked.at[i]));
    }
    return same_tasks(shown, asked) || (permission_within(a, b) && permission_within(b, a));
}

static reason permissions_of(struct op *op, const struct manifest_role *asked,
                             const struct role *old, struct texts *ret_ids) {
    struct permission_set set = core_set();
    struct permission_set had = {{0, 0}};
    if (old != NULL) {
        had = set_of(old->permissions);
    }
    for (size_t i = 0; i < asked->tasks.count; i++) {
        set = permission_union(set, task_set(asked->tasks.at[i]));
    }
    for (size_t i = 0; i < permission_count; i++) { // what no task names stays
        if (permission_table[i].task_id == NULL && permission_has(had, &permission_table[i])) {
            permission_add(&set, &permission_table[i]);
        }
    }
    return permission_texts(op, set, ret_ids);
}

static reason put_one(struct op *op, struct txn *txn, struct replacing *work, size_t index,
                      bool fresh) {
    const struct manifest_role *asked =
        &((const struct manifest_role *)work->asked->roles.at)[index];
    const struct role *old = find_old(work->old, asked->role_id);
    struct texts shown = {NULL, 0};
    if ((old == NULL) != fresh) {
        return NULL;
    }
    struct role role = {.tenant = work->tenant,
                        .role_id = asked->role_id,
                        .name = asked->name,
                        .description = asked->description};
    if (old == NULL) {
        TRY(permissions_of(op, asked, NULL, &role.permissions));
        note(&work->diff.added, asked->role_id);
        return role_create(op, txn, work->actor, &role);
    }
    TRY(tasks_of(op, &work->tasks, old->permissions, &shown));
    bool same = means_the_same(shown, asked->tasks);
    if (same) {
        role.permissions = old->permissions;
    } else {
        TRY(permissions_of(op, asked, old, &role.permissions));
    }
    same = same && slice_equal(slice_trim(asked->name), old->name) &&
           slice_equal(slice_trim(asked->description), old->description);
    note(same ? &work->diff.unchanged : &work->diff.changed, asked->role_id);
    return same ? NULL : role_change(op, txn, work->actor, &role);
}

// Says at which role of the body it was.
static reason put_at(struct op *op, struct txn *txn, struct replacing *work, size_t index,
                     bool fresh) {
    size_t before = op->error_count;
    reason why = put_one(op, txn, work, index, fresh);
    for (size_t i = before; why != NULL && i < op->error_count; i++) {
        op->errors[i].pointer =
            op_text(op, "/roles/%zu%.*s", index, SLICE(op->errors[i].pointer));
    }
    if (why != NULL && op->error_count == before) {
        op_error(op, op_text(op, "/roles/%zu", index), why, "%.*s", SLICE(op->detail));
    }
    return why;
}

static reason drop_one(struct op *op, struct txn *txn, struct replacing *work,
                       const struct role *old) {
    size_t members = 0;
    size_t before = op->error_count;
    reason why =
        role_remove(op, txn, work->actor, work->tenant, old->role_id, SLICE_NONE, &members);
    if (why != REASON_OF(ROLE_IN_USE)) {
        note(&work->diff.deleted, old->role_id);
        return why;
    }
    if (!work->dry) {
        REFUSE(op, ROLE_IN_USE, "Custom role is assigned to a user and may not be deleted: %.*s",
               SLICE(op->detail));
    }
    op->error_count = before;
    ((struct manifest_block *)work->diff.blocked.at)[work->diff.blocked.count++] =
        (struct manifest_block){old->role_id, members};
    note(&work->diff.deleted, old->role_id);
    return NULL;
}

static reason take_room(struct op *op, struct replacing *work) {
    size_t room = work->old.count + work->asked->roles.count + 1;
    struct texts *lists[] = {&work->diff.added, &work->diff.changed, &work->diff.deleted,
                             &work->diff.unchanged};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        TRY(op_take(op, room * sizeof *lists[i]->at, &lists[i]->at));
    }
    return op_take(op, room * sizeof(struct manifest_block), &work->diff.blocked.at);
}

static reason check_version(struct op *op, struct txn *txn, struct slice tenant, int64_t asked) {
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    if (asked != 0 && asked < home.roles_version) {
        op_error(op, S("/version"), REASON_OF(VERSION_CONFLICT),
                 "Manifest version does not match: it is %lld now", (long long)home.roles_version);
        REFUSE(op, VERSION_CONFLICT, "Manifest version does not match: it is %lld now",
               (long long)home.roles_version);
    }
    return NULL;
}

reason manifest_replace(struct op *op, struct txn *txn, const struct actor *actor,
                        struct slice tenant, const struct manifest *asked, bool dry,
                        struct manifest_diff *ret_diff) {
    struct replacing work = {.actor = actor, .tenant = tenant, .asked = asked, .dry = dry};
    TRY(check_version(op, txn, tenant, asked->version));
    TRY(own_roles(op, txn, tenant, &work.old));
    TRY(manifest_tasks(op, &work.tasks));
    TRY(check_asked(op, asked, work.old));
    TRY(take_room(op, &work));
    // First what goes, then what changes: their names and their room are free then.
    for (size_t i = 0; i < work.old.count; i++) {
        const struct role *old = &((const struct role *)work.old.at)[i];
        if (!is_asked(asked, old->role_id, SIZE_MAX)) {
            TRY(drop_one(op, txn, &work, old));
        }
    }
    for (int fresh = 0; fresh <= 1; fresh++) {
        for (size_t i = 0; i < asked->roles.count; i++) {
            TRY(put_at(op, txn, &work, i, fresh == 1));
        }
    }
    TRY(audit_add(op, txn, actor, tenant, "role.manifest_replaced", tenant,
                  op_text(op, "%zu added, %zu changed, %zu deleted, %zu unchanged",
                          work.diff.added.count, work.diff.changed.count, work.diff.deleted.count,
                          work.diff.unchanged.count)));
    *ret_diff = work.diff;
    return NULL;
}
