"""Writing mail: drafts, sending, replies, moving: https://learn.microsoft.com/en-us/graph/api/user-sendmail."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..web.mail import header_of, parsed
from . import drafts
from .account import Account
from .drafts import CONTENT, attachment_part, octets, rewritten, written_mail
from .folders import folder_of
from .mail_api import mail_of, shown_of, whole
from .mail_items import Link, Mail
from .messages import attachments_of, message_json, recipients
from .permissions import MAIL_SEND, MAIL_WRITE
from .routes import Call, Route
from .wire import Json, Problem, Request, Response, answer, bad_request, not_found, stamp

if TYPE_CHECKING:
    from .server import MicrosoftServer

_BCC = re.compile(rb"^Bcc:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n", re.IGNORECASE | re.MULTILINE)
SESSION_LIFETIME = 7 * 86_400
LARGEST_CHUNK = 4 * 1024 * 1024


@dataclass
class Session:
    """An upload of one large attachment."""

    account: Account
    mail: Mail
    name: str
    size: int
    fields: Json
    expires: float
    data: bytes = b""


# -- drafts


def _create(call: Call) -> Json:
    folder = folder_of(call, call.path.get("folder", "drafts"))
    raw, links = written_mail(call)
    mail = call.account.mailbox.add(raw, folder, read=True, draft=True, links=links)
    if not call.request.headers.get("content-type", "").startswith("text/plain"):
        _mark(call, mail, call.request.json())
    return whole(call, mail)


def _mark(call: Call, mail: Mail, fields: Json) -> None:
    mailbox = call.account.mailbox
    if isinstance(fields.get("isRead"), bool):
        mailbox.mark(mail, read=fields["isRead"])
    if isinstance(fields.get("flag"), dict):
        mailbox.mark(mail, flag=str(fields["flag"].get("flagStatus", "notFlagged")))
    if isinstance(fields.get("categories"), list):
        mailbox.categorize(mail, *fields["categories"])
    if fields.get("importance") in {"low", "normal", "high"}:
        mail.importance = fields["importance"]


def _update(call: Call) -> Json:
    mail, fields = mail_of(call), call.request.json()
    if CONTENT & fields.keys():
        # From 2026-12-31 on a message that is no draft needs this permission for it.
        if not mail.is_draft and "Mail-Advanced.ReadWrite" not in call.token.scopes:
            raise Problem(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        rewritten(call, mail, fields)
    _mark(call, mail, fields)
    return whole(call, mail)


def _delete(call: Call) -> None:
    call.account.mailbox.remove(mail_of(call))


def _move(call: Call) -> Json:
    mail = mail_of(call)
    moved = call.account.mailbox.move(mail, folder_of(call, str(call.request.json().get("destinationId", ""))))
    return whole(call, moved)


def _copy(call: Call) -> Json:
    mail = mail_of(call)
    folder = folder_of(call, str(call.request.json().get("destinationId", "")))
    mailbox = call.account.mailbox
    return whole(call, mailbox.add(mail.raw, folder, received=mail.received, read=mail.is_read, draft=mail.is_draft))


def _attach(call: Call) -> Json:
    mail, part = mail_of(call), attachment_part(call.request.json())
    if isinstance(part, Link):
        mail.links.append(part)
        call.account.mailbox.rewrite(mail, mail.raw)
    else:
        rewritten(call, mail, {}, [part])
    files = attachments_of(shown_of(call, mail))
    return files[-1] if isinstance(part, Link) or not mail.links else files[-1 - len(mail.links)]


# -- sending


def _send_mail(call: Call) -> Response:
    if call.request.headers.get("content-type", "").startswith("text/plain"):
        raw, links = written_mail(call)
        saved = True
    else:
        said = {name[:1].lower() + name[1:]: value for name, value in call.request.json().items()}
        if not isinstance(said.get("message"), dict):
            raise bad_request("The parameter 'message' is required.", "ErrorInvalidArgument")
        raw, links = octets(call, said["message"])
        saved = said.get("saveToSentItems", True) not in {False, "false"}
    _leave(call, raw, links, None, saved=saved)
    return Response(202)


def _send(call: Call) -> Response:
    mail = mail_of(call)
    if not mail.is_draft:
        raise bad_request("The message is not a draft.", "ErrorInvalidOperation")
    _leave(call, mail.raw, mail.links, mail, saved=True)
    return Response(202)


def _leave(call: Call, raw: bytes, links: list[Link], draft: Mail | None, *, saved: bool) -> None:
    """Let a message go to its recipients, and keep the copies that Exchange keeps."""
    message = parsed(raw)
    found = [one["emailAddress"]["address"] for name in ("To", "Cc", "Bcc") for one in recipients(message, name)]
    if not found:
        raise bad_request("At least one recipient is not valid.", "ErrorInvalidRecipients")
    raw = _from_checked(call, raw, recipients(message, "From"))
    server, owner = call.server, call.account
    sender = server.accounts.get(call.token.address or "") or owner
    for address in dict.fromkeys(one.lower() for one in found):
        for account in server.accounts.values():
            if address in account.addresses and account.licensed:
                account.mailbox.add(_BCC.sub(b"", raw), account.mailbox.folder("inbox"), links=links)
    here = sender is owner or owner.copies_for_delegates
    if draft is not None:
        if here and saved:
            owner.mailbox.rewrite(draft, raw)
            draft.is_draft = False
            draft.received = call.now if draft.folder.well_known is None else draft.received
            owner.mailbox.move(draft, "sentitems")
        else:
            owner.mailbox.remove(draft)
    elif here and saved:
        owner.mailbox.add(raw, owner.mailbox.folder("sentitems"), read=True, links=links)
    if sender is not owner and saved:
        # The copy of what is sent for a shared mailbox lands with the person: https://github.com/zammad/zammad/issues/5567
        sender.mailbox.add(raw, sender.mailbox.folder("sentitems"), read=True, links=links)


def _from_checked(call: Call, raw: bytes, said: list[Json]) -> bytes:
    address = said[0]["emailAddress"]["address"].lower() if said else ""
    server, owner = call.server, call.account
    sender = server.accounts.get(call.token.address or "") or owner
    if sender is not owner and sender.address not in owner.senders:
        raise _send_as_denied()
    if address and address not in owner.addresses:
        other = server.find_account(address)
        if other is None or sender.address not in other.senders:
            raise _send_as_denied()
    if address in owner.addresses and address != owner.address.lower() and not owner.sends_from_aliases:
        # Without a setting of the organization an alias is replaced by the mailbox's own address.
        return re.sub(
            rb"^(From:[^\r\n]*?)" + re.escape(address.encode()), rb"\g<1>" + owner.address.encode(), raw,
            count=1, flags=re.IGNORECASE | re.MULTILINE,
        )  # fmt: skip
    return raw


def _send_as_denied() -> Problem:
    said = "The user account which was used to submit this request does not have the right to send mail on behalf of "
    return Problem(403, "ErrorSendAsDenied", said + "the specified sending account.")


# -- replies


def _answering(how: str) -> Callable[[Call], Json]:
    def create(call: Call) -> Json:
        return whole(call, _drafted(call, how))

    return create


def _answering_at_once(how: str) -> Callable[[Call], Response]:
    def send(call: Call) -> Response:
        draft = _drafted(call, how)
        _leave(call, draft.raw, draft.links, draft, saved=True)
        return Response(202)

    return send


def _drafted(call: Call, how: str) -> Mail:
    origin, said = mail_of(call), drafts.parsed_json(call.request.body)
    shown = message_json(shown_of(call, origin), ["subject", "body", "from", "toRecipients", "ccRecipients", "replyTo"])
    people = shown["replyTo"] or ([shown["from"]] if shown["from"] else [])
    others = [
        one for one in shown["toRecipients"] if one["emailAddress"]["address"].lower() not in call.account.addresses
    ]
    own = header_of(origin.parsed, "Message-ID")
    above = " ".join(text for text in (header_of(origin.parsed, "References"), own) if text)
    fields: Json = {
        "subject": _titled(how, shown["subject"] or ""),
        "toRecipients": [] if how == "forward" else [*people, *(others if how == "replyAll" else [])],
        "ccRecipients": shown["ccRecipients"] if how == "replyAll" else [],
        "body": {**shown["body"], "content": f"{said.get('comment', '')}\n\n{_quoted(shown['body'])}"},
        **{name: value for name, value in (said.get("message") or {}).items() if value is not None},
    }  # fmt: skip
    if how == "forward" and said.get("toRecipients"):
        fields["toRecipients"] = said["toRecipients"]
    headers = {"In-Reply-To": own, "References": above} if how != "forward" else {"References": above}
    raw, links = octets(call, fields, drafts.parts_of(origin) if how == "forward" else (), headers)
    mailbox = call.account.mailbox
    return mailbox.add(raw, mailbox.folder("drafts"), read=True, draft=True, links=links)


def _titled(how: str, subject: str) -> str:
    mark = "FW: " if how == "forward" else "RE: "
    return subject if subject.lower().startswith(mark.lower()) else f"{mark}{subject}"


def _quoted(body: Json) -> str:
    line = "________________________________"
    text = body["content"]
    return f"<hr><div id=divRplyFwdMsg>{text}</div>" if body["contentType"] == "html" else f"{line}\n{text}"


# -- uploads: https://learn.microsoft.com/en-us/graph/outlook-large-attachments


def _create_session(call: Call) -> Json:
    mail, item = mail_of(call), call.request.json().get("AttachmentItem") or call.request.json().get("attachmentItem")
    if not isinstance(item, dict) or not isinstance(item.get("size"), int) or not item.get("name"):
        raise bad_request("The parameter 'AttachmentItem' is required.", "ErrorInvalidArgument")
    if item["size"] <= drafts.LARGE:
        raise bad_request(
            "The attachment is too small for a session.", "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"
        )
    if item["size"] > 150_000_000:
        raise Problem(413, "ErrorAttachmentSizeLimitExceeded", "The attachment is too large.")
    token = secrets.token_urlsafe(24)
    session = Session(call.account, mail, str(item["name"]), item["size"], item, call.now + SESSION_LIFETIME)
    call.server.uploads[token] = session
    return {
        "@odata.context": f"{call.server.url}/v1.0/$metadata#microsoft.graph.uploadSession",
        "uploadUrl": f"{call.server.url}/upload/{token}",
        "expirationDateTime": stamp(session.expires),
        "nextExpectedRanges": ["0-"],
    }


def uploaded(server: MicrosoftServer, request: Request, token: str) -> Response:
    """Answer a part of an upload. Its URL is its only credential."""
    session, now = server.uploads.get(token), server.clock()
    if session is None or session.expires <= now:
        return not_found("The upload session was not found.").response(request, now)
    if request.method in {"GET", "DELETE"}:
        if request.method == "DELETE":
            del server.uploads[token]
        return answer(_expected(session) if request.method == "GET" else None)
    wrong = _wrong_part(session, request)
    if wrong:
        return wrong.response(request, now)
    session.data += request.body
    if len(session.data) < session.size:
        return answer(_expected(session))
    del server.uploads[token]
    part = drafts.file_part(session.name, session.data, session.fields)
    call = Call(
        server, request, session.account, server.owner_token(session.account), {}, f"/users/{session.account.id}", now
    )
    rewritten(call, session.mail, {}, [part])
    made = attachments_of(shown_of(call, session.mail))[-1]
    return Response(201, {"Location": call.url(f"messages/{session.mail.id}/attachments/{made['id']}")})


def _wrong_part(session: Session, request: Request) -> Problem | None:
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers.get("content-range", ""))
    begin, end, size = (int(number) for number in match.groups()) if match else (-1, -1, -1)
    if begin != len(session.data) or end - begin + 1 != len(request.body) or size != session.size or end >= size:
        return Problem(416, "ErrorInvalidRange", "The range is not the one that is expected.")
    if len(request.body) > LARGEST_CHUNK:
        return Problem(413, "ErrorMessageSizeExceeded", "A part is at most 4 MB.")
    return None


def _expected(session: Session) -> Json:
    return {"expirationDateTime": stamp(session.expires), "nextExpectedRanges": [f"{len(session.data)}-"]}


_MESSAGE = "messages/{message}"

ROUTES = [
    Route("messages.create", "POST", "messages", MAIL_WRITE, _create),
    Route("messages.create", "POST", "mailFolders/{folder}/messages", MAIL_WRITE, _create),
    Route("messages.update", "PATCH", _MESSAGE, MAIL_WRITE, _update),
    Route("messages.update", "PATCH", f"mailFolders/{{folder}}/{_MESSAGE}", MAIL_WRITE, _update),
    Route("messages.delete", "DELETE", _MESSAGE, MAIL_WRITE, _delete),
    Route("messages.move", "POST", f"{_MESSAGE}/move", MAIL_WRITE, _move),
    Route("messages.copy", "POST", f"{_MESSAGE}/copy", MAIL_WRITE, _copy),
    Route("messages.send", "POST", f"{_MESSAGE}/send", MAIL_SEND, _send),
    Route("messages.createReply", "POST", f"{_MESSAGE}/createReply", MAIL_WRITE, _answering("reply")),
    Route("messages.createReplyAll", "POST", f"{_MESSAGE}/createReplyAll", MAIL_WRITE, _answering("replyAll")),
    Route("messages.createForward", "POST", f"{_MESSAGE}/createForward", MAIL_WRITE, _answering("forward")),
    Route("messages.reply", "POST", f"{_MESSAGE}/reply", MAIL_SEND, _answering_at_once("reply")),
    Route("messages.replyAll", "POST", f"{_MESSAGE}/replyAll", MAIL_SEND, _answering_at_once("replyAll")),
    Route("messages.forward", "POST", f"{_MESSAGE}/forward", MAIL_SEND, _answering_at_once("forward")),
    Route("messages.attachments.create", "POST", f"{_MESSAGE}/attachments", MAIL_WRITE, _attach),
    Route(
        "messages.attachments.createUploadSession", "POST", f"{_MESSAGE}/attachments/createUploadSession", MAIL_WRITE,
        _create_session,
    ),
    Route("sendMail", "POST", "sendMail", MAIL_SEND, _send_mail),
]  # fmt: skip
