"""The base of every value, and the types of its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from .address import ascii_domain, clean_address
from .text import clean_line, clean_text


class Value(BaseModel):
    """A frozen value: compared by content, changed only by making a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy with other fields, checked as if the value were made anew. What was derived is derived again.

        Raises:
            ValidationError: a field that there is not, or a value that it cannot hold.

        """
        source = super().model_copy(deep=True) if deep else self
        return type(self).model_validate(
            {name: getattr(source, name) for name in self.model_fields_set} | dict(update or {})
        )


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


__all__ = [
    "Address", "Day", "Instant", "Line", "Many", "SetOf", "Text", "Value", "ascii_domain", "clean_address",
    "clean_line", "clean_text",
]  # fmt: skip
