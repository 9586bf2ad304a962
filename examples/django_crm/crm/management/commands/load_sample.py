"""`python manage.py load_sample`: three colleagues, two mailboxes, two calendars."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from crm.models import Channel

SAMPLE = Path(str(files("crmsync"))) / "cli" / "sample"
PASSWORD = "sample"  # noqa: S105 - of nobody's account


class Command(BaseCommand):
    """Make the users and channels of the sample workspace that comes with crmsync."""

    help = "Make the users mia, ben and lena (password: sample), and the channels of the sample workspace."

    def handle(self, *_: Any, **__: Any) -> None:
        """Make what is missing, and change nothing that is there."""
        workspace = tomllib.loads((SAMPLE / "crmsync.toml").read_text(encoding="utf-8"))
        for name, addresses in workspace["members"].items():
            user, new = User.objects.get_or_create(username=name, defaults={"email": addresses[0], "is_staff": True})
            if new:
                user.set_password(PASSWORD)
                user.save()
        for key, given in workspace["channels"].items():
            selection = given.get("selection", {})
            Channel.objects.get_or_create(
                key=key,
                defaults={
                    "owner": User.objects.get(username=given["owner"]),
                    "addresses": "\n".join(workspace["members"][given["owner"]]),
                    "source": str(SAMPLE / given["source"]),
                    "visibility": given["visibility"],
                    "contacts": given.get("contacts", "sent"),
                    "selection": selection.get("mode", "all"),
                    "collections": "\n".join(selection.get("collections", [])),
                    "start": given.get("start"),
                },
            )
