"""Collections as OData gives them: filters, order, pages: https://learn.microsoft.com/en-us/graph/query-parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from .routes import Call
from .wire import Json, bad_request

T = TypeVar("T")
Test = Callable[[Json], bool]

_TERM = re.compile(
    r"([\w/]+)\s+(eq|ne|ge|gt|le|lt)\s+('(?:[^']|'')*'|[\w:.+-]+)|(startswith|contains)\(([\w/]+),\s*('(?:[^']|'')*')\)",
    re.IGNORECASE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "ge": lambda a, b: a is not None and a >= b,
    "gt": lambda a, b: a is not None and a > b,
    "le": lambda a, b: a is not None and a <= b,
    "lt": lambda a, b: a is not None and a < b,
    "startswith": lambda a, b: str(a or "").lower().startswith(b.lower()),
    "contains": lambda a, b: b.lower() in str(a or "").lower(),
}


def paths_of(text: str) -> set[str]:
    """Return the properties that a filter or an order names, as their first segments."""
    return {(m[1] or m[5]).partition("/")[0] for m in _TERM.finditer(text)}


def matching(text: str) -> Test:
    """Return what a `$filter` of comparisons joined by `and` wants.

    Raises:
        Problem: the server does not know it.
    """
    tests: list[Test] = []
    rest = text
    for term in _TERM.finditer(text):
        path, operator, value = (term[5], term[4], term[6]) if term[4] else (term[1], term[2], term[3])
        tests.append(_test(path, operator.lower(), _value(value)))
        rest = rest.replace(term[0], "", 1)
    if not tests or rest.lower().replace("and", "").replace("(", "").replace(")", "").strip():
        raise bad_request("Invalid filter clause", "BadRequest")
    return lambda item: all(test(item) for test in tests)


def _test(path: str, operator: str, value: object) -> Test:
    def test(item: Json) -> bool:
        found: Any = item
        for name in path.split("/"):
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(value, datetime):
            found = datetime.fromisoformat(found) if found else None
        elif isinstance(found, str) and isinstance(value, str) and operator in {"eq", "ne"}:
            return _COMPARE[operator](found.lower(), value.lower())
        return _COMPARE[operator](found, value)

    return test


def _value(text: str) -> object:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.lower() in {"true", "false", "null"}:
        return {"true": True, "false": False, "null": None}[text.lower()]
    if text.lstrip("-").isdecimal():
        return int(text)
    try:
        return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise bad_request(f"Invalid filter clause: {text}", "BadRequest") from None


def page(
    call: Call, items: Sequence[T], shown: Callable[[T], Json], context: str, *, tail: str, default: int = 10, most: int
) -> Json:
    """Return one page of a collection, with a link to the next where there are more."""
    top = call.number("$top", default, most)
    if "$top" not in call.query and call.prefer.page_size:
        top = min(call.prefer.page_size, most)
    skip = call.number("$skip", 0, 1 << 30)
    made: Json = {"@odata.context": f"{call.server.url}/v1.0/$metadata#{context}"}
    if call.query.get("$count", "").lower() == "true":
        made["@odata.count"] = len(items)
    made["value"] = [shown(item) for item in items[skip : skip + top]]
    if skip + top < len(items):
        kept = {name: value for name, value in call.query.items() if name not in {"$skip", "$count"}}
        made["@odata.nextLink"] = call.url(f"{tail}?{urlencode({**kept, '$skip': skip + top}, quote_via=quote)}")
    return made
