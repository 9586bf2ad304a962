"""`python manage.py sync`: all of it once; `run` does it for ever."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from crmsync import Channel, Progress
from django.core.management.base import BaseCommand, CommandError

from crm import models
from crm.running import run


class Command(BaseCommand):
    """Bring every channel up to date, or those that are named."""

    help = "Bring every channel up to date, or those that are named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take channels' keys."""
        parser.add_argument("channels", nargs="*", metavar="CHANNEL", help="a channel's key; all where none is named")

    def handle(self, *_: Any, **options: Any) -> None:
        """Sync one after another; one that fails stops no other."""
        channels = models.Channel.objects.select_related("owner")
        if keys := set(options["channels"]):
            channels = channels.filter(key__in=keys)
            if unknown := keys - {channel.key for channel in channels}:
                raise CommandError(f"there is no channel {', '.join(sorted(unknown))}")
        failed = 0
        for ran in run(channels, self._progress if self.stdout.isatty() else None):
            if ran.error is not None:
                failed += 1
                self.stderr.write(f"{ran.channel.key}: {ran.error}")
            else:
                self.stdout.write(f"{ran.channel.key}: {ran.report}")
        if failed:
            raise CommandError(f"{failed} of {len(channels)} channels failed; the others are up to date")

    def _progress(self, channel: Channel) -> Callable[[Progress], None]:
        """Write over one line again and again."""

        def show(progress: Progress) -> None:
            of = f" of {progress.total}" if progress.total else ""
            self.stdout.write(f"{channel.key}: {progress.done}{of} items of {progress.stream}\x1b[K", ending="\r")
            self.stdout.flush()

        return show
