// SPDX-License-Identifier: GPL-3.0-or-later
// The Redirect binding (SAML bindings 3.4): a message deflated into a query string, signed over the octets as
// they were sent. The octets are kept as received, since an encoder of ours might spell them another way.
#include "saml/binding.h"

#include <zlib.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/text.h"
#include "saml/sp.h"

#define DEFLATE_URN "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
#define URL_ROOM 4096 // a location and the two characters around it
#define RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

// ---- reading ---------------------------------------------------------------------------------------------

struct parameter {
    const char *name;
    struct slice value; // as received; at NULL = absent
};
enum { AT_RESPONSE, AT_REQUEST, AT_RELAY_STATE, AT_ALGORITHM, AT_SIGNATURE, AT_ENCODING, AT_ARTIFACT, AT_COUNT };

static reason take_parameter(struct op *op, struct parameter *parameters, struct slice name,
                             struct slice value) {
    struct slice plain;
    if (!decode_url(op, name, true, &plain)) {
        REFUSE(op, SAML_MALFORMED, "the query is not URL-encoded");
    }
    for (size_t i = 0; i < AT_COUNT; i++) {
        if (!slice_equal(plain, slice_str(parameters[i].name))) {
            continue;
        }
        if (!slice_equal(plain, name)) { // the signed octets have the plain name in them
            REFUSE(op, SAML_BINDING, "%s is spelled in percent encoding", parameters[i].name);
        }
        if (parameters[i].value.at != NULL) {
            REFUSE(op, SAML_BINDING, "%s stands twice in the query", parameters[i].name);
        }
        parameters[i].value = value.at != NULL ? value : S("");
    }
    return NULL;
}

static reason check_parameters(struct op *op, const struct parameter *parameters) {
    bool response = parameters[AT_RESPONSE].value.at != NULL;
    bool request = parameters[AT_REQUEST].value.at != NULL;
    if (parameters[AT_ARTIFACT].value.at != NULL) {
        REFUSE(op, SAML_BINDING, "an artifact was sent; expected the message itself");
    }
    if (response == request) {
        REFUSE(op, SAML_BINDING, "the query has %s SAMLRequest %s SAMLResponse",
               response ? "both" : "neither", response ? "and" : "nor");
    }
    if ((parameters[AT_ALGORITHM].value.at == NULL) != (parameters[AT_SIGNATURE].value.at == NULL)) {
        REFUSE(op, SAML_BINDING, "of SigAlg and Signature only one is in the query");
    }
    return NULL;
}

static reason read_query(struct op *op, struct slice query, struct parameter *parameters) {
    struct slice part;
    while (slice_cut(&query, '&', &part)) {
        struct slice name = SLICE_NONE;
        struct slice value = part;
        if (slice_cut(&value, '=', &name)) {
            TRY(take_parameter(op, parameters, name, value));
        }
    }
    TRY(check_parameters(op, parameters));
    struct slice encoding = parameters[AT_ENCODING].value;
    if (encoding.at != NULL &&
        (!decode_url(op, encoding, true, &encoding) || !slice_equal(encoding, S(DEFLATE_URN)))) {
        REFUSE(op, SAML_BINDING, "another SAMLEncoding than DEFLATE");
    }
    return NULL;
}

static reason inflate_message(struct op *op, struct slice bytes, struct slice *ret_xml) {
    char *out = NULL;
    TRY(op_take(op, SAML_XML_MAX + 1, &out)); // one more, to see what is too large
    unsigned char *in = (unsigned char *)(uintptr_t)bytes.at; // zlib only reads it
    z_stream stream = {.next_in = in, .avail_in = (uInt)bytes.len,
                       .next_out = (unsigned char *)out, .avail_out = SAML_XML_MAX + 1};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        REFUSE(op, LIMIT_MEMORY, "no memory to inflate a message");
    }
    int state = inflate(&stream, Z_FINISH);
    (void)inflateEnd(&stream);
    size_t len = SAML_XML_MAX + 1 - stream.avail_out;
    if (len > SAML_XML_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "the message inflates to more than %u bytes", SAML_XML_MAX);
    }
    if (state != Z_STREAM_END || stream.avail_in > 0 || len == 0) {
        REFUSE(op, SAML_MALFORMED, "the message is not deflated as the Redirect binding asks");
    }
    *ret_xml = slice_of(out, len);
    return NULL;
}

static bool is_utf8_declaration(struct slice declaration) {
    static const char *const known[] = {
        "<?xml version=\"1.0\"", "<?xml version='1.0'", " encoding=\"UTF-8\"", " encoding=\"utf-8\"",
        " encoding='UTF-8'", " encoding='utf-8'", " standalone=\"no\"", " standalone=\"yes\"",
        " standalone='no'", " standalone='yes'"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct slice text = slice_str(known[i]);
        if (slice_starts(declaration, text)) {
            declaration = slice_sub(declaration, text.len, declaration.len);
        }
    }
    return slice_equal(slice_trim(declaration), S("?>"));
}

static struct slice without_declaration(struct slice xml) {
    if (slice_starts(xml, S("\xEF\xBB\xBF"))) {
        xml = slice_sub(xml, 3, xml.len);
    }
    size_t end = slice_starts(xml, S("<?xml ")) ? slice_find(xml, S("?>")) : SIZE_MAX;
    if (end != SIZE_MAX && is_utf8_declaration(slice_sub(xml, 0, end + 2))) {
        xml = slice_sub(xml, end + 2, xml.len);
    }
    return xml;
}

static void put_parameter(struct buf *out, const struct parameter *parameter) {
    if (parameter->value.at != NULL) {
        if (out->len > 0) {
            buf_byte(out, '&');
        }
        buf_str(out, parameter->name);
        buf_byte(out, '=');
        buf_put(out, parameter->value);
    }
}

// In the order of the specification, whatever order they came in.
static reason read_signature(struct op *op, const struct parameter *parameters,
                             struct query_message *message) {
    if (parameters[AT_SIGNATURE].value.at == NULL) {
        return NULL;
    }
    struct slice text;
    if (!decode_url(op, parameters[AT_ALGORITHM].value, true, &message->algorithm) ||
        !decode_url(op, parameters[AT_SIGNATURE].value, false, &text) ||
        !decode_base64(op, text, true, &message->signature)) {
        REFUSE(op, SAML_MALFORMED, "SigAlg or Signature is not encoded as it should be");
    }
    struct buf octets;
    buf_open(&octets, op, QUERY_MAX);
    put_parameter(&octets, &parameters[message->is_request ? AT_REQUEST : AT_RESPONSE]);
    put_parameter(&octets, &parameters[AT_RELAY_STATE]);
    put_parameter(&octets, &parameters[AT_ALGORITHM]);
    return buf_done(&octets, &message->signed_octets);
}

reason binding_query(struct op *op, struct slice query, struct query_message *ret_message) {
    struct parameter parameters[AT_COUNT] = {
        [AT_RESPONSE] = {"SAMLResponse", SLICE_NONE}, [AT_REQUEST] = {"SAMLRequest", SLICE_NONE},
        [AT_RELAY_STATE] = {"RelayState", SLICE_NONE}, [AT_ALGORITHM] = {"SigAlg", SLICE_NONE},
        [AT_SIGNATURE] = {"Signature", SLICE_NONE}, [AT_ENCODING] = {"SAMLEncoding", SLICE_NONE},
        [AT_ARTIFACT] = {"SAMLart", SLICE_NONE}};
    if (query.len > QUERY_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "the query has %zu bytes; at most %u are taken", query.len, QUERY_MAX);
    }
    TRY(read_query(op, query, parameters));
    struct query_message message = {.is_request = parameters[AT_REQUEST].value.at != NULL};
    struct slice text, bytes;
    // A plus stays one: what is encoded here is base64, and some senders forget to escape it.
    if (!decode_url(op, parameters[message.is_request ? AT_REQUEST : AT_RESPONSE].value, false, &text) ||
        !decode_base64(op, text, true, &bytes) || bytes.len == 0) {
        REFUSE(op, SAML_MALFORMED, "the message is empty or not base64");
    }
    TRY(inflate_message(op, bytes, &message.xml));
    if (memchr(message.xml.at, 0, message.xml.len) != NULL) {
        REFUSE(op, SAML_MALFORMED, "the message holds NUL bytes: it is no XML in UTF-8");
    }
    message.xml = without_declaration(message.xml);
    if (parameters[AT_RELAY_STATE].value.at != NULL) {
        struct slice relay_state;
        if (!decode_url(op, parameters[AT_RELAY_STATE].value, true, &relay_state)) {
            REFUSE(op, SAML_MALFORMED, "the query is not URL-encoded");
        }
        if (relay_state.len <= RELAY_STATE_MAX && text_line(relay_state)) {
            message.relay_state = relay_state;
        }
    }
    TRY(read_signature(op, parameters, &message));
    *ret_message = message;
    return NULL;
}

// ---- writing ---------------------------------------------------------------------------------------------

static reason deflate_message(struct op *op, struct slice xml, struct slice *ret_bytes) {
    if (xml.len == 0 || xml.len > SAML_XML_MAX) {
        REFUSE(op, INTERNAL, "a message of %zu bytes cannot be sent", xml.len);
    }
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)xml.at, .avail_in = (uInt)xml.len};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        REFUSE(op, LIMIT_MEMORY, "no memory to deflate a message");
    }
    size_t room = deflateBound(&stream, (uLong)xml.len);
    char *out = NULL;
    reason why = op_take(op, room, &out);
    int state = Z_MEM_ERROR;
    if (why == NULL) {
        stream.next_out = (unsigned char *)out;
        stream.avail_out = (uInt)room;
        state = deflate(&stream, Z_FINISH);
    }
    size_t len = room - stream.avail_out;
    (void)deflateEnd(&stream);
    TRY(why);
    if (state != Z_STREAM_END) {
        REFUSE(op, INTERNAL, "a message could not be deflated");
    }
    *ret_bytes = slice_of(out, len);
    return NULL;
}

static reason put_encoded(struct op *op, struct buf *out, const char *name, struct slice value) {
    struct slice text;
    TRY(encode_url(op, value, &text));
    if (out->len > 0) {
        buf_byte(out, '&');
    }
    buf_str(out, name);
    buf_byte(out, '=');
    buf_put(out, text);
    return NULL;
}

reason binding_redirect_url(struct op *op, struct slice location, const char *field,
                            struct slice xml, struct slice relay_state,
                            const struct sp_keys *keys, struct slice *ret_url) {
    struct slice bytes, text, octets;
    struct buf query;
    buf_open(&query, op, QUERY_MAX);
    TRY(deflate_message(op, xml, &bytes));
    TRY(encode_base64(op, bytes, &text));
    TRY(put_encoded(op, &query, field, text));
    if (relay_state.at != NULL) {
        TRY(put_encoded(op, &query, "RelayState", relay_state));
    }
    if (keys != NULL) {
        TRY(put_encoded(op, &query, "SigAlg", S(RSA_SHA256)));
        TRY(buf_done(&query, &octets));
        TRY(sp_sign(op, keys, octets, &bytes));
        TRY(encode_base64(op, bytes, &text));
        TRY(put_encoded(op, &query, "Signature", text));
    }
    TRY(buf_done(&query, &octets));
    location = slice_sub(location, 0, slice_find(location, S("#")));
    struct buf url;
    buf_open(&url, op, QUERY_MAX + URL_ROOM);
    buf_put(&url, location);
    buf_byte(&url, slice_find(location, S("?")) != SIZE_MAX ? '&' : '?');
    buf_put(&url, octets);
    return buf_done(&url, ret_url);
}
