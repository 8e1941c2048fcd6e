// SPDX-License-Identifier: GPL-3.0-or-later
// What our metadata tells people and federations beside keys and doors: name, logo and privacy statement
// (SAML metadata UI 2.1), who to write to, and that an attribute of the subject-id profile is needed.
#include <stdio.h>

#include "saml/reader.h"
#include "saml/sp_write.h"

#define NS_UI "urn:oasis:names:tc:SAML:metadata:ui"
#define NS_ATTR "urn:oasis:names:tc:SAML:metadata:attribute"
#define SUBJECT_ID "urn:oasis:names:tc:SAML:attribute:subject-id"
#define PAIRWISE_ID "urn:oasis:names:tc:SAML:attribute:pairwise-id"

static void put_logo(struct xml *xml, const struct sp_about *about) {
    char number[32];
    xml_raw(xml, "<mdui:Logo");
    (void)snprintf(number, sizeof number, "%lld", (long long)about->logo_height);
    xml_attribute(xml, "height", slice_str(number));
    (void)snprintf(number, sizeof number, "%lld", (long long)about->logo_width);
    xml_attribute(xml, "width", slice_str(number));
    xml_raw(xml, ">");
    xml_text(xml, about->logo_url);
    xml_raw(xml, "</mdui:Logo>");
}

void sp_put_about(struct xml *xml, const struct sp_about *about) {
    if (about == NULL || about->product.len == 0) {
        return;
    }
    xml_raw(xml, "<md:Extensions><mdui:UIInfo xmlns:mdui=\"" NS_UI "\">"
                 "<mdui:DisplayName xml:lang=\"en\">");
    xml_text(xml, about->product);
    xml_raw(xml, "</mdui:DisplayName>");
    if (about->logo_url.len > 0) {
        put_logo(xml, about);
    }
    if (about->privacy_url.len > 0) {
        xml_raw(xml, "<mdui:PrivacyStatementURL xml:lang=\"en\">");
        xml_text(xml, about->privacy_url);
        xml_raw(xml, "</mdui:PrivacyStatementURL>");
    }
    xml_raw(xml, "</mdui:UIInfo></md:Extensions>");
}

void sp_put_contact(struct xml *xml, const struct sp_about *about) {
    if (about == NULL || about->contact_email.len == 0) {
        return;
    }
    xml_raw(xml, "<md:ContactPerson contactType=\"technical\"><md:EmailAddress>mailto:");
    xml_text(xml, about->contact_email);
    xml_raw(xml, "</md:EmailAddress></md:ContactPerson>");
}

// SAML subject identifier attributes profile 3.1: the value names the one that is needed.
void sp_put_subject_id(struct xml *xml, const struct policy *policy) {
    bool subject = slice_equal(policy->identifier_attribute, S(SUBJECT_ID));
    if (!subject && !slice_equal(policy->identifier_attribute, S(PAIRWISE_ID))) {
        return;
    }
    xml_raw(xml, "<mdattr:EntityAttributes xmlns:mdattr=\"" NS_ATTR "\">"
                 "<saml:Attribute xmlns:saml=\"" NS_SAML "\" "
                 "Name=\"urn:oasis:names:tc:SAML:profiles:subject-id:req\" "
                 "NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\">"
                 "<saml:AttributeValue>");
    xml_raw(xml, subject ? "subject-id" : "pairwise-id");
    xml_raw(xml, "</saml:AttributeValue></saml:Attribute></mdattr:EntityAttributes>");
}
