# SPDX-License-Identifier: GPL-3.0-or-later
"""Service users from outside: made by command and by API, signing in by OAuth, rotated, switched off.

Owns: the whole way of a program through the gate. Never: what the unit tests hold row by row.
"""

import base64
import http.client
import json
import time
import unittest
from urllib.parse import urlencode

from harness import Gate
from jwt import verified


TENANT, DOMAIN = "acme", "acme.example"
WITHIN_S = 1.0  # disabling kills in a second


class ServiceUserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = Gate().start()
        cls.gate.make_tenant(TENANT, [DOMAIN])
        cls.ada = cls.gate.api(
            "POST", f"/tenants/{TENANT}/users", {"email": f"ada@{DOMAIN}", "roles": ["admin"]}
        )

    @classmethod
    def tearDownClass(cls):
        cls.gate.stop()

    # -- the steps --------------------------------------------------------------------------

    def form(self, path, fields, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=30)
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        try:
            connection.request("POST", path, urlencode(fields), sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None

    def basic(self, client_id, secret):
        pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def make(self, name, roles=("admin",)):
        return self.gate.api(
            "POST",
            f"/tenants/{TENANT}/service-users",
            {"name": name, "owner": self.ada["id"], "roles": list(roles)},
        )

    def credential(self, service):
        path = f"/tenants/{TENANT}/service-users/{service['id']}/credentials"
        return self.gate.api("POST", path, {})

    def token(self, credential):
        status, answer = self.form(
            "/oauth2/token",
            {"grant_type": "client_credentials"},
            self.basic(credential["client_id"], credential["client_secret"]),
        )
        self.assertEqual(status, 200, answer)
        return answer["access_token"]

    def works(self, token):
        status, _answer = self.gate.call("GET", "/api/v1/me", token=token)
        self.assertIn(status, (200, 401))
        return status == 200

    def assertDies(self, token, how):
        self.assertTrue(self.works(token))
        how()
        end = time.monotonic() + WITHIN_S
        while self.works(token) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertFalse(self.works(token))

    # -- tests --------------------------------------------------------------------------------

    def test_a_program_reads_what_its_roles_allow(self):
        service = self.make("reader")
        token = self.token(self.credential(service))
        status, me = self.gate.call("GET", "/api/v1/me", token=token)
        self.assertEqual((status, me["kind"], me["tenant"]), (200, "service", TENANT))
        status, users = self.gate.call("GET", f"/api/v1/tenants/{TENANT}/users", token=token)
        self.assertEqual(status, 200, users)
        status, _ = self.gate.call("GET", "/api/v1/tenants", token=token)
        self.assertEqual(status, 403)

    def test_an_application_checks_the_token_with_the_public_keys(self):
        service = self.make("checked", ["read_only"])
        credential = self.credential(service)
        token = self.token(credential)
        _status, keys = self.gate.call("GET", "/.well-known/jwks.json")
        header, claims = verified(token, keys)
        self.assertEqual(header["typ"], "at+jwt")
        self.assertEqual(claims["sub"], service["id"])
        self.assertEqual(claims["client_id"], service["id"])
        self.assertEqual(claims["tenant"], TENANT)
        self.assertEqual(claims["roles"], ["read_only"])
        self.assertEqual(claims["credential"], credential["id"])
        self.assertNotIn("sid", claims)
        self.assertEqual(claims["exp"] - claims["iat"], 3600)
        self.assertLess(len(token), 1024)

    def test_the_discovery_document_names_the_doors(self):
        _status, said = self.gate.call("GET", "/.well-known/openid-configuration")
        self.assertEqual(said["token_endpoint"], self.gate.base + "/oauth2/token")
        self.assertEqual(said["revocation_endpoint"], self.gate.base + "/oauth2/revoke")
        self.assertIn("client_credentials", said["grant_types_supported"])
        for name in ("token", "revocation"):
            self.assertEqual(
                said[f"{name}_endpoint_auth_methods_supported"],
                ["client_secret_basic", "client_secret_post", "none"],
            )

    def test_disabling_removing_and_revoking_kill_within_a_second(self):
        path = f"/tenants/{TENANT}/service-users"
        ways = {
            "disable": lambda s, _c: self.gate.api("POST", f"{path}/{s['id']}:disable"),
            "remove": lambda s, _c: self.gate.api("DELETE", f"{path}/{s['id']}"),
            "credential": lambda s, c: self.gate.api(
                "DELETE", f"{path}/{s['id']}/credentials/{c['id']}"
            ),
        }
        for name, way in ways.items():
            with self.subTest(way=name):
                service = self.make(f"dies by {name}")
                credential = self.credential(service)
                token = self.token(credential)
                self.assertDies(token, lambda: way(service, credential))
                status, answer = self.form(
                    "/oauth2/token",
                    {"grant_type": "client_credentials"},
                    self.basic(credential["client_id"], credential["client_secret"]),
                )
                self.assertEqual((status, answer["error"]), (401, "invalid_client"))

    def test_one_token_is_revoked_and_the_other_lives(self):
        credential = self.credential(self.make("revoker"))
        first, second = self.token(credential), self.token(credential)
        shown = {key: credential[key] for key in ("client_id", "client_secret")}
        self.assertDies(first, lambda: self.form("/oauth2/revoke", {"token": first, **shown}))
        self.assertTrue(self.works(second))
        self.gate.kill_and_restart()
        self.assertFalse(self.works(first))
        self.assertTrue(self.works(second))

    def test_rotation_overlaps(self):
        service = self.make("rotated")
        old = self.credential(service)
        new = self.credential(service)
        self.assertTrue(self.works(self.token(old)))
        self.assertTrue(self.works(self.token(new)))
        path = f"/tenants/{TENANT}/service-users/{service['id']}/credentials"
        status, answer = self.gate.call("POST", "/api/v1" + path, {})
        self.assertEqual((status, answer["reason"]), (409, "credential_limit"))
        self.gate.api("DELETE", f"{path}/{old['id']}")
        self.assertTrue(self.works(self.token(new)))

    def test_no_secret_is_at_rest_or_in_the_log(self):
        credential = self.credential(self.make("secretive"))
        self.token(credential)
        secret = credential["client_secret"].encode()
        for name in ("store.mdb", "store.mdb-journal"):
            with open(f"{self.gate.data}/{name}", "rb") as store:
                self.assertNotIn(secret, store.read())
        self.assertNotIn(secret.decode(), self.gate.program.printed(10_000_000))

    def test_last_use_survives_a_restart(self):
        service = self.make("used")
        path = f"/tenants/{TENANT}/service-users/{service['id']}"
        self.assertIsNone(self.gate.api("GET", path)["last_used"])
        credential = self.credential(service)
        self.assertTrue(self.works(self.token(credential)))
        before = self.gate.api("GET", path)
        self.assertIsNotNone(before["last_used"])
        self.gate.restart()
        after = self.gate.api("GET", path)
        self.assertEqual(after["last_used"], before["last_used"])
        self.assertEqual(after["credentials"][0]["last_used"], before["last_used"])
        events = [row["event"] for row in self.gate.api("GET", f"/tenants/{TENANT}/audit")["items"]]
        self.assertIn("token.issued", events)

    def test_wrong_secrets_are_told_apart_from_nothing_and_throttled(self):
        credential = self.credential(self.make("guessed"))
        seen = set()
        for _ in range(45):  # the minute may turn meanwhile
            status, answer = self.form(
                "/oauth2/token",
                {"grant_type": "client_credentials"},
                self.basic(credential["client_id"], "gh_sec_guess"),
            )
            seen.add((status, answer["error"]))
        self.assertEqual(seen, {(401, "invalid_client"), (429, "rate_limited")})

    def test_the_commands_do_the_same(self):
        run = self.gate.must
        run(
            "service-user", "add", TENANT, "by-command", "--owner", f"ada@{DOMAIN}", "--role",
            "read_only", "--description", "made by hand",
        )
        made = json.loads(
            run("service-user", "credential", "add", TENANT, "by-command", "--json").stdout
        )
        token = self.token(made)
        self.assertTrue(self.works(token))
        shown = run("service-user", "show", TENANT, "by-command").stdout
        for word in ("by-command", f"ada@{DOMAIN}", "read_only", made["id"], made["hint"]):
            self.assertIn(word, shown)
        self.assertNotIn(made["client_secret"], shown)
        self.assertIn("by-command", run("service-user", "list", TENANT).stdout)
        run("service-user", "set", TENANT, "by-command", "--role", "user")
        run("service-user", "disable", TENANT, "by-command")
        self.assertFalse(self.works(token))
        run("service-user", "enable", TENANT, "by-command")
        self.assertTrue(self.works(token))
        run("service-user", "credential", "remove", TENANT, "by-command", made["id"])
        self.assertFalse(self.works(token))
        run("service-user", "remove", TENANT, "by-command")
        done = self.gate.run("service-user", "show", TENANT, "by-command")
        self.assertEqual(done.returncode, 3)


if __name__ == "__main__":
    unittest.main()
