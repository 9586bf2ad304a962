"""Worlds on disk for `SourceContract`, and short ways to write files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from crmsync.errors import CursorExpired
from crmsync.model import Cursor, Item, Message, Selection, Window
from crmsync.protocols import Provider, Source
from crmsync.providers.files import CalendarFiles, MailFiles

ME = "me@acme.com"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def mail(name: str, body: str = "Hello.\n", headers: str = "") -> bytes:
    """Write a message; its Message-ID carries the name."""
    return (
        f"From: Ann <ann@client.example>\nTo: {ME}\nSubject: {name}\nMessage-ID: <{name}@contract.example>\n"
        f"Date: Mon, 02 Feb 2026 10:00:00 +0000\n{headers}\n{body}"
    ).encode()


def entry(name: str, body: str = "Hello.\n", headers: str = "") -> bytes:
    """Write a message as an mbox holds it."""
    return b"From ann@client.example Mon Feb  2 10:00:00 2026\n" + mail(name, body, headers) + b"\n"


def vevent(uid: str, *lines: str, start: str = "20260302T100000Z") -> str:
    return "\r\n".join([
        "BEGIN:VEVENT", f"UID:{uid}", f"DTSTART:{start}", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT", "",
    ])  # fmt: skip


def calendar(*events: str, head: str = "") -> bytes:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}{''.join(events)}END:VCALENDAR\r\n".encode()


def touch(path: Path, seconds: int) -> None:
    os.utime(path, ns=(seconds * 1_000_000_000, seconds * 1_000_000_000))


class MboxWorld:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "Inbox"
        self.path.write_bytes(b"")
        self._entries: dict[str, bytes] = {}

    def provider(self) -> Provider:
        return MailFiles(self.path, ME)

    def put(self, name: str) -> None:
        self._entries[name] = entry(name)
        with self.path.open("ab") as file:
            file.write(self._entries[name])

    def remove(self, name: str) -> None:
        del self._entries[name]
        self.path.write_bytes(b"".join(self._entries.values()))


class MaildirWorld:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "Maildir"
        for name in ("cur", "new", "tmp"):
            (self.path / name).mkdir(parents=True)
        self._count = 0

    def provider(self) -> Provider:
        return MailFiles(self.path, ME)

    def put(self, name: str) -> None:
        self._count += 1
        path = self.path / "new" / f"17000000{self._count:02}.M1P{self._count}.{name}"
        path.write_bytes(mail(name))
        touch(path, 1_770_000_000 + self._count)

    def remove(self, name: str) -> None:
        next(self.path.glob(f"new/*.{name}")).unlink()


class EmlWorld:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "export"
        self.path.mkdir()
        self._count = 0

    def provider(self) -> Provider:
        return MailFiles(self.path, ME)

    def put(self, name: str) -> None:
        self._count += 1
        path = self.path / f"{name}.eml"
        path.write_bytes(mail(name))
        touch(path, 1_770_000_000 + self._count)

    def remove(self, name: str) -> None:
        (self.path / f"{name}.eml").unlink()


class CalendarWorld:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "work.ics"
        self._events: dict[str, str] = {}
        self._count = 0
        self._write()

    def provider(self) -> Provider:
        return CalendarFiles(self.path, ME, now=NOW, window=Window())

    def put(self, name: str) -> None:
        self._count += 1
        self._events[name] = vevent(f"{name}@contract.example", start=f"202603{self._count:02}T100000Z")
        self._write()

    def remove(self, name: str) -> None:
        del self._events[name]
        self._write()

    def _write(self) -> None:
        self.path.write_bytes(calendar(*self._events.values()))


class Follower:
    """Holds what a source has told, as the engine would: page by page, listing again where the cursor expires."""

    def __init__(self) -> None:
        self.cursor: Cursor | None = None
        self.holds: dict[str, Item] = {}
        self.skipped: dict[str, str] = {}
        self.told: list[str] = []
        """Ids in the order in which they were told, since the last look began."""
        self.relisted = False
        self._relisting = False

    def look(self, source: Source, *, stop_after: int | None = None) -> None:
        """Catch up; or crash after so many pages."""
        self.told, self.relisted = [], False
        try:
            self._walk(source, stop_after)
        except CursorExpired:
            # As in the engine: a crash from here on finds no cursor, and lists again from the start.
            self.cursor, self._relisting, self.relisted = None, True, True
            self._walk(source, stop_after)

    def names(self) -> list[str]:
        """Return the names of the messages that it holds."""
        return sorted(name_of(item) for item in self.holds.values())

    def _walk(self, source: Source, stop_after: int | None) -> None:
        unlisted = {*self.holds, *self.skipped} if self._relisting else set()
        for number, page in enumerate(source.changes(self.cursor), 1):
            unknown = [id_ for id_ in page.present if id_ not in self.holds]
            fetched = list(source.fetch(unknown)) if unknown else []
            for one in (page, *fetched):
                for id_ in one.deletes:
                    self._drop(id_)
                for item in one.upserts:
                    self.holds[item.id] = item
                    self.told.append(item.id)
                self.skipped |= {s.id: s.why for s in one.skipped}
            unlisted -= {*page.present, *(i.id for i in page.upserts), *(s.id for s in page.skipped)}
            if not self._relisting or not page.more:
                self.cursor = page.cursor
            if not page.more and page.complete:
                for id_ in unlisted:
                    self._drop(id_)
            self._relisting = self._relisting and page.more
            if number == stop_after:
                return

    def _drop(self, id_: str) -> None:
        self.holds.pop(id_, None)
        self.skipped.pop(id_, None)


def name_of(item: Item) -> str:
    record = item.records[0]
    identity = record.message_id if isinstance(record, Message) else record.uid
    return (identity or "").removesuffix("@contract.example")


def message_of(item: Item) -> Message:
    record = item.records[0]
    assert isinstance(record, Message)
    return record


def only_source(provider: Provider) -> Source:
    (stream,) = provider.streams(Selection())
    return stream.source


def fetch_all(source: Source) -> list[Item]:
    """List a source and fetch what it lists, in the order in which it lists it."""
    items = []
    for page in source.changes(None):
        found = {item.id: item for fetched in source.fetch(page.present) for item in fetched.upserts}
        items += [*page.upserts, *(found[id_] for id_ in page.present if id_ in found)]
    return items
