# SPDX-License-Identifier: GPL-3.0-or-later
"""Single logout: asked by the service, and started at the provider."""

import base64
import os
import urllib.parse
import xml.etree.ElementTree as ET
import zlib

from parties import (
    Case,
    Client,
    NS,
    P,
    RSA_SHA256,
    SIGNED,
    STATUS,
    command,
)


class Logout(Case):
    def signed_in(self):
        answer = self.login()
        return answer.value(".//a:NameID"), answer.value(".//a:AuthnStatement", "SessionIndex")

    def redirect_answer(self, headers):
        """The LogoutResponse of a 302; its query signature is verified with openssl."""
        target, _, query = headers["Location"].partition("?")
        self.assertEqual(target, self.sp.entity + "/slo")
        covered, _, signature = query.partition("&Signature=")
        self.assertIn("SigAlg=" + urllib.parse.quote(RSA_SHA256, safe=""), covered)
        public = command("openssl", "x509", "-in", self.idp.cert, "-pubkey", "-noout")
        paths = [os.path.join(self.dir, name) for name in ("idp.pub", "slo.sig")]
        for path, octets in zip(paths, (public, base64.b64decode(urllib.parse.unquote(signature)))):
            with open(path, "wb") as file:
                file.write(octets)
        command(
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            paths[0],
            "-signature",
            paths[1],
            given=covered.encode(),
        )
        args = urllib.parse.parse_qs(query)
        kind = "SAMLResponse" if "SAMLResponse" in args else "SAMLRequest"
        return ET.fromstring(zlib.decompress(base64.b64decode(args[kind][0]), -15)), args

    def verified_post(self, form, field, root):
        octets = base64.b64decode(form["fields"][field])
        path = os.path.join(self.dir, "logout.xml")
        with open(path, "wb") as file:
            file.write(octets)
        words = (
            "xmlsec1 --verify --enabled-reference-uris empty,same-doc --enabled-key-data raw-x509-cert"
            f" --pubkey-cert-pem {self.idp.cert} --id-attr:ID {P}:{root} {path}"
        )
        command(*words.split())
        self.assertIn(RSA_SHA256, octets.decode())
        return ET.fromstring(octets)

    def test_logout_request_by_redirect_ends_the_session(self):
        name_id, index = self.signed_in()
        xml = self.sp.logout_request(self.idp, self.ident, name_id, index)
        query = self.sp.query("SAMLRequest", xml, "bye", self.sp.key)
        status, _, headers = self.client.open("/slo?" + query, follow=False)
        self.assertEqual(status, 302)
        response, args = self.redirect_answer(headers)
        self.assertEqual(args["RelayState"], ["bye"])
        self.assertEqual(response.get("InResponseTo"), self.ident)
        self.assertEqual(response.get("Destination"), self.sp.entity + "/slo")
        codes = [at.get("Value") for at in response.iterfind(".//p:StatusCode", NS)]
        self.assertEqual(codes, [STATUS + "Success"])
        self.assertTrue(self.ask()["users"])

    def test_logout_request_by_post_without_cookie_ends_the_session(self):
        name_id, index = self.signed_in()
        xml = self.sp.logout_request(self.idp, self.ident, name_id, index)
        xml = self.sp.signed(xml, self.ident, "LogoutRequest", self.dir)
        fields = {"SAMLRequest": base64.b64encode(xml.encode()).decode(), "RelayState": "bye <&"}
        form = Client(self.idp).page_form("/slo", fields)
        self.assertEqual(
            (form["action"], form["fields"]["RelayState"]), (self.sp.entity + "/slo", "bye <&")
        )
        response = self.verified_post(form, "SAMLResponse", "LogoutResponse")
        self.assertEqual(response.find(".//p:StatusCode", NS).get("Value"), STATUS + "Success")
        self.assertTrue(self.ask()["users"])

    def test_unknown_person_is_said_so_and_nobody_else_is_signed_out(self):
        self.signed_in()
        xml = self.sp.logout_request(self.idp, self.ident, "other@demo.example", "_none")
        query = self.sp.query("SAMLRequest", xml, None, self.sp.key)
        response, _ = self.redirect_answer(self.client.open("/slo?" + query, follow=False)[2])
        codes = [at.get("Value") for at in response.iterfind(".//p:StatusCode", NS)]
        self.assertEqual(codes, [STATUS + "Requester", STATUS + "UnknownPrincipal"])
        self.assertIn("SAMLResponse", self.ask()["fields"])

    def test_unsigned_foreign_changed_late_or_misdirected_requests_end_nothing(self):
        name_id, index = self.signed_in()
        xml = self.sp.logout_request(self.idp, self.ident, name_id, index)
        late = self.sp.logout_request(
            self.idp, self.ident, name_id, index, 'NotOnOrAfter="2020-01-01T00:00:00Z"'
        )
        elsewhere = xml.replace(self.idp.url, "https://idp.example")
        good = self.sp.query("SAMLRequest", xml, "a", self.sp.key)
        for query in (
            self.sp.query("SAMLRequest", xml),
            self.sp.query("SAMLRequest", xml, None, self.strict.key),
            good.replace("RelayState=a", "RelayState=b"),
            self.sp.query("SAMLRequest", late, None, self.sp.key),
            self.sp.query("SAMLRequest", elsewhere, None, self.sp.key),
        ):
            self.assertEqual(self.client.open("/slo?" + query, follow=False)[0], 403)
        fields = {"SAMLRequest": base64.b64encode(xml.encode()).decode()}
        self.assertEqual(self.client.open("/slo", fields, follow=False)[0], 403)
        self.assertIn("SAMLResponse", self.ask()["fields"])

    def test_logout_started_here_is_told_to_the_service(self):
        name_id, index = self.signed_in()
        form = self.client.page_form("/logout")
        self.assertEqual(form["action"], self.sp.entity + "/slo")
        request = self.verified_post(form, "SAMLRequest", "LogoutRequest")
        self.assertEqual(request.find("a:NameID", NS).text, name_id)
        self.assertEqual(request.find("p:SessionIndex", NS).text, index)
        self.assertEqual(request.get("Destination"), self.sp.entity + "/slo")
        answer = self.sp.logout_response(self.idp, self.ident, request.get("ID"))
        unsigned = {"SAMLResponse": base64.b64encode(answer.encode()).decode()}
        self.assertEqual(Client(self.idp).open("/slo", unsigned)[0], 403)
        signed = self.sp.signed(answer, self.ident, "LogoutResponse", self.dir)
        fields = {"SAMLResponse": base64.b64encode(signed.encode()).decode()}
        status, text, _ = Client(self.idp).open("/slo", fields)
        self.assertEqual(status, 200, text)
        self.assertIn("You are signed out", text)
        self.assertTrue(self.ask()["users"])

    def test_logout_names_the_person_as_each_shape_did(self):
        for persona in SIGNED:
            self.client = Client(self.idp)
            sent = self.login(persona=persona)
            request = self.verified_post(
                self.client.page_form("/logout"), "SAMLRequest", "LogoutRequest"
            )
            for attribute in (None, "Format"):
                asked = request.find("a:NameID", NS)
                asked = asked.get(attribute) if attribute else asked.text
                self.assertEqual(asked, sent.value(".//a:NameID", attribute), persona)

    def test_logout_started_here_by_redirect_and_answered_by_redirect(self):
        self.signed_in()
        status, _, headers = self.client.open("/logout?binding=redirect", follow=False)
        self.assertEqual(status, 302)
        request, _ = self.redirect_answer(headers)
        answer = self.sp.logout_response(self.idp, self.ident, request.get("ID"))
        foreign = self.sp.query("SAMLResponse", answer, None, self.strict.key)
        self.assertEqual(self.client.open("/slo?" + foreign)[0], 403)
        query = self.sp.query("SAMLResponse", answer, None, self.sp.key)
        self.assertEqual(self.client.open("/slo?" + query)[0], 200)

    def test_two_services_are_told_one_after_the_other(self):
        self.signed_in()
        xml = self.strict.authn_request(self.idp, self.ident)
        self.client.page_form(
            "/sso?" + self.strict.query("SAMLRequest", xml, None, self.strict.key)
        )
        told = []
        form = self.client.page_form("/logout")
        for sp in (self.sp, self.strict):
            told.append(form["action"])
            owner = self.sp if form["action"].startswith(self.sp.entity) else self.strict
            request = ET.fromstring(base64.b64decode(form["fields"]["SAMLRequest"]))
            answer = owner.logout_response(self.idp, self.ident, request.get("ID"))
            query = owner.query("SAMLResponse", answer, None, owner.key)
            if sp is self.sp:
                form = self.client.page_form("/slo?" + query)
            else:
                self.assertEqual(self.client.open("/slo?" + query)[0], 200)
        self.assertEqual(set(told), {self.sp.entity + "/slo", self.strict.entity + "/slo"})

    def test_partial_logout_is_told_truthfully(self):
        name_id, index = self.signed_in()
        xml = self.strict.authn_request(self.idp, self.ident)
        self.client.page_form(
            "/sso?" + self.strict.query("SAMLRequest", xml, None, self.strict.key)
        )
        request = self.sp.logout_request(self.idp, self.ident, name_id, index)
        query = self.sp.query("SAMLRequest", request, None, self.sp.key)
        response, _ = self.redirect_answer(self.client.open("/slo?" + query, follow=False)[2])
        codes = [at.get("Value") for at in response.iterfind(".//p:StatusCode", NS)]
        self.assertEqual(codes, [STATUS + "Success", STATUS + "PartialLogout"])

    def test_what_lasso_would_die_of_is_refused_before(self):
        request = self.sp.logout_request(self.idp, self.ident, "ada@demo.example", "_x")
        start, _, rest = request.partition("<saml:NameID")
        nobody = start + rest.partition("</saml:NameID>")[2]
        moved = request.replace("<saml:NameID", "<odd/><saml:NameID")
        answer = self.sp.logout_response(self.idp, self.ident, "_x")
        for xml in (nobody, moved, answer, self.sp.authn_request(self.idp, self.ident)):
            query = self.sp.query("SAMLRequest", xml, None, self.sp.key)
            self.assertEqual(self.client.open("/slo?" + query)[0], 400, xml)
            fields = {"SAMLRequest": base64.b64encode(xml.encode()).decode()}
            self.assertEqual(self.client.open("/slo", fields)[0], 400, xml)
        self.assertEqual(self.client.open("/metadata")[0], 200)

    def test_logout_without_session_and_empty_message(self):
        self.assertIn("Nobody is signed in", self.client.open("/logout")[1])
        self.assertEqual(self.client.open("/slo")[0], 400)
