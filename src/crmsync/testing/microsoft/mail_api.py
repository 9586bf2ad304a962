"""Reading mail: https://learn.microsoft.com/en-us/graph/api/resources/message."""

from __future__ import annotations

import re

from . import delta
from .folders import folder_of
from .listing import matching, page, paths_of
from .mail_items import Mail
from .messages import (
    CONTENT,
    Shown,
    attachment_content,
    attachments_of,
    cut,
    extended_properties,
    item_of,
    message_json,
)
from .permissions import MAIL_BASIC, MAIL_READ
from .routes import Call, Route
from .wire import Json, Problem, Response, bad_request, not_found

_EXPANDED = re.compile(r"(\w+)(?:\(([^()]*)\))?(?:,|$)")
_QUOTED = re.compile(r"'([^']*)'")


def mail_of(call: Call, id_: str | None = None) -> Mail:
    """Return the message that a path names, by either kind of id; where it names a folder too, out of that one.

    Raises:
        Problem: there is none.
    """
    wanted = id_ or call.path["message"]
    found = call.account.mailbox.get(wanted)
    if found is None:
        if not wanted.startswith("AA") or len(wanted) < 20:
            raise Problem(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        raise not_found()
    if "folder" in call.path and found.folder is not folder_of(call, call.path["folder"]):
        raise not_found()
    return found


def shown_of(call: Call, mail: Mail | None = None) -> Shown:
    """Return a message as this request sees it."""
    return Shown(call.account.mailbox, mail or mail_of(call), call.prefer)


def whole(call: Call, mail: Mail) -> Json:
    """Return a message with what the request selects and expands."""
    shown = shown_of(call, mail)
    basic = call.server.basic_only(call)
    made = message_json(shown, call.select, CONTENT if basic else frozenset())
    expanded = dict(_EXPANDED.findall(call.query.get("$expand", "")))
    if "attachments" in expanded:
        if basic:
            raise Problem(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        made["attachments"] = cut(attachments_of(shown), _inner_select(expanded["attachments"]))
    if "singleValueExtendedProperties" in expanded:
        wanted = _QUOTED.findall(expanded["singleValueExtendedProperties"])
        found = extended_properties(mail)
        if said := [{"id": id_, "value": found[id_]} for id_ in wanted if id_ in found]:
            made["singleValueExtendedProperties"] = said
    return made


def _inner_select(options: str) -> list[str]:
    _, _, inner = options.partition("$select=")
    return [name.strip().rpartition("/")[2] for name in inner.partition(";")[0].split(",") if name.strip()]


def _get(call: Call) -> Json:
    mail = mail_of(call)
    context = f"{call.server.url}/v1.0/$metadata#users('{call.account.id}')/messages/$entity"
    return {"@odata.context": context, **whole(call, mail)}


def _list(call: Call) -> Json:
    mailbox, query = call.account.mailbox, call.query
    folder = folder_of(call, call.path["folder"]) if "folder" in call.path else None
    mails = list(mailbox.messages(folder))
    order, words = query.get("$orderby", ""), query.get("$search", "").strip('"').lower()
    if words:
        if order or "$filter" in query:
            raise bad_request(
                "The query parameter '$search' is not supported with '$filter' or '$orderby'.", "SearchWithOrderBy"
            )
        mails = [mail for mail in mails if words in mail.raw.decode("utf-8", "replace").lower()]
    if "$filter" in query:
        test, names = matching(query["$filter"]), sorted(paths_of(query["$filter"]) - {"id"})
        mails = [mail for mail in mails if test(message_json(shown_of(call, mail), names))]
        # What is ordered by must stand first in the filter: https://learn.microsoft.com/en-us/graph/api/user-list-messages
        first = order.split(",")[0].split(" ")[0].partition("/")[0]
        if order and not query["$filter"].lstrip("(").startswith(first):
            raise bad_request("The restriction or sort order is too complex for this operation.", "InefficientFilter")
    if order:
        field, _, way = order.split(",")[0].partition(" ")
        mails.sort(key=lambda mail: str(message_json(shown_of(call, mail), [field])[field]), reverse=way == "desc")
    tail = f"mailFolders/{folder.id}/messages" if folder else "messages"
    context = f"users('{call.account.id}')/messages"
    return page(call, mails, lambda mail: whole(call, mail), context, tail=tail, most=mailbox.page_size)


def _delta(call: Call) -> Json:
    return delta.messages_delta(call)


def _no_delta(_call: Call) -> Json:
    # The SDKs have it, the service does not serve it: https://github.com/relaticle/relaticle/issues/738
    raise Problem(400, "BadRequest", "Change tracking is not supported against 'microsoft.graph.message'.")


def _mime(call: Call) -> Response:
    return Response(200, {"Content-Type": "text/plain"}, mail_of(call).raw)


def _attachments(call: Call) -> Json:
    shown = shown_of(call)
    found = cut(attachments_of(shown), call.select)
    tail = f"messages/{shown.id}/attachments"
    context = f"users('{call.account.id}')/messages('{shown.id}')/attachments"
    return page(call, found, lambda one: one, context, tail=tail, default=1_000, most=1_000)


def _attachment(call: Call) -> Json:
    shown = shown_of(call)
    found = [one for one in attachments_of(shown) if one["id"] == call.path["attachment"]]
    if not found:
        raise not_found()
    made = cut(found, call.select)[0]
    if "itemAttachment/item" in call.query.get("$expand", "") and made["@odata.type"].endswith("itemAttachment"):
        made["item"] = item_of(shown, made["id"])
    return made


def _attachment_value(call: Call) -> Response:
    shown = shown_of(call)
    found = attachment_content(shown, call.path["attachment"])
    if found is None:
        if any(one["id"] == call.path["attachment"] for one in attachments_of(shown)):
            raise Problem(405, "ErrorInvalidAttachmentType", "Reference attachments have no content.")
        raise not_found()
    return Response(200, {"Content-Type": "text/plain" if found[0] == "message/rfc822" else found[0]}, found[1])


def _twice(name: str, verb: str, path: str, *rest: object) -> list[Route]:
    # Each is below its folder too.
    return [Route(name, verb, f"{way}{path}", *rest) for way in ("", "mailFolders/{folder}/")]  # type: ignore[arg-type]  # Route's own


ROUTES = [
    Route("mailFolders.delta", "GET", "mailFolders/delta", MAIL_READ, delta.folders_delta, MAIL_BASIC),
    Route("messages.delta", "GET", "mailFolders/{folder}/messages/delta", MAIL_READ, _delta, MAIL_BASIC),
    Route("messages.delta", "GET", "messages/delta", MAIL_READ, _no_delta, MAIL_BASIC),
    *_twice("messages.list", "GET", "messages", MAIL_READ, _list, MAIL_BASIC),
    *_twice("messages.get", "GET", "messages/{message}", MAIL_READ, _get, MAIL_BASIC),
    *_twice("messages.value", "GET", "messages/{message}/$value", MAIL_READ, _mime),
    *_twice("messages.attachments.list", "GET", "messages/{message}/attachments", MAIL_READ, _attachments),
    *_twice("messages.attachments.get", "GET", "messages/{message}/attachments/{attachment}", MAIL_READ, _attachment),
    *_twice(
        "messages.attachments.value", "GET", "messages/{message}/attachments/{attachment}/$value", MAIL_READ,
        _attachment_value,
    ),
]  # fmt: skip
