"""The settings' pages, served in this process on loopback vendors and real mail servers."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import uvicorn
from browsing import Browser
from servers import require_server
from serving import EXAMPLES, free_port

from crmsync.providers.network.access import Security, Server
from crmsync.runtime import Key, Keys, Service

HERE = EXAMPLES / "fastapi_crm"
AXE = Path(__file__).parents[2] / "build" / "axe-core" / "axe.min.js"
_NAMES = (
    "api", "blocklist", "connecting", "demo", "mailboxes", "main", "member", "overview", "pages", "sessions",
    "settings", "web", "workspace",
)  # fmt: skip


@contextmanager
def example() -> Iterator[SimpleNamespace]:
    """The example's modules, in this process."""
    sys.path.insert(0, str(HERE))
    try:
        yield SimpleNamespace(**{name: import_module(name) for name in _NAMES})
    finally:
        sys.path.remove(str(HERE))
        for name in _NAMES:
            sys.modules.pop(name, None)


@dataclass
class Walk:
    """The program as it runs, and the vendors that it runs on."""

    base: str
    app: Any
    world: Any
    modules: SimpleNamespace
    clients: list[Client] = field(default_factory=list)

    @property
    def workspace(self) -> Any:
        return self.app.state.workspaces.get("Acme")

    def as_member(self, name: str) -> Client:
        self.clients.append(made := Client(self, name))
        return made

    def card(self, key: str) -> Any:
        from crmsync.runtime import views

        status = self.workspace.channels.get(key)
        return None if status is None else views.status_card(status, time.time())

    def until(self, what: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait for what the worker does beside the pages."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.05)

    def read(self, *keys: str) -> None:
        """Wait until these channels have been read once."""
        self.until(lambda: all((card := self.card(key)) and card.word == "synced" and not card.running for key in keys))

    def forget(self) -> None:
        """Take away what was connected, and sign everybody out: the next walk begins anew."""
        for key, status in self.workspace.channels.load().items():
            if key not in self.app.state.setup.samples:
                self.workspace.channels.remove(key)
                self.workspace.accounts.edit(status.account, lambda _: None)
        self.world.google.oauth.grants.clear()
        self.app.state.sessions.end_all()
        while self.clients:
            self.clients.pop().http.close()


class Client:
    """Somebody's browser without a window: cookies, and the token that its pages hold."""

    def __init__(self, walk: Walk, name: str) -> None:
        self.http = httpx.Client(base_url=walk.base, timeout=30)
        self.http.post(f"/sign-in/{name}")

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def token(self) -> str:
        page = self.get("/settings/accounts").text
        return page.partition('name="token" value="')[2].partition('"')[0]

    def post(self, path: str, **fields: Any) -> httpx.Response:
        return self.http.post(path, data={"token": self.token(), **fields})


@contextmanager
def walking(home: Path) -> Iterator[Walk]:
    """Serve the example on loopback vendors, with Lena's accounts there, and mia's and ben's sample mailboxes."""
    with example() as modules, modules.demo.loopback() as world:
        modules.demo.fill(world)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        setup = modules.workspace.sample_setup(
            f"sqlite:///{home}/crm.db", Keys(Key.new()), base, clients=world.clients, find=world.find,
            allow_internal=True,
        )  # fmt: skip
        app = modules.main.make_app(setup)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        serving = threading.Thread(target=server.run, daemon=True)
        serving.start()
        try:
            walk = Walk(base, app, world, modules)
            walk.until(lambda: server.started)
            walk.read(*setup.samples)
            yield walk
        finally:
            server.should_exit = True
            serving.join(20)


class MailHost:
    """A real IMAP server (Dovecot) of a domain, with an empty mailbox for a new user."""

    def __init__(self, walk: Walk) -> None:
        from dovecot import PASSWORD, dovecot

        self.password = PASSWORD
        self._server = dovecot()
        self.user = self._server.user()
        self.server = Server(
            host="localhost", port=self._server.tls_port, security=Security.TLS, username=self.user,
            ca=self._server.certificate, allow_internal=True,
        )  # fmt: skip
        walk.world.servers[self.user.rpartition("@")[2]] = {Service.IMAP: self.server}

    def deliver(self, *mails: bytes, folder: str = "INBOX") -> None:
        client = self._server.client(self.user)
        folder = folder if folder == "INBOX" else f'"{folder}"'
        if folder != "INBOX":
            client.create(folder)
        for mail in mails:
            client.append(folder, "", None, mail)  # type: ignore[arg-type]  # no date of its own
        client.logout()


# -- what no page may break


def axe(window: Browser) -> list[str]:
    """Return what axe-core finds wrong with the page that is open, each in a line."""
    require_server("axe-core (make axe-core)", AXE.exists())
    window.driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = window.driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',"
        " 'wcag22aa', 'best-practice']}).then(r => done(JSON.stringify(r.violations)));"
    )
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for one in json.loads(found) for node in one["nodes"]
    ]  # fmt: skip
