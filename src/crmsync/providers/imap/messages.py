"""What FETCH answers about one message, as a `Message`: first its envelope, then with its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...formats import parse_message
from ...formats.mail.bodies import body_parts
from ...formats.mail.mime import WANTED_FIELDS, read_body, read_envelope
from ...formats.mail.parts import PART_FIELDS
from ...model import Collection, CollectionRole, Message
from . import values
from .client import Client
from .gmail import Labels, thread
from .mailbox import has_flag
from .structure import BLANK, UNKNOWN, RemotePart, Wanted, place, read_structure, sections
from .values import Items

TEXT = 1 << 20
"""Of one text part so many octets are fetched."""

WHOLE = 2 << 20
"""Of a message whose structure the server cannot tell, so many octets are fetched, attachments or not."""

HEADER = 16 << 10
"""What a header is expected to take."""

_FIELDS = " ".join(sorted(name.upper() for name in WANTED_FIELDS - PART_FIELDS | {"mime-version"}))
_MIME = re.compile(rb"^MIME-Version[ \t]*:", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE = (b"\r\n\r\n", b"\n\n")
_HEADER_END = re.compile(rb"\A\r?\n|\n\r?\n")
_DRAFT = Collection(id="\\Draft", name="Draft", role=CollectionRole.DRAFTS)
"""For a draft that lies among other mail."""


class Envelope(NamedTuple):
    """A message without its text, and what has to be fetched to read it."""

    uid: int
    message: Message
    root: RemotePart | None
    """None where the server cannot tell the structure: then all of it is fetched."""
    bodies: frozenset[int]
    """Which of its parts are read, as `body_parts` tells."""
    wanted: tuple[Wanted, ...]
    octets: int
    """How much the text will take."""


def envelope_items(client: Client, *, gmail: bool) -> str:
    """Return what is fetched of every message, to decide on it."""
    items = f"UID FLAGS INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS ({_FIELDS})]"
    if gmail:
        return items + " X-GM-LABELS X-GM-THRID"
    return items + " THREADID" if client.has("OBJECTID") else items


def header_of(items: Items) -> bytes | None:
    """Return the header fields; None where they are not among the items."""
    return next((v for name, v in items.items() if name.startswith(b"BODY[HEADER") and isinstance(v, bytes)), None)


def is_envelope(items: Items, *, gmail: bool) -> bool:
    """Tell whether all is there that rules decide on: a whole header with fields in it, flags, on Gmail the labels.

    A header ends with a blank line (RFC 9051 section 6.4.5). One that does not may have been cut.
    """
    header = header_of(items) or b""
    return b":" in header and header.endswith(_BLANK_LINE) and _is_marked(items, gmail=gmail)


def _is_marked(items: Items, *, gmail: bool) -> bool:
    return isinstance(items.get(b"FLAGS"), list) and (not gmail or isinstance(items.get(b"X-GM-LABELS"), list))


def agreed(before: Items, items: Items, *, gmail: bool) -> Items | None:
    """Return what is known of a message whose envelope came only in part, now that it was asked for in another way.

    Args:
        before: what came first.
        items: what came for `WHOLE_HEADER`.
        gmail: whether labels are needed.

    Returns:
        The items; None where it is still not known what rules decide on.

    """
    first, second = header_of(before), header_of(items)
    joined = {n: v for n, v in before.items() if not n.startswith(b"BODY[")} | items
    if second is None or not _is_marked(joined, gmail=gmail):
        return None
    ends = second.endswith(_BLANK_LINE) or second == b"\r\n"
    # A message may have no blank line, being all header; then it has to be the same twice.
    same = second.endswith(b"\n") and first is not None and set(first.splitlines()) <= set(second.splitlines())
    return joined if ends or same else None


WHOLE_HEADER = "UID FLAGS INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER]"
"""What is fetched of a message whose envelope came only in part."""


def read_items(uid: int, items: Items, places: Sequence[Collection], labels: Labels | None, *, html: bool) -> Envelope:
    """Make an envelope of what was fetched.

    Args:
        uid: the message's.
        items: what FETCH answered for it, by name.
        places: where the folder's messages lie.
        labels: where those of Gmail's All Mail lie, by their labels.
        html: whether HTML is wanted beside plain text.

    """
    header = header_of(items)
    if header is None:
        raise ValueError("no header")
    most = WHOLE
    try:
        root = read_structure(items.get(b"BODYSTRUCTURE"))
    except ValueError:
        root = None
    if root and not root.children and not _MIME.search(header):
        most = min(root.octets + HEADER, WHOLE)
        root = None  # Dovecot for one takes such a mail for plain text, whatever its other fields say
    if root and root.children and not any(isinstance(part, RemotePart) and part.octets for part in root.walk()):
        root = None  # boundaries that do not fit: the server found nothing in it
    if labels is not None:
        places = labels.places(items.get(b"X-GM-LABELS"))
    if has_flag(items, b"\\draft"):
        places = [*places, _DRAFT]
    here = root or UNKNOWN
    bodies = body_parts(here)
    message = read_envelope(
        header,
        here,
        bodies,
        collections=places,
        received=values.moment(items.get(b"INTERNALDATE")),
        provider_thread=thread(items),
    )
    wanted = sections(root, bodies, html=html) if root else ()
    octets = sum(min(part.octets, TEXT) for part in wanted) if root else most
    return Envelope(uid, message, root, bodies, wanted, octets)


def text_items(envelope: Envelope) -> str:
    """Return what is fetched to read a message's text; empty where it has none."""
    if envelope.root is None:
        return f"UID BODY.PEEK[]<0.{WHOLE}>"
    parts = [f"BODY.PEEK[{one.section}]" + f"<0.{TEXT}>" * (one.octets > TEXT) for one in envelope.wanted]
    return " ".join(["UID", *parts]) if parts else ""


def sections_of(items: Items) -> dict[str, bytes]:
    """Return the parts that were fetched, by number; the message itself is the one without."""
    names = {name: name[5:].partition(b"]")[0].decode("ascii", "replace") for name in items if name[:5] == b"BODY["}
    return {names[name]: value for name, value in items.items() if name in names and isinstance(value, bytes)}


def is_given(envelope: Envelope, items: Items) -> bool:
    """Tell whether all of a message's text has come."""
    wanted = {""} if envelope.root is None else {one.section for one in envelope.wanted}
    return wanted <= sections_of(items).keys()


def is_doubtful(envelope: Envelope, items: Items) -> bool:
    """Tell whether a text came empty that was announced with more than a blank."""
    texts = sections_of(items)
    return any(not texts.get(one.section) and one.octets > BLANK for one in envelope.wanted)


def whole(envelope: Envelope, items: Items, *, html: bool) -> Message:
    """Complete a message by what was fetched of it by `text_items`.

    Raises:
        ValueError: that is no message.

    """
    texts, found = sections_of(items), envelope.message
    if envelope.root is not None:
        return read_body(found, envelope.root, envelope.bodies, place(envelope.root, texts), html=html)
    octets = texts[""]
    if not _HEADER_END.search(octets):
        # Without its whole header nothing can be decided on it. The envelope has that, where it is beyond all measure.
        if len(octets) >= WHOLE or octets.endswith(b"\n"):
            return found
        raise ValueError("the message is cut")
    return parse_message(
        octets,
        collections=found.collections,
        received=found.received,
        provider_thread=found.provider_thread,
        html=html,
    )
