# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications from outside: registered, changed and given secrets by API and by command.

Owns: the registry as operators use it, on a real gate. Never: how people sign in to an application,
and what the unit tests hold row by row.
"""

import json
import unittest

from harness import Gate

TENANT, OTHER = "acme", "umbrella"
CALLBACK = "https://portal.example/signed-in"
MEMBERS = {
    "id", "client_id", "name", "redirect_uris", "confidential", "api", "disabled", "tenants",
    "secrets", "created_by", "created_at", "updated_at",
}
REFUSED, WRONG_USE = 3, 2


class ApplicationCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = Gate().start()
        cls.addClassCleanup(cls.gate.stop)
        for tenant in (TENANT, OTHER):
            cls.gate.make_tenant(tenant, [f"{tenant}.example"])

    def make(self, name, **more):
        body = {"name": name, "redirect_uris": [CALLBACK], **more}
        return self.gate.api("POST", "/applications", body)

    def audited(self, target):
        rows = self.gate.api("GET", f"/audit?target={target}")["items"]
        return [row["event"] for row in reversed(rows)]

    def assertRefused(self, call, status, reason, pointer=None):
        got, problem = call
        self.assertEqual((got, problem["reason"]), (status, reason), problem)
        if pointer is not None:
            self.assertEqual(problem["errors"][0]["pointer"], pointer)


class ApiTest(ApplicationCase):
    def test_one_is_registered_shown_changed_and_removed(self):
        made = self.make("Portal", tenants=[TENANT], api=True)
        path = f"/applications/{made['id']}"
        self.assertEqual(set(made), MEMBERS)
        self.assertEqual(made["client_id"], made["id"])
        self.assertEqual((made["redirect_uris"], made["tenants"]), ([CALLBACK], [TENANT]))
        self.assertEqual((made["confidential"], made["api"], made["disabled"]), (True, True, False))
        self.assertEqual(self.gate.api("GET", path), made)
        changed = self.gate.api("PUT", path, {"disabled": True, "tenants": []})
        stays = MEMBERS - {"disabled", "tenants", "updated_at"}
        self.assertEqual({key: changed[key] for key in stays}, {key: made[key] for key in stays})
        self.assertEqual((changed["disabled"], changed["tenants"]), (True, []))
        self.gate.kill_and_restart()
        self.assertEqual(self.gate.api("GET", path), changed)
        self.gate.api("DELETE", path)
        self.assertRefused(self.gate.call("GET", f"/api/v1{path}"), 404, "not_found")
        self.assertEqual(
            self.audited(made["id"]),
            ["application.created", "application.updated", "application.deleted"],
        )

    def test_they_are_listed_page_by_page(self):
        names = [f"listed {number}" for number in range(3)]
        for name in names:
            self.make(name)
        page = self.gate.api("GET", "/applications?limit=2")
        seen = [one["name"] for one in page["items"]]
        self.assertEqual(len(seen), 2)
        while page["next_cursor"]:
            page = self.gate.api("GET", f"/applications?limit=2&cursor={page['next_cursor']}")
            seen += [one["name"] for one in page["items"]]
        self.assertEqual(len(seen), page["total"])
        self.assertEqual([name for name in seen if name.startswith("listed ")], names)

    def test_what_is_wrong_is_said_by_field(self):
        app = self.make("Taken")
        many = [f"https://portal.example/{number}" for number in range(21)]
        wrong = [
            ({"name": None, "redirect_uris": [CALLBACK]}, "/name"),
            ({"name": "x" * 65}, "/name"),
            ({"redirect_uris": []}, "/redirect_uris"),
            ({"redirect_uris": None}, "/redirect_uris"),
            ({"redirect_uris": many}, "/redirect_uris"),
            ({"redirect_uris": ["http://portal.example/"]}, "/redirect_uris/0"),
            ({"redirect_uris": [CALLBACK, "javascript:alert(1)"]}, "/redirect_uris/1"),
            ({"redirect_uris": [CALLBACK + "#x"]}, "/redirect_uris/0"),
            ({"redirect_uris": [CALLBACK, CALLBACK]}, "/redirect_uris/1"),
            ({"disabled": True}, "/disabled"),
        ]
        good = {"name": "x", "redirect_uris": [CALLBACK]}
        for body, pointer in wrong:
            with self.subTest(body=body):
                call = self.gate.call("POST", "/api/v1/applications", {**good, **body})
                self.assertRefused(call, 422, "invalid_input", pointer)
        for left_out in good:
            body = {key: value for key, value in good.items() if key != left_out}
            call = self.gate.call("POST", "/api/v1/applications", body)
            self.assertRefused(call, 422, "invalid_input", f"/{left_out}")
        call = self.gate.call("POST", "/api/v1/applications", {**good, "tenants": ["nowhere"]})
        self.assertRefused(call, 422, "invalid_input", "/tenants/0")
        body = {"name": "TAKEN", "redirect_uris": [CALLBACK]}
        call = self.gate.call("POST", "/api/v1/applications", body)
        self.assertRefused(call, 409, "duplicate_name")
        put = self.gate.call("PUT", f"/api/v1/applications/{app['id']}", {"confidential": False})
        self.assertRefused(put, 422, "invalid_input", "/confidential")
        self.assertEqual(self.gate.api("GET", f"/applications/{app['id']}"), app)

    def test_a_change_may_name_the_state_that_it_is_made_for(self):
        app = self.make("Matched")
        path = f"/api/v1/applications/{app['id']}"
        old = {"If-Match": '"another"'}
        for method, at, body in (
            ("PUT", path, {"api": True}),
            ("DELETE", path, None),
            ("DELETE", f"{path}/secrets/crd_none", None),
        ):
            self.assertRefused(self.gate.call(method, at, body, headers=old), 412, "version_conflict")
        self.assertEqual(self.gate.api("GET", f"/applications/{app['id']}"), app)

    def test_a_secret_is_shown_once_rotated_and_at_rest_nowhere(self):
        app = self.make("Secretive")
        path = f"/applications/{app['id']}"
        first = self.gate.api("POST", f"{path}/secrets", {"expires_at": "2090-01-01T00:00:00Z"})
        self.assertEqual(first["client_id"], app["id"])
        self.assertEqual(first["expires_at"], "2090-01-01T00:00:00.000Z")
        second = self.gate.api("POST", f"{path}/secrets")
        self.assertIsNone(second["expires_at"])
        third = self.gate.call("POST", f"/api/v1{path}/secrets", {})
        self.assertRefused(third, 409, "credential_limit")
        shown = self.gate.api("GET", path)
        self.assertEqual([row["id"] for row in shown["secrets"]], [first["id"], second["id"]])
        self.assertEqual(
            set(shown["secrets"][0]), {"id", "hint", "created_at", "created_by", "expires_at"}
        )
        self.assertTrue(first["client_secret"].endswith(first["hint"]))
        self.gate.api("DELETE", f"{path}/secrets/{first['id']}")
        again = self.gate.call("DELETE", f"/api/v1{path}/secrets/{first['id']}")
        self.assertRefused(again, 404, "not_found")
        self.assertEqual(
            self.audited(app["id"])[1:],
            ["credential.created", "credential.created", "credential.revoked"],
        )
        for name in ("store.mdb", "store.mdb-journal"):
            with open(f"{self.gate.data}/{name}", "rb") as store:
                kept = store.read()
            for made in (first, second):
                self.assertNotIn(made["client_secret"].encode(), kept)
        self.assertNotIn(second["client_secret"], self.gate.program.printed(10_000_000))
        self.assertNotIn(second["client_secret"], json.dumps(self.gate.api("GET", "/audit")))

    def test_a_public_one_has_no_secret(self):
        app = self.make("On a phone", confidential=False, redirect_uris=["com.example.app:/cb"])
        self.assertFalse(app["confidential"])
        call = self.gate.call("POST", f"/api/v1/applications/{app['id']}/secrets", {})
        self.assertRefused(call, 409, "illegal_transition")

    def test_a_tenant_that_it_names_can_go(self):
        self.gate.make_tenant("brief", ["brief.example"])
        app = self.make("Brief", tenants=["brief"])
        self.gate.api("DELETE", "/tenants/brief")
        changed = self.gate.api("PUT", f"/applications/{app['id']}", {"name": "Briefer"})
        self.assertEqual(changed["tenants"], ["brief"])


class CommandTest(ApplicationCase):
    def run_json(self, *words):
        return json.loads(self.gate.must("application", *words, "--json").stdout)

    def assertSays(self, text, *parts):
        for part in parts:
            self.assertIn(part, text)

    def refused(self, *words):
        done = self.gate.run("application", *words)
        self.assertEqual(done.returncode, REFUSED, done.stdout + done.stderr)
        return done.stderr

    def test_a_confidential_one_says_that_it_needs_a_secret_and_gets_it(self):
        said = self.gate.must(
            "application", "add", "Customer portal", "--redirect", CALLBACK, "--redirect",
            "http://127.0.0.1/cb", "--tenant", TENANT, "--api",
        ).stdout
        app = self.run_json("show", "customer PORTAL")
        self.assertSays(said, f"gatehouse application secret add {app['id']}")
        self.assertEqual(app["redirect_uris"], [CALLBACK, "http://127.0.0.1/cb"])
        self.assertEqual((app["tenants"], app["api"], app["confidential"]), ([TENANT], True, True))
        made = self.run_json("secret", "add", app["id"], "--expires-at", "2090-01-01T00:00:00Z")
        printed = self.gate.must("application", "secret", "add", "Customer portal").stdout
        self.assertSays(printed, app["id"], "gh_sec_", "not shown again")
        shown = self.gate.must("application", "show", app["id"]).stdout
        self.assertSays(
            shown, self.gate.base, f"{self.gate.base}/oauth2/authorize",
            f"{self.gate.base}/oauth2/token", "openid profile email", "S256", app["id"], CALLBACK,
            "http://127.0.0.1/cb", made["id"], made["hint"], TENANT, "2090-01-01", "confidential",
        )
        self.assertNotIn(made["client_secret"], shown)
        self.assertSays(self.refused("secret", "add", app["id"]), "credential_limit")
        self.gate.must("application", "secret", "remove", "Customer portal", made["id"])
        self.assertSays(self.refused("secret", "remove", app["id"], made["id"]), "not_found")
        self.assertEqual(len(self.run_json("show", app["id"])["secrets"]), 1)

    def test_a_public_one_is_not_told_to_have_a_secret(self):
        said = self.gate.must(
            "application", "add", "Phone", "--public", "--redirect", "com.example.phone:/cb"
        ).stdout
        self.assertSays(said, "com.example.phone:/cb")
        self.assertRegex(said, r"(?m)^kind +public$")
        self.assertRegex(said, r"(?m)^tenants +all$")
        self.assertNotIn("secret add", said)
        self.assertSays(self.refused("secret", "add", "Phone"), "illegal_transition")

    def test_set_changes_what_is_named(self):
        app = self.run_json("add", "Changing", "--redirect", CALLBACK)
        steps = [
            (("--disable",), {"disabled": True}),
            (("--enable", "--api"), {"disabled": False, "api": True}),
            (("--no-api",), {"api": False}),
            (("--tenant", TENANT, "--tenant", OTHER), {"tenants": [TENANT, OTHER]}),
            (("--redirect", "https://a.example/", "--redirect", "https://b.example/"),
             {"redirect_uris": ["https://a.example/", "https://b.example/"]}),
            (("--all-tenants",), {"tenants": []}),
            (("--name", "Changed"), {"name": "Changed"}),
        ]
        for options, change in steps:
            with self.subTest(options=options):
                got = self.run_json("set", app["id"], *options)
                app = {**app, **change, "updated_at": got["updated_at"]}
                self.assertEqual(got, app)
        for options in ((), ("--api", "--no-api"), ("--enable", "--disable"),
                        ("--all-tenants", "--tenant", TENANT)):
            done = self.gate.run("application", "set", app["id"], *options)
            self.assertEqual(done.returncode, WRONG_USE, done.stderr)
        self.assertEqual(self.run_json("show", "Changed"), app)

    def test_one_that_is_named_like_an_id_is_found(self):
        app = self.run_json("add", "app_portal", "--redirect", CALLBACK)
        self.assertEqual(self.run_json("show", "app_portal"), app)

    def test_they_are_listed_and_removed(self):
        app = self.run_json("add", "Short-lived", "--redirect", CALLBACK, "--tenant", OTHER)
        said = self.gate.must("application", "list").stdout
        row = next(line for line in said.splitlines() if app["id"] in line)
        self.assertSays(row, "Short-lived", "active", "confidential", OTHER, "0")
        self.assertIn(app, self.run_json("list")["items"])
        self.assertSays(self.gate.must("application", "remove", "Short-lived").stdout, "is gone")
        self.assertSays(self.refused("show", "Short-lived"), "not_found")
        self.assertSays(self.refused("show", app["id"]), "not_found")

    def test_a_refusal_says_which_field(self):
        said = self.refused(
            "add", "Portal", "--redirect", CALLBACK, "--redirect", "http://portal.example/",
            "--tenant", "nowhere",
        )
        self.assertSays(said, "/redirect_uris/1", "/tenants/0", "invalid_input")
        said = self.refused("add", "Portal", "--redirect", CALLBACK, "--tenant", "nowhere")
        self.assertSays(said, "no tenant", "invalid_input")
        done = self.gate.run("application", "add", "Portal")
        self.assertEqual(done.returncode, WRONG_USE)
        self.assertSays(done.stderr, "--redirect")

    def test_the_help_has_an_example_that_runs(self):
        said = self.gate.must("application", "--help").stdout
        for action in ("list", "show", "add", "set", "remove", "secret add", "secret remove"):
            self.assertIn(f"gatehouse application {action}", said)
            words = action.split()
            self.assertSays(self.gate.must("application", *words, "--help").stdout, "example:")


if __name__ == "__main__":
    unittest.main()
