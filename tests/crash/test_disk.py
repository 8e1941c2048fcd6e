# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk runs full, or its writes and syncs fail: refused, told, nothing acknowledged lost, and well again alone."""
import os
import resource
import subprocess

import harness
from rig import CrashCase, shim, wait_for

DISK_MIB = 8
BACK_S = 8      # the longest pause between two attempts to reopen is 5 s


class DiskCase(CrashCase):
    def broken_while(self, gate, let_go, least_refused=20):
        """Logs in on a disk that is broken: those refused, after it was mended by let_go()."""
        refused, answered = [], []
        for number in gate.forge(200):
            status, reason, got = gate.log_in(number)
            if status == 303:
                answered.append((number, got))
                continue
            self.assertEqual((status, reason), (503, "store.unavailable"))
            refused.append(number)
            if len(refused) == least_refused:
                break
        self.assertEqual(len(refused), least_refused, "no login was refused")
        gate.acknowledge(self, answered)
        self.assertEqual(gate.ready_status(), 503, "/readyz says that no login would be recorded")
        let_go()
        took = wait_for("ready again", gate.is_ready, BACK_S)
        # A refused one is not in: it may sign in now, and once.
        gate.acknowledge(self, [(n, cookie) for n, cookie in ((n, gate.log_in(n)[2]) for n in refused)])
        return took

    def nothing_lost(self, gate):
        """As it is, and after a kill -9."""
        for _ in (0, 1):
            users = gate.check_sessions(self, list(gate.sessions.items()))
            self.assertLessEqual(users, gate.audited()[0])
            gate.post_all(range(gate.made)).wait()
            gate.acknowledge(self, gate.taken())        # none that had been accepted before
            gate.kill()
            gate.serve()
        gate.end()

    def sign_in(self, gate, count=10):
        numbers = gate.forge(count)
        gate.post_all(numbers).wait()
        pairs = gate.taken()
        self.assertEqual(len(pairs), count)
        gate.acknowledge(self, pairs)
        return pairs


class FullDiskTest(DiskCase):
    def test_a_full_disk_refuses_logins_until_there_is_room_again(self):
        if os.geteuid() != 0:
            harness.say("# no root, so no small disk of its own: the limit on file sizes stands for it")
            return
        place = harness.temp_dir("disk")
        # A private mount that lives as long as this process; what runs in it sees the small disk.
        holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c",
             f'mount -t tmpfs -o size={DISK_MIB}m,mode=0700 none "$0" && echo mounted && exec cat', place],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.communicate)
        if holder.stdout.readline() != "mounted\n":
            harness.say("# root may not mount here (a container, a chroot): the limit on file sizes stands for it")
            return
        gate = self.rig(prefix=["nsenter", "-t", str(holder.pid), "-m", "--"],
                        data_dir=os.path.join(place, "data"))
        gate.set_up()
        before = self.sign_in(gate)
        filler = f"/proc/{holder.pid}/root{place}/filler"
        for _ in range(3 if self.soak else 1):
            with open(filler, "wb", buffering=0) as f:
                while True:
                    try:
                        if f.write(b"x" * 4096) < 4096:
                            break
                    except OSError:
                        break
            took = self.broken_while(gate, lambda: self.check_reads_and_free(gate, before, filler))
        harness.say(f"# ready {took:.2f} s after there was room again")
        self.nothing_lost(gate)

    def check_reads_and_free(self, gate, before, filler):
        gate.check_sessions(self, before)
        os.unlink(filler)

    def test_a_limit_on_file_sizes_is_as_a_full_disk(self):
        gate = self.rig()
        gate.set_up()
        before = self.sign_in(gate)
        size = os.path.getsize(os.path.join(gate.data, "store.mdb"))
        was = resource.prlimit(gate.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        def let_go():
            gate.check_sessions(self, before)
            resource.prlimit(gate.pid, resource.RLIMIT_FSIZE, was)
        took = self.broken_while(gate, let_go)
        harness.say(f"# ready {took:.2f} s after the limit was lifted")
        self.nothing_lost(gate)


class FailingDiskTest(DiskCase):
    def test_failing_writes_and_syncs_are_refused_and_lose_nothing(self):
        gate = self.rig()
        control = os.path.join(gate.folder, "failing")
        gate.extra = {"LD_PRELOAD": shim("failing_io"), "FAILING_IO": control}
        gate.set_up()
        self.sign_in(gate)
        for calls in ("fdatasync fsync msync", "pwrite pwritev", "meta", "meta fdatasync pwrite pwritev fsync"):
            with self.subTest(calls=calls):
                with open(control + ".new", "w", encoding="ascii") as f:
                    f.write(calls)
                os.rename(control + ".new", control)
                took = self.broken_while(gate, lambda: os.unlink(control))
                harness.say(f"# {calls}: ready {took:.2f} s after the disk was well again")
                self.sign_in(gate)
        said = gate.program.printed(1 << 20)
        self.assertNotIn("damaged", said)
        self.nothing_lost(gate)
