"""Who is looking. A demonstration of a login, not a login: whoever asks says who they are, and is believed.

In a CRM of yours this one function reads the session that is there already; nothing else here has to change.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Cookie, Depends, Header, HTTPException, Request

COOKIE = "member"


def member(
    request: Request, x_member: Annotated[str | None, Header()] = None, member: Annotated[str | None, Cookie()] = None
) -> str:
    """Return the member whom the header X-Member or the cookie names.

    Raises:
        HTTPException: 401, they name nobody whom the workspace knows.

    """
    name = x_member or member
    if name not in request.app.state.workspace.members:
        raise HTTPException(401, "Say who you are: a cookie from /who, or the header X-Member.")
    return str(name)


Member = Annotated[str, Depends(member)]
