"""A CRM's own tables of people and companies, and the directory that lets contacts land in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)  # fmt: skip

from crmsync.model import Company, Contact, PersonName
from crmsync.stores.directory import Completion, Directory, Known

metadata = MetaData()
organisation = Table(
    "organisation", metadata,
    Column("id", Integer, primary_key=True),
    Column("website", Text, unique=True),
    Column("title", Text, nullable=False),
)  # fmt: skip
human = Table(
    "human", metadata,
    Column("id", Integer, primary_key=True),
    Column("given", Text, nullable=False, default=""),
    Column("family", Text, nullable=False, default=""),
    Column("organisation_id", ForeignKey(organisation.c.id)),
    Column("archived", Boolean, nullable=False, default=False),
)  # fmt: skip
email = Table(
    "email", metadata,
    Column("id", Integer, primary_key=True),
    Column("human_id", ForeignKey(human.c.id), nullable=False),
    Column("address", Text, nullable=False),
    Column("main", Boolean, nullable=False, default=True),
)  # fmt: skip


class OurPeople(Directory):
    """Lets contacts land in `human`, `email` and `organisation`."""

    def find(self, connection: Connection, addresses: Sequence[str]) -> Mapping[str, Known]:
        asked = func.lower(email.c.address).in_(addresses)
        holders = select(email.c.human_id).where(asked)
        query = (
            select(human, email.c.address, email.c.main, organisation.c.website, organisation.c.title)
            .join(email, email.c.human_id == human.c.id)
            .outerjoin(organisation, organisation.c.id == human.c.organisation_id)
            .where(human.c.id.in_(holders))
            .order_by(human.c.id, email.c.main.desc(), email.c.id)
        )
        rows: dict[int, list[Any]] = {}
        for row in connection.execute(query):
            rows.setdefault(row.id, []).append(row)
        known = [self._known(mine) for mine in rows.values()]
        found: dict[str, Known] = {}
        for address in addresses:
            mine = [one for one in known if address in one.addresses]
            if mine:
                found[address] = min(mine, key=lambda k: (k.deleted, k.addresses[0] != address, k.id))
        return found

    def _known(self, rows: Sequence[Any]) -> Known:
        one = rows[0]
        company = Company(domain=one.website, name=one.title) if one.website else None
        addresses = [row.address.lower() for row in rows]
        return Known(one.id, addresses, PersonName(first=one.given, last=one.family), company, one.archived)

    def ensure(self, connection: Connection, contacts: Sequence[Contact], companies: Sequence[Company]) -> None:
        there = set(connection.execute(select(organisation.c.website)).scalars())
        for company in companies:
            if company.domain not in there:
                connection.execute(insert(organisation).values(website=company.domain, title=company.name))
        for contact in contacts:
            employer = self._employer(contact.company)
            values = {"given": contact.name.first, "family": contact.name.last, "organisation_id": employer}
            id_ = connection.execute(insert(human).values(values).returning(human.c.id)).scalar_one()
            connection.execute(insert(email).values(human_id=id_, address=contact.address))

    def link(self, connection: Connection, completions: Sequence[Completion]) -> None:
        for one in completions:
            here = update(human).where(human.c.id == one.id)
            if one.name:
                unnamed = here.where(human.c.given == "", human.c.family == "")
                connection.execute(unnamed.values(given=one.name.first, family=one.name.last))
            if one.company:
                free = here.where(human.c.organisation_id.is_(None))
                connection.execute(free.values(organisation_id=self._employer(one.company)))

    def _employer(self, company: Company | None) -> Any:
        if company is None:
            return None
        return select(organisation.c.id).where(organisation.c.website == company.domain).scalar_subquery()
