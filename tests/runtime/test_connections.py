"""The door for hosts: connect, run, send, connect again, leave; at a loopback Google and with servers of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from crmsync import (
    Channel,
    ContactCreation,
    Mailbox,
    NeedsAdmin,
    NotAuthorized,
    OutgoingMessage,
    Policy,
    StorageError,
    Unavailable,
)  # fmt: skip
from crmsync.model import Thing
from crmsync.providers.network.access import Access, Server
from crmsync.runtime import (
    Account,
    AccountFile,
    AliasConnected,
    Begun,
    Connections,
    Key,
    Keys,
    Kind,
    Mismatch,
    NotConnected,
    Service,
    Work,
    begin,
    connect,
    disconnect,
    finish,
    provider_of,
    reconnect,
    run_channel,
    run_channels,
    send,
    service_of,
)  # fmt: skip
from crmsync.runtime.vendors import VENDORS, Checked, PasswordVendor
from crmsync.stores.memory import MemoryStorage
from crmsync.testing import FakeMailbox, message
from crmsync.testing.google import Consent, GoogleServer, Request

ME = "me@acme.com"
BACK = "http://127.0.0.1:1/back"
POLICY = Policy(internal_domains={"acme.com"})
CHANNEL = Channel(key="mail:me", addresses={ME}, contacts=ContactCreation.SENT_AND_RECEIVED)


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with GoogleServer() as server:
        server.account(ME)
        yield server


@pytest.fixture
def home(tmp_path: Path, google: GoogleServer) -> Connections:
    client = VENDORS[Service.GOOGLE].read_client({  # type: ignore[union-attr]  # Google takes a consent
        "client_id": google.oauth.client.id, "client_secret": google.oauth.client.secret,
        "auth_uri": f"{google.url}/o/oauth2/v2/auth", "token_uri": f"{google.url}/token", "api_root": google.url,
    })  # fmt: skip
    return Connections(AccountFile(tmp_path / "accounts"), Keys(Key.new()), {Service.GOOGLE: client})


def agreed(google: GoogleServer, begun: Begun) -> str:
    """Agree in the browser, and return the address that it ends at."""
    return google.handle(Request("GET", begun.url.removeprefix(google.url))).headers["Location"]


def consent(home: Connections, google: GoogleServer) -> Account:
    begun = begin(home, Service.GOOGLE, ["mail", "calendar", "send"], redirect_uri=BACK, address=ME)
    kept = Begun.model_validate_json(begun.model_dump_json())  # as a session keeps it
    return finish(home, kept, agreed(google, begun)).account


# -- by consent


def test_a_consent_is_begun_kept_in_a_session_and_finished(home: Connections, google: GoogleServer) -> None:
    google.account(ME).mailbox.deliver(sender="ann@client.example", subject="Offer")
    account = consent(home, google)
    assert {ME: account} == home.accounts.load()
    storage = MemoryStorage()
    report = run_channel(home, storage, account.name, Kind.MAIL, CHANNEL, POLICY)
    assert 1 == report.stored
    assert 0 == run_channel(home, storage, account.name, Kind.MAIL, CHANNEL, POLICY).stored


def test_an_answer_to_another_attempt_connects_nothing(home: Connections, google: GoogleServer) -> None:
    mine, theirs = (begin(home, Service.GOOGLE, ["mail"], redirect_uri=BACK) for _ in range(2))
    with pytest.raises(NotAuthorized, match="another attempt"):
        finish(home, mine, agreed(google, theirs))
    assert {} == home.accounts.load()


def test_another_mailbox_than_the_one_that_is_connected_again_is_refused(
    home: Connections, google: GoogleServer
) -> None:
    before = consent(home, google)
    google.account("eve@acme.com")
    google.oauth.consent = Consent(address="eve@acme.com")
    with pytest.raises(NotAuthorized, match="choose that account"):
        consent(home, google)
    assert {ME: before} == home.accounts.load()


def test_connecting_again_keeps_the_other_logins_of_the_account(home: Connections, google: GoogleServer) -> None:
    account = consent(home, google)
    server = Server(host="dav.example.com", port=443, username="me")
    home.accounts.edit(ME, lambda there: there and there.with_login(Service.CALDAV, "x", home.keys, server=server))
    again = consent(home, google)
    assert {Service.GOOGLE, Service.CALDAV} == {login.service for login in again.logins}
    assert account.login(Service.GOOGLE) != again.login(Service.GOOGLE)


def test_sending_alone_is_not_begun_since_it_does_not_tell_whose_account_it_is(home: Connections) -> None:
    with pytest.raises(ValueError, match="mail or calendars too"):
        begin(home, Service.GOOGLE, ["send"], redirect_uri=BACK)


def test_a_service_without_a_client_or_without_consent_is_named(home: Connections) -> None:
    for service, words in ((Service.IMAP, "by password"), (Service.GOOGLE, "OAuth client")):
        with pytest.raises(ValueError, match=words):
            begin(Connections(home.accounts, home.keys), service, ["mail"], redirect_uri=BACK)


def test_a_changed_client_secret_holds_for_accounts_that_are_connected(home: Connections, google: GoogleServer) -> None:
    consent(home, google)
    google.oauth.expire_tokens(ME)
    wrong = {**home.clients[Service.GOOGLE], "client_secret": "wrong"}
    storage = MemoryStorage()
    wrong_ones = Connections(home.accounts, home.keys, {Service.GOOGLE: wrong})
    with pytest.raises(NeedsAdmin, match="not set up rightly"):
        run_channel(wrong_ones, storage, ME, Kind.MAIL, CHANNEL, POLICY)
    run_channel(Connections(home.accounts, home.keys), storage, ME, Kind.MAIL, CHANNEL, POLICY)


def test_a_message_is_sent_from_the_account_and_from_nobody_elses(home: Connections, google: GoogleServer) -> None:
    consent(home, google)
    outgoing = OutgoingMessage(
        sender=Mailbox(address=ME), to=(Mailbox(address="ann@client.example"),), subject="Offer", text="Hello"
    )
    assert send(home, ME, outgoing).message_id
    for name, words in (("nobody", "no such account"),):
        with pytest.raises(NotConnected, match=words):
            send(home, name, outgoing)
    with pytest.raises(NotConnected, match="not the sender's"):
        send(home, ME, outgoing.model_copy(update={"sender": Mailbox(address="eve@acme.com")}))


def test_a_provider_is_closed_however_the_block_ends(home: Connections, google: GoogleServer) -> None:
    account = consent(home, google)
    closed: list[int] = []
    with provider_of(home, account, Kind.MAIL) as provider:
        provider.close = lambda: closed.append(1)  # type: ignore[method-assign]
    with pytest.raises(RuntimeError), provider_of(home, account, Kind.MAIL) as provider:  # noqa: PT012 - its end
        provider.close = lambda: closed.append(2)  # type: ignore[method-assign]
        raise RuntimeError
    assert [1, 2] == closed


def test_disconnecting_tells_the_vendor_forgets_the_logins_and_what_only_they_brought(
    home: Connections, google: GoogleServer
) -> None:
    google.account(ME).mailbox.deliver(sender="ann@client.example", subject="Offer")
    account = consent(home, google)
    storage = MemoryStorage()
    run_channel(home, storage, ME, Kind.MAIL, CHANNEL, POLICY)
    receipt = disconnect(home, account, storage, [CHANNEL], remove=True, policy=POLICY)
    assert (True, (), 1, 1) == (receipt.done, receipt.notes, receipt.went[Thing.RECORDS], receipt.went[Thing.LOGINS])
    assert {} == home.accounts.load()
    assert {} == dict(storage.items)
    assert ["revoked"] == [grant.broken for grant in google.oauth.grants]
    with pytest.raises(NotConnected):
        run_channel(home, storage, ME, Kind.MAIL, CHANNEL, POLICY)


# -- by password, at servers that a table stands for


class Post:
    """Mail servers as data: which passwords they take, and what they answer."""

    def __init__(self) -> None:
        self.tried: list[tuple[str, str, str]] = []
        self.right = "secret"
        self.down: set[str] = set()
        self.mailbox = FakeMailbox(message("1", to=ME))

    def check(self, access: Access, address: str) -> Checked:
        password = access.password() if access.password else ""
        self.tried.append((access.host, access.username, password))
        if access.host in self.down:
            raise Unavailable("it does not answer")
        if password != self.right:
            raise NotAuthorized("wrong password")
        return Checked("1 folder", frozenset({"alias@acme.com"}))


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    made = Post()

    def provider(access: Access, _: object) -> FakeMailbox:
        made.check(access, ME)
        return made.mailbox

    vendor = PasswordVendor("IMAP", made.check, {Kind.MAIL: provider})
    monkeypatch.setattr("crmsync.runtime.passwords.VENDORS", {**VENDORS, Service.IMAP: vendor})
    monkeypatch.setattr("crmsync.runtime.opening.VENDORS", {**VENDORS, Service.IMAP: vendor})
    return made


def servers(*hosts: str, user: str = ME) -> dict[Service, Sequence[Server]]:
    return {Service.IMAP: [Server(host=host, port=993, username=user) for host in hosts]}


def test_only_what_works_is_saved_and_a_refused_password_is_shown_to_no_other_server(
    home: Connections, post: Post
) -> None:
    refused = connect(home, ME, servers("a.example", "b.example"), "wrong")
    assert (None, ()) == (refused.account, refused.saved)
    assert [("a.example", ME, "wrong")] == post.tried
    assert {} == home.accounts.load()
    post.down = {"a.example"}
    done = connect(home, ME, servers("a.example", "b.example"), "secret")
    assert (Service.IMAP,) == done.saved
    assert done.account is not None
    assert {ME, "alias@acme.com"} == done.account.addresses


def test_an_alias_of_a_connected_account_is_named_before_anything_is_tried(home: Connections, post: Post) -> None:
    connect(home, ME, servers("a.example"), "secret")
    post.tried.clear()
    with pytest.raises(AliasConnected, match=f"alias of {ME}"):
        connect(home, "alias@acme.com", servers("a.example"), "secret")
    assert [] == post.tried


def test_a_new_password_is_tried_where_the_old_one_was(home: Connections, post: Post) -> None:
    connect(home, ME, servers("a.example"), "secret")
    home.accounts.edit(ME, lambda there: there and there.with_refusal(Service.IMAP))
    post.right = "changed"
    assert (Service.IMAP,) == reconnect(home, ME, "changed").saved
    login = home.accounts.load()[ME].login(Service.IMAP)
    assert login is not None
    assert not login.refused
    with pytest.raises(KeyError):
        reconnect(home, "nobody", "x")


@pytest.mark.parametrize(
    ("user", "same"), [("me", True), ("ME@acme.com", True), ("eve@acme.com", False), ("eve", False)]
)
def test_one_users_mailbox_is_not_continued_with_anothers(
    home: Connections, post: Post, user: str, *, same: bool
) -> None:
    connect(home, ME, servers("a.example"), "secret")
    if same:
        assert connect(home, ME, servers("a.example", user=user), "secret").saved
        return
    with pytest.raises(Mismatch, match="somebody else's mailbox"):
        connect(home, ME, servers("a.example", user=user), "secret")
    assert connect(home, ME, servers("a.example", user=user), "secret", moved=True).saved


def test_a_login_that_its_server_refused_is_tried_again_only_after_somebody_connects(
    home: Connections, post: Post
) -> None:
    connect(home, ME, servers("a.example"), "secret")
    storage = MemoryStorage()
    assert 1 == run_channel(home, storage, ME, Kind.MAIL, CHANNEL, POLICY).stored
    post.right = "changed"
    for _ in range(3):
        with pytest.raises(NotAuthorized):
            run_channel(home, storage, ME, Kind.MAIL, CHANNEL, POLICY)
    assert 1 == sum(password == "secret" for _, _, password in post.tried[2:])
    reconnect(home, ME, "changed")
    run_channel(home, storage, ME, Kind.MAIL, CHANNEL, POLICY)


def test_a_key_that_is_not_here_stops_that_account_and_refuses_nothing_for_good(home: Connections, post: Post) -> None:
    connect(home, ME, servers("a.example"), "secret")
    other = Connections(home.accounts, Keys(Key.new()))
    with pytest.raises(Unavailable, match="key"):
        run_channel(other, MemoryStorage(), ME, Kind.MAIL, CHANNEL, POLICY)
    login = home.accounts.load()[ME].login(Service.IMAP)
    assert login is not None
    assert not login.refused


def test_an_account_says_what_it_cannot_do(home: Connections, post: Post) -> None:
    account = connect(home, ME, servers("a.example"), "secret").account
    assert account is not None
    assert service_of(account, Kind.CALENDAR) is None
    with pytest.raises(NotConnected, match="no calendar"), provider_of(home, account, Kind.CALENDAR):
        pass


# -- many at once


def test_channels_of_one_account_run_one_after_another_and_one_that_fails_leaves_the_others_alone() -> None:
    from contextlib import contextmanager

    running: list[str] = []
    overlapped: list[str] = []

    def opens(lane: str, *, fails: bool = False) -> Callable[..., object]:
        @contextmanager
        def held() -> Iterator[FakeMailbox]:
            if lane in running:
                overlapped.append(lane)
            running.append(lane)
            try:
                if fails:
                    raise Unavailable("down")
                yield FakeMailbox(message("1", to=ME))
            finally:
                running.remove(lane)

        return held

    work = [
        Work(CHANNEL.model_copy(update={"key": f"{lane}{n}"}), opens(lane, fails=lane == "b" and n == 0), lane)  # type: ignore[arg-type]
        for lane in "abc" for n in range(3)
    ]  # fmt: skip
    ran = list(run_channels(work, MemoryStorage(), POLICY, at_once=3))
    assert [item.channel.key for item in work] == [one.channel.key for one in ran]
    assert ["b0"] == [one.channel.key for one in ran if one.error]
    assert [] == overlapped


def test_a_storage_that_fails_ends_the_whole_run() -> None:
    from contextlib import nullcontext

    class Full(MemoryStorage):
        def apply(self, batch: object) -> None:
            raise StorageError("the disk is full")

    work = [
        Work(CHANNEL.model_copy(update={"key": k}), lambda: nullcontext(FakeMailbox(message("1", to=ME))), k)
        for k in "ab"
    ]
    with pytest.raises(StorageError, match="full"):
        list(run_channels(work, Full(), POLICY, at_once=2))
