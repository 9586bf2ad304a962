"""`SqlStorage` keeps the contract on each database, in each way to give it one."""

from __future__ import annotations

import pytest
from sql_hosts import (
    ConnectionHost,
    DirectoryHost,
    EngineHost,
    PostgresConnectionHost,
    PostgresDirectoryHost,
    PostgresHost,
    SchemaHost,
    SqlHost,
)  # fmt: skip


class TestSqlite(SqlHost):
    """The clauses, on a file."""


class TestSqliteConnection(ConnectionHost):
    """The clauses, each batch in a transaction of the host's."""


@pytest.mark.slow
class TestSqliteDirectory(DirectoryHost):
    """The clauses, with people in the host's tables."""


class TestPostgres(PostgresHost):
    """The clauses, on PostgreSQL."""


@pytest.mark.slow
class TestPostgresSchema(SchemaHost):
    """The clauses, in a schema of their own under another prefix."""


@pytest.mark.slow
class TestPostgresEngine(EngineHost):
    """The clauses, on a host's engine with transactions of another level."""


@pytest.mark.slow
class TestPostgresConnection(PostgresConnectionHost):
    """The clauses, each batch in a transaction of the host's."""


@pytest.mark.slow
class TestPostgresDirectory(PostgresDirectoryHost):
    """The clauses, with people in the host's tables."""
