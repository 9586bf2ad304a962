"""What a storage must keep whose users see each other's records, and add and delete people.

`HeldContract` and `PeopleContract`: beside `StorageContract`, where a CRM has these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...model import Item
from ..fakes import message
from .hooks import A, B, Link, StorageHooks, apply, ask, holds, same
from .items import contact

ANN, BEA, CY = "ann@client.example", "bea@client.example", "cy@client.example"


class PeopleContract(StorageHooks):
    """The clauses of contacts in a CRM whose users add and delete people. Give its two hooks too."""

    def add_person(self, storage: Any, address: str, first: str, last: str) -> None:
        """Add somebody as your users do; the address is as they type it."""
        raise NotImplementedError(ask(self, "add_person(storage, address, first, last): as your users do it"))

    def delete_person(self, storage: Any, address: str) -> None:
        """Delete somebody as your users do."""
        raise NotImplementedError(ask(self, "delete_person(storage, address): as your users do it"))

    def test_somebody_whom_a_user_added_is_found_in_any_case(self) -> None:
        """Addresses differ in case where people type them."""
        storage = self.make_storage()
        self.add_person(storage, "Ann@Client.Example", "Ann", "Lee")
        apply(storage, contacts=[contact(ANN, "A.", "L."), contact(BEA, "Bea")])
        same({ANN: "Ann Lee", BEA: "Bea"}, self.read(storage).people)

    def test_a_name_that_a_user_left_empty_is_filled(self) -> None:
        """And only that one."""
        storage = self.make_storage()
        self.add_person(storage, ANN, "", "")
        self.add_person(storage, BEA, "Bea", "")
        apply(storage, contacts=[contact(ANN, "Ann", "Lee"), contact(BEA, "Beatrice"), contact(CY)])
        same({ANN: "Ann Lee", BEA: "Bea", CY: ""}, self.read(storage).people)

    def test_a_person_somebody_deleted_stays_deleted(self) -> None:
        """No later mail brings them back, of no stream, and everybody else still comes."""
        storage = self.make_storage()
        apply(storage, contacts=[contact(ANN, "Ann"), contact(BEA, "Bea")])
        self.delete_person(storage, ANN)
        same({BEA: "Bea"}, self.read(storage).people, "delete_person did not delete")
        for stream in (A, B):
            apply(storage, stream=stream, contacts=[contact(BEA), contact(ANN, "Ann", "Lee"), contact(CY, "Cy")])
            same({BEA: "Bea", CY: "Cy"}, self.read(storage).people)

    def test_a_person_deleted_under_another_case_stays_deleted(self) -> None:
        """Whatever case the address was added in, and deleted by."""
        storage = self.make_storage()
        self.add_person(storage, "Ann@Client.Example", "Ann", "")
        self.delete_person(storage, "ANN@client.example")
        apply(storage, contacts=[contact(ANN, "Ann")])
        same({}, self.read(storage).people)

    def test_mail_of_a_deleted_person_still_comes_in(self) -> None:
        """A person was deleted, not their mail: nothing of the batch is left out but the contact."""
        storage = self.make_storage()
        apply(storage, message("1"), contacts=[contact(ANN)])
        self.delete_person(storage, ANN)
        apply(storage, message("2"), contacts=[contact(ANN)])
        same(holds(message("1"), message("2")), self.read(storage).records)


class HeldContract(StorageHooks):
    """The clauses of `Item.held` in a CRM that shows records to others than their owner. Give its hook too."""

    def read_held(self, storage: Any) -> Iterable[Link]:
        """Return each (stream, id) whose records are for their owner only."""
        raise NotImplementedError(ask(self, "read_held(storage): the (stream, id) for the owner only"))

    def test_what_is_held_is_kept_as_held(self) -> None:
        """A one-time code is for its owner only; an item that is no longer held is let go."""
        storage = self.make_storage()
        held = Item(id="1", records=message("1").records, held=True)
        apply(storage, held, message("2"))
        same([(A, "1")], sorted(self.read_held(storage)))
        apply(storage, message("1"), Item(id="2", records=message("2").records, held=True))
        same([(A, "2")], sorted(self.read_held(storage)))

    def test_a_link_is_held_and_not_a_record(self) -> None:
        """Another stream's copy of the same record says for itself whether it is held."""
        storage = self.make_storage()
        apply(storage, Item(id="1", records=message("1").records, held=True))
        apply(storage, message("1"), stream=B)
        same([(A, "1")], sorted(self.read_held(storage)))
