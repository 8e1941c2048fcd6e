# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the wire below the doors: where a request ends.

Owns: requests written by hand, byte by byte. Never: what a request means.
"""

import socket

from case import GateCase

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
