"""Records and contacts as rows, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import Row

from ...model import Collection, Event, Item, Message, Visibility
from ...rules import for_others
from ..paging import micros
from ..stored import read_stored

Values = dict[str, Any]
"""A row to write, by column."""

_LEVELS = tuple(Visibility)
_COLLECTIONS: TypeAdapter[tuple[Collection, ...]] = TypeAdapter(tuple[Collection, ...])
_LARGEST = 2**63 - 1

_TITLE_AND_TEXT: dict[str, tuple[str, str]] = {"message": ("subject", "text"), "event": ("summary", "description")}
"""The fields with columns of their own."""
_ELSEWHERE = {kind: {"kind", "collections", *fields} for kind, fields in _TITLE_AND_TEXT.items()}
"""What the JSON leaves out: what has a column, and what belongs to the link."""


class Rows(NamedTuple):
    """What a batch's items are in the tables."""

    records: dict[tuple[str, bytes], Values]
    """By key and digest."""
    participants: dict[tuple[str, bytes], tuple[str, ...]]
    """The addresses, by the same."""
    contents: dict[tuple[str, bytes], Message | Event]
    """The records themselves, by the same."""
    links: list[tuple[tuple[str, bytes], tuple[str, bytes] | None, Values]]
    """Each with its record's key and digest, and with those of what others are shown instead, where that differs."""


def rows_of(items: Iterable[Item]) -> Rows:
    """Write items as rows, each distinct record once."""
    rows = Rows({}, {}, {}, [])
    seen: dict[tuple[Collection, ...], str] = {}
    for item in items:
        for position, record in enumerate(item.records):
            name, shared = _add(rows, record), for_others(record)
            others = None if shared is record else _add(rows, shared)
            collections = tuple(record.collections)
            if collections not in seen:
                seen[collections] = _COLLECTIONS.dump_json(collections).decode()
            link = {"item_id": item.id, "position": position, "held": item.held, "protected": item.protected}
            rows.links.append((name, others, {**link, "collections": seen[collections]}))
    return rows


def _add(rows: Rows, record: Message | Event) -> tuple[str, bytes]:
    row = _record_row(record)
    name = row["key"], row["digest"]
    rows.records[name], rows.contents[name] = row, record
    rows.participants[name] = tuple(sorted({p.address for p in record.participants}))
    return name


def _record_row(record: Message | Event) -> Values:
    title, text = (getattr(record, field) for field in _TITLE_AND_TEXT[record.kind])
    # Shorter by half without the defaults; a changed default is a changed schema. A warning would quote the mail.
    data = record.model_dump_json(exclude=_ELSEWHERE[record.kind], exclude_defaults=True, warnings=False)
    event = record if isinstance(record, Event) else None
    return {
        "key": record.key,
        "digest": _digest(data, title, text),
        "kind": record.kind,
        "level": record.level.rank,
        "at": micros(record.at),
        "thread": record.thread,
        "sequence": max(-_LARGEST, min(event.sequence, _LARGEST)) if event else 0,
        "updated": micros(event.updated) if event and event.updated else 0,
        "uid": record.uid if isinstance(record, Event) else record.message_id or None,
        "title": title,
        "data": data,
        "text": text,
    }


def _digest(*parts: str | None) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = b"" if part is None else part.encode()
        digest.update(b"%d:" % (-1 if part is None else len(data)) + data)
    return digest.digest()


def record_of(row: Row[Any], collections: str = "[]") -> Message | Event:
    """Read a record back, equal to the one that was stored."""
    title, text = _TITLE_AND_TEXT[row.kind]
    mail = row.kind == "message"
    record: Message | Event = read_stored(Message, row.data) if mail else read_stored(Event, row.data)
    fields = {title: row.title, text: row.text, "collections": _COLLECTIONS.validate_json(collections)}
    return record.model_copy(update=fields)


def level_of(rank: int) -> Visibility:
    """Return the level of this rank."""
    return _LEVELS[rank]


def chunks(values: Sequence[Any] | Mapping[Any, Any]) -> Iterable[list[Any]]:
    """Split values so that a statement may name each of them: SQLite before 3.32 takes 999 parameters."""
    flat = list(values)
    return (flat[i : i + 500] for i in range(0, len(flat), 500))
