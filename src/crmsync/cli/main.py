"""The group of commands, and what every command owes its user."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any

import click

from .streams import prepare_streams

_COMMANDS = {
    "demo": "A tour on a sample workspace: start here.",
    "connect": "Connect a mailbox: finds its servers, tests the logins, saves what works.",
    "accounts": "Which accounts are connected.",
    "folders": "Which folders an account has, and which are read.",
    "calendars": "Which calendars an account has, and which are read.",
    "disconnect": "Forget an account, and keep or remove what it brought.",
    "leave": "A member has left: seal their channels, or hand them over.",
    "erase": "Erase a person, and keep them out.",
    "sync": "Bring mailboxes and calendars into the database.",
    "run": "The same for ever: every five minutes, with a live table.",
    "preview": "Show what sync would do, and write nothing.",
    "timeline": "Mail and meetings with a person or a company.",
    "people": "Who is in the CRM.",
    "companies": "Which companies are in the CRM.",
    "why": "Why an item is, or is not, in the CRM, and who sees it.",
}
"""Named here so that help needs none of their modules: models, tables and database take their time to load."""

_EXAMPLES = """\b
Examples:
  crmsync demo
  crmsync connect imap ann@example.com
  crmsync sync takeout.mbox calendar.ics --me ann@example.com
  crmsync preview takeout.mbox --me ann@example.com --contacts sent
  crmsync timeline "John Doe" --as ann@example.com
  crmsync why 20260302.A41@mail.example
"""

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


class Commands(click.Group):
    """Commands that are loaded when they are called, and whose failures are told in sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".{cmd_name}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the commands with their first lines."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and end with an exit code: 0 done, 1 something failed, 2 a mistake of the user's."""
        prepare_streams()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises becomes a sentence that says what to do next."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            _let_go()
            ctx.exit(0)
        except KeyboardInterrupt:
            saved = ctx.invoked_subcommand in ("sync", "demo")
            more = " What was synced is saved; run the same command again to go on." if saved else ""
            click.echo(f"\nStopped.{more}", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            from .failures import explained  # noqa: PLC0415 - it knows the models, and few runs fail

            if (failure := explained(error)) is None:
                raise
            raise failure from error
        return result


def _let_go() -> None:
    """Write what is still buffered to nowhere: whoever read has left, as `head` does."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=Commands, epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crmsync", prog_name="crmsync", message="%(prog)s %(version)s")
def main() -> None:
    """Sync mail and calendars into a CRM: nothing lost, nothing leaked, everything explained.

    Reads mailboxes that you connect, and, offline, what mail programs and Google Takeout export: mbox files, Maildirs,
    folders of .eml files, and .ics calendars.
    """
