# SPDX-License-Identifier: GPL-3.0-or-later
"""pysaml2 as an identity provider inside the test's own process.

Owns: its configuration, its key, the service providers that it knows (from their metadata), and
the steps "read the request" and "answer it", all done by pysaml2's own code and by the xmlsec1
command that it calls. Never: touches the message that pysaml2 wrote.
"""

import os

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_BASIC, NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server
from saml2.sigver import RSACrypto, verify_redirect_signature

from harness import find_tool, temp_dir
from seal import make_key

BASE = "http://127.0.0.1:9/pysaml2"  # nothing listens there: the test carries its messages


class PySaml:
    """The provider. Service providers are given as metadata when it is made."""

    def __init__(self, *sp_metadata):
        folder = temp_dir("pysaml2")
        self.key = make_key(name="pysaml2.example")
        key_file, cert_file = self.key.write(folder, "idp")
        self.entity_id = BASE + "/metadata"
        config = IdPConfig()
        config.load(
            {
                "entityid": self.entity_id,
                "xmlsec_binary": find_tool("xmlsec1", "xmlsec1"),
                "key_file": key_file,
                "cert_file": cert_file,
                "metadata": {"inline": [text.decode() for text in sp_metadata]},
                "service": {
                    "idp": {
                        "name": "pysaml2 in the tests",
                        "endpoints": {
                            "single_sign_on_service": [
                                (BASE + "/sso", BINDING_HTTP_REDIRECT),
                                (BASE + "/sso-post", BINDING_HTTP_POST),
                            ],
                        },
                        "policy": {
                            "default": {
                                "lifetime": {"minutes": 5},
                                "name_form": NAME_FORMAT_BASIC,
                                "attribute_restrictions": None,
                            }
                        },
                    }
                },
            }
        )
        self.server = Server(config=config)
        self.metadata = str(entity_descriptor(config))
        self.folder = folder
        os.chmod(key_file, 0o600)

    def read_redirect(self, fields):
        """Reads and verifies an AuthnRequest of the Redirect binding; `fields` is its query.

        Raises AssertionError if the signature is not the service provider's, or what pysaml2
        raises if the request is wrong.
        """
        self._want_signed(False)  # pysaml2 means enveloped ones, which this binding has not
        request = self.server.parse_authn_request(fields["SAMLRequest"], BINDING_HTTP_REDIRECT)
        issuer = request.message.issuer.text
        certificates = self.server.metadata.certs(issuer, "spsso", "signing")
        crypto = self.server.sec.sec_backend or RSACrypto(None)
        if not any(verify_redirect_signature(fields, crypto, one) for one in certificates):
            raise AssertionError(f"pysaml2 does not verify the signature of {fields}")
        return request

    def read_post(self, fields):
        """Reads and verifies an AuthnRequest of the POST binding, which must be signed."""
        self._want_signed(True)
        return self.server.parse_authn_request(fields["SAMLRequest"], BINDING_HTTP_POST)

    def _want_signed(self, wanted):
        self.server.config.setattr("idp", "want_authn_requests_signed", wanted)

    def answer(self, request, sp_entity_id, name_id, attributes, sign):
        """The Response to a request that was read; sign is "assertion", "response" or "both"."""
        arguments = self.server.response_args(request.message, [BINDING_HTTP_POST])
        return str(
            self.server.create_authn_response(
                attributes,
                in_response_to=arguments["in_response_to"],
                destination=arguments["destination"],
                sp_entity_id=sp_entity_id,
                name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=name_id),
                userid=name_id,
                authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": self.entity_id},
                sign_assertion=sign in ("assertion", "both"),
                sign_response=sign in ("response", "both"),
                sign_alg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                digest_alg="http://www.w3.org/2001/04/xmlenc#sha256",
            )
        )
