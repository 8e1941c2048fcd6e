# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof, on the very gate that is measured, that it looks: good logins are accepted and carry their person and role,
and each bad one is refused for its own reason. A gate that is fast because it does not check is not worth a figure.
"""
import json

FIRST = 80_000_000      # persons that no measured login has

# What is posted, options for forge, whether by the foreign provider, and the reasons of which one must be given.
BAD = (
    ("tampered group", ("--defect", "tampered"), False, ("signature.digest",)),
    ("tampered NameID", ("--defect", "tampered-name"), False, ("signature.digest",)),
    ("tampered, Response signed too", ("--defect", "tampered", "--sign-response"), False, ("signature.digest",)),
    ("unsigned", ("--defect", "unsigned"), False, ("signature.missing",)),
    ("foreign key", (), True, ("signature.value", "signature.unknown_signer")),
    ("expired", ("--defect", "expired"), False, ("conditions.expired",)),
    ("not yet valid", ("--defect", "early"), False, ("conditions.not_yet_valid",)),
    ("wrong audience", ("--defect", "audience"), False, ("conditions.audience",)),
    ("wrong recipient", ("--defect", "recipient"), False, ("subject.recipient",)),
)


def _post(gate, body, accept):
    return gate.request("POST", gate.path, body,
                        {"Content-Type": "application/x-www-form-urlencoded", "Accept": accept})


def _session_cookie(headers):
    for name, value in headers:
        if name.lower() == "set-cookie" and value.startswith("__Host-gatehouse="):
            return value.split(";")[0]
    return None


def _parsed(text):
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _good(gate, body, email):
    """A browser's login: (right, what was got)."""
    status, headers, text = _post(gate, body, "text/html")
    cookie = _session_cookie(headers)
    if status != 303 or cookie is None:
        return False, f"{status}, {'a cookie' if cookie else 'no cookie'}: {text.strip()[:300]}"
    status, _, text = gate.request("GET", "/session", headers={"Cookie": cookie})
    session = _parsed(text)
    person = session.get("user", {}).get("email")
    if status != 200 or person != email or "admin" not in session.get("roles", []):
        return False, f"303, but its session answers {status}: {text.strip()[:300]}"
    status = gate.request("GET", "/session")[0]
    if status != 401:
        return False, f"303, but without its cookie the session answers {status}"
    return True, "accepted, the session names person and role"


def _good_json(gate, body, email):
    status, headers, text = _post(gate, body, "application/json")
    answer = _parsed(text)
    right = (status == 200 and len(str(answer.get("access_token", ""))) >= 16
             and answer.get("user", {}).get("email") == email and "admin" in answer.get("roles", [])
             and _session_cookie(headers) is None)
    return right, "accepted, with an access token" if right else f"{status}: {text.strip()[:300]}"


def _refused(gate, body, reasons):
    status, headers, text = _post(gate, body, "application/json")
    reason = _parsed(text).get("reason")
    if status == 403 and reason in reasons and _session_cookie(headers) is None:
        return True, f"refused, {reason}"
    return False, f"{status} {reason or text.strip()[:300]}, expected 403 {' or '.join(reasons)}"


def prove(gate, tools, idp, foreign):
    """Rows of {"case", "right", "got"}."""
    rows = []
    number = FIRST

    def forged(options=(), provider=idp):
        nonlocal number
        number += 1
        body = tools.forge(provider, gate.acs, gate.audience, "--first", number, *options).strip()
        return body, f"person{number:08d}@bench.example"

    def note(case, outcome):
        rows.append({"case": case, "right": outcome[0], "got": outcome[1]})

    first, email = forged()
    note("good", _good(gate, first, email))
    note("replayed", _refused(gate, first, ("assertion.replayed",)))
    note("good, Response signed too", _good(gate, *forged(("--sign-response",))))
    note("good, asked for as JSON", _good_json(gate, *forged()))
    for case, options, by_foreign, reasons in BAD:
        body, _ = forged(options, foreign if by_foreign else idp)
        note(case, _refused(gate, body, reasons))
    note("good again", _good(gate, *forged()))
    return rows
