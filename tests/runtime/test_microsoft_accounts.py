"""Microsoft's accounts as a host has them: one's own, and a mailbox that is shared with its people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from crmsync import Channel, Mailbox, NeedsAdmin, NotAuthorized, OutgoingMessage, Policy
from crmsync.runtime import (
    AccountFile,
    Begun,
    Connections,
    Consented,
    Key,
    Keys,
    Kind,
    Service,
    ask_admin,
    begin,
    finish,
    provider_of,
    run_channel,
    send,
)  # fmt: skip
from crmsync.runtime.vendors import VENDORS
from crmsync.runtime.watches import Endpoints, watch
from crmsync.stores.memory import MemoryStorage
from crmsync.testing.microsoft import MicrosoftServer, Request

ME, INFO = "me@acme.com", "info@acme.com"
BACK = "http://127.0.0.1:1/back"
POLICY = Policy(internal_domains={"acme.com"})


@pytest.fixture
def microsoft() -> Iterator[MicrosoftServer]:
    with MicrosoftServer() as server:
        server.account(ME)
        yield server


@pytest.fixture
def home(tmp_path: Path, microsoft: MicrosoftServer) -> Connections:
    application = microsoft.identity.application
    client = VENDORS[Service.MICROSOFT].read_client({  # type: ignore[union-attr]  # Microsoft takes a consent
        "client_id": application.id, "client_secret": application.secret, "login": microsoft.url,
        "api_root": microsoft.url, "name": "Acme CRM",
    })  # fmt: skip
    return Connections(AccountFile(tmp_path / "accounts"), Keys(Key.new()), {Service.MICROSOFT: client})


def gone_to(microsoft: MicrosoftServer, url: str) -> str:
    parts = urlsplit(url)
    return microsoft.handle(Request("GET", f"{parts.path}?{parts.query}")).headers["Location"]


def connected(home: Connections, microsoft: MicrosoftServer, address: str, *features: str, shared: bool) -> Consented:
    begun = begin(home, Service.MICROSOFT, features, redirect_uri=BACK, address=address, shared=shared)
    kept = Begun.model_validate_json(begun.model_dump_json())  # as a session keeps it
    return finish(home, kept, gone_to(microsoft, begun.url))


def shared_mailbox(microsoft: MicrosoftServer) -> None:
    info = microsoft.account(INFO, kind="shared")
    info.delegates.add(ME)
    info.senders.add(ME)
    info.copies_for_delegates = True
    info.mailbox.deliver(to=INFO, subject="For all of us")


def test_a_shared_mailbox_is_an_account_of_its_own_beside_ones_own(
    home: Connections, microsoft: MicrosoftServer
) -> None:
    shared_mailbox(microsoft)
    microsoft.account(ME).mailbox.deliver(subject="For me")
    connected(home, microsoft, ME, "mail", shared=False)
    connected(home, microsoft, INFO, "mail", "send", shared=True)
    assert {ME, INFO} == home.accounts.load().keys()
    for name, folders in ((ME, 1), (INFO, 1)):
        storage = MemoryStorage()
        channel = Channel(key=f"mail:{name}", addresses={name})
        assert folders == run_channel(home, storage, name, Kind.MAIL, channel, POLICY).stored
    ann = Mailbox(address="ann@client.example")
    send(home, INFO, OutgoingMessage(sender=Mailbox(address=INFO), to=[ann], subject="Offer", text="Hello Ann"))
    (sent,) = microsoft.account(INFO).mailbox.messages("sentitems")
    assert b"Offer" in sent.raw


def test_a_shared_mailbox_is_connected_by_its_name_only(home: Connections, microsoft: MicrosoftServer) -> None:
    with pytest.raises(ValueError, match="by its address"):
        begin(home, Service.MICROSOFT, ["mail"], redirect_uri=BACK, shared=True)
    microsoft.account(INFO, kind="shared")
    with pytest.raises(NotAuthorized):
        connected(home, microsoft, INFO, "mail", shared=True)
    assert not home.accounts.load()


def test_a_shared_mailbox_is_polled_and_never_watched(home: Connections, microsoft: MicrosoftServer) -> None:
    shared_mailbox(microsoft)
    microsoft.subscriptions.post = lambda url, _body, _type: (
        200,
        unquote(url.partition("validationToken=")[2]).encode(),
    )
    places = Endpoints(secret=b"0123456789abcdef", microsoft="https://crm.example/graph")
    watched = {}
    for name, shared in ((ME, False), (INFO, True)):
        account = connected(home, microsoft, name, "mail", shared=shared).account
        with provider_of(home, account, Kind.MAIL) as provider:
            watched[name] = watch(
                home, account, Kind.MAIL, provider, lambda _: (), places, f"1:mail:{name}", None, now=microsoft.clock()
            )
    own = watched[ME]
    assert own is not None
    assert own.marks
    assert watched[INFO] is None
    assert len(microsoft.subscriptions.alive(microsoft.clock())) == 1


def test_after_an_administrator_approved_the_same_consent_goes_through(
    home: Connections, microsoft: MicrosoftServer
) -> None:
    microsoft.identity.tenant("acme.com").user_consent = "blocked"
    with pytest.raises(NeedsAdmin):
        connected(home, microsoft, ME, "mail", "calendar", shared=False)
    assert not home.accounts.load()
    letter = ask_admin(home, Service.MICROSOFT, ["mail", "calendar"], redirect_uri=BACK, state="s")
    assert letter is not None
    assert letter.url in letter.text
    microsoft.identity.consent.admin = True
    assert "admin_consent=True" in gone_to(microsoft, letter.url)
    microsoft.identity.consent.admin = False
    assert connected(home, microsoft, ME, "mail", "calendar", shared=False).missing == frozenset()
