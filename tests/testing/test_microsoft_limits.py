"""What the loopback Graph lets an application do, its batches, and its failures on demand."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from microsoft_accounts import Client, checked  # noqa: F401 - a fixture for all

from crmsync.testing.microsoft import Fault, Limits, MicrosoftServer, Request, VirtualClock


@pytest.fixture
def microsoft() -> MicrosoftServer:
    server = MicrosoftServer(clock=VirtualClock())
    server.account("me@acme.com")
    return server


@pytest.fixture
def client(microsoft: MicrosoftServer) -> Client:
    return Client(microsoft)


def at_once(microsoft: MicrosoftServer, client: Client, paths: list[str], *, busy: int) -> list[int]:
    """Call many at a time, and return how they were answered. `busy` is how many connections that takes."""
    statuses: list[int] = []

    def call(path: str) -> None:
        statuses.append(client.call(path).status)

    threads = [threading.Thread(target=call, args=(path,)) for path in paths]
    client.call("me")
    with microsoft.held():
        for thread in threads:
            thread.start()
        while microsoft.in_flight() < busy:
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    return sorted(statuses)


def asked(*urls: str, **more: Any) -> dict[str, Any]:
    return {"requests": [{"id": f"{n}", "method": "GET", "url": url, **more} for n, url in enumerate(urls)]}


def test_more_than_four_at_a_time_are_refused(microsoft: MicrosoftServer, client: Client) -> None:
    assert [200] * 4 + [429] * 2 == at_once(microsoft, client, ["me/mailFolders"] * 6, busy=6)
    assert 6 == microsoft.most_in_flight()
    microsoft.limits.form = "503"
    microsoft.limits.concurrent = 2
    assert [200] * 2 + [503] * 2 == at_once(microsoft, client, ["me/mailFolders"] * 4, busy=4)
    assert {"ApplicationThrottled"} == {entry.code for entry in microsoft.refused()}


def test_the_four_are_of_one_mailbox(microsoft: MicrosoftServer) -> None:
    others = [Client(microsoft, microsoft.account(f"a{n}@acme.com").address) for n in range(2)]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda c: statuses.append(c.call("me/mailFolders").status), args=(client,))
        for client in others
        for _ in range(4)
    ]
    for client in others:
        client.call("me")
    with microsoft.held():
        for thread in threads:
            thread.start()
        while sum(microsoft.in_flight(client.address) for client in others) < 8:
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join()

    assert [200] * 8 == statuses


def test_requests_of_ten_minutes_are_counted_and_a_batch_counts_each(
    microsoft: MicrosoftServer, client: Client
) -> None:
    microsoft.limits = Limits(requests=10)
    client.batch(*["/me/mailFolders/inbox"] * 8)
    microsoft.clock.advance(30)  # type: ignore[attr-defined]  # a VirtualClock
    statuses = [client.call("me/mailFolders").status for _ in range(3)]
    response = client.call("me/mailFolders")
    microsoft.clock.advance(600)  # type: ignore[attr-defined]  # a VirtualClock

    assert [200, 200, 429] == statuses
    assert ("570", 12) == (response.headers["Retry-After"], microsoft.most_in_window())
    assert 200 == client.call("me/mailFolders").status


def test_limits_may_be_lowered_while_it_runs(microsoft: MicrosoftServer, client: Client) -> None:
    microsoft.limits.halve()

    assert (5_000, 2, 2) == (microsoft.limits.requests, microsoft.limits.concurrent, microsoft.limits.batch_parallel)
    assert [200, 200, 429] == at_once(microsoft, client, ["me/mailFolders"] * 3, busy=3)
    assert {200} == {one["status"] for one in client.batch(*["/me/mailFolders/inbox"] * 20).values()}


def test_a_batch_takes_four_connections_and_a_chain_one(microsoft: MicrosoftServer, client: Client) -> None:
    body = asked(*["/me/mailFolders/inbox"] * 8)
    chain = asked(*["/me/mailFolders/inbox"] * 8)
    for number, one in enumerate(chain["requests"][1:]):
        one["dependsOn"] = [f"{number}"]
    found: dict[str, list[int]] = {}

    def batch(name: str, what: dict[str, Any]) -> None:
        said = client.done("$batch", body=what)["responses"]
        found[name] = [one["status"] for one in sorted(said, key=lambda one: int(one["id"]))]

    def together(*batches: tuple[str, dict[str, Any]], busy: int) -> None:
        threads = [threading.Thread(target=batch, args=one) for one in batches]
        with microsoft.held():
            for number, thread in enumerate(threads):
                thread.start()
                while microsoft.in_flight() < busy * (number + 1):
                    threading.Event().wait(0.001)
        for thread in threads:
            thread.join()

    client.call("me")
    together(("first", body), ("second", body), busy=4)
    together(*((f"chain {n}", chain) for n in range(4)), busy=1)

    assert ([200] * 8, [429] * 8) == (found["first"], found["second"])
    assert [[200] * 8] * 4 == [found[f"chain {n}"] for n in range(4)]


def test_answers_in_a_batch_come_in_any_order_and_each_has_its_own(microsoft: MicrosoftServer, client: Client) -> None:
    id_ = microsoft.account().mailbox.deliver()
    said = client.done("$batch", body=asked(f"/me/messages/{id_}", "me/messages/AAkALgAAAAAAHYQDEapmEc2byAC", "/me"))
    by_id = {one["id"]: one for one in said["responses"]}
    orders = {
        tuple(one["id"] for one in client.done("$batch", body=asked(*["/me"] * 9))["responses"]) for _ in range(5)
    }
    value = client.batch(f"/me/messages/{id_}/$value")[f"/me/messages/{id_}/$value"]

    assert {"0": 200, "1": 404, "2": 200} == {id_: one["status"] for id_, one in by_id.items()}
    assert "ErrorItemNotFound" == by_id["1"]["body"]["error"]["code"]
    assert isinstance(value["body"], str)
    assert 5 == len(orders)


def test_each_request_of_a_batch_asks_for_immutable_ids_itself(microsoft: MicrosoftServer, client: Client) -> None:
    id_ = microsoft.account().mailbox.deliver()
    url = f"/me/messages/{id_}?$select=id"

    assert id_ != client.batch(url)[url]["body"]["id"]
    assert id_ == client.batch(url, Prefer='IdType="ImmutableId"')[url]["body"]["id"]


def test_what_depends_on_a_failed_request_is_not_made(client: Client) -> None:
    body = asked("/me/messages/AAkALgAAAAAAHYQDEapmEc2byAC", "/me", "/me")
    body["requests"][1]["dependsOn"] = ["0"]
    said = {one["id"]: one["status"] for one in client.done("$batch", body=body)["responses"]}

    assert {"0": 404, "1": 424, "2": 200} == said


@pytest.mark.parametrize(
    "body",
    [
        {"requests": []},
        asked(*["/me"] * 21),
        asked("https://graph.microsoft.com/v1.0/me"),
        {"requests": [{"id": "a", "method": "GET", "url": "/me"}, {"id": "A", "method": "GET", "url": "/me"}]},
        {"requests": [{"id": "a", "method": "POST", "url": "/me/messages", "body": {}}]},
        {"requests": [{"id": "a", "method": "GET", "url": "/me", "dependsOn": ["b"]}]},
    ],
    ids=["empty", "21", "absolute", "case", "content type", "unknown"],
)
def test_a_batch_that_makes_no_sense_is_refused_as_a_whole(client: Client, body: dict[str, Any]) -> None:
    assert (400, "BadRequest") == client.error("$batch", "POST", body)


def test_failures_come_by_name_count_rate_and_place(microsoft: MicrosoftServer, client: Client) -> None:
    microsoft.faults.add(Fault("mailFolders.get", count=1, retry_after=7))
    microsoft.faults.add(Fault("mailFolders.*", reason="ApplicationThrottled", after=2, count=1))
    busy = client.call("me/mailFolders/inbox")
    statuses = [client.call("me/mailFolders/inbox").status for _ in range(4)]
    microsoft.faults.add(Fault("batch", reason="UnknownError", count=1))
    whole = client.call("$batch", "POST", asked("/me")).status
    microsoft.faults.add(Fault("users.get", kind="missing", count=1))
    inner = client.done("$batch", body=asked("/me", "/me"))["responses"]
    microsoft.faults.add(Fault("users.get", edit=lambda answer: {**answer, "mail": None}))

    assert (503, "7", "ErrorServerBusy") == (
        busy.status,
        busy.headers["Retry-After"],
        json.loads(busy.body)["error"]["code"],
    )
    assert [200, 200, 429, 200] == statuses
    assert (504, 1) == (whole, len(inner))
    assert None is client.get("me")["mail"]


def test_every_error_says_when_and_by_which_request(client: Client) -> None:
    response = client.call("me/messages/garbage", **{"client-request-id": "c-1"})
    inner = json.loads(response.body)["error"]["innerError"]

    assert ("c-1", True) == (inner["client-request-id"], {"date", "request-id"} < inner.keys())


def test_a_limit_of_octets_holds_for_what_is_sent(microsoft: MicrosoftServer, client: Client) -> None:
    microsoft.limits.upload = 1_000
    body = {"subject": "x" * 600}

    assert [201, 429] == [client.call("me/messages", "POST", body).status for _ in range(2)]


def test_it_answers_over_a_socket_too(microsoft: MicrosoftServer) -> None:
    import urllib.request

    with microsoft:
        said = {"Authorization": f"Bearer {microsoft.token()}"}
        with urllib.request.urlopen(urllib.request.Request(f"{microsoft.url}/v1.0/me", headers=said)) as answer:
            assert "me@acme.com" == json.loads(answer.read())["mail"]
    assert 404 == microsoft.handle(Request("GET", "/elsewhere")).status
