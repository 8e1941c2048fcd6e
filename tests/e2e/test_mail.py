# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters through a real mail server: that they arrive and how they look; TLS, accounts; what happens
when the server is down, slow, or says no; and after kill -9."""

import datetime
import email
import email.policy
import glob
import os
import re
import time
import unittest

from browser import Browser
from harness import Gate, free_port, temp_dir
from letterbox import Mailbox, make_certificate, silent_server

FROM = "no-reply@gate.example"
ADA = "ada@demo.example"
SOON_S = 20


def wait_for(what, ready, seconds=SOON_S):
    """Polls until `ready` gives something true; returns it."""
    end = time.monotonic() + seconds
    while True:
        got = ready()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


class MailCase(unittest.TestCase):
    def make_box(self, **options):
        box = Mailbox(**options).start()
        self.addCleanup(box.stop)
        return box

    def make_gate(self, url, **settings):
        settings = {"smtp_from": FROM, "smtp_timeout": "5", **settings}
        gate = Gate(smtp_url=url, **settings)
        self.addCleanup(gate.stop)
        return gate.start()

    def plain_gate(self, box, **settings):
        return self.make_gate(f"smtp://127.0.0.1:{box.port}", smtp_tls="none", **settings)

    def send_now(self, gate, to=ADA):
        """Asks the gate to send one at once; returns (status, answer)."""
        return gate.call("POST", "/api/v1/mail:test", {"to": to})

    def queue(self, gate, to=ADA):
        return gate.api("POST", "/mail:test", {"to": to, "queue": True})["id"]

    def state(self, gate, letter):
        return gate.api("GET", f"/letters/{letter}")

    def wait_state(self, gate, letter, state):
        wait_for(f"{letter} {state}", lambda: self.state(gate, letter)["state"] == state)
        return self.state(gate, letter)

    def wait_tried(self, gate, letter, attempts=1):
        return wait_for(
            f"attempt {attempts} of {letter}",
            lambda: self.state(gate, letter)["attempts"] >= attempts and self.state(gate, letter),
        )

    def assertRefused(self, answer, *words):
        status, problem = answer
        self.assertEqual((status, problem["reason"]), (502, "peer_failed"), problem)
        for word in words:
            self.assertIn(word, problem["detail"])


class ArrivalTest(MailCase):
    def test_a_letter_arrives_with_its_headers_and_both_parts(self):
        box = self.make_box()
        gate = self.plain_gate(box, product="Example CDP", support_contact="help@demo.example")
        letter = self.queue(gate)
        (mail,) = box.wait(to=ADA)
        self.assertEqual((mail.sender, mail.to), (FROM, [ADA]))
        self.assertEqual(mail.hello, "localhost")  # the host of public_url
        message = mail.message
        self.assertEqual(message.defects, [])
        self.assertEqual(message["From"].addresses[0].addr_spec, FROM)
        self.assertEqual(message["From"].addresses[0].display_name, "Example CDP")
        self.assertEqual(message["To"], ADA)
        self.assertEqual(message["Reply-To"], "help@demo.example")
        self.assertEqual(message["Subject"], "A test of mail from Example CDP")
        self.assertEqual(message["Message-ID"], f"<{letter}@localhost>")
        self.assertEqual(message["Auto-Submitted"], "auto-generated")
        self.assertLess(abs(message["Date"].datetime.timestamp() - time.time()), 60)
        self.assertEqual(message.get_content_type(), "multipart/alternative")
        kinds = [part.get_content_type() for part in message.iter_parts()]
        self.assertEqual(kinds, ["text/plain", "text/html"])
        for part in message.iter_parts():
            self.assertEqual(part.defects, [])
            self.assertEqual(part["Content-Transfer-Encoding"], "quoted-printable")
        self.assertIn(f"Open Example CDP:\n{gate.base}/login\n", mail.text)
        self.assertIn(f'href="{gate.base}/login"', mail.html)
        self.assertIn("Questions? help@demo.example", mail.text)
        self.assertTrue(all(len(line) <= 998 for line in mail.raw.split(b"\r\n")))
        self.assertNotIn(b"\n", mail.raw.replace(b"\r\n", b""))
        sent = self.wait_state(gate, letter, "sent")
        self.assertEqual((sent["attempts"], sent["last_error"], sent["to"]), (1, None, ADA))

    def test_what_is_not_ascii_is_encoded_and_comes_back(self):
        box = self.make_box()
        gate = self.plain_gate(box, product="Zürich — Größe €", smtp_from_name='Eve "x" <a@b.c>, Ö')
        self.queue(gate, "jürgen@demo.example")
        (mail,) = box.wait()
        self.assertEqual(mail.to, ["jürgen@demo.example"])
        self.assertEqual(mail.subject, "A test of mail from Zürich — Größe €")
        self.assertIn("Größe", mail.text)
        self.assertIn("Größe", mail.html)
        parsed = email.message_from_bytes(mail.raw, policy=email.policy.default)
        self.assertEqual(parsed["From"].addresses[0].display_name, 'Eve "x" <a@b.c>, Ö')
        self.assertEqual(parsed["From"].addresses[0].addr_spec, FROM)

    def test_many_go_over_few_connections_each_once(self):
        box = self.make_box()
        gate = self.plain_gate(box)
        people = [f"p{i}@demo.example" for i in range(60)]
        for one in people:
            self.queue(gate, one)
        got = box.wait(60)
        self.assertEqual(sorted(mail.to[0] for mail in got), sorted(people))
        self.assertLess(box.sessions, 30)
        wait_for("all are sent", lambda: gate.api("GET", "/mail")["sent"] == 60)
        self.assertEqual(len(box.mails), 60)
        metrics = Browser().get(gate.url("/metrics")).body.decode()
        self.assertIn("\ngatehouse_mail_sent_total 60\n", metrics)

    def test_the_gate_sends_while_it_serves_and_its_log_names_nobody(self):
        box = self.make_box()
        box.answers["gone@demo.example"] = "550 5.1.1 <gone@demo.example> no such user"
        box.answers["later@demo.example"] = "450 4.2.1 <later@demo.example> is busy"
        gate = self.plain_gate(box)
        letters = [self.queue(gate, f"{name}@demo.example") for name in ("ada", "gone", "later")]
        for letter in letters:
            self.wait_tried(gate, letter)
        log = gate.program.printed(100000)
        for event in ("mail.sent", "mail.refused", "mail.failed"):
            self.assertIn(event, log)
        self.assertNotIn("@demo.example", log)


class TlsTest(MailCase):
    @classmethod
    def setUpClass(cls):
        folder = temp_dir("mail")
        cls.good = make_certificate(folder, "good")
        cls.other = make_certificate(folder, "other")
        cls.foreign = make_certificate(folder, "foreign", host="mail.elsewhere.example")

    def secure_gate(self, box, scheme="smtp", ca=None, **settings):
        url = f"{scheme}://localhost:{box.port}"
        return self.make_gate(url, smtp_ca_file=(ca or self.good)[0], **settings)

    def test_starttls_is_used_and_the_account_logs_in(self):
        box = self.make_box(tls=self.good, require_tls=True, users={"gate": "pässword"})
        gate = self.secure_gate(box, smtp_user="gate", smtp_password="pässword")
        self.assertEqual(self.send_now(gate)[0], 200)
        (mail,) = box.wait()
        self.assertTrue(mail.secure)
        self.assertEqual(mail.user, "gate")
        self.assertNotIn("pässword", gate.program.printed(100000))
        self.assertNotIn("pässword", gate.must("mail", "status").stdout)

    def test_a_password_comes_from_a_file(self):
        box = self.make_box(tls=self.good, require_tls=True, users={"gate": "from a file"})
        path = os.path.join(temp_dir("secret"), "password")
        with open(path, "w") as file:
            file.write("from a file\n")
        gate = self.secure_gate(box, smtp_user="gate", smtp_password_file=path)
        self.assertEqual(self.send_now(gate)[0], 200)
        self.assertEqual(box.wait()[0].user, "gate")

    def test_auth_login_alone_is_enough(self):
        box = self.make_box(tls=self.good, users={"gate": "secret"}, without=["PLAIN"])
        gate = self.secure_gate(box, smtp_user="gate", smtp_password="secret")
        self.assertEqual(self.send_now(gate)[0], 200)
        self.assertEqual([one[0] for one in box.tries if one[0] != "RCPT"], ["LOGIN"])

    def test_auth_plain_alone_is_enough(self):
        box = self.make_box(tls=self.good, users={"gate": "secret"}, without=["LOGIN"])
        gate = self.secure_gate(box, smtp_user="gate", smtp_password="secret")
        self.assertEqual(self.send_now(gate)[0], 200)
        self.assertEqual([one[0] for one in box.tries if one[0] != "RCPT"], ["PLAIN"])

    def test_a_wrong_password_is_the_operators_and_kills_no_letter(self):
        box = self.make_box(tls=self.good, users={"gate": "secret"})
        gate = self.secure_gate(box, smtp_user="gate", smtp_password="wrong")
        self.assertRefused(self.send_now(gate), "logging in", "535")
        letter = self.queue(gate)
        self.assertEqual(self.wait_tried(gate, letter)["state"], "queued")

    def test_tls_from_the_start(self):
        box = self.make_box(tls=self.good, smtps=True)
        gate = self.secure_gate(box, scheme="smtps")
        self.assertEqual(self.send_now(gate)[0], 200)
        self.assertTrue(box.wait()[0].secure)

    def test_no_starttls_where_it_is_required_sends_nothing(self):
        box = self.make_box()
        gate = self.secure_gate(box)
        self.assertRefused(self.send_now(gate), "STARTTLS")
        letter = self.queue(gate)
        self.assertEqual(self.wait_tried(gate, letter)["state"], "queued")
        self.assertEqual(box.mails, [])
        self.assertNotIn(("RCPT", ADA), box.tries)

    def test_opportunistic_takes_tls_where_there_is_some(self):
        bare, able = self.make_box(), self.make_box(tls=self.good)
        for box in (bare, able):
            gate = self.secure_gate(box, smtp_tls="opportunistic")
            self.assertEqual(self.send_now(gate)[0], 200)
        self.assertFalse(bare.wait()[0].secure)
        self.assertTrue(able.wait()[0].secure)

    def test_a_certificate_of_somebody_else_sends_nothing(self):
        for tls in (self.other, self.foreign):
            ways = [("smtp", "required"), ("smtps", "required")]
            for scheme, tls_mode in ways if tls is self.other else [("smtp", "opportunistic")]:
                with self.subTest(tls[0], scheme=scheme, mode=tls_mode):
                    box = self.make_box(tls=tls, smtps=scheme == "smtps")
                    # The other is not known; the foreign one is, but is not this host's.
                    ca = self.foreign if tls is self.foreign else self.good
                    gate = self.secure_gate(box, scheme=scheme, ca=ca, smtp_tls=tls_mode)
                    self.assertRefused(self.send_now(gate))
                    self.assertEqual(box.mails, [])
                    self.assertEqual(box.tries, [])


class TroubleTest(MailCase):
    def test_a_server_that_is_down_costs_no_letter_and_no_readiness(self):
        port = free_port()
        gate = self.make_gate(f"smtp://127.0.0.1:{port}", smtp_tls="none")
        letters = [self.queue(gate, f"p{i}@demo.example") for i in range(5)]
        wait_for("trouble", lambda: gate.api("GET", "/mail")["state"] == "failing")
        status, ready = gate.call("GET", "/readyz")
        self.assertEqual((status, ready["status"], ready["mail"]), (200, "ready", "failing"))
        self.assertIn("connecting", gate.api("GET", "/mail")["trouble"])
        self.assertIn("failing", gate.must("mail", "list").stdout)
        self.assertRefused(self.send_now(gate), "connecting")
        # All rest when one has failed: not each letter is tried in vain.
        tried = [one for one in letters if self.state(gate, one)["attempts"] > 0]
        self.assertLess(len(tried), 5)
        box = self.make_box(port=port)
        box.wait(5 - len(tried), seconds=40)
        for letter in tried:
            gate.api("POST", f"/letters/{letter}:retry")
        self.assertEqual(len(box.wait(5)), 5)
        wait_for("well again", lambda: gate.api("GET", "/mail")["state"] == "ok")
        self.assertIsNone(gate.api("GET", "/mail")["trouble"])

    def test_a_recipient_refused_for_good_is_dead_and_can_be_tried_again(self):
        box = self.make_box()
        box.answers["gone@demo.example"] = "550 5.1.1 no such user"
        gate = self.plain_gate(box)
        letter = self.queue(gate, "gone@demo.example")
        dead = self.wait_state(gate, letter, "dead")
        self.assertIn("550 5.1.1 no such user", dead["last_error"])
        self.assertEqual(self.wait_state(gate, self.queue(gate), "sent")["to"], ADA)
        listed = gate.api("GET", "/letters?state=dead")
        self.assertEqual([one["id"] for one in listed["items"]], [letter])
        self.assertIn(letter, gate.must("mail", "list", "--state", "dead").stdout)
        box.answers.clear()
        gate.must("mail", "retry", letter)
        self.wait_state(gate, letter, "sent")
        box.wait(to="gone@demo.example")
        self.assertEqual(gate.run("mail", "retry", letter).returncode, 3)

    def test_a_recipient_put_off_is_tried_again_a_minute_later(self):
        box = self.make_box()
        box.answers["busy@demo.example"] = "450 4.2.1 mailbox busy"
        gate = self.plain_gate(box)
        letter = self.queue(gate, "busy@demo.example")
        tried = self.wait_tried(gate, letter)
        self.assertEqual(tried["state"], "queued")
        self.assertIn("450 4.2.1 mailbox busy", tried["last_error"])
        due, first = (seconds_of(tried[name]) for name in ("due_at", "tried_at"))
        self.assertTrue(60 <= due - first <= 76, tried)
        # It is about this one alone: others go at once.
        self.wait_state(gate, self.queue(gate), "sent")
        self.assertIn("450 4.2.1", gate.must("mail", "show", letter).stdout)
        status, problem = gate.call(
            "POST", f"/api/v1/letters/{letter}:drop", headers={"If-Match": '"older"'}
        )
        self.assertEqual((status, problem["reason"]), (412, "version_conflict"))
        gate.must("mail", "drop", letter)
        self.assertEqual(self.state(gate, letter)["state"], "dropped")
        self.assertIn("took it", gate.must("mail", "test", "eve@demo.example").stdout)
        box.wait(to="eve@demo.example")
        self.assertEqual(gate.run("mail", "test", "busy@demo.example").returncode, 1)
        self.assertEqual(gate.run("mail", "test", "nobody").returncode, 3)

    def test_a_letter_refused_for_what_it_says_is_dead(self):
        box = self.make_box()
        box.data_answer = "554 5.6.0 spam"
        gate = self.plain_gate(box)
        self.assertIn("554 5.6.0 spam", self.wait_state(gate, self.queue(gate), "dead")["last_error"])

    def test_a_sender_that_the_server_refuses_is_ours_and_kills_no_letter(self):
        box = self.make_box()
        box.sender_answer = "550 5.7.1 not your domain"
        gate = self.plain_gate(box)
        letter = self.queue(gate)
        tried = self.wait_tried(gate, letter)
        self.assertEqual(tried["state"], "queued")
        self.assertIn("550 5.7.1 not your domain", tried["last_error"])
        self.assertEqual(gate.api("GET", "/mail")["state"], "failing")

    def test_relaying_denied_is_ours_too(self):
        box = self.make_box()
        box.answers[ADA] = f"554 5.7.1 <{ADA}>: Relay access denied"
        gate = self.plain_gate(box)
        self.assertEqual(self.wait_tried(gate, self.queue(gate))["state"], "queued")
        self.assertIn("mail.failed", gate.program.printed(100000))
        self.assertNotIn(ADA, gate.program.printed(100000))

    def test_a_connection_lost_in_the_middle_is_tried_again(self):
        box = self.make_box()
        box.drop_in_data = True
        gate = self.plain_gate(box)
        letter = self.queue(gate)
        self.assertEqual(self.wait_tried(gate, letter)["state"], "queued")
        self.assertEqual(box.mails, [])
        box.drop_in_data = False
        gate.api("POST", f"/letters/{letter}:retry")
        self.wait_state(gate, letter, "sent")

    def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(self):
        box = self.make_box()
        gate = self.plain_gate(box, smtp_connections="1")
        self.wait_state(gate, self.queue(gate), "sent")
        box.stop()
        box = self.make_box(port=box.port)
        letter = self.queue(gate)
        self.assertEqual(self.wait_state(gate, letter, "sent")["attempts"], 1)

    def test_a_silent_server_takes_no_longer_than_it_may(self):
        port, close = silent_server()
        self.addCleanup(close)
        gate = self.make_gate(f"smtp://127.0.0.1:{port}", smtp_tls="none", smtp_timeout="1")
        began = time.monotonic()
        self.assertRefused(self.send_now(gate))
        self.assertLess(time.monotonic() - began, 6)
        letter = self.queue(gate)
        self.assertEqual(self.wait_tried(gate, letter)["state"], "queued")

    def test_a_stop_waits_for_a_letter_under_way_but_not_for_long(self):
        box = self.make_box()
        box.slow = 2
        gate = self.plain_gate(box, smtp_timeout="60")
        self.queue(gate)
        wait_for("the letter is under way", lambda: ("RCPT", ADA) in box.tries)
        gate.restart()
        self.assertEqual(len(box.wait()), 1)
        box.slow = 60
        letter = self.queue(gate, "slow@demo.example")
        wait_for("the letter is under way", lambda: ("RCPT", "slow@demo.example") in box.tries)
        began = time.monotonic()
        gate.stop()
        self.assertLess(time.monotonic() - began, 15)
        box.slow = 0
        gate.serve()
        gate.token = gate.operator_token()
        self.wait_state(gate, letter, "sent")
        self.assertEqual(self.state(gate, letter)["attempts"], 1)  # ending it was our doing

    def test_after_kill_9_every_letter_is_sent(self):
        box = self.make_box()
        box.slow = 0.02
        gate = self.plain_gate(box)
        people = [f"p{i}@demo.example" for i in range(40)]
        for one in people:
            self.queue(gate, one)
        box.wait(3)
        gate.kill_and_restart()
        wait_for("all", lambda: gate.api("GET", "/mail")["queued"] == 0, 40)
        got = [mail.to[0] for mail in box.mails]
        self.assertEqual(set(got), set(people))
        self.assertLessEqual(len(got), 40 + 4)  # those under way may come twice, with the same id
        twice = [mail.message["Message-ID"] for mail in box.mails]
        self.assertEqual(len(set(twice)), 40)


class SettingsTest(MailCase):
    def test_without_a_server_letters_stay_queued_and_it_says_so(self):
        gate = Gate()
        self.addCleanup(gate.stop)
        gate.start()
        letter = self.queue(gate)
        time.sleep(2)
        self.assertEqual(self.state(gate, letter)["state"], "queued")
        mail = gate.api("GET", "/mail")
        self.assertEqual((mail["configured"], mail["state"], mail["queued"]), (False, "off", 1))
        self.assertEqual(gate.call("GET", "/readyz")[1]["mail"], "off")
        self.assertIn("No mail server is set", gate.must("mail", "list").stdout)
        status, problem = self.send_now(gate)
        self.assertEqual((status, problem["reason"]), (409, "illegal_transition"))
        # It goes as soon as there is one.
        box = self.make_box()
        gate.stop()
        gate.env.update(
            GATEHOUSE_SMTP_URL=f"smtp://127.0.0.1:{box.port}",
            GATEHOUSE_SMTP_TLS="none",
            GATEHOUSE_SMTP_FROM=FROM,
        )
        gate.serve()
        box.wait(to=ADA)

    def test_a_folder_takes_whole_letters(self):
        gate = self.make_gate("file:mail")
        letter = self.queue(gate)
        self.wait_state(gate, letter, "sent")
        self.assertEqual(self.send_now(gate)[0], 200)
        paths = glob.glob(os.path.join(gate.data, "mail", "*"))
        self.assertEqual(len(paths), 2)
        self.assertIn(os.path.join(gate.data, "mail", f"{letter}.eml"), paths)
        for path in paths:
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path, "rb") as file:
                message = email.message_from_bytes(file.read(), policy=email.policy.default)
            self.assertEqual(message["To"], ADA)
            self.assertIn("/login", message.get_body(("plain",)).get_content())

    def test_settings_that_cannot_be_stop_the_start_and_say_why(self):
        bad = [
            ({"smtp_url": "smtp://mail.example"}, "smtp_from"),
            ({"smtp_url": "http://mail.example", "smtp_from": FROM}, "smtp_url"),
            ({"smtp_url": "smtp://u:p@mail.example", "smtp_from": FROM}, "smtp_user"),
            ({"smtp_url": "smtp://mail.example/x", "smtp_from": FROM}, "smtp_url"),
            ({"smtp_url": "file:../x", "smtp_from": FROM}, "folder"),
            ({"smtp_url": "smtp://mail.example", "smtp_from": "gate"}, "smtp_from"),
            ({"smtp_url": "smtp://mail.example", "smtp_from": FROM, "smtp_tls": "yes"}, "smtp_tls"),
            ({"smtp_url": "smtp://mail.example", "smtp_from": FROM, "smtp_user": "u"}, "together"),
            (
                {
                    "smtp_url": "smtp://mail.example",
                    "smtp_from": FROM,
                    "smtp_user": "u",
                    "smtp_password": "p",
                    "smtp_tls": "opportunistic",
                },
                "in the clear",
            ),
            ({"smtp_password_file": "/nonexistent"}, "/nonexistent"),
        ]
        for settings, word in bad:
            with self.subTest(settings):
                done = Gate(**settings).run("init")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(word, done.stderr)
                self.assertNotIn("Traceback", done.stderr)

    def test_only_operators_see_letters(self):
        gate = self.make_gate("file:mail")
        letter = self.queue(gate)
        for method, path in (
            ("GET", "/letters"),
            ("GET", f"/letters/{letter}"),
            ("POST", f"/letters/{letter}:retry"),
            ("POST", f"/letters/{letter}:drop"),
            ("GET", "/mail"),
            ("POST", "/mail:test"),
        ):
            status, _ = gate.call(method, "/api/v1" + path, token="none")
            self.assertEqual(status, 401, path)
        self.assertEqual(gate.call("GET", "/api/v1/letters/ltr_none")[0], 404)
        self.assertEqual(gate.call("GET", "/api/v1/letters?state=lost")[0], 422)
        self.assertEqual(gate.call("POST", "/api/v1/mail:test", {"to": "nobody"})[0], 422)
        self.assertNotIn("values", gate.api("GET", f"/letters/{letter}"))


def seconds_of(time_text):
    """RFC 3339 as seconds."""
    return datetime.datetime.fromisoformat(re.sub("Z$", "+00:00", time_text)).timestamp()


if __name__ == "__main__":
    unittest.main()
