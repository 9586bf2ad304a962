"""`crmsync connect caldav`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click
from pydantic import ValidationError

from ..providers.network.access import Security, Server
from ..runtime import Connections, Found, Service, find_servers
from . import options
from .connecting import (
    Candidates,
    Trust,
    accounts_beside,
    announced,
    ask_password,
    certificate,
    connected,
    environment_keys,
    known_address,
    typed_address,
)  # fmt: skip
from .console import messages, output
from .failures import FAILED, Mistake
from .streams import safe
from .workspace import database_of

_PORTS = {"https": 443, "http": 80}


@click.command(
    "caldav",
    epilog="""\b
Examples:
  crmsync connect caldav ann@example.com
  crmsync connect caldav ann@example.com --url https://cloud.example.com --user ann
  crmsync connect caldav ann@example.com --url http://localhost:5232 --user ann --allow-internal
  pass show dav/ann | crmsync connect caldav ann@example.com --password-stdin
  crmsync connect caldav ann@example.com        # again: another password, all else as it was

Exit code: 0 the login works and is saved, 1 it failed, 2 a mistake.
""",
)
@click.argument("address")
@click.option(
    "--url", metavar="URL", help="The server, or the account's place on it; found from the address if not said."
)
@click.option("--user", metavar="NAME", help="The name to log in with; the address if not said.")
@options.trust
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@options.database
def command(
    *, address: str, url: str | None, user: str | None, password_stdin: bool, database: Path | None,
    workspace: Path | None, ca: Path | None, accept_any_certificate: bool, allow_internal: bool,
) -> None:  # fmt: skip
    """Connect the calendars of a CalDAV account.

    The server is found from the ADDRESS: by the provider, by what its domain publishes (RFC 6764), or by trying the
    usual names. Then the password is asked for, and the login is tested. Only what works is saved.
    """
    address = typed_address(address)
    file = accounts_beside(database_of(workspace, database))
    account = known_address(file.load(), address)
    keys = environment_keys(create=True)
    trust = Trust(certificate(ca), accept_any_certificate, allow_internal)
    login = account.login(Service.CALDAV)
    found = Found({})
    servers: Candidates
    if url:
        servers = [(typed_url(url, user or address, trust), "as you said")]
    elif login and login.server:
        servers = [(login.server if trust == Trust() else login.server.model_copy(update=trust._asdict()), "as it was")]
    else:
        found, servers = _found(address, trust)
    if user:
        servers = [(server.model_copy(update={"username": user}), origin) for server, origin in servers]
    announced(found, {Service.CALDAV: servers})
    secret = ask_password(address, from_stdin=password_stdin)
    if not connected(Connections(file, keys), address, {Service.CALDAV: servers}, secret).saved:
        click.get_current_context().exit(FAILED)
    output().print(f"Now: crmsync calendars {safe(address)}, crmsync sync", style="dim", soft_wrap=True)


def typed_url(text: str, username: str, trust: Trust) -> Server:
    """Read a server as a URL, or as its name alone.

    Raises:
        Mistake: it is none, or the password would travel in the clear.

    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise Mistake(f"--url: {text!r} is no address", "Write it as in https://dav.example.com/.") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        raise Mistake(f"--url: {text!r} is no address of a server", "Write it as in https://dav.example.com/.")
    if parts.scheme == "http" and not trust.allow_internal:
        raise Mistake(
            "--url: over http:// everybody on the line reads the password",
            "Write https://, or add --allow-internal for a server of your own.",
        )
    try:
        return Server(
            host=parts.hostname, port=port, path=parts.path if parts.path != "/" else "", username=username,
            security=Security.TLS if parts.scheme == "https" else Security.UNENCRYPTED, **trust._asdict(),
        )  # fmt: skip
    except ValidationError as error:
        raise Mistake(f"--url: {str(error.errors()[0]['msg']).removeprefix('Value error, ')}") from None


def _found(address: str, trust: Trust) -> tuple[Found, Candidates]:
    messages().print(f"Looking for the calendars of {safe(address.rpartition('@')[2])} …", style="dim")
    found = find_servers(address, [Service.CALDAV])
    candidates = found.servers[Service.CALDAV]
    if found.consent is not None and not candidates:
        verb = f"crmsync connect {found.consent.value} {safe(address)}"
        raise Mistake(f"{found.consent.value.title()}'s calendars take no password", f"Connect them: {verb}")
    if found.provider is not None and not found.takes_password:
        raise Mistake(f"{found.provider.name} lets no program log in with a password", found.advice)
    if not candidates:
        raise Mistake(
            f"no calendar server is known for {address}",
            f"Say it, as on the provider's help page: crmsync connect caldav {safe(address)} --url https://HOST",
        )
    return found, [(one.server.model_copy(update=trust._asdict()), one.origin.value) for one in candidates]
