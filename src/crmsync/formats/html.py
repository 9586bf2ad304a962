"""HTML bodies as readable text. No tree is built: parsers that build one take quadratic time on hostile nesting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape

# A tag. The bound of the first alternative keeps it linear where all tags end within quotes. Whatever else begins
# with "<" is a comment, a declaration, or text.
_TAG = (
    r"""<(?:(/?)([a-zA-Z][a-zA-Z0-9:_-]*+)((?>(?:[^>"']++|"[^"]*+"|'[^']*+'){0,64})|[^>]*+)>|(!--)|([!?/])[^>]*+>|)"""
)
_ANY = re.compile("([^<]*+)" + _TAG)
# Three tags in four say nothing about the text: they are passed over with it.
_MARKUP = r"</?+(?:span|o:p|b|i|u|em|strong|font|tbody)>"
_TELLING = re.compile(rf"((?>(?:[^<]++|{_MARKUP})*))" + _TAG)
_TEXT_MARKUP = re.compile(_MARKUP)
_HREF = re.compile(r"""(?:^|[\s"'/])href\s*+=\s*+(?:"([^"]*+)|'([^']*+)|([^\s"'>]++))""", re.IGNORECASE)
_ALT = re.compile(r"""(?:^|[\s"'/])alt\s*+=\s*+(?:"([^"]*+)|'([^']*+)|([^\s"'>]++))""", re.IGNORECASE)
_HIDDEN = re.compile(
    r"display\s*+:\s*+none|visibility\s*+:\s*+(?:hidden|collapse)|(?:^|[\s\"'/])hidden(?![\w:.-])"
    r"|opacity\s*+:\s*+0(?:\.0*+)?(?![\d.])|(?<![\w-])(?:left|top|text-indent)\s*+:\s*+-\d{3,}+",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(r"(?<![\w-])(?:max-)?(?:height|width)\s*+:\s*+0(?![\d.])", re.IGNORECASE)
_CUT_OFF = re.compile(r"overflow(?:-[xy])?\s*+:\s*+hidden", re.IGNORECASE)
_LIKELY_HIDDEN = re.compile(r"isplay|idden|pacity|ollapse|-\d{3}", re.IGNORECASE)
_NUMBERS = {
    name: re.compile(rf"""(?:^|[\s"'/]){name}\s*+=\s*+["']?\s*+(-?\d{{1,9}})(?!\d)""", re.IGNORECASE)
    for name in ("start", "value")
}
_COMMENT_END = re.compile("--!?>")
_LONG_NUMBER = re.compile(r"&#\d{8,}+;?")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_BARE_URL = re.compile(r"^(?:https?://)?(?:www\.)?|/$", re.IGNORECASE)

_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "table", "blockquote", "hr"})
_BLOCKS = frozenset({
    "address", "article", "aside", "body", "caption", "center", "dd", "details", "div", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "header", "html", "legend", "li", "main", "nav", "option", "section", "summary", "tr",
})  # fmt: skip
_BREAKS = _PARAGRAPHS | _BLOCKS | {"a", "br", "td", "th"}
_UNREAD = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title"})
"""Elements in which tags are no tags; their content is not for reading."""
_UNSHOWN = frozenset({"math", "object", "svg", "template", "xml"})
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
# Elements whose end tag may be missing, and what may hold more of them within.
_HOLDERS = {
    "p": (), "li": ("ul", "ol"), "td": ("table",), "th": ("table",), "tr": ("table",), "tbody": ("table",),
    "thead": ("table",),
}  # fmt: skip
_HIDEABLE = _PARAGRAPHS | _BLOCKS | {"a", "label", "span", "tbody", "td", "th", "thead"} - VOID - {"body", "html"}

_MAX_MARKS = 20
"""Quotation deeper than this looks no different."""

# A noncharacter stands for a blank that must not collapse.
_BLANK = "\ufdd0"
_TO_BLANKS = str.maketrans({"\xa0": " ", _BLANK: " "})
_WHITESPACE = str.maketrans(dict.fromkeys("\t\n\r\f\v", " "))
# Soft hyphens, and what newsletters fill their previews with.
_NO_TEXT = str.maketrans(dict.fromkeys("\u00ad\u034f\u200b\ufeff"))


def html_to_text(html: str) -> str:
    r"""Convert an HTML body to text: blocks to lines, lists with "- ", quotations with "> ", addresses after links.

    Linear in its length, and without recursion. What is hidden is left out, unless nothing else is there.

    >>> html_to_text('<p>Hi <b>Ann</b>,</p><blockquote>see <a href="https://x.example/1">this</a></blockquote>')
    'Hi Ann,\n\n> see this <https://x.example/1>'
    """
    return _convert(html, reading=True) or _convert(html, reading=False)


def tags(html: str, *, reading: bool = False) -> Iterator[tuple[str, str, str, str, int]]:
    """Yield the tags of a document: the text before it, "/" for an end tag, its name, its attributes, where it ends.

    Scripts, styles and comments are left out, and, for reading, what is hidden and tags that only change the look.
    The last tag has no name, and stands for the end.
    """
    position = 0
    last = html.rfind(">")  # beyond it no tag can end, and looking for its end would be quadratic
    match = (_TELLING if reading else _ANY).match
    while position <= last and (token := match(html, position)):
        text, slash, name, attributes, comment, declaration = token.groups()
        position = token.end()
        if reading and "<" in text:
            text = _TEXT_MARKUP.sub("", text)
        if name:
            name = name.lower()
            if not slash and name in _UNREAD:
                position, slash = _raw_end(html, name, position), "/"
            elif reading and not slash and _is_hidden(name, attributes):
                position, slash = element_end(html, name, position), "/"
            yield text, slash, name, attributes, position
            continue
        if comment:
            position = _comment_end(html, position)
        yield text if comment or declaration else f"{text}<", "/", "", "", position
    text = html[position:]
    yield _TEXT_MARKUP.sub("", text) if reading else text, "/", "", "", len(html)


def _comment_end(html: str, position: int) -> int:
    """Say where a comment ends (HTML Standard, 13.2.5.43 to 52): with its start too, or with "--!>"."""
    end = _COMMENT_END.search(html, position - 2)
    if end and end.start() < position and end[0] == "--!>":
        end = _COMMENT_END.search(html, position)
    return end.end() if end else len(html)


def _raw_end(html: str, name: str, position: int) -> int:
    while (position := html.find("</", position)) >= 0:
        position += 2
        if html[position : position + len(name)].lower() == name:
            end = html.find(">", position)
            return end + 1 if end >= 0 else len(html)
    return len(html)


def _is_hidden(name: str, attributes: str) -> bool:
    return name in _UNSHOWN or hides(name, attributes)


def hides(name: str, attributes: str) -> bool:
    """Tell whether an element's own attributes hide it: previews of newsletters, copies for other screens."""
    if name not in _HIDEABLE or not _LIKELY_HIDDEN.search(attributes):
        return False
    if _HIDDEN.search(attributes):
        return True
    return bool(_CUT_OFF.search(attributes)) and bool(_NO_ROOM.search(attributes))


def element_end(html: str, name: str, position: int) -> int:
    """Say where an element ends: with its end tag, or, where that is not needed, with the next one like it.

    Elements of its name within it are counted, or those that may hold such within.
    """
    holders = _HOLDERS.get(name)
    depth = 0
    for tag in _tags_of(name, *(holders or ())).finditer(html, position):
        closes, counted = bool(tag[1]), holders is None or tag[2].lower() != name
        if counted:
            depth += -1 if closes else 1
            if depth < 0:
                return tag.start() if holders else tag.end()
        elif depth == 0:
            return tag.end() if closes else tag.start()
    return len(html)


@lru_cache(maxsize=64)
def _tags_of(*names: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?)({'|'.join(names)})(?>(?:[\s/][^>]*+)?)(?:>|\Z)", re.IGNORECASE)


def _convert(html: str, *, reading: bool) -> str:
    page = _Page()
    for text, slash, name, attributes, _ in tags(html, reading=reading):
        if text:
            page.write(text)
        if name in _BREAKS:
            if slash:
                page.close(name)
            else:
                page.open(name, attributes)
        elif name == "img" and not reading:
            page.write(_attribute(_ALT, attributes))
    return page.text()


def _attribute(pattern: re.Pattern[str], attributes: str) -> str:
    found = pattern.search(attributes)
    return next(filter(None, found.groups()), "") if found else ""


def _number(name: str, attributes: str, default: int) -> int:
    found = _NUMBERS[name].search(attributes) if attributes else None
    return int(found[1]) if found else default


class _Page:
    """The text as it is written, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.begun = False  # whether anything of the line shows
        self.margin = True  # whether the open paragraph has one
        self.gap = False  # a blank line is due before the next text
        self.quotes = self.quotes_before = 0
        self.lists: list[int | None] = []  # the next number of each open list, None for bullets
        self.bullet = ""
        self.preformatted = 0
        self.link = ""
        self.link_text: list[str] = []

    def write(self, html: str) -> None:
        """Add text between two tags."""
        if "&" in html:
            html = unescape(_LONG_NUMBER.sub("\ufffd", html))
        if not html.isascii():
            html = html.translate(_NO_TEXT)
        if not self.preformatted:
            self.line.append(
                html
                if html.isprintable()
                else " "
                if html.isspace() and html.isascii()
                else html.translate(_WHITESPACE)
            )
        else:
            first, *others = html.replace("\t", "    ").replace(" ", _BLANK).split("\n")
            self.line.append(first)
            for other in others:
                self.end_line(blank=True)
                self.line.append(other)
        self.begun = self.begun or not (html.isspace() or not html)
        if self.link:
            self.link_text.append(html)

    def open(self, name: str, attributes: str) -> None:
        """Take a start tag."""
        if name == "br":
            self.end_line(blank=True)
        elif name in ("td", "th"):
            if self.line:
                self.line.append(_BLANK * 2)
        elif name == "a":
            self.end_link()
            self.link = _attribute(_HREF, attributes)
        elif name == "p":
            self.end_line()
            # Outlook writes a line as a paragraph without margins, and a blank line as an empty one.
            self.margin = "MsoNormal" not in attributes
            self.gap = self.gap or self.margin
        else:
            self.close(name, opening=True)
            self.enter(name, attributes)

    def enter(self, name: str, attributes: str) -> None:
        """Begin a block that changes what comes in it."""
        if name == "blockquote":
            self.quotes += 1
        elif name == "pre":
            self.preformatted += 1
        elif name in ("ul", "ol"):
            self.lists.append(_number("start", attributes, 1) if name == "ol" else None)
        elif name == "li":
            number = self.lists[-1] if self.lists else None
            if number is not None and attributes:
                number = _number("value", attributes, number)
            if number is not None:
                self.lists[-1] = number + 1
            indent = "  " * min(len(self.lists) - 1, _MAX_MARKS)
            self.bullet = f"{indent}- " if number is None else f"{indent}{number}. "

    def close(self, name: str, *, opening: bool = False) -> None:
        """Take an end tag, or end the line before a block."""
        if name == "a":
            self.end_link()
        elif name == "p":
            self.end_line()
            self.gap = self.gap or self.margin
        elif name in _PARAGRAPHS:
            self.end_line()
            self.gap = self.gap or not (name in ("ul", "ol") and len(self.lists) > (0 if opening else 1))
            if opening:
                return
            if name == "blockquote":
                self.quotes = max(self.quotes - 1, 0)
            elif name == "pre":
                self.preformatted = max(self.preformatted - 1, 0)
            elif name in ("ul", "ol") and self.lists:
                self.lists.pop()
        elif name in _BLOCKS:
            self.end_line()

    def end_link(self) -> None:
        """Put a link's address after its text, where it says more."""
        link, text = unescape(_LONG_NUMBER.sub("", self.link)), "".join(self.link_text).strip()
        self.link, self.link_text = "", []
        link = "".join(link.split())
        if not text or not _WEB.match(link) or _BARE_URL.sub("", text).lower() == _BARE_URL.sub("", link).lower():
            return
        if self.begun or not self.lines:
            self.line.append(f" <{link}>")
        else:
            self.lines[-1] += f" <{link}>"

    def end_line(self, *, blank: bool = False) -> None:
        """Finish the line; an empty one counts only with `blank`, and two of them as one."""
        if not self.line:
            self.gap = self.gap or blank
            return
        text = written = "".join(self.line).strip(" ")
        self.line.clear()
        self.begun = False
        if "  " in text:
            text = " ".join([word for word in text.split(" ") if word])
        if not text.isascii():
            text = text.translate(_TO_BLANKS).rstrip(" \u200c\u200d")
        if not text:
            self.gap = self.gap or blank or "\xa0" in written
            return
        if self.gap and self.lines:
            self.lines.append(("> " * min(self.quotes, self.quotes_before, _MAX_MARKS)).rstrip())
        self.lines.append("> " * min(self.quotes, _MAX_MARKS) + self.bullet + text)
        self.gap, self.bullet, self.quotes_before = False, "", self.quotes

    def text(self) -> str:
        """Return all of it."""
        self.end_link()
        self.end_line()
        return "\n".join(self.lines).strip("\n")
