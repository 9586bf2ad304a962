"""One VEVENT (RFC 5545 section 3.6.1, RFC 7986): its properties to an `Event`, and what its recurrence is made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, UTC, datetime, time, timedelta
from typing import NamedTuple

from ...model import Classification, Collection, Event, EventStatus, clean_line
from .details import (
    read_attachments,
    read_conference,
    read_description,
    read_location,
    read_number,
    read_participants,
)  # fmt: skip
from .lines import Properties, RawEvent, first_text, line_text, read_duration, read_time, split_line
from .moments import Moment, Span, day_after, in_days, midnight_of, to_utc
from .recurrence_rule import Rule, read_rule
from .zones import UTC_ZONE, Definitions, Zone, find_zone

MAX_UID = 1_000
"""Characters; a longer UID is replaced by a digest, because databases cannot index it."""

MAX_RULES = 50
"""Rules of one series that are read."""

_STATUSES = {
    "TENTATIVE": EventStatus.TENTATIVE,
    "CANCELLED": EventStatus.CANCELLED,
    "CANCELED": EventStatus.CANCELLED,
}
_CLASSES = {"PUBLIC": Classification.PUBLIC, "CONFIDENTIAL": Classification.CONFIDENTIAL}
_ACCESS = "X-CALENDARSERVER-ACCESS"
_VOLATILE = frozenset({"DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE"})


@dataclass(frozen=True, slots=True)
class Part:
    """A VEVENT, read: a single event, the master of a series, or one of its exceptions."""

    event: Event
    start: Moment
    span: Span
    rules: tuple[Rule, ...] = ()
    excluding: tuple[Rule, ...] = ()
    """EXRULE: RFC 2445 had it, and some still write it."""
    additions: tuple[tuple[Moment, Span | None], ...] = ()
    exclusions: tuple[Moment, ...] = ()
    original: Moment | None = None
    """RECURRENCE-ID."""
    place: int = 0
    """Which of the file's calendars it is in: within one there are no older copies, only other meetings."""
    following: bool = False
    """RANGE=THISANDFUTURE."""
    recurring: bool = False
    unclassified: bool = False
    """It says nothing of who may see it: as an exception it is as private as its series."""

    def noting(self, problem: str) -> Part:
        """Return it with one more problem."""
        return replace(self, event=self.event.model_copy(update={"problems": (*self.event.problems, problem)}))

    def named(self, number: int) -> Part:
        """Return it under an id of its own, as one more meeting of its UID."""
        return replace(self, event=self.event.model_copy(update={"uid": f"{self.event.uid[: MAX_UID - 10]}#{number}"}))

    def classified(self, secrecy: Classification) -> Part:
        """Return it at least as private as this."""
        found = strictest((self.event.classification, secrecy))
        return replace(self, event=self.event.model_copy(update={"classification": found}))


class Context(NamedTuple):
    """What holds for all events of a calendar."""

    default: Zone
    definitions: Definitions
    collections: Sequence[Collection]
    place: int = 0
    told: str | None = None
    """The name of the calendar's own zone, where it has one (X-WR-TIMEZONE)."""
    access: Sequence[str] = ()
    """The calendar's own X-CALENDARSERVER-ACCESS lines, which hold for all that is in it."""
    method: str = ""
    """The calendar's METHOD (RFC 5546)."""


def read_uid(raw: RawEvent) -> tuple[str, str | None]:
    """Return the UID and, where the object has none that can be used, the problem.

    What stands in for it is derived from the content, so that the same content has the same identity again.
    """
    uid: str = clean_line(first_text(raw.properties, "UID") or "")
    if uid and len(uid) <= MAX_UID:
        return uid, None
    lines = [line for name in sorted(raw.properties.keys() - _VOLATILE) for line in raw.properties[name]]
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:40]
    if uid:
        return f"long-uid-{digest}", "its UID is too long; a digest stands in for it"
    return f"no-uid-{digest}", "it has no UID; a digest of its content stands in for it"


def read_event(raw: RawEvent, uid: str, context: Context, problems: list[str]) -> Part:
    """Read a VEVENT.

    Raises:
        ValueError: it has no usable start. Anything else that cannot be read is left out, and said in its problems.

    """
    properties = raw.properties
    if not raw.closed:
        problems.append("it does not end; the rest may be missing")
    start = _read_start(properties, context, problems)
    end = _read_end(properties, start, context, problems)
    start = _with_zone_of(end, start, context, problems)
    start = _whole_days(properties, start, end, context)
    span = _read_span(properties, start, end, problems)
    rules = _read_rules(properties, "RRULE", problems)
    excluding = _read_rules(properties, "EXRULE", problems)
    additions = _read_additions(properties, start, context, problems)
    exclusions = _read_moments(properties, "EXDATE", start, context, problems)
    original, following = _read_original(properties, start, context, problems)
    event = Event(
        uid=uid,
        sequence=read_number(first_text(properties, "SEQUENCE")),
        updated=_read_stamp(properties),
        start=start.value,
        end=span.end(start, start.value),
        timezone=None if start.all_day or start.zone.floating else start.zone.name,
        floating=start.zone.floating and not start.all_day,
        status=_read_status(properties, context),
        classification=_read_class(properties, context),
        transparent=(first_text(properties, "TRANSP") or "").upper() == "TRANSPARENT",
        participants=read_participants(properties),
        summary=first_text(properties, "SUMMARY"),
        description=(description := read_description(properties)),
        location=(location := read_location(properties)),
        conference_url=read_conference(properties, location, description),
        attachments=read_attachments(properties),
        problems=tuple(dict.fromkeys(problems)),
        collections=tuple(context.collections),
    )
    return Part(
        event=event,
        start=start,
        span=span,
        rules=rules,
        excluding=excluding,
        additions=additions,
        exclusions=exclusions,
        original=original,
        place=context.place,
        following=following,
        recurring="RRULE" in properties or "RDATE" in properties,
        unclassified="CLASS" not in properties and _ACCESS not in properties,
    )


def _read_moment(value: str, parameters: Mapping[str, str], context: Context, problems: list[str]) -> Moment:
    moment = read_time(value)
    if not 1 < moment.year < MAXYEAR:
        raise ValueError("no zone could be applied to it")
    if not isinstance(moment, datetime):
        return Moment(datetime.combine(moment, time()), context.default, all_day=True)
    if parameters.get("VALUE", "").upper() == "DATE":
        return Moment(datetime.combine(moment.date(), time()), context.default, all_day=True)
    if moment.tzinfo:
        return Moment(moment.replace(tzinfo=None), UTC_ZONE)
    tzid = parameters.get("TZID")
    zone = find_zone(tzid, context.definitions, context.default) if tzid else context.default
    if context.default.others and not zone.others:
        zone = zone._replace(others=context.default.others)
    if zone.problem:
        problems.append(zone.problem)
    return Moment(moment, zone)


def _split_time_line(line: str) -> tuple[dict[str, str], str]:
    """Split a line whose value has no colon; Exchange writes TZID=(UTC+01:00) Amsterdam without quotes."""
    parameters, value = split_line(line)
    if "TZID" in parameters and ":" in value:
        head, _, value = line.rpartition(":")
        parameters = {name: text for name, text in parameters.items() if name != "TZID"}
        parameters["TZID"] = re.split(";TZID=", head, maxsplit=1, flags=re.IGNORECASE)[-1].strip('"')
    return parameters, value


def _read_start(properties: Properties, context: Context, problems: list[str]) -> Moment:
    # A CANCEL may leave it out (RFC 5546 section 3.2.5): it then speaks of the instance that it names.
    name = "DTSTART" if "DTSTART" in properties or context.method != "CANCEL" else "RECURRENCE-ID"
    if name not in properties:
        raise ValueError("it has no DTSTART")
    parameters, value = _split_time_line(properties[name][0])
    try:
        return _read_moment(value, parameters, context, problems)
    except ValueError:
        raise ValueError(f"its {name} cannot be read") from None


def _read_end(properties: Properties, start: Moment, context: Context, problems: list[str]) -> Moment | None:
    """Read DTEND; one without a zone is in its start's."""
    if "DTEND" not in properties:
        return None
    parameters, value = _split_time_line(properties["DTEND"][0])
    try:
        return _in_series(_read_moment(value, parameters, context, problems), start)
    except (ValueError, OverflowError):
        problems.append("its end cannot be read")
        return None


def _with_zone_of(end: Moment | None, start: Moment, context: Context, problems: list[str]) -> Moment:
    """Read a start without a zone in the zone that its end names, where nothing else tells one."""
    told = end is not None and end.zone.name is not None and not (end.all_day or end.zone.floating)
    if not told or start.all_day or not start.zone.floating or start.zone.name == context.told:
        return start
    assert end is not None  # noqa: S101 - `told`
    problems.append("its start names no time zone; that of its end was taken")
    return start._replace(zone=end.zone)


_ALL_DAY = ("X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT", "X-FUNAMBOL-ALLDAY")


def _whole_days(properties: Properties, start: Moment, end: Moment | None, context: Context) -> Moment:
    """Return the start as a day where a property says that the event is all day.

    Exchange and Outlook.com write such an event as midnight to midnight, of its zone or in UTC, and say so there
    ([MS-OXCICAL] section 2.1.3.1.1.20.28).
    """
    if start.all_day or not any(first_text(properties, name) in _TRUE for name in _ALL_DAY):
        return start
    zone = context.default
    days = [midnight_of(one, zone) for one in (start, end) if one is not None]
    if None in days or days[0] is None:
        return start
    return Moment(datetime.combine(days[0], time()), zone, all_day=True)


_TRUE = frozenset({"TRUE", "True", "true", "1"})


def _read_span(properties: Properties, start: Moment, end: Moment | None, problems: list[str]) -> Span:
    """Return the length: DTEND, else DURATION, else a day for a date and nothing for a time (section 3.6.1)."""
    shortest = Span(1, timedelta()) if start.all_day else Span(0, timedelta())
    span = shortest
    try:
        if end is not None:
            if start.all_day:
                span = Span((day_after(end, start) - start.wall.date()).days, timedelta())
            elif end.all_day:
                span = Span(0, to_utc(end.wall, start.zone) - to_utc(start.wall, start.zone))
            else:
                span = Span(0, to_utc(end.wall, end.zone) - to_utc(start.wall, start.zone))
        elif "DURATION" in properties and "DTEND" not in properties:
            span = Span(*read_duration(split_line(properties["DURATION"][0])[1]))
            if start.all_day:
                span = Span(max(span.days + span.rest.days, 0 if span.about < timedelta() else 1), timedelta())
        if span.about < timedelta():
            problems.append("its end is before its start; it was read as ending there")
            return shortest
        if start.all_day and not span.days:
            return shortest
        span.end(start, start.value)
    except (ValueError, OverflowError):
        problems.append("its end cannot be read")
        return shortest
    return span


def _read_rules(properties: Properties, name: str, problems: list[str]) -> tuple[Rule, ...]:
    rules = []
    lines = properties.get(name, ())
    for line in lines[:MAX_RULES]:
        try:
            rules.append(read_rule(split_line(line)[1]))
        except ValueError:
            problems.append(f"its {name} cannot be read; instances may be missing or too many")
    if len(lines) > MAX_RULES:
        problems.append(f"it has too many {name}; instances may be missing or too many")
    return tuple(rules)


def _read_moments(
    properties: Properties, name: str, start: Moment, context: Context, problems: list[str]
) -> tuple[Moment, ...]:
    found = []
    for line in properties.get(name, ()):
        parameters, values = _split_time_line(line)
        for value in values.replace("\\", "").replace(";", ",").split(","):
            try:
                if value.strip():
                    found.append(_in_series(_read_moment(value, parameters, context, problems), start))
            except ValueError:
                problems.append(f"its {name} cannot be read in full")
    return tuple(found)


def _in_series(moment: Moment, start: Moment) -> Moment:
    """Read a time without a zone in the zone of the series that it speaks of."""
    return moment._replace(zone=start.zone) if moment.zone.floating else moment


def _read_additions(
    properties: Properties, start: Moment, context: Context, problems: list[str]
) -> tuple[tuple[Moment, Span | None], ...]:
    """Read RDATE: times, dates, or periods with an end or a duration (section 3.8.5.2)."""
    found: list[tuple[Moment, Span | None]] = []
    for line in properties.get("RDATE", ()):
        parameters, values = _split_time_line(line)
        for value in values.split(","):
            begin, slash, end = value.partition("/")
            try:
                if not begin.strip():
                    continue
                moment = _in_series(_read_moment(begin, parameters, context, problems), start)
                if start.all_day:
                    moment = in_days(moment, start)
                elif moment.all_day:
                    moment = start._replace(wall=datetime.combine(moment.wall.date(), start.wall.time()))
                span = None
                if slash and not start.all_day:
                    if end.strip().upper().startswith(("P", "+P")):
                        span = Span(*read_duration(end))
                    else:
                        until = _in_series(_read_moment(end, parameters, context, problems), start)
                        span = Span(0, to_utc(until.wall, until.zone) - to_utc(moment.wall, moment.zone))
                    span = span if span.about >= timedelta() else None
                (span or Span(0, timedelta())).end(moment, moment.value)
                found.append((moment, span))
            except (ValueError, OverflowError):
                problems.append("its RDATE cannot be read in full")
    return tuple(found)


def read_original(properties: Properties, context: Context) -> Moment | None:
    """Return which instance of a series it is (RECURRENCE-ID), None where it does not tell, or not readably."""
    for line in properties.get("RECURRENCE-ID", ())[:1]:
        parameters, value = _split_time_line(line)
        try:
            return _read_moment(value, parameters, context, [])
        except ValueError:
            return None
    return None


def _read_original(
    properties: Properties, start: Moment, context: Context, problems: list[str]
) -> tuple[Moment | None, bool]:
    if not (lines := properties.get("RECURRENCE-ID")):
        # ADD brings more instances of a series that is elsewhere (RFC 5546 section 3.2.4).
        return (start if context.method == "ADD" else None), False
    original = read_original(properties, context)
    if original is None:
        problems.append("its RECURRENCE-ID cannot be read; its start stands in for it")
        return start, False
    if original.zone.problem:
        problems.append(original.zone.problem)
    return original, split_line(lines[0])[0].get("RANGE", "").upper() == "THISANDFUTURE"


def _read_stamp(properties: Properties) -> datetime | None:
    for name in ("LAST-MODIFIED", "DTSTAMP"):
        for line in properties.get(name, ()):
            try:
                moment = read_time(split_line(line)[1])
            except ValueError:
                continue
            if not isinstance(moment, datetime):
                moment = datetime.combine(moment, time())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _read_status(properties: Properties, context: Context) -> EventStatus:
    if context.method == "CANCEL":
        return EventStatus.CANCELLED
    return _STATUSES.get((first_text(properties, "STATUS") or "").upper(), EventStatus.CONFIRMED)


def _read_class(properties: Properties, context: Context) -> Classification:
    """Read CLASS and Calendar Server's X-CALENDARSERVER-ACCESS; of several the strictest counts.

    Section 3.8.1.3: what is not recognised is treated as private.
    """
    lines = [*properties.get("CLASS", ()), *properties.get(_ACCESS, ()), *context.access]
    return strictest(_CLASSES.get(word, Classification.PRIVATE) for line in lines if (word := line_text(line).upper()))


def strictest(found: Iterable[Classification]) -> Classification:
    """Return what hides most."""
    return max(found, key=_SECRECY.index, default=Classification.PUBLIC)


_SECRECY = (Classification.PUBLIC, Classification.PRIVATE, Classification.CONFIDENTIAL)
