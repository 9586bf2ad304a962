"""A pretend mailbox, and short ways to write messages and events."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ..errors import CursorExpired
from ..model import (
    Attachment,
    Collection,
    CollectionRole,
    Cursor,
    Event,
    Inventory,
    Item,
    Message,
    Outcome,
    Page,
    Participant,
    Response,
    Role,
    Screen,
    Screened,
    Selection,
    Skipped,
)  # fmt: skip
from ..protocols import Identity, Provider, Source, Stream
from ..rules import is_selected

_INBOX = Collection(id="INBOX", name="Inbox", role=CollectionRole.INBOX)
_FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)


def message(
    id_: str,
    *,
    sender: str = "ann@client.example",
    to: str | Iterable[str] = (),
    cc: str | Iterable[str] = (),
    bcc: str | Iterable[str] = (),
    subject: str | None = None,
    text: str | None = None,
    date: datetime | None = None,
    message_id: str | None = None,
    references: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (),
    attachments: Sequence[Attachment] = (),
    collections: Sequence[Collection] = (),
) -> Item:
    """Write a mailbox item in one line. Addresses may carry names: `"Ann Doe <ann@client.example>"`."""
    people = [
        (Role.FROM, sender),
        *((r, a) for r, many in ((Role.TO, to), (Role.CC, cc), (Role.BCC, bcc)) for a in _many(many)),
    ]
    record = Message(
        message_id=message_id or f"{id_}@fake.example",
        date=date or _FIRST,
        participants=[_participant(text_, role) for role, text_ in people],
        subject=f"Message {id_}" if subject is None else subject,
        text=f"The text of {id_}." if text is None else text,
        references=references,
        headers=headers,
        attachments=attachments,
        collections=collections,
    )
    return Item(id=id_, records=[record])


def event(
    id_: str,
    *,
    organizer: str = "ann@client.example",
    attendees: Iterable[str] = (),
    summary: str | None = None,
    start: datetime | date = _FIRST,
    end: datetime | date | None = None,
    responses: dict[str, Response] | None = None,
    **fields: object,
) -> Item:
    """Write a calendar item with one event; it lasts an hour, or a day, where `end` is not said."""
    length = timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1)
    people = [_participant(organizer, Role.ORGANIZER), *(_participant(a, Role.ATTENDEE) for a in attendees)]
    answered = [p.model_copy(update={"response": (responses or {}).get(p.address)}) for p in people]
    record = Event.model_validate({
        "uid": f"{id_}@fake.example",
        "start": start,
        "end": end or start + length,
        "participants": answered,
        "summary": f"Meeting {id_}" if summary is None else summary,
        **fields,
    })  # fmt: skip
    return Item(id=id_, records=[record])


def _many(value: str | Iterable[str]) -> Iterable[str]:
    return [value] if isinstance(value, str) else value


def _participant(text: str, role: Role) -> Participant:
    name, bracket, address = text.partition("<")
    return Participant(address=address if bracket else name, name=name.strip() or None if bracket else None, role=role)


class FakeMailbox(Provider, Source):
    """A mailbox or calendar in memory: a provider with one stream, whose life a test may write.

    It keeps the contract of `Source` to the letter; `SourceContract` runs over it.
    """

    def __init__(self, *items: Item, name: str = "mailbox", address: str = "me@acme.com", page_size: int = 50) -> None:
        self.name = name
        self.address = address
        self.page_size = page_size
        self.unreadable: set[str] = set()
        """Ids whose content cannot be read."""
        self.unlisted: set[str] = set()
        """Ids that are there and that listings lack: a lie that providers tell now and then."""
        self.denied: set[str] = set()
        """Ids that are there and that `fetch` does not find: another one."""
        self.counts = True
        """Whether a listing ends with the number of items that there are."""
        self.fetched: list[str] = []
        """Every id whose content left the mailbox, in order."""
        self.on_page: Callable[[], None] = lambda: None
        """Called before each page; what it raises, the source raises."""
        self._items: dict[str, Item] = {}
        self._log: list[str] = []
        """The id of every change, in order; a position counts into it."""
        self._places: dict[str, int] = {}
        """Where in the log each item changed last."""
        self._valid_from = 0
        for item in items:
            self.put(item)

    def put(self, item: Item, *, reported: bool = True) -> None:
        """Let an item arrive, or change; where that is not reported, only a listing or an inventory has it."""
        self._items[item.id] = item
        self._places[item.id] = len(self._log)
        self._log.append(item.id if reported else "")

    def remove(self, id_: str, *, reported: bool = True) -> Item:
        """Let an item go, with a tombstone or without."""
        self._log.append(id_ if reported else "")
        return self._items.pop(id_)

    def expire(self) -> None:
        """Let every cursor given out so far expire."""
        self._log.append("")
        self._valid_from = len(self._log)

    def ids(self) -> list[str]:
        """Return what is there."""
        return list(self._items)

    def item(self, id_: str) -> Item:
        """Return one item, readable or not."""
        return self._items[id_]

    def identify(self) -> Identity:
        """See `Provider`."""
        return Identity(address=self.address)

    def collections(self) -> Sequence[Collection]:
        """See `Provider`."""
        return (_INBOX,)

    def streams(self, selection: Selection) -> Sequence[Stream]:  # noqa: ARG002 - the rules select
        """See `Provider`."""
        return (Stream(self.name, self),)

    def changes(self, since: Cursor | None, *, screen: Screen | None = None) -> Iterator[Page]:
        """See `Source`. A cursor holds how much of the log is read, and how far back a first listing has come."""
        now = len(self._log)
        head, below = (now, now) if since is None else self._read(since)
        steps: list[tuple[list[str], int, int | None]] = [
            (self._log[at : at + self.page_size], min(at + self.page_size, now), below)
            for at in range(head, now, self.page_size)
        ]
        if below is not None:
            listed = [i for i in self._items if self._places[i] < below and i not in self.unlisted]
            older = sorted(listed, key=self._places.__getitem__, reverse=True)
            chunks = [older[at : at + self.page_size] for at in range(0, len(older), self.page_size)] or [[]]
            steps += [(ids, now, self._places[ids[-1]] if ids else None) for ids in chunks]
            steps[-1] = (steps[-1][0], now, None)
        total = sum(len(ids) for ids, _, _ in steps)
        counted = len(self._items) if below is not None and self.counts else None
        for ids, position, reached in steps or [([], now, None)]:
            page = self._page([i for i in dict.fromkeys(ids) if i], screen)
            cursor = Cursor(json.dumps([position, reached]))
            more = (position, reached) != (now, None)
            ends = {} if more else {"counted": counted}
            yield page.model_copy(update={"cursor": cursor, "more": more, "total": total, **ends})

    def fetch(self, ids: Sequence[str], *, screen: Screen | None = None) -> Iterator[Page]:
        """See `Source`."""
        for at in range(0, len(ids), self.page_size):
            yield self._page(ids[at : at + self.page_size], screen, self.denied)

    def inventory(self) -> Inventory:
        """See `InventorySource`."""
        return Inventory(ids=list(self._items), count=len(self._items) if self.counts else None)

    def _read(self, since: Cursor) -> tuple[int, int | None]:
        try:
            head, below = json.loads(since)
            known = isinstance(head, int) and isinstance(below, int | None)
        except (ValueError, TypeError):
            known = False
        if not known:
            raise CursorExpired("not a cursor of this mailbox")
        if not self._valid_from <= head <= len(self._log):
            raise CursorExpired("the mailbox has forgotten that far back")
        return head, below

    def _page(self, ids: Sequence[str], screen: Screen | None, denied: Container[str] = ()) -> Page:
        self.on_page()
        page: dict[str, list[Any]] = {"upserts": [], "deletes": [], "skipped": [], "screened": []}
        for id_ in ids:
            item = self._items.get(id_)
            if item is None or id_ in denied:
                page["deletes"].append(id_)
                continue
            decisions = [screen(_envelope(r)) for r in item.records] if screen else []
            if decisions and all(d.outcome is Outcome.EXCLUDED for d in decisions):
                page["screened"].append(Screened(id=id_, decision=decisions[0]))
                continue
            self.fetched.append(id_)
            if id_ in self.unreadable:
                page["skipped"].append(Skipped(id=id_, why="its content is damaged"))
            else:
                page["upserts"].append(item)
        return Page(cursor=Cursor(""), **page)


class FakeAccount(Provider):
    """An account with several streams: one per mailbox given."""

    def __init__(self, *mailboxes: FakeMailbox) -> None:
        self.mailboxes = list(mailboxes)
        self.unlisted: set[str] = set()
        """Names of mailboxes that are there and that no list of streams has."""

    def identify(self) -> Identity:
        """See `Provider`."""
        return Identity(address=self.mailboxes[0].address)

    def collections(self) -> Sequence[Collection]:
        """See `Provider`."""
        return [Collection(id=m.name, name=m.name) for m in self.mailboxes]

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """See `Provider`."""
        both = zip(self.mailboxes, self.collections(), strict=True)
        chosen = [Stream(m.name, m, c) for m, c in both if is_selected(c, selection)]
        return [stream for stream in chosen if stream.name not in self.unlisted]


def _envelope(record: Message | Event) -> Message | Event:
    if isinstance(record, Event):
        return record
    return record.model_copy(update={"text": None, "reply": None, "html": None, "attachments": ()})
