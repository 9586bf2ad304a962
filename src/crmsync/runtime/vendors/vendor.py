"""What crmsync knows of a vendor, as data: how to log in, what reads its mail and calendars, what sends.

A vendor is one value in a module of its own and one line in the table of `__init__.py`. Its functions import the
provider where they run, so that nobody loads what they do not use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from ...model import Value, Window
from ...model.value import Instant
from ...protocols import Provider, Sender
from ...providers.network.access import Access
from ...providers.web.consent import PendingConsent
from ...providers.web.tokens import AccountTokens, Tokens, TokenStore
from ...stores.stored import read_stored
from ..accounts import Account, Kind

_V = TypeVar("_V", bound=Value)

Client = Mapping[str, Any]
"""The host's OAuth client at a vendor, as the vendor's console gives it: JSON, secrets included."""


class Checked(NamedTuple):
    """What a login showed."""

    found: str
    """In few words."""
    aliases: frozenset[str] = frozenset()
    """Other addresses of the same person, as the server has them."""
    details: Mapping[str, str] = {}
    """What need not be found out again; no secrets."""


class Reading(NamedTuple):
    """What a provider is made for, beside its login."""

    account: Account
    details: Mapping[str, str]
    """The login's."""
    now: Callable[[], datetime]
    """For calendars, the middle of the window in which series are expanded."""
    window: Window
    zone: str
    """For calendars, the IANA zone of times that name none."""


@dataclass(frozen=True)
class PasswordVendor:
    """A server that takes a user name and a password."""

    title: str
    check: Callable[[Access, str], Checked]
    """Logs in once to the account of an address, and says what is there. Raises `SourceError` with what to do."""
    providers: Mapping[Kind, Callable[[Access, Reading], Provider]] = field(default_factory=dict)
    sender: Callable[[Access, Access | None], Sender] | None = None
    """From this access, and the account's IMAP access where it has one, for the copy in Sent."""


class Granted(NamedTuple):
    """What a person agreed to, and whose account it turned out to be."""

    tokens: Tokens
    features: frozenset[str]
    """What works: "mail", "calendar", "send"."""
    missing: frozenset[str]
    """What was asked for and not granted: boxes can be unticked."""


class Mark(Value):
    """A watch that a vendor granted: what has to be kept of it. It holds no secret."""

    granted: str
    """The vendor's own value, as JSON."""
    expires: Instant
    renew: Instant
    """When to renew it: well before it ends."""

    def read(self, kind: type[_V]) -> _V | None:
        """Return the vendor's value; None where it cannot be read, as of another version."""
        try:
            return read_stored(kind, self.granted)
        except ValidationError:
            return None


class Wanted(NamedTuple):
    """What is to be watched."""

    kind: Kind
    calendar: str | None
    """Which calendar, by id; None for a mailbox."""
    address: str
    """Where the vendor posts to; for Gmail, Pub/Sub's topic."""
    place: str
    """What it gives back with each push."""
    secret: bytes
    before: Mark | None
    """What is to be renewed."""
    now: Callable[[], datetime]


class Letter(NamedTuple):
    """What an administrator is sent, so that everybody in their organisation may connect."""

    url: str
    """Where they agree; it asks them to sign in."""
    text: str
    """A message that can be forwarded to them as it is; the address is in it."""


@dataclass(frozen=True)
class ConsentVendor:
    """A vendor where a person agrees in the browser (OAuth 2.0 with PKCE)."""

    title: str
    read_client: Callable[[Any], Client]
    """From the parsed JSON that the vendor's console gives to what is kept of it; `ValueError` says what to give."""
    begin: Callable[[Client, Iterable[str], str, str | None], PendingConsent]
    """From the client, the features, the redirect address, and the address that is wanted, where it is known."""
    finish: Callable[[Client, PendingConsent, str], Granted]
    """Exchanges the address that the browser came back by for tokens."""
    tokens: Callable[[Client, TokenStore], AccountTokens]
    """What yields a valid access token for a connected account."""
    providers: Mapping[Kind, Callable[[Client, Callable[[], str], Reading], Provider]]
    sender: Callable[[Client, Callable[[], str], Account], Sender] | None = None
    revoke: Callable[[Client, Tokens], None] | None = None
    """Ends the connection at the vendor; None where it offers nothing for that."""
    ends_at: str = ""
    """Where the person ends it themselves."""
    watch: Callable[[Client, Callable[[], str], Wanted], Mark] | None = None
    """Lets the vendor tell of changes, or renews that; None where it cannot. Raises `CrmSyncError`, or `ValueError`
    where a name is too long for the vendor."""
    unwatch: Callable[[Client, Callable[[], str], Mark], None] | None = None
    """Lets the vendor tell of nothing any more."""
    begin_shared: Callable[[Client, Iterable[str], str], PendingConsent] | None = None
    """As `begin`, for a mailbox that others share with whoever agrees; None where the vendor has no such mailboxes.
    Which mailbox it is stands in the login's details (`MAILBOX`)."""
    letter: Callable[[Client, Iterable[str], str, str], Letter] | None = None
    """What an administrator is sent: from the client, the features, the redirect address and a state."""


Vendor = PasswordVendor | ConsentVendor
