"""`python manage.py demo`: from nothing to a running CRM."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from .load_sample import PASSWORD


class Command(BaseCommand):
    """Make the database, load the sample workspace, sync it, and serve it."""

    help = "Make the database, load the sample workspace, sync it, and serve it on this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a port."""
        parser.add_argument("--port", default="8000")

    def handle(self, *_: Any, **options: Any) -> None:
        """Do one after the other; again where there is something already, it goes on."""
        call_command("migrate", verbosity=0)
        call_command("load_sample")
        call_command("sync", stdout=self.stdout)
        self.stdout.write(f"\nOpen http://127.0.0.1:{options['port']}/ and sign in as mia, ben or lena.")
        self.stdout.write(f"The password is {PASSWORD}. Each sees another part of the same timeline.\n\n")
        call_command("runserver", f"127.0.0.1:{options['port']}", use_reloader=False)
