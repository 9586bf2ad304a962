"""The lines of the example's storage that hosts may get wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Broken(NamedTuple):
    """The example's storage with a line or two replaced, and the clauses that must catch it."""

    mistake: str
    changes: Mapping[str, str]
    caught_by: tuple[str, ...]


BEGIN = 'db.execute("BEGIN IMMEDIATE")  # the lock comes before the look: two workers cannot both win'
WITH = "        with self.db as db:\n"
COMPARE = "if self.load_cursor(name) != batch.expected:"
READ_CURSOR = 'self.db.execute("SELECT cursor FROM stream WHERE name = ?", [stream]).fetchone()'
SAVE_CURSOR = 'db.execute("REPLACE INTO stream VALUES (?, ?)", [name, batch.cursor])'
UNLINKED = "for id_ in (*batch.deletes, *(item.id for item in batch.upserts)):"
UNLINK = 'db.execute("DELETE FROM link WHERE stream = ? AND id = ?", [name, id_])'
HELD = 'db.execute("SELECT stream, key FROM link WHERE stream = ? AND id = ?", [name, id_]).fetchall()'
LINK_KEY = "held INT, record TEXT, PRIMARY KEY (stream, id, key)"
LINK = 'db.execute("INSERT INTO link VALUES (?, ?, ?, ?, ?, ?)", row)'
UPSERTS = "            for item in batch.upserts:\n"
RECORD = "record.model_dump_json()"
DECISIONS = "            for entry in batch.decisions:\n"
ENTRY = "entry.model_dump_json()]"
RECORD_DECISION = 'db.execute("REPLACE INTO ledger VALUES (?, ?, ?, ?)", row)'
CONTACTS = "            for who in batch.contacts:\n"
ENSURE = "db.execute(ENSURE, [who.address, who.name.first, who.name.last, company])"
INSERT_PERSON = ENSURE.replace("ENSURE", "ENSURE.partition(' ON')[0]")
PERSON_KEY = "address TEXT PRIMARY KEY COLLATE NOCASE"
FIRST = "first = CASE WHEN first || last = '' THEN excluded.first ELSE first END"
LAST = "last = CASE WHEN first || last = '' THEN excluded.last ELSE last END"
COMMIT = '            db.execute("COMMIT")\n            db.execute("BEGIN")\n'


def lossy(update: str, kind: str = "message") -> dict[str, str]:
    """Let a record be stored with other fields."""
    return {RECORD: f'record.model_copy(update={update} if record.kind == "{kind}" else {{}}).model_dump_json()'}
