"""From the octets of one message to an item, whatever kind of file they came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from ...formats import parse_message
from ...formats.mail.dates import parse_date
from ...formats.mail.headers import read_fields, unfold
from ...model import Collection, Cursor, Item, Page, Skipped
from .takeout import labels

PAGE_ITEMS = 200
PAGE_OCTETS = 16 << 20
"""A page ends at whichever comes first; one message may be larger than that."""

GIANT = 64 << 20
"""Of a larger message only the beginning is read."""

LEADING = 4 << 20
"""How much of a giant message is read: the header, and as good as always the text."""

_WANTED = frozenset({"received", "x-gmail-labels", "x-gm-thrid"})
T = TypeVar("T")


def to_item(
    id_: str,
    data: bytes,
    *,
    collection: Collection,
    spanning: bool = False,
    state: Collection | None = None,
    received: Callable[[], datetime | None] = lambda: None,
    html: bool = False,
) -> Item | Skipped:
    """Parse a message.

    Args:
        id_: its id in the stream.
        data: the message, or the beginning of a giant one.
        collection: where it lies.
        spanning: whether that is no folder but Gmail's export, whose labels say where a message lies.
        state: what its flags say beside that: deleted, or a draft.
        received: when it came, where its topmost Received field does not tell.
        html: whether the HTML body is wanted too.
    """
    if not data or data.isspace():
        return Skipped(id=id_, why="the message is empty")
    fields, _ = read_fields(data, 0, _WANTED)
    known: dict[str, bytes] = {}
    for name, value in fields:
        known.setdefault(name, value)
    places = labels(known["x-gmail-labels"]) if "x-gmail-labels" in known else []
    if not places or not spanning:
        places.insert(0, collection)
    if state:
        places.append(state)
    came = (_received(known["received"]) if "received" in known else None) or received()
    number = known.get("x-gm-thrid", b"").strip()
    # Gmail's API names a thread by the same number, in hexadecimal.
    thread = f"{int(number):x}" if number.isdigit() and len(number) <= 20 else None
    message = parse_message(data, collections=places, received=came, html=html, provider_thread=thread)
    return Item(id=id_, records=[message])


def _received(value: bytes) -> datetime | None:
    """Return the date of a Received field (RFC 5321 section 4.4): what follows the last semicolon."""
    return parse_date(unfold(value[-200:].rpartition(b";")[2]))


_QUOTED = re.compile(rb"^>(>*+From )", re.MULTILINE)


def unquoted(data: bytes) -> bytes:
    """Undo what mboxrd writers do to lines that would look like separators: take one ">" away."""
    return _QUOTED.sub(rb"\1", data) if b">From " in data else data


def batches(things: Iterable[T], octets: Callable[[T], int]) -> Iterator[list[T]]:
    """Gather things into what fits into one page, by their number and by the octets they will take."""
    batch: list[T] = []
    taken = 0
    for thing in things:
        batch.append(thing)
        size = octets(thing)
        taken += size if size <= GIANT else LEADING
        if len(batch) >= PAGE_ITEMS or taken >= PAGE_OCTETS:
            yield batch
            batch, taken = [], 0
    if batch:
        yield batch


def page_of(
    read: Iterable[Item | Skipped],
    cursor: Cursor,
    *,
    more: bool = False,
    deletes: Sequence[str] = (),
    total: int | None = None,
    complete: bool = True,
) -> Page:
    """Sort what has been read into a page."""
    upserts: list[Item] = []
    skipped: list[Skipped] = []
    for one in read:
        if isinstance(one, Item):
            upserts.append(one)
        else:
            skipped.append(one)
    return Page(
        cursor=cursor, more=more, upserts=upserts, skipped=skipped, deletes=deletes, total=total, complete=complete
    )
