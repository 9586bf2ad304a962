"""`crmsync connect google` and what follows it, at a loopback Google."""

from __future__ import annotations

import json
import pickle
import stat
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crmsync.cli import main
from crmsync.errors import NotAuthorized
from crmsync.runtime import AccountFile, Key, Keys, Kind, Service, service_of
from crmsync.runtime.stored_tokens import OAuthSecret, StoredTokens
from crmsync.testing.google import AUTH, Consent, GoogleServer, Request

KEY = Key.new()
ME = "me@acme.com"


class Here:
    """A directory with an OAuth client's file, a Google, and a browser that agrees to everything."""

    def __init__(self, path: Path, google: GoogleServer) -> None:
        self.path = path
        self.google = google
        self.me = google.account(ME)
        self.opened: list[str] = []
        self.file = AccountFile(path / "crmsync.accounts")
        client = google.oauth.client
        data = {
            "client_id": client.id, "client_secret": client.secret, "auth_uri": f"{google.url}/o/oauth2/v2/auth",
            "token_uri": f"{google.url}/token", "api_root": google.url,
        }  # fmt: skip
        (path / "client.json").write_text(json.dumps({"installed": data}))

    def __call__(self, *args: object, typed: str = "") -> Result:
        runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": None, "TERM": "dumb"})
        return runner.invoke(main, [str(a) for a in args], input=typed, prog_name="crmsync", catch_exceptions=False)

    def connect(self, *more: object, typed: str = "") -> Result:
        return self("connect", "google", "--client", "client.json", *more, typed=typed)

    def browse(self, url: str) -> bool:
        self.opened.append(url)
        location = self.google.handle(Request("GET", url.removeprefix(self.google.url))).headers["Location"]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        threading.Thread(target=lambda: opener.open(location, timeout=10).close()).start()
        return True

    def tokens(self) -> StoredTokens:
        return StoredTokens(self.file, ME, Service.GOOGLE, Keys(KEY))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMSYNC_KEY", KEY.text)
    with GoogleServer() as google:
        made = Here(tmp_path, google)
        monkeypatch.setattr("webbrowser.open", made.browse)
        yield made


def test_one_consent_connects_mail_and_calendars_and_the_next_sync_brings_both(here: Here) -> None:
    here.me.mailbox.deliver(sender="Ann Doe <ann@client.example>", subject="Offer")
    start = datetime.now(UTC) + timedelta(days=1)
    here.me.calendar.put(summary="Lunch", start=start, attendees=["bea@client.example"])
    here.me.calendars.add("team@group.calendar.google.com", summary="Team", role="reader")
    result = here.connect(ME)
    assert 0 == result.exit_code, result.output
    assert "mail works" in result.output
    assert "calendar works: 2 calendars" in result.output
    assert 1 == len(here.opened)
    synced = here("sync")
    assert 0 == synced.exit_code, synced.output
    assert "Offer" in here("timeline").output
    assert "Lunch" in here("timeline").output
    assert 0 == here("sync").exit_code
    assert "Inbox" in here("folders").output
    assert "Team" in here("calendars").output


def test_why_explains_what_came_from_google_and_what_did_not(here: Here) -> None:
    offer = here.me.mailbox.deliver(sender="Ann Doe <ann@client.example>", subject="Offer")
    rubbish = here.me.mailbox.deliver(labels=["TRASH"])
    start = datetime.now(UTC) + timedelta(days=1)
    secret = here.me.calendar.put(start=start, attendees=["bea@client.example"], visibility="private")
    here.connect(ME)
    here("sync")
    assert f"stored  {offer}" in here("why", offer).output
    assert f"excluded: trash  {rubbish}" in here("why", rubbish).output
    assert f"excluded: private  {secret}" in here("why", secret).output
    here.me.mailbox.trash(offer)
    here("sync")
    assert f"excluded: trash  {offer}" in here("why", offer).output


def test_what_is_saved_is_sealed_and_read_by_its_owner_only(here: Here) -> None:
    here.connect(ME)
    text = here.file.path.read_text()
    secret = here.tokens().secret()
    hidden = (secret.tokens.refresh_token, secret.tokens.access_token, secret.client["client_secret"])
    assert not any(word in text for word in hidden if word)
    assert 0o600 == stat.S_IMODE(here.file.path.stat().st_mode)
    assert not any(word in here("accounts", "--json").output + repr(secret) for word in hidden if word)


def test_an_access_token_that_expired_is_refreshed_and_kept(here: Here) -> None:
    here.connect(ME)
    before = here.tokens().load()
    here.google.oauth.expire_tokens(ME)
    assert 0 == here("sync").exit_code
    after = here.tokens().load()
    assert (before.refresh_token, False) == (after.refresh_token, before.access_token == after.access_token)


def test_a_box_left_unticked_is_named_and_the_rest_works(here: Here) -> None:
    here.google.oauth.consent = Consent(unticked={f"{AUTH}calendar.events.readonly"})
    here.me.mailbox.deliver(subject="Offer")
    result = here.connect(ME)
    assert 1 == result.exit_code
    assert "Not granted: calendar" in result.output
    assert 0 == here("sync").exit_code
    account = here.file.load()[ME]
    assert (True, False) == (bool(service_of(account, Kind.MAIL)), bool(service_of(account, Kind.CALENDAR)))


def test_an_alias_is_not_connected_and_its_mailbox_is_named(here: Here) -> None:
    here.me.mailbox.aliases["sales@acme.com"] = "accepted"
    result = here.connect("sales@acme.com")
    assert 1 == result.exit_code
    assert "sales@acme.com is an alias of me@acme.com" in result.output
    assert {} == here.file.load()


def test_another_account_than_was_meant_is_not_connected(here: Here) -> None:
    here.google.account("other@acme.com")
    here.google.oauth.consent = Consent(address="other@acme.com")
    result = here.connect(ME)
    assert 1 == result.exit_code
    assert "given for other@acme.com" in result.output
    assert {} == here.file.load()


def test_who_declines_is_told_and_nothing_is_saved(here: Here) -> None:
    here.google.oauth.consent = Consent(denied=True)
    result = here.connect(ME)
    assert 1 == result.exit_code
    assert "nothing was saved" in result.output
    assert {} == here.file.load()


def test_the_browser_may_be_on_another_machine(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    class Typed:
        def __call__(self, *_: object, **__: object) -> str:
            return here.google.handle(Request("GET", shown[0].removeprefix(here.google.url))).headers["Location"]

    shown: list[str] = []
    monkeypatch.setattr("crmsync.cli.consenting._show", lambda pending, **_: shown.append(pending.url))
    monkeypatch.setattr("click.prompt", Typed())
    assert 0 == here.connect(ME, "--paste").exit_code
    assert [] == here.opened


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("nonsense", "no OAuth client"),
        ("{}", "no OAuth client"),
        ('{"installed": {"client_id": 7}}', "no OAuth client"),
    ],
)
def test_a_file_that_is_no_client_is_a_mistake_with_advice(here: Here, content: str, words: str) -> None:
    (here.path / "client.json").write_text(content)
    result = here.connect(ME)
    assert 2 == result.exit_code
    assert words in result.output
    assert "Desktop app" in result.output


def test_a_file_that_is_not_there_is_a_mistake(here: Here) -> None:
    (here.path / "client.json").unlink()
    assert (2, True) == ((result := here.connect(ME)).exit_code, "client.json" in result.output)


def test_sending_alone_does_not_tell_whose_account_it_is(here: Here) -> None:
    result = here.connect(ME, "--for", "send")
    assert (2, True) == (result.exit_code, "mail or calendars too" in result.output)
    assert {} == here.file.load()


def test_the_address_to_open_is_printed_where_no_browser_opens(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.cli.consenting._MINUTES", 0)
    result = here.connect("--no-browser")
    assert (1, []) == (result.exit_code, here.opened)
    assert f"{here.google.url}/o/oauth2/v2/auth" in result.output
    assert "nobody came back" in result.output


def test_tokens_of_an_account_that_is_gone_are_kept_nowhere(here: Here) -> None:
    here.connect(ME)
    store, tokens = here.tokens(), here.tokens().load()
    here.file.remove(ME)
    store.store(tokens)
    assert {} == here.file.load()
    with pytest.raises(NotAuthorized, match="not connected"):
        store.load()


def test_a_secret_is_not_pickled(here: Here) -> None:
    here.connect(ME)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(here.tokens().secret())


def test_disconnecting_ends_it_at_google_too(here: Here) -> None:
    here.connect(ME)
    assert 0 == here("disconnect", ME, "--remove", "--yes").exit_code
    assert ["revoked"] == [grant.broken for grant in here.google.oauth.grants]


def test_a_google_that_cannot_be_told_does_not_keep_the_account(here: Here) -> None:
    here.connect(ME)
    here.google.close()
    result = here("disconnect", ME, "--remove", "--yes")
    assert 0 == result.exit_code
    assert "End it there too" in result.output
    assert {} == here.file.load()


def test_a_revoked_consent_asks_for_a_new_connection_and_the_new_one_works(here: Here) -> None:
    here.connect(ME)
    here.google.oauth.break_grants(ME)
    result = here("sync")
    assert 1 == result.exit_code
    assert 2 == result.output.count("Connect it again: crmsync connect google me@acme.com")
    assert 0 == here.connect(ME).exit_code
    assert 0 == here("sync").exit_code


def test_an_oauth_secret_that_is_none_asks_for_a_new_connection() -> None:
    for text in ("", "{}", "[]", '{"v": "oauth/1"}', "secret"):
        with pytest.raises(NotAuthorized, match="connect again"):
            OAuthSecret.read(text)
