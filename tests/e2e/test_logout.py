# SPDX-License-Identifier: GPL-3.0-or-later
"""Single logout: what the provider asks for, what the gate answers, and what ends nothing."""

import base64
import re
import unittest
import zlib
from urllib.parse import quote

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

    # -- the name encrypted --------------------------------------------------------------------

    def test_an_encrypted_name_is_opened(self):
        certificate = certificates(self.gate.metadata(self.connection).body, "encryption")[0]
        for send in ("by_redirect", "by_post"):
            with self.subTest(send=send):
                browser, index = self.sign_in()
                message = self.request(index, encrypt_to=certificate)
                xml = message if send == "by_redirect" else message.signed_xml()
                self.assertAnswered(getattr(self, send)(xml), message, "Success")
                self.assertFalse(self.signed_in(browser))

    def test_a_name_encrypted_for_another_ends_nothing(self):
        browser, index = self.sign_in()
        message = self.request(index, encrypt_to=ForgedIdp("foreign").key.certificate)
        self.assertProblem(self.by_redirect(message, headers=JSON), 403, "encryption.failed")
        self.assertTrue(self.signed_in(browser))

    # -- only this connection's, only those that are named --------------------------------------

    def test_another_connection_s_sessions_stay(self):
        browser, index = self.sign_in()
        other = ForgedIdp("other")
        connection = self.gate.make_connection("acme", "acme-other", other.fields)
        message = self.request(
            None, issuer=other.entity_id, destination=connection.slo_url, key=other.key
        )
        signer = Signer(other.key)
        url = redirect_url(connection.slo_url, message.xml(), "SAMLRequest", "rs", signer)
        page = Browser().get(url, follow=False, initiator=IDP_PAGE)
        answer = read_request(page, "SAMLResponse")
        unknown = [PARTIES + "Requester", PARTIES + "UnknownPrincipal"]
        self.assertEqual(self.codes(answer), unknown)
        self.assertTrue(self.signed_in(browser))
        # Its own message at the neighbour's door.
        page = Browser().get(url.replace(connection.slo_url, self.connection.slo_url), headers=JSON)
        self.assertProblem(page, 403, "logout.signature", "signature.unknown_signer")
        self.assertTrue(self.signed_in(browser))

    # -- spellings of a query -------------------------------------------------------------------

    def spelled(self, message, escape):
        """The message by Redirect, each value escaped in that way before it is signed."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packer.compress(message.xml().encode()) + packer.flush()
        signer = Signer(self.idp.key)
        values = {
            "SAMLRequest": base64.b64encode(data).decode(),
            "RelayState": "rs",
            "SigAlg": signer.uri,
        }
        query = "&".join(f"{name}={escape(value)}" for name, value in values.items())
        signature = base64.b64encode(signer.sign(query.encode())).decode()
        return f"{self.connection.slo_url}?{query}&Signature={escape(signature)}"

    def test_each_legal_spelling_is_verified_as_it_came(self):
        def lower(text):
            return re.sub("%..", lambda found: found.group(0).lower(), quote(text, safe=""))

        def odd(text):
            return "".join(f"%{ord(c):02X}" if i % 3 == 0 else quote(c, safe="")
                           for i, c in enumerate(text))

        def least(text):
            return quote(text, safe="/:=")

        for escape in (lower, odd, least):
            with self.subTest(escape=escape.__name__):
                browser, index = self.sign_in()
                message = self.request(index)
                page = Browser().get(self.spelled(message, escape), follow=False)
                self.assertAnswered(page, message, "Success")
                self.assertFalse(self.signed_in(browser))
        browser, index = self.sign_in()
        url = self.spelled(self.request(index), lower)
        url = url.replace("%3a", "%3A", 1)  # as a proxy might
        self.assertProblem(Browser().get(url, headers=JSON), 403, "logout.signature")
        self.assertTrue(self.signed_in(browser))

    # -- asked here, answered there -------------------------------------------------------------

    def sign_out(self, browser):
        """The LogoutRequest that the provider gets; the session here is over by then."""
        page = browser.submit(browser.get(self.gate.url("/")).form(action_ends="/logout"), False)
        asked = read_request(page)
        self.assertEqual(asked.root.tag, SAMLP + "LogoutRequest")
        self.assertFalse(self.signed_in(browser))
        return asked

    def answer(self, browser, asked, binding="redirect", **changes):
        """Where the provider's answer to that request leads."""
        answered = changes.pop("answers", asked.id)
        answer = self.request(None, answers=answered, **changes)
        slo = self.connection.slo_url
        if binding == "post":
            fields = {"SAMLResponse": base64.b64encode(answer.signed_xml().encode()).decode()}
            page = browser.post(slo, fields, follow=False, initiator=IDP_PAGE)
        else:
            signer = Signer(self.idp.key)
            url = redirect_url(slo, answer.xml(), "SAMLResponse", asked.relay_state, signer)
            page = browser.get(url, follow=False, initiator=IDP_PAGE)
        self.assertEqual(page.status, 303, page.text[:600])
        return page.location.split("signed_out=")[-1]

    def test_an_answer_says_how_the_sign_out_went(self):
        for binding in ("redirect", "post"):
            with self.subTest(binding=binding):
                browser, index = self.sign_in()
                asked = self.sign_out(browser)
                self.assertEqual(asked.root.find(SAMLP + "SessionIndex").text, index)
                self.assertTrue(asked.raw_query, "it was not sent by redirect")
                signers = certificates(self.gate.metadata(self.connection).body, "signing")
                self.assertTrue(
                    any(redirect_signature_holds(asked.raw_query, one) for one in signers)
                )
                self.assertEqual(self.answer(browser, asked, binding), "everywhere")
        for changes in (
            {"sub_status": PARTIES + "PartialLogout"},
            {"status": PARTIES + "Responder"},
            {"status": PARTIES + "Responder", "sub_status": PARTIES + "PartialLogout"},
        ):
            with self.subTest(**changes):
                browser, _index = self.sign_in()
                asked = self.sign_out(browser)
                self.assertEqual(self.answer(browser, asked, **changes), "partly")

    def test_what_answers_no_request_of_ours_says_and_ends_nothing(self):
        browser, _index = self.sign_in()
        asked = self.sign_out(browser)
        other, _index = self.sign_in()
        for answers in ("_made_up", "", asked.id + "0", asked.id.upper()):
            self.assertEqual(self.answer(other, asked, answers=answers), "here")
            self.assertTrue(self.signed_in(other))
        request = begin(other, self.connection)  # a sign-in that waits is no sign-out
        self.assertEqual(self.answer(other, asked, answers=request.id), "here")
        self.assertEqual(self.answer(browser, asked), "everywhere")
        self.assertEqual(self.answer(browser, asked), "here")  # once
        self.assertTrue(self.signed_in(other))

    def test_an_answer_still_counts_when_the_gate_was_killed_meanwhile(self):
        browser, _index = self.sign_in()
        asked = self.sign_out(browser)
        self.gate.kill_and_restart()
        self.assertEqual(self.answer(browser, asked), "everywhere")

    def test_a_sign_out_s_id_admits_nobody(self):
        browser, _index = self.sign_in()
        asked = self.sign_out(browser)
        message = self.idp.response(self.connection, asked)
        page = post_response(browser, self.connection, message.xml(), asked.relay_state)
        self.assertProblem(page, 403, "response.in_response_to_unknown")

    def test_an_unsigned_answer_is_refused(self):
        browser, _index = self.sign_in()
        asked = self.sign_out(browser)
        answer = self.request(None, answers=asked.id)
        url = redirect_url(self.connection.slo_url, answer.xml(), "SAMLResponse", None, None)
        self.assertProblem(browser.get(url, headers=JSON), 403, "logout.signature")


if __name__ == "__main__":
    unittest.main()
