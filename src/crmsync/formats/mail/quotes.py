"""The author's own words in a mail text, apart from quoted history and signature."""

from __future__ import annotations

import re
from typing import NamedTuple

from .quote_phrases import (
    DATED_ADDRESS,
    DEVICES,
    FORWARDED,
    FROM_LABELS,
    MOBILE_ENDINGS,
    MOBILE_OPENERS,
    ORIGINAL,
    SENT_LABELS,
    SUBJECT_LABELS,
    WROTE,
    WROTE_UNSPACED,
)  # fmt: skip

_LONGEST = 400
"""No line that introduces history is longer."""
_RULE = "-_=*—–─ \t"
_ENDS = frozenset(_RULE) | {":", "："}
_RULED = frozenset({"--", "__", "==", "**", "——", "──"})
_LABEL = re.compile(r"[\s>*_]*+([^\W\d_][^:：\n*]{0,24}?)[\s*_]*+[:：]")
_DATE = re.compile(r"\d{1,2}[:.h]\d\d|(?:19|20)\d\d|\d{1,2}[./年월]")
_OPENER = re.compile(
    r"(?=.*\d)(?:[\"'*]?(?:on|am|le|el|il|em|op|a|às|den|på|w dniu|dnia|dne|в|на|у|за|tarih|\d)(?!\w)|[在於于])"
    r"|\d{2,4}[./年-]",
    re.IGNORECASE,
)
_FROM, _SENT, _SUBJECT = frozenset(FROM_LABELS), frozenset(SENT_LABELS), frozenset(SUBJECT_LABELS)


class Reply(NamedTuple):
    """A mail text, split. Each piece is without blank lines around it, and empty where there is none."""

    text: str
    """The author's own words. With comments between quotations those stay, as nothing is understood without them."""
    signature: str = ""
    quoted: str = ""


def split_reply(text: str) -> Reply:
    r"""Split a mail text into the author's own words, the signature and the quoted history.

    Knows ">" quotations with their attribution, Outlook's header blocks and "Original Message" lines, and the
    signatures of people and phones, in the main languages. What is forwarded, and what has comments between
    quotations, stays whole. The own words are empty only where the text is blank. Linear in its length.

    >>> split_reply("Fine with me.\n\nOn Mon, 5 Jan 2009, Ann wrote:\n> Lunch?\n").text
    'Fine with me.'
    """
    lines = text.split("\n")
    end, forwarded = _history(lines, ruled=any(map(text.__contains__, _RULED)), wide="：" in text)
    if forwarded:
        return Reply(text)
    own, signature, quoted = _own(lines[:end])
    history = lines[end:]
    split = Reply(_block(own), _block(signature), _block([*quoted, *history]))
    return split if split.text else Reply(text)


def _block(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n").rstrip()


def _history(lines: list[str], *, ruled: bool, wide: bool) -> tuple[int, bool]:
    """Say where everything that follows is history, or that something forwarded comes first."""
    # What matters has a colon, after a label or at its end, or is a heading between rules; most texts have no rules.
    telling = [
        at for at, line in enumerate(lines) if ":" in line or (ruled and line[:2] in _RULED) or (wide and "：" in line)
    ]
    for index in telling:
        line = lines[index]
        if line[0] == ">" or len(line) > _LONGEST:
            continue
        if line[0] in _RULE or line[-1] in _ENDS:
            words = line.strip(_RULE + ":：").lower()
            heading = line[0] in "-_=*—─" and line[-1] in "-_=*—─"
            if words in FORWARDED and (heading or line[-1] in ":：" or words.startswith("begin")):
                return index, True
            if heading and words in ORIGINAL:
                return index, False
        if _is_header_block(lines, index):
            return _before_rule(lines, index), False
        if line.rstrip()[-1:] in (":", "：") and (start := _unquoted_attribution(lines, index)) is not None:
            return start, False
    return len(lines), False


def _label(line: str) -> str:
    found = _LABEL.match(line[:80])
    return found[1].lower() if found else ""


def _is_header_block(lines: list[str], index: int) -> bool:
    """Tell whether Outlook's header of a quoted mail begins here: From, with Sent and Subject close below."""
    if _label(lines[index]) not in _FROM:
        return False
    labels = {_label(line) for line in lines[index + 1 : index + 12]}
    return not labels.isdisjoint(_SENT) and not labels.isdisjoint(_SUBJECT)


def _before_rule(lines: list[str], index: int) -> int:
    """Take in the line of underscores that Outlook draws above its header block."""
    above = index
    while above > 0 and index - above < 3 and not lines[above - 1].strip():
        above -= 1
    return above - 1 if above > 0 and len(lines[above - 1]) > 4 and not lines[above - 1].strip(_RULE) else index


def _attribution(lines: list[str], last: int) -> int | None:
    """Return where the attribution begins that ends at a line; it may be broken into three."""
    found: int | None = None
    joined = ""
    for first in range(last, max(last - 3, -1), -1):
        line = lines[first].strip()
        if not line or line[0] == ">" or len(line) > _LONGEST:
            break
        joined = f"{line} {joined}"
        # The words may stand all on the last line, and the beginning above it: "On 5 January 2009, Ann".
        if _OPENER.match(line) if found is not None else _attributes(joined.rstrip()):
            found = first
    return found


def _attributes(line: str) -> bool:
    words = line.rstrip(" :：").split()
    verbs = [index for index, word in enumerate(words) if word.lower().rstrip(":,") in WROTE]
    if not verbs:
        return bool(DATED_ADDRESS.match(line)) or any(phrase in line[-20:] for phrase in WROTE_UNSPACED)
    after = " ".join(words[verbs[-1] + 1 :])
    # The verb ends it, or a date follows as in "Ann schrieb am 5. Januar 2009", or both stand before the name.
    if not after or _DATE.search(after):
        return True
    return bool(_OPENER.match(line) and _DATE.search(" ".join(words[: verbs[-1]])))


def _unquoted_attribution(lines: list[str], last: int) -> int | None:
    """Return where an attribution begins whose quotation has no marks: it has to name a date and an address."""
    following = next((line for line in lines[last + 1 : last + 4] if line.strip()), ">")
    if following[0] == ">" or (start := _attribution(lines, last)) is None:
        return None
    joined = " ".join(lines[start : last + 1])
    return start if "@" in joined and _DATE.search(joined) else None


def _own(lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Split what precedes the history into own words, signature and quotation."""
    quotes = _quotations(lines)
    if not quotes:
        own, signature = _signature(lines)
        return own, signature, []
    before, after = lines[: quotes[0][0]], lines[quotes[-1][1] :]
    after_own, after_signature = _signature(after)
    if len(quotes) == 1 and not any(map(str.strip, after_own)):
        own, signature = _signature(before)
        return own, [*signature, *after_signature], lines[quotes[0][0] : quotes[0][1]]
    if len(quotes) == 1 and not any(map(str.strip, before)):
        return after_own, after_signature, lines[: quotes[0][1]]
    return lines[: len(lines) - len(after_signature)], after_signature, []


def _quotations(lines: list[str]) -> list[tuple[int, int]]:
    """Return where quotations begin, with their attributions, and end; blank lines do not part them."""
    found: list[tuple[int, int]] = []
    for index in [at for at, line in enumerate(lines) if line[:1] == ">"]:
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
            continue
        last = index - 1
        while last > index - 3 and last >= 0 and not lines[last].strip():
            last -= 1
        attributed = _attribution(lines, last) if last >= 0 and lines[last].rstrip()[-1:] in (":", "：") else None
        start = index if attributed is None else attributed
        if found and not any(map(str.strip, lines[found[-1][1] : start])):
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((start, index + 1))
    return found


def _signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """Cut the signature off the end of own lines."""
    for index in [at for at, line in enumerate(lines) if line[:2] in ("--", "__")]:
        line = lines[index]
        if (
            line == "-- "
            or (line.rstrip() == "--" and len(lines) - index <= 15)
            # What a mailing list adds at the foot.
            or (len(line) > 20 and not line.strip("_") and len(lines) - index <= 8)
        ):
            return lines[:index], lines[index:]
    last = len(lines)
    while last and not lines[last - 1].strip():
        last -= 1
    if last and len(lines[last - 1]) <= 100 and _is_mobile(lines[last - 1].strip(_RULE).lower()):
        return lines[: last - 1], lines[last - 1 :]
    return lines, []


def _is_mobile(line: str) -> bool:
    return (line.startswith(MOBILE_OPENERS) or line.endswith(MOBILE_ENDINGS)) and any(map(line.__contains__, DEVICES))
