# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the gate sends is valid by the schemas of OASIS and W3C, as xmllint reads them.

The schemas are those of the Debian packages opensaml-schemas and xmltooling-schemas; nothing is
fetched. Never: judges what a message means.
"""

import os
import subprocess
import unittest

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from forge import CLASS_PASSWORD, EMAIL_FORMAT, Logout, idp_metadata
from harness import IDP_PAGE, POST, REDIRECT, begin, post_response, read_request, redirect_url
from harness import temp_dir
from seal import Signer

OPENSAML, XMLTOOLING = "/usr/share/xml/opensaml/", "/usr/share/xml/xmltooling/"
SCHEMAS = {
    "urn:oasis:names:tc:SAML:2.0:protocol": OPENSAML + "saml-schema-protocol-2.0.xsd",
    "urn:oasis:names:tc:SAML:2.0:metadata": OPENSAML + "saml-schema-metadata-2.0.xsd",
    "urn:oasis:names:tc:SAML:metadata:algsupport": OPENSAML
    + "sstc-saml-metadata-algsupport-v1.0.xsd",
    "urn:oasis:names:tc:SAML:metadata:attribute": OPENSAML + "sstc-metadata-attr.xsd",
    "urn:oasis:names:tc:SAML:metadata:ui": OPENSAML + "sstc-saml-metadata-ui-v1.0.xsd",
}
# Where the schemas import others from -> the file that has it.
W3 = "http://www.w3.org/"
ELSEWHERE = {
    W3 + "TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd": "xmldsig-core-schema.xsd",
    W3 + "TR/2002/REC-xmlenc-core-20021210/xenc-schema.xsd": "xenc-schema.xsd",
    W3 + "2001/xml.xsd": "xml.xsd",
}


class Validator:
    """xmllint with a schema that imports all of them."""

    def __init__(self):
        folder = temp_dir("schema")
        self.schema = os.path.join(folder, "all.xsd")
        catalog = os.path.join(folder, "catalog.xml")
        imports = "".join(
            f'<import namespace="{space}" schemaLocation="{path}"/>'
            for space, path in SCHEMAS.items()
        )
        rows = "".join(
            f'<system systemId="{uri}" uri="{XMLTOOLING}{name}"/>'
            f'<uri name="{uri}" uri="{XMLTOOLING}{name}"/>'
            for uri, name in ELSEWHERE.items()
        )
        with open(self.schema, "w") as file:
            file.write(f'<schema xmlns="{W3}2001/XMLSchema">{imports}</schema>')
        with open(catalog, "w") as file:
            space = "urn:oasis:names:tc:entity:xmlns:xml:catalog"
            file.write(f'<catalog xmlns="{space}">{rows}</catalog>')
        self.env = dict(os.environ, XML_CATALOG_FILES=catalog)

    def faults(self, xml):
        """None if the document is valid, else what xmllint says."""
        done = subprocess.run(
            ["xmllint", "--nonet", "--noout", "--schema", self.schema, "-"],
            input=xml,
            capture_output=True,
            env=self.env,
            timeout=60,
        )
        said = done.stderr.decode()
        if done.returncode not in (0, 3, 4):  # 3, 4: not valid; else it could not judge
            raise AssertionError(f"xmllint ended with {done.returncode}:\n{said}")
        return said if done.returncode else None


class SchemaTest(GateCase):
    settings = {
        "product": "Gate & <House>",
        "contact_email": "saml@gate.example",
        "privacy_url": "https://gate.example/privacy?a=1&b=2",
        "logo_url": "https://gate.example/logo.png",
    }
    TOLD = (
        b"Gate &amp; &lt;House&gt;</mdui:DisplayName>",
        b'<mdui:Logo height="80" width="80">https://gate.example/logo.png</mdui:Logo>',
        b">https://gate.example/privacy?a=1&amp;b=2</mdui:PrivacyStatementURL>",
        b"<md:EmailAddress>mailto:saml@gate.example</md:EmailAddress>",
        b"<saml:AttributeValue>subject-id</saml:AttributeValue>",
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.validator = Validator()

    def assertValid(self, xml):
        self.assertIsNone(self.validator.faults(xml), xml)
        for unwanted in (b"<!DOCTYPE", b"<!ENTITY", b"<?"):
            self.assertNotIn(unwanted, xml)

    def assertFaulty(self, xml):
        self.assertIsNotNone(self.validator.faults(xml), xml)

    def policy_is(self, **policy):
        self.gate.api("PUT", f"/connections/{self.connection.slug}/policy", policy)

    def test_metadata_is_valid(self):
        for policy in ({}, {"allow_cbc": True, "name_id_format": EMAIL_FORMAT, "want": "both"}):
            with self.subTest(policy=policy):
                self.policy_is(**policy)
                body = self.gate.metadata(self.connection).body
                self.assertValid(body)
                self.assertFaulty(body.replace(b"entityID=", b"entity="))
                self.assertFaulty(body.replace(b"md:KeyDescriptor", b"md:KeyDescription"))
        self.policy_is()

    def test_metadata_tells_of_the_operator_and_of_subject_ids(self):
        self.policy_is(identifier_attribute="urn:oasis:names:tc:SAML:attribute:subject-id")
        body = self.gate.metadata(self.connection).body
        self.policy_is()
        self.assertValid(body)
        for told in self.TOLD:
            self.assertIn(told, body)
        self.assertFaulty(body.replace(b"mdui:DisplayName", b"mdui:Displayed"))
        self.assertFaulty(body.replace(b'contactType="technical"', b'contactType="x"'))

    def test_requests_by_redirect_and_post_are_valid(self):
        asks = {"force_authn": True, "authn_context": [CLASS_PASSWORD]}
        asks["name_id_format"] = EMAIL_FORMAT
        for binding, expected in (("redirect", REDIRECT), ("post", POST)):
            for policy in ({}, asks):
                with self.subTest(binding=binding, policy=policy):
                    self.policy_is(request_binding=binding, **policy)
                    request = begin(Browser(), self.connection)
                    self.assertEqual(request.binding, expected)
                    self.assertValid(request.xml)
                    self.assertFaulty(request.xml.replace(b' Version="2.0"', b""))
        self.policy_is()

    def signed_in(self, connection):
        browser = Browser()
        request = begin(browser, connection)
        message = self.idp.response(connection, request, name_id=f"{connection.slug}@{DOMAIN}")
        page = post_response(browser, connection, message.xml(), request.relay_state, as_json=False)
        self.assertEqual(page.status, 303, page.text[:600])
        return browser, message

    def with_binding(self, slug, binding):
        """A connection whose provider signs out by one binding only."""
        text = idp_metadata(
            self.idp.entity_id, self.idp.sso_url, [self.idp.key.base64], self.idp.slo_url
        )
        other = POST if binding == REDIRECT else REDIRECT
        logout = f'<md:SingleLogoutService Binding="{other}"'
        at = text.index(logout)
        end = text.index("</md:SingleLogoutService>", at) + len("</md:SingleLogoutService>")
        text = text[:at] + text[end:]
        return self.gate.make_connection(TENANT, slug, {"metadata_xml": text})

    def test_sign_out_messages_are_valid(self):
        for slug, binding in (("acme-out-r", REDIRECT), ("acme-out-p", POST)):
            connection = self.with_binding(slug, binding)
            with self.subTest(binding=binding, message="LogoutRequest"):
                browser, _message = self.signed_in(connection)
                page = browser.post(
                    self.gate.url("/logout"), {}, follow=False, initiator=self.gate.url("/")
                )
                request = read_request(page)
                self.assertEqual(request.binding, binding)
                self.assertValid(request.xml)
                self.assertFaulty(request.xml.replace(b"saml:NameID", b"saml:NameIdentifier"))
            for known in (True, False):
                with self.subTest(binding=binding, message="LogoutResponse", known=known):
                    _browser, message = self.signed_in(connection)
                    answer = self.answer(connection, message, known)
                    self.assertEqual(answer.binding, binding)
                    self.assertValid(answer.xml)
                    self.assertFaulty(answer.xml.replace(b"samlp:StatusCode", b"samlp:Code"))

    def answer(self, connection, message, known):
        request = Logout(
            issuer=self.idp.entity_id,
            destination=connection.slo_url,
            name_id=message.name_id if known else f"nobody@{DOMAIN}",
            session_index=message.session_index,
        )
        url = redirect_url(
            connection.slo_url, request.xml(), "SAMLRequest", "rs", Signer(self.idp.key)
        )
        page = Browser().get(url, follow=False, initiator=IDP_PAGE)
        return read_request(page, "SAMLResponse")

    def test_the_forge_s_own_messages_are_valid(self):
        """The control: what the tests send is valid too, but for what a test makes wrong."""
        xml = self.idp.response(self.connection, None, sign="both").xml().encode()
        self.assertIsNone(self.validator.faults(xml))
        self.assertFaulty(xml.replace(b"saml:Subject>", b"saml:Person>"))


if __name__ == "__main__":
    unittest.main()
