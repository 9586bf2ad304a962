"""Mail as octets (RFC 5322, RFC 2045-2049) to `crmsync.model.Message`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from crmsync.model import RULE_HEADERS, Attachment, Collection, Message, clean_line

from ..sanitize import sanitize_html
from .addresses import ADDRESS_FIELDS, participants
from .bodies import body_parts, body_text
from .dates import parse_date
from .headers import Fields, answered_ids, decode_words, message_ids, read_fields, unfold
from .parts import PART_FIELDS, Part, parse_parts
from .quotes import split_reply
from .uuencode import decode_uuencode, decoded_size, files_within

Octets = bytes | bytearray | memoryview

WANTED_FIELDS = frozenset(ADDRESS_FIELDS) | RULE_HEADERS | PART_FIELDS | {
    "date", "in-reply-to", "message-id", "references", "subject",
}  # fmt: skip
_MBOX_LINE = re.compile(rb">?From [^\r\n]*+(?:\r\n|\n|\r)")
_BLANK_LINES = re.compile(rb"(?>(?:[ \t]*+(?:\r\n|\n|\r))+)(?=[!-9;-~]++[ \t]*+:)")
# What is forwarded is what the mail is about, though Outlook introduces it like history.
_FORWARD = re.compile(r"\s*+(?:fwd?|wg|tr|rv|enc|i|pd|vb|vl|转发|轉寄|전달)\s*+[:：]", re.IGNORECASE)
_METHOD = re.compile(rb"^METHOD[^:\r\n]{0,100}:[ \t]*([A-Za-z-]{1,40})", re.MULTILINE | re.IGNORECASE)


def parse_message(
    data: Octets,
    *,
    collections: Sequence[Collection] = (),
    received: datetime | None = None,
    html: bool = False,
    provider_thread: str | None = None,
) -> Message:
    """Read a whole message. Any octets give one: what cannot be understood is read as text, or left empty.

    Attachments are described and never decoded. The work is linear in the size of the message.

    Args:
        data: the message as it was sent or stored; an mbox "From " line before it is skipped.
        collections: where this copy lies.
        received: when the provider got it, an aware time.
        html: whether to keep the HTML body too, sanitised.
        provider_thread: the provider's own id of the conversation.
    """
    data = _octets(data)
    fields, start = _header(data)
    root = parse_parts(data, fields, start)
    return message_of(
        fields, root, data, collections=collections, received=received, html=html, provider_thread=provider_thread
    )


def message_of(
    fields: Fields,
    root: Part,
    data: bytes,
    *,
    collections: Sequence[Collection] = (),
    received: datetime | None = None,
    html: bool = False,
    provider_thread: str | None = None,
) -> Message:
    """Return the message whose header fields and parts are given; `data` is what the parts' offsets count in."""
    bodies = body_parts(root)
    charset = _charset(root, bodies)
    subject = _subject(fields, charset)
    found = _attachments(root, data, bodies)
    return _message(
        fields,
        subject,
        charset=charset,
        collections=collections,
        received=received,
        provider_thread=provider_thread,
        **_texts(root, data, bodies, subject, html=html),
        attachments=found,
        calendar_method=_calendar_method(root, data, found),
    )


def parse_headers(
    block: Octets,
    *,
    collections: Sequence[Collection] = (),
    received: datetime | None = None,
    provider_thread: str | None = None,
) -> Message:
    """Read the header of a message, as `parse_message` does; what a body would say stays empty."""
    fields, start = _header(_octets(block))
    charset = Part([field for field in fields if field[0] in PART_FIELDS], "1", start, start).parameters.get("charset")
    return _message(
        fields,
        _subject(fields, charset),
        charset=charset,
        collections=collections,
        received=received,
        provider_thread=provider_thread,
    )


def read_envelope(
    block: Octets,
    root: Part,
    bodies: frozenset[int],
    *,
    collections: Sequence[Collection] = (),
    received: datetime | None = None,
    provider_thread: str | None = None,
) -> Message:
    """Read a header whose message's parts are known and not here: attachments too are described.

    Args:
        block: the header, or those fields of it that are read.
        root: the parts; none of their octets are looked at.
        bodies: which of them are read, as `body_parts` tells.
        collections: where this copy lies.
        received: when the provider got it, an aware time.
        provider_thread: the provider's own id of the conversation.
    """
    fields, _ = _header(_octets(block))
    found = _attachments(root, b"", bodies)
    charset = _charset(root, bodies)
    return _message(
        fields,
        _subject(fields, charset),
        charset=charset,
        collections=collections,
        received=received,
        provider_thread=provider_thread,
        attachments=found,
        calendar_method=_calendar_method(root, b"", found),
    )


def read_body(envelope: Message, root: Part, bodies: frozenset[int], data: bytes, *, html: bool = False) -> Message:
    """Complete what `read_envelope` read by the text, as `parse_message` finds it.

    Args:
        envelope: the message without its text.
        root: the same parts, which now say where in `data` each one's octets are; those of others may be missing.
        bodies: which of them are read, as `body_parts` tells.
        data: the octets of the parts that are read.
        html: whether to keep the HTML body too, sanitised.
    """
    update: dict[str, object] = dict(_texts(root, data, bodies, envelope.subject or "", html=html))
    if within := _files_within(root, data, bodies):
        update["attachments"] = (*envelope.attachments, *within)
    if envelope.calendar_method is None:
        update["calendar_method"] = _calendar_method(root, data, envelope.attachments)
    return envelope.model_copy(update=update)


def decode_part(data: Octets, part: str) -> bytes:
    """Return the decoded octets of one part of a message, by its section number (RFC 9051 section 6.4.5.1).

    Args:
        data: the same octets that `parse_message` got.
        part: `Attachment.part`.

    Raises:
        KeyError: the message has no such part.
    """
    data = _octets(data)
    root = parse_parts(data, *_header(data))
    for found in root.walk():
        if found.children:
            continue
        if found.number == part:
            return found.content(data)
        # A file within a text has a number below that of the text.
        if part.startswith(f"{found.number}.") and found.content_type == "text/plain":
            for at, file in enumerate(files_within(found.content(data)), 1):
                if part == f"{found.number}.{at}":
                    return b"".join(decode_uuencode([file.encoded]))
    raise KeyError(part)


def _octets(data: Octets) -> bytes:
    octets = data if isinstance(data, bytes) else bytes(data)
    # Line ends of old Macs, if all of them are.
    return octets if b"\n" in octets else octets.replace(b"\r", b"\n")


def _header(data: bytes) -> tuple[Fields, int]:
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for litter in (_MBOX_LINE, _BLANK_LINES):
        if match := litter.match(data, start):
            start = match.end()
    return read_fields(data, start, WANTED_FIELDS, resume=True)


def _message(
    fields: Fields,
    subject: str,
    *,
    charset: str | None,
    collections: Sequence[Collection],
    received: datetime | None,
    provider_thread: str | None,
    text: str | None = None,
    reply: str | None = None,
    html: str | None = None,
    attachments: Sequence[Attachment] = (),
    calendar_method: str | None = None,
) -> Message:
    values: dict[str, list[str]] = {}
    rule_headers: list[tuple[str, str]] = []
    for name, raw in fields:
        if name in RULE_HEADERS:
            rule_headers.append((name, clean_line(decode_words(unfold(raw, charset)))))
        elif name in ("date", "message-id", "in-reply-to", "references"):
            values.setdefault(name, []).append(unfold(raw))
    people = participants(fields, charset)
    ids = {name: message_ids(" ".join(values.get(name, ()))) for name in ("message-id", "references")}
    # Somebody's address is no id: all answers to one person would be one thread.
    addresses = {person.address for person in people}
    answered = [id_ for id_ in answered_ids(" ".join(values.get("in-reply-to", ()))) if id_.lower() not in addresses]
    dates = (parse_date(value) for value in values.get("date", ()))
    return Message(
        message_id=next(iter(ids["message-id"] or " ".join(values.get("message-id", ())).strip("<> ").split()), None),
        date=next((date for date in dates if date), None),
        received=received,
        participants=people,
        subject=subject or None,
        text=text,
        reply=reply,
        html=html,
        attachments=attachments,
        in_reply_to=next(iter(answered), None),
        references=ids["references"],
        provider_thread=provider_thread,
        headers=rule_headers,
        calendar_method=calendar_method,
        collections=collections,
    )


class _Texts(TypedDict):
    text: str | None
    reply: str | None
    html: str | None


def _texts(root: Part, data: bytes, bodies: frozenset[int], subject: str, *, html: bool) -> _Texts:
    text = body_text(root, data, bodies) or None
    split = split_reply(text) if text and not _FORWARD.match(subject) else None
    markup = body_text(root, data, bodies, html=True) if html else ""
    return {
        "text": text,
        "reply": split.text if split and (split.quoted or split.signature) else None,
        "html": (sanitize_html(markup) or None) if markup else None,
    }


def _subject(fields: Fields, charset: str | None) -> str:
    return decode_words(next((unfold(raw, charset) for name, raw in fields if name == "subject"), ""))


def _charset(root: Part, bodies: frozenset[int]) -> str | None:
    """Return the charset of the body, which a header with octets beyond ASCII has too (RFC 2047 asks for none)."""
    return next((said for part in root.walk() if id(part) in bodies and (said := part.parameters.get("charset"))), None)


def _attachments(root: Part, data: bytes, bodies: frozenset[int]) -> list[Attachment]:
    found: list[Attachment] = []
    parent_type: dict[int, str] = {}
    for part in root.walk():
        parent_type.update((id(child), part.content_type) for child in part.children)
        if part.children or id(part) in bodies:
            continue
        within = parent_type.get(id(part), "")
        # The same body in another form, an invitation's for instance, is nothing that was attached.
        if within == "multipart/alternative" and part.content_type.startswith("text/") and not part.filename:
            continue
        found.append(
            Attachment(
                part=part.number,
                name=part.filename,
                content_type=part.content_type,
                size=part.size(data),
                inline=part.disposition == "inline" or (within == "multipart/related" and part.content_id is not None),
                content_id=part.content_id,
            )
        )
    return [*found, *_files_within(root, data, bodies)] if data else found


def _files_within(root: Part, data: bytes, bodies: frozenset[int]) -> list[Attachment]:
    """Describe the uuencoded files within the texts."""
    return [
        Attachment(
            part=f"{part.number}.{at}",
            name=unfold(file.name) or None,
            size=decoded_size(file.encoded),
        )
        for part in root.walk()
        if id(part) in bodies and part.content_type == "text/plain" and data.find(b"begin ", part.start, part.end) >= 0
        for at, file in enumerate(files_within(part.content(data)), 1)
    ]


# RFC 5546 section 1.4; what is published invites nobody, and no calendar brings it.
_METHODS = frozenset({"REQUEST", "REPLY", "CANCEL", "ADD", "REFRESH", "COUNTER", "DECLINECOUNTER"})


def _calendar_method(root: Part, data: bytes, attachments: Sequence[Attachment]) -> str | None:
    """Return the iTIP method (RFC 6047) of a message that is nothing but an invitation or an answer to one."""
    calendars = [part for part in root.walk() if part.content_type == "text/calendar" and not part.children]
    if not calendars or any(not _belongs_to_invitation(attachment) for attachment in attachments):
        return None
    for part in calendars:
        # An attached calendar comes with a letter, and the letter is what the message is about.
        if part is root or part.disposition != "attachment":
            said = part.parameters.get("method")
            # RFC 6047 section 2.4 wants the method in the field too; a file that is named and lacks it is one.
            method = said or (None if part.filename and part is not root else _method_within(part.content(data)))
            if method and method.upper() in _METHODS:
                return method.upper()
    return None


def _method_within(calendar: bytes) -> str | None:
    match = _METHOD.search(calendar)
    return match[1].decode("ascii") if match else None


def _belongs_to_invitation(attachment: Attachment) -> bool:
    if attachment.content_type in ("text/calendar", "application/ics"):
        return True
    return attachment.inline and attachment.content_id is not None
