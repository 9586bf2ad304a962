"""What PostgreSQL refuses is told in words that say what to do, nothing half applied and nothing given away."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import postgres
import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from store_worlds import batch, contact, everything, item, mail

from crmsync.errors import StorageError
from crmsync.stores.sql import SqlStorage
from crmsync.stores.sql.faults import RETRIED


def first(store: SqlStorage) -> None:
    store.apply(batch(store, item("1", mail("a")), contacts=[contact("ann@a.example", "Ann Doe")]))


def told(act: Callable[[], object]) -> str:
    """Return what a person is told, which holds nothing of what was written, nor the password."""
    with pytest.raises(StorageError) as caught:
        act()
    error, said = caught.value, str(caught.value)
    chain = repr([error, error.__cause__]) + ("" if error.__suppress_context__ else repr(error.__context__))
    for secret in ("nobody may read", "secret@", "Zoe", "INSERT INTO", " FROM ", "$1", postgres.PASSWORD):
        assert secret not in said + chain
    assert str(pickle.loads(pickle.dumps(error))) == said
    return said


def refused(store: SqlStorage) -> str:
    """Apply a batch that must fail whole, and return what a person is told."""
    before = everything(store)
    secret = mail("secret", "secret@b.example", text="nobody may read this\n" * 20_000)
    said = told(lambda: store.apply(batch(store, item("1", secret), contacts=[contact("secret@b.example", "Zoe")])))
    assert everything(store) == before
    return said


def of_others(url: str, statement: str) -> None:
    """Run a statement in a connection of its own, as the superuser."""
    postgres.server().execute(statement, str(make_url(url).database))


def failing_with(code: str) -> str:
    """Return a trigger that fails late in a batch: when somebody gets an address."""
    return f"""
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'nobody may read' USING ERRCODE = '{code}', DETAIL = 'Key (address)=(secret@b.example)';
        END $$;
        CREATE TRIGGER fail BEFORE INSERT ON crmsync_addresses EXECUTE FUNCTION fail();
    """


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("08006", "the connection was lost; sync again"),
        ("22001", "check that nobody changed crmsync's tables"),
        ("22P05", "ENCODING 'UTF8'"),
        ("23505", "check that nobody else writes crmsync's tables"),
        ("25006", "connect to the primary server"),
        ("28000", "check user and password"),
        ("3D000", "create it with ENCODING 'UTF8'"),
        ("3F000", "there is no such schema; create it"),
        ("42501", "GRANT it USAGE"),
        ("42703", "give another database, schema or prefix"),
        ("53100", "the server's disk is full; make room"),
        ("53200", "max_locks_per_transaction"),
        ("53300", "raise max_connections"),
        ("53400", "resources are used up"),
        ("54000", "too long to be indexed"),
        ("55P03", "look for it in pg_stat_activity"),
        ("57014", "see statement_timeout"),
        ("57P01", "the connection was lost; sync again"),
        ("58030", "the server's disk failed"),
        ("XX001", "restore a backup"),
        ("XX000", "see the server's log"),
        ("P0001", "see the server's log"),
    ],
)
def test_each_class_of_errors_says_what_to_do(postgres_url: str, code: str, advice: str) -> None:
    with SqlStorage(postgres_url) as store:
        first(store)
        of_others(postgres_url, failing_with(code))
        said = refused(store)
        assert said.startswith("the database cannot be used: ")
        assert said.endswith(f" (SQLSTATE {code})")
        assert advice in said
        of_others(postgres_url, "DROP TRIGGER fail ON crmsync_addresses")
        store.apply(batch(store, contacts=[contact("secret@b.example", "Zoe")]))


@pytest.mark.parametrize("code", sorted(RETRIED))
def test_a_transaction_that_gave_way_is_tried_again(postgres_url: str, code: str) -> None:
    with SqlStorage(postgres_url) as store:
        first(store)
        twice = "CREATE SEQUENCE tries; " + failing_with(code).replace(
            "BEGIN\n", "BEGIN IF nextval('tries') <= 2 THEN\n"
        )
        of_others(
            postgres_url,
            twice.replace("END $$", "END IF; RETURN NEW; END $$").replace("EXECUTE", "FOR EACH ROW EXECUTE"),
        )
        store.apply(batch(store, contacts=[contact("fay@b.example", "Fay")]))
        assert store.find("fay@b.example") is not None


def test_one_that_gives_way_for_ever_says_so(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.stores.sql.engine._ATTEMPTS", 2)
    with SqlStorage(postgres_url) as store:
        first(store)
        of_others(postgres_url, failing_with("40P01"))
        assert "another transaction was in the way" in refused(store)


# -- opening


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist; check that the server runs'),
        ({"password": "wrong"}, 'password authentication failed for user "crmsync"; check that'),
        ({"username": "nobody"}, 'password authentication failed for user "nobody"; check that'),
        ({"query": {"host": "/nowhere"}}, "check that the server runs, and the URL's host, port"),
    ],
)
def test_a_database_that_cannot_be_reached_says_why(postgres_url: str, change: dict[str, Any], advice: str) -> None:
    url = make_url(postgres_url).set(**change)

    assert advice in told(lambda: SqlStorage(url))


def test_a_url_without_a_driver_gets_ours(postgres_url: str) -> None:
    for scheme in ("postgresql", "postgres"):
        with SqlStorage(postgres_url.replace("postgresql+psycopg", scheme)) as store:
            assert store.load_cursor("mia-mail/INBOX") is None


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)

    assert "pip install 'crmsync[postgresql]'" in told(lambda: SqlStorage("postgresql://me:s3cret-pa55@host/name"))


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_all_text_is_refused_before_anything_is_made(encoding: str) -> None:
    options = f"ENCODING '{encoding}' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    with postgres.database(options) as url:
        assert f"server_encoding is {encoding}" in told(lambda: SqlStorage(url))
        tables = postgres.server().execute(
            "SELECT 1 FROM pg_tables WHERE schemaname = 'public'", make_url(url).database
        )
        assert [] == tables


def test_a_hosts_connection_of_another_encoding_is_refused(postgres_url: str) -> None:
    engine = create_engine(postgres_url, connect_args={"client_encoding": "latin1"})

    assert "client_encoding is LATIN1" in told(lambda: SqlStorage(engine))

    engine.dispose()


def test_a_hosts_connection_that_commits_by_itself_is_refused(postgres_url: str) -> None:
    with host_engine(postgres_url, isolation_level="AUTOCOMMIT") as engine, engine.connect() as connection:
        assert "commits each statement by itself" in told(lambda: SqlStorage(connection))


@contextmanager
def host_engine(url: str, **options: Any) -> Iterator[Engine]:
    engine = create_engine(url, **options)
    yield engine
    engine.dispose()


def test_who_may_only_read_can_read(postgres_url: str) -> None:
    with SqlStorage(postgres_url) as store:
        first(store)
    with as_reader(postgres_url) as url, SqlStorage(url) as store:
        assert len(store.timeline("mia").entries) == 1
        assert "this user lacks a right; GRANT it USAGE" in refused(store)


def test_who_may_make_no_tables_is_told(postgres_url: str) -> None:
    with as_reader(postgres_url) as url:
        assert "only who makes or migrates the tables needs CREATE (SQLSTATE 42501)" in told(lambda: SqlStorage(url))
        assert "lacks a right" in told(lambda: SqlStorage(url, schema="crm"))


def test_the_rights_that_are_named_suffice(postgres_url: str) -> None:
    SqlStorage(postgres_url).close()
    with as_reader(postgres_url) as url, SqlStorage(url) as store:
        of_others(postgres_url, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader")
        of_others(postgres_url, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reader")
        first(store)
        store.apply(batch(store, deletes=["1"]))
        store.delete_person("ann@a.example")


@contextmanager
def as_reader(url: str) -> Iterator[str]:
    of_others(url, "CREATE ROLE reader LOGIN PASSWORD 'reader'")
    of_others(url, "GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    try:
        yield make_url(url).set(username="reader", password="reader").render_as_string(hide_password=False)
    finally:
        of_others(url, "DROP OWNED BY reader")
        of_others(url, "DROP ROLE reader")


def test_a_server_that_only_reads_is_read_and_says_so(postgres_url: str) -> None:
    with SqlStorage(postgres_url) as store:
        first(store)
    with host_engine(postgres_url) as engine:
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("SET TRANSACTION READ ONLY"))
        with SqlStorage(engine) as store:
            assert "connect to the primary server" in refused(store)


# -- while it runs


def test_a_lock_that_another_holds_is_waited_for_and_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.stores.sql.engine.WAIT", 0.05)
    with SqlStorage(postgres_url) as store, host_engine(postgres_url) as other, other.connect() as connection:
        first(store)
        connection.execute(text("UPDATE crmsync_streams SET channel = channel"))
        assert "another transaction holds a lock for too long" in refused(store)
        connection.rollback()
        first(store)


def test_a_connection_that_was_cut_while_idle_costs_nothing(postgres_url: str) -> None:
    with SqlStorage(postgres_url) as store:
        first(store)
        cut(postgres_url)
        first(store)


def test_a_connection_cut_in_a_batch_leaves_nothing_of_it(postgres_url: str) -> None:
    with host_engine(postgres_url) as engine, SqlStorage(engine) as store:
        first(store)
        before = everything(store)
        moments = 0
        while True:
            new = batch(store, item("1", mail("new", "fay@c.example")), contacts=[contact("fay@c.example", "Fay")])
            said = cut_off(engine, postgres_url, moments, partial(store.apply, new))
            if said is None:
                break
            assert "the connection was lost; sync again" in said
            assert everything(store) == before
            moments += 1
        assert moments >= 10
        assert len(store.timeline("mia").entries) == 1
        assert store.find("fay@c.example") is not None


def cut_off(engine: Engine, url: str, moment: int, act: Callable[[], object]) -> str | None:
    """Do something, and cut its connection after so many statements; return what is told, if anything."""
    left = iter(range(moment + 1))

    def maybe(*_: object) -> None:
        if next(left, None) == moment:
            cut(url)

    event.listen(engine, "after_cursor_execute", maybe)
    try:
        return told(act)
    except pytest.fail.Exception:
        return None
    finally:
        event.remove(engine, "after_cursor_execute", maybe)


def cut(url: str) -> None:
    """Cut all connections to a database."""
    here = f"FROM pg_stat_activity WHERE datname = '{make_url(url).database}'"
    postgres.server().execute(f"SELECT pg_terminate_backend(pid, 5000) {here}")


def test_a_server_that_goes_down_says_so_and_is_used_again_when_it_is_up() -> None:
    with postgres.new_server() as own, SqlStorage(own.url()) as store:
        first(store)
        own.stop("fast")
        said = told(lambda: first(store))
        assert "check that the server runs" in said
        own.start()
        first(store)


def test_a_server_that_dies_in_mid_batch_has_nothing_of_it_when_it_is_up() -> None:
    with (
        postgres.new_server() as own,
        host_engine(own.url(), pool_pre_ping=True) as engine,
        SqlStorage(engine) as store,
    ):
        first(store)
        own.execute("CHECKPOINT")  # tests' servers commit without waiting for the disk
        before = everything(store)
        new = batch(store, item("1", mail("new", "fay@c.example")), contacts=[contact("fay@c.example", "Fay")])

        def die(*said: Any) -> None:
            if said[2].startswith("INSERT INTO crmsync_shown"):
                own.stop("immediate")

        event.listen(engine, "after_cursor_execute", die)
        assert "the connection was lost; sync again" in told(lambda: store.apply(new))
        event.remove(engine, "after_cursor_execute", die)
        own.start()
        assert everything(store) == before
        store.apply(new)
        assert store.find("fay@c.example") is not None


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with postgres.new_server() as own, small_disk(own) as place:
        own.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
        own.execute("CREATE DATABASE crm TABLESPACE small")
        with SqlStorage(own.url("crm")) as store:
            first(store)
            ballast = place / "ballast"
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            assert "the server's disk is full; make room" in refused(store)
            ballast.unlink()
            store.apply(batch(store, contacts=[contact("secret@b.example", "Zoe")]))


@contextmanager
def small_disk(server: postgres.Server) -> Iterator[Path]:
    """Mount a file system of 16 MB for a server."""
    place = server.home / "small"
    place.mkdir()
    size = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    mounted = subprocess.run(size, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("needs the right to mount a small file system")
    try:
        server.own(place)
        yield place
    finally:
        server.stop()
        subprocess.run(["umount", str(place)], check=True)
