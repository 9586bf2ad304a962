"""Which mailboxes lie in a file or folder, and what they are called.

    Maildir             a folder with `cur`; its folders beside it as `.Sent`, `.Archive.2024` (Maildir++), or within
    Takeout             Mail/All mail Including Spam and Trash.mbox
    Thunderbird         files without a suffix, sub-folders in `Name.sbd`
    Apple Mail          Name.mbox/mbox, and sub-folders within Name.mbox
    mutt, mail spools   mbox files, by whatever name
    exported messages   .eml files, in folders

Links are not followed below the path that was given: an export from somebody else could point anywhere.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ...errors import Unavailable
from ...formats import role_of
from ...formats.mail.headers import decode_base64
from ...model import Collection, CollectionRole
from .reading import in_words, opened, shown
from .single import is_eml

MAX_DEPTH = 40
"""Folders nested deeper than this are not looked at."""

_OWN_OF_MAILDIR = frozenset({"cur", "new", "tmp"})
_MBOX = (".mbox", ".mbx")
_SUFFIXES = (*_MBOX, ".sbd")
_SNIFFED = 64 << 10
_PACKED = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive", b"7z\xbc\xaf": "a 7z archive"}
_OUTLOOK = b"!BDN"


class Kind(Enum):
    """What sort of mailbox."""

    MBOX = "mbox"
    MAILDIR = "maildir"
    EML = "eml"


class Mailbox(NamedTuple):
    """One mailbox found."""

    kind: Kind
    path: Path
    collection: Collection
    labelled: bool = False
    """Gmail's export: its messages name the labels they carry, so the file is no folder."""


def mailboxes(root: Path) -> list[Mailbox]:
    """Find the mailboxes in a path, inboxes and sent mail first, spam and trash last.

    Raises:
        Unavailable: the path is missing, unreadable, or a file that is no mailbox.
    """
    with in_words(root):
        found = list(_within(root, (), 0)) if root.is_dir() else [_one_file(root)]
    return sorted(found, key=lambda box: (_RANK[box.collection.role], box.collection.id))


def empty_folder(root: Path) -> Mailbox:
    """Return the mailbox of a folder without mail: .eml files may come yet, or all have gone."""
    return _mailbox(Kind.EML, root, ("*.eml",), ())


def _one_file(path: Path) -> Mailbox:
    with opened(path) as file:
        head = file.read(0, _SNIFFED)
    for magic, what in _PACKED.items():
        if head.startswith(magic):
            raise Unavailable(f"{shown(path)} is {what}; unpack it and give the folder")
    if head.startswith(_OUTLOOK):
        raise Unavailable(f"{shown(path)} is an Outlook data file; export the mail as mbox or .eml files instead")
    if head and not _starts_mbox(head):
        raise Unavailable(
            f'{shown(path)} is no mbox file: it does not begin with a "From " line; '
            "give an mbox file, a Maildir, or a folder of .eml files"
        )
    return _mailbox(Kind.MBOX, path, (path.name,), (path.name,), labelled=_labelled(head))


def _within(folder: Path, parts: tuple[str, ...], depth: int) -> Iterator[Mailbox]:
    with in_words(folder), os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    maildir = "cur" in folders
    if maildir:
        yield _mailbox(Kind.MAILDIR, folder, parts, parts)
    if any(is_eml(entry) for entry in entries):
        yield _mailbox(Kind.EML, folder, (*parts, "*.eml"), parts)
    indexed = {entry.name.removesuffix(".msf") for entry in entries if entry.name.endswith(".msf")}
    for entry in entries:
        if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".") and not is_eml(entry):
            named = entry.name.lower().endswith(_MBOX) or entry.name in indexed
            head = _sniff(entry, named=named or not (maildir or "." in entry.name))
            if head is not None:
                names = (*parts, entry.name)
                yield _mailbox(Kind.MBOX, Path(entry.path), names, names, labelled=_labelled(head))
    for name in folders:
        if depth >= MAX_DEPTH or (maildir and name in _OWN_OF_MAILDIR):
            continue
        if not name.startswith(".") or (folder / name / "cur").is_dir():
            yield from _within(folder / name, (*parts, name), depth + 1)


def _sniff(entry: os.DirEntry[str], *, named: bool) -> bytes | None:
    """Return the beginning of an mbox file, None where it is none.

    An empty file is one if it is named like one: a mailbox from which everything was moved is still there. So is one
    that may not be read: it must not look as if it had been removed.
    """
    try:
        with opened(entry.path) as file:
            head = file.read(0, 5)
            if _starts_mbox(head) or head.startswith((b"\xef\xbb\xbf", b"\r", b"\n")):
                head = file.read(0, _SNIFFED)
    except OSError:
        return b"" if named else None
    return head if _starts_mbox(head) or (named and not head) else None


def _starts_mbox(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").startswith((b"From ", b"From\n", b"From\r"))


def _labelled(head: bytes) -> bool:
    """Tell whether the first message carries Gmail's labels."""
    return b"\nX-Gmail-Labels:" in head.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]


def _mailbox(
    kind: Kind, path: Path, parts: tuple[str, ...], names: tuple[str, ...], *, labelled: bool = False
) -> Mailbox:
    readable = "/".join(_readable(names, maildir=kind is Kind.MAILDIR))
    own = unicodedata.normalize("NFC", _text(path.name))
    if kind is Kind.MAILDIR and not readable:
        readable = "/".join(_readable((path.name,), maildir=True))
        # A Maildir's own messages are its inbox, unless the path is one of its folders.
        if role_of(readable) is CollectionRole.NONE and not path.name.startswith("."):
            readable = "INBOX"
    name = readable or own or "Mail"
    return Mailbox(kind, path, Collection(id=shown("/".join(parts)) or ".", name=name, role=role_of(name)), labelled)


def _readable(parts: tuple[str, ...], *, maildir: bool) -> list[str]:
    """Return a folder's place in words: without the suffixes and the encodings of the programs that wrote it."""
    words: list[str] = []
    for index, part in enumerate(parts):
        word = unicodedata.normalize("NFC", _text(part))
        if maildir:
            words += (
                [decode_utf7(piece) for piece in word.split(".") if piece]
                if word.startswith(".")
                else [decode_utf7(word)]
            )
            continue
        last = index == len(parts) - 1
        if last and index and word == "mbox" and parts[index - 1].lower().endswith(".mbox"):
            break
        stem, dot, suffix = word.rpartition(".")
        words.append(stem if stem and dot + suffix.lower() in _SUFFIXES else word)
    return words


def _text(name: str) -> str:
    """Return a file name as text; one that is no UTF-8 was written by a system that used Latin-1."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("latin-1")
    return name


def decode_utf7(name: str) -> str:
    """Decode an IMAP folder name (RFC 3501 section 5.1.3); one that is not so encoded stays as it is.

    >>> decode_utf7("Entw&APw-rfe"), decode_utf7("R&-D"), decode_utf7("R&D-2024")
    ('Entwürfe', 'R&D', 'R&D-2024')
    """
    pieces = name.split("&")
    text = [pieces[0]]
    for piece in pieces[1:]:
        code, dash, rest = piece.partition("-")
        if not dash:
            return name
        octets = decode_base64(code.replace(",", "/").encode("utf-8", "replace"))
        try:
            text += ["&" if not code else octets.decode("utf-16-be"), rest]
        except UnicodeDecodeError:
            return name
        if code and (not octets or len(code) % 4 == 1):
            return name
    return "".join(text)


_RANK = {role: rank for rank, role in enumerate((
    CollectionRole.INBOX, CollectionRole.SENT, CollectionRole.NONE, CollectionRole.ARCHIVE, CollectionRole.ALL,
    CollectionRole.DRAFTS, CollectionRole.JUNK, CollectionRole.TRASH,
))}  # fmt: skip
