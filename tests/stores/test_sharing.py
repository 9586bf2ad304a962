"""Sharing by choice: one record or thread, with one member, everybody or nobody; asked for, granted, refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from store_worlds import NOON, Store, batch, channel, contact, item, mail, meeting

from crmsync.model import Participant, Role, Visibility, thread_begun_by
from crmsync.rules import Access, Why
from crmsync.stores.memory import MemoryStorage
from crmsync.stores.reading import Query
from crmsync.stores.sql import SqlStorage

PRIVATE = channel("mia-mail", "mia", Visibility.PRIVATE)
METADATA = channel("mia-mail", "mia", Visibility.METADATA)
SECRET = "secret@rival.example"


def offer(**fields: object) -> object:
    bcc = Participant(address=SECRET, role=Role.BCC, name="Zoe Hidden")
    people = [Participant(address="mia@acme.com", role=Role.FROM), Participant(address="ann@a.example", role=Role.TO)]
    return mail("offer", participants=[*people, bcc], **fields)


def shown(store: Store, viewer: str) -> list[tuple[str, Visibility, Why]]:
    return [(e.key, e.level, e.why) for e in store.timeline(viewer).entries]


@pytest.mark.parametrize("level", ["metadata", "subject", "everything"])
def test_only_the_owner_of_a_copy_knows_its_bcc_recipients(store: Store, level: str) -> None:
    of = channel("mia-mail", "mia", Visibility(level))
    store.apply(batch(store, item("1", offer()), of=of, contacts=[contact(SECRET), contact("ann@a.example")]))

    def known(viewer: str) -> list[object]:
        seen = store.timeline(viewer).entries
        return [
            [p.address for p in seen[0].record.participants if p.role is Role.BCC],
            store.count(viewer, Query(person=SECRET)), store.count(viewer, Query(company="rival.example")),
            store.count(viewer, Query(text="zoe")), store.count(viewer, Query(text="ann")),
            {p.addresses[0]: p.records for p in store.people(viewer).entries},
        ]  # fmt: skip

    assert [[SECRET], 1, 1, 1, 1, {SECRET: 1, "ann@a.example": 1}] == known("mia")
    assert [[], 0, 0, 0, 1, {SECRET: 0, "ann@a.example": 1}] == known("lena")


def test_a_recipient_who_has_a_copy_does_not_learn_of_bcc_from_the_senders(store: Store) -> None:
    open_ = mail("offer", "mia@acme.com", "ann@a.example")
    store.apply(batch(store, item("1", open_), stream="leo-mail/INBOX", of=channel("leo-mail", "leo")))
    store.apply(batch(store, item("1", offer())))

    assert [0, 1] == [store.count(viewer, Query(person=SECRET)) for viewer in ("leo", "mia")]
    assert 1 == len(store.timeline("leo").entries)


def test_what_goes_takes_what_was_shown_of_it_along(store: Store) -> None:
    store.apply(batch(store, item("1", offer())))
    store.apply(batch(store, deletes=["1"]))

    assert [(), ()] == [store.timeline(viewer).entries for viewer in ("mia", "lena")]
    assert 0 == store.count("mia", Query(text="zoe"))


def test_a_thread_is_shared_with_one_member_by_name(store: Store) -> None:
    first, reply = mail("a", "ann@a.example"), mail("b", "ann@a.example", references=["a@fake.example"])
    store.apply(batch(store, item("1", first), item("2", reply), of=PRIVATE))

    store.set_override("mia", first.thread, Visibility.SUBJECT, viewer="ben")

    assert [] == shown(store, "lena")
    assert [(Visibility.SUBJECT, Why.NAMED)] * 2 == [(level, why) for _, level, why in shown(store, "ben")]
    assert Access(Visibility.SUBJECT, Why.NAMED, "mia") == store.access("ben", first.key)
    assert [2, 0] == [store.count(viewer, Query(text="about")) for viewer in ("ben", "lena")]
    assert [0, 0] == [store.count(viewer, Query(text="text")) for viewer in ("ben", "lena")]
    store.set_override("mia", first.key, Visibility.EVERYTHING, viewer="ben")
    assert {Visibility.SUBJECT, Visibility.EVERYTHING} == {level for _, level, _ in shown(store, "ben")}
    for subject in (first.thread, first.key):
        store.set_override("mia", subject, None, viewer="ben")
    assert [] == shown(store, "ben")


def test_naming_somebody_takes_nothing_from_others_nor_from_them(store: Store) -> None:
    record = mail("a", "ann@a.example")
    store.apply(batch(store, item("1", record)))

    store.set_override("mia", record.key, Visibility.METADATA, viewer="ben")

    assert [[(record.key, Visibility.EVERYTHING, Why.SHARED)]] * 2 == [
        shown(store, viewer) for viewer in ("ben", "lena")
    ]


@pytest.mark.parametrize("strictest", [False, True])
def test_what_several_own_is_shown_to_who_is_named_whichever_of_them_decides(store: Store, *, strictest: bool) -> None:
    record = mail("a", "ann@a.example")
    store.apply(batch(store, item("1", record), of=PRIVATE))
    store.apply(batch(store, item("1", record), stream="leo-mail/INBOX", of=channel("leo-mail", "leo")))
    store.set_override("mia", record.key, Visibility.SUBJECT, viewer="ben")

    seen = store.timeline("ben", strictest=strictest).entries

    assert [Visibility.SUBJECT if strictest else Visibility.EVERYTHING] == [e.level for e in seen]
    assert (1 if not strictest else 0) == len(store.timeline("lena", strictest=strictest).entries)


def test_whose_mail_is_protected_is_seen_by_its_owner_alone_whatever_is_shared(store: Store) -> None:
    record = mail("a", "lawyer@law.example")
    store.apply(batch(store, item("1", record, protected=True), contacts=[contact("lawyer@law.example")]))

    store.set_override("mia", record.key, Visibility.EVERYTHING)
    store.set_override("mia", record.key, Visibility.EVERYTHING, viewer="ben")

    assert [1, 0, 0] == [len(store.timeline(viewer).entries) for viewer in ("mia", "ben", "lena")]
    assert Access(Visibility.PRIVATE, Why.PROTECTED, "mia") == store.access("ben", record.key)


def test_a_thread_that_begins_in_the_crm_is_shared_before_its_first_copy_is_there(store: Store) -> None:
    record = mail("a", "mia@acme.com", "ann@a.example")
    store.set_override("mia", thread_begun_by("a@fake.example"), Visibility.EVERYTHING, ahead=True)

    store.apply(batch(store, item("1", record), item("2", mail("other", "ann@a.example")), of=PRIVATE))

    assert [record.key] == [e.key for e in store.timeline("lena").entries]


# -- asking


def test_who_sees_some_of_a_record_may_ask_for_more_and_is_answered(store: Store) -> None:
    record = mail("a", "ann@a.example")
    store.apply(batch(store, item("1", record), of=METADATA))

    store.ask("ben", record.key, NOON)
    store.ask("ben", record.key, NOON + timedelta(hours=1))
    store.ask("lena", record.thread, NOON)

    assert [("ben", record.key, NOON), ("lena", record.thread, NOON)] == sorted(
        (ask.viewer, ask.subject, ask.at) for ask in store.asks("mia")
    )
    store.set_override("mia", record.key, Visibility.EVERYTHING, viewer="ben")
    store.refuse("mia", record.thread, "lena")
    assert [] == list(store.asks("mia"))
    assert [Visibility.EVERYTHING, Visibility.METADATA] == [shown(store, v)[0][1] for v in ("ben", "lena")]


@pytest.mark.parametrize("level", [Visibility.PRIVATE, Visibility.EVERYTHING])
def test_asking_for_what_one_may_not_know_of_says_what_asking_for_nothing_says(store: Store, level: Visibility) -> None:
    record = mail("a", "ann@a.example")
    store.apply(batch(store, item("1", record), of=channel("mia-mail", "mia", level)))

    told = []
    for subject in (record.key, record.thread, "m-none"):
        with pytest.raises(ValueError, match="nothing of this record") as caught:
            store.ask("ben", subject, NOON)
        told.append(str(caught.value))

    assert 1 == len(set(told))
    assert [] == list(store.asks("mia"))


# -- members


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_who_is_no_member_sees_nothing_from_any_query(kind: str) -> None:
    staff = {"mia", "lena"}
    given = MemoryStorage if kind == "memory" else lambda **options: SqlStorage("sqlite://", **options)
    store = given(members=lambda name: name in staff)
    record = mail("a", "ann@a.example")
    store.apply(
        batch(store, item("1", record), item("2", meeting("m", "ann@a.example")), contacts=[contact("ann@a.example")])
    )

    def seen(viewer: str) -> list[object]:
        return [
            len(store.timeline(viewer).entries), store.count(viewer), store.entry(viewer, record.key) is not None,
            len(store.people(viewer).entries), len(store.companies(viewer).entries),
            store.access(viewer, record.key).level,
        ]  # fmt: skip

    everything = [2, 2, True, 1, 1, Visibility.EVERYTHING]
    nothing = [0, 0, False, 0, 0, Visibility.PRIVATE]
    assert [everything, everything] == [seen("mia"), seen("lena")]
    assert [nothing] * 3 == [seen(viewer) for viewer in ("", "eva", "=mia")]
    staff.remove("mia")  # dismissed
    assert [nothing, everything] == [seen("mia"), seen("lena")]
    assert Why.NO_MEMBER is store.access("mia", record.key).why
    getattr(store, "close", lambda: None)()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_without_the_hosts_word_a_member_is_who_owns_a_channel(kind: str) -> None:
    store = MemoryStorage() if kind == "memory" else SqlStorage("sqlite://")
    store.apply(batch(store, item("1", mail("a", "ann@a.example"))))
    store.apply(batch(store, stream="leo-mail/INBOX", of=channel("leo-mail", "leo")))

    assert [1, 1, 0, 0] == [store.count(viewer) for viewer in ("mia", "leo", "lena", "")]
    getattr(store, "close", lambda: None)()
