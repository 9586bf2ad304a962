"""The two kinds of folder with one message a file: Maildir, and .eml files as mail programs export them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ...model import Item, Skipped
from .folder import Entry, FolderSource, moment
from .mbox_message import DELETED, DRAFT
from .messages import GIANT, LEADING, to_item
from .reading import RegularFile, opened, shown

SUFFIXES = (".eml", ".emlx")
"""Files with one message each; Apple Mail's own .emlx has the message's length on its first line."""

_INFO = re.compile(r"[:;!]2,(?=[^:;!]*$)")
_LENGTH = re.compile(rb"[ \t]*(\d{1,12})[ \t]*\r?\n")


class MaildirSource(FolderSource):
    """One folder of a Maildir (https://cr.yp.to/proto/maildir.html).

    A file's id is its unique name, which stays when it moves from `new` to `cur` and when its flags change. Flags
    that keep a message out, T (deleted) and D (draft), are part of the id, so that changing them is a change.
    """

    def _files(self) -> Iterator[Entry]:
        # `new` comes first: what moves meanwhile moves to `cur`, and is seen there.
        yield from self._within("new")
        yield from self._within("cur")

    def _times(self) -> tuple[int, ...]:
        new = self._path / "new"
        return (self._path / "cur").stat().st_mtime_ns, new.stat().st_mtime_ns if new.exists() else 0

    def _within(self, name: str) -> Iterator[Entry]:
        try:
            listing = os.scandir(self._path / name)
        except FileNotFoundError:
            # An empty `new` is left out by some archivers. Without `cur` it is no Maildir any more.
            if name == "new":
                return
            raise
        with listing:
            for file in listing:
                if not file.name.startswith(".") and file.is_file(follow_symlinks=False):
                    entry = _entry(file, _maildir_id(file.name))
                    if entry:
                        yield entry

    def _read(self, entry: Entry) -> Item | Skipped | None:
        with opened(entry.path) as file:
            flags = _INFO.split(entry.id, maxsplit=1)[1:]
            state = (DELETED if "T" in flags[0] else DRAFT) if flags else None
            return to_item(
                entry.id,
                _content(file),
                collection=self._collection,
                state=state,
                received=partial(moment, entry.mtime),
                html=self._html,
            )


class EmlSource(FolderSource):
    """The .eml files of one folder, not of those in it.

    A file's id is its name with a digest of its size and time, so that a file that was changed is another item.
    """

    def _times(self) -> tuple[int, ...]:
        return (self._path.stat().st_mtime_ns,)

    def _files(self) -> Iterator[Entry]:
        with os.scandir(self._path) as listing:
            for file in listing:
                if is_eml(file):
                    entry = _entry(file, shown(file.name))
                    if entry:
                        yield entry._replace(id=_eml_id(entry.id, entry.mtime, entry.size))

    def _read(self, entry: Entry) -> Item | Skipped | None:
        with opened(entry.path) as file:
            size, mtime = file.version()
            if _eml_id(shown(Path(entry.path).name), mtime, size) != entry.id:
                return None
            data = _content(file)
        if entry.path.lower().endswith(".emlx") and (length := _LENGTH.match(data)):
            data = data[length.end() : length.end() + int(length[1])]
        return to_item(entry.id, data, collection=self._collection, html=self._html)


def is_eml(file: os.DirEntry[str]) -> bool:
    """Tell whether a file holds one message. What macOS adds on other disks ("._x.eml") does not."""
    return (
        file.name.lower().endswith(SUFFIXES) and not file.name.startswith("._") and file.is_file(follow_symlinks=False)
    )


def _entry(file: os.DirEntry[str], id_: str) -> Entry | None:
    try:
        status = file.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Entry(id_, status.st_mtime_ns, status.st_size, file.path)


def _maildir_id(name: str) -> str:
    unique, *info = _INFO.split(shown(name), maxsplit=1)
    # A file that is named by its flags alone needs an id too; without one it would stop its whole folder.
    unique = unique or f"_{shown(name)[1:]}"
    flags = "".join(flag for flag in "DT" if info and flag in info[0])
    return f"{unique}:2,{flags}" if flags else unique


def _eml_id(name: str, mtime: int, size: int) -> str:
    return f"{name}#{hashlib.blake2b(f'{mtime} {size}'.encode(), digest_size=6).hexdigest()}"


def _content(file: RegularFile) -> bytes:
    size = file.version().size
    return file.read(0, size if size <= GIANT else LEADING)
