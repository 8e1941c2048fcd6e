# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's own keys, rolled over while people sign in.

Owns: what the metadata publishes and what decrypts and signs at each step. Never: the rules of
the steps themselves (unit tests).
"""

import json
import os
import unittest

from browser import Browser
from case import TENANT, GateCase
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


class OwnKeysTest(GateCase):
    """Keys that a connection has for itself: they count at once, while the gate runs."""

    def published(self, use, connection=None):
        return certificates(self.gate.metadata(connection or self.connection).body, use)

    def keys(self, *words, connection=None):
        name = (connection or self.connection).slug
        return self.gate.must("keys", *words, "--connection", name, "--json").stdout

    def add(self, kind):
        items = json.loads(self.keys("add", kind))["items"]
        (row,) = [item for item in items if item["kind"] == kind and item["state"] == "next"]
        return str(row["number"])

    def refused_encryption(self, connection, key):
        page = self.log_in(connection=connection, sign="both", encrypt_to=key)
        self.assertProblem(page, 403, "encryption.failed", "encryption.no_key")

    def test_a_decryption_key_of_its_own_shuts_out_what_is_meant_for_others(self):
        other = self.gate.make_connection(TENANT, "acme-beside", self.idp.fields)
        (gates,) = self.published("encryption")
        number = self.add("encryption")
        self.assertEqual(self.published("encryption")[0], gates)
        own = self.published("encryption")[1]
        for key in (gates, own):
            self.assertGoodLogin(sign="both", encrypt_to=key)
        self.keys("use", "encryption", number)
        self.assertEqual(self.published("encryption"), [own, gates])
        self.keys("retire", "encryption", "0")
        self.assertEqual(self.published("encryption"), [own])
        self.assertGoodLogin(sign="both", encrypt_to=gates)
        self.keys("remove", "encryption", "0")
        # What is encrypted for the gate, and so for any other tenant, does not open here any more, signed or not ...
        self.refused_encryption(self.connection, gates)
        self.assertGoodLogin(sign="both", encrypt_to=own)
        # ... and what is encrypted for this connection opens nowhere else.
        self.assertEqual(self.published("encryption", other), [gates])
        self.refused_encryption(other, own)
        # It outlives a restart, and the way back is the same.
        self.gate.restart()
        self.assertGoodLogin(sign="both", encrypt_to=own)
        self.keys("add", "encryption", "--gate")
        self.keys("use", "encryption", "0")
        self.keys("retire", "encryption", number)
        self.keys("remove", "encryption", number)
        self.assertEqual(self.published("encryption"), [gates])
        self.refused_encryption(self.connection, own)
        self.assertGoodLogin(sign="both", encrypt_to=gates)

    def test_a_signing_key_of_its_own_signs_at_once(self):
        connection = self.gate.make_connection(TENANT, "acme-signs", self.idp.fields)

        def signs(key, where=connection):
            return redirect_signature_holds(begin(Browser(), where).raw_query, key)

        (gates,) = self.published("signing", connection)
        items = json.loads(self.keys("add", "signing", connection=connection))["items"]
        number = next(str(item["number"]) for item in items if item["state"] == "next")
        own = self.published("signing", connection)[1]
        self.assertTrue(signs(gates))
        self.keys("use", "signing", number, connection=connection)
        self.assertTrue(signs(own))
        self.assertFalse(signs(gates))
        self.assertTrue(signs(gates, self.connection))
        refused = self.gate.run("keys", "remove", "signing", number, "--connection", "acme-signs")
        self.assertEqual(refused.returncode, 3, refused.stderr)
        folder = os.path.join(self.gate.data, "keys", "connections", "acme-signs")
        self.assertTrue(os.path.exists(os.path.join(folder, f"saml-signing-{number}.key")))
        self.gate.api("DELETE", "/connections/acme-signs")
        self.assertFalse(os.path.exists(folder))

    def test_without_any_the_gate_s_count(self):
        shown = self.gate.api("GET", f"/connections/{self.connection.slug}/keys")
        self.assertEqual(shown["items"][0]["kind"], "signing")
        self.assertTrue(shown["items"][0]["gate"])


if __name__ == "__main__":
    unittest.main()
