# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock stepped by days: an assertion that was accepted is never accepted again, sessions end by the clock."""
import os
import struct
import time

import harness
from rig import CrashCase, shim

HOUR = 3600
DAY = 24 * HOUR
SWEEP_S = 20    # the gate sweeps as often; by the steady clock


class ClockTest(CrashCase):
    def test_a_clock_that_steps_lets_no_assertion_in_twice(self):
        gate = self.rig()
        self.clock = os.path.join(gate.folder, "clock")
        self.step(0)
        gate.extra = {"LD_PRELOAD": shim("stepped_clock"), "STEPPED_CLOCK": self.clock}
        gate.set_up()
        used = list(gate.forge(4))
        cookies = {}
        for number in used[:3]:
            status, _, cookies[number] = gate.log_in(number)
            self.assertEqual(status, 303)
        alive = lambda n: gate.session(cookies[n])[0] == 200    # noqa: E731
        self.assertTrue(alive(0))
        for hours, in_time, has_session in ((-25, False, True), (0, True, True), (7, True, True), (9, True, False),
                                            (0, True, True), (23, True, False), (30, False, False), (-1, True, True),
                                            (24 * 40, False, False), (0, True, True)):
            self.step(hours * HOUR)
            with self.subTest(hours=hours):
                self.refused(gate, used[:3], in_time)
                self.assertEqual(alive(0), has_session, "a session ends by the clock")
                fresh = gate.forge(1)[0]        # made by the true clock, good for a day before and after it
                self.assertEqual(gate.log_in(fresh)[0], 303 if in_time else 403)
        # So far ahead that the ledger's rows are swept; then back: what was swept is refused by its hour.
        self.step(4 * DAY)
        time.sleep(SWEEP_S + 2)
        self.step(0)
        self.refused(gate, used[:3], True)
        self.assertFalse(alive(0), "a session that was swept does not come back")
        self.step(-DAY - HOUR)
        gate.kill()
        gate.serve()
        self.refused(gate, used[:3], False)
        self.step(0)
        self.refused(gate, used[:3], True)
        # One that was never used is of a swept hour: nobody can tell, so it is refused. A newer one is good.
        self.assertEqual(gate.log_in(used[3])[:2], (403, "assertion.replayed"))
        gate.end()
        harness.say("# the clock was set 14 times")

    def step(self, seconds):
        mode = "r+b" if os.path.exists(self.clock) else "wb"
        with open(self.clock, mode) as f:
            f.write(struct.pack("=q", seconds))

    def refused(self, gate, numbers, in_time):
        for number in numbers:
            status, reason, _ = gate.log_in(number)
            self.assertEqual(status, 403)
            if in_time:
                self.assertEqual(reason, "assertion.replayed")
            else:
                self.assertIn(reason, ("conditions.expired", "conditions.not_yet_valid"))
