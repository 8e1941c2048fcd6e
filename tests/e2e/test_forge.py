# SPDX-License-Identifier: GPL-3.0-or-later
"""The forge itself: what it calls good, three other implementations accept; what it breaks,
they refuse. Needs no gate."""

import unittest
from dataclasses import replace

from lxml import etree

from forge import Logout, Response, idp_metadata, sp_metadata
from oracle import LassoProvider, xmlsec1
from seal import make_key

IDP = "https://idp.example/metadata"
SP = "https://gate.example/saml/acme"
ACS = SP + "/acs"


class ForgeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key = make_key()
        cls.good = Response(
            key=cls.key,
            issuer=IDP,
            audience=SP,
            recipient=ACS,
            destination=ACS,
            attributes={"email": ["ada@acme.example"], "name": ['Ada "&" <Love> lace']},
            groups=("platform-admins", "a & b > c"),
        )
        metadata = idp_metadata(IDP, "https://idp.example/sso", [cls.key.base64])
        cls.lasso = LassoProvider(sp_metadata(SP, ACS, SP + "/slo", cls.key.base64), metadata)

    def test_what_it_writes_is_its_own_exclusive_canonical_form(self):
        for sign in ("none", "assertion", "response", "both"):
            with self.subTest(sign=sign):
                xml = replace(self.good, sign=sign).xml()
                canonical = etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True)
                self.assertEqual(canonical.decode(), xml)

    def test_each_way_of_signing_verifies_in_xmlsec1_and_lasso(self):
        for sign, places in (
            ("assertion", ["assertion"]),
            ("response", ["response"]),
            ("both", ["assertion", "response"]),
        ):
            message = replace(self.good, sign=sign)
            for place in places:
                with self.subTest(sign=sign, place=place):
                    self.assertTrue(xmlsec1(message.xml(), self.key.pem, place))
            with self.subTest(sign=sign, oracle="lasso"):
                self.assertEqual(self.lasso.accepts(message.base64()), (True, "ada@acme.example"))

    def test_every_algorithm_verifies_in_xmlsec1(self):
        for kind, algorithm, digest in (
            ("rsa", "rsa-sha256", "sha256"),
            ("rsa", "rsa-sha384", "sha384"),
            ("rsa", "rsa-sha512", "sha512"),
            ("rsa", "rsa-sha1", "sha1"),
            ("p256", "ecdsa-sha256", "sha256"),
            ("p384", "ecdsa-sha384", "sha384"),
            ("p521", "ecdsa-sha512", "sha512"),
        ):
            with self.subTest(kind=kind, algorithm=algorithm):
                key = self.key if kind == "rsa" else make_key(kind)
                message = replace(self.good, key=key, sig_alg=algorithm, digest=digest)
                self.assertTrue(xmlsec1(message.xml(), key.pem, "assertion"))

    def test_a_tampered_byte_and_a_foreign_key_verify_nowhere(self):
        tampered = replace(self.good, tamper=lambda xml: xml.replace("ada@", "eve@"))
        self.assertFalse(xmlsec1(tampered.xml(), self.key.pem, "assertion"))
        self.assertFalse(self.lasso.accepts(tampered.base64())[0])
        foreign = replace(self.good, key=make_key())
        self.assertFalse(xmlsec1(foreign.xml(), self.key.pem, "assertion"))
        self.assertFalse(self.lasso.accepts(foreign.base64())[0])

    def test_a_prefix_list_is_honoured_as_others_read_it(self):
        message = replace(self.good, seal={"prefix_list": "xs"})
        self.assertTrue(xmlsec1(message.xml(), self.key.pem, "assertion"))

    def test_logout_messages_verify_in_xmlsec1(self):
        message = Logout(issuer=IDP, destination=SP + "/slo", key=self.key)
        self.assertTrue(xmlsec1(message.signed_xml(), self.key.pem))


if __name__ == "__main__":
    unittest.main()
