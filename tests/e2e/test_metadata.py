# SPDX-License-Identifier: GPL-3.0-or-later
"""An identity provider's metadata in a running gate, with real workers.

Owns: metadata that has to be signed, metadata that changes at its address, keys that are
distrusted, and metadata that ends. Never: what a login checks besides.
"""

import http.server
import json
import re
import threading
import time
import unittest

from case import TENANT, GateCase
from forge import idp_metadata
from seal import Seal, make_key, sealed


class Publisher:
    """A web server of this test that serves one document, which the test may change."""

    def __init__(self):
        outer = self
        self.document = ""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = outer.document.encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/metadata"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def signed(xml, key, identifier="_m1"):
    """The metadata with an ID, signed by this key as its publisher does it."""
    xml = xml.replace(" entityID=", f' ID="{identifier}" entityID=', 1)
    start = re.match(r"<[^>]*>", xml).group()
    return sealed(xml, identifier, Seal(key), after=start)


class MetadataTest(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publisher = Publisher()
        cls.addClassCleanup(cls.publisher.stop)
        cls.federation = make_key(name="federation.example")

    def document(self, *keys, **changes):
        keys = keys or (self.idp.key,)
        return idp_metadata(
            self.idp.entity_id, self.idp.sso_url, [key.base64 for key in keys], **changes
        )

    def put(self, **body):
        return self.gate.call("PUT", "/api/v1/connections/acme-forged/idp", body)

    def assertRefused(self, answer, reason):
        status, problem = answer
        self.assertEqual((status, problem.get("reason")), (422, reason), problem)
        return problem

    def assertStored(self, answer):
        status, stored = answer
        self.assertEqual(status, 200, stored)
        return stored

    def tearDown(self):
        self.put(metadata_xml=self.document(), metadata_certificate=None, metadata_valid_days=0)

    # -- signed --------------------------------------------------------------------------------

    def test_metadata_with_a_pinned_key_counts_only_when_it_signed(self):
        pin = {"metadata_certificate": self.federation.pem}
        good = signed(self.document(), self.federation)
        stored = self.assertStored(self.put(metadata_xml=good, **pin))
        self.assertTrue(stored["metadata_signed"])
        self.assertEqual(len(stored["metadata_certificates"]), 1)
        self.assertGoodLogin()
        # What is left out stays: the pin holds for the next document too.
        self.assertRefused(self.put(metadata_xml=self.document()), "metadata.signature")
        stranger = signed(self.document(), make_key(name="stranger.example"))
        self.assertRefused(self.put(metadata_xml=stranger), "metadata.signature")
        tampered = good.replace(self.idp.sso_url, "https://evil.example/sso")
        self.assertRefused(self.put(metadata_xml=tampered), "metadata.signature")
        self.assertStored(self.put(metadata_xml=good))

    def test_metadata_without_an_end_or_with_a_far_one_is_refused_where_asked(self):
        days = {"metadata_valid_days": 7}
        day = 86400
        self.assertRefused(self.put(metadata_xml=self.document(), **days), "metadata.validity")
        far = self.document(valid_until=8 * day)
        self.assertRefused(self.put(metadata_xml=far, **days), "metadata.validity")
        near = self.document(valid_until=6 * day)
        stored = self.assertStored(self.put(metadata_xml=near, **days))
        self.assertEqual(stored["metadata_valid_days"], 7)
        self.assertGoodLogin()
        # What is left out stays, and is given up only when it is said.
        self.assertRefused(self.put(metadata_xml=self.document()), "metadata.validity")
        self.assertRefused(self.put(metadata_xml=far, metadata_valid_days=-1), "invalid_input")
        stored = self.assertStored(self.put(metadata_xml=self.document(), metadata_valid_days=0))
        self.assertEqual(stored["metadata_valid_days"], 0)

    def test_a_wrapped_signature_is_none(self):
        pin = {"metadata_certificate": self.federation.pem}
        good = signed(self.document(), self.federation)
        evil = self.document(make_key(name="evil.example"))
        start = re.match(r"<[^>]*>", evil).group()
        signature = re.search(r"<ds:Signature .*?</ds:Signature>", good).group()
        original = good.replace(signature, "")
        with_id = start.replace(" entityID=", ' ID="_m2" entityID=')
        same_id = start.replace(" entityID=", ' ID="_m1" entityID=')
        inside = f"<md:Extensions>{original}</md:Extensions>"
        whole = f"<md:Extensions>{good}</md:Extensions>"
        group = '<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"'
        for name, text in {
            "signature moved, original beside": evil.replace(start, with_id + signature + inside),
            "the same ID twice": evil.replace(start, same_id + signature + inside),
            "the signed one inside": evil.replace(start, with_id + whole),
            "evil with the signature": evil.replace(start, same_id + signature),
            "a group around both": f"{group}>{good}{evil}</md:EntitiesDescriptor>",
            "a group with the signature": f'{group} ID="_m1">{signature}{evil}{original}'
            "</md:EntitiesDescriptor>",
        }.items():
            with self.subTest(name):
                problem = self.put(metadata_xml=text, entity_id=self.idp.entity_id, **pin)
                self.assertRefused(problem, "metadata.signature")

    # -- changing ------------------------------------------------------------------------------

    def look(self):
        return self.gate.api("POST", "/connections/acme-forged:refresh-metadata")

    def test_a_key_that_is_added_applies_by_policy_and_all_else_waits(self):
        second = make_key(name="second.example")
        self.publisher.document = self.document()
        self.assertStored(self.put(metadata_url=self.publisher.url))
        self.assertEqual(self.look()["outcome"], "same")
        self.gate.api("PUT", "/connections/acme-forged/policy", {"metadata_changes": "auto"})
        self.addCleanup(self.gate.api, "PUT", "/connections/acme-forged/policy", {})
        self.publisher.document = self.document(self.idp.key, second)
        self.assertEqual(self.look()["outcome"], "applied")
        self.assertGoodLogin(key=second)
        # Another address to sign on at waits, and changes nothing until it is approved.
        self.publisher.document = self.document(self.idp.key, second).replace(
            self.idp.sso_url, "https://other.idp.example/sso"
        )
        look = self.look()
        self.assertEqual((look["outcome"], look["alarm"]), ("pending", True), look)
        idp = self.gate.api("GET", "/connections/acme-forged/idp")
        self.assertEqual(idp["sso"][0]["location"], self.idp.sso_url)
        shown = self.gate.must("connection", "changes", "acme-forged").stdout
        self.assertIn("https://other.idp.example/sso", shown)
        self.gate.must("connection", "approve", "acme-forged")
        idp = self.gate.api("GET", "/connections/acme-forged/idp")
        self.assertEqual(idp["sso"][0]["location"], "https://other.idp.example/sso")
        events = self.gate.api("GET", f"/tenants/{TENANT}/audit?limit=50")["items"]
        names = {event["event"] for event in events}
        self.assertLessEqual(
            {"sso.metadata_applied", "sso.metadata_change_pending", "sso.metadata_change_approved"},
            names,
        )

    def test_a_document_that_came_to_have_no_end_changes_nothing(self):
        good = self.document(valid_until=86400)
        self.publisher.document = good
        self.assertStored(self.put(metadata_url=self.publisher.url, metadata_valid_days=2))
        self.publisher.document = self.document(make_key(name="other.example"))
        self.assertEqual(self.look()["outcome"], "failed")
        self.assertGoodLogin()
        self.publisher.document = good
        self.assertEqual(self.look()["outcome"], "same")

    def test_a_lost_signature_raises_an_alarm_and_changes_nothing(self):
        self.publisher.document = signed(self.document(), self.federation)
        self.assertStored(
            self.put(metadata_url=self.publisher.url, metadata_certificate=self.federation.pem)
        )
        self.publisher.document = self.document(make_key(name="evil.example"))
        look = self.look()
        self.assertEqual(look["outcome"], "failed", look)
        self.assertEqual((look["trouble"], look["alarm"]), ("metadata.signature", True), look)
        done = self.gate.run("connection", "refresh", "acme-forged")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertGoodLogin()

    def test_an_unsolicited_rejection_stays(self):
        self.publisher.document = self.document()
        self.assertStored(self.put(metadata_url=self.publisher.url))
        self.publisher.document = self.document(make_key(name="other.example"))
        self.assertEqual(self.look()["outcome"], "pending")
        self.gate.must("connection", "reject", "acme-forged")
        self.assertEqual(self.look()["outcome"], "rejected")
        self.assertGoodLogin()

    # -- distrusted ----------------------------------------------------------------------------

    def test_a_distrusted_key_is_out_at_once_and_stays_out(self):
        second = make_key(name="second.example")
        document = self.document(self.idp.key, second)
        self.assertStored(self.put(metadata_xml=document))
        self.assertGoodLogin(key=second)
        idp = self.gate.api("GET", "/connections/acme-forged/idp")
        print_of = {one["subject"]: one["sha256"] for one in idp["certificates"]}
        (sha256,) = [value for name, value in print_of.items() if "second" in name]
        self.gate.must("connection", "distrust", "acme-forged", sha256)
        self.addCleanup(self.gate.run, "connection", "trust", "acme-forged", sha256)
        problem = self.assertProblem(
            self.log_in(key=second), 403, "signature.unknown_signer", "signature.value"
        )
        self.assertTrace(problem["trace_id"], problem["reason"])
        self.assertGoodLogin()
        stored = self.assertStored(self.put(metadata_xml=document))
        self.assertTrue(any("distrusted" in one for one in stored["warnings"]), stored)
        self.assertProblem(
            self.log_in(key=second), 403, "signature.unknown_signer", "signature.value"
        )
        shown = self.gate.must("connection", "show", "acme-forged").stdout
        self.assertIn(sha256, shown)

    # -- ending --------------------------------------------------------------------------------

    def test_metadata_that_ends_lets_nobody_in_any_more(self):
        self.gate.api("PUT", "/connections/acme-forged/policy", {"skew_seconds": 0})
        self.addCleanup(self.gate.api, "PUT", "/connections/acme-forged/policy", {})
        stored = self.assertStored(self.put(metadata_xml=self.document(valid_until=3)))
        self.assertTrue(stored["valid_until"], stored)
        self.assertGoodLogin()
        self.assertTrue(self.gate.api("GET", "/connections/acme-forged")["ready"])
        time.sleep(3.5)
        problem = self.assertProblem(self.log_in(), 403, "signature.unknown_signer")
        trace = self.assertTrace(problem["trace_id"], "signature.unknown_signer")
        failed = [one["check"] for one in trace["checks"] if one["result"] == "fail"]
        self.assertEqual(failed, ["metadata_valid_until"], json.dumps(trace))
        self.assertIn("expired", trace["hint"])
        connection = self.gate.api("GET", "/connections/acme-forged")
        self.assertFalse(connection["ready"], connection)
        self.assertTrue(any("valid until" in one for one in connection["problems"]), connection)


if __name__ == "__main__":
    unittest.main()
