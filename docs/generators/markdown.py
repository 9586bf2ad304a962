"""Tables, and docstrings as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$")
_ENTRY = re.compile(r"^ {4}([\w*]+(?:, [\w*]+)*): ?(.*)$")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def code(value: object) -> str:
    """Return a value as inline code."""
    return f"`{value}`"


def docstring(text: str) -> str:
    """Turn a docstring into Markdown: its sections into lists, its examples and drawings into blocks."""
    out: list[str] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        if section := _SECTION.match(line):
            at, made = _section(lines, at + 1, section[1])
            out += made
        elif line.startswith(">>>"):
            at, made = _block(lines, at, "pycon", lambda one: bool(one.strip()))
            out += made
        elif line.startswith("    ") and (not out or not out[-1]):
            at, made = _block(lines, at, "text", lambda one: one.startswith("    ") or not one)
            out += made
        else:
            out.append(line)
            at += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip() + "\n"


def _section(lines: list[str], at: int, title: str) -> tuple[int, list[str]]:
    named = title in ("Args", "Raises")
    entries: list[str] = []
    while at < len(lines) and (lines[at].startswith("    ") or not lines[at]):
        if named and (entry := _ENTRY.match(lines[at])):
            names = ", ".join(code(n) for n in entry[1].split(", "))
            entries.append(f"- {names}: {entry[2]}".rstrip())
        elif entries and named and lines[at]:
            entries.append(f"  {lines[at].strip()}")
        else:
            entries.append(lines[at].strip())
        at += 1
    return at, [f"**{title}**", "", *entries, ""]


def _block(lines: list[str], at: int, language: str, belongs: Callable[[str], bool]) -> tuple[int, list[str]]:
    block: list[str] = []
    while at < len(lines) and belongs(lines[at]):
        block.append(lines[at].removeprefix("    ") if language == "text" else lines[at])
        at += 1
    while block and not block[-1]:
        block.pop()
    return at, [f"```{language}", *block, "```", ""]


def first_sentence(text: str) -> str:
    """Return the first paragraph of a docstring in one line."""
    return " ".join(text.partition("\n\n")[0].split())
