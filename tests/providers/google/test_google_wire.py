"""Google's requests and answers as octets, and what its errors mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.errors import (
    CrmSyncError,
    CursorExpired,
    NeedsAdmin,
    NotAuthorized,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from crmsync.providers.google.errors import error_for, failure_of
from crmsync.providers.google.wire import batch_replies, batch_request
from crmsync.providers.web.calls import Call, parsed, path_to
from crmsync.providers.web.failures import Failure, Meaning


def error(status: int, reason: str | None, name: str | None = None, **more: object) -> bytes:
    entry = {"message": "anything at all", "domain": "global", **({"reason": reason} if reason else {})}
    body = {"code": status, "message": "anything at all", "errors": [entry], **more}
    return json.dumps({"error": {**body, **({"status": name} if name else {})}}).encode()


INFO = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"}]


@pytest.mark.parametrize(
    ("status", "body", "meaning", "kind"),
    [
        (403, error(403, "rateLimitExceeded"), Meaning.THROTTLED, RateLimited),
        (403, error(403, "userRateLimitExceeded"), Meaning.THROTTLED, RateLimited),
        (403, error(403, "rateLimitExceeded", "RESOURCE_EXHAUSTED", details=INFO), Meaning.THROTTLED, RateLimited),
        (429, error(429, "rateLimitExceeded", "RESOURCE_EXHAUSTED"), Meaning.THROTTLED, RateLimited),
        (429, error(429, None, "RESOURCE_EXHAUSTED"), Meaning.THROTTLED, RateLimited),
        (429, error(429, "somethingNew"), Meaning.THROTTLED, RateLimited),
        (429, b"", Meaning.THROTTLED, RateLimited),
        (403, error(403, None, "PERMISSION_DENIED", details=INFO), Meaning.THROTTLED, RateLimited),
        (403, error(403, "dailyLimitExceeded"), Meaning.EXHAUSTED, RateLimited),
        (403, error(403, "quotaExceeded"), Meaning.EXHAUSTED, RateLimited),
        (403, error(403, "domainPolicy"), Meaning.ADMIN, NeedsAdmin),
        (403, error(403, "accessNotConfigured"), Meaning.ADMIN, NeedsAdmin),
        (400, error(400, "failedPrecondition", "FAILED_PRECONDITION"), Meaning.BUSY, Unavailable),
        (400, error(400, None, "FAILED_PRECONDITION"), Meaning.BUSY, Unavailable),
        (403, error(403, "insufficientPermissions"), Meaning.SCOPE, NotAuthorized),
        (403, error(403, "forbidden"), Meaning.DENIED, NotAuthorized),
        (403, error(403, "somethingNew"), Meaning.BUSY, Unavailable),
        (403, b"<html>", Meaning.BUSY, Unavailable),
        (400, b"<html>", Meaning.BUSY, Unavailable),
        (400, error(400, "somethingNew"), Meaning.BUSY, Unavailable),
        (404, b"<html><title>Error 404 (Not Found)!!1</title>", Meaning.BUSY, Unavailable),
        (409, error(409, "conflict"), Meaning.BUSY, Unavailable),
        (401, error(401, "authError"), Meaning.EXPIRED_TOKEN, NotAuthorized),
        (401, b"", Meaning.EXPIRED_TOKEN, Unavailable),
        (404, error(404, "notFound"), Meaning.GONE, NotFound),
        (410, error(410, "fullSyncRequired"), Meaning.EXPIRED_CURSOR, CursorExpired),
        (410, error(410, "updatedMinTooLongAgo"), Meaning.EXPIRED_CURSOR, CursorExpired),
        (410, b"", Meaning.EXPIRED_CURSOR, CursorExpired),
        (400, error(400, "invalidArgument"), Meaning.INVALID, Refused),
        (500, error(500, "backendError"), Meaning.BUSY, Unavailable),
        (503, error(503, "backendError"), Meaning.BUSY, Unavailable),
        (503, error(503, "rateLimitExceeded"), Meaning.THROTTLED, RateLimited),
        (502, b"<html>Bad Gateway", Meaning.BUSY, Unavailable),
        (500, error(500, "forbidden"), Meaning.BUSY, Unavailable),
    ],
)
def test_an_error_means_what_its_reason_says(
    status: int, body: bytes, meaning: Meaning, kind: type[CrmSyncError]
) -> None:
    failure = failure_of(status, {}, body)
    assert meaning is failure.meaning
    assert kind is type(error_for(failure))


def test_the_wording_of_a_message_decides_nothing() -> None:
    said = json.dumps({"error": {"code": 403, "message": "Rate Limit Exceeded. Retry after 2026-01-01T00:00:00Z"}})
    assert Meaning.BUSY is failure_of(403, {}, said.encode()).meaning


def test_a_refusal_that_says_why_in_its_challenge_needs_no_body() -> None:
    challenge = {"www-authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
    assert isinstance(error_for(failure_of(401, challenge, b"")), NotAuthorized)
    challenge = {"www-authenticate": 'Bearer error="insufficient_scope", scope="a"'}
    assert Meaning.SCOPE is failure_of(403, challenge, b"").meaning


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("User-rate limit exceeded.  Retry after 2026-03-01T12:15:00.000Z", 900.0),
        ("User-rate limit exceeded.  Retry after 2026-03-01T12:15:00.000Z (Mail sending)", 900.0),
        ("Gesperrt bis 2026-03-01T13:15:00+01:00", 900.0),
        ("Retry after 2026-03-01T11:59:00.000Z", None),
        ("Retry after 2026-13-01T11:59:00.000Z", None),
        ("Retry after 2126-03-01T11:59:00Z", 86_400.0),
        ("Retry after 15 minutes", None),
        (["Retry after 2026-03-01T12:15:00.000Z"], None),
    ],
)
@pytest.mark.parametrize("hour", [12, 7])
def test_a_block_ends_when_its_text_says_by_googles_clock_and_not_by_ours(said: object, wait: float, hour: int) -> None:
    body = {"error": {"code": 429, "message": said, "errors": [{"reason": "rateLimitExceeded"}]}}
    headers = {"date": "Sun, 01 Mar 2026 12:00:00 GMT"} if hour == 7 else {}
    failure = failure_of(429, headers, json.dumps(body).encode(), now=lambda: datetime(2026, 3, 1, hour, tzinfo=UTC))
    assert (Meaning.THROTTLED, wait) == (failure.meaning, failure.wait)


def test_of_several_waits_the_longest_counts() -> None:
    said = {"error": {"message": "Retry after 2026-03-01T12:15:00Z", "errors": [{"reason": "rateLimitExceeded"}]}}
    headers = {"date": "Sun, 01 Mar 2026 12:00:00 GMT", "retry-after": "30"}
    assert 900.0 == failure_of(429, headers, json.dumps(said).encode()).wait


def test_a_wait_is_read_from_the_header_or_the_details() -> None:
    delay = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}]
    assert 12.5 == failure_of(429, {}, error(429, None, details=delay)).wait
    assert 12.5 == failure_of(429, {"retry-after": "7"}, error(429, None, details=delay)).wait
    assert 7.0 == failure_of(429, {"retry-after": "7"}, b"").wait
    assert failure_of(429, {"retry-after": "soon"}, b"").wait is None
    raised = error_for(failure_of(429, {"retry-after": "900"}, b""))
    assert isinstance(raised, RateLimited)
    assert 900.0 == raised.retry_after


def test_a_daily_limit_waits_longer_than_a_minute() -> None:
    raised = error_for(Failure(Meaning.EXHAUSTED, 403))
    assert isinstance(raised, RateLimited)
    assert 3_600.0 == raised.retry_after


@given(
    st.integers(400, 599),
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "errors", "details", "reason", "status"]), inner)
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)
@settings(max_examples=examples(150))
def test_any_body_has_some_meaning(status: int, body: bytes) -> None:
    assert str(error_for(failure_of(status, {}, body)))


# -- many calls in one request


def answer(*parts: tuple[str, bytes], end: bytes = b"--x--\r\n") -> bytes:
    return (
        b"".join(
            f"--x\r\nContent-Type: application/http\r\nContent-ID: <response-{id_}>\r\n\r\n".encode() + body + b"\r\n"
            for id_, body in parts
        )
        + end
    )


def inner(data: object, status: str = "200 OK", *, length: bool = True, headers: str = "") -> bytes:
    body = json.dumps(data).encode()
    said = f"Content-Length: {len(body)}\r\n" if length else ""
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}{said}\r\n".encode() + body


KIND = 'multipart/mixed; boundary="x"'


def test_a_batch_is_paths_with_numbers() -> None:
    body, kind = batch_request([Call("/a?b=c", 1), Call("/d", 1)])
    boundary = kind.partition("boundary=")[2].strip('"')
    assert 3 == body.count(boundary.encode())
    assert [b"GET /a?b=c HTTP/1.1", b"GET /d HTTP/1.1"] == [line for line in body.split(b"\r\n") if line[:3] == b"GET"]
    assert b"Authorization" not in body


def test_answers_are_told_apart_by_number_and_not_by_order() -> None:
    body = answer(("call+2", inner({"n": 2})), ("call+0", inner({"n": 0})), ("call+1", inner({}, "404 Not Found")))
    found = batch_replies(KIND, body, 3)
    assert {0: {"n": 0}, 1: {}, 2: {"n": 2}} == {number: reply.data for number, reply in found.items()}
    assert 404 == found[1].status


def test_an_inner_answer_keeps_its_own_wait() -> None:
    body = answer(("call+0", inner({}, "429 Too Many Requests", headers="Retry-After: 3\r\n")))
    assert {"retry-after": "3"} == {
        name: value for name, value in batch_replies(KIND, body, 1)[0].headers.items() if name == "retry-after"
    }


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (answer(("call+0", inner({"n": 0}))), [0]),
        (answer(("call+0", inner({"n": 0})), ("call+1", inner({"n": "cut" * 9})))[:-40], [0]),
        (answer(("call+0", inner({"n": 0}, length=False)), ("call+1", inner({"n": 1}, length=False)))[:-16], [0]),
        (answer(("call+0", inner({"n": 0})), end=b""), [0]),
        (answer(("call+7", inner({"n": 7}))), []),
        (answer(("nobody", inner({"n": 7}))), []),
        (answer(("call+0", b"no answer at all")), []),
        (answer(("call+0", b"HTTP/1.1 200 OK\r\n\r\n<html>")), []),
        (b"", []),
        (b"--x--", []),
    ],
)
def test_what_is_missing_or_cut_is_not_there(body: bytes, left: list[int]) -> None:
    assert left == sorted(batch_replies(KIND, body, 2))


def test_an_answer_that_is_no_multipart_holds_none() -> None:
    assert {} == batch_replies("text/html", b"--x\r\n\r\n", 1)
    assert {} == batch_replies("multipart/mixed", answer(("call+0", inner({}))), 1)


def test_of_two_answers_to_one_call_the_first_counts() -> None:
    assert {"n": 1} == batch_replies(KIND, answer(("call+0", inner({"n": 1})), ("call+0", inner({"n": 2}))), 1)[0].data


@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from([b"--x", b"\r\n", b"--", b"Content-ID: <response-call+0>", b"HTTP/1.1 200 OK", b"{}"]),
        max_size=30,
    ).map(b"".join)
)
@settings(max_examples=examples(150))
def test_any_octets_give_at_most_what_was_asked_for(body: bytes) -> None:
    assert set(batch_replies(KIND, body, 1)) <= {0}


def test_a_megabyte_of_boundaries_takes_linear_time() -> None:
    assert {} == batch_replies(KIND, b"--x\r\n" * 200_000, 2)


def test_only_an_object_is_an_answer() -> None:
    assert {} == parsed(b"{}")
    assert [None] * 4 == [parsed(text) for text in (b"[]", b"", b"nonsense", b"[" * 100_000)]


def test_what_goes_into_a_path_cannot_leave_it() -> None:
    assert "/gmail/v1/..%2F..%2Fetc%3Fx" == path_to("gmail", "v1", "../../etc?x")
    assert "/a?b=true&c=x%26y" == path_to("a", b=True, c="x&y")
