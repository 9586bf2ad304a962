"""What all pages share: forms that only this site's pages can send, headers, templates, times in the viewer's zone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlencode
from zoneinfo import ZoneInfo

from crmsync import Channel
from crmsync.runtime import views
from crmsync.runtime.sql import Workspace, Workspaces
from crmsync.stores.sql import SqlStorage
from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

from member import Here, person
from sessions import Session
from workspace import NAME, Setup

templates = Jinja2Templates(Path(__file__).parent / "templates")
PAGE = 25
LONGEST_FORM = 200_000
"""Octets: 1,000 folders fit."""

HEADERS = {
    # No page of one member may come out of a cache for another.
    "Cache-Control": "no-store",
    # Nothing from a mail may load or run, no script runs at all, and nobody puts these pages into theirs.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


class Form:
    """The fields of a form, as they were sent."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        """Return a field; empty where it was not sent."""
        return self._fields.get(name, [""])[-1].strip()

    def every(self, name: str) -> list[str]:
        """Return all values of a field that may be ticked several times."""
        return self._fields.get(name, [])

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def secret(self, name: str) -> str:
        """Return a field as it was typed, spaces and all: a password."""
        return self._fields.get(name, [""])[-1]

    def pairs(self) -> list[tuple[str, str]]:
        """Return all fields but the token, to be sent again by a page that asks whether they are meant."""
        return [(name, value) for name, values in self._fields.items() if name != "token" for value in values]


async def form(request: Request, here: Here) -> Form:
    """Read a form that a page of this site sent for this very session.

    Raises:
        HTTPException: 403, it is another site's, or another session's; 413, it is too long.

    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, "That is more than a form of this page sends.")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=5_000)
    origin = request.headers.get("origin")
    same = origin in (None, "null", request.app.state.setup.base) and origin != "null"
    if not same or not here.accepts(fields.get("token", [""])[-1]):
        raise HTTPException(403, "This form is not from here, or from a session that has ended. Nothing was done.")
    return Form(fields)


Sent = Annotated[Form, Depends(form)]


def setup_of(request: Request) -> Setup:
    """Return how this CRM is set up."""
    found: Setup = request.app.state.setup
    return found


def workspaces_of(request: Request) -> Workspaces:
    """Return the workspaces of the database."""
    found: Workspaces = request.app.state.workspaces
    return found


def workspace_of(request: Request) -> Workspace:
    """Return the one workspace of this CRM. With many, the session says whose."""
    return workspaces_of(request).get(NAME)


def storage_of(request: Request) -> SqlStorage:
    """Return its storage. Every endpoint that uses it is a plain `def`: FastAPI runs those in threads."""
    return workspace_of(request).storage


def show(request: Request, page: str, here: Session | None = None, status: int = 200, **values: Any) -> HTMLResponse:
    """Fill in a template; values from outside are escaped there, all of them."""
    viewer = person(request, here.member) if here else None
    zone = zone_of(request, here)
    now = setup_of(request).now()
    given = {
        "here": here, "viewer": viewer, "path": request.url.path, "zone": zone.key,
        "notes": here.heard() if here else [], "now": now.timestamp(),
        "time": lambda at: _time(at, zone, now), "since": lambda at: _since(at, zone), "day": lambda at: _day(at, zone),
        "clock": lambda at: _clock(at, zone),
    }  # fmt: skip
    answer = templates.TemplateResponse(request, f"{page}.html", {**given, **values}, status_code=status)
    if values.get("refresh") and request.query_params.get("live") != "no":
        answer.headers["Refresh"] = str(values["refresh"])  # without a script; the page says how to stop it
    return answer


def zone_of(request: Request, here: Session | None) -> ZoneInfo:
    """Return the time zone of whoever looks."""
    if here is None:
        return ZoneInfo("UTC")
    return views.zone_of(here.zone or person(request, here.member).zone)


def go(path: str) -> RedirectResponse:
    """Lead to another page after something was done: going back in the browser does not do it again."""
    return RedirectResponse(path, 303)


def trouble(
    request: Request, here: Session | None, status: int, title: str, *said: str, back: str = "/"
) -> HTMLResponse:
    """Say what went wrong on a page of its own, and where to go from there."""
    return show(request, "trouble", here, status, title=title, said=[one for one in said if one], back=back)


def turns(request: Request, page: Any) -> dict[str, str]:
    """Return where the pages before and after this one are."""
    asked = {k: v for k, v in request.query_params.items() if v and k not in ("after", "before")}
    return {
        "newer": f"?{urlencode({**asked, 'before': page.previous})}" if page.previous else "",
        "older": f"?{urlencode({**asked, 'after': page.next})}" if page.next else "",
    }


def version_of(channel: Channel) -> str:
    """Name these settings, so that a form can say which ones its person saw."""
    return hashlib.blake2b(channel.model_dump_json().encode(), digest_size=12).hexdigest()


# -- moments, as every template writes them: for programs and screen readers in full, for the eye in the viewer's zone


def _time(at: datetime | None, zone: Any, now: datetime) -> Markup | str:
    if at is None:
        return "–"
    there = at.astimezone(zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(), f"{there:%A %-d %B %Y, %H:%M} {zone.key}", views.moment(at, zone, now)
    )


def _since(at: datetime | None, zone: Any) -> Markup | str:
    """Say how long ago something was, by the real clock: of what a worker did."""
    if at is None:
        return "never"
    there, said = at.astimezone(zone), views.ago((datetime.now(UTC) - at).total_seconds())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(), f"{there:%A %-d %B %Y, %H:%M} {zone.key}", said
    )


def _day(at: datetime, zone: Any) -> str:
    return f"{at.astimezone(zone):%A %-d %B %Y}"


def _clock(at: datetime, zone: Any) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(), f"{at.astimezone(zone):%H:%M}"
    )


def path_of(*parts: str) -> str:
    """Write a path: each part may hold anything."""
    return "/" + "/".join(quote(part, safe="@:") for part in parts)


templates.env.globals |= {"path_of": path_of, "version_of": version_of}
templates.env.filters["lines"] = lambda text: Markup("<br>").join(escape(line) for line in str(text).splitlines())
templates.env.trim_blocks = templates.env.lstrip_blocks = True
