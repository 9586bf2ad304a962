"""Gmail's labels, as Google Takeout writes them into each message of its one large mbox file."""

from __future__ import annotations

import csv
from pathlib import Path

from ...formats import role_of
from ...formats.mail.headers import decode_words, read_fields, unfold
from ...model import Collection
from ...model.value import clean_line
from .reading import opened

FIELD = "x-gmail-labels"

_MAX_LABELS = 100
_MAX_FIELD = 10_000
_MAX_KINDS = 10_000
_WINDOW = 4 << 20
_START = b"\nX-Gmail-Labels:"

# Takeout mixes states in with the labels, in the account's language: en, de, fr, es, it, pt, nl.
_STATES = frozenset({
    "unread", "opened", "starred", "important",
    "ungelesen", "geöffnet", "markiert", "wichtig",
    "non lus", "ouvert", "suivis", "importants",
    "no leídos", "abierto", "abiertos", "destacados", "importante", "importantes",
    "da leggere", "aperti", "aperto", "speciali", "importanti",
    "não lidas", "abertos", "aberto", "com estrela",
    "ongelezen", "geopend", "met ster", "belangrijk",
})  # fmt: skip


def labels(value: bytes) -> list[Collection]:
    """Read Takeout's X-Gmail-Labels: labels with commas in quotes, as encoded words where they are not ASCII.

    Which of them says that a message is read, starred or important is left out: that is a state, not a place.
    """
    text = " ".join(decode_words(unfold(value[:_MAX_FIELD])).split())
    row: list[str] = next(csv.reader([text], skipinitialspace=True), list[str]())
    names = dict.fromkeys(clean_line(name) for name in row[:_MAX_LABELS])
    return [Collection(id=n, name=n, role=role_of(n)) for n in names if n and n.casefold() not in _STATES]


def labels_in(path: Path) -> list[Collection]:
    """List the labels of all messages in a file. It is read once, at the speed of the disk.

    Raises:
        OSError: the file cannot be read.
    """
    values: set[bytes] = set()
    with opened(path) as file:
        size = file.version().size
        for low in range(0, size, _WINDOW):
            data = file.read(low, min(size, low + _WINDOW + _MAX_FIELD))
            at = data.find(_START, 0, _WINDOW + len(_START))
            while at >= 0 and len(values) < _MAX_KINDS:
                fields, _ = read_fields(data[at + 1 : at + _MAX_FIELD], 0, {FIELD})
                values.update(value for _, value in fields[:1])
                at = data.find(_START, at + 1, _WINDOW + len(_START))
    found = {label.id: label for value in sorted(values) for label in labels(value)}
    return sorted(found.values(), key=lambda label: label.id)
