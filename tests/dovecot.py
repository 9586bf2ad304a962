"""A Dovecot for tests: private, thrown away, with any user's empty mailbox.

`with dovecot() as server:` gives one that offers all it has; a profile imitates what another server offers. It runs as
root or as anybody, on free ports of the loopback interface.
"""

from __future__ import annotations

import atexit
import datetime
import getpass
import imaplib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import NamedTuple

from servers import require_server

PASSWORD = "s3cret-pa55"
PROFILES = {
    "dovecot": "",
    "microsoft365": "IMAP4 IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
    "gmail": (
        "IMAP4rev1 AUTH=PLAIN SASL-IR UNSELECT IDLE NAMESPACE QUOTA ID CHILDREN UIDPLUS COMPRESS=DEFLATE ENABLE MOVE"
        " CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584"
    ),
    "yahoo": "IMAP4rev1 AUTH=PLAIN SASL-IR ID MOVE NAMESPACE XYMHIGHESTMODSEQ UIDPLUS LITERAL+ CHILDREN UNSELECT",
}
"""What servers of these kinds offer, as far as Dovecot has it."""

_numbers = count(1)


class Dovecot(NamedTuple):
    """A running server."""

    home: Path
    port: int
    tls_port: int
    certificate: str
    """Its own, as PEM text."""

    def user(self) -> str:
        """Return a user with an empty mailbox."""
        return f"user{os.getpid()}-{next(_numbers)}@example.com"

    def maildir(self, user: str) -> Path:
        """Return where a user's mail is kept."""
        return self.home / "mail" / user / "Maildir"

    def client(self, user: str) -> imaplib.IMAP4:
        """Log in as a user, to change the mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        client.login(user, PASSWORD)
        return client


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(home: Path) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    (home / "certificate.pem").write_text(pem)
    (home / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem


def _configuration(home: Path, port: int, tls_port: int, capability: str) -> str:
    root = os.geteuid() == 0
    owner = "mail" if root else getpass.getuser()
    import pwd

    user = pwd.getpwnam(owner)
    users = "" if root else f"default_internal_user = {owner}\ndefault_login_user = {owner}\n"
    if not root:
        import grp

        users += f"default_internal_group = {grp.getgrgid(user.pw_gid).gr_name}\n"
    return f"""
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
instance_name = test-{home.name}
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/certificate.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
{users}
mail_uid = {user.pw_uid}
mail_gid = {user.pw_gid}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{home}/mail/%u/Maildir
mail_max_userip_connections = 100
mail_fsync = never
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user.pw_uid} gid={user.pw_gid} home={home}/mail/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
protocol imap {{
  mail_max_userip_connections = 100
  {f"imap_capability = {capability}" if capability else ""}
}}
"""


@contextmanager
def new_dovecot(profile: str = "dovecot", *, under: Path | None = None) -> Iterator[Dovecot]:
    """Start a server; `dovecot` returns the one that tests share."""
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    require_server("Dovecot", program is not None)
    assert program is not None
    home = Path(tempfile.mkdtemp(prefix="crmsync-imap-", dir=under))
    home.chmod(0o755)
    try:
        port, tls_port = _free_port(), _free_port()
        certificate = _certificate(home)
        (home / "mail").mkdir()
        if os.geteuid() == 0:
            shutil.chown(home / "mail", "mail", "mail")
        (home / "dovecot.conf").write_text(_configuration(home, port, tls_port, PROFILES[profile]))
        # In the foreground it is a child, so that it can be ended by its number.
        with (home / "output").open("wb") as output:
            process = subprocess.Popen(
                [program, "-F", "-c", str(home / "dovecot.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            _wait_for(port, process, home)
            yield Dovecot(home, port, tls_port, certificate)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_for(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"Dovecot ended:\n{(home / 'output').read_text(errors='replace')[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
                if probe.recv(10).startswith(b"* OK"):
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("Dovecot does not answer")


@cache
def dovecot(profile: str = "dovecot") -> Dovecot:
    """Return the server that all tests share, which stops with the process."""
    starting = new_dovecot(profile)
    started, process = starting.__enter__(), os.getpid()

    @atexit.register
    def stop() -> None:
        if os.getpid() == process:  # not a fork of it
            starting.__exit__(None, None, None)

    return started
