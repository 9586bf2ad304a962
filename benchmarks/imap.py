"""IMAP by one command: `python benchmarks/imap.py [--messages N] [--rounds N] [--no-naive]`.

crmsync, a yardstick (the least work that yields the same rows), a naive imapclient and mbsync read one mailbox from the
same Dovecot, in turn, with their state in memory: a first import, a run with nothing new, and a run after 50 mails
came, 20 changed their flags and 10 went. Directly for wall time; through a proxy for octets and sequential round trips;
and with 40 ms a round trip. What is printed compares, it promises nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT.parent / "tests")]

import corpus  # noqa: E402 - found beside this file
import dovecot  # noqa: E402 - the tests' server

OWNER = "jan@ours.example"
FOLDERS = (("INBOX", "", 7), ("Sent", ".Sent", 2), ("Archive/Clients", ".Archive.Clients", 1))
PHASES = ("first", "nothing", "change")
PARTS = {"source": "read, and parsed to models", "memory": "and decided, planned and kept in memory"}
"""Parts of what crmsync does, to show what takes how long."""
_MBSYNC = """\
FSync no

IMAPAccount a
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
{tls} None
AuthMechs LOGIN
DisableExtension COMPRESS=DEFLATE

IMAPStore far
Account a

MaildirStore near
Path {state}/mail/
Inbox {state}/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Near
Expunge Near
SyncState *
Sync Pull
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000, help="mails in the mailbox (default 2,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each side runs directly (default 3)")
    parser.add_argument("--no-naive", action="store_true", help="leave out the naive client, which takes long")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(*options.child)
        return
    sides = ["crmsync", "yardstick", "naive", "mbsync"]
    if options.no_naive:
        sides.remove("naive")
    if not shutil.which("mbsync"):
        sides.remove("mbsync")
        print("mbsync is not installed (Debian: isync); left out")
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as room,
        dovecot.new_dovecot(under=Path(room)) as server,
    ):
        Path(room).chmod(0o755)
        bench = _Bench(server, Path(room), options.messages)
        for _ in range(options.rounds):
            for side in (*sides, *PARTS):
                bench.run(side, "direct", phases=PHASES if side in sides else PHASES[:1])
        for side in sides:
            bench.run(side, "counted")
        for side in sides:
            bench.run(side, "40 ms")
        bench.print(sides)


class _Figure(NamedTuple):
    seconds: float
    processor: float
    megabytes: float
    octets: int
    trips: int


class _Bench:
    def __init__(self, server: dovecot.Dovecot, room: Path, count: int) -> None:
        self.server = server
        self.room = room
        self.count = count
        self.user = "bench@example.com"
        self.pristine = room / "pristine"
        self.figures: dict[tuple[str, str, str], list[_Figure]] = defaultdict(list)
        (*self.mails,) = corpus.messages(count + 50)
        size = self._fill()
        print(f"mailbox: {count:,} mails, {size / 1e6:,.0f} MB, {len(FOLDERS) + 1} folders")

    def _fill(self) -> int:
        """Write the mailbox, and have the server index it once as any long-running one has."""
        total = 0
        shares = [name for _, name, share in FOLDERS for _ in range(share)]
        for name in ("", ".Sent", ".Archive.Clients", ".Archive"):
            for part in ("cur", "new", "tmp"):
                (self.pristine / name / part).mkdir(parents=True)
            if name:
                (self.pristine / name / "maildirfolder").touch()
        for n, raw in enumerate(self.mails[: self.count]):
            data = raw.replace(b"\r\n", b"\n")
            total += len(raw)
            date = parsedate_to_datetime(raw.split(b"\r\nDate: ", 1)[1].split(b"\r\n", 1)[0].decode()).timestamp()
            path = (
                self.pristine / shares[n % 10] / "cur" / f"{int(date)}.M{n:06d}P1.bench,S={len(data)},W={len(raw)}:2,S"
            )
            path.write_bytes(data)
            os.utime(path, (date, date))
        self._reset(self.pristine)
        self._peer("yardstick", self.server.port, self.room / "warm")
        shutil.rmtree(self.pristine)
        shutil.copytree(self.server.maildir(self.user), self.pristine, copy_function=os.link)
        return total

    def _reset(self, source: Path) -> None:
        home = self.server.maildir(self.user).parent
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        # Message files are shared, the server's own files are not: it changes them in place.
        copy = lambda a, b: shutil.copy2(a, b) if Path(a).name.startswith("dovecot") else os.link(a, b)  # noqa: E731
        shutil.copytree(source, home / "Maildir", copy_function=copy)
        if os.geteuid() == 0:
            for path in (home, *home.rglob("*")):
                shutil.chown(path, "mail", "mail")

    def _change(self) -> None:
        client = self.server.client(self.user)
        for raw in self.mails[self.count :]:
            client.append("INBOX", "", "", raw)
        for folder, flags, deletes in (("INBOX", 12, 6), ("Sent", 5, 3), ("Archive/Clients", 3, 1)):
            client.select(f'"{folder}"')
            low = self.count // 30
            client.uid("STORE", f"{low}:{low + flags - 1}", "+FLAGS", "(\\Flagged)")
            client.uid("STORE", f"{low + 20}:{low + 19 + deletes}", "+FLAGS", "(\\Deleted)")
            client.uid("EXPUNGE", f"{low + 20}:{low + 19 + deletes}")
        client.logout()

    def run(self, side: str, mode: str, phases: Sequence[str] = PHASES) -> None:
        """Run one side through some phases."""
        state = self.room / "state"
        shutil.rmtree(state, ignore_errors=True)
        self._reset(self.pristine)
        with self._line(mode) as (port, counted):
            for phase in phases:
                if phase == "change":
                    self._change()
                counted()
                seconds, processor, megabytes = self._peer(side, port, state)
                figure = _Figure(seconds, processor, megabytes, **counted())
                self.figures[side, mode, phase].append(figure)
        print(
            f"  {side:10} {mode:8}",
            *(f"{phase} {self.figures[side, mode, phase][-1].seconds:7.2f} s" for phase in phases),
        )

    @contextmanager
    def _line(self, mode: str) -> Any:
        if mode == "direct":
            yield self.server.port, lambda: {"octets": 0, "trips": 0}
            return
        delay = "20" if mode == "40 ms" else "0"
        command = [sys.executable, str(ROOT / "imap_proxy.py"), str(self.server.port), delay]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proxy:
            assert proxy.stdin
            assert proxy.stdout
            port = int(proxy.stdout.readline())

            def counted() -> Any:
                assert proxy.stdin
                assert proxy.stdout
                time.sleep(0.1)
                print(file=proxy.stdin, flush=True)
                return json.loads(proxy.stdout.readline())

            yield port, counted
            proxy.kill()

    def _peer(self, side: str, port: int, state: Path) -> tuple[float, float, float]:
        """Run a process to its end; return wall seconds, processor seconds, and its peak memory in MB."""
        state.mkdir(exist_ok=True)
        if side == "mbsync":
            text = _MBSYNC.format(port=port, user=self.user, password=dovecot.PASSWORD, state=state, tls="SSLType")
            (state / "rc").write_text(text)
            (state / "rc").chmod(0o600)
            (state / "mail").mkdir(exist_ok=True)
            command = ["mbsync", "-q", "-c", str(state / "rc"), "-a"]
        else:
            command = [sys.executable, __file__, "--child", side, str(port), self.user, str(state)]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode:
            raise SystemExit(f"{side} failed: its figures would be lies")
        peak = float(said.split()[-1]) if said.split() else usage.ru_maxrss / 1024
        return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, peak

    def print(self, sides: Sequence[str]) -> None:
        """Print medians, and crmsync's ratios to the others."""
        for mode in ("direct", "40 ms"):
            print(f"\nwall seconds, {mode} (process start and imports included)")
            for side in sides:
                row = [self._median(side, mode, phase).seconds for phase in PHASES]
                print(f"  {side:10}", *(f"{phase} {value:7.2f}" for phase, value in zip(PHASES, row, strict=True)))
        print("\noctets from the server, sequential round trips (login included), processor seconds, peak memory")
        for side in sides:
            for phase in PHASES:
                figure, direct = self._median(side, "counted", phase), self._median(side, "direct", phase)
                print(
                    f"  {side:10} {phase:8} {figure.octets / 1e6:8.2f} MB {figure.trips:5} trips"
                    f" {direct.processor:7.2f} s {direct.megabytes:6.0f} MB"
                )
        print("\nwhat takes how long, first import, directly: processor seconds, start of the process included")
        for side, what in {**PARTS, "crmsync": "and committed to SQLite, with search and timelines"}.items():
            print(f"  {self._median(side, 'direct', 'first').processor:7.2f} s  {what}")
        print("\ncrmsync to the others, first import")
        targets = {"yardstick": "at most 2.5", "naive": "at most 0.10", "mbsync": "none: it parses nothing"}
        for side in sides[1:]:
            for mode in ("direct", "40 ms"):
                ratio = self._median("crmsync", mode, "first").seconds / self._median(side, mode, "first").seconds
                print(f"  to {side:10} {mode:8} {ratio:6.2f}  (target: {targets[side]})")
        octets = [self._median(side, "counted", "first").octets for side in ("crmsync", "yardstick")]
        print(f"  octets to yardstick {octets[0] / octets[1]:6.2f}  (target: at most 1.10)")

    def _median(self, side: str, mode: str, phase: str) -> _Figure:
        found = self.figures[side, mode, phase]
        return _Figure(*(statistics.median(values) for values in zip(*found, strict=True)))  # type: ignore[arg-type]


def _child(side: str, port: str, user: str, state: str) -> None:
    if side in ("crmsync", *PARTS):
        _crmsync(side, int(port), user, Path(state))
    else:
        import imap_peers

        getattr(imap_peers, side)(int(port), user, dovecot.PASSWORD, Path(state))
    # Not getrusage: its peak survives exec, so a child would report its parent's.
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(peak.split()[1]) / 1024)


def _crmsync(side: str, port: int, user: str, state: Path) -> None:
    from crmsync import Channel, ContactCreation, Policy, Selection, sync
    from crmsync.providers.imap import ImapMail
    from crmsync.providers.network.access import Access
    from crmsync.stores.memory import MemoryStorage
    from crmsync.stores.sql import SqlStorage

    channel = Channel(key="jan", addresses={OWNER}, contacts=ContactCreation.SENT_AND_RECEIVED, group_mail=True)
    access = Access(
        host="127.0.0.1", port=port, security="unencrypted", username=user, password=lambda: dovecot.PASSWORD,
        allow_internal=True,
    )  # fmt: skip
    with ImapMail(access) as mail:
        if side == "source":
            for stream in mail.streams(Selection()):
                for page in stream.source.changes(None):
                    list(stream.source.fetch(page.present))
        elif side == "memory":
            sync(mail, MemoryStorage(), channel, Policy(internal_mail=True))
        else:
            storage = SqlStorage(f"sqlite:///{state / 'crm.db'}")
            sync(mail, storage, channel, Policy(internal_mail=True))
            storage.close()


if __name__ == "__main__":
    main()
