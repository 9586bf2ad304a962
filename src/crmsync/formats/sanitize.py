"""HTML bodies that are safe to show: nothing runs, nothing is submitted, nothing calls home."""

from __future__ import annotations

import re
from html import escape

from crmsync.model import clean_text

from .html import VOID, element_end, hides, html_to_text, tags

_TAGS = frozenset({
    "a", "abbr", "address", "article", "aside", "b", "bdi", "blockquote", "br", "caption", "center", "cite",
    "code", "col", "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark", "ol", "p",
    "pre", "q", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "time", "tr", "tt", "u", "ul", "var", "wbr",
})  # fmt: skip
_EVERYWHERE = frozenset({"align", "bgcolor", "dir", "height", "lang", "style", "title", "valign", "width"})
_ATTRIBUTES = {
    "*": _EVERYWHERE,
    "a": frozenset({"href"}),
    "font": frozenset({"color", "face", "size"}),
    "img": frozenset({"alt", "data-remote-src", "src"}),
    "ol": frozenset({"start", "type"}),
    "table": frozenset({"border", "cellpadding", "cellspacing"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
}
_STYLES = frozenset({
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius",
    "border-right", "border-spacing", "border-style", "border-top", "border-width", "color", "direction", "font-family",
    "font-size", "font-style", "font-variant", "font-weight", "height", "letter-spacing", "line-height", "margin",
    "margin-bottom", "margin-left", "margin-right", "margin-top", "max-width", "padding", "padding-bottom",
    "padding-left", "padding-right", "padding-top", "text-align", "text-decoration", "text-indent", "text-transform",
    "vertical-align", "white-space", "width", "word-break", "word-wrap",
})  # fmt: skip
_IMG = re.compile(r"<img", re.IGNORECASE)
_HREF = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_SRC = re.compile(r"cid:|data:image/(?:png|gif|jpeg|webp|bmp)[;,]", re.IGNORECASE)
# What a host loads once its user agreed has to be a whole web address: a path would be one of the host's own, asked for
# with the reader's cookies.
_REMOTE = re.compile(r"(?:https?:)?//[^/\\\s]", re.IGNORECASE)
# Overrides of the direction of writing, with which a link can pose as another one (UAX 9).
_OVERRIDES = dict.fromkeys((0x202D, 0x202E))
_REMOTE_SRC = re.compile(r"""(?<=[\s"'/])src(?=\s*+=\s*+["']?\s*+(?:https?:)?//)""", re.IGNORECASE)
# Any function or escape in a style may load something, today or in some browser.
_STYLE_LOADS = re.compile(r"[\\@<]|\(\s*+[\"']?[^)]*+[:/]|url|image|expression|var|attr|env", re.IGNORECASE)

_FORMATTING = frozenset({
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
})  # fmt: skip
_IMPLIED_END = frozenset({"dd", "dt", "li", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr"})
_MAX_STEPS = 20_000_000
_MAX_COPIES = 300_000


def sanitize_html(html: str) -> str:
    """Return HTML that is safe to show: no scripts, forms, frames or styles that load, only safe URL schemes.

    Remote images are not loaded: their `src` becomes `data-remote-src`, for a host that asks its user first. Images
    within the mail (`cid:`) and in the HTML itself stay. What is hidden goes, as in the text, unless nothing else is
    there; so do overrides of the direction of writing. A document built to make parsers slow comes back as
    preformatted text.
    """
    html = clean_text(html)
    if _is_hostile(html):
        return f"<pre>{escape(html_to_text(html))}</pre>"
    import nh3  # noqa: PLC0415 - a compiled library that only HTML bodies need

    clean: str = nh3.clean(
        _prepared(html),
        tags=_TAGS,
        clean_content_tags={"script", "style", "title", "textarea", "select", "template"},
        attributes=_ATTRIBUTES,
        attribute_filter=_safe_attribute,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        link_rel="noopener noreferrer nofollow",
    )
    return clean if clean.isascii() else clean.translate(_OVERRIDES)


def _prepared(html: str) -> str:
    """Leave out what is hidden, and set remote images aside."""
    shown = _pieces(html, hiding=bool(_HIDES.search(html)))
    return shown if shown is not None else _pieces(html, hiding=False) or ""


def _pieces(html: str, *, hiding: bool) -> str | None:
    # Only a service: whatever this overlooks, `_safe_attribute` drops.
    if not hiding and not _IMG.search(html):
        return html
    pieces: list[str] = []
    position = behind = 0
    shows = False
    for text, slash, name, attributes, end in tags(html):
        if end <= behind:
            continue  # within what is hidden
        shows = shows or name == "img" or bool(text.strip())
        if hiding and not slash and hides(name, attributes):
            pieces.append(html[position : end - len(name) - len(attributes) - 2])
            position = behind = element_end(html, name, end)
        elif name == "img" and not slash:
            start = end - len(attributes) - 1
            pieces += html[position:start], _REMOTE_SRC.sub("data-remote-src", attributes)
            position = start + len(attributes)
    return "".join(pieces) + html[position:] if shows or not hiding else None


_HIDES = re.compile(r"isplay|idden|pacity|ollapse|:\s*+-\d{3}", re.IGNORECASE)


def _safe_attribute(_element: str, attribute: str, value: str) -> str | None:
    if attribute == "href":
        return value if _HREF.match(value) else None
    if attribute == "src":
        return value if _SRC.match(value) else None
    if attribute == "data-remote-src":
        value = value.strip()
        return value if _REMOTE.match(value) else None
    if attribute == "style":
        return None if _STYLE_LOADS.search(value) else value
    return value


def _is_hostile(html: str) -> bool:
    """Tell whether a tree builder (HTML Standard, 13.2.6) would take quadratic time or memory.

    It walks the open elements at many a tag, copies the open formatting elements into each new block, and
    compares each attribute of a tag with all others.
    """
    open_tags: dict[str, int] = {}
    depth = formatting = copies = 0
    # Each character reference makes the tokenizer of nh3 move what it has read.
    steps = html.count("&") ** 2 // 256
    if steps > _MAX_STEPS:
        return True
    foreign = False
    for _, slash, name, attributes, _ in tags(html):
        if not name or name in VOID:
            continue
        foreign = foreign or name in ("svg", "math")
        steps += depth
        copies += formatting
        if len(attributes) > 1000:
            steps += sum(map(attributes.count, " \t\n\f/=")) ** 2 // 2
        if steps > _MAX_STEPS or copies > _MAX_COPIES:
            return True
        if name in _IMPLIED_END and not foreign:
            continue
        change = 1 if not slash else -1 if open_tags.get(name) else 0
        open_tags[name] = open_tags.get(name, 0) + change
        depth += change
        formatting += change if name in _FORMATTING else 0
    return False
