"""The settings of a mailbox: mail first, then its calendars. Nothing is read before the last of them is saved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from crmsync import Channel, Collection, ContactCreation, CrmSyncError, MeetingContacts, Selection, Visibility
from crmsync.runtime import Changed, Kind, views
from crmsync.runtime.status import Status
from crmsync.stores.reading import Query
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from mailboxes import NO_MAILBOX, Mailbox, mailboxes, opened
from member import Here
from sessions import Session
from web import Form, Sent, go, path_of, show, storage_of, trouble, version_of, workspace_of

router = APIRouter(prefix="/settings/accounts", default_response_class=HTMLResponse, include_in_schema=False)
LOOKING = 8.0
"""Seconds that a look at what a change would do may take on a page."""


@router.get("/mailbox/{name}/{kind}")
def settings(request: Request, here: Here, name: str, kind: Kind) -> Response:
    """Show the settings of one side of a mailbox."""
    one = mailboxes(request, here.member).get(name)
    if one is None or kind not in one.statuses:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    channel = one.statuses[kind].channel
    return page(request, here, one, kind, channel, version_of(channel))


@router.post("/mailbox/{name}/{kind}")
def save(request: Request, here: Here, sent: Sent, name: str, kind: Kind) -> Response:
    """Save them, look what they would do, or ask again where they show everything to everybody."""
    one = mailboxes(request, here.member).get(name)
    status = one.statuses.get(kind) if one else None
    if one is None or status is None:
        return trouble(request, here, 404, "Nothing here", NO_MAILBOX, back="/settings/accounts")
    return saved(request, here, sent, one, status)


def saved(request: Request, here: Session, sent: Form, one: Mailbox, status: Status) -> Response:
    """Save what a form says of a channel, if it is right, meant, and nobody else was quicker."""
    there, kind = status.channel, status.kind
    try:
        wanted = chosen(there, sent, kind, listed(request, one, status)[0])
    except (ValidationError, ValueError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        return page(request, here, one, kind, there, sent["version"], 422, problem=said.removeprefix("Value error, "))
    if sent["do"] == "look":
        return page(request, here, one, kind, wanted, sent["version"], effect=effect(request, one, status, wanted))
    if sent["version"] != version_of(there):
        return changed(request, here, one, kind, wanted, there)
    more = wanted.visibility is Visibility.EVERYTHING and there.visibility is not Visibility.EVERYTHING
    if more and sent["confirmed"] != "yes":
        return confirm(request, here, sent, one, kind)
    try:
        workspace_of(request).save_settings(wanted, shown=there)
    except Changed:
        now = mailboxes(request, here.member)[one.name].statuses[kind].channel
        return changed(request, here, one, kind, wanted, now)
    return after(request, here, one, kind)


def confirm(request: Request, here: Session, sent: Form, one: Mailbox, kind: Kind) -> Response:
    """Ask once more: one click never shows everything to everybody."""
    things = "mail" if kind is Kind.MAIL else "meetings"
    means = views.shown_at(Visibility.EVERYTHING, kind)
    said = [
        f"Everybody in this workspace will see {means} of all {things} in {one.title}: of what is here already, and "
        "of what will come.",
        "One-time codes and resets stay yours alone. You can take it back at any time.",
    ]
    return show(
        request, "confirm", here, title=f"Show all of your {things} to everybody?", said=said, fields=sent.pairs(),
        yes="Show everything", back=request.url.path,
    )  # fmt: skip


def after(request: Request, here: Session, one: Mailbox, kind: Kind) -> Response:
    """Go on to the calendars, or begin."""
    if one.waits and kind is Kind.MAIL and Kind.CALENDAR in one.statuses:
        return go(path_of("settings", "accounts", "mailbox", one.name, "calendar"))
    if one.waits:
        for status in one.statuses.values():
            workspace_of(request).channels.begin(status.channel.key)
        here.say(f"{one.title} is being brought in, the newest first.")
    else:
        here.say("Saved. Who sees how much holds at once; what comes in changes with the next run, in a moment.")
    return go(path_of("settings", "accounts", "mailbox", one.name))


def changed(request: Request, here: Session, one: Mailbox, kind: Kind, wanted: Channel, there: Channel) -> Response:
    """Say that another window was quicker; the form keeps what was chosen here, to be saved over it on purpose."""
    said = (
        "These settings were changed meanwhile, in another window. Nothing of yours was saved. Below is what you "
        "chose: save it again to have it."
    )
    return page(request, here, one, kind, wanted, version_of(there), 409, problem=said)


def page(
    request: Request,
    here: Session,
    one: Mailbox,
    kind: Kind,
    channel: Channel,
    version: str,
    status: int = 200,
    **more: Any,
) -> HTMLResponse:
    """Show the form with these settings in it."""
    standing = one.statuses[kind]
    collections, problem = listed(request, one, standing)
    counts = views.stored_by_collection(storage_of(request), channel.key)
    record = newest(request, here.member, kind, standing)
    policy = workspace_of(request).policy
    known = storage_of(request).find
    return show(
        request, "settings", here, status, mailbox=one, kind=kind, channel=channel, version=version,
        rows=views.collection_rows(collections, channel.selection, counts), unlisted=problem,
        levels=views.level_choices(record, channel.visibility),
        example=record in (views.EXAMPLE_MAIL, views.EXAMPLE_MEETING),
        people=views.contact_lines(record, channel, policy, known=lambda address: known(address) is not None),
        steps=[kind_ for kind_ in Kind if kind_ in one.statuses] if one.waits else [], last=_is_last(one, kind),
        **{"problem": "", "effect": None, **more},
    )  # fmt: skip


def _is_last(one: Mailbox, kind: Kind) -> bool:
    return kind is Kind.CALENDAR or Kind.CALENDAR not in one.statuses


def newest(request: Request, member: str, kind: Kind, status: Status) -> Any:
    """Return the newest record of a channel, whole, to show it at each level; an example before there is one."""
    query = Query(kind="message" if kind is Kind.MAIL else "event")
    for entry in storage_of(request).timeline(member, query, limit=50).entries:
        traces = storage_of(request).why(entry.key)
        if any(trace.stream.partition("/")[0] == status.channel.key for trace in traces):
            return entry.record
    return views.EXAMPLE_MAIL if kind is Kind.MAIL else views.EXAMPLE_MEETING


def listed(request: Request, one: Mailbox, status: Status) -> tuple[Sequence[Collection], str]:
    """Ask the provider for its folders or calendars; where it does not answer, say so, and leave the choice alone."""
    try:
        with opened(request, one, status) as provider:
            return provider.collections(), ""
    except CrmSyncError as error:
        return (), str(error)


def effect(request: Request, one: Mailbox, status: Status, wanted: Channel) -> views.ChangeEffect | str:
    """Look what these settings would bring and take. A first import may be long: then it is "at least"."""
    until = time.monotonic() + LOOKING
    known = storage_of(request).find
    try:
        with opened(request, one, status) as provider:
            return views.what_if(
                provider, storage_of(request), wanted, workspace_of(request).policy,
                known=lambda address: known(address) is not None, stop=lambda: time.monotonic() > until,
            )  # fmt: skip
    except CrmSyncError as error:
        return f"That cannot be told now: {error}."


def chosen(there: Channel, sent: Form, kind: Kind, collections: Sequence[Collection]) -> Channel:
    """Return the settings with what a form says in place of what was there.

    Raises:
        ValidationError, ValueError: a setting is none.

    """
    selection = there.selection
    if collections:
        selection = views.selection_of(sent.every(f"in-{sent['mode']}"), collections, sent["mode"] or "all")
        if selection == Selection(mode="only"):
            raise ValueError("Tick at least one folder or calendar, or choose all.")
    update: dict[str, Any] = {"visibility": Visibility(sent["visibility"]), "selection": selection}
    if kind is Kind.MAIL:
        update |= {
            "contacts": ContactCreation(sent["contacts"]), "consumer_contacts": "consumer_contacts" in sent,
            "group_contacts": "group_contacts" in sent, "group_mail": "group_mail" in sent,
            "start": sent["start"] or None,
        }  # fmt: skip
    else:
        update |= {
            "meeting_contacts": MeetingContacts(sent["meeting_contacts"]),
            "declined_contacts": "declined_contacts" in sent, "largest_meeting": sent["largest_meeting"] or None,
        }  # fmt: skip
    return there.model_copy(update=update)
