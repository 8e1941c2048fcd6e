# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of people from outside: taken in, done in the background, read back, interrupted, commanded.

Owns: 10,000 people in one file, a kill -9 in the middle, what others feel meanwhile. Never: what
the unit tests hold line by line.
"""

import csv
import http.client
import io
import json
import os
import pty
import subprocess
import time
import unittest

from harness import Gate, build_dir, find_built, temp_dir

TENANT, DOMAIN = "acme", "acme.example"
WAIT_S = 60  # for a job; 10,000 people take a second or two
# An instrumented gate is slower by an order of magnitude, and proves other things.
MANY = 1_500 if build_dir().endswith("asan") else 10_000
HEADER = ["email", "first_name", "last_name", "roles(;)", "campaigns", "action"]


def file_of(rows, header=HEADER):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def people(count, domain=DOMAIN, role="read_only"):
    return [
        [f"user{i}@{domain}", f"First{i}", f"Läst, {i}", f"{role};user", "view", ""]
        for i in range(count)
    ]


class BulkTest(unittest.TestCase):
    """One gate; each test has a tenant of its own."""

    @classmethod
    def setUpClass(cls):
        cls.gate = Gate().start()
        cls.tenants = 0

    @classmethod
    def tearDownClass(cls):
        cls.gate.stop()

    def setUp(self):
        type(self).tenants += 1
        self.tenant = f"acme{self.tenants}"
        self.domain = f"{self.tenant}.example"
        self.gate.make_tenant(self.tenant, [self.domain])

    def people(self, count):
        return people(count, self.domain)

    def send(self, text, query="mode=best_effort", expect=202):
        body = text.encode() if isinstance(text, str) else text
        path = f"/api/v1/tenants/{self.tenant}/users:bulk?send_invite=false&{query}"
        status, answer = self.gate.call("POST", path, body, headers={"Content-Type": "text/csv"})
        self.assertEqual(status, expect, answer)
        return answer

    def wait(self, job):
        end = time.monotonic() + WAIT_S
        while job["state"] in ("queued", "running"):
            self.assertLess(time.monotonic(), end, job)
            time.sleep(0.02)
            job = self.gate.api("GET", f"/jobs/{job['id']}")
        return job

    def run_file(self, text, query="mode=best_effort"):
        return self.wait(self.send(text, query))

    def text(self, path):
        """A GET whose answer is no JSON: its headers and its text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.gate.token}"})
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            return answer.headers, answer.read().decode()
        finally:
            connection.close()

    def counts(self, job):
        return {key: job[key] for key in ("created", "updated", "unchanged", "failed")}

    def total(self):
        return self.gate.api("GET", f"/tenants/{self.tenant}/users?limit=1")["total"]

    def test_ten_thousand_people_once_and_again(self):
        began = time.monotonic()
        job = self.run_file(file_of(self.people(MANY)))
        self.assertLess(time.monotonic() - began, WAIT_S)
        self.assertEqual(
            self.counts(job), {"created": MANY, "updated": 0, "unchanged": 0, "failed": 0}
        )
        self.assertEqual((job["state"], job["done"], job["total"]), ("finished", MANY, MANY))
        self.assertEqual(self.total(), MANY)
        again = self.run_file(file_of(self.people(MANY)), "mode=all_or_nothing")
        self.assertEqual(again["unchanged"], MANY)

    def test_ten_thousand_or_none(self):
        rows = self.people(MANY)
        rows[-1][3] = "nonesuch"
        job = self.run_file(file_of(rows), "mode=all_or_nothing")
        self.assertEqual((job["state"], job["reason"]), ("failed", "bulk.refused"))
        self.assertEqual(self.total(), 0)
        _headers, text = self.text(job["errors_url"])
        self.assertEqual(
            [row[:3] for row in csv.reader(io.StringIO(text))],
            [["line", "column", "reason"], [str(MANY + 1), "roles", "unknown_role"]],
        )
        job = self.run_file(file_of(self.people(MANY)), "mode=all_or_nothing")
        self.assertEqual((job["state"], job["created"]), ("finished", MANY))

    def test_a_dry_run_tells_and_keeps_nothing(self):
        rows = self.people(300)
        rows[7][0] = "nobody"
        for mode in ("best_effort", "all_or_nothing"):
            job = self.run_file(file_of(rows), f"mode={mode}&dry_run=true")
            self.assertEqual(job["failed"], 1)
            self.assertEqual(job["created"], 299 if mode == "best_effort" else 0)
            self.assertTrue(job["dry_run"])
        self.assertEqual(self.total(), 0)

    def test_a_kill_in_the_middle_loses_and_doubles_nothing(self):
        job = self.send(file_of(self.people(MANY)))
        end = time.monotonic() + WAIT_S
        while not 0 < job["done"] < MANY and job["state"] in ("queued", "running"):
            self.assertLess(time.monotonic(), end)
            job = self.gate.api("GET", f"/jobs/{job['id']}")
        self.gate.kill_and_restart()
        after = self.gate.api("GET", f"/jobs/{job['id']}")
        self.assertGreaterEqual(after["done"], job["done"])
        done = self.wait(after)
        self.assertEqual(done["state"], "finished")
        self.assertEqual(self.counts(done)["created"], MANY)
        self.assertEqual(self.counts(done)["unchanged"], 0)  # no line was done twice
        self.assertEqual(self.total(), MANY)

    def test_a_kill_leaves_nothing_of_all_or_nothing_and_it_begins_again(self):
        job = self.send(file_of(self.people(MANY)), "mode=all_or_nothing")
        end = time.monotonic() + WAIT_S
        while job["state"] == "queued":
            self.assertLess(time.monotonic(), end)
            job = self.gate.api("GET", f"/jobs/{job['id']}")
        self.gate.kill_and_restart()
        after = self.gate.api("GET", f"/jobs/{job['id']}")
        self.assertIn(after["done"], (0, MANY))
        done = self.wait(after)
        self.assertEqual((done["state"], done["created"]), ("finished", MANY))
        self.assertEqual(self.total(), MANY)

    def test_a_stop_lets_the_next_start_go_on(self):
        job = self.send(file_of(self.people(MANY)))
        self.gate.restart()
        done = self.wait(self.gate.api("GET", f"/jobs/{job['id']}"))
        self.assertEqual((done["state"], done["created"]), ("finished", MANY))

    def test_others_are_served_meanwhile(self):
        job = self.send(file_of(self.people(MANY)))
        writes = 0
        while job["state"] in ("queued", "running"):
            self.gate.api("PUT", f"/tenants/{self.tenant}", {"name": f"Acme {writes}"})
            writes += 1
            job = self.gate.api("GET", f"/jobs/{job['id']}")
        self.assertEqual(job["created"], MANY)
        self.assertGreater(writes, 10)  # a write waits for a batch, not for the job

    def test_a_cancelled_job_stops(self):
        job = self.send(file_of(self.people(MANY)))
        self.gate.api("POST", f"/jobs/{job['id']}:cancel")
        done = self.wait(self.gate.api("GET", f"/jobs/{job['id']}"))
        self.assertEqual(done["state"], "cancelled")
        self.assertLess(done["created"], MANY)
        self.assertEqual(self.total(), done["created"])
        listed = self.gate.api("GET", f"/tenants/{self.tenant}/jobs")["items"]
        self.assertEqual([one["id"] for one in listed], [job["id"]])

    def test_what_cannot_be_a_file_is_refused_at_once(self):
        cases = {
            "email\n\"open": "csv.malformed",
            "name\nx": "csv.header",
            "": "csv.header",
            "email\n" + "x\n" * 50_001: "bulk.too_many",
        }
        for text, reason in cases.items():
            self.assertEqual(self.send(text, expect=422)["reason"], reason)
        for query in ("mode=some", "dry_run=perhaps"):
            self.assertEqual(self.send("email\n", query, 422)["reason"], "invalid_input")
        large = "email,last_name\n" + "a" * (10 << 20)
        self.assertEqual(self.send(large, expect=413)["reason"], "body_too_large")
        self.assertEqual(self.gate.api("GET", f"/tenants/{self.tenant}/jobs")["items"], [])

    def test_nearly_ten_megabytes_are_taken(self):
        pad = "x" * 240
        rows = [[f"user{i}@{self.domain}", pad, pad, "", "", "update"] for i in range(20_000)]
        text = file_of(rows)
        self.assertGreater(len(text), 9 << 20)
        self.assertLess(len(text), 10 << 20)
        job = self.run_file(text)
        self.assertEqual((job["done"], job["failed"]), (20_000, 20_000))
        self.assertEqual(job["errors"], 10_000)  # that are kept
        _headers, text = self.text(job["errors_url"])
        self.assertEqual(len(list(csv.reader(io.StringIO(text)))), 10_001)

    def test_what_goes_out_comes_back_unchanged(self):
        rows = self.people(500) + [[f"calc@{self.domain}", "=1+1", "@SUM(A1)", "", "", ""]]
        self.assertEqual(self.run_file(file_of(rows))["failed"], 0)
        headers, text = self.text(f"/api/v1/tenants/{self.tenant}/users.csv")
        self.assertEqual(headers["Content-Type"], "text/csv; charset=utf-8")
        self.assertIn("attachment", headers["Content-Disposition"])
        read = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual(len(read), 501)
        calc = [row for row in read if row["email"].startswith("calc@")][0]
        self.assertEqual((calc["first_name"], calc["last_name"]), ("'=1+1", "'@SUM(A1)"))
        self.assertFalse([c for row in read for c in row.values() if c[:1] in tuple("=+-@\t\r")])
        job = self.run_file(text, "mode=all_or_nothing")
        self.assertEqual(job["unchanged"], 501)
        items = self.gate.api("GET", f"/tenants/{self.tenant}/users.json")
        status, job = self.gate.call("POST", f"/api/v1/tenants/{self.tenant}/users:bulk", items)
        self.assertEqual(status, 202, job)
        self.assertEqual(self.wait(job)["unchanged"], 501)
        events = [row["event"] for row in self.gate.api("GET", f"/tenants/{self.tenant}/audit")["items"]]
        self.assertIn("export.users_csv", events)
        self.assertIn("export.users_json", events)

    def test_another_tenant_s_jobs_are_not_there(self):
        job = self.run_file(file_of(self.people(3)))
        self.gate.make_tenant("other", ["other.example"])
        user = self.gate.api(
            "POST", "/tenants/other/users", {"email": "eve@other.example", "roles": ["admin"]}
        )
        service = self.gate.api(
            "POST",
            "/tenants/other/service-users",
            {"name": "spy", "owner": user["id"], "roles": ["admin"]},
        )
        made = self.gate.api("POST", f"/tenants/other/service-users/{service['id']}/credentials")
        token = self.token(made)
        for method, path in (
            ("GET", f"/api/v1/jobs/{job['id']}"),
            ("GET", f"/api/v1/jobs/{job['id']}/errors.csv"),
            ("POST", f"/api/v1/jobs/{job['id']}:cancel"),
            ("GET", f"/api/v1/tenants/{self.tenant}/users.csv"),
        ):
            status, answer = self.gate.call(method, path, token=token)
            self.assertEqual((status, answer["reason"]), (404, "not_found"), path)

    def token(self, credential):
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=30)
        connection.request(
            "POST",
            "/oauth2/token",
            f"grant_type=client_credentials&client_id={credential['client_id']}"
            f"&client_secret={credential['client_secret']}",
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["access_token"]


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = Gate()
        cls.gate.must("init")
        cls.gate.must("tenant", "add", TENANT, "--name", "Acme", "--domain", DOMAIN)
        cls.folder = temp_dir("bulk")

    def write(self, rows):
        path = os.path.join(self.folder, "people.csv")
        with open(path, "w", newline="") as file:
            file.write(file_of(rows))
        return path

    def round(self):
        rows = people(250)
        path = self.write(rows)
        done = self.gate.must("user", "import", TENANT, path, "--dry-run", "--no-invite")
        self.assertIn("dry run", done.stdout)
        job = json.loads(self.gate.must("user", "import", TENANT, path, "--json").stdout)
        self.assertEqual((job["state"], job["created"]), ("finished", 250))
        out = self.gate.must("user", "export", TENANT).stdout
        self.assertEqual(len(list(csv.reader(io.StringIO(out)))), 251)
        done = self.gate.run("user", "import", TENANT, "-", "--mode", "best_effort", stdin=out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("250", done.stdout)
        rows[3][0] = "nobody"
        errors = os.path.join(self.folder, "errors.csv")
        done = self.gate.run("user", "import", TENANT, self.write(rows), "--errors", errors)
        self.assertEqual(done.returncode, 3)
        with open(errors, newline="") as file:
            self.assertEqual(list(csv.reader(file))[1][:3], ["5", "email", "not_allowed"])
        done = self.gate.run("user", "import", TENANT, self.write(rows))
        self.assertIn("5,email,not_allowed", done.stderr)
        jobs = json.loads(self.gate.must("job", "list", TENANT, "--json").stdout)["items"]
        self.assertIn(jobs[0]["id"], self.gate.must("job", "list", TENANT).stdout)
        self.assertIn("bulk.refused", self.gate.must("job", "show", jobs[0]["id"]).stdout)
        self.assertIn("5,email", self.gate.must("job", "errors", jobs[0]["id"]).stdout)
        self.assertEqual(self.gate.run("job", "cancel", jobs[0]["id"]).returncode, 3)
        for user in json.loads(self.gate.must("user", "export", TENANT, "--json").stdout)["items"]:
            user["action"] = "delete"
        removed = [[row[0], "", "", "", "", "delete"] for row in people(250)]
        self.gate.must("user", "import", TENANT, self.write(removed))

    def on_a_terminal(self, *arguments):
        """Runs the command with a terminal as its stderr; returns what that showed."""
        there, here = pty.openpty()
        command = [find_built("gatehouse"), *arguments]
        with open(os.devnull) as null:
            done = subprocess.run(
                command, env=self.gate.env, stdin=null, stdout=subprocess.PIPE, stderr=here, timeout=60
            )
        os.close(here)
        shown = b""
        try:
            while part := os.read(there, 65536):
                shown += part
        except OSError:  # the other end is closed and all of it was read
            pass
        os.close(there)
        self.assertEqual(done.returncode, 0, shown)
        return shown.decode()

    def test_a_terminal_shows_how_far_it_is(self):
        rows = people(40, "terminal.example")
        shown = self.on_a_terminal("user", "import", TENANT, self.write(rows), "--no-invite")
        self.assertIn("40 of 40\r\n", shown)
        self.assertIn("[" + "#" * 40 + "]", shown)
        done = self.gate.must("user", "import", TENANT, self.write(rows), "--no-invite")
        self.assertNotIn("40 of 40", done.stderr)  # no terminal: no bar
        removed = [[row[0], "", "", "", "", "delete"] for row in rows]
        self.gate.must("user", "import", TENANT, self.write(removed))

    def test_without_and_with_a_running_gate(self):
        self.round()
        self.gate.serve()
        self.addCleanup(self.gate.stop)
        self.round()


if __name__ == "__main__":
    unittest.main()
