"""Who was erased: known by marks alone, kept out, and taken out of what is about others too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from ..model import Erased, Event, Message, Policy, Role, clean_address
from .internal import one_address

ERASED = "[erased]"
"""What stands where an erased address stood in a text."""

# A local part has at most 64 octets, a domain 255 (RFC 5321 section 4.5.3.1).
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@]{1,64}@[\w-](?:[\w.-]{0,253}[\w-])?")

_GLUE = re.compile(r".*[=/?&|]")
_ENDINGS = 3
"""How many labels at the end of what looks like a domain are looked at without: "….tar.gz"."""

_AUTHORS = frozenset({Role.FROM, Role.SENDER, Role.REPLY_TO, Role.ORGANIZER})

_TEXTS: dict[str, tuple[str, ...]] = {
    "message": ("subject", "text", "reply", "html"),
    "event": ("summary", "description", "location", "conference_url"),
}


def mark_of(address: str, key: str) -> str:
    """Return the mark of an address under a key: the same for each way to write it, and of use only with the key.

    Args:
        address: in any case, with a display name or without.
        key: `Erased.key`, in hexadecimal.

    """
    named = clean_address(one_address(address)).encode("utf-8", "surrogatepass")
    return blake2b(named, key=bytes.fromhex(key), digest_size=16).hexdigest()


def is_erased(address: str, erased: Iterable[Erased]) -> bool:
    """Tell whether an address is that of somebody who was erased."""
    return any(mark_of(address, one.key) in one.marks | one.elsewhere for one in erased)


def is_of_erased(record: Message | Event, policy: Policy) -> bool:
    """Tell whether a record goes with somebody who was erased.

    Where they take part at all; or, where they are only taken out of what is about others, where it is theirs: they
    wrote it, or called the meeting.
    """
    for one in policy.erased:
        for p in record.participants:
            mark = mark_of(p.address, one.key)
            if mark in one.marks or (p.role in _AUTHORS and mark in one.elsewhere):
                return True
    return False


def without_erased(record: Message | Event, erased: Iterable[Erased]) -> Message | Event:
    """Return a record without those who were erased: neither among its participants, nor their addresses in its texts.

    Names in a text stay: nobody can tell of a name whose it is.
    """
    for one in erased:
        if one.marks or one.elsewhere:
            record = _without(record, one)
    return record


def _without(record: Message | Event, erased: Erased) -> Message | Event:
    gone = erased.marks | erased.elsewhere
    changed: dict[str, object] = {}
    people = tuple(p for p in record.participants if mark_of(p.address, erased.key) not in gone)
    if len(people) < len(record.participants):
        changed["participants"] = people
    for name in _TEXTS[record.kind]:
        text = getattr(record, name)
        if text and (cleaned := _cleaned(text, erased)) != text:
            changed[name] = cleaned
    if isinstance(record, Message):
        headers = tuple((name, _cleaned(value, erased)) for name, value in record.headers)
        if headers != tuple(record.headers):
            changed["headers"] = headers
    files = tuple(
        one if not one.name or (name := _cleaned(one.name, erased)) == one.name
        else one.model_copy(update={"name": name})
        for one in record.attachments
    )  # fmt: skip
    if files != tuple(record.attachments):
        changed["attachments"] = files
    if not changed:
        return record
    # It is the same record as before, for everybody who holds it.
    return record.model_copy(update={**changed, "known_as": (record.key, record.thread)})


def _cleaned(text: str, erased: Erased) -> str:
    return _ADDRESS.sub(lambda found: _taken_out(found[0], erased), text) if "@" in text else text


def _taken_out(found: str, erased: Erased) -> str:
    """Return what is kept of what looks like an address; in a link (`?to=ann@…`) and a file's name (`…@….pdf`) too."""
    local, _, domain = found.partition("@")
    glued = _GLUE.match(local)
    before = glued[0] if glued else ""
    labels = domain.split(".")
    for end in range(len(labels), max(len(labels) - _ENDINGS, 0), -1):
        rest = "".join(f".{label}" for label in labels[end:])
        ends = f"@{'.'.join(labels[:end])}"
        if _is_gone(local + ends, erased):
            return ERASED + rest
        if before and _is_gone(local[len(before) :] + ends, erased):
            return before + ERASED + rest
    return found


@lru_cache(maxsize=4_096)
def _is_gone(address: str, erased: Erased) -> bool:
    return mark_of(address, erased.key) in erased.marks | erased.elsewhere
