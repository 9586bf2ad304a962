"""One folder as a source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from time import monotonic
from typing import NamedTuple

from ...errors import CursorExpired, Unavailable
from ...model import Cursor, Decision, Inventory, Message, Page, Screen, Screened, Skipped
from ...protocols import AttachmentSource, InventorySource, Source
from . import fetching
from .attachments import read_attachment
from .client import Client
from .cursor import FolderCursor, covering, cursor_of, read_cursor, redrafted
from .fetching import Place, Taken
from .flags import read_flags
from .folders import Folder
from .gmail import Labels
from .mailbox import Opened, open_folder, select, vanished_since
from .session import Session
from .uids import LARGEST, UidSet

PAGE = 500
"""Messages of a page: two round trips. The engine fetches as many at once."""

REMOVALS = 5_000
"""Tombstones of a page, and of all that may be said where it is not known which of them ever were."""

FRESH = 60.0
"""For so many seconds what STATUS said of a folder stands for its state at a call."""

LOSSES = 20
"""How often in a row a connection may be lost before anything was read."""

_ID = re.compile(r"([1-9]\d{0,9})\.([1-9]\d{0,9})")


class _Found(NamedTuple):
    """What a look at a folder, with a cursor, has found."""

    opened: Opened
    known: UidSet
    """What the cursor knows, without what is gone."""
    gone: UidSet
    changed: UidSet
    """Known messages that have to be read again."""
    modseq: int | None


_Stand = tuple[str, int | None, str | None]
"""A folder's place, up to which changes are known, and which messages are known to be drafts."""


class FolderSource(Source, AttachmentSource, InventorySource):
    """The messages of one folder; or of Gmail's All Mail, which is all folders."""

    def __init__(self, session: Session, folder: Folder, *, labels: Labels | None = None, html: bool = False) -> None:
        self._session = session
        self._folder = folder
        self._labels = labels
        self._html = html
        self._looked = monotonic()
        self._status = folder.status
        self._known = UidSet()
        """What the newest cursor knows: if it is gone, or marked as deleted, the next look will tell."""

    @property
    def _where(self) -> str:
        return f"{self._folder.collection.role}:{self._folder.collection.name}"

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
        """Yield what is gone and what is new; without a cursor all ids, the engine fetches those that it needs.

        A folder in which STATUS sees nothing new is not opened.
        """
        here = read_cursor(since) if since is not None else None
        self._known = here[1] if here else UidSet()
        if here and since is not None and self._is_current(here[0]):
            yield Page(cursor=since)
        elif here is None:
            yield from self._listing(self._open(), screen)
        else:
            yield from self._changes(*here, screen)

    def _is_current(self, here: FolderCursor) -> bool:
        status, self._status = self._status, self._status._replace(uidvalidity=None)  # it tells of one moment only
        return monotonic() - self._looked < FRESH and here.is_current(status, self._where)

    def _listing(self, opened: Opened, screen: Screen | None) -> Iterator[Page]:
        """List everything as present."""
        if verdict := self._verdict(screen):
            yield from self._excluded(opened, opened.live, UidSet(), verdict)
            return
        known, left, total = UidSet(), len(opened.live), len(opened.live)
        place = self._place(opened.uidvalidity)
        for page in opened.live.pages(PAGE):
            left -= len(page)
            known = known | covering(page, opened.live, opened) if left else opened.live
            self._known = known
            yield Page(
                cursor=cursor_of(opened, known, total - left, self._where, modseq=opened.modseq),
                more=left > 0,
                present=[place.id_of(uid) for uid in reversed(page)],
                complete=opened.complete,
                counted=None if left else opened.counted,
                total=total,
            )
        if not total:
            cursor = cursor_of(opened, known, 0, self._where, modseq=opened.modseq)
            yield Page(cursor=cursor, complete=opened.complete, counted=opened.counted)

    def inventory(self) -> Inventory:
        """See `InventorySource`: the UIDs of a SEARCH, where EXISTS agrees with it (RFC 9051 section 7.4.1)."""
        opened = self._open()
        if not opened.complete:
            raise Unavailable("the server lists other messages than it counts; try again later")
        place = self._place(opened.uidvalidity)
        return Inventory(ids=[place.id_of(uid) for uid in opened.live], count=len(opened.live))

    def _changes(self, here: FolderCursor, known: UidSet, screen: Screen | None) -> Iterator[Page]:
        verdict = self._verdict(screen)
        found = self._look(here, known)
        opened, known, held = found.opened, found.known, len(found.known & found.opened.live)
        moved = here.place != self._where
        todo = opened.live - known
        again = opened.live & known
        if not moved:
            again &= UidSet() if verdict else found.changed
        # Until all is read again, the next run has to begin with it again.
        stands: _Stand = (self._where, found.modseq, None)
        if again:
            stands = here.place, here.modseq, here.drafts

        def cursor() -> Cursor:
            place, modseq, drafts = stands
            return cursor_of(opened, known, held, place, modseq=modseq, drafts=drafts)

        total, place = len(todo) + len(again), self._place(opened.uidvalidity)
        left = len(found.gone) + total
        for part in found.gone.pages(REMOVALS):
            left -= len(part)
            yield Page(cursor=cursor(), more=left > 0, deletes=[place.id_of(uid) for uid in part])
        for part, page in self._read(again, opened.uidvalidity, screen):
            left -= len(part)
            if left == len(todo):
                stands = self._where, found.modseq, None
            yield page.model_copy(update={"cursor": cursor(), "more": left > 0, "total": total})
        if verdict:
            if todo:
                yield from self._excluded(opened, todo, known, verdict)
                return
        else:
            for part, page in self._read(todo, opened.uidvalidity, screen):
                left -= len(part)
                known = self._known = known | covering(part, todo, opened) if left else found.known | todo
                held += len(part)
                yield page.model_copy(update={"cursor": cursor(), "more": left > 0, "total": total})
        if not found.gone and not total:
            yield Page(cursor=cursor())

    def _open(self, since: tuple[int, int] | None = None) -> Opened:
        connection = self._session.connection()
        try:
            return open_folder(connection, self._folder.wire, since)
        except Unavailable:
            if not connection.closed:
                raise
        return open_folder(self._session.connection(), self._folder.wire, since)  # it may have been lost long ago

    def _look(self, here: FolderCursor, known: UidSet) -> _Found:
        opened = self._open((here.modseq, here.uidnext) if here.modseq else None)
        connection = self._session.connection()
        if opened.uidvalidity != here.uidvalidity:
            raise CursorExpired("the server gave all messages of the folder new UIDs")
        gone = self._gone(connection, opened, here, known)
        modseq = opened.modseq if opened.modseq or not here.modseq else here.modseq
        if opened.uidnext_told and opened.uidnext < here.uidnext:
            # UIDs are given a second time, as after a backup was restored: nobody can tell which are still the same.
            if opened.complete:
                return _Found(opened, UidSet(), gone, UidSet(), modseq)
            opened = opened._replace(uidnext=here.uidnext)
        return _Found(opened, known - gone, gone, self._changed(opened, here), modseq)

    def _changed(self, opened: Opened, here: FolderCursor) -> UidSet:
        """Return the messages that have to be read again: of another label on Gmail, drafts elsewhere."""
        changed = opened.changed
        if self._labels:
            if changed is None:
                raise Unavailable("the server does not tell which labels changed; try again later")
            return UidSet.of(changed)
        drafts = UidSet.parse(here.drafts)
        marked = (uid for uid, draft in (changed or {}).items() if draft or uid in drafts)
        return redrafted(opened, here) | UidSet.of(marked)

    def _gone(self, client: Client, opened: Opened, here: FolderCursor, known: UidSet) -> UidSet:
        """Return which of the known messages are gone; none where it is not proved that all others were listed."""
        if not opened.complete:
            return UidSet()
        gone = known - opened.live
        if opened.lowest > 1:
            gone -= UidSet([(1, opened.lowest - 1)])
        if len(known) == here.held or not gone:
            return gone
        # Of a set that was made coarse some UIDs are long gone.
        if len(known & opened.live) == here.held:
            return UidSet()
        vanished = vanished_since(client, here.modseq) if here.modseq else None
        if vanished is not None:
            gone &= vanished | opened.everything
        if len(gone) > REMOVALS:
            raise CursorExpired("messages of a very fragmented folder are gone, and the server does not tell which")
        return gone

    def _verdict(self, screen: Screen | None) -> Decision | None:
        """Return the decision on everything in this folder, where the folder alone decides: nothing is fetched then."""
        if screen is None or self._labels:
            return None
        decision = screen(Message(collections=[self._folder.collection]))
        return decision if decision.reason.by_place else None

    def _excluded(self, opened: Opened, todo: UidSet, known: UidSet, decision: Decision) -> Iterator[Page]:
        place, total, left = self._place(opened.uidvalidity), len(todo), len(todo)
        held = len(known & opened.live)
        for part in todo.pages(REMOVALS):
            known |= part
            held += len(part)
            left -= len(part)
            yield Page(
                cursor=cursor_of(opened, known, held, self._where, modseq=opened.modseq),
                more=left > 0,
                screened=[Screened(id=place.id_of(uid), decision=decision) for uid in reversed(part)],
                complete=opened.complete,
                total=total,
            )
        if not total:
            cursor = cursor_of(opened, known, held, self._where, modseq=opened.modseq)
            yield Page(cursor=cursor, complete=opened.complete)

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
        """Yield these messages again, with their text unless the screen says no to their envelope."""
        wanted, gone = _by_uidvalidity(ids)
        for uidvalidity, numbers in wanted.items():
            for _, read in self._read(UidSet.of(numbers), uidvalidity, screen, self._known):
                yield read
        if gone:
            yield Page(cursor=Cursor(""), deletes=gone)

    def _read(
        self, uids: UidSet, uidvalidity: int, screen: Screen | None, known: UidSet | None = None
    ) -> Iterator[tuple[UidSet, Page]]:
        for taken in self._taken(uids.pages(PAGE), uidvalidity, screen, known):
            yield taken.uids, _page(taken)

    def _taken(
        self, pages: Iterator[UidSet], uidvalidity: int, screen: Screen | None, known: UidSet | None = None
    ) -> Iterator[Taken]:
        """Read messages, on another connection where one is lost.

        Where it is lost again and again without progress, pages become smaller, until it is one message that the
        server fails at: that one is skipped.
        """
        todo = _Todo(pages)
        losses = 0
        place = self._place(uidvalidity)._replace(known=known)
        while coming := todo.coming():
            connection = self._selected(uidvalidity)
            if connection is None:
                for page in coming:
                    yield Taken(page, gone=[place.id_of(uid) for uid in page])
                continue
            try:
                for taken in fetching.read_messages(connection, coming, place, screen):
                    todo.done(taken.uids)
                    losses = 0
                    yield taken
            except Unavailable:
                losses += 1
                if not connection.closed or losses > LOSSES:
                    raise
                poison = todo.again()
                if poison:
                    why = "the connection is lost whenever it is fetched"
                    yield Taken(poison, skipped=[Skipped(id=place.id_of(uid), why=why) for uid in poison])

    def _selected(self, uidvalidity: int) -> Client | None:
        """Return a connection that has the folder open; None where these UIDs stand for nothing any more."""
        connection, wanted = self._session.connection(), (self._folder.wire, uidvalidity)
        for _ in range(2):  # one answer would be no proof that all of them are gone
            if connection.selected != wanted:
                select(connection, self._folder.wire)
        return connection if connection.selected == wanted else None

    def flags(self, ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Return what is marked on these messages now, by id: `seen`, `answered`, `flagged`, and the user's keywords.

        Flags change all the time and are no part of a record: a host that shows them asks for those that it shows.
        Who is gone is not in the answer.
        """
        found: dict[str, frozenset[str]] = {}
        for uidvalidity, numbers in _by_uidvalidity(ids)[0].items():
            place = self._place(uidvalidity)
            connection = self._selected(uidvalidity)
            if connection is not None:
                flags = read_flags(connection, UidSet.of(numbers))
                found |= {place.id_of(uid): marks for uid, marks in flags.items()}
        return found

    def _place(self, uidvalidity: int) -> Place:
        return Place(uidvalidity, (self._folder.collection,), self._labels, self._html)

    def attachment(self, id_: str, part: str, *, limit: int | None = None) -> Iterator[bytes]:
        """Yield an attachment's decoded octets as they arrive, over a connection of its own.

        Safe in another thread than the one that syncs.
        """
        match = _ID.fullmatch(id_)
        uidvalidity, uid = (int(match[1]), int(match[2])) if match else (0, 0)
        return read_attachment(self._session.access, self._folder.wire, uidvalidity, uid, part, limit)


class _Todo:
    """The pages that are left to read, in order."""

    def __init__(self, pages: Iterator[UidSet]) -> None:
        self._pages = pages
        self._size = PAGE
        self._begun: list[UidSet] = []
        """Pages that were handed out and are not done yet."""
        self._waiting: list[UidSet] = []
        self._progress = False
        self._alone = 0
        """How often in a row the connection was lost over one message alone."""

    def coming(self) -> Iterator[UidSet] | None:
        """Return the pages to read now; None where nothing is left.

        After a loss it is one alone: of several under way nobody could tell which one the server fails at.
        """
        first = self._next()
        if first is None:
            return None
        rest = iter(self._next, None) if self._size == PAGE else iter(())
        return chain([first], rest)

    def _next(self) -> UidSet | None:
        page = self._waiting.pop(0) if self._waiting else next(self._pages, None)
        if page is None:
            return None
        part, *left = page.pages(self._size)
        self._waiting[:0] = left
        self._begun.append(part)
        return part

    def done(self, uids: UidSet) -> None:
        """Cross messages out."""
        self._begun = [left for page in self._begun if (left := page - uids)]
        self._size, self._progress, self._alone = PAGE, True, 0

    def again(self) -> UidSet:
        """Hand out once more what was lost, in smaller pages; return a message to give up."""
        poison = UidSet()
        if not self._progress:
            self._alone += self._size == 1
            self._size = max(self._size // 15, 1)
            if self._alone > 1:
                poison = self._begun.pop()
        self._waiting = self._begun + self._waiting
        self._begun, self._progress = [], False
        return poison


def _by_uidvalidity(ids: Sequence[str]) -> tuple[Mapping[int, Sequence[int]], Sequence[str]]:
    """Return the UIDs by UIDVALIDITY, and the ids that are none."""
    wanted: dict[int, list[int]] = {}
    none: list[str] = []
    for id_ in dict.fromkeys(ids):
        if (match := _ID.fullmatch(id_)) and int(match[2]) <= LARGEST:
            wanted.setdefault(int(match[1]), []).append(int(match[2]))
        else:
            none.append(id_)
    return wanted, none


def _page(taken: Taken) -> Page:
    return Page(
        cursor=Cursor(""), upserts=taken.items, screened=taken.screened, skipped=taken.skipped, deletes=taken.gone
    )
