"""How to reach one server: where it is, how the line is secured, who asks, and where the secret comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from ...model.value import Many, Value, ascii_domain

Secret = Callable[[], str]
"""Returns a password, or an access token that is valid now. Called once for each login."""


class Security(StrEnum):
    """How the line is secured."""

    TLS = "tls"
    """From the first octet (RFC 8314 section 3)."""
    STARTTLS = "starttls"
    """Begun in clear text, and nothing said before TLS is up; a server that does not offer it is refused."""
    UNENCRYPTED = "unencrypted"
    """Never: for a server on the same machine. Whoever is on the line reads the password."""


def _typed_host(value: Any) -> Any:
    """Check what a person typed as a server's name: a name or an IP address, without scheme, port or path."""
    if not isinstance(value, str):
        return value
    text = value.strip().strip(".")
    bare = text.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        host = ascii_domain(text)
    letters = set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    if not host or len(host) > 253 or not set(host) <= letters or ".." in host or host.startswith("-"):
        raise ValueError(f"{value!r} is not the name of a server; write one such as 'imap.example.com'")
    return host


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a network; write one such as '10.1.0.0/16'") from None


Host = Annotated[str, BeforeValidator(_typed_host)]
"""A server's name (as A-labels) or IP address, as a person typed it."""


def _no_secret_itself(value: Any) -> Any:
    if value is not None and not callable(value):
        # A `TypeError`: pydantic's own error would carry the secret along.
        raise TypeError("give the secret as a callable that returns it, as in password=lambda: look_up(key)")
    return value


_Secret = Annotated[Secret | None, BeforeValidator(_no_secret_itself), Field(repr=False, exclude=True)]
Username = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Server(Value):
    """A server and how to connect to it, without secrets: it may be stored and shown."""

    host: Host
    port: int = Field(ge=1, le=65_535)
    security: Security = Security.TLS
    username: Username
    path: str = Field(default="", pattern=r"^(/[^\s\x00-\x1f\x7f?#]*)?$")
    """For HTTP, where to begin."""
    mechanism: Literal["xoauth2", "oauthbearer"] | None = None
    """How an access token is presented to IMAP and SMTP (the latter is RFC 7628); None: as the server offers."""
    ca: str | None = None
    """Certificates that are trusted instead of the system's, as PEM text: for an authority of one's own."""
    accept_any_certificate: bool = False
    """Whether the server's certificate goes unchecked. Anybody on the line can then read and change everything."""
    allow_internal: bool | Many[Annotated[str, AfterValidator(_network)]] = False
    """Whether the host may lie in a private network or on this machine; or the networks that are allowed, as
    `10.1.0.0/16`. Never for a host that a user of a hosted CRM typed. Link-local addresses are refused always."""
    connect_timeout: float = Field(default=20.0, gt=0, le=600)
    """Seconds until connected: name looked up, TLS up."""
    timeout: float = Field(default=60.0, gt=0, le=3_600)
    """Seconds that the server may stay silent later."""

    def access(self, *, password: Secret | None = None, token: Secret | None = None) -> Access:
        """Add where the secret comes from."""
        return Access(**{name: getattr(self, name) for name in Server.model_fields}, password=password, token=token)


class Access(Server):
    """A server with the callable that yields its secret: a password, or an OAuth access token.

    No secret is in it until a login asks. It shows none in `repr`, in a dump or in an error, and refuses to be
    pickled: a job that is queued carries an account's name, and whoever runs it looks the secret up.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    password: _Secret = None
    token: _Secret = None
    """Returns an OAuth access token; sent as XOAUTH2 or OAUTHBEARER, in HTTP as Bearer."""

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.password is None) is (self.token is None):
            raise ValueError("give either a password or a token, each as a callable that returns it")
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an Access yields secrets and is not pickled; pass the account's key instead")
