"""Addresses of a header field (RFC 5322 section 3.4), as they occur and not only as they should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from crmsync.model import Participant, Role, clean_address, names_nobody

from .headers import Fields, decode_words, unfold

ADDRESS_FIELDS = {
    "from": Role.FROM,
    "sender": Role.SENDER,
    "reply-to": Role.REPLY_TO,
    "to": Role.TO,
    "cc": Role.CC,
    "bcc": Role.BCC,
}

_ORDER = {role: at for at, role in enumerate(ADDRESS_FIELDS.values())}
_PLAIN = re.compile(
    r"""\s*+(?:"(?P<quoted>[^"\\]*+)"\s*+|(?P<name>[^\s"<>,;:()@\\][^"<>,;:()@\\]*+))?<(?P<angle>[^\s<>,;:()"@]++@[^\s<>,;:()"@]++)>\s*+(?:,|\Z)
    | \s*+(?P<bare>(?!=\?)[^\s<>,;:()"@|]++@[^\s<>,;:()"@]++)\s*+(?:,|\Z)""",
    re.VERBOSE,
)
# An encoded word is one token, whatever it wrongly holds. An angle bracket that is not closed ends at the comma.
_TOKEN = re.compile(
    r"""(?P<word>=\?[^?\s"<>]{1,60}\?[bBqQ]\?[^?"<>]*+\?=)
    | (?P<quoted>"(?>(?:[^"\\]++|\\.)*)")
    | <(?P<angle>[^<>]*+)>
    | <(?P<unclosed>[^<>,;@]*+@[^<>,;]*+)
    | (?P<mark>[,;:()"])
    | (?P<atom>\s++ | \\. | \[[^\[\]@\s"<>]*+\] | [^\s"<>,;:()=\\\[]++ | .)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'"((?>(?:[^"\\]++|\\.)*))"', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_WIDE = str.maketrans("\uff20\ufe6b", "@@")
_WORDS = re.compile(r'(?:"(?>(?:[^"\\]++|\\.)*)"|[^\s"])+|"')
_OBFUSCATED = re.compile(r"\s*([\w.+-]+)\s+at\s+([\w-]+(?:\.[\w-]+)+)\s*", re.IGNORECASE)
"""What archives of mailing lists make of addresses: "ann at client.example"."""
_BARS_BETWEEN = re.compile(r"(?<=\w)\|(?=[^\s|@]*@)")
_QUOTES = {"'": "'", '"': '"', "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb", "\u201e": "\u201c"}
_AT = re.compile(r"\s*@\s*")
_SPACED_DOT = re.compile(r"(?<=\w)\s+\.\s*(?=\w)")

MAX_OCTETS = 1 << 20
"""So much of a message's address fields is read: some 20,000 people, in about a second whatever they hold."""


class _Entry(NamedTuple):
    """What stands between two commas."""

    text: str
    comment: str
    angle: str | None
    mark: str
    """What ended it."""


def participants(fields: Fields, charset: str | None = None) -> list[Participant]:
    """Return who takes part, in the order From, Sender, Reply-To, To, Cc, Bcc; each address once in each role.

    Names in octets beyond ASCII are read in `charset`, that of the body, where they are no UTF-8.

    Beyond `MAX_OCTETS` the fields are not read: a header of 50 MB would take gigabytes.
    """
    found: dict[tuple[str, Role], Participant] = {}
    left = MAX_OCTETS
    named = [(ADDRESS_FIELDS[name], value) for name, value in fields if name in ADDRESS_FIELDS]
    for role, value in sorted(named, key=lambda one: _ORDER[one[0]]):
        if left <= 0:
            break
        value, left = _within(value, left), left - len(value)  # noqa: PLW2901 - what is beyond is not read
        # The same few people write over and over; a list of thousands would only push them out.
        said = None if value.isascii() else charset
        people = _few(value, role, said) if len(value) < 500 else _people(value, role, said)
        for person in people:
            found.setdefault((person.address, role), person)
    return list(found.values())


@lru_cache(maxsize=2048)
def _few(value: bytes, role: Role, charset: str | None) -> tuple[Participant, ...]:
    return _people(value, role, charset)


def _within(value: bytes, limit: int) -> bytes:
    """Return the people of a field that come before the limit; the one that crosses it would be half an address."""
    return value if len(value) <= limit else value[: max(value.rfind(b",", 0, limit), 0)]


def _people(value: bytes, role: Role, charset: str | None) -> tuple[Participant, ...]:
    person = _person if len(value) < 5_000 else _person.__wrapped__
    found = (person(name, address, role) for name, address in addresses(unfold(value, charset)))
    return tuple(participant for participant in found if participant)


@lru_cache(maxsize=8192)
def _person(name: str, address: str, role: Role) -> Participant | None:
    return None if names_nobody(address) else Participant(address=address, role=role, name=name or None)


def addresses(value: str) -> list[tuple[str, str]]:
    """Return the mailboxes of a field as names and cleaned addresses, decoded, in order; those of groups too.

    Linear, whatever the value. What names no address is left out.

    >>> addresses('"Doe, John" <john@x.example>, undisclosed-recipients:;, ann@x.example (Ann)')
    [('Doe, John', 'john@x.example'), ('Ann', 'ann@x.example')]
    """
    found: list[tuple[str, str]] = []
    value = value if value.isascii() else value.translate(_WIDE)
    position, end = 0, len(value)
    while position < end:
        if not (plain := _PLAIN.match(value, position)):
            return found + _irregular(value[position:])
        quoted, name, angle, bare = plain.groups()
        found.append((_name(quoted or name or ""), clean_address(angle or bare)))
        position = plain.end()
    return found


def _irregular(value: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    surname = ""
    for entry in _entries(value):
        mailboxes = [(name, clean) for name, raw in _mailboxes(entry, surname) if (clean := clean_address(raw))]
        found += mailboxes
        # Doe, John <john@x.example>: the comma should have been quoted.
        surname = f"{entry.text}, " if not mailboxes and entry.mark == "," and entry.text else ""
    return found


def _entries(value: str) -> Iterator[_Entry]:
    if value.count("(") > value.count(")"):
        # A comment that is not closed would swallow everybody after it.
        value = value.replace("(", " ").replace(")", " ")
    text: list[str] = []
    trailing: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    depth = position = 0
    while token := _TOKEN.match(value, position):
        kind, found, position = token.lastgroup, token[0], token.end()
        if found == '"':
            # Without its partner it is litter, and looking for the partners of those after it would be quadratic.
            value = value[:position] + value[position:].replace('"', " ")
        elif found == "(":
            depth += 1
        elif found == ")":
            depth = max(depth - 1, 0)
        elif depth:
            comment.append(found)
        elif kind == "mark":
            yield _Entry("".join(text or trailing).strip(), "".join(comment), angle, found)
            text, trailing, comment, angle = [], [], [], None
        elif kind in ("angle", "unclosed"):
            if angle is not None:
                # A comma is missing, or was encoded together with the next name.
                yield _Entry("".join(text).strip(), "".join(comment), angle, ",")
                text, trailing, comment = trailing, [], []
            angle = token[kind]
        else:
            (text if angle is None else trailing).append(found)
    yield _Entry("".join(text or trailing).strip(), "".join(comment), angle, "")


def _mailboxes(entry: _Entry, surname: str) -> list[tuple[str, str]]:
    text, angle = entry.text, entry.angle
    if angle and "=?" in angle:
        angle = decode_words(angle)
    if angle is not None and ("@" in angle or "@" not in text) and not _OBFUSCATED.fullmatch(angle):
        return [(_name(surname + text if text else entry.comment), angle.strip())] if angle.strip() else []
    if "@" not in text:
        if (angle or entry.comment) and (spelt := _OBFUSCATED.fullmatch(angle or text)):
            return [(_name(text) if angle else _name(entry.comment), f"{spelt[1]}@{spelt[2]}")]
        # An entry that is encoded as a whole, which it may not be.
        whole = decode_words(text)
        if "@" in whole and "=?" not in whole:
            return addresses(whole)
        return [(_name(text), entry.comment)] if "@" in entry.comment else []
    # One address, perhaps with words around it, or several with blanks between.
    if "=?" in text:
        text = decode_words(text)
    if text.count("@") > 1 and "|" in text:
        text = _BARS_BETWEEN.sub(" ", text)
    local, at, domain = _AT.sub("@", text).partition("@")
    words = _WORDS.findall(f"{local}{at}{_SPACED_DOT.sub('.', domain)}")
    found = [word for word in words if "@" in word]
    rest = " ".join(word for word in words if "@" not in word) or entry.comment
    if not rest and angle and not angle.startswith("/"):
        rest = angle
    return [(_name(rest) if len(found) == 1 else "", word) for word in found]


def _name(text: str) -> str:
    if '"' in text:
        text = _QUOTED.sub(lambda quoted: _QUOTED_PAIR.sub(r"\1", quoted[1]), text)
    text = " ".join(decode_words(text).split()).strip(", <>")
    # Quotes around the whole say nothing; encoded words may hold them too.
    return text[1:-1].strip() if len(text) > 1 and text[-1] == _QUOTES.get(text[0]) else text
