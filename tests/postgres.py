"""A PostgreSQL server for tests: private, thrown away, started by the first test that asks.

`with database() as url:` gives an empty database. As root the server runs as another user, which it insists on.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from servers import require_server

USER, PASSWORD = "crmsync", "s3cret-pa55"
_SETTINGS = {
    "listen_addresses": "",  # a socket in a directory of its own: no port that another run could take
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "timezone": "Asia/Kathmandu",  # nothing may depend on it
}
_numbers = count(1)


class Server(NamedTuple):
    """A running server."""

    programs: Path
    home: Path
    """Owned by the user it runs as; the data is in `data`, the socket beside it."""

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        log = self.home / "log"
        options: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _other_user()
            options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with log.open("ab") as output:
            command = [str(self.programs / program), *arguments]
            done = subprocess.run(command, cwd=self.home, stdout=output, stderr=output, check=False, **options)
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{log.read_text(errors='replace')[-2000:]}")

    def own(self, *paths: Path) -> None:
        """Make the server's user the owner of files and folders."""
        if os.geteuid() == 0:
            user = _other_user()
            for path in paths:
                os.chown(path, user.pw_uid, user.pw_gid)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        options = f"{settings} -c unix_socket_directories={self.home}"
        self.run("pg_ctl", "start", "--wait", f"--pgdata={self.home}/data", f"--options={options}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it."""
        self.run("pg_ctl", "stop", "--wait", f"--pgdata={self.home}/data", f"--mode={mode}")

    def url(self, name: str = "postgres", user: str = USER, password: str = PASSWORD) -> str:
        """Return a database's URL for SQLAlchemy."""
        return f"postgresql+psycopg://{user}:{password}@/{name}?host={self.home}"

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the superuser, each in a transaction of its own, and return its rows."""
        with psycopg.connect(
            f"host={self.home} dbname={name} user={USER} password={PASSWORD}", autocommit=True
        ) as here:
            cursor = here.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@cache
def _programs() -> Path | None:
    """Return where the newest PostgreSQL is, from version 15."""
    here = shutil.which("initdb")
    found = [Path(here).resolve().parent] if here else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    for programs in found:
        if (programs / "initdb").exists() and (programs / "pg_ctl").exists():
            said = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True)
            version = said.stdout.partition(") ")[2].partition(".")[0]
            if version.isdigit() and int(version) >= 15:
                return programs
    return None


def _other_user() -> Any:
    import pwd  # not on Windows, where nobody is root

    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


@contextmanager
def new_server() -> Iterator[Server]:
    """Start a server of a test's own, to stop or to fill as it likes; `server` is the one that tests share."""
    programs = _programs()
    require_server("PostgreSQL 15 or newer", programs is not None)
    assert programs is not None
    # Not pytest's directory: a socket's path may have a hundred bytes, and another user must get there.
    home = Path(tempfile.mkdtemp(prefix="crmsync-pg-"))
    try:
        (home / "password").write_text(PASSWORD)
        here = Server(programs, home)
        here.own(home, home / "password")
        # As many production databases have it, and unlike Python's order: nothing may depend on this either.
        order = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C", "--encoding=UTF8"]
        access = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={home}/password"]
        here.run("initdb", f"--pgdata={home}/data", "--no-sync", *order, *access)
        here.start()
        with _outlived_by_nothing(home):
            yield here
            if (home / "data" / "postmaster.pid").exists():
                here.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _outlived_by_nothing(home: Path) -> Iterator[None]:
    """Stop the server and delete what it wrote, even where this process is killed and cannot."""
    pid = f"{home}/data/postmaster.pid"
    ends = f'cat >/dev/null; [ -f {pid} ] && kill -QUIT "$(head -n 1 {pid})" && sleep 1; rm -rf {home}'
    # It reads until nobody holds the other end any more.
    with subprocess.Popen(["sh", "-c", ends], stdin=subprocess.PIPE, start_new_session=True) as watching:
        yield
        watching.kill()


@cache
def server() -> Server:
    """Return the server that all tests share, which stops with the process."""
    starting = new_server()
    started, process = starting.__enter__(), os.getpid()

    @atexit.register
    def stop() -> None:
        if os.getpid() == process:  # not a fork of it
            starting.__exit__(None, None, None)

    return started


@contextmanager
def database(options: str = "") -> Iterator[str]:
    """Make an empty database, return its URL, and drop it; `options` are CREATE DATABASE's."""
    here, name = server(), f"test_{os.getpid()}_{next(_numbers)}"
    here.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
    try:
        yield here.url(name)
    finally:
        here.execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def kept_database(name: str) -> str:
    """Return the URL of a database under a name of its user's, which is there until the server goes."""
    here = server()
    here.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return here.url(name)
