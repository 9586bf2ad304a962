"""A small CRM with crmsync inside: `python examples/fastapi_crm/main.py`, then http://127.0.0.1:8000/."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn
from crmsync import StorageError
from crmsync.runtime import keys_from
from crmsync.runtime.sql import Workspaces
from crmsync.runtime.worker import Worker
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as NoSuchPage

import api
import blocklist
import connecting
import mailboxes
import overview
import pages
import settings
from member import SignIn
from sessions import COOKIE, Sessions
from web import HEADERS, trouble
from workspace import NAME, Setup, reading, sample_setup


def opened(setup: Setup) -> Workspaces:
    """Open the database, and take in what it does not know yet: the workspace, and the sample's channels."""
    found = Workspaces(
        setup.database, setup.keys, clients=setup.clients, members=lambda _, member: member in setup.members
    )
    workspace = found.get(NAME) if NAME in found.names() else found.make(NAME, setup.policy)
    known = workspace.channels.load()
    for key, sample in setup.samples.items():
        if key not in known:
            workspace.channels.save(sample.channel, sample.account, sample.kind)
            workspace.storage.save_channel(sample.channel)
    return found


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the database open, and run what is due beside the requests, as long as the app runs.

    The storage and the worker block, so both are in threads: the event loop must not. Any number of processes may do
    this on one database, and it does no harm if one dies.
    """
    setup: Setup = app.state.setup
    app.state.workspaces = await asyncio.to_thread(opened, setup)
    worker = Worker(app.state.workspaces, provider_of=partial(reading, setup, app.state.workspaces), at_once=2)
    stop = threading.Event()
    working = threading.Thread(target=worker.run, args=(stop,), kwargs={"idle": 0.3}, name="worker")
    working.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(working.join)  # at its next page, or within a second
        await asyncio.to_thread(app.state.workspaces.close)


def make_app(setup: Setup) -> FastAPI:
    """Return the program, for one setup."""
    app = FastAPI(title=f"{NAME} CRM", lifespan=lifespan)
    app.state.setup, app.state.sessions, app.state.coverage = setup, Sessions(), {}
    for part in (api, pages, connecting, mailboxes, settings, blocklist, overview):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_exception_handler(SignIn, ask_who)
    app.add_exception_handler(NoSuchPage, say_so)
    app.add_exception_handler(RequestValidationError, refuse)
    app.add_exception_handler(ValueError, refuse)
    app.add_exception_handler(StorageError, wait)
    app.middleware("http")(headers)
    return app


async def headers(request: Request, call_next: object) -> Response:
    """Send the headers that protect every page, those of errors too."""
    answer: Response = await call_next(request)  # type: ignore[operator]
    for name, value in HEADERS.items():
        if not request.url.path.startswith("/static/") or name == "X-Content-Type-Options":
            answer.headers.setdefault(name, value)
    return answer


# -- what goes wrong, on a page of its own


def ask_who(_: Request, error: Exception) -> Response:
    """Lead whoever is not signed in to where they can, and from there back."""
    assert isinstance(error, SignIn)  # noqa: S101 - what it is registered for
    answer = RedirectResponse(f"/sign-in?next={error.next}{'&ended=yes' if error.ended else ''}", 303)
    answer.delete_cookie(COOKIE)
    return answer


async def say_so(request: Request, error: Exception) -> Response:
    """Say what is wrong: as JSON to programs, as a page to people."""
    assert isinstance(error, NoSuchPage)  # noqa: S101 - what it is registered for
    if request.url.path.startswith("/api/"):
        return await http_exception_handler(request, error)
    here = request.app.state.sessions.get(request.cookies.get(COOKIE))
    title = "Nothing here" if error.status_code == 404 else "That did not work"
    said = "There is no such page." if error.status_code == 404 else str(error.detail)
    return await asyncio.to_thread(trouble, request, here, error.status_code, title, said)


async def refuse(request: Request, _: Exception) -> Response:
    """An address or a page's token that is none: somebody has changed it by hand."""
    return await say_so(request, HTTPException(400, "There is no such page. Begin at the first."))


async def wait(request: Request, error: Exception) -> Response:
    """The database cannot be used now."""
    return await say_so(request, HTTPException(503, f"{error}. Nothing was lost; try it again in a moment."))


def main() -> None:
    """Serve the sample workspace."""
    port = int(os.environ.get("PORT", "8000"))
    database = os.environ.get("CRM_DATABASE", f"sqlite:///{Path(__file__).parent}/crm.db")
    setup = sample_setup(database, keys_from(os.environ, create=True), f"http://127.0.0.1:{port}")
    uvicorn.run(make_app(setup), host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
