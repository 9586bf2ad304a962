"""Google Calendar when things go wrong: every error form, converging under failures, and what Google may send."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from chance import examples
from google_calendar_worlds import ANN, NOW, CalendarWorld, events, held, pages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync import (
    Channel,
    Classification,
    CrmSyncError,
    Cursor,
    CursorExpired,
    MassDeletion,
    NeedsAdmin,
    NotAuthorized,
    Policy,
    RateLimited,
    Response,
    Selection,
    Unavailable,
    sync,
)
from crmsync.formats.calendar.zones import UTC_ZONE
from crmsync.model import CalendarUser, Collection
from crmsync.providers.google.calendar.event import read_event
from crmsync.testing import MemoryStorage
from crmsync.testing.google import AUTH, Fault, Quotas

HERE = Collection(id="me@acme.com", name="me")


@pytest.fixture
def world() -> Iterator[CalendarWorld]:
    with CalendarWorld(page_size=100) as made:
        yield made


# -- error forms: (status, reason, Retry-After) and what a host sees where it does not pass

FORMS: list[tuple[int, str, str | None, type[CrmSyncError] | None]] = [
    (403, "rateLimitExceeded", None, None),
    (403, "userRateLimitExceeded", None, None),
    (429, "rateLimitExceeded", None, None),
    (429, "rateLimitExceeded", "3", None),
    (429, "rateLimitExceeded", "900", RateLimited),
    (403, "quotaExceeded", None, RateLimited),
    (403, "dailyLimitExceeded", None, RateLimited),
    (500, "backendError", None, None),
    (503, "backendError", None, None),
    (503, "backendError", "5", None),
    (401, "authError", None, None),
    (403, "insufficientPermissions", None, NotAuthorized),
    (403, "accessNotConfigured", None, NeedsAdmin),
    (403, "domainPolicy", None, NeedsAdmin),
    (403, "forbidden", None, Unavailable),
    (404, "notFound", None, Unavailable),
    (410, "fullSyncRequired", None, CursorExpired),
    (410, "updatedMinTooLongAgo", None, CursorExpired),
    (400, "badRequest", None, CursorExpired),
    (400, "somethingNew", None, CursorExpired),
]


@pytest.mark.parametrize(("status", "reason", "wait", "error"), FORMS)
def test_every_error_form_passes_or_says_what_to_do(
    world: CalendarWorld, status: int, reason: str, wait: str | None, error: type[CrmSyncError] | None
) -> None:
    world.calendar.put(start=NOW)
    _, end = held(world)
    new = world.calendar.put(start=NOW)
    source = world.source()
    count = 1 if error is None else 20
    world.google.faults.add(Fault("calendar.events.list", status, reason, retry_after=wait, count=count))
    if error is None:
        assert [new] == [item.id for page in source.changes(end) for item in page.upserts]
    else:
        with pytest.raises(error) as raised:
            list(source.changes(end))
        assert type(raised.value) is error


@pytest.mark.parametrize(("status", "reason"), [(400, "badRequest"), (410, "fullSyncRequired"), (404, "notFound")])
def test_a_first_listing_that_is_refused_is_no_lost_cursor(world: CalendarWorld, status: int, reason: str) -> None:
    source = world.source()
    world.google.faults.add(Fault("calendar.events.list", status, reason))

    with pytest.raises(Unavailable):
        list(source.changes(None))


@pytest.mark.parametrize("changes", [False, True])
def test_pages_that_go_round_in_circles_end(changes: bool) -> None:
    with CalendarWorld(page_size=2) as world:
        _, end = held(world)
        for n in range(6):
            world.calendar.put(start=NOW + timedelta(days=n))
        source, tokens = world.source(), list[str]()

        def same(answer: dict[str, Any]) -> dict[str, Any]:
            tokens.append(answer.get("nextPageToken", ""))
            return {**answer, "nextPageToken": tokens[0]}

        world.google.faults.add(Fault("calendar.events.list", edit=same))
        with pytest.raises(Unavailable, match="circles"):
            list(source.changes(end if changes else None))


def test_a_cancelled_instance_that_google_lists_is_none(world: CalendarWorld) -> None:
    series = world.calendar.put(start=NOW, recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    gone = {"id": "x", "status": "cancelled", "recurringEventId": series}
    world.google.faults.add(
        Fault("calendar.events.instances", edit=lambda answer: {**answer, "items": [gone, *answer["items"]]})
    )
    [item] = [item for page in world.source().fetch([series]) for item in page.upserts]

    assert [(), ()] == [event.problems for event in events({series: item})]


@pytest.mark.parametrize("kind", ["drop", "cut", "garbage"])
def test_an_answer_that_breaks_off_is_asked_for_again(world: CalendarWorld, kind: Any) -> None:
    world.calendar.put(start=NOW)
    world.google.faults.add(Fault("calendar.events.list", kind=kind, count=1))

    assert 1 == len(held(world)[0])


def test_a_retry_after_is_waited_for(world: CalendarWorld) -> None:
    source = world.source()
    world.google.faults.add(Fault("calendar.events.list", 429, "rateLimitExceeded", retry_after=7, count=1))
    list(source.changes(None))

    assert 7 <= world.clock.slept < 8


def test_an_unticked_scope_says_so(world: CalendarWorld) -> None:
    made = world.provider()
    made._api._token = lambda: world.google.token("me@acme.com", [f"{AUTH}gmail.readonly"])

    with pytest.raises(NotAuthorized, match="ticked"):
        made.identify()


def test_a_token_that_expires_in_the_middle_is_renewed(world: CalendarWorld) -> None:
    world.page_size = 2
    for n in range(6):
        world.calendar.put(start=NOW + timedelta(days=n))
    found = []
    for page in world.source().changes(None):
        found += [item.id for item in page.upserts]
        world.google.oauth.expire_tokens("me@acme.com")

    assert sorted(world.calendar.events) == found


@pytest.mark.slow
def test_the_users_limit_is_kept() -> None:
    with CalendarWorld(page_size=2, quotas=Quotas(calendar_user_minute=600)) as world:
        for n in range(1_300):
            world.calendar.put(start=NOW + timedelta(hours=n))
        held(world)

        assert [] == world.google.refused()
        assert 651 < len(world.google.log) < 660


@given(seed=st.integers(0, 10_000), rate=st.sampled_from([0.1, 0.3]))
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_converges_whatever_fails_on_the_way(seed: int, rate: float) -> None:
    with CalendarWorld(page_size=3) as world:
        world.google.faults.__init__(seed)  # type: ignore[misc]  # another course of failures
        crm, channel, policy = MemoryStorage(), Channel(key="me", addresses={"me@acme.com"}), Policy()
        kinds: list[Any] = ["error", "drop", "cut", "garbage"]
        for round_ in range(4):
            series = world.calendar.put(start=NOW, recurrence=["RRULE:FREQ=WEEKLY;COUNT=5"], attendees=[ANN])
            for n in range(4):
                world.calendar.put(start=NOW + timedelta(days=n), attendees=[ANN])
            world.calendar.change_instance(series, NOW + timedelta(days=7), summary=f"moved {round_}")
            world.calendar.cancel_instance(series, NOW + timedelta(days=14))
            if round_:
                world.calendar.cancel(
                    min(i for i, s in world.calendar.events.items() if s.resource["status"] != "cancelled")
                )
            if round_ == 2:
                world.calendar.expire_sync_tokens()
            for kind in kinds:
                world.google.faults.add(Fault("calendar.*", kind=kind, rate=rate / 4, status=503))
            world.google.faults.add(Fault("calendar.*", 429, "rateLimitExceeded", rate=rate, retry_after=1))
            for _ in range(3):
                try:
                    sync(world.provider(), crm, channel, policy)
                except (Unavailable, RateLimited, MassDeletion):
                    continue
            world.google.faults.clear()
        sync(world.provider(), crm, channel, policy)
        clean = MemoryStorage()
        sync(world.provider(), clean, channel, policy)

        assert _content(clean)
        assert _content(clean) == _content(crm)


def _content(storage: MemoryStorage) -> set[tuple[str, str, str]]:
    return {
        (entry.key, str(entry.at), str(getattr(entry.record, "summary", "")))
        for entry in storage.timeline("me", limit=500).entries
    }


# -- what Google may send


def resource(**fields: Any) -> dict[str, Any]:
    return {"id": "x", "start": {"dateTime": "2026-03-02T10:00:00+01:00"}, **fields}


def read(**fields: Any) -> Any:
    return read_event(resource(**fields), HERE, UTC_ZONE)


def test_people_keep_their_roles_answers_and_kinds() -> None:
    event = read(
        organizer={"email": "Boss@ACME.com", "displayName": "Boss"},
        attendees=[
            {"email": "ann@client.example", "responseStatus": "declined", "optional": True},
            {"email": "room@resource.calendar.google.com", "resource": True},
            {"email": "team@group.calendar.google.com", "responseStatus": "new-in-2027"},
            {"displayName": "nobody"}, "garbage", {"email": 7}, {"email": "ann@client.example"},
        ],
        attendeesOmitted=True,
    )  # fmt: skip

    assert [
        ("boss@acme.com", None, CalendarUser.INDIVIDUAL),
        ("ann@client.example", Response.DECLINED, CalendarUser.INDIVIDUAL),
        ("room@resource.calendar.google.com", Response.NEEDS_ACTION, CalendarUser.RESOURCE),
        ("team@group.calendar.google.com", Response.NEEDS_ACTION, CalendarUser.GROUP),
    ] == [(p.address, p.response, p.user) for p in event.participants]
    assert event.participants[1].optional
    assert ["Google does not list all of its guests here", "its end cannot be read; the shortest was taken"] == sorted(
        event.problems
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, Classification.PUBLIC), ("default", Classification.PUBLIC), ("public", Classification.PUBLIC),
        ("private", Classification.PRIVATE), ("confidential", Classification.CONFIDENTIAL),
        ("secret-2027", Classification.PRIVATE),
    ],
)  # fmt: skip
def test_an_unknown_visibility_is_private(said: str | None, meant: Classification) -> None:
    assert meant is read(visibility=said).classification


MORE = {"entryPointType": "more", "uri": "https://tel.meet/aaa"}
VIDEO = {"entryPointType": "video", "uri": "https://meet.google.com/aaa"}


TEAMS = "https://teams.microsoft.com/l/meetup-join/1"


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"conferenceData": {"entryPoints": [{"entryPointType": "phone", "uri": "tel:+49"}, VIDEO]}}, VIDEO["uri"]),
        ({"conferenceData": {"entryPoints": [MORE, VIDEO]}}, VIDEO["uri"]),
        ({"conferenceData": {"entryPoints": [{"entryPointType": "sip", "uri": "sip:x"}]}}, None),
        ({"conferenceData": {"entryPoints": ["garbage", {}]}, "hangoutLink": "https://meet.google.com/b"}, "https://meet.google.com/b"),
        ({"conferenceData": 7, "location": "https://acme.zoom.us/j/1"}, "https://acme.zoom.us/j/1"),
        ({"hangoutLink": "javascript:alert(1)"}, None),
        ({"description": f"<p>Join: <a href='{TEAMS}'>{TEAMS}</a></p>"}, TEAMS),
    ],
)  # fmt: skip
def test_the_join_link_is_found_wherever_it_is(fields: dict[str, Any], url: str | None) -> None:
    assert url == read(**fields).conference_url


def test_html_descriptions_are_text_and_files_are_named() -> None:
    event = read(
        description="<b>Hello</b><br>you", attachments=[{"title": "plan.pdf", "mimeType": "application/pdf"}, 7]
    )

    assert "Hello\nyou" == event.description
    assert ["plan.pdf"] == [file.name for file in event.attachments]


def test_the_hour_that_comes_twice_is_told_by_its_offset() -> None:
    start = {"dateTime": "2026-10-25T02:30:00+01:00", "timeZone": "Europe/Berlin"}
    event = read(start=start, end={"dateTime": "2026-10-25T02:45:00+01:00", "timeZone": "Europe/Berlin"})

    assert ("2026-10-25T01:30:00+00:00", "Europe/Berlin") == (event.start.isoformat(), event.timezone)


def test_a_zone_that_nobody_knows_is_noted_and_the_instant_is_right() -> None:
    event = read(start={"dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Mars/Olympus"})

    assert "2026-03-02T09:00:00+00:00" == event.start.isoformat()
    assert any("Mars/Olympus" in problem for problem in event.problems)


def test_an_event_without_a_start_is_skipped_and_the_others_come(world: CalendarWorld) -> None:
    good, bad, worse = (world.calendar.put(start=NOW) for _ in range(3))
    series = world.calendar.put(start=NOW, recurrence=["RRULE:FREQ=NONSENSE"])
    odd: dict[str, dict[str, Any]] = {
        bad: {"start": None},
        worse: {"start": {"dateTime": "yesterday"}, "end": {"date": "0000-00-00"}},
    }

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "items": [{**item, **odd.get(item["id"], {})} for item in answer["items"]]}

    world.google.faults.add(Fault("calendar.events.list", edit=spoil))
    found = pages(world)

    assert {bad, worse} == {s.id for page in found for s in page.skipped}
    assert {good, series} == {item.id for page in found for item in page.upserts}
    noted = [p for page in found for item in page.upserts for e in events({item.id: item}) for p in e.problems]
    assert any("RRULE" in problem for problem in noted)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["2026-03-02", "a@b.example"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["date", "dateTime", "email"]), inner),
    max_leaves=5,
)
NAMES = [
    "id", "status", "recurringEventId", "originalStartTime", "iCalUID", "sequence", "updated", "start", "end",
    "recurrence", "summary", "description", "location", "visibility", "organizer", "attendees", "conferenceData",
]  # fmt: skip


@given(fields=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6), listed=st.booleans())
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_event_holds_the_listing_goes_on(
    world: CalendarWorld, fields: dict[str, Any], listed: bool
) -> None:
    world.google.faults.clear()
    world.calendar.events.clear()
    good = world.calendar.put(start=NOW, summary="good")
    odd = {**resource(), **fields}
    world.google.faults.add(
        Fault(
            "calendar.events.list",
            edit=lambda a: {**a, "items": [*a["items"], odd, 7] if listed else [odd, *a["items"]]},
        )
    )
    found = pages(world)
    again = pages(world, found[-1].cursor)

    assert good in {item.id for page in found for item in page.upserts}
    assert again[-1].more is False


@pytest.mark.parametrize(
    "answer", [{}, {"items": None}, {"items": 7, "nextSyncToken": 7}, {"items": [], "nextPageToken": "x"}]
)
def test_an_answer_that_makes_no_sense_is_no_empty_calendar(world: CalendarWorld, answer: dict[str, Any]) -> None:
    source = world.source()
    world.google.faults.add(Fault("calendar.events.list", edit=lambda _: answer))

    with pytest.raises((Unavailable, CursorExpired)):
        list(source.changes(None))


def test_the_account_is_whose_the_primary_calendar_is_and_all_calendars_are_listed(world: CalendarWorld) -> None:
    calendars = world.account.calendars
    calendars.add(
        "team@group.calendar.google.com", summary="Team", override="Our team", role="writer", owner="bob@acme.com"
    )
    calendars.add("bob@acme.com", role="freeBusyReader")
    calendars.add("read@acme.com", role="reader")
    made = world.provider()

    assert "me@acme.com" == made.identify().address
    assert [
        ("me@acme.com", "me@acme.com", True),
        ("team@group.calendar.google.com", "Our team", True),
        ("read@acme.com", "read@acme.com", False),
    ] == [(c.id, c.name, c.writable) for c in made.collections()]  # fmt: skip
    assert "bob@acme.com" == made.collections()[1].owner


def test_private_events_of_a_shared_calendar_are_private(world: CalendarWorld) -> None:
    shared = world.account.calendars.add("bob@acme.com", role="reader")
    shared.put(start=NOW, visibility="private", summary="secret")
    stream = world.provider().streams(Selection())[1]
    [event] = events({i.id: i for page in stream.source.changes(None) for i in page.upserts})

    assert (Classification.PRIVATE, None) == (event.classification, event.summary)


def test_a_cursor_of_another_calendar_expires_or_is_refused(world: CalendarWorld) -> None:
    world.account.calendars.add("team@group.calendar.google.com", role="reader")
    _, end = held(world)
    other = world.provider().streams(Selection())[1]

    with pytest.raises(CursorExpired):
        list(other.source.changes(Cursor(end)))
