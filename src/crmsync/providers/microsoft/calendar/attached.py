"""What is attached to the events of one calendar: listed with them, had on demand.

See https://learn.microsoft.com/en-us/graph/api/event-list-attachments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....errors import NotAuthorized
from ....model import Skipped
from ...web.failures import Failure, Meaning
from ..attachments import LISTED
from ..client import Graph, Json, id_of, items_of


class Attached:
    """The attachments of one calendar's events."""

    def __init__(self, graph: Graph, calendar: str) -> None:
        self._graph = graph
        self._calendar = calendar

    def to(self, resources: Sequence[Json]) -> Iterator[Json | Skipped]:
        """Yield events with what is attached to them and to their exceptions; what cannot be had now is skipped.

        Of an event that nothing is attached to nobody asks.
        """
        parts = {id_of(resource): [resource, *_exceptions(resource)] for resource in resources}
        asked = [id_of(one) for some in parts.values() for one in some if one.get("hasAttachments") is True]
        told = self._told(asked) if asked else {}
        for resource in resources:
            some = parts[id_of(resource)]
            failure = next((told[id_of(one)] for one in some if isinstance(told.get(id_of(one)), Failure)), None)
            if isinstance(failure, Failure) and failure.meaning is not Meaning.DENIED:
                yield Skipped(id=id_of(resource), why=f"Microsoft does not list its attachments now ({failure.status})")
                continue
            whole = {**resource, **_found(told, resource, within=None)}
            if exceptions := some[1:]:
                whole["exceptionOccurrences"] = [
                    {**one, **_found(told, one, within=id_of(one))} for one in exceptions
                ]  # fmt: skip
            yield whole

    def octets(self, event: str, part: str) -> Iterator[bytes]:
        """Yield the octets of one attachment of an event, or of an exception that its part names."""
        exception, _, name = part.rpartition("/")
        return self._graph.stream(
            "calendars", self._calendar, "events", exception or event, "attachments", name, "$value"
        )

    def _told(self, ids: Sequence[str]) -> dict[str, Sequence[Json] | Failure]:
        calls = [
            self._graph.call("calendars", self._calendar, "events", id_, "attachments", select=LISTED) for id_ in ids
        ]
        denied = Failure(Meaning.DENIED, 403)
        told: dict[str, Sequence[Json] | Failure] = dict.fromkeys(ids, denied)
        try:
            for number, reply in self._graph.many(calls):
                told[ids[number]] = reply if isinstance(reply, Failure) else items_of(reply.data)
        except NotAuthorized:
            # Of somebody else's calendar the events may be shown, and what is attached to them not.
            self._graph.get("calendars", self._calendar, select="id")
        return told


def _exceptions(resource: Json) -> list[Json]:
    return list(items_of({"value": resource.get("exceptionOccurrences")}))


def _found(told: dict[str, Sequence[Json] | Failure], resource: Json, *, within: str | None) -> dict[str, object]:
    """Return the field to add. An exception's have its id before theirs: they are found nowhere else."""
    if resource.get("hasAttachments") is False:
        return {"attachments": []}
    found = told.get(id_of(resource))
    if found is None or isinstance(found, Failure):
        return {}
    return {"attachments": [{**one, "id": f"{within}/{id_of(one)}"} if within else one for one in found if id_of(one)]}


__all__ = ["Attached"]
