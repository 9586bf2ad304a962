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
from .structure import UNKNOWN, RemotePart, Wanted, place, read_structure, sections
from .values import Items

TEXT = 1 << 20
"""Of one text part so many octets are fetched."""

WHOLE = 2 << 20
"""Of a message whose structure the server cannot tell, so many octets are fetched, attachments or not."""

HEADER = 16 << 10
"""What a header is expected to take."""

_FIELDS = " ".join(sorted(name.upper() for name in WANTED_FIELDS - PART_FIELDS | {"mime-version"}))
_MIME = re.compile(rb"^MIME-Version[ \t]*:", re.IGNORECASE | re.MULTILINE)
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


def read_items(uid: int, items: Items, places: Sequence[Collection], labels: Labels | None, *, html: bool) -> Envelope:
    """Make an envelope of what was fetched.

    Args:
        uid: the message's.
        items: what FETCH answered for it, by name.
        places: where the folder's messages lie.
        labels: where those of Gmail's All Mail lie, by their labels.
        html: whether HTML is wanted beside plain text.

    """
    header = header_of(items) or b""
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


def whole(envelope: Envelope, items: Items, *, html: bool) -> Message:
    """Complete a message by what was fetched of it by `text_items`."""
    texts = {name[5:].partition(b"]")[0].decode("ascii", "replace"): value for name, value in items.items()}
    found = envelope.message
    if envelope.root is not None:
        return read_body(found, envelope.root, envelope.bodies, place(envelope.root, texts), html=html)
    return parse_message(
        found_whole if isinstance(found_whole := texts.get(""), bytes) else b"",
        collections=found.collections,
        received=found.received,
        provider_thread=found.provider_thread,
        html=html,
    )
