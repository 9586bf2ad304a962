"""Answers that are broken, cut off, hostile or something else: nothing is lost, and the next run converges."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import pytest
from caldav_scripted import HOME, ScriptedServer
from caldav_servers import Exchange, Seen
from caldav_worlds import ME, calendars, vcalendar, vevent

from crmsync import Channel, Policy, sync
from crmsync.errors import CrmSyncError, NotAuthorized, RateLimited, Unavailable
from crmsync.formats.calendar.series import MAX_INSTANCES
from crmsync.model import Event, Outcome, Report
from crmsync.providers.caldav.xml import NotMultistatus, read_multistatus
from crmsync.testing import MemoryStorage

CHALLENGE = {"WWW-Authenticate": 'Basic realm="dav"'}
CHANNEL = Channel(key="c", addresses={ME}, largest_meeting=50)
_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a;" * 10 if not n else b"&a%d;" % (n - 1) * 10) for n in range(12))
    + b']><d:multistatus xmlns:d="DAV:"><d:response><d:href>&a11;</d:href></d:response></d:multistatus>'
)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer("work", "home")
    for name in "abc":
        scripted.calendar("work").put(f"{name}.ics", vcalendar(vevent(name)))
    scripted.calendar("home").put("h.ics", vcalendar(vevent("h")))
    yield scripted
    scripted.close()


def run(server: ScriptedServer, storage: MemoryStorage) -> Report:
    provider = calendars(server.port, HOME)
    try:
        return sync(provider, storage, CHANNEL, Policy())
    finally:
        provider.close()


def ids(storage: MemoryStorage) -> list[str]:
    return sorted(id_ for _, id_ in storage.items)


def only_for(*marks: bytes) -> Callable[[Seen], bool]:
    return lambda seen: seen.path.endswith("/work/") and any(mark in seen.body for mark in marks)


def cut(exchange: Exchange) -> Exchange:
    return Exchange(207, {**exchange.headers, "Content-Length": str(len(exchange.body))}, exchange.body[:-40])


def of_xml(body: bytes) -> Callable[[Exchange], Exchange]:
    return lambda exchange: exchange._replace(body=body)


BROKEN: dict[str, tuple[Callable[[Exchange], Exchange], type[CrmSyncError], str]] = {
    "broken XML": (of_xml(b"<?xml version='1.0'?><d:multistatus xmlns:d='DAV:'><d:respo"), Unavailable, "cut off"),
    "nothing": (of_xml(b""), Unavailable, "cut off"),
    "a page": (
        lambda _: Exchange(207, {"Content-Type": "text/html"}, b"<html>Welcome</html>"), Unavailable, "not answer as"
    ),
    "a page with status 200": (
        lambda _: Exchange(200, {"Content-Type": "text/html"}, b"<html>Log in</html>"), Unavailable, "status 200"
    ),
    "another document": (of_xml(b"<?xml version='1.0'?><feed xmlns='DAV:'/>"), Unavailable, "cut off or broken"),
    "an entity bomb": (of_xml(_BOMB), Unavailable, "cut off or broken"),
    "a body cut off": (cut, Unavailable, "broke off"),
    "a packed body cut off": (
        lambda e: Exchange(207, {"Content-Encoding": "gzip"}, gzip.compress(e.body)[:-30]), Unavailable, "cut off"
    ),
    "a body that claims to be packed": (
        lambda e: Exchange(207, {"Content-Encoding": "gzip"}, e.body), Unavailable, "damaged"
    ),
    "an unknown packing": (lambda e: Exchange(207, {"Content-Encoding": "zip9"}, e.body), Unavailable, "encoding"),
    "a status of its own": (lambda _: Exchange(502, {}, b""), Unavailable, "problem of its own"),
    "no login any more": (lambda _: Exchange(401, CHALLENGE, b""), NotAuthorized, "does not accept"),
    "no access, and no word why": (lambda _: Exchange(401, {}, b""), Unavailable, "does not say why"),
    "a pause": (lambda _: Exchange(429, {"Retry-After": "900"}, b""), RateLimited, "900 s"),
    "a pause with a status of its own": (lambda _: Exchange(503, {"Retry-After": "77"}, b""), RateLimited, "77 s"),
    "another server": (
        lambda _: Exchange(302, {"Location": "http://evil.example/dav/"}, b""), Unavailable, "another server"
    ),
    "round in circles": (lambda _: Exchange(302, {"Location": f"{HOME}work/"}, b""), Unavailable, "circles"),
}  # fmt: skip


@pytest.mark.parametrize("mark", [b"d:getetag", b"multiget"], ids=["while listing", "while fetching"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_answer_stops_its_calendar_only_and_the_next_run_converges(
    server: ScriptedServer, how: str, mark: bytes
) -> None:
    breaks, error, said = BROKEN[how]
    concerns = only_for(mark)

    def change(seen: Seen, _: Exchange | None) -> Exchange:
        answer = server.answer(seen, None)
        return breaks(answer) if concerns(seen) else answer

    server.proxy.change = change
    storage = MemoryStorage()
    with pytest.raises(error, match=said):
        run(server, storage)
    assert ["h.ics"] == ids(storage) or error is not Unavailable  # the account's failure ends the run

    server.proxy.change = server.answer
    run(server, storage)
    assert ["a.ics", "b.ics", "c.ics", "h.ics"] == ids(storage)


def test_a_packed_listing_that_unfolds_to_more_than_anybody_needs_is_not_read_on(server: ScriptedServer) -> None:
    bomb = gzip.compress(b"<?xml version='1.0'?><d:multistatus xmlns:d='DAV:'>" + b" " * (65 << 20), 1)

    def change(seen: Seen, _: Exchange | None) -> Exchange:
        bombed = seen.path.endswith("/work/") and seen.method == "PROPFIND"
        return Exchange(207, {"Content-Encoding": "gzip"}, bomb) if bombed else server.answer(seen, None)

    server.proxy.change = change
    storage = MemoryStorage()
    with pytest.raises(Unavailable, match="is larger than 67108864 octets"):
        run(server, storage)

    assert ["h.ics"] == ids(storage)


def test_a_short_pause_is_sat_out(server: ScriptedServer) -> None:
    pauses = [Exchange(429, {"Retry-After": "0"}, b"")]
    server.proxy.change = lambda seen, _: pauses.pop() if pauses else server.answer(seen, None)
    storage = MemoryStorage()

    run(server, storage)

    assert ["a.ics", "b.ics", "c.ics", "h.ics"] == ids(storage)


def test_a_redirect_on_the_same_server_is_followed(server: ScriptedServer) -> None:
    def change(seen: Seen, _: Exchange | None) -> Exchange:
        if seen.path.startswith("/old"):
            return Exchange(308, {"Location": seen.path.removeprefix("/old")}, b"")
        return server.answer(seen, None)

    server.proxy.change = change
    provider = calendars(server.port, f"/old{HOME}")
    storage = MemoryStorage()
    sync(provider, storage, CHANNEL, Policy())

    assert ["a.ics", "b.ics", "c.ics", "h.ics"] == ids(storage)


@pytest.mark.parametrize("link", ["http://evil.example/x/", "https://evil.example/x/", "//evil.example/x/", "http://["])
def test_a_calendar_elsewhere_gets_no_password(server: ScriptedServer, link: str) -> None:
    def change(seen: Seen, _: Exchange | None) -> Exchange:
        answer = server.answer(seen, None)
        if seen.path == HOME:
            return answer._replace(
                body=answer.body.replace(f"<d:href>{HOME}work/".encode(), f"<d:href>{link}".encode())
            )
        return answer

    server.proxy.change = change
    storage = MemoryStorage()
    try:
        run(server, storage)
    except Unavailable as error:
        assert "evil.example" in str(error)  # noqa: PT017 - a link that is no address is left out instead

    assert ["h.ics"] == ids(storage)


# -- objects

MANY = "\r\n".join(f"ATTENDEE:mailto:p{number}@client.example" for number in range(10_000))
BAD_OBJECTS: dict[str, tuple[bytes, Outcome, str]] = {
    "no UID": (vcalendar(vevent("x").replace("UID:x\r\n", "")), Outcome.STORED, ""),
    "no DTSTART": (
        vcalendar(vevent("x").replace("DTSTART:20260302T100000Z\r\n", "")), Outcome.SKIPPED, "it has no DTSTART"
    ),
    "no END": (vcalendar(vevent("x")).replace(b"END:VEVENT\r\n", b""), Outcome.STORED, ""),
    "cut off": (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", Outcome.SKIPPED, "it is cut off"),
    "no calendar": (b"hello", Outcome.SKIPPED, "it is no calendar object"),
    "a start of nonsense": (vcalendar(vevent("x", start=":soon")), Outcome.SKIPPED, "its DTSTART cannot be read"),
    "every second for ever": (vcalendar(vevent("x", "RRULE:FREQ=SECONDLY")), Outcome.STORED, ""),
    "10,000 guests": (vcalendar(vevent("x", MANY)), Outcome.STORED, ""),
    "10,000 guests every day": (vcalendar(vevent("x", MANY, "RRULE:FREQ=DAILY")), Outcome.STORED, ""),
    "an unknown zone": (vcalendar(vevent("x", start=";TZID=Nowhere/Land:20260302T100000")), Outcome.STORED, ""),
    "a hostile zone": (
        vcalendar(vevent("x", start=";TZID=../../../etc/passwd:20260302T100000")), Outcome.STORED, ""
    ),
    "two UIDs": (vcalendar(vevent("x"), vevent("y")), Outcome.STORED, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_OBJECTS)
def test_a_bad_object_is_read_as_well_as_it_can_be_and_stops_no_other(server: ScriptedServer, name: str) -> None:
    data, outcome, detail = BAD_OBJECTS[name]
    server.calendar("work").put("bad.ics", data)
    storage = MemoryStorage()

    run(server, storage)

    (entry,) = (e for e in storage.ledger("c/dav/ann/work") if e.id == "bad.ics")
    assert (outcome, detail) == (entry.decision.outcome, entry.decision.detail)
    assert {"a.ics", "b.ics", "c.ics", "h.ics"} <= set(ids(storage))
    server.calendar("work").put("bad.ics", vcalendar(vevent("x", "SUMMARY:good", "SEQUENCE:1")))
    run(server, storage)
    (record,) = storage.items["c/dav/ann/work", "bad.ics"].records
    assert isinstance(record, Event)
    assert "good" == record.summary


def test_a_series_with_thousands_of_guests_is_bounded_and_says_so(server: ScriptedServer) -> None:
    server.calendar("work").put("bad.ics", vcalendar(vevent("x", MANY, "RRULE:FREQ=DAILY")))
    storage = MemoryStorage()
    run(server, storage)

    records = storage.items["c/dav/ann/work", "bad.ics"].records

    assert 10 < len(records) < 100
    assert all("too many" in problem for record in records if isinstance(record, Event) for problem in record.problems)


def test_an_endless_series_is_bounded_and_says_so(server: ScriptedServer) -> None:
    server.calendar("work").put("bad.ics", vcalendar(vevent("x", "RRULE:FREQ=SECONDLY")))
    storage = MemoryStorage()
    run(server, storage)

    assert MAX_INSTANCES == len(storage.items["c/dav/ann/work", "bad.ics"].records)


def test_two_objects_of_one_meeting_are_one_event_that_stays_until_both_are_gone(server: ScriptedServer) -> None:
    work = server.calendar("work")
    work.put("copy.ics", vcalendar(vevent("a")))
    storage = MemoryStorage()
    run(server, storage)
    keys = [record.key for item in storage.items.values() for record in item.records]
    assert (5, 4) == (len(keys), len(set(keys)))

    work.delete("a.ics")
    run(server, storage)

    assert set(keys) == {record.key for item in storage.items.values() for record in item.records}


# -- XML


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<", b"\x00", b"<a/>", b"<multistatus/>", b"<d:multistatus xmlns:d='DAV:'>", _BOMB,
        "<a/>".encode("utf-16"),
        b"<?xml version='1.0' encoding='utf-7'?><a/>", b"<?xml version='1.0' encoding='nonsense'?><a/>",
        b"<d:multistatus xmlns:d='DAV:'>" + b"<a>" * 1000 + b"</a>" * 1000 + b"</d:multistatus>",
        b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><d:multistatus xmlns:d='DAV:'/>",
    ],
)  # fmt: skip
def test_what_is_no_multistatus_is_refused(data: bytes) -> None:
    with pytest.raises(NotMultistatus):
        read_multistatus(data)


def test_statuses_of_properties_and_of_resources_are_told_apart() -> None:
    found = read_multistatus(b"""<multistatus xmlns="DAV:" xmlns:x="urn:x"><response><href> /a </href>
        <propstat><prop><getetag>"1"</getetag><x:deep><href>/p</href><x:y name="vevent"/></x:deep></prop>
        <status>HTTP/1.1 200 OK</status></propstat>
        <propstat><prop><x:no/></prop><status>HTTP/1.1 403 No</status></propstat></response>
        <response><href>/b</href><status>HTTP/1.1 404 Gone</status></response>
        <response><href>/c</href><status>nonsense</status></response><sync-token>t</sync-token></multistatus>""")

    assert "t" == found.sync_token
    assert [("/a", None), ("/b", 404), ("/c", 500)] == [(one.href, one.status) for one in found.responses]
    first = found.responses[0]
    assert '"1"' == first.text("DAV: getetag")
    assert ("/p",) == first.properties["urn:x deep"].hrefs
    assert ("VEVENT",) == first.properties["urn:x deep"].names
    assert {"urn:x no": 403} == first.refused
