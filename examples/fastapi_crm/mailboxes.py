"""The accounts page: every mailbox of a member with how it stands, connecting again, leaving, and what was left out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crmsync import CrmSyncError, StaleCursor
from crmsync.engine import coverage
from crmsync.runtime import (
    Account,
    Kind,
    Service,
    begin,
    disconnect,
    provider_of,
    reconnect,
    sends_by,
    service_of,
    views,
)
from crmsync.runtime.status import Status
from crmsync.runtime.vendors import VENDORS, ConsentVendor
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from member import Here
from web import Sent, go, path_of, setup_of, show, storage_of, trouble, workspace_of, workspaces_of
from workspace import provider_of_sample

router = APIRouter(prefix="/settings/accounts", default_response_class=HTMLResponse, include_in_schema=False)
NO_MAILBOX = "You have no such mailbox."
CHECKING = 20.0
"""Seconds that a comparison with the provider may take on a page."""


@dataclass(frozen=True)
class Mailbox:
    """One account of a member, or a sample's file, with its channels."""

    name: str
    account: Account | None
    statuses: dict[Kind, Status]

    @property
    def title(self) -> str:
        """What its owner calls it."""
        if self.account is not None:
            return self.account.address
        return min(next(iter(self.statuses.values())).channel.addresses)

    @property
    def waits(self) -> bool:
        """Whether its settings wait for its owner, and nothing is read yet."""
        return any(one.plan.waits for one in self.statuses.values())

    @property
    def vendor(self) -> str:
        """Whose service it is, in words."""
        if self.account is None:
            return "Sample files"
        return " and ".join(dict.fromkeys(VENDORS[login.service].title for login in self.account.logins))

    @property
    def consent(self) -> Service | None:
        """The service by whose consent it is connected."""
        services = [login.service for login in self.account.logins] if self.account else []
        return next((one for one in services if isinstance(VENDORS[one], ConsentVendor)), None)

    @property
    def lacks(self) -> list[str]:
        """What is not connected of it, though its service offers it."""
        if self.account is None or self.consent is None:
            return []
        lacking = [kind.value for kind in Kind if service_of(self.account, kind) is None]
        return lacking + (["sending"] if sends_by(self.account) is None else [])


def mailboxes(request: Request, member: str) -> dict[str, Mailbox]:
    """Return a member's mailboxes by name: nobody else's is among them, whatever is asked for."""
    workspace = workspace_of(request)
    accounts, found = workspace.accounts.load(), {}
    mine = [one for one in workspace.channels.load().values() if one.channel.owner == member]
    for name in sorted({one.account for one in mine}):
        statuses = {one.kind: one for one in mine if one.account == name}
        found[name] = Mailbox(name, accounts.get(name), statuses)
    return found


def cards(mailbox: Mailbox) -> list[views.StatusCard]:
    """Return how a mailbox's channels stand, mail first."""
    return [views.status_card(mailbox.statuses[kind], time.time()) for kind in Kind if kind in mailbox.statuses]


@router.get("")
def accounts(request: Request, here: Here) -> HTMLResponse:
    """Show all mailboxes of the member."""
    found = [(one, cards(one)) for one in mailboxes(request, here.member).values()]
    busy = any(card.running or card.word == "new" for one, all_ in found for card in all_ if not one.waits)
    return show(request, "accounts", here, mailboxes=found, refresh=3 if busy else 0)


@router.get("/mailbox/{name}")
def mailbox(request: Request, here: Here, name: str) -> Response:
    """Show one mailbox: how it stands, what its runs did, what was left out and why."""
    one = mailboxes(request, here.member).get(name)
    if one is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    storage, workspace = storage_of(request), workspace_of(request)
    details = []
    for card in cards(one):
        reasons = views.reason_lines(views.reasons_of(storage, card.channel), card.kind)
        runs = workspaces_of(request).history.runs(workspace.id, card.channel, limit=8)
        covered = request.app.state.coverage.get(card.channel)
        details.append({
            "card": card, "reasons": reasons, "runs": [views.run_line(run) for run in runs],
            "coverage": views.coverage_card(covered, card.kind) if covered else None,
            "status": one.statuses[card.kind],
        })  # fmt: skip
    busy = any(card.running for card in cards(one))
    return show(request, "mailbox", here, mailbox=one, details=details, refresh=3 if busy else 0)


# -- what a button does


@router.post("/mailbox/{name}/run")
def run(request: Request, here: Here, sent: Sent, name: str) -> Response:
    """Look now, or let what the brake held back be removed."""
    one = mailboxes(request, here.member).get(name)
    status = next((s for s in one.statuses.values() if s.channel.key == sent["channel"]), None) if one else None
    if status is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    removing = sent["action"] == views.Action.ALLOW_REMOVAL
    if removing and sent["confirmed"] != "yes":
        return show(
            request, "confirm", here, title="Remove them here too?", yes="Remove them", fields=sent.pairs(),
            back=path_of("settings", "accounts", "mailbox", name),
            said=[
                views.status_card(status, time.time()).error,
                "Look in the mailbox itself first: if they are there, do nothing, and it goes on by itself.",
            ],
        )  # fmt: skip
    workspace_of(request).channels.wake(status.channel.key, allow_removal=removing)
    here.say("It looks in a moment.")
    return go(path_of("settings", "accounts", "mailbox", name))


@router.post("/mailbox/{name}/check")
def check(request: Request, here: Here, sent: Sent, name: str) -> Response:
    """Compare what the provider has with what was decided; nothing is changed."""
    one = mailboxes(request, here.member).get(name)
    status = next((s for s in one.statuses.values() if s.channel.key == sent["channel"]), None) if one else None
    if one is None or status is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    until = time.monotonic() + CHECKING
    try:
        with opened(request, one, status) as provider:
            found = coverage(
                provider, storage_of(request), status.channel, workspace_of(request).policy,
                at=datetime.now(UTC), heal=False, stop=lambda: time.monotonic() > until,
            )  # fmt: skip
        request.app.state.coverage[status.channel.key] = found
    except CrmSyncError as error:
        here.say(f"It could not be compared: {error}.", bad=True)
    return go(path_of("settings", "accounts", "mailbox", name))


def opened(request: Request, one: Mailbox, status: Status) -> Any:
    """Hold what reads a channel, for a page."""
    from contextlib import nullcontext  # noqa: PLC0415 - only samples need it

    sample = setup_of(request).samples.get(status.channel.key)
    if sample is not None:
        return nullcontext(provider_of_sample(sample))
    connections = workspace_of(request).connections
    account = one.account or Account(name=one.name, address="gone@example.com")
    return provider_of(connections, account, status.kind, window=status.channel.window, zone=status.zone)


# -- connecting again


@router.get("/mailbox/{name}/reconnect")
def again(request: Request, here: Here, name: str) -> Response:
    """Ask for the new password, or send to the vendor's page."""
    one = mailboxes(request, here.member).get(name)
    if one is None or one.account is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    return show(request, "reconnect", here, mailbox=one, tests=(), vendor=one.consent and VENDORS[one.consent].title)


@router.post("/mailbox/{name}/reconnect")
def reconnected(request: Request, here: Here, sent: Sent, name: str) -> Response:
    """Connect the same mailbox again: its settings and all that it brought stay as they are."""
    one = mailboxes(request, here.member).get(name)
    if one is None or one.account is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    workspace = workspace_of(request)
    if one.consent is not None:
        from connecting import FEATURES, callback_of, leave  # noqa: PLC0415 - they import each other

        begun = begin(
            workspace.connections, one.consent, FEATURES, redirect_uri=callback_of(request, one.consent),
            address=one.account.address,
        )  # fmt: skip
        return leave(request, here, begun)
    done = reconnect(workspace.connections, one.name, sent.secret("password"))
    if any(test.error for test in done.tests):
        return show(request, "reconnect", here, 422, mailbox=one, tests=done.tests, vendor=None)
    wake(request, one)
    here.say(f"{one.title} is connected again.")
    return go("/settings/accounts")


def wake(request: Request, one: Mailbox) -> None:
    """Let what is begun go on."""
    for status in one.statuses.values():
        workspace_of(request).channels.wake(status.channel.key)


# -- leaving


@router.get("/mailbox/{name}/disconnect")
def leaving(request: Request, here: Here, name: str) -> Response:
    """Show the two ways to leave, with what each means here."""
    one = mailboxes(request, here.member).get(name)
    if one is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    storage = storage_of(request)
    stored = sum(
        views.reasons_of(storage, status.channel.key).get("stored/accepted", 0) for status in one.statuses.values()
    )
    return show(request, "disconnect", here, mailbox=one, stored=stored)


@router.post("/mailbox/{name}/disconnect")
def left(request: Request, here: Here, sent: Sent, name: str) -> Response:
    """Leave: keep what came in, or remove what no other mailbox holds."""
    one = mailboxes(request, here.member).get(name)
    if one is None or one.account is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    if sent["how"] not in ("keep", "remove"):
        here.say("Choose what is to become of the mail that is here.", bad=True)
        return go(path_of("settings", "accounts", "mailbox", name, "disconnect"))
    workspace = workspace_of(request)
    statuses = list(one.statuses.values())
    try:
        receipt = disconnect(
            workspace.connections, one.account, workspace.storage, [status.channel for status in statuses],
            remove=sent["how"] == "remove", policy=workspace.policy,
            watching={status.kind: status.watching for status in statuses},
        )  # fmt: skip
    except StaleCursor:
        here.say("A run was under way. Disconnect it once more.", bad=True)
        return go("/settings/accounts")
    for status in statuses:
        workspace.channels.remove(status.channel.key)
    return show(request, "left", here, mailbox=one, receipt=receipt)
