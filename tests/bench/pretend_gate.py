#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretend gate for the bench's self-check: the few commands and addresses that run.py uses, with xmlsec1 as its
verdict and a handful of rules. It is slow and knows only what the bench sends; it stands in for nothing else.

PRETEND_FLAW makes it wrong in one way, to see that the bench finds it: `replay` accepts a message twice, `expired`
does not look at the time, `fail` answers 500 to one login in ten, `leave` leaves a process behind at its end.
"""
import base64
import datetime
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from xml.etree import ElementTree

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
FLAW = os.environ.get("PRETEND_FLAW", "")
TOKEN = "pretend-operator-token"


class State:
    """What the gate knows; one lock around all of it."""
    lock = threading.Lock()
    certificate = None
    unsolicited = False
    rules = []
    seen = set()
    sessions = {}
    posts = 0


def verdict(xml):
    """None, or the reason why the signatures do not hold."""
    if ElementTree.fromstring(xml).find(f"{SAML}Assertion/{DS}Signature") is None:
        return "signature.missing"
    with tempfile.TemporaryDirectory() as folder:
        message, pem = os.path.join(folder, "m.xml"), os.path.join(folder, "idp.crt")
        with open(message, "wb") as f:
            f.write(xml)
        with open(pem, "w", encoding="ascii") as f:
            f.write(f"-----BEGIN CERTIFICATE-----\n{State.certificate}\n-----END CERTIFICATE-----\n")
        done = subprocess.run(
            ["xmlsec1", "--verify", "--pubkey-cert-pem", pem, "--enabled-key-data", "raw-x509-cert",
             "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
             "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response", message],
            capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return "signature.digest" if "digest do not match" in done.stderr else "signature.value"


def when(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def judge(message, base):
    """(reason, None) or (None, {"email", "groups"})"""
    reason = verdict(message)
    if reason:
        return reason, None
    assertion = ElementTree.fromstring(message).find(f"{SAML}Assertion")
    conditions = assertion.find(f"{SAML}Conditions")
    now = datetime.datetime.now(datetime.timezone.utc)
    if FLAW != "expired" and now >= when(conditions.get("NotOnOrAfter")):
        return "conditions.expired", None
    if now < when(conditions.get("NotBefore")):
        return "conditions.not_yet_valid", None
    if conditions.findtext(f"{SAML}AudienceRestriction/{SAML}Audience") != base + "/saml/bench":
        return "conditions.audience", None
    if assertion.find(f".//{SAML}SubjectConfirmationData").get("Recipient") != base + "/saml/bench/acs":
        return "subject.recipient", None
    if not State.unsolicited:
        return "response.unsolicited_refused", None
    with State.lock:
        if assertion.get("ID") in State.seen and FLAW != "replay":
            return "assertion.replayed", None
        State.seen.add(assertion.get("ID"))
    groups = [v.text for v in assertion.findall(f".//{SAML}Attribute[@Name='groups']/{SAML}AttributeValue")]
    return None, {"email": assertion.findtext(f"{SAML}Subject/{SAML}NameID"), "groups": groups}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def log_message(self, *_):
        pass

    def answer(self, status, value=None, headers=()):
        body = json.dumps(value).encode() if value is not None else b""
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        if self.path == "/readyz":
            return self.answer(200, {})
        cookie = self.headers.get("Cookie", "").partition("=")[2]
        session = State.sessions.get(cookie)
        return self.answer(200, session) if session and self.path == "/session" else self.answer(401, {})

    def do_PUT(self):
        body = self.body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {})
        value = json.loads(body)
        if self.path == "/api/v1/connections/bench/idp":
            State.certificate = ElementTree.fromstring(value["metadata_xml"]).findtext(f".//{DS}X509Certificate")
        elif self.path == "/api/v1/connections/bench/policy":
            State.unsolicited = value["unsolicited"]
        elif self.path == "/api/v1/connections/bench/rules":
            State.rules = value["rules"]
        elif self.path not in ("/api/v1/tenants", "/api/v1/tenants/bench/connections"):
            return self.answer(404, {})
        return self.answer(201 if self.command == "POST" else 200, value)

    def do_POST(self):
        if self.path != "/saml/bench/acs":
            return self.do_PUT()
        form = urllib.parse.parse_qs(self.body().decode())
        with State.lock:
            State.posts += 1
            number = State.posts
        if FLAW == "fail" and number > 20 and number % 10 == 0:
            return self.answer(500, {"reason": "worker.failed"})
        reason, who = judge(base64.b64decode(form["SAMLResponse"][0]), os.environ["GATEHOUSE_PUBLIC_URL"])
        if reason:
            return self.answer(403, {"reason": reason, "status": 403})
        roles = [r for rule in State.rules for r in rule["roles"]
                 if any(g.startswith(rule["value"]) for g in who["groups"])]
        token = base64.urlsafe_b64encode(os.urandom(24)).decode()
        session = {"user": {"email": who["email"]}, "roles": roles}
        State.sessions[token] = session
        if self.headers.get("Accept") == "application/json":
            return self.answer(200, dict(session, access_token=token))
        return self.answer(303, None, [("Set-Cookie", f"__Host-gatehouse={token}; Secure; Path=/"), ("Location", "/")])


def serve():
    host, _, port = os.environ["GATEHOUSE_LISTEN"].partition(":")
    left = subprocess.Popen(["sleep", "600"]) if FLAW == "leave" else None
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    if left:
        os._exit(0)     # without a word to the child


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "--version":
        print("pretend gate 0")
    elif command == "init":
        os.mkdir(os.environ["GATEHOUSE_DATA_DIR"], 0o700)
    elif command == "operator-token":
        print(TOKEN)
    elif command == "serve":
        serve()
    else:
        sys.exit(2)


if __name__ == "__main__":
    main()
