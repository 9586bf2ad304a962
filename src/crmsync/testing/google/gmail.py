"""Gmail's API, version 1, over a `Mailbox`: https://developers.google.com/workspace/gmail/api/reference/rest."""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator

from ..web.mail import content
from .compose import decoded_octets, encoded, part_of, payload, snippet
from .gmail_changes import CHANGES
from .gmail_drafts import DRAFTS
from .mailbox import SYSTEM_LABELS, HistoryRecord, Mail, Mailbox
from .routes import Call, Route
from .scopes import GMAIL_LABELS, GMAIL_META, GMAIL_READ, GMAIL_SETTINGS, METADATA_ONLY
from .search import matcher, reaches_everywhere
from .wire import Json, Problem, invalid, not_found

_attachment_serial = iter(range(1 << 62))


def message_json(mailbox: Mailbox, mail: Mail, form: str, headers: list[str]) -> Json:
    """Return a message in a format: `full`, `metadata`, `minimal` or `raw`."""
    made: Json = {"id": mail.id, "threadId": mail.thread}
    if mail.labels:
        made["labelIds"] = sorted(mail.labels)
    made |= {
        "snippet": snippet(mail.parsed),
        "sizeEstimate": len(mail.raw),
        "historyId": str(mail.history),
        "internalDate": str(mail.internal),
    }
    if form == "raw":
        made["raw"] = encoded(mail.raw)
    elif form == "full":
        made["payload"] = payload(mail.parsed, lambda part: _attachment_id(mail.id, part), utf8=mailbox.utf8)
    elif form == "metadata":
        wanted = {name.lower() for name in headers}
        whole = payload(mail.parsed, lambda part: _attachment_id(mail.id, part))
        said = [h for h in whole["headers"] if not wanted or h["name"].lower() in wanted]
        made["payload"] = {"mimeType": whole["mimeType"], "headers": said}
    return made


def _attachment_id(message: str, part: str) -> str:
    # Another one in each answer, as Gmail does: only the part's number may be kept.
    secret = json.dumps([message, part, next(_attachment_serial)])
    return "ANGjdJ" + base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")


def _format(call: Call, allowed: tuple[str, ...]) -> str:
    form = call.request.one("format", "full").lower()
    if form not in allowed:
        raise invalid(f"Invalid value for format: {form!r}")
    if call.scopes <= METADATA_ONLY and form in {"full", "raw"}:
        raise Problem(403, "forbidden", "Metadata scope doesn't allow format FULL")
    return form


def _get_message(call: Call) -> Json:
    mail = call.account.mailbox.mails.get(call.id)
    if mail is None or not call.account.mailbox.shows(mail):
        raise not_found()
    form = _format(call, ("full", "metadata", "minimal", "raw"))
    return message_json(call.account.mailbox, mail, form, call.request.many("metadataHeaders"))


def _get_thread(call: Call) -> Json:
    mails = [mail for mail in call.account.mailbox.thread(call.id) if call.account.mailbox.shows(mail)]
    if not mails:
        raise not_found()
    form, headers = _format(call, ("full", "metadata", "minimal")), call.request.many("metadataHeaders")
    newest = max(mail.history for mail in mails)
    return {
        "id": call.id,
        "historyId": str(newest),
        "messages": [message_json(call.account.mailbox, mail, form, headers) for mail in mails],
    }


def _wanted(call: Call) -> Callable[[Mail], bool]:
    """Return what the parameters of a listing ask for."""
    request, mailbox = call.request, call.account.mailbox
    query, labels = request.one("q"), set(request.many("labelIds"))
    if query and call.scopes <= METADATA_ONLY:
        raise Problem(403, "forbidden", "Metadata scope does not support 'q' parameter")
    unknown = labels - set(SYSTEM_LABELS) - mailbox.labels.keys()
    if unknown:
        raise invalid(f"Invalid label: {min(unknown)}")
    test = matcher(query, mailbox, call.now)
    hidden = set() if request.flag("includeSpamTrash") or reaches_everywhere(query) else {"SPAM", "TRASH"}
    known = mailbox.is_indexed if query else lambda _: True
    return lambda mail: labels <= mail.labels and not hidden & mail.labels and known(mail) and test(mail)


def _digest(call: Call) -> str:
    request = call.request
    asked = [call.path, request.one("q"), request.many("labelIds"), request.flag("includeSpamTrash")]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]


def _newest_first(call: Call) -> Iterator[Mail]:
    """Yield what the listing holds after the page that its token names."""
    mailbox, token, wanted = call.account.mailbox, call.request.one("pageToken"), _wanted(call)
    below: tuple[int, str] | None = None
    if token:
        try:
            digest, internal, id_ = decoded_octets(token).decode().split(":")
            below = int(internal), id_
        except ValueError:
            raise invalid("Invalid pageToken") from None
        if digest != _digest(call):
            raise invalid("Invalid pageToken")
    for place in reversed(mailbox.order):
        if below is None or place < below:
            mail = mailbox.mails[place[1]]
            if wanted(mail):
                yield mail


def _list_messages(call: Call) -> Json:
    size = min(call.request.number("maxResults", 100, 500), call.account.mailbox.page_size)
    walk = _newest_first(call)
    mails = [mail for _, mail in zip(range(size), walk, strict=False)]
    answer: Json = {"resultSizeEstimate": len(mails)}
    if mails:
        answer["messages"] = [{"id": mail.id, "threadId": mail.thread} for mail in mails]
    if next(walk, None):
        last = mails[-1]
        answer["nextPageToken"] = encoded(f"{_digest(call)}:{last.internal}:{last.id}".encode())
        answer["resultSizeEstimate"] += 1
    return answer


def _list_threads(call: Call) -> Json:
    size = call.request.number("maxResults", 100, 500)
    mailbox = call.account.mailbox
    walk = _newest_first(call)
    found: dict[str, Mail] = {}
    token = None
    for mail in walk:
        if mailbox.thread(mail.thread)[-1] is not mail and mail.thread not in found:
            # It stands where its newest message does; one whose newest is filtered out stands here.
            newer = [m for m in mailbox.thread(mail.thread) if m.place > mail.place and _wanted(call)(m)]
            if newer:
                continue
        if mail.thread not in found and len(found) == size:
            last = list(found.values())[-1]
            token = encoded(f"{_digest(call)}:{last.internal}:{last.id}".encode())
            break
        found.setdefault(mail.thread, mail)
    threads = [
        {"id": id_, "snippet": snippet(mail.parsed), "historyId": str(max(m.history for m in mailbox.thread(id_)))}
        for id_, mail in found.items()
    ]
    answer: Json = {"resultSizeEstimate": len(threads)}
    if threads:
        answer["threads"] = threads
    return answer | ({"nextPageToken": token} if token else {})


def _list_history(call: Call) -> Json:
    mailbox, request = call.account.mailbox, call.request
    start = request.one("startHistoryId")
    if not start.isdecimal():
        raise invalid("Invalid value at 'start_history_id'" if start else "Missing required parameter: startHistoryId")
    if not mailbox.oldest <= int(start) <= mailbox.history:
        raise not_found()
    after = int(start)
    if request.one("pageToken"):
        if not request.one("pageToken").isdecimal():
            raise invalid("Invalid pageToken")
        after = int(request.one("pageToken"))
    size = min(request.number("maxResults", 100, 500), mailbox.page_size)
    records = mailbox.records[bisect_right(mailbox.records, after, key=lambda record: record.id) :]
    page, more = records[:size], len(records) > size
    # Filters work on a page that is cut already: pages may be short or empty, and are not the last for that.
    types, label = set(request.many("historyTypes")), request.one("labelId")
    names = {"messagesAdded": "messageAdded", "messagesDeleted": "messageDeleted"}
    names |= {"labelsAdded": "labelAdded", "labelsRemoved": "labelRemoved"}
    if unknown := types - set(names.values()):
        raise invalid(f"Invalid value at 'history_types': {min(unknown)}")
    shown = [r for r in page if (not types or names[r.change] in types) and (not label or label in {*r.now, *r.labels})]
    answer: Json = {"historyId": str(mailbox.history)}
    if shown:
        answer["history"] = [_history_json(record) for record in shown]
    if more:
        answer["nextPageToken"] = str(page[-1].id)
    return answer


def _history_json(record: HistoryRecord) -> Json:
    plain: Json = {"id": record.mail.id, "threadId": record.mail.thread}
    said: Json = {"message": plain | ({"labelIds": list(record.now)} if record.now else {})}
    if record.labels:
        said["labelIds"] = list(record.labels)
    return {"id": str(record.id), "messages": [plain], record.change: [said]}


def _get_attachment(call: Call) -> Json:
    mail = call.account.mailbox.mails.get(call.path["messageId"])
    try:
        message, part, _ = json.loads(decoded_octets(call.id.removeprefix("ANGjdJ")))
    except (ValueError, TypeError):
        raise invalid("Invalid attachment token") from None
    found = part_of(mail.parsed, part) if mail and message == mail.id else None
    if found is None:
        raise not_found()
    data = content(found, utf8=call.account.mailbox.utf8)
    return {"size": len(data), "data": encoded(data)}


def _profile(call: Call) -> Json:
    mailbox = call.account.mailbox
    return {
        "emailAddress": mailbox.address,
        "messagesTotal": max(0, len(mailbox.mails) + mailbox.drift),
        "threadsTotal": len({mail.thread for mail in mailbox.mails.values()}),
        "historyId": str(mailbox.history),
    }


def _label_json(mailbox: Mailbox, id_: str, *, totals: bool) -> Json:
    own = mailbox.labels.get(id_)
    made: Json = {"id": id_, "name": own.name if own else id_, "type": "user" if own else "system"}
    if own or id_.startswith("CATEGORY_"):
        made |= {"messageListVisibility": "show" if own else "hide", "labelListVisibility": "labelShow"}
    if totals:
        mails = [mail for mail in mailbox.mails.values() if id_ in mail.labels]
        unread = [mail for mail in mails if "UNREAD" in mail.labels]
        made |= {"messagesTotal": len(mails), "messagesUnread": len(unread)}
        made |= {"threadsTotal": len({m.thread for m in mails}), "threadsUnread": len({m.thread for m in unread})}
    return made


def _list_labels(call: Call) -> Json:
    mailbox = call.account.mailbox
    return {"labels": [_label_json(mailbox, id_, totals=False) for id_ in (*SYSTEM_LABELS, *mailbox.labels)]}


def _get_label(call: Call) -> Json:
    mailbox = call.account.mailbox
    if call.id not in mailbox.labels and call.id not in SYSTEM_LABELS:
        raise not_found()
    return _label_json(mailbox, call.id, totals=True)


def _list_send_as(call: Call) -> Json:
    mailbox = call.account.mailbox
    primary = {
        "sendAsEmail": mailbox.address,
        "displayName": "",
        "replyToAddress": "",
        "signature": "",
        "isPrimary": True,
        "isDefault": True,
    }
    others = [
        {
            "sendAsEmail": alias,
            "displayName": "",
            "replyToAddress": "",
            "signature": "",
            "treatAsAlias": True,
            "verificationStatus": status,
        }
        for alias, status in mailbox.aliases.items()
    ]
    return {"sendAs": [primary, *others]}


def _route(
    name: str, path: str, scopes: frozenset[str], handler: Callable[[Call], Json], *parameters: str, verb: str = "GET"
) -> Route:
    return Route(f"gmail.users.{name}", verb, f"gmail/v1/users/{{userId}}/{path}", scopes, handler, {*parameters})  # type: ignore[arg-type]  # a set is frozen nowhere else


_LISTING = ("q", "labelIds", "includeSpamTrash", "maxResults", "pageToken")

ROUTES: list[Route] = [
    _route("messages.list", "messages", GMAIL_META, _list_messages, *_LISTING),
    _route("messages.get", "messages/{id}", GMAIL_META, _get_message, "format", "metadataHeaders"),
    _route("messages.attachments.get", "messages/{messageId}/attachments/{id}", GMAIL_READ, _get_attachment),
    _route("threads.list", "threads", GMAIL_META, _list_threads, *_LISTING),
    _route("threads.get", "threads/{id}", GMAIL_META, _get_thread, "format", "metadataHeaders"),
    _route(
        "history.list", "history", GMAIL_META, _list_history,
        "startHistoryId", "labelId", "historyTypes", "maxResults", "pageToken",
    ),
    _route("getProfile", "profile", GMAIL_META, _profile),
    _route("labels.list", "labels", GMAIL_LABELS, _list_labels),
    _route("labels.get", "labels/{id}", GMAIL_LABELS, _get_label),
    _route("settings.sendAs.list", "settings/sendAs", GMAIL_SETTINGS, _list_send_as),
    *CHANGES,
    *DRAFTS,
]  # fmt: skip
