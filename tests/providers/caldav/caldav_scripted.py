"""A CalDAV server in memory that lies as real ones do: what it does wrong is switched on by name."""

from __future__ import annotations

import re
from html import escape, unescape
from zlib import crc32

from caldav_servers import Exchange, Proxy, Seen

HOME = "/dav/ann/"
_NAMESPACES = (
    'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/" '
    'xmlns:a="http://apple.com/ns/ical/" xmlns:o="http://owncloud.org/ns"'
)
_HREF = re.compile(r"<d:href>(.*?)</d:href>")
_TOKEN = re.compile(r"<d:sync-token>(.*?)</d:sync-token>")


class ScriptedCalendar:
    """A calendar: its objects, and what has changed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = path.rstrip("/").rpartition("/")[2]
        self.objects: dict[str, bytes] = {}
        self.log: list[str] = []
        """The names that changed, oldest first; a token is a position in it."""
        self.forgotten = 0
        """Tokens up to this one have expired."""
        self.told = ""
        """What its listing tells beside name and position, as XML."""
        self.kind = "<d:collection/><c:calendar/>"

    def put(self, id_: str, data: bytes) -> None:
        self.objects[id_] = data
        self.log.append(id_)

    def delete(self, id_: str) -> None:
        del self.objects[id_]
        self.log.append(id_)

    def etag(self, id_: str) -> str:
        return f'"{crc32(self.objects[id_])}"'  # of the content, so that what comes back has its old one


class ScriptedServer:
    """Answers a proxy's requests. `lies` says what it does wrong:

    no-sync-token, no-ctag, no-etag, any-token (unknown ones are taken, and nothing is reported), broken-token (status
    500), precondition-token (412), own-member (the calendar lists itself), cut (507 after two), cut-silently, still
    (the token never moves), no-content (sync-collection brings none), no-multiget, no-self (a listing lacks its own
    collection), no-kind (a home does not say what lies in it), mute (nothing is said of objects that are not there).
    """

    def __init__(self, *names: str) -> None:
        self.calendars = {f"{HOME}{name}/": ScriptedCalendar(f"{HOME}{name}/") for name in names}
        self.lies: set[str] = set()
        self.failing: dict[str, int] = {}
        """Statuses by object, in multistatus answers."""
        self.hidden: set[str] = set()
        """Objects that a listing leaves out, though they are there."""
        self.denied: set[str] = set()
        """Objects that are listed, and answered with status 404 when they are fetched."""
        self.principals: dict[str, tuple[str, ...]] = {}
        """The addresses of other people by the paths of their principals."""
        self.fatal: set[str] = set()
        """Objects that break any answer that has to hold them (status 500)."""
        self.proxy = Proxy(None, self.answer)

    @property
    def port(self) -> int:
        return self.proxy.port

    def calendar(self, name: str) -> ScriptedCalendar:
        return self.calendars[f"{HOME}{name}/"]

    def requests(self) -> list[str]:
        """What was asked since the last call, in short."""
        said = []
        for one in self.proxy.seen:
            kind = next((k for k in ("sync-collection", "multiget", "calendar-query") if k.encode() in one.body), "")
            said.append(f"{kind or one.method} {one.path.removeprefix(HOME).rstrip('/')}".strip())
        self.proxy.seen.clear()
        return said

    def answer(self, seen: Seen, _: Exchange | None) -> Exchange:
        body = seen.body.decode()
        if seen.path == HOME and seen.method == "PROPFIND":
            return self._home()
        calendar = self.calendars.get(seen.path)
        if seen.path in self.principals:
            hrefs = "".join(f"<d:href>mailto:{one}</d:href>" for one in self.principals[seen.path])
            told = f"<c:calendar-user-address-set>{hrefs}</c:calendar-user-address-set>"
            return multistatus(response(seen.path, told))
        if calendar is None:
            return self._member_alone(seen.path)
        if seen.method == "PROPFIND":
            if "sync-token" in body:
                return multistatus(self._listed(calendar))
            return self._members(calendar)
        if "sync-collection" in body:
            return self._sync(calendar, _TOKEN.search(body)[1], content="calendar-data" in body)  # type: ignore[index]
        if "calendar-query" in body:
            return self._objects(calendar, list(calendar.objects))
        if "no-multiget" in self.lies:
            return Exchange(501, {}, b"")
        return self._objects(calendar, [unescape(href) for href in _HREF.findall(body)])

    def _member_alone(self, path: str) -> Exchange:
        within, _, id_ = path.rpartition("/")
        calendar = self.calendars.get(f"{within}/")
        if calendar is None or id_ not in calendar.objects:
            return Exchange(404, {}, b"")
        return multistatus(self._member(calendar, id_))

    def _home(self) -> Exchange:
        own = "" if "no-self" in self.lies else response(HOME, "<d:resourcetype><d:collection/></d:resourcetype>")
        return multistatus(own + "".join(self._listed(calendar) for calendar in self.calendars.values()))

    def _listed(self, calendar: ScriptedCalendar) -> str:
        position = "0" if "still" in self.lies else len(calendar.log)
        token = "" if "no-sync-token" in self.lies else f"<d:sync-token>t:{position}</d:sync-token>"
        ctag = "" if "no-ctag" in self.lies else f"<s:getctag>{position}</s:getctag>"
        kind = f"<d:resourcetype>{calendar.kind}</d:resourcetype><d:displayname>{calendar.name}</d:displayname>"
        if "no-kind" in self.lies:
            refused = f"<d:propstat><d:prop>{kind}</d:prop><d:status>HTTP/1.1 500 Oh</d:status></d:propstat>"
            return f"<d:response><d:href>{calendar.path}</d:href>{refused}</d:response>"
        return response(calendar.path, kind + token + ctag + calendar.told)

    def _members(self, calendar: ScriptedCalendar) -> Exchange:
        own = "" if "no-self" in self.lies else response(calendar.path, "<d:getetag>x</d:getetag>")
        return multistatus(
            own + "".join(self._member(calendar, id_) for id_ in calendar.objects if id_ not in self.hidden)
        )

    def _member(self, calendar: ScriptedCalendar, id_: str, *, content: bool = False) -> str:
        if id_ in self.failing:
            return _status(calendar.path + id_, self.failing[id_])
        if id_ not in calendar.objects or (content and id_ in self.denied):
            return _status(calendar.path + id_, 404)
        etag = "" if "no-etag" in self.lies else f"<d:getetag>{escape(calendar.etag(id_))}</d:getetag>"
        data = calendar.objects[id_].decode("utf-8", "replace") if content else ""
        return response(
            calendar.path + id_, etag + (f"<c:calendar-data>{escape(data)}</c:calendar-data>" if data else "")
        )

    def _sync(self, calendar: ScriptedCalendar, token: str, *, content: bool) -> Exchange:
        head = len(calendar.log)
        known = token.startswith("t:") and calendar.forgotten <= int(token[2:]) <= head
        if not known:
            if "broken-token" in self.lies:
                return Exchange(500, {}, b"")
            if "precondition-token" in self.lies:
                return Exchange(412, {}, b"")
            if "any-token" not in self.lies:
                return Exchange(403, {}, b'<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>')
        since = int(token[2:]) if known else head
        changed = list(dict.fromkeys(calendar.log[since:]))
        tail = ""
        if "cut" in self.lies and head - since > 2:
            head, changed = since + 2, list(dict.fromkeys(calendar.log[since : since + 2]))
            tail = _status(calendar.path, 507)
        elif "cut-silently" in self.lies:
            changed = changed[:2]
        own = response(calendar.path, "<d:getetag>x</d:getetag>") if "own-member" in self.lies else ""
        content = content and "no-content" not in self.lies
        members = "".join(self._member(calendar, id_, content=content) for id_ in changed)
        return multistatus(f"{own}{members}{tail}<d:sync-token>t:{head}</d:sync-token>")

    def _objects(self, calendar: ScriptedCalendar, hrefs: list[str]) -> Exchange:
        ids = [href.rpartition("/")[2] for href in hrefs]
        if self.fatal & set(ids):
            return Exchange(500, {}, b"")
        if "mute" in self.lies:
            ids = [id_ for id_ in ids if id_ in calendar.objects]
        return multistatus("".join(self._member(calendar, id_, content=True) for id_ in ids))

    def close(self) -> None:
        self.proxy.close()


def multistatus(content: str) -> Exchange:
    text = f'<?xml version="1.0"?><d:multistatus {_NAMESPACES}>{content}</d:multistatus>'
    return Exchange(207, {"Content-Type": "application/xml"}, text.encode())


def response(path: str, properties: str) -> str:
    found = f"<d:propstat><d:prop>{properties}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
    return f"<d:response><d:href>{escape(path)}</d:href>{found}</d:response>"


def _status(path: str, status: int) -> str:
    return f"<d:response><d:href>{escape(path)}</d:href><d:status>HTTP/1.1 {status} Said</d:status></d:response>"
