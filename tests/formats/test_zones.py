"""Time zones by the names that calendars use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ical_samples import BERLIN, event, events, starts, vevent

from crmsync.formats.calendar.observances import ObservedZone
from crmsync.formats.calendar.zones import UTC_ZONE, Definitions, find_zone

UNKNOWN = "the time zone 'Nowhere' is unknown; its times were read in Asia/Tokyo"


def vtimezone(tzid: str, *observances: tuple[str, str, str, str], extra: str = "X-NO:1") -> str:
    """Return a VTIMEZONE of (start, offset before, offset after, rule or RDATE line)."""
    lines = [f"BEGIN:VTIMEZONE\r\nTZID:{tzid}\r\n{extra}"]
    lines += [
        f"BEGIN:STANDARD\r\nDTSTART:{start}\r\nTZOFFSETFROM:{before}\r\nTZOFFSETTO:{after}\r\n{line}\r\nEND:STANDARD"
        for start, before, after, line in observances
    ]
    return "\r\n".join([*lines, "END:VTIMEZONE"])


def like_berlin(tzid: str, hours: int = 0) -> str:
    winter, summer = f"{1 + hours:+03}00", f"{2 + hours:+03}00"
    return vtimezone(
        tzid,
        ("16010101T030000", summer, winter, "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
        ("16010101T020000", winter, summer, "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"),
    )


@pytest.mark.parametrize(
    ("tzid", "name"),
    [
        ("Europe/Berlin", BERLIN),
        ("europe/berlin", BERLIN),
        (" Europe/Berlin ", BERLIN),
        ('"Europe/Berlin"', BERLIN),
        ("/Europe/Berlin", BERLIN),
        ("/mozilla.org/20050126_1/Europe/Berlin", BERLIN),
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", BERLIN),
        ("/softwarestudio.org/Olson_20011030_5/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("W. Europe Standard Time", BERLIN),
        ("w. europe standard time", BERLIN),
        ("W. Europe Standard Time 1", BERLIN),
        ("GMT Standard Time", "Europe/London"),
        ("GMT Standard Time 1", "Europe/London"),
        ("Eastern Standard Time", "America/New_York"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("Mitteleurop\u00e4ische Zeit", BERLIN),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", BERLIN),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien", BERLIN),
        ("(GMT+01.00) Amsterdam", "Europe/Amsterdam"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC+02:00) Helsinki, Kyjiw, Riga", "Europe/Helsinki"),
        ("(UTC+09:00) Osaka, Sapporo, Tokio, Tokyo", "Asia/Tokyo"),
        ("EST5EDT", "EST5EDT"),
        ("GMT", "GMT"),
    ],
)  # fmt: skip
def test_a_zone_is_known_by_its_iana_windows_or_displayed_name(tzid: str, name: str | None) -> None:
    assert name == find_zone(tzid, Definitions({}), UTC_ZONE).name


@pytest.mark.parametrize(
    "tzid",
    [
        "UTC",
        "utc",
        "Etc/UTC",
        "Z",
        "tzone://Microsoft/Utc",
        "Coordinated Universal Time",
        "(UTC) Coordinated Universal Time",
    ],
)
def test_utc_has_no_zones_name(tzid: str) -> None:
    assert (datetime(2025, 3, 1, 10, tzinfo=UTC), None, ()) == facts(event(start=f';TZID="{tzid}":20250301T100000'))


def facts(found: object) -> tuple[object, ...]:
    return tuple(getattr(found, name) for name in ("start", "timezone", "problems"))


@pytest.mark.parametrize(("tzid", "hour"), [("UTC+05:30", 4), ("GMT-0300", 13), ("+02:00", 8), ("UTC-00:30", 10)])
def test_a_name_that_is_an_offset_is_that_offset(tzid: str, hour: int) -> None:
    found = event(start=f';TZID="{tzid}":20250301T100000')

    assert (hour, None, ()) == (found.at.hour, found.timezone, found.problems)


@pytest.mark.parametrize(
    ("tzid", "hour"), [("(UTC+03:00) Nowhere", 7), ("(UTC) Nowhere", 10), ("(UTC+03:00) Berlin", 7)]
)
def test_an_offset_in_front_of_an_unknown_place_is_used_and_said(tzid: str, hour: int) -> None:
    found = event(start=f';TZID="{tzid}":20250301T100000')

    assert (hour, None) == (found.at.hour, found.timezone)
    assert (f"the time zone {tzid!r} is known by its offset only",) == found.problems


@pytest.mark.parametrize(
    "tzid",
    [
        "tzone://Microsoft/Custom",
        "Customized Time Zone",
        "My zone",
        "GMT +0100 (Standard) / GMT +0200 (Daylight)",
        "\u00dcbersee",
    ],
)
def test_a_zone_that_only_the_calendar_knows_has_the_calendars_offsets(tzid: str) -> None:
    found = [
        one
        for month in ("01", "07")
        for one in events(
            like_berlin(tzid, 3), vevent(start=f';TZID="{tzid}":2025{month}01T100000'), zone="America/New_York"
        )
    ]

    assert ["0101T0600", "0701T0500"] == starts(found)
    assert [(None, False, ())] * 2 == [(one.timezone, one.floating, one.problems) for one in found]


def test_a_known_name_counts_more_than_the_calendars_definition_of_it() -> None:
    (found,) = events(like_berlin(BERLIN, 3), vevent(start=";TZID=Europe/Berlin:20250701T100000"))

    assert (datetime(2025, 7, 1, 8, tzinfo=UTC), BERLIN, ()) == facts(found)


def test_a_definition_may_say_which_zone_it_stands_for() -> None:
    zone = vtimezone("x", ("19700101T000000", "+0500", "+0500", "X:1"), extra="X-LIC-LOCATION:Europe/Berlin")
    (found,) = events(zone, vevent(start=";TZID=x:20250701T100000"))

    assert (datetime(2025, 7, 1, 8, tzinfo=UTC), BERLIN, ()) == facts(found)


def test_a_definition_that_stands_for_an_unknown_zone_counts_itself() -> None:
    zone = vtimezone("x", ("19700101T000000", "+0500", "+0500", "X:1"), extra="X-LIC-LOCATION:Nowhere")

    assert ["0701T0500"] == starts(events(zone, vevent(start=";TZID=x:20250701T100000")))


def test_a_definition_after_its_events_counts() -> None:
    assert ["0701T0500"] == starts(events(vevent(start=";TZID=x:20250701T100000"), like_berlin("x", 3)))


def test_an_unknown_zone_is_said_and_read_in_the_calendars_or_the_given_zone() -> None:
    (given_zone,) = events(vevent(start=";TZID=Nowhere:20250301T100000"), zone="Asia/Tokyo")
    (own_zone,) = events("X-WR-TIMEZONE:Asia/Tokyo", vevent(start=";TZID=Nowhere:20250301T100000"), zone=BERLIN)

    assert (datetime(2025, 3, 1, 1, tzinfo=UTC), None, (UNKNOWN,)) == facts(given_zone) == facts(own_zone)
    assert not given_zone.floating


def test_floating_times_are_read_in_the_calendars_zone_else_in_the_given_one() -> None:
    (own_zone,) = events("X-WR-TIMEZONE:Asia/Tokyo", vevent(start=":20250301T100000"), zone=BERLIN)
    (given_zone,) = events("X-WR-TIMEZONE:Nowhere", vevent(start=":20250301T100000"), zone=BERLIN)

    assert (datetime(2025, 3, 1, 1, tzinfo=UTC), None, ()) == facts(own_zone)
    assert (datetime(2025, 3, 1, 9, tzinfo=UTC), None, ()) == facts(given_zone)
    assert own_zone.floating
    assert given_zone.floating


def test_where_no_zone_is_known_at_all_that_is_said() -> None:
    (found,) = events(vevent(start=":20250301T100000"), zone="No/Where")

    assert (datetime(2025, 3, 1, 10, tzinfo=UTC), None, ("no zone is known; UTC was taken",)) == facts(found)


def test_a_zones_name_with_colon_and_commas_is_read_without_its_quotes_too() -> None:
    for tzid in ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "(UTC+02:00) Athens, Bucharest"):
        quoted, bare = (event(start=f";TZID={quote}{tzid}{quote}:20250301T100000") for quote in ('"', ""))
        assert quoted == bare
        assert quoted.timezone in {BERLIN, "Europe/Athens"}


@pytest.mark.parametrize(
    "tzid",
    [
        "../../etc/passwd", "/etc/passwd", "..", "/", "", "Europe", "Europe/", "localtime", "posixrules", "Factory",
        "posix/Europe/Atlantis", "right/Europe/Atlantis", "a" * 10_000, "/".join("a" * 5_000), "Europe/Ber\x00lin",
        "\x00", "\ud7ff",
        "zone.tab", "tzdata.zi", "C:\\Windows", "UTC+99:00", "GMT+2400", "(UTC+25:00) Berlin", "Europe/Berlin/../Paris",
        "%s%n", "{0}", "\u0130stanbul",
    ],
)  # fmt: skip
def test_a_hostile_name_is_only_an_unknown_one(tzid: str) -> None:
    zone = find_zone(tzid, Definitions({}), UTC_ZONE)

    assert (UTC, None) == (zone.tz, zone.name)
    assert zone.problem is not None
    assert len(zone.problem) < 250


@given(st.text())
def test_no_name_raises(tzid: str) -> None:
    zone = find_zone(tzid, Definitions({}), UTC_ZONE)

    assert zone.problem is None or zone.tz is UTC


@pytest.mark.parametrize(
    "lines",
    [
        (), ("TZID:x",), ("BEGIN:STANDARD", "END:STANDARD"),
        ("BEGIN:STANDARD", "DTSTART:x", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:STANDARD"),
        ("BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+9900", "END:STANDARD"),
        ("BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:1", "END:STANDARD"),
        ("BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200",
        "RRULE:FREQ=SECONDLY", "END:STANDARD"),
        ("BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200",
        "RRULE:FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2", "END:STANDARD"),
        ("BEGIN:STANDARD", "DTSTART:00010101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:STANDARD"),
        ("x" * 200_000,),
    ],
)  # fmt: skip
def test_a_definition_that_cannot_be_used_is_none(lines: tuple[str, ...]) -> None:
    assert find_zone("x", Definitions({"x": lines}), UTC_ZONE).problem is not None


@pytest.mark.parametrize("until", ["19801231T000000Z", "19801231T000000", "19801231", "99991231T235959Z"])
def test_a_definition_may_end_its_rules_in_any_form(until: str) -> None:
    zone = vtimezone(
        "x",
        ("19700101T000000", "+0000", "+0500", f"RRULE:FREQ=YEARLY;UNTIL={until}"),
        ("19700601T000000", "+0500", "+0100", "RDATE:20250601T000000,20260601T000000"),
    )

    assert ["0701T0900"] == starts(events(zone, vevent(start=";TZID=x:20250701T100000")))


def test_a_definitions_dates_may_be_in_utc_or_days() -> None:
    zone = vtimezone(
        "x", ("20240101", "+0000", "+0500", "RDATE:20250531T190000Z"), ("20250101", "+0500", "+0100", "X:1")
    )

    assert ["0531T2259", "0601T1800"] == starts(
        events(zone, vevent(start=";TZID=x:20250531T235900"), vevent(start=";TZID=x:20250601T230000", uid="b"))
    )


BERLIN_SINCE_1996 = st.datetimes(datetime(1997, 1, 1), datetime(2036, 12, 31))  # noqa: DTZ001 - local times


def observed_berlin() -> ObservedZone:
    lines = tuple(like_berlin("x").split("\r\n"))
    zone = find_zone("x", Definitions({"x": lines}), UTC_ZONE).tz
    assert isinstance(zone, ObservedZone)
    return zone


@given(BERLIN_SINCE_1996)
def test_a_definition_of_a_zone_is_as_good_as_the_zone(wall: datetime) -> None:
    zone, berlin = observed_berlin(), ZoneInfo(BERLIN)

    for fold in (0, 1):
        assert wall.replace(tzinfo=berlin, fold=fold).utcoffset() == wall.replace(tzinfo=zone, fold=fold).utcoffset()
    ours = wall.replace(tzinfo=UTC).astimezone(zone)
    theirs = wall.replace(tzinfo=UTC).astimezone(berlin)
    assert (theirs.replace(tzinfo=None), theirs.fold) == (ours.replace(tzinfo=None), ours.fold)


@pytest.mark.parametrize(
    ("wall", "hour", "fold"),
    [("20250330T023000", 1, 0), ("20251026T023000", 0, 0)],
)
def test_a_time_in_a_gap_or_twice_there_is_read_as_section_3_3_5_says(wall: str, hour: int, fold: int) -> None:
    for tzid in (BERLIN, "x"):
        (found,) = events(like_berlin("x"), vevent(start=f";TZID={tzid}:{wall}"))
        assert (hour, 30) == (found.at.hour, found.at.minute)


def test_an_observed_zone_tells_its_last_offset_for_no_time() -> None:
    zone = observed_berlin()

    assert timedelta(hours=1) == zone.utcoffset(None) or timedelta(hours=2) == zone.utcoffset(None)
    assert (None, None) == (zone.tzname(None), zone.dst(None))


@pytest.mark.parametrize(
    ("tzid", "named"),
    [
        ("Kuala Lumpur\\, Singapore", '"Kuala Lumpur, Singapore"'),
        ("Pacific Time (US & Canada)\\; Tijuana", '"Pacific Time (US & Canada); Tijuana"'),
        ("Back\\\\slash", "Back\\slash"),
        ('"Quoted"', "Quoted"),
        ("My Zone", "my zone"),
        ("Plain\\, escaped", '"Plain\\, escaped"'),
    ],
)
def test_a_definitions_name_is_text_that_escapes_and_the_parameter_quotes(tzid: str, named: str) -> None:
    # RFC 5545 sections 3.8.3.1 and 3.2.19
    (found,) = events(like_berlin(tzid, 3), vevent(start=f";TZID={named}:20250701T100000"))

    assert (datetime(2025, 7, 1, 5, tzinfo=UTC), None, ()) == facts(found)


@pytest.mark.parametrize(
    "tzid",
    [
        "EST", "MST", "GMT", "UTC", "Etc/GMT-1", "Eastern", "W. Europe", "Paris, Madrid", "Singapore", "UTC+1",
        "(UTC+01:00) Amsterdam, Berlin", "Mitteleuropäische Zeit", "My/Own/Europe/London", "EST5EDT",
    ],
)  # fmt: skip
def test_a_calendars_definition_counts_more_than_a_name_that_may_mean_another(tzid: str) -> None:
    (found,) = events(like_berlin(tzid, 3), vevent(start=f';TZID="{tzid}":20250701T100000'))

    assert (datetime(2025, 7, 1, 5, tzinfo=UTC), None, ()) == facts(found)


@pytest.mark.parametrize("tzid", ["EST", "Eastern"])
def test_a_definition_that_calls_itself_by_such_a_name_counts_itself(tzid: str) -> None:
    zone = vtimezone(tzid, ("19700101T000000", "+1000", "+1000", "X:1"), extra=f"X-LIC-LOCATION:{tzid}")

    assert ["0701T0000"] == starts(events(zone, vevent(start=f";TZID={tzid}:20250701T100000")))


def test_the_calendars_own_zone_may_be_one_that_it_defines() -> None:
    found = events(
        "X-WR-TIMEZONE:Kuala Lumpur\\, Singapore",
        like_berlin("Kuala Lumpur\\, Singapore", 3),
        vevent(start=":20250701T100000"),
    )

    assert ["0701T0500"] == starts(found)


@pytest.mark.parametrize(
    ("tzid", "hour"),
    [
        ("(GMT+10:00) Canberra, Melbourne, Sydney", 23), ("(GMT+12:00) Auckland, Wellington", 21),
        ("(UTC-03:00) Santiago", 13), ("(UTC-04:00) Santiago", 13), ("(UTC+01:00) Casablanca", 9),
    ],
)  # fmt: skip
def test_a_displayed_name_tells_the_offset_without_summer_time_south_of_the_equator_too(tzid: str, hour: int) -> None:
    assert hour == event(start=f';TZID="{tzid}":20250115T100000').at.hour


@pytest.mark.parametrize(
    "tzid",
    [
        "(UTC-05:00) Eastern Time (US and Canada)", "(GMT-05:00) Eastern Time (US & Canada)",
        "(UTC\u221205:00) Eastern Time (US & Canada)", "(GMT-05.00) Eastern Time (US & Canada)",
        "(UTC-5:00) Eastern Time (US & Canada)", "Eastern Time (US and Canada)",
    ],
)  # fmt: skip
def test_a_displayed_name_is_known_in_each_way_of_writing_it(tzid: str) -> None:
    assert "America/New_York" == event(start=f';TZID="{tzid}":20250701T100000').timezone


@pytest.mark.parametrize(
    ("tzid", "minutes"),
    [
        ("UTC+1", 540), ("UTC+01", 540), ("GMT+2", 480), ("UTC+5:30", 270), ("UTC-5", 900), ("+1", 540),
        ("UTC+530", 270),
        ("GMT+0200", 480), ("UTC +3", 420), ("UTC+14", -240 + 1440),
    ],
)  # fmt: skip
def test_an_offset_may_have_one_or_two_digits(tzid: str, minutes: int) -> None:
    found = event(start=f";TZID={tzid}:20250715T100000")

    assert minutes == found.at.hour * 60 + found.at.minute


@pytest.mark.parametrize("known", [20, 80])
def test_each_definition_is_read_once_however_many_there_are(known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    whole = ObservedZone.read
    monkeypatch.setattr(ObservedZone, "read", lambda lines: read.append(1) or whole(lines))
    zones = [like_berlin(f"Z{n}", n % 5) for n in range(known)]
    meetings = [vevent(start=f";TZID=Z{n % known}:20250701T100000", uid=f"u{n}") for n in range(3 * known)]

    assert 3 * known == len(events(*zones, *meetings))
    assert known == len(read)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2150, 12, 31)))  # noqa: DTZ001 - local times
def test_a_zone_that_is_found_year_by_year_is_the_one_that_is_found_at_once(wall: datetime) -> None:
    lines = like_berlin("x").split("\r\n")
    # The same rules, in a form that is expanded at once.
    at_once = ObservedZone.read([line.replace("FREQ=YEARLY", "FREQ=YEARLY;BYSECOND=0") for line in lines])
    by_year = ObservedZone.read(lines)

    assert at_once is not None
    assert by_year is not None
    for fold in (0, 1):
        assert (
            wall.replace(tzinfo=at_once, fold=fold).utcoffset() == wall.replace(tzinfo=by_year, fold=fold).utcoffset()
        )
    instant = wall.replace(tzinfo=UTC)
    assert instant.astimezone(at_once).replace(tzinfo=None) == instant.astimezone(by_year).replace(tzinfo=None)


@pytest.mark.parametrize(("tzid", "name"), [
    ("America/New York", "America/New_York"), ("US-Eastern", "US/Eastern"), ("Europe_Berlin", "Europe/Berlin"),
    ("Europe-Berlin", "Europe/Berlin"), ("W._Europe_Standard_Time", "Europe/Berlin"),
])  # fmt: skip
def test_a_name_with_other_marks_between_its_words_is_that_name(tzid: str, name: str) -> None:
    zone = find_zone(tzid, Definitions({}), UTC_ZONE)

    assert (name, None) == (zone.name, zone.problem)


def test_a_lone_city_is_believed_and_said() -> None:
    zone = find_zone("Sydney\\, Melbourne", Definitions({}), UTC_ZONE)

    assert "Australia/Sydney" == zone.name
    assert "by its city only" in (zone.problem or "")
    assert all(find_zone(name, Definitions({}), UTC_ZONE).name is None for name in ("East", "North", "West", "Nowhere"))
