# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements of the SAML profiles that other tests do not show: each test is named in
tests/conformance/requirements.def, which says what it shows.

Owns: messages that are honest and unusual, and what must become of them.
"""

import base64
import json
import unittest
from dataclasses import dataclass

from browser import Browser
from case import DOMAIN, TENANT, ForgedIdp, GateCase
from forge import METHOD_BEARER, STATUS_RESPONDER, Response, idp_metadata
from harness import MD, SAML, SAMLP, begin, post_response, read_request
from seal import NS_DS, NS_SAML, element, escape_text, instant, make_key

PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
URI_NAMES = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
SCRIPT = "\U0001d4b3"  # a letter off the basic plane: four bytes in UTF-8
FOREIGN = '<x:Odd xmlns:x="urn:x" a="1"><x:In b="2">text</x:In></x:Odd>'
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XS = "http://www.w3.org/2001/XMLSchema"


@dataclass
class Unusual(Response):
    """A Response with parts that the forge does not write, in canonical form.

    after_conditions  put behind Conditions (where Advice stands); name_attributes of the NameID;
    statements        AttributeStatements as text, in place of the forge's;
    issuer_format     of the Response's Issuer.
    """

    after_conditions: str = ""
    name_attributes: dict = None
    statements: str = ""
    issuer_format: str = None

    def _response(self, body):
        text = super()._response("")
        if self.issuer_format:
            head = f'<saml:Issuer xmlns:saml="{NS_SAML}"'
            text = text.replace(head, f'{head} Format="{self.issuer_format}"')
        return text.replace("</samlp:Response>", body + "</samlp:Response>")

    def _conditions(self):
        return super()._conditions() + self.after_conditions

    def _attributes(self):
        return self.statements or super()._attributes()

    def _subject(self):
        text = super()._subject()
        if not self.name_attributes:
            return text
        end = text.index("</saml:NameID>") + len("</saml:NameID>")
        name = element("saml:NameID", escape_text(self.name_id), **self.name_attributes)
        return "<saml:Subject>" + name + text[end:]


def attribute(name, *values, **more):
    """An Attribute; each value is the attributes of its element and its content."""
    content = "".join(
        f"<saml:AttributeValue{kind}>{text}</saml:AttributeValue>" for kind, text in values
    )
    return element("saml:Attribute", content, Name=name, **more)


def plain(*texts):
    return [("", escape_text(text)) for text in texts]


def statement(*attributes):
    return element("saml:AttributeStatement", "".join(attributes))


class ConformanceCase(GateCase):
    def unusual(self, browser=None, connection=None, as_json=True, **changes):
        """A whole login with an unusual Response; returns the answer of the ACS."""
        browser = browser or Browser()
        connection = connection or self.connection
        request = begin(browser, connection)
        fields = dict(
            key=self.idp.key,
            issuer=self.idp.entity_id,
            audience=connection.entity_id,
            recipient=connection.acs_url,
            destination=connection.acs_url,
            in_response_to=request.id,
        )
        fields.update(changes)
        xml = Unusual(**fields).xml()
        return post_response(browser, connection, xml, request.relay_state, as_json)

    def connect(self, slug, idp=None, rules=None, **policy):
        return self.gate.make_connection(TENANT, slug, idp or self.idp.fields, rules, **policy)


class TimeTest(ConformanceCase):
    """Clocks differ; by three minutes, unless the connection says otherwise."""

    LATE = ("not_on_or_after", "conditions.expired")
    TOLD = (
        LATE,
        ("subject_not_on_or_after", "subject.expired"),
        ("session_not_on_or_after", "authn.session_expired"),
    )

    def test_an_end_counts_with_the_skew_and_not_beyond(self):
        for field, reason in self.TOLD:
            with self.subTest(field=field):
                self.assertSignedIn(self.log_in(**{field: -60}))
                self.assertProblem(self.log_in(**{field: -600}), 403, reason)

    def test_a_beginning_counts_with_the_skew_and_not_before(self):
        self.assertSignedIn(self.log_in(not_before=60))
        self.assertProblem(self.log_in(not_before=600), 403, "conditions.not_yet_valid")

    def test_the_skew_is_the_connection_s_own(self):
        exact = self.connect("acme-exact", skew_seconds=0)
        wide = self.connect("acme-wide", skew_seconds=300)
        for connection, seconds, accepted in (
            (exact, -30, False),
            (wide, -270, True),
            (wide, -330, False),
        ):
            with self.subTest(connection=connection.slug, seconds=seconds):
                name = f"{connection.slug}@{DOMAIN}"
                page = self.log_in(connection=connection, not_on_or_after=seconds, name_id=name)
                if accepted:
                    self.assertSignedIn(page)
                else:
                    self.assertProblem(page, 403, "conditions.expired")

    def test_the_end_of_metadata_counts_with_the_skew(self):
        path = f"/api/v1/connections/{self.connect('acme-until').slug}/idp"
        idp = ForgedIdp("until")
        for seconds, status in ((3600, 200), (-60, 200), (-600, 422)):
            with self.subTest(seconds=seconds):
                text = idp_metadata(
                    idp.entity_id, idp.sso_url, [idp.key.base64], valid_until=seconds
                )
                got, answer = self.gate.call("PUT", path, {"metadata_xml": text})
                self.assertEqual(got, status, answer)


class TextTest(ConformanceCase):
    """Names and values arrive whole, whatever they are made of."""

    def test_a_name_of_256_characters_off_the_basic_plane_arrives_whole(self):
        name = SCRIPT * 256
        browser = Browser()
        page = self.unusual(
            browser,
            name_id=name,
            name_id_format=PERSISTENT,
            attributes={"email": [f"long@{DOMAIN}"]},
            as_json=False,
        )
        self.assertEqual(page.status, 303, page.text[:600])
        answer = browser.get(self.gate.url("/session"))
        user = json.loads(answer.body)["user"]
        self.assertEqual(user["name_id"], name)
        users = self.gate.api("GET", f"/tenants/{TENANT}/users?q=long%40{DOMAIN}")
        self.assertIn(f"long@{DOMAIN}", str(users))
        self.assertTrue(self.linked(name), "the stored name is not the one that was asserted")

    def linked(self, name):
        """The same name is the same person, and one character less is another."""
        mail = {"email": [f"long@{DOMAIN}"]}
        fields = dict(name_id_format=PERSISTENT, attributes=mail)
        again = self.unusual(name_id=name, **fields)
        other = self.unusual(name_id=name[:-1], **fields)
        self.assertSignedIn(again)
        return other.status == 403

    def test_a_group_of_256_characters_off_the_basic_plane_matches_whole(self):
        group = SCRIPT * 256
        rules = {
            "rules": [{"match": "exact", "value": group, "roles": ["compliance"]}],
            "default_role": "read_only",
            "mode": "authoritative",
        }
        connection = self.connect("acme-long", rules=rules)
        name = f"group@{DOMAIN}"
        for groups, role in (((group,), "compliance"), ((group[:-1],), "read_only")):
            page = self.log_in(connection=connection, name_id=name, groups=groups)
            self.assertEqual(self.assertSignedIn(page)["roles"], [role])

    def test_any_name_and_format_of_an_attribute_is_taken(self):
        odd = "urn:odd:names#with?all=of&that=1 and <spaces>"
        rules = {
            "rules": [{"match": "exact", "value": "staff", "roles": ["compliance"]}],
            "default_role": None,
            "mode": "authoritative",
        }
        for at, name in enumerate(("groups", odd, "urn:oid:1.3.6.1.4.1.5923.1.5.1.1")):
            connection = self.connect(f"acme-named-{at}", rules=rules, groups_attribute=name)
            for kind in (URI_NAMES, "urn:nobody:knows", None):
                with self.subTest(name=name, format=kind):
                    page = self.unusual(
                        connection=connection,
                        name_id=f"named{at}@{DOMAIN}",
                        statements=statement(attribute(name, *plain("staff"), NameFormat=kind)),
                    )
                    self.assertEqual(self.assertSignedIn(page)["roles"], ["compliance"])

    def test_a_value_counts_with_and_without_its_type(self):
        rules = {
            "rules": [{"match": "exact", "value": "staff", "roles": ["compliance"]}],
            "default_role": None,
            "mode": "authoritative",
        }
        connection = self.connect("acme-typed", rules=rules)
        typed = f' xmlns:xs="{XS}" xmlns:xsi="{XSI}" xsi:type="xs:string"'
        # Exclusive canonicalisation leaves out a prefix that only a value names.
        visible = f' xmlns:xsi="{XSI}" xsi:type="string"'
        for kind in ("", visible, typed):
            with self.subTest(kind=kind):
                change = {}
                if kind == typed:
                    change = {"seal": {"prefix_list": "xs"}}
                page = self.unusual(
                    connection=connection,
                    name_id=f"typed@{DOMAIN}",
                    statements=statement(attribute("groups", (kind, "staff"))),
                    **change,
                )
                self.assertEqual(self.assertSignedIn(page)["roles"], ["compliance"])

    def test_a_friendly_name_counts_nothing(self):
        rules = {
            "rules": [{"match": "exact", "value": "staff", "roles": ["compliance"]}],
            "default_role": "read_only",
            "mode": "authoritative",
        }
        connection = self.connect("acme-friendly", rules=rules)
        for right, wrong, role in (("staff", "none", "compliance"), ("none", "staff", "read_only")):
            page = self.unusual(
                connection=connection,
                name_id=f"friendly@{DOMAIN}",
                statements=statement(
                    attribute("groups", *plain(right), FriendlyName="other"),
                    attribute("urn:other", *plain(wrong), FriendlyName="groups"),
                ),
            )
            self.assertEqual(self.assertSignedIn(page)["roles"], [role])

    def test_attributes_that_nobody_knows_are_no_hindrance(self):
        page = self.unusual(
            name_id=f"unknown@{DOMAIN}",
            statements=statement(
                attribute("urn:nobody:asked", *plain("1", "2", "")),
                attribute("urn:structured", ("", FOREIGN)),
                attribute("urn:empty"),
                attribute("groups", *plain("platform-admins")),
            )
            + statement(attribute("urn:second:statement", *plain("x"))),
        )
        self.assertEqual(self.assertSignedIn(page)["roles"], ["admin"])

    def test_of_several_addresses_the_first_counts(self):
        first, second = f"first@{DOMAIN}", f"second@{DOMAIN}"
        page = self.unusual(
            name_id="several-1",
            name_id_format=PERSISTENT,
            attributes={"mail": [first, second], "groups": ["a", "platform-admins"]},
        )
        answer = self.assertSignedIn(page)
        self.assertEqual(answer["user"]["email"], first)
        self.assertEqual(answer["roles"], ["admin"])


class NameTest(ConformanceCase):
    """Who somebody is: persistent, transient and missing NameIDs."""

    def test_a_persistent_name_is_opaque(self):
        names = ["Ab+/=9 x", "ab+/=9 x", "9f2c" * 64]
        users = set()
        for at, name in enumerate(names):
            mail = {"email": [f"opaque{at}@{DOMAIN}"]}
            for _ in range(2):
                page = self.unusual(name_id=name, name_id_format=PERSISTENT, attributes=mail)
                users.add(self.assertSignedIn(page)["user"]["id"])
        self.assertEqual(len(users), len(names))

    def test_a_transient_name_with_an_address_stays_one_person(self):
        mail = {"email": [f"transient@{DOMAIN}"]}
        users = set()
        for name in ("_t1", "_t2"):
            page = self.unusual(name_id=name, name_id_format=TRANSIENT, attributes=mail)
            users.add(self.assertSignedIn(page)["user"]["id"])
        self.assertEqual(len(users), 1)

    def test_no_name_is_needed_where_an_attribute_identifies(self):
        connection = self.connect("acme-uid", identifier_attribute="uid")
        users = set()
        for mail in (f"uid1@{DOMAIN}", f"uid2@{DOMAIN}"):
            page = self.unusual(
                connection=connection, name_id=None, attributes={"uid": ["4711"], "email": [mail]}
            )
            users.add(self.assertSignedIn(page)["user"]["id"])
        self.assertEqual(len(users), 1)
        page = self.unusual(name_id=None, attributes={"uid": ["4711"]})
        self.assertProblem(page, 403, "subject.name_id_missing")

    def test_what_is_missing_is_said_to_people(self):
        connection = self.connect("acme-missing", identifier_attribute="uid")
        page = self.unusual(connection=connection, as_json=False)
        self.assertEqual(page.status, 403)
        self.assertIn("attribute.required_missing", page.text)
        self.assertIn("did not send all that is needed", page.text)


class EnvelopeTest(ConformanceCase):
    """What a Response may hold or leave out."""

    def test_extensions_and_advice_are_passed_over(self):
        def extended(xml):
            at = xml.index("<samlp:Status>")
            xml = xml[:at] + f"<samlp:Extensions>{FOREIGN}</samlp:Extensions>" + xml[at:]
            end = "</samlp:Status>"
            detail = f"<samlp:StatusDetail>{FOREIGN}</samlp:StatusDetail>"
            return xml.replace(end, detail + end, 1)

        advice = f"<saml:Advice>{FOREIGN}</saml:Advice>"
        self.assertSignedIn(self.unusual(tamper=extended, after_conditions=advice))

    def test_attributes_of_foreign_namespaces_are_passed_over(self):
        def decorated(xml):
            return xml.replace("<samlp:Response ", '<samlp:Response xmlns:x="urn:x" x:odd="1" ', 1)

        self.assertSignedIn(self.unusual(tamper=decorated))

    def test_an_unknown_condition_refuses(self):
        page = self.unusual(extra_conditions='<x:Odd xmlns:x="urn:x"></x:Odd>')
        self.assertProblem(page, 403, "conditions.unknown")

    def test_an_unsigned_response_may_leave_its_issuer_out(self):
        self.assertSignedIn(self.unusual(response_issuer=None))
        page = self.unusual(response_issuer="", sign="response")
        self.assertProblem(page, 403, "response.issuer_mismatch")

    def test_the_format_of_an_issuer_is_entity(self):
        for sign in ("response", "assertion"):
            self.assertSignedIn(self.unusual(sign=sign, issuer_format=ENTITY))
        page = self.unusual(sign="response", issuer_format=PERSISTENT)
        self.assertProblem(page, 403, "response.issuer_mismatch")

    def test_audience_restrictions_must_all_hold_and_of_one_any(self):
        ours, other = self.connection.entity_id, "https://other.example/"

        def restriction(*audiences):
            content = "".join(element("saml:Audience", escape_text(one)) for one in audiences)
            return element("saml:AudienceRestriction", content)

        self.assertSignedIn(self.unusual(audience=[other, ours]))
        self.assertSignedIn(self.unusual(extra_conditions=restriction(ours, other)))
        page = self.unusual(extra_conditions=restriction(other))
        self.assertProblem(page, 403, "conditions.audience")

    def test_an_unsolicited_response_answers_no_request(self):
        connection = self.connect("acme-unasked", unsolicited=True)
        name = f"unasked@{DOMAIN}"
        for sign in ("assertion", "response"):
            fields = dict(sign=sign, name_id=name)
            good = self.idp.response(connection, **fields)
            self.assertSignedIn(post_response(Browser(), connection, good.xml()))
            answer = self.idp.response(connection, in_response_to="_made_up", **fields)
            page = post_response(Browser(), connection, answer.xml())
            self.assertProblem(page, 403, "response.in_response_to_unknown")
            answer = self.idp.response(connection, response_in_response_to="_made_up", **fields)
            page = post_response(Browser(), connection, answer.xml())
            self.assertProblem(
                page,
                403,
                "response.in_response_to_unknown",
                "response.in_response_to_missing",
            )

    def test_a_second_confirmation_may_be_the_one_that_holds(self):
        data = element(
            "saml:SubjectConfirmationData",
            "",
            NotOnOrAfter=instant(300),
            Recipient="https://other.example/acs",
        )
        other = element("saml:SubjectConfirmation", data, Method=METHOD_BEARER)
        browser = Browser()
        request = begin(browser, self.connection)
        message = self.idp.response(self.connection, request)
        own = message._subject()
        start = "<saml:SubjectConfirmation "
        message._subject = lambda: own.replace(start, other + start, 1)
        page = post_response(browser, self.connection, message.xml(), request.relay_state)
        self.assertSignedIn(page)

    def test_an_error_answer_is_a_page_and_no_loop(self):
        denied = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
        for sign in ("none", "response"):
            with self.subTest(sign=sign):
                page = self.unusual(
                    as_json=False,
                    sign=sign,
                    status=STATUS_RESPONDER,
                    sub_status=denied,
                    assertion_count=0,
                )
                self.assertEqual(page.status, 403)
                self.assertIn("response.status", page.text)
                self.assertIsNone(page.header("location"))
                self.assertIsNone(page.header("refresh"))
                self.assertFalse([form for form in page.forms if "SAMLRequest" in form.fields])
        self.assertGoodLogin()


class RequestShapeTest(ConformanceCase):
    def test_the_request_names_the_consumer_as_the_metadata_does(self):
        root = begin(Browser(), self.connection).root
        metadata = self.gate.metadata(self.connection).body
        self.assertEqual(root.get("AssertionConsumerServiceURL"), self.connection.acs_url)
        self.assertIn(f'Location="{self.connection.acs_url}"'.encode(), metadata)
        self.assertIsNone(root.get("AssertionConsumerServiceIndex"))
        self.assertTrue(root.get("ProtocolBinding").endswith(":HTTP-POST"))

    def test_a_login_is_a_redirect_and_no_frame(self):
        page = Browser().get(self.connection.login_url, follow=False)
        self.assertEqual(page.status, 302)
        posting = self.connect("acme-posting", request_binding="post")
        page = Browser().get(posting.login_url, follow=False)
        self.assertEqual(page.form("SAMLRequest").method, "POST")
        self.assertNotIn("iframe", page.html.lower())
        self.assertIn("frame-ancestors 'none'", page.header("content-security-policy"))

    def test_entity_ids_are_short_and_one_for_each_connection(self):
        other = self.connect("acme-" + "x" * 50)
        self.assertNotEqual(other.entity_id, self.connection.entity_id)
        for connection in (other, self.connection):
            self.assertTrue(connection.entity_id.startswith("http"))
            self.assertLessEqual(len(connection.entity_id), 256)

    def test_asking_for_several_contexts_is_exact(self):
        wanted = ["urn:a", "urn:b"]
        connection = self.connect("acme-context", authn_context=wanted)
        context = begin(Browser(), connection).root.find(SAMLP + "RequestedAuthnContext")
        self.assertIn(context.get("Comparison"), (None, "exact"))
        self.assertEqual([one.text for one in context], wanted)
        page = self.unusual(connection=connection, authn_class="urn:c", name_id=f"ctx@{DOMAIN}")
        self.assertProblem(page, 403, "authn.context")
        page = self.unusual(connection=connection, authn_class="urn:b", name_id=f"ctx@{DOMAIN}")
        self.assertSignedIn(page)


class KeysTest(ConformanceCase):
    """Keys come out of metadata, and a certificate is nothing but a key in a wrapping."""

    def with_metadata(self, slug, text):
        return self.connect(slug, {"metadata_xml": text})

    def metadata(self, *certificates):
        return idp_metadata(self.idp.entity_id, self.idp.sso_url, list(certificates))

    def assertKeys(self, connection, good, bad):
        """Each of the good keys signs people in; the bad ones and none do not."""
        name = f"{connection.slug}@{DOMAIN}"
        for key in good:
            self.assertSignedIn(self.unusual(connection=connection, key=key, name_id=name))
        for key in bad:
            page = self.unusual(connection=connection, key=key, name_id=name)
            self.assertProblem(page, 403, "signature.unknown_signer", "signature.value")
        page = self.unusual(connection=connection, sign="none", name_id=name)
        self.assertProblem(page, 403, "signature.missing")

    def test_each_of_several_keys_is_tried(self):
        keys = [make_key() for _ in range(3)] + [make_key("p256")]
        connection = self.with_metadata("acme-many", self.metadata(*(key.base64 for key in keys)))
        self.assertKeys(connection, keys[:3], [make_key()])
        page = self.unusual(
            connection=connection,
            key=keys[3],
            sig_alg="ecdsa-sha256",
            name_id=f"acme-many@{DOMAIN}",
        )
        self.assertSignedIn(page)

    def test_a_key_without_use_is_for_both(self):
        key = make_key()
        text = self.metadata(key.base64).replace(' use="signing"', "")
        self.assertKeys(self.with_metadata("acme-both", text), [key], [make_key()])

    def test_what_a_certificate_says_counts_nothing(self):
        expired = make_key(days=-1, began_days_ago=30, name="somebody.else.example")
        connection = self.with_metadata("acme-expired", self.metadata(expired.base64))
        self.assertKeys(connection, [expired], [])

    def test_a_bare_rsa_key_is_a_key(self):
        key = make_key()
        numbers = key.private.public_key().public_numbers()

        def text(number):
            size = (number.bit_length() + 7) // 8
            return base64.b64encode(number.to_bytes(size, "big")).decode()

        value = element("ds:Modulus", text(numbers.n)) + element("ds:Exponent", text(numbers.e))
        value = element("ds:KeyValue", element("ds:RSAKeyValue", value))
        wrapped = element("ds:X509Data", element("ds:X509Certificate", "MII"))
        metadata = self.metadata("MII").replace(wrapped, value)
        self.assertIn(NS_DS, metadata)
        self.assertNotIn("X509Certificate", metadata)
        connection = self.with_metadata("acme-bare", metadata)
        self.assertKeys(connection, [key], [make_key()])

    def test_all_of_a_peer_comes_from_its_metadata(self):
        slo = f"{self.idp.slo_url}/ask"
        answers = f"{self.idp.slo_url}/answer"
        text = idp_metadata(self.idp.entity_id, self.idp.sso_url, [self.idp.key.base64], slo)
        text = text.replace(f'Location="{slo}"', f'Location="{slo}" ResponseLocation="{answers}"')
        connection = self.with_metadata("acme-all", text)
        shown = self.gate.api("GET", f"/connections/{connection.slug}")["idp"]
        self.assertEqual(shown["entity_id"], self.idp.entity_id)
        self.assertEqual({one["response_location"] for one in shown["slo"]}, {answers})
        self.assertEqual(begin(Browser(), connection).url, self.idp.sso_url)


class SignOutTest(ConformanceCase):
    QUALIFIED = {
        "Format": PERSISTENT,
        "NameQualifier": "https://forged.idp.example/metadata",
        "SPNameQualifier": "urn:sp & co",
        "SPProvidedID": 'ours "7"',
    }

    def signed_in(self, **changes):
        browser = Browser()
        page = self.unusual(browser, as_json=False, **changes)
        self.assertEqual(page.status, 303, page.text[:600])
        return browser

    def ask(self, browser):
        here = self.gate.url("/")
        return read_request(browser.post(here + "logout", {}, follow=False, initiator=here))

    def test_a_request_names_the_person_to_each_attribute_as_the_login_did(self):
        name = "Opaque <&> " + SCRIPT
        browser = self.signed_in(
            name_id=name,
            name_attributes=self.QUALIFIED,
            session_index="_index & 1",
            attributes={"email": [f"qualified@{DOMAIN}"]},
        )
        root = self.ask(browser).root
        self.assertEqual(root.tag, SAMLP + "LogoutRequest")
        found = root.find(SAML + "NameID")
        self.assertEqual(found.text, name)
        self.assertEqual(dict(found.attrib), self.QUALIFIED)
        self.assertEqual(root.find(SAMLP + "SessionIndex").text, "_index & 1")
        self.assertIsNone(root.find(SAML + "EncryptedID"))

    def test_the_session_is_over_before_the_provider_hears_of_it(self):
        browser = self.signed_in(name_id=f"over@{DOMAIN}")
        cookies = Browser()
        cookies.copy_cookies(browser)
        request = self.ask(browser)  # nobody goes there: that address does not exist
        self.assertEqual(request.url, self.idp.slo_url)
        self.assertEqual(cookies.get(self.gate.url("/session")).status, 401)


if __name__ == "__main__":
    unittest.main()
