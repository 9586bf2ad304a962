"""Mail in files as a provider: what Google Takeout and mail programs export, or keep on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import Unavailable
from ...model import Collection, Selection
from ...protocols import Identity, Provider, Source, Stream
from .layout import Kind, Mailbox, empty_folder, mailboxes
from .mbox import MboxSource
from .reading import in_words, shown
from .single import EmlSource, MaildirSource
from .takeout import labels_in


class MailFiles(Provider):
    """Mail in an mbox file, a Maildir, a folder of .eml files, or a folder with any of these in it.

    Reads what Google Takeout, Thunderbird, Apple Mail, mutt and Dovecot write, while they go on writing it, and
    changes nothing. Each mbox file and each folder is a stream. Nothing is filtered here but by the selection: spam,
    trash and drafts are known by their folder's name, Gmail's labels or a message's flags, and left to the rules, so
    that the ledger explains them.

    Args:
        path: the file or folder.
        address: whose mail it is; a file does not tell.
        html: whether messages carry their HTML body too, sanitised.
    """

    def __init__(self, path: str | Path, address: str, *, html: bool = False) -> None:
        self._path = Path(path)
        self._address = address
        self._html = html

    def identify(self) -> Identity:
        """Return the address that was given, after a look whether there is mail to read.

        Raises:
            Unavailable: there is none, and what to do about it.
        """
        if not mailboxes(self._path):
            raise Unavailable(
                f"there is no mail in {shown(self._path)}; give an mbox file, a Maildir, or a folder with mbox or "
                ".eml files in it"
            )
        return Identity(address=self._address)

    def collections(self) -> Sequence[Collection]:
        """List the folders, and the labels of Gmail's export, for which its file is read once.

        Raises:
            Unavailable: the path cannot be read.
        """
        listed: dict[str, Collection] = {}
        for box in self._mailboxes():
            listed[box.collection.id] = box.collection
            if box.labelled:
                with in_words(box.path):
                    listed |= {label.id: label for label in labels_in(box.path)}
        return list(listed.values())

    def streams(self, selection: Selection) -> Sequence[Stream]:
        """List a stream for each selected mbox file or folder; Gmail's export always, since its labels decide.

        Raises:
            Unavailable: the path cannot be read. A folder in it that cannot be read counts too: left out, it would
                look as if it had been removed.
        """
        return [
            Stream(box.collection.id, self._source(box), None if box.labelled else box.collection)
            for box in self._mailboxes()
            if box.labelled or selection.chooses(box.collection)
        ]

    def _mailboxes(self) -> list[Mailbox]:
        return mailboxes(self._path) or [empty_folder(self._path)]

    def _source(self, box: Mailbox) -> Source:
        if box.kind is Kind.MBOX:
            return MboxSource(box.path, box.collection, spanning=box.labelled, html=self._html)
        kind = MaildirSource if box.kind is Kind.MAILDIR else EmlSource
        return kind(box.path, box.collection, html=self._html)
