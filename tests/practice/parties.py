# SPDX-License-Identifier: GPL-3.0-or-later
"""Who takes part: the provider under test, a service provider of our own, a client that keeps cookies.

Owns: processes, ports, keys and the temporary directory; `open_all` and `close_all` frame a run.
Never: trusts the provider's own word about a signature; xmlsec1 verifies each of them.
"""

import base64
import datetime
import html.parser
import http.cookiejar
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
import zlib

PROGRAM = os.path.join(
    os.path.abspath(os.environ.get("GATEHOUSE_BUILD", "build")), "gatehouse-practice-idp"
)
WAIT_S = 30  # a start makes two RSA keys; the machine may be busy
P = "urn:oasis:names:tc:SAML:2.0:protocol"
A = "urn:oasis:names:tc:SAML:2.0:assertion"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
NS = {"p": P, "a": A, "md": MD, "ds": DS}
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
ENTRA_GROUPS = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
FAULTS = (
    "none skew expired early wrong-audience wrong-recipient wrong-destination wrong-in-response-to"
    " unknown-signer unsigned tampered no-groups group-overage no-nameid status-error sha1 replay"
).split()
SIGNED = {
    "okta": {"response", "assertion"},
    "entra": {"assertion"},
    "adfs": {"assertion"},
    "google": {"response"},
    "keycloak": {"response", "assertion"},
    "shibboleth": {"response"},
}


def command(*words, given=None):
    done = subprocess.run(words, input=given, capture_output=True, timeout=WAIT_S, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words[0]} failed: {done.stderr.decode()}")
    return done.stdout


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


def environment():
    """For a sanitizer build: lasso leaks on refused messages, and only whole stacks show that it is lasso."""
    path = os.path.join(SHARED["dir"], "leaks")
    with open(path, "w", encoding="ascii") as file:
        file.write("leak:liblasso.so\n")
    return {
        "ASAN_OPTIONS": "fast_unwind_on_malloc=0:malloc_context_size=30",
        "LSAN_OPTIONS": f"suppressions={path}:print_suppressions=0",
        **os.environ,
    }


class Provider:
    """The program under test."""

    def __init__(self, data, *options):
        words = [PROGRAM, "--listen", "127.0.0.1:0", "--data", data, *options]
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
        if not found:
            self.process.kill()
            raise AssertionError(f"the program said {line!r} and {self.process.communicate()[1]!r}")
        self.url = found.group(1)
        self.cert = os.path.join(data, "idp-cert.pem")
        self.foreign_cert = os.path.join(data, "foreign-cert.pem")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        said = self.process.communicate(timeout=WAIT_S)[1]
        if "Sanitizer" in said:
            print(said, file=sys.stderr)
        return self.process.returncode


class ServiceProvider:
    """Metadata and a key of our own, served on a free port."""

    def __init__(self, directory, name, signs="false"):
        self.key = os.path.join(directory, name + ".key")
        self.cert = os.path.join(directory, name + ".crt")
        self.make_key()
        self.signs = signs
        self.fetched = 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                owner.fetched += 1
                body = owner.metadata().encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/samlmetadata+xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.entity = f"http://127.0.0.1:{self.server.server_port}/saml/{name}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def make_key(self):
        command(
            *"openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 2 -subj /CN=sp -keyout".split(),
            self.key, "-out", self.cert,
        )  # fmt: skip

    def metadata(self):
        with open(self.cert, encoding="ascii") as file:
            cert = "".join(line.strip() for line in file if "-----" not in line)
        slo = "".join(
            f'<md:SingleLogoutService Binding="{binding}" Location="{self.entity}/slo"/>'
            for binding in (REDIRECT, POST)
        )
        return (
            f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{self.entity}"><md:SPSSODescriptor'
            f' AuthnRequestsSigned="{self.signs}" protocolSupportEnumeration="{P}">'
            f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>'
            f"{cert}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>{slo}"
            f'<md:AssertionConsumerService Binding="{POST}" Location="{self.entity}/acs" index="0"'
            f' isDefault="true"/><md:AssertionConsumerService Binding="{POST}"'
            f' Location="{self.entity}/second" index="1"/></md:SPSSODescriptor></md:EntityDescriptor>'
        )

    def authn_request(self, idp, ident, attributes="", children="", entity=None):
        return (
            f'<samlp:AuthnRequest xmlns:samlp="{P}" xmlns:saml="{A}" ID="{ident}" Version="2.0"'
            f' IssueInstant="{utc_now():%Y-%m-%dT%H:%M:%SZ}" Destination="{idp.url}/sso" {attributes}>'
            f"<saml:Issuer>{entity or self.entity}</saml:Issuer>{children}</samlp:AuthnRequest>"
        )

    def logout_request(self, idp, ident, name_id, index, extra=""):
        return (
            f'<samlp:LogoutRequest xmlns:samlp="{P}" xmlns:saml="{A}" ID="{ident}" Version="2.0"'
            f' IssueInstant="{utc_now():%Y-%m-%dT%H:%M:%SZ}" Destination="{idp.url}/slo" {extra}>'
            f"<saml:Issuer>{self.entity}</saml:Issuer>"
            f'<saml:NameID Format="{EMAIL}">{name_id}</saml:NameID>'
            f"<samlp:SessionIndex>{index}</samlp:SessionIndex></samlp:LogoutRequest>"
        )

    def logout_response(self, idp, ident, answers):
        return (
            f'<samlp:LogoutResponse xmlns:samlp="{P}" xmlns:saml="{A}" ID="{ident}" Version="2.0"'
            f' IssueInstant="{utc_now():%Y-%m-%dT%H:%M:%SZ}" Destination="{idp.url}/slo"'
            f' InResponseTo="{answers}"><saml:Issuer>{self.entity}</saml:Issuer><samlp:Status>'
            f'<samlp:StatusCode Value="{STATUS}Success"/></samlp:Status></samlp:LogoutResponse>'
        )

    def query(self, field, xml, relay_state=None, key=None):
        """A Redirect binding query, signed if a key file is given."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(xml.encode()) + packer.flush()
        pairs = [(field, base64.b64encode(packed).decode())]
        if relay_state is not None:
            pairs.append(("RelayState", relay_state))
        if key is None:
            return urllib.parse.urlencode(pairs)
        text = urllib.parse.urlencode(pairs + [("SigAlg", RSA_SHA256)])
        value = command("openssl", "dgst", "-sha256", "-sign", key, given=text.encode())
        return text + "&" + urllib.parse.urlencode({"Signature": base64.b64encode(value).decode()})

    def signed(self, xml, ident, root, directory):
        """The message with an enveloped signature of ours after its Issuer."""
        exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
        template = (
            f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod'
            f' Algorithm="{exclusive}"/><ds:SignatureMethod Algorithm="{RSA_SHA256}"/>'
            f'<ds:Reference URI="#{ident}"><ds:Transforms><ds:Transform Algorithm="{DS}enveloped-signature"/>'
            f'<ds:Transform Algorithm="{exclusive}"/></ds:Transforms><ds:DigestMethod'
            f' Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'
            f"</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
        )
        path = os.path.join(directory, "to-sign.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(xml.replace("</saml:Issuer>", "</saml:Issuer>" + template))
        id_attr = "--id-attr:ID"
        return command(
            "xmlsec1", "--sign", "--privkey-pem", self.key, id_attr, f"{P}:{root}", path
        ).decode()


class FormReader(html.parser.HTMLParser):
    """The forms of a page: action, hidden fields, names of selects, values of the user buttons."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.forms, self.ids, self.labels = [], set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attr = dict(attrs)
        if "id" in attr:
            self.ids.add(attr["id"])
        if tag == "form":
            self.forms.append({"action": attr["action"], "fields": {}, "selects": {}, "users": []})
        elif tag == "label":
            self.labels.add(attr["for"])
        elif tag == "input" and attr.get("type") == "hidden":
            self.forms[-1]["fields"][attr["name"]] = attr["value"]
        elif tag == "select":
            self.forms[-1]["selects"][attr["name"]] = []
        elif tag == "option":
            list(self.forms[-1]["selects"].values())[-1].append(attr.get("value"))
        elif tag == "button" and attr.get("name") == "user":
            self.forms[-1]["users"].append(attr["value"])


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):  # pylint: disable=arguments-differ
        return None


class Client:
    """A plain HTTP client that keeps cookies."""

    def __init__(self, idp):
        self.idp = idp
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        no_proxy = urllib.request.ProxyHandler({})
        self.opener = urllib.request.build_opener(no_proxy, jar)
        self.still = urllib.request.build_opener(no_proxy, jar, NoRedirect())

    def open(self, path, form=None, follow=True):
        """(status, text, headers)"""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with (self.opener if follow else self.still).open(
                self.idp.url + path, data, WAIT_S
            ) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def page_form(self, path, form=None):
        status, text, _ = self.open(path, form)
        assert status == 200, (status, text.partition("</head>")[2])
        forms = FormReader(text).forms
        assert len(forms) == 1, text
        return forms[0]

    def choose(self, login, user, persona="", fault="", **more):
        """Answers the login page; gives the form that goes to the service provider."""
        assert login["action"] == "/sso/answer", login
        fields = dict(login["fields"], user=user, persona=persona, fault=fault, **more)
        return self.page_form("/sso/answer", fields)


class Answer:
    """A Response that arrived at the service provider."""

    def __init__(self, form, directory):
        self.action = form["action"]
        self.relay_state = form["fields"].get("RelayState")
        self.octets = base64.b64decode(form["fields"]["SAMLResponse"])
        self.text = self.octets.decode()
        self.root = ET.fromstring(self.octets)
        self.assertion = self.root.find("a:Assertion", NS)
        self.path = os.path.join(directory, "answer.xml")

    def value(self, path, attribute=None):
        found = self.root.find(path, NS)
        return None if found is None else found.get(attribute) if attribute else found.text

    def signatures(self):
        places = {"response": self.root, "assertion": self.assertion}
        return {
            name
            for name, at in places.items()
            if at is not None and at.find("ds:Signature", NS) is not None
        }

    def verified(self, what, cert):
        """What xmlsec1 says about one signature, with a key of ours and not of the message."""
        with open(self.path, "wb") as file:
            file.write(self.octets)
        steps = "/*" if what == "response" else "/*/*[local-name()='Assertion']"
        words = (
            "xmlsec1 --verify --enabled-reference-uris empty,same-doc --enabled-key-data raw-x509-cert"
            f" --pubkey-cert-pem {cert} --id-attr:ID {P}:Response --id-attr:ID {A}:Assertion --node-xpath"
        ).split() + [steps + "/*[local-name()='Signature']", self.path]
        return (
            subprocess.run(words, capture_output=True, timeout=WAIT_S, check=False).returncode == 0
        )

    def attributes(self):
        found = {}
        for attribute in self.root.iterfind(".//a:Attribute", NS):
            values = [value.text for value in attribute.iterfind("a:AttributeValue", NS)]
            found.setdefault(attribute.get("Name"), []).extend(values)
        return found


SHARED = {}


def open_all():
    SHARED["dir"] = tempfile.mkdtemp(prefix="practice-test-")
    SHARED["sp"] = ServiceProvider(SHARED["dir"], "acme-practice")
    SHARED["strict"] = ServiceProvider(SHARED["dir"], "strict", signs="true")
    data = os.path.join(SHARED["dir"], "data")
    SHARED["idp"] = Provider(
        data, "--quiet", "--sp", SHARED["sp"].entity, "--sp", SHARED["strict"].entity
    )


def close_all():
    if "idp" in SHARED and SHARED["idp"].process.poll() is None:
        SHARED["idp"].stop()
    for name in ("sp", "strict"):
        if name in SHARED:
            SHARED[name].server.shutdown()
            SHARED[name].server.server_close()
    shutil.rmtree(SHARED["dir"], ignore_errors=True)


class Case(unittest.TestCase):
    serial = 0

    def setUp(self):
        self.idp, self.sp, self.strict = SHARED["idp"], SHARED["sp"], SHARED["strict"]
        self.dir = SHARED["dir"]
        self.client = Client(self.idp)
        Case.serial += 1
        self.ident = f"_request-{Case.serial}"

    def ask(self, client=None, relay_state="r-1", attributes="", children="", extra=""):
        xml = self.sp.authn_request(self.idp, self.ident, attributes, children)
        return (client or self.client).page_form(
            "/sso?" + self.sp.query("SAMLRequest", xml, relay_state) + extra
        )

    def login(self, user="ada@demo.example", persona="", fault="", **more):
        return Answer(self.client.choose(self.ask(), user, persona, fault, **more), self.dir)

    def assert_signatures_hold(self, answer, cert=None):
        self.assertTrue(answer.signatures())
        for what in answer.signatures():
            self.assertTrue(answer.verified(what, cert or self.idp.cert), f"the {what}'s signature")
