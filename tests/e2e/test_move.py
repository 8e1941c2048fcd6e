# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of one gate becomes that of another: gatehouse export, gatehouse import.

Owns: what the document has and what it never has, what an import makes, changes, leaves and refuses.
Never: what the gate checks of each part by itself.
"""

import copy
import json
import os
import stat
import unittest

from browser import Browser
from case import ForgedIdp
from forge import idp_metadata
from harness import CONNECTION_URLS, Connection, Gate, begin, post_response, temp_dir
from seal import make_key
from test_metadata import Publisher, signed

WEEK = 7 * 86400  # seconds
CONTEXTS = ["urn:oasis:names:tc:SAML:2.0:ac:classes:" + name for name in ("X509", "Password")]
RULES = {
    "rules": [
        {"match": "exact", "value": "platform-admins", "roles": ["admin", "marketer"]},
        {"match": "prefix", "value": "staff", "roles": ["read_only"]},
    ],
    "default_role": None,
    "mode": "additive",
}


def document_of(done):
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class MoveCase(unittest.TestCase):
    """A gate to export from, and for each test a fresh one to import into."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.source = Gate()
        cls.addClassCleanup(cls.source.stop)
        cls.source.start()
        cls.publisher = Publisher()
        cls.federation = make_key(name="federation.example")
        cls.idps = {name: ForgedIdp(name) for name in ("manual", "document", "watched")}
        cls.fill(cls.source)
        cls.publisher.stop()  # the address of its metadata answers nobody from now on
        cls.text = document_of(cls.source.run("export"))

    @classmethod
    def metadata(cls, name):
        idp = cls.idps[name]
        xml = idp_metadata(idp.entity_id, idp.sso_url, [idp.key.base64], idp.slo_url, WEEK)
        return xml.replace("<md:IDPSSODescriptor ", '<md:IDPSSODescriptor WantAuthnRequestsSigned="true" ')

    @classmethod
    def fill(cls, gate):
        gate.api("POST", "/organizations", {"slug": "acme-group", "name": "The Äcme Group"})
        gate.make_tenant("acme", ["acme.example", "acme.test"])
        gate.api("PUT", "/tenants/acme", {"organization": "acme-group", "environment": "staging",
                                          "entitlements": ["ml_studio"]})
        gate.make_tenant("beta", ["beta.example"])
        gate.api("PUT", "/tenants/beta", {"disabled": True})
        gate.api("PATCH", "/tenants/acme/settings",
                 {"invite_days": 3, "product": "Acme <CDP>", "mail_from": "cdp@acme.test",
                  "support_no_credentials": False})
        for role, permissions in (("marketer", ["audit:view", "users:view"]), ("analyst", ["audit:view"])):
            gate.api("POST", "/tenants/acme/roles",
                     {"role_id": role, "name": role.title(), "permissions": permissions})
        gate.api("PUT", "/tenants/acme/roles/compliance/override", {"denied": ["audit:view"]})
        gate.make_connection("acme", "acme-manual", cls.idps["manual"].fields, RULES, skew_seconds=60,
                             authn_context=CONTEXTS, domains=["acme.example"], enforced=True,
                             break_glass=["ann@acme.example"])
        gate.make_connection("acme", "acme-xml", {"metadata_xml": cls.metadata("document")})
        cls.publisher.document = signed(cls.metadata("watched"), cls.federation)
        gate.make_connection("beta", "beta-watched", {
            "metadata_url": cls.publisher.url, "metadata_certificate": cls.federation.pem,
            "metadata_valid_days": 30})
        gate.api("PUT", "/connections/acme-xml", {"disabled": True})
        gate.api("POST", "/tenants/beta/connections", {"slug": "beta-bare"})
        # What names people, and what is secret, is there to be left out.
        gate.api("POST", "/tenants/acme/users", {"email": "ann@acme.example", "first_name": "Ann",
                                                 "last_name": "Lee", "roles": ["admin"]})
        user = gate.api("GET", "/tenants/acme/users")["items"][0]["id"]
        gate.api("PUT", "/organizations/acme-group", {"administrators": [user]})
        cls.user = user
        service = gate.api("POST", "/tenants/acme/service-users", {"name": "nightly", "owner": user, "roles": ["analyst"]})
        made = gate.api("POST", f"/tenants/acme/service-users/{service['id']}/credentials", {})
        cls.secret = next(value for key, value in made.items() if "secret" in key)

    def setUp(self):
        self.target = Gate()
        self.addCleanup(self.target.stop)
        self.target.start()
        self.document = json.loads(self.text)

    def export(self, gate=None, *options):
        return document_of((gate or self.target).run("export", *options))

    def bring(self, document, *options, code=0, gate=None):
        """Imports; returns what --json tells."""
        text = document if isinstance(document, str) else json.dumps(document)
        done = (gate or self.target).run("import", "--json", *options, "-", stdin=text)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def results(self, report):
        return {(item["kind"], item["name"]): item["result"] for item in report["items"]}

    def item(self, report, kind, name):
        found = [item for item in report["items"] if (item["kind"], item["name"]) == (kind, name)]
        self.assertEqual(len(found), 1, report)
        return found[0]

    def audit(self):
        paths = ["/audit"] + [f"/tenants/{t['slug']}/audit" for t in self.target.api("GET", "/tenants")["items"]]
        return [(row["id"], row["event"]) for path in paths for row in self.target.api("GET", path)["items"]
                if row["event"] != "pii.viewed"]  # what this very reading leaves

    def tenant(self, slug):
        return next(tenant for tenant in self.document["tenants"] if tenant["slug"] == slug)

    def connection(self, slug):
        return next(c for tenant in self.document["tenants"] for c in tenant["connections"] if c["slug"] == slug)


class RoundTripTest(MoveCase):
    def test_what_is_imported_is_exported_the_same(self):
        report = self.bring(self.text)
        self.assertEqual(set(self.results(report).values()), {"made"})
        self.assertEqual((report["refused"], report["made"]), (0, len(report["items"])))
        self.assertEqual(self.export(), self.text)

    def test_two_exports_are_equal_and_readable(self):
        self.assertEqual(self.export(self.source), self.text)
        self.assertEqual(json.dumps(self.document, indent=2, ensure_ascii=False) + "\n", self.text)
        self.assertEqual([t["slug"] for t in self.document["tenants"]], ["acme", "beta"])
        self.assertEqual(self.tenant("acme")["overrides"],
                         [{"role_id": "compliance", "denied": ["audit:view"]}])
        self.assertEqual(self.tenant("beta")["overrides"], [])     # what it did not buy is none
        self.assertNotIn("idp", self.connection("beta-bare"))
        self.assertEqual(self.connection("acme-manual")["policy"]["authn_context"], CONTEXTS)

    def test_no_secret_and_nobody_is_in_it(self):
        self.assertEqual(self.source.api("GET", "/connections/acme-manual/policy")["break_glass"],
                         ["ann@acme.example"])
        for word in ("PRIVATE KEY", "$argon2", self.secret, self.user, "ann@", "Lee", "usr_", "operator:",
                     "administrators", "break_glass", "created_at", "updated_at", "number"):
            self.assertNotIn(word, self.text)
        folder = os.path.join(self.source.data, "keys")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as f:
                lines = [line for line in f.read().decode("latin-1").splitlines() if len(line) > 40]
            for line in lines:
                self.assertNotIn(line, self.text, name)

    def test_people_sign_in_through_an_imported_connection(self):
        self.bring(self.text)
        made = self.target.api("GET", "/connections/acme-manual")
        connection = Connection("acme-manual", "acme", **{key: made[key] for key in CONNECTION_URLS})
        browser = Browser()
        request = begin(browser, connection)
        xml = self.idps["manual"].response(connection, request, authn_class=CONTEXTS[0]).xml()
        page = post_response(browser, connection, xml, request.relay_state)
        self.assertEqual(page.status, 200, page.text)
        self.assertEqual(sorted(json.loads(page.body)["roles"]), ["admin", "marketer", "read_only"])

    def test_the_trust_is_the_same(self):
        self.bring(self.text)
        for slug in ("acme-manual", "acme-xml", "beta-watched"):
            here, there = (gate.api("GET", f"/connections/{slug}/idp") for gate in (self.source, self.target))
            for idp in (here, there):
                for name in ("updated_at", "metadata_signed"):
                    idp.pop(name)
            self.assertEqual(here, there)
        self.assertTrue(there["want_signed_requests"] and there["valid_until"])
        self.assertEqual(len(there["metadata_certificates"]), 1)

    def test_metadata_is_watched_again_though_its_address_does_not_answer(self):
        self.bring(self.text)
        self.assertEqual(self.target.api("GET", "/connections/beta-watched/idp")["metadata_url"], self.publisher.url)
        watch = self.target.api("GET", "/connections/beta-watched/metadata-changes")
        self.assertIsNotNone(watch["next_at"])
        look = self.target.call("POST", "/api/v1/connections/beta-watched:refresh-metadata")
        self.assertIn(self.publisher.url.split("/")[2], json.dumps(look))     # it was asked there

    def test_importing_again_changes_nothing(self):
        self.bring(self.text)
        before = self.audit()
        report = self.bring(self.text)
        self.assertEqual(set(self.results(report).values()), {"unchanged"})
        for kind in ("organization", "tenant", "settings", "role", "override", "connection", "idp", "policy", "rules"):
            self.assertIn(kind, {item["kind"] for item in report["items"]})
        self.assertEqual(self.audit(), before)

    def test_a_dry_run_tells_the_same_and_writes_nothing(self):
        before, rows = self.export(), self.audit()
        trial = self.bring(self.text, "--dry-run")
        self.assertEqual((self.export(), self.audit()), (before, rows))
        done = self.bring(self.text)
        self.assertEqual(trial["items"], done["items"])
        self.assertEqual((trial["dry_run"], done["dry_run"]), (True, False))
        self.connection("acme-manual")["policy"]["skew_seconds"] = 90
        before, rows = self.export(), self.audit()
        trial = self.bring(self.document, "--dry-run")
        self.assertEqual((self.export(), self.audit()), (before, rows))
        self.assertEqual(trial["items"], self.bring(self.document)["items"])
        self.assertEqual(trial["changed"], 1)

    def test_without_a_gate_that_runs(self):
        self.target.stop()
        self.source.stop()
        try:
            self.assertEqual(self.export(self.source), self.text)
        finally:
            self.source.serve()
        trial = self.bring(self.text, "--dry-run")
        self.assertEqual(trial["items"], self.bring(self.text)["items"])
        self.assertEqual(self.bring(self.text)["changed"], 0)
        self.assertEqual(self.export(), self.text)


class ChangeTest(MoveCase):
    def test_what_differs_is_told_and_changed(self):
        self.bring(self.text)
        acme = self.tenant("acme")
        acme["domains"][1:] = ["acme.new"]
        acme["settings"].update(mail_from=None, invite_days=9)
        acme["roles"][1]["permissions"].append("roles:manage")
        acme["overrides"][0]["denied"] = ["users:view"]
        manual = self.connection("acme-manual")
        manual["policy"].update(skew_seconds=30, authn_context=CONTEXTS[::-1])
        manual["idp"]["sso"][0]["location"] = "https://new.example/sso"
        manual["rules"]["rules"].reverse()
        self.connection("acme-xml")["disabled"] = False
        expected = {
            ("tenant", "acme"): ["domains +acme.new -acme.test"],
            ("settings", "acme"): ["invite_days 3 -> 9", 'mail_from "cdp@acme.test" -> none'],
            ("role", "acme/marketer"): ["permissions +roles:manage"],
            ("override", "acme/compliance"): ["denied +users:view -audit:view"],
            ("idp", "acme-manual"): ["sso 2 -> 2 entries, other from entry 1 on"],
            ("policy", "acme-manual"): ["skew_seconds 60 -> 30",
                                        "authn_context 2 -> 2 entries, other from entry 1 on"],
            ("rules", "acme-manual"): ["rules 2 -> 2 entries, other from entry 1 on"],
            ("connection", "acme-xml"): ["disabled true -> false"],
        }
        lines = document_of(self.target.run("import", "--dry-run", "-", stdin=json.dumps(self.document)))
        self.assertIn("connection acme-manual: policy changed (skew_seconds 60 -> 30, authn_context", lines)
        self.assertIn("role acme/analyst: unchanged\n", lines)
        self.assertIn("0 made, 8 changed, ", lines)
        report = self.bring(self.document)
        self.assertEqual({(i["kind"], i["name"]): i["changes"] for i in report["items"] if "changes" in i}, expected)
        self.assertEqual(report["changed"], len(expected))
        now = json.loads(self.export())
        # The gate has its own order of permissions.
        for one in (now, self.document):
            for role in next(t for t in one["tenants"] if t["slug"] == "acme")["roles"]:
                role["permissions"].sort()
        self.assertEqual(now, self.document)
        self.assertEqual(self.bring(self.document)["changed"], 0)

    def test_what_the_document_does_not_name_stays(self):
        self.bring(self.text)
        self.target.make_tenant("gamma", ["gamma.example"])
        self.target.api("POST", "/tenants/acme/roles", {"role_id": "own", "name": "Own", "permissions": ["audit:view"]})
        policy = self.target.api("GET", "/connections/acme-manual/policy")
        self.target.api("PUT", "/connections/acme-manual/policy", {**policy, "break_glass": ["eve@acme.example"]})
        self.target.api("PATCH", "/tenants/acme/settings", {"lock_minutes": 99})
        before = json.loads(self.export())
        part = {"format": self.document["format"], "version": 1, "tenants": [
            {"slug": "acme", "settings": {"invite_days": 5},
             "connections": [{"slug": "acme-manual", "policy": {"skew_seconds": 10}}]}]}
        report = self.bring(part)
        self.assertEqual(self.results(report), {
            ("tenant", "acme"): "unchanged", ("settings", "acme"): "changed",
            ("connection", "acme-manual"): "unchanged", ("policy", "acme-manual"): "changed"})
        acme = next(t for t in before["tenants"] if t["slug"] == "acme")
        acme["settings"]["invite_days"] = 5
        next(c for c in acme["connections"] if c["slug"] == "acme-manual")["policy"]["skew_seconds"] = 10
        self.assertEqual(json.loads(self.export()), before)
        self.assertEqual(self.target.api("GET", "/connections/acme-manual/policy")["break_glass"], ["eve@acme.example"])

    def test_it_is_audited_as_the_operator_who_ran_it(self):
        self.bring(self.text)
        rows = self.target.api("GET", "/tenants/acme/audit")["items"]
        events = {row["event"] for row in rows}
        self.assertLessEqual({"role.created", "sso.connection_created"}, events)
        self.assertEqual({row["actor"].get("id", row["actor"]) if isinstance(row["actor"], dict) else row["actor"]
                          for row in rows}, {f"operator:{os.geteuid()}"})

    def test_one_that_is_switched_on_is_complete_first(self):
        self.bring(self.text)
        xml = self.connection("acme-xml")
        xml.update(disabled=False)
        xml["policy"]["domains"] = ["elsewhere.example"]
        report = self.bring(self.document, code=3)
        self.assertEqual(self.item(report, "policy", "acme-xml")["result"], "refused")
        self.assertEqual(self.item(report, "connection", "acme-xml")["result"], "refused")
        self.assertTrue(self.target.api("GET", "/connections/acme-xml")["disabled"])
        xml["policy"]["domains"] = []
        report = self.bring(self.document)
        self.assertEqual(self.item(report, "connection", "acme-xml")["changes"], ["disabled true -> false"])

    def test_some_tenants_alone(self):
        text = self.export(self.source, "--tenant", "beta", "--tenant", "beta")
        self.assertEqual(json.loads(text)["tenants"], [self.tenant("beta")])
        self.assertEqual(json.loads(text)["organizations"], [])
        acme = json.loads(self.export(self.source, "--tenant", "acme"))
        self.assertEqual(acme["organizations"], self.document["organizations"])
        self.assertEqual(self.export(self.source, "--tenant", "beta", "--tenant", "acme"), self.text)
        self.bring(text)
        self.assertEqual(self.export(), text)
        done = self.source.run("export", "--tenant", "nobody")
        self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)

    def test_many_tenants_are_read_to_the_last_page(self):
        tenants = [{"slug": f"t{i:03}", "name": f"T{i}"} for i in range(230)]
        document = {"format": self.document["format"], "version": 1, "tenants": tenants}
        self.assertEqual(self.bring(document)["made"], 230)
        self.assertEqual([t["slug"] for t in json.loads(self.export())["tenants"]], [t["slug"] for t in tenants])
        self.assertEqual(self.bring(document)["unchanged"], 230)

    def test_a_file_that_only_its_owner_reads(self):
        folder = temp_dir("move")
        path = os.path.join(folder, "all.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write("old")
        os.chmod(path, 0o644)
        self.assertEqual(self.export(self.source, "--out", path), "")
        with open(path, encoding="utf-8") as f:
            self.assertEqual(f.read(), self.text)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(document_of(self.target.run("import", path)).splitlines()[0], "organization acme-group: made")
        for options, code in ((["--out", os.path.join(folder, "no", "x")], 1),
                              (["--tenant", "nobody", "--out", os.path.join(folder, "none.json")], 3)):
            self.assertEqual(self.source.run("export", *options).returncode, code)
        self.assertEqual(os.listdir(folder), ["all.json"])


class RefusalTest(MoveCase):
    def refuse(self, text, code=1):
        before = self.export()
        done = self.target.run("import", "-", stdin=text if isinstance(text, str) else json.dumps(text))
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stdout + done.stderr)
        self.assertEqual(self.export(), before)
        return done.stderr

    def test_what_is_no_document_is_refused_before_anything_is_written(self):
        self.assertIn("not JSON at line", self.refuse(self.text[:-20]))
        self.assertIn("not JSON", self.refuse(""))
        self.assertIn("not JSON", self.refuse(self.text.replace('"version": 1', '"version": 1, "version": 1', 1)))
        self.assertIn("no configuration", self.refuse({**self.document, "format": "people"}))
        self.assertIn("reads version 1", self.refuse({**self.document, "version": 2}))
        document = copy.deepcopy(self.document)
        document["tenants"][1]["connections"][0]["policy"]["skew"] = 1
        document["tenants"][1]["settings"]["invite_days"] = 99
        said = self.refuse(document)
        self.assertIn("/tenants/1/connections/0/policy/skew: ", said)
        self.assertIn("/tenants/1/settings/invite_days: ", said)
        self.assertIn("nothing was written", said)

    def test_a_file_is_read_up_to_a_bound(self):
        path = os.path.join(temp_dir("move"), "large.json")
        with open(path, "w", encoding="utf-8") as f:
            f.truncate((32 << 20) + 1)
        done = self.target.run("import", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("larger than the 33554432 bytes", done.stderr)
        with open(path, "w", encoding="utf-8") as f:      # more than the API takes at once
            f.write(self.text + " " * (3 << 20))
        self.assertEqual(self.target.run("import", path).returncode, 0)
        self.assertEqual(self.export(), self.text)
        self.assertEqual(self.target.run("import", path + ".none").returncode, 1)
        self.assertEqual(self.target.run("import").returncode, 2)
        self.assertEqual(self.target.run("import", "--force", path).returncode, 2)

    def test_what_the_gate_refuses_is_told_and_the_rest_goes_on(self):
        self.tenant("acme")["roles"][0]["permissions"] = ["no:such"]
        self.connection("acme-manual")["rules"]["rules"][0]["roles"] = ["nowhere"]
        report = self.bring(self.document, code=3)
        role = self.item(report, "role", "acme/analyst")
        self.assertEqual((role["result"], role["reason"]), ("refused", "unknown_permission"))
        self.assertIn("/permissions/0", role["detail"])
        manual = self.item(report, "connection", "acme-manual")
        self.assertEqual((manual["result"], manual["reason"]), ("refused", "unknown_role"))
        for kind in ("idp", "policy", "rules"):
            self.assertEqual(self.item(report, kind, "acme-manual")["reason"], "unknown_role")
        self.assertEqual(report["refused"], 5)
        self.assertEqual(self.item(report, "connection", "acme-xml")["result"], "made")
        self.assertEqual(self.item(report, "tenant", "beta")["result"], "made")
        self.assertEqual(self.target.call("GET", "/api/v1/connections/acme-manual")[0], 404)
        report = self.bring(self.text)          # mended: only what was missing is made
        self.assertEqual({key for key, result in self.results(report).items() if result == "made"},
                         {("role", "acme/analyst"), ("connection", "acme-manual")})
        self.assertEqual(self.export(), self.text)

    def test_a_tenant_that_cannot_be_made_takes_its_parts_along(self):
        self.target.make_tenant("other", ["acme.example"])
        report = self.bring(self.document, code=3)
        acme = [item for item in report["items"] if item["name"].split("/")[0].split("-")[0] == "acme"
                and item["kind"] != "organization"]
        self.assertEqual({(item["result"], item["reason"]) for item in acme}, {("refused", "domain_taken")})
        self.assertEqual(len(acme), 1 + 1 + 2 + 1 + 2 * 4)
        self.assertIn("the tenant acme could not be made", acme[-1]["detail"])
        self.assertEqual(self.item(report, "connection", "beta-watched")["result"], "made")
        self.assertEqual([t["slug"] for t in self.target.api("GET", "/tenants")["items"]], ["beta", "other"])
        done = self.target.run("import", "-", stdin=self.text)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, r"tenant acme: refused: .*\(domain_taken\)")

    def test_a_connection_of_another_tenant_is_left_alone(self):
        self.target.make_tenant("other", ["other.example"])
        self.target.make_connection("other", "acme-manual", ForgedIdp("theirs").fields)
        before = self.target.api("GET", "/connections/acme-manual")
        for options in (["--dry-run"], []):
            report = self.bring(self.document, *options, code=3)
            for kind in ("connection", "idp", "policy", "rules"):
                self.assertEqual(self.item(report, kind, "acme-manual")["reason"], "duplicate_slug")
            self.assertEqual(report["refused"], 4)
        self.assertEqual(self.target.api("GET", "/connections/acme-manual"), before)
