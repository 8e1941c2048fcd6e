#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-check of what measures a real gate: the store of many people on a small scale, the load generator for what is asked
often, and the service providers of others, where their packages are there. Prints `N passed, N failed`.
"""
import contextlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True

import peers
from test_bench import HERE, TESTS, TOOLS, equal, main, providers, test

TESTS.clear()       # those of test_bench.py run by themselves


# ---- many people, on a real gate -----------------------------------------------------------------

@test
def what_grows_with_the_store_is_measured_on_a_small_one():
    done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "scale.py"), "--users", "2600", "--connections", "12",
                           "--rounds", "1", "--chunk", "600", "--asks", "4000", "--sweeps", "10", "--json"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {row["what"]: row for row in json.loads(done.stdout)}
    for what in ("store built in", "start until ready", "users, search: nobody", "users, by name, descending",
                 "GET /session, per second per core (1 / CPU)", "introspection, per second per core (1 / CPU)",
                 "memory of all processes after all that (RssAnon + RssShmem)"):
        assert what in rows, (what, sorted(rows))
    ratios = [row for what, row in rows.items() if what.startswith("  ratio")]
    assert ratios and all(float(row["got"]) > 0 for row in ratios), ratios
    assert any(what.startswith("sweep of what expired") for what in rows)


@contextlib.contextmanager
def requests_file(*lines):
    with tempfile.NamedTemporaryFile("w", suffix=".requests", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines))
        f.flush()
        yield f.name


@test
def ask_sends_what_the_file_says_and_finds_wrong_answers():
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        seen = []

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            Handler.seen.append((self.command, self.path, self.headers.get("X-One"), body))
            text = b'{"yes":1}' if self.path != "/empty" else b"{}"
            self.send_response(401 if self.path == "/no" else 200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def ask(*lines):
        with requests_file(*lines) as path:
            return subprocess.run([os.path.join(TOOLS.place, "ask"), "--port", str(server.server_address[1]), "--requests",
                                   path, "--count", "6", "--conns", "2", "--must", "yes"],
                                  capture_output=True, text=True, check=False)
    try:
        good = ask("GET\t/a\tX-One: 1", "POST\t/b\tX-One: 2\t=a=b&c=d")
        equal(good.returncode, 0, good.stderr)
        equal(json.loads(good.stdout)["ok"], 6)
        equal(sorted(Handler.seen), [("GET", "/a", "1", b"")] * 3 + [("POST", "/b", "2", b"a=b&c=d")] * 3)
        for line, why in (("GET\t/no", "its status"), ("GET\t/empty", "lacks what it must hold")):
            bad = ask("GET\t/a", line)
            equal((bad.returncode, json.loads(bad.stdout)["failed"]), (1, 3))
            assert why in bad.stderr, bad.stderr
    finally:
        server.shutdown()
        server.server_close()


@test
def the_others_that_are_there_take_good_logins_and_refuse_bad_ones():
    there = [peer for peer in peers.PEERS if peer.is_there()]
    equal(sorted([peer.name for peer in there] + peers.missing()), ["Shibboleth SP", "mod_auth_mellon"])
    for peer in there:
        with providers() as (idp, _), tempfile.TemporaryDirectory(dir="/var/tmp") as home, peer(home, idp, None) as running:
            assert 0 <= running.measure(TOOLS, 2, 20, 4) < 1000     # it proves itself first


if __name__ == "__main__":
    sys.exit(main())
