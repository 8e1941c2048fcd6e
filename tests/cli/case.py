# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the commands share: a gate of the end-to-end harness, and how an ended command is judged.

Owns: running a command and checking its exit status and its sentence. Never: a test of its own.
"""

import json
import os
import sys
import unittest

E2E = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e")
sys.path.insert(0, E2E)
sys.dont_write_bytecode = True

import harness  # noqa: E402  (found by the path above)

DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3
COMMANDS = (
    "init",
    "serve",
    "operator-token",
    "tenant",
    "connection",
    "rule",
    "user",
    "role",
    "trace",
    "audit",
    "check",
    "metadata",
    "selftest",
)


class CommandCase(unittest.TestCase):
    """A class of tests with a data directory of its own: cls.gate, which serves when `serving`."""

    maxDiff = None
    serving = False

    @classmethod
    def setUpClass(cls):
        cls.gate = harness.Gate()
        cls.addClassCleanup(cls.gate.stop)
        cls.gate.must("init")
        if cls.serving:
            cls.gate.serve()

    def done(self, *arguments, stdin=None):
        """Runs a command that must succeed without a word on stderr; returns its output."""
        ended = self.gate.run(*arguments, stdin=stdin)
        self.assertEqual(ended.returncode, DONE, ended.stdout + ended.stderr)
        self.assertEqual(ended.stderr, "")
        return ended.stdout

    def data(self, *arguments, stdin=None):
        """As done(), with --json; returns the decoded output."""
        return json.loads(self.done(*arguments, "--json", stdin=stdin))

    def ends(self, status, *arguments, stdin=None, says=(), env=None):
        """Runs a command that must end with that status and say these words in plain sentences."""
        before = self.gate.env
        self.gate.env = {**before, **(env or {})}
        try:
            ended = self.gate.run(*arguments, stdin=stdin)
        finally:
            self.gate.env = before
        self.assertEqual(ended.returncode, status, ended.stdout + ended.stderr)
        self.assertTrue(ended.stderr.strip(), "it failed in silence")
        for line in ended.stderr.splitlines():
            self.assertTrue(line.startswith("gatehouse: "), ended.stderr)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, ended.stderr)
        return ended

    def usage(self, *arguments, says=()):
        return self.ends(USAGE, *arguments, says=says)

    def refused(self, *arguments, says=(), stdin=None):
        return self.ends(REFUSED, *arguments, says=says, stdin=stdin)

    def path(self, name):
        return os.path.join(self.gate.folder, name)

    def write(self, name, content):
        """A file in the gate's folder; returns its path."""
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(self.path(name), mode) as file:
            file.write(content)
        return self.path(name)
