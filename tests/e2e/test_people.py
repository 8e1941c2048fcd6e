# SPDX-License-Identifier: GPL-3.0-or-later
"""The people of a tenant through the API: invited, resent, disabled, let back in, deleted, restored; what a
state does not take; who sees whom; sessions one by one; access that ends by itself; the commands."""

import datetime
import json
import time
import unittest

from browser import Browser
from case import TENANT, GateCase

USERS = f"/api/v1/tenants/{TENANT}/users"


def soon(seconds):
    """A time so many seconds ahead, as the API takes it."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class PeopleCase(GateCase):
    def invite(self, email, **more):
        return self.gate.api("POST", f"/tenants/{TENANT}/users", {"email": email, **more})

    def event(self, user, action, body=None, token=None):
        return self.gate.call("POST", f"{USERS}/{user}:{action}", body, token=token)

    def show(self, user):
        return self.gate.api("GET", f"/tenants/{TENANT}/users/{user}")

    def come_in(self, email, *groups):
        """Signs in through the provider; returns (the access token, the answer)."""
        answer = self.assertSignedIn(self.log_in(name_id=email, groups=groups or ("staff",)))
        return answer["access_token"], answer

    def assertIllegal(self, answer, state, event):
        status, problem = answer
        self.assertEqual((status, problem["reason"]), (409, "illegal_transition"), problem)
        self.assertEqual((problem["state"], problem["event"]), (state, event), problem)


class LifeTest(PeopleCase):
    def test_an_invitation_is_resent_accepted_by_sso_and_not_resent_again(self):
        made = self.invite("ann@acme.example", first_name="Ann", roles=["user"])
        user = made["id"]
        self.assertEqual((made["status"], made["invite"]["sent"]), ("invited", 1))
        self.assertEqual(
            set(made["_actions"]), {"resend-welcome", "update", "change-email", "disable", "delete"}
        )
        status, problem = self.event(user, "resend-welcome")
        self.assertEqual((status, problem["reason"]), (429, "invite_limit"))
        self.assertIllegal(self.event(user, "reactivate"), "invited", "reactivate")
        self.assertIllegal(self.event(user, "enable"), "invited", "enable")
        self.come_in("ann@acme.example")
        self.assertEqual(self.show(user)["status"], "active")
        self.assertIllegal(self.event(user, "resend-welcome"), "active", "resend_welcome")
        self.assertIllegal(self.event(user, "enable"), "active", "enable")

    def test_disabled_is_out_at_once_and_keeps_everything(self):
        token, answer = self.come_in("bob@acme.example", "platform-admins")
        user = answer["user"]["id"]
        status, body = self.event(user, "disable", {"reason": "on leave"})
        self.assertEqual((status, body["status"], body["status_reason"]), (200, "disabled", "on leave"))
        self.assertEqual(self.gate.call("GET", "/session", token=token)[0], 401)
        refused = self.log_in(name_id="bob@acme.example", groups=("platform-admins",))
        self.assertProblem(refused, 403, "login.membership_disabled")
        self.assertIllegal(self.event(user, "disable"), "disabled", "disable")
        self.assertIllegal(self.event(user, "unlock"), "disabled", "unlock")
        status, body = self.event(user, "enable")
        # Who signs in by SSO alone has no password to set first.
        self.assertEqual((status, body["status"], body["auth_source"]), (200, "active", "sso"))
        self.assertEqual(body["roles"], [{"role_id": "admin", "source": "sso"}])
        self.come_in("bob@acme.example", "platform-admins")

    def test_deleted_is_a_tombstone_that_can_be_restored(self):
        _token, answer = self.come_in("del@acme.example")
        user = answer["user"]["id"]
        self.assertEqual(self.gate.call("DELETE", f"{USERS}/{user}")[0], 204)
        self.assertEqual(self.show(user)["_actions"], ["restore"])
        for action, event in (("enable", "enable"), ("disable", "disable"), ("unlock", "unlock")):
            self.assertIllegal(self.event(user, action), "deleted", event)
        refused = self.log_in(name_id="del@acme.example", groups=("staff",))
        self.assertProblem(refused, 403, "login.membership_deleted")
        status, body = self.event(user, "restore")
        self.assertEqual((status, body["status"]), (200, "active"))
        self.come_in("del@acme.example")

    def test_nobody_takes_his_own_access_away(self):
        token, answer = self.come_in("self@acme.example", "platform-admins")
        status, problem = self.event(answer["user"]["id"], "disable", token=token)
        self.assertEqual((status, problem["reason"]), (409, "self_lockout"))
        page = f"{USERS}/{answer['user']['id']}"
        status, problem = self.gate.call("DELETE", page, token=token)
        self.assertEqual((status, problem["reason"]), (409, "self_lockout"))

    def test_names_are_changed_under_the_state_that_was_seen(self):
        user = self.invite("etag@acme.example")["id"]
        page = Browser().get(
            self.gate.url(f"{USERS}/{user}"), headers={"Authorization": f"Bearer {self.gate.token}"}
        )
        etag = page.header("etag")
        headers = {"If-Match": etag}
        path = f"{USERS}/{user}"
        status, body = self.gate.call("PATCH", path, {"first_name": "Eve"}, headers=headers)
        self.assertEqual((status, body["first_name"]), (200, "Eve"))
        status, problem = self.gate.call("PATCH", path, {"first_name": "Eva"}, headers=headers)
        self.assertEqual((status, problem["reason"]), (412, "version_conflict"))


class SessionsTest(PeopleCase):
    def test_one_session_ends_and_the_other_goes_on(self):
        one, answer = self.come_in("two@acme.example")
        other, _answer = self.come_in("two@acme.example")
        user = answer["user"]["id"]
        listed = self.gate.api("GET", f"/tenants/{TENANT}/users/{user}/sessions")
        self.assertEqual(listed["total"], 2)
        self.assertEqual({row["connection"] for row in listed["items"]}, {"acme-forged"})
        gone = answer["session_id"]
        path = f"{USERS}/{user}/sessions/{gone}"
        self.assertEqual(self.gate.call("DELETE", path)[0], 204)
        self.assertEqual(self.gate.call("DELETE", path)[0], 404)
        self.assertEqual(self.gate.call("GET", "/session", token=one)[0], 401)
        self.assertEqual(self.gate.call("GET", "/session", token=other)[0], 200)
        # A session of somebody else is not this person's.
        _token, third = self.come_in("third@acme.example")
        status, _problem = self.gate.call("DELETE", f"{USERS}/{user}/sessions/{third['session_id']}")
        self.assertEqual(status, 404)


class SeenTest(PeopleCase):
    def test_everybody_sees_who_is_there_with_masked_addresses(self):
        self.come_in("zoe@acme.example")
        token, _answer = self.come_in("plain@acme.example")
        status, listed = self.gate.call("GET", USERS, token=token)
        self.assertEqual(status, 200)
        emails = {item["email"] for item in listed["items"]}
        self.assertIn("z***@acme.example", emails)
        self.assertNotIn("zoe@acme.example", emails)
        status, listed = self.gate.call("GET", f"{USERS}?q=zoe@", token=token)
        self.assertEqual((status, listed["total"]), (200, 0))  # nor can they be guessed by searching
        self.gate.api(
            "PATCH", f"/tenants/{TENANT}/settings", {"user_list_visibility": "permission"}
        )
        self.addCleanup(
            self.gate.api, "PATCH", f"/tenants/{TENANT}/settings", {"user_list_visibility": "everyone"}
        )
        status, problem = self.gate.call("GET", USERS, token=token)
        self.assertEqual((status, problem["reason"]), (403, "forbidden"))

    def test_a_stranger_is_shown_by_the_address_alone(self):
        self.gate.make_tenant("umbrella", ["umbrella.example"])
        self.gate.api(
            "POST",
            "/tenants/umbrella/users",
            {"email": "eve@umbrella.example", "first_name": "Eve", "last_name": "Secret"},
        )
        token, _answer = self.come_in("asks@acme.example", "platform-admins")
        body = {"email": "eve@umbrella.example"}
        status, seen = self.gate.call("POST", USERS, body, token=token)
        self.assertEqual((status, seen["status"], seen["first_name"]), (200, "invited", ""))
        self.assertNotIn("Secret", json.dumps(seen))
        self.assertNotIn("umbrella", json.dumps({**seen, "email": ""}))
        status, problem = self.gate.call("POST", USERS, body, token=token)
        self.assertEqual((status, problem["reason"]), (409, "already_member"))


class EndTest(PeopleCase):
    def test_support_access_ends_by_itself(self):
        body = {"email": "rep@vendor.example", "roles": ["support_access"]}
        status, problem = self.gate.call("POST", USERS, body)
        self.assertEqual(status, 422)
        self.assertEqual({error["pointer"] for error in problem["errors"]}, {"/expires_at", "/ticket"})
        made = self.invite("rep@vendor.example", roles=["support_access"], ticket="T-1", expires_at=soon(3600))
        self.assertEqual(made["ticket"], "T-1")
        path = f"{USERS}/{made['id']}"
        status, problem = self.gate.call("PATCH", path, {"expires_at": None})
        self.assertEqual((status, problem["errors"][0]["pointer"]), (422, "/expires_at"))
        status, body = self.gate.call("PATCH", path, {"roles": ["read_only"], "expires_at": None})
        self.assertEqual((status, body["expires_at"]), (200, None), body)

    def test_a_session_ends_when_the_access_does(self):
        token, answer = self.come_in("short@acme.example")
        path = f"{USERS}/{answer['user']['id']}"
        self.assertEqual(self.gate.call("PATCH", path, {"expires_at": soon(1.5)})[0], 200)
        self.assertEqual(self.gate.call("GET", "/session", token=token)[0], 200)
        time.sleep(1.6)
        self.assertEqual(self.gate.call("GET", "/session", token=token)[0], 401)
        refused = self.log_in(name_id="short@acme.example", groups=("staff",))
        self.assertProblem(refused, 403, "login.membership_disabled")


class CommandTest(PeopleCase):
    def test_the_commands_do_the_same(self):
        def run(*words):
            return self.gate.must("user", *words).stdout

        run("add", TENANT, "cli@acme.example", "--first", "Cli", "--role", "user", "--no-invite")
        self.assertIn("invited", run("show", TENANT, "cli@acme.example"))
        self.assertIn("invited", run("resend", TENANT, "cli@acme.example"))
        shown = json.loads(run("disable", TENANT, "cli@acme.example", "--reason", "tried", "--json"))
        self.assertEqual((shown["status"], shown["status_reason"]), ("disabled", "tried"))
        self.assertIn("reactivating", run("enable", TENANT, "cli@acme.example"))
        refused = self.gate.run("user", "unlock", TENANT, "cli@acme.example")
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn("reactivating", refused.stderr)
        self.assertIn("no session", run("sessions", TENANT, "cli@acme.example").lower())
        run("second-factor", TENANT, "cli@acme.example", "--reset")
        run("remove", TENANT, "cli@acme.example")
        user = shown["id"]
        self.assertIn("reactivating", run("restore", TENANT, user))


if __name__ == "__main__":
    unittest.main()
