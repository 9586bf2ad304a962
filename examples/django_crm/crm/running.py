"""One sync of a channel: from its row to a provider, a storage and a policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crmsync import Policy, Progress, Provider, Report, sync
from crmsync.providers.files import CalendarFiles, MailFiles
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from .models import Channel
from .storage import OrmStorage


def policy() -> Policy:
    """Return what holds for the whole workspace; its members are the users and their mailboxes."""
    channels = Channel.objects.values_list("addresses", flat=True)
    members = {address for text in channels for address in text.split()}
    members.update(User.objects.exclude(email="").values_list("email", flat=True))
    return Policy.model_validate({**settings.CRM_POLICY, "members": members})


def provider(channel: Channel) -> Provider:
    """Return what reads a channel. A real account comes in here: IMAP, Google, Microsoft."""
    path, address = Path(channel.source), channel.addresses.split()[0]
    if path.suffix == ".ics":
        return CalendarFiles(path, address, now=timezone.now, window=channel.settings().window)
    return MailFiles(path, address)


def run(channel: Channel, progress: Callable[[Progress], None] | None = None) -> Report:
    """Bring one channel up to date.

    Raises:
        CrmSyncError: it did not go through; `error.report` says how far it came.

    """
    return sync(provider(channel), OrmStorage(), channel.settings(), policy(), progress=progress)
