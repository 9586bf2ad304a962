"""Email and calendar sync for CRMs: nothing lost, nothing leaked, everything explained."""

from .engine import Position, plan, sync
from .errors import (
    CrmSyncError, CursorExpired, MassDeletion, NeedsAdmin, NotAuthorized, RateLimited, SourceError, StaleCursor,
    Unavailable,
)  # fmt: skip
from .model import (
    Attachment, Batch, CalendarUser, Channel, Classification, Collection, CollectionRole, Company, Contact,
    ContactCreation, Cursor, Decision, Event, EventStatus, Item, LedgerEntry, MeetingContacts, Message, Outcome, Page,
    Participant, PersonName, Policy, Progress, Reason, Record, Report, Response, Role, Screen, Screened, Selection,
    Skipped, StreamReport, Visibility, Window,
)  # fmt: skip
from .protocols import Identity, Provider, Source, Storage, Stream

__all__ = [
    "Attachment", "Batch", "CalendarUser", "Channel", "Classification", "Collection", "CollectionRole", "Company",
    "Contact", "ContactCreation", "CrmSyncError", "Cursor", "CursorExpired", "Decision", "Event", "EventStatus",
    "Identity", "Item", "LedgerEntry", "MassDeletion", "MeetingContacts", "Message", "NeedsAdmin", "NotAuthorized",
    "Outcome", "Page", "Participant", "PersonName", "Policy", "Position", "Progress", "Provider", "RateLimited", "Reason",
    "Record", "Report", "Response", "Role", "Screen", "Screened", "Selection", "Skipped", "Source", "SourceError",
    "StaleCursor", "Storage", "Stream", "StreamReport", "Unavailable", "Visibility", "Window", "plan", "sync",
]  # fmt: skip
