# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the wire below the doors: where a request ends.

Owns: requests written by hand, byte by byte. Never: what a request means.
"""

import socket
import threading
import time
import unittest
from urllib.parse import urlsplit

from browser import Browser, Cookie
from case import TENANT, ForgedIdp, GateCase
from harness import Gate

WAIT_S = 10
# A request that hides behind another: answered, it would be a second answer to a first request.
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class FramingTest(GateCase):
    def send(self, head, rest):
        """Sends a POST with these header lines, and the rest; returns the status lines."""
        text = b"POST /login HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + rest
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=WAIT_S) as wire:
            wire.sendall(text)
            got = b""
            while piece := wire.recv(65536):
                got += piece
        return [part.split(b"\r\n")[0] for part in got.split(b"HTTP/1.1 ")[1:]]

    def assertOneRefusal(self, head, rest):
        with self.subTest(head=head):
            self.assertEqual(self.send(head, rest), [b"400 Bad Request"])

    def test_what_is_refused_so_has_its_reason(self):
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=WAIT_S) as wire:
            two = b"Content-Length: 0\r\nContent-Length: 5\r\n"
            wire.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\n" + two + b"\r\nhello")
            got = b""
            while piece := wire.recv(65536):
                got += piece
        self.assertIn(b'"malformed_request"', got)

    def test_a_body_that_ends_in_two_ways_is_no_request(self):
        self.assertOneRefusal(
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN
        )
        self.assertOneRefusal(
            b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n" + HIDDEN
        )
        self.assertOneRefusal(b"Content-Length: 0\r\nContent-Length: 5\r\n", b"hello" + HIDDEN)
        self.assertOneRefusal(b"Content-Length: 5\r\nContent-Length: 0\r\n", b"hello" + HIDDEN)
        self.assertOneRefusal(
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN
        )

    def test_a_coding_or_a_name_that_others_read_otherwise_is_no_request(self):
        self.assertOneRefusal(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + HIDDEN)
        self.assertOneRefusal(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n" + HIDDEN)
        self.assertOneRefusal(b"Content-Length : 5\r\n", b"hello" + HIDDEN)
        self.assertOneRefusal(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + HIDDEN)

    def test_bodies_of_either_kind_are_read_and_the_next_request_too(self):
        form = b"Content-Type: application/x-www-form-urlencoded\r\n"
        both = [b"422 Unprocessable Content", b"200 OK"]
        self.assertEqual(self.send(form + b"Content-Length: 7\r\n", b"email=a" + HIDDEN), both)
        self.assertEqual(
            self.send(
                form + b"Transfer-Encoding: chunked\r\n", b"7\r\nemail=a\r\n0\r\n\r\n" + HIDDEN
            ),
            both,
        )


class HeadTest(GateCase):
    """Sixteen KB: as much as the proxies before it and other servers take by default. Of cookies
    in one line nine, since the library keeps that line twice."""

    def answer(self, line, headers):
        with socket.create_connection(("127.0.0.1", self.gate.port), timeout=WAIT_S) as wire:
            wire.sendall(line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
            return wire.recv(65536).split(b"\r\n")[0]

    def test_a_head_may_have_sixteen_kilobytes(self):
        cookies = b"".join(b"Cookie: other%d=%s\r\n" % (i, b"c" * 3000) for i in range(5))
        self.assertEqual(self.answer(b"GET /healthz", cookies), b"HTTP/1.1 200 OK")
        self.assertEqual(self.answer(b"GET /healthz?q=" + b"a" * 15500, b""), b"HTTP/1.1 200 OK")

    def test_nine_kilobytes_of_cookies_of_others_keep_nobody_out(self):
        host = urlsplit(self.connection.acs_url).hostname
        browser = Browser()  # sends them in one line, as browsers do
        browser.jar[host] = {
            (name, "/"): Cookie(name, "c" * 2990, "/", False, False, "none")
            for name in ("other1", "other2", "other3")
        }
        groups = tuple(f"group-{i}-{'g' * 60}" for i in range(60))
        self.assertSignedIn(self.log_in(browser, groups=groups + ("staff",)))

    def test_a_larger_one_is_refused_and_nobody_else_is_kept_out(self):
        cookies = b"".join(b"Cookie: other%d=%s\r\n" % (i, b"c" * 3000) for i in range(7))
        self.assertEqual(
            self.answer(b"GET /healthz", cookies), b"HTTP/1.1 431 Request Header Fields Too Large"
        )
        line = b"Cookie: other=%s\r\n" % (b"c" * 12000)
        self.assertEqual(
            self.answer(b"GET /healthz", line), b"HTTP/1.1 431 Request Header Fields Too Large"
        )
        self.assertEqual(
            self.answer(b"GET /healthz?q=" + b"a" * 21000, b""), b"HTTP/1.1 414 URI Too Long"
        )
        self.assertGoodLogin()


def is_closed(wire):
    """Did the gate hang up?"""
    wire.setblocking(False)
    try:
        return wire.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class BodyTest(GateCase):
    def test_bodies_that_never_end_fill_no_memory_and_keep_nobody_out(self):
        part = b"a" * 1000000
        head = b"POST /api/v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n"
        wires = []
        for _ in range(60):
            wire = socket.create_connection(("127.0.0.1", self.gate.port), timeout=WAIT_S)
            wires.append(wire)
            try:
                wire.sendall(head + part)
            except OSError:
                pass  # closed already
        self.assertGoodLogin()
        # Two MB each in the gate, while it collects: of the 64 MB for such some 32 fit.
        deadline = time.monotonic() + WAIT_S
        while sum(map(is_closed, wires)) <= 20 and time.monotonic() < deadline:
            time.sleep(0.1)
        closed = sum(map(is_closed, wires))
        self.assertGreater(closed, 20)
        self.assertLess(closed, 50)
        self.assertGoodLogin()
        for wire in wires:
            wire.close()


class FetchTest(unittest.TestCase):
    """A server that never answers, named as the address of metadata."""

    def test_slow_servers_of_others_never_hold_all_threads(self):
        gate = Gate(threads="4")  # of which two may fetch
        self.addCleanup(gate.stop)
        gate.start()
        gate.make_tenant(TENANT, [])
        gate.make_connection(TENANT, "acme-forged", ForgedIdp().fields)
        asked = threading.Semaphore(0)
        silent = socket.create_server(("127.0.0.1", 0), backlog=16)
        wires = []

        def listen():
            while len(wires) < 2:
                wires.append(silent.accept()[0])
                asked.release()

        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        path = "/api/v1/connections/acme-forged/idp"
        answers = []

        def put():
            answers.append(gate.call("PUT", path, {"metadata_url": url})[0])

        threads = [threading.Thread(target=work) for work in (listen, put, put)]
        for thread in threads:
            thread.start()
        self.assertTrue(asked.acquire(timeout=WAIT_S) and asked.acquire(timeout=WAIT_S))
        status, problem = gate.call("PUT", path, {"metadata_url": url})
        self.assertEqual((status, problem["reason"]), (503, "limit.queue"))
        again = "/api/v1/connections/acme-forged:refresh-metadata"
        status, problem = gate.call("POST", again, {})
        self.assertEqual((status, problem["reason"]), (503, "limit.queue"))
        self.assertEqual(gate.call("GET", "/healthz")[0], 200)
        silent.close()
        for wire in wires:
            wire.close()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [422, 422])
        self.assertEqual(gate.call("PUT", path, {"metadata_url": url})[0], 422)
