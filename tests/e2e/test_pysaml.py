# SPDX-License-Identifier: GPL-3.0-or-later
"""pysaml2 as the identity provider: it reads the gate's request and writes and signs the answer."""

import unittest

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from harness import begin, post_response
from oracle import xmlsec1
from pysaml import PySaml


class PySamlTest(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Each side needs the other's metadata: the connection stands before its provider does.
        cls.connection = cls.gate.make_connection(TENANT, "acme-pysaml", cls.idp.fields)
        cls.provider = PySaml(cls.gate.metadata(cls.connection).body)
        text = {"metadata_xml": cls.provider.metadata}
        cls.gate.api("PUT", f"/connections/{cls.connection.slug}/idp", text)

    def policy_is(self, **policy):
        self.gate.api("PUT", f"/connections/{self.connection.slug}/policy", policy)

    def answer(self, browser, sign, tamper=None, binding="redirect"):
        connection = self.connection
        page = browser.get(connection.login_url, follow=False)
        if binding == "redirect":
            request = self.provider.read_redirect(page.location_query)
            relay = page.location_query["RelayState"]
        else:
            form = page.form("SAMLRequest")
            request = self.provider.read_post(form.fields)
            relay = form.fields["RelayState"]
        person = {"groups": ["staff", "platform-admins"], "displayName": ["Linus P."]}
        xml = self.provider.answer(request, connection.entity_id, f"linus@{DOMAIN}", person, sign)
        if tamper:
            xml = tamper(xml)
        return xml, post_response(browser, connection, xml, relay)

    def test_each_way_of_signing_is_accepted(self):
        self.policy_is()
        for sign in ("assertion", "response", "both"):
            with self.subTest(sign=sign):
                xml, page = self.answer(Browser(), sign)
                for place in ("assertion", "response"):
                    expected = sign in (place, "both")
                    self.assertEqual(xmlsec1(xml, self.provider.key.pem, place), expected)
                answer = self.assertSignedIn(page)
                self.assertEqual(answer["user"]["email"], f"linus@{DOMAIN}")
                self.assertEqual(answer["roles"], ["admin"])

    def test_a_request_by_post_is_read_and_answered(self):
        self.policy_is(request_binding="post")
        _xml, page = self.answer(Browser(), "both", binding="post")
        self.assertSignedIn(page)

    def test_a_tampered_byte_is_refused(self):
        self.policy_is()
        for sign in ("assertion", "response", "both"):
            with self.subTest(sign=sign):
                tamper = lambda xml: xml.replace("linus@", "admin@")  # noqa: E731
                _xml, page = self.answer(Browser(), sign, tamper)
                self.assertProblem(page, 403, "signature.digest")
        self.assertSignedIn(self.answer(Browser(), "both")[1])

    def test_the_answer_to_one_request_does_not_answer_another(self):
        self.policy_is()
        browser, other = Browser(), Browser()
        connection = self.connection
        page = other.get(connection.login_url, follow=False)
        request = self.provider.read_redirect(page.location_query)
        mine = begin(browser, connection)
        xml = self.provider.answer(
            request,
            connection.entity_id,
            f"linus@{DOMAIN}",
            {"groups": ["platform-admins"]},
            "both",
        )
        page = post_response(browser, connection, xml, mine.relay_state)
        self.assertProblem(page, 403, "response.browser_mismatch")


if __name__ == "__main__":
    unittest.main()
