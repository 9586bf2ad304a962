"""Accounts on the command line, with a real IMAP server and a real SMTP server on this machine."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from command_line import mail, mbox
from dovecot import PASSWORD, Dovecot, dovecot
from mail_hub import MailHub
from scripted import serving

from crmsync.cli import main
from crmsync.providers.network.access import Security, Server
from crmsync.providers.network.discovery import Candidate, Discovered, Origin
from crmsync.providers.network.known import provider_of
from crmsync.runtime import Account, AccountFile, Key, Keys, Service
from crmsync.stores.sql import SqlStorage

KEY = Key.new()
OK = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"


class Here:
    """A directory with an account's servers, and the command line in it."""

    def __init__(self, path: Path, server: Dovecot, hub: MailHub) -> None:
        self.path = path
        self.server = server
        self.hub = hub
        self.address = hub.user = server.user()
        self.file = AccountFile(path / "crmsync.accounts")
        self.servers = ["--imap", f"127.0.0.1:{server.port}/unencrypted", "--smtp", f"127.0.0.1:{hub.port}/unencrypted"]

    def __call__(self, *args: object, typed: str = "") -> Result:
        runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": None, "TERM": "dumb"})
        return runner.invoke(main, [str(a) for a in args], input=typed, prog_name="crmsync", catch_exceptions=False)

    def connect(self, *more: object, typed: str = PASSWORD, address: str = "") -> Result:
        return self("connect", "imap", address or self.address, "--allow-internal", *more, typed=f"{typed}\n")

    def connected(self) -> None:
        assert 0 == self.connect(*self.servers).exit_code

    def account(self, address: str = "") -> Account:
        return self.file.load()[address or self.address]

    def deliver(self, *mails: bytes, user: str = "") -> None:
        client = self.server.client(user or self.address)
        for one in mails:
            client.append("INBOX", "", "", one)
        client.logout()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMSYNC_KEY", KEY.text)
    with MailHub(password=PASSWORD).running() as hub:
        yield Here(tmp_path, dovecot(), hub)


def logins_of(result: Here) -> set[Service]:
    return {login.service for login in result.account().logins}


# -- connect


def test_a_mailbox_that_works_is_tested_and_saved(here: Here) -> None:
    said = here.connect(*here.servers)
    assert 0 == said.exit_code
    assert "IMAP   works: 2 folders" in said.stdout
    assert "SMTP   works" in said.stdout
    assert "Saved: IMAP, SMTP." in said.stdout
    access = here.account().access(Service.IMAP, Keys(KEY))
    assert (PASSWORD, here.address) == ((access.password or str)(), access.username)
    assert ["PLAIN"] == here.hub.logins


def test_the_password_is_typed_unseen_and_kept_nowhere_in_the_clear(here: Here) -> None:
    said = here.connect(*here.servers)
    assert PASSWORD not in said.output
    octets = b"".join(one.read_bytes() for one in here.path.rglob("*") if one.is_file())
    assert here.address.encode() in octets
    for secret in (PASSWORD, KEY.text):
        assert secret.encode() not in octets
    assert 0o600 == stat.S_IMODE(here.file.path.stat().st_mode)


def test_a_password_may_come_through_a_pipe_and_never_as_an_option(here: Here) -> None:
    assert 0 == here.connect(*here.servers, "--password-stdin").exit_code
    said = here.connect(*here.servers, "--password", PASSWORD)
    assert 2 == said.exit_code
    assert "No such option" in said.output
    assert 2 == here.connect(*here.servers, "--password-stdin", typed="").exit_code


def test_while_it_works_no_listing_of_processes_shows_the_password(here: Here) -> None:
    asked = threading.Event()

    def silent(connection: socket.socket) -> None:
        asked.set()
        connection.recv(1)

    command = [
        sys.executable,
        "-m",
        "crmsync",
        "connect",
        "imap",
        "ann@client.example",
        "--allow-internal",
        "--no-smtp",
    ]
    with serving(silent) as port:
        process = subprocess.Popen(
            [*command, "--imap", f"127.0.0.1:{port}/unencrypted", "--password-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            assert process.stdin is not None
            process.stdin.write(f"{PASSWORD}\n")
            process.stdin.flush()
            assert asked.wait(20)
            listed = subprocess.run(
                ["ps", "eww", "-p", str(process.pid)], capture_output=True, text=True, check=True
            ).stdout
        finally:
            process.kill()
            process.communicate()
    assert "ann@client.example" in listed
    assert PASSWORD not in listed


def test_a_key_file_is_made_where_only_its_owner_reads_it(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRMSYNC_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here.path / "home"))
    here.connected()
    key = here.path / "home" / "crmsync" / "key"
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    assert 0 == here("folders").exit_code
    key.chmod(0o644)
    said = here("folders")
    assert 1 == said.exit_code
    assert "chmod 600" in said.output


def test_a_wrong_password_is_tried_once_and_nothing_is_saved(here: Here) -> None:
    log: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        _imap(connection, log, login=b"NO [AUTHENTICATIONFAILED] no\r\n")

    with serving(serve) as port:
        said = here.connect("--imap", f"127.0.0.1:{port}/unencrypted", "--no-smtp", typed="wr0ng-secret")
    assert 1 == said.exit_code
    assert "IMAP   failed: 127.0.0.1 does not accept user name and password" in said.stdout
    assert "Nothing was saved. Correct that, and run it again." in said.stdout
    assert "wr0ng-secret" not in said.output
    assert {} == here.file.load()
    assert 1 == len([line for line in log if b"AUTHENTICATE" in line.upper()])


def test_what_works_is_saved_and_what_fails_is_told(here: Here) -> None:
    here.hub.answers["AUTH"] = "534 5.7.9 app password"
    said = here.connect(*here.servers)
    assert 1 == said.exit_code
    assert "SMTP   failed: the provider asks for an app password" in said.stdout
    assert "SMTP was not saved. Correct that" in said.stdout
    assert {Service.IMAP} == logins_of(here)


def test_without_smtp_nothing_is_asked_of_it(here: Here) -> None:
    said = here.connect(*here.servers[:2], "--no-smtp")
    assert 0 == said.exit_code
    assert "SMTP" not in said.stdout
    assert {Service.IMAP} == logins_of(here)


def test_connecting_again_takes_a_new_password_and_keeps_all_else(here: Here) -> None:
    here.connected()
    before = here.account()
    said = here.connect(typed="wr0ng-secret")
    assert 1 == said.exit_code
    assert "Nothing was saved; what was saved before stays as it is." in said.stdout
    assert before == here.account()
    assert 0 == here.connect().exit_code
    after = here.account()
    assert [login.server for login in before.logins] == [login.server for login in after.logins]
    assert [login.sealed for login in before.logins] != [login.sealed for login in after.logins]


def test_a_server_inside_is_refused_until_it_is_allowed(here: Here) -> None:
    said = here("connect", "imap", here.address, *here.servers, typed=f"{PASSWORD}\n")
    assert 1 == said.exit_code
    assert "add --allow-internal" in said.stdout
    assert [] == here.hub.logins


def test_a_certificate_of_ones_own_is_trusted_where_it_is_said(here: Here) -> None:
    (here.path / "ca.pem").write_text(here.server.certificate)
    tls = ["--no-smtp", "--imap", f"localhost:{here.server.tls_port}"]
    said = here.connect(*tls)
    assert "IMAP   failed: the certificate of localhost" in said.stdout
    assert 0 == here.connect(*tls, "--ca", here.path / "ca.pem").exit_code
    assert 0 == here.connect(*tls, "--accept-any-certificate").exit_code
    (here.path / "bad.pem").write_text("nonsense")
    for file in ("bad.pem", "missing.pem"):
        assert 2 == here.connect(*tls, "--ca", here.path / file).exit_code


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nobody"], "is not an email address"),
        (["a@b.example", "--imap", "https://x/y"], "--imap: 'https://x/y' is no server"),
        (["a@b.example", "--imap", "a b"], "--imap: 'a b' is not the name of a server"),
        (["a@b.example", "--imap", "x:99999"], "--imap: "),
        (["a@b.example", "--smtp", "x:25/ssl"], "--smtp: 'ssl' is no security"),
    ],
)
def test_a_mistake_is_told_before_a_password_is_asked_for(here: Here, args: list[str], said: str) -> None:
    result = here("connect", "imap", *args)
    assert 2 == result.exit_code
    assert said in result.output
    assert "Password" not in result.output


def test_an_alias_of_a_connected_mailbox_is_refused_with_its_name(here: Here) -> None:
    here.file.save(Account(name="mia@acme.example", address="mia@acme.example", aliases={"sales@acme.example"}))
    said = here.connect(*here.servers, address="sales@acme.example")
    assert 2 == said.exit_code
    assert "is an alias of mia@acme.example, which is connected" in said.output


# -- connect, servers found


def found(monkeypatch: pytest.MonkeyPatch, *candidates: Candidate, address: str = "") -> None:
    made = Discovered(candidates, provider_of(address.rpartition("@")[2]))
    monkeypatch.setattr("crmsync.runtime.finding.discover", lambda *_, **__: made)


def candidate(service: Any, port: int, username: str, host: str = "127.0.0.1") -> Candidate:
    server = Server(host=host, port=port, security=Security.UNENCRYPTED, username=username)
    return Candidate(service=service, server=server, origin=Origin.SERVICE)


def test_found_servers_are_shown_before_the_password_is_asked_for(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    found(
        monkeypatch, candidate("imap", here.server.port, here.address), candidate("smtp", here.hub.port, here.address)
    )
    said = here.connect()
    assert 0 == said.exit_code
    shown = f"IMAP   127.0.0.1:{here.server.port} (unencrypted), as {here.address} (the domain's service records)"
    assert said.output.index(shown) < said.output.index("Password for")
    assert {Service.IMAP, Service.SMTP} == logins_of(here)


def test_the_next_server_is_tried_where_one_cannot_be_reached(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        closed = once.getsockname()[1]
    good = candidate("imap", here.server.port, here.address)
    found(monkeypatch, candidate("imap", closed, here.address), good)
    assert 0 == here.connect("--no-smtp").exit_code
    login = here.account().login(Service.IMAP)
    assert login is not None
    assert login.server is not None
    assert here.server.port == login.server.port


def test_a_refused_password_is_shown_to_no_other_server(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    first: list[bytes] = []
    second: list[bytes] = []

    def serve(log: list[bytes]) -> Any:
        return lambda connection: _imap(connection, log, login=b"NO [AUTHENTICATIONFAILED] no\r\n")

    with serving(serve(first)) as one, serving(serve(second)) as two:
        found(
            monkeypatch, candidate("imap", one, "ann"), candidate("imap", one, "ann"),
            candidate("imap", one, "ann@client.example"), candidate("imap", two, "ann", host="localhost"),
        )  # fmt: skip
        assert 1 == here.connect("--no-smtp", address="ann@client.example").exit_code
    assert 2 == len([line for line in first if b"AUTHENTICATE" in line.upper()])
    assert [] == second


def test_a_provider_that_takes_no_password_is_told_before_one_is_typed(here: Here) -> None:
    said = here("connect", "imap", "mia@outlook.com")
    assert 2 == said.exit_code
    assert "Outlook.com lets no program log in with a password" in said.output
    assert "Password" not in said.output


def test_what_a_provider_needs_first_is_told(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, candidate("imap", here.server.port, here.address), address="a@gmail.com")
    said = here.connect("--no-smtp")
    assert "Gmail: Turn on two-step verification" in said.output
    assert 0 == said.exit_code


def test_an_address_without_known_servers_says_how_to_name_them(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch)
    said = here.connect()
    assert 2 == said.exit_code
    assert "--imap HOST --smtp HOST" in said.output
    found(monkeypatch, candidate("imap", here.server.port, here.address))
    said = here.connect()
    assert 1 == said.exit_code
    assert "say it with --smtp HOST, or leave it out with --no-smtp" in said.output


# -- accounts, folders, sync, disconnect


def test_without_accounts_it_says_how_to_connect_one(here: Here) -> None:
    assert "crmsync connect imap" in here("accounts").stdout
    assert {"accounts": []} == json.loads(here("accounts", "--json").stdout)
    for command in (["folders"], ["folders", "ann@client.example"], ["disconnect", "ann@client.example"]):
        said = here(*command)
        assert 2 == said.exit_code
        assert "crmsync connect imap" in said.output
    assert [] == list(here.path.iterdir())


def test_accounts_are_listed_without_their_secrets(here: Here) -> None:
    here.connected()
    for said in (here("accounts"), here("accounts", "--json")):
        assert here.address in said.stdout
        assert "crmsync1" not in said.stdout
    (account,) = json.loads(here("accounts", "--json").stdout)["accounts"]
    assert {"imap", "smtp"} == {login["service"] for login in account["logins"]}


def test_folders_show_what_each_is_for_and_whether_it_is_read(here: Here) -> None:
    client = here.server.client(here.address)
    client.create("Projekte/Alpha")
    client.create("Entw&APw-rfe")
    client.logout()
    here.connected()
    selection = 'selection = {mode = "except", collections = ["Projekte/Alpha"]}'
    (here.path / "crmsync.toml").write_text(f'[channels.mia]\naccount = "{here.address}"\n{selection}\n')
    (listed,) = json.loads(here("folders", here.address, "--json").stdout)["accounts"]
    assert f"mail:{here.address}" == listed["channel"]
    assert {
        ("INBOX", "inbox", True), ("Sent", "sent", True), ("Projekte/Alpha", "none", False),
        ("Entwürfe", "drafts", False),
    } == {(one["name"], one["role"], one["read"]) for one in listed["collections"]}  # fmt: skip
    assert re.search(r"INBOX +inbox +yes", here("folders").stdout)


def test_sync_reads_connected_accounts_without_a_workspace_file(here: Here) -> None:
    here.deliver(*(mail(n, to=here.address) for n in range(3)))
    here.connected()
    said = here("sync", "--json")
    assert 0 == said.exit_code
    (channel,) = json.loads(said.stdout)["channels"]
    assert (f"mail:{here.address}", here.address, here.address, "mail", 3) == tuple(
        channel[name] for name in ("key", "owner", "source", "kind", "stored")
    )
    assert "Nothing new." in here("sync").stdout
    here.deliver(mail(7, to=here.address))
    assert 1 == json.loads(here("sync", "--json").stdout)["channels"][0]["stored"]
    assert "Ann Doe" in here("timeline", "ann@client.example").stdout
    assert "Nothing was written." in here("preview").stdout


def test_the_workspace_file_names_an_account_and_its_settings(here: Here) -> None:
    here.deliver(mail(1, to=here.address))
    here.connected()
    toml = here.path / "crmsync.toml"
    toml.write_text(
        f'[members]\nmia = "mia@acme.example"\n[channels.live]\nowner = "mia"\naccount = "{here.address}"\n'
    )
    (channel,) = json.loads(here("sync", "--json").stdout)["channels"]
    assert (f"mail:{here.address}", "mia", 1) == (channel["key"], channel["owner"], channel["stored"])
    for text, said in (
        ("account = 'x@y.example'", "'x@y.example' is not connected"),
        (f"account = '{here.address}'\nsource = 'a.mbox'", "beside `source`"),
        ("type = 'mail'", "source: is missing"),
        (f"account = '{here.address}'\n[channels.again]\naccount = '{here.address}'", "write one table"),
    ):
        toml.write_text(f"[channels.live]\n{text}\n")
        result = here("sync")
        assert 2 == result.exit_code
        assert said in result.output
    toml.write_text(f'[channels.live]\naccount = "{here.address}"\ntype = "calendar"\n')
    result = here("sync")
    assert 2 == result.exit_code
    assert f"crmsync connect caldav {here.address}" in result.output


def test_settings_that_are_written_down_later_hold_for_what_is_there(here: Here) -> None:
    here.deliver(*(mail(n, to=here.address) for n in range(3)))
    here.connected()
    toml = here.path / "crmsync.toml"
    toml.write_text(f'[members]\nmia = "{here.address}"\nlena = "lena@acme.example"\n')
    assert 3 == json.loads(here("sync", "--json").stdout)["channels"][0]["stored"]
    assert 3 == len(json.loads(here("timeline", "--as", "lena", "--json").stdout)["entries"])

    for name in ("live", "renamed"):
        toml.write_text(
            f'[members]\nmia = "{here.address}"\nlena = "lena@acme.example"\n'
            f'[channels.{name}]\nowner = "mia"\naccount = "{here.address}"\nvisibility = "private"\n'
        )
        assert 0 == json.loads(here("sync", "--json").stdout)["channels"][0]["stored"]
        assert [] == json.loads(here("timeline", "--as", "lena", "--json").stdout)["entries"]
        assert 3 == len(json.loads(here("timeline", "--as", "mia", "--json").stdout)["entries"])


def test_a_channel_that_nothing_names_any_more_is_said_and_cleared_when_asked(here: Here) -> None:
    mbox(here.path / "old.mbox", mail(1, to=here.address), mail(2, to=here.address))
    toml = here.path / "crmsync.toml"
    members = f'[members]\nmia = "{here.address}"\n'
    toml.write_text(f'{members}[channels.old]\nowner = "mia"\nsource = "old.mbox"\n')
    assert 0 == here("sync").exit_code
    toml.write_text(f'{members}[channels.new]\nowner = "mia"\nsource = "old.mbox"\n')

    assert "old is named by nothing any more" in here("sync").output
    assert 2 == here("sync", "--clear", "new").exit_code
    assert "named by nothing" not in here("sync", "--clear", "old").output
    assert 2 == len(json.loads(here("timeline", "--as", "mia", "--json").stdout)["entries"])


def test_an_account_that_no_channel_names_is_read_beside_those_of_the_file(here: Here) -> None:
    here.connected()
    (here.path / "crmsync.toml").write_text(f'[members]\nmia = "{here.address}"\n')
    (channel,) = json.loads(here("sync", "--json").stdout)["channels"]
    assert (f"mail:{here.address}", "mia") == (channel["key"], channel["owner"])


def test_one_account_that_fails_leaves_the_others_alone(here: Here) -> None:
    here.connected()
    others = [here.server.user() for _ in range(3)]
    for number, user in enumerate([here.address, *others]):
        here.deliver(*(mail(100 * number + n, to=user) for n in range(number + 1)), user=user)
        assert 0 == here.connect(*here.servers[:2], "--no-smtp", address=user).exit_code
    with serving(lambda connection: connection.sendall(b"* BYE down\r\n")) as port:
        bad = Server(
            host="127.0.0.1", port=port, security=Security.UNENCRYPTED, username="x", allow_internal=True, timeout=2
        )
        down = Account(name="down@down.example", address="down@down.example")
        here.file.save(down.with_login(Service.IMAP, PASSWORD, Keys(KEY), server=bad))
        said = here("sync", "--json")
    assert 1 == said.exit_code
    channels = {one["key"]: one for one in json.loads(said.stdout)["channels"]}
    assert "Unavailable" == channels["mail:down@down.example"]["error"]["type"]
    assert {f"mail:{user}": number + 1 for number, user in enumerate([here.address, *others])} == {
        key: one["stored"] for key, one in channels.items() if one["error"] is None
    }


def test_a_refused_login_is_not_tried_again_before_somebody_connects(here: Here) -> None:
    here.connected()
    log: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        _imap(connection, log, login=b"NO [AUTHENTICATIONFAILED] no\r\n")

    with serving(serve) as port:
        login = here.account().login(Service.IMAP)
        assert login is not None
        assert login.server is not None
        moved = login.server.model_copy(update={"port": port})
        here.file.save(here.account().with_login(Service.IMAP, PASSWORD, Keys(KEY), server=moved))
        for _ in range(3):
            said = here("sync")
            assert 1 == said.exit_code
            assert f"Connect it again: crmsync connect imap {here.address}" in said.output
            assert 1 == here("folders").exit_code
    assert 1 == len([line for line in log if b"AUTHENTICATE" in line.upper()])
    assert "refused; crmsync connect imap" in here("accounts").stdout
    assert 0 == here.connect(*here.servers).exit_code
    assert 0 == here("sync").exit_code


def test_without_the_key_it_says_what_is_missing_and_files_are_read_all_the_same(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.connected()
    (here.path / "a.eml").write_bytes(mail(1))
    (here.path / "mails").mkdir()
    (here.path / "a.eml").rename(here.path / "mails" / "a.eml")
    (here.path / "crmsync.toml").write_text("[channels.files]\nsource = 'mails'\naddresses = ['me@acme.example']\n")
    monkeypatch.setenv("CRMSYNC_KEY", Key.new().text)
    said = here("sync", "--json")
    assert 1 == said.exit_code
    channels = {one["key"]: one for one in json.loads(said.stdout)["channels"]}
    assert 1 == channels["files"]["stored"]
    assert f"sealed with the key {KEY.name}, which is not here" in channels[f"mail:{here.address}"]["error"]["message"]
    monkeypatch.setenv("CRMSYNC_KEY", KEY.text)
    assert 0 == here("sync").exit_code


def test_a_new_key_seals_everything_and_the_old_one_may_go(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.connected()
    new = Key.new()
    monkeypatch.setenv("CRMSYNC_KEY", f"{new.text} {KEY.text}")
    said = here("accounts", "--new-key")
    assert 0 == said.exit_code
    assert f"sealed with the key {new.name}" in said.output
    monkeypatch.setenv("CRMSYNC_KEY", new.text)
    assert 0 == here("sync").exit_code
    monkeypatch.setenv("CRMSYNC_KEY", KEY.text)
    assert 1 == here("accounts", "--new-key").exit_code
    monkeypatch.setenv("CRMSYNC_KEY", new.text)
    assert 0 == here("sync").exit_code


def test_an_interrupt_ends_a_sync_whose_servers_are_silent(here: Here) -> None:
    asked = threading.Semaphore(0)

    def silent(connection: socket.socket) -> None:
        asked.release()
        connection.recv(1)

    with serving(silent) as port:
        server = Server(host="127.0.0.1", port=port, security=Security.UNENCRYPTED, username="x", allow_internal=True)
        for name in ("a@b.example", "c@d.example"):
            here.file.save(Account(name=name, address=name).with_login(Service.IMAP, "x", Keys(KEY), server=server))
        # A shell has its jobs in the background ignore the signal, and so their children.
        heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{heeding}; from crmsync.__main__ import run; run()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "sync"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert asked.acquire(timeout=20)
            assert asked.acquire(timeout=20)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert 130 == process.returncode
    assert "Stopped. What was synced is saved" in said


def test_disconnecting_forgets_the_logins_and_what_only_that_account_held(here: Here) -> None:
    other = here.server.user()
    shared = mail(1, to=f"{here.address}, {other}")
    here.deliver(shared, mail(2, to=here.address))
    here.deliver(shared, user=other)
    here.connected()
    assert 0 == here.connect(*here.servers[:2], "--no-smtp", address=other).exit_code
    assert 0 == here("sync").exit_code
    assert 1 == here("disconnect", here.address, typed="remove\nn\n").exit_code
    assert 2 == here("disconnect", here.address, "--yes").exit_code
    assert here.address in here.file.load()
    said = here("disconnect", here.address, typed="remove\ny\n")
    assert 0 == said.exit_code
    assert "1 mail or meeting\n" in said.stdout
    assert "1 mail or meeting: another account holds it too" in said.stdout
    assert [other] == list(here.file.load())
    left = json.loads(here("timeline", "ann@client.example", "--as", other, "--json").stdout)
    assert 1 == len(left["entries"])


def test_disconnecting_may_keep_what_was_brought(here: Here) -> None:
    here.deliver(mail(1, to=here.address))
    here.connected()
    assert 0 == here("sync").exit_code
    assert 0 == here("disconnect", here.address, "--keep", "--yes").exit_code
    assert {} == here.file.load()
    with SqlStorage("sqlite:///crmsync.db") as storage:
        assert 1 == len(storage.stopped)
    assert "Hello" in here("timeline", "ann@client.example", "--as", here.address).stdout


def test_a_damaged_file_of_accounts_is_told_and_kept(here: Here) -> None:
    here.file.path.write_text("{")
    for command in (["accounts"], ["sync"], ["folders"]):
        said = here(*command)
        assert 1 == said.exit_code
        assert "is damaged; restore it" in said.output
    assert 1 == here.connect(*here.servers).exit_code
    assert "{" == here.file.path.read_text()


def _imap(connection: socket.socket, log: list[bytes], *, login: bytes) -> None:
    connection.sendall(OK)
    with connection.makefile("rb") as lines:
        for line in lines:
            log.append(line)
            tag, _, rest = line.partition(b" ")
            said = login if rest.upper().startswith((b"AUTHENTICATE", b"LOGIN")) else b"OK done\r\n"
            connection.sendall(tag + b" " + said)
