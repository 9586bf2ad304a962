"""The paths that the server knows: https://learn.microsoft.com/en-us/graph/use-the-api."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .prefer import Prefer
from .wire import Json, Request, Response, bad_request

if TYPE_CHECKING:
    from .account import Account
    from .identity import Token
    from .server import MicrosoftServer

VERSION = "/v1.0"

_KEYED = re.compile(r"(\w+)\('(.*)'\)")
# A folder below a folder is known by its own id.
_NESTED = re.compile(r"/mailFolders/[^/]+/childFolders/(?=(?!delta)[^/]+)")


@dataclass(frozen=True)
class Call:
    """One call, allowed and counted."""

    server: MicrosoftServer
    request: Request
    account: Account
    """Whose data it is about."""
    token: Token
    path: Mapping[str, str]
    """The values in the path."""
    base: str
    """The path from the root to the owner: `/me` or `/users/...`."""
    now: float

    @cached_property
    def prefer(self) -> Prefer:
        """What the request would like."""
        return Prefer.of(self.request)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; system options may come without their `$`, and in any case."""
        names = {name.lower(): name for name in (*OPTIONS, *CUSTOM)}
        return {
            names.get(f"${name.lstrip('$').lower()}", names.get(name.lower(), name)): values[-1]
            for name, values in self.request.query.items()
        }

    @property
    def id(self) -> str:
        """Return the last value of the path: what is asked for."""
        return list(self.path.values())[-1]

    @property
    def delegated(self) -> bool:
        """Tell whether a person calls, and not the application itself."""
        return self.token.address is not None

    @property
    def select(self) -> list[str]:
        """Return the fields that are asked for; none is all that come by themselves."""
        return [name.strip() for name in self.query.get("$select", "").split(",") if name.strip()]

    def url(self, tail: str) -> str:
        """Return an absolute URL below the owner."""
        return f"{self.server.url}{VERSION}{self.base}/{tail}"

    def number(self, name: str, default: int, most: int) -> int:
        """Return a count out of the query, cut to a most."""
        value = self.query.get(name, str(default))
        if not value.isdecimal() or (name == "$top" and int(value) == 0):
            raise bad_request(f"Invalid value '{value}' for {name} query option found.", "BadRequest")
        return min(int(value), most)


OPTIONS = (
    "$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$search", "$skiptoken", "$deltatoken",
    "$format",
)  # fmt: skip
CUSTOM = ("startDateTime", "endDateTime", "includeHiddenFolders", "changeType")

Answer = Json | Response | None
Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """One method."""

    name: str
    """What the log and the failures call it."""
    verb: str
    path: str
    """Below the owner where it begins with a letter, below the root where it begins with a slash."""
    permissions: frozenset[str]
    """Any of these lets a person or an application call it; none needed where there are none."""
    handler: Handler
    basic: frozenset[str] = field(default=frozenset())
    """Further permissions that show less."""
    mailbox: bool = True
    """Whether it needs the account to have a mailbox."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its paths look like."""
        text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path.replace("$", r"\$"))
        owner = "" if self.path.startswith("/") else r"/(?:me|users/(?P<owner>[^/]+))/?"
        return re.compile(owner + text)


class Index:
    """Routes by verb, so that finding one does not try all."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = list(routes)
        self._by_verb: dict[str, list[Route]] = {}
        for route in self.routes:
            self._by_verb.setdefault(route.verb, []).append(route)

    def find(self, verb: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Find who answers, and the values in the path."""
        plain = normal(path)
        for route in self._by_verb.get(verb, []):
            match = route.pattern.fullmatch(plain)
            if match:
                return route, {name: unquote(value) for name, value in match.groupdict().items() if value is not None}
        return None

    def knows(self, path: str) -> bool:
        """Tell whether another verb would be answered."""
        return any(self.find(verb, path) for verb in self._by_verb)


@lru_cache(maxsize=4096)
def normal(path: str) -> str:
    """Return a path in the one form that the routes have: keys as segments, functions without parentheses.

    `mailFolders('inbox')/messages/microsoft.graph.delta()` is `mailFolders/inbox/messages/delta`.
    """
    parts: list[str] = []
    for part in path.split("/"):
        plain = part.replace("%27", "'").replace("%28", "(").replace("%29", ")").replace("%24", "$")
        keyed = _KEYED.fullmatch(plain)
        if keyed:
            parts += [keyed[1], keyed[2]]
        else:
            plain = plain.removeprefix("microsoft.graph.")
            parts.append(plain.removesuffix("()"))
    text = "/".join(parts)
    while (shorter := _NESTED.sub("/mailFolders/", text, count=1)) != text:
        text = shorter
    return text
