# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata, the front page, and sign-in asked for by a service provider, by both bindings."""

import base64
import datetime
import os
import signal
import stat
import urllib.parse
import xml.etree.ElementTree as ET

from parties import (
    Answer,
    Case,
    Client,
    EMAIL,
    FAULTS,
    FormReader,
    NS,
    POST,
    Provider,
    REDIRECT,
    SIGNED,
    STATUS,
    TRANSIENT,
    time_of,
    utc_now,
)


class Metadata(Case):
    def test_metadata_names_key_and_doors(self):
        status, text, headers = self.client.open("/metadata")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/samlmetadata+xml"))
        root = ET.fromstring(text)
        self.assertEqual(root.get("entityID"), self.idp.url + "/metadata")
        with open(self.idp.cert, encoding="ascii") as file:
            cert = "".join(line.strip() for line in file if "-----" not in line)
        self.assertEqual(root.find(".//ds:X509Certificate", NS).text, cert)
        for name, path in (("SingleSignOnService", "/sso"), ("SingleLogoutService", "/slo")):
            doors = {
                (at.get("Binding"), at.get("Location")) for at in root.iterfind(f".//md:{name}", NS)
            }
            self.assertEqual(doors, {(POST, self.idp.url + path), (REDIRECT, self.idp.url + path)})

    def test_keys_are_private_files_and_are_used_again(self):
        data = os.path.dirname(self.idp.cert)
        for name in os.listdir(data):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(data, name)).st_mode), 0o600, name)
        with open(self.idp.cert, "rb") as file:
            before = file.read()
        second = Provider(data, "--quiet", "--entity-id", "urn:practice:two")
        text = Client(second).open("/metadata")[1]
        self.assertEqual(second.stop(signal.SIGINT), 0)
        with open(self.idp.cert, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertIn('entityID="urn:practice:two"', text)

    def test_front_page_lists_services_people_and_faults(self):
        status, text, _ = self.client.open("/")
        self.assertEqual(status, 200)
        for word in [
            self.sp.entity,
            "ada@demo.example",
            "sam@demo.example",
            "Admins",
            *FAULTS,
            *SIGNED,
        ]:
            self.assertIn(word, text)

    def test_pages_can_be_used_without_script_and_by_a_screen_reader(self):
        for path in ("/", "/unsolicited?" + urllib.parse.urlencode({"sp": self.sp.entity})):
            _, text, headers = self.client.open(path)
            page = FormReader(text)
            self.assertIn('<html lang="en">', text)
            self.assertEqual(text.count("<h1>"), 1)
            self.assertNotIn("<script", text)
            self.assertTrue(page.labels <= page.ids)
            for form in page.forms:
                self.assertTrue(set(form["selects"]) <= page.labels)
            self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])


class Login(Case):
    def test_redirect_request_is_answered_by_post(self):
        login = self.ask(relay_state="handle & <x>")
        self.assertIn("ada@demo.example", login["users"])
        self.assertGreaterEqual(len(login["users"]), 6)
        self.assertEqual(login["selects"]["fault"], FAULTS)
        answer = Answer(self.client.choose(login, "ada@demo.example"), self.dir)
        self.assertEqual(answer.action, self.sp.entity + "/acs")
        self.assertEqual(answer.relay_state, "handle & <x>")
        self.assertEqual(answer.root.get("InResponseTo"), self.ident)
        self.assertEqual(answer.root.get("Destination"), answer.action)
        self.assertEqual(answer.value("p:Status/p:StatusCode", "Value"), STATUS + "Success")
        self.assertEqual(answer.value(".//a:NameID"), "ada@demo.example")
        self.assertEqual(answer.value(".//a:NameID", "Format"), EMAIL)
        self.assert_signatures_hold(answer)

    def test_the_assertion_says_what_the_profile_wants(self):
        answer = self.login()
        now, minute = utc_now(), datetime.timedelta(minutes=1)
        self.assertEqual(answer.value("a:Issuer"), self.idp.url + "/metadata")
        self.assertEqual(answer.value("a:Assertion/a:Issuer"), self.idp.url + "/metadata")
        self.assertEqual(answer.value(".//a:Audience"), self.sp.entity)
        data = answer.root.find(".//a:SubjectConfirmationData", NS)
        self.assertEqual(data.get("Recipient"), answer.action)
        self.assertEqual(data.get("InResponseTo"), self.ident)
        self.assertIsNone(data.get("NotBefore"))
        bearer = answer.value(".//a:SubjectConfirmation", "Method")
        self.assertEqual(bearer, "urn:oasis:names:tc:SAML:2.0:cm:bearer")
        until = time_of(answer.value(".//a:Conditions", "NotOnOrAfter"))
        self.assertTrue(now + 4 * minute < until < now + 6 * minute)
        self.assertLess(time_of(answer.value(".//a:Conditions", "NotBefore")), now)
        self.assertTrue(answer.value(".//a:AuthnStatement", "SessionIndex"))
        self.assertTrue(
            abs(time_of(answer.value(".//a:AuthnStatement", "AuthnInstant")) - now) < minute
        )

    def test_signed_redirect_request_is_accepted_and_a_changed_one_refused(self):
        xml = self.strict.authn_request(self.idp, self.ident)
        query = self.strict.query("SAMLRequest", xml, "r", self.strict.key)
        self.assertTrue(self.client.page_form("/sso?" + query)["users"])
        changed = query.replace("RelayState=r&", "RelayState=s&")
        self.assertEqual(self.client.open("/sso?" + changed)[0], 403)
        foreign = self.strict.query("SAMLRequest", xml, "r", self.sp.key)
        self.assertEqual(self.client.open("/sso?" + foreign)[0], 403)
        unsigned = self.strict.query("SAMLRequest", xml, "r")
        self.assertEqual(self.client.open("/sso?" + unsigned)[0], 403)

    def test_post_request_signed_unsigned_and_changed(self):
        xml = self.sp.authn_request(self.idp, self.ident)
        signed = self.sp.signed(xml, self.ident, "AuthnRequest", self.dir)
        for message in (xml, signed):
            fields = {
                "SAMLRequest": base64.b64encode(message.encode()).decode(),
                "RelayState": "p-1",
            }
            login = Client(self.idp).page_form("/sso", fields)
            answer = Answer(self.client.choose(login, "grace@demo.example"), self.dir)
            self.assertEqual(answer.relay_state, "p-1")
            self.assertEqual(answer.root.get("InResponseTo"), self.ident)
        changed = signed.replace('Version="2.0"', 'Version="2.0" ForceAuthn="true"')
        fields = {"SAMLRequest": base64.b64encode(changed.encode()).decode()}
        self.assertEqual(Client(self.idp).open("/sso", fields)[0], 403)

    def test_second_sign_in_is_silent_unless_forced_or_choosing(self):
        self.login("grace@demo.example", "adfs")
        silent = Answer(self.ask(), self.dir)
        self.assertEqual(silent.value(".//a:NameID"), "grace@demo.example")
        self.assertEqual(silent.signatures(), {"assertion"})
        self.assertTrue(self.ask(attributes='ForceAuthn="true"')["users"])
        self.assertTrue(self.ask(extra="&choose=1")["users"])
        self.assertTrue(self.ask(client=Client(self.idp))["users"])

    def test_post_request_finds_the_session_too(self):
        self.login("grace@demo.example")
        fields = {
            "SAMLRequest": base64.b64encode(
                self.sp.authn_request(self.idp, self.ident).encode()
            ).decode()
        }
        self.assertIn("SAMLResponse", self.client.page_form("/sso", fields)["fields"])

    def test_a_browser_that_posts_across_sites_is_sent_on_by_get(self):
        xml = self.sp.authn_request(self.idp, self.ident)
        fields = {"SAMLRequest": base64.b64encode(xml.encode()).decode(), "RelayState": "x"}
        status, _, headers = Client(self.idp).open("/sso", fields, follow=False)
        self.assertEqual(status, 303)
        self.assertTrue(
            headers["Location"].startswith(self.idp.url + "/sso/continue?request_state=")
        )

    def test_passive_request_without_session_is_told_so(self):
        answer = Answer(self.ask(attributes='IsPassive="true"'), self.dir)
        self.assertEqual(
            answer.value("p:Status/p:StatusCode/p:StatusCode", "Value"), STATUS + "NoPassive"
        )
        self.assertIsNone(answer.assertion)

    def test_consumer_url_must_be_in_the_metadata(self):
        listed = self.ask(attributes=f'AssertionConsumerServiceURL="{self.sp.entity}/second"')
        answer = Answer(self.client.choose(listed, "ada@demo.example"), self.dir)
        self.assertEqual(answer.action, self.sp.entity + "/second")
        self.assertEqual(answer.value(".//a:SubjectConfirmationData", "Recipient"), answer.action)
        xml = self.sp.authn_request(
            self.idp, self.ident, 'AssertionConsumerServiceURL="https://evil.example/acs"'
        )
        status, text, _ = self.client.open("/sso?" + self.sp.query("SAMLRequest", xml))
        self.assertEqual(status, 403)
        self.assertIn("https://evil.example/acs", text)

    def test_consumer_index_chooses_the_place(self):
        listed = self.ask(attributes='AssertionConsumerServiceIndex="1"')
        self.assertEqual(
            self.client.choose(listed, "ada@demo.example")["action"], self.sp.entity + "/second"
        )

    def test_wrong_destination_unknown_issuer_and_nonsense_are_refused(self):
        xml = self.sp.authn_request(self.idp, self.ident)
        for changed in (
            xml.replace(self.idp.url + "/sso", "https://idp.example/sso"),
            xml.replace(self.sp.entity, "https://stranger.example"),
        ):
            status, text, _ = self.client.open("/sso?" + self.sp.query("SAMLRequest", changed))
            self.assertEqual(status, 403, text)
        self.assertEqual(self.client.open("/sso")[0], 400)
        for nonsense in ("<nonsense/>", "<!DOCTYPE x>" + xml, xml[:-9], "\0"):
            query = self.sp.query("SAMLRequest", nonsense)
            self.assertEqual(self.client.open("/sso?" + query)[0], 400)
        self.assertEqual(self.client.open("/sso?SAMLRequest=%%%")[0], 400)
        self.assertEqual(self.client.open("/sso", {"SAMLRequest": "x" * 300000})[0], 413)
        self.assertEqual(self.client.open("/nowhere")[0], 404)
        self.assertEqual(self.client.open("/sso/answer")[0], 405)
        self.assertTrue(self.ask()["users"])

    def test_unknown_choices_are_refused_in_words(self):
        login = self.ask()["fields"]
        for field, value in (
            ("user", "nobody@demo.example"),
            ("persona", "ping"),
            ("fault", "lie"),
        ):
            form = (
                dict(login, user="ada@demo.example", **{field: value})
                if field != "user"
                else dict(login, user=value)
            )
            status, text, _ = self.client.open("/sso/answer", form)
            self.assertEqual(status, 400)
            self.assertIn(value, text)
        form = {"request_state": "_none", "user": "ada@demo.example"}
        self.assertEqual(self.client.open("/sso/answer", form)[0], 400)

    def test_name_id_policy_and_authn_context_are_honoured(self):
        policy = f'<samlp:NameIDPolicy Format="{TRANSIENT}"/>'
        wanted = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
        context = (
            "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>"
            f"{wanted}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        )
        answer = Answer(
            self.client.choose(self.ask(children=policy + context), "ada@demo.example"), self.dir
        )
        self.assertEqual(answer.value(".//a:NameID", "Format"), TRANSIENT)
        self.assertEqual(answer.value(".//a:AuthnContextClassRef"), wanted)
        odd = '<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos"/>'
        forced = self.ask(children=odd, attributes='ForceAuthn="true"')
        answer = Answer(self.client.choose(forced, "ada@demo.example"), self.dir)
        self.assertEqual(
            answer.value("p:Status/p:StatusCode/p:StatusCode", "Value"),
            STATUS + "InvalidNameIDPolicy",
        )
