"""How a request says who asks: Basic, Bearer and Digest (RFC 7617, 6750, 7616)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, Protocol

from ..errors import NotAuthorized

_DIGEST = re.compile(r"(?:^|,)\s*digest\s+", re.IGNORECASE)
_PARAMETER = re.compile(r"""\s*,?\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*)""")
_HASHES: Mapping[str, Callable[[bytes], Any]] = {
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
"""The better one first. RFC 7616 section 3.2 keeps MD5 for servers that have nothing else."""

_MOST = 10
"""Challenges that are looked at."""


class Login(Protocol):
    """What writes the Authorization header."""

    def header(self, method: str, target: str) -> str:
        """Return the header's value for one request; `target` is its path with query."""


class Fixed(NamedTuple):
    """A header that is the same for every request."""

    value: str

    def header(self, method: str, target: str) -> str:  # noqa: ARG002 - the protocol's
        """See `Login`."""
        return self.value


def basic(username: str, password: str) -> Fixed:
    """Log in by Basic."""
    return Fixed("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii"))


def bearer(token: str) -> Fixed:
    """Log in by Bearer.

    Raises:
        NotAuthorized: what should be a token could not stand in a header.

    """
    if not token or not token.isascii() or any(character <= " " for character in token):
        raise NotAuthorized("the access token is none; connect again")
    return Fixed(f"Bearer {token}")


class Digest:
    """A login that answers a server's challenge, with each request anew."""

    def __init__(self, username: str, password: str, challenge: Mapping[str, str]) -> None:
        self._username = username
        self._password = password
        self._challenge = challenge
        self._count = 0

    def header(self, method: str, target: str) -> str:
        """See `Login`."""
        told = self._challenge
        realm, nonce, algorithm = told.get("realm", ""), told["nonce"], told.get("algorithm", "MD5")
        self._count += 1
        count, own = f"{self._count:08x}", secrets.token_hex(8)

        def digest(*parts: str) -> str:
            made: str = _HASHES[_plain(algorithm)](":".join(parts).encode()).hexdigest()
            return made

        who = digest(self._username, realm, self._password)
        if algorithm.upper().endswith("-SESS"):
            who = digest(who, nonce, own)
        asked = digest(method, target)
        answer = digest(who, nonce, count, own, "auth", asked) if "qop" in told else digest(who, nonce, asked)
        parts = {"username": self._username, "realm": realm, "nonce": nonce, "uri": target, "response": answer}
        parts |= {"opaque": told["opaque"]} if "opaque" in told else {}
        text = ", ".join(f'{name}="{_quoted(value)}"' for name, value in parts.items())
        text += f", algorithm={algorithm}" if "algorithm" in told else ""
        return f"Digest {text}" + (f', qop=auth, nc={count}, cnonce="{own}"' if "qop" in told else "")


def challenged(username: str, password: str, offers: Iterable[str]) -> Digest | None:
    """Return how to answer the best challenge in these WWW-Authenticate headers; None where Digest is not offered."""
    told_all = (told for offer in offers for told in _challenges(offer))
    found = [told for told in islice(told_all, _MOST) if _is_known(told)]
    ranks = list(_HASHES)
    best = min(found, key=lambda told: ranks.index(_plain(told.get("algorithm", "MD5"))), default=None)
    return Digest(username, password, best) if best else None


def _challenges(offer: str) -> Iterator[dict[str, str]]:
    for begin in _DIGEST.finditer(offer):
        told, at = {}, begin.end()
        while match := _PARAMETER.match(offer, at):
            told[match[1].lower()] = re.sub(r"\\(.)", r"\1", match[2][1:-1]) if match[2][:1] == '"' else match[2]
            at = match.end()
        yield told


def _is_known(told: Mapping[str, str]) -> bool:
    qualities = {quality.strip().lower() for quality in told.get("qop", "auth").split(",")}
    return "nonce" in told and "auth" in qualities and _plain(told.get("algorithm", "MD5")) in _HASHES


def _plain(algorithm: str) -> str:
    return algorithm.upper().removesuffix("-SESS")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
