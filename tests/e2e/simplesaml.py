# SPDX-License-Identifier: GPL-3.0-or-later
"""SimpleSAMLphp, as the distribution ships it, as an identity provider on 127.0.0.1.

Owns: a configuration of its own in a temporary folder (the one under /etc is not read), a key
made at run time, two people with groups, PHP's built-in server with the distribution's `www`
folder, and the service providers it knows. Those it reads from SAML metadata with its own
parser, so the gate's metadata is tried by a reader that nobody here wrote.
Never: starts or configures a web server of the system.
"""

import json
import os
import secrets

from browser import Browser
from harness import Program, answers, find_tool, free_port, temp_dir
from seal import make_key

HOME = "/usr/share/simplesamlphp"
PHP_INI = (
    # Its session and log files stay in our folder; deprecations of newer PHP are not our topic.
    "session.save_path={folder}/sessions",
    "error_log={folder}/php-errors.log",
    "display_errors=0",
    "error_reporting=E_ALL & ~E_DEPRECATED",
    "date.timezone=UTC",
)

# Up to version 1.19 the cipher of an assertion or a name is a word in its source, and only that of a key that both sides
# share is an option (sharedkey_algorithm). Its own classes, with another word, then encrypt as version 2 does.
CIPHER = """
foreach (['EncryptedAssertion', 'Assertion'] as $class) {
    if (!class_exists('SAML2\\\\' . $class, false)) {
        $source = file_get_contents('@HOME@/vendor/simplesamlphp/saml2/src/SAML2/' . $class . '.php');
        $with = str_replace('XMLSecurityKey::AES128_CBC)', 'XMLSecurityKey::@CIPHER@)', $source, $count);
        if ($count !== 1) {
            throw new Exception($class . ' names its cipher in ' . $count . ' places');
        }
        eval(str_replace(['<?php', 'declare(strict_types=1);'], '', $with));
    }
}
"""
CONFIG = """<?php
@ENCRYPT@
$sources = [];
foreach (glob(__DIR__ . '/sp/*.xml') as $file) {
    $sources[] = ['type' => 'xml', 'file' => $file];
}
$sources[] = ['type' => 'flatfile'];
$config = [
    'baseurlpath' => '@BASE@/',
    'certdir' => '@FOLDER@/cert/',
    'loggingdir' => '@FOLDER@/',
    'datadir' => '@FOLDER@/data/',
    'tempdir' => '@FOLDER@/tmp',
    'metadatadir' => '@FOLDER@/metadata/',
    'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
    'secretsalt' => '@SALT@',
    'auth.adminpassword' => '@SALT@',
    'technicalcontact_name' => 'Administrator',
    'technicalcontact_email' => 'na@example.org',
    'timezone' => 'UTC',
    'debug' => ['saml' => false, 'backtraces' => true, 'validatexml' => true],
    'showerrors' => true,
    'errorreporting' => false,
    'logging.level' => SimpleSAML\\Logger::INFO,
    'logging.handler' => 'file',
    'logging.logfile' => 'simplesamlphp.log',
    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'session.phpsession.savepath' => '@FOLDER@/sessions',
    'session.phpsession.httponly' => true,
    'language.available' => ['en'],
    'language.default' => 'en',
    'theme.use' => 'default',
    'store.type' => 'phpsession',
    'metadata.sources' => $sources,
    'trusted.url.domains' => null,
];
"""

AUTH_SOURCES = """<?php
$config = [
    'people' => ['exampleauth:UserPass'] + json_decode(<<<'JSON'
@PEOPLE@
JSON
    , true),
];
"""

# The NameID is the person's e-mail address, as most providers are set up.
HOSTED = """<?php
$metadata['@BASE@/saml2/idp/metadata.php'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'validate.authnrequest' => true,
    'validate.logout' => true,
    'redirect.validate' => true,
    'redirect.sign' => true,
    'sign.logout' => true,
    'SingleSignOnServiceBinding' => ['@REDIRECT@', '@POST@'],
    'SingleLogoutServiceBinding' => ['@REDIRECT@', '@POST@'],
    'NameIDFormat' => '@EMAIL@',
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
    'authproc' => [
        3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => '@EMAIL@'],
    ],
    @OPTIONS@
];
"""

BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

PEOPLE = {
    "ada:ada-password": {
        "uid": ["ada"],
        "mail": ["ada@acme.example"],
        "displayName": ["Ada Lovelace"],
        "groups": ["staff", "platform-admins"],
    },
    "grace:grace-password": {
        "uid": ["grace"],
        "mail": ["grace@acme.example"],
        "displayName": ["Grace O'Hopper & <Sons>"],
        "groups": ["staff", "cdp-audience-emea"],
    },
}


class SimpleSaml:
    """The provider. `start()` runs it; `trust(name, metadata)` makes it know a service provider."""

    def __init__(self):
        self.folder = temp_dir("simplesaml")
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.entity_id = self.base + "/saml2/idp/metadata.php"
        self.metadata_url = self.entity_id
        self.sso_url = self.base + "/saml2/idp/SSOService.php"
        self.slo_url = self.base + "/saml2/idp/SingleLogoutService.php"
        self.key = make_key(name="simplesamlphp.example")
        self.program = None

    def start(self):
        for name in ("cert", "data", "tmp", "metadata", "sessions", "sp"):
            os.mkdir(os.path.join(self.folder, name), 0o700)
        self.key.write(os.path.join(self.folder, "cert"), "idp")
        self.encrypt_with(None)
        self._write("authsources.php", AUTH_SOURCES)
        self._write("metadata/saml20-sp-remote.php", "<?php\n")
        self.configure()
        command = [find_tool("php", "php-cli")]
        for line in PHP_INI:
            command += ["-d", line.format(folder=self.folder)]
        if not os.path.isdir(HOME + "/www"):
            raise AssertionError(f"{HOME} is not there: run `make deps`, or install simplesamlphp")
        # The configuration is rewritten between two logins; a cache of compiled files would serve the old one for 2 s.
        command += ["-d", "opcache.enable=0"]
        command += ["-S", f"127.0.0.1:{self.port}", "-t", HOME + "/www"]
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": self.folder,
            "SIMPLESAMLPHP_CONFIG_DIR": self.folder,
        }
        self.program = Program("simplesamlphp", command, env, self.folder)
        self.program.wait_until(lambda: answers(self.metadata_url), "200 from its metadata")
        return self

    def stop(self):
        if self.program is not None:
            self.program.stop()
            self.program = None

    def trust(self, name, metadata):
        """Knows the service provider of that metadata (octets) from now on."""
        path = os.path.join(self.folder, "sp", name + ".xml")
        with open(path, "wb") as file:
            file.write(metadata)

    def configure(self, **options):
        """Further options of the provider: names with `_` for `.`, values true, false or text.

        Each call replaces the options of the call before.
        """
        lines = [f"'{key.replace('_', '.')}' => {json.dumps(options[key])}," for key in options]
        self._write("metadata/saml20-idp-hosted.php", HOSTED.replace("@OPTIONS@", " ".join(lines)))

    def encrypt_with(self, cipher):
        """Encrypts with "AES256_GCM" and the like from now on; None: with what it always takes."""
        hook = "" if cipher is None else CIPHER.replace("@HOME@", HOME).replace("@CIPHER@", cipher)
        self._write("config.php", CONFIG.replace("@ENCRYPT@", hook))

    def logged(self):
        """The end of its own log."""
        path = os.path.join(self.folder, "simplesamlphp.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def _write(self, name, text):
        for mark, value in (
            ("@BASE@", self.base),
            ("@FOLDER@", self.folder),
            ("@SALT@", secrets.token_hex(16)),
            ("@PEOPLE@", json.dumps(PEOPLE)),
            ("@REDIRECT@", BINDING + "Redirect"),
            ("@POST@", BINDING + "POST"),
            ("@EMAIL@", EMAIL),
        ):
            text = text.replace(mark, value)
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)


def log_in(browser: Browser, page, name):
    """At the provider's login page: types name and password; returns the page that posts the
    response. A provider that still knows the browser shows that page at once."""
    if any("SAMLResponse" in form.fields for form in page.forms):
        return page
    form = page.form("username")
    return browser.submit(form, username=name, password=f"{name}-password")
