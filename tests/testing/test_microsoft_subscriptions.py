"""The loopback Graph's change notifications: handshake, lives, lifecycle, silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from microsoft_accounts import Client, checked  # noqa: F401 - a fixture for all

from crmsync.testing.microsoft import Fault, MicrosoftServer, VirtualClock

HOOK, LIFE = "https://crm.example/hook", "https://crm.example/life"


class Host:
    """A host's endpoint, without HTTP."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes]] = []
        self.answers = True

    def __call__(self, url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        self.posted.append((url, body))
        token = parse_qs(urlsplit(url).query).get("validationToken", [""])[0]
        return (200, token.encode()) if self.answers else (500, b"")


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def microsoft(host: Host) -> MicrosoftServer:
    server = MicrosoftServer(clock=VirtualClock())
    server.account("me@acme.com")
    server.subscriptions.post = host
    return server


@pytest.fixture
def client(microsoft: MicrosoftServer) -> Client:
    return Client(microsoft)


def wanted(microsoft: MicrosoftServer, minutes: int = 4_200, **changed: Any) -> dict[str, Any]:
    until = datetime.fromtimestamp(microsoft.clock(), UTC) + timedelta(minutes=minutes)
    return {
        "changeType": "created,updated,deleted", "notificationUrl": HOOK, "lifecycleNotificationUrl": LIFE,
        "resource": "me/mailFolders('inbox')/messages", "clientState": "secret",
        "expirationDateTime": until.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"), **changed,
    }  # fmt: skip


def test_both_endpoints_are_asked_before_anything_is_told(
    microsoft: MicrosoftServer, client: Client, host: Host
) -> None:
    made = client.done("subscriptions", body=wanted(microsoft))
    host.answers = False

    assert [HOOK, LIFE] == [url.partition("?")[0] for url, _ in host.posted]
    assert ("secret", None) == (made["clientState"], client.get(f"subscriptions/{made['id']}")["clientState"])
    assert (400, "ValidationError") == client.error("subscriptions", "POST", wanted(microsoft))


def test_what_changes_is_told_once_by_its_immutable_id(microsoft: MicrosoftServer, client: Client, host: Host) -> None:
    mailbox = microsoft.account().mailbox
    made = client.done("subscriptions", body=wanted(microsoft))
    id_ = mailbox.deliver()
    mailbox.deliver(folder="archive")
    mailbox.mark(id_, read=True)
    mailbox.remove(id_)
    (notice,) = microsoft.notices()

    assert HOOK == notice.url
    assert ["created", "updated", "deleted"] == [one["changeType"] for one in notice.value]
    assert {(made["id"], id_, "secret", microsoft.account().tenant)} == {
        (one["subscriptionId"], one["resourceData"]["id"], one["clientState"], one["tenantId"]) for one in notice.value
    }
    assert [] == microsoft.notices()
    mailbox.deliver()
    assert [200] == microsoft.notify()
    assert b'"changeType": "created"' in host.posted[-1][1]


def test_events_are_told_too(microsoft: MicrosoftServer, client: Client) -> None:
    client.done("subscriptions", body=wanted(microsoft, resource="/me/events"))
    event = microsoft.account().calendar.put(start=datetime(2026, 3, 2, 9, tzinfo=UTC))
    microsoft.account().calendar.cancel(event)
    (notice,) = microsoft.notices()

    assert {event} == {one["resourceData"]["id"] for one in notice.value}
    assert "updated" in {one["changeType"] for one in notice.value}


def test_a_life_has_its_limits_and_ends(microsoft: MicrosoftServer, client: Client) -> None:
    short = client.done("subscriptions", body=wanted(microsoft, minutes=5))

    assert (400, "InvalidRequest") == client.error("subscriptions", "POST", wanted(microsoft, minutes=5_000))
    assert 45 * 60 == datetime.fromisoformat(short["expirationDateTime"]).timestamp() - microsoft.clock()
    assert isinstance(microsoft.clock, VirtualClock)
    microsoft.clock.advance(40 * 60)
    longer = {"expirationDateTime": wanted(microsoft, minutes=60)["expirationDateTime"]}
    assert (
        longer["expirationDateTime"][:19]
        == client.done(f"subscriptions/{short['id']}", "PATCH", longer)["expirationDateTime"][:19]
    )
    microsoft.clock.advance(61 * 60)
    assert (404, "ResourceNotFound") == client.error(f"subscriptions/{short['id']}")
    microsoft.subscriptions.longest_minutes = 10_080
    assert 201 == client.call("subscriptions", "POST", wanted(microsoft, minutes=5_000)).status


def test_the_lifecycle_is_told_at_its_own_address_which_never_changes(
    microsoft: MicrosoftServer, client: Client
) -> None:
    made = client.done("subscriptions", body=wanted(microsoft))
    microsoft.subscriptions.tell("reauthorizationRequired")
    microsoft.subscriptions.tell("missed", made["id"])
    (notice,) = microsoft.notices()

    assert (LIFE, ["reauthorizationRequired", "missed"]) == (
        notice.url,
        [one["lifecycleEvent"] for one in notice.value],
    )
    assert 204 == client.call(f"subscriptions/{made['id']}/reauthorize", "POST").status
    assert 400 == client.call(f"subscriptions/{made['id']}", "PATCH", {"lifecycleNotificationUrl": HOOK}).status
    other = client.done("subscriptions", body=wanted(microsoft))
    assert 204 == client.call(f"subscriptions/{other['id']}", "DELETE").status
    assert [made["id"]] == [one["id"] for one in client.get("subscriptions")["value"]]
    microsoft.subscriptions.tell("subscriptionRemoved")
    assert ["subscriptionRemoved"] == [one["lifecycleEvent"] for one in microsoft.notices()[0].value]
    assert [] == client.get("subscriptions")["value"]


def test_a_persons_subscription_to_a_shared_mailbox_is_silent(microsoft: MicrosoftServer, client: Client) -> None:
    sales = microsoft.account("sales@acme.com", kind="shared")
    sales.delegates.add("me@acme.com")
    client.done("subscriptions", body=wanted(microsoft, resource="users/sales@acme.com/messages"))
    sales.mailbox.deliver()
    own = microsoft.identity.token(None, {"Mail.Read"}, tenant="acme.com")

    assert [] == microsoft.notices()
    application = Client(microsoft, token=own)
    application.done("subscriptions", body=wanted(microsoft, resource="users/sales@acme.com/messages"))
    sales.mailbox.deliver()
    assert 1 == len(microsoft.notices())


def test_a_subscription_dies_with_what_its_owner_allowed(microsoft: MicrosoftServer) -> None:
    grant = microsoft.identity.grant("me@acme.com", {"Mail.Read"})
    token = microsoft.identity.answered(grant)["access_token"]
    Client(microsoft, token=token).done("subscriptions", body=wanted(microsoft))
    microsoft.account().mailbox.deliver()
    microsoft.identity.break_grants("me@acme.com", "password changed")

    assert [] == microsoft.notices()


def test_making_one_may_fail_for_no_reason_and_there_are_only_so_many(
    microsoft: MicrosoftServer, client: Client
) -> None:
    microsoft.faults.add(Fault("subscriptions.create", 500, "InternalServerError", "task was canceled", count=1))
    microsoft.subscriptions.most = 1

    assert [500, 201, 403] == [client.call("subscriptions", "POST", wanted(microsoft)).status for _ in range(3)]
    assert (400, "InvalidRequest") == client.error("subscriptions", "POST", wanted(microsoft, resource="me/contacts"))
    assert (400, "InvalidRequest") == client.error("subscriptions", "POST", wanted(microsoft, clientState="x" * 129))


def test_a_host_is_reached_over_http(microsoft: MicrosoftServer, client: Client) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            token = parse_qs(urlsplit(self.path).query)["validationToken"][0]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(token.encode())

        def log_message(self, *args: object) -> None:
            pass

    microsoft.subscriptions.post = None
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        body = wanted(microsoft, notificationUrl=url, lifecycleNotificationUrl=None)
        status = client.call("subscriptions", "POST", body).status
        thread.join()

    assert 201 == status
