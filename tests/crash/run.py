#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks what a gate stands on, from outside and on the shipped program, and checks that nothing acknowledged is lost.

    tests/crash/run.py [--rounds N] [--soak] [--seed N] [test_kill ...]

GATEHOUSE_BUILD names the folder with the programs (default: build). Prints one line a test and `N passed, N failed`.
"""
import argparse
import glob
import importlib.util
import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import rig      # noqa: E402  (found by the path above)
import harness  # noqa: E402  (rig has put its folder into the path)


def e2e_runner():
    """The runner of tests/e2e, which has the name that this file has."""
    place = os.path.join(HERE, "..", "e2e", "run.py")
    spec = importlib.util.spec_from_file_location("e2e_run", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, help="kills of the gate (50, with --soak 500)")
    parser.add_argument("--soak", action="store_true", help="everything for longer")
    parser.add_argument("--all-cores", action="store_true",
                        help="of overload: the gate and who asks may use all cores, and not one each")
    parser.add_argument("--seed", type=int, help="of what is random; another one each time, and printed")
    parser.add_argument("names", nargs="*", help="test files, or tests of them")
    options = parser.parse_args()
    rig.CrashCase.soak = options.soak
    rig.CrashCase.all_cores = options.all_cores
    rig.CrashCase.rounds = options.rounds or (500 if options.soak else 50)
    rig.CrashCase.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    harness.say(f"# seed {rig.CrashCase.seed}")
    names = options.names or [os.path.basename(path)[:-3] for path in sorted(glob.glob(os.path.join(HERE, "test_*.py")))]
    result = e2e_runner().Result()
    for name in names:
        harness.say(f"# {name}")
        unittest.TestLoader().loadTestsFromName(name).run(result)
    print(f"{result.passed} passed, {result.failed} failed", flush=True)
    sys.exit(1 if result.failed or not result.passed else 0)


if __name__ == "__main__":
    main()
