# SPDX-License-Identifier: GPL-3.0-or-later
"""Single logout: what the provider asks for, what the gate answers, and what ends nothing."""

import base64
import unittest

from browser import Browser
from case import ForgedIdp, GateCase
from forge import Logout
from harness import IDP_PAGE, JSON, SAML, SAMLP, begin, post_response, read_request, redirect_url
from seal import Signer
from spmetadata import certificates, redirect_signature_holds

PARTIES = "urn:oasis:names:tc:SAML:2.0:status:"


class LogoutTest(GateCase):
    def sign_in(self):
        """A signed-in browser, and the session index that its provider knows."""
        browser = Browser()
        request = begin(browser, self.connection)
        message = self.idp.response(self.connection, request)
        page = post_response(
            browser, self.connection, message.xml(), request.relay_state, as_json=False
        )
        self.assertEqual(page.status, 303, page.text[:600])
        return browser, message.session_index

    def signed_in(self, browser):
        return browser.get(self.gate.url("/session")).status == 200

    def request(self, index, **changes):
        fields = dict(issuer=self.idp.entity_id, destination=self.connection.slo_url)
        fields.update(session_index=index, key=self.idp.key)
        fields.update(changes)
        return Logout(**fields)

    def by_redirect(self, message, signer="own", headers=None, browser=None):
        signer = Signer(self.idp.key) if signer == "own" else signer
        url = redirect_url(self.connection.slo_url, message.xml(), "SAMLRequest", "rs", signer)
        browser = browser or Browser()
        return browser.get(url, follow=False, headers=headers, initiator=IDP_PAGE)

    def by_post(self, xml, headers=None):
        fields = {"SAMLRequest": base64.b64encode(xml.encode()).decode(), "RelayState": "rs"}
        url = self.connection.slo_url
        return Browser().post(url, fields, follow=False, headers=headers, initiator=IDP_PAGE)

    def codes(self, answer):
        return [code.get("Value") for code in answer.root.iter(SAMLP + "StatusCode")]

    def assertAnswered(self, page, message, *codes):
        """A signed LogoutResponse to that request goes back to the provider."""
        answer = read_request(page, "SAMLResponse")
        self.assertEqual(answer.url, self.idp.slo_url)
        self.assertEqual(answer.relay_state, "rs")
        self.assertEqual(answer.root.tag, SAMLP + "LogoutResponse")
        self.assertEqual(answer.root.get("InResponseTo"), message.id)
        self.assertEqual(answer.root.get("Destination"), self.idp.slo_url)
        self.assertEqual(answer.root.find(SAML + "Issuer").text, self.connection.entity_id)
        self.assertEqual(self.codes(answer), [PARTIES + code for code in codes])
        if answer.raw_query:
            signers = certificates(self.gate.metadata(self.connection).body, "signing")
            self.assertTrue(any(redirect_signature_holds(answer.raw_query, one) for one in signers))

    def test_a_signed_request_by_redirect_ends_the_session(self):
        browser, index = self.sign_in()
        other, _index = self.sign_in()
        message = self.request(index)
        self.assertAnswered(self.by_redirect(message, browser=browser), message, "Success")
        self.assertFalse(self.signed_in(browser))
        self.assertTrue(self.signed_in(other), "another session of the same person ended too")

    def test_a_signed_request_by_post_ends_the_session(self):
        browser, index = self.sign_in()
        message = self.request(index)
        self.assertAnswered(self.by_post(message.signed_xml()), message, "Success")
        self.assertFalse(self.signed_in(browser))

    def test_a_request_without_session_index_ends_all_of_the_person_s(self):
        browsers = [self.sign_in()[0] for _ in range(2)]
        message = self.request(None)
        self.assertAnswered(self.by_redirect(message), message, "Success")
        for browser in browsers:
            self.assertFalse(self.signed_in(browser))

    def test_an_unknown_session_is_answered_so(self):
        message = self.request("_nowhere", name_id="nobody@acme.example")
        self.assertAnswered(self.by_redirect(message), message, "Requester", "UnknownPrincipal")

    def test_unsigned_and_foreign_requests_end_nothing(self):
        browser, index = self.sign_in()
        foreign = ForgedIdp("foreign").key
        for page in (
            self.by_redirect(self.request(index), None, JSON, browser),
            self.by_redirect(self.request(index), Signer(foreign), JSON, browser),
            self.by_post(self.request(index).xml(), JSON),
            self.by_post(self.request(index, key=foreign).signed_xml(), JSON),
        ):
            self.assertProblem(page, 403, "logout.signature", "signature.unknown_signer")
            self.assertTrue(self.signed_in(browser))

    def test_a_sha1_signature_ends_nothing(self):
        browser, index = self.sign_in()
        signer = Signer(self.idp.key, "rsa-sha1")
        page = self.by_redirect(self.request(index), signer, JSON, browser)
        self.assertProblem(page, 403, "logout.signature", "signature.algorithm")
        self.assertTrue(self.signed_in(browser))

    def test_wrong_destination_issuer_and_time_end_nothing(self):
        browser, index = self.sign_in()
        other = "https://other.example/slo"
        for changes, reason in (
            ({"destination": other}, "logout.destination"),
            ({"issuer": other}, "logout.issuer"),
            ({"not_on_or_after": -600}, "logout.expired"),
        ):
            with self.subTest(reason=reason):
                page = self.by_redirect(self.request(index, **changes), headers=JSON)
                self.assertProblem(page, 403, reason)
                page = self.by_post(self.request(index, **changes).signed_xml(), JSON)
                self.assertProblem(page, 403, reason)
                self.assertTrue(self.signed_in(browser))

    def test_a_request_counts_once(self):
        browser, index = self.sign_in()
        message = self.request(index)
        self.assertAnswered(self.by_redirect(message), message, "Success")
        self.assertProblem(self.by_redirect(message, headers=JSON), 403, "logout.replayed")
        self.gate.kill_and_restart()
        self.assertProblem(self.by_redirect(message, headers=JSON), 403, "logout.replayed")
        self.assertFalse(self.signed_in(browser))

    def test_an_ended_session_stays_ended_when_the_gate_is_killed(self):
        browser, index = self.sign_in()
        message = self.request(index)
        self.assertAnswered(self.by_redirect(message), message, "Success")
        self.gate.kill_and_restart()
        self.assertFalse(self.signed_in(browser))

    def test_a_forged_sign_out_from_another_site_ends_nothing(self):
        browser, _index = self.sign_in()
        browser.post(self.gate.url("/logout"), {}, initiator=IDP_PAGE)
        self.assertTrue(self.signed_in(browser))

    def test_an_unsolicited_answer_ends_nothing(self):
        browser, _index = self.sign_in()
        answer = self.request(None, answers="_made_up")
        url = redirect_url(
            self.connection.slo_url, answer.xml(), "SAMLResponse", None, Signer(self.idp.key)
        )
        browser.get(url, follow=False, initiator=IDP_PAGE)
        self.assertTrue(self.signed_in(browser))


if __name__ == "__main__":
    unittest.main()
