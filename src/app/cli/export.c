// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse export: the configuration as one document. A tenant is written before the next is asked
// for, so that the document may be larger than what a command has of memory; two of the same state
// are equal byte for byte.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/cli/move.h"

#define PART_MEMORY (64U << 20) // one tenant: 100 connections, each with 500 rules
#define PROGRESS_EVERY 20       // tenants

struct export {
    struct op *op;
    struct args *args;
    FILE *to;
    const char *path; // NULL: standard output
    size_t total;     // tenants
};

// ---- writing

// An element of a list that is a member of the document, indented as the whole would be if it were
// printed at once.
static reason put_element(struct op *op, FILE *to, const struct json *value, bool first) {
    struct slice text;
    struct slice line;
    TRY(json_print(op, value, true, &text));
    (void)fputs(first ? "\n" : ",\n", to);
    for (bool begin = true; text.at != NULL && slice_cut(&text, '\n', &line); begin = false) {
        (void)fprintf(to, "%s    %.*s", begin ? "" : "\n", SLICE(line));
    }
    return NULL;
}

static void show_progress(const struct export *export, size_t done) {
    bool end = done == export->total;
    if (isatty(STDERR_FILENO) == 1 && (end || done % PROGRESS_EVERY == 0)) {
        (void)fprintf(stderr, "\r%zu of %zu tenants%s", done, export->total, end ? "\n" : "");
        (void)fflush(stderr);
    }
}

// ---- a tenant

// What the document has of an answer: never what names people.
static reason exported(struct op *op, enum move_kind kind, const struct json *answer,
                       struct json **ret_object) {
    const char *personal = move_row(kind)->personal;
    struct json *shown = NULL;
    struct json *object = json_object(op);
    size_t at = 0;
    struct slice name;
    const struct json *value;
    TRY(move_shown(op, kind, answer, &shown));
    while (json_member(shown, &at, &name, &value)) {
        const char *member = NULL;
        TRY(op_cstr(op, name, &member));
        if (personal == NULL || strcmp(member, personal) != 0) {
            json_set(op, object, member, value);
        }
    }
    *ret_object = object;
    return NULL;
}

static reason put_one(struct op *op, enum move_kind kind, const struct json *answer,
                      struct json *to) {
    struct json *object = NULL;
    TRY(exported(op, kind, answer, &object));
    json_set(op, to, move_row(kind)->name, object);
    return NULL;
}

// The tenant's own roles, and what it took out of the built-in ones.
static reason put_roles(struct op *op, struct args *args, struct slice slug, struct json *to) {
    const struct json *answer = NULL;
    struct json *roles = json_array(op);
    struct json *overrides = json_array(op);
    TRY(api_list(op, args, move_address(op, "/tenants/%t/roles", slug, S("")), UINT64_MAX,
                 &answer));
    for (size_t i = 0; i < json_count(answer); i++) {
        const struct json *role = json_at(answer, i);
        struct json *object = NULL;
        bool builtin = false;
        (void)json_bool(json_get(role, "builtin"), &builtin);
        TRY(exported(op, builtin ? MOVE_OVERRIDE : MOVE_ROLE, role, &object));
        if (!builtin) {
            json_add(op, roles, object);
        } else if (json_count(json_get(object, "denied")) > 0) {
            json_add(op, overrides, object);
        }
    }
    json_set(op, to, "roles", roles);
    json_set(op, to, "overrides", overrides);
    return NULL;
}

static reason put_connection(struct op *op, struct args *args, const struct json *answer,
                             struct json *to) {
    const struct json *idp = NULL;
    struct json *connection = NULL;
    TRY(exported(op, MOVE_CONNECTION, answer, &connection));
    TRY(api_get(op, args,
                move_address(op, move_row(MOVE_IDP)->at, S(""), move_text(answer, "slug")), &idp));
    if (!json_is_null(json_get(idp, "entity_id"))) { // else none is set up
        TRY(put_one(op, MOVE_IDP, idp, connection));
    }
    TRY(put_one(op, MOVE_POLICY, json_get(answer, "policy"), connection));
    TRY(put_one(op, MOVE_RULES, json_get(answer, "rules"), connection));
    json_add(op, to, connection);
    return NULL;
}

static reason put_tenant(struct op *op, const struct export *export, const struct json *answer,
                         bool first) {
    struct slice slug = move_text(answer, "slug");
    const struct json *list = NULL;
    const struct json *settings = NULL;
    struct json *tenant = NULL;
    struct json *connections = json_array(op);
    TRY(exported(op, MOVE_TENANT, answer, &tenant));
    TRY(api_get(op, export->args, move_address(op, move_row(MOVE_SETTINGS)->at, slug, S("")),
                &settings));
    TRY(put_one(op, MOVE_SETTINGS, settings, tenant));
    TRY(put_roles(op, export->args, slug, tenant));
    TRY(api_list(op, export->args, move_address(op, "/tenants/%t/connections", slug, S("")),
                 UINT64_MAX, &list));
    for (size_t i = 0; i < json_count(list); i++) {
        TRY(put_connection(op, export->args, json_at(list, i), connections));
    }
    json_set(op, tenant, "connections", connections);
    return put_element(op, export->to, tenant, first);
}

// ---- all of it

static reason write_tenants(const struct export *export, const struct json *tenants) {
    for (size_t i = 0; i < json_count(tenants); i++) {
        struct op part;
        op_open(&part, 0);
        part.arena.ceiling = PART_MEMORY;
        reason why = put_tenant(&part, export, json_at(tenants, i), i == 0);
        if (why != NULL) {
            why = op_refuse(export->op, why, "%.*s", SLICE(part.detail));
        }
        op_close(&part);
        TRY(why);
        show_progress(export, i + 1);
    }
    return NULL;
}

static reason write_organizations(const struct export *export, const struct json *organizations) {
    for (size_t i = 0; i < json_count(organizations); i++) {
        struct json *object = NULL;
        TRY(exported(export->op, MOVE_ORGANIZATION, json_at(organizations, i), &object));
        TRY(put_element(export->op, export->to, object, i == 0));
    }
    return NULL;
}

static reason write_document(struct export *export, const struct json *organizations,
                             const struct json *tenants) {
    export->total = json_count(tenants);
    (void)fprintf(export->to,
                  "{\n  \"format\": \"%s\",\n  \"version\": %d,\n  \"organizations\": [",
                  MOVE_FORMAT, MOVE_VERSION);
    TRY(write_organizations(export, organizations));
    (void)fprintf(export->to, "%s],\n  \"tenants\": [",
                  json_count(organizations) > 0 ? "\n  " : "");
    TRY(write_tenants(export, tenants));
    (void)fprintf(export->to, "%s]\n}\n", json_count(tenants) > 0 ? "\n  " : "");
    return NULL;
}

// ---- which tenants

static const struct json *find(const struct json *list, struct slice slug) {
    for (size_t i = 0; i < json_count(list); i++) {
        if (slice_equal(move_text(json_at(list, i), "slug"), slug)) {
            return json_at(list, i);
        }
    }
    return NULL;
}

static int by_slug(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

// Those of --tenant, in the order of the whole list, and the organizations that they belong to.
static reason read_named(const struct export *export, struct json *organizations,
                         struct json *tenants) {
    struct op *op = export->op;
    struct texts names = {NULL, 0};
    struct texts groups = {NULL, 0};
    TRY(args_all(op, export->args, "tenant", &names));
    qsort(names.at, names.count, sizeof *names.at, by_slug);
    TRY(op_take(op, names.count * sizeof *groups.at, &groups.at));
    for (size_t i = 0; i < names.count; i++) {
        const struct json *one = NULL;
        if (i > 0 && slice_equal(names.at[i], names.at[i - 1])) {
            continue;
        }
        TRY(api_get(op, export->args,
                    move_address(op, move_row(MOVE_TENANT)->at, S(""), names.at[i]), &one));
        json_add(op, tenants, one);
        groups.at[groups.count++] = move_text(one, "organization");
    }
    qsort(groups.at, groups.count, sizeof *groups.at, by_slug);
    for (size_t i = 0; i < groups.count; i++) {
        const struct json *one = NULL;
        if (groups.at[i].len > 0 && find(organizations, groups.at[i]) == NULL) {
            TRY(api_get(op, export->args,
                        move_address(op, move_row(MOVE_ORGANIZATION)->at, S(""), groups.at[i]),
                        &one));
            json_add(op, organizations, one);
        }
    }
    return NULL;
}

static reason write_all(struct export *export) {
    struct op *op = export->op;
    struct json *some_tenants = json_array(op);
    struct json *some_organizations = json_array(op);
    const struct json *tenants = some_tenants;
    const struct json *organizations = some_organizations;
    if (args_has(export->args, "tenant")) {
        TRY(read_named(export, some_organizations, some_tenants));
    } else {
        TRY(api_list(op, export->args, S("/organizations"), UINT64_MAX, &organizations));
        TRY(api_list(op, export->args, S("/tenants"), UINT64_MAX, &tenants));
    }
    return write_document(export, organizations, tenants);
}

// ---- where to

static reason cannot(struct op *op, const char *path) {
    REFUSE(op, INTERNAL, "cannot write %s: %s", path, strerror(errno));
}

// A file has its name when all of it is on the disk: what was there before stays until then.
static reason write_file(struct export *export) {
    const char *part = NULL;
    TRY(op_cstr(export->op, op_text(export->op, "%s.part-%ld", export->path, (long)getpid()),
                &part));
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    export->to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (export->to == NULL) {
        auto_close_fd(&fd);
        return cannot(export->op, part);
    }
    reason why = write_all(export);
    bool written = fflush(export->to) == 0 && ferror(export->to) == 0 && fsync(fd) == 0;
    written = fclose(export->to) == 0 && written;
    if (why == NULL && (!written || rename(part, export->path) != 0)) {
        why = cannot(export->op, export->path);
    }
    if (why != NULL) {
        (void)unlink(part);
    }
    return why;
}

static reason run(struct op *op, struct args *args) {
    struct export export = {.op = op, .args = args, .to = stdout};
    op->arena.ceiling = MOVE_MEMORY;
    args->json = false; // it is JSON anyway, and answers are not shown
    TRY(api_open(op, args));
    if (!args_has(args, "out")) {
        return write_all(&export);
    }
    TRY(op_cstr(op, args_one(args, "out"), &export.path));
    return write_file(&export);
}

static const struct cli_option options[] = {
    {"tenant", "SLUG", true, "only this tenant, and the organization that it belongs to"},
    {"out", "FILE", false, "write a file that only you can read, instead of standard output"},
    {NULL, NULL, false, NULL},
};
const struct cli_action export_actions[] = {
    {NULL, "", options, run,
     "Write organizations, tenants, settings, roles and connections as one JSON document.",
     "Two exports of the same state are the same, byte for byte. No private key, secret or "
     "password is in it, and\n"
     "nobody is named: not the people of a tenant, an organization's administrators, or who may "
     "use a password\n"
     "where SSO is enforced. gatehouse import reads it. A backup has everything: gatehouse backup.",
     "gatehouse export --tenant acme --out acme.json"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
