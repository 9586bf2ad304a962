"""Gmail's drafts: https://developers.google.com/workspace/gmail/api/guides/drafts."""

from __future__ import annotations

from collections.abc import Callable

from .gmail_changes import short, submitted, uploaded
from .mailbox import Mail, Mailbox
from .routes import Call, Route
from .scopes import AUTH, GMAIL_READ, GMAIL_SEND, GMAIL_WRITE
from .wire import Json, invalid, not_found

_COMPOSE = GMAIL_WRITE | {f"{AUTH}gmail.compose"}
_READ = GMAIL_READ | {f"{AUTH}gmail.compose"}


def _draft(mailbox: Mailbox, id_: str) -> Mail:
    mail = mailbox.mails.get(mailbox.drafts.get(id_, ""))
    if mail is None:
        raise not_found()
    return mail


def _json(id_: str, mail: Mail) -> Json:
    return {"id": id_, "message": short(mail)}


def _saved(call: Call, id_: str, thread: str | None = None) -> Json:
    raw, joined, _ = uploaded(call, within="message")
    mailbox = call.account.mailbox
    mailbox.drafts[id_] = mailbox.deliver(raw, labels=["DRAFT"], thread=joined or thread)
    return _json(id_, _draft(mailbox, id_))


def _create(call: Call) -> Json:
    return _saved(call, f"r{call.account.mailbox.history:x}")


def _update(call: Call) -> Json:
    # Each time it is saved a draft is another message.
    mailbox = call.account.mailbox
    old = _draft(mailbox, call.id)
    mailbox.remove(old.id)
    return _saved(call, call.id, old.thread)


def _list(call: Call) -> Json:
    mailbox = call.account.mailbox
    found = [_json(id_, mailbox.mails[mail]) for id_, mail in mailbox.drafts.items() if mail in mailbox.mails]
    most = call.request.number("maxResults", 100, 500)
    for draft in found:
        del draft["message"]["labelIds"]
    return {"resultSizeEstimate": len(found), **({"drafts": found[:most]} if found else {})}


def _get(call: Call) -> Json:
    return _json(call.id, _draft(call.account.mailbox, call.id))


def _delete(call: Call) -> None:
    mailbox = call.account.mailbox
    mailbox.remove(_draft(mailbox, call.id).id)
    del mailbox.drafts[call.id]


def _send(call: Call) -> Json:
    mailbox, id_ = call.account.mailbox, call.request.json().get("id")
    if not isinstance(id_, str):
        raise invalid("Missing draft id")
    draft = _draft(mailbox, id_)
    mailbox.remove(draft.id)
    del mailbox.drafts[id_]
    return short(submitted(call, draft.raw, draft.thread if mailbox.thread(draft.thread) else None))


def _route(
    name: str, verb: str, path: str, scopes: frozenset[str], handler: Callable[[Call], Json | None], *allowed: str
) -> Route:
    upload = name in {"create", "update", "send"}
    path = f"gmail/v1/users/{{userId}}/drafts{path}"
    return Route(f"gmail.users.drafts.{name}", verb, path, scopes, handler, frozenset(allowed), upload=upload)


DRAFTS: list[Route] = [
    _route("create", "POST", "", _COMPOSE, _create),
    _route("list", "GET", "", _READ, _list, "maxResults"),
    _route("send", "POST", "/send", GMAIL_SEND - {f"{AUTH}gmail.send"}, _send),
    _route("get", "GET", "/{id}", _READ, _get),
    _route("update", "PUT", "/{id}", _COMPOSE, _update),
    _route("delete", "DELETE", "/{id}", _COMPOSE, _delete),
]
