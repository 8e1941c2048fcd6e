// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse metadata: reads an identity provider's metadata exactly as an import does (a worker
// canonicalises, the gate's reader reads), without a server and without a data directory.
#include "app/cli/idp.h"

static struct json *endpoints_json(struct op *op, struct rows endpoints) {
    struct json *list = json_array(op);
    const struct endpoint *rows = endpoints.at;
    for (size_t i = 0; i < endpoints.count; i++) {
        struct json *one = json_object(op);
        json_set_str(op, one, "binding", binding_names[rows[i].binding]);
        json_set_text(op, one, "location", rows[i].location);
        if (rows[i].response_location.len > 0) {
            json_set_text(op, one, "response_location", rows[i].response_location);
        }
        json_add(op, list, one);
    }
    return list;
}

static struct json *import_json(struct op *op, const struct idp_import *import) {
    struct json *out = json_object(op);
    struct json *fingerprints = json_array(op);
    const struct certificate *certificates = import->idp.certificates.at;
    for (size_t i = 0; i < import->idp.certificates.count; i++) {
        json_add_text(op, fingerprints, certificates[i].sha256);
    }
    json_set_text(op, out, "entity_id", import->idp.entity_id);
    json_set(op, out, "sso", endpoints_json(op, import->idp.sso));
    json_set(op, out, "slo", endpoints_json(op, import->idp.slo));
    json_set(op, out, "certificates", fingerprints);
    json_set_time(op, out, "valid_until", import->idp.valid_until);
    json_set_texts(op, out, "warnings", import->warnings);
    return out;
}

static void show_endpoints(struct op *op, struct rows endpoints, const char *label) {
    const struct endpoint *rows = endpoints.at;
    for (size_t i = 0; i < endpoints.count; i++) {
        show_pair(label, op_text(op, "%-8s  %.*s", binding_names[rows[i].binding],
                                 SLICE(rows[i].location)));
    }
}

static void show_certificate(struct op *op, const struct certificate *certificate) {
    char from[CLOCK_TEXT];
    char until[CLOCK_TEXT];
    show_pair("certificate", certificate->sha256);
    if (certificate->key_only) {
        show_pair("", S("a bare key, without a name or an end"));
        return;
    }
    show_pair("", certificate->subject);
    show_pair("", op_text(op, "%.*s to %.*s%s",
                          SLICE(slice_sub(clock_print(certificate->not_before, from), 0, 10)),
                          SLICE(slice_sub(clock_print(certificate->not_after, until), 0, 10)),
                          certificate->not_after <= op->now ? ", expired" : ""));
}

static void show_import(struct op *op, const struct idp_import *import) {
    const struct certificate *certificates = import->idp.certificates.at;
    char until[CLOCK_TEXT];
    show_pair("entity ID", import->idp.entity_id);
    show_endpoints(op, import->idp.sso, "sign-on");
    show_endpoints(op, import->idp.slo, "sign-out");
    for (size_t i = 0; i < import->idp.certificates.count; i++) {
        show_certificate(op, &certificates[i]);
    }
    show_pair("valid until", import->idp.valid_until != 0
                                 ? clock_print(import->idp.valid_until, until)
                                 : S("no end is given"));
    show_pair("wants", import->idp.want_signed_requests ? S("signed requests") : S("-"));
    for (size_t i = 0; i < import->warnings.count; i++) {
        show_pair("warning", import->warnings.at[i]);
    }
}

// With --json a refusal is JSON too.
static reason show_refusal(struct op *op, const struct args *args, reason why) {
    if (args->json && why->class == CLASS_INPUT) {
        struct json *out = json_object(op);
        struct slice detail = op->detail;
        json_set_str(op, out, "reason", why->slug);
        json_set_text(op, out, "detail", detail.len > 0 ? detail : slice_str(why->text));
        TRY(show_json(op, out));
        op->detail = detail;
    }
    return why;
}

static reason run(struct op *op, struct args *args) {
    struct pool *pool = NULL;
    struct slice xml;
    struct idp_import import;
    struct slice entity_id = args_one(args, "entity-id");
    TRY(file_read(op, args->words[0], METADATA_XML_MAX, &xml));
    TRY(worker_open(op, &pool));
    reason why = idp_from_xml(op, pool, xml, entity_id.at != NULL ? entity_id : S(""), &import);
    pool_close(pool);
    if (why != NULL) {
        return show_refusal(op, args, why);
    }
    if (args->json) {
        return show_json(op, import_json(op, &import));
    }
    show_import(op, &import);
    return NULL;
}

static const struct cli_option options[] = {
    {"entity-id", "URI", false, "which one, where the file describes several"},
    {NULL, NULL, false, NULL},
};
const struct cli_action metadata_actions[] = {
    {NULL, "FILE|-", options, run,
     "Read an identity provider's metadata and say what it holds, or why it is refused.",
     "Nothing is stored, and neither a server nor a data directory is needed.",
     "gatehouse metadata okta.xml"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
