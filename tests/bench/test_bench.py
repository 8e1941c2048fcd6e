#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-check of the bench: that its messages are what they claim (xmlsec1 is the judge), that its load generator
finds every kind of wrong answer, that the costs of a process tree are counted whole, and that run.py fails when the
gate under it is wrong. Needs the built tools and xmlsec1, no gate (test_scale.py has one). Prints `N passed, N failed`.
"""
import base64
import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
from xml.etree import ElementTree

sys.dont_write_bytecode = True

import proctree
import refusal
from gate import free_port
from tools import PREFIX, Tools, Trouble, find_tools

HERE = os.path.dirname(os.path.abspath(__file__))
ACS, AUDIENCE = "http://127.0.0.1:8080/saml/bench/acs", "http://127.0.0.1:8080/saml/bench"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
TOOLS = Tools(find_tools(os.path.abspath(os.environ.get("GATEHOUSE_BUILD", "build"))))
COOKIE = "__Host-gatehouse"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(got, expected, what=""):
    assert got == expected, f"{what} expected {expected!r}, got {got!r}"


# ---- what saying no costs ------------------------------------------------------------------------

def flooded(printed, status=0):
    """What refusal.py makes of a flood that prints this, or its Trouble."""
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "bench")
        for name in ("bench", "crash"):
            os.mkdir(os.path.join(folder, name))
        program = os.path.join(folder, "crash", "flood")
        with open(program, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho '{json.dumps(printed)}'\nexit {status}\n")
        os.chmod(program, 0o755)
        try:
            return refusal.flood(place, None, 1, "/", "bodies", 1)
        except Trouble:
            return Trouble


@test
def a_refusal_is_only_measured_when_nothing_was_accepted_and_most_was_refused():
    equal(flooded({"sent": 1000, "ok": 0, "refused": 700}), 700)
    equal(flooded({"sent": 1000, "ok": 1, "refused": 700}), Trouble)
    equal(flooded({"sent": 1000, "ok": 0, "refused": 400}), Trouble)
    equal(flooded({"sent": 1000, "ok": 0, "refused": 700}, 1), Trouble)


@test
def the_bare_program_refuses_whatever_is_posted_and_says_what_it_paid():
    port = free_port()
    with subprocess.Popen([os.path.join(TOOLS.place, "bare"), str(port), "2"], stdout=subprocess.PIPE, text=True) as bare:
        time.sleep(0.3)
        for size in (1, 20000, 70000):     # whole at once, and in pieces
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(f"POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode() + b"a" * size)
                equal(client.recv(12), b"HTTP/1.1 503", size)
        found = json.loads(bare.communicate(timeout=10)[0])
    equal(found["answered"], 3)
    assert found["cpu_us"] > 0, found


# ---- messages ----------------------------------------------------------------------------------

@contextlib.contextmanager
def providers():
    """(the folder of a provider, the folder of a foreign one)"""
    with tempfile.TemporaryDirectory() as folder:
        both = [os.path.join(folder, name) for name in ("idp", "foreign")]
        for idp in both:
            TOOLS.make_idp(idp)
        yield both


def forged_xml(idp, *options):
    return TOOLS.forge(idp, ACS, AUDIENCE, "--raw", *options).strip()


def holds(idp, text, place=None):
    """Whether xmlsec1 finds the first signature, or the one in `place`, good under the provider's key."""
    where = ["--node-xpath", f"//*[local-name()='{place}']/*[local-name()='Signature']"] if place else []
    with tempfile.NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        return subprocess.run(
            ["xmlsec1", "--verify", "--pubkey-cert-pem", os.path.join(idp, "idp.crt"), *where,
             "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
             "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response", f.name],
            capture_output=True, check=False).returncode == 0


@test
def a_message_verifies_with_xmlsec1():
    with providers() as (idp, _):
        text = forged_xml(idp)
        assert holds(idp, text)
        assert holds(idp, text, "Assertion") and not holds(idp, text, "Response")


@test
def both_signatures_verify_when_the_response_is_signed_too():
    with providers() as (idp, _):
        text = forged_xml(idp, "--sign-response")
        assert holds(idp, text, "Response") and holds(idp, text, "Assertion")


@test
def tampered_messages_do_not_verify():
    with providers() as (idp, _):
        for defect in ("tampered", "tampered-name"):
            text = forged_xml(idp, "--defect", defect)
            ElementTree.fromstring(text)
            assert not holds(idp, text), defect
        text = forged_xml(idp, "--defect", "tampered", "--sign-response")
        assert not holds(idp, text, "Response") and not holds(idp, text, "Assertion")


@test
def any_changed_octet_of_the_assertion_breaks_the_signature():
    with providers() as (idp, _):
        text = forged_xml(idp)
        for old, new in (("Version=\"2.0\"><saml:Issuer", "Version=\"2.1\"><saml:Issuer"), ("Given0<", "Given1<"),
                         (AUDIENCE + "</saml:Audience>", AUDIENCE + "x</saml:Audience>")):
            at = text.rindex(old)
            assert not holds(idp, text[:at] + new + text[at + len(old):]), old


@test
def a_foreign_providers_message_does_not_verify():
    with providers() as (idp, foreign):
        text = forged_xml(foreign)
        assert holds(foreign, text) and not holds(idp, text)


@test
def an_unsigned_message_has_no_signature():
    with providers() as (idp, _):
        assert "Signature" not in forged_xml(idp, "--defect", "unsigned", "--sign-response")


@test
def a_message_has_the_shape_that_is_measured():
    with providers() as (idp, _):
        text = forged_xml(idp, "--first", "77")
        assert 6500 < len(text) < 7700, len(text)
        assert "InResponseTo" not in text
        assertion = ElementTree.fromstring(text).find(f"{SAML}Assertion")
        name = assertion.find(f"{SAML}Subject/{SAML}NameID")
        equal(name.text, "person00000077@bench.example")
        assert name.get("Format").endswith(":emailAddress")
        attributes = assertion.findall(f"{SAML}AttributeStatement/{SAML}Attribute")
        equal(len(attributes), 6)
        groups = [v.text for v in attributes[-1]]
        equal(len(set(groups)), 10)
        equal(sum(g.startswith(PREFIX) for g in groups), 1, "groups that the rules know:")


@test
def each_time_or_address_defect_changes_what_it_says_and_nothing_else():
    def seen(text):
        assertion = ElementTree.fromstring(text).find(f"{SAML}Assertion")
        conditions = assertion.find(f"{SAML}Conditions")
        data = assertion.find(f".//{SAML}SubjectConfirmationData")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"started": conditions.get("NotBefore") <= now, "over": conditions.get("NotOnOrAfter") <= now,
                "confirmation over": data.get("NotOnOrAfter") <= now,
                "audience": conditions.findtext(f".//{SAML}Audience") == AUDIENCE,
                "recipient": data.get("Recipient") == ACS}
    good = {"started": True, "over": False, "confirmation over": False, "audience": True, "recipient": True}
    with providers() as (idp, _):
        equal(seen(forged_xml(idp)), good)
        for defect, change in (("expired", {"over": True, "confirmation over": True}), ("early", {"started": False}),
                               ("audience", {"audience": False}), ("recipient", {"recipient": False})):
            text = forged_xml(idp, "--defect", defect)
            equal(seen(text), dict(good, **change), defect)
            assert holds(idp, text), defect


@test
def many_threads_write_every_message_once_and_in_order():
    with providers() as (idp, _):
        lines = TOOLS.forge(idp, ACS, AUDIENCE, "--count", 203, "--first", 5, "--threads", 7).splitlines()
        equal(len(lines), 203)
        ids = set()
        for i, line in enumerate(lines):
            form = urllib.parse.parse_qs(line, strict_parsing=True)
            equal(list(form), ["SAMLResponse"])
            root = ElementTree.fromstring(base64.b64decode(form["SAMLResponse"][0], validate=True))
            equal(root.findtext(f".//{SAML}NameID"), f"person{5 + i:08d}@bench.example")
            ids.update((root.get("ID"), root.find(f"{SAML}Assertion").get("ID")))
        equal(len(ids), 406)


@test
def a_list_of_people_gives_a_message_for_each_in_its_order():
    people = [7, 3, 3, 89_000_000, 0] * 9
    with providers() as (idp, _), tempfile.NamedTemporaryFile("w", encoding="ascii") as numbers:
        numbers.write("".join(f"{number}\n" for number in people))
        numbers.flush()
        lines = TOOLS.forge(idp, ACS, AUDIENCE, "--people", numbers.name, "--raw", "--threads", 3).splitlines()
        equal([ElementTree.fromstring(line).findtext(f".//{SAML}NameID") for line in lines],
              [f"person{number:08d}@bench.example" for number in people])


@test
def the_key_is_readable_by_its_owner_only_and_wrong_options_are_named():
    with providers() as (idp, _):
        equal(os.stat(os.path.join(idp, "idp.key")).st_mode & 0o777, 0o600)
    forge = os.path.join(TOOLS.place, "forge")
    for words, named in ((["--count", "0"], "--count"), (["--count", "9x"], "--count"), (["--defect", "no"], "'no'"),
                         (["--people", "/dev/null"], "no number"), (["--people", "/no/such"], "/no/such"),
                         (["--people", forge], "--people"),
                         (["--acs", "a&b", "--audience", "a"], "--acs"), ([], "--acs"), (["more"], "'more'")):
        done = subprocess.run([forge, *words], capture_output=True, text=True, check=False)
        equal(done.returncode, 2, words)
        assert named in done.stderr, done.stderr


# ---- the load generator ------------------------------------------------------------------------

class Server(http.server.ThreadingHTTPServer):
    """Answers post number N (from 0) with answer(N): (status, headers, body), or None to close the connection."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer):
        self.answer, self.bodies, self.lock = answer, [], threading.Lock()
        super().__init__(("127.0.0.1", 0), PostHandler)


class PostHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            number = len(self.server.bodies)
            self.server.bodies.append(body)
        answer = self.server.answer(number)
        if answer is None:
            self.close_connection = True
            return
        status, headers, text = answer
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def good(number):
    return 303, [("Set-Cookie", f"{COOKIE}=token-of-login-{number:08d}; Secure; HttpOnly"), ("Location", "/")], b""


def loaded(answer, *options, lines=40):
    """(what load printed, its exit status, its stderr, what the server was posted)"""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as f:
            f.writelines(f"SAMLResponse=body{i}{'x' * 9000}\n" for i in range(lines))
            f.flush()
            done = subprocess.run(
                [os.path.join(TOOLS.place, "load"), "--port", str(server.server_port), "--path", "/acs",
                 "--bodies", f.name, "--conns", "4", *options], capture_output=True, text=True, timeout=60, check=False)
        return json.loads(done.stdout or "{}"), done.returncode, done.stderr, server.bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def one_wrong(wrong, *options, right=good):
    """Login 20 is answered wrongly, and must be the one that is found."""
    found, status, said, posted = loaded(lambda n: wrong if n == 20 else right(n), *options)
    equal(status, 1, "exit status:")
    equal((found["sent"], found["ok"], found["failed"]), (40, 39, 1))
    equal(len(posted), 40, "posts, nothing retried:")
    return said


@test
def good_answers_are_counted_and_every_body_is_posted_once():
    found, status, said, posted = loaded(good)
    equal((status, said), (0, ""))
    equal((found["sent"], found["ok"], found["failed"], found["duplicates"]), (40, 40, 0, 0))
    equal(len(set(posted)), 40, "different bodies:")
    assert 0 < found["p50_us"] <= found["p99_us"] <= found["max_us"] <= found["wall_us"], found
    assert found["rate"] > 0 and found["reconnects"] == 0, found


@test
def a_part_of_the_file_is_posted_when_asked():
    found, status, _, posted = loaded(good, "--skip", "10", "--count", "5")
    equal((status, found["ok"]), (0, 5))
    equal(sorted(b.rstrip(b"x") for b in posted), [f"SAMLResponse=body{i}".encode() for i in range(10, 15)])


@test
def a_wrong_status_is_found_and_shown():
    said = one_wrong((403, [], b'{"reason": "assertion.replayed"}'))
    assert "the status" in said and "403" in said and "assertion.replayed" in said, said


@test
def a_right_cookie_with_a_wrong_status_is_no_login():
    one_wrong((200, good(20)[1], b""))


@test
def a_token_that_was_given_out_before_is_found():
    said = one_wrong(good(7))
    assert "given out twice" in said, said


@test
def an_answer_without_the_session_cookie_is_found():
    for cookie in ("another=token-of-login-00000020", f"{COOKIE}-handle=token-of-login-00000020",
                   f"x{COOKIE}=token-of-login-00000020"):
        assert "cookie" in one_wrong((303, [("Set-Cookie", cookie)], b""))
    one_wrong((303, [("X-Set-Cookie", f"{COOKIE}=token-of-login-00000020")], b""))
    one_wrong((303, [], f"\r\nSet-Cookie: {COOKIE}=token-of-login-00000020\r\n".encode()))


@test
def the_session_cookie_is_found_beside_others_whatever_the_case_of_the_header():
    found, status, _, _ = loaded(lambda n: (303, [("set-cookie", "a=b"), ("SET-COOKIE", good(n)[1][0][1])], b"moved"))
    equal((status, found["ok"]), (0, 40))


@test
def a_short_or_empty_token_is_found():
    for token in ("", "fifteen-letters"):
        assert "16 characters" in one_wrong((303, [("Set-Cookie", f"{COOKIE}={token}; Secure")], b""))


@test
def a_connection_that_is_closed_is_a_failed_login_and_not_retried():
    assert "connection was closed" in one_wrong(None)


@test
def an_answer_without_a_length_is_found():
    said = one_wrong((303, good(20)[1] + [("Content-Length", "many")], b""))
    assert "Content-Length" in said, said


@test
def a_server_that_closes_politely_is_reconnected_to():
    found, status, _, posted = loaded(lambda n: (303, good(n)[1] + [("Connection", "close")], b""))
    equal((status, found["ok"], len(posted)), (0, 40, 40))
    assert found["reconnects"] >= 36, found


@test
def json_answers_are_judged_by_their_access_token():
    def right(n):
        return 200, [], json.dumps({"token_type": "Bearer", "access_token": f"header.payload.{n:08d}"}).encode()
    found, status, _, _ = loaded(right, "--json")
    equal((status, found["ok"]), (0, 40))
    assert "access_token" in one_wrong((200, [], b'{"token_type": "Bearer"}'), "--json", right=right)
    assert "access_token" in one_wrong((200, [], b'{"access_token": null}'), "--json", right=right)
    assert "status" in one_wrong(good(20), "--json", right=right)
    one_wrong(right(3), "--json", right=right)


@test
def time_is_bounded():
    start = time.monotonic()
    found, status, said, _ = loaded(lambda n: good(n) if n < 10 else time.sleep(30), "--seconds", "3")
    assert time.monotonic() - start < 20
    equal((status, found["ok"]), (1, 10))
    assert found["failed"] == found["sent"] - 10 > 0 and found["unanswered"] == 30, found
    assert "time ran out" in said, said


@test
def nobody_listening_fails_every_login_at_once():
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as f:
        f.write("a\nb\nc")
        f.flush()
        found, right = TOOLS.load(free_port(), "/acs", f.name, 0, 3, 2, 5, False)
    assert not right
    equal((found["sent"], found["ok"], found["failed"]), (3, 0, 3))


# ---- costs of a process tree -------------------------------------------------------------------

BURN = "import time\nwhile time.process_time() < {0}: pass\n"


@test
def the_cpu_of_children_that_ended_and_of_those_that_live_is_counted():
    script = ("import subprocess, sys, time\n"
              "subprocess.run([sys.executable, '-c', sys.argv[1]])\n"          # ends and is waited for
              "p = subprocess.Popen([sys.executable, '-c', sys.argv[1] + 'time.sleep(60)'])\n"
              "exec(sys.argv[1])\nprint('ready', flush=True)\ninput()\np.kill()\np.wait()\n")
    with subprocess.Popen([sys.executable, "-c", script, BURN.format(0.3)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            equal(process.stdout.readline(), "ready\n")
            equal(len(proctree.tree(process.pid)), 2, "processes:")
            end = time.monotonic() + 20         # the one that lives may still be at work
            while sum(proctree.cpu_seconds(process.pid)) < 0.85 and time.monotonic() < end:
                time.sleep(0.05)
            user, kernel = proctree.cpu_seconds(process.pid)
            assert 0.85 <= user + kernel < 1.6, (user, kernel)
            assert 2**20 < proctree.memory_bytes(process.pid) < 2**28
        finally:
            process.communicate("\n")


@test
def a_process_is_told_from_another_with_its_pid():
    me = proctree.look(os.getpid())
    assert proctree.alive(me)
    assert not proctree.alive(proctree.Process(**dict(vars(me), started=me.started - 1)))
    assert proctree.look(2**22 + 1) is None


@test
def the_yardstick_is_a_plausible_time():
    assert 2 < TOOLS.yardstick() < 500


# ---- run.py over a pretend gate ----------------------------------------------------------------

@contextlib.contextmanager
def pretend_build():
    with tempfile.TemporaryDirectory() as build:
        program = os.path.join(build, "gatehouse")
        with open(program, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\nexec {sys.executable} -B {os.path.join(HERE, "pretend_gate.py")} "$@"\n')
        os.chmod(program, 0o755)
        yield build


def started(build, flaw, *options):
    environment = dict(os.environ, GATEHOUSE_BUILD=build, GATEHOUSE_BENCH_TOOLS=TOOLS.place, PRETEND_FLAW=flaw)
    return subprocess.Popen([sys.executable, os.path.join(HERE, "run.py"), "--peer-count", "0", "--count", "30", "--warm",
                             "10", "--rounds", "1", "--dir", build, *options], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ran(flaw, *options):
    """(exit status, stdout, stderr, what it left in its folder, processes it left)"""
    with pretend_build() as build:
        process = started(build, flaw, *options)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err, sorted(os.listdir(build)), children_of(build)


def children_of(build):
    """Processes whose gate has its data below this folder."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as f:
                    if f"GATEHOUSE_DATA_DIR={build}".encode() in f.read():
                        found.append(int(name))
            except OSError:
                continue
    return found


@test
def a_right_gate_is_measured_and_nothing_is_left():
    status, out, err, left, running = ran("", "--json")
    equal((status, left, running), (0, ["gatehouse"], []), err)
    report = json.loads(out)
    measured = report["rounds"][0]
    equal((measured["sent"], measured["ok"], measured["failed"]), (30, 30, 0))
    assert all(row["right"] for row in measured["proof"]) and len(measured["proof"]) == 14
    assert measured["cpu_ms"] > 0.5 and abs(measured["user_ms"] + measured["kernel_ms"] - measured["cpu_ms"]) < 1e-6
    assert abs(measured["per_core"] * measured["cpu_ms"] - 1000) < 1e-3
    assert measured["memory_after_mib"] >= measured["memory_before_mib"] > 1


@test
def the_table_names_every_figure():
    status, out, err, _, _ = ran("", "--tokens")
    equal(status, 0, err)
    for label in ("CPU per login", "per core", "p50", "p99", "RssAnon", "RSA-2048", "30 logins posted, 0 failed"):
        assert label in out, out


@test
def a_gate_that_lets_a_bad_one_in_fails_the_bench():
    for flaw, case in (("replay", "replayed"), ("expired", "expired")):
        status, out, err, left, running = ran(flaw)
        equal((status, out, left, running), (1, "", ["gatehouse"], []), err)
        wrong = [line for line in err.splitlines() if "<-- WRONG" in line]
        assert len(wrong) == 1 and wrong[0].split("  ")[1] == case, err


@test
def a_gate_that_fails_logins_fails_the_bench():
    status, _, err, _, running = ran("fail")
    equal((status, running), (1, []), err)
    assert "LOGINS FAILED" in err and "worker.failed" in err, err


@test
def what_a_gate_leaves_behind_is_ended():
    status, _, err, _, running = ran("leave")
    equal((status, running), (0, []), err)


@test
def an_interrupted_bench_ends_its_gate():
    for number, expected in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with pretend_build() as build:
            process = started(build, "", "--count", "100000", "--warm", "0")
            for line in process.stderr:
                if "forging" in line:
                    break
            assert children_of(build)
            process.send_signal(number)
            process.communicate(timeout=60)
            equal((process.returncode, sorted(os.listdir(build)), children_of(build)), (expected, ["gatehouse"], []))


@test
def a_gate_that_is_not_there_is_said_in_one_sentence():
    with tempfile.TemporaryDirectory() as build:
        process = started(build, "")
        _, err = process.communicate(timeout=60)
        equal(process.returncode, 1)
        assert "there is no" in err and "Traceback" not in err, err


def main():
    names = sys.argv[1:]
    passed = failed = 0
    for function in TESTS:
        if names and function.__name__ not in names:
            continue
        try:
            function()
            passed += 1
        except Exception:       # whatever it is, the other tests still run
            failed += 1
            print(f"FAILED {function.__name__}", file=sys.stderr)
            traceback.print_exc()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
