# SPDX-License-Identifier: GPL-3.0-or-later
"""What applications get for a code: tokens, what they say and open, and what ends them.

Owns: the token, revocation, introspection and userinfo endpoints for applications. Never: the browser's way (test_code_flow).
"""

import json
import re
import threading
from urllib.parse import urlsplit

from case import DOMAIN, TENANT
from codeflow import BACK, CodeFlowCase
from jwt import verified


class CodeTokensTest(CodeFlowCase):
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
        self.assertEqual(access["aud"], self.application)  # and for nobody else

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
        application = self.register("Admin console", api=True)
        browser = self.signed_in()
        for scope, works, aud in (
            ("openid api", 200, self.gate.base),
            ("openid", 403, application),
        ):
            tokens = self.public_tokens(browser, application, scope)
            self.assertEqual(tokens["scope"], scope)
            _header, claims = verified(tokens["access_token"], self.keys())
            self.assertEqual(claims["aud"], aud)
            for path in ("/api/v1/me", "/session"):
                status, _ = self.gate.call("GET", path, token=tokens["access_token"])
                self.assertEqual(status, works, (scope, path))

    def test_what_it_does_by_the_api_names_it_in_the_audit_log(self):
        application = self.register("Role maker", api=True)
        token = self.public_tokens(self.signed_in(), application, "api")["access_token"]
        body = {"email": f"by.app@{DOMAIN}", "roles": ["read_only"]}
        status, said = self.gate.call("POST", f"/api/v1/tenants/{TENANT}/users", body, token)
        self.assertEqual(status, 201, said)
        row = self.gate.api("GET", f"/tenants/{TENANT}/audit?target={said['id']}")["items"][-1]
        self.assertTrue(row["session"].endswith(f" by {application}"), row)

    def test_the_api_that_is_taken_from_an_application_is_taken_from_its_tokens(self):
        application = self.register("Once an admin console", api=True)
        tokens = self.public_tokens(self.signed_in(), application, "openid api")
        self.gate.api("PUT", f"/applications/{application}", {"api": False})
        status, said = self.gate.call("GET", "/api/v1/me", token=tokens["access_token"])
        self.assertEqual((status, said["reason"]), (403, "insufficient_scope"))
        status, again = self.public_refresh(application, tokens["refresh_token"])
        self.assertEqual((status, again["scope"]), (200, "openid"))
        self.gate.api("PUT", f"/applications/{application}", {"api": True})
        status, again = self.public_refresh(application, again["refresh_token"])
        self.assertEqual((status, again["scope"]), (200, "openid api"))

    def test_what_ends_an_application_ends_its_access_tokens(self):
        self.gate.api(
            "POST", "/tenants", {"slug": "elsewhere", "name": "Elsewhere", "domains": []}
        )
        for name, body in (
            ("disabled", {"disabled": True}),
            ("elsewhere", {"tenants": ["elsewhere"]}),
            ("removed", None),
        ):
            with self.subTest(name):
                application = self.register(f"To be {name}", api=True)
                token = self.public_tokens(self.signed_in(), application, "openid api")[
                    "access_token"
                ]
                self.assertEqual(self.gate.call("GET", "/api/v1/me", token=token)[0], 200)
                self.gate.api(
                    "PUT" if body else "DELETE", f"/applications/{application}", body
                )
                for path in ("/api/v1/me", "/session", "/oauth2/userinfo"):
                    self.assertEqual(self.gate.call("GET", path, token=token)[0], 401, path)
                self.assertEqual(self.introspect(token, self.gate.token), {"active": False})

    def test_no_door_opens_for_an_application_but_its_own(self):
        """Each operation of the API document, with a token that has no scope at all."""
        tokens = self.tokens(self.signed_in(), scope=None)
        token = tokens["access_token"]
        document = self.gate.api("GET", "/openapi.json")
        opened, count = set(), 0
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method not in ("get", "post", "put", "patch", "delete"):
                    continue
                count += 1
                target = re.sub(r"\{[^}]*\}", "none", path)
                status = self.raw(method.upper(), target, token).status
                if operation["x-access"] != "public" and status not in (401, 403):
                    opened.add((operation["operationId"], status))
        self.assertGreater(count, 150)
        self.assertEqual(opened, {("introspect", 422)})
        # And where a door is everybody's, it makes nobody of its bearer.
        for method, path in (
            ("GET", "/"),
            ("GET", "/logout"),
            ("POST", "/logout"),
            ("GET", "/password/change"),
            ("POST", "/password/change"),
            ("GET", "/second-factor/setup"),
            ("POST", "/second-factor/setup"),
        ):
            page = self.raw(method, path, token)
            told = page.status == 303 and urlsplit(page.location).path == "/password"
            self.assertTrue(page.status == 403 or told, (method, path, page.status))
        self.assertEqual(self.refresh(tokens["refresh_token"])[0], 200)  # the session is there

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
        first = said.index("temporarily_unavailable")
        self.assertGreaterEqual(first, 60)
        self.assertEqual(set(said[:first]), {None})

    # -- refresh tokens -----------------------------------------------------------------------------

    def test_a_refresh_gives_new_tokens_and_the_roles_of_now(self):
        browser = self.signed_in()
        tokens = self.tokens(browser)
        status, again = self.refresh(tokens["refresh_token"])
        self.assertEqual(status, 200, again)
        self.assertNotEqual(again["refresh_token"], tokens["refresh_token"])
        _header, claims = verified(again["id_token"], self.keys())
        self.assertNotIn("nonce", claims)  # OpenID Connect Core section 12.2
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
        status, _ = self.gate.call("GET", "/oauth2/userinfo", token=tokens["access_token"])
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
        status, _ = self.gate.call("GET", "/oauth2/userinfo", token=tokens["access_token"])
        self.assertEqual(status, 401)
        self.assertIn("code", self.ask(browser))
        rows = self.gate.api("GET", f"/tenants/{TENANT}/audit?event=token.revoked")["items"]
        self.assertEqual((rows[0]["actor"], rows[0]["actor_kind"]), (self.application, "service"))

    def test_an_access_token_is_revoked_by_its_application_alone(self):
        browser = self.signed_in()
        tokens = self.tokens(browser)
        client, token = (self.application, self.secret), {"token": tokens["access_token"]}
        status, said = self.post("/oauth2/revoke", token)
        self.assertEqual((status, said["error"]), (401, "invalid_client"))
        status, said = self.post("/oauth2/revoke", {**token, "client_id": self.public})
        self.assertEqual((status, said["error"]), (400, "unauthorized_client"))
        status, _ = self.gate.call("GET", "/oauth2/userinfo", token=token["token"])
        self.assertEqual(status, 200)
        for shown in (token, token, {"token": "x"}, {"token": "x.y.z"}):
            self.assertEqual(self.post("/oauth2/revoke", shown, client)[0], 200)
        self.assertNoGrant(self.refresh(tokens["refresh_token"]), "ended")
        status, _ = self.gate.call("GET", "/oauth2/userinfo", token=token["token"])
        self.assertEqual(status, 401)
        self.assertIn("code", self.ask(browser))
        status, said = self.post("/oauth2/revoke", token, (self.application, "gh_sec_wrong"))
        self.assertEqual((status, said["error"]), (401, "invalid_client"))

    def test_an_application_learns_about_its_own_token_and_no_other(self):
        browser = self.signed_in()
        tokens = self.tokens(browser)
        own = tokens["access_token"]
        for caller in (own, self.gate.token):
            said = self.introspect(own, caller)
            self.assertIs(said["active"], True)
            self.assertEqual(said["client_id"], self.application)
            self.assertEqual((said["scope"], said["aud"]), (tokens["scope"], self.application))
            self.assertEqual(said["roles"], ["admin"])  # who may see all of the tenant's people
        for other in (
            self.public_tokens(browser, self.register("Neighbour"))["access_token"],
            json.loads(self.log_in().body)["access_token"],
        ):
            self.assertEqual(self.introspect(other, own), {"active": False})

    def test_two_refreshes_at_once_are_no_thief(self):
        tokens = self.tokens(self.signed_in())
        shown = tokens["refresh_token"]
        for _ in range(60):
            answers = [None, None]

            def ask(i, token=shown, into=answers):
                into[i] = self.refresh(token)

            threads = [threading.Thread(target=ask, args=(i,)) for i in (0, 1)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([status for status, _ in answers], [200, 200], answers)
            following = {said["refresh_token"] for _, said in answers}
            self.assertEqual(len(following), 1)
            shown = following.pop()

    def test_a_stolen_code_ends_the_access_tokens_and_is_told_once(self):
        code = self.ask(self.signed_in())["code"]
        status, tokens = self.change(code)
        self.assertEqual(status, 200)
        address = f"/tenants/{TENANT}/audit?event=token.replayed"
        before = len(self.gate.api("GET", address)["items"])
        self.assertNoGrant(self.change(code, code_verifier="x" * 43), "used before")
        status, _ = self.gate.call("GET", "/oauth2/userinfo", token=tokens["access_token"])
        self.assertEqual(status, 200)  # who has no verifier ends nothing
        for _ in range(5):
            self.assertNoGrant(self.change(code), "used before")
        status, _ = self.gate.call("GET", "/oauth2/userinfo", token=tokens["access_token"])
        self.assertEqual(status, 401)
        self.assertEqual(len(self.gate.api("GET", address)["items"]), before + 1)

    def test_nobody_is_locked_out_of_an_application_that_has_no_secret(self):
        application = self.register("Without a secret")
        fields = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": application}
        for _ in range(30):
            self.post("/oauth2/token", {**fields, "client_secret": "gh_sec_guess"})
        self.assertNoGrant(self.post("/oauth2/token", fields), "this gate")

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
