"""An mbox file as a source (RFC 4155): Takeout's, Thunderbird's, Apple Mail's, mutt's, a mail spool.

A first listing walks backwards from where the file ended when it began; what is appended is read forwards. In between
the cursor keeps how far both have come, and a fingerprint of the file up to there. Where that does not hold any more
the file was rewritten (compacted, flags changed), and the engine lists again: ids only, by which it finds what is
gone and fetches what it does not know.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ...errors import CursorExpired, SourceError, Unavailable
from ...model import Collection, Cursor, Inventory, Item, Page, Screen, Skipped, Value
from ...protocols import InventorySource, Source
from .mbox_message import Located, locate, read
from .messages import batches, page_of
from .reading import WHOLE, RegularFile, Version, in_words, opened, shown
from .separators import first_message, is_separator, separators_before, separators_from

REMEMBERED = 250_000
"""Of this many messages a source remembers where they lie (some 40 MB), so that `fetch` need not search the file."""

_LENGTH_BITS = 44


class MboxCursor(Value):
    """Where an mbox source stands."""

    v: Literal["mbox/1"] = "mbox/1"
    head: int = Field(ge=0)
    """All before this offset is known, but for what lies before `tail`."""
    mark: str
    """The file's fingerprint up to head."""
    mtime: int
    last: tuple[int, str] | None
    """Offset and id of the last message before head: it may have been half written. No id where it is hidden."""
    tail: int = Field(ge=0)
    """How far back the first listing has come; 0 when it is done."""

    def dump(self) -> Cursor:
        """Write it as a cursor."""
        return Cursor(self.model_dump_json())


class MboxSource(Source, InventorySource):
    """One mbox file.

    Flags that are changed in place are noticed when the file also shrinks, keeps its size, or is smaller than 32 MB:
    of a larger file that has only grown, no more than the new part and samples are read.
    """

    def __init__(self, path: Path, collection: Collection, *, spanning: bool = False, html: bool = False) -> None:
        self._path = path
        self._spanning = spanning
        self._collection = collection
        self._html = html
        # Offset and length in one number, by the id's hash. Unless the file is as it was then, what lies there is
        # checked before it is taken.
        self._places: dict[int, int] = {}
        self._older: dict[int, int] = {}
        self._marked: tuple[Version, str] | None = None
        self._listed: tuple[Version, str] | None = None

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content is free here
        """Yield what was appended, oldest first, then what is left of the listing, newest first and as ids only.

        `Page.total` is estimated from the share of the file that has been read. Content costs nothing more here than
        an envelope, so `screen` is not asked.
        """
        with in_words(self._path), opened(self._path) as file:
            walk = _Walk(file, self._path, None if since is None else CursorExpired)
            self._marked, self._listed = walk.marked, None
            here = _resume(walk, since) if since is not None else None
            self._listed = walk.marked
            if here is None:
                self._places, self._older = {}, {}
                here = MboxCursor(
                    head=walk.size, mark=walk.mark, mtime=walk.mtime, last=self._last(walk), tail=walk.size
                )
            elif here.head < walk.size:
                here = yield from self._growth(walk, here)
                if here.tail <= walk.first:
                    return
            yield from self._listing(walk, here.model_copy(update={"mtime": walk.mtime}))

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - content is free here
        """Yield these messages, wherever they lie now."""
        wanted = dict.fromkeys(ids)
        with in_words(self._path), opened(self._path) as file:
            walk = _Walk(file, self._path, None, self._marked)
            self._marked = walk.marked
            for batch in batches(self._find(walk, wanted), _octets):
                page = page_of(self._read(walk, batch), Cursor(""), more=True)
                walk.check()
                yield page
            walk.check()
            yield Page(cursor=Cursor(""), deletes=list(wanted))

    def inventory(self) -> Inventory:
        """See `InventorySource`: the file is read through."""
        anew = MboxSource(self._path, self._collection, spanning=self._spanning, html=self._html)
        return Inventory(ids=[id_ for page in anew.changes(None) for id_ in page.present])

    def _growth(self, walk: _Walk, here: MboxCursor) -> Generator[Page, None, MboxCursor]:
        """Read on from the last message known, which may have been half written when it was seen."""
        known = here.last
        start = known[0] if known else walk.first
        if start != walk.first and not is_separator(walk.file, start, walk.size):
            raise CursorExpired("the message at the end of the file was rewritten")
        for batch in batches(self._forwards(walk, start), _octets):
            tip = batch[-1]
            here = here.model_copy(update={
                "head": tip.end, "mark": walk.mark_at(tip.end), "mtime": walk.mtime,
                "last": (tip.start, tip.known_id),
            })  # fmt: skip
            new, deletes = batch, []
            if known and batch[0].start == known[0]:
                if batch[0].known_id == known[1]:
                    new = batch[1:]
                elif known[1] and not self._elsewhere(walk, known):
                    deletes = [known[1]]
            more = tip.end < walk.size or here.tail > walk.first
            page = page_of(self._read(walk, new), here.dump(), more=more, deletes=deletes)
            walk.check()
            yield page
        return here

    def _listing(self, walk: _Walk, here: MboxCursor) -> Iterator[Page]:
        """List what is left, newest first. There is a page even where nothing is."""
        begun, done = here.tail, 0
        if begun <= walk.first:
            yield Page(cursor=here.model_copy(update={"tail": 0}).dump())
            return
        for batch in batches(self._backwards(walk, begun), _octets):
            present = list(dict.fromkeys(located.id for located in batch if self._is_first(located)))
            done += len(present)
            start = batch[-1].start
            more = start > walk.first
            here = here.model_copy(update={"tail": start if more else 0})
            total = round(done * (begun - walk.first) / (begun - start)) if more else done
            walk.check()
            yield Page(cursor=here.dump(), more=more, present=present, total=total)

    def _last(self, walk: _Walk) -> tuple[int, str] | None:
        located = next(self._backwards(walk, walk.size), None)
        return (located.start, located.known_id) if located else None

    def _forwards(self, walk: _Walk, start: int) -> Iterator[Located]:
        if start >= walk.size:
            return
        previous = None
        for at in separators_from(walk.file, start, walk.size):
            if previous is not None:
                yield self._locate(walk, previous, at)
            previous = at
        yield self._locate(walk, previous or start, walk.size)

    def _backwards(self, walk: _Walk, before: int) -> Iterator[Located]:
        for at in separators_before(walk.file, walk.first, before, walk.size):
            yield self._locate(walk, at, before)
            before = at

    def _locate(self, walk: _Walk, start: int, end: int) -> Located:
        located = locate(walk.file, start, end)
        if len(self._places) >= REMEMBERED // 2:
            self._older, self._places = self._places, {}
        if not located.hidden:
            self._places.setdefault(hash(located.id), start << _LENGTH_BITS | located.octets)
        return located

    def _is_first(self, located: Located) -> bool:
        """Tell whether no other copy, octet for octet, was listed before; where that is forgotten, say yes."""
        place = self._places.get(hash(located.id), located.start << _LENGTH_BITS)
        return not located.hidden and place >> _LENGTH_BITS == located.start

    def _find(self, walk: _Walk, wanted: dict[str, None]) -> Iterator[Located]:
        """Yield the wanted messages that exist, and take them off the list."""
        unchanged = walk.marked == self._listed
        for id_ in list(wanted):
            place = self._places.get(hash(id_)) or self._older.get(hash(id_), 0)
            start, end = place >> _LENGTH_BITS, (place >> _LENGTH_BITS) + (place & (1 << _LENGTH_BITS) - 1)
            if not start < end <= walk.size:
                continue
            if unchanged:
                located = Located(id_, start, end, hidden=False)
            elif walk.bounds(start, end):
                located = locate(walk.file, start, end)
            else:
                continue
            if located.id == id_ and not located.hidden:
                del wanted[id_]
                yield located
        if wanted:
            for located in self._forwards(walk, walk.first):
                if located.id in wanted and not located.hidden:
                    del wanted[located.id]
                    yield located
                    if not wanted:
                        return

    def _elsewhere(self, walk: _Walk, known: tuple[int, str]) -> bool:
        """Tell whether another copy of a message, octet for octet, lies in the file: then its id still exists."""
        return any(
            located.id == known[1] and located.start != known[0] and not located.hidden
            for located in self._forwards(walk, walk.first)
        )

    def _read(self, walk: _Walk, batch: list[Located]) -> Iterator[Item | Skipped]:
        for located in batch:
            if not located.hidden:
                yield read(walk.file, located, self._collection, spanning=self._spanning, html=self._html)


class _Walk:
    """One pass over an open file as it was when the pass began."""

    def __init__(
        self,
        file: RegularFile,
        path: Path,
        changed: type[SourceError] | None,
        marked: tuple[Version, str] | None = None,
    ) -> None:
        self.file = file
        self._seen = file.version()
        self._changed = changed or Unavailable
        self._name = shown(path)
        self.size, self.mtime = self._seen
        self.mark = marked[1] if marked and marked[0] == self._seen else file.fingerprint(self.size)
        self.marked = (self._seen, self.mark)
        first = first_message(file, self.size)
        if first is None:
            raise Unavailable(
                f"{self._name} does not begin with a message, so it is no mbox file (any more); "
                "put the mailbox back, or remove the file if it is something else"
            )
        self.first = first

    def mark_at(self, end: int) -> str:
        """Return the file's fingerprint up to an offset."""
        return self.mark if end == self.size else self.file.fingerprint(end)

    def check(self) -> None:
        """Make sure that what has been read is the file as it was at the start: only appending is harmless."""
        now = self.file.version()
        if now == self._seen:
            return
        if now.size < self.size or self.file.fingerprint(self.size) != self.mark:
            raise self._changed(f"{self._name} was rewritten while it was read; try again")
        self._seen = now

    def bounds(self, start: int, end: int) -> bool:
        """Tell whether a message lies between two offsets."""
        return (start == self.first or is_separator(self.file, start, self.size)) and (
            end == self.size or is_separator(self.file, end, self.size)
        )


def _resume(walk: _Walk, since: Cursor) -> MboxCursor:
    try:
        here = MboxCursor.model_validate_json(since)
    except ValidationError:
        raise CursorExpired("this is no cursor of an mbox file") from None
    inside = here.tail <= here.head and (here.last is None or 0 <= here.last[0] < here.head)
    same = here.head <= walk.size and walk.mark_at(here.head) == here.mark
    if not inside or not same or (here.head == walk.size > WHOLE and here.mtime != walk.mtime):
        raise CursorExpired("the file was rewritten since it was read")
    return here


def _octets(located: Located) -> int:
    return located.octets


__all__ = ["MboxCursor", "MboxSource"]
