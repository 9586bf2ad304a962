"""Whose mailbox it is, by all its addresses, and whether it is one that people write mail in.

See https://learn.microsoft.com/en-us/graph/api/resources/user and .../api/resources/mailboxsettings.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ...errors import NotAuthorized, Unavailable
from ...model import clean_address
from ...protocols import Identity
from ..web.calls import Call, Reply, path_to
from ..web.failures import Failure, Meaning
from .client import IMMUTABLE, Graph, Json, text_of
from .errors import error_for
from .wire import VERSION

_PERSON = "id,mail,userPrincipalName,proxyAddresses"


class MailboxKind(StrEnum):
    """What a mailbox is for: Graph's `userPurpose`."""

    USER = "user"
    LINKED = "linked"
    SHARED = "shared"
    ROOM = "room"
    EQUIPMENT = "equipment"
    OTHERS = "others"
    UNKNOWN = "unknown"
    """Graph does not say: it takes `MailboxSettings.Read`."""


_THINGS = frozenset({MailboxKind.ROOM, MailboxKind.EQUIPMENT})


def identify(graph: Graph) -> Identity:
    """Tell whose mailbox it is, and that Graph reaches it. One request.

    The address is the one it sends from; its other addresses of type smtp are its aliases, the sign-in name too where
    that is an address. A mailbox that was named by an alias bears its own address here: see `require_mailbox`.

    Raises:
        NotAuthorized: it is a room's or a piece of equipment's, or this account may not read it.
        NeedsAdmin: it is not in Exchange Online.
        RateLimited, Unavailable: try again later.
    """
    person, settings, inbox = _asked(graph)
    if isinstance(inbox, Failure):
        if graph.mailbox and inbox.meaning in (Meaning.GONE, Meaning.INVALID):
            raise NotAuthorized(
                "Microsoft shows no mailbox of that address to this account; check it, and look whether it is shared "
                "with this account, with full access"
            )
        raise error_for(inbox)
    kind = _kind(settings)
    if kind in _THINGS:
        raise NotAuthorized(f"this is the mailbox of a {kind.value}, which nobody writes mail in; connect a person's")
    return _identity(person, graph.mailbox)


def _asked(graph: Graph) -> tuple[Reply | Failure, Reply | Failure, Reply | Failure]:
    root = ("users", graph.mailbox) if graph.mailbox else ("me",)
    calls = [
        Call(path_to(VERSION, *root, **{"$select": _PERSON}), headers=IMMUTABLE),
        graph.call("mailboxSettings", "userPurpose"),
        graph.call("mailFolders", "inbox", select="id"),
    ]
    found = dict(graph.many(calls))
    if len(found) < len(calls):
        raise Unavailable("Microsoft does not say whose mailbox it is; try again later")
    return found[0], found[1], found[2]


def _identity(person: Reply | Failure, named: str | None) -> Identity:
    if isinstance(person, Failure):
        if named and person.meaning in (Meaning.DENIED, Meaning.GONE, Meaning.INVALID):
            # Who may read a shared mailbox need not be allowed to read the directory.
            return Identity(address=named)
        raise error_for(person)
    addresses = _addresses(person.data)
    if not addresses:
        raise Unavailable("Microsoft does not say which address this mailbox has; try again later")
    return Identity(address=addresses[0], aliases=frozenset(addresses[1:]))


def _addresses(person: Json) -> list[str]:
    """Return the addresses, the one that it sends from first."""
    proxies = person.get("proxyAddresses")
    said = [one for one in proxies if isinstance(one, str)] if isinstance(proxies, list) else []
    primary = [one[5:] for one in said if one.startswith("SMTP:")]  # in capitals: what it sends from
    others = [one[5:] for one in said if one.startswith("smtp:")]
    return _cleaned([text_of(person, "mail"), *primary, text_of(person, "userPrincipalName"), *others])


def _cleaned(addresses: Iterable[str]) -> list[str]:
    found = (str(clean_address(address)) for address in addresses)
    # A guest's sign-in name is none of their addresses: ann_client.example#EXT#@acme.onmicrosoft.com.
    return list(dict.fromkeys(one for one in found if "@" in one.strip("@") and "#ext#" not in one))


def _kind(settings: Reply | Failure) -> MailboxKind:
    if isinstance(settings, Failure):
        return MailboxKind.UNKNOWN
    said = text_of(settings.data, "value") or text_of(settings.data, "userPurpose")
    return MailboxKind(said) if said in set(MailboxKind) else MailboxKind.UNKNOWN


__all__ = ["MailboxKind", "identify"]
