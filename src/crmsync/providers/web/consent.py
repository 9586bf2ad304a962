"""A person's consent by OAuth, for any provider: the authorization code with PKCE and state (RFC 6749, 7636, 9700)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import Field

from ...errors import NeedsAdmin, NotAuthorized
from ...model import Value
from ...model.value import Many, clean_address
from ...protocols import Identity


class PendingConsent(Value):
    """A consent that somebody was sent away for. Keep it in that person's session until the answer comes.

    It is worth nothing without the answer, and the answer nothing without it. It can be stored as JSON.
    """

    url: str = Field(repr=False)
    """Where to send the person's browser."""
    state: str = Field(repr=False)
    verifier: str = Field(repr=False)
    redirect_uri: str
    scopes: Many[str]
    features: Many[str] = ()
    """What the scopes are for, in the provider's terms."""
    beside: Mapping[str, str] = Field(default_factory=dict, repr=False)
    """What else the provider's own way needs when they come back."""


def pending_consent(
    authorize_url: str,
    *,
    client_id: str,
    redirect_uri: str,
    scopes: Sequence[str],
    features: Sequence[str] = (),
    **parameters: str,
) -> PendingConsent:
    """Return the URL to send a person to, and what is needed when they come back.

    Args:
        authorize_url: the provider's authorization endpoint.
        client_id: the program's, at the provider.
        redirect_uri: where they come back to; registered at the provider.
        scopes: what is asked for.
        features: what for.
        parameters: the provider's own.
    """
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query: Mapping[str, Any] = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **parameters,
    }
    mark = "&" if urlsplit(authorize_url).query else "?"
    return PendingConsent(
        url=f"{authorize_url}{mark}{urlencode(query)}",
        state=state,
        verifier=verifier,
        redirect_uri=redirect_uri,
        scopes=tuple(scopes),
        features=tuple(features),
    )


def code_of(
    pending: PendingConsent,
    callback: str,
    *,
    needs_admin: Collection[str] = (),
    declined: str = "the permission was not given; connect again and agree",
) -> str:
    """Return the authorization code from the URL that a person came back by.

    Args:
        pending: what was kept when they were sent away.
        callback: the whole URL, or its query alone.
        needs_admin: error codes that say that only an administrator can agree.
        declined: what to say where they did not agree.

    Raises:
        NotAuthorized: they did not agree, or it is the answer to another question.
        NeedsAdmin: an administrator has to agree first.
    """
    answer = answer_of(pending.state, callback)
    if error := answer.get("error"):
        if error in needs_admin:
            raise NeedsAdmin("an administrator has to allow this program before the account can be connected")
        raise NotAuthorized(declined)
    if not (code := answer.get("code")):
        raise NotAuthorized("the answer holds no code; begin again")
    return code


def answer_of(state: str, callback: str) -> dict[str, str]:
    """Return what the URL says that a person came back by.

    Args:
        state: what was sent with them.
        callback: the whole URL, or its query alone.

    Raises:
        NotAuthorized: it is the answer to another question.
    """
    query = urlsplit(callback).query or callback.partition("#")[0].rpartition("?")[2]
    answer = {name: values[-1] for name, values in parse_qs(query).items()}
    # Somebody else's answer would connect somebody else's mailbox (RFC 9700 section 4.7).
    if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise NotAuthorized("this answer belongs to another attempt to connect; begin again")
    return answer


def require_mailbox(identity: Identity, asked: str) -> None:
    """Check that it is the mailbox of an address that was connected: no alias of it, and no other one.

    Args:
        identity: what the provider said.
        asked: the address that somebody wanted to connect.

    Raises:
        NotAuthorized: it is not; the mailbox is named.
    """
    address = clean_address(asked)
    if address == identity.address:
        return
    if address in identity.aliases:
        raise NotAuthorized(f"{address} is an alias of {identity.address}; connect {identity.address} instead")
    raise NotAuthorized(f"the permission was given for {identity.address}, and not for {address}; choose that account")


__all__ = ["PendingConsent", "answer_of", "code_of", "pending_consent", "require_mailbox"]
