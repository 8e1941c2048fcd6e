#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the end-to-end tests: all test_*.py of this folder, or those that are named.

    tests/e2e/run.py                    all
    tests/e2e/run.py test_forge         one file
    tests/e2e/run.py test_forge.ForgeTest.test_a_prefix_list_is_honoured_as_others_read_it

GATEHOUSE_BUILD names the folder with the programs (default: build). Prints one line a test, what
the programs printed when one fails, and at the end `N passed, N failed`; exits 1 if any failed.
A missing program or package is a failure. Nothing is ever passed over.
"""

import glob
import os
import sys
import time
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import harness  # noqa: E402  (found by the path above)


class Result(unittest.TestResult):
    """Counts, prints a line a test, and shows the programs' output with a failure."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.broken = False

    def stopTest(self, test):
        super().stopTest(test)
        took = time.monotonic() - self.began
        harness.say(f"{'not ok' if self.broken else 'ok'}  {_name(test)}  ({took:.1f} s)")
        self.passed += not self.broken
        harness.printed_since_last_time()

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._show(subtest, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._show(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._show(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.failures.append((test, reason))
        self.broken = True
        harness.say(f"{_name(test)} was passed over, which is a failure here: {reason}")

    def _show(self, test, error):
        self.broken = True
        harness.say(f"\nFAILED {_name(test)}\n{self._exc_info_to_string(error, _case(test))}")
        harness.say(harness.printed_since_last_time())

    @property
    def failed(self):
        return self.testsRun - self.passed + self.outside

    @property
    def outside(self):
        """Failures that belong to no test: a class that could not be set up, a file not loaded."""
        return sum(not isinstance(_case(test), unittest.TestCase) for test, _ in self.errors)


def _case(test):
    return getattr(test, "test_case", test)


def _name(test):
    return test.id() if hasattr(test, "id") else str(test)


def main():
    warnings.simplefilter("ignore", DeprecationWarning)
    files = sorted(glob.glob(os.path.join(HERE, "test_*.py")))
    names = sys.argv[1:] or [os.path.basename(path)[:-3] for path in files]
    names = [os.path.basename(name[:-3]) if name.endswith(".py") else name for name in names]
    loader = unittest.TestLoader()
    result = Result()
    began = time.monotonic()
    for name in names:
        harness.say(f"# {name}")
        loader.loadTestsFromName(name).run(result)
    took = time.monotonic() - began
    harness.say(f"# {took:.0f} s")
    print(f"{result.passed} passed, {result.failed} failed", flush=True)
    sys.exit(1 if result.failed or not result.passed else 0)


if __name__ == "__main__":
    main()
