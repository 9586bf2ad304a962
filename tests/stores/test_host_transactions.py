"""Batches in a host's own transactions, on its engine, in its schema; and what each transaction can see."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from postgres import database
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from store_worlds import batch, channel, contact, everything, item, mail

from crmsync.errors import StaleCursor, StorageError
from crmsync.model import Item
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage

HERE = "mia-mail/INBOX"
ANN = "ann@a.example"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/crm.db" if request.param == "sqlite" else stack.enter_context(database())
        made = create_engine(url)
        stack.callback(made.dispose)
        with made.begin() as connection:
            connection.execute(text("CREATE TABLE ours (note text)"))
        if made.dialect.name == "sqlite":
            with made.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        SqlStorage(made, members=bool)
        yield made


@contextmanager
def other_engine(url: str, **options: Any) -> Iterator[Engine]:
    made = create_engine(url, **options)
    yield made
    made.dispose()


def note(connection: Connection, said: str) -> None:
    connection.execute(text("INSERT INTO ours VALUES (:said)"), {"said": said})


def notes(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT note FROM ours ORDER BY 1")).scalars())


# -- the host commits


def test_a_batch_is_committed_with_the_host_s_own_rows(engine: Engine) -> None:
    with engine.begin() as connection:
        note(connection, "before")
        store = SqlStorage(connection, members=bool)
        store.apply(batch(store, item("1", mail("a")), contacts=[contact("ann@a.example", "Ann")]))
        note(connection, "after")
        assert len(store.timeline("mia").entries) == 1

    assert notes(engine) == ["after", "before"]
    assert len(SqlStorage(engine, members=bool).timeline("mia").entries) == 1


def test_what_the_host_rolls_back_takes_the_batch_with_it(engine: Engine) -> None:
    before = everything(SqlStorage(engine, members=bool))
    with engine.connect() as connection:
        store = SqlStorage(connection, members=bool)
        for id_ in "12":
            store.apply(batch(store, item(id_, mail(id_)), contacts=[contact("ann@a.example", "Ann")]))
        note(connection, "lost")
        connection.rollback()

    assert notes(engine) == []
    assert everything(SqlStorage(engine, members=bool)) == before


def test_a_batch_that_fails_leaves_the_host_s_transaction_usable(engine: Engine) -> None:
    with engine.begin() as connection:
        store = SqlStorage(connection, members=bool)
        first = batch(store, item("1", mail("a")))
        store.apply(first)
        note(connection, "kept")
        with pytest.raises(StaleCursor):
            store.apply(first)
        note(connection, "kept too")

    assert notes(engine) == ["kept", "kept too"]
    assert len(SqlStorage(engine, members=bool).timeline("mia").entries) == 1


def test_tables_may_be_made_in_the_host_s_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        SqlStorage(connection, prefix="mine_", members=bool).apply(
            batch(SqlStorage(connection, prefix="mine_", members=bool), item("1", mail("a")))
        )
        connection.rollback()

    assert not [name for name in inspect(engine).get_table_names() if name.startswith("mine_")]


def test_closing_leaves_what_the_host_gave_open(engine: Engine) -> None:
    with engine.connect() as connection:
        SqlStorage(connection, members=bool).close()
        assert not connection.closed
        assert SqlStorage(connection, members=bool).load_cursor(HERE) is None


# -- what a transaction sees


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_whatever_a_host_s_engine_says_each_transaction_has_the_level_that_it_needs(
    postgres_url: str, level: str
) -> None:
    with other_engine(postgres_url, isolation_level=level) as engine, SqlStorage(engine, members=bool) as store:
        seen: dict[str, set[tuple[str, str]]] = {"INSERT": set(), "SELECT": set()}

        def look(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            cursor.execute("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
            seen.setdefault(statement.split(maxsplit=1)[0], set()).add(cursor.fetchone())

        event.listen(engine, "before_cursor_execute", look)
        new = batch(store, item("1", mail("a")), contacts=[contact("ann@a.example")])
        seen.clear()
        store.apply(new)
        assert set().union(*seen.values()) == {("read committed", "off")}
        seen.clear()
        store.timeline("mia")
        assert seen == {"SELECT": {("repeatable read", "on")}}
        event.remove(engine, "before_cursor_execute", look)
        # The host gets its connection back as it was.
        with engine.connect() as connection:
            expected = "read committed" if level == "AUTOCOMMIT" else level.lower()
            assert connection.execute(text("SHOW transaction_isolation")).scalar() == expected
            assert connection.execute(text("SHOW transaction_read_only")).scalar() == "off"


def test_an_answer_is_of_one_moment(engine: Engine) -> None:
    with other_engine(engine.url.render_as_string(hide_password=False)) as second:
        store, writer = SqlStorage(engine, members=bool), SqlStorage(second, members=bool)
        writer.apply(batch(writer, item("1", mail("a", "ann@a.example")), contacts=[contact("ann@a.example", "Ann")]))
        before = everything(store)
        asked: list[str] = []

        def overtake(*said: Any) -> None:
            asked.append(said[2])
            if len(asked) == 2:
                writer.apply(batch(writer, item("2", mail("b", "bea@a.example", minute=1)), deletes=["1"]))

        event.listen(engine, "after_cursor_execute", overtake)
        found = store.people("mia"), store.timeline("mia")
        event.remove(engine, "after_cursor_execute", overtake)

    assert len(asked) > 2
    assert found[0] == before[3]  # type: ignore[index]  # what `everything` lists
    assert [e.record.subject for e in found[1].entries] == ["About b"]  # type: ignore[union-attr]


def test_a_host_s_transaction_that_sees_an_old_moment_may_read_and_not_write(postgres_url: str) -> None:
    with SqlStorage(postgres_url, members=bool) as store:
        store.apply(batch(store, item("1", mail("a"))))
    with other_engine(postgres_url, isolation_level="REPEATABLE READ") as engine, engine.connect() as connection:
        store = SqlStorage(connection, members=bool)
        assert len(store.timeline("mia").entries) == 1
        with pytest.raises(StorageError, match=r"REPEATABLE READ.*give one that is READ COMMITTED or SERIALIZABLE"):
            store.apply(batch(store, item("2", mail("b"))))
        assert connection.execute(text("SELECT count(*) FROM crmsync_records")).scalar() == 1


LEO = {"stream": "leo-mail/INBOX", "of": channel("leo-mail", "leo")}


def bring(engine: Engine, *items: Item, **fields: Any) -> str | None:
    """Apply a batch of Leo's in a transaction of the host's; return what kept it from being committed."""
    try:
        with engine.begin() as connection:
            store = SqlStorage(connection, members=bool)
            store.apply(batch(store, *items, **LEO, **fields))
    except StorageError as error:
        return str(error)
    return None


def meet(url: str, engine: Engine, first: dict[str, Any], second: dict[str, Any]) -> str | None:
    """Let Leo's batch come before Mia's transaction is committed; return what kept his from it."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with ThreadPoolExecutor(1) as pool, other_engine(url) as looking:
        with engine.begin() as connection:
            store = SqlStorage(connection, members=bool)
            store.apply(batch(store, *first["items"], contacts=first["contacts"]))
            leo = pool.submit(bring, engine, *second["items"], contacts=second["contacts"])
            while not leo.done():
                with looking.connect() as look:
                    if look.execute(waiting).scalar():
                        break
        return leo.result(30)


def holds_together(store: SqlStorage) -> bool:
    """Tell whether what reading reads is what follows from the rest."""
    before = everything(store), store.timeline("kim", Query(company="a.example"))
    store.rebuild()
    return before == (everything(store), store.timeline("kim", Query(company="a.example")))


@pytest.mark.parametrize("level", ["READ COMMITTED", "SERIALIZABLE"])
def test_two_transactions_that_bring_one_record_end_as_one_after_the_other(postgres_url: str, level: str) -> None:
    SqlStorage(postgres_url, members=bool).close()
    same = {"items": [item("1", mail("a", ANN))], "contacts": [contact(ANN, "Ann")]}
    with other_engine(postgres_url, isolation_level=level) as engine:
        said = meet(postgres_url, engine, same, same)
        if level == "SERIALIZABLE":
            assert said is not None
            assert "another transaction was in the way; roll back, and sync again" in said
            said = bring(engine, *same["items"], contacts=same["contacts"])
        assert said is None
    with SqlStorage(postgres_url, members=bool) as store:
        assert [len(store.timeline(who).entries) for who in ("mia", "leo", "kim")] == [1, 1, 1]
        assert [p.records for p in store.people("kim").entries] == [1]
        assert holds_together(store)


MAIL = {"items": [item("1", mail("a", ANN))], "contacts": []}
CONTACT = {"items": [item("2", mail("b", "ben@b.example"))], "contacts": [contact(ANN, "Ann")]}


@pytest.mark.parametrize(("first", "second"), [(MAIL, CONTACT), (CONTACT, MAIL)], ids=["mail first", "person first"])
def test_whose_mail_comes_while_they_join_a_company_is_in_its_timeline(
    postgres_url: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    with SqlStorage(postgres_url, members=bool) as store, other_engine(postgres_url) as engine:
        assert meet(postgres_url, engine, first, second) is None
        assert len(store.timeline("kim", Query(company="a.example")).entries) == 1
        assert holds_together(store)


def test_whom_two_transactions_make_at_once_is_made_by_one(postgres_url: str) -> None:
    with SqlStorage(postgres_url, members=bool) as store, other_engine(postgres_url) as engine:
        assert meet(postgres_url, engine, CONTACT, {**MAIL, "contacts": CONTACT["contacts"]}) is None
        assert [p.records for p in store.people("kim").entries] == [1]
        assert holds_together(store)


# -- where the tables are


def test_two_schemas_are_two_worlds(postgres_url: str) -> None:
    with (
        SqlStorage(postgres_url, schema="one", members=bool) as one,
        SqlStorage(postgres_url, schema="Two, too", members=bool) as two,
    ):
        one.apply(batch(one, item("1", mail("a"))))
        assert two.load_cursor(HERE) is None
        two.apply(batch(two, item("1", mail("b"))))
        assert [len(s.timeline("mia").entries) for s in (one, two)] == [1, 1]
    with other_engine(postgres_url) as engine:
        assert inspect(engine).get_table_names() == []
        assert inspect(engine).get_table_names(schema="one") != []


def test_without_a_schema_the_search_path_decides(postgres_url: str) -> None:
    with other_engine(postgres_url) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA first"))
            connection.execute(text(f"ALTER DATABASE {engine.url.database} SET search_path = first, public"))
        engine.dispose()
        SqlStorage(engine, members=bool)
        assert "crmsync_records" in inspect(engine).get_table_names(schema="first")
        SqlStorage(engine, schema="first", members=bool).apply(
            batch(SqlStorage(engine, members=bool), item("1", mail("a")))
        )
        assert len(SqlStorage(engine, members=bool).timeline("mia").entries) == 1


def test_a_prefix_that_is_too_long_is_told(postgres_url: str) -> None:
    with pytest.raises(StorageError, match="give a shorter prefix"):
        SqlStorage(postgres_url, prefix="x" * 60, members=bool)
