"""Outlook's messages to `crmsync.model`. Pure.

See https://learn.microsoft.com/en-us/graph/api/resources/message. Any JSON gives a message or a reason why not; any
field may be null. What its header says counts before what Exchange made of it, so that a mail is the same record
through whatever provider it comes.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....formats.mail.headers import Fields, message_ids, read_fields
from ....formats.mail.mime import WANTED_FIELDS
from ....formats.mail.mime_tree import Node, parse_tree
from ....formats.mail.parts import PART_FIELDS
from ....model import Attachment, Collection, CollectionRole, Item, Message, Participant, Role, clean_address
from ..attachments import LISTED, attachments_of
from ..client import Json, dict_of, id_of, items_of, moment_of, text_of

ENVELOPE = (
    "id", "parentFolderId", "isDraft", "receivedDateTime", "sentDateTime", "internetMessageId", "conversationId",
    "subject", "from", "sender", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "hasAttachments",
)  # fmt: skip
"""What a walk asks for: enough to say no to a message without asking for the rest."""
CONTENT = (*ENVELOPE, "internetMessageHeaders", "body")
IN_REPLY_TO, REFERENCES = "String 0x1042", "String 0x1039"
"""MAPI's properties for what a sent message answers: its header is made when it leaves, and not kept in Sent Items.

See [MS-OXOMSG] sections 2.2.1.13 and 2.2.1.26.
"""
EXPAND = (
    f"attachments($select={LISTED}),"
    f"singleValueExtendedProperties($filter=id eq '{IN_REPLY_TO}' or id eq '{REFERENCES}')"
)

_PEOPLE: Mapping[str, tuple[str, Role]] = {
    "from": ("from", Role.FROM),
    "sender": ("sender", Role.SENDER),
    "reply-to": ("replyTo", Role.REPLY_TO),
    "to": ("toRecipients", Role.TO),
    "cc": ("ccRecipients", Role.CC),
    "bcc": ("bccRecipients", Role.BCC),
}
"""Header fields, and the JSON fields that stand in for them."""
_METHODS = {
    "eventmessagerequest": "REQUEST",
    "eventmessageresponse": "REPLY",
    "eventmessage": "CANCEL",
}
DRAFT = Collection(id="draft", name="Draft", role=CollectionRole.DRAFTS)
"""Where a draft lies besides, whichever folder it was put into."""


def item_of(data: Json, folder: Collection, *, html: bool = False, header: bytes | None = None) -> Item:
    """Return a message.

    Args:
        data: as Graph gives it for `CONTENT` and `EXPAND`.
        folder: where it lies.
        html: whether to keep the HTML body too, sanitised.
        header: the octets of its header, where Graph has no `internetMessageHeaders` of it.

    Raises:
        ValueError: it is no message; in words, without content.
    """
    id_ = id_of(data)
    if not id_:
        raise ValueError("the answer names no message")
    if "body" not in data:
        raise ValueError("Microsoft gave no content for it")
    fields = header_of(data) or (read_fields(header, 0, WANTED_FIELDS, resume=True)[0] if header else [])
    body = dict_of(data, "body")
    kind = "text/html" if text_of(body, "contentType").lower() == "html" else "text/plain"
    message = _message(data, fields, folder, kind, text_of(body, "content"), html=html)
    attachments = tuple(attachments_of(data))
    method = _METHODS.get(text_of(data, "@odata.type").rpartition(".")[2].lower())
    if method and not all(_belongs_to_invitation(one) for one in attachments):
        method = None
    update: dict[str, Any] = {"attachments": attachments, "calendar_method": method}
    return Item(id=id_, records=[message.model_copy(update=update)])


def envelope_of(data: Json, folder: Collection) -> Message:
    """Return what a walk tells of a message."""
    return _message(data, [], folder, "text/plain", "", html=False)


def is_whole(data: Json) -> bool:
    """Tell whether a walk told all that a decision on a message may rest on: everybody in it, and when it came.

    A rule that lacks what it decides on decides nothing: then the message is asked for.
    """
    people = [data.get(name) for name, _ in _PEOPLE.values()]
    if any(one is None for one in people[2:]) or not isinstance(data.get("from"), dict):
        return False
    everybody = [*_addresses(data.get("from")), *(one for group in people[2:] for one in _addresses(group))]
    return all("@" in address for address, _ in everybody) and bool(everybody) and moment_of(
        data.get("receivedDateTime")
    ) is not None  # fmt: skip


def is_flags_only(data: Json) -> bool:
    """Tell whether a change is of nothing that is kept: read or unread, a flag, a category."""
    return not any(name in data for name in ENVELOPE if name not in ("id", "parentFolderId"))


def lacks_header(data: Json) -> bool:
    """Tell whether Graph gave no header of a message. Of what was sent and of drafts it has none."""
    return not header_of(data) and data.get("isDraft") is not True


def header_of(data: Json) -> Fields:
    """Return the header fields that are read, as the message came with them."""
    found: Fields = []
    for one in items_of({"value": data.get("internetMessageHeaders")}):
        name, value = text_of(one, "name").strip().lower(), text_of(one, "value")
        if name in WANTED_FIELDS and name not in PART_FIELDS:
            found.append((name, value.encode("utf-8", "replace")))
    return found


def _message(data: Json, fields: Fields, folder: Collection, kind: str, text: str, *, html: bool) -> Message:
    there = {name for name, _ in fields}
    fields = [*fields, *((name, value) for name, value in _said(data) if name not in there)]
    root = Node(fields=fields, content_type=kind, octets=text.encode("utf-8", "replace"))
    message, _ = parse_tree(
        root,
        collections=(folder, DRAFT) if data.get("isDraft") is True else (folder,),
        received=moment_of(data.get("receivedDateTime")),
        html=html,
        provider_thread=text_of(data, "conversationId") or None,
    )
    update: dict[str, Any] = {"participants": (*message.participants, *_people(data, message.participants, there))}
    if message.date is None:
        update["date"] = moment_of(data.get("sentDateTime"))
    return Message.model_validate({**dict(message), **update})


def _said(data: Json) -> Iterator[tuple[str, bytes]]:
    """Yield the header fields that other fields stand in for."""
    properties = {
        text_of(one, "id").casefold(): text_of(one, "value")
        for one in items_of({"value": data.get("singleValueExtendedProperties")})
    }
    given = {
        "message-id": text_of(data, "internetMessageId"),
        "in-reply-to": properties.get(IN_REPLY_TO.casefold(), ""),
        "references": properties.get(REFERENCES.casefold(), ""),
    }
    yield "subject", text_of(data, "subject").encode("utf-8", "replace")
    for name, value in given.items():
        if value:
            bracketed = value if message_ids(value) else " ".join(f"<{one}>" for one in value.split())
            yield name, bracketed.encode("utf-8", "replace")


def _people(data: Json, known: Sequence[Participant], there: Container[str]) -> Iterator[Participant]:
    """Yield the people that only Exchange tells of."""
    seen = {(p.address, p.role) for p in known}
    authors = {p.address for p in known if p.role is Role.FROM}
    for header, (name, role) in _PEOPLE.items():
        if header in there:
            continue
        for address, shown in _addresses(data.get(name)):
            cleaned = str(clean_address(address))
            if "@" not in cleaned or (cleaned, role) in seen or (role is Role.SENDER and cleaned in authors):
                continue
            seen.add((cleaned, role))
            authors |= {cleaned} if role is Role.FROM else set()
            yield Participant(address=cleaned, role=role, name=shown if shown and shown != address else None)


def _addresses(value: object) -> Iterator[tuple[str, str]]:
    for one in value if isinstance(value, list) else [value]:
        said = one.get("emailAddress") if isinstance(one, Mapping) else None
        if isinstance(said, Mapping):
            yield text_of(said, "address"), text_of(said, "name")


def _belongs_to_invitation(attachment: Attachment) -> bool:
    return attachment.content_type in ("text/calendar", "application/ics") or (
        attachment.inline and attachment.content_id is not None
    )


__all__ = [
    "CONTENT", "DRAFT", "ENVELOPE", "EXPAND", "envelope_of", "header_of", "is_flags_only", "is_whole", "item_of",
    "lacks_header",
]  # fmt: skip
