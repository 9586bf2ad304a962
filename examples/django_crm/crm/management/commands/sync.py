"""`python manage.py sync`: run it every five minutes."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from crmsync import CrmSyncError, Progress
from django.core.management.base import BaseCommand, CommandError

from crm.models import Channel
from crm.running import run


class Command(BaseCommand):
    """Bring every channel up to date, or those that are named."""

    help = "Bring every channel up to date, or those that are named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take channels' keys."""
        parser.add_argument("channels", nargs="*", metavar="CHANNEL", help="a channel's key; all where none is named")

    def handle(self, *_: Any, **options: Any) -> None:
        """Sync one after another; one that fails stops no other."""
        channels = Channel.objects.select_related("owner")
        if keys := set(options["channels"]):
            channels = channels.filter(key__in=keys)
            if unknown := keys - {channel.key for channel in channels}:
                raise CommandError(f"there is no channel {', '.join(sorted(unknown))}")
        failed = 0
        for channel in channels:
            try:
                report = run(channel, self._progress(channel.key))
            except CrmSyncError as error:
                failed += 1
                self.stderr.write(f"{channel.key}: {error}")
            else:
                self.stdout.write(f"{channel.key}: {report}")
        if failed:
            raise CommandError(f"{failed} of {len(channels)} channels failed; the others are up to date")

    def _progress(self, key: str) -> Callable[[Progress], None] | None:
        """Write over one line again and again; nothing where nobody watches."""
        if not self.stdout.isatty():
            return None

        def show(progress: Progress) -> None:
            of = f" of {progress.total}" if progress.total else ""
            self.stdout.write(f"{key}: {progress.done}{of} items of {progress.stream}\x1b[K", ending="\r")
            self.stdout.flush()

        return show
