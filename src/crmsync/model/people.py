"""People and companies, as a CRM should know them."""

from __future__ import annotations

from pydantic import Field

from .value import Address, Line, Value


class PersonName(Value):
    """A person's name in the two fields that CRMs have."""

    first: Line = ""
    last: Line = ""

    def __str__(self) -> str:
        return f"{self.first} {self.last}".strip()

    def __bool__(self) -> bool:
        return bool(self.first or self.last)


class Company(Value):
    """A company, known by its registrable domain."""

    domain: str = Field(min_length=1)
    name: Line


class Contact(Value):
    """Somebody the CRM should know: ensured, never blindly created.

    The storage finds the person by the address; it fills empty names and overwrites none, and it does not
    bring back a person whom somebody deleted.
    """

    address: Address = Field(min_length=1)
    name: PersonName = PersonName()
    company: Company | None = None
    """The employer, for work addresses only."""
