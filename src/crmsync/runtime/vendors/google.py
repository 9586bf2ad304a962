"""Gmail and Google Calendar, by one consent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...protocols import Provider, Sender
from ...providers.web.consent import PendingConsent
from ...providers.web.tokens import AccountTokens, Tokens, TokenStore
from ..accounts import Account, Kind, Service
from .vendor import Client, ConsentVendor, Granted, Mark, Reading, Wanted

if TYPE_CHECKING:
    from ...providers.google.oauth import GoogleApp

_FIELDS = ("client_id", "client_secret", "auth_uri", "token_uri", "api_root")
_GOOGLE = "https://oauth2.googleapis.com/token"


def _read_client(data: Any) -> Client:
    """Read what the Google Cloud console gives for an OAuth client; `api_root` is for a server of one's own tests."""
    inner = next((data[kind] for kind in ("installed", "web") if isinstance(data, dict) and kind in data), data)
    if not isinstance(inner, dict) or not all(isinstance(inner.get(name), str) for name in _FIELDS[:2]):
        raise ValueError(
            "Make one of type 'Desktop app' or 'Web application' at console.cloud.google.com/apis/credentials, and "
            "download its JSON."
        )
    return {name: inner[name] for name in _FIELDS if isinstance(inner.get(name), str)}


def _app(client: Client) -> GoogleApp:
    from ...providers.google.oauth import GoogleApp  # noqa: PLC0415 - loads only where it is used

    token_url = str(client.get("token_uri", _GOOGLE))
    given: dict[str, Any] = {"authorize_url": client["auth_uri"]} if client.get("auth_uri") else {}
    return GoogleApp(
        client_id=client["client_id"],
        client_secret=lambda: str(client["client_secret"]),
        token_url=token_url,
        revoke_url=f"{token_url.removesuffix('/token')}/revoke",
        allow_internal=_is_here(token_url),
        **given,
    )


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname == "127.0.0.1"


def _site(client: Client) -> Mapping[str, Any]:
    from ...providers.web.calls import Site  # noqa: PLC0415 - loads only where it is used

    root = client.get("api_root")
    return {"site": Site(str(root), allow_internal=_is_here(str(root)))} if root else {}


def _begin(client: Client, features: Iterable[str], redirect_uri: str, address: str | None) -> PendingConsent:
    from ...providers.google.oauth import Feature, begin_consent  # noqa: PLC0415 - loads only where it is used

    wanted = [Feature(name) for name in features]
    return begin_consent(_app(client), wanted, redirect_uri=redirect_uri, login_hint=address)


def _finish(client: Client, pending: PendingConsent, callback: str) -> Granted:
    from ...providers.google.oauth import finish_consent  # noqa: PLC0415 - loads only where it is used

    grant = finish_consent(_app(client), pending, callback)
    return Granted(grant.tokens, frozenset(f.value for f in grant.features), frozenset(f.value for f in grant.missing))


def _tokens(client: Client, store: TokenStore) -> AccountTokens:
    from ...providers.google.oauth import account_tokens  # noqa: PLC0415 - loads only where it is used

    return account_tokens(_app(client), store)


def _mail(client: Client, tokens: Callable[[], str], reading: Reading) -> Provider:  # noqa: ARG001 - the table's
    from ...providers.google.mail import Gmail  # noqa: PLC0415 - loads only where it is used

    return Gmail(tokens, **_site(client))


def _calendars(client: Client, tokens: Callable[[], str], reading: Reading) -> Provider:
    from ...providers.google.calendar import GoogleCalendar  # noqa: PLC0415 - loads only where it is used

    return GoogleCalendar(tokens, now=reading.now, window=reading.window, **_site(client))


def _sender(client: Client, tokens: Callable[[], str], account: Account) -> Sender:
    from ...providers.google.mail.sending import GmailSender  # noqa: PLC0415 - loads only where it is used

    # Gmail tells which addresses it has verified, where it may be asked; an alias from elsewhere need not be one.
    known = None if account.grants(Service.GOOGLE, Kind.MAIL.value) else {account.address}
    return GmailSender(tokens, addresses=known, **_site(client))


def _revoke(client: Client, tokens: Tokens) -> None:
    from ...providers.google.oauth import revoke  # noqa: PLC0415 - loads only where it is used

    revoke(_app(client), tokens)


def _watch(client: Client, tokens: Callable[[], str], wanted: Wanted) -> Mark:
    from ...providers.google import push  # noqa: PLC0415 - loads only where it is used

    before = wanted.before.read(push.Watch) if wanted.before else None
    given: dict[str, Any] = {"now": wanted.now, **_site(client)}
    proof: dict[str, Any] = {"channel": wanted.place, "secret": wanted.secret}
    if wanted.calendar is None:
        made = push.watch_mailbox(tokens, wanted.address, **given)
    elif before is not None:
        made = push.renew_calendar(tokens, before, wanted.address, **proof, **given)
    else:
        made = push.watch_calendar(tokens, wanted.calendar, wanted.address, **proof, **given)
    return Mark(granted=made.model_dump_json(), expires=made.expires, renew=made.renew)


def _unwatch(client: Client, tokens: Callable[[], str], mark: Mark) -> None:
    from ...providers.google import push  # noqa: PLC0415 - loads only where it is used

    granted = mark.read(push.Watch)
    if granted is not None and granted.calendar is None:
        push.unwatch_mailbox(tokens, **_site(client))
    elif granted is not None:
        push.unwatch_calendar(tokens, granted, **_site(client))


GOOGLE = ConsentVendor(
    "Google",
    read_client=_read_client,
    begin=_begin,
    finish=_finish,
    tokens=_tokens,
    providers={Kind.MAIL: _mail, Kind.CALENDAR: _calendars},
    sender=_sender,
    revoke=_revoke,
    watch=_watch,
    unwatch=_unwatch,
    ends_at="myaccount.google.com/connections",
)
