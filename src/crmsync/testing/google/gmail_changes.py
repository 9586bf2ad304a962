"""What Gmail's API changes: sending, labels, trash, deleting, watches."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, getaddresses, parseaddr

from ..web.mail import header_of, parsed
from ..web.multipart import split_parts
from .compose import decoded_octets
from .mailbox import SYSTEM_LABELS, Mail, Mailbox, Watch, same_subject
from .routes import Call, Route
from .scopes import GMAIL_ALL, GMAIL_INSERT, GMAIL_LABELS, GMAIL_META, GMAIL_SEND, GMAIL_WRITE
from .wire import Json, invalid, not_found

WEEK = 7 * 86_400


def uploaded(call: Call, *, within: str | None = None) -> tuple[bytes, str | None, list[str]]:
    """Return a message that comes in, its thread and labels: in JSON as `raw`, as itself, or as both in two parts.

    `within` is the field that holds it, as a draft's does.
    """
    kind = call.request.headers.get("content-type", "")
    if kind.startswith("message/rfc822"):
        return call.request.body, None, []
    if kind.startswith("multipart/related"):
        parts = split_parts(kind, call.request.body)
        if len(parts) != 2:
            raise invalid("Malformed multipart body.")
        fields, raw = json.loads(parts[0][1] or b"{}"), parts[1][1]
        fields = fields.get(within, {}) if within else fields
        return raw, fields.get("threadId"), fields.get("labelIds", [])
    fields = call.request.json()
    fields = fields.get(within, {}) if within else fields
    if "raw" not in fields:
        raise invalid("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
    try:
        raw = decoded_octets(str(fields["raw"]))
    except ValueError:
        raise invalid("Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed") from None
    return raw, fields.get("threadId"), fields.get("labelIds", [])


def _send(call: Call) -> Json:
    raw, thread, _ = uploaded(call)
    return short(submitted(call, raw, thread))


def submitted(call: Call, raw: bytes, thread: str | None) -> Mail:
    """Let a message go out, and return the copy in Sent. What is sent to oneself lies in the inbox too."""
    mailbox, message = call.account.mailbox, parsed(raw)
    everyone = [a for name in ("To", "Cc", "Bcc") for _, a in getaddresses([header_of(message, name)]) if a]
    if not everyone:
        raise invalid("Recipient address required")
    if any("@" not in address for address in everyone):
        raise invalid("Invalid To header")
    mails = mailbox.thread(thread) if thread else []
    if thread and not mails:
        raise not_found()
    author = parseaddr(header_of(message, "From"))[1].lower()
    if author != mailbox.address and mailbox.aliases.get(author) != "accepted":
        # Gmail does not refuse: it sends as the account.
        raw = _with_header(raw, "From", mailbox.address)
    given = header_of(message, "Message-ID")
    if not given or not mailbox.keeps_message_id:
        raw = _with_header(raw, "X-Google-Original-Message-ID", given) if given else raw
        raw = _with_header(raw, "Message-ID", f"<CA+{mailbox.history:x}@mail.gmail.com>")
    if not header_of(message, "Date"):
        raw = _with_header(raw, "Date", format_datetime(datetime.fromtimestamp(call.now, UTC)))
    referred = header_of(message, "References") + header_of(message, "In-Reply-To")
    known = {header_of(mail.parsed, "Message-ID") for mail in mails}
    joins = any(i and i in referred for i in known) and same_subject(mails[-1].parsed, message)
    own = {mailbox.address, *mailbox.aliases}.intersection(address.lower() for address in everyone)
    labels = ["SENT", "INBOX", "UNREAD"] if own else ["SENT"]
    sent = mailbox.deliver(raw, labels=labels, thread=thread if joins else None)
    delivered = _with_header(raw, "Bcc", None)
    for address in dict.fromkeys(a.lower() for a in everyone):
        other = call.account.neighbour(address)
        if other is not None and other is not mailbox:
            other.deliver(delivered, received=datetime.fromtimestamp(call.now, UTC))
    return mailbox.mails[sent]


def _with_header(raw: bytes, name: str, value: str | None) -> bytes:
    """Return the octets with a header replaced, added or taken out."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    if not gap:
        head, gap, body = raw.partition(b"\n\n")
    kept: list[bytes] = []
    for line in head.splitlines():
        folded = line[:1] in b" \t" and bool(line)
        if not folded:
            skipping = line.lower().startswith(name.lower().encode() + b":")
        if not skipping:
            kept.append(line)
    if value is not None:
        kept.insert(0, f"{name}: {value}".encode())
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


def _insert(call: Call) -> Json:
    raw, thread, labels = uploaded(call)
    mailbox = call.account.mailbox
    mail = mailbox.mails[mailbox.deliver(raw, labels=labels, thread=thread)]
    return {"id": mail.id, "threadId": mail.thread, "labelIds": sorted(mail.labels)}


def _found(mailbox: Mailbox, id_: str) -> Mail:
    if id_ not in mailbox.mails:
        raise not_found()
    return mailbox.mails[id_]


def short(mail: Mail) -> Json:
    """Return what an answer to a change says of a message."""
    return {"id": mail.id, "threadId": mail.thread, **({"labelIds": sorted(mail.labels)} if mail.labels else {})}


def _known_labels(mailbox: Mailbox, names: list[str]) -> list[str]:
    for name in names:
        if name not in SYSTEM_LABELS and name not in mailbox.labels:
            raise invalid(f"Invalid label: {name}")
    return names


def _modify(call: Call) -> Json:
    mailbox, fields = call.account.mailbox, call.request.json()
    mail = _found(mailbox, call.id)
    add = _known_labels(mailbox, fields.get("addLabelIds", []))
    mailbox.label(mail.id, add=add, remove=_known_labels(mailbox, fields.get("removeLabelIds", [])))
    return short(mail)


def _batch_modify(call: Call) -> None:
    mailbox, fields = call.account.mailbox, call.request.json()
    add = _known_labels(mailbox, fields.get("addLabelIds", []))
    remove = _known_labels(mailbox, fields.get("removeLabelIds", []))
    for id_ in fields.get("ids", []):
        if id_ in mailbox.mails:
            mailbox.label(id_, add=add, remove=remove)


def _trash(call: Call) -> Json:
    mail = _found(call.account.mailbox, call.id)
    call.account.mailbox.trash(mail.id)
    return short(mail)


def _untrash(call: Call) -> Json:
    mail = _found(call.account.mailbox, call.id)
    call.account.mailbox.untrash(mail.id)
    return short(mail)


def _delete(call: Call) -> None:
    call.account.mailbox.remove(_found(call.account.mailbox, call.id).id)


def _make_label(call: Call) -> Json:
    name = call.request.json().get("name")
    if not name:
        raise invalid("Invalid label name")
    id_ = call.account.mailbox.make_label(str(name))
    return {
        "id": id_,
        "name": name,
        "type": "user",
        "messageListVisibility": "show",
        "labelListVisibility": "labelShow",
    }


def _change_thread(change: Callable[[Mailbox, str], None]) -> Callable[[Call], Json]:
    def handler(call: Call) -> Json:
        mailbox = call.account.mailbox
        mails = mailbox.thread(call.id)
        if not mails:
            raise not_found()
        for mail in mails:
            change(mailbox, mail.id)
        return {"id": call.id, "messages": [short(mail) for mail in mailbox.thread(call.id)]}

    return handler


def _modify_thread(call: Call) -> Json:
    fields = call.request.json()
    add = _known_labels(call.account.mailbox, fields.get("addLabelIds", []))
    remove = _known_labels(call.account.mailbox, fields.get("removeLabelIds", []))
    return _change_thread(lambda mailbox, id_: mailbox.label(id_, add=add, remove=remove))(call)


def _own_label(call: Call) -> str:
    if call.id in SYSTEM_LABELS:
        raise invalid("Invalid delete request" if call.request.method == "DELETE" else "Cannot update system labels")
    if call.id not in call.account.mailbox.labels:
        raise not_found()
    return call.id


def _rename_label(call: Call) -> Json:
    id_, name = _own_label(call), call.request.json().get("name")
    if name:
        call.account.mailbox.rename_label(id_, str(name))
    return {"id": id_, "name": call.account.mailbox.labels[id_].name, "type": "user"}


def _remove_label(call: Call) -> None:
    call.account.mailbox.remove_label(_own_label(call))


def _watch(call: Call) -> Json:
    fields, mailbox = call.request.json(), call.account.mailbox
    topic = str(fields.get("topicName", ""))
    if not topic.startswith("projects/") or "/topics/" not in topic:
        raise invalid("Invalid topicName does not match projects/*/topics/*")
    behavior = fields.get("labelFilterBehavior") or fields.get("labelFilterAction") or "include"
    labels = frozenset(_known_labels(mailbox, fields.get("labelIds", [])))
    mailbox.watch = Watch(topic, labels, exclude=behavior.lower() == "exclude", expires=call.now + WEEK)
    return {"historyId": str(mailbox.history), "expiration": str(int((call.now + WEEK) * 1000))}


def _stop(call: Call) -> None:
    call.account.mailbox.watch = None


def _route(
    name: str,
    verb: str,
    path: str,
    scopes: frozenset[str],
    handler: Callable[[Call], Json | None],
    *,
    upload: bool = False,
) -> Route:
    allowed = frozenset({"internalDateSource", "deleted"} if name == "messages.insert" else ())
    return Route(
        f"gmail.users.{name}", verb, f"gmail/v1/users/{{userId}}/{path}", scopes, handler, allowed, upload=upload
    )


CHANGES: list[Route] = [
    _route("messages.send", "POST", "messages/send", GMAIL_SEND, _send, upload=True),
    _route("messages.insert", "POST", "messages", GMAIL_INSERT, _insert, upload=True),
    _route("messages.batchModify", "POST", "messages/batchModify", GMAIL_WRITE, _batch_modify),
    _route("messages.modify", "POST", "messages/{id}/modify", GMAIL_WRITE, _modify),
    _route("messages.trash", "POST", "messages/{id}/trash", GMAIL_WRITE, _trash),
    _route("messages.untrash", "POST", "messages/{id}/untrash", GMAIL_WRITE, _untrash),
    _route("messages.delete", "DELETE", "messages/{id}", GMAIL_ALL, _delete),
    _route("threads.modify", "POST", "threads/{id}/modify", GMAIL_WRITE, _modify_thread),
    _route("threads.trash", "POST", "threads/{id}/trash", GMAIL_WRITE, _change_thread(Mailbox.trash)),
    _route("threads.untrash", "POST", "threads/{id}/untrash", GMAIL_WRITE, _change_thread(Mailbox.untrash)),
    _route("labels.patch", "PATCH", "labels/{id}", GMAIL_LABELS - GMAIL_META | GMAIL_WRITE, _rename_label),
    _route("labels.update", "PUT", "labels/{id}", GMAIL_LABELS - GMAIL_META | GMAIL_WRITE, _rename_label),
    _route("labels.delete", "DELETE", "labels/{id}", GMAIL_LABELS - GMAIL_META | GMAIL_WRITE, _remove_label),
    _route("labels.create", "POST", "labels", GMAIL_LABELS - GMAIL_META | GMAIL_WRITE, _make_label),
    _route("watch", "POST", "watch", GMAIL_META, _watch),
    _route("stop", "POST", "stop", GMAIL_META, _stop),
]
