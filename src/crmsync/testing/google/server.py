"""Google on this machine: OAuth, Gmail and Calendar on a free port of the loopback interface."""

from __future__ import annotations

import gzip
import random
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple

from ..web.clock import Clock
from ..web.faults import Faults
from ..web.front import Loopback
from . import calendar_api, gmail
from .account import Account
from .batch import Order, run_batch
from .faults import Fault
from .mailbox import Mailbox, Notification
from .oauth import OAuth, Token
from .pubsub import pubsub_request
from .quotas import Meter, Quotas, over_limit
from .routes import COMMON, Call, Route, find, pick
from .scopes import AUTH, MAIL
from .wire import Malformed, Problem, Request, Response, answer, invalid, not_found, stated

DEFAULT_SCOPES = frozenset({f"{AUTH}gmail.readonly", f"{AUTH}calendar.readonly"})
EVERY_SCOPE = frozenset({MAIL, f"{AUTH}calendar"})


class Logged(NamedTuple):
    """One call, as the server saw it."""

    at: float
    name: str
    user: str
    status: int
    reason: str
    """The error's; empty where it went well."""
    units: int
    """What it was charged."""
    batch: int | None
    """Which batch it was in, counted from 1."""
    target: str
    """Path and query."""


class GoogleServer(Loopback):
    """Google's servers for one project. Use it as a context manager, or call `start` and `close`.

        with GoogleServer() as google:
            me = google.account("me@acme.com")
            me.mailbox.deliver(sender="Ann <ann@client.example>", subject="Hello")
            me.calendar.put(summary="Lunch", start=..., attendees=["ann@client.example"])

    Args:
        clock: seconds since 1970; a `VirtualClock` for tests that must not wait.
        quotas: the project's limits and prices.
        latency: seconds that each HTTP request takes, where the clock is virtual.
        seed: for what happens at random: failures by rate, the order in batches.
    """

    def __init__(
        self, *, clock: Clock = time.time, quotas: Quotas | None = None, latency: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__()
        self.clock = clock
        self.quotas = quotas or Quotas()
        self.latency = latency
        self.faults = Faults[Fault](seed)
        self.batch_order: Order = "shuffled"
        self.log: list[Logged] = []
        """Every call, the inner ones of batches each."""
        self.requests = 0
        """HTTP requests; a batch is one."""
        self.accounts: dict[str, Account] = {}
        self.oauth = OAuth(clock, lambda: self.url)
        self._meters: dict[tuple[str, str], Meter] = {}
        self._random = random.Random(seed)  # noqa: S311 - the same order in every run
        self._lock = threading.RLock()
        self._batches = 0
        self._blocked: dict[str, float] = {}

    def account(self, address: str = "me@acme.com", *, keeps_message_id: bool = True) -> Account:
        """Return an account, made where there is none."""
        if address not in self.accounts:
            self.accounts[address] = Account(
                address,
                self.clock,
                self._mailbox,
                number=len(self.accounts) + 1,
                keeps_message_id=keeps_message_id,
            )
            self.oauth.addresses.append(address)
        return self.accounts[address]

    def token(self, address: str = "me@acme.com", scopes: Iterable[str] = DEFAULT_SCOPES) -> str:
        """Return an access token without a consent."""
        return self.oauth.token(self.account(address).address, frozenset(scopes))

    @property
    def units(self) -> int:
        """Units charged so far, all together."""
        return sum(entry.units for entry in self.log)

    def block(self, address: str, seconds: float = 900.0) -> None:
        """Refuse one user's calls for a while, as Gmail does who asks too much; the text alone says until when."""
        self._blocked[address] = self.clock() + seconds

    def refused(self) -> list[Logged]:
        """Return the calls that a limit refused."""
        limits = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
        return [entry for entry in self.log if entry.reason in limits]

    def publish(self, notification: Notification, *, audience: str, account: str) -> tuple[dict[str, str], bytes]:
        """Return the request, headers and body, in which Pub/Sub hands a notification to a host's endpoint.

        `account` is the service account that the subscription authenticates as. It is signed by `oauth.key`, whose
        certificate is at `/oauth2/v1/certs`.
        """
        return pubsub_request(notification, self.oauth.key, self.clock(), audience=audience, account=account)

    def _mailbox(self, address: str) -> Mailbox | None:
        for account in self.accounts.values():
            if address == account.address or address in account.mailbox.aliases:
                return account.mailbox
        return None

    # -- answering

    def handle(self, request: Request) -> Response:
        """Answer one HTTP request. It may be called without any HTTP too."""
        with self._lock:
            self.requests += 1
            sleep = getattr(self.clock, "advance", None)
            if self.latency and sleep:
                sleep(self.latency)
            response = self._answered(request)
        response.headers["Date"] = format_datetime(datetime.fromtimestamp(self.clock(), UTC), usegmt=True)
        wants = request.headers.get("accept-encoding", ""), request.headers.get("user-agent", "")
        if all("gzip" in said for said in wants) and len(response.body) > 1_000 and not response.cut:
            response.headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            response.body = gzip.compress(response.body, 1)
        return response

    def _answered(self, request: Request) -> Response:
        path = request.path
        if path in {"/batch", "/batch/gmail/v1", "/batch/calendar/v3"}:
            return self._batch(request)
        plain = {
            ("GET", "/o/oauth2/v2/auth"): ("oauth2.authorize", self.oauth.authorize),
            ("GET", "/o/oauth2/auth"): ("oauth2.authorize", self.oauth.authorize),
            ("POST", "/token"): ("oauth2.token", self.oauth.exchange),
            ("POST", "/revoke"): ("oauth2.revoke", self.oauth.revoke),
            ("GET", "/tokeninfo"): ("oauth2.tokeninfo", self.oauth.token_info),
            ("GET", "/oauth2/v3/userinfo"): ("oauth2.userinfo", self.oauth.user_info),
            ("GET", "/oauth2/v1/certs"): (
                "oauth2.certs", lambda _: answer({self.oauth.key.name: self.oauth.key.certificate}),
            ),
        }.get((request.method, path))  # fmt: skip
        if plain is None:
            response = self._call(request, None, 0)
            return response or Response(cut=True)
        name, handler = plain
        fault = self.faults.next(name, request)
        if fault:
            failure = fault.problem()
            said = answer({"error": fault.reason, "error_description": str(failure)}, failure.status)
            said.headers |= {"Retry-After": f"{fault.retry_after}"} if fault.retry_after is not None else {}
            response = fault.spoilt(said) or Response(cut=True)
        else:
            response = handler(request)
        self._write(name, "", response.status, "" if response.status < 400 else "refused", 0, None, path)
        return response

    def _batch(self, request: Request) -> Response:
        self._batches += 1
        number = self._batches
        fault = self.faults.next("batch", request)
        try:
            if fault and fault.kind == "error":
                raise fault.problem()
            made = run_batch(
                request, lambda inner, place: self._call(inner, number, place), self.batch_order, self._random
            )
        except (Problem, Malformed) as wrong:
            problem = stated(wrong)
            made = problem.response()
            self._write("batch", "", made.status, problem.reason, 0, number, request.target)
            return made
        return (fault.spoilt(made) if fault else made) or Response(cut=True)

    def _call(self, request: Request, batch: int | None, place: int) -> Response | None:
        """Answer one call; None: it has no answer."""
        user, name, units, fault = "", "unknown", 0, None
        status, reason = 200, ""
        now = self.clock()
        try:
            found = find(gmail.ROUTES + calendar_api.ROUTES, request)
            if found is None:
                if not request.path.startswith(("/gmail/v1/", "/upload/gmail/v1/", "/calendar/v3/")):
                    raise not_found(f"The requested URL {request.path} was not found on this server.")
                said = f"the loopback server does not have {request.method} {request.path}"
                raise Problem(501, "notImplemented", said)  # so that no test passes by luck
            route, values = found
            name = route.name
            token = self.oauth.meaning(request)
            if token is None:
                raise _unauthenticated()
            user = token.address
            account = self._allowed(route, token, values, request)
            fault = self.faults.next(name, request)
            if fault is None or fault.costs:
                units = self._charge(name, user, now, place)
            if fault and fault.kind == "error" and fault.edit is None:
                raise fault.problem()
            value = route.handler(Call(request, account, values, now, token.scopes))
            if fault and fault.edit and value is not None:
                value = fault.edit(value)
            response = answer(pick(value, request.one("fields")) if value is not None else None)  # type: ignore[arg-type]  # a cut object is an object
        except (Problem, Malformed) as wrong:
            problem = stated(wrong)
            response = problem.response()
            status, reason = problem.status, problem.reason
        if fault:
            spoilt = fault.spoilt(response)
            status, reason = (status, reason) if spoilt is response else (0, fault.kind)
            self._write(name, user, status, reason, units, batch, request.target)
            return spoilt
        self._write(name, user, response.status, reason, units, batch, request.target)
        return response

    def _allowed(self, route: Route, token: Token, values: dict[str, str], request: Request) -> Account:
        account = self.accounts.get(token.address)
        if account is None:
            raise Problem(400, "failedPrecondition", "Mail service not enabled", status_name="FAILED_PRECONDITION")
        if not token.scopes & route.scopes:
            raise _insufficient(route.scopes)
        if values.get("userId", "me") not in {"me", token.address}:
            raise Problem(403, "forbidden", f"Delegation denied for {token.address}")
        unknown = request.query.keys() - route.parameters - COMMON
        if unknown:
            raise invalid(f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot bind query parameter.')
        return account

    def _charge(self, name: str, user: str, now: float, place: int) -> int:
        service = name.partition(".")[0]
        if now < (until := self._blocked.get(user, 0.0)) and service == "gmail":
            moment = datetime.fromtimestamp(until, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            raise Problem(429, "rateLimitExceeded", f"User-rate limit exceeded.  Retry after {moment}")
        units, limits = self.quotas.units(name), self.quotas.limits(name)
        at = datetime.fromtimestamp(now + 60, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = {"service": service, "at": at, "retry_after": self.quotas.retry_after}
        if self.quotas.concurrent is not None and place >= self.quotas.concurrent:
            raise over_limit("429 rate", limit="", **said)  # type: ignore[arg-type]  # texts and a number
        whose = [(service, user), (service, "")]
        meters = [self._meters.setdefault(key, Meter()) for key in whose]
        for meter, limit, words in zip(meters, limits, ("per minute per user", "per minute"), strict=True):
            if limit is not None and meter.used(now) + units > limit:
                raise over_limit(self.quotas.form, limit=f"Queries {words}", **said)  # type: ignore[arg-type]  # texts and a number
        for meter in meters:
            meter.take(now, units)
        return units

    def _write(
        self, name: str, user: str, status: int, reason: str, units: int, batch: int | None, target: str
    ) -> None:
        self.log.append(Logged(self.clock(), name, user, status, reason, units, batch, target))


def _unauthenticated() -> Problem:
    said = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    return Problem(
        401,
        "authError",
        said + "authentication credential.",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
        location="Authorization",
        locationType="header",
    )


def _insufficient(scopes: frozenset[str]) -> Problem:
    said = (
        f'Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="{" ".join(sorted(scopes))}"'
    )
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com",
        "metadata": {"service": "gmail.googleapis.com"},
    }
    return Problem(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        headers={"WWW-Authenticate": said},
        details=[detail],
    )
