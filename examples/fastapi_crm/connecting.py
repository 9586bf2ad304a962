"""Add account: by consent at Google or Microsoft, or by password at any other provider, found from the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmsync import CrmSyncError, NeedsAdmin, NotAuthorized, SourceError, Visibility
from crmsync.providers.network.access import Security, Server
from crmsync.runtime import (
    Account,
    AliasConnected,
    Begun,
    Kind,
    Mismatch,
    Service,
    ask_admin,
    begin,
    connect,
    finish,
    service_of,
)
from crmsync.runtime.vendors import VENDORS
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from mailboxes import mailboxes, wake
from member import Here, SignIn, person
from sessions import COOKIE, Session
from web import Form, Sent, go, path_of, setup_of, show, trouble, workspace_of

router = APIRouter(prefix="/settings/accounts", default_response_class=HTMLResponse, include_in_schema=False)
FEATURES = ("mail", "calendar", "send")
ADD = "/settings/accounts/add"
PARTS = {Service.IMAP: "Mail", Service.SMTP: "Sending", Service.CALDAV: "Calendars"}
_PORTS = {Service.IMAP: 993, Service.SMTP: 465, Service.CALDAV: 443}


def callback_of(request: Request, service: Service) -> str:
    """Return where a vendor sends people back to, as it is registered there."""
    return f"{setup_of(request).base}/settings/accounts/callback/{service.value}"


@router.get("/add")
def add(request: Request, here: Here) -> HTMLResponse:
    """Show the tiles."""
    able = set(setup_of(request).clients)
    return show(
        request, "add", here, google=Service.GOOGLE in able, microsoft=Service.MICROSOFT in able, error="", address=""
    )


# -- by consent


@router.post("/add/{service}")
def consent(request: Request, here: Here, _: Sent, service: Service) -> Response:
    """Begin a connection, and send the person to their vendor's page."""
    if service not in setup_of(request).clients:
        return trouble(request, here, 404, "Not offered", "This CRM does not offer that.", back=ADD)
    begun = begin(
        workspace_of(request).connections, service, FEATURES, redirect_uri=callback_of(request, service)
    )  # fmt: skip
    return leave(request, here, begun)


def leave(request: Request, here: Session, begun: Begun) -> Response:
    """Keep what proves that the answer is theirs, and lead to the vendor's page.

    By a page of ours that goes on by itself: a form may lead to this site only, also by way of a redirect (CSP).
    """
    request.app.state.sessions.begun(here, begun.state, begun.model_dump_json())
    return show(request, "leaving", here, url=begun.url, vendor=VENDORS[begun.service].title)


@router.get("/callback/{service}")
def callback(request: Request, service: Service, state: str = "", admin_consent: str = "") -> Response:
    """Take the vendor's answer: once, in time, in the session that asked."""
    here: Session | None = request.app.state.sessions.get(request.cookies.get(COOKIE))
    if admin_consent:
        # An administrator who has agreed for everybody, and is nobody here: it is said, and nothing follows from it.
        return show(request, "approved", here)
    if here is None:
        raise SignIn(request)
    if state in here.finished:  # the same answer again: a reload, or the back button
        return go(next_page(request, here, here.finished[state]))
    kept = request.app.state.sessions.taken(here, state)
    begun = Begun.model_validate_json(kept) if kept is not None else None
    if begun is None or begun.service is not service:
        return trouble(
            request, here, 400, "This answer does not fit",
            "It belongs to no connection that you began here, or it took longer than a quarter of an hour. Nothing was "
            "connected, and nothing was changed.", back=ADD,
        )  # fmt: skip
    try:
        done = finish(workspace_of(request).connections, begun, str(request.url))
    except (SourceError, AliasConnected) as error:
        return failed(request, here, begun, error)
    here.finished[state] = done.account.name
    if done.missing:
        names = " and ".join(sorted(done.missing))
        here.say(f"You left out {names}. The rest works; connect again and tick all boxes to add it.", bad=True)
    return connected(request, here, done.account)


def failed(request: Request, here: Session, begun: Begun, error: CrmSyncError) -> Response:
    """Say why nothing was connected, and what can be done."""
    if isinstance(error, NeedsAdmin):
        return administrator(request, here, begun, str(error))
    title, status, more = "Not connected", 400, ""
    if isinstance(error, AliasConnected):
        title, status, more = "That is an alias", 409, "There is nothing to do."
    elif not isinstance(error, NotAuthorized):
        title, status = f"{VENDORS[begun.service].title} cannot be reached now", 503
        more = "Nothing was connected. Try it again later."
    return trouble(request, here, status, title, _sentence(error), more, back=ADD)


def administrator(request: Request, here: Session, begun: Begun, error: str) -> Response:
    """Say that an administrator has to agree, with a text to forward."""
    letter = ask_admin(
        workspace_of(request).connections, begun.service, FEATURES, redirect_uri=begun.consent.redirect_uri,
        state="approved",
    )  # fmt: skip
    return show(request, "administrator", here, 403, letter=letter, error=error, vendor=VENDORS[begun.service].title)


def connected(request: Request, here: Session, account: Account) -> Response:
    """Make the account's channels, which wait for their settings; lead to those of what is new."""
    channels = workspace_of(request).channels
    known = {one.channel.owner for one in channels.load().values() if one.account == account.name}
    if known - {here.member}:
        return trouble(
            request, here, 409, "Connected already", f"{' and '.join(sorted(known))} connected this mailbox before. It "
            "stays theirs, and they choose who sees it.", back="/settings/accounts",
        )  # fmt: skip
    for kind in Kind:
        if service_of(account, kind) is not None:
            channels.add(
                account, kind, owner=here.member, visibility=Visibility.METADATA, begins=False,
                zone=person(request, here.member).zone,
            )  # fmt: skip
    mailbox = mailboxes(request, here.member)[account.name]
    if known and not mailbox.waits:
        wake(request, mailbox)
        here.say(f"{account.address} is connected again.")
    return go(next_page(request, here, account.name))


def next_page(request: Request, here: Session, name: str) -> str:
    """Return where it goes on with an account: its settings, as long as they wait."""
    found = mailboxes(request, here.member).get(name)
    if found is None or not found.waits:
        return "/settings/accounts"
    first = next(kind for kind in Kind if kind in found.statuses and found.statuses[kind].plan.waits)
    return path_of("settings", "accounts", "mailbox", name, first.value)


# -- by password


@router.post("/other")
def find(request: Request, here: Here, sent: Sent) -> Response:
    """Find an address's servers, and ask for the password; or lead to the consent that its provider wants."""
    setup, address = setup_of(request), sent["address"]
    try:
        Account(name="x", address=address)
    except ValidationError as error:
        able = set(setup.clients)
        return show(
            request, "add", here, 422, google=Service.GOOGLE in able, microsoft=Service.MICROSOFT in able,
            error=_first(error), address=address,
        )  # fmt: skip
    found = setup.find(address, list(PARTS))
    consent = found.consent if found.consent in setup.clients else None
    servers = {service: [one.server for one in candidates] for service, candidates in found.servers.items()}
    return show(
        request, "password", here, address=address, servers=_rows(servers, address), tests=(), advice=found.advice,
        provider=found.provider.name if found.provider else "", takes_password=found.takes_password,
        consent=consent, vendor=VENDORS[consent].title if consent else "",
    )  # fmt: skip


@router.post("/password")
def by_password(request: Request, here: Here, sent: Sent) -> Response:
    """Test each part; save what works, and say of the rest why it does not, in a sentence each."""
    address, workspace = sent["address"], workspace_of(request)
    tests: Sequence[object] = ()
    problem = ""
    servers: dict[Service, Sequence[Server]] = {}
    try:
        servers = _typed(request, sent, address)
        owners = {one.channel.owner for one in workspace.channels.load().values() if one.account == address.lower()}
        if owners - {here.member}:
            problem = f"{' and '.join(sorted(owners))} connected this mailbox before. It stays theirs."
        elif not any(servers.values()):
            problem = "Tick at least one part."
        else:
            done = connect(workspace.connections, address, servers, sent.secret("password"))
            reads = done.account is not None and any(service_of(done.account, kind) for kind in Kind)
            if done.account is not None and done.saved and reads and (not _failed(done.tests) or "anyway" in sent):
                for test in done.tests:
                    if test.error:
                        here.say(f"{PARTS[test.service]} is not connected: {_sentence(test.error)}", bad=True)
                return connected(request, here, done.account)
            tests = done.tests
    except ValidationError as error:
        problem = _first(error)
    except (AliasConnected, Mismatch) as error:
        problem = _sentence(error)
    return show(
        request, "password", here, 422, address=address, servers=_rows(servers, address, sent), tests=tests,
        problem=problem, advice="", provider="", takes_password=True, consent=None, vendor="",
        some=any(getattr(test, "error", None) is None for test in tests) if tests else False,
    )  # fmt: skip


def _failed(tests: Sequence[object]) -> bool:
    return any(getattr(test, "error", None) is not None for test in tests)


def _typed(request: Request, sent: Form, address: str) -> dict[Service, Sequence[Server]]:
    """Read the servers as they stand in the form: what was found, or what a person has put right.

    Raises:
        ValidationError: one is none; the message says what to type instead.

    """
    known = setup_of(request).find(address, list(PARTS)).servers if "found" in sent else {}
    servers: dict[Service, Sequence[Server]] = {}
    for service in PARTS:
        if f"{service.value}" not in sent:
            continue
        host, port, user = (sent[f"{service.value}-{name}"] for name in ("host", "port", "user"))
        found = [one.server for one in known.get(service, ()) if one.server.host == host]
        if found and (str(found[0].port), found[0].username) == (port, user):
            servers[service] = found  # with what its provider says of it: other names to log in with, certificates
            continue
        typed = {
            "host": host, "port": port or _PORTS[service], "username": user or address,
            "security": sent[f"{service.value}-security"] or Security.TLS,
            "allow_internal": setup_of(request).allow_internal,
        }  # fmt: skip
        servers[service] = [Server.model_validate(typed)] if host else []
    return servers


def _rows(
    servers: Mapping[Service, Sequence[Server]], address: str, sent: Form | None = None
) -> list[dict[str, object]]:
    """Return what the form shows of each part: what was found, or what was typed."""
    rows = []
    for service, title in PARTS.items():
        first = next(iter(servers.get(service, ())), None)
        said = {name: sent[f"{service.value}-{name}"] if sent else "" for name in ("host", "port", "user", "security")}
        rows.append({
            "name": service.value, "title": title, "ticked": service.value in sent if sent else first is not None,
            "host": said["host"] or (first.host if first else ""),
            "port": said["port"] or (first.port if first else _PORTS[service]),
            "user": said["user"] or (first.username if first else address),
            "security": said["security"] or (first.security.value if first else "tls"),
        })  # fmt: skip
    return rows


def _sentence(error: Exception) -> str:
    said = str(error)
    return said[:1].upper() + said[1:] + ("" if said.endswith(".") else ".")


def _first(error: ValidationError) -> str:
    said = error.errors(include_url=False, include_input=False)[0]["msg"]
    return said.removeprefix("Value error, ")
