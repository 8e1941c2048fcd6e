// SPDX-License-Identifier: GPL-3.0-or-later
// The OpenAPI 3.1 document: made of the route table, the field tables and schemas.c each time somebody asks, so it
// cannot say anything else than what the program does.
#include "base/check.h"
#include "http/router.h"
#include "http/schemas.h"

#define REF_PREFIX "#/components/schemas/"

// Our own text: it must be JSON.
static const struct json *parsed(struct op *op, const char *text) {
    const struct json *value = NULL;
    if (json_parse(op, slice_str(text), &value) != NULL) {
        op->incomplete = true;
        return json_object(op);
    }
    return value;
}

static const struct schema *schema_named(const char *name) {
    for (size_t i = 0; i < schema_count; i++) {
        if (strcmp(schema_table[i].name, name) == 0) {
            return &schema_table[i];
        }
    }
    return NULL;
}

static struct json *reference(struct op *op, const char *name) {
    struct json *object = json_object(op);
    json_set_text(op, object, "$ref", op_text(op, REF_PREFIX "%s", name));
    return object;
}

// ---- schemas from field tables --------------------------------------------------------------------------

static struct json *table_schema(struct op *op, const struct field_table *table, bool input);

// The schema of this table by name where it has one, so that clients get one type for it.
static struct json *table_reference(struct op *op, const struct field_table *table, bool input) {
    for (size_t i = 0; i < schema_count; i++) {
        if (schema_table[i].table == table && schema_table[i].input == input &&
            schema_table[i].more == NULL) {
            return reference(op, schema_table[i].name);
        }
    }
    return table_schema(op, table, input);
}

static void set_type(struct op *op, struct json *schema, const char *type, bool null) {
    if (!null) {
        json_set_str(op, schema, "type", type);
        return;
    }
    struct json *types = json_array(op);
    json_add_text(op, types, slice_str(type));
    json_add_text(op, types, S("null"));
    json_set(op, schema, "type", types);
}

static void set_choices(struct op *op, struct json *schema, const char *const *choices) {
    struct json *values = json_array(op);
    for (size_t i = 0; choices[i] != NULL; i++) {
        json_add_text(op, values, slice_str(choices[i]));
    }
    json_set_str(op, schema, "type", "string");
    json_set(op, schema, "enum", values);
}

static void set_items(struct op *op, struct json *schema, struct json *items, int64_t most) {
    json_set_str(op, schema, "type", "array");
    json_set(op, schema, "items", items);
    json_set_number(op, schema, "maxItems", most);
}

static struct json *field_schema(struct op *op, const struct field *field, bool input) {
    struct json *schema = json_object(op);
    bool null = (field->flags & FIELD_NULL) != 0;
    struct json *text = NULL;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
        set_type(op, schema, "string", null);
        if (input) {
            json_set_number(op, schema, "maxLength", field->max);
        }
        return schema;
    case FIELD_BYTES:
        set_type(op, schema, "string", null);
        json_set_str(op, schema, "contentEncoding", "base64");
        return schema;
    case FIELD_BOOL: json_set_str(op, schema, "type", "boolean"); return schema;
    case FIELD_NUMBER:
        json_set_str(op, schema, "type", "integer");
        json_set_number(op, schema, "minimum", field->min);
        if (field->max != INT64_MAX) {
            json_set_number(op, schema, "maximum", field->max);
        }
        return schema;
    case FIELD_TIME:
        set_type(op, schema, "string", true);
        json_set_str(op, schema, "format", "date-time");
        return schema;
    case FIELD_CHOICE: set_choices(op, schema, field->choices); return schema;
    case FIELD_TEXTS:
        text = json_object(op);
        json_set_str(op, text, "type", "string");
        set_items(op, schema, text, field->max);
        return schema;
    case FIELD_STRUCT: return table_reference(op, field->table, input);
    case FIELD_STRUCTS:
        set_items(op, schema, table_reference(op, field->table, input), field->max);
        return schema;
    }
    CHECK(field->type <= FIELD_STRUCTS);
    return schema;
}

static bool is_shown(const struct field *field, bool input) {
    uint8_t never = input ? FIELD_HIDDEN | FIELD_OUTPUT : FIELD_HIDDEN;
    return (field->flags & never) == 0;
}

static struct json *table_schema(struct op *op, const struct field_table *table, bool input) {
    struct json *properties = json_object(op);
    struct json *required = json_array(op);
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if (!is_shown(field, input)) {
            continue;
        }
        json_set(op, properties, field->name, field_schema(op, field, input));
        if (!input || (field->flags & FIELD_MUST) != 0) {
            json_add_text(op, required, slice_str(field->name));
        }
    }
    struct json *schema = json_object(op);
    json_set_str(op, schema, "type", "object");
    json_set(op, schema, "properties", properties);
    json_set(op, schema, "required", required);
    if (input) {
        json_set_bool(op, schema, "additionalProperties", false);
    }
    return schema;
}

// Members of one object into another.
static void add_members(struct op *op, struct json *to, const struct json *from) {
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(from, &at, &name, &value)) {
        const char *text = NULL;
        if (op_cstr(op, name, &text) != NULL) {
            op->incomplete = true;
            return;
        }
        json_set(op, to, text, value);
    }
}

static struct json *with_more(struct op *op, struct json *schema, const char *more) {
    const struct json *added = parsed(op, more);
    struct json *properties = json_object(op);
    add_members(op, properties, json_get(schema, "properties"));
    add_members(op, properties, added);
    json_set(op, schema, "properties", properties);
    return schema;
}

// An absent member of the policy takes its default: say which.
static struct json *with_defaults(struct op *op, struct json *schema) {
    struct policy usual = policy_default();
    const struct json *values = json_from_fields(op, &policy_fields, &usual);
    struct json *properties = json_object(op);
    size_t at = 0;
    struct slice name;
    const struct json *value;
    while (json_member(json_get(schema, "properties"), &at, &name, &value)) {
        const char *text = NULL;
        struct json *property = json_object(op);
        if (op_cstr(op, name, &text) != NULL) {
            op->incomplete = true;
            break;
        }
        add_members(op, property, value);
        json_set(op, property, "default", json_get(values, text));
        json_set(op, properties, text, property);
    }
    json_set(op, schema, "properties", properties);
    return schema;
}

static struct json *list_schema(struct op *op, const struct schema *row) {
    struct json *items = json_object(op);
    json_set_str(op, items, "type", "array");
    json_set(op, items, "items", reference(op, row->list));
    struct json *properties = json_object(op);
    json_set(op, properties, "items", items);
    json_set(op, properties, "next_cursor",
             parsed(op, "{\"type\":[\"string\",\"null\"],\"description\":\"For the next page; null "
                        "on the last.\"}"));
    struct json *required = json_array(op);
    json_add_text(op, required, S("items"));
    json_add_text(op, required, S("next_cursor"));
    if (row->total) {
        json_set(op, properties, "total", parsed(op, "{\"type\":\"integer\"}"));
        json_add_text(op, required, S("total"));
    }
    struct json *schema = json_object(op);
    json_set_str(op, schema, "type", "object");
    json_set(op, schema, "properties", properties);
    json_set(op, schema, "required", required);
    return schema;
}

static const struct json *schema_json(struct op *op, const struct schema *row) {
    if (row->whole != NULL) {
        return parsed(op, row->whole);
    }
    if (row->list != NULL) {
        return list_schema(op, row);
    }
    struct json *schema = table_schema(op, row->table, row->input);
    if (row->table == &policy_fields && row->input) {
        schema = with_defaults(op, schema);
    }
    return row->more != NULL ? with_more(op, schema, row->more) : schema;
}

// ---- operations -----------------------------------------------------------------------------------------

static struct json *content(struct op *op, const char *name) {
    const struct schema *row = schema_named(name);
    CHECK(row != NULL); // routes.def names it
    struct json *media = json_object(op);
    json_set(op, media, "schema", reference(op, name));
    struct json *object = json_object(op);
    json_set(op, object, row->media != NULL ? row->media : "application/json", media);
    return object;
}

static struct json *answer(struct op *op, const char *text, const char *gives) {
    struct json *object = json_object(op);
    json_set_str(op, object, "description", text);
    if (gives != NULL) {
        json_set(op, object, "content", content(op, gives));
    }
    return object;
}

static void set_answer(struct op *op, struct json *answers, unsigned status, struct json *value) {
    char name[12];
    struct slice text = op_text(op, "%u", status);
    if (text.len == 0 || text.len >= sizeof name) {
        op->incomplete = true;
        return;
    }
    memcpy(name, text.at, text.len);
    name[text.len] = '\0';
    json_set(op, answers, name, value);
}

// Which refusals a route may answer with.
static bool may_refuse(const struct route *route, unsigned status) {
    bool takes = route->takes != NULL;
    bool changes = route->method != METHOD_GET;
    bool web = route->door == DOOR_WEB;
    switch (status) {
    case 401: return web || route->access != ACCESS_PUBLIC;
    case 403: return web || route->access != ACCESS_PUBLIC;
    case 404: return web || changes || strchr(route->path, '{') != NULL;
    case 409:
    case 412:
    case 502: return changes;
    case 413:
    case 415: return takes;
    case 428: return route->method == METHOD_PUT;
    default: return true; // a query that cannot be read, too much at once, nothing that works
    }
}

static void add_refusals(struct op *op, const struct route *route, struct json *answers) {
    static const unsigned all[] = {400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 500, 502, 503};
    struct json *refusal = json_object(op);
    json_set_str(op, refusal, "$ref",
                 route->door == DOOR_WEB        ? "#/components/responses/PageOrProblem"
                 : route->door == DOOR_PLATFORM ? "#/components/responses/PlatformErrors"
                                                : "#/components/responses/Problem");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (may_refuse(route, all[i])) {
            set_answer(op, answers, all[i], refusal);
        }
    }
    json_set(op, answers, "default", refusal);
}

// A status may come with one of several contents.
static void add_answer(struct op *op, struct json *answers, const struct schema_answer *row) {
    const char *name = NULL;
    if (op_cstr(op, op_text(op, "%u", row->status), &name) != NULL) {
        op->incomplete = true;
        return;
    }
    const struct json *there = json_get(json_get(answers, name), "content");
    if (there == NULL || row->gives == NULL) {
        set_answer(op, answers, row->status, answer(op, row->text, row->gives));
        return;
    }
    struct json *both = json_object(op);
    add_members(op, both, there);
    add_members(op, both, content(op, row->gives));
    struct json *merged = json_object(op);
    json_set(op, merged, "description", json_get(json_get(answers, name), "description"));
    json_set(op, merged, "content", both);
    json_set(op, answers, name, merged);
}

static struct json *answers_of(struct op *op, const struct route *route) {
    struct json *answers = json_object(op);
    add_refusals(op, route, answers); // what a row says of a status counts more
    set_answer(op, answers, route->status, answer(op, route->summary, route->gives));
    for (size_t i = 0; i < schema_answer_count; i++) {
        const struct schema_answer *row = &schema_answers[i];
        if (strcmp(row->id, route->id) == 0) {
            add_answer(op, answers, row);
        }
    }
    return answers;
}

static struct json *parameter(struct op *op, const char *name, const char *in, const char *text,
                              const struct json *schema) {
    struct json *object = json_object(op);
    json_set_str(op, object, "name", name);
    json_set_str(op, object, "in", in);
    json_set_str(op, object, "description", text);
    json_set_bool(op, object, "required", strcmp(in, "path") == 0);
    json_set(op, object, "schema", schema);
    return object;
}

static bool has_part(const char *path, const char *name) {
    struct slice rest = slice_str(path);
    struct slice part;
    while (slice_cut(&rest, '{', &part) && rest.at != NULL) {
        struct slice after = rest;
        if (slice_cut(&after, '}', &part) && slice_equal(part, slice_str(name))) {
            return true;
        }
    }
    return false;
}

// What a request may say in its head.
static void add_headers(struct op *op, const struct route *route, struct json *parameters) {
    if (!slice_starts(slice_str(route->path), S("/api/"))) {
        return;
    }
    if (route->method == METHOD_POST && route->status == 201) {
        json_add(op, parameters,
                 parameter(op, "Idempotency-Key", "header",
                           "The same request sent again with the same key is given the same answer for 24 "
                           "hours, and makes nothing twice.",
                           parsed(op, "{\"type\":\"string\",\"maxLength\":255}")));
    } else if (route->method == METHOD_PUT || route->method == METHOD_PATCH ||
               route->method == METHOD_DELETE) {
        json_add(op, parameters,
                 parameter(op, "If-Match", "header",
                           "Where reading gave an ETag: only if it still is as that ETag says.",
                           parsed(op, "{\"type\":\"string\"}")));
    }
}

static struct json *parameters_of(struct op *op, const struct route *route) {
    struct json *parameters = json_array(op);
    add_headers(op, route, parameters);
    for (size_t i = 0; i < schema_part_count; i++) {
        if (has_part(route->path, schema_parts[i].name)) {
            json_add(op, parameters, parameter(op, schema_parts[i].name, "path",
                                               schema_parts[i].text,
                                               parsed(op, "{\"type\":\"string\"}")));
        }
    }
    const struct schema *gives = route->gives != NULL ? schema_named(route->gives) : NULL;
    bool paged = gives != NULL && gives->list != NULL && !gives->all;
    for (size_t i = 0; i < schema_query_count; i++) {
        const struct schema_query *row = &schema_queries[i];
        if (strcmp(row->id, route->id) == 0 || (paged && strcmp(row->id, "*") == 0)) {
            json_add(op, parameters,
                     parameter(op, row->name, "query", row->text, parsed(op, row->schema)));
        }
    }
    return parameters;
}

// Who may, where x-permission does not say more.
static const char *const access_names[] = {
    [ACCESS_PUBLIC] = "public",         [ACCESS_KNOWN] = "known",
    [ACCESS_OPERATOR] = "operator",     [ACCESS_TENANT] = "tenant",
    [ACCESS_CONNECTION] = "connection", [ACCESS_SIGNED_IN] = "signed_in",
    [ACCESS_ORGANIZATION] = "organization", [ACCESS_ACCOUNT] = "account",
};

static struct json *operation(struct op *op, const struct route *route) {
    struct json *object = json_object(op);
    json_set_str(op, object, "operationId", route->id);
    json_set_str(op, object, "summary", route->summary);
    json_set(op, object, "parameters", parameters_of(op, route));
    if (route->takes != NULL) {
        struct json *body = json_object(op);
        json_set_bool(op, body, "required", true);
        json_set(op, body, "content", content(op, route->takes));
        json_set(op, object, "requestBody", body);
    }
    json_set(op, object, "responses", answers_of(op, route));
    if (route->access == ACCESS_PUBLIC) {
        json_set(op, object, "security", json_array(op));
    }
    CHECK(access_names[route->access] != NULL);
    json_set_str(op, object, "x-access", access_names[route->access]);
    bool operators = route->access == ACCESS_OPERATOR ||
                     (route->permission != NULL &&
                      permission_find(slice_str(route->permission)) == NULL);
    if (operators) {
        json_set_str(op, object, "x-permission", "operators only");
    } else if (route->permission != NULL) {
        json_set_str(op, object, "x-permission", route->permission);
    }
    return object;
}

// ---- the document ---------------------------------------------------------------------------------------

static const char *const method_keys[] = {"get", "post", "put", "patch", "delete"};

static struct json *paths(struct op *op) {
    struct json *all = json_object(op);
    for (size_t i = 0; i < route_count; i++) {
        const char *path = route_table[i].path;
        if (json_get(all, path) != NULL) {
            continue;
        }
        struct json *item = json_object(op);
        for (size_t j = i; j < route_count; j++) {
            if (strcmp(route_table[j].path, path) == 0) {
                CHECK(route_table[j].method < METHOD_OTHER);
                json_set(op, item, method_keys[route_table[j].method],
                         operation(op, &route_table[j]));
            }
        }
        json_set(op, all, path, item);
    }
    return all;
}

static struct json *components(struct op *op) {
    struct json *schemas = json_object(op);
    for (size_t i = 0; i < schema_count; i++) {
        json_set(op, schemas, schema_table[i].name, schema_json(op, &schema_table[i]));
    }
    struct json *responses = json_object(op);
    json_set(op, responses, "Problem", answer(op, "A refusal, with its reason.", "Problem"));
    json_set(op, responses, "PlatformErrors",
             answer(op, "A refusal in the words of the platform's API.", "PlatformErrors"));
    struct json *both = content(op, "Problem");
    add_members(op, both, content(op, "Html"));
    struct json *page = json_object(op);
    json_set_str(op, page, "description",
                 "A refusal: a page for browsers, a problem for who asks for JSON.");
    json_set(op, page, "content", both);
    json_set(op, responses, "PageOrProblem", page);
    struct json *all = json_object(op);
    json_set(op, all, "schemas", schemas);
    json_set(op, all, "responses", responses);
    json_set(op, all, "securitySchemes",
             parsed(op, "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":"
                        "\"at+jwt\"},\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":"
                        "\"" SESSION_COOKIE_NAME "\"}}"));
    return all;
}

reason openapi_document(struct op *op, const struct gate *gate, struct slice *ret_json) {
    struct json *info = json_object(op);
    json_set_text(op, info, "title", gate->settings->product);
    json_set_str(op, info, "version", GATEHOUSE_VERSION);
    json_set_str(op, info, "description",
                 "SAML sign-in for tenants, and their people, roles and connections. Refusals are "
                 "application/problem+json (RFC 9457) with a stable reason. Operators may do all; "
                 "everybody else what x-permission says, in their own tenant: other tenants' ids "
                 "answer 404. With the cookie, a method that changes something must come from this "
                 "site.");
    json_set(op, info, "license",
             parsed(op, "{\"name\":\"GPL-3.0-or-later\",\"identifier\":\"GPL-3.0-or-later\"}"));
    struct json *server = json_object(op);
    json_set_text(op, server, "url", gate->settings->public_url);
    struct json *servers = json_array(op);
    json_add(op, servers, server);
    struct json *document = json_object(op);
    json_set_str(op, document, "openapi", "3.1.0");
    json_set(op, document, "info", info);
    json_set(op, document, "servers", servers);
    json_set(op, document, "security", parsed(op, "[{\"bearer\":[]},{\"cookie\":[]}]"));
    json_set(op, document, "paths", paths(op));
    json_set(op, document, "components", components(op));
    return json_print(op, document, false, ret_json);
}
