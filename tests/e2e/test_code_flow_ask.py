# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application asks of the authorization endpoint: a new sign-in, a recent one, that of a certain person; what is too long
or no request at all; and that who cannot show who it is signs nobody in without asking.

Owns: the way from the application to the gate and back. Never: the tokens (test_code_flow).
"""

import base64
import datetime
import http.client
import json
import time
from urllib.parse import urlencode, urlsplit

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from codeflow import BACK, CodeFlowCase, query_of
from harness import post_response, read_request
from test_password import GOOD, PasswordCase, totp

LOOPBACK = "http://127.0.0.1:49152/cb"
SCHEME = "com.example.phone:/cb"


class AskCase(CodeFlowCase):
    scope, nonce = "openid", None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.register("Reports", confidential=True)
        cls.page = cls.register("Page")
        cls.phone = cls.register("Phone <1>", redirect_uris=["http://127.0.0.1/cb", SCHEME])
        path = f"/applications/{cls.other}/secrets"
        cls.secrets = {
            cls.application: cls.secret,
            cls.other: cls.gate.api("POST", path, {})["client_secret"],
        }

    def tokens_of(self, code, client=None, back=BACK):
        """The tokens for a code, of any of the applications."""
        client = client or self.application
        fields = {"redirect_uri": back, "client_id": client}
        if client in self.secrets:
            fields["client_secret"] = self.secrets[client]
        status, tokens = self.change(code, client=None, **fields)
        self.assertEqual(status, 200, tokens)
        return tokens

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


class NewSignInTest(AskCase):
    def test_without_a_connection_the_session_s_own_is_asked_for_a_new_one(self):
        browser = self.signed_in()
        page = browser.get(self.url(prompt="login"), follow=False)
        request = self.at_the_provider(browser, page, forced=True)
        # Without the sign-in nothing is gained by coming back.
        back = query_of(page.location)["return_to"]
        self.at_the_provider(browser, browser.get(self.gate.url(back), follow=False), forced=True)
        self.assertIn("code", self.answer(self.come_back(browser, request)))

    def test_the_page_that_asks_for_the_address_hands_it_on(self):
        browser = Browser()
        form = browser.get(self.url(prompt="login")).form("email")
        self.assertEqual(form.fields["force_authn"], "true")
        again = browser.submit(form, email="no address")
        self.assertEqual(again.status, 422)
        page = browser.submit(again.form("email"), follow=False, email=f"ada@{DOMAIN}")
        self.assertEqual(page.status, 303)
        request = self.at_the_provider(browser, page, forced=True)
        self.assertIn("code", self.answer(self.come_back(browser, request)))

    def test_nobody_is_asked_for_a_new_sign_in_unless_an_application_is(self):
        browser = Browser()
        form = browser.get(self.url()).form("email")
        self.assertNotIn("force_authn", form.fields)
        page = browser.submit(form, follow=False, email=f"ada@{DOMAIN}")
        self.at_the_provider(browser, page, forced=False)

    def test_an_address_of_no_connection_is_somebody_else_s_way_in(self):
        page = self.signed_in().get(self.url(prompt="login", login_hint="eve@nowhere.example"))
        form = page.form("email")
        self.assertEqual(form.fields["email"], "eve@nowhere.example")
        self.assertEqual(form.fields["force_authn"], "true")

    def test_a_hint_that_is_no_address_is_passed_over(self):
        for hint in ("ada", "=" * 5000):
            page = Browser().get(self.url(login_hint=hint))
            self.assertEqual((page.status, page.url.split("?")[0]), (200, self.gate.url("/login")))


class MaxAgeTest(AskCase):
    def test_who_is_not_signed_in_needs_a_recent_sign_in_too(self):
        browser = Browser()
        page = browser.get(self.url(max_age="60", login_hint=f"ada@{DOMAIN}"), follow=False)
        request = self.at_the_provider(browser, page, forced=False)
        # The provider took a session of its own for it.
        page = self.come_back(browser, request, authn_instant=-600)
        self.assertEqual(page.status, 302)
        request = self.at_the_provider(browser, page, forced=True)
        # And does so again: that is its right, and auth_time says it.
        answer = self.answer(self.come_back(browser, request, authn_instant=-600))
        token = self.tokens_of(answer["code"])["id_token"]
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        self.assertLess(claims["auth_time"], time.time() - 500)

    def test_a_recent_sign_in_passes_at_once(self):
        browser = Browser()
        page = browser.get(self.url(max_age="60", login_hint=f"ada@{DOMAIN}"), follow=False)
        request = self.at_the_provider(browser, page, forced=False)
        self.assertIn("code", self.answer(self.come_back(browser, request)))

    def test_an_old_session_has_to_sign_in_anew(self):
        browser = self.signed_in(authn_instant=-600)
        self.assertIn("code", self.ask(browser, max_age="3600"))
        page = browser.get(self.url(max_age="300"), follow=False)
        self.at_the_provider(browser, page, forced=True)
        answer = self.ask(browser, max_age="300", prompt="none")
        self.assertEqual(answer["error"], "login_required")

    def test_what_is_no_number_of_seconds_is_refused(self):
        browser = self.signed_in(authn_instant=-600)
        for said in ("-1", "x", "1.5", "1e3", " 5", "+5", "0x10", "060", "9" * 30):
            with self.subTest(said):
                answer = self.ask(browser, max_age=said)
                self.assertEqual((answer["error"], answer["state"]), ("invalid_request", "s-1&=?"))
                self.assertEqual(self.ask(Browser(), max_age=said)["error"], "invalid_request")
        for said in ("", "99999999999", "9223372036854775"):  # without a value: left out
            self.assertIn("code", self.ask(browser, max_age=said), said)

    def test_a_session_of_the_same_moment_is_no_new_one(self):
        browser = self.signed_in()
        ends = json.loads(browser.get(self.gate.url("/session")).body)["expires_at"]
        hours = datetime.timedelta(hours=8)  # of a session
        began = round((datetime.datetime.fromisoformat(ends) - hours).timestamp() * 1000)
        page = browser.get(self.url(since=str(began)), follow=False)
        self.at_the_provider(browser, page, forced=True)
        self.assertIn("code", self.ask(browser, since=str(began - 1)))

    def test_no_age_is_none_whatever_the_provider_s_clock_says(self):
        browser = self.signed_in(authn_instant=20)
        page = browser.get(self.url(max_age="0"), follow=False)
        request = self.at_the_provider(browser, page, forced=True)
        self.assertIn("code", self.answer(self.come_back(browser, request, authn_instant=20)))

    def test_since_by_hand_skips_no_new_sign_in_and_ends_with_one(self):
        browser = self.signed_in()
        self.assertIn("code", self.ask(browser, since="0"))
        page = browser.get(self.url(since="0", prompt="login"), follow=False)
        self.at_the_provider(browser, page, forced=True)
        page = browser.get(self.url(since="9" * 18), follow=False)
        request = self.at_the_provider(browser, page, forced=True)
        self.assertIn("code", self.answer(self.come_back(browser, request)))
        for junk in ("x", "-1", "9" * 30):
            for fields in ({}, {"prompt": "login"}, {"max_age": "0"}):
                answer = self.ask(browser, since=junk, **fields)
                self.assertEqual(answer["error"], "invalid_request", (junk, fields))

    def test_since_far_ahead_ends_for_who_is_not_signed_in(self):
        browser = Browser()
        page = browser.get(self.url(since="9" * 18, login_hint=f"ada@{DOMAIN}"), follow=False)
        page = self.come_back(browser, self.at_the_provider(browser, page, forced=False))
        page = self.come_back(browser, self.at_the_provider(browser, page, forced=True))
        self.assertIn("code", self.answer(page))


class ConfirmTest(AskCase):
    """An application that cannot show who it is (RFC 8252 section 8.6)."""

    def native(self, **fields):
        return self.url(client_id=self.phone, **{"redirect_uri": LOOPBACK, **fields})

    def test_a_native_application_may_listen_on_any_port(self):
        browser = self.signed_in()
        page = browser.get(self.native(), follow=False)
        self.assertEqual(page.status, 200)
        page = browser.submit(page.form("client_id"), follow=False)
        code = self.answer(page, LOOPBACK, 303)["code"]
        self.assertIn("access_token", self.tokens_of(code, self.phone, LOOPBACK))

    def test_the_page_says_who_asks_and_as_whom(self):
        for back in (LOOPBACK, SCHEME):
            page = self.signed_in().get(self.native(redirect_uri=back), follow=False)
            self.assertEqual(page.status, 200)
            self.assertIn("<h1>Sign in to Phone &lt;1&gt;?</h1>", page.html)
            for words in (f"ada@{DOMAIN}", f"tenant {TENANT}", "only if you have just started"):
                self.assertIn(words, page.text)
            self.assertEqual(page.header("cache-control"), "no-store")
            policy = page.header("content-security-policy")
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("form-action", policy)  # it ends at the application
            self.assertNotIn("<script", page.html)
            self.assertFalse(page.header_all("set-cookie"))

    def test_who_did_not_start_it_says_no(self):
        page = self.signed_in().get(self.native(), follow=False)
        link = page.html.split(f'<a href="{LOOPBACK}', 1)[1].split('"', 1)[0].replace("&amp;", "&")
        answer = query_of(LOOPBACK + link)
        self.assertEqual((answer["error"], answer["state"]), ("access_denied", "s-1&=?"))
        self.assertEqual(answer["iss"], self.gate.base)

    def test_each_time_and_never_silently(self):
        browser = self.signed_in()
        browser.submit(browser.get(self.native(), follow=False).form("client_id"), follow=False)
        self.assertEqual(browser.get(self.native(), follow=False).status, 200)
        answer = self.answer(browser.get(self.native(prompt="none"), follow=False), LOOPBACK)
        self.assertEqual(answer["error"], "interaction_required")
        answer = self.answer(Browser().get(self.native(prompt="none"), follow=False), LOOPBACK)
        self.assertEqual(answer["error"], "login_required")

    def test_also_after_a_sign_in(self):
        browser = Browser()
        page = browser.get(self.native(login_hint=f"ada@{DOMAIN}", nonce="n-1"), follow=False)
        page = self.come_back(browser, self.at_the_provider(browser, page, forced=False))
        self.assertEqual(page.status, 200)
        self.assertEqual(page.form("client_id").fields["nonce"], "n-1")

    def test_what_is_at_an_https_address_or_has_a_secret_is_known(self):
        browser = self.signed_in()
        self.assertIn("code", self.ask(browser, client_id=self.page))
        keeper = self.register("Keeper", confidential=True, redirect_uris=[LOOPBACK])
        self.assertIn("code", self.ask(browser, client_id=keeper, redirect_uri=LOOPBACK))

    def test_it_asks_again_when_somebody_else_is_signed_in_by_now(self):
        browser = self.signed_in()
        form = browser.get(self.native(), follow=False).form("client_id")
        for changes in ({"confirmed": None}, {"confirmed": ""}, {"confirmed": "ses_other"}):
            page = browser.submit(form, False, **changes)
            self.assertEqual(page.status, 200, changes)
        self.log_in(browser, as_json=False, name_id=f"eve@{DOMAIN}")
        page = browser.submit(form, follow=False)
        self.assertEqual(page.status, 200)
        self.assertIn(f"eve@{DOMAIN}", page.text)
        page = browser.submit(page.form("client_id"), follow=False)
        self.assertIn("code", self.answer(page, LOOPBACK, 303))

    def test_the_form_of_another_site_signs_nobody_in(self):
        browser = self.signed_in()
        form = browser.get(self.native(), follow=False).form("client_id")
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                        {"Origin": "https://evil.example"}, {"Origin": "null"}):
            page = browser.submit(form, False, headers)
            self.assertEqual(page.status, 403, headers)
            self.assertIn("cross_site", page.text)
            self.assertIsNone(page.header("location"))

    def test_what_is_posted_is_looked_at_as_what_is_got(self):
        browser = self.signed_in()
        form = browser.get(self.native(), follow=False).form("client_id")
        page = browser.submit(form, False, redirect_uri="https://evil.example/")
        self.assertEqual(page.status, 400)
        self.assertIn("application.redirect_uri", page.text)
        page = browser.submit(form, False, code_challenge=None)
        self.assertEqual(self.answer(page, LOOPBACK, 303)["error"], "invalid_request")
        # The session ended meanwhile: a sign-in, and then the page once more.
        page = Browser().submit(form, False)
        self.assertEqual((page.status, urlsplit(page.location).path), (303, "/login"))
        browser = self.signed_in(authn_instant=-600)
        page = browser.submit(form, False, max_age="300")
        self.assertEqual(page.status, 303)
        self.at_the_provider(browser, page, forced=True)

    def test_an_application_of_another_tenant_is_told_so_at_once(self):
        self.gate.make_tenant("umbrella", ["umbrella.example"])
        foreign = self.register("Foreign", tenants=["umbrella"], redirect_uris=[LOOPBACK])
        answer = self.ask(self.signed_in(), client_id=foreign, redirect_uri=LOOPBACK)
        self.assertEqual(answer["error"], "access_denied")


class WrongTest(AskCase):
    def test_what_is_too_long_to_come_back_to_is_so_for_everybody(self):
        for browser in (Browser(), self.signed_in()):
            for fields in ({"state": "=" * 700}, {"scope": "openid " + "x" * 9000},
                           {"nonce": "&" * 512, "state": "s" * 600}, {"connection": "c" * 3000}):
                answer = self.ask(browser, **fields)
                self.assertEqual(answer["error"], "invalid_request", fields)
                self.assertIn("too long to come back", answer["error_description"])
                self.assertEqual(answer["state"], fields.get("state", "s-1&=?"))
        self.assertIn("code", self.ask(self.signed_in(), state="s" * 1024, nonce="n" * 512))

    def test_a_state_that_is_too_long_is_not_given_back(self):
        for browser in (Browser(), self.signed_in()):
            for state in ("s" * 1025, "=" * 4000):
                answer = self.ask(browser, state=state)
                self.assertEqual(answer["error"], "invalid_request")
                self.assertEqual(answer["error_description"], "state is too long")
                self.assertNotIn("state", answer)

    def test_a_challenge_is_that_of_a_sha_256(self):
        good = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
        browser = self.signed_in()
        self.assertIn("code", self.ask(browser, code_challenge=good))
        for bad in ("!" * 43, good[:-1] + "B", good + "=", good[:-1], good + "A", " " + good[1:],
                    good[:-1] + "+", ""):
            answer = self.ask(browser, code_challenge=bad)
            self.assertEqual(answer["error"], "invalid_request", bad)
            self.assertIn("PKCE", answer["error_description"])

    def test_a_parameter_without_a_value_was_left_out(self):
        answer = self.ask(self.signed_in(), state="", nonce="", prompt="", id_token_hint="",
                          response_mode="", request="")
        self.assertEqual(set(answer), {"code", "iss"})


class HeadTest(AskCase):
    def head(self, browser, url):
        page = browser.request("HEAD", url, None, False)
        self.assertEqual(page.body, b"")
        return page

    def test_asking_what_there_is_makes_no_code(self):
        browser = self.signed_in()
        for _ in range(70):  # more than a session may have of codes
            page = self.head(browser, self.url())
            self.assertEqual((page.status, page.header("location")), (200, None))
        self.tokens_of(self.ask(browser)["code"])
        self.assertEqual(self.head(browser, self.url(prompt="login")).status, 302)
        self.assertEqual(self.head(Browser(), self.url()).status, 302)


class HintTest(AskCase):
    def token_of(self, browser, client=None):
        answer = self.ask(browser, client_id=client or self.application)
        return self.tokens_of(answer["code"], client)["id_token"]

    def test_who_is_expected_comes_back_at_once(self):
        browser = self.signed_in()
        token = self.token_of(browser)
        self.assertIn("code", self.ask(browser, id_token_hint=token))
        self.assertIn("code", self.ask(browser, id_token_hint=token, prompt="none"))
        other = self.signed_in()  # another session of the same person
        self.assertIn("code", self.ask(other, id_token_hint=token, prompt="none"))

    def test_anybody_else_signs_in(self):
        eve = self.token_of(self.signed_in(name_id=f"eve@{DOMAIN}"))
        browser = self.signed_in()
        mine = self.token_of(browser)
        reports = self.token_of(browser, self.other)
        access = json.loads(self.log_in().body)["access_token"]
        for hint in (eve, reports, access, mine[:-4] + "AAAA", "junk", "a.b.c", "a=.b=.c=", "x" * 5000):
            with self.subTest(hint[:40]):
                answer = self.ask(browser, id_token_hint=hint, prompt="none")
                self.assertEqual(answer["error"], "login_required")
                page = browser.get(self.url(id_token_hint=hint), follow=False)
                self.assertEqual(urlsplit(page.location).path, "/login")
                self.assertEqual(query_of(page.location)["force_authn"], "true")
                self.assertNotIn("id_token_hint", page.location)
        # It is asked once: who comes back is who signed in.
        page = browser.get(
            self.url(id_token_hint=eve, login_hint=f"eve@{DOMAIN}"), follow=False
        )
        request = self.at_the_provider(browser, page, forced=True)
        back = self.gate.url(query_of(page.location)["return_to"])
        self.assertEqual(browser.get(back, follow=False).status, 302)  # not without a sign-in
        self.assertNotIn("code", query_of(browser.get(back, follow=False).location))
        page = self.come_back(browser, request, name_id=f"eve@{DOMAIN}")
        self.assertIn("code", self.answer(page))

    def test_with_nobody_signed_in_it_changes_nothing(self):
        page = Browser().get(self.url(id_token_hint="junk"), follow=False)
        self.assertEqual(urlsplit(page.location).path, "/login")
        self.assertNotIn("force_authn", query_of(page.location))


class DiscoveryTest(AskCase):
    def test_it_names_what_is_told_and_asked(self):
        _status, said = self.gate.call("GET", "/.well-known/openid-configuration")
        self.assertLessEqual({"name", "given_name", "family_name"}, set(said["claims_supported"]))
        self.assertEqual(said["prompt_values_supported"], ["none", "login"])

    def test_a_token_without_the_scope_is_told_so(self):
        token = self.tokens_of(self.ask(self.signed_in())["code"])["access_token"]
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=30)
        connection.request("GET", "/api/v1/me", headers={"Authorization": "Bearer " + token})
        answer = connection.getresponse()
        connection.close()
        self.assertEqual(answer.status, 403)
        self.assertEqual(answer.getheader("WWW-Authenticate"), 'Bearer error="insufficient_scope"')


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
