"""A Gmail mailbox as one stream: its history forwards, a first listing from the newest backwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import Any, NamedTuple

from ....errors import CursorExpired, NotFound, SourceError, TooLarge, Unavailable
from ....formats import decode_part
from ....model import Cursor, Decision, Inventory, Item, Page, Reason, Screen, Screened, Selection, Skipped
from ....protocols import AttachmentSource, InventorySource, Source
from ...web.calls import Reply
from .client import GmailClient, Listed, count_of, falls_short
from .cursor import ANCHORS, GmailCursor, history_id, read_cursor
from .history import changes_in
from .hydrate import Hydrator, Outcome
from .labels import CHAT, named, names_labels
from .listing import UNCHOSEN, TooOld, Verdicts, batches, entries, group, memberships, rest
from .payload import moment_of, octets_of, pieces

PAGE_ITEMS = 100
"""About so many messages of a listing make a page; a thread is not cut. What breaks off costs no more than a page."""
COMMIT = 50
"""After so many messages what was fetched is handed on."""
EARLY = 8
"""So many of the newest messages are brought while the rest is still being listed."""
LOOK = 300.0
"""Seconds after which a first listing looks for what is new."""
MANY = 20
"""For so many messages it pays to list the labels first."""
PIECE = 1 << 16


class GmailSource(Source, AttachmentSource, InventorySource):
    """All mail of one account."""

    def __init__(
        self,
        client: GmailClient,
        selection: Selection,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        html: bool = False,
        page_items: int = PAGE_ITEMS,
    ) -> None:
        self._client = client
        self._selection = selection
        self._hydrator = Hydrator(client, selection, now=now, html=html)
        self._page_items = page_items
        self._threads: dict[str, str] = {}
        self._known: _Decided | None = None
        self._now: Sequence[str] = ()
        self._next: Sequence[str] = ()
        """What the page listed last, and the one after it, hold."""

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
        """Yield what changed, then what is left of a listing, as ids: the engine fetches those that it does not know.

        A listing costs 5 units for 500 messages. What labels alone exclude is not fetched: see `Screened`.
        """
        chosen = named(self._client.labels().values(), self._selection) if names_labels(self._selection) else None
        if since is None:
            profile = self._client.profile()
            now = history_id(profile.get("historyId")) or 0
            here = GmailCursor(history=now, begun=now, counted=count_of(profile), chosen=chosen)
            yield from self._listing(here, screen, set())
            return
        here = read_cursor(since)
        if here.chosen is not None and here.chosen != chosen:
            raise CursorExpired("labels that the selection names were made, renamed or deleted")
        here = here.model_copy(update={"chosen": chosen})
        arrived: set[str] = set()
        here = yield from self._history(here, screen, arrived)
        if here.begun is not None:
            yield from self._listing(here, screen, arrived)

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
        """Yield these messages: threads whole, where that is cheaper.

        Of many that no listing has just told of, as after a change of settings, those that labels alone exclude are not
        fetched either.
        """
        page = _Filling()
        if screen is not None and len(ids) >= MANY and not self._threads.keys() >= set(ids):
            self._known = self._known or self._decided_by_listing(screen)
            verdicts = {id_: self._known.on(id_) for id_ in ids}
            page.screened += [Screened(id=id_, decision=said) for id_, said in verdicts.items() if said]
            ids = [id_ for id_ in ids if not verdicts[id_]]
        # Where the engine knows some of a page already, it will know some of the next one: nothing is fetched early.
        ahead = self._next if list(ids) == list(self._now) else ()
        try:
            for id_, result in self._hydrator.fetch(ids, self._threads, ahead):
                page.add(id_, result)
                if page.count >= min(COMMIT, self._page_items):
                    yield page.taken(Cursor(""), more=True)
        except SourceError:
            # A block comes after so many messages each time: without those there would be no progress. What failed
            # beside them failed for the same reason.
            page.skipped.clear()
            yield page.taken(Cursor(""), more=True)
            raise
        yield page.taken(Cursor(""))

    def attachment(self, id_: str, part: str, *, limit: int | None = None) -> Iterator[bytes]:
        """See `AttachmentSource`. Found by its section number: Gmail's own id of it is another one each time."""
        api, client = self._client.api, self._client
        data = api.get(client.message_call(id_))
        found = next((piece for piece in pieces(data) if piece.number == part), None)
        if found is None:
            raise NotFound("the message has no such part any more")
        octets = found.octets
        if octets is None and found.attachment_id:
            octets = octets_of(api.get(client.attachment_call(id_, found.attachment_id)).get("data"))
        if octets is None:
            # A message within the message has no id of its own: it is cut out of the whole.
            raw = octets_of(api.get(client.message_call(id_, "raw")).get("raw"))
            try:
                octets = decode_part(raw or b"", part)
            except KeyError:
                raise NotFound("the message has no such part any more") from None
        for at in range(0, len(octets), PIECE):
            piece = octets[at : at + PIECE]
            if limit is not None and at + len(piece) > limit:
                raise TooLarge(f"the attachment is larger than {limit} octets")
            yield piece

    def inventory(self) -> Inventory:
        """See `InventorySource`: a listing of ids, 5 units for 500, which Gmail's own count has to bear out."""
        chats = {found.id for page, _ in self._client.listing(label=CHAT) for found in page}
        counted = count_of(self._client.profile())
        listed = dict.fromkeys(found.id for page, _ in self._client.listing() for found in page)
        if falls_short(len(listed), counted):
            raise Unavailable("Gmail does not list all that it counts; try again later")
        return Inventory(ids=[id_ for id_ in listed if id_ not in chats])

    # -- what is new

    def _history(
        self, here: GmailCursor, screen: Screen | None, arrived: set[str], *, first: bool = True
    ) -> Generator[Page, None, GmailCursor]:
        """Read the history up to now.

        Args:
            here: where it is read to.
            screen: the engine's.
            arrived: gets the messages that came since a listing began.
            first: whether the last page is to be yielded where it is empty.
        """
        known = here.history
        since = known if here.begun is None or not first else min(here.begun, known)
        seen: dict[str, int] = {}
        for answer, more in self._client.history(since):
            found = changes_in(answer, after=known)
            arrived |= found.added
            now = history_id(answer.get("historyId")) or found.newest
            if here.counted is not None:
                # They were counted when the listing began; what came later was not.
                went = len(set(found.gone) - arrived)
                here = here.model_copy(update={"counted": max(here.counted - went, 0)})
            # What was fetched after an earlier page had seen all that this one tells of it.
            touched = {i: t.labels for i, t in found.touched.items() if t.record > seen.get(i, -1) or not t.record}
            page = _Filling(deletes=found.gone)
            for id_, result in self._changed(touched, found.threads, screen, page):
                # That Gmail does not have what its history tells of is no tombstone: what has just come is not to be
                # had everywhere, and what was deleted meanwhile has a record of its own.
                page.add(id_, result or Skipped(id=id_, why="Gmail tells of it, but does not have it now"))
                seen[id_] = now
                if page.count >= COMMIT:
                    yield page.taken(here.dump(), more=True)
            here = here.model_copy(update={"history": max(here.history, found.newest if more else now)})
            if more or first or page.count:
                yield page.taken(here.dump(), more=more or here.begun is not None)
        return here

    def _changed(
        self,
        touched: Mapping[str, frozenset[str] | None],
        threads: Mapping[str, str],
        screen: Screen | None,
        page: _Filling,
    ) -> Iterator[tuple[str, Outcome]]:
        """Yield what changed, but for what labels alone exclude: that goes into the page, and is not fetched."""
        wanted = []
        verdicts: Verdicts | None = None
        for id_, labels in touched.items():
            decision = None
            if labels is not None and screen is not None:
                known = self._hydrator.known(labels)
                if verdicts is None or verdicts.labels is not known:
                    verdicts = Verdicts(known, self._selection, screen)
                decision = verdicts.of(labels.intersection(known))
            if decision is not None:
                page.screened.append(Screened(id=id_, decision=decision))
            else:
                wanted.append(id_)
        yield from self._hydrator.fetch(wanted, threads)

    # -- what was there before

    def _listing(self, here: GmailCursor, screen: Screen | None, arrived: set[str]) -> Iterator[Page]:
        """List what is left of the mailbox, thread by thread, newest first. There is a page even where nothing is."""
        decided = self._decided(screen)
        left_out = decided.chats | arrived | set(here.early)
        looked = self._client.api.pacer.clock()
        threads: dict[str, list[str]] = {}
        seen: set[str] = set()
        listed = 0
        older = _Older(decided.young)
        for number, (page, going_on) in enumerate(self._client.listing()):
            if decided.old:
                older.add(page)
            found = [m for m in page if m.id not in left_out]
            if number == 0 and going_on and not here.anchors and not here.early:
                early = [m for m in found if not decided.on(m.id)][:EARLY]
                self._threads = {m.id: m.thread for m in early}
                here = here.model_copy(update={"early": tuple(m.id for m in early)})
                left_out |= set(here.early)
                found = [m for m in found if m.id not in left_out]
                yield Page(cursor=here.dump(), more=True, present=[m.id for m in early])
            listed += sum(m.id not in seen for m in page if m.id not in decided.chats and m.id not in arrived)
            group(found, threads, seen)
        seen.clear()
        if listed < (decided.countable(here.counted) or 0):
            here = yield from self._history(here, screen, arrived, first=False)  # something may have gone meanwhile
        decided = decided._replace(too_old=self._too_old(decided, older))
        counted = decided.countable(here.counted)
        todo = rest(entries(threads), here.anchors)
        threads.clear()
        total = sum(len(entry.ids) for entry in todo)
        done = 0
        for batch, following in pairwise(chain(batches(todo, self._page_items), [None])):
            assert batch is not None  # noqa: S101 - only the last one is
            ids = [id_ for entry in batch for id_ in entry.ids]
            done += len(ids)
            more = following is not None
            here = here.model_copy(update=_done(here, [entry.newest for entry in batch]) if more else _DONE)
            screened = [Screened(id=id_, decision=said) for id_ in ids if (said := decided.on(id_))]
            coming = [*batch, *(following or ())]
            self._threads = {id_: entry.thread for entry in coming for id_ in entry.ids}
            self._now = [id_ for id_ in ids if not decided.on(id_)]
            self._next = [id_ for entry in following or () for id_ in entry.ids if not decided.on(id_)]
            yield Page(
                cursor=here.dump(), more=more, present=self._now, screened=screened, total=total,
                counted=None if more else counted,
            )  # fmt: skip
            if more and self._client.api.pacer.clock() - looked >= LOOK:
                here = yield from self._history(here, screen, set(), first=False)
                counted = decided.countable(here.counted)
                looked = self._client.api.pacer.clock()
        if not todo:
            yield Page(cursor=here.model_copy(update=_DONE).dump(), total=0, counted=counted)

    def _decided(self, screen: Screen | None) -> _Decided:
        """List what labels alone decide, for the whole mailbox, and what a search says of dates."""
        verdicts = Verdicts(self._client.labels(), self._selection, screen)
        lists: dict[str, Collection[str]] = {}
        sure = True
        for label in verdicts.to_list():
            if label in UNCHOSEN:
                lists[label] = frozenset(found.id for page, _ in self._client.listing(label=label) for found in page)
            else:
                lists[label], whole = self._client.whole(label=label)
                sure = sure and whole

        def said(names: frozenset[str]) -> Decision | None:
            decision = verdicts.of(names)
            # Not to lie in a folder is only known where all that lies in it is.
            return None if decision and decision.reason is Reason.FOLDER and not sure else decision

        old = verdicts.too_old()
        young, known = self._client.whole(query=f"after:{int(old.before.timestamp())}") if old else ([], False)
        return _Decided(
            chats=frozenset(found.id for page, _ in self._client.listing(label=CHAT) for found in page),
            by_label={id_: said(names) for id_, names in memberships(lists).items()},
            default=said(frozenset()),
            old=old if known else None,
            young=frozenset(young),
        )

    def _decided_by_listing(self, screen: Screen) -> _Decided:
        """As above, with the messages that are too old: their order tells."""
        decided = self._decided(screen)
        older = _Older(decided.young)
        for page, _ in self._client.listing() if decided.old else ():
            older.add(page)
        return decided._replace(too_old=self._too_old(decided, older))

    def _too_old(self, decided: _Decided, older: _Older) -> frozenset[str]:
        """Return the messages that are too old: the search does not find them, and they stand below all that it finds.

        Gmail's search knows a message later than its listing does, by hours at times.
        """
        if decided.old is None or older.newest is None:
            return frozenset()
        if not older.found:
            # A search that finds nothing may know nothing: the newest message has to be too old itself.
            [(_, reply)] = self._client.api.many([self._client.message_call(older.newest, "minimal")])
            received = moment_of(reply.data.get("internalDate")) if isinstance(reply, Reply) else None
            if received is None or received >= decided.old.before:
                return frozenset()
        return frozenset(older.below)


class _Older:
    """Keeps of a listing, newest first, what stands below all that a search finds."""

    def __init__(self, found: Container[str]) -> None:
        self._young = found
        self.newest: str | None = None
        self.found = False
        self.below: set[str] = set()

    def add(self, page: Iterable[Listed]) -> None:
        for one in page:
            self.newest = self.newest or one.id
            if one.id in self._young:
                self.found = True
                self.below.clear()
            else:
                self.below.add(one.id)


class _Decided(NamedTuple):
    """What is decided on messages whose content nobody has seen."""

    chats: frozenset[str]
    by_label: Mapping[str, Decision | None]
    default: Decision | None
    old: TooOld | None
    young: frozenset[str]
    too_old: frozenset[str] = frozenset()

    def countable(self, counted: int | None) -> int | None:
        """Return how many messages a listing brings, by Gmail's count of all: chats are none."""
        return None if counted is None else max(counted - len(self.chats), 0)

    def on(self, id_: str) -> Decision | None:
        said = self.by_label.get(id_) if id_ in self.by_label else self.default
        return said or (self.old.decision if self.old and id_ in self.too_old else None)


_DONE: dict[str, Any] = {"begun": None, "counted": None, "anchors": (), "early": ()}


def _done(here: GmailCursor, newest: Sequence[str]) -> dict[str, Any]:
    return {"anchors": (*here.anchors, *newest)[-ANCHORS:]}


class _Filling:
    """A page that is being filled."""

    def __init__(self, deletes: Sequence[str] = ()) -> None:
        self._clear()
        self.deletes.extend(deletes)

    def _clear(self) -> None:
        self.upserts: list[Item] = []
        self.skipped: list[Skipped] = []
        self.screened: list[Screened] = []
        self.deletes: list[str] = []

    @property
    def count(self) -> int:
        return len(self.upserts) + len(self.skipped) + len(self.screened) + len(self.deletes)

    def add(self, id_: str, result: Outcome) -> None:
        if isinstance(result, Item):
            self.upserts.append(result)
        elif result is None:
            self.deletes.append(id_)
        else:
            self.skipped.append(result)

    def taken(self, cursor: Cursor, *, more: bool = False) -> Page:
        """Return what is in it, and begin the next."""
        page = Page(
            cursor=cursor, more=more, upserts=self.upserts, skipped=self.skipped, screened=self.screened,
            deletes=self.deletes,
        )  # fmt: skip
        self._clear()
        return page
