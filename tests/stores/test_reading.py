"""What readers are shown: the same from every store, here in examples; `test_same_as_memory` has the property."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from store_worlds import NOON, Store, batch, channel, contact, item, mail, meeting

from crmsync.model import Attachment, Contact, PersonName, Visibility, clean_text
from crmsync.rules import Access, Why
from crmsync.stores.paging import Place, cut, write_token
from crmsync.stores.reading import COUNTED, Page, Query

MIA, LEO = "mia-mail/INBOX", "leo-mail/INBOX"
LEOS = channel("leo-mail", "leo")


def keys(store: Store, viewer: str, *, strictest: bool = False, **query: Any) -> list[str]:
    return [e.key for e in store.timeline(viewer, Query(**query), strictest=strictest).entries]


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


@pytest.mark.parametrize(
    "query", [Query(), Query(oldest_first=True), Query(text="text"), Query(person="ann@a.example")]
)
def test_pages_lead_back_to_the_first_one(store: Store, query: Query) -> None:
    mails = [mail(f"n{n}", minute=n // 3) for n in range(10)]
    store.apply(batch(store, *[item(str(n), m) for n, m in enumerate(mails)]))
    forwards = [store.timeline("mia", query, limit=3)]
    while forwards[-1].next:
        forwards.append(store.timeline("mia", query, after=forwards[-1].next, limit=3))
    backwards = [forwards[-1]]
    while backwards[-1].previous:
        backwards.append(store.timeline("mia", query, before=backwards[-1].previous, limit=3))
    whole = [e.key for e in store.timeline("mia", query).entries]
    assert whole == [e.key for p in forwards for e in p.entries]
    assert whole == [e.key for p in reversed(backwards) for e in p.entries]
    assert (None, None) == (forwards[0].previous, backwards[-1].previous)


TOKENS = ["", "nonsense", "WzFd", "WzEsMl0", "W251bGwsIm0tMSJd", "2026-01-01|m-1", "\N{SNOWMAN}", "WzEsIlx1MDAwMCJd"]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_is_none_is_refused_in_words(store: Store, token: str) -> None:
    for ask in (store.timeline, store.people, store.companies):
        for way in ("after", "before"):
            with pytest.raises(ValueError, match="no page token"):
                ask("mia", **{way: token})  # type: ignore[arg-type]  # by name, in tests


def test_a_page_has_one_token_and_at_least_one_entry(store: Store) -> None:
    with pytest.raises(ValueError, match="not both"):
        store.timeline("mia", after="x", before="y")
    with pytest.raises(ValueError, match="limit of 1 or more"):
        store.people("mia", limit=0)


@settings(max_examples=examples(100))
@given(number=st.integers(-(2**62), 2**62), name=st.text())
def test_a_token_fits_into_a_url_and_comes_back(number: int, name: str) -> None:
    place = Place(number, clean_text(name))
    token = write_token(place)
    assert place == cut(Page(before=token)).start
    assert token == quote(token, safe="")


def test_what_is_private_or_held_takes_part_in_nothing_that_others_ask(store: Store) -> None:
    shown, code = mail("shown", "ann@a.example", minute=1), mail("code", "ann@a.example", minute=5)
    secret = mail("secret", "ann@a.example", minute=9)
    store.apply(batch(store, item("1", shown), item("2", code, held=True), contacts=[contact("ann@a.example")]))
    store.apply(
        batch(store, item("1", secret), stream=LEO, of=LEOS.model_copy(update={"visibility": Visibility.PRIVATE}))
    )
    assert keys(store, "nobody") == keys(store, "nobody", person="ann@a.example") == [shown.key]
    assert store.timeline("nobody", limit=1).next is None
    assert [(p.records, p.last) for p in store.people("nobody").entries] == [(1, shown.at)]
    assert [(c.records, c.last) for c in store.companies("nobody").entries] == [(1, shown.at)]
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


# -- search


def test_words_are_found_by_their_beginnings_in_any_case_and_without_accents(store: Store) -> None:
    offer = mail(
        "offer",
        "ann@a.example",
        subject="Offre García",
        text="Grüße; 12,50 EUR. 東京都庁",
    )
    store.apply(
        batch(store, item("1", offer), item("2", mail("other", "ben@b.example", minute=1, subject="", text="")))
    )
    found = [
        "OFF",
        "garcia",
        "garci\u0301a",
        "grü",
        "grusse",
        "12",
        "offre garcia",
        "ann@a.example",
        "東京",
        "都",
        "東京都",
    ]
    for words in found:
        assert keys(store, "mia", text=words) == [offer.key], words
    for words in ("ffre", "garcias", "offre lunch", "東都", "", "?!"):
        assert keys(store, "mia", text=words) == [], words


def test_a_search_finds_only_what_its_viewer_may_see(store: Store) -> None:
    files = [Attachment(part="2", name="plan.pdf")]
    told = mail("m", "ann@a.example", subject="Budget", text="Salary", attachments=files)
    for level, found in (
        (Visibility.PRIVATE, ""), (Visibility.METADATA, "ann"), (Visibility.SUBJECT, "ann budget"),
        (Visibility.EVERYTHING, "ann budget salary plan"),
    ):  # fmt: skip
        store.apply(batch(store, item("1", told), of=channel(visibility=level)))
        words = ("ann", "budget", "salary", "plan")
        assert [w for w in words if keys(store, "nobody", text=w)] == found.split()
        assert [w for w in words if store.count("nobody", Query(text=w))] == found.split()
        assert [w for w in words if keys(store, "mia", text=w)] == list(words)


def test_a_search_goes_on_through_years_in_either_direction(store: Store) -> None:
    mails = [mail(f"n{n}", date=NOON - timedelta(days=170 * n), subject="odd" if n % 2 else "even") for n in range(40)]
    store.apply(batch(store, *[item(str(n), m) for n, m in enumerate(mails)]))
    odd = [m.key for m in mails if m.subject == "odd"]
    for size in (1, 7, 50):
        for oldest_first in (False, True):
            query, found, after = Query(text="odd", oldest_first=oldest_first), [], None
            while True:
                page = store.timeline("mia", query, after=after, limit=size)
                found += [e.key for e in page.entries]
                if (after := page.next) is None:
                    break
            assert found == (odd[::-1] if oldest_first else odd)


def test_filters_combine(store: Store) -> None:
    both = mail("both", "ann@a.example", "ben@b.example", subject="Plan")
    met = meeting("met", "ann@a.example", "ben@b.example", summary="Plan")
    alone = mail("alone", "ann@a.example", minute=1, subject="Plan")
    people = [contact("ann@a.example"), contact("ben@b.example")]
    store.apply(batch(store, *[item(str(n), r) for n, r in enumerate((both, met, alone))], contacts=people))
    assert keys(store, "mia", person="ann@a.example", company="b.example", kind="message") == [both.key]
    assert keys(store, "mia", person="ann@a.example", text="plan", kind="event") == [met.key]
    assert keys(store, "mia", company="b.example", thread=both.thread) == [both.key]
    assert keys(store, "mia", company="b.example", thread=alone.thread) == []
    assert keys(store, "mia", text="plan", since=NOON + timedelta(minutes=1)) == [alone.key]
    assert set(keys(store, "mia", text="plan", until=NOON + timedelta(minutes=1))) == {both.key, met.key}


# -- meetings


def test_upcoming_meetings_come_in_their_order_and_past_ones_against_it(store: Store) -> None:
    days = [meeting(f"d{n}", "ann@a.example", start=NOON + timedelta(days=n)) for n in range(4)]
    store.apply(batch(store, *[item(str(n), e) for n, e in enumerate(days)], item("m", mail("m", minute=5))))
    now = NOON + timedelta(days=2)
    upcoming = store.timeline("mia", Query.upcoming(now, person="ann@a.example")).entries
    past = store.timeline("mia", Query.past(now, kind="event")).entries
    assert [e.key for e in upcoming] == [days[2].key, days[3].key]
    assert [e.key for e in past] == [days[1].key, days[0].key]
    assert store.count("mia", Query.past(now)) == 3


# -- people and companies


def test_people_and_companies_have_first_and_last_contact_and_a_count(store: Store) -> None:
    mails = [mail(f"n{n}", "ann@a.example", minute=n) for n in range(3)]
    store.apply(batch(store, *[item(str(n), m) for n, m in enumerate(mails)], contacts=[contact("ann@a.example")]))
    (ann,), (firm,) = store.people("mia").entries, store.companies("mia").entries
    for row in (ann, firm):
        assert (row.records, row.first, row.last) == (3, NOON, NOON + timedelta(minutes=2))
    assert [(p.records, p.first, p.last) for p in store.people("nobody", strictest=True).entries] == [
        (3, NOON, NOON + timedelta(minutes=2))
    ]


def test_counting_ends_where_it_is_told_to(store: Store) -> None:
    mails = [item(str(n), mail(f"n{n}", "ann@a.example", minute=n)) for n in range(COUNTED + 5)]
    store.apply(batch(store, *mails, contacts=[contact("ann@a.example")]))
    assert store.count("mia") == COUNTED + 5
    assert store.count("mia", up_to=10) == 10
    assert store.count("mia", Query(text="text"), up_to=10) == 10
    assert [p.records for p in store.people("mia").entries] == [COUNTED]
    assert [c.records for c in store.companies("mia").entries] == [COUNTED]


def test_people_and_companies_are_found_by_name_page_by_page(store: Store) -> None:
    names = ["Ann Doe", "Zoë Do", "Björn Aas", "Ann Dorn", "Cy Lee"]
    people = [contact(f"p{n}@firm{n}.example", name) for n, name in enumerate(names)]
    store.apply(batch(store, contacts=people))
    found: list[str] = []
    page = store.people("mia", name="do", limit=1)
    found += [str(p.name) for p in page.entries]
    while page.next:
        page = store.people("mia", name="do", after=page.next, limit=1)
        found += [str(p.name) for p in page.entries]
    assert found == ["Zoë Do", "Ann Doe", "Ann Dorn"]
    back = store.people("mia", name="do", before=page.previous, limit=5)
    assert [str(p.name) for p in back.entries] == found[:2]
    assert [str(p.name) for p in store.people("mia", name="doe ANN").entries] == ["Ann Doe"]
    assert [str(p.name) for p in store.people("mia", name="bjorn").entries] == ["Björn Aas"]
    assert [str(p.name) for p in store.people("mia", name="P4@firm4.exa").entries] == ["Cy Lee"]
    assert list(store.people("mia", name="firm4").entries) == []
    assert [c.company.domain for c in store.companies("mia", name="firm4").entries] == ["firm4.example"]
    assert len(store.companies("mia", name="example", limit=3).entries) == 3


def test_a_name_that_is_filled_in_later_moves_its_person(store: Store) -> None:
    store.apply(batch(store, contacts=[Contact(address="zed@a.example"), contact("ann@a.example", "Ann Doe")]))
    store.apply(batch(store, contacts=[Contact(address="zed@a.example", name=PersonName(last="Zimmer"))]))
    assert [p.name.last for p in store.people("mia").entries] == ["Doe", "Zimmer"]
    assert [p.addresses[0] for p in store.people("mia", name="zim").entries] == ["zed@a.example"]


def test_the_past_of_somebody_belongs_to_the_company_that_they_join(store: Store) -> None:
    first = mail("first", "ann@a.example")
    store.apply(batch(store, item("1", first), contacts=[Contact(address="ann@a.example")]))
    assert keys(store, "mia", company="a.example") == []
    store.apply(batch(store, contacts=[contact("ann@a.example")]))
    later = mail("later", "ann@a.example", minute=1)
    store.apply(batch(store, item("2", later)))
    assert keys(store, "mia", company="a.example") == [later.key, first.key]


def test_what_somebody_who_was_deleted_shared_with_a_colleague_stays_with_the_company(store: Store) -> None:
    both, alone = mail("both", "ann@a.example", "ben@a.example"), mail("alone", "ann@a.example")
    people = [contact("ann@a.example"), contact("ben@a.example")]
    store.apply(batch(store, item("1", both), item("2", alone), contacts=people))
    store.delete_person("ann@a.example")
    assert keys(store, "mia", company="a.example") == [both.key]


# -- one record, and who sees it


def test_one_record_is_read_by_its_key_as_its_viewer_may_see_it(store: Store) -> None:
    told, held = mail("told"), mail("held", minute=1)
    shared = channel(visibility=Visibility.SUBJECT)
    store.apply(batch(store, item("1", told), item("2", held, held=True), of=shared))
    entry = store.entry("nobody", told.key)
    assert entry is not None
    assert (entry.level, entry.record.text) == (Visibility.SUBJECT, None)  # type: ignore[union-attr]  # a message
    assert store.entry("nobody", held.key) is None
    assert store.entry("nobody", "m-unknown") is None
    assert store.entry("mia", held.key) == store.timeline("mia").entries[0]


def test_access_says_whose_copy_decides_and_why(store: Store) -> None:
    told = mail("told")
    store.apply(batch(store, item("1", told), of=channel(visibility=Visibility.SUBJECT)))
    store.apply(
        batch(store, item("1", told), stream=LEO, of=LEOS.model_copy(update={"visibility": Visibility.PRIVATE}))
    )
    assert store.access("nobody", told.key) == Access(Visibility.SUBJECT, Why.SHARED, "mia")
    assert store.access("nobody", told.key, strictest=True) == Access(Visibility.PRIVATE, Why.SHARED, "leo")
    assert store.access("leo", told.key, strictest=True) == Access(Visibility.EVERYTHING, Why.OWNER, "leo")
    store.set_override("mia", told.key, Visibility.EVERYTHING)
    assert store.access("nobody", told.key) == Access(Visibility.EVERYTHING, Why.OVERRIDE, "mia")
    assert store.access("nobody", "m-unknown") == Access(Visibility.PRIVATE, Why.NO_COPY)


# -- overrides


def test_an_owner_shows_or_hides_one_record(store: Store) -> None:
    one, other, code = mail("one"), mail("other", minute=1), mail("code", minute=2)
    shared = channel(visibility=Visibility.METADATA)
    store.apply(batch(store, item("1", one), item("2", other), item("3", code, held=True), of=shared))
    store.set_override("mia", one.key, Visibility.EVERYTHING)
    store.set_override("mia", other.key, Visibility.PRIVATE)
    store.set_override("mia", code.key, Visibility.SUBJECT)
    seen = [(e.key, e.level, e.why) for e in store.timeline("nobody").entries]
    assert seen == [(code.key, Visibility.SUBJECT, Why.OVERRIDE), (one.key, Visibility.EVERYTHING, Why.OVERRIDE)]
    assert keys(store, "nobody", text="text one") == [one.key]
    assert len(keys(store, "mia")) == 3
    for subject in (one.key, other.key, code.key):
        store.set_override("mia", subject, None)
    assert keys(store, "nobody") == [other.key, one.key]


def test_an_override_on_a_thread_holds_for_its_future_too_and_one_on_a_record_beats_it(store: Store) -> None:
    root = mail("root")
    reply = mail("reply", minute=1, references=["root@fake.example"])
    store.apply(batch(store, item("1", root)))
    store.set_override("mia", root.thread, Visibility.PRIVATE)
    store.apply(batch(store, item("2", reply)))
    assert keys(store, "nobody") == []
    store.set_override("mia", reply.key, Visibility.SUBJECT)
    assert keys(store, "nobody") == [reply.key]


def test_an_override_speaks_for_its_owners_copy_only(store: Store) -> None:
    told = mail("told")
    store.apply(batch(store, item("1", told)))
    store.apply(batch(store, item("1", told), stream=LEO, of=LEOS))
    store.set_override("mia", told.key, Visibility.PRIVATE)
    assert keys(store, "nobody") == [told.key]
    assert keys(store, "nobody", strictest=True) == []
    store.set_override("leo", told.key, Visibility.PRIVATE)
    assert keys(store, "nobody") == []
    assert keys(store, "leo") == [told.key]


@pytest.mark.parametrize("owner", ["leo", "nobody", ""])
def test_who_holds_no_copy_may_not_say_who_sees_it(store: Store, owner: str) -> None:
    told = mail("told")
    store.apply(batch(store, item("1", told), of=channel(visibility=Visibility.PRIVATE)))
    for subject in (told.key, told.thread, "m-unknown"):
        with pytest.raises(ValueError, match="only an owner of a copy"):
            store.set_override(owner, subject, Visibility.EVERYTHING)
    assert keys(store, "nobody") == []
