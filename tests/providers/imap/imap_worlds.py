"""A mailbox on Dovecot as a world for `SourceContract`, and short ways to fill one."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Mapping
from contextlib import closing, contextmanager
from typing import Any

from cyrus import Cyrus
from dovecot import PASSWORD, Dovecot

from crmsync.model import Item, Message
from crmsync.protocols import Provider
from crmsync.providers.imap import ImapMail
from crmsync.providers.network.access import Access

ME = "me@acme.com"


def mail(
    name: str,
    text: str = "Hello.",
    *,
    sender: str = "ann@client.example",
    headers: str = "MIME-Version: 1.0\r\n",
) -> bytes:
    """Write a message; its Message-ID carries the name."""
    return (
        f"From: Ann <{sender}>\r\nTo: {ME}\r\nSubject: {name}\r\nMessage-ID: <{name}@contract.example>\r\n"
        f"Date: Mon, 02 Feb 2026 10:00:00 +0000\r\n{headers}\r\n{text}\r\n"
    ).encode()


def access_to(port: int, user: str, **settings: Any) -> Access:
    """Return how to reach a server on this machine."""
    known: dict[str, Any] = {
        "host": "127.0.0.1", "port": port, "security": "unencrypted", "username": user, "password": lambda: PASSWORD,
        "allow_internal": True, "timeout": 20,
    }  # fmt: skip
    return Access(**{**known, **settings})


def text_of(item: Item) -> str | None:
    (record,) = item.records
    assert isinstance(record, Message)
    return record.text


def names_of(items: Mapping[Any, Item]) -> list[str]:
    """Return the names of stored messages, sorted."""
    records = [record for item in items.values() for record in item.records]
    return sorted((r.message_id or "").removesuffix("@contract.example") for r in records if isinstance(r, Message))


class Mailbox:
    """One user's mail on a server, to be changed as other mail programs change it."""

    def __init__(self, server: Dovecot | Cyrus) -> None:
        self.server = server
        self.user = server.user()

    def access(self, **settings: Any) -> Access:
        return access_to(settings.pop("port", self.server.port), self.user, **settings)

    def provider(self, **options: Any) -> ImapMail:
        return ImapMail(self.access(), **options)

    @contextmanager
    def open(self, folder: str = "INBOX") -> Any:
        client = self.server.client(self.user)
        with closing(_Closing(client)):
            check(client.select(f'"{folder}"'))
            yield client

    def put(self, *raw: bytes, folder: str = "INBOX", flags: str = "") -> None:
        client = self.server.client(self.user)
        with closing(_Closing(client)):
            for data in raw:
                check(client.append(f'"{folder}"', flags, "", data))

    def make(self, *folders: str) -> None:
        client = self.server.client(self.user)
        with closing(_Closing(client)):
            for folder in folders:
                check(client.create(f'"{folder}"'))

    def uid_of(self, name: str, folder: str = "INBOX") -> str:
        with self.open(folder) as client:
            return str(check(client.uid("SEARCH", "HEADER", "Message-ID", f"<{name}@contract.example>"))[0].decode())

    def remove(self, *names: str, folder: str = "INBOX") -> None:
        self.flag(*names, folder=folder, flags="\\Deleted")
        with self.open(folder) as client:
            check(client.expunge())

    def flag(self, *names: str, folder: str = "INBOX", flags: str, change: str = "+FLAGS") -> None:
        with self.open(folder) as client:
            for name in names:
                found = check(client.uid("SEARCH", "HEADER", "Message-ID", f"<{name}@contract.example>"))[0].decode()
                check(client.uid("STORE", found, change, f"({flags})"))

    def move(self, name: str, to: str, folder: str = "INBOX") -> None:
        uid = self.uid_of(name, folder)
        with self.open(folder) as client:
            check(client.uid("MOVE", uid, f'"{to}"'))


def renumber(mailbox: Mailbox) -> None:
    """Give all messages of INBOX new UIDs."""
    assert isinstance(mailbox.server, Dovecot)
    maildir = mailbox.server.maildir(mailbox.user)
    with mailbox.open() as client:
        before = client.response("UIDVALIDITY")[1]
    uids = maildir / "dovecot-uidlist"
    uids.write_text(re.sub(r" V(\d+)", lambda match: f" V{int(match[1]) + 1_000}", uids.read_text(), count=1))
    for file in maildir.glob("dovecot.index*"):
        file.unlink()
    with mailbox.open() as client:
        assert before != client.response("UIDVALIDITY")[1], "the test did not manage to renumber"


class ImapWorld:
    """An INBOX for the contract of sources."""

    def __init__(self, server: Dovecot | Cyrus) -> None:
        self.mailbox = Mailbox(server)

    def provider(self) -> Provider:
        return OnlyInbox(self.mailbox.access())

    def put(self, name: str) -> None:
        self.mailbox.put(mail(name))

    def remove(self, name: str) -> None:
        self.mailbox.remove(name)


class OnlyInbox(ImapMail):
    """The contract looks at one stream."""

    def streams(self, selection: Any) -> Any:
        return [s for s in super().streams(selection) if s.collection and s.collection.name == "INBOX"]


class _Closing:
    def __init__(self, client: imaplib.IMAP4) -> None:
        self.client = client

    def close(self) -> None:
        self.client.logout()


def check(answer: tuple[str, Any]) -> Any:
    """Return what the server said if it did what it was asked."""
    said, data = answer
    assert said == "OK", data
    return data
