"""People's names, from what mail says about them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..model import PersonName, clean_line

_TITLES = frozenset({
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "herr", "frau", "hr", "fr", "dipl-ing", "ing",
    "mme", "mlle", "sr", "sra", "srta", "dott", "dottssa", "dra", "rev",
})  # fmt: skip
_SUFFIXES = frozenset({
    "jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "msc", "bsc", "ma", "ba", "esq", "cpa", "pe", "llm", "jd", "rn",
    "pmp", "cfa", "dds",
})  # fmt: skip
_FIRM = frozenset(
    {"inc", "ltd", "llc", "gmbh", "ag", "corp", "co", "sa", "srl", "bv", "oy", "ab", "plc", "kg", "se", "llp"}
)
_PARTICLES = frozenset({
    "van", "von", "vom", "zu", "zum", "zur", "der", "den", "de", "del", "della", "dello", "di", "da", "das", "do",
    "dos", "du", "des", "la", "le", "las", "los", "ten", "ter", "te", "af", "av", "bin", "ibn", "bint", "al", "el",
    "ben", "st", "d", "e", "y", "t", "'t", "op", "in", "auf",
})  # fmt: skip
_SURE_PARTICLES = _PARTICLES - {"e", "y", "d", "t", "in", "auf", "ben", "al", "el", "st"}
"""Those that begin a family name; the others only continue one."""

_ASIDE = re.compile(r"\s*(\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>)")
_GROUP_SUFFIX = re.compile(r"\s*:\s*\S.*$")
_VIA = re.compile(r"\s+(?:via|on behalf of|im auftrag von|de la part de|w/)\s+.*$", re.IGNORECASE)
_ADDRESS = re.compile(r"\S+@\S+")
_QUOTES = "\"'`´‘’“”„«»‹› "


@lru_cache(maxsize=16_384)
def person_name(display_name: str | None, address: str) -> PersonName:
    """Split a display name into first and last name; without a usable one, read the address.

    >>> person_name("Doe, John", "jd@x.example")
    PersonName(first='John', last='Doe')
    >>> person_name(None, "ann.b.smith@x.example")
    PersonName(first='Ann B', last='Smith')
    """
    name = _tidy(display_name or "")
    if not any(ch.isalpha() for ch in name):
        return _from_address(address)
    before, comma, after = name.partition(",")
    if comma and (rest := _words(after)) and not all(_bare(w) in _SUFFIXES | _FIRM for w in rest):
        family, given = _words(before), _words(after.partition(",")[0])
        return _named(_strip_titles(given) or given, _strip_titles(family) or family)
    words = _words(before if comma else name)
    words = _strip_titles(words) or words
    while len(words) > 1 and _bare(words[-1]) in _SUFFIXES:
        words = words[:-1]
    if _is_cjk(name):
        return _east_asian(words)
    return _named(*_split(words))


def _tidy(raw: str) -> str:
    name = unicodedata.normalize("NFC", str(clean_line(raw)))[:200].strip(_QUOTES)
    if _ADDRESS.fullmatch(name):
        return ""
    name = _ADDRESS.sub("", name)
    name = _VIA.sub("", name)
    name = _GROUP_SUFFIX.sub("", name)
    bare = _ASIDE.sub("", name)
    if any(ch.isalpha() for ch in bare):
        name = bare
    kept = "".join(ch for ch in name if unicodedata.category(ch)[0] not in "SC" or ch in "`´")
    return kept.strip(_QUOTES + ".,;-_|/ ")


def _words(text: str) -> list[str]:
    return [w for w in (word.strip(_QUOTES) for word in re.split(r"[\s_|/]+", text)) if any(ch.isalnum() for ch in w)]


def _bare(word: str) -> str:
    return word.replace(".", "").casefold()


def _strip_titles(words: list[str]) -> list[str]:
    while len(words) > 1 and _bare(words[0]) in _TITLES:
        words = words[1:]
    return words


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Give the last word to the family, with the particles before it."""
    if len(words) == 1:
        return words, []
    cut = len(words) - 1
    while cut > 1 and _bare(words[cut - 1]) in _PARTICLES:
        cut -= 1
    for i in range(1, cut):
        if _bare(words[i]) in _SURE_PARTICLES and words[i][0].islower():
            return words[:i], words[i:]
    if cut == 1 and _bare(words[0]) in _SURE_PARTICLES and words[0][0].islower():
        return [], words
    return words[:cut], words[cut:]


def _named(given: list[str], family: list[str]) -> PersonName:
    letters = "".join(given + family)
    if letters.isupper() and len(letters) > 3 or letters.islower():  # noqa: RUF021 - "JD" are initials
        given = [_capitalised(w, particle=False) for w in given]
        family = [_capitalised(w, particle=i < len(family) - 1) for i, w in enumerate(family)]
    return PersonName(first=" ".join(given), last=" ".join(family))


def _capitalised(word: str, *, particle: bool) -> str:
    if particle and _bare(word) in _PARTICLES:
        return word.lower()
    parts = re.split(r"([-'’])", word.lower())
    return "".join(
        part if i and parts[i - 1] in "'’" and len(part) < 2 else part[:1].upper() + part[1:]
        for i, part in enumerate(parts)
    )


def _is_cjk(text: str) -> bool:
    letters = [ch for ch in text if ch.isalpha()]
    return bool(letters) and all("\u3040" <= ch <= "\u9fff" or "\uac00" <= ch <= "\ud7af" for ch in letters)


def _east_asian(words: list[str]) -> PersonName:
    """Read the family name first. Korean ones are one syllable; others without a space stay whole."""
    if len(words) > 1:
        return PersonName(first=" ".join(words[1:]), last=words[0])
    word = words[0]
    if 2 <= len(word) <= 3 and all("\uac00" <= ch <= "\ud7af" for ch in word):
        return PersonName(first=word[1:], last=word[0])
    return PersonName(first=word)


def _from_address(address: str) -> PersonName:
    local = str(clean_line(address)).rpartition("@")[0].partition("+")[0]
    words = [w.strip("0123456789'\"") for w in re.split(r"[._\s]+", local)]
    words = [w for w in words if any(ch.isalpha() for ch in w)]
    if not words:
        return PersonName(first=local)
    return _named(*_split([w.lower() for w in words]))
