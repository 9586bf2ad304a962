"""A Cyrus for tests, beside Dovecot: private, thrown away, with any user's empty mailbox.

Debian's package conflicts with Dovecot's, so `.ci/run` installs what it needs and unpacks the program itself into
`/opt/cyrus-imapd`; `CRMSYNC_CYRUS` names another place.
"""

from __future__ import annotations

import atexit
import getpass
import imaplib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import NamedTuple

from dovecot import PASSWORD
from servers import require_server

_numbers = count(1)


class Cyrus(NamedTuple):
    """A running server."""

    home: Path
    port: int

    def user(self) -> str:
        """Return a user with an empty mailbox."""
        return f"user{os.getpid()}-{next(_numbers)}@example.com"

    def client(self, user: str) -> imaplib.IMAP4:
        """Log in as a user, to change the mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        client.login(user, PASSWORD)
        return client


@cache
def cyrus() -> Cyrus:
    """Return the server that all tests share, which stops with the process."""
    imapd, master = _program("imapd"), _program("master")
    require_server("Cyrus", bool(imapd and master))
    home = Path(tempfile.mkdtemp(prefix="crmsync-cyrus-"))
    home.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    owner = "cyrus" if os.geteuid() == 0 else getpass.getuser()
    (home / "imapd.conf").write_text(_CONFIGURATION.format(home=home, owner=owner))
    recover = f"ctl_cyrusdb -C {home}/imapd.conf -r"
    (home / "cyrus.conf").write_text(_SERVICES.format(home=home, port=port, imapd=imapd, recover=recover))
    for name in ("lib", "mail", "run", "run/proc", "run/lock", "lib/db", "lib/socket"):
        (home / name).mkdir(exist_ok=True)
    _let_in(home / "mux")
    if os.geteuid() == 0:
        for path in (home, *home.rglob("*")):
            shutil.chown(path, owner, "mail")
    with (home / "output").open("wb") as output:
        process = subprocess.Popen(
            [str(master), "-C", f"{home}/imapd.conf", "-M", f"{home}/cyrus.conf", "-p", f"{home}/run/pid"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, "CYRUS_VERBOSE": "1"},
        )  # fmt: skip
    _wait_for(port, process, home)
    started = os.getpid()

    @atexit.register
    def stop() -> None:
        if os.getpid() == started:  # not a fork of it
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            shutil.rmtree(home, ignore_errors=True)

    return Cyrus(home, port)


def _program(name: str) -> Path | None:
    roots = (os.environ.get("CRMSYNC_CYRUS"), "/opt/cyrus-imapd", "/")
    found = (Path(root) / "usr/lib/cyrus/bin" / name for root in roots if root)
    return next((path for path in found if path.exists()), None)


def _let_in(path: Path) -> None:
    """Answer as saslauthd does: everybody with the tests' password is who they say."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o777)
    listening.listen(50)

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as asked:
                _, password, _, _ = (asked.read(int.from_bytes(asked.read(2), "big")) for _ in range(4))
                said = b"OK" if password.decode() == PASSWORD else b"NO"
                connection.sendall(len(said).to_bytes(2, "big") + said)

    threading.Thread(target=serve, name="saslauthd", daemon=True).start()


def _wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"Cyrus ended:\n{(home / 'output').read_text(errors='replace')[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
                if probe.recv(10).startswith(b"* OK"):
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("Cyrus does not answer")


_CONFIGURATION = """\
configdirectory: {home}/lib
partition-default: {home}/mail
defaultpartition: default
proc_path: {home}/run/proc
mboxname_lockpath: {home}/run/lock
cyrus_user: {owner}
admins: cyrus
virtdomains: userid
defaultdomain: example.com
altnamespace: yes
unixhierarchysep: yes
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {home}/mux
autocreate_quota: 0
autocreate_inbox_folders: Sent
xlist-sent: Sent
specialusealways: yes
skiplist_unsafe: yes
sync_log: no
tls_session_timeout: 0
popminpoll: 0
maxlogins_per_user: 0
conversations: no
"""
_SERVICES = """\
START {{
  recover cmd="{recover}"
}}
SERVICES {{
  imap cmd="{imapd} -C {home}/imapd.conf" listen="127.0.0.1:{port}" prefork=2 maxchild=50
}}
EVENTS {{
}}
"""
