"""What Outlook says that there is, beside what was decided: gaps are seen, and closed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from outlook_calendar_worlds import ANN, Follower
from outlook_worlds import POLICY, Crm

from crmsync import Coverage, coverage
from crmsync.testing.microsoft import Fault, MicrosoftServer
from crmsync.testing.microsoft.calendars import repeats

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def crm(graph: MicrosoftServer) -> Crm:
    return Crm(graph)


@pytest.fixture
def follower(graph: MicrosoftServer) -> Follower:
    return Follower(graph)


def covered(crm: Crm, *, heal: bool = False) -> Coverage:
    crm.at, crm.requests_before = len(crm.server.log), crm.server.requests
    return coverage(crm.provider, crm.storage, crm.channel, POLICY, at=AT, heal=heal)


def calendars_covered(follower: Follower, *, heal: bool = False) -> Coverage:
    return coverage(follower.world.provider(), follower.storage, follower.channel, POLICY, at=AT, heal=heal)


def silent(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a page of changes all that changed."""
    return {**answer, "value": []}


def test_a_mailbox_is_called_complete_where_each_folder_agrees(crm: Crm) -> None:
    for folder in ("inbox", "sentitems", "deleteditems"):
        crm.mailbox.deliver(folder=folder, sender="Ann <ann@client.example>")
    crm.mailbox.deliver(sender="bob@acme.com")
    crm.run()
    said = covered(crm)
    assert said.complete
    assert (said.total, said.decided, said.kept) == (4, 4, 2)


def test_mail_that_no_change_told_of_is_seen_and_brought(crm: Crm) -> None:
    crm.mailbox.deliver(subject="told")
    crm.run()
    crm.mailbox.deliver(subject="untold")
    crm.server.faults.add(Fault("messages.delta", edit=silent))
    crm.run()
    assert crm.subjects() == ["told"]
    crm.server.faults.clear()
    assert (covered(crm).missing, covered(crm).complete) == (1, False)
    assert covered(crm, heal=True).complete
    assert crm.subjects() == ["told", "untold"]


def test_mail_that_went_and_no_change_told_of_is_seen_and_goes(crm: Crm) -> None:
    gone = crm.mailbox.deliver(subject="gone")
    crm.mailbox.deliver(subject="stays")
    crm.run()
    crm.mailbox.remove(gone)
    crm.server.faults.add(Fault("messages.delta", edit=silent))
    crm.run()
    crm.server.faults.clear()
    assert sum(stream.unlisted for stream in covered(crm).streams) == 1
    assert covered(crm, heal=True).complete
    assert crm.subjects() == ["stays"]


def test_a_listing_that_is_shorter_than_the_count_proves_nothing_and_removes_nothing(crm: Crm) -> None:
    for number in range(3):
        crm.mailbox.deliver(subject=str(number))
    crm.run()
    crm.server.faults.add(Fault("messages.list", edit=lambda answer: {**answer, "value": answer["value"][:1]}))
    said = covered(crm, heal=True)
    assert not said.complete
    assert ["counts 3 and names 1" in stream.why for stream in said.uncounted] == [True]
    assert crm.subjects() == ["0", "1", "2"]


def test_an_inventory_asks_for_no_content_and_little_else(crm: Crm) -> None:
    for number in range(50):
        crm.mailbox.deliver(subject=str(number), sender="bob@acme.com")
    crm.mailbox.page_size = 20
    crm.run()
    assert covered(crm).complete
    assert set(crm.calls()) == {"mailFolders.delta", "messages.delta", "messages.list"}
    assert crm.calls().count("messages.list") == len(crm.provider.collections()) + 2


def test_calendars_are_called_complete_where_each_agrees(follower: Follower) -> None:
    other = follower.world.calendars.add("Team")
    follower.calendar.put(start=follower.world.at(10), attendees=[ANN])
    follower.calendar.put(start=follower.world.at(10, days=300), attendees=[ANN])
    first = follower.world.day(1)
    other.put(start=follower.world.at(9), attendees=[ANN], recurrence=repeats("daily", start=first))
    follower.run()
    said = calendars_covered(follower)
    assert said.complete
    assert said.total == 2


def test_an_event_that_no_change_told_of_is_seen_and_brought_or_goes(follower: Follower) -> None:
    gone = follower.calendar.put(subject="gone", start=follower.world.at(10), attendees=[ANN])
    follower.run()
    follower.calendar.remove(gone)
    first = follower.world.day(2)
    follower.calendar.put(
        subject="untold", start=follower.world.at(9, days=2), attendees=[ANN],
        recurrence=repeats("daily", start=first, count=2),
    )  # fmt: skip
    follower.server.faults.add(Fault("calendarView.delta", edit=silent))
    follower.run()
    follower.server.faults.clear()
    said = calendars_covered(follower)
    assert (said.missing, [stream.unlisted for stream in said.streams]) == (1, [1])
    assert calendars_covered(follower, heal=True).complete
    assert {event.summary for event in follower.events()} == {"untold"}


def test_what_is_past_since_the_window_began_stays_where_gaps_are_closed(follower: Follower) -> None:
    follower.calendar.put(subject="past", start=follower.world.at(10, days=-99), attendees=[ANN])
    follower.run()
    follower.world.pass_days(10)
    assert calendars_covered(follower, heal=True).complete
    assert [event.summary for event in follower.events()] == ["past"]
