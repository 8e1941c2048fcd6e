# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the gate's SP metadata and its signed requests, as a careful identity provider would.

Owns: what the metadata says, and the check of a Redirect-binding signature with the keys in it.
Never: asks the gate for anything else than what it sent.
"""

import base64
import xml.etree.ElementTree as ET
from urllib.parse import unquote_plus

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from harness import DS, MD
from seal import SIGNATURES


def certificates(metadata, use):
    """The certificates for "signing" or "encryption"; at least one, or it is a failure."""
    found = [
        x509.load_der_x509_certificate(base64.b64decode("".join(text.text.split())))
        for key in ET.fromstring(metadata).iter(MD + "KeyDescriptor")
        if key.get("use") in (None, use)
        for text in key.iter(DS + "X509Certificate")
    ]
    if not found:
        raise AssertionError(f"the SP metadata offers no key for {use}")
    return found


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def endpoints(metadata, name):
    """(binding, location) of each endpoint of that name, in document order."""
    return [
        (found.get("Binding"), found.get("Location"))
        for found in ET.fromstring(metadata).iter(MD + name)
    ]


def redirect_signature_holds(query, certificate):
    """True if the query's signature holds over its raw octets, in the order the binding demands."""
    raw = dict(part.split("=", 1) for part in query.split("&"))
    names = [
        name for name in ("SAMLRequest", "SAMLResponse", "RelayState", "SigAlg") if name in raw
    ]
    octets = "&".join(f"{name}={raw[name]}" for name in names).encode()
    if "Signature" not in raw or "SigAlg" not in raw:
        return False
    hashes = {uri: kind for uri, kind in SIGNATURES.values()}
    algorithm = hashes[unquote_plus(raw["SigAlg"])]()
    value = base64.b64decode(unquote_plus(raw["Signature"]), validate=True)
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, octets, padding.PKCS1v15(), algorithm)
        else:
            half = len(value) // 2
            parts = [int.from_bytes(part, "big") for part in (value[:half], value[half:])]
            key.verify(utils.encode_dss_signature(*parts), octets, ec.ECDSA(algorithm))
    except Exception:  # InvalidSignature, or a malformed one: both are a no
        return False
    return True
