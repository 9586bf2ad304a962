"""All benchmarks by one command: `make bench`, or `python benchmarks/run.py [mail|events|gmail|...] [--messages N]`.

Each prints what it measured beside a floor or a peer of the same run, and the ratio. Runs alternate, medians count:
these figures compare, they do not promise. Those with a server are programs of their own, with options of their own.
"""

from __future__ import annotations

import argparse
import email
import email.message
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import corpus

NOW = datetime(2026, 1, 5, tzinfo=UTC)
OWNER = "jan@ours.example"

_HEADERS = ("message-id", "from", "to", "cc", "date", "subject")
_HERE = ("mail", "rules", "events", "memory")
_PROGRAMS = ("imap", "caldav", "gmail", "outlook", "batches", "timelines")
_COLUMNS = ("message_id", "sender", "recipient", "cc", "date", "subject", "text")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", help=f"{', '.join(_HERE + _PROGRAMS)} (default: all)")
    parser.add_argument("--messages", type=int, default=3_000, help="mails in the mailbox (default 3,000)")
    parser.add_argument("--objects", type=int, default=2_000, help="calendar objects (default 2,000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side runs (default 5)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child)
        return
    chosen = set(options.what or _HERE + _PROGRAMS)
    if unknown := chosen - {*_HERE, *_PROGRAMS}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as directory:
        room = Path(directory)
        if chosen & {"mail", "rules"}:
            box = room / "bench.mbox"
            size = corpus.write_mbox(box, options.messages)
            print(f"mailbox: {options.messages:,} mails, {size / 1e6:,.0f} MB")
            if "mail" in chosen:
                _mail(box, options.messages, options.rounds)
            if "rules" in chosen:
                _rules(box)
        if "events" in chosen:
            _events(room, options.objects, options.rounds)
        if "memory" in chosen:
            _memory(room)
    failed = []
    for name in _PROGRAMS:
        if name in chosen:
            sys.stdout.flush()
            program = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
            failed += [name] if subprocess.run(program, check=False).returncode else []
    if failed:
        raise SystemExit(f"failed, or missed a target: {', '.join(failed)}")


# -- files to committed SQLite


def _mail(box: Path, count: int, rounds: int) -> None:
    ours, floor = _alternate(rounds, lambda: _sync_mail(box), lambda: _floor_mail(box))
    print(f"  files to SQLite, crmsync      {ours / count * 1e6:8.0f} us/mail  {count / ours:8,.0f} mails/s")
    print(f"  compat32 + text + inserts     {floor / count * 1e6:8.0f} us/mail  {count / floor:8,.0f} mails/s")
    print(f"  ratio                         {ours / floor:8.2f}          (target: at most 0.50)")


def _sync_mail(box: Path, database: str = "") -> int:
    from crmsync import Channel, ContactCreation, Policy, sync
    from crmsync.providers.files import MailFiles
    from crmsync.stores.sql import SqlStorage

    channel = Channel(key="jan", addresses={OWNER}, contacts=ContactCreation.SENT_AND_RECEIVED)
    with tempfile.TemporaryDirectory() as directory:
        storage = SqlStorage(f"sqlite:///{database or Path(directory, 'crm.db')}")
        report = sync(MailFiles(box, OWNER), storage, channel, Policy(internal_domains={"ours.example"}))
        storage.close()
    return report.stored


def _floor_mail(box: Path) -> int:
    """Read with the standard library's fastest parser, decode the text part, insert: no model, no rule, no ledger."""
    with tempfile.TemporaryDirectory() as directory:
        database = sqlite3.connect(Path(directory, "floor.db"), isolation_level=None)
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=normal")
        columns = ", ".join(f"{name} text" for name in _COLUMNS)
        database.execute(f"create table mail(id integer primary key, {columns})")
        rows: list[tuple[str | None, ...]] = []
        raw = box.read_bytes()
        for part in (raw[5:]).split(b"\nFrom "):
            message = email.message_from_bytes(part.partition(b"\n")[2])
            rows.append((*(_header(message, name) for name in _HEADERS), _text(message)))
            if len(rows) == 500:
                _insert(database, rows)
        _insert(database, rows)
        (stored,) = database.execute("select count(*) from mail").fetchone()
        database.close()
    return int(stored)


def _insert(database: sqlite3.Connection, rows: list[tuple[str | None, ...]]) -> None:
    database.execute("begin")
    places = ", ".join("?" for _ in _COLUMNS)
    database.executemany(f"insert into mail({', '.join(_COLUMNS)}) values ({places})", rows)
    database.execute("commit")
    rows.clear()


def _header(message: email.message.Message, name: str) -> str | None:
    value = message[name]
    return None if value is None else str(value)


def _text(message: email.message.Message) -> str:
    for wanted in ("text/plain", "text/html"):
        for part in message.walk():
            if part.get_content_type() == wanted and part.get_content_disposition() != "attachment":
                payload = part.get_payload(decode=True)
                return (
                    payload.decode(part.get_content_charset() or "utf-8", "replace")
                    if isinstance(payload, bytes)
                    else ""
                )
    return ""


# -- rules


def _rules(box: Path) -> None:
    from crmsync import Channel, ContactCreation, Message, Policy
    from crmsync.formats import parse_message
    from crmsync.rules import contacts_for, decide, is_sensitive

    parts = box.read_bytes()[5:].split(b"\nFrom ")[:2_000]
    raw = [part.partition(b"\n")[2] for part in parts]
    parsed: list[Message] = [parse_message(data) for data in raw]
    channel = Channel(
        key="jan", addresses={OWNER}, contacts=ContactCreation.SENT_AND_RECEIVED, blocked={"@spam.example"}
    )
    policy = Policy(internal_domains={"ours.example"}, blocked={"*@news.example", "x@y.example"})

    def all_rules() -> int:
        for message in parsed:
            decide(message, channel, policy)
            contacts_for(message, channel, policy)
            is_sensitive(message)
        return len(parsed)

    def floor() -> int:
        for data in raw:
            _text(email.message_from_bytes(data))
        return len(raw)

    all_rules()
    ours, compat = _alternate(5, all_rules, floor)
    share = f"{ours / compat:.1%} of compat32 + text (target: at most 5 %)"
    print(f"  rules (decide, contacts, hold) {ours / len(parsed) * 1e6:7.1f} us/mail  {share}")


# -- events


def _events(room: Path, count: int, rounds: int) -> None:
    path = room / "bench.ics"
    blocks = corpus.write_ics(path, count)
    ours, floor = _alternate(rounds, lambda: _sync_events(path), lambda: _floor_events(path))
    print(f"calendar: {count:,} objects, {blocks:,} VEVENTs")
    print(f"  file to SQLite, crmsync       {ours / count * 1e6:8.0f} us/object  {count / ours:8,.0f} objects/s")
    print(f"  icalendar + recurring-ical-events + inserts {floor / count * 1e6:8.0f} us/object")
    print(f"  ratio                         {ours / floor:8.2f}")


def _sync_events(path: Path) -> int:
    from crmsync import Channel, Policy, Window, sync
    from crmsync.providers.files import CalendarFiles
    from crmsync.stores.sql import SqlStorage

    channel = Channel(key="jan-calendar", addresses={OWNER})
    with tempfile.TemporaryDirectory() as directory:
        storage = SqlStorage(f"sqlite:///{Path(directory, 'crm.db')}")
        report = sync(CalendarFiles(path, OWNER, now=NOW, window=Window()), storage, channel, Policy())
        storage.close()
    return sum(s.records for s in report.streams)


def _floor_events(path: Path) -> int:
    import icalendar
    import recurring_ical_events

    calendar = icalendar.Calendar.from_ical(path.read_bytes())
    window = (NOW.replace(year=2025), NOW.replace(year=2027))
    events, participants = [], []
    for number, e in enumerate(recurring_ical_events.of(calendar).between(*window)):
        events.append((number, str(e["UID"]), str(e["DTSTART"].dt), str(e["DTEND"].dt), str(e.get("SUMMARY"))))
        participants += [(number, str(address)) for address in (e["ORGANIZER"], *e.get("ATTENDEE", []))]
    with tempfile.TemporaryDirectory() as directory:
        database = sqlite3.connect(Path(directory, "floor.db"), isolation_level=None)
        database.execute("create table event(id integer primary key, uid text, start text, end text, summary text)")
        database.execute("create table participant(event integer, address text)")
        database.execute("begin")
        database.executemany("insert into event values (?,?,?,?,?)", events)
        database.executemany("insert into participant values (?,?)", participants)
        database.execute("commit")
        database.close()
    return len(events)


# -- memory


def _memory(room: Path) -> None:
    peaks = {}
    for count in (1_000, 50_000):
        box = room / f"small-{count}.mbox"
        corpus.write_mbox(box, count, small=True)
        out = subprocess.run(
            [sys.executable, __file__, "--child", str(box)], capture_output=True, text=True, check=True
        )
        peaks[count] = int(out.stdout)
    low, high = peaks.values()
    ends = f"{low / 1024:.0f} MB at 1,000 mails, {high / 1024:.0f} MB at 50,000"
    print(f"peak memory: {ends}; ratio {high / low:.2f} (target: flat)")


def _child(box: Path) -> None:
    _sync_mail(box)
    # Not getrusage: its peak survives exec, so a child would report its parent's.
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(peak.split()[1])


def _alternate(rounds: int, *sides: Callable[[], int]) -> list[float]:
    """Time the sides in turn; return each one's median in seconds of processor time."""
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, taken in zip(sides, times, strict=True):
            begin = time.process_time()
            if not side():
                raise SystemExit("a benchmark did nothing: its figures would be lies")
            taken.append(time.process_time() - begin)
    return [statistics.median(taken) for taken in times]


if __name__ == "__main__":
    main()
