"""WebDAV's XML (RFC 4918, 6578, 4791): what is asked, and what a multistatus answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

DAV, CALDAV = "DAV:", "urn:ietf:params:xml:ns:caldav"
CALENDAR_SERVER, APPLE = "http://calendarserver.org/ns/", "http://apple.com/ns/ical/"
OWNCLOUD = "http://owncloud.org/ns"
_PREFIXES = {DAV: "d", CALDAV: "c", CALENDAR_SERVER: "s", APPLE: "a", OWNCLOUD: "o"}
_NAMESPACES = " ".join(f'xmlns:{prefix}="{uri}"' for uri, prefix in _PREFIXES.items())

ETAG = f"{DAV} getetag"
DATA = f"{CALDAV} calendar-data"
SYNC_TOKEN = f"{DAV} sync-token"
CTAG = f"{CALENDAR_SERVER} getctag"
RESOURCE_TYPE = f"{DAV} resourcetype"
COMPONENTS = f"{CALDAV} supported-calendar-component-set"
DISPLAY_NAME = f"{DAV} displayname"
COLOR = f"{APPLE} calendar-color"
OWNER = f"{DAV} owner"
OWNER_PRINCIPAL = f"{OWNCLOUD} owner-principal"
INVITE = f"{CALENDAR_SERVER} invite"
SHARE_ACCESS = f"{DAV} share-access"
PRIVILEGES = f"{DAV} current-user-privilege-set"
TIMEZONE = f"{CALDAV} calendar-timezone"
PRINCIPAL = f"{DAV} current-user-principal"
PRINCIPAL_URL = f"{DAV} principal-URL"
HOMES = f"{CALDAV} calendar-home-set"
ADDRESSES = f"{CALDAV} calendar-user-address-set"
CALENDAR = f"{CALDAV} calendar"

_DEEPEST = 200


class NotMultistatus(Exception):
    """It is no multistatus: broken, cut off, or something else altogether."""


class Property(NamedTuple):
    """What a property holds."""

    text: str
    elements: tuple[str, ...] = ()
    """The names of the elements in it."""
    hrefs: tuple[str, ...] = ()
    organizers: tuple[str, ...] = ()
    """Those of the hrefs that Calendar Server's `organizer` holds: who shares it."""
    names: tuple[str, ...] = ()
    """The `name` attributes in it, in upper case: components (RFC 4791 section 5.2.3)."""


class Response(NamedTuple):
    """What a multistatus says of one resource."""

    href: str
    status: int | None
    """Of the resource as a whole; None where each property has its own."""
    properties: Mapping[str, Property]
    """Those that came with status 2xx."""
    refused: Mapping[str, int]
    """The statuses of the others."""

    def text(self, name: str) -> str:
        """Return a property's text, empty where it is missing."""
        found = self.properties.get(name)
        return found.text.strip() if found else ""


class Multistatus(NamedTuple):
    """RFC 4918 section 13."""

    responses: tuple[Response, ...]
    sync_token: str | None
    """RFC 6578 section 6.4."""


def propfind(properties: Iterable[str]) -> bytes:
    """Ask for properties (RFC 4918 section 9.1)."""
    return _document("d:propfind", _prop(properties))


def sync_collection(token: str, properties: Iterable[str]) -> bytes:
    """Ask what has changed since (RFC 6578 section 3.2). Never with a limit: some servers cut, and do not say so."""
    asked = f"<d:sync-token>{escape(token)}</d:sync-token><d:sync-level>1</d:sync-level>{_prop(properties)}"
    return _document("d:sync-collection", asked)


def multiget(hrefs: Iterable[str]) -> bytes:
    """Ask for calendar objects (RFC 4791 section 7.9)."""
    listed = "".join(f"<d:href>{escape(href)}</d:href>" for href in hrefs)
    return _document("c:calendar-multiget", _prop((ETAG, DATA)) + listed)


def query(properties: Iterable[str] = (ETAG, DATA)) -> bytes:
    """Ask for all calendar objects that hold events (RFC 4791 section 7.8)."""
    events = '<c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"/></c:comp-filter>'
    return _document("c:calendar-query", _prop(properties) + f"<c:filter>{events}</c:filter>")


def _prop(properties: Iterable[str]) -> str:
    names = (name.partition(" ") for name in properties)
    return f"<d:prop>{''.join(f'<{_PREFIXES[uri]}:{local}/>' for uri, _, local in names)}</d:prop>"


def _document(name: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?><{name} {_NAMESPACES}>{content}</{name}>'.encode()


def read_multistatus(data: bytes) -> Multistatus:
    """Read a multistatus. Linear, and entities are never expanded, because no document type is accepted.

    Raises:
        NotMultistatus: it is none, or not a whole one.

    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise NotMultistatus from None
    finally:
        # The parser and the bound methods hold each other.
        parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = None
        parser.StartDoctypeDeclHandler = None
    if not reader.found:
        raise NotMultistatus
    return Multistatus(tuple(reader.responses), reader.sync_token)


_MULTISTATUS, _RESPONSE, _HREF = f"{DAV} multistatus", f"{DAV} response", f"{DAV} href"
_ORGANIZER = f"{CALENDAR_SERVER} organizer"
_PROPSTAT, _PROP, _STATUS = f"{DAV} propstat", f"{DAV} prop", f"{DAV} status"


class _Reader:
    """Expat's handlers. What lies where: multistatus / response / propstat / prop / property."""

    def __init__(self) -> None:
        self.found = False
        self.responses: list[Response] = []
        self.sync_token: str | None = None
        self._path: list[str] = []
        self._pieces: list[str] = []
        self._href = ""
        self._status: int | None = None
        self._properties: dict[str, Property] = {}
        self._refused: dict[str, int] = {}
        self._group: dict[str, Property] = {}
        self._group_status: int | None = None
        self._elements: list[str] = []
        self._hrefs: list[str] = []
        self._organizers: list[str] = []
        self._names: list[str] = []
        self._whole: list[str] = []

    def doctype(self, *_: object) -> None:
        raise NotMultistatus

    def start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        depth = len(path)
        if depth == 0:
            if name != _MULTISTATUS:
                raise NotMultistatus
            self.found = True
        elif depth == 1:
            self._href, self._status, self._properties, self._refused = "", None, {}, {}
        elif depth == 2:
            self._group, self._group_status = {}, None
        elif depth == 4:
            self._elements, self._hrefs, self._names, self._whole = [], [], [], []
            self._organizers = []
        elif depth > 4:
            if depth > _DEEPEST:
                raise NotMultistatus
            self._whole += self._pieces
            self._elements.append(name)
            if "name" in attributes:
                self._names.append(attributes["name"].upper())
        self._pieces = []
        path.append(name)

    def text(self, data: str) -> None:
        self._pieces.append(data)

    def end(self, name: str) -> None:
        path = self._path
        path.pop()
        depth = len(path)
        if depth == 4:
            if path[3] == _PROP and path[2] == _PROPSTAT:
                text = "".join((*self._whole, *self._pieces)) if self._whole else "".join(self._pieces)
                hrefs, organizers = tuple(self._hrefs), tuple(self._organizers)
                self._group[name] = Property(text, tuple(self._elements), hrefs, organizers, tuple(self._names))
        elif depth > 4:
            if name == _HREF:
                self._hrefs.append("".join(self._pieces).strip())
                if path[-1] == _ORGANIZER:
                    self._organizers.append(self._hrefs[-1])
            self._whole += self._pieces
        elif depth == 3:
            if name == _STATUS:
                self._group_status = _status("".join(self._pieces))
        elif depth == 2:
            self._end_of_part(name)
        elif depth == 1:
            if name == _RESPONSE:
                self.responses.append(Response(self._href, self._status, self._properties, self._refused))
            elif name == SYNC_TOKEN:
                self.sync_token = "".join(self._pieces).strip() or None
        self._pieces = []

    def _end_of_part(self, name: str) -> None:
        if name == _PROPSTAT:
            status = self._group_status or 200
            if status // 100 == 2:
                self._properties |= self._group
            else:
                self._refused |= dict.fromkeys(self._group, status)
        elif name == _HREF:
            self._href = self._href or "".join(self._pieces).strip()
        elif name == _STATUS:
            self._status = _status("".join(self._pieces))


def _status(line: str) -> int:
    """Read a status line (RFC 9112 section 4); 500 where it is none."""
    words = line.split(maxsplit=2)
    return int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdigit() and len(words[1]) == 3 else 500
