# SPDX-License-Identifier: GPL-3.0-or-later
"""The program itself: options, refusals in one sentence, signals, a service that comes late."""

import datetime
import http.server
import os
import signal
import socket
import subprocess
import threading

from parties import (
    Answer,
    Case,
    Client,
    PROGRAM,
    Provider,
    ServiceProvider,
    WAIT_S,
    utc_now,
)


class Program(Case):
    def run_program(self, *options):
        done = subprocess.run(
            [PROGRAM, *options], capture_output=True, text=True, timeout=WAIT_S, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def refused(self, code, word, *options):
        status, out, said = self.run_program(*options)
        self.assertEqual((status, out), (code, ""), said)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn(word, said)

    def test_help_and_version(self):
        self.assertEqual(self.run_program("--help")[0], 0)
        self.assertIn("--persona", self.run_program("--help")[1])
        self.assertRegex(self.run_program("--version")[1], r"^gatehouse-practice-idp \S+\n$")

    def test_wrong_options_are_usage_errors(self):
        data = os.path.join(self.dir, "unused")
        self.refused(2, "known", "--bogus")
        self.refused(2, "--listen", "--data", data)
        self.refused(2, "ping", "--listen", "127.0.0.1:0", "--data", data, "--persona", "ping")
        self.refused(
            2, "http", "--listen", "127.0.0.1:0", "--data", data, "--sp", "file:///etc/passwd"
        )
        self.refused(2, "extra", "--listen", "127.0.0.1:0", "--data", data, "extra")
        self.assertFalse(os.path.exists(data))

    def test_it_listens_on_loopback_only(self):
        data = os.path.join(self.dir, "unused")
        for address in ("0.0.0.0:0", "192.0.2.1:0", "[::]:0", "example.com:80"):
            self.refused(1, "loopback", "--listen", address, "--data", data)
        self.refused(2, "ADDRESS:PORT", "--listen", "127.0.0.1", "--data", data)

    def test_port_taken_bad_directory_broken_key_and_bad_people_are_one_sentence(self):
        data = os.path.join(self.dir, "second")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.refused(1, "in use", "--listen", f"127.0.0.1:{port}", "--data", data)
        self.refused(1, "data directory", "--listen", "127.0.0.1:0", "--data", "/dev/null/x")
        os.makedirs(data, exist_ok=True)
        for name in ("idp-key.pem", "idp-cert.pem"):
            with open(os.path.join(data, name), "w", encoding="ascii") as file:
                file.write("garbage\n")
        self.refused(1, "idp-key.pem", "--listen", "127.0.0.1:0", "--data", data)
        people = os.path.join(self.dir, "people.txt")
        with open(people, "w", encoding="ascii") as file:
            file.write("# mine\nonly-a-name\n")
        self.refused(1, "line 2", "--listen", "127.0.0.1:0", "--data", data, "--people", people)

    def test_own_people_and_first_persona(self):
        people = os.path.join(self.dir, "own-people.txt")
        with open(people, "w", encoding="utf-8") as file:
            file.write("# mine\n\nkay@own.example | Kay | O'Neil <x> | Staff, Night shift\n")
        other = Provider(
            os.path.join(self.dir, "data"), "--quiet", "--people", people, "--persona", "google",
            "--sp", self.sp.entity,
        )  # fmt: skip
        try:
            form = Client(other).page_form("/unsolicited?user=KAY@own.example")
            answer = Answer(form, self.dir)
            self.assertEqual(answer.signatures(), {"response"})
            self.assertEqual(answer.attributes()["groups"], ["Staff", "Night shift"])
            self.assertEqual(answer.attributes()["lastName"], ["O'Neil <x>"])
        finally:
            self.assertEqual(other.stop(), 0)

    def test_service_provider_may_start_later_and_change_its_key(self):
        late = ServiceProvider(self.dir, "late", signs="true")
        late.server.server_close()
        idp = Provider(os.path.join(self.dir, "data"), "--quiet", "--sp", late.entity)
        client = Client(idp)
        try:
            xml = late.authn_request(idp, self.ident)
            status, text, _ = client.open("/sso?" + late.query("SAMLRequest", xml, None, late.key))
            self.assertEqual(status, 403)
            self.assertIn(late.entity, text)
            late.server.shutdown()
            port = late.server.server_port
            late.server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", port), late.server.RequestHandlerClass
            )
            threading.Thread(target=late.server.serve_forever, daemon=True).start()
            self.wait_for_form(client, "/sso?" + late.query("SAMLRequest", xml, None, late.key))
            late.make_key()
            self.wait_for_form(client, "/sso?" + late.query("SAMLRequest", xml, None, late.key))
        finally:
            self.assertEqual(idp.stop(), 0)
            late.server.shutdown()
            late.server.server_close()

    def wait_for_form(self, client, path):
        """The provider fetches again at once for a stranger, but at most once a second."""
        until = utc_now() + datetime.timedelta(seconds=WAIT_S)
        status = 0
        while status != 200 and utc_now() < until:
            status, text, _ = client.open(path)
            threading.Event().wait(0.2)
        self.assertEqual(status, 200, text)

    def test_signals_stop_it_cleanly(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            other = Provider(os.path.join(self.dir, "data"), "--quiet")
            self.assertEqual(Client(other).open("/")[0], 200)
            self.assertEqual(other.stop(how), 0)
