# SPDX-License-Identifier: GPL-3.0-or-later
"""Two readers of CSV, one text: the gate's, and the csv module of Python.

Owns: random documents of the characters that matter, and the rule that what the gate reads, Python
reads the same; what the gate refuses, Python refuses too or takes only because it is lax about
quotes. Never: a fixed seed; it is printed, and GATEHOUSE_SEED repeats a run.
"""

import csv
import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTS = 30_000
PIECES = ["a", "b c", " ", ",", ",", '"', '"', '""', "\r\n", "\n", "\r", "é", "'=", "x,y", '"z"', "\t"]


def program():
    build = os.environ.get("GATEHOUSE_BUILD", "build")
    name = "build/release" if build == "build" else build
    return os.path.join(ROOT, name, "tests/diff/csv_rows")


def well_formed(rng):
    """A document that a careful writer made."""
    out = io.StringIO()
    writer = csv.writer(
        out,
        lineterminator="\r\n",
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    )
    for _ in range(rng.randrange(6)):
        row = ["".join(rng.choices(PIECES, k=rng.randrange(5))) for _ in range(rng.randrange(1, 5))]
        writer.writerow(row)
    return out.getvalue()


def any_text(rng):
    return "".join(rng.choices(PIECES, k=rng.randrange(25)))


def by_python(text):
    """The rows, or None where Python refuses."""
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        return None


# A quote in a cell that does not begin with one: RFC 4180 has none, Python takes it as it is.
LAX = re.compile(r'(^|[,\r\n])[^",\r\n][^,\r\n]*"')


def judge(text, said, careful):
    theirs = by_python(text)
    if careful and "rows" not in said:
        return f"the gate refuses ({said['refused']}) what a careful writer made"
    if "rows" in said:
        ours = [row["cells"] for row in said["rows"]]
        return None if ours == theirs else f"the gate reads {ours}, Python {theirs}"
    if theirs is None or LAX.search(text):
        return None
    return f"the gate refuses ({said['refused']}), Python reads {theirs}"


def main():
    seed = int(os.environ.get("GATEHOUSE_SEED", time.time_ns() & 0xFFFFFFFF))
    print(f"seed {seed}")
    rng = random.Random(seed)
    texts = [(well_formed if i % 2 else any_text)(rng) for i in range(DOCUMENTS)]
    sent = b"".join(struct.pack(">I", len(t.encode())) + t.encode() for t in texts)
    done = subprocess.run([program()], input=sent, capture_output=True, timeout=120)
    if done.returncode != 0:
        print(done.stderr.decode())
        print("0 passed, 1 failed")
        return 1
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    faults = [
        (text, fault)
        for i, (text, answer) in enumerate(zip(texts, answers, strict=True))
        if (fault := judge(text, answer, i % 2 == 1))
    ]
    refused = sum("refused" in answer for answer in answers)
    for text, fault in faults[:5]:
        print(f"{text!r}: {fault}")
    print(f"{len(texts)} documents, {refused} refused")
    mixed = DOCUMENTS // 20 < refused < DOCUMENTS // 2  # or the documents prove nothing
    bad = bool(faults) or not mixed
    print("0 passed, 1 failed" if bad else "1 passed, 0 failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
