# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins that must be refused: each with its own reason, as JSON and as a page, with a trace
that support staff can read, and with a good login right after."""

import base64
import http.client
import unittest
import zlib
from urllib.parse import urlencode

from browser import Browser
from case import DOMAIN, TENANT, ForgedIdp, GateCase
from forge import STATUS_RESPONDER
from harness import JSON, begin, form_of, post_response
from seal import ENVELOPED, EXC_C14N, NS_SAML, make_key

OTHER = "https://other.example/"
FOREIGN = ForgedIdp("foreign")
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"


def swap(old, new):
    """Changes the finished message; a text that does not occur is the test's mistake."""

    def tamper(xml):
        if old not in xml:
            raise AssertionError(f"{old!r} is not in the message")
        return xml.replace(old, new, 1)

    return tamper


def flip_signature(xml):
    """Another character in the middle of the SignatureValue."""
    at = xml.index("<ds:SignatureValue>") + 60
    return xml[:at] + ("A" if xml[at] != "A" else "B") + xml[at + 1 :]


# name of the test -> (the reasons that are right, what is wrong with the response)
ROWS = {
    # signatures
    "a_tampered_byte": (["signature.digest"], {"tamper": swap("ada@", "eve@")}),
    "a_tampered_response": (
        ["signature.digest"],
        {"sign": "response", "tamper": swap("ada@", "eve@")},
    ),
    "a_tampered_signature_value": (
        ["signature.value", "signature.unknown_signer"],
        {"tamper": flip_signature},
    ),
    "a_foreign_key": (["signature.unknown_signer"], {"key": FOREIGN.key}),
    "a_foreign_key_with_the_right_certificate": (
        ["signature.value", "signature.unknown_signer"],
        {"key": FOREIGN.key, "seal": "own certificate"},
    ),
    "an_unsigned_response": (["signature.missing"], {"sign": "none"}),
    "a_good_assertion_in_a_badly_signed_response": (
        ["signature.unknown_signer"],
        {"sign": "both", "response_key": FOREIGN.key},
    ),
    "a_sha1_signature": (["signature.algorithm"], {"sig_alg": "rsa-sha1"}),
    "a_sha1_digest": (["signature.algorithm", "signature.digest"], {"digest": "sha1"}),
    "a_reference_to_something_else": (
        ["signature.reference"],
        {"seal": {"reference": "#_elsewhere"}},
    ),
    "an_empty_reference": (["signature.reference"], {"seal": {"reference": ""}}),
    "a_transform_that_is_not_allowed": (
        ["signature.transform"],
        {"seal": {"transforms": (ENVELOPED, XPATH, EXC_C14N)}},
    ),
    "a_duplicate_id": (
        ["signature.duplicate_id"],
        {"assertion_id": "_same", "response_id": "_same"},
    ),
    # the envelope
    "a_wrong_destination": (["response.destination"], {"destination": OTHER}),
    "a_signed_response_without_destination": (
        ["response.destination"],
        {"destination": None, "sign": "response"},
    ),
    "a_wrong_issuer": (
        ["response.issuer_mismatch", "response.issuer_unknown"],
        {"issuer": OTHER},
    ),
    "an_assertion_of_another_issuer": (
        ["assertion.issuer_mismatch"],
        {"issuer": OTHER, "response_issuer": "own"},
    ),
    "a_status_that_is_no_success": (
        ["response.status"],
        {"sign": "response", "status": STATUS_RESPONDER},
    ),
    "an_error_status_without_assertion": (
        ["response.status"],
        {"sign": "response", "status": STATUS_RESPONDER, "assertion_count": 0},
    ),
    "an_old_version": (["response.version"], {"sign": "both", "version": "1.1"}),
    "an_old_assertion_version": (["assertion.version"], {"assertion_version": "1.1"}),
    "two_assertions": (
        ["assertion.count", "signature.duplicate_id"],
        {"sign": "response", "assertion_count": 2},
    ),
    "no_assertion": (["assertion.count"], {"sign": "response", "assertion_count": 0}),
    # the request
    "an_answer_to_an_unknown_request": (
        ["response.in_response_to_unknown"],
        {"in_response_to": "_0123456789abcdef0123456789abcdef"},
    ),
    "an_unsolicited_response": (["response.unsolicited_refused"], {"in_response_to": None}),
    "a_confirmation_of_another_request": (
        ["subject.in_response_to"],
        {"in_response_to": "_other", "response_in_response_to": "own"},
    ),
    # conditions
    "a_wrong_audience": (["conditions.audience"], {"audience": OTHER}),
    "no_audience": (["conditions.audience_missing"], {"audience": None}),
    "no_conditions": (["conditions.missing"], {"conditions": False}),
    "an_expired_assertion": (["conditions.expired"], {"not_on_or_after": -600}),
    "an_early_assertion": (["conditions.not_yet_valid"], {"not_before": 600}),
    "an_unknown_condition": (
        ["conditions.unknown"],
        {"extra_conditions": '<odd:Condition xmlns:odd="urn:example:odd"></odd:Condition>'},
    ),
    # the subject
    "a_wrong_recipient": (["subject.recipient"], {"recipient": OTHER}),
    "no_recipient": (["subject.recipient"], {"recipient": None}),
    "an_expired_confirmation": (["subject.expired"], {"subject_not_on_or_after": -600}),
    "an_endless_confirmation": (["subject.expired"], {"subject_not_on_or_after": None}),
    "a_confirmation_with_not_before": (["subject.not_before"], {"subject_not_before": -60}),
    "another_confirmation_method": (
        ["subject.confirmation_method"],
        {"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"},
    ),
    "no_name_id": (["subject.name_id_missing"], {"name_id": None}),
    # the authentication
    "no_authn_statement": (["authn.statement_missing"], {"authn_statement": False}),
    "a_session_that_is_over": (["authn.session_expired"], {"session_not_on_or_after": -600}),
    # whose identity
    "a_domain_that_is_not_the_tenant_s": (
        ["login.domain_not_allowed"],
        {"name_id": "ada@elsewhere.example"},
    ),
    "a_domain_that_only_ends_alike": (
        ["login.domain_not_allowed"],
        {"name_id": f"ada@evil-{DOMAIN}"},
    ),
}


class RefusalTest(GateCase):
    """One test a row of ROWS; made below."""

    def bad(self, request, changes):
        changes = dict(changes)
        if changes.get("response_issuer") == "own":
            changes["response_issuer"] = self.idp.entity_id
        if changes.get("response_in_response_to") == "own":
            changes["response_in_response_to"] = request.id
        if changes.get("seal") == "own certificate":
            changes["seal"] = {"key_info": self.idp.key.base64}
        return self.idp.response(self.connection, request, **changes).xml()

    def refuse(self, reasons, changes):
        browser = Browser()
        request = begin(browser, self.connection)
        xml = self.bad(request, changes)
        page = post_response(browser, self.connection, xml, request.relay_state)
        problem = self.assertProblem(page, 403, *reasons)
        trace = self.assertTrace(problem["trace_id"], problem["reason"])
        self.assertEqual((trace["tenant"], trace["connection"]), (TENANT, self.connection.slug))
        page = post_response(browser, self.connection, self.bad(request, changes), as_json=False)
        self.assertPage(page, 403, *reasons)
        self.assertEqual(browser.get(self.gate.url("/session")).status, 401)
        self.assertGoodLogin()

    def assertPage(self, page, status, *reasons):
        """A refusal for people: the reason and the trace's id, and no session."""
        self.assertEqual(page.status, status, page.text[:600])
        self.assertEqual(page.content_type, "text/html")
        self.assertTrue(any(reason in page.text for reason in reasons), page.text[:600])
        found = [word.strip(".,;:") for word in page.text.split()]
        traces = [word for word in found if len(word) > 15 and self.is_trace(word)]
        self.assertEqual(len(set(traces)), 1, f"no trace id on the page: {page.text[:600]}")
        self.assertNotIn("__Host-gatehouse=", str(page.header_all("set-cookie")))

    def is_trace(self, word):
        if not word.replace("_", "").replace("-", "").isalnum():
            return False
        return self.gate.call("GET", f"/api/v1/traces/{word}")[0] == 200


def _row(name, reasons, changes):
    def test(self):
        self.refuse(reasons, changes)

    test.__name__ = test.__qualname__ = f"test_refuses_{name}"
    return test


for _name, (_reasons, _changes) in ROWS.items():
    setattr(RefusalTest, f"test_refuses_{_name}", _row(_name, _reasons, _changes))


class NotSamlTest(GateCase):
    """What is not a SAML response at all: 400 and a reason, and nothing is consumed."""

    def post(self, body, content_type="application/x-www-form-urlencoded", url=None):
        headers = dict(JSON, **{"Content-Type": content_type})
        return Browser().post(url or self.connection.acs_url, body, headers=headers)

    def refuse(self, page, status, *reasons):
        problem = self.assertProblem(page, status, *reasons)
        self.assertGoodLogin()
        return problem

    def test_refuses_what_is_not_base64(self):
        page = self.post("SAMLResponse=%21%21not+base64%21%21")
        self.refuse(page, 400, "saml.binding", "saml.malformed")

    def test_refuses_an_empty_field(self):
        self.refuse(self.post("SAMLResponse="), 400, "saml.binding", "saml.malformed")

    def test_refuses_a_missing_field(self):
        self.refuse(self.post("RelayState=x"), 400, "saml.binding", "saml.malformed")

    def test_a_message_in_the_query_string_does_not_count(self):
        browser = Browser()
        request = begin(browser, self.connection)
        good = form_of(self.idp.response(self.connection, request).xml(), request.relay_state)
        forged = form_of(self.idp.response(self.connection, request, key=FOREIGN.key).xml())
        beside = self.connection.acs_url + "?" + urlencode({"SAMLResponse": good["SAMLResponse"]})
        page = browser.post(beside, forged, headers=JSON, initiator=self.idp.sso_url)
        self.refuse(page, 403, "signature.unknown_signer")
        self.refuse(self.post("", url=beside), 400, "saml.binding", "saml.malformed")
        beside = self.connection.acs_url + "?" + urlencode({"SAMLResponse": forged["SAMLResponse"]})
        page = browser.post(beside, good, headers=JSON, initiator=self.idp.sso_url)
        self.assertEqual(self.assertSignedIn(page)["user"]["email"], "ada@acme.example")

    def test_refuses_a_field_given_twice(self):
        good = form_of(self.idp.response(self.connection).xml())["SAMLResponse"]
        good = good.replace("+", "%2B")
        body = f"SAMLResponse={good}&SAMLResponse={good}"
        self.refuse(self.post(body), 400, "saml.binding", "saml.malformed")

    def test_refuses_text_that_is_no_xml(self):
        text = base64.b64encode(b"hello, gate").decode()
        self.refuse(self.post({"SAMLResponse": text}), 400, "saml.malformed")

    def test_refuses_xml_that_is_cut_off(self):
        xml = self.idp.response(self.connection).xml()[:-20]
        self.refuse(self.post(form_of(xml)), 400, "saml.malformed")

    def test_refuses_another_document(self):
        xml = f'<saml:Assertion xmlns:saml="{NS_SAML}"></saml:Assertion>'
        self.refuse(self.post(form_of(xml)), 400, "saml.malformed", "saml.binding")

    def test_refuses_a_document_type(self):
        xml = '<!DOCTYPE r [<!ENTITY x "y">]>' + self.idp.response(self.connection).xml()
        self.refuse(self.post(form_of(xml)), 400, "saml.dtd_forbidden")

    def test_refuses_a_deflated_message(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packer.compress(self.idp.response(self.connection).xml().encode()) + packer.flush()
        text = base64.b64encode(data).decode()
        self.refuse(self.post({"SAMLResponse": text}), 400, "saml.malformed", "saml.binding")

    def test_refuses_a_message_that_is_too_large(self):
        self.refuse(self.post("SAMLResponse=" + "A" * (4 << 20)), 413, "saml.too_large")

    def test_refuses_get_on_the_assertion_consumer(self):
        page = Browser().get(self.connection.acs_url, headers=JSON)
        self.assertEqual(page.status, 405, page.text[:300])
        self.assertIn("POST", page.header("allow") or "")
        self.assertGoodLogin()

    def test_an_unknown_connection_is_not_found(self):
        url = self.gate.url("/saml/nobody/acs")
        page = self.post(form_of(self.idp.response(self.connection).xml()), url=url)
        self.assertEqual(page.status, 404, page.text[:300])
        self.assertEqual(page.content_type, "application/problem+json")
        for path in ("/saml/nobody", "/saml/nobody/login", "/saml/Bad_Slug/login"):
            self.assertEqual(Browser().get(self.gate.url(path)).status, 404, path)

    def test_a_connection_that_hangs_up_leaves_the_gate_well(self):
        for _ in range(5):
            line = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=10)
            line.putrequest("POST", f"/saml/{self.connection.slug}/acs")
            line.putheader("Content-Type", "application/x-www-form-urlencoded")
            line.putheader("Content-Length", "100000")
            line.endheaders(b"SAMLResponse=AAAA")
            line.close()
        self.assertGoodLogin()


class BindingTest(GateCase):
    """A response is for the browser that asked for it."""

    def test_a_browser_that_withholds_the_cookie_posts_once_more_and_is_in(self):
        browser = Browser(drop_cross_site=True)
        page = self.log_in(browser, as_json=False)
        self.assertEqual(page.status, 200, page.text[:600])
        form = page.form("SAMLResponse")
        self.assertEqual(form.action.split("?")[0], self.connection.acs_url)
        self.assertNotIn("__Host-gatehouse=", str(page.header_all("set-cookie")))
        page = browser.submit(form, follow=False)
        self.assertEqual(page.status, 303, page.text[:600])
        self.assertEqual(browser.get(self.gate.url("/session")).status, 200)

    def test_another_browser_is_refused_and_the_right_one_still_gets_in(self):
        browser, thief = Browser(), Browser()
        request = begin(browser, self.connection)
        xml = self.idp.response(self.connection, request).xml()
        page = post_response(thief, self.connection, xml, request.relay_state, as_json=False)
        page = thief.submit(page.form("SAMLResponse"), follow=False)
        self.assertEqual(page.status, 403, page.text[:600])
        self.assertIn("response.browser_mismatch", page.text)
        self.assertEqual(thief.get(self.gate.url("/session")).status, 401)
        page = post_response(browser, self.connection, xml, request.relay_state, as_json=False)
        self.assertEqual(page.status, 303, page.text[:600])

    def test_a_machine_without_the_cookie_is_refused(self):
        browser = Browser()
        request = begin(browser, self.connection)
        xml = self.idp.response(self.connection, request).xml()
        page = post_response(Browser(), self.connection, xml, request.relay_state)
        self.assertProblem(page, 403, "response.browser_mismatch")
        self.assertSignedIn(post_response(browser, self.connection, xml, request.relay_state))

    def test_the_cookie_of_another_pending_login_does_not_count(self):
        browser, other = Browser(), Browser()
        request = begin(browser, self.connection)
        begin(other, self.connection)
        xml = self.idp.response(self.connection, request).xml()
        page = post_response(other, self.connection, xml, request.relay_state)
        self.assertProblem(page, 403, "response.browser_mismatch")

    def test_a_handle_that_does_not_fit_loses_its_target_and_not_the_login(self):
        browser = Browser()
        request = begin(browser, self.connection, "/reports")
        xml = self.idp.response(self.connection, request).xml()
        page = post_response(browser, self.connection, xml, "something-else", as_json=False)
        self.assertEqual(page.status, 303, page.text[:600])
        self.assertIn(page.location, (self.gate.url("/"), self.gate.url("/reports")))


class ClosedTest(GateCase):
    """What the operator switched off stays out, and comes back when switched on."""

    def test_a_disabled_connection_refuses(self):
        path = f"/connections/{self.connection.slug}"
        browser = Browser()
        request = begin(browser, self.connection)
        xml = self.idp.response(self.connection, request).xml()
        self.gate.api("PUT", path, {"disabled": True})
        page = post_response(browser, self.connection, xml, request.relay_state)
        self.assertProblem(page, 403, "login.connection_disabled")
        self.gate.api("PUT", path, {"disabled": False})
        self.assertGoodLogin()

    def test_sessions_of_a_connection_that_is_switched_off_are_worth_nothing(self):
        connection = self.gate.make_connection(TENANT, "acme-off", self.idp.fields)
        path, name = f"/connections/{connection.slug}", f"off@{DOMAIN}"

        def statuses(browser, token):
            by_cookie = browser.get(self.gate.url("/session")).status
            return by_cookie, self.gate.call("GET", "/api/v1/me", token=token)[0]

        browser = Browser()
        self.log_in(browser, connection, as_json=False, name_id=name)
        token = self.assertSignedIn(self.log_in(connection=connection, name_id=name))["access_token"]
        self.assertEqual(statuses(browser, token), (200, 200))
        self.gate.api("PUT", path, {"disabled": True})
        self.assertEqual(statuses(browser, token), (401, 401))
        self.gate.api("PUT", path, {"disabled": False})
        self.assertEqual(statuses(browser, token), (401, 401))  # nor do they come back
        again = Browser()
        self.log_in(again, connection, as_json=False, name_id=name)
        token = self.assertSignedIn(self.log_in(connection=connection, name_id=name))["access_token"]
        self.assertEqual(statuses(again, token), (200, 200))
        self.gate.api("DELETE", path)
        self.assertEqual(statuses(again, token), (401, 401))

    def test_a_disabled_tenant_refuses(self):
        browser = Browser()
        request = begin(browser, self.connection)
        xml = self.idp.response(self.connection, request).xml()
        body = {"name": "Acme", "domains": [DOMAIN], "disabled": True}
        self.gate.api("PUT", f"/tenants/{TENANT}", body)
        page = post_response(browser, self.connection, xml, request.relay_state)
        self.assertProblem(page, 403, "login.tenant_disabled")
        self.gate.api("PUT", f"/tenants/{TENANT}", dict(body, disabled=False))
        self.assertGoodLogin()

    def test_without_provisioning_a_new_person_is_refused_and_a_known_one_is_not(self):
        self.assertGoodLogin(name_id=f"known@{DOMAIN}")
        path = f"/connections/{self.connection.slug}/policy"
        self.gate.api("PUT", path, {"provisioning": False})
        page = self.log_in(name_id=f"new@{DOMAIN}")
        self.assertProblem(page, 403, "login.provisioning_off")
        self.assertGoodLogin(name_id=f"known@{DOMAIN}")
        self.gate.api("PUT", path, {})
        self.assertGoodLogin(name_id=f"new@{DOMAIN}")

    def test_no_rule_and_no_default_is_no_role(self):
        rules = {"rules": [], "default_role": None, "mode": "authoritative"}
        connection = self.gate.make_connection(TENANT, "acme-none", self.idp.fields, rules)
        page = self.log_in(connection=connection, name_id=f"none@{DOMAIN}")
        self.assertProblem(page, 403, "login.no_role")
        self.assertGoodLogin()

    def test_a_new_key_counts_at_once_and_the_old_one_no_more(self):
        connection = self.gate.make_connection(TENANT, "acme-keys", self.idp.fields)
        new = make_key()
        fields = dict(self.idp.fields, certificates=[new.pem])
        self.gate.api("PUT", f"/connections/{connection.slug}/idp", fields)
        name = f"keys@{DOMAIN}"
        page = self.log_in(connection=connection, name_id=name)
        self.assertProblem(page, 403, "signature.unknown_signer")
        self.assertSignedIn(self.log_in(connection=connection, name_id=name, key=new))


if __name__ == "__main__":
    unittest.main()
