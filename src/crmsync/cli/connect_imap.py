"""`crmsync connect imap`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..providers.network.access import Server
from ..runtime import Connections, Found, Service, find_servers
from ..runtime.vendors import VENDORS
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
    typed_server,
)  # fmt: skip
from .console import messages, output
from .failures import FAILED, Mistake
from .streams import safe
from .workspace import database_of


@click.command(
    "imap",
    epilog="""\b
Examples:
  crmsync connect imap ann@example.com
  crmsync connect imap ann@example.com --imap mail.example.com --smtp mail.example.com:587
  pass show mail/ann | crmsync connect imap ann@example.com --password-stdin
  crmsync connect imap ann@example.com          # again: another password, all else as it was

Exit code: 0 all logins work and are saved, 1 one failed (what works is saved), 2 a mistake.
""",
)
@click.argument("address")
@click.option("--imap", metavar="HOST[:PORT][/starttls]", help="The IMAP server; found from the address if not said.")
@click.option("--smtp", metavar="HOST[:PORT][/starttls]", help="The SMTP server; found from the address if not said.")
@click.option("--user", metavar="NAME", help="The name to log in with; the address if not said.")
@click.option("--no-smtp", is_flag=True, help="Read mail only; connect nothing for sending.")
@options.trust
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@options.database
def command(
    *, address: str, user: str | None, no_smtp: bool, password_stdin: bool, database: Path | None,
    workspace: Path | None, ca: Path | None, accept_any_certificate: bool, allow_internal: bool, **given: str | None,
) -> None:  # fmt: skip
    """Connect a mailbox, for reading by IMAP and for sending by SMTP.

    The servers are found from the ADDRESS: by the provider, by what its domain publishes, or by trying the usual
    names. Then the password is asked for, and both logins are tested. Only what works is saved.
    """
    address = typed_address(address)
    file = accounts_beside(database_of(workspace, database))
    account = known_address(file.load(), address)
    keys = environment_keys(create=True)
    trust = Trust(certificate(ca), accept_any_certificate, allow_internal)
    wanted = [Service.IMAP] if no_smtp else [Service.IMAP, Service.SMTP]
    servers: dict[Service, Candidates] = {}
    for service in wanted:
        if text := given[service.value]:
            servers[service] = [(typed_server(service, text, user or address, trust), "as you said")]
        elif (login := account.login(service)) and login.server:
            server = login.server if trust == Trust() else login.server.model_copy(update=trust._asdict())
            servers[service] = [(_as(server, user), "as it was")]
    found = _found(address, [one for one in wanted if one not in servers])
    for service in wanted:
        if service not in servers:
            servers[service] = _candidates(found, service, user, trust)
    announced(found, servers)
    secret = ask_password(address, from_stdin=password_stdin)
    saved = connected(Connections(file, keys), address, servers, secret).saved
    for service in wanted:
        if not servers[service]:
            option = f"say it with --{service.value} HOST, or leave it out with --no-smtp"
            output().print(f"{VENDORS[service].title:6} no server is known; {option}", soft_wrap=True)
    if Service.IMAP in saved:
        output().print(f"Now: crmsync folders {safe(address)}, crmsync sync", style="dim", soft_wrap=True)
    if len(saved) < len(wanted):
        click.get_current_context().exit(FAILED)


def _found(address: str, wanted: Sequence[Service]) -> Found:
    if not wanted:
        return Found({})
    messages().print(f"Looking for the servers of {safe(address.rpartition('@')[2])} …", style="dim")
    found = find_servers(address, wanted)
    if found.provider is not None and not found.takes_password:
        raise Mistake(f"{found.provider.name} lets no program log in with a password", found.advice)
    if Service.IMAP in wanted and not found.servers[Service.IMAP]:
        raise Mistake(
            f"no server is known for {address}",
            f"Say it, as on the provider's help page: crmsync connect imap {address} --imap HOST --smtp HOST",
        )
    return found


def _candidates(found: Found, service: Service, user: str | None, trust: Trust) -> Candidates:
    return [
        (_as(candidate.server.model_copy(update=trust._asdict()), user), candidate.origin.value)
        for candidate in found.servers[service]
    ]


def _as(server: Server, user: str | None) -> Server:
    return server if user is None else server.model_copy(update={"username": user})
