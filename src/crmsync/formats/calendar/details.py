"""The parts of a VEVENT that are not its times: people, texts, links and attachments (RFC 5545 section 3.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote

from ...model import Attachment, CalendarUser, Participant, Response, Role, clean_address
from .conference import find_join_url, web_url
from .lines import Properties, first_text, split_line, unescape

_RESPONSES = {
    "NEEDS-ACTION": Response.NEEDS_ACTION,
    "ACCEPTED": Response.ACCEPTED,
    "DECLINED": Response.DECLINED,
    "TENTATIVE": Response.TENTATIVE,
    "DELEGATED": Response.DELEGATED,
}
_USERS = {
    "INDIVIDUAL": CalendarUser.INDIVIDUAL,
    "GROUP": CalendarUser.GROUP,
    "RESOURCE": CalendarUser.RESOURCE,
    "ROOM": CalendarUser.ROOM,
}
_GOOGLE_USERS = {
    "resource.calendar.google.com": CalendarUser.RESOURCE,
    "group.calendar.google.com": CalendarUser.GROUP,
}
_CONFERENCE_PROPERTIES = (
    "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
    "X-MICROSOFT-ONLINEMEETINGCONFLINK",
)  # fmt: skip
_TAG = "html|body|p|div|span|a|b|i|u|ul|ol|li|table|tr|td|font|strong|em|h[1-6]"
_HTML = re.compile(
    # `List<a>` and `Map<p>` are no markup: a tag ends another, has an attribute, or stands for itself.
    rf"</(?:{_TAG})\s*>|<(?:{_TAG}|img)\s+[\w-]+\s*=[^<>]*>|(?<!\w)<(?:html|body|p|div|ul|ol|table|h[1-6])>|<br\s*/?>",
    re.IGNORECASE,
)
LONGEST_KNOWN = 500
"""Characters of a line that is worth to be remembered: no cache keeps what a stranger made long."""
_NUMBER = re.compile(r"\d{1,9}")


def read_number(text: str | None) -> int:
    """Read a number of up to nine digits; anything else is 0."""
    match = _NUMBER.fullmatch(text or "")
    return int(match[0]) if match else 0


def read_location(properties: Properties) -> str | None:
    """Return where it is: LOCATION, else the title of the place that Apple writes beside it."""
    text = first_text(properties, "LOCATION")
    for line in () if text else properties.get("X-APPLE-STRUCTURED-LOCATION", ()):
        parameters, _ = split_line(line)
        text = text or unescape(parameters.get("X-TITLE") or parameters.get("X-ADDRESS", "")).strip() or None
    return text


def read_description(properties: Properties) -> str | None:
    """Return the description as text, converted where it is HTML: X-ALT-DESC, or what Google puts into DESCRIPTION."""
    return plain_text(first_text(properties, "DESCRIPTION", "X-ALT-DESC", "STYLED-DESCRIPTION"))


def plain_text(text: str | None) -> str | None:
    """Return a description as text: Google and others write HTML there."""
    if text and _HTML.search(text):
        from ..html import html_to_text  # noqa: PLC0415 - few calendars need it

        return html_to_text(text) or None
    return text


def read_conference(properties: Properties, location: str | None, description: str | None) -> str | None:
    """Return the web address to join by: RFC 7986 section 5.11, a vendor's property, or a known service's link."""
    offers = []
    for line in properties.get("CONFERENCE", ()):
        parameters, value = split_line(line)
        url = web_url(unescape(value))
        if url:
            offers.append(("VIDEO" not in parameters.get("FEATURE", "").upper(), url))
    if offers:
        return min(offers, key=lambda offer: offer[0])[1]
    for name in _CONFERENCE_PROPERTIES:
        url = web_url(first_text(properties, name))
        if url:
            return url
    return find_join_url((location, first_text(properties, "URL"), description, first_text(properties, "X-ALT-DESC")))


def read_participants(properties: Properties) -> tuple[Participant, ...]:
    """Return the organizer and the attendees that have an address, each address once in a role."""
    found: dict[tuple[Role, str], Participant] = {}
    for role, name in ((Role.ORGANIZER, "ORGANIZER"), (Role.ATTENDEE, "ATTENDEE")):
        for line in properties.get(name, ()):
            if person := _read_participant(role, line):
                known = found.get((role, person.address))
                found[role, person.address] = _merged(known, person) if known else person
    if not any(role is Role.ORGANIZER for role, _ in found):
        # RFC 5545 section 3.2.16: who takes the chair calls the meeting, where nobody else is said to.
        chairs = (line for line in properties.get("ATTENDEE", ()) if _CHAIR.search(line))
        chair = next(filter(None, (_read_participant(Role.ORGANIZER, line) for line in chairs)), None)
        if chair:
            return (chair, *found.values())
    return tuple(found.values())


_CHAIR = re.compile(r";ROLE=\"?CHAIR\b", re.IGNORECASE)


def _merged(known: Participant, more: Participant) -> Participant:
    """Return one person of two lines: servers add one of their own for an answer."""
    answered = more.response not in (None, Response.NEEDS_ACTION)
    return known.model_copy(
        update={
            "name": known.name or more.name,
            "response": more.response if answered or known.response is None else known.response,
            "user": known.user if known.user is not CalendarUser.INDIVIDUAL else more.user,
        }
    )


def _read_participant(role: Role, line: str) -> Participant | None:
    return (_known_participant if len(line) <= LONGEST_KNOWN else _parse_participant)(role, line)


def _parse_participant(role: Role, line: str) -> Participant | None:
    parameters, value = split_line(line)
    address = _read_address(value, parameters)
    if address is None:
        return None
    return Participant(
        address=address,
        role=role,
        name=unescape(parameters.get("CN", "")) or None,
        response=_read_response(parameters),
        user=_read_user(parameters, address),
        optional=parameters.get("ROLE", "").upper() == "OPT-PARTICIPANT",
    )


# The same people meet over and over, and reading them is a third of the work.
_known_participant = lru_cache(maxsize=4_096)(_parse_participant)


def _read_address(value: str, parameters: Mapping[str, str]) -> str | None:
    """Read whose calendar address it is.

    EMAIL (RFC 7986 section 6.2) says who somebody is in an address book: it counts before the calendar address,
    which may be a server's own for answers (iCloud), a principal or a UUID. Where both say nothing, Calendar Server's
    own parameter or CN may.
    """
    servers_own = parameters.get("X-CALENDARSERVER-EMAIL", "")
    for text in (parameters.get("EMAIL", ""), value, servers_own, parameters.get("CN", "")):
        position = text.lower().rfind("mailto:")
        candidate = text if position < 0 else text[position + 7 :].partition("?")[0]
        candidate = unquote(candidate) if position >= 0 and "%" in candidate else candidate
        address: str = clean_address(candidate.rpartition("<")[2])
        local, at, domain = address.rpartition("@")
        if at and local and domain and not (":" in address or "/" in domain or " " in address):
            return address
    return None


def _read_response(parameters: Mapping[str, str]) -> Response | None:
    # Section 3.2.12: what is not recognised is treated as NEEDS-ACTION.
    text = parameters.get("PARTSTAT")
    return _RESPONSES.get(text.strip().upper(), Response.NEEDS_ACTION) if text else None


def _read_user(parameters: Mapping[str, str], address: str) -> CalendarUser:
    google = _GOOGLE_USERS.get(address.rpartition("@")[2])
    if google:
        return google
    # Section 3.2.3: what is not recognised is treated as UNKNOWN.
    return _USERS.get(parameters.get("CUTYPE", "INDIVIDUAL").strip().upper(), CalendarUser.UNKNOWN)


def read_attachments(properties: Properties) -> tuple[Attachment, ...]:
    """Return what is known of the attachments, numbered from 1. Inline ones are measured, not kept."""
    found: list[Attachment] = []
    for line in properties.get("ATTACH", ()):
        parameters, value = split_line(line)
        inline = parameters.get("VALUE", "").upper() == "BINARY" or parameters.get("ENCODING", "").upper() == "BASE64"
        name = parameters.get("FILENAME") or parameters.get("X-FILENAME") or parameters.get("X-APPLE-FILENAME")
        size = read_number(parameters.get("SIZE")) if "SIZE" in parameters else None
        if inline:
            data = value.strip()
            size = max(len(data) * 3 // 4 - data[-2:].count("="), 0)
        elif not name:
            path = value.partition("?")[0].partition("#")[0]
            name = unquote(path.rstrip("/").rpartition("/")[2]) if "://" in path else None
        found.append(
            Attachment(
                part=str(len(found) + 1),
                name=name or None,
                content_type=(parameters.get("FMTTYPE") or "application/octet-stream").lower(),
                size=size,
            )
        )
    return tuple(found)
