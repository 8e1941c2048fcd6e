# SPDX-License-Identifier: GPL-3.0-or-later
"""No message lets anybody in twice: not at once, not side by side, not after the gate was
stopped, and not after it was killed."""

import threading
import unittest

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from harness import begin, post_response
from seal import new_id


class ReplayTest(GateCase):
    policy = {"unsolicited": True}

    def unsolicited(self):
        return self.idp.response(self.connection).xml()

    def post(self, xml):
        return post_response(Browser(), self.connection, xml)

    def assertReplayed(self, xml):
        problem = self.assertProblem(self.post(xml), 403, "assertion.replayed")
        self.assertTrace(problem["trace_id"], "assertion.replayed")

    def test_the_second_post_is_refused(self):
        xml = self.unsolicited()
        self.assertSignedIn(self.post(xml))
        self.assertReplayed(xml)
        self.assertReplayed(xml)
        self.assertSignedIn(self.post(self.unsolicited()))

    def test_it_stays_refused_after_a_restart(self):
        xml = self.unsolicited()
        self.assertSignedIn(self.post(xml))
        self.gate.restart()
        self.assertReplayed(xml)
        self.assertSignedIn(self.post(self.unsolicited()))

    def test_it_stays_refused_after_the_gate_was_killed(self):
        xml = self.unsolicited()
        self.assertSignedIn(self.post(xml))
        self.gate.kill_and_restart()
        self.assertReplayed(xml)
        self.assertSignedIn(self.post(self.unsolicited()))

    def test_of_many_at_once_one_gets_in(self):
        xml = self.unsolicited()
        pages = []
        threads = [threading.Thread(target=lambda: pages.append(self.post(xml))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(page.status for page in pages), [200] + [403] * 7)
        for page in pages:
            if page.status == 403:
                self.assertProblem(page, 403, "assertion.replayed")

    def test_an_assertion_in_a_new_envelope_is_the_same_assertion(self):
        message = self.idp.response(self.connection)
        again = message.xml().replace(message.response_id, new_id())
        self.assertSignedIn(self.post(message.xml()))
        self.assertReplayed(again)

    def test_an_old_assertion_does_not_answer_a_new_request(self):
        name = new_id()
        browser = Browser()
        for expected in (200, 403):
            request = begin(browser, self.connection)
            xml = self.idp.response(self.connection, request, assertion_id=name).xml()
            page = post_response(browser, self.connection, xml, request.relay_state)
            self.assertEqual(page.status, expected, page.text[:600])
        self.assertProblem(page, 403, "assertion.replayed")

    def test_the_answer_to_a_request_is_taken_once(self):
        browser = Browser()
        request = begin(browser, self.connection)
        xml = self.idp.response(self.connection, request).xml()
        keep = Browser()
        keep.copy_cookies(browser)
        self.assertSignedIn(post_response(browser, self.connection, xml, request.relay_state))
        page = post_response(keep, self.connection, xml, request.relay_state)
        # The request is checked before the ledger; either says no.
        self.assertProblem(page, 403, "response.in_response_to_unknown", "assertion.replayed")
        again = self.idp.response(self.connection, request).xml()
        page = post_response(keep, self.connection, again, request.relay_state)
        self.assertProblem(page, 403, "response.in_response_to_unknown")

    def test_what_was_refused_may_come_right(self):
        """A refusal spends nothing: the same assertion, posted where it belongs, gets in."""
        other = self.gate.make_connection(TENANT, "acme-other", self.idp.fields, unsolicited=True)
        xml = self.idp.response(other, name_id=f"right@{DOMAIN}").xml()
        self.assertProblem(self.post(xml), 403, "response.destination")
        self.assertSignedIn(post_response(Browser(), other, xml))


if __name__ == "__main__":
    unittest.main()
