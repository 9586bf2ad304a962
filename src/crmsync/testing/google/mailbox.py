"""A Gmail mailbox in memory: messages, labels and the history of both, changed by a test or by the API."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from typing import Any, Literal, NamedTuple

from ..web.clock import Clock
from ..web.mail import File, compose, header_of, parsed

SYSTEM_LABELS = (
    "INBOX", "SPAM", "TRASH", "UNREAD", "STARRED", "IMPORTANT", "SENT", "DRAFT", "CHAT", "CATEGORY_PERSONAL",
    "CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_UPDATES", "CATEGORY_FORUMS",
)  # fmt: skip

_HEAD = 20_000
_MESSAGE_ID = re.compile(rb"^Message-ID:[ \t\r\n]*(<[^>\r\n]+>)", re.IGNORECASE | re.MULTILINE)

Change = Literal["messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"]


@dataclass(eq=False)
class Mail:
    """A message as the mailbox keeps it."""

    id: str
    thread: str
    raw: bytes
    labels: set[str]
    internal: int
    """When Gmail got it, in milliseconds since 1970."""
    history: int = 0
    arrived: float = 0.0
    """When it came into the mailbox, whatever it says of itself: seconds since 1970."""

    @property
    def parsed(self) -> Message:
        """The message, parsed."""
        return parsed(self.raw)

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in a listing."""
        return self.internal, self.id


class HistoryRecord(NamedTuple):
    """One change."""

    id: int
    change: Change
    mail: Mail
    labels: tuple[str, ...] = ()
    """The labels added or removed."""
    now: tuple[str, ...] = ()
    """The message's labels afterwards."""


class Label(NamedTuple):
    """A label that the user made."""

    id: str
    name: str


class Notification(NamedTuple):
    """What Gmail publishes to a watch's topic."""

    topic: str
    address: str
    history: str


@dataclass
class Watch:
    """A watch on a mailbox."""

    topic: str
    labels: frozenset[str]
    exclude: bool
    expires: float
    last: float = field(default=float("-inf"))


class Mailbox:
    """One account's mail. Its methods are what happens to it from elsewhere: mail comes, a person sorts it.

    Args:
        address: whose it is.
        clock: the server's.
        first_history: the first history id; small ones soon grow by a digit, which text comparison gets wrong.
        keeps_message_id: whether what is sent keeps the Message-ID it came with.
    """

    def __init__(
        self, address: str, clock: Clock, *, first_history: int = 990, number: int = 1, keeps_message_id: bool = True
    ) -> None:
        self.address = address
        self.keeps_message_id = keeps_message_id
        self.utf8 = True
        """Whether text parts come as UTF-8 though their headers name another charset, as they do by all reports."""
        self.page_size = 500
        """Pages of listings are no longer than this, whatever is asked for."""
        self.drift = 0
        """By how many messages Gmail's own count differs from what it lists."""
        self.get_lag = 0.0
        """Seconds for which a message that has just come is listed, but answered with 404."""
        self.search_lag = 0.0
        """Seconds after which a search finds a message; a listing, of a label too, has it at once."""
        self.aliases: dict[str, str] = {}
        """The addresses it may send as, with `accepted` or `pending`."""
        self.mails: dict[str, Mail] = {}
        self.labels: dict[str, Label] = {}
        self.drafts: dict[str, str] = {}
        """The message that each draft of the API is now, by the draft's id."""
        self.records: list[HistoryRecord] = []
        self.history = first_history
        self.oldest = first_history
        """History ids below this one are forgotten."""
        self.watch: Watch | None = None
        self.notifications: list[Notification] = []
        self.order: list[tuple[int, str]] = []
        """The messages' places, oldest first."""
        self._clock = clock
        self._next = (0x19B0 + number) << 48 | 0x9F3A << 32
        self._message_ids: dict[str, str] = {}
        self._threads: dict[str, list[str]] = {}
        self._labels = 0
        self._lock = threading.RLock()

    # -- what happens from elsewhere

    def deliver(
        self,
        raw: bytes | EmailMessage | None = None,
        *,
        sender: str = "Ann Doe <ann@client.example>",
        to: str | Sequence[str] | None = None,
        cc: str | Sequence[str] = (),
        bcc: str | Sequence[str] = (),
        subject: str = "Hello",
        text: str | None = "Hello there.",
        html: str | None = None,
        files: Sequence[File] = (),
        date: datetime | None = None,
        received: datetime | None = None,
        message_id: str | None = None,
        in_reply_to: str | None = None,
        references: Sequence[str] = (),
        headers: Iterable[tuple[str, str]] = (),
        labels: Iterable[str] = ("INBOX", "UNREAD"),
        thread: str | None = None,
    ) -> str:
        """Let a mail arrive, and return its id.

        `raw` is the whole mail; without it one is written from the rest. It joins the thread that `thread` names, or
        that of a mail it refers to under the same subject.
        """
        with self._lock:
            id_ = self._new_id()
            now = datetime.fromtimestamp(self._clock(), UTC)
            if isinstance(raw, EmailMessage):
                raw = raw.as_bytes()
            if raw is None:
                raw = compose(
                    sender=sender,
                    to=_many(self.address if to is None else to),
                    cc=_many(cc),
                    bcc=_many(bcc),
                    subject=subject,
                    text=text,
                    html=html,
                    files=files,
                    date=date or received or now,
                    message_id=message_id or f"{id_}@mail.example",
                    in_reply_to=in_reply_to,
                    references=references,
                    headers=headers,
                )
            mail = Mail(id_, "", raw, set(labels), int((received or date or now).timestamp() * 1000))
            mail.thread = thread or self._thread_of(mail) or id_
            self._add(mail)
            return id_

    def label(self, id_: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add and remove labels by id, as moving and reading do."""
        with self._lock:
            mail = self.mails[id_]
            added = [name for name in add if name not in mail.labels]
            removed = [name for name in remove if name in mail.labels]
            mail.labels = (mail.labels | set(added)) - set(removed)
            if added:
                self._record("labelsAdded", mail, added)
            if removed:
                self._record("labelsRemoved", mail, removed)

    def trash(self, id_: str) -> None:
        """Move to the trash, which is a label."""
        self.label(id_, add=["TRASH"], remove=["INBOX"])

    def untrash(self, id_: str) -> None:
        """Take out of the trash."""
        self.label(id_, remove=["TRASH"])

    def archive(self, id_: str) -> None:
        """Take out of the inbox."""
        self.label(id_, remove=["INBOX"])

    def remove(self, id_: str) -> None:
        """Delete for good."""
        with self._lock:
            mail = self.mails.pop(id_)
            del self.order[bisect_left(self.order, mail.place)]
            self._threads[mail.thread].remove(id_)
            self._record("messagesDeleted", mail)

    def redraft(self, id_: str, **content: str) -> str:
        """Save a draft again, and return its message's new id: each save makes a new message."""
        with self._lock:
            old = self.mails[id_]
            self.remove(id_)
            return self.deliver(sender=self.address, labels=["DRAFT"], thread=old.thread, **content)  # type: ignore[arg-type]  # the texts of `deliver`

    def schedule(self, at: datetime, **content: Any) -> str:
        """Let the owner write a mail that is to go out later; it is listed, under no label, with that time."""
        return self.deliver(sender=self.address, labels=(), received=at, **content)

    def send_scheduled(self, id_: str) -> None:
        """Let a mail go out whose time has come."""
        with self._lock:
            mail = self.mails[id_]
            del self.order[bisect_left(self.order, mail.place)]
            mail.internal = int(self._clock() * 1000)
            insort(self.order, mail.place)
            self.label(id_, add=["SENT"])

    def shows(self, mail: Mail) -> bool:
        """Tell whether a get has a message already."""
        return self._clock() - mail.arrived >= self.get_lag

    def is_indexed(self, mail: Mail) -> bool:
        """Tell whether a search finds a message already."""
        return self._clock() - mail.arrived >= self.search_lag

    def make_label(self, name: str) -> str:
        """Make a label, and return its id, which no other ever had. A slash nests it."""
        with self._lock:
            self._labels += 1
            id_ = f"Label_{self._labels}"
            self.labels[id_] = Label(id_, name)
            return id_

    def rename_label(self, id_: str, name: str) -> None:
        """Give a label another name; its id stays."""
        self.labels[id_] = Label(id_, name)

    def remove_label(self, id_: str) -> None:
        """Delete a label; it goes from its messages."""
        with self._lock:
            del self.labels[id_]
            for mail in self.mails.values():
                if id_ in mail.labels:
                    self.label(mail.id, remove=[id_])

    def expire_history(self) -> None:
        """Forget the history so far, as Gmail does after a week, or after hours."""
        with self._lock:
            self._advance()
            self.oldest = self.history
            self.records.clear()

    # -- what the API reads

    def thread(self, id_: str) -> list[Mail]:
        """Return a thread's messages, oldest first."""
        return sorted((self.mails[i] for i in self._threads.get(id_, ())), key=lambda mail: mail.place)

    def label_name(self, name: str) -> str | None:
        """Return the id of the label that a search names: spaces and slashes are dashes there."""
        wanted = name.strip('"').lower()
        for id_ in SYSTEM_LABELS:
            if id_.lower() == wanted:
                return id_
        for label in self.labels.values():
            if wanted in {label.name.lower(), label.name.lower().replace(" ", "-").replace("/", "-")}:
                return label.id
        return None

    def ids(self) -> list[str]:
        """Return every message's id, oldest first."""
        return [id_ for _, id_ in self.order]

    # -- inside

    def _new_id(self) -> str:
        self._next += 0x1_0000_0001
        return f"{self._next:x}"

    def _advance(self) -> int:
        # Ids have gaps: Gmail counts changes that the API does not show.
        self.history += 1 + self.history * 7 % 5
        return self.history

    def _add(self, mail: Mail) -> None:
        mail.arrived = self._clock()
        self.mails[mail.id] = mail
        insort(self.order, mail.place)
        self._threads.setdefault(mail.thread, []).append(mail.id)
        message_id = _MESSAGE_ID.search(mail.raw[:_HEAD])
        if message_id:
            self._message_ids[message_id[1].decode("latin-1")] = mail.id
        self._record("messagesAdded", mail)

    def _thread_of(self, mail: Mail) -> str | None:
        if not re.search(rb"^(?:References|In-Reply-To):", mail.raw[:_HEAD], re.IGNORECASE | re.MULTILINE):
            return None
        referred = f"{header_of(mail.parsed, 'References')} {header_of(mail.parsed, 'In-Reply-To')}".split()
        for message_id in reversed(referred):
            other = self.mails.get(self._message_ids.get(message_id, ""))
            if other and same_subject(other.parsed, mail.parsed):
                return other.thread
        return None

    def _record(self, change: Change, mail: Mail, labels: Sequence[str] = ()) -> None:
        mail.history = self._advance()
        now = tuple(sorted(mail.labels))
        self.records.append(HistoryRecord(mail.history, change, mail, tuple(labels), now))
        self._notify(frozenset(now) | frozenset(labels))

    def _notify(self, labels: frozenset[str]) -> None:
        watch, now = self.watch, self._clock()
        if watch is None or now >= watch.expires or now - watch.last < 1:
            return
        if not watch.labels or watch.exclude != bool(watch.labels & labels):
            watch.last = now
            self.notifications.append(Notification(watch.topic, self.address, str(self.history)))


def same_subject(one: Message, other: Message) -> bool:
    """Tell whether two mails may stand in one thread: replies and forwards keep the subject."""
    return _bare(header_of(one, "Subject")) == _bare(header_of(other, "Subject"))


def _bare(subject: str) -> str:
    while subject[:3].lower() == "re:" or subject[:4].lower() in {"fwd:", "fw: "}:
        subject = subject.partition(":")[2].strip()
    return subject.lower()


def _many(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
