"""Tables and lines, at any width, with colour or without. Markup of the library that draws them counts as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NoReturn, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError  # `main` ends quietly; the library would end with an error


def output() -> Console:
    """Return the console on standard output, for what was asked for."""
    return _console(sys.stdout)


def messages() -> Console:
    """Return the console on standard error, for progress and what goes wrong."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    return _Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False)


def table(*headers: str, numbers: Iterable[int] = (), title: str | None = None) -> Table:
    """Begin a table; the columns at the indices `numbers` stand to the right."""
    right = set(numbers)
    made = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
        title=title, title_justify="left", title_style="bold",
    )  # fmt: skip
    for index, header in enumerate(headers):
        made.add_column(header, justify="right" if index in right else "left", overflow="fold")
    return made


def line(*parts: str | tuple[str, str]) -> Text:
    """Join texts, and pairs of text and style, to one line."""
    return Text.assemble(*((part, "") if isinstance(part, str) else part for part in parts))
