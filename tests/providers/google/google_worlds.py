"""A program that is registered at a loopback Google, and a browser that clicks through the consent."""

from __future__ import annotations

from crmsync.providers.google.oauth import Feature, GoogleApp, Grant, begin_consent, finish_consent
from crmsync.providers.web.consent import PendingConsent
from crmsync.providers.web.tokens import Tokens
from crmsync.testing.google import GoogleServer, Request, VirtualClock

ME = "me@acme.com"
ALL = (Feature.MAIL, Feature.SEND, Feature.CALENDAR)
REDIRECT = "https://crm.example/google/callback"


def server() -> GoogleServer:
    return GoogleServer(clock=VirtualClock())


def app_of(google: GoogleServer, *, secret: str | None = None) -> GoogleApp:
    client = google.oauth.client
    return GoogleApp(
        client_id=client.id,
        client_secret=lambda: client.secret if secret is None else secret,
        authorize_url=f"{google.url}/o/oauth2/v2/auth",
        token_url=f"{google.url}/token",
        revoke_url=f"{google.url}/revoke",
        allow_internal=True,
    )


def agree(google: GoogleServer, pending: PendingConsent) -> str:
    """Return the URL that the person comes back by."""
    response = google.handle(Request("GET", pending.url.removeprefix(google.url)))
    assert response.status == 302, response.body
    return response.headers["Location"]


def connect(google: GoogleServer, *features: Feature) -> Grant:
    app = app_of(google)
    pending = begin_consent(app, features or ALL, redirect_uri=REDIRECT)
    return finish_consent(app, pending, agree(google, pending), now=google.clock)


def expired(tokens: Tokens) -> Tokens:
    return Tokens(refresh_token=tokens.refresh_token, scopes=tokens.scopes)


def advance(google: GoogleServer, seconds: float) -> None:
    assert isinstance(google.clock, VirtualClock)
    google.clock.advance(seconds)
