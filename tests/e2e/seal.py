# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, canonical text, XML signatures and XML encryption for the messages that the forge makes.

Owns: everything that must be right to the byte. Text is written directly in exclusive canonical
form: each namespace declared where it is first used, attributes in order, no empty-element tags.
So the octets that are signed are the octets that are sent, and no canonicaliser is needed.
Never: knows what a message means; forge.py does.
"""

import base64
import datetime
import os
import secrets
from dataclasses import dataclass
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

NS_SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
NS_DS = "http://www.w3.org/2000/09/xmldsig#"
NS_XENC = "http://www.w3.org/2001/04/xmlenc#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = NS_DS + "enveloped-signature"
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
    return (
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    )


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
        standalone = signed_info.replace(
            "<ds:SignedInfo>", f'<ds:SignedInfo xmlns:ds="{NS_DS}">', 1
        )
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


def encrypted(plaintext, certificate, name="EncryptedAssertion"):
    """An EncryptedAssertion, or an EncryptedID: AES-256-GCM, the key wrapped with RSA-OAEP (SHA-1, MGF1-SHA1).

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
    return element("saml:" + name, data, f' xmlns:saml="{NS_SAML}"')
