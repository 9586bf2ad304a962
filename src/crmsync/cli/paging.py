"""Pages on the command line: a token that is none, and how to get the next page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from .console import line
from .failures import Mistake


@contextmanager
def page_of(after: str | None, before: str | None) -> Iterator[None]:
    """Read a page by the tokens that a user gave.

    Raises:
        Mistake: there are two, or one is none.

    """
    if after is not None and before is not None:
        raise Mistake("--after and --before are two pages", "Give one of them.")
    try:
        yield
    except ValueError:
        option, token = ("--after", after) if before is None else ("--before", before)
        advice = "Take the one that the page before ended with."
        raise Mistake(f"{option} {token!r} is no page token", advice) from None


def more(console: Console, following: str | None, preceding: str | None) -> None:
    """Say how to get the pages around this one."""
    if following:
        console.print(line("\nMore: the same command with ", (f"--after '{following}'", "bold")), soft_wrap=True)
    if preceding:
        console.print(line("\nBack: the same command with ", (f"--before '{preceding}'", "bold")), soft_wrap=True)
