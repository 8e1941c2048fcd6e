# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds each answer of a gate against the OpenAPI document that the gate itself serves.

Owns: finding the operation of a request, and checking status, content type and JSON schema (by
python3-jsonschema) of its answer. Never: sends a request but the one for the document. What the
document does not describe is a failure: an address that answers, a status, a content type, a
member of an object.
"""

import http.client
import json
import re
from urllib.parse import unquote, urlsplit

import jsonschema

METHODS = ("get", "post", "put", "patch", "delete")
_gates = {}  # port -> Contract, or None until it is first needed


class Contract:
    """One document, ready to check answers."""

    def __init__(self, document):
        if not document["openapi"].startswith("3.1."):
            raise AssertionError(f"not OpenAPI 3.1: {document['openapi']}")
        self.document = document
        self.operations = []  # (pattern, path template, item)
        self.validators = {}
        for path, item in document["paths"].items():
            self.operations.append((_pattern(path), path, item))
        # A path without parts wins over one that would take it as a part.
        self.operations.sort(key=lambda row: (row[1].count("{"), -len(row[1])))
        self.strict = _strict(document["components"]["schemas"])
        self.resolver = jsonschema.RefResolver("", {"components": {"schemas": self.strict}})

    def find(self, path):
        """The path template and its item for a path as it was sent, or (None, None)."""
        for pattern, template, item in self.operations:
            if pattern.fullmatch(path):
                return template, item
        return None, None

    def check(self, method, target, status, content_type, body):
        """Raises AssertionError unless the document promises such an answer."""
        path = urlsplit(target).path
        where = f"{method} {path}: {status} {content_type or '-'}"
        template, item = self.find(path)
        key = {"head": "get"}.get(method.lower(), method.lower())
        if item is None or key not in item:
            expected = (404, 405) if item is None else (405,)
            if status not in expected + (400, 413, 415, 503):
                raise AssertionError(f"{where}: an answer of an address that is not described")
            return
        operation = item[key]
        answer = operation["responses"].get(str(status))
        if answer is None:
            raise AssertionError(f"{where}: {operation['operationId']} may not answer so")
        answer = self.resolve(answer)
        content = answer.get("content")
        if content is None:
            if body and method != "HEAD":
                raise AssertionError(f"{where}: a body where none is described: {body[:200]!r}")
            return
        media = content_type.split(";")[0].strip().lower() if content_type else ""
        found = next((content[name] for name in content if _same_media(name, media)), None)
        if found is None:
            raise AssertionError(f"{where}: described are {sorted(content)}")
        if media.endswith("json") and body and method != "HEAD":
            self.fits(found["schema"], json.loads(body), where)

    def resolve(self, value):
        while "$ref" in value:
            parts = value["$ref"].removeprefix("#/").split("/")
            value = self.document
            for part in parts:
                value = value[part]
        return value

    def fits(self, schema, value, where):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        fault = jsonschema.exceptions.best_match(self.validators[key].iter_errors(value))
        if fault is not None:
            at = "/".join(str(part) for part in fault.absolute_path)
            raise AssertionError(f"{where}: at /{at}: {fault.message[:500]}")


def _pattern(path):
    """A regular expression for a template. An action (":disable") belongs to its part; a part without
    one takes no colon, as the router has it."""
    text = ""
    for piece in re.split(r"(\{[^}]*\})", path):
        text += "[^/:]+" if piece.startswith("{") else re.escape(piece)
    return re.compile(text)


def _same_media(described, got):
    return described == got or (described == "*/*")


def _strict(value):
    """A copy in which an object has no members but those that are described."""
    if isinstance(value, list):
        return [_strict(each) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {name: _strict(each) for name, each in value.items()}
    if isinstance(copy.get("properties"), dict) and copy.get("type") == "object":
        copy.setdefault("additionalProperties", False)
    return copy


def fetch(port):
    """The document as a gate serves it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/api/v1/openapi.json")
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise AssertionError(f"/api/v1/openapi.json: {answer.status}")
        return json.loads(text)
    finally:
        connection.close()


def watch(port):
    """From now on answers of this port are checked."""
    _gates[port] = None


def unwatch(port):
    _gates.pop(port, None)


def of(port):
    """The contract of the gate at this port; fetched once."""
    if _gates.get(port) is None:
        _gates[port] = Contract(fetch(port))
    return _gates[port]


def check(port, method, target, status, content_type, body):
    """Checks an answer, if it came from a gate that is watched."""
    if port not in _gates:
        return
    if _gates[port] is None:
        try:
            of(port)
        except OSError:
            return  # it is going down just now: what it said last cannot be held against it
    _gates[port].check(method, unquote(target), status, content_type, body)
