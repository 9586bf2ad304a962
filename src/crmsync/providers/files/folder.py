"""A folder of files with one message each as a source: Maildir, and exported .eml files.

Content behind an id never changes, so a listing names ids only, newest first, and the engine fetches those that it
does not know. Names, sizes and times of all files are in memory meanwhile, some 0.5 KB a file.

The cursor keeps the newest file seen and a digest of all ids up to it. While that holds, what is newer is new; where
it does not (files are gone, or older ones came), the engine lists again.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from ...errors import CursorExpired, Unavailable
from ...model import Collection, Cursor, Inventory, Item, Page, Screen, Skipped, Value
from ...protocols import InventorySource, Source
from .messages import batches, page_of
from .reading import in_words

Key = tuple[int, str]
"""A file's place in the order: time of its last change, then id."""

_BEFORE_ALL: Key = (-(1 << 63), "")

_ATTEMPTS = 3


class Entry(NamedTuple):
    """A file as its folder lists it."""

    id: str
    mtime: int
    size: int
    path: str

    @property
    def key(self) -> Key:
        """Where it stands among the others."""
        return self.mtime, self.id


class Scan(NamedTuple):
    """What lies in a folder."""

    entries: dict[str, Entry]
    stable: bool
    """Whether nothing was renamed meanwhile, so that nothing can have been overlooked."""


class FolderCursor(Value):
    """Where the source of a folder stands."""

    v: Literal["folder/1"] = "folder/1"
    newest: Key
    """Up to here everything was seen when this was written."""
    digest: str
    """Of all ids up to there."""
    tail: Key | None
    """How far back the first listing has come; None when it is done."""

    def dump(self) -> Cursor:
        """Write it as a cursor."""
        return Cursor(self.model_dump_json())


class FolderSource(Source, InventorySource):
    """A folder of messages; how files become ids is for the subclass to say."""

    def __init__(self, path: Path, collection: Collection, *, html: bool = False) -> None:
        self._path = path
        self._collection = collection
        self._html = html
        self._entries: dict[str, Entry] = {}

    @abstractmethod
    def _files(self) -> Iterable[Entry]:
        """List the files; of two with one id the latter counts. May raise OSError."""

    @abstractmethod
    def _times(self) -> tuple[int, ...]:
        """Return when a file was last added, renamed or removed. May raise OSError."""

    @abstractmethod
    def _read(self, entry: Entry) -> Item | Skipped | None:
        """Read one file; None where it is not there any more as this entry. May raise OSError."""

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content is free here
        """Yield new files, oldest first, then what is left of the listing, newest first and as ids only."""
        scan = self._scanned()
        entries = sorted(scan.entries.values(), key=lambda entry: entry.key)
        if since is None:
            newest = entries[-1].key if entries else _BEFORE_ALL
            here = FolderCursor(newest=newest, digest=_Digest(entries).text, tail=None)
            yield from _listing(entries[::-1], here, stable=scan.stable)
            return
        here = _resume(since)
        known = [entry for entry in entries if entry.key <= here.newest]
        digest = _Digest(known)
        if digest.text != here.digest:
            raise CursorExpired("files of the folder are gone, or older ones have come")
        if len(known) < len(entries):
            here = yield from self._growth(entries[len(known) :], here, digest)
            if here.tail is None:
                return
        tail = here.tail
        left = [entry for entry in reversed(known) if tail is not None and entry.key < tail]
        yield from _listing(left, here, stable=scan.stable)

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content is free here
        """Yield these messages, under whatever name and flags they lie now."""
        wanted = list(dict.fromkeys(ids))
        if any(id_ not in self._entries for id_ in wanted):
            self._scanned()
        gone = [id_ for id_ in wanted if id_ not in self._entries]
        here = [self._entries[id_] for id_ in wanted if id_ in self._entries]
        for batch in batches(here, _octets):
            read = [(entry.id, self._now(entry)) for entry in batch]
            gone += [id_ for id_, item in read if item is None]
            yield page_of((item for _, item in read if item), Cursor(""), more=True)
        yield Page(cursor=Cursor(""), deletes=gone)

    def inventory(self) -> Inventory:
        """See `InventorySource`."""
        scan = self._scanned()
        if not scan.stable:
            raise Unavailable("files of the folder are renamed all the time; try again later")
        return Inventory(ids=list(scan.entries))

    def _growth(self, new: list[Entry], here: FolderCursor, digest: _Digest) -> Generator[Page, None, FolderCursor]:
        done = 0
        for batch in batches(new, _octets):
            read = [self._now(entry) for entry in batch]
            for entry in batch:
                digest.add(entry.id)
            done += len(batch)
            # What vanished just now stays part of the digest: the next run finds it gone and lists again.
            here = here.model_copy(update={"newest": batch[-1].key, "digest": digest.text})
            more = done < len(new) or here.tail is not None
            yield page_of((item for item in read if item), here.dump(), more=more)
        return here

    def _now(self, entry: Entry) -> Item | Skipped | None:
        """Read a file that may have been renamed since it was listed."""
        found: Entry | None = self._entries.get(entry.id)
        if found is None:
            return None
        try:
            try:
                item = self._read(found)
            except FileNotFoundError:
                item = None
            if item is None and (found := self._scanned().entries.get(entry.id)):
                item = self._read(found)
        except FileNotFoundError:
            return None
        except PermissionError:
            return Skipped(id=entry.id, why="the file may not be read")
        except OSError as error:
            return Skipped(id=entry.id, why=f"the file cannot be read: {error.strerror or type(error).__name__}")
        return item

    def _scanned(self) -> Scan:
        stable = False
        with in_words(self._path):
            for _ in range(_ATTEMPTS):
                before = self._times()
                self._entries = {entry.id: entry for entry in self._files()}
                stable = self._times() == before
                if stable:
                    break
        return Scan(self._entries, stable)


def _listing(left: Sequence[Entry], here: FolderCursor, *, stable: bool) -> Iterator[Page]:
    """List what is left, newest first. There is a page even where nothing is."""
    done = 0
    for batch in batches(left, _octets):
        done += len(batch)
        more = done < len(left)
        here = here.model_copy(update={"tail": batch[-1].key if more else None})
        present = [entry.id for entry in batch]
        yield Page(cursor=here.dump(), more=more, present=present, total=len(left), complete=stable)
    if not left:
        yield Page(cursor=here.model_copy(update={"tail": None}).dump(), complete=stable)


class _Digest:
    """A digest of a set of ids, whatever their order, that can be added to."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._sum = 0
        for entry in entries:
            self.add(entry.id)

    def add(self, id_: str) -> None:
        octets = hashlib.blake2b(id_.encode("utf-8", "surrogateescape"), digest_size=16).digest()
        self._sum = (self._sum + int.from_bytes(octets, "big")) % (1 << 128)

    @property
    def text(self) -> str:
        return f"{self._sum:032x}"


def _resume(since: Cursor) -> FolderCursor:
    try:
        return FolderCursor.model_validate_json(since)
    except ValidationError:
        raise CursorExpired("this is no cursor of a folder of files") from None


def _octets(entry: Entry) -> int:
    return entry.size


def moment(mtime: int) -> datetime | None:
    """Return a time in nanoseconds since 1970 as an instant in UTC, None where it names none."""
    try:
        return datetime.fromtimestamp(mtime // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
