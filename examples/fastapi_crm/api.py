"""The same over JSON: `curl -H 'X-Member: lena' localhost:8000/api/timeline`."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from crmsync.runtime import views
from crmsync.stores.reading import Companies, Entry, People, Query
from fastapi import APIRouter, HTTPException, Request
from fastapi import Query as Parameter

from member import Caller
from web import storage_of, workspace_of

router = APIRouter(prefix="/api")
Limit = Annotated[int, Parameter(ge=1, le=200)]


def as_json(entry: Entry) -> dict[str, Any]:
    """Return an entry for a program. What is hidden is absent from the record, and named beside it."""
    hidden = entry.record.hidden
    return {
        "key": entry.key,
        "thread": entry.thread,
        "at": entry.at.isoformat(),
        "level": entry.level.value,
        "why": entry.why.value,
        "hidden": sorted(hidden),
        "record": entry.record.model_dump(mode="json", exclude={*hidden, "level", "known_as"}),
    }


@router.get("/timeline")
def timeline(
    request: Request,
    viewer: Caller,
    person: str | None = None,
    company: str | None = None,
    thread: str | None = None,
    text: str | None = None,
    kind: Literal["message", "event"] | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Return a page of what the member may see, newest first."""
    query = Query(person=person, company=company, thread=thread, text=text, kind=kind)
    page = storage_of(request).timeline(viewer, query, after=after, before=before, limit=limit)
    return {"entries": [as_json(entry) for entry in page.entries], "next": page.next, "previous": page.previous}


@router.get("/records/{key}")
def record(request: Request, viewer: Caller, key: str) -> dict[str, Any]:
    """Return one record. To whom it is hidden it is not there: 404 for both."""
    found = storage_of(request).entry(viewer, key)
    if found is None:
        raise HTTPException(404, "There is no such record.")
    return as_json(found)


@router.get("/people")
def people(
    request: Request, viewer: Caller, name: str = "", company: str | None = None, after: str | None = None
) -> People:
    """Return a page of people, with what the member sees of each."""
    return storage_of(request).people(viewer, name=name, company=company, after=after)


@router.get("/companies")
def companies(request: Request, viewer: Caller, name: str = "", after: str | None = None) -> Companies:
    """Return a page of companies, with what the member sees of each."""
    return storage_of(request).companies(viewer, name=name, after=after)


@router.get("/sync")
def status(request: Request, viewer: Caller) -> dict[str, Any]:
    """Return how the member's own channels stand."""
    every = workspace_of(request).channels.load()
    return {
        key: views.status_card(one, time.time()).model_dump(mode="json")
        for key, one in every.items() if one.channel.owner == viewer
    }  # fmt: skip


@router.post("/sync", status_code=202)
def start(request: Request, viewer: Caller) -> dict[str, str]:
    """Look sooner at the member's own channels."""
    channels = workspace_of(request).channels
    for key, one in channels.load().items():
        if one.channel.owner == viewer:
            channels.wake(key)
    return {"started_by": viewer}
