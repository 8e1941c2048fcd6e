# SPDX-License-Identifier: GPL-3.0-or-later
"""What one does to the gate the others do not feel: a flood on one tenant's connection, rates that are used up, and ten
thousand connections on which nothing happens."""
import json
import os
import resource
import socket
import subprocess
import threading
import time

import harness
import proctree
from rig import ACS, FORM, REASON, SLUG, Client, CrashCase

OTHER = "other"             # the tenant that floods nobody
P99_MOST_S = 0.5            # of its logins, beside the flood; told, and bounded for a machine that is busy
IDLE = 10_000
IDLE_MEMORY_MOST_MIB = 400  # some 25 KB each
BACKLOG_S = 20              # to be accepted, all of them


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


class ShareCase(CrashCase):
    def other_tenant(self, gate):
        """A second tenant, its connection, and bodies for it."""
        gate.make_tenant(OTHER, ["other.example"])
        # The forge knows one domain, and it can belong to one tenant: here it belongs to none.
        gate.api("PUT", f"/connections/{SLUG}/policy", {"unsolicited": True, "verify_email_domain": False})
        gate.api("PUT", f"/tenants/{SLUG}", {"name": "Bench", "domains": [], "disabled": False})
        gate.api("POST", f"/tenants/{OTHER}/connections", {"slug": OTHER})
        with open(os.path.join(gate.idp, "idp-metadata.xml"), encoding="utf-8") as f:
            gate.api("PUT", f"/connections/{OTHER}/idp", {"metadata_xml": f.read()})
        gate.api("PUT", f"/connections/{OTHER}/policy", {"unsolicited": True, "verify_email_domain": False})
        gate.api("PUT", f"/connections/{OTHER}/rules", {"rules": [], "default_role": "read_only", "mode": "authoritative"})
        return gate.tools.forge(gate.idp, f"{gate.base}/saml/{OTHER}/acs", f"{gate.base}/saml/{OTHER}", "--count", 3000,
                                "--first", 5_000_000).splitlines()

    def logins(self, gate, bodies, until, clients=2):
        """(status of each login of the other tenant, how long each took): one after the other, until then."""
        statuses, took, lock = [], [], threading.Lock()

        def work():
            client = Client(gate.port)
            while time.monotonic() < until() and bodies:
                body = bodies.pop()
                began = time.monotonic()
                status, _, text = client.ask("POST", f"/saml/{OTHER}/acs", body, {**FORM, "Accept": "text/html"})
                if status != 303:
                    found = REASON.search(text)
                    status = f"{status} {found.group().decode() if found else text[:200]}"
                with lock:
                    statuses.append(status)
                    took.append(time.monotonic() - began)
                time.sleep(0.01)
        threads = [threading.Thread(target=work) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses, took


class FloodedNeighbourTest(ShareCase):
    def test_one_tenants_flood_does_not_starve_anothers_logins(self):
        seconds = 15 if self.soak else 4
        gate = self.rig()
        gate.set_up()
        bodies = self.other_tenant(gate)
        end = time.monotonic() + 2
        statuses, alone = self.logins(gate, bodies, lambda: end)
        self.assertEqual(set(statuses), {303})
        pool = gate.forge(10000 * seconds)      # more than it can take, so that the flood does not run dry
        flood = os.path.join(os.path.dirname(os.path.realpath(gate.tools.place)), "crash", "flood")
        flooding = subprocess.Popen([flood, "--port", str(gate.port), "--path", ACS, "--bodies", gate.file_of(pool),
                                     "--rate", "30000", "--seconds", str(seconds), "--conns", "2000"],
                                    stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        until = time.monotonic() + seconds - 1.5
        statuses, beside = self.logins(gate, bodies, lambda: until)
        said = json.loads(flooding.communicate(timeout=60)[0])
        harness.say(f"# beside a flood of {said['rate']}/s and {said['refused']} refused: {len(beside)} logins of another "
                    f"tenant, p50 {percentile(beside, 0.5) * 1e3:.1f} ms, p99 {percentile(beside, 0.99) * 1e3:.1f} ms; "
                    f"alone {percentile(alone, 0.5) * 1e3:.1f} and {percentile(alone, 0.99) * 1e3:.1f} ms")
        self.assertGreater(said["refused"], 0, said)        # it was a flood
        self.assertGreater(len(beside), 20)
        self.assertEqual(set(statuses), {303})              # and none of them was refused for it
        self.assertLess(percentile(beside, 0.99), P99_MOST_S)
        gate.end()


class RateTest(ShareCase):
    def statuses(self, gate, count):
        client = Client(gate.port)
        found = []
        for number in gate.forge(count):
            status, reason, headers = gate.log_in(number, client)
            if status == 429:
                self.assertEqual(reason, "login.rate_limited")
                self.assertGreaterEqual(int(headers["retry-after"]), 1)
            found.append(status)
        return found

    def test_a_connections_rate_is_its_own(self):
        gate = self.rig(connection_rate="20")
        gate.set_up()
        bodies = self.other_tenant(gate)
        found = self.statuses(gate, 150)
        self.assertEqual(set(found), {303, 429})
        end = time.monotonic() + 1
        statuses, _ = self.logins(gate, bodies[:15], lambda: end, clients=1)
        self.assertEqual(set(statuses), {303})
        time.sleep(1.1)
        self.assertEqual(self.statuses(gate, 1), [303])     # the next second
        gate.end()

    def test_an_address_has_a_rate_over_all_connections(self):
        gate = self.rig(login_rate="30")
        gate.set_up()
        bodies = self.other_tenant(gate)
        found = self.statuses(gate, 45)
        self.assertGreaterEqual(found.count(303), 30)       # a minute may begin in between
        self.assertIn(429, found)
        status, _, text = Client(gate.port).ask("POST", f"/saml/{OTHER}/acs", bodies[0], {**FORM, "Accept": "text/html"})
        self.assertEqual(status, 429, text)
        gate.end()


class IdleTest(ShareCase):
    def connect(self, gate):
        s = socket.create_connection(("127.0.0.1", gate.port), timeout=BACKLOG_S)
        self.addCleanup(s.close)
        return s

    def test_ten_thousand_idle_connections_cost_little_and_hinder_nobody(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreaterEqual(hard, IDLE + 300, f"this machine lets nobody open {IDLE} files (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))        # the gate gets it from here, too
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        gate = self.rig()
        gate.set_up()
        bodies = self.other_tenant(gate)
        end = time.monotonic() + 1
        _, alone = self.logins(gate, bodies, lambda: end)
        memory = proctree.memory_bytes(gate.pid)
        idle = []
        for number in range(IDLE):
            s = self.connect(gate)
            if number % 10 == 0:    # kept alive after an answer
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            idle.append(s)
        self.assertIn(b" 200 ", idle[IDLE - 10].recv(4096))     # the last that asked was accepted and answered
        used = (proctree.memory_bytes(gate.pid) - memory) / 2**20
        end = time.monotonic() + 2
        statuses, beside = self.logins(gate, bodies, lambda: end)
        harness.say(f"# {IDLE} idle connections: {used:.0f} MiB more; logins p50 {percentile(beside, 0.5) * 1e3:.1f} ms, p99 "
                    f"{percentile(beside, 0.99) * 1e3:.1f} ms; alone {percentile(alone, 0.5) * 1e3:.1f} and "
                    f"{percentile(alone, 0.99) * 1e3:.1f} ms")
        self.assertEqual(set(statuses), {303})
        self.assertGreater(len(beside), 20)
        self.assertLess(used, IDLE_MEMORY_MOST_MIB)
        for s in idle:
            s.close()
        self.assertEqual(gate.log_in(gate.forge(1)[0])[0], 303)
        gate.end()

    def test_connections_have_a_limit_and_there_is_room_again(self):
        gate = self.rig(connections="64")
        gate.set_up()
        gate.client.close()
        held = [self.connect(gate) for _ in range(64)]
        late = self.connect(gate)       # waits at the door
        late.settimeout(0.5)
        late.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with self.assertRaises(OSError):
            if late.recv(100) == b"":
                raise OSError("closed")
        for s in held[:8]:
            s.close()
        self.assertEqual(gate.log_in(gate.forge(1)[0])[0], 303)
        gate.end()
