"""Contacts land in a host's own tables of people and companies, and what users change there is taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from host_tables import OurPeople, email, human, metadata, organisation
from postgres import database
from sqlalchemy import Connection, Engine, create_engine, func, insert, select, update
from store_worlds import anyone, batch, channel, contact, everything, item, mail, meeting

from crmsync.errors import StorageError
from crmsync.model import Contact, PersonName
from crmsync.stores.directory import Known
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage

ANN, BEN = "ann@a.example", "ben@a.example"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/crm.db" if request.param == "sqlite" else stack.enter_context(database())
        made = create_engine(url)
        stack.callback(made.dispose)
        metadata.create_all(made)
        yield made


@pytest.fixture
def store(engine: Engine) -> SqlStorage:
    return SqlStorage(engine, directory=OurPeople(), members=anyone)


def add(engine: Engine, *addresses: str, given: str = "", family: str = "", works_at: str | None = None) -> int:
    """Add somebody as the host's users do."""
    with engine.begin() as connection:
        employer = None
        if works_at:
            new = insert(organisation).values(website=works_at, title=works_at).returning(organisation.c.id)
            employer = connection.execute(new).scalar_one()
        values = {"given": given, "family": family, "organisation_id": employer}
        id_: int = connection.execute(insert(human).values(values).returning(human.c.id)).scalar_one()
        rows = [{"human_id": id_, "address": a, "main": n == 0} for n, a in enumerate(addresses)]
        connection.execute(insert(email), rows)
    return id_


def change(engine: Engine, id_: int, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(update(human).where(human.c.id == id_).values(values))


def humans(engine: Engine) -> list[tuple[str, str, str | None]]:
    query = select(human.c.given, human.c.family, organisation.c.website)
    query = query.outerjoin(organisation, organisation.c.id == human.c.organisation_id).order_by(human.c.id)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def people(store: SqlStorage) -> list[tuple[str, tuple[str, ...], str | None]]:
    return [(str(p.name), tuple(p.addresses), p.company) for p in store.people("mia").entries]


def test_a_contact_becomes_one_of_the_host_s_people_and_its_company_one_of_its_companies(
    engine: Engine, store: SqlStorage
) -> None:
    store.apply(batch(store, contacts=[contact(ANN, "Ann Lee"), contact(BEN), contact("cy@b.example", "Cy")]))

    assert humans(engine) == [("Ann", "Lee", "a.example"), ("", "", "a.example"), ("Cy", "", "b.example")]
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(organisation)).scalar() == 2


def test_whom_the_host_has_is_completed_and_never_doubled(engine: Engine, store: SqlStorage) -> None:
    add(engine, "Ann@A.Example", given="Anna", family="Lee", works_at="own.example")
    add(engine, BEN)

    store.apply(batch(store, contacts=[contact(ANN, "A. L."), contact(BEN, "Ben Doe")]))

    assert humans(engine) == [("Anna", "Lee", "own.example"), ("Ben", "Doe", "a.example")]


def test_whoever_a_user_archived_is_left_alone(engine: Engine, store: SqlStorage) -> None:
    change(engine, add(engine, ANN), archived=True)

    store.apply(batch(store, item("1", mail("a", ANN)), contacts=[contact(ANN, "Ann Lee")]))

    assert humans(engine) == [("", "", None)]
    assert people(store) == []
    assert len(store.timeline("mia").entries) == 1


def test_people_are_told_with_the_host_s_own_id(engine: Engine, store: SqlStorage) -> None:
    add(engine, "somebody@else.example")
    id_ = add(engine, ANN)
    store.apply(batch(store, contacts=[contact(ANN, "Ann"), contact(BEN, "Ben")]))

    told = {p.addresses[0]: p.ref for p in store.people("mia").entries}

    assert told[ANN] == str(id_)
    assert set(told) == {ANN, BEN}
    assert store.find(ANN.upper()) is not None
    assert {p.ref for p in [store.find(ANN)] if p} == {str(id_)}


def test_all_addresses_of_one_of_the_host_s_people_are_one_timeline(engine: Engine, store: SqlStorage) -> None:
    add(engine, "ann@home.example", ANN)
    mails = [item("1", mail("a", ANN)), item("2", mail("b", "ann@home.example", minute=1))]

    store.apply(batch(store, *mails, contacts=[contact(ANN, "Ann Lee")]))

    assert people(store) == [("Ann Lee", ("ann@home.example", ANN), "a.example")]
    for query in (Query(person=ANN), Query(person="ann@home.example"), Query(company="a.example")):
        assert len(store.timeline("mia", query).entries) == 2


def test_what_users_change_is_taken_over_when_it_is_told(engine: Engine, store: SqlStorage) -> None:
    store.apply(batch(store, item("1", mail("a", ANN)), item("2", meeting("m", BEN)), contacts=[contact(ANN, "Ann")]))
    with engine.connect() as connection:
        ann = connection.execute(select(email.c.human_id).where(email.c.address == ANN)).scalar_one()
    change(engine, ann, given="Anna", family="Lee")
    store.people_changed([ANN.upper()])
    assert people(store) == [("Anna Lee", (ANN,), "a.example")]

    with engine.begin() as connection:
        connection.execute(insert(email).values(human_id=ann, address=BEN, main=False))
    store.people_changed([BEN])
    assert people(store) == [("Anna Lee", (ANN, BEN), "a.example")]
    assert len(store.timeline("mia", Query(company="a.example")).entries) == 2

    change(engine, ann, organisation_id=None)
    store.people_changed([ANN])
    assert people(store) == [("Anna Lee", (ANN, BEN), None)]
    assert list(store.timeline("mia", Query(company="a.example")).entries) == []

    change(engine, ann, archived=True)
    store.people_changed([BEN])
    assert people(store) == []


def test_two_whom_users_made_one_are_one(engine: Engine, store: SqlStorage) -> None:
    store.apply(batch(store, item("1", mail("a", ANN, BEN)), contacts=[contact(ANN, "Ann"), contact(BEN, "Ben")]))
    with engine.begin() as connection:
        (one, other) = connection.execute(select(email.c.human_id).order_by(email.c.human_id)).scalars()
        connection.execute(update(email).where(email.c.human_id == other).values(human_id=one, main=False))
        connection.execute(human.delete().where(human.c.id == other))

    store.people_changed([ANN, BEN])

    assert people(store) == [("Ann", (ANN, BEN), "a.example")]
    assert [p.records for p in store.people("mia").entries] == [1]


def test_an_address_that_nobody_has_any_more_is_nobody_s(engine: Engine, store: SqlStorage) -> None:
    store.apply(batch(store, item("1", mail("a", ANN)), contacts=[contact(ANN, "Ann")]))
    with engine.begin() as connection:
        connection.execute(email.delete())

    store.people_changed([ANN])

    assert people(store) == []
    assert store.find(ANN) is None


def test_whom_mail_made_before_there_was_a_directory_become_the_host_s(engine: Engine) -> None:
    SqlStorage(engine, members=anyone).apply(
        batch(SqlStorage(engine, members=anyone), item("1", mail("a", ANN)), contacts=[contact(ANN, "Ann Lee")])
    )
    store = SqlStorage(engine, directory=OurPeople(), members=anyone)

    store.apply(batch(store, contacts=[contact(ANN, "Ann Lee")]))

    assert humans(engine) == [("Ann", "Lee", "a.example")]
    assert people(store) == [("Ann Lee", (ANN,), "a.example")]
    assert len(store.timeline("mia", Query(person=ANN)).entries) == 1


def test_people_are_changed_where_they_are(store: SqlStorage) -> None:
    for act in (lambda: store.delete_person(ANN), lambda: store.save_person(ANN, PersonName(first="Ann"))):
        with pytest.raises(StorageError, match=r"change them there, and call people_changed\(\)"):
            act()


# -- a directory that fails


def failing(method: str, fail: Callable[..., Any]) -> OurPeople:
    """Return a directory one of whose methods does its work and then fails."""

    class Failing(OurPeople):
        pass

    def act(self: OurPeople, *arguments: Any) -> Any:
        done = getattr(OurPeople, method)(self, *arguments)
        return fail(done, *arguments)

    setattr(Failing, method, act)
    return Failing()


def refused(engine: Engine, directory: OurPeople) -> StorageError:
    """Apply a batch that makes, completes and knows somebody; nothing of it may be there."""
    store = SqlStorage(engine, directory=directory, members=anyone)
    before, there = everything(store), humans(engine)
    people = [contact(ANN, "Ann Secret"), contact(BEN, "Ben Secret")]
    with pytest.raises(StorageError) as caught:
        store.apply(batch(store, item("1", mail("a", ANN)), deletes=["2"], contacts=people, of=channel(owner="leo")))
    assert (everything(store), humans(engine)) == (before, there)
    assert "Secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("method", ["find", "ensure", "link"])
def test_a_directory_that_raises_is_named_and_nothing_is_applied(engine: Engine, method: str) -> None:
    add(engine, BEN)

    def fail(*_: object) -> None:
        raise LookupError("Ann Secret")

    error = refused(engine, failing(method, fail))

    assert str(error) == (
        f"the directory's {method}() failed with LookupError; nothing of the batch was applied: mend it, and sync again"
    )
    assert isinstance(error.__cause__, LookupError)


@pytest.mark.parametrize("method", ["find", "ensure", "link"])
def test_what_the_database_says_to_a_directory_is_told_without_quoting_people(engine: Engine, method: str) -> None:
    add(engine, BEN)

    def fail(_: object, connection: Connection, *__: object) -> None:
        connection.execute(insert(human).values(id=1, given="Ann Secret"))

    error = refused(engine, failing(method, fail))

    assert str(error).startswith(f"the directory's {method}() failed: ")
    assert (error.__cause__, error.__suppress_context__) == (None, True)


def test_a_directory_that_does_not_find_whom_it_made_is_told(engine: Engine) -> None:
    add(engine, BEN)

    def nobody(found: Mapping[str, Known], _: Connection, addresses: Sequence[str]) -> Mapping[str, Known]:
        return {address: known for address, known in found.items() if address != ANN}

    assert "find() does not find 1 whom ensure() made" in str(refused(engine, failing("find", nobody)))


def test_what_a_directory_refuses_goes_through_when_it_is_mended(engine: Engine) -> None:
    broken: list[bool] = [True]

    def fail(*_: object) -> None:
        if broken:
            raise RuntimeError

    store = SqlStorage(engine, directory=failing("ensure", fail), members=anyone)
    new: list[Contact] = [contact(ANN, "Ann Lee")]
    with pytest.raises(StorageError):
        store.apply(batch(store, contacts=new))
    broken.clear()

    store.apply(batch(store, contacts=new))

    assert humans(engine) == [("Ann", "Lee", "a.example")]
