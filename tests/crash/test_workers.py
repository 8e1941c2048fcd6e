# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers and their spawner killed under load: a login succeeds or says worker.failed; it never hangs nor crosses."""
import os
import random
import signal
import threading
import time

import harness
from rig import ANSWER_S, Client, CrashCase, in_threads, person, wait_for

CLIENTS = 12
EVERY_S = 0.05


def kill_one(gate, process, parent):
    """Only if it still is a child of that parent: its number cannot be another's then."""
    if any(p.pid == process.pid and p.started == process.started for p in gate.processes(parent)):
        os.kill(process.pid, signal.SIGKILL)
        return 1
    return 0


class WorkerTest(CrashCase):
    def test_a_worker_killed_every_50_ms_costs_its_login_and_crosses_none(self):
        chance = random.Random(self.seed)
        gate = self.rig()
        gate.set_up()
        numbers = list(gate.forge(20000 if self.soak else 5000))
        end = time.monotonic() + (20 if self.soak else 3)
        took, refused = [], []
        lock = threading.Lock()

        def post(_):
            client = Client(gate.port)
            while time.monotonic() < end and numbers:
                number = numbers.pop()
                began = time.monotonic()
                status, reason, answer = gate.log_in(number, client, as_json=True)
                with lock:
                    took.append(time.monotonic() - began)
                    if status == 200:
                        self.assertEqual(answer["user"]["name_id"], person(number), "a login got another's answer")
                    else:
                        self.assertEqual((status, reason), (503, "worker.failed"))
                        refused.append(number)

        killed = 0
        posting = threading.Thread(target=in_threads, args=(CLIENTS, post))
        posting.start()
        while time.monotonic() < end:
            time.sleep(EVERY_S)
            workers = gate.workers()
            if workers:
                killed += kill_one(gate, chance.choice(workers), workers[0].parent)
        posting.join()
        time.sleep(0.2)     # one that was told to die may still have looked alive
        self.assertLess(max(took), ANSWER_S)
        self.assertGreater(killed, 10)
        self.assertGreater(len(took) - len(refused), 200, f"{len(refused)} refused of {len(took)}")
        wait_for("ready again", gate.is_ready, 5)
        # Nothing of a refused one was kept: the same message is good now.
        for number in refused[:100]:
            self.assertEqual(gate.log_in(number)[0], 303)
        gate.end()
        harness.say(f"# {killed} workers killed, {len(took)} logins, {len(refused)} of them worker.failed, "
                    f"longest {max(took):.2f} s")

    def test_the_spawner_killed_is_started_again_within_seconds(self):
        gate = self.rig()
        gate.set_up()
        times = []
        for _ in range(5 if self.soak else 2):
            spawner, orphans = gate.spawner(), gate.workers()
            self.assertTrue(orphans)
            self.assertEqual(kill_one(gate, spawner, gate.pid), 1)

            def is_in():
                status, reason, _ = gate.log_in(gate.forge(1)[0])
                if status != 303:
                    self.assertEqual((status, reason), (503, "worker.failed"))
                return status == 303
            times.append(wait_for("a login after the spawner was killed", is_in, 10))
            wait_for("the end of the orphans", lambda: not any(
                p.pid in {o.pid for o in orphans} for p in gate.workers()), 5)
            for orphan in orphans:
                self.assertFalse(os.path.exists(f"/proc/{orphan.pid}/exe") and
                                 harness.find_built("gatehouse-worker") == os.readlink(f"/proc/{orphan.pid}/exe"))
            wait_for("ready again", gate.is_ready, 5)
        gate.end()
        harness.say(f"# signed in again {', '.join(f'{t:.2f}' for t in times)} s after the spawner was killed")
