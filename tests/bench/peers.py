# SPDX-License-Identifier: GPL-3.0-or-later
"""Two service providers of others on the same kind of bodies, in the same run and on the same core: Apache with
mod_auth_mellon, and Apache with Shibboleth's mod_shib and shibd. Set up as kindly as is honest: event MPM, sessions and
ledgers in memory (ours are on the disk), no CA bundle to read, metadata from a file. Measured when Debian's packages are
there (make bench PEERS=1 installs them); never started as services.
"""
import http.client
import os
import shutil
import subprocess
import time

import proctree
from gate import free_port
from tools import Trouble, pinned

APACHE, MODULES, SHIBD, SHIB_CONF = "/usr/sbin/apache2", "/usr/lib/apache2/modules", "/usr/sbin/shibd", "/etc/shibboleth"
IDP = "https://idp.bench.example/saml"
START_SECONDS, STOP_SECONDS, SETTLE_SECONDS = 60, 10, 0.25
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}

HTTPD = """ServerRoot "{dir}"
ServerName 127.0.0.1:{port}
UseCanonicalName On
Listen 127.0.0.1:{port}
PidFile "{dir}/run/apache.pid"
DefaultRuntimeDir "{dir}/run"
Mutex pthread
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule mime_module {modules}/mod_mime.so
{load}
TypesConfig /etc/mime.types
DirectoryIndex index.html
{user}
ErrorLog "{dir}/error.log"
LogLevel warn
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
StartServers 1
ServerLimit 1
ThreadsPerChild 32
ThreadLimit 32
MaxRequestWorkers 32
MinSpareThreads 1
MaxSpareThreads 32
MaxConnectionsPerChild 0
DocumentRoot "{dir}/htdocs"
<Directory />
    AllowOverride None
</Directory>
{more}
"""
MELLON = """MellonCacheSize 20000
MellonCacheEntrySize 65536
<Location />
    Require all granted
    MellonEnable "info"
    MellonEndpointPath "/mellon"
    MellonSPMetadataFile "{dir}/sp-metadata.xml"
    MellonSPPrivateKeyFile "{dir}/sp.key"
    MellonIdPMetadataFile "{dir}/idp-metadata.xml"
    MellonVariable "cookie"
    MellonSecureCookie Off
    MellonSessionLength 86400
</Location>
"""
MELLON_METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}">
<SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{acs}"/>
</SPSSODescriptor></EntityDescriptor>
"""
SHIB = """ShibConfig "{dir}/shibboleth2.xml"
<Location />
    Require all granted
</Location>
<Location /Shibboleth.sso>
    SetHandler shib
    Require all granted
</Location>
"""
SHIB_XML = """<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180">
<OutOfProcess logger="{dir}/shibd.logger"/>
<InProcess logger="{dir}/native.logger"/>
<UnixListener address="{dir}/run/shibd.sock"/>
<StorageService type="Memory" id="mem" cleanupInterval="900"/>
<SessionCache type="StorageService" StorageService="mem" cacheAssertions="false" cacheAllowance="900" inprocTimeout="900" cleanupInterval="900"/>
<ReplayCache StorageService="mem"/>
<ArtifactMap artifactTTL="180"/>
<RequestMapper type="Native"><RequestMap/></RequestMapper>
<ApplicationDefaults entityID="{entity}" homeURL="{base}/" REMOTE_USER="nameid-email" signing="false" encryption="false">
<Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false" consistentAddress="false" handlerSSL="false" cookieProps="http" redirectLimit="exact">
<SSO entityID="{idp}">SAML2</SSO>
</Sessions>
<Errors supportContact="root@localhost"/>
<MetadataProvider type="XML" validate="false" path="{dir}/idp-metadata.xml"/>
<AttributeExtractor type="XML" validate="false" reloadChanges="false" path="{dir}/attribute-map.xml"/>
<CredentialResolver type="File" key="{dir}/sp.key" certificate="{dir}/sp.crt"/>
</ApplicationDefaults>
<SecurityPolicyProvider type="XML" validate="true" path="{conf}/security-policy.xml"/>
<ProtocolProvider type="XML" validate="true" reloadChanges="false" path="{conf}/protocols.xml"/>
</SPConfig>
"""
SHIB_LOGGER = """log4j.rootCategory=WARN, out
log4j.appender.out=org.apache.log4j.FileAppender
log4j.appender.out.fileName={dir}/run/{which}.log
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{{%Y-%m-%d %H:%M:%S}} %p %c %x: %m%n
"""


class Peer:
    """with Peer(...) as peer: it serves; the files of it are in a folder of its own."""

    name, path, status, needs = "", "", 303, ()

    def __init__(self, home, idp, core):
        self.dir, self.idp, self.core = os.path.join(home, self.name), idp, core
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.acs, self.entity = self.base + self.path, f"{self.base}/sp"
        self.process = None

    @classmethod
    def is_there(cls):
        return all(os.path.exists(path) for path in (APACHE, "/etc/mime.types", *cls.needs))

    def values(self, **more):
        return dict({"dir": self.dir, "port": self.port, "base": self.base, "entity": self.entity, "acs": self.acs, "idp": IDP,
                     "modules": MODULES, "conf": SHIB_CONF,
                     "user": "User www-data\nGroup www-data" if os.geteuid() == 0 else ""}, **more)

    def write(self, name, text, **more):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
            f.write(text.format(**self.values(**more)))

    def __enter__(self):
        for folder in ("", "htdocs", "run", "no-ca"):
            os.makedirs(os.path.join(self.dir, folder))
        os.chmod(os.path.dirname(self.dir), 0o755)      # Apache drops its rights
        os.chmod(os.path.join(self.dir, "run"), 0o777)
        shutil.copy(os.path.join(self.idp, "idp-metadata.xml"), self.dir)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=sp.bench.example",
                        "-keyout", os.path.join(self.dir, "sp.key"), "-out", os.path.join(self.dir, "sp.crt")],
                       check=True, capture_output=True)
        for name in ("sp.key", "idp-metadata.xml"):
            os.chmod(os.path.join(self.dir, name), 0o644)       # a throw-away key
        self.write("htdocs/index.html", "ok\n")
        self.write("no-ca.pem", "")
        self.prepare()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def command(self):
        return f'exec {APACHE} -d "{self.dir}" -f "{self.dir}/httpd.conf" -DFOREGROUND'

    def start(self):
        # OpenSSL would read the system's CA bundle at each login, which SAML has no use for.
        env = dict(os.environ, SSL_CERT_FILE=f"{self.dir}/no-ca.pem", SSL_CERT_DIR=f"{self.dir}/no-ca")
        with open(os.path.join(self.dir, "said"), "w", encoding="utf-8") as said:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM"] + pinned(self.core, ["sh", "-c", "umask 0; " + self.command()]), env=env,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.ask("GET", "/")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise Trouble(f"{self.name} did not start:\n{self.said()}")

    def said(self):
        text = ""
        for name in ("said", "error.log", "run/shibd.log", "run/native.log"):
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as f:
                    text += f.read()[-1500:]
        return text

    def stop(self):
        if self.process is None:
            return
        left = {p.pid: p for p in proctree.tree(self.process.pid)}
        for number in (15, 9):
            for p in left.values():
                if proctree.alive(p):
                    os.kill(p.pid, number)
            end = time.monotonic() + STOP_SECONDS
            while time.monotonic() < end and any(proctree.alive(p) for p in left.values()):
                self.process.poll()
                time.sleep(0.05)
        self.process.wait()
        self.process = None

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.read()
            return answer.status, str(answer.getheaders())
        finally:
            connection.close()

    def prove(self, tools):
        """It takes a good one once, and refuses a tampered, an expired, a foreign and a replayed one."""
        def takes(body):
            status, headers = self.ask("POST", self.path, body, FORM)
            return status == self.status and f"{self.cookie}=" in headers
        good = self.forge(tools, 1, 81_000_000).strip()
        rows = [("good", takes(good), True), ("replayed", takes(good), False)]
        for defect in ("tampered", "expired", "unsigned", "audience"):
            rows.append((defect, takes(self.forge(tools, 1, 81_000_001, "--defect", defect).strip()), False))
        wrong = [case for case, got, wanted in rows if got != wanted]
        if wrong:
            raise Trouble(f"{self.name} is not set up as it should be: {', '.join(wrong)}\n{self.said()}")

    def forge(self, tools, count, first, *options):
        return tools.forge(self.idp, self.acs, self.entity, "--count", count, "--first", first, *options)

    def measure(self, tools, warm, count, conns):
        """Milliseconds of CPU for a login, all its processes, user and kernel."""
        self.prove(tools)
        bodies = os.path.join(self.dir, "bodies")
        with open(bodies, "w", encoding="ascii") as f:
            f.write(self.forge(tools, warm + count, 0))
        def load(skip, logins):
            found, right = tools.load(self.port, self.path, bodies, skip, logins, conns, 300, False, "--status", self.status,
                                      "--cookie", self.cookie)
            if not right:
                raise Trouble(f"{self.name}: logins failed: {found}\n{self.said()}")
            time.sleep(SETTLE_SECONDS)
        load(0, warm)
        before = sum(proctree.cpu_seconds(self.process.pid))
        load(warm, count)
        return 1000 * (sum(proctree.cpu_seconds(self.process.pid)) - before) / count


class Mellon(Peer):
    name, path, cookie = "mod_auth_mellon", "/mellon/postResponse", "mellon-cookie"
    needs = (f"{MODULES}/mod_auth_mellon.so",)

    def prepare(self):
        self.write("sp-metadata.xml", MELLON_METADATA)
        self.write("httpd.conf", HTTPD, load=f"LoadModule auth_mellon_module {MODULES}/mod_auth_mellon.so",
                   more=MELLON.format(**self.values()))


class Shibboleth(Peer):
    name, path, status = "Shibboleth SP", "/Shibboleth.sso/SAML2/POST", 302
    needs = (f"{MODULES}/mod_shib.so", SHIBD, f"{SHIB_CONF}/security-policy.xml", f"{SHIB_CONF}/protocols.xml")

    @property
    def cookie(self):
        return "_shibsession_" + f"default{self.entity}".encode().hex()

    def prepare(self):
        for name in ("shibd", "native"):
            self.write(f"{name}.logger", SHIB_LOGGER, which=name)
        attributes = "".join(
            f'<Attribute name="{name}" nameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified" id="{name}"/>\n'
            for name in ("email", "firstName", "lastName", "displayName", "department", "groups"))
        with open(os.path.join(self.dir, "attribute-map.xml"), "w", encoding="utf-8") as f:
            f.write('<Attributes xmlns="urn:mace:shibboleth:2.0:attribute-map">\n' + attributes +
                    '<Attribute name="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" id="nameid-email">'
                    '<AttributeDecoder type="NameIDAttributeDecoder" formatter="$Name"/></Attribute>\n</Attributes>\n')
        self.write("shibboleth2.xml", SHIB_XML)
        self.write("httpd.conf", HTTPD, load=f"LoadModule mod_shib {MODULES}/mod_shib.so", more=SHIB.format(**self.values()))

    def command(self):
        shibd = f'{SHIBD} -F -f -c "{self.dir}/shibboleth2.xml" -p "{self.dir}/run/shibd.pid" & '
        wait = f'i=0; while [ ! -S "{self.dir}/run/shibd.sock" ] && [ $i -lt 200 ]; do sleep 0.1; i=$((i+1)); done; '
        return shibd + wait + super().command()


PEERS = (Mellon, Shibboleth)


def missing():
    return [peer.name for peer in PEERS if not peer.is_there()]
