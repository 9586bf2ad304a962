"""Mozilla's autoconfig files, which tell a mail program a domain's servers.

https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat
"""

from __future__ import annotations

from typing import NamedTuple
from xml.parsers import expat

_MOST_OCTETS = 200_000
_MOST_ELEMENTS = 5_000
_DEEPEST = 20
_FIELDS = frozenset({"hostname", "port", "socketType", "username", "authentication"})


class ConfiguredServer(NamedTuple):
    """A server as such a file tells it. What it says is a stranger's word: check the host before dialling."""

    type: str
    """"imap", "smtp", "pop3" …"""
    host: str
    port: int
    socket: str
    """"SSL", "STARTTLS" or "plain"."""
    username: str
    """With the address's parts put in."""
    authentication: tuple[str, ...] = ()
    """"password-cleartext", "OAuth2" …, in the order of preference."""


def parse_autoconfig(octets: bytes, address: str) -> tuple[ConfiguredServer, ...]:
    """Return the servers of an autoconfig file for an address, in the file's order; none where it is no such file."""
    if len(octets) > _MOST_OCTETS:
        return ()
    reader = _Reader()
    try:
        reader.parser.Parse(octets, True)
    except (expat.ExpatError, _Unwanted, ValueError, LookupError):
        return ()
    found = (_server(kind, fields, address) for kind, fields in reader.servers)
    return tuple(one for one in found if one is not None)


class _Unwanted(Exception):
    """No configuration looks like this."""


class _Reader:
    def __init__(self) -> None:
        self.servers: list[tuple[str, list[tuple[str, str]]]] = []
        self._path: list[str] = []
        self._text: list[str] = []
        self._seen = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        # No entities of the file's own: a few lines of them could stand for gigabytes, or for a local file.
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise _Unwanted

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._seen += 1
        if self._seen > _MOST_ELEMENTS or len(self._path) >= _DEEPEST:
            raise _Unwanted
        self._path.append(name)
        self._text.clear()
        if self._path[:2] == ["clientConfig", "emailProvider"] and name in ("incomingServer", "outgoingServer"):
            self.servers.append((attributes.get("type", ""), []))

    def _data(self, data: str) -> None:
        self._text.append(data)

    def _end(self, name: str) -> None:
        self._path.pop()
        if name in _FIELDS and self.servers and self._path[-1:] in (["incomingServer"], ["outgoingServer"]):
            self.servers[-1][1].append((name, "".join(self._text).strip()))
        self._text.clear()


def _server(kind: str, fields: list[tuple[str, str]], address: str) -> ConfiguredServer | None:
    first = dict(reversed(fields))
    host, port = first.get("hostname", ""), first.get("port", "")
    if not host or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None
    return ConfiguredServer(
        type=kind.lower(),
        host=_filled(host, address),
        port=int(port),
        socket=first.get("socketType", ""),
        username=_filled(first.get("username", "") or "%EMAILADDRESS%", address),
        authentication=tuple(value for name, value in fields if name == "authentication"),
    )


def _filled(template: str, address: str) -> str:
    local, _, domain = address.rpartition("@")
    for name, value in (("ADDRESS", address), ("LOCALPART", local), ("DOMAIN", domain)):
        template = template.replace(f"%EMAIL{name}%", value)
    return template
