// SPDX-License-Identifier: GPL-3.0-or-later
// A connection's identity provider: from metadata as text, from an address, from the few values that support staff
// get, or from all that another gate has of it. Which of these is seen by the members; exactly one way may be there. Whatever asks a worker or
// another server happens here, before the transaction that stores the outcome.
#include "base/encode.h"
#include "base/uri.h"
#include "http/api/api.h"

#define CERTIFICATE_TEXT_MAX (64U << 10) // a PEM file with a chain and remarks around it

struct ask {
    struct slice xml, metadata_url, entity_id, sso_url, slo_url;
    const struct json *certificates; // NULL: none
    struct rows signers; // of the metadata; struct certificate
    bool signers_given;  // also as null, which takes those away that were there
    int64_t metadata_valid_days; // left out: as it is
    // All of it, as GET shows it: a list `sso` says so. metadata_url is then where it is looked at later on.
    struct rows sso, slo; // struct endpoint
    int64_t valid_until;
    bool want_signed_requests;
    const struct json *whole_signers; // NULL: none
};
// metadata_xml, metadata_certificate(s) and certificates hold more than a field may, so they are read by hand.
static const struct field ask_rows[] = {
    F_TEXT(struct ask, metadata_url, 1, FIELD_NULL, 2 * URI_MAX),
    F_TEXT(struct ask, entity_id, 2, FIELD_NULL, 1024),
    F_TEXT(struct ask, sso_url, 3, FIELD_NULL, 2 * URI_MAX),
    F_TEXT(struct ask, slo_url, 4, FIELD_NULL, 2 * URI_MAX),
    F_NUMBER(struct ask, metadata_valid_days, 5, FIELD_PLAIN, 0, METADATA_VALID_DAYS_MAX),
    F_STRUCTS(struct ask, sso, 6, FIELD_PLAIN, CONNECTION_ENDPOINTS_MAX, endpoint_fields),
    F_STRUCTS(struct ask, slo, 7, FIELD_PLAIN, CONNECTION_ENDPOINTS_MAX, endpoint_fields),
    F_TIME(struct ask, valid_until, 8, FIELD_PLAIN),
    F_BOOL(struct ask, want_signed_requests, 9, FIELD_PLAIN),
};
FIELD_TABLE(idp_ask_fields, "idp", 1, struct ask, ask_rows);

// ---- reading the body -----------------------------------------------------------------------------------

static reason refuse_signer(struct op *op, reason why, struct slice detail) {
    op_error(op, S("/metadata_certificate"), why, "%.*s", SLICE(detail));
    return op_refuse(op, why == REASON_OF(INVALID_CERTIFICATE) ? why : REASON_OF(INVALID_INPUT),
                     "metadata_certificate: %.*s", SLICE(detail));
}

// Who has to sign the metadata. What is left out of a body stays as it is: nobody loses it by accident.
static reason read_signers(struct op *op, const struct json *object, struct ask *ask) {
    const struct json *given = json_get(object, "metadata_certificate");
    struct slice text;
    ask->signers_given = given != NULL;
    if (given == NULL || json_is_null(given)) {
        return NULL;
    }
    if (!json_text(given, &text) || text.len > CERTIFICATE_TEXT_MAX) {
        return refuse_signer(op, REASON_OF(FIELD_TYPE),
                             S("expected one text: a certificate as PEM, DER in base64, or bare base64"));
    }
    reason why = certificate_read(op, text, &ask->signers);
    if (why == REASON_OF(INVALID_CERTIFICATE)) {
        struct slice detail = op->detail;
        return refuse_signer(op, why, detail);
    }
    TRY(why);
    if (ask->signers.count > CONNECTION_SIGNERS_MAX) {
        return refuse_signer(op, REASON_OF(FIELD_RANGE), op_text(op, "at most %d certificates are taken",
                                                                 CONNECTION_SIGNERS_MAX));
    }
    return NULL;
}

static reason ask_read(struct op *op, const struct json *object, struct ask *ret_ask) {
    static const char *const by_hand[] = {"metadata_xml", "metadata_certificate", "metadata_certificates",
                                          "certificates", NULL};
    struct ask ask = {.xml = SLICE_NONE};
    const struct json *xml = api_member(object, "metadata_xml");
    const struct json *rest = NULL;
    TRY(api_without(op, object, by_hand, &rest));
    TRY(json_to_fields(op, &idp_ask_fields, rest, S(""), &ask));
    if (xml != NULL && !json_text(xml, &ask.xml)) {
        op_error(op, S("/metadata_xml"), REASON_OF(FIELD_TYPE), "expected a text");
        REFUSE(op, INVALID_INPUT, "metadata_xml: expected the XML as a text");
    }
    TRY(read_signers(op, object, &ask));
    ask.xml = slice_trim(ask.xml);
    ask.certificates = api_member(object, "certificates");
    ask.whole_signers = api_member(object, "metadata_certificates");
    *ret_ask = ask;
    return NULL;
}

// The certificates as texts; one text stands for a list of one.
static reason read_certificates(struct op *op, const char *name, const struct json *given,
                                struct texts *ret_texts) {
    struct texts texts = {NULL, 0};
    struct slice one;
    bool single = json_text(given, &one);
    size_t count = single ? 1 : json_count(given);
    if ((given != NULL && !single && !json_is_array(given)) ||
        count > CONNECTION_CERTIFICATES_MAX) {
        op_error(op, op_text(op, "/%s", name),
                 json_is_array(given) ? REASON_OF(FIELD_RANGE) : REASON_OF(FIELD_TYPE),
                 "expected a list of at most %d texts", CONNECTION_CERTIFICATES_MAX);
        REFUSE(op, INVALID_INPUT, "%s: expected a list of at most %d texts", name,
               CONNECTION_CERTIFICATES_MAX);
    }
    TRY(op_take(op, (count + 1) * sizeof *texts.at, &texts.at));
    for (; texts.count < count; texts.count++) {
        struct slice *text = &texts.at[texts.count];
        *text = single ? one : S("");
        if ((!single && !json_text(json_at(given, texts.count), text)) ||
            text->len > CERTIFICATE_TEXT_MAX) {
            op_error(op, op_text(op, "/%s/%zu", name, texts.count), REASON_OF(FIELD_TYPE),
                     "expected a certificate as text: PEM, DER in base64, or bare base64");
            REFUSE(op, INVALID_INPUT, "a certificate is not a text of at most %u bytes",
                   CERTIFICATE_TEXT_MAX);
        }
    }
    *ret_texts = texts;
    return NULL;
}

static bool is_whole(const struct ask *ask) {
    return ask->sso.count > 0;
}

// What goes with the whole alone.
static reason check_whole(struct op *op, const struct ask *ask) {
    const struct {
        const char *name;
        bool there;
    } members[] = {{"slo", ask->slo.count > 0},
                   {"valid_until", ask->valid_until != 0},
                   {"want_signed_requests", ask->want_signed_requests},
                   {"metadata_certificates", ask->whole_signers != NULL}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i].there) {
            op_error(op, op_text(op, "/%s", members[i].name), REASON_OF(FIELD_VALUE),
                     "goes with sso, a list of addresses, and with nothing else");
            REFUSE(op, INVALID_INPUT, "%s goes with sso, a list of addresses, and with nothing else",
                   members[i].name);
        }
    }
    return NULL;
}

// Exactly one way to say who the identity provider is.
static reason check_shape(struct op *op, const struct ask *ask) {
    bool whole = is_whole(ask);
    bool values = ask->sso_url.len > 0 || ask->slo_url.len > 0 ||
                  (ask->certificates != NULL && !whole);
    bool url = ask->metadata_url.len > 0 && !whole;
    size_t ways = (ask->xml.len > 0 ? 1U : 0) + (url ? 1U : 0) + (values ? 1U : 0) + (whole ? 1U : 0);
    TRY(whole ? NULL : check_whole(op, ask));
    if (ways == 1 && (values || whole) && ask->signers.count > 0) {
        return refuse_signer(op, REASON_OF(FIELD_VALUE),
                             S("there is no metadata to be signed: the values themselves are given"));
    }
    if (ways == 1) {
        return NULL;
    }
    const struct {
        const char *name;
        bool there;
    } members[] = {{"metadata_xml", ask->xml.len > 0},
                   {"metadata_url", url},
                   {"sso_url", ask->sso_url.len > 0},
                   {"slo_url", ask->slo_url.len > 0},
                   {"sso", whole},
                   {"certificates", ask->certificates != NULL && !whole}};
    for (size_t i = 0; ways > 1 && i < sizeof members / sizeof members[0]; i++) {
        if (members[i].there) {
            op_error(op, op_text(op, "/%s", members[i].name), REASON_OF(FIELD_VALUE),
                     "cannot stand together with the other ways to name an identity provider");
        }
    }
    if (ways == 0 && ask->entity_id.len > 0) {
        op_error(op, S("/sso_url"), REASON_OF(FIELD_REQUIRED), "is missing");
        op_error(op, S("/certificates"), REASON_OF(FIELD_REQUIRED), "is missing");
    }
    REFUSE(op, INVALID_INPUT,
           "give exactly one of: metadata_xml, metadata_url, entity_id with sso_url and "
           "certificates (and slo_url), or entity_id with sso and certificates");
}

// ---- resolving ------------------------------------------------------------------------------------------

static reason from_xml(struct op *op, struct gate *gate, struct slice xml, const struct ask *ask,
                       struct idp_import *ret_import) {
    TRY(idp_from_signed_xml(op, gate->pool, xml, ask->entity_id, ask->signers, ret_import));
    ret_import->idp.metadata_valid_days = ask->metadata_valid_days;
    return idp_ends_in_time(op, &ret_import->idp);
}

static reason from_url(struct op *op, struct gate *gate, struct slice url, const struct ask *ask,
                       struct idp_import *ret_import) {
    const struct fetch_options options = {.allow_private = gate->settings->allow_private_fetch};
    struct slice xml;
    TRY(api_fetch_begin(op, gate));
    reason why = idp_fetch(op, &options, url, &xml);
    api_fetch_end(gate);
    TRY(why);
    TRY(from_xml(op, gate, xml, ask, ret_import));
    ret_import->idp.metadata_url = url;
    return NULL;
}

static reason add_warning(struct op *op, struct idp_import *import, struct slice sentence) {
    struct texts all = {NULL, 0};
    TRY(op_take(op, (import->warnings.count + 1) * sizeof *all.at, &all.at));
    all.at[all.count++] = sentence;
    for (size_t i = 0; i < import->warnings.count; i++) {
        all.at[all.count++] = import->warnings.at[i];
    }
    import->warnings = all;
    return NULL;
}

static reason warn_distrusted(struct op *op, const struct connection *stored,
                              struct idp_import *import) {
    const struct certificate *rows = import->idp.certificates.at;
    for (size_t i = 0; i < import->idp.certificates.count; i++) {
        if (connection_distrusts(stored, &rows[i])) {
            TRY(add_warning(op, import,
                            op_text(op, "The certificate %.*s (SHA-256 %.*s...) is distrusted here: it is "
                                    "left out.", SLICE(rows[i].subject),
                                    SLICE(slice_sub(rows[i].sha256, 0, 16)))));
        }
    }
    return NULL;
}

// People paste the address into the field for the document: what they mean is plain.
static bool is_address(struct slice text) {
    return slice_starts(text, S("https://")) || slice_starts(text, S("http://"));
}

// Who has to sign the metadata that is looked at later on: one certificate a text.
static reason whole_signers(struct op *op, const struct ask *ask, struct rows *ret_signers) {
    struct texts texts = {NULL, 0};
    struct certificate *signers = NULL;
    TRY(read_certificates(op, "metadata_certificates", ask->whole_signers, &texts));
    if (texts.count > CONNECTION_SIGNERS_MAX) {
        op_error(op, S("/metadata_certificates"), REASON_OF(FIELD_RANGE), "at most %d are taken",
                 CONNECTION_SIGNERS_MAX);
        REFUSE(op, INVALID_INPUT, "metadata_certificates: at most %d are taken", CONNECTION_SIGNERS_MAX);
    }
    TRY(op_take(op, (texts.count + 1) * sizeof *signers, &signers));
    for (size_t i = 0; i < texts.count; i++) {
        struct rows one = {NULL, 0};
        reason why = certificate_read(op, texts.at[i], &one);
        if (why != NULL) {
            op_error(op, op_text(op, "/metadata_certificates/%zu", i), why, "%.*s", SLICE(op->detail));
            return why;
        }
        signers[i] = *(const struct certificate *)one.at;
    }
    *ret_signers = (struct rows){signers, texts.count};
    return NULL;
}

// Nothing is asked anywhere: metadata_url is looked at when its time comes.
static reason from_whole(struct op *op, const struct ask *ask, struct idp_import *ret_import) {
    struct texts certificates = {NULL, 0};
    struct idp whole = {.entity_id = ask->entity_id,
                        .sso = ask->sso,
                        .slo = ask->slo,
                        .valid_until = ask->valid_until,
                        .metadata_url = slice_trim(ask->metadata_url),
                        .want_signed_requests = ask->want_signed_requests,
                        .metadata_valid_days = ask->metadata_valid_days};
    TRY(read_certificates(op, "certificates", ask->certificates, &certificates));
    TRY(whole_signers(op, ask, &whole.metadata_certificates));
    TRY(idp_from_whole(op, &whole, certificates, ret_import));
    return idp_ends_in_time(op, &ret_import->idp);
}

static reason resolve(struct op *op, struct gate *gate, const struct ask *ask,
                      struct idp_import *ret_import) {
    size_t from = op->error_count;
    if (is_whole(ask)) {
        return from_whole(op, ask, ret_import);
    }
    if (ask->xml.len > 0) {
        bool address = is_address(ask->xml);
        reason why = address ? from_url(op, gate, ask->xml, ask, ret_import)
                             : from_xml(op, gate, ask->xml, ask, ret_import);
        if (why != NULL && why->class == CLASS_INPUT) {
            api_error_once(op, from, S("/metadata_xml"), why);
        }
        TRY(why);
        return address ? add_warning(op, ret_import,
                                     S("metadata_xml held an address, not a document: the metadata "
                                       "was fetched from there, as metadata_url would have it"))
                       : NULL;
    }
    if (ask->metadata_url.len > 0) {
        reason why = from_url(op, gate, slice_trim(ask->metadata_url), ask, ret_import);
        if (why != NULL && why->class == CLASS_INPUT) {
            api_error_once(op, from, S("/metadata_url"), why);
        }
        return why;
    }
    struct idp_values values = {ask->entity_id, ask->sso_url, ask->slo_url, {NULL, 0}};
    TRY(read_certificates(op, "certificates", ask->certificates, &values.certificates));
    return idp_from_values(op, &values, ret_import);
}

static reason ask_resolve(struct op *op, struct gate *gate, const struct json *object,
                          const struct connection *stored, struct idp_import *ret_import) {
    struct ask ask = {.certificates = NULL};
    TRY(ask_read(op, object, &ask));
    TRY(check_shape(op, &ask));
    if (!ask.signers_given && stored != NULL && !is_whole(&ask)) {
        ask.signers = stored->idp.metadata_certificates;
    }
    if (json_get(object, "metadata_valid_days") == NULL && stored != NULL) {
        ask.metadata_valid_days = stored->idp.metadata_valid_days;
    }
    TRY(resolve(op, gate, &ask, ret_import));
    return stored != NULL ? warn_distrusted(op, stored, ret_import) : NULL;
}

reason idp_ask(struct op *op, struct gate *gate, const struct json *object, struct slice at,
               const struct connection *stored, struct idp_import *ret_import) {
    size_t from = op->error_count;
    reason why = ask_resolve(op, gate, object, stored, ret_import);
    if (why != NULL) {
        api_errors_under(op, from, at);
    }
    return why;
}

// ---- the routes -----------------------------------------------------------------------------------------

// The bytes themselves, in the order of the certificates: whoever verifies a message elsewhere needs them.
static reason put_der(struct op *op, struct rows rows, const char *name, struct json *body) {
    const struct certificate *certificates = rows.at;
    struct texts texts = {NULL, 0};
    TRY(op_take(op, (rows.count + 1) * sizeof *texts.at, &texts.at));
    for (; texts.count < rows.count; texts.count++) {
        TRY(encode_base64(op, certificates[texts.count].der, &texts.at[texts.count]));
    }
    json_set_texts(op, body, name, texts);
    return NULL;
}

static reason reply_idp(struct op *op, struct reply *reply, const struct connection *connection,
                        const struct json *body) {
    struct slice etag = SLICE_NONE;
    TRY(connection_etag(op, connection, &idp_fields, &etag));
    return api_reply_one(op, reply, 200, body, etag);
}

reason api_idp_get(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct connection connection;
    TRY(connection_read(op, gate, request->args[0], &connection));
    struct json *body = json_from_fields(op, &idp_fields, &connection.idp);
    TRY(put_der(op, connection.idp.certificates, "certificates_der", body));
    TRY(put_der(op, connection.idp.metadata_certificates, "metadata_certificates_der", body));
    return reply_idp(op, reply, &connection, body);
}

struct change {
    const struct request *request;
    struct slice slug;
    const struct idp *idp;
    struct connection connection;
};
static reason store_idp(struct op *op, struct txn *txn, void *arg) {
    struct change *change = arg;
    TRY(connection_if_match(op, txn, change->request, &idp_fields));
    return connection_set_idp(op, txn, &change->request->actor, change->slug, change->idp,
                              &change->connection);
}

reason api_idp_put(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    struct connection connection;
    struct idp_import import = {.warnings = {NULL, 0}};
    const struct json *object = NULL;
    TRY(request_json(op, request, &object));
    // Nobody has us fetch for a connection that is not there.
    TRY(connection_read(op, gate, request->args[0], &connection));
    TRY(idp_ask(op, gate, object, S(""), &connection, &import));
    struct change change = {request, request->args[0], &import.idp, connection};
    TRY(api_write(op, gate, store_idp, &change));
    struct json *body = json_from_fields(op, &idp_fields, &change.connection.idp);
    json_set_texts(op, body, "warnings", import.warnings);
    return reply_idp(op, reply, &change.connection, body);
}
