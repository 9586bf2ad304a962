from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from caldav_servers import CalDavServer, Proxy, radicale, xandikos
from caldav_worlds import clear


@pytest.fixture(scope="session")
def radicale_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture(scope="session")
def xandikos_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with xandikos(tmp_path_factory.mktemp("xandikos")) as server:
        yield server


@pytest.fixture(params=["radicale", "xandikos"])
def server(request: pytest.FixtureRequest) -> CalDavServer:
    """Each of the real servers, without any calendar."""
    running: CalDavServer = request.getfixturevalue(f"{request.param}_server")
    clear(running)
    return running


@pytest.fixture
def proxy_of() -> Iterator[Callable[[CalDavServer | None], Proxy]]:
    """Put a proxy in front of a server."""
    made: list[Proxy] = []

    def make(server: CalDavServer | None) -> Proxy:
        made.append(Proxy(server))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
