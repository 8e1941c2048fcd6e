#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the instructions of a login go: the shipped gate under callgrind, step by step, without the kernel and the
workers (which valgrind cannot enter), and how often it asks for memory. With one request thread and one connection, then
with two of each: exits 1 when a login takes more than 1.1 times as many with two, when it asks for memory more often than
ALLOCATIONS_MOST, when a step is not found, or when a login failed.

    tests/bench/budget.py [--count N]

GATEHOUSE_BUILD names the folder with the programs (default: build). Needs valgrind.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import gate as gates
from tools import Tools, Trouble, find_tools

WARM = 100
MOST_OF_TWO = 1.1
ALLOCATIONS_MOST = 120

# What a step is called, and the function whose inclusive cost it is. A step that stands within another is indented.
STEPS = (
    ("request thread: all of it", "run_jobs"),
    ("  form and base64", "binding_post"),
    ("  to a worker and back, the answer copied", "pool_canonicalise"),
    ("  the verdict: SignedInfo, RSA, digest, root", "verdict_explained"),
    ("    of it the signature", "try_keys"),
    ("  the Assertion read", "statement_assertion"),
    ("  the rules, each a row of the trace", "rules_check"),
    ("  log line", "log_event"),
    ("committer: all of it", "commit_loop"),
    ("  checks in the transaction", "login_check_all"),
    ("  what is written", "login_write_all"),
    ("    of it the audit rows", "audit_write"),
    ("    of it the trace", "trace_put"),
    ("  the journal", "engine_sync"),
    ("  the tree's commits", "engine_flush"),
)
ALLOCATORS = ("malloc", "calloc", "realloc")


def calls_of(path):
    """Of the functions in a callgrind file, name -> how often it was called, and what these calls cost with all that they
    call: callgrind_annotate tells that apart by the names under which the compiler knew a file."""
    names, counts, costs, caller, callee, counted = {}, {}, {}, None, None, False
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith(("cfn=", "fn=")):
                number, _, name = line.split("=", 1)[1].strip().partition(" ")
                if name:
                    names[number] = re.sub(r"\.\w+(\.\d+)?$", "", name)
                if line[0] == "c":
                    callee = names.get(number)
                else:
                    caller = names.get(number)
            elif line.startswith("calls=") and callee is not None:
                counts[callee] = counts.get(callee, 0) + int(line[6:].split()[0])
                counted = True
            elif counted:
                if caller.split("'")[0] != callee.split("'")[0]:
                    costs[callee] = costs.get(callee, 0) + int(line.split()[1])
                counted = False
    return counts, costs


class CallgrindGate(gates.Gate):
    """A gate under callgrind, which counts nothing until it is told."""

    def __init__(self, build, home, idp, threads):
        super().__init__(build, home, idp, None)
        self.out = os.path.join(home, "callgrind.out")
        self.env["GATEHOUSE_THREADS"] = str(threads)

    def count(self, on):
        subprocess.run(["callgrind_control", "-i", "on" if on else "off", str(self.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(build, tools, count, threads):
    """(instructions of a login, function -> its inclusive share of them, how often it asks for memory)"""
    with tempfile.TemporaryDirectory(prefix="gatehouse-budget-", dir="/var/tmp") as home:
        idp, bodies = os.path.join(home, "idp"), os.path.join(home, "bodies")
        tools.make_idp(idp)
        gate = CallgrindGate(build, home, idp, threads)
        pinned, gates.pinned = gates.pinned, lambda _, command: [
            "valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={gate.out}", "-q", *command]
        start, gates.START_SECONDS, stop, gates.STOP_SECONDS = gates.START_SECONDS, 120, gates.STOP_SECONDS, 120
        try:
            with gate:
                tools.forge(idp, gate.acs, gate.audience, "--count", WARM + count, "--out", bodies)
                for skip, number in ((0, WARM), (WARM, count)):
                    gate.count(skip > 0)
                    found, right = tools.load(gate.port, gate.path, bodies, skip, number, threads, 600, False)
                    time.sleep(0.3)
                    if not right:
                        raise Trouble(f"logins failed: {found}\n{gate.log_tail()}")
                gate.count(False)
        finally:
            gates.pinned, gates.START_SECONDS, gates.STOP_SECONDS = pinned, start, stop
        text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", gate.out], check=True,
                              capture_output=True, text=True).stdout
        calls, called = calls_of(gate.out)
    total = int(re.search(r"^([\d,]+) .*PROGRAM TOTALS", text, re.M).group(1).replace(",", ""))
    costs = {}
    for number, name in re.findall(r"^ *([\d,]+) .*?:(\w+)(?:\.[\w.]+)?(?:'2)? \[", text, re.M):
        costs[name] = max(costs.get(name, 0), called.get(name, 0), int(number.replace(",", "")))
    asked = sum(number for name, number in calls.items() if name.split("'")[0] in ALLOCATORS)
    return total / count, {name: cost / count for name, cost in costs.items()}, asked / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=300, help="logins that are counted, each time (300)")
    options = parser.parse_args()
    build = os.path.abspath(os.environ.get("GATEHOUSE_BUILD", "build"))
    try:
        tools = Tools(find_tools(build))
        one, costs, asked = measure(build, tools, options.count, 1)
        two, _, _ = measure(build, tools, options.count, 2)
    except (Trouble, OSError, subprocess.SubprocessError) as trouble:
        print(f"budget: {trouble}", file=sys.stderr)
        return 1
    print(f"{'instructions of a login':<56}{one:>12,.0f}")
    for label, name in STEPS:
        print(f"{label:<56}{costs.get(name, 0):>12,.0f}")
    rest = one - costs.get("run_jobs", 0) - costs.get("commit_loop", 0)
    print(f"{'HTTP: the rest':<56}{rest:>12,.0f}")
    print(f"{'with two threads and two connections':<56}{two:>12,.0f}  ({two / one:.2f} times)")
    print(f"{'asks for memory: malloc, calloc, realloc':<56}{asked:>12,.0f}")
    lost = [label.strip() for label, name in STEPS if costs.get(name, 0) == 0]
    if lost:
        print(f"budget: no such function any more: {', '.join(lost)}", file=sys.stderr)
    return 0 if two <= MOST_OF_TWO * one and 0 < asked <= ALLOCATIONS_MOST and not lost else 1


if __name__ == "__main__":
    sys.exit(main())
