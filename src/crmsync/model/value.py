"""The base of every value, and text that any database can hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_ADDRESS_JUNK = re.compile(rf"[\s\x00-\x1f\x7f-\x9f<>{_INVISIBLE}]+")


class Value(BaseModel):
    """A frozen value: compared by content, changed only by making a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy with other fields. What was derived from the old ones is derived again."""
        copy = super().model_copy(update=update, deep=deep)
        for name in copy.__dict__.keys() - type(self).model_fields.keys():
            del copy.__dict__[name]
        return copy


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

    Servers unfold header fields in different ways: what they disagree on is how many blanks a fold leaves.

    >>> clean_line(" Re:\r\n\tlunch  at\x1b[2J ")
    'Re: lunch at [2J'
    """
    if not isinstance(value, str):
        return value
    if value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()
    return " ".join(_CONTROLS.sub(" ", clean_text(value)).split())


def clean_address(value: Any) -> Any:
    r"""Normalise an address as it occurs in mail: lower case, no brackets, ASCII domain (RFC 5890).

    It cleans and never refuses: `root@localhost` and `a..b@docomo.ne.jp` are real.

    >>> clean_address(" <Ann@M\u00fcnchen.Example> ")
    'ann@xn--mnchen-3ya.example'
    """
    if not isinstance(value, str):
        return value
    value = _ADDRESS_JUNK.sub("", clean_text(value)).lower()
    if value.isascii():
        return value.rstrip(".") if "@" in value else value
    local, at, domain = unicodedata.normalize("NFC", value).rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return the A-label form of a domain (UTS 46), or the domain itself where it has none."""
    domain = domain.strip().strip(".").lower()
    if domain.isascii() or len(domain) > 253:
        return domain
    import idna  # noqa: PLC0415 - 2 ms, needed for few addresses

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return domain


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the instant lies outside the years 1 to 9999") from None


def _no_time(value: Any) -> Any:
    # Without this, midnight without a zone would pass as a day.
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) > 10):
        raise ValueError("a moment needs a time zone; a day has no time")
    return value


Text = Annotated[str, BeforeValidator(clean_text)]
"""Several lines of text."""

Line = Annotated[str, BeforeValidator(clean_line)]
"""One line of text."""

Address = Annotated[str, BeforeValidator(clean_address)]
"""An address as it occurs in mail, cleaned and not validated."""

Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment, kept in UTC. Naive times are refused."""

Day = Annotated[date, BeforeValidator(_no_time)]
"""A date without a time."""

if TYPE_CHECKING:
    # A host's type checker lets lists and sets pass where pydantic takes them.
    _T = TypeVar("_T")
    Many: TypeAlias = Sequence[_T]
    SetOf: TypeAlias = Set[_T]
else:

    class Many:
        """Accepts a list or a tuple, keeps a tuple."""

        def __class_getitem__(cls, item):
            return tuple[item, ...]

    class SetOf:
        """Accepts a set or a list, keeps a frozen set."""

        def __class_getitem__(cls, item):
            return frozenset[item]
