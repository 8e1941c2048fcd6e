# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the built programs and talks to them the way their users do.

Owns: finding the programs (GATEHOUSE_BUILD, default `build`), their temporary data directories,
free ports, start and stop by process id, the files that hold what they print, the operator's API
and the steps of a login; each answer of a gate is held against its OpenAPI document (contract.py). Never: reaches into the gate's data, and never stops what it did not
start. The contract that it speaks is the one the README and the OpenAPI document describe.
"""

import atexit
import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import contract
from browser import Browser

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_S = 30  # a start makes keys at most once; a busy machine takes a few seconds
STOP_S = 20  # SIGTERM drains: requests under way may finish
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
IDP_PAGE = "http://127.0.0.1:9/sso"  # the page at an identity provider that posts the response
JSON = {"Accept": "application/json"}

_programs = []  # every Program started, to show what it printed and to stop it at exit


def build_dir():
    return os.path.join(ROOT, os.environ.get("GATEHOUSE_BUILD", "build"))


def find_built(name):
    """The path of one of our programs; a missing one is a failure that says what to do."""
    path = os.path.join(build_dir(), name)
    if not os.access(path, os.X_OK):
        raise AssertionError(f"{path} is not there: run `make`, or set GATEHOUSE_BUILD")
    return path


def find_tool(name, package):
    """The path of a tool of the distribution; a missing one is a failure that names its package."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise AssertionError(f"{name} is not there: run `make deps`, or install {package}")
    return path


def free_port():
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def temp_dir(name):
    """A directory that is removed when the tests end; kept when GATEHOUSE_KEEP is set."""
    path = tempfile.mkdtemp(prefix=f"gatehouse-e2e-{name}-")
    if not os.environ.get("GATEHOUSE_KEEP"):
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


class Program:
    """One process in the background. What it prints goes to a file of `folder`."""

    def __init__(self, name, command, env, folder):
        self.name = name
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
            )
        self.shown = 0
        _programs.append(self)

    def alive(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        """Sends the signal and waits; returns the exit status (negative: died of that signal)."""
        if self.alive():
            self.process.send_signal(how)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end within {STOP_S} s of signal {how}")

    def printed(self, limit=4000):
        """The end of what it printed."""
        with open(self.log_path, "rb") as log:
            return log.read()[-limit:].decode("utf-8", "replace")

    def wait_until(self, ready, what):
        """Polls `ready` until it says True; the process ending or START_S passing is a failure."""
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if not self.alive():
                raise AssertionError(
                    f"{self.name} ended with {self.process.returncode} before {what}:\n"
                    + self.printed()
                )
            if ready():
                return
            time.sleep(0.03)
        raise AssertionError(f"{self.name}: no {what} within {START_S} s:\n{self.printed()}")


def printed_since_last_time():
    """What the programs printed since the last call, for the report of a failed test."""
    parts = []
    for program in _programs:
        with open(program.log_path, "rb") as log:
            log.seek(program.shown)
            text = log.read().decode("utf-8", "replace")
            program.shown = log.tell()
        if text:
            parts.append(f"--- {program.name} printed:\n{text[-6000:]}")
    return "\n".join(parts)


@atexit.register
def _stop_all():
    for program in _programs:
        if program.alive():
            program.process.kill()
            program.process.wait()


def answers(url, status=200):
    """True if a GET of `url` gives that status now."""
    try:
        return Browser().get(url, follow=False).status == status
    except (OSError, http.client.HTTPException):
        return False


class Gate:
    """A gate with its own data directory and port. `start()` makes both ready."""

    def __init__(self, **settings):
        self.folder = temp_dir("gate")
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.env = {
            "PATH": "/usr/bin:/bin",
            "HOME": self.folder,
            "GATEHOUSE_PUBLIC_URL": self.base,
            "GATEHOUSE_LISTEN": f"127.0.0.1:{self.port}",
            "GATEHOUSE_DATA_DIR": self.data,
            "GATEHOUSE_ALLOW_PRIVATE_FETCH": "true",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.env.update({f"GATEHOUSE_{key.upper()}": value for key, value in settings.items()})
        self.program = None
        self.token = None

    # -- life -----------------------------------------------------------------------------

    def run(self, *arguments, stdin=None):
        """Runs `gatehouse` with these arguments; returns the finished process, text output."""
        return subprocess.run(
            [find_built("gatehouse"), *arguments],
            env=self.env,
            cwd=self.folder,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def must(self, *arguments):
        """As run(), but another exit status than 0 is a failure."""
        done = self.run(*arguments)
        if done.returncode != 0:
            said = done.stdout + done.stderr
            raise AssertionError(f"gatehouse {arguments}: exit {done.returncode}\n{said}")
        return done

    def start(self):
        self.must("init")
        self.serve()
        self.token = self.operator_token()
        return self

    def serve(self):
        """Starts the gate on the data that is there, and waits until it says that it is ready."""
        self.program = Program("gate", [find_built("gatehouse"), "serve"], self.env, self.folder)
        self.program.wait_until(lambda: answers(self.url("/readyz")), "200 from /readyz")
        contract.watch(self.port)

    def operator_token(self):
        return self.must("operator-token").stdout.split()[-1]

    def stop(self):
        """SIGTERM; anything but exit status 0 is a failure."""
        if self.program is None:
            return
        program, self.program = self.program, None
        contract.unwatch(self.port)
        status = program.stop()
        if status != 0:
            raise AssertionError(f"the gate ended with {status} on SIGTERM:\n{program.printed()}")

    def restart(self):
        self.stop()
        self.serve()
        self.token = self.operator_token()

    def kill_and_restart(self):
        """kill -9, then a start on the same data: what was answered must still be known."""
        self.program.stop(signal.SIGKILL)
        self.serve()
        self.token = self.operator_token()

    def url(self, path):
        return self.base + path

    # -- the operator's API ---------------------------------------------------------------

    def call(self, method, path, body=None, token=None, headers=None):
        """One API call; returns (status, decoded JSON or None). The operator's token by default."""
        token = token or self.token or self.operator_token()
        sent = {"Host": urlsplit(self.base).netloc, "Authorization": f"Bearer {token}"}
        sent["Accept"] = "application/json"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=data, headers=sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        kind = answer.getheader("Content-Type")
        contract.check(self.port, method, path, answer.status, kind, text)
        return answer.status, json.loads(text) if text else None

    def api(self, method, path, body=None):
        """As call(), but another status than 2xx is a failure; returns the decoded JSON."""
        status, answer = self.call(method, "/api/v1" + path, body)
        if not 200 <= status < 300:
            raise AssertionError(f"{method} {path}: {status} {json.dumps(answer)}")
        return answer

    def make_tenant(self, slug, domains):
        return self.api(
            "POST", "/tenants", {"slug": slug, "name": slug.title(), "domains": domains}
        )

    def make_connection(self, tenant, slug, idp, rules=None, **policy):
        """A connection of a tenant with its trust, rules and policy; returns its URLs."""
        made = self.api("POST", f"/tenants/{tenant}/connections", {"slug": slug})
        self.api("PUT", f"/connections/{slug}/idp", idp)
        self.api("PUT", f"/connections/{slug}/policy", policy)
        self.api("PUT", f"/connections/{slug}/rules", rules or DEFAULT_RULES)
        return Connection(slug=slug, tenant=tenant, **{key: made[key] for key in CONNECTION_URLS})

    def metadata(self, connection):
        """The SP metadata of a connection, as its EntityID URL serves it."""
        page = Browser().get(connection.entity_id)
        if page.status != 200:
            raise AssertionError(f"{connection.entity_id}: {page.status} {page.text[:600]}")
        return page

    def trace(self, trace_id):
        return self.api("GET", f"/traces/{trace_id}")


CONNECTION_URLS = ("entity_id", "acs_url", "slo_url", "login_url", "metadata_url")
DEFAULT_RULES = {
    "rules": [
        {"match": "exact", "value": "platform-admins", "roles": ["admin"]},
        {"match": "prefix", "value": "cdp-audience", "roles": ["audiences_only"]},
    ],
    "default_role": "read_only",
    "mode": "authoritative",
}


@dataclass(frozen=True)
class Connection:
    """What the gate answered when the connection was made, and whose it is."""

    slug: str
    tenant: str
    entity_id: str
    acs_url: str
    slo_url: str
    login_url: str
    metadata_url: str


@dataclass(frozen=True)
class Request:
    """A SAML message that the gate sent through the browser, and how it travelled."""

    xml: bytes
    url: str  # where it goes, without the message's own parameters
    relay_state: str
    binding: str
    raw_query: str  # Redirect binding: the query as sent, for its signature

    @property
    def root(self):
        return ET.fromstring(self.xml)

    @property
    def id(self):
        return self.root.get("ID")


def read_request(page, parameter="SAMLRequest"):
    """The message in a redirect (not followed) or in a page that posts itself."""
    if page.status in (302, 303):
        query = urlsplit(page.location).query
        fields = parse_qs(query, keep_blank_values=True)
        if parameter not in fields:
            raise AssertionError(f"no {parameter} in {page.location}")
        xml = zlib.decompress(base64.b64decode(fields[parameter][0], validate=True), -15)
        relay = fields.get("RelayState", [""])[0]
        return Request(xml, page.location.split("?")[0], relay, REDIRECT, query)
    form = page.form(parameter)
    xml = base64.b64decode(form.fields[parameter], validate=True)
    return Request(xml, form.action, form.fields.get("RelayState", ""), POST, "")


def begin(browser, connection, return_to=None):
    """Starts a login at the gate; the browser now holds the cookie of the pending request."""
    url = connection.login_url
    if return_to is not None:
        url += "?return_to=" + quote(return_to, safe="")
    page = browser.get(url, follow=False)
    if page.status not in (200, 302, 303):
        raise AssertionError(f"{url}: {page.status} {page.text[:600]}")
    return read_request(page)


def form_of(xml, relay_state=None):
    """The form fields of a response in the POST binding."""
    data = xml.encode() if isinstance(xml, str) else xml
    fields = {"SAMLResponse": base64.b64encode(data).decode()}
    if relay_state is not None:
        fields["RelayState"] = relay_state
    return fields


def post_response(browser, connection, xml, relay_state=None, as_json=True, follow=False):
    """Posts a response from the identity provider's page (another site) to the ACS."""
    return browser.post(
        connection.acs_url,
        form_of(xml, relay_state),
        follow=follow,
        headers=JSON if as_json else None,
        initiator=IDP_PAGE,
    )


def redirect_url(url, xml, parameter, relay_state=None, signer=None):
    """The URL of a message in the Redirect binding; `signer` adds SigAlg and Signature.

    signer: an object with .uri and .sign(bytes); see forge.Signer.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(xml.encode()) + packer.flush()
    fields = [(parameter, base64.b64encode(data).decode())]
    if relay_state is not None:
        fields.append(("RelayState", relay_state))
    if signer is None:
        return url + "?" + urlencode(fields)
    fields.append(("SigAlg", signer.uri))
    query = urlencode(fields)
    signature = base64.b64encode(signer.sign(query.encode())).decode()
    return url + "?" + query + "&" + urlencode([("Signature", signature)])


def say(text):
    """Progress for people, on stderr."""
    print(text, file=sys.stderr, flush=True)
