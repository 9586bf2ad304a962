"""IMAPClient on a checked line, with any number of commands under way (RFC 9051)."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imapclient import IMAPClient

from ...errors import Unavailable
from ..network.access import Access, Security
from .answers import Status, refusal, status
from .line import Line, dialled
from .uids import UidSet, count
from .values import Items, Response, fetched

LINE = 8_000
"""Commands are no longer than this (RFC 7162 section 4 advises 8192)."""

_LITERAL = re.compile(rb"~?\{(\d{1,15})\+?\}\Z")
_CODE = re.compile(rb"\[([A-Za-z-]+)(?: ([^\]]*))?\]")


class _Imap4(imaplib.IMAP4):
    """The standard library's client, on a line of ours."""

    sock: Line  # type: ignore[assignment]  # all that imaplib asks of a socket
    untagged_responses: dict[str, list[Any]]
    tagged_commands: dict[bytes, Any]

    def __init__(self, access: Access) -> None:
        self._access = access
        self.held: bytes | None = None
        """What is to be sent together with more."""
        self.exists = 0
        """How many messages the open folder has."""
        super().__init__(access.host, access.port)

    # What the standard library lets a subclass override.

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:  # noqa: ARG002
        self.host, self.port = host, port
        self.sock = dialled(self._access)

    def read(self, size: int) -> bytes:
        return self.sock.read(size)

    def readline(self) -> bytes:
        return self.sock.readline()

    def send(self, data: Any) -> None:
        if self.held is None:
            self.sock.sendall(data)
        else:
            self.held += data

    def shutdown(self) -> None:
        self.sock.close()

    # Where it is stricter than servers are, or asks for what it has been told.

    def _get_capabilities(self) -> None:
        if "CAPABILITY" not in self.untagged_responses:
            self._simple_command("CAPABILITY")
        said = self.untagged_responses.get("CAPABILITY") or [b""]
        self.capabilities = ("IMAP4REV1", *said[-1].decode("ascii", "replace").upper().split())

    def _command_complete(self, name: str, tag: bytes) -> tuple[str, list[Any]]:
        # Here BAD is a refusal as NO is.
        answer: tuple[str, list[Any]] = self._get_tagged_response(tag, expect_bye=name == "LOGOUT")
        return answer

    def _get_line(self) -> bytes:
        # Some end a line with LF alone.
        return self.readline().removesuffix(b"\n").removesuffix(b"\r")

    def _get_response(self) -> bytes | None:
        """Read one response and file it as imaplib does; None where the server waits for more of a command.

        What is no response is passed over: blank lines and litter occur. Keywords may be in lower case.
        """
        line = self._get_line()
        tag, _, rest = line.partition(b" ")
        word, _, data = rest.partition(b" ")
        kind = word.upper().decode("ascii", "replace")
        if tag == b"+" or line == b"+":
            self.continuation_response: Any = rest
            return None
        if tag in self.tagged_commands and kind in ("OK", "NO", "BAD"):
            self.tagged_commands[tag] = kind, [data]
        elif tag == b"*":
            if word.isdigit():
                name, _, more = data.partition(b" ")
                kind, data = name.upper().decode("ascii", "replace"), word + b" " * bool(more) + more
            while data.endswith(b"}") and (match := _LITERAL.search(data)):
                self._append_untagged(kind, (data, self.read(int(match[1]))))
                data = self._get_line()
            self._append_untagged(kind, data)
            if kind == "EXISTS":
                self.exists = int(word[:10])
            elif kind == "EXPUNGE":
                self.exists -= 1
            elif kind == "VANISHED" and not data.upper().startswith(b"(EARLIER)"):  # RFC 7162 section 3.2.10
                self.exists -= count(data)
        else:
            return line or b" "  # not None, nor anything that imaplib takes for it
        if kind in ("OK", "NO", "BAD", "PREAUTH") and (code := _CODE.match(data)):
            self._append_untagged(code[1].upper().decode("ascii"), code[2] or b"")
        return line


class Client(IMAPClient):
    """A server that a user is logged in at. Not to be shared by threads."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.selected: tuple[bytes, int] | None = None
        """The folder that is open, by the name that the server has for it, and its UIDVALIDITY."""
        self.on_fetch: Callable[[int, Items], None] | None = None
        """Takes what FETCH answers: the UID, and the items by name. Answers of several commands come mixed."""
        self._offers: frozenset[str] | None = None
        super().__init__(access.host, access.port, ssl=access.security is Security.TLS, timeout=access.timeout)
        self._imap.debug = 0  # or each octet is formatted for a log

    def _create_IMAP4(self) -> _Imap4:  # noqa: N802 - IMAPClient's name
        return _Imap4(self.access)

    def capabilities(self) -> tuple[bytes, ...]:
        """Return what the server offers, as it last said."""
        return tuple(one.encode() for one in self.offers)

    @property
    def offers(self) -> frozenset[str]:
        """What the server offers, as it last said."""
        if said := self._imap.untagged_responses.pop("CAPABILITY", None):
            self._offers = frozenset(said[-1].decode("ascii", "replace").upper().split())
        return frozenset(self._imap.capabilities) if self._offers is None else self._offers

    def has(self, *capabilities: str) -> bool:
        """Tell whether the server offers any of these extensions."""
        return not self.offers.isdisjoint(capabilities)

    def forget(self) -> None:
        """Forget what the server said so far."""
        self._offers = None
        self._imap.untagged_responses.clear()
        self._imap.capabilities = ()

    @property
    def line(self) -> Line:
        """The connection."""
        line: Line = self._imap.sock
        return line

    @property
    def closed(self) -> bool:
        """Whether nothing more can be said or heard."""
        return self.line.closed

    def close(self) -> None:
        """Close the connection, without waiting for a farewell."""
        if not self.closed and None not in self._imap.tagged_commands.values():
            try:
                self.start("LOGOUT")
            except Unavailable:
                return
        self.line.close()

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Wait for an answer in the block; who talks nonsense is not talked to any more.

        Raises:
            Unavailable: the answer is none, or there is none.
            NotAuthorized, RateLimited: the server ends the connection, and why.

        """
        self.line.expect()
        try:
            yield
        except imaplib.IMAP4.error as error:
            self.line.close()
            if bye := self._imap.untagged_responses.get("BYE"):
                raise refusal(read_status("BYE", bye[-1:]), self.host) from error
            raise Unavailable(f"{self.host} gives an answer that is none; try again later") from error

    def told(self, kind: str) -> list[Response]:
        """Return the untagged responses of one kind, in order, and forget them."""
        found: list[Response] = [[]]
        for piece in self._imap.untagged_responses.pop(kind, ()):
            if isinstance(piece, tuple):
                found[-1] += piece  # a literal, and the line before it
            else:
                found[-1].append(piece)
                found.append([])
        return found[:-1]

    def codes(self, *names: str) -> dict[str, int]:
        """Return the numbers of response codes (RFC 9051 section 7.1) that the server told with a command."""
        told = {name: self._imap.untagged_responses.get(name) for name in names}
        return {n: int(v[-1]) for n, v in told.items() if v and v[-1].isdigit() and len(v[-1]) < 20}

    @property
    def exists(self) -> int:
        """How many messages the open folder has, as the server last said."""
        return max(int(self._imap.exists), 0)

    def news(self) -> bool:
        """Tell whether the server said that something in the open folder is new, changed or gone; and forget it."""
        found = [self.told(kind) for kind in ("EXISTS", "EXPUNGE", "VANISHED", "FETCH", "UIDFETCH")]
        return any(found)

    def start(self, *commands: str) -> list[bytes]:
        """Send commands in one go, and wait for none; return their tags."""
        with self.talking():
            self._imap.held = b""
            try:
                tags = [self._imap._command(*_words(text)) for text in commands]
            finally:
                held, self._imap.held = self._imap.held, None
            self._imap.send(held)
        return tags

    def finish(self, tag: bytes) -> Status:
        """Read until a command is answered. What comes for others meanwhile is kept for them.

        Raises:
            Unavailable: the connection is lost, or the server says nothing to the matter.
            NotAuthorized, RateLimited: the server ends the connection, and why.

        """
        with self.talking():
            said = read_status(*self._imap._command_complete("UID", tag))
        for kind in ("FETCH", "UIDFETCH"):  # the latter where UIDONLY is on (RFC 9586)
            for response in self.told(kind):
                if self.on_fetch and (found := fetched(response, by_uid=kind == "UIDFETCH")):
                    self.on_fetch(*found)
        return said

    def invited(self, tag: bytes) -> bool:
        """Read until the server waits for more of a command, or has answered it; tell whether it waits."""
        with self.talking():
            while self._imap.tagged_commands.get(tag) is None:
                if self._imap._get_response() is None:
                    return True
                self._imap._check_bye()
        return False

    def listen(self, seconds: float) -> bool:
        """Wait for something unasked, at most so long; tell whether anything came."""
        with self.talking():
            if not self.line.waiting(seconds):
                return False
            self._imap._get_response()
            self._imap._check_bye()
        return True

    def say(self, text: str) -> None:
        """Send a line that is no command."""
        self._imap.send(text.encode() + b"\r\n")

    def require(self, tags: Iterable[bytes]) -> None:
        """Finish commands that have to succeed.

        Raises:
            SourceError: one did not, and what that means.

        """
        for tag in tags:
            if not (said := self.finish(tag)).ok:
                raise refusal(said, self.host)

    def run(self, command: str) -> Status:
        """Run one command, and return how it was answered."""
        (tag,) = self.start(command)
        return self.finish(tag)

    def settle(self) -> None:
        """Read the answers of everything that is under way, for nobody."""
        self.on_fetch = None
        for tag in list(self._imap.tagged_commands):
            self.finish(tag)

    def examine(self, folder: bytes, *then: str) -> tuple[Status, list[bytes]]:
        """Open a folder for reading only, and send commands that need it open without waiting for that."""
        self.settle()
        self.selected = None
        imap = self._imap
        offers = self.offers
        imap.untagged_responses, imap.is_readonly, imap.exists, self._offers = {}, True, 0, offers
        imap.state = "SELECTED"  # as it will be when the server reads what follows
        opening, *tags = self.start(f"EXAMINE {quoted(folder)}", *then)
        said = self.finish(opening)
        if not said.ok:
            self.settle()
            imap.state = "AUTH"
        return said, tags

    def unselect(self) -> None:
        """Close the open folder without a trip, where the server offers that: what STATUS says of it would be old."""
        if self.selected and self.has("UNSELECT", "IMAP4REV2"):
            self.settle()
            self.start("UNSELECT")
            self._imap.state, self.selected = "AUTH", None

    def fetched_by(self, *commands: str) -> dict[int, Items]:
        """Run UID FETCH commands that have to succeed, and return what they tell, by UID.

        Raises:
            SourceError: the connection is lost, or the server refuses.

        """
        found: dict[int, Items] = {}
        self.settle()
        # A server may answer for one message in several responses (RFC 9051 section 7.5.2).
        self.on_fetch = lambda uid, items: found.setdefault(uid, {}).update(items)
        try:
            self.require(self.start(*commands))
        finally:
            self.on_fetch = None
        return found


def read_status(kind: str, data: Sequence[Any]) -> Status:
    """Read how a command was answered, as imaplib returns it."""
    text = data[-1] if data and isinstance(data[-1], bytes) else b""
    return status(kind.encode() + b" " + text) or Status(kind, "", "", "")


def _words(command: str) -> tuple[Any, ...]:
    verb, _, rest = command.partition(" ")
    return (verb, rest.encode("latin-1")) if rest else (verb,)


def quoted(octets: bytes) -> str:
    """Write a string for a command, as a quoted one. Commands are text of which each letter stands for an octet."""
    octets = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return '"' + octets.translate(None, b"\r\n\0").decode("latin-1") + '"'


def fetches(uids: UidSet, items: str) -> list[str]:
    """Return the commands that fetch these items, none of them too long."""
    commands: list[str] = []
    part: list[str] = []
    room = LINE
    for piece in str(uids).split(","):
        if len(piece) + 1 > room and part:
            commands.append(f"UID FETCH {','.join(part)} ({items})")
            part, room = [], LINE
        part.append(piece)
        room -= len(piece) + 1
    return [*commands, f"UID FETCH {','.join(part)} ({items})"]
