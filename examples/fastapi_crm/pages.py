"""Mail and meetings: the timeline, people, companies, one record with why it is seen, and sharing it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Literal

from crmsync import Visibility
from crmsync.rules import Why
from crmsync.runtime import Kind, views
from crmsync.stores.reading import Entry, Query
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from member import Here
from sessions import COOKIE, Session
from web import PAGE, Sent, go, setup_of, show, storage_of, trouble, turns, workspace_of, zone_of

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
NOT_THERE = "There is no such record, or none that you may see."


def lines(request: Request, here: Session, entries: Iterable[Entry]) -> list[tuple[date, list[dict[str, Any]]]]:
    """Put entries under their days, as these are where the viewer is, in the order in which they come."""
    zone = zone_of(request, here)

    def day(row: dict[str, Any]) -> date:
        line: views.RecordLine = row["line"]
        return line.days[0] if line.days else line.at.astimezone(zone).date()

    rows = [{"line": views.record_line(one.record), "mine": one.why is Why.OWNER} for one in entries]
    return [(at, list(rows_)) for at, rows_ in groupby(rows, key=day)]


def kind_of(entry: Entry) -> Kind:
    """Tell mail from meetings."""
    return Kind.MAIL if entry.record.kind == "message" else Kind.CALENDAR


@router.get("/")
def timeline(
    request: Request,
    here: Here,
    text: str = "",
    kind: Literal["message", "event", ""] = "",
    thread: str = "",
    after: str | None = None,
    before: str | None = None,
) -> HTMLResponse:
    """Show everything that the member may see, newest first."""
    query = Query(text=text or None, kind=kind or None, thread=thread or None)
    page = storage_of(request).timeline(here.member, query, after=after, before=before, limit=PAGE)
    found = storage_of(request).count(here.member, query, up_to=1_000)
    return show(
        request, "timeline", here, days=lines(request, here, page.entries), found=found, text=text, kind=kind,
        thread=thread, connected=bool(mailboxes_of(request, here.member)), **turns(request, page),
    )  # fmt: skip


def mailboxes_of(request: Request, member: str) -> list[str]:
    """Return the names of a member's accounts."""
    every = workspace_of(request).channels.load().values()
    return sorted({one.account for one in every if one.channel.owner == member})


# -- one record


@router.get("/records/{key}")
def record(request: Request, here: Here, key: str) -> Response:
    """Show one record, why the viewer sees it, why it is here, and whom it made a contact."""
    storage, viewer = storage_of(request), here.member
    entry = storage.entry(viewer, key)
    if entry is None:
        return trouble(request, here, 404, "Nothing here", NOT_THERE)
    channels, policy = storage.channels, workspace_of(request).policy
    traces = [trace for trace in storage.why(key) if owner_of(channels, trace.stream) == viewer]
    mine = channels.get(traces[0].stream.partition("/")[0]) if traces else None
    people = (
        views.contact_lines(entry.record, mine, policy, known=lambda one: storage.find(one) is not None) if mine else ()
    )
    reasons: dict[str, int] = {}
    for trace in traces:
        reasons[f"{trace.entry.decision.outcome}/{trace.entry.decision.reason}"] = 1
    return show(
        request, "record", here, line=views.record_line(entry.record),
        why=views.why_seen(storage.access(viewer, key), kind_of(entry), viewer),
        here_because=views.reason_lines(reasons, kind_of(entry)), contacts=people, mine=bool(mine),
        sees=seen_by(request, key, kind_of(entry)) if mine else (), asked=asks_about(request, viewer, entry),
        in_thread=storage.count(viewer, Query(thread=entry.thread), up_to=1_000), entry=entry,
    )  # fmt: skip


def owner_of(channels: Any, stream: str) -> str | None:
    """Return whose a stream is."""
    channel = channels.get(stream.partition("/")[0])
    return channel.owner if channel else None


def seen_by(request: Request, key: str, kind: Kind) -> tuple[views.SeenBy, ...]:
    """Return what each member sees of a record."""
    storage = storage_of(request)
    return views.seen_by({name: storage.access(name, key) for name in setup_of(request).members}, kind)


def asks_about(request: Request, viewer: str, entry: Entry) -> list[str]:
    """Return who would like to see more of it, where the viewer can say yes."""
    return [one.viewer for one in storage_of(request).asks(viewer) if one.subject in (entry.key, entry.thread)]


# -- sharing


@router.get("/records/{key}/share")
def sharing(request: Request, here: Here, key: str) -> Response:
    """Ask with whom a record or its conversation is to be shared, and how much; each choice with what it shows."""
    entry = storage_of(request).entry(here.member, key)
    if entry is None or not holds(request, here.member, key):
        return trouble(request, here, 404, "Nothing here", NOT_THERE)
    storage = storage_of(request)
    others = [name for name in sorted(setup_of(request).members) if name != here.member]
    return show(
        request, "share", here, line=views.record_line(entry.record), entry=entry, others=others,
        choices=views.level_choices(entry.record, storage.others(key).level),
        sees=seen_by(request, key, kind_of(entry)), asked=asks_about(request, here.member, entry),
        in_thread=storage.count(here.member, Query(thread=entry.thread), up_to=1_000),
    )  # fmt: skip


@router.post("/records/{key}/share")
def share(request: Request, here: Here, sent: Sent, key: str) -> Response:
    """Share it, after what it means was confirmed, where it shows more to many."""
    storage, viewer = storage_of(request), here.member
    entry = storage.entry(viewer, key)
    if entry is None or not holds(request, viewer, key):
        return trouble(request, here, 404, "Nothing here", NOT_THERE)
    whole, whom, level = sent["what"] == "thread", sent["whom"], sent["level"]
    members = setup_of(request).members
    if level not in {*Visibility, "as-usual"} or (whom and (whom not in members or whom == viewer)):
        return trouble(request, here, 400, "Not understood", "Choose with whom, and how much.", back=f"/records/{key}")
    subject = entry.thread if whole else key
    if level == Visibility.EVERYTHING and not whom and sent["confirmed"] != "yes":
        count = storage.count(viewer, Query(thread=entry.thread), up_to=1_000)
        what = f"all {count} records of this conversation" if whole else "this record"
        return show(
            request, "confirm", here, title="Share everything with everybody?", fields=sent.pairs(), yes="Share it",
            back=f"/records/{key}/share",
            said=[
                f"All {len(members)} members will see {what} with text and attachments.",
                "You can take it back at any time; what somebody has read meanwhile, they have read.",
            ],
        )  # fmt: skip
    storage.set_override(viewer, subject, None if level == "as-usual" else Visibility(level), viewer=whom)
    here.say("That holds at once.")
    return go(f"/records/{key}")


@router.post("/records/{key}/ask")
def ask(request: Request, here: Here, sent: Sent, key: str) -> Response:
    """Ask the owners to show more of it."""
    entry = storage_of(request).entry(here.member, key)
    if entry is None:
        return trouble(request, here, 404, "Nothing here", NOT_THERE)
    try:
        storage_of(request).ask(here.member, entry.thread if sent["what"] == "thread" else key, datetime.now(UTC))
        here.say("Its owner is asked.")
    except ValueError:
        here.say("There is nothing more to ask for: you see all of it.", bad=True)
    return go(f"/records/{key}")


@router.post("/records/{key}/refuse")
def refuse(request: Request, here: Here, sent: Sent, key: str) -> Response:
    """Say no to somebody who asked."""
    entry = storage_of(request).entry(here.member, key)
    if entry is None or not holds(request, here.member, key):
        return trouble(request, here, 404, "Nothing here", NOT_THERE)
    for subject in (entry.key, entry.thread):
        storage_of(request).refuse(here.member, subject, sent["whom"])
    here.say("They see no more than before.")
    return go(f"/records/{key}")


def holds(request: Request, viewer: str, key: str) -> bool:
    """Tell whether a member owns a copy of a record."""
    channels = storage_of(request).channels
    return any(owner_of(channels, trace.stream) == viewer for trace in storage_of(request).why(key) if trace.keys)


# -- people and companies


@router.get("/people")
def people(
    request: Request, here: Here, name: str = "", after: str | None = None, before: str | None = None
) -> HTMLResponse:
    """List everybody."""
    page = storage_of(request).people(here.member, name=name, after=after, before=before, limit=PAGE)
    return show(request, "people", here, people=page.entries, name=name, **turns(request, page))


@router.get("/people/{address}")
def person(
    request: Request, here: Here, address: str, after: str | None = None, before: str | None = None
) -> HTMLResponse:
    """Show the timeline of a contact, or of any other address: a colleague's, say."""
    query = Query(person=address)
    page = storage_of(request).timeline(here.member, query, after=after, before=before, limit=PAGE)
    count = storage_of(request).count(here.member, query, up_to=1_000)
    return show(
        request, "person", here, person=storage_of(request).find(address), address=address,
        days=lines(request, here, page.entries), found=count, **turns(request, page),
    )  # fmt: skip


@router.get("/companies")
def companies(
    request: Request, here: Here, name: str = "", after: str | None = None, before: str | None = None
) -> HTMLResponse:
    """List every company."""
    page = storage_of(request).companies(here.member, name=name, after=after, before=before, limit=PAGE)
    return show(request, "companies", here, companies=page.entries, name=name, **turns(request, page))


@router.get("/companies/{domain}")
def company(request: Request, here: Here, domain: str, after: str | None = None, before: str | None = None) -> Response:
    """Show a company: its people, and their timeline."""
    rows = storage_of(request).companies(here.member, name=domain).entries
    row = next((r for r in rows if r.company.domain == domain), None)
    if row is None:
        return trouble(request, here, 404, "Nothing here", "There is no such company.", back="/companies")
    query = Query(company=domain)
    page = storage_of(request).timeline(here.member, query, after=after, before=before, limit=PAGE)
    staff = storage_of(request).people(here.member, company=domain)
    return show(
        request, "company", here, row=row, people=staff.entries, days=lines(request, here, page.entries),
        **turns(request, page),
    )  # fmt: skip


@router.get("/meetings")
def meetings(request: Request, here: Here, after: str | None = None, before: str | None = None) -> HTMLResponse:
    """Show the meetings that are to come, the next one first, and below them those that were."""
    now, viewer, storage = setup_of(request).now(), here.member, storage_of(request)
    coming = storage.timeline(viewer, Query.upcoming(now), limit=PAGE)
    past = storage.timeline(viewer, Query.past(now, kind="event"), after=after, before=before, limit=PAGE)
    return show(
        request, "meetings", here, coming=lines(request, here, coming.entries), past=lines(request, here, past.entries),
        **turns(request, past),
    )  # fmt: skip


# -- who


@router.get("/sign-in")
def sign_in(request: Request, next: str = "", ended: str = "") -> HTMLResponse:  # noqa: A002 - in the address
    """Ask who is looking."""
    return show(request, "sign_in", members=setup_of(request).members.values(), next=next, ended=ended)


@router.post("/sign-in/{name}")
def be(request: Request, name: str, next: str = "") -> RedirectResponse:  # noqa: A002 - in the address
    """Believe it."""
    if name not in setup_of(request).members:
        raise HTTPException(404, "There is no such member.")
    sessions = request.app.state.sessions
    sessions.end(request.cookies.get(COOKIE))
    made = sessions.begin(name)
    # Only a path of this site: never "//elsewhere.example" nor "/\\elsewhere.example".
    answer = go(next if next.startswith("/") and not next.startswith(("//", "/\\")) else "/")
    secure = setup_of(request).base.startswith("https:")
    # Lax: a person who comes back from their vendor's page has to be known here.
    answer.set_cookie(COOKIE, made.name, httponly=True, samesite="lax", secure=secure)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, here: Here, _: Sent) -> RedirectResponse:
    """End the session."""
    request.app.state.sessions.end(here.name)
    answer = go("/sign-in")
    answer.delete_cookie(COOKIE)
    return answer


@router.post("/zone")
def zone(here: Here, sent: Sent) -> RedirectResponse:
    """Say times in another zone."""
    here.zone = views.zone_of(sent["zone"]).key
    return go("/settings/accounts")
