"""Calls to one of Google's APIs: paced, repeated where that helps, many in one request, and errors by table."""

from __future__ import annotations

import random
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ...errors import RateLimited, TooLarge, Unavailable
from ..access import Access, Secret, Security
from ..batching import Again, Batching, Try, Workers
from ..http import Answer, Http
from ..pacing import Pacer, backoff
from .errors import Failure, Meaning, error_for, failure_of
from .wire import Call, Reply, batch_replies, batch_request, parsed

PATIENCE = 60.0
"""Seconds of a provider's Retry-After that are sat out; a longer one is for the host."""
ATTEMPTS = 6
"""How often one call is tried."""
THROTTLED_ATTEMPTS = 9
"""How often, where a limit refuses it: long enough for a minute to pass."""
CALLS = 50
"""In one request of many: Google advises against more."""

LARGEST = 64 << 20
"""Octets of one answer, of one to many calls too."""

_ANY = range(200, 600)
_FINAL = frozenset({Meaning.SCOPE, Meaning.ADMIN, Meaning.EXHAUSTED})
"""What concerns the account, and not the one thing that was asked for."""
_INNER_401 = re.compile(rb"\nHTTP/1\.1 401 ")
_OUTAGE = 4
"""When so many calls fail and none goes through, it is the service, or the account, that fails and not they."""


class Site(NamedTuple):
    """Where one of Google's services is."""

    root: str
    """As `https://gmail.googleapis.com`; a loopback server's for tests."""
    ca: str | None = None
    """Certificates that are trusted instead of the system's, as PEM text."""
    allow_internal: bool = False

    def http(self, token: Secret | None) -> Http:
        """Return connections to it. Without a token nobody logs in."""
        parts = urlsplit(self.root)
        plain = parts.scheme == "http"
        access = Access(
            host=parts.hostname or "",
            port=parts.port or (80 if plain else 443),
            security=Security.UNENCRYPTED if plain else Security.TLS,
            username="me",
            ca=self.ca,
            allow_internal=self.allow_internal,
            token=token or (lambda: ""),
        )
        return Http(access, login=token is not None)


_NO_ANSWER = Failure(Meaning.BUSY, 200, "no answer")


class GoogleApi:
    """One account's calls to one API.

    Args:
        token: returns an access token that is valid now. Where it has a method `reject`, that is told a token that
            Google did not accept: see `AccountTokens`.
        site: where the API is.
        pacer: keeps to the limit. Share it between clients of one account.
        batch_path: where many calls in one request go.
        concurrency: how many requests may be under way at once.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        site: Site,
        pacer: Pacer,
        *,
        batch_path: str = "/batch",
        concurrency: int = 4,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.pacer = pacer
        self.requests = 0
        """Requests sent: one for many calls is one."""
        self._token = token
        self._site = site
        self._batch_path = batch_path
        self._chance = chance
        self._idle: SimpleQueue[_Line] = SimpleQueue()
        self._workers = Workers(concurrency)
        self._streak = 0
        self._made: list[Http] = []
        # A provider is made for each look at an account, and nobody promises to close it.
        self.close = weakref.finalize(self, _close, self._made)

    def get(self, call: Call) -> dict[str, Any]:
        """Make one call and return its answer.

        Raises:
            Unavailable, RateLimited, NotAuthorized, NeedsAdmin, NotFound, CursorExpired, Refused, TooLarge: by table.
        """
        return self.ask("GET", call)

    def ask(
        self, verb: str, call: Call, *, body: bytes | None = None, kind: str = "application/json", repeat: bool = True
    ) -> dict[str, Any]:
        """Make one call of any verb. As `get`.

        Args:
            verb: `POST` and the like.
            call: what is called.
            body: what is sent.
            kind: its Content-Type.
            repeat: whether it may be repeated where nobody knows what became of it.
        """
        attempt = 0
        while True:
            self.pacer.take(call.units)
            failure: Failure
            try:
                answer = self._exchange(verb, call.path, body, kind if body is not None else None)
                if 200 <= answer.status < 300:
                    data = parsed(answer.body)
                    if data is not None or not answer.body.strip():
                        return data or {}
                    failure = Failure(Meaning.BUSY, answer.status, "no JSON")
                else:
                    failure = failure_of(answer.status, answer.headers, answer.body)
            except Unavailable:
                if not repeat or attempt + 1 >= ATTEMPTS:
                    raise
                failure = Failure(Meaning.BUSY, 0)
            if failure.meaning is Meaning.THROTTLED:
                self.pacer.give_back(call.units)
            attempt += 1
            sure = failure.meaning in (Meaning.THROTTLED, Meaning.EXPIRED_TOKEN)  # that it was not done
            most = THROTTLED_ATTEMPTS if failure.meaning is Meaning.THROTTLED else ATTEMPTS
            if not (repeat or sure) or attempt >= most:
                raise error_for(failure)
            self.pacer.wait(self._pause(failure, attempt))

    def many(self, calls: Sequence[Call], ahead: Sequence[Call] = ()) -> Iterator[tuple[int, Reply | Failure]]:
        """Make many calls, and yield what became of each, by its number, as it comes.

        A call that fails for its own reasons is yielded as a `Failure`; what concerns the account is raised.

        Args:
            calls: what is wanted.
            ahead: what will be wanted next: made while the others wait to be repeated, so that the limit is reached
                all the same. Their numbers go on from those of `calls`; some, or all, may not be made.

        Raises:
            Unavailable, RateLimited, NotAuthorized, NeedsAdmin: by table.
        """
        every = [*calls, *ahead]
        batching = Batching[Reply | Failure](
            send=lambda numbers: self._together({number: every[number] for number in numbers}),
            judge=self._judge,
            heed=self._heed,
            good=lambda result: isinstance(result, Reply),
            most=CALLS,
        )
        succeeded = failed = 0
        units = [call.units for call in every]
        # What goes into one request needs no thread and no connection of its own.
        few = len(every) <= CALLS and sum(units) <= self.pacer.burst
        workers = Workers(1) if few else self._workers
        for number, result in batching.run(units, self.pacer, workers, ahead=len(ahead)):
            found = result or _NO_ANSWER
            if isinstance(found, Reply):
                succeeded += 1
            elif found.meaning in (Meaning.BUSY, Meaning.DENIED):
                failed += 1
                if failed >= _OUTAGE and not succeeded:
                    raise error_for(found)
            yield number, found

    def _together(self, calls: Mapping[int, Call]) -> Mapping[int, Reply | Failure]:
        """Make calls in one request. What stands for all of them stands for each."""
        try:
            if len(calls) == 1:
                [(number, call)] = calls.items()
                answer = self._exchange("GET", call.path, None, None)
                data = parsed(answer.body)
                reply = Reply(answer.status, answer.headers, answer.body, data or {})
                replies = {number: reply} if answer.status != 200 or data is not None else {}
            else:
                body, content_type = batch_request(list(calls.values()))
                answer = self._exchange("POST", self._batch_path, body, content_type)
                if answer.status != 200:
                    replies = dict.fromkeys(calls, Reply(answer.status, answer.headers, answer.body, {}))
                else:
                    found = batch_replies(answer.headers.get("content-type", ""), answer.body, len(calls))
                    numbers = list(calls)
                    replies = {numbers[place]: reply for place, reply in found.items()}
        except Unavailable:
            return dict.fromkeys(calls, Failure(Meaning.BUSY, 0, "broken off"))
        except TooLarge:
            return dict.fromkeys(calls, Failure(Meaning.LARGE, 200))
        return {
            number: reply if reply.status == 200 else failure_of(reply.status, reply.headers, reply.body)
            for number, reply in replies.items()
        }

    def _heed(self, results: Mapping[int, Reply | Failure], units: Mapping[int, float]) -> None:
        """Let everybody wait where most of a request was refused for its rate. What was refused has cost nothing."""
        refused = {
            number: result
            for number, result in results.items()
            if isinstance(result, Failure) and result.meaning is Meaning.THROTTLED
        }
        if 2 * len(refused) > len(units) and (len(units) > 1 or self._streak):
            self._streak += 1
            waits = [failure.wait for failure in refused.values() if failure.wait is not None]
            self.pacer.pause(min(max(waits, default=2.0 ** min(self._streak - 1, 10)), PATIENCE))
            return
        self._streak = 0
        self.pacer.give_back(sum(units[number] for number in refused))

    def _judge(self, result: Reply | Failure | None, one: Try) -> Again | None:
        """Say whether a call is to be made again."""
        failure = _NO_ANSWER if result is None or isinstance(result, Reply) else result
        if failure.meaning in _FINAL:
            raise error_for(failure)
        if failure.meaning is Meaning.LARGE and not one.alone:
            return Again(alone=True)
        if failure.meaning not in (Meaning.THROTTLED, Meaning.BUSY, Meaning.EXPIRED_TOKEN):
            return None
        if one.attempt >= (THROTTLED_ATTEMPTS if failure.meaning is Meaning.THROTTLED else ATTEMPTS):
            if failure.meaning is Meaning.BUSY and failure.status:
                return None
            raise error_for(failure)
        return Again(self._pause(failure, one.attempt))

    def _pause(self, failure: Failure, attempt: int) -> float:
        """Return how long to wait before the next attempt.

        Raises:
            RateLimited: too long to be sat out here.
            NotAuthorized, NeedsAdmin: another attempt is of no use.
        """
        if failure.meaning is Meaning.EXPIRED_TOKEN:
            if attempt > 2:
                raise error_for(failure)
            return 0.0
        if failure.meaning not in (Meaning.THROTTLED, Meaning.BUSY):
            raise error_for(failure)
        wait = backoff(attempt, chance=self._chance) if failure.wait is None else failure.wait
        if wait > PATIENCE:
            raise RateLimited(retry_after=wait)
        return wait

    def _exchange(self, verb: str, path: str, body: bytes | None, content_type: str | None) -> Answer:
        try:
            line = self._idle.get_nowait()
        except Empty:
            line = _Line(self._token, self._site)
            self._made.append(line.http)
        headers = {"User-Agent": "crmsync (gzip)"}  # without that word in it Google does not compress
        if content_type:
            headers["Content-Type"] = content_type
        try:
            self.requests += 1
            answer = line.http.request(verb, path, headers=headers, content=body, expect=_ANY, max_body=LARGEST)
        except BaseException:
            self._idle.put(line)
            raise
        # An inner call of a batch can find the token expired while the batch itself goes through.
        if answer.status == 401 or (
            answer.status == 200 and path == self._batch_path and _INNER_401.search(answer.body)
        ):
            line.reject()
            line.http.close()
        else:
            self._idle.put(line)
        return answer


class _Line:
    """Connections, and the access token that they use."""

    def __init__(self, token: Secret, site: Site) -> None:
        self._token = token
        self._used = ""
        self.http = site.http(self._ask)

    def _ask(self) -> str:
        self._used = self._token()
        return self._used

    def reject(self) -> None:
        """Say that the token was not accepted, to whoever keeps it."""
        tell = getattr(self._token, "reject", None)
        if tell is not None:
            tell(self._used)


def _close(made: list[Http]) -> None:
    while made:
        made.pop().close()


__all__ = ["ATTEMPTS", "PATIENCE", "GoogleApi", "Site"]
