# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of OAuth's code flow, as an application and a browser take them, for the tests of it.

Owns: registering the applications, what is asked for, and the reading of answers. Never: a test of its own.
"""

import base64
import hashlib
import http.client
import json
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from browser import Browser
from case import GateCase

BACK = "https://console.example/back"


def challenge_of(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def query_of(url):
    fields = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {key: value for key, (value,) in fields.items()}


class CodeFlowCase(GateCase):
    """Two applications, a confidential and a public one, and what they and a browser do."""

    scope, nonce = "openid profile email", "n-1"  # that are asked for

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.application = cls.register("Console", confidential=True)
        cls.secret = cls.gate.api("POST", f"/applications/{cls.application}/secrets", {})[
            "client_secret"
        ]
        cls.public = cls.register("Phone", confidential=False, redirect_uris=["http://127.0.0.1/cb"])

    @classmethod
    def register(cls, name, **fields):
        body = {"name": name, "redirect_uris": [BACK], "confidential": False, **fields}
        return cls.gate.api("POST", "/applications", body)["id"]

    # -- the steps --------------------------------------------------------------------------

    def url(self, **fields):
        """The address that an application sends a browser to; a field of None is left out."""
        self.verifier = secrets.token_urlsafe(48)
        whole = {
            "response_type": "code",
            "client_id": self.application,
            "redirect_uri": BACK,
            "scope": self.scope,
            "state": "s-1&=?",
            "nonce": self.nonce,
            "code_challenge": challenge_of(self.verifier),
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

    def post(self, path, fields, client=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=30)
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        if client is not None:
            pair = base64.b64encode(":".join(client).encode()).decode()
            sent["Authorization"] = "Basic " + pair
        try:
            connection.request("POST", path, urlencode(fields), sent)
            answer = connection.getresponse()
            text = answer.read()
            self.assertEqual(answer.getheader("Cache-Control"), "no-store")
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None

    def change(self, shown, client=(), **fields):
        """client: id and secret for the header; None: what is shown is in the fields."""
        whole = {
            "grant_type": "authorization_code",
            "code": shown,
            "redirect_uri": BACK,
            "code_verifier": self.verifier,
            **fields,
        }
        if client == ():
            client = (self.application, self.secret)
        return self.post("/oauth2/token", whole, client)

    def tokens(self, browser, **fields):
        answer = self.ask(browser, **fields)
        self.assertIn("code", answer, answer)
        status, tokens = self.change(answer["code"])
        self.assertEqual(status, 200, tokens)
        return tokens

    def refresh(self, token, client=None):
        fields = {"grant_type": "refresh_token", "refresh_token": token}
        return self.post("/oauth2/token", fields, client or (self.application, self.secret))

    def assertNoGrant(self, answer, words, error="invalid_grant"):
        status, said = answer
        self.assertEqual((status, said["error"]), (400, error), said)
        self.assertIn(words, said["error_description"])

    def keys(self):
        return self.gate.call("GET", "/.well-known/jwks.json")[1]

    def public_tokens(self, browser, application, scope="openid"):
        code = self.ask(browser, client_id=application, scope=scope)["code"]
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": self.verifier,
            "client_id": application,
        }
        status, tokens = self.post("/oauth2/token", fields)
        self.assertEqual(status, 200, tokens)
        return tokens

    def public_refresh(self, application, token):
        fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": application}
        return self.post("/oauth2/token", fields)

    def introspect(self, token, caller):
        headers = {"Authorization": "Bearer " + caller}
        status, said = self.post("/oauth2/introspect", {"token": token}, headers=headers)
        self.assertEqual(status, 200)
        return said

    def raw(self, method, path, token):
        return Browser().request(
            method,
            self.gate.url(path),
            None if method == "GET" else b"",
            False,
            {"Authorization": "Bearer " + token, "Origin": self.gate.base},
        )
