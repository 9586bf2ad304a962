"""What readers are shown: the same from every store, here in examples; `test_same_as_memory` has the property."""

from __future__ import annotations

import pytest
from store_worlds import Store, batch, channel, contact, item, mail, meeting

from crmsync.model import Visibility
from crmsync.rules import Why

MIA, LEO = "mia-mail/INBOX", "leo-mail/INBOX"
LEOS = channel("leo-mail", "leo")


def keys(store: Store, viewer: str, **query: str | bool) -> list[str]:
    return [e.key for e in store.timeline(viewer, **query).entries]  # type: ignore[arg-type]  # by name, in tests


def test_pages_follow_each_other_without_gap_or_overlap(store: Store) -> None:
    mails = [mail(f"n{n}", minute=n // 3) for n in range(10)]
    store.apply(batch(store, *[item(str(n), m) for n, m in enumerate(mails)]))
    expected = [m.key for m in sorted(mails, key=lambda m: (m.at, m.key), reverse=True)]
    for size in (1, 3, 5, 10, 11):
        found, after = [], None
        while True:
            page = store.timeline("mia", after=after, limit=size)
            found += [e.key for e in page.entries]
            if (after := page.next) is None:
                break
        assert found == expected


@pytest.mark.parametrize("token", ["", "nonsense", "2026-01-01|m-1", "2026-01-01T00:00:00Z"])
def test_a_token_that_is_none_is_refused_in_words(store: Store, token: str) -> None:
    with pytest.raises(ValueError, match="no page token"):
        store.timeline("mia", after=token)


def test_what_is_private_or_held_takes_part_in_nothing_that_others_ask(store: Store) -> None:
    shown, code = mail("shown", "ann@a.example", minute=1), mail("code", "ann@a.example", minute=5)
    secret = mail("secret", "ann@a.example", minute=9)
    store.apply(batch(store, item("1", shown), item("2", code, held=True), contacts=[contact("ann@a.example")]))
    store.apply(
        batch(store, item("1", secret), stream=LEO, of=LEOS.model_copy(update={"visibility": Visibility.PRIVATE}))
    )
    assert keys(store, "nobody") == keys(store, "nobody", person="ann@a.example") == [shown.key]
    assert store.timeline("nobody", limit=1).next is None
    assert [(p.records, p.last) for p in store.people("nobody")] == [(1, shown.at)]
    assert [(c.records, c.last) for c in store.companies("nobody")] == [(1, shown.at)]
    assert keys(store, "mia") == [code.key, shown.key]
    assert keys(store, "leo") == [secret.key, shown.key]


def test_a_blind_copy_is_seen_only_through_the_copy_that_names_it(store: Store) -> None:
    sent, got = mail("m", "mia@acme.com", "leo@acme.com", "bcc@a.example"), mail("m", "mia@acme.com", "leo@acme.com")
    store.apply(batch(store, item("1", sent), of=channel(visibility=Visibility.PRIVATE)))
    store.apply(batch(store, item("1", got), stream=LEO, of=LEOS))
    assert keys(store, "mia", person="bcc@a.example") == [sent.key]
    assert keys(store, "leo", person="bcc@a.example") == []
    assert keys(store, "nobody", person="bcc@a.example") == []
    assert keys(store, "nobody") == [sent.key]


def test_what_a_level_hides_is_absent_from_the_record(store: Store) -> None:
    store.apply(batch(store, item("1", mail("m", "ann@a.example")), of=channel(visibility=Visibility.METADATA)))
    (entry,) = store.timeline("nobody").entries
    assert (entry.level, entry.why) == (Visibility.METADATA, Why.SHARED)
    assert entry.record == entry.record.model_copy(update={"subject": None, "text": None, "collections": ()})
    assert "subject" in entry.record.hidden


def test_the_thread_of_a_record_is_the_same_for_every_viewer(store: Store) -> None:
    reply = mail("reply", references=["root@fake.example"])
    store.apply(batch(store, item("1", reply), of=channel(visibility=Visibility.METADATA)))
    assert [e.thread for e in store.timeline("nobody").entries] == [reply.thread]
    assert keys(store, "nobody", thread=reply.thread) == [reply.key]


def test_the_newer_of_two_copies_of_a_meeting_is_shown(store: Store) -> None:
    old, new = meeting("e", summary="Old", sequence=0), meeting("e", summary="New", sequence=1)
    store.apply(batch(store, item("1", old)))
    store.apply(batch(store, item("1", new), stream=LEO, of=LEOS))
    assert [e.record.summary for e in store.timeline("mia").entries] == ["New"]  # type: ignore[union-attr]  # an event


def test_settings_saved_by_the_host_count_at_once(store: Store) -> None:
    store.apply(batch(store, item("1", mail("m"))))
    assert len(keys(store, "nobody")) == 1
    private = channel(visibility=Visibility.PRIVATE)
    store.save_channel(private)
    assert keys(store, "nobody") == []
    assert store.channels["mia-mail"] == private


def test_an_item_is_traced_by_each_of_its_names(store: Store) -> None:
    known = mail("m", "ann@a.example")
    store.apply(batch(store, item("17", known)))
    store.apply(batch(store, item("17", known), stream=LEO, of=LEOS))
    for name in ("17", known.key, "m@fake.example"):
        assert [(t.stream, t.entry.id, t.keys) for t in store.why(name)] == [
            (LEO, "17", (known.key,)),
            (MIA, "17", (known.key,)),
        ]
    assert store.why("nobody knows it") == []


def test_a_viewer_without_a_name_owns_nothing(store: Store) -> None:
    store.apply(batch(store, item("1", mail("m")), of=channel(visibility=Visibility.PRIVATE)))
    nobodys = channel(visibility=Visibility.PRIVATE).model_copy(update={"owner": ""})
    store.save_channel(nobodys)
    assert keys(store, "") == []
