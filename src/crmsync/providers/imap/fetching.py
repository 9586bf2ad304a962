"""Many messages, page by page (RFC 9051 section 5.5).

Of each page envelopes come first and the screen is asked; only of what it lets in the text is fetched, all of it in one
go. A page is two round trips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...errors import RateLimited
from ...model import Collection, Decision, Item, Outcome, Screen, Screened, Skipped
from .answers import refusal
from .client import Client, fetches
from .gmail import Labels
from .mailbox import among, has_flag
from .messages import (
    WHOLE_HEADER,
    Envelope,
    agreed,
    envelope_items,
    is_doubtful,
    is_envelope,
    is_given,
    read_items,
    text_items,
    whole,
)  # fmt: skip
from .uids import UidSet
from .values import Items

CHUNK_OCTETS = 8 << 20
"""Texts of so many octets are in memory at once."""


class Place(NamedTuple):
    """What messages of one folder have in common."""

    uidvalidity: int
    collections: tuple[Collection, ...]
    labels: Labels | None
    """For Gmail's All Mail."""
    html: bool
    known: UidSet | None = None
    """Other messages than these are gone if they are marked as deleted; where it is not said, none is."""

    def is_gone(self, uid: int, items: Items) -> bool:
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

    def and_(self, other: Taken) -> Taken:
        """Join two."""
        return Taken(
            self.uids | other.uids,
            [*self.items, *other.items],
            [*self.screened, *other.screened],
            [*self.skipped, *other.skipped],
            [*self.gone, *other.gone],
        )


def read_messages(client: Client, pages: Iterator[UidSet], place: Place, screen: Screen | None) -> Iterator[Taken]:
    """Read messages of the open folder.

    Args:
        client: has the folder open.
        pages: which, in the order to read them.
        place: what they have in common.
        screen: asked with each envelope.

    Raises:
        SourceError: the connection is lost, or the server refuses everything.

    """
    reading = _Reading(client, place, screen)
    for page in pages:
        envelopes, done = reading.decided(page)
        for chunk in _chunks(envelopes):
            done = done.and_(reading.made_whole(chunk))
            yield done
            done = Taken(UidSet())
        if done.uids:
            yield done


class _Reading:
    def __init__(self, client: Client, place: Place, screen: Screen | None) -> None:
        self._client = client
        self._place = place
        self._screen = screen
        self._items = envelope_items(client, gmail=place.labels is not None)

    def decided(self, page: UidSet) -> tuple[list[Envelope], Taken]:
        """Fetch a page's envelopes and ask the screen; return those that it lets in, and what became of the others."""
        place = self._place
        gmail = place.labels is not None
        found = self._fetched(dict.fromkeys(page, self._items), lambda _, items: is_envelope(items, gmail=gmail))
        if found.missing:
            found = self._again(found, gmail=gmail)
        gone = [place.id_of(uid) for uid in found.gone]
        skipped = [Skipped(id=place.id_of(uid), why="the server does not give it") for uid in found.missing]
        screened: list[Screened] = []
        envelopes: list[Envelope] = []
        for uid in reversed(page - found.gone - found.missing):
            items = found.items.pop(uid)
            if place.is_gone(uid, items):
                gone.append(place.id_of(uid))
                continue
            try:
                envelope = read_items(uid, items, place.collections, place.labels, html=place.html)
            except Exception as error:
                why = f"its header cannot be read: {type(error).__name__}"
                skipped.append(Skipped(id=place.id_of(uid), why=why))
                continue
            decision = self._decision(envelope)
            if decision is not None and decision.outcome is not Outcome.STORED:
                screened.append(Screened(id=place.id_of(uid), decision=decision))
            else:
                envelopes.append(envelope)
        return envelopes, Taken(page - UidSet.of(e.uid for e in envelopes), (), screened, skipped, gone)

    def _again(self, found: _Fetched, *, gmail: bool) -> _Fetched:
        """Ask in another way for those of whom not all has come: what rules decide on has to be there."""
        labels = " X-GM-LABELS X-GM-THRID" * gmail
        asked = self._fetched(dict.fromkeys(found.missing, WHOLE_HEADER + labels), lambda _, items: bool(items))
        now = {uid: agreed(found.items.get(uid, {}), items, gmail=gmail) for uid, items in asked.items.items()}
        told = {uid: items for uid, items in now.items() if items and uid in found.missing}
        missing = found.missing - asked.gone - UidSet.of(told)
        return _Fetched(found.items | told, found.gone | asked.gone, missing)

    def _decision(self, envelope: Envelope) -> Decision | None:
        try:
            return self._screen(envelope.message) if self._screen else None
        except Exception:
            return None  # with its text it comes to whoever asks, and fails there on record

    def made_whole(self, chunk: Sequence[Envelope]) -> Taken:
        """Fetch texts, and make messages whole."""
        place = self._place
        by_uid = {e.uid: e for e in chunk}
        found = self._texts(by_uid)
        doubtful = {uid: e._replace(root=None) for uid, e in by_uid.items() if is_doubtful(e, found.items.get(uid, {}))}
        if doubtful := {uid: e for uid, e in doubtful.items() if uid not in found.gone | found.missing}:
            by_uid |= doubtful
            again = self._texts(doubtful)
            found = _Fetched(found.items | again.items, found.gone | again.gone, found.missing | again.missing)
        gone = [place.id_of(uid) for uid in found.gone]
        skipped = [Skipped(id=place.id_of(uid), why="the server does not give its text") for uid in found.missing]
        items: list[Item] = []
        for envelope in by_uid.values():
            if envelope.uid in found.gone or envelope.uid in found.missing:
                continue
            id_ = place.id_of(envelope.uid)
            try:
                record = whole(envelope, found.items.pop(envelope.uid, {}), html=place.html)
                items.append(Item(id=id_, records=[record]))
            except Exception as error:
                skipped.append(Skipped(id=id_, why=f"its text cannot be read: {type(error).__name__}"))
        return Taken(UidSet.of(e.uid for e in chunk), items, (), skipped, gone)

    def _texts(self, envelopes: Mapping[int, Envelope]) -> _Fetched:
        wanted = {uid: items for uid, e in envelopes.items() if (items := text_items(e))}
        return self._fetched(wanted, lambda uid, items: is_given(envelopes[uid], items))

    def _fetched(self, wanted: Mapping[int, str], answers: Callable[[int, Items], bool]) -> _Fetched:
        """Fetch items of messages, all in one go.

        Args:
            wanted: the items, by UID.
            answers: tells whether what came for a message is all of it.

        """
        if not wanted:
            return _Fetched({}, UidSet(), UidSet())
        found: dict[int, Items] = {}
        refused = self._ask(wanted, found)
        absent = UidSet.of(uid for uid in wanted if not answers(uid, found.get(uid, {})))
        there = among(self._client, absent) if absent else absent
        if refused:
            # One message that the server fails at may have kept it from answering for the others.
            for uid in there:
                self._ask({uid: wanted[uid]}, found)
        return _Fetched(found, absent - there, UidSet.of(uid for uid in there if not answers(uid, found.get(uid, {}))))

    def _ask(self, wanted: Mapping[int, str], found: dict[int, Items]) -> bool:
        """Send the commands for these items, and take what comes; tell whether one was refused."""
        client = self._client
        groups: dict[str, list[int]] = {}
        for uid, items in wanted.items():
            groups.setdefault(items, []).append(uid)
        client.settle()
        # A server may answer for one message in several responses (RFC 9051 section 7.5.2).
        client.on_fetch = lambda uid, items: found.setdefault(uid, {}).update(items)
        try:
            tags = client.start(*(text for items, uids in groups.items() for text in fetches(UidSet.of(uids), items)))
            refused = [self._is_refused(tag) for tag in tags]
            return any(refused)
        finally:
            client.on_fetch = None

    def _is_refused(self, tag: bytes) -> bool:
        said = self._client.finish(tag)
        if not said.ok:
            error = refusal(said, self._client.host)
            if isinstance(error, RateLimited) or said.code == "UNAVAILABLE":
                raise error
        return not said.ok


class _Fetched(NamedTuple):
    """What a server gave of some messages."""

    items: dict[int, Items]
    gone: UidSet
    """Who is not in the folder any more."""
    missing: UidSet
    """Who is, and is not given."""


def _chunks(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Yield them in parts whose texts may be in memory at once."""
    chunk: list[Envelope] = []
    octets = 0
    for envelope in envelopes:
        if chunk and octets + envelope.octets > CHUNK_OCTETS:
            yield chunk
            chunk, octets = [], 0
        chunk.append(envelope)
        octets += envelope.octets
    if chunk:
        yield chunk
