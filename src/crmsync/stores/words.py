"""Search: which words a record has, and at which level each may be found.

Case and accents do not count ("Garcia" finds "GARCÍA"), nor does punctuation: `ann.lee@client.example` is four words.
A record is found where each word that was typed begins one of its words ("off" finds "offer"). Scripts that are
written without spaces (Han, kana, Thai …) are searched by pairs of neighbouring characters: "東京都" finds what holds
"東京" and "京都", "京" whatever holds it.

What a viewer may see decides what they can find: names and addresses from `metadata` on, the subject or title from
`subject` on, text, place and names of attachments at `everything`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from ..model import Event, Message, PersonName, Visibility

MOST_TYPED = 10
"""Of what is typed, so many words count."""

_LONGEST = 32
"""Longer words are cut, in records and in what is typed."""

_PEOPLE, _TITLE, _TEXT = 10_000, 1_000, 30_000
"""How many characters of each are searched: PostgreSQL's tsvector holds a megabyte."""

# Only these are dropped as accents: in other scripts such marks tell words apart.
_ACCENTS = re.compile("[\u0300-\u036f]+")
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_UNSPACED += "\uf900-\ufaff\U00020000-\U0003ffff"
_ASCII = re.compile(r"[a-z0-9]+")


def words_in(text: str) -> Iterable[str]:
    """Return the words of a text, some of them several times."""
    folded = text.casefold()
    if folded.isascii():
        return [word[:_LONGEST] for word in _ASCII.findall(folded)]
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", folded).casefold())
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))
    found: list[str] = []
    for match in _any_word().finditer(plain):
        word = match[0]
        if match.lastgroup == "unspaced":
            found += (word[i : i + 2] for i in range(len(word)))
        else:
            found.append(word[:_LONGEST])
    return found


@cache
def _any_word() -> re.Pattern[str]:
    # Vowel signs and other marks belong to words, and `\w` leaves them out.
    blocks = (range(0x0370, 0x20D0), range(0xA66F, 0xAC00))
    marks = "".join(chr(c) for block in blocks for c in block if unicodedata.category(chr(c))[0] == "M")
    return re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|(?:[^\W_{_UNSPACED}]|[{marks}])+")


def typed(text: str) -> tuple[str, ...]:
    """Return the words that a user looks for.

    >>> typed("Offre GARCÍA, off")
    ('offre', 'garcia', 'off')
    """
    return tuple(dict.fromkeys(words_in(text)))[:MOST_TYPED]


def words_of(record: Message | Event) -> dict[Visibility, frozenset[str]]:
    """Return a record's words, each at the lowest level that shows it."""
    people = " ".join(f"{p.name or ''} {p.address}" for p in record.participants)
    files = [attachment.name or "" for attachment in record.attachments]
    if isinstance(record, Message):
        title, rest = record.subject, [*files, record.text or ""]
    else:
        title, rest = record.summary, [*files, record.location or "", record.description or ""]
    at_people = _distinct(people[:_PEOPLE])
    at_title = _distinct((title or "")[:_TITLE]) - at_people
    at_text = _distinct("\n".join(rest)[:_TEXT]) - at_people - at_title
    return {Visibility.METADATA: at_people, Visibility.SUBJECT: at_title, Visibility.EVERYTHING: at_text}


@lru_cache(maxsize=512)  # the meetings of a series have the same texts, and come one after another
def _distinct(text: str) -> frozenset[str]:
    # No word reaches across a space, so each piece is looked at once, and most of them are ASCII.
    pieces = set(text.split())
    others = {piece for piece in pieces if not piece.isascii()}
    return frozenset([*words_in(" ".join(pieces - others)), *words_in(" ".join(others))])


def found_by(words: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether each wanted word begins one of the words. Nothing is found by no word."""
    held, looked_for = list(words), list(wanted)
    return bool(looked_for) and all(any(word.startswith(one) for word in held) for one in looked_for)


def typed_name(text: str) -> tuple[str, ...]:
    """Return the words of a name that a user looks for; an address, whole or begun, stays one word."""
    parts = text.lower().split()
    addresses = [part.strip("<>")[:_LONGEST] for part in parts if "@" in part.strip("<>@")]
    names = typed(" ".join(part for part in parts if "@" not in part.strip("<>@")))
    return (*addresses, *names)[:MOST_TYPED]


def words_of_person(name: PersonName, addresses: Iterable[str]) -> frozenset[str]:
    """Return what somebody is found by: names, addresses, and the words before the @.

    Without domains: they would make everybody of a company an answer to its name.
    """
    known = list(addresses)
    local = " ".join(address.rpartition("@")[0] or address for address in known)
    return frozenset(words_in(f"{name} {local}")) | {address[:_LONGEST] for address in known}


def words_of_company(name: str, domain: str) -> frozenset[str]:
    """Return what a company is found by: its name and its domain."""
    return frozenset(words_in(f"{name} {domain}"))
