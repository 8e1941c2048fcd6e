#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a login costs: CPU per login and logins per second per core, of a real gate with everything that it ships
with: durable commit, replay ledger, users, roles, audit and traces on; one core, no TLS.

Each round starts a fresh gate, proves that it accepts good logins and refuses bad ones, warms it up and posts unique,
freshly signed Responses over kept-alive connections. Counted is the CPU time of all its processes, user and kernel.
An RSA-2048 verification measured in the same round on the same core is the yardstick: a figure in verifications can
be compared between machines. Measures only; exits 1 when a login failed or a bad one passed, whatever the times.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True      # before the bench's own modules: the source tree stays clean

import proctree
import peers
from gate import Gate, clean_environment
from proof import prove
from tools import Tools, Trouble, find_tools

SETTLE_SECONDS = 0.25       # what the gate does after the last answer belongs to its cost

# key in a round, label, digits, which end is the better one
ROWS = (
    ("cpu_ms", "CPU per login, ms", 3, min),
    ("user_ms", "  of it user", 3, min),
    ("kernel_ms", "  of it kernel", 3, min),
    ("verifies", "CPU per login, in RSA-2048 verifications", 1, min),
    ("per_core", "logins per second per core (1 / CPU)", 0, max),
    ("rate", "logins per second, wall clock", 0, max),
    ("p50_ms", "p50, ms", 2, min),
    ("p99_ms", "p99, ms", 2, min),
    ("max_ms", "slowest, ms", 2, min),
    ("memory_before_mib", "memory before, MiB (RssAnon + RssShmem)", 1, min),
    ("memory_after_mib", "memory after, MiB", 1, min),
    ("verify_us", "one RSA-2048 verification, us", 1, min),
    ("others_percent", "others at work on the gate's core, %", 0, min),
)


def say(text):
    print(text, file=sys.stderr, flush=True)


def cores():
    """The gate's core and the client's: the first two that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1] if len(usable) > 1 else usable[0]


def filesystem(path):
    """What the data lie on: on a memory filesystem a durable commit costs nothing."""
    done = subprocess.run(["stat", "--file-system", "--format=%T", path], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def measure(gate, tools, bodies, options):
    """The figures of the measured phase, in seconds and counts, and whether all answers were right."""
    def load(skip, count):
        return tools.load(gate.port, gate.path, bodies, skip, count, options.conns, options.seconds, options.tokens)

    well = True
    if options.warm:
        _, well = load(0, options.warm)
        time.sleep(SETTLE_SECONDS)
    verify_us = tools.yardstick()
    user0, kernel0 = proctree.cpu_seconds(gate.pid)
    names0, busy0 = proctree.cpu_by_name(gate.pid), proctree.core_busy_seconds(tools.gate_core)
    found, all_right = load(options.warm, options.count)
    time.sleep(SETTLE_SECONDS)
    user1, kernel1 = proctree.cpu_seconds(gate.pid)
    names1, busy1 = proctree.cpu_by_name(gate.pid), proctree.core_busy_seconds(tools.gate_core)
    return found, well and all_right, {
        "user": user1 - user0, "kernel": kernel1 - kernel0, "busy": busy1 - busy0,
        "by_program": {name: names1[name] - names0.get(name, 0) for name in names1},
        "verify_us": (verify_us + tools.yardstick()) / 2,
    }


def figures(found, spent, memory):
    """One round as it is reported."""
    logins = max(1, found["ok"])
    cpu = spent["user"] + spent["kernel"]
    wall = found["wall_us"] / 1e6
    return {
        "sent": found["sent"], "ok": found["ok"], "failed": found["failed"], "wall_s": wall,
        "cpu_ms": 1e3 * cpu / logins, "user_ms": 1e3 * spent["user"] / logins,
        "kernel_ms": 1e3 * spent["kernel"] / logins,
        "by_program_ms": {name: 1e3 * seconds / logins for name, seconds in spent["by_program"].items()},
        "verify_us": spent["verify_us"], "verifies": 1e6 * cpu / logins / spent["verify_us"],
        "per_core": logins / cpu if cpu > 0 else 0.0, "rate": found["ok"] / wall if wall > 0 else 0.0,
        "p50_ms": found["p50_us"] / 1e3, "p99_ms": found["p99_us"] / 1e3, "max_ms": found["max_us"] / 1e3,
        "memory_before_mib": memory[0] / 2**20, "memory_after_mib": memory[1] / 2**20,
        "others_percent": 100 * max(0.0, spent["busy"] - cpu) / wall if wall > 0 else 0.0,
        "client_cpu_ms": found["client_cpu_us"] / 1e3 / logins, "reconnects": found["reconnects"],
    }


def one_round(number, tools, build, idps, options):
    """Starts, proves, measures and ends one gate."""
    title = f"round {number + 1} of {options.rounds}"
    say(f"{title}: starting a gate, proving that it looks")
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-", dir=options.dir) as home, \
            Gate(build, home, idps[0], tools.gate_core) as gate:
        proof = prove(gate, tools, *idps)
        if not all(row["right"] for row in proof):
            say(gate.log_tail())
            return {"proof": proof, "right": False}
        say(f"{title}: forging {options.warm + options.count} Responses")
        bodies = os.path.join(home, "bodies")
        tools.forge(idps[0], gate.acs, gate.audience, "--count", options.warm + options.count, "--out", bodies)
        before = proctree.memory_bytes(gate.pid)
        say(f"{title}: {options.warm} logins to warm up, {options.count} measured")
        found, right, spent = measure(gate, tools, bodies, options)
        result = figures(found, spent, (before, proctree.memory_bytes(gate.pid)))
        if not right:
            say(f"{title}: LOGINS FAILED: {found}\n{gate.log_tail()}")
        say(f"{title}: {result['ok']} of {options.count} right, {result['cpu_ms']:.3f} ms CPU per login, "
            f"{result['rate']:.0f} logins/s")
        return dict(result, proof=proof, right=right)


def measure_peers(number, tools, idp, options):
    """What a login costs with those of the others that are there, in this round: name -> ms of CPU."""
    found = {}
    for peer in peers.PEERS:
        if options.peer_count == 0 or not peer.is_there():
            continue
        say(f"round {number + 1} of {options.rounds}: {peer.name}, {options.peer_count} logins")
        with tempfile.TemporaryDirectory(prefix="gatehouse-peer-", dir=options.dir) as home, \
                peer(home, idp, tools.gate_core) as running:
            found[peer.name] = running.measure(tools, options.peer_count // 5 + 1, options.peer_count, options.conns)
            say(f"round {number + 1} of {options.rounds}: {peer.name} {found[peer.name]:.2f} ms CPU per login")
    return found


def summary(rounds):
    """key -> median, best and worst over the rounds."""
    result = {}
    for key, _, _, best in ROWS:
        values = [r[key] for r in rounds]
        worst = max if best is min else min
        result[key] = {"median": statistics.median(values), "best": best(values), "worst": worst(values)}
    programs = sorted({name for r in rounds for name in r["by_program_ms"]})
    ours = result["cpu_ms"]["median"]
    result["peers"] = {
        name: {"cpu_ms": statistics.median(r["peers"][name] for r in rounds),
               "times_ours": statistics.median(r["peers"][name] / r["cpu_ms"] for r in rounds if r["cpu_ms"] > 0)}
        for name in rounds[0].get("peers", {}) if ours > 0}
    result["by_program_ms"] = {name: statistics.median(r["by_program_ms"].get(name, 0.0) for r in rounds)
                               for name in programs}
    return result


def print_proof(proof, to):
    for row in proof:
        print(f"  {row['case']:<30} {row['got']}{'' if row['right'] else '   <-- WRONG'}", file=to)


def print_table(report):
    print(f"\n{report['about']}\n")
    print_proof(report["rounds"][-1]["proof"], sys.stdout)
    print(f"\n{'':<44}{'median':>10}{'best':>10}{'worst':>10}")
    for key, label, digits, _ in ROWS:
        row = report["summary"][key]
        print(f"{label:<44}" + "".join(f"{row[column]:>10.{digits}f}" for column in ("median", "best", "worst")))
        if key == "kernel_ms":
            for name, ms in report["summary"]["by_program_ms"].items():
                print(f"{'  of it in ' + name:<44}{ms:>10.3f}")
    for name, row in report["summary"]["peers"].items():
        print(f"\n{name + ', CPU per login, ms':<44}{row['cpu_ms']:>10.2f}\n{'  times ours, median of the rounds':<44}"
              f"{row['times_ours']:>10.1f}")
    if peers.missing():
        print(f"\nNot measured beside it: {', '.join(peers.missing())}. make bench PEERS=1 installs them.")
    failed = sum(r["failed"] for r in report["rounds"])
    sent = sum(r["sent"] for r in report["rounds"])
    print(f"\n{sent} logins posted, {failed} failed; every answer was checked.")


def describe(build, tools, options):
    """What is measured, in two lines."""
    program = os.path.join(build, "gatehouse")
    if not os.access(program, os.X_OK):
        raise Trouble(f"there is no {program}: build it first (make), or name its folder in GATEHOUSE_BUILD")
    done = subprocess.run([program, "--version"], env=clean_environment(), capture_output=True, text=True, check=False)
    version = (done.stdout.strip().splitlines() or ["gatehouse"])[0]
    answer = "JSON with an access token" if options.tokens else "session cookie"
    where = filesystem(options.dir)
    if where in ("tmpfs", "ramfs"):
        say(f"{options.dir} is in memory ({where}): commits cost nothing there; --dir names another place")
    return (f"{version}: {options.rounds} rounds of {options.count} logins ({options.warm} to warm up), each of "
            f"another person, {options.conns} connections,\nanswer: {answer}; gate on core {tools.gate_core}, client "
            f"on core {tools.client_core}, data on {where}")


def bounded(least, most):
    def number(text):
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"expected {least} to {most}, got '{text}'")
        return int(text)
    return number


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--count", type=bounded(1, 1000000), default=5000, help="measured logins in a round (5000)")
    parser.add_argument("--warm", type=bounded(0, 1000000), default=1000, help="logins before them (1000)")
    parser.add_argument("--conns", type=bounded(1, 4096), default=16, help="kept-alive connections (16)")
    parser.add_argument("--rounds", type=bounded(1, 100), default=3, help="each with a fresh gate (3)")
    parser.add_argument("--seconds", type=bounded(1, 3600), default=120, help="longest a phase may take (120)")
    parser.add_argument("--peer-count", type=bounded(0, 10000), default=1000,
                        help="logins with each of the others that are there, in a round; 0: none (1000)")
    parser.add_argument("--tokens", action="store_true", help="ask for the JSON answer with an access token")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON instead of the table")
    parser.add_argument("--dir", default="/var/tmp", help="where the data directories are made (/var/tmp)")
    return parser.parse_args(arguments)


def bench(options):
    """The report; 'right' in it says whether every login was answered as it should be."""
    build = os.path.abspath(os.environ.get("GATEHOUSE_BUILD", "build"))
    gate_core, client_core = cores()
    tools = Tools(find_tools(build), client_core, gate_core)
    report = {"about": describe(build, tools, options), "rounds": [], "right": True}
    with tempfile.TemporaryDirectory(prefix="gatehouse-idp-", dir=options.dir) as keys:
        idps = [os.path.join(keys, name) for name in ("idp", "foreign")]
        for idp in idps:
            tools.make_idp(idp)
        for number in range(options.rounds):
            result = one_round(number, tools, build, idps, options)
            result["peers"] = measure_peers(number, tools, idps[0], options) if result["right"] else {}
            report["rounds"].append(result)
            if not result["right"]:
                report["right"] = False
                if "cpu_ms" not in result:      # not proven: nothing was measured
                    print_proof(result["proof"], sys.stderr)
                    return report
    report["summary"] = summary(report["rounds"])
    return report


def main():
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        report = bench(options)
    except (Trouble, OSError, subprocess.SubprocessError) as trouble:
        say(f"bench: {trouble}")
        return 1
    except KeyboardInterrupt:
        say("bench: interrupted; the gate was ended")
        return 130
    if options.json:
        json.dump(report, sys.stdout, indent=1)
        print()
    elif "summary" in report:
        print_table(report)
    if not report["right"]:
        say("bench: FAILED, see above")
    return 0 if report["right"] else 1


if __name__ == "__main__":
    sys.exit(main())
