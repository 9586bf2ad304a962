"""Keep people and companies in the order of their names, and under the words that they are found by."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, select, update

from ...model import Company, PersonName
from ..reading import company_order, person_order
from ..words import words_of_company, words_of_person
from .bulk import insert_rows
from .rows import Values, chunks
from .tables import Tables

PERSON, COMPANY = "p", "c"


def name_people(connection: Connection, tables: Tables, ids: Several[int]) -> None:
    """Give these people their places and words anew, after their names, addresses or existence have changed."""
    people, addresses = tables.people, tables.addresses
    for some in chunks(sorted(ids)):
        query = select(people, addresses.c.address).join(addresses, addresses.c.person_id == people.c.id)
        query = query.where(people.c.id.in_(some)).order_by(people.c.id, addresses.c.position, addresses.c.address)
        found: dict[int, list[str]] = {}
        rows = {}
        for row in connection.execute(query):
            found.setdefault(row.id, []).append(row.address)
            rows[row.id] = row
        _forget(connection, tables, PERSON, [row.place for row in rows.values() if row.place is not None])
        places: list[Values] = []
        words: list[Values] = []
        for id_, row in rows.items():
            place, theirs = named_person(row._asdict(), found[id_])
            places.append({"this": id_, "place": place})
            words += theirs
        if places:
            connection.execute(update(people).where(people.c.id == bindparam("this")), places)
        _learn(connection, tables, words)


def named_person(row: Values, addresses: Sequence[str]) -> tuple[str | None, list[Values]]:
    """Return the place of a person, if they have one, and the words that they are found by, as rows."""
    name = PersonName.model_construct(first=row["first"], last=row["last"])
    place = None if row["deleted"] else person_order(name, addresses)
    return place, _words(PERSON, place, words_of_person(name, addresses))


def name_companies(connection: Connection, tables: Tables, domains: Several[str]) -> None:
    """Give these companies their places and words anew."""
    companies = tables.companies
    for some in chunks(sorted(domains)):
        rows = connection.execute(select(companies).where(companies.c.domain.in_(some))).all()
        _forget(connection, tables, COMPANY, [row.place for row in rows if row.place is not None])
        places: list[Values] = []
        words: list[Values] = []
        for row in rows:
            place = company_order(Company(domain=row.domain, name=row.name))
            places.append({"this": row.domain, "place": place})
            words += _words(COMPANY, place, words_of_company(row.name, row.domain))
        if places:
            connection.execute(update(companies).where(companies.c.domain == bindparam("this")), places)
        _learn(connection, tables, words)


def forget_people(connection: Connection, tables: Tables, places: Iterable[str]) -> None:
    """Let those who stood at these places, and are no more, be found no more."""
    _forget(connection, tables, PERSON, places)


def _words(kind: str, place: str | None, words: Iterable[str]) -> list[Values]:
    return [] if place is None else [{"kind": kind, "word": word, "place": place} for word in sorted(words)]


def _forget(connection: Connection, tables: Tables, kind: str, places: Iterable[str]) -> None:
    names = tables.names
    for some in chunks(list(places)):
        connection.execute(delete(names).where(names.c.kind == kind, names.c.place.in_(some)))


def _learn(connection: Connection, tables: Tables, rows: list[Values]) -> None:
    insert_rows(connection, tables.names, rows, existing="keep")
