// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the metadata from which lasso knows both sides, and compares what it found with what we found.
// Never: takes anything from lasso but a no.
#include "saml/opinion.h"

#include "base/clock.h"
#include "base/encode.h"
#include "saml/reader.h"
#include "saml/sp_write.h"

static void put_endpoint(struct xml *xml, const char *element, const char *binding,
                         struct slice location, const char *more) {
    xml_raw(xml, "<md:");
    xml_raw(xml, element);
    xml_attribute(xml, "Binding", slice_str(binding));
    xml_attribute(xml, "Location", location);
    xml_raw(xml, more);
    xml_raw(xml, "/>");
}

static void open_entity(struct xml *xml, struct op *op, struct slice entity_id, const char *role) {
    xml_open(xml, op);
    xml->buf.ceiling = MSG_METADATA_MAX;
    xml_raw(xml, "<md:EntityDescriptor xmlns:md=\"" NS_MD "\"");
    xml_attribute(xml, "entityID", entity_id);
    xml_raw(xml, "><md:");
    xml_raw(xml, role);
    xml_attribute(xml, "protocolSupportEnumeration", S(NS_SAMLP));
    xml_raw(xml, ">");
}

static const struct certificate *certificate_of(const struct trust *trust, size_t key) {
    const struct certificate *rows = trust->connection.idp.certificates.at;
    for (size_t i = 0; i < trust->connection.idp.certificates.count; i++) {
        if (!rows[i].key_only && slice_equal(rows[i].sha256, trust->keys[key].sha256)) {
            return &rows[i];
        }
    }
    return NULL;
}

// The keys that we verify with, and no others. One descriptor each: of two certificates in one, lasso
// takes the first only. A bare public key has no certificate to show; lasso goes without it.
static reason write_idp(struct op *op, const struct trust *trust, struct slice *ret_xml) {
    struct xml xml;
    const struct idp *idp = &trust->connection.idp;
    open_entity(&xml, op, idp->entity_id, "IDPSSODescriptor");
    for (size_t i = 0; i < trust->key_count; i++) {
        const struct certificate *certificate = certificate_of(trust, i);
        if (certificate != NULL) {
            struct slice text;
            TRY(encode_base64(op, certificate->der, &text));
            xml_raw(&xml, "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"" NS_DS
                          "\"><ds:X509Data>");
            xml_leaf(&xml, "ds:X509Certificate", text);
            xml_raw(&xml, "</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>");
        }
    }
    // Nothing is sent there; metadata needs one.
    const struct endpoint *sso = idp->sso.at;
    put_endpoint(&xml, "SingleSignOnService", URI_BINDING_REDIRECT,
                 idp->sso.count > 0 ? sso[0].location : idp->entity_id, "");
    xml_raw(&xml, "</md:IDPSSODescriptor></md:EntityDescriptor>");
    return xml_done(&xml, ret_xml);
}

static reason write_sp(struct op *op, const struct inbound *inbound, struct slice *ret_xml) {
    struct xml xml;
    open_entity(&xml, op, inbound->entity_id, "SPSSODescriptor");
    put_endpoint(&xml, "AssertionConsumerService", URI_BINDING_POST, inbound->acs_url,
                 " index=\"0\" isDefault=\"true\"");
    xml_raw(&xml, "</md:SPSSODescriptor></md:EntityDescriptor>");
    return xml_done(&xml, ret_xml);
}

// The innermost of each prefix, but for ours. The reader lets nothing into these names that would end an attribute.
static reason declarations(struct op *op, const struct reader *around, struct slice *ret_text) {
    struct buf text;
    buf_open(&text, op, SP_DOCUMENT_MAX);
    for (size_t i = around != NULL ? around->namespace_count : 0; i > 0; i--) {
        struct slice prefix = around->namespaces[i - 1].prefix;
        bool known = slice_equal(prefix, S("samlp"));
        for (size_t j = i; j < around->namespace_count; j++) {
            known = known || slice_equal(around->namespaces[j].prefix, prefix);
        }
        if (!known) {
            buf_printf(&text, " xmlns%s%.*s=\"%.*s\"", prefix.len > 0 ? ":" : "", SLICE(prefix),
                       SLICE(around->namespaces[i - 1].uri));
        }
    }
    return text.len > 0 ? buf_done(&text, ret_text) : (*ret_text = S(""), NULL);
}

reason opinion_wrap(struct op *op, const struct trust *trust, struct slice assertion,
                    const struct reader *around, struct slice *ret_xml) {
    struct slice id;
    struct slice issuer;
    struct slice more;
    char now[CLOCK_TEXT];
    TRY(sp_random_id(op, &id));
    TRY(encode_html(op, trust->connection.idp.entity_id, &issuer));
    struct slice time = clock_print(op->now, now);
    TRY(declarations(op, around, &more));
    *ret_xml = op_text(op,
                       "<samlp:Response xmlns:samlp=\"" NS_SAMLP "\"%.*s ID=\"%.*s\" IssueInstant=\"%.*s\" "
                       "Version=\"2.0\"><saml:Issuer xmlns:saml=\"" NS_SAML "\">%.*s</saml:Issuer>"
                       "<samlp:Status><samlp:StatusCode Value=\"" SP_STATUS_SUCCESS
                       "\"/></samlp:Status>%.*s</samlp:Response>",
                       SLICE(more), SLICE(id), SLICE(time), SLICE(issuer), SLICE(assertion));
    return NULL;
}

static reason compare(struct op *op, const struct msg_opinion *opinion, struct slice issuer,
                      const struct identity *identity, struct slice *ret_expected,
                      struct slice *ret_got) {
    *ret_expected = S("accepted");
    *ret_got = opinion->accepted ? S("accepted") : opinion->words;
    bool agrees = opinion->accepted;
    if (agrees && !slice_equal(opinion->issuer, issuer)) {
        *ret_expected = issuer;
        *ret_got = opinion->issuer;
        agrees = false;
    } else if (agrees) {
        *ret_expected = identity->name_id;
        *ret_got = opinion->name_id;
        agrees = identity->name_id.len > 0 && slice_equal(opinion->name_id, identity->name_id);
    }
    if (!agrees) {
        REFUSE(op, ASSERTION_SECOND_OPINION, "expected \"%.*s\", lasso: \"%.*s\"",
               SLICE(*ret_expected), SLICE(*ret_got));
    }
    return NULL;
}

reason opinion_check(struct op *op, const struct inbound *inbound, struct slice xml,
                     const struct identity *identity, struct slice *ret_expected,
                     struct slice *ret_got) {
    struct msg_opinion_ask ask = {.xml = xml};
    struct msg_opinion opinion = {.accepted = false};
    TRY(write_idp(op, inbound->trust, &ask.idp));
    TRY(write_sp(op, inbound, &ask.sp));
    TRY(pool_opinion(op, inbound->pool, &ask, &opinion));
    return compare(op, &opinion, inbound->trust->connection.idp.entity_id, identity, ret_expected,
                   ret_got);
}
