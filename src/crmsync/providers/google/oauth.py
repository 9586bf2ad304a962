"""Google's OAuth: one consent for mail and calendars, tokens, their end, and an administrator's delegation.

See https://developers.google.com/identity/protocols/oauth2/web-server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from pydantic import ConfigDict, Field

from ...errors import CrmSyncError, NeedsAdmin, NotAuthorized, RateLimited, Unavailable
from ...model import Value
from ..network.access import Secret
from ..web.calls import Site, parsed
from ..web.consent import PendingConsent, code_of, pending_consent
from ..web.http import Answer
from ..web.tokens import AccountTokens, MemoryTokens, Tokens
from .errors import failure_of

_AUTH = "https://www.googleapis.com/auth/"


class Feature(StrEnum):
    """What a connection is for."""

    MAIL = "mail"
    SEND = "send"
    CALENDAR = "calendar"


SCOPES: Mapping[Feature, tuple[str, ...]] = {
    Feature.MAIL: (f"{_AUTH}gmail.readonly",),
    Feature.SEND: (f"{_AUTH}gmail.send",),
    Feature.CALENDAR: (f"{_AUTH}calendar.events.readonly", f"{_AUTH}calendar.calendarlist.readonly"),
}
"""The least that each feature takes."""

_WIDER: Mapping[str, frozenset[str]] = {
    f"{_AUTH}gmail.readonly": frozenset({f"{_AUTH}gmail.modify", "https://mail.google.com/"}),
    f"{_AUTH}gmail.send": frozenset({f"{_AUTH}gmail.modify", f"{_AUTH}gmail.compose", "https://mail.google.com/"}),
    f"{_AUTH}calendar.events.readonly": frozenset({
        f"{_AUTH}calendar", f"{_AUTH}calendar.readonly", f"{_AUTH}calendar.events",
    }),
    f"{_AUTH}calendar.calendarlist.readonly": frozenset({
        f"{_AUTH}calendar", f"{_AUTH}calendar.readonly", f"{_AUTH}calendar.calendarlist",
    }),
}  # fmt: skip
"""What includes a scope."""


class GoogleApp(Value):
    """The program as Google knows it: an OAuth client of a Google Cloud project."""

    model_config = ConfigDict(hide_input_in_errors=True)

    client_id: str = Field(min_length=1)
    client_secret: Annotated[Secret, Field(repr=False, exclude=True)]
    """Returns it."""
    authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke_url: str = "https://oauth2.googleapis.com/revoke"
    allow_internal: bool = False
    """Whether those may be on this machine: for a loopback server in tests."""


class Grant(NamedTuple):
    """What a person agreed to."""

    tokens: Tokens
    features: frozenset[Feature]
    """What works with it."""
    missing: frozenset[Feature]
    """What was asked for, and not granted: boxes can be unticked. Connect without it, or refuse and name it."""


def scopes_for(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return the scopes that some features take, and no more."""
    return tuple(dict.fromkeys(scope for feature in sorted(set(features)) for scope in SCOPES[feature]))


def granted_features(scopes: Collection[str]) -> frozenset[Feature]:
    """Return what works with these scopes."""

    def has(scope: str) -> bool:
        return scope in scopes or any(wider in scopes for wider in _WIDER.get(scope, ()))

    return frozenset(feature for feature, needed in SCOPES.items() if all(map(has, needed)))


def begin_consent(
    app: GoogleApp, features: Iterable[Feature], *, redirect_uri: str, login_hint: str | None = None
) -> PendingConsent:
    """Return the URL to send a person to, with what to keep until they come back.

    Args:
        app: the program.
        features: what the connection is for; one consent covers all of them.
        redirect_uri: where they come back to, as registered at Google.
        login_hint: the address they want to connect, where it is known.
    """
    wanted = sorted(set(features))
    if not wanted:
        raise ValueError("a consent needs a feature: mail, send or calendar")
    # Without "consent" Google gives a refresh token the first time only, and it may be lost.
    extra = {"access_type": "offline", "prompt": "consent", **({"login_hint": login_hint} if login_hint else {})}
    return pending_consent(
        app.authorize_url,
        client_id=app.client_id,
        redirect_uri=redirect_uri,
        scopes=scopes_for(wanted),
        features=[feature.value for feature in wanted],
        **extra,
    )


def finish_consent(
    app: GoogleApp, pending: PendingConsent, callback: str, *, now: Callable[[], float] = time.time
) -> Grant:
    """Exchange what a person came back with for tokens, and compare what was granted with what was asked for.

    Args:
        app: the program.
        pending: from `begin_consent`.
        callback: the URL they came back by.
        now: seconds since 1970.

    Raises:
        NotAuthorized: they did not agree, to anything; or it is the answer to another attempt.
        NeedsAdmin: an administrator has to agree, or the program is set up wrongly.
        RateLimited, Unavailable: try the whole consent again.
    """
    code = code_of(pending, callback, needs_admin=_NEEDS_ADMIN)
    answer = _posted(app, app.token_url, {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": pending.verifier,
        "redirect_uri": pending.redirect_uri,
        "client_id": app.client_id,
        "client_secret": app.client_secret(),
    })  # fmt: skip
    if _word(answer, "error") == "invalid_grant":
        raise NotAuthorized("this answer is no longer valid, or was used before; begin again")
    tokens = _tokens(_data(answer), now, None)
    asked = frozenset(Feature(feature) for feature in pending.features)
    features = granted_features(tokens.scopes) & asked
    if not features:
        raise NotAuthorized(
            f"none of the permissions for {', '.join(sorted(asked))} was granted; connect again and tick their boxes"
        )
    if tokens.refresh_token is None:
        raise NotAuthorized(
            "Google gave no lasting permission; remove this program at myaccount.google.com/connections, and connect "
            "again"
        )
    return Grant(tokens, features, asked - features)


def refreshed(app: GoogleApp, tokens: Tokens, *, now: Callable[[], float] = time.time) -> Tokens:
    """Return new tokens for an account. Hand it to `AccountTokens`: `partial(refreshed, app)`.

    Raises:
        NotAuthorized: the person has to connect again.
        NeedsAdmin: an administrator, or whoever runs this program, has to act.
        RateLimited, Unavailable: the token endpoint is busy; that says nothing of the account.
    """
    if not tokens.refresh_token:
        raise NotAuthorized("there is no lasting permission for this account; connect again")
    answer = _posted(app, app.token_url, {
        "grant_type": "refresh_token",
        "refresh_token": tokens.refresh_token,
        "client_id": app.client_id,
        "client_secret": app.client_secret(),
    })  # fmt: skip
    return _tokens(_data(answer), now, tokens.scopes)


def account_tokens(app: GoogleApp, store: Any, *, now: Callable[[], float] = time.time) -> AccountTokens:
    """Return what yields a valid access token for a connected account, for `Gmail` and `GoogleCalendar`.

    Args:
        app: the program.
        store: the host's `TokenStore`.
        now: seconds since 1970.
    """
    return AccountTokens(store, lambda tokens: refreshed(app, tokens, now=now), now=now)


def delegated_tokens(
    key: Callable[[], Mapping[str, Any]],
    address: str,
    features: Iterable[Feature],
    *,
    allow_internal: bool = False,
    now: Callable[[], float] = time.time,
) -> AccountTokens:
    """Return what yields access tokens for one mailbox of a Workspace whose administrator delegated all of them.

    See https://developers.google.com/identity/protocols/oauth2/service-account.

    Args:
        key: returns the content of the service account's key file.
        address: whose mailbox or calendars.
        features: what for; the administrator has to allow exactly their scopes.
        allow_internal: for a loopback server in tests.
        now: seconds since 1970.
    """
    scopes = scopes_for(features)

    def refresh(_: Tokens) -> Tokens:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - 0.2 s
        from google.oauth2.service_account import Credentials  # noqa: PLC0415 - the same

        info = key()
        request = _Request(
            GoogleApp(
                client_id="-", client_secret=lambda: "", token_url=_token_uri(info), allow_internal=allow_internal
            )
        )
        try:
            credentials: Any = Credentials.from_service_account_info(info, scopes=scopes, subject=address)  # type: ignore[no-untyped-call]  # google-auth is partly typed
            credentials.refresh(request)
        except NotAuthorized:
            raise NotAuthorized(
                "Google does not accept the service account's key for this mailbox; check that both still exist"
            ) from None
        except NeedsAdmin:
            raise NeedsAdmin(
                f"an administrator has to allow domain-wide delegation to client {info.get('client_id', '')} for "
                f"{' '.join(scopes)}"
            ) from None
        except ValueError:
            raise NotAuthorized("the service account's key is none; download it again from Google Cloud") from None
        except GoogleAuthError as error:
            raise Unavailable("Google's answer about the access token makes no sense; try again later") from error
        return _tokens(request.data, now, frozenset(scopes))

    return AccountTokens(MemoryTokens(Tokens()), refresh, now=now)


def revoke(app: GoogleApp, tokens: Tokens) -> None:
    """End a connection at Google: both of its tokens. One that has ended already is no error.

    Raises:
        RateLimited, Unavailable: it is not ended; try again later.
    """
    token = tokens.refresh_token or tokens.access_token
    if not token:
        return
    answer = _posted(app, app.revoke_url, {"token": token})
    if answer.status != 200 and (answer.status != 400 or _word(answer, "error") != "invalid_token"):
        raise grant_error(answer)


# -- the token endpoint

_NEEDS_ADMIN = frozenset({"admin_policy_enforced", "org_internal", "disallowed_useragent"})
_PROGRAM = frozenset({
    "invalid_client", "deleted_client", "disabled_client", "unauthorized_client", "redirect_uri_mismatch",
    "invalid_scope", "unsupported_grant_type", "invalid_request",
})  # fmt: skip
_REAUTHENTICATE = frozenset({"invalid_rapt", "rapt_required"})


def grant_error(answer: Answer) -> CrmSyncError:
    """Return what a refusal of the token endpoint means: final for the account, for everybody, or for now."""
    error, subtype = _word(answer, "error"), _word(answer, "error_subtype")
    if answer.status == 429 or answer.status >= 500:
        wait = failure_of(answer.status, answer.headers, b"").wait
        if answer.status == 429 or wait is not None:
            return RateLimited("Google's token endpoint is busy", retry_after=60.0 if wait is None else wait)
        return Unavailable("Google's token endpoint is busy; try again later")
    kind: type[CrmSyncError] = NotAuthorized
    words = _WORDS.get(error, "")
    if error == "invalid_grant" and subtype in _REAUTHENTICATE:
        words = "the Google Workspace asks for a new login from time to time, and it is due; connect again"
    elif error in _NEEDS_ADMIN:
        kind, words = NeedsAdmin, "the Google Workspace's administrator does not allow this program; ask them to"
    elif error in _PROGRAM:
        kind, words = (
            NeedsAdmin,
            (
                f"this program is not set up rightly at Google ({error}); whoever runs it has to check client id, "
                "secret, redirect address and scopes"
            ),
        )
    elif not words:
        return Unavailable(f"Google's token endpoint answers {answer.status}; try again later")
    return kind(words)


_WORDS: Mapping[str, str] = {
    "invalid_grant": (
        "Google has ended this connection: it was revoked, the password was changed, it was unused for six months, "
        "or the Google Cloud project is still in testing, where each lasts seven days; connect again"
    ),
    "access_denied": "the permission was not given; connect again and agree",
}


class _Request:
    """What google-auth asks by (`google.auth.transport.Request`): our HTTP, and our reading of refusals.

    google-auth would repeat some requests itself, with pauses, and read errors by their wording.
    """

    def __init__(self, app: GoogleApp) -> None:
        self._app = app
        self.data: Mapping[str, Any] = {}

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> _Response:
        answer = _sent(self._app, url, method, body, dict(headers or {}))
        self.data = _data(answer)
        return _Response(answer.status, answer.headers, answer.body)


class _Response(NamedTuple):
    status: int
    headers: Mapping[str, str]
    data: bytes


def _posted(app: GoogleApp, url: str, form: Mapping[str, str]) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return _sent(app, url, "POST", urlencode(form).encode("ascii"), headers)


def _sent(app: GoogleApp, url: str, method: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    parts = urlsplit(url)
    site = Site(f"{parts.scheme}://{parts.netloc}", allow_internal=app.allow_internal)
    http = site.http(None)
    try:
        return http.request(method, url, headers=headers, content=body, expect=range(200, 600), max_body=1 << 20)
    finally:
        http.close()


def _data(answer: Answer) -> Mapping[str, Any]:
    if answer.status != 200:
        raise grant_error(answer)
    data = parsed(answer.body)
    if not data or not isinstance(data.get("access_token"), str):
        raise Unavailable("Google's answer about the access token makes no sense; try again later")
    return data


def _tokens(data: Mapping[str, Any], now: Callable[[], float], scopes: frozenset[str] | None) -> Tokens:
    seconds, said, refresh = data.get("expires_in"), data.get("scope"), data.get("refresh_token")
    return Tokens(
        access_token=str(data["access_token"]),
        refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        expires_at=now() + (float(seconds) if isinstance(seconds, int | float) else 3_600.0),
        scopes=frozenset(said.split()) if isinstance(said, str) else scopes or frozenset(),
    )


def _word(answer: Answer, name: str) -> str:
    value = (parsed(answer.body) or {}).get(name)
    return value if isinstance(value, str) else ""


def _token_uri(info: Mapping[str, Any]) -> str:
    uri = info.get("token_uri")
    return uri if isinstance(uri, str) else "https://oauth2.googleapis.com/token"


__all__ = [
    "SCOPES", "Feature", "GoogleApp", "Grant", "account_tokens", "begin_consent", "delegated_tokens", "finish_consent",
    "grant_error", "granted_features", "refreshed", "revoke", "scopes_for",
]  # fmt: skip
