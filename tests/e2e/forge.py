# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes SAML messages of its own, right ones and wrong ones, and signs them.

Owns: the text of Responses, Assertions, LogoutRequests and LogoutResponses, XML signatures and
XML encryption over them. Everything is written directly in exclusive canonical form (each
namespace declared where it is first used, attributes in canonical order, no empty-element tags),
so the octets that are signed are the octets that are sent and no canonicaliser is needed.
Never: reads or checks a message; the gate, xmlsec1 and lasso do that.

    key = make_key()
    response = Response(issuer="https://idp.example", audience=sp, recipient=acs, destination=acs,
                        in_response_to=request.id, name_id="ada@acme.example", key=key)
    xml = response.xml()                      # a good one
    xml = replace(response, sign="none").xml()    # dataclasses.replace: the same, but unsigned

Every field that is None is left out of the message.
"""

import base64
import datetime
import os
import secrets
from dataclasses import dataclass, field
from typing import Callable, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

NS_SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
NS_SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
NS_DS = "http://www.w3.org/2000/09/xmldsig#"
NS_XENC = "http://www.w3.org/2001/04/xmlenc#"
NS_XS = "http://www.w3.org/2001/XMLSchema"
NS_XSI = "http://www.w3.org/2001/XMLSchema-instance"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = NS_DS + "enveloped-signature"
EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
STATUS_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
STATUS_RESPONDER = "urn:oasis:names:tc:SAML:2.0:status:Responder"
METHOD_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
CLASS_PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
NAME_BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
BINDING_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
BINDING_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"

# name -> (URI, hash). RSA names sign with PKCS#1 v1.5, EC names as r || s (RFC 4050 form).
SIGNATURES = {
    "rsa-sha1": (NS_DS + "rsa-sha1", hashes.SHA1),
    "rsa-sha256": (MORE + "rsa-sha256", hashes.SHA256),
    "rsa-sha384": (MORE + "rsa-sha384", hashes.SHA384),
    "rsa-sha512": (MORE + "rsa-sha512", hashes.SHA512),
    "ecdsa-sha256": (MORE + "ecdsa-sha256", hashes.SHA256),
    "ecdsa-sha384": (MORE + "ecdsa-sha384", hashes.SHA384),
    "ecdsa-sha512": (MORE + "ecdsa-sha512", hashes.SHA512),
}
DIGESTS = {
    "sha1": (NS_DS + "sha1", hashes.SHA1),
    "sha256": (NS_XENC + "sha256", hashes.SHA256),
    "sha384": (MORE + "sha384", hashes.SHA384),
    "sha512": (NS_XENC + "sha512", hashes.SHA512),
}


# -- keys ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A private key and its self-signed certificate."""

    private: object
    certificate: x509.Certificate

    @property
    def pem(self):
        """The certificate as PEM text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def base64(self):
        """The certificate as bare base64, as metadata carries it."""
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return base64.b64encode(der).decode()

    def write(self, folder, name):
        """Writes NAME.key and NAME.crt into a folder; returns both paths."""
        paths = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".crt")
        pkcs8 = self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        for path, data in zip(paths, (pkcs8, self.pem.encode())):
            with open(path, "wb") as file:
                file.write(data)
            os.chmod(path, 0o600)
        return paths


def make_key(kind="rsa", bits=2048, name="idp.example", days=30, began_days_ago=1):
    """A new key: "rsa" with `bits`, or "p256", "p384", "p521".

    days: how long the certificate holds from today; negative makes one that has expired.
    """
    if kind == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    else:
        curve = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}[kind]
        private = ec.generate_private_key(curve())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.datetime.utcnow()
    begin = today - datetime.timedelta(days=max(began_days_ago, 1 - days))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(today + datetime.timedelta(days=days))
        .sign(private, hashes.SHA256())
    )
    return Key(private, certificate)


class Signer:
    """One key with one signature algorithm, named as in SIGNATURES."""

    def __init__(self, key, algorithm="rsa-sha256"):
        self.uri, self.hash = SIGNATURES[algorithm]
        self.key = key.private

    def sign(self, data):
        """The SignatureValue's octets."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), self.hash())
        der = self.key.sign(data, ec.ECDSA(self.hash()))
        size = (self.key.curve.key_size + 7) // 8
        return b"".join(part.to_bytes(size, "big") for part in utils.decode_dss_signature(der))


# -- text ---------------------------------------------------------------------------------


def escape_text(value):
    """Character data as canonical XML writes it."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


def escape_attr(value):
    """An attribute's value as canonical XML writes it."""
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return value.replace("\t", "&#x9;").replace("\n", "&#xA;").replace("\r", "&#xD;")


def attrs(**pairs):
    """Attributes in canonical order (no namespace, so by name); None is left out."""
    present = sorted((name, value) for name, value in pairs.items() if value is not None)
    return "".join(f' {name}="{escape_attr(value)}"' for name, value in present)


def instant(seconds=0):
    """xs:dateTime in UTC, that many seconds from now; text passes as it is."""
    if isinstance(seconds, str) or seconds is None:
        return seconds
    moment = datetime.datetime.utcnow() + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_id():
    """An XML ID that nobody can guess."""
    return "_" + secrets.token_hex(20)


def element(tag, content, declare="", **pairs):
    """One element; `declare` holds the namespace declarations that canonical XML puts here."""
    return f"<{tag}{declare}{attrs(**pairs)}>{content}</{tag}>"


def _digest(algorithm, data):
    context = hashes.Hash(DIGESTS[algorithm][1]())
    context.update(data.encode())
    return base64.b64encode(context.finalize()).decode()


# -- signatures ---------------------------------------------------------------------------


@dataclass
class Seal:
    """How something is signed, and which of the signature's parts are wrong.

    reference      None: "#" + the ID of what is signed; else this text.
    transforms     the Transform elements' algorithms, in order.
    prefix_list    InclusiveNamespaces PrefixList of the canonicalisation transform, or None.
    key_info       certificate in KeyInfo (bare base64), None: the key's own; "" leaves KeyInfo out.
    """

    key: Key
    algorithm: str = "rsa-sha256"
    digest: str = "sha256"
    c14n: str = EXC_C14N
    transforms: tuple = (ENVELOPED, EXC_C14N)
    prefix_list: Optional[str] = None
    reference: Optional[str] = None
    key_info: Optional[str] = None

    def signature(self, identifier, canonical):
        """The ds:Signature element over an element's canonical octets (itself left out)."""
        signed_info = self._signed_info(identifier, canonical)
        signer = Signer(self.key, self.algorithm)
        standalone = signed_info.replace("<ds:SignedInfo>", f'<ds:SignedInfo xmlns:ds="{NS_DS}">', 1)
        value = base64.b64encode(signer.sign(standalone.encode())).decode()
        certificate = self.key.base64 if self.key_info is None else self.key_info
        info = ""
        if certificate:
            data = element("ds:X509Data", element("ds:X509Certificate", certificate))
            info = element("ds:KeyInfo", data)
        body = signed_info + element("ds:SignatureValue", value) + info
        return element("ds:Signature", body, f' xmlns:ds="{NS_DS}"')

    def _signed_info(self, identifier, canonical):
        steps = ""
        for uri in self.transforms:
            inner = ""
            if uri == EXC_C14N and self.prefix_list is not None:
                inner = element(
                    "ec:InclusiveNamespaces",
                    "",
                    f' xmlns:ec="{EXC_C14N}"',
                    PrefixList=self.prefix_list,
                )
            steps += element("ds:Transform", inner, Algorithm=uri)
        reference = element(
            "ds:Reference",
            element("ds:Transforms", steps)
            + element("ds:DigestMethod", "", Algorithm=DIGESTS[self.digest][0])
            + element("ds:DigestValue", _digest(self.digest, canonical)),
            URI="#" + identifier if self.reference is None else self.reference,
        )
        return element(
            "ds:SignedInfo",
            element("ds:CanonicalizationMethod", "", Algorithm=self.c14n)
            + element("ds:SignatureMethod", "", Algorithm=SIGNATURES[self.algorithm][0])
            + reference,
        )


def sealed(canonical, identifier, seal, after="</saml:Issuer>"):
    """An element with its signature put in after the first `after` (the place SAML wants)."""
    signature = seal.signature(identifier, canonical)
    if after not in canonical:  # no Issuer: the signature comes first
        after = canonical[: canonical.index(">") + 1]
    at = canonical.index(after) + len(after)
    return canonical[:at] + signature + canonical[at:]


def encrypted(plaintext, certificate):
    """An EncryptedAssertion: AES-256-GCM, the key wrapped with RSA-OAEP (SHA-1, MGF1-SHA1).

    certificate: the receiver's, an x509.Certificate.
    """
    key, nonce = AESGCM.generate_key(256), os.urandom(12)
    body = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plaintext.encode(), None)).decode()
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    wrapped = base64.b64encode(certificate.public_key().encrypt(key, oaep)).decode()
    method = element("ds:DigestMethod", "", Algorithm=NS_DS + "sha1")
    encrypted_key = element(
        "xenc:EncryptedKey",
        element("xenc:EncryptionMethod", method, Algorithm=NS_XENC + "rsa-oaep-mgf1p")
        + element("xenc:CipherData", element("xenc:CipherValue", wrapped)),
    )
    data = element(
        "xenc:EncryptedData",
        element("xenc:EncryptionMethod", "", Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm")
        + element("ds:KeyInfo", encrypted_key, f' xmlns:ds="{NS_DS}"')
        + element("xenc:CipherData", element("xenc:CipherValue", body)),
        f' xmlns:xenc="{NS_XENC}"',
        Type=NS_XENC + "Element",
    )
    return element("saml:EncryptedAssertion", data, f' xmlns:saml="{NS_SAML}"')


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
    status: str = STATUS_SUCCESS
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
        if self.session_index is None:
            return name
        return name + element("samlp:SessionIndex", escape_text(self.session_index))

    def _status(self):
        return element("samlp:Status", element("samlp:StatusCode", "", Value=self.status))


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
        + element("md:AssertionConsumerService", "", Binding=BINDING_POST, Location=acs_url, index="0"),
        AuthnRequestsSigned="true",
        protocolSupportEnumeration=NS_SAMLP,
    )
    declare = ' xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"'
    return element("md:EntityDescriptor", role, declare, entityID=entity_id)


def _key_descriptor(certificate):
    data = element("ds:X509Data", element("ds:X509Certificate", certificate))
    info = element("ds:KeyInfo", data, f' xmlns:ds="{NS_DS}"')
    return element("md:KeyDescriptor", info, use="signing")
