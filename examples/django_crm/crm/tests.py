"""This CRM's storage keeps crmsync's contracts: `python manage.py test`, or pytest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crmsync import Event, Message
from crmsync.testing import (
    CONTRACT_CHANNEL,
    HeldContract,
    PeopleContract,
    StorageContract,
    WritersContract,
)
from crmsync.testing.machine import SyncMachine
from django.contrib.auth.models import User
from django.db import connection
from django.test import TestCase, TransactionTestCase
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from .models import Channel, EmailAddress, Link, Person
from .storage import OrmStorage


class Hooks:
    """What the contracts cannot know: how this CRM's users see and change it."""

    def make_storage(self) -> OrmStorage:
        owner = User.objects.create(username=CONTRACT_CHANNEL.owner)
        Channel.objects.create(key=CONTRACT_CHANNEL.key, owner=owner, addresses="\n".join(CONTRACT_CHANNEL.addresses))
        return OrmStorage()

    def read_records(self, storage: OrmStorage) -> Mapping[tuple[str, str], Iterable[Message | Event]]:
        found: dict[tuple[str, str], list[Message | Event]] = {}
        for link in Link.objects.select_related("stream"):
            found.setdefault((link.stream.name, link.item_id), []).append(link.record())
        return found

    def read_people(self, storage: OrmStorage) -> Iterable[tuple[str, str, str]]:
        people = Person.objects.prefetch_related("addresses")
        return [(p.addresses.all()[0].address, p.first_name, p.last_name) for p in people]

    def read_held(self, storage: OrmStorage) -> Iterable[tuple[str, str]]:
        return Link.objects.filter(held=True).values_list("stream__name", "item_id").distinct()

    def add_person(self, storage: OrmStorage, address: str, first: str, last: str) -> None:
        person = Person.objects.create(first_name=first, last_name=last)
        EmailAddress.objects.create(address=address, person=person)

    def delete_person(self, storage: OrmStorage, address: str) -> None:
        Person.objects.get(addresses__address=address).delete()


class StorageTest(Hooks, StorageContract, PeopleContract, HeldContract, TestCase):
    """The clauses of a storage, each in a transaction that Django rolls back."""


class TwoWorkersTest(Hooks, WritersContract, TransactionTestCase):
    """The clauses of two workers: a thread has a connection of its own, so these transactions are real."""

    def close(self, storage: Any) -> None:
        connection.close()


class RandomLifeTest(TestCase):
    """A small account's random life over this storage: mail comes, changes, moves and goes, and workers crash."""

    def test_the_promises_hold_in_a_random_life(self) -> None:
        life = settings(max_examples=20, stateful_step_count=15, deadline=None, database=None)
        run_state_machine_as_test(OrmMachine, settings=life)


class OrmMachine(SyncMachine):
    """The machine, with the same hooks."""

    def make_storage(self) -> OrmStorage:
        for model in (User, Person, EmailAddress):
            model.objects.all().delete()
        Channel.objects.create(key="c", owner=User.objects.create(username="c"), addresses="me@acme.com")
        return OrmStorage()

    def read_items(self, storage: OrmStorage) -> dict[tuple[str, str], tuple[Message | Event, ...]]:
        return {where: tuple(records) for where, records in Hooks().read_records(storage).items()}

    def read_addresses(self, storage: OrmStorage) -> Iterable[str]:
        return EmailAddress.objects.filter(person__isnull=False).values_list("address", flat=True)
