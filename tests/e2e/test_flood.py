# SPDX-License-Identifier: GPL-3.0-or-later
"""One signed message that is sent over and over: each time it is refused, and the disk does not fill."""

from browser import Browser
from case import GateCase
from harness import post_response

KEPT_MAX = 120  # refusals of signed messages that a connection has written to the disk in a minute


class FloodTest(GateCase):
    policy = {"unsolicited": True}

    def refusals(self):
        """All traces of the flood, newest first."""
        query = f"/tenants/{self.connection.tenant}/traces?reason=conditions.expired&limit=200"
        page = self.gate.api("GET", query)
        items = page["items"]
        while page["next_cursor"]:
            page = self.gate.api("GET", query + "&cursor=" + page["next_cursor"])
            items += page["items"]
        return items

    def test_an_old_message_writes_a_bounded_number_of_traces(self):
        old = self.idp.response(
            self.connection, issue_instant=-7200, not_on_or_after=-3600, subject_not_on_or_after=-3600
        ).xml()
        sent = 2 * KEPT_MAX + 20  # a minute may end in between
        for _ in range(sent):
            page = post_response(Browser(), self.connection, old)
            self.assertProblem(page, 403, "conditions.expired")
        # The last one is told all the same.
        self.assertTrace(self.refusals()[0]["id"], "conditions.expired")
        self.gate.restart()  # what was in memory only is gone
        self.assertGreaterEqual(len(self.refusals()), KEPT_MAX)
        self.assertLess(len(self.refusals()), sent)
        self.assertGoodLogin()
