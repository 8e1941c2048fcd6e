# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the gate at random moments under load: what was answered is there, and nothing is taken twice."""
import random
import statistics
import time

import harness
from rig import CrashCase

BODIES = 120            # of a round: some 60 ms of load
KILL_MOST_S = 0.07      # after the load began


class KillTest(CrashCase):
    def test_what_was_answered_survives_kill_9_and_nothing_is_accepted_twice(self):
        chance = random.Random(self.seed)
        gate = self.rig()
        gate.set_up()
        times, before_answer, seen = [], 0, gate.audited()[1]
        for number in range(self.rounds):
            start = time.monotonic()
            with self.subTest(round=number, seed=self.seed):
                lost, seen = self.one_round(gate, chance, number, seen)
                before_answer += lost
            times.append(time.monotonic() - start)
        gate.post_all(range(gate.made)).wait()
        self.assertEqual(gate.taken(), [], "of all rounds, posted once more")
        gate.check_sessions(self, chance.sample(sorted(gate.sessions.items()), min(500, len(gate.sessions))))
        self.assertNotIn("damaged", gate.program.printed(1 << 20))
        gate.end()
        harness.say(f"# {self.rounds} kills, {len(gate.sessions)} logins answered, {before_answer} stored and not "
                    f"answered, {statistics.median(times):.2f} s a round, seed {self.seed}")
        self.assertGreater(len(gate.sessions), self.rounds * 10)

    def one_round(self, gate, chance, number, seen):
        """How many logins were stored but not answered, and the newest audit row."""
        bodies = list(gate.forge(BODIES))
        load = gate.post_all(bodies)
        time.sleep(chance.uniform(0.003, KILL_MOST_S))
        gate.kill()
        load.wait()
        answered = gate.taken()
        gate.acknowledge(self, answered)
        if number % 5 == 4:         # now and then while it starts, too
            gate.serve(wait=False)
            time.sleep(chance.uniform(0.0, 0.06))
            gate.kill()
        gate.serve()                # only a store that opens and verifies gets it to be ready
        users = gate.check_sessions(self, answered)
        audited, newest = gate.audited(seen)
        self.assertLessEqual(users, audited, "a login was answered and is not in the audit log")
        # Everything once more, each twice at the same time: only what was not stored may be taken, and once.
        load = gate.post_all([body for body in bodies for _ in (0, 1)])
        load.wait()
        again = gate.taken()
        gate.acknowledge(self, again)
        self.assertEqual(len(again) + len(audited), len(bodies), "each assertion is taken exactly once in all")
        return len(audited) - len(answered), gate.audited(newest)[1]
