"""Calendars that other people share: their own appointments are nobody else's, whatever tells whose they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from caldav_scripted import HOME, ScriptedServer
from caldav_worlds import ME, calendars, vcalendar

from crmsync import Channel, Policy, sync
from crmsync.testing import MemoryStorage

ANN = "/principals/users/ann-lee/"
OWNER = f"<d:owner><d:href>{ANN}</d:href></d:owner>"
MINE = "<d:owner><d:href>/ann/</d:href></d:owner>"
INVITE = """<s:invite><s:user><d:href>mailto:me@acme.com</d:href></s:user>
<s:organizer><d:href>mailto:ann@client.example</d:href></s:organizer></s:invite>"""
SHARED = "<d:collection/><c:calendar/><s:shared/>"
CALENDAR = "<d:collection/><c:calendar/>"


def event(uid: str, *lines: str) -> bytes:
    return vcalendar("\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTART:20260302T100000Z", *lines, "END:VEVENT", ""]))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer("theirs")
    scripted.principals[ANN] = ("ann@client.example", "ann.lee@client.example")
    theirs = scripted.calendar("theirs")
    theirs.put("doctor.ics", event("doctor", "ORGANIZER:mailto:ann@client.example"))
    theirs.put("alias.ics", event("alias", "ATTENDEE:mailto:ann.lee@client.example"))
    theirs.put("nobody.ics", event("nobody"))
    theirs.put(
        "both.ics", event("both", "ORGANIZER:mailto:ann@client.example", "ATTENDEE:mailto:ann.lee@client.example")
    )
    theirs.put("meeting.ics", event("meeting", "ORGANIZER:mailto:ann@client.example", f"ATTENDEE:mailto:{ME}"))
    theirs.put("third.ics", event("third", "ORGANIZER:mailto:ann@client.example", "ATTENDEE:mailto:bo@other.example"))
    yield scripted
    scripted.close()


def brought(server: ScriptedServer) -> tuple[set[str], set[str]]:
    """What comes in, and who becomes a contact."""
    storage = MemoryStorage()
    provider = calendars(server.port, HOME)
    sync(provider, storage, Channel(key="c", addresses={ME}), Policy())
    provider.close()
    return {id_ for _, id_ in storage.items}, {one for person in storage.persons.values() for one in person.addresses}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (CALENDAR, OWNER),
        (SHARED, OWNER),
        (SHARED, MINE + OWNER.replace("d:owner", "o:owner-principal")),
    ],
    ids=["owner", "shared", "owner-principal"],
)
def test_of_a_calendar_that_somebody_shares_only_meetings_come_in(server: ScriptedServer, kind: str, told: str) -> None:
    server.calendar("theirs").kind, server.calendar("theirs").told = kind, told

    items, contacts = brought(server)

    assert {"meeting.ics", "third.ics"} == items
    assert {"ann@client.example", "bo@other.example"} == contacts


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (SHARED, MINE + INVITE),
        (SHARED, MINE),
        (SHARED, ""),
        (CALENDAR, MINE + "<d:share-access><d:read/></d:share-access>"),
        (CALENDAR, "<d:owner><d:href>/principals/unlisted/</d:href></d:owner>"),
    ],
    ids=["invite", "no-owner-told", "nothing-told", "share-access", "owner-without-address"],
)
def test_where_the_server_does_not_tell_all_addresses_an_organizer_alone_still_keeps_an_appointment(
    server: ScriptedServer, kind: str, told: str
) -> None:
    server.calendar("theirs").kind, server.calendar("theirs").told = kind, told

    items, _ = brought(server)

    assert {"meeting.ics", "third.ics"} <= items
    assert items.isdisjoint({"doctor.ics", "nobody.ics"})


def test_in_ones_own_calendar_somebody_elses_meeting_comes_in_though_nobody_else_is_listed(
    server: ScriptedServer,
) -> None:
    server.calendar("theirs").told = MINE

    assert {"doctor.ics", "alias.ics", "both.ics", "meeting.ics", "third.ics"} == brought(server)[0]


def test_a_principal_with_ones_own_address_is_ones_own(server: ScriptedServer) -> None:
    server.calendar("theirs").told = OWNER
    server.principals[ANN] = (ME,)

    assert "doctor.ics" in brought(server)[0]


def test_a_calendar_that_turns_out_to_be_somebody_elses_is_read_again(server: ScriptedServer) -> None:
    storage = MemoryStorage()
    for told in ("", OWNER):
        server.calendar("theirs").told = told
        provider = calendars(server.port, HOME)
        sync(provider, storage, Channel(key="c", addresses={ME}), Policy())
        provider.close()

    assert {"meeting.ics", "third.ics"} == {id_ for _, id_ in storage.items}


def test_whose_calendars_are_is_asked_once_a_person_and_only_when_something_is_read(server: ScriptedServer) -> None:
    server.calendar("theirs").told = OWNER
    storage = MemoryStorage()
    asked = []
    for _ in range(2):
        provider = calendars(server.port, HOME)
        sync(provider, storage, Channel(key="c", addresses={ME}), Policy())
        provider.close()
        asked.append(sum(one.startswith(f"PROPFIND {ANN.rstrip('/')}") for one in server.requests()))

    assert [1, 0] == asked
