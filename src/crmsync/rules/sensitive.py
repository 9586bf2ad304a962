"""Mail that opens accounts: one-time codes, password resets and sign-in links."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..model import Message
from .group import is_automatic, is_group_address
from .sensitive_roots import (
    CODE_ROOTS,
    NEW_ROOTS,
    NO_CODES,
    OTHER_NUMBERS,
    SHORT_LIVED,
    SIGN_IN_ROOTS,
    WORDS_FOR_PASSWORDS,
)  # fmt: skip
from .sensitive_words import CODE_STEMS, CODE_WORDS, RESET_STEMS, RESET_WORDS, WEAK_CODE_WORDS

_READ = 1_500
"""So much of the subject and of the text is read, links not counted."""
_SEARCHED = 40_000
"""So much of the text at most, with its links."""
_MACHINE_REACH, _PERSON_REACH = (60, 250), (16, 16)
"""How far before and after its word a code may begin, in characters."""

Phrases = dict[str, tuple[str, ...]]
"""Phrases by the stem that is in them."""

_BLANK = r"[ \t\xa0\u2009\u202f]"
_CODE_FORM = rf"""(?<![A-Za-z0-9.,/=&\#$€£@_+-])
    (?: \d{{3}}(?:{_BLANK}|-)\d{{3}} | \d{{4}}(?:{_BLANK}|-)\d{{4}}
      | \d(?:(?:{_BLANK}|\n){{1,3}}\d){{3,7}} | \d(?:-\d){{3,7}}
      | \d{{4,8}} | [A-Z]{{1,3}}-\d{{4,8}} | (?=[A-Z]*\d)[A-Z0-9]{{5,8}} | [A-Z0-9]{{3,5}}-[A-Z0-9]{{3,5}} )
    (?![A-Za-z0-9_-]|[ ]?(?:[€$£%]|EUR|USD)|[.,/:]\d)"""
_CODE = re.compile(_CODE_FORM, re.VERBOSE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_COUPON = re.compile(r"[A-Z]{4,}\d{1,2}")
_DEVICE_CODE = re.compile(r"[A-Z]{4}-[A-Z]{4}")
_AROUND = r"[ \t\xa0>*_«»\"'“”\[\](){}|.·-]"
_ALONE = re.compile(rf"^{_AROUND}*+(?:{_CODE_FORM}){_AROUND}*+$", re.VERBOSE | re.MULTILINE)

_CODE_ROOT = re.compile(CODE_ROOTS)
_NO_CODE = re.compile(rf"(?:{NO_CODES})")
_OTHER_NUMBER = re.compile(OTHER_NUMBERS)
_SIGN_IN = re.compile(SIGN_IN_ROOTS)
_PASSWORD = re.compile(WORDS_FOR_PASSWORDS)
_GIVEN_PASSWORD = re.compile(
    rf"(?:{WORDS_FOR_PASSWORDS})\w{{0,4}}\s{{0,9}}[:：=]\s{{0,9}}(?=\S{{0,40}}\d)\S{{6,40}}(?!\S)"
)
_SHORT_LIVED = re.compile(SHORT_LIVED)
_NEW = re.compile(NEW_ROOTS)
_LINKS = 30
"""So many links are looked at."""
_SAME_LINE, _SUBJECT_LINE = 32, 48
"""How far a code may stand from its word in one sentence, and in a subject."""

_MEETING = ("meeting id", "meeting-id", "webinar", "dial-in", "join the meeting", "join zoom", "zoom.us/", "webex.com",
            "teams.microsoft", "meet.google", "besprechungs-id", "id de la réunion", "id de reunión")  # fmt: skip
_BARGAIN = ("discount", "promo", "coupon", "checkout", "voucher", "rabatt", "gutschein", "descuento", "sconto",
            "réduction", "remise", "desconto", "korting", "zniżk", "скидк", "割引", "クーポン", "优惠", "할인",
            "indirim")  # fmt: skip
_OFFERS = ("offer", "sale", "deal", "% off", "angebot", "offre", "oferta", "offerta", "aanbied", "tilbud", "erbjud")

_MACHINE = re.compile(
    r"(?:^|[._-])(?:2fa|accounts?|appleid|auth\w*|codes?|id|konto|log-?in|mfa|otp|passwords?|security|sign-?in|verif\w+)"
    r"(?:$|[._+-])"
)
_SHARED_BY_PEOPLE = re.compile(r"(?:^|[._-])(?:info|hello|contact|kontakt|office|team|mail|hr|jobs|press|marketing)\b")
_BOUNCES = re.compile(r"bounce|=|^<>$", re.IGNORECASE)

_LINK = re.compile(r"https?://[^\s<>\"]{1,5000}")
_OPENING_LINK = re.compile(
    r"https?://[^\s<>\"]{0,300}(?:token|code|key|ticket|otp|reset|magic|verify|login)[=/][\w.~%-]{12,}"
)
_OPAQUE = re.compile(r"(?=[A-Za-z_]*\d)(?=[\d_]*[A-Za-z])[A-Za-z0-9_]{10,}|[0-9a-f]{8}-[0-9a-f]{4}-|eyJ[\w-]{10}")
_FOR_ENTRY = re.compile(
    r"[/?&._-](?:magic|one-?time|otp|passwordless|passw|pwd|reset|recover|sign-?in|sso|log-?in|log_in|auth|authenticate"
    r"|verif(?:y|ication)|confirm(?:ation)?|activat|token|ticket)",
    re.IGNORECASE,
)


class _Text(NamedTuple):
    written: str
    """As it is, without links."""
    said: str
    """The same in lower case, letter by letter."""
    links: list[tuple[int, str]]
    """Where links were, and what they are."""
    subject: int
    """How long the subject is, with which it begins."""


def is_sensitive(message: Message) -> bool:
    """Tell whether a message carries a one-time code, a password reset or a sign-in link.

    A code counts near words that call it one. What a machine wrote is read by its structure too: a code that stands
    alone, or in one sentence with a word for codes or for signing in, and a link that nobody could guess beside such
    words. People may talk about passwords. Only the subject and the beginning of the text are read; long links do not
    count.
    """
    text = _text(message)
    machine = _by_machine(message)
    if stems := [stem for stem in CODE_STEMS if stem in text.said]:
        if _has_code(CODES, stems, text.written, text.said, machine=machine):
            return True
        weak_ones_count = machine and not any(word in text.said for word in (*_MEETING, *_BARGAIN))
        if weak_ones_count and _has_code(WEAK_CODES, stems, text.written, text.said, machine=True):
            return True
    if (machine or _by_several(message)) and _shows_code(text, machine=machine):
        return True
    opening = any(_OPENING_LINK.match(link) for _, link in text.links[:_LINKS])
    if not machine and not opening:
        return False
    if _has(RESETS, [stem for stem in RESET_STEMS if stem in text.said], text.said):
        return True
    return machine and (_opens(text) or _GIVEN_PASSWORD.search(text.said) is not None)


def _text(message: Message) -> _Text:
    subject = (message.subject or "")[:_READ]
    pieces, links = [subject, "\n"], []
    length, position = 0, 0
    body = (message.text or "")[:_SEARCHED]
    for link in _LINK.finditer(body) if "http" in body else ():
        piece = body[position : link.start()]
        pieces.append(piece)
        length, position = length + len(piece), link.end()
        if length > _READ:
            break
        links.append((len(subject) + 1 + length, link[0]))
    pieces.append(body[position:] if length <= _READ else "")
    written = "".join(pieces)[: len(subject) + 1 + _READ]
    return _Text(written, _folded(written), links, len(subject))


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


def _shows_code(text: _Text, *, machine: bool) -> bool:
    """Tell by its structure whether a mail is there to hand over a code.

    It stands in one sentence with a word for codes or for signing in, or alone on its line below one.
    """
    said = text.said
    if any(word in said for word in (*_MEETING, *_BARGAIN)):
        return False
    for code in _CODE.finditer(text.written):
        start, end = code.span()
        if _YEAR.fullmatch(code[0]) or _COUPON.fullmatch(code[0]):
            continue
        reach = _SUBJECT_LINE if start < text.subject else _SAME_LINE
        before, after = _sentence(said, start, end, reach)
        near = f"{before}\n{after}"
        if _OTHER_NUMBER.search(near) or _NO_CODE.search(near):
            continue
        if _CODE_ROOT.search(near) or (machine and _SIGN_IN.search(near)):
            return machine or start < text.subject
    if not machine or _OTHER_NUMBER.search(said):
        return False
    if _ALONE.fullmatch(text.written, 0, text.subject) and not _YEAR.fullmatch(text.written[: text.subject]):
        return True  # the subject is nothing else
    for alone in _ALONE.finditer(text.written, text.subject + 1):
        above = _NO_CODE.sub("", said[max(alone.start() - _MACHINE_REACH[1], 0) : alone.start()])
        random = sum(map(str.isdigit, alone[0])) >= 4 or _DEVICE_CODE.fullmatch(alone[0].strip())
        if random and not _YEAR.fullmatch(alone[0].strip()) and (_CODE_ROOT.search(above) or _SIGN_IN.search(above)):
            return True
    return False


def _sentence(said: str, start: int, end: int, reach: int) -> tuple[str, str]:
    """Return what stands before and after in the same sentence."""
    before = re.split(r"[.!?。！？\n\d]", said[max(start - reach, 0) : start])[-1]
    after = re.split(r"[.!?。！？\n\d]", said[end : end + reach])[0]
    return before, after


def _opens(text: _Text) -> bool:
    """Tell by its structure whether a machine's mail is there to let somebody in by a link.

    The link holds what nobody can guess, and the words before it or the subject are about a new password, or two of
    the subject, those words and the link itself about signing in, or one of them where all is said to be short-lived.
    """
    subject = text.said[: text.subject]
    renews = _is_of_new_password(subject)
    short_lived = bool(_SHORT_LIVED.search(text.said)) and not any(word in text.said for word in (*_BARGAIN, *_OFFERS))
    for at, link in text.links[:_LINKS]:
        if _OPAQUE.search(link):
            before = text.said[max(at - 120, text.subject) : at]
            signs = sum(map(bool, (_SIGN_IN.search(subject), _SIGN_IN.search(before), _FOR_ENTRY.search(link))))
            if signs > 1 or (signs and short_lived) or renews or _is_of_new_password(before):
                return True
    return False


def _is_of_new_password(said: str) -> bool:
    return bool(_PASSWORD.search(said) and _NEW.search(said))


def _by_machine(message: Message) -> bool:
    names = {name for name, value in message.headers if value}
    # On a discussion list people write, and they answer; a machine that writes to one has a machine's address.
    people = "list-post" in names or message.in_reply_to is not None
    if not people and (is_automatic(message.headers) or "feedback-id" in names or _bounces(message)):
        return True
    sender = message.sender
    if sender is None:
        return False
    local = sender.address.rpartition("@")[0]
    if _MACHINE.search(local):
        return True
    return is_group_address(sender.address) and not _SHARED_BY_PEOPLE.search(local)


def _by_several(message: Message) -> bool:
    return message.sender is not None and is_group_address(message.sender.address)


def _bounces(message: Message) -> bool:
    return any(name == "return-path" and _BOUNCES.search(value.strip()) for name, value in message.headers)


def _folded(text: str) -> str:
    # Letter by letter, so that what is found in one is at the same place in the other. Turkish has two letters i, which
    # capitals mix up.
    lower = text.lower()
    if lower.isascii():
        return lower
    if len(lower) != len(text):
        lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text.replace("İ", "i"))
    return lower.replace("’", "'").replace("ı", "i")


def _by_stem(words: tuple[str, ...], stems: tuple[str, ...]) -> Phrases:
    first = [(next(stem for stem in stems if stem in word), word) for word in map(_folded, words)]
    return {stem: tuple(word for its, word in first if its == stem) for stem in stems}


CODES, WEAK_CODES = _by_stem(CODE_WORDS, CODE_STEMS), _by_stem(WEAK_CODE_WORDS, CODE_STEMS)
RESETS = _by_stem(RESET_WORDS, RESET_STEMS)
