// SPDX-License-Identifier: GPL-3.0-or-later
// What requests and answers look like, as rows: from a field table wherever there is one, else described by hand.
// For openapi.c, which makes the document of it.
#ifndef GATEHOUSE_HTTP_SCHEMAS_H
#define GATEHOUSE_HTTP_SCHEMAS_H

#include "base/field.h"

struct schema {
    const char *name;  // in routes.def and in the document
    const char *media; // NULL: application/json
    const struct field_table *table; // NULL: by hand
    bool input;        // of a table: what may be sent; else what is answered
    const char *more;  // of a table: further properties, a JSON object; NULL: none
    const char *list;  // a list answer of this schema; NULL: none
    bool total;        // of a list: it says how many there are in all
    bool all;          // of a list: it comes whole, so there is no paging
    const char *whole; // by hand: the schema as JSON
};
extern const struct schema schema_table[];
extern const size_t schema_count;

// Query parameters of an operation ("*": of each whose answer is a list that comes in pages).
struct schema_query {
    const char *id, *name, *text, *schema;
};
extern const struct schema_query schema_queries[];
extern const size_t schema_query_count;

// Answers that an operation may give besides the one in its row.
struct schema_answer {
    const char *id;
    unsigned status;
    const char *gives; // NULL: nothing
    const char *text;
};
extern const struct schema_answer schema_answers[];
extern const size_t schema_answer_count;

// The {parts} of paths.
struct schema_part {
    const char *name, *text;
};
extern const struct schema_part schema_parts[];
extern const size_t schema_part_count;

#endif
