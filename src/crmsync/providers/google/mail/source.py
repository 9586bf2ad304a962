"""A Gmail mailbox as one stream: its history forwards, a first listing from the newest backwards."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

from ....errors import NotFound, SourceError, TooLarge
from ....formats import decode_part
from ....model import Cursor, Decision, Item, Page, Screen, Screened, Selection, Skipped
from ....protocols import AttachmentSource, Source
from .client import GmailClient
from .cursor import ANCHORS, GmailCursor, history_id, read_cursor
from .history import changes_in
from .hydrate import Hydrator, Outcome
from .labels import CHAT
from .listing import Verdicts, batches, entries, group, memberships, rest
from .payload import octets_of, pieces

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


class GmailSource(Source, AttachmentSource):
    """All mail of one account."""

    def __init__(
        self, client: GmailClient, selection: Selection, *, html: bool = False, page_items: int = PAGE_ITEMS
    ) -> None:
        self._client = client
        self._selection = selection
        self._hydrator = Hydrator(client, selection, html=html)
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
        if since is None:
            now = history_id(self._client.profile().get("historyId")) or 0
            yield from self._listing(GmailCursor(history=now, begun=now), screen, set())
            return
        here = read_cursor(since)
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
            self._known = self._known or self._decided(screen)
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
            # What was fetched after an earlier page had seen all that this one tells of it.
            touched = {i: t.labels for i, t in found.touched.items() if t.record > seen.get(i, -1) or not t.record}
            page = _Filling(deletes=found.gone)
            for id_, result in self._changed(touched, found.threads, screen, page):
                page.add(id_, result)
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
        for number, (page, going_on) in enumerate(self._client.listing()):
            found = [m for m in page if m.id not in left_out]
            if number == 0 and going_on and not here.anchors and not here.early:
                early = [m for m in found if not decided.on(m.id)][:EARLY]
                self._threads = {m.id: m.thread for m in early}
                here = here.model_copy(update={"early": tuple(m.id for m in early)})
                left_out |= set(here.early)
                found = [m for m in found if m.id not in left_out]
                yield Page(cursor=here.dump(), more=True, present=[m.id for m in early])
            group(found, threads, seen)
        seen.clear()
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
            yield Page(cursor=here.dump(), more=more, present=self._now, screened=screened, total=total)
            if more and self._client.api.pacer.clock() - looked >= LOOK:
                here = yield from self._history(here, screen, set(), first=False)
                looked = self._client.api.pacer.clock()
        if not todo:
            yield Page(cursor=here.model_copy(update=_DONE).dump(), total=0)

    def _decided(self, screen: Screen | None) -> _Decided:
        """List what labels and dates alone decide, for the whole mailbox."""
        verdicts = Verdicts(self._client.labels(), self._selection, screen)
        labels = memberships({
            label: set(self._ids(label=label)) for label in verdicts.to_list()
        })  # fmt: skip
        old = verdicts.too_old()
        search = f"after:{int(old[0].timestamp())}" if old else None
        return _Decided(
            chats=frozenset(self._ids(label=CHAT)),
            by_label={id_: verdicts.of(names) for id_, names in labels.items()},
            default=verdicts.of(frozenset()),
            old=old[1] if old else None,
            young=frozenset(self._ids(query=search) if search else ()),
        )

    def _ids(self, **where: str) -> Iterator[str]:
        return (found.id for page, _ in self._client.listing(**where) for found in page)


class _Decided(NamedTuple):
    """What is decided on messages whose content nobody has seen."""

    chats: frozenset[str]
    by_label: Mapping[str, Decision | None]
    default: Decision | None
    old: Decision | None
    young: frozenset[str]

    def on(self, id_: str) -> Decision | None:
        said = self.by_label.get(id_) if id_ in self.by_label else self.default
        return said or (self.old if id_ not in self.young else None)


_DONE: dict[str, Any] = {"begun": None, "anchors": (), "early": ()}


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

    def add(self, id_: str, result: Item | Skipped | None) -> None:
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
