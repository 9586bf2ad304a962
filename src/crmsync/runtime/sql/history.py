"""Runs that did something, and events for the host, delivered at least once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import Connection, delete, insert, select

from ...model import Report
from ...stores.sql.engine import Database
from ...stores.stored import read_stored
from ..schedule import How
from ..status import Event, EventKind, Run
from .tables import Tables

if TYPE_CHECKING:
    from .claims import Claim

KEPT = 50
"""So many runs of each channel are kept; polls that found nothing are none of them."""


class History:
    """Runs and events of all workspaces."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self._tables = tables

    def runs(self, workspace: int, channel: str, limit: int = KEPT) -> list[Run]:
        """Return a channel's last runs that did something or failed, the newest first."""
        runs = self._tables.runs
        query = select(runs).where(runs.c.workspace_id == workspace, runs.c.channel == channel)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(runs.c.id.desc()).limit(limit)).all()
        return [Run(row.started, row.ended, How(row.how), _report(row.report), row.error) for row in rows]

    def deliver(self, handle: Callable[[Event], None], *, limit: int = 100) -> int:
        """Hand events to the host, the oldest first, each at least once; return how many.

        An event is forgotten after the call returned. If it raises, that passes through, and the event comes again
        with the next call; so it does if the process dies in between. `Event.id` tells a second time from the first.
        """
        events = self._tables.events
        with self._database.reading() as connection:
            rows = connection.execute(select(events).order_by(events.c.id).limit(limit)).all()
        for row in rows:
            handle(Event(row.id, row.workspace_id, row.channel, EventKind(row.kind), row.at, json.loads(row.data)))
            gone = delete(events).where(events.c.id == row.id)
            self._database.write(lambda connection, gone=gone: connection.execute(gone).rowcount)  # type: ignore[misc]
        return len(rows)

    @staticmethod
    def record(
        connection: Connection, tables: Tables, claim: Claim, ended: float, how: How, report: Report, error: str
    ) -> None:
        """Keep a run, and let the oldest ones of the channel go."""
        runs = tables.runs
        mine = (runs.c.workspace_id == claim.workspace, runs.c.channel == claim.channel.key)
        connection.execute(insert(runs).values(
            workspace_id=claim.workspace, channel=claim.channel.key, started=claim.started, ended=ended,
            how=how.value, report=report.model_dump_json(), error=error,
        ))  # fmt: skip
        last = select(runs.c.id).where(*mine).order_by(runs.c.id.desc()).offset(KEPT).limit(1)
        oldest = connection.execute(last).scalar()
        if oldest is not None:
            connection.execute(delete(runs).where(*mine, runs.c.id <= oldest))

    @staticmethod
    def tell(
        connection: Connection, tables: Tables, claim: Claim, kind: EventKind, at: float, data: Mapping[str, str]
    ) -> None:
        """Keep an event until it is delivered."""
        connection.execute(insert(tables.events).values(
            workspace_id=claim.workspace, channel=claim.channel.key, kind=kind.value, at=at, data=json.dumps(data),
        ))  # fmt: skip


def _report(text: str) -> Report:
    try:
        return read_stored(Report, text)
    except ValidationError:
        return Report()  # another version's
