"""Which folders there are, what they are for, and what the server says of each in passing."""

from __future__ import annotations

import re
from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from imapclient.imap_utf7 import decode as decode_utf7

from ...errors import Unavailable
from ...formats import role_of
from ...model import Collection, CollectionRole, Selection
from . import values
from .client import Client, quoted
from .mailbox import has_modseq
from .values import Data, Response

_ROLES = {  # RFC 6154; the last two are from before it
    "\\all": CollectionRole.ALL,
    "\\archive": CollectionRole.ARCHIVE,
    "\\drafts": CollectionRole.DRAFTS,
    "\\junk": CollectionRole.JUNK,
    "\\sent": CollectionRole.SENT,
    "\\trash": CollectionRole.TRASH,
    "\\allmail": CollectionRole.ALL,
    "\\spam": CollectionRole.JUNK,
}
_INHERITED = (CollectionRole.TRASH, CollectionRole.JUNK, CollectionRole.DRAFTS)
"""What is moved into the trash as a folder lies there all the same."""

_LIST = re.compile(rb"\(([^)]*)\) *(NIL|\"\\?(?:[^\"])\"|\"\") *(.*)\Z", re.IGNORECASE | re.DOTALL)
_FLAG = re.compile(r"\\[^\\\s]+|[^\\\s]+")
_CONTAINERS = {"\\noselect", "\\nonexistent"}
_OBJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_TOP = ("inbox", "[gmail]", "[google mail]")
_STATUS_ITEMS = "MESSAGES UIDNEXT UIDVALIDITY"


class Status(NamedTuple):
    """What STATUS tells of a folder (RFC 9051 section 6.3.11); None for what it does not tell."""

    messages: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    modseq: int | None = None
    mailbox: str | None = None
    """MAILBOXID (RFC 8474): stays when the folder is renamed."""


class Folder(NamedTuple):
    """A folder that holds messages."""

    wire: bytes
    """Its name as the server writes it."""
    collection: Collection
    foreign: bool = False
    """Whether it lies among other users' or shared folders (RFC 2342)."""
    status: Status = Status()


class _Listed(NamedTuple):
    wire: bytes
    components: tuple[str, ...]
    flags: frozenset[str]
    role: CollectionRole


def list_folders(client: Client) -> list[Folder]:
    """List the folders, those that are only containers left out; with their status where that comes for free.

    Raises:
        SourceError: the server does not list them.

    """
    options: list[str] = []
    if client.has("LIST-EXTENDED", "LIST-STATUS", "IMAP4REV2") and client.has("SPECIAL-USE", "IMAP4REV2"):
        options.append("SPECIAL-USE")
    if client.has("LIST-STATUS", "IMAP4REV2"):
        options.append(f"STATUS ({_status_items(client)})")
    plain = 'LIST "" "*"'
    returning = f" RETURN ({' '.join(options)})" if options else ""
    asked = [plain + returning]
    if "STATUS" in returning and client.has("OBJECTID"):
        # Alone, for Cyrus mixes it up with the others; and twice, for what changes meanwhile is no id.
        asked += [f"{plain} RETURN (STATUS (MAILBOXID))"] * 2
    client.unselect()
    listing, *looking, namespaces = client.start(*asked, "NAMESPACE" if client.has("NAMESPACE") else "NOOP")
    refused = not client.finish(listing).ok
    told, statuses = client.told("LIST"), _statuses(client)
    looks = [_statuses(client) for tag in looking if client.finish(tag).ok]
    client.finish(namespaces)
    if refused or not told:
        client.told("LIST")
        client.require(client.start(plain))
        told += client.told("LIST")
    listed = [one for response in told if (one := _listed(response))]
    if not listed:
        raise Unavailable(f"{client.host} lists no folders, not even INBOX; try again later")
    client.told("LIST")
    ids = _ids(client, {one.wire for one in listed if not one.flags & _CONTAINERS}, looks)
    return _folders(listed, statuses, ids, _foreign_prefixes(client.told("NAMESPACE")))


def with_status(client: Client, folders: Sequence[Folder]) -> list[Folder]:
    """Ask for the status of those folders that have none yet, all in one go. One that fails stays without."""
    asked = [folder for folder in folders if folder.status.uidvalidity is None]
    if not asked:
        return list(folders)
    items = _status_items(client)
    for tag in client.start(*(f"STATUS {quoted(folder.wire)} ({items})" for folder in asked)):
        client.finish(tag)
    found = _statuses(client)
    return [f._replace(status=found.get(_folded(f.wire), f.status)) for f in folders]


def _ids(client: Client, names: Set[bytes], looks: Sequence[Mapping[bytes, Status]]) -> Mapping[bytes, str]:
    """Return the ids of folders (RFC 8474) that may be believed, by name.

    An id is what the host keeps a choice and a cursor by. Cyrus 3.6 and 3.10 answer LIST-STATUS with another piece of
    freed memory at each call: where one is malformed, where two folders have the same, or where the answers differ,
    those of STATUS among them, none of the server's ids is believed, and folders go by their names.
    """
    told = [{name: status.mailbox for name, status in look.items() if status.mailbox} for look in looks]
    if not all(told) or not told or not all(_are_ids(look.values()) for look in told):
        return {}
    for tag in client.start(*(f"STATUS {quoted(name)} (MAILBOXID)" for name in sorted(names))):
        client.finish(tag)
    told.append({name: status.mailbox for name, status in _statuses(client).items() if status.mailbox})
    found: dict[bytes, str] = {}
    for look in told:
        if any(found.setdefault(name, id_) != id_ for name, id_ in look.items()):
            return {}
    return told[-1] if _are_ids(found.values()) else {}


def _are_ids(ids: Several[str]) -> bool:
    return all(map(_OBJECT_ID.fullmatch, ids)) and len(set(ids)) == len(ids)


def is_chosen(folder: Folder, selection: Selection) -> bool:
    """Tell whether a folder is selected: by its id, its name, or its role. Somebody else's only where it is named."""
    collection, listed = folder.collection, selection.collections
    found = collection.id in listed or collection.name in listed or collection.role.value in listed - {"none"}
    if selection.mode == "only":
        return found
    return not folder.foreign and (selection.mode == "all" or not found)


def _status_items(client: Client) -> str:
    return _STATUS_ITEMS + " HIGHESTMODSEQ" * has_modseq(client)


def _foreign_prefixes(namespaces: Iterable[Response]) -> tuple[bytes, ...]:
    """Return how the names of other users' and of shared folders begin."""
    prefixes: list[bytes] = []
    for response in namespaces:
        kinds: list[Data] = []
        try:
            kinds = values.parse(response)
        except ValueError:
            continue
        for kind in kinds[1:3]:
            for namespace in kind if isinstance(kind, list) else ():
                prefix = namespace[0] if isinstance(namespace, list) and namespace else None
                if isinstance(prefix, bytes) and prefix:
                    prefixes.append(prefix)
    return tuple(prefixes)


def _folders(
    found: list[_Listed], statuses: Mapping[bytes, Status], ids: Mapping[bytes, str], foreign: tuple[bytes, ...]
) -> list[Folder]:
    announced = {one.role for one in found}
    roles: dict[tuple[str, ...], CollectionRole] = {}
    folders: dict[bytes, Folder] = {}
    taken: set[str] = set()
    for one in sorted(found, key=lambda listed: (len(listed.components), b"/" not in listed.wire)):
        role = one.role if one.role is not CollectionRole.NONE else _role(one, announced, roles)
        roles[one.components] = role
        if one.wire not in folders and not one.flags & _CONTAINERS:
            status = statuses.get(_folded(one.wire), Status())
            path = "/".join(one.components)
            # Names with a slash in them, and delimiters that differ by namespace.
            others = (decode_name(one.wire), *(f"{path} ({n})" for n in range(2, len(found) + 2)))
            path = next((name for name in (path, *others) if name not in taken), path)
            taken.add(path)
            collection = Collection(id=ids.get(_folded(one.wire), path), name=path, role=role)
            folders[one.wire] = Folder(one.wire, collection, bool(foreign) and one.wire.startswith(foreign), status)
    order = [CollectionRole.INBOX, CollectionRole.SENT]
    return sorted(
        folders.values(),
        key=lambda f: (order.index(f.collection.role) if f.collection.role in order else 2, f.collection.name),
    )


def _role(
    one: _Listed, announced: set[CollectionRole], roles: Mapping[tuple[str, ...], CollectionRole]
) -> CollectionRole:
    """Tell a folder's role by its name, where the server announces no folder for that role."""
    above = roles.get(one.components[:-1], CollectionRole.NONE)
    if above in _INHERITED:
        return above
    below = one.components[1:] if one.components[0].casefold() in _TOP else one.components
    if len(below) != 1:
        return CollectionRole.NONE  # "Clients/Archive" is nobody's archive
    role = role_of("/".join(one.components))
    return CollectionRole.NONE if role in announced or role is CollectionRole.INBOX else role


def _listed(response: Response) -> _Listed | None:
    match = _LIST.match(response[0].replace(b"\0", b""))
    if not match:
        return None
    flags = frozenset(_FLAG.findall(match[1].decode("ascii", "replace").lower()))
    wire = _name(match[3], response)
    if not wire:
        return None
    delimiter = b"" if match[2].upper() == b"NIL" else match[2].strip(b'"')[-1:]
    name = decode_name(wire)
    separator = delimiter.decode("ascii", "replace")
    components = tuple(filter(None, name.split(separator))) if separator else (name,)
    if not components:
        return None
    if wire.upper() == b"INBOX":
        return _Listed(b"INBOX", ("INBOX",), flags, CollectionRole.INBOX)
    if components[0].upper() == "INBOX":
        components = ("INBOX", *components[1:])
    role = next((_ROLES[flag] for flag in sorted(flags) if flag in _ROLES), CollectionRole.NONE)
    return _Listed(wire, components, flags, role)


def _name(rest: bytes, response: Response) -> bytes:
    """Return a name as the server writes it: quoted, a literal, or bare."""
    if len(response) > 1:
        return response[1]
    if rest.startswith(b'"'):
        found = values.parse([rest])
        return found[0] if found and isinstance(found[0], bytes) else b""
    return rest.strip()


def decode_name(octets: bytes) -> str:
    """Read a folder's name: modified UTF-7 (RFC 3501 section 5.1.3), or UTF-8. Encoded wrongly, it stays as it came.

    >>> decode_name(b"Entw&APw-rfe &- mehr"), decode_name(b"a&b"), decode_name("Entwürfe".encode())
    ('Entwürfe & mehr', 'a&b', 'Entwürfe')
    """
    text = octets.decode("utf-8", "backslashreplace")
    if "&" not in text or not text.isascii():
        return text
    try:
        decoded: str = decode_utf7(octets)
        decoded.encode()
    except ValueError:
        return text
    return decoded


def _statuses(client: Client) -> dict[bytes, Status]:
    """Return what STATUS told, by name. Of the open folder it may tell what was (RFC 9051 section 6.3.11)."""
    found: dict[bytes, Status] = {}
    for response in client.told("STATUS"):
        try:
            said = values.parse(response)
        except ValueError:
            continue
        if len(said) < 2 or not isinstance(said[-1], list):
            continue
        # A bare name with brackets is cut into pieces by a reader of atoms.
        name = said[0] if len(said) == 2 else response[0].rpartition(b"(")[0].strip()
        if isinstance(name, bytes):
            pairs = said[-1]
            told = {n.upper(): v for n, v in zip(pairs[::2], pairs[1::2], strict=False) if isinstance(n, bytes)}
            mailbox = b" ".join(values.strings(told.get(b"MAILBOXID"))).decode("ascii", "replace")
            found[_folded(name)] = Status(
                values.number(told.get(b"MESSAGES")),
                values.number(told.get(b"UIDNEXT")),
                values.number(told.get(b"UIDVALIDITY")),
                values.number(told.get(b"HIGHESTMODSEQ")) or None,
                mailbox or None,
            )
    if client.selected:
        found.pop(client.selected[0], None)
    return found


def _folded(name: bytes) -> bytes:
    return b"INBOX" if name.upper() == b"INBOX" else name
