"""Addresses in one form each (RFC 5322 section 3.4.1, RFC 5890), however mail, calendars and people write them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import unescape
from typing import Any
from urllib.parse import unquote

from .text import clean_text

_PLAIN = re.compile(
    r"(?!imcea)[a-z0-9!#$%&*+/=?^_{|}~-][a-z0-9!#$%&'*+/=?^_`{|}~.-]*(?<!['`])@[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"
)
"""What nearly all addresses look like once they are in lower case."""
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000f0000-\U000fffff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_BARE_JUNK = re.compile(r"[\s<>]+")
_WIDE = str.maketrans("\uff20\ufe6b\uff1c\uff1e\uff1a\uff1b\uff0c\u00b4", "@@<>:;,'")
_ESCAPED = re.compile(r"&(?:lt|gt|quot|apos|amp|#3[49]|#6[02]);")

_TOKEN = re.compile(
    r"""(?P<quoted>"(?P<content>(?>(?:[^"\\]++|\\.)*))") | (?P<mark>[()"]) | <(?P<angle>[^<>]*+)>
    | (?P<text>[^"()<>\\]++ | \\. | .)""",
    re.VERBOSE | re.DOTALL,
)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SPECIALS = "".join(chr(code) for code in range(0x20, 0x7F) if not chr(code).isalnum())
# Within quotes they mean themselves: while the rest is read they wait beyond the characters of any script.
_SEAL = {ord(mark): 0xF0000 + ord(mark) for mark in _SPECIALS}
_UNSEAL = {to: mark for mark, to in _SEAL.items()}
_ENDS = " \t\n\r\f\v."
_AT = re.compile(r"\s*@\s*")
_SPACED_DOT = re.compile(r"\s+\.\s*(?=\w)")
_LITERAL = re.compile(r"\[[^\[\]@\s]*\]")
_DOMAIN = re.compile(
    r"[^\x00-,/:-@\[-^`{-\x7f\s\u00b4\u2018-\u201f\u00ab\u00bb\u2039\u203a\u3001\u300c-\u300f\U000f0000-\U000f00ff]+"
)
_BEFORE = re.compile(
    r"(?:[\s,;:<>\[\]]|@[^:]*:|(?:mailto|e-?mail|smtp|sips?|xmpp|x500|from|to|b?cc|reply-to):(?://)?)+"
)
"""What may stand before an address: a route (RFC 5322 section 4.4), the scheme of a link, the name of a field."""
_AROUND = " {}|\\'\"`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_NEEDS_QUOTES = re.compile(r"[\s\"(),:;<>@\[\]\\]")
_IMCEA = re.compile(r"imcea(?:smtp|mailto|invalid)-(.+)")
_HEX = re.compile(r"\+([0-9a-f]{2})")

_NOBODY = re.compile(
    r"(?:un|non?|not|nicht)[\W_]?(?:disclosed|listed|specified|named|shown|offengelegte|divulgu?[eé]s|revelad[oa]s)"
    r"[\W_]*(?:recipients?|empf.+|destinat.+)|(?:recipients?|destinat\w+|empf\w+ger|odbiorcy|adresaci)"
    r"[\W_]+(?:list|lista|inconnus|masqu[eé]s|ocultos|n[oaã]o?n?[\W_]|nicht|ukryci|not[\W_]).*"
    r"|(?:hidden|suppressed|verborgene|ukryci|niejawni|verborgen|dolda)[\W_]*(?:recipients?|empf.+|adresaci|odbiorcy"
    r"|ontvangers|mottagare)|list[\W_]+suppressed|no[\W_]?recipients?"
)
"""What programs write where they name nobody, once another program has made an address of it."""


def clean_address(value: Any) -> Any:
    r"""Give an address its one form: lower case, nothing around it, ASCII domain (RFC 5890).

    Takes the address out of what stands around it: `Name <address>`, quotes of any kind, comments, commas, `mailto:`,
    an obsolete route, Exchange's encapsulation. It never refuses: `root@localhost` and `a..b@docomo.ne.jp` are real,
    and what holds no address comes back without its blanks. Linear in its length.

    >>> clean_address(" <Ann@M\u00fcnchen.Example> "), clean_address("Bob <'bob@acme.com'>")
    ('ann@xn--mnchen-3ya.example', 'bob@acme.com')
    """
    if not isinstance(value, str):
        return value
    lower = value.lower()
    if _PLAIN.fullmatch(lower):
        return lower
    return _remembered(value) if len(value) <= _LONGEST_REMEMBERED else _canonical(value)


_LONGEST_REMEMBERED = 500


def is_mailbox(address: str) -> bool:
    """Tell a mailbox from `undisclosed-recipients:`, an Exchange name and half an address, all of them cleaned."""
    local, _, domain = address.rpartition("@")
    if not local or not domain or local[0] == "/":
        return False
    return not names_nobody(address)


def names_nobody(address: str) -> bool:
    """Tell whether a cleaned text stands for nobody: a group without members, or half an address.

    >>> names_nobody('"undisclosed recipients:;"@mail.example'), names_nobody("root")
    (True, False)
    """
    local, at, domain = address.rpartition("@")
    local = (local if at else domain).strip('"')
    if local.endswith((":", ";")) or ":;" in local or (at and not (local and domain)):
        return True
    return not local.isalnum() and _NOBODY.fullmatch(local.strip("() ")) is not None


def ascii_domain(domain: str) -> str:
    """Return the A-label form of a domain (UTS 46); a label that has none stays as it is."""
    domain = domain.strip(_ENDS).lower()
    if domain.isascii() or len(domain) > 253:
        return domain
    labels = [_ascii_label(label) for label in _folded(domain).split(".")]
    return ".".join(labels).strip(_ENDS)


def _folded(domain: str) -> str:
    """Fold the many forms of one letter before anything is cut: what is cut must not turn into something else."""
    domain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", domain).lower())
    return unicodedata.normalize("NFKC", _CONTROLS.sub("", "".join(domain.replace("\u3002", ".").split())))


@lru_cache(maxsize=4096)
def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    import idna  # noqa: PLC0415 - 2 ms, needed for few addresses

    try:
        return idna.encode(label, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return label


def _canonical(value: str) -> str:
    text = _INVISIBLE.sub("", _CONTROLS.sub("", clean_text(value))).translate(_WIDE)
    while _ESCAPED.search(text):
        text = _ESCAPED.sub(lambda found: unescape(found[0]), text)
    if "%" in text and (("@" not in text and "%40" in text) or "%3c" in text.lower()):
        text = unquote(text)
    text = unicodedata.normalize("NFC", text.lower())
    while "@" in text:
        spec, bracketed = _spec(text)
        if "@" not in spec:
            # The address itself stands within quotes.
            text = spec.translate(_UNSEAL)
        elif found := _of_words(_words(spec, bracketed=bracketed)):
            return found
        elif not _BARE_JUNK.search(text):
            return text
        else:
            text = _unspaced(text)
    return _unspaced(text)


def _unspaced(text: str) -> str:
    return unicodedata.normalize("NFC", _BARE_JUNK.sub("", text))


_remembered = lru_cache(maxsize=8192)(_canonical)


def _spec(text: str, *, comments: bool = True) -> tuple[str, bool]:
    """Return the text around an address without comments, what is quoted sealed, and whether it stood in brackets."""
    outside: list[str] = []
    aside: list[str] = []
    angles: list[str] = []
    depth = position = 0
    while token := _TOKEN.match(text, position):
        position = token.end()
        found = token[0]
        if found == '"':
            # Without its partner it is litter, and looking for the partners of those after it would be quadratic.
            text = text[:position] + text[position:].replace('"', " ")
        elif token.lastgroup == "mark":
            depth = max(depth + (1 if found == "(" else -1), 0) if comments else 0
            outside.append(" ")
        elif depth:
            aside.append(found)
        elif token["angle"] is not None:
            angles.append(found[1:-1])
        elif token["quoted"] is not None:
            outside.append(_PAIR.sub(r"\1", token["content"]).translate(_SEAL))
        else:
            outside.append(" " if found in "<>" else found)
    if depth:
        # A comment that is not closed is none.
        return _spec(text, comments=False)
    for angle in reversed(angles):
        if "@" in angle:
            spec, _ = _spec(angle)
            return spec, True
    joined = "".join(outside)
    if "@" in joined or "@" in joined.translate(_UNSEAL):
        return joined, False
    return "".join(aside).replace('"', " "), False


def _words(spec: str, *, bracketed: bool) -> list[str]:
    spec = _AT.sub("@", spec)
    if bracketed and spec.count("@") == 1:
        return ["".join(spec.split())]
    local, at, rest = spec.partition("@")
    return f"{local}{at}{_SPACED_DOT.sub('.', rest)}".split()


def _of_words(words: list[str]) -> str:
    """Return the first address among words, empty where there is none."""
    for word in words:
        local, at, domain = word.rpartition("@")
        if at and (found := _address(local, domain)):
            return found
    return ""


def _address(local: str, domain: str) -> str:
    if not domain.isascii():
        domain = _folded(domain)
    literal = _LITERAL.match(domain) or _DOMAIN.match(domain)
    domain = ascii_domain(literal[0]) if literal else ""
    local = local.lstrip(_AROUND)
    if before := _BEFORE.match(local):
        local = local[before.end() :]
    if "://" in local or local.startswith("//"):
        return ""  # a web address, of which "@ann" is a part
    local = local.translate(_UNSEAL)
    stripped = local.strip(_AROUND)
    local = stripped or local
    if not local or not domain:
        return ""
    if encapsulated := _IMCEA.fullmatch(local):
        plain = _HEX.sub(lambda code: chr(int(code[1], 16)), encapsulated[1])
        if "@" in plain.strip("@") and "imcea" not in plain:
            return str(clean_address(plain))
    if _NEEDS_QUOTES.search(local):
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{local}@{domain}"
