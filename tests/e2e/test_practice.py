# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign-out between the gate and the practice identity provider, which stands on lasso: started at
either, by either binding."""

import unittest

from browser import Browser
from case import TENANT
from harness import Gate, Program, answers, find_built, free_port, temp_dir

SLUG = "acme-practice"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


class PracticeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = Gate()
        cls.addClassCleanup(cls.gate.stop)
        cls.gate.start()
        port, folder = free_port(), temp_dir("practice")
        cls.idp = f"http://127.0.0.1:{port}"
        command = [find_built("gatehouse-practice-idp"), "--listen", f"127.0.0.1:{port}"]
        command += ["--data", folder, "--quiet", "--sp", cls.gate.url(f"/saml/{SLUG}")]
        env = {"PATH": "/usr/bin:/bin", "HOME": folder, **cls.gate.env}
        cls.program = Program("practice-idp", command, env, folder)
        cls.addClassCleanup(cls.program.stop)
        cls.program.wait_until(
            lambda: answers(cls.idp + "/metadata"), "the practice identity provider"
        )
        cls.metadata = Browser().get(cls.idp + "/metadata").body.decode()
        cls.gate.make_tenant(TENANT, ["demo.example"])
        cls.rules = {"rules": [], "default_role": "user", "mode": "authoritative"}
        cls.connection = cls.gate.make_connection(
            TENANT, SLUG, {"metadata_xml": cls.metadata}, cls.rules
        )

    def only(self, binding):
        """The provider's logout address by that binding alone."""
        other = POST if binding == REDIRECT else REDIRECT
        lines = self.metadata.splitlines()
        kept = [at for at in lines if not ("SingleLogoutService" in at and other in at)]
        self.assertEqual(len(kept), len(lines) - 1)
        metadata = {"metadata_xml": "\n".join(kept)}
        self.gate.api("PUT", f"/connections/{SLUG}/idp", metadata)

    def sign_in(self):
        browser = Browser()
        page = browser.get(self.connection.login_url)
        page = browser.submit(page.forms[0], user="ada@demo.example")
        page = browser.submit(page.form("SAMLResponse"))
        self.assertTrue(self.signed_in(browser), page.text[:600])
        return browser

    def signed_in(self, browser):
        return browser.get(self.gate.url("/session")).status == 200

    def through(self, browser, page):
        """Posts what a browser would post by itself, until it rests."""
        for _ in range(6):
            forms = [
                form
                for form in page.forms
                if "SAMLRequest" in form.fields or "SAMLResponse" in form.fields
            ]
            if not forms:
                return page
            page = browser.submit(forms[0])
        return self.fail("it posts for ever")

    def test_started_at_the_gate_by_either_binding(self):
        for binding in (REDIRECT, POST):
            with self.subTest(binding=binding):
                self.only(binding)
                browser = self.sign_in()
                page = browser.get(self.gate.url("/"))
                page = browser.submit(page.form(action_ends="/logout"))
                page = self.through(browser, page)
                self.assertIn("signed_out=everywhere", page.url, page.text[:600])
                self.assertIn(self.idp + "/slo", [url.split("?")[0] for _, url, _ in browser.history])
                self.assertFalse(self.signed_in(browser))

    def test_started_at_the_provider_by_either_binding(self):
        for binding in ("redirect", "post"):
            with self.subTest(binding=binding):
                self.only(REDIRECT if binding == "redirect" else POST)
                browser = self.sign_in()
                page = browser.get(f"{self.idp}/logout?binding={binding}", initiator=self.idp)
                page = self.through(browser, page)
                self.assertTrue(page.url.startswith(self.idp), page.url)
                self.assertIn("You are signed out", page.text)
                asked = [url.split("?")[0] for _, url, _ in browser.history]
                self.assertIn(self.connection.slo_url, asked)
                self.assertFalse(self.signed_in(browser))


if __name__ == "__main__":
    unittest.main()
