# SPDX-License-Identifier: GPL-3.0-or-later
"""What letters say, and what becomes of their links: from the change that they tell of, through a real
mail server, to the page that the link opens."""

import html
import re
import time
import unittest
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes

from browser import Browser
from case import DOMAIN, TENANT, ForgedIdp, GateCase
from harness import Gate
from letterbox import Mailbox
from seal import make_key
from test_mail import FROM, wait_for

LINK = re.compile(r"^(https?://\S+)$", re.M)


class LettersCase(GateCase):
    """A gate that sends to self.box. What a test queues it finds by the address."""

    policy = {"provisioning": True}

    @classmethod
    def setUpClass(cls):
        cls.box = Mailbox().start()
        cls.addClassCleanup(cls.box.stop)
        cls.settings = {
            "smtp_url": f"smtp://127.0.0.1:{cls.box.port}",
            "smtp_tls": "none",
            "smtp_from": FROM,
            "product": "Example CDP",
            "support_contact": "help@gate.example",
        }
        super().setUpClass()
        cls.addClassCleanup(cls.check_none_is_dead)

    @classmethod
    def check_none_is_dead(cls):
        """Whatever a test had queued could be written: one that lacks a value is dead."""
        dead = cls.gate.api("GET", "/letters?state=dead")["items"]
        if dead:
            raise AssertionError(f"letters that could not be written or sent: {dead}")

    def add_user(self, name, tenant=TENANT, domain=DOMAIN, **fields):
        fields = {"roles": ["read_only"], "first_name": name.title(), "last_name": "Test", **fields}
        body = {"email": f"{name}@{domain}", **fields}
        return self.gate.api("POST", f"/tenants/{tenant}/users", body)

    def letter(self, to, subject, count=1, seconds=20):
        """The newest letter to somebody whose subject begins so."""

        def found():
            mails = [mail for mail in self.box.mails if to in mail.to]
            mails = [mail for mail in mails if mail.subject.startswith(subject)]
            return mails if len(mails) >= count else None

        try:
            return wait_for(f"{subject!r} to {to}", found, seconds)[-1]
        except AssertionError as error:
            came = [(mail.to, mail.subject) for mail in self.box.mails]
            raise AssertionError(f"{error}; there are {came}") from None

    def links(self, mail):
        """The links of a letter: the same in both parts, and all of them the gate's own."""
        in_text = LINK.findall(mail.text)
        in_html = [html.unescape(url) for url in re.findall(r'href="([^"]*)"', mail.html)]
        self.assertEqual(in_text, in_html)
        self.assertTrue(all(url.startswith(self.gate.base + "/") for url in in_text), in_text)
        self.assertNotRegex(re.sub(re.escape(self.gate.base), "", mail.text), "https?:")
        return in_text

    def assertIsLetter(self, mail, *words):
        self.assertEqual(mail.message.defects, [])
        for word in words:
            self.assertIn(word, " ".join(mail.text.split()))
            self.assertIn(word, html.unescape(re.sub(r"<[^>]*>", "", mail.html)))


class InvitationTest(LettersCase):
    def test_an_invitation_has_a_link_that_is_good_once_and_a_newer_one_replaces_it(self):
        user = self.add_user("ada")
        mail = self.letter(user["email"], "Set up your account for Example CDP")
        self.assertIsLetter(mail, "Hello Ada,", f"Example CDP for {TENANT.title()}", "works once")
        (link,) = self.links(mail)
        self.assertEqual(urlsplit(link).path, "/invitation")
        self.assertEqual(len(parse_qs(urlsplit(link).query)["t"][0]), 64)

    def test_who_signs_in_by_sso_gets_no_link_to_a_password(self):
        user = self.add_user("sso", sso_only=True)
        mail = self.letter(user["email"], "You have access to Example CDP")
        self.assertIsLetter(mail, "You sign in with your company account")
        self.assertEqual(self.links(mail), [f"{self.gate.base}/login"])

    def test_a_tenant_has_its_own_product_sender_and_contact(self):
        self.gate.make_tenant("branded", ["branded.example"])
        self.gate.api(
            "PATCH",
            "/tenants/branded/settings",
            {
                "product": "Größe — «Data»",
                "mail_from": "cdp@branded.example",
                "mail_from_name": 'Branded "IT", Team',
                "support_contact": "it@branded.example",
            },
        )
        user = self.add_user("bea", "branded", "branded.example")
        mail = self.letter(user["email"], "Set up your account for Größe — «Data»")
        self.assertEqual(mail.sender, FROM)  # bounces come to us
        sender = mail.message["From"].addresses[0]
        self.assertEqual(sender.addr_spec, "cdp@branded.example")
        self.assertEqual(sender.display_name, 'Branded "IT", Team')
        self.assertEqual(mail.message["Reply-To"], "it@branded.example")
        self.assertIsLetter(mail, "Größe — «Data» for Branded", "Questions? it@branded.example")

    def test_a_sender_of_somebody_elses_domain_is_refused(self):
        status, problem = self.gate.call(
            "PATCH", f"/api/v1/tenants/{TENANT}/settings", {"mail_from": "ceo@elsewhere.example"}
        )
        self.assertEqual(status, 422, problem)
        self.assertEqual(problem["errors"][0]["pointer"], "/mail_from")

    def test_names_make_no_header_no_link_and_no_markup(self):
        self.gate.api(
            "PATCH", f"/tenants/{TENANT}/settings", {"product": "<b>A</b> & \"B\"", "mail_from_name": "=?x?="}
        )
        self.addCleanup(self.gate.api, "PUT", f"/tenants/{TENANT}/settings", {})
        user = self.add_user("eve", first_name="https://evil.example", last_name="<script>")
        mail = self.letter(user["email"], "Set up your account for <b>A</b>")
        self.assertEqual(len(self.links(mail)), 1)
        self.assertNotIn("evil", mail.text)
        self.assertNotIn("<b>A", mail.html)
        self.assertNotIn("<script", mail.html)
        self.assertEqual(mail.message["From"].addresses[0].display_name, "=?x?=")
        for bad in ("a\r\nBcc: x@evil.example", "a\nb"):
            for field in ("product", "mail_from_name", "support_contact", "mail_from"):
                status, _ = self.gate.call("PATCH", f"/api/v1/tenants/{TENANT}/settings", {field: bad})
                self.assertEqual(status, 422, field)
        status, _ = self.gate.call(
            "POST",
            f"/api/v1/tenants/{TENANT}/users",
            {"email": f"x@{DOMAIN}\r\nBcc: y@evil.example", "roles": ["read_only"]},
        )
        self.assertEqual(status, 422)


class PasswordTest(LettersCase):
    """From the letter to the password, by the pages that its links open."""

    first, second = "correct horse battery staple", "a different long one 42"

    def use_link(self, url, **fields):
        """Opens the page of a link as mail scanners do, more than once, and sends its form."""
        browser = Browser()
        for _ in range(3):
            page = browser.get(url)
            self.assertEqual(page.status, 200, page.text)
        return browser.submit(page.form("t"), **fields)

    def set_password(self, url, password):
        page = self.use_link(url, password=password, repeat=password)
        self.assertEqual(page.status, 200, page.text)

    def signs_in(self, email, password):
        browser = Browser()
        form = browser.get(self.gate.url("/password")).form("password")
        browser.submit(form, email=email, password=password)
        return browser.get(self.gate.url("/session")).status == 200

    def joined(self, name):
        user = self.add_user(name)
        (link,) = self.links(self.letter(user["email"], "Set up your account"))
        self.set_password(link, self.first)
        return user, link

    def test_from_the_invitation_to_the_sign_in(self):
        user, link = self.joined("ida")
        self.letter(user["email"], "Your Example CDP account is ready")
        self.assertTrue(self.signs_in(user["email"], self.first))
        self.assertEqual(Browser().get(link).status, 404)  # used up

    def test_from_the_forgotten_password_to_the_changed_one(self):
        user, _ = self.joined("joan")
        browser = Browser()
        form = browser.get(self.gate.url("/password/forgot")).form("email")
        known = browser.submit(form, email=user["email"])
        unknown = browser.submit(form, email=f"nobody@{DOMAIN}")
        self.assertEqual((known.status, known.text), (unknown.status, unknown.text))
        mail = self.letter(user["email"], "Reset your Example CDP password")
        self.assertIsLetter(mail, "asked to reset the password", "127.0.0.1")
        (link,) = self.links(mail)
        self.assertTrue(self.signs_in(user["email"], self.first))  # nothing changes until it is used
        self.set_password(link, self.second)
        changed = self.letter(user["email"], "Your Example CDP password was changed")
        self.assertIsLetter(changed, "signed out everywhere else")
        self.assertFalse(self.signs_in(user["email"], self.first))
        self.assertTrue(self.signs_in(user["email"], self.second))
        self.assertEqual(Browser().get(link).status, 404)
        for mail in self.box.mails:  # in no letter of anybody
            for password in (self.first, self.second):
                self.assertNotIn(password, mail.text + mail.html)
        self.assertFalse([mail for mail in self.box.mails if f"nobody@{DOMAIN}" in mail.to])

    def test_from_disabled_to_a_new_password(self):
        user, _ = self.joined("kay")
        self.gate.api(
            "PATCH", f"/tenants/{TENANT}/settings", {"mail_disabled_notice": True}
        )
        path = f"/tenants/{TENANT}/users/{user['id']}"
        self.gate.api("POST", f"{path}:disable", {"reason": "on leave <until> May"})
        notice = self.letter(user["email"], "Your access to Example CDP has been switched off")
        self.assertIn("Reason: on leave <until> May", notice.text)
        self.assertFalse(self.signs_in(user["email"], self.first))
        self.gate.api("POST", f"{path}:enable")
        back = self.letter(user["email"], "Your access to Example CDP is back")
        (link,) = self.links(back)
        self.set_password(link, self.second)
        self.assertFalse(self.signs_in(user["email"], self.first))
        self.assertTrue(self.signs_in(user["email"], self.second))

    def test_another_address_counts_once_it_is_confirmed(self):
        user, _ = self.joined("lin")
        new = f"lin.new@{DOMAIN}"
        path = f"/tenants/{TENANT}/users/{user['id']}"
        self.gate.api("PATCH", path, {"email": new})
        notice = self.letter(user["email"], "The e-mail address of your Example CDP account")
        self.assertIsLetter(notice, new)
        self.assertEqual(self.links(notice), [])
        confirm = self.letter(new, "Confirm your new e-mail address")
        self.assertIsLetter(confirm, user["email"])
        self.assertEqual(self.gate.api("GET", path)["email"], user["email"])
        page = self.use_link(self.links(confirm)[0])
        self.assertEqual(page.status, 200, page.text)
        self.assertEqual(self.gate.api("GET", path)["email"], new)

    def test_a_lock_is_told_to_who_is_locked_and_to_administrators(self):
        user, _ = self.joined("mary")
        self.add_user("boss", roles=["admin"], sso_only=True)
        self.assertSignedIn(self.log_in(name_id=f"boss@{DOMAIN}", groups=()))
        for _ in range(11):
            self.signs_in(user["email"], "wrong wrong wrong")
        own = self.letter(user["email"], "Your Example CDP account is locked")
        self.assertIsLetter(own, "too many wrong passwords", "opens again by itself")
        other = self.letter(f"boss@{DOMAIN}", "An account for Example CDP is locked")
        self.assertIsLetter(other, "Mary Test")


class RequestTest(LettersCase):
    def sign_in_as(self, name, role):
        self.add_user(name, roles=[role], sso_only=True)
        answer = self.log_in(name_id=f"{name}@{DOMAIN}", groups=())
        return self.assertSignedIn(answer)["access_token"]

    def test_from_the_request_by_the_gatekeepers_link_to_the_newcomers_letter(self):
        reader = self.sign_in_as("reader", "read_only")
        self.sign_in_as("keeper", "security_gatekeeper")
        asked = {
            "first_name": "Jane",
            "last_name": "Smith",
            "email": f"jsmith@{DOMAIN}",
            "bundle": "full",
            "justification": "Joins us.\nSee https://wiki.example/x <now>",
            "ticket": "T-4711",
        }
        path = f"/api/v1/tenants/{TENANT}/access-requests"
        status, request = self.gate.call("POST", path, asked, reader)
        self.assertEqual(status, 201, request)
        mail = self.letter(f"keeper@{DOMAIN}", f"reader@{DOMAIN} asks for access to Example CDP")
        self.assertIsLetter(mail, "Jane Smith", "T-4711", request["id"], "https[://]wiki.example/x <now>")
        approve, deny = self.links(mail)
        self.assertEqual(urlsplit(approve).path, "/request/approve")
        self.assertEqual(urlsplit(deny).path, "/request/deny")

        # Opening either decides nothing, however often a scanner does.
        browser = Browser()
        for url in (approve, deny, approve):
            page = browser.get(url)
            self.assertEqual(page.status, 200, page.text)
        self.assertEqual(self.gate.call("GET", f"{path}/{request['id']}")[1]["state"], "pending_approval")
        form = browser.get(approve).form("t")
        done = browser.post(form.action, form.fields)
        self.assertEqual(done.status, 200, done.text)
        self.assertEqual(self.gate.call("GET", f"{path}/{request['id']}")[1]["state"], "fulfilled")

        # The letter of the newcomer, written with the decision, and the outcome for who asked.
        welcome = self.letter(f"jsmith@{DOMAIN}", "Set up your account for Example CDP")
        self.assertEqual([urlsplit(url).path for url in self.links(welcome)], ["/invitation"])
        outcome = self.letter(f"reader@{DOMAIN}", "Your request for access to Example CDP was approved")
        self.assertIsLetter(outcome, "Jane Smith", request["id"])
        # Both links are used up.
        for url in (approve, deny):
            self.assertEqual(browser.get(url).status, 404)


class NoticeTest(LettersCase):
    """What administrators are told, and what people are told of other tenants."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.add_user(cls, "boss", roles=["admin"], sso_only=True)
        request = cls.log_in(cls, name_id=f"boss@{DOMAIN}", groups=())
        assert request.status == 200, request.text

    def test_a_person_of_two_tenants_is_told_and_gets_no_second_password(self):
        user = self.add_user("nell", sso_only=True)
        self.assertSignedIn(self.log_in(name_id=user["email"], groups=()))
        self.gate.make_tenant("second", ["second.example"])
        self.add_user("nell", "second")
        mail = self.letter(user["email"], "You are invited to use Example CDP for Second, too")
        self.assertEqual(len(self.links(mail)), 1)

    def test_one_who_is_removed_is_told_to_administrators(self):
        user = self.add_user("otto")
        self.gate.api("DELETE", f"/tenants/{TENANT}/users/{user['id']}")
        mail = self.letter(f"boss@{DOMAIN}", "A user was removed from Example CDP")
        self.assertIsLetter(mail, "Otto Test", "can sign in no more")

    def test_support_access_is_told_when_it_begins_and_ends_and_so_are_newcomers(self):
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
        self.add_user(
            "helper", roles=["support_access"], expires_at=until, ticket="T-815", sso_only=True
        )
        mail = self.letter(f"boss@{DOMAIN}", "Support has been given access to Acme")
        self.assertIsLetter(mail, "Helper Test", "T-815", "ends by itself on", "UTC")
        self.assertSignedIn(self.log_in(name_id=f"newcomer@{DOMAIN}", groups=()))
        mail = self.letter(f"boss@{DOMAIN}", "New users of Acme on Example CDP", seconds=60)
        self.assertIsLetter(mail, f"newcomer@{DOMAIN}")
        mail = self.letter(f"boss@{DOMAIN}", "Support no longer has access to Acme", seconds=60)
        self.assertIsLetter(mail, "Helper Test", "T-815")

    def test_a_denied_request_is_told_with_the_note(self):
        reader = self.add_user("rita", sso_only=True)
        token = self.assertSignedIn(self.log_in(name_id=reader["email"], groups=()))["access_token"]
        path = f"/api/v1/tenants/{TENANT}/access-requests"
        asked = {"first_name": "S", "last_name": "M", "email": f"sm@{DOMAIN}", "bundle": "full"}
        status, request = self.gate.call("POST", path, {**asked, "justification": "x"}, token)
        self.assertEqual(status, 201, request)
        self.gate.call("POST", f"{path}/{request['id']}:deny", {"note": "not <yet>"})
        mail = self.letter(reader["email"], "Your request for access to Example CDP was denied")
        self.assertIsLetter(mail, request["id"])
        self.assertIn("Note: not <yet>", mail.text)
        self.assertIn("not &lt;yet&gt;", mail.html)


class CertificateTest(LettersCase):
    def test_who_manages_sso_is_told_once_before_a_certificate_ends(self):
        self.add_user("admin", roles=["admin"], sso_only=True)
        self.assertSignedIn(self.log_in(name_id=f"admin@{DOMAIN}", groups=()))
        soon = ForgedIdp("soon")
        soon.key = make_key(name="soon.idp.example", days=5)
        self.gate.make_connection(TENANT, "acme-soon", soon.fields)
        far = ForgedIdp("far")
        far.key = make_key(name="far.idp.example", days=60)
        self.gate.make_connection(TENANT, "acme-far", far.fields)
        self.gate.restart()
        subject = "A certificate for single sign-on ends in 5 days"
        mail = self.letter(f"admin@{DOMAIN}", subject)
        self.assertIsLetter(mail, "acme-soon", "CN=soon.idp.example", soon.key.certificate.fingerprint(hashes.SHA256()).hex())
        self.assertEqual(self.links(mail), [])
        self.gate.restart()
        time.sleep(3)
        told = [m for m in self.box.mails if "certificate" in m.subject]
        # The class's own connection has a certificate of 30 days: told too, once.
        self.assertEqual(sorted(m.subject for m in told), [subject[:-6] + "30 days", subject])
        rows = self.gate.api("GET", f"/tenants/{TENANT}/audit?event=sso.certificate_expiring")["items"]
        self.assertEqual({row["target"] for row in rows}, {"acme-soon", "acme-forged"})
        self.assertIn("sso.certificate_expiring", self.gate.program.printed(100000))


class LaterTest(unittest.TestCase):
    def test_a_letter_whose_link_is_gone_meanwhile_is_dropped(self):
        gate = Gate()
        self.addCleanup(gate.stop)
        gate.start()
        gate.make_tenant(TENANT, [DOMAIN])

        def add(name):
            body = {"email": f"{name}@{DOMAIN}", "roles": ["read_only"]}
            return gate.api("POST", f"/tenants/{TENANT}/users", body)["id"]

        stays, goes = add("stays"), add("goes")
        gate.api("POST", f"/tenants/{TENANT}/users/{goes}:disable", {"reason": "a mistake"})
        queued = gate.api("GET", "/letters?state=queued")["items"]
        self.assertEqual({one["user_id"] for one in queued}, {stays, goes})

        box = Mailbox().start()
        self.addCleanup(box.stop)
        gate.stop()
        gate.env.update(
            GATEHOUSE_SMTP_URL=f"smtp://127.0.0.1:{box.port}",
            GATEHOUSE_SMTP_TLS="none",
            GATEHOUSE_SMTP_FROM=FROM,
        )
        gate.serve()
        gate.token = gate.operator_token()
        wait_for("nothing is queued", lambda: gate.api("GET", "/mail")["queued"] == 0)
        self.assertEqual([mail.to for mail in box.mails], [[f"stays@{DOMAIN}"]])
        (dropped,) = gate.api("GET", "/letters?state=dropped")["items"]
        self.assertEqual(dropped["user_id"], goes)
        self.assertIn("link", dropped["last_error"])


if __name__ == "__main__":
    unittest.main()
