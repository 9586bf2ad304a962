"""Mail folders: https://learn.microsoft.com/en-us/graph/api/resources/mailfolder."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .listing import matching, page
from .mail_items import Folder
from .mailbox import NEVER, Mailbox
from .permissions import MAIL_BASIC, MAIL_READ, MAIL_WRITE
from .routes import Call, Route
from .wire import Json, Problem, bad_request, not_found

FIELDS: dict[str, Callable[[Mailbox, Folder], object]] = {
    "displayName": lambda _, f: f.name,
    "parentFolderId": lambda m, f: (f.parent or m.root).id,
    "childFolderCount": lambda m, f: len(m.children(f)),
    "unreadItemCount": lambda m, f: sum(not m.mails[number].is_read for _, number in f.order),
    "totalItemCount": lambda _, f: len(f.order),
    "isHidden": lambda _, f: f.hidden,
}


def folder_json(mailbox: Mailbox, folder: Folder, select: Iterable[str] = ()) -> Json:
    """Return a folder: the selected fields, or all. Version 1.0 does not say which well-known one it is."""
    names = [name for name in select if name != "id"]
    if unknown := set(names) - FIELDS.keys():
        raise bad_request(
            f"Could not find a property named '{min(unknown)}' on type 'Microsoft.OutlookServices.MailFolder'.",
            "RequestBroker--ParseUri",
        )
    return {"id": folder.id, **{name: FIELDS[name](mailbox, folder) for name in names or FIELDS}}


def folder_of(call: Call, name: str) -> Folder:
    """Return the folder that a path names, by its id or its well-known name.

    Raises:
        Problem: there is none.
    """
    mailbox = call.account.mailbox
    if name in mailbox.folders:
        return mailbox.folders[name]
    found = [folder for folder in mailbox.folders.values() if folder.well_known == name.lower()]
    if found:
        return found[0]
    if name.lower() in NEVER or name.startswith("AAMk"):
        raise not_found("The specified folder could not be found in the store.")
    raise Problem(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def _listed(call: Call, parent: Folder, tail: str) -> Json:
    mailbox = call.account.mailbox
    hidden = call.query.get("includeHiddenFolders", "").lower() == "true"
    folders = mailbox.children(parent, hidden=hidden)
    if "$filter" in call.query:
        test = matching(call.query["$filter"])
        folders = [folder for folder in folders if test(folder_json(mailbox, folder))]
    return page(
        call,
        folders,
        lambda folder: _with_children(call, folder),
        f"users('{call.account.id}')/mailFolders",
        tail=tail,
        most=mailbox.page_size,
    )


def _with_children(call: Call, folder: Folder) -> Json:
    mailbox = call.account.mailbox
    made = folder_json(mailbox, folder, call.select)
    if call.query.get("$expand", "").startswith("childFolders"):
        made["childFolders"] = [folder_json(mailbox, child) for child in mailbox.children(folder)]
    return made


def _list(call: Call) -> Json:
    return _listed(call, call.account.mailbox.root, "mailFolders")


def _children(call: Call) -> Json:
    parent = folder_of(call, call.path["folder"])
    return _listed(call, parent, f"mailFolders/{parent.id}/childFolders")


def _get(call: Call) -> Json:
    folder = folder_of(call, call.path["folder"])
    context = f"{call.server.url}/v1.0/$metadata#users('{call.account.id}')/mailFolders/$entity"
    return {"@odata.context": context, **_with_children(call, folder)}


def _create(call: Call) -> Json:
    parent = folder_of(call, call.path.get("folder", "msgfolderroot"))
    fields, mailbox = call.request.json(), call.account.mailbox
    name = fields.get("displayName")
    if not isinstance(name, str) or not name:
        raise bad_request("The display name of a folder must not be empty.", "ErrorInvalidArgument")
    if any(child.name == name for child in mailbox.children(parent, hidden=True)):
        raise Problem(409, "ErrorFolderExists", "A folder with the specified name already exists.")
    made = mailbox.make_folder(name.replace("/", "_"), parent=parent, hidden=bool(fields.get("isHidden")))
    return folder_json(mailbox, made)


def _update(call: Call) -> Json:
    folder, name = folder_of(call, call.path["folder"]), call.request.json().get("displayName")
    if folder.well_known:
        raise Problem(403, "ErrorDistinguishedFolderRename", "Distinguished folders cannot be renamed.")
    if isinstance(name, str) and name:
        call.account.mailbox.rename_folder(folder, name)
    return folder_json(call.account.mailbox, folder)


def _delete(call: Call) -> None:
    folder = folder_of(call, call.path["folder"])
    if folder.well_known:
        raise Problem(403, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
    call.account.mailbox.remove_folder(folder)


ROUTES = [
    Route("mailFolders.list", "GET", "mailFolders", MAIL_READ, _list, MAIL_BASIC),
    Route("mailFolders.create", "POST", "mailFolders", MAIL_WRITE, _create),
    Route("mailFolders.get", "GET", "mailFolders/{folder}", MAIL_READ, _get, MAIL_BASIC),
    Route("mailFolders.update", "PATCH", "mailFolders/{folder}", MAIL_WRITE, _update),
    Route("mailFolders.delete", "DELETE", "mailFolders/{folder}", MAIL_WRITE, _delete),
    Route(
        "mailFolders.childFolders.list", "GET", "mailFolders/{folder}/childFolders", MAIL_READ, _children, MAIL_BASIC
    ),
    Route("mailFolders.childFolders.create", "POST", "mailFolders/{folder}/childFolders", MAIL_WRITE, _create),
]
