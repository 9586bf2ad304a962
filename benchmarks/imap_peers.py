"""Whom `imap.py` compares with: the least work that yields the same rows, and the client that people write first.

Both are scripts for one task, not products: no errors, no rules, no resuming.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.header
import email.policy
import email.utils
import json
import re
import socket
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TABLES = """
create table if not exists folder(name text primary key, state text);
create table if not exists mail(id integer primary key, folder text, uid integer, flags text, message_id text,
  subject text, date text, in_reply_to text, refs text, text text, unique(folder, uid));
create index if not exists mail_id on mail(message_id);
create table if not exists person(mail integer, role text, name text, address text);
create index if not exists person_address on person(address);
"""


def _database(state: Path) -> sqlite3.Connection:
    database = sqlite3.connect(state / "rows.db", isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=normal")
    database.executescript(_TABLES)
    return database


# -- the yardstick


class _Line:
    """A socket read as lines with literals in them."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = bytearray()
        self.at = 0

    def send(self, *lines: str) -> None:
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _more(self) -> None:
        if self.at > 1 << 20:
            del self.data[: self.at]
            self.at = 0
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise EOFError
        self.data += piece

    def read(self) -> list[bytes]:
        found: list[bytes] = []
        while True:
            seen = self.at
            while (end := self.data.find(b"\r\n", seen)) < 0:
                seen = max(len(self.data) - 1, self.at) - self.at
                self._more()
                seen += self.at
            line = bytes(self.data[self.at : end])
            self.at = end + 2
            found.append(line)
            if not line.endswith(b"}"):
                return found
            size = int(line[line.rindex(b"{") + 1 : -1])
            while len(self.data) - self.at < size:
                self._more()
            found.append(bytes(self.data[self.at : self.at + size]))
            self.at += size

    def until(self, tag: str) -> Iterator[list[bytes]]:
        mark = f"{tag} ".encode()
        while not (response := self.read())[0].startswith(mark):
            yield response
        if not response[0].startswith(mark + b"OK"):
            raise SystemExit(response[0])


_FIELDS = "FROM TO CC SUBJECT DATE MESSAGE-ID IN-REPLY-TO REFERENCES"
_UID, _FLAGS = re.compile(rb"UID (\d+)"), re.compile(rb"FLAGS \(([^)]*)\)")
_FIELD = re.compile(rb"^([!-9;-~]+):[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.MULTILINE)
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|([()])|([^\s()"]+)')


def yardstick(port: int, user: str, password: str, state: Path) -> int:
    """Bring SQLite rows up to date in as few round trips as there can be; return how many mails came."""
    database = _database(state)
    line = _Line(port)
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    items = "MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ"
    line.send(f"a AUTHENTICATE PLAIN {secret}", "b ENABLE QRESYNC", f'c LIST "" "*" RETURN (STATUS ({items}))')
    for tag in "ab":
        list(line.until(tag))
    now: dict[str, dict[str, int]] = {}
    for response in line.until("c"):
        if match := re.match(rb'\* STATUS "?([^"(]+?)"? \((.*)\)', response[0]):
            words = match[2].decode().split()
            now[match[1].decode()] = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    old = {name: json.loads(text) for name, text in database.execute("select name, state from folder")}
    todo = [name for name in now if now[name] != old.get(name) and (name in old or now[name]["MESSAGES"])]
    came = _fetch(line, database, todo, now, old) if todo else 0
    line.send("z LOGOUT")
    database.close()
    return came


def _fetch(line: _Line, database: sqlite3.Connection, todo: list[str], now: Any, old: Any) -> int:
    items = f"UID FLAGS INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS ({_FIELDS})]"
    commands, low = [], {}
    for index, name in enumerate(todo):
        before = old.get(name)
        low[name] = before["UIDNEXT"] if before else 1
        resync = f" (QRESYNC ({before['UIDVALIDITY']} {before['HIGHESTMODSEQ']}))" if before else ""
        commands.append(f'e{index} EXAMINE "{name}"{resync}')
        commands.append(f"f{index} UID FETCH {low[name]}:* ({items})")
    line.send(*commands)
    database.execute("begin")
    number = database.execute("select coalesce(max(id), 0) from mail").fetchone()[0]
    rows: dict[tuple[str, int], list[Any]] = {}
    people: list[tuple[Any, ...]] = []
    wanted: dict[tuple[str, str], dict[int, tuple[bytes, str]]] = defaultdict(dict)
    for index, name in enumerate(todo):
        for response in line.until(f"e{index}"):
            _resync(database, name, response[0])
        for response in line.until(f"f{index}"):
            if b" FETCH (" not in response[0]:
                continue
            head = b" ".join(response[::2])
            uid = int(_UID.search(head)[1])  # type: ignore[index]  # every FETCH asks for it
            if uid < low[name]:
                continue
            number += 1
            flags = _FLAGS.search(head)
            fields: dict[bytes, str] = {}
            for field, value in _FIELD.findall(response[-2]):
                fields.setdefault(field.lower(), value.replace(b"\r\n", b"").decode("utf-8", "replace"))
            at = head.find(b"BODYSTRUCTURE ") + 14
            part = _text_part(_nested(head[at : head.rfind(b" BODY[HEADER")]))
            rows[name, uid] = [
                number, name, uid, flags[1].decode() if flags else "", fields.get(b"message-id"),
                _decoded(fields.get(b"subject", "")), fields.get(b"date"), fields.get(b"in-reply-to"),
                fields.get(b"references"), "",
            ]  # fmt: skip
            for role in ("from", "to", "cc"):
                if value := fields.get(role.encode()):
                    people += [(number, role, n, a.lower()) for n, a in _addresses(value)]
            if part:
                wanted[name, part[0]][uid] = part[1:]
    _texts(line, wanted, rows)
    database.executemany("insert into mail values (?,?,?,?,?,?,?,?,?,?)", rows.values())
    database.executemany("insert into person values (?,?,?,?)", people)
    for name in todo:
        database.execute("insert or replace into folder values (?,?)", (name, json.dumps(now[name])))
    database.execute("commit")
    return len(rows)


def _resync(database: sqlite3.Connection, name: str, said: bytes) -> None:
    if said.startswith(b"* VANISHED"):
        for piece in said.rsplit(b" ", 1)[1].split(b","):
            first, _, last = piece.partition(b":")
            bounds = (name, int(first), int(last or first))
            database.execute("delete from mail where folder=? and uid between ? and ?", bounds)
    elif b" FETCH (" in said and (uid := _UID.search(said)) and (flags := _FLAGS.search(said)):
        database.execute("update mail set flags=? where folder=? and uid=?", (flags[1].decode(), name, int(uid[1])))


def _texts(line: _Line, wanted: Any, rows: Any) -> None:
    commands, order, selected = [], [], None
    for index, ((name, part), group) in enumerate(wanted.items()):
        if name != selected:
            commands.append(f'x{index} EXAMINE "{name}"')
            order.append((f"x{index}", name))
            selected = name
        commands.append(f"g{index} UID FETCH {','.join(_ranges(sorted(group)))} (UID BODY.PEEK[{part}])")
        order.append((f"g{index}", name))
    if not commands:
        return
    line.send(*commands)
    known = {(name, uid): how for (name, _), group in wanted.items() for uid, how in group.items()}
    for tag, name in order:
        for response in line.until(tag):
            if len(response) < 3:
                continue
            uid = int(_UID.search(response[0] + response[2])[1])  # type: ignore[index]  # every FETCH asks for it
            encoding, charset = known[name, uid]
            text = response[1]
            if encoding == b"base64":
                text = binascii.a2b_base64(text)
            elif encoding == b"quoted-printable":
                text = binascii.a2b_qp(text)
            rows[name, uid][9] = text.decode(charset, "replace")


def _ranges(uids: list[int]) -> Iterator[str]:
    first = last = uids[0]
    for uid in [*uids[1:], 0]:
        if uid != last + 1:
            yield str(first) if first == last else f"{first}:{last}"
            first = uid
        last = uid


def _nested(text: bytes) -> Any:
    stack: list[list[Any]] = [[]]
    for quoted, paren, atom in _TOKEN.findall(text):
        if paren == b"(":
            stack.append([])
            stack[-2].append(stack[-1])
        elif paren:
            stack.pop()
        else:
            stack[-1].append(atom or quoted)
    return stack[0][0]


def _text_part(node: Any, path: str = "") -> tuple[str, bytes, str] | None:
    if isinstance(node[0], list):
        found = None
        for number, child in enumerate((one for one in node if isinstance(one, list)), 1):
            best = (
                _text_part(child, f"{path}.{number}" if path else str(number))
                if isinstance(child[0], list | bytes)
                else None
            )
            if best and (found is None or child[1:2] == [b"plain"]):
                found = found or best
        return found
    if node[0].lower() != b"text" or node[1].lower() not in (b"plain", b"html"):
        return None
    pairs = node[2] if isinstance(node[2], list) else []
    charset = next((v for n, v in zip(pairs[::2], pairs[1::2], strict=False) if n.lower() == b"charset"), b"utf-8")
    return path or "1", node[5].lower(), charset.decode()


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    pieces = email.header.decode_header(value)
    return "".join(p.decode(c or "ascii", "replace") if isinstance(p, bytes) else p for p, c in pieces)


_PLAIN = re.compile(r'\s*(?:"([^"\\]*)"|([^<>",;:()\\@]*?))\s*<([^<>\s@,;()"]+@[^<>\s@,;()"]+)>\s*(?:,|$)')
_known: dict[str, list[tuple[str, str]]] = {}


def _addresses(value: str) -> list[tuple[str, str]]:
    if value not in _known:
        found, at = [], 0
        while at < len(value) and (match := _PLAIN.match(value, at)):
            found.append((_decoded(match[1] or match[2] or ""), match[3]))
            at = match.end()
        if at < len(value):
            found = [(_decoded(name), address) for name, address in email.utils.getaddresses([value])]
        _known[value] = found
    return _known[value]


# -- what people write


def naive(port: int, user: str, password: str, state: Path) -> int:
    """Use imapclient as its examples do: whole messages in batches, all UIDs compared; return how many came."""
    from imapclient import IMAPClient

    database = _database(state)
    client = IMAPClient("127.0.0.1", port=port, ssl=False)
    client.login(user, password)
    came = 0
    for flags, _, name in client.list_folders():
        if b"\\Noselect" in flags or b"\\NonExistent" in flags:
            continue
        client.select_folder(name, readonly=True)
        there = client.search("ALL")
        known = dict(database.execute("select uid, flags from mail where folder=?", (name,)))
        new = [uid for uid in there if uid not in known]
        for at in range(0, len(new), 500):
            database.execute("begin")
            for uid, data in client.fetch(new[at : at + 500], ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"]).items():
                _insert(database, name, uid, data)
                came += 1
            database.execute("commit")
        gone = known.keys() - set(there)
        database.executemany("delete from mail where folder=? and uid=?", [(name, uid) for uid in gone])
        kept = [uid for uid in known if uid not in gone]
        for uid, data in (client.fetch(kept, ["FLAGS"]) if kept else {}).items():
            said = " ".join(sorted(flag.decode() for flag in data[b"FLAGS"]))
            if said != known[uid]:
                database.execute("update mail set flags=? where folder=? and uid=?", (said, name, uid))
    client.logout()
    database.close()
    return came


def _insert(database: sqlite3.Connection, folder: str, uid: int, data: Any) -> None:
    message = email.message_from_bytes(data[b"BODY[]"], policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body is not None else ""
    flags = " ".join(sorted(flag.decode() for flag in data[b"FLAGS"]))
    names = ("message-id", "subject", "date", "in-reply-to", "references")
    said = [None if message[name] is None else str(message[name]) for name in names]
    columns = "folder, uid, flags, message_id, subject, date, in_reply_to, refs, text"
    row = database.execute(f"insert into mail({columns}) values (?,?,?,?,?,?,?,?,?)", (folder, uid, flags, *said, text))
    for role in ("from", "to", "cc"):
        for one in message[role].addresses if message[role] is not None else ():
            name = one.display_name.encode("utf-8", "replace").decode()
            person = (row.lastrowid, role, name, one.addr_spec.lower())
            database.execute("insert into person values (?,?,?,?)", person)
