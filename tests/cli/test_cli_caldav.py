"""Calendars on the command line, with a real CalDAV server on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from caldav_servers import PASSWORD, USER, CalDavServer, Exchange, Proxy, radicale
from caldav_worlds import clear, vcalendar, vevent
from click.testing import CliRunner, Result
from command_line import mail, mbox

from crmsync.cli import main
from crmsync.providers.caldav import CalDavAccount
from crmsync.providers.network.access import Security, Server
from crmsync.providers.network.discovery import Candidate, Discovered, Origin
from crmsync.providers.network.known import provider_of
from crmsync.runtime import Account, AccountFile, Key, Keys, Service

KEY = Key.new()
ME = "me@acme.com"
SOON = (datetime.now(UTC) + timedelta(days=1)).strftime(":%Y%m%dT%H%M%SZ")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with radicale(tmp_path_factory.mktemp("radicale")) as running:
        yield running


class Here:
    """A directory with a calendar server behind a proxy, and the command line in it."""

    def __init__(self, path: Path, server: CalDavServer) -> None:
        self.path, self.server = path, server
        self.proxy = Proxy(server)
        self.url = f"http://127.0.0.1:{self.proxy.port}"
        self.file = AccountFile(path / "crmsync.accounts")
        clear(server)
        self.work = server.make_calendar("work", title="Work", color="#1E90FF")

    def __call__(self, *args: object, typed: str = "") -> Result:
        runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": None, "TERM": "dumb"})
        return runner.invoke(main, [str(a) for a in args], input=typed, prog_name="crmsync", catch_exceptions=False)

    def connect(self, *more: object, typed: str = PASSWORD) -> Result:
        return self("connect", "caldav", ME, "--allow-internal", *more, typed=f"{typed}\n")

    def connected(self) -> None:
        assert 0 == self.connect("--url", self.url, "--user", USER).exit_code

    def put(self, name: str, *lines: str, start: str = SOON, calendar: str = "") -> None:
        data = vcalendar(vevent(f"{name}@x", f"SUMMARY:{name}", *lines, start=start))
        self.server.put(f"{calendar or self.work}{name}.ics", data)

    def synced(self) -> dict[str, Any]:
        said = self("sync", "--json")
        assert 0 == said.exit_code, said.output
        (channel,) = json.loads(said.stdout)["channels"]
        return dict(channel)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: CalDavServer) -> Iterator[Here]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMSYNC_KEY", KEY.text)
    made = Here(tmp_path, server)
    yield made
    made.proxy.close()


def test_an_account_that_works_is_tested_and_saved_with_where_its_calendars_are(here: Here) -> None:
    said = here.connect("--url", here.url, "--user", USER)

    assert 0 == said.exit_code
    assert f"CalDAV 127.0.0.1:{here.proxy.port} (unencrypted), as {USER} (as you said)" in said.stdout
    assert "CalDAV works: 1 calendar" in said.stdout
    assert "Saved: CalDAV." in said.stdout
    account = here.file.load()[ME]
    access = account.access(Service.CALDAV, Keys(KEY))
    assert (PASSWORD, USER) == ((access.password or str)(), access.username)
    login = account.login(Service.CALDAV)
    assert login is not None
    assert (f"{here.url}{here.server.home}",) == CalDavAccount.model_validate_json(login.details["account"]).homes
    assert PASSWORD not in said.output + here.file.path.read_text()


def test_a_sync_brings_its_meetings_and_a_poll_is_one_request(here: Here) -> None:
    here.put("lunch")
    here.put("daily", "RRULE:FREQ=DAILY;COUNT=3")
    here.connected()

    channel = here.synced()

    assert (f"calendar:{ME}", "calendar", 2) == (channel["key"], channel["kind"], channel["stored"])
    assert "Nothing new." in here("sync").stdout
    here.proxy.seen.clear()
    here("sync")
    assert ["PROPFIND"] == [one.method for one in here.proxy.seen]
    here.put("lunch", "SEQUENCE:1")
    assert 1 == here.synced()["stored"]
    timeline = here("timeline", "--upcoming").stdout
    assert 1 == timeline.count("lunch")
    assert 3 == timeline.count("daily")


def test_calendars_are_moved_on_the_server_and_found_again(here: Here) -> None:
    here.put("lunch")
    here.connected()
    account = here.file.load()[ME]
    login = account.login(Service.CALDAV)
    assert login is not None
    for stale in (CalDavAccount(homes=(f"{here.url}/gone/",)).model_dump_json(), "nonsense"):
        moved = account.with_login(Service.CALDAV, PASSWORD, Keys(KEY), server=login.server, details={"account": stale})
        here.file.save(moved)
        assert 0 == here("sync").exit_code
    assert "lunch" in here("timeline").stdout


def test_the_timeline_shows_mail_and_meetings_together_and_the_newest_first(here: Here) -> None:
    here.put("lunch", start=":20260302T120000Z")
    here.put("breakfast", start=":20260302T080000Z")
    here.connected()
    mbox(here.path / "me.mbox", mail(1, sender="Ann <ann@client.example>", to=ME, subject="Offer"))
    (here.path / "crmsync.toml").write_text(
        f'[members]\nme = "{ME}"\n[channels.mail]\nowner = "me"\nsource = "me.mbox"\n'
        f'[channels.calendar]\nowner = "me"\naccount = "{ME}"\ntype = "calendar"\n'
    )
    assert 0 == here("sync").exit_code

    said = here("timeline", "ann@client.example", "--as", "me").stdout

    assert ["lunch", "Offer", "breakfast"] == re.findall(r"lunch|Offer|breakfast", said)
    entries = json.loads(here("timeline", "ann@client.example", "--as", "me", "--json").stdout)["entries"]
    assert ["event", "message", "event"] == [entry["kind"] for entry in entries]
    assert "Offer" not in here("timeline", "--as", "me", "--only", "meetings").stdout


def test_calendars_are_listed_with_owner_colour_and_whether_they_are_read(here: Here) -> None:
    home = here.server.make_calendar("home", title="Home")
    here.put("dentist", calendar=home)
    here.put("lunch")
    here.connected()
    (here.path / "crmsync.toml").write_text(
        f'[members]\nme = "{ME}"\n[channels.mine]\nowner = "me"\naccount = "{ME}"\ntype = "calendar"\n'
        'selection = {mode = "only", collections = ["Work"]}\n'
    )

    (listed,) = json.loads(here("calendars", ME, "--json").stdout)["accounts"]

    assert {("Work", "#1e90ff", ME, True, True), ("Home", None, ME, True, False)} == {
        tuple(one[field] for field in ("name", "color", "owner", "writable", "read")) for one in listed["collections"]
    }
    said = here("calendars").stdout
    assert re.search(rf"Work +{re.escape(ME)} +#1e90ff +yes +yes", said)
    assert re.search(rf"Home +{re.escape(ME)} +yes +no", said)
    assert 1 == here.synced()["stored"]
    assert "dentist" not in here("timeline", "--as", "me").stdout


def test_without_any_calendar_account_the_way_to_connect_one_is_said(here: Here) -> None:
    said = here("calendars")
    assert 2 == said.exit_code
    assert "crmsync connect caldav" in said.output


def test_one_account_that_cannot_be_listed_leaves_the_others_alone(here: Here) -> None:
    here.connected()
    account = here.file.load()[ME]
    bad = Server(host="127.0.0.1", port=1, security=Security.UNENCRYPTED, username="x", allow_internal=True)
    here.file.save(
        Account(name="bad@acme.com", address="bad@acme.com").with_login(Service.CALDAV, PASSWORD, Keys(KEY), server=bad)
    )
    said = here("calendars")
    assert 1 == said.exit_code
    assert "bad@acme.com failed" in said.stdout
    assert "Work" in said.stdout
    assert account == here.file.load()[ME]


def test_a_wrong_password_is_told_with_the_way_out_and_nothing_is_saved(here: Here) -> None:
    said = here.connect("--url", here.url, "--user", USER, typed="wr0ng-secret")

    assert 1 == said.exit_code
    assert "CalDAV failed: 127.0.0.1 does not accept user name and password" in said.stdout
    assert "app password is needed" in said.stdout
    assert "Nothing was saved. Correct that, and run it again." in said.stdout
    assert "wr0ng-secret" not in said.output
    assert {} == here.file.load()


def test_a_login_that_is_refused_later_is_not_tried_again_before_it_is_connected_anew(here: Here) -> None:
    here.connected()
    here.proxy.change = lambda seen, answer: Exchange(401, {"WWW-Authenticate": "Basic"}, b"")
    assert 1 == here("sync").exit_code
    here.proxy.seen.clear()
    said = here("sync")
    assert 1 == said.exit_code
    assert f"crmsync connect caldav {ME}" in said.output
    assert [] == here.proxy.seen
    here.proxy.change = lambda seen, answer: answer
    assert 0 == here.connect().exit_code
    assert 0 == here("sync").exit_code


def test_connecting_again_takes_a_new_password_and_keeps_all_else(here: Here) -> None:
    here.connected()
    before = here.file.load()[ME].login(Service.CALDAV)
    assert 1 == here.connect(typed="wr0ng").exit_code
    assert before == here.file.load()[ME].login(Service.CALDAV)
    said = here.connect()
    assert 0 == said.exit_code
    assert "(as it was)" in said.stdout
    after = here.file.load()[ME].login(Service.CALDAV)
    assert before is not None
    assert after is not None
    assert before.server == after.server


def test_a_server_inside_is_refused_until_it_is_allowed(here: Here) -> None:
    url = f"https://127.0.0.1:{here.proxy.port}"
    said = here("connect", "caldav", ME, "--url", url, typed=f"{PASSWORD}\n")
    assert 1 == said.exit_code
    assert "add --allow-internal" in said.stdout
    assert [] == here.proxy.seen


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nobody"], "is not an email address"),
        (["a@b.example", "--url", "http://dav.b.example"], "everybody on the line reads the password"),
        (["a@b.example", "--url", "ftp://dav.b.example"], "is no address of a server"),
        (["a@b.example", "--url", "https://user:secret@dav.b.example"], "is no address of a server"),
        (["a@b.example", "--url", "https://["], "is no address"),
        (["a@b.example", "--url", "https://dav.b.example:99999"], "is no address"),
        (["a@b.example", "--url", "https://a b/"], "--url: "),
        (["a@b.example", "--url", ""], "no calendar server is known"),
        (["mia@gmail.com"], "crmsync connect google mia@gmail.com"),
        (["mia@outlook.com"], "calendars take no password"),
    ],
)
def test_a_mistake_is_told_before_a_password_is_asked_for(
    here: Here, monkeypatch: pytest.MonkeyPatch, args: list[str], said: str
) -> None:
    found(monkeypatch, address=args[0])
    result = here("connect", "caldav", *args)
    assert 2 == result.exit_code
    assert said in result.output
    assert "Password" not in result.output


def found(monkeypatch: pytest.MonkeyPatch, *candidates: Candidate, address: str = "") -> None:
    made = Discovered(candidates, provider_of(address.rpartition("@")[2]))
    monkeypatch.setattr("crmsync.runtime.finding.discover", lambda *_, **__: made)


def test_the_server_is_found_from_the_address_and_shown_before_the_password_is_asked_for(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = Server(host="127.0.0.1", port=here.proxy.port, security=Security.UNENCRYPTED, username=USER)
    closed = near.model_copy(update={"port": 1})
    found(
        monkeypatch,
        *(Candidate(service="caldav", server=one, origin=Origin.SERVICE) for one in (closed, near)),
        address="me@fastmail.com",
    )

    said = here.connect()

    assert 0 == said.exit_code
    assert said.output.index("the domain's service records") < said.output.index("Password for")
    assert "Fastmail: Make an app password" in said.output
    assert Service.CALDAV in here.file.load()[ME]
