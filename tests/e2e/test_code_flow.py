# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications sign people in by OAuth's code flow: the browser's way, the tokens, what is refused and what ends.

Owns: the flow from outside, by the words of its RFCs. Never: the rows of the registry (test_applications).
"""

import base64
import hashlib
import http.client
import json
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from harness import post_response, read_request
from jwt import verified

BACK = "https://console.example/back"


def challenge_of(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class CodeFlowTest(GateCase):
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
            "scope": "openid profile email",
            "state": "s-1&=?",
            "nonce": "n-1",
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
        return self.answer(browser.get(self.url(**fields), follow=False))

    def answer(self, page, back=BACK):
        self.assertEqual(page.status, 302, page.text[:600])
        self.assertEqual(page.header("cache-control"), "no-store")
        where, _, query = page.location.partition("?")
        self.assertEqual(where, back, page.location)
        fields = {key: value for key, (value,) in parse_qs(query, keep_blank_values=True).items()}
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

    def change(self, shown, **fields):
        whole = {
            "grant_type": "authorization_code",
            "code": shown,
            "redirect_uri": BACK,
            "code_verifier": self.verifier,
            **fields,
        }
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

    # -- the way there and back ---------------------------------------------------------------

    def test_who_is_signed_in_comes_back_at_once_with_a_code_and_the_state(self):
        answer = self.ask(self.signed_in())
        self.assertEqual(set(answer), {"code", "state", "iss"})
        self.assertEqual(answer["state"], "s-1&=?")

    def test_who_is_not_signs_in_at_the_identity_provider_first(self):
        browser = Browser()
        page = browser.get(self.url(login_hint=f"ada@{DOMAIN}"), follow=False)
        self.assertEqual(page.status, 302)
        self.assertTrue(page.location.startswith(self.connection.login_url + "?"), page.location)
        request = read_request(browser.get(page.location, follow=False))
        xml = self.idp.response(self.connection, request).xml()
        page = post_response(browser, self.connection, xml, request.relay_state, as_json=False)
        self.assertEqual(page.status, 303, page.text[:600])
        self.assertEqual(urlsplit(page.location).path, "/oauth2/authorize")
        answer = self.answer(browser.get(page.location, follow=False))
        status, tokens = self.change(answer["code"])
        self.assertEqual(status, 200, tokens)
        _header, claims = verified(tokens["id_token"], self.keys())
        self.assertEqual(claims["email"], f"ada@{DOMAIN}")

    def test_without_a_hint_the_page_asks_for_the_address(self):
        page = Browser().get(self.url(login_hint="ada@nowhere.example"))
        form = page.form("email")
        self.assertEqual(form.fields["email"], "ada@nowhere.example")
        self.assertTrue(form.fields["return_to"].startswith("/oauth2/authorize?"))
        link = page.html.split('href="/password', 1)[1].split('"', 1)[0]
        self.assertEqual(parse_qs(link.lstrip("?")), {"return_to": [form.fields["return_to"]]})

    def test_a_connection_can_be_named(self):
        other = self.gate.make_connection(TENANT, "acme-second", self.idp.fields)
        browser = self.signed_in()
        self.assertIn("code", self.ask(browser, connection=self.connection.slug))
        page = browser.get(self.url(connection=other.slug), follow=False)
        self.assertTrue(page.location.startswith(other.login_url + "?"), page.location)
        page = browser.get(self.url(connection="nowhere"))
        self.assertEqual(page.status, 404)

    def test_with_prompt_none_nobody_is_asked_anything(self):
        answer = self.ask(Browser(), prompt="none")
        self.assertEqual(answer["error"], "login_required")
        self.assertEqual(answer["state"], "s-1&=?")
        self.assertIn("code", self.ask(self.signed_in(), prompt="none"))

    def test_a_new_sign_in_can_be_asked_for_and_the_identity_provider_is_told(self):
        for wanted in ({"prompt": "login"}, {"max_age": "0"}):
            with self.subTest(wanted):
                browser = self.signed_in()
                page = browser.get(
                    self.url(connection=self.connection.slug, **wanted), follow=False
                )
                request = read_request(browser.get(page.location, follow=False))
                self.assertEqual(request.root.get("ForceAuthn"), "true")
                # Without the sign-in nothing is gained by coming back.
                back = parse_qs(urlsplit(page.location).query)["return_to"][0]
                again = browser.get(self.gate.url(back), follow=False)
                self.assertIn("/saml/", again.location)
                xml = self.idp.response(self.connection, request).xml()
                page = post_response(
                    browser, self.connection, xml, request.relay_state, as_json=False
                )
                self.assertIn("code", self.answer(browser.get(page.location, follow=False)))

    def test_max_age_lets_a_recent_sign_in_pass(self):
        browser = self.signed_in(authn_instant=-600)
        self.assertIn("code", self.ask(browser, max_age="3600"))
        page = browser.get(self.url(max_age="300"), follow=False)
        self.assertTrue(page.location.startswith(self.gate.url("/login?")), page.location)
        answer = self.ask(browser, max_age="300", prompt="none")
        self.assertEqual(answer["error"], "login_required")

    def test_a_code_is_for_the_session_of_a_browser_alone(self):
        token = json.loads(self.log_in().body)["access_token"]
        for shown in (token, self.gate.token):
            page = Browser().get(
                self.url(), follow=False, headers={"Authorization": "Bearer " + shown}
            )
            self.assertTrue(page.location.startswith(self.gate.url("/login?")), page.location)

    def test_a_browser_is_never_sent_to_an_address_that_nobody_registered(self):
        browser = self.signed_in()
        for fields in (
            {"redirect_uri": "https://evil.example/back"},
            {"redirect_uri": BACK + "/"},
            {"redirect_uri": BACK + "?x=1"},
            {"redirect_uri": "https://console.example:444/back"},
            {"redirect_uri": None},
        ):
            with self.subTest(fields):
                page = browser.get(self.url(**fields), follow=False)
                self.assertEqual(page.status, 400)
                self.assertIn("application.redirect_uri", page.text)
                self.assertIsNone(page.header("location"))
        for client in ("app_none", "", None, self.application + "x"):
            with self.subTest(client=client):
                page = browser.get(self.url(client_id=client), follow=False)
                self.assertEqual(page.status, 400)
                self.assertIn("application.unknown", page.text)
        page = browser.get(self.url() + "&redirect_uri=https%3A%2F%2Fevil.example", follow=False)
        self.assertEqual(page.status, 400)

    def test_what_else_is_wrong_goes_back_to_the_application(self):
        browser = self.signed_in()
        for fields, error in (
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": None}, "invalid_request"),
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"response_mode": "fragment"}, "invalid_request"),
            ({"request": "e30."}, "request_not_supported"),
            ({"request_uri": "https://x.example"}, "request_uri_not_supported"),
            ({"prompt": "none login"}, "invalid_request"),
            ({"nonce": "n" * 513}, "invalid_request"),
        ):
            with self.subTest(fields):
                answer = self.ask(browser, **fields)
                self.assertEqual(answer["error"], error, answer)
                self.assertNotIn("code", answer)
                self.assertEqual(answer["state"], "s-1&=?")
        page = browser.get(self.url() + "&scope=openid", follow=False)
        self.assertEqual(self.answer(page)["error"], "invalid_request")

    def test_a_disabled_application_gets_nothing(self):
        application = self.register("Short lived")
        browser = self.signed_in()
        code = self.ask(browser, client_id=application)["code"]
        self.gate.api("PUT", f"/applications/{application}", {"disabled": True})
        page = browser.get(self.url(client_id=application), follow=False)
        self.assertIn("application.unknown", page.text)
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
                  "code_verifier": self.verifier, "client_id": application}
        status, said = self.post("/oauth2/token", fields)
        self.assertEqual((status, said["error"]), (401, "invalid_client"))

    def test_an_application_for_some_tenants_is_for_no_other(self):
        self.gate.make_tenant("umbrella", ["umbrella.example"])
        application = self.register("Umbrella only", tenants=["umbrella"])
        answer = self.ask(self.signed_in(), client_id=application)
        self.assertEqual(answer["error"], "access_denied")

    def test_a_native_application_may_listen_on_any_port(self):
        browser = self.signed_in()
        back = "http://127.0.0.1:49152/cb"
        page = browser.get(self.url(client_id=self.public, redirect_uri=back), follow=False)
        code = self.answer(page, back)["code"]
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back,
                  "code_verifier": self.verifier, "client_id": self.public}
        status, tokens = self.post("/oauth2/token", fields)
        self.assertEqual(status, 200, tokens)

    # -- the tokens -------------------------------------------------------------------------------

    def test_the_tokens_say_who_signed_in_and_for_whom(self):
        tokens = self.tokens(self.signed_in())
        self.assertEqual(
            set(tokens),
            {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"},
        )
        self.assertEqual(tokens["scope"], "openid profile email")
        header, claims = verified(tokens["id_token"], self.keys())
        self.assertEqual(header["typ"], "JWT")
        self.assertEqual((claims["iss"], claims["aud"]), (self.gate.base, self.application))
        self.assertEqual((claims["nonce"], claims["tenant"]), ("n-1", TENANT))
        self.assertEqual(claims["amr"], ["saml"])
        self.assertLessEqual(claims["iat"], claims["exp"] - 1)
        header, access = verified(tokens["access_token"], self.keys())
        self.assertEqual(header["typ"], "at+jwt")
        self.assertEqual((access["client_id"], access["sub"]), (self.application, claims["sub"]))
        self.assertEqual((access["sid"], access["scope"]), (claims["sid"], tokens["scope"]))
        self.assertEqual(access["amr"], ["saml"])
        self.assertEqual(access["roles"], ["admin"])

    def test_only_what_was_asked_for_is_told(self):
        tokens = self.tokens(self.signed_in(), scope="openid unknown")
        self.assertEqual(tokens["scope"], "openid")
        _header, claims = verified(tokens["id_token"], self.keys())
        self.assertFalse({"email", "name", "given_name"} & set(claims))
        tokens = self.tokens(self.signed_in(), scope=None, nonce=None)
        self.assertNotIn("id_token", tokens)
        self.assertEqual(tokens["scope"], "")

    def test_user_info_says_the_same(self):
        tokens = self.tokens(self.signed_in())
        _header, claims = verified(tokens["id_token"], self.keys())
        for method in ("GET", "POST"):
            status, said = self.gate.call(
                method, "/oauth2/userinfo", token=tokens["access_token"]
            )
            self.assertEqual(status, 200, said)
            for name in ("sub", "email", "tenant"):
                self.assertEqual(said[name], claims[name])
        plain = self.tokens(self.signed_in(), scope="email")["access_token"]
        status, said = self.gate.call("GET", "/oauth2/userinfo", token=plain)
        self.assertEqual((status, said["reason"]), (403, "insufficient_scope"))
        status, said = self.gate.call("GET", "/oauth2/userinfo")  # an operator is nobody's person
        self.assertEqual(status, 401)
        page = self.signed_in().get(self.gate.url("/oauth2/userinfo"))  # nor does a cookie count
        self.assertEqual(page.status, 401)

    def test_an_id_token_opens_nothing(self):
        tokens = self.tokens(self.signed_in())
        for path in ("/session", "/api/v1/me", "/oauth2/userinfo"):
            status, _ = self.gate.call("GET", path, token=tokens["id_token"])
            self.assertEqual(status, 401, path)

    def test_the_api_is_for_applications_that_have_it(self):
        tokens = self.tokens(self.signed_in(), scope="openid api")
        self.assertEqual(tokens["scope"], "openid")  # this one may not
        token = tokens["access_token"]
        self.assertEqual(self.gate.call("GET", "/session", token=token)[0], 200)
        for path in ("/api/v1/me", f"/api/v1/tenants/{TENANT}/users"):
            status, said = self.gate.call("GET", path, token=token)
            self.assertEqual((status, said["reason"]), (403, "insufficient_scope"), path)
        status, _ = self.gate.call(
            "GET", "/platform/v2/organizations/1/accounts/1/roles", token=token
        )
        self.assertEqual(status, 403)
        application = self.register("Admin console", api=True)
        browser = self.signed_in()
        for scope, works in (("openid api", 200), ("openid", 403)):
            code = self.ask(browser, client_id=application, scope=scope)["code"]
            fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
                      "code_verifier": self.verifier, "client_id": application}
            status, tokens = self.post("/oauth2/token", fields)
            self.assertEqual((status, tokens["scope"]), (200, scope))
            status, _ = self.gate.call("GET", "/api/v1/me", token=tokens["access_token"])
            self.assertEqual(status, works, scope)

    # -- codes --------------------------------------------------------------------------------------

    def test_a_code_is_good_once_and_shown_again_it_ends_what_it_gave(self):
        code = self.ask(self.signed_in())["code"]
        status, tokens = self.change(code)
        self.assertEqual(status, 200)
        self.assertNoGrant(self.change(code), "used before")
        self.assertNoGrant(self.refresh(tokens["refresh_token"]), "ended")
        rows = self.gate.api("GET", f"/tenants/{TENANT}/audit?event=token.replayed")["items"]
        self.assertEqual(rows[0]["target"], self.application)

    def test_a_code_needs_its_verifier_its_address_and_its_application(self):
        browser = self.signed_in()
        code = self.ask(browser)["code"]
        self.assertNoGrant(self.change(code, code_verifier="x" * 43), "code_verifier")
        code = self.ask(browser)["code"]
        self.assertNoGrant(self.change(code, redirect_uri=BACK + "2"), "redirect_uri")
        code = self.ask(browser)["code"]
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
                  "code_verifier": self.verifier, "client_id": self.public}
        self.assertNoGrant(self.post("/oauth2/token", fields), "another application")
        self.assertEqual(self.change(code)[0], 200)
        for field in ("code", "redirect_uri", "code_verifier"):
            self.assertNoGrant(
                self.change(code, **{field: ""}), field + " is missing", "invalid_request"
            )
        self.assertNoGrant(self.change("x" * 70), "this gate")

    def test_a_confidential_application_has_to_show_its_secret(self):
        code = self.ask(self.signed_in())["code"]
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
                  "code_verifier": self.verifier}
        for shown in (
            {"client_id": self.application},
            {"client_id": self.application, "client_secret": "gh_sec_wrong"},
            {"client_id": self.public, "client_secret": self.secret},
            {"client_id": "app_none"},
            {},
        ):
            status, said = self.post("/oauth2/token", {**fields, **shown})
            self.assertEqual((status, said["error"]), (401, "invalid_client"), shown)
        self.assertEqual(self.change(code)[0], 200)

    def test_a_code_survives_a_crash_and_so_does_that_it_was_used(self):
        browser = self.signed_in()
        first, verifier = self.ask(browser)["code"], self.verifier
        self.gate.kill_and_restart()
        status, tokens = self.change(first, code_verifier=verifier)
        self.assertEqual(status, 200, tokens)
        self.gate.kill_and_restart()
        self.assertNoGrant(self.change(first, code_verifier=verifier), "used before")

    def test_so_many_codes_of_one_session_are_enough(self):
        browser = self.signed_in()
        said = [self.ask(browser).get("error") for _ in range(125)]
        self.assertIn("temporarily_unavailable", said)
        self.assertIn(None, said[:60])

    # -- refresh tokens -----------------------------------------------------------------------------

    def test_a_refresh_gives_new_tokens_and_the_roles_of_now(self):
        browser = self.signed_in()
        tokens = self.tokens(browser)
        status, again = self.refresh(tokens["refresh_token"])
        self.assertEqual(status, 200, again)
        self.assertNotEqual(again["refresh_token"], tokens["refresh_token"])
        _header, claims = verified(again["id_token"], self.keys())
        self.assertEqual(claims["nonce"], "n-1")
        # At once more: the answer may have been lost.
        status, once_more = self.refresh(tokens["refresh_token"])
        self.assertEqual((status, once_more["refresh_token"]), (200, again["refresh_token"]))

    def test_an_old_refresh_token_ends_all_of_them(self):
        tokens = self.tokens(self.signed_in())
        first = tokens["refresh_token"]
        second = self.refresh(first)[1]["refresh_token"]
        third = self.refresh(second)[1]["refresh_token"]
        self.assertNoGrant(self.refresh(first), "used before")
        self.assertNoGrant(self.refresh(third), "ended")

    def test_a_refresh_token_is_for_its_application(self):
        tokens = self.tokens(self.signed_in())
        fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"],
                  "client_id": self.public}
        self.assertNoGrant(self.post("/oauth2/token", fields), "another application")
        self.assertEqual(self.refresh(tokens["refresh_token"])[0], 200)

    def test_all_ends_with_the_session(self):
        browser = self.signed_in()
        tokens = self.tokens(browser)
        page = browser.post(
            self.gate.url("/logout"), {}, follow=False, initiator=self.gate.base
        )
        self.assertLess(page.status, 400, page.text[:400])
        self.assertNoGrant(self.refresh(tokens["refresh_token"]), "session is over")
        status, _ = self.gate.call("GET", "/session", token=tokens["access_token"])
        self.assertEqual(status, 401)

    def test_revoking_ends_the_tokens_and_leaves_the_session(self):
        browser = self.signed_in()
        tokens = self.tokens(browser)
        client = (self.application, self.secret)
        fields = {"token": tokens["refresh_token"], "client_id": self.public}
        self.assertEqual(self.post("/oauth2/revoke", fields)[0], 200)  # another's: nothing
        refreshed = self.refresh(tokens["refresh_token"])[1]["refresh_token"]
        self.assertEqual(self.post("/oauth2/revoke", {"token": refreshed}, client)[0], 200)
        self.assertNoGrant(self.refresh(refreshed), "ended")
        self.assertIn("code", self.ask(browser))
        status, said = self.post("/oauth2/revoke", {"token": tokens["access_token"]}, client)
        self.assertEqual((status, said["error"]), (400, "unsupported_token_type"))
        status, said = self.post("/oauth2/revoke", {"token": refreshed})
        self.assertEqual((status, said["error"]), (401, "invalid_client"))

    def test_introspection_knows_the_application_s_token(self):
        tokens = self.tokens(self.signed_in())
        status, said = self.post(
            "/oauth2/introspect",
            {"token": tokens["access_token"]},
            headers={"Authorization": "Bearer " + tokens["access_token"]},
        )
        self.assertEqual((status, said["active"]), (200, True))
        self.assertEqual((said["client_id"], said["scope"]), (self.application, tokens["scope"]))

    def test_pages_of_other_sites_may_read_what_no_cookie_opens(self):
        browser = self.signed_in()
        other = "https://console.example"
        for method, path, opened in (
            ("POST", "/oauth2/token", "*"),
            ("POST", "/oauth2/revoke", "*"),
            ("GET", "/.well-known/jwks.json", "*"),
            ("GET", "/.well-known/openid-configuration", "*"),
            ("GET", "/session", None),
            ("GET", "/oauth2/userinfo", None),
            ("GET", "/api/v1/me", None),
            ("GET", "/", None),
        ):
            fields = b"token=x&grant_type=x" if method == "POST" else None
            page = browser.request(method, self.gate.url(path), fields, False, {"Origin": other})
            self.assertEqual(page.header("access-control-allow-origin"), opened, path)
            self.assertIsNone(page.header("access-control-allow-credentials"))

    def test_the_discovery_document_names_all_of_it(self):
        status, said = self.gate.call("GET", "/.well-known/openid-configuration")
        self.assertEqual(status, 200)
        self.assertEqual(said["authorization_endpoint"], self.gate.url("/oauth2/authorize"))
        self.assertEqual(said["userinfo_endpoint"], self.gate.url("/oauth2/userinfo"))
        self.assertEqual(said["code_challenge_methods_supported"], ["S256"])
        self.assertIs(said["authorization_response_iss_parameter_supported"], True)
        self.assertIn("authorization_code", said["grant_types_supported"])

