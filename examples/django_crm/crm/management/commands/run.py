"""`python manage.py run`: sync for ever, until SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from crmsync import StorageError
from django.core.management.base import BaseCommand

from crm.running import hosted, worker, workspace

RELOADED = 10.0
"""Seconds until a channel that a user made or changed is noticed."""


class Command(BaseCommand):
    """Run what is due, in as many processes as are started."""

    help = "Sync every channel every five minutes, until SIGTERM. Start it as often as you like."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how many channels run at a time."""
        parser.add_argument("--at-once", type=int, default=1, help="channels at a time; on SQLite leave it at one")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run a worker in a thread, and tell it of changed channels."""
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with hosted() as workspaces:
            workspace(workspaces)
            running = threading.Thread(target=worker(workspaces, options["at_once"]).run, args=(stop,))
            running.start()
            while not stop.wait(RELOADED):
                try:
                    workspace(workspaces)
                except StorageError as error:  # the worker waits for the database too
                    self.stderr.write(str(error))
            running.join()
