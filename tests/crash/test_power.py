# SPDX-License-Identifier: GPL-3.0-or-later
"""The power is cut: of what was written since the last sync any part may be on the disk, in any order, torn anywhere.

The shipped gate runs under load while a preloaded library records what it writes to the store's files and what it knows
to be on the disk. Then disks are made as a cut at some moment may have left them, and a gate is started on each: what was
answered before that moment is there, and is not taken again."""
import os
import random
import shutil
import struct
import threading

import harness
from rig import Client, CrashCase, in_threads, shim

LOGINS = 2400           # some four commits of the tree
THREADS = 12
HEAD = struct.Struct("<ccQI")
SECTOR, PAGE = 512, 4096
FILES = {b"t": "store.mdb", b"j": "store.mdb-journal"}


def entries_of(path):
    """[(what, file, offset, bytes)]"""
    with open(path, "rb") as f:
        text = f.read()
    found, at = [], 0
    while at < len(text):
        what, file, offset, length = HEAD.unpack_from(text, at)
        at += HEAD.size
        found.append((what, file, offset, text[at:at + length]))
        at += length
    return found


def put(image, offset, data):
    if len(image) < offset + len(data):
        image.extend(bytes(offset + len(data) - len(image)))
    image[offset:offset + len(data)] = data


def pieces(offset, data, size):
    """The data cut where the disk may tear them."""
    while data:
        length = size - offset % size
        yield offset, data[:length]
        offset, data = offset + length, data[length:]


class Disk:
    """What is surely on the disk, and what may be."""

    def __init__(self, images):
        self.images = {file: bytearray(image) for file, image in images.items()}
        self.maybe = {file: [] for file in images}

    def take(self, what, file, offset, data):
        if what == b"w":
            self.maybe[file].append((offset, data))
        elif what == b"d":
            self.maybe[file] = [one for one in self.maybe[file] if one != (offset, data)]
            put(self.images[file], offset, data)
        elif what == b"s":
            for at, one in self.maybe[file]:
                put(self.images[file], at, one)
            self.maybe[file] = []
        # A new length is the end of a probe for room, or room for later, behind everything: whether it is there makes no difference.

    def cut(self, chance):
        """The files as the power left them."""
        left = {file: bytearray(image) for file, image in self.images.items()}
        size, share = chance.choice((SECTOR, PAGE)), chance.choice((0.0, 0.5, 0.9, 1.0))
        for file, writes in self.maybe.items():
            torn = [piece for offset, data in writes for piece in pieces(offset, data, size)]
            chance.shuffle(torn)
            for offset, data in torn:
                if chance.random() < share:
                    put(left[file], offset, data)
        return left


class PowerTest(CrashCase):
    def test_what_was_answered_survives_a_power_cut(self):
        chance = random.Random(self.seed)
        gate = self.rig()
        gate.set_up()
        gate.stop()
        start = {file: self.content(gate, name) for file, name in FILES.items()}
        record = os.path.join(gate.folder, "recorded")
        gate.extra = {"LD_PRELOAD": shim("recording_io"), "RECORDING_IO": record}
        gate.serve()
        self.load(gate, record)
        gate.kill()
        gate.extra = {}
        entries = entries_of(record)
        kept = os.path.join(gate.folder, "kept")
        shutil.copytree(gate.data, kept, ignore=shutil.ignore_patterns("store.mdb*", "*.sock"))
        commits = [i for i, entry in enumerate(entries) if entry[:2] == (b"d", b"t")]
        self.assertGreaterEqual(len(commits), 3, "the tree was committed now and then")
        cuts = sorted(chance.sample(range(len(entries)), 60 if self.soak else 8) +
                      [at + chance.choice((-2, -1, 0, 1, 2)) for at in chance.sample(commits, 3)])
        disk, done, answered = Disk(start), 0, []
        for cut in cuts:
            for what, file, offset, data in entries[done:cut]:
                if what == b"a":
                    answered.append(offset)
                else:
                    disk.take(what, file, offset, data)
            done = max(done, cut)
            with self.subTest(cut=cut, of=len(entries), seed=self.seed):
                self.look(gate, kept, disk.cut(chance), answered)
        harness.say(f"# {len(cuts)} cuts in {len(entries)} writes, syncs and answers, {len(commits)} commits of the tree, "
                    f"{len(answered)} logins answered before the last one, seed {self.seed}")
        self.assertGreater(len(answered), 50)

    @staticmethod
    def content(gate, name):
        with open(os.path.join(gate.data, name), "rb") as f:
            return f.read()

    def load(self, gate, record):
        """Signs in, and notes each answer behind what was written before it."""
        numbers, lock = iter(gate.forge(LOGINS)), threading.Lock()
        note = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

        def work(_):
            client = Client(gate.port)
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    client.close()
                    return
                status, _, cookie = gate.log_in(number, client)
                if status == 303:
                    gate.sessions[number] = cookie
                    os.write(note, HEAD.pack(b"a", b"-", number, 0))
        in_threads(THREADS, work)
        os.close(note)
        self.assertEqual(len(gate.sessions), LOGINS)

    def look(self, gate, kept, files, answered):
        shutil.rmtree(gate.data)
        shutil.copytree(kept, gate.data)
        for file, image in files.items():
            with open(os.path.join(gate.data, FILES[file]), "wb") as f:
                f.write(image)
            os.chmod(os.path.join(gate.data, FILES[file]), 0o600)
        gate.serve()                # only a store that opens and verifies gets it to be ready
        users = gate.check_sessions(self, [(number, gate.sessions[number]) for number in answered])
        self.assertLessEqual(users, gate.audited()[0], "a login was answered and is not in the audit log")
        if answered:
            gate.post_all(answered).wait()
            self.assertEqual(gate.taken(), [], "what was answered before the cut was taken again")
        self.assertNotIn("damaged", gate.program.printed(1 << 20))
        gate.kill()
