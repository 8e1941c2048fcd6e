// SPDX-License-Identifier: GPL-3.0-or-later
// Sign-out messages that arrive (SAML core 3.7, bindings 3.4, 3.5). One that is not validly signed
// ends nothing: without a signature anybody could sign people out. After it held, what it says is
// read by the strict reader alone.
#include "saml/logout.h"

#include "base/clock.h"
#include "saml/decrypt.h"
#include "saml/reader.h"
#include "saml/verdict.h"

#define AGE_MAX HOUR_MS // a browser carries it over at once; beyond this it is somebody's copy
#define SESSION_INDEXES_MAX 256
#define DECLARATION_MAX 200 // bytes: <?xml version="1.0" encoding="UTF-8" standalone="yes"?>

static const char *name_of(bool is_request) {
    return is_request ? "LogoutRequest" : "LogoutResponse";
}

// Whatever is wrong with the signature is one reason here; the slug of what it was goes into the
// detail.
static reason as_logout(struct op *op, reason why) {
    if (why != NULL && slice_starts(slice_str(why->slug), S("signature."))) {
        struct slice detail = op->detail;
        REFUSE(op, LOGOUT_SIGNATURE, "%s: %.*s", why->slug, SLICE(detail));
    }
    return why;
}

// ---- reading ----------------------------------------------------------------------------------

struct reading {
    struct op *op;
    const struct sp_keys *keys; // for an EncryptedID
    struct logout_message *message;
    struct slice version, issue_instant, not_on_or_after; // raw; at NULL: absent
    bool has_issuer, has_name, has_status;
    size_t indexes_room;
};

static reason once(struct op *op, bool *seen, const char *what) {
    if (*seen) {
        REFUSE(op, SAML_MALFORMED, "%s stands twice", what);
    }
    *seen = true;
    return NULL;
}

static reason read_root(struct reading *reading, const struct reader *reader) {
    struct op *op = reading->op;
    struct logout_message *message = reading->message;
    TRY(reader_attribute(op, reader, "ID", &message->id));
    TRY(reader_attribute(op, reader, "Version", &reading->version));
    TRY(reader_attribute(op, reader, "IssueInstant", &reading->issue_instant));
    TRY(reader_attribute(op, reader, "Destination", &message->destination));
    TRY(reader_attribute(op, reader, "InResponseTo", &message->in_response_to));
    TRY(reader_attribute(op, reader, "NotOnOrAfter", &reading->not_on_or_after));
    if (message->id.len == 0 || message->id.len > MSG_TEXT_MAX) {
        REFUSE(op, SAML_MALFORMED, "the message needs an ID of 1 to %d bytes", MSG_TEXT_MAX);
    }
    if (!slice_equal(reading->version, S("2.0"))) {
        REFUSE(op, SAML_MALFORMED, "Version is \"%.*s\"; 2.0 is expected",
               SLICE(slice_sub(reading->version, 0, 20)));
    }
    return NULL;
}

static reason read_name_id(struct reading *reading, struct reader *reader) {
    struct op *op = reading->op;
    struct logout_message *message = reading->message;
    TRY(once(op, &reading->has_name, "NameID"));
    TRY(reader_attribute(op, reader, "Format", &message->name_id_format));
    TRY(reader_attribute(op, reader, "NameQualifier", &message->name_qualifier));
    TRY(reader_attribute(op, reader, "SPNameQualifier", &message->sp_name_qualifier));
    return reader_content(op, reader, &message->name_id);
}

// The NameID encrypted for us. The message is signed, so its failures may have names.
static reason read_encrypted_id(struct reading *reading, struct reader *reader) {
    struct op *op = reading->op;
    struct decrypted decrypted;
    struct opening opening = decrypt_opening(true, true);
    TRY(decrypt_element(op, reading->keys, reader, "EncryptedID", &opening, &decrypted));
    struct reader inner;
    reader_open_inside(&inner, decrypted.plain, reader);
    if (reader_next(&inner) != READER_START || !reader_at(&inner, NS_SAML, "NameID")) {
        REFUSE(op, ENCRYPTION_FAILED, "what the EncryptedID holds is not a NameID");
    }
    TRY(read_name_id(reading, &inner));
    if (reader_next(&inner) != READER_DONE) {
        REFUSE(op, ENCRYPTION_FAILED, "what the EncryptedID holds is more than a NameID");
    }
    return reader_skip(reader) ? NULL : reader_refuse(op, reader);
}

static reason read_index(struct reading *reading, struct reader *reader) {
    struct op *op = reading->op;
    struct texts *indexes = &reading->message->session_indexes;
    if (indexes->count == SESSION_INDEXES_MAX) {
        REFUSE(op, SAML_MALFORMED, "more than %d SessionIndex elements", SESSION_INDEXES_MAX);
    }
    if (indexes->count == reading->indexes_room) {
        struct slice *bigger = NULL;
        reading->indexes_room = reading->indexes_room == 0 ? 4 : SESSION_INDEXES_MAX;
        TRY(op_take(op, reading->indexes_room * sizeof *bigger, &bigger));
        for (size_t i = 0; i < indexes->count; i++) {
            bigger[i] = indexes->at[i];
        }
        indexes->at = bigger;
    }
    TRY(reader_content(op, reader, &indexes->at[indexes->count]));
    indexes->count++;
    return NULL;
}

// The second-level code, inside the StatusCode whose START was read last.
static reason read_sub_status(struct reading *reading, struct reader *reader) {
    size_t depth = reader->depth;
    while (reader_child(reader, depth)) {
        if (reader_at(reader, NS_SAMLP, "StatusCode") && reading->message->sub_status.at == NULL) {
            TRY(reader_attribute(reading->op, reader, "Value", &reading->message->sub_status));
        }
        if (!reader_skip(reader)) {
            break;
        }
    }
    return NULL;
}

static reason read_status(struct reading *reading, struct reader *reader) {
    bool seen = false;
    size_t depth = reader->depth;
    TRY(once(reading->op, &reading->has_status, "Status"));
    while (reader_child(reader, depth)) {
        if (reader_at(reader, NS_SAMLP, "StatusCode")) {
            TRY(once(reading->op, &seen, "StatusCode"));
            TRY(reader_attribute(reading->op, reader, "Value", &reading->message->status));
            TRY(read_sub_status(reading, reader));
        } else if (!reader_skip(reader)) {
            break;
        }
    }
    return NULL;
}

static reason read_child(struct reading *reading, struct reader *reader) {
    struct op *op = reading->op;
    bool is_request = reading->message->is_request;
    if (reader_at(reader, NS_SAML, "Issuer")) {
        TRY(once(op, &reading->has_issuer, "Issuer"));
        return reader_content(op, reader, &reading->message->issuer);
    }
    if (is_request && reader_at(reader, NS_SAML, "NameID")) {
        return read_name_id(reading, reader);
    }
    if (is_request && reader_at(reader, NS_SAMLP, "SessionIndex")) {
        return read_index(reading, reader);
    }
    if (is_request && reader_at(reader, NS_SAML, "EncryptedID")) {
        return read_encrypted_id(reading, reader);
    }
    if (!is_request && reader_at(reader, NS_SAMLP, "Status")) {
        return read_status(reading, reader);
    }
    if (reader_at(reader, NS_DS, "Signature") || reader_at(reader, NS_SAMLP, "Extensions")) {
        return reader_skip(reader) ? NULL : reader_refuse(op, reader);
    }
    REFUSE(op, SAML_MALFORMED, "element %.*s stands where a %s has none",
           SLICE(slice_sub(reader->local, 0, 100)), name_of(is_request));
}

static reason read_message(struct reading *reading, struct slice octets) {
    struct op *op = reading->op;
    bool is_request = reading->message->is_request;
    struct reader reader;
    reader_open(&reader, octets);
    if (reader_next(&reader) != READER_START) {
        return reader_refuse(op, &reader);
    }
    if (!reader_at(&reader, NS_SAMLP, name_of(is_request))) {
        REFUSE(op, SAML_BINDING, "a %s is expected in this field, got element %.*s",
               name_of(is_request), SLICE(slice_sub(reader.local, 0, 100)));
    }
    size_t depth = reader.depth;
    TRY(read_root(reading, &reader));
    while (reader_child(&reader, depth)) {
        TRY(read_child(reading, &reader));
    }
    if (reader.fault != NULL || reader_next(&reader) != READER_DONE) {
        return reader_refuse(op, &reader);
    }
    if (is_request && reading->message->name_id.len == 0) {
        REFUSE(op, SAML_MALFORMED, "the LogoutRequest has no NameID, so it names nobody");
    }
    if (!is_request && reading->message->status.len == 0) {
        REFUSE(op, SAML_MALFORMED, "the LogoutResponse has no StatusCode");
    }
    return NULL;
}

// ---- judging ----------------------------------------------------------------------------------

static reason check_times(struct reading *reading, int64_t skew) {
    struct op *op = reading->op;
    struct logout_message *message = reading->message;
    if (!clock_parse(reading->issue_instant, &message->issue_instant)) {
        REFUSE(op, LOGOUT_EXPIRED, "IssueInstant is \"%.*s\", which is no time",
               SLICE(slice_sub(reading->issue_instant, 0, 60)));
    }
    if (message->issue_instant > op->now + skew) {
        REFUSE(op, LOGOUT_EXPIRED,
               "IssueInstant %.*s lies ahead of our clock by more than %lld seconds",
               SLICE(reading->issue_instant), (long long)(skew / SECOND_MS));
    }
    if (message->issue_instant + AGE_MAX + skew <= op->now) {
        REFUSE(op, LOGOUT_EXPIRED, "IssueInstant %.*s is more than an hour ago",
               SLICE(reading->issue_instant));
    }
    if (reading->not_on_or_after.at == NULL) {
        return NULL;
    }
    if (!clock_parse(reading->not_on_or_after, &message->not_on_or_after)) {
        REFUSE(op, LOGOUT_EXPIRED, "NotOnOrAfter is \"%.*s\", which is no time",
               SLICE(slice_sub(reading->not_on_or_after, 0, 60)));
    }
    if (message->not_on_or_after + skew <= op->now) {
        REFUSE(op, LOGOUT_EXPIRED, "NotOnOrAfter %.*s has passed", SLICE(reading->not_on_or_after));
    }
    return NULL;
}

static reason read_and_judge(struct op *op, const struct inbound *inbound, struct slice slo_url,
                             struct slice octets, bool is_request, struct slice relay_state,
                             struct logout_message *ret_message) {
    const struct connection *connection = &inbound->trust->connection;
    struct logout_message message = {.is_request = is_request, .relay_state = relay_state};
    struct reading reading = {.op = op, .keys = inbound->keys, .message = &message};
    TRY(read_message(&reading, octets));
    struct slice expected = connection->idp.entity_id;
    if (expected.len == 0 || !slice_equal(message.issuer, expected)) {
        REFUSE(op, LOGOUT_ISSUER, "Issuer is \"%.*s\"; \"%.*s\" is expected", SLICE(message.issuer),
               SLICE(expected));
    }
    if (message.destination.len == 0 || !slice_equal(message.destination, slo_url)) {
        REFUSE(op, LOGOUT_DESTINATION,
               "Destination is \"%.*s\"; a signed message must name \"%.*s\"",
               SLICE(message.destination), SLICE(slo_url));
    }
    TRY(check_times(&reading, connection->policy.skew_seconds * SECOND_MS));
    *ret_message = message;
    return NULL;
}

// ---- the two ways in --------------------------------------------------------------------------

// IdPs send their messages with an XML declaration in front, which the reader does not take. UTF-8
// only.
static struct slice without_declaration(struct slice xml) {
    size_t end = slice_find(slice_sub(xml, 0, DECLARATION_MAX), S("?>"));
    if (!slice_starts(xml, S("<?xml ")) || end == SIZE_MAX) {
        return xml;
    }
    struct slice declaration = slice_sub(xml, 0, end);
    size_t encoding = slice_find(declaration, S("encoding="));
    if (encoding != SIZE_MAX &&
        !slice_equal_nocase(slice_sub(declaration, encoding + 10, encoding + 15), S("UTF-8"))) {
        return xml;
    }
    return slice_sub(xml, end + 2, xml.len);
}

reason logout_receive_query(struct op *op, const struct inbound *inbound, struct slice slo_url,
                            struct slice query, struct logout_message *ret_message) {
    struct query_message message;
    TRY(binding_query(op, query, &message));
    if (message.algorithm.at == NULL) {
        REFUSE(op, LOGOUT_SIGNATURE,
               "the query has no SigAlg and Signature: sign-out messages must be signed");
    }
    TRY(as_logout(op, verdict_octets(op, inbound->trust, message.algorithm, message.signed_octets,
                                     message.signature)));
    return read_and_judge(op, inbound, slo_url, without_declaration(message.xml),
                          message.is_request, message.relay_state, ret_message);
}

// The signature on the message itself; the only one that there may be.
static reason signed_octets(struct op *op, const struct inbound *inbound,
                            const struct post_form *form, const struct msg_canonical *canonical,
                            struct slice *ret_octets) {
    if (canonical->signature_count == 0) {
        REFUSE(op, LOGOUT_SIGNATURE,
               "the message has no Signature: sign-out messages must be signed");
    }
    if (canonical->signature_count > 1 || canonical->envelope.misplaced > 0 ||
        canonical->signatures[0].parent != MSG_PARENT_ROOT) {
        REFUSE(op, LOGOUT_SIGNATURE,
               "a Signature stands where none may be: one, on the message itself, is "
               "expected");
    }
    struct verdict verdict;
    TRY(as_logout(op, verdict_signature(op, inbound->trust, form->xml, &canonical->signatures[0],
                                        NS_SAMLP, name_of(form->is_request), &verdict)));
    *ret_octets = verdict.octets;
    return NULL;
}

reason logout_receive_post(struct op *op, const struct inbound *inbound, struct slice slo_url,
                           struct slice body, struct logout_message *ret_message) {
    struct post_form form;
    struct slice octets = S("");
    TRY(binding_post(op, body, &form));
    struct pool_job job = {.op = op, .xml = form.xml};
    pool_canonicalise(inbound->pool, &job, 1);
    TRY(as_logout(op, job.why));
    reason why = signed_octets(op, inbound, &form, &job.message, &octets);
    pool_return(inbound->pool, job.loan, why == NULL);
    TRY(why);
    return read_and_judge(op, inbound, slo_url, octets, form.is_request, form.relay_state,
                          ret_message);
}
