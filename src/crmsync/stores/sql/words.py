"""The index of words: FTS5 on SQLite, a `tsvector` on PostgreSQL, the same words in both.

Neither is left to find words itself: they are `crmsync.stores.words`', and each is kept with the stretch of time that
its record stands in and the level that shows it. A search then reads one stretch after the other until its page is
full, however many records hold the word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Index,
    MetaData,
    Table,
    TableClause,
    Text,
    bindparam,
    cast,
    column,
    delete,
    event,
    func,
    insert,
    select,
    table,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from ...model import Event, Message
from ..paging import micros
from ..words import words_of

_STRETCH = 40
"""A stretch is 2**40 microseconds: some 13 days."""

_FIRST = -60_000
"""The stretch of the year 1 is a little later."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def words_table(prefix: str, metadata: MetaData) -> Table:
    """Declare the index; it comes and goes with the tables of `metadata`."""
    words = Table(
        f"{prefix}words", MetaData(schema=metadata.schema),
        Column("record_id", BigInteger, primary_key=True, autoincrement=False),
        Column("words", TSVECTOR, nullable=False),
        # Without it a search goes through all that was added since the last VACUUM.
        Index(f"{prefix}words_found", "words", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    )  # fmt: skip

    def create(_: object, connection: Connection, **__: object) -> None:
        if connection.dialect.name == "sqlite":
            # Of the words only the index is kept: the records are at hand when one has to go.
            made = "USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii')"
            connection.exec_driver_sql(f"CREATE VIRTUAL TABLE IF NOT EXISTS {_quoted(connection, words)} {made}")
        else:
            words.create(connection, checkfirst=True)

    def drop(_: object, connection: Connection, **__: object) -> None:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_quoted(connection, words)}")

    event.listen(metadata, "after_create", create)
    event.listen(metadata, "before_drop", drop)
    return words


def _quoted(connection: Connection, words: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(words)


def _fts5(words: Table) -> TableClause:
    # The column that is named as the table takes commands and queries: https://www.sqlite.org/fts5.html
    return table(words.name, column("rowid"), column("words"), column(words.name), schema=words.schema)


def index_words(connection: Connection, words: Table, records: Mapping[int, Message | Event]) -> None:
    """Let records be found, each by its id."""
    if not records:
        return
    if connection.dialect.name == "sqlite":
        rows = [{"rowid": id_, "words": " ".join(_tokens(record))} for id_, record in records.items()]
        connection.execute(insert(_fts5(words)), rows)
        return
    made = func.array_to_tsvector(cast(bindparam("tokens"), ARRAY(Text)))
    statement = insert_or_skip(words).values(record_id=bindparam("id"), words=made).on_conflict_do_nothing()
    connection.execute(statement, [{"id": id_, "tokens": _tokens(record)} for id_, record in records.items()])


def forget_words(connection: Connection, words: Table, records: Mapping[int, Message | Event]) -> None:
    """Let records that are about to go be found no more."""
    if not records:
        return
    if connection.dialect.name == "sqlite":
        # "delete" needs the very words that were indexed.
        rows = [{"rowid": id_, "words": " ".join(_tokens(record))} for id_, record in records.items()]
        connection.execute(insert(_fts5(words)), [{words.name: "delete", **row} for row in rows])
        return
    connection.execute(delete(words).where(words.c.record_id.in_(list(records))))


def clear_words(connection: Connection, words: Table) -> None:
    """Let nothing be found any more."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(_fts5(words)), {words.name: "delete-all"})
    else:
        connection.execute(delete(words))


def optimize_words(connection: Connection, words: Table) -> None:
    """Let the index keep nothing of what is found no more: https://www.sqlite.org/fts5.html#the_optimize_command."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(_fts5(words)), {words.name: "optimize"})


def stretch_of(at: int) -> int:
    """Return the stretch that a moment lies in."""
    return at >> _STRETCH


def stretch_start(stretch: int) -> int:
    """Return the first moment of a stretch."""
    return stretch << _STRETCH


def _tokens(record: Message | Event) -> list[str]:
    head, tokens = _head(stretch_of(micros(record.at))), []
    for level, words in words_of(record).items():
        place = f"{head}{level.rank}"
        tokens += [place + word for word in sorted(words)]
    return tokens


@lru_cache(maxsize=4_096)
def _head(stretch: int) -> str:
    number, digits = stretch - _FIRST, ""
    for _ in range(4):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


@contextmanager
def by_index(connection: Connection) -> Iterator[None]:
    """Have PostgreSQL look words up in their index.

    Of some ten thousand records it would compare all: it takes the comparison of a `tsvector` for cheap.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    name = "enable_seqscan"
    before = connection.execute(select(func.current_setting(name), func.set_config(name, "off", True))).one()[0]
    yield
    # Until the end of the transaction, which may be the host's. One that has failed has undone it.
    connection.execute(select(func.set_config(name, before, True)))


def matching(
    connection: Connection,
    words: Table,
    wanted: Iterable[str],
    stretches: Sequence[int],
    level: int,
    among: Sequence[int] | None = None,
) -> set[int]:
    """Return the ids of the records in some stretches that have all the words at a level, or of those `among`."""
    heads = [f"{_head(stretch)}{rank}" for stretch in stretches for rank in range(1, level + 1)]
    found: Any
    if connection.dialect.name == "sqlite":
        asked = " AND ".join("(" + " OR ".join(f'"{head}{word}"*' for head in heads) + ")" for word in wanted)
        index = _fts5(words)
        found = select(index.c.rowid).where(index.c[words.name].match(asked))
        ids = set(connection.execute(found).scalars())
        return ids if among is None else ids.intersection(among)
    asked = " & ".join("(" + " | ".join(f"'{head}{word}':*" for head in heads) + ")" for word in wanted)
    found = select(words.c.record_id).where(words.c.words.op("@@")(cast(asked, TSQUERY)))
    if among is not None:
        found = found.where(words.c.record_id.in_(among))
    return set(connection.execute(found).scalars())
