# SPDX-License-Identifier: GPL-3.0-or-later
"""What the crash tests share: a gate with one connection, forged Responses, and what must hold.

Owns: the gate under test (the one of tests/e2e, with a prefix for its command and what is preloaded), the forge and
the load generator of tests/bench as functions, and the question that all these tests end with: is every login that
got its answer there, and was no assertion taken twice? Never: a process that it did not start is ended.
"""
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "bench")]

import harness      # noqa: E402  (found by the path above)
import proctree     # noqa: E402
from tools import Tools, find_tools     # noqa: E402

SLUG = "bench"
ACS = f"/saml/{SLUG}/acs"
COOKIE = "__Host-gatehouse"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ANSWER_S = 10       # no answer may take longer, whatever is broken
REASON = re.compile(rb"\b(?:store|worker|assertion|conditions|limit|signature|response|login|saml|subject)\.[a-z_]+\b")
RULES = {"rules": [{"match": "prefix", "value": "bench-unit-03-", "roles": ["admin"]}],
         "default_role": "read_only", "mode": "authoritative"}


def tools():
    return Tools(find_tools(harness.build_dir()))


def shim(name):
    """A library to preload, built beside the bench's programs."""
    path = os.path.join(find_tools(harness.build_dir()), "..", "crash", f"{name}.so")
    if not os.path.exists(path):
        raise AssertionError(f"{path} is not there: run `make programs`")
    return os.path.realpath(path)


class Client:
    """One kept-alive connection."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def ask(self, method, path, body=None, headers=None):
        """(status, headers in lower case, bytes); a connection that was closed meanwhile is opened once more."""
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
            try:
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                text = answer.read()
                if answer.headers.get("Connection") == "close":
                    self.close()
                return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text
            except (http.client.HTTPException, OSError) as trouble:
                self.close()
                if attempt or isinstance(trouble, TimeoutError):
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def person(number):
    return f"person{number:08d}@bench.example"


class Rig(harness.Gate):
    """A gate, its connection `bench`, and its provider's Responses, which are numbered from 0."""

    def __init__(self, prefix=(), env=None, **settings):
        super().__init__(**settings)
        self.prefix, self.extra = list(prefix), env or {}
        self.tools = tools()
        self.idp = os.path.join(self.folder, "idp")
        self.tools.make_idp(self.idp)
        self.made = 0
        self.lines = []         # body number -> the form as it is posted
        self.sessions = {}      # body number -> cookie, of each login that got its answer
        self.client = Client(self.port)

    # -- life --------------------------------------------------------------------------------------

    def run(self, *arguments, stdin=None):
        return subprocess.run([*self.prefix, harness.find_built("gatehouse"), *arguments], env=self.env,
                              cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def serve(self, wait=True):
        self.client.close()
        self.program = harness.Program("gate", [*self.prefix, harness.find_built("gatehouse"), "serve"],
                                       dict(self.env, **self.extra), self.folder)
        if wait:
            self.program.wait_until(self.is_ready, "200 from /readyz")

    def ready_status(self):
        try:
            return Client(self.port).ask("GET", "/readyz")[0]
        except (OSError, http.client.HTTPException):
            return 0

    def is_ready(self):
        return self.ready_status() == 200

    def set_up(self):
        """Starts it and makes the connection."""
        self.start()
        with open(os.path.join(self.idp, "idp-metadata.xml"), encoding="utf-8") as f:
            metadata = f.read()
        self.make_tenant(SLUG, ["bench.example"])
        self.api("POST", f"/tenants/{SLUG}/connections", {"slug": SLUG})
        self.api("PUT", f"/connections/{SLUG}/idp", {"metadata_xml": metadata})
        self.api("PUT", f"/connections/{SLUG}/policy", {"unsolicited": True})
        self.api("PUT", f"/connections/{SLUG}/rules", RULES)
        return self

    @property
    def pid(self):
        return self.program.process.pid

    def kill(self):
        self.program.process.kill()
        self.program.process.wait()

    def end(self):
        """SIGTERM at the end of a test: it must end in good order, whatever it went through."""
        self.client.close()
        self.stop()

    def processes(self, parent):
        return [p for p in proctree.tree(self.pid) if p.parent == parent and p.state != "Z"]

    def spawner(self):
        found = self.processes(self.pid)
        return found[0] if found else None

    def workers(self):
        spawner = self.spawner()
        return self.processes(spawner.pid) if spawner else []

    # -- Responses ---------------------------------------------------------------------------------

    def forge(self, count):
        """The numbers of so many new ones."""
        first = self.made
        text = self.tools.forge(self.idp, self.base + ACS, f"{self.base}/saml/{SLUG}", "--count", count,
                                "--first", first)
        self.lines += text.splitlines()
        self.made += count
        assert len(self.lines) == self.made
        return range(first, self.made)

    def file_of(self, numbers, name="bodies"):
        """On the disk: else the system writes it there half a minute later, and whoever waits for a sync then waits for all of it."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.writelines(self.lines[n] + "\n" for n in numbers)
            f.flush()
            os.fsync(f.fileno())
        return path

    def post_all(self, numbers, conns=16):
        """Starts posting them in this order; taken() says what came of it."""
        self.posted = list(numbers)
        self.record = os.path.join(self.folder, "record")
        return subprocess.Popen(
            [os.path.join(self.tools.place, "load"), "--port", str(self.port), "--path", ACS, "--bodies",
             self.file_of(self.posted), "--conns", str(conns), "--seconds", "60", "--record", self.record],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def taken(self):
        """[(body number, cookie)] of the logins that the last post_all had accepted."""
        with open(self.record, encoding="ascii") as f:
            pairs = (line.split() for line in f)
            return [(self.posted[int(at)], cookie) for at, cookie in pairs]

    def acknowledge(self, test, pairs):
        """These got their answer: none may have had one before."""
        for number, cookie in pairs:
            test.assertNotIn(number, self.sessions, f"the assertion of body {number} was accepted twice")
            self.sessions[number] = cookie

    def log_in(self, number, client=None, as_json=False):
        """Posts one; (status, reason or None, the session's cookie or the JSON answer)."""
        accept = {"Accept": "application/json" if as_json else "text/html"}
        status, headers, text = (client or self.client).ask("POST", ACS, self.lines[number], {**FORM, **accept})
        if status == 303:
            return status, None, headers["set-cookie"].split(";")[0].split("=", 1)[1]
        if status == 200:
            return status, None, json.loads(text)
        slug = REASON.search(text)      # in problem+json, or on the page
        return status, slug.group().decode() if slug else None, headers

    # -- what must hold ----------------------------------------------------------------------------

    def session(self, cookie):
        """(status, JSON) of GET /session."""
        status, _, text = self.client.ask("GET", "/session", None, {"Cookie": f"{COOKIE}={cookie}"})
        return status, json.loads(text) if text else None

    def audited(self, since_id=""):
        """Who signed in by the audit log, newer than that id: user ids; and the newest id. Ids are compared only for being the same."""
        users, cursor, newest = set(), "", None
        while True:
            page = self.api("GET", f"/tenants/{SLUG}/audit?limit=200" + (f"&cursor={cursor}" if cursor else ""))
            for row in page["items"]:
                newest = newest or row["id"]
                if row["id"] == since_id:
                    return users, newest or since_id
                if row["event"] == "login.succeeded":
                    users.add(row["target"])
            cursor = page["next_cursor"]
            if not cursor:
                return users, newest or since_id

    def check_sessions(self, test, pairs):
        """Each of these is there with its user and his roles; returns the users' ids."""
        users = set()
        for number, cookie in pairs:
            status, body = self.session(cookie)
            test.assertEqual(status, 200, f"the session of body {number}, which was answered, is gone: {body}")
            test.assertEqual(body["user"]["name_id"], person(number), "a session names another person")
            test.assertEqual(body["roles"], ["admin"])
            users.add(body["user"]["id"])
        test.assertEqual(len(users), len({number for number, _ in pairs}))
        return users


def wait_for(what, condition, seconds):
    """Seconds until the condition held; a failure when it never did."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


def in_threads(count, work):
    """Runs work(i) in so many threads; what one of them raised is raised here."""
    raised = []

    def body(i):
        try:
            work(i)
        except BaseException as trouble:    # whatever it is, the test must see it
            raised.append(trouble)
    threads = [threading.Thread(target=body, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


class CrashCase(unittest.TestCase):
    """The base of these tests; the options of run.py are here."""

    rounds, soak, seed, all_cores = 50, False, 0, False
    maxDiff = None

    def rig(self, **options):
        rig = Rig(**options)
        self.addCleanup(self.finish, rig)
        return rig

    @staticmethod
    def finish(rig):
        rig.client.close()
        if rig.program is not None and rig.program.alive():
            rig.program.stop(signal.SIGKILL)
