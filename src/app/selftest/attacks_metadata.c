// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata: whoever can bend it signs people in. First what comes as it is, then what somebody has to have signed whose key
// was given before.
#include "app/selftest/selftest.h"

#define META .door = DOOR_METADATA
#define SIGNED .door = DOOR_METADATA_SIGNED
#define WIRE(from, to) .edits = EDITS({STAGE_WIRE, from, to})
#define INFO(from, to) .edits = EDITS({STAGE_INFO, from, to})
#define KEY_VALUE(party)                                                                           \
    .edits = EDITS({STAGE_SIGNATURE, "<ds:X509Data><ds:X509Certificate>${cert:" party "}</ds:X509Certificate></ds:X509Data>", \
                    "${rsa:" party "}"})
#define GROUP(text) WIRE(NULL, "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">" text "</md:EntitiesDescriptor>")
#define SSO "Location=\"https://idp.example/sso\""
#define SIGNING                                                                                    \
    "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">" \
    "<ds:X509Data><ds:X509Certificate>${cert:signer}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>" \
    "</md:KeyDescriptor>"

const struct attack attacks_metadata[] = {
    {"metadata", "metadata", "Honest metadata.", "accepted", META},
    {"metadata-no-key", "metadata", "No key: then nothing could be verified.", "metadata.no_certificate", META,
     WIRE(SIGNING, "")},
    {"metadata-weak-key", "metadata", "RSA of 1024 bits.", "metadata.no_certificate", META, WIRE("${cert:signer}", "${cert:weak}")},
    {"metadata-broken-key", "metadata", "A certificate that is none.", "metadata.no_certificate", META, WIRE("${cert:signer}", "AAAA")},
    {"metadata-javascript", "metadata", "A script as address.", "metadata.location", META, WIRE(SSO, "Location=\"javascript:alert(1)\"")},
    {"metadata-data", "metadata", "A data URL as address.", "metadata.location", META, WIRE(SSO, "Location=\"data:text/html,x\"")},
    {"metadata-http", "metadata", "An address without TLS.", "metadata.location", META, WIRE(SSO, "Location=\"http://idp.example/sso\"")},
    {"metadata-credentials", "metadata", "A password in the address.", "metadata.location", META,
     WIRE(SSO, "Location=\"https://a:b@idp.example/sso\"")},
    {"metadata-expired", "metadata", "It ended an hour ago.", "metadata.expired", META,
     WIRE("entityID=", "validUntil=\"${now-3600}\" entityID=")},
    {"metadata-no-time", "metadata", "It ends at no time that can be read.", "metadata.malformed", META,
     WIRE("entityID=", "validUntil=\"soon\" entityID=")},
    {"metadata-sp", "metadata", "It describes a service provider.", "metadata.no_idp", META,
     .edits = EDITS({STAGE_WIRE, "<md:IDPSSODescriptor", "<md:SPSSODescriptor"},
                    {STAGE_WIRE, "</md:IDPSSODescriptor", "</md:SPSSODescriptor"})},
    {"metadata-saml11", "metadata", "It speaks SAML 1.1 only.", "metadata.no_idp", META,
     WIRE("protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
          "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\"")},
    {"metadata-no-sso", "metadata", "No address to sign in at.", "metadata.no_sso_endpoint", META,
     .edits = EDITS({STAGE_WIRE, "<md:SingleSignOnService", "<md:Other"}, {STAGE_WIRE, "</md:SingleSignOnService", "</md:Other"})},
    {"metadata-comment", "metadata", "A comment in the certificate changes nothing.", "accepted", META,
     WIRE("${cert:signer}", "<!-- x -->${cert:signer}")},
    {"metadata-use-missing", "metadata", "A key without use is one for signing.", "accepted", META,
     WIRE("<md:KeyDescriptor use=\"signing\">", "<md:KeyDescriptor>")},
    {"metadata-utf16", "metadata", "Metadata in UTF-16.", "metadata.malformed", META, WIRE(NULL, "${utf16le}")},
    {"metadata-trailing", "metadata", "Two documents.", "metadata.malformed", META, WIRE(NULL, "${message}${message}")},
    {"metadata-response", "metadata", "A SAML message.", "metadata.malformed", META, WIRE(NULL, "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>")},

    {"signed", "signed-metadata", "Honest metadata, signed as it has to be.", "accepted", SIGNED},
    {"signed-key-value", "signed-metadata", "The right key signed and comes along as KeyValue: KeyInfo is not needed.", "accepted", SIGNED,
     KEY_VALUE("federation")},
    {"signed-no-key-info", "signed-metadata", "The right key signed, and nothing says which.", "accepted", SIGNED,
     .edits = EDITS({STAGE_SIGNATURE, "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${cert:federation}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>", ""})},
    {"signed-comment", "signed-metadata", "A comment that came later is in no canonical form.", "accepted", SIGNED,
     WIRE("<md:IDPSSODescriptor", "<!-- x --><md:IDPSSODescriptor")},
    {"signed-not", "signed-metadata", "Nobody signed it.", "metadata.signature", SIGNED, .signs = SIGNS_NOTHING},
    {"signed-not-forged", "signed-metadata", "The attacker's, and nobody signed it.", "metadata.signature", SIGNED, WIRE(NULL, "${M}")},
    {"signed-foreign", "signed-metadata", "Another key signed, and its certificate comes along.", "metadata.signature", SIGNED,
     .signer = PARTY_EVIL},
    {"signed-foreign-key-value", "signed-metadata", "Another key signed and comes along as KeyValue.", "metadata.signature", SIGNED,
     .signer = PARTY_EVIL, KEY_VALUE("evil")},
    {"signed-foreign-named-ours", "signed-metadata", "Another key signed, the certificate of the right one comes along.",
     "metadata.signature", SIGNED, .signer = PARTY_EVIL,
     .edits = EDITS({STAGE_SIGNATURE, "${cert:evil}", "${cert:federation}"})},
    {"signed-message-key", "signed-metadata", "A key of the provider's messages signed: it vouches for no metadata.", "metadata.signature",
     SIGNED, .signer = PARTY_EC},
    {"signed-changed", "signed-metadata", "Another address to sign in at.", "metadata.signature", SIGNED, WIRE("idp.example/sso", "evil.example/sso")},
    {"signed-key-changed", "signed-metadata", "The attacker's key in place of the provider's.", "metadata.signature", SIGNED,
     WIRE("<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>${cert:signer}",
          "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>${cert:evil}")},
    {"signed-key-added", "signed-metadata", "The attacker's key beside the provider's.", "metadata.signature", SIGNED,
     WIRE("<md:KeyDescriptor use=\"encryption\">", "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"
          "<ds:X509Data><ds:X509Certificate>${cert:evil}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:KeyDescriptor use=\"encryption\">")},
    {"signed-wrapped-object", "signed-metadata", "The signed one in an Object of its Signature, which stands in the attacker's.",
     "metadata.signature", SIGNED, WIRE(NULL, "${M(RS[O:R()])}")},
    {"signed-wrapped-same-id", "signed-metadata", "The same, and the attacker's has the ID that is referred to.", "metadata.signature",
     SIGNED, WIRE(NULL, "${M=(RS[O:R()])}")},
    {"signed-wrapped-beside", "signed-metadata", "The signed one inside the attacker's, beside the Signature.", "metadata.signature", SIGNED,
     WIRE(NULL, "${M(RS)[R()]}")},
    {"signed-wrapped-inside", "signed-metadata", "The signed one with its Signature inside the attacker's.", "metadata.signature", SIGNED,
     WIRE(NULL, "${M[R]}")},
    {"signed-wrapped-group", "signed-metadata", "Both in a group that nobody signed.", "metadata.signature", SIGNED, GROUP("${M}${R}")},
    {"signed-wrapped-group-last", "signed-metadata", "The same, the attacker's last.", "metadata.signature", SIGNED, GROUP("${R}${M}")},
    {"signed-wrapped-group-signature", "signed-metadata", "A group with the Signature of the honest one.", "metadata.signature", SIGNED,
     GROUP("${RS}${M}${R()}")},
    {"signed-doubled", "signed-metadata", "The Signature twice: none of them is the one.", "metadata.signature", SIGNED,
     WIRE("<md:IDPSSODescriptor", "${RS}<md:IDPSSODescriptor")},
    {"signed-misplaced", "signed-metadata", "The Signature stands in the role.", "metadata.signature", SIGNED,
     .edits = EDITS({STAGE_WIRE, "${RS}", ""}, {STAGE_WIRE, "</md:IDPSSODescriptor>", "${RS}</md:IDPSSODescriptor>"})},
    {"signed-late", "signed-metadata", "The Signature is the last child: odd, but a direct child of what it signs.", "accepted", SIGNED,
     WIRE(NULL, "${R()[RS]}")},
    {"signed-two-roots", "signed-metadata", "The attacker's after the signed one.", "metadata.malformed", SIGNED, WIRE(NULL, "${message}${M}")},
    {"signed-two-roots-first", "signed-metadata", "The attacker's before the signed one.", "metadata.malformed", SIGNED, WIRE(NULL, "${M}${message}")},
    {"signed-dtd", "signed-metadata", "A document type before it.", "metadata.dtd_forbidden", SIGNED,
     WIRE(NULL, "<!DOCTYPE md:EntityDescriptor [<!ENTITY x \"y\">]>${message}")},
    {"signed-sha1", "signed-metadata", "RSA with SHA-1.", "metadata.signature", SIGNED, .method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
    {"signed-digest-sha1", "signed-metadata", "A SHA-1 digest.", "metadata.signature", SIGNED, .digest = "http://www.w3.org/2000/09/xmldsig#sha1"},
    {"signed-hmac", "signed-metadata", "HMAC with the public key as its secret.", "metadata.signature", SIGNED,
     .method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"},
    {"signed-reference-empty", "signed-metadata", "The whole document, whatever that is.", "metadata.signature", SIGNED,
     INFO("URI=\"#${rid}\"", "URI=\"\"")},
    {"signed-reference-other", "signed-metadata", "A reference to something else.", "metadata.signature", SIGNED,
     INFO("URI=\"#${rid}\"", "URI=\"#other\"")},
    {"signed-xpath", "signed-metadata", "An XPath in place of the canonical form.", "metadata.signature", SIGNED,
     INFO("<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>",
          "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"></ds:Transform>")},
    {"signed-expired", "signed-metadata", "Signed, and it ended an hour ago.", "metadata.expired", SIGNED,
     .edits = EDITS({STAGE_RESPONSE, "entityID=\"${idp}\"", "entityID=\"${idp}\" validUntil=\"${now-3600}\""})},
    {"signed-no-key", "signed-metadata", "Signed, and without any key.", "metadata.no_certificate", SIGNED, .edits = EDITS({STAGE_RESPONSE, SIGNING, ""})},
    {NULL},
};
