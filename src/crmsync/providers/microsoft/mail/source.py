"""One folder as a source: a first walk by Graph's delta, then what changed since.

Under immutable ids a message that moves keeps its id: it leaves one folder and comes into another. What left is never
taken for deleted before Graph was asked for it by its id, because a message that left and came back between two looks
is told as a removal only, and never again (microsoft-graph-docs #21752).

See https://learn.microsoft.com/en-us/graph/delta-query-messages.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from ....errors import CursorExpired, NotFound, Unavailable
from ....model import Collection, Cursor, Decision, Inventory, Item, Message, Outcome, Page, Screen, Screened, Skipped
from ....protocols import AttachmentSource, InventorySource, Source
from ..attachments import at_most
from ..client import MOST_LISTED, Graph, Json, Links, id_of, is_removed, items_of, moment_of, number_of, text_of
from .cursor import VERSION, FolderCursor
from .hydrate import Hydrator
from .payload import ENVELOPE, envelope_of, is_flags_only, is_whole
from .round import Round

COMMIT = 50
"""After so many messages what was fetched is handed on."""
LOOK = 300.0
"""Seconds after which a first walk looks for what is new."""
NEW = 50
"""So many new messages at most are brought before the rest of a first walk: its end brings them all."""

_ON_ITS_WAY = "it has moved to another folder, which has still to show it"


class FolderSource(Source, AttachmentSource, InventorySource):
    """The messages of one folder.

    Args:
        graph: the mailbox.
        collection: the folder.
        around: what the folders of the mailbox know of each other.
        hydrator: fetches messages.
    """

    def __init__(self, graph: Graph, collection: Collection, around: Round, hydrator: Hydrator) -> None:
        self._graph = graph
        self._collection = collection
        self._round = around
        self._hydrator = hydrator
        self._id = collection.id

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
        """Yield what changed; without a cursor all ids, newest first: the engine fetches those that it needs.

        What the envelope alone excludes is never asked for in full: see `Screened`.
        """
        here = FolderCursor.read(since) if since is not None else None
        began = here.count if here is not None else None
        try:
            if here is None or here.delta is None:
                here = yield from self._walk(here, screen)
            if since is not None:
                yield from self._changed(here, screen, began)
        except NotFound as error:
            # Whether the folder is gone is for the list of folders to say.
            raise Unavailable("Microsoft does not have this folder now; try again later") from error
        self._round.finished(self._id)

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:  # noqa: ARG002 - all of it comes
        """Yield these messages. One that lies in another folder is not here, once that one has it or will bring it."""
        filling, to_come = _Filling(), dict[str, frozenset[str] | None]()
        for found in self._hydrator.fetch(ids):
            outcome = found.outcome
            if outcome is not None and found.folder not in ("", self._id):
                elsewhere = self._is_elsewhere(found.folder, found.id, to_come)
                outcome = None if elsewhere else Skipped(id=found.id, why=_ON_ITS_WAY)
            filling.add(found.id, outcome)
            if filling.count >= COMMIT:
                yield filling.taken(Cursor(""), more=True)
        yield filling.taken(Cursor(""))

    def attachment(self, id_: str, part: str, *, limit: int | None = None) -> Iterator[bytes]:
        """See `AttachmentSource`. A link to a file in the cloud has no octets here: it is not found."""
        return at_most(self._graph.stream("messages", id_, "attachments", part, "$value"), limit)

    def inventory(self) -> Inventory:
        """See `InventorySource`: the ids of a listing, a thousand in a page, and Graph's count of the same messages."""
        try:
            listed, counted = self._listed(MOST_LISTED)
            if counted is not None and len(listed) < counted:
                # One that went meanwhile is counted, and is not listed.
                again = self._listed(1, pages=1)[1]
                counted = counted if again is None else min(counted, again)
        except NotFound as error:
            raise Unavailable("Microsoft does not have this folder now; try again later") from error
        return Inventory(ids=list(listed), count=counted)

    def _listed(self, top: int, *, pages: int | None = None) -> tuple[dict[str, None], int | None]:
        """List the folder's ids, and how many Graph says that there are."""
        path = self._graph.path("mailFolders", self._id, "messages", select="id", top=top, count=True)
        listed, counted = dict[str, None](), None
        for answer, _ in islice(self._graph.walk(path), pages):
            counted = number_of(answer, "@odata.count") if counted is None else counted
            listed |= dict.fromkeys(filter(None, map(id_of, items_of(answer))))
        return listed, counted

    # -- the first walk

    def _walk(self, here: FolderCursor | None, screen: Screen | None) -> Generator[Page, None, FolderCursor]:
        """List what the folder holds, or what is left of it. New messages do not wait behind the rest."""
        whole, newest = here is None, here.head if here else None
        count = self._count() if here is None else here.count
        if here is not None and newest is not None:
            yield from self._arrivals(newest, here, screen)
        start = (here.page if here else None) or self._graph.path(
            "mailFolders", self._id, "messages", "delta", select=",".join(ENVELOPE), orderby="receivedDateTime desc"
        )
        listed: set[int] = set()
        looked = self._clock()
        for answer, links in self._graph.walk(start):
            present: list[str] = []
            screened: list[Screened] = []
            for one in items_of(answer):
                id_ = id_of(one)
                if not id_ or is_removed(one) or hash(id_) in listed:
                    continue
                listed.add(hash(id_))
                self._round.saw(self._id, id_)
                newest = max(filter(None, (newest, moment_of(one.get("receivedDateTime")))), default=None)
                if decision := self._verdict(one, screen):
                    screened.append(Screened(id=id_, decision=decision))
                else:
                    present.append(id_)
            more = links.following is not None
            here = FolderCursor(v=VERSION, page=links.following, head=newest, count=count) if more else self._end(links)
            yield Page(
                cursor=here.dump(),
                more=more or not whole,
                present=present,
                screened=screened,
                counted=self._counted(count, len(listed)) if whole and not more else None,
                total=count,
            )
            if more and newest and self._clock() - looked >= LOOK:
                looked = self._clock()
                yield from self._arrivals(newest, here, screen)
        assert here is not None, "a walk has a page"  # noqa: S101 - see `Graph.walk`
        self._round.positions[self._id] = here.delta or ""
        return here

    def _end(self, links: Links) -> FolderCursor:
        if not links.delta:
            raise Unavailable("Microsoft's walk through this folder ended without a link; try again later")
        return FolderCursor(v=VERSION, delta=links.delta)

    def _arrivals(self, head: datetime, here: FolderCursor, screen: Screen | None) -> Iterator[Page]:
        """Bring what came since a walk began. It is no more than a first look: the changes after it bring all."""
        answer = self._graph.get(
            "mailFolders", self._id, "messages", select=",".join(ENVELOPE), top=NEW, orderby="receivedDateTime desc",
            filter=f"receivedDateTime gt {head:%Y-%m-%dT%H:%M:%SZ}",
        )  # fmt: skip
        came = {id_of(one): one for one in items_of(answer) if id_of(one)}
        yield from self._brought(came, screen, here.dump(), here.dump())

    def _counted(self, began: int | None, listed: int | None) -> int | None:
        """Return how many messages a walk must have listed, by the folder's own counts as it began and ended.

        What came meanwhile is not in the walk, and what went need not be.
        """
        if began is None or began == listed:
            return began
        ended = self._count()
        return None if ended is None else min(began, ended)

    def _count(self) -> int | None:
        """Return how many messages the folder holds, by its own count."""
        return number_of(self._graph.get("mailFolders", self._id, select="totalItemCount"), "totalItemCount")

    # -- later

    def _changed(self, here: FolderCursor, screen: Screen | None, began: int | None) -> Iterator[Page]:
        """Bring what changed since the last link. What left is asked for when all the rest has come.

        Args:
            here: where that is.
            screen: the engine's.
            began: where this ends a walk that broke off: the folder's count as it began.
        """
        assert here.delta is not None, "a position after the walk"  # noqa: S101 - see `FolderCursor.read`
        left, before = dict.fromkeys(here.left), here.dump()
        anything = False
        for answer, links in self._round.pages(self._graph, self._id, here.delta):
            entries = {id_of(one): one for one in items_of(answer) if id_of(one)}
            anything = anything or bool(entries)
            came: dict[str, Json] = {}
            for id_, one in entries.items():
                if is_removed(one):
                    left[id_] = None
                    continue
                left.pop(id_, None)
                self._round.saw(self._id, id_)
                if not is_flags_only(one):
                    came[id_] = one
            held = tuple((id_, place) for id_, place in here.held if id_ not in entries or id_ in left)
            if links.following:
                here = here.model_copy(update={"delta": links.following, "left": tuple(left), "held": held})
            elif anything or here.left:
                # Graph gives a new link with each answer; one that says nothing new moves nothing.
                here = here.model_copy(update={"delta": self._end(links).delta, "left": (), "held": held})
            after = here.dump() if links.following else before
            yield from self._brought(came, screen, before, after)
            before = after
        self._round.positions[self._id] = here.delta or ""
        yield from self._settled(here, left, before, counted=self._counted(began, None))

    def _settled(
        self, here: FolderCursor, left: Iterable[str], before: Cursor, *, counted: int | None
    ) -> Iterator[Page]:
        """Say what is gone, and bring what came back or was never told of. The last page, always.

        Nothing goes before Graph was asked for it: it is gone where Graph knows it no more, or lies where nothing is
        read. What lies in another folder goes from here when that one has it, or has its turn after this one. What
        another folder expects here may have gone on since.
        """
        filling, held, stays, wanted = _Filling(), dict(here.held), dict[str, str](), list[str]()
        away = dict.fromkeys((*left, *held))
        expected = self._round.expected(self._id)
        shown = {id_ for id_ in (*away, *expected) if self._round.shown_elsewhere(self._id, id_)}
        going = list(shown)
        asked = [id_ for id_ in dict.fromkeys((*away, *expected)) if id_ not in shown]
        places = dict(self._hydrator.places(asked)) if asked else {}
        to_come: dict[str, frozenset[str] | None] = {}
        for id_ in asked:
            place = places.get(id_, "")
            if place == self._id:
                wanted.append(id_)
            elif place is None or (place and self._is_elsewhere(place, id_, to_come)):
                going.append(id_)
            else:
                stays[id_] = place  # no answer, or a folder that has still to show it, or that nobody has heard of yet
        filling.deletes += [id_ for id_ in going if id_ in away]
        for id_ in wanted:
            self._round.saw(self._id, id_)
        self._round.settled(self._id)
        # What stays is shown where it lies now; it was known here under another place, or not at all.
        wanted += [id_ for id_, place in stays.items() if place and held.get(id_) != place]
        here = here.model_copy(update={"held": tuple(stays.items())})
        yield from self._filled(wanted, filling, before, here.dump(), more=False, counted=counted)

    def _is_elsewhere(self, place: str, id_: str, to_come: dict[str, frozenset[str] | None]) -> bool:
        """Tell whether a message that lies in another folder may go from here."""
        if not self._round.is_chosen(place):
            return self._hydrator.knows(place)
        return self._round.expect(place, id_, by=self._id) or self._has(place, id_, to_come)

    def _has(self, folder: str, id_: str, to_come: dict[str, frozenset[str] | None]) -> bool:
        """Tell whether a folder that a message lies in was told of it already, in this run or in an earlier one.

        Where its changes since it was read in this run do not name the message, those before did.
        """
        if folder not in to_come:
            to_come[folder] = self._changed_since_read(folder)
        told = to_come[folder]
        return told is not None and id_ not in told

    def _changed_since_read(self, folder: str) -> frozenset[str] | None:
        """Return what the changes of a folder name since it was read in this run; None where nobody knows."""
        position = self._round.position(folder)
        if not position:
            return None
        try:
            pages = [(items_of(answer), links) for answer, links in self._graph.walk(position)]
        except (CursorExpired, NotFound):
            return None
        return frozenset(id_of(one) for entries, _ in pages for one in entries) if pages[-1][1].delta else None

    def _brought(
        self, came: Mapping[str, Json], screen: Screen | None, before: Cursor, after: Cursor
    ) -> Iterator[Page]:
        """Bring messages that a page tells of; what their envelope excludes is not asked for."""
        filling, wanted = _Filling(), []
        for id_, one in came.items():
            if decision := self._verdict(one, screen):
                filling.screened.append(Screened(id=id_, decision=decision))
            else:
                wanted.append(id_)
        if came or before != after:
            yield from self._filled(wanted, filling, before, after, more=True)

    def _filled(
        self,
        ids: Sequence[str],
        filling: _Filling,
        before: Cursor,
        after: Cursor,
        *,
        more: bool,
        counted: int | None = None,
    ) -> Iterator[Page]:
        """Fetch messages that were told of, and yield them in pages; only the last one moves the cursor."""
        for found in self._hydrator.fetch(ids):
            # That it is not found is no tombstone: if it went, that will be told.
            filling.add(
                found.id, found.outcome or Skipped(id=found.id, why="Microsoft tells of it, and does not find it")
            )
            if filling.count >= COMMIT:
                yield filling.taken(before, more=True)
        yield filling.taken(after, more=more, counted=counted)

    def _verdict(self, one: Json, screen: Screen | None) -> Decision | None:
        """Return the decision on a message by what a walk tells of it, None where its content has to be seen."""
        place = text_of(one, "parentFolderId")
        if screen is None or (place and place != self._id):
            return None
        envelope = envelope_of(one, self._collection)
        said = screen(Message(collections=envelope.collections))
        if not said.reason.by_place:
            if not is_whole(one):
                return None
            said = screen(envelope)
        return said if said.outcome is Outcome.EXCLUDED else None

    def _clock(self) -> float:
        return self._graph.api.pacer.clock()


class _Filling:
    """A page that is being filled."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.upserts: list[Item] = []
        self.skipped: list[Skipped] = []
        self.screened: list[Screened] = []
        self.deletes: list[str] = []

    @property
    def count(self) -> int:
        return len(self.upserts) + len(self.skipped) + len(self.screened) + len(self.deletes)

    def add(self, id_: str, result: Item | Skipped | None) -> None:
        if isinstance(result, Item):
            self.upserts.append(result)
        elif result is None:
            self.deletes.append(id_)
        else:
            self.skipped.append(result)

    def taken(self, cursor: Cursor, *, more: bool = False, counted: int | None = None) -> Page:
        """Return what is in it, and begin the next."""
        page = Page(
            cursor=cursor, more=more, upserts=self.upserts, skipped=self.skipped, screened=self.screened,
            deletes=self.deletes, counted=counted,
        )  # fmt: skip
        self._clear()
        return page


__all__ = ["COMMIT", "LOOK", "FolderSource"]
