"""Calls to a web API with JSON: paced, repeated where that helps, many in one request, and errors by table.

For any provider of that kind; a `Dialect` says what is not the same for all.
"""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from ...errors import RateLimited, TooLarge, Unavailable
from ..network.access import Secret
from .batching import Again, Batching, Try, Workers
from .dialect import Call, Dialect, Reply, Site, parsed, path_to
from .failures import FINAL, Failure, Meaning
from .http import Answer, Http
from .pacing import Brake, Pacer, backoff

PATIENCE = 65.0
"""Seconds of a provider's Retry-After that are sat out, those of a limit by the minute too; a longer one is for the
host."""
ATTEMPTS = 6
"""How often one call is tried."""
THROTTLED_ATTEMPTS = 9
"""How often, where a limit refuses it: long enough for a minute to pass."""
LARGEST = 64 << 20
"""Octets of one answer, of one to many calls too."""

_ANY = range(200, 600)
_STREAMED = 1 << 30
"""Octets of what is handed on while it arrives."""
_OUTAGE = 4
"""When so many calls fail and none goes through, it is the service, or the account, that fails and not they."""


_NO_ANSWER = Failure(Meaning.BUSY, 200, "no answer")


class Api:
    """One account's calls to one API.

    Args:
        token: returns an access token that is valid now. Where it has a method `reject`, that is told a token that
            the provider did not accept: see `AccountTokens`; `challenged`, before that, what the provider asks for.
        site: where the API is.
        pacer: keeps to the limit. Share it between clients of one account.
        dialect: how the provider speaks.
        concurrency: how many requests may be under way at once.
        brake: stops everybody who shares it, where a whole request was refused for its rate.
        chance: for the jitter of waiting.
    """

    def __init__(
        self,
        token: Secret,
        site: Site,
        pacer: Pacer,
        dialect: Dialect,
        *,
        concurrency: int = 4,
        brake: Brake | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.pacer = pacer
        self.requests = 0
        """Requests sent: one for many calls is one."""
        self._token = token
        self._site = site
        self._dialect = dialect
        self._brake = brake
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
        self,
        verb: str,
        call: Call,
        *,
        body: bytes | None = None,
        kind: str = "application/json",
        repeat: bool = True,
        attempts: int = ATTEMPTS,
    ) -> dict[str, Any]:
        """Make one call of any verb. As `get`.

        Args:
            verb: `POST` and the like.
            call: what is called.
            body: what is sent.
            kind: its Content-Type.
            repeat: whether it may be repeated where nobody knows what became of it.
            attempts: how often it is tried, where the provider has trouble of its own.
        """
        attempt = 0
        while True:
            self.pacer.take(call.units)
            failure: Failure
            try:
                with self._lent() as line:
                    answer = self._sent(line, verb, call, body, kind if body is not None else None)
                if 200 <= answer.status < 300:
                    data = parsed(answer.body)
                    if data is not None or not answer.body.strip():
                        return data or {}
                    failure = Failure(Meaning.BUSY, answer.status, "no JSON")
                else:
                    failure = self._dialect.failure_of(answer.status, answer.headers, answer.body)
            except Unavailable:
                if not repeat or attempt + 1 >= attempts:
                    raise
                failure = Failure(Meaning.BUSY, 0)
            if failure.meaning is Meaning.THROTTLED and not self._dialect.refusals_cost:
                self.pacer.give_back(call.units)
            attempt += 1
            sure = failure.meaning in (Meaning.THROTTLED, Meaning.EXPIRED_TOKEN)  # that it was not done
            most = THROTTLED_ATTEMPTS if failure.meaning is Meaning.THROTTLED else attempts
            if not (repeat or sure) or attempt >= most:
                raise self._dialect.error_for(failure)
            self.pacer.wait(self._pause(failure, attempt))

    def stream(self, call: Call) -> Iterator[bytes]:
        """Yield the octets that one GET answers with, while they arrive. As `get`; what has begun is not repeated."""
        attempt = 0
        while True:
            self.pacer.take(call.units)
            headers = {"User-Agent": self._dialect.user_agent, **dict(call.headers)}
            with self._lent() as line:
                self.requests += 1
                with line.http.open("GET", call.path, headers=headers, expect=_ANY, max_body=_STREAMED) as (head, body):
                    if 200 <= head.status < 300:
                        yield from body
                        return
                    failure = self._dialect.failure_of(head.status, head.headers, b"".join(body))
                    if head.status == 401:
                        line.reject(head.headers)
            attempt += 1
            if attempt >= ATTEMPTS:
                raise self._dialect.error_for(failure)
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
            most=self._dialect.most,
        )
        succeeded = failed = 0
        units = [call.units for call in every]
        # What goes into one request needs no thread and no connection of its own.
        few = len(every) <= self._dialect.most and sum(units) <= self.pacer.burst
        workers = Workers(1) if few else self._workers
        for number, result in batching.run(units, self.pacer, workers, ahead=len(ahead)):
            found = result or _NO_ANSWER
            if isinstance(found, Reply):
                succeeded += 1
            elif found.meaning in (Meaning.BUSY, Meaning.DENIED):
                failed += 1
                if failed >= _OUTAGE and not succeeded:
                    raise self._dialect.error_for(found)
            yield number, found

    def _together(self, calls: Mapping[int, Call]) -> Mapping[int, Reply | Failure]:
        """Make calls in one request. What stands for all of them stands for each."""
        try:
            with self._lent() as line:
                replies = self._alone(line, *calls.items()) if len(calls) == 1 else self._batch(line, calls)
        except Unavailable:
            return dict.fromkeys(calls, Failure(Meaning.BUSY, 0, "broken off"))
        except TooLarge:
            return dict.fromkeys(calls, Failure(Meaning.LARGE, 200))
        judged = self._dialect.failure_of
        return {
            number: reply if reply.status == 200 else judged(reply.status, reply.headers, reply.body)
            for number, reply in replies.items()
        }

    def _alone(self, line: _Line, one: tuple[int, Call]) -> Mapping[int, Reply]:
        number, call = one
        answer = self._sent(line, "GET", call, None, None)
        data = parsed(answer.body)
        if answer.status == 200 and data is None:
            return {}
        return {number: Reply(answer.status, answer.headers, answer.body, data or {})}

    def _batch(self, line: _Line, calls: Mapping[int, Call]) -> Mapping[int, Reply]:
        dialect, numbers = self._dialect, list(calls)
        body, content_type = dialect.batch_request(list(calls.values()))
        answer = self._sent(line, "POST", Call(dialect.batch_path), body, content_type)
        if answer.status != 200:
            return dict.fromkeys(calls, Reply(answer.status, answer.headers, answer.body, {}))
        found = dialect.batch_replies(answer.headers.get("content-type", ""), answer.body, len(calls))
        refused = next((reply for reply in found.values() if reply.status == 401), None)
        if refused:
            line.reject(refused.headers)  # an inner call can find the token expired while the batch itself goes through
        date = {"date": answer.headers["date"]} if "date" in answer.headers else {}
        return {numbers[at]: reply._replace(headers={**date, **reply.headers}) for at, reply in found.items()}

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
        if not self._dialect.refusals_cost:
            self.pacer.give_back(sum(units[number] for number in refused))

    def _judge(self, result: Reply | Failure | None, one: Try) -> Again | None:
        """Say whether a call is to be made again."""
        failure = _NO_ANSWER if result is None or isinstance(result, Reply) else result
        if failure.meaning in FINAL:
            raise self._dialect.error_for(failure)
        if failure.meaning is Meaning.LARGE and not one.alone:
            return Again(alone=True)
        if failure.meaning not in (Meaning.THROTTLED, Meaning.BUSY, Meaning.EXPIRED_TOKEN):
            return None
        if one.attempt >= (THROTTLED_ATTEMPTS if failure.meaning is Meaning.THROTTLED else ATTEMPTS):
            if failure.meaning is Meaning.BUSY and failure.status:
                return None
            raise self._dialect.error_for(failure)
        return Again(self._pause(failure, one.attempt))

    def _pause(self, failure: Failure, attempt: int) -> float:
        """Return how long to wait before the next attempt.

        Raises:
            RateLimited: too long to be sat out here.
            NotAuthorized, NeedsAdmin: another attempt is of no use.
        """
        if failure.meaning is Meaning.EXPIRED_TOKEN:
            if attempt > 2:
                raise self._dialect.error_for(failure)
            return 0.0
        if failure.meaning not in (Meaning.THROTTLED, Meaning.BUSY):
            raise self._dialect.error_for(failure)
        wait = backoff(attempt, chance=self._chance) if failure.wait is None else failure.wait
        if wait > PATIENCE:
            raise RateLimited(retry_after=wait)
        return wait

    def _sent(self, line: _Line, verb: str, call: Call, body: bytes | None, content_type: str | None) -> Answer:
        headers = {"User-Agent": self._dialect.user_agent, **dict(call.headers)}
        if content_type:
            headers["Content-Type"] = content_type
        if self._brake:
            self.pacer.wait(self._brake.left())
        self.requests += 1
        answer = line.http.request(verb, call.path, headers=headers, content=body, expect=_ANY, max_body=LARGEST)
        if answer.status == 401:
            line.reject(answer.headers)
        if self._brake and answer.status == 429:
            failure = self._dialect.failure_of(answer.status, answer.headers, answer.body)
            self._brake.pull(min(failure.wait or 1.0, PATIENCE))
        return answer

    @contextmanager
    def _lent(self) -> Generator[_Line, None, None]:
        """Yield connections that nobody else uses meanwhile. Those of a token that was not accepted are given up."""
        try:
            line = self._idle.get_nowait()
        except Empty:
            line = _Line(self._token, self._site)
            self._made.append(line.http)
        try:
            yield line
        finally:
            if line.rejected:
                self._made.remove(line.http)
                line.http.close()
            else:
                self._idle.put(line)


class _Line:
    """Connections, and the access token that they use."""

    def __init__(self, token: Secret, site: Site) -> None:
        self._token = token
        self._used = ""
        self.rejected = False
        self.http = site.http(self._ask)

    def _ask(self) -> str:
        self._used = self._token()
        return self._used

    def reject(self, headers: Mapping[str, str]) -> None:
        """Say that the token was not accepted, to whoever keeps it, and what is asked for instead (RFC 6750)."""
        self.rejected = True
        challenge = headers.get("www-authenticate", "")
        told = getattr(self._token, "challenged", None)
        if told is not None and challenge:
            told(challenge)
        tell = getattr(self._token, "reject", None)
        if tell is not None:
            tell(self._used)


def _close(made: list[Http]) -> None:
    while made:
        made.pop().close()


__all__ = [
    "ATTEMPTS", "PATIENCE", "Api", "Call", "Dialect", "Reply", "Site", "parsed", "path_to",
]  # fmt: skip
