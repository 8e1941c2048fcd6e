# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate sends: its metadata and its AuthnRequests, read and verified by others."""

import unittest
import xml.etree.ElementTree as ET

import lasso

from browser import Browser
from case import TENANT, GateCase
from forge import CLASS_PASSWORD, EMAIL_FORMAT
from harness import DS, MD, POST, REDIRECT, SAML, SAMLP, begin
from oracle import xmlsec1
from seal import make_key
from spmetadata import certificates, endpoints, pem, redirect_signature_holds


class MetadataTest(GateCase):
    def test_the_entity_id_url_serves_signed_metadata(self):
        page = self.gate.metadata(self.connection)
        self.assertEqual(page.content_type, "application/samlmetadata+xml")
        root = ET.fromstring(page.body)
        self.assertEqual(root.tag, MD + "EntityDescriptor")
        self.assertEqual(root.get("entityID"), self.connection.entity_id)
        self.assertEqual(self.connection.entity_id, self.gate.url("/saml/acme-forged"))
        signing = certificates(page.body, "signing")
        self.assertTrue(any(xmlsec1(page.body, pem(one)) for one in signing))
        self.assertFalse(xmlsec1(page.body, make_key().pem))
        changed = page.body.replace(b"/acs", b"/acz")
        self.assertFalse(any(xmlsec1(changed, pem(one)) for one in signing))

    def test_it_names_the_doors_and_the_keys(self):
        body = self.gate.metadata(self.connection).body
        acs = self.connection.acs_url
        self.assertIn((POST, acs), endpoints(body, "AssertionConsumerService"))
        slo = endpoints(body, "SingleLogoutService")
        self.assertIn((REDIRECT, self.connection.slo_url), slo)
        self.assertIn((POST, self.connection.slo_url), slo)
        self.assertTrue(certificates(body, "encryption"))
        role = ET.fromstring(body).find(MD + "SPSSODescriptor")
        self.assertEqual(role.get("AuthnRequestsSigned"), "true")
        self.assertIn(b"urn:oasis:names:tc:SAML:metadata:algsupport", body)

    def test_it_is_the_same_at_its_other_address(self):
        page = Browser().get(self.connection.metadata_url)
        self.assertEqual(page.body, self.gate.metadata(self.connection).body)
        page = Browser().get(self.connection.entity_id + "/metadata")
        self.assertEqual(page.body, self.gate.metadata(self.connection).body)

    def test_lasso_reads_it(self):
        server = lasso.Server.newFromBuffers(self.gate.metadata(self.connection).html, None)
        self.assertEqual(server.providerId, self.connection.entity_id)


class RequestTest(GateCase):
    def policy_is(self, **policy):
        self.gate.api("PUT", f"/connections/{self.connection.slug}/policy", policy)

    def signers(self):
        return certificates(self.gate.metadata(self.connection).body, "signing")

    def setUp(self):
        self.policy_is()

    def test_a_redirect_request_is_signed_over_its_query(self):
        request = begin(Browser(), self.connection)
        self.assertEqual(request.binding, REDIRECT)
        self.assertEqual(request.url, self.idp.sso_url)
        self.assertLessEqual(len(request.relay_state), 32)
        query = request.raw_query
        self.assertTrue(any(redirect_signature_holds(query, one) for one in self.signers()))
        changed = query.replace("RelayState=", "RelayState=x")
        self.assertNotEqual(changed, query)
        self.assertFalse(any(redirect_signature_holds(changed, one) for one in self.signers()))
        self.assertIsNone(request.root.find(DS + "Signature"))

    def test_a_request_asks_for_nothing_that_nobody_asked_for(self):
        root = begin(Browser(), self.connection).root
        self.assertEqual(root.tag, SAMLP + "AuthnRequest")
        self.assertEqual(root.get("Version"), "2.0")
        self.assertEqual(root.get("Destination"), self.idp.sso_url)
        self.assertEqual(root.find(SAML + "Issuer").text, self.connection.entity_id)
        self.assertIn(root.get("AssertionConsumerServiceURL"), (None, self.connection.acs_url))
        self.assertIn(root.get("ForceAuthn"), (None, "false"))
        self.assertIsNone(root.find(SAMLP + "NameIDPolicy"))
        self.assertIsNone(root.find(SAMLP + "RequestedAuthnContext"))

    def test_a_post_request_is_signed_inside(self):
        self.policy_is(request_binding="post")
        page = Browser().get(self.connection.login_url, follow=False)
        self.assertEqual(page.status, 200)
        self.assertEqual(page.form("SAMLRequest").method, "POST")
        request = begin(Browser(), self.connection)
        self.assertEqual((request.binding, request.url), (POST, self.idp.sso_url))
        self.assertTrue(any(xmlsec1(request.xml, pem(one)) for one in self.signers()))
        changed = request.xml.replace(request.id.encode(), b"_" + b"0" * 20)
        self.assertFalse(any(xmlsec1(changed, pem(one)) for one in self.signers()))

    def test_the_page_that_posts_itself_runs_no_script_but_the_gate_s(self):
        # No form-action: browsers hold a form's redirects to it too, and an IdP may send its people on to another.
        self.policy_is(request_binding="post")
        page = Browser().get(self.connection.login_url, follow=False)
        policy = page.header("content-security-policy") or ""
        self.assertIn("default-src 'none'", policy)
        self.assertIn("script-src 'self'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe-inline", policy)

    def test_force_authn_and_context_and_format_are_asked_for_when_told(self):
        self.policy_is(
            force_authn=True, authn_context=[CLASS_PASSWORD], name_id_format=EMAIL_FORMAT
        )
        root = begin(Browser(), self.connection).root
        self.assertEqual(root.get("ForceAuthn"), "true")
        context = root.find(SAMLP + "RequestedAuthnContext")
        self.assertEqual(
            [one.text for one in context.findall(SAML + "AuthnContextClassRef")], [CLASS_PASSWORD]
        )
        self.assertEqual(root.find(SAMLP + "NameIDPolicy").get("Format"), EMAIL_FORMAT)

    def test_a_context_that_was_asked_for_must_come(self):
        self.policy_is(authn_context=["urn:oasis:names:tc:SAML:2.0:ac:classes:X509"])
        self.assertProblem(self.log_in(), 403, "authn.context")
        self.policy_is(authn_context=[CLASS_PASSWORD])
        self.assertGoodLogin()

    def test_unsigned_requests_when_told(self):
        self.policy_is(sign_requests=False)
        request = begin(Browser(), self.connection)
        self.assertNotIn("Signature=", request.raw_query)

    def test_each_request_has_its_own_id_and_handle(self):
        requests = [begin(Browser(), self.connection) for _ in range(5)]
        self.assertEqual(len({one.id for one in requests}), 5)
        self.assertEqual(len({one.relay_state for one in requests}), 5)

    def test_an_sso_url_with_a_query_keeps_it(self):
        fields = dict(self.idp.fields, sso_url=self.idp.sso_url + "?idpid=C01&x=1")
        connection = self.gate.make_connection(TENANT, "acme-google", fields)
        page = Browser().get(connection.login_url, follow=False)
        query = page.location_query
        self.assertEqual((query["idpid"], query["x"]), ("C01", "1"))
        self.assertIn("SAMLRequest", query)


if __name__ == "__main__":
    unittest.main()
