"""A CRM's own storage, on nothing but the standard library's sqlite3: three methods, some 40 lines.

`crm.py` uses it. Its tables:

    stream    the cursor of each stream, compared and swapped by every batch
    ledger    the newest decision on each item: why it is here, or why it is not
    link      what each stream holds under each id, with its copy of the record
    channel   whose mail it is, and how much of it the others see
    person    everybody the CRM knows; a deleted one keeps the row, and so never comes back

It passes `StorageContract` and its companions, as your own storage should.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from crmsync import Batch, Cursor, LedgerEntry, Outcome, StaleCursor

TABLES = """
CREATE TABLE IF NOT EXISTS stream (name TEXT PRIMARY KEY, cursor TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (stream TEXT, id TEXT, outcome TEXT, entry TEXT, PRIMARY KEY (stream, id));
CREATE TABLE IF NOT EXISTS link (
    stream TEXT, id TEXT, key TEXT, channel TEXT, held INT, record TEXT, PRIMARY KEY (stream, id, key)
);
CREATE TABLE IF NOT EXISTS channel (key TEXT PRIMARY KEY, owner TEXT, visibility TEXT);
CREATE TABLE IF NOT EXISTS person (
    address TEXT PRIMARY KEY COLLATE NOCASE, first TEXT, last TEXT, company TEXT, deleted INT DEFAULT 0
);
"""
ENSURE = """
INSERT INTO person (address, first, last, company) VALUES (?, ?, ?, ?) ON CONFLICT (address) DO UPDATE SET
    first = CASE WHEN first || last = '' THEN excluded.first ELSE first END,
    last = CASE WHEN first || last = '' THEN excluded.last ELSE last END,
    company = coalesce(company, excluded.company)
    WHERE NOT deleted
"""


class TableStorage:
    """Keeps streams, decisions, records and people in five tables."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(TABLES)

    def load_cursor(self, stream: str) -> Cursor | None:
        """Return the cursor as it was stored."""
        row = self.db.execute("SELECT cursor FROM stream WHERE name = ?", [stream]).fetchone()
        return row and Cursor(row[0])

    def ledger(self, stream: str, *, outcome: Outcome | None = None) -> Iterable[LedgerEntry]:
        """Return the newest decision on each item."""
        rows = self.db.execute(
            "SELECT entry FROM ledger WHERE stream = ? AND outcome = coalesce(?, outcome)", [stream, outcome]
        )
        return [LedgerEntry.model_validate_json(entry) for (entry,) in rows.fetchall()]

    def apply(self, batch: Batch) -> None:
        """Apply all of a batch, or nothing."""
        name, channel = batch.stream, batch.channel
        with self.db as db:
            db.execute("BEGIN IMMEDIATE")  # the lock comes before the look: two workers cannot both win
            if self.load_cursor(name) != batch.expected:
                raise StaleCursor(name)
            db.execute("REPLACE INTO stream VALUES (?, ?)", [name, batch.cursor])
            db.execute("REPLACE INTO channel VALUES (?, ?, ?)", [channel.key, channel.owner, channel.visibility])
            for id_ in (*batch.deletes, *(item.id for item in batch.upserts)):
                db.execute("DELETE FROM link WHERE stream = ? AND id = ?", [name, id_])
            for item in batch.upserts:
                for record in item.records:
                    row = [name, item.id, record.key, channel.key, item.held, record.model_dump_json()]
                    db.execute("INSERT INTO link VALUES (?, ?, ?, ?, ?, ?)", row)
            for entry in batch.decisions:
                row = [name, entry.id, entry.decision.outcome, entry.model_dump_json()]
                db.execute("REPLACE INTO ledger VALUES (?, ?, ?, ?)", row)
            for who in batch.contacts:
                company = who.company.domain if who.company else None
                db.execute(ENSURE, [who.address, who.name.first, who.name.last, company])
