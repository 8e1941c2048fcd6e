# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of each vendor's answer, each way to misbehave, and answers that nobody asked for."""

import urllib.parse

from parties import (
    Answer,
    Case,
    Client,
    DS,
    EMAIL,
    ENTRA_GROUPS,
    FAULTS,
    NS,
    RSA_SHA256,
    SIGNED,
    STATUS,
    TRANSIENT,
    time_of,
    utc_now,
)


class Personas(Case):
    def shape(self, persona, user="ada@demo.example"):
        answer = self.login(user, persona)
        self.assertEqual(answer.signatures(), SIGNED[persona])
        self.assert_signatures_hold(answer)
        for method in answer.root.iterfind(".//ds:SignatureMethod", NS):
            self.assertEqual(method.get("Algorithm"), RSA_SHA256)
        return answer, answer.attributes()

    def test_okta(self):
        answer, attributes = self.shape("okta")
        self.assertEqual(
            attributes,
            {
                "email": ["ada@demo.example"],
                "firstName": ["Ada"],
                "lastName": ["Lovelace"],
                "groups": ["Everyone", "Admins"],
            },
        )
        self.assertIn('PrefixList="xs"', answer.text)
        self.assertIn("<saml2p:Response", answer.text)

    def test_entra(self):
        answer, attributes = self.shape("entra")
        self.assertEqual(len(attributes[ENTRA_GROUPS]), 2)
        for guid in attributes[ENTRA_GROUPS]:
            self.assertRegex(
                guid, r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$"
            )
            self.assertIn(guid, self.client.open("/")[1])
        claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
        self.assertEqual(attributes[claims + "emailaddress"], ["ada@demo.example"])
        self.assertEqual(answer.value(".//a:NameID", "Format"), EMAIL)
        self.assertRegex(answer.text, r"<Assertion [^>]*ID=")

    def test_adfs(self):
        answer, attributes = self.shape("adfs")
        self.assertEqual(
            attributes["http://schemas.xmlsoap.org/claims/Group"], ["Everyone", "Admins"]
        )
        conditions = answer.root.find(".//a:Conditions", NS)
        self.assertEqual(conditions.get("NotBefore"), answer.assertion.get("IssueInstant"))

    def test_google(self):
        _, attributes = self.shape("google")
        self.assertEqual(set(attributes), {"email", "firstName", "lastName", "groups"})

    def test_keycloak(self):
        answer, attributes = self.shape("keycloak")
        self.assertEqual(attributes["member"], ["/Everyone", "/Admins"])
        self.assertEqual(answer.value(".//a:NameID"), "ada")
        roles = [
            at for at in answer.root.iterfind(".//a:Attribute", NS) if at.get("Name") == "Role"
        ]
        self.assertGreater(len(roles), 1)
        self.assertTrue(answer.value(".//a:AuthnStatement", "SessionNotOnOrAfter"))

    def test_shibboleth(self):
        answer, attributes = self.shape("shibboleth")
        self.assertEqual(attributes["urn:oid:0.9.2342.19200300.100.1.3"], ["ada@demo.example"])
        self.assertEqual(attributes["urn:oid:1.3.6.1.4.1.5923.1.1.1.6"], ["ada@demo.example"])
        self.assertEqual(answer.value(".//a:NameID", "Format"), TRANSIENT)
        self.assertNotIn("@", answer.value(".//a:NameID"))

    def test_names_beyond_ascii_and_markup_arrive_whole(self):
        _, attributes = self.shape("google", "zoe@demo.example")
        self.assertEqual(attributes["firstName"], ["Zo\u00eb"])
        self.assertIn("R&D", attributes["groups"])

    def test_a_person_without_groups_has_no_groups_attribute(self):
        self.assertNotIn("groups", self.shape("okta", "sam@demo.example")[1])

    def test_who_signs_can_be_chosen(self):
        for sign, places in (
            ("response", {"response"}),
            ("assertion", {"assertion"}),
            ("both", SIGNED["okta"]),
        ):
            answer = Answer(
                Client(self.idp).choose(
                    self.ask(Client(self.idp)), "ada@demo.example", "google", sign=sign
                ),
                self.dir,
            )
            self.assertEqual(answer.signatures(), places)
            self.assert_signatures_hold(answer)


class Faults(Case):
    def test_none_of_them_changes_the_next_answer(self):
        for fault in FAULTS[1:-1]:
            self.client = Client(self.idp)
            self.login(fault=fault)
            self.client = Client(self.idp)
            self.assert_signatures_hold(self.login())

    def minutes_from_now(self, text):
        return (time_of(text) - utc_now()).total_seconds() / 60

    def test_skew(self):
        answer = self.login(fault="skew", persona="adfs")
        self.assertAlmostEqual(
            self.minutes_from_now(answer.assertion.get("IssueInstant")), 10, delta=1
        )
        self.assertAlmostEqual(
            self.minutes_from_now(answer.value(".//a:Conditions", "NotBefore")), 10, delta=1
        )
        self.assert_signatures_hold(answer)

    def test_expired(self):
        answer = self.login(fault="expired")
        for name in ("Conditions", "SubjectConfirmationData"):
            at = answer.value(f".//a:{name}", "NotOnOrAfter")
            self.assertAlmostEqual(self.minutes_from_now(at), -15, delta=1)
        self.assert_signatures_hold(answer)

    def test_early(self):
        answer = self.login(fault="early")
        self.assertAlmostEqual(
            self.minutes_from_now(answer.value(".//a:Conditions", "NotBefore")), 15, delta=1
        )
        self.assertAlmostEqual(self.minutes_from_now(answer.root.get("IssueInstant")), 0, delta=1)
        self.assert_signatures_hold(answer)

    def test_wrong_audience_recipient_and_destination(self):
        places = {
            "wrong-audience": lambda answer: answer.value(".//a:Audience") != self.sp.entity,
            "wrong-recipient": lambda answer: answer.value(
                ".//a:SubjectConfirmationData", "Recipient"
            )
            != self.sp.entity + "/acs",
            "wrong-destination": lambda answer: answer.root.get("Destination")
            != self.sp.entity + "/acs",
        }
        for fault in places:
            self.client = Client(self.idp)
            answer = self.login(fault=fault)
            self.assertEqual(answer.action, self.sp.entity + "/acs")
            self.assertEqual([name for name, wrong in places.items() if wrong(answer)], [fault])
            self.assert_signatures_hold(answer)

    def test_wrong_in_response_to(self):
        answer = self.login(fault="wrong-in-response-to")
        self.assertNotEqual(answer.root.get("InResponseTo"), self.ident)
        inner = answer.value(".//a:SubjectConfirmationData", "InResponseTo")
        self.assertEqual(inner, answer.root.get("InResponseTo"))
        self.assert_signatures_hold(answer)

    def test_unknown_signer(self):
        answer = self.login(fault="unknown-signer")
        self.assert_signatures_hold(answer, self.idp.foreign_cert)
        self.assertFalse(answer.verified("response", self.idp.cert))

    def test_unsigned(self):
        self.assertEqual(self.login(fault="unsigned").signatures(), set())

    def test_tampered(self):
        for persona, places in SIGNED.items():
            self.client = Client(self.idp)
            answer = self.login(fault="tampered", persona=persona)
            self.assertEqual(answer.signatures(), places)
            for what in places:
                self.assertFalse(answer.verified(what, self.idp.cert), persona)

    def test_no_groups_and_group_overage(self):
        self.assertNotIn("groups", self.login(fault="no-groups").attributes())
        self.client = Client(self.idp)
        attributes = self.login(fault="group-overage", persona="entra").attributes()
        self.assertNotIn(ENTRA_GROUPS, attributes)
        self.assertIn(
            "getMemberObjects", attributes["http://schemas.microsoft.com/claims/groups.link"][0]
        )

    def test_no_name_id(self):
        answer = self.login(fault="no-nameid")
        self.assertIsNone(answer.value(".//a:NameID"))
        self.assertIsNotNone(answer.root.find(".//a:Subject", NS))
        self.assert_signatures_hold(answer)

    def test_status_error(self):
        answer = self.login(fault="status-error", persona="entra")
        self.assertEqual(answer.value("p:Status/p:StatusCode", "Value"), STATUS + "Responder")
        self.assertEqual(
            answer.value("p:Status/p:StatusCode/p:StatusCode", "Value"), STATUS + "AuthnFailed"
        )
        self.assertIsNone(answer.assertion)
        self.assert_signatures_hold(answer)

    def test_sha1(self):
        answer = self.login(fault="sha1")
        methods = {at.get("Algorithm") for at in answer.root.iterfind(".//ds:SignatureMethod", NS)}
        digests = {at.get("Algorithm") for at in answer.root.iterfind(".//ds:DigestMethod", NS)}
        self.assertEqual((methods, digests), ({DS + "rsa-sha1"}, {DS + "sha1"}))
        self.assert_signatures_hold(answer)

    def test_replay(self):
        first = self.login()
        self.client = Client(self.idp)
        second = self.login("grace@demo.example", fault="replay")
        self.assertEqual(second.octets, first.octets)
        self.assertEqual(second.action, first.action)
        self.assertEqual(second.relay_state, first.relay_state)
        query = urllib.parse.urlencode(
            {"sp": self.strict.entity, "user": "ada@demo.example", "fault": "replay"}
        )
        self.assertEqual(self.client.open("/unsolicited?" + query)[0], 409)


class Unsolicited(Case):
    def test_unsolicited_answer_in_any_shape(self):
        for persona in SIGNED:
            query = {
                "sp": self.sp.entity,
                "user": "carol@demo.example",
                "persona": persona,
                "relay_state": "/x?a=1",
            }
            form = Client(self.idp).page_form("/unsolicited?" + urllib.parse.urlencode(query))
            answer = Answer(form, self.dir)
            self.assertIsNone(answer.root.get("InResponseTo"))
            self.assertIsNone(answer.value(".//a:SubjectConfirmationData", "InResponseTo"))
            self.assertEqual(
                (answer.action, answer.relay_state), (self.sp.entity + "/acs", "/x?a=1")
            )
            self.assertEqual(answer.signatures(), SIGNED[persona])
            self.assert_signatures_hold(answer)

    def test_unsolicited_answer_can_misbehave(self):
        query = {
            "sp": self.sp.entity,
            "user": "carol@demo.example",
            "fault": "wrong-in-response-to",
        }
        answer = Answer(
            self.client.page_form("/unsolicited?" + urllib.parse.urlencode(query)), self.dir
        )
        self.assertTrue(answer.root.get("InResponseTo"))

    def test_without_a_person_the_page_asks(self):
        form = self.client.page_form(
            "/unsolicited?" + urllib.parse.urlencode({"sp": self.sp.entity})
        )
        answer = Answer(self.client.choose(form, "ada@demo.example"), self.dir)
        self.assertIsNone(answer.root.get("InResponseTo"))

    def test_unknown_service_is_refused(self):
        self.assertEqual(
            self.client.open("/unsolicited?sp=urn:nobody&user=ada@demo.example")[0], 404
        )
        self.assertEqual(self.client.open("/unsolicited?user=ada@demo.example")[0], 404)
