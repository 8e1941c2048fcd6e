# SPDX-License-Identifier: GPL-3.0-or-later
"""Access requests, from the form of somebody who was refused to the sign-in that is accepted."""

import json
import re
import unittest

from browser import Browser
from case import DOMAIN, TENANT, GateCase
from harness import begin, post_response
from letterbox import Mailbox

JOHN = {
    "first_name": "J",
    "last_name": "Smith",
    "email": f"jsmith@{DOMAIN}",
    "justification": "Joins the campaign team.",
}


class RequestTest(GateCase):
    policy = {"provisioning": False}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = f"/tenants/{TENANT}/access-requests"

    def sign_in_as(self, name, role):
        """A member with this role, signed in; returns the token."""
        email = f"{name}@{DOMAIN}"
        status, _ = self.gate.call(
            "POST",
            f"/api/v1/tenants/{TENANT}/users",
            {"email": email, "first_name": name.title(), "last_name": "Test", "roles": [role],
             "sso_only": True},
        )
        self.assertIn(status, (201, 409))
        answer = self.assertSignedIn(self.log_in(name_id=email, groups=()))
        return answer["access_token"]

    def ask(self, token=None, expect=201, **changes):
        status, answer = self.gate.call("POST", "/api/v1" + self.path, {**JOHN, **changes}, token)
        self.assertEqual(status, expect, answer)
        return answer

    def act(self, request, action, body=None, token=None, expect=200):
        status, answer = self.gate.call(
            "POST", f"/api/v1{self.path}/{request['id']}:{action}", body, token
        )
        self.assertEqual(status, expect, answer)
        return answer

    def test_the_ticket_of_old_is_a_request_that_a_gatekeeper_approves(self):
        keeper = self.sign_in_as("keeper", "security_gatekeeper")
        asked = self.ask(bundle="full", interactive_queries=False)
        self.assertEqual(asked["state"], "pending_approval")
        self.assertEqual(
            asked["components"], {"campaigns": "full", "metrics": "full", "profiles360": "view"}
        )
        self.assertIs(asked["interactive_queries"], False)
        self.ask(expect=409, bundle="full")  # one open request a person
        done = self.act(asked, "approve", {"note": "welcome"}, keeper)
        self.assertEqual(done["state"], "fulfilled")
        self.assertEqual(done["decisions"][0]["note"], "welcome")
        user = self.gate.api("GET", f"/tenants/{TENANT}/users/{done['user_id']}")
        self.assertEqual({grant["source"] for grant in user["grants"]}, {"request"})
        self.act(asked, "deny", None, keeper, expect=409)

    def test_who_may_not_approve_cannot_and_a_foreign_tenant_sees_nothing(self):
        reader = self.sign_in_as("reader", "read_only")
        asked = self.ask(email=f"other@{DOMAIN}", roles=["read_only"])
        self.act(asked, "approve", None, reader, expect=403)
        status, _ = self.gate.call("GET", f"/api/v1{self.path}/{asked['id']}", None, reader)
        self.assertEqual(status, 404)  # not his own
        status, _ = self.gate.call("GET", "/api/v1/tenants/elsewhere/access-requests", None, reader)
        self.assertEqual(status, 404)
        mine = self.ask(reader, email=f"third@{DOMAIN}", roles=["read_only"])
        status, listed = self.gate.call("GET", "/api/v1" + self.path, None, reader)
        self.assertEqual([item["id"] for item in listed["items"]], [mine["id"]])
        self.act(mine, "comment", {"text": "please"}, reader)
        self.assertEqual(self.act(mine, "cancel", None, reader)["state"], "cancelled")

    def test_a_change_of_another_state_is_refused(self):
        asked = self.ask(email=f"match@{DOMAIN}", roles=["read_only"])
        status, answer = self.gate.call(
            "POST",
            f"/api/v1{self.path}/{asked['id']}:cancel",
            headers={"If-Match": '"another"'},
        )
        self.assertEqual((status, answer["reason"]), (412, "version_conflict"))
        self.act(asked, "cancel")

    def test_a_create_is_done_once_for_one_key(self):
        key = {"Idempotency-Key": "once-only-1"}
        body = {**JOHN, "email": f"once@{DOMAIN}", "roles": ["read_only"]}
        first = self.gate.call("POST", "/api/v1" + self.path, body, headers=key)
        self.assertEqual(first[0], 201)
        self.assertEqual(self.gate.call("POST", "/api/v1" + self.path, body, headers=key), first)

    def test_a_request_with_a_field_that_is_wrong_says_which(self):
        answer = self.ask(expect=422, roles=["nonesuch"], first_name="")
        self.assertLessEqual(
            {"/first_name"}, {error["pointer"] for error in answer["errors"]}, answer
        )
        answer = self.ask(expect=422, components={"campaigns": "most"})
        self.assertEqual(answer["errors"][0]["pointer"], "/components/campaigns")
        answer = self.ask(expect=422, interactive_queries=True)
        self.assertEqual(answer["reason"], "entitlement_missing")

    def test_whom_sso_lets_in_without_an_account_asks_on_the_spot(self):
        email = f"newcomer@{DOMAIN}"
        browser = Browser()
        request = begin(browser, self.connection)
        message = self.idp.response(self.connection, request, name_id=email, groups=())
        page = post_response(
            browser, self.connection, message.xml(), request.relay_state, as_json=False
        )
        self.assertEqual(page.status, 403)
        self.assertIn("login.provisioning_off", page.text)
        link = next(part for part in page.html.split('"') if part.startswith("/request?t="))
        form = browser.get(self.gate.url(link.replace("&amp;", "&")))
        self.assertEqual(form.status, 200, form.text)
        self.assertIn(email, form.text)
        before = self.gate.api("GET", self.path)["items"]
        self.assertFalse([item for item in before if item["email"] == email], "a GET asked")
        empty = browser.submit(form.form("first_name"), first_name="New", last_name="Comer")
        self.assertEqual(empty.status, 422, "no access was named")
        self.assertEqual(empty.form("first_name").fields["last_name"], "Comer")
        done = browser.submit(
            form.form("first_name"), first_name="New", last_name="Comer", full="1", why="work"
        )
        self.assertEqual(done.status, 200, done.text)
        asked = next(i for i in self.gate.api("GET", self.path)["items"] if i["email"] == email)
        self.assertIsNone(asked["requester"])
        self.assertEqual(asked["components"]["campaigns"], "full")
        again = browser.submit(
            form.form("first_name"), first_name="New", last_name="Comer", full="1"
        )
        self.assertEqual(again.status, 409)
        self.act(asked, "approve")
        page = self.log_in(browser, name_id=email, groups=(), as_json=False)
        self.assertEqual(page.status, 303, page.text)
        self.assertIn("Campaigns, full", browser.get(self.gate.url("/")).text)

    def test_the_offer_is_sealed(self):
        browser = Browser()
        request = begin(browser, self.connection)
        message = self.idp.response(
            self.connection, request, name_id=f"sealed@{DOMAIN}", groups=()
        )
        page = post_response(
            browser, self.connection, message.xml(), request.relay_state, as_json=False
        )
        link = next(part for part in page.html.split('"') if part.startswith("/request?t="))
        seal = link[-8:]
        forged = link[:-8] + ("A" * 8 if seal != "A" * 8 else "B" * 8)
        for path in (forged, "/request", "/request?t=", "/request?t=trc_x.y"):
            self.assertEqual(browser.get(self.gate.url(path)).status, 404, path)

    def test_a_refusal_of_another_kind_offers_nothing(self):
        browser = Browser()
        request = begin(browser, self.connection)
        message = self.idp.response(
            self.connection, request, name_id="stranger@elsewhere.example", groups=()
        )
        page = post_response(
            browser, self.connection, message.xml(), request.relay_state, as_json=False
        )
        self.assertEqual(page.status, 403)
        self.assertNotIn("/request?t=", page.html)

    def test_a_member_asks_for_himself_in_another_tenant_of_the_organization(self):
        self.gate.api("POST", "/organizations", {"slug": "group", "name": "Group"})
        for tenant in (TENANT, "brand"):
            if tenant != TENANT:
                self.gate.make_tenant(tenant, [f"{tenant}.example"])
            self.gate.api("PUT", f"/tenants/{tenant}", {"organization": "group"})
        self.gate.make_tenant("foreign", ["foreign.example"])
        keeper = self.sign_in_as("lender", "security_gatekeeper")
        mine = "/api/v1/me/access-requests"
        body = {"tenant": "brand", "roles": ["read_only"], "justification": "helps out"}
        for tenant in ("foreign", "nonesuch"):
            status, answer = self.gate.call("POST", mine, {**body, "tenant": tenant}, keeper)
            self.assertEqual((status, answer["reason"]), (404, "not_found"))
        status, asked = self.gate.call("POST", mine, body, keeper)
        self.assertEqual(status, 201, asked)
        # A gatekeeper there is none here.
        self.assertEqual((asked["state"], asked["kind"]), ("pending_approval", "add_tenant"))
        status, listed = self.gate.call("GET", mine + "?tenant=brand", None, keeper)
        self.assertEqual([item["id"] for item in listed["items"]], [asked["id"]])
        status, listed = self.gate.call("GET", mine, None, keeper)
        self.assertNotIn(asked["id"], [item["id"] for item in listed["items"]])
        path = f"/api/v1/tenants/brand/access-requests/{asked['id']}"
        self.assertEqual(self.gate.call("POST", path + ":approve", None, keeper)[0], 404)
        status, done = self.gate.call("POST", path + ":approve")
        self.assertEqual((status, done["state"]), (200, "fulfilled"), done)
        users = self.gate.api("GET", "/tenants/brand/users")["items"]
        self.assertEqual([user["id"] for user in users], [done["user_id"]])

    def test_the_command_does_the_same(self):
        done = self.gate.run(
            "request", "add", TENANT, f"cli@{DOMAIN}", "--first", "C", "--last", "Li", "--full",
            "--no-iq", "--why", "scripted", "--json",
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        asked = json.loads(done.stdout)
        shown = self.gate.must("request", "show", TENANT, asked["id"]).stdout
        self.assertIn("campaigns=full", shown)
        self.assertIn(asked["id"], self.gate.must("request", "list", TENANT).stdout)
        self.gate.must("request", "deny", TENANT, asked["id"], "--note", "no")
        self.assertEqual(self.gate.run("request", "retry", TENANT, asked["id"]).returncode, 3)
        self.assertEqual(self.gate.run("request", "comment", TENANT, asked["id"]).returncode, 2)


class LinkTest(GateCase):
    """Gatekeepers who live in their mail."""

    policy = {"provisioning": False}

    @classmethod
    def setUpClass(cls):
        cls.box = Mailbox().start()
        cls.addClassCleanup(cls.box.stop)
        cls.settings = {
            "smtp_url": f"smtp://127.0.0.1:{cls.box.port}",
            "smtp_from": "no-reply@gate.example",
            "smtp_tls": "none",
        }
        super().setUpClass()
        cls.path = f"/tenants/{TENANT}/access-requests"
        cls.keepers = [f"keeper{i}@{DOMAIN}" for i in (1, 2)]
        for email in cls.keepers:
            cls.gate.api(
                "POST",
                f"/tenants/{TENANT}/users",
                {"email": email, "first_name": "K", "last_name": "P", "sso_only": True,
                 "roles": ["security_gatekeeper"]},
            )

    def setUp(self):
        for email in self.keepers:
            self.assertSignedIn(self.log_in(name_id=email, groups=()))

    def ask(self, name, **changes):
        body = {**JOHN, "email": f"{name}@{DOMAIN}", "roles": ["read_only"], **changes}
        return self.gate.api("POST", self.path, body)

    def state(self, request):
        return self.gate.api("GET", f"{self.path}/{request['id']}")

    def links(self, keeper, request):
        """The two addresses in the letter that told this gatekeeper of the request."""
        for count in range(1, 20):
            for mail in self.box.wait(count, keeper):
                if request["id"] in mail.text:
                    found = dict(
                        (kind, url)
                        for url, kind in re.findall(r"(http\S+/request/(\w+)\?t=\S+)", mail.text)
                    )
                    self.assertEqual(set(found), {"approve", "deny"}, mail.text)
                    return found
        raise AssertionError(f"no letter about {request['id']} came to {keeper}")

    def decide(self, url, note="fine"):
        browser = Browser()
        page = browser.get(url)
        self.assertEqual(page.status, 200, page.text)
        return browser.submit(page.form("note"), note=note)

    def test_a_link_decides_once_and_opening_it_decides_nothing(self):
        asked = self.ask("linked")
        links = self.links(self.keepers[0], asked)
        for _ in range(3):  # a mail scanner
            self.assertEqual(Browser().get(links["approve"]).status, 200)
            self.assertEqual(Browser().get(links["deny"]).status, 200)
        self.assertEqual(self.state(asked)["state"], "pending_approval")
        page = self.decide(links["approve"], "by mail")
        self.assertEqual(page.status, 200, page.text)
        done = self.state(asked)
        self.assertEqual((done["state"], done["decisions"][0]["note"]), ("fulfilled", "by mail"))
        other = self.links(self.keepers[1], asked)
        for url in (*links.values(), *other.values()):
            self.assertEqual(Browser().get(url).status, 404, "links outlive the decision")
        welcome = self.box.wait(1, f"linked@{DOMAIN}")[0]
        self.assertIn("/invitation?t=", welcome.text)

    def test_two_people_by_two_links_where_two_are_needed(self):
        asked = self.ask("weighty", roles=["admin"])
        first = self.links(self.keepers[0], asked)
        second = self.links(self.keepers[1], asked)
        self.assertEqual(self.decide(first["approve"]).status, 200)
        self.assertEqual(self.state(asked)["state"], "pending_approval")
        self.assertEqual(Browser().get(first["approve"]).status, 404, "a link works twice")
        again = self.decide(first["deny"])
        self.assertEqual(again.status, 409, again.text)
        self.assertEqual(self.decide(second["approve"]).status, 200)
        self.assertEqual(self.state(asked)["state"], "fulfilled")

    def test_who_is_a_gatekeeper_no_more_decides_nothing(self):
        asked = self.ask("late")
        links = self.links(self.keepers[0], asked)
        users = self.gate.api("GET", f"/tenants/{TENANT}/users?q={self.keepers[0]}")["items"]
        target = f"/tenants/{TENANT}/users/{users[0]['id']}"
        self.gate.api("PATCH", target, {"roles": ["read_only"]})
        self.addCleanup(self.gate.api, "PATCH", target, {"roles": ["security_gatekeeper"]})
        page = Browser().get(links["approve"])
        self.assertIn(page.status, (403, 404), page.text)
        self.assertEqual(self.state(asked)["state"], "pending_approval")
        denied = self.decide(self.links(self.keepers[1], asked)["deny"])
        self.assertEqual(denied.status, 200, denied.text)
        self.assertEqual(self.state(asked)["state"], "denied")


if __name__ == "__main__":
    unittest.main()
