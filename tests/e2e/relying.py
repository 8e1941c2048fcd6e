# SPDX-License-Identifier: GPL-3.0-or-later
"""An application that signs its people in through a gate: Apache with mod_auth_openidc, which gets new tokens for each page.

Owns: its configuration and its page. Never: a service of the machine, which it does not touch.
"""

import os

from apache import Server
from harness import answers, free_port

CONF = """LogLevel auth_openidc:info
Listen 127.0.0.1:{port}
DocumentRoot "{dir}/pages"
OIDCProviderMetadataURL {gate}/.well-known/openid-configuration
OIDCClientID {client}
{secret}
OIDCProviderTokenEndpointAuth {auth}
OIDCRedirectURI {base}/back
OIDCCryptoPassphrase of-this-test-alone
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCRemoteUserClaim email
OIDCUserInfoRefreshInterval 1
OIDCRefreshAccessTokenBeforeExpiry 86400 logout_on_error
<Directory "{dir}/pages">
    AuthType openid-connect
    Require valid-user
    Header set X-User "expr=%{{REMOTE_USER}}"
    Header set X-Tenant "expr=%{{reqenv:OIDC_CLAIM_tenant}}"
    Header set X-Name "expr=%{{reqenv:OIDC_CLAIM_name}}"
    Header set X-Token "expr=%{{reqenv:OIDC_access_token}}"
</Directory>
<Location /back>
    AuthType openid-connect
    Require valid-user
</Location>
"""
LOADED = ("mpm_event", "authz_core", "authz_user", "authn_core", "headers", "dir", "auth_openidc")


class RelyingParty(Server):
    """`base` is its address. A secret of None: it is public, and shows by PKCE alone that a code is its own."""

    def __init__(self, gate, auth="client_secret_basic"):
        super().__init__("relying")
        self.gate, self.auth = gate, auth
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"

    def start(self, client, secret):
        os.makedirs(os.path.join(self.folder, "pages"))
        with open(os.path.join(self.folder, "pages", "index.html"), "w", encoding="utf-8") as file:
            file.write("<!doctype html><title>Reports</title><h1>Reports</h1>")
        os.chmod(self.folder, 0o755)
        conf = CONF.format(
            dir=self.folder,
            port=self.port,
            base=self.base,
            gate=self.gate.base,
            client=client,
            secret=f"OIDCClientSecret {secret}" if secret else "",
            auth=self.auth,
        )
        self.run(LOADED, conf, lambda: answers(self.base + "/", 302), "a way to the gate")
        return self

    def log(self):
        with open(os.path.join(self.folder, "error.log"), encoding="utf-8") as file:
            return file.read()[-4000:]
