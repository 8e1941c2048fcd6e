# SPDX-License-Identifier: GPL-3.0-or-later
"""A real application in front of which a real OpenID Connect module stands: people come in through the gate, with the claims of
their tenant, stay in by refresh tokens, and are out when their session is."""

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from harness import post_response, read_request
from relying import RelyingParty


class RelyingPartyTest(GateCase):
    def application(self, auth, confidential):
        party = RelyingParty(self.gate, auth)
        self.addCleanup(party.stop)
        fields = {
            "name": f"Reports {party.port}",
            "redirect_uris": [party.base + "/back"],
            "confidential": confidential,
        }
        made = self.gate.api("POST", "/applications", fields)
        secret = None
        if confidential:
            path = f"/applications/{made['id']}/secrets"
            secret = self.gate.api("POST", path, {})["client_secret"]
        return party.start(made["id"], secret)

    def sign_in(self, party, browser):
        """From the application's page to the provider's, and back with its answer; the page at last."""
        page = browser.get(party.base + "/", follow=self.idp.sso_url)
        form = None
        if page.status == 200:  # the gate asks who it is
            form = page.form("email")
            form.fields["email"] = f"ada@{DOMAIN}"
            page = browser.submit(form, follow=self.idp.sso_url)
        request = read_request(page)
        xml = self.idp.response(self.connection, request).xml()
        page = post_response(
            browser, self.connection, xml, request.relay_state, as_json=False, follow=True
        )
        self.assertEqual(page.status, 200, page.text[:600] + party.log())
        if "Sign in to Reports" in page.text:  # it has no secret, and is at no https address
            page = browser.submit(page.form("client_id"))
            self.assertEqual(page.status, 200, page.text[:600] + party.log())
        return page

    def test_people_come_in_through_the_gate_and_stay_in(self):
        for auth, confidential in (
            ("client_secret_basic", True),
            ("client_secret_post", True),
            ("none", False),
        ):
            with self.subTest(auth=auth):
                party = self.application(auth, confidential)
                browser = Browser()
                page = self.sign_in(party, browser)
                self.assertEqual(page.url, party.base + "/")
                self.assertIn("Reports", page.text)
                self.assertEqual(page.header("x-user"), f"ada@{DOMAIN}")
                self.assertEqual(page.header("x-tenant"), TENANT)
                first = page.header("x-token")
                page = browser.get(party.base + "/")
                self.assertEqual(page.header("x-user"), f"ada@{DOMAIN}", party.log())
                self.assertNotEqual(page.header("x-token"), first)

    def test_who_is_signed_in_at_the_gate_is_not_asked_again(self):
        first, second = (self.application("client_secret_basic", True) for _ in range(2))
        browser = Browser()
        self.sign_in(first, browser)
        page = browser.get(second.base + "/")
        self.assertEqual((page.status, page.url), (200, second.base + "/"))
        self.assertEqual(page.header("x-user"), f"ada@{DOMAIN}")

    def test_a_session_that_ended_gives_no_new_tokens(self):
        party = self.application("client_secret_basic", True)
        browser = Browser()
        self.sign_in(party, browser)
        user = self.gate.api("GET", f"/tenants/{TENANT}/users?q=ada")["items"][0]
        self.gate.api("POST", f"/tenants/{TENANT}/users/{user['id']}:disable", {"reason": "left"})
        self.addCleanup(self.gate.api, "POST", f"/tenants/{TENANT}/users/{user['id']}:enable", {})
        page = browser.get(party.base + "/", follow=False)  # the module ends its own session
        self.assertNotIn("Reports", page.text)
        self.assertIsNone(page.header("x-user"))
        page = browser.get(party.base + "/")
        self.assertTrue(page.url.startswith(self.gate.url("/login")), page.url)
