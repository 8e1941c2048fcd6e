# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications sign people in by OAuth's code flow: the browser's way there and back, and what is refused on it.

Owns: the authorization endpoint from outside, by the words of its RFCs. Never: what the tokens are good for (test_code_tokens),
the rows of the registry (test_applications).
"""

import json
from urllib.parse import parse_qs, urlsplit

from browser import Browser
from case import DOMAIN, TENANT
from codeflow import BACK, CodeFlowCase
from harness import post_response, read_request
from jwt import verified


class CodeFlowTest(CodeFlowCase):
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
        page = Browser().get(self.gate.url("/password" + link))
        link = page.html.split('href="/login', 1)[1].split('"', 1)[0]
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
        self.assertTrue(page.location.startswith(self.connection.login_url + "?"), page.location)
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
        page = browser.submit(page.form("client_id"), follow=False)  # it may be anybody's program
        self.assertEqual(page.status, 303, page.text[:600])
        code = parse_qs(urlsplit(page.location).query)["code"][0]
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back,
                  "code_verifier": self.verifier, "client_id": self.public}
        status, tokens = self.post("/oauth2/token", fields)
        self.assertEqual(status, 200, tokens)
