"""A database of each released version is brought to the newest, and back, with what it holds."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import pytest
from postgres import database
from sqlalchemy import Connection, Engine, create_engine, inspect, select, text
from store_worlds import NOON, STORED, anyone, batch, channel, contact, everything, item, mail, meeting
from version_1 import TablesOfVersion1

from crmsync.errors import StorageError
from crmsync.model import Cursor, Decision, Item, LedgerEntry, Outcome, Reason, Visibility
from crmsync.stores.migrations import migrate
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage
from crmsync.stores.sql import fill as filling
from crmsync.stores.sql.tables import VERSION

DUMP = Path(__file__).parent / "version_1.sql"
"""What crmsync 0.1.0 made of `life`, written by sqlite3's `.dump`."""


def life(store: SqlStorage) -> None:
    """Apply the batches that the dump was made with, under the same cursors."""
    numbers = iter((1, 2, 3))

    def apply(*items: Item, **fields: Any) -> None:
        store.apply(batch(store, *items, **fields).model_copy(update={"cursor": Cursor(f"cursor {next(numbers)}")}))

    greeting = mail("a", "ann@a.example", "mia@acme.com", text="Grüße,\n'quoted' \\ and \"double\" 🧭")
    days = [NOON + timedelta(days=7 * n) for n in range(3)]
    series = [
        meeting("plan", "ann@a.example", "mia@acme.com", recurrence_id=day, start=day, summary="Wöchentlich 🧭")
        for day in days
    ]
    excluded = Decision(outcome=Outcome.EXCLUDED, reason=Reason.INTERNAL)
    unreadable = Decision(outcome=Outcome.SKIPPED, reason=Reason.UNREADABLE, detail="no charset")
    leaving = Decision(outcome=Outcome.LEAVING, reason=Reason.DELETED)
    reply = {"minute": 2, "references": ["a@fake.example"]}
    apply(
        item("1", greeting),
        item("2", mail("code", "noreply@bank.example", "mia@acme.com", minute=1, text="123456"), held=True),
        item("3", mail("b", "cy@b.example", "mia@acme.com", "leo@acme.com", **reply)),
        Item(id="plan.ics", records=series),
        decisions=[
            *(LedgerEntry(id=i, decision=STORED) for i in ("1", "2", "3", "plan.ics")),
            LedgerEntry(id="4", decision=excluded),
            LedgerEntry(id="5", decision=unreadable, attempts=2),
        ],
        contacts=[
            contact("ann@a.example", "Ann Lee"),
            contact("cy@b.example"),
            contact("noreply@bank.example", "Bank"),
        ],
    )
    leo = {"stream": "leo-mail/INBOX", "of": channel("leo-mail", "leo", Visibility.SUBJECT)}
    apply(
        item("77", greeting),
        item("78", mail("b", "cy@b.example", "mia@acme.com", "leo@acme.com", text="With a footer.", **reply)),
        item("79", mail("own", "leo@acme.com", "dee@b.example", minute=3, subject=None, text=None)),
        item("80", mail("old", "dee@b.example", "leo@acme.com", minute=-5)),
        contacts=[contact("dee@b.example", "Dee"), contact("eve@a.example", "Eve Gone")],
        **leo,
    )
    apply(deletes=["80"], decisions=[LedgerEntry(id="80", decision=leaving, attempts=1)], **leo)
    store.delete_person("Eve@a.example")


def answers(store: SqlStorage) -> list[object]:
    """Return what each query says to each viewer."""
    said: list[object] = [everything(store)]
    said += [store.why(name) for name in ("1", "4", "plan@fake.example", "a@fake.example")]
    said += [store.find(address) for address in ("ann@a.example", "eve@a.example")]
    queries = [
        Query(), Query(oldest_first=True), Query(person="cy@b.example"), Query(company="a.example"),
        Query(kind="event"), Query(text="grusse"), Query(text="footer"), Query(since=NOON + timedelta(days=1)),
    ]  # fmt: skip
    for viewer in ("mia", "leo", "kim"):
        for strictest in (False, True):
            said += [store.timeline(viewer, query, strictest=strictest) for query in queries]
            said += [store.count(viewer, query, strictest=strictest) for query in queries]
            said += [store.people(viewer, strictest=strictest), store.people(viewer, name="le")]
            said += [store.companies(viewer, strictest=strictest), store.companies(viewer, name="b")]
    return said


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database that crmsync 0.1.0 has written."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    made = create_engine(f"sqlite:///{tmp_path}/old.db")
    if request.param == "sqlite":
        yield made
        made.dispose()
        return
    # It knew no PostgreSQL; what it would have made there is brought along all the same.
    with database() as url:
        there = create_engine(url)
        tables = TablesOfVersion1("crmsync_").metadata
        tables.create_all(there)
        with made.connect() as old, there.begin() as new:
            for table in tables.sorted_tables:
                if rows := [row._asdict() for row in old.execute(select(table))]:
                    new.execute(table.insert(), rows)
                if "id" in table.c:
                    sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                    new.execute(text(f"SELECT setval({sequence}, max(id)) FROM {table.name}"))
        made.dispose()
        yield there
        there.dispose()


@pytest.fixture
def fresh(engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of the same kind."""
    if engine.dialect.name == "sqlite":
        made = create_engine(f"sqlite:///{tmp_path}/fresh.db")
        yield made
        made.dispose()
        return
    with database() as url:
        made = create_engine(url)
        yield made
        made.dispose()


def shape(engine: Engine) -> dict[str, object]:
    """Return what the tables are, but for the order of their columns and for defaults."""
    found: dict[str, object] = {}
    seen = inspect(engine)
    for table in seen.get_table_names():
        found[table] = {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(table)),
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "foreign": sorted((f["constrained_columns"], f["referred_table"]) for f in seen.get_foreign_keys(table)),
            "indexes": sorted((i["name"], i["column_names"], i["unique"]) for i in seen.get_indexes(table)),
            "unique": sorted((u["name"] or "", u["column_names"]) for u in seen.get_unique_constraints(table)),
        }
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            made = "SELECT name, sql LIKE '%WITHOUT ROWID%', sql LIKE '%fts5%' FROM sqlite_master WHERE type = 'table'"
        else:
            made = (
                "SELECT table_name, column_name, collation_name, is_identity FROM information_schema.columns"
                " WHERE table_schema = 'public' UNION ALL SELECT relname, array_to_string(reloptions, ' '), NULL, NULL"
                " FROM pg_class WHERE reloptions IS NOT NULL"
            )
        found["made"] = sorted(tuple(map(str, row)) for row in connection.execute(text(made)))
    return found


def rows(engine: Engine) -> dict[str, list[str]]:
    """Return what the tables of version 1 hold."""
    with engine.connect() as connection:
        return {
            table.name: sorted(str([bytes(v) if isinstance(v, memoryview) else v for v in row]) for row in found)
            for table in TablesOfVersion1("crmsync_").metadata.sorted_tables
            for found in [connection.execute(select(table)).all()]
        }


def test_what_a_database_of_version_1_holds_is_all_there_in_the_newest(engine: Engine, fresh: Engine) -> None:
    migrate(engine)

    with SqlStorage(engine, members=anyone) as old, SqlStorage(fresh, members=anyone) as new:
        life(new)
        assert answers(new) == answers(old)


def test_a_migrated_database_goes_on_like_a_new_one(engine: Engine, fresh: Engine) -> None:
    migrate(engine)

    with SqlStorage(engine, members=anyone) as old, SqlStorage(fresh, members=anyone) as new:
        life(new)
        for store in (old, new):
            later = batch(
                store,
                item("1", mail("a", "ann@a.example", text="Corrected.")),
                item("9", mail("new", "fay@c.example", minute=9)),
                deletes=["3"],
                contacts=[
                    contact("fay@c.example", "Fay"),
                    contact("eve@a.example", "Eve"),
                    contact("cy@b.example", "Cy"),
                ],
            )
            store.apply(later.model_copy(update={"cursor": Cursor("later")}))
        assert answers(new) == answers(old)


def test_migrated_tables_are_those_that_are_made_today(engine: Engine, fresh: Engine) -> None:
    migrate(engine)
    SqlStorage(fresh, members=anyone).close()

    assert shape(fresh) == shape(engine)


def test_the_way_back_leads_to_version_1_as_it_was(engine: Engine) -> None:
    tables, held = shape(engine), rows(engine)

    for _ in range(2):
        migrate(engine)
        migrate(engine, 1)

    assert held == rows(engine)
    assert tables == shape(engine)


def test_a_migration_that_fails_leaves_everything_as_it_was(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, held = shape(engine), rows(engine)
    fill: Callable[..., None] = filling.fill

    def fail(*arguments: Any) -> None:
        fill(*arguments)
        raise MemoryError

    monkeypatch.setattr(filling, "fill", fail)
    with pytest.raises(MemoryError):
        migrate(engine)

    assert held == rows(engine)
    assert tables == shape(engine)


def test_an_older_database_is_refused_with_the_command_that_helps(engine: Engine) -> None:
    with pytest.raises(StorageError, match=r"are of version 1, this crmsync needs version 4: make a backup") as caught:
        SqlStorage(engine, members=anyone)
    command = str(caught.value).split("`")[3].replace("URL", engine.url.render_as_string(hide_password=False))
    assert command.startswith("python -m crmsync.stores.migrations ")
    arguments = [sys.executable, *command.split()[1:]]

    done = subprocess.run(arguments, capture_output=True, text=True, check=False)

    assert (0, "the tables are of version 4\n", "") == (done.returncode, done.stdout, done.stderr)
    SqlStorage(engine, members=anyone).close()


def test_a_newer_database_is_refused_with_what_helps(fresh: Engine) -> None:
    SqlStorage(fresh, prefix="c_", members=anyone).close()
    with fresh.begin() as connection:
        connection.execute(text("UPDATE c_schema SET version = 9"))

    with pytest.raises(StorageError, match=r"upgrade crmsync; or go back.*migrations URL --to 4 --prefix c_`"):
        SqlStorage(fresh, prefix="c_", members=anyone)
    with pytest.raises(StorageError, match="of version 9, of which this crmsync knows nothing"):
        migrate(fresh, prefix="c_")


def test_an_empty_database_gets_the_newest_tables(fresh: Engine) -> None:
    migrate(fresh)

    with SqlStorage(fresh, members=anyone) as store:
        life(store)


@pytest.mark.parametrize(
    ("to", "said"), [(0, "no version 0"), (VERSION + 1, "no version 5"), (1, "no tables to bring")]
)
def test_what_cannot_be_reached_is_told(tmp_path: Path, to: int, said: str) -> None:
    with pytest.raises(StorageError, match=said):
        migrate(f"sqlite:///{tmp_path}/new.db", to)


def test_the_command_tells_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crmsync.stores.migrations", f"sqlite:///{tmp_path}/none/crm.db"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (1, "") == (done.returncode, done.stdout)
    assert "check that the directory is there" in done.stderr
    assert "Traceback" not in done.stderr


# -- in a host's own migrations

ENVIRONMENT = """
from alembic import context
connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
"""

REVISION = """
from alembic import op
from crmsync.stores.migrations import migrate
revision, down_revision = "crmsync_2", None

def upgrade():
    migrate(op.get_bind(), 4)

def downgrade():
    migrate(op.get_bind(), 1)
"""


def test_a_host_migrates_in_a_revision_of_its_own(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENVIRONMENT)
    (tmp_path / "versions" / "crmsync_2.py").write_text(REVISION)
    config = alembic.config.Config()
    config.set_main_option("script_location", str(tmp_path))
    config.set_main_option("path_separator", "os")

    def run(command: Callable[..., None], to: str) -> int:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command(config, to)
            return version(connection)

    assert 4 == run(alembic.command.upgrade, "head")
    with SqlStorage(engine, members=anyone) as store:
        assert store.load_cursor("mia-mail/INBOX") == "cursor 1"
    assert 1 == run(alembic.command.downgrade, "base")


def version(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT version FROM crmsync_schema")).scalar_one()
    return found
