"""Following two CalDAV calendars: `python benchmarks/caldav.py [--objects N] [--rounds N] [--peers a,b]`.

Each client runs in a process of its own against Radicale: a first sync, nothing new, then 50 new, 20 changed and 10
removed objects. A relay counts requests and octets. Compared are:

    crmsync      to committed rows in SQLite: parsed, series expanded, rules, people
    yardstick    the least work for rows (caldav_yardstick.py): a floor, not a product
    vdirsyncer   to files, without reading what they say
    caldav       the caldav package's own synchronisation, parsed with icalendar, to rows
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import resource
import shutil
import socket
import socketserver
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import caldav_yardstick
import corpus

NOW = datetime(2026, 1, 5, tzinfo=UTC)
USER, PASSWORD = "jan", "s3cret"
HOME = f"/{USER}/"
STEPS = ("first", "nothing new", "small change")
_REQUEST = re.compile(rb"^[A-Z]{3,12} \S+ HTTP/1\.1\r$", re.MULTILINE)


class Cost(NamedTuple):
    requests: int
    octets: int
    """Received."""
    cpu: float
    """Seconds of processor time of the whole process, its imports too."""
    work: float
    """The same in a process that is running already, as a worker's is; 0 where it cannot be told apart."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=2_000, help="objects in each of two calendars (default 2,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each client runs (default 3)")
    parser.add_argument("--peers", default="crmsync,yardstick,vdirsyncer,caldav")
    parser.add_argument("--calendars", type=Path, help="a Radicale collection-root to use instead of made calendars")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--state", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child, options.port, options.state)
        return
    peers = [peer for peer in options.peers.split(",") if _is_there(peer)]
    costs: dict[tuple[str, str], list[Cost]] = {}
    with tempfile.TemporaryDirectory() as directory:
        pristine = Path(directory, "pristine")
        blocks = _make(pristine, options.objects, options.calendars)
        print(f"caldav: 2 calendars, {options.objects:,} objects each, {blocks:,} VEVENTs, Radicale")
        for _ in range(options.rounds):
            for peer in peers:
                for step, cost in _life(peer, pristine, Path(directory, "room")):
                    costs.setdefault((peer, step), []).append(cost)
    _print(peers, {key: _median(found) for key, found in costs.items()})


def _is_there(peer: str) -> bool:
    there = {"vdirsyncer": bool(_vdirsyncer()), "caldav": bool([*importlib.metadata.distributions(name="caldav")])}
    if not there.get(peer, True):
        print(f"caldav: {peer} is not installed, and left out")
    return there.get(peer, True)


def _print(peers: list[str], costs: dict[tuple[str, str], Cost]) -> None:
    print(f"  {'':14}{'':12}{'requests':>9}{'received':>11}{'client CPU':>12}{'without start':>15}  of the yardstick's")
    for step in STEPS:
        for peer in peers:
            cost = costs[peer, step]
            floor = costs.get(("yardstick", step))
            work = f"{cost.work:13.2f} s" if cost.work else f"{'-':>15}"
            ratio = f"{cost.cpu / floor.cpu:8.2f}" if floor else ""
            ratio += f" /{cost.work / floor.work:6.2f}" if floor and cost.work else ""
            print(f"  {step:14}{peer:12}{cost.requests:9}{cost.octets / 1e6:8.2f} MB{cost.cpu:10.2f} s{work}{ratio}")


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        round(statistics.median(cost.requests for cost in costs)),
        round(statistics.median(cost.octets for cost in costs)),
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.work for cost in costs),
    )


# -- one client's life


def _life(peer: str, pristine: Path, room: Path) -> Iterator[tuple[str, Cost]]:
    shutil.rmtree(room, ignore_errors=True)
    state = room / "state"
    state.mkdir(parents=True)
    shutil.copytree(pristine, room / "data")
    with _radicale(room) as upstream, _relay(upstream) as relay:
        _warm(upstream)
        if peer == "vdirsyncer":
            _configure_vdirsyncer(state, relay.port)
        for step in STEPS:
            if step == "small change":
                _change(upstream)
            yield step, _run(peer, relay, state)


def _run(peer: str, relay: Relay, state: Path) -> Cost:
    relay.requests = relay.octets = 0
    environment = {**os.environ, "VDIRSYNCER_CONFIG": str(state / "config")}
    if peer == "vdirsyncer":
        command = [_vdirsyncer(), "-v", "WARNING", "sync", "pair"]
    else:
        command = [sys.executable, __file__, "--child", peer, "--port", str(relay.port), "--state", str(state)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said, complaint = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{peer} failed: {complaint}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    work = json.loads(said.splitlines()[-1])["work"] if peer != "vdirsyncer" else 0.0
    return Cost(relay.requests, relay.octets, cpu, work)


def _child(peer: str, port: int, state: Path) -> None:
    if peer == "yardstick":
        begin = time.process_time()
        caldav_yardstick.run(port, HOME, f"{USER}:{PASSWORD}", state)
    elif peer == "crmsync":
        import crmsync.providers.caldav
        import crmsync.stores.sql

        assert crmsync.providers.caldav, crmsync.stores.sql
        begin = time.process_time()
        _crmsync(port, state)
    else:
        sys.path.remove(str(Path(__file__).parent))  # where this file has the package's name
        import caldav
        import icalendar

        assert caldav, icalendar
        begin = time.process_time()
        _caldav(port, state)
    print(json.dumps({"work": time.process_time() - begin}))


def _crmsync(port: int, state: Path) -> None:
    from crmsync import Channel, Policy, sync
    from crmsync.providers.caldav import CalDavAccount, CalDavCalendars
    from crmsync.providers.network.access import Security, Server
    from crmsync.stores.sql import SqlStorage

    server = Server(host="127.0.0.1", port=port, security=Security.UNENCRYPTED, username=USER, allow_internal=True)
    owner = "jan@ours.example"
    account = CalDavAccount(addresses=(owner,), homes=(f"http://127.0.0.1:{port}{HOME}",))
    provider = CalDavCalendars(
        server.access(password=lambda: PASSWORD), account=account, address=owner, now=lambda: NOW
    )
    storage = SqlStorage(f"sqlite:///{state / 'crm.db'}")
    report = sync(provider, storage, Channel(key="jan", addresses={owner}), Policy(internal_domains={"ours.example"}))
    storage.close()
    if report.failures:
        raise SystemExit(str(report))


def _caldav(port: int, state: Path) -> None:
    import caldav
    import icalendar

    database = sqlite3.connect(state / "caldav.db")
    database.execute("create table if not exists event(path text, uid text, summary text)")
    database.execute("create table if not exists person(path text, address text)")
    kept = state / "tokens.json"
    tokens = json.loads(kept.read_text()) if kept.exists() else {}
    client = caldav.DAVClient(f"http://127.0.0.1:{port}{HOME}", username=USER, password=PASSWORD)
    for calendar in client.principal().calendars():
        path = calendar.url.path
        changed = calendar.get_objects_by_sync_token(sync_token=tokens.get(path), load_objects=True)
        for found in changed:
            if not found.data:
                continue
            for event in icalendar.Calendar.from_ical(found.data).walk("VEVENT"):
                database.execute(
                    "insert into event values (?, ?, ?)",
                    (found.url.path, str(event["UID"]), str(event.get("SUMMARY"))),
                )
                guests = event.get("ATTENDEE", [])
                rows = [(found.url.path, str(guest)) for guest in (guests if isinstance(guests, list) else [guests])]
                database.executemany("insert into person values (?, ?)", rows)
        tokens[path] = changed.sync_token
    database.commit()
    database.close()
    kept.write_text(json.dumps(tokens))


def _vdirsyncer() -> str:
    beside = Path(sys.executable).parent / "vdirsyncer"
    return str(beside) if beside.exists() else shutil.which("vdirsyncer") or ""


def _configure_vdirsyncer(state: Path, port: int) -> None:
    (state / "config").write_text(
        f'[general]\nstatus_path = "{state}/status/"\n'
        '[pair pair]\na = "files"\nb = "server"\ncollections = ["cal0", "cal1"]\nconflict_resolution = "b wins"\n'
        f'[storage files]\ntype = "filesystem"\npath = "{state}/files/"\nfileext = ".ics"\n'
        f'[storage server]\ntype = "caldav"\nurl = "http://127.0.0.1:{port}/"\nusername = "{USER}"\n'
        f'password = "{PASSWORD}"\n'
    )
    for name in ("cal0", "cal1"):
        (state / "files" / name).mkdir(parents=True)
    command = [_vdirsyncer(), "-c", str(state / "config"), "discover", "pair"]
    subprocess.run(command, input="y\n" * 20, text=True, capture_output=True, check=True)


# -- the server


@contextmanager
def _radicale(room: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (room / "users").write_text(f"{USER}:{PASSWORD}\n")
    (room / "config").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {room}/users\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {room}/data\n[logging]\nlevel = error\n"
    )
    command = [sys.executable, "-m", "radicale", "--config", str(room / "config")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _warm(port: int) -> None:
    """Let the server build its caches, so that no client pays for them."""
    with tempfile.TemporaryDirectory() as directory:
        caldav_yardstick.run(port, HOME, f"{USER}:{PASSWORD}", Path(directory))


class Relay(socketserver.ThreadingTCPServer):
    """Passes octets on and counts."""

    daemon_threads = True
    requests = 0
    octets = 0
    upstream = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Pass(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as line:
            for end in (line, self.request):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._back, args=(line,), daemon=True)
            back.start()
            try:
                while data := self.request.recv(1 << 16):
                    self.server.requests += len(_REQUEST.findall(data))
                    line.sendall(data)
                line.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            back.join()

    def _back(self, line: socket.socket) -> None:
        try:
            while data := line.recv(1 << 16):
                self.server.octets += len(data)
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@contextmanager
def _relay(upstream: int) -> Iterator[Relay]:
    with Relay(("127.0.0.1", 0), _Pass) as relay:
        relay.upstream = upstream
        threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield relay
        relay.shutdown()


# -- what is in the calendars


def _make(folder: Path, objects: int, given: Path | None) -> int:
    root = folder / "collection-root"
    if given:
        shutil.copytree(next(path for path in given.iterdir() if path.is_dir()), root / USER)
        return sum(path.read_bytes().count(b"BEGIN:VEVENT") for path in root.rglob("*.ics"))
    blocks = 0
    for calendar in range(2):
        path = root / USER / f"cal{calendar}"
        path.mkdir(parents=True)
        kind = {"tag": "VCALENDAR", "D:displayname": path.name, "C:supported-calendar-component-set": "VEVENT"}
        (path / ".Radicale.props").write_text(json.dumps(kind))
        for uid, text in corpus.objects(objects, seed=calendar):
            blocks += text.count("BEGIN:VEVENT")
            (path / f"{uid.partition('@')[0]}.ics").write_text(text, newline="\r\n")
    return blocks


def _change(port: int) -> None:
    """Let 50 objects arrive, 20 change, 10 go; half of each in either calendar."""
    new = corpus.objects(50, seed=99)
    for calendar in range(2):
        path = f"{HOME}cal{calendar}/"
        listing = _send(port, "PROPFIND", path, headers={"Depth": "1"}).decode()
        there = sorted(set(re.findall(r">(/[^<]+\.ics)<", listing)))
        for _ in range(25):
            uid, text = next(new)
            _send(port, "PUT", f"{path}{uid.partition('@')[0]}.ics", text)
        for changed in there[:10]:
            text = _send(port, "GET", changed).decode().replace("SUMMARY:", "SUMMARY:Moved: ")
            _send(port, "PUT", changed, text)
        for gone in there[50:55]:
            _send(port, "DELETE", gone)


def _send(port: int, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body.encode() or None, method=method)
    request.add_header("Authorization", f"Basic {corpus.basic(USER, PASSWORD)}")
    request.add_header("Content-Type", "text/calendar")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    with urllib.request.urlopen(request) as response:
        found: bytes = response.read()
    return found


if __name__ == "__main__":
    main()
