"""People and companies as the bundled tables hold them: the CRM's own, or an index of those in a host's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from ...model import Company, PersonName
from ..directory import Known
from .bulk import among, insert_rows, new_ids
from .locks import lock_people
from .names import forget_people, name_companies, name_people, named_person
from .rows import Values
from .shown import Staff, leave_company
from .tables import Tables


def add_companies(connection: Connection, tables: Tables, companies: Iterable[Company]) -> None:
    """Make those companies that are not there."""
    told = {company.domain: company.name for company in companies}
    if told:
        domain = tables.companies.c.domain
        there = connection.execute(select(domain).where(among(connection, domain, list(told)))).scalars()
        new = [{"domain": one, "name": told[one]} for one in sorted(told.keys() - set(there))]
        insert_rows(connection, tables.companies, new, existing="keep")
        name_companies(connection, tables, [row["domain"] for row in new])


def add_people(connection: Connection, tables: Tables, people: Sequence[tuple[Sequence[str], Values]]) -> None:
    """Make people, each with their addresses, the primary one first."""
    if people:
        numbers = new_ids(connection, tables.people, len(people))
        named = [named_person(values, addresses) for addresses, values in people]
        rows = [
            {"id": number, **values, "place": place}
            for number, (_, values), (place, _) in zip(numbers, people, named, strict=True)
        ]
        insert_rows(connection, tables.people, rows)
        theirs = [
            {"address": address, "person_id": number, "position": position}
            for number, (addresses, _) in zip(numbers, people, strict=True)
            for position, address in enumerate(addresses)
        ]
        insert_rows(connection, tables.addresses, theirs)
        insert_rows(connection, tables.names, [word for _, words in named for word in words], existing="keep")


def staff_of(connection: Connection, tables: Tables, ids: Sequence[int]) -> Staff:
    """Return all addresses of these people, each with the domain of their company."""
    people, theirs = tables.people.c, tables.addresses.c
    query = select(theirs.address, people.company).join(tables.people, people.id == theirs.person_id)
    query = query.where(people.company.is_not(None), among(connection, people.id, ids))
    return [(address, company) for address, company in connection.execute(query)]


def save_person(
    connection: Connection, tables: Tables, address: str, name: PersonName, company: Company | None
) -> Staff:
    """Make somebody, or give who has this address another name and company; who was deleted is there again.

    Return the addresses that belong to a company since now, each with its domain.
    """
    lock_people(connection, tables)
    holder = next(iter(_rows(connection, tables, [address], [])), None)
    addresses = [address] if holder is None else _addresses(connection, tables, holder.id)
    return _put(connection, tables, holder, Known(None, addresses, name, company), holder.ref if holder else None)


def delete_person(connection: Connection, tables: Tables, address: str) -> None:
    """Forget all of a person but the addresses, which keep them deleted."""
    lock_people(connection, tables)
    holder = next(iter(_rows(connection, tables, [address], [])), None)
    addresses = [address] if holder is None else _addresses(connection, tables, holder.id)
    nobody = Known(None, addresses, PersonName(), deleted=True)
    _put(connection, tables, holder, nobody, holder.ref if holder else None)


def _addresses(connection: Connection, tables: Tables, id_: int) -> list[str]:
    theirs = tables.addresses.c
    query = select(theirs.address).where(theirs.person_id == id_).order_by(theirs.position, theirs.address)
    return list(connection.execute(query).scalars())


# -- an index of the host's


def take_over(connection: Connection, tables: Tables, known: Iterable[Known]) -> Staff:
    """Make the tables say of these people what the host knows of them.

    Return the addresses that belong to a company since now, each with its domain.
    """
    people = {str(one.id): one._replace(addresses=_lower(one.addresses)) for one in known}
    differing = _differing(connection, tables, people)
    if differing and lock_people(connection, tables):
        differing = _differing(connection, tables, people)
    add_companies(connection, tables, [one.company for one in differing.values() if one.company])
    joined: list[tuple[str, str]] = []
    new: list[tuple[Sequence[str], Values]] = []
    for ref, one in differing.items():
        rows = _rows(connection, tables, one.addresses, [ref])
        if rows:
            # Whom mail made before there was a directory is theirs from now on.
            mine = next((row for row in rows if row.ref == ref), None) or next((r for r in rows if r.ref is None), None)
            joined += _put(connection, tables, mine, one, ref)
        else:
            new.append((one.addresses, values_of(one, ref)))
            joined += [(address, one.company.domain) for address in one.addresses if one.company]
    add_people(connection, tables, new)
    return joined


def forget(connection: Connection, tables: Tables, addresses: Sequence[str]) -> None:
    """Take these addresses from whoever has them at the host."""
    lock_people(connection, tables)
    for row in _rows(connection, tables, addresses, []):
        if row.ref is not None and row.address in addresses:
            nobody = Known(None, [row.address], PersonName(), deleted=True)
            _put(connection, tables, None, nobody, None)


def _lower(addresses: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(address.lower() for address in addresses))


def values_of(one: Known, ref: str | None = None) -> Values:
    """Return the row of a person; of whoever is deleted only the addresses stay, which keep them deleted."""
    company = one.company.domain if one.company and not one.deleted else None
    name = PersonName() if one.deleted else one.name
    return {"first": name.first, "last": name.last, "company": company, "deleted": one.deleted, "ref": ref}


def _differing(connection: Connection, tables: Tables, people: Mapping[str, Known]) -> dict[str, Known]:
    """Return those of whom the tables say something else; of whom is deleted they need not say anything."""
    rows: dict[str, list[Row[Any]]] = {}
    for row in _rows(connection, tables, [], list(people)):
        rows.setdefault(row.ref, []).append(row)
    differing = {}
    for ref, one in people.items():
        held = rows.get(ref, [])
        same = (
            all(getattr(held[0], name) == value for name, value in values_of(one, ref).items()) if held else one.deleted
        )
        if not same or (held and [row.address for row in held] != one.addresses):
            differing[ref] = one
    return differing


def _rows(connection: Connection, tables: Tables, addresses: Sequence[str], refs: Sequence[str]) -> list[Row[Any]]:
    """Return who has one of these addresses or one of these ids at the host, once for each address of theirs."""
    people, theirs = tables.people, tables.addresses.c
    holders = select(theirs.person_id).where(among(connection, theirs.address, addresses))
    wanted = among(connection, people.c.ref, refs) if refs else people.c.id.in_(holders)
    if refs and addresses:
        wanted |= people.c.id.in_(holders)
    query = select(people, theirs.address).join(people, people.c.id == theirs.person_id).where(wanted)
    return list(connection.execute(query.order_by(people.c.id, theirs.position, theirs.address)))


def _put(connection: Connection, tables: Tables, row: Row[Any] | None, one: Known, ref: str | None) -> Staff:
    """Make somebody, or change who is there; an address of theirs that another has becomes theirs."""
    people, theirs = tables.people, tables.addresses
    others = {r.id: r for r in _rows(connection, tables, one.addresses, []) if row is None or r.id != row.id}
    ids = [*others, row.id] if row else list(others)
    before = set(staff_of(connection, tables, ids))
    connection.execute(delete(theirs).where(among(connection, theirs.c.address, one.addresses)))
    if row is None:
        add_people(connection, tables, [(one.addresses, values_of(one, ref))])
        ids += [r.id for r in _rows(connection, tables, one.addresses[:1], [])]
    else:
        connection.execute(delete(theirs).where(theirs.c.person_id == row.id))
        added = [{"address": a, "person_id": row.id, "position": n} for n, a in enumerate(one.addresses)]
        insert_rows(connection, theirs, added)
        connection.execute(update(people).where(people.c.id == row.id).values(values_of(one, ref)))
    # Who has lost their last address is nobody: two of the host's people have become one.
    left = set(
        connection.execute(select(theirs.c.person_id).where(among(connection, theirs.c.person_id, ids))).scalars()
    )
    gone = {id_: r.place for id_, r in others.items() if id_ not in left}
    if gone:
        forget_people(connection, tables, [place for place in gone.values() if place is not None])
        connection.execute(delete(people).where(among(connection, people.c.id, list(gone))))
    name_people(connection, tables, left)
    after = set(staff_of(connection, tables, ids))
    for address, domain in sorted(before - after):
        leave_company(connection, tables, address, domain)
    return sorted(after - before)
