# SPDX-License-Identifier: GPL-3.0-or-later
"""SimpleSAMLphp logs people in, through a browser, by its own pages and its own code. It reads
the gate's metadata and verifies the gate's signatures; the gate reads its metadata from its URL."""

import json
import unittest

from browser import Browser
from case import DOMAIN, TENANT
from harness import DEFAULT_RULES, IDP_PAGE, Gate
from simplesaml import EMAIL, SimpleSaml, log_in

SLUG = "acme-ssp"


class SimpleSamlTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.idp = SimpleSaml().start()
        cls.addClassCleanup(cls.idp.stop)
        cls.gate = Gate()
        cls.addClassCleanup(cls.gate.stop)
        cls.gate.start()
        cls.gate.make_tenant(TENANT, [DOMAIN])
        cls.connection = cls.gate.make_connection(
            TENANT, SLUG, {"metadata_url": cls.idp.metadata_url}
        )
        cls.idp.trust(SLUG, cls.gate.metadata(cls.connection).body)

    def setUp(self):
        self.policy_is()
        self.idp.configure()

    def policy_is(self, **policy):
        self.gate.api("PUT", f"/connections/{SLUG}/policy", policy)

    def go_to_idp(self, browser, return_to="/"):
        """From the gate to the provider's login page (or, when it knows the browser, beyond)."""
        page = browser.get(self.connection.login_url + "?return_to=" + return_to)
        forms = [form for form in page.forms if "SAMLRequest" in form.fields]
        return browser.submit(forms[0]) if forms else page  # POST binding: the page posts itself

    def log_in(self, browser, name="ada"):
        """A whole login; returns the page where the browser ends."""
        page = log_in(browser, self.go_to_idp(browser), name)
        return browser.submit(page.form("SAMLResponse"))

    def session(self, browser):
        page = browser.get(self.gate.url("/session"))
        return json.loads(page.body) if page.status == 200 else None

    def test_login_by_redirect_shows_who_with_which_roles(self):
        browser = Browser()
        page = self.log_in(browser)
        self.assertEqual((page.status, page.url), (200, self.gate.url("/")))
        session = self.session(browser)
        self.assertEqual(session["user"]["email"], "ada@acme.example")
        self.assertEqual(session["user"]["name_id"], "ada@acme.example")
        self.assertEqual(session["roles"], ["admin"])
        self.assertEqual((session["tenant"], session["connection"]), (TENANT, SLUG))
        for word in ("ada@acme.example", TENANT, "admin", "platform-admins"):
            self.assertIn(word, page.text)

    def test_login_by_post_shows_who_with_which_roles(self):
        self.policy_is(request_binding="post")
        browser = Browser()
        page = self.log_in(browser, "grace")
        self.assertEqual((page.status, page.url), (200, self.gate.url("/")))
        self.assertEqual(self.session(browser)["roles"], ["audiences_only"])
        self.assertIn("grace@acme.example", page.text)

    def test_a_browser_that_withholds_cookies_posts_once_more_and_is_in(self):
        browser = Browser(drop_cross_site=True)
        page = self.log_in(browser)
        page = browser.submit(page.form("SAMLResponse"))
        self.assertEqual((page.status, page.url), (200, self.gate.url("/")))
        self.assertIsNotNone(self.session(browser))

    def test_each_way_of_signing_and_encryption_is_accepted(self):
        for options in (
            {"saml20_sign_response": True, "saml20_sign_assertion": False},
            {"saml20_sign_response": False, "saml20_sign_assertion": True},
            {"assertion_encryption": True},
        ):
            with self.subTest(options=options):
                self.idp.configure(**options)
                browser = Browser()
                self.log_in(browser)
                self.assertIsNotNone(self.session(browser))

    def test_gcm_is_accepted_and_so_is_a_name_that_is_encrypted_alone(self):
        self.addCleanup(self.idp.encrypt_with, None)
        self.policy_is(allow_cbc=False)
        for cipher in ("AES128_GCM", "AES192_GCM", "AES256_GCM"):
            for options in (
                {"saml20_sign_response": False, "assertion_encryption": True},
                {"saml20_sign_response": True, "assertion_encryption": True},
                {"nameid_encryption": True},
            ):
                with self.subTest(cipher=cipher, options=options):
                    self.idp.encrypt_with(cipher)
                    self.idp.configure(**options)
                    browser = Browser()
                    self.log_in(browser)
                    session = self.session(browser)
                    self.assertIsNotNone(session, self.idp.logged())
                    self.assertEqual(session["user"]["email"], "ada@acme.example")
        # The control: with its own cipher, under an unsigned Response, the policy refuses it.
        self.idp.encrypt_with(None)
        self.idp.configure(saml20_sign_response=False, assertion_encryption=True)
        browser = Browser()
        page = self.log_in(browser)
        self.assertIn("encryption.algorithm", page.text)
        self.assertIsNone(self.session(browser))

    def test_an_unsigned_response_is_refused_and_a_signed_one_is_not(self):
        # Its reader of metadata turns WantAssertionsSigned into "sign"; without both, unsigned.
        self.idp.configure(saml20_sign_response=False, saml20_sign_assertion=False)
        self.idp.trust(
            SLUG,
            self.gate.metadata(self.connection).body.replace(
                b'WantAssertionsSigned="true"', b'WantAssertionsSigned="false"'
            ),
        )
        browser = Browser()
        page = self.log_in(browser)
        self.idp.trust(SLUG, self.gate.metadata(self.connection).body)
        self.assertEqual(page.status, 403, page.text[:600])
        self.assertIn("signature.missing", page.text)
        self.assertIsNone(self.session(browser))
        self.idp.configure()
        self.log_in(browser)
        self.assertIsNotNone(self.session(browser))

    def test_force_authn_makes_it_ask_again(self):
        browser = Browser()
        self.log_in(browser)
        page = self.go_to_idp(browser)
        page.form("SAMLResponse")  # it knows the browser
        self.policy_is(force_authn=True)
        self.go_to_idp(browser).form("username")  # and now it asks

    def test_a_name_id_format_that_is_asked_for_is_sent(self):
        self.policy_is(name_id_format=EMAIL)
        browser = Browser()
        self.log_in(browser)
        self.assertEqual(self.session(browser)["user"]["name_id"], "ada@acme.example")

    def test_a_wrong_password_gets_nobody_in(self):
        browser = Browser()
        page = browser.submit(
            self.go_to_idp(browser).form("username"), username="ada", password="wrong"
        )
        self.assertFalse([form for form in page.forms if "SAMLResponse" in form.fields])
        self.assertIsNone(self.session(browser))

    def test_the_person_s_roles_follow_the_rules_as_they_are_now(self):
        browser = Browser()
        self.log_in(browser)
        self.assertEqual(self.session(browser)["roles"], ["admin"])
        rules = dict(DEFAULT_RULES, rules=[{"match": "suffix", "value": "aff", "roles": ["user"]}])
        self.gate.api("PUT", f"/connections/{SLUG}/rules", rules)
        try:
            self.log_in(browser)
            self.assertEqual(self.session(browser)["roles"], ["user"])
        finally:
            self.gate.api("PUT", f"/connections/{SLUG}/rules", DEFAULT_RULES)

    def test_sign_out_at_the_gate_signs_out_at_the_provider(self):
        browser = Browser()
        page = self.log_in(browser)
        self.go_to_idp(browser).form("SAMLResponse")  # it knows the browser
        page = browser.submit(page.form(action_ends="/logout"))
        forms = [form for form in page.forms if "SAMLRequest" in form.fields]
        if forms:
            page = browser.submit(forms[0])
        self.assertTrue(page.url.startswith(self.gate.base), (page.url, page.text[:600]))
        self.assertEqual(page.status, 200, page.text[:600])
        asked = [url for _, url, _ in browser.history]
        self.assertIn(self.idp.slo_url, asked, "the provider was not asked")
        self.assertIn(self.connection.slo_url, asked, "its answer did not come back")
        self.assertIsNone(self.session(browser))
        self.go_to_idp(browser).form("username")  # it asks again: signed out there too

    def test_sign_out_at_the_provider_signs_out_at_the_gate(self):
        browser = Browser()
        self.log_in(browser)
        url = self.idp.slo_url + "?ReturnTo=" + self.idp.base + "/"
        page = browser.get(url, initiator=IDP_PAGE)
        self.assertTrue(page.url.startswith(self.idp.base), (page.url, page.text[:600]))
        self.assertTrue(
            any(url == self.connection.slo_url for _, url, _ in browser.history), browser.history
        )
        self.assertIsNone(self.session(browser))


if __name__ == "__main__":
    unittest.main()
