from __future__ import annotations

from postgres import database, new_server, server
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url


def test_each_test_has_an_empty_database_of_its_own(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE here (x int)"))
        assert connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar() == 1
    engine.dispose()


def test_a_database_goes_with_its_test() -> None:
    with database() as url:
        name = make_url(url).database
    assert [] == server().execute(f"SELECT datname FROM pg_database WHERE datname = '{name}'")


def test_a_server_of_one_s_own_can_be_stopped_and_started() -> None:
    with new_server() as own:
        own.stop()
        own.start()
        assert [(1,)] == own.execute("SELECT 1")
    assert not own.home.exists()
