# SPDX-License-Identifier: GPL-3.0-or-later
"""gatehouse selftest as people type it: lists, parts, JSON, what is left behind, and failing.

Owns: the command around the corpus. Never: the corpus itself; src/app/selftest has it, and
`gatehouse selftest` runs it.
"""

import json
import os
import shutil
import subprocess

from case import DONE, FAILED, CommandCase
from harness import find_built, temp_dir


class SelftestTest(CommandCase):
    def test_the_list_names_cases_and_runs_none(self):
        lines = self.done("selftest", "--list").splitlines()
        self.assertGreater(len(lines), 400)
        self.assertTrue(any(line.split()[:3] == ["wrapping", "xsw3", "assertion.count"] for line in lines))

    def test_a_part_of_it_as_json(self):
        report = self.data("selftest", "--only", "xsw")
        self.assertEqual(report["failed"], 0)
        self.assertEqual(report["passed"], len(report["cases"]))
        first = report["cases"][0]
        self.assertEqual((first["name"], first["group"]), ("xsw1", "wrapping"))
        self.assertEqual((first["expected"], first["got"]), ("signature.reference",) * 2)
        self.assertEqual((first["passed"], first["problem"]), (True, None))

    def test_a_group_by_its_name_in_words(self):
        text = self.done("selftest", "--only", "void")
        self.assertIn("void-in-assertion", text)
        self.assertRegex(text.splitlines()[-1], r"^\d+ passed, 0 failed$")

    def test_nothing_is_left_behind(self):
        folder = temp_dir("selftest")
        before = self.gate.env
        self.gate.env = {**before, "TMPDIR": folder}
        try:
            self.done("selftest", "--only", "xsw1")
        finally:
            self.gate.env = before
        self.assertEqual(os.listdir(folder), [])

    def test_a_dump_holds_messages_and_no_private_key(self):
        folder = os.path.join(temp_dir("selftest"), "dump")
        self.done("selftest", "--only", "xsw3", "--dump", folder)
        with open(os.path.join(folder, "corpus.json"), encoding="utf-8") as file:
            (row,) = json.load(file)
        with open(os.path.join(folder, row["file"]), encoding="utf-8") as file:
            self.assertIn("mallory@acme.example", file.read())
        self.assertNotIn("PRIVATE", json.dumps(row))

    def test_what_is_encrypted_is_for_the_key_that_is_given(self):
        folder = temp_dir("selftest")
        key = os.path.join(folder, "sp.key")
        make = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]
        subprocess.run(make, check=True, capture_output=True)
        self.done("selftest", "--only", "encrypted-128", "--sp-key", key)
        self.ends(FAILED, "selftest", "--only", "xsw1", "--sp-key", "/etc/hostname", says="RSA private key")

    def test_a_case_that_is_not_there(self):
        self.ends(FAILED, "selftest", "--only", "nothing-of-that-name", says="--list")

    def test_no_directory_to_work_in(self):
        self.ends(FAILED, "selftest", "--only", "xsw1", says="TMPDIR", env={"TMPDIR": "/nonexistent"})

    def test_a_program_without_its_worker_fails(self):
        folder = temp_dir("selftest")
        program = shutil.copy(find_built("gatehouse"), folder)
        for worker in (None, "/bin/true"):
            if worker is not None:
                shutil.copy(worker, os.path.join(folder, "gatehouse-worker"))
            ended = subprocess.run(
                [program, "selftest", "--only", "xsw1"], capture_output=True, text=True, timeout=60
            )
            self.assertNotEqual(ended.returncode, DONE, worker)
            self.assertIn("gatehouse", ended.stderr)
