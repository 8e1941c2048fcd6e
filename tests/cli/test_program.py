# SPDX-License-Identifier: GPL-3.0-or-later
"""The program itself: help, version, usage, init, tokens, and starts that must fail with one sentence."""

import json
import os
import shutil
import socket
import subprocess
import time

from case import COMMANDS, FAILED, CommandCase
from harness import find_built, free_port
from jwt import decode


def parts(token):
    """Header and claims; whether the signature holds is asked of a gate."""
    return [json.loads(decode(part)) for part in token.split(".")[:2]]


class HelpTest(CommandCase):
    def test_the_version_is_said(self):
        self.assertRegex(self.done("--version"), r"^gatehouse \d+\.\d+\.\d+\n$")

    def test_the_help_names_every_command(self):
        text = self.done("--help")
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", text)
        self.assertEqual(self.done("-h"), text)
        self.assertEqual(self.done("help"), text)

    def test_each_command_has_usage_options_and_an_example(self):
        for command in COMMANDS:
            text = self.done(command, "--help")
            for part in (f"usage: gatehouse {command}", "--config FILE", "example:\n  ", "Exit status"):
                self.assertIn(part, text, command)

    def test_each_action_has_a_help_of_its_own(self):
        for command, actions in {
            "tenant": "list show add set remove",
            "connection": "list show add set remove",
            "rule": "list add set remove",
            "user": "list show add set remove",
            "role": "list show add remove",
            "trace": "list show",
        }.items():
            for action in actions.split():
                text = self.done(command, action, "--help")
                self.assertIn(f"usage: gatehouse {command} {action}", text)
                self.assertIn("example:\n  ", text)

    def test_help_needs_no_words_and_no_data(self):
        self.assertIn("usage: gatehouse tenant add", self.done("tenant", "add", "--help"))

    def test_wrong_use_is_2_and_says_what_is_known(self):
        self.usage(says="--help")
        self.usage("frobnicate", says=("frobnicate", "tenant, organization, connection"))
        self.usage("tenant", says="list, show, add, set, settings, remove")
        self.usage("tenant", "frob", says="frob")
        self.usage("tenant", "list", "--frob", says="--frob")
        self.usage("tenant", "list", "-x", says="-x")
        self.usage("tenant", "list", "extra", says="extra")
        self.usage("tenant", "show", says="SLUG")
        self.usage("tenant", "show", "", says="empty")
        self.usage("tenant", "add", "acme", "--name", says="--name NAME")
        self.usage("tenant", "add", "acme", "--name", "A", "--name", "B", says="twice")
        self.usage("tenant", "list", "--json=yes", says="takes no value")
        self.usage("tenant", "set", "acme", says="nothing to change")
        self.usage("tenant", "set", "acme", "--enable", "--disable", says="do not go together")
        self.usage("connection", "add", "acme-okta", says="--tenant")
        self.usage("connection", "set", "acme-okta", "--policy", "skew", says="KEY=VALUE")
        self.usage("rule", "remove", "acme-okta", "none", says="number")
        self.usage("user", "list", "acme", "--limit", "0", says="1 to")
        self.usage("operator-token", "--ttl", "0", says="1 to 86400")
        self.usage("operator-token", "--ttl", "86401", says="1 to 86400")
        self.usage("operator-token", "--ttl", "soon", says="1 to 86400")

    def test_an_option_may_be_written_with_an_equals_sign_and_anywhere(self):
        self.assertEqual(self.data("operator-token", "--ttl=60")["expires_in"], 60)
        self.assertEqual(json.loads(self.done("tenant", "list", "--json", "--"))["items"], [])


class InitTest(CommandCase):
    def test_it_says_what_it_made_and_what_comes_next(self):
        self.gate.env["GATEHOUSE_DATA_DIR"] = data = self.path("fresh")
        text = self.done("init")
        for part in ("made", data, "gatehouse serve", "gatehouse operator-token", "gatehouse tenant add"):
            self.assertIn(part, text)
        self.assertEqual(os.stat(data).st_mode & 0o777, 0o700)
        keys = sorted(os.listdir(os.path.join(data, "keys")))
        self.assertIn("token-1.key", keys)
        self.assertIn("link.key", keys)
        for name in keys:
            if name.endswith(".key"):
                self.assertEqual(os.stat(os.path.join(data, "keys", name)).st_mode & 0o777, 0o600)

    def test_again_it_keeps_everything(self):
        key = os.path.join(self.gate.data, "keys", "token-1.key")
        with open(key) as file:
            before = file.read()
        made = self.data("init")
        self.assertEqual(made["data_dir"], self.gate.data)
        self.assertTrue(made["files"])
        self.assertFalse([one for one in made["files"] if one["made"]])
        with open(key) as file:
            self.assertEqual(file.read(), before)

    def test_a_place_that_cannot_be_is_one_sentence(self):
        place = self.write("file", "no directory")
        for data in (place, "/proc/nowhere/data"):
            ended = self.ends(FAILED, "init", env={"GATEHOUSE_DATA_DIR": data}, says=data)
            self.assertEqual(len(ended.stderr.splitlines()), 1)


class TokenTest(CommandCase):
    def test_the_token_stands_alone_and_says_operator(self):
        text = self.done("operator-token")
        self.assertEqual(len(text.split()), 1)
        header, claims = parts(text.split()[-1])
        self.assertEqual((header["typ"], header["alg"]), ("at+jwt", "ES256"))
        self.assertEqual(claims["sub"], "operator")
        self.assertEqual(claims["client_id"], "gatehouse")
        self.assertEqual(claims["scope"], "operator")
        self.assertEqual(claims["iss"], self.gate.base)
        self.assertEqual(claims["exp"] - claims["iat"], 900)
        self.assertLess(abs(claims["iat"] - time.time()), 60)

    def test_json_has_the_token_and_its_life(self):
        answer = self.data("operator-token", "--ttl", "86400")
        self.assertEqual(set(answer), {"access_token", "expires_in"})
        self.assertEqual(answer["expires_in"], 86400)
        claims = parts(answer["access_token"])[1]
        self.assertEqual(claims["exp"] - claims["iat"], 86400)

    def test_without_keys_there_is_none(self):
        self.ends(FAILED, "operator-token", env={"GATEHOUSE_DATA_DIR": self.path("none")}, says="init")


class StartTest(CommandCase):
    def one_sentence(self, *arguments, says=(), env=None):
        ended = self.ends(FAILED, *arguments, says=says, env=env)
        self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
        self.assertEqual(ended.stdout, "")

    def test_a_wrong_key_names_file_line_and_the_known_keys(self):
        path = self.write("wrong.conf", 'listen = "127.0.0.1:0";\nlisten_on = "x";\n')
        for command in (("serve",), ("tenant", "list"), ("init",), ("operator-token",)):
            self.one_sentence(
                *command, "--config", path, says=(path + ":2", "listen_on", "public_url, listen, data_dir")
            )

    def test_a_wrong_value_says_what_is_expected(self):
        for text, word in (
            ("threads = 0;", "1 to 256"),
            ('threads = "many";', "number"),
            ("data_dir = 5;", "text in quotes"),
            ('public_url = "nonsense";', "https://"),
            ('public_url = "http://login.example.com";', "https"),
            ("listen = ", "syntax"),
        ):
            path = self.write("wrong.conf", text + "\n")
            # The environment would win over the file.
            env = {"GATEHOUSE_PUBLIC_URL": ""} if "public_url" in text else {}
            gate_env = dict(self.gate.env)
            if env:
                del self.gate.env["GATEHOUSE_PUBLIC_URL"]
            try:
                self.one_sentence("serve", "--config", path, says=word)
            finally:
                self.gate.env = gate_env
        self.one_sentence("serve", "--config", "/nowhere.conf", says="/nowhere.conf")
        self.one_sentence("serve", env={"GATEHOUSE_THREADS": "x"}, says="GATEHOUSE_THREADS")

    def test_the_configuration_of_the_file_counts(self):
        other = self.path("by-file")
        path = self.write("right.conf", f'data_dir = "{other}";\n')
        env = self.gate.env
        self.gate.env = {key: value for key, value in env.items() if key != "GATEHOUSE_DATA_DIR"}
        try:
            self.done("init", "--config", path)
            self.done("operator-token", "--config", path)
        finally:
            self.gate.env = env
        self.assertTrue(os.path.isdir(other))

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.one_sentence("serve", env={"GATEHOUSE_LISTEN": f"127.0.0.1:{port}"}, says=str(port))

    def test_an_address_that_is_none(self):
        self.one_sentence("serve", env={"GATEHOUSE_LISTEN": "nonsense"}, says="nonsense")

    def test_a_data_directory_that_is_not_there(self):
        self.one_sentence("serve", env={"GATEHOUSE_DATA_DIR": self.path("none")}, says="gatehouse init")

    def test_a_data_directory_that_others_may_enter(self):
        os.chmod(self.gate.data, 0o755)
        try:
            self.one_sentence("serve", says="chmod 700")
        finally:
            os.chmod(self.gate.data, 0o700)

    def test_a_data_directory_that_is_not_ours(self):
        if os.geteuid() != 0:
            self.assertTrue(True)  # only root may become nobody; the sentence is the same as for a missing one
            return
        folder, data = self.path("theirs"), self.path("theirs/data")
        shutil.copytree(self.gate.data, data)
        os.chmod(self.gate.folder, 0o755)
        os.chmod(folder, 0o755)
        built = self.path("bin")
        os.makedirs(built)
        for name in ("gatehouse", "gatehouse-worker"):
            shutil.copy(find_built(name), built)
        ended = subprocess.run(
            [os.path.join(built, "gatehouse"), "serve"],
            env={**self.gate.env, "GATEHOUSE_DATA_DIR": data, "HOME": "/"},
            cwd="/",
            user=65534,
            group=65534,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(ended.returncode, FAILED, ended.stderr)
        self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
        self.assertIn(data, ended.stderr)

    def test_key_files_that_are_none(self):
        keys = os.path.join(self.gate.data, "keys")
        for name in ("token-1.key", "saml-signing.key", "saml-encryption.crt"):
            path = os.path.join(keys, name)
            with open(path) as file:
                good = file.read()
            try:
                for bad in ("", "nonsense\n", good[: len(good) // 2]):
                    with open(path, "w") as file:
                        file.write(bad)
                    self.one_sentence("serve", says=name)
                os.rename(path, path + ".away")
                self.one_sentence("serve", says=keys)
                os.rename(path + ".away", path)
            finally:
                with open(path, "w") as file:
                    file.write(good)
        self.done("tenant", "list")

    def test_a_worker_that_is_not_there(self):
        lonely = os.path.join(self.path("lonely"), "gatehouse")
        os.makedirs(os.path.dirname(lonely), exist_ok=True)
        shutil.copy(find_built("gatehouse"), lonely)
        ended = subprocess.run(
            [lonely, "serve"], env=self.gate.env, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(ended.returncode, FAILED)
        self.assertIn("gatehouse-worker", ended.stderr)

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            ended = subprocess.run(
                [find_built("gatehouse"), "--help"], stdout=full, stderr=subprocess.PIPE, text=True
            )
        self.assertEqual(ended.returncode, FAILED)
        self.assertIn("standard output", ended.stderr)


class SecondGateTest(CommandCase):
    serving = True

    def test_a_second_gate_on_the_same_data(self):
        env = {"GATEHOUSE_LISTEN": f"127.0.0.1:{free_port()}"}
        ended = self.ends(FAILED, "serve", env=env, says=self.gate.data)
        self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
        self.assertIn(str(self.gate.program.process.pid), ended.stderr)
        self.done("tenant", "list")  # the first one is as well as before

    def test_a_token_needs_no_free_store(self):
        token = self.done("operator-token").split()[-1]
        self.assertEqual(self.gate.call("GET", "/api/v1/tenants", token=token)[0], 200)

    def test_an_expired_token_is_refused(self):
        token = self.done("operator-token", "--ttl", "1").split()[-1]
        time.sleep(2.1)
        self.assertEqual(self.gate.call("GET", "/api/v1/tenants", token=token)[0], 401)
