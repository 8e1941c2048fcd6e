// SPDX-License-Identifier: GPL-3.0-or-later
// Does a value fit a schema of the OpenAPI document? As much of JSON Schema as the document uses; a keyword that is
// not understood fails, so that none is passed over.
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_SCHEMA_CHECK_H
#define GATEHOUSE_TESTS_UNIT_HTTP_SCHEMA_CHECK_H

#include "http/json_at.h"

struct schema_fault {
    char where[256];
    char what[128];
};

HELPER bool schema_fits(const struct json *document, const struct json *schema,
                        const struct json *value, const char *where, struct schema_fault *fault);

HELPER bool schema_no(struct schema_fault *fault, const char *where, const char *what) {
    (void)snprintf(fault->where, sizeof fault->where, "%s", where);
    (void)snprintf(fault->what, sizeof fault->what, "%s", what);
    return false;
}

// What "#/components/schemas/X" points to; NULL: nothing.
HELPER const struct json *schema_target(const struct json *document, struct slice reference) {
    char path[256] = "";
    if (!slice_starts(reference, S("#/")) || reference.len >= sizeof path) {
        return NULL;
    }
    memcpy(path, reference.at + 2, reference.len - 2);
    path[reference.len - 2] = '\0';
    for (char *c = path; *c != '\0'; c++) {
        *c = *c == '/' ? '.' : *c;
    }
    return look(document, path);
}

HELPER bool type_fits(struct slice type, const struct json *value) {
    struct slice text;
    int64_t number;
    bool flag;
    return (slice_equal(type, S("null")) && json_is_null(value)) ||
           (slice_equal(type, S("object")) && json_is_object(value)) ||
           (slice_equal(type, S("array")) && json_is_array(value)) ||
           (slice_equal(type, S("string")) && json_text(value, &text)) ||
           (slice_equal(type, S("integer")) && json_number(value, &number)) ||
           (slice_equal(type, S("boolean")) && json_bool(value, &flag));
}

HELPER bool types_fit(const struct json *types, const struct json *value) {
    struct slice type = S("");
    if (json_text(types, &type)) {
        return type_fits(type, value);
    }
    for (size_t i = 0; i < json_count(types); i++) {
        if (json_text(json_at(types, i), &type) && type_fits(type, value)) {
            return true;
        }
    }
    return false;
}

HELPER bool one_of(const struct json *values, const struct json *value) {
    struct slice got = S("");
    (void)json_text(value, &got);
    for (size_t i = 0; i < json_count(values); i++) {
        struct slice text = S("");
        if (json_text(json_at(values, i), &text) && slice_equal(text, got)) {
            return true;
        }
    }
    return false;
}

HELPER bool object_fits(const struct json *document, const struct json *schema,
                        const struct json *value, const char *where, struct schema_fault *fault) {
    const struct json *required = json_get(schema, "required");
    for (size_t i = 0; i < json_count(required); i++) {
        struct slice name = S("");
        char text[128];
        (void)json_text(json_at(required, i), &name);
        (void)snprintf(text, sizeof text, "%.*s", SLICE(name));
        if (json_get(value, text) == NULL) {
            return schema_no(fault, where, text);
        }
    }
    size_t at = 0;
    struct slice name;
    const struct json *member;
    while (json_member(value, &at, &name, &member)) {
        char inner[512];
        char text[128];
        (void)snprintf(text, sizeof text, "%.*s", SLICE(name));
        (void)snprintf(inner, sizeof inner, "%.200s/%s", where, text);
        const struct json *property = json_get(json_get(schema, "properties"), text);
        if (property == NULL) {
            // The document says all that an answer holds, also where it would allow more.
            return json_get(schema, "properties") == NULL || schema_no(fault, inner, "not described");
        }
        if (!schema_fits(document, property, member, inner, fault)) {
            return false;
        }
    }
    return true;
}

HELPER bool any_fits(const struct json *document, const struct json *schemas,
                     const struct json *value, const char *where, struct schema_fault *fault) {
    for (size_t i = 0; i < json_count(schemas); i++) {
        if (schema_fits(document, json_at(schemas, i), value, where, fault)) {
            return true;
        }
    }
    return false;
}

HELPER bool keyword_known(struct slice name) {
    static const char *const known[] = {
        "type",      "properties", "required", "items",     "$ref",    "enum",    "const",
        "anyOf",     "format",     "minimum",  "maximum",   "default", "maxItems", "maxLength",
        "contentEncoding", "description", "additionalProperties", NULL};
    for (size_t i = 0; known[i] != NULL; i++) {
        if (slice_equal(name, slice_str(known[i]))) {
            return true;
        }
    }
    return false;
}

HELPER bool schema_fits(const struct json *document, const struct json *schema,
                        const struct json *value, const char *where, struct schema_fault *fault) {
    struct slice text = S("");
    if (json_text(json_get(schema, "$ref"), &text)) {
        const struct json *target = schema_target(document, text);
        return target != NULL ? schema_fits(document, target, value, where, fault)
                              : schema_no(fault, where, "a $ref to nothing");
    }
    size_t at = 0;
    const struct json *keyword;
    while (json_member(schema, &at, &text, &keyword)) {
        if (!keyword_known(text)) {
            return schema_no(fault, where, "a keyword that the test does not know");
        }
    }
    if (json_get(schema, "anyOf") != NULL) {
        return any_fits(document, json_get(schema, "anyOf"), value, where, fault);
    }
    struct slice got = S("");
    if (json_text(json_get(schema, "const"), &text)) {
        return (json_text(value, &got) && slice_equal(got, text)) ||
               schema_no(fault, where, "another constant");
    }
    if (json_get(schema, "type") != NULL && !types_fit(json_get(schema, "type"), value)) {
        return schema_no(fault, where, "another type");
    }
    if (json_get(schema, "enum") != NULL && !one_of(json_get(schema, "enum"), value)) {
        return schema_no(fault, where, "not one of the values");
    }
    if (json_is_object(value)) {
        return object_fits(document, schema, value, where, fault);
    }
    for (size_t i = 0; json_is_array(value) && i < json_count(value); i++) {
        char inner[300];
        (void)snprintf(inner, sizeof inner, "%.200s/%zu", where, i);
        if (!schema_fits(document, json_get(schema, "items"), json_at(value, i), inner, fault)) {
            return false;
        }
    }
    return true;
}

HELPER void expect_fits(const struct json *document, const char *schema, const struct json *value) {
    char path[128];
    struct schema_fault fault;
    (void)snprintf(path, sizeof path, "components.schemas.%s", schema);
    if (!schema_fits(document, need(document, path), value, "", &fault)) {
        print_error("the answer is no %s: at \"%s\": %s\n", schema, fault.where, fault.what);
        fail();
    }
}

#endif
