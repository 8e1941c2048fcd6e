# SPDX-License-Identifier: GPL-3.0-or-later
"""Assertions encrypted by the xmlsec1 command, which knows nothing of the gate: each suite that is
taken and those that are not, and an encrypted name."""

import os
import subprocess
import unittest

from browser import Browser
from case import GateCase
from harness import begin, find_tool, post_response, temp_dir
from seal import NS_SAML, NS_XENC, element, encrypted, sealed
from spmetadata import certificates, pem

XENC11 = "http://www.w3.org/2009/xmlenc11#"
TAKEN = {XENC11 + f"aes{bits}-gcm": f"aes-{bits}" for bits in (128, 192, 256)}
TAKEN.update({NS_XENC + f"aes{bits}-cbc": f"aes-{bits}" for bits in (128, 192, 256)})
TEMPLATE = """<xenc:EncryptedData xmlns:xenc="{ns}" Type="{ns}Element">
<xenc:EncryptionMethod Algorithm="{cipher}"/>
<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>
<xenc:EncryptionMethod Algorithm="{ns}{wrap}"/><ds:KeyInfo><ds:KeyName/></ds:KeyInfo>
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"""


class EncryptionTest(GateCase):
    def setUp(self):
        self.folder = temp_dir("xmlsec")
        self.certificate = certificates(self.gate.metadata(self.connection).body, "encryption")[0]

    def by_xmlsec1(self, assertion, cipher, session_key, wrap="rsa-oaep-mgf1p"):
        """The EncryptedAssertion that xmlsec1 makes of it for the gate's key."""
        template = TEMPLATE.format(ns=NS_XENC, cipher=cipher, wrap=wrap)
        files = {"a.xml": assertion, "t.xml": template, "c.pem": pem(self.certificate)}
        for name, text in files.items():
            with open(os.path.join(self.folder, name), "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        command = [find_tool("xmlsec1", "xmlsec1"), "--encrypt", "--pubkey-cert-pem", "c.pem"]
        command += ["--session-key", session_key, "--xml-data", "a.xml", "--output", "o.xml"]
        subprocess.run(command + ["t.xml"], cwd=self.folder, check=True, capture_output=True)
        with open(os.path.join(self.folder, "o.xml"), encoding="utf-8") as file:
            data = file.read().split("?>", 1)[-1]
        return element("saml:EncryptedAssertion", data, f' xmlns:saml="{NS_SAML}"')

    def log_in_with(self, cipher, session_key, wrap="rsa-oaep-mgf1p"):
        browser = Browser()
        request = begin(browser, self.connection)
        good = self.idp.response(self.connection, request)
        made = self.by_xmlsec1(good.assertion(), cipher, session_key, wrap)
        good.assertion_count, good.extra_assertion, good.sign = 0, made, "none"
        return post_response(browser, self.connection, good.xml(), request.relay_state)

    def test_each_suite_that_is_taken_opens(self):
        for cipher, session_key in TAKEN.items():
            with self.subTest(cipher=cipher):
                self.assertSignedIn(self.log_in_with(cipher, session_key))

    def test_3des_and_rsa_1_5_are_refused_by_name(self):
        for suite in (
            (NS_XENC + "tripledes-cbc", "des-192"),
            (XENC11 + "aes256-gcm", "aes-256", "rsa-1_5"),
        ):
            with self.subTest(suite=suite):
                problem = self.assertProblem(self.log_in_with(*suite), 403, "encryption.algorithm")
                trace = self.gate.trace(problem["trace_id"])
                self.assertIn(suite[-1] if len(suite) > 2 else suite[0], trace["detail"])
        self.assertGoodLogin()

    def test_an_encrypted_name_names_the_person(self):
        browser = Browser()
        request = begin(browser, self.connection)
        good = self.idp.response(self.connection, request, sign="none")
        plain = good.assertion()
        start, end = plain.index("<saml:NameID"), plain.index("</saml:NameID>") + len("</saml:NameID>")
        name = plain[start:end].replace("<saml:NameID", f'<saml:NameID xmlns:saml="{NS_SAML}"', 1)
        hidden = encrypted(name, self.certificate, "EncryptedID")
        hidden = hidden.replace(f' xmlns:saml="{NS_SAML}"', "", 1)  # canonical: declared above
        text = plain[:start] + hidden + plain[end:]
        good.sign = "assertion"
        seal = good._seal(self.idp.key)
        good.assertion_count, good.sign = 0, "none"
        good.extra_assertion = sealed(text, good.assertion_id, seal)
        page = post_response(browser, self.connection, good.xml(), request.relay_state)
        self.assertEqual(self.assertSignedIn(page)["user"]["name_id"], "ada@acme.example")


if __name__ == "__main__":
    unittest.main()
