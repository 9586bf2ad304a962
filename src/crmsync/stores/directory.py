"""`Directory`: a host's own tables of people and companies, for `SqlStorage` to let contacts land in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from ..model import Company, Contact, PersonName


class Known(NamedTuple):
    """Somebody whom the host knows."""

    id: Any
    """The host's own: handed back in `Completion.id`, and kept as text in `Person.ref`."""
    addresses: Sequence[str]
    """All of theirs, the primary one first."""
    name: PersonName
    company: Company | None = None
    deleted: bool = False
    """A user deleted them, or does not want them: nothing is made or changed for these addresses."""


class Completion(NamedTuple):
    """What mail tells of somebody and the host does not know yet."""

    id: Any
    name: PersonName | None
    """To fill both name fields with, which are empty; None where one of them is not."""
    company: Company | None
    """To link the person to, who has none; None where they have one."""


class Directory(Protocol):
    """Where a CRM keeps people and companies.

    Each method is called inside the batch's transaction, on its connection, and neither commits nor rolls back. What
    it raises undoes the batch and is told as `StorageError`. Of crmsync's writers one at a time makes or completes
    people. Who exists, whom to leave alone and which name counts is decided here; a directory only looks and writes.
    """

    @abstractmethod
    def find(self, connection: Connection, addresses: Sequence[str]) -> Mapping[str, Known]:
        """Return who is known under each of these addresses, deleted people too; nobody where there is none.

        Addresses come in lower case and are compared in any. Of several with one address return one who is not
        deleted, who has it as the primary address, the oldest.
        """

    @abstractmethod
    def ensure(self, connection: Connection, contacts: Sequence[Contact], companies: Sequence[Company]) -> None:
        """Make a person of each contact, and a company of each domain unless there is one.

        Nobody has these addresses, each comes once, and `find` has to find them afterwards. Link each new person to
        the company of `Contact.company`: it is among `companies`, or there already.
        """

    @abstractmethod
    def link(self, connection: Connection, completions: Sequence[Completion]) -> None:
        """Fill the empty names of people, and link those without a company to theirs, which is there.

        A user may have filled them meanwhile: write only what is empty still (`... WHERE company_id IS NULL`).
        """
