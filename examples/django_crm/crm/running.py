"""From a channel's row to a provider, a storage and a policy; and the worker that runs what is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import crmsync
from crmsync import Policy, Progress, Provider
from crmsync.providers.files import CalendarFiles, MailFiles
from crmsync.runtime import Key, Keys, Kind, NotConnected, Ran, Work, run_channels
from crmsync.runtime.sql import Claim, Workspace, Workspaces
from crmsync.runtime.worker import Worker
from django.conf import settings
from django.contrib.auth.models import User
from django.db import close_old_connections, connection
from django.utils import timezone
from sqlalchemy.engine import URL

from .models import Channel
from .storage import OrmStorage


def policy() -> Policy:
    """Return what holds for the whole workspace; its members are the users and their mailboxes."""
    channels = Channel.objects.values_list("addresses", flat=True)
    members = {address for text in channels for address in text.split()}
    members.update(User.objects.exclude(email="").values_list("email", flat=True))
    return Policy.model_validate({**settings.CRM_POLICY, "members": members})


@contextmanager
def provider(channel: Channel) -> Iterator[Provider]:
    """Hold what reads a channel. A real account comes in here: `crmsync.runtime.provider_of`."""
    path, address = Path(channel.source), channel.addresses.split()[0]
    if path.suffix == ".ics":
        yield CalendarFiles(path, address, now=timezone.now, window=channel.settings().window)
    else:
        yield MailFiles(path, address)


def run(
    channels: Iterable[Channel], watch: Callable[[crmsync.Channel], Callable[[Progress], None]] | None = None
) -> Iterator[Ran]:
    """Bring channels up to date, one after another; one that fails stops no other."""
    work = [Work(channel.settings(), partial(provider, channel)) for channel in channels]
    return run_channels(work, OrmStorage(), policy(), watch=watch)


# -- for ever


def hosted() -> Workspaces:
    """Return crmsync's own tables in this CRM's database: what is due, whose it is, how it stands."""
    at = connection.settings_dict
    kind = "postgresql" if connection.vendor == "postgresql" else "sqlite"
    given: dict[str, Any] = {"database": str(at["NAME"])}
    if kind == "postgresql":
        given |= {"username": at["USER"] or None, "password": at["PASSWORD"] or None, "port": at["PORT"] or None}
        given["query"] = {"host": at["HOST"]} if at["HOST"] else {}
    # These accounts have no secrets. Where yours have: `crmsync.runtime.keys_from(os.environ)`.
    return Workspaces(URL.create(kind, **given), Keys(Key.new()))


def workspace(workspaces: Workspaces) -> Workspace:
    """Return this CRM's one workspace, its channels as the users have them now."""
    here = workspaces.get("crm") if "crm" in workspaces.names() else workspaces.make("crm")
    kept = set()
    for row in Channel.objects.all():
        side = Kind.CALENDAR if row.source.endswith(".ics") else Kind.MAIL
        here.channels.save(row.settings(), row.key, side)
        kept.add(row.key)
    for gone in here.channels.load().keys() - kept:
        here.channels.remove(gone)
    return here


def worker(workspaces: Workspaces, at_once: int = 1) -> Worker:
    """Return what runs due channels, into this CRM's tables."""
    return Worker(
        workspaces, at_once=at_once, storage_of=lambda _: OrmStorage(), policy_of=lambda _: policy(), provider_of=_held
    )


@contextmanager
def _held(claim: Claim) -> Iterator[Provider]:
    close_old_connections()  # as Django does for each request; this thread's may be old
    row = Channel.objects.filter(key=claim.channel.key).first()
    if row is None:
        raise NotConnected("the channel was deleted")
    with provider(row) as found:
        yield found
