"""Who sees how much of the timeline: in the query, so that what is hidden takes part in no order, count or search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from crmsync import Event, Message, Visibility
from crmsync.rules import Access, Grant, access, redact
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

if TYPE_CHECKING:
    from .models import Link

OWNER = 4
"""The rank of a copy's owner, above those of `Visibility`."""


class LinkQuerySet(QuerySet["Link"]):
    """Links, as somebody may see them."""

    def visible_to(self, viewer: int | None) -> LinkQuerySet:
        """Keep each record that a user may see once: the copy that shows them most, the newest of those."""
        other = self.model.objects.annotate(shown=_shown(viewer)).filter(key=OuterRef("key"))
        better = other.filter(Q(shown__gt=OuterRef("shown")) | Q(shown=OuterRef("shown"), pk__gt=OuterRef("pk")))
        mine = self.annotate(shown=_shown(viewer), viewer=Value(viewer))
        return mine.filter(~Exists(better), shown__gt=0).select_related("stream__channel__owner")

    def with_anybody_of(self, addresses: Any) -> LinkQuerySet:
        """Keep those that somebody of these takes part in, so far as their viewer may know; follows `visible_to`."""
        return self.filter(self._takes_part(participants__address__in=addresses))

    def search(self, words: str) -> LinkQuerySet:
        """Keep those with each of the words in what their viewer sees; follows `visible_to`."""
        found = self
        for word in words.split():
            found = found.filter(
                Q(shown__gte=Visibility.SUBJECT.rank, subject__icontains=word)
                | Q(shown__gte=Visibility.EVERYTHING.rank, text__icontains=word)
                | self._takes_part(participants__address__icontains=word)
            )
        return found

    def _takes_part(self, **who: Any) -> Q:
        """Say that somebody takes part; of Bcc recipients only the owner of a copy knows."""
        links = self.model.objects
        known = Q(pk__in=links.filter(**who, participants__bcc=False).values("pk"))
        return known | Q(shown=OWNER, pk__in=links.filter(**who).values("pk"))


def _shown(viewer: int | None) -> Case:
    """How much a copy shows to somebody: what `crmsync.rules.access` says of it, as SQL."""
    shared = [When(stream__channel__visibility=level.value, then=Value(level.rank)) for level in Visibility]
    return Case(
        When(stream__channel__owner_id=viewer, then=Value(OWNER)),
        When(held=True, then=Value(0)),
        *shared,
        default=Value(0),  # a level that nobody knows shows nothing
        output_field=IntegerField(),
    )


class Seen(NamedTuple):
    """What somebody sees of a record, and why."""

    record: Message | Event
    access: Access


def seen(link: Link) -> Seen | None:
    """Return what the viewer may see of a record from this copy of it, None for nothing.

    The link comes from `visible_to`, which has written the viewer on it: of any other link nothing can be shown.
    """
    channel, viewer = link.stream.channel, str(link.viewer)
    allowed = access(viewer, [Grant(str(channel.owner_id), channel.visibility, link.held)])
    record: Any = redact(link.record(), allowed.level, own=str(channel.owner_id) == viewer)
    return Seen(record, allowed) if record else None
