"""An address in, the servers to try out: known providers, autoconfig, DNS, and last of all guesses.

    candidates = discover("ann@client.example").candidates

Nothing is logged in to. What a domain's owner says of servers is a stranger's word: hosts are looked up and checked
when they are dialled (`crmsync.providers.network.sockets`), and only encrypted servers are taken.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import ValidationError

from ...model.value import Value, clean_address
from . import lookups
from .access import Security, Server
from .autoconfig import ConfiguredServer, parse_autoconfig
from .known import PROVIDERS, Known, Service, provider_by_mx, provider_of, servers_of

__all__ = ["Candidate", "Discovered", "Network", "Origin", "discover"]


class Origin(StrEnum):
    """Where a candidate comes from, the most trusted first."""

    PROVIDER = "known provider"
    EXCHANGER = "the domain's mail exchanger"
    AUTOCONFIG = "the domain's autoconfig"
    DATABASE = "Mozilla's database"
    SERVICE = "the domain's service records"
    GUESS = "a guess"


class Candidate(Value):
    """A server that may be the right one."""

    service: Service
    server: Server
    origin: Origin


class Discovered(NamedTuple):
    """What is known of an address's servers."""

    candidates: tuple[Candidate, ...] = ()
    """For each service the likeliest first."""
    provider: Known | None = None
    """The provider, where it is a known one: whether it takes passwords at all, and what to do before."""

    def of(self, service: Service) -> tuple[Candidate, ...]:
        """Return the candidates for one service."""
        return tuple(candidate for candidate in self.candidates if candidate.service == service)


class Network(NamedTuple):
    """What discovery asks. Each answers within its own few seconds, or with nothing, and raises nothing."""

    fetch: Callable[[str], bytes | None] = lookups.fetch
    """Gets an https address; at most some hundred kilobytes."""
    query: Callable[[str, str], Sequence[str]] = lookups.query
    """Asks DNS for a name's records of a type, as text."""
    speaks: Callable[[Service, Server], bool] = lookups.speaks
    """Whether such a server greets there."""


def discover(
    address: str,
    *,
    services: Iterable[Service] = ("imap", "smtp"),
    timeout: float = 15.0,
    network: Network = Network(),  # noqa: B008 - a value
    database: str | None = "https://autoconfig.thunderbird.net/v1.1/",
) -> Discovered:
    """Find the servers of an address.

    Args:
        address: a mail address.
        services: which to look for.
        timeout: seconds for all questions together.
        network: what is asked.
        database: where Mozilla's database is, which is told the domain; None not to ask it.

    """
    wanted = tuple(services)
    address = str(clean_address(address))
    domain = address.rpartition("@")[2]
    if known := provider_of(domain):
        return Discovered(_of_provider(known, address, wanted, Origin.PROVIDER), known)
    if not _DOMAIN.fullmatch(domain):
        return Discovered()
    until = monotonic() + timeout
    asked = _Asked(until)
    asked.ask("mx", _exchangers, network, domain)
    # The order is Thunderbird's; plain http, which it can also ask, is not asked: anybody on the line could answer.
    told = quote(address, safe="@")
    asked.ask("config", network.fetch, f"https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={told}")
    asked.ask("well-known", network.fetch, f"https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml")
    if database:
        asked.ask("database", network.fetch, f"{database}{domain}")
    for service in wanted:
        asked.ask(f"srv {service}", _records, network, service, domain, address)
    by_mx = provider_by_mx(asked.answer("mx") or [])
    if by_mx is not None:
        return Discovered(_of_provider(by_mx, address, wanted, Origin.EXCHANGER), by_mx)
    found: list[Candidate] = []
    for name, origin in (
        ("config", Origin.AUTOCONFIG), ("well-known", Origin.AUTOCONFIG), ("database", Origin.DATABASE),
    ):  # fmt: skip
        found += _configured(asked.answer(name), address, wanted, origin)
    for service in wanted:
        found += asked.answer(f"srv {service}") or []
    missing = [service for service in wanted if not any(one.service == service for one in found)]
    found += _guesses(network, missing, domain, address, until)
    return Discovered(tuple({(c.service, c.server): c for c in reversed(found)}.values())[::-1], _provider_in(found))


class _Asked:
    """Questions under way, each in a thread of its own; no answer is waited for too long."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._answers: dict[str, Any] = {}
        self._threads: dict[str, threading.Thread] = {}

    def ask(self, name: str, question: Callable[..., Any], *about: Any) -> None:
        def put() -> None:
            self._answers[name] = question(*about)

        thread = threading.Thread(target=put, name=f"crmsync-discovery {name}", daemon=True)
        self._threads[name] = thread
        thread.start()

    def answer(self, name: str) -> Any:
        if name in self._threads:
            self._threads[name].join(max(self._until - monotonic(), 0))
        return self._answers.get(name)


def _of_provider(known: Known, address: str, wanted: Sequence[Service], origin: Origin) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(service=service, server=server, origin=origin)
        for service in wanted
        for server in servers_of(known, service, address)
    )


def _provider_in(found: Iterable[Candidate]) -> Known | None:
    """Return the provider whose server an autoconfig names, for its advice."""
    hosts = {candidate.server.host for candidate in found}
    return next((k for k in PROVIDERS if k.imap and k.imap.removeprefix("+").partition(":")[0] in hosts), None)


_DOMAIN = re.compile(r"(?=.{4,253}$)[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_SOCKETS = {"SSL": Security.TLS, "STARTTLS": Security.STARTTLS}
_PASSWORDS = frozenset({"password-cleartext", "plain", "password-encrypted", "secure", "OAuth2"})


def _configured(octets: bytes | None, address: str, wanted: Sequence[Service], origin: Origin) -> Iterator[Candidate]:
    for told in parse_autoconfig(octets, address) if octets else ():
        service: Service | None = next((one for one in wanted if one == told.type), None)
        if service and told.socket in _SOCKETS and (not told.authentication or _PASSWORDS & set(told.authentication)):
            yield from _candidate(service, _server_of(told), origin)


def _server_of(told: ConfiguredServer) -> dict[str, Any]:
    return {"host": told.host, "port": told.port, "security": _SOCKETS[told.socket], "username": told.username}


def _candidate(service: Service, server: dict[str, Any], origin: Origin) -> Iterator[Candidate]:
    try:
        yield Candidate(service=service, server=Server(**server), origin=origin)
    except ValidationError:
        return  # a stranger's file may hold anything


def _exchangers(network: Network, domain: str) -> list[str]:
    return [record.rpartition(" ")[2] for record in sorted(network.query(domain, "MX"), key=_preference)]


def _preference(record: str) -> int:
    number = record.partition(" ")[0]
    return int(number) if number.isdigit() else 65_536


_SRV: dict[Service, tuple[tuple[str, Security], ...]] = {
    # RFC 8314 section 5.1 and RFC 6186 section 3: TLS from the first octet before STARTTLS.
    "imap": (("_imaps._tcp", Security.TLS), ("_imap._tcp", Security.STARTTLS)),
    "smtp": (("_submissions._tcp", Security.TLS), ("_submission._tcp", Security.STARTTLS)),
    "caldav": (("_caldavs._tcp", Security.TLS),),  # RFC 6764 section 3
}


def _records(network: Network, service: Service, domain: str, address: str) -> list[Candidate]:
    found: list[Candidate] = []
    for label, security in _SRV[service]:
        records = [record.split() for record in network.query(f"{label}.{domain}", "SRV")]
        whole = [r for r in records if len(r) == 4 and all(number.isdigit() for number in r[:3])]
        # RFC 2782: the lowest priority first; among equals the weight, by which others draw lots, says which is larger.
        for _, _, port, target in sorted(whole, key=lambda r: (int(r[0]), -int(r[1]))):
            if target == ".":
                continue  # RFC 6186 section 3.4: the service is not there
            path = _path(network, f"{label}.{domain}") if service == "caldav" else ""
            server = {"host": target, "port": int(port), "security": security, "username": address, "path": path}
            found += _candidate(service, server, Origin.SERVICE)
    return found


def _path(network: Network, name: str) -> str:
    """Return the path that RFC 6764 section 4 puts into a TXT record beside the service's."""
    told = (text.strip('"') for text in network.query(name, "TXT"))
    return next((text.removeprefix("path=") for text in told if text.startswith("path=")), "")


_GUESSES: dict[Service, tuple[tuple[str, int, Security], ...]] = {
    "imap": (
        ("imap.", 993, Security.TLS), ("mail.", 993, Security.TLS), ("", 993, Security.TLS),
        ("imap.", 143, Security.STARTTLS), ("mail.", 143, Security.STARTTLS),
    ),
    "smtp": (
        ("smtp.", 465, Security.TLS), ("mail.", 465, Security.TLS), ("", 465, Security.TLS),
        ("smtp.", 587, Security.STARTTLS), ("mail.", 587, Security.STARTTLS),
    ),
    "caldav": (("", 443, Security.TLS), ("caldav.", 443, Security.TLS), ("dav.", 443, Security.TLS)),
}  # fmt: skip


def _guesses(
    network: Network, missing: Iterable[Service], domain: str, address: str, until: float
) -> Iterator[Candidate]:
    asked = _Asked(until)
    guessed: dict[str, Candidate] = {}
    for service in missing:
        for prefix, port, security in _GUESSES[service]:
            server = {"host": prefix + domain, "port": port, "security": security, "username": address}
            for candidate in _candidate(service, server, Origin.GUESS):
                name = f"{service} {prefix}{port}"
                guessed[name] = candidate
                asked.ask(name, network.speaks, candidate.service, candidate.server)
    yield from (candidate for name, candidate in guessed.items() if asked.answer(name))
