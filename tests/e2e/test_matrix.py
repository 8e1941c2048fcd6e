# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation x every kind of caller x the own and a foreign tenant: who is answered how.

The operations, who may, and with which permission come from the OpenAPI document, which is made of
the route table; what the roles hold comes from the API, and is held against the tables of the
domain elsewhere. Never passes over an operation: one without a row in matrix_rows.py fails.
"""

import http.client
import json
import time
import unittest
from urllib.parse import quote, urlsplit

import contract
from browser import Browser
from case import ForgedIdp
from harness import Gate, begin, post_response
from matrix_rows import BY_A_PERSON, MAKERS, ROWS, SECRETS, Row

# A sister belongs to the organization of the own tenant; its administrator sees into it.
OWN, FOREIGN, SISTER = "acme", "other", "sister"
HOUSES = {OWN: "house", SISTER: "house", FOREIGN: "other-house"}
SEEN_FROM_ABOVE = {"users:list", "users:view", "audit:view"}
SESSION_COOKIE = "__Host-gatehouse"
GUARD = "there is no such thing in your tenant"  # how the guard says 404; handlers have other words
NOTHING = {
    "user": "usr_01JD6VY0G0000000000000000A",
    "role_id": "no-such-role",
    "service_user": "svc_01JD6VY0G0000000000000000A",
    "application": "app_01JD6VY0G0000000000000000A",
    "credential": "crd_none",
    "session": "ses_none",
    "number": "99",
    "request": "req_01JD6VY0G0000000000000000A",
    "job": "job_01JD6VY0G0000000000000000A",
    "organization": "no-such-house",
    "sha256": "no-hash",
}
# What a setting of the tenant takes from a role: support_no_credentials, on by default.
HELD_BACK = {"support_access": {"api_credentials:manage"}}


class Caller:
    """Somebody who sends requests: a token, or a cookie, or nothing."""

    def __init__(self, name, token=None, permissions=(), kind="user", cookie=None):
        self.name, self.token, self.cookie = name, token, cookie
        self.permissions, self.kind = frozenset(permissions) - HELD_BACK.get(name, set()), kind


class Operation:
    def __init__(self, method, path, described):
        self.method, self.path, self.id = method.upper(), path, described["operationId"]
        self.access = described["x-access"]
        self.permission = described.get("x-permission")
        self.answers = described["responses"]
        self.takes = described.get("requestBody", {}).get("content", {})
        self.web = "text/html" in json.dumps(described["responses"].get("default", {})) or (
            described["responses"]["default"]["$ref"].endswith("PageOrProblem")
        )


def operations(document):
    return [
        Operation(method, path, item[method])
        for path, item in document["paths"].items()
        for method in contract.METHODS
        if method in item
    ]


class Scene:
    """A gate with two tenants, somebody with each built-in role in each, and ids of real things."""

    def __init__(self):
        self.gate = Gate().start()
        self.idp = ForgedIdp()
        self.ids = {}
        self.connections = {}
        self.callers = []
        for tenant in (OWN, FOREIGN, SISTER):
            self.furnish(tenant)
        above = self.log_in_as(self.connections[OWN], "above@acme.example", "g-read_only")
        for house in ("house", "other-house"):
            admins = [above["user"]["id"]] if house == "house" else []
            self.gate.api(
                "POST", "/organizations", {"slug": house, "name": house, "administrators": admins}
            )
        for tenant, house in HOUSES.items():
            made = self.gate.api("PUT", f"/tenants/{tenant}", {"organization": house})
            numbered = self.gate.api("GET", f"/organizations/{house}")
            self.ids[tenant]["account_number"] = str(made["number"])
            self.ids[tenant]["organization_number"] = str(numbered["number"])
        held = next(caller for caller in self.callers if caller.name == "read_only").permissions
        self.callers.append(Caller("organization admin", above["access_token"], held, kind="above"))
        self.document = contract.fetch(self.gate.port)

    def furnish(self, tenant):
        gate = self.gate
        domain = f"{tenant}.example"
        gate.make_tenant(tenant, [domain])
        roles = [role for role in gate.api("GET", f"/tenants/{tenant}/roles")["items"]]
        builtin = [role for role in roles if role["builtin"] and "." not in role["role_id"]]
        rules = [
            {"match": "exact", "value": f"g-{role['role_id']}", "roles": [role["role_id"]]}
            for role in builtin
        ]
        connection = gate.make_connection(
            tenant, f"{tenant}-idp", self.idp.fields, {"rules": rules, "default_role": None}
        )
        self.connections[tenant] = connection
        gate.api(
            "POST",
            f"/tenants/{tenant}/roles",
            {"role_id": "mappers", "name": "Mappers", "permissions": ["sso:manage"]},
        )
        made = {}
        for role in builtin:
            made[role["role_id"]] = self.log_in(connection, tenant, role["role_id"])
            if tenant == OWN:
                self.callers.append(
                    Caller(role["role_id"], made[role["role_id"]]["access_token"], role["permissions"])
                )
        service = gate.api(
            "POST",
            f"/tenants/{tenant}/service-users",
            {"name": "Robot", "roles": ["admin"], "owner": made["admin"]["user"]["id"]},
        )
        secret = gate.api("POST", f"/tenants/{tenant}/service-users/{service['id']}/credentials", {})
        victim = made["user"]
        self.ids[tenant] = {
            "tenant": tenant,
            "connection": connection.slug,
            "user": victim["user"]["id"],
            "session": victim["session_id"],
            "trace": victim["trace_id"],
            "role_id": "mappers",
            "event": "aud_1",
            "service_user": service["id"],
            "application": gate.api(
                "POST",
                "/applications",
                {"name": f"Portal of {tenant}", "redirect_uris": [f"https://portal.{domain}/cb"]},
            )["id"],
            "credential": secret["credential_id"] if "credential_id" in secret else secret["id"],
            "sha256": gate.api("GET", f"/connections/{connection.slug}/idp")["certificates"][0][
                "sha256"
            ],
            "kind": "signing",
            "number": "0",
            "name": "nothing.css",
            "organization": HOUSES[tenant],
            "request": gate.api(
                "POST",
                f"/tenants/{tenant}/access-requests",
                {
                    "email": f"asked@{domain}", "first_name": "A", "last_name": "B",
                    "roles": ["user"],
                    "justification": "to see",
                },
            )["id"],
            "job": self.job(tenant),
            "letter": "ltr_01JD6VY0G0000000000000000A",
        }
        if tenant == OWN:
            self.more_callers(connection, service, secret, builtin)

    def job(self, tenant):
        status, answer = self.gate.call(
            "POST",
            f"/api/v1/tenants/{tenant}/users:bulk?dry_run=true",
            f"email,first_name\nbulk@{tenant}.example,B\n".encode(),
            headers={"Content-Type": "text/csv"},
        )
        if status != 202:
            raise AssertionError(f"no job: {status} {answer}")
        # Its end is a row of the audit log, which must not come while others are counted.
        end = time.monotonic() + 30
        while self.gate.api("GET", f"/jobs/{answer['id']}")["state"] in ("queued", "running"):
            if time.monotonic() > end:
                raise AssertionError("the job does not end")
            time.sleep(0.02)
        return answer["id"]

    def log_in(self, connection, tenant, role):
        browser = Browser()
        request = begin(browser, connection)
        message = self.idp.response(
            connection, request, name_id=f"{role}@{tenant}.example", groups=(f"g-{role}",)
        )
        page = post_response(browser, connection, message.xml(), request.relay_state)
        if page.status != 200:
            raise AssertionError(f"{role}: {page.status} {page.text[:600]}")
        return json.loads(page.body)

    def in_browser(self, email, group):
        """The cookie of somebody who signed in as browsers do, as it is sent."""
        connection = self.connections[OWN]
        browser = Browser()
        request = begin(browser, connection)
        message = self.idp.response(connection, request, name_id=email, groups=(group,))
        page = post_response(browser, connection, message.xml(), request.relay_state, as_json=False)
        if page.status != 303:
            raise AssertionError(f"{email}: {page.status} {page.text[:600]}")
        return f"{SESSION_COOKIE}={browser.cookie('localhost', SESSION_COOKIE)}"

    def more_callers(self, connection, service, secret, builtin):
        gate = self.gate
        self.callers.append(Caller("nobody", kind="nobody"))
        self.callers.append(Caller("operator", gate.token, kind="operator"))
        # Somebody who held everything, and was disabled since.
        gone = self.log_in(connection, OWN, "admin_compliance")
        self.callers = [caller for caller in self.callers if caller.name != "admin_compliance"]
        gate.api("POST", f"/tenants/{OWN}/users/{gone['user']['id']}:disable")
        self.callers.append(Caller("disabled", gone["access_token"], kind="ended"))
        fresh = self.log_in_as(connection, "both@acme.example", "g-admin_compliance")
        held = next(role for role in builtin if role["role_id"] == "admin_compliance")
        self.callers.append(Caller("admin_compliance", fresh["access_token"], held["permissions"]))
        out = self.log_in_as(connection, "out@acme.example", "g-admin")
        gate.api("POST", f"/tenants/{OWN}/users/{out['user']['id']}:revoke-sessions")
        self.callers.append(Caller("signed out", out["access_token"], kind="ended"))
        self.callers.append(Caller("forged token", "a.b.c", kind="ended"))
        admin = next(role for role in builtin if role["role_id"] == "admin")
        form = f"grant_type=client_credentials&client_id={quote(secret['client_id'])}"
        form += f"&client_secret={quote(secret['client_secret'])}"
        page = Browser().post(gate.url("/oauth2/token"), form, headers={"Accept": "application/json"})
        if page.status != 200:
            raise AssertionError(f"no token for a service user: {page.status} {page.text[:600]}")
        token = json.loads(page.body)["access_token"]
        self.callers.append(Caller("service user", token, admin["permissions"], kind="service"))

    def log_in_as(self, connection, email, group):
        browser = Browser()
        request = begin(browser, connection)
        message = self.idp.response(connection, request, name_id=email, groups=(group,))
        page = post_response(browser, connection, message.xml(), request.relay_state)
        if page.status != 200:
            raise AssertionError(f"{email}: {page.status} {page.text[:600]}")
        return json.loads(page.body)

    # -- requests -------------------------------------------------------------------------

    def path(self, operation, row, tenant):
        path = operation.path
        for name, value in self.ids[tenant].items():
            fake = name in row.fake and tenant == OWN
            path = path.replace("{%s}" % name, quote(NOTHING[name] if fake else value, safe=""))
        if "{" in path:
            raise AssertionError(f"{operation.id}: no sample for a part of {path}")
        return path + row.query

    def send(self, operation, row, caller, tenant, headers=None):
        sent = {"Host": urlsplit(self.gate.base).netloc, "Accept": "application/json"}
        sent.update(row.headers)
        if row.own_page and headers is None:
            sent["Sec-Fetch-Site"] = "same-origin"
        if caller.token:
            sent["Authorization"] = f"Bearer {caller.token}"
        if caller.cookie:
            sent["Cookie"] = caller.cookie
        body = None
        if row.form is not None:
            body, sent["Content-Type"] = row.form, "application/x-www-form-urlencoded"
        elif row.body is not None:
            body, sent["Content-Type"] = json.dumps(row.body), "application/json"
        elif operation.method != "GET":
            body = ""
        sent.update(headers or {})
        path = self.path(operation, row, tenant)
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=30)
        try:
            connection.request(operation.method, path, body=body, headers=sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        kind = answer.getheader("Content-Type")
        contract.check(self.gate.port, operation.method, path, answer.status, kind, text)
        problem = json.loads(text) if kind == "application/problem+json" else {}
        if operation.access == "account" and answer.status >= 400:  # the platform's own words
            first = json.loads(text)["errors"][0]
            problem = {"reason": first["reason"], "detail": first["message"]}
        return answer.status, problem


def may(operation, row, caller):
    """Does a user or a service user of the tenant hold what the route asks for?"""
    if operation.permission == "operators only":
        return False
    if row.any_of:
        return any(name in caller.permissions for name in row.any_of)
    return operation.permission is None or operation.permission in caller.permissions


def expected(operation, row, caller, tenant):
    """(status, reason or None) that the route table promises this caller."""
    allowed = (row.status, None)
    if caller.kind == "operator" and row.operator is not None:
        allowed = (row.operator, None)
    if caller.kind == "service" and row.service is not None:
        allowed = (row.service, None)
    if caller.kind == "nobody" and row.nobody is not None:
        return (row.nobody, None)
    if operation.access == "public":
        return allowed
    if caller.kind in ("nobody", "ended"):
        return (401, "unauthenticated")
    if operation.access == "known" or caller.kind == "operator":
        return allowed
    if operation.access == "operator":
        return (403, "forbidden")
    if operation.access == "organization":
        house = HOUSES[tenant] == HOUSES[OWN] and "organization" not in row.fake
        return allowed if caller.kind == "above" and house else (404, "not_found")
    if operation.access == "tenant" and tenant == SISTER and caller.kind == "above":
        if operation.method == "GET":  # it looks, and touches nothing
            held = Caller("", permissions=SEEN_FROM_ABOVE)
            return allowed if may(operation, row, held) else (403, "forbidden")
    if operation.access in ("tenant", "connection", "account") and tenant != OWN:
        return (404, "not_found")
    if operation.access == "signed_in" and row.any_of and not row.own and tenant != OWN:
        return (404, "not_found") if may(operation, row, caller) else (403, "forbidden")
    if operation.access in ("tenant", "connection", "account", "signed_in"):
        return allowed if may(operation, row, caller) else (403, "forbidden")
    raise AssertionError(f"{operation.id}: nobody knows what access {operation.access} means")


class MatrixTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.gate.stop)
        cls.operations = operations(cls.scene.document)

    def test_every_operation_has_a_row_and_every_row_an_operation(self):
        described = {operation.id for operation in self.operations}
        self.assertEqual(described - set(ROWS), set(), "operations without a row in matrix_rows.py")
        self.assertEqual(set(ROWS) - described, set(), "rows of operations that are gone")

    def test_every_role_is_walked(self):
        roles = self.scene.gate.api("GET", f"/tenants/{OWN}/roles")["items"]
        builtin = {role["role_id"] for role in roles if role["builtin"] and "." not in role["role_id"]}
        self.assertLessEqual(
            {"user", "read_only", "admin", "audiences_only", "compliance", "admin_compliance"}
            | {"support_access", "security_gatekeeper"},
            builtin,
        )
        self.assertLessEqual(builtin, {caller.name for caller in self.scene.callers})

    def test_who_is_answered_how(self):
        wrong = []
        count = 0
        for operation in self.operations:
            row = ROWS.get(operation.id)
            if row is None:
                continue  # the first test says so
            for caller in self.scene.callers:
                if row.only and caller.name not in row.only:
                    continue
                for tenant in (OWN, FOREIGN, SISTER):
                    if tenant == SISTER and caller.kind != "above":
                        continue
                    if tenant == FOREIGN and caller.kind == "operator":
                        continue  # with real ids, an operator's request would be carried out
                    count += 1
                    want, reason = expected(operation, row, caller, tenant)
                    got, problem = self.scene.send(operation, row, caller, tenant)
                    said = problem.get("reason")
                    fine = got == want and (reason is None or said == reason)
                    # What is allowed and not there is the handler's 404, what is foreign the guard's.
                    if fine and want == 404 and operation.access in ("tenant", "connection"):
                        fine = (problem["detail"] == GUARD) == (tenant != OWN)
                    if fine and reason == "forbidden" and operation.permission not in (None, "operators only"):
                        fine = operation.permission in problem["detail"]
                    if not fine:
                        wrong.append(
                            f"{operation.id} by {caller.name} in {tenant}: want {want} {reason or ''}, "
                            f"got {got} {said or ''} {problem.get('detail', '')[:120]}"
                        )
        self.assertGreater(count, 1000)
        if wrong:
            self.fail(f"{len(wrong)} of {count} answers:\n" + "\n".join(wrong[:60]))


class CrossSiteTest(unittest.TestCase):
    """What a browser sends from another site with the victim's cookie changes nothing."""

    # Other sites have to reach these: they take signed messages, or nothing that a cookie vouches for.
    OPEN = {"findConnection", "consumeAssertion", "singleLogoutForm", "issueToken", "revokeToken"}
    OPEN |= {"approveByLink", "denyByLink", "askedForAccess"}  # what is in the form vouches
    # JSON alone is taken, what is in it vouches, and no cookie is read or set.
    OPEN |= {"signIn", "acceptInvitation", "forgotPassword", "resetPassword"}
    ANOTHER = "https://evil.example"
    ATTACKS = (
        {},
        {"Origin": ANOTHER},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
        {"Origin": "OWN.evil.example"},
        {"Referer": "OWN/"},
    )

    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.gate.stop)
        cls.operations = operations(cls.scene.document)
        cls.cookie = cls.scene.in_browser("victim@acme.example", "g-admin_compliance")

    def test_no_unsafe_operation_takes_a_cookie_from_another_site(self):
        victim = Caller("victim", cookie=self.cookie)
        wrong, count = [], 0
        for operation in self.operations:
            row = ROWS.get(operation.id)
            if operation.method == "GET" or operation.id in self.OPEN or row is None:
                continue
            for attack in self.ATTACKS:
                headers = {k: v.replace("OWN", self.scene.gate.base) for k, v in attack.items()}
                got, problem = self.scene.send(operation, row, victim, OWN, headers)
                count += 1
                if (got, problem.get("reason")) != (403, "cross_site"):
                    wrong.append(f"{operation.id} with {headers}: {got} {problem.get('reason')}")
        self.assertGreater(count, 100)
        if wrong:
            self.fail("\n".join(wrong[:60]))

    def test_the_own_pages_get_through(self):
        victim = Caller("victim", cookie=self.cookie)
        create = next(each for each in self.operations if each.id == "addUser")
        for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": self.scene.gate.base}):
            got, problem = self.scene.send(create, ROWS["addUser"], victim, OWN, headers)
            self.assertEqual((got, problem["reason"]), (422, "invalid_input"))

    def test_a_token_is_not_sent_by_browsers_and_needs_no_such_proof(self):
        create = next(each for each in self.operations if each.id == "addUser")
        admin = next(caller for caller in self.scene.callers if caller.name == "admin")
        got, _problem = self.scene.send(create, ROWS["addUser"], admin, OWN, {"Origin": self.ANOTHER})
        self.assertEqual(got, 422)

    def test_no_operation_that_only_reads_is_unsafe_by_another_name(self):
        """What the routes call GET leaves the audit log as it was, but for the reading itself."""
        gate = self.scene.gate
        before = gate.api("GET", f"/tenants/{OWN}/audit:verify")["head"]["seq"]
        operator = next(caller for caller in self.scene.callers if caller.name == "operator")
        for operation in self.operations:
            if operation.method == "GET" and operation.id in ROWS and not operation.web:
                self.scene.send(operation, ROWS[operation.id], operator, OWN)
        rows = gate.api("GET", f"/tenants/{OWN}/audit?limit=200")["items"]
        new = {row["event"] for row in rows if row["seq"] > before}
        self.assertLessEqual(new, {"pii.viewed", "export.users_csv", "export.users_json"})


class MakingTwiceTest(unittest.TestCase):
    """Each POST that answers 201 takes an Idempotency-Key; the same request again makes nothing."""

    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.gate.stop)
        cls.operations = operations(cls.scene.document)

    def test_every_operation_that_makes_something_takes_a_key(self):
        makers = {each.id for each in self.operations if each.method == "POST" and "201" in each.answers}
        self.assertEqual(makers, set(MAKERS), "operations that answer 201 and MAKERS differ")
        anybody = Caller("operator", self.scene.gate.token, kind="operator")
        person = next(caller for caller in self.scene.callers if caller.name == "user")
        for name, body in MAKERS.items():
            caller = person if name in BY_A_PERSON else anybody
            with self.subTest(operation=name):
                operation = next(each for each in self.operations if each.id == name)
                row = Row(201, body(self.scene.ids[OWN]))
                key = {"Idempotency-Key": f"key-{name}"}
                first, _problem = self.scene.send(operation, row, caller, OWN, key)
                self.assertIn(first, (200, 201), _problem)
                rows = self.rows()
                again, problem = self.scene.send(operation, row, caller, OWN, key)
                if name in SECRETS:
                    self.assertEqual((again, problem["reason"]), (409, "idempotency_done"))
                else:
                    self.assertEqual(again, first, problem)
                self.assertEqual(self.rows(), rows, "the second request changed something")
                other = Row(201, {**row.body, "name": "Another"})
                status, problem = self.scene.send(operation, other, caller, OWN, key)
                self.assertIn(problem.get("reason"), ("idempotency_mismatch", "invalid_input"), problem)
                self.assertEqual(status, 422)

    def rows(self):
        return [
            self.scene.gate.api("GET", f"{at}/audit:verify")["head"]["seq"]
            for at in (f"/tenants/{OWN}", f"/tenants/{FOREIGN}", "")
        ]


if __name__ == "__main__":
    unittest.main()
