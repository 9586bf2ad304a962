"""Google's own description of its APIs, from google-api-python-client, and whether an answer fits it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import googleapiclient.discovery_cache

from crmsync.testing.google import Request
from crmsync.testing.google.routes import Call, Route, find

DOCUMENTS = Path(googleapiclient.discovery_cache.__file__).parent / "documents"


@lru_cache
def document(api: str) -> dict[str, Any]:
    """Return the discovery document of `gmail.v1` or `calendar.v3`."""
    found: dict[str, Any] = json.loads((DOCUMENTS / f"{api}.json").read_text(encoding="utf-8"))
    return found


def methods(api: str) -> dict[str, dict[str, Any]]:
    """Return an API's methods by their id."""

    def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from node.get("methods", {}).values()
        for inner in node.get("resources", {}).values():
            yield from walk(inner)

    return {method["id"]: method for method in walk(document(api))}


def document_at(api: str, url: str) -> dict[str, Any]:
    """Return a discovery document that points at a loopback server, as a client library wants it."""
    made: dict[str, Any] = json.loads(json.dumps(document(api)))
    made |= {"rootUrl": f"{url}/", "baseUrl": f"{url}/{made['servicePath']}"}
    made.pop("mtlsRootUrl", None)
    return made


def misfits(api: str, method: str, answer: object) -> list[str]:
    """Return what in an answer does not fit the method's schema: unknown fields, other types, other formats."""
    response = methods(api)[method].get("response")
    if response is None:
        return [] if answer in (None, "", b"") else ["an answer where there is none"]
    return list(_misfits(api, {"$ref": response["$ref"]}, answer, ""))


@contextmanager
def every_answer_checked() -> Iterator[None]:
    """Check whatever loopback servers answer meanwhile, and what fields they are asked for, by Google's words."""
    wrong: dict[str, None] = {}

    def found(routes: list[Route], request: Request) -> tuple[Route, dict[str, str]] | None:
        match = find(routes, request)
        if match is None:
            return None
        route, values = match
        api = "gmail.v1" if route.name.startswith("gmail.") else "calendar.v3"

        def handler(call: Call) -> dict[str, Any] | None:
            answer = route.handler(call)
            fields = call.request.one("fields")
            said = [*misfits(api, route.name, answer), *unknown_fields(api, route.name, fields)]
            wrong.update(dict.fromkeys(f"{route.name}: {one}" for one in said))
            return answer

        return replace(route, handler=handler), values

    with mock.patch("crmsync.testing.google.server.find", found):
        yield
    assert not wrong, "; ".join(wrong)


@lru_cache
def unknown_fields(api: str, method: str, fields: str) -> list[str]:
    """Return what a selection of fields asks for that Google's description of the answer does not have."""
    response = methods(api)[method].get("response")
    if not fields or response is None:
        return [fields] if fields else []
    return list(_unknown(api, {"$ref": response["$ref"]}, fields, ""))


def _unknown(api: str, schema: dict[str, Any], fields: str, where: str) -> Iterator[str]:
    for _ in range(3):  # a list of references to objects, at the most
        schema = document(api)["schemas"][schema["$ref"]] if "$ref" in schema else schema.get("items", schema)
    for name, inner in re.findall(r"([^,()]+)(?:\(((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)\))?", fields):
        if name not in schema.get("properties", {}):
            yield f"{where}.{name}: unknown field"
        elif inner:
            yield from _unknown(api, schema["properties"][name], inner, f"{where}.{name}")


def _misfits(api: str, schema: dict[str, Any], value: object, where: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = document(api)["schemas"][schema["$ref"]]
    kind = schema.get("type", "any")
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    if kind in types and (not isinstance(value, types[kind]) or (kind == "integer" and isinstance(value, bool))):
        yield f"{where or 'the answer'}: {type(value).__name__} is no {kind}"
        return
    if isinstance(value, dict) and kind == "object":
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, inner in value.items():
            if name in known:
                yield from _misfits(api, known[name], inner, f"{where}.{name}")
            elif others is not None:
                yield from _misfits(api, others, inner, f"{where}.{name}")
            else:
                yield f"{where}.{name}: unknown field"
    elif isinstance(value, list):
        for inner in value:
            yield from _misfits(api, schema["items"], inner, f"{where}[]")
    elif isinstance(value, str) and not _of_format(schema, value):
        yield f"{where}: {value[:40]!r} is no {schema.get('format') or schema.get('enum')}"


def _of_format(schema: dict[str, Any], value: str) -> bool:
    try:
        return _fits(schema, value)
    except ValueError:
        return False


def _fits(schema: dict[str, Any], value: str) -> bool:
    if "enum" in schema and value not in schema["enum"]:
        return False
    match schema.get("format"):
        case "uint64":
            return value.isdecimal() and int(value) < 1 << 64
        case "int64":
            return bool(re.fullmatch(r"-?\d+", value)) and abs(int(value)) < 1 << 63
        case "byte":
            base64.b64decode(value, altchars=b"-_", validate=True)
        case "date":
            date.fromisoformat(value)
        case "date-time":
            return datetime.fromisoformat(value).tzinfo is not None
    return True
