# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the tests that need a gate: one gate a class, one tenant, a forged provider.

Owns: what these tests share: the set-up, a whole login by the forge, and the checks of an answer
and of its trace. Never: a test of its own.
"""

import json
import unittest
from dataclasses import replace

from browser import Browser
from forge import Response
from harness import Gate, begin, post_response
from seal import make_key

TENANT, DOMAIN = "acme", "acme.example"
LOGIN_FIELDS = {
    "access_token",
    "token_type",
    "expires_in",
    "session_id",
    "tenant",
    "user",
    "roles",
    "permissions",
    "return_to",
    "trace_id",
}
SESSION_FIELDS = {
    "session_id",
    "tenant",
    "connection",
    "user",
    "roles",
    "permissions",
    "authenticated_at",
    "expires_at",
}
TRACE_FIELDS = {
    "id",
    "time",
    "connection",
    "tenant",
    "accepted",
    "reason",
    "detail",
    "hint",
    "name_id",
    "email",
    "checks",
}


class ForgedIdp:
    """An identity provider that is nothing but a name and a key."""

    def __init__(self, name="forged", **key):
        self.entity_id = f"https://{name}.idp.example/metadata"
        self.sso_url = f"https://{name}.idp.example/sso"
        self.slo_url = f"https://{name}.idp.example/slo"
        self.key = make_key(name=f"{name}.idp.example", **key)

    @property
    def fields(self):
        """The trust as support staff get it: names, addresses and a certificate."""
        return {
            "entity_id": self.entity_id,
            "sso_url": self.sso_url,
            "slo_url": self.slo_url,
            "certificates": [self.key.pem],
        }

    def response(self, connection, request=None, **changes):
        """A good Response for a connection, or one with these fields changed."""
        good = Response(
            key=self.key,
            issuer=self.entity_id,
            audience=connection.entity_id,
            recipient=connection.acs_url,
            destination=connection.acs_url,
            in_response_to=request.id if request else None,
            groups=("staff", "platform-admins"),
        )
        return replace(good, **changes)


class GateCase(unittest.TestCase):
    """A class of tests with a gate of its own: cls.gate, cls.idp and cls.connection (`acme`)."""

    maxDiff = None
    policy = {}  # of the connection
    settings = {}  # of the gate

    @classmethod
    def setUpClass(cls):
        cls.gate = Gate(**cls.settings)
        cls.addClassCleanup(cls.gate.stop)
        cls.gate.start()
        cls.gate.make_tenant(TENANT, [DOMAIN])
        cls.idp = ForgedIdp()
        cls.connection = cls.gate.make_connection(
            TENANT, "acme-forged", cls.idp.fields, **cls.policy
        )

    def log_in(self, browser=None, connection=None, as_json=True, return_to=None, **changes):
        """A whole SP-initiated login with a forged response; returns the ACS's answer."""
        browser = browser or Browser()
        connection = connection or self.connection
        request = begin(browser, connection, return_to)
        xml = self.idp.response(connection, request, **changes).xml()
        return post_response(browser, connection, xml, request.relay_state, as_json)

    def assertProblem(self, page, status, *reasons):
        """The answer is problem+json with that status and one of these reasons; returns it."""
        self.assertEqual(page.content_type, "application/problem+json", page.text[:600])
        problem = json.loads(page.body)
        self.assertIn(problem.get("reason"), reasons, problem)
        self.assertEqual(page.status, status, problem)
        self.assertEqual(problem["status"], status, problem)
        for name in ("type", "title", "detail", "trace_id"):
            self.assertIsInstance(problem.get(name), str, problem)
            self.assertTrue(problem[name], f"{name} is empty: {problem}")
        self.assertFalse(page.header_all("set-cookie") and "__Host-gatehouse=" in str(page.headers))
        return problem

    def assertSignedIn(self, page):
        """The answer is the JSON of an accepted login, as the contract has it; returns it."""
        self.assertEqual(page.status, 200, page.text[:2000])
        self.assertEqual(page.content_type, "application/json")
        answer = json.loads(page.body)
        self.assertEqual(set(answer), LOGIN_FIELDS)
        self.assertEqual(set(answer["user"]), {"id", "email", "name_id"})
        return answer

    def assertGoodLogin(self, **changes):
        """A good login is still accepted: what was refused before has broken nothing."""
        return self.assertSignedIn(self.log_in(**changes))

    def assertTrace(self, trace_id, reason):
        """The trace of a refused login says what was checked, expected and got, and where to
        change it; returns it."""
        trace = self.gate.trace(trace_id)
        self.assertLessEqual(TRACE_FIELDS, set(trace))
        self.assertEqual(trace["id"], trace_id)
        self.assertIs(trace["accepted"], False)
        self.assertEqual(trace["reason"], reason)
        self.assertTrue(trace["detail"], trace)
        self.assertTrue(trace["hint"], trace)
        for check in trace["checks"]:
            self.assertLessEqual({"check", "result", "expected", "got"}, set(check))
            self.assertIn(check["result"], ("pass", "fail", "skip"))
        failed = [check for check in trace["checks"] if check["result"] == "fail"]
        self.assertTrue(failed, f"no check says that it failed: {trace}")
        for check in failed:
            self.assertTrue(check["expected"] or check["got"], check)
        return trace
