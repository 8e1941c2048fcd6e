// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration as one document: what it has, by which addresses of the API each part is read
// and written, and how two of them are compared. gatehouse export writes it, gatehouse import reads
// it.
#ifndef GATEHOUSE_APP_CLI_MOVE_H
#define GATEHOUSE_APP_CLI_MOVE_H

#include "app/cli/cli.h"

#define MOVE_FORMAT "gatehouse-configuration"
#define MOVE_VERSION 1
// Bytes: some 7,500 tenants, each with a connection; more go in parts, by --tenant.
#define MOVE_FILE_MAX (32U << 20)
#define MOVE_MEMORY (256U << 20) // the file while it grows, its checks, and what is told of it

enum move_kind {
    MOVE_ORGANIZATION,
    MOVE_TENANT,
    MOVE_SETTINGS,
    MOVE_ROLE,
    MOVE_OVERRIDE,
    MOVE_CONNECTION,
    MOVE_IDP,
    MOVE_POLICY,
    MOVE_RULES,
    MOVE_DOCUMENT, // the whole, which is nothing that the gate has
};

// A member of one kind that holds others: {"policy", MOVE_POLICY, one object}.
struct move_part {
    const char *name; // NULL ends the parts
    enum move_kind kind;
    bool list;
};
#define MOVE_PARTS_MAX 5

// One kind of thing in the document. In addresses %t is the tenant and %n the name.
struct move_row {
    const char *name;                 // "policy"
    const char *line, *what;          // how a line tells it: "connection NAME: policy changed"
    const char *key;                  // the member that names it; NULL: its owner's name does
    const struct field_table *fields; // its members, but for
    const char *const *certificates;  // those that are lists of certificates, or NULL
    struct move_part parts[MOVE_PARTS_MAX];
    const char *at;        // where it is read
    const char *make;      // where it is made; NULL: it is there as soon as its owner is
    const char *change_at; // where it is changed; NULL: where it is read
    enum method change;
    bool whole;           // a change says all of it, not only what differs
    const char *personal; // a member that names people: not exported
};
const struct move_row *move_row(enum move_kind kind);

// An address of the row, with tenant and name filled in.
struct slice move_address(struct op *op, const char *pattern, struct slice tenant,
                          struct slice name);
// What the API shows, in the members that the document has.
MUST_USE reason move_shown(struct op *op, enum move_kind kind, const struct json *answer,
                           struct json **ret_shown);
// The members of an object that are no parts and not the key (`key` true: also the key).
MUST_USE reason move_members(struct op *op, enum move_kind kind, const struct json *object,
                             bool key, struct json **ret_members);
// "" when there is none.
struct slice move_text(const struct json *object, const char *member);

// Is this a document that can be imported? Everything that is wrong in it is a field error with its
// pointer; then invalid_input.
MUST_USE reason move_check(struct op *op, const struct json *root);

// What `wanted` says otherwise than `stored`, one text for each member: "skew_seconds 180 -> 60",
// "domains +b.example -a.example". A member that `wanted` does not have does not count. Lists of
// texts are sets, but for those whose order means something; in other lists the order counts.
MUST_USE reason move_differences(struct op *op, const struct json *stored,
                                 const struct json *wanted, struct texts *ret_differences);

#endif
