# SPDX-License-Identifier: GPL-3.0-or-later
"""An application that signs its people in through a gate: Apache with mod_auth_openidc, which gets new tokens for each page.

Owns: its configuration, its start and its stop. Never: a service of the machine, which it does not touch.
"""

import os
import signal

from apache import MODULES
from harness import Program, answers, find_tool, free_port, temp_dir

CONF = """ServerRoot "{dir}"
ServerName localhost
PidFile "{dir}/apache.pid"
DefaultRuntimeDir "{dir}"
Mutex pthread
ErrorLog "{dir}/error.log"
LogLevel auth_openidc:info
{user}
{load}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
ThreadLimit 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
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
LOADED = (
    "mpm_event",
    "authz_core",
    "authz_user",
    "authn_core",
    "headers",
    "dir",
    "auth_openidc",
)


class RelyingParty:
    """`base` is its address. A secret of None: it is public, and shows by PKCE alone that a code is its own."""

    def __init__(self, gate, auth="client_secret_basic"):
        self.gate, self.auth = gate, auth
        self.folder = temp_dir("relying")
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.program = None

    def start(self, client, secret):
        os.makedirs(os.path.join(self.folder, "pages"))
        with open(os.path.join(self.folder, "pages", "index.html"), "w", encoding="utf-8") as file:
            file.write("<!doctype html><title>Reports</title><h1>Reports</h1>")
        os.chmod(self.folder, 0o755)
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        load = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED]
        path = os.path.join(self.folder, "apache.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                CONF.format(
                    dir=self.folder,
                    user=user,
                    load="\n".join(load),
                    port=self.port,
                    base=self.base,
                    gate=self.gate.base,
                    client=client,
                    secret=f"OIDCClientSecret {secret}" if secret else "",
                    auth=self.auth,
                )
            )
        command = [find_tool("apache2", "apache2-bin"), "-f", path, "-DFOREGROUND"]
        self.program = Program("relying", command, {"PATH": "/usr/bin:/bin"}, self.folder)
        self.program.wait_until(lambda: answers(self.base + "/", 302), "a way to the gate")
        return self

    def log(self):
        with open(os.path.join(self.folder, "error.log"), encoding="utf-8") as file:
            return file.read()[-4000:]

    def stop(self):
        if self.program is not None:
            self.program.stop(signal.SIGTERM)
            self.program = None
