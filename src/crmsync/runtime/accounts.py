"""A connected account as it may be stored: its logins, their secrets sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Literal, Self

from pydantic import Field, model_validator

from ..model import TypedAddress, Value
from ..model.value import SetOf
from ..providers.network.access import Access, Secret, Server
from .encryption import Keys

MAILBOX = "mailbox"
"""The detail of a login that names the mailbox which somebody shares with whoever logs in."""


class Service(StrEnum):
    """What an account logs in to."""

    IMAP = "imap"
    SMTP = "smtp"
    CALDAV = "caldav"
    GOOGLE = "google"
    MICROSOFT = "microsoft"


class Kind(StrEnum):
    """The two sides of an account that can be read."""

    MAIL = "mail"
    CALENDAR = "calendar"


class Login(Value):
    """One login of an account. The secret is in it sealed, and may be stored and pickled so."""

    service: Service
    server: Server | None = None
    """None where the service itself is the server."""
    secret: Literal["password", "oauth"] = "password"  # noqa: S105 - the kind
    """Whether a password is sealed, or what an OAuth client keeps, such as a refresh token."""
    sealed: str = Field(repr=False, pattern=r"^crmsync1:")
    """The secret, by `Keys.seal`, for `Login.place`."""
    refused: bool = False
    """Whether the server refused it: it is not tried again before somebody gives another secret, for a password that
    is tried every five minutes locks the mailbox."""
    details: Mapping[str, str] = Field(default_factory=dict)
    """What a provider found out and need not find out again; no secrets."""

    def place(self, account: str) -> str:
        """Return the place that the secret is sealed for: the account's name, the service, and whom it is shown to.

        So whoever can write where accounts are stored, but has no key, can neither send the secret to a server of
        their own nor have it sent in the clear. The details belong to it: addresses of calendars are among them.
        """
        shown = self.server.model_dump_json(include=_SHOWN_TO) if self.server else ""
        details = json.dumps(dict(sorted(self.details.items())))
        return f"{account}/{self.service.value}/{shown}/{details}"


_SHOWN_TO = {"host", "port", "security", "username", "path", "ca", "accept_any_certificate", "allow_internal"}


class Account(Value):
    """A person's connected account; it offers mail, calendars, or both."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^/\x00-\x1f]+$")
    """Unique among the accounts, never changed: secrets are sealed for it."""
    address: TypedAddress
    aliases: SetOf[TypedAddress] = frozenset()
    logins: tuple[Login, ...] = ()

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len({login.service for login in self.logins}) < len(self.logins):
            raise ValueError("an account has one login for each service")
        return self

    @property
    def addresses(self) -> frozenset[str]:
        """Its own address and its aliases."""
        return frozenset({self.address, *self.aliases})

    def grants(self, service: Service, feature: str) -> bool:
        """Tell whether a login is good for something: in a consent boxes can be left unticked."""
        login = self.login(service)
        return login is not None and feature in login.details.get("features", feature).split()

    def is_shared(self, service: Service) -> bool:
        """Tell whether a login is somebody's with whom the mailbox is shared."""
        login = self.login(service)
        return login is not None and MAILBOX in login.details

    def __contains__(self, service: Service) -> bool:
        return self.login(service) is not None

    def login(self, service: Service) -> Login | None:
        """Return the login for a service, where there is one."""
        return next((login for login in self.logins if login.service is service), None)

    def with_login(
        self,
        service: Service,
        secret: str,
        keys: Keys,
        *,
        server: Server | None = None,
        kind: Literal["password", "oauth"] = "password",
        details: Mapping[str, str] | None = None,
    ) -> Account:
        """Return the account with this login, in place of the one it had. All else stays as it is."""
        bare = None if server is None else Server(**{name: getattr(server, name) for name in Server.model_fields})
        unsealed = Login(service=service, server=bare, secret=kind, sealed="crmsync1:", details=details or {})
        made = unsealed.model_copy(update={"sealed": keys.seal(secret, unsealed.place(self.name))})
        others = tuple(login for login in self.logins if login.service is not service)
        return self.model_copy(update={"logins": (*others, made)})

    def with_refusal(self, service: Service) -> Account:
        """Return the account with a login on record as refused; `with_login` takes that back."""
        logins = tuple(
            login.model_copy(update={"refused": True}) if login.service is service else login for login in self.logins
        )
        return self.model_copy(update={"logins": logins})

    def without(self, service: Service) -> Account:
        """Return the account without a login."""
        return self.model_copy(update={"logins": tuple(one for one in self.logins if one.service is not service)})

    def secret(self, service: Service, keys: Keys) -> Secret:
        """Return a callable that unseals a service's secret when it is needed.

        Raises:
            KeyError: the account has no such login.

        """
        if (login := self.login(service)) is None:
            raise KeyError(service.value)
        return partial(keys.unseal, login.sealed, login.place(self.name))

    def access(self, service: Service, keys: Keys) -> Access:
        """Return how to reach a service by password. The secret stays sealed until somebody logs in.

        Raises:
            KeyError: the account has no such login, or none that has a server and a password.

        """
        login = self.login(service)
        if login is None or login.server is None or login.secret != "password":  # noqa: S105 - the kind
            raise KeyError(service.value)
        return login.server.access(password=self.secret(service, keys))

    def sealed_again(self, keys: Keys) -> Account:
        """Return the account with all its secrets under the current key.

        Raises:
            StorageError: one of them does not open.

        """
        logins = tuple(
            login.model_copy(update={"sealed": keys.sealed_again(login.sealed, login.place(self.name))})
            for login in self.logins
        )
        return self.model_copy(update={"logins": logins})
