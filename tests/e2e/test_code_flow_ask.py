# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application asks of the authorization endpoint: a new sign-in, a recent one, that of a certain person; what is too long
or no request at all; and that who cannot show who it is signs nobody in without asking.

Owns: the way from the application to the gate and back. Never: the tokens (test_code_flow).
"""

import base64
import hashlib
import http.client
import json
import secrets
import time
from urllib.parse import parse_qs, urlencode, urlsplit

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from harness import post_response, read_request
from test_password import GOOD, PasswordCase, totp

BACK = "https://console.example/back"
LOOPBACK = "http://127.0.0.1:49152/cb"
SCHEME = "com.example.phone:/cb"


def query_of(url):
    fields = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {key: value for key, (value,) in fields.items()}


class AskCase(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.application = cls.register("Console", confidential=True)
        cls.other = cls.register("Reports", confidential=True)
        cls.page = cls.register("Page")
        cls.phone = cls.register("Phone <1>", redirect_uris=["http://127.0.0.1/cb", SCHEME])
        cls.secrets = {
            each: cls.gate.api("POST", f"/applications/{each}/secrets", {})["client_secret"]
            for each in (cls.application, cls.other)
        }

    @classmethod
    def register(cls, name, **fields):
        body = {"name": name, "redirect_uris": [BACK], "confidential": False, **fields}
        return cls.gate.api("POST", "/applications", body)["id"]

    def url(self, **fields):
        """The address that an application sends a browser to; a field of None is left out."""
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        whole = {
            "response_type": "code",
            "client_id": self.application,
            "redirect_uri": BACK,
            "scope": "openid",
            "state": "s-1&=?",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            **fields,
        }
        query = urlencode({key: value for key, value in whole.items() if value is not None})
        return self.gate.url("/oauth2/authorize?" + query)

    def signed_in(self, **changes):
        browser = Browser()
        page = self.log_in(browser, as_json=False, **changes)
        self.assertEqual(page.status, 303, page.text[:600])
        return browser

    def ask(self, browser, **fields):
        """The application's answer from one request of a browser."""
        back = fields.get("redirect_uri", BACK)
        return self.answer(browser.get(self.url(**fields), follow=False), back)

    def answer(self, page, back=BACK, status=302):
        self.assertEqual(page.status, status, page.text[:600])
        self.assertEqual(page.header_all("cache-control"), ["no-store"])
        self.assertEqual(page.header("location").partition("?")[0], back)
        fields = query_of(page.header("location"))
        self.assertEqual(fields["iss"], self.gate.base)
        return fields

    def change(self, code, client=None, back=BACK):
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back,
                  "code_verifier": self.verifier, "client_id": client or self.application}
        if fields["client_id"] in self.secrets:
            fields["client_secret"] = self.secrets[fields["client_id"]]
        page = Browser().post(self.gate.url("/oauth2/token"), fields)
        self.assertEqual(page.status, 200, page.text[:600])
        return json.loads(page.body)

    def at_the_provider(self, browser, page, forced):
        """The request that a redirect to a connection leads to; was a new sign-in asked for?"""
        self.assertTrue(page.location.startswith(self.connection.login_url + "?"), page.location)
        request = read_request(browser.get(page.location, follow=False))
        self.assertEqual(request.root.get("ForceAuthn"), "true" if forced else None)
        return request

    def come_back(self, browser, request, **changes):
        """Signs in at the provider; the page that the gate then answers the application's request with, not followed."""
        xml = self.idp.response(self.connection, request, **changes).xml()
        page = post_response(browser, self.connection, xml, request.relay_state, as_json=False)
        self.assertEqual(page.status, 303, page.text[:600])
        self.assertEqual(urlsplit(page.location).path, "/oauth2/authorize")
        return browser.get(page.location, follow=False)


class StartTest(GateCase):
    settings = {"pending_address_limit": "3"}

    def test_a_start_that_cannot_be_read_keeps_nothing(self):
        for _ in range(5):
            url = self.connection.login_url + "?force_authn=true&force_authn=true"
            page = Browser().get(url, follow=False)
            self.assertEqual((page.status, page.header_all("set-cookie")), (422, []))
        page = Browser().get(self.connection.login_url + "?force_authn=true", follow=False)
        self.assertEqual(read_request(page).root.get("ForceAuthn"), "true")


class PasswordWayTest(PasswordCase):
    """Browsers hold the redirects of a form's POST to form-action: no form on the way to an application may have one."""

    def assertOpen(self, page):
        policy = page.header("content-security-policy")
        self.assertNotIn("form-action", policy, page.text)
        self.assertIn("frame-ancestors 'none'", policy)

    def test_each_page_of_the_sign_in_lets_it_end_at_the_application(self):
        email = "way@acme.example"
        self.person(email)
        browser = Browser()
        page = browser.get(self.gate.url("/password"))
        self.assertOpen(page)
        self.assertOpen(browser.submit(page.form("password"), email=email, password="wrong horse"))
        page = browser.submit(browser.get(self.gate.url("/login")).form("email"), email=email)
        self.assertOpen(page)
        # A second tenant, and a second factor.
        self.invite(email, "other")
        browser.submit(browser.get(self.link(email, "/invitation")).form("t"))
        page = self.sign_in(email, browser=browser)
        self.assertOpen(page)
        page = browser.submit([form for form in page.forms if "tenant" in form.fields][0])
        setup = browser.get(self.gate.url("/second-factor/setup"))
        page = browser.submit(setup.form("do"), password=GOOD)
        secret = page.html.split('class="secret">', 1)[1].split("<", 1)[0]
        page = browser.submit(page.form("code"), code=totp(secret))
        self.assertIn("recovery codes", page.text)
        page = self.sign_in(email)
        self.assertIn("One more step", page.text)
        self.assertOpen(page)
        for path in ("/password/forgot", "/password/change", "/second-factor/setup"):  # these end here
            policy = browser.get(self.gate.url(path)).header("content-security-policy")
            self.assertIn("form-action 'self'", policy, path)

    def test_prompt_login_of_a_password_s_session_asks_for_one(self):
        email = "again@acme.example"
        self.person(email)
        made = self.gate.api("POST", "/applications", {
            "name": "Again", "redirect_uris": [BACK], "confidential": True})
        fields = {"response_type": "code", "client_id": made["id"], "redirect_uri": BACK,
                  "code_challenge": "A" * 43, "code_challenge_method": "S256"}
        url = self.gate.url("/oauth2/authorize?" + urlencode(fields))
        browser = Browser()
        self.sign_in(email, browser=browser)
        self.assertIn("code=", browser.get(url, follow=False).location)
        page = browser.get(url + "&prompt=login")
        self.assertEqual(page.url.split("?")[0], self.gate.url("/login"))
        page = browser.submit(page.form("email"), email=email)
        page = browser.submit(page.form("password"), False, password=GOOD)
        self.assertEqual(page.status, 303, page.text[:600])
        self.assertIn("code=", browser.get(page.location, follow=False).location)
