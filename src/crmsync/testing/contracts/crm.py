"""What a storage must keep of the CRM around it: companies, several addresses, channels, workspaces, its own lists.

Each is a contract of its own, for a CRM that has these: a class that is not there can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...model import Batch, Channel, Company, Contact
from ...protocols import Storage
from ..fakes import message
from .hooks import CONTRACT_CHANNEL, A, B, Link, StorageHooks, apply, ask, following, holds, same
from .items import contact, series

ANN, BEA = "ann@client.example", "bea@other.example"
OTHER_CHANNEL = Channel(key="contract-other", addresses={"you@acme.com"}, owner="you")
"""A second channel, of another owner, for `ChannelsContract`: `make_storage` may have to make a row of it."""


class CompaniesContract(StorageHooks):
    """The clauses of `Contact.company` in a CRM that has companies. Give its hook too."""

    def read_companies(self, storage: Any) -> Mapping[str, str | None]:
        """Return the domain of each person's company, None where there is none, by the person's address."""
        raise NotImplementedError(ask(self, "read_companies(storage): {address: domain of the company or None}"))

    def test_a_contact_has_its_company(self) -> None:
        """Two people of one company have the same; who has none gets none."""
        storage = self.make_storage()
        apply(storage, contacts=[_at(ANN), _at("cy@client.example"), _at(BEA), contact("dan@gmail.com", "Dan")])
        found = {ANN: "client.example", "cy@client.example": "client.example", BEA: "other.example"}
        same({**found, "dan@gmail.com": None}, dict(self.read_companies(storage)))

    def test_a_company_that_is_there_stays(self) -> None:
        """A later mail fills an empty one in, and never moves anybody."""
        storage = self.make_storage()
        apply(storage, contacts=[contact(ANN, "Ann"), _at(BEA)])
        apply(storage, contacts=[_at(ANN), _at(BEA, "elsewhere.example")])
        same({ANN: "client.example", BEA: "other.example"}, dict(self.read_companies(storage)))


class AddressesContract(StorageHooks):
    """The clauses of people with several addresses. Give its hook too."""

    def add_address(self, storage: Any, address: str, another: str) -> None:
        """Give somebody, found by an address, another one, as your users do."""
        raise NotImplementedError(ask(self, "add_address(storage, address, another): as your users do it"))

    def test_somebody_is_found_by_any_of_their_addresses(self) -> None:
        """Mail to the second address makes nobody new, and fills the name of who is there."""
        storage = self.make_storage()
        apply(storage, contacts=[contact(ANN)])
        self.add_address(storage, ANN, "Ann.Lee@Private.Example")
        apply(storage, contacts=[contact("ann.lee@private.example", "Ann", "Lee"), contact(BEA, "Bea")])
        same({ANN: "Ann Lee", BEA: "Bea"}, self.read(storage).people)


class ChannelsContract(StorageHooks):
    """The clauses of whose copy it is, in a CRM that shows records to others than their owner. Give its hook too."""

    def read_channels(self, storage: Any) -> Mapping[Link, str]:
        """Return the key of the channel under which each (stream, id) is kept."""
        raise NotImplementedError(ask(self, "read_channels(storage): {(stream, id): the channel's key}"))

    def test_each_copy_is_kept_under_the_channel_that_brought_it(self) -> None:
        """Two colleagues have the same mail: what others see of each copy follows from its owner's settings."""
        storage = self.make_storage()
        theirs = f"{OTHER_CHANNEL.key}/a"
        apply(storage, message("1"))
        storage.apply(_of_the_other(storage, theirs))
        apply(storage, message("2"))
        own, other = CONTRACT_CHANNEL.key, OTHER_CHANNEL.key
        same({(A, "1"): own, (A, "2"): own, (theirs, "1"): other}, dict(self.read_channels(storage)))


class WorkspacesContract(StorageHooks):
    """The clauses of several workspaces in one database. Give its hook too."""

    def other_workspace(self, storage: Any) -> Storage:
        """Return the storage of another workspace in the same database."""
        raise NotImplementedError(ask(self, "other_workspace(storage): another workspace in the same database"))

    def test_workspaces_are_separate(self) -> None:
        """The same streams, ids, mail and people: what one does, the other does not notice."""
        storage = self.make_storage()
        other = self.other_workspace(storage)
        for each in (storage, other):
            apply(each, message("1"), message("2"), series("s", 1, 2), contacts=[contact(ANN, "Ann")])
        before = self.read(other, A)
        apply(storage, message("1", text="Changed."), deletes=["2", "s"], contacts=[contact(BEA, "Bea")])
        same(before, self.read(other, A), "the other workspace changed")
        same({(A, "1")}, set(self.read(storage, A).records))
        apply(other, deletes=["1"])
        same(holds(message("1", text="Changed.")), self.read(storage, A).records)


class ListContract(StorageHooks):
    """The clauses of a list of the host's own, of mail and meetings, beside the links. Give its hook too."""

    def read_list(self, storage: Any) -> Iterable[str]:
        """Return the key of each mail and each meeting that your users' list shows."""
        raise NotImplementedError(ask(self, "read_list(storage): the keys of all mail and meetings in your list"))

    def test_the_list_has_what_is_linked_and_nothing_else(self) -> None:
        """What went, was excluded or was replaced is in no list; what another stream still links is."""
        storage = self.make_storage()
        for stream in (A, B):
            apply(storage, message("1"), message("2"), series("s", 1, 2), stream=stream)
        self._agrees(storage)
        apply(storage, message("2", message_id="another@fake.example"), series("s", 2), deletes=["1"])
        self._agrees(storage)
        apply(storage, deletes=["1", "2", "s"], stream=B)
        self._agrees(storage)
        apply(storage, deletes=["2", "s"])
        self._agrees(storage)

    def _agrees(self, storage: Storage) -> None:
        linked = {record.key for records in self.read(storage).records.values() for record in records}
        same(sorted(linked), sorted(self.read_list(storage)), "the list and the links differ")


def _at(address: str, domain: str | None = None) -> Contact:
    domain = domain or address.rpartition("@")[2]
    return contact(address).model_copy(
        update={"company": Company(domain=domain, name=domain.partition(".")[0].title())}
    )


def _of_the_other(storage: Storage, stream: str) -> Batch:
    return following(storage, message("1"), stream=stream).model_copy(update={"channel": OTHER_CHANNEL})
