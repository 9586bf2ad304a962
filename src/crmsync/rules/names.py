"""People's names, from what mail says about them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..model import PersonName, clean_address, clean_line
from .internal import one_address
from .name_words import (
    ASIDE_WORDS,
    COMPOUND_HANGUL,
    CONJUNCTIONS,
    FIRM,
    FIRM_BEFORE,
    FIRM_IN_CAPITALS,
    FIRM_PHRASES,
    JOBS,
    NO_NAMES,
    PARTICLES,
    PATRONYMICS,
    PRONOUNS,
    SITES,
    SUFFIXES,
    SUFFIXES_IN_CAPITALS,
    SURE_PARTICLES,
    TITLES,
    TITLES_AFTER_TITLES,
    TITLES_OF_GIVEN_NAMES,
    VIETNAMESE_FAMILIES,
)  # fmt: skip

LONGEST_NAME = 400
"""What lies beyond is not read."""

_ASIDE = re.compile(r"\s*(\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>)")
_WARNING = re.compile(r"^(?:ext|extern|external|caution)\s*[:|]\s*(?=\S)|^ext(?:ern(?:al)?)?\s+-\s+", re.IGNORECASE)
_GROUP_SUFFIX = re.compile(r"\s*:\s*\S.*$|\s*;.*$")
_MARKED = re.compile(r"(?<=\w):[^\s:]+(?=\s+\w)")
_DOTTED = re.compile(r"(?<=[^\W\d_]{2})\.(?=[^\W\d_]{2})")
_LONE_SYMBOL = re.compile(r"\s+([^\w\s'\"(),.&-])\s+")
_BARS = str.maketrans(dict.fromkeys("\u23a5\uff5c\u00a6\u2502\u2503\u2551\u2016\u2223\u2758\u23ae\u01c0", "|"))
_VIA = re.compile(rf"\s+(?:{ASIDE_WORDS})\s+.*$", re.IGNORECASE)
_FROM_COMPANY = re.compile(r"\s+(?:(?:at|from)\s|@).*$")
_NICKNAME = re.compile(r"""(?<=\s)(?:"[^"]+"|“[^”]+”|„[^“”]+[“”]|'[^']+'|‘[^’]+’)(?=\s)""")
_ADDRESS = re.compile(r"\S+@\S+")
_DIVIDER = re.compile(r"\s+[-–—|/•·]\s+|\s*[|•]\s*|\s+/(?=\S)")
_LINK = re.compile(r"\b(?:https?://|www\.)\S*", re.IGNORECASE)
_PHONE = re.compile(
    r"(?:(?:tel|phone|mobile?|cell|fax)\b[.:]?\s*)?(?<![\w.])\+?\(?\d[\d\s()./-]{5,}\d(?!\w)", re.IGNORECASE
)
_PRONOUNS = re.compile(rf"\s*[-–,|]?\s*\b(?:{PRONOUNS})(?:\s?/\s?(?:{PRONOUNS}))+\b", re.IGNORECASE)
_INITIAL = re.compile(r"(?<![\w.])([^\W\d_]\.)(?=[^\W\d_]{2,}\s*$)")
_EXCHANGE = re.compile(r"/o=.*/cn=", re.IGNORECASE)
_ORNAMENTS = "#*!?~^=…:;"
_QUOTES = "\"'`´‘’“”„«»‹› "


def person_name(display_name: str | None, address: str) -> PersonName:
    """Split a display name into first and last name; without a usable one, read the address.

    >>> person_name("Doe, John", "jd@x.example")
    PersonName(first='John', last='Doe')
    >>> person_name(None, "ann.b.smith@x.example")
    PersonName(first='Ann B', last='Smith')
    """
    return _person_name((display_name or "")[:LONGEST_NAME], clean_address(one_address(address))[-LONGEST_NAME:])


@lru_cache(maxsize=16_384)
def _person_name(display_name: str, address: str) -> PersonName:
    local = clean_line(address).rpartition("@")[0].lower()
    name = _choose(_tidy(display_name), local)
    if _is_beside_address(name, display_name, local):
        name = ""
    if not any(ch.isalpha() for ch in name) or (name.lower() == local and "." in local) or _is_no_name(name):
        return _from_address(local)
    before, comma, after = _around_comma(name, local)
    before_words, behind = ([w for w in _words(part) if w not in NO_NAMES] for part in (before, after))
    if _is_firm([*before_words, *behind], behind if comma else None):
        return PersonName(first=name if comma else before)
    before_words = _strip_suffixes(before_words)
    if comma and behind and not all(_is_behind_a_name(w) for w in behind):
        given = _strip_suffixes(behind)
        return _family_first(before_words, given)
    words = _strip_titles(before_words)
    if _is_cjk(name):
        return _east_asian(words)
    if len(words) == 1 and len(before_words) > 1 and _bare(before_words[0]) not in TITLES_OF_GIVEN_NAMES:
        return _named([], words)
    return _completed(words[0], local) if len(words) == 1 else _spaced(words)


def _is_no_name(name: str) -> bool:
    """Tell what programs write where a name is missing."""
    return all(word in NO_NAMES for word in name.lower().split())


def _around_comma(name: str, local: str) -> tuple[str, str, str]:
    """Split a name at its commas into what stands before and the given names behind, without firms and jobs."""
    before, *others = [piece.strip() for piece in name.split(",")]
    if not others:
        return before, "", ""
    if len(_words(before)) > 1 and sorted(re.split(r"[._-]", local)) == sorted(before.lower().split()):
        # "Ann Lee, Berlin" at ann.lee@: the address tells that what stands before is a whole name.
        return before, "", ""
    people = [piece for piece in others if not _is_employer(piece)]
    if _is_firm(_words(before), None) and len(people) == 1 and len(_words(people[0])) > 1:
        return people[0], "", ""
    if len(_words(before)) > 1 and len(people) < len(others):
        # "Ann Lee, Acme Inc.": with a job or a firm behind it, what stands before is a whole name.
        return before, "", ""
    if len(others) == 1 and not people:
        people = others
    return before, ",", " ".join(people)


def _is_employer(text: str) -> bool:
    words = _words(text)
    return bool(words) and (_is_firm(words, None) or _bare(words[0]) in JOBS)


def _completed(word: str, local: str) -> PersonName:
    """Give a lone name the other one, where the address holds both: "Ann" at `ann.lee@`."""
    words = [w for w in re.split(r"[._]", local.partition("+")[0]) if w]
    if len(words) == 2 and all(w.isalpha() and len(w) > 1 for w in words) and not JOBS.intersection(words):
        first, last = words
        if word.casefold() == first:
            return PersonName(first=_cased(word), last=_capitalised(last, turkish=False))
        if word.casefold() == last and first[0] != last[0]:
            return PersonName(first=_capitalised(first, turkish=False), last=_cased(word))
    return _spaced([word])


def _cased(word: str) -> str:
    return _capitalised(word, turkish=False) if word.islower() or (word.isupper() and len(word) > 3) else word


def _is_beside_address(name: str, display_name: str, local: str) -> bool:
    """Tell whether a name is one word behind an address, "ann.lee@x.example Sales", and is not the person's."""
    words = _words(name)
    if len(words) != 1 or words[0].lower() in local or "." not in local:
        return False
    return _ADDRESS.match(display_name.strip(_QUOTES)) is not None


def _tidy(raw: str) -> str:
    """Take off what is not the name."""
    name = unicodedata.normalize("NFC", clean_line(raw))[:200].replace("\\", "").strip(_QUOTES)
    if _ADDRESS.fullmatch(name) or "=?" in name or _EXCHANGE.match(name):
        return ""
    name = _MARKED.sub("", name)
    for pattern in (_LINK, _ADDRESS, _PRONOUNS, _PHONE):
        name = pattern.sub("", name)
    # "(Ann Lee)" beside an address is the name itself.
    bare = _ASIDE.sub("", name)
    name = bare if any(ch.isalpha() for ch in bare) else name.strip(" ()[]{}<>")
    for pattern in (_WARNING, _GROUP_SUFFIX, _VIA, _FROM_COMPANY, _NICKNAME):
        name = pattern.sub("", name)
    shown = (_shown(ch) for ch in _LONE_SYMBOL.sub(_divider, name.translate(_BARS)))
    return _undotted(" ".join("".join(shown).split()).strip(_QUOTES + ",;-_|/ "))


def _divider(symbol: re.Match[str]) -> str:
    """Let a symbol between blanks part a name from a firm, where words stand on both sides."""
    parts = unicodedata.category(symbol[1]) in ("So", "Sm") and symbol[1] not in "|+"
    if not parts or not symbol.start() or symbol.end() == len(symbol.string):
        return symbol[0]
    sides = symbol.string[: symbol.start()], symbol.string[symbol.end() :]
    # Between two lone words it is an ornament: they are the first name and the last.
    return " | " if any(len(side.split()) > 1 for side in sides) else " "


def _shown(character: str) -> str:
    """Leave symbols out, which people put between the words of their names."""
    category = unicodedata.category(character)
    if character in "`´|" or category[0] not in "SC":
        return character
    return "" if category[0] == "C" or category == "Sk" else " "


def _undotted(name: str) -> str:
    """Part the words of "Ann.Lee" and "John.Doe Smith", but not of "Acme.com"."""
    if "." not in name or name.lower().endswith(SITES):
        return name
    name = name if name.islower() else _INITIAL.sub(r"\1 ", name)
    parted = _DOTTED.sub(" ", name)
    return name if any(w[:1].islower() for w in parted.split()) and not name.islower() else parted


def _choose(name: str, local: str) -> str:
    """Of "John Doe | Acme" or "Acme - John Doe" keep what the address repeats, else what comes first."""
    parts = [part for part in _DIVIDER.split(name) if any(ch.isalpha() for ch in part)]
    if len(parts) < 2:
        return name
    return next((part for part in parts if any(len(w) > 2 and w.lower() in local for w in _words(part))), parts[0])


def _words(text: str) -> list[str]:
    words = (word.strip(_QUOTES + ",").strip(_ORNAMENTS) for word in re.split(r"[\s_|/]+", text))
    kept = [w for w in words if w == "&" or (w[:1] != "-" and any(ch.isalnum() for ch in w))]
    if kept and not (_is_short(kept[-1]) or kept[-1].rstrip(".").count(".")):
        kept[-1] = kept[-1].rstrip(".") or kept[-1]
    return kept


def _is_short(word: str) -> bool:
    return len(word.rstrip(".")) < 2


def _bare(word: str) -> str:
    return word.replace(".", "").casefold()


def _is_behind_a_name(word: str) -> bool:
    bare = _bare(word)
    return bare in SUFFIXES or bare in SUFFIXES_IN_CAPITALS or bare in JOBS


def _is_firm(words: list[str], behind: list[str] | None) -> bool:
    """Tell a company by its legal form, which stands at the end, or alone after a comma."""
    if len(words) < 2 or (behind is not None and len(behind) != 1):
        return False
    if words[0].casefold() in FIRM_BEFORE or " ".join(map(_bare, words[-3:])).endswith(FIRM_PHRASES):
        return behind is None
    bare = _bare(words[-1])
    in_capitals = bare in FIRM_IN_CAPITALS and _strip_dots(words[-1]).isupper()
    return bare in FIRM or in_capitals or (behind is not None and bare == "co")


def _strip_dots(word: str) -> str:
    return word.replace(".", "")


def _strip_titles(words: list[str]) -> list[str]:
    after = False
    while len(words) > 1 and words[0] != "HR":
        bare = _bare(words[0])
        known = bare in TITLES or bare in TITLES_OF_GIVEN_NAMES or (after and bare in TITLES_AFTER_TITLES)
        if not known:
            break
        words, after = words[1:], True
    return words


def _strip_suffixes(words: list[str]) -> list[str]:
    while len(words) > 1:
        bare = _bare(words[-1])
        in_capitals = bare in SUFFIXES_IN_CAPITALS and (
            "." in words[-1] or (len(words) > 2 and words[-1].isupper() and not "".join(words).isupper())
        )
        if bare not in SUFFIXES and not in_capitals:
            break
        words = words[:-1]
    return words


def _family_first(family: list[str], given: list[str]) -> PersonName:
    """Read "Beethoven, Ludwig van" and "Berg van den, Anna"."""
    family, given = _strip_titles(family), _strip_titles(given)
    while len(given) > 1 and _bare(given[-1]) in TITLES:
        given = given[:-1]
    for words in (given, family):
        cut = len(words)
        while cut > 1 and words[cut - 1].islower() and _bare(words[cut - 1]) in PARTICLES:
            cut -= 1
        if cut < len(words):
            family = words[cut:] + (family if words is given else words[:cut])
            given = given[:cut] if words is given else given
            break
    return _named(given, family)


def _spaced(words: list[str]) -> PersonName:
    """Read a name without commas, whose order its words must tell."""
    if len(words) == 3 and _bare(words[1]) in CONJUNCTIONS:
        return _named(words, [])
    if len(words) == 3 and words[2].endswith(PATRONYMICS) and not words[1].endswith(PATRONYMICS):
        return _named(words[1:], words[:1])
    if len(words) > 1 and words[0].casefold() in VIETNAMESE_FAMILIES and (len(words) > 2 or not words[0].isascii()):
        return _named(words[1:], words[:1])
    capitals = _leading_capitals(words)
    if capitals:
        return _named(words[capitals:], words[:capitals])
    return _named(*_split(words))


def _leading_capitals(words: list[str]) -> int:
    """Count the words of a family name that stands first and alone in capitals: "DE LA TOUR Jean"."""
    count = 0
    while count < len(words) and words[count].isupper() and "." not in words[count]:
        count += 1
    if count == len(words) or sum(len(w) for w in words[:count]) < 3 or not any(c.islower() for c in words[count]):
        return 0
    return count if any(len(w) > 2 for w in words[:count]) else 0


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Give the last word to the family, with the particles before it."""
    if len(words) == 1:
        return words, []
    cut = len(words) - 1
    while cut > 1 and _continues_family(words[cut - 1]):
        cut -= 1
    if cut > 1 and words[cut] in ("y", "i"):
        cut -= 1
    for i in range(1, cut):
        if _begins_family(words[i]):
            return words[:i], words[i:]
    if cut == 1 and _begins_family(words[0]):
        return [], words
    return words[:cut], words[cut:]


def _continues_family(word: str) -> bool:
    bare = _bare(word)
    return bare in PARTICLES and (word.islower() or bare not in ("d", "e", "i", "t", "y"))


def _begins_family(word: str) -> bool:
    return _bare(word) in SURE_PARTICLES and word[0].islower()


def _named(given: list[str], family: list[str]) -> PersonName:
    letters = "".join(given + family)
    turkish = any(ch in "İŞĞışğ" for ch in letters)
    if (letters.isupper() and len(letters) > 3) or letters.islower():
        given = [_capitalised(w, turkish=turkish) for w in given]
        family = [_in_family(w, i < len(family) - 1, turkish=turkish) for i, w in enumerate(family)]
    else:
        # Capitals mark the family name, and say nothing of how it is written.
        shouted = bool(family) and family[-1].isupper() and len(_strip_dots(family[-1])) > 1
        if shouted:
            family = [_in_family(w, i < len(family) - 1, turkish=turkish) for i, w in enumerate(family)]
        given = [_capitalised(w, turkish=turkish) if w.isupper() and len(w) > 3 and "." not in w else w for w in given]
    return PersonName(first=" ".join(given), last=" ".join(family))


def _in_family(word: str, leads: bool, *, turkish: bool) -> str:
    if leads and _bare(word) in PARTICLES:
        return word.lower()
    return _capitalised(word, turkish=turkish) if word.isupper() or word.islower() else word


def _capitalised(word: str, *, turkish: bool) -> str:
    lower = (word.replace("I", "ı") if turkish else word).replace("İ", "i").lower()
    parts = re.split(r"([-'’‘.])", lower)
    joined = "".join(
        part if i and parts[i - 1] in "'’‘" and len(part) < 2 else _upper_first(part, turkish=turkish)
        for i, part in enumerate(parts)
    )
    return "Mc" + _upper_first(joined[2:], turkish=turkish) if joined.startswith("Mc") and len(joined) > 4 else joined


def _upper_first(part: str, *, turkish: bool) -> str:
    head = "İ" if turkish and part[:1] == "i" else part[:1].upper()
    return head + part[1:]


def _is_cjk(text: str) -> bool:
    letters = [ch for ch in text if ch.isalpha()]
    return bool(letters) and all("\u3005" <= ch <= "\u9fff" or "\uac00" <= ch <= "\ud7af" for ch in letters)


def _east_asian(words: list[str]) -> PersonName:
    """Read the family name first, but foreign names, which are spelt by sound, as they are said.

    Korean families have one syllable, few have two; others without a space stay whole.
    """
    spelt = [part for part in "・".join(words).split("・") if part]
    if "・" in "".join(words):
        return PersonName(first=" ".join(spelt[:-1]) or spelt[-1], last=spelt[-1] if len(spelt) > 1 else "")
    if len(words) > 1:
        if _is_hangul(words[0]) and len(words[0]) > 2:
            return PersonName(first=" ".join(words[:-1]), last=words[-1])
        return PersonName(first=" ".join(words[1:]), last=words[0])
    word = words[0]
    if _is_hangul(word) and len(word) in (3, 4) and word[:2] in COMPOUND_HANGUL:
        return PersonName(first=word[2:], last=word[:2])
    if _is_hangul(word) and len(word) in (2, 3):
        return PersonName(first=word[1:], last=word[0])
    return PersonName(first=word)


def _is_hangul(word: str) -> bool:
    return all("\uac00" <= ch <= "\ud7af" for ch in word)


def _from_address(local: str) -> PersonName:
    base = local.partition("+")[0]
    words = [w.strip("0123456789'\"") for w in re.split(r"[._\s]+", base)]
    words = [w for w in words if any(ch.isalpha() for ch in w)]
    if not words:
        return PersonName(first=base if any(ch.isalnum() for ch in base) else "")
    return _named(*_split(words))
