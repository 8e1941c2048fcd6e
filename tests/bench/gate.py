# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate of our own for one round: a fresh data directory, a free port on 127.0.0.1, and one tenant with one
connection that trusts the bench's provider, made through the API as any operator would.

It ends the gate and whatever the gate left behind by pid, also when the bench is interrupted; and should the bench
itself be killed, the kernel tells the gate to end.
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import time

import proctree
from tools import PREFIX, Trouble, pinned

START_SECONDS = 30
STOP_SECONDS = 15
LOG_TAIL = 3000
SLUG = "bench"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment():
    """Every setting of the gate has a twin in the environment, so what is meant for the bench must not get there."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}


class Gate:
    """with Gate(...) as gate: it serves, and has the connection."""

    def __init__(self, build, home, idp, core):
        self.program = os.path.join(build, "gatehouse")
        self.home, self.idp, self.core = home, idp, core
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.path = f"/saml/{SLUG}/acs"
        self.acs = self.base + self.path
        self.audience = f"{self.base}/saml/{SLUG}"
        self.log = os.path.join(home, "gate.log")
        self.process = None
        self.env = dict(clean_environment(), GATEHOUSE_PUBLIC_URL=self.base,
                        GATEHOUSE_LISTEN=f"127.0.0.1:{self.port}", GATEHOUSE_DATA_DIR=os.path.join(home, "data"))

    def __enter__(self):
        try:
            self._command("init")
            self._start()
            self._configure()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        """Starts it again after stop(); seconds until it was ready."""
        since = time.monotonic()
        self._start()
        return time.monotonic() - since

    def operator_token(self):
        return self._command("operator-token").split()[-1]

    def log_tail(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()[-LOG_TAIL:]
        except OSError:
            return "(no log)"

    def request(self, method, path, body=None, headers=None):
        """(status, [(name, value)], text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def _command(self, *words):
        done = subprocess.run([self.program, *words], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise Trouble(f"gatehouse {' '.join(words)} ended with {done.returncode}: "
                          f"{(done.stderr or done.stdout).strip()[-LOG_TAIL:]}")
        return done.stdout

    def _start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM"] + pinned(self.core, [self.program, "serve"]), env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Trouble(f"the gate ended with {self.process.returncode} at its start:\n{self.log_tail()}")
            try:
                if self.request("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise Trouble(f"the gate was not ready after {START_SECONDS} seconds:\n{self.log_tail()}")

    def _configure(self):
        token = self.operator_token()
        with open(os.path.join(self.idp, "idp-metadata.xml"), encoding="utf-8") as f:
            metadata = f.read()
        self._api(token, "POST", "/tenants", {"slug": SLUG, "name": "Bench", "domains": ["bench.example"]})
        self._api(token, "POST", f"/tenants/{SLUG}/connections", {"slug": SLUG})
        self._api(token, "PUT", f"/connections/{SLUG}/idp", {"metadata_xml": metadata})
        self._api(token, "PUT", f"/connections/{SLUG}/policy", {"unsolicited": True})
        self._api(token, "PUT", f"/connections/{SLUG}/rules",
                  {"rules": [{"match": "prefix", "value": PREFIX, "roles": ["admin"]}],
                   "default_role": "read_only", "mode": "authoritative"})

    def _api(self, token, method, path, body):
        status, _, text = self.request(method, "/api/v1" + path, json.dumps(body),
                                       {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        if not 200 <= status < 300:
            raise Trouble(f"{method} /api/v1{path}: expected 2xx, got {status}: {text.strip()[:LOG_TAIL]}")

    def stop(self):
        """Ends the gate; what is left of its tree after a while is killed. Never interrupted half-way."""
        if self.process is None:
            return
        held = {s: signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            # Taken before the root ends: its orphans could not be found afterwards.
            left = {p.pid: p for p in proctree.tree(self.pid)}
            if self.process.poll() is None:
                self.process.terminate()
            end = time.monotonic() + STOP_SECONDS
            while time.monotonic() < end and any(proctree.alive(p) for p in left.values()):
                self.process.poll()
                left.update((p.pid, p) for p in proctree.tree(self.pid))
                time.sleep(0.02)
            for p in left.values():
                if proctree.alive(p):
                    os.kill(p.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
        finally:
            for s, handler in held.items():
                signal.signal(s, handler)
