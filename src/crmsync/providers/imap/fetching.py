"""Many messages, page by page, while the server is already sending the next (RFC 9051 section 5.5).

For each page envelopes come first and the screen is asked; only of what it lets in the text is fetched. With the texts
of one page those of the next have been asked for, and the envelopes of the one after that: whoever takes the pages
waits for the server only where the server is slower.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from ...errors import RateLimited
from ...model import Collection, Decision, Item, Outcome, Screen, Screened, Skipped
from .answers import refusal
from .connection import Command, Connection
from .gmail import Labels
from .mailbox import among
from .messages import Envelope, envelope_items, has_flag, is_envelope, read_items, text_items, whole  # fmt: skip
from .uids import UidSet
from .values import Data

LINE = 8_000
"""Commands are no longer than this (RFC 7162 section 4 advises 8192)."""

CHUNK_OCTETS = 8 << 20
"""Texts of so many octets are in memory at once, and as much again of the next page."""

HELD = 48 << 20
"""What a server sends beyond this, whatever it announced, is cut short."""

_CUT = 16 << 10
_AHEAD = 2


class Place(NamedTuple):
    """What messages of one folder have in common."""

    uidvalidity: int
    collections: tuple[Collection, ...]
    labels: Labels | None
    """For Gmail's All Mail."""
    html: bool
    known: UidSet | None = None
    """Other messages than these are gone if they are marked as deleted; where it is not said, none is."""

    def is_gone(self, uid: int, items: Mapping[bytes, Data]) -> bool:
        """Tell whether a message is marked as deleted, and nobody but this answer would say so."""
        return self.known is not None and uid not in self.known and has_flag(items, b"\\deleted")

    def id_of(self, uid: int) -> str:
        """Return a message's id: never used for another one."""
        return f"{self.uidvalidity}.{uid}"


class Taken(NamedTuple):
    """What became of some messages."""

    uids: UidSet
    """Which are done with this."""
    items: Sequence[Item] = ()
    screened: Sequence[Screened] = ()
    skipped: Sequence[Skipped] = ()
    gone: Sequence[str] = ()


class Interrupted(Exception):
    """Somebody else used the connection meanwhile; what is left has to be asked for again."""


@dataclass
class _Chunk:
    """Some messages of a page, those that take text in memory at once."""

    decided: UidSet
    """Those that are done without a text."""
    screened: list[Screened]
    skipped: list[Skipped]
    gone: list[str]
    envelopes: list[Envelope] = field(default_factory=list)
    commands: list[Command] | None = None
    """Fetch the texts; None until they are asked for."""


def read_messages(
    connection: Connection, pages: Iterator[UidSet], place: Place, screen: Screen | None
) -> Iterator[Taken]:
    """Read messages of the open folder.

    Args:
        connection: has the folder open.
        pages: which, in the order to read them.
        place: what they have in common.
        screen: asked with each envelope.

    Raises:
        SourceError: the connection is lost, or the server refuses everything.

    """
    reading = _Reading(connection, pages, place, screen)
    try:
        yield from reading.taken()
    finally:
        # What is still under way is read and dropped when the next command needs its answer.
        if connection.on_fetch == reading.take:
            connection.on_fetch = None


class _Reading:
    def __init__(self, connection: Connection, pages: Iterator[UidSet], place: Place, screen: Screen | None) -> None:
        self._connection = connection
        self._pages = pages
        self._place = place
        self._screen = screen
        self._asked: deque[tuple[UidSet, list[Command]]] = deque()
        self._chunks: deque[_Chunk] = deque()
        self._envelopes: dict[int, Mapping[bytes, Data]] = {}
        self._texts: dict[int, dict[bytes, Data]] = {}
        self._held = 0
        self._items = envelope_items(connection, gmail=place.labels is not None)
        connection.on_fetch = None
        connection.settle()  # what was asked for before and is not wanted any more
        connection.on_fetch = self.take

    def taken(self) -> Iterator[Taken]:
        self._ask([], pages=_AHEAD)
        while self._asked or self._chunks:
            while not all(chunk.commands is not None for chunk in self._chunks) or len(self._chunks) < _AHEAD:
                waiting = [chunk for chunk in self._chunks if chunk.commands is None]
                if len(self._chunks) - len(waiting) >= _AHEAD:
                    break
                if waiting:
                    more = _AHEAD - 1 if len(waiting) == 1 and not self._asked else 0
                    waiting[0].commands = self._ask(_text_fetches(waiting[0].envelopes), pages=more)
                elif self._asked:
                    self._decide()
                else:
                    break
            yield self._finish(self._chunks.popleft())
            if self._connection.on_fetch != self.take:
                raise Interrupted

    def take(self, uid: int, items: dict[bytes, Data]) -> None:
        """Keep what a FETCH answers, whichever command asked for it."""
        if is_envelope(items):
            self._drop(self._envelopes.pop(uid, {}))
            self._envelopes[uid] = self._within_bounds(items)
            return
        for name, value in items.items():
            if name.startswith(b"BODY["):
                self._texts.setdefault(uid, {})[name] = self._within_bounds({name: value})[name] or b""

    def _within_bounds(self, items: dict[bytes, Data]) -> dict[bytes, Data]:
        octets = _octets(items)
        if self._held + octets > HELD:
            items = {name: v[:_CUT] if isinstance(v, bytes) else v for name, v in items.items()}
            octets = _octets(items)
        self._held += octets
        return items

    def _drop(self, items: Mapping[bytes, Data]) -> None:
        self._held -= _octets(items)

    def _ask(self, texts: list[bytes], *, pages: int) -> list[Command]:
        """Ask for texts, and for the envelopes of so many more pages, in one go; return the commands for the texts."""
        commands, asked = list(texts), []
        for page in islice(self._pages, pages):
            envelopes = fetches(page, self._items)
            asked.append((page, len(commands), len(commands) + len(envelopes)))
            commands += envelopes
        if not commands:
            return []
        started = self._connection.start(*((text, ()) for text in commands))
        self._asked.extend((page, started[begin:end]) for page, begin, end in asked)
        return started[: len(texts)]

    def _decide(self) -> None:
        """Ask the screen about the next page."""
        page, commands = self._asked.popleft()
        skipped, gone = self._complete(page, commands)
        screened: list[Screened] = []
        envelopes: list[Envelope] = []
        for uid in reversed(page):
            items = self._envelopes.pop(uid, None)
            if items is None:
                continue
            self._drop(items)
            if self._place.is_gone(uid, items):
                gone.append(self._place.id_of(uid))
                continue
            envelope = self._envelope(uid, items)
            if isinstance(envelope, Skipped):
                skipped.append(envelope)
                continue
            decision = self._decision(envelope)
            if decision is not None and decision.outcome is not Outcome.STORED:
                screened.append(Screened(id=self._place.id_of(uid), decision=decision))
            else:
                envelopes.append(envelope)
        chunks = [_Chunk(page - UidSet.of(e.uid for e in envelopes), screened, skipped, gone)]
        octets = 0
        for envelope in envelopes:
            if octets + envelope.octets > CHUNK_OCTETS and chunks[-1].envelopes:
                chunks.append(_Chunk(UidSet(), [], [], []))
                octets = 0
            chunks[-1].envelopes.append(envelope)
            octets += envelope.octets
        self._chunks.extend(chunks)

    def _decision(self, envelope: Envelope) -> Decision | None:
        try:
            return self._screen(envelope.message) if self._screen else None
        except Exception:
            return None  # with its text it comes to whoever asks, and fails there on record

    def _complete(self, page: UidSet, commands: list[Command]) -> tuple[list[Skipped], list[str]]:
        """Wait for a page's envelopes; say what became of those messages of which none came."""
        refused = self._wait(commands)
        missing = page - UidSet.of(uid for uid in page if uid in self._envelopes)
        if not missing:
            return [], []
        there = among(self._connection, missing)
        gone = [self._place.id_of(uid) for uid in missing - there]
        if refused and there:
            # One message that the server fails at may have kept it from answering for the others.
            alone = self._connection.start(
                *((text, ()) for uid in there for text in fetches(UidSet.of([uid]), self._items))
            )
            self._wait(alone)
        return [
            Skipped(id=self._place.id_of(uid), why="the server does not give it")
            for uid in there
            if uid not in self._envelopes
        ], gone

    def _wait(self, commands: list[Command]) -> bool:
        """Wait for commands; tell whether one was refused."""
        refused = False
        for command in commands:
            said = self._connection.finish(command)
            if not said.ok:
                error = refusal(said, self._connection.host)
                if isinstance(error, RateLimited) or said.code == "UNAVAILABLE":
                    raise error
                refused = True
        return refused

    def _envelope(self, uid: int, items: Mapping[bytes, Data]) -> Envelope | Skipped:
        place = self._place
        try:
            return read_items(uid, items, place.collections, place.labels, html=place.html)
        except Exception as error:
            return Skipped(id=place.id_of(uid), why=f"its header cannot be read: {type(error).__name__}")

    def _finish(self, chunk: _Chunk) -> Taken:
        """Wait for a chunk's texts, and make its messages whole."""
        refused = self._wait(chunk.commands or [])
        skipped, gone = list(chunk.skipped), list(chunk.gone)
        late = UidSet.of(e.uid for e in chunk.envelopes if text_items(e) and e.uid not in self._texts)
        if late:
            there = among(self._connection, late)
            gone += [self._place.id_of(uid) for uid in late - there]
            if refused and there:
                alone = [text for e in chunk.envelopes if e.uid in there for text in _text_fetches([e])]
                self._wait(self._connection.start(*((text, ()) for text in alone)))
            absent = [uid for uid in there if uid not in self._texts]
            skipped += [Skipped(id=self._place.id_of(uid), why="the server does not give its text") for uid in absent]
            late = (late - there) | UidSet.of(absent)
        items: list[Item] = []
        for envelope in chunk.envelopes:
            if envelope.uid in late:
                continue
            id_ = self._place.id_of(envelope.uid)
            texts = self._texts.pop(envelope.uid, {})
            self._drop(texts)
            try:
                items.append(Item(id=id_, records=[whole(envelope, texts, html=self._place.html)]))
            except Exception as error:
                skipped.append(Skipped(id=id_, why=f"its text cannot be read: {type(error).__name__}"))
        uids = chunk.decided | UidSet.of(e.uid for e in chunk.envelopes)
        return Taken(uids, items, chunk.screened, skipped, gone)


def _text_fetches(envelopes: list[Envelope]) -> list[bytes]:
    """Return the commands for these messages' texts: one for all that need the same parts."""
    groups: dict[bytes, list[int]] = {}
    for envelope in envelopes:
        if items := text_items(envelope):
            groups.setdefault(items, []).append(envelope.uid)
    return [text for items, uids in groups.items() for text in fetches(UidSet.of(uids), b"UID " + items)]


def fetches(uids: UidSet, items: bytes) -> list[bytes]:
    """Return the commands that fetch these items, none of them too long."""
    commands: list[bytes] = []
    part: list[str] = []
    room = LINE
    for piece in str(uids).split(","):
        if len(piece) + 1 > room and part:
            commands.append(_fetch(part, items))
            part, room = [], LINE
        part.append(piece)
        room -= len(piece) + 1
    commands.append(_fetch(part, items))
    return commands


def _fetch(uids: list[str], items: bytes) -> bytes:
    return b"UID FETCH %b (%b)" % (",".join(uids).encode(), items)


def _octets(items: Mapping[bytes, Data]) -> int:
    return sum([len(value) for name, value in items.items() if name[:4] == b"BODY" and type(value) is bytes])
