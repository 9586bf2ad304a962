"""Frozen values: what everything else is said in."""

from .address import is_mailbox, names_nobody
from .coverage import Coverage, Inventory, StreamCoverage
from .leaving import (
    SEALED,
    Act,
    Departure,
    Erase,
    Erased,
    Expire,
    HandOver,
    Receipt,
    Remove,
    Seal,
    Stayed,
    Stays,
    Stop,
    Thing,
)  # fmt: skip
from .outgoing import Mailbox, OutgoingAttachment, OutgoingMessage, SentReceipt
from .people import Company, Contact, PersonName
from .records import (
    AUTOMATIC_HEADERS,
    HIDDEN,
    RULE_HEADERS,
    UNDATED,
    Attachment,
    CalendarUser,
    Classification,
    Collection,
    CollectionRole,
    Event,
    EventStatus,
    Item,
    Message,
    Participant,
    Record,
    Response,
    Role,
    thread_begun_by,
)  # fmt: skip
from .settings import (
    Channel,
    ContactCreation,
    Entry,
    MeetingContacts,
    Policy,
    Selection,
    TypedAddress,
    TypedDomain,
    Window,
    entries_of,
)  # fmt: skip
from .sync import (
    Batch,
    Cursor,
    Decision,
    LedgerEntry,
    Outcome,
    Page,
    Progress,
    Reason,
    Report,
    Screen,
    Screened,
    Skipped,
    StreamReport,
)  # fmt: skip
from .value import Value, ascii_domain, clean_address, clean_line, clean_text
from .visibility import Visibility

__all__ = [
    "AUTOMATIC_HEADERS", "HIDDEN", "RULE_HEADERS", "SEALED", "UNDATED", "Act", "Attachment", "Batch", "CalendarUser",
    "Channel", "Classification", "Collection", "CollectionRole", "Company", "Contact", "ContactCreation", "Coverage",
    "Cursor", "Decision", "Departure", "Entry", "Erase", "Erased", "Event", "EventStatus", "Expire", "HandOver",
    "Inventory", "Item", "LedgerEntry", "Mailbox", "MeetingContacts", "Message", "Outcome", "OutgoingAttachment",
    "OutgoingMessage", "Page", "Participant", "PersonName", "Policy", "Progress", "Reason", "Receipt", "Record",
    "Remove", "Report", "Response", "Role", "Screen", "Screened", "Seal", "Selection", "SentReceipt", "Skipped",
    "Stayed", "Stays", "Stop", "StreamCoverage", "StreamReport", "Thing", "TypedAddress", "TypedDomain", "Value",
    "Visibility", "Window", "ascii_domain", "clean_address", "clean_line", "clean_text", "entries_of", "is_mailbox",
    "names_nobody", "thread_begun_by",
]  # fmt: skip
