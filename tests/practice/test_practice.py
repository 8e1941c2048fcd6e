#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice identity provider, seen by a service provider that this test plays.

Run: GATEHOUSE_BUILD=build /usr/bin/python3 tests/practice/test_practice.py [Class[.test]]
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import case_answers  # noqa: E402
import case_logout  # noqa: E402
import case_program  # noqa: E402
import case_signin  # noqa: E402
import parties  # noqa: E402

MODULES = (case_signin, case_answers, case_logout, case_program)


def chosen(names):
    """All cases, or those of the classes and methods that were named."""
    load = unittest.defaultTestLoader
    if not names:
        return unittest.TestSuite(load.loadTestsFromModule(module) for module in MODULES)
    owners = {
        name.split(".")[0]: module
        for name in names
        for module in MODULES
        if hasattr(module, name.split(".")[0])
    }
    return unittest.TestSuite(
        load.loadTestsFromName(name, owners[name.split(".")[0]]) for name in names
    )


def main():
    try:
        parties.open_all()
        result = unittest.TextTestRunner(verbosity=1).run(chosen(sys.argv[1:]))
    finally:
        parties.close_all()
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    return 1 if failed or result.testsRun == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
