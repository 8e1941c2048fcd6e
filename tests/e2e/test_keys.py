# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's own keys, rolled over while people sign in.

Owns: what the metadata publishes and what decrypts and signs at each step. Never: the rules of
the steps themselves (unit tests).
"""

import unittest

from browser import Browser
from case import GateCase
from harness import begin
from spmetadata import certificates, redirect_signature_holds


class KeysTest(GateCase):
    def published(self, use):
        return certificates(self.gate.metadata(self.connection).body, use)

    def step(self, *words):
        self.gate.must("keys", *words)
        self.gate.restart()

    def test_an_encryption_key_is_rolled_over_without_a_refused_login(self):
        (first,) = self.published("encryption")
        self.step("add", "encryption")
        both = self.published("encryption")
        self.assertEqual((len(both), both[0]), (2, first))
        second = both[1]
        for key in both:
            self.assertGoodLogin(sign="both", encrypt_to=key)
        self.step("use", "encryption", "2")
        self.assertEqual(self.published("encryption"), [second, first])
        for key in both:
            self.assertGoodLogin(sign="both", encrypt_to=key)
        self.step("retire", "encryption", "1")
        self.assertEqual(self.published("encryption"), [second])
        self.assertGoodLogin(sign="both", encrypt_to=first)
        self.step("remove", "encryption", "1")
        page = self.log_in(sign="both", encrypt_to=first)
        self.assertProblem(page, 403, "encryption.failed", "encryption.no_key")
        self.assertGoodLogin(sign="both", encrypt_to=second)

    def test_a_signing_key_is_published_before_it_signs(self):
        def signs(key):
            return redirect_signature_holds(begin(Browser(), self.connection).raw_query, key)

        (first,) = self.published("signing")
        self.step("add", "signing")
        first_again, second = self.published("signing")
        self.assertEqual(first_again, first)
        self.assertTrue(signs(first))
        self.step("use", "signing", "2")
        self.assertEqual(self.published("signing"), [second, first])
        self.assertTrue(signs(second))
        shown = self.gate.must("keys", "list").stdout
        self.assertIn("does not sign any more", shown)
        refused = self.gate.run("keys", "remove", "signing", "1")
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.step("retire", "signing", "1")
        self.step("remove", "signing", "1")
        self.assertEqual(self.published("signing"), [second])


if __name__ == "__main__":
    unittest.main()
