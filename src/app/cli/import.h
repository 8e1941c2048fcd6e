// SPDX-License-Identifier: GPL-3.0-or-later
// An import under way: one thing of the document after the other, and what came of each
// (import_one.c); the order of them is import.c's.
#ifndef GATEHOUSE_APP_CLI_IMPORT_H
#define GATEHOUSE_APP_CLI_IMPORT_H

#include "app/cli/move.h"

enum import_result {
    IMPORT_MADE,
    IMPORT_CHANGED,
    IMPORT_UNCHANGED,
    IMPORT_REFUSED,
    IMPORT_RESULTS
};
extern const char *const import_result_names[]; // as they are told

struct import {
    struct op *op; // of the whole command
    struct args *args;
    bool dry_run;
    struct json *items; // what is told with --json; NULL: a line each, at once
    size_t counts[IMPORT_RESULTS];
};

// One thing that the document has.
struct import_thing {
    enum move_kind kind;
    struct slice tenant, name; // as in addresses
    const struct json *wanted;
    bool fresh; // what it belongs to was made just now (or would have been): nothing of it is there
                // yet
};

// What came of one.
struct import_outcome {
    enum import_result result;
    bool there; // afterwards, or would be
    reason why; // of a refusal
};

// Looks at what is there, makes or changes it where it is missing or differs, and tells what came
// of it. A refusal is an outcome; what is handed up is that the gate cannot be asked any more.
MUST_USE reason import_one(struct import *import, const struct import_thing *thing,
                           struct import_outcome *ret_outcome);
// Tells that something was not tried, because of what it belongs to.
void import_refuse(struct import *import, const struct import_thing *thing, reason why,
                   struct slice detail);
// A connection as it is in the gate: is it there, whose is it, is it switched off?
struct import_seen {
    bool there, disabled;
    struct slice tenant;
};
MUST_USE reason import_see(struct import *import, struct slice connection,
                           struct import_seen *ret_seen);
// The last line, or all of the JSON.
MUST_USE reason import_end(struct import *import);

#endif
