# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup is made beside a running gate, is whole or not there, and nobody comes in with what was used after it."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import harness
from browser import Browser
from case import GateCase
from harness import post_response


class BackupTest(GateCase):
    policy = {"unsolicited": True}

    def setUp(self):
        super().setUp()
        self.folder = harness.temp_dir("backup")
        self.place = os.path.join(self.folder, "copy")

    def unsolicited(self):
        return self.idp.response(self.connection).xml()

    def post(self, xml):
        return post_response(Browser(), self.connection, xml)

    def backup(self, place=None, code=0):
        done = self.gate.run("backup", "--json", place or self.place)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def data(self):
        return self.gate.data

    def restore(self, *options, code=0):
        done = self.gate.run("restore", *options, self.place)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def put_back(self):
        """The gate as it was in the backup: its data directory is gone, as on a new machine."""
        self.gate.stop()
        shutil.rmtree(self.data())
        self.restore()
        self.gate.serve()
        self.wait_out_the_second()

    @staticmethod
    def wait_out_the_second():
        """An IssueInstant names whole seconds; those of the second of the restore are refused."""
        time.sleep(1.1)

    def test_what_was_used_before_a_restore_is_refused_after_it(self):
        known, lost, kept = self.unsolicited(), self.unsolicited(), self.unsolicited()
        self.assertSignedIn(self.post(known))
        self.backup()
        self.assertSignedIn(self.post(lost))        # the backup knows nothing of it
        self.put_back()
        for xml in (known, lost, kept):
            problem = self.assertProblem(self.post(xml), 403, "assertion.replayed")
            self.assertTrace(problem["trace_id"], "assertion.replayed")
        self.assertIn("restored", self.gate.trace(problem["trace_id"])["detail"])
        self.assertSignedIn(self.post(self.unsolicited()))
        events = [row["event"] for row in self.gate.api("GET", "/audit")["items"]]
        self.assertEqual(events[:2], ["store.restored", "store.copied"])
        self.gate.restart()                         # it is not forgotten
        self.assertProblem(self.post(lost), 403, "assertion.replayed")

    def test_a_backup_has_who_signed_in_before_it_and_keys_that_work(self):
        signed_in = self.assertSignedIn(self.post(self.unsolicited()))
        token = signed_in["access_token"]
        self.backup()
        self.put_back()
        self.assertEqual(self.gate.call("GET", "/session", token=token)[0], 200)
        report = self.gate.api("GET", "/audit:verify")
        self.assertTrue(report["ok"], report)

    def test_logins_go_on_while_it_is_made(self):
        bad, good, over = [], [], threading.Event()

        def sign_in():
            while not over.is_set():
                page = self.post(self.unsolicited())
                (good if page.status == 200 else bad).append(page.status)

        threads = [threading.Thread(target=sign_in) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            rows = [self.backup(f"{self.place}-{i}")["rows"] for i in range(4)]
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(bad, [])
        self.assertGreater(len(good), 0)
        self.assertEqual(rows, sorted(rows))
        for i in range(4):
            self.assertEqual(self.gate.run("restore", "--check", f"{self.place}-{i}").returncode, 0)

    def test_without_a_gate_too(self):
        self.gate.stop()
        made = self.backup()
        self.assertGreater(made["rows"], 5)
        self.assertIn("is whole", self.restore("--check"))
        self.gate.serve()

    def test_a_place_that_is_taken_is_left_alone(self):
        os.mkdir(self.place)
        before = self.gate.api("GET", "/audit")
        self.assertIn("is there already", self.backup(code=1))
        self.assertEqual(os.listdir(self.place), [])
        self.assertEqual(self.gate.api("GET", "/audit"), before)     # nobody was told of a copy
        self.assertIn("cannot be made", self.backup(os.path.join(self.folder, "no", "where"), code=1))

    def test_a_data_directory_that_is_in_use_is_not_overwritten(self):
        self.backup()
        self.assertIn("stop it first", self.restore(code=1))
        self.gate.stop()
        self.assertIn("is there already", self.restore(code=1))
        self.gate.serve()
        self.assertSignedIn(self.post(self.unsolicited()))

    def test_a_backup_that_was_changed_is_not_put_back(self):
        self.backup()
        self.gate.stop()
        away = self.data() + ".away"
        os.rename(self.data(), away)
        key = os.path.join("keys", "token-1.key")
        for name, change in (
                ("store.mdb", lambda b: b[:-1] + bytes([b[-1] ^ 1])), ("store.mdb", lambda b: b[:5000]),
                (key, lambda b: b.replace(b"A", b"B", 1)), ("backup.json", lambda b: b.replace(b'"rows": ', b'"rows": 1')),
                ("backup.json", lambda b: b.replace(b'"format": 1', b'"format": 2')), ("backup.json", lambda b: b[:40])):
            path = os.path.join(self.place, name)
            with self.subTest(name=name), open(path, "rb") as f:
                right = f.read()
            wrong = change(right)
            self.assertNotEqual(wrong, right)
            self.rewrite(path, wrong)
            self.restore("--check", code=1)
            said = self.restore(code=1)
            self.assertRegex(said, "not as it was made|lacks a part|is no backup.json|newer program")
            self.assertFalse(os.path.exists(os.path.join(self.data(), "store.mdb")))
            self.rewrite(path, right)
        os.rename(os.path.join(self.place, key), os.path.join(self.place, "keys", "token-2.key"))
        self.assertIn("not as it was made", self.restore(code=1))
        os.rename(os.path.join(self.place, "keys", "token-2.key"), os.path.join(self.place, key))
        os.symlink("/etc/passwd", os.path.join(self.place, "keys", "more.key"))
        self.restore(code=1)
        os.unlink(os.path.join(self.place, "keys", "more.key"))
        os.mkfifo(os.path.join(self.place, "keys", "more.key"))
        self.assertIn("nothing that a gate made", self.restore("--check", code=1))
        os.unlink(os.path.join(self.place, "keys", "more.key"))
        self.restore()
        self.gate.serve()
        self.wait_out_the_second()
        self.assertSignedIn(self.post(self.unsolicited()))

    def test_only_who_owns_the_data_directory_works_in_it(self):
        self.backup()
        root = os.geteuid() == 0
        other = os.path.join(self.folder, "other") if root else "/"
        if root:
            os.mkdir(other)
            os.chown(other, 65534, 65534)
        env = {**self.gate.env, "GATEHOUSE_DATA_DIR": other}
        for command in ("restore", "backup"):
            place = self.place if command == "restore" else self.place + "-more"
            done = subprocess.run([harness.find_built("gatehouse"), command, place], env=env, capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("run this as that user", done.stderr)
        self.assertTrue(not root or os.listdir(other) == [])

    def test_one_that_was_stopped_in_the_middle_of_a_restore_starts_no_gate(self):
        self.backup()
        other = os.path.join(self.folder, "other")
        os.mkdir(other, 0o700)
        os.mkdir(os.path.join(other, "restoring"))
        shutil.copytree(os.path.join(self.place, "keys"), os.path.join(other, "keys"))
        env = {**self.gate.env, "GATEHOUSE_DATA_DIR": other}
        for command in (["serve"], ["tenant", "list"], ["init"]):
            done = subprocess.run([harness.find_built("gatehouse"), *command], env=env, capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("was stopped", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(other, "store.mdb")))

    @staticmethod
    def rewrite(path, content):
        with open(path, "wb") as f:
            f.write(content)

    def test_one_that_is_killed_leaves_no_backup(self):
        killed = 0
        for i in range(8):
            place = f"{self.place}-{i}"
            command = subprocess.Popen([harness.find_built("gatehouse"), "backup", place], env=self.gate.env,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while command.poll() is None and not os.path.exists(place + ".part"):
                pass                                # as soon as it has begun
            time.sleep(0.0005 * i)
            command.send_signal(signal.SIGKILL)
            command.wait()
            if os.path.exists(place):               # it was faster: then it is whole
                self.assertEqual(self.gate.run("restore", "--check", place).returncode, 0)
            else:
                killed += 1
        self.assertGreater(killed, 0)
        self.assertSignedIn(self.post(self.unsolicited()))
        self.backup()
