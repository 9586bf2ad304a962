"""`crmsync connect`: a group with a command for each kind of account."""

from __future__ import annotations

import importlib

import click

_COMMANDS = {
    "imap": "A mailbox on any IMAP server, and sending through its SMTP server.",
    "caldav": "The calendars on any CalDAV server.",
    "google": "Gmail and Google Calendar, with one consent in the browser.",
    "microsoft": "Outlook mail and calendars, with one consent in the browser.",
}
"""Each in a module of its own, `connect_NAME`, as `command`."""


class _Connect(click.Group):
    """Commands that are loaded when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".connect_{cmd_name}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the commands with their first lines."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    "connect",
    cls=_Connect,
    epilog="\b\nExamples:\n  crmsync connect imap ann@example.com\n  crmsync connect caldav ann@example.com\n"
    "  crmsync connect google ann@example.com --client client.json\n"
    "  crmsync connect microsoft ann@example.com --client client.json\n",
)
def command() -> None:
    """Connect an account: find its servers, test the logins, and save what works.

    Secrets are asked for, never given as options. They are saved encrypted beside the database; the key is in
    CRMSYNC_KEY, or else in a file that only you can read (CRMSYNC_KEY_FILE, ~/.config/crmsync/key if not said).
    """
