"""Leaving, part by part: each a transaction of its own that knows how far the one before came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from ...model import Act, Departure, Receipt
from .bulk import insert_rows
from .leaving_channel import hand_over, remove, seal, stop
from .leaving_parts import DONE, SCRUB, Context, Part, key_there, own_key
from .leaving_person import erase, expire
from .locks import lock_named
from .tables import Tables


def leave(connection: Connection, tables: Tables, what: Departure, at_most: int, key: str | None) -> Receipt:
    """Do the next part; nothing where `scrubbed` alone is left."""
    lock_named(connection, f"{tables.schema.schema or ''}.{tables.leavings.name}")
    key = key or own_key(connection, tables)
    name, leavings = _mark(what, key), tables.leavings
    row = connection.execute(select(leavings).where(leavings.c.mark == name)).one_or_none()
    if row is not None and row.phase == SCRUB:
        return _receipt(row, what)
    over = row is not None and row.phase == DONE
    phase, position = (0, 0) if row is None or over else (row.phase, row.position)
    part = _ACTS[what.act](Context(connection, tables, at_most, key, phase, position), what)
    if over and part.idle:
        return _receipt(row, what)
    receipt = (what.begun() if row is None or over else _receipt(row, what)).plus(part.went, part.stayed, part.notes)
    _keep(connection, tables, name, part.phase, part.position, receipt)
    return receipt


def waits_for_scrubbing(connection: Connection, tables: Tables, what: Departure, key: str | None) -> bool:
    """Tell whether all is done but for the octets of what went."""
    leavings, key = tables.leavings.c, key or key_there(connection, tables)
    if key is None:
        return False
    mark = _mark(what, key)
    return connection.execute(select(leavings.phase).where(leavings.mark == mark)).scalar() == SCRUB


def scrubbed(connection: Connection, tables: Tables, what: Departure, key: str | None, notes: Sequence[str]) -> Receipt:
    """Note that all is done."""
    name, leavings = _mark(what, key or own_key(connection, tables)), tables.leavings
    row = connection.execute(select(leavings).where(leavings.c.mark == name)).one()
    receipt = _receipt(row, what).plus(notes=notes, done=True)
    _keep(connection, tables, name, DONE, 0, receipt)
    return receipt


def _mark(what: Departure, key: str) -> str:
    return hashlib.blake2b(
        what.name.encode("utf-8", "surrogatepass"), key=bytes.fromhex(key), digest_size=16
    ).hexdigest()


def _receipt(row: Row[Any] | None, what: Departure) -> Receipt:
    assert row is not None  # noqa: S101 - the caller has looked
    return Receipt.model_validate_json(row.receipt).model_copy(update={"of": what.of})


def _keep(connection: Connection, tables: Tables, mark: str, phase: int, position: int, receipt: Receipt) -> None:
    kept = receipt.model_copy(update={"of": ""}).model_dump_json()
    row = {"mark": mark, "phase": phase, "position": position, "receipt": kept}
    insert_rows(connection, tables.leavings, [row], existing="replace")


_ACTS: dict[Act, Callable[[Context, Any], Part]] = {
    Act.STOP: stop, Act.REMOVE: remove, Act.SEAL: seal, Act.HAND_OVER: hand_over, Act.ERASE: erase, Act.EXPIRE: expire,
}  # fmt: skip
