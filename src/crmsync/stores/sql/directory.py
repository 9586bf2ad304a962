"""Contacts become people: in the bundled tables, or in a host's, of which the bundled ones then are the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, case, func, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ...errors import StorageError
from ...model import Company, Contact, PersonName
from ..directory import Completion, Directory, Known
from .bulk import among
from .faults import RETRIED, advice, sqlstate
from .locks import lock_people
from .names import name_people
from .registry import add_companies, add_people, forget, staff_of, take_over, values_of
from .shown import Staff
from .tables import Tables


class _Plan(NamedTuple):
    """What has to be written for some contacts."""

    contacts: list[Contact]
    """Whom nobody knows."""
    completions: list[Completion]
    companies: list[Company]
    """Which may not be there yet."""


def ensure(connection: Connection, tables: Tables, host: Directory | None, contacts: Iterable[Contact]) -> Staff:
    """Make sure that each contact is somebody: found by address, else made; somebody deleted stays deleted.

    Return the addresses that belong to a company since now, each with its domain.
    """
    wanted: dict[str, list[Contact]] = {}
    for contact in contacts:
        wanted.setdefault(contact.address.lower(), []).append(contact)
    if not wanted:
        return []
    directory = _Named(host) if host else Bundled(tables)
    known = directory.find(connection, list(wanted))
    plan = _plan(known, wanted)
    if any(plan) and lock_people(connection, tables):
        # Others may have come first: only now nobody can.
        known = directory.find(connection, list(wanted))
        plan = _plan(known, wanted)
    if plan.contacts or plan.companies:
        directory.ensure(connection, plan.contacts, plan.companies)
    if plan.completions:
        directory.link(connection, plan.completions)
    if host is None:
        return _joined(connection, tables, plan)
    if any(plan):
        known = directory.find(connection, list(wanted))
        if missing := len(wanted.keys() - known.keys()):
            raise StorageError(f"the directory cannot be used: find() does not find {missing} whom ensure() made")
    return take_over(connection, tables, known.values())


def look_again(connection: Connection, tables: Tables, host: Directory | None, addresses: Sequence[str]) -> Staff:
    """Take over what a host's directory says of these addresses; an address that nobody has any more goes.

    Return the addresses that belong to a company since now, each with its domain.
    """
    if host is None or not addresses:
        return []
    known = _Named(host).find(connection, addresses)
    forget(connection, tables, [address for address in addresses if address not in known])
    return take_over(connection, tables, known.values())


def _plan(known: Mapping[str, Known], wanted: Mapping[str, Sequence[Contact]]) -> _Plan:
    plan = _Plan([], [], [])
    companies: dict[str, Company] = {}
    # Somebody may be told of under several addresses at once.
    told: dict[object, list[Contact]] = {}
    who: dict[object, Known] = {}
    for address, said in wanted.items():
        if person := known.get(address):
            who[person.id] = person
            told.setdefault(person.id, []).extend(said)
        else:
            name, company = _said(said, companies, None)
            plan.contacts.append(Contact(address=address, name=name, company=company))
    for id_, person in who.items():
        if person.deleted:
            continue
        name, company = _said(told[id_], companies, person.company)
        fill = name if name and not person.name else None
        join = company if company and not person.company else None
        if fill or join:
            plan.completions.append(Completion(id_, fill, join))
    plan.companies.extend(companies.values())
    return plan


def _said(
    contacts: Sequence[Contact], companies: dict[str, Company], theirs: Company | None
) -> tuple[PersonName, Company | None]:
    """Return the first name and company that mail tells, and collect the companies that may be new."""
    told = [contact.company for contact in contacts if contact.company]
    for company in told:
        if theirs is None or company.domain != theirs.domain:
            companies.setdefault(company.domain, company)
    name = next((contact.name for contact in contacts if contact.name), PersonName())
    return name, next(iter(told), None)


def _joined(connection: Connection, tables: Tables, plan: _Plan) -> Staff:
    joined = [(contact.address, contact.company.domain) for contact in plan.contacts if contact.company]
    linked = [one.id for one in plan.completions if one.company]
    return [*joined, *staff_of(connection, tables, linked)] if linked else joined


class Bundled(Directory):
    """The bundled tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, connection: Connection, addresses: Sequence[str]) -> Mapping[str, Known]:
        """See `Directory`; only the addresses that were asked for are told."""
        theirs, people, companies = self._tables.addresses.c, self._tables.people, self._tables.companies
        query = select(theirs.address, people, companies.c.name.label("firm"))
        query = query.join(people, people.c.id == theirs.person_id)
        query = query.outerjoin(companies, companies.c.domain == people.c.company)
        found = {}
        for row in connection.execute(query.where(among(connection, theirs.address, addresses))):
            name = PersonName.model_construct(first=row.first, last=row.last)
            company = Company.model_construct(domain=row.company, name=row.firm) if row.company else None
            found[row.address] = Known(row.id, [row.address], name, company, row.deleted)
        return found

    def ensure(self, connection: Connection, contacts: Sequence[Contact], companies: Sequence[Company]) -> None:
        """See `Directory`."""
        add_companies(connection, self._tables, companies)
        people = [Known(None, [contact.address], contact.name, contact.company) for contact in contacts]
        add_people(connection, self._tables, [(one.addresses, values_of(one)) for one in people])

    def link(self, connection: Connection, completions: Sequence[Completion]) -> None:
        """See `Directory`."""
        people = self._tables.people
        unnamed = (people.c.first == "") & (people.c.last == "")
        changed = {
            "first": case((unnamed, bindparam("new_first")), else_=people.c.first),
            "last": case((unnamed, bindparam("new_last")), else_=people.c.last),
            "company": func.coalesce(people.c.company, bindparam("new_company")),
        }
        rows = [
            {
                "this": one.id,
                "new_first": one.name.first if one.name else "",
                "new_last": one.name.last if one.name else "",
                "new_company": one.company.domain if one.company else None,
            }
            for one in completions
        ]
        here = (people.c.id == bindparam("this")) & ~people.c.deleted
        connection.execute(update(people).where(here).values(changed), rows)
        name_people(connection, self._tables, [one.id for one in completions])


class _Named(Directory):
    """A host's directory, whose failures are told as what they are."""

    def __init__(self, host: Directory) -> None:
        self._host = host

    def find(self, connection: Connection, addresses: Sequence[str]) -> Mapping[str, Known]:
        with _blamed("find"):
            return {address.lower(): known for address, known in self._host.find(connection, addresses).items()}

    def ensure(self, connection: Connection, contacts: Sequence[Contact], companies: Sequence[Company]) -> None:
        with _blamed("ensure"):
            self._host.ensure(connection, contacts, companies)

    def link(self, connection: Connection, completions: Sequence[Completion]) -> None:
        with _blamed("link"):
            self._host.link(connection, completions)


@contextmanager
def _blamed(method: str) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and sqlstate(error) in RETRIED:
            raise
        # Not chained: it quotes the statement's parameters, which are people.
        raise StorageError(f"the directory's {method}() failed: {advice(error)}") from None
    except Exception as error:
        what = f"the directory's {method}() failed with {type(error).__name__}"
        raise StorageError(f"{what}; nothing of the batch was applied: mend it, and sync again") from error
