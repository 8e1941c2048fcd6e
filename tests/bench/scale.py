# SPDX-License-Identifier: GPL-3.0-or-later
"""What grows with the store, and what does not: a gate with a million people, ten thousand connections and a million
live sessions beside one with an empty store, asked in turn in the same run. Prints a table with the goals.

make bench SCALE=1, or SCALE_USERS=20000 for a quick look. Exits 1 when an answer was wrong, whatever the figures.
"""
import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import proctree
from gate import Gate
from proof import prove
from tools import Tools, Trouble, find_tools

SETTLE_SECONDS = 0.25
NEW, KNOWN = 50_000_000, 60_000_000     # numbers of persons that populate does not make; its own are even
WARM_ROUNDS = 3     # of logins that are not measured: a gate at work has touched its store
READ_BYTES = 1 << 20


def say(text):
    print(text, file=sys.stderr, flush=True)


class Table:
    """Rows of what was measured, the goal, and whether it is met."""

    def __init__(self):
        self.rows = []

    def add(self, what, got, goal=None, met=None):
        self.rows.append({"what": what, "got": got, "goal": goal, "met": met})
        say(f"  {what}: {got}")

    def show(self):
        print(f"\n{'':<58}{'measured':>22}  goal")
        for row in self.rows:
            mark = "" if row["met"] is None else "  met" if row["met"] else "  MISSED"
            print(f"{row['what']:<58}{row['got']:>22}  {row['goal'] or '':<12}{mark}")


class Side:
    """One gate and the bodies that are posted to it."""

    def __init__(self, gate, tools, idp, folder):
        self.gate, self.tools, self.idp, self.folder = gate, tools, idp, folder
        self.cpu = {}

    def bring_in(self):
        """Into the kernel's memory, what it gave back of the store meanwhile: what is measured is CPU, not the disk."""
        with open(os.path.join(self.gate.home, "data", "store.mdb"), "rb") as store:
            while store.read(READ_BYTES):
                pass

    def forge(self, name, people):
        """A file with a body for each of these persons, by number."""
        path = os.path.join(self.folder, name)
        numbers = write_lines(self.folder, f"{name}.people", [str(number) for number in people])
        self.tools.forge(self.idp, self.gate.acs, self.gate.audience, "--people", numbers, "--out", path)
        return path

    def logins(self, kind, people):
        """Posts them; adds what a login cost to the list of its kind, in ms of CPU."""
        count = len(people)
        bodies = self.forge(kind, people)
        self.bring_in()
        user0, kernel0 = proctree.cpu_seconds(self.gate.pid)
        found, right = self.tools.load(self.gate.port, self.gate.path, bodies, 0, count, 16, 120, False)
        time.sleep(SETTLE_SECONDS)
        user1, kernel1 = proctree.cpu_seconds(self.gate.pid)
        os.unlink(bodies)
        if not right:
            raise Trouble(f"logins failed: {found}\n{self.gate.log_tail()}")
        self.cpu.setdefault(kind, []).append(1000 * (user1 - user0 + kernel1 - kernel0) / count)


LOGINS = (      # kind, what it is, goal
    ("known", "login of a known person, from anywhere", 1.25),
    ("new", "first login of a person, addresses in order", 1.25),
    ("new anywhere", "first login, address anywhere in the alphabet", None),
)


def compare_logins(table, empty, full, options):
    """New people and known ones, on the two gates in turn."""
    chunk = options.chunk
    rng = random.Random(1)

    def anywhere():     # those of populate that are active
        return [2 * number for number in rng.choices(range(options.users // 5 * 4), k=chunk)]

    def people(kind, number, side):
        if kind == "known":
            return range(KNOWN, KNOWN + chunk) if side is empty else anywhere()
        if kind == "new":
            return range(NEW + number * chunk, NEW + (number + 1) * chunk)
        return [2 * person + 1 for person in between[number * chunk:(number + 1) * chunk]]

    between = rng.sample(range(options.users), min(options.users, options.rounds * chunk))
    for _ in range(WARM_ROUNDS):
        empty.logins("warm", range(KNOWN, KNOWN + chunk))
        full.logins("warm", anywhere())
    for number in range(options.rounds):
        for side in (empty, full) if number % 2 == 0 else (full, empty):
            for kind, _, _ in LOGINS:
                side.logins(kind, people(kind, number, side))
    for kind, title, goal in LOGINS:
        ratios = [f / e for e, f in zip(empty.cpu[kind], full.cpu[kind])]
        ratio = statistics.median(ratios)
        table.add(f"CPU per {title}, empty store", f"{statistics.median(empty.cpu[kind]):.3f} ms")
        table.add("  this store", f"{statistics.median(full.cpu[kind]):.3f} ms")
        table.add("  ratio (median of the rounds)", f"{ratio:.2f}", f"{goal}" if goal else None,
                  ratio <= goal if goal else None)


def write_lines(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)
    return path


def measure_lists(table, gate, tools, folder, users):
    """Pages of the million by filter and order; one connection, so that a time is one answer's."""
    token = gate.operator_token()
    one = f"person{users // 2 * 2:08d}"
    # Some is what is asked for, most of it by name of what stands in the store.
    for title, query in (
            ("first page", ""), ("by name, descending", "sort=-name"), ("by e-mail", "sort=email"),
            ("by last visit, newest first", "sort=-last_visit"), ("by status", "sort=status"),
            ("locked, by name", "status=locked&sort=name"), ("disabled, by last visit", "status=disabled&sort=last_visit"),
            ("a rare role (0.02 %), by name", "role=compliance&sort=name"),
            ("a role of 1 %, by last visit", "role=audiences_only&sort=-last_visit"),
            ("a common role, active, by e-mail", "role=user&status=active&sort=email"),
            ("search: one person", f"q={one}"), ("search: part of a name, by name", f"q=-{users // 3 // 2 * 2}&sort=name"),
            ("search: many, by e-mail", "q=bench.example&sort=email"), ("search: nobody", "q=zzyzx"),
            ("search: some of a role", f"q=n{users // 1000}&role=read_only")):
        path = f"/api/v1/tenants/bench/users?{query}"
        requests = write_lines(folder, "lists", [f"GET\t{path}\tAuthorization: Bearer {token}"])
        tools.ask(gate.port, requests, 5, 1, '"items"')
        found = tools.ask(gate.port, requests, 60, 1, '"items"')
        p50 = found["p50_us"] / 1000
        table.add(f"users, {title}", f"{p50:.1f} ms", "5 ms", p50 < 5)


def cpu_of(gate, tools, requests, count, must):
    """Microseconds of CPU for one answer, all processes."""
    tools.ask(gate.port, requests, max(1, count // 10), 16, must)
    before = sum(proctree.cpu_seconds(gate.pid))
    found = tools.ask(gate.port, requests, count, 16, must)
    return 1e6 * (sum(proctree.cpu_seconds(gate.pid)) - before) / count, found


def measure_tokens(table, gate, tools, cookies, side, folder, options):
    """Session look-ups and introspection, and what one costs."""
    with open(cookies, encoding="ascii") as f:
        lines = [f"GET\t/session\tCookie: __Host-gatehouse={line.strip()}" for line in f]
    count = options.asks
    cpu, found = cpu_of(gate, tools, write_lines(folder, "sessions", lines), count, '"session_id"')
    table.add("GET /session, per second per core (1 / CPU)", f"{1e6 / cpu:.0f}", "20000", cpu <= 50)
    table.add("  CPU of one; answers per second, wall clock", f"{cpu:.0f} us; {1e6 * count / found['wall_us']:.0f}")
    tokens = []
    for number in range(50):
        body = tools.forge(side.idp, gate.acs, gate.audience, "--first", 70_000_000 + number).strip()
        answer = json.loads(gate.request("POST", gate.path, body, {
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"})[2])
        tokens.append(answer["access_token"])
    head = "POST\t/oauth2/introspect\tContent-Type: application/x-www-form-urlencoded"
    lines = [f"{head}\tAuthorization: Bearer {t}\t=token={t}" for t in tokens]
    cpu, found = cpu_of(gate, tools, write_lines(folder, "own", lines), count, '"active":true')
    table.add("introspection, per second per core (1 / CPU)", f"{1e6 / cpu:.0f}", "20000", cpu <= 50)
    table.add("  CPU of one; answers per second, wall clock", f"{cpu:.0f} us; {1e6 * count / found['wall_us']:.0f}")


def measure_sweep(table, gate, tools, options):
    found = tools.populate(os.path.join(gate.home, "data"), "--sweep", options.sweeps)
    held = {name: us / 1000 for name, us in found["held_us"].items()}
    table.add(f"sweep of what expired, p99 of {found['steps']} steps", f"{held['p99']:.1f} ms", "5 ms", held["p99"] < 5)
    table.add("  rows in a step; p50, longest",
              f"{found['rows'] / found['steps']:.0f}; {held['p50']:.1f}, {held['max']:.1f} ms")
    table.add("  with commit and sync; a small write beside it, p50", "{:.1f}; {:.1f} ms".format(
        found["write_us"]["p50"] / 1000, found["small_write_us"]["p50"] / 1000))


def store_mib(gate):
    return os.stat(os.path.join(gate.home, "data", "store.mdb")).st_blocks * 512 / 2**20


def memory(table, gate, when):
    mib = proctree.memory_bytes(gate.pid) / 2**20
    table.add(f"memory of all processes {when} (RssAnon + RssShmem)", f"{mib:.1f} MiB", "96 MB",
              mib * 2**20 < 96e6)


def bench(options, table):
    build = os.path.abspath(os.environ.get("GATEHOUSE_BUILD", "build"))
    usable = sorted(os.sched_getaffinity(0))
    tools = Tools(find_tools(build), usable[-1], usable[0])
    with tempfile.TemporaryDirectory(prefix="gatehouse-scale-", dir=options.dir) as home:
        folders = {name: os.path.join(home, name) for name in ("idp", "foreign", "empty", "full", "work")}
        for folder in folders.values():
            os.mkdir(folder)
        for name in ("idp", "foreign"):
            tools.make_idp(folders[name])
        cookies = os.path.join(home, "cookies")
        with Gate(build, folders["full"], folders["idp"], tools.gate_core) as full_gate:
            full_gate.stop()
            since = time.monotonic()
            tools.populate(os.path.join(full_gate.home, "data"), "--tenants", options.connections - 1, "--users",
                           options.users, "--cookies", cookies, "--cookie-count", min(options.users // 5 * 4, 5000))
            table.add("store built in", f"{time.monotonic() - since:.0f} s")
            table.add("store on disk", f"{store_mib(full_gate):.0f} MiB")
            started = full_gate.start()
            table.add("start until ready", f"{started:.2f} s", "1 s", started < 1)
            proof = prove(full_gate, tools, folders["idp"], folders["foreign"])
            for row in proof:
                if not row["right"]:
                    raise Trouble(f"{row['case']}: {row['got']}")
            memory(table, full_gate, "after the start")
            measure_lists(table, full_gate, tools, folders["work"], options.users)
            with Gate(build, folders["empty"], folders["idp"], tools.gate_core) as empty_gate:
                empty = Side(empty_gate, tools, folders["idp"], folders["work"])
                full = Side(full_gate, tools, folders["idp"], folders["work"])
                compare_logins(table, empty, full, options)
            measure_tokens(table, full_gate, tools, cookies, full, folders["work"], options)
            memory(table, full_gate, "after all that")
            full_gate.stop()
            measure_sweep(table, full_gate, tools, options)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--users", type=int, default=1_000_000, help="people, each with a live session (1000000)")
    parser.add_argument("--connections", type=int, default=0, help="in tenants of their own (users / 100)")
    parser.add_argument("--rounds", type=int, default=5, help="of logins on both gates (5)")
    parser.add_argument("--chunk", type=int, default=3000, help="logins at once: CPU is told in hundredths of a second (3000)")
    parser.add_argument("--asks", type=int, default=20000, help="session look-ups and introspections (20000)")
    parser.add_argument("--sweeps", type=int, default=200, help="steps of the sweeper (200)")
    parser.add_argument("--dir", default="/var/tmp", help="where the stores are made (/var/tmp)")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    options = parser.parse_args(arguments)
    options.connections = options.connections or max(2, options.users // 100)
    return options


def main():
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    table = Table()
    say(f"{options.users} people with a live session each, {options.connections} connections, data on {options.dir}")
    try:
        bench(options, table)
    except (Trouble, OSError, subprocess.SubprocessError) as trouble:
        say(f"bench: {trouble}")
        return 1
    if options.json:
        json.dump(table.rows, sys.stdout, indent=1)
        print()
    else:
        table.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
