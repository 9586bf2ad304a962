"""Outlook mail and Outlook calendars, by one consent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import NotFound
from ...protocols import Provider, Sender
from ...providers.web.consent import PendingConsent
from ...providers.web.tokens import AccountTokens, TokenStore
from ..accounts import MAILBOX, Account, Kind, Service
from .vendor import Client, ConsentVendor, Granted, Letter, Mark, Reading, Wanted

if TYPE_CHECKING:
    from ...providers.microsoft.oauth import MicrosoftApp
    from ...providers.microsoft.push import Subscription

_FIELDS = ("client_id", "client_secret", "tenant", "name", "login", "api_root")


def _read_client(data: Any) -> Client:
    """Read an app registration; `login` and `api_root` are for a server of one's own tests."""
    if not isinstance(data, dict) or not isinstance(data.get("client_id"), str) or not data["client_id"]:
        raise ValueError(
            'Register the program at entra.microsoft.com, and write its application id into a file: {"client_id": '
            '"...", "client_secret": "..."}; a program on one\'s own machine has no secret.'
        )
    return {name: data[name] for name in _FIELDS if isinstance(data.get(name), str)}


def _app(client: Client) -> MicrosoftApp:
    from ...providers.microsoft.oauth import LOGIN, MicrosoftApp  # noqa: PLC0415 - loads only where it is used

    login, secret = str(client.get("login", LOGIN)), client.get("client_secret")
    return MicrosoftApp(
        client_id=client["client_id"],
        client_secret=(lambda: str(secret)) if secret else None,
        tenant=str(client.get("tenant", "common")),
        login=login,
        allow_internal=_is_here(login),
    )


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname == "127.0.0.1"


def _site(client: Client) -> Mapping[str, Any]:
    from ...providers.web.calls import Site  # noqa: PLC0415 - loads only where it is used

    root = client.get("api_root")
    return {"site": Site(str(root), allow_internal=_is_here(str(root)))} if root else {}


def _begin(
    client: Client, features: Iterable[str], redirect_uri: str, address: str | None, *, shared: bool = False
) -> PendingConsent:
    from ...providers.microsoft.consent import begin_consent  # noqa: PLC0415 - loads only where it is used
    from ...providers.microsoft.oauth import LOGIN, Feature  # noqa: PLC0415 - the same

    wanted = [Feature(name) for name in features]
    app = _app(client)
    pending = begin_consent(app, wanted, redirect_uri=redirect_uri, login_hint=address, shared=shared)
    # The browser has to meet the same identity platform as the program: one of this machine, where that is a test's.
    return pending.model_copy(update={"url": pending.url.replace(LOGIN, app.login, 1)})


def _begin_shared(client: Client, features: Iterable[str], redirect_uri: str) -> PendingConsent:
    return _begin(client, features, redirect_uri, None, shared=True)


def _finish(client: Client, pending: PendingConsent, callback: str) -> Granted:
    from ...providers.microsoft.consent import finish_consent  # noqa: PLC0415 - loads only where it is used

    grant = finish_consent(_app(client), pending, callback)
    return Granted(grant.tokens, frozenset(f.value for f in grant.features), frozenset(f.value for f in grant.missing))


def _tokens(client: Client, store: TokenStore) -> AccountTokens:
    from ...providers.microsoft.oauth import account_tokens  # noqa: PLC0415 - loads only where it is used

    return account_tokens(_app(client), store)


def _mail(client: Client, tokens: Callable[[], str], reading: Reading) -> Provider:
    from ...providers.microsoft.mail import OutlookMail  # noqa: PLC0415 - loads only where it is used

    return OutlookMail(tokens, mailbox=reading.details.get(MAILBOX), **_site(client))


def _calendars(client: Client, tokens: Callable[[], str], reading: Reading) -> Provider:
    from ...providers.microsoft.calendar import OutlookCalendar  # noqa: PLC0415 - loads only where it is used

    mailbox = reading.details.get(MAILBOX)
    return OutlookCalendar(tokens, mailbox=mailbox, now=reading.now, window=reading.window, **_site(client))


def _sender(client: Client, tokens: Callable[[], str], account: Account) -> Sender:
    from ...providers.microsoft.mail import OutlookSender  # noqa: PLC0415 - loads only where it is used

    login = account.login(Service.MICROSOFT)
    return OutlookSender(tokens, mailbox=login.details.get(MAILBOX) if login else None, **_site(client))


def _letter(client: Client, features: Iterable[str], redirect_uri: str, state: str) -> Letter:
    from ...providers.microsoft.consent import admin_request  # noqa: PLC0415 - loads only where it is used
    from ...providers.microsoft.oauth import Feature  # noqa: PLC0415 - the same

    tenant = str(client.get("tenant", "common"))
    request = admin_request(
        _app(client), [Feature(name) for name in features], redirect_uri=redirect_uri, state=state,
        name=str(client.get("name", "this program")), tenant="organizations" if tenant == "common" else tenant,
    )  # fmt: skip
    return Letter(request.url, request.text)


def _watch(client: Client, tokens: Callable[[], str], wanted: Wanted) -> Mark:
    from ...providers.microsoft import push  # noqa: PLC0415 - loads only where it is used

    before = wanted.before.read(push.Subscription) if wanted.before else None
    given: dict[str, Any] = {"now": wanted.now, **_site(client)}
    if before is not None:
        # One that has ended meanwhile is not renewed: another one is made.
        with suppress(NotFound):
            return _mark(push.renew(tokens, before, **given))
    return _mark(push.subscribe(
        tokens, "mail" if wanted.kind is Kind.MAIL else "calendar", wanted.address, channel=wanted.place,
        secret=wanted.secret, calendar=wanted.calendar, **given,
    ))  # fmt: skip


def _mark(made: Subscription) -> Mark:
    return Mark(granted=made.model_dump_json(), expires=made.expires, renew=made.renew)


def _unwatch(client: Client, tokens: Callable[[], str], mark: Mark) -> None:
    from ...providers.microsoft import push  # noqa: PLC0415 - loads only where it is used

    if (granted := mark.read(push.Subscription)) is not None:
        push.unsubscribe(tokens, granted, **_site(client))


MICROSOFT = ConsentVendor(
    "Microsoft",
    read_client=_read_client,
    begin=_begin,
    begin_shared=_begin_shared,
    finish=_finish,
    tokens=_tokens,
    providers={Kind.MAIL: _mail, Kind.CALENDAR: _calendars},
    sender=_sender,
    watch=_watch,
    unwatch=_unwatch,
    ends_at="myapps.microsoft.com, or for a personal account account.live.com/consent/Manage",
    letter=_letter,
)
