"""A small CRM with crmsync inside: `python examples/fastapi_crm/main.py`, then http://127.0.0.1:8000/."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from crmsync.stores.sql import SqlStorage
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles

import api
import pages
from job import Job
from workspace import sample

EVERY = 300.0
"""Seconds between two runs."""


async def sync_forever(job: Job) -> None:
    """Run the job every five minutes, in a thread: the storage and `sync` block, and the event loop must not."""
    while True:
        await asyncio.to_thread(job.run)
        await asyncio.sleep(EVERY)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the database, take in the channels that it does not know yet, and sync as long as the app runs."""
    state = app.state
    state.workspace = sample()
    database = os.environ.get("CRM_DATABASE", f"sqlite:///{Path(__file__).parent}/crm.db")
    state.storage = await asyncio.to_thread(SqlStorage, database, members=state.workspace.members.__contains__)
    known = await asyncio.to_thread(lambda: state.storage.channels)
    for key, channel in state.workspace.channels.items():
        if key not in known:
            await asyncio.to_thread(state.storage.save_channel, channel)
    state.job = Job(state.storage, state.workspace)
    syncing = asyncio.create_task(sync_forever(state.job))
    try:
        yield
    finally:
        syncing.cancel()
        with suppress(asyncio.CancelledError):
            await syncing
        await asyncio.to_thread(state.storage.close)


app = FastAPI(title="Acme CRM", lifespan=lifespan)
app.include_router(api.router)
app.include_router(pages.router)
app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")


@app.exception_handler(HTTPException)
async def ask_who(request: Request, error: HTTPException) -> Response:
    """Lead a browser that has not said who is looking to where it can."""
    if error.status_code == 401 and not request.url.path.startswith("/api/"):
        return RedirectResponse("/who", 303)
    return await http_exception_handler(request, error)


@app.exception_handler(ValueError)
async def refuse(request: Request, _: ValueError) -> Response:
    """A page's token that is none: somebody has changed an address by hand."""
    return await http_exception_handler(request, HTTPException(400, "There is no such page. Begin at the first."))


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
