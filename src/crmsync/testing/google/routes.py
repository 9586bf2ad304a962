"""The methods that the servers know: path, parameters, scopes and who answers, as in Google's discovery documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .wire import Json, Request

if TYPE_CHECKING:
    from .account import Account

COMMON = frozenset({
    "$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser",
    "uploadType", "upload_protocol", "userIp",
})  # fmt: skip
"""Parameters that every method takes."""


@dataclass(frozen=True)
class Call:
    """One call of a method, allowed and paid for."""

    request: Request
    account: Account
    path: Mapping[str, str]
    """The values in the path."""
    now: float
    scopes: frozenset[str]

    @property
    def id(self) -> str:
        """Return the last value of the path: what is asked for."""
        return list(self.path.values())[-1]


Handler = Callable[[Call], Json | None]


@dataclass(frozen=True)
class Route:
    """One method."""

    name: str
    """As in the discovery document, with the API's name before it."""
    verb: str
    path: str
    scopes: frozenset[str]
    """Any of them is enough."""
    handler: Handler
    parameters: frozenset[str] = frozenset()
    upload: bool = False
    """Whether it may be called under `/upload` too."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its paths look like."""
        text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        return re.compile(f"/{'(?:upload/)?' if self.upload else ''}{text}")


def find(routes: list[Route], request: Request) -> tuple[Route, dict[str, str]] | None:
    """Find who answers a request, and the values in its path."""
    path = request.path
    for route in routes:
        if route.verb == request.method:
            match = route.pattern.fullmatch(path)
            if match:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def pick(value: object, fields: str) -> object:
    """Cut an answer to what a partial response asks for: `a,b(c,d),e/f`, `*` for all.

    https://developers.google.com/gmail/api/guides/performance#partial-response
    """
    if not fields:
        return value
    wanted, _ = _selection(fields.replace(" ", ""), 0)
    return _cut(value, wanted)


_Selection = dict[str, "_Selection"]


def _selection(text: str, at: int) -> tuple[_Selection, int]:
    found: _Selection = {}
    while at < len(text) and text[at] != ")":
        match = re.compile(r"[^,()/]+").match(text, at)
        if not match:
            at += 1
            continue
        at, inner = match.end(), found.setdefault(match[0], {})
        while at < len(text) and text[at] == "/":
            match = re.compile(r"[^,()/]*").match(text, at + 1)
            at, inner = (match.end(), inner.setdefault(match[0], {})) if match else (at + 1, inner)
        if at < len(text) and text[at] == "(":
            deeper, at = _selection(text, at + 1)
            inner.update(deeper)
            at += 1
    return found, at


def _cut(value: object, wanted: _Selection) -> object:
    if not wanted or "*" in wanted:
        return value
    if isinstance(value, list):
        return [_cut(one, wanted) for one in value]
    if isinstance(value, dict):
        return {name: _cut(one, wanted[name]) for name, one in value.items() if name in wanted}
    return value
