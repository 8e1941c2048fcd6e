# SPDX-License-Identifier: GPL-3.0-or-later
"""What other implementations say of the same message: the xmlsec1 command, lasso and libxml2.

Owns: asking them. Never: decides what the gate should say; a test compares. An oracle that is
not installed is a failure of the test that asks it.
"""

import os
import subprocess

import lasso

from harness import find_tool, temp_dir

_RESPONSE = "/*[local-name()='Response']"
PLACES = {
    "response": _RESPONSE + "/*[local-name()='Signature']",
    "assertion": _RESPONSE + "/*[local-name()='Assertion']/*[local-name()='Signature']",
}
ID_ATTRIBUTES = (
    "urn:oasis:names:tc:SAML:2.0:protocol:Response",
    "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
    "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
    "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest",
    "urn:oasis:names:tc:SAML:2.0:protocol:LogoutRequest",
)


def xmlsec1(xml, certificate_pem, place=None):
    """True if the xmlsec1 command verifies the signature at that place ("response",
    "assertion", or None: the first of the document) with that certificate."""
    folder = temp_dir("xmlsec1")
    message, certificate = os.path.join(folder, "m.xml"), os.path.join(folder, "c.pem")
    with open(message, "wb") as file:
        file.write(xml.encode() if isinstance(xml, str) else xml)
    with open(certificate, "w") as file:
        file.write(certificate_pem)
    command = [find_tool("xmlsec1", "xmlsec1"), "--verify", "--pubkey-cert-pem", certificate]
    # Only the given key counts, never what KeyInfo says.
    command += ["--enabled-key-data", "rsa,ec,dsa", "--enabled-reference-uris", "same-doc,local"]
    for name in ID_ATTRIBUTES:
        command += ["--id-attr:ID", name]
    if place is not None:
        command += ["--node-xpath", PLACES[place]]
    done = subprocess.run(command + [message], capture_output=True, text=True, errors="replace", timeout=30)
    return done.returncode == 0


class LassoProvider:
    """lasso as the service provider that a response is for."""

    def __init__(self, sp_metadata, idp_metadata, sp_private_key=None):
        self.server = lasso.Server.newFromBuffers(sp_metadata, sp_private_key)
        if self.server is None:
            raise AssertionError("lasso cannot read the SP metadata")
        self.server.addProviderFromBuffer(lasso.PROVIDER_ROLE_IDP, idp_metadata)

    def accepts(self, response_base64):
        """(True, name id) or (False, what lasso said)."""
        login = lasso.Login(self.server)
        try:
            login.processAuthnResponseMsg(response_base64)
            login.acceptSso()
        except lasso.Error as error:
            return False, str(error)
        return True, login.nameIdentifier.content

    def signs_out(self, message):
        """Of a LogoutRequest, as a query string or in base64: the same. No session is asked for."""
        logout = lasso.Logout(self.server)
        try:
            logout.processRequestMsg(message)
        except lasso.Error as error:
            return False, str(error)
        name = logout.nameIdentifier
        return True, name.content if name is not None else None


def lasso_reads_metadata(sp_metadata, idp_metadata):
    """(True, entity ID) or (False, what lasso said) of an identity provider's metadata."""
    server = lasso.Server.newFromBuffers(sp_metadata, None)
    try:
        server.addProviderFromBuffer(lasso.PROVIDER_ROLE_IDP, idp_metadata)
    except lasso.Error as error:
        return False, str(error)
    return True, ",".join(server.providers.keys()) if server.providers else None
