"""The contracts of the CRM around a storage: the reference keeps them, and each catches who does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from crmsync import Batch, Contact, Event, Message
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.reading import Person
from crmsync.testing import (
    AddressesContract,
    ChannelsContract,
    CompaniesContract,
    ListContract,
    WorkspacesContract,
)
from crmsync.testing.contracts.hooks import Link


class Crm(MemoryStorage):
    """The reference, with a list of its own and a second workspace."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: set[str] = set()
        self.channel_by_link: dict[Link, str] = {}

    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        for item in batch.upserts:
            self.channel_by_link[batch.stream, item.id] = batch.channel.key
        self.listed = {record.key for item in self.items.values() for record in item.records}


class Host(CompaniesContract, AddressesContract, ChannelsContract, WorkspacesContract, ListContract):
    storage: type[Crm] = Crm

    def make_storage(self) -> Crm:
        return self.storage()

    def read_records(self, storage: Crm) -> Mapping[Link, Iterable[Message | Event]]:
        return {link: item.records for link, item in storage.items.items()}

    def read_people(self, storage: Crm) -> Iterable[tuple[str, str, str]]:
        return [(p.addresses[0], p.name.first, p.name.last) for p in storage.persons.values()]

    def read_companies(self, storage: Crm) -> Mapping[str, str | None]:
        return {p.addresses[0]: p.company for p in storage.persons.values()}

    def add_address(self, storage: Crm, address: str, another: str) -> None:
        person = storage.find(address)
        assert person
        more = [*person.addresses, another.lower()]
        storage.persons[person.id] = person.model_copy(update={"addresses": more})

    def read_channels(self, storage: Crm) -> Mapping[Link, str]:
        return {link: storage.channel_by_link[link] for link in storage.items}

    def other_workspace(self, storage: Crm) -> Crm:
        return type(storage)()

    def read_list(self, storage: Crm) -> Iterable[str]:
        return storage.listed


class TestTheReference(Host):
    """The clauses, under pytest."""


class NoCompany(Crm):
    def _ensure(self, contact: Contact) -> None:
        super()._ensure(contact.model_copy(update={"company": None}))


class MovesPeople(Crm):
    def _ensure(self, contact: Contact) -> None:
        super()._ensure(contact)
        if contact.company and (person := self.find(contact.address)):
            self.persons[person.id] = person.model_copy(update={"company": contact.company.domain})


class FirstAddressOnly(Crm):
    def find(self, address: str) -> Person | None:
        return next((p for p in self.persons.values() if p.addresses[0] == address.lower()), None)


class OneChannel(Crm):
    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        self.channel_by_link = dict.fromkeys(self.channel_by_link, batch.channel.key)


class OneDatabase(Crm):
    everywhere: list[OneDatabase]

    def __init__(self) -> None:
        super().__init__()
        type(self).everywhere = [*getattr(type(self), "everywhere", []), self]

    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        for each in self.everywhere:
            for id_ in batch.deletes:
                each.items.pop((batch.stream, id_), None)


class Orphans(Crm):
    def apply(self, batch: Batch) -> None:
        before = self.listed
        super().apply(batch)
        self.listed |= before


@pytest.mark.parametrize(
    ("storage", "clause"),
    [
        (NoCompany, "a_contact_has_its_company"),
        (MovesPeople, "a_company_that_is_there_stays"),
        (FirstAddressOnly, "somebody_is_found_by_any_of_their_addresses"),
        (OneChannel, "each_copy_is_kept_under_the_channel_that_brought_it"),
        (OneDatabase, "workspaces_are_separate"),
        (Orphans, "the_list_has_what_is_linked_and_nothing_else"),
    ],
)
def test_each_mistake_is_caught(storage: type[Crm], clause: str) -> None:
    host: Any = type("Broken", (Host,), {"storage": storage})()
    with pytest.raises(AssertionError):
        getattr(host, f"test_{clause}")()
