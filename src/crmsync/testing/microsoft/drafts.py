"""Drafts: Graph's JSON to octets, and what else is written to a mailbox.

https://learn.microsoft.com/en-us/graph/api/resources/message
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from ..web.mail import content, header_of
from .bodies import attached, filename, is_inline, plain_of, text_parts
from .mail_items import Link, Mail
from .messages import address_line, recipients
from .routes import Call
from .wire import Json, Problem, bad_request

LARGE = 3_000_000
"""Octets; a larger attachment needs an upload session."""
_HEADERS = {"String 0x1042": "In-Reply-To", "String 0x1039": "References", "String 0x1035": "Message-ID"}
"""Extended properties that are headers (MS-OXPROPS)."""
CONTENT = frozenset({
    "subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender",
    "internetMessageId", "internetMessageHeaders", "singleValueExtendedProperties",
})  # fmt: skip
"""Fields that only a draft may change."""


def written_mail(call: Call) -> tuple[bytes, list[Link]]:
    """Return the octets of a message that a request holds, as JSON or as MIME, and its links.

    Raises:
        Problem: it is neither.
    """
    if call.request.headers.get("content-type", "").startswith("text/plain"):
        try:
            return base64.b64decode(call.request.body, validate=False), []
        except binascii.Error:
            raise bad_request(
                "Invalid base64 string for MIME content.", "ErrorMimeContentInvalidBase64String"
            ) from None
    return octets(call, call.request.json())


def octets(
    call: Call, fields: Json, files: Iterable[EmailMessage] = (), headers: Json | None = None
) -> tuple[bytes, list[Link]]:
    """Write a message out of Graph's JSON.

    Args:
        call: the request, for whose mailbox and moment it is.
        fields: the JSON.
        files: attachments that it has already.
        headers: further headers.
    """
    made = EmailMessage(policy=SMTP)
    sender = fields.get("from") or fields.get("sender")
    made["From"] = address_line(sender) if sender else _own(call)
    for name, field in (
        ("To", "toRecipients"),
        ("Cc", "ccRecipients"),
        ("Bcc", "bccRecipients"),
        ("Reply-To", "replyTo"),
    ):
        line = ", ".join(address_line(one) for one in fields.get(field) or ())
        if line:
            made[name] = line
    made["Subject"] = " ".join(str(fields.get("subject") or "").split())
    made["Date"] = format_datetime(datetime.fromtimestamp(call.now, UTC))
    said = _headers(call, fields, headers or {})
    for name, value in said.items():
        if value:
            made[name] = " ".join(str(value).split())
    body = fields.get("body") or {}
    text = str(body.get("content") or "")
    if str(body.get("contentType", "text")).lower() == "html":
        made.set_content(plain_of(text) + "\n")
        made.add_alternative(text, subtype="html")
    else:
        made.set_content(text)
    parts = [*(attachment_part(one) for one in fields.get("attachments") or ()), *files]
    if any(not isinstance(part, Link) for part in parts):
        made.make_mixed()
    for part in parts:
        if not isinstance(part, Link):
            made.attach(part)
    return made.as_bytes(), [part for part in parts if isinstance(part, Link)]


def _headers(call: Call, fields: Json, headers: Json) -> Json:
    said: Json = {"Message-ID": fields.get("internetMessageId"), **headers}
    for one in fields.get("singleValueExtendedProperties") or ():
        if one.get("id") in _HEADERS:
            said[_HEADERS[one["id"]]] = one.get("value")
    for one in fields.get("internetMessageHeaders") or ():
        if not str(one.get("name", "")).lower().startswith("x-"):
            raise bad_request(
                f"The internet message header name '{one.get('name')}' should start with 'x-' or 'X-'.",
                "InvalidInternetMessageHeader",
            )
        said[str(one["name"])] = one.get("value")
    number = len(call.server.log) + 1
    said["Message-ID"] = (
        said["Message-ID"] or f"<AM{number:08d}{call.account.mailbox.revision}@loopback.prod.outlook.com>"
    )
    return said


def attachment_part(fields: Json) -> EmailMessage | Link:
    """Return an attachment out of Graph's JSON.

    Raises:
        Problem: it is none, or too large.
    """
    kind = str(fields.get("@odata.type", "")).rpartition(".")[2]
    name = fields.get("name")
    if kind not in {"fileAttachment", "itemAttachment", "referenceAttachment"} or not isinstance(name, str):
        raise bad_request("The property 'attachments' is required in the request.", "ErrorInvalidArgument")
    if kind == "referenceAttachment":
        return Link(name, str(fields.get("sourceUrl", "")))
    part = EmailMessage(policy=SMTP)
    if kind == "itemAttachment":
        inner = EmailMessage(policy=SMTP)
        item = fields.get("item") or {}
        inner["Subject"] = str(item.get("subject") or "")
        inner.set_content(str((item.get("body") or {}).get("content") or ""))
        part.set_content(inner)
        return part
    try:
        data = base64.b64decode(str(fields.get("contentBytes") or ""), validate=True)
    except binascii.Error:
        raise bad_request("Cannot convert the literal to the expected type 'Edm.Binary'.", "RequestBodyRead") from None
    if len(data) > LARGE:
        raise Problem(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
    return file_part(name, data, fields)


def file_part(name: str, data: bytes, fields: Json) -> EmailMessage:
    """Return a file as a part."""
    kind, _, subtype = str(fields.get("contentType") or "application/octet-stream").partition("/")
    part = EmailMessage(policy=SMTP)
    inline = bool(fields.get("isInline"))
    shown = "inline" if inline else "attachment"
    part.set_content(data, maintype=kind, subtype=subtype or "octet-stream", filename=name, disposition=shown)
    if fields.get("contentId"):
        part["Content-ID"] = f"<{fields['contentId']}>"
    return part


def as_fields(mail: Mail) -> Json:
    """Return what of a draft is written anew when a part of it changes."""
    message = mail.parsed
    plain, html = text_parts(message)
    kind, text = ("html", html) if html is not None else ("text", plain or "")
    own = recipients(message, "From")
    return {
        "from": own[0] if own else None,
        "toRecipients": recipients(message, "To"),
        "ccRecipients": recipients(message, "Cc"),
        "bccRecipients": recipients(message, "Bcc"),
        "replyTo": recipients(message, "Reply-To"),
        "subject": header_of(message, "Subject"),
        "body": {"contentType": kind, "content": text},
    }


def parts_of(mail: Mail) -> list[EmailMessage]:
    """Return a message's attachments as parts to attach again."""
    made = []
    for part in attached(mail.parsed):
        fields = {
            "contentType": part.get_content_type(),
            "isInline": is_inline(part),
            "contentId": str(part.get("Content-ID") or "").strip("<>"),
        }
        made.append(file_part(filename(part), content(part, utf8=False), fields))
    return made


def kept_headers(mail: Mail) -> Json:
    """Return the headers that a changed draft keeps."""
    message = mail.parsed
    names = [
        "Message-ID",
        "In-Reply-To",
        "References",
        *(name for name, _ in message.items() if name.lower().startswith("x-")),
    ]
    return {name: str(message[name]) for name in names if name in message}


def rewritten(call: Call, mail: Mail, changed: Json, more: Iterable[EmailMessage] = ()) -> None:
    """Change a draft's content."""
    fields = {**as_fields(mail), **{name: value for name, value in changed.items() if name in CONTENT}}
    raw, links = octets(call, fields, [*parts_of(mail), *more], kept_headers(mail))
    mail.links += links
    call.account.mailbox.rewrite(mail, raw)


def _own(call: Call) -> str:
    return address_line({"emailAddress": {"name": call.account.name, "address": call.account.address}})


def parsed_json(body: bytes) -> Any:
    """Return a body's JSON, an empty object where there is no body."""
    return json.loads(body or b"{}")
