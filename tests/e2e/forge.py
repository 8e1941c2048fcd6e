# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes SAML messages of its own, right ones and wrong ones, and signs them.

Owns: the text of Responses, Assertions, LogoutRequests, LogoutResponses, AuthnRequests and
metadata, each written in canonical form and signed by seal.py.
Never: reads or checks a message; the gate, xmlsec1 and lasso do that.

    key = make_key()
    response = Response(issuer="https://idp.example", audience=sp, recipient=acs, destination=acs,
                        in_response_to=request.id, name_id="ada@acme.example", key=key)
    xml = response.xml()                      # a good one
    xml = replace(response, sign="none").xml()    # dataclasses.replace: the same, but unsigned

Every field that is None is left out of the message.
"""

import base64
from dataclasses import dataclass, field
from typing import Callable, Optional

from cryptography import x509

from seal import NS_DS, NS_SAML, Key, Seal, element, encrypted, escape_text, instant
from seal import new_id, sealed

NS_SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
STATUS_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
STATUS_RESPONDER = "urn:oasis:names:tc:SAML:2.0:status:Responder"
METHOD_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
CLASS_PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
NAME_BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
BINDING_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
BINDING_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


# -- the response -------------------------------------------------------------------------


@dataclass
class Response:
    """One Response with one Assertion; each field is a part of the message.

    Times are seconds from now (they are written as UTC), or text as it shall stand. Of the
    fields that occur twice in a message, the `response_` one is the envelope's; where it is the
    text "same" (the default) it has the assertion's value.

    sign      "assertion", "response", "both" or "none".
    attributes  name -> list of values; `groups` is one more attribute, `groups_name`.
    tamper    called with the finished text, returns what is sent: changes after signing.
    extra_assertion  canonical text put behind the assertion inside the Response.
    """

    key: Optional[Key] = None
    issuer: Optional[str] = None
    audience: Optional[str] = None
    recipient: Optional[str] = None
    destination: Optional[str] = None
    in_response_to: Optional[str] = None
    name_id: Optional[str] = "ada@acme.example"
    name_id_format: Optional[str] = EMAIL_FORMAT
    attributes: dict = field(default_factory=dict)
    groups: tuple = ()
    groups_name: str = "groups"
    # signing
    sign: str = "assertion"
    sig_alg: str = "rsa-sha256"
    digest: str = "sha256"
    seal: dict = field(default_factory=dict)  # further fields of Seal, for both signatures
    response_key: Optional[Key] = None  # None: as the assertion's
    encrypt_to: Optional[x509.Certificate] = None
    tamper: Optional[Callable] = None
    # identity of the message
    assertion_id: str = field(default_factory=new_id)
    response_id: str = field(default_factory=new_id)
    session_index: Optional[str] = field(default_factory=new_id)
    version: str = "2.0"
    assertion_version: str = "2.0"
    status: str = STATUS_SUCCESS
    sub_status: Optional[str] = None
    status_message: Optional[str] = None
    # times, seconds from now
    issue_instant: object = 0
    not_before: object = -60
    not_on_or_after: object = 300
    subject_not_before: object = None  # forbidden for bearer: there to be refused
    subject_not_on_or_after: object = 300
    authn_instant: object = -5
    session_not_on_or_after: object = None
    # statements
    method: str = METHOD_BEARER
    authn_class: str = CLASS_PASSWORD
    authn_statement: bool = True
    conditions: bool = True
    extra_conditions: str = ""
    extra_assertion: str = ""
    assertion_count: int = 1
    # the envelope, where it differs
    response_issuer: Optional[str] = "same"
    response_in_response_to: Optional[str] = "same"

    def xml(self):
        """The whole Response, signed as told, as text."""
        body = self._assertions()
        root = self._response(body)
        if self.sign in ("response", "both"):
            root = sealed(root, self.response_id, self._seal(self.response_key or self.key))
        return self.tamper(root) if self.tamper else root

    def assertion(self):
        """The Assertion alone, signed if it is to be."""
        text = self._assertion()
        if self.sign in ("assertion", "both"):
            text = sealed(text, self.assertion_id, self._seal(self.key))
        return text

    def base64(self):
        return base64.b64encode(self.xml().encode()).decode()

    # -- parts ----------------------------------------------------------------------------

    def _seal(self, key):
        return Seal(key, self.sig_alg, self.digest, **self.seal)

    def _assertions(self):
        one = self.assertion() if self.assertion_count else ""
        if self.encrypt_to is not None:
            one = encrypted(one, self.encrypt_to)
        return one * self.assertion_count + self.extra_assertion

    def _response(self, body):
        issuer = self.issuer if self.response_issuer == "same" else self.response_issuer
        answered = self.response_in_response_to
        codes = self.sub_status and element("samlp:StatusCode", "", Value=self.sub_status) or ""
        status = element("samlp:StatusCode", codes, Value=self.status)
        if self.status_message is not None:
            status += element("samlp:StatusMessage", escape_text(self.status_message))
        return element(
            "samlp:Response",
            _issuer(issuer, f' xmlns:saml="{NS_SAML}"') + element("samlp:Status", status) + body,
            f' xmlns:samlp="{NS_SAMLP}"',
            ID=self.response_id,
            Version=self.version,
            IssueInstant=instant(self.issue_instant),
            Destination=self.destination,
            InResponseTo=self.in_response_to if answered == "same" else answered,
        )

    def _assertion(self):
        return element(
            "saml:Assertion",
            _issuer(self.issuer)
            + self._subject()
            + self._conditions()
            + self._authn()
            + self._attributes(),
            f' xmlns:saml="{NS_SAML}"',
            ID=self.assertion_id,
            Version=self.assertion_version,
            IssueInstant=instant(self.issue_instant),
        )

    def _subject(self):
        name = ""
        if self.name_id is not None:
            name = element("saml:NameID", escape_text(self.name_id), Format=self.name_id_format)
        data = element(
            "saml:SubjectConfirmationData",
            "",
            InResponseTo=self.in_response_to,
            NotBefore=instant(self.subject_not_before),
            NotOnOrAfter=instant(self.subject_not_on_or_after),
            Recipient=self.recipient,
        )
        return element(
            "saml:Subject", name + element("saml:SubjectConfirmation", data, Method=self.method)
        )

    def _conditions(self):
        if not self.conditions:
            return ""
        audience = ""
        if self.audience is not None:
            listed = [self.audience] if isinstance(self.audience, str) else self.audience
            audience = element(
                "saml:AudienceRestriction",
                "".join(element("saml:Audience", escape_text(one)) for one in listed),
            )
        return element(
            "saml:Conditions",
            audience + self.extra_conditions,
            NotBefore=instant(self.not_before),
            NotOnOrAfter=instant(self.not_on_or_after),
        )

    def _authn(self):
        if not self.authn_statement:
            return ""
        context = element("saml:AuthnContextClassRef", escape_text(self.authn_class))
        return element(
            "saml:AuthnStatement",
            element("saml:AuthnContext", context),
            AuthnInstant=instant(self.authn_instant),
            SessionIndex=self.session_index,
            SessionNotOnOrAfter=instant(self.session_not_on_or_after),
        )

    def _attributes(self):
        named = dict(self.attributes)
        if self.groups:
            named[self.groups_name] = list(self.groups)
        if not named:
            return ""
        out = ""
        for name, values in named.items():
            listed = [values] if isinstance(values, str) else values
            content = "".join(element("saml:AttributeValue", escape_text(one)) for one in listed)
            out += element("saml:Attribute", content, Name=name, NameFormat=NAME_BASIC)
        return element("saml:AttributeStatement", out)


def _issuer(value, declare=""):
    return "" if value is None else element("saml:Issuer", escape_text(value), declare)


# -- logout -------------------------------------------------------------------------------


@dataclass
class Logout:
    """A LogoutRequest (`answers` None) or a LogoutResponse that answers that request ID.

    xml() is unsigned, for the Redirect binding; signed_xml() carries an enveloped signature.
    """

    issuer: str
    destination: str
    name_id: str = "ada@acme.example"
    name_id_format: Optional[str] = EMAIL_FORMAT
    session_index: Optional[str] = None
    answers: Optional[str] = None
    encrypt_to: Optional[x509.Certificate] = None  # the NameID
    status: str = STATUS_SUCCESS
    sub_status: Optional[str] = None
    id: str = field(default_factory=new_id)
    issue_instant: object = 0
    not_on_or_after: object = 300
    key: Optional[Key] = None
    sig_alg: str = "rsa-sha256"
    digest: str = "sha256"

    def xml(self):
        request = self.answers is None
        issuer = _issuer(self.issuer, f' xmlns:saml="{NS_SAML}"')
        return element(
            "samlp:LogoutRequest" if request else "samlp:LogoutResponse",
            issuer + (self._subject() if request else self._status()),
            f' xmlns:samlp="{NS_SAMLP}"',
            ID=self.id,
            Version="2.0",
            IssueInstant=instant(self.issue_instant),
            Destination=self.destination,
            InResponseTo=self.answers,
            NotOnOrAfter=instant(self.not_on_or_after) if request else None,
        )

    def signed_xml(self):
        return sealed(self.xml(), self.id, Seal(self.key, self.sig_alg, self.digest))

    def _subject(self):
        name = element(
            "saml:NameID",
            escape_text(self.name_id),
            f' xmlns:saml="{NS_SAML}"',
            Format=self.name_id_format,
        )
        if self.encrypt_to is not None:
            name = encrypted(name, self.encrypt_to, "EncryptedID")
        if self.session_index is None:
            return name
        return name + element("samlp:SessionIndex", escape_text(self.session_index))

    def _status(self):
        inner = self.sub_status and element("samlp:StatusCode", "", Value=self.sub_status) or ""
        return element("samlp:Status", element("samlp:StatusCode", inner, Value=self.status))


# -- requests -----------------------------------------------------------------------------


@dataclass
class AuthnRequest:
    """A service provider's AuthnRequest: to try an identity provider without a gate."""

    issuer: str
    destination: str
    acs_url: str
    id: str = field(default_factory=new_id)
    key: Optional[Key] = None

    def xml(self):
        return element(
            "samlp:AuthnRequest",
            _issuer(self.issuer, f' xmlns:saml="{NS_SAML}"'),
            f' xmlns:samlp="{NS_SAMLP}"',
            ID=self.id,
            Version="2.0",
            IssueInstant=instant(),
            Destination=self.destination,
            AssertionConsumerServiceURL=self.acs_url,
            ProtocolBinding=BINDING_POST,
        )

    def signed_xml(self):
        return sealed(self.xml(), self.id, Seal(self.key))


# -- metadata -----------------------------------------------------------------------------


def idp_metadata(entity_id, sso_url, certificates, slo_url=None, valid_until=None):
    """IdP metadata, unsigned: both bindings, each certificate a signing key (bare base64)."""
    keys = "".join(_key_descriptor(one) for one in certificates)
    slo = sso = ""
    for binding in (BINDING_REDIRECT, BINDING_POST):
        sso += element("md:SingleSignOnService", "", Binding=binding, Location=sso_url)
        if slo_url is not None:
            slo += element("md:SingleLogoutService", "", Binding=binding, Location=slo_url)
    role = element("md:IDPSSODescriptor", keys + slo + sso, protocolSupportEnumeration=NS_SAMLP)
    return element(
        "md:EntityDescriptor",
        role,
        ' xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"',
        entityID=entity_id,
        validUntil=instant(valid_until),
    )


def sp_metadata(entity_id, acs_url, slo_url, certificate):
    """SP metadata, unsigned: to try an identity provider without a gate."""
    role = element(
        "md:SPSSODescriptor",
        _key_descriptor(certificate)
        + element("md:SingleLogoutService", "", Binding=BINDING_REDIRECT, Location=slo_url)
        + element(
            "md:AssertionConsumerService", "", Binding=BINDING_POST, Location=acs_url, index="0"
        ),
        AuthnRequestsSigned="true",
        protocolSupportEnumeration=NS_SAMLP,
    )
    declare = ' xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"'
    return element("md:EntityDescriptor", role, declare, entityID=entity_id)


def _key_descriptor(certificate):
    data = element("ds:X509Data", element("ds:X509Certificate", certificate))
    info = element("ds:KeyInfo", data, f' xmlns:ds="{NS_DS}"')
    return element("md:KeyDescriptor", info, use="signing")
