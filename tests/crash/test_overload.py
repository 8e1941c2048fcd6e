# SPDX-License-Identifier: GPL-3.0-or-later
"""More than a gate can do: what is too much is told so at once, the rest is as good as before, and so is the gate."""
import json
import os
import socket
import subprocess
import threading
import time

import harness
import proctree
from rig import ACS, FORM, Client, CrashCase, in_threads, wait_for

LEAST_OF_PEAK = 0.85    # of the lower of two peaks, before and after: the machine may be at work for others, too
P99_MOST = 20           # times the one at half load
ATTEMPTS = 5            # for the same reason
MEMORY_MOST_MIB = 400   # all processes; each of a thousand requests that wait holds tens of KB
CONNS = 4096
# A flood before that which is measured. Who has never had so many connections takes memory for them first, from the system, and a virtual
# machine from its host: that is what the peaks, of 64 connections, do not pay.
BEFORE_S = 2
PEOPLE_A_SECOND = 6000  # of the flood, in the store before: as many as it adds, so that it is not measured by what an empty store can do
ALONE, ALONE_S = 60, 0.005
IDLE = 2000


class OverloadTest(CrashCase):
    def flood(self, gate, rate, seconds, bodies):
        """What came of posting at this rate, whatever the gate does."""
        flood = os.path.join(os.path.dirname(self.shim_place(gate)), "crash", "flood")
        command = [flood, "--port", str(gate.port), "--path", ACS, "--bodies", bodies,
                   "--rate", str(int(rate)), "--seconds", str(seconds), "--conns", str(CONNS)]
        done = subprocess.run(self.pinned(command, -1), capture_output=True, text=True, timeout=seconds + 60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    @staticmethod
    def shim_place(gate):
        return os.path.realpath(gate.tools.place)

    def pinned(self, command, which):
        """On a core of its own where there are two, so that the one who asks does not starve who answers."""
        cores = sorted(os.sched_getaffinity(0))
        alone = len(cores) > 1 and not self.all_cores
        return ["taskset", "-c", str(cores[which]), *command] if alone else command

    def peak(self, gate, count=None):
        """As many at once as share a commit well, one after the other; for some time, as a flood goes on for some time."""
        count = count or (60000 if self.soak else 30000)
        numbers = gate.forge(count)
        found, right = gate.tools.load(gate.port, ACS, gate.file_of(numbers), 0, len(numbers), 64, max(60, count // 500), False)
        self.assertTrue(right, found)
        return found["rate"]

    def measure(self, gate, seconds):
        """Peak, half of it, too much, peak again; what came of it, and what was not as it should be."""
        first, memory = self.peak(gate), [proctree.memory_bytes(gate.pid)]
        half = self.flood(gate, first / 2, 3, gate.file_of(gate.forge(int(first * 1.6) + 100)))
        self.assertEqual(half["refused"], 0, half)
        pool = gate.file_of(gate.forge(int(first * BEFORE_S * 1.4)), "pool-before")
        before = self.flood_and_watch(gate, first * 3, BEFORE_S, pool, memory)
        peak = self.peak(gate)      # what it can do now, and three times of that is too much
        # On a machine that is at work for others the client may not get to offer that much: then it tries harder.
        for times in (3, 5, 8):
            pool = gate.file_of(gate.forge(int(peak * seconds * 1.4)), "pool")
            over = self.flood_and_watch(gate, peak * times, seconds, pool, memory)
            if over["refused"] > 0:
                break
            harness.say(f"# at {times}x nothing was refused; {over['held_back']} were held back by the client")
        back = wait_for("a quick login after the flood", lambda: self.is_quick(gate), 5)
        after = self.peak(gate)
        harness.say(f"# peaks {first:.0f}/s, {peak:.0f}/s and {after:.0f}/s, at half load p99 {half['p99_us'] / 1e3:.1f} ms; "
                    f"for {BEFORE_S} s before {before['rate']}/s, p99 {before['p99_us'] / 1e3:.1f} ms, at {times}x for {seconds} s: "
                    f"{over['rate']}/s, p50 {over['p50_us'] / 1e3:.1f} ms, p99 {over['p99_us'] / 1e3:.1f} ms, "
                    f"{over['refused']} refused with p50 {over['refused_p50_us'] / 1e3:.1f} ms, "
                    f"p99 {over['refused_p99_us'] / 1e3:.1f} ms, {over['held_back']} held back by the client; "
                    f"memory {memory[0] / 2**20:.1f} -> {max(memory) / 2**20:.1f} MiB; back after {back:.2f} s")
        self.assertGreater(over["refused"], 0)
        self.assertLess(max(memory), MEMORY_MOST_MIB << 20)
        self.assertLess(back, 2)
        return [text for text, wrong in (
            (f"{over['rate']}/s is under {LEAST_OF_PEAK} of the peak", over["rate"] < min(peak, after) * LEAST_OF_PEAK),
            (f"p99 {over['p99_us']} us is over {P99_MOST} times {half['p99_us']}",
             over["p99_us"] > half["p99_us"] * P99_MOST)) if wrong]

    def test_three_times_what_it_can_do_is_refused_at_once_and_harms_nothing(self):
        gate = self.rig(prefix=self.pinned([], 0))
        gate.set_up()
        seconds = 20 if self.soak else 6
        self.peak(gate, PEOPLE_A_SECOND * seconds)
        for _ in range(ATTEMPTS):
            wrong = self.measure(gate, seconds)
            if not wrong:
                break
            harness.say(f"# {', '.join(wrong)}")
        self.assertEqual(wrong, [])
        gate.end()

    def flood_and_watch(self, gate, rate, seconds, pool, memory):
        over = []
        flooding = threading.Thread(target=lambda: over.append(self.flood(gate, rate, seconds, pool)))
        flooding.start()
        while flooding.is_alive():
            memory.append(proctree.memory_bytes(gate.pid))
            time.sleep(0.2)
        flooding.join()
        self.assertTrue(over, "the flood failed")
        return over[0]

    def is_quick(self, gate):
        start = time.monotonic()
        status = gate.log_in(gate.forge(1)[0])[0]
        return status == 303 and time.monotonic() - start < 0.5


class IdleTest(CrashCase):
    """Who comes alone waits for nobody: neither for a group of writes to fill nor for a timer."""

    def one_sync(self, gate):
        """The median of what a write of a page takes to be durable where the gate has its data, in seconds."""
        took, path = [], os.path.join(gate.folder, "probe")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            for i in range(ALONE):
                os.pwrite(fd, b"x" * 4096, 4096 * i)
                began = time.monotonic()
                os.fdatasync(fd)
                took.append(time.monotonic() - began)
        finally:
            os.close(fd)
            os.unlink(path)
        return sorted(took)[ALONE // 2]

    def test_a_login_that_comes_alone_takes_under_five_milliseconds_and_a_sync(self):
        gate = self.rig()
        gate.set_up()
        client = Client(gate.port)
        for _ in range(ATTEMPTS):
            took = []
            for number in gate.forge(ALONE):
                began = time.monotonic()
                self.assertEqual(gate.log_in(number, client)[0], 303)
                took.append(time.monotonic() - began)
            took.sort()
            sync, good = self.one_sync(gate), took[ALONE // 4]     # the rest is what others did to the machine
            harness.say(f"# alone: best {took[0] * 1e3:.2f} ms, a quarter within {good * 1e3:.2f} ms, half within "
                        f"{took[ALONE // 2] * 1e3:.2f} ms; a sync {sync * 1e3:.2f} ms")
            if good < ALONE_S + sync:
                break
        self.assertLess(good, ALONE_S + sync)
        gate.end()


class SlowClientTest(CrashCase):
    def test_slow_half_open_idle_and_oversized_clients_do_not_hinder_logins(self):
        gate = self.rig()
        gate.set_up()
        self.assertEqual(gate.log_in(gate.forge(1)[0])[0], 303)
        memory = proctree.memory_bytes(gate.pid)
        head = (f"POST {ACS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM['Content-Type']}\r\n").encode()
        slow = [self.connect(gate) for _ in range(50)]
        for s in slow:
            s.sendall(head + b"Content-Length: 9000\r\n\r\n")
        half_open = [self.connect(gate) for _ in range(200)]
        for s in half_open[:100]:
            s.sendall(head[:20])
        idle = [self.connect(gate) for _ in range(IDLE)]
        for s in idle[:200]:        # kept alive after an answer
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b" 200 ", self.answer(idle[0]))
        end = time.monotonic() + (20 if self.soak else 3)
        numbers, took = list(gate.forge(3000)), []

        def post(_):
            client = Client(gate.port)
            while time.monotonic() < end and numbers:
                began = time.monotonic()
                self.assertEqual(gate.log_in(numbers.pop(), client)[0], 303)
                took.append(time.monotonic() - began)

        def drip(_):
            while time.monotonic() < end:
                for s in slow:
                    s.sendall(b"S")
                time.sleep(1)
        in_threads(5, lambda i: drip(i) if i == 4 else post(i))
        for status, request in (
                (413, b"Content-Length: 2000000\r\n\r\n" + b"a" * 2000000), (400, b"Content-Length: x\r\n\r\n"),
                (413, b"Transfer-Encoding: chunked\r\n\r\n" + 40 * (b"10000\r\n" + b"a" * 0x10000 + b"\r\n") + b"0\r\n\r\n"),
                (413, b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"),
                (0, b"X: " + b"a" * 100000 + b"\r\n\r\n")):
            with self.subTest(request=request[:60]):
                said = self.exchange(gate, head + request)
                if status == 413:
                    self.assertIn(b" 413 ", said[:20] or b"closed")
                else:
                    self.assertNotIn(b" 200 ", said[:20])
        used = (proctree.memory_bytes(gate.pid) - memory) / 2**20
        took.sort()
        harness.say(f"# beside {len(slow)} slow, {len(half_open)} half-open and {len(idle)} idle ones: {len(took)} "
                    f"logins, p99 {took[len(took) * 99 // 100] * 1e3:.1f} ms, {used:.1f} MiB more")
        self.assertGreater(len(took), 100)
        self.assertLess(took[len(took) * 99 // 100], 1)
        self.assertLess(used, MEMORY_MOST_MIB)
        self.assertEqual(gate.log_in(gate.forge(1)[0])[0], 303)
        for s in slow + half_open + idle:
            s.close()
        gate.end()

    def connect(self, gate):
        s = socket.create_connection(("127.0.0.1", gate.port), timeout=5)
        self.addCleanup(s.close)
        return s

    @staticmethod
    def answer(s):
        try:
            return s.recv(4096)
        except OSError:
            return b""

    def exchange(self, gate, request):
        s = self.connect(gate)
        try:
            s.sendall(request)
        except OSError:
            pass                    # it answered and closed before all was sent
        return self.answer(s)
