"""Mail that no person wrote to a person: automatic mail by its headers, group addresses by their names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, Protocol

from ..model import AUTOMATIC_HEADERS, clean_address
from .internal import LONGEST_ADDRESS, is_own, one_address, set_of


class HasItems(Protocol):
    """A mapping, or what the standard library's `email` parses a message to."""

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return names and values; a name may come more than once."""


Headers = HasItems | Iterable[tuple[str, str]]

_BULK = frozenset({"bulk", "list", "junk"})
_OF_LISTS = frozenset({"list-unsubscribe", "list-id", "list-post"})
_ANSWERS = frozenset({"auto_reply", "auto-reply", "autoreply"})

_AUTOMATED = frozenset({
    "noreply", "donotreply", "dontreply", "nepasrepondre", "noresponder", "nichtantworten", "keineantwort",
    "nonrispondere", "naoresponda", "noresponda", "nocontestar", "nietbeantwoorden", "nieodpowiadac", "svarej",
    "svarikke", "eivastata", "autoconfirm", "mailerdaemon", "postmaster", "bounce", "bounces", "notification",
    "notifications", "notify", "alert", "alerts", "newsletter", "newsletters", "mailer", "autoreply", "autoresponder",
    "automailer", "unsubscribe", "digest",
})  # fmt: skip
"""Names that only machines have; they count at either end of a local part too (`noreply-42@`, `jira.alerts@`)."""

_SHARED = frozenset({
    "info", "support", "help", "helpdesk", "service", "contact", "contacts", "contacto", "contatto", "kontakt",
    "office", "admin", "administrator", "webmaster", "hostmaster", "abuse", "security", "privacy", "billing",
    "invoice", "invoices", "accounting", "accounts", "team", "hello", "hr", "jobs", "careers", "press", "marketing",
    "feedback", "customerservice", "customercare", "kundenservice", "kundendienst", "mail", "everyone", "all",
    "staff", "updates", "system", "root", "news",
})  # fmt: skip
"""Names that several people share. `sales` and `orders` are missing on purpose: customers write from them."""


def is_automatic(headers: Headers, own: Collection[str] = ()) -> bool:
    """Tell by its headers whether a program sent a message to many, or in answer to another.

    List-Id (RFC 2919), List-Unsubscribe and List-Post (RFC 2369), Precedence of bulk, list, junk or auto_reply,
    Auto-Submitted other than "no" (RFC 3834), and what autoresponders write of their own. `headers` is a mapping with
    names in any case, pairs of name and value, or an `email.message.Message`.

    `own` holds the workspace's domains. What comes through a list at one of them (a customer's mail to the Google
    Group support@) is not automatic for that.

    >>> is_automatic({"List-Id": "<support.acme.com>"}), is_automatic({"List-Id": "<support.acme.com>"}, {"acme.com"})
    (True, False)
    """
    own = set_of("own", own)
    facts = [(name.lower(), value.strip()) for name, value in _pairs(headers)]
    ours = bool(own) and any(_is_of(own, value) for name, value in facts if name == "list-id")
    for name, value in facts:
        if name in AUTOMATIC_HEADERS and value and value.lower() not in ("no", "false"):
            return True
        if name in _OF_LISTS and value and not ours:
            return True
        said = value.partition(";")[0].partition("(")[0].strip().lower()
        if name == "precedence" and (said in _ANSWERS or (said in _BULK and not (ours and said == "list"))):
            return True
        if name == "auto-submitted" and said not in ("no", ""):
            return True
    return False


def _pairs(headers: Headers) -> Iterable[tuple[str, str]]:
    if isinstance(headers, str | bytes):
        raise TypeError("headers are a mapping or pairs of name and value; crmsync.formats.parse_headers reads a text")
    pairs = headers if isinstance(headers, tuple | list) or not hasattr(headers, "items") else headers.items()
    for pair in pairs:
        if isinstance(pair, str | bytes) or len(pair) != 2:
            raise TypeError(f"a header is a pair of name and value, not {type(pair).__name__}")
        name, value = pair
        yield name, value if isinstance(value, str) else str(value)


def _is_of(own: Collection[str], list_id: str) -> bool:
    # RFC 2919 section 3: "Description <label.domain>", the domain being that of whoever keeps the list.
    label, dot, domain = list_id.rpartition("<")[2].partition(">")[0].strip().partition(".")
    return bool(label and dot) and is_own(f"{label}@{domain}", own)


def is_group_address(address: str) -> bool:
    """Tell by its name whether a mailbox belongs to a machine or to several people.

    Names are compared with the local part's tokens: `no-reply@`, `noreply+42@`, `info@`, `support-eu@` are
    group addresses, `john.noreply.smith@` and `infante@` are people's.
    """
    return (_is_group_address if len(one_address(address)) <= LONGEST_ADDRESS else _is_group_address.__wrapped__)(
        address
    )


@lru_cache(maxsize=65_536)
def _is_group_address(address: str) -> bool:
    local = clean_address(address).rpartition("@")[0]
    base = local.partition("+")[0].strip("\"'")
    tokens = [t.rstrip("0123456789") or t for t in re.split(r"[._\-=/ ]+", base) if t]
    if not tokens:
        return False
    whole = "".join(tokens)
    if whole in _AUTOMATED or whole in _SHARED:
        return True
    named = [t for t in tokens if not t.isdigit()]
    starts = {"".join(named[:n]) for n in (1, 2, 3)}
    ends = {"".join(named[-n:]) for n in (1, 2, 3)}
    if (starts | ends) & _AUTOMATED:
        return True
    return tokens[0] in _SHARED and all(len(t) <= 3 for t in named[1:])
