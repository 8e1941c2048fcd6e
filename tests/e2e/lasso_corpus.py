# SPDX-License-Identifier: GPL-3.0-or-later
"""What lasso says of each message of a dumped corpus, in a process of its own: some of them end lasso.

    lasso_corpus.py FOLDER KEY FIRST    prints a line of JSON for each row from that number on

Owns: asking lasso for each door. Never: compares; test_oracle_corpus.py does.
"""

import base64
import json
import os
import subprocess
import sys

from forge import idp_metadata, sp_metadata
from oracle import LassoProvider, lasso_reads_metadata

DIED = "lasso ended"


def _ask(row, folder, key, providers):
    names = (row["entity_id"], row["idp_entity_id"])
    certificate = row["idp_certificate"]
    ours = sp_metadata(row["entity_id"], row["acs_url"], row["slo_url"], certificate)
    with open(os.path.join(folder, row["file"]), "rb") as file:
        message = file.read()
    if row["door"].startswith("metadata"):
        return lasso_reads_metadata(ours, message.decode("utf-8", "surrogateescape"))
    if names not in providers:
        theirs = idp_metadata(row["idp_entity_id"], "https://idp.example/sso", [certificate])
        providers[names] = LassoProvider(ours, theirs, key)
    if row["door"] == "acs":
        return providers[names].accepts(base64.b64encode(message).decode())
    text = row["query"] if row["door"] == "logout_query" else base64.b64encode(message).decode()
    return providers[names].signs_out(text)


def main(folder, key, first):
    with open(os.path.join(folder, "corpus.json"), encoding="utf-8") as file:
        rows = json.load(file)
    with open(key, encoding="utf-8") as file:
        pem = file.read()
    providers = {}
    for number in range(first, len(rows)):
        accepted, who = False, "not asked"
        if rows[number]["group"] != "bounds":  # it takes seconds for some of these
            try:
                accepted, who = _ask(rows[number], folder, pem, providers)
            except UnicodeError as error:  # what no text of Python's can be
                who = str(error)
        print(json.dumps([number, accepted, who]), flush=True)


def verdicts(folder, key):
    """{row number: (accepted, name or words)}; where lasso ended, (False, DIED)."""
    found = {}
    with open(os.path.join(folder, "corpus.json"), encoding="utf-8") as file:
        count = len(json.load(file))
    while len(found) < count:
        command = [sys.executable, os.path.abspath(__file__), folder, key, str(len(found))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        for line in done.stdout.splitlines():
            number, accepted, who = json.loads(line)
            found[number] = (accepted, who)
        if len(found) < count:
            found[len(found)] = (False, DIED)
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
