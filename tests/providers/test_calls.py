"""Calls to any web API: here one that takes its batches as JSON, and has words of its own for what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from crmsync.errors import CrmSyncError, NeedsAdmin, NotAuthorized, NotFound, RateLimited, Refused, Unavailable
from crmsync.providers.web.calls import Api, Call, Dialect, Reply, Site, parsed
from crmsync.providers.web.failures import Failure, Meaning, error_by, failure_by
from crmsync.providers.web.http import retry_after
from crmsync.providers.web.pacing import Pacer
from crmsync.testing.google import Request, Response, VirtualClock
from crmsync.testing.web.front import Front

TABLE = {"TooManyRequests": Meaning.THROTTLED, "ConsentRequired": Meaning.ADMIN, "ItemGone": Meaning.GONE,
         "Forbidden": Meaning.DENIED, "BadRequest": Meaning.INVALID, "BadToken": Meaning.EXPIRED_TOKEN}  # fmt: skip

Handler = Callable[[str], tuple[int, dict[str, str], Any]]


def batch_request(calls: Sequence[Call]) -> tuple[bytes, str]:
    asked = [{"id": str(number), "method": "GET", "url": call.path} for number, call in enumerate(calls)]
    return json.dumps({"requests": asked}).encode(), "application/json"


def batch_replies(_: str, body: bytes, count: int) -> Mapping[int, Reply]:
    found = {}
    for entry in (parsed(body) or {}).get("responses", []):
        number, data = int(entry["id"]), entry["body"]
        if number < count:
            found[number] = Reply(entry["status"], entry.get("headers", {}), json.dumps(data).encode(), data)
    return found


def failure_of(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    code = (parsed(body) or {}).get("code", "")
    return failure_by(TABLE, status, [code], retry_after(headers.get("retry-after"), lambda: pytest.fail("no date")))


def error_for(failure: Failure) -> CrmSyncError:
    return error_by(failure, "Contoso", "Contoso tenant")


CONTOSO = Dialect(failure_of, error_for, "/v1/$batch", batch_request, batch_replies, most=20, user_agent="crmsync")


class Service:
    """Answers each path by `script`, alone or in batches, to whoever has the token."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.tokens = ["first"]
        self.token = "first"
        self.rejected: list[str] = []
        self.refusal: dict[str, Any] = {"code": "BadToken"}
        self.asked: list[list[str]] = []
        self.script: Handler = lambda path: (200, {}, {"path": path})
        self.front = Front(self.handle)

    def handle(self, request: Request) -> Response:
        inner = [entry["url"] for entry in request.json()["requests"]] if request.method == "POST" else [request.target]
        self.asked.append(inner)
        said = [self._one(path, request.headers["authorization"]) for path in inner]
        if request.method != "POST":
            status, headers, data = said[0]
            return Response(status, dict(headers), json.dumps(data).encode())
        entries = [{"id": f"{n}", "status": s, "headers": h, "body": b} for n, (s, h, b) in enumerate(said) if s]
        return Response(200, {}, json.dumps({"responses": entries[::-1]}).encode())

    def _one(self, path: str, authorization: str) -> tuple[int, dict[str, str], Any]:
        return self.script(path) if authorization == f"Bearer {self.token}" else (401, {}, self.refusal)

    def __call__(self) -> str:
        return self.tokens[0]

    def reject(self, token: str) -> None:
        self.rejected.append(token)
        self.tokens = [one for one in self.tokens if one != token] or ["none"]

    def api(self, *, per_minute: float = 60_000) -> Api:
        pacer = Pacer(per_minute, largest=20, clock=self.clock, sleep=self.clock.sleep)
        site = Site(self.front.url, allow_internal=True)
        return Api(self, site, pacer, CONTOSO, concurrency=1, chance=lambda: 1.0)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    made.front.start()
    yield made
    made.front.close()


def paths(count: int) -> list[Call]:
    return [Call(f"/v1/items/{number}") for number in range(count)]


def test_many_calls_go_in_few_requests_and_each_has_its_own_answer(service: Service) -> None:
    api = service.api()
    found = dict(api.many(paths(45)))
    assert [20, 20, 5] == [len(inner) for inner in service.asked]
    assert {n: f"/v1/items/{n}" for n in range(45)} == {
        n: r.data["path"] for n, r in found.items() if isinstance(r, Reply)
    }
    assert 3 == api.requests


def test_only_what_was_refused_is_asked_for_again_when_it_said(service: Service) -> None:
    left = {"/v1/items/3": 2}

    def script(path: str) -> tuple[int, dict[str, str], Any]:
        if left.get(path, 0):
            left[path] -= 1
            return 429, {"retry-after": "7"}, {"code": "TooManyRequests"}
        return 200, {}, {}

    service.script = script
    assert all(isinstance(reply, Reply) for _, reply in service.api().many(paths(20)))
    assert [["/v1/items/3"], ["/v1/items/3"]] == service.asked[1:]
    assert 14 <= service.clock.slept < 15


def test_an_answer_that_its_batch_lacks_is_asked_for_again(service: Service) -> None:
    missing = iter([True])
    service.script = lambda path: (0 if path.endswith("/1") and next(missing, False) else 200, {}, {})
    assert {0, 1, 2} == {n for n, reply in service.api().many(paths(3)) if isinstance(reply, Reply)}
    assert 2 == len(service.asked)


def test_a_token_that_a_batch_finds_expired_is_told_of_and_replaced(service: Service) -> None:
    service.tokens, service.token = ["old", "new"], "new"
    assert all(isinstance(reply, Reply) for _, reply in service.api().many(paths(5)))
    assert (["old"], 2) == (service.rejected, len(service.asked))
    service.token = "newer"
    with pytest.raises(NotAuthorized, match="Contoso does not accept the access token"):
        list(service.api().many(paths(5)))


def test_access_that_is_refused_without_a_reason_condemns_nobody(service: Service) -> None:
    service.token, service.refusal = "newer", {}
    with pytest.raises(Unavailable, match="does not say why"):
        service.api().get(paths(1)[0])


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "ConsentRequired", NeedsAdmin),
        (403, "Forbidden", NotAuthorized),
        (403, "", Unavailable),
        (404, "", Unavailable),
        (404, "ItemGone", NotFound),
        (400, "BadRequest", Refused),
        (400, "", Unavailable),
        (500, "ConsentRequired", Unavailable),
        (429, "", RateLimited),
    ],
)
def test_the_providers_own_words_decide_and_its_own_trouble_is_never_final(
    service: Service, status: int, code: str, error: type[CrmSyncError]
) -> None:
    service.script = lambda _: (status, {}, {"code": code})
    with pytest.raises(error) as raised:
        service.api().get(Call("/v1/me"))
    assert type(raised.value) is error
    assert "Google" not in str(raised.value)


def test_what_fails_by_itself_is_reported_and_the_rest_comes(service: Service) -> None:
    service.script = lambda path: (404 if path.endswith("/2") else 200, {}, {"code": "ItemGone"})
    found = dict(service.api().many(paths(5)))
    gone = found.pop(2)
    assert isinstance(gone, Failure)
    assert Meaning.GONE is gone.meaning
    assert all(isinstance(reply, Reply) for reply in found.values())


def test_what_may_not_be_done_twice_is_repeated_only_where_it_was_not_done(service: Service) -> None:
    answers = iter([(429, {}, {}), (200, {}, {"id": "1"}), (503, {}, {})])
    service.script = lambda _: next(answers)
    api = service.api()
    assert {"id": "1"} == api.ask("PUT", Call("/v1/send"), body=b"{}", repeat=False)
    with pytest.raises(Unavailable):
        api.ask("PUT", Call("/v1/send"), body=b"{}", repeat=False)
    assert 3 == len(service.asked)


def test_calls_are_paced(service: Service) -> None:
    list(service.api(per_minute=600).many([Call(f"/v1/{n}", 10.0) for n in range(120)]))
    assert 115 < service.clock.slept < 125


def test_a_service_that_answers_nobody_is_said_to(service: Service) -> None:
    api = service.api()
    service.front.close()
    with pytest.raises(Unavailable, match="broke off"):
        list(api.many(paths(2)))
    with pytest.raises(Unavailable):
        api.get(paths(1)[0])
