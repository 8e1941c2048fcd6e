// SPDX-License-Identifier: GPL-3.0-or-later
// A tenant's own roles as one document, in the words of the custom roles API of mParticle: roles of tasks, replaced as
// a whole. A task stands for permissions; "audiences:*" for all whose tasks begin with "audiences:". Each role of a
// manifest lets its holder in and see what everybody there sees (user:core and the views that lost their task ids).
// Permissions that no task names stay in a role whose tasks are replaced: a manifest cannot name them.
#ifndef GATEHOUSE_DOMAIN_MANIFEST_H
#define GATEHOUSE_DOMAIN_MANIFEST_H

#include "domain/role.h"

struct task {
    struct slice id, name, description;
    struct permission_set set;
};
// rows of struct task, in the order of the catalogue.
MUST_USE reason manifest_tasks(struct op *op, struct rows *ret_tasks);

struct manifest_role {
    struct slice role_id, name, description;
    struct texts tasks; // ids
};
struct manifest {
    struct rows roles; // struct manifest_role
    int64_t version;   // 0 in what is asked: any
    int64_t changed_at; // 0 = never
    struct slice changed_by; // actor's id; a person's e-mail address where there is one
};
MUST_USE reason manifest_read(struct op *op, struct txn *txn, struct slice tenant,
                              struct manifest *ret_manifest);

struct manifest_block {
    struct slice role_id;
    size_t members; // that have the role; 0: a rule or a service user names it
};
struct manifest_diff {
    struct texts added, changed, deleted, unchanged; // role ids
    struct rows blocked; // struct manifest_block: what would have to go, and cannot
};
// Replaces all roles by those of `asked`. With `dry` the blocked ones are left, so that the rest is tried: the caller
// keeps nothing of the transaction. version_conflict, role_in_use, and what role_create and role_change refuse.
MUST_USE reason manifest_replace(struct op *op, struct txn *txn, const struct actor *actor,
                                 struct slice tenant, const struct manifest *asked, bool dry,
                                 struct manifest_diff *ret_diff);

#endif
