# SPDX-License-Identifier: GPL-3.0-or-later
"""The attack corpus before other judges: lasso and the xmlsec1 command get each message that
`gatehouse selftest --dump` wrote, and where they say something else than the gate, the reason
stands here. A difference without a reason fails, and so does a reason without a difference.

Owns: the reasons. Never: decides what the gate should say; that is in src/app/selftest.
"""

import base64
import json
import os
import subprocess
import unittest

from forge import idp_metadata, sp_metadata
from harness import find_built, say, temp_dir
from oracle import LassoProvider, xmlsec1

ATTACKER = "mallory@acme.example"
# lasso takes seconds for some of these, and they are about cost.
NOT_ASKED = {"bounds"}
# The groups that are about what xmlsec1 judges: the signature.
SIGNATURE_GROUPS = {
    "honest", "wrapping", "hiding", "two", "ids", "signature", "reference", "transform",
    "signed-info", "void", "key-info", "algorithm", "text", "dtd", "encoding",
}  # fmt: skip
# With these refusals the gate has found a signature that holds.
SIGNATURE_HELD = ("conditions.", "subject.", "authn.", "response.", "login.", "assertion.issuer",
                  "assertion.version", "assertion.replayed", "accepted")  # fmt: skip

# (what the others say) -> {the row's name, its group in [], or the gate's reason: why}
LASSO_ACCEPTS = {
    "[form]": "lasso gets the message, which is honest; only the form around it is not",
    "conditions.": "lasso leaves Conditions to the application",
    "subject.": "lasso leaves confirmation, recipient and an empty name to the application",
    "authn.": "lasso leaves the AuthnStatement to the application",
    "response.": "lasso leaves Destination, version, requests and browsers to the application",
    "assertion.version": "lasso does not look at the version",
    "assertion.replayed": "lasso has no memory",
    "login.": "who may speak for whom is no question for lasso",
    "signature.duplicate_id": "lasso registers one ID only, so it sees no duplicate",
    "two-in-signed-response": "lasso takes the last of several Assertions that a provider signed",
    "signature.algorithm": "SHA-1 cannot be switched off in lasso, and children of a method are not read",
    "transform-dozens": "xmlsec runs as many harmless transforms as there are",
    "transform-prefix-list-long": "xmlsec bounds no list of prefixes",
    "info-method-with-comments": "for SignedInfo lasso allows canonical form with comments",
    "digest-element": "xmlsec reads the text around an element in DigestValue",
    "instruction-signed": "lasso reads over an instruction that the provider signed",
    "latin1-declared": "libxml2 takes other encodings, the gate UTF-8 only",
    "xml-1.1": "libxml2 reads XML 1.1 as 1.0",
    "nul-at-end": "lasso's text ends at the first NUL, and what follows is lost",
    "issued-missing": "lasso does not look at IssueInstant",
    "issued-no-time": "lasso does not look at IssueInstant",
    "authn-context-twice": "lasso keeps the last of two",
    "replay-id-4096": "lasso bounds no ID",
}
LASSO_REFUSES = {
    "late-in-the-assertion": "lasso's schema has no Signature at the end",
    "info-foreign-first": "xmlsec wants SignedInfo to be the first child",
    "algorithm-ecdsa": "lasso's list has RSA and HMAC only, and was given the RSA key only",
    "confirmation-second-holds": "lasso's schema has one SubjectConfirmation",
    "name-encrypted": "lasso's schema has a name or an encrypted one",
    "issuer-response-absent": "lasso finds the provider by the Response's issuer alone",
}
XMLSEC_HOLDS = {
    "[wrapping]": "xmlsec1 says that some element is signed, not which one is read",
    "[hiding]": "xmlsec1 says that some element is signed, not which one is read",
    "[two]": "xmlsec1 says that some element is signed, not which one is read",
    "[dtd]": "xmlsec1 reads document types",
    "other-root": "the signed Assertion alone is no Response",
    "other-namespace": "what is signed is inside; the root is no Response of SAML 2.0",
    "[encoding]": "libxml2 takes other encodings, versions and prefixes, and stops at a NUL",
    "signature.duplicate_id": "xmlsec1 was told of attributes called ID only, and takes the first",
    "misplaced-in-subject": "xmlsec1 does not ask where a Signature stands",
    "misplaced-in-status": "xmlsec1 does not ask where a Signature stands",
    "misplaced-in-the-response": "xmlsec1 does not ask where a Signature stands",
    "misplaced-in-the-assertion": "xmlsec1 does not ask where a Signature stands",
    "broken-inner-under-signed-response": "xmlsec1 looks at one signature of the two",
    "reference-xpointer": "xmlsec1 follows an xpointer to an ID",
    "transform-with-comments": "xmlsec1 allows canonical form with comments",
    "transform-dozens": "xmlsec1 runs as many harmless transforms as there are",
    "transform-prefix-list-long": "xmlsec1 bounds no list of prefixes",
    "info-method-with-comments": "xmlsec1 allows canonical form with comments",
    "digest-element": "xmlsec1 reads the text around an element in DigestValue",
    "signature.algorithm": "xmlsec1 allows SHA-1 and MD5, and does not read children of a method",
    "instruction-signed": "the signature holds; the gate's reader takes no instruction",
    "element-in-name": "the signature holds; the gate's reader takes no element in a name",
}
XMLSEC_BREAKS = {
    "info-foreign-first": "xmlsec1 wants SignedInfo to be the first child",
    "algorithm-ecdsa": "xmlsec1 was given the RSA key only",
}


def pem(certificate):
    lines = [certificate[at : at + 64] for at in range(0, len(certificate), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def why(reasons, row):
    """(key, reason) of the first that fits: name, group, then the gate's own reason."""
    for key in (row["name"], f"[{row['group']}]"):
        if key in reasons:
            return key, reasons[key]
    for key, text in reasons.items():
        if row["got"] == key or (key.endswith(".") and row["got"].startswith(key)):
            return key, text
    return None, None


class OracleCorpusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = os.path.join(temp_dir("corpus"), "messages")
        env = dict(os.environ)
        if os.access("/dev/shm", os.W_OK):
            env["TMPDIR"] = "/dev/shm"  # the store need not outlive the run
        command = [find_built("gatehouse"), "selftest", "--dump", cls.folder]
        cls.done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=env)
        with open(os.path.join(cls.folder, "corpus.json"), encoding="utf-8") as file:
            cls.rows = [row for row in json.load(file) if cls.is_asked(row)]
        cls.providers = {}

    @staticmethod
    def is_asked(row):
        return row["door"] == "acs" and not row["encrypted"] and row["group"] not in NOT_ASKED

    def message(self, row):
        with open(os.path.join(self.folder, row["file"]), "rb") as file:
            return file.read()

    def lasso(self, row):
        key = (row["entity_id"], row["idp_entity_id"])
        if key not in self.providers:
            certificate = row["idp_certificate"]
            ours = sp_metadata(row["entity_id"], row["acs_url"], row["acs_url"] + "/no", certificate)
            theirs = idp_metadata(row["idp_entity_id"], "https://idp.example/sso", [certificate])
            self.providers[key] = LassoProvider(ours, theirs)
        return self.providers[key].accepts(base64.b64encode(self.message(row)).decode())

    def compare(self, title, differences, reasons):
        """Each difference has its reason, and each reason its difference."""
        used, bare = set(), []
        say(f"\n{title}: {len(differences)} differences")
        for row, other in differences:
            key, text = why(reasons, row)
            used.add(key)
            if key is None:
                bare.append((row["name"], row["got"], other))
            say(f"  {row['name']:<42} gate: {row['got']:<34} {other:<28} {text}")
        self.assertEqual(bare, [], "differences without a reason")
        self.assertEqual(set(reasons) - used, set(), "reasons without a difference")

    def test_the_corpus_itself_passes(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout[-4000:] + self.done.stderr)
        self.assertGreater(len(self.rows), 300)

    def test_no_private_key_is_dumped(self):
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), "rb") as file:
                self.assertNotIn(b"PRIVATE KEY", file.read(), name)

    def test_lasso_differs_for_known_reasons_only(self):
        accepts, refuses, named = [], [], []
        for row in self.rows:
            accepted, who = self.lasso(row)
            if accepted and row["got"] != "accepted":
                accepts.append((row, f"lasso: {who!r}"))
            if not accepted and row["got"] == "accepted":
                refuses.append((row, "lasso: no"))
            if accepted and who == ATTACKER:
                named.append(row["name"])
        self.compare("lasso accepts what the gate refuses", accepts, LASSO_ACCEPTS)
        self.compare("lasso refuses what the gate accepts", refuses, LASSO_REFUSES)
        # A provider signed both Assertions here, so that this name is no stranger's.
        self.assertEqual(named, ["two-in-signed-response"])

    def test_xmlsec1_differs_for_known_reasons_only(self):
        holds, breaks = [], []
        for row in self.rows:
            if row["group"] not in SIGNATURE_GROUPS:
                continue
            verified = xmlsec1(self.message(row), pem(row["idp_certificate"]))
            held = row["got"].startswith(SIGNATURE_HELD)
            if verified and not held:
                holds.append((row, "xmlsec1: holds"))
            if not verified and held:
                breaks.append((row, "xmlsec1: does not hold"))
        self.compare("xmlsec1 verifies what the gate refuses", holds, XMLSEC_HOLDS)
        self.compare("xmlsec1 refuses what the gate verifies", breaks, XMLSEC_BREAKS)


if __name__ == "__main__":
    unittest.main()
