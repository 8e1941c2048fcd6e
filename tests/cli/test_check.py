# SPDX-License-Identifier: GPL-3.0-or-later
"""gatehouse check and gatehouse metadata: without a server, without a data directory."""

import base64
import datetime
import json
from dataclasses import replace
from urllib.parse import quote

from case import DONE, FAILED, REFUSED, CommandCase
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding
from forge import Response, idp_metadata, sp_metadata
from seal import make_key

IDP = "https://idp.example/metadata"
SP = "https://login.example.com/saml/acme"
ACS = SP + "/acs"
REQUEST = "_a0b1c2d3e4f5a6b7"
IDENTITY = {"issuer", "name_id", "name_id_format", "session_index", "attributes"}


def bare(key):
    return base64.b64encode(key.certificate.public_bytes(Encoding.DER)).decode()


class MessageCase(CommandCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(name="idp.example")
        cls.other = make_key(name="other.example")
        # Nothing of a data directory is there to be used.
        cls.gate.env = {**cls.gate.env, "GATEHOUSE_DATA_DIR": "/nowhere"}

    def setUp(self):
        self.cert = self.write("idp.pem", self.key.pem)
        self.trust = ("--idp-entity-id", IDP, "--idp-cert", self.cert)
        self.us = ("--entity-id", SP, "--acs-url", ACS)

    def response(self, **changes):
        good = Response(
            key=self.key, issuer=IDP, audience=SP, recipient=ACS, destination=ACS, in_response_to=REQUEST,
            attributes={"mail": ["ada@acme.example"]}, groups=("staff", "admins"),
        )  # fmt: skip
        return replace(good, **changes)

    def judge(self, content, *options, trust=None, status=None):
        """The JSON of `gatehouse check` and the exit status, which must fit it."""
        xml = content.xml() if isinstance(content, Response) else content
        path = self.write("message", xml)
        command = ("check", *(trust or self.trust), *self.us, *options, "--json", path)
        ended = self.gate.run(*command)
        self.assertEqual(ended.stderr, "")
        answer = json.loads(ended.stdout)
        self.assertLessEqual({"accepted", "reason", "detail", "checks", "identity"}, set(answer))
        self.assertEqual(ended.returncode, DONE if answer["accepted"] else REFUSED, ended.stdout)
        for check in answer["checks"]:
            self.assertEqual(set(check), {"check", "result", "expected", "got"})
            self.assertIn(check["result"], ("pass", "fail", "skip"))
        return answer

    def accepted(self, content, *options, trust=None):
        answer = self.judge(content, *options, trust=trust)
        self.assertIs(answer["accepted"], True, answer)
        self.assertIsNone(answer["reason"])
        self.assertIsNone(answer["detail"])
        self.assertEqual(set(answer["identity"]), IDENTITY)
        self.assertNotIn("fail", [check["result"] for check in answer["checks"]])
        return answer

    def refusal(self, reason, content, *options, trust=None):
        answer = self.judge(content, *options, trust=trust)
        self.assertIs(answer["accepted"], False, answer)
        self.assertEqual(answer["reason"], reason, answer)
        self.assertTrue(answer["detail"])
        self.assertIsNone(answer["identity"])
        self.assertIn("fail", [check["result"] for check in answer["checks"]])
        return answer

    def result(self, answer, name):
        return [check["result"] for check in answer["checks"] if check["check"] == name]


class CheckTest(MessageCase):
    def test_a_good_response_is_accepted_and_says_who(self):
        for sign in ("assertion", "response", "both"):
            answer = self.accepted(self.response(sign=sign), "--in-response-to", REQUEST)
            who = answer["identity"]
            self.assertEqual((who["issuer"], who["name_id"]), (IDP, "ada@acme.example"))
            self.assertEqual(who["attributes"], {"mail": ["ada@acme.example"], "groups": ["staff", "admins"]})
            self.assertEqual(self.result(answer, "request"), ["pass"])

    def test_xml_base64_and_forms_are_the_same_message(self):
        xml = self.response().xml()
        text = base64.b64encode(xml.encode()).decode()
        wrapped = "\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + "\n"
        for content in (
            xml,
            "\n" + xml + "\n",
            '<?xml version="1.0" encoding="UTF-8"?>' + xml,
            text,
            wrapped,
            "SAMLResponse=" + quote(text, safe=""),
            "RelayState=abc&SAMLResponse=" + quote(text, safe="") + "\n",
        ):
            self.accepted(content, "--in-response-to", REQUEST)

    def test_the_message_may_come_on_standard_input(self):
        ended = self.gate.run("check", *self.trust, *self.us, "-", stdin=self.response().xml())
        self.assertEqual(ended.returncode, DONE, ended.stderr)

    def test_trust_by_metadata_and_by_several_certificates(self):
        metadata = self.write("idp.xml", idp_metadata(IDP, "https://idp.example/sso", [bare(self.key)]))
        self.accepted(self.response(), trust=("--idp-metadata", metadata))
        der = self.write("idp.der", self.key.certificate.public_bytes(Encoding.DER))
        both = ("--idp-entity-id", IDP, "--idp-cert", self.write("other.pem", self.other.pem), "--idp-cert", der)
        self.accepted(self.response(), trust=both)
        only_other = ("--idp-entity-id", IDP, "--idp-cert", self.path("other.pem"))
        self.refusal("signature.unknown_signer", self.response(), trust=only_other)

    def test_whatever_is_wrong_has_its_reason(self):
        good = self.response()
        xml = good.xml()
        for reason, content in {
            "saml.malformed": "nonsense!",
            "saml.dtd_forbidden": '<!DOCTYPE x [<!ENTITY a "b">]>' + xml,
            "signature.missing": replace(good, sign="none"),
            "signature.digest": xml.replace("ada@acme.example", "eve@acme.example"),
            "signature.algorithm": replace(good, sig_alg="rsa-sha1", digest="sha1"),
            "response.destination": replace(good, destination=ACS + "/"),
            "response.issuer_mismatch": replace(good, response_issuer="https://evil.example"),
            "conditions.audience": replace(good, audience="https://other.example"),
            "conditions.expired": replace(good, not_on_or_after=-600, not_before=-900),
            "conditions.not_yet_valid": replace(good, not_before=600),
            "subject.recipient": replace(good, recipient="https://other.example/acs"),
            "encryption.no_key": replace(good, encrypt_to=self.other.certificate),
        }.items():
            with self.subTest(reason):
                answer = self.refusal(reason, content)
                self.assertTrue(answer["hint"], answer)
        self.assertEqual(self.result(self.refusal("signature.missing", replace(good, sign="none")), "request"), ["skip"])

    def test_an_empty_or_huge_file_is_refused_or_fails_with_a_sentence(self):
        self.refusal("saml.malformed", "")
        self.refusal("saml.too_large", "<" + "a" * (256 << 10))
        self.ends(FAILED, "check", *self.trust, *self.us, "/dev/zero", says="/dev/zero")

    def test_a_request_is_no_response(self):
        text = quote(base64.b64encode(b"<x/>").decode(), safe="")
        self.refusal("saml.binding", "SAMLRequest=" + text)

    def test_what_is_answered(self):
        good, alone = self.response(), self.response(in_response_to=None)
        self.refusal("response.in_response_to_unknown", good, "--in-response-to", "_another")
        self.refusal("response.in_response_to_missing", alone, "--in-response-to", REQUEST)
        self.accepted(alone, "--unsolicited")
        self.refusal("response.in_response_to_unknown", good, "--unsolicited")
        for content in (good, alone):
            self.assertEqual(self.result(self.accepted(content), "request"), ["skip"])

    def test_the_time_is_what_at_says(self):
        old = self.response(
            issue_instant=-86400, not_before=-86460, not_on_or_after=-86100,
            subject_not_on_or_after=-86100, authn_instant=-86405,
        )  # fmt: skip
        self.refusal("conditions.expired", old)
        then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        at = then.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.accepted(old, "--at", at)
        self.usage("check", *self.trust, *self.us, "--at", "yesterday", self.path("message"), says="2026-11-21T16")

    def test_the_skew_is_what_skew_says(self):
        late = self.response(not_on_or_after=-100, subject_not_on_or_after=-100)
        self.accepted(late)
        self.refusal("conditions.expired", late, "--skew", "60")

    def test_sha1_only_when_allowed(self):
        weak = self.response(sig_alg="rsa-sha1", digest="sha1")
        self.refusal("signature.algorithm", weak)
        self.accepted(weak, "--allow-sha1")

    def test_the_explanation_has_marks_values_and_where_to_change_it(self):
        path = self.write("message", self.response(audience="https://other.example").xml())
        ended = self.gate.run("check", *self.trust, *self.us, path)
        self.assertEqual((ended.returncode, ended.stderr), (REFUSED, ""))
        for part in ("FAIL  audience", "https://other.example", SP, "refused: conditions.audience", "What to do: "):
            self.assertIn(part, ended.stdout)
        text = self.done("check", *self.trust, *self.us, self.write("message", self.response().xml()))
        for part in ("ok    ", "accepted\n", "ada@acme.example", "groups = staff, admins"):
            self.assertIn(part, text)

    def test_no_message_writes_to_the_terminal(self):
        evil = self.response(name_id="a\u009b31m\u202e@acme.example", attributes={"x": ["\u0085y"]})
        text = self.done("check", *self.trust, *self.us, self.write("message", evil.xml()))
        self.assertNotIn("\u009b", text)
        self.assertNotIn("\u0085", text)

    def test_wrong_use(self):
        path = self.write("message", "<x/>")
        self.usage("check", *self.us, path, says="--idp-metadata FILE")
        self.usage("check", *self.trust, "--connection", "acme", *self.us, path, says="one way")
        self.usage("check", "--idp-entity-id", IDP, *self.us, path, says="go together")
        self.usage("check", *self.trust, path, says="--acs-url")
        self.usage("check", *self.trust, *self.us, "--unsolicited", "--in-response-to", "_x", path)
        self.usage("check", *self.trust, *self.us, says="FILE|-")
        self.usage("check", *self.trust, *self.us, "--skew", "-1", path, says="0 to")

    def test_what_cannot_be_judged_is_1_and_one_sentence(self):
        path = self.write("message", self.response().xml())
        nonsense = self.write("nonsense", "nonsense")
        self.ends(FAILED, "check", *self.trust, *self.us, "/nowhere", says="/nowhere")
        self.ends(FAILED, "check", "--idp-entity-id", IDP, "--idp-cert", nonsense, *self.us, path, says=nonsense)
        self.ends(FAILED, "check", "--idp-metadata", nonsense, *self.us, path, says=nonsense)
        self.ends(FAILED, "check", *self.trust, *self.us, "--sp-key", nonsense, path, says=nonsense)
        self.ends(FAILED, "check", "--connection", "acme", path, says="/nowhere")


class EncryptedTest(MessageCase):
    def test_an_encrypted_assertion_is_read_with_the_key(self):
        ours = make_key(name="sp.example")
        pem = ours.private.private_bytes(
            Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.write("sp.key", pem)
        secret = self.response(encrypt_to=ours.certificate)
        self.accepted(secret, "--sp-key", path)
        self.refusal("encryption.no_key", secret)
        self.refusal("encryption.failed", self.response(encrypt_to=self.other.certificate), "--sp-key", path)


class ConnectionCase:
    """check --connection, with and without a running gate."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(name="idp.example")

    def setUp(self):
        if self.gate.run("tenant", "show", "acme").returncode != DONE:
            self.done("tenant", "add", "acme", "--domain", "acme.example")
            self.done("connection", "add", "acme-idp", "--tenant", "acme")
            self.done(
                "connection", "set", "acme-idp", "--entity-id", IDP, "--sso-url", "https://idp.example/sso",
                "--cert", self.write("idp.pem", self.key.pem),
            )  # fmt: skip
        self.addresses = self.data("connection", "show", "acme-idp")

    def message(self, **changes):
        acs = self.addresses["acs_url"]
        good = Response(
            key=self.key, issuer=IDP, audience=self.addresses["entity_id"], recipient=acs, destination=acs,
        )  # fmt: skip
        return self.write("message", replace(good, **changes).xml())

    def test_trust_policy_and_addresses_are_the_connections(self):
        good = self.message(in_response_to=REQUEST)
        self.done("check", "--connection", "acme-idp", good)
        self.done("check", "--connection", "acme-idp", "--in-response-to", REQUEST, good)
        ended = self.gate.run("check", "--connection", "acme-idp", "--entity-id", SP, "--json", good)
        self.assertEqual(json.loads(ended.stdout)["reason"], "conditions.audience")
        ended = self.gate.run("check", "--connection", "acme-idp", "--unsolicited", "--json", self.message())
        self.assertEqual(json.loads(ended.stdout)["reason"], "response.unsolicited_refused")
        self.done("connection", "set", "acme-idp", "--policy", "unsolicited=true")
        self.done("check", "--connection", "acme-idp", "--unsolicited", self.message())
        self.done("connection", "set", "acme-idp", "--policy", "unsolicited=false")
        self.ends(FAILED, "check", "--connection", "nowhere", good, says="connection")

    def test_an_earlier_time_does_not_touch_the_gate(self):
        self.done("check", "--connection", "acme-idp", "--at", "2020-01-01T00:00:00Z", self.message(
            issue_instant="2020-01-01T00:00:00Z", not_before="2019-12-31T23:59:00Z",
            not_on_or_after="2020-01-01T00:05:00Z", subject_not_on_or_after="2020-01-01T00:05:00Z",
            authn_instant="2020-01-01T00:00:00Z",
        ))  # fmt: skip


class ConnectionWithGateTest(ConnectionCase, CommandCase):
    serving = True


class ConnectionWithoutGateTest(ConnectionCase, CommandCase):
    serving = False


class MetadataTest(MessageCase):
    def metadata(self, **changes):
        options = {"slo_url": "https://idp.example/slo", **changes}
        return idp_metadata(IDP, "https://idp.example/sso", [bare(self.key)], **options)

    def test_json_is_the_contracts(self):
        answer = self.data("metadata", self.write("idp.xml", self.metadata()))
        self.assertEqual(
            set(answer), {"entity_id", "sso", "slo", "certificates", "valid_until", "warnings"}
        )
        self.assertEqual(answer["entity_id"], IDP)
        self.assertEqual({one["binding"] for one in answer["sso"]}, {"redirect", "post"})
        self.assertEqual({one["location"] for one in answer["slo"]}, {"https://idp.example/slo"})
        self.assertRegex(answer["certificates"][0], r"^[0-9a-f]{64}$")
        self.assertIsNone(answer["valid_until"])
        self.assertIsInstance(answer["warnings"], list)
        self.assertEqual(self.data("metadata", "-", stdin=self.metadata()), answer)

    def test_people_get_a_table(self):
        text = self.done("metadata", self.write("idp.xml", self.metadata(valid_until=86400)))
        for part in ("entity ID  ", IDP, "https://idp.example/sso", "https://idp.example/slo", "valid until"):
            self.assertIn(part, text)

    def test_what_is_refused_says_why(self):
        good = self.metadata()
        for reason, content in {
            "metadata.malformed": "<x>",
            "metadata.no_idp": sp_metadata(SP, ACS, SP + "/slo", bare(self.key)),
            "metadata.dtd_forbidden": "<!DOCTYPE x>" + good,
            "metadata.no_certificate": idp_metadata(IDP, "https://idp.example/sso", []),
            "metadata.expired": self.metadata(valid_until=-86400),
        }.items():
            with self.subTest(reason):
                path = self.write("bad.xml", content)
                ended = self.refused("metadata", path, says=reason)
                self.assertEqual(ended.stdout, "")
                ended = self.refused("metadata", "--json", path, says=reason)
                self.assertEqual(json.loads(ended.stdout)["reason"], reason)

    def test_a_choice_among_several(self):
        two = (
            '<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
            + self.metadata()
            + idp_metadata("https://two.example", "https://two.example/sso", [bare(self.other)])
            + "</md:EntitiesDescriptor>"
        )
        path = self.write("two.xml", two)
        self.refused("metadata", path, says="https://two.example")
        answer = self.data("metadata", "--entity-id", "https://two.example", path)
        self.assertEqual(answer["entity_id"], "https://two.example")

    def test_files_that_cannot_be_read(self):
        self.ends(FAILED, "metadata", "/nowhere.xml", says="/nowhere.xml")
        self.ends(FAILED, "metadata", "/", says="directory")
        self.ends(FAILED, "metadata", "/dev/zero", says="/dev/zero")
        self.usage("metadata", says="FILE|-")
