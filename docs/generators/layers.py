"""The picture of the layers, drawn from the contracts that import-linter checks."""

from __future__ import annotations

import tomllib
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT, GAP, EDGE = 912, 64, 12, 24

# What each layer is for; a layer that the contracts do not know, or know and is not here, is an error.
WORDS = {
    "cli": "the command line: asks, prints, exit codes",
    "integrations": "Celery, Procrastinate, OpenTelemetry",
    "runtime": "what runs accounts day after day: connecting, leases, schedule, workers, status",
    "testing": "fakes, loopback servers, contracts",
    "stores": "memory, SQLite, PostgreSQL; or yours",
    "engine": "sync(): page in, batch out, cursor on",
    "providers": "IMAP, CalDAV, Google, Microsoft, files; or yours",
    "rules": "who comes in, who sees it",
    "protocols": "Provider, Source, Storage",
    "formats": "MIME, iCalendar, HTML",
    "model": "Message, Event, Contact, Decision … as frozen values",
    "errors": "named for what the host does next",
}

STYLE = """\
.box { fill: #ffffff; stroke: #9fb3c8; stroke-width: 1.5 }
    .pure { fill: #e3f1e8; stroke: #2f6f4f; stroke-width: 1.5 }
    .name { font-size: 18px; font-weight: 600; fill: #102a43; text-anchor: middle }
    .what { font-size: 13px; fill: #486581; text-anchor: middle }
    .soft { font-size: 13px; fill: #2f6f4f; text-anchor: middle }"""

Row = list[str]


def picture() -> str:
    """Return the layers as SVG: nothing imports what stands above it, and the two sides never meet."""
    left, right, pure = _contracts()
    if unknown := {name for row in left + right for name in row} ^ set(WORDS):
        raise ValueError(f"docs/generators/layers.py and the contracts differ on {sorted(unknown)}")
    shared = {name for row in left for name in row} & {name for row in right for name in row}
    boxes, y = [], EDGE
    for alone, rows in groupby(_rows(left, right, shared), key=lambda row: not shared.intersection(row[0] + row[1])):
        block = list(rows)
        if not alone:
            for ours, theirs in block:
                boxes += _row(list(dict.fromkeys(ours + theirs)), EDGE, WIDTH, y, HEIGHT, pure)
                y += HEIGHT + GAP
            continue
        half = (WIDTH - GAP) // 2
        for side, x in ((0, EDGE), (1, EDGE + half + GAP)):
            column = [row[side] for row in block if row[side]]
            height = (len(block) * (HEIGHT + GAP) - len(column) * GAP) // len(column)
            for number, names in enumerate(column):
                boxes += _row(names, x, half, y + number * (height + GAP), height, pure)
        y += len(block) * (HEIGHT + GAP)
    return "\n".join([*_head(y + EDGE + 8), *boxes, _foot(y + 12), "</svg>"]) + "\n"


def _contracts() -> tuple[list[Row], list[Row], set[str]]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    left, right = (
        [[name.strip().removeprefix("crmsync.") for name in row.split("|")] for row in contract["layers"]]
        for contract in linter["contracts"]
        if contract["type"] == "layers"
    )
    (pure,) = (c["source_modules"] for c in linter["contracts"] if c["name"].startswith("The pure layers"))
    return left, right, {name.removeprefix("crmsync.") for name in pure}


def _rows(left: list[Row], right: list[Row], shared: set[str]) -> list[tuple[Row, Row]]:
    """Return both sides level by level: what they share stands on one level."""
    rows: list[tuple[Row, Row]] = []
    ours, theirs = iter(left), iter(right)
    while (mine := next(ours, None)) is not None:
        if not shared.intersection(mine):
            rows.append((mine, []))
            continue
        between = []
        for row in theirs:
            if shared.intersection(row):
                rows = _beside(rows, between)
                rows.append((mine, row))
                break
            between.append(row)
    return rows


def _beside(rows: list[tuple[Row, Row]], between: list[Row]) -> list[tuple[Row, Row]]:
    start = len(rows)
    while start and not rows[start - 1][1]:
        start -= 1
    free = rows[start:] + [([], [])] * max(0, len(between) - (len(rows) - start))
    return rows[:start] + [(mine, between[n] if n < len(between) else []) for n, (mine, _) in enumerate(free)]


def _row(names: Row, x: int, width: int, y: int, height: int, pure: set[str]) -> list[str]:
    each = (width - GAP * (len(names) - 1)) // len(names)
    made = []
    for number, name in enumerate(names):
        left, middle = x + number * (each + GAP), x + number * (each + GAP) + each // 2
        made += [
            f'  <rect x="{left}" y="{y}" width="{each}" height="{height}" rx="8"'
            f' class="{"pure" if name in pure else "box"}"/>',
            f'  <text x="{middle}" y="{y + height // 2 - 4}" class="name">{name}</text>',
            f'  <text x="{middle}" y="{y + height // 2 + 18}" class="what">{WORDS[name]}</text>',
        ]
    return made


def _head(height: int) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * EDGE} {height}" role="img"'
        ' aria-labelledby="title desc"'
        " font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">",
        '  <title id="title">The layers of crmsync</title>',
        '  <desc id="desc">Every layer imports only layers below it. Providers and formats on one side, engine and'
        " stores on the other, never import each other. What is green is pure.</desc>",
        f"  <style>\n    {STYLE}\n  </style>",
        f'  <rect width="{WIDTH + 2 * EDGE}" height="{height}" rx="14" fill="#f7f9fb"/>',
    ]


def _foot(y: int) -> str:
    return (
        f'  <text x="{EDGE + WIDTH // 2}" y="{y}" class="soft">'
        "green is pure: no network, no files, no clock, no threads, no global state</text>"
    )
