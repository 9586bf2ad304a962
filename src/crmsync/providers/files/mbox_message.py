"""One message of an mbox: what identifies it, whether it counts, and its content."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from functools import partial
from typing import NamedTuple

from ...formats.mail.dates import parse_date
from ...model import Collection, CollectionRole, Item, Skipped
from .messages import GIANT, LEADING, to_item, unquoted
from .reading import RegularFile

DELETED = Collection(id="\\Deleted", name="Deleted", role=CollectionRole.TRASH)
DRAFT = Collection(id="\\Draft", name="Draft", role=CollectionRole.DRAFTS)
"""Where a message counts as lying when its flags say so, whatever folder it is in."""

_HEAD = 16 << 10
_MAX_HEAD = 1 << 20
_SAMPLE = 4 << 10
_TAIL = 64
_MAX_TAIL = 64 << 10

_HEADER_END = re.compile(rb"\n\r?\n")
# What mail programs rewrite in place, add later, or leave out when they copy the message.
_VOLATILE = re.compile(
    rb"^(?:Status|X-Status|X-Keywords|X-UID|X-IMAP(?:base)?|X-Mozilla-(?:Status2?|Keys)|Content-Length|Lines)[ \t]*:"
    rb"[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)",
    re.MULTILINE | re.IGNORECASE,
)
_EXPUNGED = re.compile(rb"^X-Mozilla-Status:[ \t]*([0-9a-f]{1,8})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_FLAGS = re.compile(rb"^X-Status:[ \t]*([A-Z]{1,16})", re.MULTILINE | re.IGNORECASE)
# UW-IMAP and Pine keep their own records in a first message that is none.
_INTERNAL = re.compile(rb"^Subject:[ \t]*DON'T DELETE THIS MESSAGE", re.MULTILINE | re.IGNORECASE)
_INTERNAL_TOO = re.compile(rb"^X-IMAP(?:base)?:", re.MULTILINE | re.IGNORECASE)
_FROM_DATE = re.compile(
    rb"([A-Z][a-z]{2}) {1,4}(\d{1,2}) {1,4}(\d{1,2}:\d\d(?::\d\d)?)(?: {1,4}([A-Z]{1,5}|[+-]\d{4}))?"
    rb" {1,4}(\d{4})(?: {1,4}([+-]\d{4}))?"
)
_FROM_LINES = re.compile(rb"(?:\xef\xbb\xbf)?From[^\n]*(?:\n|\Z)(?:>From [^\n]*(?:\n|\Z))*")


class Located(NamedTuple):
    """A message in its file."""

    id: str
    start: int
    """Where its separator begins."""
    end: int
    """Where the next separator begins, or the file ends."""
    hidden: bool
    """It is no message that exists: expunged and waiting for compaction, or the mail program's own records."""

    @property
    def known_id(self) -> str:
        """The id under which it was told, empty for one that is hidden."""
        return "" if self.hidden else self.id

    @property
    def octets(self) -> int:
        """How much of the file it takes."""
        return self.end - self.start


def locate(file: RegularFile, start: int, end: int) -> Located:
    """Identify the message between two offsets by its header, and the length and both ends of its body.

    The id stays when the file grows, is compacted, or when a mail program changes flags in it. The empty line that
    writers leave after a message counts for nothing: the last message of a file may lack it.
    """
    head = file.read(start, min(end, start + _HEAD))
    lines = _FROM_LINES.match(head)
    begin = lines.end() if lines else 0
    # From the line break that ends the separator: a message without a header begins with an empty line.
    blank = _HEADER_END.search(head, begin - 1)
    if not blank and start + len(head) < end:
        head = file.read(start, min(end, start + _MAX_HEAD))
        blank = _HEADER_END.search(head, begin - 1)
    header = head[begin : max(begin, blank.start()) if blank else len(head)].rstrip(b"\r\n")
    length = max(0, _without_empty_lines(file, head, start, end) - begin - len(header))
    kept = _VOLATILE.sub(b"", header).rstrip(b"\r\n")
    digest = hashlib.blake2b(kept, digest_size=12)
    digest.update(b"\0%d\0" % length)
    body = start + begin + len(header)
    for low, high in ((body, body + min(length, _SAMPLE)), (body + max(_SAMPLE, length - _SAMPLE), body + length)):
        digest.update(head[low - start : high - start] if high <= start + len(head) else file.read(low, high))
    expunged = _EXPUNGED.search(header)
    hidden = (
        (not header and not length)
        or bool(expunged and int(expunged[1], 16) & 0x0008)
        or bool(_INTERNAL.search(header) and _INTERNAL_TOO.search(header))
    )  # fmt: skip
    return Located(digest.hexdigest() + _state(header), start, end, hidden)


def _without_empty_lines(file: RegularFile, head: bytes, start: int, end: int) -> int:
    """Return the message's length up to its last octet that is no line break."""
    if len(head) == end - start:
        return len(head.rstrip(b"\r\n"))
    step = _TAIL
    while end > start:
        low = max(start, end - step)
        tail = file.read(low, end).rstrip(b"\r\n")
        if tail:
            return low + len(tail) - start
        end, step = low, _MAX_TAIL
    return 0


def _state(header: bytes) -> str:
    """Return the flags that keep a message out, as part of its id: content behind an id never changes."""
    flags = _FLAGS.search(header)
    kept = "".join(flag for flag in "DT" if flags and flag in flags[1].decode("ascii").upper())
    return f":{kept}" if kept else ""


def read(file: RegularFile, located: Located, collection: Collection, *, spanning: bool, html: bool) -> Item | Skipped:
    """Read a message, or of a giant one its header and what follows it."""
    size = located.octets if located.octets <= GIANT else LEADING
    data = file.read(located.start, located.start + size)
    lines = _FROM_LINES.match(data)
    begin = lines.end() if lines else 0
    _, _, state = located.id.partition(":")
    return to_item(
        located.id,
        unquoted(data[begin:]),
        collection=collection,
        spanning=spanning,
        state=DELETED if "D" in state else DRAFT if state else None,
        received=partial(_from_date, data[: min(begin, 512)]),
        html=html,
    )


def _from_date(line: bytes) -> datetime | None:
    """Return when the message came, as its separator says, in UTC where that names no zone.

    Thunderbird's "From - " carries the local time of a download, possibly years later: that says nothing.
    """
    date = _FROM_DATE.search(line.partition(b"\n")[0])
    if not date or line.startswith(b"From - "):
        return None
    month, day, time, zone, year, late_zone = ((part or b"").decode("ascii") for part in date.groups())
    zone = late_zone or zone
    if zone[:1].isalpha():
        return parse_date(f"{month} {day} {time} {zone} {year}")
    return parse_date(f"{month} {day} {time} {year} {zone}".strip())
