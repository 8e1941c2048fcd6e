# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose request it is behind a proxy: by headers that are written here, byte by byte where it
matters, and behind a real Apache. Addresses of 127.0.0.0/8 are all this machine's, so each client
and each proxy has one of its own."""

import json
import os
import socket
import unittest

from apache import MIDDLE, Apache
from browser import Browser
from case import TENANT, GateCase
from harness import Gate

PROXY = "127.0.0.1"  # where the harness connects from
STRANGER = "127.0.0.5"
LIMIT = 3  # of each count by address that is tried here
WAIT_S = 10


class ProxyCase(GateCase):
    """A gate that believes 127.0.0.1 and the outer Apache."""

    header = "X-Forwarded-For"
    settings = {
        "trusted_proxies": f"{PROXY}, {MIDDLE}/32, fd00::/8",
        "pending_address_limit": str(LIMIT),
        "password_address_limit": str(LIMIT),
    }

    def through(self, value, **more):
        """A browser behind a proxy that says so."""
        return Browser(headers={self.header: value}, **more)

    def starts(self, browser, times=1):
        """The statuses of that many sign-ins that are started."""
        pages = [browser.get(self.connection.login_url, follow=False) for _ in range(times)]
        return [page.status for page in pages]

    def login_through(self, browser):
        answer = self.assertSignedIn(self.log_in(browser))
        return self.gate.trace(answer["trace_id"])

    def address_of_a_login(self, browser):
        return self.login_through(browser)["address"]

    def logged(self):
        """The requests in the gate's log."""
        with open(self.gate.program.log_path, encoding="utf-8") as log:
            rows = [json.loads(line) for line in log if line.startswith("{")]
        return [row for row in rows if row.get("event") == "http.request"]


class HeaderTest(ProxyCase):
    def test_trace_audit_and_log_have_the_address_of_the_client(self):
        trace = self.login_through(self.through("203.0.113.99, 198.51.100.7"))
        self.assertEqual(trace["address"], "198.51.100.7")
        rows = self.gate.api("GET", f"/tenants/{TENANT}/audit?event=login.")["items"]
        self.assertIn("198.51.100.7", [row.get("address") for row in rows])
        posted = [row for row in self.logged() if row["path"].endswith("/acs")]
        self.assertIn("198.51.100.7", [row["address"] for row in posted])
        whole = json.dumps([trace, rows, self.logged()])
        self.assertNotIn("203.0.113.99", whole)  # what the client wrote is nowhere

    def test_each_client_has_its_own_count_of_started_sign_ins(self):
        # A window may end in between: the last of twice as many and one is over it.
        statuses = self.starts(self.through("198.51.100.20"), 2 * LIMIT + 1)
        self.assertEqual((statuses[0], statuses[-1]), (302, 429))
        self.assertEqual(self.starts(self.through("198.51.100.21")), [302])
        # Another address in front, another spelling, another port: the same client.
        for same in ("198.51.100.21, 198.51.100.20", "198.51.100.20:99", "::ffff:198.51.100.20"):
            with self.subTest(same=same):
                self.assertEqual(self.starts(self.through(same), LIMIT + 1)[-1], 429)

    def test_a_subscriber_of_ipv6_has_one_count_for_all_addresses(self):
        for i in range(2 * LIMIT + 1):
            last = self.starts(self.through(f"2001:db8:0:20::{i + 1:x}"))
        self.assertEqual(last, [429])
        self.assertEqual(self.starts(self.through("2001:db8:0:21::1")), [302])

    def test_each_client_has_its_own_count_of_bad_passwords(self):
        def attempt(address):
            body = {"email": "nobody@acme.example", "password": "wrong horse"}
            headers = {self.header: f"198.51.100.99, {address}"}
            return self.gate.call("POST", "/api/v1/sign-in", body, headers=headers)[0]

        statuses = [attempt("198.51.100.30") for _ in range(2 * LIMIT + 1)]
        self.assertEqual((statuses[0], statuses[-1]), (401, 429))
        self.assertEqual(attempt("198.51.100.31"), 401)

    def test_what_cannot_be_read_counts_for_the_proxy(self):
        for value in ("unknown", "198.51.100.40,", "198.51.100.40 ", "_x", "198.51.100.40:", ""):
            with self.subTest(value=value):
                expected = "198.51.100.40" if value.endswith(" ") else PROXY
                self.starts(self.through(value))
                self.assertEqual(self.logged()[-1]["address"], expected)

    def test_a_stranger_is_who_he_is_whatever_he_says(self):
        browser = self.through("198.51.100.50", address=STRANGER)
        self.assertEqual(self.address_of_a_login(browser), STRANGER)

    def test_the_other_header_is_not_read(self):
        browser = Browser(headers={"Forwarded": "for=198.51.100.60", "X-Real-IP": "198.51.100.61"})
        self.starts(browser)
        self.assertEqual(self.logged()[-1]["address"], PROXY)

    def test_nothing_but_the_address_is_taken_from_a_proxy(self):
        browser = self.through("198.51.100.70")
        forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        browser.headers.update({**forwarded, "X-Forwarded-Port": "9", "X-Forwarded-Prefix": "/x"})
        page = browser.get(self.connection.metadata_url)
        self.assertEqual(page.status, 200)
        self.assertNotIn("evil.example", page.html)
        self.assertIn(self.connection.acs_url, page.html)

    def send(self, lines, wire=None):
        """Sends a GET with these header lines as they are; returns the address that was logged."""
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        wire = wire or socket.create_connection(("127.0.0.1", self.gate.port), timeout=WAIT_S)
        with wire:
            wire.sendall(head + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
            got = b""
            while piece := wire.recv(65536):
                got += piece
        self.assertTrue(got.startswith(b"HTTP/1.1 200 "), got)
        return self.logged()[-1]["address"]

    def test_lines_are_joined_in_the_order_in_which_they_came(self):
        name = self.header.encode()
        forged, client = name + b": 203.0.113.66", name.lower() + b": 198.51.100.80"
        self.assertEqual(self.send([forged, client]), "198.51.100.80")
        self.assertEqual(self.send([client, forged]), "203.0.113.66")
        self.assertEqual(self.send([forged, client, name + b":" + MIDDLE.encode()]), "198.51.100.80")

    def test_at_the_control_socket_no_header_is_read(self):
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(WAIT_S)
        wire.connect(os.path.join(self.gate.data, "control.sock"))
        line = self.header.encode() + b": 198.51.100.81"
        self.assertEqual(self.send([line], wire), "local")

    def test_the_counter_tells_of_proxies_that_do_not_say_who_asks(self):
        def count():
            text = Browser().get(self.gate.url("/metrics"), headers={self.header: "::7"}).html
            return int(text.split("\ngatehouse_client_unknown_total ")[1].split()[0])

        before = count()
        self.starts(self.through("198.51.100.90"))
        self.assertEqual(count(), before)
        self.starts(self.through("unknown"))
        self.assertEqual(count(), before + 1)


class ForwardedTest(ProxyCase):
    settings = {**ProxyCase.settings, "forwarded_header": "Forwarded"}
    header = "Forwarded"

    def test_the_standard_header_names_the_client(self):
        browser = self.through('for="203.0.113.66, for="[2001:DB8::7]:99";proto=http;host=x')
        browser.headers["X-Forwarded-For"] = "203.0.113.67"
        self.assertEqual(self.address_of_a_login(browser), "2001:db8::7")

    def test_a_chain_of_proxies_is_followed(self):
        browser = self.through(f"for=203.0.113.66, for=198.51.100.7, for={MIDDLE}")
        self.assertEqual(self.address_of_a_login(browser), "198.51.100.7")


class NobodyTest(ProxyCase):
    settings = {}

    def test_without_a_list_no_header_is_read(self):
        browser = self.through("198.51.100.7")
        browser.headers["Forwarded"] = "for=198.51.100.7"
        self.assertEqual(self.address_of_a_login(browser), PROXY)


class SettingTest(unittest.TestCase):
    def test_a_wrong_list_stops_the_start_and_says_what_was_expected(self):
        done = Gate(trusted_proxies="10.0.0.0/8, 10.1.2.3/16").run("serve")
        self.assertEqual(done.returncode, 1)
        self.assertIn('"10.1.2.3/16" has bits behind the first 16', done.stdout + done.stderr)
        self.assertIn("expected is 10.1.0.0/16", done.stdout + done.stderr)


class ApacheTest(ProxyCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.apache = Apache(cls.gate)
        cls.addClassCleanup(cls.apache.stop)
        cls.apache.start()

    def test_a_client_of_apache_is_known_and_what_it_claims_is_not(self):
        browser = self.through("203.0.113.66", address="127.0.0.2", via=self.apache.port)
        browser.headers["Forwarded"] = "for=203.0.113.67"
        self.assertEqual(self.address_of_a_login(browser), "127.0.0.2")

    def test_a_client_of_two_proxies_behind_each_other_is_known(self):
        browser = self.through("203.0.113.66", address="127.0.0.3", via=self.apache.outer_port)
        self.assertEqual(self.address_of_a_login(browser), "127.0.0.3")

    def test_one_client_that_used_up_its_count_keeps_no_other_out(self):
        def client(address):
            return Browser(address=address, via=self.apache.port)

        statuses = self.starts(client("127.0.0.20"), 2 * LIMIT + 1)
        self.assertEqual((statuses[0], statuses[-1]), (302, 429))
        self.assertEqual(self.starts(client("127.0.0.21")), [302])
        self.assertEqual(self.starts(client("127.0.0.20"), LIMIT + 1)[-1], 429)
