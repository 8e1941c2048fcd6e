# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins that must succeed, and what their people and programs get: roles, session, tokens."""

import json
import unittest
from urllib.parse import urlencode

from browser import Browser
from case import DOMAIN, SESSION_FIELDS, TENANT, ForgedIdp, GateCase
from forge import idp_metadata
from harness import begin, post_response
from jwt import verified
from spmetadata import certificates
from oracle import LassoProvider, xmlsec1

CLAIMS = {
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "jti",
    "client_id",
    "sid",
    "auth_time",
    "amr",
    "acr",
    "tenant",
    "roles",
    "rv",
    "scope",
}


class LoginTest(GateCase):
    def test_each_way_of_signing_is_accepted_here_and_by_xmlsec1_and_lasso(self):
        metadata = self.gate.metadata(self.connection).html
        trust = idp_metadata(self.idp.entity_id, self.idp.sso_url, [self.idp.key.base64])
        lasso = LassoProvider(metadata, trust)
        for sign in ("assertion", "response", "both"):
            with self.subTest(sign=sign):
                browser = Browser()
                request = begin(browser, self.connection)
                message = self.idp.response(self.connection, request, sign=sign)
                for place in ("assertion", "response"):
                    expected = sign in (place, "both")
                    self.assertEqual(xmlsec1(message.xml(), self.idp.key.pem, place), expected)
                self.assertEqual(lasso.accepts(message.base64()), (True, "ada@acme.example"))
                page = post_response(browser, self.connection, message.xml(), request.relay_state)
                answer = self.assertSignedIn(page)
                self.assertEqual(answer["user"]["email"], "ada@acme.example")

    def test_each_algorithm_that_is_allowed_is_accepted(self):
        for kind, algorithm, digest in (
            ("rsa", "rsa-sha384", "sha384"),
            ("rsa", "rsa-sha512", "sha512"),
            ("p256", "ecdsa-sha256", "sha256"),
            ("p384", "ecdsa-sha384", "sha384"),
            ("p521", "ecdsa-sha512", "sha512"),
        ):
            with self.subTest(kind=kind, algorithm=algorithm):
                idp = ForgedIdp(f"{kind}-{digest}", kind=kind)
                connection = self.gate.make_connection(TENANT, f"{kind}-{digest}", idp.fields)
                browser = Browser()
                request = begin(browser, connection)
                name = f"{kind}.{digest}@{DOMAIN}"  # a person of this connection only
                xml = idp.response(
                    connection, request, sig_alg=algorithm, digest=digest, name_id=name
                ).xml()
                self.assertSignedIn(post_response(browser, connection, xml, request.relay_state))

    def test_what_must_be_signed_is_the_connection_s_policy(self):
        connection = self.gate.make_connection(TENANT, "acme-want", self.idp.fields)
        for want, accepted in (
            ("either", {"assertion", "response", "both"}),
            ("assertion", {"assertion", "both"}),
            ("response", {"response", "both"}),
            ("both", {"both"}),
        ):
            self.gate.api("PUT", f"/connections/{connection.slug}/policy", {"want": want})
            for sign in ("assertion", "response", "both", "none"):
                with self.subTest(want=want, sign=sign):
                    name = f"want@{DOMAIN}"
                    page = self.log_in(connection=connection, sign=sign, name_id=name)
                    if sign in accepted:
                        self.assertSignedIn(page)
                    else:
                        self.assertProblem(page, 403, "signature.missing")

    def test_names_and_groups_arrive_with_their_special_characters(self):
        rules = {
            "rules": [{"match": "exact", "value": 'R&D <"core"> é', "roles": ["compliance"]}],
            "default_role": None,
            "mode": "authoritative",
        }
        connection = self.gate.make_connection(TENANT, "acme-odd", self.idp.fields, rules)
        page = self.log_in(
            connection=connection, name_id=f"o'hara@{DOMAIN}", groups=('R&D <"core"> é', "x")
        )
        self.assertEqual(self.assertSignedIn(page)["roles"], ["compliance"])

    def test_the_e_mail_may_come_as_an_attribute(self):
        page = self.log_in(
            name_id="8f1c9a", name_id_format=None, attributes={"email": [f"hedy@{DOMAIN}"]}
        )
        user = self.assertSignedIn(page)["user"]
        self.assertEqual(user["email"], f"hedy@{DOMAIN}")
        self.assertEqual(user["name_id"], "8f1c9a")

    def test_an_encrypted_assertion_is_accepted_and_one_for_another_key_is_not(self):
        certificate = certificates(self.gate.metadata(self.connection).body, "encryption")[0]
        for sign in ("assertion", "response", "both"):
            with self.subTest(sign=sign):
                self.assertSignedIn(self.log_in(sign=sign, encrypt_to=certificate))
        foreign = ForgedIdp("other").key.certificate
        page = self.log_in(sign="both", encrypt_to=foreign)
        self.assertProblem(page, 403, "encryption.failed", "encryption.no_key")

    def test_metadata_as_xml_sets_up_a_connection(self):
        idp = ForgedIdp("by-xml")
        text = idp_metadata(idp.entity_id, idp.sso_url, [idp.key.base64], idp.slo_url)
        connection = self.gate.make_connection(TENANT, "acme-xml", {"metadata_xml": text})
        browser = Browser()
        request = begin(browser, connection)
        self.assertEqual(request.url, idp.sso_url)
        xml = idp.response(connection, request, name_id=f"xml@{DOMAIN}").xml()
        self.assertSignedIn(post_response(browser, connection, xml, request.relay_state))

    def test_an_unsolicited_response_is_accepted_where_the_policy_says_so(self):
        connection = self.gate.make_connection(
            TENANT, "acme-tile", self.idp.fields, unsolicited=True
        )
        for relay, lands in (
            ("/reports?x=1", "/reports?x=1"),
            ("https://evil.example/", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example", "/"),
            (None, "/"),
        ):
            with self.subTest(relay=relay):
                xml = self.idp.response(connection, name_id=f"tile@{DOMAIN}").xml()
                page = post_response(Browser(), connection, xml, relay, as_json=False)
                self.assertEqual(page.status, 303, page.text[:600])
                self.assertEqual(page.location, self.gate.url(lands))


class RolesTest(GateCase):
    def roles(self, name, *groups):
        page = self.log_in(name_id=f"{name}@{DOMAIN}", groups=groups)
        return set(self.assertSignedIn(page)["roles"])

    def user(self, name):
        found = self.gate.api("GET", f"/tenants/{TENANT}/users?q={name}")["items"]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_rules_map_groups_to_roles_and_the_default_fills_the_gap(self):
        self.assertEqual(self.roles("a1", "platform-admins"), {"admin"})
        self.assertEqual(self.roles("a2", "cdp-audience-emea"), {"audiences_only"})
        self.assertEqual(
            self.roles("a3", "platform-admins", "cdp-audience-x"), {"admin", "audiences_only"}
        )
        self.assertEqual(self.roles("a4", "Platform-Admins-2", "x-cdp-audience"), {"read_only"})
        self.assertEqual(self.roles("a5"), {"read_only"})

    def test_a_group_that_is_gone_takes_its_role_away(self):
        self.assertEqual(self.roles("b1", "platform-admins"), {"admin"})
        self.assertEqual(self.roles("b1", "staff"), {"read_only"})

    def test_the_user_list_says_where_a_role_came_from(self):
        self.roles("c1", "platform-admins")
        user = self.user("c1")
        self.assertEqual(user["email"], f"c1@{DOMAIN}")
        self.assertEqual(user["status"], "active")
        self.assertEqual(
            [(role["role_id"], role["source"]) for role in user["roles"]], [("admin", "sso")]
        )
        self.assertTrue(user["last_visit"])

    def test_the_same_person_is_the_same_user_each_time(self):
        ids = {
            self.assertSignedIn(self.log_in(name_id=f"d1@{DOMAIN}"))["user"]["id"] for _ in range(2)
        }
        self.assertEqual(len(ids), 1)

    def test_permissions_follow_the_roles(self):
        admin = self.assertSignedIn(self.log_in(name_id=f"e1@{DOMAIN}"))
        reader = self.assertSignedIn(self.log_in(name_id=f"e2@{DOMAIN}", groups=()))
        self.assertIn("users:manage", admin["permissions"])
        self.assertNotIn("users:manage", reader["permissions"])
        self.assertIn("audiences:view", reader["permissions"])
        self.assertNotIn("audiences:manage", reader["permissions"])


class SessionTest(GateCase):
    def sign_in(self, return_to=None):
        browser = Browser()
        page = self.log_in(browser, as_json=False, return_to=return_to)
        self.assertEqual(page.status, 303, page.text[:600])
        return browser, page

    def test_a_browser_gets_a_cookie_and_goes_where_it_wanted(self):
        browser, page = self.sign_in("/?tab=roles")
        self.assertEqual(page.location, self.gate.url("/?tab=roles"))
        found = [
            line for line in page.header_all("set-cookie") if line.startswith("__Host-gatehouse=")
        ]
        self.assertEqual(len(found), 1, page.headers)
        parts = {part.strip().lower() for part in found[0].split(";")[1:]}
        self.assertLessEqual({"secure", "httponly", "samesite=lax", "path=/"}, parts)
        self.assertIn("no-store", page.header("cache-control") or "")
        # The cookie of the pending request has done its work.
        self.assertEqual(browser.cookie_names("localhost"), ["__Host-gatehouse"])

    def test_a_foreign_return_to_is_never_followed(self):
        for target in ("https://evil.example/", "//evil.example/", "/\\evil.example", "evil"):
            with self.subTest(return_to=target):
                browser = Browser()
                url = self.connection.login_url + "?" + urlencode({"return_to": target})
                page = browser.get(url, follow=False)
                if page.status >= 400:
                    continue
                _browser, page = self.sign_in(target)
                self.assertEqual(page.location, self.gate.url("/"))

    def test_the_pending_cookie_is_made_for_the_cross_site_post(self):
        page = Browser().get(self.connection.login_url, follow=False)
        found = page.header_all("set-cookie")
        self.assertEqual(len(found), 1, page.headers)
        self.assertTrue(found[0].startswith("__Host-gatehouse-"), found)
        parts = {part.strip().lower() for part in found[0].split(";")[1:]}
        self.assertLessEqual({"secure", "httponly", "samesite=none", "path=/"}, parts)

    def test_session_tells_who_is_signed_in_for_cookie_and_bearer(self):
        browser, _page = self.sign_in()
        page = browser.get(self.gate.url("/session"))
        self.assertEqual(page.status, 200, page.text[:600])
        session = json.loads(page.body)
        self.assertEqual(set(session), SESSION_FIELDS)
        self.assertEqual(session["tenant"], TENANT)
        self.assertEqual(session["connection"], self.connection.slug)
        self.assertEqual(session["user"]["email"], "ada@acme.example")
        self.assertEqual(session["user"]["name_id"], "ada@acme.example")
        self.assertEqual(session["roles"], ["admin"])
        login = self.assertGoodLogin()
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        page = Browser().get(self.gate.url("/session"), headers=bearer)
        self.assertEqual(page.status, 200, page.text[:600])
        self.assertEqual(json.loads(page.body)["session_id"], login["session_id"])

    def test_session_is_401_without_a_cookie_and_with_a_false_one(self):
        url = self.gate.url("/session")
        self.assertEqual(Browser().get(url).status, 401)
        for headers in (
            {"Cookie": "__Host-gatehouse=" + "A" * 43},
            {"Cookie": "__Host-gatehouse="},
            {"Authorization": "Bearer e30.e30.AAAA"},
        ):
            with self.subTest(headers=headers):
                self.assertEqual(Browser().get(url, headers=headers).status, 401)

    def test_the_home_page_shows_who_with_which_roles(self):
        browser, page = self.sign_in()
        page = browser.follow(page)
        self.assertEqual(page.status, 200)
        for word in ("ada@acme.example", TENANT, "admin", "platform-admins"):
            self.assertIn(word, page.text)
        self.assertNotIn("ada@acme.example", Browser().get(self.gate.url("/")).text)

    def test_the_session_survives_a_restart_of_the_gate(self):
        browser, _page = self.sign_in()
        self.gate.restart()
        self.assertEqual(browser.get(self.gate.url("/session")).status, 200)

    def test_login_page_finds_the_connection_by_the_e_mail_s_domain(self):
        browser = Browser()
        page = browser.get(self.gate.url("/login"))
        form = next(form for form in page.forms if "email" in form.fields)
        for address in (f"ada@{DOMAIN}", f"Ada@{DOMAIN.upper()}"):
            with self.subTest(address=address):
                answer = browser.submit(form, email=address, follow=self.idp.sso_url)
                self.assertIn(answer.status, (302, 303), answer.text[:600])
                self.assertTrue(answer.location.startswith(self.idp.sso_url), answer.location)
        answer = browser.submit(form, email="ada@nobody.example", follow=False)
        self.assertNotIn(answer.status, (302, 303))


class TokenTest(GateCase):
    def keys(self):
        page = Browser().get(self.gate.url("/.well-known/jwks.json"))
        self.assertEqual(page.status, 200)
        return json.loads(page.body)

    def introspect(self, token, **headers):
        page = Browser().post(
            self.gate.url("/oauth2/introspect"), {"token": token}, headers=headers
        )
        return page.status, json.loads(page.body) if page.status == 200 else None

    def bearer(self):
        return {"Authorization": f"Bearer {self.gate.token}"}

    def test_the_access_token_verifies_against_the_published_key(self):
        answer = self.assertGoodLogin()
        token = answer["access_token"]
        self.assertLess(len(token), 1024)
        self.assertEqual(answer["token_type"], "Bearer")
        self.assertEqual(answer["expires_in"], 300)
        header, claims = verified(token, self.keys())
        self.assertEqual(header["typ"], "at+jwt")
        self.assertEqual(set(claims), CLAIMS)
        self.assertEqual(claims["iss"], self.gate.base)
        self.assertEqual(claims["sub"], answer["user"]["id"])
        self.assertEqual(claims["sid"], answer["session_id"])
        self.assertEqual(claims["tenant"], TENANT)
        self.assertEqual(claims["roles"], answer["roles"])
        self.assertEqual(claims["exp"] - claims["iat"], 300)
        other = verified(self.assertGoodLogin()["access_token"], self.keys())[1]
        self.assertNotEqual(claims["jti"], other["jti"])

    def test_a_changed_token_does_not_verify(self):
        head, body, signature = self.assertGoodLogin()["access_token"].split(".")
        swapped = body[:10] + ("A" if body[10] != "A" else "B") + body[11:]
        with self.assertRaises(Exception):
            verified(".".join((head, swapped, signature)), self.keys())

    def test_introspection_says_active_and_whose_it_is(self):
        login = self.assertGoodLogin()
        status, answer = self.introspect(login["access_token"], **self.bearer())
        self.assertEqual(status, 200)
        self.assertIs(answer["active"], True)
        self.assertEqual(answer["sub"], login["user"]["id"])
        self.assertEqual(answer["tenant"], TENANT)
        self.assertEqual(self.introspect("e30.e30.AAAA", **self.bearer()), (200, {"active": False}))

    def test_introspection_asks_who_is_asking(self):
        token = self.assertGoodLogin()["access_token"]
        self.assertEqual(self.introspect(token)[0], 401)

    def test_the_discovery_document_names_the_doors(self):
        page = Browser().get(self.gate.url("/.well-known/openid-configuration"))
        self.assertEqual(page.status, 200)
        document = json.loads(page.body)
        self.assertEqual(document["issuer"], self.gate.base)
        self.assertEqual(document["jwks_uri"], self.gate.url("/.well-known/jwks.json"))
        self.assertEqual(document["introspection_endpoint"], self.gate.url("/oauth2/introspect"))

    def test_a_person_s_token_is_not_an_operator_s(self):
        token = self.assertGoodLogin(name_id=f"plain@{DOMAIN}", groups=())["access_token"]
        body = {"slug": "mine", "name": "Mine", "domains": []}
        status, problem = self.gate.call("POST", "/api/v1/tenants", body, token=token)
        self.assertIn(status, (403, 404), problem)


if __name__ == "__main__":
    unittest.main()
