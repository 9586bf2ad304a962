"""Who is looking. A demonstration of a login, not a login: whoever asks says who they are, and is believed.

In a CRM of yours this reads the session that is there already; nothing else here has to change.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Header, HTTPException, Request

from sessions import COOKIE, Session
from workspace import Member as Person


class SignIn(Exception):
    """Nobody is signed in, or their session has ended."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        # Only a page can be come back to; what a form would have done is not done later, unseen.
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.next = quote(path, safe="") if request.method == "GET" else ""
        self.ended = COOKIE in request.cookies


def session(request: Request) -> Session:
    """Return the session of whoever looks at a page.

    Raises:
        SignIn: there is none.

    """
    found: Session | None = request.app.state.sessions.get(request.cookies.get(COOKIE))
    if found is None or found.member not in request.app.state.setup.members:
        raise SignIn(request)
    return found


Here = Annotated[Session, Depends(session)]


def member(here: Here) -> str:
    """Return the member who looks at a page."""
    return here.member


Member = Annotated[str, Depends(member)]


def caller(request: Request, x_member: Annotated[str | None, Header()] = None) -> str:
    """Return the member for whom a program asks, by the header X-Member: a demonstration too.

    Raises:
        HTTPException: 401, it names nobody whom the workspace knows.

    """
    if x_member not in request.app.state.setup.members:
        raise HTTPException(401, "Say who you are: the header X-Member.")
    return str(x_member)


Caller = Annotated[str, Depends(caller)]


def person(request: Request, name: str) -> Person:
    """Return what is known of a member."""
    found: Person = request.app.state.setup.members[name]
    return found
