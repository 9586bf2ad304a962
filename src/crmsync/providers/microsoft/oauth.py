"""Microsoft's OAuth, by msal over our own HTTP: the program, access tokens, and an organisation's permission for all.

See https://learn.microsoft.com/en-us/entra/msal/python/.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode, urlsplit

from pydantic import ConfigDict, Field

from ...errors import NotAuthorized, RateLimited, SourceError, Unavailable
from ...model import Value
from ..network.access import Secret
from ..web.calls import Site, parsed
from ..web.http import Answer
from ..web.tokens import AccountTokens, MemoryTokens, Tokens, TokenStore
from .errors import failure_of
from .grants import grant_error

if TYPE_CHECKING:
    from msal import ClientApplication

LOGIN = "https://login.microsoftonline.com"
RESOURCE = "https://graph.microsoft.com/"
CAPABILITIES = ("CP1",)
"""That claims challenges are understood: tokens then end when they must, and live longer until then.

See https://learn.microsoft.com/en-us/entra/identity-platform/app-resilience-continuous-access-evaluation.
"""
MANAGE = "https://myapps.microsoft.com, or for a personal account https://account.live.com/consent/Manage"
"""Where a person takes a permission back: Microsoft has no way for a program to give it up."""

_PROTOCOL = frozenset({"openid", "profile", "offline_access", "email"})
_CLAIMS = re.compile(r'claims="([A-Za-z0-9+/_=-]{1,8000})"')


class Feature(StrEnum):
    """What a connection is for."""

    MAIL = "mail"
    SEND = "send"
    CALENDAR = "calendar"


ALWAYS = ("User.Read", "MailboxSettings.Read")
"""Whose mailbox it is, and of which kind."""
SCOPES: Mapping[Feature, tuple[str, ...]] = {
    Feature.MAIL: ("Mail.Read",),
    Feature.SEND: ("Mail.ReadWrite", "Mail.Send"),
    Feature.CALENDAR: ("Calendars.Read",),
}
"""The least that each feature takes. Sending writes a draft first, so that the sent message has an id."""

_WIDER: Mapping[str, frozenset[str]] = {
    "mail.read": frozenset({"mail.readwrite"}),
    "calendars.read": frozenset({"calendars.readwrite"}),
}


class MicrosoftApp(Value):
    """The program as Microsoft knows it: an app registration in Microsoft Entra."""

    model_config = ConfigDict(hide_input_in_errors=True)

    client_id: str = Field(min_length=1)
    client_secret: Annotated[Secret | None, Field(repr=False, exclude=True)] = None
    """Returns it; None for a program that cannot keep one, as on somebody's own machine."""
    tenant: str = Field(default="common", pattern=r"^[A-Za-z0-9.-]+$")
    """Whose accounts may connect: `common` for all, `organizations` for work and school, `consumers` for personal ones,
    or one organisation by its id or domain."""
    login: str = LOGIN
    """Where the identity platform is dialled; a loopback server's address in tests."""
    allow_internal: bool = False
    """Whether that may be on this machine."""

    def msal(self, http: object | None = None, *, tenant: str | None = None) -> ClientApplication:
        """Return msal's view of the program. It asks where the endpoints are.

        Raises:
            NotAuthorized: there is no such organisation.
            RateLimited, Unavailable: the identity platform cannot be reached.
        """
        from msal import ConfidentialClientApplication, PublicClientApplication  # noqa: PLC0415 - 0.2 s

        shared: dict[str, Any] = {
            "authority": f"{LOGIN}/{tenant or self.tenant}",
            "http_client": http or HttpClient(self),
            "client_capabilities": list(CAPABILITIES),
        }
        try:
            if self.client_secret is None:
                return PublicClientApplication(self.client_id, **shared)
            return ConfidentialClientApplication(self.client_id, client_credential=self.client_secret(), **shared)
        except ValueError as error:
            if isinstance(error.__context__, SourceError):
                raise error.__context__ from None
            raise NotAuthorized("Microsoft knows no such organisation; check the tenant of this program") from None


def scopes_for(features: Iterable[Feature], *, shared: bool = False) -> tuple[str, ...]:
    """Return the permissions that some features take, and no more.

    Args:
        features: what for.
        shared: whether mailboxes and calendars that others share are to be read, or sent from, too.
    """
    named = [scope for feature in sorted(set(features)) for scope in SCOPES[feature]]
    beside = [f"{scope}.Shared" for scope in named] if shared else []
    return tuple(dict.fromkeys((*ALWAYS, *named, *beside)))


def granted_features(scopes: Collection[str]) -> frozenset[Feature]:
    """Return what works with these permissions. They may be named with the resource in front: the last part counts.

    >>> sorted(granted_features({"https://graph.microsoft.com/Mail.ReadWrite", "mail.send"}))
    [<Feature.MAIL: 'mail'>, <Feature.SEND: 'send'>]
    """
    has = {scope.rpartition("/")[2].casefold() for scope in scopes}

    def granted(scope: str) -> bool:
        return scope.casefold() in has or bool(_WIDER.get(scope.casefold(), frozenset()) & has)

    return frozenset(feature for feature, needed in SCOPES.items() if all(map(granted, needed)))


# -- tokens


def refreshed(
    app: MicrosoftApp, tokens: Tokens, *, claims: str | None = None, now: Callable[[], float] = time.time
) -> Tokens:
    """Return new tokens for an account.

    Args:
        app: the program.
        tokens: what is stored of the account.
        claims: what Graph asked for besides, as JSON.
        now: seconds since 1970.

    Raises:
        NotAuthorized: the person has to connect again.
        NeedsAdmin: an administrator, or whoever runs this program, has to act.
        RateLimited, Unavailable: the token endpoint is busy; that says nothing of the account.
    """
    if not tokens.refresh_token:
        raise NotAuthorized("there is no lasting permission for this account; connect again")
    scopes = sorted(scope for scope in tokens.scopes if scope not in _PROTOCOL)
    data = {"claims": _with_capabilities(claims)}
    result = asked(
        lambda: app.msal().acquire_token_by_refresh_token(
            tokens.refresh_token, scopes=scopes or [".default"], data=data
        )
    )
    return tokens_of(result, now, tokens.scopes)


def asked(question: Callable[[], Any]) -> Mapping[str, Any]:
    """Return what msal brings of the token endpoint.

    Raises:
        NotAuthorized, NeedsAdmin, RateLimited, Unavailable: by table.
    """
    try:
        result = question()
    except SourceError:
        raise
    except Exception as error:  # msal raises what it likes where an answer makes no sense
        if isinstance(error.__cause__ or error.__context__, SourceError):
            raise (error.__cause__ or error.__context__) from None  # type: ignore[misc]  # it is one
        raise Unavailable("Microsoft's answer about the access token makes no sense; try again later") from error
    if not isinstance(result, Mapping):
        raise Unavailable("Microsoft's answer about the access token makes no sense; try again later")
    if "error" in result:
        raise grant_error(result)
    if not isinstance(result.get("access_token"), str):
        raise Unavailable("Microsoft's answer about the access token makes no sense; try again later")
    return result


def tokens_of(result: Mapping[str, Any], now: Callable[[], float], scopes: frozenset[str] = frozenset()) -> Tokens:
    """Return what is kept of an answer of the token endpoint."""
    seconds, said, refresh = result.get("expires_in"), result.get("scope"), result.get("refresh_token")
    return Tokens(
        access_token=str(result["access_token"]),
        refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        expires_at=now() + (float(seconds) if isinstance(seconds, int | float) else 3_600.0),
        scopes=frozenset(said.split()) if isinstance(said, str) and said else scopes,
    )


class GraphTokens(AccountTokens):
    """Returns an access token that is valid now. See `AccountTokens`.

    Where Graph does not accept one because it wants more (a claims challenge), the next one is asked for with what it
    wants; where only the person can give that, they have to connect again.

    Args:
        tokens: where they are kept.
        refresh: asks for new ones, with what Graph wants besides.
        now: seconds since 1970.
    """

    def __init__(
        self,
        tokens: TokenStore,
        refresh: Callable[[Tokens, str | None], Tokens],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(tokens, self._with_claims, now=now)
        self._asks = refresh
        self._claims: str | None = None

    def challenged(self, challenge: str) -> None:
        """Take a WWW-Authenticate header: what it asks for goes into the next request for a token."""
        if found := _CLAIMS.search(challenge):
            try:
                self._claims = base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), altchars=b"-_").decode()
            except (binascii.Error, ValueError):
                self._claims = None

    def _with_claims(self, tokens: Tokens) -> Tokens:
        fresh = self._asks(tokens, self._claims)
        self._claims = None
        return fresh


def account_tokens(app: MicrosoftApp, store: TokenStore, *, now: Callable[[], float] = time.time) -> GraphTokens:
    """Return what yields a valid access token for a connected account, for `OutlookMail` and `OutlookCalendar`.

    Args:
        app: the program.
        store: the host's. What Microsoft gives is stored there at once: a refresh token is replaced at each use.
        now: seconds since 1970.
    """
    return GraphTokens(store, lambda tokens, claims: refreshed(app, tokens, claims=claims, now=now), now=now)


def application_tokens(app: MicrosoftApp, tenant: str, *, now: Callable[[], float] = time.time) -> GraphTokens:
    """Return what yields access tokens of the program itself, for mailboxes of an organisation that approved it.

    Give them to `OutlookMail(..., mailbox=...)`. Which mailboxes they reach is for the organisation's administrator to
    say, by RBAC for Applications.

    Args:
        app: the program, with a secret.
        tenant: the organisation, by its id or domain.
        now: seconds since 1970.
    """

    def ask(_: Tokens, claims: str | None) -> Tokens:
        result = asked(
            lambda: app.msal(tenant=tenant).acquire_token_for_client([f"{RESOURCE}.default"], claims_challenge=claims)
        )
        return tokens_of(result, now)

    if app.client_secret is None:
        raise ValueError("application permissions take a client secret")
    return GraphTokens(MemoryTokens(Tokens()), ask, now=now)


def _with_capabilities(claims: str | None) -> str:
    """Return the claims to ask for; msal adds what is understood everywhere but in a refresh."""
    asks = parsed(claims.encode()) if claims else None
    asks = asks or {}
    access = asks.get("access_token")
    return json.dumps({
        **asks,
        "access_token": {**(access if isinstance(access, dict) else {}), "xms_cc": {"values": list(CAPABILITIES)}},
    })  # fmt: skip


# -- what msal asks by


class HttpClient:
    """What msal sends by: our HTTP, with its deadlines and checked addresses.

    Where the token endpoint is busy that is said at once: msal would keep such an answer, and give it again.
    """

    def __init__(self, app: MicrosoftApp) -> None:
        self._app = app

    def get(self, url: str, params: Mapping[str, str] | None = None, headers: Any = None, **_: Any) -> HttpResponse:
        """Send a GET."""
        return self._sent("GET", f"{url}?{urlencode(params)}" if params else url, None, headers)

    def post(
        self, url: str, params: Mapping[str, str] | None = None, data: Any = None, headers: Any = None, **_: Any
    ) -> HttpResponse:
        """Send a POST with a form."""
        form = data if isinstance(data, str) else urlencode({n: v for n, v in (data or {}).items() if v is not None})
        return self._sent("POST", f"{url}?{urlencode(params)}" if params else url, form, headers)

    def close(self) -> None:
        """Nothing stays open."""

    def _sent(self, method: str, url: str, form: str | None, headers: Any) -> HttpResponse:
        root = self._app.login.rstrip("/")
        target = root + url[len(LOGIN) :] if url.startswith(f"{LOGIN}/") else url
        parts, home = urlsplit(target), urlsplit(root)
        if (parts.scheme, parts.netloc) != (home.scheme, home.netloc):
            raise Unavailable("Microsoft's sign-in refers to another server, which gets no secret; try again later")
        http = Site(root, allow_internal=self._app.allow_internal).http(None)
        given = {str(name): str(value) for name, value in dict(headers or {}).items()}
        if form is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = http.request(
                method, target, headers=given, content=form.encode() if form is not None else None,
                expect=range(200, 600), max_body=1 << 20,
            )  # fmt: skip
        finally:
            http.close()
        if answer.status == 429 or answer.status >= 500:
            wait = failure_of(answer.status, answer.headers, b"").wait
            if answer.status == 429 or wait is not None:
                raise RateLimited("Microsoft's sign-in is busy", retry_after=60.0 if wait is None else wait)
            raise Unavailable("Microsoft's sign-in is busy; try again later")
        if parsed(answer.body) is None:  # msal would write it into a log
            raise Unavailable("Microsoft's sign-in answers what makes no sense; try again later")
        return HttpResponse(answer)


class HttpResponse:
    """An answer, as msal reads it."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.headers = answer.headers
        self.text = answer.body.decode("utf-8", "replace")

    def raise_for_status(self) -> None:
        """Raise for an error status."""
        if self.status_code >= 400:
            raise Unavailable(f"Microsoft's sign-in answers {self.status_code}; try again later")


__all__ = [
    "LOGIN", "MANAGE", "SCOPES", "Feature", "GraphTokens", "MicrosoftApp", "account_tokens", "application_tokens",
    "granted_features", "refreshed", "scopes_for",
]  # fmt: skip
