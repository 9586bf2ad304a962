"""The readable body of a message: which parts it is made of, and their text."""

from __future__ import annotations

from ..html import html_to_text
from .charsets import decode_text, meta_charset
from .parts import Part
from .uuencode import without_files


def body_parts(root: Part) -> frozenset[int]:
    """Return the numbers (`id`) of the leaves that are read, not attached.

    That is unnamed text, plain or HTML. Where there is none, the first text that is at least not declared an
    attachment.
    """
    leaves = [part for part in root.walk() if not part.children and part.disposition != "attachment"]
    found = [part for part in leaves if part.content_type in ("text/plain", "text/html") and not part.filename]
    if not found:
        found = [p for p in leaves if p.content_type.startswith("text/") and p.content_type != "text/calendar"][:1]
    return frozenset(map(id, found))


def body_text(part: Part, data: bytes, bodies: frozenset[int], *, html: bool = False) -> str:
    """Return the text below a part, plain preferred and HTML converted; with `html` the HTML as it is, where it is.

    Of alternatives one is taken, of related parts the root, of others all.
    """
    if not part.children:
        if id(part) not in bodies:
            return ""
        if html:
            return part_text(part, data) if part.content_type == "text/html" else ""
        return _plain(part, data)
    if part.content_type == "multipart/alternative":
        ranked = sorted(part.children, key=lambda child: _first_type(child, bodies) != "text/plain")
        return next(filter(shows, (body_text(child, data, bodies, html=html) for child in ranked)), "")
    if part.content_type == "multipart/related":
        # RFC 2387 section 3.2: the root is the first, unless "start" names another.
        start = part.parameters.get("start", "").strip("<> ")
        ranked = sorted(part.children, key=lambda child: not start or child.content_id != start)
        return next(filter(shows, (body_text(child, data, bodies, html=html) for child in ranked)), "")
    texts = (body_text(child, data, bodies, html=html) for child in part.children)
    return "\n\n".join(filter(None, texts))


_NOTHING = (
    " \t\n\r\f\v\xa0\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
)
_NOTHING += "\u2009\u200a\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u2800\u3000\u3164\ufeff\uffa0"


def shows(text: str) -> bool:
    """Tell whether anything of a text can be seen."""
    return bool(text.strip(_NOTHING))


def _first_type(part: Part, bodies: frozenset[int]) -> str:
    return next((below.content_type for below in part.walk() if id(below) in bodies), "")


def _plain(part: Part, data: bytes) -> str:
    text = part_text(part, data)
    if part.content_type == "text/html":
        return html_to_text(text)
    if part.parameters.get("format", "").lower() == "flowed":
        text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
    return text.rstrip()


def part_text(part: Part, data: bytes) -> str:
    r"""Return the text of one leaf with `\n` for line ends; HTML stays HTML."""
    octets = part.content(data)
    if part.content_type == "text/plain":
        octets = without_files(octets)
    charset = part.parameters.get("charset")
    if not charset and part.content_type == "text/html":
        charset = meta_charset(octets)
    text = decode_text(octets, charset)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def unflow(text: str, *, delete_space: bool = False) -> str:
    r"""Join the soft line breaks of format=flowed (RFC 3676), within one depth of quotation.

    >>> unflow("Dear \nAnn,\n> you \n> wrote\n-- \nme")
    'Dear Ann,\n> you wrote\n-- \nme'
    """
    lines: list[str] = []
    pieces: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        # RFC 3676 section 4.3: the signature's separator ends in a blank and is still a line of its own.
        separator = content == "-- "
        if depth != open_depth or separator:
            _close(lines, pieces, open_depth)
        flows = content.endswith(" ") and not separator
        pieces.append(content[:-1] if flows and delete_space else content)
        open_depth = depth
        if not flows:
            _close(lines, pieces, depth)
    _close(lines, pieces, open_depth)
    return "\n".join(lines)


def _close(lines: list[str], pieces: list[str], depth: int) -> None:
    if pieces:
        lines.append((">" * depth + " " if depth else "") + "".join(pieces))
        pieces.clear()
