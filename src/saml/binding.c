// SPDX-License-Identifier: GPL-3.0-or-later
// The POST binding (SAML bindings 3.5): a form with one message in base64. It decodes and bounds; it does not
// look into the XML beyond its first character.
#include "saml/binding.h"

#include <zlib.h>

#include "base/encode.h"
#include "base/text.h"

#define FIELD_NAME_MAX 64 // the longest that means anything here is 15 characters
#define FIELDS_MAX 64     // an honest form has two or three

// ---- what may be a message -------------------------------------------------------------------------------

static bool starts_as_xml(struct slice bytes) {
    if (slice_starts(bytes, S("\xEF\xBB\xBF"))) {
        bytes = slice_sub(bytes, 3, bytes.len);
    }
    bytes = slice_trim(bytes);
    return bytes.len > 0 && bytes.at[0] == '<';
}

// The mistake of sending the Redirect binding's encoding in a form.
static bool is_deflated_xml(struct slice bytes) {
    unsigned char *in = (unsigned char *)(uintptr_t)bytes.at; // zlib only reads it
    unsigned char out[64];
    z_stream stream = {.next_in = in, .avail_in = (uInt)bytes.len,
                       .next_out = out, .avail_out = sizeof out};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        return false;
    }
    int state = inflate(&stream, Z_SYNC_FLUSH);
    (void)inflateEnd(&stream);
    return (state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR) &&
           starts_as_xml(slice_of(out, sizeof out - stream.avail_out));
}

static reason check_xml(struct op *op, struct slice xml) {
    if (xml.len == 0) {
        REFUSE(op, SAML_MALFORMED, "the message is empty");
    }
    if (xml.len > SAML_XML_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "the message has %zu bytes; at most %u are taken", xml.len,
               SAML_XML_MAX);
    }
    if (!starts_as_xml(xml)) {
        if (is_deflated_xml(xml)) {
            REFUSE(op, SAML_BINDING, "the message is deflated, which only the Redirect binding does");
        }
        REFUSE(op, SAML_MALFORMED, "the decoded message does not start with '<'");
    }
    if (memchr(xml.at, 0, xml.len) != NULL) {
        REFUSE(op, SAML_MALFORMED, "the message holds NUL bytes: it is no XML in UTF-8");
    }
    return NULL;
}

// ---- the form --------------------------------------------------------------------------------------------

struct form_fields {
    struct slice response, request, relay_state; // still encoded; at NULL = absent
    bool posted_again;
};

static reason take_once(struct op *op, struct slice *field, struct slice value, const char *name) {
    if (field->at != NULL) {
        REFUSE(op, SAML_BINDING, "%s stands twice in the form", name);
    }
    *field = value.at != NULL ? value : S("");
    return NULL;
}

static reason take_field(struct op *op, struct form_fields *fields, struct slice name,
                         struct slice value) {
    if (name.len > FIELD_NAME_MAX * 3) {
        return NULL;
    }
    // Decoded, so that another spelling of a name is no second field that somebody else would read.
    if (!decode_url(op, name, true, &name)) {
        REFUSE(op, SAML_MALFORMED, "the form is not URL-encoded");
    }
    if (slice_equal(name, S("SAMLResponse"))) {
        return take_once(op, &fields->response, value, "SAMLResponse");
    }
    if (slice_equal(name, S("SAMLRequest"))) {
        return take_once(op, &fields->request, value, "SAMLRequest");
    }
    if (slice_equal(name, S("RelayState"))) {
        return take_once(op, &fields->relay_state, value, "RelayState");
    }
    if (slice_equal(name, S("SAMLart"))) {
        REFUSE(op, SAML_BINDING, "an artifact was sent; expected the message itself, by the POST binding");
    }
    if (slice_equal(name, S(POSTED_AGAIN_FIELD))) {
        fields->posted_again = true;
    }
    return NULL;
}

static reason read_fields(struct op *op, struct slice body, struct form_fields *ret_fields) {
    struct form_fields fields = {.posted_again = false};
    struct slice part;
    for (int count = 0; slice_cut(&body, '&', &part); count++) {
        if (count == FIELDS_MAX) {
            REFUSE(op, SAML_BINDING, "the form has more than %d fields", FIELDS_MAX);
        }
        struct slice name = SLICE_NONE;
        struct slice value = part;
        if (slice_cut(&value, '=', &name)) {
            TRY(take_field(op, &fields, name, value));
        }
    }
    if (fields.response.at == NULL && fields.request.at == NULL) {
        REFUSE(op, SAML_BINDING, "the form has no field SAMLResponse or SAMLRequest");
    }
    if (fields.response.at != NULL && fields.request.at != NULL) {
        REFUSE(op, SAML_BINDING, "the form has both SAMLResponse and SAMLRequest");
    }
    *ret_fields = fields;
    return NULL;
}

reason binding_post(struct op *op, struct slice body, struct post_form *ret_form) {
    if (body.len > SAML_FORM_MAX) {
        REFUSE(op, SAML_TOO_LARGE, "the form has %zu bytes; at most %u are taken", body.len,
               SAML_FORM_MAX);
    }
    struct form_fields fields = {.posted_again = false};
    TRY(read_fields(op, body, &fields));
    struct post_form form = {.is_request = fields.request.at != NULL,
                             .posted_again = fields.posted_again};
    if (!decode_url(op, form.is_request ? fields.request : fields.response, true, &form.raw)) {
        REFUSE(op, SAML_MALFORMED, "the form is not URL-encoded");
    }
    if (fields.relay_state.at != NULL) {
        struct slice relay_state;
        if (!decode_url(op, fields.relay_state, true, &relay_state)) {
            REFUSE(op, SAML_MALFORMED, "the form is not URL-encoded");
        }
        if (relay_state.len <= RELAY_STATE_MAX && text_line(relay_state)) {
            form.relay_state = relay_state;
        }
    }
    if (!decode_base64(op, form.raw, true, &form.xml)) {
        REFUSE(op, SAML_MALFORMED, "the message is not base64");
    }
    TRY(check_xml(op, form.xml));
    *ret_form = form;
    return NULL;
}
