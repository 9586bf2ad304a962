"""Microsoft on this machine: the identity platform and Graph on a free port of the loopback interface."""

from __future__ import annotations

import base64
import gzip
import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..web.clock import Clock
from ..web.faults import Faults
from ..web.front import Loopback
from . import calendar_api, directory, folders, mail_api, mail_writing, subscriptions
from .access import allowed
from .account import Account
from .batch import Order, Step, chains, run_steps, steps_of
from .faults import Fault
from .identity import GRAPH_ID, Identity, Token
from .limits import Key, Limits, Throttle
from .permissions import CALENDAR_BASIC, DEFAULT_PERMISSIONS, EVERY_PERMISSION, MAIL_BASIC, MAIL_READ
from .routes import VERSION, Call, Index
from .sign_in import SignIn
from .subscriptions import Notice, Subscriptions
from .wire import Malformed, Problem, Request, Response, answer, stated

ROUTES = Index(
    [
        *directory.ROUTES,
        *mail_api.ROUTES,
        *folders.ROUTES,
        *calendar_api.ROUTES,
        *mail_writing.ROUTES,
        *subscriptions.ROUTES,
    ]
)


class Logged(NamedTuple):
    """One call, as the server saw it."""

    at: float
    name: str
    """As failures name it: `messages.delta`, `identity.token`."""
    user: str
    """Whose data it was about."""
    status: int
    """0: it has no answer."""
    code: str
    """The error's; empty where it went well."""
    batch: int | None
    """Which batch it was in, counted from 1."""
    target: str
    """Path and query."""


class MicrosoftServer(Loopback):
    """Microsoft's servers for one application. Use it as a context manager, or call `start` and `close`.

        with MicrosoftServer() as microsoft:
            me = microsoft.account("me@acme.com")
            me.mailbox.deliver(sender="Ann <ann@client.example>", subject="Hello")

    Graph is at `url + "/v1.0"`, the identity platform at `url + "/{tenant}/oauth2/v2.0/..."`.

    Args:
        clock: seconds since 1970; a `VirtualClock` for tests that must not wait.
        limits: what an application may do.
        latency: seconds that each HTTP request takes, where the clock is virtual.
        seed: for what happens at random: failures by rate, the order in batches.
    """

    def __init__(
        self, *, clock: Clock = time.time, limits: Limits | None = None, latency: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__()
        self.clock = clock
        self.limits = limits or Limits()
        self.latency = latency
        self.faults = Faults[Fault](seed)
        self.batch_order: Order = "shuffled"
        self.log: list[Logged] = []
        """Every call, the inner ones of batches each."""
        self.requests = 0
        """HTTP requests; a batch is one."""
        self.accounts: dict[str, Account] = {}
        self.identity = Identity(clock, self.accounts)
        self.sign_in = SignIn(self.identity)
        self.throttle = Throttle(self.limits)
        self.subscriptions = Subscriptions()
        self.uploads: dict[str, mail_writing.Session] = {}
        self._random = random.Random(seed)  # noqa: S311 - the same order in every run
        self._lock = threading.RLock()
        self._gate = threading.Event()
        self._gate.set()
        self._counting = threading.Lock()
        self._batches = 0

    def account(self, address: str = "me@acme.com", **kwargs: Any) -> Account:
        """Return an account, made where there is none; see `Account` for what it can be."""
        if address not in self.accounts:
            made = Account(address, self.clock, number=len(self.accounts) + 1, **kwargs)
            if not made.personal:
                made.tenant = self.identity.tenant(made.principal.partition("@")[2]).id
            self.accounts[address] = made
        return self.accounts[address]

    def token(self, address: str = "me@acme.com", scopes: Iterable[str] = DEFAULT_PERMISSIONS) -> str:
        """Return an access token without a consent."""
        return self.identity.token(self.account(address).address, scopes)

    def refused(self) -> list[Logged]:
        """Return the calls that a limit refused."""
        return [entry for entry in self.log if entry.code in {"ApplicationThrottled", "TooManyRequests"}]

    def most_in_flight(self, address: str = "me@acme.com") -> int:
        """Return how many requests one application had running for a mailbox at a time, at the most."""
        return max((n for (_, who), n in self.throttle.most_running.items() if who == address), default=0)

    def most_in_window(self, address: str = "me@acme.com") -> int:
        """Return how many requests one application made to a mailbox in any ten minutes, at the most."""
        return max((meter.most for (_, who), meter in self.throttle.requests.items() if who == address), default=0)

    def notices(self) -> list[Notice]:
        """Return what subscriptions have to say since the last time, as it would be posted."""
        with self._lock:
            return self.subscriptions.notices(self)

    def notify(self) -> list[int]:
        """Post what subscriptions have to say, and return how the hosts answered."""
        return [self.subscriptions.posted(notice.url, notice.body)[0] for notice in self.notices()]

    def owner_token(self, account: Account) -> Token:
        """Return an account's own token, for what a URL alone allows."""
        return Token(account.address, self.identity.application.id, account.tenant, EVERY_PERMISSION, self.clock())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let requests wait inside until the block ends: so that several run at a time, without luck."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def in_flight(self, address: str = "me@acme.com") -> int:
        """Return how many requests run for a mailbox now."""
        return sum(n for (_, who), n in self.throttle.running.items() if who == address)

    def basic_only(self, call: Call) -> bool:
        """Tell whether a call may see mail without its content only."""
        return not call.token.scopes & MAIL_READ and bool(call.token.scopes & (MAIL_BASIC | CALENDAR_BASIC))

    # -- answering

    def handle(self, request: Request) -> Response:
        """Answer one HTTP request. It may be called without any HTTP too."""
        key, steps, weight = self._weighed(request)
        with self._counting:
            running = self.throttle.running[key]
            self.throttle.running[key] += weight
            self.throttle.most_running[key] = max(self.throttle.most_running[key], running + weight)
        try:
            self._gate.wait()
            with self._lock:
                self.requests += 1
                sleep = getattr(self.clock, "advance", None)
                if self.latency and sleep:
                    sleep(self.latency)
                response = self._answered(request, steps, running)
        finally:
            with self._counting:
                self.throttle.running[key] -= weight
        if "gzip" in request.headers.get("accept-encoding", "") and len(response.body) > 1_000 and not response.cut:
            response.headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            response.body = gzip.compress(response.body, 1)
        return response

    def _weighed(self, request: Request) -> tuple[Key, list[Step] | Problem | None, int]:
        """Return whose request it is, a batch's steps, and how many connections it takes."""
        token = self.identity.meaning(request.headers.get("authorization", ""))
        application = token.application if token else ""
        if request.path != f"{VERSION}/$batch":
            return (application, self._owner(token, request.path)), None, 1
        try:
            steps = steps_of(request, VERSION)
        except (Problem, Malformed) as wrong:
            return (application, ""), stated(wrong), 1
        owners = [self._owner(token, step.request.path) for step in steps]
        # Taken for the mailbox that most of it is about: the others' calls are counted with it.
        key = application, max(set(owners), key=owners.count)
        return key, steps, min(max(1, self.limits.batch_parallel), len(set(chains(steps).values())))

    def _owner(self, token: Token | None, path: str) -> str:
        found = ROUTES.find("GET", path.removeprefix(VERSION))
        named = found[1].get("owner") if found else None
        account = self.identity.account(named) or self._by_id(named) if named else None
        return account.address if account else (token.address or "" if token else "")

    def _by_id(self, id_: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.id == id_), None)

    def find_account(self, name: str) -> Account | None:
        """Find an account by its id or any of its addresses."""
        return self._by_id(name) or self.identity.account(name)

    def _answered(self, request: Request, steps: list[Step] | Problem | None, running: int) -> Response:
        if request.path.startswith("/upload/"):
            response = mail_writing.uploaded(self, request, request.path.removeprefix("/upload/"))
            self._write("upload", "", response.status, "", None, request.path)
            return response
        if not request.path.startswith(f"{VERSION}/"):
            return self._identity(request)
        if steps is None:
            return self._call(request, None, 0, running) or Response(cut=True)
        self._batches += 1
        number = self._batches
        fault = self.faults.next("batch", request)
        try:
            if isinstance(steps, Problem):
                raise steps
            if self.identity.meaning(request.headers.get("authorization", "")) is None:
                raise self._unauthenticated(None)
            if fault and fault.kind == "error":
                raise fault.problem()
            places: dict[int, int] = {}

            def inner(step: Step, connection: int) -> Response | None:
                place = places.setdefault(connection, len(places)) % max(1, self.limits.batch_parallel)
                return self._call(step.request, number, place, running)

            made = run_steps(steps, inner, self.batch_order, self._random)
        except Problem as problem:
            self._write("batch", "", problem.status, problem.code, number, request.target)
            return problem.response(request, self.clock())
        return (fault.spoilt(made) if fault else made) or Response(cut=True)

    def _identity(self, request: Request) -> Response:
        found = self.sign_in.find(request)
        if found is None:
            self._write("unknown", "", 404, "NotFound", None, request.target)
            return Response(404, {"Content-Type": "text/html"}, b"<title>Not Found</title>")
        name, handler = found
        fault = self.faults.next(name, request)
        if fault and fault.kind == "error":
            failure = fault.problem()
            said = {"error": fault.reason, "error_description": str(failure), "error_codes": []}
            response = answer(said, failure.status)
            response.headers |= failure.headers
        else:
            response = handler()
            response = (fault.spoilt(response) if fault else response) or Response(cut=True)
        self._write(name, "", response.status, "" if response.status < 400 else "refused", None, request.path)
        return response

    def _call(self, request: Request, batch: int | None, place: int, running: int) -> Response | None:
        """Answer one call; None: it has no answer."""
        user, name, fault = "", "unknown", None
        now, code = self.clock(), ""
        try:
            token = self.identity.meaning(request.headers.get("authorization", ""))
            if token is None:
                raise self._unauthenticated(None)
            path = request.path.removeprefix(VERSION)
            found = ROUTES.find(request.method, path)
            if found is None:
                raise _unknown(path)
            route, values = found
            name = route.name
            account, base = allowed(self, route, token, values.pop("owner", None))
            user = account.address
            if token.address in self.identity.challenged and not token.claims:
                raise self._unauthenticated(token)
            self.throttle.limits = self.limits
            self.throttle.count((token.application, user), now, len(request.body), place=place, running=running)
            fault = self.faults.next(name, request)
            if fault and fault.kind == "error" and fault.edit is None:
                raise fault.problem()
            call = Call(self, request, account, token, values, base, now)
            said = route.handler(call)
            if fault and fault.edit and isinstance(said, dict):
                said = fault.edit(said)
            response = said if isinstance(said, Response) else answer(said, 201 if _creates(request, name) else 200)
            if call.prefer.applied:
                response.headers["Preference-Applied"] = ", ".join(call.prefer.applied)
        except (Problem, Malformed) as wrong:
            problem = stated(wrong)
            code, response = problem.code, problem.response(request, now)
        if fault:
            spoilt = fault.spoilt(response)
            if spoilt is not response:
                self._write(name, user, 0, fault.kind, batch, request.target)
                return spoilt
        self._write(name, user, response.status, code, batch, request.target)
        return response

    def _unauthenticated(self, token: Token | None) -> Problem:
        where = (
            f'Bearer realm="", authorization_uri="{self.identity.root}/common/oauth2/authorize", client_id="{GRAPH_ID}"'
        )
        if token is None:
            said = f'{where}, error="invalid_token"'
            message = "Access token has expired or is not yet valid."
            return Problem(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": said})
        claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1767603600"}}}').decode()
        said = f'{where}, error="insufficient_claims", claims="{claims}"'
        message = "Continuous access evaluation resulted in challenge: TokenIssuedBeforeRevocationTimestamp"
        return Problem(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": said})

    def _write(self, name: str, user: str, status: int, code: str, batch: int | None, target: str) -> None:
        self.log.append(Logged(self.clock(), name, user, status, code, batch, target))


def _creates(request: Request, name: str) -> bool:
    return request.method == "POST" and name.endswith((".create", ".createReply", ".move", ".copy"))


def _unknown(path: str) -> Problem:
    if ROUTES.knows(path):
        return Problem(405, "UnknownError", "The HTTP method is not supported for this resource.")
    segment = path.strip("/").rpartition("/")[2]
    return Problem(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
