# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a JWS with ES256 against a key set, with python3-cryptography alone.

Owns: the base64url, the choice of the key by `kid`, the signature. Never: trusts what the token
says of its own algorithm: ES256 or nothing.
"""

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils


def decode(text):
    """base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(token, key_set):
    """The header and the claims of a token that one key of the set signed; raises otherwise."""
    head, body, signature = token.split(".")
    header = json.loads(decode(head))
    if header.get("alg") != "ES256":
        raise ValueError(f"alg is {header.get('alg')!r}, not ES256")
    found = [key for key in key_set["keys"] if key.get("kid") == header.get("kid")]
    if len(found) != 1:
        raise ValueError(f"{len(found)} keys are named {header.get('kid')!r}")
    key = found[0]
    if (key["kty"], key["crv"]) != ("EC", "P-256"):
        raise ValueError(f"the key is {key['kty']} {key['crv']}")
    if "d" in key:
        raise ValueError("the key set shows a private key")
    point = [int.from_bytes(decode(key[name]), "big") for name in ("x", "y")]
    public = ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()
    raw = decode(signature)
    if len(raw) != 64:
        raise ValueError(f"the signature has {len(raw)} bytes, not 64")
    der = utils.encode_dss_signature(
        int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    )
    public.verify(der, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    return header, json.loads(decode(body))
