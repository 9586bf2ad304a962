"""What the commands do with a Google account."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import SourceError
from ..runtime import Account, AccountFile, Keys, Service
from ..runtime.stored_tokens import OAuthSecret, StoredTokens
from .failures import Mistake
from .sources import Kind
from .streams import counted

if TYPE_CHECKING:
    from ..model import Window
    from ..protocols import Identity, Provider
    from ..providers.google.oauth import Feature, GoogleApp
    from ..providers.web.tokens import AccountTokens

_FIELDS = ("client_id", "client_secret", "auth_uri", "token_uri", "api_root")
_GOOGLE = "https://oauth2.googleapis.com/token"


def client_of(file: Path) -> Mapping[str, str]:
    """Read the file that the Google Cloud console gives for an OAuth client.

    `api_root` in it is where the APIs are; for a loopback server (`crmsync.testing.google`).

    Raises:
        Mistake: it is none.

    """
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Mistake(f"--client: {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        data = None
    inner = next((data[kind] for kind in ("installed", "web") if isinstance(data, dict) and kind in data), data)
    if not isinstance(inner, dict) or not all(isinstance(inner.get(name), str) for name in _FIELDS[:2]):
        raise Mistake(
            f"--client: {file} is no OAuth client",
            "Make one of type 'Desktop app' at console.cloud.google.com/apis/credentials, and download its JSON.",
        )
    return {name: inner[name] for name in _FIELDS if isinstance(inner.get(name), str)}


def app_of(client: Mapping[str, Any]) -> GoogleApp:
    """Return the program as Google knows it."""
    from ..providers.google.oauth import GoogleApp  # noqa: PLC0415 - loads only where it is used

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


def providers(
    client: Mapping[str, Any], tokens: Callable[[], str]
) -> tuple[Callable[[], Provider], Callable[..., Provider]]:
    """Return what makes an account's mail side and its calendar side."""
    from ..providers.web.calls import Site  # noqa: PLC0415 - loads only where it is used

    root = client.get("api_root")
    site: dict[str, Any] = {"site": Site(str(root), allow_internal=_is_here(str(root)))} if root else {}

    def mail() -> Provider:
        from ..providers.google.mail import Gmail  # noqa: PLC0415 - loads only where it is used

        return Gmail(tokens, **site)

    def calendars(**options: Any) -> Provider:
        from ..providers.google.calendar import GoogleCalendar  # noqa: PLC0415 - loads only where it is used

        return GoogleCalendar(tokens, **site, **options)

    return mail, calendars


def provider_of(
    account: Account, kind: Kind, file: AccountFile, keys: Keys, *, now: datetime, window: Window
) -> Provider:
    """Return what reads a connected Google account's mail or calendars.

    Raises:
        NotAuthorized: it is not connected any more.

    """
    client, tokens = _opened(account, file, keys)
    mail, calendars = providers(client, tokens)
    return mail() if kind is Kind.MAIL else calendars(now=lambda: now, window=window)


def disconnected(account: Account, file: AccountFile, keys: Keys) -> str:
    """End the connection at Google, and say where that was not possible."""
    from ..providers.google.oauth import revoke  # noqa: PLC0415 - loads only where it is used

    try:
        secret = StoredTokens(file, account.name, Service.GOOGLE, keys).secret()
        revoke(app_of(secret.client), secret.tokens)
    except SourceError as error:
        return f"Google was not told ({error}). End it there too: myaccount.google.com/connections"
    return ""


def checked(
    client: Mapping[str, Any], tokens: Callable[[], str], features: frozenset[Feature]
) -> tuple[Identity, list[str]]:
    """Look into the account once: whose it is, and what is there.

    Raises:
        SourceError: with what to do.

    """
    from ..providers.google.oauth import Feature  # noqa: PLC0415 - loads only where it is used

    mail, calendars = providers(client, tokens)
    found: list[str] = []
    identity: Identity | None = None
    for feature, make, what in ((Feature.MAIL, mail, "label"), (Feature.CALENDAR, calendars, "calendar")):
        if feature in features:
            provider = make()
            identity = identity or provider.identify()
            found.append(f"{feature.value} works: {counted(len(provider.collections()), what)}")
    if identity is None:
        raise Mistake("sending alone does not tell whose account it is", "Ask for mail or calendars too.")
    return identity, found


def _opened(account: Account, file: AccountFile, keys: Keys) -> tuple[Mapping[str, Any], AccountTokens]:
    from ..providers.google.oauth import account_tokens  # noqa: PLC0415 - loads only where it is used

    store = StoredTokens(file, account.name, Service.GOOGLE, keys)
    client = store.secret().client
    return client, account_tokens(app_of(client), store)


__all__ = ["OAuthSecret", "app_of", "checked", "client_of", "disconnected", "provider_of", "providers"]
