"""An IMAP server in memory, for what Dovecot cannot be made to do: other extensions, lies, hangs, cuts, giants.

`with ScriptedServer(...) as server:` listens on a free port. `server.hook` sees each command before it is answered.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from imap_worlds import access_to, mail

from crmsync.providers.network.access import Access

_CHUNK = b"QUFB" * 19 + b"\r\n"
"""A line of base64: 57 times "A"."""


@dataclass
class Stored:
    """A message as the server has it."""

    header: bytes
    text: bytes = b"Hello.\r\n"
    labels: str = ""
    flags: str = ""
    emailid: str = ""
    attachment: int = 0
    """Lines of an attached file, made up while they are sent."""
    structure: str | None = None

    @classmethod
    def of(cls, raw: bytes, **options: Any) -> Stored:
        header, _, text = raw.partition(b"\r\n\r\n")
        return cls(header + b"\r\n\r\n", text, **options)

    def part(self, section: str, start: int, count: int) -> bytes:
        if section == "2" and self.attachment:
            end = min(start + count, self.attachment * len(_CHUNK))
            lines = range(start // len(_CHUNK), -(-end // len(_CHUNK)))
            return (_CHUNK * len(lines))[start % len(_CHUNK) :][: max(end - start, 0)]
        whole = {"HEADER": self.header, "": self.header + self.text}.get(section, self.text)
        return whole[start : start + count]

    def described(self) -> str:
        if self.structure is not None:
            return self.structure
        text = f'("text" "plain" ("charset" "utf-8") NIL NIL "8bit" {len(self.text)} 1 NIL NIL NIL NIL)'
        if not self.attachment:
            return text
        size = self.attachment * len(_CHUNK)
        file = f'("application" "zip" ("name" "big.zip") NIL NIL "base64" {size} NIL ("attachment" NIL) NIL NIL)'
        return f'({text}{file} "mixed" ("boundary" "b") NIL NIL NIL)'


@dataclass
class Folder:
    """A folder as the server has it."""

    uidvalidity: int = 1_000
    flags: str = ""
    mailboxid: str = ""
    messages: dict[int, Stored] = field(default_factory=dict)
    uidnext: int = 1
    modseq: int = 1
    changed: dict[int, int] = field(default_factory=dict)
    delimiter: str = "/"

    def put(self, raw: bytes, **options: Any) -> int:
        uid = self.uidnext
        self.messages[uid] = Stored.of(raw, **options)
        self.uidnext += 1
        self.touch(uid)
        return uid

    def touch(self, uid: int) -> None:
        self.modseq += 1
        self.changed[uid] = self.modseq

    def remove(self, uid: int) -> None:
        del self.messages[uid]
        self.modseq += 1


Hook = Callable[[str], bytes | str | None]
"""Sees a command without its tag; returns what to say instead, "hang", "cut", or None to have it answered.
In octets `TAG` stands for the command's tag."""


class ScriptedServer:
    """The server, and what was said to it."""

    def __init__(self, *extensions: str, folders: dict[str, Folder] | None = None) -> None:
        self.extensions = extensions
        self.folders = folders if folders is not None else {"INBOX": Folder()}
        self.commands: list[str] = []
        self.logins = 0
        self.greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n"
        self.hook: Hook = lambda _: None
        self.tls: ssl.SSLContext | None = None
        """For STARTTLS."""
        self.planted = b""
        """What somebody on the line says before TLS begins."""
        self.mute: set[int] = set()
        """UIDs that FETCH passes over."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._connections: list[socket.socket] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]

    def access(self, **settings: Any) -> Access:
        return access_to(self.port, "me@acme.com", **settings)

    def put(self, *names: str, folder: str = "INBOX") -> list[int]:
        return [self.folders[folder].put(mail(name)) for name in names]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            lines = stack.enter_context(stack.enter_context(connection).makefile("rb"))
            connection.sendall(self.greeting)
            talk = _Talk(self, connection)
            while line := lines.readline():
                tag, _, text = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
                if self.tls and line.rstrip().endswith(b"STARTTLS"):
                    connection.sendall(self.planted + line.split()[0] + b" OK go on\r\n")
                    connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
                    lines, talk.connection = stack.enter_context(connection.makefile("rb")), connection
                    continue
                if talk.asking:  # the line goes on with a command
                    tag, text = talk.asking, f"{tag} {text}".rstrip()
                self.commands.append(text)
                said = self.hook(text)
                if said == "hang":
                    self._stop.wait(30)
                    return
                if said == "cut":
                    return
                if isinstance(said, bytes):
                    talk.asking = tag if said.startswith(b"+") else ""
                    connection.sendall(said.replace(b"TAG", tag.encode()))
                elif not talk.answer(tag, text):
                    return


class _Talk:
    """One client."""

    def __init__(self, server: ScriptedServer, connection: socket.socket) -> None:
        self.server = server
        self.connection = connection
        self.folder: Folder | None = None
        self.enabled: set[str] = set()
        self.asking = ""
        """The tag of a command of which more is awaited."""

    def say(self, text: str) -> None:
        self.connection.sendall(text.encode() + b"\r\n")

    def answer(self, tag: str, text: str) -> bool:
        self.asking = ""
        verb = text.split(" ", 2)
        name = " ".join(verb[:2]).upper() if verb[0].upper() == "UID" else verb[0].upper()
        method = getattr(self, "_" + name.lower().replace(" ", "_"), None)
        if method is None:
            self.say(f"{tag} BAD unknown command")
            return True
        code = method(text)
        if code is None:
            self.say(f"{tag} OK done")
        else:
            self.say(f"{tag} {code}")
        return name != "LOGOUT"

    def _capability(self, _: str) -> None:
        self.say(f"* CAPABILITY IMAP4rev1 {' '.join(self.server.extensions)}")

    def _authenticate(self, _: str) -> str:
        self.server.logins += 1
        return f"OK [CAPABILITY IMAP4rev1 {' '.join(self.server.extensions)}] welcome"

    _login = _authenticate

    def _enable(self, text: str) -> None:
        self.enabled |= set(text.upper().split()[1:])
        self.say(f"* ENABLED {' '.join(text.split()[1:])}")

    def _idle(self, _: str) -> str:
        return "BAD there is no IDLE but by a hook"

    def _id(self, _: str) -> None:
        self.say('* ID ("name" "scripted")')

    def _noop(self, _: str) -> None:
        return None

    _done = _noop

    def _logout(self, _: str) -> None:
        self.say("* BYE")

    def _namespace(self, _: str) -> None:
        self.say('* NAMESPACE (("" "/")) (("Other Users/" "/")) (("#shared/" "/"))')

    def _list(self, text: str) -> None:
        for name, folder in self.server.folders.items():
            self.say(f'* LIST ({folder.flags}) "{folder.delimiter}" "{name}"')
            if "STATUS" in text:
                self._status(f'STATUS "{name}"' + text[text.index("STATUS") + 6 :])

    def _status(self, text: str) -> str | None:
        match = re.match(r'STATUS "((?:[^"\\]|\\.)*)" \(([^)]*)\)', text)
        assert match, text
        folder = self.server.folders.get(match[1])
        if folder is None:
            return "NO [NONEXISTENT] no such folder"
        said = {
            "MESSAGES": len(folder.messages), "UIDNEXT": folder.uidnext, "UIDVALIDITY": folder.uidvalidity,
            "HIGHESTMODSEQ": folder.modseq, "MAILBOXID": f"({folder.mailboxid})",
        }  # fmt: skip
        self.say(f'* STATUS "{match[1]}" ({" ".join(f"{item} {said[item]}" for item in match[2].split())})')
        return None

    def _examine(self, text: str) -> str | None:
        folder = self.server.folders.get(text.split(" ", 1)[1].strip('"'))
        self.folder = folder
        if folder is None:
            return "NO [NONEXISTENT] no such folder"
        self.say(f"* {len(folder.messages)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {folder.uidvalidity}]")
        self.say(f"* OK [UIDNEXT {folder.uidnext}]")
        if {"CONDSTORE", "QRESYNC"} & set(self.server.extensions):
            self.say(f"* OK [HIGHESTMODSEQ {folder.modseq}]")
        return "OK [READ-ONLY] opened"

    def _uid_search(self, text: str) -> str | None:
        if self.folder is None:
            return "BAD no folder is open"
        match = re.match(r"UID SEARCH( RETURN \(ALL\))? (.*)", text)
        assert match
        uids = sorted(self.folder.messages)
        if flag := re.search("DELETED|DRAFT", match[2]):
            uids = [uid for uid in uids if f"\\{flag[0].title()}" in self.folder.messages[uid].flags]
        elif header := re.match(r'HEADER Message-ID "(.*)"', match[2]):
            uids = [uid for uid in uids if header[1].encode() in self.folder.messages[uid].header]
        elif "UID" in match[2]:
            uids = list(self._uids(match[2].split()[1]))
        if match[1]:
            self.say(f'* ESEARCH (TAG "x") UID{" ALL " + _ranges(uids) if uids else ""}')
        else:
            self.say(f"* SEARCH {' '.join(map(str, uids))}")
        return None

    def _uids(self, text: str) -> Iterator[int]:
        assert self.folder
        for piece in text.split(","):
            first, _, last = piece.partition(":")
            high = max(self.folder.messages, default=0) if last == "*" else int(last or first)
            if int(first) == high:
                yield from (uid for uid in (high,) if uid in self.folder.messages)
            elif high - int(first) > 5_000:
                yield from (uid for uid in sorted(self.folder.messages) if int(first) <= uid <= high)
            else:
                yield from (uid for uid in range(int(first), high + 1) if uid in self.folder.messages)

    def _uid_fetch(self, text: str) -> str | None:
        if self.folder is None:
            return "BAD no folder is open"
        match = re.match(r"UID FETCH (\S+) \((.*?)\)(?: \(CHANGEDSINCE (\d+)( VANISHED)?\))?$", text)
        assert match, text
        since = int(match[3] or 0)
        for uid in self._uids(match[1]):
            if uid in self.server.mute:
                continue
            if self.folder.changed.get(uid, 0) > since or not match[3]:
                self._fetched(uid, self.folder.messages[uid], match[2])
        return None

    def _fetched(self, uid: int, stored: Stored, items: str) -> None:
        said = [b"UID %d" % uid]
        if "FLAGS" in items:
            said.append(f"FLAGS ({stored.flags})".encode())
        if "INTERNALDATE" in items:
            said.append(b'INTERNALDATE "02-Feb-2026 10:00:01 +0000"')
        if "X-GM-LABELS" in items:
            said.append(f"X-GM-LABELS ({stored.labels}) X-GM-THRID 1278455344230334865".encode())
        if "THREADID" in items and "X-GM" not in items:
            said.append(b"THREADID (T1)")
        if "BODYSTRUCTURE" in items:
            said.append(b"BODYSTRUCTURE " + stored.described().encode())
        if "RFC822.SIZE" in items:
            said.append(b"RFC822.SIZE %d" % len(stored.header + stored.text))
        if "HEADER.FIELDS" in items:
            said.append(b"BODY[HEADER.FIELDS (X)] {%d}\r\n" % len(stored.header) + stored.header)
        for section, start, count in re.findall(r"BODY\.PEEK\[([\d.]*|HEADER)\](?:<(\d+)\.(\d+)>)?", items):
            text = stored.part(section, int(start or 0), int(count or 1 << 40))
            origin = b"<%b>" % start.encode() if start else b""
            said.append(b"BODY[%b]%b {%d}\r\n" % (section.encode(), origin, len(text)) + text)
        word = b"UIDFETCH" if "UIDONLY" in self.enabled else b"FETCH"
        self.connection.sendall(b"* %d %b (" % (uid, word) + b" ".join(said) + b")\r\n")


def _ranges(uids: list[int]) -> str:
    pieces: list[str] = []
    first = last = uids[0]
    for uid in [*uids[1:], -1]:
        if uid != last + 1:
            pieces.append(f"{first}:{last}" if first != last else f"{first}")
            first = uid
        last = uid
    return ",".join(pieces)
