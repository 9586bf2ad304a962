"""Messages as Graph shows them: https://learn.microsoft.com/en-us/graph/api/resources/message."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from email.message import Message
from email.utils import formataddr, getaddresses
from typing import NamedTuple

from ..web.mail import children, content, decoded, header_of
from .bodies import attached, body, filename, is_inline, preview, unique
from .mail_items import Mail, sent_at
from .mailbox import Mailbox
from .prefer import Prefer
from .wire import Json, bad_request, stamp


class Shown(NamedTuple):
    """A message as one request sees it."""

    mailbox: Mailbox
    mail: Mail
    prefer: Prefer

    @property
    def id(self) -> str:
        """The id of the kind that the request prefers."""
        return self.mail.immutable if self.prefer.immutable else self.mail.id

    @property
    def message(self) -> Message:
        """The message, parsed."""
        return self.mail.parsed


def recipient(name: str, address: str) -> Json:
    """Return one address."""
    return {"emailAddress": {"name": name or address, "address": address}}


def recipients(message: Message, field: str) -> list[Json]:
    """Return the addresses in a header."""
    found = getaddresses([decoded(str(value)) for value in message.get_all(field, [])])
    return [recipient(name, address) for name, address in found if address]


def _one(message: Message, *fields: str) -> Json | None:
    for field in fields:
        found = recipients(message, field)
        if found:
            return found[0]
    return None


def _body(shown: Shown) -> Json:
    kind, text = body(shown.message, shown.prefer.body, unsafe=shown.prefer.unsafe_html)
    return {"contentType": kind, "content": text}


def _unique(shown: Shown) -> Json:
    kind, text = body(shown.message, shown.prefer.body, unsafe=shown.prefer.unsafe_html)
    return {"contentType": kind, "content": unique(kind, text)}


def _importance(shown: Shown) -> str:
    if shown.mail.importance:
        return shown.mail.importance
    said = (header_of(shown.message, "Importance") or header_of(shown.message, "X-Priority")).lower()[:4]
    return {"high": "high", "1": "high", "2": "high", "low": "low", "4": "low", "5": "low"}.get(said, "normal")


FIELDS: dict[str, Callable[[Shown], object]] = {
    "createdDateTime": lambda s: stamp(s.mail.created),
    "lastModifiedDateTime": lambda s: stamp(s.mail.modified),
    "changeKey": lambda s: base64.b64encode(f"CQAAABYAAAC{s.mail.revision:08d}".encode()).decode(),
    "categories": lambda s: list(s.mail.categories),
    "receivedDateTime": lambda s: stamp(s.mail.received),
    "sentDateTime": lambda s: stamp(sent_at(s.mail)),
    "hasAttachments": lambda s: bool(s.mail.links) or any(not is_inline(part) for part in attached(s.message)),
    "internetMessageId": lambda s: header_of(s.message, "Message-ID") or None,
    "subject": lambda s: header_of(s.message, "Subject") if "Subject" in s.message else None,
    "bodyPreview": lambda s: preview(s.message),
    "importance": _importance,
    "parentFolderId": lambda s: s.mail.folder.id,
    "conversationId": lambda s: s.mail.conversation,
    "conversationIndex": lambda s: base64.b64encode(s.mail.conversation.encode()[-22:]).decode(),
    "isDeliveryReceiptRequested": lambda _: False,
    "isReadReceiptRequested": lambda s: "Disposition-Notification-To" in s.message,
    "isRead": lambda s: s.mail.is_read,
    "isDraft": lambda s: s.mail.is_draft,
    "webLink": lambda s: f"https://outlook.office365.com/owa/?ItemID={s.mail.id}&exvsurl=1&viewmodel=ReadMessageItem",
    "inferenceClassification": lambda _: "focused",
    "body": _body,
    "sender": lambda s: _one(s.message, "Sender", "From"),
    "from": lambda s: _one(s.message, "From"),
    "toRecipients": lambda s: recipients(s.message, "To"),
    "ccRecipients": lambda s: recipients(s.message, "Cc"),
    "bccRecipients": lambda s: recipients(s.message, "Bcc"),
    "replyTo": lambda s: recipients(s.message, "Reply-To"),
    "flag": lambda s: {"flagStatus": s.mail.flag},
}
ON_SELECT: dict[str, Callable[[Shown], object]] = {
    "internetMessageHeaders": lambda s: [
        {"name": name, "value": decoded(str(value))} for name, value in s.message.items()
    ],
    "uniqueBody": _unique,
}
"""What comes only where it is selected."""
CONTENT = frozenset({"body", "bodyPreview", "uniqueBody", "attachments", "internetMessageHeaders"})
"""What `Mail.ReadBasic` does not show."""


def message_json(shown: Shown, select: Iterable[str] = (), hidden: frozenset[str] = frozenset()) -> Json:
    """Return a message: the selected fields, or those that come by themselves. `hidden` ones never come."""
    wanted = [name for name in select if name not in hidden and name not in {"id", "attachments"}]
    if unknown := set(wanted) - FIELDS.keys() - ON_SELECT.keys() - {"changeKey", "@odata.etag"}:
        raise bad_request(
            f"Could not find a property named '{min(unknown)}' on type 'Microsoft.OutlookServices.Message'.",
            "RequestBroker--ParseUri",
        )
    names = wanted or ([] if list(select) else [name for name in FIELDS if name not in hidden])
    made: Json = {"@odata.etag": f'W/"{FIELDS["changeKey"](shown)}"', "id": shown.id}
    made |= {name: FIELDS.get(name, ON_SELECT.get(name, FIELDS["changeKey"]))(shown) for name in names}
    return made


def extended_properties(mail: Mail) -> dict[str, str]:
    """Return MAPI's own properties of a message: PidTagInReplyToId and PidTagInternetReferences."""
    found = {
        "String 0x1042": header_of(mail.parsed, "In-Reply-To"),
        "String 0x1039": header_of(mail.parsed, "References"),
    }
    return {id_: value for id_, value in found.items() if value}


def attachments_of(shown: Shown) -> list[Json]:
    """Return a message's attachments, files with their content."""
    made = [_attachment(shown, number, part) for number, part in enumerate(attached(shown.message))]
    for number, link in enumerate(shown.mail.links):
        made.append({
            "@odata.type": "#microsoft.graph.referenceAttachment",
            "id": f"{shown.id}-link{number}",
            "lastModifiedDateTime": stamp(shown.mail.modified),
            "name": link.name,
            "contentType": None,
            "size": 380,
            "isInline": False,
        })  # fmt: skip
    return made


def cut(attachments: Iterable[Json], select: Sequence[str]) -> list[Json]:
    """Return of attachments what is selected; a cast before a field's name counts for nothing."""
    if not select:
        return list(attachments)
    kept = {*(name.rpartition("/")[2] for name in select), "@odata.type", "@odata.mediaContentType", "id"}
    return [{name: value for name, value in one.items() if name in kept} for one in attachments]


def attachment_content(shown: Shown, id_: str) -> tuple[str, bytes] | None:
    """Return the type and octets of a file or of an attached message; None: there are none by this id."""
    for number, part in enumerate(attached(shown.message)):
        if id_ == f"{shown.id}-part{number}":
            if part.get_content_type() == "message/rfc822":
                inner = next(children(part), None)
                return "message/rfc822", inner.as_bytes() if inner else b""
            return part.get_content_type(), content(part, utf8=False)
    return None


def _attachment(shown: Shown, number: int, part: Message) -> Json:
    item = part.get_content_type() == "message/rfc822"
    data = content(part, utf8=False)
    made: Json = {
        "@odata.type": f"#microsoft.graph.{'item' if item else 'file'}Attachment",
        "id": f"{shown.id}-part{number}",
        "lastModifiedDateTime": stamp(shown.mail.modified),
        "name": filename(part),
        "contentType": None if item else part.get_content_type(),
        "size": len(data),
        "isInline": is_inline(part),
    }
    if not item:
        id_ = str(part.get("Content-ID") or "").strip("<>") or None
        made |= {"contentId": id_, "contentLocation": None, "contentBytes": base64.b64encode(data).decode()}
        made["@odata.mediaContentType"] = part.get_content_type()
    return made


def item_of(shown: Shown, id_: str) -> Json | None:
    """Return an attached message as `$expand=microsoft.graph.itemAttachment/item` does."""
    found = attachment_content(shown, id_)
    if found is None or found[0] != "message/rfc822":
        return None
    inner = shown.mail.__class__(
        0, found[1], shown.mail.folder, shown.mail.received, id_, id_, "", shown.mail.created, shown.mail.modified
    )
    made = message_json(Shown(shown.mailbox, inner, shown.prefer))
    return {
        "@odata.type": "#microsoft.graph.message",
        **{name: value for name, value in made.items() if name not in {"parentFolderId", "conversationId"}},
    }


def address_line(one: Json) -> str:
    """Return a recipient as a header has it."""
    said = one.get("emailAddress") or {}
    return formataddr((said.get("name") or "", said.get("address") or ""))
