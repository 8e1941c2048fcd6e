# SPDX-License-Identifier: GPL-3.0-or-later
"""Local sign-in as a person meets it: from the letter through the link to a password and a session, in
a browser without scripts, with a real mail server; what is forgotten, locked, too old; two factors;
two tenants; and that passwords never keep others from signing in."""

import base64
import hmac
import json
import re
import struct
import threading
import time
import unittest

from browser import Browser
from case import ForgedIdp
from harness import Gate, begin, post_response
from letterbox import Mailbox

GOOD = "correct horse battery"
BETTER = "seven purple monkeys dance"
ANN = "ann@acme.example"


def totp(secret, at=None):
    """The six digits that an authenticator shows (RFC 6238), reckoned without the gate's library."""
    key = base64.b32decode(secret.replace(" ", "") + "=" * (-len(secret.replace(" ", "")) % 8))
    counter = struct.pack(">Q", int(time.time() if at is None else at) // 30)
    digest = hmac.digest(key, counter, "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


class PasswordCase(unittest.TestCase):
    """A gate with mail; a tenant without an identity provider."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.followed = set()
        cls.box = Mailbox().start()
        cls.addClassCleanup(cls.box.stop)
        cls.gate = Gate(
            smtp_url=f"smtp://127.0.0.1:{cls.box.port}",
            smtp_tls="none",
            smtp_from="no-reply@gate.example",
            **cls.settings,
        )
        cls.addClassCleanup(cls.gate.stop)
        cls.gate.start()
        for slug in ("acme", "other"):
            cls.gate.make_tenant(slug, [f"{slug}.example"])

    def invite(self, email, tenant="acme", **more):
        return self.gate.api("POST", f"/tenants/{tenant}/users", {"email": email, **more})

    def link(self, email, page):
        """The link to a page in a letter to somebody that no test has followed yet; waits for it."""
        pattern = rf"{re.escape(self.gate.base)}{page}\?t=[\w-]+"
        end = time.monotonic() + 30
        while time.monotonic() < end:
            mails = [mail for mail in list(self.box.mails) if email in mail.to]
            found = [link for mail in mails for link in re.findall(pattern, mail.text)]
            fresh = [link for link in found if link not in self.followed]
            if fresh:
                self.followed.add(fresh[-1])
                return fresh[-1]
            time.sleep(0.05)
        raise AssertionError(f"no letter to {email} has a link to {page}")

    def subject(self, email, words):
        """The letter to somebody whose subject has these words; waits for it."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for mail in list(self.box.mails):
                if email in mail.to and words in mail.subject:
                    return mail
            time.sleep(0.05)
        subjects = [mail.subject for mail in self.box.mails if email in mail.to]
        raise AssertionError(f"no letter to {email} about {words!r}: {subjects}")

    def letters(self, email):
        return len([mail for mail in self.box.mails if email in mail.to])

    def set_password(self, link, password=GOOD, browser=None):
        browser = browser or Browser()
        page = browser.get(link)
        self.assertEqual(page.status, 200, page.text)
        return browser.submit(page.form("password"), password=password, repeat=password)

    def person(self, email, password=GOOD, tenant="acme", **more):
        """Somebody with a password, by invitation and link; returns the id."""
        made = self.invite(email, tenant, **more)
        done = self.set_password(self.link(email, "/invitation"), password)
        self.assertEqual(done.status, 200, done.text)
        return made["id"]

    def sign_in(self, email, password=GOOD, browser=None, follow=True, return_to="/"):
        browser = browser or Browser()
        page = browser.get(self.gate.url(f"/password?return_to={return_to}"))
        return browser.submit(page.form("password"), follow, email=email, password=password)

    def status_of(self, user, tenant="acme"):
        return self.gate.api("GET", f"/tenants/{tenant}/users/{user}")["status"]

    def settings_of(self, tenant="acme", **changes):
        self.gate.api("PATCH", f"/tenants/{tenant}/settings", changes)

    def assertSignedIn(self, page, email):
        self.assertEqual(page.status, 200, page.text)
        self.assertIn("You are signed in", page.text)
        self.assertIn(email, page.text)


class WayInTest(PasswordCase):
    def test_from_the_letter_to_the_session_and_out(self):
        self.invite(ANN, first_name="Ann", roles=["user"])
        link = self.link(ANN, "/invitation")
        browser = Browser()
        for _ in range(3):  # scanners of mail look, too
            page = browser.get(link)
            self.assertEqual((page.status, page.header("referrer-policy")), (200, "no-referrer"))
            self.assertEqual(page.header("cache-control"), "no-store")
        for password, repeat in (("short", "short"), (GOOD, BETTER), ("Password1234", "Password1234")):
            refused = browser.submit(page.form("password"), password=password, repeat=repeat)
            self.assertEqual(refused.status, 422, refused.text)
            self.assertIn('role="alert"', refused.html)
        done = browser.submit(page.form("password"), password=GOOD, repeat=GOOD)
        self.assertIn("You are in", done.text)
        self.assertEqual(Browser().get(link).status, 404)  # used up
        self.assertNotIn(GOOD, self.subject(ANN, "ready").text)
        page = self.sign_in(ANN, browser=browser)
        self.assertSignedIn(page, ANN)
        self.assertIn("a password", page.text)
        session = browser.get(self.gate.url("/session"))
        self.assertEqual(json.loads(session.body)["connection"], "")
        out = browser.submit(page.form(action_ends="/logout"))
        self.assertIn("signed out", out.text)
        self.assertEqual(browser.get(self.gate.url("/session")).status, 401)

    def test_login_goes_to_the_password_where_no_provider_is(self):
        browser = Browser()
        for email in ("nobody@nowhere.example", ANN):
            page = browser.submit(browser.get(self.gate.url("/login")).form("email"), email=email)
            self.assertEqual((page.status, page.form("password").fields["email"]), (200, email))

    def test_a_wrong_one_says_the_same_for_everybody(self):
        self.person("known@acme.example")
        pages = [self.sign_in(email, "wrong horse") for email in ("known@acme.example", "un@acme.example")]
        self.assertEqual([page.status for page in pages], [401, 401])
        self.assertEqual(len({page.text for page in pages}), 1)
        self.assertFalse(pages[0].header_all("set-cookie"))

    def test_known_and_unknown_take_the_same_time(self):
        self.person("timed@acme.example")
        self.settings_of(lock_attempts=100)
        took = {"timed@acme.example": [], "nobody@acme.example": []}
        for _ in range(12):
            for email, times in took.items():
                began = time.monotonic()
                self.gate.call("POST", "/api/v1/sign-in", {"email": email, "password": "wrong horse"})
                times.append(time.monotonic() - began)
        known, unknown = (sorted(times)[2] for times in took.values())
        # Without a hash for who is not known the difference would be that of a whole hash.
        self.assertGreater(unknown, known / 2)
        self.assertGreater(known, unknown / 2)

    def test_only_a_path_of_our_own_is_gone_to(self):
        self.person("path@acme.example")
        page = self.sign_in("path@acme.example", follow=False, return_to="/session")
        self.assertEqual((page.status, page.location), (303, self.gate.url("/session")))
        page = self.sign_in("path@acme.example", follow=False, return_to="https://evil.example/")
        self.assertEqual((page.status, page.location), (303, self.gate.url("/")))

    def test_a_form_from_elsewhere_is_refused(self):
        self.person("csrf@acme.example")
        fields = {"email": "csrf@acme.example", "password": GOOD}
        page = Browser().post(
            self.gate.url("/password"), fields, False, initiator="https://evil.example/"
        )
        self.assertEqual(page.status, 403)
        self.assertFalse(page.header_all("set-cookie"))


class LostTest(PasswordCase):
    def test_forgotten_and_set_anew(self):
        email = "forgetful@acme.example"
        self.person(email)
        old = Browser()
        self.assertSignedIn(self.sign_in(email, browser=old), email)
        told = []
        for who in (email, "nobody@acme.example"):
            browser = Browser()
            page = browser.get(self.gate.url("/password/forgot"))
            told.append(browser.submit(page.form("email"), email=who).text)
        self.assertEqual(told[0], told[1])
        link = self.link(email, "/password/reset")
        self.assertSignedIn(self.sign_in(email), email)  # nothing changed so far
        done = self.set_password(link, BETTER)
        self.assertIn("Your password is set", done.text)
        self.assertEqual(self.sign_in(email).status, 401)
        self.assertSignedIn(self.sign_in(email, BETTER), email)
        self.assertEqual(old.get(self.gate.url("/session")).status, 401)  # signed out
        self.subject(email, "password was changed")
        self.assertEqual(self.letters("nobody@acme.example"), 0)
        self.assertEqual(Browser().get(link).status, 404)

    def test_locked_by_bad_attempts_and_let_in_again(self):
        email = "locked@acme.example"
        user = self.person(email)
        self.settings_of(lock_attempts=3)
        self.addCleanup(self.settings_of, lock_attempts=10)
        for _ in range(3):
            self.assertEqual(self.sign_in(email, "wrong horse").status, 401)
        self.assertEqual(self.status_of(user), "locked")
        self.assertEqual(self.sign_in(email).status, 401)  # also with the right one, and by the same words
        self.subject(email, "locked")
        actions = self.gate.api("GET", f"/tenants/acme/users/{user}")["_actions"]
        self.assertLessEqual({"unlock", "reactivate", "disable", "delete"}, set(actions))
        self.gate.api("POST", f"/tenants/acme/users/{user}:unlock")
        self.assertSignedIn(self.sign_in(email), email)
        # Locked once more; now an administrator sends a link, and the old password is void.
        for _ in range(3):
            self.sign_in(email, "wrong horse")
        self.gate.api("POST", f"/tenants/acme/users/{user}:reactivate")
        self.assertEqual(self.status_of(user), "reactivating")
        link = self.link(email, "/password/reset")
        self.set_password(link, BETTER)
        self.assertEqual(self.status_of(user), "active")
        self.assertSignedIn(self.sign_in(email, BETTER), email)

    def test_changed_by_who_is_signed_in(self):
        email = "changes@acme.example"
        self.person(email)
        here, there = Browser(), Browser()
        self.sign_in(email, browser=here)
        self.sign_in(email, browser=there)
        page = here.get(self.gate.url("/password/change"))
        form = page.form("current")
        wrong = here.submit(form, current="wrong horse", password=BETTER, repeat=BETTER)
        self.assertEqual(wrong.status, 401)
        done = here.submit(form, current=GOOD, password=BETTER, repeat=BETTER)
        self.assertIn("Your password is changed", done.text)
        self.assertEqual(here.get(self.gate.url("/session")).status, 200)
        self.assertEqual(there.get(self.gate.url("/session")).status, 401)

    def test_nobody_changes_what_he_is_not_signed_in_to(self):
        page = Browser().get(self.gate.url("/password/change"))
        self.assertTrue(page.url.endswith("/password"), page.url)


class FactorTest(PasswordCase):
    def set_up(self, browser, password=None):
        """Through the pages; returns (the page with the recovery codes, the secret)."""
        page = browser.get(self.gate.url("/second-factor/setup"))
        fields = {} if password is None else {"password": password}
        page = browser.submit(page.form("do"), **fields)
        secret = re.search(r'class="secret">([A-Z2-7 ]+)<', page.html).group(1)
        self.assertIn("otpauth://totp/Gatehouse:", page.html)
        self.assertIn("<svg", page.html)
        wrong = browser.submit(page.form("code"), code="000000")
        self.assertEqual(wrong.status, 422, wrong.text)
        # The code of the step before: the one of now is then good for the sign-in that follows.
        if time.time() % 30 > 25:
            time.sleep(30 - time.time() % 30)
        return browser.submit(page.form("code"), code=totp(secret, time.time() - 30)), secret

    def test_set_up_asked_for_and_recovered(self):
        email = "two@acme.example"
        user = self.person(email)
        browser = Browser()
        self.sign_in(email, browser=browser)
        page, secret = self.set_up(browser, GOOD)
        codes = re.findall(r"<code>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</code>", page.html)
        self.assertEqual(len(set(codes)), 10, page.text)
        browser = Browser()
        page = self.sign_in(email, browser=browser)
        self.assertIn("One more step", page.text)
        self.assertEqual(browser.get(self.gate.url("/session")).status, 401)  # half is nothing
        self.assertEqual(browser.submit(page.form("code"), code="123456").status, 401)
        code = totp(secret)
        self.assertSignedIn(browser.submit(page.form("code"), code=code), email)
        browser = Browser()  # the same code is not good again; a recovery code is, once
        page = self.sign_in(email, browser=browser)
        self.assertEqual(browser.submit(page.form("code"), code=code).status, 401)
        self.assertSignedIn(browser.submit(page.form("code"), code=codes[0].upper()), email)
        # Another app in its place: not by session and password alone.
        form = browser.get(self.gate.url("/second-factor/setup")).form("do")
        for old in ("", "123456", codes[0]):
            page = browser.submit(form, password=GOOD, old=old)
            self.assertEqual(page.status, 422, page.text)
            self.assertNotIn('class="secret"', page.html)
        self.assertIn('class="secret"', browser.submit(form, password=GOOD, old=codes[2]).html)
        browser = Browser()
        page = self.sign_in(email, browser=browser)
        self.assertEqual(browser.submit(page.form("code"), code=codes[0]).status, 401)
        answer = self.gate.call(
            "POST", "/api/v1/sign-in", {"email": email, "password": GOOD, "code": codes[1]}
        )
        self.assertEqual(answer[0], 200, answer)
        self.gate.api("POST", f"/tenants/acme/users/{user}:reset-second-factor")
        self.subject(email, "second factor")
        self.assertSignedIn(self.sign_in(email), email)

    def test_a_tenant_wants_one(self):
        email = "must@other.example"
        self.person(email, tenant="other")
        self.settings_of("other", require_second_factor=True)
        self.addCleanup(self.settings_of, "other", require_second_factor=False)
        browser = Browser()
        page = self.sign_in(email, browser=browser)
        self.assertTrue(page.url.endswith("/second-factor/setup"), page.url)
        self.assertEqual(browser.get(self.gate.url("/session")).status, 401)
        page, secret = self.set_up(browser)
        self.assertIn("recovery codes", page.text)
        self.assertSignedIn(browser.get(self.gate.url("/")), email)
        browser = Browser()
        page = self.sign_in(email, browser=browser)
        self.assertSignedIn(browser.submit(page.form("code"), code=totp(secret)), email)

    def test_a_step_without_a_sign_in_begins_again(self):
        for path in ("/second-factor", "/second-factor/setup", "/password/tenant"):
            page = Browser().get(self.gate.url(path))
            self.assertTrue(page.url.endswith("/password"), page.url)


class TenantsTest(PasswordCase):
    def test_one_password_two_tenants(self):
        email = "both@acme.example"
        self.person(email, first_name="Both", last_name="Secret")
        made = self.invite(email, "other")
        self.assertEqual(made["status"], "invited")
        link = self.link(email, "/invitation")
        browser = Browser()
        page = browser.get(link)
        self.assertNotIn("password", page.form("t").fields)  # there is one already
        self.assertIn("You are in", browser.submit(page.form("t")).text)
        browser = Browser()
        page = self.sign_in(email, browser=browser)
        self.assertIn("Where do you want to go?", page.text)
        forms = {form.fields["tenant"]: form for form in page.forms if "tenant" in form.fields}
        self.assertEqual(set(forms), {"acme", "other"})
        page = browser.submit(forms["other"])
        self.assertSignedIn(page, email)
        self.assertIn("(other)", page.text)
        # Who is not in a tenant does not get there by naming it.
        browser = Browser()
        page = self.sign_in(email, browser=browser)
        forms = [form for form in page.forms if "tenant" in form.fields]
        page = browser.submit(forms[0], tenant="nonesuch")
        self.assertEqual(browser.get(self.gate.url("/session")).status, 401)


class EnforcedTest(PasswordCase):
    def test_only_who_is_named_gets_in_and_it_is_told(self):
        boss, ann = "boss@acme.example", "staff@acme.example"
        self.person(boss, roles=["admin"])
        self.person(ann)
        idp = ForgedIdp()
        connection = self.gate.make_connection(
            "acme", "acme-forged", idp.fields, enforced=True, break_glass=[boss]
        )
        self.assertEqual(self.sign_in(ann).status, 401)
        self.assertSignedIn(self.sign_in(boss), boss)
        self.subject(boss, "past single sign-on")
        events = [row["event"] for row in self.gate.api("GET", "/tenants/acme/audit?limit=50")["items"]]
        self.assertIn("login.break_glass", events)
        # The provider's own way is open, and leads to the same person.
        browser = Browser()
        request = begin(browser, connection)
        xml = idp.response(connection, request, name_id=ann).xml()
        page = post_response(browser, connection, xml, request.relay_state)
        self.assertEqual(page.status, 200, page.text)


class StarvingTest(PasswordCase):
    """However many passwords come, a sign-in through an identity provider goes on."""

    settings = {"threads": "8", "password_address_limit": "100000"}

    def test_a_flood_of_passwords_does_not_keep_others_out(self):
        idp = ForgedIdp()
        connection = self.gate.make_connection("acme", "acme-forged", idp.fields)
        stop, answers = threading.Event(), []

        def flood(number):
            while not stop.is_set():
                body = {"email": f"nobody{number}@acme.example", "password": "wrong horse"}
                answers.append(self.gate.call("POST", "/api/v1/sign-in", body)[0])

        crowd = [threading.Thread(target=flood, args=(number,)) for number in range(24)]
        for one in crowd:
            one.start()
        try:
            time.sleep(0.5)
            took = []
            for number in range(12):
                began = time.monotonic()
                browser = Browser()
                request = begin(browser, connection)
                xml = idp.response(connection, request, name_id=f"p{number}@acme.example").xml()
                page = post_response(browser, connection, xml, request.relay_state)
                took.append(time.monotonic() - began)
                self.assertEqual(page.status, 200, page.text)
        finally:
            stop.set()
            for one in crowd:
                one.join()
        self.assertLess(sorted(took)[len(took) // 2], 2.0, took)
        self.assertLessEqual(set(answers), {401, 503})
        self.assertIn(401, answers)
        self.assertIn(503, answers)  # the queue is short, and says so


if __name__ == "__main__":
    unittest.main()
