"""Email and calendar sync for CRMs: nothing lost, nothing leaked, everything explained.

A name is loaded with its room when it is first asked for (PEP 562), so that `import crmsync` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engine import Position, coverage, plan, sync
    from .errors import (
        CrmSyncError,
        CursorExpired,
        MassDeletion,
        NeedsAdmin,
        NotAuthorized,
        NotFound,
        RateLimited,
        Refused,
        SourceError,
        StaleCursor,
        StorageError,
        TooLarge,
        Unavailable,
    )
    from .model import (
        Attachment,
        Batch,
        CalendarUser,
        Channel,
        Classification,
        Collection,
        CollectionRole,
        Company,
        Contact,
        ContactCreation,
        Coverage,
        Cursor,
        Decision,
        Departure,
        Erase,
        Erased,
        Event,
        EventStatus,
        Expire,
        HandOver,
        Inventory,
        Item,
        LedgerEntry,
        Mailbox,
        MeetingContacts,
        Message,
        Outcome,
        OutgoingAttachment,
        OutgoingMessage,
        Page,
        Participant,
        PersonName,
        Policy,
        Progress,
        Reason,
        Receipt,
        Record,
        Remove,
        Report,
        Response,
        Role,
        Screen,
        Screened,
        Seal,
        Selection,
        SentReceipt,
        Skipped,
        Stop,
        StreamCoverage,
        StreamReport,
        Visibility,
        Window,
    )
    from .protocols import (
        AttachmentSource,
        Departures,
        Identity,
        InventorySource,
        Provider,
        Recall,
        Sender,
        Source,
        Storage,
        Stream,
    )

__all__ = [
    "Attachment", "AttachmentSource", "Batch", "CalendarUser", "Channel", "Classification", "Collection",
    "CollectionRole", "Company", "Contact", "ContactCreation", "Coverage", "CrmSyncError", "Cursor", "CursorExpired",
    "Decision", "Departure", "Departures", "Erase", "Erased", "Event", "EventStatus", "Expire", "HandOver",
    "Identity", "Inventory", "InventorySource", "Item", "LedgerEntry", "Mailbox", "MassDeletion", "MeetingContacts",
    "Message", "NeedsAdmin", "NotAuthorized", "NotFound", "Outcome", "OutgoingAttachment", "OutgoingMessage", "Page",
    "Participant", "PersonName", "Policy", "Position", "Progress", "Provider", "RateLimited", "Reason", "Recall",
    "Receipt", "Record", "Refused", "Remove", "Report", "Response", "Role", "Screen", "Screened", "Seal",
    "Selection", "Sender", "SentReceipt", "Skipped", "Source", "SourceError", "StaleCursor", "Stop", "Storage",
    "StorageError", "Stream", "StreamCoverage", "StreamReport", "TooLarge", "Unavailable", "Visibility", "Window",
    "coverage", "plan", "sync",
]  # fmt: skip

_ROOMS = ("errors", "model", "protocols", "rules", "engine")
"""Where the names are, those first that load the least."""

if not TYPE_CHECKING:  # a checker knows the names, and would take any other one too

    def __getattr__(name):
        if name in _ROOMS:
            return import_module(f".{name}", __name__)
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = (getattr(import_module(f".{room}", __name__), name, None) for room in _ROOMS)
        # A file of a room may bear the name of what another one offers, as model/coverage.py does.
        value = globals()[name] = next(one for one in found if one is not None and not isinstance(one, ModuleType))
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
