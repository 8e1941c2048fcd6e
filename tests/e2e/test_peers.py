# SPDX-License-Identifier: GPL-3.0-or-later
"""The independent identity providers by themselves: they log in a service provider of paper, and
they refuse what a careless one would accept. Needs no gate; when these hold and the gate's tests
fail, look at the gate."""

import base64
import unittest
from urllib.parse import parse_qs, urlsplit

from browser import Browser
from forge import AuthnRequest, Logout, sp_metadata
from harness import read_request, redirect_url
from oracle import xmlsec1
from pysaml import PySaml
from seal import Signer, make_key
from simplesaml import SimpleSaml, log_in

SP = "http://localhost:9/saml/paper"
ACS, SLO = SP + "/acs", SP + "/slo"


class SimpleSamlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key = make_key()
        cls.idp = SimpleSaml().start()
        cls.addClassCleanup(cls.idp.stop)
        cls.idp.trust("paper", sp_metadata(SP, ACS, SLO, cls.key.base64).encode())

    def ask(self, key=None):
        return AuthnRequest(SP, self.idp.sso_url, ACS, key=key)

    def log_in(self, page, browser):
        form = log_in(browser, page, "ada").form("SAMLResponse")
        self.assertEqual(form.action, ACS)
        return base64.b64decode(form.fields["SAMLResponse"]).decode()

    def test_a_signed_request_by_redirect_is_answered(self):
        browser = Browser()
        url = redirect_url(self.idp.sso_url, self.ask().xml(), "SAMLRequest", "r", Signer(self.key))
        xml = self.log_in(browser.get(url), browser)
        for place in ("assertion", "response"):
            self.assertTrue(xmlsec1(xml, self.idp.key.pem, place), place)
        self.assertIn("platform-admins", xml)
        self.assertIn(">ada@acme.example</saml:NameID>", xml)

    def test_a_signed_request_by_post_is_answered(self):
        browser = Browser()
        xml = self.ask(self.key).signed_xml()
        fields = {"SAMLRequest": base64.b64encode(xml.encode()).decode(), "RelayState": "r"}
        page = browser.post(self.idp.sso_url, fields, initiator=SP)
        self.assertIn("platform-admins", self.log_in(page, browser))

    def test_an_unsigned_and_a_foreign_request_are_refused(self):
        for signer in (None, Signer(make_key())):
            with self.subTest(signer=signer):
                xml = self.ask().xml()
                page = Browser().get(
                    redirect_url(self.idp.sso_url, xml, "SAMLRequest", "r", signer)
                )
                self.assertEqual(
                    [form.fields for form in page.forms if "username" in form.fields], []
                )
                self.assertRegex(page.text, "[Ss]ignature|validate")

    def test_logout_ends_the_session_and_is_answered(self):
        browser = Browser()
        url = redirect_url(self.idp.sso_url, self.ask().xml(), "SAMLRequest", "r", Signer(self.key))
        xml = self.log_in(browser.get(url), browser)
        index = xml.split('SessionIndex="')[1].split('"')[0]
        request = Logout(SP, self.idp.slo_url, session_index=index)
        url = redirect_url(self.idp.slo_url, request.xml(), "SAMLRequest", "x", Signer(self.key))
        page = browser.get(url, follow=SLO)
        answer = read_request(page, "SAMLResponse")
        self.assertEqual(answer.url, SLO)
        self.assertIn(b"status:Success", answer.xml)
        self.assertIn("Signature", parse_qs(urlsplit(page.location).query))
        url = redirect_url(self.idp.sso_url, self.ask().xml(), "SAMLRequest", "r", Signer(self.key))
        browser.get(url).form("username")  # it asks again


class PySamlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key = make_key()
        cls.idp = PySaml(sp_metadata(SP, ACS, SLO, cls.key.base64).encode())

    def query(self, signer):
        request = AuthnRequest(SP, "http://127.0.0.1:9/pysaml2/sso", ACS)
        url = redirect_url(request.destination, request.xml(), "SAMLRequest", "r", signer)
        return {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()}

    def test_a_signed_request_is_read_and_answered_in_three_ways(self):
        for sign in ("assertion", "response", "both"):
            with self.subTest(sign=sign):
                request = self.idp.read_redirect(self.query(Signer(self.key)))
                xml = self.idp.answer(
                    request, SP, "ada@acme.example", {"groups": ["platform-admins"]}, sign
                )
                self.assertIn("platform-admins", xml)
                for place in ("assertion", "response"):
                    signed = sign in (place, "both")
                    self.assertEqual(xmlsec1(xml, self.idp.key.pem, place), signed, place)

    def test_a_foreign_request_is_refused(self):
        with self.assertRaises(Exception):
            self.idp.read_redirect(self.query(Signer(make_key())))


if __name__ == "__main__":
    unittest.main()
