# SPDX-License-Identifier: GPL-3.0-or-later
"""libgatehouse as an application gets it: installed, found by pkg-config, linked both ways, with tokens of a real gate."""
import base64
import json
import os
import re
import subprocess
import tempfile
import unittest

from codeflow import CodeFlowCase

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


class Installed(unittest.TestCase):
    """One staged installation for all of these tests."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="gatehouse-installed-")
        cls.addClassCleanup(folder.cleanup)
        cls.top = folder.name
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        done = run("make", "--no-print-directory", "install", f"DESTDIR={cls.top}", "PREFIX=/usr", cwd=ROOT, env=env)
        if done.returncode != 0:
            raise AssertionError(done.stderr[-3000:])
        cls.lib = os.path.join(cls.top, "usr/lib")
        cls.env = dict(env, PKG_CONFIG_PATH=os.path.join(cls.lib, "pkgconfig"), PKG_CONFIG_SYSROOT_DIR=cls.top,
                       LD_LIBRARY_PATH=cls.lib)

    @classmethod
    def path(cls, *parts):
        return os.path.join(cls.top, "usr", *parts)

    @classmethod
    def built(cls, name, *libraries):
        """The example as a program."""
        program = os.path.join(cls.top, name)
        flags = run("pkg-config", "--cflags", "libgatehouse", env=cls.env).stdout.split()
        done = run("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *flags,
                   cls.path("share/doc/gatehouse/check_token.c"), "-o", program, *libraries, env=cls.env)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return program


class TestFiles(Installed):
    def test_it_gives_away_the_functions_of_its_header_and_nothing_else(self):
        with open(self.path("include/gatehouse.h"), encoding="utf-8") as f:
            declared = set(re.findall(r"^GATEHOUSE_API [^(]*?(gatehouse_\w+)\(", f.read(), re.M))
        self.assertGreater(len(declared), 25)
        shared = run("nm", "-D", "--defined-only", os.path.join(self.lib, "libgatehouse.so.0")).stdout
        names = {line.split()[-1].split("@")[0] for line in shared.splitlines() if " T " in line}
        self.assertEqual(names, declared)
        static = run("nm", "-g", "--defined-only", os.path.join(self.lib, "libgatehouse.a")).stdout
        names = {line.split()[-1] for line in static.splitlines() if re.search(r" [A-Z] ", line)}
        self.assertEqual({name for name in names if not name.startswith("gatehouse_")}, set())
        with open(self.path("share/man/man3/libgatehouse.3"), encoding="utf-8") as f:
            described = set(re.findall(r"^\.Fn (gatehouse_\w+)", f.read(), re.M))
        self.assertEqual(declared - described, set())

    def test_it_needs_libcrypto_and_jansson_alone(self):
        needed = run("readelf", "-d", os.path.join(self.lib, "libgatehouse.so.0")).stdout
        names = set(re.findall(r"NEEDED.*\[(.*?)\.so", needed))
        self.assertLessEqual(names - {"libc"}, {"libcrypto", "libjansson", "libasan", "libubsan"}, needed)

    def test_its_header_is_c99_and_cplusplus(self):
        header = self.path("include/gatehouse.h")
        for language in ("c", "c++"):
            standard = "-std=c99" if language == "c" else "-std=c++11"
            done = run("cc", "-x", language, standard, "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                       "-include", header, "/dev/null")
            self.assertEqual(done.returncode, 0, done.stderr)


class TestTokens(CodeFlowCase, Installed):
    """The example, shared and static, with tokens of a gate."""

    @classmethod
    def setUpClass(cls):
        CodeFlowCase.setUpClass.__func__(cls)
        Installed.setUpClass.__func__(cls)
        libraries = run("pkg-config", "--libs", "libgatehouse", env=cls.env).stdout.split()
        cls.programs = (cls.built("shared", *libraries),
                        cls.built("static", os.path.join(cls.lib, "libgatehouse.a"), "-lcrypto", "-ljansson", "-pthread"))
        cls.jwks = os.path.join(cls.top, "jwks.json")
        with open(cls.jwks, "w", encoding="utf-8") as f:
            f.write(json.dumps(cls.gate.call("GET", "/.well-known/jwks.json")[1]))

    def check(self, token, *role, issuer=None, keys=None):
        """(exit status, what it printed), the same from both."""
        answers = {(done.returncode, done.stdout) for done in (
            run(program, issuer or self.gate.base, keys or self.jwks, *role, input=token + "\n", env=self.env)
            for program in self.programs)}
        self.assertEqual(len(answers), 1, answers)
        return answers.pop()

    def token(self):
        return self.assertSignedIn(self.log_in())["access_token"]

    def test_a_token_of_the_gate_holds_and_names_who_and_what(self):
        token = self.token()
        status, said = self.check(token)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"^subject usr_\w+\ntenant acme\n")
        role = re.search(r"^role (.*)$", said, re.M).group(1)
        self.assertEqual(self.check(token, role)[0], 0)
        self.assertEqual(self.check(token, "no_such_role")[0], 3)

    def test_what_an_application_got_is_for_it_alone_unless_it_has_the_api(self):
        application = self.register("Of a service", api=True)
        browser = self.signed_in()
        for scope, expected in (("openid", 3), ("openid api", 0)):
            token = self.public_tokens(browser, application, scope)["access_token"]
            status, said = self.check(token)
            self.assertEqual(status, expected, said)
            if expected:
                self.assertRegex(said, "^refused: .*audience")

    def test_other_issuers_keys_and_changed_tokens_are_refused(self):
        token = self.token()
        header, claims, signature = token.split(".")
        for bad, what in ((token[:-8] + "AAAAAAAA", "signature"), (f"{header}.{claims}", "compact form"),
                          (self.changed(header, typ="JWT") + f".{claims}.{signature}", "at\\+jwt"),
                          (self.changed(header, alg="none") + f".{claims}.", "compact form"),
                          (self.changed(header, kid="other") + f".{claims}.{signature}", "key that the gate"),
                          (header + "." + self.changed(claims, tenant="umbrella") + f".{signature}", "signature")):
            status, said = self.check(bad)
            self.assertEqual(status, 3, said)
            self.assertRegex(said, f"^refused: .*{what}")
        self.assertRegex(self.check(token, issuer="https://other.example")[1], "another gate")
        empty = os.path.join(self.top, "empty.json")
        with open(empty, "w", encoding="utf-8") as f:
            f.write('{"keys":[]}')
        for keys in (empty, empty + ".missing"):
            self.assertRegex(self.check(token, keys=keys)[1], "no keys")

    @staticmethod
    def changed(part, **members):
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        value.update(members)
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


if __name__ == "__main__":
    unittest.main()
