"""The pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from crmsync import Outcome, Visibility
from crmsync.stores.reading import Query
from fastapi import APIRouter, BackgroundTasks, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

from api import storage_of
from member import COOKIE, Member
from showing import LEVELS, REASONS, days, in_words, line, to_others
from workspace import NOW

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
templates = Jinja2Templates(Path(__file__).parent / "templates")
templates.env.globals |= {"LEVELS": LEVELS, "REASONS": REASONS}
PAGE = 25


def show(request: Request, page: str, viewer: str = "", **values: Any) -> HTMLResponse:
    """Fill in a template; values from outside are escaped there, all of them."""
    here = {"viewer": viewer, "members": request.app.state.workspace.members, "path": request.url.path}
    answer = templates.TemplateResponse(request, f"{page}.html", {**here, **values})
    # No page of one member may come out of a cache for another; and nothing from a mail may load or run.
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'"
    )
    return answer


def turns(request: Request, page: Any) -> dict[str, str]:
    """Return where the pages before and after this one are."""
    asked = {k: v for k, v in request.query_params.items() if v and k not in ("after", "before")}
    return {
        "newer": f"?{urlencode({**asked, 'before': page.previous})}" if page.previous else "",
        "older": f"?{urlencode({**asked, 'after': page.next})}" if page.next else "",
    }


# -- who


@router.get("/who")
def who(request: Request) -> HTMLResponse:
    """Ask who is looking."""
    return show(request, "who")


@router.post("/who/{name}")
def be(request: Request, name: str) -> RedirectResponse:
    """Believe it."""
    if name not in request.app.state.workspace.members:
        raise HTTPException(404, "There is no such member.")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, name, httponly=True, samesite="strict")
    return answer


# -- what there is


@router.get("/")
def timeline(
    request: Request,
    viewer: Member,
    text: str = "",
    kind: Literal["message", "event", ""] = "",
    thread: str = "",
    after: str | None = None,
    before: str | None = None,
) -> HTMLResponse:
    """Show everything that the member may see, newest first."""
    query = Query(text=text or None, kind=kind or None, thread=thread or None)
    page = storage_of(request).timeline(viewer, query, after=after, before=before, limit=PAGE)
    found = storage_of(request).count(viewer, query, up_to=1_000)
    return show(
        request, "timeline", viewer,
        days=days(page.entries), found=found, text=text, kind=kind, thread=thread, **turns(request, page),
    )  # fmt: skip


@router.get("/records/{key}")
def record(request: Request, viewer: Member, key: str) -> HTMLResponse:
    """Show one record, and why it is here and seen."""
    storage = storage_of(request)
    entry = storage.entry(viewer, key)
    if entry is None:
        raise HTTPException(404, "There is no such record, or none that you may see.")
    channels = storage.channels
    return show(
        request, "record", viewer,
        line=line(entry),
        why=in_words(storage.access(viewer, key)),
        traces=[t for t in storage.why(key) if channels[t.stream.partition("/")[0]].owner == viewer],
        others=to_others(storage.others(key)),
        in_thread=storage.count(viewer, Query(thread=entry.thread), up_to=1_000),
        levels=list(Visibility),
    )  # fmt: skip


@router.post("/records/{key}/{level}")
def override(request: Request, viewer: Member, key: str, level: Visibility | Literal["as-usual"]) -> RedirectResponse:
    """Say how much the others see of this very record, whatever the channel says."""
    try:
        storage_of(request).set_override(viewer, key, None if level == "as-usual" else level)
    except ValueError as error:
        raise HTTPException(404, str(error)) from None
    return RedirectResponse(f"/records/{key}", 303)


@router.get("/people")
def people(
    request: Request, viewer: Member, name: str = "", after: str | None = None, before: str | None = None
) -> HTMLResponse:
    """List everybody."""
    page = storage_of(request).people(viewer, name=name, after=after, before=before, limit=PAGE)
    return show(request, "people", viewer, people=page.entries, name=name, **turns(request, page))


@router.get("/people/{address}")
def person(
    request: Request, viewer: Member, address: str, after: str | None = None, before: str | None = None
) -> HTMLResponse:
    """Show the timeline of a contact, or of any other address: a colleague's, say."""
    query = Query(person=address)
    page = storage_of(request).timeline(viewer, query, after=after, before=before, limit=PAGE)
    count = storage_of(request).count(viewer, query, up_to=1_000)
    return show(
        request, "person", viewer,
        person=storage_of(request).find(address), address=address,
        days=days(page.entries), found=count, **turns(request, page),
    )  # fmt: skip


@router.get("/companies")
def companies(
    request: Request, viewer: Member, name: str = "", after: str | None = None, before: str | None = None
) -> HTMLResponse:
    """List every company."""
    page = storage_of(request).companies(viewer, name=name, after=after, before=before, limit=PAGE)
    return show(request, "companies", viewer, companies=page.entries, name=name, **turns(request, page))


@router.get("/companies/{domain}")
def company(
    request: Request, viewer: Member, domain: str, after: str | None = None, before: str | None = None
) -> HTMLResponse:
    """Show a company: its people, and their timeline."""
    row = next(
        (r for r in storage_of(request).companies(viewer, name=domain).entries if r.company.domain == domain), None
    )
    if row is None:
        raise HTTPException(404, "There is no such company.")
    query = Query(company=domain)
    page = storage_of(request).timeline(viewer, query, after=after, before=before, limit=PAGE)
    staff = storage_of(request).people(viewer, company=domain)
    return show(
        request, "company", viewer, row=row, people=staff.entries, days=days(page.entries), **turns(request, page)
    )


@router.get("/meetings")
def meetings(request: Request, viewer: Member, after: str | None = None, before: str | None = None) -> HTMLResponse:
    """Show the meetings that are to come, the next one first, and below them those that were."""
    coming = storage_of(request).timeline(viewer, Query.upcoming(NOW), limit=PAGE)
    past = storage_of(request).timeline(viewer, Query.past(NOW, kind="event"), after=after, before=before, limit=PAGE)
    return show(
        request, "meetings", viewer, coming=days(coming.entries), past=days(past.entries), **turns(request, past)
    )


# -- one's own channels


@router.get("/channels")
def channels(request: Request, viewer: Member) -> HTMLResponse:
    """Show the member's channels: how far each is, what was left out and why, and who sees how much."""
    job = request.app.state.job
    mine = [channel for channel in storage_of(request).channels.values() if channel.owner == viewer]
    left_out = {
        channel.key: [entry for stream in _streams(request, channel.key) for entry in stream] for channel in mine
    }
    return show(
        request, "channels", viewer, mine=mine, status=job.status, running=job.running, left_out=left_out,
        levels=list(Visibility),
    )  # fmt: skip


def _streams(request: Request, channel: str) -> list[list[Any]]:
    storage = storage_of(request)
    provider = request.app.state.workspace.provider(storage.channels[channel])
    names = [stream.name for stream in provider.streams(storage.channels[channel].selection)]
    outcomes = (Outcome.EXCLUDED, Outcome.SKIPPED)
    return [list(storage.ledger(f"{channel}/{name}", outcome=outcome)) for name in names for outcome in outcomes]


@router.post("/channels/{key}/{level}")
def share(request: Request, viewer: Member, key: str, level: Visibility) -> RedirectResponse:
    """Change how much the others see. It holds at once, for what is there already too."""
    channel = storage_of(request).channels.get(key)
    if channel is None or channel.owner != viewer:
        raise HTTPException(404, "You have no such channel.")
    storage_of(request).save_channel(channel.model_copy(update={"visibility": level}))
    return RedirectResponse("/channels", 303)


@router.post("/sync")
def start(request: Request, _: Member, background: BackgroundTasks) -> RedirectResponse:
    """Start a run in the background, and show how far it is."""
    background.add_task(request.app.state.job.run)
    return RedirectResponse("/channels", 303)
