"""What the storage contracts need to know of each storage they run over: the hooks that a host would write."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from contract_parts import OneWorker
from pydantic import TypeAdapter
from store_worlds import anyone

from crmsync import Event, Message, PersonName, Record
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.reading import Person
from crmsync.testing import WritersContract
from crmsync.testing.contracts.hooks import Link

EXAMPLE = Path(__file__).parents[2] / "examples" / "plain" / "storage.py"
RECORD: TypeAdapter[Message | Event] = TypeAdapter(Record)


class MemoryHost(OneWorker):
    """The reference. Dictionaries belong to one thread: it promises nothing to a second."""

    def make_storage(self) -> MemoryStorage:
        return MemoryStorage(members=anyone)

    def read_records(self, storage: MemoryStorage) -> Mapping[Link, Iterable[Message | Event]]:
        return {link: item.records for link, item in storage.items.items()}

    def read_people(self, storage: MemoryStorage) -> Iterable[tuple[str, str, str]]:
        return [(p.addresses[0], p.name.first, p.name.last) for p in storage.persons.values()]

    def read_held(self, storage: MemoryStorage) -> Iterable[Link]:
        return [link for link, item in storage.items.items() if item.held]

    def add_person(self, storage: MemoryStorage, address: str, first: str, last: str) -> None:
        name = PersonName(first=first, last=last)
        id_ = -1 - len(storage.persons)
        storage.persons[id_] = Person(id=id_, name=name, addresses=[address.lower()])

    def delete_person(self, storage: MemoryStorage, address: str) -> None:
        storage.delete_person(address)


class FileHost(OneWorker, WritersContract):
    """A storage in a file, which a second worker opens for itself."""

    def open_file(self, path: str) -> Any:
        raise NotImplementedError

    def make_storage(self) -> Any:
        # Kept as long as the test is: whatever runs it needs no fixture.
        self.directory = tempfile.TemporaryDirectory()
        self.main = self.open_file(f"{self.directory.name}/crm.db")
        return self.main

    def reopen(self, storage: Any) -> Any:
        return self.open_file(f"{self.directory.name}/crm.db")

    def done(self) -> None:
        """Close and delete what the clause used."""
        if hasattr(self, "directory"):
            self.close(self.main)
            self.directory.cleanup()

    tearDown = teardown_method = done


class TableHost(FileHost):
    """The example's storage, or one with the same tables."""

    storage: ClassVar[type[Any]]

    def open_file(self, path: str) -> Any:
        return self.storage(path)

    def close(self, storage: Any) -> None:
        storage.db.close()

    def read_records(self, storage: Any) -> Mapping[Link, Iterable[Message | Event]]:
        found: dict[Link, list[Message | Event]] = {}
        for stream, id_, record in storage.db.execute("SELECT stream, id, record FROM link"):
            found.setdefault((stream, id_), []).append(RECORD.validate_json(record))
        return found

    def read_people(self, storage: Any) -> Iterable[tuple[str, str, str]]:
        people: list[tuple[str, str, str]] = storage.db.execute(
            "SELECT address, first, last FROM person WHERE NOT deleted"
        ).fetchall()
        return people

    def read_held(self, storage: Any) -> Iterable[Link]:
        held: list[Link] = storage.db.execute("SELECT DISTINCT stream, id FROM link WHERE held").fetchall()
        return held

    def add_person(self, storage: Any, address: str, first: str, last: str) -> None:
        storage.db.execute("INSERT INTO person (address, first, last) VALUES (?, ?, ?)", [address, first, last])

    def delete_person(self, storage: Any, address: str) -> None:
        storage.db.execute("UPDATE person SET deleted = 1, first = '', last = '' WHERE address = ?", [address])


def table_storage(changes: Mapping[str, str] | None = None) -> type[Any]:
    """Return the example's class, with some of its lines replaced."""
    source = EXAMPLE.read_text(encoding="utf-8")
    for old, new in (changes or {}).items():
        assert source.count(old) == 1, f"the example has {source.count(old)} of {old!r}"
        source = source.replace(old, new)
    module: dict[str, Any] = {"__name__": "storage"}
    exec(compile(source, str(EXAMPLE), "exec"), module)
    made: type[Any] = module["TableStorage"]
    return made
