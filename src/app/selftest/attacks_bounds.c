// SPDX-License-Identifier: GPL-3.0-or-later
// Messages that want more than an honest one: refused by a named bound, before they cost much. And honest ones that are
// large.
#include "app/selftest/selftest.h"

#define EXTENSIONS(text)                                                                           \
    .edits = EDITS({STAGE_WIRE, "<samlp:Status>",                                                  \
                    "<samlp:Extensions>" text "</samlp:Extensions><samlp:Status>"})
#define EXC "http://www.w3.org/2001/10/xml-exc-c14n#"
#define KEYS_4 "\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91"
#define KEYS_16 KEYS_4 KEYS_4 KEYS_4 KEYS_4
#define KEYS_64 KEYS_16 KEYS_16 KEYS_16 KEYS_16
#define KEYS_256 KEYS_64 KEYS_64 KEYS_64 KEYS_64

const struct attack attacks_bounds[] = {
    {"large-groups", "bounds", "A thousand groups are honest.", "accepted",
     .edits = EDITS({STAGE_ASSERTION, "<saml:AttributeValue>Staff</saml:AttributeValue>",
                     "${rep:1000:<saml:AttributeValue>CN=Group ~,OU=Groups,DC=acme,DC=example</saml:AttributeValue>}"})},
    {"large-values", "bounds", "5,000 values are not.", "saml.too_large",
     .edits = EDITS({STAGE_ASSERTION, "<saml:AttributeValue>Staff</saml:AttributeValue>",
                     "${rep:5000:<saml:AttributeValue>~</saml:AttributeValue>}"})},
    {"large-attributes", "bounds", "600 attributes.", "saml.too_large",
     .edits = EDITS({STAGE_ASSERTION, "<saml:Attribute Name=\"groups\">",
                     "${rep:600:<saml:Attribute Name=\"a~\"></saml:Attribute>}<saml:Attribute Name=\"groups\">"})},
    {"large-message", "bounds", "A message of 300 KB.", "saml.too_large", EXTENSIONS("${rep:300000:x}")},
    {"large-form", "bounds", "A form of a megabyte.", "saml.too_large",
     .edits = EDITS({STAGE_FORM, NULL, "x=${rep:1100000:x}&SAMLResponse=${b64}"})},
    {"xml-attributes", "bounds", "20,000 attributes in one tag.", "saml.too_large",
     EXTENSIONS("<x:x xmlns:x=\"urn:x\" ${rep:20000:a~=\"\" }/>")},
    {"xml-ids", "bounds", "10,000 IDs.", "saml.too_large", EXTENSIONS("${rep:10000:<samlp:x ID=\"i~\"/>}")},
    {"xml-namespaces", "bounds", "3,000 namespaces in one tag.", "saml.too_large",
     EXTENSIONS("<x:x xmlns:x=\"urn:x\" ${rep:3000:xmlns:n~=\"urn:~\" }/>")},
    {"xml-namespaces-nested", "bounds", "A namespace on each of many nested elements.", "saml.too_large",
     EXTENSIONS("${rep:3000:<n:x xmlns:n=\"urn:~\">}${rep:3000:</n:x>}")},
    {"xml-depth", "bounds", "10,000 elements deep.", "saml.too_large", EXTENSIONS("${rep:10000:<samlp:x>}${rep:10000:</samlp:x>}")},
    {"xml-nodes", "bounds", "50,000 elements.", "saml.too_large", EXTENSIONS("${rep:50000:<a/>}")},
    {"xml-comments", "bounds", "30,000 comments.", "saml.too_large", EXTENSIONS("${rep:30000:<!---->}")},
    {"xml-instructions", "bounds", "30,000 instructions.", "saml.too_large", EXTENSIONS("${rep:30000:<?x?>}")},
    {"xml-cdata", "bounds", "15,000 CDATA sections.", "saml.too_large", EXTENSIONS("${rep:15000:<![CDATA[x]]><a/>}")},
    {"xml-name", "bounds", "A name of 100,000 characters.", "saml.malformed", EXTENSIONS("<${rep:100000:a}/>")},
    {"xml-namespace-name", "bounds", "A namespace whose name has 100,000 characters.", "saml.too_large",
     EXTENSIONS("<x:x xmlns:x=\"urn:${rep:100000:a}\"/>")},
    {"signature-transforms", "bounds", "1,000 transforms: SignedInfo has a size, which is looked at before what is in it.", "saml.too_large",
     .edits = EDITS({STAGE_INFO, "<ds:Transform Algorithm=\"" EXC "\"></ds:Transform>",
                     "${rep:1000:<ds:Transform Algorithm=\"" EXC "\"></ds:Transform>}"})},
    {"signature-info", "bounds", "A SignedInfo of 100 KB.", "saml.too_large",
     .edits = EDITS({STAGE_WIRE_INFO, "<ds:Reference ", "<ds:x>${rep:100000:x}</ds:x><ds:Reference "})},
    {"signature-value", "bounds", "A SignatureValue of 100 KB.", "saml.too_large",
     .edits = EDITS({STAGE_SIGNATURE, "<ds:SignatureValue>", "<ds:SignatureValue>${rep:100000:A}"})},
    {"signature-many", "bounds", "500 signatures elsewhere.", "signature.misplaced",
     .edits = EDITS({STAGE_WIRE, "</samlp:Status>",
                     "${rep:500:<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>}</samlp:Status>"})},
    {"text-name", "bounds", "A name of 100,000 characters.", "subject.name_id_missing",
     .edits = EDITS({STAGE_ASSERTION, ">${who}<", ">${rep:100000:a}<"})},
    {"text-name-256", "bounds", "A name of 256 characters outside the basic plane passes whole.", "accepted",
     .names = KEYS_256, .edits = EDITS({STAGE_ASSERTION, ">${who}<", ">" KEYS_256 "<"})},
    {NULL},
};
