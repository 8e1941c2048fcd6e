// SPDX-License-Identifier: GPL-3.0-or-later
// What we tell IdPs about ourselves: one signed EntityDescriptor per connection (SAML
// metadata 2.4.4, algorithm support profile 2). It says only what the gate does; whatever is listed
// here must be accepted there.
#include "saml/reader.h"
#include "saml/sp_write.h"

#define NS_ALG "urn:oasis:names:tc:SAML:metadata:algsupport"
#define DSIG_MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"

// In order of preference, as the profile reads it.
static const char *const digest_methods[] = {
    NS_XENC "sha256",
    DSIG_MORE "sha384",
    NS_XENC "sha512",
};
static const char *const signing_methods[] = {
    DSIG_MORE "rsa-sha256",   DSIG_MORE "rsa-sha384",   DSIG_MORE "rsa-sha512",
    DSIG_MORE "ecdsa-sha256", DSIG_MORE "ecdsa-sha384", DSIG_MORE "ecdsa-sha512",
};
// What assertions may be encrypted with. An IdP takes the first that it can do, so CBC, which
// proves nothing about who wrote it, stands last and only where the policy takes it.
static const struct {
    const char *uri;
    bool cbc;
} encryption_methods[] = {
    {XENC11 "aes256-gcm", false}, {XENC11 "aes128-gcm", false}, {NS_XENC "aes256-cbc", true},
    {NS_XENC "aes128-cbc", true}, {XENC11 "rsa-oaep", false},   {NS_XENC "rsa-oaep-mgf1p", false},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *truth(bool value) {
    return value ? "true" : "false";
}

static void put_extensions(struct xml *xml, const struct policy *policy) {
    xml_raw(xml, "<md:Extensions>");
    for (size_t i = 0; i < COUNT(digest_methods); i++) {
        xml_raw(xml, "<alg:DigestMethod xmlns:alg=\"" NS_ALG "\"");
        xml_attribute(xml, "Algorithm", slice_str(digest_methods[i]));
        xml_raw(xml, "></alg:DigestMethod>");
    }
    for (size_t i = 0; i < COUNT(signing_methods); i++) {
        xml_raw(xml, "<alg:SigningMethod xmlns:alg=\"" NS_ALG "\"");
        xml_attribute(xml, "Algorithm", slice_str(signing_methods[i]));
        xml_raw(xml, "></alg:SigningMethod>");
    }
    sp_put_subject_id(xml, policy);
    xml_raw(xml, "</md:Extensions>");
}

static void put_key(struct xml *xml, const char *use, struct slice certificate) {
    xml_raw(xml, "<md:KeyDescriptor");
    xml_attribute(xml, "use", slice_str(use));
    xml_raw(xml, "><ds:KeyInfo xmlns:ds=\"" NS_DS "\"><ds:X509Data>");
    xml_leaf(xml, "ds:X509Certificate", certificate);
    xml_raw(xml, "</ds:X509Data></ds:KeyInfo>");
}

static void put_encryption_key(struct xml *xml, struct slice certificate,
                               const struct policy *policy) {
    put_key(xml, "encryption", certificate);
    for (size_t i = 0; i < COUNT(encryption_methods); i++) {
        if (!encryption_methods[i].cbc || policy->allow_cbc) {
            xml_raw(xml, "<md:EncryptionMethod");
            xml_attribute(xml, "Algorithm", slice_str(encryption_methods[i].uri));
            xml_raw(xml, "></md:EncryptionMethod>");
        }
    }
    xml_raw(xml, "</md:KeyDescriptor>");
}

static void put_keys(struct xml *xml, const struct sp_keys *keys, const struct policy *policy) {
    struct texts signing = sp_published_certificates(keys, SP_SIGNING);
    struct texts encryption = sp_published_certificates(keys, SP_ENCRYPTION);
    for (size_t i = 0; i < signing.count; i++) {
        put_key(xml, "signing", signing.at[i]);
        xml_raw(xml, "</md:KeyDescriptor>");
    }
    for (size_t i = 0; i < encryption.count; i++) {
        put_encryption_key(xml, encryption.at[i], policy);
    }
}

static void put_endpoint(struct xml *xml, const char *element, const char *binding,
                         struct slice location, const char *more) {
    xml_raw(xml, "<");
    xml_raw(xml, element);
    xml_attribute(xml, "Binding", slice_str(binding));
    xml_attribute(xml, "Location", location);
    xml_raw(xml, more);
    xml_raw(xml, "></");
    xml_raw(xml, element);
    xml_raw(xml, ">");
}

static void put_role(struct xml *xml, const struct sp *sp, const struct connection *connection,
                     const struct sp_keys *keys) {
    const struct policy *policy = &connection->policy;
    bool signs = policy->sign_requests || connection->idp.want_signed_requests;
    // With `either` as well: some IdPs take "false" as an order not to sign it, and then have
    // nothing else to sign.
    bool wants = policy->want != WANT_RESPONSE;
    xml_raw(xml, "<md:SPSSODescriptor");
    xml_attribute(xml, "AuthnRequestsSigned", slice_str(truth(signs)));
    xml_attribute(xml, "WantAssertionsSigned", slice_str(truth(wants)));
    xml_attribute(xml, "protocolSupportEnumeration", S(NS_SAMLP));
    xml_raw(xml, ">");
    sp_put_about(xml, sp->about);
    put_keys(xml, keys, policy);
    put_endpoint(xml, "md:SingleLogoutService", URI_BINDING_REDIRECT, sp->slo_url, "");
    put_endpoint(xml, "md:SingleLogoutService", URI_BINDING_POST, sp->slo_url, "");
    if (policy->name_id_format.len > 0) {
        xml_leaf(xml, "md:NameIDFormat", policy->name_id_format);
    }
    put_endpoint(xml, "md:AssertionConsumerService", URI_BINDING_POST, sp->acs_url,
                 " index=\"0\" isDefault=\"true\"");
    xml_raw(xml, "</md:SPSSODescriptor>");
}

reason sp_metadata(struct op *op, const struct sp *sp, const struct connection *connection,
                   const struct sp_keys *keys, struct slice *ret_xml) {
    struct slice id;
    struct slice head;
    struct slice tail;
    struct xml xml;
    TRY(sp_random_id(op, &id));
    xml_open(&xml, op);
    xml_raw(&xml, "<md:EntityDescriptor xmlns:md=\"" NS_MD "\"");
    xml_attribute(&xml, "ID", id);
    xml_attribute(&xml, "entityID", sp->entity_id);
    xml_raw(&xml, ">");
    TRY(xml_done(&xml, &head));
    xml_open(&xml, op);
    put_extensions(&xml, &connection->policy);
    put_role(&xml, sp, connection, keys);
    sp_put_contact(&xml, sp->about);
    xml_raw(&xml, "</md:EntityDescriptor>");
    TRY(xml_done(&xml, &tail));
    return sp_sign_document(op, keys, id, head, tail, ret_xml);
}
