#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to say no: CPU of the thread that moves bytes, for each request that a gate with a full queue refuses, beside
what a program that only reads and answers pays for the same requests (`bare`), in turn. The gate's workers are stopped, so
that its queue fills and stays full. Exits 1 when a refusal costs more than MOST times as much, or when not all were refused.

    tests/bench/refusal.py [--rounds N] [--rate N]

GATEHOUSE_BUILD names the folder with the programs (default: build). Asks from the last core, answers on the first.
"""
import argparse
import glob
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import gate as gates
import proctree
from tools import Tools, Trouble, find_tools, pinned

MOST = 2                # it is 1.2 to 1.4 on a quiet machine
SECONDS, BODIES, CONNS = 3, 11000, 4096
WORKER = "gatehouse-worke"      # as the kernel cuts it


def flood(place, core, port, path, bodies, rate):
    """How many were refused; what was accepted is a Trouble, for its cost would be counted, too."""
    command = [os.path.join(place, "..", "crash", "flood"), "--port", str(port), "--path", path, "--bodies", bodies,
               "--rate", str(rate), "--seconds", str(SECONDS), "--conns", str(CONNS)]
    done = subprocess.run(pinned(core, command), capture_output=True, text=True, timeout=SECONDS + 60, check=False)
    if done.returncode != 0:
        raise Trouble(f"flood: {done.stdout}{done.stderr}")
    found = json.loads(done.stdout)
    if found["refused"] < found["sent"] / 2 or found["ok"] > 0:
        raise Trouble(f"expected all but those in the queue to be refused, got {done.stdout}")
    return found["refused"]


def mover_us(pid):
    """CPU of the threads that move bytes, so far."""
    total = 0
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with open(f"{task}/comm", encoding="latin-1") as comm, open(f"{task}/schedstat", encoding="latin-1") as stat:
            total += int(stat.read().split()[0]) / 1000 if comm.read().strip() == "http-io" else 0
    return total


def of_gate(gate, place, core, bodies, rate):
    workers = [p.pid for p in proctree.tree(gate.pid) if p.name == WORKER]
    if not workers:
        raise Trouble("the gate has no workers that could be stopped")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        before = mover_us(gate.pid)
        refused = flood(place, core, gate.port, gate.path, bodies, rate)
        return (mover_us(gate.pid) - before) / refused
    finally:
        for pid in workers:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass            # the gate gave it up meanwhile


def of_bare(place, cores, path, bodies, rate):
    port = gates.free_port()
    command = pinned(cores[0], [os.path.join(place, "bare"), str(port), str(SECONDS + 2)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bare:
        time.sleep(0.3)
        flood(place, cores[1], port, path, bodies, rate)
        found = json.loads(bare.communicate(timeout=SECONDS + 30)[0])
    return found["cpu_us"] / found["answered"]


def measure(build, cores, rounds, rate):
    tools = Tools(find_tools(build), cores[1], cores[0])
    costs, bares = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="gatehouse-refusal-", dir="/var/tmp") as home:
            idp, bodies = os.path.join(home, "idp"), os.path.join(home, "bodies")
            tools.make_idp(idp)
            with gates.Gate(build, home, idp, cores[0]) as gate:
                tools.forge(idp, gate.acs, gate.audience, "--count", BODIES, "--out", bodies)
                costs.append(of_gate(gate, tools.place, cores[1], bodies, rate))
            bares.append(of_bare(tools.place, cores, gate.path, bodies, rate))
        print(f"a refusal {costs[-1]:.2f} us, the bare program {bares[-1]:.2f} us", flush=True)
    return statistics.median(costs), statistics.median(bares)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--rate", type=int, default=20000)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    cost, bare = measure(os.environ.get("GATEHOUSE_BUILD", "build"), (cores[0], cores[-1]), options.rounds, options.rate)
    print(f"a refusal costs {cost:.2f} us, {cost / bare:.2f} times what the bare program pays ({bare:.2f} us)")
    return 1 if cost > bare * MOST else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"refusal: {trouble}")
