"""Attachments as Graph lists them, of messages and of events, and their octets.

See https://learn.microsoft.com/en-us/graph/api/resources/attachment.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import TooLarge
from ...model import Attachment
from .client import Json, id_of, items_of, number_of, text_of

LISTED = "id,name,contentType,size,isInline,microsoft.graph.fileAttachment/contentId"
"""What is asked for. Without a selection they would come with their content."""


def attachments_of(data: Json) -> Iterator[Attachment]:
    """Yield the attachments that a message or an event is given with; any field may be null."""
    for one in items_of({"value": data.get("attachments")}):
        item = text_of(one, "@odata.type").endswith("itemAttachment")
        if id_of(one):
            yield Attachment(
                part=id_of(one),
                name=text_of(one, "name") or None,
                content_type=text_of(one, "contentType") or ("message/rfc822" if item else "application/octet-stream"),
                size=number_of(one, "size"),
                inline=one.get("isInline") is True,
                content_id=text_of(one, "contentId").strip("<> ") or None,
            )


def at_most(octets: Iterator[bytes], limit: int | None) -> Iterator[bytes]:
    """Yield octets while they arrive.

    Raises:
        TooLarge: there are more than `limit`.
    """
    taken = 0
    for piece in octets:
        taken += len(piece)
        if limit is not None and taken > limit:
            raise TooLarge(f"the attachment is larger than {limit} octets")
        yield piece


__all__ = ["LISTED", "at_most", "attachments_of"]
