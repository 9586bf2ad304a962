"""A person's consent to Outlook mail and calendars, in a browser or by a code; and an administrator's for everybody.

Work accounts mostly cannot agree by themselves: an administrator has to approve the program first. That is
`NeedsAdmin`, and `admin_request` gives what to send them; once they did, the same consent goes through.

See https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow and .../v2-admin-consent.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pydantic import Field

from ...errors import NeedsAdmin, NotAuthorized
from ...model import Value
from ...model.value import Many
from ..web.consent import PendingConsent, answer_of
from ..web.tokens import Tokens
from .grants import codes_of, grant_error
from .oauth import LOGIN, RESOURCE, Feature, MicrosoftApp, asked, granted_features, scopes_for, tokens_of


class Grant(NamedTuple):
    """What a person agreed to."""

    tokens: Tokens
    features: frozenset[Feature]
    """What works with it."""
    missing: frozenset[Feature]
    """What was asked for, and not granted."""
    username: str
    """The sign-in name; empty where Microsoft does not say. Whose mailbox it is, `OutlookMail.identify` says."""
    tenant: str
    """The organisation's id; empty where Microsoft does not say."""


def begin_consent(
    app: MicrosoftApp,
    features: Iterable[Feature],
    *,
    redirect_uri: str,
    login_hint: str | None = None,
    shared: bool = False,
    claims: str | None = None,
) -> PendingConsent:
    """Return the URL to send a person to, with what to keep until they come back. PKCE, state and nonce are in it.

    Ask for all that the host will ever need: a refresh token never gains a permission.

    Args:
        app: the program.
        features: what the connection is for; one consent covers all of them.
        redirect_uri: where they come back to, as registered at Microsoft.
        login_hint: the address they want to connect, where it is known.
        shared: whether mailboxes and calendars that others share with them are wanted too.
        claims: what Graph asked for besides, where it challenged an earlier consent.

    Raises:
        NotAuthorized, RateLimited, Unavailable: the identity platform cannot be reached, or knows no such tenant.
    """
    wanted = _wanted(features)
    scopes = scopes_for(wanted, shared=shared)
    flow: dict[str, Any] = app.msal().initiate_auth_code_flow(
        scopes=[f"{RESOURCE}{scope}" for scope in scopes],
        redirect_uri=redirect_uri,
        login_hint=login_hint,
        prompt="select_account",
        claims_challenge=claims,
        response_mode="form_post",
    )
    return PendingConsent(
        # msal warns of anything else. But a form that Microsoft's page posts comes without the cookies of the person's
        # session (SameSite), and a program on somebody's own machine takes no form.
        url=flow["auth_uri"].replace("response_mode=form_post", "response_mode=query"),
        state=flow["state"],
        verifier=flow["code_verifier"],
        redirect_uri=redirect_uri,
        scopes=scopes,
        features=[feature.value for feature in wanted],
        beside={"flow": json.dumps({name: value for name, value in flow.items() if name != "auth_uri"})},
    )


def finish_consent(
    app: MicrosoftApp, pending: PendingConsent, callback: str, *, now: Callable[[], float] = time.time
) -> Grant:
    """Exchange what a person came back with for tokens, and compare what was granted with what was asked for.

    Args:
        app: the program.
        pending: from `begin_consent`.
        callback: the URL they came back by.
        now: seconds since 1970.

    Raises:
        NotAuthorized: they did not agree; or it is the answer to another attempt, or an old one.
        NeedsAdmin: an administrator has to approve the program (see `admin_request`), or it is set up wrongly.
        RateLimited, Unavailable: try the whole consent again.
    """
    answer = answer_of(pending.state, callback)
    if "error" in answer:
        raise grant_error(answer)
    if not answer.get("code"):
        raise NotAuthorized("the answer holds no code; begin again")
    try:
        result = asked(lambda: app.msal().acquire_token_by_auth_code_flow(json.loads(pending.beside["flow"]), answer))
    except NotAuthorized as error:
        raise NotAuthorized("this answer is no longer valid, or was used before; begin again") from error
    return _grant(result, pending.features, now)


# -- a code, for a machine without a browser


class DeviceCode(Value):
    """What a person types into a browser, on any machine."""

    code: str
    url: str
    """Where to type it."""
    expires_at: float
    """Until when, in seconds since 1970."""
    features: Many[str]
    flow: str = Field(repr=False)
    """What to keep until they did."""


def begin_device(app: MicrosoftApp, features: Iterable[Feature], *, shared: bool = False) -> DeviceCode:
    """Return a code for a person to type in. As `begin_consent`; many organisations allow no such codes."""
    wanted = _wanted(features)
    scopes = [f"{RESOURCE}{scope}" for scope in scopes_for(wanted, shared=shared)]
    flow: dict[str, Any] = app.msal().initiate_device_flow(scopes=scopes)
    if "user_code" not in flow:
        raise grant_error(flow)
    return DeviceCode(
        code=flow["user_code"],
        url=flow["verification_uri"],
        expires_at=float(flow.get("expires_at", 0.0)),
        features=[feature.value for feature in wanted],
        flow=json.dumps(flow),
    )


def finish_device(app: MicrosoftApp, device: DeviceCode, *, now: Callable[[], float] = time.time) -> Grant:
    """Wait until the code was typed in, and return what was agreed to. As `finish_consent`."""
    result = asked(lambda: app.msal().acquire_token_by_device_flow(json.loads(device.flow)))
    return _grant(result, device.features, now)


# -- an administrator's


class AdminRequest(Value):
    """What an administrator is sent, so that everybody in their organisation may connect."""

    url: str
    """Where they approve; it asks them to sign in."""
    state: str = Field(repr=False)
    text: str
    """A message that can be forwarded to them as it is."""


def admin_request(
    app: MicrosoftApp,
    features: Iterable[Feature],
    *,
    redirect_uri: str,
    name: str,
    tenant: str = "organizations",
    shared: bool = False,
    state: str = "",
) -> AdminRequest:
    """Return the address where an administrator approves the program for their organisation, and a text to forward.

    Args:
        app: the program.
        features: what for.
        redirect_uri: where they come back to, as registered at Microsoft; `approved_tenant` reads it.
        name: how the program is called.
        tenant: the organisation by its domain or id, where it is known.
        shared: as for `begin_consent`.
        state: what comes back with them, where the host has one; else one is made.
    """
    wanted, state = _wanted(features), state or secrets.token_urlsafe(32)
    scopes = scopes_for(wanted, shared=shared)
    query = urlencode({
        "client_id": app.client_id,
        "scope": " ".join(f"{RESOURCE}{scope}" for scope in scopes),
        "redirect_uri": redirect_uri,
        "state": state,
    })  # fmt: skip
    url = f"{LOGIN}/{tenant}/v2.0/adminconsent?{query}"
    return AdminRequest(url=url, state=state, text=_text(name, wanted, scopes, url))


def approved_tenant(request: AdminRequest, callback: str) -> str:
    """Return the id of the organisation that approved, from the URL that its administrator came back by.

    Raises:
        NotAuthorized: they did not approve, or it is the answer to another request.
        NeedsAdmin: who came back is no administrator.
    """
    answer = answer_of(request.state, callback)
    if "error" in answer:
        error = grant_error(answer)
        raise error if isinstance(error, NeedsAdmin) or not codes_of(answer) else NotAuthorized(
            "the administrator did not approve; nobody in the organisation can connect yet"
        )  # fmt: skip
    if answer.get("admin_consent", "").casefold() != "true" or not answer.get("tenant"):
        raise NotAuthorized("the answer does not say that an administrator approved; begin again")
    return answer["tenant"]


_DOES = {
    Feature.MAIL: "read the mail of those who connect their mailbox",
    Feature.SEND: "send mail for them when they ask for it",
    Feature.CALENDAR: "read their calendars",
}


def _text(name: str, features: Iterable[Feature], scopes: Iterable[str], url: str) -> str:
    does = "\n".join(f"- {_DOES[feature]}" for feature in features)
    return (
        f"Hello,\n\nI would like to connect my mailbox to {name}. Our Microsoft 365 organisation asks an administrator "
        f"to approve the program first. It will\n\n{does}\n\nand it asks for these delegated permissions: "
        f"{', '.join(scopes)}. It reaches the mailboxes of people who connect themselves, and no others.\n\n"
        f"To approve it, please sign in as an administrator here:\n\n{url}\n\nThank you."
    )


def _wanted(features: Iterable[Feature]) -> list[Feature]:
    wanted = sorted(set(features))
    if not wanted:
        raise ValueError("a consent needs a feature: mail, send or calendar")
    return wanted


def _grant(result: Mapping[str, Any], features: Iterable[str], now: Callable[[], float]) -> Grant:
    wanted = frozenset(Feature(feature) for feature in features)
    tokens = tokens_of(result, now)
    granted = granted_features(tokens.scopes) & wanted
    if not granted:
        raise NotAuthorized(f"none of the permissions for {', '.join(sorted(wanted))} was granted; connect again")
    if tokens.refresh_token is None:
        raise NotAuthorized("Microsoft gave no lasting permission; connect again")
    claims = result.get("id_token_claims")
    claims = claims if isinstance(claims, Mapping) else {}
    return Grant(
        tokens,
        granted,
        wanted - granted,
        str(claims.get("preferred_username") or ""),
        str(claims.get("tid") or ""),
    )


__all__ = [
    "AdminRequest", "DeviceCode", "Grant", "admin_request", "approved_tenant", "begin_consent", "begin_device",
    "finish_consent", "finish_device",
]  # fmt: skip
