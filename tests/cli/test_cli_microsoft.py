"""`crmsync connect microsoft` and what follows it, at a loopback Microsoft."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from crmsync.cli import main
from crmsync.runtime import AccountFile, Key
from crmsync.testing.microsoft import Account, MicrosoftServer, Request

KEY = Key.new()
ME = "me@acme.com"


class Here:
    """A directory with an app registration's file, a Microsoft, and a browser that agrees to everything."""

    def __init__(self, path: Path, microsoft: MicrosoftServer) -> None:
        self.microsoft = microsoft
        self.me: Account = microsoft.account(ME)
        self.file = AccountFile(path / "crmsync.accounts")
        application = microsoft.identity.application
        data = {
            "client_id": application.id, "client_secret": application.secret, "login": microsoft.url,
            "api_root": microsoft.url, "name": "Acme CRM",
        }  # fmt: skip
        (path / "client.json").write_text(json.dumps(data))

    def __call__(self, *args: object) -> Result:
        runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": None, "TERM": "dumb"})
        return runner.invoke(main, [str(a) for a in args], prog_name="crmsync", catch_exceptions=False)

    def connect(self, *more: object) -> Result:
        return self("connect", "microsoft", "--client", "client.json", *more)

    def browse(self, url: str) -> bool:
        parts = urlsplit(url)
        location = self.microsoft.handle(Request("GET", f"{parts.path}?{parts.query}")).headers["Location"]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        threading.Thread(target=lambda: opener.open(location, timeout=10).close()).start()
        return True


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMSYNC_KEY", KEY.text)
    with MicrosoftServer() as microsoft:
        made = Here(tmp_path, microsoft)
        monkeypatch.setattr("webbrowser.open", made.browse)
        yield made


def test_one_consent_connects_outlooks_mail_and_calendars_and_the_next_sync_brings_both(here: Here) -> None:
    id_ = here.me.mailbox.deliver(sender="Ann Doe <ann@client.example>", subject="Offer")
    start = datetime.now(UTC) + timedelta(days=1)
    here.me.calendars.primary.put(subject="Lunch", start=start, attendees=["bea@client.example"])
    here.me.calendars.add("Team")
    result = here.connect(ME)
    assert 0 == result.exit_code, result.output
    assert "mail works" in result.output
    assert "calendar works: 2 calendars" in result.output
    synced = here("sync")
    assert 0 == synced.exit_code, synced.output
    assert "Offer" in here("timeline").output
    assert "Lunch" in here("timeline").output
    assert "Inbox" in here("folders").output
    assert "Team" in here("calendars").output
    assert f"stored  {id_}" in here("why", id_).output
    assert 0 == here("sync").exit_code


def test_an_organisation_that_wants_an_administrator_says_where_they_approve(here: Here) -> None:
    here.microsoft.identity.tenant("acme.com").user_consent = "blocked"
    result = here.connect(ME)
    assert 1 == result.exit_code
    assert "administrator" in result.output
    assert "adminconsent" in result.output
    here.microsoft.identity.consent.admin = True
    assert 0 == here.connect(ME).exit_code


def test_a_shared_mailbox_connects_by_its_name_under_ones_own_and_is_connected_again_so(here: Here) -> None:
    info = here.microsoft.account("info@acme.com", kind="shared")
    info.delegates.add(ME)
    info.mailbox.deliver(to="info@acme.com", subject="For all of us")
    here.me.mailbox.deliver(subject="For me alone")
    result = here.connect("info@acme.com", "--shared", "--for", "mail")
    assert 0 == result.exit_code, result.output
    assert "Saved: info@acme.com" in result.output
    for _ in range(2):
        assert 0 == here("sync").exit_code
        shown = here("timeline").output
        assert "For all of us" in shown
        assert "For me alone" not in shown
        assert 0 == here.connect("info@acme.com", "--for", "mail").exit_code


def test_a_mailbox_that_is_not_shared_with_whoever_agrees_is_not_connected(here: Here) -> None:
    here.microsoft.account("info@acme.com", kind="shared")
    result = here.connect("info@acme.com", "--shared")
    assert 1 == result.exit_code
    assert "nothing was saved" in result.output
    assert not here.file.load()
    assert 2 == here.connect("--shared").exit_code


def test_a_disconnected_account_says_where_the_permission_ends(here: Here) -> None:
    here.connect(ME)
    result = here("disconnect", ME, "--remove", "--yes")
    assert 0 == result.exit_code, result.output
    assert "myapps.microsoft.com" in result.output
    assert not here.file.load()


def test_a_file_that_is_no_app_registration_says_what_to_do(here: Here) -> None:
    Path("client.json").write_text("{}")
    result = here.connect(ME)
    assert 2 == result.exit_code
    assert "entra.microsoft.com" in result.output
