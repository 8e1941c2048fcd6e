// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/idp.h"

#include "base/encode.h"
#include "saml/trust.h"

reason worker_open(struct op *op, struct pool **ret_pool) {
    struct pool_options options = {.warm = 2}; // an encrypted assertion is a second message
    TRY(gate_worker_program(op, &options.program));
    return pool_open(op, &options, ret_pool);
}

static reason add_certificates(struct op *op, struct idp *idp, const struct certificate *more,
                               size_t count) {
    struct certificate *all = NULL;
    if (idp->certificates.count + count > CONNECTION_CERTIFICATES_MAX) {
        REFUSE(op, INVALID_CERTIFICATE, "more than %d certificates", CONNECTION_CERTIFICATES_MAX);
    }
    TRY(op_take(op, (idp->certificates.count + count) * sizeof *all, &all));
    if (idp->certificates.count > 0) {
        memcpy(all, idp->certificates.at, idp->certificates.count * sizeof *all);
    }
    memcpy(all + idp->certificates.count, more, count * sizeof *all);
    idp->certificates = (struct rows){all, idp->certificates.count + count};
    return NULL;
}

reason idp_add_file(struct op *op, struct idp *idp, struct slice path) {
    struct slice bytes;
    struct rows found = {NULL, 0};
    TRY(file_read(op, path, CERTIFICATE_FILE_MAX, &bytes));
    reason why = certificate_read(op, bytes, &found);
    if (why != NULL) {
        return op_refuse(op, why, "%.*s: %.*s", SLICE(path), SLICE(op->detail));
    }
    return add_certificates(op, idp, found.at, found.count);
}

reason idp_read_metadata(struct op *op, struct pool *pool, struct slice path, struct idp *ret_idp) {
    struct slice xml;
    struct idp_import import;
    TRY(file_read(op, path, METADATA_XML_MAX, &xml));
    reason why = idp_from_xml(op, pool, xml, S(""), &import);
    if (why != NULL) {
        return op_refuse(op, why, "%.*s: %.*s", SLICE(path), SLICE(op->detail));
    }
    *ret_idp = import.idp;
    return NULL;
}

// ---- through the API

static reason take_certificate(struct op *op, const struct json *about, const struct json *der,
                               struct idp *idp) {
    struct certificate certificate = {.not_before = 0};
    struct slice text = S("");
    if (!json_text(der, &text) || !decode_base64(op, text, false, &certificate.der)) {
        REFUSE(op, PEER_FAILED, "the gate gave a certificate that is not base64");
    }
    (void)json_text(json_get(about, "sha256"), &certificate.sha256);
    (void)json_bool(json_get(about, "key_only"), &certificate.key_only);
    if (json_text(json_get(about, "not_before"), &text)) {
        (void)clock_parse(text, &certificate.not_before);
    }
    if (json_text(json_get(about, "not_after"), &text)) {
        (void)clock_parse(text, &certificate.not_after);
    }
    return add_certificates(op, idp, &certificate, 1);
}

static reason take_idp(struct op *op, const struct json *object, struct idp *idp) {
    const struct json *about = json_get(object, "certificates");
    const struct json *der = json_get(object, "certificates_der");
    (void)json_text(json_get(object, "entity_id"), &idp->entity_id);
    if (json_count(about) != json_count(der)) {
        REFUSE(op, PEER_FAILED, "the gate does not give the certificates: is it an older version?");
    }
    for (size_t i = 0; i < json_count(der); i++) {
        TRY(take_certificate(op, json_at(about, i), json_at(der, i), idp));
    }
    return NULL;
}

reason idp_read_connection(struct op *op, struct args *args, struct slice slug,
                           struct known_connection *ret_known) {
    struct known_connection known = {.connection = {.policy = policy_default()}};
    struct slice target = op_text(op, "/connections/%.*s", SLICE(api_part(op, slug)));
    const struct json *connection = NULL;
    const struct json *idp = NULL;
    TRY(api_get(op, args, target, &connection));
    TRY(api_get(op, args, op_text(op, "%.*s/idp", SLICE(target)), &idp));
    TRY(take_idp(op, idp, &known.connection.idp));
    TRY(json_to_fields(op, &policy_fields, json_get(connection, "policy"), S("/policy"),
                       &known.connection.policy));
    known.connection.slug = slug;
    (void)json_text(json_get(connection, "tenant"), &known.connection.tenant);
    (void)json_text(json_get(connection, "entity_id"), &known.entity_id);
    (void)json_text(json_get(connection, "acs_url"), &known.acs_url);
    (void)json_bool(json_get(connection, "disabled"), &known.connection.disabled);
    *ret_known = known;
    return NULL;
}
