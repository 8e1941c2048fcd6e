// SPDX-License-Identifier: GPL-3.0-or-later
// The honest messages, in exclusive canonical form, so that signing them needs no canonicaliser. {S} is where the
// Signature goes, {A} where the Assertion goes, {ID} and {WHO} differ between honest and forged ones.
#include "app/selftest/selftest.h"
#include "saml/reader.h"

const char template_assertion[] =
    "<saml:Assertion xmlns:saml=\"" NS_SAML "\" ID=\"{ID}\" IssueInstant=\"${now}\" Version=\"2.0\">"
    "<saml:Issuer>${idp}</saml:Issuer>{S}<saml:Subject><saml:NameID "
    "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">{WHO}</saml:NameID>"
    "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"
    "<saml:SubjectConfirmationData InResponseTo=\"${irt}\" NotOnOrAfter=\"${now+300}\" "
    "Recipient=\"${acs}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>"
    "<saml:Conditions NotBefore=\"${now-60}\" NotOnOrAfter=\"${now+300}\">"
    "<saml:AudienceRestriction><saml:Audience>${entity}</saml:Audience></saml:AudienceRestriction>"
    "</saml:Conditions><saml:AuthnStatement AuthnInstant=\"${now-30}\" SessionIndex=\"_s1\">"
    "<saml:AuthnContext><saml:AuthnContextClassRef>"
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>"
    "</saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>"
    "<saml:Attribute Name=\"groups\"><saml:AttributeValue>Staff</saml:AttributeValue>"
    "</saml:Attribute></saml:AttributeStatement></saml:Assertion>";

const char template_response[] =
    "<samlp:Response xmlns:samlp=\"" NS_SAMLP "\" Destination=\"${acs}\" ID=\"${rid}\" "
    "InResponseTo=\"${irt}\" IssueInstant=\"${now}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\""
    NS_SAML "\">${idp}</saml:Issuer>{S}<samlp:Status><samlp:StatusCode "
    "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>{A}"
    "</samlp:Response>";

const char template_logout[] =
    "<samlp:LogoutRequest xmlns:samlp=\"" NS_SAMLP "\" Destination=\"${slo}\" ID=\"${rid}\" "
    "IssueInstant=\"${now}\" NotOnOrAfter=\"${now+300}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\""
    NS_SAML "\">${idp}</saml:Issuer>{S}<saml:NameID xmlns:saml=\"" NS_SAML "\" "
    "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">${who}</saml:NameID>"
    "<samlp:SessionIndex>_s1</samlp:SessionIndex></samlp:LogoutRequest>";

const char template_metadata[] =
    "<md:EntityDescriptor xmlns:md=\"" NS_MD "\" ID=\"${rid}\" entityID=\"${idp}\">{S}<md:IDPSSODescriptor "
    "protocolSupportEnumeration=\"" NS_SAMLP "\"><md:KeyDescriptor use=\"signing\"><ds:KeyInfo "
    "xmlns:ds=\"" NS_DS "\"><ds:X509Data><ds:X509Certificate>${cert:signer}</ds:X509Certificate>"
    "</ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:KeyDescriptor use=\"encryption\"><ds:KeyInfo "
    "xmlns:ds=\"" NS_DS "\"><ds:X509Data><ds:X509Certificate>${cert:secret}</ds:X509Certificate>"
    "</ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleLogoutService "
    "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" "
    "Location=\"https://idp.example/slo\"></md:SingleLogoutService><md:SingleSignOnService "
    "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" "
    "Location=\"https://idp.example/sso\"></md:SingleSignOnService></md:IDPSSODescriptor>"
    "</md:EntityDescriptor>";
