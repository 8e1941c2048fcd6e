# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, components, entitlements, organizations and settings, by a real gate and its commands.

People sign in through a forged identity provider, so that what a rule gives, what a change of a
role does to a session that is there, and why somebody may, are seen from outside.
"""

import json

from browser import Browser
from case import TENANT, GateCase
from harness import JSON

TASKS = {
    "user": "audiences:* calculated_attributes:* connections:configure_inputs"
    " connections:configure_outputs connections:connect_integration data_filter:* data_plans:*"
    " live_stream:view rules:* workspaces:*",
}


class RolesCase(GateCase):
    def user(self, email, **body):
        return self.gate.api("POST", f"/tenants/{TENANT}/users", {"email": email, **body})

    def refused(self, method, path, body, status, reason, token=None):
        got, answer = self.gate.call(method, "/api/v1" + path, body, token)
        self.assertEqual((got, answer["reason"]), (status, reason), answer)
        return answer

    def signed_in(self, name, *groups):
        answer = self.assertSignedIn(self.log_in(name_id=f"{name}@acme.example", groups=groups))
        return answer["access_token"], answer

    def cli(self, *words, status=0):
        done = self.gate.run(*words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout


class ComponentsTest(RolesCase):
    def test_a_bundle_is_given_shown_and_signed_in_with(self):
        self.user(
            "jsmith@acme.example",
            first_name="J",
            last_name="Smith",
            bundle="full",
            components={"interactive_queries": "none"},
        )
        token, answer = self.signed_in("jsmith", "cdp-audience-x")
        self.assertLessEqual(
            {"campaigns:edit", "metrics:edit", "profiles360:view"}, set(answer["permissions"])
        )
        self.assertNotIn("interactive_queries:use", answer["permissions"])
        _status, me = self.gate.call("GET", "/api/v1/me/permissions", token=token)
        ways = {item["permission"]: item["path"] for item in me["items"]}
        self.assertEqual(ways["campaigns:edit"][0]["role_id"], "cdp.campaigns.full")
        self.assertEqual(ways["campaigns:edit"][0]["source"], "manual")

    def test_an_add_on_comes_and_goes_with_the_entitlement(self):
        ask = {"email": "iq@acme.example", "components": {"interactive_queries": "on"}}
        users = f"/tenants/{TENANT}/users"
        self.refused("POST", users, ask, 422, "entitlement_missing")
        self.cli("tenant", "set", TENANT, "--entitlement", "interactive_queries")
        self.gate.api("POST", users, ask)
        token, answer = self.signed_in("iq", "cdp-audience-x")
        self.assertIn("interactive_queries:use", answer["permissions"])
        may = {"permission": "interactive_queries:use"}
        _status, verdict = self.gate.call("POST", "/api/v1/authorize", may, token)
        self.assertTrue(verdict["allow"])
        self.cli("tenant", "set", TENANT, "--no-entitlements")
        _status, verdict = self.gate.call("POST", "/api/v1/authorize", may, token)
        self.assertEqual((verdict["allow"], verdict["reason"]), (False, "entitlement_missing"))

    def test_a_rule_gives_access_to_components(self):
        rules = {
            "rules": [{"match": "exact", "value": "Marketing", "roles": ["cdp.campaigns.view"]}],
            "mode": "authoritative",
        }
        slug = self.connection.slug
        kept = self.gate.api("GET", f"/connections/{slug}/rules")
        self.gate.api("PUT", f"/connections/{slug}/rules", rules)
        try:
            token, answer = self.signed_in("mark", "Marketing")
        finally:
            self.gate.api("PUT", f"/connections/{slug}/rules", kept)
        self.assertEqual(answer["roles"], ["cdp.campaigns.view"])
        _status, verdict = self.gate.call(
            "POST", "/api/v1/authorize", {"permission": "campaigns:view"}, token
        )
        way = verdict["path"][0]
        self.assertEqual((way["source"], way["connection"]), ("sso", slug))
        self.assertEqual((way["rule"], way["value"]), ('exact "Marketing"', "Marketing"))
        self.assertTrue(way["assertion"])
        self.assertIn(
            "campaigns:view <- role cdp.campaigns.view <- sso",
            self.cli("user", "why", TENANT, "mark@acme.example", "campaigns:view"),
        )
        self.cli("user", "why", TENANT, "mark@acme.example", "campaigns:edit", status=3)


class CustomRolesTest(RolesCase):
    def test_by_command_from_a_clone_to_its_end(self):
        self.cli("role", "clone", TENANT, "read_only", "viewer", "--name", "Viewer")
        made = json.loads(self.cli("role", "show", TENANT, "viewer", "--json"))
        self.assertEqual((made["version"], made["builtin"], made["member_count"]), (1, False, 0))
        self.cli("role", "set", TENANT, "viewer", "--permission", "audiences:view")
        self.cli("user", "add", TENANT, "vi@acme.example", "--role", "viewer",
                 "--component", "reports=view")
        self.assertIn("vi@acme.example", self.cli("role", "members", TENANT, "viewer"))
        self.assertIn("reports view", self.cli("user", "show", TENANT, "vi@acme.example"))
        self.cli("role", "remove", TENANT, "viewer", status=3)
        self.cli("role", "remove", TENANT, "viewer", "--reassign-to", "user")
        shown = json.loads(self.cli("user", "show", TENANT, "vi@acme.example", "--json"))
        self.assertEqual([role["role_id"] for role in shown["roles"]], ["user"])
        self.assertEqual(shown["components"], {"reports": "view"})

    def test_a_change_reaches_a_session_that_is_there_and_moves_rv(self):
        role = {"role_id": "watcher", "name": "Watcher", "permissions": ["audiences:view"]}
        self.gate.api("POST", f"/tenants/{TENANT}/roles", role)
        self.user("wat@acme.example", roles=["watcher"])
        token, _answer = self.signed_in("wat", "cdp-audience-x")
        before = self.introspect(token)
        roles = f"/tenants/{TENANT}/roles"
        self.refused("GET", roles, None, 403, "forbidden", token)
        self.gate.api("PATCH", f"{roles}/watcher", {"permissions": ["users:view"]})
        self.assertEqual(self.gate.call("GET", "/api/v1" + roles, token=token)[0], 200)
        self.assertGreater(self.introspect(token)["rv"], before["rv"])

    def introspect(self, token):
        status, answer = self.gate.call(
            "POST",
            "/oauth2/introspect",
            f"token={token}".encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        self.assertEqual((status, answer["active"]), (200, True), answer)
        return answer

    def test_admin_without_user_activity_in_this_tenant(self):
        self.user("uav@acme.example", roles=["admin"])
        token, answer = self.signed_in("uav", "cdp-audience-x")
        self.assertIn("user_activity:view", answer["permissions"])
        self.cli("role", "restrict", TENANT, "admin", "--deny", "user_activity:view")
        ask = {"permission": "user_activity:view"}
        _status, verdict = self.gate.call("POST", "/api/v1/authorize", ask, token)
        self.assertEqual((verdict["allow"], verdict["reason"]), (False, "restricted"))
        self.cli("role", "restrict", TENANT, "admin", "--restore")
        self.assertTrue(self.gate.call("POST", "/api/v1/authorize", ask, token)[1]["allow"])

    def test_who_manages_users_is_never_gone(self):
        self.gate.make_tenant("lone", ["lone.example"])
        rules = {"rules": [], "default_role": "read_only", "mode": "additive"}
        door = self.gate.make_connection("lone", "lone-idp", self.idp.fields, rules)
        users = "/tenants/lone/users"
        one = self.gate.api("POST", users, {"email": "a@lone.example", "roles": ["admin"]})
        answer = self.assertSignedIn(
            self.log_in(connection=door, name_id="a@lone.example", groups=("x",))
        )
        path = f"{users}/{one['id']}"
        self.refused("DELETE", path, None, 409, "last_admin")
        self.refused("POST", f"{path}:disable", None, 409, "last_admin")
        self.refused("PATCH", path, {"roles": []}, 409, "last_admin")
        mine = answer["access_token"]
        self.refused("PATCH", path, {"roles": []}, 409, "self_lockout", mine)
        self.refused("POST", f"{path}:disable", None, 409, "self_lockout", mine)
        # Where a group makes administrators, an operator is not held up: the next one is a sign-in away.
        rules["rules"] = [{"match": "exact", "value": "Admins", "roles": ["admin"]}]
        self.gate.api("PUT", "/connections/lone-idp/rules", rules)
        self.gate.api("POST", f"{path}:disable")
        self.gate.api("DELETE", "/connections/lone-idp")
        self.gate.api("DELETE", path)
        self.gate.api("DELETE", "/tenants/lone")


class ManifestTest(RolesCase):
    def platform(self, method, what, body=None, status=200, query=""):
        tenant = self.gate.api("GET", f"/tenants/{TENANT}")
        number = tenant["number"]
        path = f"/platform/v2/organizations/{number}/accounts/{number}/{what}{query}"
        got, answer = self.gate.call(method, path, body)
        self.assertEqual(got, status, answer)
        return answer

    def test_tasks_and_the_round_trip(self):
        tasks = {task["task_id"]: task for task in self.platform("GET", "tasks")}
        self.assertTrue(all(task["display_name"] and task["description"] for task in tasks.values()))
        self.assertLessEqual(set(TASKS["user"].split()), set(tasks))
        role = {
            "role_id": "marketer_role",
            "name": "Marketer",
            "description": "Plans campaigns",
            "tasks": [{"task_id": task} for task in TASKS["user"].split()],
        }
        stored = self.platform("PUT", "roles", {"roles": [role]})
        self.assertEqual(
            {task["task_id"] for task in stored["roles"][0]["tasks"]},
            set(TASKS["user"].split()) | {"user:core"},
        )
        self.assertRegex(stored["last_modified_on"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        again = self.platform("PUT", "roles", self.platform("GET", "roles"))
        self.assertEqual(again["version"], stored["version"])
        self.user("mk@acme.example", roles=["marketer_role"])
        dry = self.platform("PUT", "roles", {"roles": []}, query="?dry_run=true")
        self.assertEqual(dry["deleted"], ["marketer_role"])
        blocked = {"role_id": "marketer_role", "code": "role_in_use", "members": 1}
        self.assertEqual(dry["blocked"], [blocked])
        refusal = self.platform("PUT", "roles", {"roles": []}, status=400)
        self.assertEqual(refusal["errors"][0]["code"], "VALIDATION_ERROR")
        self.assertIn("may not be deleted", refusal["errors"][0]["message"])


    def test_a_program_with_a_token_of_its_own(self):
        role = {
            "role_id": "role_keeper",
            "name": "Role keeper",
            "description": "Keeps the roles",
            "permissions": ["roles:manage", "audiences:view", "audiences:manage"],
        }
        self.gate.api("POST", f"/tenants/{TENANT}/roles", role)
        _token, owner = self.signed_in("owner", "platform-admins")
        service = self.gate.api(
            "POST",
            f"/tenants/{TENANT}/service-users",
            {"name": "Terraform", "roles": ["role_keeper"], "owner": owner["user"]["id"]},
        )
        secret = self.gate.api(
            "POST", f"/tenants/{TENANT}/service-users/{service['id']}/credentials", {}
        )
        form = {"grant_type": "client_credentials"}
        form.update({name: secret[name] for name in ("client_id", "client_secret")})
        page = Browser().post(self.gate.url("/oauth2/token"), form, headers=JSON)
        self.assertEqual(page.status, 200, page.text)
        token = json.loads(page.body)["access_token"]
        number = self.gate.api("GET", f"/tenants/{TENANT}")["number"]
        path = f"/platform/v2/organizations/{number}/accounts/{number}/roles"
        status, manifest = self.gate.call("GET", path, token=token)
        self.assertEqual(status, 200, manifest)
        more = {"role_id": "more", "name": "More", "description": "More", "tasks": []}
        more["tasks"] = [{"task_id": "user_management:*"}]
        manifest["roles"].append(more)
        status, answer = self.gate.call("PUT", path, manifest, token)
        self.assertEqual((status, answer["errors"][0]["reason"]), (403, "forbidden"), answer)
        self.gate.api("DELETE", f"/tenants/{TENANT}/service-users/{service['id']}")
        self.gate.api("DELETE", f"/tenants/{TENANT}/roles/role_keeper")


class OrganizationsTest(RolesCase):
    def test_one_person_three_tenants_three_role_sets(self):
        self.cli("organization", "add", "acme-group", "--name", "The Acme Group")
        tenants = {TENANT: "production", "acme-stage": "staging", "acme-dev": "development"}
        roles = {TENANT: "read_only", "acme-stage": "user", "acme-dev": "admin"}
        for tenant, environment in tenants.items():
            if tenant != TENANT:
                self.gate.make_tenant(tenant, [])
            self.cli("tenant", "set", tenant, "--organization", "acme-group",
                     "--environment", environment)
            self.gate.api("POST", f"/tenants/{tenant}/users",
                          {"email": "eve@acme.example", "roles": [roles[tenant]]})
        token, answer = self.signed_in("eve", "cdp-audience-x")
        others = "/tenants/acme-stage/users"
        self.refused("GET", others, None, 404, "not_found", token)  # no cross-tenant read
        self.cli("organization", "set", "acme-group", "--administrator", answer["user"]["id"])
        status, seen = self.gate.call("GET", "/api/v1" + others, token=token)
        self.assertEqual((status, seen["items"][0]["roles"][0]["role_id"]), (200, "user"))
        self.refused("POST", others, {"email": "x@acme.example"}, 404, "not_found", token)
        status, people = self.gate.call(
            "GET", "/api/v1/organizations/acme-group/users?q=eve@acme", token=token
        )
        self.assertEqual(status, 200, people)
        found = {item["tenant"]: item["roles"][0]["role_id"] for item in people["items"]}
        self.assertEqual({name: found[name] for name in ("acme-dev", "acme-stage")},
                         {"acme-dev": "admin", "acme-stage": "user"})
        self.assertIn("staging", self.cli("organization", "tenants", "acme-group"))
        self.cli("organization", "remove", "acme-group", status=3)


class SettingsTest(RolesCase):
    def test_by_command(self):
        self.assertIn("invite_days", self.cli("tenant", "settings", TENANT))
        shown = json.loads(self.cli("tenant", "settings", TENANT, "--json", "--set", "invite_days=3",
                                    "--set", "user_list_visibility=permission",
                                    "--set", "require_second_factor=false"))
        self.assertEqual((shown["invite_days"], shown["user_list_visibility"]), (3, "permission"))
        self.cli("tenant", "settings", TENANT, "--set", "invite_days=99", status=3)
        self.cli("tenant", "settings", TENANT, "--set", "no_such=1", status=2)
        token, _answer = self.signed_in("list", "cdp-audience-x")
        self.refused("GET", f"/tenants/{TENANT}/users", None, 403, "forbidden", token)
        self.cli("tenant", "settings", TENANT, "--set", "user_list_visibility=everyone")
        status, listed = self.gate.call("GET", f"/api/v1/tenants/{TENANT}/users", token=token)
        self.assertEqual(status, 200)
        self.assertTrue(all("***" in item["email"] for item in listed["items"]))
