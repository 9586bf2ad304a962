"""What all `crmsync connect` commands share: servers typed or found, a secret asked for, tests before saving."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from pydantic import TypeAdapter, ValidationError

from ..model import TypedAddress
from ..providers.network.access import Security, Server
from ..runtime import (
    Account,
    AccountFile,
    AliasConnected,
    Connected,
    Connections,
    Keys,
    LoginCheck,
    Mismatch,
    Service,
    connect,
    keys_from,
)  # fmt: skip
from ..runtime.editing import account_for
from ..runtime.finding import Found
from ..runtime.vendors import VENDORS
from .console import line, output
from .failures import Mistake
from .streams import safe

_SPEC = re.compile(r"(?P<host>\[[^\]]+\]|[^:/]+)(?::(?P<port>\d{1,5}))?(?:/(?P<security>[a-z]+))?")
_PORTS = {Service.IMAP: 993, Service.SMTP: 465, Service.CALDAV: 443}
_STARTTLS_PORTS = frozenset({25, 143, 587})

Candidates = Sequence[tuple[Server, str]]
"""Servers, each with where it comes from, in words."""


class Trust(NamedTuple):
    """What a user says of a server of their own."""

    ca: str | None = None
    accept_any_certificate: bool = False
    allow_internal: bool = False


def typed_address(text: str) -> str:
    """Check an address that was typed.

    Raises:
        Mistake: it is none.

    """
    try:
        return TypeAdapter(TypedAddress).validate_python(text)
    except ValidationError as error:
        raise Mistake(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None


def typed_server(service: Service, text: str, username: str, trust: Trust) -> Server:
    """Read a server as `HOST`, `HOST:PORT` or `HOST:PORT/starttls`.

    Raises:
        Mistake: it is none.

    """
    match = _SPEC.fullmatch(text.strip())
    option = f"--{service.value}"
    if match is None:
        raise Mistake(
            f"{option}: {text!r} is no server",
            "Write HOST, HOST:PORT or HOST:PORT/starttls, as in imap.example.com:993.",
        )
    port = int(match["port"] or _PORTS[service])
    security = match["security"] or ("starttls" if port in _STARTTLS_PORTS else "tls")
    try:
        return Server(
            host=match["host"], port=port, security=Security(security), username=username,
            ca=trust.ca, accept_any_certificate=trust.accept_any_certificate, allow_internal=trust.allow_internal,
        )  # fmt: skip
    except ValidationError as error:
        raise Mistake(f"{option}: {str(error.errors()[0]['msg']).removeprefix('Value error, ')}") from None
    except ValueError:
        raise Mistake(f"{option}: {security!r} is no security", "There is: tls, starttls, unencrypted.") from None


def certificate(file: Path | None) -> str | None:
    """Read the certificates that are to be trusted instead of the system's.

    Raises:
        Mistake: there are none in the file.

    """
    if file is None:
        return None
    from ..providers.network.sockets import tls_context  # noqa: PLC0415 - few have an authority of their own

    try:
        text = file.read_text("ascii")
        tls_context(ca=text)
    except OSError as error:
        raise Mistake(f"--ca: {file}: {error.strerror}") from None
    except ValueError:
        raise Mistake(
            f"--ca: {file} holds no certificate", "Give it as PEM, with -----BEGIN CERTIFICATE-----."
        ) from None
    return text


def ask_password(address: str, *, from_stdin: bool) -> str:
    """Ask for a password without showing it, or read it from a pipe. Never from an option: others see those.

    Raises:
        Mistake: there is none.

    """
    if from_stdin:
        secret = sys.stdin.readline().rstrip("\r\n")
    else:
        secret = click.prompt(
            f"Password for {safe(address)}", hide_input=True, default="", show_default=False, err=True
        )
    if not secret:
        raise Mistake("there is no password", "Type it when asked, or pipe it in with --password-stdin.")
    return str(secret)


def announced(found: Found, servers: Mapping[Service, Candidates]) -> None:
    """Show which servers will be tried and where they come from, before a secret is typed."""
    console = output()
    for service, candidates in servers.items():
        for server, origin in candidates[:1]:
            console.print(f"{VENDORS[service].title:6} {safe(place_of(server))}, as {safe(server.username)} ({origin})")
    if found.provider is not None and found.advice:
        console.print(line((f"{found.provider.name}: ", "bold"), found.advice), soft_wrap=True)


def place_of(server: Server) -> str:
    """Show where a server is."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    security = "" if server.security is Security.TLS else f" ({server.security.value})"
    return f"{host}:{server.port}{server.path}{security}"


def connected(connections: Connections, address: str, servers: Mapping[Service, Candidates], secret: str) -> Connected:
    """Test the logins, save those that work, and say what became of each.

    Raises:
        Mistake: the login is another user's than before.

    """
    tried = {service: [server for server, _ in found] for service, found in servers.items()}
    try:
        result = connect(connections, address, tried, secret)
    except Mismatch as error:
        raise Mistake(str(error), f"To begin anew: crmsync disconnect {safe(address)}") from None
    console = output()
    for test in result.tests:
        _tell(test)
    if result.saved:
        console.print(f"Saved: {', '.join(VENDORS[service].title for service in result.saved)}.", style="bold")
    if failed := [VENDORS[test.service].title for test in result.tests if test.error is not None]:
        what = (
            f"{' and '.join(failed)} {'was' if len(failed) == 1 else 'were'} not saved"
            if result.saved
            else "Nothing was saved"
        )
        before = "; what was saved before stays as it is" if result.account and not result.saved else ""
        console.print(f"{what}{before}. Correct that, and run it again.", soft_wrap=True)
    return result


def _tell(test: LoginCheck) -> None:
    console = output()
    title = f"{VENDORS[test.service].title:6} "
    if test.error is None:
        console.print(line(title, ("works", "green"), f": {test.checked.found}"), soft_wrap=True)
        return
    console.print(line(title, ("failed", "bold red"), f": {safe(test.error)}"), soft_wrap=True)
    if test.advice:
        console.print("       If it is a server of your own, add --allow-internal.", soft_wrap=True)


def accounts_beside(database: Path) -> AccountFile:
    """Return the file of the connected accounts: beside the database, under its name."""
    return AccountFile(database.with_name(f"{database.stem}.accounts"))


def environment_keys(*, create: bool = False) -> Keys:
    """Return the keys to the stored secrets.

    Raises:
        StorageError: there are none; the message says what to do.

    """
    return keys_from(os.environ, create=create)


def known_address(accounts: Mapping[str, Account], address: str) -> Account:
    """Return the account of an address as it is, or a new one.

    Raises:
        Mistake: the address is another account's alias; only real mailboxes are connected.

    """
    try:
        return account_for(accounts, address)
    except AliasConnected as error:
        raise Mistake(
            f"{error.alias} is an alias of {error.address}, which is connected",
            "Its mail comes in with that mailbox already.",
        ) from None


def one_account(accounts: Mapping[str, Account], asked: str) -> Account:
    """Find a connected account by name or address.

    Raises:
        Mistake: there is none; those that are there are named.

    """
    with contextlib.suppress(StopIteration):
        folded = asked.strip().lower()
        return next(one for one in accounts.values() if one.name == asked or folded in one.addresses)
    known = ", ".join(safe(name) for name in sorted(accounts))
    raise Mistake(
        f"no account {asked!r} is connected",
        f"There is: {known}." if known else f"Connect it: crmsync connect imap {safe(asked)}",
    )
