"""The Calendar API's methods, as far as a sync needs them.

See https://developers.google.com/workspace/calendar/api/v3/reference and .../guides/sync.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ....errors import CursorExpired, NeedsAdmin, NotAuthorized, RateLimited, SourceError, Unavailable
from ....formats.calendar.series import MAX_INSTANCES
from ...web.calls import Api, Call, Reply, path_to
from ...web.failures import Failure, Meaning
from ..errors import error_for
from .cursor import Days
from .event import TYPES, Resource

_ROOT = ("calendar", "v3")
_EVENT = (
    "id,status,recurringEventId,originalStartTime,iCalUID,sequence,updated,start,end,recurrence,summary,description,"
    "location,visibility,transparency,eventType,organizer(email,displayName),attendeesOmitted,"
    "attendees(email,displayName,responseStatus,optional,resource),hangoutLink,"
    "conferenceData(entryPoints(entryPointType,uri)),attachments(title,mimeType)"
)
FIELDS = f"nextPageToken,nextSyncToken,timeZone,items({_EVENT})"
"""The fields that are asked for."""
CALENDARS = (
    "nextPageToken,items(id,summary,summaryOverride,timeZone,accessRole,backgroundColor,dataOwner,primary,deleted)"
)
_GONE = frozenset({Meaning.GONE, Meaning.EXPIRED_CURSOR, Meaning.INVALID})
_PAGES = 10_000
"""Pages of one listing, which no calendar has."""


class CalendarClient:
    """One account's calendars."""

    def __init__(self, api: Api, *, page_size: int) -> None:
        self.api = api
        self._page_size = page_size

    def primary(self) -> str | None:
        """Return the id of the primary calendar, which is the account's address."""
        path = path_to(*_ROOT, "users", "me", "calendarList", "primary", fields="id")
        id_ = self.api.get(Call(path)).get("id")
        return id_ if isinstance(id_, str) and id_ else None

    def calendars(self) -> Iterator[Resource]:
        """Yield the calendars whose events the account may read."""
        token: str | None = None
        for _ in range(_PAGES):
            path = path_to(
                *_ROOT, "users", "me", "calendarList", minAccessRole="reader", maxResults=250, pageToken=token,
                fields=CALENDARS,
            )  # fmt: skip
            answer = self.api.get(Call(path))
            yield from dicts(answer.get("items"))
            following = _text(answer, "nextPageToken")
            if not following or following == token:
                return
            token = following

    def page(self, calendar: str, *, page: str | None, token: str | None = None) -> Resource:
        """Return one page of all events, or of those changed since a sync token. The question is always the same.

        Raises:
            CursorExpired: Google does not know the page or the token any more.
            Unavailable: the calendar is gone, or not shared with the account any more.
        """
        path = path_to(
            *_ROOT, "calendars", calendar, "events", singleEvents=False, showDeleted=True, eventTypes=TYPES,
            maxResults=self._page_size, pageToken=page, syncToken=token, fields=FIELDS,
        )  # fmt: skip
        result = self._one(Call(path))
        if isinstance(result, Reply):
            return result.data
        # Whatever the code: to list again is safe, and to hold on to a token that is never taken would be for ever.
        if (page or token) and result.status in {400, 410}:
            raise CursorExpired("Google has forgotten where this calendar's listing stood")
        raise _failed(result)

    def listing(
        self, calendar: str, page: str | None = None, *, since: str | None = None
    ) -> Iterator[tuple[Resource, str | None]]:
        """Yield the pages of a whole calendar, or of what changed since a sync token, each with the token of the next.

        Args:
            calendar: its id.
            page: where to go on.
            since: the sync token.
        """
        for _ in range(_PAGES):
            answer = self.page(calendar, page=page, token=since)
            following = _text(answer, "nextPageToken")
            yield answer, following
            if not following:
                return
            if following == page:
                break
            page = following
        raise Unavailable("Google's listing of this calendar goes round in circles; try again later")

    def events(self, calendar: str, ids: Sequence[str]) -> Iterator[tuple[str, Resource | None]]:
        """Yield events by id; None where one is gone."""
        calls = [Call(path_to(*_ROOT, "calendars", calendar, "events", id_, fields=_EVENT)) for id_ in ids]
        for number, result in self.api.many(calls):
            yield ids[number], _known(result)

    def instances(
        self, calendar: str, series: Sequence[str], days: Days
    ) -> Iterator[tuple[str, list[Resource] | None]]:
        """Yield the instances of series in a window, as Google expands them, cancelled ones too.

        None where there is no such series. At most one more than `MAX_INSTANCES` of each.
        """
        calls = [self._instances(calendar, id_, days, None) for id_ in series]
        for number, result in self.api.many(calls):
            answer = _known(result)
            found = dicts(answer.get("items")) if answer is not None else None
            while answer is not None and found is not None and len(found) <= MAX_INSTANCES:
                following = _text(answer, "nextPageToken")
                if not following:
                    break
                answer = _known(self._one(self._instances(calendar, series[number], days, following)))
                found += dicts(answer.get("items")) if answer is not None else []
            yield series[number], found[: MAX_INSTANCES + 1] if found is not None else None

    def _instances(self, calendar: str, id_: str, days: Days, page: str | None) -> Call:
        low, high = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in days.instants)
        path = path_to(
            *_ROOT, "calendars", calendar, "events", id_, "instances", showDeleted=True, timeMin=low, timeMax=high,
            maxResults=2_500, pageToken=page, fields=f"nextPageToken,items({_EVENT})",
        )  # fmt: skip
        return Call(path)

    def _one(self, call: Call) -> Reply | Failure:
        [(_, result)] = self.api.many([call])
        return result


def _known(result: Reply | Failure) -> dict[str, Any] | None:
    if isinstance(result, Reply):
        return result.data
    if result.meaning in _GONE:
        return None
    raise _failed(result)


def _failed(failure: Failure) -> SourceError:
    """Return the error that one calendar's failure is: of the calendar where it can be, of the account else."""
    if failure.meaning in {Meaning.GONE, Meaning.DENIED}:
        return Unavailable(
            "Google does not show this calendar to the account any more; look whether it is still shared"
        )
    error = error_for(failure)
    if isinstance(error, NotAuthorized | NeedsAdmin | RateLimited | Unavailable):
        return error
    return Unavailable(f"Google refuses to list this calendar (status {failure.status}); try again later")


def dicts(value: object) -> list[Resource]:
    """Return the objects of a JSON list; of anything else none."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(answer: Resource, name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None
