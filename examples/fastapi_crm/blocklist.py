"""Whom nothing comes in from: a member's own list, and the workspace's for its administrator."""

from __future__ import annotations

from crmsync import Channel
from crmsync.runtime import Kind, views
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from mailboxes import mailboxes
from member import Here, person
from settings import effect
from web import Sent, go, show, storage_of, trouble, workspace_of

router = APIRouter(prefix="/settings/blocklist", default_response_class=HTMLResponse, include_in_schema=False)


def mine(request: Request, member: str) -> list[Channel]:
    """Return a member's channels: an entry holds for all of them."""
    every = mailboxes(request, member).values()
    return [one.statuses[kind].channel for one in every for kind in Kind if kind in one.statuses]


@router.get("")
def blocklist(request: Request, here: Here, entry: str = "") -> Response:
    """Show the lists; and what an entry means, before it is added."""
    channels, policy = mine(request, here.member), workspace_of(request).policy
    entries = sorted(frozenset().union(*(channel.blocked for channel in channels)))
    meaning, problem, would = None, "", []
    if entry and channels:
        people = storage_of(request).people(here.member, name=entry.strip("@*. "), limit=100).entries
        addresses = [address for one in people for address in one.addresses]
        try:
            meaning = views.entry_meaning(entry, channels[0], policy, addresses)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        else:
            would = effects(request, here.member, meaning.entry)
    return show(
        request, "blocklist", here, 422 if problem else 200, entries=entries, shared=sorted(policy.blocked),
        entry=entry, meaning=meaning, problem=problem, would=would, admin=person(request, here.member).admin,
        channels=channels,
    )  # fmt: skip


def effects(request: Request, member: str, entry: str) -> list[tuple[str, views.ChangeEffect | str]]:
    """Look what an entry would take from each of a member's channels that has begun."""
    found = []
    for one in mailboxes(request, member).values():
        for kind, status in one.statuses.items():
            if not status.plan.waits:
                wanted = status.channel.model_copy(update={"blocked": {*status.channel.blocked, entry}})
                found.append((f"{one.title}, {kind.value}", effect(request, one, status, wanted)))
    return found


@router.post("")
def change(request: Request, here: Here, sent: Sent) -> Response:
    """Add an entry, or take one away; for everybody, where the administrator says so."""
    workspace = workspace_of(request)
    channels = mine(request, here.member)
    everybody = sent["for"] == "everybody"
    if everybody and not person(request, here.member).admin:
        return trouble(request, here, 403, "Not yours to change", "The workspace's list is its administrator's.")
    policy = workspace.policy
    try:
        entry = views.entry_meaning(sent["entry"], channels[0], policy).entry if channels else ""
    except ValidationError:
        return go("/settings/blocklist")
    adding = sent["do"] == "add"

    def changed(before: frozenset[str]) -> frozenset[str]:
        return before | {entry} if adding else before - {entry}

    if everybody:
        workspace.save_policy(policy.model_copy(update={"blocked": changed(frozenset(policy.blocked))}))
    else:
        for channel in channels:
            workspace.save_settings(channel.model_copy(update={"blocked": changed(frozenset(channel.blocked))}))
    done = "blocked" if adding else "let in again"
    here.say(f"{entry} is {done}. What is here follows with the next run, in a moment.")
    return go("/settings/blocklist")
