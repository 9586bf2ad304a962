"""The command line, from its own help."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from crmsync.cli import main


def everything() -> str:
    """Return the help of every command, and of the commands below it."""
    top = click.Context(main, info_name="crmsync", terminal_width=100, max_content_width=100, **main.context_settings)
    return "\n".join(_helps(main, top, "crmsync"))


def _helps(command: click.Command, context: click.Context, title: str) -> Iterator[str]:
    yield _help(command, context, title)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            inner = click.Context(below, parent=context, info_name=name, terminal_width=100, max_content_width=100)
            yield from _helps(below, inner, f"{title} {name}")


def _help(command: click.Command, context: click.Context, title: str) -> str:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {title}\n\n```text\n{text}\n```\n"


def demo() -> str:
    """Return what the demo prints of the decisions, and of what a colleague sees."""
    program = Path(sys.executable).parent / "crmsync"
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([program, "demo"], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    lines = [line.rstrip() for line in run.stdout.splitlines()]
    steps = {line[0]: at for at, line in enumerate(lines) if re.match(r"\d  \S", line)}
    decisions, eyes = lines[steps["2"] : steps["3"]], lines[steps["5"] : steps["6"]]
    meetings = [at for at, line in enumerate(eyes) if not line]
    return "\n".join(["```text", *decisions, "...", "", *eyes[: meetings[2]], "...", "```"])


GENERATORS = {"cli": everything, "demo": demo}
