# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench's own programs (forge, load, yardstick) as functions, and where they are.

They are built by make beside the unit tests; GATEHOUSE_BENCH_TOOLS names another folder. A failure of one of them
is a Trouble with its own words; only `load` may answer that logins failed, since that is what it is for.
"""
import json
import os
import subprocess
from dataclasses import dataclass

PREFIX = "bench-unit-03-"       # the group that forge puts into each message and the rules know
NAMES = ("forge", "load", "yardstick", "ask", "populate")


class Trouble(Exception):
    """The bench cannot go on; the text says why."""


def find_tools(build):
    """The folder that has all of them."""
    named = os.environ.get("GATEHOUSE_BENCH_TOOLS")
    places = [named] if named else [os.path.join(build, mode, "tests", "bench") for mode in ("", "release", "dev")]
    for place in places:
        if all(os.access(os.path.join(place, name), os.X_OK) for name in NAMES):
            return place
    raise Trouble(f"no {', '.join(NAMES)} in {' or '.join(places)}: build them first (make bench does)")


def pinned(core, command):
    return command if core is None else ["taskset", "-c", str(core)] + command


@dataclass(frozen=True)
class Tools:
    place: str
    client_core: int | None = None
    gate_core: int | None = None

    def _command(self, name, *arguments):
        return [os.path.join(self.place, name), *(str(a) for a in arguments)]

    def _run(self, command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"{os.path.basename(command[0])}: {done.stderr.strip()}")
        return done.stdout

    def make_idp(self, folder):
        """A provider of its own: idp.key, idp.crt and idp-metadata.xml in `folder`."""
        self._run(self._command("forge", "--make-idp", folder))

    def forge(self, idp, acs, audience, *options):
        """The bodies as text, or '' when the options name a file."""
        return self._run(self._command("forge", "--idp", idp, "--acs", acs, "--audience", audience, *options))

    def yardstick(self):
        """Microseconds of CPU for one RSA-2048 verification, now, on the gate's core."""
        return json.loads(self._run(pinned(self.gate_core, self._command("yardstick"))))["verify_ns"] / 1000

    def populate(self, data, *options):
        """Fills the store of a gate that is stopped, or measures its sweeper; shows its progress."""
        command = self._command("populate", "--data", data, *options)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"populate ended with {done.returncode}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def ask(self, port, requests, count, conns, must):
        """What ask found: each request of the file answered 200 with `must` in it, or it is a Trouble."""
        command = self._command("ask", "--port", port, "--requests", requests, "--count", count, "--conns", conns,
                                "--must", must)
        return json.loads(self._run(pinned(self.client_core, command)))

    def load(self, port, path, bodies, skip, count, conns, seconds, as_json, *more):
        """What load found, and whether every answer was right."""
        options = [*(["--json"] if as_json else []), *(str(word) for word in more)]
        command = self._command("load", "--port", port, "--path", path, "--bodies", bodies, "--skip", skip,
                                "--count", count, "--conns", conns, "--seconds", seconds, *options)
        try:
            done = subprocess.run(pinned(self.client_core, command), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, text=True, timeout=seconds + 30, check=False)
        except subprocess.TimeoutExpired:
            raise Trouble(f"load did not end by itself after {seconds + 30} seconds") from None
        if done.returncode not in (0, 1) or not done.stdout:
            raise Trouble(f"load gave no result (status {done.returncode})")
        return json.loads(done.stdout), done.returncode == 0
