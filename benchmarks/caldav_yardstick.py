"""The least work that turns two calendars on a CalDAV server into rows: what `benchmarks/caldav.py` compares with.

No errors, no resuming, no rules, no series expanded, no names decoded: a floor, not a product.
"""

from __future__ import annotations

import base64
import http.client
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

_NAMESPACES = 'xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
_RESPONSE = re.compile(r"<response>(.*?)</response>", re.DOTALL)
_HREF, _TOKEN = re.compile(r"<href>(.*?)</href>"), re.compile(r"<sync-token>(.*?)</sync-token>")
_FOLD = re.compile(r"\r?\n[ \t]")
_WANTED = re.compile(r"^(UID|DTSTART|SUMMARY|ORGANIZER|ATTENDEE|RECURRENCE-ID)[;:](.*?)\r?$", re.MULTILINE)


def run(port: int, home: str, login: str, state: Path) -> int:
    """Bring the rows up to date; return how many objects were read."""
    database = sqlite3.connect(state / "yardstick.db", isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=normal")
    database.execute("create table if not exists calendar(path text primary key, token text)")
    database.execute("create table if not exists event(path text, uid text, start text, summary text, rid text)")
    database.execute("create table if not exists person(path text, line text)")
    database.execute("create index if not exists event_path on event(path)")
    database.execute("create index if not exists person_path on person(path)")
    known = dict(database.execute("select path, token from calendar"))
    line = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode(), "Content-Type": "application/xml"}

    def ask(method: str, path: str, body: str, depth: str) -> str:
        line.request(method, path, body.encode(), {**headers, "Depth": depth})
        return line.getresponse().read().decode()

    listing = ask(
        "PROPFIND", home, f"<propfind {_NAMESPACES}><prop><resourcetype/><sync-token/></prop></propfind>", "1"
    )
    read = 0
    database.execute("begin")
    for calendar in _RESPONSE.findall(listing):
        token = _TOKEN.search(calendar)
        if token is None:
            continue
        path = _HREF.search(calendar)[1]  # type: ignore[index] - a response has one
        if known.get(path) == token[1]:
            continue
        wanted = "<prop><getetag/><c:calendar-data/></prop>"
        if path in known:
            since = f"<sync-token>{known[path]}</sync-token><sync-level>1</sync-level>"
            said = ask("REPORT", path, f"<sync-collection {_NAMESPACES}>{since}{wanted}</sync-collection>", "0")
        else:
            everything = '<c:filter><c:comp-filter name="VCALENDAR"/></c:filter>'
            said = ask("REPORT", path, f"<c:calendar-query {_NAMESPACES}>{wanted}{everything}</c:calendar-query>", "1")
        read += _store(database, said, fresh=path not in known)
        database.execute("insert or replace into calendar values (?, ?)", (path, token[1]))
    database.execute("commit")
    database.close()
    line.close()
    return read


def _store(database: sqlite3.Connection, said: str, *, fresh: bool) -> int:
    events, people, paths = [], [], []
    for response in _RESPONSE.findall(said):
        path = _HREF.search(response)[1]
        paths.append((path,))
        for event in _events(response):
            row = {name: value for name, value in event if name != "ATTENDEE"}
            facts = (row.get("UID"), row.get("DTSTART"), row.get("SUMMARY"), row.get("RECURRENCE-ID"))
            events.append((path, *facts))
            people += [(path, value) for name, value in event if name in {"ORGANIZER", "ATTENDEE"}]
    if not fresh:
        database.executemany("delete from event where path = ?", paths)
        database.executemany("delete from person where path = ?", paths)
    database.executemany("insert into event values (?, ?, ?, ?, ?)", events)
    database.executemany("insert into person values (?, ?)", people)
    return len(paths)


def _events(response: str) -> Iterator[list[tuple[str, str]]]:
    for event in _FOLD.sub("", response).split("BEGIN:VEVENT")[1:]:
        yield _WANTED.findall(event.partition("END:VEVENT")[0])
