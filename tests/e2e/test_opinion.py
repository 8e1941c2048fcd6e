# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections whose policy asks lasso for a second opinion: what both accept is a login, what only
the gate accepts is refused with a reason of its own, and what the gate refuses it refuses as ever."""

import unittest

from case import ForgedIdp, GateCase
from seal import make_key
from spmetadata import certificates

SLUG = "acme-twice"
REASON = "assertion.second_opinion"


class OpinionTest(GateCase):
    policy = {"second_opinion": True}

    def opinion_of(self, page, result):
        """The trace's row of the second opinion, which must be the only one and say this."""
        trace = self.gate.trace(page if isinstance(page, str) else page["trace_id"])
        rows = [row for row in trace["checks"] if row["check"] == "second_opinion"]
        self.assertEqual([row["result"] for row in rows], [result], trace)
        return rows[0]

    def test_what_lasso_accepts_too_is_a_login(self):
        for sign in ("assertion", "response", "both"):
            with self.subTest(sign=sign):
                answer = self.assertSignedIn(self.log_in(sign=sign))
                row = self.opinion_of(answer, "pass")
                self.assertEqual((row["expected"], row["got"]), ("ada@acme.example",) * 2)

    def test_an_encrypted_assertion_needs_a_signature_of_its_own(self):
        certificate = certificates(self.gate.metadata(self.connection).body, "encryption")[0]
        for sign in ("assertion", "both"):
            with self.subTest(sign=sign):
                self.assertSignedIn(self.log_in(sign=sign, encrypt_to=certificate))
        page = self.log_in(sign="response", encrypt_to=certificate)
        problem = self.assertProblem(page, 403, REASON)
        self.assertTrace(problem["trace_id"], REASON)
        self.assertIn("key", self.opinion_of(problem, "fail")["got"])

    def test_what_lasso_cannot_verify_is_refused_and_explained(self):
        curve = make_key("p256", name="idp.example")
        idp = ForgedIdp("curve")
        idp.key = curve
        connection = self.gate.make_connection("acme", SLUG, idp.fields, **self.policy)
        changes = {
            "issuer": idp.entity_id,
            "key": curve,
            "sig_alg": "ecdsa-sha256",
            "connection": connection,
            "name_id": "cleo@acme.example",
        }
        problem = self.assertProblem(self.log_in(**changes), 403, REASON)
        self.assertTrace(problem["trace_id"], REASON)
        self.assertTrue(self.opinion_of(problem, "fail")["got"].startswith("lasso: "))
        self.gate.api("PUT", f"/connections/{SLUG}/policy", {"second_opinion": False})
        self.assertSignedIn(self.log_in(**changes))

    def test_what_the_gate_refuses_is_refused_with_the_gate_s_reason(self):
        for reason, changes in (
            ("conditions.audience", {"audience": "https://other.example/"}),
            ("signature.unknown_signer", {"key": ForgedIdp("foreign").key}),
        ):
            with self.subTest(reason=reason):
                problem = self.assertProblem(self.log_in(**changes), 403, reason)
                self.opinion_of(problem, "skip")
        self.assertGoodLogin()


if __name__ == "__main__":
    unittest.main()
