"""The lines that introduce quoted history, known by what they name and only then by their words."""

from __future__ import annotations

import re

from .month_names import MONTHS
from .quote_phrases import DATED_ADDRESS, QUOTING, WROTE, WROTE_UNSPACED

LONGEST = 400
"""No line that introduces history is longer."""
_LINES = 4
"""Nor is it broken into more."""
RULE = "-_=*—–─‐‑‒―━ \t"

MARKS = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"))
"""What turns the direction of writing around addresses, in Hebrew, Arabic and Persian."""
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")
_YEAR = re.compile(r"(?<!\d)(?:19|20|25)\d\d(?!\d)|(?<![\d:])\d{1,2}[./-]\d{1,2}[./-]\d{2}(?!\d)|\d年|\d년")
_TIME = re.compile(
    r"(?<!\d)\d{1,2}\s?[:.hт時时시]\s?\d\d(?!\d)|\d\s?[ap]\.?m\b|(?<!\d)\d{1,2}\s?(?:Uhr|h|[時时点點시])(?!\w)",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+")
_DATE = re.compile(r"\d{1,2}[:.h]\d\d|(?:19|20)\d\d|\d{1,2}[./年월]")
_OPENER = re.compile(
    r"(?=.*\d)(?:[\"'*]?(?:on|am|le|el|il|em|op|a|às|den|på|w dniu|dnia|dne|в|на|у|за|tarih|\d)(?!\w)|[在於于])"
    r"|\d{2,4}[./年-]",
    re.IGNORECASE,
)
_ENDS = (":", "：")


def attribution(lines: list[str], last: int, *, marked: bool = True) -> int | None:
    """Return where the attribution begins that ends at a line, None where there is none.

    It names a date and an address, or says with a known word who wrote. It may be broken into several lines, where mail
    programs fold at some seventy letters; a line above belongs to it only if the lines below lack a date and it begins
    with one, or if it holds the other half of an address.

    Args:
        lines: the text's.
        last: the number of the line.
        marked: whether marks of quotation follow. Without them it has to name a date and an address.

    """
    joined = ""
    found: int | None = None
    for first in range(last, max(last - _LINES, -1), -1):
        line = lines[first].strip()
        if not line.isascii():
            line = line.translate(MARKS).strip()
        if not line or line[0] == ">" or len(line) > LONGEST or len(joined) > LONGEST:
            break
        if found is not None and not _goes_on(line, joined):
            break
        joined = f"{line} {joined}".rstrip()
        if _attributes(joined, marked=marked) and (found is None or _begins_anew(line, joined)):
            found = first
    return found


def names_date(text: str) -> bool:
    """Tell whether a text names a day of a year."""
    return bool(_YEAR.search(text)) and len(_NUMBERS.findall(text)) > 1


def names_moment(text: str) -> bool:
    """Tell whether a text names a day of a year and a time of that day."""
    return names_date(text) and bool(_TIME.search(text))


def _goes_on(line: str, below: str) -> bool:
    """Tell whether the line above an attribution belongs to it."""
    return not line.endswith((".", "!", "?", "。")) or _half_address(line, below)


def _begins_anew(line: str, joined: str) -> bool:
    below = joined[len(line) :]
    if _half_address(line, below):
        return True
    return not names_date(below) and (_begins_with_date(line) or (bool(_ADDRESS.search(line)) and "@" not in below))


def _half_address(line: str, below: str) -> bool:
    opened, closed = below.find("<"), below.find(">")
    return line.count("<") > line.count(">") and closed >= 0 and (opened < 0 or closed < opened)


def _begins_with_date(line: str) -> bool:
    """Tell whether a date stands at the beginning, after a word or two such as "On Monday"."""
    if _OPENER.match(line):
        return True
    number = _NUMBERS.search(line)
    return number is not None and len(_WORD.findall(line[: number.start()])) < 3


def _attributes(line: str, *, marked: bool) -> bool:
    ruled = line[:2] in ("--", "——", "‐‐") and line[-1:] in RULE
    bare = line.strip(RULE) if ruled else line
    ended = ruled or bare.endswith(_ENDS)
    dated = names_date(bare)
    addressed = bool(_ADDRESS.search(bare))
    begins = _begins_with_date(bare)
    if marked and (addressed or dated) and bare.lower().startswith(QUOTING):
        return ended or bare.endswith(")")
    if dated and addressed and (ended or begins):
        if begins or _says_who(bare):
            return ended or (marked and bool(_TIME.search(bare)))
        return marked and bool(_TIME.search(bare))
    if not ended:
        return False
    if _says_who(bare) and not ruled:
        return marked or (addressed and _DATE.search(bare) is not None)
    return marked and dated and begins and bool(_TIME.search(bare)) and len(bare) < 160 and _has_name(bare)


def _has_name(line: str) -> bool:
    """Tell whether a word that begins with a capital and is no month stands behind the date."""
    number = None
    for number in _NUMBERS.finditer(line):  # noqa: B007 - the last one is wanted
        pass
    words = _WORD.findall(line[number.end() :]) if number else []
    return any(word[:1].isupper() and word.lower()[:3] not in MONTHS and len(word) > 1 for word in words)


def _says_who(line: str) -> bool:
    """Tell whether a line says in a known language who wrote."""
    words = line.rstrip(" :：").split()
    lower = [word.rstrip(":,") for word in line.lower().rstrip(" :：").split()]
    verbs = [] if WROTE.isdisjoint(lower) else [index for index, word in enumerate(lower) if word in WROTE]
    if not verbs:
        return bool(DATED_ADDRESS.match(line)) or any(phrase in line[-24:] for phrase in WROTE_UNSPACED)
    after = " ".join(words[verbs[-1] + 1 :])
    # The verb ends it, or a date follows as in "Ann schrieb am 5. Januar 2009", or both stand before the name.
    if not after or _DATE.search(after):
        return True
    return bool(_OPENER.match(line) and _DATE.search(" ".join(words[: verbs[-1]])))
