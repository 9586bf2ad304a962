"""What owners say of single records and threads: overrides, and what others ask them for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from ...model import Visibility
from ..paging import instant, micros
from ..reading import NO_COPY, NOTHING_TO_ASK, Ask
from .bulk import insert_rows
from .shown import work_out
from .tables import Tables


def override(
    connection: Connection,
    tables: Tables,
    owner: str,
    subject: str,
    viewer: str,
    level: Visibility | None,
    *,
    ahead: bool,
) -> None:
    """Keep an owner's word on a record or a thread, and take what it answers for answered.

    Raises:
        ValueError: they hold no copy of it.

    """
    if not owner or not (ahead or owner in _owners(connection, tables, subject)):
        raise ValueError(NO_COPY)
    overrides = tables.overrides
    said = (overrides.c.subject == subject) & (overrides.c.owner == owner) & (overrides.c.viewer == viewer)
    connection.execute(delete(overrides).where(said))
    if level is not None:
        values = {"subject": subject, "owner": owner, "viewer": viewer, "level": level.value}
        connection.execute(insert(overrides).values(values))
        if viewer:
            asks = tables.asks.c
            connection.execute(delete(tables.asks).where(asks.subject == subject, asks.viewer == viewer))
    records = tables.records.c
    work_out(connection, tables, set(connection.execute(select(records.key).where(_about(tables, subject))).scalars()))


def ask(connection: Connection, tables: Tables, viewer: str, subject: str, at: datetime) -> None:
    """Note, for each owner of a copy, that a member would like to see more; the caller knows that they see some of it.

    Raises:
        ValueError: nobody else owns a copy.

    """
    owners = _owners(connection, tables, subject) - {viewer, ""}
    if not owners:
        raise ValueError(NOTHING_TO_ASK)
    rows = [{"subject": subject, "owner": owner, "viewer": viewer, "at": micros(at)} for owner in sorted(owners)]
    insert_rows(connection, tables.asks, rows, existing="keep")


def asks_of(connection: Connection, tables: Tables, owner: str) -> list[Ask]:
    """Return what an owner is asked for, the oldest first."""
    asks = tables.asks.c
    rows = connection.execute(
        select(tables.asks).where(asks.owner == owner).order_by(asks.at, asks.subject, asks.viewer)
    )
    return [Ask(subject=row.subject, viewer=row.viewer, at=instant(row.at)) for row in rows]


def refuse(connection: Connection, tables: Tables, owner: str, subject: str, viewer: str) -> None:
    """Forget that an owner was asked."""
    asks = tables.asks.c
    connection.execute(delete(tables.asks).where(asks.owner == owner, asks.subject == subject, asks.viewer == viewer))


def _about(tables: Tables, subject: str) -> ColumnElement[bool]:
    return (tables.records.c.key == subject) | (tables.records.c.thread == subject)


def _owners(connection: Connection, tables: Tables, subject: str) -> set[str]:
    records, links, streams, channels = tables.records, tables.links, tables.streams, tables.channels
    held = links.join(streams, streams.c.id == links.c.stream_id).join(channels, channels.c.key == streams.c.channel)
    held = held.join(records, records.c.id == links.c.record_id)
    owners = select(channels.c.owner).select_from(held).where(_about(tables, subject)).distinct()
    return set(connection.execute(owners).scalars())
