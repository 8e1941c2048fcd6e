# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log by command: listed, shown, exported, verified, erased; with and without a running gate the same."""

import json

from case import REFUSED, CommandCase


class Audit:
    """The tests of both ways."""

    def test_who_did_what_and_what_changed(self):
        self.done("tenant", "add", "one", "--name", "One")
        self.done("tenant", "set", "one", "--name", "Uno")
        rows = self.data("audit", "list", "--tenant", "one", "--event", "tenant.")["items"]
        self.assertEqual([row["event"] for row in rows], ["tenant.changed", "tenant.created"])
        self.assertRegex(rows[0]["actor"], "^operator:")
        self.assertEqual((rows[0]["before"], rows[0]["after"]), ({"name": "One"}, {"name": "Uno"}))
        shown = self.done("audit", "show", "one", rows[0]["id"])
        self.assertIn('{"name":"Uno"}', shown)
        self.assertIn("tenant.created", self.done("audit", "list", "--tenant", "one"))
        self.assertEqual(self.data("audit", "list", "--tenant", "one", "--actor", "usr_x")["items"], [])
        self.refused("audit", "show", "one", "aud_999", says="not_found")
        self.refused("audit", "list", "--tenant", "nobody", says="not_found")

    def test_an_export_is_one_row_a_line_and_goes_on_where_it_ended(self):
        self.done("tenant", "add", "two")
        for number in range(3):
            self.done("role", "add", "two", f"r{number}", "--permission", "sso:manage")
        lines = [json.loads(line) for line in self.done("audit", "export", "--tenant", "two").splitlines()]
        self.assertEqual([line["seq"] for line in lines], [1, 2, 3, 4])
        self.done("role", "remove", "two", "r0")
        later = self.done("audit", "export", "--tenant", "two", "--after", lines[-1]["id"]).splitlines()
        # That somebody read the log stands there, too.
        events = [json.loads(line)["event"] for line in later]
        self.assertEqual([event for event in events if event != "pii.viewed"], ["role.deleted"])
        self.assertEqual(self.done("audit", "export", "--tenant", "two", "--event", "user."), "")

    def test_verify_says_whether_the_log_is_whole(self):
        self.done("tenant", "add", "three")
        report = self.data("audit", "verify", "--tenant", "three")
        self.assertTrue(report["ok"])
        anchor = f"{report['head']['seq']}:{report['head']['hash']}"
        self.assertIn("The log is whole.", self.done("audit", "verify", "--tenant", "three", "--anchor", anchor))
        self.assertIn("The log is whole.", self.done("audit", "verify"))
        other = f"{report['head']['seq']}:{'0' * 64}"
        ended = self.gate.run("audit", "verify", "--tenant", "three", "--anchor", other)
        self.assertEqual(ended.returncode, REFUSED)
        self.assertIn("altered", ended.stdout)
        longer = f"99:{'0' * 64}"
        ended = self.gate.run("audit", "verify", "--tenant", "three", "--anchor", longer, "--json")
        self.assertEqual(ended.returncode, REFUSED)
        self.assertEqual(json.loads(ended.stdout)["findings"][0]["kind"], "missing")
        self.refused("audit", "verify", "--tenant", "three", "--anchor", "nonsense", says="anchor")

    def test_a_person_is_erased_only_when_gone(self):
        self.done("tenant", "add", "four")
        user = self.data("user", "add", "four", "ann@four.example", "--role", "user")["id"]
        self.refused("audit", "erase", "four", user, says="illegal_transition")
        self.done("user", "remove", "four", user)
        self.assertIn("ann@four.example", self.done("audit", "export", "--tenant", "four"))
        self.assertIn("Erased in", self.done("audit", "erase", "four", user))
        self.assertNotIn("ann@four.example", self.done("audit", "export", "--tenant", "four"))
        report = self.data("audit", "verify", "--tenant", "four")
        self.assertTrue(report["ok"])
        self.assertGreater(report["erased_person"], 0)


class WithoutAGate(Audit, CommandCase):
    serving = False


class WithAGate(Audit, CommandCase):
    serving = True
