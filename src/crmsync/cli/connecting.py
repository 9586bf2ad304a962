"""What all `crmsync connect` commands share: servers typed or found, a secret asked for, tests before saving."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from pydantic import TypeAdapter, ValidationError

from ..errors import NotAuthorized, SourceError, Unavailable
from ..model import TypedAddress
from ..providers.network.access import Security, Server
from ..providers.network.known import Known
from ..runtime import Account, AccountFile, Keys, Service, keys_from
from .console import line, output
from .failures import Mistake
from .services import CHECKS, TITLES, Checked
from .streams import safe

_SPEC = re.compile(r"(?P<host>\[[^\]]+\]|[^:/]+)(?::(?P<port>\d{1,5}))?(?:/(?P<security>[a-z]+))?")
_PORTS = {Service.IMAP: 993, Service.SMTP: 465, Service.CALDAV: 443}
_STARTTLS_PORTS = frozenset({25, 143, 587})


class Trust(NamedTuple):
    """What a user says of a server of their own."""

    ca: str | None = None
    accept_any_certificate: bool = False
    allow_internal: bool = False


class Tested(NamedTuple):
    """What became of one login."""

    service: Service
    server: Server
    """The one that works; else the last that was tried."""
    checked: Checked = Checked("")
    error: SourceError | None = None


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


def announced(provider: Known | None, servers: Mapping[Service, Sequence[tuple[Server, str]]]) -> None:
    """Show which servers will be tried and where they come from, before a secret is typed."""
    console = output()
    for service, found in servers.items():
        for server, origin in found[:1]:
            console.print(f"{TITLES[service]:6} {safe(place_of(server))}, as {safe(server.username)} ({origin})")
    if provider is not None and provider.advice:
        console.print(line((f"{provider.name}: ", "bold"), f"{provider.advice}."), soft_wrap=True)


def place_of(server: Server) -> str:
    """Show where a server is."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    security = "" if server.security is Security.TLS else f" ({server.security.value})"
    return f"{host}:{server.port}{server.path}{security}"


def tested(service: Service, servers: Iterable[Server], secret: str, address: str) -> Tested:
    """Log in to an address's account on the first of these servers that can be reached.

    A refused password is tried again only under another user name of the same server, which a provider's help page
    says to try; never on another server, and never twice.
    """
    result: Tested | None = None
    tried: set[tuple[str, str]] = set()
    for server in servers:
        if (server.host, server.username) in tried:
            continue
        if result is not None and isinstance(result.error, NotAuthorized) and result.server.host != server.host:
            break
        try:
            return Tested(service, server, CHECKS[service](server.access(password=lambda: secret), address))
        except Unavailable as error:
            result = (
                result if result and isinstance(result.error, NotAuthorized) else Tested(service, server, error=error)
            )
        except SourceError as error:
            tried.add((server.host, server.username))
            result = Tested(service, server, error=error)
    if result is None:
        raise ValueError("no server to test")
    return result


def save(file: AccountFile, account: Account, results: Sequence[Tested], secret: str, keys: Keys) -> list[Service]:
    """Say what became of the tests, and save the logins that work; all else of the account stays as it is."""
    console = output()
    for result in results:
        _tell(result)
    working = [result for result in results if result.error is None]

    def change(accounts: Mapping[str, Account]) -> Iterable[Account]:
        there = accounts.get(account.name, account)  # as another command may have saved it meanwhile
        for service, server, checked, _ in working:
            there = there.with_login(service, secret, keys, server=server, details=checked.details)
            there = there.model_copy(update={"aliases": frozenset({*there.aliases, *checked.aliases})})
        return {**accounts, there.name: there}.values()

    if working:
        file.change(change)
        console.print(f"Saved: {', '.join(TITLES[result.service] for result in working)}.", style="bold")
    if failed := [TITLES[result.service] for result in results if result.error is not None]:
        what = (
            f"{' and '.join(failed)} {'was' if len(failed) == 1 else 'were'} not saved"
            if working
            else "Nothing was saved"
        )
        before = "; what was saved before stays as it is" if account.logins else ""
        console.print(f"{what}{before}. Correct that, and run it again.", soft_wrap=True)
    return [result.service for result in working]


def _tell(result: Tested) -> None:
    console = output()
    title = f"{TITLES[result.service]:6} "
    if result.error is None:
        console.print(line(title, ("works", "green"), f": {result.checked.found}"), soft_wrap=True)
        return
    console.print(line(title, ("failed", "bold red"), f": {safe(result.error)}"), soft_wrap=True)
    if "internal address" in str(result.error) and not result.server.allow_internal:
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


def account_to_edit(accounts: Mapping[str, Account], address: str) -> Account:
    """Return the account of an address as it is, or a new one.

    Raises:
        Mistake: the address is another account's alias; only real mailboxes are connected.

    """
    for account in accounts.values():
        if address in account.aliases:
            raise Mistake(
                f"{address} is an alias of {account.address}, which is connected",
                "Its mail comes in with that mailbox already.",
            )
    name = address.replace("/", "_")  # a channel's key, which is made of it, takes no slash
    return accounts.get(name) or Account(name=name, address=address)


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
