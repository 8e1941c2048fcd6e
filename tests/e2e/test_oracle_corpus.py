# SPDX-License-Identifier: GPL-3.0-or-later
"""The attack corpus before other judges: lasso and the xmlsec1 command get each message that
`gatehouse selftest --dump` wrote, and where they say something else than the gate, the reason
stands here. A difference without a reason fails, and so does a reason without a difference.
docs/judges.md has each of them; with GATEHOUSE_WRITE=1 it is written anew.

Owns: the reasons. Never: decides what the gate should say; that is in src/app/selftest.
"""

import json
import os
import subprocess
import unittest

from harness import find_built, say, temp_dir
from lasso_corpus import DIED, verdicts
from oracle import xmlsec1

ATTACKER = "mallory@acme.example"
# lasso takes seconds for some of these, and they are about cost.
NOT_ASKED = {"bounds"}
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "judges.md")
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
    "signed-expired": "lasso does not look at validUntil",
    "signed-no-key": "lasso takes metadata without a key; then every login fails",
    "[signed-metadata]": "lasso asks for no signature when metadata is given to it as a text",
    "metadata.no_certificate": "lasso takes metadata without a usable key; then every login fails",
    "metadata.location": "lasso leaves addresses to the application",
    "metadata.expired": "lasso does not look at validUntil",
    "metadata-no-time": "lasso does not look at validUntil",
    "metadata.no_sso_endpoint": "lasso misses an address when it needs one",
    "logout-form-doubled": "lasso gets the message, which is honest; only the form around it is not",
    "logout-form-both-kinds": "lasso gets the message, which is honest; only the form around it is not",
    "logout-form-deflated": "lasso gets the message, which is honest; only the form around it is not",
    "logout-form-artifact": "lasso gets the message, which is honest; only the form around it is not",
    "logout-query-sha1": "SHA-1 cannot be switched off in lasso",
    "logout-query-doubled": "lasso reads one of the two, which are the same",
    "logout-query-comment": "lasso reads the whole name around the comment; the gate's reader takes no comment",
    "logout-version": "lasso does not look at the version",
    "logout-nobody": "lasso leaves an empty name to the application",
    "logout.": "lasso leaves Destination, time, repetition and sessions to the application",
    "encrypted-cbc-refused": "lasso decrypts whatever xmlsec can; the policy here does not",
    "encrypted-rsa15": "lasso decrypts whatever xmlsec can, RSA 1.5 too",
    "encrypted-3des": "lasso decrypts whatever xmlsec can, Triple DES too",
    "encrypted-two-roots": "lasso reads the first element that comes out, the honest one",
    "encrypted-two-roots-under-signed": "lasso reads the first element that comes out, the honest one",
    "encrypted-two": "lasso reads one of the two, which are the same",
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
    "confirmation-data-twice": "lasso keeps the last of two",
    "element-in-audience": "lasso reads the text around an element",
    "attribute-encrypted-foreign": "lasso leaves encrypted attributes to the application",
    "attribute-encrypted-two": "lasso leaves encrypted attributes to the application",
    "attribute-encrypted-name": "lasso leaves encrypted attributes to the application",
    "attribute-encrypted-dtd": "lasso leaves encrypted attributes to the application",
    "attribute-encrypted-many": "lasso leaves encrypted attributes to the application",
    "replay-id-4096": "lasso bounds no ID",
}
LASSO_REFUSES = {
    "late-in-the-assertion": "lasso's schema has no Signature at the end",
    "info-foreign-first": "xmlsec wants SignedInfo to be the first child",
    "algorithm-ecdsa": "lasso's list has RSA and HMAC only, and was given the RSA key only",
    "confirmation-second-holds": "lasso's schema has one SubjectConfirmation",
    "name-encrypted-alone": "lasso reads what was encrypted alone: the prefix, declared outside, is unknown to it",
    "name-encrypted": "lasso's schema has a name or an encrypted one",
    "encrypted-oaep-sha256": "xmlsec 1.2.37 knows RSA-OAEP with SHA-1 only",
    "issuer-response-absent": "lasso finds the provider by the Response's issuer alone",
}
# Where lasso itself ends, so that an application would.
LASSO_ENDS = {
    "logout-post-two-signatures": "a second Signature is an error of its own, which ends the program",
    "logout-response-as-request": "a Response where a LogoutRequest is expected ends the program",
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
    "element-in-audience": "the signature holds; the gate's reader takes no element in an audience",
    "element-in-issuer": "the signature holds; the gate's reader takes no element in an issuer",
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


def table(title, lines):
    head = ["", f"## {title}", "", "| case | the gate | the other | why |", "|---|---|---|---|"]
    return head + [f"| `{name}` | {gate} | {other} | {text} |" for name, gate, other, text in lines]


class OracleCorpusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = temp_dir("corpus")
        cls.folder = os.path.join(folder, "messages")
        key = os.path.join(folder, "sp.key")  # lasso opens what is encrypted with it, too
        make = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]
        subprocess.run(make, check=True, capture_output=True)
        env = dict(os.environ)
        if os.access("/dev/shm", os.W_OK):
            env["TMPDIR"] = "/dev/shm"  # the store need not outlive the run
        command = [find_built("gatehouse"), "selftest", "--dump", cls.folder, "--sp-key", key]
        cls.done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=env)
        with open(os.path.join(cls.folder, "corpus.json"), encoding="utf-8") as file:
            rows = json.load(file)
        said = verdicts(cls.folder, key)
        for number, row in enumerate(rows):
            row["lasso"] = said[number]
        cls.rows = [row for row in rows if row["group"] not in NOT_ASKED]
        cls.page = {}  # title: lines

    def message(self, row):
        with open(os.path.join(self.folder, row["file"]), "rb") as file:
            return file.read()

    def compare(self, title, differences, reasons):
        """Each difference has its reason, and each reason its difference."""
        used, bare, lines = set(), [], []
        say(f"\n{title}: {len(differences)} differences")
        for row, other in differences:
            key, text = why(reasons, row)
            used.add(key)
            if key is None:
                bare.append((row["name"], row["got"], other))
            lines.append((row["name"], row["got"], other, text))
        self.assertEqual(bare, [], "differences without a reason")
        self.assertEqual(set(reasons) - used, set(), "reasons without a difference")
        return lines

    def lasso_lines(self):
        accepts, refuses, ends = [], [], []
        for row in self.rows:
            accepted, who = row["lasso"]
            if accepted and row["got"] != "accepted":
                accepts.append((row, "accepted"))
            if not accepted and row["got"] == "accepted":
                refuses.append((row, "refused"))
            if who == DIED:
                ends.append((row, "ended"))
        return (
            self.compare("lasso accepts what the gate refuses", accepts, LASSO_ACCEPTS),
            self.compare("lasso refuses what the gate accepts", refuses, LASSO_REFUSES),
            self.compare("lasso ends", ends, LASSO_ENDS),
        )

    def xmlsec1_lines(self):
        holds, breaks = [], []
        for row in self.rows:
            if row["group"] not in SIGNATURE_GROUPS or row["door"] != "acs":
                continue
            verified = xmlsec1(self.message(row), pem(row["idp_certificate"]))
            held = row["got"].startswith(SIGNATURE_HELD)
            if verified and not held:
                holds.append((row, "holds"))
            if not verified and held:
                breaks.append((row, "does not hold"))
        return (
            self.compare("xmlsec1 verifies what the gate refuses", holds, XMLSEC_HOLDS),
            self.compare("xmlsec1 refuses what the gate verifies", breaks, XMLSEC_BREAKS),
        )

    def test_the_corpus_itself_passes(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout[-4000:] + self.done.stderr)
        self.assertGreater(len(self.rows), 500)

    def test_no_private_key_is_dumped(self):
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), "rb") as file:
                self.assertNotIn(b"PRIVATE KEY", file.read(), name)

    def test_each_difference_has_its_reason_and_stands_on_the_page(self):
        accepts, refuses, ends = self.lasso_lines()
        holds, breaks = self.xmlsec1_lines()
        lines = [
            "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
            "<!-- Made by tests/e2e/test_oracle_corpus.py with GATEHOUSE_WRITE=1: change it there. -->",
            "# Other judges of the attack corpus",
            "",
            f"Lasso was given {len(self.rows)} messages of [the corpus](selftest.md), at each door and with the key to decrypt with; not those",
            "of the group `bounds`, which are about what a message costs: some keep lasso busy for seconds. The xmlsec1 command was given those",
            "that are about signatures. Here is each case in which they say something else than the gate, and why. Lasso leaves the rules of",
            "the profile to the application; so most of these are no faults of it, but what an application on it has to do itself.",
        ]
        lines += table("Lasso accepts what the gate refuses", accepts)
        lines += table("Lasso refuses what the gate accepts", refuses)
        lines += table("Lasso ends", ends)
        lines += table("xmlsec1 verifies what the gate refuses", holds)
        lines += table("xmlsec1 refuses what the gate verifies", breaks)
        text = "\n".join(lines) + "\n"
        if os.environ.get("GATEHOUSE_WRITE"):
            with open(PAGE, "w", encoding="utf-8") as file:
                file.write(text)
        with open(PAGE, encoding="utf-8") as file:
            self.assertEqual(file.read(), text, "docs/judges.md: run this test with GATEHOUSE_WRITE=1")

    def test_lasso_names_the_attacker_where_two_were_signed_only(self):
        named = [row["name"] for row in self.rows if row["lasso"] == (True, ATTACKER)]
        # A provider signed both Assertions here, so that this name is no stranger's.
        self.assertEqual(named, ["two-in-signed-response"])


if __name__ == "__main__":
    unittest.main()
