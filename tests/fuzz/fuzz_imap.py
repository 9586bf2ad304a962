"""IMAP: whatever one answer is, a run ends in an error of ours or none, leaks nothing, and honest ones converge."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress

from hunting import hunt
from imap_scripted import Folder, ScriptedServer
from imap_worlds import ME, access_to, mail, names_of

from crmsync import Channel, ContactCreation, Policy, sync
from crmsync.errors import CrmSyncError
from crmsync.providers.imap import ImapMail
from crmsync.testing import MemoryStorage

CHANNEL = Channel(key="c", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED, blocked={"spam.example"})
POLICY = Policy(internal_domains={"acme.com"}, max_deletion_free=1_000, max_attempts=2)
MULTIPART = "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n"
STRUCTURE = (
    '(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 8 1 NIL NIL NIL NIL)("text" "html" NIL NIL NIL "7bit" 15 1 NIL'
    ' NIL NIL NIL) "alternative" ("boundary" "b") NIL NIL NIL)'
)
WORDS = [
    b"* ",
    b"+ ",
    b"TAG ",
    b"OK ",
    b"NO ",
    b"BAD ",
    b"BYE ",
    b"\r\n",
    b"\n",
    b"(",
    b")",
    b'"',
    b"\\",
    b"{5}\r\n",
    b"{0}\r\n",
    b"{99999999999}\r\n",
    b"NIL",
    b"FETCH",
    b"UID 1",
    b"UID 0",
    b"UID 4294967296",
    b"FLAGS ()",
    b"FLAGS (\\Deleted)",
    b"FLAGS (\\Draft)",
    b"EXISTS",
    b"* 3 EXISTS\r\n",
    b"* 1 EXPUNGE\r\n",
    b"* VANISHED 1:3\r\n",
    b"BODYSTRUCTURE",
    b"BODY[1]",
    b"BODY[HEADER.FIELDS (X)]",
    b"BODY[HEADER]",
    b"[UIDVALIDITY 7]",
    b"[UIDNEXT 1]",
    b"[HIGHESTMODSEQ 1]",
    b"[UNAVAILABLE]",
    b"[LIMIT]",
    b"[AUTHENTICATIONFAILED]",
    b"[MESSAGELIMIT 1 2]",
    b"LIST",
    b"STATUS",
    b"SEARCH",
    b"ESEARCH",
    b'(TAG "TAG")',
    b"UID ALL 1:*",
    b"1:4294967295",
    b"-1",
    b"18446744073709551616",
    b"MESSAGES 0",
    b"MAILBOXID (F1)",
    b"\\Noselect",
    b"\\Trash",
    b"INBOX",
    b"&AAA-",
    b"&2AA-",
    b"\x00",
    b"\xff\xfe",
    b"CAPABILITY IMAP4rev1",
    b"From: bob@acme.com\r\n",
]
PROFILES = (
    (),
    (
        "CONDSTORE",
        "QRESYNC",
        "ENABLE",
        "ESEARCH",
        "LIST-STATUS",
        "LIST-EXTENDED",
        "SPECIAL-USE",
        "NAMESPACE",
        "OBJECTID",
        "UNSELECT",
    ),
    ("UIDONLY", "ENABLE", "ESEARCH", "LIST-STATUS", "ID"),
)


class Liar(ScriptedServer):
    """Answers as it is, but for one answer in a run."""

    def __init__(self, *extensions: str) -> None:
        folders = {"INBOX": Folder(mailboxid="F1"), "Sent": Folder(flags="\\Sent", mailboxid="F2", uidvalidity=9)}
        super().__init__(*extensions, folders=folders)
        self.lie: bytes | None = None
        self.turn = 0
        self.honest: list[bytes] = []
        """What was answered, where somebody listens."""
        for name, sender in (("a", "ann@client.example"), ("in", "bob@acme.com"), ("spam", "eve@spam.example")):
            self.inbox.put(mail(name, f"text of {name}", sender=sender, headers=MULTIPART), structure=STRUCTURE)
            self.inbox.put(mail(f"plain-{name}", f"text of {name}", sender=sender))
        self.inbox.put(mail("draft"), flags="\\Draft")
        self.put("sent", folder="Sent")
        self.hook = self._answer

    def _answer(self, _: str) -> bytes | None:
        self.turn -= 1
        return self.lie if self.turn == 0 else None

    def run(self, storage: MemoryStorage) -> None:
        with ImapMail(self.access(timeout=0.3, connect_timeout=5)) as provider:
            sync(provider, storage, CHANNEL, POLICY)


STORED = ["a", "plain-a", "sent"]
KEPT_OUT = {"in", "spam", "plain-in", "plain-spam", "draft"}


def lies(server: Liar) -> Iterator[bytes]:
    """Yield what an honest server answers, with `TAG` for the tags."""
    from lines import Line

    with Line(server.port) as line:
        with ImapMail(access_to(line.port, ME)) as provider:
            sync(provider, MemoryStorage(), CHANNEL, POLICY)
        answers = bytes(line.received).split(b"\r\n")
    piece: list[bytes] = []
    for text in answers:
        tag, _, rest = text.partition(b" ")
        if tag.isalnum() and rest[:3] in (b"OK ", b"NO ", b"BAD"):
            yield b"\r\n".join([*piece, b"TAG " + rest, b""])
            piece = []
        else:
            piece.append(text)


def check(data: bytes) -> None:
    """Lie once, in the first run or in a later one; then be honest, and compare."""
    server = SERVERS[data[0] % len(SERVERS)] if data else SERVERS[0]
    storage = MemoryStorage()
    later = len(data) % 2
    if later:
        server.run(storage)
    server.lie, server.turn = data, 2 + sum(data[:8]) % 24
    before = dict(server.inbox.messages)
    if later:
        server.inbox.put(mail("new"))
    try:
        with suppress(CrmSyncError):
            server.run(storage)
        if b"From" in data:
            return  # who makes up another sender is believed
        assert not KEPT_OUT & set(names_of(storage.items)), "leaked"
        server.lie = None
        for _ in range(4):
            with suppress(CrmSyncError), ImapMail(server.access()) as provider:
                sync(provider, storage, CHANNEL, POLICY, redrive=True)
        wanted = sorted([*STORED, *["new"] * later])
        stored = names_of(storage.items)
        assert wanted == [name for name in stored if name in wanted], f"lost: {stored}"
        assert stored == wanted, f"more than there is: {stored}"
    finally:
        server.lie = None
        server.inbox.messages, server.inbox.uidnext = before, max(before) + 1
        server.inbox.modseq += 1


SERVERS = [Liar(*profile).__enter__() for profile in PROFILES]

if __name__ == "__main__":
    seeds = list(dict.fromkeys(one for server in SERVERS for one in lies(server)))
    sys.exit(hunt("imap", seeds, WORDS, check) > 0)
