# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants, connections, rules, users and roles: with and without a running gate the same."""

import base64
import fcntl
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from case import DONE, FAILED, REFUSED, CommandCase
from browser import Browser
from cryptography.hazmat.primitives.serialization import Encoding
from forge import idp_metadata
from harness import IDP_PAGE, JSON, find_built, form_of
from seal import make_key

ADDRESSES = {"entity_id", "acs_url", "slo_url", "login_url", "metadata_url"}


class Objects:
    """The tests of both ways."""

    def test_a_tenant_from_its_making_to_its_end(self):
        made = self.data("tenant", "add", "one", "--name", "One Inc.", "--domain", "One.example")
        self.assertEqual(made["slug"], "one")
        self.assertEqual(made["domains"], ["one.example"])
        self.assertEqual(self.data("tenant", "show", "one")["name"], "One Inc.")
        listed = self.data("tenant", "list")
        self.assertLessEqual({"items", "next_cursor", "total"}, set(listed))
        self.assertIn("one", [item["slug"] for item in listed["items"]])
        text = self.done("tenant", "list")
        self.assertRegex(text, r"TENANT +NAME +STATE +DOMAINS\n")
        self.assertRegex(text, r"one +One Inc\. +enabled +one\.example")

        self.data("tenant", "set", "one", "--name", "Uno", "--add-domain", "uno.example", "--disable")
        now = self.data("tenant", "show", "one")
        self.assertEqual((now["name"], now["disabled"]), ("Uno", True))
        self.assertEqual(sorted(now["domains"]), ["one.example", "uno.example"])
        self.done("tenant", "set", "one", "--remove-domain", "one.example", "--enable")
        now = self.data("tenant", "show", "one")
        self.assertEqual((now["domains"], now["disabled"]), (["uno.example"], False))
        self.done("tenant", "set", "one", "--domain", "a.example", "--domain", "b.example")
        self.assertEqual(self.data("tenant", "show", "one")["domains"], ["a.example", "b.example"])
        self.refused("tenant", "set", "one", "--remove-domain", "z.example", says="z.example")
        self.usage("tenant", "set", "one", "--domain", "a.example", "--add-domain", "b.example")

        self.assertIn("one", self.done("tenant", "remove", "one"))
        self.refused("tenant", "show", "one", says="(not_found)")

    def test_what_the_gate_refuses_is_3_with_its_reason_and_the_fields(self):
        self.done("tenant", "add", "two", "--domain", "two.example")
        self.refused("tenant", "add", "two", says="duplicate_slug")
        self.refused("tenant", "add", "other", "--domain", "two.example", says="domain_taken")
        self.refused("tenant", "add", "Bad_Slug", "--domain", "nodot", says=("/slug", "/domains/0"))
        ended = self.ends(REFUSED, "tenant", "add", "two", "--json", says="duplicate_slug")
        problem = json.loads(ended.stdout)
        self.assertEqual((problem["status"], problem["reason"]), (409, "duplicate_slug"))
        self.refused("connection", "show", "nowhere", says="not_found")
        self.refused("user", "show", "two", "usr_nobody", says="not_found")
        self.refused("user", "show", "two", "nobody@two.example", says="nobody@two.example")
        self.refused("role", "show", "two", "nothing", says="not_found")
        self.refused("trace", "show", "trc_nothing", says="not_found")

    def test_a_connection_shows_what_it_needs_to_the_customers_it(self):
        self.done("tenant", "add", "three", "--domain", "three.example")
        text = self.done("connection", "add", "three-idp", "--tenant", "three")
        for part in (f"{self.gate.base}/saml/three-idp/acs", "gatehouse connection set three-idp"):
            self.assertIn(part, text)
        shown = self.data("connection", "show", "three-idp")
        self.assertLessEqual(ADDRESSES, set(shown))
        self.assertIn("none yet", self.done("connection", "show", "three-idp"))

        key = make_key(name="idp.example")
        bare = base64.b64encode(key.certificate.public_bytes(Encoding.DER)).decode()
        path = self.write("idp.xml", idp_metadata("https://idp.example", "https://idp.example/sso", [bare]))
        answer = self.data("connection", "set", "three-idp", "--metadata", path)
        self.assertEqual(answer["idp"]["entity_id"], "https://idp.example")
        self.assertIsInstance(answer["warnings"], list)
        text = self.done("connection", "show", "three-idp")
        for part in ("https://idp.example/sso", answer["idp"]["certificates"][0]["sha256"], "until 20"):
            self.assertIn(part, text)
        self.assertRegex(
            self.done("connection", "list", "--tenant", "three"),
            r"three-idp +three +enabled +https://idp\.example +until 20",
        )
        self.assertIn("three-idp", self.done("connection", "list"))
        with open(path) as file:
            self.done("connection", "set", "three-idp", "--metadata", "-", stdin=file.read())
        self.done("connection", "set", "three-idp", "--disable")
        self.assertIn("disabled", self.done("connection", "list"))
        self.done("connection", "set", "three-idp", "--enable")
        self.refused("tenant", "remove", "three", says="tenant_not_empty")
        self.done("connection", "remove", "three-idp")
        self.assertIn("no connection yet", self.done("connection", "list", "--tenant", "three"))

    def test_the_four_values_of_support_staff_in_any_spelling(self):
        self.done("tenant", "add", "four", "--domain", "four.example")
        self.done("connection", "add", "four-idp", "--tenant", "four")
        key = make_key(name="four.example")
        der = key.certificate.public_bytes(Encoding.DER)
        spellings = {"pem": key.pem, "der": der, "txt": base64.b64encode(der).decode()}
        prints = set()
        for name, content in spellings.items():
            answer = self.data(
                "connection",
                "set",
                "four-idp",
                "--entity-id",
                "https://four.example",
                "--sso-url",
                "https://four.example/sso",
                "--slo-url",
                "https://four.example/slo",
                "--cert",
                self.write("cert." + name, content),
            )
            prints.add(answer["idp"]["certificates"][0]["sha256"])
        self.assertEqual(len(prints), 1)
        path = self.write("nonsense.pem", "nonsense")
        self.refused(
            "connection", "set", "four-idp", "--entity-id", "https://four.example", "--sso-url",
            "https://four.example/sso", "--cert", path, says="invalid_certificate",
        )  # fmt: skip
        self.ends(FAILED, "connection", "set", "four-idp", "--cert", "/nowhere.pem", says="/nowhere.pem")
        self.ends(FAILED, "connection", "set", "four-idp", "--metadata", "/nowhere.xml", says="/nowhere.xml")
        self.refused("connection", "set", "four-idp", "--metadata", path, says="metadata.malformed")

    def test_a_policy_is_changed_key_by_key(self):
        self.done("tenant", "add", "five", "--domain", "five.example")
        self.done("connection", "add", "five-idp", "--tenant", "five")
        before = self.data("connection", "show", "five-idp")["policy"]
        after = self.data(
            "connection", "set", "five-idp", "--policy", "skew_seconds=60", "--policy", "unsolicited=true",
            "--policy", "want=both", "--policy", "domains=five.example", "--policy", "email_attribute=mail",
            "--policy", "authn_context=urn:a:b,urn:a:c",
        )["policy"]  # fmt: skip
        changes = {
            "skew_seconds": 60,
            "unsolicited": True,
            "want": "both",
            "domains": ["five.example"],
            "email_attribute": "mail",
            "authn_context": ["urn:a:b", "urn:a:c"],
        }
        self.assertEqual(after, {**before, **changes})
        back = self.data(
            "connection", "set", "five-idp", "--policy", "skew_seconds=180", "--policy", "unsolicited=false",
            "--policy", "want=either", "--policy", "domains=", "--policy", "email_attribute=null",
            "--policy", "authn_context=null",
        )["policy"]  # fmt: skip
        self.assertEqual(back, before)
        self.refused("connection", "set", "five-idp", "--policy", "skew=60", says="/skew")
        self.refused("connection", "set", "five-idp", "--policy", "skew_seconds=1000", says="/skew_seconds")
        self.refused("connection", "set", "five-idp", "--policy", "unsolicited=maybe", says="/unsolicited")
        self.refused("connection", "set", "five-idp", "--policy", "want=all", says="/want")
        self.assertEqual(self.data("connection", "show", "five-idp")["policy"], before)

    def test_rules_are_added_and_removed_one_by_one(self):
        self.done("tenant", "add", "six", "--domain", "six.example")
        self.done("connection", "add", "six-idp", "--tenant", "six")
        self.assertIn("refused", self.done("rule", "list", "six-idp"))
        self.done("rule", "add", "six-idp", "--value", "Admins", "--role", "admin")
        self.done(
            "rule", "add", "six-idp", "--match", "prefix", "--value", "cdp-", "--role", "read_only",
            "--role", "audiences_only",
        )  # fmt: skip
        self.done("rule", "set", "six-idp", "--default-role", "read_only", "--mode", "additive")
        rules = self.data("rule", "list", "six-idp")
        self.assertEqual(
            rules["rules"],
            [
                {"match": "exact", "value": "Admins", "roles": ["admin"]},
                {"match": "prefix", "value": "cdp-", "roles": ["read_only", "audiences_only"]},
            ],
        )
        self.assertEqual((rules["default_role"], rules["mode"]), ("read_only", "additive"))
        self.assertRegex(self.done("rule", "list", "six-idp"), r"2 +prefix +cdp- +read_only, audiences_only")
        self.done("rule", "remove", "six-idp", "1")
        self.done("rule", "set", "six-idp", "--default-role", "none")
        rules = self.data("rule", "list", "six-idp")
        self.assertEqual([rule["value"] for rule in rules["rules"]], ["cdp-"])
        self.assertIsNone(rules["default_role"])
        self.refused("rule", "remove", "six-idp", "2", says="there is no rule 2")
        self.refused("rule", "add", "six-idp", "--value", "X", "--role", "nothing", says="unknown_role")
        self.refused("rule", "add", "six-idp", "--match", "regex", "--value", "X", "--role", "admin", says="match")
        self.usage("rule", "add", "six-idp", "--value", "X", says="--role")

    def test_users_are_named_by_id_or_address(self):
        self.done("tenant", "add", "seven", "--domain", "seven.example")
        made = self.data("user", "add", "seven", "Ada@Seven.example", "--first", "Ada", "--role", "admin")
        self.assertEqual(made["email"], "ada@seven.example")
        self.refused("user", "add", "seven", "ada@seven.example", says="already_member")
        for name in (made["id"], "ada@seven.example", "ADA@seven.example"):
            self.assertEqual(self.data("user", "show", "seven", name)["id"], made["id"])
        self.assertIn("admin, manual", self.done("user", "show", "seven", made["id"]))
        now = self.data(
            "user", "set", "seven", "ada@seven.example", "--last", "L", "--role", "read_only", "--disable"
        )
        self.assertEqual((now["status"], now["last_name"]), ("disabled", "L"))
        self.assertEqual(now["roles"], [{"role_id": "read_only", "source": "manual"}])
        self.assertEqual(self.data("user", "set", "seven", made["id"], "--enable")["status"], "reactivating")
        self.assertEqual(self.data("user", "set", "seven", made["id"], "--no-roles")["roles"], [])
        self.done("user", "add", "seven", "bob@seven.example", "--role", "read_only")
        items = self.data("user", "list", "seven", "--role", "read_only", "--sort", "-email")["items"]
        self.assertEqual([item["email"] for item in items], ["bob@seven.example"])
        self.assertEqual(len(self.data("user", "list", "seven", "--limit", "1")["items"]), 1)
        self.assertEqual(len(self.data("user", "list", "seven", "--q", "ADA")["items"]), 1)
        self.assertIn("bob@seven.example", self.done("user", "list", "seven"))
        self.refused("user", "list", "seven", "--status", "asleep", says="asleep")
        self.refused("user", "set", "seven", "bob@seven.example", "--role", "nothing", says="unknown_role")
        self.usage("user", "set", "seven", "bob@seven.example", says="nothing to change")
        self.done("user", "remove", "seven", "bob@seven.example")
        self.refused("user", "show", "seven", "bob@seven.example")

    def test_roles_of_a_tenants_own(self):
        self.done("tenant", "add", "eight")
        listed = self.done("role", "list", "eight")
        for role in ("read_only", "audiences_only", "security_gatekeeper"):
            self.assertRegex(listed, rf"{role} .*built-in")
        self.done(
            "role", "add", "eight", "viewer", "--name", "Viewer", "--description", "looks", "--permission", "users:view"
        )
        role = self.data("role", "show", "eight", "viewer")
        self.assertEqual((role["name"], role["builtin"]), ("Viewer", False))
        self.assertIn("users:view", role["permissions"])
        self.assertIn("users:view", self.done("role", "show", "eight", "viewer"))
        self.refused("role", "add", "eight", "viewer", "--permission", "users:view", says="duplicate")
        self.refused("role", "add", "eight", "x", "--permission", "users:fly", says="unknown_permission")
        self.usage("role", "add", "eight", "x", says="--permission")
        self.refused("role", "remove", "eight", "admin", says="builtin_role_immutable")
        self.done("role", "remove", "eight", "viewer")
        self.refused("role", "show", "eight", "viewer")

    def test_long_lists_come_whole(self):
        self.done("tenant", "add", "nine", "--domain", "nine.example")
        for number in range(3):
            self.done("user", "add", "nine", f"u{number}@nine.example")
        self.assertEqual(len(self.data("user", "list", "nine", "--limit", "2")["items"]), 2)
        self.assertEqual(len(self.data("user", "list", "nine")["items"]), 3)
        self.assertEqual(self.data("trace", "list", "nine")["items"], [])
        self.assertIn("Nothing", self.done("trace", "list", "nine"))


class ObjectsWithoutGateTest(Objects, CommandCase):
    serving = False

    def test_the_store_of_a_process_that_does_not_answer_is_one_sentence(self):
        with open(os.path.join(self.gate.data, "lock"), "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ended = self.ends(FAILED, "tenant", "list", says=self.gate.data)
            self.assertEqual(len(ended.stderr.splitlines()), 1)
        self.done("tenant", "list")


    def test_commands_at_the_same_time_wait_for_each_other(self):
        names = [f"par{number}" for number in range(3)]
        with ThreadPoolExecutor(len(names)) as pool:
            ended = list(pool.map(lambda name: self.gate.run("tenant", "add", name), names))
        self.assertEqual([one.returncode for one in ended], [DONE] * len(names), ended)


class ObjectsWithGateTest(Objects, CommandCase):
    serving = True

    def test_a_command_goes_to_the_running_gate_and_into_its_audit_log(self):
        self.done("tenant", "add", "seen", "--domain", "seen.example")
        self.assertEqual(self.gate.api("GET", "/tenants/seen")["slug"], "seen")
        rows = self.gate.api("GET", "/tenants/seen/audit")["items"]
        self.assertIn(f"operator:{os.getuid()}", [row["actor"] for row in rows])

    def test_a_refused_sign_in_is_explained(self):
        self.done("tenant", "add", "traced", "--domain", "traced.example")
        self.done("connection", "add", "traced-idp", "--tenant", "traced")
        acs = self.data("connection", "show", "traced-idp")["acs_url"]
        page = Browser().post(acs, form_of("<x/>"), headers=JSON, initiator=IDP_PAGE)
        problem = json.loads(page.body)
        listed = self.data("trace", "list", "traced")["items"]
        self.assertEqual([one["id"] for one in listed], [problem["trace_id"]])
        self.assertIn(problem["reason"], self.done("trace", "list", "traced"))
        self.assertIn(problem["trace_id"], self.done("trace", "list", "traced", "--reason", problem["reason"]))
        self.assertEqual(self.data("trace", "list", "traced", "--reason", "accepted")["items"], [])
        self.assertEqual(self.data("trace", "show", problem["trace_id"])["reason"], problem["reason"])
        text = self.done("trace", "show", problem["trace_id"])
        for part in ("FAIL", "expected", "refused: " + problem["reason"], "What to do: ", "traced-idp"):
            self.assertIn(part, text)

    def test_a_socket_that_a_dead_gate_left_is_no_hindrance(self):
        self.gate.program.stop(9)
        try:
            self.assertTrue(os.path.exists(os.path.join(self.gate.data, "control.sock")))
            self.done("tenant", "list")
        finally:
            self.gate.serve()

    def test_a_user_who_is_not_the_gates_is_told_so(self):
        if os.geteuid() != 0:
            self.assertTrue(True)  # only root may become nobody
            return
        os.chmod(self.gate.folder, 0o755)
        program = self.write("gatehouse-copy", open(find_built("gatehouse"), "rb").read())
        os.chmod(program, 0o755)
        ended = subprocess.run(
            [program, "tenant", "list"], env=self.gate.env, cwd="/", user=65534, group=65534,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        self.assertEqual(ended.returncode, FAILED, ended.stderr)
        self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
        self.assertIn("control.sock", ended.stderr)
