# SPDX-License-Identifier: GPL-3.0-or-later
"""Gatehouse's pages in a real browser (Debian's Chromium): a sign-in through the practice identity provider as a person does it,
with and without JavaScript, by keyboard, and axe-core on each page. Closes with `N passed, N failed`.
GATEHOUSE_SHOTS names a folder for pictures of the pages."""

import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from browser import Browser  # noqa: E402
from harness import Gate, Program, answers, find_built, free_port, temp_dir  # noqa: E402
from letterbox import Mailbox  # noqa: E402


def fail(sentence):
    print(sentence)
    print("0 passed, 1 failed")
    sys.exit(1)


def invite(gate, box, email):
    gate.api("POST", "/tenants/local/users", {"email": email, "roles": ["user"]})
    (letter,) = box.wait(to=email)
    return re.search(re.escape(gate.base) + r"/invitation\?t=[\w-]+", letter.text).group(0)


def main():
    chromium = shutil.which("chromium") or fail("chromium is not installed (apt-get install chromium)")
    node = shutil.which("node") or fail("node is not installed (apt-get install nodejs npm)")
    if not os.path.isdir(os.path.join(HERE, "node_modules", "playwright-core")):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"], cwd=HERE, check=True)
    box = Mailbox().start()
    gate = Gate(smtp_url=f"smtp://127.0.0.1:{box.port}", smtp_tls="none", smtp_from="no-reply@gate.example")
    gate.start()
    port = free_port()
    idp = f"http://127.0.0.1:{port}"
    folder = temp_dir("practice")
    practice = Program(
        "practice-idp",
        [find_built("gatehouse-practice-idp"), "--listen", f"127.0.0.1:{port}", "--data", folder,
         "--quiet", "--sp", gate.url("/saml/demo")],
        dict(os.environ), folder)
    practice.wait_until(lambda: answers(idp + "/metadata"), "the practice identity provider")
    gate.make_tenant("demo", ["demo.example"])
    gate.make_connection("demo", "demo", {"metadata_url": idp + "/metadata"},
                         {"rules": [{"match": "exact", "value": "Admins", "roles": ["admin"]}],
                          "default_role": None, "mode": "authoritative"})
    gate.make_tenant("local", ["local.example"])
    invitation = invite(gate, box, "bea@local.example")
    page = Browser().get(invite(gate, box, "cem@local.example"))
    password = "correct horse battery"
    Browser().submit(page.form("password"), password=password, repeat=password)
    back = f"http://127.0.0.1:{free_port()}/back"
    applications = {
        name: gate.api("POST", "/applications", {
            "name": name.capitalize(), "redirect_uris": [back], "confidential": name == "reports"})["id"]
        for name in ("reports", "phone")
    }
    env = dict(os.environ, INVITATION=invitation, GATE=gate.url("").rstrip("/"), IDP=idp, CHROMIUM=chromium,
               BACK=back, REPORTS=applications["reports"], PHONE=applications["phone"])
    code = subprocess.run([node, os.path.join(HERE, "test.mjs")], env=env, timeout=100).returncode
    practice.stop()
    gate.stop()
    box.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
