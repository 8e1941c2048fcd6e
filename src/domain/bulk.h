// SPDX-License-Identifier: GPL-3.0-or-later
// Many people at once: a CSV file as lines, and one line done, with the functions that the API uses for one person.
// The first line names the columns (bulk.def, and the components), in any order; `email` must be there. An empty cell
// says nothing: what it stands for stays as it is. Roles are separated by semicolons; `none` takes them all away, and so
// it does with a component. Roles given by hand and components are apart: each stays when only the other is named.
#ifndef GATEHOUSE_DOMAIN_BULK_H
#define GATEHOUSE_DOMAIN_BULK_H

#include "domain/component.h"
#include "domain/csv.h"
#include "domain/member_life.h"

#define BULK_BYTES_MAX (10U << 20)
#define BULK_LINES_MAX 50000
#define BULK_WHOLE_MAX 20000 // lines of all or nothing: one transaction, which every other write waits for
#define BULK_MEMORY (64U << 20) // of an op that holds a file and its lines
#define BULK_FAULTS_EACH 8      // that are told of one line

enum bulk_action {
    BULK_ENSURE, // nothing said: made when not there, else changed
    BULK_CREATE,
    BULK_UPDATE,
    BULK_DISABLE,
    BULK_ENABLE,
    BULK_DELETE
};

// What is wrong with a line.
struct bulk_fault {
    const char *column; // its name in the header; "" for the whole line
    reason why;
    struct slice detail;
};
struct bulk_line {
    uint64_t line; // of the file, where it begins
    struct slice email;
    struct slice first_name, last_name, ticket; // len 0: nothing was said
    struct texts roles;
    bool roles_said, end_said, sso_said, sso_only;
    struct component_ask components;
    int action;
    int64_t expires_at; // 0 = never
    const struct bulk_fault *faults; // of the line by itself, found without looking at anybody
    size_t fault_count;
};
struct bulk_file {
    struct bulk_line *lines;
    size_t count;
};
// The lines live in op, whose memory must have BULK_MEMORY. csv.malformed, csv.header (the first line), bulk.too_many;
// what is wrong with one line is in that line: another number of cells, a value that is none, somebody who was named before.
MUST_USE reason bulk_read(struct op *op, struct slice csv, struct bulk_file *ret_file);
// The same refusals for the whole, in little memory; *ret_count lines.
MUST_USE reason bulk_look(struct op *op, struct slice csv, size_t *ret_count);

enum bulk_outcome {
    BULK_UNCHANGED, // and nothing was written
    BULK_CREATED, BULK_UPDATED, BULK_DISABLED, BULK_ENABLED, BULK_DELETED, BULK_OUTCOMES
};
// silent: nobody who is new gets a letter. Refused as one call of the API for this would be; not_found.
MUST_USE reason bulk_apply(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice tenant, const struct bulk_line *line, bool silent,
                           enum bulk_outcome *ret_outcome);
// The column that a refusal of bulk_apply is about.
const char *bulk_column(const struct op *op, reason why);

// ---- the other way (bulk_write.c) ----

// A file of JSON items as the same CSV: {"items":[{"email","first_name","last_name","roles":[],"action","expires_at",...}]}.
// The item at index i is on line i + 2. invalid_input by field.
struct json;
MUST_USE reason bulk_from_json(struct op *op, const struct json *object, struct slice *ret_csv);
// A tenant's people as a file that bulk_read takes back; the header, and a person's row.
void bulk_put_header(struct buf *out);
MUST_USE reason bulk_put_member(struct op *op, struct buf *out, const struct member *member);
// The same person as an item that bulk_from_json takes back.
MUST_USE reason bulk_member_json(struct op *op, const struct member *member,
                                 struct json **ret_item);

#endif
