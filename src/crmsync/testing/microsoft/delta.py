"""Changes of one folder's messages, and of the tree: https://learn.microsoft.com/en-us/graph/api/message-delta."""

from __future__ import annotations

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from .folders import folder_json, folder_of
from .mail_items import Change, Folder, Mail
from .messages import CONTENT, Shown, attachments_of, message_json
from .routes import Call
from .wire import Json, Problem, bad_request

TokenKind = Literal["$skiptoken", "$deltatoken"]
_TYPE = "#microsoft.graph.message"
_REFUSED = ("$search", "$skip", "$count")


def written(state: Json) -> str:
    """Return a token that holds a position. Clients do not look inside."""
    return base64.urlsafe_b64encode(json.dumps(state, separators=(",", ":")).encode()).decode().rstrip("=")


def read_token(call: Call) -> Json | None:
    """Return the position that a request continues; None where it begins.

    Raises:
        Problem: it is none.
    """
    text = call.query.get("$skiptoken") or call.query.get("$deltatoken")
    if text is None:
        return None
    try:
        state = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        state = None
    if not isinstance(state, dict):
        raise bad_request("Badly formed token.", "ErrorInvalidUrlQuery")
    return state


def expired(code: str = "syncStateNotFound", status: int = 410) -> Problem:
    """A token that the service has forgotten."""
    said = {
        "syncStateNotFound": "The sync state generation is not found; continuing from it is impossible.",
        "resyncRequired": "Resync required. Replace any local items with the server's version.",
        "SyncStateInvalid": "The sync state is invalid.",
    }.get(code, "The sync state is not found.")
    return Problem(status, code, said)


def messages_delta(call: Call) -> Json:
    """Answer one page of a folder's messages, or of what changed since."""
    folder = folder_of(call, call.path["folder"])
    state = read_token(call) or _begin(call, folder)
    if state.get("folder") != folder.id or state.get("epoch") != folder.epoch:
        raise expired()
    base = call.url(f"mailFolders('{folder.id}')/messages/delta")
    made: Json = {"@odata.context": f"{call.server.url}/v1.0/$metadata#Collection(message)", "value": []}
    habits = call.account.mailbox.delta
    state["pages"] = state.get("pages", 0) + 1
    if habits.empty_every and state["pages"] % (habits.empty_every + 1) == 0:
        return made | {"@odata.nextLink": f"{base}?$skiptoken={written(state)}"}
    found, after = (_walked if state["since"] is None else _changed)(call, folder, state)
    made["value"] = [entry for item in found for entry in _entry(call, folder, state, item)]
    if habits.repeats:
        made["value"][:0] = [state["last"]] if state.get("last") else []
        state["last"] = made["value"][-1] if made["value"] else None
    if after is not None:
        made["@odata.nextLink"] = f"{base}?$skiptoken={written({**state, 'after': after})}"
    else:
        rest = {name: state[name] for name in ("folder", "epoch", "select", "expand", "types", "filter")}
        done = {**rest, "since": state["upto"], "after": None, "sent": 0, "top": None}
        made["@odata.deltaLink"] = f"{base}?$deltatoken={written(done)}"
    return made


def _begin(call: Call, folder: Folder) -> Json:
    for name in _REFUSED:
        if name in call.query:
            raise bad_request(
                f"The following parameters are not supported with change tracking over the 'Messages' resource: "
                f"'{name}'.",
                "ErrorInvalidUrlQuery",
            )
    order = call.query.get("$orderby", "receivedDateTime desc").strip().lower()
    if order not in {"receiveddatetime desc", "receiveddatetime+desc"}:
        raise bad_request("The only supported $orderby expression is receivedDateTime desc.", "ErrorInvalidUrlQuery")
    return {
        "folder": folder.id,
        "epoch": folder.epoch,
        "since": None,
        "upto": call.account.mailbox.revision,
        "after": None,
        "sent": 0,
        "top": call.number("$top", 10, 1 << 30) if "$top" in call.query else None,
        "select": call.select,
        "expand": call.query.get("$expand"),
        "filter": _since(call.query.get("$filter")),
        "types": call.query.get("changeType"),
    }


def _since(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    words = text.replace("+", " ", text.count("+") if " " not in text else 0).split()
    try:
        if len(words) == 3 and words[0] == "receivedDateTime" and words[1] in {"ge", "gt"}:
            return [words[1], datetime.fromisoformat(words[2]).timestamp()]
    except ValueError:
        pass
    raise bad_request(
        "The only supported $filter expressions are receivedDateTime ge {value} and receivedDateTime gt {value}.",
        "ErrorInvalidUrlQuery",
    )


def _size(call: Call) -> int:
    # Asked for anew with each page: the token does not carry it.
    return min(call.prefer.page_size or 10, call.account.mailbox.delta.largest_page)


def _walked(call: Call, folder: Folder, state: Json) -> tuple[list[Mail], object | None]:
    """Return the next messages of a first walk, and where to go on; None: that was the last page."""
    mailbox, size = call.account.mailbox, _size(call)
    total = state["top"]
    if state["filter"]:
        total = min(total or mailbox.delta.filtered_most, mailbox.delta.filtered_most)
    left = None if total is None else total - state["sent"]
    order = folder.order
    low = 0
    if state["filter"]:
        operator, moment = state["filter"]
        low = bisect_right(order, (moment, float("inf"))) if operator == "gt" else bisect_left(order, (moment, -1))
    if state["after"] is None:
        begin, end = low, len(order)
    else:
        place = tuple(state["after"])
        begin, end = low, bisect_left(order, place)
        if mailbox.delta.reverse:
            begin, end = max(low, bisect_right(order, place)), len(order)
    count = min(size, max(0, end - begin), size if left is None else left)
    places = order[begin : begin + count] if mailbox.delta.reverse else order[end - count : end][::-1] if count else []
    state["sent"] += len(places)
    more = end - begin > count and (left is None or left > count)
    return [mailbox.mails[number] for _, number in places], list(places[-1]) if more and places else None


def _changed(call: Call, folder: Folder, state: Json) -> tuple[list[list[Change]], object | None]:
    """Return the next messages that changed, each with its changes in the order in which they happened."""
    if state["after"] is None:
        state["upto"] = call.account.mailbox.revision
    journal = folder.journal
    begin = bisect_right(journal, state["since"], key=lambda change: change.revision)
    end = bisect_right(journal, state["upto"], key=lambda change: change.revision)
    groups: dict[str, list[Change]] = {}
    for change in journal[begin:end]:
        id_ = change.mail.immutable if call.prefer.immutable else change.id
        groups[id_] = [*groups.pop(id_, []), change]
    after = state["after"] or 0
    waiting = [group for group in groups.values() if group[-1].revision > after]
    found = waiting[: _size(call)]
    return found, found[-1][-1].revision if len(waiting) > len(found) else None


def _entry(call: Call, folder: Folder, state: Json, item: Mail | list[Change]) -> list[Json]:
    mailbox, immutable = call.account.mailbox, call.prefer.immutable
    if isinstance(item, Mail):
        return [_full(call, item, state)]
    mail = item[-1].mail
    lives = mail.number in mailbox.mails and mail.folder is folder and (immutable or mail.id == item[-1].id)
    kinds = [change.kind for change in item]
    came_back = immutable and mailbox.delta.trap and kinds[0] != "created" and "removed" in kinds
    wanted: str | None = state["types"]
    if not lives or came_back:
        id_ = mail.immutable if immutable else item[-1].id
        gone = {"@odata.type": _TYPE, "id": id_, "@removed": {"reason": "deleted"}}
        return [gone] if wanted in {None, "deleted"} else []
    if "created" in kinds:
        return [_full(call, mail, state)] if wanted in {None, "created"} else []
    if wanted not in {None, "updated"}:
        return []
    if mailbox.delta.partial and all(change.fields == {"isRead"} for change in item):
        shown = Shown(mailbox, mail, call.prefer)
        return [{
            "@odata.type": _TYPE,
            "@odata.etag": message_json(shown, ["isRead"])["@odata.etag"],
            "id": shown.id,
            "isRead": mail.is_read,
            "parentFolderId": folder.id,
        }]  # fmt: skip
    return [_full(call, mail, state)]


def _full(call: Call, mail: Mail, state: Json) -> Json:
    shown = Shown(call.account.mailbox, mail, call.prefer)
    hidden = CONTENT if call.server.basic_only(call) else frozenset[str]()
    made = {"@odata.type": _TYPE, **message_json(shown, state["select"], hidden)}
    if state["expand"] and state["expand"].startswith("attachments") and not hidden:
        # A selection inside is passed over here: https://github.com/microsoftgraph/microsoft-graph-docs/issues/8431
        made["attachments"] = attachments_of(shown)
    return made


def folders_delta(call: Call) -> Json:
    """Answer a page of the folder tree, or of what changed in it since."""
    mailbox = call.account.mailbox
    state = read_token(call) or {
        "epoch": mailbox.tree_epoch, "since": None, "upto": mailbox.revision, "after": 0, "select": call.select,
    }  # fmt: skip
    if state.get("epoch") != mailbox.tree_epoch or "after" not in state:
        raise expired()
    shown: Callable[[Folder], Json] = lambda folder: folder_json(mailbox, folder, state["select"])  # noqa: E731 - one line
    if state["since"] is None:
        every = [f for f in mailbox.folders.values() if f is not mailbox.root and not f.hidden]
        entries = [shown(folder) for folder in every]
    else:
        if not state["after"]:
            state["upto"] = mailbox.revision
        latest = {id_: what for at, id_, what in mailbox.folder_changes if state["since"] < at <= state["upto"]}
        entries = [
            shown(mailbox.folders[id_]) if id_ in mailbox.folders else {"id": id_, "@removed": {"reason": "deleted"}}
            for id_ in latest
        ]
    size, begin = _size(call), state["after"]
    base = call.url("mailFolders/delta")
    made: Json = {
        "@odata.context": f"{call.server.url}/v1.0/$metadata#Collection(mailFolder)",
        "value": [{"@odata.type": "#microsoft.graph.mailFolder", **entry} for entry in entries[begin : begin + size]],
    }
    if begin + size < len(entries):
        made["@odata.nextLink"] = f"{base}?$skiptoken={quote(written({**state, 'after': begin + size}))}"
    else:
        done = {"epoch": state["epoch"], "since": state["upto"], "upto": 0, "after": 0, "select": state["select"]}
        made["@odata.deltaLink"] = f"{base}?$deltatoken={written(done)}"
    return made
