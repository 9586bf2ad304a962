"""Graph's change notifications: made, proved, renewed, ended; a push is a reason to look, and no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from outlook_worlds import OutlookWorld

from crmsync.errors import NotAuthorized, NotFound, Refused
from crmsync.providers.microsoft.push import LIFETIME, Subscription, renew, subscribe, unsubscribe
from crmsync.providers.microsoft.pushed import Happening, PushRefused, read_notifications, read_validation, state_for
from crmsync.providers.web.calls import Site
from crmsync.testing.microsoft import Fault, MicrosoftServer

SECRET = b"0123456789abcdef0123456789abcdef"
HOOK = "https://crm.example/graph"


class Host:
    """A host's endpoint."""

    def __init__(self, graph: MicrosoftServer) -> None:
        self.graph = graph
        self.world = OutlookWorld(graph)
        self.listens = True
        graph.subscriptions.post = self.posted

    def posted(self, url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        token = read_validation(urlsplit(url).query)
        if token is not None:
            return (200, token.encode()) if self.listens else (404, b"")
        return 202, b""

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.graph.clock(), UTC)

    def options(self) -> dict[str, Any]:
        return {"site": Site(self.graph.url, allow_internal=True), "now": self.now}

    def token(self) -> str:
        return self.world.token

    def subscribe(self, what: Any = "mail", **options: Any) -> Subscription:
        given = {"channel": "c", "secret": SECRET, **self.options(), **options}
        return subscribe(self.token, what, HOOK, **given)


@pytest.fixture
def host(graph: MicrosoftServer) -> Host:
    return Host(graph)


def test_new_mail_says_which_channel_to_look_at(host: Host) -> None:
    made = host.subscribe(channel="mail-of-ann")
    host.world.mailbox.deliver()
    (notice,) = host.graph.subscriptions.notices(host.graph)
    (said,) = read_notifications(notice.body, secret=SECRET)
    assert (said.channel, said.subscription, said.happening) == ("mail-of-ann", made.id, Happening.CHANGED)


def test_a_changed_event_says_it_too(host: Host) -> None:
    host.subscribe("calendar", channel="calendar-of-ann")
    host.world.account.calendars.primary.put(start=host.now())
    (notice,) = host.graph.subscriptions.notices(host.graph)
    assert [one.channel for one in read_notifications(notice.body, secret=SECRET)] == ["calendar-of-ann"]


def test_one_post_may_tell_of_many_channels(host: Host) -> None:
    host.subscribe(channel="a")
    host.subscribe("calendar", channel="b")
    host.world.mailbox.deliver()
    host.world.account.calendars.primary.put(start=host.now())
    (notice,) = host.graph.subscriptions.notices(host.graph)
    assert {one.channel for one in read_notifications(notice.body, secret=SECRET)} == {"a", "b"}


@pytest.mark.parametrize("kind", ["reauthorizationRequired", "subscriptionRemoved", "missed"])
def test_what_happens_to_a_subscription_is_said(host: Host, kind: Any) -> None:
    host.subscribe()
    host.graph.subscriptions.tell(kind)
    (notice,) = host.graph.subscriptions.notices(host.graph)
    assert [one.happening for one in read_notifications(notice.body, secret=SECRET)] == [Happening(kind)]


def test_a_post_that_proves_nothing_is_refused(host: Host) -> None:
    state = state_for("c", SECRET)
    for entry in (
        {"clientState": None},
        {"clientState": state_for("c", b"another secret of a host")},
        {"clientState": state[:-1]},
        {"clientState": "é.\ud800"},
        {"clientState": ".".join(("eA", state.partition(".")[2]))},
        {},
    ):
        with pytest.raises(PushRefused) as refused:
            read_notifications(json.dumps({"value": [entry]}).encode(), secret=SECRET)
        assert refused.value.status == 401
    for body in (b"", b"[]", b"{}", b'{"value": 1}', b"\xff", b"x" * (2 << 20)):
        with pytest.raises(PushRefused) as refused:
            read_notifications(body, secret=SECRET)
        assert refused.value.status == 204


def test_what_proves_nothing_does_not_hide_what_does() -> None:
    body = {"value": [{"clientState": "x"}, {"clientState": state_for("c", SECRET), "subscriptionId": "s"}]}
    assert [one.channel for one in read_notifications(json.dumps(body).encode(), secret=SECRET)] == ["c"]


def test_the_life_that_was_granted_counts(host: Host) -> None:
    made = host.subscribe()
    assert made.expires - host.now() == LIFETIME
    assert host.now() < made.renew < made.expires
    short = host.subscribe(lifetime=timedelta(minutes=5))
    assert short.expires - host.now() == timedelta(minutes=45)
    with pytest.raises(Refused):
        host.subscribe(lifetime=timedelta(days=30))


def test_a_subscription_is_renewed_and_ended(host: Host) -> None:
    made = host.subscribe()
    again = renew(host.token, made, lifetime=timedelta(minutes=60), **host.options())
    assert again.id == made.id
    assert again.expires - host.now() == timedelta(minutes=60)
    unsubscribe(host.token, made, site=host.options()["site"])
    unsubscribe(host.token, made, site=host.options()["site"])
    with pytest.raises(NotFound):
        renew(host.token, made, **host.options())


def test_a_subscription_that_fails_at_first_is_tried_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    # emailengine #498
    monkeypatch.setattr("crmsync.providers.web.pacing.time.sleep", lambda _: None)
    host.graph.faults.add(Fault("subscriptions.create", reason="ErrorInternalServerError", count=2))
    assert host.subscribe().id


def test_an_endpoint_that_does_not_answer_is_refused(host: Host) -> None:
    host.listens = False
    with pytest.raises(Refused):
        host.subscribe()
    with pytest.raises(ValueError, match="HTTPS"):
        subscribe(host.token, "mail", "http://crm.example", channel="c", secret=SECRET, **host.options())


def test_a_mailbox_of_somebody_else_stays_silent_and_so_is_polled(host: Host) -> None:  # alga-psa #3411
    info = host.graph.account("info@acme.com", kind="shared")
    info.delegates.add(host.world.address)
    host.subscribe(mailbox="info@acme.com")
    info.mailbox.deliver()
    assert host.graph.subscriptions.notices(host.graph) == []


def test_a_key_too_long_or_a_secret_too_short_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="128"):
        state_for("c" * 100, SECRET)
    with pytest.raises(ValueError, match="16 octets"):
        state_for("c", b"short")
    assert len(state_for("c" * 60, SECRET)) <= 128


def test_a_question_is_answered_decoded_and_a_post_is_none() -> None:
    assert read_validation("validationToken=Validation%3A+Testing%20client") == "Validation: Testing client"
    assert read_validation("") is None


def test_a_token_that_is_not_accepted_says_so(host: Host) -> None:
    host.world.token = "nonsense"
    with pytest.raises(NotAuthorized):
        host.subscribe()
