"""The author's own words in a mail text, apart from quoted history and signature."""

from __future__ import annotations

import re
from typing import NamedTuple

from .attributions import LONGEST, MARKS, RULE, attribution, names_date, names_moment
from .quote_phrases import (
    DEVICES,
    FORWARDED,
    FROM_LABELS,
    MOBILE_ENDINGS,
    MOBILE_OPENERS,
    ORIGINAL,
    ORIGINAL_IN_LONG_RULES,
    SENT_LABELS,
    SUBJECT_LABELS,
    TO_LABELS,
)  # fmt: skip

_COLONS = (":", "：")
_HEADING = re.compile(r"[-_=*—–─‐‑‒―━#]")
_TITLED_RULE = re.compile(r"[-_=*—–─‐‑‒―━]{3}.{0,60}[-_=*—–─‐‑‒―━]{3}")
_LABEL = re.compile(r"[\s>*_|]*+([^\W\d_][^:：|\n*]{0,24}?)[\s*_]*+[:：|]")
_LONG_RULE = 8
_BLOCK = 12
"""A header block is not longer."""
_LIST = re.compile(r"https?://|@|mailing list|unsubscribe|listinfo", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?:;,…。！？]$")


class Reply(NamedTuple):
    """A mail text, split. Each piece is without blank lines around it, and empty where there is none."""

    text: str
    """The author's own words. With comments between quotations those stay, as nothing is understood without them."""
    signature: str = ""
    quoted: str = ""


def split_reply(text: str) -> Reply:
    r"""Split a mail text into the author's own words, the signature and the quoted history.

    Knows history by its structure first: a line that names a date and an address before a quotation, the header block
    of a quoted mail. Then by words, in the languages of mail programs: "Ann wrote:", "Original Message", the signatures
    of phones. What is forwarded, and what has comments between quotations, stays whole; where in doubt, text is the
    author's own. The own words are empty only where the text is blank. Linear in its length.

    >>> split_reply("Fine with me.\n\nOn Mon, 5 Jan 2009, Ann wrote:\n> Lunch?\n").text
    'Fine with me.'
    """
    lines = text.split("\n")
    end, forwarded = _history(lines, text)
    if forwarded:
        return Reply(text)
    own, signature, quoted = _own(lines[:end])
    history = lines[end:]
    split = Reply(_block(own), _block(signature), _block([*quoted, *history]))
    return split if split.text else Reply(text)


def _block(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n").rstrip()


def _history(lines: list[str], text: str) -> tuple[int, bool]:
    """Say where everything that follows is history, or that something forwarded comes first."""
    # What matters has a colon, after a label or at its end, or is a heading between rules; most texts have no rules.
    wide, tabled, addressed = "：" in text, "|" in text, "@" in text
    ruled = any(map(text.__contains__, ("--", "__", "==", "**", "##", "——", "──", "‐‐", "━━", "――")))
    labels: dict[int, str] = {}
    for at, line in enumerate(lines):
        if ":" in line or (wide and "：" in line) or (tabled and "|" in line):
            labels[at] = _label(line)
        elif not (ruled and line and _HEADING.match(line.lstrip())):
            continue
        if line[:1] == ">" or len(line) > LONGEST:
            continue
        bare = line.strip()
        if (ruled and _HEADING.match(bare)) or bare.endswith(_COLONS):
            kind = _introduces(bare)
            if kind:
                return at, kind == "forwarded"
    tries = 0
    for at, label in labels.items():
        line = lines[at]
        if line[:1] == ">" or len(line) > LONGEST:
            continue
        if (label in _FROM or label in _SENT or (addressed and "@" in line)) and _is_header_block(lines, labels, at):
            return _before_rule(lines, at), False
        if addressed and tries < _TRIES and _may_end_attribution(line) and _is_near_date_and_address(lines, at):
            tries += 1
            if (start := _unmarked(lines, at)) is not None:
                return start, False
    return len(lines), False


_TRIES = 500
"""So many lines are looked at closely, of which any might introduce history; no mail has more, but hostile ones."""


def _introduces(line: str) -> str:
    """Tell whether a line introduces what is forwarded or what was answered, empty where neither."""
    line = line.replace("&nbsp;", " ")
    words = line.strip(RULE + ":：#").lower()
    heading = bool(_HEADING.match(line[-1])) and bool(_HEADING.match(line[0]))
    if words in FORWARDED and (heading or line.endswith(_COLONS) or words.startswith("begin")):
        return "forwarded"
    if not heading:
        return ""
    if words in ORIGINAL:
        return "original"
    sides = min(len(line) - len(line.lstrip(RULE)), len(line) - len(line.rstrip(RULE)))
    return "original" if words in ORIGINAL_IN_LONG_RULES and sides >= _LONG_RULE else ""


def _label(line: str) -> str:
    found = _LABEL.match(line[:80])
    return _squeezed(found[1]) if found else ""


def _squeezed(label: str) -> str:
    """Return a label without the blanks that some programs put between its letters."""
    return "".join(label.translate(MARKS).lower().split())


def _is_header_block(lines: list[str], labels: dict[int, str], index: int) -> bool:
    """Tell whether the header of a quoted mail begins here: From, Sent and Subject close together.

    One that begins with its date also has to name an address, since people write lists of that form. Where a label is
    of no known language, the form tells: an address, a date with its time, then the recipients and the subject.
    """
    if labels[index] not in _FROM and labels[index] not in _SENT:
        return _has_the_form(lines, labels, index)
    below = range(index, min(index + _BLOCK, len(lines)))
    found = {labels[at] for at in below if at in labels}
    if not (found.isdisjoint(_FROM) or found.isdisjoint(_SENT) or found.isdisjoint(_SUBJECT)):
        if labels[index] in _FROM:
            return True
        sender = next((lines[at] for at in below if labels.get(at) in _FROM), "")
        if labels[index] in _SENT and names_date(lines[index]) and "@" in sender:
            return True
    return "@" in lines[index] and _has_the_form(lines, labels, index)


def _has_the_form(lines: list[str], labels: dict[int, str], index: int) -> bool:
    block = range(index, min(index + 4, len(lines)))
    if (
        not any(map(str.isdigit, "".join(lines[index + 1 : index + 3])))
        or any(not labels.get(at) for at in block)
        or not any(names_moment(lines[at]) for at in block[1:3])
    ):
        return False
    known = sum(not known.isdisjoint(labels[at] for at in block) for known in (_FROM, _SENT, _TO, _SUBJECT))
    return known > 2 or (len(block) == 4 and lines[index].rstrip().endswith(">") and "@" in lines[index + 2])


_FROM, _SENT, _SUBJECT, _TO = (
    frozenset(map(_squeezed, labels)) for labels in (FROM_LABELS, SENT_LABELS, SUBJECT_LABELS, TO_LABELS)
)


def _before_rule(lines: list[str], index: int) -> int:
    """Take in the line of underscores that Outlook draws above its header block, or its heading."""
    above = index
    while above > 0 and index - above < 3 and not lines[above - 1].strip():
        above -= 1
    rule = lines[above - 1].strip() if above > 0 else ""
    return above - 1 if len(rule) > 4 and (not rule.strip(RULE) or _TITLED_RULE.fullmatch(rule)) else index


def _may_end_attribution(line: str) -> bool:
    line = line.rstrip()
    if not line.isascii():
        line = line.translate(MARKS).rstrip()
    return line.endswith(_COLONS) or (line[:2] in ("--", "——") and line[-1:] in "-—")


def _is_near_date_and_address(lines: list[str], last: int) -> bool:
    near = " ".join(lines[max(last - 3, 0) : last + 1])
    return "@" in near and names_date(near)


def _unmarked(lines: list[str], last: int) -> int | None:
    """Return where an attribution begins whose quotation has no marks: it has to name a date and an address."""
    following = next((line for line in lines[last + 1 : last + 4] if line.strip()), ">")
    return None if following[0] == ">" else attribution(lines, last, marked=False)


def _own(lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Split what precedes the history into own words, signature and quotation."""
    quotes = _quotations(lines)
    if not quotes:
        own, signature = _signature(lines)
        return own, signature, []
    start, end, attributed = quotes[0][0], quotes[-1][1], quotes[0][2]
    before, after = lines[:start], lines[end:]
    after_own, after_signature = _signature(after)
    if len(quotes) == 1 and not any(map(str.strip, after_own)):
        if not attributed and any(map(str.strip, before)) and not _is_old(lines[start:end]):
            # An indented offer, for instance, is quoted as well: Gmail's "indent more" is a quotation in HTML.
            return lines[: len(lines) - len(after_signature)], after_signature, []
        own, signature = _signature(before)
        return own, [*signature, *after_signature], lines[start:end]
    if len(quotes) == 1 and not any(map(str.strip, before)):
        return after_own, after_signature, lines[:end]
    return lines[: len(lines) - len(after_signature)], after_signature, []


def _is_old(quotation: list[str]) -> bool:
    """Tell whether a quotation that nothing introduces holds history of its own: one within it, or its introduction."""
    inner = [line[1:].strip() for line in quotation]
    if any(line[:1] == ">" for line in inner):
        return True
    ends = (at for at, line in enumerate(inner) if line.endswith(_COLONS))
    return any(attribution(inner, at) is not None for at in ends)


def _quotations(lines: list[str]) -> list[tuple[int, int, bool]]:
    """Return where quotations begin, with their attributions, where they end, and whether they have one.

    Blank lines do not part them.
    """
    found: list[tuple[int, int, bool]] = []
    for index in [at for at, line in enumerate(lines) if line[:1] == ">"]:
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1, found[-1][2])
            continue
        last = index - 1
        while last > index - 3 and last >= 0 and not lines[last].strip():
            last -= 1
        introduced = attribution(lines, last) if last >= 0 and len(found) < _TRIES else None
        start = index if introduced is None else introduced
        if found and not any(map(str.strip, lines[found[-1][1] : start])):
            found[-1] = (found[-1][0], index + 1, found[-1][2])
        else:
            found.append((start, index + 1, introduced is not None or (not found and _says_so(lines[index]))))
    return found


def _says_so(line: str) -> bool:
    """Tell whether the first line of a quotation introduces it: Apple Mail quotes that line too."""
    return attribution([line[1:]], 0) is not None


def _signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """Cut the signature off the end of own lines."""
    ruled = [at for at, line in enumerate(lines) if line[:2] in ("--", "__")]
    hyphens = [at for at in ruled if lines[at].rstrip() == "--"]
    for index in ruled:
        line = lines[index]
        if (
            line == "-- "
            or (len(hyphens) == 1 and index == hyphens[0] and _signs(lines[index + 1 : index + 40], len(lines) - index))
            # What a mailing list adds at the foot.
            or (
                len(line) > 20
                and not line.rstrip().strip("_")
                and _is_of_list(lines[index + 1 : index + 20], len(lines) - index)
            )
        ):
            return lines[:index], lines[index:]
    last = len(lines)
    while last and not lines[last - 1].strip():
        last -= 1
    if last and len(lines[last - 1]) <= 100 and _is_mobile(lines[last - 1].strip(RULE).lower()):
        return lines[: last - 1], lines[last - 1 :]
    return lines, []


def _signs(lines: list[str], left: int) -> bool:
    """Tell whether lines after two hyphens look like a signature: few and short, and no sentences."""
    said = [line.strip() for line in lines if line.strip()]
    return (
        left <= 40 and 0 < len(said) < 15 and not any(_SENTENCE.search(line) and len(line.split()) > 3 for line in said)
    )


def _is_of_list(lines: list[str], left: int) -> bool:
    """Tell whether lines after a rule are what a mailing list adds: at once, few, and with an address."""
    said = [line for line in lines if line.strip()]
    return left <= 20 and bool(said) and bool(lines[0].strip()) and len(said) < 8 and any(map(_LIST.search, said))


def _is_mobile(line: str) -> bool:
    return (line.startswith(MOBILE_OPENERS) or line.endswith(MOBILE_ENDINGS)) and any(map(line.__contains__, DEVICES))
