"""Text that any database can hold, and that shows what it says."""

from __future__ import annotations

import re
from typing import Any

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Marks that turn the direction of what follows: "invoice\u202efdp.exe" shows as "invoiceexe.pdf".
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean_text(value: Any) -> Any:
    r"""Drop what PostgreSQL's text cannot hold: NUL and lone surrogates.

    >>> clean_text("a\x00b\ud800c")
    'abc'
    """
    if not isinstance(value, str):
        return value
    if not value.isascii():
        value = value.encode("utf-8", "ignore").decode("utf-8")
    return value.replace("\x00", "") if "\x00" in value else value


def clean_line(value: Any) -> Any:
    r"""Make one line of it: control characters, line breaks and runs of blanks become a space, ends are trimmed.

    Servers unfold header fields in different ways: what they disagree on is how many blanks a fold leaves. Marks that
    turn the direction of writing (UAX 9) go, because a name or a subject could pose as another one with them.

    >>> clean_line(" Re:\r\n\tlunch  at\x1b[2J ")
    'Re: lunch at [2J'
    """
    if not isinstance(value, str):
        return value
    if value.isascii():
        if value.isprintable() and "  " not in value:
            return value.strip()
    else:
        value = _TURNS.sub("", value)
    return " ".join(_CONTROLS.sub(" ", clean_text(value)).split())
