"""What only a database can get wrong: versions, locks, disks, plans, and a host's own engine."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from store_worlds import batch, channel, contact, everything, held_by, item, mail

from crmsync.errors import StaleCursor, StorageError
from crmsync.model import Visibility
from crmsync.protocols import Storage
from crmsync.stores.reading import Query, Reader
from crmsync.stores.sql import SqlStorage

HERE = "mia-mail/INBOX"


@contextmanager
def engine_of(url: str, *pragmas: str) -> Iterator[Engine]:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    yield engine
    engine.dispose()


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# -- opening


def test_it_is_a_storage_and_a_reader() -> None:
    def both(storage: Storage, reader: Reader) -> list[object]:
        return [storage.load_cursor(HERE), reader.timeline("mia").next]

    with SqlStorage("sqlite://") as store:
        assert both(store, store) == [None, None]


def test_what_was_stored_is_there_after_opening_again(url: str) -> None:
    with SqlStorage(url) as store:
        store.apply(batch(store, item("1", mail("a", "ann@a.example")), contacts=[contact("ann@a.example", "Ann")]))
        before = everything(store)
    with SqlStorage(url) as store:
        assert everything(store) == before


def test_a_new_file_is_its_owners_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        file = tmp_path / "crm.db"
        with closing(SqlStorage(f"sqlite:///{file}")) as storage:
            storage.apply(batch(storage, item("1", mail("a"))))
            modes = {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
    finally:
        os.umask(before)

    assert {0o600} == modes


def test_two_prefixes_are_two_worlds(url: str) -> None:
    with SqlStorage(url, prefix="one_") as one, SqlStorage(url, prefix="two_") as two:
        one.apply(batch(one, item("1", mail("a"))))
        assert two.load_cursor(HERE) is None
        two.apply(batch(two, item("1", mail("b"))))
        assert held_by(one, HERE, "1") == item("1", mail("a"))


@pytest.mark.parametrize("url", ["crm.db", "", "no such thing", "sqlite:/crm.db"])
def test_what_is_no_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(StorageError, match="sqlite:///path"):
        SqlStorage(url)


def test_a_database_that_cannot_be_used_is_refused_without_its_password() -> None:
    with pytest.raises(StorageError, match="mysql is no database that crmsync can use") as caught:
        SqlStorage("mysql://crm:hunter2@host/name")
    assert "hunter2" not in repr(caught.value) + str(caught.value.__cause__) + str(caught.value.__context__)


def test_of_two_that_open_a_new_database_at_once_one_makes_the_tables(url: str) -> None:
    opened: list[bool] = []
    with engine_of(url) as engine:

        @event.listens_for(engine, "before_cursor_execute")
        def _overtaken(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if statement == "BEGIN IMMEDIATE" and not opened:
                opened.append(True)
                SqlStorage(url).close()

        with SqlStorage(engine) as store:
            store.apply(batch(store, item("1", mail("a"))))
    assert opened == [True]


def test_while_others_read_the_log_mode_waits_for_another_opening(url: str) -> None:
    with engine_of(url) as engine:
        SqlStorage(engine)
    with closing(sqlite3.connect(path_of(url), isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM crmsync_schema").fetchall()
        with SqlStorage(f"{url}?timeout=0.05") as store:
            assert store.load_cursor(HERE) is None
    with SqlStorage(url) as store, store._database._bind.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_file_keeps_a_write_ahead_log_and_waits_for_other_writers(url: str) -> None:
    with SqlStorage(url) as store, store._database._bind.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
        ]
    assert found == ["wal", 30_000, 1, 1]


# -- a host's engine


def test_a_hosts_engine_is_used_as_it_is_and_stays_open(url: str) -> None:
    with engine_of(url) as engine:
        with SqlStorage(engine) as store:
            store.apply(batch(store, item("1", mail("a"))))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM crmsync_records")).scalar() == 1
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "delete"


def test_a_hosts_engine_may_begin_transactions_itself(url: str) -> None:
    # As SQLAlchemy's documentation tells the users of SQLite to do.
    with engine_of(url) as engine:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        with SqlStorage(engine) as store:
            first = batch(store, item("1", mail("a")))
            store.apply(first)
            with pytest.raises(StaleCursor):
                store.apply(first)
            assert len(store.timeline("mia").entries) == 1


def test_a_hosts_pool_that_is_used_up_says_so(url: str) -> None:
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with (
        SqlStorage(engine) as store,
        engine.connect(),
        pytest.raises(StorageError, match="connections of its pool are in use"),
    ):
        store.load_cursor(HERE)
    engine.dispose()


# -- what a host can act on


def refused(store: SqlStorage) -> str:
    """Apply a batch that must fail, and return what a person is told."""
    secret = batch(
        store, item("9", mail("secret", text="nobody may read this\n" * 20_000)), contacts=[contact("a@b.c")]
    )
    before = everything(store)
    with pytest.raises(StorageError) as caught:
        store.apply(secret)
    error = caught.value
    assert everything(store) == before
    told = str(error)
    assert "nobody may read" not in told + str(error.__cause__)
    assert str(pickle.loads(pickle.dumps(error))) == told
    return told


def test_a_locked_database_says_so_and_works_afterwards(url: str) -> None:
    with SqlStorage(f"{url}?timeout=0.05") as store, closing(sqlite3.connect(path_of(url))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "another program holds its lock" in refused(store)
        other.rollback()
        store.apply(batch(store, item("1", mail("a"))))


def test_readers_are_not_kept_waiting_by_a_writer(url: str) -> None:
    with SqlStorage(f"{url}?timeout=0.05") as store, closing(sqlite3.connect(path_of(url))) as other:
        store.apply(batch(store, item("1", mail("a"))))
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM crmsync_links")
        assert len(store.timeline("mia").entries) == 1


def test_a_database_that_may_not_be_written_says_so(url: str) -> None:
    SqlStorage(url).close()
    with engine_of(f"sqlite:///file:{path_of(url)}?mode=ro&uri=true") as engine, SqlStorage(engine) as store:
        assert "may not be written" in refused(store)


def test_a_full_disk_says_so(url: str) -> None:
    SqlStorage(url).close()
    with engine_of(url, "max_page_count = 60") as engine, SqlStorage(engine) as store:
        assert "the disk is full" in refused(store)


def test_a_file_that_is_no_database_says_so(url: str) -> None:
    path_of(url).write_bytes(b"Dear diary, " * 1_000)
    with pytest.raises(StorageError, match="no SQLite database"):
        SqlStorage(url)


def test_a_damaged_file_says_so(url: str) -> None:
    with SqlStorage(url) as store:
        store.apply(batch(store, *[item(str(n), mail(f"n{n}")) for n in range(500)]))
    data = path_of(url).read_bytes()
    path_of(url).write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
    with pytest.raises(StorageError, match="damaged"), SqlStorage(url) as store:
        store.timeline("mia")


def test_a_directory_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="check that the directory"):
        SqlStorage(f"sqlite:///{tmp_path}/missing/crm.db")


# -- what only rows can hold


def test_a_link_without_its_channel_shows_nothing_to_anybody(url: str) -> None:
    with SqlStorage(url) as store:
        store.apply(batch(store, item("1", mail("a"))))
        with closing(sqlite3.connect(path_of(url))) as connection, connection:
            connection.execute("DELETE FROM crmsync_channels")
        store.rebuild()
        for strictest in (False, True):
            assert list(store.timeline("mia", strictest=strictest).entries) == []
            assert list(store.timeline("leo", strictest=strictest).entries) == []


def test_a_level_of_a_newer_version_shows_nothing_to_others(url: str) -> None:
    with SqlStorage(url) as store:
        store.apply(batch(store, item("1", mail("a"))))
        with closing(sqlite3.connect(path_of(url))) as connection, connection:
            connection.execute("UPDATE crmsync_channels SET visibility = 'EVERYTHING'")
        store.rebuild()
        assert list(store.timeline("leo").entries) == []
        assert len(store.timeline("mia").entries) == 1
        assert store.channels["mia-mail"].visibility is Visibility.PRIVATE


def test_a_person_with_two_addresses_has_one_timeline(url: str) -> None:
    both, one = mail("both", "ann@a.example", "ann@home.example"), mail("one", "ann@home.example", minute=1)
    with SqlStorage(url) as store:
        people = [contact("ann@a.example", "Ann Doe"), contact("ann@home.example")]
        store.apply(batch(store, item("1", both), item("2", one), contacts=people))
        with closing(sqlite3.connect(path_of(url))) as connection, connection:
            connection.execute("UPDATE crmsync_addresses SET person_id = 1, position = 1 WHERE person_id = 2")
            connection.execute("DELETE FROM crmsync_people WHERE id = 2")
        store.rebuild()
        assert [p.addresses for p in store.people("mia").entries] == [("ann@a.example", "ann@home.example")]
        for address in ("ann@a.example", "ann@home.example"):
            keys = [e.key for e in store.timeline("mia", Query(person=address)).entries]
            assert keys == [one.key, both.key]
        assert [p.records for p in store.people("mia").entries] == [2]
        store.apply(batch(store, contacts=people))
        assert len(store.people("mia").entries) == 1
        store.delete_person("ann@home.example")
        store.apply(batch(store, contacts=people))
        assert list(store.people("mia").entries) == []


def test_a_deleted_person_leaves_nothing_but_the_addresses(url: str) -> None:
    with SqlStorage(url) as store:
        store.apply(batch(store, contacts=[contact("ann@a.example", "Ann Doe")]))
        store.delete_person("ann@a.example")
    with closing(sqlite3.connect(path_of(url))) as connection:
        assert connection.execute("SELECT first, last, company FROM crmsync_people").fetchall() == [("", "", None)]


def test_one_mail_in_many_places_is_one_row(url: str) -> None:
    with SqlStorage(url) as store:
        for key, owner in (("mia-mail", "mia"), ("leo-mail", "leo")):
            for name in ("INBOX", "Sent"):
                of = channel(key, owner)
                store.apply(batch(store, item("1", mail("a")), stream=f"{key}/{name}", of=of))
        with closing(sqlite3.connect(path_of(url))) as connection:
            counts = [connection.execute(f"SELECT count(*) FROM crmsync_{t}").fetchone() for t in ("records", "links")]
    assert counts == [(1,), (4,)]


def test_what_nothing_links_leaves_no_row(url: str) -> None:
    with SqlStorage(url) as store:
        ids = [str(n) for n in range(700)]
        store.apply(batch(store, *[item(i, mail(f"n{i}", f"p{i}@a.example")) for i in ids]))
        store.apply(batch(store, deletes=ids[:-1], decisions=[]))
        store.apply(batch(store, item(ids[-1], mail("another", "x@a.example"))))
    with closing(sqlite3.connect(path_of(url))) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM crmsync_{t}").fetchone() for t in ("records", "participants")
        ]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert counts == [(1,), (1,)]
