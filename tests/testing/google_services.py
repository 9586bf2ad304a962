"""Google's own client library, pointed at a loopback server."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.oauth2.credentials import Credentials
from google_discovery import document_at
from googleapiclient.discovery import Resource, build_from_document

from crmsync.testing.google import EVERY_SCOPE, GoogleServer

ME = "me@acme.com"


@contextmanager
def serving() -> Iterator[GoogleServer]:
    """Run a server with one account. These libraries leave their connections to the collector, which is called here."""
    with GoogleServer() as server:
        server.account(ME)
        yield server
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def credentials(google: GoogleServer, address: str = ME) -> Credentials:
    grant = google.oauth.grant(address, EVERY_SCOPE)
    client = google.oauth.client
    return Credentials(  # type: ignore[no-untyped-call]  # google-auth's
        None,
        refresh_token=grant.refresh_token,
        token_uri=f"{google.url}/token",
        client_id=client.id,
        client_secret=client.secret,
    )


def service(google: GoogleServer, api: str = "gmail.v1", who: Any = None) -> Any:
    made = build_from_document(document_at(api, google.url), credentials=who or credentials(google))
    assert isinstance(made, Resource)
    return made
