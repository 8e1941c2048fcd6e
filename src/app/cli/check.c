// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse check: puts together what is to be trusted (files, or a connection of the gate), has
// the message judged, and shows the verdict. Nothing is stored.
#include "app/cli/check.h"
#include "app/cli/cli.h"
#include "app/cli/explain.h"
#include "app/cli/idp.h"

#define INPUT_MAX                                                                                  \
    (2U * SAML_FORM_MAX) // more than a gate takes, so that the verdict can say saml.too_large
#define SKEW_MOST 3600
#define KEY_FILE_MOST (64U << 10)

// ---- the command line

static reason check_words(struct op *op, struct args *args) {
    bool stored = args_has(args, "connection");
    bool metadata = args_has(args, "idp-metadata");
    bool values = args_has(args, "idp-entity-id") || args_has(args, "idp-cert");
    if ((stored ? 1 : 0) + (metadata ? 1 : 0) + (values ? 1 : 0) != 1) {
        return args_wrong(
            op, args,
            "say whom to trust in one way: --connection SLUG, or --idp-metadata FILE, or "
            "--idp-entity-id URI with --idp-cert FILE");
    }
    if (values && (!args_has(args, "idp-entity-id") || !args_has(args, "idp-cert"))) {
        return args_wrong(op, args, "--idp-entity-id and --idp-cert go together");
    }
    if (!stored && (!args_has(args, "entity-id") || !args_has(args, "acs-url"))) {
        return args_wrong(op, args,
                          "--entity-id URI and --acs-url URL are needed: who is the response for?");
    }
    return args_either(op, args, "in-response-to", "unsolicited");
}

static reason take_time(struct op *op, struct args *args) {
    struct slice text = args_one(args, "at");
    int64_t now = 0;
    if (text.at == NULL) {
        return NULL;
    }
    if (!clock_parse(text, &now)) {
        return args_wrong(op, args,
                          "--at is \"%.*s\", expected a time such as 2026-11-21T16:00:00Z",
                          SLICE(text));
    }
    op->now = now;
    return NULL;
}

static void take_request(const struct args *args, struct check *check) {
    check->in_response_to = args_one(args, "in-response-to");
    check->request = args_has(args, "unsolicited")      ? REQUEST_UNSOLICITED
                     : check->in_response_to.at != NULL ? REQUEST_ANSWER
                                                        : REQUEST_ANY;
}

// ---- whom to trust

static reason take_connection(struct op *op, struct args *args, struct check *check) {
    struct known_connection known;
    TRY(idp_read_connection(op, args, args_one(args, "connection"), &known));
    check->connection = known.connection;
    check->entity_id = known.entity_id;
    check->acs_url = known.acs_url;
    check->stored = true;
    return NULL;
}

static reason take_files(struct op *op, struct args *args, struct check *check) {
    struct texts files = {NULL, 0};
    check->connection =
        (struct connection){.slug = S("check"), .tenant = S("check"), .policy = policy_default()};
    if (args_has(args, "idp-metadata")) {
        return idp_read_metadata(op, check->pool, args_one(args, "idp-metadata"),
                                 &check->connection.idp);
    }
    check->connection.idp.entity_id = args_one(args, "idp-entity-id");
    TRY(args_all(op, args, "idp-cert", &files));
    for (size_t i = 0; i < files.count; i++) {
        TRY(idp_add_file(op, &check->connection.idp, files.at[i]));
    }
    return NULL;
}

static reason take_policy(struct op *op, struct args *args, struct check *check) {
    struct policy *policy = &check->connection.policy;
    uint64_t skew = (uint64_t)policy->skew_seconds;
    TRY(args_number(op, args, "skew", 0, SKEW_MOST, &skew));
    policy->skew_seconds = (int64_t)skew;
    policy->allow_sha1 = policy->allow_sha1 || args_has(args, "allow-sha1");
    if (args_has(args, "entity-id")) {
        check->entity_id = args_one(args, "entity-id");
    }
    if (args_has(args, "acs-url")) {
        check->acs_url = args_one(args, "acs-url");
    }
    return NULL;
}

// The key of the command line, or the gate's own for one of its connections.
static reason take_key(struct op *op, struct args *args, struct check *check) {
    const struct settings *settings = NULL;
    const char *name = NULL;
    struct slice pem;
    if (args_has(args, "sp-key")) {
        TRY(op_cstr(op, args_one(args, "sp-key"), &name));
        TRY(file_read(op, args_one(args, "sp-key"), KEY_FILE_MOST, &pem));
        return sp_keys_open_decryption(op, name, pem, &check->keys);
    }
    if (!check->stored) {
        return NULL;
    }
    TRY(args_settings(op, args, &settings));
    TRY(op_cstr(op, op_text(op, "%.*s/keys", SLICE(settings->data_dir)), &name));
    TRY(sp_keys_open(op, name, &check->keys));
    return connection_has_own_keys(&check->connection)
               ? sp_keys_open_own(op, name, &check->connection, check->keys, &check->own_keys)
               : NULL;
}

// ---- the verdict, as JSON; people get it from the same JSON

static reason attributes_json(struct op *op, const struct identity *identity,
                              struct json **ret_json) {
    const struct attribute *all = identity->attributes.at;
    size_t count = identity->attributes.count;
    struct json *out = json_object(op);
    for (size_t i = 0; i < count; i++) {
        const char *name = NULL;
        TRY(op_cstr(op, all[i].name, &name));
        if (json_get(out, name) != NULL) {
            continue; // joined below, at its first occurrence
        }
        struct json *values = json_array(op);
        for (size_t j = i; j < count; j++) {
            for (size_t k = 0; slice_equal(all[j].name, all[i].name) && k < all[j].values.count;
                 k++) {
                json_add_text(op, values, all[j].values.at[k]);
            }
        }
        json_set(op, out, name, values);
    }
    *ret_json = out;
    return NULL;
}

static reason identity_json(struct op *op, const struct identity *identity,
                            struct json **ret_json) {
    struct json *out = json_object(op);
    struct json *attributes = NULL;
    TRY(attributes_json(op, identity, &attributes));
    json_set_text(op, out, "issuer", identity->issuer);
    json_set_text(op, out, "name_id", identity->name_id);
    json_set_text_or_null(op, out, "name_id_format", identity->name_id_format);
    json_set_text_or_null(op, out, "session_index", identity->session_index);
    json_set(op, out, "attributes", attributes);
    *ret_json = out;
    return NULL;
}

static reason outcome_json(struct op *op, const struct check_outcome *outcome,
                           struct json **ret_json) {
    const struct trace *trace = &outcome->trace;
    const struct trace_check *rows = trace->checks.at;
    struct json *out = json_object(op);
    struct json *checks = json_array(op);
    struct json *identity = NULL;
    json_set_bool(op, out, "accepted", trace->accepted);
    json_set_text_or_null(op, out, "reason", trace->reason);
    json_set_text_or_null(op, out, "detail", trace->detail);
    json_set_text_or_null(op, out, "hint", trace->hint);
    for (size_t i = 0; i < trace->checks.count; i++) {
        json_add(op, checks, json_from_fields(op, &trace_check_fields, &rows[i]));
    }
    json_set(op, out, "checks", checks);
    if (trace->accepted) {
        TRY(identity_json(op, &outcome->identity, &identity));
        json_set(op, out, "identity", identity);
    } else {
        json_set_null(op, out, "identity");
    }
    *ret_json = out;
    return NULL;
}

static void show_identity(struct op *op, const struct json *identity) {
    size_t at = 0;
    struct slice name;
    const struct json *values;
    show_line("\nWhat it proves:");
    show_pair("  issuer", show_member(op, identity, "issuer"));
    show_pair("  name ID", show_member(op, identity, "name_id"));
    show_pair("  format", show_member(op, identity, "name_id_format"));
    show_pair("  session index", show_member(op, identity, "session_index"));
    while (json_member(json_get(identity, "attributes"), &at, &name, &values)) {
        show(op_text(op, "  %.*s = %.*s", SLICE(name), SLICE(show_value(op, values))));
        show_line("%s", "");
    }
}

static reason show_outcome(struct op *op, const struct args *args,
                           const struct check_outcome *outcome) {
    struct json *out = NULL;
    TRY(outcome_json(op, outcome, &out));
    if (args->json) {
        return show_json(op, out);
    }
    TRY(explain(op, out));
    if (outcome->trace.accepted) {
        show_identity(op, json_get(out, "identity"));
    }
    return NULL;
}

// ---- the action

static reason check_open(struct op *op, struct args *args, struct check *check) {
    TRY(worker_open(op, &check->pool)); // before any key is in memory
    if (args_has(args, "connection")) {
        TRY(take_connection(op, args, check));
        TRY(take_time(op, args));
    } else {
        TRY(take_time(op, args)); // metadata may have an end
        TRY(take_files(op, args, check));
    }
    TRY(take_policy(op, args, check));
    return take_key(op, args, check);
}

static reason judge(struct op *op, struct args *args, struct check *check) {
    struct check_outcome outcome;
    TRY(check_open(op, args, check));
    TRY(check_run(op, check, &outcome));
    args->status = outcome.trace.accepted ? CLI_DONE : CLI_REFUSED;
    return show_outcome(op, args, &outcome);
}

static reason run(struct op *op, struct args *args) {
    struct check check = {.request = REQUEST_ANY};
    args->own_fault = true; // exit 3 is for the message alone
    TRY(check_words(op, args));
    take_request(args, &check);
    TRY(file_read(op, args->words[0], INPUT_MAX, &check.input));
    reason why = judge(op, args, &check);
    sp_keys_close(check.own_keys);
    sp_keys_close(check.keys);
    pool_close(check.pool);
    return why;
}

static const struct cli_option options[] = {
    {"connection", "SLUG", false, "trust as this connection does, with its policy and addresses"},
    {"idp-metadata", "FILE", false, "trust what this metadata says"},
    {"idp-entity-id", "URI", false, "trust this issuer ..."},
    {"idp-cert", "FILE", true, "... with this certificate: PEM, DER or base64"},
    {"entity-id", "URI", false, "our entity ID: the audience"},
    {"acs-url", "URL", false, "our ACS URL: recipient and destination"},
    {"in-response-to", "ID", false, "the ID of the request that it has to answer"},
    {"unsolicited", NULL, false, "it has to answer no request"},
    {"at", "TIME", false, "judge as if it were 2026-11-21T16:00:00Z"},
    {"skew", "SECONDS", false, "how far the clocks may differ; default 180"},
    {"sp-key", "FILE", false, "RSA key in PEM for encrypted assertions"},
    {"allow-sha1", NULL, false, "take SHA-1 signatures"},
    {NULL, NULL, false, NULL},
};
const struct cli_action check_actions[] = {
    {NULL, "FILE|-", options, run,
     "Verify a SAML response as the gate would, and explain the verdict check by check.",
     "FILE holds XML, base64, or the body of a form (SAMLResponse=...). Neither a server nor a "
     "data directory is\n"
     "needed unless --connection is given. Without --in-response-to and --unsolicited it is not "
     "checked whether the\n"
     "response answers a request. A message that is refused gives exit status 3.",
     "gatehouse check --idp-metadata okta.xml --entity-id "
     "https://login.example.com/saml/acme-okta\n"
     "      --acs-url https://login.example.com/saml/acme-okta/acs response.txt"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
