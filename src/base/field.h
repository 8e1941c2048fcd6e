// SPDX-License-Identifier: GPL-3.0-or-later
// One table describes one kind of record: its members, their names outside, their tags in storage and
// their bounds. The table drives the stored form (store/record.h) and JSON both ways (base/json.h), so a
// member is written down once.
#ifndef GATEHOUSE_BASE_FIELD_H
#define GATEHOUSE_BASE_FIELD_H

#include "base/op.h"

enum field_type {
    FIELD_TEXT,    // struct slice, UTF-8 on one line; max in bytes
    FIELD_BYTES,   // struct slice, any bytes; base64 in JSON
    FIELD_BOOL,    // bool
    FIELD_NUMBER,  // int64_t, min..max
    FIELD_TIME,    // int64_t ms, 0 = never; RFC 3339 or null in JSON
    FIELD_CHOICE,  // int (an enum from 0), by name in JSON and by number in storage
    FIELD_TEXTS,   // struct texts; max elements, each at most FIELD_TEXTS_EACH bytes
    FIELD_STRUCT,  // an embedded struct
    FIELD_STRUCTS, // struct rows of structs; max elements
};
#define FIELD_TEXTS_EACH 1024

enum field_flags {
    FIELD_PLAIN = 0,
    FIELD_NULL = 1,     // an empty text is null in JSON, and null is taken as empty
    FIELD_MUST = 2,     // JSON in must have it (and a text not be empty)
    FIELD_HIDDEN = 4,   // stored, never in JSON
    FIELD_OUTPUT = 8,   // in JSON out, refused in JSON in
    FIELD_LINES = 16,   // a text may hold line ends and tabs
    FIELD_PERSONAL = 32, // says who somebody is: audit keeps it where it can be erased
};

struct field_table;
struct field {
    const char *name;
    uint8_t tag;  // 1..255, never reused within a table
    uint8_t type; // enum field_type
    uint8_t flags;
    size_t offset;
    int64_t min, max;
    const struct field_table *table;  // of FIELD_STRUCT and FIELD_STRUCTS
    const char *const *choices;       // of FIELD_CHOICE, NULL at the end
};
struct field_table {
    const char *name;  // "tenant"
    uint16_t version;  // of the stored form
    size_t size;       // sizeof the struct
    const struct field *fields;
    size_t count;
};

#define FIELD_TABLE(table_name, title, version_, type, rows)                                       \
    const struct field_table table_name = {title, version_, sizeof(type), rows,                    \
                                           sizeof(rows) / sizeof((rows)[0])}
#define F_TEXT(type, member, tag, flags, max)                                                      \
    {#member, tag, FIELD_TEXT, flags, offsetof(type, member), 0, max, NULL, NULL}
#define F_BYTES(type, member, tag, flags, max)                                                     \
    {#member, tag, FIELD_BYTES, flags, offsetof(type, member), 0, max, NULL, NULL}
#define F_BOOL(type, member, tag, flags)                                                           \
    {#member, tag, FIELD_BOOL, flags, offsetof(type, member), 0, 1, NULL, NULL}
#define F_NUMBER(type, member, tag, flags, min, max)                                               \
    {#member, tag, FIELD_NUMBER, flags, offsetof(type, member), min, max, NULL, NULL}
#define F_TIME(type, member, tag, flags)                                                           \
    {#member, tag, FIELD_TIME, flags, offsetof(type, member), 0, INT64_MAX, NULL, NULL}
#define F_CHOICE(type, member, tag, flags, choices)                                                \
    {#member, tag, FIELD_CHOICE, flags, offsetof(type, member), 0, 0, NULL, choices}
#define F_TEXTS(type, member, tag, flags, max)                                                     \
    {#member, tag, FIELD_TEXTS, flags, offsetof(type, member), 0, max, NULL, NULL}
#define F_STRUCT(type, member, tag, flags, table)                                                  \
    {#member, tag, FIELD_STRUCT, flags, offsetof(type, member), 0, 0, &(table), NULL}
#define F_STRUCTS(type, member, tag, flags, max, table)                                            \
    {#member, tag, FIELD_STRUCTS, flags, offsetof(type, member), 0, max, &(table), NULL}

#endif
