"""Mail that opens accounts: one-time codes and password resets."""

from __future__ import annotations

import re

from ..model import Message
from .group import is_automatic, is_group_address
from .sensitive_words import CODE_STEMS, CODE_WORDS, RESET_STEMS, RESET_WORDS, WEAK_CODE_WORDS

_READ = 1_500
_MACHINE_REACH, _PERSON_REACH = (60, 250), (16, 16)
"""How far before and after its word a code may begin, in characters."""

Phrases = dict[str, tuple[str, ...]]
"""Phrases by the stem that is in them."""

_CODE = re.compile(
    r"""(?<![A-Za-z0-9.,/=&\#$€£@_+-])
    (?: \d{3}[ -]\d{3} | \d(?:[ ]\d){5} | \d{4,8} | [A-Z]{1,3}-\d{4,8}
      | (?=[A-Z]*\d)[A-Z0-9]{5,8} | [A-Z0-9]{3,5}-[A-Z0-9]{3,5} )
    (?![A-Za-z0-9_-]|[ ]?(?:[€$£%]|EUR|USD)|[.,/:]\d)""",
    re.VERBOSE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")

_MEETING = ("meeting id", "meeting-id", "webinar", "dial-in", "join the meeting", "join zoom", "zoom.us/", "webex.com",
            "teams.microsoft", "meet.google", "besprechungs-id", "id de la réunion", "id de reunión")  # fmt: skip
_BARGAIN = ("discount", "promo", "coupon", "checkout", "voucher", "rabatt", "gutschein", "descuento", "sconto")

_MACHINE = re.compile(
    r"(?:^|[._-])(?:2fa|accounts?|appleid|auth\w*|codes?|id|konto|log-?in|mfa|otp|passwords?|security|sign-?in|verif\w+)"
    r"(?:$|[._+-])"
)
_SHARED_BY_PEOPLE = re.compile(r"(?:^|[._-])(?:info|hello|contact|kontakt|office|team|mail|hr|jobs|press|marketing)\b")
_OPENING_LINK = re.compile(
    r"https?://[^\s<>\"]{0,300}(?:token|code|key|ticket|otp|reset|magic|verify|login)[=/][\w.~%-]{12,}"
)


def is_sensitive(message: Message) -> bool:
    """Tell whether a message carries a one-time code, a password reset or a sign-in link.

    A code counts near words that call it one; a reset counts when a machine sent it or when it holds a link that
    opens something, so that people may talk about passwords. Only the subject and the beginning of the text are read.
    """
    written = f"{(message.subject or '')[:_READ]}\n{(message.text or '')[:_READ]}"
    said = _folded(written)
    machine = _by_machine(message)
    if stems := [stem for stem in CODE_STEMS if stem in said]:
        if _has_code(CODES, stems, written, said, machine=machine):
            return True
        weak_ones_count = machine and not any(word in said for word in (*_MEETING, *_BARGAIN))
        if weak_ones_count and _has_code(WEAK_CODES, stems, written, said, machine=True):
            return True
    if not machine and not _OPENING_LINK.search(written):
        return False
    return _has(RESETS, [stem for stem in RESET_STEMS if stem in said], said)


def _has(phrases: Phrases, stems: list[str], said: str) -> bool:
    return any(phrase in said for stem in stems for phrase in phrases[stem])


def _has_code(phrases: Phrases, stems: list[str], written: str, said: str, *, machine: bool) -> bool:
    """Tell whether a code stands near one of the phrases."""
    before, after = _MACHINE_REACH if machine else _PERSON_REACH
    for stem in stems:
        for phrase in phrases[stem]:
            at = said.find(phrase)
            while at >= 0:
                end = at + len(phrase)
                for code in _CODE.finditer(written, max(0, at - before), end + after + 9):
                    if code.start() <= end + after and (machine or not _YEAR.fullmatch(code[0])):
                        return True
                at = said.find(phrase, end)
    return False


def _by_machine(message: Message) -> bool:
    if is_automatic(message.headers):
        return True
    sender = message.sender
    if sender is None:
        return False
    local = sender.address.rpartition("@")[0]
    if _MACHINE.search(local):
        return True
    return is_group_address(sender.address) and not _SHARED_BY_PEOPLE.search(local)


def _folded(text: str) -> str:
    text = text.lower()
    # Turkish has two letters i, which capitals mix up.
    return text if text.isascii() else text.replace("’", "'").replace("ı", "i").replace("i̇", "i")


def _by_stem(words: tuple[str, ...], stems: tuple[str, ...]) -> Phrases:
    first = [(next(stem for stem in stems if stem in word), word) for word in map(_folded, words)]
    return {stem: tuple(word for its, word in first if its == stem) for stem in stems}


CODES, WEAK_CODES = _by_stem(CODE_WORDS, CODE_STEMS), _by_stem(WEAK_CODE_WORDS, CODE_STEMS)
RESETS = _by_stem(RESET_WORDS, RESET_STEMS)
