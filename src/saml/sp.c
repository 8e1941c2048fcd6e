// SPDX-License-Identifier: GPL-3.0-or-later
// The addresses of a connection, and the pen with which its documents are written and signed. It
// never parses XML: what it signs, it wrote itself, value by value.
#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/uri.h"
#include "saml/reader.h"
#include "saml/sp_write.h"

#define ID_BYTES 16

reason sp_addresses(struct op *op, struct slice public_url, struct slice slug, struct sp *ret_sp) {
    while (slice_ends(public_url, S("/"))) {
        public_url = slice_sub(public_url, 0, public_url.len - 1);
    }
    if (public_url.len == 0 || !text_slug(slug)) {
        REFUSE(op, INTERNAL,
               "no addresses can be made of public_url \"%.*s\" and connection \"%.*s\"",
               SLICE(public_url), SLICE(slug));
    }
    struct buf buf;
    buf_open(&buf, op, URI_MAX);
    buf_printf(&buf, "%.*s/saml/%.*s", SLICE(public_url), SLICE(slug));
    struct sp sp = {.acs_url = SLICE_NONE};
    TRY(buf_done(&buf, &sp.entity_id));
    struct {
        const char *path;
        struct slice *url;
    } doors[] = {{"/acs", &sp.acs_url},
                 {"/slo", &sp.slo_url},
                 {"/login", &sp.login_url},
                 {"/metadata", &sp.metadata_url}};
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
        buf_open(&buf, op, URI_MAX);
        buf_put(&buf, sp.entity_id);
        buf_str(&buf, doors[i].path);
        TRY(buf_done(&buf, doors[i].url));
    }
    *ret_sp = sp;
    return NULL;
}

// ---- the pen ----------------------------------------------------------------------------------

void xml_open(struct xml *xml, struct op *op) {
    *xml = (struct xml){.bad = false};
    buf_open(&xml->buf, op, SP_DOCUMENT_MAX);
}

void xml_raw(struct xml *xml, const char *markup) {
    buf_str(&xml->buf, markup);
}

// Char of XML 1.0, section 2.2, of well-formed UTF-8.
static bool can_carry(struct slice value) {
    while (value.len > 0) {
        uint32_t code;
        size_t used = text_next(value, &code);
        if (used == 0 || code == 0xFFFE || code == 0xFFFF ||
            (code < 0x20 && code != '\t' && code != '\n' && code != '\r')) {
            return false;
        }
        value = slice_sub(value, used, value.len);
    }
    return true;
}

// Canonical XML 1.0, section 2.3: what text nodes and attribute values write as references.
static const char *reference_of(char c, bool attribute) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return attribute ? NULL : "&gt;";
    case '"': return attribute ? "&quot;" : NULL;
    case '\t': return attribute ? "&#x9;" : NULL;
    case '\n': return attribute ? "&#xA;" : NULL;
    case '\r': return "&#xD;";
    default: return NULL;
    }
}

static void put_value(struct xml *xml, struct slice value, bool attribute) {
    if (!can_carry(value)) {
        xml->bad = true;
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        const char *reference = reference_of(value.at[i], attribute);
        if (reference != NULL) {
            buf_str(&xml->buf, reference);
        } else {
            buf_byte(&xml->buf, (uint8_t)value.at[i]);
        }
    }
}

void xml_text(struct xml *xml, struct slice value) {
    put_value(xml, value, false);
}

void xml_attribute(struct xml *xml, const char *name, struct slice value) {
    xml_raw(xml, " ");
    xml_raw(xml, name);
    xml_raw(xml, "=\"");
    put_value(xml, value, true);
    xml_raw(xml, "\"");
}

void xml_leaf(struct xml *xml, const char *start, struct slice text) {
    xml_raw(xml, "<");
    xml_raw(xml, start);
    xml_raw(xml, ">");
    xml_text(xml, text);
    xml_raw(xml, "</");
    buf_put(&xml->buf, slice_of(start, strcspn(start, " ")));
    xml_raw(xml, ">");
}

reason xml_done(const struct xml *xml, struct slice *ret_text) {
    if (xml->bad) {
        REFUSE(xml->buf.op, INVALID_INPUT,
               "a value holds characters that XML cannot carry, so no SAML "
               "message can be written with it");
    }
    return buf_done(&xml->buf, ret_text);
}

reason sp_random_id(struct op *op, struct slice *ret_id) {
    uint8_t bytes[ID_BYTES];
    struct slice hex;
    rand_bytes(bytes, sizeof bytes);
    TRY(encode_hex(op, slice_of(bytes, sizeof bytes), &hex));
    struct buf buf;
    buf_open(&buf, op, 2 * ID_BYTES + 1);
    buf_str(&buf, "_");
    buf_put(&buf, hex);
    return buf_done(&buf, ret_id);
}

// ---- signing ----------------------------------------------------------------------------------

#define SIGNED_INFO_TAG "<ds:SignedInfo"
#define SIGNED_INFO_NAMESPACE " xmlns:ds=\"" NS_DS "\""

// SignedInfo after its name. In the document the namespace is declared on Signature, while the
// digest is over SignedInfo standing alone, where exclusive canonical form declares it on itself.
static reason signed_info_rest(struct op *op, struct slice id, struct slice covered,
                               struct slice *ret_rest) {
    struct sha256 digest = digest_sha256(covered);
    struct slice digest_text;
    TRY(encode_base64(op, digest_slice(&digest), &digest_text));
    struct xml xml;
    xml_open(&xml, op);
    xml_raw(&xml,
            "><ds:CanonicalizationMethod Algorithm=\"" NS_EC "\"></ds:CanonicalizationMethod>"
            "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\">"
            "</ds:SignatureMethod><ds:Reference URI=\"#");
    put_value(&xml, id, true);
    xml_raw(&xml,
            "\"><ds:Transforms><ds:Transform Algorithm=\"" NS_DS "enveloped-signature\">"
            "</ds:Transform><ds:Transform Algorithm=\"" NS_EC "\"></ds:Transform></ds:Transforms>"
            "<ds:DigestMethod Algorithm=\"" NS_XENC "sha256\"></ds:DigestMethod><ds:DigestValue>");
    xml_text(&xml, digest_text);
    xml_raw(&xml, "</ds:DigestValue></ds:Reference></ds:SignedInfo>");
    return xml_done(&xml, ret_rest);
}

static reason join(struct op *op, struct slice a, struct slice b, struct slice c,
                   struct slice *ret_whole) {
    struct buf buf;
    buf_open(&buf, op, 2 * SP_DOCUMENT_MAX);
    buf_put(&buf, a);
    buf_put(&buf, b);
    buf_put(&buf, c);
    return buf_done(&buf, ret_whole);
}

reason sp_sign_document(struct op *op, const struct sp_keys *keys, struct slice id,
                        struct slice head, struct slice tail, struct slice *ret_xml) {
    struct slice covered;
    struct slice rest;
    struct slice octets;
    struct slice value;
    struct slice value_text;
    TRY(join(op, head, tail, S(""), &covered));
    TRY(signed_info_rest(op, id, covered, &rest));
    TRY(join(op, S(SIGNED_INFO_TAG SIGNED_INFO_NAMESPACE), rest, S(""), &octets));
    TRY(sp_sign(op, keys, octets, &value));
    TRY(encode_base64(op, value, &value_text));
    struct xml xml;
    struct slice signature;
    xml_open(&xml, op);
    xml_raw(&xml, "<ds:Signature" SIGNED_INFO_NAMESPACE ">" SIGNED_INFO_TAG);
    buf_put(&xml.buf, rest);
    xml_leaf(&xml, "ds:SignatureValue", value_text);
    xml_raw(&xml, "<ds:KeyInfo><ds:X509Data>");
    xml_leaf(&xml, "ds:X509Certificate", sp_signing_certificate(keys));
    xml_raw(&xml, "</ds:X509Data></ds:KeyInfo></ds:Signature>");
    TRY(xml_done(&xml, &signature));
    return join(op, head, signature, tail, ret_xml);
}
