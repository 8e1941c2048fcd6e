#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of the commands: all test_*.py beside this file, or those that are named.

    tests/cli/test_cli.py                      all
    tests/cli/test_cli.py test_check           one file

GATEHOUSE_BUILD names the folder with the programs (default: build). Ends with `N passed, N failed`.
"""

import glob
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import case  # noqa: E402,F401  (puts the harness on the path)


class Result(unittest.TextTestResult):
    """Counts what passed; a test that was passed over counts as failed."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    names = sys.argv[1:] or [
        os.path.basename(path)[:-3]
        for path in sorted(glob.glob(os.path.join(HERE, "test_*.py")))
        if os.path.basename(path) != "test_cli.py"
    ]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.skipped)
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed or result.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
