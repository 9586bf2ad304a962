"""Watches and channels, and the proof that a push is Google's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmsync import NotFound, Refused
from crmsync.providers.google.push import (
    Watch,
    renew_calendar,
    unwatch_calendar,
    unwatch_mailbox,
    watch_calendar,
    watch_mailbox,
)
from crmsync.providers.google.pushed import (
    Certificates,
    MailboxPush,
    PushRefused,
    read_calendar_push,
    read_mailbox_push,
    token_for,
)
from crmsync.providers.web.calls import Site
from crmsync.testing.google import EVERY_SCOPE, Fault, GoogleServer, Notification
from crmsync.testing.web.signing import Key

ME = "me@acme.com"
TOPIC = "projects/crm/topics/mail"
HOOK = "https://crm.example/google"
SECRET = b"sixteen octets!!"
ACCOUNT = "push@crm.iam.gserviceaccount.com"
DAY = timedelta(days=1)


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with GoogleServer() as server:
        server.account(ME)
        yield server


def site(google: GoogleServer) -> Site:
    return Site(google.url, allow_internal=True)


def token(google: GoogleServer) -> str:
    return google.token(ME, EVERY_SCOPE)


# -- mailboxes


def test_a_watched_mailbox_publishes_and_is_renewed_each_day(google: GoogleServer) -> None:
    watch = watch_mailbox(lambda: token(google), TOPIC, site=site(google))
    google.account(ME).mailbox.deliver()
    renewed = watch_mailbox(lambda: token(google), TOPIC, site=site(google))
    now = datetime.now(UTC)

    assert [(TOPIC, ME)] == [n[:2] for n in google.account(ME).mailbox.notifications]
    assert timedelta() < watch.renew - now <= DAY
    assert 6 * DAY < watch.expires - now <= 7 * DAY
    assert renewed.expires >= watch.expires


def test_a_mailbox_publishes_only_what_its_labels_ask_for_and_nothing_once_stopped(google: GoogleServer) -> None:
    mailbox = google.account(ME).mailbox
    watch_mailbox(lambda: token(google), TOPIC, labels=["SENT"], site=site(google))
    mailbox.deliver()
    assert [] == mailbox.notifications

    mailbox.deliver(labels=["SENT"])
    unwatch_mailbox(lambda: token(google), site=site(google))
    mailbox.deliver(labels=["SENT"])
    assert 1 == len(mailbox.notifications)


def test_a_topic_that_is_none_is_refused(google: GoogleServer) -> None:
    with pytest.raises(Refused):
        watch_mailbox(lambda: token(google), "mail", site=site(google))


NOTE = Notification(TOPIC, ME, "1234")


def read(google: GoogleServer, headers: dict[str, str], body: bytes, **changed: Any) -> MailboxPush:
    said: dict[str, Any] = {"audience": HOOK, "account": ACCOUNT, "certificates": Certificates(site(google)), **changed}
    return read_mailbox_push(headers, body, **said)


def test_a_push_of_the_subscription_names_its_mailbox(google: GoogleServer) -> None:
    headers, body = google.publish(NOTE, audience=HOOK, account=ACCOUNT)

    assert MailboxPush(address=ME, history="1234") == read(google, headers, body)
    assert ME == read(google, {"HTTP_AUTHORIZATION": headers["Authorization"]}, body).address


def forged(google: GoogleServer, key: Key | None = None, **claims: Any) -> dict[str, str]:
    now = datetime.now(UTC).timestamp()
    said = {"iss": "https://accounts.google.com", "aud": HOOK, "iat": int(now), "exp": int(now) + 600}
    said |= {"email": ACCOUNT, "email_verified": True, **claims}
    return {"Authorization": f"Bearer {(key or google.oauth.key).sign(said)}"}


def test_the_forger_of_these_tests_makes_good_tokens_too(google: GoogleServer) -> None:
    _, body = google.publish(NOTE, audience=HOOK, account=ACCOUNT)

    assert ME == read(google, forged(google), body).address


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"}, {"aud": None}, {"iss": "https://evil.example"}, {"iss": None},
        {"email": "other@crm.iam.gserviceaccount.com"}, {"email_verified": False}, {"email_verified": "true"},
        {"email": None}, {"exp": 1_000_000_000}, {"iat": 9_000_000_000, "exp": 9_000_000_600}, {"exp": "soon"},
    ],
)  # fmt: skip
def test_a_token_of_somebody_else_or_for_somewhere_else_is_refused(
    google: GoogleServer, claims: dict[str, Any]
) -> None:
    _, body = google.publish(NOTE, audience=HOOK, account=ACCOUNT)

    with pytest.raises(PushRefused) as refused:
        read(google, forged(google, **claims), body)
    assert 401 == refused.value.status


def test_a_token_that_google_did_not_sign_is_refused(google: GoogleServer) -> None:
    headers, body = google.publish(NOTE, audience=HOOK, account=ACCOUNT)
    head, claims, signature = headers["Authorization"].removeprefix("Bearer ").split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "loopback-key"}).encode()).decode().rstrip("=")
    other = Key("loopback-key")
    for token_ in (
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{head}.{claims}.{'A' * 342}",
        f"{head}.{claims}",
        "x",
    ):
        with pytest.raises(PushRefused):
            read(google, {"authorization": f"Bearer {token_}"}, body)
    with pytest.raises(PushRefused):
        read(google, forged(google, other), body)
    with pytest.raises(PushRefused):
        read(google, {"authorization": headers["Authorization"].replace("Bearer", "Basic")}, body)
    with pytest.raises(PushRefused):
        read(google, {}, body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"message": 7}', b'{"message": {"data": "e30="}}', b"\xff", b"[" * 100_000]
)
def test_a_message_that_says_nothing_is_not_to_come_again(google: GoogleServer, body: bytes) -> None:
    with pytest.raises(PushRefused) as refused:
        read(google, forged(google), body)
    assert 204 == refused.value.status


def test_certificates_are_fetched_once_and_anew_for_a_new_key_but_not_at_every_strangers_word(
    google: GoogleServer,
) -> None:
    now = [0.0]
    certificates = Certificates(site(google), clock=lambda: now[0])
    headers, body = google.publish(NOTE, audience=HOOK, account=ACCOUNT)

    def fetched() -> int:
        return len([entry for entry in google.log if entry.name == "oauth2.certs"])

    for _ in range(3):
        read(google, headers, body, certificates=certificates)
    stranger = forged(google, Key("stranger"))
    for _ in range(3):
        with pytest.raises(PushRefused):
            read(google, stranger, body, certificates=certificates)
    assert 1 == fetched()

    google.oauth.key = Key("next-key")
    now[0] += 61
    headers, body = google.publish(NOTE, audience=HOOK, account=ACCOUNT)
    assert ME == read(google, headers, body, certificates=certificates).address
    assert 2 == fetched()


# -- calendars


def watched(google: GoogleServer, **more: Any) -> Watch:
    return watch_calendar(lambda: token(google), ME, HOOK, channel="cal-7", secret=SECRET, site=site(google), **more)


def test_a_watched_calendar_posts_what_proves_itself(google: GoogleServer) -> None:
    watch = watched(google)
    google.account(ME).calendar.put(start=datetime(2026, 3, 2, 9, tzinfo=UTC))
    first, second = google.account(ME).calendars.pushes
    read_ = [read_calendar_push(push.headers, secret=SECRET) for push in (first, second)]

    assert [("cal-7", watch.id, "sync"), ("cal-7", watch.id, "exists")] == [(p.channel, p.id, p.state) for p in read_]
    assert HOOK == second.address
    assert watch.calendar == ME
    assert watch.renew < watch.expires


def test_a_channel_is_renewed_by_a_new_one_before_the_old_one_stops(google: GoogleServer) -> None:
    watch = watched(google)
    renewed = renew_calendar(lambda: token(google), watch, HOOK, channel="cal-7", secret=SECRET, site=site(google))
    order = [entry.name for entry in google.log if "watch" in entry.name or "stop" in entry.name]

    assert [renewed.id] == list(google.account(ME).calendars.channels)
    assert ["calendar.events.watch", "calendar.events.watch", "calendar.channels.stop"] == order


@pytest.mark.parametrize("status", [404, 503, 403])
def test_an_old_channel_that_cannot_be_stopped_costs_nobody_the_new_one(google: GoogleServer, status: int) -> None:
    watch = watched(google)
    google.faults.add(
        Fault("calendar.channels.stop", status, "forbidden" if status == 403 else "backendError", retry_after=0)
    )

    assert (
        watch.id
        != renew_calendar(lambda: token(google), watch, HOOK, channel="cal-7", secret=SECRET, site=site(google)).id
    )


def test_a_channel_that_is_gone_is_stopped_already(google: GoogleServer) -> None:
    watch = watched(google)
    unwatch_calendar(lambda: token(google), watch, site=site(google))
    unwatch_calendar(lambda: token(google), watch, site=site(google))

    assert {} == google.account(ME).calendars.channels


def test_a_shorter_life_is_asked_for_and_obeyed(google: GoogleServer) -> None:
    watch = watched(google, lifetime=timedelta(hours=4))
    now = datetime.now(UTC)

    assert timedelta(hours=3, minutes=59) < watch.expires - now <= timedelta(hours=4)
    assert timedelta(minutes=50) < watch.expires - watch.renew < timedelta(minutes=70)


def test_a_calendar_that_is_not_there_and_an_address_without_tls_are_refused(google: GoogleServer) -> None:
    with pytest.raises(NotFound):
        watch_calendar(lambda: token(google), "no@acme.com", HOOK, channel="c", secret=SECRET, site=site(google))
    with pytest.raises(ValueError, match="HTTPS"):
        watch_calendar(lambda: token(google), ME, "http://crm.example", channel="c", secret=SECRET, site=site(google))


def test_a_post_that_is_not_googles_is_refused(google: GoogleServer) -> None:
    watched(google)
    headers = google.account(ME).calendars.pushes[0].headers
    good = headers["X-Goog-Channel-Token"]
    name, _, proof = good.partition(".")
    for changed in (
        {"X-Goog-Channel-ID": "other"},
        *(
            {"X-Goog-Channel-Token": token_}
            for token_ in (
                "", name, f"{name}.{proof[:-1]}0x", token_for("other", "cal-7", SECRET), f"Y2FsLTg.{proof}", "ä.é",
                "x" * 9_999,
            )
        ),
    ):  # fmt: skip
        with pytest.raises(PushRefused) as refused:
            read_calendar_push({**headers, **changed}, secret=SECRET)
        assert 401 == refused.value.status
    with pytest.raises(PushRefused):
        read_calendar_push(headers, secret=b"another secret!!")
    with pytest.raises(PushRefused) as refused:
        read_calendar_push({**headers, "X-Goog-Resource-State": "party"}, secret=SECRET)
    assert 204 == refused.value.status
    assert "cal-7" == read_calendar_push(headers, secret=SECRET).channel


def test_a_secret_that_can_be_guessed_and_a_key_that_is_too_long_are_refused() -> None:
    with pytest.raises(ValueError, match="16 octets"):
        token_for("id", "cal-7", b"short")
    with pytest.raises(ValueError, match="16 octets"):
        read_calendar_push({}, secret=b"")
    with pytest.raises(ValueError, match="too long"):
        token_for("id", "k" * 200, SECRET)


def test_a_watch_keeps_no_secret(google: GoogleServer) -> None:
    watch = watched(google)

    assert watch == Watch.model_validate_json(watch.model_dump_json())
    assert "token" not in watch.model_dump_json()
