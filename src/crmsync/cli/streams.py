"""What may reach a terminal or a program: clean text in the encoding that is there.

Mail content is hostile: it may hold escape sequences and text that runs backwards. Everything that is shown goes
through `safe`.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
import unicodedata
from typing import Any

import click

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""C0 and C1 controls, and what changes the direction of text (Unicode TR 9 section 2), but for tab and line feed."""

_BREAKS = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_JSON_ESCAPED = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_PLAIN = {"→": ">", "·": "-", "…": "~", "—": "-", "–": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "€": "E"}
_ERRORS = "crmsync.plain"


def safe(value: object, *, lines: bool = False) -> str:
    r"""Return what a terminal may get of a text from outside: no control characters, on one line unless `lines`.

    >>> safe("a\x1b[31mb\tc\n")
    'a[31mb c'
    """
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    text = _CONTROLS.sub("", _BREAKS.sub("\n", text)).expandtabs(4)
    return text if lines else " ".join(text.split())


def shortened(value: object, length: int) -> str:
    """Return the beginning of a text as one clean line, with an ellipsis where something is left out."""
    # Ten times the length leaves room for any white space, and a text of 50 MB is not looked at as a whole.
    text = safe(str(value)[: 10 * length + 1_000])
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def prepare_streams() -> None:
    """Let standard output and error replace what their encoding lacks, instead of failing on it."""
    codecs.register_error(_ERRORS, _replacement)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_plain(char) for char in error.object[error.start : error.end]), error.end


def _plain(char: str) -> str:
    """Return one ASCII character for another, so that columns stay where they are."""
    if char in _PLAIN:
        return _PLAIN[char]
    base = unicodedata.normalize("NFKD", char)[:1]
    return base if base.isascii() and base.isprintable() else "?"


def print_json(value: Any) -> None:
    """Print a value for a program: UTF-8 where the stream is, and no control character unescaped."""
    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(value, indent=2, ensure_ascii=ascii_only, default=str)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    click.echo(_JSON_ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Say how many: "1 mail", "1,204 mails"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
