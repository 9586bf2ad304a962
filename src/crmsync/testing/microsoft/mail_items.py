"""What an Outlook mailbox keeps: folders, messages, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

from ..web.mail import header_of, parsed

ChangeKind = Literal["created", "updated", "removed"]


@dataclass(eq=False)
class Folder:
    """A mail folder. Its id is the same whatever `Prefer` says."""

    id: str
    name: str
    parent: Folder | None
    well_known: str | None = None
    hidden: bool = False
    order: list[tuple[float, int]] = field(default_factory=list)
    """Where its messages stand: when they came, and their numbers; oldest first."""
    journal: list[Change] = field(default_factory=list)
    revision: int = 0
    epoch: int = 0
    """Tokens of an earlier epoch have expired."""


@dataclass(eq=False)
class Mail:
    """A message as the mailbox keeps it."""

    number: int
    raw: bytes
    folder: Folder
    received: float
    id: str
    """The ordinary id: another one after each move."""
    immutable: str
    """The immutable id: the same as long as it lives in this mailbox."""
    conversation: str
    created: float
    modified: float
    revision: int = 0
    is_read: bool = False
    is_draft: bool = False
    categories: list[str] = field(default_factory=list)
    flag: str = "notFlagged"
    importance: str | None = None
    """None: as its headers say."""
    links: list[Link] = field(default_factory=list)

    @property
    def parsed(self) -> Message:
        """The message, parsed."""
        return parsed(self.raw)

    @property
    def place(self) -> tuple[float, int]:
        """Where it stands in its folder."""
        return self.received, self.number


class Link(NamedTuple):
    """A reference attachment: a link to a file in the cloud."""

    name: str
    url: str


class Change(NamedTuple):
    """What happened to a message in one folder."""

    revision: int
    kind: ChangeKind
    mail: Mail
    id: str
    """The ordinary id that it had in this folder."""
    fields: frozenset[str] = frozenset()
    """For an update, what changed."""


@dataclass
class DeltaHabits:
    """What delta queries do that the documents do not promise. Change it at any time."""

    largest_page: int = 200
    """Pages are no longer, whatever is preferred. The real number is not documented."""
    filtered_most: int = 5_000
    """A walk with `$filter` ends after so many messages."""
    empty_every: int = 0
    """Every so many pages an empty one comes between, with a link to the next; 0 is never."""
    repeats: bool = False
    """Whether a page begins with the last item of the page before."""
    reverse: bool = False
    """Whether a walk begins with the oldest message."""
    trap: bool = True
    """Whether a message that left its folder and came back between two rounds is told as a removal only, under
    immutable ids: https://github.com/microsoftgraph/microsoft-graph-docs/issues/21752."""
    partial: bool = True
    """Whether a change of the read flag brings `id`, `isRead` and `parentFolderId` only."""


def sent_at(mail: Mail) -> float:
    """Return when a message was sent by its header, else when it came."""
    try:
        return parsedate_to_datetime(header_of(mail.parsed, "Date")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return mail.received
